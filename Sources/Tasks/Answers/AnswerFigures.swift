import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics
import YuyanReports

/// The figures of answers to questions, and an evaluation for people: tables, and a page with the worst answers.
struct AnswerFigures {
    let examples: [QuestionAnsweringExample]
    let answers: [String]
    let probabilities: [Double]
    private(set) var scorer: QuestionAnsweringScorer

    private static let shownErrors = 40
    /// How much of a text is shown on either side of the right answer, in scalars.
    private static let surroundings = 60

    init(
        _ examples: [QuestionAnsweringExample],
        _ found: [FoundAnswer],
        _ standard: AnswerStandard
    ) throws {
        self.examples = examples
        answers = zip(examples, found).map { $1.text(in: $0.context) }
        probabilities = found.map(\.probability)
        scorer = QuestionAnsweringScorer(standard)
        for (example, answer) in zip(examples, answers) {
            try scorer.add(prediction: answer, answers: example.answers.map(\.text))
        }
    }

    func all() -> [TaskFigure] {
        let intervals = scorer.intervals()
        var figures = [
            TaskFigure("questions", Double(examples.count), isCount: true),
            TaskFigure("exact_match", scorer.exactMatch, interval: intervals.first),
            TaskFigure("f1", scorer.f1, interval: intervals.last),
        ]
        if examples.contains(where: \.isImpossible) {
            let parts = scorer.partIntervals()
            figures += [
                TaskFigure("answerable_exact_match", scorer.answerable.exactMatch, interval: parts[0]),
                TaskFigure("answerable_f1", scorer.answerable.f1, interval: parts[1]),
                TaskFigure("unanswerable", scorer.unanswerable, interval: parts[2]),
            ]
        }
        return figures
    }

    func evaluation(_ subject: EvaluationSubject) -> TaskEvaluation {
        let figures = all()
        let table = ReportTable.figures(figures)
        var details = JSONObject()
        details["standard"] = .string(scorer.standard.rawValue)
        let slices = slices
        details["slices"] = slices.json
        var page = ReportPage(title: "Question answering", subtitle: subject.title)
        page.table(table)
        addCharts(to: &page)
        page.table(slices.table())
        subject.curves.add(to: &page)
        page.heading("The worst answers")
        page.paragraph("Questions whose answer has the least F1, the most certain first.")
        page.table(errors)
        return TaskEvaluation(
            figures: figures,
            details: details,
            plain: table.plain,
            page: page,
            outcomes: { outcomes }
        )
    }

    /// F1 of the questions: how often which, and by what it may depend on.
    private func addCharts(to page: inout ReportPage) {
        let values = scorer.statistics.values
        let exact = examples.indices.map { values[4 * $0] }, f1 = examples.indices.map { values[4 * $0 + 1] }
        let figures = [
            LineChart.NumberedFigure("exact match", meanOf: exact),
            LineChart.NumberedFigure("F1", meanOf: f1),
        ]
        page.heading("Answers")
        page.histogram(
            Histogram(
                title: "Questions by the F1 of their answers",
                xName: "F1",
                yName: "questions",
                values: f1,
                range: 0...1,
                columns: 10
            )
        )
        page.lines(
            .byNumber(
                "By length of the text",
                xName: "characters of the text",
                yName: "share",
                numbers: examples.map { Double($0.context.unicodeScalars.count) },
                figures: figures
            )
        )
        page.lines(
            .byNumber(
                "By length of the right answer, the shortest where there are several",
                xName: "characters of the right answer",
                yName: "share",
                numbers: examples.map { Double($0.answers.map(\.text.unicodeScalars.count).min() ?? 0) },
                rows: examples.indices.filter { !examples[$0].isImpossible },
                figures: figures
            )
        )
        page.lines(
            .byNumber(
                "How often answers of a probability are right",
                xName: "probability of the answer",
                yName: "share",
                numbers: probabilities,
                figures: figures
            )
        )
    }

    private var outcomes: ExampleOutcomes {
        let values = scorer.statistics.values
        return ExampleOutcomes(
            unit: "questions",
            examples: examples.map { example in
                ExampleOutcomes.key([example.question, example.context] + example.answers.map(\.text))
            },
            rules: "the rules of \(scorer.standard.rawValue)",
            figures: [
                OutcomeFigure("exact_match", .right(examples.indices.map { values[4 * $0] == 1 })),
                .mean("f1", examples.indices.map { values[4 * $0 + 1] }),
            ]
        )
    }

    /// Texts of like length, and of one language where there are several.
    private var slices: EvaluationSlices {
        let lengths = examples.map(\.context.unicodeScalars.count)
        let slices =
            EvaluationSlices.byLength(lengths, unit: "characters")
            + EvaluationSlices.byLanguage(examples.map { "\($0.question)\n\($0.context)" })
        return EvaluationSlices(slices, figure: "f1") { rows in
            mean(rows.map { scorer.statistics.values[4 * $0 + 1] })
        }
    }

    private var errors: ReportTable {
        var table = ReportTable(columns: [
            "question", "answer", "right", "F1", "sure", "text around the right one",
        ])
        let scores = examples.indices.map { scorer.statistics.values[4 * $0 + 1] }
        let order = examples.indices.filter { scores[$0] < 1 }.sorted {
            (scores[$0], -probabilities[$0], $0) < (scores[$1], -probabilities[$1], $1)
        }
        for row in order.prefix(Self.shownErrors) {
            let right = examples[row].answers.map(\.text)
            table.row([
                .text(examples[row].question), .text(answers[row].isEmpty ? "–" : answers[row]),
                .text(right.isEmpty ? "–" : Array(Set(right)).sorted().joined(separator: " / ")),
                .number(ReportTable.decimals(scores[row])), .number(ReportTable.decimals(probabilities[row])),
                .text(excerpt(examples[row])),
            ])
        }
        return table
    }

    private func excerpt(_ example: QuestionAnsweringExample) -> String {
        let scalars = Array(example.context.unicodeScalars)
        let place = example.answers.lazy.compactMap(\.start).first ?? 0
        let range = max(0, place - Self.surroundings)..<min(scalars.count, place + 2 * Self.surroundings)
        guard !range.isEmpty else { return "" }
        let text = String(String.UnicodeScalarView(scalars[range]))
        return (range.lowerBound > 0 ? "…" : "") + text + (range.upperBound < scalars.count ? "…" : "")
    }
}
