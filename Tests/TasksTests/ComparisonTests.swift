import Foundation
import Testing
import YuyanFileFormats
import YuyanMetrics
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// Two models judged on the same examples.
@Suite(.serialized) struct ComparisonTests {
    private func compare(
        _ first: TaskEvaluation,
        _ second: TaskEvaluation,
        task: String
    ) throws -> TaskComparison {
        try TaskComparison((first, "one"), (second, "two"), task: task)
    }

    private func refusal(_ first: TaskEvaluation, _ second: TaskEvaluation) -> String {
        let error = #expect(throws: RecipeError.self) {
            _ = try compare(first, second, task: "text-classification")
        }
        return error?.description ?? "-"
    }

    private func number(_ value: JSONValue?) throws -> Double { try #require(value?.numberValue) }

    /// What must hold of every comparison: the values are the evaluations' own, and the difference is theirs.
    private func holds(
        _ comparison: TaskComparison,
        _ first: TaskEvaluation,
        _ second: TaskEvaluation,
        figures: [String]
    ) throws {
        let all = try #require(comparison.json["figures"]?.objectValue)
        #expect(all.map { $0.key } == figures)
        for name in figures {
            let figure = try #require(all[name])
            let (one, two) = (try number(figure["first"]), try number(figure["second"]))
            for (value, evaluation) in [(one, first), (two, second)] {
                // What stands among the evaluation's own figures is the same there.
                let own = evaluation.figures.first { $0.name == name }?.value
                #expect(own != nil || name == "all_tags_right", "\(name)")
                if let own { #expect(abs(value - own) < 1e-9, "\(name)") }
            }
            #expect(try abs(number(figure["difference"]) - (one - two)) < 1e-12, "\(name)")
            let p = try number(figure["p_value"])
            #expect(p > 0 && p <= 1, "\(name): \(p)")
            let interval = try #require(figure["difference_interval"]?.arrayValue).compactMap(\.numberValue)
            #expect(interval.count == 2 && interval[0] <= interval[1], "\(name)")
            #expect(comparison.plain.contains(name) && comparison.page.html.contains(name))
        }
        #expect(comparison.plain.hasPrefix("A  one\nB  two\n"))
    }

    @Test func classifiers() throws {
        let labelled = try LabelledFolder()
        try labelled.writeParts()
        try labelled.train(try labelled.recipe("linear", "one"))
        // Looks at the two most frequent words alone, and so is wrong often.
        try labelled.train(try labelled.recipe("linear", "two", ["max_features=2", "word_ngrams=1"]))
        let (good, bad) = (
            try labelled.evaluate("one", "dev.tsv"), try labelled.evaluate("two", "dev.tsv")
        )
        let comparison = try compare(good, bad, task: "text-classification")
        try holds(
            comparison,
            good,
            bad,
            figures: ["accuracy", "macro_f1", "matthews_correlation", "log_loss"]
        )
        let accuracy = try #require(comparison.json["figures"]?["accuracy"])
        let right = try #require(accuracy["right"]?.objectValue)
        let counts = try ["both", "only_first", "only_second", "neither"].map {
            try #require(right[$0]?.integerValue)
        }
        #expect(counts.reduce(0, +) == 40)
        #expect(try abs(number(accuracy["first"]) - Double(counts[0] + counts[1]) / 40) < 1e-12)
        #expect(try abs(number(accuracy["second"]) - Double(counts[0] + counts[2]) / 40) < 1e-12)
        // McNemar's exact p from the two counts that differ, by the definition.
        let (trials, least) = (counts[1] + counts[2], min(counts[1], counts[2]))
        var tail = 0.0
        for heads in 0...least {
            var ways = 1.0
            for place in 0..<heads { ways *= Double(trials - place) / Double(place + 1) }
            tail += ways * pow(0.5, Double(trials))
        }
        #expect(try abs(number(accuracy["p_value"]) - min(1, 2 * tail)) < 1e-9)
        #expect(accuracy["test"]?.stringValue == "mcnemar_exact")
        #expect(
            comparison.json["figures"]?["macro_f1"]?["test"]?.stringValue == "approximate_randomization"
        )
        #expect(comparison.plain.contains("only A"))
        // Against itself nothing differs.
        let same = try compare(good, good, task: "text-classification")
        try holds(same, good, good, figures: ["accuracy", "macro_f1", "matthews_correlation", "log_loss"])
        for figure in try #require(same.json["figures"]?.objectValue) {
            #expect(try number(figure.value["p_value"]) == 1, "\(figure.key)")
            #expect(figure.value["difference_interval"]?.arrayValue?.compactMap(\.numberValue) == [0, 0])
        }
    }

    @Test func whatDiffersIsRefused() throws {
        let labelled = try LabelledFolder()
        try labelled.writeParts()
        let rows = LabelledFolder.rows(40, seed: 2)
        try labelled.write(Array(rows.dropLast()), to: "fewer.tsv")
        var changed = rows
        changed[6].text += "."
        try labelled.write(changed, to: "changed.tsv")
        try labelled.train(try labelled.recipe("linear", "one"))
        let own = try labelled.evaluate("one", nil)
        let fewer = refusal(own, try labelled.evaluate("one", "fewer.tsv"))
        #expect(fewer.contains("40 texts") && fewer.contains("39") && fewer.contains("--data"), "\(fewer)")
        let other = refusal(own, try labelled.evaluate("one", "changed.tsv"))
        #expect(other.contains("different texts, beginning with number 7"), "\(other)")
        try labelled.writeParts(labels: ["bad", "good", "plain"])
        try labelled.train(try labelled.recipe("linear", "three"))
        let labels = refusal(own, try labelled.evaluate("three", nil))
        #expect(labels.contains("different labels: only two has plain"), "\(labels)")
        let one = try Recipe(modelFolder: "\(labelled.folder.path)/one")
        let tagger = #expect(throws: RecipeError.self) {
            try TaskComparison.check(one, try Recipe(task: "token-classification"))
        }
        #expect(tagger?.description.contains("same task") == true)
        let masked = #expect(throws: RecipeError.self) {
            try TaskComparison.check(
                try Recipe(task: "language-modeling"),
                try Recipe(task: "masked-language-modeling")
            )
        }
        #expect(masked?.description.contains("not the same quantity") == true)
    }

    // MARK: Language models

    /// Runs of language models on small texts, each with a tokenizer of its own.
    private struct Models {
        let folder: ScratchFolder

        init(_ texts: [String]) throws {
            folder = try ScratchFolder()
            try folder.writeTexts(texts)
        }

        func evaluation(
            _ name: String,
            _ tokenizer: String,
            _ model: String,
            task: String = "language-modeling",
            training: String = "",
            data: String? = nil
        ) throws -> TaskEvaluation {
            let place = "\(folder.path)/\(name)"
            let yaml = """
                task: \(task)
                data: { train: \(folder.path)/texts, validation_fraction: 0.2 }
                tokenizer: \(tokenizer)
                model: \(model)
                training: { output_dir: \(place)\(training) }
                """
            if !FileManager.default.fileExists(atPath: "\(place)/recipe.json") {
                let recipe = try Recipe(yaml: yaml, name: "recipe")
                _ = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { _ in }
            }
            let run = try TaskCatalog.run(
                try Recipe(modelFolder: place),
                registryFolder: nil,
                version: "test"
            )
            let source = EvaluationData(path: data.map { "\(folder.path)/\($0)" })
            return try run.evaluate(folder: place, data: source, report: { _ in })
        }
    }

    private static let steps = ", max_steps: 2, tensorboard: false, bf16: false, eval_steps: 0"
    private static let decoder =
        "{ num_hidden_layers: 1, hidden_size: 16, num_attention_heads: 2, max_position_embeddings: 24 }"
    private static let counted = "{ family: n-gram, order: 3 }"

    /// Bits per byte of documents compare whatever the tokenizer, the family and the rows of batches.
    @Test func languageModelsByDocuments() throws {
        let models = try Models(smallCorpus(documents: 60))
        let parts = try models.evaluation("parts", "{ type: bpe, vocab_size: 300 }", Self.counted)
        let bytes = try models.evaluation("bytes", "{ type: byte }", Self.counted)
        let network = try models.evaluation(
            "network",
            "{ type: bpe, vocab_size: 280 }",
            Self.decoder,
            training: Self.steps
        )
        for (one, two) in [(parts, bytes), (parts, network), (network, bytes)] {
            let comparison = try compare(one, two, task: "language-modeling")
            try holds(comparison, one, two, figures: ["bits_per_byte"])
            let documents = try #require(parts.json["documents"]?.integerValue)
            #expect(comparison.json["examples"]?.integerValue == documents)
            #expect(comparison.plain.contains("\(documents) documents"))
            // A dot for each document stands on the page.
            let page = PagePictures(comparison.page.html)
            #expect(try page.values("The documents by bits per byte").count == documents)
        }
        // Two steps teach less than all counts, on every document; and chance does not give that.
        let comparison = try compare(network, parts, task: "language-modeling")
        let figure = try #require(comparison.json["figures"]?["bits_per_byte"])
        #expect(try number(figure["difference"]) > 0 && number(figure["p_value"]) < 0.01)
        let interval = try #require(figure["difference_interval"]?.arrayValue).compactMap(\.numberValue)
        #expect(try interval[0] > 0 && interval[0] < number(figure["difference"]))
        #expect(figure["test"]?.stringValue == "approximate_randomization")
        let same = try compare(network, network, task: "language-modeling")
        #expect(try number(same.json["figures"]?["bits_per_byte"]?["p_value"]) == 1)
    }

    /// Without documents, stretches of the text take their place.
    @Test func languageModelsOnOneDocument() throws {
        let models = try Models(smallCorpus(documents: 30))
        try models.folder.write(smallCorpus(documents: 90, seed: 3).joined(separator: " "), to: "one.txt")
        try models.folder.write(smallCorpus(documents: 90, seed: 4).joined(separator: " "), to: "two.txt")
        func network(_ name: String, _ tokenizer: String, _ data: String) throws -> TaskEvaluation {
            try models.evaluation(name, tokenizer, Self.decoder, training: Self.steps, data: data)
        }
        let one = try network("one", "{ type: bpe, vocab_size: 280 }", "one.txt")
        let two = try network("two", "{ type: byte }", "one.txt")
        let comparison = try compare(one, two, task: "language-modeling")
        try holds(comparison, one, two, figures: ["bits_per_byte"])
        let size = try #require(two.json["bytes"]?.integerValue)
        #expect(size > 4096 && one.json["bytes"]?.integerValue == size)
        #expect(comparison.json["examples"]?.integerValue == (size + 1023) / 1024)
        #expect(comparison.plain.contains("stretches of 1024 bytes"))
        // Another text is refused, and so are documents against stretches and n-grams on one document.
        let other = try network("two", "{ type: byte }", "two.txt")
        let text = refusal(one, other)
        #expect(text.contains("different stretches") || text.contains("was judged on"), "\(text)")
        #expect(text.contains("--data"), "\(text)")
        let own = refusal(one, try models.evaluation("two", "{ type: byte }", Self.decoder))
        #expect(own.contains("documents") && own.contains("stretches"), "\(own)")
        let counts = try models.evaluation("counts", "{ type: byte }", Self.counted, data: "one.txt")
        #expect(refusal(counts, counts).contains("single document"))
    }

    /// A tokenizer that does not give back its text is refused beside one that does.
    @Test func languageModelsOnTextsThatDiffer() throws {
        let models = try Models(smallCorpus(documents: 40))
        let bytes = try models.evaluation("bytes", "{ type: byte }", Self.counted)
        let words = try models.evaluation("words", "{ type: word, vocab_size: 300 }", Self.counted)
        let refused = refusal(bytes, words)
        #expect(refused.contains("different documents") && refused.contains("byte by byte"), "\(refused)")
        let same = try compare(words, words, task: "language-modeling")
        #expect(try number(same.json["figures"]?["bits_per_byte"]?["difference"]) == 0)
    }

    /// Masked models are compared where the same tokens are hidden.
    @Test func maskedModels() throws {
        let models = try Models(smallCorpus(documents: 60))
        func evaluation(_ name: String, _ tokenizer: String, _ training: String) throws -> TaskEvaluation {
            try models.evaluation(
                name,
                tokenizer,
                "{ family: encoder, num_hidden_layers: 1, hidden_size: 16, num_attention_heads: 2, "
                    + "intermediate_size: 32, max_position_embeddings: 24 }",
                task: "masked-language-modeling",
                training: ", tensorboard: false, bf16: false, eval_steps: 0\(training)"
            )
        }
        let tokenizer = "{ type: wordpiece, vocab_size: 65 }"
        let less = try evaluation("less", tokenizer, ", max_steps: 1, seed: 1")
        let more = try evaluation("more", tokenizer, ", max_steps: 12, learning_rate: 0.01, seed: 1")
        let comparison = try compare(less, more, task: "masked-language-modeling")
        try holds(comparison, less, more, figures: ["loss", "accuracy"])
        #expect(comparison.json["examples"]?.integerValue == less.json["blocks"]?.integerValue)
        let otherwise = try evaluation("otherwise", tokenizer, ", max_steps: 1, seed: 2")
        let seeds = refusal(less, otherwise)
        #expect(seeds.contains("data_seed"), "\(seeds)")
        let other = try evaluation("other", "{ type: wordpiece, vocab_size: 50 }", ", max_steps: 1, seed: 1")
        let tokenizers = refusal(less, other)
        #expect(tokenizers.contains("one tokenizer"), "\(tokenizers)")
    }

    @Test func classifiersOfSeveralLabels() throws {
        let labelled = try LabelledFolder()
        let rows = LabelledFolder.rows(120, seed: 1).enumerated().map { place, row in
            (
                text: row.text + (place % 3 == 0 ? " grey" : ""),
                label: row.label + (place % 3 == 0 ? "|plain" : "")
            )
        }
        try labelled.write(rows, to: "train.tsv")
        try labelled.write(Array(rows.prefix(40)), to: "dev.tsv")
        let several = ["data.label_separator=|"]
        try labelled.train(try labelled.recipe("linear", "one", several))
        try labelled.train(
            try labelled.recipe("linear", "two", several + ["max_features=2", "word_ngrams=1"])
        )
        let (good, bad) = (try labelled.evaluate("one", nil), try labelled.evaluate("two", nil))
        let comparison = try compare(good, bad, task: "text-classification")
        try holds(comparison, good, bad, figures: ["accuracy", "macro_f1", "micro_f1", "log_loss"])
    }

    @Test func taggers() throws {
        let tagged = try TaggedFolder()
        try tagged.write(TaggedFolder.sentences(150, seed: 1), to: "train.conll")
        try tagged.write(TaggedFolder.sentences(50, seed: 2), to: "dev.conll")
        func evaluation(_ name: String, _ settings: [String]) throws -> TaskEvaluation {
            let output = "output_dir=\(tagged.folder.path)/\(name)"
            let yaml = """
                task: token-classification
                data: { train: "\(tagged.folder.path)/train.conll", validation: "\(tagged.folder.path)/dev.conll",
                        format: conll }
                model: { family: crf }
                """
            let recipe = try Recipe(yaml: yaml, name: "r.yaml", overrides: settings + [output])
            _ = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { _ in }
            let place = "\(tagged.folder.path)/\(name)"
            let run = try TaskCatalog.run(
                try Recipe(modelFolder: place),
                registryFolder: nil,
                version: "test"
            )
            return try run.evaluate(folder: place, data: EvaluationData(), report: { _ in })
        }
        let good = try evaluation("one", [])
        let bad = try evaluation("two", ["window=0", "affix_length=0", "shapes=false", "min_count=5"])
        let comparison = try compare(good, bad, task: "token-classification")
        try holds(
            comparison,
            good,
            bad,
            figures: ["f1", "precision", "recall", "accuracy", "all_tags_right"]
        )
        #expect(comparison.plain.contains("50 sentences"))
    }

    @Test func vectorsOfTexts() throws {
        let paired = try PairFolder()
        try paired.writeWordVectors()
        for (kind, figures) in [
            ("scores", ["spearman"]),
            (
                "labels",
                [
                    "map", "mrr", "ndcg_at_10", "precision_at_1", "recall_at_1", "recall_at_5",
                    "recall_at_10",
                ]
            ),
        ] {
            try paired.writeParts(kind)
            // So many pairs that every draw has some of both scores.
            let rows = PairFolder.labelled(30, seed: 2)
            try paired.write(rows.map { "\($0.text)\t\($0.pair)\t\($0.label)" }, to: "dev.tsv")
            func evaluation(_ name: String, _ settings: [String]) throws -> TaskEvaluation {
                let vectors = "vectors=\(paired.folder.path)/words.vec"
                let output = "\(name)-\(kind)"
                try paired.train(
                    try paired.recipe("word-vectors", kind, output, [vectors] + settings)
                )
                return try paired.evaluate(output, nil)
            }
            let one = try evaluation("sif", [])
            let two = try evaluation("plain", ["weighting=uniform", "remove_components=0"])
            let comparison = try compare(one, two, task: "text-embedding")
            try holds(comparison, one, two, figures: figures)
        }
    }

    /// Texts written: statistics of texts make the figures, whatever the metric.
    @Test func writtenTexts() throws {
        let pairs = try TranslationFolder()
        try pairs.write(TranslationFolder.pairs(200, seed: 1), to: "train.tsv")
        try pairs.write(TranslationFolder.pairs(20, seed: 2), to: "dev.tsv")
        let metrics = ["bleu", "chrf", "rouge_1", "rouge_2", "rouge_l", "exact_match", "f1"]
        func evaluation(_ name: String, epochs: Int) throws -> TaskEvaluation {
            let place = "\(pairs.folder.path)/\(name)"
            let recipe = try pairs.recipe(
                "recurrent",
                [
                    "output_dir=\(place)", "num_train_epochs=\(epochs)",
                    "generation.metrics=\(metrics.joined(separator: ","))",
                ]
            )
            _ = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { _ in }
            let run = try TaskCatalog.run(
                try Recipe(modelFolder: place),
                registryFolder: nil,
                version: "test"
            )
            return try run.evaluate(folder: place, data: EvaluationData(), report: { _ in })
        }
        let (more, less) = (try evaluation("one", epochs: 6), try evaluation("two", epochs: 1))
        let comparison = try compare(more, less, task: "sequence-to-sequence")
        try holds(comparison, more, less, figures: metrics)
        #expect(comparison.json["figures"]?["exact_match"]?["right"] != nil)
    }
}
