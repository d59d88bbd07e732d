import Foundation
import Testing
import YuyanTestSupport

/// What comes from outside and is wrong ends with a message and an exit code, never with a crash.
@Suite(.serialized, .enabled(if: BuiltProgram.path != nil, Comment(rawValue: BuiltProgram.absence)))
struct BadInputTests {
    /// Trains on a file of the given bytes and checks code and message.
    private func train(
        _ bytes: [UInt8]?,
        named name: String = "bad.txt",
        _ settings: [String] = [],
        code: Int32 = 1,
        says words: [String]
    ) throws {
        let project = try Project()
        if let bytes { try project.folder.write(bytes, to: name) }
        let result = try BuiltProgram.run(
            ["train", "recipe.yaml", "data.train=\(name)"] + settings,
            in: project.folder.path
        )
        check(result, code: code, says: words)
    }

    private func check(_ result: BuiltProgram.Result, code: Int32, says words: [String]) {
        #expect(result.code == code, "\(result)")
        for word in words { #expect(result.errors.contains(word), "no \"\(word)\" in: \(result)") }
        for word in ["Fatal error", "crashed", "Backtrace"] {
            #expect(!result.errors.contains(word), "\(result)")
        }
    }

    @Test func emptyFile() throws { try train([], says: ["bad.txt"]) }

    @Test func missingFile() throws { try train(nil, says: ["bad.txt"]) }

    @Test func emptyFolder() throws {
        let project = try Project()
        try FileManager.default.createDirectory(
            atPath: "\(project.folder.path)/bad",
            withIntermediateDirectories: true
        )
        check(try project.yuyan("train", "recipe.yaml", "data.train=bad"), code: 1, says: ["bad"])
    }

    @Test func textThatIsNotUTF8() throws {
        let good = Array("the swift flies\n".utf8)
        try train(good + [0xFF, 0xFE] + good, says: ["bad.txt", "16"])
    }

    @Test func textThatIsTooShort() throws {
        try train(Array("t".utf8), says: ["bad.txt", "cannot be divided"])
    }

    @Test func aColumnThatIsNotThere() throws {
        try train(
            Array("{\"body\": \"the swift\"}\n".utf8),
            named: "bad.jsonl",
            says: ["bad.jsonl", "1", "text"]
        )
    }

    @Test func aBrokenLine() throws {
        let line = "{\"text\": \"the swift flies over the hills\"}\n"
        let bytes = Array((line + line + "{\"text\": \"the sw\n" + line).utf8)
        try train(bytes, named: "bad.jsonl", says: ["bad.jsonl", "3"])
    }

    @Test func anOutputFolderThatCannotBeMade() throws {
        let project = try Project()
        try project.folder.write("a file", to: "taken")
        check(
            try project.yuyan("train", "recipe.yaml", "output_dir=taken/out"),
            code: 1,
            says: ["training.output_dir", "taken: is a file, not a folder", "taken/out"]
        )
        for setting in ["output_dir=taken", "output_dir="] {
            for command in ["train", "prepare"] {
                check(
                    try project.yuyan(command, "recipe.yaml", setting, "data.train=nowhere"),
                    code: setting == "output_dir=" ? 2 : 1,
                    says: ["training.output_dir"]
                )
            }
        }
    }

    @Test func aFileThatCannotBeRead() throws {
        // Root reads everything.
        guard getuid() != 0 else { return }
        let project = try Project()
        try project.folder.write("the swift", to: "secret.txt")
        chmod("\(project.folder.path)/secret.txt", 0)
        check(
            try project.yuyan("train", "recipe.yaml", "data.train=secret.txt"),
            code: 1,
            says: ["secret.txt"]
        )
    }

    @Test func aFolderInPlaceOfAFile() throws {
        let project = try Project()
        check(try project.yuyan("train", "."), code: 2, says: ["."])
        check(try project.yuyan("evaluate", "."), code: 2, says: ["recipe.json"])
        check(
            try project.yuyan("train", "recipe.yaml", "tokenizer.path=corpus.txt"),
            code: 1,
            says: ["corpus.txt"]
        )
        check(try project.yuyan("train", "recipe.yaml", "model.path=nowhere"), code: 1, says: ["nowhere"])
    }

    @Test(arguments: [
        ("training: { learning_rat: 1 }", ["bad.yaml:1", "learning_rat", "did you mean 'learning_rate'?"]),
        (
            "task: language-modeling\ntraning: { seed: 1 }",
            ["bad.yaml:2", "traning", "did you mean 'training'?"]
        ),
        ("model:\n  hidden_size: wide", ["bad.yaml:2", "model.hidden_size", "a whole number", "wide"]),
        ("model:\n  hidden_size: \"32\"", ["bad.yaml:2", "model.hidden_size"]),
        ("training:\n  seed: -1", ["bad.yaml:2", "training.seed"]),
        ("training: [1, 2]", ["bad.yaml:1", "training"]),
        ("data: { train: { a: b } }", ["bad.yaml:1", "data.train", "single value"]),
        ("data: { prepared: [a, b] }", ["bad.yaml:1", "data.prepared", "single value"]),
        (
            "data:\n  train:\n    - { path: a, wieght: 2 }",
            ["bad.yaml:3", "wieght", "did you mean 'weight'?"]
        ),
        ("data: { split: tim }", ["bad.yaml:1", "data.split", "time", "tim"]),
        ("tokenizer: { type: wordpeace }", ["tokenizer.type", "bpe", "wordpeace"]),
        ("training: { seed: 1, seed: 2 }", ["bad.yaml", "seed"]),
        ("task: knitting", ["knitting", "language-modeling"]),
        ("a: [", ["bad.yaml"]),
        ("just words", ["bad.yaml", "mapping"]),
        ("training: { optim: adamx }", ["training.optim", "adamx", "adamw"]),
        ("training: { lr_scheduler_type: cosin }", ["lr_scheduler_type", "cosin", "cosine"]),
        (
            "training: { per_device_train_batch_size: 0 }",
            ["per_device_train_batch_size", "from 1 to 1000000"]
        ),
        ("model: { hidden_size: 15, num_attention_heads: 2 }", ["15", "2"]),
        ("model: { dropout: 1.0 }", ["dropout"]),
        ("", ["data.train is missing"]),
    ])
    func aWrongRecipeIsTwo(yaml: String, words: [String]) throws {
        let project = try Project()
        try project.folder.write(yaml + "\n", to: "bad.yaml")
        var arguments = ["train", "bad.yaml"]
        if yaml.hasPrefix("model: { hidden_size: 15") {
            arguments += ["data.train=corpus.txt", "tokenizer.type=byte"]
        }
        check(try BuiltProgram.run(arguments, in: project.folder.path), code: 2, says: words)
    }
}
