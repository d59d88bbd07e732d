import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics
import YuyanModels
import YuyanTraining

/// Questions to learn from and to judge by.
struct QuestionData {
    let training: [QuestionAnsweringExample]
    let validation: [QuestionAnsweringExample]
    let fingerprint: String
    /// Whose rules compare answers.
    let standard: AnswerStandard
    /// Whether some questions have no answer.
    let allowsNone: Bool
    /// Things that the user should know.
    let notes: [String]

    /// Reads the files that a recipe names.
    init(_ recipe: Recipe) throws {
        let parts = try ExampleParts<QuestionAnsweringExample>(recipe, isStratified: false)
        (training, validation, fingerprint) = (parts.training, parts.validation, parts.fingerprint)
        allowsNone = training.contains(where: \.isImpossible)
        standard = recipe.answerStandard(of: training + validation)
        try standard.check(validation, parts.validationPlaces, setting: "data.answer_standard: squad-2.0")
        let placed = training.count { $0.isImpossible || $0.answers.contains { $0.bytes != nil } }
        guard training.contains(where: { $0.answers.contains { $0.bytes != nil } }) else {
            throw RecipeError(
                "data.train: no answer stands in its text with its place (answer_start), which is what is learned"
            )
        }
        guard validation.contains(where: { !$0.isImpossible }) || standard == .squad2 else {
            throw RecipeError("data.validation: no question has an answer")
        }
        var notes = [
            "\(training.count) questions to learn from, \(validation.count) to judge by; answers are compared as "
                + "\(standard.rawValue) does"
        ]
        if placed < training.count {
            notes.append(
                "warning: \(training.count - placed) training questions are left out, whose answers do not stand in "
                    + "their texts"
            )
        }
        if let warning = parts.malformed.warning() { notes.append(warning) }
        self.notes = notes
    }
}

extension Recipe {
    /// Whose rules compare answers: the recipe's, or those that fit the questions.
    func answerStandard(of examples: [QuestionAnsweringExample]) -> AnswerStandard {
        if let named = AnswerStandard(rawValue: data.examples.answerStandard) { return named }
        if ChineseShare.isLarge(in: examples.lazy.map(\.question)) { return .cmrc2018 }
        return examples.contains(where: \.isImpossible) ? .squad2 : .squad1
    }
}

extension AnswerStandard {
    /// Refuses questions to judge by that have no answer where the rules know none.
    ///
    /// - Parameters:
    ///   - examples: The questions.
    ///   - places: Where each stands.
    ///   - setting: How rules that know such questions are asked for.
    /// - Throws: ``RecipeError`` naming the first one.
    func check(_ examples: [QuestionAnsweringExample], _ places: [RecordPlace], setting: String) throws {
        guard self != .squad2, let none = examples.firstIndex(where: \.isImpossible) else { return }
        let name = examples[none].id.map { " '\($0)'" } ?? ""
        throw RecipeError(
            "\(places[none]): the question\(name) has no answer, which \(rawValue) does not know; \(setting) takes "
                + "such questions"
        )
    }
}

/// A model that learns where texts answer questions.
final class QuestionAnsweringObjective: TrainingObjective {
    /// The windows of a step.
    struct Batch {
        let questions: QuestionBatch
        let spans: [(first: Int, last: Int)]
    }

    let answering: QuestionAnsweringModel
    let metricNames = ["eval_loss", "eval_exact_match", "eval_f1"]
    let stepsPerEpoch: Int
    let operationsPerStep: Double
    private let data: QuestionData
    private let tokens: QuestionTokens
    private let training: [TokenizedQuestion]
    private let validation: [TokenizedQuestion]
    private let windows: [QuestionWindow]
    private let finder: AnswerFinder
    private let batches: ExampleBatches
    private let accumulation: Int
    private let save: (String) throws -> Void

    /// Of each question to learn from whether it was cut.
    var cutQuestions: [Bool] { training.map(\.isCut) }

    /// Makes an objective; `save` writes the model folder.
    init(
        _ answering: QuestionAnsweringModel,
        _ data: QuestionData,
        _ tokens: QuestionTokens,
        recipe: Recipe,
        save: @escaping (String) throws -> Void
    ) throws {
        (self.answering, self.data, self.tokens, self.save) = (answering, data, tokens, save)
        training = try tokens.questions(data.training)
        validation = try tokens.questions(data.validation)
        // A question whose answer is somewhere else than in its text teaches nothing.
        windows = training.enumerated().flatMap { number, question in
            question.answer == nil && !question.isImpossible ? [] : tokens.windows(question, number: number)
        }
        finder = try AnswerFinder(answering, tokens, recipe, allowsNone: data.allowsNone)
        let arguments = recipe.training
        accumulation = arguments.gradientAccumulationSteps
        batches = ExampleBatches(
            lengths: windows.map(\.range.count),
            rows: arguments.perDeviceTrainBatchSize,
            seed: arguments.dataSeed ?? arguments.seed
        )
        stepsPerEpoch = max(1, (batches.countPerEpoch + accumulation - 1) / accumulation)
        func mean(_ counts: [Int]) -> Int { counts.reduce(0, +) / max(counts.count, 1) }
        operationsPerStep =
            3
            * answering.network.forwardFlops(
                question: mean(training.map(\.question.count)),
                context: mean(windows.map(\.range.count))
            ) * Double(arguments.perDeviceTrainBatchSize * accumulation)
    }

    var model: any Module { answering }

    func batch(step: Int, microBatch: Int) throws -> Batch {
        let members = batches.members(step * accumulation + microBatch).map { windows[$0] }
        return Batch(questions: tokens.batch(members, of: training), spans: members.map(\.span))
    }

    func targetCount(_ batch: Batch) -> Int { batch.spans.count }

    func inputCount(_ batch: Batch) -> Int { batch.questions.framed.rows * batch.questions.framed.length }

    func loss(_ batch: Batch, scale: Float) -> Tensor {
        answering.loss(batch.questions, spans: batch.spans, scale: scale)
    }

    func evaluate(isCancelled: () -> Bool) throws -> [String: Double] {
        let found: [FoundAnswer]
        do {
            found = try finder.answers(to: validation) { _, _ in !isCancelled() }
        } catch is CancellationError {
            return [:]
        }
        let figures = try AnswerFigures(data.validation, found, data.standard)
        let values = [meanLoss(), figures.scorer.exactMatch, figures.scorer.f1]
        return Dictionary(uniqueKeysWithValues: zip(metricNames, values))
    }

    /// The mean loss of windows whose answer is known.
    private func meanLoss() -> Double {
        let known = validation.enumerated().flatMap { number, question in
            question.answer == nil && !question.isImpossible ? [] : tokens.windows(question, number: number)
        }.sorted { $0.range.count < $1.range.count }
        var sum = 0.0
        for start in stride(from: 0, to: known.count, by: Self.lossRows) {
            let members = Array(known[start..<min(start + Self.lossRows, known.count)])
            sum += answering.loss(tokens.batch(members, of: validation), spans: members.map(\.span), scale: 1)
                .item()
        }
        return known.isEmpty ? .nan : sum / Double(known.count)
    }

    private static let lossRows = 32

    func saveModel(to folder: String) throws { try save(folder) }

    func loadModel(from folder: String) throws {
        try answering.loadParameters(
            from: WeightFiles(path: folder),
            map: answering.configuration.keyMap
        )
    }
}
