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
        let corpus = try run.corpus(folder: folder, data: data, report: report)
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
    ///   - data: The files to judge by, or a prepared folder, whose validation part it then is.
    ///   - report: Told how far it is.
    /// - Returns: The text as tokens of the model.
    /// - Throws: ``RecipeError`` for settings, which a recipe's text has none of, and for prepared tokens that are of
    ///   another tokenizer or none to judge by; errors that name file and place; `CancellationError` after a signal.
    func corpus(
        folder: String,
        data: EvaluationData,
        report: @escaping (TaskEvent) -> Void
    ) throws -> PreparedCorpus {
        guard data.settings.isEmpty else {
            throw RecipeError(
                "--set: this model reads text, whose recipe says how; name a recipe's data"
            )
        }
        let corpus = try data.path.map { try self.corpus(folder, $0, report) } ?? ownCorpus(folder)
        guard corpus.dataset.description.validation != nil else {
            throw RecipeError(
                "\(corpus.folder): the prepared folder has nothing to judge by; prepare it with a "
                    + "data.validation_fraction, or give the text itself (--data)"
            )
        }
        return corpus
    }

    private func ownCorpus(_ folder: String) throws -> PreparedCorpus {
        let corpus = try CorpusStep.open(preparedFolder(of: folder))
        try corpus.check(isOf: folder)
        return corpus
    }

    /// The tokens that a trained model learned from and is judged by: where the recipe says, or beside the model.
    private func preparedFolder(of folder: String) throws -> String {
        if let place = recipe.data.prepared { return place }
        let beside = "\(folder)/data"
        if CorpusStep.isPrepared(beside) { return beside }
        return try CorpusStep.preparedFolder(recipe.data) ?? preparedFolder
    }

    private func corpus(
        _ folder: String,
        _ data: String,
        _ report: @escaping (TaskEvent) -> Void
    ) throws -> PreparedCorpus {
        var other = recipe
        other.data.sources = DataRecipe.files(data).map { CorpusSource($0) }
        other.data.validation = data
        // What must not be learned from is just what may be judged by, and what is judged by stands twice.
        other.data.excludeTextsOf = ""
        other.data.deduplicate = false
        other.data.nearDuplicates = nil
        other.tokenizer.path = folder
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(
            "yuyan-evaluate-\(getpid())"
        ).path
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        do {
            return try CorpusStep.run(
                other,
                folder: scratch,
                report: { report($0.taskEvent) },
                isCancelled: { StopSignal.received != nil }
            )
        } catch is ResumableStop {
            throw CancellationError()
        }
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
