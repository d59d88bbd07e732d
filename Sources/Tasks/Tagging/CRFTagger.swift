import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTensors
import YuyanTraining

/// A trained conditional random field on features.
struct CRFTagger: SentenceTagging {
    let model: LinearChainCRFModel

    /// How many sentences are tagged between two calls of `progress`.
    private static let group = 256

    init(_ model: LinearChainCRFModel) { self.model = model }

    init(_ recipe: Recipe, folder: String) throws {
        model = try LinearChainCRFModel(folder: folder)
        let asked = recipe.data.examples.settings.furtherRoles
        guard columns == asked else {
            throw FileFormatError(
                .mismatch,
                path: "\(folder)/config.json",
                at: .key("columns"),
                "are \(columns) where the recipe's model.features looks at \(asked)"
            )
        }
    }

    var columns: [String] { model.options.features.columns }
    var tags: [String] { model.tags }
    var isOfCharacters: Bool { model.options.features.isOfCharacters }

    func tags(_ sentences: [TaggerInput], progress: (Int) -> Bool) throws -> [[String]] {
        var all: [[String]] = []
        for first in stride(from: 0, to: sentences.count, by: Self.group) {
            let part = sentences[first..<min(first + Self.group, sentences.count)]
            all += part.map { model.tags(for: $0.tokens, columns: $0.columns) }
            if !progress(all.count) { throw CancellationError() }
        }
        return all
    }
}

/// The training of a conditional random field on features: to convergence, without epochs and batches.
struct CRFTagging {
    private let run: TaggingRun
    private let data: TaggingData
    private let report: (TaskEvent) -> Void
    private var recipe: Recipe { run.recipe }

    /// The keys of the section `model`.
    static var settings: [NetworkSetting] {
        [
            NetworkSetting("l1", .number, 0.1), NetworkSetting("l2", .number, 0.1),
            NetworkSetting("min_count", .integer, 1), NetworkSetting("window", .integer, 2),
            NetworkSetting("affix_length", .integer, .null), NetworkSetting("shapes", .flag, true),
            NetworkSetting("pairs", .flag, .null), NetworkSetting("lowercase", .flag, true),
            NetworkSetting("tolerance", .number, 1e-5), NetworkSetting("features", .texts, .null),
        ]
    }

    /// The keys that say what the template `default` looks at.
    fileprivate static let standardKeys = ["window", "affix_length", "shapes", "pairs"]

    init(_ run: TaggingRun, _ data: TaggingData, _ report: @escaping (TaskEvent) -> Void) {
        (self.run, self.data, self.report) = (run, data, report)
    }

    func train() throws -> TrainingOutcome {
        try recipe.refuseLabelSmoothing("a CRF learns the tags of a sentence together")
        let options = try options()
        let folder = recipe.training.outputDir
        let session = FittingSession(
            recipe: recipe,
            registryFolder: run.registryFolder,
            version: run.version,
            report: report
        )
        return try session.run(dataFingerprint: data.fingerprint, keepsState: true) { reached in
            report(.status { "looking at \(data.training.count) sentences" })
            let model = try LinearChainCRFModel.train(
                sentences: data.training.map(\.input.tokens),
                tags: data.training.map(\.tags),
                columns: data.training.map(\.input.columns),
                options: options,
                state: session.state,
                isCancelled: { StopSignal.received != nil },
                report: { progress in
                    reached(progress.iteration)
                    report(.status { progress.line })
                }
            )
            report(
                .note(
                    "model: crf, \(model.features.count) features, \(model.tags.count) tags; ended after "
                        + "\(model.iterations) iterations"
                )
            )
            let predictions = try CRFTagger(model).tags(data.validation.map(\.input)) { _ in
                StopSignal.received == nil
            }
            let figures = try TaggingFigures(
                data.validation,
                predictions: predictions,
                scoring: data.scoring
            )
            try model.save(to: folder)
            return (model.iterations, ["eval_accuracy": figures.accuracy, "eval_f1": figures.f1])
        }
    }

    /// The keys of the section `model` as options.
    private func options() throws -> LinearChainCRFOptions {
        guard recipe.model.path == nil else {
            throw RecipeError("model.path: a conditional random field begins from nothing; leave the key out")
        }
        let network = recipe.model.network
        var options = LinearChainCRFOptions()
        let isOfCharacters = CharacterTokens.areUsual(in: data.training.lazy.map(\.input.tokens))
        if isOfCharacters { options.features = .characters }
        let own = options.features
        options.features.window = network["window"]?.integerValue ?? own.window
        options.features.affixLength = network["affix_length"]?.integerValue ?? own.affixLength
        options.features.usesShapes = network["shapes"]?.boolValue ?? own.usesShapes
        options.features.usesPairs = network["pairs"]?.boolValue ?? own.usesPairs
        options.features.lowercases = network["lowercase"]?.boolValue ?? own.lowercases
        options.features.templates = try recipe.featureTemplates()
        options.l1 = network["l1"]?.numberValue ?? options.l1
        options.l2 = network["l2"]?.numberValue ?? options.l2
        options.minimumCount = network["min_count"]?.integerValue ?? options.minimumCount
        options.valueTolerance = network["tolerance"]?.numberValue ?? options.valueTolerance
        if recipe.training.maxSteps > 0 { options.maximumIterations = recipe.training.maxSteps }
        if let problem = options.problem { throw RecipeError("model: \(problem)") }
        return options
    }
}

extension Recipe {
    /// The templates of `model.features`; nil where there are none.
    fileprivate func featureTemplates() throws -> FeatureTemplates? {
        let texts = model.network["features"]?.arrayValue?.compactMap(\.stringValue)
        guard model.family == "crf", let texts else { return nil }
        do {
            return try FeatureTemplates(texts, columns: furtherColumns)
        } catch {
            throw RecipeError("model.features: \(error)")
        }
    }

    /// The members of `data.columns` beside those that sentences have.
    private var furtherColumns: [String] {
        let own = TaggingExample.roles.map(\.name)
        return data.examples.settings.columns.keys.filter { !own.contains($0) }.sorted()
    }

    /// Asks the reader for the columns that the templates look at.
    mutating func takeFeatureColumns() throws {
        guard let templates = try featureTemplates() else { return }
        if let idle = furtherColumns.first(where: { !templates.columns.contains($0) }) {
            throw RecipeError(
                "data.columns.\(idle): no template of model.features looks at it; add \(idle)@0 to them, or leave the "
                    + "column out"
            )
        }
        if !templates.includesStandard {
            let usual = Dictionary(uniqueKeysWithValues: CRFTagging.settings.map { ($0.key, $0.usual) })
            for key in CRFTagging.standardKeys where model.network[key] != usual[key] {
                throw RecipeError(
                    "model.\(key) says what the template '\(FeatureTemplates.standard)' looks at, which model.features "
                        + "does not have; add it, or leave the key out"
                )
            }
        }
        data.examples.settings.furtherRoles = templates.columns
    }
}
