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
