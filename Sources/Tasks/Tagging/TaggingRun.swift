import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics
import YuyanModels
import YuyanTraining

/// Named entities, parts of speech and other tags of tokens: tagged sentences → vocabulary, model, figures.
struct TaggingRun: TaskRun {
    let recipe: Recipe
    let registryFolder: String?
    let version: String

    func prepare(report: @escaping (TaskEvent) -> Void) throws -> TaskPreparation {
        let preparation = try recipe.inspectExamples(as: .tagging, report: report)
        for note in try TaggingData(recipe).notes { report(.note(note)) }
        return preparation
    }

    func train(report: @escaping (TaskEvent) -> Void) throws -> TrainingOutcome {
        let session = TrainingSession(recipe: recipe, registryFolder: registryFolder, version: version)
        try session.check()
        let data = try TaggingData(recipe)
        for note in data.notes { report(.note(note)) }
        let vocabulary = TaggerVocabulary(
            data.training,
            minFrequency: recipe.tokenizer.minFrequency,
            lowercases: recipe.tokenizer.lowercase
        )
        let model = try makeModel(data, vocabulary)
        let objective = TaggingObjective(
            model,
            data,
            vocabulary,
            recipe: recipe,
            save: { folder in
                try model.save(to: folder, labels: data.labels.labels)
                try vocabulary.write(to: folder)
                try data.labels.write(to: "\(folder)/\(NeuralClassifier.labelFile)")
            }
        )
        let outcome = try session.train(
            objective,
            tables: model.tables,
            dataFingerprint: data.fingerprint,
            dtype: .f32,
            willStart: { peak in
                report(
                    .note(
                        "model: \(recipe.model.family)\(model.crf == nil ? "" : " with CRF"), \(model.parameterCount) "
                            + "parameters, \(vocabulary.words.count) words, \(vocabulary.characters.count) characters; "
                            + "f32 on \(standardBackend.summary), matrix peak \(Int(peak / 1e9)) GFLOP/s"
                    )
                )
            },
            report: { report(.training($0)) }
        )
        if case .interrupted = outcome.reason { return outcome }
        try recipe.resolved.write(to: "\(recipe.training.outputDir)/recipe.json")
        let facts = [
            "\(data.training.count) sentences to learn from, \(data.validation.count) to judge by"
        ]
        try RunCard(
            title: "A tagger trained with Yuyan \(version)",
            summary: "\(recipe.model.family), \(data.labels.count) tags",
            fingerprint: data.fingerprint,
            facts: facts,
            labels: data.labels
        ).write(recipe, outcome)
        return outcome
    }

    private func makeModel(_ data: TaggingData, _ vocabulary: TaggerVocabulary) throws -> TaggerModel {
        guard recipe.model.path == nil else {
            throw RecipeError("model.path: a tagger begins from nothing; leave the key out")
        }
        var object = recipe.model.network
        object["model_type"] = .string("\(recipe.model.family)-tagger")
        object["vocab_size"] = .integer(vocabulary.words.count + 1)
        let looks = object["characters"]?.boolValue ?? !vocabulary.isOfCharacters
        object["character_vocab_size"] = .integer(looks ? vocabulary.characters.count + 1 : 0)
        let configuration: TaggerConfiguration
        do {
            configuration = try TaggerConfiguration(ConfigurationReader(.object(object)))
        } catch {
            throw RecipeError("model.\(error)")
        }
        var random = RandomSource(seed: recipe.training.seed)
        return TaggerModel(configuration, labelCount: data.labels.count, random: &random)
    }

    func evaluate(
        folder: String,
        data source: EvaluationData,
        report: @escaping (TaskEvent) -> Void
    ) throws -> TaskEvaluation {
        let tagger = try Tagger(recipe, folder: folder)
        let (examples, _): ([TaggingExample], String) = try recipe.reading(source.settings).examples(
            toJudgeBy: source.path,
            isStratified: false
        )
        let predictions = try tagger.tags(examples.map(\.tokens)) { done in
            report(.status { "evaluating: \(done) of \(examples.count) sentences" })
            return StopSignal.received == nil
        }
        report(.status { "estimating intervals" })
        let figures = try TaggingFigures(
            tokens: examples.map(\.tokens),
            tags: examples.map(\.tags),
            predictions: predictions,
            marksSpans: TaggingFigures.marksSpans(tagger.labels.labels)
        )
        return try TaggingReportPage(
            figures: figures,
            title: "\(recipe.model.family) in \(folder) on \(source.path ?? "its validation data")"
        ).evaluation()
    }

    func predictor(folder: String) throws -> any TaskPredictor {
        TaggingPredictor(
            tagger: try Tagger(recipe, folder: folder),
            dataSettings: recipe.data.examples.settings
        )
    }
}

/// A trained tagger that answers rows.
struct TaggingPredictor: TaskPredictor {
    let tagger: Tagger
    let dataSettings: DataSettings

    var inputRoles: [ExampleRole] { [ExampleRole("tokens")] }

    func usualColumn(_ role: String, in format: DataFormat) -> ColumnReference {
        TaggingExample.usualColumn(role, in: format)
    }

    func predict(_ rows: [Record]) throws -> [JSONObject] {
        let sentences = try rows.map { row -> [String] in
            // A text of its own, or a line of a file of texts.
            let name = row["tokens"] == nil ? "text" : "tokens"
            if case .text(let text)? = row[name], [nil, " "].contains(dataSettings.listSeparator) {
                return tagger.vocabulary.tokens(of: text)
            }
            do {
                guard let tokens = try row.list(name, separator: dataSettings.listSeparator) else {
                    throw RecipeError("the row has no tokens")
                }
                return tokens
            } catch {
                throw RecipeError("\(row.place): \(error)")
            }
        }
        let all = try tagger.tags(sentences) { _ in StopSignal.received == nil }
        let marksSpans = TaggingFigures.marksSpans(tagger.labels.labels)
        return try zip(sentences, all).map { tokens, tags in
            var object = JSONObject()
            object["tokens"] = .array(tokens.map { .string($0) })
            object["tags"] = .array(tags.map { .string($0) })
            guard marksSpans else { return object }
            let joint = tagger.vocabulary.isOfCharacters ? "" : " "
            object["entities"] = .array(
                try labelledSpans(tags).map { span in
                    [
                        "type": .string(span.label), "start": .integer(span.start), "end": .integer(span.end),
                        "text": .string(tokens[span.start..<span.end].joined(separator: joint)),
                    ]
                }
            )
            return object
        }
    }
}

extension TaskDescription {
    /// Tags of tokens.
    static var tokenClassification: TaskDescription {
        TaskDescription(
            name: "token-classification",
            dataFields: DataRecipe.exampleFields,
            families: ["lstm", "gru", "rnn"].map(taggerFamily),
            defaults: { recipe in
                recipe.data.validationFraction = 0.1
                recipe.tokenizer.type = "word"
                recipe.tokenizer.minFrequency = 2
                recipe.training.numTrainEpochs = 20
                recipe.training.perDeviceTrainBatchSize = 16
                recipe.training.learningRate = 2e-3
                recipe.training.weightDecay = 0.01
                recipe.training.adamBeta2 = 0.999
                recipe.training.lrSchedulerType = "linear"
                recipe.training.minLrRatio = 0
                recipe.training.evalStrategy = "epoch"
                recipe.training.saveStrategy = "epoch"
                recipe.training.metricForBestModel = "eval_f1"
                recipe.training.greaterIsBetter = true
            },
            finish: { _, _ in },
            makeRun: { TaggingRun(recipe: $0, registryFolder: $1, version: $2) }
        )
    }

    private static func taggerFamily(_ name: String) -> ModelFamily {
        let settings = [
            NetworkSetting("embedding_dim", .integer, 100),
            NetworkSetting("embedding_init", .word(TableInitialization.allCases.map(\.rawValue)), "uniform"),
            NetworkSetting("word_dropout", .number, 0.05), NetworkSetting("characters", .flag, .null),
            NetworkSetting("character_dim", .integer, 30), NetworkSetting("character_filters", .integer, 50),
            NetworkSetting("character_window", .integer, 3), NetworkSetting("hidden_size", .integer, 128),
            NetworkSetting("num_layers", .integer, 1), NetworkSetting("bidirectional", .flag, true),
            NetworkSetting("dropout", .number, 0.5), NetworkSetting("crf", .flag, true),
        ]
        return ModelFamily(
            name: name,
            fields: settings.map(\.field) + [.optionalText("path", at: \.path)],
            defaults: { recipe in
                for setting in settings { recipe.model.network[setting.key] = setting.usual }
            }
        )
    }
}
