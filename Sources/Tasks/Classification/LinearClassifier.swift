import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTensors
import YuyanTraining

/// A trained linear model of text with its labels.
struct LinearClassifier: TextClassifying {
    let model: LinearTextModel
    let labels: LabelVocabulary

    /// How many texts are answered between two calls of `progress`.
    private static let group = 2048

    init(_ model: LinearTextModel, _ labels: LabelVocabulary) {
        (self.model, self.labels) = (model, labels)
    }

    init(folder: String) throws {
        model = try LinearTextModel(folder: folder)
        labels = try LabelVocabulary(contentsOf: "\(folder)/\(NeuralClassifier.labelFile)")
        guard labels.count == model.classes else {
            throw FileFormatError(
                .mismatch,
                path: "\(folder)/\(NeuralClassifier.labelFile)",
                at: .key("labels"),
                "\(labels.count) labels for a model of \(model.classes) classes"
            )
        }
    }

    func answers(
        _ texts: [ClassifierText],
        progress: (Int) -> Bool
    ) throws -> (probabilities: [Double], isCut: [Bool]) {
        var all: [Double] = []
        all.reserveCapacity(texts.count * labels.count)
        for first in stride(from: 0, to: texts.count, by: Self.group) {
            let part = texts[first..<min(texts.count, first + Self.group)]
            all += model.probabilities(part.map(\.joined)).map { Double($0) }
            if !progress(first + part.count) { throw CancellationError() }
        }
        return (all, [Bool](repeating: false, count: texts.count))
    }
}

/// The training of a linear model on labelled texts: to convergence, without epochs and batches.
struct LinearClassification {
    private let run: ClassificationRun
    private let data: ClassificationData
    private let report: (TaskEvent) -> Void
    private var recipe: Recipe { run.recipe }

    init(_ run: ClassificationRun, _ data: ClassificationData, _ report: @escaping (TaskEvent) -> Void) {
        (self.run, self.data, self.report) = (run, data, report)
    }

    func train() throws -> TrainingOutcome {
        let options = try options()
        let folder = recipe.training.outputDir
        let session = FittingSession(
            recipe: recipe,
            registryFolder: run.registryFolder,
            version: run.version,
            report: report
        )
        return try session.run(dataFingerprint: data.fingerprint, keepsState: true) { reached in
            let model = try fit(options, session.state, reached)
            let metrics = try judge(model)
            try model.save(to: folder)
            try data.labels.write(to: "\(folder)/\(NeuralClassifier.labelFile)")
            return (model.iterations, metrics)
        }
    }

    private func fit(
        _ options: LinearTextOptions,
        _ state: LinearTrainingState,
        _ reached: (Int) -> Void
    ) throws -> LinearTextModel {
        let texts = data.training.texts.map(\.joined)
        let isCancelled = { StopSignal.received != nil }
        func tell(_ progress: LinearModelProgress) {
            reached(progress.iteration)
            report(.status { progress.line })
        }
        report(.status { "counting n-grams of \(texts.count) texts" })
        let model: LinearTextModel
        if recipe.isMultiLabel {
            model = try LinearTextModel.train(
                texts: texts,
                labelSets: data.training.classes.map { $0.map { Int32($0) } },
                classes: data.labels.count,
                options: options,
                state: state,
                isCancelled: isCancelled,
                report: tell
            )
        } else {
            model = try LinearTextModel.train(
                texts: texts,
                labels: data.training.classes.map { Int32($0[0]) },
                classes: data.labels.count,
                options: options,
                state: state,
                isCancelled: isCancelled,
                report: tell
            )
        }
        let end = model.isConverged ? "converged after" : "stopped before its tolerance after"
        report(.note("model: linear, \(model.featureCount) features; \(end) \(model.iterations) iterations"))
        return model
    }

    private func judge(_ model: LinearTextModel) throws -> [String: Double] {
        let probabilities = try LinearClassifier(model, data.labels).probabilities(data.validation.texts) {
            _ in
            StopSignal.received == nil
        }
        let figures = try ClassificationFigures(
            classes: data.validation.classes,
            probabilities: probabilities,
            classCount: data.labels.count,
            isMultiLabel: recipe.isMultiLabel
        )
        return try figures.metrics()
    }

    /// From how many texts to learn from on n-grams of a single text are left out, unless the recipe says.
    private static let manyTexts = 5000

    /// The keys of the section `model` as options.
    private func options() throws -> LinearTextOptions {
        guard recipe.model.path == nil else {
            throw RecipeError("model.path: a linear model begins from nothing; leave the key out")
        }
        let network = recipe.model.network
        func range(_ key: String) throws -> ClosedRange<Int>? {
            let numbers = network[key]?.arrayValue?.compactMap(\.integerValue) ?? []
            guard let low = numbers.first, let high = numbers.last else { return nil }
            guard numbers.count <= 2, low <= high else {
                throw RecipeError(
                    "model.\(key) is \(numbers); it must be the least and the most of an n-gram, as [1, 2]"
                )
            }
            return low...high
        }
        var options = LinearTextOptions()
        options.features.wordNGrams = try range("word_ngrams")
        options.features.characterNGrams = try range("character_ngrams")
        options.features.hashedColumns = network["hashed_columns"]?.integerValue
        let isHashed = options.features.hashedColumns != nil
        var staysInWords = false
        let isOpen = ["word_ngrams", "character_ngrams"].allSatisfy { network[$0]?.arrayValue == nil }
        if isOpen {
            // Chinese has no spaces: its words are found as well by their characters.
            let isChinese = ChineseShare.isLarge(in: data.training.texts.lazy.map(\.text))
            if isChinese {
                options.features.characterNGrams = 1...3
            } else {
                options.features.wordNGrams = 1...2
                // Columns that are shared leave words no weight of their own beside so many n-grams.
                if !isHashed { (options.features.characterNGrams, staysInWords) = (3...5, true) }
            }
        }
        options.features.charactersStayInWords =
            network["characters_within_words"]?.boolValue ?? staysInWords
        let hasBoth = options.features.wordNGrams != nil && options.features.characterNGrams != nil
        options.features.balancesKinds = network["balance_ngrams"]?.boolValue ?? (hasBoth && !isHashed)
        options.features.words = network["words"] == "whitespace" ? .whitespace : .letters
        options.features.lowercases = network["lowercase"]?.boolValue ?? true
        options.features.sublinear = network["sublinear"]?.boolValue ?? false
        options.features.minimumTexts =
            network["min_texts"]?.integerValue ?? (data.training.texts.count < Self.manyTexts ? 1 : 2)
        options.features.maximumFeatures = network["max_features"]?.integerValue
        options.inverseRegularization = network["inverse_regularization"]?.numberValue ?? 10
        options.tolerance = network["tolerance"]?.numberValue ?? options.tolerance
        options.scheme = network["scheme"] == "one-vs-rest" ? .oneVersusRest : .multinomial
        if recipe.training.maxSteps > 0 { options.maximumIterations = recipe.training.maxSteps }
        if let problem = options.problem { throw RecipeError("model: \(problem)") }
        return options
    }
}

extension ClassifierText {
    /// A pair as one text.
    var joined: String { pair.map { "\(text)\n\($0)" } ?? text }
}

extension ClassifierFamily {
    /// Logistic regression on TF-IDF of n-grams.
    static var linear: ClassifierFamily {
        ClassifierFamily(
            name: "linear",
            settings: [
                NetworkSetting("word_ngrams", .integers, .null),
                NetworkSetting("character_ngrams", .integers, .null),
                NetworkSetting("characters_within_words", .flag, .null),
                NetworkSetting("balance_ngrams", .flag, .null),
                NetworkSetting(
                    "words",
                    .word(TextFeatureOptions.Words.allCases.map(\.rawValue)),
                    "letters"
                ),
                NetworkSetting("lowercase", .flag, true), NetworkSetting("sublinear", .flag, false),
                NetworkSetting("min_texts", .integer, .null), NetworkSetting("max_features", .integer, .null),
                NetworkSetting("hashed_columns", .integer, .null),
                NetworkSetting("scheme", .word(["multinomial", "one-vs-rest"]), "multinomial"),
                NetworkSetting("inverse_regularization", .number, 10),
                NetworkSetting("tolerance", .number, 1e-5),
            ],
            defaults: { _ in },
            train: { run, data, report in try LinearClassification(run, data, report).train() },
            open: { _, folder in try LinearClassifier(folder: folder) }
        )
    }
}
