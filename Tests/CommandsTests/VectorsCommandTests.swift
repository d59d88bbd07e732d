import Foundation
import Testing
import YuyanFileFormats
import YuyanTestSupport

/// Word vectors by the built program, from lines of text to neighbours.
@Suite(.serialized, .enabled(if: BuiltProgram.path != nil, Comment(rawValue: BuiltProgram.absence)))
struct VectorsCommandTests {
    private let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
        // Animals stand among some words, tools among others.
        let worlds = [
            (["cat", "dog", "fox"], ["runs", "sleeps", "eats", "barks"]),
            (["saw", "axe", "nail"], ["cuts", "rusts", "breaks", "bends"]),
        ]
        var text = ""
        for number in 0..<600 {
            let (names, deeds) = worlds[number % 2]
            text += "the \(names[number / 2 % 3]) \(deeds[number / 3 % 4]) and \(deeds[number / 5 % 4])\n"
        }
        try folder.write(text, to: "corpus.txt")
    }

    private func yuyan(_ arguments: String...) throws -> BuiltProgram.Result {
        try BuiltProgram.run(arguments, in: folder.path)
    }

    @Test(arguments: ["skip-gram", "cbow", "glove"]) func fromTextToNeighbours(model: String) throws {
        let trained = try yuyan(
            "vectors",
            "train",
            "corpus.txt",
            "--output",
            "vectors",
            "--model",
            model,
            "--dimension",
            "12",
            "--epochs",
            "20",
            "--subsampling",
            "0",
            "--learning-rate",
            "0.05"
        )
        #expect(trained.code == 0, "\(trained)")
        let near = try yuyan("vectors", "nearest", "vectors", "cat", "--count", "3")
        #expect(near.code == 0, "\(near)")
        // GloVe sees the whole line, in which animals and deeds stand together.
        let kin = model == "glove" ? ["dog", "fox", "runs", "eats", "sleeps"] : ["dog", "fox"]
        #expect(kin.contains { near.output.contains("\t\($0)\n") }, "\(model): \(near.output)")
        let converted = try yuyan("vectors", "convert", "vectors", "out.bin")
        #expect(converted.code == 0, "\(converted)")
        let again = try yuyan("vectors", "nearest", "out.bin", "cat", "--count", "3")
        #expect(again.output == near.output)
        let analogy = try yuyan("vectors", "analogy", "out.bin", "cat", "dog", "saw", "--method", "3cosmul")
        let words = analogy.output.split(separator: "\n")
        #expect(analogy.code == 0 && words.count == 10 && !analogy.output.contains("\tsaw"), "\(analogy)")
    }

    @Test func judgesSimilarity() throws {
        let trained = try yuyan(
            "vectors",
            "train",
            "corpus.txt",
            "--output",
            "vectors",
            "--dimension",
            "12",
            "--epochs",
            "20"
        )
        #expect(trained.code == 0, "\(trained)")
        try folder.write(
            "cat\tdog\t9\nsaw\taxe\t8\ncat\tsaw\t1\ndog\tnail\t2\nfox\tunicorn\t5\n",
            to: "pairs.tsv"
        )
        let judged = try yuyan("vectors", "evaluate", "vectors", "--similarity", "pairs.tsv")
        // One pair has a word without a vector.
        #expect(judged.code == 0, "\(judged)")
        let file = try #require(try JSONValue(parsing: judged.output)["similarity"]?.arrayValue?.first)
        #expect(file["compared"]?.integerValue == 4 && file["unknown"]?.integerValue == 1)
    }

    @Test func mistakesAreNamed() throws {
        let model = try yuyan("vectors", "train", "corpus.txt", "--output", "v", "--model", "bert")
        #expect(model.code == 2 && model.errors.contains("skip-gram"), "\(model)")
        let memory = try yuyan("vectors", "train", "corpus.txt", "--output", "v", "--memory", "9")
        #expect(memory.code == 2 && memory.errors.contains("--memory"), "\(memory)")
        let missing = try yuyan("vectors", "train", "none.txt", "--output", "v")
        #expect(missing.code == 1 && missing.errors.contains("none.txt"), "\(missing)")
        try folder.write("3 2\na 1 2\nb 1 x\nc 1 2\n", to: "broken.txt")
        let broken = try yuyan("vectors", "nearest", "broken.txt", "a")
        #expect(broken.code == 1 && broken.errors.contains("broken.txt, line 3"), "\(broken)")
        let dimension = try yuyan("vectors", "train", "corpus.txt", "--output", "v", "--dimension", "0")
        #expect(dimension.code != 0 && dimension.errors.contains("dimension"), "\(dimension)")
    }
}
