import Testing
import YuyanFileFormats
import YuyanTokenizers

@Suite struct UnigramModelTests {
    /// The best segmentation found by trying all of them.
    private func best(_ text: [UInt8], _ pieces: [[UInt8]], _ scores: [Double], _ unknown: Double) -> Double {
        var best = [Double](repeating: -.infinity, count: text.count + 1)
        best[0] = 0
        for end in 1..<max(text.count + 1, 1) where text.count > 0 {
            for (piece, score) in zip(pieces, scores)
            where piece.count <= end && Array(text[(end - piece.count)..<end]) == piece {
                best[end] = max(best[end], best[end - piece.count] + score)
            }
            if !pieces.contains([text[end - 1]]) { best[end] = max(best[end], best[end - 1] + unknown) }
        }
        return best[text.count]
    }

    private func tokens(_ model: UnigramModel, _ text: [UInt8]) -> [SubwordToken] {
        var output: [SubwordToken] = []
        text.withUnsafeBufferPointer { model.encode($0, into: &output) }
        return output
    }

    @Test func segmentationsAreTheBest() throws {
        let seed: UInt64 = 5
        var random = SplitMix(state: seed)
        for round in 0..<60 {
            var pieces: Set<[UInt8]> = []
            for _ in 0..<30 {
                let count = Int.random(in: 1...4, using: &random)
                pieces.insert((0..<count).map { _ in UInt8.random(in: 97...100, using: &random) })
            }
            let vocabulary = [Array("<unk>".utf8)] + pieces.sorted { $0.lexicographicallyPrecedes($1) }
            let scores = vocabulary.map { _ in Double.random(in: -9 ... -1, using: &random) }
            let model = try UnigramModel(pieces: vocabulary, scores: scores, unknown: 0, rounding: .double)
            let lowest = scores.min() ?? 0
            for _ in 0..<20 {
                let count = Int.random(in: 1...30, using: &random)
                let text = (0..<count).map { _ in UInt8.random(in: 97...101, using: &random) }
                let found = tokens(model, text)
                var total = 0.0
                var end: Int32 = 0
                for token in found {
                    #expect(token.start == end && token.end > token.start)
                    end = token.end
                    total +=
                        token.id == 0
                        ? Double(token.end - token.start) * (lowest - 10) : scores[Int(token.id)]
                }
                #expect(Int(end) == text.count)
                let expected = best(text, vocabulary, scores, lowest - 10)
                #expect(abs(total - expected) < 1e-9, "seed \(seed), round \(round)")
            }
        }
    }

    @Test func unknownTextBecomesBytesOrOneToken() throws {
        var pieces: [[UInt8]] = [Array("<unk>".utf8), [97]]
        let plain = try UnigramModel(pieces: pieces, scores: [0, -1], unknown: 0, rounding: .double)
        let text = Array("a语言a".utf8)
        #expect(
            tokens(plain, text) == [
                .init(id: 1, start: 0, end: 1), .init(id: 0, start: 1, end: 7),
                .init(id: 1, start: 7, end: 8),
            ]
        )
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in 0..<256 { pieces.append(Array("<0x".utf8) + [digits[byte >> 4], digits[byte & 15], 62]) }
        let model = try UnigramModel(
            pieces: pieces,
            scores: pieces.map { _ in -1 },
            unknown: 0,
            byteIDs: (0..<256).map { $0 + 2 },
            rounding: .double
        )
        let bytes = Array("语言".utf8).map { SubwordToken(id: Int32($0) + 2, start: 1, end: 7) }
        #expect(
            tokens(model, text) == [.init(id: 1, start: 0, end: 1)] + bytes + [.init(id: 1, start: 7, end: 8)]
        )
        let none = try UnigramModel(pieces: [[97]], scores: [-1], unknown: nil, rounding: .double)
        #expect(tokens(none, text).map(\.id) == [0, 0], "unknown text is left out")
    }

    @Test func wrongPiecesAreRefused() {
        #expect(throws: FileFormatError.self) {
            try UnigramModel(pieces: [[97], [97]], scores: [0, 0], unknown: 0, rounding: .single)
        }
        #expect(throws: FileFormatError.self) {
            try UnigramModel(pieces: [[97]], scores: [.nan], unknown: 0, rounding: .double)
        }
        #expect(throws: FileFormatError.self) {
            try UnigramModel(pieces: [[97]], scores: [-.infinity], unknown: 0, rounding: .single)
        }
    }
}

@Suite struct UnigramTrainerTests {
    private func corpus() throws -> [String] { try Fixtures.strings(Fixtures.json("corpus.json")) }

    private func train(
        _ size: Int,
        threads: Int = 2,
        _ change: (inout UnigramTrainer.Options) -> Void = { _ in }
    ) throws -> SentencePieceTokenizer {
        var options = UnigramTrainer.Options()
        change(&options)
        var trainer = try UnigramTrainer(vocabularySize: size, options: options, threads: threads)
        trainer.feed(documents: try corpus())
        return try trainer.train()
    }

    @Test func theSameWithAnyNumberOfThreads() throws {
        let one = try train(1000, threads: 1).file.serialized()
        #expect(try train(1000, threads: 3).file.serialized() == one)
        #expect(try train(1000, threads: 8).file.serialized() == one)
    }

    @Test func theVocabularyHasTheSizeAndTheCharacters() throws {
        let tokenizer = try train(1200) { options in
            options.requiredCharacters = "\u{1F600}"
            options.characterCoverage = 1
            options.hasPadding = true
            options.controlSymbols = ["<ctl>"]
            options.userDefinedSymbols = ["[X]"]
            options.byteFallback = true
        }
        #expect(tokenizer.vocabularySize == 1200)
        #expect(
            tokenizer.id(of: "\u{1F600}") != nil && tokenizer.id(of: "<pad>") == 3
                && tokenizer.id(of: "<ctl>") == 4
        )
        #expect(tokenizer.id(of: "[X]") == 5 && tokenizer.id(of: "<0x00>") == 6)
        #expect(tokenizer.encode("a[X]b").contains(5))
        let scores = tokenizer.file.pieces.filter { $0.kind == .normal }.map(\.score)
        #expect(scores == scores.sorted(by: >))
        for text in try corpus().prefix(20) {
            let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(tokenizer.decode(tokenizer.encode(line)) == line)
        }
    }

    /// Between others a byte that is a part of a character counts once, also where a `tokenizer.json` is read.
    @Test func bytesOfTokensAreThoseOfTheText() throws {
        let tokenizer = try train(1200) { $0.byteFallback = true }
        let read = try TokenizerFiles.loadPipeline(tokenizer.tokenizerDocument(), path: "tokenizer.json")
        let text = "the \u{10300}\u{10301} x"
        let tokenizers: [any Tokenizer] = [tokenizer, read]
        for tokenizer in tokenizers {
            let ids = tokenizer.encode(text)
            #expect(ids.contains { tokenizer.token(of: $0)?.hasPrefix("<0x") == true })
            var bytes: [UInt8] = []
            for id in ids { tokenizer.appendBytes(of: id, to: &bytes) }
            // The white space before the text is one of its first token's.
            #expect(bytes == Array(" \(text)".utf8))
        }
    }

    @Test func piecesObeyTheRules() throws {
        let space: Unicode.Scalar = "\u{2581}"
        for piece in try train(1200).file.pieces where piece.kind == .normal {
            let scalars = Array(piece.text.unicodeScalars)
            #expect(scalars.count <= 16 && !scalars.dropFirst().contains(space), "\(piece.text)")
            let hasDigit = scalars.contains { (0x30...0x39).contains($0.value) }
            let hasLetter = scalars.contains { (0x61...0x7A).contains($0.value) }
            #expect(!(hasDigit && hasLetter), "\(piece.text)")
        }
        let suffix = try train(1000) { $0.treatsWhitespaceAsSuffix = true }
        #expect(suffix.file.pieces.allSatisfy { !$0.text.unicodeScalars.dropLast().contains(space) })
        let across = try train(1200) { $0.splitsByWhitespace = false }
        #expect(across.file.pieces.contains { $0.text.unicodeScalars.dropFirst().contains(space) })
        let digits = try train(1000) { $0.splitsDigits = true }
        #expect(
            digits.file.pieces.allSatisfy { piece in
                piece.text.unicodeScalars.count == 1
                    || !piece.text.unicodeScalars.contains { (0x30...0x39).contains($0.value) }
            }
        )
    }

    @Test func moreThanSinglesAreLearned() throws {
        let tokenizer = try train(2000)
        let text = try corpus().joined(separator: " ")
        let tokens = tokenizer.encode(text).count
        #expect(Double(text.utf8.count) / Double(tokens) > 2.5)
        #expect(tokenizer.file.pieces.contains { $0.text == "▁the" })
    }

    @Test func impossibleTrainingIsRefused() throws {
        #expect(throws: FileFormatError.self) { try train(20) }
        let empty = try UnigramTrainer(vocabularySize: 100)
        #expect(throws: FileFormatError.self) { try empty.train() }
        var options = UnigramTrainer.Options()
        options.maximumPieceLength = 0
        #expect(throws: FileFormatError.self) { try UnigramTrainer(vocabularySize: 100, options: options) }
    }
}
