import Foundation
import Testing
import YuyanFileFormats
import YuyanGeneration
import YuyanModels
import YuyanTasks
import YuyanTestSupport
import YuyanTokenizers
import YuyanTraining

@Suite(.serialized) struct NGramRunTests {
    private let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
        try folder.writeTexts(smallCorpus(documents: 40))
    }

    private func recipe(_ output: String, _ settings: [String] = []) throws -> Recipe {
        let yaml = """
            data: { train: \(folder.path)/texts, validation_fraction: 0.2, prepared: \(folder.path)/tokens }
            tokenizer: { type: bpe, vocab_size: 300 }
            model: { family: n-gram, order: 4 }
            training: { output_dir: \(folder.path)/\(output) }
            """
        return try Recipe(yaml: yaml, name: "recipe", overrides: settings)
    }

    private func run(_ recipe: Recipe) throws -> any TaskRun {
        try TaskCatalog.run(recipe, registryFolder: nil, version: "test")
    }

    private func train(_ output: String, _ settings: [String] = []) throws -> TrainingOutcome {
        try run(recipe(output, settings)).train { _ in }
    }

    private func evaluate(_ output: String) throws -> [String: Double] {
        let path = "\(folder.path)/\(output)"
        let task = try run(Recipe(modelFolder: path))
        let figures = try task.evaluate(folder: path, data: EvaluationData(), report: { _ in }).figures
        return Dictionary(uniqueKeysWithValues: figures.map { ($0.name, $0.value) })
    }

    /// What is counted in one pass cannot be stopped by the clock.
    @Test func aLimitOfTimeIsRefused() throws {
        let error = #expect(throws: RecipeError.self) { try train("out", ["max_seconds=60"]) }
        let text = error?.description ?? "-"
        #expect(text.contains("training.max_seconds is 60.0") && text.contains("one go"), "\(text)")
    }

    @Test func trainsJudgesAndRecords() throws {
        let outcome = try train("out", ["arpa=true", "min_counts=1,1,2"])
        #expect(outcome.reason == .finished && outcome.step == 1)
        let loss = try #require(outcome.metrics["eval_loss"])
        #expect(loss > 0 && loss < 4)
        #expect(
            try Recipe(modelFolder: "\(folder.path)/out") == recipe("out", ["arpa=true", "min_counts=1,1,2"])
        )
        #expect(folder.text("out/README.md").contains("An n-gram model of order 4"))
        #expect(folder.text("out/README.md").contains("eval_bits_per_byte"))
        let line = try JSONValue(parsing: folder.text("out/train.jsonl"))
        #expect(line["step"]?.integerValue == 1 && line["eval_loss"]?.numberValue == loss)
        let figures = try evaluate("out")
        #expect(figures["loss"] == loss && figures["perplexity"] == exp(loss))
        let shares = (1...4).compactMap { figures["order_\($0)_share"] }
        #expect(shares.count == 4 && abs(shares.reduce(0, +) - 1) < 1e-12)
        #expect(figures["unseen_share"] != nil)
        let again = try train("again", ["arpa=true", "min_counts=1,1,2"])
        #expect(again.metrics == outcome.metrics)
        for name in ["model.safetensors", "config.json", "model.arpa"] {
            #expect(folder.bytes("out/\(name)") == folder.bytes("again/\(name)"), "\(name)")
        }
    }

    /// The figures have intervals over documents where there are enough of them.
    @Test func intervalsAreOverDocuments() throws {
        try folder.writeTexts(smallCorpus(documents: 200))
        _ = try train("out")
        let path = "\(folder.path)/out"
        let evaluation = try run(Recipe(modelFolder: path)).evaluate(
            folder: path,
            data: EvaluationData(),
            report: { _ in }
        )
        let figures = Dictionary(uniqueKeysWithValues: evaluation.figures.map { ($0.name, $0) })
        let count = try #require(figures["documents"]?.value)
        #expect(count >= 10)
        let loss = try #require(figures["loss"]), interval = try #require(loss.interval)
        #expect(interval.low < loss.value && loss.value < interval.high)
        #expect(figures["order_2_share"]?.interval == nil)
        #expect(evaluation.page?.html.contains("The hardest documents") == true)
        let page = try PagePictures(evaluation)
        #expect(try page.sum("The documents by their bits per byte") == count)
        for order in 1...4 {
            let share = try #require(figures["order_\(order)_share"]?.value)
            let shown = try page.value("\(order)", in: "Share of the tokens told")
            #expect(abs(shown - share) < 1e-4, "\(order)")
        }
    }

    /// The figures of both families are of the same tokens and bytes, whatever the tokenizer and the rows.
    @Test(arguments: [
        ["tokenizer.type=bpe"], ["tokenizer.type=char"], ["tokenizer.type=char", "data.order=windows"],
        ["tokenizer.type=byte", "isolate_documents=false"], ["tokenizer.type=word"],
    ])
    func bothFamiliesCountTheSame(settings: [String]) throws {
        #expect(try comparedTokens(settings) > 100)
    }

    /// Without a token that ends documents their first tokens do not count, or only the first of the text's.
    @Test func firstTokensCountAsForDecoders() throws {
        _ = try run(recipe("out", ["tokenizer.type=char"])).prepare { _ in }
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/endless",
            withIntermediateDirectories: true
        )
        for name in ["tokenizer.json", "tokenizer_config.json"] {
            let text = folder.text("tokens/\(name)").replacing("<|endoftext|>", with: "<|other|>")
            try folder.write(text.replacing("\"eos_token\"", with: "\"other\""), to: "endless/\(name)")
        }
        let path = "tokenizer.path=\(folder.path)/endless"
        #expect(try TokenizerFiles.load(folder: "\(folder.path)/endless").endOfText == nil)
        let apart = try comparedTokens([path])
        let together = try comparedTokens([path, "isolate_documents=false"])
        #expect(apart > 100 && together > apart, "\(apart), \(together)")
    }

    /// The number of tokens that both families are judged on.
    private func comparedTokens(_ settings: [String]) throws -> Double {
        let counted = try train("counted", settings).metrics
        let trained = try run(decoder("decoder\(settings.count)", settings)).train { _ in }.metrics
        for key in ["eval_tokens", "eval_bytes"] { #expect(counted[key] == trained[key], "\(key)") }
        #expect((counted["eval_loss"] ?? 9) < (trained["eval_loss"] ?? 0))
        return counted["eval_tokens"] ?? 0
    }

    private func decoder(_ output: String, _ settings: [String] = []) throws -> Recipe {
        try Recipe(
            yaml: """
                data: { train: \(folder.path)/texts, validation_fraction: 0.2, prepared: \(folder.path)/tokens }
                tokenizer: { type: bpe, vocab_size: 300 }
                model: { num_hidden_layers: 1, hidden_size: 16, num_attention_heads: 2, max_position_embeddings: 24 }
                training: { output_dir: \(folder.path)/\(output), max_steps: 1, tensorboard: false }
                """,
            name: "decoder",
            overrides: settings
        )
    }

    /// A finished run does not stand for one that reads its documents otherwise.
    @Test func documentsReadOtherwiseAreOtherData() throws {
        let first = try run(decoder("same")).train { _ in }.metrics
        #expect(try run(decoder("same")).train { _ in }.metrics == first)
        let error = #expect(throws: TrainingError.self) {
            try run(decoder("same", ["isolate_documents=false"])).train { _ in }
        }
        #expect(error?.description.contains("data fingerprint") == true)
    }

    @Test func modelsOfArpaFilesAndFoldersAreTaken() throws {
        let own = try train("out", ["arpa=true"]).metrics
        let folderPath = "model.path=\(folder.path)/out"
        let same = try train("same", [folderPath]).metrics
        #expect(same == own)
        var notes: [String] = []
        for (setting, words) in [
            ("model.order=3", "model.order is 3"), ("min_counts=1,2", "model.min_counts"),
        ] {
            let error = #expect(throws: RecipeError.self) { _ = try train("none", [folderPath, setting]) }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "-")")
        }
        let read = try run(recipe("read", ["\(folderPath)/model.arpa"])).train { event in
            if case .note(let text) = event { notes.append(text) }
        }
        let (one, two) = (try #require(own["eval_loss"]), try #require(read.metrics["eval_loss"]))
        #expect(abs(one - two) < 1e-6 * one, "\(one), \(two)")
        #expect(!notes.contains { $0.contains("no tokens") || $0.contains("<unk>") }, "\(notes)")
    }

    @Test func generatesBySeed() throws {
        _ = try train("out")
        let model = try GenerativeModels.open("\(folder.path)/out")
        #expect(model is NGramLanguageModel)
        let tokenizer = try TokenizerFiles.load(folder: "\(folder.path)/out")
        let generator = Generator(model: model, tokenizer: tokenizer)
        func texts(_ seed: UInt64, _ prompts: [String]) throws -> [GeneratedText] {
            var sampling = SamplingOptions(temperature: 0.9, topK: 40, topP: 0.95, minP: 0.01, seed: seed)
            sampling.repetitionPenalty = 1.1
            var options = GenerationOptions(sampling: sampling, maxNewTokens: 30)
            options.reportsLogProbabilities = true
            return try generator.generate(
                prompts.map { tokenizer.encode($0) },
                options: options,
                streams: prompts.map { UInt64($0.utf8.count) }
            )
        }
        let together = try texts(3, ["the swift", "rain"])
        let (one, two) = (try texts(3, ["the swift"])[0], try texts(3, ["rain"])[0])
        #expect(together.map(\.tokenIDs) == [one.tokenIDs, two.tokenIDs] && !one.tokenIDs.isEmpty)
        #expect(try texts(4, ["the swift"])[0].tokenIDs != one.tokenIDs)
        // Log probabilities are the model's own.
        let nGram = try #require(model as? NGramLanguageModel)
        var context = tokenizer.encode("the swift")
        for (token, logarithm) in zip(one.tokenIDs, one.logProbabilities) {
            let own = log(try nGram.probability(of: token, after: context, fromStart: false))
            #expect(abs(own - logarithm) < 1e-5 * abs(own) + 1e-6)
            context.append(token)
        }
    }

    @Test func mistakesAreNamed() throws {
        func fails(_ words: String, _ body: () throws -> Void) {
            do {
                try body()
                Issue.record("nothing was thrown for \(words)")
            } catch {
                #expect("\(error)".contains(words), "\(error)")
            }
        }
        for key in ["model.hidden_size", "hidden_size", "n_embd"] {
            fails("model.family is n-gram, and it is a key of decoder") {
                _ = try recipe("out", ["\(key)=8"])
            }
        }
        fails("model.family is decoder, and it is a key of n-gram") {
            _ = try Recipe(yaml: "model: { min_counts: 3 }", name: "r")
        }
        fails("n-gram") { _ = try Recipe(yaml: "model: { family: ngram }", name: "r") }
        fails("model.order is 12") { _ = try train("out", ["model.order=12"]) }
        fails("model.min_counts") { _ = try train("out", ["min_counts=2"]) }
        fails("whole numbers") { _ = try recipe("out", ["min_counts=x"]) }
        fails("nowhere") { _ = try train("out", ["model.path=nowhere"]) }
        fails("nowhere.arpa") { _ = try train("out", ["model.path=nowhere.arpa"]) }
        _ = try train("out")
        let bytes = "\(folder.path)/bytes"
        _ = try train("of-bytes", ["tokenizer.type=byte", "data.prepared=\(bytes)"])
        fails("tokens, the tokenizer") {
            _ = try train(
                "other",
                [
                    "model.path=\(folder.path)/out", "tokenizer.path=\(bytes)",
                    "data.prepared=\(folder.path)/others",
                ]
            )
        }
        let weighted = try Recipe(
            yaml: """
                data:
                  train:
                    - { path: \(folder.path)/texts/1.txt, weight: 2 }
                    - \(folder.path)/texts/2.txt
                  validation: \(folder.path)/texts/3.txt
                tokenizer: { type: byte }
                model: { family: n-gram }
                training: { output_dir: \(folder.path)/weighted }
                """,
            name: "weighted"
        )
        fails("leave the weights") { _ = try run(weighted).train { _ in } }
    }
}
