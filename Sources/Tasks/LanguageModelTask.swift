import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanTensors
import YuyanTraining

/// Language modelling as the commands see it.
struct LanguageModelTask: TaskRun {
    private let run: LanguageModelRun

    init(_ run: LanguageModelRun) { self.run = run }

    var recipe: Recipe { run.recipe }

    func prepare(report: @escaping (TaskEvent) -> Void) throws -> TaskPreparation {
        try run.prepareTask(report: report)
    }

    func train(report: @escaping (TaskEvent) -> Void) throws -> TrainingOutcome {
        try LanguageModelFamily.work(of: run).trainModel(report: report)
    }

    func evaluate(
        folder: String,
        data: EvaluationData,
        report: @escaping (TaskEvent) -> Void
    ) throws -> TaskEvaluation {
        let corpus = try run.corpus(folder: folder, data: data)
        let found = try LanguageModelFamily.work(of: run).judge(folder: folder, corpus, report: report)
        if StopSignal.received != nil { throw CancellationError() }
        report(.status { "estimating intervals" })
        return found.evaluation(EvaluationSubject(recipe, folder: folder, data: data))
    }

    func predictor(folder: String) throws -> any TaskPredictor {
        throw RecipeError(
            "\(folder) is a language model, which goes on with a text: yuyan generate \(folder)"
        )
    }
}

extension LanguageModelRun {
    /// Prepares the text and reports on it.
    func prepareTask(report: @escaping (TaskEvent) -> Void) throws -> TaskPreparation {
        let corpus = try prepare(report: { report($0.taskEvent) })
        let preparation = PreparationReport(corpus.dataset.description)
        try preparation.write(to: corpus.folder)
        return TaskPreparation(
            plain: preparation.plain,
            reportPath: "\(corpus.folder)/\(PreparationReport.fileName)"
        )
    }

    /// The run's own prepared text, or other text through the model's tokenizer, all of it to judge by.
    ///
    /// - Parameters:
    ///   - folder: The model folder.
    ///   - data: The text to judge by.
    /// - Returns: The text as tokens.
    /// - Throws: ``RecipeError`` for settings, which a recipe's text has none of; errors that name file and place.
    func corpus(folder: String, data: EvaluationData) throws -> PreparedCorpus {
        guard data.settings.isEmpty else {
            throw RecipeError(
                "--set: this model reads text, whose recipe says how; name a recipe's data"
            )
        }
        guard let data = data.path else { return try CorpusStep.open(preparedFolder) }
        var other = recipe
        other.data.train = data
        other.data.sources = []
        other.data.validation = data
        // What must not be learned from is just what may be judged by.
        other.data.excludeTextsOf = ""
        other.tokenizer.path = folder
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(
            "yuyan-evaluate-\(getpid())"
        ).path
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        return try CorpusStep.run(other, folder: scratch, report: { _ in }, isCancelled: { false })
    }
}

extension TaskDescription {
    /// Language modelling.
    static var languageModeling: TaskDescription {
        TaskDescription(
            name: "language-modeling",
            dataFields: DataRecipe.fields,
            families: LanguageModelFamily.all.map(\.description),
            defaults: { _ in },
            finish: { _, _ in },
            makeRun: { LanguageModelTask(LanguageModelRun($0, registryFolder: $1, version: $2)) }
        )
    }
}

extension LanguageModelEvent {
    /// The event as every task tells it.
    public var taskEvent: TaskEvent {
        switch self {
        case .corpus(let event): return event.taskEvent
        case .prepared(let corpus):
            let data = corpus.dataset.description
            let validation =
                data.validation.map { "\($0.tokens) tokens of \(readableBytes($0.bytes))" } ?? "none"
            return .note(
                "data: \(data.train.documents) documents, \(data.train.tokens) tokens of "
                    + "\(readableBytes(data.train.bytes)) to learn from, \(validation) to judge by; vocabulary "
                    + "\(corpus.tokenizer.vocabularySize)"
            )
        case .model(let model, let engine):
            let sizes = model.configuration
            return .note(
                "model: \(sizes.numHiddenLayers) layers, width \(sizes.hiddenSize), "
                    + "\(sizes.numAttentionHeads) heads, \(model.parameterCount) parameters; \(engine)"
            )
        case .training(let event): return .training(event)
        }
    }
}

extension CorpusEvent {
    /// The event as every task tells it.
    public var taskEvent: TaskEvent {
        switch self {
        case .countingText(let bytes): .status { "counting words: \(readableBytes(bytes))" }
        case .learningMerges(let done, let goal): .status { "learning the tokenizer: \(done) of \(goal)" }
        case .reusingTokenizer(let path): .note("tokenizer: \(path)")
        case .preparing(let progress):
            .status {
                "\(progress.stage.rawValue): \(readableBytes(progress.bytesDone)) of "
                    + "\(readableBytes(progress.bytesTotal)), \(progress.tokens) tokens"
            }
        }
    }
}

/// A count of bytes in a unit that fits.
///
/// - Parameter count: The count.
/// - Returns: A number with its unit.
public func readableBytes(_ count: Int) -> String {
    let value = Double(count)
    if value >= 1e9 { return String(format: "%.2f GB", value / 1e9) }
    if value >= 1e6 { return String(format: "%.1f MB", value / 1e6) }
    if value >= 1e3 { return String(format: "%.1f kB", value / 1e3) }
    return "\(count) bytes"
}
