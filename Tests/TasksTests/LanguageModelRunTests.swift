import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTasks
import YuyanTestSupport
import YuyanTokenizers
import YuyanTraining

@Suite(.serialized) struct LanguageModelRunTests {
    private let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
        // Documents of many lengths, so that rows end in padding and batches have targets of unequal count.
        try folder.writeTexts(smallCorpus(documents: 40))
    }

    private func recipe(_ name: String, _ settings: [String] = []) throws -> Recipe {
        let yaml = """
            tokenizer: { type: byte }
            data: { train: \(folder.path)/texts, validation_fraction: 0.2, prepared: \(folder.path)/tokens }
            model: { num_hidden_layers: 2, hidden_size: 16, num_attention_heads: 2, max_position_embeddings: 32 }
            training: { output_dir: \(folder.path)/\(name), max_steps: 1, learning_rate: 1.0e-3, eval_steps: 0,
                        logging_steps: 1, bf16: false, tensorboard: false, per_device_train_batch_size: 4 }
            """
        return try Recipe(yaml: yaml, name: "recipe", overrides: settings)
    }

    private func train(
        _ name: String,
        _ settings: [String] = []
    ) throws -> (TrainingOutcome, [TrainingLogEntry]) {
        var logged: [TrainingLogEntry] = []
        let run = LanguageModelRun(try recipe(name, settings), registryFolder: nil, version: "test")
        let outcome = try run.train { event in
            if case .training(.logged(let entry)) = event { logged.append(entry) }
        }
        return (outcome, logged)
    }

    /// The same four rows as one batch, two or four: the same loss and gradient but for rounding.
    @Test(arguments: ["gpt2", "llama"]) func accumulationIsOneLargeBatch(layout: String) throws {
        let (_, whole) = try train("whole-\(layout)", ["layout=\(layout)"])
        let reference = try #require(whole.first)
        for (rows, batches) in [(2, 2), (1, 4)] {
            let (_, parts) = try train(
                "parts-\(layout)-\(rows)",
                [
                    "layout=\(layout)", "per_device_train_batch_size=\(rows)",
                    "gradient_accumulation_steps=\(batches)",
                ]
            )
            let entry = try #require(parts.first)
            #expect(abs(entry.loss - reference.loss) < 1e-6 * reference.loss)
            #expect(abs(entry.gradNorm - reference.gradNorm) < 1e-5 * reference.gradNorm)
        }
    }

    @Test func activationCheckpointingChangesNothing() throws {
        let settings = ["max_steps=3", "dropout=0.2"]
        let (_, plain) = try train("plain", settings)
        let (_, saving) = try train("saving", settings + ["gradient_checkpointing=true"])
        #expect(plain.map(\.loss) == saving.map(\.loss))
        #expect(folder.bytes("plain/model.safetensors") == folder.bytes("saving/model.safetensors"))
    }

    /// A model that a run begins with has its own sizes, and dropout unless the recipe gives it.
    @Test func beginsWithAModel() throws {
        _ = try train("first", ["dropout=0.2"])
        func begin(_ name: String, _ settings: [String]) throws -> JSONValue {
            let yaml = """
                data: { train: \(folder.path)/texts, validation_fraction: 0.2, prepared: \(folder.path)/tokens }
                tokenizer: { path: \(folder.path)/first }
                model: { path: \(folder.path)/first }
                training: { output_dir: \(folder.path)/\(name), max_steps: 1, eval_steps: 0, tensorboard: false }
                """
            let recipe = try Recipe(yaml: yaml, name: "recipe", overrides: settings)
            #expect(try Recipe(yaml: recipe.resolved.printed(), name: "again") == recipe)
            _ = try LanguageModelRun(recipe, registryFolder: nil, version: "test").train { _ in }
            return try JSONValue(contentsOf: "\(folder.path)/\(name)/config.json")
        }
        let same = try begin("same", [])
        #expect(same["n_embd"]?.integerValue == 16 && same["attn_pdrop"]?.numberValue == 0.2)
        let changed = try begin("changed", ["dropout=0.4"])
        #expect(["embd_pdrop", "resid_pdrop", "attn_pdrop"].allSatisfy { changed[$0]?.numberValue == 0.4 })
        _ = try begin("longer", ["n_embd=16", "layout=gpt2", "block_size=8"])
        // The sizes are compared before the weights are read.
        try FileManager.default.removeItem(atPath: "\(folder.path)/first/model.safetensors")
        let error = #expect(throws: RecipeError.self) { try begin("other", ["n_embd=32"]) }
        let text = error?.description ?? ""
        #expect(text.contains("model.hidden_size is 32") && text.contains("has 16"), "\(text)")
    }

    /// A preparation that is stopped goes on, which the error tells.
    @Test func aStoppedPreparationGoesOn() throws {
        let run = LanguageModelRun(try recipe("out"), registryFolder: nil, version: "test")
        #expect(throws: ResumableStop.self) { try run.prepare(report: { _ in }, isCancelled: { true }) }
        _ = try run.prepare(report: { _ in }, isCancelled: { false })
    }

    /// What decides the weights may not change on the way; more steps, other intervals and another place may be asked
    /// for.
    @Test(arguments: [
        ("learning_rate=0.5", "training.learning_rate was 0.001 and is 0.5"),
        ("per_device_train_batch_size=7", "training.per_device_train_batch_size was 4 and is 7"),
        ("weight_decay=0.3", "training.weight_decay was 0.1 and is 0.3"),
        ("dropout=0.2", "model.dropout was 0.125 and is 0.2"), ("order=windows", "data.order"),
        ("optim=adamw_torch", ""),
        ("gradient_checkpointing=true", ""), ("eval_steps=1", ""), ("save_steps=1", ""),
    ])
    func aRunKeepsItsSettings(setting: String, message: String) throws {
        let settings = ["dropout=0.125"]
        _ = try train("out", settings)
        do {
            let (outcome, _) = try train("out", settings + ["max_steps=2", setting])
            #expect(message.isEmpty && outcome.step == 2 && outcome.changes.isEmpty, "\(setting)")
        } catch let error as TrainingError {
            #expect(!message.isEmpty && error.description.contains(message), "\(setting): \(error)")
        }
        guard !message.isEmpty else { return }
        let (outcome, _) = try train(
            "out",
            settings + ["max_steps=2", setting, "ignore_changed_settings=true"]
        )
        #expect(outcome.step == 2 && outcome.changes.count == 1, "\(outcome)")
        let card = folder.text("out/README.md")
        #expect(card.contains("- after step 1, `\(outcome.changes.first?.key ?? "-")`"), "\(card)")
    }

    @Test func learnsAndRecords() throws {
        let (outcome, logged) = try train("out", ["max_steps=60", "learning_rate=0.01", "eval_steps=20"])
        #expect(outcome.reason == .finished && outcome.step == 60)
        let (first, last) = (try #require(logged.first), try #require(logged.last))
        #expect(first.loss > 5 && last.loss < 3.5, "from \(first.loss) to \(last.loss)")
        let known = try Recipe(modelFolder: "\(folder.path)/out")
        #expect(known == (try recipe("out", ["max_steps=60", "learning_rate=0.01", "eval_steps=20"])))
        #expect(folder.text("out/README.md").contains("eval_loss"))
        let model = try DecoderModel(folder: "\(folder.path)/out")
        #expect(model.configuration.hiddenSize == 16)
    }

    private func evaluate(_ data: String?) throws -> JSONObject {
        let place = "\(folder.path)/out"
        let run = try TaskCatalog.run(Recipe(modelFolder: place), registryFolder: nil, version: "test")
        return try run.evaluate(folder: place, data: EvaluationData(path: data), report: { _ in }).json
    }

    /// What is left out of text to learn from is not left out of text to judge by, however short it is.
    @Test(arguments: ["order=blocks", "order=windows"]) func judgesOtherText(order: String) throws {
        _ = try train("out", ["deduplicate=true", "near_duplicates=0.7", order])
        try folder.write("a few words", to: "one.txt")
        try folder.write("and some more of them", to: "two.txt")
        let (one, two) = ("\(folder.path)/one.txt", "\(folder.path)/two.txt")
        let bytes = try [one, two, "\(one), \(two)"].map { try evaluate($0)["bytes"]?.numberValue ?? 0 }
        #expect(bytes == [11, 21, 32])
    }

    /// Tokens of another tokenizer are no text for a model, and a prepared folder has a part to judge by.
    @Test func preparedFoldersFitTheModel() throws {
        _ = try train("out")
        func prepare(_ name: String, _ tokenizer: any Tokenizer, share: Double) throws -> String {
            let place = "\(folder.path)/\(name)"
            var options = PreparationOptions()
            options.validationFraction = share
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            try TokenizerFiles.save(tokenizer, to: place)
            let saved = try TokenizerFiles.load(folder: place)
            let texts = ["\(folder.path)/texts"]
            _ = try CorpusPreparer(paths: texts, tokenizer: saved, folder: place, options: options).run()
            return place
        }
        let own = try TokenizerFiles.load(folder: "\(folder.path)/out")
        #expect(try (evaluate(prepare("fits", own, share: 0.2))["tokens"]?.numberValue ?? 0) > 0)
        let characters = CharacterTokenizer.train(on: ["abcdefghijklmnopqrstuvwxyz ."])
        for (place, words) in [
            (try prepare("other", characters, share: 0.2), "of another tokenizer than"),
            (try prepare("whole", own, share: 0), "nothing to judge by"),
        ] {
            let error = #expect(throws: RecipeError.self) { try evaluate(place) }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "-")")
        }
    }

    /// A model that a run begins with brings its tokenizer along, and prepared tokens must be of it.
    @Test func aModelKeepsItsTokenizer() throws {
        _ = try train("first", ["tokenizer.type=bpe", "tokenizer.vocab_size=280"])
        let own = try TokenizerFiles.load(folder: "\(folder.path)/first")
        let begin = ["model.path=\(folder.path)/first", "data.prepared=\(folder.path)/again"]
        _ = try train("second", begin)
        let taken = try TokenizerFiles.load(folder: "\(folder.path)/second")
        #expect(taken.tokenizerDocument() == own.tokenizerDocument())
        _ = try train("bytes", ["data.prepared=\(folder.path)/bytes-data"])
        let error = #expect(throws: RecipeError.self) {
            _ = try train("third", begin + ["data.train=\(folder.path)/bytes-data"])
        }
        #expect(error?.description.contains("of another tokenizer") == true, "\(error?.description ?? "-")")
    }

    /// What a model is judged by lies beside it, wherever it was moved to, or where it learned from.
    @Test func judgedByItsOwnTokens() throws {
        _ = try train("moved", ["data.prepared=null"])
        _ = try train("there", ["data.prepared=null", "data.train=\(folder.path)/moved/data"])
        func judge(_ name: String) throws -> JSONValue? {
            let place = "\(folder.path)/\(name)"
            let run = try TaskCatalog.run(Recipe(modelFolder: place), registryFolder: nil, version: "test")
            return try run.evaluate(folder: place, data: EvaluationData(), report: { _ in }).json["bytes"]
        }
        let bytes = try judge("moved")
        #expect(try bytes != nil && judge("there") == bytes)
        try FileManager.default.moveItem(atPath: "\(folder.path)/moved", toPath: "\(folder.path)/out")
        // Another run where the model was.
        _ = try train("moved", ["data.prepared=null", "validation_fraction=0.5"])
        #expect(try judge("out") == bytes)
    }

    /// A run that is refused because its text has changed leaves the tokens of the finished one; touched files have the
    /// same text.
    @Test(arguments: ["tokens", "tokens/"])
    func refusedRunsReplaceNothing(prepared: String) throws {
        let place = "data.prepared=\(folder.path)/\(prepared)"
        let settings = [place, "tokenizer.type=bpe", "tokenizer.vocab_size=280"]
        _ = try train("out", settings)
        let names = ["tokenizer.json", "dataset.json", "train.bin", "validation.bin"]
        let before = names.map { folder.bytes("tokens/\($0)") }
        let texts = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/texts")
        let past = Date(timeIntervalSince1970: 1_000_000_000)
        for text in texts {
            let path = "\(folder.path)/texts/\(text)"
            try FileManager.default.setAttributes([.modificationDate: past], ofItemAtPath: path)
        }
        #expect(try train("out", settings + ["max_steps=2"]).0.step == 2)
        #expect(folder.bytes("tokens/train.bin") == before[2])
        try folder.writeTexts(smallCorpus(documents: 50))
        for changed in [settings, [place, "tokenizer.type=bpe", "tokenizer.vocab_size=290"]] {
            let error = #expect(throws: TrainingError.self) {
                _ = try train("out", changed + ["max_steps=3"])
            }
            #expect(
                error?.description.contains("no longer what the run") == true,
                "\(error?.description ?? "-")"
            )
            let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(!files.contains { $0.contains("changed") || $0.contains("replaced") }, "\(files)")
        }
        #expect(folder.bytes("tokens/tokenizer.json") == before[0])
        #expect(folder.bytes("tokens/validation.bin") == before[3])
    }

    /// What must not be learned from is kept to judge by.
    @Test func excludedTextsAreJudgedBy() throws {
        try folder.write("one fine day in the middle of the night two dead men got up", to: "judged.txt")
        let judged = "\(folder.path)/judged.txt"
        _ = try train("out", ["data.validation=\(judged)", "data.exclude_texts_of=\(judged)"])
        #expect(try evaluate(nil)["bytes"]?.numberValue == 59)
    }

    /// Text that has no row is said before a run is recorded.
    @Test func textThatIsTooShortTrainsNothing() throws {
        try folder.write("short", to: "short.txt")
        let settings = ["data.train=\(folder.path)/short.txt", "data.validation=\(folder.path)/texts"]
        let error = #expect(throws: FileFormatError.self) {
            _ = try train("out", settings + ["order=windows", "data.prepared=\(folder.path)/few"])
        }
        #expect(error?.description.contains("too few") == true, "\(error?.description ?? "-")")
    }

    /// A tokenizer that was brought along is not taken for one that was learned there.
    @Test func aTokenizerIsOfTheRunThatLearnedIt() throws {
        let place = "\(folder.path)/tokens"
        func vocabulary(_ settings: [String]) throws -> Int {
            let recipe = try recipe("out", settings)
            return try CorpusStep.run(recipe, folder: place, report: { _ in }, isCancelled: { false })
                .tokenizer.vocabularySize
        }
        let learned = ["tokenizer.type=bpe", "tokenizer.vocab_size=300"]
        #expect(try vocabulary(learned) == 300)
        _ = try train("bytes", ["data.prepared=\(folder.path)/others"])
        #expect(try vocabulary(["tokenizer.path=\(folder.path)/bytes"]) < 300)
        #expect(try vocabulary(learned) == 300)
    }

    /// The figures have intervals over blocks, which hold the same tokens as the whole, and a page.
    @Test func evaluationHasIntervalsAndAPage() throws {
        try folder.writeTexts(smallCorpus(documents: 150))
        _ = try train("out", ["max_steps=20", "learning_rate=0.01"])
        let place = "\(folder.path)/out"
        let run = try TaskCatalog.run(Recipe(modelFolder: place), registryFolder: nil, version: "test")
        let evaluation = try run.evaluate(folder: place, data: EvaluationData(), report: { _ in })
        let figures = Dictionary(uniqueKeysWithValues: evaluation.figures.map { ($0.name, $0) })
        #expect((figures["blocks"]?.value ?? 0) >= 10, "\(evaluation.plain)")
        for name in ["loss", "perplexity", "bits_per_byte"] {
            let figure = try #require(figures[name])
            let interval = try #require(figure.interval, "\(name)")
            #expect(interval.low < figure.value && figure.value < interval.high, "\(name)")
            #expect(abs(interval.estimate - figure.value) < 1e-9 * figure.value, "\(name)")
        }
        let loss = try #require(figures["loss"]?.value), tokens = try #require(figures["tokens"]?.value)
        let bits = try #require(figures["bits_per_byte"]?.value),
            bytes = try #require(figures["bytes"]?.value)
        #expect(abs(bits * bytes * log(2.0) - loss * tokens) < 1e-6 * loss * tokens)
        #expect(evaluation.plain.contains("95 % interval") && !evaluation.plain.contains(".00000000"))
        #expect(evaluation.page?.html.contains("The hardest blocks") == true)
        let page = try PagePictures(evaluation)
        #expect(try page.sum("The blocks by their bits per byte") == figures["blocks"]?.value)
        let lengths = try page.values("By length")
        #expect(!lengths.isEmpty && lengths.allSatisfy { $0.value > 0 } && page.isPlain)
        #expect(
            page.html.contains("What the tokens before are worth")
                && page.html.contains("Loss while it learned")
        )
        // The loss is the sum that a batch has as one.
        let decoder = try DecoderModel(folder: place)
        let ids = Tensor([5, 6, 7, 8, 9, 10] as [Int32], shape: [2, 3])
        let targets = Tensor([6, 7, -100, 9, 10, 11] as [Int32], shape: [2, 3])
        let each = decoder.losses(inputIDs: ids, targets: targets)
        let whole = decoder.loss(inputIDs: ids, targets: targets, scale: 1).item()
        #expect(each.count == 6 && each[2] == 0)
        #expect(abs(each.reduce(0, +) - whole) < 1e-5 * whole)
    }

    /// Weights, gradients, moments and activations all go back to the pool: in a process of its own, because the pool
    /// counts for the whole process.
    @Test func nothingStaysAlive() async {
        await #expect(processExitsWith: .success) {
            let runs = try LanguageModelRunTests()
            _ = try runs.train("first", ["max_steps=2"])
            try expectNoLiveStorage {
                for name in ["second", "third"] { _ = try runs.train(name, ["max_steps=2", "dropout=0.1"]) }
            }
        }
    }
}
