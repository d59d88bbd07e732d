import YuyanMetrics
import YuyanModels
import YuyanTraining

/// The pairs of a part with the tokens of their texts.
struct EncodedSimilarityPairs {
    let pairs: SimilarityPairs
    let tokens: [TextTokens.Encoded]

    init(_ pairs: SimilarityPairs, _ tokens: TextTokens) {
        self.pairs = pairs
        self.tokens = pairs.texts.map { tokens.encode($0) }
    }

    var cutCount: Int { tokens.count(where: \.isCut) }

    func batch(_ texts: [Int]) -> TokenBatch { TokenBatch(texts.map { tokens[$0].ids }) }

    func lengths(_ rows: [Int]) -> [Int] {
        rows.map { tokens[pairs.first[$0]].ids.count + tokens[pairs.second[$0]].ids.count }
    }
}

/// Pairs side by side, or first texts with candidates.
struct EmbeddingBatch {
    let first: TokenBatch
    /// The second text of each pair, or all candidates.
    let second: TokenBatch
    /// The right candidate of each first text; empty for pairs side by side.
    let targets: [Int]
    /// Candidates that do not count against a first text.
    let excluded: [[Int]]
    /// The scores of pairs side by side.
    let scores: [Double]
}

/// Makes batches of pairs.
struct EmbeddingBatches {
    let encoded: EncodedSimilarityPairs
    let loss: EmbeddingLoss
    /// The pairs that are learned from: the right ones where candidates are told apart, else all.
    let rows: [Int]
    private let negatives: Int
    private let seed: UInt64
    /// What scores are moved and divided by, so that they lie between 0 and 1.
    private let shift: Double
    private let span: Double

    init(
        _ encoded: EncodedSimilarityPairs,
        _ loss: EmbeddingLoss,
        negatives: Int,
        seed: UInt64,
        range: ClosedRange<Double>
    ) {
        (self.encoded, self.loss, self.negatives, self.seed) = (encoded, loss, negatives, seed)
        let scores = encoded.pairs.scores
        rows = loss == .contrastive ? scores.indices.filter { scores[$0] > 0 } : Array(scores.indices)
        shift = range.lowerBound
        span = range.upperBound > range.lowerBound ? range.upperBound - range.lowerBound : 1
    }

    var lengths: [Int] { encoded.lengths(rows) }

    /// The batch of some of the rows.
    ///
    /// - Parameters:
    ///   - members: Places in `rows`.
    ///   - epoch: Hard negatives are drawn anew in every epoch.
    /// - Returns: The batch.
    func batch(_ members: [Int], epoch: Int) -> EmbeddingBatch {
        let own = members.map { rows[$0] }
        let first = own.map { encoded.pairs.first[$0] }
        let second = own.map { encoded.pairs.second[$0] }
        guard loss == .contrastive else {
            return EmbeddingBatch(
                first: encoded.batch(first),
                second: encoded.batch(second),
                targets: [],
                excluded: [],
                scores: own.map { (encoded.pairs.scores[$0] - shift) / span }
            )
        }
        var places: [Int: Int] = [:]
        var candidates: [Int] = []
        func add(_ text: Int) {
            guard places[text] == nil else { return }
            places[text] = candidates.count
            candidates.append(text)
        }
        for text in second { add(text) }
        for (row, question) in zip(own, first) {
            for text in hardNegatives(of: question, row: row, epoch: epoch) { add(text) }
        }
        let excluded = zip(first, second).map { question, target in
            ((encoded.pairs.right[question] ?? []) + [question]).filter { $0 != target }
                .compactMap { places[$0] }
        }
        return EmbeddingBatch(
            first: encoded.batch(first),
            second: encoded.batch(candidates),
            targets: second.compactMap { places[$0] },
            excluded: excluded,
            scores: []
        )
    }

    /// Wrong texts of a question, drawn without repeating one.
    private func hardNegatives(of question: Int, row: Int, epoch: Int) -> [Int] {
        var wrong = encoded.pairs.wrong[question] ?? []
        guard wrong.count > negatives else { return wrong }
        var random = RandomSource(
            seed: seed,
            stream: 0x6E65_6761 + UInt64(epoch),
            position: UInt64(row) << 20
        )
        for place in 0..<negatives {
            wrong.swapAt(place, place + random.nextIndex(below: wrong.count - place))
        }
        return Array(wrong.prefix(negatives))
    }
}

/// A sentence encoder that learns pairs.
final class EmbeddingObjective: TrainingObjective {
    let embedder: TextEmbeddingModel
    let stepsPerEpoch: Int
    let operationsPerStep: Double
    private let training: EmbeddingBatches
    private let validation: EmbeddingBatches
    private let kind: SimilarityKind
    private let batches: ExampleBatches
    private let accumulation: Int
    private let evaluationRows: Int
    private let temperature: Double
    private let save: (String) throws -> Void

    /// Makes an objective; `save` writes the model folder.
    init(
        _ embedder: TextEmbeddingModel,
        _ kind: SimilarityKind,
        training: EmbeddingBatches,
        validation: EmbeddingBatches,
        recipe: Recipe,
        save: @escaping (String) throws -> Void
    ) {
        (self.embedder, self.kind, self.save) = (embedder, kind, save)
        (self.training, self.validation) = (training, validation)
        let arguments = recipe.training
        accumulation = arguments.gradientAccumulationSteps
        evaluationRows = recipe.training.evaluationRows()
        temperature = recipe.model.network["temperature"]?.numberValue ?? 0.05
        let lengths = training.lengths
        batches = ExampleBatches(
            lengths: lengths,
            rows: arguments.perDeviceTrainBatchSize,
            seed: arguments.dataSeed ?? arguments.seed
        )
        stepsPerEpoch = max(1, (batches.countPerEpoch + accumulation - 1) / accumulation)
        let mean = lengths.reduce(0, +) / max(2 * lengths.count, 1)
        operationsPerStep =
            2 * embedder.encoder.trainingFlops(length: mean)
            * Double(arguments.perDeviceTrainBatchSize * accumulation)
    }

    var model: any Module { embedder }

    var metricNames: [String] { ["eval_loss"] + EmbeddingFigures.metricNames(kind) }

    func batch(step: Int, microBatch: Int) throws -> EmbeddingBatch {
        let number = step * accumulation + microBatch
        return training.batch(batches.members(number), epoch: number / batches.countPerEpoch)
    }

    /// An order of pairs is one target, whatever their number.
    func targetCount(_ batch: EmbeddingBatch) -> Int { training.loss == .cosent ? 1 : batch.first.rows }

    func inputCount(_ batch: EmbeddingBatch) -> Int {
        batch.first.rows * batch.first.length + batch.second.rows * batch.second.length
    }

    func loss(_ batch: EmbeddingBatch, scale: Float) -> Tensor {
        let first = embedder.vectors(batch.first)
        // The second texts draw what the first ones did not.
        for case let module as any RandomizedModule in embedder.namedModules().map(\.module) {
            module.random = module.random.advanced(by: 1 << 33)
        }
        let second = embedder.vectors(batch.second)
        switch training.loss {
        case .contrastive:
            return contrastiveLoss(
                first,
                second,
                targets: batch.targets,
                excluded: batch.excluded,
                temperature: temperature,
                scale: scale
            )
        case .cosine: return cosineLoss(first, second, scores: batch.scores, scale: scale)
        case .cosent:
            return rankingLoss(first, second, scores: batch.scores, temperature: temperature, scale: scale)
        }
    }

    func evaluate(isCancelled: () -> Bool) throws -> [String: Double] {
        let found = NeuralEmbedder.vectors(
            embedder,
            validation.encoded.tokens,
            rows: evaluationRows
        ) { _ in !isCancelled() }
        guard let vectors = found else { return [:] }
        let figures = try EmbeddingFigures(
            validation.encoded.pairs,
            kind,
            vectors: vectors,
            dimension: embedder.dimension
        )
        var metrics = try figures.metrics()
        metrics["eval_loss"] = meanLoss()
        return metrics
    }

    /// The mean loss of the validation part in batches of training's size.
    private func meanLoss() -> Double {
        let rows = batches.rows
        var (sum, targets) = (0.0, 0)
        for start in stride(from: 0, to: validation.rows.count, by: rows) {
            let batch = validation.batch(Array(start..<min(start + rows, validation.rows.count)), epoch: 0)
            sum += Tape.withoutRecording { loss(batch, scale: 1).item() }
            targets += targetCount(batch)
        }
        return targets > 0 ? sum / Double(targets) : .nan
    }

    func saveModel(to folder: String) throws { try save(folder) }

    func loadModel(from folder: String) throws {
        try embedder.loadParameters(from: WeightFiles(path: folder), map: embedder.configuration.keyMap)
    }
}
