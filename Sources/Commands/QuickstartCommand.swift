import ArgumentParser
import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanGeneration
import YuyanModels
import YuyanTasks
import YuyanTokenizers
import YuyanTraining

/// The command `yuyan quickstart`.
struct QuickstartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quickstart",
        abstract:
            "Trains a small GPT on text that is already here, in a few minutes, and shows what it learned.",
        discussion: """
            The text is the Swift source code of the packages that Yuyan itself is built with, unless --text names \
            another. As many steps are done as fit into the minutes: the learning rate falls with the time, not with \
            the steps. The recipe is written beside the model, so that the next run can begin from it. Stopped, it \
            goes on where it was when called again, with the time that is left; a finished one is begun anew with \
            --fresh.
            """
    )

    @Option(help: "A text file, JSONL file or folder to learn from.")
    var text: String?

    @Option(help: "Where the model goes.")
    var output = "quickstart"

    @Option(help: "About how many minutes to train.")
    var minutes = 5.0

    @Flag(help: "Remove what an earlier quickstart left and begin anew.")
    var fresh = false

    @Flag(help: "Print one JSON object per event on standard output.")
    var logJson = false

    func validate() throws {
        guard minutes > 0, minutes <= 100_000 else {
            throw ValidationError("--minutes is \(minutes); it must be above 0")
        }
    }

    func run() throws {
        StopSignal.install()
        let console = Console(logsJSON: logJson)
        if fresh, FileManager.default.fileExists(atPath: "\(output)/recipe.yaml") {
            try FileManager.default.removeItem(atPath: output)
        }
        let recipePath = "\(output)/recipe.yaml"
        if !FileManager.default.fileExists(atPath: recipePath) {
            try SafeFile.makeFolder(output)
            let plan = makePlan()
            try SafeFile.write(text: try recipeText(plan), to: recipePath)
            console.note(
                "the plan: \(Console.duration(plan.seconds)) of training, which is about \(plan.steps) steps at this "
                    + "machine's speed; should it slow down there will be fewer"
            )
        }
        let recipe = try Recipe(path: recipePath)
        console.heading("1. Text → tokens (\(recipe.data.train))")
        let run = LanguageModelRun(recipe, registryFolder: ".", version: YuyanCommand.version)
        let printer = RunPrinter(console)
        let corpus = try run.prepare(report: printer.show)
        console.heading("2. What counting and compressing reach")
        let baselines = try Self.baselines(corpus)
        for (name, value) in baselines {
            console.note("   \(name): \(Console.fixed(value, 3)) bits per byte")
        }
        console.heading("3. Training")
        let outcome = try run.train(report: printer.show)
        if case .interrupted(let signal) = outcome.reason { throw Interrupted(signal: signal) }
        console.heading("4. The whole validation text")
        let figures = try run.evaluate(folder: output, corpus: corpus) { done, total in
            console.status("evaluating: \(done) of \(total) batches")
        }
        if let signal = StopSignal.received { throw Interrupted(signal: signal) }
        report(console, figures["eval_bits_per_byte"] ?? .nan, baselines)
        console.heading("5. What it writes")
        try sample(console)
        console.heading("Next")
        for line in nextCommands { console.note("   \(line)") }
    }

    // MARK: The recipe

    /// The machine's matrix peak, looked at for some seconds: other work holds it back for moments, and a plan made in
    /// such a moment would be too short.
    private static func patientPeak() -> Double {
        let dtype: DType = standardBackend.prefersBF16 ? .bf16 : .f32
        var best = MatrixPeak.measure(dtype)
        for _ in 0..<7 {
            Thread.sleep(forTimeInterval: 0.3)
            best = max(best, MatrixPeak.measure(dtype))
        }
        return best
    }

    /// What fits the minutes on this machine.
    private struct Plan {
        /// The time for training.
        let seconds: Double
        /// The steps that are expected, by which intervals are chosen; the clock has the last word.
        let steps: Int
        let width: Int
    }

    private static let (layers, context, rows, vocabulary) = (4, 256, 4, 4096)
    /// The most steps: a model of this size has little to learn from more.
    private static let mostSteps = 50_000

    private func makePlan() -> Plan {
        let (layers, context) = (Self.layers, Self.context)
        let peak = Self.patientPeak()
        // In a few minutes many small steps of a small model learn more than few of a large one; a processor with
        // tiles affords twice the width.
        let width = peak > 1e12 ? 256 : 128
        let matrices = Double(layers * 12 * width * width + Self.vocabulary * width)
        let operationsPerToken = 6 * matrices + 12 * Double(layers * width * context)
        // Half of the matrix peak is what steps of this size get; a tenth of the time is for what comes before and after.
        let seconds = minutes * 60 * 0.9
        let steps = seconds * peak * 0.5 / (operationsPerToken * Double(Self.rows * context))
        return Plan(seconds: seconds, steps: Int(min(max(steps, 20), Double(Self.mostSteps))), width: width)
    }

    /// The recipe of a plan.
    private func recipeText(_ plan: Plan) throws -> String {
        let source = try text ?? Self.dependencySources()
        let (length, width) = (plan.steps, plan.width)
        let every = max(10, length / 8)
        let lines =
            [
                "# Written by `yuyan quickstart`. Change it and run: yuyan train \(output)/recipe.yaml training.output_dir=out",
                "task: language-modeling",
                "data:",
                "  train: \(Self.quoted(source))",
                "  validation_fraction: 0.05",
                "  deduplicate: true",
            ] + (text == nil ? ["  extensions: swift"] : []) + [
                "tokenizer: { type: bpe, vocab_size: \(Self.vocabulary) }",
                "model:",
                "  layout: llama",
                "  num_hidden_layers: \(Self.layers)",
                "  hidden_size: \(width)",
                "  num_attention_heads: \(width / 64)",
                "  max_position_embeddings: \(Self.context)",
                "  tie_word_embeddings: true",
                "training:",
                "  output_dir: \(Self.quoted(output))",
                "  max_seconds: \(plan.seconds)",
                "  max_steps: \(Self.mostSteps)",
                "  per_device_train_batch_size: \(Self.rows)",
                "  per_device_eval_batch_size: 16",
                "  learning_rate: 4.0e-3",
                "  adam_beta2: 0.99",
                "  lr_scheduler_type: cosine",
                "  min_lr_ratio: 0.05",
                "  warmup_steps: \(max(5, length / 20))",
                "  weight_decay: 0.1",
                "  logging_steps: \(max(1, length / 40))",
                "  eval_steps: \(every)",
                "  max_eval_batches: 8",
                "  save_steps: \(every)",
                "  seed: 1",
            ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// The folder of the sources that this program was built with: `.build/checkouts` above the executable or below
    /// the working folder.
    private static func dependencySources() throws -> String {
        let manager = FileManager.default
        var places = [manager.currentDirectoryPath + "/.build/checkouts"]
        if let executable = Bundle.main.executableURL?.resolvingSymlinksInPath() {
            var folder = executable.deletingLastPathComponent()
            for _ in 0..<6 {
                places.append(folder.appendingPathComponent("checkouts").path)
                folder.deleteLastPathComponent()
            }
        }
        guard let found = places.first(where: { manager.fileExists(atPath: $0) }) else {
            throw ValidationError(
                "the sources that Yuyan was built with are not here; name a text to learn from with --text"
            )
        }
        return found
    }

    // MARK: Figures

    private static func baselines(_ corpus: PreparedCorpus) throws -> [(name: String, bitsPerByte: Double)] {
        guard let validation = corpus.dataset.validation else { return [] }
        let documents = ShardDocuments(validation, tokenizer: corpus.tokenizer)
        let model = NGramModel(
            documents: ShardDocuments(corpus.dataset.train, tokenizer: corpus.tokenizer),
            contextLength: 4
        )
        return [
            ("gzip -9", try gzipBitsPerByte(documents, level: 9)),
            ("5-gram model (Kneser–Ney, bytes, same training text)", model.bitsPerByte(of: documents)),
        ]
    }

    private func report(
        _ console: Console,
        _ bits: Double,
        _ baselines: [(name: String, bitsPerByte: Double)]
    ) {
        console.note("   this model: \(Console.fixed(bits, 3)) bits per byte")
        for (name, value) in baselines {
            let verdict =
                bits < value ? "\(Console.fixed(value / bits, 2)) times better than" : "not better than"
            console.note("   \(verdict) \(name) (\(Console.fixed(value, 3)))")
        }
        if logJson {
            var object = JSONObject()
            object["event"] = "result"
            object["bits_per_byte"] = .number(bits)
            for (name, value) in baselines {
                object[name.hasPrefix("gzip") ? "gzip_bits_per_byte" : "ngram_bits_per_byte"] = .number(value)
            }
            print(JSONValue.object(object).printed(indent: nil))
        }
    }

    private func sample(_ console: Console) throws {
        let tokenizer = try TokenizerFiles.load(folder: output)
        let model = try GenerativeModels.open(output)
        let generator = Generator(model: model, tokenizer: tokenizer)
        let prompt = text == nil ? "    /// Returns " : ""
        let ids = tokenizer.encode(prompt)
        let start = tokenizer.endOfText.map { [$0] } ?? []
        let options = GenerationOptions(
            sampling: SamplingOptions(temperature: 0.7, topP: 0.95, seed: 1),
            maxNewTokens: 160
        )
        let result = try generator.generate([ids.isEmpty ? start : ids], options: options)
        for line in (prompt + result[0].text).split(separator: "\n", omittingEmptySubsequences: false) {
            console.note("   │ \(line)")
        }
    }

    private var nextCommands: [String] {
        let prompt = text == nil ? "public struct " : "Once"
        return [
            "yuyan generate \(output) -p '\(prompt)'          more text from this model",
            "yuyan evaluate \(output)                         its figures again",
            "yuyan runs                                   what was trained here",
            "yuyan train \(output)/recipe.yaml training.output_dir=out data.train=YOUR-TEXT tokenizer.type=bpe",
            "tensorboard --logdir \(output)/tensorboard       the curves",
        ]
    }
}
