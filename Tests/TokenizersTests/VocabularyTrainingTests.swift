import Foundation
import Testing
import YuyanFileFormats
import YuyanTokenizers

/// A training of the reference with its result.
private struct GoldenTraining {
    let kind: String
    let texts: [String]
    let specials: [String]
    let vocabularySize: Int
    let minimumFrequency: Int
    let maximumLength: Int?
    let tokens: [String]
    let merges: [String]

    init(_ value: JSONValue) throws {
        kind = try #require(value["kind"]?.stringValue)
        texts = try Fixtures.strings(#require(value["texts"]))
        specials = try Fixtures.strings(#require(value["specials"]))
        vocabularySize = Int(try #require(value["vocab"]?.integerValue))
        minimumFrequency = Int(try #require(value["minfreq"]?.integerValue))
        maximumLength = value["maxlen"]?.integerValue.map { Int($0) }
        tokens = try Fixtures.strings(#require(value["tokens"]))
        merges = try value["merges"].map { try Fixtures.strings($0) } ?? []
    }

    static func all() throws -> [GoldenTraining] {
        let path = Fixtures.package.appendingPathComponent("Fixtures/training/golden.json").path
        return try #require(try JSONValue(contentsOf: path).arrayValue).map { try GoldenTraining($0) }
    }

    /// Checks that training gives the reference's result.
    func check(pairsPerScan: Int, memoryLimit: Int?) throws {
        switch kind {
        case "gpt2", "cl100k":
            var trainer = BPETrainer(
                vocabularySize: vocabularySize,
                splitRule: kind == "gpt2" ? .gpt2 : .cl100k(digits: 3, joinsTrailingSpace: false),
                specialTokens: specials,
                minimumFrequency: minimumFrequency,
                maximumTokenLength: maximumLength,
                memoryLimit: memoryLimit
            )
            trainer.pairsPerScan = pairsPerScan
            try trainer.feed(documents: texts)
            #expect(try trainer.train().merges.map { "\($0.0) \($0.1)" } == merges)
        case "words":
            var trainer = WordLevelTrainer()
            trainer.vocabularySize = vocabularySize
            trainer.minimumFrequency = minimumFrequency
            trainer.specialTokens = specials
            #expect(try trainer.train(counter(WordCounter.atWhitespace, memoryLimit)) == tokens)
        case "wordpiece":
            var trainer = WordPieceTrainer(
                vocabularySize: vocabularySize,
                minimumFrequency: minimumFrequency,
                specialTokens: specials
            )
            trainer.subwords.pairsPerScan = pairsPerScan
            let learned = try trainer.train(counter(WordCounter.atWhitespace, memoryLimit))
            #expect(Array(learned.prefix(specials.count)) == specials)
            #expect(Set(learned) == Set(tokens) && learned.count == tokens.count)
        default:
            var trainer = SubwordTrainer()
            trainer.vocabularySize = vocabularySize
            trainer.minimumFrequency = minimumFrequency
            trainer.specialTokens = specials
            trainer.maximumTokenLength = maximumLength
            trainer.pairsPerScan = pairsPerScan
            trainer.spaceSymbol = kind == "spaces" ? "\u{2581}" : nil
            let cutter = kind == "spaces" ? WordCounter.beforeSpaces : WordCounter.atWhitespace
            let learned = try trainer.train(counter(cutter, memoryLimit))
            #expect(learned.tokens == tokens)
            let spelled = learned.merges.map {
                learned.tokens[Int($0.left)] + " " + learned.tokens[Int($0.right)]
            }
            // The reference's file keeps the later of two equal merges.
            let kept = spelled.indices.filter { !spelled[($0 + 1)...].contains(spelled[$0]) }
            #expect(kept.map { spelled[$0] } == merges)
        }
    }

    private func counter(_ cutter: @escaping WordCounter.Cutter, _ memoryLimit: Int?) throws -> WordCounter {
        let counter = WordCounter(cutter: cutter, memoryLimit: memoryLimit)
        for text in texts {
            try counter.feed(text)
            if memoryLimit != nil { _ = try counter.distinctWords() }
        }
        return counter
    }
}

@Suite struct VocabularyTrainingTests {
    /// With few pairs a scan, rare pairs are found late; with a tiny limit, every document's words go to a file.
    @Test(arguments: [(4096, nil), (1, nil), (3, 1), (20, 1)] as [(Int, Int?)])
    func vocabulariesOfTheReference(pairsPerScan: Int, memoryLimit: Int?) throws {
        let cases = try GoldenTraining.all()
        #expect(Set(cases.map(\.kind)).count == 6)
        for golden in cases { try golden.check(pairsPerScan: pairsPerScan, memoryLimit: memoryLimit) }
    }

    @Test func aTinyMemoryLimitChangesNothing() throws {
        var random = SplitMix(state: 11)
        var plain = BPETrainer(vocabularySize: 600, threads: 1)
        var spilling = BPETrainer(vocabularySize: 600, threads: 3, memoryLimit: 1)
        // More documents than runs are kept, so that runs are merged on the way.
        for _ in 0..<150 {
            let text = String(decoding: randomText(&random, length: 300), as: UTF8.self)
            try plain.feed(text)
            try Array(text.utf8).withUnsafeBytes { try spilling.feed(bytes: $0) }
        }
        #expect(plain.spilledRuns == 0 && spilling.spilledRuns >= 150)
        #expect(try plain.distinctPieces() == spilling.distinctPieces())
        #expect(try plain.train().tokenizerDocument() == spilling.train().tokenizerDocument())
    }

    @Test func longWordsAndGreatCountsSurviveFiles() throws {
        let counter = WordCounter(memoryLimit: 1)
        let long = String(repeating: "长", count: 100_000)
        for _ in 0..<3 {
            try counter.add(word: long, times: 1 << 40)
            try counter.add(word: "a\u{0}", times: 2)
            try counter.add(word: "a", times: 0)
            try counter.add(word: "")
            try counter.add(word: "fifteen letters")
            try counter.add(word: "sixteen letters!", times: 3)
        }
        var trainer = WordLevelTrainer()
        trainer.specialTokens = ["[UNK]"]
        #expect(
            try trainer.train(counter) == ["[UNK]", long, "sixteen letters!", "a\u{0}", "fifteen letters"]
        )
        #expect(try CharacterCounts(counter).count(of: "长") == 300_000 << 40)
        trainer.vocabularySize = 3
        trainer.specialTokens = [long]
        #expect(try trainer.train(counter) == [long, "sixteen letters!", "a\u{0}"])
    }

    @Test func aFolderThatIsNotThereIsNamed() throws {
        let counter = WordCounter(memoryLimit: 1, temporaryFolder: "/no/such/folder")
        let error = try #require(throws: FileFormatError.self) { try counter.add(word: "word") }
        #expect(error.code == .inputOutput && error.path == "/no/such/folder")
    }

    @Test func theLimitOfTheTablesIsKept() throws {
        // 200,000 distinct words need far more than the limit; no run may be larger than what the limit allows.
        let limit = 16 << 20
        let words = WordCounter(cutter: WordCounter.atWhitespace, threads: 2, memoryLimit: limit)
        for part in 0..<20 {
            try words.feed((0..<10_000).map { "word\((part * 10_000 + $0) &* 7919)" }.joined(separator: " "))
        }
        #expect(try words.distinctWords() == 200_000)
        let few = WordCounter(cutter: WordCounter.atWhitespace, threads: 2, memoryLimit: limit * 64)
        try few.feed("some words and some more")
        #expect(try few.distinctWords() == 4 && few.spilledRuns == 0)
        #expect(words.spilledRuns > 0)
    }

    @Test func charactersByCoverage() throws {
        let counter = WordCounter(cutter: WordCounter.atWhitespace)
        try counter.feed("aaaa bbb cc d 语")
        let counts = try CharacterCounts(counter)
        #expect(counts.byFrequency == ["a", "b", "c", "d", "语"])
        #expect(counts.mostFrequent(covering: 0.6) == ["a", "b"])
        #expect(counts.mostFrequent(covering: 1).count == 5)
    }

    @Test func sentencePieceStyle() throws {
        let counter = WordCounter(cutter: WordCounter.beforeSpaces)
        for _ in 0..<5 { try counter.feed("the cat the mat 語the") }
        let trainer = SubwordTrainer.sentencePiece(vocabularySize: 275, characterCoverage: 0.95)
        let vocabulary = try trainer.train(counter)
        #expect(Array(vocabulary.tokens.prefix(4)) == ["<unk>", "<s>", "</s>", "<0x00>"])
        #expect(vocabulary.tokens[258] == "<0xFF>")
        #expect(Set(vocabulary.tokens[259...]).isSuperset(of: ["▁", "a", "c", "e", "h", "m", "t", "▁the"]))
        // The rare character is in no token, and nothing was joined across it.
        #expect(!vocabulary.tokens.contains { $0.contains("語") })
        #expect(vocabulary.tokens.count <= 275)
    }

    @Test func stopsWhenAsked() throws {
        let counter = WordCounter(cutter: WordCounter.atWhitespace)
        try counter.feed((0..<5000).map { "w\($0 &* 7919)" }.joined(separator: " "))
        var reached = 0
        let tokens = try WordPieceTrainer(vocabularySize: 5000).train(counter) { count in
            reached = count
            return false
        }
        #expect(tokens.count == reached && reached < 1000)
    }

    @Test func illFormedBytesCount() throws {
        let counter = WordCounter()
        let bytes: [UInt8] = [0x61, 0xFF, 0x61, 0xE8, 0xAF]
        try bytes.withUnsafeBufferPointer { try counter.add(bytes: $0, times: 3) }
        #expect(try CharacterCounts(counter).count(of: "\u{FFFD}") == 6)
    }
}
