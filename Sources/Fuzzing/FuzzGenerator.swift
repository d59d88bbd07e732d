/// A repeatable source of random numbers: a case of a fuzz target has its own, so that any case can be replayed alone.
///
/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
public struct FuzzGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A generator.
    ///
    /// - Parameters:
    ///   - seed: The seed of a run.
    ///   - number: The number of a case.
    ///   - stream: Independent numbers of the same case.
    public init(seed: UInt64, case number: UInt64 = 0, stream: UInt64 = 0) {
        state = Self.mixed(Self.mixed(Self.mixed(seed) &+ number) &+ stream)
    }

    /// The next 64 bits.
    ///
    /// - Returns: A random number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(state)
    }

    private static func mixed(_ number: UInt64) -> UInt64 {
        var value = number &+ 0x9E37_79B9_7F4A_7C15
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

extension RandomNumberGenerator {
    /// A number from 0 to below a bound.
    ///
    /// - Parameter bound: The bound; 1 where it is smaller.
    /// - Returns: The number.
    public mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<max(bound, 1), using: &self) }

    /// True once in a number of times.
    ///
    /// - Parameter count: How seldom.
    /// - Returns: Whether it is this time.
    public mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

    /// One of several.
    ///
    /// Traps when there is none.
    ///
    /// - Parameter choices: What to choose from.
    /// - Returns: One of them.
    public mutating func one<Choices: RandomAccessCollection>(of choices: Choices) -> Choices.Element {
        choices[choices.index(choices.startIndex, offsetBy: below(choices.count))]
    }
}
