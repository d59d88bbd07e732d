import YuyanFileFormats

/// Where the rows of a shard come from when its sources have weights.
///
/// A source takes a run of the shard. In blocks, an epoch goes through each source so many times as its weight says; with
/// random windows, a source's windows are drawn so many times as often.
struct MixedRows: Sendable {
    private let parts: [TokenDataset.Part]
    private let firsts: [Int]
    private let blocks: [Int]
    private let windows: [Int]
    private let length: Int

    init(_ dataset: TokenDataset) {
        length = dataset.sequenceLength
        // What comes to no block is no source.
        parts = dataset.parts.filter { $0.range.count > (dataset.endOfText == nil ? 1 : 0) }
        firsts = parts.map { max($0.range.lowerBound, dataset.firstTarget) }
        let length = dataset.sequenceLength
        blocks = zip(parts, firsts).map { ($0.range.upperBound - $1 + length - 1) / length }
        windows = parts.map { max($0.range.count - length, 0) }
    }

    /// The rows of an epoch.
    var blocksPerEpoch: Int {
        zip(parts, blocks).reduce(0) { $0 + Int(($1.0.weight * Double($1.1)).rounded()) }
    }

    /// The number of different windows.
    var windowCount: Int { windows.reduce(0, +) }

    /// The order of an epoch's blocks.
    func order(seed: UInt64, epoch: Int) throws -> Mixture {
        try Mixture(
            zip(parts, blocks).map { Mixture.Source(count: $1, weight: $0.weight) },
            shares: .epochs,
            seed: Self.seed(seed, epoch: epoch)
        )
    }

    /// The seed of an epoch's order.
    static func seed(_ seed: UInt64, epoch: Int) -> UInt64 { seed &+ UInt64(epoch) &* 0x9E37_79B9_7F4A_7C15 }

    /// The first target of a block, and the targets that belong to its source.
    func block(_ draw: Mixture.Draw) -> (start: Int, scored: Range<Int>) {
        let start = firsts[draw.source] + draw.example * length
        return (start, start..<min(start + length, parts[draw.source].range.upperBound))
    }

    /// The first target of a random window, from one number of 53 bits.
    func window(_ number: Int) -> Int {
        let shares = zip(parts, windows).map { $0.weight * Double($1) }
        var rest = Double(number) * 0x1p-53 * shares.reduce(0, +)
        var place = 0
        while place + 1 < shares.count, rest >= shares[place] {
            rest -= shares[place]
            place += 1
        }
        // Rounding may lead behind the last source that has windows.
        while place > 0, windows[place] == 0 { place -= 1 }
        return parts[place].range.lowerBound + 1
            + max(min(Int(rest / parts[place].weight), windows[place] - 1), 0)
    }
}
