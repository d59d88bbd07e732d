import Foundation
import YuyanFileFormats
import YuyanMetrics
import YuyanReports
import YuyanTokenizers

/// What a model of text was judged on, part by part: documents, or blocks of text.
struct LanguageModelParts {
    /// A part with a large loss.
    private struct Hard {
        let number: Int
        let loss: Double
        let tokens: Int
        let beginning: [Int32]
    }

    /// Nats, targets, bytes of targets and right guesses of each part.
    private(set) var statistics = ExampleStatistics(width: 4)
    /// What parts are: `documents`, `blocks`.
    let name: String
    private var hardest: [Hard] = []

    /// How many of the hardest parts are kept, and of how many tokens one is at least.
    private static let (keptParts, fewestTokens, keptTokens) = (20, 4, 80)
    /// The fewest parts that an interval is estimated from.
    private static let fewestParts = 10

    init(_ name: String) { self.name = name }

    /// Adds a part.
    ///
    /// - Parameters:
    ///   - nats: The sum of its losses.
    ///   - tokens: The number of its targets.
    ///   - bytes: The bytes that they stand for.
    ///   - right: How many were guessed right.
    ///   - text: Its tokens, asked for when it is among the hardest.
    mutating func add(nats: Double, tokens: Int, bytes: Int = 0, right: Int = 0, text: () -> [Int32]) {
        let number = statistics.count
        statistics.append([nats, Double(tokens), Double(bytes), Double(right)])
        let loss = nats / Double(max(tokens, 1))
        guard tokens >= Self.fewestTokens,
            hardest.count < Self.keptParts || loss > hardest[hardest.count - 1].loss
        else { return }
        let beginning = Array(text().prefix(Self.keptTokens))
        let hard = Hard(number: number, loss: loss, tokens: tokens, beginning: beginning)
        hardest.insert(hard, at: hardest.firstIndex { $0.loss < loss } ?? hardest.count)
        if hardest.count > Self.keptParts { hardest.removeLast() }
    }

    /// The sums over all parts.
    var figures: LanguageModelFigures {
        let totals = statistics.totals
        return LanguageModelFigures(nats: totals[0], tokens: Int(totals[1]), bytes: Int(totals[2]))
    }

    /// The intervals of figures over parts, by name; none for a few parts.
    fileprivate var intervals: [String: ConfidenceInterval] {
        guard statistics.count >= Self.fewestParts else { return [:] }
        let found = bootstrapIntervals(of: statistics) { sums, _ in
            guard sums[1] > 0 else { return [.nan, .nan, .nan, .nan] }
            let loss = sums[0] / sums[1]
            let bits = sums[2] > 0 ? sums[0] / (sums[2] * log(2.0)) : .nan
            return [loss, exp(loss), bits, sums[3] / sums[1]]
        }
        return Dictionary(
            zip(["loss", "perplexity", "bits_per_byte", "accuracy"], found),
            uniquingKeysWith: { one, _ in one }
        )
    }

    /// The parts with the largest losses.
    fileprivate func table(_ tokenizer: any Tokenizer) -> ReportTable {
        var table = ReportTable(columns: ["number", "tokens", "loss", "beginning"])
        for part in hardest {
            table.row([
                .number("\(part.number + 1)"), .number("\(part.tokens)"),
                .number(ReportTable.decimals(part.loss)),
                .text(tokenizer.decode(part.beginning, skippingSpecialTokens: true)),
            ])
        }
        return table
    }
}

/// What judging a model of text found.
struct LanguageModelJudgement {
    /// The figures; the keys begin with `eval_`.
    let metrics: [String: Double]
    let parts: LanguageModelParts
    let tokenizer: any Tokenizer

    /// The order of figures; others follow by name.
    private static let order = ["tokens", "bytes", "loss", "perplexity", "bits_per_byte", "accuracy"]

    /// The figures with intervals, tables and page.
    ///
    /// - Parameter title: What was judged, and on what.
    /// - Returns: The evaluation.
    func evaluation(title: String) -> TaskEvaluation {
        let intervals = parts.intervals
        func place(_ name: String) -> Int { Self.order.firstIndex(of: name) ?? Self.order.count }
        let named = metrics.map { (name: String($0.key.dropFirst("eval_".count)), value: $0.value) }
            .sorted { (place($0.name), $0.name) < (place($1.name), $1.name) }
        let count = TaskFigure(parts.name, Double(parts.statistics.count), isCount: true)
        let figures =
            [count]
            + named.map { name, value in
                let isCount = name == "tokens" || name == "bytes"
                return TaskFigure(name, value, interval: intervals[name], isCount: isCount)
            }
        let table = ReportTable.figures(figures)
        var page = ReportPage(title: "Language model", subtitle: title)
        page.table(table)
        page.paragraph(
            intervals.isEmpty
                ? "There are too few \(parts.name) for intervals."
                : "Intervals say how figures vary over other \(parts.name) like these."
        )
        page.heading("The hardest \(parts.name)")
        page.paragraph("Those with the largest loss per token, in nats.")
        page.table(parts.table(tokenizer))
        return TaskEvaluation(figures: figures, details: JSONObject(), plain: table.plain, page: page)
    }
}
