import Foundation

/// A process that works for the driver: ours or a peer's.
final class Side {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var pending = Data()
    private let name: String

    /// Starts a process that speaks as ``Worker`` does.
    init(name: String, executable: String, arguments: [String], environment: [String: String]) throws {
        self.name = name
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = input
        process.standardOutput = output
        do { try process.run() } catch {
            throw BenchError("\(executable) cannot be started: \(error.localizedDescription)")
        }
    }

    deinit { stop() }

    /// Ends the process.
    func stop() {
        guard process.isRunning else { return }
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Prepares a benchmark; false, with the reason printed, when the process cannot.
    func prepare(_ specification: String) throws -> Bool {
        let answer = try ask("prepare \(specification)")
        if answer == "ok" { return true }
        note("\(name): \(specification): \(answer)")
        return false
    }

    /// The median time of a run, in seconds.
    func measure(seconds: Double) throws -> Double {
        let answer = try ask("measure \(seconds)")
        guard let time = Double(answer), time > 0 else { throw BenchError("\(name) answered: \(answer)") }
        return time
    }

    /// The most memory the process has had in use, in bytes.
    func memory() throws -> Double {
        let answer = try ask("memory")
        guard let bytes = Double(answer) else { throw BenchError("\(name) answered: \(answer)") }
        return bytes
    }

    private func ask(_ line: String) throws -> String {
        try input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
        while true {
            if let end = pending.firstIndex(of: 10) {
                let answer = String(decoding: pending[pending.startIndex..<end], as: UTF8.self)
                pending = Data(pending[(end + 1)...])
                return answer
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw BenchError("\(name) ended while asked: \(line)") }
            pending.append(more)
        }
    }
}

/// Prints a line beside the results.
func note(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}
