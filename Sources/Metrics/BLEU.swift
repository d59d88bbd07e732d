import Foundation

/// What happens to n-gram orders without a match.
public enum BLEUSmoothing: Sendable, Equatable {
    /// Nothing: one order without a match makes the score 0.
    case none
    /// Such an order counts this many matches (sacreBLEU: 0.1).
    case floor(Double)
    /// This many are added to matches and n-grams of the orders above 1 (sacreBLEU: 1).
    case addK(Double)
    /// The k-th such order counts 1/2ᵏ matches, as NIST's script does.
    case exponential
}

/// BLEU of a sentence or a corpus and what it is made of.
public struct BLEUScore: Sendable, Equatable {
    /// The score, 0 … 100.
    public let score: Double
    /// The (smoothed) precision of each order in percent.
    public let precisions: [Double]
    /// The factor for texts shorter than their references.
    public let brevityPenalty: Double
    /// The number of tokens of the hypotheses.
    public let hypothesisLength: Int
    /// The number of tokens of the references that are nearest in length.
    public let referenceLength: Int
}

/// The BLEU score with the conventions of sacreBLEU.
///
/// Papineni et al. 2002; Post 2018.
public struct BLEU: Sendable, Equatable {
    /// How texts are cut into tokens.
    public let tokenization: BLEUTokenization
    /// Whether letters are compared without their case.
    public let lowercased: Bool
    /// What happens to orders without a match.
    public let smoothing: BLEUSmoothing
    /// The highest n.
    public let maxOrder: Int
    /// Whether orders longer than the hypothesis are left out, as is usual for sentences.
    public let effectiveOrder: Bool

    /// Creates a form of BLEU.
    ///
    /// Traps when `maxOrder` lies outside 1 … 16.
    ///
    /// - Parameters:
    ///   - tokenization: how to cut texts into tokens.
    ///   - lowercased: whether to ignore case.
    ///   - smoothing: what to do with orders without a match.
    ///   - maxOrder: the highest n.
    ///   - effectiveOrder: whether to leave out orders longer than the hypothesis.
    public init(
        tokenization: BLEUTokenization = .thirteenA,
        lowercased: Bool = false,
        smoothing: BLEUSmoothing = .exponential,
        maxOrder: Int = 4,
        effectiveOrder: Bool = false
    ) {
        require((1...16).contains(maxOrder), "BLEU: the highest order must lie in 1 … 16, not \(maxOrder)")
        self.tokenization = tokenization
        self.lowercased = lowercased
        self.smoothing = smoothing
        self.maxOrder = maxOrder
        self.effectiveOrder = effectiveOrder
    }

    /// Returns the score of sums over sentences.
    ///
    /// Traps when there are not 2 + 2 × maxOrder sums.
    ///
    /// - Parameter sums: hypothesis length, reference length, matches by order, n-grams by order.
    /// - Returns: the score.
    public func score(sums: [Double]) -> BLEUScore {
        require(
            sums.count == 2 + 2 * maxOrder,
            "BLEU: \(sums.count) sums where \(2 + 2 * maxOrder) are needed"
        )
        let (length, referenceLength) = (sums[0], sums[1])
        let (matches, totals) = (sums[2..<2 + maxOrder], Array(sums[(2 + maxOrder)...]))
        var penalty = 1.0
        if length < referenceLength { penalty = length > 0 ? exp(1 - referenceLength / length) : 0 }
        var precisions = [Double](repeating: 0, count: maxOrder)
        var value = 0.0
        if matches.contains(where: { $0 != 0 }) {
            let orders = fill(&precisions, matches: Array(matches), totals: totals)
            let logarithms = precisions[..<orders].map { $0 == 0 ? -9_999_999_999 : log($0) }
            value = penalty * exp(logarithms.reduce(0, +) / Double(orders))
        }
        return BLEUScore(
            score: value,
            precisions: precisions,
            brevityPenalty: penalty,
            hypothesisLength: Int(length),
            referenceLength: Int(referenceLength)
        )
    }

    /// Writes the smoothed precisions and returns how many orders count.
    private func fill(_ precisions: inout [Double], matches: [Double], totals: [Double]) -> Int {
        var (halvings, orders) = (1.0, maxOrder)
        for order in 0..<maxOrder {
            var (match, total) = (matches[order], totals[order])
            if case .addK(let k) = smoothing, order > 0 {
                match += k
                total += k
            }
            if total == 0 { break }
            if effectiveOrder { orders = order + 1 }
            if match != 0 {
                precisions[order] = 100 * match / total
            } else if case .exponential = smoothing {
                halvings *= 2
                precisions[order] = 100 / (halvings * total)
            } else if case .floor(let floor) = smoothing {
                precisions[order] = 100 * floor / total
            }
        }
        return orders
    }

    /// Returns the score of one sentence.
    ///
    /// - Parameters:
    ///   - hypothesis: the text to judge.
    ///   - references: right texts, at least one.
    /// - Returns: the score.
    /// - Throws: ``MetricError`` when there is no reference.
    public func sentenceScore(hypothesis: String, references: [String]) throws(MetricError) -> BLEUScore {
        var scorer = BLEUScorer(self)
        try scorer.add(hypothesis: hypothesis, references: references)
        return scorer.score
    }

    /// Returns the score of a corpus.
    ///
    /// - Parameters:
    ///   - hypotheses: the texts to judge.
    ///   - references: the right texts of each, at least one.
    /// - Returns: the score.
    /// - Throws: ``MetricError`` when lengths differ or a hypothesis has no reference.
    public func corpusScore(
        hypotheses: [String],
        references: [[String]]
    ) throws(MetricError) -> BLEUScore {
        try checkLengths("lists of references", references.count, hypotheses.count)
        var scorer = BLEUScorer(self)
        for index in hypotheses.indices {
            try scorer.add(hypothesis: hypotheses[index], references: references[index])
        }
        return scorer.score
    }
}

/// Adds up a corpus's BLEU; takes sentences one at a time.
public struct BLEUScorer: Sendable {
    /// The form of BLEU.
    public let metric: BLEU
    /// The sums of each sentence: hypothesis length, reference length, matches by order, n-grams by order.
    public private(set) var statistics: ExampleStatistics
    private var tokenizer: BLEUTokenizer
    private var words = WordNumbers()
    private var matcher = NGramMatcher()
    private var hypothesisTokens: [Int32] = []
    private var referenceTokens: [[Int32]] = []

    /// Creates a scorer of nothing.
    ///
    /// - Parameter metric: the form of BLEU.
    public init(_ metric: BLEU = BLEU()) {
        self.metric = metric
        statistics = ExampleStatistics(width: 2 + 2 * metric.maxOrder)
        tokenizer = BLEUTokenizer(metric.tokenization, lowercased: metric.lowercased)
    }

    /// Adds one more sentence.
    ///
    /// - Parameters:
    ///   - hypothesis: the text to judge.
    ///   - references: right texts, at least one.
    /// - Throws: ``MetricError`` when there is no reference.
    public mutating func add(hypothesis: String, references: [String]) throws(MetricError) {
        if references.isEmpty { throw .missing(what: "reference", index: statistics.count) }
        words.reset(capacity: hypothesis.utf8.count / 4)
        Self.number(hypothesis, &tokenizer, &words, into: &hypothesisTokens)
        while referenceTokens.count < references.count { referenceTokens.append([]) }
        for (index, reference) in references.enumerated() {
            Self.number(reference, &tokenizer, &words, into: &referenceTokens[index])
        }
        appendRow(references: references.count)
    }

    /// Adds the sentences that another scorer saw after this one's.
    ///
    /// Traps when the forms of BLEU differ.
    ///
    /// - Parameter other: a scorer of the next part of the corpus.
    public mutating func merge(_ other: BLEUScorer) {
        require(other.metric == metric, "BLEUScorer: scores of different forms cannot be joined")
        statistics.merge(other.statistics)
    }

    /// The score of all sentences so far.
    public var score: BLEUScore { metric.score(sums: statistics.totals) }

    /// Returns the corpus score with a bootstrap interval over sentences.
    ///
    /// Traps when `resamples` < 1 or `confidence` lies outside 0 … 1.
    ///
    /// - Parameters:
    ///   - resamples: how many times to draw.
    ///   - confidence: 0.95 for 95 %.
    ///   - seed: seed of the draws.
    ///   - method: how to turn resampled scores into an interval.
    /// - Returns: the interval.
    public func interval(
        resamples: Int = 2000,
        confidence: Double = 0.95,
        seed: UInt64 = 1,
        method: BootstrapMethod = .percentile
    ) -> ConfidenceInterval {
        bootstrapInterval(
            of: statistics,
            resamples: resamples,
            confidence: confidence,
            seed: seed,
            method: method
        ) { sums, _ in metric.score(sums: sums).score }
    }

    private static func number(
        _ text: String,
        _ tokenizer: inout BLEUTokenizer,
        _ words: inout WordNumbers,
        into tokens: inout [Int32]
    ) {
        tokenizer.cut(text)
        tokens.removeAll(keepingCapacity: true)
        for word in tokenizer.words { tokens.append(words.number(tokenizer.scalars, word)) }
    }

    private mutating func appendRow(references: Int) {
        let orders = metric.maxOrder
        let length = hypothesisTokens.count
        var (nearest, tokens) = (referenceTokens[0].count, 0)
        for reference in referenceTokens[..<references] {
            tokens += reference.count
            let (gap, best) = (abs(reference.count - length), abs(nearest - length))
            if gap < best || (gap == best && reference.count < nearest) { nearest = reference.count }
        }
        matcher.reset(tokens: tokens, orders: orders)
        for reference in referenceTokens[..<references] { matcher.allow(reference, orders: orders) }
        var matches = [Int](repeating: 0, count: orders)
        matcher.match(hypothesisTokens, orders: orders, into: &matches)
        var row = [Double(length), Double(nearest)]
        row.reserveCapacity(2 + 2 * orders)
        for match in matches { row.append(Double(match)) }
        for order in 0..<orders { row.append(Double(max(0, length - order))) }
        statistics.append(row)
    }
}
