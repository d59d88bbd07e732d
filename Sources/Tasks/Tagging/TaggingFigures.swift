import YuyanFileFormats
import YuyanMetrics
import YuyanReports

/// The figures of a tagger on sentences with tags: entities where tags mark spans, else tags by themselves.
struct TaggingFigures {
    let tokens: [[String]]
    let tags: [[String]]
    let predictions: [[String]]
    /// Whether tags mark spans, as `B-PER` does.
    let marksSpans: Bool
    private let scorer: EntityScorer

    init(tokens: [[String]], tags: [[String]], predictions: [[String]], marksSpans: Bool) throws {
        (self.tokens, self.tags, self.predictions, self.marksSpans) = (tokens, tags, predictions, marksSpans)
        var scorer = EntityScorer()
        if marksSpans {
            for (own, predicted) in zip(tags, predictions) {
                try scorer.add(labels: own, predictions: predicted)
            }
        }
        self.scorer = scorer
    }

    /// Whether labels mark spans: all are `O` or a letter of a scheme, a hyphen and a type.
    static func marksSpans(_ labels: [String]) -> Bool {
        let inside = labels.filter { $0 != "O" }
        return !inside.isEmpty
            && inside.allSatisfy { label in
                let bytes = Array(label.utf8)
                return bytes.count > 2 && bytes[1] == 45 && "BIES".utf8.contains(bytes[0])
            }
    }

    /// The right tokens and all tokens of each sentence.
    private var tokenCounts: ExampleStatistics {
        var statistics = ExampleStatistics(width: 2)
        for (own, predicted) in zip(tags, predictions) {
            let right = zip(own, predicted).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
            statistics.append([Double(right), Double(own.count)])
        }
        return statistics
    }

    var accuracy: Double {
        let totals = tokenCounts.totals
        return totals[1] > 0 ? totals[0] / totals[1] : .nan
    }

    /// The micro-averaged F1 of entities; of tags, each of which is one decision among all, the accuracy.
    var f1: Double { marksSpans ? scorer.entities.average(.micro).f1 : accuracy }

    /// All figures with intervals over sentences.
    func all() throws -> [TaskFigure] {
        let counts = [
            TaskFigure("sentences", Double(tags.count), isCount: true),
            TaskFigure("tokens", Double(tags.reduce(0) { $0 + $1.count }), isCount: true),
        ]
        let sure = bootstrapIntervals(of: tokenCounts) { sums, _ in [sums[1] > 0 ? sums[0] / sums[1] : .nan] }
        let accuracy = TaskFigure("accuracy", accuracy, interval: sure.first)
        guard marksSpans else {
            let macro = try report.average(.macro)
            return counts + [accuracy, TaskFigure("macro_f1", macro.f1)]
        }
        let score = scorer.entities.average(.micro)
        let intervals = scorer.entities.intervals()
        return counts + [
            TaskFigure("f1", score.f1, interval: intervals[2]),
            TaskFigure("precision", score.precision, interval: intervals[0]),
            TaskFigure("recall", score.recall, interval: intervals[1]),
            TaskFigure("macro_f1", scorer.entities.average(.macro).f1), accuracy,
        ]
    }

    /// The scores of each type of entity, or of each tag.
    func byType() throws -> [(name: String, score: ClassificationScore)] {
        if marksSpans { return Array(zip(scorer.entities.types, scorer.entities.scores)) }
        return Array(zip(labels, try report.scores))
    }

    private var labels: [String] {
        Set(tags.joined()).union(predictions.joined()).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private var report: ClassificationReport {
        get throws {
            let labels = labels
            let numbers = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
            let confusion = ConfusionMatrix(
                labels: tags.joined().map { numbers[$0] ?? 0 },
                predictions: predictions.joined().map { numbers[$0] ?? 0 },
                classCount: labels.count
            )
            return ClassificationReport(confusion, classes: Array(labels.indices))
        }
    }
}

/// An evaluation of a tagger for people: tables, and a page with the worst sentences.
struct TaggingReportPage {
    let figures: TaggingFigures
    let title: String

    private static let shownErrors = 40
    private static let shownTypes = 60

    func evaluation() throws -> TaskEvaluation {
        let all = try figures.all()
        let types = try figures.byType()
        let table = ReportTable.figures(all)
        let kind = figures.marksSpans ? "type" : "tag"
        let byType = ReportTable.scores(
            title: "By \(kind)",
            columns: (kind, "in the data"),
            Array(types.prefix(Self.shownTypes)),
            restCount: max(types.count - Self.shownTypes, 0)
        )
        var object = JSONObject()
        for (name, score) in types { object.append(name, score.json) }
        var details = JSONObject()
        details["types"] = .object(object)
        var page = ReportPage(title: "Tagging", subtitle: title)
        page.table(table)
        page.table(byType)
        page.heading("The worst sentences")
        page.paragraph(
            "Sentences with the most wrong tags; each word as it is tagged and, where that is wrong, as it should be."
        )
        page.table(errors)
        return TaskEvaluation(
            figures: all,
            details: details,
            plain: "\(table.plain)\n\n\(byType.title)\n\(byType.plain)",
            page: page
        )
    }

    private var errors: ReportTable {
        var table = ReportTable(columns: ["sentence", "wrong", "words"])
        let wrong = figures.tags.indices.map { row in
            zip(figures.tags[row], figures.predictions[row]).reduce(0) { $0 + ($1.0 == $1.1 ? 0 : 1) }
        }
        let worst = wrong.indices.filter { wrong[$0] > 0 }.sorted { (wrong[$1], $0) < (wrong[$0], $1) }
        for row in worst.prefix(Self.shownErrors) {
            let words = figures.tokens[row].indices.map { place -> String in
                let (token, own) = (figures.tokens[row][place], figures.tags[row][place])
                let predicted = figures.predictions[row][place]
                if own == predicted { return own == "O" ? token : "\(token)/\(own)" }
                return "\(token)/\(predicted) (\(own))"
            }
            table.row([
                .number("\(row + 1)"), .number("\(wrong[row])"), .text(words.joined(separator: " ")),
            ])
        }
        return table
    }
}
