import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTextProcessing
import YuyanTokenizers

private let tokenizer = ByteTokenizer()

@Suite("Preparing a corpus")
struct PreparationTests {
    let folder = TemporaryFolder()
    static let outputs = ["train.bin", "train.idx", "validation.bin", "validation.idx", "dataset.json"]

    /// Makes a corpus of several kinds of files.
    func corpus() throws -> [String] {
        var generator = TestGenerator(5)
        let words = ["the", "swift", "雨燕", "learns", "to", "fly", "\n", "语言", "..."]
        func text(_ count: Int) -> String {
            (0..<count).map { _ in words.randomElement(using: &generator) ?? "" }.joined(separator: " ")
        }
        for number in 0..<20 { try folder.write("corpus/file\(number).txt", text(30 + number)) }
        try folder.write("corpus/long.txt", text(4000))
        let lines = (0..<200).map { _ in "{\"text\": \"\(text(12).replacing("\n", with: "\\n"))\"}\n" }
            .joined()
        try folder.write("corpus/lines.jsonl", lines)
        try folder.write("corpus/packed.jsonl.gz", gzip(Array(lines.replacing("fly", with: "sing").utf8)))
        try folder.write("corpus/picture.bin", [0, 1, 2])
        return [folder.file("corpus")]
    }

    func preparer(
        _ paths: [String],
        _ output: String = "out",
        validation: [String] = [],
        _ change: (inout PreparationOptions) -> Void = { _ in }
    ) -> CorpusPreparer {
        var options = PreparationOptions()
        options.threads = 2
        change(&options)
        return CorpusPreparer(
            paths: paths,
            validationPaths: validation,
            tokenizer: tokenizer,
            folder: folder.file(output),
            options: options
        )
    }

    func outputs(_ output: String) -> [[UInt8]?] { Self.outputs.map { folder.bytes("\(output)/\($0)") } }

    @Test("shards hold every document once, in order, ended by end-of-text; counts and hashes agree")
    func content() throws {
        let paths = try corpus()
        let description = try preparer(paths).run()
        let data = try PreparedDataset(folder: folder.file("out"))
        #expect(data.description == description)
        try data.verify()
        let all = try texts(paths)
        let validation = try #require(data.validation)
        let found = [data.train, validation].map { shard in
            ShardDocuments(shard, tokenizer: tokenizer).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(Set(found[0]).isDisjoint(with: found[1]))
        #expect((found[0] + found[1]).sorted() == Set(all).sorted())
        // Each side keeps the order of reading.
        let unique = all.enumerated().filter { all.firstIndex(of: $1) == $0 }.map(\.element)
        #expect(found[0] == unique.filter { found[0].contains($0) })
        let part = try #require(description.validation)
        for (shard, part) in [(data.train, description.train), (validation, part)] {
            let end = try #require(description.endOfText)
            let ends = (0..<shard.documentCount).map { shard.range(ofDocument: $0).upperBound - 1 }
            #expect(ends.allSatisfy { shard[$0..<$0 + 1] == [end] })
            #expect(shard[0..<shard.count].filter { $0 == end }.count == part.documents)
            #expect(part.bytes == shard.count - part.documents && part.tokens == shard.count)
        }
        #expect(
            description.train.characters + part.characters
                == unique.reduce(0) { $0 + $1.unicodeScalars.count }
        )
        #expect(description.documents.kept == unique.count && description.binaryFileCount == 1)
        #expect(
            description.documents.read == all.count
                && description.documents.duplicates == all.count - unique.count
        )
        #expect(description.sources.count == 23)
        for source in description.sources { #expect(try source.sha256 == SHA256.hex(ofFile: source.path)) }
        #expect(!FileManager.default.fileExists(atPath: folder.file("out/.prepare")))
        #expect(
            try Set(FileManager.default.contentsOfDirectory(atPath: folder.file("out"))) == Set(Self.outputs)
        )
    }

    @Test("threads, parts and segments' groups change no byte")
    func threads() throws {
        let paths = try corpus()
        try preparer(paths, "a").run()
        try preparer(paths, "b") {
            $0.threads = 1
            $0.partBytes = 1000
        }.run()
        try preparer(paths, "c") { $0.threads = 7 }.run()
        #expect(outputs("a") == outputs("b") && outputs("a") == outputs("c"))
        #expect(outputs("a").allSatisfy { $0 != nil })
    }

    @Test("killed at any moment and run again, the same bytes come out and finished parts stay")
    func resume() throws {
        let paths = try corpus()
        func make(_ output: String) -> CorpusPreparer {
            preparer(paths, output) {
                $0.partBytes = 1
                $0.segmentBytes = 1024
                $0.roundBytes = 5000
            }
        }
        try make("whole").run()
        let expected = outputs("whole")
        // What a kill leaves is a copy of the folder at that moment.
        var snapshots: [String] = []
        try make("live").run(progress: { _ in
            let name = "snapshot\(snapshots.count)"
            try? FileManager.default.copyItem(atPath: folder.file("live"), toPath: folder.file(name))
            snapshots.append(name)
        })
        #expect(snapshots.count > 6)
        var generator = TestGenerator(8)
        var resumedParts: [Int] = []
        for name in snapshots {
            let log = folder.file("\(name)/.prepare/log.jsonl")
            if let bytes = FileManager.default.contents(atPath: log), Bool.random(using: &generator) {
                // The last line may be cut anywhere, and files of an unfinished part may lie about.
                let cut = Int.random(in: 0...bytes.count, using: &generator)
                try bytes.prefix(cut).write(to: URL(filePath: log))
                try folder.write("\(name)/.prepare/part-99.tokens", [1, 2, 3])
                try folder.write("\(name)/train.bin.1-2.tmp", [1])
            }
            var resumed = 0
            try make(name).run(progress: { resumed = $0.resumedParts })
            #expect(outputs(name) == expected, "\(name)")
            #expect(
                try Set(FileManager.default.contentsOfDirectory(atPath: folder.file(name)))
                    == Set(Self.outputs)
            )
            resumedParts.append(resumed)
        }
        #expect((resumedParts.max() ?? 0) > 3)
    }

    @Test("cancelled runs go on; a finished data set is not made again; another wish makes it anew")
    func cancel() throws {
        let paths = try corpus()
        func make(_ seed: UInt64) -> CorpusPreparer {
            preparer(paths) {
                $0.partBytes = 1
                $0.roundBytes = 5000
                $0.seed = seed
            }
        }
        var (asked, runs) = (0, 0)
        while true {
            runs += 1
            asked = 0
            do {
                try make(1).run(isCancelled: {
                    asked += 1
                    return asked > 3
                })
                break
            } catch is CancellationError {
                #expect(!FileManager.default.fileExists(atPath: folder.file("out/dataset.json")))
            }
        }
        #expect(runs > 3)
        try preparer(paths, "direct").run()
        #expect(outputs("out")[0] == outputs("direct")[0])
        var stages: [PreparationProgress.Stage] = []
        try make(1).run(progress: { stages.append($0.stage) })
        #expect(stages == [.finished])
        let before = outputs("out")
        try make(2).run(progress: { stages.append($0.stage) })
        #expect(stages.contains(.merging) && outputs("out")[0] != before[0])
        // A damaged shard is noticed and made again.
        try folder.write("out/train.bin", [1, 2])
        try make(2).run()
        try PreparedDataset(folder: folder.file("out")).verify()
    }

    @Test("a folder for the results inside the corpus is not read")
    func resultsInside() throws {
        let paths = try corpus()
        let first = try preparer(paths, "corpus/out").run()
        let again = try preparer(paths, "corpus/out") { $0.seed = 2 }.run()
        #expect(again.sources == first.sources && again.binaryFileCount == first.binaryFileCount)
        #expect(again.seed == 2)
    }

    @Test("the split depends on text and seed, not on order or neighbours, and both sides get a document")
    func split() throws {
        let lines = (0..<400).map { "{\"text\": \"document number \($0)\"}\n" }
        func validation(_ lines: [String], seed: UInt64, fraction: Double = 0.2) throws -> Set<String> {
            let path = try folder.write("lines.jsonl", lines.joined())
            try preparer([path], "split") {
                $0.seed = seed
                $0.validationFraction = fraction
            }.run()
            let data = try PreparedDataset(folder: folder.file("split"))
            #expect(data.train.documentCount > 0)
            let shard = try #require(data.validation)
            return Set(
                ShardDocuments(shard, tokenizer: tokenizer).map { String(decoding: $0, as: UTF8.self) }
            )
        }
        let first = try validation(lines, seed: 1)
        // 80 expected with a deviation of 8.
        #expect((50...110).contains(first.count))
        #expect(try validation(lines.reversed(), seed: 1) == first)
        #expect(
            try validation(Array(lines[..<200]), seed: 1)
                == first.filter { (Int($0.dropFirst(16)) ?? 0) < 200 }
        )
        #expect(try validation(lines, seed: 2) != first)
        for fraction in [1e-9, 0.999999] {
            #expect(try !validation(Array(lines[..<5]), seed: 1, fraction: fraction).isEmpty)
        }
        let none = try preparer([folder.file("lines.jsonl")], "none") { $0.validationFraction = 0 }.run()
        #expect(none.validation == nil && none.splitMethod == .none)
        #expect(try PreparedDataset(folder: folder.file("none")).validation == nil)
    }

    @Test("of a single document the last part validates, whatever the segments")
    func singleDocument() throws {
        let text = (0..<500).map { "Line \($0) 雨燕 of the only document.\n" }.joined()
        let path = try folder.write("only.txt", text)
        for segmentBytes in [16, 500, 1 << 20] {
            let output = "only\(segmentBytes)"
            let description = try preparer([path], output) {
                $0.validationFraction = 0.1
                $0.segmentBytes = segmentBytes
            }.run()
            #expect(description.splitMethod == .tailOfOnlyDocument)
            let data = try PreparedDataset(folder: folder.file(output))
            let shard = try #require(data.validation)
            let parts = [data.train, shard].map { ShardDocuments($0, tokenizer: tokenizer).flatMap { $0 } }
            #expect(parts[0] + parts[1] == Array(text.utf8))
            #expect(abs(Double(parts[1].count) / Double(text.utf8.count) - 0.1) < 0.01)
            let part = try #require(description.validation)
            #expect(part.bytes == parts[1].count && description.train.bytes == parts[0].count)
            let characters = String(decoding: parts[1], as: UTF8.self).unicodeScalars.count
            #expect(part.characters == characters)
            #expect(description.train.characters + part.characters == text.unicodeScalars.count)
        }
        for tiny in ["ab", "雨燕", "a\n"] {
            let path = try folder.write("tiny.txt", tiny)
            try preparer([path], "tiny").run()
            let data = try PreparedDataset(folder: folder.file("tiny"))
            #expect(data.train.count == 1 + Array(tiny.utf8).count - (data.validation?.count ?? 0) + 1)
            #expect((data.validation?.count ?? 0) >= 2 && data.train.count >= 2)
        }
        let one = try folder.write("one.txt", "a")
        #expect(message { try preparer([one], "one").run() }.contains("cannot be divided"))
    }

    @Test("named validation files validate, and what they share with training is left out of them")
    func givenFiles() throws {
        let train = try folder.write(
            "train.jsonl",
            "{\"text\":\"a\"}\n{\"text\":\"both\"}\n{\"text\":\"c\"}\n"
        )
        let dev = try folder.write("dev.jsonl", "{\"text\":\"both\"}\n{\"text\":\"d\"}\n")
        let description = try preparer([train], validation: [dev]).run()
        #expect(description.splitMethod == .givenFiles && description.documents.duplicates == 1)
        let data = try PreparedDataset(folder: folder.file("out"))
        let shard = try #require(data.validation)
        #expect(ShardDocuments(shard, tokenizer: tokenizer).map { $0 } == [Array("d".utf8)])
        #expect(data.train.documentCount == 3)
        #expect(
            message { try preparer([train], "o2", validation: [train]).run() }.contains("no validation text")
        )
    }

    @Test("cleaning is applied and counted; filters judge a long document by its first segment")
    func cleaning() throws {
        let long = String(repeating: "a line\r\n", count: 100)
        try folder.write("c/1.txt", long)
        try folder.write("c/2.txt", "x")
        try folder.write("c/3.txt", "\u{FEFF}caf\u{65}\u{301} and more")
        try folder.write("c/4.txt", "   \n")
        try folder.write("c/5.txt", [0xFF, 0xFE, 0x20])
        let description = try preparer([folder.file("c")]) {
            $0.pipeline = TextPipeline([
                NewlineNormalization(), UnicodeNormalization(), MinimumLength(scalars: 3),
            ])
            $0.segmentBytes = 64
            $0.invalidText = .skipDocument
            $0.validationFraction = 0
        }.run()
        #expect(description.documents.kept == 2 && description.documents.dropped == 2)
        #expect(description.documents.invalid == 1 && description.documents.read == 5)
        let data = try PreparedDataset(folder: folder.file("out"))
        let found = ShardDocuments(data.train, tokenizer: tokenizer).map { $0 }
        #expect(found == [Array(long.replacing("\r\n", with: "\n").utf8), Array("caf\u{E9} and more".utf8)])
        #expect(
            description.operators.map(\.name) == [
                "newline_normalization", "unicode_normalization", "min_length",
            ]
        )
        #expect(description.operators[0].bytesRemoved == 100 && description.operators[1].changed == 1)
        #expect(description.operators[2].dropped == 2)
    }

    @Test("nothing to learn from, folders that cannot be written and lying descriptions are clear errors")
    func failures() throws {
        let empty = try folder.write("empty.txt", "")
        #expect(message { try preparer([empty]).run() }.contains("holds no text"))
        let path = try folder.write("a.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n")
        #expect(message { try preparer([path], "empty.txt/out").run() }.contains("is a file, not a folder"))
        // An error leaves what was there.
        try preparer([path]).run()
        let before = outputs("out")
        try folder.write("a.jsonl", "{\"text\":\"a\"}\n{\"text\":\n")
        #expect(message { try preparer([path]).run() }.contains("line 2"))
        #expect(outputs("out") == before)
        try PreparedDataset(folder: folder.file("out")).verify()
        try folder.write("out/train.bin", (folder.bytes("out/train.bin") ?? []) + [0, 0])
        #expect(throws: FileFormatError.self) { try PreparedDataset(folder: folder.file("out")) }
    }

    @Test("a damaged dataset.json is refused or harmless, never a crash")
    func fuzzDescription() throws {
        try preparer(try corpus()).run()
        let good = try #require(folder.bytes("out/dataset.json"))
        var generator = TestGenerator(12)
        var refused = 0
        for _ in 0..<400 {
            var changed = good
            for _ in 0..<Int.random(in: 1...2, using: &generator) {
                let place = Int.random(in: 0..<min(changed.count, 900), using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: changed[place] = UInt8.random(in: 32...126, using: &generator)
                case 1: changed.remove(at: place)
                default: changed.removeSubrange(place...)
                }
                if changed.isEmpty { changed = [0x20] }
            }
            try folder.write("out/dataset.json", changed)
            do {
                _ = try PreparedDataset(folder: folder.file("out"))
            } catch let error as FileFormatError {
                #expect(error.path != nil)
                refused += 1
            }
        }
        #expect(refused > 200)
    }

    @Test("rows of a prepared data set: every validation byte is scored once")
    func rows() throws {
        let description = try preparer(try corpus()).run()
        let data = try PreparedDataset(folder: folder.file("out"))
        let set = try #require(data.validationSet(sequenceLength: 32))
        var pass = try EvaluationBatches(set, batchSize: 4)
        var scored = 0
        while let batch = pass.next() { scored += batch.targets.filter { $0 >= 0 && $0 < 256 }.count }
        #expect(scored == description.validation?.bytes)
    }

    @Test("of long documents the beginning is compared, as far as the options say")
    func comparedBytes() throws {
        func words(_ seed: UInt64, _ count: Int) -> String {
            var generator = TestGenerator(seed)
            return (0..<count).map { _ in "w\(Int.random(in: 0..<100_000, using: &generator))" }.joined(
                separator: " "
            )
        }
        let beginning = words(1, 400)
        let path = try folder.write(
            "near.jsonl",
            (2...3).map { "{\"text\":\"\(beginning) \(words(UInt64($0), 2000))\"}\n" }.joined()
        )
        func kept(_ output: String, _ bytes: Int) throws -> Int {
            try preparer([path], output) {
                ($0.nearDuplicates, $0.comparedBytes) = (NearDuplicateSettings(threshold: 0.8), bytes)
            }.run().documents.kept
        }
        #expect(try kept("whole", 1 << 20) == 2)
        #expect(try kept("beginning", beginning.utf8.count) == 1)
    }
}
