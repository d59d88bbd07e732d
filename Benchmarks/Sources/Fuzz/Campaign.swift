import Foundation
import YuyanFuzzing

/// Feeds a target with many cases in worker processes; a case that ends its worker is written down and made smaller.
struct Campaign {
    let target: FuzzTarget
    let options: Options
    private let scratch: String
    private let progress: Progress
    private(set) var findings = 0

    init(target: FuzzTarget, options: Options) throws {
        (self.target, self.options) = (target, options)
        let memory = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        scratch = "\(memory)/yuyan-fuzz-\(getpid())-\(target.name)"
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        progress = try Progress(path: "\(scratch)/progress")
    }

    /// Runs all cases and says what came of them.
    mutating func run() throws {
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        progress.reset()
        let start = Date()
        var next = options.first
        let end = options.first + options.cases
        while next < end, findings < options.maximumFindings {
            progress[.number] = next
            let ending = try work(next..<end)
            if ending == .exit(0) { break }
            let number = progress[.number]
            findings += 1
            try writeDown(number, ending)
            next = number + 1
        }
        let seconds = Date().timeIntervalSince(start)
        let count = progress[.read] + progress[.refused]
        print(
            "\(target.name): \(count) cases in \(Int(seconds)) s (\(Int(Double(count) / max(seconds, 0.001)))/s), "
                + "\(progress[.read]) read, \(progress[.refused]) refused; slowest "
                + "\(Double(progress[.slowest] / 1000) / 1000) ms (case \(progress[.slowestCase])); peak "
                + "\(progress[.peak] >> 20) MiB, largest growth by a case \(progress[.growth] >> 10) KiB (case "
                + "\(progress[.growthCase])); \(findings) findings"
        )
        fflush(nil)
    }

    /// How a worker ended.
    enum Ending: Equatable, CustomStringConvertible {
        case exit(Int32)
        case signal(Int32)
        case hang

        var description: String {
            switch self {
            case .exit(Worker.findingStatus): "broken promise"
            case .exit(let status): "exit \(status)"
            case .signal(SIGPROF): "too slow"
            case .signal(let number): "signal \(number) (\(String(cString: strsignal(number))))"
            case .hang: "no progress"
            }
        }
    }

    private func work(_ cases: Range<UInt64>) throws -> Ending {
        let process = try start([
            "worker", "--from", "\(cases.lowerBound)", "--to", "\(cases.upperBound)", "--progress",
            "\(scratch)/progress",
        ])
        // A case that sleeps uses no time of the processor; it is given ten times its seconds on the wall.
        var (last, since) = (progress[.number], Date())
        while process.isRunning {
            usleep(20_000)
            if progress[.number] != last {
                (last, since) = (progress[.number], Date())
            } else if Date().timeIntervalSince(since) > Double(60 + 10 * options.limit) {
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
                return .hang
            }
        }
        process.waitUntilExit()
        return Self.ending(process)
    }

    private func start(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments =
            arguments + [
                "--target", target.name, "--seed", "\(options.seed)", "--limit", "\(options.limit)",
                "--memory",
                "\(options.memory)", "--growth", "\(options.growth)", "--fixtures", options.fixtures,
                "--folder", "\(scratch)/files",
            ]
        process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) {
            $1
        }
        try FileManager.default.createDirectory(atPath: "\(scratch)/files", withIntermediateDirectories: true)
        _ = FileManager.default.createFile(atPath: "\(scratch)/errors", contents: nil)
        process.standardError = FileHandle(forWritingAtPath: "\(scratch)/errors")
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return process
    }

    private static func ending(_ process: Process) -> Ending {
        process.terminationReason == .uncaughtSignal
            ? .signal(process.terminationStatus) : .exit(process.terminationStatus)
    }

    private func writeDown(_ number: UInt64, _ ending: Ending) throws {
        try FileManager.default.createDirectory(atPath: options.findings, withIntermediateDirectories: true)
        let base = "\(options.findings)/\(target.name)-\(options.seed)-\(number)"
        let words = try String(contentsOfFile: "\(scratch)/errors", encoding: .utf8).prefix(400)
        let input = target.input(of: number, seed: options.seed)
        try Data(input).write(to: URL(fileURLWithPath: base))
        print("FINDING \(target.name), seed \(options.seed), case \(number): \(ending). \(words)")
        let small = try minimized(input, number, ending)
        try Data(small).write(to: URL(fileURLWithPath: "\(base).small"))
        print("    \(base) (\(input.count) bytes), \(base).small (\(small.count) bytes)")
        fflush(nil)
    }

    /// The input without the parts that are not needed for the same ending (Zeller, Hildebrandt: Simplifying and
    /// isolating failure-inducing input, 2002).
    private func minimized(_ input: [UInt8], _ number: UInt64, _ ending: Ending) throws -> [UInt8] {
        guard try replay(input, number) == ending else { return input }
        var best = input
        var runs = 0
        var size = max(best.count / 2, 1)
        let deadline = Date().addingTimeInterval(60)
        while size >= 1, !best.isEmpty {
            var place = 0
            var isSmaller = false
            while place < best.count {
                guard runs < 400, Date() < deadline else { return best }
                runs += 1
                let without = Array(best[..<place] + best[min(place + size, best.count)...])
                if try replay(without, number) == ending {
                    (best, isSmaller) = (without, true)
                } else {
                    place += size
                }
            }
            if size == 1, !isSmaller { break }
            size = max(isSmaller ? min(size, best.count) : size / 2, 1)
        }
        return best
    }

    private func replay(_ input: [UInt8], _ number: UInt64) throws -> Ending {
        let path = "\(scratch)/input"
        try Data(input).write(to: URL(fileURLWithPath: path))
        let process = try start(["replay", "--case", "\(number)", "--input", path])
        process.waitUntilExit()
        return Self.ending(process)
    }
}
