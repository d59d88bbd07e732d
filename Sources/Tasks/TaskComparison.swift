import YuyanFileFormats
import YuyanMetrics
import YuyanReports
import YuyanTraining

/// Two models of one task on the same examples: each figure's difference, and whether chance alone would give it.
public struct TaskComparison: Sendable {
    private let task: String
    private let folders: [String]
    private let unit: String
    private let count: Int
    private let figures: [FigureComparison]

    /// The tasks whose losses are told of hidden tokens and of all.
    private static let modelling: Set = ["language-modeling", "masked-language-modeling"]

    /// Says whether two models can be compared before either is judged.
    ///
    /// - Parameters:
    ///   - first: The first model's recipe.
    ///   - second: The second model's.
    /// - Throws: ``RecipeError`` when the tasks differ.
    public static func check(_ first: Recipe, _ second: Recipe) throws {
        guard first.task != second.task else { return }
        let reason =
            modelling.isSuperset(of: [first.task, second.task])
            ? "one tells hidden tokens from both sides, the other every token from those before it, which is not the "
                + "same quantity; compare each with a model of its own task" : "both must have the same task"
        throw RecipeError(
            "--against: \(first.training.outputDir) is a model of \(first.task), "
                + "\(second.training.outputDir) one of \(second.task); \(reason)"
        )
    }

    /// Compares two evaluations.
    ///
    /// - Parameters:
    ///   - first: The first model's evaluation, and its folder.
    ///   - second: The second model's.
    ///   - task: The task of both.
    /// - Throws: ``RecipeError`` when they were not judged on the same examples, by the same rules and with the same labels;
    ///   `CancellationError` after a stop signal.
    public init(
        _ first: (evaluation: TaskEvaluation, folder: String),
        _ second: (evaluation: TaskEvaluation, folder: String),
        task: String
    ) throws {
        guard let one = try first.evaluation.outcomes?(), let two = try second.evaluation.outcomes?() else {
            throw RecipeError("--against: \(task) gives no outcomes of examples to pair")
        }
        folders = [first.folder, second.folder]
        try Self.requireSame(one, two, folders)
        (self.task, unit, count) = (task, one.unit, one.examples.count)
        figures = try one.figures.compactMap { figure in
            guard StopSignal.received == nil else { throw CancellationError() }
            return try two.figures.first { $0.name == figure.name }.map { try FigureComparison(figure, $0) }
        }
        guard !figures.isEmpty else {
            throw RecipeError("--against: the models have no figure in common; set generation.metrics alike")
        }
    }

    private static func requireSame(
        _ one: ExampleOutcomes,
        _ two: ExampleOutcomes,
        _ folders: [String]
    ) throws {
        guard one.rules == two.rules else {
            throw RecipeError(
                "--against: \(folders[0]) is judged by \(one.rules), \(folders[1]) by \(two.rules)"
                    + (one.rulesAdvice.isEmpty ? "" : "; \(one.rulesAdvice)")
            )
        }
        let (own, other) = (Set(one.labels), Set(two.labels))
        guard own == other else {
            let only = [own.subtracting(other), other.subtracting(own)]
            let parts = zip(folders, only).filter { !$0.1.isEmpty }.map { folder, labels in
                let shown = labels.sorted().prefix(5).joined(separator: ", ")
                return "only \(folder) has \(shown)\(labels.count > 5 ? " and \(labels.count - 5) more" : "")"
            }
            throw RecipeError("--against: the models have different labels: \(parts.joined(separator: "; "))")
        }
        let advice = one.advice
        guard one.unit == two.unit else {
            throw RecipeError(
                "--against: \(folders[0]) was judged on \(one.unit), \(folders[1]) on \(two.unit); \(advice)"
            )
        }
        guard one.examples.count == two.examples.count else {
            throw RecipeError(
                "--against: \(folders[0]) was judged on \(one.examples.count) \(one.unit), \(folders[1]) on "
                    + "\(two.examples.count); \(advice)"
            )
        }
        // Texts are the same when their bytes are.
        let differing = zip(one.examples, two.examples).enumerated().first { pair in
            !pair.element.0.utf8.elementsEqual(pair.element.1.utf8)
        }
        if let place = differing?.offset {
            throw RecipeError(
                "--against: the models were judged on different \(one.unit), beginning with number \(place + 1); \(advice)"
            )
        }
    }

    // MARK: For programs and people

    /// The comparison as one JSON object.
    public var json: JSONObject {
        var object = JSONObject()
        object["task"] = .string(task)
        object["first"] = .string(folders[0])
        object["second"] = .string(folders[1])
        object["examples"] = .integer(count)
        var members = JSONObject()
        for figure in figures {
            var member = JSONObject()
            func number(_ key: String, _ value: Double) {
                member[key] = value.isFinite ? .number(value) : .null
            }
            number("first", figure.first)
            number("second", figure.second)
            number("difference", figure.first - figure.second)
            let (low, high) = (figure.difference.low, figure.difference.high)
            member["difference_interval"] =
                low.isFinite && high.isFinite ? [.number(low), .number(high)] : .null
            number("p_value", figure.pValue)
            member["test"] = .string(figure.test.rawValue)
            if let tally = figure.tally {
                member["right"] = [
                    "both": .integer(tally.both), "only_first": .integer(tally.onlyFirst),
                    "only_second": .integer(tally.onlySecond), "neither": .integer(tally.neither),
                ]
            }
            members.append(figure.name, .object(member))
        }
        object["figures"] = .object(members)
        return object
    }

    private var differences: ReportTable {
        var table = ReportTable(columns: ["figure", "A", "B", "A − B", "95 % interval", "p"])
        for figure in figures {
            let (low, high) = (figure.difference.low, figure.difference.high)
            table.row([
                .text(figure.name), .number(ReportTable.decimals(figure.first)),
                .number(ReportTable.decimals(figure.second)),
                .number(ReportTable.decimals(figure.first - figure.second)),
                .number(
                    low.isFinite && high.isFinite
                        ? "\(ReportTable.decimals(low)) … \(ReportTable.decimals(high))" : "–"
                ), .number(ReportTable.decimals(figure.pValue)),
            ])
        }
        return table
    }

    private var tallies: ReportTable {
        var table = ReportTable(
            title: "How many \(unit) are right",
            columns: ["figure", "both", "only A", "only B", "neither"]
        )
        for figure in figures {
            guard let tally = figure.tally else { continue }
            let counts = [tally.both, tally.onlyFirst, tally.onlySecond, tally.neither]
            table.row([.text(figure.name)] + counts.map { .number("\($0)") })
        }
        return table
    }

    /// Tables for the terminal.
    public var plain: String {
        var parts = ["A  \(folders[0])\nB  \(folders[1])\n\(count) \(unit)", differences.plain]
        if !tallies.rows.isEmpty { parts.append("\(tallies.title)\n\(tallies.plain)") }
        return parts.joined(separator: "\n\n")
    }

    /// The comparison as a page.
    public var page: ReportPage {
        var page = ReportPage(title: "Two models compared", subtitle: "\(task) on \(count) \(unit)")
        page.facts([("A", folders[0]), ("B", folders[1])])
        page.table(differences)
        page.paragraph(
            "Intervals are from a bootstrap that draws the same examples for both models. p is how likely so large a "
                + "difference is, were the models alike: by McNemar's exact test where answers are right or wrong, else by "
                + "exchanging the models' outcomes at random. Each figure is tested by itself."
        )
        page.table(tallies)
        for figure in figures {
            let name = figure.name.replacing("_", with: " ")
            page.scatter(
                ScatterChart(
                    title: "The \(unit) by \(name) of both models",
                    xName: "\(name), A",
                    yName: "\(name), B",
                    points: figure.points,
                    hasDiagonal: true
                )
            )
        }
        return page
    }
}
