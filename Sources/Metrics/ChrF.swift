/// The character n-gram F score (Popović 2015), with word n-grams for chrF++ (2017), with the conventions of sacreBLEU.
public struct ChrF: Sendable, Equatable {
    /// The highest n of character n-grams.
    public let characterOrder: Int
    /// The highest n of word n-grams; 0 for chrF, 2 for chrF++.
    public let wordOrder: Int
    /// How many times as much recall counts as precision.
    public let beta: Double
    /// Whether letters are compared without their case.
    public let lowercased: Bool
    /// Whether white space takes part in character n-grams.
    public let countsSpaces: Bool

    /// chrF with characters only.
    public static let chrF = ChrF()
    /// chrF++: characters and word bigrams.
    public static let chrFPlusPlus = ChrF(wordOrder: 2)

    /// Creates a form of the score.
    ///
    /// Traps when an order lies outside 0 … 16 (characters: 1 … 16) or β is not positive.
    ///
    /// - Parameters:
    ///   - characterOrder: the highest n of character n-grams.
    ///   - wordOrder: the highest n of word n-grams.
    ///   - beta: how many times as much recall counts as precision.
    ///   - lowercased: whether to ignore case.
    ///   - countsSpaces: whether white space takes part in character n-grams.
    public init(
        characterOrder: Int = 6,
        wordOrder: Int = 0,
        beta: Double = 2,
        lowercased: Bool = false,
        countsSpaces: Bool = false
    ) {
        require(
            (1...16).contains(characterOrder) && (0...16).contains(wordOrder) && beta > 0,
            "ChrF: orders \(characterOrder) and \(wordOrder) or β \(beta) are out of range"
        )
        self.characterOrder = characterOrder
        self.wordOrder = wordOrder
        self.beta = beta
        self.lowercased = lowercased
        self.countsSpaces = countsSpaces
    }

    /// Returns the score of sums over sentences.
    ///
    /// Precision and recall are averaged over the orders that occur on both sides.
    /// Traps when there are not three sums for each order.
    ///
    /// - Parameter sums: n-grams of hypotheses, n-grams of references and matches, for each order.
    /// - Returns: the score, 0 … 100.
    public func score(sums: [Double]) -> Double {
        let orders = characterOrder + wordOrder
        require(sums.count == 3 * orders, "ChrF: \(sums.count) sums where \(3 * orders) are needed")
        var (precision, recall, effective) = (0.0, 0.0, 0.0)
        for order in 0..<orders where sums[3 * order] > 0 && sums[3 * order + 1] > 0 {
            precision += sums[3 * order + 2] / sums[3 * order]
            recall += sums[3 * order + 2] / sums[3 * order + 1]
            effective += 1
        }
        if precision + recall == 0 { return 0 }
        precision /= effective
        recall /= effective
        let factor = beta * beta
        return 100 * ((1 + factor) * precision * recall / (factor * precision + recall))
    }

    /// Returns the score of one sentence.
    ///
    /// - Parameters:
    ///   - hypothesis: the text to judge.
    ///   - references: right texts, at least one.
    /// - Returns: the score, 0 … 100.
    /// - Throws: ``MetricError`` when there is no reference.
    public func sentenceScore(hypothesis: String, references: [String]) throws(MetricError) -> Double {
        var scorer = ChrFScorer(self)
        try scorer.add(hypothesis: hypothesis, references: references)
        return scorer.score
    }
}

/// Adds up a corpus's chrF; takes sentences one at a time.
///
/// Of several references the one with the best score counts.
public struct ChrFScorer: Sendable {
    /// The form of the score.
    public let metric: ChrF
    /// The sums of each sentence: n-grams of the hypothesis, of the reference, and matches, for each order.
    public private(set) var statistics: ExampleStatistics
    private var hypothesis = Side()
    private var reference = Side()
    private var words = WordNumbers()
    private var matcher = NGramMatcher()

    /// A text as characters and as words.
    private struct Side: Sendable {
        var scalars: [UInt32] = []
        var runs: [Range<Int>] = []
        var characters: [Int32] = []
        var words: [Int32] = []
    }

    /// Creates a scorer of nothing.
    ///
    /// - Parameter metric: the form of the score.
    public init(_ metric: ChrF = .chrF) {
        self.metric = metric
        statistics = ExampleStatistics(width: 3 * (metric.characterOrder + metric.wordOrder))
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
        Self.read(hypothesis, metric, &words, into: &self.hypothesis)
        var (bestRow, bestScore) = ([Double](), -1.0)
        for text in references {
            Self.read(text, metric, &words, into: &reference)
            let row = compare()
            if references.count == 1 {
                bestRow = row
                break
            }
            let score = metric.score(sums: row)
            if score > bestScore { (bestRow, bestScore) = (row, score) }
        }
        statistics.append(bestRow)
    }

    /// Adds the sentences that another scorer saw after this one's.
    ///
    /// Traps when the forms of the score differ.
    ///
    /// - Parameter other: a scorer of the next part of the corpus.
    public mutating func merge(_ other: ChrFScorer) {
        require(other.metric == metric, "ChrFScorer: scores of different forms cannot be joined")
        statistics.merge(other.statistics)
    }

    /// The score of all sentences so far.
    public var score: Double { metric.score(sums: statistics.totals) }

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
        ) { sums, _ in metric.score(sums: sums) }
    }

    private static func read(
        _ text: String,
        _ metric: ChrF,
        _ words: inout WordNumbers,
        into side: inout Side
    ) {
        decode(text, lowercased: metric.lowercased, into: &side.scalars)
        side.characters.removeAll(keepingCapacity: true)
        for scalar in side.scalars where metric.countsSpaces || !isSpace(scalar) {
            side.characters.append(Int32(bitPattern: scalar))
        }
        if metric.wordOrder == 0 { return }
        splitWords(side.scalars, into: &side.runs)
        side.words.removeAll(keepingCapacity: true)
        for run in side.runs {
            // One mark at the end, or else at the beginning, is a word of its own.
            let (first, last) = (run.lowerBound, run.upperBound - 1)
            var cut = run.lowerBound
            if run.count > 1 {
                if isASCIIPunctuation(side.scalars[last]) {
                    cut = last
                } else if isASCIIPunctuation(side.scalars[first]) {
                    cut = first + 1
                }
            }
            if cut > first { side.words.append(words.number(side.scalars, first..<cut)) }
            side.words.append(words.number(side.scalars, cut..<run.upperBound))
        }
    }

    private mutating func compare() -> [Double] {
        var row: [Double] = []
        row.reserveCapacity(statistics.width)
        append(&row, hypothesis.characters, reference.characters, orders: metric.characterOrder)
        append(&row, hypothesis.words, reference.words, orders: metric.wordOrder)
        return row
    }

    private mutating func append(
        _ row: inout [Double],
        _ hypothesis: [Int32],
        _ reference: [Int32],
        orders: Int
    ) {
        if orders == 0 { return }
        matcher.reset(tokens: reference.count, orders: orders)
        matcher.allow(reference, orders: orders)
        var matches = [Int](repeating: 0, count: orders)
        matcher.match(hypothesis, orders: orders, into: &matches)
        for order in 0..<orders {
            let references = max(0, reference.count - order)
            // What has no reference cannot be wrong.
            row.append(references == 0 ? 0 : Double(max(0, hypothesis.count - order)))
            row.append(Double(references))
            row.append(Double(matches[order]))
        }
    }
}
