import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// Small texts with questions on them: the colour of a thing stands behind its name.
struct QuestionFolder {
    let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    private static let things = ["door", "boat", "hat", "wall", "cup", "bird", "lamp", "shoe"]
    private static let colours = ["red", "blue", "green", "white", "black", "grey"]

    /// Articles in SQuAD's layout; every other question has no answer when `withImpossible`.
    static func articles(_ count: Int, seed: UInt64, withImpossible: Bool = false) -> JSONValue {
        var numbers = TextNumbers(seed: seed)
        let data = (0..<count).map { number -> JSONValue in
            let chosen = things.shuffled(using: &numbers).prefix(4)
            let own = chosen.map { _ in colours[Int.random(in: 0..<colours.count, using: &numbers)] }
            let context = zip(chosen, own).map { "the \($0) is \($1) ." }.joined(separator: " ")
            let questions = chosen.indices.prefix(3).map { index -> JSONValue in
                let isImpossible = withImpossible && index % 2 == 1
                let missing = things.first { !chosen.contains($0) } ?? ""
                let thing = isImpossible ? missing : chosen[index]
                let before = context.range(of: "the \(chosen[index]) is ")
                let start = before.map {
                    context.unicodeScalars.distance(from: context.startIndex, to: $0.upperBound)
                }
                let answer: JSONValue = [
                    "text": .string(own[index]), "answer_start": .integer(start ?? 0),
                ]
                return [
                    "id": .string("\(number)-\(index)"),
                    "question": .string("which colour has the \(thing) ?"),
                    "is_impossible": .bool(isImpossible), "answers": isImpossible ? .array([]) : [answer],
                ]
            }
            return [
                "title": .string("article \(number)"),
                "paragraphs": [["context": .string(context), "qas": .array(Array(questions))]],
            ]
        }
        return ["version": "1.1", "data": .array(data)]
    }

    func write(_ articles: JSONValue, to name: String) throws {
        try folder.write(articles.printed(), to: name)
    }

    func recipe(_ family: String, _ settings: [String] = []) throws -> Recipe {
        let sizes =
            family == "reader"
            ? "embedding_dim: 24, hidden_size: 24, num_layers: 1, dropout: 0.1"
            : "hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 64"
        let yaml = """
            task: question-answering
            data: { train: "\(folder.path)/train.json", validation: "\(folder.path)/dev.json", format: json }
            tokenizer: { type: word, vocab_size: 200 }
            model: { family: \(family), \(sizes) }
            training: { output_dir: "\(folder.path)/out", num_train_epochs: 12, seed: 1, tensorboard: false,
                        learning_rate: 5.0e-3, per_device_train_batch_size: 16 }
            """
        return try Recipe(yaml: yaml, name: "r.yaml", overrides: settings)
    }
}

/// Question answering from recipe to answers.
@Suite(.serialized) struct QuestionAnsweringRunTests {
    private let asked: QuestionFolder
    private var place: String { "\(asked.folder.path)/out" }

    init() throws {
        asked = try QuestionFolder()
        try asked.write(QuestionFolder.articles(80, seed: 1), to: "train.json")
        try asked.write(QuestionFolder.articles(20, seed: 2), to: "dev.json")
    }

    /// Questions without an answer may stand among those to judge by alone, where the rules know them.
    @Test func questionsWithoutAnswersAreToldBeforeTraining() throws {
        try asked.write(QuestionFolder.articles(20, seed: 2, withImpossible: true), to: "dev.json")
        func train(_ settings: [String]) throws {
            let recipe = try asked.recipe("reader", settings + ["max_steps=2", "eval_steps=2"])
            _ = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { _ in }
        }
        let error = #expect(throws: RecipeError.self) { try train(["answer_standard=squad-1.1"]) }
        let text = error?.description ?? "-"
        #expect(text.contains("'0-1' has no answer") && text.contains("squad-2.0"), "\(text)")
        try train([])
    }

    private func run(_ recipe: Recipe) throws -> any TaskRun {
        try TaskCatalog.run(recipe, registryFolder: nil, version: "test")
    }

    private func row(_ question: String, _ context: String) -> Record {
        Record(
            names: ["question", "context"],
            values: [.text(question), .text(context)],
            place: RecordPlace(path: "rows", line: 1)
        )
    }

    @Test func learnsJudgesAndAnswers() throws {
        let outcome = try run(asked.recipe("reader")).train { _ in }
        #expect((outcome.metrics["eval_exact_match"] ?? 0) > 0.9, "\(outcome.metrics)")
        let trained = try run(Recipe(modelFolder: place))
        let evaluation = try trained.evaluate(
            folder: place,
            data: EvaluationData(path: "\(asked.folder.path)/dev.json"),
            report: { _ in }
        )
        let figures = Dictionary(uniqueKeysWithValues: evaluation.figures.map { ($0.name, $0) })
        #expect(figures["f1"]?.value == outcome.metrics["eval_f1"])
        #expect(figures["questions"]?.value == 60)
        #expect(evaluation.document["standard"]?.stringValue == "squad-1.1")
        let interval = try #require(figures["exact_match"]?.interval)
        #expect(interval.low <= interval.high)
        // Answers of one word are right or wrong.
        let page = try PagePictures(evaluation)
        let f1 = try #require(figures["f1"]?.value)
        #expect(try page.sum("Questions by the F1") == 60 && page.isPlain)
        let exact = try #require(figures["exact_match"]?.value)
        #expect(try page.value("0.9 … 1", in: "Questions by the F1") >= (60 * exact).rounded())
        #expect(try page.value("0 … 0.1", in: "Questions by the F1") <= (60 * (1 - f1)).rounded())
        for caption in ["By length of the text", "By length of the right answer", "How often answers of"] {
            // Two figures of as many lots.
            let count = try page.values(caption).count
            #expect(count > 0 && count % 2 == 0, "\(caption)")
        }
        #expect(page.html.contains("Loss while it learned"))
        let predictor = try trained.predictor(folder: place)
        let answers = try predictor.predict([
            row("which colour has the boat ?", "the cup is grey . the boat is blue . the hat is red ."),
            row("which colour has the cup ?", "the cup is grey . the boat is blue . the hat is red ."),
            row("which colour has the cup ?", ""),
        ])
        #expect(answers.map { $0["answer"]?.stringValue } == ["blue", "grey", ""])
        #expect(answers[0]["start"]?.integerValue == 30)
        #expect((answers[0]["probability"]?.numberValue ?? 0) > 0.5)
        // A misplaced answer is no matter to what is to be answered; a text alone is no question.
        let context = "the cup is grey . the boat is blue . the hat is red ."
        let misplaced = Record(
            names: ["question", "context", "answers"],
            values: [
                .text("which colour has the boat ?"), .text(context),
                .json([["text": "blue", "answer_start": 2]]),
            ],
            place: RecordPlace(path: "rows", line: 1)
        )
        #expect(try predictor.predict([misplaced]) == [answers[0]])
        let alone = #expect(throws: RecipeError.self) { try predictor.row(text: context, pair: nil) }
        for word in ["--text", "--input", "'question' and 'context'"] {
            #expect(alone?.description.contains(word) == true, "\(alone?.description ?? "-")")
        }
    }

    /// Questions without answers are judged when the command says whose rules hold; the message names the setting.
    @Test func theStandardCanBeChosenForJudging() throws {
        _ = try run(asked.recipe("reader", ["max_steps=2"])).train { _ in }
        try asked.write(QuestionFolder.articles(4, seed: 3, withImpossible: true), to: "test.json")
        func judge(_ settings: JSONObject) throws -> TaskEvaluation {
            try run(Recipe(modelFolder: place)).evaluate(
                folder: place,
                data: EvaluationData(path: "\(asked.folder.path)/test.json", settings: settings),
                report: { _ in }
            )
        }
        let refused = #expect(throws: RecipeError.self) { try judge(JSONObject()) }
        for word in ["test.json, line", "'0-1'", "--set answer_standard=squad-2.0"] {
            #expect(refused?.description.contains(word) == true, "\(refused?.description ?? "-")")
        }
        var chosen = JSONObject()
        chosen["answer_standard"] = "squad-2.0"
        #expect(try judge(chosen).document["standard"]?.stringValue == "squad-2.0")
        chosen["answer_standard"] = "squad-3.0"
        let unknown = #expect(throws: RecipeError.self) { try judge(chosen) }
        #expect(unknown?.description.contains("squad-1.1") == true)
    }

    /// A text of many windows: the answer is found wherever it stands, with its place in the whole text.
    @Test func longTextsAreReadInWindows() throws {
        _ = try run(asked.recipe("reader", ["max_length=24", "doc_stride=10"])).train { _ in }
        let filler = String(repeating: "the wall is white . ", count: 12)
        let context = filler + "the boat is blue . " + filler
        let answer = try run(Recipe(modelFolder: place)).predictor(folder: place).predict([
            row("which colour has the boat ?", context)
        ])[0]
        #expect(answer["answer"]?.stringValue == "blue")
        #expect(answer["start"]?.integerValue == filler.unicodeScalars.count + 12)
    }

    /// Questions without answers are learned and told.
    @Test func noAnswer() throws {
        try asked.write(QuestionFolder.articles(120, seed: 3, withImpossible: true), to: "train.json")
        try asked.write(QuestionFolder.articles(20, seed: 4, withImpossible: true), to: "dev.json")
        let outcome = try run(asked.recipe("reader")).train { _ in }
        #expect((outcome.metrics["eval_f1"] ?? 0) > 0.85, "\(outcome.metrics)")
        let evaluation = try run(Recipe(modelFolder: place)).evaluate(
            folder: place,
            data: EvaluationData(),
            report: { _ in }
        )
        #expect(evaluation.document["standard"]?.stringValue == "squad-2.0")
        #expect((evaluation.json["unanswerable"]?.numberValue ?? 0) > 0.7)
        for name in ["answerable_exact_match", "answerable_f1", "unanswerable"] {
            #expect(evaluation.json["\(name)_interval"]?.arrayValue?.count == 2, "\(name)")
        }
        let slices = evaluation.document["slices"]?.arrayValue?.filter { $0["by"]?.stringValue == "length" }
        #expect(slices?.count == 4 && slices?.allSatisfy { $0["f1"]?.numberValue != nil } == true)
    }

    /// A run that lost its last checkpoints goes on from the one before and ends with the same weights.
    @Test(arguments: ["reader", "encoder"]) func resumesExactly(family: String) throws {
        let recipe = try asked.recipe(
            family,
            ["max_steps=10", "save_steps=3", "eval_steps=3", "save_total_limit=0"]
        )
        _ = try run(recipe).train { _ in }
        let whole = try #require(asked.folder.bytes("out/model.safetensors"))
        for name in ["checkpoint-10", "checkpoint-9", "model.safetensors"] {
            try FileManager.default.removeItem(atPath: "\(place)/\(name)")
        }
        var started: Int?
        _ = try run(recipe).train { event in
            if case .training(.started(let step, _)) = event { started = step }
        }
        #expect(started == 6)
        #expect(asked.folder.bytes("out/model.safetensors") == whole)
    }

    /// Without validation files, all questions of an article stay on one side.
    @Test func articlesAreNotDivided() throws {
        var recipe = try asked.recipe("reader", ["max_steps=1", "validation_fraction=0.25"])
        recipe.data.validation = nil
        var notes: [String] = []
        _ = try run(recipe).train { event in
            if case .note(let note) = event { notes.append(note) }
        }
        #expect(notes.contains { $0.contains("180 questions to learn from, 60 to judge by") }, "\(notes)")
    }

    /// Questions of more tokens than the model reads are told of, and marked in answers.
    @Test func longQuestionsAreTold() throws {
        var notes: [String] = []
        func note(_ event: TaskEvent) {
            if case .note(let text) = event { notes.append(text) }
        }
        _ = try run(asked.recipe("reader", ["max_steps=1", "max_question_length=3"])).train(report: note)
        let told = "questions have more tokens than the model reads and are cut"
        #expect(notes.contains { $0.contains(told) }, "\(notes)")
        notes = []
        let trained = try run(Recipe(modelFolder: place))
        _ = try trained.evaluate(folder: place, data: EvaluationData(path: nil), report: note)
        #expect(notes.contains { $0.contains(told) }, "\(notes)")
        let rows = ["which colour has the boat ?", "which ?"].map { row($0, "the boat is red .") }
        let answers = try trained.predictor(folder: place).predict(rows)
        #expect(answers.map { $0["cut"]?.boolValue } == [true, nil])
    }

    @Test func mistakesAreNamed() throws {
        let short = #expect(throws: RecipeError.self) {
            try run(asked.recipe("encoder", ["max_position_embeddings=70"])).train { _ in }
        }
        #expect(short?.description.contains("max_question_length 64") == true)
        let longest = #expect(throws: RecipeError.self) {
            try run(asked.recipe("reader", ["max_answer_length=0"])).train { _ in }
        }
        #expect(longest?.description.contains("model.max_answer_length is 0") == true)
        let endless = #expect(throws: RecipeError.self) {
            try run(asked.recipe("reader", ["max_answer_length=\(Int.max)"])).train { _ in }
        }
        #expect(endless?.description.contains("it must be from 1 to 1048576") == true)
        let smoothed = #expect(throws: RecipeError.self) {
            try run(asked.recipe("reader", ["label_smoothing_factor=0.1"])).train { _ in }
        }
        #expect(smoothed?.description.contains("training.label_smoothing_factor") == true)
        let rows = #"{"question": "who ?", "context": "the boat", "answers": ["the boat"]}"#
        try asked.folder.write(rows + "\n" + rows + "\n", to: "train.json")
        let unplaced = #expect(throws: RecipeError.self) {
            try run(
                asked.recipe(
                    "reader",
                    ["data.format=jsonl", "data.validation=\(asked.folder.path)/train.json"]
                )
            )
            .train { _ in }
        }
        #expect(unplaced?.description.contains("answer_start") == true)
        try asked.write(QuestionFolder.articles(4, seed: 1, withImpossible: true), to: "train.json")
        let standard = #expect(throws: (any Error).self) {
            try run(asked.recipe("reader", ["answer_standard=squad-1.1", "max_steps=1"])).train { _ in }
            let source = EvaluationData(path: "\(asked.folder.path)/train.json")
            _ = try run(Recipe(modelFolder: place)).evaluate(folder: place, data: source, report: { _ in })
        }
        #expect("\(standard.map { "\($0)" } ?? "")".contains("answer_standard"))
    }
}
