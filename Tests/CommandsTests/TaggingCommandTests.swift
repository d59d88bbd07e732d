import Foundation
import Testing
import YuyanFileFormats
import YuyanTestSupport

/// Tagging by the built program, from sentences with tags to entities.
@Suite(.serialized, .enabled(if: BuiltProgram.path != nil, Comment(rawValue: BuiltProgram.absence)))
struct TaggingCommandTests {
    private let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
        let recipe = """
            task: token-classification
            data: { train: train.conll, format: conll }
            model: { family: gru, embedding_dim: 12, hidden_size: 12, dropout: 0.1 }
            training: { output_dir: out, num_train_epochs: 15, learning_rate: 0.02, seed: 1 }
            """
        try folder.write(recipe + "\n", to: "recipe.yaml")
    }

    private func yuyan(_ arguments: String...) throws -> BuiltProgram.Result {
        try BuiltProgram.run(arguments, in: folder.path)
    }

    /// The texts of the entities of each answered sentence.
    private func entities(_ result: BuiltProgram.Result) throws -> [[String]] {
        try result.output.split(separator: "\n").map { line in
            try JSONValue(parsing: String(line))["entities"]?.arrayValue?.compactMap {
                $0["text"]?.stringValue
            } ?? []
        }
    }

    @Test func fromSentencesToEntities() throws {
        var text = ""
        for number in 0..<120 {
            let name = ["Ada", "Bo", "Cy"][number % 3], verb = ["went", "came", "flew"][number / 3 % 3]
            text += "then O\n\(name) B-PER\n\(verb) O\nto O\n\(["Rome", "Oslo"][number % 2]) B-LOC\n\n"
        }
        try folder.write(text, to: "train.conll")
        let look = try yuyan("prepare", "recipe.yaml")
        #expect(look.code == 0 && look.errors.contains("sentences"), "\(look)")
        let trained = try yuyan("train", "recipe.yaml")
        #expect(trained.code == 0, "\(trained)")
        let judged = try yuyan("evaluate", "out", "--json")
        #expect((try JSONValue(parsing: judged.output)["f1"]?.numberValue ?? 0) > 0.9, "\(judged)")
        #expect(folder.text("out/evaluation.html").contains("The worst sentences"))
        #expect(try entities(yuyan("predict", "out", "--text", "then Bo flew to Oslo")) == [["Bo", "Oslo"]])
        // Lines are texts; a file of sentences with tags is read without them.
        try folder.write("then Cy went to Rome\n\nthen Ada\n", to: "lines.txt")
        #expect(
            try entities(yuyan("predict", "out", "--input", "lines.txt")) == [["Cy", "Rome"], [], ["Ada"]]
        )
        try folder.write("then\tO\nBo\tO\n\nthen\tO\nAda\tB-PER\n", to: "more.conll")
        #expect(try entities(yuyan("predict", "out", "--input", "more.conll")) == [["Bo"], ["Ada"]])
    }

    /// A field on features of words and of a further column, stopped on its way: the same command goes on to the same
    /// model.
    @Test func aStoppedFieldGoesOn() throws {
        var (text, state) = ("", UInt64(7))
        for _ in 0..<1500 {
            var last = ""
            for _ in 0..<8 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let kind = ["DT", "NN", "VB"][Int(state >> 40 & 0xFFFF) % 3]
                text += "w\(state >> 33 & 63) \(kind) \(last == "DT" && kind == "NN" ? "X" : "Y")\n"
                last = kind
            }
            text += "\n"
        }
        try folder.write(text, to: "train.conll")
        let recipe = """
            task: token-classification
            data: { train: train.conll, format: conll, columns: { pos: 1 } }
            model: { family: crf, features: [default, pos@-1..0, pos@-1/pos@0], l2: 0.001, tolerance: 1.0e-12 }
            training: { output_dir: out, max_steps: 200 }
            """
        try folder.write(recipe + "\n", to: "field.yaml")
        let whole = try yuyan("train", "field.yaml", "output_dir=whole")
        #expect(whole.code == 0, "\(whole)")
        let running = try BuiltProgram.start(["train", "field.yaml"], in: folder.path)
        #expect(running.wait(forError: "to learn from"))
        usleep(600_000)
        running.send(SIGTERM)
        let stopped = running.end()
        #expect([0, 128 + SIGTERM].contains(stopped.code), "\(stopped)")
        let isKept = folder.exists("out/state.safetensors")
        if stopped.code != 0 {
            let end = isKept ? "the same command goes on from here" : "begins again"
            #expect(stopped.errors.contains(end) && !folder.exists("out/config.json"), "\(stopped)")
        }
        let gone = try yuyan("train", "field.yaml")
        #expect(gone.code == 0 && gone.errors.contains("going on in iteration") == isKept, "\(gone)")
        for name in ["model.safetensors", "config.json", "vocabulary.json"] {
            #expect(
                folder.bytes("out/\(name)") == folder.bytes("whole/\(name)") && folder.exists("out/\(name)")
            )
        }
        #expect(!folder.exists("out/state.safetensors"))
        let plain = try yuyan("predict", "out", "--text", "w1 w2")
        #expect(plain.code == 2 && plain.errors.contains("looks at the column 'pos'"), "\(plain)")
        try folder.write("w1 DT\nw2 NN\nw3 NN\n", to: "more.conll")
        let answer = try yuyan("predict", "out", "--input", "more.conll")
        #expect(try JSONValue(parsing: answer.output)["tags"] == ["Y", "X", "Y"], "\(answer)")
    }

    /// Where tokens are characters, a text is cut into them.
    @Test func charactersOfChinese() throws {
        var text = ""
        let (people, deeds) = (["我", "你", "他", "谁", "人"], ["看", "住", "坐", "说", "等", "笑", "想"])
        for number in 0..<140 {
            let place = number % 2 == 0 ? ["北", "京"] : ["上", "海"]
            text += "\(people[number % 5]) O\n在 O\n\(place[0]) B-LOC\n\(place[1]) I-LOC\n"
            text += "\(deeds[number % 7]) O\n\n"
        }
        try folder.write(text, to: "train.conll")
        let trained = try yuyan("train", "recipe.yaml")
        #expect(trained.code == 0, "\(trained)")
        for sentence in ["我在上海看", "我 在 上 海 看"] {
            let answer = try yuyan("predict", "out", "--text", sentence)
            #expect(try entities(answer) == [["上海"]], "\(answer)")
        }
    }
}
