import YuyanMetrics
import YuyanModels

/// How well vectors of texts tell which texts belong together.
struct EmbeddingFigures {
    let kind: SimilarityKind
    let pairs: SimilarityPairs
    /// The cosine of each pair.
    let cosines: [Double]
    /// Questions and what was found for them; nil where pairs have scores.
    let retrieval: RetrievalScorer?
    /// The questions that count, in the scorer's order, with the ranks' texts.
    let rankings: [(question: Int, ranking: [Int])]
    /// Questions left out because all of their texts are right, or none is.
    let leftOut: Int

    static let cutoffs = [1, 5, 10]
    /// Cosines are told apart in steps of a millionth or so: what is below is the noise of single precision, which would
    /// give pairs of equal likeness an order.
    private static let steps = 0x1p20
    /// How many texts are ranked for a question where any text could be the right one.
    static let depth = 1000

    /// Judges vectors.
    ///
    /// With labels, the texts of each question are ranked by cosine; of equal ones the first in the data comes first. With
    /// pairs alone, all second texts are ranked for every first text.
    ///
    /// - Parameters:
    ///   - pairs: The pairs.
    ///   - kind: What they tell.
    ///   - vectors: The vectors of the pairs' texts at length 1, in rows.
    ///   - dimension: The width of a vector.
    /// - Throws: ``RecipeError`` when there is nothing to judge by.
    init(_ pairs: SimilarityPairs, _ kind: SimilarityKind, vectors: [Float], dimension: Int) throws {
        (self.pairs, self.kind) = (pairs, kind)
        func cosine(_ one: Int, _ two: Int) -> Double {
            var sum = 0.0
            for column in 0..<dimension {
                sum += Double(vectors[one * dimension + column]) * Double(vectors[two * dimension + column])
            }
            return (sum * Self.steps).rounded() / Self.steps
        }
        cosines = zip(pairs.first, pairs.second).map { cosine($0, $1) }
        guard kind != .scores else {
            (retrieval, rankings, leftOut) = (nil, [], 0)
            return
        }
        var scorer = RetrievalScorer(cutoffs: Self.cutoffs)
        var rankings: [(question: Int, ranking: [Int])] = []
        var leftOut = 0
        var candidates: [Int: [Int]] = [:]
        if kind == .labels {
            for (one, two) in zip(pairs.first, pairs.second) where candidates[one]?.contains(two) != true {
                candidates[one, default: []].append(two)
            }
        }
        let found = kind == .pairs ? try Self.search(pairs, vectors, dimension) : []
        for (place, question) in pairs.questions.enumerated() {
            let right = pairs.right[question] ?? []
            var ranking: [Int]
            if kind == .labels {
                let own = candidates[question] ?? []
                // A text that is right and wrong at once counts as right.
                guard !right.isEmpty, right.count < own.count else {
                    leftOut += 1
                    continue
                }
                let scored = own.enumerated().map { (place: $0, text: $1, score: cosine(question, $1)) }
                ranking = scored.sorted { ($1.score, $0.place) < ($0.score, $1.place) }.map(\.text)
            } else {
                ranking = found[place]
            }
            let grades = Dictionary(right.map { ($0, 1.0) }, uniquingKeysWith: { one, _ in one })
            try scorer.add(ranking: ranking, grades: grades)
            rankings.append((question, ranking))
        }
        guard scorer.statistics.count > 0 else {
            throw RecipeError("no question has a right text and a wrong one; there is nothing to judge by")
        }
        (retrieval, self.rankings, self.leftOut) = (scorer, rankings, leftOut)
    }

    /// The second texts nearest to each first text.
    private static func search(
        _ pairs: SimilarityPairs,
        _ vectors: [Float],
        _ dimension: Int
    ) throws -> [[Int]] {
        func rows(_ numbers: [Int]) -> [Float] {
            numbers.flatMap { vectors[$0 * dimension..<($0 + 1) * dimension] }
        }
        var seen: Set<Int> = []
        let candidates = pairs.second.filter { seen.insert($0).inserted }
        var options = VectorIndexOptions()
        options.metric = .dot
        let index = try VectorIndex(rows(candidates), dimension: dimension, options: options)
        let found = try index.search(rows(pairs.questions), count: min(depth + 1, candidates.count))
        return zip(pairs.questions, found).map { question, hits in
            // A text is no answer to itself.
            let others = hits.map { candidates[$0.row] }.filter { $0 != question }
            return Array(others.prefix(depth))
        }
    }

    // MARK: Figures

    private static let names: [String] =
        ["mrr", "map"]
        + cutoffs.flatMap { cutoff in
            ["precision", "recall", "hit_rate", "ndcg", "mrr"].map { "\($0)_at_\(cutoff)" }
        }
    /// The numbers of a scorer that are shown, in this order.
    private static let shown = [
        "map", "mrr", "ndcg_at_10", "precision_at_1", "recall_at_1", "recall_at_5", "recall_at_10",
    ]

    /// Retrieval's figures by name.
    static func figures(_ scorer: RetrievalScorer, intervals: [ConfidenceInterval]?) -> [TaskFigure] {
        let count = Double(scorer.statistics.count)
        let totals = scorer.statistics.totals
        return shown.compactMap { name in
            names.firstIndex(of: name).map { place in
                TaskFigure(name, totals[place] / count, interval: intervals?[place])
            }
        }
    }

    /// What comparisons of two models look at.
    var outcomes: ExampleOutcomes {
        guard let retrieval else {
            return ExampleOutcomes(
                unit: "pairs",
                examples: (0..<pairs.count).map { row in
                    ExampleOutcomes.key(
                        [
                            pairs.texts[pairs.first[row]], pairs.texts[pairs.second[row]],
                            "\(pairs.scores[row])",
                        ]
                    )
                },
                rules: kind.rawValue,
                figures: [OutcomeFigure("spearman", .ranked(cosines, truth: pairs.scores))]
            )
        }
        let statistics = retrieval.statistics
        func column(_ name: String) -> [Double] {
            guard let place = Self.names.firstIndex(of: name) else { return [] }
            return stride(from: place, to: statistics.values.count, by: statistics.width).map {
                statistics.values[$0]
            }
        }
        // A question is one with all that may be found for it: its own texts, or every text of the data.
        let all = kind == .pairs ? ExampleOutcomes.key(pairs.texts) : ""
        return ExampleOutcomes(
            unit: "questions",
            examples: rankings.enumerated().map { number, ranking in
                let right = (pairs.right[ranking.question] ?? []).map { pairs.texts[$0] }
                let wrong = (pairs.wrong[ranking.question] ?? []).map { pairs.texts[$0] }
                return ExampleOutcomes.key(
                    [number == 0 ? all : "", pairs.texts[ranking.question], "\(right.count)"] + right + wrong
                )
            },
            rules: kind.rawValue,
            figures: Self.shown.map { name in
                name == "precision_at_1"
                    ? OutcomeFigure(name, .right(column(name).map { $0 > 0 })) : .mean(name, column(name))
            }
        )
    }

    /// The correlations of scores with cosines, by name.
    private static let correlations:
        [(name: String, figure: @Sendable ([Double], [Double]) throws -> Double)] = [
            ("spearman", { try spearmanCorrelation($0, $1) }),
            ("pearson", { try pearsonCorrelation($0, $1) }),
        ]

    /// The names of what an evaluation during training tells.
    static func metricNames(_ kind: SimilarityKind) -> [String] {
        (kind == .scores ? correlations.map(\.name) : shown).map { "eval_\($0)" }
    }

    /// What an evaluation during training tells, without intervals.
    func metrics() throws -> [String: Double] {
        let values =
            try retrieval.map { Self.figures($0, intervals: nil).map(\.value) }
            ?? Self.correlations.map { try $0.figure(pairs.scores, cosines) }
        return Dictionary(uniqueKeysWithValues: zip(Self.metricNames(kind), values))
    }

    /// All figures with intervals: from a bootstrap over questions, or over pairs with scores.
    func all() throws -> [TaskFigure] {
        if let retrieval {
            let counts = [
                TaskFigure("questions", Double(retrieval.statistics.count), isCount: true),
                TaskFigure("questions_left_out", Double(leftOut), isCount: true),
            ]
            let own = Self.figures(retrieval, intervals: retrieval.intervals())
            return counts + own
        }
        func interval(_ figure: ([Double], [Double]) throws -> Double) -> ConfidenceInterval {
            bootstrapInterval(count: pairs.count, resamples: 1000) { draw in
                do {
                    return try figure(draw.map { pairs.scores[$0] }, draw.map { cosines[$0] })
                } catch {
                    return .nan
                }
            }
        }
        let own = try Self.correlations.map { name, figure in
            TaskFigure(name, try figure(pairs.scores, cosines), interval: interval(figure))
        }
        return [TaskFigure("pairs", Double(pairs.count), isCount: true)] + own
    }
}
