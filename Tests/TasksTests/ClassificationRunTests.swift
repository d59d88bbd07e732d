import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTestSupport
import YuyanTextProcessing
import YuyanTokenizers
import YuyanTraining

/// Classification from recipe to answers, on texts made here.
@Suite(.serialized) struct ClassificationRunTests {
    private let labelled: LabelledFolder

    init() throws { labelled = try LabelledFolder() }

    /// Every family with sizes that train in a moment.
    static let families: [(family: String, settings: [String])] = [
        ("text-cnn", ["model.embedding_dim=16", "num_filters=8", "learning_rate=0.01"]),
        ("bag-of-embeddings", ["model.embedding_dim=16", "buckets=1000", "learning_rate=0.03"]),
        ("mlp", ["model.embedding_dim=16", "hidden_sizes=16", "learning_rate=0.01"]),
        (
            "dpcnn",
            ["model.embedding_dim=16", "num_filters=16", "num_blocks=2", "learning_rate=0.01", "bf16=true"]
        ),
        ("rnn", ["model.embedding_dim=16", "hidden_size=16", "learning_rate=0.01"]),
        ("lstm", ["model.embedding_dim=16", "hidden_size=16", "pooling=additive", "learning_rate=0.01"]),
        ("gru", ["model.embedding_dim=16", "hidden_size=16", "pooling=attention", "learning_rate=0.01"]),
        (
            "encoder",
            [
                "hidden_size=16", "intermediate_size=32", "num_attention_heads=2", "num_hidden_layers=1",
                "tokenizer.vocab_size=120", "learning_rate=0.01", "bf16=true",
            ]
        ),
        ("linear", []),
    ]

    @Test(arguments: families) func learnsJudgesAndAnswers(family: String, settings: [String]) throws {
        try labelled.writeParts()
        let outcome = try labelled.train(try labelled.recipe(family, "out", settings))
        #expect(outcome.reason == .finished)
        #expect((outcome.metrics["eval_accuracy"] ?? 0) >= 0.9, "\(outcome.metrics)")
        let evaluation = try labelled.evaluate("out", "dev.tsv")
        let figures = Dictionary(uniqueKeysWithValues: evaluation.figures.map { ($0.name, $0) })
        // What is judged afterwards is the model that the run chose.
        let accuracy = try #require(figures["accuracy"])
        #expect(accuracy.value == outcome.metrics["eval_accuracy"])
        let interval = try #require(accuracy.interval)
        #expect(interval.low <= accuracy.value && accuracy.value <= interval.high)
        #expect(evaluation.json["accuracy_interval"]?.arrayValue?.count == 2)
        #expect(evaluation.page?.html.contains("Confusion") == true)
        let place = "\(labelled.folder.path)/out"
        let run = try TaskCatalog.run(try Recipe(modelFolder: place), registryFolder: nil, version: "test")
        let answers = try run.predictor(folder: place).predict(
            ["a lovely bright film", "grim and awful 坏", ""].map {
                Record(names: ["text"], values: [.text($0)], place: RecordPlace(path: "-", line: nil))
            }
        )
        #expect(answers.map { $0["label"]?.stringValue }.prefix(2) == ["good", "bad"])
        for answer in answers {
            let shares = try #require(answer["probabilities"]?.objectValue)
            #expect(abs(shares.reduce(0) { $0 + ($1.value.numberValue ?? 0) } - 1) < 1e-6)
        }
    }

    /// A run that lost its last checkpoints goes on from the one before and ends with the same weights.
    @Test(arguments: ["text-cnn", "lstm", "bag-of-embeddings"]) func resumesExactly(family: String) throws {
        try labelled.writeParts()
        let own = Self.families.first { $0.family == family }?.settings ?? []
        let settings =
            own + ["max_steps=20", "save_steps=6", "eval_steps=6", "save_total_limit=0", "word_dropout=0.2"]
        let recipe = try labelled.recipe(family, "out", settings)
        try labelled.train(recipe)
        let whole = try #require(labelled.folder.bytes("out/model.safetensors"))
        let last = try #require(labelled.folder.bytes("out/checkpoint-20/model.safetensors"))
        for name in ["checkpoint-20", "checkpoint-18", "model.safetensors"] {
            try FileManager.default.removeItem(atPath: "\(labelled.folder.path)/out/\(name)")
        }
        var started: Int?
        try labelled.train(recipe) { event in
            if case .training(.started(let step, _)) = event { started = step }
        }
        #expect(started == 12)
        #expect(labelled.folder.bytes("out/model.safetensors") == whole)
        #expect(labelled.folder.bytes("out/checkpoint-20/model.safetensors") == last)
    }

    @Test func otherDataDoNotGoOnWithARun() throws {
        try labelled.writeParts()
        let recipe = try labelled.recipe("text-cnn", "out", Self.families[0].settings + ["max_steps=4"])
        try labelled.train(recipe)
        try labelled.write(LabelledFolder.rows(90, seed: 9), to: "train.tsv")
        let error = #expect(throws: TrainingError.self) { try labelled.train(recipe) }
        #expect(error?.description.contains("data fingerprint") == true)
    }

    @Test func severalLabelsPerText() throws {
        var rows: [(text: String, label: String)] = []
        for (one, two) in zip(
            LabelledFolder.rows(90, seed: 3),
            LabelledFolder.rows(90, seed: 4, labels: ["plain"])
        ) {
            rows.append((one.text, one.label))
            rows.append((one.text + " " + two.text, one.label + "|plain"))
        }
        try labelled.write(rows, to: "train.tsv")
        try labelled.write(Array(rows.prefix(60)), to: "dev.tsv")
        let settings = Self.families[0].settings + ["label_separator=|", "num_train_epochs=12"]
        let recipe = try labelled.recipe("text-cnn", "out", settings)
        #expect(recipe.training.metricForBestModel == "eval_macro_f1")
        let outcome = try labelled.train(recipe)
        #expect((outcome.metrics["eval_macro_f1"] ?? 0) > 0.9, "\(outcome.metrics)")
        let evaluation = try labelled.evaluate("out", "dev.tsv")
        #expect(evaluation.json["macro_f1"]?.numberValue == outcome.metrics["eval_macro_f1"])
        #expect(evaluation.json["micro_f1"]?.numberValue == outcome.metrics["eval_micro_f1"])
        #expect(evaluation.json["hamming_loss_interval"]?.arrayValue?.count == 2)
        let place = "\(labelled.folder.path)/out"
        let run = try TaskCatalog.run(try Recipe(modelFolder: place), registryFolder: nil, version: "test")
        let row = Record(
            names: ["text"],
            values: [.text("a lovely fine plot , grey flat even")],
            place: RecordPlace(path: "-", line: nil)
        )
        let answer = try run.predictor(folder: place).predict([row])[0]
        #expect(answer["labels"]?.arrayValue?.compactMap(\.stringValue) == ["good", "plain"])
    }

    @Test func pairsOfTexts() throws {
        // The label says whether both texts have words of one kind.
        let (one, two) = (LabelledFolder.rows(200, seed: 5), LabelledFolder.rows(200, seed: 6))
        var lines = ""
        for row in one.indices {
            let other = two[(row * 7 + row / 2) % two.count]
            lines += "\(one[row].text)\t\(other.text)\t\(one[row].label == other.label ? "same" : "other")\n"
        }
        try labelled.folder.write(lines, to: "train.tsv")
        let settings = Self.families[7].settings + ["columns.text_pair=1", "columns.label=2", "max_steps=6"]
        var recipe = try labelled.recipe("encoder", "out", settings)
        recipe.data.validation = nil
        try labelled.train(recipe)
        let evaluation = try labelled.evaluate("out", nil)
        #expect(evaluation.json["examples"]?.integerValue == 20)
        try refuses("out", pair: nil, says: "give --pair beside --text")
        try answers("out", pair: "a dull plot")
        // A folder that does not tell goes by its recipe.
        try FileManager.default.removeItem(atPath: "\(labelled.folder.path)/out/data.json")
        try refuses("out", pair: nil, says: "in the column 'text_pair'")
        try answers("out", pair: "a dull plot")
    }

    /// Answers and explains a text, or a pair.
    private func answers(_ output: String, pair: String?) throws {
        let place = "\(labelled.folder.path)/\(output)"
        let run = try TaskCatalog.run(try Recipe(modelFolder: place), registryFolder: nil, version: "test")
        let predictor = try run.predictor(folder: place)
        let row = try predictor.row(text: "a lovely film", pair: pair)
        try predictor.check(row)
        #expect(try predictor.predict([row])[0]["text_pair"]?.stringValue == pair)
        var request = ExplanationRequest("a lovely film")
        request.pair = pair
        _ = try run.explainer(folder: place).explain(request)
    }

    /// Neither answers nor explains a text, or a pair, and says why.
    private func refuses(_ output: String, pair: String?, says words: String) throws {
        let place = "\(labelled.folder.path)/\(output)"
        let run = try TaskCatalog.run(try Recipe(modelFolder: place), registryFolder: nil, version: "test")
        let (predictor, explainer) = (try run.predictor(folder: place), try run.explainer(folder: place))
        let row = try predictor.row(text: "a lovely film", pair: pair)
        var request = ExplanationRequest("a lovely film")
        request.pair = pair
        for body in [
            { try predictor.check(row) }, { _ = try predictor.predict([row]) },
            { _ = try explainer.explain(request) },
        ] as [() throws -> Void] {
            let error = #expect(throws: RecipeError.self) { try body() }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "-")")
        }
    }

    /// Of texts of which some have second ones a model knows both kinds; one of single texts refuses pairs.
    @Test func singleTextsAndPairs() throws {
        try labelled.writeParts()
        try labelled.train(try labelled.recipe("linear", "single"))
        try refuses("single", pair: "a dull plot", says: "learned from single texts")
        try answers("single", pair: nil)
        let rows = LabelledFolder.rows(60, seed: 5).enumerated().map { number, row in
            let pair = number % 3 == 0 ? "" : ", \"text_pair\": \"the plot\""
            return "{\"text\": \"\(row.text)\"\(pair), \"label\": \"\(row.label)\"}\n"
        }
        try labelled.folder.write(rows.joined(), to: "train.jsonl")
        let path = "\(labelled.folder.path)/train.jsonl"
        let settings = ["data.train=\(path)", "data.validation=\(path)", "data.format=jsonl"]
        var recipe = try labelled.recipe("linear", "both", settings)
        recipe.data.examples.settings.columns = [:]
        try labelled.train(recipe)
        for pair in [nil, "a dull plot"] { try answers("both", pair: pair) }
    }

    @Test func unknownLabelsAreRefusedOrSkipped() throws {
        try labelled.writeParts()
        try labelled.train(
            try labelled.recipe("text-cnn", "out", Self.families[0].settings + ["max_steps=4"])
        )
        try labelled.write(
            LabelledFolder.rows(30, seed: 8, labels: ["bad", "good", "plain"]),
            to: "test.tsv"
        )
        let error = #expect(throws: RecipeError.self) { try labelled.evaluate("out", "test.tsv") }
        for word in ["test.tsv, line 3", "'plain'", "'bad'", "--set unknown_labels=skip"] {
            #expect(error?.description.contains(word) == true, "\(error?.description ?? "-")")
        }
        var recipe = try Recipe(modelFolder: "\(labelled.folder.path)/out")
        recipe.data.examples.unknownLabels = "skip"
        let run = try TaskCatalog.run(recipe, registryFolder: nil, version: "test")
        var notes: [String] = []
        let evaluation = try run.evaluate(
            folder: "\(labelled.folder.path)/out",
            data: EvaluationData(path: "\(labelled.folder.path)/test.tsv"),
            report: { if case .note(let text) = $0 { notes.append(text) } }
        )
        #expect(evaluation.json["examples"]?.integerValue == 20)
        #expect(notes.contains { $0.contains("10 rows left out") }, "\(notes)")
        // The setting that the message names, as the command line has it.
        let skipped = try judge("test.tsv", ["unknown_labels": "skip"])
        #expect(skipped.figures["examples"]?.integerValue == 20)
        #expect(skipped.notes == notes)
        for (key, value, word) in [
            ("unknown_label", "skip", "unknown_labels"), ("unknown_labels", "drop", "refuse, skip"),
            ("answer_standard", "squad-2.0", "unknown key"), ("formt", "tsv", "format"),
        ] {
            let wrong = #expect(throws: RecipeError.self) {
                try judge("test.tsv", [key: .string(value)])
            }
            #expect(wrong?.description.contains("--set \(key)") == true, "\(wrong?.description ?? "-")")
            #expect(wrong?.description.contains(word) == true, "\(wrong?.description ?? "-")")
        }
        // A model of one label per text stays one, whatever is said of the data.
        for (row, settings, count) in [
            ("x\tbad|good\n", ["label_separator": "|"], 2), ("x\t\n", ["multi_label": true], 0),
        ] as [(String, [String: JSONValue], Int)] {
            try labelled.folder.write("y\tbad\n\(row)", to: "test.tsv")
            let several = #expect(throws: RecipeError.self) { try judge("test.tsv", settings) }
            let said = several?.description ?? "-"
            #expect(said.contains("test.tsv, line 2: the text has \(count) labels; the model"), "\(said)")
        }
        // One of two equal texts is wrong; it has its place among all examples, those left out too.
        try labelled.write(
            [("x", "plain"), ("x", "plain"), ("fine", "good"), ("fine", "bad")],
            to: "test.tsv"
        )
        let page = try #require(
            run.evaluate(
                folder: "\(labelled.folder.path)/out",
                data: EvaluationData(path: "\(labelled.folder.path)/test.tsv"),
                report: { _ in }
            ).page
        )
        let heads = page.html.components(separatedBy: ">example</th>")
        #expect(heads.count == 2)
        let errors = heads.last?.components(separatedBy: "</table>").first ?? ""
        #expect(errors.contains(">3</td>") != errors.contains(">4</td>"), "\(errors)")
        #expect(!errors.contains(">1</td>") && !errors.contains(">2</td>"), "\(errors)")
    }

    /// Judges the model in `out` with settings of the command line: the figures, and what was noted.
    private func judge(
        _ data: String,
        _ settings: [String: JSONValue]
    ) throws -> (figures: JSONObject, notes: [String]) {
        let place = "\(labelled.folder.path)/out"
        let run = try TaskCatalog.run(try Recipe(modelFolder: place), registryFolder: nil, version: "test")
        var (object, notes): (JSONObject, [String]) = (JSONObject(), [])
        for (key, value) in settings { object[key] = value }
        let source = EvaluationData(path: "\(labelled.folder.path)/\(data)", settings: object)
        let found = try run.evaluate(folder: place, data: source) { event in
            if case .note(let text) = event { notes.append(text) }
        }
        return (found.json, notes)
    }

    @Test func malformedRowsToJudgeByAreToldOf() throws {
        try labelled.writeParts()
        try labelled.train(
            try labelled.recipe("text-cnn", "out", Self.families[0].settings + ["max_steps=2"])
        )
        try labelled.folder.write("fine\tgood\ndull\tbad\nbroken\ngrim\tbad\nalso\n", to: "test.tsv")
        #expect(throws: FileFormatError.self) { try judge("test.tsv", [:]) }
        let judged = try judge("test.tsv", ["on_error": "skip"])
        #expect(judged.figures["examples"]?.integerValue == 3)
        #expect(judged.notes.count == 1 && judged.notes[0].contains("2 malformed rows left out; the first:"))
        #expect(judged.notes.first?.contains("test.tsv, line 3") == true, "\(judged.notes)")
        try labelled.folder.write("fine\t\nbroken\n", to: "none.tsv")
        let empty = #expect(throws: RecipeError.self) { try judge("none.tsv", ["on_error": "skip"]) }
        let said = empty?.description ?? "-"
        #expect(said.contains("none.tsv has no examples: 2 malformed rows left out; the first:"), "\(said)")
    }

    /// Most texts of such data have no label at all: they are learned, judged and answered like the others.
    @Test(arguments: ["text-cnn", "linear"]) func textsWithoutLabels(family: String) throws {
        func rows(_ count: Int, _ seed: UInt64) -> [(text: String, label: String)] {
            LabelledFolder.rows(count, seed: seed, labels: ["bad", "plain", "good", "plain"]).map {
                ($0.text, $0.label == "plain" ? "" : $0.label)
            }
        }
        try labelled.write(rows(240, 11), to: "train.tsv")
        try labelled.write(rows(60, 12), to: "dev.tsv")
        let own = Self.families.first { $0.family == family }?.settings ?? []
        let epochs = family == "linear" ? [] : ["num_train_epochs=12"]
        let recipe = try labelled.recipe(family, "out", own + epochs + ["multi_label=true"])
        let preparation = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").prepare { _ in }
        #expect(preparation.plain.contains("Labels"))
        let outcome = try labelled.train(recipe)
        #expect((outcome.metrics["eval_macro_f1"] ?? 0) > 0.8, "\(outcome.metrics)")
        let judged = try judge("dev.tsv", [:])
        #expect(judged.figures["examples"]?.integerValue == 60)
        #expect(judged.figures["accuracy"]?.numberValue == outcome.metrics["eval_accuracy"])
        #expect((judged.figures["accuracy"]?.numberValue ?? 0) > 0.8, "\(judged.figures)")
        let place = "\(labelled.folder.path)/out"
        let run = try TaskCatalog.run(try Recipe(modelFolder: place), registryFolder: nil, version: "test")
        let answers = try run.predictor(folder: place).predict(
            ["a lovely fine film , bright", "grey flat film , even"].map {
                Record(names: ["text"], values: [.text($0)], place: RecordPlace(path: "-", line: nil))
            }
        )
        let labels = answers.map { $0["labels"]?.arrayValue?.compactMap(\.stringValue) }
        #expect(labels == [["good"], []], "\(answers)")
        // A share that validates has its part of the texts without labels.
        var divided = try labelled.recipe(family, "divided", own + ["multi_label=true", "max_steps=2"])
        divided.data.validation = nil
        #expect(try labelled.train(divided).metrics["eval_loss"]?.isFinite == true)
        try labelled.write(rows(20, 13).map { ($0.text, "") }, to: "train.tsv")
        let none = #expect(throws: RecipeError.self) { try labelled.train(recipe) }
        #expect(none?.description.contains("no example has a label") == true)
    }

    @Test(arguments: [
        ("a\tx\nb\tx\n", [], "needs two or more"), ("", [], "has no examples"),
        ("a\tx\nb\n", [], "train.tsv"), ("a\tx|y\nb\ty\n", ["format=fasttext"], "label"),
        ("a\tx\nb\ty\n", ["columns.label=5"], "column"),
        ("a\tx\nb\ty\n", ["model.dropout_of_it=1"], "no key"),
        ("a\tx\nb\ty\n", ["kernel_sizes=0"], "kernel_sizes"),
        ("a\tx\nb\ty\n", ["classifier_dropout=2"], "classifier_dropout"),
        ("a\tx\nb\ty\n", ["metric_for_best_model=speed"], "eval_speed"),
        ("a\tx\nb\ty\n", ["format=xml"], "format"), ("a\tx\nb\ty\n", ["family=cnn"], "text-cnn"),
    ]) func badInputIsExplained(content: String, settings: [String], word: String) throws {
        try labelled.folder.write(content, to: "train.tsv")
        try labelled.folder.write(content, to: "dev.tsv")
        do {
            try labelled.train(try labelled.recipe("text-cnn", "out", settings + ["max_steps=1"]))
            Issue.record("nothing was refused")
        } catch {
            #expect("\(error)".contains(word), "\(error)")
        }
    }

    @Test func longTextsAreCutAndCounted() throws {
        try labelled.writeParts()
        var notes: [String] = []
        try labelled.train(
            try labelled.recipe(
                "text-cnn",
                "out",
                Self.families[0].settings + ["max_length=4", "max_steps=2"]
            )
        ) { if case .note(let text) = $0 { notes.append(text) } }
        #expect(
            notes.contains { $0.contains("training texts have more than 4 tokens and are cut") },
            "\(notes)"
        )
        // What is judged and answered is cut as well.
        try labelled.folder.write("a film\tgood\na film was very lovely\tgood\n", to: "test.tsv")
        let place = "\(labelled.folder.path)/out"
        let run = try TaskCatalog.run(try Recipe(modelFolder: place), registryFolder: nil, version: "test")
        notes = []
        let source = EvaluationData(path: "\(labelled.folder.path)/test.tsv")
        _ = try run.evaluate(folder: place, data: source) {
            if case .note(let text) = $0 { notes.append(text) }
        }
        #expect(notes.contains { $0.hasPrefix("1 of 2 texts") && $0.contains("are cut") }, "\(notes)")
        let rows = ["a film was fine", "a film was very fine"].map {
            Record(names: ["text"], values: [.text($0)], place: RecordPlace(path: "-", line: nil))
        }
        let answers = try run.predictor(folder: place).predict(rows)
        #expect(answers[0]["cut"] == nil && answers[1]["cut"]?.boolValue == true)
    }

    /// A share of rows that have changed since holds rows that the model learned from.
    @Test func aShareIsOfTheRowsItLearnedFrom() throws {
        try labelled.writeParts()
        let path = "\(labelled.folder.path)/train.tsv"
        let settings = ["word_ngrams=1", "words=whitespace", "data.validation=null"]
        try labelled.train(try labelled.recipe("linear", "out", settings))
        _ = try labelled.evaluate("out", nil)
        try labelled.folder.write(labelled.folder.text("train.tsv") + "a film more\tgood\n", to: "train.tsv")
        let error = #expect(throws: RecipeError.self) { try labelled.evaluate("out", nil) }
        #expect(error?.description.contains(path) == true, "\(error?.description ?? "-")")
        _ = try labelled.evaluate("out", "dev.tsv")
    }

    /// Which n-grams a linear model counts depends on the language and on how many texts there are, unless the recipe says.
    @Test func ngramsOfLinearModels() throws {
        try labelled.writeParts()
        func features(_ name: String, _ settings: [String]) throws -> [JSONValue?] {
            try labelled.train(try labelled.recipe("linear", name, settings))
            let file = try JSONValue(contentsOf: "\(labelled.folder.path)/\(name)/config.json")
            return [
                "word_ngrams", "character_ngrams", "characters_within_words", "balance_ngrams", "min_texts",
            ].map { file[$0] }
        }
        #expect(try features("usual", []) == [[1, 2], [3, 5], true, true, 1])
        #expect(try features("words", ["word_ngrams=1,2"]) == [[1, 2], .null, false, false, 1])
        #expect(try features("hashed", ["hashed_columns=1000"]) == [[1, 2], .null, false, false, 1])
        let own = ["word_ngrams=1", "character_ngrams=2,3", "balance_ngrams=false", "min_texts=3"]
        #expect(try features("own", own) == [[1, 1], [2, 3], false, false, 3])
        let within = ["character_ngrams=2", "characters_within_words=true"]
        #expect(try features("within", within) == [.null, [2, 2], true, false, 1])
        let error = #expect(throws: RecipeError.self) {
            _ = try features("refused", ["hashed_columns=1000", "balance_ngrams=true"])
        }
        #expect(error?.description.contains("balanced") == true, "\(error?.description ?? "-")")
        let chinese = (0..<5000).map { (text: "天气\($0 % 7)很\($0 % 2 == 0 ? "好" : "坏")", label: "\($0 % 2)") }
        try labelled.write(chinese, to: "train.tsv")
        try labelled.write(Array(chinese.prefix(20)), to: "dev.tsv")
        #expect(try features("chinese", []) == [.null, [1, 3], false, false, 2])
    }

    /// Languages are slices where there are several and their texts are clear.
    @Test func slicesByLanguage() throws {
        try labelled.writeParts()
        try labelled.train(try labelled.recipe("linear", "out", ["word_ngrams=1", "words=whitespace"]))
        let english = [
            "The weather was lovely this morning and we walked along the river until the evening came.",
            "A film that everybody should have seen at least once in their life, because the story is good.",
            "Nobody in the audience could understand why the second half of the plot was so dull.",
        ]
        let chinese = [
            "今天早上的天气非常好，我们沿着河边一直走到了傍晚才回家。", "这部电影的故事很好看，每个人都应该去电影院看一次。",
            "我不明白为什么这本书的后半部分写得这么糟糕，真让人失望。",
        ]
        for (texts, language) in [(english, "en"), (chinese, "zh")] {
            for text in texts {
                let guesses = LanguageIdentifier.shared.guesses(text, count: 2)
                let own = guesses.filter { $0.language.hasPrefix(language) }
                #expect(own.reduce(0) { $0 + $1.probability } >= 0.5, "\(text): \(guesses)")
            }
        }
        func rows(_ texts: [String], _ count: Int) -> [(text: String, label: String)] {
            (0..<count).map { (texts[$0 % texts.count] + " \($0)", $0 % 2 == 0 ? "good" : "bad") }
        }
        try labelled.write(rows(english, 12) + rows(chinese, 6) + [("12 34", "good")], to: "both.tsv")
        let both = try labelled.evaluate("out", "both.tsv")
        let slices = try #require(both.document["slices"]?.arrayValue)
        let languages = slices.filter { $0["by"]?.stringValue == "language" }
        #expect(languages.map { $0["slice"]?.stringValue } == ["language en", "language zh"], "\(slices)")
        #expect(languages.map { $0["examples"]?.integerValue } == [12, 6])
        #expect(languages.allSatisfy { ($0["accuracy"]?.numberValue ?? 2) <= 1 })
        #expect(both.plain.contains("language zh") && both.page?.html.contains("language zh") == true)
        // One language is none, and neither are four texts of another.
        try labelled.write(rows(english, 12) + rows(chinese, 4), to: "one.tsv")
        let one = try labelled.evaluate("out", "one.tsv")
        #expect(one.document["slices"]?.arrayValue?.contains { $0["by"]?.stringValue == "language" } == false)
        #expect(!one.plain.contains("language en") && one.plain.contains("characters"))
    }

    /// A class of one example is missing in many draws; the areas have intervals all the same.
    @Test func rareClassesHaveIntervals() throws {
        try labelled.writeParts()
        try labelled.train(try labelled.recipe("linear", "out", ["word_ngrams=1", "words=whitespace"]))
        let rare =
            LabelledFolder.rows(30, seed: 7, labels: ["bad"])
            + LabelledFolder.rows(1, seed: 8, labels: ["good"])
        try labelled.write(rare, to: "rare.tsv")
        let evaluation = try labelled.evaluate("out", "rare.tsv")
        for name in ["roc_auc", "average_precision"] {
            #expect(evaluation.json["\(name)_interval"]?.arrayValue?.count == 2, "\(evaluation.plain)")
        }
    }

    /// A table begins with word vectors, and stays with them when it is told to.
    @Test func tablesBeginWithWordVectors() throws {
        let labelled = try LabelledFolder()
        try labelled.writeParts()
        let lines = ["3 4", "fine 1 0 0 0.5", "awful -1 0 0 0.5", "elsewhere 9 9 9 9"]
        try labelled.folder.write(lines.joined(separator: "\n") + "\n", to: "v.txt")
        let vectors = "vectors=\(labelled.folder.path)/v.txt"
        var notes: [String] = []
        let frozen = try labelled.recipe("text-cnn", "out", [vectors, "freeze_vectors=true", "max_steps=6"])
        try labelled.train(frozen) { event in
            if case .note(let note) = event { notes.append(note) }
        }
        #expect(notes.contains { $0.hasPrefix("2 of ") && $0.contains("v.txt, which stay") }, "\(notes)")
        func rows(_ output: String) throws -> [[Float]] {
            let folder = "\(labelled.folder.path)/\(output)"
            let file = try SafetensorsFile(path: "\(folder)/model.safetensors")
            let tokens = try TokenizerFiles.load(folder: folder)
            let values = try file.elements(of: "encoder.vectors.table.weight", dtype: .f32, as: Float.self)
            return try ["fine", "awful"].map { word in
                let id = Int(try #require(tokens.id(of: word)))
                return Array(values[id * 4..<(id + 1) * 4])
            }
        }
        #expect(try rows("out") == [[1, 0, 0, 0.5], [-1, 0, 0, 0.5]])
        try labelled.train(labelled.recipe("text-cnn", "free", [vectors, "max_steps=6"]))
        #expect(try rows("free") != [[1, 0, 0, 0.5], [-1, 0, 0, 0.5]])
        let alone = #expect(throws: RecipeError.self) {
            try labelled.train(labelled.recipe("lstm", "x", ["freeze_vectors=true"]))
        }
        #expect(alone?.description.contains("model.freeze_vectors") == true)
        try labelled.folder.write("1 4\nelsewhere 9 9 9 9\n", to: "v.txt")
        let none = #expect(throws: RecipeError.self) {
            try labelled.train(labelled.recipe("mlp", "x", [vectors]))
        }
        #expect(none?.description.contains("none of the") == true)
    }
}
