import YuyanFileFormats

/// BERT's cuts: at white space, which goes, and around every punctuation mark.
struct BertPreTokenizer: PreTokenizer {
    func apply(to list: inout PieceList) {
        WhitespaceSplitPreTokenizer().apply(to: &list)
        PunctuationPreTokenizer(behavior: .isolated).apply(to: &list)
    }

    func document() -> JSONValue { ["type": "BertPreTokenizer"] }
}

/// Cuts at white space, which goes.
struct WhitespaceSplitPreTokenizer: PreTokenizer {
    func apply(to list: inout PieceList) {
        list.split(.removed) { UnicodeProperties.has($0, UnicodeProperties.whitespace) }
    }

    func document() -> JSONValue { ["type": "WhitespaceSplit"] }
}

/// Runs of word scalars and runs of others; white space goes: `\w+|[^\w\s]+`.
struct WhitespacePreTokenizer: PreTokenizer {
    func apply(to list: inout PieceList) {
        list.split(.removed) { bytes, stretches in
            let mask = UnicodeProperties.word | UnicodeProperties.whitespace
            var position = 0
            while position < bytes.count {
                let start = position
                var end = position
                let kind = UnicodeProperties.flags(UTF8Text.scalar(bytes, at: &position)) & mask
                repeat {
                    end = position
                    if position == bytes.count { break }
                } while UnicodeProperties.flags(UTF8Text.scalar(bytes, at: &position)) & mask == kind
                position = end
                stretches.append(
                    .init(start: start, end: end, isMatch: kind & UnicodeProperties.whitespace != 0)
                )
            }
        }
    }

    func document() -> JSONValue { ["type": "Whitespace"] }
}

/// Cuts at punctuation.
struct PunctuationPreTokenizer: PreTokenizer {
    let behavior: PieceList.Behavior

    func apply(to list: inout PieceList) {
        list.split(behavior) { UnicodeProperties.has($0, UnicodeProperties.punctuation) }
    }

    func document() -> JSONValue { ["type": "Punctuation", "behavior": .string(behavior.rawValue)] }
}

/// Cuts numbers off, whole or scalar by scalar.
struct DigitsPreTokenizer: PreTokenizer {
    let cutsEveryDigit: Bool

    func apply(to list: inout PieceList) {
        list.split(cutsEveryDigit ? .isolated : .contiguous) {
            UnicodeProperties.has($0, UnicodeProperties.numeric)
        }
    }

    func document() -> JSONValue { ["type": "Digits", "individual_digits": .bool(cutsEveryDigit)] }
}

/// Cuts at one scalar, which goes.
struct DelimiterPreTokenizer: PreTokenizer {
    let delimiter: Unicode.Scalar

    func apply(to list: inout PieceList) { list.split(.removed) { $0 == delimiter.value } }

    func document() -> JSONValue {
        ["type": "CharDelimiterSplit", "delimiter": .string(String(delimiter))]
    }
}

/// Cuts into pieces of so many scalars.
struct FixedLengthPreTokenizer: PreTokenizer {
    let length: Int

    func apply(to list: inout PieceList) {
        list.split(.isolated) { bytes, stretches in
            var position = 0
            while position < bytes.count {
                let start = position
                for _ in 0..<length where position < bytes.count { _ = UTF8Text.scalar(bytes, at: &position) }
                stretches.append(.init(start: start, end: position, isMatch: false))
            }
        }
    }

    func document() -> JSONValue { ["type": "FixedLength", "length": .integer(length)] }
}

/// Cuts where the script changes; kana count as ideographs, and some scalars join any script.
struct ScriptsPreTokenizer: PreTokenizer {
    func apply(to list: inout PieceList) {
        list.split(.removed) { bytes, stretches in
            var position = 0
            var open = 0
            var last = 0
            while position < bytes.count {
                let start = position
                let script = UnicodeProperties.script(UTF8Text.scalar(bytes, at: &position))
                guard script != 0 else { continue }
                if last != script {
                    // What stands before the first scalar with a script is lost, as in the reference.
                    stretches.append(.init(start: open, end: start, isMatch: last == 0))
                    open = start
                }
                last = script
            }
            stretches.append(.init(start: open, end: bytes.count, isMatch: last == 0))
        }
    }

    func document() -> JSONValue { ["type": "UnicodeScripts"] }
}

/// Cuts at what a pattern finds.
struct SplitPreTokenizer: PreTokenizer {
    let pattern: TextPattern
    let behavior: PieceList.Behavior
    /// Whether what lies between the matches counts as the matches.
    let isInverted: Bool

    func apply(to list: inout PieceList) {
        list.split(behavior) { bytes, stretches in
            var open = 0
            for range in pattern.matches(in: bytes) {
                if range.lowerBound > open {
                    stretches.append(.init(start: open, end: range.lowerBound, isMatch: isInverted))
                }
                stretches.append(.init(start: range.lowerBound, end: range.upperBound, isMatch: !isInverted))
                open = range.upperBound
            }
            if open < bytes.count {
                stretches.append(.init(start: open, end: bytes.count, isMatch: isInverted))
            }
        }
    }

    func document() -> JSONValue {
        [
            "type": "Split", "pattern": pattern.document(), "behavior": .string(behavior.rawValue),
            "invert": .bool(isInverted),
        ]
    }
}

/// GPT-2's cuts, and the spelling of bytes with printable stand-ins.
struct ByteLevelPreTokenizer: PreTokenizer {
    let addsPrefixSpace: Bool
    let trimsOffsets: Bool
    let usesPattern: Bool

    func apply(to list: inout PieceList) {
        if addsPrefixSpace {
            list.rewrite { text, _ in if text.bytes.first != 32 { text.prepend([32]) } }
        }
        if usesPattern {
            SplitPreTokenizer(pattern: .rule(.gpt2), behavior: .isolated, isInverted: false).apply(to: &list)
        }
        list.rewrite { text, _ in text = ByteLevelNormalizer.spelled(text, 0..<text.count) }
    }

    func document() -> JSONValue {
        [
            "type": "ByteLevel", "add_prefix_space": .bool(addsPrefixSpace),
            "trim_offsets": .bool(trimsOffsets), "use_regex": .bool(usesPattern),
        ]
    }
}

/// SentencePiece's way with spaces: each becomes a visible scalar, which begins the word after it.
struct MetaspacePreTokenizer: PreTokenizer {
    /// Which texts get a space in front.
    enum Prepending: String { case first, always, never }

    let replacement: Unicode.Scalar
    let prepending: Prepending
    let splits: Bool

    func apply(to list: inout PieceList) {
        let mark = Array(String(replacement).utf8)
        list.rewrite { text, piece in
            let spaces = text.bytes.indices.filter { text.bytes[$0] == 32 }
            text.replace(spaces.map { $0..<$0 + 1 }, with: mark)
            let isPrepending = prepending == .always || prepending == .first && piece.origin == 0
            if isPrepending, !text.bytes.starts(with: mark) { text.prepend(mark) }
        }
        if splits { list.split(.mergedWithNext) { $0 == replacement.value } }
    }

    func document() -> JSONValue {
        [
            "type": "Metaspace", "replacement": .string(String(replacement)),
            "prepend_scheme": .string(prepending.rawValue), "split": .bool(splits),
        ]
    }
}
