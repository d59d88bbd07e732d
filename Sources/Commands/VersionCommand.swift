import ArgumentParser
import YuyanTasks
import YuyanTensors

/// The command `yuyan version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Prints the version, the kernels chosen for this processor and the number of threads."
    )

    func run() {
        print("yuyan \(YuyanCommand.version)")
        print(standardBackend.summary)
        let others = standardBackend.kernelChoices.joined(separator: ", ")
        print("available kernels: \(others)")
        print(
            "bf16 by default: \(standardBackend.prefersBF16 ? "yes" : "no, f32 is faster on this processor")"
        )
    }
}
