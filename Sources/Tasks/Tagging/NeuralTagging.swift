import YuyanFileFormats
import YuyanModels
import YuyanTokenizers
import YuyanTraining

/// The training of a network on tagged sentences.
struct NeuralTagging {
    private let run: TaggingRun
    private let data: TaggingData
    private let report: (TaskEvent) -> Void
    private var recipe: Recipe { run.recipe }

    init(_ run: TaggingRun, _ data: TaggingData, _ report: @escaping (TaskEvent) -> Void) {
        (self.run, self.data, self.report) = (run, data, report)
    }

    private var session: TrainingSession {
        TrainingSession(recipe: recipe, registryFolder: run.registryFolder, version: run.version)
    }

    /// Refuses what a run cannot do before anything is made.
    private func check() throws {
        if recipe.model.network["crf"]?.boolValue ?? true {
            try recipe.refuseLabelSmoothing(
                "a CRF learns the tags of a sentence together; model.crf=false learns each by itself, with smoothing"
            )
        }
        try session.check()
    }

    private func train(_ network: some TaggingNetwork, fingerprint: String) throws -> TrainingOutcome {
        let model = network.model
        let objective = TaggingObjective(network, data, recipe: recipe)
        for note in objective.notes { report(.note(note)) }
        return try session.train(
            objective,
            tables: model.tables,
            dataFingerprint: fingerprint,
            willStart: { engine in
                report(
                    .note(
                        "model: \(recipe.model.family)\(model.crf == nil ? "" : " with CRF"), \(model.parameterCount) "
                            + "parameters, \(network.extent); \(engine)"
                    )
                )
            },
            report: { report(.training($0)) }
        )
    }

    /// The different sentences of the training part, each once however many predicates it has.
    private var sentences: [[String]] {
        var last = -1
        return data.training.compactMap { item in
            defer { last = item.sentence }
            return item.sentence == last ? nil : item.input.tokens
        }
    }

    // MARK: Recurrent networks

    func trainRecurrent() throws -> TrainingOutcome {
        try check()
        let vocabulary = TaggerVocabulary(
            sentences,
            minFrequency: recipe.tokenizer.minFrequency,
            lowercases: recipe.tokenizer.lowercase
        )
        let network = RecurrentTagging(try makeModel(vocabulary), vocabulary)
        return try train(network, fingerprint: data.fingerprint)
    }

    private func makeModel(_ vocabulary: TaggerVocabulary) throws -> TaggerModel {
        guard recipe.model.path == nil else {
            throw RecipeError("model.path: a recurrent tagger begins from nothing; leave the key out")
        }
        var object = recipe.model.network
        object["model_type"] = .string("\(recipe.model.family)-tagger")
        object["vocab_size"] = .integer(vocabulary.words.count + 1)
        let looks = object["characters"]?.boolValue ?? !vocabulary.isOfCharacters
        object["character_vocab_size"] = .integer(looks ? vocabulary.characters.count + 1 : 0)
        let vectors = try PretrainedVectors(recipe)
        if let vectors { object["embedding_dim"] = .integer(vectors.width) }
        let configuration: TaggerConfiguration
        do {
            configuration = try TaggerConfiguration(ConfigurationReader(.object(object)))
        } catch {
            throw RecipeError("model.\(error)")
        }
        var random = RandomSource(seed: recipe.training.seed)
        let model = TaggerModel(configuration, labelCount: data.labels.count, random: &random)
        // Row 0 stands for all words that are not known.
        if let vectors {
            report(.note(try vectors.fill(model.vectors.table.weight, [""] + vocabulary.words)))
        }
        return model
    }

    // MARK: Transformer encoders

    func trainEncoder() throws -> TrainingOutcome {
        try check()
        let tokenizer = try recipe.makeTokenizer(
            { sentences.map { $0.joined(separator: " ") } },
            report: report
        )
        let network = try EncoderTagging(try makeModel(tokenizer), tokenizer)
        return try train(network, fingerprint: tokenizer.fingerprint(on: data.fingerprint))
    }

    private func makeModel(_ tokenizer: any Tokenizer) throws -> EncoderTagger {
        var object = try recipe.encoderFields(
            tokenizer,
            complete: { try MaskedLanguageModel.configuration($0).fields }
        )
        // A model to begin with has its own sizes, but not these.
        for key in ["classifier_dropout", "crf"] { object[key] = recipe.model.network[key] }
        object["of_characters"] = .bool(CharacterTokens.areUsual(in: sentences))
        let vectors = try PretrainedVectors(recipe)
        try vectors?.fit(&object, recipe)
        let configuration: EncoderTaggerConfiguration
        do {
            configuration = try EncoderTaggerConfiguration(ConfigurationReader(.object(object)))
        } catch {
            throw RecipeError("model.\(error)")
        }
        var random = RandomSource(seed: recipe.training.seed)
        let model = EncoderTagger(configuration, labelCount: data.labels.count, random: &random)
        if let path = recipe.model.path { try model.loadEncoder(folder: path) }
        if let note = try vectors?.fill(model.encoder.tables.first, tokenizer) { report(.note(note)) }
        return model
    }
}
