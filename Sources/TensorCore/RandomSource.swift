/// A counter-based source of random numbers: Philox 4×32 with ten rounds.
///
/// A draw depends on (seed, stream, position) alone and never on what was drawn elsewhere, so that the same numbers
/// come out with any number of threads and after any interruption. Different purposes take different streams.
///
/// Source: Salmon, Moraes, Dror, Shaw, «Parallel random numbers: as easy as 1, 2, 3», SC 2011.
public struct RandomSource: Sendable, Hashable, Codable {
    /// Chooses the sequence; the key of the cipher.
    public let seed: UInt64
    /// Separates independent uses of one seed; the upper half of the counter.
    public let stream: UInt64
    /// The number of 32-bit words drawn so far.
    public private(set) var position: UInt64

    /// Makes a source at a position of a stream.
    public init(seed: UInt64, stream: UInt64 = 0, position: UInt64 = 0) {
        self.seed = seed
        self.stream = stream
        self.position = position
    }

    /// The four words of one counter value: `block` is the lower, `stream` the upper half of the counter.
    public static func philox(seed: UInt64, stream: UInt64, block: UInt64) -> (UInt32, UInt32, UInt32, UInt32)
    {
        var c0 = UInt32(truncatingIfNeeded: block)
        var c1 = UInt32(truncatingIfNeeded: block >> 32)
        var c2 = UInt32(truncatingIfNeeded: stream)
        var c3 = UInt32(truncatingIfNeeded: stream >> 32)
        var k0 = UInt32(truncatingIfNeeded: seed)
        var k1 = UInt32(truncatingIfNeeded: seed >> 32)
        for _ in 0..<10 {
            let p0 = UInt64(0xD251_1F53) &* UInt64(c0)
            let p1 = UInt64(0xCD9E_8D57) &* UInt64(c2)
            (c0, c1, c2, c3) = (
                UInt32(truncatingIfNeeded: p1 >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: p1),
                UInt32(truncatingIfNeeded: p0 >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: p0)
            )
            k0 = k0 &+ 0x9E37_79B9
            k1 = k1 &+ 0xBB67_AE85
        }
        return (c0, c1, c2, c3)
    }

    /// The next 32 random bits.
    public mutating func nextWord() -> UInt32 {
        let words = RandomSource.philox(seed: seed, stream: stream, block: position / 4)
        defer { position += 1 }
        switch position % 4 {
        case 0: return words.0
        case 1: return words.1
        case 2: return words.2
        default: return words.3
        }
    }

    /// The next number, uniform in [0, 1) with 24 bits.
    public mutating func nextUniform() -> Float { Float(nextWord() >> 8) * 0x1p-24 }

    /// The next number, uniform in [0, 1) with 53 bits.
    public mutating func nextDouble() -> Double {
        let high = UInt64(nextWord())
        return Double((high << 32 | UInt64(nextWord())) >> 11) * 0x1p-53
    }

    /// The next whole number below `bound`, without bias.
    ///
    /// Traps when `bound` is not positive.
    public mutating func nextIndex(below bound: Int) -> Int {
        require(bound > 0, "RandomSource.nextIndex: the bound \(bound) must be positive")
        let range = UInt64(bound)
        let limit = UInt64.max - UInt64.max % range
        while true {
            let high = UInt64(nextWord())
            let value = high << 32 | UInt64(nextWord())
            if value < limit { return Int(value % range) }
        }
    }

    /// A source of its own for a named purpose, independent of this one's position.
    public func derived(_ purpose: UInt64) -> RandomSource {
        let words = RandomSource.philox(seed: seed, stream: stream ^ 0x5961_6E59_7559_616E, block: purpose)
        return RandomSource(seed: seed, stream: UInt64(words.0) << 32 | UInt64(words.1))
    }
}
