import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics
import YuyanModels
import YuyanTokenizers
import YuyanTraining

/// An encoder that learns to say which tokens were hidden in prepared text.
final class MaskedLanguageObjective: TrainingObjective {
    /// Sequences with hidden tokens.
    struct Batch {
        let texts: TokenBatch
        /// Places of B × T.
        let places: [Int]
        let tokens: [Int32]

        /// What stands between a block's tokens and its hidden places in the block's fingerprint.
        static let end: Int32 = -1
    }

    let masked: MaskedLanguageModel
    let stepsPerEpoch: Int
    let operationsPerStep: Double
    private let tokenizer: any Tokenizer
    private let masking: TokenMasking
    private let training: TokenDataset
    private let validation: TokenDataset?
    private let settings: LanguageModelObjective.Settings
    private let frame: (prefix: [Int32], suffix: [Int32])

    /// Makes an objective.
    ///
    /// - Parameters:
    ///   - masked: The model.
    ///   - corpus: The prepared text.
    ///   - recipe: How batches are cut and tokens hidden.
    /// - Throws: ``RecipeError`` for a tokenizer without mask, or no room for a token.
    init(_ masked: MaskedLanguageModel, _ corpus: PreparedCorpus, _ recipe: Recipe) throws {
        self.masked = masked
        tokenizer = corpus.tokenizer
        let network = recipe.model.network
        let probability = network["mlm_probability"]?.numberValue ?? 0.15
        guard probability > 0, probability <= 1 else {
            throw RecipeError("model.mlm_probability is \(probability); it must lie above 0 and up to 1")
        }
        let wholeWords = network["whole_word_mask"]?.boolValue ?? true
        let words = network["words"]?.stringValue
        guard wholeWords || words == nil else {
            throw RecipeError("model.words goes with whole_word_mask: true")
        }
        masking = try TokenMasking(
            tokenizer,
            probability: probability,
            wholeWords: wholeWords,
            segmenter: words.map { try TextWords.segmenter($0) }
        )
        settings = LanguageModelObjective.Settings(recipe)
        frame = (tokenizer.addedTokens.prefix, tokenizer.addedTokens.suffix)
        let positions = masked.configuration.maxPositionEmbeddings
        let length = positions - frame.prefix.count - frame.suffix.count
        guard length >= 1 else {
            throw RecipeError("model.max_position_embeddings is \(positions); it must have room for a token")
        }
        training = corpus.dataset.trainingSet(sequenceLength: length, isolatesDocuments: false)
        validation = corpus.dataset.validationSet(sequenceLength: length, isolatesDocuments: false)
        let rows = settings.batchSize * settings.accumulation
        stepsPerEpoch = max(1, (training.rowsPerEpoch + rows - 1) / rows)
        let configuration = masked.configuration
        let hidden = probability * Double(positions)
        let head =
            2 * Double(configuration.hiddenSize) * Double(configuration.hiddenSize + configuration.vocabSize)
        operationsPerStep =
            3 * (masked.encoder.forwardFlops(length: positions) + hidden * head) * Double(rows)
    }

    var model: any Module { masked }

    var metricNames: [String] { Array(Self.metrics(LanguageModelParts("blocks")).keys) }

    func batch(step: Int, microBatch: Int) throws -> Batch {
        let number = step * settings.accumulation + microBatch
        return hide(try settings.rows(of: training, batch: number), stream: UInt64(number) + 1)
    }

    /// Hides tokens of a batch of text; the stream decides which.
    private func hide(_ batch: YuyanDatasets.Batch, stream: UInt64) -> Batch {
        var (sequences, places, tokens): ([[Int32]], [(row: Int, place: Int)], [Int32]) = ([], [], [])
        for row in 0..<batch.rows {
            let own = batch.targets[row * batch.length..<(row + 1) * batch.length].filter { $0 >= 0 }
            let random = CounterRandom(
                seed: settings.seed,
                stream: stream &* 0x1_0000 &+ UInt64(row)
            )
            let masked = masking.hide(frame.prefix + own + frame.suffix, random)
            sequences.append(masked.ids)
            places += masked.places.map { (row, $0) }
            tokens += masked.tokens
        }
        let texts = TokenBatch(sequences)
        return Batch(texts: texts, places: places.map { $0.row * texts.length + $0.place }, tokens: tokens)
    }

    func targetCount(_ batch: Batch) -> Int { batch.tokens.count }

    func inputCount(_ batch: Batch) -> Int { batch.texts.rows * batch.texts.length }

    func loss(_ batch: Batch, scale: Float) -> Tensor {
        masked.loss(
            batch.texts,
            places: batch.places,
            tokens: batch.tokens,
            scale: scale,
            smoothing: settings.smoothing
        )
    }

    func evaluate(isCancelled: () -> Bool) throws -> [String: Double] {
        Self.metrics(
            try judged(
                maxBatches: settings.maxEvaluationBatches,
                isCancelled: isCancelled,
                progress: { _, _ in }
            )
        )
    }

    /// `eval_loss` (nats per hidden token), `eval_perplexity`, `eval_accuracy`, `eval_tokens` of blocks.
    static func metrics(_ parts: LanguageModelParts) -> [String: Double] {
        let totals = parts.statistics.totals
        let (nats, count) = (totals[0], totals[1])
        return [
            "eval_loss": count > 0 ? nats / count : .nan,
            "eval_perplexity": perplexity(totalNats: nats, tokenCount: Int(count)),
            "eval_accuracy": count > 0 ? totals[3] / count : .nan, "eval_tokens": count,
        ]
    }

    /// Judges tokens of the validation text that are always the same ones, block by block: a block is a row of a batch.
    ///
    /// - Parameters:
    ///   - maxBatches: The most batches, 0 for the whole validation text.
    ///   - isCancelled: Asked between batches; what has been judged so far is returned.
    ///   - progress: Told of batches done and to do.
    /// - Returns: The blocks with hidden tokens.
    /// - Throws: ``TrainingError`` when there is no validation text.
    func judged(
        maxBatches: Int,
        isCancelled: () -> Bool,
        progress: (Int, Int) -> Void
    ) throws -> LanguageModelParts {
        try settings.judgedBlocks(
            of: validation,
            most: maxBatches,
            isCancelled: isCancelled,
            progress: progress
        ) { batch, number, parts in
            // Streams of training are counted from 1 upwards.
            let hidden = hide(batch, stream: UInt64.max &- UInt64(number))
            let logits = masked.logits(hidden.texts, at: hidden.places)
            let targets = Tensor(hidden.tokens, shape: [hidden.tokens.count])
            let losses = crossEntropies(logits, targets: targets).doubles()
            let isRight = zip(logits.argmax().integers(), hidden.tokens).map { $0 == $1 }
            var start = 0
            // Places come row by row.
            while start < hidden.places.count {
                let row = hidden.places[start] / hidden.texts.length
                var end = start
                while end < hidden.places.count, hidden.places[end] / hidden.texts.length == row { end += 1 }
                parts.add(
                    nats: losses[start..<end].reduce(0, +),
                    tokens: end - start,
                    right: isRight[start..<end].count { $0 },
                    text: { batch.targets[row * batch.length..<(row + 1) * batch.length].filter { $0 >= 0 } }
                )
                let own = batch.targets[row * batch.length..<(row + 1) * batch.length]
                let places = hidden.places[start..<end].map { Int32($0 - row * hidden.texts.length) }
                parts.mark(own + [Batch.end] + places)
                start = end
            }
        }
    }

    func saveModel(to folder: String) throws {
        try masked.save(to: folder)
        try TokenizerFiles.save(tokenizer, to: folder)
    }

    func loadModel(from folder: String) throws { try masked.loadParameters(folder: folder) }
}
