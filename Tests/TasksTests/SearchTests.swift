import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTasks
import YuyanTestSupport

/// Terms of texts, and indexes from files to answers.
@Suite(.serialized) struct SearchTests {
    private let paired: PairFolder

    init() throws { paired = try PairFolder() }

    @Test func termsOfTexts() {
        let terms = SearchTerms()
        #expect(terms("The U.S. budget, 2024: don't!") == ["the", "u", "s", "budget", "2024", "don", "t"])
        #expect(terms("语言模型 and 语 GPT4三") == ["语言", "言模", "模型", "and", "语", "gpt4", "三"])
        #expect(terms("naïve Ñandú，東京タワー") == ["naïve", "ñandú", "東京", "京タ", "タワ", "ワー"])
        #expect(terms(" 。，!? ").isEmpty && terms("").isEmpty)
        #expect(SearchTerms(stems: true)("Running dogs ran") == ["run", "dog", "ran"])
    }

    private func index(_ kind: SearchKind, _ change: (inout SearchIndexTask) -> Void = { _ in }) throws {
        var task = SearchIndexTask(inputs: ["\(paired.folder.path)/texts.tsv"])
        task.kind = kind
        task.data.header = false
        task.data.columns = ["id": .number(0), "text": .number(1)]
        if kind.hasVectors { task.model = "\(paired.folder.path)/out" }
        change(&task)
        let folder = "\(paired.folder.path)/index"
        _ = try task.run(to: folder, report: { _ in }, isCancelled: { false })
    }

    private func writeTexts() throws {
        try paired.writeParts("labels")
        try paired.writeWordVectors()
        let settings = [
            "vectors=\(paired.folder.path)/words.vec", "weighting=uniform", "remove_components=0",
        ]
        try paired.train(try paired.recipe("word-vectors", "labels", "out", settings))
        var numbers = TextNumbers(seed: 4)
        try paired.write(
            PairFolder.keys.enumerated().map { "t\($0)\t\(PairFolder.text($1.1, &numbers))" } + ["empty\t"],
            to: "texts.tsv"
        )
    }

    @Test(arguments: SearchKind.allCases) func answersQuestions(kind: SearchKind) throws {
        try writeTexts()
        try index(kind)
        let folder = "\(paired.folder.path)/index"
        let engine = try SearchEngine(folder)
        #expect(engine.kind == kind)
        // By words the answer's own word is asked for; by vectors the question's finds it.
        for (number, key) in PairFolder.keys.enumerated() {
            let question = kind.hasVectors ? "\(key.0) \(key.1)" : key.1
            let found = try engine.search([question], count: 3)[0]
            #expect(found.first?.id == "t\(number)", "\(question): \(found)")
            #expect(found.first?.text.contains(key.1) == true)
        }
        let several = try engine.search(["crown", "", "oven"], count: 2)
        #expect(several.map(\.count) == (kind.hasVectors ? [2, 2, 2] : [1, 0, 1]))
        try paired.write(
            PairFolder.keys.enumerated().map { "{\"query\": \"\($1.1)\", \"relevant\": [\"t\($0)\"]}" },
            to: "asked.jsonl"
        )
        let asked = try SearchQuestions(["\(paired.folder.path)/asked.jsonl"], settings: DataSettings())
        let evaluation = try SearchEvaluation.run(engine, asked, depth: 100) { _ in true }
        #expect((evaluation.json["mrr"]?.numberValue ?? 0) > 0.9, "\(evaluation.plain)")
        #expect(evaluation.json["recall_at_5_interval"]?.arrayValue?.count == 2)
        #expect(evaluation.json["relevant_texts_missing"]?.integerValue == 0)
        #expect(!evaluation.plain.contains("not in the index"))
        // Names that the index lacks are told, each once; those of no grade are not wanted.
        try paired.write(
            [
                "{\"query\": \"a\", \"relevant\": {\"t0\": 1, \"gone\": 2, \"nowhere\": 0}}",
                "{\"query\": \"b\", \"relevant\": [\"gone\", \"lost\"]}",
            ],
            to: "asked.jsonl"
        )
        let other = try SearchQuestions(["\(paired.folder.path)/asked.jsonl"], settings: DataSettings())
        let lacking = try SearchEvaluation.run(engine, other, depth: 100) { _ in true }
        #expect(lacking.json["relevant_texts_missing"]?.integerValue == 2)
        #expect(
            lacking.plain.contains("2 relevant texts are not in the index")
                && lacking.plain.contains("gone, lost")
        )
    }

    @Test func questionsOfManyForms() throws {
        try paired.write(
            [
                "{\"query\": \"a\", \"relevant\": {\"x\": 2, \"y\": 0}}",
                "{\"query\": \"b\", \"relevant\": \"x z\"}",
                "{\"query\": \"a\", \"relevant\": [\"z\"], \"grade\": 3}",
            ],
            to: "asked.jsonl"
        )
        let asked = try SearchQuestions(["\(paired.folder.path)/asked.jsonl"], settings: DataSettings())
        #expect(asked.questions == ["a", "b"])
        #expect(asked.relevant == [["x": 2, "y": 0, "z": 3], ["x": 1, "z": 1]])
        for row in [
            "{\"query\": \"a\"}", "{\"query\": \"a\", \"relevant\": {\"x\": \"y\"}}", "{\"relevant\": \"x\"}",
        ] {
            try paired.write([row], to: "asked.jsonl")
            #expect(throws: RecipeError.self) {
                try SearchQuestions(["\(paired.folder.path)/asked.jsonl"], settings: DataSettings())
            }
        }
    }

    @Test func whatDoesNotFitIsRefused() throws {
        try writeTexts()
        func message(_ body: () throws -> Void) throws -> String {
            let error = #expect(throws: (any Error).self) { try body() }
            return "\(try #require(error))"
        }
        #expect(try message { try index(.exact) { $0.model = nil } }.contains("--model"))
        #expect(try message { try index(.bm25) { $0.model = "out" } }.contains("--model"))
        #expect(try message { try index(.bm25) { $0.terms.b = 2 } }.contains("0...1"))
        #expect(try message { try index(.hnsw) { $0.vectors.connections = 0 } }.contains("2...512"))
        try paired.write(["t1\ta", "t1\tb"], to: "twice.tsv")
        let twice = "\(paired.folder.path)/twice.tsv"
        #expect(try message { try index(.bm25) { $0.inputs = [twice] } }.contains("line 2"))
        // The number of a text without an id may be the id of another, before or behind it.
        let rows = ["{\"id\": \"2\", \"text\": \"a\"}", "{\"text\": \"b\"}", "{\"id\": 2, \"text\": \"c\"}"]
        for (lines, said) in [
            (rows[0...1], "line 2: the text has no id, and its number 2 is the id of another"),
            ([rows[1], rows[1], rows[2]], "line 3: the id '2' is the number of a text before"),
            ([rows[0], rows[2]], "line 2: the id '2' was there before"),
        ] {
            try paired.write(Array(lines), to: "ids.jsonl")
            let found = try message {
                try index(.bm25) {
                    $0.inputs = ["\(paired.folder.path)/ids.jsonl"]
                    $0.data = DataSettings()
                }
            }
            #expect(found.contains(said), "\(found)")
        }
        #expect(!FileManager.default.fileExists(atPath: "\(paired.folder.path)/index"))
        #expect(throws: CancellationError.self) {
            var task = SearchIndexTask(inputs: ["\(paired.folder.path)/texts.tsv"])
            (task.kind, task.model) = (.hnsw, "\(paired.folder.path)/out")
            task.data.header = false
            task.data.columns = ["text": .number(1)]
            _ = try task.run(to: "\(paired.folder.path)/index", report: { _ in }, isCancelled: { true })
        }
        #expect(!FileManager.default.fileExists(atPath: "\(paired.folder.path)/index"))

        try index(.bm25)
        let folder = "\(paired.folder.path)/index"
        #expect(try message { _ = try SearchEngine(folder, kind: .exact) }.contains("no vectors"))
        try index(.exact)
        #expect(try message { _ = try SearchEngine(folder, kind: .hybrid) }.contains("no terms"))
        #expect(try message { _ = try SearchEngine(folder, kind: .hnsw) }.contains("ask with --kind exact"))
        try index(.hybrid)
        let joined = try message { _ = try SearchEngine(folder, kind: .hybridHNSW) }
        #expect(joined.contains("no graph") && joined.contains("ask with --kind hybrid,"), "\(joined)")
        try index(.hnsw)
        #expect(try SearchEngine(folder, kind: .exact).kind == .exact)
        try index(.exact)
        // Another model of another width, and one of the same width.
        try paired.write(["2 3", "king 1 0 0", "crown 0 1 0"], to: "words.vec")
        let settings = ["vectors=\(paired.folder.path)/words.vec", "remove_components=0"]
        try paired.train(try paired.recipe("word-vectors", "labels", "narrow", settings))
        let narrow = "\(paired.folder.path)/narrow"
        #expect(try message { _ = try SearchEngine(folder, model: narrow) }.contains("vectors of 3"))
        try paired.writeWordVectors()
        try paired.train(
            try paired.recipe("word-vectors", "labels", "out", ["vectors=\(paired.folder.path)/words.vec"])
        )
        #expect(try message { _ = try SearchEngine(folder) }.contains("make it again"))
        try FileManager.default.removeItem(atPath: "\(paired.folder.path)/out")
        #expect(try message { _ = try SearchEngine(folder) }.contains("--model"))
    }
}
