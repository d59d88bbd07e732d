import Testing
import YuyanFileFormats
import YuyanTokenizers

/// Encoding on the quick ways: by words of eight bytes, from the cache, block by block, on several threads.
@Suite struct QuickEncodingTests {
    private static let o200k = SplitRule.o200k.pattern ?? ""

    /// A tokenizer of the fixtures with another way of cutting text.
    private func tokenizer(_ name: String, preTokenizer: JSONValue) throws -> BPETokenizer {
        var members = try #require(try Fixtures.json(name).objectValue)
        members["pre_tokenizer"] = preTokenizer
        let folder = try TemporaryFolder()
        try JSONValue.object(members).write(to: "\(folder.path)/tokenizer.json")
        return try #require(
            try TokenizerFiles.load(document: "\(folder.path)/tokenizer.json") as? BPETokenizer
        )
    }

    private func byteLevel() -> JSONValue {
        ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false]
    }

    private func splitting(_ pattern: String) -> JSONValue {
        [
            "type": "Sequence",
            "pretokenizers": [
                [
                    "type": "Split", "pattern": ["Regex": .string(pattern)], "behavior": "Isolated",
                    "invert": false,
                ],
                byteLevel(),
            ],
        ]
    }

    /// Mostly ASCII, so that words, spaces and symbols meet in every order and at every distance from the end.
    private func plainText(_ random: inout SplitMix, length: Int) -> String {
        let pieces = [
            " ", " ", "  ", "\n", "\n    ", "\t", "\r\n", "a", "to", "The", "word", "longerword", "camelCase",
            "HTTP",
            "aVeryLongIdentifierOfManyWords", "lowercaseforeverandever", "(", ")", "{", "_", ".", ",", "/",
            "//", "\n/",
            "'", "'s", "'Ll", "\"", "1", "22", "333", "4444", "é", "语言", "\u{3000}", "--------------------",
            "@", "[", "?!", "\r", "\u{B}", "\u{1}", "\u{7F}", "\u{85}", "\u{A0}", "½", "٣", "e\u{301}", "'ſ",
        ]
        var text = ""
        while text.utf8.count < length { text += pieces[Int.random(in: 0..<pieces.count, using: &random)] }
        return text
    }

    @Test(arguments: ["gpt2", "cl100k", "o200k"])
    func textsGiveTheTokensOfTheirPieces(rule: String) throws {
        let name = rule == "gpt2" ? "bpe-gpt2.json" : "bpe-cl100k.json"
        let whole = try tokenizer(name, preTokenizer: byteLevel())
        let cutting =
            rule == "o200k"
            ? try tokenizer(name, preTokenizer: splitting(Self.o200k)) : try Fixtures.load(name)
        #expect(whole.splitRule == .whole && (rule == "o200k") == (cutting.splitRule == .o200k))
        for seed in UInt64(1)...300 {
            var random = SplitMix(state: seed)
            let text = plainText(&random, length: Int.random(in: 1...400, using: &random))
            let expected = cutting.splitRule.pieces(of: text).flatMap { whole.encode($0) }
            #expect(cutting.encode(text) == expected, "seed \(seed): \(text.debugDescription)")
            #expect(cutting.encode(text) == expected, "seed \(seed), from the cache")
        }
    }

    @Test func moreDistinctPiecesThanTheCacheHolds() throws {
        let tokenizer = try Fixtures.load("bpe-cl100k.json")
        let other = try Fixtures.load("bpe-cl100k.json")
        // Words that differ in their letters: 300,000 of them.
        func word(_ number: Int) -> String {
            var (rest, letters) = (number, " ")
            for _ in 0..<5 {
                letters.unicodeScalars.append(Unicode.Scalar(UInt8(97 + rest % 26)))
                rest /= 26
            }
            return letters
        }
        let words = (0..<300_000).map { word($0 * 37) }
        let expected = words.flatMap { other.encode($0) }
        #expect(tokenizer.encode(words.joined()) == expected)
        #expect(tokenizer.encode(words.joined()) == expected)
    }

    @Test(arguments: ["bpe-gpt2.json", "bpe-cl100k.json"])
    func severalThreadsGiveTheIdsOfOne(name: String) throws {
        let tokenizer = try Fixtures.load(name)
        let texts = try Fixtures.texts()
        for seed in UInt64(1)...3 {
            var random = SplitMix(state: seed)
            var text = ""
            while text.utf8.count < 600_000 {
                text += texts[Int.random(in: 0..<texts.count, using: &random)]
                text += plainText(&random, length: 200)
            }
            for handling in [SpecialTokenHandling.asText, .recognized] {
                let expected = tokenizer.encode(text, specialTokens: handling)
                for threads in [1, 2, 5] {
                    #expect(
                        tokenizer.encode(text, specialTokens: handling, threads: threads) == expected,
                        "seed \(seed), \(threads) threads"
                    )
                }
            }
        }
        // Nowhere to cut.
        let spaces = String(repeating: " ", count: 300_000) + "a"
        #expect(tokenizer.encode(spaces, threads: 2) == tokenizer.encode(spaces))
        #expect(tokenizer.encode("", threads: 4) == [])
    }

    @Test func batchesKeepTheirOrder() throws {
        let tokenizer = try Fixtures.load("bpe-gpt2.json")
        var random = SplitMix(state: 11)
        let texts = (0..<400).map { plainText(&random, length: $0 * 3) } + ["", "<|endoftext|>"]
        for handling in [SpecialTokenHandling.asText, .recognized] {
            let expected = texts.map { tokenizer.encode($0, specialTokens: handling) }
            for threads in [nil, 1, 2, 7] {
                let ids = tokenizer.encodeBatch(texts, specialTokens: handling, threads: threads)
                #expect(ids == expected)
            }
        }
        #expect(tokenizer.encodeBatch([], threads: 2) == [])
        let bytes = ByteTokenizer()
        #expect(bytes.encodeBatch(["ab", "c"]) == [[97, 98], [99]])
    }

    @Test func tokensWithPartsOfHigherRank() throws {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        let bytes = (0..<256).map { "\(digits[$0 >> 2])\(digits[($0 & 3) << 4])== \($0)" }
        let folder = try TemporaryFolder()
        // "abc" has a lower rank than "bc", without which it cannot be made.
        let path = try folder.write((bytes + ["YWJj 256", "YmM= 257"]).joined(separator: "\n"), "ranks")
        let tokenizer = try TokenizerFiles.loadTiktoken(path, splitRule: .gpt2, specialTokens: [:])
        #expect(tokenizer.encode("xabc") == [120, 256] && tokenizer.encode("xbc") == [120, 257])
        #expect(tokenizer.encode("abc") == [256] && tokenizer.encode("xab") == [120, 97, 98])
    }

    @Test(arguments: ["a", " ", "\n", "-", "ab", "é", "语", "语a"])
    func longRunsInAnyLengthGiveTheirBytes(unit: String) throws {
        // Every length ends at another place of a block.
        let tokenizer = try Fixtures.load("bpe-gpt2.json")
        let whole = try self.tokenizer("bpe-gpt2.json", preTokenizer: byteLevel())
        for count in 90...160 {
            let text = String(repeating: unit, count: count)
            for tokenizer in [tokenizer, whole] {
                #expect(tokenizer.decodeBytes(tokenizer.encode(text)) == Array(text.utf8))
            }
        }
    }
}
