import Foundation
import YuyanFileFormats
import YuyanModels
import YuyanTokenizers
import YuyanTraining

/// The families of models that make vectors of texts.
enum EmbeddingFamily {
    /// What averages word vectors.
    static let wordVectors = "word-vectors"

    /// The keys that every network has beside its own.
    private static let learning = [
        NetworkSetting("loss", .word(["auto"] + EmbeddingLoss.allCases.map(\.rawValue)), "auto", .task),
        NetworkSetting("temperature", .number, 0.05, .task),
        NetworkSetting("hard_negatives", .integer, 1, .task),
    ]

    private static let averaging = [
        NetworkSetting("vectors", .path, .null),
        NetworkSetting("weighting", .word(WordWeighting.allCases.map(\.rawValue)), "sif"),
        NetworkSetting("smoothing", .number, 1e-3), NetworkSetting("remove_components", .integer, 1),
        NetworkSetting("words", .path, "english"), NetworkSetting("lowercase", .flag, true),
    ]

    /// All families, the default first.
    static var all: [ModelFamily] {
        let networks = ClassifierFamily.neural.sorted { one, _ in one.name == "encoder" }
        return networks.map { family in
            let settings = family.settings.filter { $0.key != "classifier_dropout" } + learning
            return ModelFamily(
                family.name,
                settings,
                modelTypes: family.description.modelTypes,
                defaults: { recipe in
                    family.defaults(&recipe)
                    recipe.training.perDeviceTrainBatchSize = 64
                    recipe.training.numTrainEpochs = 10
                }
            )
        } + [ModelFamily(wordVectors, averaging, hasPath: false)]
    }

    /// Opens a model folder.
    static func open(_ recipe: Recipe, _ folder: String) throws -> any TextEmbedding {
        recipe.model.family == wordVectors
            ? try WordVectorEmbedder(recipe, folder: folder) : try NeuralEmbedder(recipe, folder: folder)
    }
}

/// The training of a text encoder on pairs of texts.
struct NeuralEmbedding {
    let recipe: Recipe
    let registryFolder: String?
    let version: String
    let data: EmbeddingData
    let report: (TaskEvent) -> Void

    func train() throws -> TrainingOutcome {
        let session = TrainingSession(recipe: recipe, registryFolder: registryFolder, version: version)
        try session.check()
        let loss = try recipe.embeddingLoss(data.kind)
        let negatives = recipe.model.network["hard_negatives"]?.integerValue ?? 1
        guard (0...1000).contains(negatives) else {
            throw RecipeError("model.hard_negatives is \(negatives); it must lie in 0...1000")
        }
        let temperature = recipe.model.network["temperature"]?.numberValue ?? 0.05
        guard temperature > 0, temperature.isFinite else {
            throw RecipeError("model.temperature is \(temperature); it must be above 0")
        }
        let tokenizer = try recipe.makeTokenizer({ data.training.texts }, report: report)
        var fields = try recipe.encoderFields(tokenizer)
        let vectors = try PretrainedVectors(recipe)
        try vectors?.fit(&fields, recipe)
        var random = RandomSource(seed: recipe.training.seed)
        let model = TextEmbeddingModel(try recipe.encoderConfiguration(fields), random: &random)
        if let path = recipe.model.path {
            recipe.tell(lacking: try model.loadEncoder(folder: path), report)
        }
        if let note = try vectors?.fill(model.encoder.tables.first, tokenizer) { report(.note(note)) }
        let tokens = TextTokens(
            tokenizer,
            maxLength: model.configuration.maxLength,
            isFramed: model.configuration.isFramed
        )
        let range = (data.training.scores.min() ?? 0)...(data.training.scores.max() ?? 1)
        func part(_ pairs: SimilarityPairs, _ name: String) -> EmbeddingBatches {
            let encoded = EncodedSimilarityPairs(pairs, tokens)
            if encoded.cutCount > 0 {
                report(
                    .note(
                        "\(encoded.cutCount) of \(pairs.texts.count) \(name) texts have more than "
                            + "\(tokens.maxLength) tokens and are cut"
                    )
                )
            }
            return EmbeddingBatches(
                encoded,
                loss,
                negatives: negatives,
                seed: recipe.training.dataSeed ?? recipe.training.seed,
                range: range
            )
        }
        let training = part(data.training, "training")
        guard !training.rows.isEmpty else {
            throw RecipeError("data.train: no pair has the label 1; there is nothing to learn from")
        }
        let objective = EmbeddingObjective(
            model,
            data.kind,
            training: training,
            validation: part(data.validation, "validation"),
            recipe: recipe,
            save: { folder in
                try model.save(to: folder)
                try TokenizerFiles.save(tokenizer, to: folder)
            }
        )
        return try session.train(
            objective,
            tables: model.encoder.tables,
            dataFingerprint: tokenizer.fingerprint(on: data.fingerprint),
            willStart: { engine in
                report(
                    .note(
                        "model: \(recipe.model.family), \(model.parameterCount) parameters, vocabulary "
                            + "\(tokenizer.vocabularySize), vectors of \(model.dimension); loss \(loss.rawValue); \(engine)"
                    )
                )
            },
            report: { report(.training($0)) }
        )
    }
}

/// Averages of word vectors, weighed by what pairs of texts hold.
struct WordVectorAveraging {
    let recipe: Recipe
    let registryFolder: String?
    let version: String
    let data: EmbeddingData
    let report: (TaskEvent) -> Void

    func train() throws -> TrainingOutcome {
        let network = recipe.model.network
        guard let path = network["vectors"]?.stringValue else {
            throw RecipeError(
                "model.vectors is missing: name a folder of yuyan vectors train, or a file of word vectors"
            )
        }
        let smoothing = network["smoothing"]?.numberValue ?? 1e-3
        guard smoothing > 0, smoothing.isFinite else {
            throw RecipeError("model.smoothing is \(smoothing); it must be above 0")
        }
        let removed = network["remove_components"]?.integerValue ?? 1
        let words = try TextWords(recipe)
        let vectors = try WordVectors(path: path)
        guard (0..<vectors.dimension).contains(removed) else {
            throw RecipeError(
                "model.remove_components is \(removed); it must lie in 0..<\(vectors.dimension)"
            )
        }
        let texts = data.training.texts.map { words($0) }
        var counts = AveragedWordVectors.Counts()
        for text in texts { counts.add(text) }
        var model = AveragedWordVectors(
            vectors,
            weighting: WordWeighting(rawValue: network["weighting"]?.stringValue ?? "") ?? .sif,
            smoothing: smoothing,
            counts: counts
        )
        model.removeComponents(removed, of: texts)
        let occurrences = texts.reduce(0) { $0 + $1.count }
        let known = texts.reduce(0) { $0 + $1.count { model.words[$0] != nil } }
        report(
            .note(
                "\(vectors.count) word vectors of \(vectors.dimension); \(known) of \(occurrences) words of the training "
                    + "texts have one"
            )
        )
        let session = FittingSession(
            recipe: recipe,
            registryFolder: registryFolder,
            version: version,
            report: report
        )
        return try session.run(dataFingerprint: data.fingerprint) { reached in
            let folder = recipe.training.outputDir
            try SafeFile.makeFolder("\(folder)/\(AveragedWordVectors.wordFolder)")
            reached(1)
            let pairs = data.validation
            let found = try WordVectorEmbedder(model, words).vectors(pairs.texts) { _ in
                StopSignal.received == nil
            }
            let figures = try EmbeddingFigures(pairs, data.kind, vectors: found, dimension: model.dimension)
            try model.save(to: folder)
            return (1, try figures.metrics())
        }
    }
}
