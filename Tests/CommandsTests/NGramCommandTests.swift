import Foundation
import Testing
import YuyanFileFormats
import YuyanTestSupport

/// An n-gram model by the built program, from text to text.
@Suite(.serialized, .enabled(if: BuiltProgram.path != nil, Comment(rawValue: BuiltProgram.absence)))
struct NGramCommandTests {
    private let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
        try folder.write(smallCorpus(documents: 60).joined(separator: "\n\n") + "\n", to: "corpus.txt")
        let recipe = """
            data: { train: corpus.txt, validation_fraction: 0.1 }
            tokenizer: { type: char }
            model: { family: n-gram, order: 6 }
            training: { output_dir: out }
            """
        try folder.write(recipe + "\n", to: "recipe.yaml")
    }

    private func yuyan(_ arguments: String...) throws -> BuiltProgram.Result {
        try BuiltProgram.run(arguments, in: folder.path)
    }

    @Test func fromTextToText() throws {
        let trained = try yuyan("train", "recipe.yaml")
        #expect(trained.code == 0 && trained.errors.contains("n-gram of order 6"), "\(trained)")
        let judged = try yuyan("evaluate", "out", "--json")
        let loss = try JSONValue(parsing: judged.output)["loss"]?.numberValue
        #expect((loss ?? 9) < 2, "\(judged)")
        try folder.write("the swift flies over the hills\n", to: "other.txt")
        let other = try yuyan("evaluate", "out", "--data", "other.txt", "--json")
        // The line's characters and the end of the text.
        #expect(try JSONValue(parsing: other.output)["tokens"]?.integerValue == 32, "\(other)")
        let arguments = ["generate", "out", "-p", "the s", "--max-new-tokens", "40", "--seed"]
        let texts = try ["1", "1", "2"].map { try BuiltProgram.run(arguments + [$0], in: folder.path).output }
        #expect(texts[0] == texts[1] && texts[0] != texts[2] && texts[0].hasPrefix("the s"), "\(texts)")
        let stopped = try yuyan("generate", "out", "-p", "the s", "--temperature", "0", "--stop", " ")
        #expect(stopped.code == 0 && !stopped.output.dropFirst(5).contains(" "), "\(stopped)")
        let runs = try yuyan("runs")
        #expect(runs.output.contains("finished"), "\(runs)")
    }

    /// A run that is stopped says so, leaves no model, and begins again.
    @Test func aStoppedRunIsBegunAgain() throws {
        let documents = smallCorpus(documents: 4000).joined(separator: "\n\n")
        try folder.write(String(repeating: documents, count: 10), to: "corpus.txt")
        let running = try BuiltProgram.start(["train", "recipe.yaml", "model.order=10"], in: folder.path)
        #expect(running.wait(forError: "vocabulary"))
        running.send(SIGTERM)
        let result = running.end()
        #expect(result.code == 128 + SIGTERM || result.code == 0, "\(result)")
        if result.code != 0 {
            #expect(
                result.errors.contains("nothing is saved, and the same command begins again"),
                "\(result)"
            )
        }
        #expect(folder.exists("out/config.json") == (result.code == 0))
        let again = try yuyan("train", "recipe.yaml", "model.order=3")
        #expect(again.code == 0 && folder.exists("out/config.json"), "\(again)")
    }
}
