import Foundation
import Testing
import YuyanFileFormats
import YuyanTestSupport

/// A recipe over a small corpus, in a folder of its own.
struct Project {
    let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
        try folder.write(smallCorpus(documents: 60).joined(separator: "\n\n") + "\n", to: "corpus.txt")
        let recipe = """
            task: language-modeling
            data: { train: corpus.txt, validation_fraction: 0.1 }
            tokenizer: { type: byte }
            model:
              num_hidden_layers: 1
              hidden_size: 16
              num_attention_heads: 2
              max_position_embeddings: 24
            training:
              output_dir: out
              max_steps: 4
              per_device_train_batch_size: 2
              eval_steps: 2
              seed: 5
            """
        try folder.write(recipe + "\n", to: "recipe.yaml")
    }

    func yuyan(_ arguments: String...) throws -> BuiltProgram.Result {
        try BuiltProgram.run(arguments, in: folder.path)
    }
}

@Suite(.serialized, .enabled(if: BuiltProgram.path != nil, Comment(rawValue: BuiltProgram.absence)))
struct CommandLineTests {
    @Test(arguments: [
        "", "quickstart", "prepare", "train", "evaluate", "predict", "generate", "runs", "runs list",
        "version",
    ])
    func everyCommandExplainsItself(command: String) throws {
        let folder = try ScratchFolder()
        let result = try BuiltProgram.run(
            command.split(separator: " ").map(String.init) + ["--help"],
            in: folder.path
        )
        #expect(result.code == 0)
        #expect(result.output.contains("USAGE: yuyan"), "\(result)")
        #expect(result.output.contains("OVERVIEW:"), "\(result)")
        #expect(folder.names().isEmpty, "help leaves nothing behind: \(folder.names())")
    }

    @Test func theVersionNamesTheKernels() throws {
        let folder = try ScratchFolder()
        let result = try BuiltProgram.run(
            ["version"],
            in: folder.path,
            environment: ["YUYAN_KERNELS": "scalar"]
        )
        #expect(result.code == 0 && result.output.hasPrefix("yuyan "), "\(result)")
        #expect(result.output.contains("kernels scalar") && result.output.contains("1 thread"), "\(result)")
    }

    @Test(arguments: [
        "trian recipe.yaml", "train", "train recipe.yaml --nonsense", "generate out --top-k many",
        "runs show x",
        "runs compare 1", "generate", "quickstart --minutes -3", "train recipe.yaml lonely",
        "generate out --temperature=-1", "generate out --max-new-tokens=-1",
    ])
    func wrongUsageIsTwo(line: String) throws {
        let project = try Project()
        let result = try BuiltProgram.run(
            line.split(separator: " ").map(String.init),
            in: project.folder.path
        )
        #expect(result.code == 2, "\(result)")
        #expect(!result.errors.isEmpty && result.output.isEmpty, "\(result)")
    }

    @Test(arguments: [["YUYAN_KERNELS": "avx9000"], ["YUYAN_THREADS": "none"]])
    func wrongEnvironmentIsTwo(environment: [String: String]) throws {
        let folder = try ScratchFolder()
        let result = try BuiltProgram.run(["version"], in: folder.path, environment: environment)
        #expect(result.code == 2, "\(result)")
        #expect(result.errors.contains(environment.keys.first ?? "-"), "\(result)")
    }

    @Test func aTrainedFolderAnswers() throws {
        let project = try Project()
        try project.folder.write(
            "the swift flies over the hills. rain falls and rivers rise.\n",
            to: "other.txt"
        )
        let trained = try project.yuyan(
            "train",
            "recipe.yaml",
            "dropout=0.3",
            "data.exclude_texts_of=other.txt"
        )
        #expect(trained.code == 0, "\(trained)")
        try generates(project)
        try evaluates(project)
        // Another run, to be put beside the first.
        let second = try project.yuyan(
            "train",
            "recipe.yaml",
            "output_dir=two",
            "learning_rate=0.01",
            "dropout=0.3"
        )
        #expect(second.code == 0, "\(second)")
        try listsRuns(project)
    }

    private func generates(_ project: Project) throws {
        let one = try project.yuyan(
            "generate",
            "out",
            "-p",
            "the swift",
            "--seed",
            "3",
            "--max-new-tokens",
            "20"
        )
        let again = try project.yuyan(
            "generate",
            "out",
            "-p",
            "the swift",
            "--seed",
            "3",
            "--max-new-tokens",
            "20"
        )
        #expect(one.code == 0 && one.output.hasPrefix("the swift"), "\(one)")
        #expect(one.output.utf8.count > "the swift\n".utf8.count)
        #expect(one.output == again.output)
        let other = try project.yuyan(
            "generate",
            "out",
            "-p",
            "the swift",
            "--seed",
            "4",
            "--max-new-tokens",
            "20"
        )
        #expect(other.output != one.output)
        // Prompts of several lengths in one batch give what each gives alone.
        let greedy = ["--temperature", "0", "--max-new-tokens", "12"]
        let prompts = ["the", "the swift flies", "r"]
        let alone = try prompts.map {
            try BuiltProgram.run(["generate", "out", "-p", $0] + greedy, in: project.folder.path).output
        }
        let batch = try BuiltProgram.run(
            ["generate", "out"] + prompts.flatMap { ["-p", $0] } + greedy,
            in: project.folder.path
        )
        let expected = alone.enumerated().map { "--- \($0.offset + 1)\n\($0.element)" }.joined()
        #expect(batch.output == expected, "\(batch)")
        // So do samples, of which a prompt's first is what it gives alone.
        let sampled = ["--seed", "3", "--temperature", "2", "--max-new-tokens", "12"]
        let first = try prompts.map {
            try BuiltProgram.run(["generate", "out", "-p", $0] + sampled, in: project.folder.path).output
        }
        let two = try BuiltProgram.run(
            ["generate", "out", "--num-samples", "2"] + prompts.flatMap { ["-p", $0] } + sampled,
            in: project.folder.path
        )
        for (number, text) in first.enumerated() {
            #expect(two.output.contains("--- \(2 * number + 1)\n\(text)--- \(2 * number + 2)\n"), "\(two)")
        }
        let wrong = try project.yuyan("generate", "out", "-p", "the", "--temperature=-1")
        #expect(
            wrong.code == 2 && wrong.output.isEmpty && wrong.errors.contains("--temperature: -1"),
            "\(wrong)"
        )
        let missing = try project.yuyan("generate", "nowhere")
        #expect(missing.code == 1 && missing.errors.contains("nowhere"), "\(missing)")
    }

    private func evaluates(_ project: Project) throws {
        let result = try project.yuyan("evaluate", "out", "--json")
        #expect(result.code == 0, "\(result)")
        let all = try #require(
            try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        )
        let figures = all.compactMapValues { $0 as? Double }
        let loss = try #require(figures["loss"])
        #expect(abs(exp(loss) - (figures["perplexity"] ?? 0)) < 1e-6 * exp(loss))
        // The run's own figure for the weights that it kept, without dropout.
        let lines = project.folder.text("out/train.jsonl").split(separator: "\n").compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Double]
        }
        let best = try #require(lines.compactMap { $0["eval_loss"] }.min())
        #expect(abs(loss - best) < 1e-9, "\(loss), in training \(best)")
        let taken = try project.yuyan("evaluate", "out", "--output", "recipe.yaml")
        #expect(taken.code == 1 && taken.errors.contains("recipe.yaml: is a file, not a folder"), "\(taken)")
        let table = try project.yuyan("evaluate", "out", "--output", "judged")
        #expect(table.code == 0 && table.output.contains("95 % interval"), "\(table)")
        let kept = try JSONValue(contentsOf: "\(project.folder.path)/judged/evaluation.json")
        #expect(kept["loss"]?.numberValue == loss)
        #expect(project.folder.text("judged/evaluation.html").contains("bits_per_byte"))
        // What training left out is there to be judged by, and need not stay for what was trained to answer.
        let other = try project.yuyan("evaluate", "out", "--data", "other.txt", "--json")
        #expect(other.code == 0 && other.output.contains("\"bytes\":60"), "\(other)")
        try FileManager.default.removeItem(atPath: project.folder.path + "/other.txt")
        let again = try project.yuyan("evaluate", "out", "--json")
        #expect(again.code == 0 && again.output == result.output, "\(again)")
    }

    @Test func conversationsBecomeTextOrIds() throws {
        let project = try Project()
        let rows = [
            #"{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]}"#,
            #"{"instruction": "Say no.", "output": "no"}"#,
        ]
        try project.folder.write(rows.joined(separator: "\n") + "\n", to: "rows.jsonl")
        let text = try project.yuyan("tokenizer", "chat", "rows.jsonl", "--template", "chatml")
        let lines = text.output.split(separator: "\n")
        #expect(text.code == 0 && lines.count == 2 && text.errors.contains("2 conversations"), "\(text)")
        let first = try JSONValue(parsing: String(lines[0]))
        let spoken = try #require(first["text"]?.stringValue)
        let span = first["trained"]?.arrayValue?.first?.arrayValue?.compactMap { $0.integerValue } ?? []
        try #require(span.count == 2, "\(text)")
        let trained = String(decoding: Array(spoken.utf8)[span[0]..<span[1]], as: UTF8.self)
        #expect(trained.hasPrefix("yes"), "\(text)")
        let prompt = try project.yuyan("tokenizer", "chat", "rows.jsonl", "--template", "chatml", "--prompt")
        #expect(prompt.code == 0 && !prompt.output.contains("yes"), "\(prompt)")
        let unknown = try project.yuyan("tokenizer", "chat", "rows.jsonl", "--template", "chatlm")
        #expect(unknown.code == 1 && unknown.errors.contains("did you mean 'chatml'?"), "\(unknown)")
        let none = try project.yuyan("tokenizer", "chat", "rows.jsonl")
        #expect(none.code == 2 && none.errors.contains("--template"), "\(none)")
        // Ids of a tokenizer trained here; those of the answer are marked.
        let learned = try project.yuyan(
            "tokenizer",
            "train",
            "corpus.txt",
            "--output",
            "tok",
            "--vocab-size",
            "300"
        )
        #expect(learned.code == 0, "\(learned)")
        let ids = try project.yuyan(
            "tokenizer",
            "chat",
            "rows.jsonl",
            "--template",
            "chatml",
            "--tokenizer",
            "tok",
            "--output",
            "ids.jsonl"
        )
        #expect(ids.code == 0 && ids.output.isEmpty, "\(ids)")
        for line in project.folder.text("ids.jsonl").split(separator: "\n") {
            let row = try JSONValue(parsing: String(line))
            let mask = row["mask"]?.arrayValue?.compactMap { $0.integerValue } ?? []
            #expect(
                mask.count == row["ids"]?.arrayValue?.count && mask.contains(1) && mask.first == 0,
                "\(line)"
            )
        }
    }

    private func listsRuns(_ project: Project) throws {
        let list = try project.yuyan("runs")
        #expect(list.code == 0 && list.output.contains("finished"), "\(list)")
        #expect(list.output.contains("bits_per_byte "), "\(list)")
        let json = try project.yuyan("runs", "list", "--json")
        #expect(json.output.split(separator: "\n").count == 2, "\(json)")
        let show = try project.yuyan("runs", "show", "2")
        #expect(show.code == 0 && show.output.contains("\"learning_rate\": 0.01"), "\(show)")
        let compare = try project.yuyan("runs", "compare", "1", "2")
        #expect(compare.code == 0 && compare.output.contains("training.learning_rate"), "\(compare)")
        #expect(!compare.output.contains("hidden_size"), "only what differs is shown: \(compare)")
        let missing = try project.yuyan("runs", "show", "9")
        #expect(missing.code == 1 && missing.errors.contains("there is no run 9"), "\(missing)")
    }
}
