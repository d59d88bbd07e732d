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
                     max_position_embeddings: 32, norm_placement: pre, position_embedding_type: absolute }
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
        let config = "\(labelled.folder.path)/out/config.json"
        let written = try JSONValue(contentsOf: config)
        #expect(written["hidden_size"]?.integerValue == 32 && written["pooling"]?.stringValue == "mean")
        // What a network does with the same weights is the recipe's where it says so.
        try FileManager.default.removeItem(atPath: "\(labelled.folder.path)/out")
        let settings = ["model.path=\(place)", "max_steps=3", "hidden_dropout_prob=0.5", "pooling=cls"]
        let changed = try labelled.recipe("encoder", "out", settings)
        var notes: [String] = []
        let other = try run(changed).train { if case .note(let text) = $0 { notes.append(text) } }
        #expect(other.metrics["eval_loss"] != outcome.metrics["eval_loss"])
        #expect(notes.contains { $0.contains("has no pooler.weight, pooler.bias") }, "\(notes)")
        let anew = try JSONValue(contentsOf: config)
        #expect(anew["hidden_dropout_prob"]?.numberValue == 0.5 && anew["pooling"]?.stringValue == "cls")
        #expect(anew["attention_probs_dropout_prob"]?.numberValue == 0.1)
    }

    /// Sizes that are not the model's are not passed over.
    @Test(arguments: [
        ("hidden_size=48", "model.hidden_size is 48", "has 32; leave the key out"),
        ("norm_placement=post", "model.norm_placement is \"post\"", "has \"pre\""),
        ("position_embedding_type=rotary", "model.position_embedding_type is \"rotary\"", "has \"absolute\""),
        ("use_rezero=true", "model.use_rezero is true", "has false"),
        ("max_position_embeddings=16", "model.max_position_embeddings is 16", "has 32"),
    ]) func sizesAreTheModels(setting: String, first: String, second: String) throws {
        _ = try run(recipe(["max_steps=2"])).train { _ in }
        let labelled = try LabelledFolder()
        try labelled.writeParts()
        let settings = ["model.path=\(place)", "max_steps=1"]
        let error = #expect(throws: RecipeError.self) {
            try labelled.train(labelled.recipe("encoder", "out", settings + [setting]))
        }
        let text = error?.description ?? ""
        #expect(text.contains(first) && text.contains(second) && text.contains(place), "\(text)")
        // The sizes that it has may be said.
        let same = ["hidden_size=32", "use_rezero=false", "norm_placement=pre"]
        try labelled.train(labelled.recipe("encoder", "out", settings + same))
        let own = #expect(throws: RecipeError.self) {
            try run(
                recipe(["model.path=\(place)", "tokenizer.path=\(place)", "output_dir=\(place)2", setting])
            ).train { _ in }
        }
        #expect(own?.description.contains(first) == true, "\(own?.description ?? "-")")
    }

    @Test func goesOnWithOtherDropout() throws {
        _ = try run(recipe(["max_steps=2"])).train { _ in }
        let settings = ["model.path=\(place)", "tokenizer.path=\(place)", "max_steps=1"]
        let out = "output_dir=\(place)2"
        _ = try run(recipe(settings + [out, "attention_probs_dropout_prob=0"])).train { _ in }
        let written = try JSONValue(contentsOf: "\(place)2/config.json")
        #expect(written["attention_probs_dropout_prob"]?.numberValue == 0)
        #expect(written["hidden_dropout_prob"]?.numberValue == 0.1)
    }

    /// A model of another family is none to begin with.
    @Test func familiesMustBeTheSame() throws {
        let labelled = try LabelledFolder()
        try labelled.writeParts()
        _ = try labelled.train(labelled.recipe("gru", "first", ["max_steps=1"]))
        let error = #expect(throws: RecipeError.self) {
            let path = "model.path=\(labelled.folder.path)/first"
            try labelled.train(labelled.recipe("lstm", "out", [path, "max_steps=1"]))
        }
        #expect(
            error?.description.contains("type gru, and model.family is lstm") == true,
            "\(error?.description ?? "-")"
        )
        // Pooling is free in both directions.
        let begin = ["model.path=\(labelled.folder.path)/first", "max_steps=1"]
        _ = try labelled.train(labelled.recipe("gru", "second", begin + ["pooling=attention"]))
        let again = ["model.path=\(labelled.folder.path)/second", "max_steps=1"]
        _ = try labelled.train(labelled.recipe("gru", "third", again + ["pooling=mean"]))
        let written = try JSONValue(contentsOf: "\(labelled.folder.path)/third/config.json")
        #expect(written["pooling"]?.stringValue == "mean")
    }

    /// So does a tagger, with labels and a field of its own.
    @Test func taggersBeginWithIt() throws {
        _ = try run(recipe(["max_steps=20"])).train { _ in }
        let tagged = try TaggedFolder()
        try tagged.write(TaggedFolder.sentences(40, seed: 1), to: "train.conll")
        try tagged.write(TaggedFolder.sentences(10, seed: 2), to: "dev.conll")
        let own = try tagged.encoderRecipe(["model.path=\(place)", "max_steps=3", "num_attention_heads=4"])
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
