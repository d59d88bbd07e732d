import Foundation

/// Measures how varied generated texts are; takes texts one at a time.
public struct DiversityScorer: Sendable {
    /// The highest n.
    public let maxOrder: Int
    /// The number of tokens in a window of ``repetitionRate``.
    public let window: Int
    private var tokenizer: BLEUTokenizer
    private var words = WordNumbers()
    private var seen = NGramTable()
    private var inText = NGramTable()
    private var distinct: [Int]
    private var totals: [Int]
    private var repetitionSums: [Double]
    private var repetitionCounts: [Int]
    private var types: [Int]
    private var repeatedTypes: [Int]
    private var repeats: [Int32] = []

    /// Creates a scorer of nothing.
    ///
    /// Traps when `maxOrder` lies outside 1 … 16 or `window` < 1.
    ///
    /// - Parameters:
    ///   - tokenization: how to cut texts into tokens.
    ///   - lowercased: whether to ignore case.
    ///   - maxOrder: the highest n.
    ///   - window: the number of tokens in a window of ``repetitionRate``.
    public init(
        tokenization: BLEUTokenization = .thirteenA,
        lowercased: Bool = false,
        maxOrder: Int = 4,
        window: Int = 1000
    ) {
        require(
            (1...16).contains(maxOrder) && window >= 1,
            "DiversityScorer: the order \(maxOrder) or the window \(window) is out of range"
        )
        self.maxOrder = maxOrder
        self.window = window
        tokenizer = BLEUTokenizer(tokenization, lowercased: lowercased)
        distinct = [Int](repeating: 0, count: maxOrder)
        totals = distinct
        repetitionSums = [Double](repeating: 0, count: maxOrder)
        repetitionCounts = distinct
        types = distinct
        repeatedTypes = distinct
        seen.reset(capacity: 1024)
    }

    /// Adds one more text.
    ///
    /// - Parameter text: the text.
    public mutating func add(_ text: String) {
        tokenizer.cut(text)
        let tokens = tokenizer.words.map { words.number(tokenizer.scalars, $0) }
        for start in tokens.indices {
            var number: Int32 = -1
            for order in 0..<min(maxOrder, tokens.count - start) {
                let known = seen.count
                number = seen.insert(number, tokens[start + order])
                totals[order] += 1
                if seen.count > known { distinct[order] += 1 }
            }
        }
        let (own, _) = countTypes(tokens[...])
        for order in 0..<min(maxOrder, tokens.count) {
            repetitionSums[order] += 1 - Double(own[order]) / Double(tokens.count - order)
            repetitionCounts[order] += 1
        }
        for start in stride(from: 0, to: tokens.count, by: window) {
            let (all, repeated) = countTypes(tokens[start..<min(start + window, tokens.count)])
            for order in 0..<maxOrder {
                types[order] += all[order]
                repeatedTypes[order] += repeated[order]
            }
        }
    }

    /// Returns the different n-grams of all texts divided by all n-grams.
    ///
    /// This is distinct-n (Li et al. 2016).
    ///
    /// Traps when n lies outside 1 … ``maxOrder``.
    ///
    /// - Parameter order: n.
    /// - Returns: the share; NaN where no text is that long.
    public func distinct(_ order: Int) -> Double {
        require(
            (1...maxOrder).contains(order),
            "DiversityScorer: n must lie in 1 … \(maxOrder), not \(order)"
        )
        return Double(distinct[order - 1]) / Double(totals[order - 1])
    }

    /// Returns the share of a text's n-grams that it had before, averaged over texts.
    ///
    /// This is seq-rep-n (Welleck et al. 2020).
    ///
    /// Traps when n lies outside 1 … ``maxOrder``.
    ///
    /// - Parameter order: n.
    /// - Returns: the mean of 1 − different n-grams / n-grams; NaN where no text is that long.
    public func repetition(_ order: Int) -> Double {
        require(
            (1...maxOrder).contains(order),
            "DiversityScorer: n must lie in 1 … \(maxOrder), not \(order)"
        )
        return repetitionSums[order - 1] / Double(repetitionCounts[order - 1])
    }

    /// The geometric mean over n of the share of different n-grams that occur more than once in a window of text.
    ///
    /// Windows are taken one after another (Cettolo et al. 2014 slide one). NaN where no text has ``maxOrder`` tokens.
    public var repetitionRate: Double {
        var product = 1.0
        for order in 0..<maxOrder { product *= Double(repeatedTypes[order]) / Double(types[order]) }
        return pow(product, 1 / Double(maxOrder))
    }

    /// Counts different n-grams, and those that occur more than once, by order.
    private mutating func countTypes(_ tokens: ArraySlice<Int32>) -> (all: [Int], repeated: [Int]) {
        var (all, repeated) = ([Int](repeating: 0, count: maxOrder), [Int](repeating: 0, count: maxOrder))
        inText.reset(capacity: tokens.count * maxOrder)
        repeats.removeAll(keepingCapacity: true)
        for start in tokens.indices {
            var number: Int32 = -1
            for order in 0..<min(maxOrder, tokens.endIndex - start) {
                number = inText.insert(number, tokens[start + order])
                if Int(number) == repeats.count {
                    repeats.append(0)
                    all[order] += 1
                } else {
                    repeats[Int(number)] += 1
                    if repeats[Int(number)] == 1 { repeated[order] += 1 }
                }
            }
        }
        return (all, repeated)
    }
}

/// Returns the mean BLEU of each text against all others as its references.
///
/// This is Self-BLEU (Zhu et al. 2018); lower is more varied.
/// Every n-gram is counted once for all texts, so that the time grows with the tokens and not with the pairs of texts.
///
/// - Parameters:
///   - texts: the texts, at least two.
///   - metric: the form of BLEU.
/// - Returns: the mean score, 0 … 100.
/// - Throws: ``MetricError`` when there are fewer than two texts.
public func selfBLEU(
    _ texts: [String],
    metric: BLEU = BLEU(effectiveOrder: true)
) throws(MetricError) -> Double {
    if texts.count < 2 { throw .missing(what: "other text to compare with", index: 0) }
    var counter = SelfBLEUCounter(metric)
    for text in texts { counter.add(text) }
    return counter.mean
}

/// Counts n-grams of texts with, for each, the two texts that have it most often.
private struct SelfBLEUCounter {
    let metric: BLEU
    var tokenizer: BLEUTokenizer
    var words = WordNumbers()
    var table = NGramTable()
    /// For each n-gram the highest count of any text, that text, and the highest count of the others.
    var best: [(count: Int32, owner: Int32, second: Int32)] = []
    /// Each text's n-grams with their counts, by order.
    var texts: [[(number: Int32, order: Int, count: Int32)]] = []
    var lengths: [Int] = []

    init(_ metric: BLEU) {
        self.metric = metric
        tokenizer = BLEUTokenizer(metric.tokenization, lowercased: metric.lowercased)
        table.reset(capacity: 1024)
    }

    mutating func add(_ text: String) {
        tokenizer.cut(text)
        let tokens = tokenizer.words.map { words.number(tokenizer.scalars, $0) }
        var own: [Int32: (order: Int, count: Int32)] = [:]
        for start in tokens.indices {
            var number: Int32 = -1
            for order in 0..<min(metric.maxOrder, tokens.count - start) {
                number = table.insert(number, tokens[start + order])
                own[number, default: (order, 0)].count += 1
            }
        }
        while best.count < table.count { best.append((0, -1, 0)) }
        let owner = Int32(texts.count)
        for (number, entry) in own {
            let known = best[Int(number)]
            if entry.count > known.count {
                best[Int(number)] = (entry.count, owner, known.count)
            } else if entry.count > known.second {
                best[Int(number)].second = entry.count
            }
        }
        texts.append(own.map { ($0.key, $0.value.order, $0.value.count) })
        lengths.append(tokens.count)
    }

    var mean: Double {
        let sorted = lengths.sorted()
        return YuyanMetrics.mean(
            texts.indices.map { text in
                var matches = [Double](repeating: 0, count: metric.maxOrder)
                for entry in texts[text] {
                    let known = best[Int(entry.number)]
                    let allowed = known.owner == text ? known.second : known.count
                    matches[entry.order] += Double(min(entry.count, allowed))
                }
                let length = lengths[text]
                let totals = (0..<metric.maxOrder).map { Double(max(0, length - $0)) }
                let reference = Double(nearest(to: length, in: sorted))
                return metric.score(sums: [Double(length), reference] + matches + totals).score
            }
        )
    }

    /// Returns the length of another text that is nearest to a text's own, the shorter of two.
    private func nearest(to length: Int, in sorted: [Int]) -> Int {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < length { low = middle + 1 } else { high = middle }
        }
        // sorted[low] is the text itself or one as long.
        if low + 1 < sorted.count, sorted[low + 1] == length { return length }
        let before = low > 0 ? sorted[low - 1] : nil
        let after = low + 1 < sorted.count ? sorted[low + 1] : nil
        guard let before else { return after ?? length }
        guard let after else { return before }
        return length - before <= after - length ? before : after
    }
}
