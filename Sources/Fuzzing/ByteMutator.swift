/// Damages bytes: bits flipped, parts lost, doubled, moved and mixed, words of the format where they do not belong.
public struct ByteMutator: Sendable {
    /// What has a meaning in the format.
    public let words: [[UInt8]]
    /// The most bytes of a damaged text.
    public let limit: Int

    /// Numbers at the borders of their types, as readers of binary files meet them.
    private static let borders: [UInt64] = [
        0, 1, 7, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFF_FFFF, 0x8000_0000,
        0xFFFF_FFFF, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max, .max - 7,
    ]
    /// The same in digits.
    private static let digits = [
        "0", "-1", "1", "255", "256", "65535", "65536", "2147483648", "4294967295", "4294967296",
        "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616", "1e308",
        "1e999", "-0.0", "0.5", "1e-400", "00", "99999999999999999999999999999999999999",
    ].map { Array($0.utf8) }
    /// Bytes that cut sequences of UTF-8, end lines or begin other formats.
    private static let bytes: [UInt8] = [
        0, 9, 10, 13, 32, 34, 39, 44, 45, 47, 58, 92, 95, 0x1F, 0x7F, 0x80, 0x8B, 0xBF, 0xC0, 0xC3, 0xE4,
        0xED, 0xEF, 0xF0, 0xF4, 0xF8, 0xFE, 0xFF,
    ]
    /// Characters that texts stumble over.
    private static let characters = [
        "\u{FEFF}", "\u{FFFD}", "\u{0}", "\u{2028}", "\u{85}", "\u{3000}", "é", "e\u{301}", "语", "👩\u{200D}👧",
        "\u{10FFFF}", "ﷺ", "\u{1D160}", "\r\n", "\n\n", "\u{202E}", "İ", "ß", "\u{D7FF}", "\u{E000}",
    ].map { Array($0.utf8) }

    /// A mutator.
    ///
    /// - Parameters:
    ///   - words: What has a meaning in the format.
    ///   - limit: The most bytes of a damaged text.
    public init(words: [String] = [], limit: Int = 1 << 16) {
        self.words = words.map { Array($0.utf8) }
        self.limit = limit
    }

    /// A damaged copy.
    ///
    /// - Parameters:
    ///   - seed: The bytes.
    ///   - others: Other texts, whose parts may be mixed in.
    ///   - random: Where chance comes from.
    /// - Returns: The copy; now and then it is whole.
    public func damaged(
        _ seed: [UInt8],
        others: [[UInt8]] = [],
        using random: inout some RandomNumberGenerator
    ) -> [UInt8] {
        var bytes = seed
        for _ in 0..<random.below(random.oneIn(8) ? 24 : 5) { damage(&bytes, others, &random) }
        return bytes.count > limit ? Array(bytes[..<limit]) : bytes
    }

    private func damage(
        _ bytes: inout [UInt8],
        _ others: [[UInt8]],
        _ random: inout some RandomNumberGenerator
    ) {
        let place = random.below(bytes.count + 1)
        let end = min(bytes.count, place + 1 + random.below(random.oneIn(4) ? bytes.count + 1 : 24))
        switch random.below(16) {
        case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(random.below(8))
        case 1 where place < bytes.count: bytes[place] = UInt8(random.below(256))
        case 2 where place < bytes.count: bytes[place] = random.one(of: Self.bytes)
        case 3: bytes.removeSubrange(place..<end)
        case 4: bytes.removeSubrange((random.oneIn(4) ? place : max(place, bytes.count - 40))...)
        case 5: bytes.insert(contentsOf: bytes[place..<end], at: random.below(bytes.count + 1))
        case 6:
            let count = 2 + random.below(random.oneIn(8) ? 4000 : 60)
            let part = Array(bytes[place..<min(end, place + 16)])
            if part.count * count <= limit {
                bytes.insert(contentsOf: (0..<count).flatMap { _ in part }, at: place)
            }
        case 7 where !others.isEmpty:
            let other = random.one(of: others)
            bytes.replaceSubrange(place..., with: other[random.below(other.count + 1)...])
        case 8 where !others.isEmpty:
            let other = random.one(of: others)
            let start = random.below(other.count + 1)
            bytes.insert(contentsOf: other[start..<min(other.count, start + 60)], at: place)
        case 9...10 where !words.isEmpty:
            bytes.insert(contentsOf: random.one(of: words), at: place)
        case 11 where !words.isEmpty: bytes.replaceSubrange(place..<end, with: random.one(of: words))
        case 12: replaceNumber(&bytes, from: place, with: random.one(of: Self.digits))
        case 13: overwrite(&bytes, at: place, width: 1 << random.below(4), random.one(of: Self.borders))
        case 14: bytes.insert(contentsOf: random.one(of: Self.characters), at: place)
        default: bytes.insert(random.one(of: Self.bytes), at: place)
        }
    }

    /// Puts other digits where the next digits stand.
    private func replaceNumber(_ bytes: inout [UInt8], from place: Int, with digits: [UInt8]) {
        let isDigit = { (byte: UInt8) in (48...57).contains(byte) }
        guard let start = bytes[place...].firstIndex(where: isDigit) else { return }
        let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.count
        bytes.replaceSubrange(start..<end, with: digits)
    }

    /// Writes a little-endian number over what is there.
    private func overwrite(_ bytes: inout [UInt8], at place: Int, width: Int, _ number: UInt64) {
        for offset in 0..<width where place + offset < bytes.count {
            bytes[place + offset] = UInt8(truncatingIfNeeded: number >> UInt64(8 * offset))
        }
    }
}
