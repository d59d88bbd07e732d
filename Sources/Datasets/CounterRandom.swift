/// Random numbers by counter: each draw is a function of (seed, stream, position) and of nothing else.
///
/// The function is Philox 4x32 with ten rounds (Salmon and others, 2011).
public struct CounterRandom: Sendable, Hashable {
    /// The seed.
    public let seed: UInt64
    /// Which of 2^64 unrelated sequences of this seed is drawn from.
    public let stream: UInt64

    /// Creates a source.
    ///
    /// - Parameters:
    ///   - seed: any number.
    ///   - stream: any number; another stream gives unrelated draws.
    public init(seed: UInt64, stream: UInt64 = 0) {
        self.seed = seed
        self.stream = stream
    }

    /// Returns four random words.
    ///
    /// - Parameter position: where in the sequence to draw.
    /// - Returns: 128 random bits.
    public func words(at position: UInt64) -> SIMD4<UInt32> {
        func split(_ value: UInt64) -> (low: UInt32, high: UInt32) {
            (UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32))
        }
        let (place, sequence) = (split(position), split(stream))
        var counter = SIMD4<UInt32>(place.low, place.high, sequence.low, sequence.high)
        var key = split(seed)
        for _ in 0..<10 {
            let first = counter[0].multipliedFullWidth(by: 0xD251_1F53)
            let second = counter[2].multipliedFullWidth(by: 0xCD9E_8D57)
            counter = SIMD4(
                second.high ^ counter[1] ^ key.low,
                second.low,
                first.high ^ counter[3] ^ key.high,
                first.low
            )
            key = (key.low &+ 0x9E37_79B9, key.high &+ 0xBB67_AE85)
        }
        return counter
    }

    /// Returns a number drawn evenly from 0 ..< bound.
    ///
    /// The bias is below bound / 2^64. Traps when `bound` is not positive.
    ///
    /// - Parameters:
    ///   - position: where in the sequence to draw.
    ///   - bound: one more than the largest number.
    /// - Returns: the number.
    public func index(at position: UInt64, below bound: Int) -> Int {
        require(bound > 0, "CounterRandom: the bound must be positive, not \(bound)")
        let drawn = words(at: position)
        let wide = UInt64(drawn[0]) | UInt64(drawn[1]) << 32
        return Int(wide.multipliedFullWidth(by: UInt64(bound)).high)
    }
}

/// A seeded shuffle of 0 ..< count that is computed entry by entry and needs no memory.
///
/// A Feistel network permutes the smallest even number of bits that holds `count`; results outside are sent
/// through again until they fall inside, which keeps it a permutation.
public struct SeededPermutation: Sendable, Hashable {
    /// The number of entries.
    public let count: Int
    private let halfBits: UInt64
    private let keys: [UInt64]

    /// Creates a permutation.
    ///
    /// Traps when `count` is negative.
    ///
    /// - Parameters:
    ///   - count: the number of entries.
    ///   - seed: any number.
    ///   - round: which permutation of this seed, such as the epoch.
    public init(count: Int, seed: UInt64, round: Int = 0) {
        require(count >= 0, "SeededPermutation: the number of entries cannot be negative (\(count))")
        self.count = count
        let bits = Int.bitWidth - max(count - 1, 1).leadingZeroBitCount
        halfBits = UInt64((bits + 1) / 2)
        let random = CounterRandom(seed: seed, stream: UInt64(bitPattern: Int64(round)) ^ 0x5045_524D << 32)
        keys = (0..<8).map { step in
            let words = random.words(at: UInt64(step))
            return UInt64(words[0]) | UInt64(words[1]) << 32
        }
    }

    /// Returns the entry at a place of the shuffle.
    ///
    /// Traps when `index` lies outside 0 ..< count.
    ///
    /// - Parameter index: the place.
    public subscript(index: Int) -> Int {
        require((0..<count).contains(index), "SeededPermutation: \(index) lies outside 0 ..< \(count)")
        var value = UInt64(index)
        repeat { value = scramble(value) } while value >= UInt64(count)
        return Int(value)
    }

    private func scramble(_ value: UInt64) -> UInt64 {
        let mask = (UInt64(1) << halfBits) - 1
        var (left, right) = (value >> halfBits, value & mask)
        for key in keys {
            var mixed = (right ^ key) &* 0x9E37_79B9_7F4A_7C15
            mixed = (mixed ^ (mixed >> 32)) &* 0xD6E8_FEB8_6659_FD93
            mixed ^= mixed >> 32
            (left, right) = (right, left ^ (mixed & mask))
        }
        return left << halfBits | right
    }
}
