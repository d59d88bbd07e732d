import Foundation
import Testing
import YuyanFileFormats
import YuyanTestSupport

/// Searching by the built program, from pairs of texts to answers.
@Suite(.serialized, .enabled(if: BuiltProgram.path != nil, Comment(rawValue: BuiltProgram.absence)))
struct SearchCommandTests {
    private let folder: ScratchFolder
    private static let keys = [
        ("king", "crown"), ("ship", "harbour"), ("bread", "oven"), ("rain", "cloud"), ("song", "melody"),
    ]

    init() throws {
        folder = try ScratchFolder()
        var rows: [String] = []
        for number in 0..<120 {
            let (asked, answer) = Self.keys[number % 5]
            rows.append("the \(asked) \(number / 5)\tan old \(answer) \(number / 7)")
        }
        try folder.write(rows.joined(separator: "\n") + "\n", to: "pairs.tsv")
        try folder.write(
            Self.keys.map { "{\"id\": \"\($0.0)\", \"text\": \"one \($0.1)\"}\n" }.joined(),
            to: "texts.jsonl"
        )
        try folder.write(Self.keys.map { "\($0.0)\t\($0.0)\n" }.joined(), to: "asked.tsv")
        try folder.write(Self.keys.map { "\($0.1)\n" }.joined(), to: "questions.txt")
        try folder.write(
            """
            task: text-embedding
            data: { train: pairs.tsv, validation: pairs.tsv, header: false, columns: { text: 0, text_pair: 1 } }
            model: { family: bag-of-embeddings, embedding_dim: 16, buckets: 100 }
            training: { output_dir: model, num_train_epochs: 12, seed: 1, learning_rate: 0.03,
                        per_device_train_batch_size: 16, tensorboard: false }
            """,
            to: "recipe.yaml"
        )
    }

    private func yuyan(_ arguments: String...) throws -> BuiltProgram.Result {
        try BuiltProgram.run(arguments, in: folder.path)
    }

    @Test func fromPairsToAnswers() throws {
        let trained = try yuyan("train", "recipe.yaml")
        #expect(trained.code == 0, "\(trained)")
        let evaluated = try yuyan("evaluate", "model", "--json")
        #expect(evaluated.code == 0 && evaluated.output.contains("\"mrr_interval\""), "\(evaluated)")
        let predicted = try yuyan("predict", "model", "--text", "a king")
        let vector = try JSONValue(parsing: predicted.output)["vector"]?.arrayValue
        #expect(vector?.count == 16, "\(predicted)")

        for kind in ["exact", "hnsw", "bm25", "hybrid"] {
            let model = kind == "bm25" ? [] : ["--model", "model"]
            let made = try BuiltProgram.run(
                ["search", "index", "--input", "texts.jsonl", "--output", "index", "--kind", kind] + model,
                in: folder.path
            )
            #expect(made.code == 0 && made.errors.contains("5 texts"), "\(made)")
            let asked = try yuyan("search", "query", "--index", "index", "one melody", "--count", "2")
            #expect(asked.code == 0 && asked.output.split(separator: "\n").count == 2, "\(asked)")
            #expect(asked.output.contains("\tsong\tone melody\n"), "\(asked)")
            let lines = try yuyan(
                "search",
                "query",
                "--index",
                "index",
                "--input",
                "questions.txt",
                "--count",
                "1"
            )
            let objects = try lines.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
            #expect(objects.map { $0["query"]?.stringValue } == Self.keys.map { $0.1 }, "\(lines)")
            let judged = try yuyan(
                "search",
                "evaluate",
                "--index",
                "index",
                "--queries",
                "asked.tsv",
                "--json",
                "--set",
                "header=false",
                "columns.query=0",
                "columns.relevant=1"
            )
            let figures = try JSONValue(parsing: judged.output)
            #expect(figures["questions"]?.integerValue == 5, "\(judged)")
            // Only vectors know what a king has to do with a crown.
            let mrr = figures["mrr"]?.numberValue ?? -1
            #expect(kind == "bm25" ? mrr == 0 : mrr > 0.8, "\(kind): \(judged)")
            #expect(figures["mrr_interval"]?.arrayValue?.count == 2)
        }
    }

    @Test func mistakesAreNamed() throws {
        let cases: [([String], Int32, String)] = [
            (
                ["search", "index", "--input", "texts.jsonl", "--output", "i", "--kind", "exact"], 2,
                "--model"
            ),
            (["search", "index", "--input", "nowhere.txt", "--output", "i"], 1, "nowhere.txt"),
            (["search", "index", "--input", "texts.jsonl", "--output", "i", "--kind", "fast"], 2, "hnsw"),
            (
                ["search", "index", "--input", "texts.jsonl", "--output", ".", "--kind", "bm25"], 1,
                "something else"
            ),
            (["search", "query", "--index", "nowhere", "a"], 1, "nowhere"),
            (["search", "query", "--index", "."], 2, "nothing to ask"),
            (["search", "evaluate", "--index", "i", "--queries", "texts.jsonl"], 2, "query"),
        ]
        for (arguments, code, message) in cases {
            let result = try BuiltProgram.run(arguments, in: folder.path)
            #expect(result.code == code && result.errors.contains(message), "\(arguments): \(result)")
            #expect(!folder.exists("i"))
        }
    }
}
