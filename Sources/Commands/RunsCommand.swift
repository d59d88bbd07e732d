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
        print("run   begun             status         step  bits/byte   output")
        for run in runs {
            let figure = run.figures["eval_bits_per_byte"].map { Console.fixed($0, 4) } ?? "–"
            print(
                "\(run.id ?? 0)".padding(toLength: 6, withPad: " ", startingAt: 0)
                    + run.begun.padding(toLength: 18, withPad: " ", startingAt: 0)
                    + run.status.padding(toLength: 15, withPad: " ", startingAt: 0)
                    + "\(run.step)".padding(toLength: 6, withPad: " ", startingAt: 0)
                    + figure.padding(toLength: 12, withPad: " ", startingAt: 0) + run.outputDir
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
        for (key, value) in figures.sorted(by: { $0.key < $1.key }) { object[key] = .number(value) }
        return .object(object)
    }
}
