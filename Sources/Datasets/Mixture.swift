import Foundation
import YuyanFileFormats

/// An order in which the examples of several data sets are drawn: position n of the order is a function of the
/// seed and of n alone, so that a run goes on from any position without drawing what came before.
///
/// Shares hold not only on average: among any first n draws (n a multiple of the block) every source has its share to
/// within one draw per level of a binary tree over the sources, since the draws are spread as Bresenham spreads the
/// pixels of a line; each block of draws is then shuffled. Each epoch of a source is a permutation of its own.
public struct Mixture: Sendable, Hashable {
    /// A data set that takes part.
    public struct Source: Sendable, Hashable {
        /// The number of examples, at least 1.
        public let count: Int
        /// Its weight among the sources, or the number of its epochs.
        public let weight: Double
        /// The mean number of tokens of an example, where weights are shares of tokens.
        public let tokensPerExample: Double

        /// Makes a source.
        ///
        /// - Parameters:
        ///   - count: the number of examples.
        ///   - weight: the weight, or the number of epochs.
        ///   - tokensPerExample: the mean number of tokens of an example.
        public init(count: Int, weight: Double = 1, tokensPerExample: Double = 1) {
            (self.count, self.weight, self.tokensPerExample) = (count, weight, tokensPerExample)
        }
    }

    /// What decides the shares.
    public enum Shares: Sendable, Hashable {
        /// The weights are shares of the draws.
        case examples
        /// The weights are shares of the tokens.
        case tokens
        /// Shares are the numbers of examples to the power of 1 / temperature, times the weights: 1 keeps the
        /// sizes' proportions, large temperatures make sources equal.
        case temperature(Double)
        /// Each source is gone through so many times as its weight says, and the order ends there.
        case epochs
    }

    /// A draw.
    public struct Draw: Sendable, Hashable {
        /// The number of the source.
        public let source: Int
        /// How many times the source was gone through before.
        public let epoch: Int
        /// The number of the example in the source.
        public let example: Int
    }

    /// The sources.
    public let sources: [Source]
    /// The seed.
    public private(set) var seed: UInt64
    /// The number of draws, or nil when the order has no end.
    public let count: Int?
    /// Sums of the shares of the sources before each, in units of 2^-32 of the whole, or in draws where the order ends.
    private let sums: [UInt64]
    private static let block = 1024

    /// Makes an order.
    ///
    /// - Parameters:
    ///   - sources: the data sets.
    ///   - shares: what decides the shares.
    ///   - seed: any number.
    /// - Throws: `FileFormatError` when a source is empty or a number is not positive and finite.
    public init(_ sources: [Source], shares: Shares = .examples, seed: UInt64) throws {
        guard !sources.isEmpty, sources.count <= 65_536 else {
            throw FileFormatError(.mismatch, "a mixture needs 1 to 65536 sources, not \(sources.count)")
        }
        var weights: [Double] = []
        for (number, source) in sources.enumerated() {
            let weight: Double
            switch shares {
            case .examples: weight = source.weight
            case .epochs: weight = (source.weight * Double(source.count)).rounded()
            case .tokens: weight = source.weight / source.tokensPerExample
            case .temperature(let temperature):
                guard temperature > 0, temperature.isFinite else {
                    throw FileFormatError(
                        .mismatch,
                        "the temperature must be a positive number, not \(temperature)"
                    )
                }
                weight = source.weight * pow(Double(source.count), 1 / temperature)
            }
            guard source.count > 0, weight >= 0, weight < 9e15 else {
                throw FileFormatError(
                    .mismatch,
                    "source \(number): \(source.count) examples, weight \(source.weight) and "
                        + "\(source.tokensPerExample) tokens per example; all must be positive and finite"
                )
            }
            weights.append(weight)
        }
        let total = weights.reduce(0, +)
        guard total > 0, total < 9e15 else {
            throw FileFormatError(.mismatch, "the weights of the mixture add up to \(total)")
        }
        let isFinite = shares == .epochs
        let units = weights.map { UInt64(isFinite ? $0 : ($0 / total * 0x1p32).rounded()) }
        sums = units.reduce(into: [0]) { sums, unit in sums.append((sums.last ?? 0) + unit) }
        count = isFinite ? Int(sums.last ?? 0) : nil
        (self.sources, self.seed) = (sources, seed)
    }

    /// The same mixture in another order.
    ///
    /// - Parameter seed: any number.
    /// - Returns: the mixture.
    public func with(seed: UInt64) -> Mixture {
        var other = self
        other.seed = seed
        return other
    }

    /// The draw at a position.
    ///
    /// Traps when `position` is negative or behind the end.
    ///
    /// - Parameter position: the position, from 0.
    /// - Returns: the source and the example.
    public func draw(at position: Int) -> Draw {
        require(
            position >= 0 && position < count ?? Int.max,
            "Mixture: position \(position) lies outside 0 ..< \(count.map { String($0) } ?? "∞")"
        )
        let block = position / Self.block
        let size = min(Self.block, (count ?? Int.max) - block * Self.block)
        let shuffle = SeededPermutation(count: size, seed: seed, round: block)
        var place = UInt64(block * Self.block + shuffle[position % Self.block])
        var range = 0..<sources.count
        // Down a binary tree: of the draws of a node every share's part goes to the left, evenly spread.
        while range.count > 1 {
            let middle = (range.lowerBound + range.upperBound) / 2
            let left = sums[middle] - sums[range.lowerBound]
            let whole = sums[range.upperBound] - sums[range.lowerBound]
            let before = Self.part(place, left, whole)
            if Self.part(place + 1, left, whole) > before {
                (place, range) = (before, range.lowerBound..<middle)
            } else {
                (place, range) = (place - before, middle..<range.upperBound)
            }
        }
        let source = range.lowerBound
        let size64 = UInt64(sources[source].count)
        let epoch = Int(place / size64)
        let order = SeededPermutation(
            count: sources[source].count,
            seed: seed ^ (UInt64(source) &+ 1) &* 0x9E37_79B9_7F4A_7C15,
            round: epoch
        )
        return Draw(source: source, epoch: epoch, example: order[Int(place % size64)])
    }

    /// The whole part of place × left / whole.
    private static func part(_ place: UInt64, _ left: UInt64, _ whole: UInt64) -> UInt64 {
        if whole == 0 { return 0 }
        return whole.dividingFullWidth(place.multipliedFullWidth(by: left)).quotient
    }
}
