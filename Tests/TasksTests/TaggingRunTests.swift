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

    /// A small Transformer encoder.
    func encoderRecipe(_ settings: [String] = []) throws -> Recipe {
        let yaml = """
            task: token-classification
            data: { train: "\(folder.path)/train.conll", validation: "\(folder.path)/dev.conll", format: conll }
            tokenizer: { vocab_size: 120 }
            model: { family: encoder, hidden_size: 32, num_hidden_layers: 1, num_attention_heads: 2,
                     intermediate_size: 64 }
            training: { output_dir: "\(folder.path)/out", num_train_epochs: 12, seed: 1, tensorboard: false,
                        learning_rate: 5.0e-3, per_device_train_batch_size: 8 }
            """
        return try Recipe(yaml: yaml, name: "r.yaml", overrides: settings)
    }

    /// A conditional random field on features.
    func fieldRecipe(_ settings: [String] = []) throws -> Recipe {
        let yaml = """
            task: token-classification
            data: { train: "\(folder.path)/train.conll", validation: "\(folder.path)/dev.conll", format: conll }
            model: { family: crf }
            training: { output_dir: "\(folder.path)/out" }
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

    /// Languages are slices where there are several.
    @Test func slicesByLanguage() throws {
        _ = try train(try tagged.recipe("gru", ["crf=true"]))
        let english = "Nobody in the audience could understand why the second half of the plot was so dull ."
        let chinese = "今天早上的天气非常好，我们沿着河边一直走到了傍晚才回家。"
        let sentences = [english.split(separator: " ").map(String.init), chinese.map { String($0) }]
        let rows = sentences.map { tokens in tokens.map { "\($0)\tO" } + ["Salzburg\tB-LOC", ""] }
        let text = (0..<6).flatMap { _ in rows.joined() }.joined(separator: "\n")
        try tagged.folder.write(text, to: "both.conll")
        let data = EvaluationData(path: "\(tagged.folder.path)/both.conll")
        let found = try run().evaluate(folder: "\(tagged.folder.path)/out", data: data, report: { _ in })
        let slices = try #require(found.document["slices"]?.arrayValue)
        let languages = slices.filter { $0["by"]?.stringValue == "language" }
        #expect(languages.map { $0["slice"]?.stringValue } == ["language en", "language zh"], "\(slices)")
        #expect(languages.map { $0["examples"]?.integerValue } == [6, 6])
        #expect(languages.allSatisfy { $0["f1"]?.numberValue != nil })
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
        let macro = try #require(figures["macro_f1"])
        #expect((macro.interval?.low ?? 2) <= macro.value && macro.value <= (macro.interval?.high ?? 0))
        let slices = try #require(evaluation.document["slices"]?.arrayValue)
        #expect(slices.filter { $0["by"]?.stringValue == "length" }.count == 4)
        #expect(slices.allSatisfy { $0["f1"] != nil })
        #expect(evaluation.document["confusion_matrix"] == nil)
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

    /// Text is cut at white space between scalars, whatever combines with it.
    @Test func combiningMarksStay() throws {
        _ = try train(try tagged.fieldRecipe())
        let row = Record(
            names: ["tokens"],
            values: [.text("a \u{301}b")],
            place: RecordPlace(path: "-", line: nil)
        )
        let answers = try run().predictor(folder: "\(tagged.folder.path)/out").predict([row])
        let tokens = answers[0]["tokens"]?.arrayValue?.compactMap(\.stringValue) ?? []
        #expect(tokens.map { Array($0.unicodeScalars.map(\.value)) } == [[0x61], [0x301, 0x62]])
    }

    /// The field on features learns the same from a recipe, and answers like the networks.
    @Test func fieldOnFeatures() throws {
        let outcome = try train(try tagged.fieldRecipe())
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
            try train(try tagged.fieldRecipe(["model.path=\(place)"]))
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

    /// Smoothing changes what is learned of tags one by one; a field has none.
    @Test func labelSmoothing() throws {
        let settings = ["max_steps=2", "crf=false"]
        try train(try tagged.recipe("gru", settings))
        let plain = try #require(tagged.folder.bytes("out/model.safetensors"))
        try FileManager.default.removeItem(atPath: "\(tagged.folder.path)/out")
        try train(try tagged.recipe("gru", settings + ["label_smoothing_factor=0.2"]))
        #expect(tagged.folder.bytes("out/model.safetensors") != plain)
        let error = #expect(throws: RecipeError.self) {
            try train(try tagged.recipe("gru", ["label_smoothing_factor=0.2"]))
        }
        #expect(error?.description.contains("training.label_smoothing_factor is 0.2; it must be 0") == true)
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
        #expect(evaluation.json["macro_f1_interval"]?.arrayValue?.count == 2)
        #expect(evaluation.document["tags"] == ["PROPN", "X"])
        let matrix = try #require(evaluation.document["confusion_matrix"]?.arrayValue)
        let counts = matrix.compactMap { $0.arrayValue?.compactMap(\.integerValue) }
        #expect(counts.joined().reduce(0, +) == evaluation.json["tokens"]?.integerValue)
        let right = Double(counts[0][0] + counts[1][1])
        let accuracy = try #require(evaluation.json["accuracy"]?.numberValue)
        #expect(abs(right / Double(counts.joined().reduce(0, +)) - accuracy) < 1e-12)
        #expect(evaluation.page?.html.contains("Confusion") == true)
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

    /// Words alone are not learned as their own tags, and broken sentences to judge by are told of.
    @Test func wordsWithoutTags() throws {
        try train(try tagged.recipe("gru", ["max_steps=2"]))
        try tagged.folder.write("Dr\tO\nBo\tB-PER\n\nsaw\tO\nBo\n\nto\tO\n", to: "test.conll")
        let place = "\(tagged.folder.path)/out"
        var (notes, skip): ([String], JSONObject) = ([], JSONObject())
        skip["on_error"] = "skip"
        _ = try run().evaluate(
            folder: place,
            data: EvaluationData(path: "\(tagged.folder.path)/test.conll", settings: skip),
            report: { if case .note(let text) = $0 { notes.append(text) } }
        )
        #expect(notes.count == 1 && notes[0].contains("1 malformed sentences left out"), "\(notes)")
        #expect(notes.first?.contains("test.conll, line 5") == true, "\(notes)")
        try tagged.folder.write("Dr\nBo\n\nsaw\n", to: "train.conll")
        let alone = #expect(throws: FileFormatError.self) { try train(try tagged.recipe("lstm")) }
        #expect(alone?.description.contains("train.conll, line 1: column 0 of 1 column") == true)
    }

    /// The sentences with other tags.
    private func retagged(
        _ sentences: [[(word: String, tag: String)]],
        _ names: [String: String]
    ) -> [[(word: String, tag: String)]] {
        sentences.map { $0.map { (word: $0.word, tag: names[$0.tag] ?? $0.tag) } }
    }

    private func judge(_ name: String) throws -> (evaluation: TaskEvaluation, notes: [String]) {
        var notes: [String] = []
        let evaluation = try run().evaluate(
            folder: "\(tagged.folder.path)/out",
            data: EvaluationData(path: "\(tagged.folder.path)/\(name)"),
            report: { event in
                if case .note(let note) = event { notes.append(note) }
            }
        )
        return (evaluation, notes)
    }

    /// Tags that a model cannot give are told of; another scheme is no matter to entities.
    @Test func tagsThatTheModelLacksAreTold() throws {
        try train(try tagged.fieldRecipe())
        let sentences = TaggedFolder.sentences(50, seed: 2)
        let own = try judge("dev.conll")
        #expect(own.notes.isEmpty)
        try tagged.write(retagged(sentences, ["B-PER": "B-PERSON", "I-PER": "I-PERSON"]), to: "other.conll")
        let other = try judge("other.conll")
        let count = sentences.count { $0.contains { $0.tag.hasSuffix("PER") } }
        let told = "\(count) of 50 sentences have tags that the model cannot give (B-PERSON, I-PERSON)"
        #expect(other.notes.count == 1 && other.notes[0].contains(told), "\(other.notes)")
        #expect(other.evaluation.page?.html.contains("B-PERSON, I-PERSON") == true)
        #expect(other.evaluation.document["types"]?["PERSON"]?["f1"]?.numberValue == 0)
        try tagged.write(retagged(sentences, ["I-PER": "E-PER", "B-LOC": "S-LOC"]), to: "scheme.conll")
        let scheme = try judge("scheme.conll")
        #expect(scheme.notes.count == 1 && scheme.notes[0].contains("(E-PER, S-LOC)"), "\(scheme.notes)")
        #expect(scheme.evaluation.json["f1"]?.numberValue == own.evaluation.json["f1"]?.numberValue)
        // Without a letter a tag is an entity of one token.
        try tagged.write(retagged(sentences, ["B-LOC": "LOC"]), to: "plain.conll")
        let plain = try judge("plain.conll")
        #expect(plain.evaluation.json["f1"]?.numberValue == own.evaluation.json["f1"]?.numberValue)
    }

    /// BILOU marks entities without being told of.
    @Test func lettersOfBILOUMarkEntities() throws {
        let names = ["I-PER": "L-PER", "B-LOC": "U-LOC"]
        try tagged.write(retagged(TaggedFolder.sentences(150, seed: 1), names), to: "train.conll")
        try tagged.write(retagged(TaggedFolder.sentences(50, seed: 2), names), to: "dev.conll")
        let outcome = try train(try tagged.fieldRecipe())
        let found = try judge("dev.conll")
        #expect(found.notes.isEmpty)
        #expect(found.evaluation.json["f1"]?.numberValue == outcome.metrics["eval_f1"])
        #expect((found.evaluation.json["precision"]?.numberValue ?? 0) > 0.9)
        let types = found.evaluation.document["types"]?.objectValue?.map { $0.key } ?? []
        #expect(Set(types) == ["PER", "LOC"])
        let row = Record(
            names: ["tokens"],
            values: [.text("Dr Chen Bo saw Salzburg")],
            place: RecordPlace(path: "-", line: nil)
        )
        let answer = try run().predictor(folder: "\(tagged.folder.path)/out").predict([row])[0]
        let entities = try #require(answer["entities"]?.arrayValue)
        #expect(entities.map { $0["text"]?.stringValue } == ["Chen Bo", "Salzburg"])
    }

    // MARK: Encoders

    @Test(arguments: ["bf16=false", "bf16=true"]) func encoderLearnsJudgesAndAnswers(dtype: String) throws {
        let outcome = try train(try tagged.encoderRecipe([dtype]))
        #expect(outcome.reason == .finished)
        #expect((outcome.metrics["eval_f1"] ?? 0) > 0.9, "\(outcome.metrics)")
        let found = try judge("dev.conll")
        #expect(found.evaluation.json["f1"]?.numberValue == outcome.metrics["eval_f1"])
        #expect(found.evaluation.document["types"]?["LOC"]?["support"]?.integerValue ?? 0 > 5)
        let rows = [FieldValue.text("Dr Chen Bo saw Salzburg"), .text(""), .list(["\u{1}", "saw"])].map {
            Record(names: ["tokens"], values: [$0], place: RecordPlace(path: "-", line: nil))
        }
        let answers = try run().predictor(folder: "\(tagged.folder.path)/out").predict(rows)
        let entities = try #require(answers[0]["entities"]?.arrayValue)
        #expect(entities.map { $0["text"]?.stringValue } == ["Chen Bo", "Salzburg"])
        #expect(answers[1]["tags"]?.arrayValue?.isEmpty == true)
        // A word of which the tokenizer leaves nothing has a tag all the same.
        #expect(answers[2]["tags"]?.arrayValue?.count == 2)
    }

    /// Tags without a field, and sentences of more pieces than the model has positions.
    @Test func encoderReadsLongSentencesInWindows() throws {
        var notes: [String] = []
        let settings = ["crf=false", "max_position_embeddings=8", "max_steps=30"]
        let outcome = try train(try tagged.encoderRecipe(settings)) { event in
            if case .note(let note) = event { notes.append(note) }
        }
        #expect(outcome.metrics["eval_loss"]?.isFinite == true)
        #expect(
            notes.contains { $0.hasPrefix("training: ") && $0.contains("more than 6 pieces") },
            "\(notes)"
        )
        let words = (0..<40).map { ["Dr", "Anna", "Bo", "saw", "Hamburg"][$0 % 5] }
        let row = Record(names: ["tokens"], values: [.list(words)], place: RecordPlace(path: "-", line: nil))
        let answer = try run().predictor(folder: "\(tagged.folder.path)/out").predict([row])[0]
        #expect(answer["tags"]?.arrayValue?.count == 40)
    }

    @Test func encoderResumesExactly() throws {
        let settings = ["max_steps=20", "save_steps=6", "eval_steps=6", "save_total_limit=0"]
        let recipe = try tagged.encoderRecipe(settings)
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

    @Test func mistakesAreNamed() throws {
        try tagged.folder.write("one\tO\ntwo\n\n", to: "train.conll")
        let unaligned = #expect(throws: (any Error).self) { try train(try tagged.recipe("lstm")) }
        #expect("\(unaligned.map { "\($0)" } ?? "")".contains("train.conll"))
        try tagged.folder.write("one\tO\ntwo\tO\n\n", to: "train.conll")
        let single = #expect(throws: RecipeError.self) { try train(try tagged.recipe("lstm")) }
        #expect(single?.description.contains("every token has the tag 'O'") == true)
        let family = #expect(throws: RecipeError.self) { try tagged.recipe("text-cnn") }
        #expect(family?.description.contains("lstm, gru, rnn, crf, encoder") == true)
    }
}
