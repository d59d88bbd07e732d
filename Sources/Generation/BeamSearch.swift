import Foundation
import YuyanModels

/// How targets are searched for.
public struct BeamSearchOptions: Sendable, Hashable {
    /// The targets of a source that are followed at a time; 1 for the likeliest token at each step (greedy).
    public var numBeams: Int
    /// The power of the length by which log probabilities are divided when finished targets are compared.
    public var lengthPenalty: Double
    /// The most tokens of a target, its end token included.
    public var maxNewTokens: Int
    /// No n-gram of this many tokens occurs twice in a target; 0 for no such rule.
    public var noRepeatNgramSize: Int

    /// Greedy unless told otherwise.
    ///
    /// - Parameters:
    ///   - numBeams: The targets of a source that are followed at a time.
    ///   - lengthPenalty: The power of the length that scores are divided by.
    ///   - maxNewTokens: The most tokens of a target.
    ///   - noRepeatNgramSize: The n-grams that occur once; 0 for no rule.
    public init(
        numBeams: Int = 1,
        lengthPenalty: Double = 1,
        maxNewTokens: Int = 128,
        noRepeatNgramSize: Int = 0
    ) {
        (self.numBeams, self.lengthPenalty) = (numBeams, lengthPenalty)
        (self.maxNewTokens, self.noRepeatNgramSize) = (maxNewTokens, noRepeatNgramSize)
    }

    /// Checks every option that has bounds.
    ///
    /// - Throws: ``GenerationError`` that names the option.
    public func check() throws(GenerationError) {
        let counts = [
            ("num_beams", numBeams, 1...1024), ("max_new_tokens", maxNewTokens, 1...1 << 20),
            ("no_repeat_ngram_size", noRepeatNgramSize, 0...1024),
        ]
        for (field, value, range) in counts where !range.contains(value) {
            throw .invalidOption(field: field, "\(value) must lie in \(range)")
        }
        guard (-100...100).contains(lengthPenalty) else {
            throw .invalidOption(field: "length_penalty", "\(lengthPenalty) must lie in -100...100")
        }
    }
}

/// A target that was found.
public struct FoundSequence: Sendable, Hashable {
    /// Its tokens, without the one that ends it.
    public let tokenIDs: [Int32]
    /// Whether it ends by itself and not at the most tokens.
    public let isFinished: Bool
    /// The logarithm of its probability, the end token's included.
    public let logProbability: Double
    /// That by the length, raised to the length penalty: what targets of a source are compared by.
    public let score: Double
}

/// Searches the likeliest targets of sources with beams.
///
/// A source's search ends when nothing that is followed can beat the best target found, so that it is the best that
/// these beams lead to. Sources of one length are computed together, and each as if it were alone: what is found for a
/// source does not depend on the others, to the last bit.
///
/// Source: Graves, 2012; the rules are those of transformers with `early_stopping="never"`.
public struct BeamSearch {
    private let model: any SequenceToSequenceModel
    private let options: BeamSearchOptions
    private let maximumRows: Int

    /// Makes a search.
    ///
    /// - Parameters:
    ///   - model: The model, set to evaluation by the caller.
    ///   - options: How targets are searched for.
    ///   - maximumRows: The most sources at a time.
    /// - Throws: ``GenerationError`` for an option that makes no sense.
    public init(
        _ model: any SequenceToSequenceModel,
        _ options: BeamSearchOptions,
        maximumRows: Int = 64
    ) throws(GenerationError) {
        try options.check()
        self.model = model
        self.options = options
        self.maximumRows = max(maximumRows, 1)
    }

    /// The best target of each source.
    ///
    /// - Parameters:
    ///   - sources: The tokens of each source, at least one.
    ///   - progress: Told of sources done; false stops.
    /// - Returns: The targets in the order of the sources; nil when `progress` said to stop.
    /// - Throws: ``GenerationError`` for a source without tokens, or when the model's logits are no numbers.
    public func callAsFunction(
        _ sources: [[Int32]],
        progress: (Int) -> Bool = { _ in true }
    ) throws(GenerationError) -> [FoundSequence]? {
        if let index = sources.firstIndex(where: \.isEmpty) { throw .emptyPrompt(index: index) }
        var found = [FoundSequence?](repeating: nil, count: sources.count)
        let order = sources.indices.sorted { (sources[$0].count, $0) < (sources[$1].count, $1) }
        var (start, done) = (0, 0)
        while start < order.count {
            var end = start + 1
            while end < order.count, end - start < maximumRows,
                sources[order[end]].count == sources[order[start]].count
            { end += 1 }
            let members = Array(order[start..<end])
            var group = SearchGroup(model, options, members.map { sources[$0] })
            for (member, sequence) in zip(members, try group.run()) { found[member] = sequence }
            done += members.count
            if !progress(done) { return nil }
            start = end
        }
        return found.compactMap { $0 }
    }
}

/// The search for targets of sources of one length.
private struct SearchGroup {
    /// A target in the making; one of logarithm −∞ only fills a row.
    struct Hypothesis {
        var tokens: [Int32] = []
        var sum = 0.0
    }

    struct Candidate {
        let sum: Double
        let row: Int
        let token: Int32
    }

    /// A source at work.
    struct Search {
        let member: Int
        var live = [Hypothesis()]
        var best: FoundSequence?
    }

    private let options: BeamSearchOptions
    private let work: any SequenceDecoding
    private let (start, end): (Int32, Int32)
    private let width: Int
    private var searches: [Search]

    init(_ model: any SequenceToSequenceModel, _ options: BeamSearchOptions, _ sources: [[Int32]]) {
        var options = options
        options.maxNewTokens = min(options.maxNewTokens, model.maxTargetLength)
        self.options = options
        (start, end, width) = (model.startToken, model.endToken, model.vocabularySize)
        work = model.decoding(TokenBatch(sources), rows: options.numBeams, capacity: options.maxNewTokens)
        searches = sources.indices.map { Search(member: $0) }
    }

    mutating func run() throws(GenerationError) -> [FoundSequence] {
        var found: [Int: FoundSequence] = [:]
        for length in 1...options.maxNewTokens {
            let rows = searches[0].live.count
            let last = searches.flatMap { search in search.live.map { $0.tokens.last ?? start } }
            let logits = work.step(last)
            let logarithms = Tape.withoutRecording { logSoftmax(logits) }.floats()
            var (kept, parents): ([Int], [Int]) = ([], [])
            var next: [Search] = []
            for (place, search) in searches.enumerated() {
                let first = place * rows
                var search = search
                let candidates = try self.candidates(search, logarithms, firstRow: first, length)
                let chosen = take(candidates, &search, length)
                if isDone(search, length) {
                    found[search.member] = search.best
                } else {
                    kept.append(place)
                    parents += chosen.map { first + $0 }
                    next.append(search)
                }
            }
            if next.isEmpty { break }
            if kept.count < searches.count || parents != Array(0..<last.count) {
                work.keep(sources: kept, parents: parents)
            }
            searches = next
        }
        return found.sorted { $0.key < $1.key }.map(\.value)
    }

    /// The likeliest ways to go on, twice as many as beams, so that ends among them leave enough.
    private func candidates(
        _ search: Search,
        _ logarithms: [Float],
        firstRow: Int,
        _ length: Int
    ) throws(GenerationError) -> [Candidate] {
        let count = 2 * options.numBeams
        var best: [Candidate] = []
        for (row, hypothesis) in search.live.enumerated() where hypothesis.sum > -.infinity {
            let banned = bannedTokens(hypothesis.tokens)
            let offset = (firstRow + row) * width
            guard logarithms[offset].isFinite || logarithms[offset] == -.infinity else {
                throw .nonFiniteLogits(index: search.member, step: length)
            }
            for token in 0..<width {
                let sum = hypothesis.sum + Double(logarithms[offset + token])
                guard best.count < count || sum > best[count - 1].sum, sum > -.infinity else { continue }
                if !banned.isEmpty, banned.contains(Int32(token)) { continue }
                if best.count == count { best.removeLast() }
                // Equal ones stay in the order of rows and tokens.
                let place = best.lastIndex { $0.sum >= sum }.map { $0 + 1 } ?? 0
                best.insert(Candidate(sum: sum, row: row, token: Int32(token)), at: place)
            }
        }
        return best
    }

    /// Tokens that would complete an n-gram for the second time; the start token counts as the first.
    private func bannedTokens(_ tokens: [Int32]) -> Set<Int32> {
        let (size, history) = (options.noRepeatNgramSize, [start] + tokens)
        guard size > 0, history.count >= size else { return [] }
        let ending = history.suffix(size - 1)
        var banned: Set<Int32> = []
        for place in 0...history.count - size
        where history[place..<place + size - 1].elementsEqual(ending) {
            banned.insert(history[place + size - 1])
        }
        return banned
    }

    /// Goes on with the best candidates; those that end are finished.
    ///
    /// - Returns: The row that each target goes on from.
    private func take(_ candidates: [Candidate], _ search: inout Search, _ length: Int) -> [Int] {
        var (next, rows): ([Hypothesis], [Int]) = ([], [])
        for (rank, candidate) in candidates.enumerated() where next.count < options.numBeams {
            let tokens = search.live[candidate.row].tokens
            if candidate.token == end {
                guard rank < options.numBeams else { continue }
                finish(&search, tokens, candidate.sum, length, isFinished: true)
                if options.numBeams == 1 { break }
            } else {
                next.append(Hypothesis(tokens: tokens + [candidate.token], sum: candidate.sum))
                rows.append(candidate.row)
            }
        }
        if length == options.maxNewTokens || (next.isEmpty && search.best == nil) {
            for hypothesis in next.isEmpty ? search.live : next {
                finish(&search, hypothesis.tokens, hypothesis.sum, length, isFinished: false)
            }
        }
        let isOver = next.isEmpty
        while next.count < options.numBeams {
            next.append(Hypothesis(tokens: next.first?.tokens ?? [], sum: -.infinity))
            rows.append(rows.first ?? 0)
        }
        search.live = isOver ? [] : next
        return rows
    }

    private func finish(
        _ search: inout Search,
        _ tokens: [Int32],
        _ sum: Double,
        _ length: Int,
        isFinished: Bool
    ) {
        guard sum > -.infinity else { return }
        let score = sum / pow(Double(length), options.lengthPenalty)
        if let best = search.best, best.score >= score { return }
        search.best = FoundSequence(
            tokenIDs: tokens,
            isFinished: isFinished,
            logProbability: sum,
            score: score
        )
    }

    /// Whether nothing that is followed can beat the best target found.
    private func isDone(_ search: Search, _ length: Int) -> Bool {
        guard length < options.maxNewTokens, let first = search.live.first else { return true }
        guard let best = search.best else { return false }
        if options.numBeams == 1 { return true }
        // Sums only fall; a power above 0 favours the longest target, one below 0 the shortest.
        let nearest = options.lengthPenalty > 0 ? options.maxNewTokens : length + 1
        return best.score >= first.sum / pow(Double(nearest), options.lengthPenalty)
    }
}
