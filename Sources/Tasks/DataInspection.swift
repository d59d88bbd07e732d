import YuyanDatasets
import YuyanFileFormats
import YuyanReports
import YuyanTextProcessing

/// A kind of examples that rows of data are read as.
public enum DataKind: String, Sendable, CaseIterable {
    /// Text alone.
    case text
    /// A text, or two, with labels.
    case classification = "text-classification"
    /// Tokens with a tag each.
    case tagging = "token-classification"
    /// Tokens with the roles they play for predicates.
    case semanticRoles = "semantic-roles"
    /// Questions whose answers stand in a text.
    case questionAnswering = "question-answering"
    /// Two texts that belong together, such as a translation.
    case pairs
    /// Two texts with what is known of their likeness.
    case similarity = "text-embedding"
    /// Conversations and instructions.
    case conversation
    /// Conversations with judged answers.
    case preference

    /// Reads files as examples of this kind.
    ///
    /// - Parameters:
    ///   - paths: The files, read one after another.
    ///   - settings: How to read them.
    ///   - body: Takes every example.
    /// - Returns: The rows read and left out.
    /// - Throws: `FileFormatError` that names file and place; what `body` throws.
    public func forEach(
        _ paths: [String],
        settings: DataSettings,
        _ body: (any DatasetExample) throws -> Void
    ) throws -> ReadingReport {
        func read<Example: DatasetExample>(_ type: Example.Type) throws -> ReadingReport {
            let reader = try ExampleReader<Example>(paths, settings: settings)
            while let example = try reader.next() { try body(example) }
            return reader.report
        }
        return switch self {
        case .text: try read(TextExample.self)
        case .classification: try read(ClassificationExample.self)
        case .tagging: try read(TaggingExample.self)
        case .semanticRoles: try read(SemanticRoleExample.self)
        case .questionAnswering: try read(QuestionAnsweringExample.self)
        case .pairs: try read(PairExample.self)
        case .similarity: try read(SimilarityExample.self)
        case .conversation: try read(ConversationExample.self)
        case .preference: try read(PreferenceExample.self)
        }
    }
}

/// What data files hold, for people: rows, labels, lengths, languages, repeated texts, malformed rows.
public struct DataInspection: Sendable {
    /// The counts.
    public let summary: DatasetSummary
    /// How many examples are in each language, the most frequent first.
    public let languages: [(language: String, count: Int)]
    /// The rows read and left out.
    public let reading: ReadingReport

    /// Reads files and looks at every example.
    ///
    /// - Parameters:
    ///   - paths: The files.
    ///   - kind: What the rows are.
    ///   - settings: How to read them.
    ///   - progress: Told the number of examples now and then; false stops with `CancellationError`.
    /// - Throws: `FileFormatError` that names file and place.
    public init(
        _ paths: [String],
        as kind: DataKind,
        settings: DataSettings,
        progress: (Int) -> Bool = { _ in true }
    ) throws {
        var summary = DatasetSummary(fingerprint: try DatasetFingerprint(paths, settings: settings))
        var counts: [String: Int] = [:]
        var seen = 0
        reading = try kind.forEach(paths, settings: settings) { example in
            seen += 1
            if seen % 1000 == 0, !progress(seen) { throw CancellationError() }
            summary.add(example)
            let text = example.texts.joined(separator: "\n")
            counts[LanguageIdentifier.shared.identify(text).language, default: 0] += 1
        }
        self.summary = summary
        languages = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
    }

    /// The inspection as JSON.
    public var json: JSONValue {
        var object = summary.json.objectValue ?? JSONObject()
        object["reading"] = reading.json
        var members = JSONObject()
        for (language, count) in languages { members[language] = .integer(count) }
        object["languages"] = .object(members)
        return .object(object)
    }

    /// The inspection for a terminal.
    public var plain: String {
        [overview, labels, lengths, languageTable, problems].filter { !$0.rows.isEmpty }
            .map { "\($0.title)\n\($0.plain)" }.joined(separator: "\n\n")
    }

    /// The inspection as a page with pictures.
    public var page: ReportPage {
        var page = ReportPage(title: "Data", subtitle: summary.fingerprint?.sha256 ?? "")
        page.table(overview)
        page.bars(
            BarChart(
                title: "Labels",
                bars: labelCounts.map { BarChart.Bar($0.label, Double($0.count), label: "\($0.count)") }
            )
        )
        page.table(lengths)
        page.bars(
            BarChart(
                title: "Languages",
                bars: languages.map { BarChart.Bar($0.language, Double($0.count), label: "\($0.count)") }
            )
        )
        page.table(problems)
        return page
    }

    private static let shownLabels = 50

    private var labelCounts: [(label: String, count: Int)] {
        let vocabulary = summary.vocabulary
        return zip(vocabulary.labels, vocabulary.counts).prefix(Self.shownLabels).map { ($0, $1) }
    }

    private var overview: ReportTable {
        var table = ReportTable(title: "Examples", columns: ["what", "count"])
        let rows = [
            ("examples", reading.recordCount), ("malformed rows left out", reading.malformedCount),
            ("without text", summary.emptyCount), ("text occurred before", summary.duplicateCount),
            ("text occurred before with other labels", summary.conflictCount),
            ("labels", summary.vocabulary.count),
        ]
        for (name, count) in rows { table.row([.text(name), .number("\(count)")]) }
        return table
    }

    private var labels: ReportTable {
        var table = ReportTable(title: "Labels", columns: ["label", "count", "share"])
        let total = max(summary.vocabulary.balance.total, 1)
        for (label, count) in labelCounts {
            let share = (Double(count) / Double(total) * 1000).rounded() / 10
            table.row([.text(label), .number("\(count)"), .number("\(share) %")])
        }
        let rest = summary.vocabulary.count - labelCounts.count
        if rest > 0 { table.row([.text("and \(rest) more"), .number(""), .number("")]) }
        return table
    }

    private var lengths: ReportTable {
        var table = ReportTable(
            title: "Lengths",
            columns: ["unit", "least", "median", "mean", "95 %", "99 %", "most"]
        )
        for (name, lengths) in [("bytes", summary.byteLengths), ("characters", summary.scalarLengths)]
        where lengths.count > 0 {
            let mean = (lengths.mean * 10).rounded() / 10
            table.row([
                .text(name), .number("\(lengths.minimum)"), .number("\(lengths.percentile(0.5))"),
                .number("\(mean)"), .number("\(lengths.percentile(0.95))"),
                .number("\(lengths.percentile(0.99))"), .number("\(lengths.maximum)"),
            ])
        }
        return table
    }

    private var languageTable: ReportTable {
        var table = ReportTable(title: "Languages", columns: ["language", "examples"])
        for (language, count) in languages.prefix(20) { table.row([.text(language), .number("\(count)")]) }
        return table
    }

    private var problems: ReportTable {
        var table = ReportTable(title: "Malformed rows", columns: ["place and reason"])
        for error in reading.errors { table.row([.text("\(error)")]) }
        return table
    }
}

/// Which test examples stand in training data, and which training rows hold them.
public struct DataOverlap: Sendable {
    /// What was found; examples are named by their number, counted from 1.
    public let report: ContaminationReport<Int>

    /// Compares the texts of training and test files.
    ///
    /// - Parameters:
    ///   - training: The files to learn from.
    ///   - test: The files to judge by.
    ///   - kind: What the rows are.
    ///   - settings: How to read them.
    ///   - checks: How to look.
    /// - Throws: `FileFormatError` that names file and place.
    public init(
        training: [String],
        test: [String],
        as kind: DataKind,
        settings: DataSettings,
        checks: ContaminationSettings = ContaminationSettings()
    ) throws {
        func texts(_ paths: [String]) throws -> [(Int, String)] {
            var texts: [(Int, String)] = []
            _ = try kind.forEach(paths, settings: settings) { example in
                texts.append((texts.count + 1, example.texts.joined(separator: "\n")))
            }
            return texts
        }
        report = ContaminationChecker.report(
            test: try texts(test),
            training: try texts(training),
            settings: checks
        )
    }

    /// The counts and the first findings for a terminal.
    public var plain: String {
        "\(counts.plain)\n\n\(findings(limit: 20).plain)"
    }

    /// The findings as JSON; examples are numbered from 1 in the order of the files.
    public var json: JSONValue {
        [
            "test": .integer(report.findings.count), "training": .integer(report.trainingCount),
            "equal": .integer(report.equalCount), "normalized": .integer(report.normalizedCount),
            "near": .integer(report.nearCount), "overlap": .integer(report.overlapCount),
            "contaminated": .array(
                report.contaminated.map { finding in
                    [
                        "test_example": .integer(finding.item),
                        "equal": .array(finding.equal.map { .integer($0) }),
                        "normalized": .array(finding.normalized.map { .integer($0) }),
                        "near": .array(finding.near.map { .integer($0.id) }),
                        "overlap": .number(finding.overlap), "passage": .string(finding.passage),
                    ]
                }
            ),
            "contaminated_training": .array(report.contaminatedTraining.map { .integer($0) }),
        ]
    }

    private var counts: ReportTable {
        var table = ReportTable(columns: ["test examples that …", "count", "of"])
        let rows = [
            ("stand in the training data", report.equalCount),
            ("stand there but for case, spaces and punctuation", report.normalizedCount),
            ("are nearly there", report.nearCount),
            ("share most of their word or character sequences", report.overlapCount),
            ("in all, for any of these reasons", report.contaminated.count),
        ]
        for (name, count) in rows {
            table.row([.text(name), .number("\(count)"), .number("\(report.findings.count)")])
        }
        table.row([
            "training examples to leave out", .number("\(report.contaminatedTraining.count)"),
            .number("\(report.trainingCount)"),
        ])
        return table
    }

    private func findings(limit: Int) -> ReportTable {
        var table = ReportTable(columns: ["test example", "training examples", "shared"])
        for finding in report.contaminated.prefix(limit) {
            let found = finding.equal + finding.normalized + finding.near.map(\.id)
            let places = found.isEmpty ? finding.passageSource.map { [$0] } ?? [] : found
            let passage = String(String.UnicodeScalarView(finding.passage.unicodeScalars.prefix(60)))
            table.row([
                .number("\(finding.item)"), .text(places.map(String.init).joined(separator: " ")),
                .text(passage.onOneLine),
            ])
        }
        return table
    }
}
