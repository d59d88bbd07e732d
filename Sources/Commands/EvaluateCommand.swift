import ArgumentParser
import Foundation
import YuyanFileFormats
import YuyanTasks
import YuyanTraining

/// The command `yuyan evaluate`.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Judges a trained model by the figures of its task.",
        discussion: """
            Language models: loss, perplexity and bits per byte. Classifiers: accuracy, F1 and more with intervals; \
            evaluation.json and, with pictures and the worst errors, evaluation.html are written into the model's \
            folder, or where --output says.
            """
    )

    @Argument(help: "The folder of a trained model.")
    var folder: String

    @Option(
        help:
            "The data to judge by (files separated by commas); the run's own validation data when not given."
    )
    var data: String?

    @OptionGroup var reading: DataSettingOptions

    @Option(name: [.short, .long], help: "The folder for evaluation.json and evaluation.html.")
    var output: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        StopSignal.install()
        let console = Console()
        let recipe = try Recipe(modelFolder: folder, overrides: reading.generation)
        let task = try TaskCatalog.run(recipe, registryFolder: nil, version: YuyanCommand.version)
        let source = EvaluationData(path: data, settings: try reading.object())
        let evaluation = try task.evaluate(folder: folder, data: source, report: RunPrinter(console).show)
        if let page = evaluation.page {
            let place = output ?? folder
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            try evaluation.document.write(to: "\(place)/evaluation.json")
            try SafeFile.write(text: page.html, to: "\(place)/evaluation.html")
            if !json { console.note("pictures and the worst errors are in \(place)/evaluation.html") }
        }
        print(json ? JSONValue.object(evaluation.json).printed(indent: nil) : evaluation.plain)
    }
}
