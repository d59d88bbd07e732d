import YuyanFileFormats

/// Learns byte-pair merges from text.
///
/// The merges, ids and ties are those of Hugging Face's `BpeTrainer` with the byte-level alphabet: the most frequent
/// pair first, among equals the one with the smaller ids. The result depends on neither the number of threads nor the
/// order of the documents, nor on the memory limit.
public struct BPETrainer {
    /// The number of tokens to reach: special tokens, 256 bytes and merges.
    public let vocabularySize: Int
    /// How text is cut into pieces; merges never cross a cut.
    public let splitRule: SplitRule
    /// Special tokens; they get the first ids, in this order.
    public let specialTokens: [String]
    /// Pairs seen less often than this are not merged.
    public let minimumFrequency: Int
    /// Pairs that hold a merged token are formed only when together they have fewer bytes than this; nil for no bound.
    ///
    /// This is the reference's `max_token_length`, its comparison included.
    public let maximumTokenLength: Int?
    /// For tests: about how many pairs the learner looks for at a time.
    package var pairsPerScan = MergeLearner.Limits(vocabularySize: 0).pairsPerScan

    private let counter: WordCounter

    /// Sets up a trainer that has seen nothing.
    ///
    /// Traps when the vocabulary has no room for the bytes and the special tokens.
    ///
    /// - Parameters:
    ///   - vocabularySize: The number of tokens to reach.
    ///   - splitRule: How text is cut into pieces.
    ///   - specialTokens: Special tokens, first one first.
    ///   - minimumFrequency: Pairs seen less often are not merged.
    ///   - maximumTokenLength: The bound of a token's bytes; nil for none.
    ///   - threads: The most threads to count words with.
    ///   - memoryLimit: The most bytes for counting pieces; more are kept in temporary files. nil for no limit.
    ///   - folder: Where temporary files are made.
    public init(
        vocabularySize: Int,
        splitRule: SplitRule = .cl100k(digits: 3, joinsTrailingSpace: false),
        specialTokens: [String] = ["<|endoftext|>"],
        minimumFrequency: Int = 0,
        maximumTokenLength: Int? = nil,
        threads: Int = 64,
        memoryLimit: Int? = nil,
        temporaryFolder folder: String = "/tmp"
    ) {
        guard vocabularySize >= 256 + specialTokens.count else {
            fatalError(
                "BPETrainer: vocabulary \(vocabularySize) is below 256 bytes + \(specialTokens.count) special tokens"
            )
        }
        self.vocabularySize = vocabularySize
        self.splitRule = splitRule
        self.specialTokens = specialTokens
        self.minimumFrequency = minimumFrequency
        self.maximumTokenLength = maximumTokenLength
        counter = WordCounter(
            splitRule: splitRule,
            threads: threads,
            memoryLimit: memoryLimit,
            temporaryFolder: folder
        )
    }

    /// The number of distinct pieces seen.
    ///
    /// - Returns: The number.
    /// - Throws: `FileFormatError` when a temporary file cannot be written or read.
    public func distinctPieces() throws(FileFormatError) -> Int { try counter.distinctWords() }

    /// The number of sorted runs of pieces written to temporary files so far.
    public var spilledRuns: Int { counter.spilledRuns }

    /// Counts the pieces of a document, at once or together with later ones.
    ///
    /// - Parameter text: The document; special tokens in it are ordinary characters.
    /// - Throws: `FileFormatError` when a temporary file cannot be written.
    public mutating func feed(_ text: String) throws(FileFormatError) { try counter.feed(text) }

    /// Counts the pieces of several documents, in parallel.
    ///
    /// - Parameter documents: The documents.
    /// - Throws: `FileFormatError` when a temporary file cannot be written.
    public mutating func feed(documents: some Sequence<String>) throws(FileFormatError) {
        for document in documents { try counter.feed(document) }
    }

    /// Counts the pieces of documents that lie one after the other, in parallel.
    ///
    /// Traps when the ends do not ascend to the number of bytes.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8 text of any size, for example a mapped file.
    ///   - documentEnds: Where each document ends; the last is `bytes.count`. nil for one document.
    /// - Throws: `FileFormatError` when a temporary file cannot be written.
    public mutating func feed(
        bytes: UnsafeRawBufferPointer,
        documentEnds: [Int]? = nil
    ) throws(FileFormatError) {
        try counter.feed(bytes: bytes, documentEnds: documentEnds ?? [bytes.count])
    }

    /// Learns the merges from everything counted so far.
    ///
    /// - Parameter progress: Called now and then with the number of tokens reached; returning false stops early with
    ///   what is learned so far.
    /// - Returns: The tokenizer; its first special token is the end of text.
    /// - Throws: `FileFormatError` when a temporary file cannot be written or read, or the distinct pieces are too many.
    public func train(progress: ((Int) -> Bool)? = nil) throws(FileFormatError) -> BPETokenizer {
        var tokens = TokenTable()
        for (id, token) in specialTokens.enumerated() {
            // A special token that is spelled with byte stand-ins is a token that merges may reach, too.
            guard let bytes = ByteAlphabet.bytes(of: token) else {
                tokens.skip(id: id)
                continue
            }
            guard tokens.insert(bytes, id: id) else {
                fatalError("BPETrainer: the special token '\(token)' is given twice")
            }
        }
        for byte in (0..<256).sorted(by: { ByteAlphabet.scalars[$0] < ByteAlphabet.scalars[$1] }) {
            _ = tokens.insert([UInt8(byte)], id: tokens.idLimit)
        }
        let ids = (0..<256).map { Int32(tokens.id(of: [UInt8($0)]) ?? 0) }
        let words = SymbolWords()
        let symbols = GrowingBuffer<Int32>()
        try counter.forEach { bytes, times throws(FileFormatError) in
            symbols.removeAll()
            for byte in bytes { symbols.append(ids[Int(byte)]) }
            try words.append(UnsafeBufferPointer(start: symbols.base, count: symbols.count), times: times)
        }
        let learner = MergeLearner(
            words: words,
            tokens: tokens,
            limits: MergeLearner.Limits(
                vocabularySize: vocabularySize,
                minimumFrequency: minimumFrequency,
                maximumLength: maximumTokenLength ?? .max,
                pairsPerScan: pairsPerScan
            )
        )
        learner.learn(progress: progress)
        let added = specialTokens.enumerated().map { AddedToken($0.element, id: Int32($0.offset)) }
        var addedTokens = AddedTokens(added)
        addedTokens.endOfText = added.first?.id
        return BPETokenizer(model: learner.model(), splitRule: splitRule, addedTokens: addedTokens)
    }
}
