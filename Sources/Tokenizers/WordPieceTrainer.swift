import YuyanFileFormats

/// Learns WordPiece vocabularies.
///
/// As in Hugging Face's `WordPieceTrainer`, the tokens are those of byte-pair merging over characters, of which all but
/// the first of a word have a prefix (Wu et al. 2016 choose merges by likelihood instead). The settings are those of
/// ``SubwordTrainer``, which says where the reference leaves ties to chance.
public struct WordPieceTrainer: Sendable {
    /// All settings.
    public var subwords = SubwordTrainer()

    /// A trainer with BERT's special tokens.
    ///
    /// - Parameters:
    ///   - vocabularySize: The number of tokens to reach; the alphabet may go beyond it.
    ///   - minimumFrequency: Pairs seen less often than this are not merged.
    ///   - specialTokens: The first tokens.
    ///   - alphabetLimit: The most characters in the alphabet; nil for all.
    ///   - continuingPrefix: The prefix of tokens that go on a word.
    public init(
        vocabularySize: Int = 30_000,
        minimumFrequency: Int = 0,
        specialTokens: [String] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
        alphabetLimit: Int? = nil,
        continuingPrefix: String = "##"
    ) {
        subwords.vocabularySize = vocabularySize
        subwords.minimumFrequency = minimumFrequency
        subwords.specialTokens = specialTokens
        subwords.alphabetLimit = alphabetLimit
        subwords.continuingPrefix = continuingPrefix
    }

    /// Learns a vocabulary.
    ///
    /// - Parameters:
    ///   - words: The words of the corpus.
    ///   - progress: Called now and then with the number of tokens reached; returning false stops early.
    /// - Returns: The tokens by id.
    /// - Throws: `FileFormatError` when a temporary file of the counter cannot be written or read, or the distinct words
    ///   are too many.
    public func train(
        _ words: WordCounter,
        progress: ((Int) -> Bool)? = nil
    ) throws(FileFormatError) -> [String] {
        try subwords.train(words, progress: progress).tokens
    }
}

/// Learns vocabularies of whole words: the most frequent ones, among equals those whose bytes come first.
///
/// The order is that of Hugging Face's `WordLevelTrainer`. A word that is also a special token keeps the special
/// token's id and takes no second one (the reference gives it a second id and leaves the first empty).
public struct WordLevelTrainer: Sendable {
    /// The most tokens, special ones included.
    public var vocabularySize = 30_000
    /// Words seen less often than this are left out.
    public var minimumFrequency = 0
    /// Tokens that get the first ids, in this order.
    public var specialTokens: [String] = []

    /// A trainer with the reference's settings.
    public init() {}

    /// Learns a vocabulary.
    ///
    /// - Parameter words: The words of the corpus.
    /// - Returns: The tokens by id.
    /// - Throws: `FileFormatError` when a temporary file of the counter cannot be written or read.
    public func train(_ words: WordCounter) throws(FileFormatError) -> [String] {
        var tokens = TokenTable()
        for token in specialTokens where tokens.idLimit < vocabularySize {
            _ = tokens.insert(Array(token.utf8), id: tokens.idLimit)
        }
        let most = max(vocabularySize - tokens.idLimit, 0)
        var best: [(word: [UInt8], count: Int)] = []
        try words.forEach { bytes, count in
            guard count >= minimumFrequency, tokens.id(of: bytes) == nil else { return }
            best.append((Array(bytes), count))
            // Only the best are kept, so that few words are in memory however many there are.
            if best.count >> 2 >= max(most, 1 << 14) { Self.keep(most, of: &best) }
        }
        Self.keep(most, of: &best)
        for entry in best { _ = tokens.insert(entry.word, id: tokens.idLimit) }
        return (0..<tokens.idLimit).map { String(decoding: tokens.bytes(of: $0) ?? [], as: UTF8.self) }
    }

    private static func keep(_ most: Int, of words: inout [(word: [UInt8], count: Int)]) {
        words.sort {
            $0.count != $1.count ? $0.count > $1.count : $0.word.lexicographicallyPrecedes($1.word)
        }
        words.removeLast(max(words.count - most, 0))
    }
}
