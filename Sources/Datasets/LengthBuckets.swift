/// Batches of examples of like length under a budget of tokens, so that little of a batch is padding.
///
/// The plan depends on the lengths, the settings, the seed and the epoch alone. Examples are shuffled, sorted by
/// length within windows, cut into batches, and the batches shuffled.
public struct LengthBuckets: Sendable, Hashable {
    /// The numbers of the examples of each batch.
    public let batches: [[Int]]
    /// The tokens of all examples.
    public let tokenCount: Int
    /// The places of all batches: for each its rows times its longest (padded) row.
    public let paddedCount: Int
    /// The number of examples that alone are longer than the budget; each is a batch of its own.
    public let oversizedCount: Int

    /// The share of places that are padding, 0 ..< 1.
    public var paddingShare: Double {
        paddedCount == 0 ? 0 : Double(paddedCount - tokenCount) / Double(paddedCount)
    }

    /// Plans the batches of an epoch.
    ///
    /// Traps when a length is negative or a bound is not positive.
    ///
    /// - Parameters:
    ///   - lengths: the tokens of each example.
    ///   - tokenBudget: the most places of a batch, padding included.
    ///   - maximumRows: the most examples of a batch.
    ///   - multiple: batches are padded to a multiple of this.
    ///   - window: within how many examples lengths are sorted; smaller windows mix more and pad more.
    ///   - seed: any number.
    ///   - epoch: which pass.
    public init(
        lengths: [Int],
        tokenBudget: Int,
        maximumRows: Int = Int.max,
        multiple: Int = 1,
        window: Int = 8192,
        seed: UInt64,
        epoch: Int = 0
    ) {
        require(
            tokenBudget >= 1 && maximumRows >= 1 && multiple >= 1 && window >= 1,
            "LengthBuckets: budget \(tokenBudget), rows \(maximumRows), multiple \(multiple), window \(window)"
        )
        require(
            lengths.allSatisfy { $0 >= 0 && $0 <= 1 << 40 },
            "LengthBuckets: a length is negative or beyond 2^40"
        )
        let shuffle = SeededPermutation(count: lengths.count, seed: seed, round: epoch)
        func padded(_ length: Int) -> Int { max((length + multiple - 1) / multiple * multiple, 1) }
        var (cut, padding, oversized): ([[Int]], Int, Int) = ([], 0, 0)
        for start in stride(from: 0, to: lengths.count, by: window) {
            let members = (start..<min(start + window, lengths.count)).map { shuffle[$0] }
            let sorted = members.enumerated()
                .sorted { (lengths[$0.element], $0.offset) < (lengths[$1.element], $1.offset) }.map(\.element)
            var batch: [Int] = []
            func close() {
                guard let last = batch.last else { return }
                padding += padded(lengths[last]) * batch.count
                cut.append(batch)
                batch = []
            }
            for example in sorted {
                let width = padded(lengths[example])
                let fits = (batch.count + 1).multipliedReportingOverflow(by: width)
                if batch.count >= maximumRows || fits.overflow || fits.partialValue > tokenBudget { close() }
                if width > tokenBudget { oversized += 1 }
                batch.append(example)
            }
            close()
        }
        let order = SeededPermutation(count: cut.count, seed: seed ^ 0x4255_434B, round: epoch)
        batches = cut.indices.map { cut[order[$0]] }
        (tokenCount, paddedCount, oversizedCount) = (lengths.reduce(0, +), padding, oversized)
    }
}
