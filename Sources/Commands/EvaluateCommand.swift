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
            Language models: loss, perplexity and bits per byte; classifiers: accuracy, F1 and more, all with intervals. \
            evaluation.json and, with pictures and the worst errors, evaluation.html are written into the model's \
            folder, or where --output says. --set takes keys of the recipe's section data, with or without the prefix \
            data.: how rows are read, and unknown_labels or answer_standard.

            With --against, two models of the same task are judged on the same examples: both values of each figure, \
            their difference with its interval from a paired bootstrap, and how likely chance alone gives so large a \
            one. Language models are compared by the bits per byte of the documents of one text, whatever their \
            tokenizers. comparison.json and comparison.html are written as well.
            """
    )

    @Argument(help: "The folder of a trained model.")
    var folder: String

    @Option(
        help:
            "The data to judge by (files separated by commas); the run's own validation data when not given."
    )
    var data: String?

    @Option(help: "The folder of another model of the same task, to compare with on the same examples.")
    var against: String?

    @OptionGroup var reading: DataSettingOptions

    @Option(name: [.short, .long], help: "The folder for evaluation.json and evaluation.html.")
    var output: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        StopSignal.install()
        let console = Console()
        let recipe = try Recipe(modelFolder: folder, overrides: reading.generation)
        let other = try against.map { folder in
            (folder: folder, recipe: try Recipe(modelFolder: folder, overrides: reading.generation))
        }
        if let other { try TaskComparison.check(recipe, other.recipe) }
        let place = output ?? folder
        try SafeFile.makeFolder(place)
        let evaluation = try evaluate(recipe, folder, console)
        if other == nil {
            print(json ? JSONValue.object(evaluation.json).printed(indent: nil) : evaluation.plain)
        }
        try evaluation.document.write(to: "\(place)/evaluation.json")
        if let page = evaluation.page {
            try SafeFile.write(text: page.html, to: "\(place)/evaluation.html")
            if !json { console.note("pictures and the worst errors are in \(place)/evaluation.html") }
        }
        guard let other else { return }
        let second = try evaluate(other.recipe, other.folder, console)
        console.status("comparing")
        let comparison = try TaskComparison(
            (evaluation, folder),
            (second, other.folder),
            task: recipe.task
        )
        print(json ? JSONValue.object(comparison.json).printed(indent: nil) : comparison.plain)
        try JSONValue.object(comparison.json).write(to: "\(place)/comparison.json")
        try SafeFile.write(text: comparison.page.html, to: "\(place)/comparison.html")
        if !json { console.note("the comparison is in \(place)/comparison.html") }
    }

    private func evaluate(_ recipe: Recipe, _ folder: String, _ console: Console) throws -> TaskEvaluation {
        let task = try TaskCatalog.run(recipe, registryFolder: nil, version: YuyanCommand.version)
        let source = EvaluationData(path: data, settings: try reading.object())
        return try task.evaluate(folder: folder, data: source, report: RunPrinter(console).show)
    }
}
