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
        let written = try Recipe(path: path)
        let columns = written.data.examples.settings.columns
        let kind = columns["score"] != nil ? "scores" : columns["label"] != nil ? "labels" : "pairs"
        let rows = [("train", 160), ("dev", 8)].map { part, count -> [[String: String]] in
            let seed: UInt64 = part == "train" ? 1 : 2
            guard kind != "pairs" else {
                return PairFolder.pairs(count, seed: seed).map { ["text": $0.text, "text_pair": $0.pair] }
            }
            return PairFolder.labelled(count, seed: seed).map { row in
                let judged = kind == "scores" ? ["score": "\(row.label * 5)"] : ["label": "\(row.label)"]
                return ["text": row.text, "text_pair": row.pair].merging(judged) { own, _ in own }
            }
        }
        try paired.writeWordVectors()
        var settings = try Self.files(written, rows[0], rows[1], in: paired.folder)
        if written.model.family == "word-vectors" {
            settings.append("vectors=\(paired.folder.path)/words.vec")
        } else {
            settings += Self.fewSteps
        }
        var recipe = try Recipe(path: path, overrides: settings)
        recipe.tokenizer.vocabSize = 300
        let outcome = try paired.train(recipe)
        #expect(outcome.reason == .finished)
        #expect(outcome.metrics["eval_\(kind == "scores" ? "spearman" : "mrr")"]?.isFinite == true)
    }

    private static let fewSteps = ["max_steps=4", "eval_steps=2", "save_steps=2", "logging_steps=1"]

    /// Writes the files that a recipe names, as its `data` section describes them.
    ///
    /// - Returns: The settings that lead the recipe to them.
    private static func files(
        _ recipe: Recipe,
        _ training: [[String: String]],
        _ validation: [[String: String]],
        in folder: ScratchFolder
    ) throws -> [String] {
        let file = ExampleFile(recipe)
        try folder.write(try #require(file.text(training)), to: recipe.data.train)
        var settings = ["data.train=\(folder.path)/\(recipe.data.train)", "output_dir=\(folder.path)/out"]
        if let name = recipe.data.validation {
            try folder.write(try #require(file.text(validation)), to: name)
            settings.append("data.validation=\(folder.path)/\(name)")
        }
        return settings
    }

    private func tags(_ path: String) throws {
        let tagged = try TaggedFolder()
        let written = try Recipe(path: path)
        let text = try #require(ExampleFile(written).text(TaggedFolder.sentences(40, seed: 1)))
        try tagged.folder.write(text, to: written.data.train)
        let settings = [
            "data.train=\(tagged.folder.path)/\(written.data.train)", "output_dir=\(tagged.folder.path)/out",
        ]
        var recipe = try Recipe(path: path, overrides: settings + Self.fewSteps)
        recipe.tokenizer.vocabSize = 300
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
            "data.train=\(folder.path)/train.conllu", "output_dir=\(folder.path)/out",
        ]
        try takesFourSteps(try Recipe(path: path, overrides: settings + Self.fewSteps))
    }

    private func answers(_ path: String) throws {
        let asked = try QuestionFolder()
        try asked.write(QuestionFolder.articles(30, seed: 1), to: "train.json")
        let settings = [
            "data.train=\(asked.folder.path)/train.json", "output_dir=\(asked.folder.path)/out",
            "tokenizer.vocab_size=300",
        ]
        try takesFourSteps(try Recipe(path: path, overrides: settings + Self.fewSteps))
    }

    private func writes(_ path: String) throws {
        let folder = try ScratchFolder()
        let written = try Recipe(path: path)
        let asks = written.data.examples.settings.columns["source_pair"] != nil
        let rows = TranslationFolder.pairs(60, seed: 1).map { pair in
            ["source": pair.source, "target": pair.target].merging(asks ? ["source_pair": pair.source] : [:])
            {
                own,
                _ in own
            }
        }
        let settings = try Self.files(written, rows, rows, in: folder)
        let small = ["tokenizer.vocab_size=300", "max_new_tokens=8", "hidden_size=32"]
        let recipe = try Recipe(path: path, overrides: settings + Self.fewSteps + small)
        try takesFourSteps(recipe)
    }

    private func classifies(_ path: String) throws {
        let labelled = try LabelledFolder()
        let written = try Recipe(path: path)
        let separator = written.data.examples.settings.labelSeparator
        let rows = LabelledFolder.rows(60, seed: 1).enumerated().map { number, row in
            let both = separator.map { number % 3 == 0 ? $0 + "plain" : "" } ?? ""
            return ["text": row.text, "label": row.label + both]
        }
        let settings = try Self.files(written, rows, rows, in: labelled.folder)
        var recipe = try Recipe(path: path, overrides: settings + Self.fewSteps)
        recipe.tokenizer.vocabSize = 300
        let outcome = try labelled.train(recipe)
        #expect(outcome.step == 4 && outcome.reason == .finished)
        #expect((outcome.metrics["eval_loss"] ?? .nan) < 8)
    }
}
