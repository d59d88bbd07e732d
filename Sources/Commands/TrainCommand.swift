import ArgumentParser
import Foundation
import YuyanFileFormats
import YuyanTasks
import YuyanTraining

/// Options that commands with a recipe share.
struct RecipeOptions: ParsableArguments {
    @Argument(help: "The recipe, a YAML file.")
    var recipe: String

    @Argument(help: "Settings that win over the recipe, for example training.max_steps=1000 or seed=7.")
    var settings: [String] = []

    @Flag(help: "Print one JSON object per event on standard output.")
    var logJson = false

    func load() throws -> Recipe {
        let recipe = try Recipe(path: recipe, overrides: settings)
        do {
            try SafeFile.checkFolder(recipe.training.outputDir)
        } catch {
            throw TrainingError("training.output_dir: \(error)")
        }
        return recipe
    }
}

/// The command `yuyan prepare`.
struct PrepareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prepare",
        abstract:
            "Makes data ready: cleans text, trains the tokenizer, writes token shards; looks at labelled rows.",
        discussion: "What is ready is found and kept; a preparation that was stopped goes on where it was."
    )

    @OptionGroup var options: RecipeOptions

    func run() throws {
        let recipe = try options.load()
        let console = Console(logsJSON: options.logJson)
        StopSignal.install()
        let run = try TaskCatalog.run(recipe, registryFolder: nil, version: YuyanCommand.version)
        let preparation = try run.prepare(report: RunPrinter(console).show)
        if !options.logJson { print(preparation.plain) }
        if let path = preparation.reportPath { console.note("the report is in \(path)") }
    }
}

/// The command `yuyan train`.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a model from a recipe, or goes on with a run that was stopped.",
        discussion: """
            A run that is stopped, by Ctrl-C or by a crash, goes on exactly where its newest checkpoint is when the \
            same command is given again. Settings that decide the weights must be those that it began with; \
            training.max_steps may grow. The trained model lies in training.output_dir, in Hugging Face's layout.
            """
    )

    @OptionGroup var options: RecipeOptions

    func run() throws {
        let recipe = try options.load()
        let console = Console(logsJSON: options.logJson)
        StopSignal.install()
        let run = try TaskCatalog.run(recipe, registryFolder: ".", version: YuyanCommand.version)
        let outcome: TrainingOutcome
        do {
            outcome = try run.train(report: RunPrinter(console).show)
        } catch is CancellationError {
            let signal = StopSignal.received ?? SIGTERM
            console.note(
                "stopped by signal \(signal) before training; the same command begins again, from the newest checkpoint "
                    + "where there is one"
            )
            throw Interrupted(signal: signal)
        }
        if case .interrupted(let signal) = outcome.reason { throw Interrupted(signal: signal) }
        console.note("the model is in \(recipe.training.outputDir)")
    }
}

/// Prints what a run tells.
struct RunPrinter {
    let console: Console

    init(_ console: Console) {
        self.console = console
    }

    func show(_ event: TaskEvent) {
        switch event {
        case .status(let text): console.status(text())
        case .note(let text): console.note(text)
        case .training(let event): console.show(event)
        }
    }

    func show(_ event: LanguageModelEvent) { show(event.taskEvent) }

    func show(_ event: CorpusEvent) { show(event.taskEvent) }
}
