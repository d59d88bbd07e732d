import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanTextProcessing
import YuyanTokenizers
import YuyanTraining

/// A corpus made ready: its tokenizer and its token shards.
public struct PreparedCorpus: Sendable {
    /// The tokenizer.
    public let tokenizer: any Tokenizer
    /// The shards.
    public let dataset: PreparedDataset
    /// Where they lie.
    public let folder: String

    /// The fingerprint of the data as a run sees them: of the tokens and the tokenizer, and of how documents are read.
    ///
    /// - Parameter isolatesDocuments: Whether a document sees nothing of the ones before it.
    /// - Returns: SHA-256 in hexadecimal digits.
    public func fingerprint(isolatesDocuments: Bool) -> String {
        let description = dataset.description
        let parts =
            [
                description.tokenizerFingerprint, description.train.sha256,
                description.validation?.sha256 ?? "none",
            ] + (isolatesDocuments ? [] : ["joined"])
        return SHA256.hex(of: parts.joined(separator: "\n").utf8)
    }
}

/// How far the preparation of a corpus is.
public enum CorpusEvent: Sendable {
    /// Text is counted for a tokenizer.
    case countingText(bytes: Int)
    /// Merges are learned.
    case learningMerges(done: Int, of: Int)
    /// A tokenizer that was there is used.
    case reusingTokenizer(path: String)
    /// Text becomes tokens.
    case preparing(PreparationProgress)
}

/// The first part of a run: text → tokenizer → token shards.
public enum CorpusStep {
    /// Prepares what a recipe's sections `data` and `tokenizer` ask for, or finds it there.
    ///
    /// - Parameters:
    ///   - recipe: The recipe.
    ///   - folder: Where the tokenizer and the shards go.
    ///   - keepsTokens: Whether a run has learned from the tokens in the folder, which are then not replaced by others.
    ///   - report: Told how far it is.
    ///   - isCancelled: Asked now and then; true stops with `ResumableStop`, and a later call goes on.
    /// - Returns: The corpus.
    /// - Throws: Errors that name the file and place, ``RecipeError`` for prepared tokens of another tokenizer than the
    ///   recipe's or its model's, ``TrainingError`` for text that is no longer the one that a run learned from.
    public static func run(
        _ recipe: Recipe,
        folder: String,
        keepsTokens: Bool = false,
        report: (CorpusEvent) -> Void,
        isCancelled: () -> Bool
    ) throws -> PreparedCorpus {
        if let prepared = try preparedFolder(recipe.data) {
            let corpus = try open(prepared)
            if let path = tokenizerPath(recipe) { try corpus.check(isOf: path) }
            return corpus
        }
        let preparation = try Preparation(recipe: recipe, options: options(recipe), folder: folder)
        guard keepsTokens, let known = try? open(folder), try !preparation.isFinished() else {
            return try preparation.run(report: report, isCancelled: isCancelled)
        }
        // Files that were only touched give the same tokens.
        let side = SafeFile.path(beside: folder, ending: ".changed")
        let old = SafeFile.path(beside: folder, ending: ".replaced")
        // A call that was killed may have left it.
        try? FileManager.default.removeItem(atPath: old)
        defer { for path in [side, old] { try? FileManager.default.removeItem(atPath: path) } }
        let changed = Preparation(recipe: recipe, options: preparation.options, folder: side)
        let found = try changed.run(report: report, isCancelled: isCancelled)
        guard found.fingerprint(isolatesDocuments: true) == known.fingerprint(isolatesDocuments: true) else {
            throw TrainingError(
                "the text or the tokenizer is no longer what the run in \(recipe.training.outputDir) learned from; "
                    + "its tokens in \(folder) stay; use another training.output_dir and data.prepared, or remove the "
                    + "folder to begin anew"
            )
        }
        try SafeFile.replaceFolder(folder, by: side, movingAsideTo: old)
        return try open(folder)
    }

    /// The prepared folder that a recipe's data are; nil when they are text.
    ///
    /// - Throws: ``RecipeError`` when nothing is named, or a prepared folder does not stand alone.
    static func preparedFolder(_ data: DataRecipe) throws -> String? {
        let corpus = data.corpus
        guard !corpus.isEmpty else {
            throw RecipeError(
                "data.train is missing: name a text file, a JSONL file, a folder, or a prepared folder"
            )
        }
        for source in corpus where isPrepared(source.path) {
            guard corpus.count == 1 else {
                throw RecipeError(
                    "data.train: \(source.path) is a prepared folder; one stands alone, and sources are of text"
                )
            }
            return source.path
        }
        return nil
    }

    /// Whether a folder holds prepared tokens.
    static func isPrepared(_ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/\(DatasetDescription.fileName)")
    }

    /// Where the tokenizer is that a recipe takes as it is: its own, or that of the model it begins with.
    fileprivate static func tokenizerPath(_ recipe: Recipe) -> String? {
        recipe.tokenizer.path ?? recipe.model.path.flatMap { $0.hasSuffix(".arpa") ? nil : $0 }
    }

    /// Opens a folder that ``run(_:folder:report:isCancelled:)`` filled.
    ///
    /// - Parameter folder: The folder.
    /// - Returns: The corpus.
    /// - Throws: When a file is missing or does not fit the others.
    public static func open(_ folder: String) throws -> PreparedCorpus {
        let tokenizer = try TokenizerFiles.load(folder: folder)
        let dataset = try PreparedDataset(folder: folder)
        let fingerprint = tokenizer.fingerprint
        guard dataset.description.tokenizerFingerprint == fingerprint else {
            throw TrainingError(
                "\(folder)/tokenizer.json is not the tokenizer that made the tokens there; prepare the data again"
            )
        }
        return PreparedCorpus(tokenizer: tokenizer, dataset: dataset, folder: folder)
    }

    private static func options(_ recipe: Recipe) throws -> PreparationOptions {
        let data = recipe.data
        var options = PreparationOptions()
        options.textColumn = data.textColumn
        options.format = DataRecipe.textFormat(data.format)
        options.split = DocumentSplitRule(rawValue: data.split) ?? .document
        options.splitKey = data.splitKey
        let extensions = data.extensions.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        options.extensions = extensions.isEmpty ? nil : Set(extensions)
        options.invalidText = InvalidTextPolicy(rawValue: data.invalidUtf8) ?? .refuse
        options.removesDuplicates = data.deduplicate
        options.validationFraction = data.validationFraction
        options.seed = recipe.training.dataSeed ?? recipe.training.seed
        options.nearDuplicates = data.nearDuplicates.map { NearDuplicateSettings(threshold: $0) }
        options.pipeline = try data.makePipeline()
        if let filter = try data.makeContaminationFilter() {
            options.pipeline = TextPipeline(options.pipeline.operators + [filter])
        }
        return options
    }

    /// Learns the tokenizer that a recipe's sections `data` and `tokenizer` ask for; nothing is written.
    ///
    /// - Parameters:
    ///   - recipe: The recipe.
    ///   - report: Told how far it is.
    ///   - isCancelled: Asked now and then; true stops with `CancellationError`.
    /// - Returns: The tokenizer.
    /// - Throws: Errors that name the file and place, or the key.
    public static func learnTokenizer(
        _ recipe: Recipe,
        report: (CorpusEvent) -> Void,
        isCancelled: () -> Bool
    ) throws -> any Tokenizer {
        let folder = FileManager.default.temporaryDirectory.path
        return try learn(recipe, options(recipe), folder: folder, report: report, isCancelled: isCancelled)
    }

    fileprivate static func learn(
        _ recipe: Recipe,
        _ options: PreparationOptions,
        folder: String,
        report: (CorpusEvent) -> Void,
        isCancelled: () -> Bool
    ) throws -> any Tokenizer {
        let texts = try CorpusTexts(recipe.data.corpus, options: options)
        return try withoutActuallyEscaping(report) { report in
            try withoutActuallyEscaping(isCancelled) { isCancelled in
                try TokenizerLearner(
                    recipe.tokenizer,
                    texts: texts,
                    folder: folder,
                    report: report,
                    isCancelled: isCancelled
                ).learn()
            }
        }
    }
}

extension PreparedCorpus {
    /// Refuses tokens of another tokenizer than a model's.
    ///
    /// - Parameter path: The tokenizer's file, or the folder that holds it.
    /// - Throws: ``RecipeError`` when they are.
    func check(isOf path: String) throws {
        guard try TokenizerFiles.load(anywhere: path).fingerprint == tokenizer.fingerprint else {
            throw RecipeError(
                "\(folder): its tokens are of another tokenizer than \(path)'s; give the text itself, or prepare it "
                    + "with tokenizer.path: \(path)"
            )
        }
    }
}

/// The way of text into a folder: its tokenizer, and its tokens.
private struct Preparation {
    let recipe: Recipe
    let options: PreparationOptions
    let folder: String

    /// The file that says how a folder's tokenizer came to be, so that it is made anew when that changes.
    private var originPath: String { "\(folder)/tokenizer_training.json" }

    func run(report: (CorpusEvent) -> Void, isCancelled: () -> Bool) throws -> PreparedCorpus {
        try SafeFile.makeFolder(folder)
        do {
            let tokenizer = try makeTokenizer(report: report, isCancelled: isCancelled)
            try preparer(tokenizer).run(progress: { report(.preparing($0)) }, isCancelled: isCancelled)
        } catch is CancellationError {
            // A tokenizer that was learned and parts that were written are found by the next call.
            throw ResumableStop()
        }
        return try CorpusStep.open(folder)
    }

    /// Whether the folder holds what is asked for.
    func isFinished() throws -> Bool {
        let tokenizer = try TokenizerFiles.load(folder: folder)
        if let path = CorpusStep.tokenizerPath(recipe) {
            guard try TokenizerFiles.load(anywhere: path).fingerprint == tokenizer.fingerprint else {
                return false
            }
        } else if try !hasOrigin(origin()) {
            return false
        }
        return try preparer(tokenizer).isFinished()
    }

    private func preparer(_ tokenizer: any Tokenizer) -> CorpusPreparer {
        CorpusPreparer(
            recipe.data.corpus,
            validationPaths: recipe.data.validation.map(DataRecipe.files) ?? [],
            tokenizer: tokenizer,
            folder: folder,
            options: options
        )
    }

    private func makeTokenizer(report: (CorpusEvent) -> Void, isCancelled: () -> Bool) throws -> any Tokenizer
    {
        if let path = CorpusStep.tokenizerPath(recipe) {
            if recipe.tokenizer.path == nil { report(.reusingTokenizer(path: path)) }
            try save(TokenizerFiles.load(anywhere: path))
            return try TokenizerFiles.load(folder: folder)
        }
        let origin = try origin()
        if try hasOrigin(origin) {
            report(.reusingTokenizer(path: "\(folder)/tokenizer.json"))
            return try TokenizerFiles.load(folder: folder)
        }
        let tokenizer = try CorpusStep.learn(
            recipe,
            options,
            folder: folder,
            report: report,
            isCancelled: isCancelled
        )
        try save(tokenizer)
        try SafeFile.write(text: origin, to: originPath)
        // Read back, so that this run and later ones use the same thing.
        return try TokenizerFiles.load(folder: folder)
    }

    private func save(_ tokenizer: any Tokenizer) throws {
        // What it says is of the tokenizer that was there, whatever happens in between.
        if FileManager.default.fileExists(atPath: originPath) {
            try FileManager.default.removeItem(atPath: originPath)
        }
        try TokenizerFiles.save(tokenizer, to: folder)
    }

    private func hasOrigin(_ origin: String) throws -> Bool {
        try FileManager.default.fileExists(atPath: originPath) && SafeFile.readText(originPath) == origin
    }

    /// Everything that decides which tokenizer is learned, as text.
    private func origin() throws -> String {
        let listing = try SourceListing(
            recipe.data.corpus,
            extensions: options.extensions,
            format: options.format
        )
        var lines = [
            "type \(recipe.tokenizer.type)", "vocab_size \(recipe.tokenizer.vocabSize)",
            "split \(recipe.tokenizer.split)", "min_frequency \(recipe.tokenizer.minFrequency)",
            "lowercase \(recipe.tokenizer.lowercase)", "coverage \(recipe.tokenizer.characterCoverage)",
            "byte_fallback \(recipe.tokenizer.byteFallback)", "pipeline \(options.pipeline.signature)",
            "text_column \(options.textColumn)", "invalid_utf8 \(options.invalidText.rawValue)",
        ]
        lines += listing.sources.map {
            let column = $0.textColumn.map { " \($0)" } ?? ""
            return "\($0.path) \($0.byteCount) \($0.modified) \($0.format.rawValue)\(column)"
        }
        var object = JSONObject()
        object["made_of"] = .array(lines.map { .string($0) })
        return JSONValue.object(object).printed()
    }
}
