import Foundation
import YuyanFileFormats
import YuyanMetrics
import YuyanReports

/// An evaluation of text vectors for people: tables, and a page with pictures.
struct EmbeddingReportPage {
    let figures: EmbeddingFigures
    let subject: EvaluationSubject

    private static let shown = 40
    private static let bins = 20
    /// The depths of the curve of recall.
    private static let depths = [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100]

    /// The figures, tables and page.
    func evaluation() throws -> TaskEvaluation {
        let all = try figures.all()
        let main = ReportTable.figures(all)
        var details = JSONObject()
        details["data"] = .string(figures.kind.rawValue)
        let slices = slices
        details["slices"] = slices.json
        return TaskEvaluation(
            figures: all,
            details: details,
            plain: main.plain,
            page: page(main, slices),
            outcomes: { figures.outcomes }
        )
    }

    private func page(_ main: ReportTable, _ slices: EvaluationSlices) -> ReportPage {
        var page = ReportPage(title: "Text vectors", subtitle: subject.title)
        page.table(main)
        if figures.kind == .labels {
            page.paragraph("Questions whose texts are all right, or all wrong, are left out.")
        }
        page.heading("Cosines")
        page.bars(cosines)
        if figures.kind == .scores {
            page.heading("Cosines by score")
            page.scatter(byPair)
            page.lines(byScore)
        } else {
            page.heading("Ranks")
            page.paragraph("How many questions have their first right text at each rank.")
            page.bars(ranks)
            page.lines(recalls)
        }
        page.table(slices.table())
        subject.curves.add(to: &page)
        if figures.kind == .scores {
            page.heading("The pairs farthest from the order of their scores")
            page.table(misplaced)
        } else {
            page.heading("The questions whose right texts come last")
            page.table(lost)
        }
        return page
    }

    private var cosines: BarChart {
        var counts = [Int](repeating: 0, count: Self.bins)
        for cosine in figures.cosines where cosine.isFinite {
            let place = Int((cosine + 1) / 2 * Double(Self.bins))
            counts[min(max(place, 0), Self.bins - 1)] += 1
        }
        let bars = counts.enumerated().filter { $0.element > 0 }.map { place, count in
            let low = -1 + 2 * Double(place) / Double(Self.bins)
            return BarChart.Bar(String(format: "%.1f …", low), Double(count), label: "\(count)")
        }
        return BarChart(title: "Pairs by the cosine of their vectors", bars: bars)
    }

    private var byPair: ScatterChart {
        ScatterChart(
            title: "Pairs by their scores and the cosines of their vectors",
            xName: "score in the data",
            yName: "cosine",
            points: zip(figures.pairs.scores, figures.cosines).map { (x: $0, y: $1) }
        )
    }

    private var byScore: LineChart {
        LineChart.byNumber(
            "Mean cosine by score",
            xName: "score in the data",
            yName: "mean cosine",
            numbers: figures.pairs.scores,
            figures: [LineChart.NumberedFigure("cosine", meanOf: figures.cosines)]
        )
    }

    /// Questions, or pairs with scores, of like length, and of one language where there are several.
    private var slices: EvaluationSlices {
        func slices(_ texts: [String]) -> [EvaluationSlices.Slice] {
            EvaluationSlices.byLength(texts.map(\.unicodeScalars.count), unit: "characters")
                + EvaluationSlices.byLanguage(texts)
        }
        let pairs = figures.pairs
        if figures.kind == .scores {
            let texts = (0..<pairs.count).map {
                "\(pairs.texts[pairs.first[$0]])\n\(pairs.texts[pairs.second[$0]])"
            }
            return EvaluationSlices(slices(texts), figure: "spearman") { rows in
                OutcomeFigure.spearman(rows.map { figures.cosines[$0] }, rows.map { pairs.scores[$0] })
            }
        }
        let reciprocals = firstRanks.map { $0.map { 1 / Double($0) } ?? 0 }
        let questions = figures.rankings.map { pairs.texts[$0.question] }
        return EvaluationSlices(slices(questions), figure: "mrr") { rows in
            mean(rows.map { reciprocals[$0] })
        }
    }

    private var misplaced: ReportTable {
        var table = ReportTable(columns: ["score", "cosine", "first text", "second text"])
        let places = averageRanks(figures.pairs.scores)
        let own = averageRanks(figures.cosines)
        let order = places.indices.sorted {
            (abs(places[$1] - own[$1]), $0) < (abs(places[$0] - own[$0]), $1)
        }
        for row in order.prefix(Self.shown) {
            table.row([
                .number(ReportTable.decimals(figures.pairs.scores[row])),
                .number(ReportTable.decimals(figures.cosines[row])),
                .abridged(figures.pairs.texts[figures.pairs.first[row]]),
                .abridged(figures.pairs.texts[figures.pairs.second[row]]),
            ])
        }
        return table
    }

    /// The rank of the first right text of each question, from 1; nil where none is ranked.
    private var firstRanks: [Int?] {
        figures.rankings.map { question, ranking in
            let right = Set(figures.pairs.right[question] ?? [])
            return ranking.firstIndex { right.contains($0) }.map { $0 + 1 }
        }
    }

    private var ranks: BarChart {
        let bounds = [1, 2, 3, 5, 10, 20, 50, 100]
        var counts = [Int](repeating: 0, count: bounds.count + 1)
        for rank in firstRanks {
            counts[rank.flatMap { rank in bounds.firstIndex { rank <= $0 } } ?? bounds.count] += 1
        }
        let names = bounds.map { "up to \($0)" } + ["later"]
        return BarChart(
            title: "Questions by the rank of their first right text",
            bars: zip(names, counts).map { BarChart.Bar($0, Double($1), label: "\($1)") }
        )
    }

    /// How much of what is right is among the first texts found, by how many of these are looked at.
    private var recalls: LineChart {
        let deepest = min(figures.rankings.map(\.ranking.count).max() ?? 0, Self.depths.last ?? 0)
        let depths = Self.depths.filter { $0 < deepest } + (deepest > 0 ? [deepest] : [])
        let found = figures.rankings.map { question, ranking -> (count: Int, ranks: [Int]) in
            let right = Set(figures.pairs.right[question] ?? [])
            return (right.count, ranking.indices.filter { right.contains(ranking[$0]) }.map { $0 + 1 })
        }
        func series(_ name: String, _ share: (Int, Int) -> Double) -> LineChart.Series {
            LineChart.Series(
                name,
                depths.map { depth in
                    let shares = found.map { own in share(own.ranks.count { $0 <= depth }, own.count) }
                    return (x: Double(depth), y: mean(shares))
                }
            )
        }
        return LineChart(
            title: "Recall by depth",
            xName: "texts looked at",
            yName: "share",
            series: [
                series("right texts found") { Double($0) / Double(max($1, 1)) },
                series("with one found") { hits, _ in hits > 0 ? 1 : 0 },
            ]
        )
    }

    private var lost: ReportTable {
        var table = ReportTable(columns: ["rank", "question", "a right text", "the text found first"])
        let ranks = firstRanks
        let order = ranks.indices.sorted { (ranks[$1] ?? .max, $0) < (ranks[$0] ?? .max, $1) }
        for place in order.prefix(Self.shown) where ranks[place] != 1 {
            let (question, ranking) = figures.rankings[place]
            let right = figures.pairs.right[question]?.first
            table.row([
                .number(ranks[place].map { "\($0)" } ?? "–"), .abridged(figures.pairs.texts[question]),
                .abridged(right.map { figures.pairs.texts[$0] } ?? ""),
                .abridged(ranking.first.map { figures.pairs.texts[$0] } ?? ""),
            ])
        }
        return table
    }
}
