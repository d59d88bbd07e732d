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
        let nothing = try yuyan("predict", "out")
        #expect(nothing.code == 2 && nothing.errors.contains("--text or --input"), "\(nothing)")
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
