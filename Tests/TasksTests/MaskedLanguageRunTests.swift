import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTasks
import YuyanTestSupport
import YuyanTextProcessing
import YuyanTokenizers
import YuyanTraining

/// Pre-training of encoders on text, and what begins with them.
@Suite(.serialized) struct MaskedLanguageRunTests {
    private let folder: ScratchFolder
    private var place: String { "\(folder.path)/out" }

    init() throws {
        folder = try ScratchFolder()
        var numbers = TextNumbers(seed: 3)
        // The second word of every pair follows from the first.
        let pairs = [("salt", "pepper"), ("day", "night"), ("cats", "dogs"), ("rise", "fall")]
        let lines = (0..<600).map { _ -> String in
            (0..<4).map { _ -> String in
                let pair = pairs[Int.random(in: 0..<pairs.count, using: &numbers)]
                return "\(pair.0) and \(pair.1)"
            }.joined(separator: " . ")
        }
        try folder.write(lines.joined(separator: "\n"), to: "text.txt")
    }

    private func recipe(_ settings: [String] = []) throws -> Recipe {
        let yaml = """
            task: masked-language-modeling
            data: { train: "\(folder.path)/text.txt", validation_fraction: 0.1 }
            tokenizer: { vocab_size: 120 }
            model: { hidden_size: 32, num_hidden_layers: 1, num_attention_heads: 4, intermediate_size: 64,
                     max_position_embeddings: 32 }
            training: { output_dir: "\(place)", max_steps: 200, seed: 1, tensorboard: false, learning_rate: 5.0e-3,
                        per_device_train_batch_size: 16, eval_steps: 100 }
            """
        return try Recipe(yaml: yaml, name: "r.yaml", overrides: settings)
    }

    private func run(_ recipe: Recipe) throws -> any TaskRun {
        try TaskCatalog.run(recipe, registryFolder: nil, version: "test")
    }

    @Test(arguments: ["bf16=false", "bf16=true"]) func learnsJudgesAndFillsIn(dtype: String) throws {
        let outcome = try run(recipe([dtype])).train { _ in }
        #expect((outcome.metrics["eval_accuracy"] ?? 0) > 0.6, "\(outcome.metrics)")
        let trained = try run(Recipe(modelFolder: place))
        let evaluation = try trained.evaluate(folder: place, data: EvaluationData(), report: { _ in })
        #expect(evaluation.json["loss"]?.numberValue == outcome.metrics["eval_loss"])
        for name in ["loss", "perplexity", "accuracy"] {
            #expect(evaluation.json["\(name)_interval"]?.arrayValue?.count == 2, "\(name)")
        }
        #expect(evaluation.json["bits_per_byte"] == nil && evaluation.page != nil)
        let blocks = try PagePictures(evaluation).sum("The blocks by their nats per token")
        #expect(blocks == evaluation.json["blocks"]?.numberValue)
        func row(_ text: String) -> Record {
            Record(names: ["text"], values: [.text(text)], place: RecordPlace(path: "rows", line: 3))
        }
        let predictor = try trained.predictor(folder: place)
        let answer = try predictor.predict([row("cats and dogs . salt [MASK] pepper . day and night")])[0]
        let best = answer["masks"]?.arrayValue?.first?.arrayValue?.first
        #expect(best?["token"]?.stringValue == "and", "\(answer)")
        let unmasked = #expect(throws: RecipeError.self) { try predictor.predict([row("salt")]) }
        #expect(unmasked?.description.contains("[MASK]") == true)
    }

    /// Chinese words are hidden whole where a segmenter finds them, and characters one by one where none does.
    @Test func chineseWordsAreHiddenWhole() throws {
        let text = [String](repeating: "语言模型学习语言 模型学习 words 语言", count: 40).joined(separator: "\n")
        try folder.write(text, to: "text.txt")
        try folder.write("语言 9\n模型 9\n学习 9\n", to: "words.txt")
        _ = try run(recipe(["max_steps=1", "words=\(folder.path)/words.txt"])).train { _ in }
        let tokenizer = try TokenizerFiles.load(folder: place)
        let lexicon = try WordLexicon(contentsOf: "\(folder.path)/words.txt")
        let ids = tokenizer.encode("语言模型学习 words 语言")
        let words = [0..<2, 2..<4, 4..<6, 6..<ids.count - 2, ids.count - 2..<ids.count]
        for (segmenter, isWhole) in [(DictionarySegmenter(lexicon), true), (nil, false)] {
            let masking = try TokenMasking(
                tokenizer,
                probability: 0.3,
                wholeWords: true,
                segmenter: segmenter
            )
            var cut = 0
            for stream in 0..<200 {
                let hidden = masking.hide(ids, CounterRandom(seed: 1, stream: UInt64(stream)))
                #expect(hidden.tokens == hidden.places.map { ids[$0] })
                cut += words.count { word in
                    let count = hidden.places.count { word.contains($0) }
                    return count > 0 && count < word.count
                }
            }
            #expect((cut == 0) == isWhole, "\(cut) words are hidden in part")
        }
    }

    /// Which tokens are hidden depends on the seed and the step alone, so that a run that is resumed ends the same.
    @Test func resumesExactly() throws {
        let recipe = try recipe(["max_steps=12", "save_steps=4", "eval_steps=4", "save_total_limit=0"])
        _ = try run(recipe).train { _ in }
        let whole = try #require(folder.bytes("out/model.safetensors"))
        for name in ["checkpoint-12", "model.safetensors"] {
            try FileManager.default.removeItem(atPath: "\(place)/\(name)")
        }
        _ = try run(recipe).train { _ in }
        #expect(folder.bytes("out/model.safetensors") == whole)
    }

    /// Smoothing belongs to the loss that is learned by, not to the one that judges.
    @Test func labelSmoothing() throws {
        _ = try run(recipe(["max_steps=2"])).train { _ in }
        let plain = try #require(folder.bytes("out/model.safetensors"))
        try FileManager.default.removeItem(atPath: place)
        _ = try run(recipe(["max_steps=2", "label_smoothing_factor=0.2"])).train { _ in }
        #expect(folder.bytes("out/model.safetensors") != plain)
    }

    /// A classifier begins with the encoder that was pre-trained, and with its tokenizer.
    @Test func classifiersBeginWithIt() throws {
        _ = try run(recipe(["max_steps=20"])).train { _ in }
        let labelled = try LabelledFolder()
        try labelled.writeParts()
        let own = try labelled.recipe("encoder", "out", ["model.path=\(place)", "max_steps=3"])
        let outcome = try labelled.train(own)
        #expect(outcome.metrics["eval_loss"]?.isFinite == true)
        let written = try JSONValue(contentsOf: "\(labelled.folder.path)/out/config.json")
        #expect(written["hidden_size"]?.integerValue == 32 && written["pooling"]?.stringValue == "mean")
    }

    /// So does a tagger, with labels and a field of its own.
    @Test func taggersBeginWithIt() throws {
        _ = try run(recipe(["max_steps=20"])).train { _ in }
        let tagged = try TaggedFolder()
        try tagged.write(TaggedFolder.sentences(40, seed: 1), to: "train.conll")
        try tagged.write(TaggedFolder.sentences(10, seed: 2), to: "dev.conll")
        let own = try tagged.encoderRecipe(["model.path=\(place)", "max_steps=3"])
        let outcome = try run(own).train { _ in }
        #expect(outcome.metrics["eval_loss"]?.isFinite == true)
        let written = try JSONValue(contentsOf: "\(tagged.folder.path)/out/config.json")
        #expect(written["max_position_embeddings"]?.integerValue == 32 && written["crf"]?.boolValue == true)
    }

    @Test func mistakesAreNamed() throws {
        let mask = #expect(throws: RecipeError.self) {
            try run(recipe(["tokenizer.type=char"])).train { _ in }
        }
        #expect(mask?.description.contains("[MASK]") == true)
        let share = #expect(throws: RecipeError.self) {
            try run(recipe(["mlm_probability=0"])).train { _ in }
        }
        #expect(share?.description.contains("model.mlm_probability") == true)
    }
}
