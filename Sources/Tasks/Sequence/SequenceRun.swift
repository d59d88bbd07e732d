import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTokenizers
import YuyanTraining

/// Translation, summaries, answers: pairs of texts → tokenizers, model, figures.
struct SequenceRun: TaskRun {
    let recipe: Recipe
    let registryFolder: String?
    let version: String

    func prepare(report: @escaping (TaskEvent) -> Void) throws -> TaskPreparation {
        var plain = recipe
        // A report on pairs knows two texts.
        plain.data.examples.settings.columns["source_pair"] = nil
        let preparation = try plain.inspectExamples(as: .pairs, report: report)
        for note in try SequenceData(recipe).notes { report(.note(note)) }
        return preparation
    }

    func train(report: @escaping (TaskEvent) -> Void) throws -> TrainingOutcome {
        let session = TrainingSession(recipe: recipe, registryFolder: registryFolder, version: version)
        try session.check()
        try recipe.generation.check()
        let data = try SequenceData(recipe)
        for note in data.notes { report(.note(note)) }
        let tokenizers = try makeTokenizers(data, report)
        let model = try makeModel(tokenizers, report)
        let tokens = try SequenceTokens(tokenizers, model)
        let training = encode(data.training, tokens, "training", report)
        let validation = encode(data.validation, tokens, "validation", report)
        let objective = SequenceObjective(
            try SequenceWriter(model, tokens, recipe),
            training: training,
            validation: validation,
            judged: judged(data.validation, report),
            recipe: recipe,
            save: { folder in
                try model.save(to: folder)
                try tokens.save(to: folder)
            }
        )
        let outcome = try session.train(
            objective,
            tables: model.tables,
            dataFingerprint: SHA256.hex(
                of: [data.fingerprint, tokenizers.source.fingerprint, tokenizers.target.fingerprint]
                    .joined(separator: "\n").utf8
            ),
            willStart: { report(.note(describe(model, tokenizers, $0))) },
            report: { report(.training($0)) }
        )
        try RunCard(
            title: "A model from texts to texts trained with Yuyan \(version)",
            summary: "\(recipe.model.family), \(model.parameterCount) parameters",
            fingerprint: data.fingerprint,
            facts: ["\(data.training.count) pairs to learn from, \(data.validation.count) to judge by"],
            pairs: LearnedPairs(data.training.lazy.map(\.sourcePair))
        ).write(recipe, outcome)
        return outcome
    }

    private func describe(
        _ model: any SequenceToSequenceModel,
        _ tokenizers: SequenceTokens.Pair,
        _ engine: MatrixEngine
    ) -> String {
        let own = tokenizers.ownSource.map { "\($0.vocabularySize) and " } ?? ""
        return "model: \(recipe.model.family), \(model.parameterCount) parameters, vocabulary \(own)"
            + "\(tokenizers.target.vocabularySize); \(engine)"
    }

    private func encode(
        _ part: [SequenceExample],
        _ tokens: SequenceTokens,
        _ name: String,
        _ report: (TaskEvent) -> Void
    ) -> EncodedPairs {
        let encoded = EncodedPairs(part, tokens)
        for (side, count) in [("sources", encoded.cutSources), ("targets", encoded.cutTargets)]
        where count > 0 {
            report(
                .note(
                    "\(count) of \(part.count) \(name) \(side) have more tokens than model.max_"
                        + "\(side.dropLast())_length and are cut"
                )
            )
        }
        return encoded
    }

    /// The validation pairs that texts are written for during training: all, or as many as `max_eval_batches` allows,
    /// spread evenly.
    private func judged(
        _ validation: [SequenceExample],
        _ report: (TaskEvent) -> Void
    ) -> [SequenceExample] {
        let most = recipe.training.maxEvalBatches * recipe.training.evaluationRows()
        guard most > 0, most < validation.count else { return validation }
        report(
            .note("texts are written for \(most) of the validation rows (max_eval_batches) during training")
        )
        return (0..<most).map { validation[$0 * validation.count / most] }
    }

    // MARK: Parts

    private func makeTokenizers(
        _ data: SequenceData,
        _ report: @escaping (TaskEvent) -> Void
    ) throws -> SequenceTokens.Pair {
        if let path = recipe.tokenizer.path ?? recipe.model.path {
            let found = try SequenceTokens.load(folder: path)
            guard recipe.model.path == nil, !recipe.hasJointVocabulary else { return found }
            return SequenceTokens.Pair(target: found.target, ownSource: found.source)
        }
        let sources = data.training.flatMap { [$0.source] + ($0.sourcePair.map { [$0] } ?? []) }
        let targets = data.training.map(\.target)
        func learn(_ texts: [String]) throws -> any Tokenizer {
            try TokenizerLearner.learnAsLoaded(recipe.tokenizer, texts) { report($0.taskEvent) }
        }
        guard recipe.hasJointVocabulary else {
            return SequenceTokens.Pair(target: try learn(targets), ownSource: try learn(sources))
        }
        return SequenceTokens.Pair(target: try learn(sources + targets), ownSource: nil)
    }

    private func makeModel(
        _ tokenizers: SequenceTokens.Pair,
        _ report: (TaskEvent) -> Void
    ) throws -> any SequenceToSequenceModel {
        let vectors = try PretrainedVectors(recipe)
        if let path = recipe.model.path {
            let fields = try recipe.fieldsToBeginWith(
                path,
                fixed: {
                    $0["position_embedding_type"] == "learned"
                        ? ["max_source_length", "max_target_length"] : []
                },
                complete: { reader in
                    var fields = try SequenceModels.fields(reader)
                    fields["joint_vocabulary"] = .bool(fields["source_vocab_size"]?.isNull ?? true)
                    return fields
                }
            )
            let model = try SequenceModels.load(folder: path, fields: fields)
            for (tokenizer, count) in tokenizers.sizes(of: model) where tokenizer.vocabularySize > count {
                throw RecipeError(
                    "model.path: \(path) has \(count) tokens, the tokenizer \(tokenizer.vocabularySize); use the model's own"
                )
            }
            return model
        }
        let target = tokenizers.target
        var object = recipe.model.network
        object["model_type"] = .string(
            recipe.model.family == "recurrent"
                ? RecurrentSequenceConfiguration.modelType : recipe.model.family
        )
        object["vocab_size"] = .integer(target.vocabularySize)
        if let own = tokenizers.ownSource { object["source_vocab_size"] = .integer(own.vocabularySize) }
        object["eos_token_id"] = .integer(Int(try SequenceTokens.endToken(target)))
        object["decoder_start_token_id"] = .integer(Int(try SequenceTokens.startToken(target)))
        try vectors?.fit(&object, recipe)
        var random = RandomSource(seed: recipe.training.seed)
        let model: any SequenceToSequenceModel
        do {
            model = try SequenceModels.make(ConfigurationReader(.object(object)), random: &random)
        } catch {
            throw RecipeError("model.\(error)")
        }
        guard let vectors else { return model }
        // The target's table comes first, and the source's where that has one of its own.
        let sides = zip(model.tables, [target] + (tokenizers.ownSource.map { [$0] } ?? []))
        let isScaled = object["scale_embedding"]?.boolValue ?? true
        let notes = try vectors.fill(
            sides.map { (table: $0, tokenizer: $1) },
            factor: isScaled ? Float(vectors.width).squareRoot() : 1
        )
        for note in notes { report(.note(note)) }
        return model
    }

    // MARK: A trained model

    func evaluate(
        folder: String,
        data source: EvaluationData,
        report: @escaping (TaskEvent) -> Void
    ) throws -> TaskEvaluation {
        try recipe.checkShare(of: folder, source)
        try recipe.generation.check()
        let writer = try SequenceWriter(recipe, folder: folder)
        let judged: JudgedExamples<SequenceExample> = try recipe.reading(source.settings).examples(
            toJudgeBy: source.path,
            isStratified: false,
            row: SequenceData.row,
            report: report
        )
        let examples = judged.examples
        let written = try writer.write(examples.map(\.input)) { done in
            report(.status { "writing: \(done) of \(examples.count) texts" })
            return StopSignal.received == nil
        }
        guard let written else { throw CancellationError() }
        let pairs = encode(examples, writer.tokens, "evaluated", report)
        report(.status { "estimating intervals" })
        let losses = pairs.losses(writer.model, tokenBudget: recipe.data.examples.batchTokens)
        let figures = SequenceFigures(
            inputs: examples.map(\.input),
            references: examples.map(\.target),
            outputs: written.map(\.text),
            metrics: recipe.generation.metrics
        )
        return try SequenceReportPage(
            figures: figures,
            losses: losses,
            subject: EvaluationSubject(recipe, folder: folder, data: source)
        ).evaluation()
    }

    func predictor(folder: String) throws -> any TaskPredictor {
        try recipe.generation.check()
        return SequencePredictor(
            writer: try SequenceWriter(recipe, folder: folder),
            pairs: try LearnedPairs(folder: folder, recipe, role: SequencePredictor.pairRole),
            dataSettings: recipe.data.examples.settings
        )
    }

    func explainer(folder: String) throws -> any TaskExplainer {
        try recipe.generation.check()
        return SequenceExplainer(
            writer: try SequenceWriter(recipe.exact, folder: folder),
            pairs: try LearnedPairs(folder: folder, recipe, role: SequencePredictor.pairRole)
        )
    }
}

/// A trained model that writes texts for rows.
struct SequencePredictor: TaskPredictor {
    let writer: SequenceWriter
    let pairs: LearnedPairs
    let dataSettings: DataSettings

    /// The field of second texts.
    static let pairRole = "source_pair"

    var inputRoles: [ExampleRole] { [ExampleRole("source"), ExampleRole(Self.pairRole, isRequired: false)] }

    func check(_ row: Record) throws { _ = try input(row) }

    private func input(_ row: Record) throws -> SequenceInput {
        // A line of a file of texts is a source by itself.
        let name = row["source"] == nil && row["text"] != nil ? "text" : "source"
        let input = SequenceInput(try row.requiredText(name), pair: try row.text(Self.pairRole))
        try pairs.check(input.pair, role: Self.pairRole)
        return input
    }

    func predict(_ rows: [Record]) throws -> [JSONObject] {
        let inputs = try rows.map { row in try row.stating { try input(row) } }
        guard let written = try writer.write(inputs, progress: { _ in StopSignal.received == nil }) else {
            throw CancellationError()
        }
        return written.map { text in
            var object = JSONObject()
            object["target"] = .string(text.text)
            object["score"] = text.score.map { .number($0) } ?? .null
            CutTexts.mark(text.isCut, &object)
            return object
        }
    }
}
