import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// Small tagged sentences whose entities the words and their endings give away.
struct TaggedFolder {
    let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    /// Sentences of words with BIO tags: persons have a title before them, places end in «burg».
    static func sentences(_ count: Int, seed: UInt64) -> [[(word: String, tag: String)]] {
        var numbers = TextNumbers(seed: seed)
        let plain = ["went", "to", "the", "and", "saw", "a", "river", "from", "with"]
        let names = ["Anna", "Bo", "Chen", "Dara", "Eli"], starts = ["Ham", "Rot", "Salz", "Inn", "Stein"]
        func draw(_ list: [String]) -> String { list[Int.random(in: 0..<list.count, using: &numbers)] }
        return (0..<count).map { _ in
            (0..<Int.random(in: 1...5, using: &numbers)).flatMap { _ -> [(word: String, tag: String)] in
                switch Int.random(in: 0..<4, using: &numbers) {
                case 0: [("Dr", "O"), (draw(names), "B-PER"), (draw(names), "I-PER")]
                case 1: [(draw(starts) + draw(["", "en", "er"]) + "burg", "B-LOC")]
                default: [(draw(plain), "O")]
                }
            }
        }
    }

    func write(_ sentences: [[(word: String, tag: String)]], to name: String) throws {
        let text = sentences.map { $0.map { "\($0.word)\t\($0.tag)\n" }.joined() + "\n" }.joined()
        try folder.write(text, to: name)
    }

    func recipe(_ family: String, _ settings: [String] = []) throws -> Recipe {
        let yaml = """
            task: token-classification
            data: { train: "\(folder.path)/train.conll", validation: "\(folder.path)/dev.conll", format: conll }
            model: { family: \(family), embedding_dim: 16, hidden_size: 16, character_dim: 8, character_filters: 12,
                     dropout: 0.2 }
            training: { output_dir: "\(folder.path)/out", num_train_epochs: 8, seed: 1, tensorboard: false,
                        learning_rate: 1.0e-2, per_device_train_batch_size: 8 }
            """
        return try Recipe(yaml: yaml, name: "r.yaml", overrides: settings)
    }
}

/// Tagging from recipe to answers, on sentences made here.
@Suite(.serialized) struct TaggingRunTests {
    private let tagged: TaggedFolder

    init() throws {
        tagged = try TaggedFolder()
        try tagged.write(TaggedFolder.sentences(150, seed: 1), to: "train.conll")
        try tagged.write(TaggedFolder.sentences(50, seed: 2), to: "dev.conll")
    }

    @discardableResult
    private func train(
        _ recipe: Recipe,
        _ report: @escaping (TaskEvent) -> Void = { _ in }
    ) throws
        -> TrainingOutcome
    {
        try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train(report: report)
    }

    private func run() throws -> any TaskRun {
        let recipe = try Recipe(modelFolder: "\(tagged.folder.path)/out")
        return try TaskCatalog.run(recipe, registryFolder: nil, version: "test")
    }

    @Test(arguments: [("lstm", "true"), ("gru", "true"), ("rnn", "false")])
    func learnsJudgesAndAnswers(family: String, crf: String) throws {
        let outcome = try train(try tagged.recipe(family, ["crf=\(crf)"]))
        #expect(outcome.reason == .finished)
        #expect((outcome.metrics["eval_f1"] ?? 0) > 0.9, "\(outcome.metrics)")
        let place = "\(tagged.folder.path)/out"
        let evaluation = try run().evaluate(
            folder: place,
            data: EvaluationData(path: "\(tagged.folder.path)/dev.conll"),
            report: { _ in }
        )
        let figures = Dictionary(uniqueKeysWithValues: evaluation.figures.map { ($0.name, $0) })
        let f1 = try #require(figures["f1"])
        // What is judged afterwards is the model that the run chose.
        #expect(f1.value == outcome.metrics["eval_f1"])
        let interval = try #require(f1.interval)
        #expect(interval.low <= f1.value && f1.value <= interval.high)
        #expect(evaluation.document["types"]?["LOC"]?["support"]?.integerValue ?? 0 > 5)
        let rows = ["Dr Chen Bo saw Neuerburg", ""].map {
            Record(names: ["tokens"], values: [.text($0)], place: RecordPlace(path: "-", line: nil))
        }
        let answers = try run().predictor(folder: place).predict(rows)
        #expect(
            answers[0]["tags"]?.arrayValue?.compactMap(\.stringValue) == [
                "O", "B-PER", "I-PER", "O", "B-LOC",
            ]
        )
        let entities = try #require(answers[0]["entities"]?.arrayValue)
        #expect(entities.map { $0["text"]?.stringValue } == ["Chen Bo", "Neuerburg"])
        #expect(entities.map { $0["start"]?.integerValue } == [1, 4])
        #expect(answers[1]["tags"]?.arrayValue?.isEmpty == true)
    }

    /// The field on features learns the same from a recipe, and answers like the networks.
    @Test func fieldOnFeatures() throws {
        let yaml = """
            task: token-classification
            data: { train: "\(tagged.folder.path)/train.conll", validation: "\(tagged.folder.path)/dev.conll",
                    format: conll }
            model: { family: crf }
            training: { output_dir: "\(tagged.folder.path)/out" }
            """
        let outcome = try train(try Recipe(yaml: yaml, name: "r.yaml"))
        #expect(outcome.reason == .finished && outcome.step > 5)
        #expect((outcome.metrics["eval_f1"] ?? 0) > 0.95, "\(outcome.metrics)")
        let place = "\(tagged.folder.path)/out"
        let evaluation = try run().evaluate(folder: place, data: EvaluationData(), report: { _ in })
        #expect(evaluation.json["f1"]?.numberValue == outcome.metrics["eval_f1"])
        let row = Record(
            names: ["tokens"],
            values: [.text("Dr Chen Bo saw Neuerburg")],
            place: RecordPlace(path: "-", line: nil)
        )
        let answers = try run().predictor(folder: place).predict([row])
        let entities = try #require(answers[0]["entities"]?.arrayValue)
        #expect(entities.map { $0["text"]?.stringValue } == ["Chen Bo", "Neuerburg"])
        let started = #expect(throws: RecipeError.self) {
            try train(try Recipe(yaml: yaml, name: "r.yaml", overrides: ["model.path=\(place)"]))
        }
        #expect(started?.description.contains("model.path") == true)
    }

    /// A run that lost its last checkpoints goes on from the one before and ends with the same weights.
    @Test func resumesExactly() throws {
        let settings = [
            "max_steps=20", "save_steps=6", "eval_steps=6", "save_total_limit=0", "word_dropout=0.2",
        ]
        let recipe = try tagged.recipe("lstm", settings)
        try train(recipe)
        let whole = try #require(tagged.folder.bytes("out/model.safetensors"))
        for name in ["checkpoint-20", "checkpoint-18", "model.safetensors"] {
            try FileManager.default.removeItem(atPath: "\(tagged.folder.path)/out/\(name)")
        }
        var started: Int?
        try train(recipe) { event in
            if case .training(.started(let step, _)) = event { started = step }
        }
        #expect(started == 12)
        #expect(tagged.folder.bytes("out/model.safetensors") == whole)
    }

    /// Tags of words are judged by themselves.
    @Test func plainTags() throws {
        func plain(_ sentences: [[(word: String, tag: String)]]) -> [[(word: String, tag: String)]] {
            sentences.map { $0.map { ($0.word, $0.tag == "O" ? "X" : "PROPN") } }
        }
        try tagged.write(plain(TaggedFolder.sentences(150, seed: 3)), to: "train.conll")
        try tagged.write(plain(TaggedFolder.sentences(40, seed: 4)), to: "dev.conll")
        let outcome = try train(try tagged.recipe("lstm"))
        #expect(outcome.metrics["eval_f1"] == outcome.metrics["eval_accuracy"])
        let evaluation = try run().evaluate(
            folder: "\(tagged.folder.path)/out",
            data: EvaluationData(),
            report: { _ in }
        )
        #expect((evaluation.json["accuracy"]?.numberValue ?? 0) > 0.9)
        #expect((evaluation.json["macro_f1"]?.numberValue ?? 0) > 0.9)
        #expect(evaluation.json["accuracy_interval"]?.arrayValue?.count == 2)
    }

    /// Tags that the training part lacks count as missed and are told of.
    @Test func unknownTagsCountAsMissed() throws {
        var sentences = TaggedFolder.sentences(30, seed: 5)
        sentences[0] = [("Dr", "O"), ("Acme", "B-ORG")]
        try tagged.write(sentences, to: "dev.conll")
        var notes: [String] = []
        let outcome = try train(try tagged.recipe("gru", ["max_steps=6"])) { event in
            if case .note(let note) = event { notes.append(note) }
        }
        #expect(notes.contains { $0.contains("1 validation sentences have tags") })
        #expect(outcome.metrics["eval_loss"]?.isFinite == true)
    }

    @Test func mistakesAreNamed() throws {
        try tagged.folder.write("one\tO\ntwo\n\n", to: "train.conll")
        let unaligned = #expect(throws: (any Error).self) { try train(try tagged.recipe("lstm")) }
        #expect("\(unaligned.map { "\($0)" } ?? "")".contains("train.conll"))
        try tagged.folder.write("one\tO\ntwo\tO\n\n", to: "train.conll")
        let single = #expect(throws: RecipeError.self) { try train(try tagged.recipe("lstm")) }
        #expect(single?.description.contains("every token has the tag 'O'") == true)
        let family = #expect(throws: RecipeError.self) { try tagged.recipe("text-cnn") }
        #expect(family?.description.contains("lstm, gru, rnn, crf") == true)
    }
}
