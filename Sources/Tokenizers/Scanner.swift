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
    static func endOfContraction(_ text: ScannedText, _ start: Int, foldingCase: Bool) -> Int {
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
            let byte = text.bytes[position]
            if byte == 0x20 {
                position = text.endOfSpaces(from: position + 1)
                last = position - 1
                continue
            }
            last = position
            position += count
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
            if text.bytes[position] == 0x20 {
                position = text.endOfSpaces(from: position + 1)
                last = position - 1
                continue
            }
            last = position
            position += count
        }
        return position == text.end || last == start ? position : last
    }
}
