import Foundation
import YuyanFileFormats
import YuyanMetrics
import YuyanReports

/// An evaluation of a classifier for people: tables, and a page with pictures.
struct ClassificationReportPage {
    let figures: ClassificationFigures
    let part: ClassificationData.Part
    let labels: [String]
    let subject: EvaluationSubject

    /// The classes of charts and of the confusion matrix: the most frequent ones where there are many.
    private static let shownClasses = 30
    private static let shownCurves = 8
    private static let shownErrors = 40

    /// The figures, tables and page.
    func evaluation() throws -> TaskEvaluation {
        let all = try figures.all()
        let scores = try figures.scores()
        var details = JSONObject()
        details["labels"] = .array(labels.map { .string($0) })
        var byClass = JSONObject()
        for (label, score) in zip(labels, scores) {
            byClass.append(label, score.json)
        }
        details["classes"] = .object(byClass)
        if !figures.isMultiLabel, labels.count <= 1000 {
            let counts = figures.confusion.counts
            details["confusion_matrix"] = .array(
                labels.indices.map { row in
                    .array(labels.indices.map { .integer(counts[row * labels.count + $0]) })
                }
            )
        }
        let slices = slices
        details["slices"] = slices.json
        let main = ReportTable.figures(all)
        let classes = classTable(scores)
        // The accuracy of a label's texts is its recall, which stands above.
        let further = [classes, slices.table { $0 == "label" }].filter { !$0.rows.isEmpty }
        let plain = [main.plain] + further.map { "\($0.title)\n\($0.plain)" }
        return TaskEvaluation(
            figures: all,
            details: details,
            plain: plain.joined(separator: "\n\n"),
            page: try page(main, classes, slices),
            outcomes: { outcomes }
        )
    }

    private var outcomes: ExampleOutcomes {
        ExampleOutcomes(
            unit: "texts",
            examples: part.texts.indices.map { row in
                ExampleOutcomes.key(
                    [part.texts[row].text, part.texts[row].pair ?? ""]
                        + part.classes[row].map { labels[$0] }.sorted()
                )
            },
            labels: labels,
            rules: figures.isMultiLabel ? "any number of labels" : "one label",
            figures: figures.outcomes()
        )
    }

    private func classTable(_ scores: [ClassificationScore]) -> ReportTable {
        ReportTable.scores(
            title: "By label",
            columns: ("label", "examples"),
            frequentClasses.map { (name: labels[$0], score: scores[$0]) },
            restCount: labels.count - min(labels.count, Self.shownClasses)
        )
    }

    /// The most frequent classes, in the order of their numbers.
    private var frequentClasses: [Int] {
        guard labels.count > Self.shownClasses else { return Array(labels.indices) }
        var counts = [Int](repeating: 0, count: labels.count)
        for own in figures.classes { for number in own { counts[number] += 1 } }
        let order = labels.indices.sorted { (counts[$1], $0) < (counts[$0], $1) }
        return order.prefix(Self.shownClasses).sorted()
    }

    // MARK: Pictures

    private func page(
        _ main: ReportTable,
        _ classes: ReportTable,
        _ slices: EvaluationSlices
    ) throws -> ReportPage {
        var page = ReportPage(title: "Classification", subtitle: subject.title)
        page.table(main)
        page.heading("Labels")
        page.table(classes)
        if !figures.isMultiLabel { page.matrix(confusionChart) }
        page.heading("Thresholds")
        page.paragraph(
            labels.count == 2 && !figures.isMultiLabel
                ? "Curves of the label \(labels[1]) against \(labels[0])."
                : "Curves of each label against all others, for the most frequent ones."
        )
        page.lines(
            curves("True against false positives", "false positives", "true positives") { labels, scores in
                let curve = rocCurve(labels: labels, scores: scores)
                return Array(zip(curve.falsePositiveRates, curve.truePositiveRates))
            }
        )
        page.lines(
            curves("Precision against recall", "recall", "precision") { labels, scores in
                let curve = precisionRecallCurve(labels: labels, scores: scores)
                return Array(zip(curve.recalls, curve.precisions)).reversed()
            }
        )
        page.heading("Probabilities")
        page.paragraph("Where the line lies below the diagonal, the model is surer than it is right.")
        page.lines(try reliability())
        page.table(slices.table())
        subject.curves.add(to: &page)
        page.heading("The worst errors")
        page.paragraph("Texts whose right label got the least probability.")
        page.table(errors)
        return page
    }

    private var confusionChart: MatrixChart {
        let shown = frequentClasses
        let counts = figures.confusion.counts
        return MatrixChart(
            title: shown.count < labels.count ? "Confusion of the most frequent labels" : "Confusion",
            rowName: "label",
            columnName: "prediction",
            names: shown.map { labels[$0] },
            counts: shown.flatMap { row in shown.map { counts[row * labels.count + $0] } }
        )
    }

    private func curves(
        _ title: String,
        _ x: String,
        _ y: String,
        _ points: ([Bool], [Double]) -> [(Double, Double)]
    ) -> LineChart {
        let ranked = figures.rankedClasses.filter { number in
            let own = figures.has(number)
            return own.contains(true) && own.contains(false)
        }
        var chart = LineChart(title: title, xName: x, yName: y, series: [])
        for number in ranked.prefix(Self.shownCurves) {
            let all = points(figures.has(number), figures.column(number))
            // A picture needs no more points than it has columns.
            let step = max(all.count / 400, 1)
            let some = all.indices.filter { $0 % step == 0 || $0 == all.count - 1 }.map { all[$0] }
            chart.series.append(LineChart.Series(labels[number], some.map { (x: $0.0, y: $0.1) }))
        }
        return chart
    }

    private func reliability() throws -> LineChart {
        let decisions = figures.calibrationDecisions
        let calibration = try Calibration(
            labels: decisions.map(\.isRight),
            probabilities: decisions.map(\.share)
        )
        let bins = calibration.bins.filter { $0.count > 0 }
        return LineChart(
            title: "Reliability: how often predictions of a probability are right",
            xName: "probability",
            yName: "share that is right",
            series: [
                LineChart.Series("model", bins.map { (x: $0.meanProbability, y: $0.positiveShare) }),
                LineChart.Series("as it should be", [(x: 0, y: 0), (x: 1, y: 1)]),
            ]
        )
    }

    // MARK: Slices and errors

    private func isRight(_ row: Int) -> Bool { figures.predictions[row] == figures.classes[row] }

    /// Fourths of the texts by length, the languages where there are several, and the most frequent labels.
    private var slices: EvaluationSlices {
        let lengths = part.texts.map { $0.text.unicodeScalars.count + ($0.pair?.unicodeScalars.count ?? 0) }
        var slices = EvaluationSlices.byLength(lengths, unit: "characters")
        slices += EvaluationSlices.byLanguage(part.texts.map { $0.text + ($0.pair.map { "\n\($0)" } ?? "") })
        for number in frequentClasses {
            let rows = figures.classes.indices.filter { figures.classes[$0].contains(number) }
            guard !rows.isEmpty else { continue }
            slices.append(.init(kind: "label", name: "label \(labels[number])", rows: rows))
        }
        return EvaluationSlices(slices, figure: "accuracy") { rows in
            Double(rows.count { isRight($0) }) / Double(max(rows.count, 1))
        }
    }

    private func probability(of number: Int, _ row: Int) -> String {
        ReportTable.decimals(figures.probabilities[row * figures.classCount + number])
    }

    private var errors: ReportTable {
        var table = ReportTable(columns: [
            "example", "text", "label", "prediction", "probability of the label",
        ])
        let wrong = figures.classes.indices.filter { !isRight($0) }
        let worst = wrong.sorted { (figures.losses[$1], $0) < (figures.losses[$0], $1) }
        for row in worst.prefix(Self.shownErrors) {
            let text = part.texts[row]
            let whole = text.text + (text.pair.map { " ⏎ \($0)" } ?? "")
            let scalars = whole.unicodeScalars
            let shown =
                scalars.count > 400 ? String(String.UnicodeScalarView(scalars.prefix(400))) + "…" : whole
            table.row([
                .number("\(part.numbers[row])"), .text(shown),
                .text(figures.classes[row].map { labels[$0] }.joined(separator: ", ")),
                .text(figures.predictions[row].map { labels[$0] }.joined(separator: ", ")),
                .number(figures.classes[row].map { probability(of: $0, row) }.joined(separator: ", ")),
            ])
        }
        return table
    }
}
