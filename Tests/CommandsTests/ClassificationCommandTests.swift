import Foundation
import Testing
import YuyanFileFormats
import YuyanTestSupport

/// Classification by the built program, from a table of texts to labels.
@Suite(.serialized, .enabled(if: BuiltProgram.path != nil, Comment(rawValue: BuiltProgram.absence)))
struct ClassificationCommandTests {
    private let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
        let (good, bad) = (["fine", "bright", "lovely"], ["dull", "grim", "awful"])
        var rows = ""
        for number in 0..<90 {
            let words = number % 2 == 0 ? good : bad
            rows += "the \(words[number % 3]) film number\(number % 7)\t\(number % 2)\n"
        }
        try folder.write(rows, to: "train.tsv")
        let recipe = """
            task: text-classification
            data: { train: train.tsv, format: tsv, header: false, columns: { text: 0, label: 1 } }
            model: { family: text-cnn, embedding_dim: 12, num_filters: 6 }
            training:
              { output_dir: out, num_train_epochs: 12, learning_rate: 0.01, early_stopping_patience: 0, seed: 1 }
            """
        try folder.write(recipe + "\n", to: "recipe.yaml")
    }

    private func yuyan(_ arguments: String...) throws -> BuiltProgram.Result {
        try BuiltProgram.run(arguments, in: folder.path)
    }

    @Test func fromTableToLabels() throws {
        let look = try yuyan("prepare", "recipe.yaml")
        #expect(look.code == 0 && look.output.contains("Labels"), "\(look)")
        let trained = try yuyan("train", "recipe.yaml", "data.label_map.0=good", "data.label_map.1=bad")
        #expect(trained.code == 0 && trained.errors.contains("the model is in out"), "\(trained)")
        let runs = try yuyan("runs", "list")
        #expect(runs.code == 0 && runs.output.contains("finished"), "\(runs)")
        // The figure that chose the best model stands there by its name.
        #expect(runs.output.contains("accuracy 0.") || runs.output.contains("accuracy 1."), "\(runs)")
        let list = try JSONValue(parsing: try yuyan("runs", "list", "--json").output)
        #expect(list["main_figure"]?.stringValue == "eval_accuracy")
        // The run's own validation part, as JSON on one line and as a table.
        let judged = try yuyan("evaluate", "out", "--json")
        let figures = try JSONValue(parsing: judged.output)
        #expect((figures["accuracy"]?.numberValue ?? 0) > 0.85, "\(judged)")
        #expect(figures["accuracy_interval"]?.arrayValue?.count == 2)
        let table = try yuyan("evaluate", "out", "--data", "train.tsv", "--output", "judged")
        #expect(table.code == 0 && table.output.contains("macro_f1") && table.output.contains("By label"))
        #expect(try JSONValue(contentsOf: "\(folder.path)/judged/evaluation.json")["confusion_matrix"] != nil)
        #expect(folder.text("judged/evaluation.html").contains("<svg"))
        try answers()
    }

    @Test func twoModelsOnTheSameTexts() throws {
        for (seed, place) in [(1, "one"), (2, "two")] {
            let trained = try BuiltProgram.run(
                [
                    "train", "recipe.yaml", "output_dir=\(place)", "training.seed=\(seed)",
                    "num_train_epochs=3",
                ],
                in: folder.path
            )
            #expect(trained.code == 0, "\(trained)")
        }
        let table = try yuyan(
            "evaluate",
            "one",
            "--against",
            "two",
            "--data",
            "train.tsv",
            "--output",
            "both"
        )
        #expect(table.code == 0 && table.output.contains("A − B"), "\(table)")
        #expect(folder.text("both/comparison.html").contains("only A"))
        #expect(try JSONValue(contentsOf: "\(folder.path)/both/comparison.json")["first"] == "one")
        let object = try yuyan("evaluate", "one", "--against", "two", "--data", "train.tsv", "--json")
        #expect(try JSONValue(parsing: object.output)["figures"]?["accuracy"]?["p_value"] != nil, "\(object)")
        let missing = try yuyan("evaluate", "one", "--against", "three")
        #expect(missing.code != 0 && missing.errors.contains("three"), "\(missing)")
    }

    @Test func whatIsNotReadIsSaid() throws {
        let trained = try yuyan("train", "recipe.yaml", "max_length=4")
        #expect(trained.code == 0, "\(trained)")
        let text = "the fine film was quite dull"
        let shown = try yuyan("explain", "out", "--text", text)
        #expect(shown.code == 0 && shown.output.contains("not read  quite dull"), "\(shown)")
        #expect(shown.output.contains("11 characters were cut off"), "\(shown)")
        let cut = try yuyan("predict", "out", "--text", text)
        #expect(cut.output.contains("\"cut\":true"), "\(cut)")
    }

    private func answers() throws {
        let spoken = try yuyan("predict", "out", "--text", "a lovely bright film", "--text", "grim and awful")
        let rows = try spoken.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(rows.map { $0["label"]?.stringValue } == ["good", "bad"], "\(spoken)")
        try folder.write("the lovely film\n\nthe dull film\n", to: "texts.txt")
        let lines = try yuyan("predict", "out", "--input", "texts.txt", "--output", "answers.jsonl")
        #expect(lines.code == 0, "\(lines)")
        let answers = try folder.text("answers.jsonl").split(separator: "\n").map {
            try JSONValue(parsing: String($0))
        }
        #expect(answers.count == 3 && answers[0]["label"]?.stringValue == "good")
        #expect(answers[2]["text"]?.stringValue == "the dull film")
        #expect(answers[2]["label"]?.stringValue == "bad")
        // A table is read with the recipe's columns, other files as --set says.
        let table = try yuyan("predict", "out", "--input", "train.tsv")
        #expect(table.code == 0 && table.output.split(separator: "\n").count == 90, "\(table)")
        try folder.write("{\"review\": \"fine, fine\"}\n", to: "rows.jsonl")
        let rowsOfJSON = try yuyan("predict", "out", "--input", "rows.jsonl", "--set", "columns.text=review")
        #expect(rowsOfJSON.output.contains("\"label\":\"good\""), "\(rowsOfJSON)")
        try settingsJoin()
        let nothing = try yuyan("predict", "out")
        #expect(nothing.code == 2 && nothing.errors.contains("--text or --input"), "\(nothing)")
    }

    /// Settings join those of the recipe, and a malformed row is answered in its place.
    private func settingsJoin() throws {
        func answers(_ result: BuiltProgram.Result) throws -> [JSONValue] {
            try result.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        }
        // The recipe's table has no header, so that the first row is one to answer.
        try folder.write("1\tthe lovely film\n0\tthe dull film\n", to: "turned.tsv")
        let turned = try yuyan("predict", "out", "--input", "turned.tsv", "--set", "data.columns.text=1")
        #expect(try answers(turned).map { $0["label"]?.stringValue } == ["good", "bad"], "\(turned)")
        // How a file gives its labels is no matter to what the model answers with.
        let several = try yuyan(
            "predict",
            "out",
            "--input",
            "turned.tsv",
            "--set",
            "columns.text=1",
            "label_separator=,"
        )
        #expect(try answers(several).map { $0["label"]?.stringValue } == ["good", "bad"], "\(several)")
        try folder.write("the lovely film\t1\nbroken\nthe dull film\t0\n", to: "broken.tsv")
        let refused = try yuyan("predict", "out", "--input", "broken.tsv")
        #expect(refused.code == 1 && refused.errors.contains("broken.tsv, line 2"), "\(refused)")
        let skipping = try yuyan("predict", "out", "--input", "broken.tsv", "--set", "on_error=skip")
        let rows = try answers(skipping)
        #expect(rows.map { $0["label"]?.stringValue } == ["good", nil, "bad"], "\(skipping)")
        #expect(rows.map { $0["line"]?.integerValue } == [nil, 2, nil], "\(skipping)")
        #expect(rows[1]["error"]?.stringValue?.contains("1 columns where 2 are usual") == true)
        #expect(skipping.code == 0 && skipping.errors.contains("1 malformed rows"), "\(skipping)")
        // What only the task finds wrong has its place, too.
        try folder.write("{\"text\": \"fine\"}\n{\"text\": null}\n{\"text\": \"grim\"}\n", to: "gaps.jsonl")
        let set = ["--set", "columns.text=text", "on_error=skip"]
        let gaps = try BuiltProgram.run(["predict", "out", "--input", "gaps.jsonl"] + set, in: folder.path)
        #expect(try answers(gaps).map { $0["line"]?.integerValue } == [nil, 2, nil], "\(gaps)")
        let wrong = try yuyan("predict", "out", "--input", "broken.tsv", "--set", "on_eror=skip")
        #expect(wrong.code == 2 && wrong.errors.contains("on_error"), "\(wrong)")
        try folder.write("the lovely film\t1\nthe odd film\t2\nthe dull film\t0\n", to: "odd.tsv")
        let named = ["--set", "label_map.2=odd"]
        let judging = ["evaluate", "out", "--data", "odd.tsv", "--json"]
        let unknown = try BuiltProgram.run(judging + named, in: folder.path)
        #expect(unknown.code == 2 && unknown.errors.contains("odd.tsv, line 2"), "\(unknown)")
        #expect(unknown.errors.contains("--set unknown_labels=skip"), "\(unknown)")
        for key in ["unknown_labels", "data.unknown_labels"] {
            let left = try BuiltProgram.run(judging + named + ["\(key)=skip"], in: folder.path)
            #expect(left.code == 0 && left.errors.contains("1 rows left out"), "\(left)")
        }
    }

    @Test func aStoppedRunGoesOn() throws {
        let settings = ["max_steps=60", "save_steps=20", "eval_steps=20", "logging_steps=1"]
        let whole = try BuiltProgram.run(["train", "recipe.yaml"] + settings, in: folder.path)
        #expect(whole.code == 0, "\(whole)")
        let weights = folder.bytes("out/model.safetensors")
        let running = try BuiltProgram.start(
            ["train", "recipe.yaml", "output_dir=cut"] + settings,
            in: folder.path
        )
        #expect(running.wait(forError: "step 5 "))
        running.send(SIGTERM)
        let cut = running.end()
        #expect(cut.code == 143 || cut.code == 0, "\(cut)")
        let again = try BuiltProgram.run(
            ["train", "recipe.yaml", "output_dir=cut"] + settings,
            in: folder.path
        )
        #expect(again.code == 0, "\(again)")
        #expect(folder.bytes("cut/model.safetensors") == weights)
    }

    /// Of texts that are written it is told where each token looks, and not that there are no entities.
    @Test func writtenTextsAreExplained() throws {
        try folder.write(
            String(repeating: "one red\teins rot\nbig sun\tgrosse sonne\n", count: 20),
            to: "pairs.tsv"
        )
        let recipe = """
            task: sequence-to-sequence
            data:
              { train: pairs.tsv, validation: pairs.tsv, format: tsv, header: false, columns: { source: 0, target: 1 } }
            tokenizer: { vocab_size: 280 }
            model:
              { family: recurrent, embedding_dim: 8, hidden_size: 8, max_source_length: 24, max_target_length: 24 }
            training: { output_dir: pairs, max_steps: 2, tensorboard: false }
            """
        try folder.write(recipe + "\n", to: "pairs.yaml")
        let trained = try yuyan("train", "pairs.yaml")
        #expect(trained.code == 0, "\(trained)")
        let why = try yuyan("explain", "pairs", "--text", "one red", "--html", "why.html")
        #expect(why.code == 0 && why.output.contains(" ← "), "\(why)")
        #expect(!why.output.contains("no entity"), "\(why)")
        #expect(folder.text("why.html").contains("What the written tokens look at"))
    }

    /// Questions are answered from SQuAD's articles and from tables, whatever their answers.
    @Test func questionsAreAnsweredFromFiles() throws {
        func squad(_ start: Int) -> String {
            let answers = #""answers": [{"text": "red", "answer_start": \#(start)}]"#
            let asked = #"{"id": "1", "question": "what colour ?", \#(answers)}"#
            let paragraph = #"{"context": "the red boat .", "qas": [\#(asked)]}"#
            return
                #"{"version": "1.1", "data": [{"title": "t", "paragraphs": [\#(paragraph), \#(paragraph)]}]}"#
        }
        try folder.write(squad(4), to: "train.json")
        try folder.write(squad(9), to: "misplaced.json")
        try folder.write("asked,text\nwhat colour ?,the red boat .\n", to: "asked.csv")
        let recipe = """
            task: question-answering
            data: { train: train.json, validation: train.json }
            tokenizer: { type: word }
            model: { family: reader, embedding_dim: 8, hidden_size: 8, num_layers: 1 }
            training: { output_dir: asked, max_steps: 1, tensorboard: false }
            """
        try folder.write(recipe + "\n", to: "asked.yaml")
        let trained = try yuyan("train", "asked.yaml")
        #expect(trained.code == 0, "\(trained)")
        for file in ["train.json", "misplaced.json"] {
            let answered = try yuyan("predict", "asked", "-i", file)
            #expect(answered.code == 0, "\(file): \(answered)")
            let questions = try answered.output.split(separator: "\n").map {
                try JSONValue(parsing: String($0))["question"]?.stringValue
            }
            #expect(questions == ["what colour ?", "what colour ?"], "\(file): \(answered)")
        }
        let columns = ["--set", "columns.question=asked", "columns.context=text"]
        let table = try BuiltProgram.run(["predict", "asked", "-i", "asked.csv"] + columns, in: folder.path)
        #expect(table.code == 0 && table.output.contains("what colour"), "\(table)")
        let alone = try yuyan("predict", "asked", "--text", "the red boat .")
        #expect(alone.code == 2 && alone.errors.contains("'question' and 'context'"), "\(alone)")
    }

    /// Models of pairs take no half of one, and models of single texts no second one.
    @Test func pairsAreWhole() throws {
        let rows = (0..<40).map { "\($0 % 2 == 0 ? "fine" : "dull") number\($0)\tthe film\t\($0 % 2)\n" }
        try folder.write("a\ttext_pair\tlabel\n" + rows.joined(), to: "pairs.tsv")
        let recipe = """
            task: text-classification
            data: { train: pairs.tsv, columns: { text: a } }
            model: { family: linear }
            training: { output_dir: pairs, seed: 1 }
            """
        try folder.write(recipe + "\n", to: "pairs.yaml")
        try folder.write("fine\ndull\n", to: "half.txt")
        let trained = try yuyan("train", "pairs.yaml")
        #expect(trained.code == 0, "\(trained)")
        let pair = try yuyan("predict", "pairs", "--text", "fine", "--pair", "the film")
        let answer = try JSONValue(parsing: pair.output)
        #expect(answer["text_pair"] == "the film" && answer["label"] == "0", "\(pair)")
        // The column of second texts is read though only that of the first is named.
        let table = try yuyan("predict", "pairs", "--input", "pairs.tsv")
        #expect(table.output.split(separator: "\n").count == 40, "\(table)")
        for arguments in [
            ["predict", "pairs", "--text", "fine"], ["explain", "pairs", "--text", "fine"],
            ["predict", "pairs", "--input", "half.txt"],
        ] {
            let half = try BuiltProgram.run(arguments, in: folder.path)
            #expect(half.code == 2 && half.errors.contains("give --pair"), "\(arguments): \(half)")
            #expect(half.output.isEmpty, "\(arguments): \(half)")
        }
        let lost = try yuyan("predict", "pairs", "--input", "pairs.tsv", "--pair", "the film")
        #expect(lost.code == 2 && lost.errors.contains("--pair"), "\(lost)")
        let single = try yuyan("train", "recipe.yaml", "num_train_epochs=1")
        #expect(single.code == 0, "\(single)")
        for command in ["predict", "explain"] {
            let whole = try yuyan(command, "out", "--text", "fine", "--pair", "the film")
            #expect(whole.code == 2 && whole.errors.contains("learned from single texts"), "\(whole)")
        }
    }

    @Test func wrongUseIsExplained() throws {
        for (settings, word) in [
            (["model.family=text-cn"], "did you mean 'text-cnn'"),
            (["task=text-clasification"], "did you mean"),
            (["columns.label=7"], "column"), (["num_filters=many"], "whole number"),
        ] {
            let result = try BuiltProgram.run(["train", "recipe.yaml"] + settings, in: folder.path)
            #expect(result.code != 0 && result.errors.contains(word), "\(result)")
        }
    }
}
