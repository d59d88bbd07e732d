import YuyanFileFormats

/// Learns the pieces of a unigram model (Kudo 2018, "Subword Regularization") as SentencePiece does.
///
/// Strings that occur often are found by sorting the suffixes of all words; their probabilities are estimated by expectation
/// and maximisation, and again and again the pieces that the likelihood misses least are dropped. The result does not depend
/// on the number of threads. It is not SentencePiece's to the last bit: seeds are counted in distinct words with their counts
/// (SentencePiece counts them in running text and misses strings that always stand before the same character), sums are kept
/// in 64 bits, long lines are cut instead of dropped, and rare characters cut words instead of standing in them.
public struct UnigramTrainer: Sendable {
    /// What pieces may be and how they are learned; the defaults are SentencePiece's.
    public struct Options: Sendable {
        /// The share of the characters of the text that must be covered by pieces.
        public var characterCoverage = 0.9995
        /// The longest piece, in scalars.
        public var maximumPieceLength = 16
        /// The share of the pieces that survives a round.
        public var shrinkingFactor = 0.75
        /// The rounds of expectation and maximisation between two prunings.
        public var subIterations = 2
        /// The most strings to begin with.
        public var seedCount = 1_000_000
        /// Whether pieces never cross white space.
        public var splitsByWhitespace = true
        /// Whether numbers and letters are never in one piece.
        public var splitsByNumber = true
        /// Whether letters of different scripts are never in one piece.
        public var splitsByScript = true
        /// Whether every digit is a piece of its own.
        public var splitsDigits = false
        /// Whether white space belongs to the end of a word.
        public var treatsWhitespaceAsSuffix = false
        /// Whether runs of white space may be pieces.
        public var allowsWhitespaceOnlyPieces = false
        /// Whether text that no piece covers becomes bytes; takes 256 ids.
        public var byteFallback = false
        /// Characters that become pieces however rare they are.
        public var requiredCharacters = ""
        /// Symbols that never come from text.
        public var controlSymbols: [String] = []
        /// Pieces that are always kept whole.
        public var userDefinedSymbols: [String] = []
        /// Whether there is a piece that fills batches.
        public var hasPadding = false
        /// How text is normalised; white space must be escaped.
        public var normalizer = SentencePieceFile.NormalizerSpec()
        /// The longest stretch of a line that is looked at as a whole, in bytes of normalised text.
        public var longestStretch = 4192

        /// SentencePiece's defaults, without replacements of characters.
        public init() {
            normalizer.name = "identity"
        }
    }

    /// The number of pieces to reach.
    public let vocabularySize: Int
    /// What pieces may be and how they are learned.
    public let options: Options
    private let threads: Int
    private let normalizer: SentencePieceNormalizer
    private let symbols: PieceTrie?
    private let words = WordTable()

    /// Sets up a trainer that has seen nothing.
    ///
    /// - Parameters:
    ///   - vocabularySize: The number of pieces to reach; fewer come out when the text has fewer.
    ///   - options: What pieces may be and how they are learned.
    ///   - threads: The most threads to use; up to 8 help.
    /// - Throws: `FileFormatError` when the rules of normalisation are wrong or an option is out of range.
    public init(vocabularySize: Int, options: Options = Options(), threads: Int = 8) throws(FileFormatError) {
        func check(_ condition: Bool, _ key: String, _ message: String) throws(FileFormatError) {
            if !condition { throw FileFormatError(.malformed, at: .key(key), message) }
        }
        try check(options.normalizer.escapesWhitespace, "escape_whitespaces", "true is right for training")
        try check((0.5...1).contains(options.characterCoverage), "character_coverage", "0.5 to 1 is right")
        try check(
            (1...512).contains(options.maximumPieceLength),
            "max_sentencepiece_length",
            "1 to 512 is right"
        )
        try check((0.1...0.99).contains(options.shrinkingFactor), "shrinking_factor", "0.1 to 0.99 is right")
        try check((1...100).contains(options.subIterations), "num_sub_iterations", "1 to 100 is right")
        try check(options.longestStretch >= 16, "max_sentence_length", "at least 16 is right")
        self.vocabularySize = vocabularySize
        self.options = options
        self.threads = threads
        let sorted = Set(options.userDefinedSymbols.map { Array($0.utf8) }).sorted {
            $0.lexicographicallyPrecedes($1)
        }
        try check(!sorted.contains([]), "user_defined_symbols", "an empty symbol")
        symbols = sorted.isEmpty ? nil : PieceTrie(sorted: sorted.map { ($0[...], 0) })
        normalizer = try SentencePieceNormalizer(
            options.normalizer,
            whitespaceIsSuffix: options.treatsWhitespaceAsSuffix,
            symbols: symbols,
            path: nil
        )
    }

    /// Counts the words of a document; every line is normalised by itself.
    ///
    /// - Parameter bytes: UTF-8 text.
    public mutating func feed(bytes: UnsafeRawBufferPointer) {
        let text = bytes.assumingMemoryBound(to: UInt8.self)
        let normalized = NormalizedText()
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: 10) ?? text.count
            normalizer.normalize(
                UnsafeBufferPointer(rebasing: text[start..<end]),
                into: normalized,
                tracksOrigins: false
            )
            split(normalized.bytes, normalized.count)
            normalized.clear()
            start = end + 1
        }
    }

    /// Counts the words of documents.
    ///
    /// - Parameter documents: The texts.
    public mutating func feed(documents: some Sequence<String>) {
        for document in documents {
            var document = document
            document.withUTF8 { feed(bytes: UnsafeRawBufferPointer($0)) }
        }
    }

    /// Cuts a normalised line into words, at user-defined symbols and at white space.
    private mutating func split(_ text: UnsafePointer<UInt8>, _ count: Int) {
        var start = 0
        var position = 0
        var wasSpace = false
        while position < count {
            if let symbols, let end = symbols.longestMatch(text, position, count) {
                add(text, start, position)
                start = end
                position = end
                wasSpace = false
                continue
            }
            let isSpace = WordCuts.isSpace(text, position, count)
            if options.splitsByWhitespace, position > start {
                let isRun = wasSpace && isSpace && options.allowsWhitespaceOnlyPieces
                let cuts = options.treatsWhitespaceAsSuffix ? wasSpace && !isRun : isSpace && !isRun
                if cuts {
                    add(text, start, position)
                    start = position
                }
            }
            if position - start >= options.longestStretch {
                add(text, start, position)
                start = position
            }
            wasSpace = isSpace
            position += min(UnigramModel.characterLength(text[position]), count - position)
        }
        add(text, start, count)
    }

    private mutating func add(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) {
        if end > start { words.add(text + start, count: end - start, hasRoom: false) }
    }

    /// Learns the pieces from everything counted so far.
    ///
    /// - Parameter progress: Called after every round with the number of pieces left; returning false ends the rounds, and
    ///   the best of what is left become the vocabulary.
    /// - Returns: The tokenizer.
    /// - Throws: `FileFormatError` when there is no text, or the vocabulary has no room for the characters.
    public func train(progress: ((Int) -> Bool)? = nil) throws(FileFormatError) -> SentencePieceTokenizer {
        guard words.count > 0 else { throw FileFormatError(.missing, "no text to learn from") }
        let all = TrainingWords(words)
        let alphabet = TrainingAlphabet(
            all,
            coverage: options.characterCoverage,
            required: options.requiredCharacters
        )
        let reserved = UnigramVocabulary(options)
        let room = vocabularySize - reserved.count
        guard alphabet.characters.count <= room else {
            throw FileFormatError(
                .limitExceeded,
                at: .key("vocab_size"),
                "\(alphabet.characters.count) characters and \(reserved.count) reserved pieces need more than \(vocabularySize); "
                    + "raise vocab_size or lower character_coverage"
            )
        }
        let training = alphabet.cut(all)
        var pieces = seeds(training, alphabet)
        let desired = max(min(room, 1 << 40) * 11 / 10, alphabet.characters.count)
        var estimator: UnigramEstimator
        while true {
            guard let next = UnigramEstimator(pieces: pieces, words: training, threads: threads) else {
                throw FileFormatError(.limitExceeded, at: .key("seed_sentencepiece_size"), "too many pieces")
            }
            estimator = next
            for _ in 0..<options.subIterations { _ = estimator.improve() }
            let left = estimator.remaining
            if progress?(left) == false || left <= desired { break }
            pieces = estimator.pruned(to: max(desired, Int(options.shrinkingFactor * Double(left))))
            if pieces.count >= left { break }
        }
        return try SentencePieceTokenizer(reserved.file(final(estimator, alphabet, room), vocabularySize))
    }

    /// The characters, and the strings that occur often, with their first scores.
    private func seeds(
        _ words: TrainingWords,
        _ alphabet: TrainingAlphabet
    ) -> [(bytes: [UInt8], score: Double)] {
        let (letters, weights) = alphabet.letters(of: words)
        let rules = PieceRules(options)
        let seeds = UnigramSeeds(letters: letters, weights: weights, longest: options.maximumPieceLength)
        let found = seeds.find(limit: options.seedCount) { letters in
            rules.accepts(letters.map { alphabet.characters[Int($0) - 1].scalar })
        }
        var frequencies: [(bytes: [UInt8], score: Double)] = alphabet.characters.filter { $0.count > 0 }.map {
            (TrainingAlphabet.bytes($0.scalar), Double($0.count))
        }
        for seed in found {
            let scalars = letters[Int(seed.start)..<Int(seed.start + seed.count)]
            let bytes = scalars.flatMap { TrainingAlphabet.bytes(alphabet.characters[Int($0) - 1].scalar) }
            frequencies.append((bytes, Double(seed.score)))
        }
        let logSum = TrainingAlphabet.log(frequencies.reduce(0) { $0 + $1.score })
        return frequencies.map { ($0.bytes, TrainingAlphabet.log($0.score) - logSum) }
    }

    /// All characters and the best other pieces, best first.
    private func final(
        _ estimator: UnigramEstimator,
        _ alphabet: TrainingAlphabet,
        _ room: Int
    ) -> [(bytes: [UInt8], score: Double)] {
        var scores: [[UInt8]: Double] = [:]
        for (piece, score) in zip(estimator.pieces, estimator.scores) where score > -.infinity {
            scores[piece] = score
        }
        let lowest = scores.values.min() ?? 0
        var chosen: [(bytes: [UInt8], score: Double)] = []
        var penalty = 0.0
        for character in alphabet.characters {
            let bytes = TrainingAlphabet.bytes(character.scalar)
            if let score = scores.removeValue(forKey: bytes) {
                chosen.append((bytes, score))
            } else {
                // Frequent characters stay before rare ones.
                chosen.append((bytes, lowest + penalty))
                penalty += 0.0001
            }
        }
        func isBetter(
            _ left: (bytes: [UInt8], score: Double),
            _ right: (bytes: [UInt8], score: Double)
        ) -> Bool {
            left.score != right.score
                ? left.score > right.score : left.bytes.lexicographicallyPrecedes(right.bytes)
        }
        let others = scores.map { (bytes: $0.key, score: $0.value) }.sorted(by: isBetter)
        chosen += others.prefix(max(0, room - chosen.count))
        return chosen.sorted(by: isBetter)
    }
}
