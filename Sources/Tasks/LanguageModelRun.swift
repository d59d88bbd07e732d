import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTokenizers
import YuyanTraining

/// What a run of language modelling tells.
public enum LanguageModelEvent {
    /// The corpus is being made ready.
    case corpus(CorpusEvent)
    /// The corpus is ready.
    case prepared(PreparedCorpus)
    /// The model is made.
    case model(DecoderModel, MatrixEngine)
    /// The trainer's own.
    case training(TrainingEvent)
}

/// A language model from a recipe: prepare, train, evaluate; recorded in the registry of runs.
public struct LanguageModelRun {
    /// The recipe.
    public let recipe: Recipe
    /// The folder of the registry of runs; nil for no record.
    public let registryFolder: String?
    let version: String

    /// Makes a run.
    ///
    /// - Parameters:
    ///   - recipe: The recipe.
    ///   - registryFolder: The folder whose `.yuyan/runs.sqlite` records the run; nil for no record.
    ///   - version: The program's version, for the record.
    public init(_ recipe: Recipe, registryFolder: String?, version: String) {
        self.recipe = recipe
        self.registryFolder = registryFolder
        self.version = version
    }

    /// The folder of the tokens: `data.prepared`, or `data` below the output folder.
    public var preparedFolder: String { recipe.data.prepared ?? "\(recipe.training.outputDir)/data" }

    /// Prepares the corpus, or finds it ready; the tokens of a run that has checkpoints are not replaced by others.
    ///
    /// - Parameters:
    ///   - report: Told how far it is.
    ///   - isCancelled: Asked now and then.
    /// - Returns: The corpus.
    /// - Throws: Errors that name file and place, or `ResumableStop`.
    public func prepare(
        report: (LanguageModelEvent) -> Void,
        isCancelled: () -> Bool = { StopSignal.received != nil }
    ) throws -> PreparedCorpus {
        let checkpoints = try CheckpointStore(folder: recipe.training.outputDir).list()
        let corpus = try CorpusStep.run(
            recipe,
            folder: preparedFolder,
            keepsTokens: !checkpoints.isEmpty,
            report: { report(.corpus($0)) },
            isCancelled: isCancelled
        )
        report(.prepared(corpus))
        return corpus
    }

    /// Trains, going on from the newest whole checkpoint.
    ///
    /// - Parameter report: Told what happens.
    /// - Returns: How it ended.
    /// - Throws: Errors that name what is wrong; checkpoints written before stay.
    public func train(report: @escaping (LanguageModelEvent) -> Void) throws -> TrainingOutcome {
        let session = TrainingSession(recipe: recipe, registryFolder: registryFolder, version: version)
        // A name that does not exist is said before any work is done.
        try session.check()
        let corpus = try prepare(report: report)
        let decoder = try makeDecoder(corpus.tokenizer)
        decoder.checkpointsActivations = recipe.training.gradientCheckpointing
        let tables = [decoder.tokenEmbedding.weight, decoder.positionEmbedding?.weight, decoder.head?.weight]
        let fingerprint = corpus.fingerprint(isolatesDocuments: recipe.data.isolateDocuments)
        let objective = makeObjective(decoder, corpus)
        let outcome = try session.train(
            objective,
            tables: tables.compactMap { $0 },
            dataFingerprint: fingerprint,
            willStart: { report(.model(decoder, $0)) },
            report: { report(.training($0)) }
        )
        try writeCard(
            "A decoder of \(decoder.parameterCount) parameters (\(decoder.configuration.family?.rawValue ?? "own") layout)",
            corpus,
            fingerprint: fingerprint,
            outcome
        )
        return outcome
    }

    private func makeDecoder(_ tokenizer: any Tokenizer) throws -> DecoderModel {
        if let path = recipe.model.path {
            // Before the weights, which may be of gigabytes.
            var configuration = try DecoderConfiguration(contentsOf: "\(path)/config.json")
            try recipe.check(configuration, path)
            guard configuration.vocabSize >= tokenizer.vocabularySize else {
                throw RecipeError(
                    "model.path: \(path) has \(configuration.vocabSize) tokens, the tokenizer "
                        + "\(tokenizer.vocabularySize); use the model's own tokenizer (tokenizer.path: \(path))"
                )
            }
            if recipe.model.given.contains("dropout") {
                configuration = try configuration.withDropout(recipe.model.dropout)
            }
            return try DecoderModel(configuration, weightsIn: path)
        }
        let model = recipe.model
        let configuration: DecoderConfiguration
        do {
            configuration = try DecoderConfiguration(
                family: model.layout == "llama" ? .llama : .gpt2,
                vocabSize: tokenizer.vocabularySize,
                hiddenSize: model.hiddenSize,
                numHiddenLayers: model.numHiddenLayers,
                numAttentionHeads: model.numAttentionHeads,
                numKeyValueHeads: model.numKeyValueHeads,
                intermediateSize: model.intermediateSize,
                maxPositionEmbeddings: model.maxPositionEmbeddings,
                normBias: model.bias,
                attentionBias: model.bias,
                mlpBias: model.bias,
                tieWordEmbeddings: model.tieWordEmbeddings,
                useRezero: model.useRezero,
                embdPdrop: model.dropout,
                residPdrop: model.dropout,
                attnPdrop: model.dropout,
                bosTokenId: tokenizer.endOfText.map { Int($0) },
                eosTokenIds: tokenizer.endOfText.map { [Int($0)] } ?? []
            )
        } catch {
            throw RecipeError("model.\(error)")
        }
        var random = RandomSource(seed: recipe.training.seed)
        return DecoderModel(configuration, random: &random)
    }

    private func makeObjective(
        _ decoder: DecoderModel,
        _ corpus: PreparedCorpus
    ) -> LanguageModelObjective {
        LanguageModelObjective(
            decoder: decoder,
            tokenizer: corpus.tokenizer,
            dataset: corpus.dataset,
            sequenceLength: min(
                decoder.configuration.maxPositionEmbeddings,
                recipe.model.maxPositionEmbeddings
            ),
            isolatesDocuments: recipe.data.isolateDocuments,
            settings: LanguageModelObjective.Settings(recipe)
        )
    }

    /// Judges a trained model folder on the recipe's validation text, or on data of its own.
    ///
    /// - Parameters:
    ///   - folder: The model folder.
    ///   - corpus: The data; its tokenizer must be the folder's.
    ///   - progress: Told of batches done and to do.
    /// - Returns: The figures, see ``LanguageModelObjective/evaluate(maxBatches:isCancelled:progress:)``.
    /// - Throws: When files are missing or do not fit.
    public func evaluate(
        folder: String,
        corpus: PreparedCorpus,
        progress: (Int, Int) -> Void
    ) throws -> [String: Double] {
        try judged(folder: folder, corpus: corpus, progress: progress).figures.metrics
    }

    /// The same, block by block.
    func judged(
        folder: String,
        corpus: PreparedCorpus,
        progress: (Int, Int) -> Void
    ) throws -> LanguageModelParts {
        let decoder = try DecoderModel(folder: folder)
        recipe.settle(decoder)
        return try makeObjective(decoder, corpus).judged(
            maxBatches: 0,
            isCancelled: { StopSignal.received != nil },
            progress: progress
        )
    }

    /// Writes the recipe and the card of a run that has ended.
    ///
    /// - Parameters:
    ///   - title: What the model is for.
    ///   - summary: What the model is, in a few words.
    ///   - corpus: The data.
    ///   - fingerprint: The fingerprint of the data as the run saw them.
    ///   - outcome: How the run ended.
    /// - Throws: `FileFormatError` when the disk refuses.
    func writeCard(
        title: String = "A language model",
        _ summary: String,
        _ corpus: PreparedCorpus,
        fingerprint: String,
        _ outcome: TrainingOutcome
    ) throws {
        func amounts(_ part: DatasetDescription.Part?) -> String {
            guard let part else { return "none" }
            return "\(part.documents) documents, \(part.tokens) tokens, \(part.bytes) bytes"
        }
        let data = corpus.dataset.description
        try RunCard(
            title: "\(title) trained with Yuyan \(version)",
            summary: summary,
            fingerprint: fingerprint,
            facts: [
                "training: \(amounts(data.train))", "validation: \(amounts(data.validation))",
                "tokenizer: \(recipe.tokenizer.type), \(corpus.tokenizer.vocabularySize) tokens",
            ]
        ).write(recipe, outcome)
    }
}

extension Recipe {
    /// The recipe that a trained model folder keeps (`recipe.json`), with the folder as its output.
    ///
    /// - Parameters:
    ///   - folder: The model folder.
    ///   - overrides: `key=value` settings that win.
    /// - Throws: ``RecipeError`` when it is missing or not understood.
    public init(modelFolder folder: String, overrides: [String] = []) throws {
        let path = "\(folder)/recipe.json"
        guard FileManager.default.fileExists(atPath: path) else {
            throw RecipeError("\(path) does not exist: \(folder) is not the folder of a finished run")
        }
        // JSON is YAML.
        try self.init(path: path, overrides: overrides)
        training.outputDir = folder
    }
}
