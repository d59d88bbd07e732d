import ArgumentParser
import Foundation
import YuyanTasks
import YuyanTensors
import YuyanTraining

/// Options that commands with a recipe share.
struct RecipeOptions: ParsableArguments {
    @Argument(help: "The recipe, a YAML file.")
    var recipe: String

    @Argument(help: "Settings that win over the recipe, for example training.max_steps=1000 or seed=7.")
    var settings: [String] = []

    @Flag(help: "Print one JSON object per event on standard output.")
    var logJson = false

    func load() throws -> Recipe { try Recipe(path: recipe, overrides: settings) }
}

/// The command `yuyan prepare`.
struct PrepareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prepare",
        abstract: "Cleans text, trains the tokenizer and writes token shards.",
        discussion: "What is ready is found and kept; a preparation that was stopped goes on where it was."
    )

    @OptionGroup var options: RecipeOptions

    func run() throws {
        let recipe = try options.load()
        let console = Console(logsJSON: options.logJson)
        StopSignal.install()
        let run = LanguageModelRun(recipe, registryFolder: nil, version: YuyanCommand.version)
        let printer = RunPrinter(console)
        let corpus = try run.prepare(report: printer.show)
        let report = PreparationReport(corpus.dataset.description)
        try report.write(to: corpus.folder)
        if !options.logJson { print(report.plain) }
        console.note("the report is in \(corpus.folder)/\(PreparationReport.fileName)")
    }
}

/// The command `yuyan train`.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a model from a recipe, or goes on with a run that was stopped.",
        discussion: """
            A run that is stopped, by Ctrl-C or by a crash, goes on exactly where its newest checkpoint is when the \
            same command is given again. The trained model lies in training.output_dir, in Hugging Face's layout.
            """
    )

    @OptionGroup var options: RecipeOptions

    func run() throws {
        let recipe = try options.load()
        let console = Console(logsJSON: options.logJson)
        StopSignal.install()
        let run = LanguageModelRun(recipe, registryFolder: ".", version: YuyanCommand.version)
        let printer = RunPrinter(console)
        let outcome = try run.train(report: printer.show)
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

    func show(_ event: LanguageModelEvent) {
        switch event {
        case .corpus(let event): show(event)
        case .prepared(let corpus):
            let data = corpus.dataset.description
            let validation =
                data.validation.map { "\($0.tokens) tokens of \(Console.bytes($0.bytes))" } ?? "none"
            console.note(
                "data: \(data.train.documents) documents, \(data.train.tokens) tokens of \(Console.bytes(data.train.bytes)) "
                    + "to learn from, \(validation) to judge by; vocabulary \(corpus.tokenizer.vocabularySize)"
            )
        case .model(let model, let dtype, let peak):
            let sizes = model.configuration
            console.note(
                "model: \(sizes.numHiddenLayers) layers, width \(sizes.hiddenSize), \(sizes.numAttentionHeads) heads, "
                    + "\(model.parameterCount) parameters; \(dtype) on \(standardBackend.summary), "
                    + "matrix peak \(Int(peak / 1e9)) GFLOP/s"
            )
        case .training(let event): console.show(event)
        }
    }

    func show(_ event: CorpusEvent) {
        switch event {
        case .countingText(let bytes): console.status("counting words: \(Console.bytes(bytes))")
        case .learningMerges(let done, let goal): console.status("learning the tokenizer: \(done) of \(goal)")
        case .reusingTokenizer(let path): console.note("tokenizer: \(path)")
        case .preparing(let progress):
            console.status(
                "\(progress.stage.rawValue): \(Console.bytes(progress.bytesDone)) of "
                    + "\(Console.bytes(progress.bytesTotal)), \(progress.tokens) tokens"
            )
        }
    }
}
