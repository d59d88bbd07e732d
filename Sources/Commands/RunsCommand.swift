import ArgumentParser
import Foundation
import YuyanFileFormats
import YuyanTraining

/// The command `yuyan runs`.
struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "Lists, shows and compares the runs of this folder.",
        subcommands: [ListRuns.self, ShowRun.self, CompareRuns.self],
        defaultSubcommand: ListRuns.self
    )
}

/// The command `yuyan runs list`.
struct ListRuns: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists all runs, the newest first."
    )

    @Flag(help: "Print one JSON object per run.")
    var json = false

    func run() throws {
        let runs = try RunRegistry(folder: ".").runs()
        if json {
            for run in runs { print(run.json.printed(indent: nil)) }
            return
        }
        guard !runs.isEmpty else {
            print("no runs in this folder yet; `yuyan train RECIPE` makes one")
            return
        }
        let shown = runs.map { run in
            run.mainFigure.map { "\($0.shownName) \(Console.fixed($0.value, 4))" } ?? "–"
        }
        let width = (shown.map(\.count) + ["figure".count]).reduce(0, max) + 2
        print(
            "run   begun             status         step  "
                + "figure".padding(toLength: width, withPad: " ", startingAt: 0) + "output"
        )
        for (run, figure) in zip(runs, shown) {
            print(
                "\(run.id ?? 0)".padding(toLength: 6, withPad: " ", startingAt: 0)
                    + run.begun.padding(toLength: 18, withPad: " ", startingAt: 0)
                    + run.status.padding(toLength: 15, withPad: " ", startingAt: 0)
                    + "\(run.step)".padding(toLength: 6, withPad: " ", startingAt: 0)
                    + figure.padding(toLength: width, withPad: " ", startingAt: 0) + run.outputDir
            )
        }
    }
}

/// The command `yuyan runs show`.
struct ShowRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows one run: recipe, figures, curve."
    )

    @Argument(help: "The run's number.")
    var number: Int64

    func run() throws {
        let registry = try RunRegistry(folder: ".")
        let record = try registry.run(number)
        print("run \(number): \(record.task), \(record.status), \(record.step) steps, begun \(record.begun)")
        print("output   \(record.outputDir)\nmachine  \(record.machine)\nversion  \(record.version)")
        print("data     \(record.dataFingerprint)\n")
        for (key, value) in record.figures.sorted(by: { $0.key < $1.key }) { print("\(key)  \(value)") }
        let curve = try registry.values(run: number, key: "eval_loss")
        if !curve.isEmpty { print("\nstep   eval_loss") }
        for point in curve {
            print(
                "\(point.step)".padding(toLength: 7, withPad: " ", startingAt: 0)
                    + Console.fixed(point.value, 4)
            )
        }
        print("\nrecipe\n\(try JSONValue(parsing: record.recipe).printed())")
    }
}

/// The command `yuyan runs compare`.
struct CompareRuns: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Puts runs side by side: what differs in their recipes, and their figures."
    )

    @Argument(help: "The runs' numbers, two or more.")
    var runs: [Int64]

    func validate() throws {
        guard runs.count >= 2 else { throw ValidationError("give the numbers of two runs or more") }
    }

    func run() throws {
        let registry = try RunRegistry(folder: ".")
        let records = try runs.map { try registry.run($0) }
        let recipes = try records.map { Self.flattened(try JSONValue(parsing: $0.recipe), prefix: "") }
        let keys = Set(recipes.flatMap(\.keys)).sorted()
        Self.row("", runs.map { "run \($0)" })
        for key in keys where Set(recipes.map { $0[key] ?? "–" }).count > 1 {
            Self.row(key, recipes.map { $0[key] ?? "–" })
        }
        if Set(records.map(\.dataFingerprint)).count > 1 {
            Self.row("data", records.map { String($0.dataFingerprint.prefix(12)) })
        }
        let figures = records.map(\.figures)
        for key in Set(figures.flatMap(\.keys)).sorted() {
            Self.row(key, figures.map { $0[key].map { Console.fixed($0, 5) } ?? "–" })
        }
        Self.row("status", records.map(\.status))
    }

    private static func row(_ name: String, _ cells: [String]) {
        print(
            name.padding(toLength: 40, withPad: " ", startingAt: 0)
                + cells.map { $0.padding(toLength: max(18, $0.count + 1), withPad: " ", startingAt: 0) }
                .joined()
        )
    }

    private static func flattened(_ value: JSONValue, prefix: String) -> [String: String] {
        guard let object = value.objectValue else {
            return [prefix: value.stringValue ?? value.printed(indent: nil)]
        }
        return object.reduce(into: [:]) { result, member in
            let key = prefix.isEmpty ? member.key : "\(prefix).\(member.key)"
            result.merge(flattened(member.value, prefix: key)) { first, _ in first }
        }
    }
}

extension RunRegistry.Run {
    /// The figures at the end.
    fileprivate var figures: [String: Double] {
        guard let object = (try? JSONValue(parsing: metrics))?.objectValue else { return [:] }
        return object.reduce(into: [:]) { $0[$1.key] = $1.value.numberValue }
    }

    /// The figure that tells most about the run.
    fileprivate var mainFigure: MainFigure? {
        MainFigure(of: figures, chosen: chosenFigure)
    }

    /// The figure that chose the run's best model.
    private var chosenFigure: String? {
        (try? JSONValue(parsing: recipe))?["training"]?["metric_for_best_model"]?.stringValue
    }

    /// When the run began, in local time.
    fileprivate var begun: String {
        let formatter = DateFormatter()
        formatter.dateFormat = "yyyy-MM-dd HH:mm"
        return formatter.string(from: Date(timeIntervalSince1970: started))
    }

    fileprivate var json: JSONValue {
        var object = JSONObject()
        object["run"] = .integer(Int(id ?? 0))
        object["started"] = .number(started)
        object["status"] = .string(status)
        object["task"] = .string(task)
        object["output_dir"] = .string(outputDir)
        object["step"] = .integer(step)
        if let name = mainFigure?.name { object["main_figure"] = .string(name) }
        for (key, value) in figures.sorted(by: { $0.key < $1.key }) { object[key] = .number(value) }
        return .object(object)
    }
}

/// The one figure that a list shows of a run.
struct MainFigure: Equatable {
    /// Its name, as the run's record has it.
    let name: String
    /// Its value.
    let value: Double

    private static let prefix = "eval_"

    /// Chooses a figure: of language models bits per byte, which no tokenizer changes, else the one that chose the best
    /// model; without that the loss.
    ///
    /// - Parameters:
    ///   - figures: The run's figures by name.
    ///   - chosen: The name of the figure that chose the best model, with `eval_` or without.
    init?(of figures: [String: Double], chosen: String?) {
        let wanted = ["bits_per_byte"] + (chosen.map { [$0] } ?? []) + ["loss"]
        for name in wanted {
            let name = name.hasPrefix(Self.prefix) ? name : Self.prefix + name
            guard let value = figures[name] else { continue }
            (self.name, self.value) = (name, value)
            return
        }
        return nil
    }

    /// The name as people read it.
    var shownName: String { String(name.dropFirst(Self.prefix.count)) }
}
