import Dispatch
import Foundation
import Synchronization
import YuyanFileFormats
import YuyanTextProcessing
import YuyanTokenizers

/// How a corpus is read, cleaned and divided.
public struct PreparationOptions: Sendable {
    /// The column of JSON lines that holds the text.
    public var textColumn = "text"
    /// The format of all files; nil tells it by each file's name.
    public var format: TextFormat?
    /// The endings that files of a folder must have; nil takes all.
    public var extensions: Set<String>?
    /// What to do with text that is not valid UTF-8.
    public var invalidText = InvalidTextPolicy.refuse
    /// The cleaning.
    public var pipeline = TextPipeline()
    /// Whether a document equal to an earlier one is left out.
    public var removesDuplicates = true
    /// How near-duplicates of earlier documents are found and left out; nil keeps them.
    public var nearDuplicates: NearDuplicateSettings?
    /// How much of the beginning of a document is compared with others, in bytes; it bounds the memory for long ones.
    public var comparedBytes = 32 << 20
    /// The share of documents for validation, 0 for none; of a single document, the share of its bytes.
    public var validationFraction = 0.05
    /// How documents are divided.
    public var split = DocumentSplitRule.document
    /// The column of rows that the division goes by besides the text: a time, or what must stay together.
    public var splitKey: String?
    /// The seed of the division.
    public var seed: UInt64 = 1
    /// The number of threads that tokenise; by default what `YUYAN_THREADS` says, or one for each processor.
    public var threads: Int
    /// The size above which a plain file is handled in segments of this size, in bytes.
    ///
    /// Filters judge a longer document by its first segment. Segments are tokenised on their own, which changes no
    /// token of byte-level tokenizers unless they put a space before every text.
    public var segmentBytes = 1 << 20
    /// The longest line of JSON lines, in bytes.
    public var lineBytes = 64 << 20
    /// About how much text becomes one part, the unit that an interrupted run need not do again, in bytes.
    public var partBytes = 64 << 20
    /// How much text is read ahead while the text before it is worked on, in bytes; nil suits the threads.
    public var roundBytes: Int?

    /// Creates the default options.
    public init() {
        let wish = ProcessInfo.processInfo.environment["YUYAN_THREADS"].flatMap { Int($0) } ?? 0
        threads = wish >= 1 ? wish : ProcessInfo.processInfo.activeProcessorCount
    }
}

/// How far a preparation has come.
public struct PreparationProgress: Sendable, Equatable {
    /// What is being done.
    public enum Stage: String, Sendable {
        /// Text becomes tokens.
        case tokenizing
        /// Parts become shards.
        case merging
        /// All is done.
        case finished
    }

    /// What is being done.
    public let stage: Stage
    /// The stored bytes of the sources that are done.
    public let bytesDone: Int
    /// The stored bytes of all sources.
    public let bytesTotal: Int
    /// The tokens made.
    public let tokens: Int
    /// The parts that an earlier, interrupted run had finished.
    public let resumedParts: Int
}

/// Makes token shards of a corpus: files → clean documents → tokens → `train.bin`, `validation.bin`.
///
/// The folder gets `train.bin` and `train.idx` (see ``TokenShard``), the same for validation, and `dataset.json`
/// (see ``DatasetDescription``), which is written last. Killed at any moment and run again, a preparation goes on
/// after its last finished part and makes the same bytes. The same holds for any number of threads.
///
/// On the disk it needs room for the tokens twice.
public struct CorpusPreparer: Sendable {
    /// The largest weight of a source.
    public static let weightLimit = 1000.0

    /// Files and folders to read, with their weights.
    public let sources: [CorpusSource]
    /// Files and folders to read.
    public var paths: [String] { sources.map(\.path) }
    /// Files and folders whose documents are all for validation; none divides by hash.
    public let validationPaths: [String]
    /// Makes tokens of text.
    public let tokenizer: any Tokenizer
    /// Where the data set goes.
    public let folder: String
    /// How to read, clean and divide.
    public let options: PreparationOptions

    /// Creates a preparation; nothing is read yet.
    ///
    /// Traps when an option is out of its range (a fraction outside 0 ..< 1, sizes or threads below 1).
    ///
    /// - Parameters:
    ///   - paths: files and folders to read.
    ///   - validationPaths: files and folders whose documents are all for validation.
    ///   - tokenizer: makes tokens of text.
    ///   - folder: where the data set goes; it is made when missing.
    ///   - options: how to read, clean and divide.
    public init(
        paths: [String],
        validationPaths: [String] = [],
        tokenizer: any Tokenizer,
        folder: String,
        options: PreparationOptions = PreparationOptions()
    ) {
        self.init(
            paths.map { CorpusSource($0) },
            validationPaths: validationPaths,
            tokenizer: tokenizer,
            folder: folder,
            options: options
        )
    }

    /// Creates a preparation of sources with weights, formats and columns of their own; nothing is read yet.
    ///
    /// Traps when an option is out of its range, or a weight does not lie above 0 and up to ``weightLimit``.
    ///
    /// - Parameters:
    ///   - sources: files and folders to read.
    ///   - validationPaths: files and folders whose documents are all for validation.
    ///   - tokenizer: makes tokens of text.
    ///   - folder: where the data set goes; it is made when missing.
    ///   - options: how to read, clean and divide.
    public init(
        _ sources: [CorpusSource],
        validationPaths: [String] = [],
        tokenizer: any Tokenizer,
        folder: String,
        options: PreparationOptions = PreparationOptions()
    ) {
        require(
            sources.allSatisfy { $0.weight > 0 && $0.weight <= Self.weightLimit },
            "CorpusPreparer: weights must lie above 0 and up to \(Self.weightLimit), not \(sources.map(\.weight))"
        )
        require(
            options.validationFraction >= 0 && options.validationFraction < 1,
            "CorpusPreparer: the validation fraction must lie in 0 ..< 1, not \(options.validationFraction)"
        )
        require(
            min(options.threads, options.lineBytes, options.partBytes, options.comparedBytes) >= 1
                && options.segmentBytes >= 16,
            "CorpusPreparer: threads and sizes must be positive, and a segment at least 16 bytes"
        )
        self.sources = sources
        self.validationPaths = validationPaths
        self.tokenizer = tokenizer
        self.folder = folder
        self.options = options
    }

    /// Whether the folder holds what ``run(progress:isCancelled:)`` would make there.
    ///
    /// - Returns: False when it would have to be made, or finished.
    /// - Throws: `FileFormatError` when a source is missing.
    public func isFinished() throws -> Bool { try plan().existing() != nil }

    private func plan() throws -> PreparationPlan {
        let listing = try SourceListing(
            sources,
            validationPaths: validationPaths,
            extensions: options.extensions,
            format: options.format,
            excludedFolder: folder
        )
        try checkSplitKey(listing)
        return PreparationPlan(self, listing)
    }

    /// Prepares the data set, or finds that it is there already.
    ///
    /// - Parameters:
    ///   - progress: called now and then from the calling thread.
    ///   - isCancelled: asked now and then; true stops with `CancellationError`, and a later run goes on.
    /// - Returns: the description that was written.
    /// - Throws: `FileFormatError` that names file and place, or `CancellationError`.
    @discardableResult
    public func run(
        progress: (PreparationProgress) -> Void = { _ in },
        isCancelled: () -> Bool = { false }
    ) throws -> DatasetDescription {
        var plan = try plan()
        if let finished = plan.existing() {
            progress(plan.progress(.finished, bytesDone: plan.bytesTotal, tokens: finished.train.tokens))
            return finished
        }
        let log = try PreparationLog(
            folder: "\(folder)/.prepare",
            configuration: plan.partConfiguration,
            width: plan.width,
            operatorNames: options.pipeline.operators.map(\.name)
        )
        plan.resumedParts = log.parts.count
        try tokenize(plan, log, progress: progress, isCancelled: isCancelled)
        progress(
            plan.progress(
                .merging,
                bytesDone: plan.bytesTotal,
                tokens: log.parts.reduce(0) { $0 + $1.tokens }
            )
        )
        let description = try merge(plan, log, isCancelled: isCancelled)
        try description.json.write(to: "\(folder)/\(DatasetDescription.fileName)")
        try log.remove()
        progress(plan.progress(.finished, bytesDone: plan.bytesTotal, tokens: description.train.tokens))
        return description
    }
}

extension CorpusPreparer {
    /// The key of the division; validation files that are named leave nothing to divide.
    var splitKey: SplitKey? {
        guard validationPaths.isEmpty else { return nil }
        return options.splitKey.map { SplitKey(column: $0, isTime: options.split == .time) }
    }

    /// A key stands in rows: a file without rows has none.
    private func checkSplitKey(_ listing: SourceListing) throws {
        guard let splitKey, let plain = listing.sources.first(where: { $0.format == .plain }) else { return }
        throw FileFormatError(
            .mismatch,
            path: plain.path,
            "a file of plain text has no column '\(splitKey.column)', which the split goes by; only rows of JSONL, CSV, "
                + "TSV and JSON have"
        )
    }
}

/// What a preparation knows before it reads text.
struct PreparationPlan {
    let listing: SourceListing
    let width: TokenWidth
    let processor: SegmentProcessor
    let limits: ReaderLimits
    let columns: RowColumns
    let folder: String
    let tokenizerFingerprint: String
    /// A fingerprint of everything that decides the parts.
    let partConfiguration: String
    /// A fingerprint of everything that decides the shards.
    let configuration: String
    var resumedParts = 0

    var bytesTotal: Int { listing.sources.reduce(0) { $0 + $1.byteCount } }

    init(_ preparer: CorpusPreparer, _ listing: SourceListing) {
        let options = preparer.options
        self.listing = listing
        folder = preparer.folder
        width = TokenWidth(vocabularySize: preparer.tokenizer.vocabularySize)
        limits = ReaderLimits(segmentBytes: options.segmentBytes, lineBytes: options.lineBytes)
        columns = RowColumns(text: options.textColumn, key: preparer.splitKey?.column)
        let cleaner = SegmentCleaner(
            sources: listing.sources,
            options: options,
            splitKey: preparer.splitKey
        )
        processor = SegmentProcessor(cleaner: cleaner, tokenizer: preparer.tokenizer, width: width)
        tokenizerFingerprint = SHA256.hex(
            of: preparer.tokenizer.tokenizerDocument().printedBytes(indent: nil)
        )
        let sources = listing.sources.map { source -> JSONValue in
            [
                .string(source.path), .string(source.format.rawValue), .integer(source.byteCount),
                .integer(source.modified), .bool(source.isValidation),
                source.textColumn.map { .string($0) } ?? .null, .integer(source.origin),
            ]
        }
        let parts: JSONValue = [
            "version": 2, "sources": .array(sources), "column": .string(options.textColumn),
            "invalid": .string(options.invalidText.rawValue),
            "operators": .array(options.pipeline.signature.map { .string($0) }),
            "tokenizer": .string(tokenizerFingerprint), "width": .string(width.rawValue),
            "segment": .integer(options.segmentBytes),
            "key": preparer.splitKey.map { [.string($0.column), .bool($0.isTime)] } ?? .null,
        ]
        partConfiguration = SHA256.hex(of: parts.printedBytes(indent: nil))
        let whole: JSONValue = [
            "parts": .string(partConfiguration), "duplicates": .bool(options.removesDuplicates),
            "near_duplicates": options.nearDuplicates.map { .string("\($0) \(options.comparedBytes)") }
                ?? .null,
            "weights": .array(preparer.sources.map { .number($0.weight) }),
            "split": .string(options.split.rawValue),
            "fraction": .number(options.validationFraction), "seed": .string(String(options.seed)),
            "end": preparer.tokenizer.endOfText.map { .integer(Int($0)) } ?? .null,
        ]
        configuration = SHA256.hex(of: whole.printedBytes(indent: nil))
    }

    /// The description in the folder, if it was made by the same plan and its shards are whole.
    func existing() -> DatasetDescription? {
        guard FileManager.default.fileExists(atPath: "\(folder)/\(DatasetDescription.fileName)") else {
            return nil
        }
        do {
            let found = try PreparedDataset(folder: folder)
            return found.description.configuration == configuration ? found.description : nil
        } catch {
            // Damaged or of another version: it is made anew.
            return nil
        }
    }

    func progress(_ stage: PreparationProgress.Stage, bytesDone: Int, tokens: Int) -> PreparationProgress {
        PreparationProgress(
            stage: stage,
            bytesDone: min(bytesDone, bytesTotal),
            bytesTotal: bytesTotal,
            tokens: tokens,
            resumedParts: resumedParts
        )
    }
}
