import Foundation

/// What a relevance grade is worth in discounted cumulative gain.
public enum RelevanceGain: String, Sendable, CaseIterable {
    /// The grade itself (Järvelin and Kekäläinen 2002; trec_eval).
    case linear
    /// 2^grade − 1 (Burges et al. 2005).
    case exponential

    /// Returns the worth of a grade; nothing for grades of 0 and below.
    func value(_ grade: Double) -> Double {
        if grade <= 0 { return 0 }
        return self == .linear ? grade : exp2(grade) - 1
    }
}

/// The figures of one query or their means over queries.
public struct RetrievalFigures: Sendable, Equatable {
    /// One over the rank of the first relevant document; 0 where none was found.
    public let reciprocalRank: Double
    /// The mean over relevant documents of the precision at their ranks; documents not found count 0.
    public let averagePrecision: Double
    /// The figures within each cutoff, in the order of the scorer's cutoffs.
    public let atCutoffs: [AtCutoff]

    /// The figures within a cutoff k.
    public struct AtCutoff: Sendable, Equatable {
        /// The number of documents looked at.
        public let cutoff: Int
        /// The relevant documents among the first k, divided by k.
        public let precision: Double
        /// The share of all relevant documents among the first k.
        public let recall: Double
        /// Whether any of the first k is relevant (1 or 0; over queries, the share).
        public let hitRate: Double
        /// The normalised discounted cumulative gain.
        public let ndcg: Double
        /// One over the rank of the first relevant document among the first k.
        public let reciprocalRank: Double
    }

    /// Takes figures apart from a row of numbers, each divided by `count`.
    init(row: ArraySlice<Double>, cutoffs: [Int], count: Double) {
        let start = row.startIndex
        reciprocalRank = row[start] / count
        averagePrecision = row[start + 1] / count
        atCutoffs = cutoffs.indices.map { index in
            let place = start + 2 + 5 * index
            return AtCutoff(
                cutoff: cutoffs[index],
                precision: row[place] / count,
                recall: row[place + 1] / count,
                hitRate: row[place + 2] / count,
                ndcg: row[place + 3] / count,
                reciprocalRank: row[place + 4] / count
            )
        }
    }
}

/// Judges rankings of documents with the conventions of trec_eval; takes queries one at a time.
///
/// A query without relevant documents counts 0 for every figure. Precision divides by k even when fewer documents were
/// ranked.
public struct RetrievalScorer: Sendable {
    /// The cutoffs k.
    public let cutoffs: [Int]
    /// What grades are worth in nDCG.
    public let gain: RelevanceGain
    /// The lowest grade that counts as relevant.
    public let relevantFrom: Double
    /// The figures of each query: reciprocal rank, average precision, then precision, recall, hit, nDCG and reciprocal
    /// rank within each cutoff.
    public private(set) var statistics: ExampleStatistics

    /// Creates a scorer of nothing.
    ///
    /// Traps when a cutoff is below 1 or `relevantFrom` is not above 0.
    ///
    /// - Parameters:
    ///   - cutoffs: the cutoffs k.
    ///   - gain: what grades are worth in nDCG.
    ///   - relevantFrom: the lowest grade that counts as relevant.
    public init(cutoffs: [Int] = [1, 5, 10], gain: RelevanceGain = .linear, relevantFrom: Double = 1) {
        require(cutoffs.allSatisfy { $0 >= 1 }, "RetrievalScorer: cutoffs must be at least 1 (\(cutoffs))")
        require(relevantFrom > 0, "RetrievalScorer: grades of 0 cannot be relevant")
        self.cutoffs = cutoffs
        self.gain = gain
        self.relevantFrom = relevantFrom
        statistics = ExampleStatistics(width: 2 + 5 * cutoffs.count)
    }

    /// Adds one more query.
    ///
    /// - Parameters:
    ///   - ranking: the documents found, the best first.
    ///   - grades: the grades of judged documents; others count as not relevant.
    /// - Returns: the figures of the query.
    /// - Throws: ``MetricError`` when a document is ranked twice or a grade is not finite.
    @discardableResult
    public mutating func add<Document: Hashable>(
        ranking: [Document],
        grades: [Document: Double]
    ) throws(MetricError) -> RetrievalFigures {
        var seen = Set<Document>(minimumCapacity: ranking.count)
        for document in ranking where !seen.insert(document).inserted {
            throw .inconsistent("the document \(document) is ranked twice", index: statistics.count)
        }
        return try add(ranked: ranking.map { grades[$0] ?? 0 }, judged: Array(grades.values))
    }

    /// Adds one more query by grades alone.
    ///
    /// - Parameters:
    ///   - ranked: the grade of each document found, the best first; 0 for those not judged.
    ///   - judged: the grades of all judged documents, found or not, in any order.
    /// - Returns: the figures of the query.
    /// - Throws: ``MetricError`` when a grade is not finite.
    @discardableResult
    public mutating func add(ranked: [Double], judged: [Double]) throws(MetricError) -> RetrievalFigures {
        for grade in ranked + judged where !grade.isFinite {
            throw .invalidNumber(grade, index: statistics.count, wanted: "a finite grade")
        }
        let threshold = relevantFrom
        let relevantCount = Double(judged.filter { $0 >= threshold }.count)
        let ideal = judged.sorted(by: >)
        var (found, precisions, first) = (0.0, 0.0, 0)
        var foundAt = [0.0]
        for (index, grade) in ranked.enumerated() {
            if grade >= relevantFrom {
                found += 1
                precisions += found / Double(index + 1)
                if first == 0 { first = index + 1 }
            }
            foundAt.append(found)
        }
        func ratio(_ above: Double, _ below: Double) -> Double { below == 0 ? 0 : above / below }
        var row = [first == 0 ? 0 : 1 / Double(first), ratio(precisions, relevantCount)]
        for cutoff in cutoffs {
            let here = foundAt[min(cutoff, ranked.count)]
            let best = discountedGain(ideal.prefix(cutoff), gain)
            row += [
                here / Double(cutoff), ratio(here, relevantCount), here > 0 ? 1 : 0,
                ratio(discountedGain(ranked.prefix(cutoff), gain), best),
                first > 0 && first <= cutoff ? 1 / Double(first) : 0,
            ]
        }
        statistics.append(row)
        return RetrievalFigures(row: row[...], cutoffs: cutoffs, count: 1)
    }

    /// Adds the queries that another scorer saw after this one's.
    ///
    /// Traps when cutoffs, gain or threshold differ.
    ///
    /// - Parameter other: a scorer of the next part of the queries.
    public mutating func merge(_ other: RetrievalScorer) {
        require(
            other.cutoffs == cutoffs && other.gain == gain && other.relevantFrom == relevantFrom,
            "RetrievalScorer: figures of different forms cannot be joined"
        )
        statistics.merge(other.statistics)
    }

    /// The means over queries (MRR, MAP and so on); NaN for no queries.
    public var means: RetrievalFigures {
        RetrievalFigures(row: statistics.totals[...], cutoffs: cutoffs, count: Double(statistics.count))
    }

    /// Returns the means with bootstrap intervals over queries, in the order of the numbers of ``statistics``.
    ///
    /// Traps when `resamples` < 1 or `confidence` lies outside 0 … 1.
    ///
    /// - Parameters:
    ///   - resamples: how many times to draw.
    ///   - confidence: 0.95 for 95 %.
    ///   - seed: seed of the draws.
    ///   - method: how to turn resampled means into intervals.
    /// - Returns: an interval for each number.
    public func intervals(
        resamples: Int = 2000,
        confidence: Double = 0.95,
        seed: UInt64 = 1,
        method: BootstrapMethod = .percentile
    ) -> [ConfidenceInterval] {
        bootstrapIntervals(
            of: statistics,
            resamples: resamples,
            confidence: confidence,
            seed: seed,
            method: method
        ) { sums, count in sums.map { $0 / Double(count) } }
    }
}

/// Returns documents ordered by falling score; of equal scores the later name comes first, as in trec_eval.
///
/// - Parameter scores: the score of each document.
/// - Returns: the documents, the best first.
/// - Throws: ``MetricError`` when a score is NaN (the index counts documents by rising name).
public func rankedDocuments(_ scores: [String: Double]) throws(MetricError) -> [String] {
    let names = scores.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let values = names.map { scores[$0] ?? .nan }
    for (index, value) in values.enumerated() where value.isNaN {
        throw .invalidNumber(value, index: index, wanted: "a score")
    }
    return ascendingOrder(values).reversed().map { names[$0.index] }
}

/// Returns the normalised discounted cumulative gain of scored documents; documents of equal score share the mean of
/// their gains, so that the figure does not depend on their order (McSherry and Najork 2008; scikit-learn's `ndcg_score`).
///
/// - Parameters:
///   - grades: the grade of each document.
///   - scores: the score of each document.
///   - cutoff: how many ranks count; nil for all.
///   - gain: what grades are worth.
/// - Returns: the figure, 0 … 1; 0 where no document has a grade above 0.
/// - Throws: ``MetricError`` when lengths differ, a score is NaN or a grade is not finite.
public func tieAveragedNDCG(
    grades: [Double],
    scores: [Double],
    cutoff: Int? = nil,
    gain: RelevanceGain = .linear
) throws(MetricError) -> Double {
    try checkLengths("scores", scores.count, grades.count)
    require(cutoff ?? 1 >= 1, "tieAveragedNDCG: the cutoff must be at least 1")
    for (index, score) in scores.enumerated() where score.isNaN || !grades[index].isFinite {
        throw .invalidNumber(score.isNaN ? score : grades[index], index: index, wanted: "a number")
    }
    let depth = cutoff ?? grades.count
    let order = descendingOrder(scores)
    var (start, total) = (0, 0.0)
    while start < min(order.count, depth) {
        var end = start + 1
        while end < order.count, order[end].key == order[start].key { end += 1 }
        var (gains, discounts) = (0.0, 0.0)
        for place in start..<end {
            gains += gain.value(grades[order[place].index])
            if place < depth { discounts += 1 / log2(Double(place + 2)) }
        }
        total += gains / Double(end - start) * discounts
        start = end
    }
    let ideal = discountedGain(grades.sorted(by: >).prefix(depth), gain)
    return ideal == 0 ? 0 : total / ideal
}

private func discountedGain(_ grades: ArraySlice<Double>, _ gain: RelevanceGain) -> Double {
    var sum = 0.0
    for (rank, grade) in grades.enumerated() where grade > 0 {
        sum += gain.value(grade) / log2(Double(rank + 2))
    }
    return sum
}
