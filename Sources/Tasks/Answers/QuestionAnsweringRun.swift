import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics
import YuyanModels
import YuyanTokenizers
import YuyanTraining

/// Extractive question answering: questions with texts that answer them → tokenizer, model, figures.
struct QuestionAnsweringRun: TaskRun {
    let recipe: Recipe
    let registryFolder: String?
    let version: String

    func prepare(report: @escaping (TaskEvent) -> Void) throws -> TaskPreparation {
        let preparation = try recipe.inspectExamples(as: .questionAnswering, report: report)
        for note in try QuestionData(recipe).notes { report(.note(note)) }
        return preparation
    }

    func train(report: @escaping (TaskEvent) -> Void) throws -> TrainingOutcome {
        try recipe.refuseLabelSmoothing(
            "the places of a text, as many as it has, are no classes to smooth over"
        )
        let session = TrainingSession(recipe: recipe, registryFolder: registryFolder, version: version)
        try session.check()
        let data = try QuestionData(recipe)
        for note in data.notes { report(.note(note)) }
        let tokenizer = try recipe.makeTokenizer({ texts(data.training) }, report: report)
        let model = try makeModel(tokenizer, report)
        let tokens = try QuestionTokens(tokenizer, model.configuration, recipe)
        let habits = AnswerHabits(allowsNone: data.allowsNone, standard: data.standard)
        let objective = try QuestionAnsweringObjective(
            model,
            data,
            tokens,
            recipe: recipe,
            save: { folder in
                try model.save(to: folder)
                try TokenizerFiles.save(tokenizer, to: folder)
                try habits.write(to: folder)
            }
        )
        CutTexts.note(objective.cutQuestions, of: "questions", report)
        let outcome = try session.train(
            objective,
            tables: model.network.tables,
            dataFingerprint: tokenizer.fingerprint(on: data.fingerprint),
            willStart: { engine in
                report(
                    .note(
                        "model: \(recipe.model.family), \(model.parameterCount) parameters, vocabulary "
                            + "\(tokenizer.vocabularySize); \(engine)"
                    )
                )
            },
            report: { report(.training($0)) }
        )
        try RunCard(
            title: "A model that answers questions, trained with Yuyan \(version)",
            summary: recipe.model.family,
            fingerprint: data.fingerprint,
            facts: [
                "\(data.training.count) questions to learn from, \(data.validation.count) to judge by, compared as "
                    + "\(data.standard.rawValue) does"
            ]
        ).write(recipe, outcome)
        return outcome
    }

    /// Every text once, and the questions.
    private func texts(_ examples: [QuestionAnsweringExample]) -> [String] {
        var seen: Set<String> = []
        return examples.flatMap { example in
            seen.insert(example.context).inserted ? [example.context, example.question] : [example.question]
        }
    }

    private func makeModel(
        _ tokenizer: any Tokenizer,
        _ report: (TaskEvent) -> Void
    ) throws -> QuestionAnsweringModel {
        var object = try recipe.encoderFields(
            tokenizer,
            complete: { reader in
                let configuration = try QuestionAnsweringModel.configuration(reader)
                return configuration.fields + [("question_overlap", .bool(configuration.marksOverlap))]
            }
        )
        if recipe.model.path == nil, object["question_overlap"]?.boolValue == true {
            object["type_vocab_size"] = 3
        }
        let vectors = try PretrainedVectors(recipe)
        try vectors?.fit(&object, recipe)
        let configuration: any AnswerNetworkConfiguration
        do {
            configuration = try QuestionAnsweringModel.configuration(ConfigurationReader(.object(object)))
        } catch {
            throw RecipeError("model.\(error)")
        }
        var random = RandomSource(seed: recipe.training.seed)
        let model = QuestionAnsweringModel(configuration, random: &random)
        if let path = recipe.model.path { try model.loadEncoder(folder: path) }
        if let note = try vectors?.fill(model.network.tables.first, tokenizer) { report(.note(note)) }
        return model
    }

    func evaluate(
        folder: String,
        data source: EvaluationData,
        report: @escaping (TaskEvent) -> Void
    ) throws -> TaskEvaluation {
        try recipe.checkShare(of: folder, source)
        let answering = try TrainedAnswering(recipe, folder: folder)
        let reading = try recipe.reading(source.settings)
        let judged: JudgedExamples<QuestionAnsweringExample> = try reading.examples(
            toJudgeBy: source.path,
            isStratified: false,
            report: report
        )
        let examples = judged.examples
        let standard =
            AnswerStandard(rawValue: reading.data.examples.answerStandard) ?? answering.habits.standard
        try standard.check(examples, judged.places, setting: "--set answer_standard=squad-2.0")
        let (found, isCut) = try answering.answers(to: examples) { done, total in
            report(.status { "evaluating: \(done) of \(total) stretches of text" })
            return StopSignal.received == nil
        }
        CutTexts.note(isCut, of: "questions", report)
        report(.status { "estimating intervals" })
        return try AnswerFigures(examples, found, standard).evaluation(
            EvaluationSubject(recipe, folder: folder, data: source)
        )
    }

    func predictor(folder: String) throws -> any TaskPredictor {
        AnswerPredictor(
            answering: try TrainedAnswering(recipe, folder: folder),
            dataSettings: recipe.data.examples.settings
        )
    }

    func explainer(folder: String) throws -> any TaskExplainer {
        AnswerExplainer(answering: try TrainedAnswering(recipe.exact, folder: folder))
    }
}

/// What answers of a trained model are like; kept beside it.
struct AnswerHabits: Equatable {
    /// Whether a question may have no answer.
    let allowsNone: Bool
    /// Whose rules compare answers.
    let standard: AnswerStandard

    private static let file = "answers.json"

    init(allowsNone: Bool, standard: AnswerStandard) {
        (self.allowsNone, self.standard) = (allowsNone, standard)
    }

    init(folder: String) throws {
        let path = "\(folder)/\(Self.file)"
        let value = try JSONValue(contentsOf: path)
        guard let allowsNone = value["allows_no_answer"]?.boolValue,
            let standard = value["answer_standard"]?.stringValue.flatMap(AnswerStandard.init)
        else {
            throw FileFormatError(
                .malformed,
                path: path,
                "allows_no_answer (true or false) and answer_standard (one of "
                    + "\(AnswerStandard.allCases.map(\.rawValue).joined(separator: ", "))) are needed"
            )
        }
        (self.allowsNone, self.standard) = (allowsNone, standard)
    }

    func write(to folder: String) throws {
        let value: JSONValue = [
            "allows_no_answer": .bool(allowsNone), "answer_standard": .string(standard.rawValue),
        ]
        try value.write(to: "\(folder)/\(Self.file)")
    }
}

/// A trained model with its tokenizer.
struct TrainedAnswering {
    let habits: AnswerHabits
    let model: QuestionAnsweringModel
    let tokens: QuestionTokens
    let finder: AnswerFinder

    init(_ recipe: Recipe, folder: String) throws {
        model = try QuestionAnsweringModel(folder: folder)
        recipe.settle(model)
        habits = try AnswerHabits(folder: folder)
        tokens = try QuestionTokens(TokenizerFiles.load(folder: folder), model.configuration, recipe)
        finder = try AnswerFinder(model, tokens, recipe, allowsNone: habits.allowsNone)
    }

    /// The answers, and of each question whether it was cut.
    func answers(
        to examples: [QuestionAnsweringExample],
        progress: (Int, Int) -> Bool
    ) throws -> (found: [FoundAnswer], isCut: [Bool]) {
        let questions = try tokens.questions(examples)
        return (try finder.answers(to: questions, progress: progress), questions.map(\.isCut))
    }
}

/// A trained model that answers rows.
struct AnswerPredictor: TaskPredictor {
    let answering: TrainedAnswering
    let dataSettings: DataSettings

    var inputRoles: [ExampleRole] {
        // Whole articles, as SQuAD has them, or rows with one question each.
        QuestionAnsweringExample.roles.filter { $0.name != "answers" }
    }

    var recordsKey: String? { QuestionAnsweringExample.recordsKey }

    func row(text: String, pair: String?) throws -> Record {
        throw RecipeError(
            "--text: a model that answers questions needs a question with every text; give --input FILE with the "
                + "columns 'question' and 'context', or with articles as SQuAD has them"
        )
    }

    func check(_ row: Record) throws { _ = try questions(row) }

    private func questions(_ row: Record) throws -> [QuestionAnsweringExample] {
        try QuestionAnsweringExample.questions(from: row)
    }

    func predict(_ rows: [Record]) throws -> [JSONObject] {
        let examples = try rows.flatMap { row in try row.stating { try questions(row) } }
        let (found, isCut) = try answering.answers(to: examples) { _, _ in StopSignal.received == nil }
        return examples.indices.map { row in
            var object = JSONObject()
            if let id = examples[row].id { object["id"] = .string(id) }
            found[row].write(to: &object, examples[row])
            CutTexts.mark(isCut[row], &object)
            return object
        }
    }
}

extension FoundAnswer {
    /// Adds question and answer as JSON has them.
    func write(to object: inout JSONObject, _ example: QuestionAnsweringExample) {
        object["question"] = .string(example.question)
        object["answer"] = .string(text(in: example.context))
        object["probability"] = .number(probability)
        guard let bytes else { return }
        // Places are counted in scalars, as SQuAD counts them.
        let before = example.context.utf8.prefix(bytes.lowerBound)
        object["start"] = .integer(before.count { $0 & 0xC0 != 0x80 })
    }
}

extension TaskDescription {
    /// Answers that stand in texts.
    static var questionAnswering: TaskDescription {
        let lengths = [
            NetworkSetting("max_question_length", .integer, 64, .task),
            NetworkSetting("max_answer_length", .integer, 30, .task),
            NetworkSetting("doc_stride", .integer, 128, .task),
        ]
        let reader =
            NetworkSetting.vectors(width: 128) + [
                NetworkSetting("hidden_size", .integer, 96), NetworkSetting("num_layers", .integer, 2),
                NetworkSetting("dropout", .number, 0.3), NetworkSetting("max_length", .integer, 512),
            ]
        let encoder =
            NetworkSetting.encoder + [NetworkSetting("question_overlap", .flag, true)]
            + PretrainedVectors.settings
        return TaskDescription(
            name: "question-answering",
            dataFields: DataRecipe.exampleFields + DataRecipe.answerFields,
            families: [
                ModelFamily(
                    "reader",
                    reader + lengths,
                    defaults: { $0.training.learningRate = 2e-3 }
                ),
                ModelFamily(
                    "encoder",
                    encoder + lengths,
                    modelTypes: AnswerEncoderConfiguration.modelTypes,
                    defaults: { recipe in
                        recipe.training.learningRate = 5e-4
                        recipe.training.warmupRatio = 0.1
                    }
                ),
            ],
            defaults: { recipe in
                recipe.learnExamples(best: "eval_f1")
                recipe.tokenizer.type = "wordpiece"
                recipe.tokenizer.vocabSize = 8000
                recipe.training.numTrainEpochs = 10
                recipe.training.perDeviceTrainBatchSize = 16
                recipe.training.earlyStoppingPatience = 4
            },
            finish: { _, _ in },
            makeRun: { QuestionAnsweringRun(recipe: $0, registryFolder: $1, version: $2) }
        )
    }
}
