import YuyanFileFormats
import YuyanMetrics
import YuyanReports

/// The figures of a tagger on sentences with tags: entities or arguments where tags mark such, else tags by themselves.
struct TaggingFigures {
    let sentences: [TaggingItem]
    let predictions: [[String]]
    let scoring: TagScoring
    /// What is found of entities or arguments; nil where tags are judged by themselves.
    private let found: TypedCounts?
    /// What is found of arguments whatever they are called, and the share of predicates without a mistake.
    private var furtherFigures: [TaskFigure] = []

    init(_ sentences: [TaggingItem], predictions: [[String]], scoring: TagScoring) throws {
        (self.sentences, self.predictions, self.scoring) = (sentences, predictions, scoring)
        let pairs = zip(sentences.map(\.tags), predictions)
        switch scoring {
        case .single: found = nil
        case .entities:
            var scorer = EntityScorer()
            for (own, predicted) in pairs { try scorer.add(labels: own, predictions: predicted) }
            found = scorer.entities
        case .argumentSpans:
            var scorer = SemanticRoleScorer()
            for (own, predicted) in pairs { try scorer.add(tags: own, predictedTags: predicted) }
            found = scorer.arguments
            furtherFigures = [TaskFigure("perfect_predicates", scorer.perfectShare)]
        case .argumentHeads:
            var scorer = HeadRoleScorer()
            for (own, predicted) in pairs {
                try scorer.add(labels: Self.roles(own), predictions: Self.roles(predicted))
            }
            found = scorer.roles
            let unlabelled = scorer.unlabelled.scores().first
            furtherFigures = unlabelled.map { [TaskFigure("unlabelled_f1", $0.f1)] } ?? []
        }
    }

    /// The arguments of tags on heads; the predicate's own tag `V` is none.
    private static func roles(_ tags: [String]) -> [HeadRoleScorer.Role] {
        tags.enumerated().filter { $1 != "_" && $1 != "V" }.map { HeadRoleScorer.Role(head: $0, label: $1) }
    }

    /// What one decision is about.
    var unitName: String {
        switch scoring {
        case .single: "tag"
        case .entities: "type"
        case .argumentSpans, .argumentHeads: "role"
        }
    }

    /// The right tokens and all tokens of each sentence.
    private var tokenCounts: ExampleStatistics {
        var statistics = ExampleStatistics(width: 2)
        for (own, predicted) in zip(sentences.map(\.tags), predictions) {
            let right = zip(own, predicted).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
            statistics.append([Double(right), Double(own.count)])
        }
        return statistics
    }

    var accuracy: Double {
        let totals = tokenCounts.totals
        return totals[1] > 0 ? totals[0] / totals[1] : .nan
    }

    /// The micro-averaged F1 of entities or arguments; of tags, each of which is one decision among all, the accuracy.
    var f1: Double { found?.average(.micro).f1 ?? accuracy }

    /// All figures with intervals over sentences, of arguments over predicates.
    func all() throws -> [TaskFigure] {
        let tokens = sentences.reduce(0) { $0 + $1.tags.count }
        var counts = [TaskFigure("sentences", Double(Set(sentences.map(\.sentence)).count), isCount: true)]
        if scoring == .argumentSpans || scoring == .argumentHeads {
            counts.append(TaskFigure("predicates", Double(sentences.count), isCount: true))
        }
        counts.append(TaskFigure("tokens", Double(tokens), isCount: true))
        let sure = bootstrapIntervals(of: tokenCounts) { sums, _ in [sums[1] > 0 ? sums[0] / sums[1] : .nan] }
        let accuracy = TaskFigure("accuracy", accuracy, interval: sure.first)
        guard let found else {
            let macro = try report.average(.macro)
            return counts + [accuracy, TaskFigure("macro_f1", macro.f1)]
        }
        let score = found.average(.micro)
        let intervals = found.intervals()
        return counts + [
            TaskFigure("f1", score.f1, interval: intervals[2]),
            TaskFigure("precision", score.precision, interval: intervals[0]),
            TaskFigure("recall", score.recall, interval: intervals[1]),
            TaskFigure("macro_f1", found.average(.macro).f1),
        ] + furtherFigures + [accuracy]
    }

    /// The scores of each type of entity, of each role, or of each tag.
    func byType() throws -> [(name: String, score: ClassificationScore)] {
        if let found { return Array(zip(found.types, found.scores)) }
        return Array(zip(labels, try report.scores))
    }

    private var labels: [String] {
        Set(sentences.lazy.flatMap(\.tags)).union(predictions.joined()).sorted {
            $0.utf8.lexicographicallyPrecedes($1.utf8)
        }
    }

    private var report: ClassificationReport {
        get throws {
            let labels = labels
            let numbers = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
            let confusion = ConfusionMatrix(
                labels: sentences.flatMap(\.tags).map { numbers[$0] ?? 0 },
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
        let kind = figures.unitName
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
        let wrong = zip(figures.sentences, figures.predictions).map { sentence, predicted in
            zip(sentence.tags, predicted).reduce(0) { $0 + ($1.0 == $1.1 ? 0 : 1) }
        }
        let worst = wrong.indices.filter { wrong[$0] > 0 }.sorted { (wrong[$1], $0) < (wrong[$0], $1) }
        for row in worst.prefix(Self.shownErrors) {
            let sentence = figures.sentences[row]
            let words = sentence.input.tokens.indices.map { place -> String in
                let marked = sentence.input.predicate == place
                let token = marked ? "[\(sentence.input.tokens[place])]" : sentence.input.tokens[place]
                let (own, predicted) = (sentence.tags[place], figures.predictions[row][place])
                if own == predicted { return own == "O" || own == "_" ? token : "\(token)/\(own)" }
                return "\(token)/\(predicted) (\(own))"
            }
            table.row([
                .number("\(sentence.sentence + 1)"), .number("\(wrong[row])"),
                .text(words.joined(separator: " ")),
            ])
        }
        return table
    }
}
