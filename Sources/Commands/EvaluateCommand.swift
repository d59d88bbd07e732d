import ArgumentParser
import Foundation
import YuyanFileFormats
import YuyanTasks
import YuyanTraining

/// The command `yuyan evaluate`.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Judges a trained model: loss, perplexity and bits per byte."
    )

    @Argument(help: "The folder of a trained model.")
    var folder: String

    @Option(
        help: "A text file, JSONL file or folder to judge by; the run's own validation text when not given."
    )
    var data: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        StopSignal.install()
        let console = Console()
        let recipe = try Recipe(modelFolder: folder)
        let run = LanguageModelRun(recipe, registryFolder: nil, version: YuyanCommand.version)
        let corpus = try corpus(recipe, run)
        let figures = try run.evaluate(folder: folder, corpus: corpus) { done, total in
            console.status("evaluating: \(done) of \(total) batches")
        }
        if StopSignal.received != nil { throw CancellationError() }
        if json {
            var object = JSONObject()
            for (key, value) in figures.sorted(by: { $0.key < $1.key }) where value.isFinite {
                let isCount = key == "eval_tokens" || key == "eval_bytes"
                object[String(key.dropFirst("eval_".count))] = isCount ? .integer(Int(value)) : .number(value)
            }
            print(JSONValue.object(object).printed(indent: nil))
        } else {
            for (key, value) in figures.sorted(by: { $0.key < $1.key }) {
                print(
                    "\(key.dropFirst("eval_".count).padding(toLength: 16, withPad: " ", startingAt: 0)) \(value)"
                )
            }
        }
    }

    /// The run's own prepared text, or other text through the model's tokenizer, all of it to judge by.
    private func corpus(_ recipe: Recipe, _ run: LanguageModelRun) throws -> PreparedCorpus {
        guard let data else { return try CorpusStep.open(run.preparedFolder) }
        var other = recipe
        other.data.train = data
        other.data.sources = []
        other.data.validation = data
        // What must not be learned from is just what may be judged by.
        other.data.excludeTextsOf = ""
        other.tokenizer.path = folder
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(
            "yuyan-evaluate-\(getpid())"
        ).path
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        return try CorpusStep.run(other, folder: scratch, report: { _ in }, isCancelled: { false })
    }
}
