/// Writes letters, digits and signs in half width (A) or full width (Ａ).
///
/// Full-width forms are U+FF01 … U+FF5E, which mirror ASCII, and the ideographic space U+3000.
public struct WidthNormalization: TextOperator {
    /// Which of the two widths the text gets.
    public enum Width: String, Sendable, CaseIterable {
        /// The width of ASCII.
        case half
        /// The width of a Chinese character.
        case full
    }

    /// Which characters are rewritten.
    public struct Classes: OptionSet, Sendable {
        /// The bits.
        public let rawValue: UInt8
        /// Creates a set from its bits.
        ///
        /// - Parameter rawValue: the bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Latin letters.
        public static let letters = Classes(rawValue: 1)
        /// Digits.
        public static let digits = Classes(rawValue: 2)
        /// Punctuation and signs of ASCII.
        public static let punctuation = Classes(rawValue: 4)
        /// The space.
        public static let space = Classes(rawValue: 8)
    }

    /// The width that is written.
    public let width: Width
    /// What is rewritten.
    public let classes: Classes

    /// Creates the operator.
    ///
    /// - Parameters:
    ///   - width: the width that is written.
    ///   - classes: what is rewritten; without punctuation by default, which Chinese text has in full width.
    public init(to width: Width = .half, _ classes: Classes = [.letters, .digits, .space]) {
        (self.width, self.classes) = (width, classes)
    }

    /// The operator's name.
    public var name: String { "width_normalization" }
    /// The width and what is rewritten.
    public var settings: String {
        let names: [(Classes, String)] = [
            (.letters, "letters"), (.digits, "digits"), (.punctuation, "punctuation"), (.space, "space"),
        ]
        return "\(width.rawValue):" + names.filter { classes.contains($0.0) }.map(\.1).joined(separator: ",")
    }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Rewrites the chosen characters.
    ///
    /// - Parameter text: any text.
    /// - Returns: the text in the other width, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        TextOutcome(text.rewritten { width == .half ? toHalf(&$0) : toFull(&$0) })
    }

    private func includes(_ ascii: UInt8) -> Bool {
        if ascii == 0x20 { return classes.contains(.space) }
        if Characters.isDigit(ascii) { return classes.contains(.digits) }
        return classes.contains(Characters.isLetter(ascii) ? .letters : .punctuation)
    }

    private func toHalf(_ rewriter: inout ByteRewriter) {
        let bytes = rewriter.bytes
        var place = 0
        while place < bytes.count {
            let lead = bytes[place]
            guard lead >= 0xE3 else {
                place += 1
                continue
            }
            if lead == 0xEF || lead == 0xE3, place + 2 < bytes.count {
                let value = scalar(in: bytes, at: place).value
                let ascii =
                    value == 0x3000 ? 0x20 : (0xFF01...0xFF5E ~= value ? UInt8(value - 0xFEE0) : 0)
                if ascii != 0, includes(ascii) {
                    rewriter.replace(place..<(place + 3), with: CollectionOfOne(ascii))
                }
            }
            place += lead < 0xF0 ? 3 : 4
        }
    }

    private func toFull(_ rewriter: inout ByteRewriter) {
        let bytes = rewriter.bytes
        for (place, byte) in bytes.enumerated() where 0x20...0x7E ~= byte && includes(byte) {
            let value = byte == 0x20 ? 0x3000 : UInt32(byte) + 0xFEE0
            let wide: [UInt8] = [
                UInt8(0xE0 | value >> 12), UInt8(0x80 | value >> 6 & 0x3F), UInt8(0x80 | value & 0x3F),
            ]
            rewriter.replace(place..<(place + 1), with: wide)
        }
    }
}

/// Tidies white space: spaces at line ends, runs of spaces and runs of blank lines.
public struct WhitespaceTidying: TextOperator {
    /// Whether spaces at the ends of lines and around the whole text go.
    public let trimsLines: Bool
    /// Whether a run of spaces inside a line becomes one space; what stands before the first word stays.
    public let collapsesSpaces: Bool
    /// Whether ideographic and other Unicode spaces become plain ones.
    public let unifiesSpaces: Bool
    /// The most blank lines in a row.
    public let blankLines: Int

    /// Creates the operator.
    ///
    /// - Parameters:
    ///   - trimsLines: whether spaces at the ends of lines and blank lines around the whole text go.
    ///   - collapsesSpaces: whether a run of spaces and tabs inside a line becomes one space.
    ///   - unifiesSpaces: whether ideographic and other Unicode spaces become plain ones.
    ///   - blankLines: the most blank lines in a row.
    public init(
        trimsLines: Bool = true,
        collapsesSpaces: Bool = true,
        unifiesSpaces: Bool = false,
        blankLines: Int = 1
    ) {
        guard blankLines >= 0 else { fatalError("WhitespaceTidying: blankLines must not be \(blankLines)") }
        (self.trimsLines, self.collapsesSpaces) = (trimsLines, collapsesSpaces)
        (self.unifiesSpaces, self.blankLines) = (unifiesSpaces, blankLines)
    }

    /// The operator's name.
    public var name: String { "whitespace_tidying" }
    /// What it tidies.
    public var settings: String {
        "lines:\(trimsLines),spaces:\(collapsesSpaces),unify:\(unifiesSpaces),blank_lines:\(blankLines)"
    }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Tidies a text.
    ///
    /// - Parameter text: any text.
    /// - Returns: the tidied text, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        let unified = unifiesSpaces ? text.rewritten(unify) : nil
        return TextOutcome((unified ?? text).rewritten(tidy) ?? unified)
    }

    private func unify(_ rewriter: inout ByteRewriter) {
        let bytes = rewriter.bytes
        var place = 0
        while place < bytes.count {
            let lead = bytes[place]
            guard lead >= 0x80 else {
                place += 1
                continue
            }
            let (value, length) = scalar(in: bytes, at: place)
            if lead == 0xC2 || 0xE1...0xE3 ~= lead, value != 0x85, value != 0x2028, value != 0x2029,
                Characters.isWhitespace(value)
            {
                rewriter.replace(place..<(place + length), with: CollectionOfOne(0x20))
            }
            place += length
        }
    }

    private func tidy(_ rewriter: inout ByteRewriter) {
        let bytes = rewriter.bytes
        var textEnd = bytes.count
        if trimsLines {
            while textEnd > 0, isGap(bytes[textEnd - 1]) || bytes[textEnd - 1] == 0x0A { textEnd -= 1 }
        }
        var (start, blanks, hasText) = (0, 0, false)
        while start < textEnd {
            let end = min(Characters.endOfLine(bytes, from: start), textEnd)
            var contentEnd = end
            while contentEnd > start, isGap(bytes[contentEnd - 1]) { contentEnd -= 1 }
            if contentEnd == start {
                blanks += 1
                if end < textEnd, blanks > blankLines || trimsLines && !hasText {
                    rewriter.replace(start..<(end + 1))
                } else if trimsLines, contentEnd < end {
                    rewriter.replace(contentEnd..<end)
                }
            } else {
                (blanks, hasText) = (0, true)
                if collapsesSpaces { collapse(start, contentEnd, &rewriter) }
                if trimsLines, contentEnd < end { rewriter.replace(contentEnd..<end) }
            }
            start = end + 1
        }
        // The end of the text is one line feed, if there was any.
        let endsLine = textEnd > 0 && bytes[textEnd...].contains(0x0A)
        if bytes.count - textEnd > (endsLine ? 1 : 0) || endsLine && bytes[textEnd] != 0x0A {
            rewriter.replace(textEnd..<bytes.count, with: endsLine ? [0x0A] : [])
        }
    }

    @inline(__always)
    private func isGap(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private func collapse(_ start: Int, _ end: Int, _ rewriter: inout ByteRewriter) {
        let bytes = rewriter.bytes
        var place = start
        while place < end, isGap(bytes[place]) { place += 1 }
        while place < end {
            guard isGap(bytes[place]) else {
                place += 1
                continue
            }
            let begin = place
            while place < end, isGap(bytes[place]) { place += 1 }
            if place - begin > 1 || bytes[begin] == 0x09 {
                rewriter.replace(begin..<place, with: CollectionOfOne(0x20))
            }
        }
    }
}
