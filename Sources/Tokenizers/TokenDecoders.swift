import YuyanFileFormats

/// One step from tokens back to text.
///
/// Decoders are immutable and may be used from any number of threads at once.
protocol TokenDecoder: Sendable {
    /// Rewrites the texts of tokens; joined, the results of the last step are the text.
    ///
    /// - Parameters:
    ///   - tokens: UTF-8 bytes, one array per token.
    ///   - place: Where the tokens stand in the text.
    /// - Returns: As many arrays, or fewer.
    func decode(_ tokens: [[UInt8]], _ place: DecodedPlace) -> [[UInt8]]

    /// The decoder as an entry of a `tokenizer.json` in the Hugging Face layout.
    func document() -> JSONValue
}

/// Which ends of a text some tokens hold.
struct DecodedPlace: Sendable {
    /// Whether nothing stands before them.
    var isBeginning = true
    /// Whether nothing stands after them.
    var isEnd = true
}

/// Several decoders, one after the other.
struct DecoderSequence: TokenDecoder {
    let steps: [any TokenDecoder]

    func decode(_ tokens: [[UInt8]], _ place: DecodedPlace) -> [[UInt8]] {
        steps.reduce(tokens) { $1.decode($0, place) }
    }

    func document() -> JSONValue { ["type": "Sequence", "decoders": .array(steps.map { $0.document() })] }
}

/// Joins WordPiece tokens: spaces between words, none before tokens with the prefix.
struct WordPieceDecoder: TokenDecoder {
    let prefix: String
    let cleansUp: Bool

    func decode(_ tokens: [[UInt8]], _ place: DecodedPlace) -> [[UInt8]] {
        let prefix = Array(self.prefix.utf8)
        return tokens.enumerated().map { index, token in
            var token = token
            if index > 0 || !place.isBeginning {
                if token.starts(with: prefix) {
                    token.removeFirst(prefix.count)
                } else {
                    token.insert(32, at: 0)
                }
            }
            return cleansUp ? Self.cleaned(token) : token
        }
    }

    private static let replacements = [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
        (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ].map { (Array($0.utf8), Array($1.utf8)) }

    /// Closes the gaps before English punctuation and contractions.
    static func cleaned(_ token: [UInt8]) -> [UInt8] {
        guard token.contains(32) else { return token }
        return replacements.reduce(token) { $0.replacing($1.0, with: $1.1) }
    }

    func document() -> JSONValue {
        ["type": "WordPiece", "prefix": .string(prefix), "cleanup": .bool(cleansUp)]
    }
}

/// Turns printable stand-ins into the bytes that they stand for; a token with other scalars stays as it is.
struct ByteLevelDecoder: TokenDecoder {
    /// The settings as read, which do not bear on decoding.
    let settings: JSONValue

    func decode(_ tokens: [[UInt8]], _ place: DecodedPlace) -> [[UInt8]] {
        tokens.map { ByteAlphabet.bytes(of: String(decoding: $0, as: UTF8.self)) ?? $0 }
    }

    func document() -> JSONValue { settings }
}

/// Turns the visible scalar back into spaces; the first token loses it when one was put in front.
struct MetaspaceDecoder: TokenDecoder {
    let pre: MetaspacePreTokenizer

    func decode(_ tokens: [[UInt8]], _ place: DecodedPlace) -> [[UInt8]] {
        let mark = Array(String(pre.replacement).utf8)
        return tokens.enumerated().map { index, token in
            let isFirst = index == 0 && place.isBeginning
            return token.replacing(mark, with: isFirst && pre.prepending != .never ? [] : [32])
        }
    }

    func document() -> JSONValue { pre.document() }
}

/// Turns the suffix of word ends into spaces, the last of them into nothing.
struct BPESuffixDecoder: TokenDecoder {
    let suffix: String

    func decode(_ tokens: [[UInt8]], _ place: DecodedPlace) -> [[UInt8]] {
        tokens.enumerated().map { index, token in
            let isLast = index == tokens.count - 1 && place.isEnd
            return token.replacing(Array(suffix.utf8), with: isLast ? [] : [32])
        }
    }

    func document() -> JSONValue { ["type": "BPEDecoder", "suffix": .string(suffix)] }
}

/// Turns runs of byte tokens such as <0xE4> into the character that they spell, or one U+FFFD per byte.
struct ByteFallbackDecoder: TokenDecoder {
    func decode(_ tokens: [[UInt8]], _ place: DecodedPlace) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var pending: [UInt8] = []
        func flush() {
            guard !pending.isEmpty else { return }
            let isText = pending.withUnsafeBytes { UTF8Validation.firstInvalidByte(in: $0) } == nil
            if isText {
                result.append(pending)
            } else {
                result.append(contentsOf: repeatElement([0xEF, 0xBF, 0xBD], count: pending.count))
            }
            pending = []
        }
        for token in tokens {
            if let byte = Self.byte(of: token) {
                pending.append(byte)
            } else {
                flush()
                result.append(token)
            }
        }
        flush()
        return result
    }

    /// The byte that a token stands for.
    static func byte(of token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: [0x3C, 0x30, 0x78]), token[5] == 0x3E else { return nil }
        var digits = token[3..<5]
        // The reference reads one digit after a plus sign, too.
        if digits.first == UInt8(ascii: "+") { digits.removeFirst() }
        return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    func document() -> JSONValue { ["type": "ByteFallback"] }
}

/// Makes one token of all.
struct FuseDecoder: TokenDecoder {
    func decode(_ tokens: [[UInt8]], _ place: DecodedPlace) -> [[UInt8]] { [Array(tokens.joined())] }

    func document() -> JSONValue { ["type": "Fuse"] }
}

/// Removes up to so many of one scalar from the ends of every token.
struct StripDecoder: TokenDecoder {
    let content: Unicode.Scalar
    let start: Int
    let stop: Int

    func decode(_ tokens: [[UInt8]], _ place: DecodedPlace) -> [[UInt8]] {
        let content = Array(String(content).utf8)
        return tokens.enumerated().map { index, token in
            var rest = token[...]
            if index > 0 || place.isBeginning {
                for _ in 0..<start {
                    guard rest.starts(with: content) else { break }
                    rest.removeFirst(content.count)
                }
            }
            if index < tokens.count - 1 || place.isEnd {
                for _ in 0..<stop {
                    guard rest.suffix(content.count).elementsEqual(content) else { break }
                    rest.removeLast(content.count)
                }
            }
            return Array(rest)
        }
    }

    func document() -> JSONValue {
        [
            "type": "Strip", "content": .string(String(content)), "start": .integer(start),
            "stop": .integer(stop),
        ]
    }
}

/// Replaces what a pattern finds in every token.
struct ReplaceDecoder: TokenDecoder {
    let pattern: TextPattern
    let content: String

    func decode(_ tokens: [[UInt8]], _ place: DecodedPlace) -> [[UInt8]] {
        tokens.map { token in
            let ranges = token.withUnsafeBufferPointer { pattern.matches(in: $0) }
            guard !ranges.isEmpty else { return token }
            var result: [UInt8] = []
            var position = 0
            for range in ranges {
                result.append(contentsOf: token[position..<range.lowerBound])
                result.append(contentsOf: content.utf8)
                position = range.upperBound
            }
            return result + token[position...]
        }
    }

    func document() -> JSONValue {
        ["type": "Replace", "pattern": pattern.document(), "content": .string(content)]
    }
}

/// Connectionist temporal classification: repeats are one token, padding is none.
struct CTCDecoder: TokenDecoder {
    let padding: String
    let wordDelimiter: String
    let cleansUp: Bool

    func decode(_ tokens: [[UInt8]], _ place: DecodedPlace) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var last: [UInt8]?
        for token in tokens where token != last {
            last = token
            var text = token.replacing(Array(padding.utf8), with: [])
            if cleansUp {
                text = WordPieceDecoder.cleaned(text).replacing(Array(wordDelimiter.utf8), with: [32])
            }
            if !text.isEmpty { result.append(text) }
        }
        return result
    }

    func document() -> JSONValue {
        [
            "type": "CTC", "pad_token": .string(padding), "word_delimiter_token": .string(wordDelimiter),
            "cleanup": .bool(cleansUp),
        ]
    }
}

extension [UInt8] {
    /// The bytes with every occurrence of some bytes replaced, from left to right; none of nothing.
    fileprivate func replacing(_ wanted: [UInt8], with content: [UInt8]) -> [UInt8] {
        guard let first = wanted.first, contains(first) else { return self }
        var result: [UInt8] = []
        var position = 0
        while position < count {
            if position + wanted.count <= count, self[position] == first,
                wanted.indices.allSatisfy({ self[position + $0] == wanted[$0] })
            {
                result.append(contentsOf: content)
                position += wanted.count
            } else {
                result.append(self[position])
                position += 1
            }
        }
        return result
    }
}
