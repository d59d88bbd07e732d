import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTokenizers
import YuyanTraining

/// Pre-training of an encoder on text: some tokens are hidden, and the model says which ones stand there.
struct MaskedLanguageRun: TaskRun {
    /// What prepares the text.
    private let text: LanguageModelRun
    private let registryFolder: String?
    private let version: String

    init(recipe: Recipe, registryFolder: String?, version: String) {
        text = LanguageModelRun(recipe, registryFolder: registryFolder, version: version)
        (self.registryFolder, self.version) = (registryFolder, version)
    }

    var recipe: Recipe { text.recipe }

    func prepare(report: @escaping (TaskEvent) -> Void) throws -> TaskPreparation {
        try text.prepareTask(report: report)
    }

    func train(report: @escaping (TaskEvent) -> Void) throws -> TrainingOutcome {
        let session = TrainingSession(recipe: recipe, registryFolder: registryFolder, version: version)
        try session.check()
        let corpus = try text.prepare(report: { report($0.taskEvent) })
        let model = try makeModel(corpus.tokenizer, report: report)
        // Rows of an encoder run over the ends of documents whatever the recipe says.
        let fingerprint = corpus.fingerprint(isolatesDocuments: false)
        let objective = try MaskedLanguageObjective(model, corpus, recipe)
        let outcome = try session.train(
            objective,
            tables: model.encoder.tables,
            dataFingerprint: fingerprint,
            willStart: { engine in
                let sizes = model.configuration
                report(
                    .note(
                        "model: encoder of \(sizes.numHiddenLayers) layers, width \(sizes.hiddenSize), "
                            + "\(model.parameterCount) parameters; \(engine)"
                    )
                )
            },
            report: { report(.training($0)) }
        )
        try text.writeCard(
            title: "An encoder",
            "A Transformer encoder of \(model.parameterCount) parameters with a masked-language head",
            corpus,
            fingerprint: fingerprint,
            outcome
        )
        return outcome
    }

    private func makeModel(
        _ tokenizer: any Tokenizer,
        report: (TaskEvent) -> Void
    ) throws -> MaskedLanguageModel {
        let vectors = try PretrainedVectors(recipe)
        if let path = recipe.model.path {
            let fields = try recipe.fieldsToBeginWith(path) { reader in
                JSONObject(try MaskedLanguageModel.configuration(reader).fields)
            }
            let model = try MaskedLanguageModel(folder: path, fields: fields)
            guard model.configuration.vocabSize >= tokenizer.vocabularySize else {
                throw RecipeError(
                    "model.path: \(path) has \(model.configuration.vocabSize) tokens, the tokenizer "
                        + "\(tokenizer.vocabularySize); use the model's own (tokenizer.path: \(path))"
                )
            }
            return model
        }
        var object = recipe.model.network
        object["model_type"] = "encoder"
        object["vocab_size"] = .integer(tokenizer.vocabularySize)
        try vectors?.fit(&object, recipe)
        let configuration: TransformerEncoderConfiguration
        do {
            configuration = try MaskedLanguageModel.configuration(ConfigurationReader(.object(object)))
        } catch {
            throw RecipeError("model.\(error)")
        }
        var random = RandomSource(seed: recipe.training.seed)
        let model = MaskedLanguageModel(configuration, random: &random)
        if let note = try vectors?.fill(model.encoder.tables.first, tokenizer) { report(.note(note)) }
        return model
    }

    func evaluate(
        folder: String,
        data: EvaluationData,
        report: @escaping (TaskEvent) -> Void
    ) throws -> TaskEvaluation {
        let corpus = try text.corpus(folder: folder, data: data, report: report)
        let model = try MaskedLanguageModel(folder: folder)
        recipe.settle(model)
        let found = try MaskedLanguageObjective(model, corpus, recipe).judged(
            maxBatches: 0,
            isCancelled: { StopSignal.received != nil },
            progress: { done, total in report(.status { "evaluating: \(done) of \(total) batches" }) }
        )
        if StopSignal.received != nil { throw CancellationError() }
        report(.status { "estimating intervals" })
        return LanguageModelJudgement(
            metrics: MaskedLanguageObjective.metrics(found),
            parts: found,
            tokenizer: corpus.tokenizer,
            outcomes: found.blockOutcomes(tokenizer: corpus.dataset.description.tokenizerFingerprint)
        ).evaluation(EvaluationSubject(recipe, folder: folder, data: data))
    }

    func predictor(folder: String) throws -> any TaskPredictor { try MaskPredictor(recipe, folder: folder) }
}

/// A masked-language model that fills in what is hidden in rows.
struct MaskPredictor: TaskPredictor {
    let dataSettings: DataSettings
    private let model: MaskedLanguageModel
    private let tokenizer: any Tokenizer
    private let mask: Int32

    /// How many tokens are told for a place.
    private static let told = 5

    init(_ recipe: Recipe, folder: String) throws {
        model = try MaskedLanguageModel(folder: folder)
        recipe.settle(model)
        tokenizer = try TokenizerFiles.load(folder: folder)
        guard let mask = TokenMasking.mask(of: tokenizer) else {
            throw RecipeError("\(folder): the tokenizer has no token [MASK] or <mask>")
        }
        (self.mask, dataSettings) = (mask, recipe.data.examples.settings)
    }

    var inputRoles: [ExampleRole] { [ExampleRole("text")] }

    func predict(_ rows: [Record]) throws -> [JSONObject] {
        try rows.map { row in
            let (text, ids, places) = try row.stating { try input(row) }
            var object = JSONObject()
            object["text"] = .string(text)
            object["masks"] = .array(answers(ids, places))
            return object
        }
    }

    func check(_ row: Record) throws { _ = try input(row) }

    /// The text of a row, its tokens, and the places of those that are hidden.
    private func input(_ row: Record) throws -> (text: String, ids: [Int32], places: [Int]) {
        let text = try row.requiredText("text")
        let ids = tokenizer.encodeFramed(text, specialTokens: .recognized)
        let places = ids.indices.filter { ids[$0] == mask }
        guard !places.isEmpty else {
            let name = tokenizer.token(of: mask) ?? ""
            throw RecipeError("the text has no \(name), for which a token could be found")
        }
        let most = model.configuration.maxPositionEmbeddings
        guard ids.count <= most else {
            throw RecipeError("the text has \(ids.count) tokens, more than the model's \(most)")
        }
        return (text, ids, places)
    }

    private func answers(_ ids: [Int32], _ places: [Int]) -> [JSONValue] {
        let shares = Tape.withoutRecording {
            softmax(model.logits(TokenBatch([ids]), at: places)).doubles()
        }
        let width = model.configuration.vocabSize
        return places.indices.map { row in
            let own = shares[row * width..<(row + 1) * width]
            let best = own.indices.sorted { (own[$1], $0) < (own[$0], $1) }.prefix(Self.told)
            return .array(
                best.map { index in
                    [
                        "token": .string(tokenizer.token(of: Int32(index - own.startIndex)) ?? ""),
                        "probability": .number(own[index]),
                    ]
                }
            )
        }
    }
}

extension TaskDescription {
    /// Pre-training of encoders.
    static var maskedLanguageModeling: TaskDescription {
        let settings =
            NetworkSetting.encoder + [
                NetworkSetting("type_vocab_size", .integer, 2),
                NetworkSetting("mlm_probability", .number, 0.15, .task),
                NetworkSetting("whole_word_mask", .flag, true, .task),
                NetworkSetting("words", .path, .null, .task),
            ] + PretrainedVectors.settings
        return TaskDescription(
            name: "masked-language-modeling",
            dataFields: DataRecipe.fields,
            families: [
                ModelFamily(
                    "encoder",
                    settings,
                    modelTypes: TransformerEncoderConfiguration.modelTypes,
                    defaults: { recipe in
                        recipe.model.network["max_position_embeddings"] = 256
                        // With norms before the branches learning stands at the frequencies of tokens for much longer,
                        // and with tables of positions at those of neighbours.
                        recipe.model.network["norm_placement"] = .string(NormPlacement.post.rawValue)
                        recipe.model.network["position_embedding_type"] = .string(
                            EncoderPositions.rotary.rawValue
                        )
                    }
                )
            ],
            defaults: { recipe in
                recipe.tokenizer.type = "wordpiece"
                recipe.training.learningRate = 5e-4
                recipe.training.warmupRatio = 0.1
                recipe.training.lrSchedulerType = "linear"
                recipe.training.minLrRatio = 0
                recipe.training.weightDecay = 0.01
                recipe.training.adamBeta2 = 0.999
            },
            finish: { _, _ in },
            makeRun: { MaskedLanguageRun(recipe: $0, registryFolder: $1, version: $2) }
        )
    }
}
