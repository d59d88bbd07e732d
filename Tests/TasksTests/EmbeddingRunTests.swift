import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// Vectors of texts from recipe to answers, on pairs made here.
@Suite(.serialized) struct EmbeddingRunTests {
    private let paired: PairFolder

    init() throws { paired = try PairFolder() }

    private static let encoder = [
        "hidden_size=16", "intermediate_size=32", "num_attention_heads=2", "num_hidden_layers=1",
        "tokenizer.vocab_size=150", "learning_rate=0.01",
    ]
    private static let bag = ["model.embedding_dim=16", "max_ngram=1", "learning_rate=0.03"]
    private static let cases: [(family: String, kind: String, settings: [String], metric: String)] = [
        ("encoder", "pairs", encoder + ["bf16=true"], "mrr"),
        ("encoder", "labels", encoder + ["hard_negatives=0"], "map"),
        ("encoder", "scores", encoder + ["loss=cosine"], "spearman"),
        ("bag-of-embeddings", "labels", bag, "map"),
        ("bag-of-embeddings", "scores", bag, "spearman"),
        (
            "lstm", "labels",
            [
                "model.embedding_dim=16", "hidden_size=16", "learning_rate=0.01", "dropout=0",
                "hard_negatives=3",
            ], "map"
        ),
    ]

    @Test(arguments: cases)
    func learnsJudgesAndAnswers(family: String, kind: String, settings: [String], metric: String) throws {
        try paired.writeParts(kind)
        let outcome = try paired.train(try paired.recipe(family, kind, "out", settings))
        #expect(outcome.reason == .finished)
        let best = outcome.metrics["eval_\(metric)"] ?? 0
        #expect(best >= (kind == "scores" ? 0.7 : 0.85), "\(outcome.metrics)")
        #expect(outcome.metrics["eval_loss"]?.isFinite == true)
        let evaluation = try paired.evaluate("out", "dev.tsv")
        let figures = Dictionary(uniqueKeysWithValues: evaluation.figures.map { ($0.name, $0) })
        // What is judged afterwards is the model that the run chose.
        let figure = try #require(figures[metric])
        #expect(abs(figure.value - best) < 1e-9)
        let interval = try #require(figure.interval)
        #expect(interval.low <= figure.value && figure.value <= interval.high)
        #expect(evaluation.page?.html.contains("Cosines") == true)
        let page = try PagePictures(evaluation)
        let slices = try #require(evaluation.document["slices"]?.arrayValue)
        let lengths = slices.filter { $0["by"]?.stringValue == "length" }
        let count = try #require(figures[kind == "scores" ? "pairs" : "questions"]?.value)
        #expect(Double(lengths.reduce(0) { $0 + ($1["examples"]?.integerValue ?? 0) }) == count)
        if kind == "scores" {
            #expect(try Double(page.values("Pairs by their scores").count) == count)
        } else {
            let recall = try page.values("Recall by depth")
            for depth in [1, 5, 10] {
                guard let shown = recall.first(where: { $0.name == "\(depth)" }) else { continue }
                let value = try #require(figures["recall_at_\(depth)"]?.value)
                #expect(abs(shown.value - value) < 6e-4, "\(depth)")
            }
            #expect(recall.first?.name == "1")
            #expect(try page.sum("Questions by the rank") == count)
            // The slices of length together are all questions.
            let whole = lengths.reduce(0.0) { sum, slice in
                sum + (slice["mrr"]?.numberValue ?? 0) * (slice["examples"]?.numberValue ?? 0)
            }
            #expect(abs(whole / count - (figures["mrr"]?.value ?? 0)) < 1e-9)
        }
        #expect(page.isPlain)
        let answers = try answers(
            [("an old king", nil), ("", nil), ("the king", "a crown"), ("the king", "an oven")]
        )
        let vectors = answers.prefix(2).map { $0["vector"]?.arrayValue?.compactMap(\.numberValue) ?? [] }
        #expect(vectors[0].count == vectors[1].count && vectors[1].allSatisfy(\.isFinite))
        #expect(abs(vectors[0].reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
        let cosines = answers.suffix(2).compactMap { $0["similarity"]?.numberValue }
        #expect(cosines.count == 2 && cosines[0] > cosines[1], "\(cosines)")
    }

    /// Texts that are longer than the model are cut, and that is said.
    @Test func longTextsAreCutAndCounted() throws {
        try paired.writeParts("labels")
        try paired.train(
            try paired.recipe(
                "bag-of-embeddings",
                "labels",
                "out",
                Self.bag + ["max_length=3", "max_steps=2"]
            )
        )
        let place = "\(paired.folder.path)/out"
        let run = try TaskCatalog.run(try Recipe(modelFolder: place), registryFolder: nil, version: "test")
        var notes: [String] = []
        let source = EvaluationData(path: "\(paired.folder.path)/dev.tsv")
        _ = try run.evaluate(folder: place, data: source) {
            if case .note(let text) = $0 { notes.append(text) }
        }
        #expect(
            notes.contains { $0.contains("have more tokens than the model reads and are cut") },
            "\(notes)"
        )
        let answers = try answers([
            ("an old king", nil), ("an old old king", nil), ("king", "an old old king"),
        ])
        #expect(answers.map { $0["cut"]?.boolValue } == [nil, true, true])
    }

    private func answers(_ rows: [(String, String?)]) throws -> [JSONObject] {
        let place = "\(paired.folder.path)/out"
        let run = try TaskCatalog.run(try Recipe(modelFolder: place), registryFolder: nil, version: "test")
        return try run.predictor(folder: place).predict(
            rows.map { text, pair in
                Record(
                    names: ["text", "text_pair"],
                    values: [.text(text), pair.map { .text($0) }],
                    place: RecordPlace(path: "-", line: nil)
                )
            }
        )
    }

    /// A run that lost its last checkpoints goes on from the one before and ends with the same weights.
    @Test(arguments: [("encoder", encoder), ("bag-of-embeddings", bag + ["word_dropout=0.2"])])
    func resumesExactly(family: String, settings: [String]) throws {
        try paired.writeParts("labels")
        let own = settings + ["max_steps=20", "save_steps=6", "eval_steps=6", "save_total_limit=0"]
        let recipe = try paired.recipe(family, "labels", "out", own)
        try paired.train(recipe)
        let whole = try #require(paired.folder.bytes("out/model.safetensors"))
        for name in ["checkpoint-20", "checkpoint-18", "model.safetensors"] {
            try FileManager.default.removeItem(atPath: "\(paired.folder.path)/out/\(name)")
        }
        var started: Int?
        try paired.train(recipe) { event in
            if case .training(.started(let step, _)) = event { started = step }
        }
        #expect(started == 12)
        #expect(paired.folder.bytes("out/model.safetensors") == whole)
    }

    @Test(arguments: ["uniform", "idf", "sif"]) func averagesWordVectors(weighting: String) throws {
        try paired.writeParts("labels")
        try paired.writeWordVectors()
        let settings = [
            "vectors=\(paired.folder.path)/words.vec", "weighting=\(weighting)",
            "remove_components=\(weighting == "sif" ? 1 : 0)",
        ]
        let outcome = try paired.train(try paired.recipe("word-vectors", "labels", "out", settings))
        #expect(outcome.reason == .finished)
        #expect((outcome.metrics["eval_map"] ?? 0) >= 0.85, "\(weighting): \(outcome.metrics)")
        let evaluation = try paired.evaluate("out", nil)
        #expect(evaluation.json["map"]?.numberValue == outcome.metrics["eval_map"])
        let answers = try answers([
            ("nothing known", nil), ("", nil), ("zzz", "the crown"), ("King", "crown"),
        ])
        for answer in answers.prefix(2) {
            #expect(answer["vector"]?.arrayValue?.allSatisfy { $0.numberValue == 0 } == true)
        }
        #expect(answers[2]["similarity"]?.numberValue == 0)
        #expect((answers[3]["similarity"]?.numberValue ?? 0) > 0.5)
    }

    @Test func beginsWithAnotherModel() throws {
        try paired.writeParts("pairs")
        try paired.train(try paired.recipe("encoder", "pairs", "out", Self.encoder + ["max_steps=8"]))
        let path = "\(paired.folder.path)/out"
        try paired.writeParts("labels")
        let settings = ["model.path=\(path)", "max_steps=1", "learning_rate=0", "warmup_ratio=0"]
        try paired.train(try paired.recipe("encoder", "labels", "next", settings))
        let weights = try #require(paired.folder.bytes("out/model.safetensors"))
        #expect(paired.folder.bytes("next/model.safetensors") == weights)
        #expect(try paired.evaluate("next", "dev.tsv").json["questions"]?.integerValue == 8)
    }

    /// Rows of one question are not divided, so that no question to judge by was learned from.
    @Test func questionsStayTogether() throws {
        try paired.writeParts("labels")
        let settings = Self.bag + ["validation_fraction=0.2", "max_steps=2"]
        var recipe = try paired.recipe("bag-of-embeddings", "labels", "out", settings)
        recipe.data.validation = nil
        try paired.train(recipe)
        let evaluation = try paired.evaluate("out", nil)
        #expect(evaluation.json["questions"]?.integerValue == 32)
        #expect(evaluation.json["questions_left_out"]?.integerValue == 0)
    }

    @Test func figuresAreThoseOfRankings() throws {
        // Two questions count; the third has only right texts, the fourth none.
        let rows = ["a\tx\t1", "a\ty\t0", "b\tx\t0", "b\ty\t1", "b\tz\t1", "c\tx\t1", "d\tz\t0"]
        try paired.write(rows, to: "train.tsv")
        try paired.write(rows, to: "dev.tsv")
        try paired.write(["5 3", "a 1 0 0", "b 0 1 0", "x 1 0.1 0", "y 0.2 1 0", "z 0 0 1"], to: "words.vec")
        let settings = [
            "vectors=\(paired.folder.path)/words.vec", "weighting=uniform", "remove_components=0",
            "words=whitespace",
        ]
        let outcome = try paired.train(try paired.recipe("word-vectors", "labels", "out", settings))
        // a: x first. b: y (right), x, z (right).
        #expect(abs((outcome.metrics["eval_map"] ?? 0) - (1 + (1 + 2 / 3.0) / 2) / 2) < 1e-12)
        #expect(outcome.metrics["eval_mrr"] == 1)
        #expect(outcome.metrics["eval_recall_at_1"] == 0.75)
        let figures = try paired.evaluate("out", "dev.tsv").json
        #expect(figures["questions"]?.integerValue == 2 && figures["questions_left_out"]?.integerValue == 2)
    }

    @Test(arguments: [
        ("labels", ["a\tb\tmaybe"], "1 or 0"), ("scores", ["a\tb\tgood"], "no number"),
        ("labels", ["a\tb\t0", "c\td\t0"], "nothing to learn from"),
    ])
    func wrongDataAreRefused(kind: String, rows: [String], message: String) throws {
        try paired.write(rows, to: "train.tsv")
        try paired.write(["a\tb\t1", "a\tc\t0"], to: "dev.tsv")
        let recipe = try paired.recipe("bag-of-embeddings", kind, "out", Self.bag)
        let error = #expect(throws: (any Error).self) { try paired.train(recipe) }
        #expect("\(try #require(error))".contains(message), "\(String(describing: error))")
    }

    @Test func equalScoresCannotBeJudgedBy() throws {
        try paired.writeParts("scores")
        try paired.write(["a\tb\t3", "c\td\t3", "e\tf\t3"], to: "dev.tsv")
        let recipe = try paired.recipe("bag-of-embeddings", "scores", "out", Self.bag + ["max_steps=1"])
        let error = #expect(throws: RecipeError.self) { try paired.train(recipe) }
        let text = error?.description ?? "-"
        #expect(text.contains("data.validation: all scores are 3"), "\(text)")
        #expect(text.contains("no order to judge by"), "\(text)")
    }

    /// The losses of pairs are none of classes.
    @Test func labelSmoothingIsRefused() throws {
        try paired.writeParts("pairs")
        let settings = Self.bag + ["max_steps=1", "label_smoothing_factor=0.1"]
        let error = #expect(throws: RecipeError.self) {
            try paired.train(paired.recipe("bag-of-embeddings", "pairs", "out", settings))
        }
        #expect(error?.description.contains("training.label_smoothing_factor is 0.1; it must be 0") == true)
    }

    @Test(arguments: [
        ("pairs", "loss=cosine", "labels or scores"), ("scores", "loss=contrastive", "pairs or labels"),
        ("labels", "temperature=0", "above 0"), ("labels", "hard_negatives=-1", "0...1000"),
        ("labels", "path=/nowhere", "/nowhere"),
    ])
    func wrongSettingsAreRefused(kind: String, setting: String, message: String) throws {
        try paired.writeParts(kind)
        let recipe = try paired.recipe("bag-of-embeddings", kind, "out", Self.bag + ["model.\(setting)"])
        let error = #expect(throws: (any Error).self) { try paired.train(recipe) }
        #expect("\(try #require(error))".contains(message), "\(String(describing: error))")
    }
}
