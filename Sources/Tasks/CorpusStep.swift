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
    /// The file that says how a folder's tokenizer came to be, so that it is made anew when that changes.
    private static let tokenizerOrigin = "tokenizer_training.json"

    /// Prepares what a recipe's sections `data` and `tokenizer` ask for, or finds it there.
    ///
    /// - Parameters:
    ///   - recipe: The recipe.
    ///   - folder: Where the tokenizer and the shards go.
    ///   - report: Told how far it is.
    ///   - isCancelled: Asked now and then; true stops with `ResumableStop`, and a later call goes on.
    /// - Returns: The corpus.
    /// - Throws: Errors that name the file and place.
    public static func run(
        _ recipe: Recipe,
        folder: String,
        report: (CorpusEvent) -> Void,
        isCancelled: () -> Bool
    ) throws -> PreparedCorpus {
        let data = recipe.data
        let corpus = data.corpus
        guard let first = corpus.first else {
            throw RecipeError(
                "data.train is missing: name a text file, a JSONL file, a folder, or a prepared folder"
            )
        }
        for source in corpus
        where FileManager.default.fileExists(atPath: "\(source.path)/\(DatasetDescription.fileName)") {
            guard corpus.count == 1 else {
                throw RecipeError(
                    "data.train: \(source.path) is a prepared folder; one stands alone, and sources are of text"
                )
            }
            return try open(first.path)
        }
        let options = try options(recipe)
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw TrainingError("the folder \(folder) cannot be made: \(error.localizedDescription)")
        }
        do {
            let tokenizer = try tokenizer(
                recipe,
                options,
                folder: folder,
                report: report,
                isCancelled: isCancelled
            )
            let preparer = CorpusPreparer(
                corpus,
                validationPaths: data.validation.map { [$0] } ?? [],
                tokenizer: tokenizer,
                folder: folder,
                options: options
            )
            try preparer.run(progress: { report(.preparing($0)) }, isCancelled: isCancelled)
        } catch is CancellationError {
            // A tokenizer that was learned and parts that were written are found by the next call.
            throw ResumableStop()
        }
        return try open(folder)
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

    private static func tokenizer(
        _ recipe: Recipe,
        _ options: PreparationOptions,
        folder: String,
        report: (CorpusEvent) -> Void,
        isCancelled: () -> Bool
    ) throws -> any Tokenizer {
        if let path = recipe.tokenizer.path {
            let known = try TokenizerFiles.load(anywhere: path)
            try TokenizerFiles.save(known, to: folder)
            return try TokenizerFiles.load(folder: folder)
        }
        let origin = try origin(recipe, options)
        let originPath = "\(folder)/\(tokenizerOrigin)"
        if FileManager.default.fileExists(atPath: originPath), try SafeFile.readText(originPath) == origin {
            report(.reusingTokenizer(path: "\(folder)/tokenizer.json"))
            return try TokenizerFiles.load(folder: folder)
        }
        let tokenizer = try learn(recipe, options, folder: folder, report: report, isCancelled: isCancelled)
        try TokenizerFiles.save(tokenizer, to: folder)
        try SafeFile.write(text: origin, to: originPath)
        // Read back, so that this run and later ones use the same thing.
        return try TokenizerFiles.load(folder: folder)
    }

    /// Everything that decides which tokenizer is learned, as text.
    private static func origin(_ recipe: Recipe, _ options: PreparationOptions) throws -> String {
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

    private static func learn(
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
