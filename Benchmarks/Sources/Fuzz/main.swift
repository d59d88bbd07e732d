import Foundation
import YuyanFuzzing

let usage = """
    Fuzz list
    Fuzz run [--target NAME|all] [--cases N] [--seed N] [--from N] [--limit SECONDS] [--memory MIB] [--growth MIB]
             [--findings FOLDER]
    Fuzz replay --target NAME --case N [--seed N] [--input FILE]
    """

struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// What the command line says.
struct Options {
    var target = "all"
    var cases: UInt64 = 10_000
    var seed: UInt64 = 1
    var first: UInt64 = 0
    var end: UInt64 = 0
    var number: UInt64?
    /// Seconds of the processor for a case.
    var limit = 5
    /// MiB of address space for a worker.
    var memory = 4096
    /// MiB that a case may add to the memory held before it.
    var growth = 128
    var maximumFindings = 20
    var findings = "fuzz-findings"
    var fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "../../../Fixtures"
    ).standardizedFileURL.path
    var progress: String?
    var folder: String?
    var input: String?

    init(_ arguments: ArraySlice<String>) throws {
        var rest = arguments
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw Failure("\(name) needs a value\n\(usage)") }
            func number<Number: FixedWidthInteger>() throws -> Number {
                guard let number = Number(value) else {
                    throw Failure("\(name): \(value) is no whole number")
                }
                return number
            }
            switch name {
            case "--target": target = value
            case "--cases": cases = try number()
            case "--seed": seed = try number()
            case "--from": first = try number()
            case "--to": end = try number()
            case "--case": self.number = try number()
            case "--limit": limit = try number()
            case "--memory": memory = try number()
            case "--growth": growth = try number()
            case "--maximum-findings": maximumFindings = try number()
            case "--findings": findings = value
            case "--fixtures": fixtures = value
            case "--progress": progress = value
            case "--folder": folder = value
            case "--input": input = value
            default: throw Failure("there is no option \(name)\n\(usage)")
            }
        }
    }
}

func targets(_ options: Options) throws -> [FuzzTarget] {
    let all = try FuzzTargets.all(fixtures: options.fixtures) + [recipeTarget]
    if options.target == "all" { return all }
    guard let one = all.first(where: { $0.name == options.target }) else {
        throw Failure(
            "there is no target \(options.target); there are \(all.map(\.name).joined(separator: ", "))"
        )
    }
    return [one]
}

/// The worker of a process that runs one target.
func worker(_ options: Options) throws -> Worker {
    let all = try targets(options)
    guard all.count == 1 else { throw Failure("one --target is needed\n\(usage)") }
    let folder = options.folder ?? NSTemporaryDirectory() + "yuyan-fuzz-\(getpid())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return Worker(
        target: all[0],
        seed: options.seed,
        folder: folder,
        limit: options.limit,
        memory: options.memory << 20,
        growth: options.growth << 20
    )
}

func main() throws -> Int32 {
    guard let command = CommandLine.arguments.dropFirst().first else { throw Failure(usage) }
    let options = try Options(CommandLine.arguments.dropFirst(2))
    switch command {
    case "list":
        for target in try targets(options) { print("\(target.name): \(target.summary)") }
    case "run":
        var findings = 0
        for target in try targets(options) {
            var campaign = try Campaign(target: target, options: options)
            try campaign.run()
            findings += campaign.findings
        }
        return findings == 0 ? 0 : 1
    case "worker":
        guard let progress = options.progress else { throw Failure(usage) }
        try worker(options).run(options.first..<options.end, progress: Progress(path: progress))
    case "replay":
        guard let number = options.number else { throw Failure(usage) }
        let worker = try worker(options)
        let input =
            try options.input.map { [UInt8](try Data(contentsOf: URL(fileURLWithPath: $0))) }
            ?? worker.target.input(of: number, seed: options.seed)
        worker.replay(input, case: number)
    default: throw Failure(usage)
    }
    return 0
}

do {
    exit(try main())
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(2)
}
