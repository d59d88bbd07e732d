import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// Every recipe under Examples is run on a small text, for a few steps and with a small model.
@Suite(.serialized) struct ExampleTests {
    private static let names: [String] = {
        var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        folder.appendPathComponent("Examples")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".yaml") }.sorted().map { "\(folder.path)/\($0)" }
    }()

    @Test func thereAreExamples() { #expect(Self.names.count >= 3) }

    @Test(arguments: names) func runs(path: String) throws {
        switch try Recipe(path: path).task {
        case "text-classification": return try classifies(path)
        case "token-classification": return try tags(path)
        case "semantic-roles": return try findsRoles(path)
        case "question-answering": return try answers(path)
        case "sequence-to-sequence": return try writes(path)
        case "text-embedding": return try embeds(path)
        default: break
        }
        let folder = try ScratchFolder()
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/corpus",
            withIntermediateDirectories: true
        )
        for (number, text) in smallCorpus(documents: 30).enumerated() {
            try folder.write(text, to: "corpus/\(number).txt")
        }
        if try Recipe(path: path).model.family == "n-gram" { return try counts(path, folder) }
        var settings = [
            "data.train=\(folder.path)/corpus", "output_dir=\(folder.path)/out", "max_steps=4",
            "warmup_steps=1",
            "eval_steps=2", "save_steps=2", "logging_steps=1", "num_hidden_layers=1", "hidden_size=32",
            "num_attention_heads=2", "max_position_embeddings=32", "per_device_train_batch_size=2",
            "tokenizer.vocab_size=300",
        ]
        let written = try Recipe(path: path)
        if written.model.numKeyValueHeads != nil { settings.append("num_key_value_heads=1") }
        let recipe = try Recipe(path: path, overrides: settings)
        let outcome = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { _ in }
        #expect(outcome.step == 4 && outcome.reason == .finished)
        #expect((outcome.metrics["eval_loss"] ?? .nan) < 8)
    }

    private func counts(_ path: String, _ folder: ScratchFolder) throws {
        let recipe = try Recipe(
            path: path,
            overrides: [
                "data.train=\(folder.path)/corpus", "output_dir=\(folder.path)/out",
                "tokenizer.vocab_size=300",
            ]
        )
        let outcome = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { _ in }
        #expect(outcome.step == 1 && outcome.reason == .finished)
        #expect((outcome.metrics["eval_loss"] ?? .nan) < 5)
        #expect(folder.exists("out/model.arpa"))
    }

    private func embeds(_ path: String) throws {
        let paired = try PairFolder()
        let columns = try Recipe(path: path).data.examples.settings.columns
        let kind = columns["score"] != nil ? "scores" : columns["label"] != nil ? "labels" : "pairs"
        try paired.writeParts(kind)
        try paired.writeWordVectors()
        var settings = [
            "data.train=\(paired.folder.path)/train.tsv", "data.format=tsv", "data.header=false",
            "columns.text=0",
            "columns.text_pair=1", "output_dir=\(paired.folder.path)/out", "max_steps=4", "eval_steps=2",
            "save_steps=2", "logging_steps=1",
        ]
        if kind != "pairs" { settings.append("columns.\(kind == "scores" ? "score" : "label")=2") }
        var recipe = try Recipe(path: path, overrides: settings)
        recipe.data.validation = nil
        recipe.tokenizer.vocabSize = 300
        if recipe.model.family == "word-vectors" {
            recipe = try Recipe(path: path, overrides: settings + ["vectors=\(paired.folder.path)/words.vec"])
        }
        let outcome = try paired.train(recipe)
        #expect(outcome.reason == .finished)
        #expect(outcome.metrics["eval_\(kind == "scores" ? "spearman" : "mrr")"]?.isFinite == true)
    }

    private func tags(_ path: String) throws {
        let tagged = try TaggedFolder()
        try tagged.write(TaggedFolder.sentences(40, seed: 1), to: "train.conll")
        let settings = [
            "data.train=\(tagged.folder.path)/train.conll", "data.format=conll", "columns.tokens=0",
            "columns.tags=1", "output_dir=\(tagged.folder.path)/out", "max_steps=4", "eval_steps=2",
            "save_steps=2", "logging_steps=1",
        ]
        var recipe = try Recipe(path: path, overrides: settings)
        recipe.data.validation = nil
        try takesFourSteps(recipe)
    }

    private func takesFourSteps(_ recipe: Recipe) throws {
        let run = try TaskCatalog.run(recipe, registryFolder: nil, version: "test")
        let outcome = try run.train { _ in }
        #expect(outcome.step == 4 && outcome.reason == .finished)
        // A field on features has no loss of its own kind.
        #expect((outcome.metrics["eval_loss"] ?? outcome.metrics["eval_f1"] ?? .nan) < 8)
    }

    private func findsRoles(_ path: String) throws {
        let folder = try ScratchFolder()
        try folder.write(SemanticRoleRunTests.conllu(40, seed: 1), to: "train.conllu")
        let settings = [
            "data.train=\(folder.path)/train.conllu", "output_dir=\(folder.path)/out", "max_steps=4",
            "eval_steps=2", "save_steps=2", "logging_steps=1",
        ]
        var recipe = try Recipe(path: path, overrides: settings)
        recipe.data.validation = nil
        try takesFourSteps(recipe)
    }

    private func answers(_ path: String) throws {
        let asked = try QuestionFolder()
        try asked.write(QuestionFolder.articles(30, seed: 1), to: "train.json")
        let settings = [
            "data.train=\(asked.folder.path)/train.json", "output_dir=\(asked.folder.path)/out",
            "max_steps=4",
            "eval_steps=2", "save_steps=2", "logging_steps=1", "tokenizer.vocab_size=300",
        ]
        var recipe = try Recipe(path: path, overrides: settings)
        recipe.data.validation = nil
        try takesFourSteps(recipe)
    }

    private func writes(_ path: String) throws {
        let pairs = try TranslationFolder()
        let settings = [
            "data.format=jsonl", "data.train=\(pairs.folder.path)/train.jsonl",
            "output_dir=\(pairs.folder.path)/out", "max_steps=4", "eval_steps=2", "save_steps=2",
            "logging_steps=1", "tokenizer.vocab_size=300", "max_new_tokens=8", "hidden_size=32",
        ]
        let recipe = try Recipe(path: path, overrides: settings)
        let columns = recipe.data.examples.settings.columns
        let rows = TranslationFolder.pairs(60, seed: 1).map { pair -> String in
            var object = JSONObject()
            for (role, column) in columns {
                // Columns by number are those of a table; here they are keys of that name.
                object["\(column)"] = .string(role == "target" ? pair.target : pair.source)
            }
            return JSONValue.object(object).printed(indent: nil) + "\n"
        }
        try pairs.folder.write(rows.joined(), to: "train.jsonl")
        var named = recipe
        named.data.examples.settings.columns = columns.mapValues { .name("\($0)") }
        named.data.examples.settings.header = true
        let run = try TaskCatalog.run(named, registryFolder: nil, version: "test")
        let outcome = try run.train { _ in }
        #expect(outcome.step == 4 && outcome.reason == .finished)
        #expect((outcome.metrics["eval_loss"] ?? .nan) < 8)
    }

    private func classifies(_ path: String) throws {
        let labelled = try LabelledFolder()
        try labelled.write(LabelledFolder.rows(60, seed: 1), to: "train.tsv")
        let settings = [
            "data.train=\(labelled.folder.path)/train.tsv", "data.format=tsv", "data.header=false",
            "columns.text=0", "columns.label=1", "output_dir=\(labelled.folder.path)/out", "max_steps=4",
            "eval_steps=2", "save_steps=2", "logging_steps=1",
        ]
        var recipe = try Recipe(path: path, overrides: settings)
        recipe.data.validation = nil
        recipe.tokenizer.vocabSize = 300
        recipe.data.examples.settings.labelMap = [:]
        let outcome = try labelled.train(recipe)
        #expect(outcome.step == 4 && outcome.reason == .finished)
        #expect((outcome.metrics["eval_loss"] ?? .nan) < 8)
    }
}
