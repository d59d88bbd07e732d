import Foundation
import Testing
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// A run knows before its first step what its evaluation will give.
@Suite(.serialized) struct MetricNameTests {
    /// The names that a refusal lists are those of the figures that an evaluation gives.
    private func check(_ recipe: ([String]) throws -> Recipe) throws {
        var evaluations = 0
        func train(_ settings: [String]) throws -> TrainingOutcome {
            let own = try recipe(["max_steps=1"] + settings)
            return try TaskCatalog.run(own, registryFolder: nil, version: "test").train {
                if case .training(.evaluating) = $0 { evaluations += 1 }
            }
        }
        let error = #expect(throws: TrainingError.self) { try train(["metric_for_best_model=speed"]) }
        let text = error?.description ?? "-"
        #expect(text.hasPrefix("metric_for_best_model is eval_speed") && evaluations == 0, "\(text)")
        let list = text.components(separatedBy: "it gives ").last?.components(separatedBy: ";").first
        let outcome = try train([])
        #expect(evaluations == 1 && list == outcome.metrics.keys.sorted().joined(separator: ", "), "\(text)")
    }

    @Test(arguments: ["language-modeling", "masked-language-modeling"]) func text(task: String) throws {
        let folder = try ScratchFolder()
        try folder.writeTexts(smallCorpus(documents: 40))
        let isMasked = task != "language-modeling"
        let yaml = """
            task: \(task)
            tokenizer: \(isMasked ? "{ vocab_size: 120 }" : "{ type: byte }")
            data: { train: "\(folder.path)/texts", validation_fraction: 0.2 }
            model: { num_hidden_layers: 1, hidden_size: 16, num_attention_heads: 2, max_position_embeddings: 32 }
            training: { output_dir: "\(folder.path)/out", tensorboard: false, per_device_train_batch_size: 4 }
            """
        try check { try Recipe(yaml: yaml, name: "r.yaml", overrides: $0) }
    }

    @Test(arguments: [[], ["label_separator=|"]]) func classes(settings: [String]) throws {
        let labelled = try LabelledFolder()
        try labelled.writeParts()
        try check { try labelled.recipe("text-cnn", "out", settings + $0) }
    }

    @Test func tags() throws {
        let tagged = try TaggedFolder()
        try tagged.write(TaggedFolder.sentences(40, seed: 1), to: "train.conll")
        try tagged.write(TaggedFolder.sentences(20, seed: 2), to: "dev.conll")
        try check { try tagged.recipe("gru", $0) }
    }

    @Test(arguments: [[], ["metrics=[rouge_l, f1]"]])
    func sequences(settings: [String]) throws {
        let pairs = try TranslationFolder()
        try pairs.write(TranslationFolder.pairs(60, seed: 1), to: "train.tsv")
        try pairs.write(TranslationFolder.pairs(10, seed: 2), to: "dev.tsv")
        try check { try pairs.recipe("recurrent", settings + $0) }
    }

    @Test func answers() throws {
        let asked = try QuestionFolder()
        try asked.write(QuestionFolder.articles(20, seed: 1), to: "train.json")
        try asked.write(QuestionFolder.articles(5, seed: 2), to: "dev.json")
        try check { try asked.recipe("reader", $0) }
    }

    @Test(arguments: ["pairs", "labels", "scores"]) func vectors(kind: String) throws {
        let paired = try PairFolder()
        try paired.writeParts(kind)
        try check { try paired.recipe("bag-of-embeddings", kind, "out", ["model.embedding_dim=16"] + $0) }
    }
}

/// What killed runs left in an output folder.
@Suite(.serialized) struct UnfinishedFileTests {
    @Test(arguments: [("text-cnn", ["max_steps=1"]), ("linear", [])])
    func isRemovedAtTheStart(family: String, settings: [String]) throws {
        let labelled = try LabelledFolder()
        try labelled.writeParts()
        let recipe = try labelled.recipe(family, "out", settings)
        let out = "\(labelled.folder.path)/out"
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
        // No process has so large a number; the parent of this one lives.
        let left = ["README.md", "config.json", "model.safetensors"].map { "out/\($0).99999999-1f.tmp" }
        let others = ["out/config.json.\(getppid())-1f.tmp", "out/notes.tmp"]
        for name in left + others { try labelled.folder.write("begun", to: name) }
        try labelled.train(recipe)
        #expect(left.allSatisfy { !labelled.folder.exists($0) })
        #expect(others.allSatisfy { labelled.folder.exists($0) })
    }
}
