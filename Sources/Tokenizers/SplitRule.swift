/// How text is cut into the pieces within which byte-pair merges happen.
///
/// The cuts equal those of the regular expressions in use with published vocabularies; they are found by hand-written
/// scanners in one pass. Ill-formed UTF-8 is treated as symbols.
public enum SplitRule: Sendable, Hashable {
    /// GPT-2's rule: words with a leading space, runs of digits, runs of symbols.
    case gpt2
    /// cl100k's rule, which also joins a leading symbol to a word, cuts digits into groups and keeps line ends together.
    ///
    /// `digits` is the longest group of digits (3 for cl100k and Llama 3, 1 for Qwen 2). With `joinsTrailingSpace` the
    /// white space at the end of the text is one piece even if it holds line ends, as in tiktoken's present pattern.
    case cl100k(digits: Int, joinsTrailingSpace: Bool)
    /// o200k's rule: as cl100k, but words are also cut where lower case turns to upper case.
    case o200k
    /// No cuts at all.
    case whole

    /// The regular expression that makes the same cuts; nil for `gpt2` and `whole`, which have names of their own in
    /// tokenizer files.
    public var pattern: String? {
        switch self {
        case .gpt2, .whole: nil
        case .cl100k(let digits, let joins): Self.cl100kPattern(digits: digits, joinsTrailingSpace: joins)
        case .o200k: Self.o200kPattern
        }
    }

    /// Recognises the regular expressions found in tokenizer files.
    ///
    /// - Parameter pattern: A regular expression, to be known letter by letter.
    public init?(pattern: String) {
        for digits in [3, 1] {
            for joins in [false, true]
            where Self.cl100kPattern(digits: digits, joinsTrailingSpace: joins) == pattern {
                self = .cl100k(digits: digits, joinsTrailingSpace: joins)
                return
            }
        }
        switch pattern {
        case Self.o200kPattern: self = .o200k
        case Self.cl100kFastPattern: self = .cl100k(digits: 3, joinsTrailingSpace: true)
        case Self.gpt2Pattern, Self.gpt2FastPattern: self = .gpt2
        default: return nil
        }
    }

    /// With `joinsTrailingSpace`, `\s+(?![\s\S])` stands for the end of the text: `$` and possessive counts mean other
    /// things to other engines.
    private static func cl100kPattern(digits: Int, joinsTrailingSpace: Bool) -> String {
        let numbers = digits == 1 ? #"\p{N}"# : #"\p{N}{1,\#(digits)}"#
        let trailing = joinsTrailingSpace ? #"|\s+(?![\s\S])"# : ""
        return #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\#(numbers)| ?[^\s\p{L}\p{N}]+[\r\n]*"#
            + trailing + #"|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    private static let cl100kFastPattern =
        #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"#
        + #"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"#

    private static let o200kPattern =
        #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"#
        + #"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"#
        + #"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    private static let gpt2Pattern =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    private static let gpt2FastPattern =
        #"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"#

    /// The pieces of a text, for looking at; encoding does not use it.
    ///
    /// - Parameter text: The text.
    /// - Returns: The pieces in order; joined they give the text.
    public func pieces(of text: String) -> [String] {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return [] }
            let scanned = ScannedText(base, end: buffer.count)
            var result: [String] = []
            var position = 0
            while position < buffer.count {
                let next = endOfPiece(scanned, from: position)
                result.append(String(decoding: buffer[position..<next], as: UTF8.self))
                position = next
            }
            return result
        }
    }

    /// Where the piece that begins at `position` ends.
    @inline(__always)
    func endOfPiece(_ text: ScannedText, from position: Int) -> Int {
        switch self {
        case .gpt2: Scanner.gpt2(text, position)
        case .cl100k(let digits, let joins):
            Scanner.cl100k(text, position, digits: digits, joinsTrailingSpace: joins)
        case .o200k: Scanner.o200k(text, position)
        case .whole: text.end
        }
    }
}

/// The scanners: each returns the end of the piece that begins at a position before the end.
enum Scanner {
    static func gpt2(_ text: ScannedText, _ start: Int) -> Int {
        let first = text.bytes[start]
        if first == UInt8(ascii: "'") {
            let end = endOfContraction(text, start, foldingCase: false)
            if end > start { return end }
        }
        var position = start
        var (kind, count) = text.scalar(at: start)
        if first == UInt8(ascii: " "), start + 1 < text.end {
            let next = text.scalar(at: start + 1)
            if next.kind != ScalarClass.whitespace {
                position = start + 1
                (kind, count) = next
            }
        }
        position += count
        if ClassSet.letters.contains(kind) { return text.endOfRun(.letters, from: position) }
        if kind == ScalarClass.number { return text.endOfRun(.numbers, from: position) }
        if kind != ScalarClass.whitespace { return text.endOfRun(.symbols, from: position) }
        return endOfSpace(text, start)
    }

    static func cl100k(_ text: ScannedText, _ start: Int, digits: Int, joinsTrailingSpace: Bool) -> Int {
        let first = text.bytes[start]
        if first == UInt8(ascii: "'") {
            let end = endOfContraction(text, start, foldingCase: true)
            if end > start { return end }
        }
        let (kind, count) = text.scalar(at: start)
        if ClassSet.letters.contains(kind) { return text.endOfRun(.letters, from: start + count) }
        if kind == ScalarClass.number { return endOfNumber(text, start, digits) }
        if first != 10, first != 13, start + count < text.end {
            let next = text.scalar(at: start + count)
            if ClassSet.letters.contains(next.kind) {
                return text.endOfRun(.letters, from: start + count + next.count)
            }
        }
        if let end = endOfSymbols(text, start, kind, takingSlash: false) { return end }
        return endOfSpaceWithLines(text, start, joinsTrailingSpace: joinsTrailingSpace)
    }

    static func o200k(_ text: ScannedText, _ start: Int) -> Int {
        let first = text.bytes[start]
        let (kind, count) = text.scalar(at: start)
        if kind == ScalarClass.number { return endOfNumber(text, start, 3) }
        let isLetter = ClassSet.letters.contains(kind)
        let afterPrefix = isLetter || first == 10 || first == 13 ? nil : start + count
        if let afterPrefix, let end = endOfMixedWord(text, afterPrefix) {
            return endWithContraction(text, end)
        }
        if isLetter || kind == ScalarClass.mark {
            if let end = endOfMixedWord(text, start) { return endWithContraction(text, end) }
        }
        if let afterPrefix {
            let end = text.endOfRun(.upperish, from: afterPrefix)
            if end > afterPrefix { return endWithContraction(text, end) }
        }
        if isLetter {
            let end = text.endOfRun(.upperish, from: start)
            if end > start { return endWithContraction(text, end) }
        }
        if let end = endOfSymbols(text, start, kind, takingSlash: true) { return end }
        return endOfSpaceWithLines(text, start, joinsTrailingSpace: false)
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`, greedy with backtracking.
    private static func endOfMixedWord(_ text: ScannedText, _ start: Int) -> Int? {
        var position = start
        var lastLowerish: Int?
        while position < text.end {
            let (kind, count) = text.scalar(at: position)
            guard ClassSet.upperish.contains(kind) else {
                return ClassSet.lowerish.contains(kind)
                    ? text.endOfRun(.lowerish, from: position + count) : lastLowerish
            }
            position += count
            if ClassSet.lowerish.contains(kind) { lastLowerish = position }
        }
        return lastLowerish
    }

    private static func endWithContraction(_ text: ScannedText, _ position: Int) -> Int {
        guard position < text.end, text.bytes[position] == UInt8(ascii: "'") else { return position }
        return endOfContraction(text, position, foldingCase: true)
    }

    /// `'s`, `'t`, `'m`, `'d`, `'re`, `'ve`, `'ll` at an apostrophe; `start` itself when there is none.
    private static func endOfContraction(_ text: ScannedText, _ start: Int, foldingCase: Bool) -> Int {
        let fold: UInt8 = foldingCase ? 0x20 : 0
        guard start + 1 < text.end else { return start }
        let first = text.bytes[start + 1]
        // U+017F, the long s, is another case of "s".
        if foldingCase, first == 0xC5, start + 2 < text.end, text.bytes[start + 2] == 0xBF {
            return start + 3
        }
        guard first < 0x80 else { return start }
        switch first | fold {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"):
            return start + 2 < text.end && text.bytes[start + 2] | fold == UInt8(ascii: "e")
                ? start + 3 : start
        case UInt8(ascii: "l"):
            return start + 2 < text.end && text.bytes[start + 2] | fold == UInt8(ascii: "l")
                ? start + 3 : start
        default: return start
        }
    }

    /// The end of `\p{N}{1,digits}`.
    private static func endOfNumber(_ text: ScannedText, _ start: Int, _ digits: Int) -> Int {
        var position = start
        for _ in 0..<digits {
            guard position < text.end else { break }
            let (kind, count) = text.scalar(at: position)
            guard kind == ScalarClass.number else { break }
            position += count
        }
        return position
    }

    /// ` ?[^\s\p{L}\p{N}]+[\r\n]*`, with `/` in the last set for o200k.
    private static func endOfSymbols(
        _ text: ScannedText,
        _ start: Int,
        _ kind: UInt8,
        takingSlash: Bool
    ) -> Int? {
        var position = start
        if !ClassSet.symbols.contains(kind) {
            guard text.bytes[start] == UInt8(ascii: " "), start + 1 < text.end,
                ClassSet.symbols.contains(text.scalar(at: start + 1).kind)
            else { return nil }
            position += 1
        }
        position = text.endOfRun(.symbols, from: position)
        while position < text.end {
            let byte = text.bytes[position]
            guard byte == 10 || byte == 13 || (takingSlash && byte == UInt8(ascii: "/")) else { break }
            position += 1
        }
        return position
    }

    /// `\s*[\r\n]+|\s+(?!\S)|\s+`, the first preceded by `\s++$` when trailing space is joined.
    private static func endOfSpaceWithLines(
        _ text: ScannedText,
        _ start: Int,
        joinsTrailingSpace: Bool
    ) -> Int {
        var position = start
        var last = start
        var afterLineEnd = start
        while position < text.end {
            let (kind, count) = text.scalar(at: position)
            guard kind == ScalarClass.whitespace else { break }
            last = position
            position += count
            let byte = text.bytes[last]
            if byte == 10 || byte == 13 { afterLineEnd = position }
        }
        if position == text.end, joinsTrailingSpace { return position }
        if afterLineEnd > start { return afterLineEnd }
        return position == text.end || last == start ? position : last
    }

    /// The end of `\s+(?!\S)|\s+`.
    private static func endOfSpace(_ text: ScannedText, _ start: Int) -> Int {
        var position = start
        var last = start
        while position < text.end {
            let (kind, count) = text.scalar(at: position)
            guard kind == ScalarClass.whitespace else { break }
            last = position
            position += count
        }
        return position == text.end || last == start ? position : last
    }
}
