import Testing
import YuyanFileFormats
import YuyanTokenizers

@Suite struct ConformanceTests {
    @Test(arguments: ["gpt2", "cl100k", "qwen2", "o200k"])
    func piecesEqualTheRegularExpressions(name: String) throws {
        let rules: [String: SplitRule] = [
            "gpt2": .gpt2, "cl100k": .cl100k(digits: 3, joinsTrailingSpace: false),
            "qwen2": .cl100k(digits: 1, joinsTrailingSpace: false), "o200k": .o200k,
        ]
        let rule = try #require(rules[name])
        let golden = try #require(try Fixtures.json("pieces.json")[name]?.arrayValue)
        let texts = try Fixtures.texts()
        try #require(golden.count == texts.count && texts.count >= 40)
        for (text, expected) in zip(texts, golden) {
            let pieces = rule.pieces(of: text)
            let wanted = try Fixtures.strings(expected)
            #expect(
                pieces.map { Array($0.utf8) } == wanted.map { Array($0.utf8) },
                "\(text.debugDescription)"
            )
        }
    }

    @Test(arguments: ["bpe-gpt2", "bpe-cl100k"])
    func smallTokenizersGiveTheReferenceIds(name: String) throws {
        let tokenizer = try Fixtures.load("\(name).json")
        #expect(tokenizer.vocabularySize == 900)
        for (text, expected) in zip(try Fixtures.texts(), try Fixtures.ids(name)) {
            #expect(
                tokenizer.encode(text, specialTokens: .recognized) == expected,
                "\(text.debugDescription)"
            )
            #expect(Array(tokenizer.decode(expected).utf8) == Array(text.utf8))
        }
    }

    @Test(arguments: [
        ("bpe-gpt2", SplitRule.gpt2), ("bpe-cl100k", .cl100k(digits: 3, joinsTrailingSpace: false)),
    ])
    func trainingGivesTheReferenceMerges(name: String, rule: SplitRule) throws {
        let golden = try Fixtures.json("\(name).json")
        var trainer = BPETrainer(
            vocabularySize: 900,
            splitRule: rule,
            specialTokens: ["<|endoftext|>", "<|im_start|>"]
        )
        try trainer.feed(documents: Fixtures.strings(Fixtures.json("corpus.json")))
        let tokenizer = try trainer.train()
        let document = tokenizer.tokenizerDocument()
        #expect(document["model"]?["merges"] == golden["model"]?["merges"])
        let vocabulary = try #require(golden["model"]?["vocab"]?.objectValue)
        #expect(vocabulary.count == tokenizer.vocabularySize)
        for (token, id) in vocabulary {
            #expect(tokenizer.id(of: token).map { Int($0) } == id.integerValue, "\(token)")
        }
        for key in ["added_tokens", "pre_tokenizer", "decoder", "normalizer"] {
            #expect(document[key] == golden[key], "\(key)")
        }
    }

    @Test func publishedGPT2() throws {
        guard let folder = Fixtures.published("tok-gpt2") else { return }
        let tokenizer = try TokenizerFiles.loadGPT2(
            vocabularyPath: "\(folder)/encoder.json",
            mergesPath: "\(folder)/vocab.bpe"
        )
        #expect(tokenizer.vocabularySize == 50257 && tokenizer.mergeCount == 50000)
        #expect(tokenizer.endOfText == 50256)
        try check(tokenizer, "gpt2")
    }

    @Test func publishedCL100K() throws {
        guard let folder = Fixtures.published("tok-tiktoken") else { return }
        let tokenizer = try TokenizerFiles.loadCL100K("\(folder)/cl100k_base.tiktoken")
        #expect(tokenizer.vocabularySize == 100277)
        #expect(tokenizer.encode("<|endoftext|>", specialTokens: .recognized) == [100257])
        try check(tokenizer, "cl100k")
    }

    @Test func publishedO200K() throws {
        guard let folder = Fixtures.published("tok-tiktoken") else { return }
        try check(try TokenizerFiles.loadO200K("\(folder)/o200k_base.tiktoken"), "o200k")
    }

    private func check(_ tokenizer: BPETokenizer, _ name: String) throws {
        for (text, expected) in zip(try Fixtures.texts(), try Fixtures.ids(name)) {
            #expect(tokenizer.encode(text) == expected, "\(text.debugDescription)")
            #expect(Array(tokenizer.decode(expected).utf8) == Array(text.utf8))
        }
    }

    @Test func aPublishedVocabularyWithoutMerges() throws {
        guard let folder = Fixtures.published("tok-hf-json") else { return }
        let tokenizer = try #require(try TokenizerFiles.load(folder: folder) as? BPETokenizer)
        #expect(tokenizer.mergeCount == 0)
        // The space is spelled " " in this vocabulary, which byte-level splitting never asks for: it is dropped.
        #expect(tokenizer.encode("a b") == [97, 98])
        #expect(tokenizer.token(of: 0) == "\u{0}" && tokenizer.id(of: " ") == 32)
        #expect(tokenizer.encode("<|image|>", specialTokens: .recognized) == [1998])
    }
}
