import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTokenizers

private let tokenizer = ByteTokenizer()

@Suite("Sources of a corpus: rows, splits and weights")
struct CorpusSourceTests {
    let folder = TemporaryFolder()

    private func preparer(
        _ sources: [CorpusSource],
        _ output: String = "out",
        _ change: (inout PreparationOptions) -> Void = { _ in }
    ) -> CorpusPreparer {
        var options = PreparationOptions()
        (options.threads, options.removesDuplicates) = (2, false)
        change(&options)
        return CorpusPreparer(sources, tokenizer: tokenizer, folder: folder.file(output), options: options)
    }

    /// The documents that train and those that validate.
    private func sides(
        _ sources: [CorpusSource],
        _ output: String = "out",
        _ change: (inout PreparationOptions) -> Void = { _ in }
    ) throws -> (train: [String], validation: [String]) {
        try preparer(sources, output, change).run()
        let data = try PreparedDataset(folder: folder.file(output))
        let texts = [data.train, data.validation].map { shard in
            shard.map { ShardDocuments($0, tokenizer: tokenizer).map { String(decoding: $0, as: UTF8.self) } }
        }
        return (texts[0] ?? [], texts[1] ?? [])
    }

    // MARK: Rows

    @Test("tables and JSON arrays give one document a row, from the column that is named")
    func rows() throws {
        let csv = try folder.write("a.csv", "id,body\n1,\"first,\nof two \"\"lines\"\"\"\n\n2,second\n")
        let tsv = try folder.write("b.tsv", "body\tid\n三\t1\n\"four\"\t2\n")
        let json = try folder.write("c.json", #"[{"text":"five"}, {"n":1,"text":"six\n"}]"#)
        let packed = try folder.write("d.csv.gz", gzip(Array("text\nseven\n".utf8)))
        let sources = [
            CorpusSource(csv, format: .csv, textColumn: "body"),
            CorpusSource(tsv, format: .tsv, textColumn: "0"),
            CorpusSource(json, format: .json), CorpusSource(packed, format: .csv),
        ]
        let (train, validation) = try sides(sources) { $0.validationFraction = 0 }
        #expect(train == ["first,\nof two \"lines\"", "second", "三", "\"four\"", "five", "six\n", "seven"])
        #expect(validation.isEmpty)
        let description = try DatasetDescription(folder: folder.file("out"))
        #expect(
            try description.sources.map(\.sha256)
                == [csv, tsv, json, packed].map { try SHA256.hex(ofFile: $0) }
        )
        var found: [String] = []
        try CorpusTexts(sources).forEach {
            found.append($0)
            return true
        }
        #expect(found == train)
    }

    @Test("without a wish for rows, a table in a folder is plain text as ever")
    func plainTables() throws {
        try folder.write("corpus/a.csv", "id,body\n1,x\n")
        let (train, _) = try sides([CorpusSource(folder.file("corpus"))]) { $0.validationFraction = 0 }
        #expect(train == ["id,body\n1,x\n"])
    }

    @Test("killed at any moment and run again, rows come out once")
    func resume() throws {
        var rows = "text\n"
        for number in 0..<300 {
            rows += "\"row \(number),\n\(String(repeating: "x", count: number % 40))\"\n"
        }
        let sources = [CorpusSource(try folder.write("a.csv", rows), format: .csv)]
        func make(_ output: String) -> CorpusPreparer {
            preparer(sources, output) { ($0.partBytes, $0.roundBytes) = (1, 2000) }
        }
        try make("whole").run()
        var snapshots = 0
        try make("live").run(progress: { _ in
            try? FileManager.default.copyItem(
                atPath: folder.file("live"),
                toPath: folder.file("cut\(snapshots)")
            )
            snapshots += 1
        })
        #expect(snapshots > 5)
        for number in 0..<snapshots {
            try make("cut\(number)").run()
            #expect(folder.bytes("cut\(number)/train.bin") == folder.bytes("whole/train.bin"))
            #expect(folder.bytes("cut\(number)/validation.bin") == folder.bytes("whole/validation.bin"))
        }
    }

    @Test(
        "errors name file, line and column",
        arguments: [
            ("a.csv", "body,id\nx,1\n", ["a.csv", "'text'", "'body'"]),
            ("b.csv", "text,id\nx,1\ny\n", ["b.csv", "line 3"]),
            ("c.json", #"[{"text":"a"},{"texts":"b"}]"#, ["c.json", "'text'"]),
            ("d.csv", "text\n\"open", ["d.csv", "line 2"]),
        ]
    )
    func wrongRows(name: String, content: String, words: [String]) throws {
        let path = try folder.write(name, content)
        let source = CorpusSource(path, format: name.hasSuffix("csv") ? .csv : .json)
        let said = message { try preparer([source]).run() }
        for word in words { #expect(said.contains(word), "\(said)") }
    }

    // MARK: Splits

    private func dated(
        _ rows: [(text: String, date: String)],
        _ name: String = "dated.jsonl"
    ) throws -> [CorpusSource] {
        let lines = rows.map { "{\"text\":\"\($0.text)\",\"date\":\($0.date)}\n" }
        return [CorpusSource(try folder.write(name, lines.joined()))]
    }

    @Test("by time the latest validate, equal times together, wherever they stand")
    func byTime() throws {
        let dates = [
            "\"2024-03-01\"", "\"2024-01-31T23:00:00-02:00\"", "\"2024-02-01\"", "\"2023-12\"",
            "\"2024-03-01T00:00Z\"", "\"2024-02-29 12:30:00.5\"", "\"1999-01-01\"",
            "\"2024-02-01T01:30+0100\"",
        ]
        let rows = dates.enumerated().map { (text: "t\($0)", date: $1) }
        let (train, validation) = try sides(dated(rows)) {
            ($0.split, $0.splitKey, $0.validationFraction) = (.time, "date", 0.4)
        }
        // Three of eight, two of which stand on 1 March.
        #expect(Set(validation) == ["t0", "t4", "t5"] && train.count == 5)
        let numbers = try dated([("a", "3"), ("b", "-1.5"), ("c", "2"), ("d", "10")], "numbers.jsonl")
        let later = try sides(numbers, "numbers") {
            ($0.split, $0.splitKey, $0.validationFraction) = (.time, "date", 0.5)
        }
        #expect(later.validation == ["a", "d"])
        // Ties at the border go to training, unless nothing would be left.
        let tied = try sides(dated([("a", "1"), ("b", "2"), ("c", "2"), ("d", "3")], "ties.jsonl"), "ties") {
            ($0.split, $0.splitKey, $0.validationFraction) = (.time, "date", 0.5)
        }
        #expect(tied.validation == ["d"])
        let last = try sides(dated([("a", "1"), ("b", "2"), ("c", "2")], "last.jsonl"), "last") {
            ($0.split, $0.splitKey, $0.validationFraction) = (.time, "date", 0.1)
        }
        #expect(last.validation == ["b", "c"])
        // A text that came before stays where it came first.
        let repeated = try sides(
            dated([("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")], "again.jsonl"),
            "again"
        ) {
            ($0.split, $0.splitKey, $0.validationFraction) = (.time, "date", 0.5)
        }
        #expect(repeated.validation == ["c"])
        // Without a key the order is the corpus's.
        let plain = try sides(dated(rows), "plain") { ($0.split, $0.validationFraction) = (.time, 0.25) }
        #expect(plain.validation == ["t6", "t7"])
    }

    @Test("random hits the share to the document; another seed gives another part")
    func random() throws {
        let rows = (0..<200).map { (text: "number \($0)", date: "\($0 % 10)") }
        let first = try sides(dated(rows)) { ($0.split, $0.validationFraction, $0.seed) = (.random, 0.13, 1) }
        #expect(first.validation.count == 26 && first.train.count == 174)
        let other = try sides(dated(rows), "other") {
            ($0.split, $0.validationFraction, $0.seed) = (.random, 0.13, 2)
        }
        #expect(other.validation.count == 26 && other.validation != first.validation)
        let equal = (0..<100).map { (text: "text \($0 % 25)", date: "0") }
        let (train, validation) = try sides(dated(equal, "equal.jsonl"), "equal") {
            ($0.split, $0.validationFraction) = (.random, 0.1)
        }
        #expect(Set(train).isDisjoint(with: validation) && validation.count == 8)
    }

    @Test("documents of one key stay on one side", arguments: [DocumentSplitRule.document, .random])
    func groups(rule: DocumentSplitRule) throws {
        let rows = (0..<300).map { (text: "\($0 % 30) number \($0)", date: "\"author \($0 % 30)\"") }
        let (train, validation) = try sides(dated(rows)) {
            ($0.split, $0.splitKey, $0.validationFraction) = (rule, "date", 0.2)
        }
        func authors(_ texts: [String]) -> Set<Substring> {
            Set(texts.compactMap { $0.split(separator: " ").first })
        }
        #expect(authors(train).isDisjoint(with: authors(validation)))
        #expect(train.count + validation.count == 300 && validation.count.isMultiple(of: 10))
        if rule == .random { #expect(validation.count == 60) }
    }

    @Test(
        "what cannot be divided is said",
        arguments: [
            (
                DocumentSplitRule.time, "\"soon\"", "\"later\"",
                ["dated.jsonl", "line 1", "'soon'", "2026-01-31"]
            ),
            (.time, "\"2024-01-01\"", "5", ["1 of 2", "dates"]), (.time, "null", "1", ["line 1", "'date'"]),
            (.time, "\"2024-02-30\"", "\"2024-01-01\"", ["2024-02-30"]),
            (.random, "1", "1", ["2 documents", "same 'date'"]), (.document, "1", "1", ["same 'date'"]),
            (.time, "1", "1", ["same 'date'"]),
        ]
    )
    func undivided(rule: DocumentSplitRule, one: String, other: String, words: [String]) throws {
        let sources = try dated([("a", one), ("b", other)])
        let said = message { try preparer(sources) { ($0.split, $0.splitKey) = (rule, "date") }.run() }
        for word in words { #expect(said.contains(word), "\(said)") }
    }

    @Test("plain text has no key")
    func plainKey() throws {
        let source = CorpusSource(try folder.write("a.txt", "text"))
        let said = message { try preparer([source]) { $0.splitKey = "date" }.run() }
        #expect(said.contains("a.txt") && said.contains("'date'") && said.contains("JSONL"))
    }

    // MARK: Weights

    private func weighted(_ weights: [Double]) throws -> TokenDataset {
        var sources: [CorpusSource] = []
        for (number, weight) in weights.enumerated() {
            let letter = String(UnicodeScalar(UInt8(97 + number)))
            let text = String(repeating: letter, count: 1000 * (number + 1))
            let path = try folder.write("w\(number).txt", text)
            sources.append(CorpusSource(path, weight: weight))
        }
        try preparer(sources, "weighted") { $0.validationFraction = 0 }.run()
        return try PreparedDataset(folder: folder.file("weighted")).trainingSet(sequenceLength: 10)
    }

    /// How often each letter is a target.
    private func letters(_ batches: inout TrainingBatches, rows: Int) -> [Int32: Int] {
        var counts: [Int32: Int] = [:]
        for _ in 0..<rows {
            for target in batches.nextBatch().targets where target >= 97 && target < 123 {
                counts[target, default: 0] += 1
            }
        }
        return counts
    }

    @Test("an epoch of blocks goes through each source as often as its weight says")
    func blocks() throws {
        let data = try weighted([2, 0.5, 1])
        #expect(data.rowsPerEpoch == 2 * 101 + 101 + 301 && data.blocksPerEpoch == 601)
        var batches = try TrainingBatches(data, batchSize: 1, order: .shuffledBlocks, seed: 3)
        let first = letters(&batches, rows: data.rowsPerEpoch)
        #expect(batches.state.position == data.rowsPerEpoch)
        #expect(first[97] == 2000 && first[99] == 3000)
        // Half of the blocks, of which the one with the end of the text is shorter.
        #expect((980...1010).contains(first[98] ?? 0))
        // Going on from a saved state gives the same rows.
        let state = BatchState(epoch: 1, position: 17)
        var (one, other) = (
            try TrainingBatches(data, batchSize: 3, order: .shuffledBlocks, seed: 3, state: state),
            try TrainingBatches(data, batchSize: 1, order: .shuffledBlocks, seed: 3)
        )
        for _ in 0..<data.rowsPerEpoch + 17 { _ = other.nextBatch() }
        let rows = one.nextBatch()
        #expect(rows.targets == (0..<3).flatMap { _ in other.nextBatch().targets })
    }

    @Test("random windows come from a source as often as weight and size say")
    func windows() throws {
        let data = try weighted([3, 1.5, 1])
        var batches = try TrainingBatches(data, batchSize: 50, order: .randomWindows, seed: 3)
        let counts = letters(&batches, rows: 100)
        let total = Double(counts.values.reduce(0, +))
        // 3 · 991, 1.5 · 1,991 and 2,991 windows.
        for (letter, share) in [(97, 0.332), (98, 0.333), (99, 0.334)] as [(Int32, Double)] {
            #expect(abs(Double(counts[letter] ?? 0) / total - share) < 0.03, "\(counts)")
        }
    }

    @Test("weights of one change nothing, and are not written")
    func plainWeights() throws {
        let data = try weighted([1, 1])
        #expect(data.parts.isEmpty && data.rowsPerEpoch == data.blocksPerEpoch)
        #expect(try !SafeFile.readText(folder.file("weighted/dataset.json")).contains("mixture"))
        let other = try weighted([1, 2])
        #expect(other.parts.map(\.weight) == [1, 2] && other.parts.map(\.range) == [0..<1001, 1001..<3002])
    }

    @Test("a description whose weights or tokens are wrong is refused")
    func wrongMixture() throws {
        _ = try weighted([1, 2])
        let path = folder.file("weighted/dataset.json")
        let good = try SafeFile.readText(path)
        for (old, new) in [("\"weight\": 2", "\"weight\": -2"), ("\"tokens\": 2001", "\"tokens\": 2002")] {
            #expect(good.contains(old), "\(good)")
            try SafeFile.write(text: good.replacing(old, with: new), to: path)
            #expect(throws: FileFormatError.self) { try PreparedDataset(folder: folder.file("weighted")) }
        }
    }
}
