import Foundation
import Testing
import YuyanFileFormats
import YuyanTokenizers

/// The models, texts and results of Fixtures/tokenizers/sentencepiece.json.
private struct Golden {
    struct Model {
        let name: String
        let bytes: [UInt8]
        let ids: [[Int32]]
        let ranges: [[Int]]
        let decoded: [String]
    }

    let texts: [[UInt8]]
    let models: [Model]

    static let shared = Result { try Golden() }

    init() throws {
        let value = try Fixtures.json("sentencepiece.json")
        func bytes(_ value: JSONValue?) throws -> [UInt8] {
            let text = try #require(value?.stringValue)
            return [UInt8](try #require(Data(base64Encoded: text)))
        }
        func numbers(_ value: JSONValue?) throws -> [[Int]] {
            try #require(value?.arrayValue).map { list in
                try (list.arrayValue ?? []).map { try #require($0.integerValue) }
            }
        }
        texts = try #require(value["texts"]?.arrayValue).map { try bytes($0) }
        models = try #require(value["models"]?.objectValue).map { name, model in
            Model(
                name: name,
                bytes: try bytes(model["model"]),
                ids: try numbers(model["ids"]).map { $0.map { Int32($0) } },
                ranges: try numbers(model["ranges"]),
                decoded: try Fixtures.strings(model["decoded"] ?? [])
            )
        }
    }

    func bytes(_ name: String) throws -> [UInt8] { try #require(models.first { $0.name == name }).bytes }
}

@Suite struct SentencePieceTests {
    @Test func idsRangesAndTextEqualTheReference() throws {
        let golden = try Golden.shared.get()
        try #require(golden.models.count == 8 && golden.texts.count >= 70)
        for model in golden.models {
            let tokenizer = try SentencePieceTokenizer(SentencePieceFile(bytes: model.bytes))
            for (index, text) in golden.texts.enumerated() {
                let spans = text.withUnsafeBytes { tokenizer.encodeWithRanges(bytes: $0) }
                #expect(tokenizer.encode(bytes: text) == model.ids[index], "\(model.name) \(index)")
                #expect(spans.map(\.id) == model.ids[index], "\(model.name) \(index)")
                let ranges = spans.flatMap { [$0.range.lowerBound, $0.range.upperBound] }
                #expect(ranges == model.ranges[index], "\(model.name) \(index)")
                let decoded = tokenizer.decodeBytes(model.ids[index], skippingSpecialTokens: false)
                #expect(decoded == Array(model.decoded[index].utf8), "\(model.name) \(index)")
            }
        }
    }

    @Test func filesComeBack() throws {
        for model in try Golden.shared.get().models {
            let file = try SentencePieceFile(bytes: model.bytes)
            let again = try SentencePieceFile(bytes: file.serialized())
            #expect(again == file, "\(model.name)")
            #expect(!file.trainer.otherFields.isEmpty)
        }
    }

    @Test func rolesOfSpecialPieces() throws {
        let tokenizer = try SentencePieceTokenizer(
            SentencePieceFile(bytes: Golden.shared.get().bytes("unigram"))
        )
        #expect(tokenizer.addedTokens.unknown == 0 && tokenizer.addedTokens.beginningOfText == 1)
        #expect(tokenizer.endOfText == 2 && tokenizer.addedTokens.padding == 3)
        let control = try #require(tokenizer.id(of: "<ctl>"))
        let plain = tokenizer.encode("swift")
        #expect(
            tokenizer.encode("swift<ctl>swift</s>", specialTokens: .recognized) == plain + [control] + plain
                + [2]
        )
        #expect(!tokenizer.encode("swift<ctl>").contains(control))
        #expect(
            tokenizer.token(of: 2) == "</s>" && tokenizer.token(of: -1) == nil
                && tokenizer.token(of: 9999) == nil
        )
        #expect(
            tokenizer.decodeBytes([1] + plain + [2, -5, 9999], skippingSpecialTokens: true)
                == Array("swift".utf8)
        )
        #expect(tokenizer.normalized("ﬁ\u{3000}\u{3000}x ") == "▁fi▁x")
    }

    @Test func longTextsAreCountedAnew() throws {
        // The sum of scores passes -100,000 many times; each half must decide as before.
        let tokenizer = try SentencePieceTokenizer(
            SentencePieceFile(bytes: Golden.shared.get().bytes("unigram"))
        )
        let word = tokenizer.encode("training the trained")
        let many = tokenizer.encode(String(repeating: "training the trained ", count: 20_000))
        #expect(many.count == word.count * 20_000)
        var different = 0
        for start in stride(from: 0, to: many.count, by: word.count)
        where Array(many[start..<start + word.count]) != word {
            different += 1
        }
        #expect(different < 20)
    }

    @Test func cachedAndUncachedWordsAgree() throws {
        for model in try Golden.shared.get().models {
            let seed: UInt64 = 20261
            var random = SplitMix(state: seed)
            let warm = try SentencePieceTokenizer(SentencePieceFile(bytes: model.bytes))
            for _ in 0..<40 {
                let text = randomText(
                    &random,
                    length: Int.random(in: 0..<200, using: &random),
                    wellFormed: false
                )
                let cold = try SentencePieceTokenizer(SentencePieceFile(bytes: model.bytes))
                #expect(warm.encode(bytes: text) == cold.encode(bytes: text), "\(model.name), seed \(seed)")
                let spans = text.withUnsafeBytes { warm.encodeWithRanges(bytes: $0) }
                var end = 0
                for span in spans {
                    #expect(span.range.lowerBound >= 0 && span.range.upperBound <= text.count)
                    #expect(span.range.upperBound >= end, "ranges go forward; seed \(seed)")
                    end = span.range.upperBound
                }
            }
        }
    }

    @Test func publishedChineseModel() throws {
        guard let folder = Fixtures.published("tok-sentencepiece-zh") else { return }
        let tokenizer = try SentencePieceTokenizer(contentsOf: "\(folder)/cluecorpussmall_spm.model")
        let text = "语言模型统计它读过的文字，并猜测接下来会出现什么。"
        #expect(tokenizer.decode(tokenizer.encode(text)).contains("语言模型"))
        #expect(tokenizer.vocabularySize == tokenizer.file.pieces.count && tokenizer.vocabularySize > 10_000)
    }
}

@Suite struct SentencePieceFuzzTests {
    @Test func hostileFilesAreRefusedWithThePlace() throws {
        func error(_ bytes: [UInt8]) -> FileFormatError? {
            do throws(FileFormatError) {
                _ = try SentencePieceTokenizer(
                    SentencePieceFile(bytes: bytes, path: "x.model"),
                    path: "x.model"
                )
                return nil
            } catch {
                return error
            }
        }
        let piece: [UInt8] = [10, 2, 10, 0]
        #expect(error([]) == FileFormatError(.missing, path: "x.model", "no unknown piece; one is right"))
        #expect(error([10, 100])?.location == .offset(0) && error([10, 100])?.code == .truncated)
        #expect(error([10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1])?.code == .truncated)
        #expect(error([UInt8](repeating: 0x80, count: 11))?.code == .malformed)
        #expect(error([11])?.code == .unsupported && error([0])?.code == .malformed)
        #expect(error(piece)?.location == .key("pieces[0]") && error(piece)?.path == "x.model")
        // A score that is not a number, at byte 2.
        #expect(error([10, 8, 10, 1, 97, 21, 0, 0, 0xC0, 0x7F])?.location == .offset(2))
        var file = try SentencePieceFile(bytes: Golden.shared.get().bytes("unigram"))
        file.pieces.append(file.pieces[10])
        #expect(error(file.serialized())?.code == .duplicate)
        file.pieces.removeLast()
        file.pieces.append(.init(Array("<0x41>".utf8), score: 0, kind: .byte))
        #expect(error(file.serialized())?.code == .malformed)
        file.pieces.removeLast()
        file.normalizer.precompiledCharsmap = [255, 255, 255, 255, 0, 0, 0, 0]
        #expect(error(file.serialized())?.location == .key("precompiled_charsmap"))
    }
}
