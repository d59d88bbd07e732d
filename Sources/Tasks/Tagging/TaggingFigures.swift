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
    /// The tags by number and how they are confused, where tags are judged by themselves.
    let confusion: (tags: [String], matrix: ConfusionMatrix)?
    private static let mostOperations = 1_000_000_000

    init(_ sentences: [TaggingItem], predictions: [[String]], scoring: TagScoring) throws {
        (self.sentences, self.predictions, self.scoring) = (sentences, predictions, scoring)
        confusion = scoring == .single ? Self.confusion(sentences, predictions) : nil
        let pairs = zip(sentences.map(\.tags), predictions)
        switch scoring {
        case .single: found = nil
        case .entities:
            var scorer = EntityScorer()
            for (own, predicted) in pairs {
                try scorer.add(labels: TagScoring.readable(own), predictions: TagScoring.readable(predicted))
            }
            found = scorer.entities
        case .argumentSpans:
            var scorer = SemanticRoleScorer()
            for (own, predicted) in pairs {
                try scorer.add(tags: TagScoring.readable(own), predictedTags: TagScoring.readable(predicted))
            }
            found = scorer.arguments
            let interval = bootstrapInterval(of: scorer.perfect) { sums, count in sums[0] / Double(count) }
            furtherFigures = [TaskFigure("perfect_predicates", scorer.perfectShare, interval: interval)]
        case .argumentHeads:
            var scorer = HeadRoleScorer()
            for (own, predicted) in pairs {
                try scorer.add(labels: Self.roles(own), predictions: Self.roles(predicted))
            }
            found = scorer.roles
            let interval = bootstrapInterval(of: scorer.unlabelledStatistics) { sums, _ in
                ClassCounts(sums: sums).average(.micro).f1
            }
            let unlabelled = scorer.unlabelled.average(.micro)
            furtherFigures = [TaskFigure("unlabelled_f1", unlabelled.f1, interval: interval)]
        }
    }

    /// The arguments of tags on heads; the predicate's own tag `V` is none.
    static func roles(_ tags: [String]) -> [HeadRoleScorer.Role] {
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
            let macro = report?.average(.macro).f1 ?? .nan
            return counts + [accuracy, TaskFigure("macro_f1", macro, interval: macroInterval)]
        }
        let score = found.average(.micro)
        let intervals = found.intervals()
        return counts + [
            TaskFigure("f1", score.f1, interval: intervals[2]),
            TaskFigure("precision", score.precision, interval: intervals[0]),
            TaskFigure("recall", score.recall, interval: intervals[1]),
            TaskFigure("macro_f1", found.average(.macro).f1, interval: found.intervals(.macro)[2]),
        ] + furtherFigures + [accuracy]
    }

    /// Of each sentence or predicate: what is found, predicted and there, of all types together.
    private func decisions(_ found: TypedCounts) -> ExampleStatistics {
        let byType = found.statistics()
        var sums = ExampleStatistics(width: 3)
        for start in stride(from: 0, to: byType.values.count, by: byType.width) {
            var row = [0.0, 0.0, 0.0]
            for place in 0..<byType.width { row[place % 3] += byType.values[start + place] }
            sums.append(row)
        }
        return sums
    }

    /// What comparisons of two taggers look at.
    ///
    /// - Parameter labels: The tags that the tagger knows.
    /// - Returns: What each sentence or predicate came to.
    func outcomes(_ labels: [String]) -> ExampleOutcomes {
        var compared: [OutcomeFigure] = []
        if let found {
            let sums = decisions(found)
            let shares: [(String, @Sendable (ClassificationScore) -> Double)] = [
                ("f1", { $0.f1 }), ("precision", { $0.precision }), ("recall", { $0.recall }),
            ]
            compared += shares.map { name, share in
                OutcomeFigure(name, .sums(sums) { sums, _ in share(ClassCounts(sums: sums).average(.micro)) })
            }
        }
        compared.append(
            OutcomeFigure(
                "accuracy",
                .sums(tokenCounts) { sums, _ in sums[1] > 0 ? sums[0] / sums[1] : .nan }
            )
        )
        let right = zip(sentences, predictions).map { $0.tags == $1 }
        compared.append(OutcomeFigure("all_tags_right", .right(right)))
        return ExampleOutcomes(
            unit: scoring == .argumentSpans || scoring == .argumentHeads ? "predicates" : "sentences",
            examples: sentences.map { item in
                ExampleOutcomes.key(
                    ["\(item.input.predicate ?? -1)", "\(item.input.tokens.count)"] + item.input.tokens
                        + item.tags
                )
            },
            labels: labels,
            figures: compared
        )
    }

    /// The scores of each type of entity, of each role, or of each tag.
    func byType() throws -> [(name: String, score: ClassificationScore)] {
        if let found { return Array(zip(found.types, found.scores)) }
        return Array(zip(confusion?.tags ?? [], report?.scores ?? []))
    }

    private static func confusion(
        _ sentences: [TaggingItem],
        _ predictions: [[String]]
    ) -> (tags: [String], matrix: ConfusionMatrix) {
        let tags = Set(sentences.lazy.flatMap(\.tags)).union(predictions.joined()).sorted {
            $0.utf8.lexicographicallyPrecedes($1.utf8)
        }
        let numbers = Dictionary(uniqueKeysWithValues: tags.enumerated().map { ($1, $0) })
        let matrix = ConfusionMatrix(
            labels: sentences.flatMap(\.tags).map { numbers[$0] ?? 0 },
            predictions: predictions.joined().map { numbers[$0] ?? 0 },
            classCount: tags.count
        )
        return (tags, matrix)
    }

    private var report: ClassificationReport? {
        confusion.map { ClassificationReport($0.matrix, classes: Array($0.tags.indices)) }
    }

    /// Of each sentence or predicate: hits, predicted and labelled of each of some types, roles or tags.
    func typeStatistics(_ names: [String]) -> ExampleStatistics {
        if let found { return found.statistics(of: names) }
        let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, 3 * $0) })
        var counts = ExampleStatistics(width: 3 * max(names.count, 1))
        for (own, predicted) in zip(sentences.map(\.tags), predictions) {
            var row = [Double](repeating: 0, count: counts.width)
            for (tag, guess) in zip(own, predicted) {
                if let place = numbers[tag] {
                    row[place] += tag == guess ? 1 : 0
                    row[place + 2] += 1
                }
                if let place = numbers[guess] { row[place + 1] += 1 }
            }
            counts.append(row)
        }
        return counts
    }

    /// The interval of the macro-averaged F1 of tags, over sentences; in each draw over the tags that occur in it.
    private var macroInterval: ConfidenceInterval? {
        guard let tags = confusion?.tags, !tags.isEmpty else { return nil }
        let counts = typeStatistics(tags)
        let resamples = min(max(Self.mostOperations / max(counts.values.count, 1), 100), 2000)
        return bootstrapInterval(of: counts, resamples: resamples) { sums, _ in
            ClassCounts(sums: sums).occurring.average(.macro).f1
        }
    }

    /// The F1 of entities or arguments of some rows, or the accuracy.
    var rowsFigure: ([Int]) -> Double {
        let statistics = found.map { decisions($0) } ?? tokenCounts
        let isAccuracy = found == nil
        return { rows in
            var sums = [Double](repeating: 0, count: statistics.width)
            for row in rows {
                for column in sums.indices { sums[column] += statistics.values[row * sums.count + column] }
            }
            if isAccuracy { return sums[1] > 0 ? sums[0] / sums[1] : .nan }
            return ClassCounts(sums: sums).average(.micro).f1
        }
    }

    /// Sentences of like length and of a language, with the F1 of entities or arguments, or with the accuracy.
    var slices: EvaluationSlices {
        let slices =
            EvaluationSlices.byLength(sentences.map(\.tags.count), unit: "tokens")
            + EvaluationSlices.byLanguage(sentences.map { $0.input.tokens.joined(separator: " ") })
        return EvaluationSlices(slices, figure: found == nil ? "accuracy" : "f1", value: rowsFigure)
    }
}

/// An evaluation of a tagger for people: tables, and a page with the worst sentences.
struct TaggingReportPage {
    let figures: TaggingFigures
    /// The tags that the tagger knows.
    let labels: [String]
    let subject: EvaluationSubject
    /// What the reader should know.
    let notes: [String]

    private static let shownErrors = 40
    private static let shownTypes = 60
    /// The most tags of a picture of their confusion, and of a matrix in the evaluation file.
    private static let (shownTags, mostTags) = (30, 1000)

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
        if let (tags, matrix) = figures.confusion, tags.count <= Self.mostTags {
            let counts = matrix.counts
            details["tags"] = .array(tags.map { .string($0) })
            details["confusion_matrix"] = .array(
                tags.indices.map { row in
                    .array(tags.indices.map { .integer(counts[row * tags.count + $0]) })
                }
            )
        }
        let slices = figures.slices
        details["slices"] = slices.json
        var page = ReportPage(title: "Tagging", subtitle: subject.title)
        for note in notes { page.paragraph(note) }
        page.table(table)
        page.table(byType)
        page.bars(try figures.typeBars())
        if let confusionChart { page.matrix(confusionChart) }
        if let pairs = try figures.spanPairs() {
            page.paragraph(
                "Each span of the data is paired with the predicted one that it shares the most tokens with; the diagonal "
                    + "holds right \(kind)s, also of spans with other ends, which the figures count as wrong."
            )
            page.matrix(pairs.confusion(kind))
            page.bars(pairs.bars)
        }
        page.heading("Lengths")
        page.lines(figures.lengthChart(slices))
        page.table(slices.table())
        subject.curves.add(to: &page)
        page.heading("The worst sentences")
        page.paragraph(
            "Sentences with the most wrong tags; each word as it is tagged and, where that is wrong, as it should be."
        )
        page.table(errors)
        return TaskEvaluation(
            figures: all,
            details: details,
            plain: "\(table.plain)\n\n\(byType.title)\n\(byType.plain)",
            page: page,
            outcomes: { figures.outcomes(labels) }
        )
    }

    private var confusionChart: MatrixChart? {
        guard let (tags, matrix) = figures.confusion else { return nil }
        let (counts, frequencies) = (matrix.counts, matrix.labelWeights)
        let order = tags.indices.sorted { (frequencies[$1], $0) < (frequencies[$0], $1) }
        let shown = order.prefix(Self.shownTags).sorted()
        return MatrixChart(
            title: shown.count < tags.count ? "Confusion of the most frequent tags" : "Confusion",
            rowName: "tag",
            columnName: "prediction",
            names: shown.map { tags[$0] },
            counts: shown.flatMap { row in shown.map { counts[row * tags.count + $0] } }
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
