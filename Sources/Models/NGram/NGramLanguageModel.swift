import CKernels
import Synchronization
import YuyanTensorCore

/// A language model by counting: the probability of a token is that of the n-grams it ends, smoothed.
///
/// The beginning of a text is a context of its own, and nothing before it is looked at; the token that ends texts, where
/// a vocabulary has one, is predicted like any other, and what comes behind it begins a text. Every token of the
/// vocabulary has a probability above 0 after every context, and these sum to 1; a model of another program (ARPA) says what
/// its file says, 2⁻¹²⁶ for a token where that is less or nothing. The same documents and options give
/// the same model, bit for bit, with any number of threads.
///
/// Sources: as ``NGramOptions``, ``NGramDiscounts`` and Heafield et al., 2013, say; the tables are a trie of contexts read
/// backwards, so that the longest known context of a place is found in one walk, and what followed it lies together.
public final class NGramLanguageModel: Sendable {
    /// What `config.json` calls the model.
    public static let modelType = "n-gram"

    /// N: a token is predicted from the N − 1 before it.
    public let order: Int
    /// The number of tokens V.
    public let vocabularySize: Int
    /// The token that ends a text; nil when there is none.
    public let endOfText: Int32?
    /// How often n-grams had to occur; empty for a model of another program.
    public let minimumCounts: [Int]
    /// The discounts by the length of n-grams; none for a model of another program.
    public let discounts: [NGramDiscounts]
    /// The probability of a token that never occurred, wherever no longer n-gram says more.
    public let unseenProbability: Float
    let unigrams: NumberStorage<Float>
    let levels: [NGramLevel]
    /// The number of different n-grams by length.
    public let ngramCounts: [Int]
    private let roots: [Int32]
    /// The tables of a model whose numbers stand in a file; nil for numbers in memory, whose place is lent only.
    private let mapped: MappedNGramTables?

    init(
        vocabularySize: Int,
        endOfText: Int32?,
        minimumCounts: [Int],
        discounts: [NGramDiscounts],
        unseenProbability: Float,
        unigrams: NumberStorage<Float>,
        levels: [NGramLevel]
    ) throws {
        order = levels.count + 1
        (self.vocabularySize, self.endOfText) = (vocabularySize, endOfText)
        (self.minimumCounts, self.discounts) = (minimumCounts, discounts)
        (self.unseenProbability, self.unigrams, self.levels) = (unseenProbability, unigrams, levels)
        ngramCounts = try [vocabularySize] + levels.map { try $0.tokens.withNumbers(\.count) }
        var roots = [Int32](repeating: -1, count: vocabularySize + 1)
        try levels.first?.contexts.withNumbers { contexts in
            for (number, symbol) in contexts.enumerated() { roots[Int(symbol)] = Int32(number) }
        }
        self.roots = roots
        mapped = MappedNGramTables(unigrams, unseen: unseenProbability, roots: roots, levels)
    }

    /// Lends all tables.
    func withTables<Result>(_ body: (NGramTables) throws -> Result) throws -> Result {
        if let mapped { return try withExtendedLifetime(self) { try body(mapped.tables) } }
        return try unigrams.withNumbers { unigrams in
            try roots.withUnsafeBufferPointer { roots in
                func lend(_ views: [NGramLevelView]) throws -> Result {
                    guard views.count == levels.count else {
                        return try levels[views.count].withView { try lend(views + [$0]) }
                    }
                    return try views.withUnsafeBufferPointer { levels in
                        try body(
                            NGramTables(
                                vocabularySize: vocabularySize,
                                unigrams: unigrams,
                                unseen: unseenProbability,
                                roots: roots,
                                levels: levels
                            )
                        )
                    }
                }
                return try lend([])
            }
        }
    }

    /// The symbols that a context of tokens comes to: the last ones behind the last end of a text.
    ///
    /// - Parameters:
    ///   - tokens: The tokens before a place.
    ///   - fromStart: Whether the text begins with them.
    /// - Returns: At most as many symbols as the model looks at.
    private func symbols(_ tokens: [Int32], fromStart: Bool) -> [UInt32] {
        var symbols: [UInt32] = []
        for token in tokens.reversed() where symbols.last != UInt32(vocabularySize) {
            guard symbols.count < levels.count else { break }
            symbols.append(token == endOfText ? UInt32(vocabularySize) : UInt32(bitPattern: token))
        }
        if fromStart, symbols.count < levels.count, symbols.last != UInt32(vocabularySize) {
            symbols.append(UInt32(vocabularySize))
        }
        return symbols.reversed()
    }

    private func check(_ tokens: [Int32]) {
        require(
            tokens.allSatisfy { $0 >= 0 && Int($0) < vocabularySize },
            "NGramLanguageModel: a token lies outside the vocabulary of \(vocabularySize)"
        )
    }

    /// Lends the tables and the contexts that a place has.
    private func withContexts<Result>(
        _ tokens: [Int32],
        fromStart: Bool,
        _ body: (NGramTables, UnsafePointer<Int>, Int) -> Result
    ) throws -> Result {
        check(tokens)
        // One more, so that there is something to point at.
        let symbols = [0] + symbols(tokens, fromStart: fromStart)
        var nodes = [Int](repeating: 0, count: order)
        return try withTables { tables in
            symbols.withUnsafeBufferPointer { symbols in
                nodes.withUnsafeMutableBufferPointer { nodes in
                    guard let end = symbols.baseAddress.map({ $0 + symbols.count }),
                        let nodes = nodes.baseAddress
                    else { fatalError("NGramLanguageModel: arrays that are not empty have addresses") }
                    let depth = tables.find(before: end, symbols.count - 1, nodes)
                    return body(tables, nodes, depth)
                }
            }
        }
    }

    /// The probability of a token.
    ///
    /// Traps when a token lies outside the vocabulary.
    ///
    /// - Parameters:
    ///   - token: The token.
    ///   - context: The tokens before it; the model looks at the last N − 1.
    ///   - fromStart: Whether the text begins with the context; else something unknown stands before it.
    /// - Returns: The probability.
    /// - Throws: When the file cannot be read.
    public func probability(
        of token: Int32,
        after context: [Int32],
        fromStart: Bool = true
    ) throws -> Double {
        check([token])
        return try withContexts(context, fromStart: fromStart) { tables, nodes, depth in
            tables.probability(of: Int(token), nodes, depth: depth).probability
        }
    }

    /// The probabilities of all tokens.
    ///
    /// Traps when a token lies outside the vocabulary.
    ///
    /// - Parameters:
    ///   - context: The tokens before the place; the model looks at the last N − 1.
    ///   - fromStart: Whether the text begins with the context; else something unknown stands before it.
    /// - Returns: V probabilities.
    /// - Throws: When the file cannot be read.
    public func probabilities(after context: [Int32], fromStart: Bool = true) throws -> [Float] {
        try withContexts(context, fromStart: fromStart) { tables, nodes, depth in
            [Float](unsafeUninitializedCapacity: vocabularySize) { all, count in
                tables.fill(UnsafeMutableBufferPointer(rebasing: all[..<vocabularySize]), nodes, depth: depth)
                count = vocabularySize
            }
        }
    }
}

// MARK: Training

extension NGramLanguageModel {
    /// Counts documents.
    ///
    /// - Parameters:
    ///   - corpus: The documents.
    ///   - vocabularySize: The number of tokens V.
    ///   - endOfText: The token that ends a text; nil when there is none.
    ///   - options: How n-grams are counted.
    ///   - isCancelled: Asked now and then, from any thread.
    ///   - report: Told how far it is.
    /// - Returns: The model.
    /// - Throws: ``NGramError`` for options or tokens that cannot be, `CancellationError`.
    public static func train(
        _ corpus: some NGramCorpus,
        vocabularySize: Int,
        endOfText: Int32?,
        options: NGramOptions = NGramOptions(),
        isCancelled: () -> Bool = { false },
        report: (NGramProgress) -> Void = { _ in }
    ) throws -> NGramLanguageModel {
        if let problem = options.problem { throw NGramError(problem) }
        guard vocabularySize > 0, vocabularySize < Int(Int32.max) else {
            throw NGramError("a vocabulary of \(vocabularySize) tokens cannot be")
        }
        guard corpus.count > 0 else { throw NGramError("there are no tokens to count") }
        try checkMemory(tokens: corpus.count, vocabularySize: vocabularySize)
        func counted<Symbol>(_ symbol: Symbol.Type) throws -> NGramCounts
        where Symbol: FixedWidthInteger & UnsignedInteger & BitwiseCopyable & Sendable {
            let text = try NGramSymbols<Symbol>(
                corpus,
                vocabularySize: vocabularySize,
                endOfText: endOfText,
                padding: options.order - 1
            )
            return try count(text, options, isCancelled: isCancelled, report: report)
        }
        var counts = try vocabularySize < Int(UInt16.max) ? counted(UInt16.self) : counted(UInt32.self)
        let estimator = NGramEstimator(counts)
        let (unigrams, unseen) = estimator.unigrams(counts.tokens)
        var levels: [NGramLevel] = []
        for length in counts.levels.indices {
            if isCancelled() { throw CancellationError() }
            report(.smoothing(order: length + 2))
            let level = try estimator.level(
                length + 1,
                &counts.levels[length],
                unigrams: unigrams,
                above: levels.last
            )
            levels.append(level)
        }
        return try NGramLanguageModel(
            vocabularySize: vocabularySize,
            endOfText: endOfText,
            minimumCounts: options.minimumCounts,
            discounts: estimator.discounts,
            unseenProbability: unseen,
            unigrams: .memory(unigrams),
            levels: levels
        )
    }

    /// The bytes that counting takes for each token at least: the text and the positions in it, before and after they
    /// are sorted.
    private static func leastBytes(vocabularySize: Int) -> Int { vocabularySize < Int(UInt16.max) ? 6 : 8 }

    private static func checkMemory(tokens: Int, vocabularySize: Int) throws {
        let machine = MachineMemory.bytes
        let (needed, overflow) = tokens.multipliedReportingOverflow(
            by: leastBytes(vocabularySize: vocabularySize)
        )
        guard !overflow, machine <= 0 || needed < machine else {
            throw NGramError(
                "\(tokens) tokens need more than \(needed >> 20) MiB to be counted, and this process may have "
                    + "\(machine >> 20) MiB; count a part of the text"
            )
        }
    }

    private static func count<Symbol>(
        _ text: NGramSymbols<Symbol>,
        _ options: NGramOptions,
        isCancelled: () -> Bool,
        report: (NGramProgress) -> Void
    ) throws -> NGramCounts {
        guard options.order > 1 else {
            var tokens = [UInt32](repeating: 0, count: Int(text.mark))
            for symbol in text.values where symbol != text.mark { tokens[Int(symbol)] += 1 }
            return NGramCounts(tokens: tokens, levels: [], tallies: [])
        }
        // Parts that are small enough for caches and large enough for what each costs.
        let size = min(max(text.tokenCount / 64, 1 << 17), 1 << 21)
        let partitions = NGramPartitions(text, size: size)
        defer { partitions.positions.deallocate() }
        var parts = [NGramCounts?](repeating: nil, count: partitions.ranges.count)
        let together = 4 * Int(yk_thread_count())
        var done = 0
        for first in stride(from: 0, to: parts.count, by: together) {
            if isCancelled() { throw CancellationError() }
            report(.counting(done: done, of: text.tokenCount))
            let last = min(first + together, parts.count)
            text.values.withUnsafeBufferPointer { values in
                parts.withUnsafeMutableBufferPointer { parts in
                    guard let symbols = values.baseAddress else { return }
                    forEachPiece(last - first) { piece in
                        if isCancelled() { return }
                        let range = partitions.ranges[first + piece]
                        var counter = NGramCounter(symbols, mark: text.mark, options: options)
                        parts[first + piece] = counter.count(
                            UnsafeMutableBufferPointer(
                                start: partitions.positions + range.lowerBound,
                                count: range.count
                            )
                        )
                    }
                }
            }
            done += partitions.ranges[first..<last].reduce(0) { $0 + $1.count }
        }
        if isCancelled() { throw CancellationError() }
        var whole = parts.compactMap { $0 }
        parts = []
        return NGramCounts.joined(&whole)
    }
}

// MARK: Judging

extension NGramLanguageModel {
    /// Adds up the losses of the tokens of documents.
    ///
    /// - Parameters:
    ///   - corpus: The documents.
    ///   - skipsFirst: Whether a document's first token does not count, told the document's number.
    ///   - part: Told of documents and their scores, in order; a long document comes in pieces of 16,384 tokens.
    ///   - progress: Told of tokens done and all; false stops with `CancellationError`.
    /// - Returns: The score, the same with any number of threads.
    /// - Throws: ``NGramError`` for a token outside the vocabulary, `CancellationError`.
    public func score(
        _ corpus: some NGramCorpus,
        skipsFirst: (Int) -> Bool = { _ in false },
        part: (_ places: Range<Int>, NGramScore) -> Void = { _, _ in },
        progress: (Int, Int) -> Bool = { _, _ in true }
    ) throws -> NGramScore {
        var whole = NGramScore(order: order)
        var pieces: [(document: Range<Int>, places: Range<Int>)] = []
        var (waiting, done) = (0, 0)
        func flush() throws {
            for (piece, score) in zip(pieces, try scores(corpus, pieces)) {
                part(piece.places, score)
                whole.add(score)
            }
            done += waiting
            (pieces, waiting) = ([], 0)
            if !progress(done, corpus.count) { throw CancellationError() }
        }
        for document in 0..<corpus.documentCount {
            let range = corpus.range(ofDocument: document)
            let first = min(range.lowerBound + (skipsFirst(document) ? 1 : 0), range.upperBound)
            for start in stride(from: first, to: range.upperBound, by: Self.piece) {
                let places = start..<min(start + Self.piece, range.upperBound)
                pieces.append((range, places))
                waiting += places.count
                if waiting >= 64 * Self.piece { try flush() }
            }
        }
        try flush()
        return whole
    }

    private static let piece = 1 << 14

    /// The score of each piece.
    private func scores(
        _ corpus: some NGramCorpus,
        _ pieces: [(document: Range<Int>, places: Range<Int>)]
    ) throws -> [NGramScore] {
        var scores = [NGramScore](repeating: NGramScore(order: order), count: pieces.count)
        let hasForeign = Atomic(false)
        try withTables { tables in
            scores.withUnsafeMutableBufferPointer { scores in
                forEachPiece(pieces.count) { number in
                    let (document, places) = pieces[number]
                    let start = max(places.lowerBound - levels.count, document.lowerBound)
                    guard let tokens = line(corpus, document, start..<places.upperBound) else {
                        hasForeign.store(true, ordering: .relaxed)
                        return
                    }
                    let mark = UInt32(vocabularySize)
                    let symbols = tokens.map { Int32(bitPattern: $0) == endOfText ? mark : $0 }
                    tokens.withUnsafeBufferPointer { tokens in
                        symbols.withUnsafeBufferPointer { symbols in
                            NGramScorer(tables, tokens, seenAs: symbols).add(
                                tokens.count - places.count..<tokens.count,
                                to: &scores[number]
                            )
                        }
                    }
                }
            }
        }
        if hasForeign.load(ordering: .relaxed) {
            throw NGramError("the text has a token outside the model's vocabulary of \(vocabularySize)")
        }
        return scores
    }

    /// A stretch of a document, behind a mark where it begins the document; nil when a token is outside the vocabulary.
    private func line(_ corpus: some NGramCorpus, _ document: Range<Int>, _ range: Range<Int>) -> [UInt32]? {
        var tokens = [Int32](repeating: 0, count: range.count)
        tokens.withUnsafeMutableBufferPointer { corpus.copy(range, to: $0) }
        guard tokens.allSatisfy({ $0 >= 0 && Int($0) < vocabularySize }) else { return nil }
        return (range.lowerBound == document.lowerBound ? [UInt32(vocabularySize)] : [])
            + tokens.map { UInt32(bitPattern: $0) }
    }
}
