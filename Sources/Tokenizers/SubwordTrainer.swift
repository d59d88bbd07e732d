import YuyanFileFormats

/// A vocabulary learned by merging characters.
public struct SubwordVocabulary: Sendable {
    /// The tokens by id: special tokens, characters, merged ones.
    public let tokens: [String]
    /// The merges as pairs of ids, first one first.
    public let merges: [(left: Int32, right: Int32)]
}

/// Learns subword vocabularies over characters by byte-pair merging: the core of WordPiece and of SentencePiece's kind
/// of byte-pair encoding.
///
/// The vocabulary is that of Hugging Face's `BpeTrainer` with the same settings. Where the reference leaves a choice to
/// chance, this trainer makes it in a fixed way: characters with a prefix or suffix get their ids in order of their
/// scalars (the reference: in the order of a hash table, new in every run, which decides ties between pairs), and of
/// equally rare characters at the limit of the alphabet, those with the smaller numbers stay.
public struct SubwordTrainer: Sendable {
    /// The number of tokens to reach; the alphabet may go beyond it.
    public var vocabularySize = 30_000
    /// Pairs seen less often than this are not merged.
    public var minimumFrequency = 0
    /// Tokens that get the first ids, in this order; repeated ones count once.
    public var specialTokens: [String] = []
    /// The most characters in the alphabet, the most frequent ones; nil for all.
    public var alphabetLimit: Int?
    /// The share of the text that the alphabet must cover, as SentencePiece's `character_coverage`.
    public var characterCoverage = 1.0
    /// Characters that belong to the alphabet whether they occur or not.
    public var initialAlphabet: [Unicode.Scalar] = []
    /// What stands before a character that is not the first of its word.
    public var continuingPrefix = ""
    /// What stands after a character that is the last of its word.
    public var endOfWordSuffix = ""
    /// Pairs that hold a merged token are formed only when together they have fewer characters than this.
    public var maximumTokenLength: Int?
    /// Stands for the space and is put before words that do not begin with one, as SentencePiece's "▁"; nil for neither.
    public var spaceSymbol: Unicode.Scalar?
    /// Whether a character that is not in the alphabet ends a word; otherwise the characters around it are neighbours.
    public var cutsAtUnknown = false

    /// For tests: the order of the characters with a prefix or suffix.
    package var symbolOrder: [String] = []
    /// For tests: about how many pairs the learner looks for at a time.
    package var pairsPerScan = MergeLearner.Limits(vocabularySize: 0).pairsPerScan

    /// A trainer with the reference's settings for plain characters.
    public init() {}

    /// A trainer of byte-pair encoding in SentencePiece's way: words begin with "▁", characters beyond the coverage cut
    /// words, and a token for every byte stands in for them.
    ///
    /// It goes with words cut by ``WordCounter/beforeSpaces``.
    ///
    /// - Parameters:
    ///   - vocabularySize: The number of tokens to reach.
    ///   - characterCoverage: The share of the text that the alphabet must cover.
    ///   - specialTokens: The first tokens.
    ///   - byteFallback: Whether tokens "<0x00>" to "<0xFF>" follow the special ones.
    /// - Returns: The trainer.
    public static func sentencePiece(
        vocabularySize: Int,
        characterCoverage: Double = 0.9995,
        specialTokens: [String] = ["<unk>", "<s>", "</s>"],
        byteFallback: Bool = true
    ) -> SubwordTrainer {
        var trainer = SubwordTrainer()
        trainer.vocabularySize = vocabularySize
        trainer.characterCoverage = characterCoverage
        let digits = Array("0123456789ABCDEF".unicodeScalars)
        let bytes = (0..<256).map { "<0x\(digits[$0 >> 4])\(digits[$0 & 15])>" }
        trainer.specialTokens = specialTokens + (byteFallback ? bytes : [])
        trainer.spaceSymbol = "\u{2581}"
        trainer.cutsAtUnknown = true
        return trainer
    }

    /// Learns a vocabulary.
    ///
    /// - Parameters:
    ///   - words: The words of the corpus.
    ///   - progress: Called now and then with the number of tokens reached; returning false stops early with what is
    ///     learned so far.
    /// - Returns: The vocabulary.
    /// - Throws: `FileFormatError` when a temporary file of the counter cannot be written or read, or the distinct words
    ///   are too many.
    public func train(
        _ words: WordCounter,
        progress: ((Int) -> Bool)? = nil
    ) throws(FileFormatError) -> SubwordVocabulary {
        let alphabet = try Alphabet(self, CharacterCounts(words))
        let learner = MergeLearner(
            words: try alphabet.symbolWords(words, self),
            tokens: alphabet.tokens,
            limits: MergeLearner.Limits(
                vocabularySize: vocabularySize,
                minimumFrequency: minimumFrequency,
                maximumLength: maximumTokenLength ?? .max,
                continuingPrefix: Array(continuingPrefix.utf8),
                firstSymbolsRecur: !continuingPrefix.isEmpty || !endOfWordSuffix.isEmpty,
                pairsPerScan: pairsPerScan
            )
        )
        learner.learn(progress: progress)
        let tokens = (0..<learner.tokens.idLimit).map { id in
            String(decoding: learner.tokens.bytes(of: id) ?? [], as: UTF8.self)
        }
        return SubwordVocabulary(tokens: tokens, merges: learner.merges)
    }
}

/// The first symbols of a training over characters.
private struct Alphabet {
    private(set) var tokens = TokenTable()
    /// By scalar: the number of its row in `symbols`; -1 for a character that is not in the alphabet.
    private var rows = [Int32](repeating: -1, count: 0x110000)
    /// Four symbols a row, one for each place in a word.
    private var symbols: [Int32] = []

    init(_ trainer: SubwordTrainer, _ counts: CharacterCounts) {
        for token in trainer.specialTokens { _ = tokens.insert(Array(token.utf8), id: tokens.idLimit) }
        let kept = Self.kept(trainer, counts)
        for scalar in kept {
            _ = tokens.insert(Array(Self.spelling(scalar, trainer).utf8), id: tokens.idLimit)
        }
        // A character that is a special token is known, whatever the limit.
        let known = counts.byFrequency.filter { tokens.id(of: Array(Self.spelling($0, trainer).utf8)) != nil }
            .sorted { Self.shown($0, trainer).value < Self.shown($1, trainer).value }
        addMarked(known, trainer, counts)
        for scalar in known {
            rows[Int(scalar.value)] = Int32(symbols.count / 4)
            for place in CharacterCounts.Place.all {
                let id = tokens.id(of: Array(Self.spelling(scalar, trainer, at: place).utf8))
                symbols.append(Int32(id ?? 0))
            }
        }
        if let space = trainer.spaceSymbol, rows[Int(space.value)] < 0, rows[32] >= 0 {
            rows[Int(space.value)] = rows[32]
        }
    }

    /// The characters to keep, in order of their scalars.
    private static func kept(_ trainer: SubwordTrainer, _ counts: CharacterCounts) -> [Unicode.Scalar] {
        let initial = Set(trainer.initialAlphabet)
        var candidates = trainer.initialAlphabet.isEmpty ? [] : initial.sorted { $0.value < $1.value }
        candidates += counts.mostFrequent(covering: trainer.characterCoverage).filter {
            !initial.contains($0)
        }
        if let limit = trainer.alphabetLimit {
            candidates.removeLast(max(candidates.count - max(limit, 0), 0))
        }
        if trainer.spaceSymbol != nil, !candidates.contains(" ") { candidates.append(" ") }
        return candidates.sorted { shown($0, trainer).value < shown($1, trainer).value }
    }

    /// Adds the characters with prefix or suffix that occur.
    private mutating func addMarked(
        _ known: [Unicode.Scalar],
        _ trainer: SubwordTrainer,
        _ counts: CharacterCounts
    ) {
        guard !trainer.continuingPrefix.isEmpty || !trainer.endOfWordSuffix.isEmpty else { return }
        for token in trainer.symbolOrder { _ = tokens.insert(Array(token.utf8), id: tokens.idLimit) }
        for scalar in known {
            for place in CharacterCounts.Place.all where counts.contains(scalar, at: place) {
                let token = Self.spelling(scalar, trainer, at: place)
                _ = tokens.insert(Array(token.utf8), id: tokens.idLimit)
            }
        }
    }

    /// A character as tokens show it.
    private static func shown(_ scalar: Unicode.Scalar, _ trainer: SubwordTrainer) -> Unicode.Scalar {
        scalar == " " ? trainer.spaceSymbol ?? scalar : scalar
    }

    private static func spelling(_ scalar: Unicode.Scalar, _ trainer: SubwordTrainer) -> String {
        String(String.UnicodeScalarView([shown(scalar, trainer)]))
    }

    private static func spelling(
        _ scalar: Unicode.Scalar,
        _ trainer: SubwordTrainer,
        at place: CharacterCounts.Place
    ) -> String {
        (place.isFirst ? "" : trainer.continuingPrefix) + spelling(scalar, trainer)
            + (place.isLast ? trainer.endOfWordSuffix : "")
    }

    /// The words of a corpus as symbols.
    func symbolWords(_ words: WordCounter, _ trainer: SubwordTrainer) throws(FileFormatError) -> SymbolWords {
        let result = SymbolWords()
        let word = GrowingBuffer<Int32>()
        let spaceBytes = trainer.spaceSymbol.map { Array(String($0).utf8) } ?? []
        let space = tokens.id(of: spaceBytes).map { Int32($0) }
        try words.forEach { bytes, times throws(FileFormatError) in
            word.removeAll()
            if let space, bytes.first != 32, !bytes.starts(with: spaceBytes) { word.append(space) }
            var cuts: [Int] = []
            CharacterCounts.forEachScalar(bytes) { scalar, place in
                let row = Int(rows[Int(scalar)])
                if row >= 0 {
                    word.append(symbols[row * 4 + place.index])
                } else if trainer.cutsAtUnknown {
                    cuts.append(word.count)
                }
            }
            var start = 0
            for cut in cuts + [word.count] {
                try result.append(
                    UnsafeBufferPointer(start: word.base + start, count: cut - start),
                    times: times
                )
                start = cut
            }
        }
        return result
    }
}
