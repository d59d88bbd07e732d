/// Rewrites valid UTF-8 by a list of edits from left to right; what lies between them is copied in whole pieces.
struct ByteRewriter {
    /// The text.
    let bytes: UnsafeBufferPointer<UInt8>
    private var output: [UInt8] = []
    private var copied = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// Whether there was an edit.
    var isEdited: Bool { copied > 0 || !output.isEmpty }

    /// The last byte written before `place`, were all up to there copied; nil at the beginning.
    func lastByte(before place: Int) -> UInt8? { place > copied ? bytes[place - 1] : output.last }

    /// Replaces a range that begins at or after the end of the last one.
    mutating func replace(_ range: Range<Int>, with replacement: some Collection<UInt8> = []) {
        copy(upTo: range.lowerBound)
        output.append(contentsOf: replacement)
        copied = range.upperBound
    }

    /// Removes a range; one of two spaces that come together goes too, as do spaces left alone on a line.
    mutating func removeWithSpace(_ range: Range<Int>) {
        var end = range.upperBound
        let before = lastByte(before: range.lowerBound)
        if before == nil || before == 0x20 || before == 0x0A {
            while end < bytes.count, bytes[end] == 0x20 { end += 1 }
        }
        replace(range.lowerBound..<end)
    }

    private mutating func copy(upTo place: Int) {
        if output.isEmpty { output.reserveCapacity(bytes.count) }
        output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[copied..<place]))
    }

    /// The rewritten text; nil when there was no edit.
    mutating func finish() -> String? {
        guard isEdited else { return nil }
        copy(upTo: bytes.count)
        return String(decoding: output, as: UTF8.self)
    }
}

extension String {
    /// Rewrites the text's bytes; nil when nothing was edited.
    func rewritten(_ body: (inout ByteRewriter) -> Void) -> String? {
        var text = self
        return text.withUTF8 { bytes in
            var rewriter = ByteRewriter(bytes)
            body(&rewriter)
            return rewriter.finish()
        }
    }

    /// Repeats a rewriting until it finds nothing more, at most eight times; nil when nothing was edited.
    ///
    /// A removal can bring the halves of a further match together.
    func rewrittenUntilStable(_ body: (inout ByteRewriter) -> Void) -> String? {
        var result: String?
        for _ in 0..<8 {
            guard let next = (result ?? self).rewritten(body) else { break }
            result = next
        }
        return result
    }
}

extension TextOutcome {
    /// The outcome of a rewriting.
    init(_ text: String?) { self = text.map { .changed($0) } ?? .unchanged }

    /// The outcome of a rewriting with counts.
    init(_ text: String?, found: [String: Int]) {
        self = text.map { .rewritten($0, found: found) } ?? .unchanged
    }
}

/// Questions about bytes and scalars that many operators ask.
enum Characters {
    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    @inline(__always)
    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    @inline(__always)
    static func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) }

    @inline(__always)
    static func isHexDigit(_ byte: UInt8) -> Bool { isDigit(byte) || (byte | 0x20) &- 0x61 < 6 }

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// White space of ASCII.
    @inline(__always)
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 0x09 < 5 }

    /// Chinese characters, also those shared with Japanese and Korean.
    @inline(__always)
    static func isHan(_ value: UInt32) -> Bool {
        value >= 0x3400
            && (value < 0x4DC0 || 0x4E00..<0xA000 ~= value || 0xF900..<0xFB00 ~= value || value == 0x3007
                || 0x20000..<0x32000 ~= value)
            || value == 0x3007
    }

    /// White space of Unicode.
    @inline(__always)
    static func isWhitespace(_ value: UInt32) -> Bool {
        if value < 0x80 { return value == 0x20 || value &- 0x09 < 5 }
        return switch value {
        case 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// Letters of any script.
    @inline(__always)
    static func isLetter(_ value: UInt32) -> Bool {
        if value < 0x80 { return (value | 0x20) &- 0x61 < 26 }
        if isHan(value) { return true }
        return Unicode.Scalar(value)?.properties.isAlphabetic ?? false
    }

    /// Punctuation of Chinese and of other scripts beyond ASCII, by blocks.
    @inline(__always)
    static func isWidePunctuation(_ value: UInt32) -> Bool {
        switch value {
        case 0xA1, 0xA7, 0xAB, 0xB6, 0xB7, 0xBB, 0xBF, 0x2010...0x2027, 0x2030...0x205E: true
        case 0x3001...0x3003, 0x3008...0x3011, 0x3014...0x301F, 0x30FB: true
        case 0xFE10...0xFE19, 0xFE30...0xFE52, 0xFE54...0xFE61: true
        case 0xFF01...0xFF03, 0xFF05...0xFF0A, 0xFF0C...0xFF0F, 0xFF1A, 0xFF1B, 0xFF1F, 0xFF20: true
        case 0xFF3B...0xFF3D, 0xFF3F, 0xFF5B, 0xFF5D, 0xFF5F...0xFF65: true
        default: false
        }
    }

    /// Where the line that begins at `start` ends: the place of its line feed, or the end.
    static func endOfLine(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        find(0x0A, in: bytes, from: start) ?? bytes.count
    }

    /// The scalar that ends just before `place`; nil at the beginning.
    @inline(__always)
    static func scalar(before place: Int, in bytes: UnsafeBufferPointer<UInt8>) -> UInt32? {
        guard place > 0 else { return nil }
        var start = place - 1
        while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
        return YuyanTextProcessing.scalar(in: bytes, at: start).value
    }
}
