extension Explanation.Part {
    /// What a model did not read; nothing where that is empty.
    static func unread(_ text: String) -> [Explanation.Part] {
        text.utf8.isEmpty ? [] : [Explanation.Part(text: text, value: 0, isRead: false)]
    }
}

/// The words of a text with the white space behind them; Chinese characters by themselves.
enum TextParts {
    /// The words that begin before a byte, and the rest of the text; all of it where there is no such byte.
    static func cut(_ text: String, at end: Int?) -> (parts: [String], rest: String) {
        let parts = cut(text)
        guard let end else { return (parts, "") }
        var (count, bytes) = (0, 0)
        while count < parts.count, bytes < end {
            bytes += parts[count].utf8.count
            count += 1
        }
        return (Array(parts.prefix(count)), parts.dropFirst(count).joined())
    }

    static func cut(_ text: String) -> [String] { cut(text) { $0.properties.isIdeographic } }

    /// What stands between white space, or every character, with the white space behind it; that before the first goes
    /// with it.
    static func tokens(_ text: String, isOfCharacters: Bool) -> [String] {
        var parts = cut(text) { _ in isOfCharacters }
        if parts.count > 1, parts[0].unicodeScalars.allSatisfy(\.properties.isWhitespace) {
            let space = parts.removeFirst()
            parts[0] = space + parts[0]
        }
        return parts
    }

    private static func cut(_ text: String, byItself: (Unicode.Scalar) -> Bool) -> [String] {
        var (parts, current): ([String], String.UnicodeScalarView) = ([], String.UnicodeScalarView())
        var (endsInSpace, endsInCharacter) = (false, false)
        for scalar in text.unicodeScalars {
            let isSpace = scalar.properties.isWhitespace
            let isCharacter = !isSpace && byItself(scalar)
            let begins = !isSpace && (endsInSpace || isCharacter || endsInCharacter)
            if begins, !current.isEmpty {
                parts.append(String(current))
                current = String.UnicodeScalarView()
            }
            current.append(scalar)
            endsInSpace = isSpace
            endsInCharacter = isCharacter
        }
        if !current.isEmpty { parts.append(String(current)) }
        return parts
    }

    /// Where the first tokens of a text end, behind a whole character; nil when they are all.
    static func readEnd(_ text: String, _ offsets: [Range<Int>], _ count: Int) -> Int? {
        guard count < offsets.count else { return nil }
        let bytes = Array(text.utf8)
        var end = min(offsets.prefix(count).reduce(0) { max($0, $1.upperBound) }, bytes.count)
        while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
        return end
    }

    /// Cuts a text where its tokens begin; what no token stands for goes with the token before it.
    ///
    /// What lies before `begin` and behind `end` was not read.
    static func parts(
        of text: String,
        _ tokens: some Sequence<(Range<Int>, Double)>,
        from begin: Int = 0,
        end: Int?
    ) -> [Explanation.Part] {
        let bytes = Array(text.utf8)
        let last = end ?? bytes.count
        var first = min(begin, last)
        while first > 0, first < bytes.count, bytes[first] & 0xC0 == 0x80 { first -= 1 }
        var parts = Explanation.Part.unread(String(decoding: bytes[..<first], as: UTF8.self))
        var (start, value) = (first, 0.0)
        func close(_ end: Int) {
            guard end > start else { return }
            parts.append(.init(text: String(decoding: bytes[start..<end], as: UTF8.self), value: value))
            (start, value) = (end, 0)
        }
        for (range, share) in tokens {
            let begin = range.lowerBound
            // Tokens of bytes may begin inside a character, which stays whole.
            if begin < last, bytes[begin] & 0xC0 != 0x80 { close(begin) }
            value += share
        }
        close(last)
        return parts + Explanation.Part.unread(String(decoding: bytes[last...], as: UTF8.self))
    }
}
