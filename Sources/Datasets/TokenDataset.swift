/// In which order a data set gives its rows.
public enum BatchOrder: String, Sendable, CaseIterable, Codable {
    /// Windows at random offsets, drawn anew for every row; there are no epochs.
    case randomWindows
    /// Every block of T tokens once in each epoch, in an order shuffled by (seed, epoch).
    case shuffledBlocks
}

/// Rows of tokens cut from a shard for training and evaluation of a language model.
///
/// A row is a pure function of the seed and its number, so batches do not depend on threads, on the size of the
/// batches before, or on interruptions.
///
/// With an end-of-text token after every document, that token counts as the last target of its document and as
/// the first input of the next: each token is predicted exactly once, the first of a document from the end-of-text
/// token alone, and no prediction sees another document. Without such a token the first token of a document is
/// never a target.
public struct TokenDataset: Sendable {
    /// The tokens.
    public let shard: TokenShard
    /// The number of positions T of a row.
    public let sequenceLength: Int
    /// The token that ends every document, if there is one.
    public let endOfText: Int32?
    /// Whether rows mark documents as segments that attention must not cross.
    public let isolatesDocuments: Bool
    /// Parts of the shard with weights, one after another; none goes through the whole once in each epoch.
    public let parts: [Part]

    /// A run of tokens that came from one source.
    public struct Part: Sendable, Hashable {
        /// The places of its tokens.
        public let range: Range<Int>
        /// How many times an epoch goes through it.
        public let weight: Double

        /// A part.
        ///
        /// - Parameters:
        ///   - range: the places of its tokens.
        ///   - weight: how many times an epoch goes through it.
        public init(range: Range<Int>, weight: Double) { (self.range, self.weight) = (range, weight) }
    }

    /// Creates a data set.
    ///
    /// Traps when `sequenceLength` < 1, or parts leave the shard or have no positive weight.
    ///
    /// - Parameters:
    ///   - shard: the tokens.
    ///   - sequenceLength: the number of positions T of a row.
    ///   - endOfText: the token that ends every document of the shard, if there is one.
    ///   - isolatesDocuments: whether documents become segments; otherwise a row is one run of text, as in nanoGPT.
    ///   - parts: runs of tokens with weights, one after another; none goes through the whole once in each epoch.
    public init(
        shard: TokenShard,
        sequenceLength: Int,
        endOfText: Int32?,
        isolatesDocuments: Bool = true,
        parts: [Part] = []
    ) {
        require(
            parts.allSatisfy {
                $0.weight > 0 && $0.range.lowerBound >= 0 && $0.range.upperBound <= shard.count
            },
            "TokenDataset: a part leaves the \(shard.count) tokens or has no positive weight"
        )
        require(
            sequenceLength >= 1,
            "TokenDataset: the sequence length must be at least 1, not \(sequenceLength)"
        )
        self.shard = shard
        self.sequenceLength = sequenceLength
        self.endOfText = endOfText
        self.isolatesDocuments = isolatesDocuments
        self.parts = parts
    }

    /// The position of the first token that is a target.
    var firstTarget: Int { endOfText == nil ? 1 : 0 }

    /// The number of tokens that are targets in one pass (some may be ignored where documents meet).
    public var targetsPerEpoch: Int { max(shard.count - firstTarget, 0) }

    /// The number of blocks of T targets in one pass, the last one filled up with padding.
    public var blocksPerEpoch: Int { (targetsPerEpoch + sequenceLength - 1) / sequenceLength }

    /// The number of rows in one epoch of training, where parts have their weights.
    public var rowsPerEpoch: Int { parts.isEmpty ? blocksPerEpoch : MixedRows(self).blocksPerEpoch }

    /// The number of different random windows.
    public var windowCount: Int { max(shard.count - sequenceLength, 0) }

    /// Fills a row with the targets from a position on and the inputs before each of them.
    ///
    /// - Parameters:
    ///   - row: the row of the batch.
    ///   - batch: a batch of T positions.
    ///   - start: the position in the shard of the first target.
    ///   - scored: the positions whose targets count; others are given as inputs only.
    func fill(row: Int, of batch: inout Batch, start: Int, scored: Range<Int>) {
        let base = row * sequenceLength
        let end = min(start + sequenceLength, shard.count)
        let tokens = shard[max(start - 1, 0)..<max(end, max(start - 1, 0))]
        let shift = start == 0 ? 0 : 1
        var document = shard.firstDocument(from: start - (endOfText == nil ? 1 : 0))
        var nextStart = documentStart(document)
        var (segment, segmentStart) = (Int32(0), 0)
        for place in 0..<sequenceLength {
            let target = start + place
            let isPadding = target >= end
            // The input before the target opens a document when it is an end-of-text token, or its first token.
            let opening = endOfText == nil ? target - 1 : target
            if nextStart == opening, !isPadding {
                document += 1
                nextStart = documentStart(document)
                if isolatesDocuments, place > 0 { (segment, segmentStart) = (segment + 1, place) }
            } else if isPadding, target == end, place > 0 {
                (segment, segmentStart) = (segment + 1, place)
            }
            let input = target == 0 || isPadding ? (endOfText ?? 0) : tokens[target - 1 - start + shift]
            batch.inputs[base + place] = input
            batch.segments[base + place] = segment
            batch.positions[base + place] = Int32(place - segmentStart)
            // Without an end-of-text token nothing before a document's first token belongs to it.
            let crosses = endOfText == nil && isolatesDocuments && nextStart == target
            if !isPadding, !crosses, scored.contains(target) {
                batch.targets[base + place] = tokens[target - start + shift]
                batch.targetCount += 1
            }
        }
    }

    private func documentStart(_ document: Int) -> Int {
        document < shard.documentCount ? shard.range(ofDocument: document).lowerBound : Int.max
    }
}

/// Batches for training, without end.
public struct TrainingBatches: BatchSource {
    /// The rows' source.
    public let dataset: TokenDataset
    /// The number of rows B.
    public let batchSize: Int
    /// The order of rows.
    public let order: BatchOrder
    /// The seed of the order.
    public let seed: UInt64
    /// The state before the next batch.
    public private(set) var state: BatchState

    private var permutation: SeededPermutation
    private var permutationEpoch: Int
    private let mixed: MixedRows?
    private var mixture: Mixture?

    /// Creates the sequence of batches, from its beginning or from a saved state.
    ///
    /// Traps when `batchSize` < 1 or the state is not one of this data set.
    ///
    /// - Parameters:
    ///   - dataset: the rows' source.
    ///   - batchSize: the number of rows B.
    ///   - order: random windows or shuffled blocks.
    ///   - seed: the seed of the order.
    ///   - state: where to go on.
    /// - Throws: `FileFormatError` when the shard is too short for one row.
    public init(
        _ dataset: TokenDataset,
        batchSize: Int,
        order: BatchOrder,
        seed: UInt64,
        state: BatchState = BatchState()
    ) throws {
        require(batchSize >= 1, "TrainingBatches: the batch size must be at least 1, not \(batchSize)")
        let mixed = dataset.parts.isEmpty ? nil : MixedRows(dataset)
        let available =
            order == .randomWindows ? mixed?.windowCount ?? dataset.windowCount : dataset.rowsPerEpoch
        guard available > 0 else { throw dataset.tooShort(for: order) }
        require(
            state.epoch >= 0 && state.position >= 0
                && (order == .randomWindows ? state.epoch == 0 : state.position <= available),
            "TrainingBatches: \(state) is no state of \(available) rows in order \(order.rawValue)"
        )
        self.dataset = dataset
        self.batchSize = batchSize
        self.order = order
        self.seed = seed
        self.state = state
        self.mixed = mixed
        permutationEpoch = state.epoch
        permutation = SeededPermutation(count: dataset.blocksPerEpoch, seed: seed, round: state.epoch)
        mixture = order == .shuffledBlocks ? try mixed?.order(seed: seed, epoch: state.epoch) : nil
    }

    /// Gives the next batch; there is always one.
    ///
    /// - Returns: a batch of B rows, never nil.
    public mutating func next() -> Batch? { nextBatch() }

    /// Gives the next batch of B rows; an epoch's last rows and the next one's first may share a batch.
    ///
    /// - Returns: the batch.
    public mutating func nextBatch() -> Batch {
        var batch = Batch(rows: batchSize, length: dataset.sequenceLength)
        for row in 0..<batchSize {
            let (start, scored) = nextRow()
            dataset.fill(row: row, of: &batch, start: start, scored: scored)
        }
        return batch
    }

    private mutating func nextRow() -> (start: Int, scored: Range<Int>) {
        let all = 0..<dataset.shard.count
        switch order {
        case .randomWindows:
            let number = UInt64(state.position)
            state.position += 1
            let random = CounterRandom(seed: seed, stream: 0x57494E44)
            if let mixed { return (mixed.window(random.index(at: number, below: 1 << 53)), all) }
            return (random.index(at: number, below: dataset.windowCount) + 1, all)
        case .shuffledBlocks:
            if state.position >= mixture?.count ?? dataset.blocksPerEpoch {
                state = BatchState(epoch: state.epoch + 1)
            }
            if permutationEpoch != state.epoch {
                permutationEpoch = state.epoch
                permutation = SeededPermutation(count: dataset.blocksPerEpoch, seed: seed, round: state.epoch)
                mixture = mixture?.with(seed: MixedRows.seed(seed, epoch: state.epoch))
            }
            defer { state.position += 1 }
            if let mixture, let mixed { return mixed.block(mixture.draw(at: state.position)) }
            return (dataset.firstTarget + permutation[state.position] * dataset.sequenceLength, all)
        }
    }
}

/// Batches for evaluation: every token of the shard is a target exactly once, in order.
public struct EvaluationBatches: BatchSource {
    /// The rows' source.
    public let dataset: TokenDataset
    /// The largest number of rows B; the last batch may have fewer.
    public let batchSize: Int
    /// How many new targets each row scores; the T − stride positions before them only give context.
    public let stride: Int
    /// The state before the next batch.
    public private(set) var state: BatchState

    /// Creates the pass over the shard.
    ///
    /// Traps when `batchSize` < 1 or `stride` lies outside 1 … T.
    ///
    /// - Parameters:
    ///   - dataset: the rows' source.
    ///   - batchSize: the largest number of rows B.
    ///   - stride: how many new targets each row scores; nil takes T, where no context is repeated.
    ///   - state: where to go on.
    /// - Throws: `FileFormatError` when the shard holds no target.
    public init(
        _ dataset: TokenDataset,
        batchSize: Int,
        stride: Int? = nil,
        state: BatchState = BatchState()
    ) throws {
        require(batchSize >= 1, "EvaluationBatches: the batch size must be at least 1, not \(batchSize)")
        let chosen = stride ?? dataset.sequenceLength
        require(
            (1...dataset.sequenceLength).contains(chosen),
            "EvaluationBatches: the stride must lie in 1 … \(dataset.sequenceLength), not \(chosen)"
        )
        guard dataset.targetsPerEpoch > 0 else { throw dataset.tooShort(for: .shuffledBlocks) }
        self.dataset = dataset
        self.batchSize = batchSize
        self.stride = chosen
        self.state = state
    }

    /// The number of rows of the whole pass.
    public var rowCount: Int { (dataset.targetsPerEpoch + stride - 1) / stride }

    /// The number of batches of the whole pass.
    public var batchCount: Int { (rowCount + batchSize - 1) / batchSize }

    /// Gives the next batch.
    ///
    /// - Returns: a batch of B rows (fewer at the end), or nil after the last.
    public mutating func next() -> Batch? {
        let rows = min(batchSize, rowCount - state.position)
        guard rows > 0 else { return nil }
        var batch = Batch(rows: rows, length: dataset.sequenceLength)
        for row in 0..<rows {
            let first = dataset.firstTarget + (state.position + row) * stride
            let end = min(first + stride, dataset.shard.count)
            // The first rows have no full context: they begin where the shard begins.
            let start = max(dataset.firstTarget, first + stride - dataset.sequenceLength)
            dataset.fill(row: row, of: &batch, start: start, scored: first..<end)
        }
        state.position += rows
        return batch
    }
}
