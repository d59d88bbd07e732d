import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTokenizers
import YuyanTraining

extension TokenShard: NGramCorpus {}

/// An n-gram model's part of a run of language modelling: one pass of counting, without epochs and batches.
struct NGramTraining: LanguageModelWork {
    private let run: LanguageModelRun
    private var recipe: Recipe { run.recipe }

    /// The file in ARPA's format in a model folder.
    static let arpaFile = "model.arpa"

    /// The keys of the section `model`.
    static var settings: [NetworkSetting] {
        [
            NetworkSetting("order", .integer, 5), NetworkSetting("min_counts", .integers, [1]),
            NetworkSetting("arpa", .flag, false, .task),
        ]
    }

    init(_ run: LanguageModelRun) { self.run = run }

    func trainModel(report: @escaping (TaskEvent) -> Void) throws -> TrainingOutcome {
        let options = try options()
        let corpus = try run.prepare(report: { report($0.taskEvent) })
        guard corpus.dataset.description.mixture.allSatisfy({ $0.weight == 1 }) else {
            throw RecipeError(
                "data.train: an n-gram model counts every document once; leave the weights of the sources out, and "
                    + "prepare the text without them"
            )
        }
        let session = FittingSession(
            recipe: recipe,
            registryFolder: run.registryFolder,
            version: run.version,
            report: report
        )
        let folder = recipe.training.outputDir
        var summary = ""
        let fingerprint = corpus.fingerprint(isolatesDocuments: recipe.data.isolateDocuments)
        let outcome = try session.run(dataFingerprint: fingerprint) { reached in
            let model = try model(corpus, options, report)
            reached(1)
            let counts = model.ngramCounts.map(String.init).joined(separator: ", ")
            summary = "An n-gram model of order \(model.order) with \(counts) n-grams of 1, 2, … tokens"
            report(.note("model: n-gram of order \(model.order); \(counts) n-grams of 1, 2, … tokens"))
            noteDiscounts(model, report)
            let metrics =
                corpus.dataset.validation == nil ? [:] : try figures(model, corpus, report).metrics
            try model.save(to: folder)
            try TokenizerFiles.save(corpus.tokenizer, to: folder)
            if recipe.model.network["arpa"]?.boolValue == true {
                report(.status { "writing \(Self.arpaFile)" })
                try model.writeARPA(to: "\(folder)/\(Self.arpaFile)", words: words(corpus.tokenizer))
            }
            return (1, metrics)
        }
        try run.writeCard(summary, corpus, fingerprint: fingerprint, outcome)
        return outcome
    }

    /// The keys of the section `model` as options.
    private func options() throws -> NGramOptions {
        let network = recipe.model.network
        var options = NGramOptions()
        options.order = network["order"]?.integerValue ?? options.order
        options.minimumCounts =
            network["min_counts"]?.arrayValue?.compactMap(\.integerValue) ?? options.minimumCounts
        if let problem = options.problem { throw RecipeError("model.\(problem)") }
        return options
    }

    /// The model that is counted, or the one that `model.path` names.
    private func model(
        _ corpus: PreparedCorpus,
        _ options: NGramOptions,
        _ report: @escaping (TaskEvent) -> Void
    ) throws -> NGramLanguageModel {
        if let path = recipe.model.path {
            guard !recipe.model.given.contains("min_counts") else {
                throw RecipeError(
                    "model.min_counts: the model in \(path) is taken as it is; leave the key out"
                )
            }
            let model = try known(path, corpus.tokenizer, report)
            guard !recipe.model.given.contains("order") || options.order == model.order else {
                throw RecipeError.notTheModels(
                    "order",
                    .integer(options.order),
                    path,
                    .integer(model.order)
                )
            }
            return model
        }
        let began = Date()
        let tokens = corpus.dataset.train.count
        let model = try NGramLanguageModel.train(
            corpus.dataset.train,
            vocabularySize: corpus.tokenizer.vocabularySize,
            endOfText: corpus.dataset.description.endOfText,
            options: options,
            isCancelled: { StopSignal.received != nil },
            report: { progress in
                switch progress {
                case .counting(let done, let total):
                    report(.status { "counting: \(done) of \(total) tokens" })
                case .smoothing(let order): report(.status { "smoothing n-grams of \(order) tokens" })
                }
            }
        )
        let seconds = Date().timeIntervalSince(began)
        let speed = Int(Double(tokens) / max(seconds, 1e-3))
        report(.note("counted \(tokens) tokens in \(String(format: "%.1f", seconds)) s, \(speed) a second"))
        return model
    }

    /// A model that exists: a folder, or an ARPA file of any program.
    private func known(
        _ path: String,
        _ tokenizer: any Tokenizer,
        _ report: (TaskEvent) -> Void
    ) throws -> NGramLanguageModel {
        if path.hasSuffix(".arpa") {
            report(.status { "reading \(path)" })
            let (model, summary) = try NGramLanguageModel.readARPA(
                path,
                words: words(tokenizer),
                isCancelled: { StopSignal.received != nil }
            )
            if summary.foreignWords > 0 {
                report(
                    .note(
                        "\(summary.foreignWords) of \(summary.words) words of \(path) are no tokens of the tokenizer; "
                            + "their n-grams are left out"
                    )
                )
            }
            if summary.missingTokens > 0 {
                report(
                    .note(
                        "\(summary.missingTokens) tokens are not in \(path): they have its probability of <unk>"
                    )
                )
            }
            return model
        }
        let model = try NGramLanguageModel(folder: path)
        guard model.vocabularySize == tokenizer.vocabularySize, model.endOfText == tokenizer.endOfText else {
            throw RecipeError(
                "model.path: \(path) has \(model.vocabularySize) tokens, the tokenizer "
                    + "\(tokenizer.vocabularySize); use the model's own tokenizer (tokenizer.path: \(path))"
            )
        }
        return model
    }

    private func words(_ tokenizer: any Tokenizer) throws -> ARPAWords {
        try ARPAWords(
            (0..<tokenizer.vocabularySize).map { tokenizer.token(of: Int32($0)) },
            endOfText: tokenizer.endOfText,
            unknown: tokenizer.addedTokens.unknown
        )
    }

    private func noteDiscounts(_ model: NGramLanguageModel, _ report: (TaskEvent) -> Void) {
        let usual = model.discounts.indices.filter { !model.discounts[$0].isEstimated }
        guard !usual.isEmpty else { return }
        let lengths = usual.map { String($0 + 1) }.joined(separator: ", ")
        report(
            .note(
                "the counts of n-grams of \(lengths) tokens are too few or too even to estimate discounts: the usual "
                    + "ones are taken (0.5, 1, 1.5)"
            )
        )
    }

    // MARK: Judging

    func judge(
        folder: String,
        _ corpus: PreparedCorpus,
        report: @escaping (TaskEvent) -> Void
    ) throws -> LanguageModelJudgement {
        let (parts, score) = try judged(NGramLanguageModel(folder: folder), corpus, report)
        var metrics = Self.figures(parts, score).metrics
        let total = Double(max(score.tokens, 1))
        metrics["eval_unseen_share"] = Double(score.unseen) / total
        for (length, count) in score.orders.enumerated() {
            metrics["eval_order_\(length + 1)_share"] = Double(count) / total
        }
        return LanguageModelJudgement(
            metrics: metrics,
            parts: parts,
            tokenizer: corpus.tokenizer,
            outcomes: parts.textOutcomes
        )
    }

    private func figures(
        _ model: NGramLanguageModel,
        _ corpus: PreparedCorpus,
        _ report: @escaping (TaskEvent) -> Void
    ) throws -> LanguageModelFigures {
        let (parts, score) = try judged(model, corpus, report)
        return Self.figures(parts, score)
    }

    private static func figures(_ parts: LanguageModelParts, _ score: NGramScore) -> LanguageModelFigures {
        LanguageModelFigures(nats: score.nats, tokens: score.tokens, bytes: parts.figures.bytes)
    }

    /// Judges on the targets that a decoder is judged on: every token where documents end with one of their own, else
    /// every token but the first of a document (of the text, where documents are not isolated).
    private func judged(
        _ model: NGramLanguageModel,
        _ corpus: PreparedCorpus,
        _ report: @escaping (TaskEvent) -> Void
    ) throws -> (parts: LanguageModelParts, score: NGramScore) {
        guard let shard = corpus.dataset.validation else {
            throw TrainingError("there is no validation text; give data.validation or a validation_fraction")
        }
        let hasEnds = corpus.dataset.description.endOfText != nil
        let isolates = recipe.data.isolateDocuments
        func isSkipped(_ document: Int) -> Bool { !hasEnds && (isolates || document == 0) }
        let sizes = LanguageModelFigures.byteCounts(corpus.tokenizer)
        var parts = LanguageModelParts("documents")
        parts.text = JudgedText(
            shard,
            corpus.tokenizer,
            endOfText: corpus.dataset.description.endOfText,
            isolatesDocuments: isolates
        )
        let score = try model.score(shard, skipsFirst: isSkipped) { places, own in
            let tokens = shard[places]
            let bytes = tokens.reduce(0) { $0 + sizes[Int($1)] }
            parts.add(nats: own.nats, tokens: own.tokens, bytes: bytes, text: { tokens })
            parts.text?.add(own.nats, at: places.lowerBound)
        } progress: { done, total in
            report(.status { "evaluating: \(done) of \(total) tokens" })
            return StopSignal.received == nil
        }
        return (parts, score)
    }
}
