/// The parts of a text that are compared across documents.
public enum TextPartition: String, Sendable, CaseIterable, Codable {
    /// Runs of lines that are not blank.
    case paragraphs
    /// Lines that are not blank.
    case lines

    /// The parts of a text as ranges of its UTF-8 bytes, without the line ends and spaces around them.
    ///
    /// - Parameter text: Any text; lines end with LF or CR LF.
    /// - Returns: Ranges in order, none empty.
    public func parts(of text: String) -> [Range<Int>] {
        var text = text
        return text.withUTF8 { bytes in
            var parts: [Range<Int>] = []
            var (start, lineStart) = (0, 0)
            var isInside = false
            var lastEnd = 0
            while lineStart < bytes.count {
                var lineEnd = lineStart
                while lineEnd < bytes.count, bytes[lineEnd] != 10 { lineEnd += 1 }
                let content = Self.trimmed(bytes, lineStart..<lineEnd)
                if isInside, content.isEmpty || self == .lines {
                    parts.append(start..<lastEnd)
                    isInside = false
                }
                if !content.isEmpty {
                    if !isInside { start = content.lowerBound }
                    (isInside, lastEnd) = (true, content.upperBound)
                }
                lineStart = lineEnd + 1
            }
            if isInside { parts.append(start..<lastEnd) }
            return parts
        }
    }

    private static func trimmed(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Range<Int> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, isSpace(bytes[start]) { start += 1 }
        while end > start, isSpace(bytes[end - 1]) { end -= 1 }
        return start..<end
    }

    /// A text without some of its parts; what stands between parts goes with the part before it.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - parts: Its parts, as ``parts(of:)`` gives them.
    ///   - isRemoved: Whether the part of a number is left out.
    /// - Returns: The rest; nil when no part is left out.
    public func removing(from text: String, parts: [Range<Int>], where isRemoved: (Int) -> Bool) -> String? {
        var (kept, removed): ([Int], Int) = ([], 0)
        for index in parts.indices {
            if isRemoved(index) { removed += 1 } else { kept.append(index) }
        }
        if removed == 0 { return nil }
        var text = text
        return text.withUTF8 { bytes in
            var rest: [UInt8] = []
            for index in kept {
                let isLast = index == kept.last && index != parts.count - 1
                let next = index + 1 < parts.count ? parts[index + 1].lowerBound : bytes.count
                rest += bytes[parts[index].lowerBound..<(isLast ? parts[index].upperBound : next)]
            }
            return String(decoding: rest, as: UTF8.self)
        }
    }
}
