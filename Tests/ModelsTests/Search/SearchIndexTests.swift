import Foundation
import Testing
import YuyanFileFormats
import YuyanModels

/// What holds for texts by their terms, for folders of indexes and for joined rankings.
@Suite struct SearchIndexTests {
    private static func lexical(
        _ texts: [[String]],
        _ weighting: BM25Options.Weighting = .lucene
    ) throws -> LexicalIndex {
        var builder = LexicalIndexBuilder()
        for text in texts { builder.add(text) }
        var options = BM25Options()
        options.weighting = weighting
        if weighting == .okapi { options.k1 = 1.5 }
        return try builder.finish(options)
    }

    @Test(arguments: BM25Options.Weighting.allCases)
    func scoresAreThoseOfTheReference(weighting: BM25Options.Weighting) throws {
        let golden = try SimilarityGolden.read().bm25
        let index = try Self.lexical(golden.texts, weighting)
        for (query, wanted) in zip(golden.queries, weighting == .okapi ? golden.okapi : golden.lucene) {
            let scores = try index.scores(query)
            for (text, score) in scores.enumerated() {
                #expect(abs(score - wanted[text]) < 1e-9, "\(query), text \(text): \(score), \(wanted[text])")
            }
            let found = try index.search(query, count: 5)
            let order = wanted.indices.filter { wanted[$0] != 0 }
                .sorted { (Float(wanted[$1]), $0) < (Float(wanted[$0]), $1) }
            #expect(found.map(\.row) == Array(order.prefix(5)))
        }
    }

    @Test func termsOfAnyKind() throws {
        let index = try Self.lexical([["语", "言", "语"], [], ["é", "e"], ["語", ""]])
        #expect(index.termCount == 6)
        #expect(try index.search(["语"], count: 9).map(\.row) == [0])
        #expect(try index.search(["é", "語"], count: 9).map(\.row) == [2, 3])
        #expect(try index.search(["", "zz"], count: 9).map(\.row) == [3])
        #expect(try index.search([], count: 9).isEmpty)
        #expect(throws: SearchError.self) { try Self.lexical([]) }
        #expect(try Self.lexical([[], []]).search(["a"], count: 1).isEmpty)
    }

    @Test func damagedTermsAreRefused() throws {
        let folder = try ScratchFolder()
        let path = folder.file("terms")
        let index = try Self.lexical(SimilarityGolden.read().bm25.texts, .okapi)
        try index.write(to: path)
        let opened = try LexicalIndex(contentsOf: path)
        #expect(try opened.scores(["w0", "w3"]) == index.scores(["w0", "w3"]))
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        for count in [0, 30, whole.count / 2, whole.count - 1] {
            try damage(path, keeping: count)
            #expect(throws: FileFormatError.self) { try LexicalIndex(contentsOf: path) }
            try whole.write(to: URL(fileURLWithPath: path))
        }
        var random = RandomSource(seed: 9)
        for _ in 0..<300 {
            try damage(path, at: random.nextIndex(below: whole.count))
            do {
                _ = try LexicalIndex(contentsOf: path).search(["w1", "w20"], count: 3)
            } catch is FileFormatError {}
            try whole.write(to: URL(fileURLWithPath: path))
        }
    }

    private static func index(_ texts: [String], dimension: Int = 3) throws -> SearchIndex {
        let rows = clusteredRows(texts.count, width: dimension, seed: 2)
        var facts = JSONObject()
        facts["model"] = "here"
        return SearchIndex(
            documents: DocumentStore(ids: texts.indices.map { "d\($0)" }, texts: texts),
            vectors: try VectorIndex(rows, dimension: dimension),
            terms: try lexical(texts.map { $0.split(separator: " ").map(String.init) }),
            facts: facts
        )
    }

    @Test func folderHoldsTextsAndIndexes() throws {
        let folder = try ScratchFolder()
        let texts = ["one two", "", "三 four", "two"]
        let index = try Self.index(texts)
        try index.save(to: folder.file("index"))
        // Once more, and with a slash: what is there is replaced.
        try index.save(to: folder.file("index/"))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names == ["index"])
        let opened = try SearchIndex(folder: folder.file("index"))
        for (row, text) in texts.enumerated() { #expect(try opened.documents.text(row) == text) }
        #expect(try opened.documents.id(2) == "d2")
        #expect(opened.facts["model"]?.stringValue == "here")
        let found = try #require(try opened.terms?.search(["two"], count: 5))
        #expect(found.map(\.row) == [3, 0])
        #expect(
            try opened.vectors?.search([1, 0, 0], count: 2) == index.vectors?.search([1, 0, 0], count: 2)
        )
    }

    @Test func otherFoldersStay() throws {
        let folder = try ScratchFolder()
        let index = try Self.index(["a", "b"])
        _ = try folder.write("{\"model_type\": \"decoder\"}", "config.json")
        #expect(throws: FileFormatError.self) { try index.save(to: folder.path) }
        #expect(throws: FileFormatError.self) { try SearchIndex(folder: folder.path) }
        for (name, words) in [("config.json", "is a file, not a folder"), ("config.json/a", "is a file")] {
            let error = #expect(throws: FileFormatError.self) { try index.save(to: folder.file(name)) }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "-")")
        }
        #expect(throws: FileFormatError.self) { try index.save(to: "") }
        #expect(throws: FileFormatError.self) { try SearchIndex(folder: folder.file("nowhere")) }
        #expect(FileManager.default.fileExists(atPath: folder.file("config.json")))
    }

    @Test func partsOfDifferentIndexesAreRefused() throws {
        let folder = try ScratchFolder()
        try Self.index(["a", "b"]).save(to: folder.file("one"))
        try Self.index(["a", "b", "c"]).save(to: folder.file("two"))
        for name in ["documents", "vectors", "terms"] {
            let (own, other) = (
                folder.file("one/\(name).safetensors"), folder.file("two/\(name).safetensors")
            )
            let before = try Data(contentsOf: URL(fileURLWithPath: own))
            try Data(contentsOf: URL(fileURLWithPath: other)).write(to: URL(fileURLWithPath: own))
            #expect(throws: FileFormatError.self, "\(name)") { try SearchIndex(folder: folder.file("one")) }
            try before.write(to: URL(fileURLWithPath: own))
        }
        try damage(folder.file("one/documents.safetensors"), keeping: 100)
        #expect(throws: FileFormatError.self) { try SearchIndex(folder: folder.file("one")) }
    }

    @Test func ranksAreJoined() {
        func hits(_ rows: [Int]) -> [SearchHit] { rows.map { SearchHit(row: $0, score: 0) } }
        let joined = reciprocalRankFusion([hits([3, 1, 2]), hits([1, 9])], count: 3)
        #expect(joined.map(\.row) == [1, 3, 9])
        #expect(abs(Double(joined[0].score) - (1 / 62.0 + 1 / 61.0)) < 1e-7)
        #expect(abs(Double(joined[1].score) - 1 / 61.0) < 1e-7)
        #expect(reciprocalRankFusion([], count: 5).isEmpty)
    }
}
