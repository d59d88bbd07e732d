import Foundation
import Testing
import YuyanFileFormats
import YuyanTasks
import YuyanTestSupport
import YuyanTokenizers
import YuyanTraining

/// Transformers and models from texts to texts that begin with word vectors.
@Suite(.serialized) struct WordVectorTableTests {
    private static let encoder = [
        "hidden_size=4", "num_attention_heads=2", "num_hidden_layers=1", "intermediate_size=8", "max_steps=3",
    ]

    /// The rows of words in a table of a model folder.
    private func rows(_ folder: String, _ key: String, _ words: [String], width: Int) throws -> [[Float]] {
        let file = try SafetensorsFile(path: "\(folder)/model.safetensors")
        let tokens = try TokenizerFiles.load(folder: folder)
        let values = try file.elements(of: key, dtype: .f32, as: Float.self)
        return try words.map { word in
            let id = Int(try #require(tokens.id(of: word)))
            return Array(values[id * width..<(id + 1) * width])
        }
    }

    private func refusal(_ body: () throws -> Void) -> String {
        let error = #expect(throws: RecipeError.self) { try body() }
        return error?.description ?? "-"
    }

    @Test func encodersOfClassifiers() throws {
        let labelled = try LabelledFolder()
        try labelled.writeParts()
        try labelled.folder.write("2 4\nfine 1 0 0 0.5\nawful -1 0 0 0.5\n", to: "v.txt")
        let vectors = ["vectors=\(labelled.folder.path)/v.txt", "freeze_vectors=true", "tokenizer.type=word"]
        var notes: [String] = []
        try labelled.train(try labelled.recipe("encoder", "out", Self.encoder + vectors)) { event in
            if case .note(let note) = event { notes.append(note) }
        }
        #expect(notes.contains { $0.hasPrefix("2 of ") && $0.hasSuffix("which stay") }, "\(notes)")
        let found = try rows(
            "\(labelled.folder.path)/out",
            "bert.embeddings.word_embeddings.weight",
            ["fine", "awful"],
            width: 4
        )
        #expect(found == [[1, 0, 0, 0.5], [-1, 0, 0, 0.5]])
        let wide = refusal {
            try labelled.train(
                try labelled.recipe("encoder", "x", Self.encoder + vectors + ["hidden_size=8"])
            )
        }
        #expect(wide.contains("vectors of 4 values") && wide.contains("hidden_size is 8"), "\(wide)")
        let pieces = refusal {
            try labelled.train(
                try labelled.recipe("encoder", "x", Self.encoder + vectors + ["tokenizer.type=wordpiece"])
            )
        }
        #expect(pieces.contains("tokenizer is wordpiece") && pieces.contains("word"), "\(pieces)")
    }

    @Test func encodersOfTaggers() throws {
        let tagged = try TaggedFolder()
        try tagged.write(TaggedFolder.sentences(60, seed: 1), to: "train.conll")
        try tagged.write(TaggedFolder.sentences(10, seed: 2), to: "dev.conll")
        try tagged.folder.write("2 4\nriver 1 0 0 0.5\nAnna -1 0 0 0.5\n", to: "v.txt")
        let vectors = ["vectors=\(tagged.folder.path)/v.txt", "freeze_vectors=true", "tokenizer.type=word"]
        var notes: [String] = []
        func train(_ settings: [String]) throws {
            let recipe = try tagged.encoderRecipe(Self.encoder + vectors + settings)
            _ = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { event in
                if case .note(let note) = event { notes.append(note) }
            }
        }
        try train([])
        #expect(notes.contains { $0.hasPrefix("2 of ") && $0.hasSuffix("which stay") }, "\(notes)")
        let key = "bert.embeddings.word_embeddings.weight"
        let found = try rows("\(tagged.folder.path)/out", key, ["river", "Anna"], width: 4)
        #expect(found == [[1, 0, 0, 0.5], [-1, 0, 0, 0.5]])
        let pieces = refusal { try train(["tokenizer.type=wordpiece"]) }
        #expect(pieces.contains("tokenizer is wordpiece"), "\(pieces)")
        let model = refusal { try train(["model.path=\(tagged.folder.path)/out"]) }
        #expect(model.contains("model.vectors and model.path exclude each other"), "\(model)")
    }

    /// Pre-training needs a tokenizer with a mask, whose tokens may be whole words, too.
    @Test func encodersOfPretraining() throws {
        let folder = try ScratchFolder()
        let text = (0..<80).map { $0 % 3 == 0 ? "salt and pepper" : "cats and dogs" }.joined(separator: "\n")
        try folder.write(text, to: "text.txt")
        try folder.write("2 4\nsalt 1 0 0 0.5\ncats -1 0 0 0.5\n", to: "v.txt")
        let yaml = """
            task: masked-language-modeling
            data: { train: "\(folder.path)/text.txt", validation_fraction: 0.2 }
            tokenizer: { vocab_size: 60 }
            model: { max_position_embeddings: 16 }
            training: { output_dir: "\(folder.path)/out", tensorboard: false, learning_rate: 1.0e-2,
                        per_device_train_batch_size: 4 }
            """
        var notes: [String] = []
        func train(_ settings: [String]) throws {
            let recipe = try Recipe(yaml: yaml, name: "r.yaml", overrides: Self.encoder + settings)
            _ = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { event in
                if case .note(let note) = event { notes.append(note) }
            }
        }
        let vectors = ["vectors=\(folder.path)/v.txt", "freeze_vectors=true"]
        let pieces = refusal { try train(vectors) }
        #expect(pieces.contains("tokenizer is wordpiece"), "\(pieces)")
        try train([])
        let config = try JSONValue(contentsOf: "\(folder.path)/out/config.json")
        #expect(config["position_embedding_type"] == "rotary" && config["norm_placement"] == "post")
        try train(vectors + ["tokenizer.path=\(folder.path)/out", "output_dir=\(folder.path)/second"])
        #expect(notes.contains { $0.hasPrefix("2 of ") && $0.hasSuffix("which stay") }, "\(notes)")
        let key = "bert.embeddings.word_embeddings.weight"
        let found = try rows("\(folder.path)/second", key, ["salt", "cats"], width: 4)
        #expect(found == [[1, 0, 0, 0.5], [-1, 0, 0, 0.5]])
    }

    /// Where rows are multiplied by the root of their width, what the network reads are the vectors themselves.
    @Test(arguments: [("recurrent", "tokenEmbedding.weight"), ("encoder-decoder", "tokenEmbedding.weight")])
    func tablesOfWriters(family: String, key: String) throws {
        let pairs = try TranslationFolder()
        try pairs.write(TranslationFolder.pairs(60, seed: 1), to: "train.tsv")
        try pairs.write(TranslationFolder.pairs(10, seed: 2), to: "dev.tsv")
        let lines = ["2 4", "dog 2 0 0 -2", "hund 0 2 0 -2"]
        try pairs.folder.write(lines.joined(separator: "\n") + "\n", to: "v.txt")
        let sizes = family == "recurrent" ? ["hidden_size=8"] : ["hidden_size=4", "num_attention_heads=2"]
        let settings =
            sizes + [
                "vectors=\(pairs.folder.path)/v.txt", "freeze_vectors=true", "tokenizer.type=word",
                "num_train_epochs=1", "bf16=false",
            ]
        var notes: [String] = []
        func train(_ settings: [String]) throws {
            let recipe = try pairs.recipe(family, settings)
            _ = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { event in
                if case .note(let note) = event { notes.append(note) }
            }
        }
        try train(settings)
        let out = "\(pairs.folder.path)/out"
        // The root of 4 is 2.
        let found = try rows(out, key, ["dog", "hund"], width: 4)
        #expect(found == [[1, 0, 0, -1], [0, 1, 0, -1]], "\(found)")
        #expect(notes.contains { $0.hasPrefix("2 of ") }, "\(notes)")
        // Two vocabularies: each table has the words of its side.
        notes = []
        try train(settings + ["joint_vocabulary=false", "output_dir=\(pairs.folder.path)/apart"])
        #expect(notes.filter { $0.hasPrefix("1 of ") }.count == 2, "\(notes)")
        #expect(try rows("\(pairs.folder.path)/apart", key, ["hund"], width: 4) == [[0, 1, 0, -1]])
        let pieces = refusal { try train(settings + ["tokenizer.type=bpe"]) }
        #expect(pieces.contains("tokenizer is bpe"), "\(pieces)")
        if family == "encoder-decoder" {
            let wide = refusal { try train(settings + ["hidden_size=8"]) }
            #expect(wide.contains("hidden_size is 8"), "\(wide)")
        }
        try pairs.folder.write("1 4\nelsewhere 1 1 1 1\n", to: "v.txt")
        let none = refusal { try train(settings) }
        #expect(none.contains("none of the"), "\(none)")
    }
}

/// Recipes that ask for branches that begin at zero.
@Suite(.serialized) struct ReZeroRecipeTests {
    private func isSet(_ folder: String) throws -> Bool? {
        try JSONValue(contentsOf: "\(folder)/config.json")["use_rezero"]?.boolValue
    }

    @Test(arguments: ["gpt2", "llama"]) func decoders(layout: String) throws {
        let folder = try ScratchFolder()
        try folder.writeTexts(smallCorpus(documents: 40))
        let yaml = """
            tokenizer: { type: byte }
            data: { train: \(folder.path)/texts, validation_fraction: 0.2 }
            model: { layout: \(layout), num_hidden_layers: 2, hidden_size: 16, num_attention_heads: 2,
                     max_position_embeddings: 32, use_rezero: true }
            training: { output_dir: \(folder.path)/out, max_steps: 40, learning_rate: 1.0e-2, eval_steps: 0,
                        logging_steps: 1, bf16: false, tensorboard: false, per_device_train_batch_size: 4 }
            """
        let recipe = try Recipe(yaml: yaml, name: "recipe")
        #expect(try Recipe(yaml: recipe.resolved.printed(), name: "again") == recipe)
        var losses: [Double] = []
        let outcome = try LanguageModelRun(recipe, registryFolder: nil, version: "test").train { event in
            if case .training(.logged(let entry)) = event { losses.append(entry.loss) }
        }
        #expect(outcome.reason == .finished && (losses.last ?? 9) < 0.8 * (losses.first ?? 0), "\(losses)")
        #expect(try isSet("\(folder.path)/out") == true)
    }

    @Test func classifiers() throws {
        let labelled = try LabelledFolder()
        try labelled.writeParts()
        let settings = [
            "hidden_size=16", "intermediate_size=32", "num_attention_heads=2", "num_hidden_layers=2",
            "tokenizer.vocab_size=120", "learning_rate=0.01", "use_rezero=true",
        ]
        let outcome = try labelled.train(try labelled.recipe("encoder", "out", settings))
        #expect((outcome.metrics["eval_accuracy"] ?? 0) >= 0.9, "\(outcome.metrics)")
        #expect(try isSet("\(labelled.folder.path)/out") == true)
        let judged = try labelled.evaluate("out", "dev.tsv")
        #expect(judged.json["accuracy"]?.numberValue == outcome.metrics["eval_accuracy"])
        let post = #expect(throws: RecipeError.self) {
            try labelled.train(try labelled.recipe("encoder", "x", settings + ["norm_placement=post"]))
        }
        #expect(post?.description.contains("use_rezero") == true)
    }

    @Test func writers() throws {
        let pairs = try TranslationFolder()
        try pairs.write(TranslationFolder.pairs(200, seed: 1), to: "train.tsv")
        try pairs.write(TranslationFolder.pairs(20, seed: 2), to: "dev.tsv")
        var losses: [Double] = []
        let recipe = try pairs.recipe(
            "encoder-decoder",
            ["use_rezero=true", "num_train_epochs=4", "bf16=false", "logging_steps=1"]
        )
        _ = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { event in
            if case .training(.logged(let entry)) = event { losses.append(entry.loss) }
        }
        #expect((losses.last ?? 9) < 0.7 * (losses.first ?? 0), "\(losses)")
        #expect(try isSet("\(pairs.folder.path)/out") == true)
    }
}
