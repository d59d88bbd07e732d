import ArgumentParser
import Foundation
import YuyanTasks
import YuyanTensors
import YuyanTraining

/// The program `yuyan`.
public struct YuyanCommand: ParsableCommand {
    /// The program's version.
    public static let version = "0.1.0"

    /// Name, help and subcommands.
    public static let configuration = CommandConfiguration(
        commandName: "yuyan",
        abstract: "Trains language models from your own text, and says what the choices are worth.",
        discussion: """
            Begin with `yuyan quickstart`, which trains a small model on text that is already on this machine.
            `YUYAN_KERNELS` (scalar, avx2, avx512, avx512-bf16, amx) and `YUYAN_THREADS` choose kernels and threads.
            """,
        version: version,
        subcommands: [
            QuickstartCommand.self, PrepareCommand.self, TrainCommand.self, EvaluateCommand.self,
            ExplainCommand.self,
            PredictCommand.self, GenerateCommand.self, TokenizerCommand.self, DataCommand.self,
            WordsCommand.self, VectorsCommand.self, SearchCommand.self, RunsCommand.self,
            VersionCommand.self,
        ]
    )

    /// Makes the command.
    public init() {}

    /// Runs the program with the process's arguments and ends the process: 0 on success, 1 on failure, 2 on wrong
    /// usage, 130 and 143 when a signal stopped it.
    public static func runAndExit() -> Never {
        if let problem = standardBackend.environmentError { fail(problem, code: 2) }
        let command: any ParsableCommand
        do {
            command = try parseAsRoot()
        } catch {
            let code = exitCode(for: error)
            if code == .success { exit(withError: error) }
            fail(fullMessage(for: error), code: 2, prefix: "")
        }
        var runnable = command
        do {
            try runnable.run()
        } catch is ResumableStop {
            let signal = StopSignal.received ?? SIGTERM
            fail("stopped by signal \(signal); the same command goes on from here", code: 128 + signal)
        } catch is CancellationError {
            let signal = StopSignal.received ?? SIGTERM
            fail("stopped by signal \(signal); the same command begins again", code: 128 + signal)
        } catch let stop as Interrupted {
            Foundation.exit(128 + stop.signal)
        } catch let error as ExitCode {
            Foundation.exit(error.rawValue)
        } catch let error as RecipeError {
            fail("\(error)", code: 2)
        } catch let error as ValidationError {
            fail(error.message, code: 2)
        } catch {
            // --help, --version and `help` come as errors of their own.
            if exitCode(for: error) == .success { exit(withError: error) }
            fail("\(error)", code: 1)
        }
        Foundation.exit(0)
    }

    private static func fail(_ message: String, code: Int32, prefix: String = "yuyan: ") -> Never {
        FileHandle.standardError.write(Data("\(prefix)\(message)\n".utf8))
        Foundation.exit(code)
    }
}

/// A run that a signal stopped, of which what there is to say has been said.
struct Interrupted: Error {
    let signal: Int32
}
