import Foundation

/// The program `yuyan` as it was built beside the tests, run as a process of its own.
public enum BuiltProgram {
    /// Its path: `YUYAN_PROGRAM` where that is set, else the folder of the test bundle; nil when it is not there.
    public static let path: String? = {
        if let path = ProcessInfo.processInfo.environment["YUYAN_PROGRAM"] { return path }
        let bundle = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
        let path = bundle.resolvingSymlinksInPath().deletingLastPathComponent().path + "/yuyan"
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }()

    /// What a skipped test says.
    public static let absence = "the program is not beside the tests; swift build -c release makes it"

    /// What a process that ended left.
    public struct Result: Sendable, CustomStringConvertible {
        /// The exit code; minus the signal's number when a signal ended it.
        public var code: Int32
        /// Standard output.
        public var output: String
        /// Standard error.
        public var errors: String

        /// Everything, for messages of tests.
        public var description: String { "exit \(code)\n\(output)\(errors)" }
    }

    /// A process that runs.
    public final class Running {
        private let process: Process
        private let files: (output: URL, errors: URL)

        init(_ arguments: [String], folder: String, environment: [String: String]) throws {
            guard let path else { throw ProgramError(description: absence) }
            process = Process()
            process.executableURL = URL(fileURLWithPath: path)
            process.arguments = arguments
            process.currentDirectoryURL = URL(fileURLWithPath: folder)
            let own = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("YUYAN_") }
            process.environment = own.merging(environment) { $1 }
            let scratch = FileManager.default.temporaryDirectory
            let name = UUID().uuidString
            files = (
                scratch.appendingPathComponent("\(name).out"), scratch.appendingPathComponent("\(name).err")
            )
            for file in [files.output, files.errors] {
                _ = FileManager.default.createFile(atPath: file.path, contents: nil)
            }
            process.standardOutput = try FileHandle(forWritingTo: files.output)
            process.standardError = try FileHandle(forWritingTo: files.errors)
            process.standardInput = FileHandle.nullDevice
            try process.run()
        }

        deinit {
            for file in [files.output, files.errors] { unlink(file.path) }
        }

        /// Whether it has not ended.
        public var isRunning: Bool { process.isRunning }

        /// What standard error holds so far.
        public var errorsSoFar: String { Self.text(files.errors) }

        /// Sends a signal.
        public func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

        /// Waits until standard error holds a text, or the process ends, or 100 seconds have passed.
        ///
        /// - Returns: Whether the text came.
        public func wait(forError text: String) -> Bool {
            for _ in 0..<20_000 {
                if errorsSoFar.contains(text) { return true }
                if !isRunning { return errorsSoFar.contains(text) }
                usleep(5_000)
            }
            return false
        }

        /// Waits for the end; after 200 seconds the process is killed.
        public func end() -> Result {
            let deadline = Date().addingTimeInterval(200)
            while process.isRunning {
                if Date() > deadline { send(SIGKILL) }
                usleep(5_000)
            }
            process.waitUntilExit()
            let isSignal = process.terminationReason == .uncaughtSignal
            return Result(
                code: isSignal ? -process.terminationStatus : process.terminationStatus,
                output: Self.text(files.output),
                errors: Self.text(files.errors)
            )
        }

        private static func text(_ file: URL) -> String {
            String(decoding: FileManager.default.contents(atPath: file.path) ?? Data(), as: UTF8.self)
        }
    }

    /// Starts the program.
    ///
    /// - Parameters:
    ///   - arguments: Its arguments.
    ///   - folder: Its working directory.
    ///   - environment: Variables set besides this process's own; `YUYAN_THREADS` is 1 when not among them.
    /// - Returns: The process.
    /// - Throws: When it cannot be started.
    public static func start(
        _ arguments: [String],
        in folder: String,
        environment: [String: String] = [:]
    ) throws -> Running {
        try Running(
            arguments,
            folder: folder,
            environment: ["YUYAN_THREADS": "1"].merging(environment) { $1 }
        )
    }

    /// Runs the program to its end; see ``start(_:in:environment:)``.
    ///
    /// - Returns: What it left.
    /// - Throws: When it cannot be started.
    public static func run(
        _ arguments: [String],
        in folder: String,
        environment: [String: String] = [:]
    ) throws -> Result {
        try start(arguments, in: folder, environment: environment).end()
    }
}

/// What keeps a test from running the program.
public struct ProgramError: Error, CustomStringConvertible, Sendable {
    /// What it is.
    public let description: String
}

/// A folder that is removed with the value that stands for it.
public final class ScratchFolder: Sendable {
    /// The path.
    public let path: String

    /// Makes an empty folder below the system's folder for temporary files.
    ///
    /// - Throws: When the disk refuses.
    public init() throws {
        path =
            FileManager.default.temporaryDirectory.appendingPathComponent("yuyan-test-\(UUID().uuidString)")
            .path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            print("\(path) could not be removed: \(error)")
        }
    }

    /// Writes a file of text.
    ///
    /// - Throws: When the disk refuses.
    public func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

    /// Writes a file of bytes.
    ///
    /// - Throws: When the disk refuses.
    public func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    /// The bytes of a file, nil when there is none.
    public func bytes(_ name: String) -> [UInt8]? {
        FileManager.default.contents(atPath: "\(path)/\(name)").map { Array($0) }
    }

    /// The text of a file, empty when there is none.
    public func text(_ name: String) -> String { String(decoding: bytes(name) ?? [], as: UTF8.self) }

    /// Whether a file or folder exists.
    public func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }

    /// The names of what lies in a folder, sorted; empty when there is none.
    public func names(_ folder: String = ".") -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)").sorted()
        } catch {
            return []
        }
    }
}

/// Random sentences of a small vocabulary, the same for the same seed: text that a small model can learn.
public func smallCorpus(documents: Int, seed: UInt64 = 1) -> [String] {
    let words = [
        "the", "swift", "flies", "over", "low", "hills", "while", "rain", "falls", "and", "rivers", "rise",
        "燕",
    ]
    var state = seed
    func next() -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33)
    }
    return (0..<documents).map { _ in
        (0..<(6 + next() % 9)).map { _ in words[next() % words.count] }.joined(separator: " ") + "."
    }
}
