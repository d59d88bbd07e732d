import YuyanFileFormats
import YuyanTokenizers

/// A prepared folder, opened for training and evaluation.
public struct PreparedDataset: Sendable {
    /// What the folder holds and what made it.
    public let description: DatasetDescription
    /// The tokens to learn from.
    public let train: TokenShard
    /// The tokens to judge by, if there are any.
    public let validation: TokenShard?

    /// Opens a folder that ``CorpusPreparer`` made, and checks that its files agree.
    ///
    /// - Parameter folder: the folder.
    /// - Throws: `FileFormatError` when a file is missing, damaged or of another size than described.
    public init(folder: String) throws {
        let found = try DatasetDescription(folder: folder)
        guard found.mixture.isEmpty || found.mixture.reduce(0, { $0 + $1.tokens }) == found.train.tokens
        else {
            throw FileFormatError(
                .mismatch,
                path: "\(folder)/\(DatasetDescription.fileName)",
                at: .key("mixture"),
                "the sources' tokens are not those of the whole; prepare the data set again"
            )
        }
        description = found
        train = try Self.open("train", found.train, found.width, folder)
        validation = try found.validation.map { try Self.open("validation", $0, found.width, folder) }
    }

    private static func open(
        _ name: String,
        _ part: DatasetDescription.Part,
        _ width: TokenWidth,
        _ folder: String
    ) throws -> TokenShard {
        let path = "\(folder)/\(name).bin"
        let shard = try TokenShard(path: path, width: width, indexPath: "\(folder)/\(name).idx")
        guard shard.count == part.tokens, shard.documentCount == part.documents else {
            throw FileFormatError(
                .mismatch,
                path: path,
                "\(shard.count) tokens in \(shard.documentCount) documents, but \(DatasetDescription.fileName) tells "
                    + "of \(part.tokens) in \(part.documents); prepare the data set again"
            )
        }
        return shard
    }

    /// Checks the content of the shards against their SHA-256 and their tokens against the vocabulary.
    ///
    /// It reads everything, so it takes about as long as copying the files.
    ///
    /// - Throws: `FileFormatError` naming the file that differs.
    public func verify() throws {
        for (shard, part) in [(train, description.train), (validation, description.validation)] {
            guard let shard, let part else { continue }
            guard try SHA256.hex(ofFile: shard.path) == part.sha256 else {
                throw FileFormatError(
                    .mismatch,
                    path: shard.path,
                    "the content is not the one that was written; prepare it again"
                )
            }
            try shard.checkTokens(below: description.vocabularySize)
        }
    }

    /// Rows of tokens to learn from.
    ///
    /// Traps when `sequenceLength` < 1.
    ///
    /// - Parameters:
    ///   - sequenceLength: the number of positions T of a row.
    ///   - isolatesDocuments: whether documents become segments.
    /// - Returns: the data set.
    public func trainingSet(sequenceLength: Int, isolatesDocuments: Bool = true) -> TokenDataset {
        var start = 0
        let parts = description.mixture.map { share in
            defer { start += share.tokens }
            return TokenDataset.Part(range: start..<start + share.tokens, weight: share.weight)
        }
        return TokenDataset(
            shard: train,
            sequenceLength: sequenceLength,
            endOfText: description.endOfText,
            isolatesDocuments: isolatesDocuments,
            parts: parts
        )
    }

    /// Rows of tokens to judge by.
    ///
    /// Traps when `sequenceLength` < 1.
    ///
    /// - Parameters:
    ///   - sequenceLength: the number of positions T of a row.
    ///   - isolatesDocuments: whether documents become segments.
    /// - Returns: the data set, or nil when there is no validation part.
    public func validationSet(sequenceLength: Int, isolatesDocuments: Bool = true) -> TokenDataset? {
        validation.map {
            TokenDataset(
                shard: $0,
                sequenceLength: sequenceLength,
                endOfText: description.endOfText,
                isolatesDocuments: isolatesDocuments
            )
        }
    }
}

/// The documents of a shard as bytes of text, one after another.
public struct ShardDocuments: Sequence, Sendable {
    private let shard: TokenShard
    private let tokenizer: any Tokenizer

    /// Reads documents back from tokens.
    ///
    /// - Parameters:
    ///   - shard: the tokens.
    ///   - tokenizer: the tokenizer that made them; special tokens give no text.
    public init(_ shard: TokenShard, tokenizer: any Tokenizer) {
        self.shard = shard
        self.tokenizer = tokenizer
    }

    /// Starts at the first document.
    ///
    /// - Returns: an iterator over the documents' bytes.
    public func makeIterator() -> AnyIterator<[UInt8]> {
        var next = 0
        return AnyIterator {
            guard next < shard.documentCount else { return nil }
            defer { next += 1 }
            return tokenizer.decodeBytes(shard[shard.range(ofDocument: next)], skippingSpecialTokens: true)
        }
    }
}

/// The cleaned documents of a corpus as text, such as a tokenizer is trained on.
public struct CorpusTexts {
    private let listing: SourceListing
    private let options: PreparationOptions

    /// Finds the files of a corpus.
    ///
    /// - Parameters:
    ///   - paths: files and folders.
    ///   - options: how to read and clean; duplicates are not removed here, nor is anything set aside.
    /// - Throws: `FileFormatError` when a path does not exist or there is no text.
    public init(paths: [String], options: PreparationOptions = PreparationOptions()) throws {
        try self.init(paths.map { CorpusSource($0) }, options: options)
    }

    /// Finds the files of a corpus whose sources have formats and columns of their own.
    ///
    /// - Parameters:
    ///   - sources: files and folders.
    ///   - options: how to read and clean.
    /// - Throws: `FileFormatError` when a path does not exist or there is no text.
    public init(_ sources: [CorpusSource], options: PreparationOptions = PreparationOptions()) throws {
        listing = try SourceListing(sources, extensions: options.extensions, format: options.format)
        self.options = options
    }

    /// Reads the texts in order; a long plain file comes in segments.
    ///
    /// - Parameter body: takes a text; false stops.
    /// - Throws: `FileFormatError` that names file and place, and what `body` throws.
    public func forEach(_ body: (String) throws -> Bool) throws {
        let limits = ReaderLimits(segmentBytes: options.segmentBytes, lineBytes: options.lineBytes)
        let columns = RowColumns(text: options.textColumn)
        var reader = DocumentReader(sources: listing.sources, limits: limits, columns: columns)
        let cleaner = SegmentCleaner(sources: listing.sources, options: options)
        var tallies = options.pipeline.emptyTallies
        var isDropped = false
        while let segment = try reader.next() {
            if segment.startsDocument { isDropped = false }
            if isDropped { continue }
            var key: SplitKey.Value?
            switch try cleaner.clean(segment, key: &key, tallies: &tallies) {
            case .text(let text): if !text.isEmpty, try !body(text) { return }
            case .dropped, .invalid: isDropped = true
            }
        }
    }
}
