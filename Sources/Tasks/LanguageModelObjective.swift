import YuyanDatasets
import YuyanMetrics
import YuyanModels
import YuyanTokenizers
import YuyanTraining

/// A decoder that learns to predict the next token of prepared text.
public final class LanguageModelObjective: TrainingObjective {
    /// The decoder.
    public let decoder: DecoderModel
    /// The tokenizer that made the data, saved beside the weights.
    public let tokenizer: any Tokenizer
    /// Optimizer steps per pass over the training tokens.
    public let stepsPerEpoch: Int
    /// Floating-point operations of a step.
    public let operationsPerStep: Double
    private let training: TokenDataset
    private let validation: TokenDataset?
    private let settings: Settings
    private let tokenByteCounts: [Int]

    /// How batches are cut and judged.
    public struct Settings: Sendable {
        /// Rows of a training batch.
        public var batchSize: Int
        /// Rows of an evaluation batch.
        public var evaluationBatchSize: Int
        /// Micro-batches of a step.
        public var accumulation: Int
        /// The order of training rows.
        public var order: BatchOrder
        /// The seed of that order.
        public var seed: UInt64
        /// The most batches of an evaluation, spread evenly over the validation text; 0 for all of it.
        public var maxEvaluationBatches: Int
        /// Label smoothing of the training loss.
        public var smoothing: Float

        /// Settings of a recipe.
        public init(_ recipe: Recipe) {
            let arguments = recipe.training
            batchSize = arguments.perDeviceTrainBatchSize
            evaluationBatchSize = arguments.evaluationRows(atLeast: 1)
            accumulation = arguments.gradientAccumulationSteps
            order = recipe.data.order == "windows" ? .randomWindows : .shuffledBlocks
            seed = arguments.dataSeed ?? arguments.seed
            maxEvaluationBatches = arguments.maxEvalBatches
            smoothing = Float(arguments.labelSmoothingFactor)
        }
    }

    /// Makes an objective.
    ///
    /// - Parameters:
    ///   - decoder: The decoder.
    ///   - tokenizer: The tokenizer that made the data.
    ///   - dataset: The prepared data.
    ///   - sequenceLength: The number of positions T of a row.
    ///   - isolatesDocuments: Whether attention stays inside a document.
    ///   - settings: How batches are cut and judged.
    public init(
        decoder: DecoderModel,
        tokenizer: any Tokenizer,
        dataset: PreparedDataset,
        sequenceLength: Int,
        isolatesDocuments: Bool,
        settings: Settings
    ) {
        self.decoder = decoder
        self.tokenizer = tokenizer
        self.settings = settings
        training = dataset.trainingSet(sequenceLength: sequenceLength, isolatesDocuments: isolatesDocuments)
        validation = dataset.validationSet(
            sequenceLength: sequenceLength,
            isolatesDocuments: isolatesDocuments
        )
        let rowsPerStep = settings.batchSize * settings.accumulation
        stepsPerEpoch = max(1, (training.rowsPerEpoch + rowsPerStep - 1) / rowsPerStep)
        operationsPerStep =
            decoder.configuration.trainingFlopsPerToken(sequenceLength: sequenceLength)
            * Double(rowsPerStep * sequenceLength)
        tokenByteCounts = LanguageModelFigures.byteCounts(tokenizer)
    }

    /// The decoder.
    public var model: any Module { decoder }

    /// The rows of a micro-batch, which depend on the numbers alone.
    public func batch(step: Int, microBatch: Int) throws -> Batch {
        try settings.rows(of: training, batch: step * settings.accumulation + microBatch)
    }

    /// The targets that count.
    public func targetCount(_ batch: Batch) -> Int { batch.targetCount }

    /// All positions, padding included.
    public func inputCount(_ batch: Batch) -> Int { batch.rows * batch.length }

    /// The scaled sum of the losses.
    public func loss(_ batch: Batch, scale: Float) -> Tensor {
        let tensors = BatchTensors(batch)
        return decoder.loss(
            inputIDs: tensors.inputs,
            targets: tensors.targets,
            segments: tensors.segments,
            positions: tensors.positions,
            scale: scale,
            smoothing: settings.smoothing
        )
    }

    /// The loss of every target of a batch.
    private func losses(_ batch: Batch) -> [Double] {
        let tensors = BatchTensors(batch)
        return decoder.losses(
            inputIDs: tensors.inputs,
            targets: tensors.targets,
            segments: tensors.segments,
            positions: tensors.positions
        )
    }

    /// The names of the figures that ``evaluate(isCancelled:)`` gives.
    public var metricNames: [String] {
        Array(LanguageModelFigures(nats: 0, tokens: 0, bytes: 0).metrics.keys)
    }

    /// Loss, perplexity and bits per byte on the validation text, or on evenly spread batches of it.
    public func evaluate(isCancelled: () -> Bool) throws -> [String: Double] {
        try evaluate(
            maxBatches: settings.maxEvaluationBatches,
            isCancelled: isCancelled,
            progress: { _, _ in }
        )
    }

    /// The same with a limit of its own.
    ///
    /// - Parameters:
    ///   - maxBatches: The most batches, 0 for the whole validation text.
    ///   - isCancelled: Asked between batches; what has been judged so far is returned.
    ///   - progress: Told of batches done and to do.
    /// - Returns: `eval_loss` (nats per token), `eval_perplexity`, `eval_bits_per_byte`, `eval_tokens`, `eval_bytes`.
    /// - Throws: ``TrainingError`` when there is no validation text.
    public func evaluate(
        maxBatches: Int,
        isCancelled: () -> Bool,
        progress: (Int, Int) -> Void
    ) throws -> [String: Double] {
        try judged(maxBatches: maxBatches, isCancelled: isCancelled, progress: progress).figures.metrics
    }

    /// The same, block by block: a block is a row of a batch.
    func judged(
        maxBatches: Int,
        isCancelled: () -> Bool,
        progress: (Int, Int) -> Void
    ) throws -> LanguageModelParts {
        // Of some batches there is no whole document.
        let text = validation.flatMap { validation in
            maxBatches > 0
                ? nil
                : JudgedText(
                    validation.shard,
                    tokenizer,
                    endOfText: validation.endOfText,
                    isolatesDocuments: validation.isolatesDocuments,
                    tokenBytes: tokenByteCounts
                )
        }
        return try settings.judgedBlocks(
            of: validation,
            most: maxBatches,
            text: text,
            isCancelled: isCancelled,
            progress: progress
        ) { batch, number, parts in
            let losses = losses(batch)
            for row in 0..<batch.rows {
                let places = row * batch.length..<(row + 1) * batch.length
                let targets = batch.targets[places].filter { $0 >= 0 }
                guard !targets.isEmpty else { continue }
                parts.add(
                    nats: losses[places].reduce(0, +),
                    tokens: targets.count,
                    bytes: targets.reduce(0) { $0 + tokenByteCounts[Int($1)] },
                    text: { targets }
                )
                let before = (number * settings.evaluationBatchSize + row) * batch.length - places.lowerBound
                for place in places where batch.targets[place] >= 0 {
                    parts.add(losses[place], after: Int(batch.positions[place]))
                    parts.text?.add(losses[place], of: batch.targets[place], number: before + place)
                }
            }
        }
    }

    /// Writes configuration, weights and tokenizer.
    public func saveModel(to folder: String) throws {
        try decoder.save(to: folder)
        try TokenizerFiles.save(tokenizer, to: folder)
    }

    /// Reads weights that ``saveModel(to:)`` wrote.
    public func loadModel(from folder: String) throws {
        try decoder.loadParameters(from: WeightFiles(path: folder), map: decoder.configuration.keyMap)
    }
}

/// What a decoder reads of a batch.
private struct BatchTensors {
    let inputs: Tensor
    let targets: Tensor
    /// Nil where every row holds one document.
    let segments: Tensor?
    let positions: Tensor?

    init(_ batch: Batch) {
        let shape: Shape = [batch.rows, batch.length]
        (inputs, targets) = (Tensor(batch.inputs, shape: shape), Tensor(batch.targets, shape: shape))
        let isPacked = batch.hasSeveralSegments
        segments = isPacked ? Tensor(batch.segments, shape: shape) : nil
        positions = isPacked ? Tensor(batch.positions, shape: shape) : nil
    }
}

extension LanguageModelObjective.Settings {
    /// The rows of a micro-batch, which depend on its number alone.
    ///
    /// - Parameters:
    ///   - dataset: The tokens to learn from.
    ///   - number: The number of the micro-batch, counted over all steps.
    /// - Returns: The rows.
    /// - Throws: `FileFormatError` when the data is too short for one row.
    func rows(of dataset: TokenDataset, batch number: Int) throws -> Batch {
        let row = number * batchSize
        let state: BatchState
        switch order {
        case .randomWindows: state = BatchState(position: row)
        case .shuffledBlocks:
            let blocks = max(dataset.rowsPerEpoch, 1)
            state = BatchState(epoch: row / blocks, position: row % blocks)
        }
        var batches = try TrainingBatches(
            dataset,
            batchSize: batchSize,
            order: order,
            seed: seed,
            state: state
        )
        return batches.nextBatch()
    }

    /// Judges the validation text, or evenly spread batches of it, block by block.
    ///
    /// - Parameters:
    ///   - dataset: The validation text.
    ///   - most: The most batches, 0 for the whole text.
    ///   - text: What collects the documents of the text, when they are wanted.
    ///   - isCancelled: Asked between batches; true ends it.
    ///   - progress: Told of batches done and to do.
    ///   - body: Takes a batch and its number, and adds its blocks.
    /// - Returns: The blocks.
    /// - Throws: ``TrainingError`` when there is no validation text.
    func judgedBlocks(
        of dataset: TokenDataset?,
        most: Int,
        text: JudgedText? = nil,
        isCancelled: () -> Bool,
        progress: (Int, Int) -> Void,
        _ body: (Batch, Int, inout LanguageModelParts) throws -> Void
    ) throws -> LanguageModelParts {
        var parts = LanguageModelParts("blocks")
        parts.text = text
        guard let dataset else {
            throw TrainingError("there is no validation text; give data.validation or a validation_fraction")
        }
        let size = evaluationBatchSize
        let total = try EvaluationBatches(dataset, batchSize: size).batchCount
        let count = most > 0 ? min(most, total) : total
        for number in 0..<count {
            if isCancelled() { break }
            let place = count == total ? number : number * total / count
            var source = try EvaluationBatches(
                dataset,
                batchSize: size,
                state: BatchState(position: place * size)
            )
            guard let batch = source.next() else { break }
            try body(batch, number, &parts)
            progress(number + 1, count)
        }
        return parts
    }
}
