import YuyanFileFormats

/// One step of the normalisation that comes before pre-tokenization.
///
/// Normalizers are immutable and may be used from any number of threads at once.
package protocol TextNormalizer: Sendable {
    /// Rewrites a text; `AlignedText` keeps the way back to the original.
    ///
    /// - Parameter text: The text, well-formed UTF-8; not empty of meaning, but it may be empty of bytes.
    func normalize(_ text: inout AlignedText)

    /// The normalizer as an entry of a `tokenizer.json` in the Hugging Face layout.
    func document() -> JSONValue
}

/// Text on its way through normalisation: well-formed UTF-8, and for every byte the stretch of the original text that it
/// came from.
package struct AlignedText: Sendable {
    /// A stretch of the original text, in bytes.
    package struct Span: Sendable, Hashable {
        /// The offset of the first byte.
        package var start: Int32
        /// The offset after the last byte.
        package var end: Int32

        /// A stretch.
        package init(start: Int32, end: Int32) { (self.start, self.end) = (start, end) }
    }

    /// One scalar of a rewritten text.
    package struct Change {
        /// The scalar.
        package var scalar: UInt32
        /// What it does: inserted (1), in the place of one scalar (0), in the place of one with the n after it gone (-n).
        ///
        /// What is inserted belongs to what stands before it.
        package var change: Int

        /// A scalar and what it does.
        package init(_ scalar: UInt32, _ change: Int) { (self.scalar, self.change) = (scalar, change) }
    }

    /// The text: well-formed UTF-8.
    package private(set) var bytes: [UInt8] = []
    /// The stretch of the original for each byte of `bytes`.
    package private(set) var spans: [Span] = []
    /// What an insertion before the first byte belongs to.
    package private(set) var origin: Int32 = 0

    /// The number of bytes.
    package var count: Int { bytes.count }
    /// Whether there are no bytes.
    package var isEmpty: Bool { bytes.isEmpty }

    /// No text.
    package init() {}

    /// A stretch of the original text, each scalar aligned to itself.
    ///
    /// Every ill-formed piece becomes U+FFFD, aligned to the piece.
    ///
    /// - Parameters:
    ///   - original: UTF-8 bytes.
    ///   - origin: The offset of the first of them in the whole text.
    package init(_ original: UnsafeBufferPointer<UInt8>, at origin: Int = 0) {
        self.origin = Int32(origin)
        guard let base = original.baseAddress else { return }
        bytes.reserveCapacity(original.count)
        spans.reserveCapacity(original.count)
        var position = 0
        while position < original.count {
            let step = UTF8Validation.decode(base, at: position, end: original.count)
            let span = Span(
                start: Int32(origin + position),
                end: Int32(origin + position + step.count)
            )
            append(scalar: step.isInvalid ? 0xFFFD : step.scalar, span)
            position += step.count
        }
    }

    /// A text on its own, such as the text of a token.
    ///
    /// - Parameter text: The text.
    package init(_ text: String) {
        var text = text
        self = text.withUTF8 { AlignedText($0) }
    }

    /// A part of the text.
    ///
    /// - Parameter range: Offsets into `bytes`, on the borders of scalars.
    /// - Returns: The part, whose insertions at the beginning belong to its own beginning.
    package func slice(_ range: Range<Int>) -> AlignedText {
        var part = AlignedText()
        part.bytes = Array(bytes[range])
        part.spans = Array(spans[range])
        part.origin = part.spans.first?.start ?? origin
        return part
    }

    /// Appends a scalar.
    ///
    /// - Parameters:
    ///   - scalar: A Unicode scalar value.
    ///   - span: Where it came from.
    package mutating func append(scalar: UInt32, _ span: Span) {
        let before = bytes.count
        UTF8Text.append(scalar, to: &bytes)
        for _ in before..<bytes.count { spans.append(span) }
    }

    /// Appends a part of another text with its alignment.
    ///
    /// - Parameters:
    ///   - other: The other text.
    ///   - range: Offsets into its bytes, on the borders of scalars.
    package mutating func append(_ other: AlignedText, _ range: Range<Int>) {
        bytes.append(contentsOf: other.bytes[range])
        spans.append(contentsOf: other.spans[range])
    }

    /// The stretch of the original that some bytes came from: from where the first begins to where the last ends.
    ///
    /// - Parameter range: Offsets into `bytes`; not empty.
    /// - Returns: The stretch.
    package func original(_ range: Range<Int>) -> Span {
        Span(start: spans[range.lowerBound].start, end: spans[range.upperBound - 1].end)
    }

    /// The alignment of a scalar inserted at an offset: that of what stands before it.
    ///
    /// - Parameter position: An offset into `bytes`.
    /// - Returns: The stretch of the original.
    package func spanBefore(_ position: Int) -> Span {
        position > 0 ? spans[position - 1] : Span(start: origin, end: origin)
    }

    /// Replaces the whole text, scalar by scalar.
    ///
    /// - Parameters:
    ///   - changes: The new scalars in order; together they must account for all scalars after the dropped ones.
    ///   - dropped: How many scalars at the beginning are gone.
    package mutating func transform(_ changes: some Sequence<Change>, dropping dropped: Int = 0) {
        var result = AlignedText()
        result.origin = origin
        result.bytes.reserveCapacity(count)
        result.spans.reserveCapacity(count)
        var position = 0
        for _ in 0..<dropped { advance(&position) }
        for change in changes {
            if change.change > 0 {
                result.append(scalar: change.scalar, spanBefore(position))
                continue
            }
            result.append(scalar: change.scalar, position < count ? spans[position] : spanBefore(count))
            for _ in 0...(-change.change) { advance(&position) }
        }
        self = result
    }

    /// Keeps some scalars and changes others one by one.
    ///
    /// - Parameter map: The scalar's replacement; nil to drop it.
    package mutating func mapScalars(_ map: (UInt32) -> UInt32?) {
        var result = AlignedText()
        result.origin = origin
        result.bytes.reserveCapacity(count)
        result.spans.reserveCapacity(count)
        forEachScalar { scalar, range in
            guard let mapped = map(scalar) else { return }
            if mapped == scalar {
                result.append(self, range)
            } else {
                result.append(scalar: mapped, spans[range.lowerBound])
            }
        }
        self = result
    }

    /// Replaces stretches of the text; what is put in belongs to the last byte that it replaces.
    ///
    /// - Parameters:
    ///   - ranges: The stretches in order, without overlap.
    ///   - content: What each becomes.
    package mutating func replace(_ ranges: [Range<Int>], with content: [UInt8]) {
        guard !ranges.isEmpty else { return }
        var result = AlignedText()
        result.origin = origin
        var position = 0
        for range in ranges {
            result.append(self, position..<range.lowerBound)
            let span = spanBefore(range.upperBound)
            result.bytes.append(contentsOf: content)
            result.spans.append(contentsOf: repeatElement(span, count: content.count))
            position = range.upperBound
        }
        result.append(self, position..<count)
        self = result
    }

    /// Puts text in front, aligned to the first scalar; an empty text stays empty.
    ///
    /// - Parameter content: UTF-8 bytes.
    package mutating func prepend(_ content: [UInt8]) {
        guard let first = spans.first else { return }
        bytes.insert(contentsOf: content, at: 0)
        spans.insert(contentsOf: repeatElement(first, count: content.count), at: 0)
    }

    /// Visits the scalars in order.
    ///
    /// - Parameter body: Takes the scalar and the range of its bytes.
    package func forEachScalar(_ body: (UInt32, Range<Int>) -> Void) {
        var position = 0
        while position < bytes.count {
            let start = position
            let scalar = UTF8Text.scalar(bytes, at: &position)
            body(scalar, start..<position)
        }
    }

    private func advance(_ position: inout Int) {
        if position < count { _ = UTF8Text.scalar(bytes, at: &position) }
    }
}

/// Scalars in and out of UTF-8 that is known to be well-formed.
enum UTF8Text {
    /// Reads the scalar at a position and steps over it.
    @inline(__always)
    static func scalar(_ bytes: [UInt8], at position: inout Int) -> UInt32 {
        bytes.withUnsafeBufferPointer { scalar($0, at: &position) }
    }

    /// Reads the scalar at a position and steps over it.
    @inline(__always)
    static func scalar(_ bytes: UnsafeBufferPointer<UInt8>, at position: inout Int) -> UInt32 {
        let first = UInt32(bytes[position])
        if first < 0x80 {
            position += 1
            return first
        }
        guard let base = bytes.baseAddress else { return 0xFFFD }
        let step = UTF8Validation.decode(base, at: position, end: bytes.count)
        position += step.count
        return step.isInvalid ? 0xFFFD : step.scalar
    }

    /// The length of the scalar that a byte begins; 1 for a byte that begins none.
    @inline(__always)
    static func length(of first: UInt8) -> Int {
        first < 0xC0 ? 1 : (first < 0xE0 ? 2 : (first < 0xF0 ? 3 : 4))
    }

    /// Appends a scalar value; surrogates and what is beyond U+10FFFF become U+FFFD.
    @inline(__always)
    static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
        switch scalar {
        case ..<0x80: bytes.append(UInt8(scalar))
        case ..<0x800:
            bytes.append(UInt8(0xC0 | scalar >> 6))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        case 0xD800..<0xE000, 0x110000...: bytes.append(contentsOf: [0xEF, 0xBF, 0xBD])
        case ..<0x10000:
            bytes.append(UInt8(0xE0 | scalar >> 12))
            bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        default:
            bytes.append(UInt8(0xF0 | scalar >> 18))
            bytes.append(UInt8(0x80 | scalar >> 12 & 0x3F))
            bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        }
    }
}
