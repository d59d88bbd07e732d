import Foundation
import Testing
import YuyanFileFormats
import YuyanTokenizers

@Suite struct EncodingTests {
    @Test(arguments: [UInt64(1), 2, 3, 4])
    func decodingGivesTheBytesBack(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let bpe = try Fixtures.load("bpe-cl100k.json")
        let tokenizers: [any Tokenizer] = [bpe, try Fixtures.load("bpe-gpt2.json"), ByteTokenizer()]
        for tokenizer in tokenizers {
            for length in [0, 1, 7, 15, 16, 17, 40, 300, 2000] {
                let bytes = randomText(&random, length: length, wellFormed: false)
                for handling in [SpecialTokenHandling.asText, .recognized] {
                    let ids = tokenizer.encode(bytes: bytes, specialTokens: handling)
                    #expect(tokenizer.decodeBytes(ids) == bytes, "seed \(seed), length \(length)")
                    var decoder = StreamingDecoder(tokenizer, skippingSpecialTokens: false)
                    var streamed = ids.map { decoder.append($0) }
                    #expect(
                        streamed.allSatisfy { $0.unicodeScalars.allSatisfy { $0.isASCII } || !$0.isEmpty }
                    )
                    streamed.append(decoder.finish())
                    #expect(
                        Array(streamed.joined().utf8) == Array(tokenizer.decode(ids).utf8),
                        "seed \(seed)"
                    )
                }
            }
        }
    }

    @Test func piecesCoverTheText() throws {
        var random = SplitMix(state: 9)
        let rules: [SplitRule] = [
            .gpt2, .cl100k(digits: 3, joinsTrailingSpace: true),
            .cl100k(digits: 1, joinsTrailingSpace: false), .o200k,
            .whole,
        ]
        for _ in 0..<200 {
            let text = String(decoding: randomText(&random, length: 60), as: UTF8.self)
            for rule in rules {
                let pieces = rule.pieces(of: text)
                #expect(pieces.allSatisfy { !$0.utf8.isEmpty })
                #expect(Array(pieces.joined().utf8) == Array(text.utf8))
            }
        }
    }

    /// Byte-pair encoding by its definition: the best pair of the whole piece, again and again.
    private func plainEncoding(
        of piece: String,
        by tokenizer: BPETokenizer,
        _ ranks: [String: Int]
    ) -> [String] {
        var symbols = piece.utf8.map { ByteAlphabet.spell([$0]) }
        while true {
            let ranked = symbols.indices.dropLast().compactMap { index in
                ranks["\(symbols[index]) \(symbols[index + 1])"].map { ($0, index) }
            }
            guard let best = ranked.min(by: { $0 < $1 }) else { return symbols }
            symbols.replaceSubrange(best.1...best.1 + 1, with: [symbols[best.1] + symbols[best.1 + 1]])
        }
    }

    private func ranks(of tokenizer: BPETokenizer) -> [String: Int] {
        Dictionary(
            tokenizer.merges.enumerated().map { ("\($0.element.0) \($0.element.1)", $0.offset) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    @Test func longPiecesMergeLikeShortOnes() throws {
        // Below and above the length at which the merging method changes.
        let tokenizer = try Fixtures.load("bpe-gpt2.json")
        let ranks = ranks(of: tokenizer)
        var random = SplitMix(state: 5)
        for length in [1, 2, 15, 16, 95, 96, 97, 98, 200, 500] {
            let piece = String(
                (0..<length).map { _ in Array("abcdthein")[Int.random(in: 0..<9, using: &random)] }
            )
            let expected = plainEncoding(of: piece, by: tokenizer, ranks)
            #expect(tokenizer.encode(piece).map { tokenizer.token(of: $0) } == expected, "\(length)")
        }
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func charactersMergeLikeTheirBytes(seed: UInt64) throws {
        // Few characters that share bytes, without cuts: many tokens hold parts of characters and cross their borders.
        var random = SplitMix(state: seed)
        let alphabet = Array("一丁七丄丅丆万丈三上下丌语言é\u{301}à½ก ab👍")
        func text(_ length: Int) -> String {
            String((0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
        }
        var trainer = BPETrainer(vocabularySize: 300 + Int(seed) * 150, splitRule: .whole)
        for _ in 0..<200 { try trainer.feed(text(12)) }
        let tokenizer = try trainer.train()
        let ranks = ranks(of: tokenizer)
        for round in 0..<150 {
            // A few are long enough for the heap.
            var piece = text(round < 20 ? 60 : Int.random(in: 1...22, using: &random))
            if let other = Unicode.Scalar(UInt32.random(in: 0x4E00..<0x4F00, using: &random)) {
                piece.unicodeScalars.append(other)
            }
            let expected = plainEncoding(of: piece, by: tokenizer, ranks)
            #expect(tokenizer.encode(piece).map { tokenizer.token(of: $0) } == expected, "\(piece)")
        }
    }

    @Test(arguments: ["a", " ", "\n", "语", "!", "0", "\u{301}"])
    func aMillionOfOneCharacter(character: String) throws {
        let text = String(repeating: character, count: 1_000_000 / character.utf8.count)
        for name in ["bpe-gpt2.json", "bpe-cl100k.json"] {
            let tokenizer = try Fixtures.load(name)
            let ids = tokenizer.encode(text)
            #expect(tokenizer.decodeBytes(ids) == Array(text.utf8))
        }
        var trainer = BPETrainer(vocabularySize: 300)
        try trainer.feed(text)
        #expect(try trainer.train().encode(text).count < text.utf8.count)
    }

    @Test func specialTokensAreTextUnlessAskedFor() throws {
        let tokenizer = try Fixtures.load("bpe-gpt2.json")
        let end = try #require(tokenizer.endOfText)
        #expect(end == 0 && tokenizer.token(of: 0) == "<|endoftext|>")
        let text = "a<|endoftext|>b<|endoftext|"
        let plain = tokenizer.encode(text)
        #expect(!plain.contains(end) && tokenizer.decode(plain) == text)
        let marked = tokenizer.encode(text, specialTokens: .recognized)
        #expect(marked.filter { $0 == end }.count == 1 && tokenizer.decode(marked) == text)
        #expect(tokenizer.decode(marked, skippingSpecialTokens: true) == "ab<|endoftext|")
        var decoder = StreamingDecoder(tokenizer)
        #expect(marked.map { decoder.append($0) }.joined() + decoder.finish() == "ab<|endoftext|")
        #expect(tokenizer.encode("") == [] && tokenizer.decode([]) == "")
        #expect(tokenizer.decode([-5, 1_000_000]) == "")
        #expect(tokenizer.token(of: -1) == nil && tokenizer.id(of: "no such token") == nil)
    }

    @Test func manyThreadsAgree() async throws {
        let tokenizer = try Fixtures.load("bpe-cl100k.json")
        let text = try Fixtures.texts().joined(separator: "\n")
        let expected = tokenizer.encode(text)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 {
                group.addTask { (0..<5).allSatisfy { _ in tokenizer.encode(text) == expected } }
            }
            for await agrees in group { #expect(agrees) }
        }
    }

    @Test func streamingHoldsBackOnlyWhatIsIncomplete() {
        let tokenizer = ByteTokenizer()
        var decoder = StreamingDecoder(tokenizer)
        #expect("é语👍".utf8.map { decoder.append(Int32($0)) } == ["", "é", "", "", "语", "", "", "", "👍"])
        #expect(decoder.append(0xE8) == "" && decoder.append(0xAF) == "")
        #expect(decoder.append(0x41) == "\u{FFFD}A")
        #expect(decoder.append(0xE0) == "" && decoder.append(0x80) == "\u{FFFD}\u{FFFD}")
        #expect(decoder.append(0xF0) == "" && decoder.append(0x9F) == "" && decoder.finish() == "\u{FFFD}")
        #expect(decoder.finish() == "" && decoder.append(0xFF) == "\u{FFFD}")
    }
}

@Suite struct TrainingTests {
    @Test func equalInAnyOrderAndOnAnyNumberOfThreads() throws {
        var random = SplitMix(state: 3)
        let documents = (0..<40).map { _ in String(decoding: randomText(&random, length: 5000), as: UTF8.self)
        }
        let large = documents.joined(separator: " ")
        var reference: JSONValue?
        for (threads, shuffled) in [(1, false), (2, false), (7, true)] {
            var trainer = BPETrainer(vocabularySize: 700, threads: threads)
            if threads == 2 {
                for document in documents { try trainer.feed(document) }
            } else {
                try trainer.feed(documents: shuffled ? documents.reversed() : documents)
            }
            let document = try trainer.train().tokenizerDocument()
            if let reference { #expect(document == reference) } else { reference = document }
        }
        var one = BPETrainer(vocabularySize: 700, threads: 1)
        try one.feed(String(repeating: large + " end", count: 20))
        var many = BPETrainer(vocabularySize: 700, threads: 5)
        try many.feed(String(repeating: large + " end", count: 20))
        #expect(try one.distinctPieces() == many.distinctPieces())
        #expect(try one.train().tokenizerDocument() == many.train().tokenizerDocument())
        // Nowhere in this text may it be cut for the threads.
        var uncut = BPETrainer(vocabularySize: 300, threads: 4)
        try uncut.feed(String(repeating: "!\n", count: 700_000))
        #expect(try uncut.distinctPieces() == 1)
    }

    @Test func stopsWhenNothingIsLeftToMerge() throws {
        var trainer = BPETrainer(vocabularySize: 1000)
        try trainer.feed("abab abab")
        let tokenizer = try trainer.train()
        #expect(tokenizer.merges.map { "\($0.0)+\($0.1)" } == ["a+b", "ab+ab", "Ġ+abab"])
        #expect(tokenizer.vocabularySize == 260)
        var rare = BPETrainer(vocabularySize: 1000, minimumFrequency: 2)
        try rare.feed("abab abab")
        #expect(try rare.train().mergeCount == 2)
        var stopped = 0
        var long = BPETrainer(vocabularySize: 5000)
        try long.feed((0..<5000).map { "w\($0 &* 7919)" }.joined(separator: " "))
        let partial = try long.train { count in
            stopped = count
            return false
        }
        #expect(stopped == partial.vocabularySize && partial.mergeCount == 256)
    }

    @Test func specialTokensComeFirst() throws {
        var trainer = BPETrainer(vocabularySize: 270, specialTokens: ["<|end|>", "<|用户|>", "a"])
        try trainer.feed("aaaa aaaa")
        let tokenizer = try trainer.train()
        #expect(
            tokenizer.id(of: "<|end|>") == 0 && tokenizer.id(of: "<|用户|>") == 1 && tokenizer.id(of: "a") == 2
        )
        #expect(tokenizer.encode("x<|用户|>y", specialTokens: .recognized).contains(1))
        #expect(tokenizer.decode([1]) == "<|用户|>")
        #expect(tokenizer.id(of: "!") == 3)
    }
}

@Suite struct CharacterTests {
    @Test func charactersAndTheUnknown() throws {
        let tokenizer = CharacterTokenizer.train(on: ["hello 语言", "e\u{301}"])
        #expect(tokenizer.vocabularySize == 2 + 8)
        #expect(tokenizer.id(of: " ") == 2 && tokenizer.id(of: "e") == 3)
        let ids = tokenizer.encode("hello 语言 e\u{301}")
        #expect(tokenizer.decode(ids) == "hello 语言 e\u{301}")
        #expect(tokenizer.encode("h?語") == [4, 0, 0])
        #expect(tokenizer.encode(bytes: [0x68, 0xE8, 0xAF, 0xFF]) == [4, 0, 0])
        #expect(tokenizer.encode("h<|endoftext|>", specialTokens: .recognized) == [4, 1])
        #expect(tokenizer.endOfText == 1 && tokenizer.addedTokens.unknown == 0)
        let rare = CharacterTokenizer.train(on: ["aab"], minimumCount: 2)
        #expect(rare.encode("ab") == [2, 0])
    }
}
