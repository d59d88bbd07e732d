import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// Pairs of a small language and another one, word by word.
struct TranslationFolder {
    let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    static let words = [
        "one": "eins", "two": "zwei", "three": "drei", "red": "rot", "big": "gross", "dog": "hund",
        "sun": "sonne", "sees": "sieht",
    ]
    static let chinese = [
        "one": "一", "two": "二", "three": "三", "red": "红", "big": "大", "dog": "狗", "sun": "日", "sees": "看",
    ]

    static func pairs(
        _ count: Int,
        seed: UInt64,
        dictionary: [String: String] = words,
        joint: String = " "
    ) -> [(source: String, target: String)] {
        var numbers = TextNumbers(seed: seed)
        let all = dictionary.keys.sorted()
        return (0..<count).map { _ in
            let chosen = (0..<Int.random(in: 1...4, using: &numbers)).map { _ in
                all[Int.random(in: 0..<all.count, using: &numbers)]
            }
            return (
                chosen.joined(separator: " "),
                chosen.compactMap { dictionary[$0] }.joined(separator: joint)
            )
        }
    }

    func write(_ pairs: [(source: String, target: String)], to name: String) throws {
        try folder.write(pairs.map { "\($0.source)\t\($0.target)\n" }.joined(), to: name)
    }

    func recipe(_ family: String, _ settings: [String] = []) throws -> Recipe {
        let small =
            family == "recurrent"
            ? "embedding_dim: 64, hidden_size: 64, dropout: 0"
            : "hidden_size: 32, intermediate_size: 64, num_attention_heads: 2, encoder_layers: 1, decoder_layers: 1, dropout: 0"
        let yaml = """
            task: sequence-to-sequence
            data: { train: "\(folder.path)/train.tsv", validation: "\(folder.path)/dev.tsv", format: tsv,
                    header: false, columns: { source: 0, target: 1 }, batch_tokens: 128 }
            tokenizer: { vocab_size: 400 }
            model: { family: \(family), \(small), max_source_length: 24, max_target_length: 24 }
            training: { output_dir: "\(folder.path)/out", num_train_epochs: 12, seed: 1, tensorboard: false,
                        learning_rate: 1.0e-2, label_smoothing_factor: 0 }
            """
        return try Recipe(yaml: yaml, name: "r.yaml", overrides: settings)
    }
}

/// Sequence to sequence from recipe to texts, on pairs made here.
@Suite(.serialized) struct SequenceRunTests {
    private let pairs: TranslationFolder
    private var out: String { "\(pairs.folder.path)/out" }

    init() throws {
        pairs = try TranslationFolder()
        try pairs.write(TranslationFolder.pairs(600, seed: 1), to: "train.tsv")
        try pairs.write(TranslationFolder.pairs(40, seed: 2), to: "dev.tsv")
    }

    @discardableResult
    private func train(
        _ recipe: Recipe,
        _ report: @escaping (TaskEvent) -> Void = { _ in }
    ) throws -> TrainingOutcome {
        try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train(report: report)
    }

    private func run(_ overrides: [String] = []) throws -> any TaskRun {
        let recipe = try Recipe(modelFolder: out, overrides: overrides)
        return try TaskCatalog.run(recipe, registryFolder: nil, version: "test")
    }

    private static func row(_ fields: [String: String]) -> Record {
        let names = fields.keys.sorted()
        return Record(
            names: names,
            values: names.map { fields[$0].map { .text($0) } },
            place: RecordPlace(path: "rows", line: 1)
        )
    }

    /// Sources that are longer than the model are cut, and that is said.
    @Test func longSourcesAreCutAndCounted() throws {
        try train(try pairs.recipe("recurrent", ["max_steps=2"]))
        let long = [String](repeating: "three", count: 60).joined(separator: " ")
        try pairs.write([("one two", "eins zwei"), (long, "drei")], to: "long.tsv")
        var notes: [String] = []
        let source = EvaluationData(path: "\(pairs.folder.path)/long.tsv")
        _ = try run().evaluate(folder: out, data: source) {
            if case .note(let text) = $0 { notes.append(text) }
        }
        #expect(notes.contains { $0.hasPrefix("1 of 2 evaluated sources") }, "\(notes)")
        let answers = try run().predictor(folder: out).predict(
            ["one", long].map { Self.row(["source": $0]) }
        )
        #expect(answers[0]["cut"] == nil && answers[1]["cut"]?.boolValue == true)
    }

    @Test(arguments: [
        ("encoder-decoder", ["bf16=false"]),
        (
            "encoder-decoder",
            // Norms behind the branches are unsteady at the others' rate.
            [
                "norm_placement=post", "position_embedding_type=relative", "joint_vocabulary=false",
                "learning_rate=5e-3", "num_train_epochs=16",
            ]
        ),
        ("recurrent", []), ("recurrent", ["attention=additive", "cell=gru"]),
        (
            "recurrent",
            [
                "input_feeding=true", "tie_word_embeddings=false", "joint_vocabulary=false",
                "num_train_epochs=16",
            ]
        ),
    ])
    func learnsJudgesAndWrites(family: String, settings: [String]) throws {
        let outcome = try train(try pairs.recipe(family, settings))
        #expect(outcome.reason == .finished)
        #expect((outcome.metrics["eval_loss"] ?? .nan) < 0.5, "\(outcome.metrics)")
        #expect((outcome.metrics["eval_bleu"] ?? 0) > 60, "\(outcome.metrics)")
        #expect((outcome.metrics["eval_chrf"] ?? 0) > 75)
        let evaluation = try run().evaluate(
            folder: out,
            data: EvaluationData(path: "\(pairs.folder.path)/dev.tsv"),
            report: { _ in }
        )
        let figures = Dictionary(uniqueKeysWithValues: evaluation.figures.map { ($0.name, $0) })
        // What is judged afterwards is the model that the run chose.
        let bleu = try #require(figures["bleu"])
        #expect(bleu.value == outcome.metrics["eval_bleu"])
        let interval = try #require(bleu.interval)
        #expect(interval.low <= bleu.value && bleu.value <= interval.high)
        expectClose(
            actual: [figures["loss"]?.value ?? .nan],
            expected: [outcome.metrics["eval_loss"] ?? 0],
            relative: 1e-6
        )
        let loss = try #require(figures["loss"]?.interval)
        #expect(loss.low <= loss.estimate && loss.estimate <= loss.high && loss.low < loss.high)
        let slices = try #require(evaluation.document["slices"]?.arrayValue)
        #expect(slices.count >= 4 && slices.allSatisfy { $0["mean_chrf"]?.numberValue != nil })
        #expect(evaluation.page?.html.contains("The worst texts") == true)
        let page = try PagePictures(evaluation)
        let texts = try #require(figures["texts"]?.value)
        #expect(try page.sum("Texts by what they share") == texts && page.isPlain)
        #expect(try Double(page.values("Length of what was written").count) == texts)
        #expect(try !page.values("By length of the source").isEmpty)
        #expect(page.html.contains("Loss while it learned"))
        #expect(evaluation.document["bleu_tokenization"]?.stringValue == "13a")
        let wanted = TranslationFolder.pairs(40, seed: 2)
        let rows = wanted.map { ["source": $0.source] } + [["source": ""], ["text": "one two three"]]
        for overrides in [[], ["generation.num_beams=3"]] {
            let answers = try run(overrides).predictor(folder: out).predict(rows.map(Self.row))
            let right = zip(answers, wanted).filter { $0["target"]?.stringValue == $1.target }
            #expect(right.count >= 24)
            #expect((answers[0]["score"]?.numberValue ?? 1) < 0)
            // There is nothing to read in an empty text, and nothing is written.
            #expect(answers[40]["target"]?.stringValue == "" && answers[40]["score"]?.isNull == true)
            #expect(answers[41]["target"]?.stringValue?.isEmpty == false)
        }
    }

    /// A run that lost its last checkpoints goes on from the one before and ends with the same weights.
    @Test(arguments: ["encoder-decoder", "recurrent"]) func resumesExactly(family: String) throws {
        let recipe = try pairs.recipe(
            family,
            ["max_steps=20", "save_steps=6", "eval_steps=6", "save_total_limit=0", "dropout=0.2"]
        )
        try train(recipe)
        let whole = try #require(pairs.folder.bytes("out/model.safetensors"))
        for name in ["checkpoint-20", "checkpoint-18", "model.safetensors"] {
            try FileManager.default.removeItem(atPath: "\(out)/\(name)")
        }
        var started: Int?
        try train(recipe) { event in
            if case .training(.started(let step, _)) = event { started = step }
        }
        #expect(started == 12)
        #expect(pairs.folder.bytes("out/model.safetensors") == whole)
    }

    /// Chinese is judged character by character, as sacreBLEU's zh does, and ROUGE and answers likewise.
    @Test func chinese() throws {
        try pairs.write(
            TranslationFolder.pairs(600, seed: 3, dictionary: TranslationFolder.chinese, joint: ""),
            to: "train.tsv"
        )
        try pairs.write(
            TranslationFolder.pairs(30, seed: 4, dictionary: TranslationFolder.chinese, joint: ""),
            to: "dev.tsv"
        )
        let metrics = "metrics=bleu,chrf,rouge_1,rouge_2,rouge_l,exact_match,f1"
        let recipe = try pairs.recipe(
            "encoder-decoder",
            [metrics, "metric_for_best_model=rouge_l", "num_beams=2"]
        )
        #expect(recipe.training.metricForBestModel == "eval_rouge_l" && recipe.training.greaterIsBetter)
        let outcome = try train(recipe)
        for name in ["bleu", "chrf", "rouge_1", "rouge_l", "exact_match", "f1"] {
            let least = name == "bleu" || name == "chrf" ? 5.0 : 0.2
            #expect((outcome.metrics["eval_\(name)"] ?? 0) > least, "\(name): \(outcome.metrics)")
        }
        let evaluation = try run().evaluate(folder: out, data: EvaluationData(), report: { _ in })
        #expect(evaluation.document["bleu_tokenization"]?.stringValue == "zh")
        #expect(evaluation.json["rouge_l_interval"]?.arrayValue?.count == 2)
        #expect(evaluation.json["f1_interval"]?.arrayValue?.count == 2)
    }

    /// Two texts are one source: a question and where its answer stands.
    @Test func questions() throws {
        func rows(_ count: Int, seed: UInt64) -> String {
            var numbers = TextNumbers(seed: seed)
            let places = ["rome", "oslo", "lima", "kiev"], people = ["ann", "bob", "cid"]
            return (0..<count).map { _ in
                let shuffled = people.shuffled(using: &numbers)
                let homes = shuffled.map { _ in places[Int.random(in: 0..<4, using: &numbers)] }
                let text = zip(shuffled, homes).map { "\($0) \($1)" }.joined(separator: " ")
                return
                    "{\"question\": \"\(shuffled[0])\", \"context\": \"\(text)\", \"answer\": \"\(homes[0])\"}\n"
            }.joined()
        }
        try pairs.folder.write(rows(300, seed: 1), to: "train.jsonl")
        try pairs.folder.write(rows(30, seed: 2), to: "dev.jsonl")
        let settings = [
            "data.train=\(pairs.folder.path)/train.jsonl", "data.validation=\(pairs.folder.path)/dev.jsonl",
            "data.format=jsonl", "columns.source=question", "columns.source_pair=context",
            "columns.target=answer", "metrics=exact_match,f1", "num_train_epochs=2", "tokenizer.type=word",
        ]
        let outcome = try train(try pairs.recipe("recurrent", settings))
        #expect((0...1).contains(outcome.metrics["eval_exact_match"] ?? 2), "\(outcome.metrics)")
        #expect((outcome.metrics["eval_f1"] ?? 0) >= outcome.metrics["eval_exact_match"] ?? 1)
        #expect(outcome.metrics["eval_bleu"] == nil)
        let homes = ["bob oslo ann rome cid lima", "bob lima ann rome cid oslo"]
        let fields = homes.map { ["source": "bob", "source_pair": $0] }
        let predictor = try run().predictor(folder: out)
        let answers = try predictor.predict(fields.map(Self.row))
        // Both texts are read, and none of them alone.
        #expect(answers[0]["score"]?.numberValue != answers[1]["score"]?.numberValue)
        #expect(try predictor.predict([predictor.row(text: "bob", pair: homes[1])]) == [answers[1]])
        let half = #expect(throws: RecipeError.self) { try predictor.predict([Self.row(["source": "bob"])]) }
        #expect(half?.description.contains("in the column 'source_pair'") == true)
        let unpaired = #expect(throws: RecipeError.self) {
            try run().explainer(folder: out).explain(ExplanationRequest("bob"))
        }
        #expect(unpaired?.description.contains("give --pair") == true)
    }

    /// Long texts are cut and told of, empty ones left out, and equal sources stay on one side of a division.
    @Test func strangeRows() throws {
        let long = Array(repeating: "big dog", count: 40).joined(separator: " ")
        var rows = TranslationFolder.pairs(60, seed: 5) + [(long, "x"), ("x", long)]
        rows += (0..<4).flatMap { [("", "leer \($0)"), ("empty \($0)", "")] }
        rows += (0..<40).map { ("one", "target \($0)") }
        try pairs.write(rows, to: "train.tsv")
        var notes: [String] = []
        var recipe = try pairs.recipe("recurrent", ["max_steps=4", "validation_fraction=0.3"])
        recipe.data.validation = nil
        let outcome = try train(recipe) { event in
            if case .note(let note) = event { notes.append(note) }
        }
        #expect(outcome.step == 4)
        #expect(notes.contains { $0.contains("training rows left out whose source or target is empty") })
        #expect(notes.contains { $0.contains("sources have more tokens than model.max_source_length") })
        // The forty targets of one source are on one side, so that the other has no «one» by itself.
        let evaluation = try run().evaluate(folder: out, data: EvaluationData(), report: { _ in })
        let html = try #require(evaluation.page?.html)
        let count = html.components(separatedBy: "target 1").count
        #expect(count == 1 || count > 10)
        let answers = try run().predictor(folder: out).predict([Self.row(["source": long])])
        #expect(answers[0]["target"]?.stringValue != nil)
        let preparation = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").prepare { _ in }
        #expect(preparation.reportPath != nil && !preparation.plain.isEmpty)
    }

    /// A run can begin with a model that was trained before, with one vocabulary or two.
    @Test(arguments: ["true", "false"]) func goesOnFromAModel(joint: String) throws {
        let first = try train(
            try pairs.recipe("encoder-decoder", ["num_train_epochs=4", "joint_vocabulary=\(joint)"])
        )
        try FileManager.default.moveItem(atPath: out, toPath: "\(pairs.folder.path)/first")
        let again = try train(
            try pairs.recipe(
                "encoder-decoder",
                ["model.path=\(pairs.folder.path)/first", "max_steps=1", "learning_rate=1e-6"]
            )
        )
        let (before, after) = (first.metrics["eval_loss"] ?? 0, again.metrics["eval_loss"] ?? 1)
        #expect(abs(before - after) < 0.01)
        try FileManager.default.removeItem(atPath: out)
        let path = "model.path=\(pairs.folder.path)/first"
        _ = try train(try pairs.recipe("encoder-decoder", [path, "max_steps=1", "dropout=0.45"]))
        let written = try JSONValue(contentsOf: "\(out)/config.json")
        #expect(written["dropout"]?.numberValue == 0.45 && written["attention_dropout"]?.numberValue == 0)
        for (setting, words) in [
            ("encoder_layers=7", "model.encoder_layers is 7"),
            ("joint_vocabulary=\(joint == "true" ? "false" : "true")", "has \(joint)"),
            ("dropout=1.5", "model.dropout: 1.5"),
        ] {
            let error = #expect(throws: RecipeError.self) {
                _ = try train(try pairs.recipe("encoder-decoder", [path, "max_steps=1", setting]))
            }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "-")")
        }
    }

    @Test func mistakesAreNamed() throws {
        func message(_ body: () throws -> some Any) -> String {
            do {
                _ = try body()
                return "nothing"
            } catch {
                return "\(error)"
            }
        }
        let cases: [([String], String)] = [
            (["metrics=bleu,meteor"], "generation.metrics must be some of bleu, chrf"),
            (["generation.beams=4"], "generation has no key beams"),
            (["model.layers=4"], "model has no key layers"), (["batch_tokens=0"], "data.batch_tokens"),
            (["batch_tokens=9000000000000000000"], "it must be from 1 to 1073741824"),
            (["family=gpt"], "for sequence-to-sequence there are encoder-decoder, recurrent"),
        ]
        for (settings, expected) in cases {
            #expect(
                message { try pairs.recipe("encoder-decoder", settings) }.contains(expected),
                "\(settings)"
            )
        }
        let runs: [([String], String)] = [
            (["num_beams=0"], "generation.num_beams"),
            (["num_attention_heads=5"], "model.num_attention_heads"),
            (["max_new_tokens=0"], "generation.max_new_tokens"),
            (["data.train=\(pairs.folder.path)/none.tsv"], "none.tsv"), (["columns.target=7"], "7"),
            (["metric_for_best_model=rouge_l"], "eval_rouge_l"),
        ]
        for (settings, expected) in runs {
            let text = message {
                try train(try pairs.recipe("encoder-decoder", ["max_steps=1"] + settings))
            }
            #expect(text.contains(expected), "\(settings): \(text)")
        }
        // The section belongs to tasks that write.
        let other = message { try Recipe(yaml: "generation: { num_beams: 4 }", name: "r.yaml") }
        #expect(other.contains("no section generation"))
        try pairs.folder.write("only one column\n", to: "train.tsv")
        #expect(message { try train(try pairs.recipe("recurrent")) }.contains("train.tsv"))
        try train(try pairs.recipe("recurrent", ["max_steps=1", "data.train=\(pairs.folder.path)/dev.tsv"]))
        let missing = message { try run().predictor(folder: out).predict([Self.row(["other": "x"])]) }
        #expect(missing.contains("source"))
    }
}
