import Foundation
import YuyanFileFormats
import YuyanMetrics
import YuyanReports

/// An evaluation of text vectors for people: tables, and a page with pictures.
struct EmbeddingReportPage {
    let figures: EmbeddingFigures
    let title: String

    private static let shown = 40
    private static let bins = 20

    /// The figures, tables and page.
    func evaluation() throws -> TaskEvaluation {
        let all = try figures.all()
        let main = ReportTable.figures(all)
        var details = JSONObject()
        details["data"] = .string(figures.kind.rawValue)
        return TaskEvaluation(
            figures: all,
            details: details,
            plain: main.plain,
            page: page(main),
            outcomes: figures.outcomes
        )
    }

    private func page(_ main: ReportTable) -> ReportPage {
        var page = ReportPage(title: "Text vectors", subtitle: title)
        page.table(main)
        if figures.kind == .labels {
            page.paragraph("Questions whose texts are all right, or all wrong, are left out.")
        }
        page.heading("Cosines")
        page.bars(cosines)
        if figures.kind == .scores {
            page.heading("Cosines by score")
            page.lines(byScore)
            page.heading("The pairs farthest from the order of their scores")
            page.table(misplaced)
        } else {
            page.heading("Ranks")
            page.paragraph("How many questions have their first right text at each rank.")
            page.bars(ranks)
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

    /// The mean cosine of pairs in ten parts of equal number by their scores.
    private var byScore: LineChart {
        let order = figures.pairs.scores.indices.sorted {
            (figures.pairs.scores[$0], $0) < (figures.pairs.scores[$1], $1)
        }
        let parts = min(10, order.count)
        let points = (0..<parts).map { part -> (x: Double, y: Double) in
            let members = order[part * order.count / parts..<(part + 1) * order.count / parts]
            return (mean(members.map { figures.pairs.scores[$0] }), mean(members.map { figures.cosines[$0] }))
        }
        return LineChart(
            title: "Mean cosine by score",
            xName: "score",
            yName: "cosine",
            series: [LineChart.Series("cosine", points)]
        )
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
            title: "First right text",
            bars: zip(names, counts).map { BarChart.Bar($0, Double($1), label: "\($1)") }
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
