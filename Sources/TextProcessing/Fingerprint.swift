/// A 128-bit fingerprint of a text's bytes: equal texts have equal fingerprints, on every machine.
///
/// Different texts share one by chance only about once in 2^64 texts. It is no protection against somebody who
/// looks for collisions.
public struct TextFingerprint: Sendable, Hashable, Comparable {
    /// The first 64 bits.
    public let high: UInt64
    /// The last 64 bits.
    public let low: UInt64

    /// Creates a fingerprint from its parts, as read from a file.
    ///
    /// - Parameters:
    ///   - high: the first 64 bits.
    ///   - low: the last 64 bits.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Computes the fingerprint of a text.
    ///
    /// - Parameter text: any text; its UTF-8 bytes count, so texts in different normal forms differ.
    public init(_ text: String) {
        var text = text
        self = text.withUTF8 { Self(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// Computes the fingerprint of bytes.
    ///
    /// - Parameter bytes: any bytes.
    public init(bytes: UnsafeRawBufferPointer) {
        var first = Self.fold(UInt64(bytes.count) ^ 0x9E37_79B9_7F4A_7C15, 0xA076_1D64_78BD_642F)
        var second = Self.fold(UInt64(bytes.count) ^ 0xC2B2_AE3D_27D4_EB4F, 0xE703_7ED1_A0B4_28DB)
        var offset = 0
        func word(_ at: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        }
        while offset + 16 <= bytes.count {
            (first, second) = Self.step(first, second, word(offset), word(offset + 8))
            offset += 16
        }
        var (tail, tailHigh) = (UInt64(0), UInt64(0))
        for index in offset..<bytes.count {
            let position = index - offset
            if position < 8 {
                tail |= UInt64(bytes[index]) << UInt64(8 * position)
            } else {
                tailHigh |= UInt64(bytes[index]) << UInt64(8 * (position - 8))
            }
        }
        (first, second) = Self.step(first, second, tail, tailHigh)
        high = Self.mix(first ^ Self.mix(second))
        low = Self.mix(second &+ 0x9E37_79B9_7F4A_7C15 &+ first)
    }

    /// Joins the fingerprint of a further part of a document, in order.
    ///
    /// - Parameter part: the fingerprint of the next part.
    /// - Returns: the fingerprint of the parts so far.
    public func joined(with part: TextFingerprint) -> TextFingerprint {
        let (first, second) = Self.step(high, low, part.high, part.low)
        return TextFingerprint(
            high: Self.mix(first ^ Self.mix(second)),
            low: Self.mix(second &+ 0x9E37_79B9_7F4A_7C15 &+ first)
        )
    }

    /// A number spread evenly over all of UInt64 that depends on the seed and the text.
    ///
    /// - Parameter seed: any number; another seed gives unrelated numbers.
    /// - Returns: the number, the same for the same text and seed.
    public func spread(seed: UInt64) -> UInt64 {
        Self.mix(high ^ Self.mix(low &+ Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15)))
    }

    /// Orders fingerprints as 128-bit numbers.
    ///
    /// - Parameters:
    ///   - left: a fingerprint.
    ///   - right: another.
    /// - Returns: whether the first is the smaller number.
    public static func < (left: TextFingerprint, right: TextFingerprint) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    @inline(__always)
    private static func step(_ a: UInt64, _ b: UInt64, _ x: UInt64, _ y: UInt64) -> (UInt64, UInt64) {
        // Multiplication by an odd constant and rotation lose nothing, so each lane stays a bijection of its
        // state for given input, and no single word can erase what came before.
        let first = (a ^ mix(x)) &* 0x9FB2_1C65_1E98_DF25
        let second = (b ^ mix(y &+ 0xD6E8_FEB8_6659_FD93)) &* 0xC6A4_A793_5BD1_E995
        return (
            rotate(first, 29) &+ second, rotate(second, 31) ^ (rotate(first, 47) &* 0x9E37_79B9_7F4A_7C15)
        )
    }

    @inline(__always)
    private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 {
        value << bits | value >> (64 - bits)
    }

    @inline(__always)
    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        var mixed = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Lets the first of equal documents pass and counts the others.
public struct DuplicateFilter: Sendable {
    private var seen: Set<TextFingerprint> = []
    /// The number of documents refused so far.
    public private(set) var duplicateCount = 0

    /// Creates a filter that has seen nothing.
    public init() {}

    /// Takes note of a document.
    ///
    /// - Parameter fingerprint: the document's fingerprint.
    /// - Returns: whether it is the first with this fingerprint.
    public mutating func admits(_ fingerprint: TextFingerprint) -> Bool {
        if seen.insert(fingerprint).inserted { return true }
        duplicateCount += 1
        return false
    }
}
