import YuyanFileFormats
import YuyanModels
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

    func train() throws -> TrainingOutcome {
        let session = TrainingSession(
            recipe: recipe,
            registryFolder: run.registryFolder,
            version: run.version
        )
        try session.check()
        let vocabulary = TaggerVocabulary(
            sentences,
            minFrequency: recipe.tokenizer.minFrequency,
            lowercases: recipe.tokenizer.lowercase
        )
        let model = try makeModel(vocabulary)
        let objective = TaggingObjective(
            model,
            data,
            vocabulary,
            recipe: recipe,
            save: { [labels = data.labels] folder in
                try model.save(to: folder, labels: labels.labels)
                try vocabulary.write(to: folder)
                try labels.write(to: "\(folder)/\(NeuralClassifier.labelFile)")
            }
        )
        return try session.train(
            objective,
            tables: model.tables,
            dataFingerprint: data.fingerprint,
            willStart: { engine in
                report(
                    .note(
                        "model: \(recipe.model.family)\(model.crf == nil ? "" : " with CRF"), \(model.parameterCount) "
                            + "parameters, \(vocabulary.words.count) words, \(vocabulary.characters.count) characters; "
                            + "\(engine)"
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

    private func makeModel(_ vocabulary: TaggerVocabulary) throws -> TaggerModel {
        guard recipe.model.path == nil else {
            throw RecipeError("model.path: a tagger begins from nothing; leave the key out")
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
}
