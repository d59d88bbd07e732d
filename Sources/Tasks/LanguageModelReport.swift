import Foundation
import YuyanFileFormats
import YuyanMetrics
import YuyanReports
import YuyanTextProcessing
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
    /// The text of all parts by its documents, where a model judges all of its tokens.
    var text: JudgedText?
    /// What parts are: `documents`, `blocks`.
    let name: String
    private var hardest: [Hard] = []
    /// What was judged of each part, where that is chosen by chance.
    private var marks: [TextFingerprint] = []
    /// The nats and the number of targets with so many tokens before them.
    private var byPosition: [(nats: Double, count: Int)] = []

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

    /// Adds the loss of a target to those with as many tokens before them.
    mutating func add(_ loss: Double, after position: Int) {
        while byPosition.count <= position { byPosition.append((0, 0)) }
        byPosition[position].nats += loss
        byPosition[position].count += 1
    }

    /// Keeps what was judged of the part that was added last.
    ///
    /// - Parameter judged: Its tokens and the places of those that were judged.
    mutating func mark(_ judged: some Collection<Int32>) {
        marks.append(Array(judged).withUnsafeBytes { TextFingerprint(bytes: $0) })
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
            let bits = bitsPerByte(totalNats: sums[0], byteCount: sums[2])
            return [loss, exp(loss), bits, sums[3] / sums[1]]
        }
        return Dictionary(
            zip(["loss", "perplexity", "bits_per_byte", "accuracy"], found),
            uniquingKeysWith: { one, _ in one }
        )
    }

    // MARK: Comparing

    /// What makes the outcomes of a text's documents.
    var textOutcomes: (@Sendable () throws -> ExampleOutcomes)? {
        guard let text else { return nil }
        return { try text.outcomes() }
    }

    /// What makes the outcomes of blocks of hidden tokens.
    ///
    /// - Parameter fingerprint: The fingerprint of the tokenizer.
    /// - Returns: It.
    func blockOutcomes(tokenizer fingerprint: String) -> @Sendable () throws -> ExampleOutcomes {
        func share(_ name: String, _ place: Int) -> OutcomeFigure {
            OutcomeFigure(name, .sums(statistics) { sums, _ in sums[1] > 0 ? sums[place] / sums[1] : .nan })
        }
        let figures = [share("loss", 0), share("accuracy", 3)]
        return { [marks, name] in
            ExampleOutcomes(
                unit: name,
                examples: marks.map { "\($0.high) \($0.low)" },
                rules: "hidden tokens of the tokenizer \(fingerprint.prefix(12))",
                rulesAdvice: "the same tokens can be hidden where both models have one tokenizer",
                advice: "the same tokens are hidden where text (--data), tokenizer, data_seed (or seed), "
                    + "max_position_embeddings, mlm_probability, whole_word_mask, words and per_device_eval_batch_size "
                    + "are alike",
                figures: figures
            )
        }
    }

    // MARK: Pictures

    /// Adds pictures: what parts differ by, and what the tokens before a token are worth.
    fileprivate func addCharts(to page: inout ReportPage) {
        let rows = stride(from: 0, to: statistics.values.count, by: statistics.width)
        let hasBytes = statistics.totals[2] > 0
        let column = hasBytes ? 2 : 1
        let figure = hasBytes ? "bits per byte" : "nats per token"
        func ratio(_ rows: [Int]) -> Double {
            let sums = rows.reduce(into: (0.0, 0.0)) { sums, row in
                sums.0 += statistics.values[row * statistics.width]
                sums.1 += statistics.values[row * statistics.width + column]
            }
            if hasBytes { return bitsPerByte(totalNats: sums.0, byteCount: sums.1) }
            return sums.1 > 0 ? sums.0 / sums.1 : .nan
        }
        page.heading(name == "documents" ? "Documents" : "Blocks")
        page.histogram(
            Histogram(
                title: "The \(name) by their \(figure)",
                xName: figure,
                yName: name,
                values: (0..<statistics.count).map { ratio([$0]) }
            )
        )
        page.lines(
            .byNumber(
                "By length",
                xName: "tokens judged",
                yName: figure,
                numbers: rows.map { statistics.values[$0 + 1] },
                figures: [LineChart.NumberedFigure(figure, ratio)]
            )
        )
        page.lines(
            LineChart(
                title: "What the tokens before are worth",
                xName: "tokens before the token",
                yName: "nats per token",
                series: [LineChart.Series("loss", positionCurve)]
            )
        )
    }

    /// The mean loss by the tokens before a token: one by one at first, then over ranges that grow with them.
    private var positionCurve: [(x: Double, y: Double)] {
        var (points, start): ([(x: Double, y: Double)], Int) = ([], 0)
        while start < byPosition.count {
            let end = min(start + max(start / 4, 1), byPosition.count)
            let own = byPosition[start..<end]
            let count = own.reduce(0) { $0 + $1.count }
            if count > 0 {
                points.append((Double(start + end - 1) / 2, own.reduce(0) { $0 + $1.nats } / Double(count)))
            }
            start = end
        }
        return points
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
    /// Makes what comparisons of two models look at.
    let outcomes: (@Sendable () throws -> ExampleOutcomes)?

    /// The order of figures; others follow by name.
    private static let order = ["tokens", "bytes", "loss", "perplexity", "bits_per_byte", "accuracy"]

    /// The figures with intervals, tables and page.
    ///
    /// - Parameter subject: What was judged, and on what.
    /// - Returns: The evaluation.
    func evaluation(_ subject: EvaluationSubject) -> TaskEvaluation {
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
        var page = ReportPage(title: "Language model", subtitle: subject.title)
        page.table(table)
        page.paragraph(
            intervals.isEmpty
                ? "There are too few \(parts.name) for intervals."
                : "Intervals say how figures vary over other \(parts.name) like these."
        )
        parts.addCharts(to: &page)
        page.bars(orders)
        subject.curves.add(to: &page)
        page.heading("The hardest \(parts.name)")
        page.paragraph("Those with the largest loss per token, in nats.")
        page.table(parts.table(tokenizer))
        return TaskEvaluation(
            figures: figures,
            details: JSONObject(),
            plain: table.plain,
            page: page,
            outcomes: outcomes
        )
    }

    /// How long the n-grams were that told the tokens; no bars for models that are not of n-grams.
    private var orders: BarChart {
        var bars: [BarChart.Bar] = []
        while let share = metrics["eval_order_\(bars.count + 1)_share"] {
            bars.append(BarChart.Bar("\(bars.count + 1)", share, label: ReportTable.decimals(share)))
        }
        return BarChart(title: "Share of the tokens told by n-grams of so many tokens", bars: bars)
    }
}
