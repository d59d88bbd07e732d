import Foundation
import Testing
import YuyanFileFormats
import YuyanTokenizers

/// Tokenizers of parts against the values of Hugging Face's tokenizers.
@Suite struct PipelineTests {
    private static let names: [String] = {
        let document = try? Fixtures.json("pipelines.json")
        return document?.objectValue?.map(\.key) ?? ["pipelines.json is missing"]
    }()

    private static func configuration(_ name: String) throws -> JSONValue {
        try #require(try Fixtures.json("pipelines.json")[name])
    }

    static func pipeline(_ name: String) throws -> PipelineTokenizer {
        let document = try #require(try configuration(name)["document"])
        return try TokenizerFiles.loadPipeline(document, path: name)
    }

    private func integers(_ value: JSONValue?) throws -> [Int] {
        try #require(value?.arrayValue).map { try #require($0.integerValue) }
    }

    private func expect(_ got: TokenizedText, _ wanted: JSONValue, _ first: String, _ second: String?) throws
    {
        let offsets = got.scalarOffsets(in: first, second ?? "").flatMap { [$0.lowerBound, $0.upperBound] }
        let fields: [(String, [Int])] = [
            ("ids", got.ids.map { Int($0) }), ("types", got.typeIds.map { Int($0) }), ("offsets", offsets),
            ("words", got.wordIds.map { Int($0) }), ("special", got.specialTokensMask.map { Int($0) }),
            ("attention", got.attentionMask.map { Int($0) }), ("sequences", got.sequenceIds.map { Int($0) }),
        ]
        for (key, values) in fields {
            #expect(try values == integers(wanted[key]), "\(key) of \(first.debugDescription)")
        }
    }

    @Test(arguments: names) func goldenValues(name: String) throws {
        let pipeline = try Self.pipeline(name)
        let document = try #require(try Self.configuration(name)["document"])
        let plain = try TokenizerFiles.load(document, path: name)
        for value in try #require(try Self.configuration(name)["cases"]?.arrayValue) {
            let first = try #require(value["first"]?.stringValue)
            let second = value["second"]?.stringValue
            let handling: SpecialTokenHandling = value["as_text"] == true ? .asText : .recognized
            let ids = try integers(value["plain"]).map { Int32($0) }
            #expect(plain.encode(first, specialTokens: handling) == ids, "\(first.debugDescription)")
            #expect(pipeline.encode(first, specialTokens: handling) == ids, "\(first.debugDescription)")
            guard let encoding = value["encoding"] else {
                #expect(throws: TokenizationError.self) { try pipeline.tokenize(first, second) }
                continue
            }
            let got = try pipeline.tokenize(first, second, options: .init(specialTokens: handling))
            try expect(got, encoding, first, second)
            for (piece, wanted) in zip(got.overflowing, try #require(value["overflowing"]?.arrayValue)) {
                try expect(piece, wanted, first, second)
            }
            let pieces = try #require(value["overflowing"]?.arrayValue?.count)
            #expect(min(got.overflowing.count, 4) == pieces)
            let texts = [false, true].map { pipeline.decode(got.ids, skippingSpecialTokens: $0) }
            #expect(try texts == Fixtures.strings(value["decoded"] ?? .null), "\(first.debugDescription)")
        }
    }

    @Test(arguments: names) func documentsComeBack(name: String) throws {
        let pipeline = try Self.pipeline(name)
        let written = pipeline.tokenizerDocument()
        let again = try TokenizerFiles.loadPipeline(written, path: name)
        #expect(again.tokenizerDocument() == written)
        let original = try #require(try Self.configuration(name)["document"])
        for key in ["truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "added_tokens"]
        {
            #expect(Self.sorted(written[key] ?? .null) == Self.sorted(original[key] ?? .null), "\(key)")
        }
        for text in try Fixtures.texts() {
            #expect(try again.tokenize(text) == pipeline.tokenize(text))
        }
    }

    /// A value with the members of objects in the order of their keys; an absent pad_to_multiple_of is null.
    private static func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements): return .array(elements.map(sorted))
        case .object(let members):
            var result = JSONObject()
            for member in members.sorted(by: { $0.key < $1.key }) {
                result.append(member.key, sorted(member.value))
            }
            return .object(result)
        default: return value
        }
    }

    @Test(arguments: ["bert", "bert-cased", "bert-padded", "added"])
    func fusedWayEqualsComposedWay(name: String) throws {
        let pipeline = try Self.pipeline(name)
        let scalars: [ClosedRange<UInt32>] = [
            0...0x7F, 0x80...0x24F, 0x300...0x36F, 0x370...0x7FF, 0x900...0x11FF, 0x1E00...0x2FFF,
            0x3000...0x9FFF,
            0xAC00...0xD7A3, 0xE000...0xFFFF, 0x10000...0x1FFFF, 0x20000...0x2FFFF, 0xE0000...0xE01EF,
        ]
        for seed in 0..<1500 as Range<UInt64> {
            var random = SplitMix(state: seed)
            var bytes = randomText(
                &random,
                length: Int.random(in: 0..<80, using: &random),
                wellFormed: seed % 3 != 0
            )
            let range = scalars[Int.random(in: 0..<scalars.count, using: &random)]
            for _ in 0..<Int.random(in: 0..<30, using: &random) {
                guard let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)) else { continue }
                bytes.append(contentsOf: String(scalar).utf8)
            }
            if seed % 50 == 0 {
                bytes += [UInt8](repeating: 97, count: Int.random(in: 90..<120, using: &random))
            }
            for handling in [SpecialTokenHandling.asText, .recognized] {
                let fused = pipeline.encode(bytes: bytes, specialTokens: handling)
                let composed = bytes.withUnsafeBytes {
                    pipeline.encodeComposed(bytes: $0, specialTokens: handling)
                }
                #expect(fused == composed, "seed \(seed)")
            }
        }
    }

    @Test func batchesEqualSingleTexts() throws {
        let pipeline = try Self.pipeline("nfkc-truncated")
        let texts = try Fixtures.texts()
        let pairs = (0..<300).map {
            (first: texts[$0 % texts.count], second: $0 % 3 == 0 ? texts[$0 % 7] : nil)
        }
        let off = TokenizationOptions(padding: .off)
        let single = try pairs.map { try pipeline.tokenize($0.first, $0.second, options: off) }
        #expect(try pipeline.tokenize(batch: pairs, options: off) == single)
        let padding = TokenizerPadding(multiple: 8, id: 3, side: .left)
        let padded = try pipeline.tokenize(batch: pairs, options: .init(padding: .use(padding)))
        #expect(padded.allSatisfy { $0.count == 16 })
        for (text, plain) in zip(padded, single) {
            #expect(text.ids.suffix(plain.count).elementsEqual(plain.ids))
            #expect(text.attentionMask.prefix(16 - plain.count).allSatisfy { $0 == 0 })
        }
        #expect(try pipeline.tokenize(batch: []).isEmpty)
    }

    @Test func impossibleCutsAreErrors() throws {
        let pipeline = try Self.pipeline("bert")
        func cut(_ truncation: TokenizerTruncation, _ second: String? = nil) throws {
            _ = try pipeline.tokenize(
                "one two three four",
                second,
                options: .init(truncation: .use(truncation))
            )
        }
        #expect(throws: TokenizationError.self) { try cut(.init(maximumLength: 1)) }
        #expect(throws: TokenizationError.self) { try cut(.init(maximumLength: 4, stride: 2)) }
        #expect(throws: TokenizationError.self) { try cut(.init(maximumLength: 4, stride: -1)) }
        #expect(throws: TokenizationError.self) { try cut(.init(maximumLength: 4, strategy: .onlySecond)) }
        #expect(throws: TokenizationError.self) {
            try cut(.init(maximumLength: 4, strategy: .onlySecond), "a")
        }
        try cut(.init(maximumLength: 2))
        try cut(.init(maximumLength: .max, stride: .max))
    }

    @Test(arguments: ["bert", "bytes-prepend", "bytes-metaspace-always", "pairs-suffix", "roberta"])
    func streamsEqualWholeDecoding(name: String) throws {
        let pipeline = try Self.pipeline(name)
        for text in try Fixtures.texts() {
            let ids = pipeline.encode(text)
            var stream = StreamingDecoder(pipeline, skippingSpecialTokens: false)
            let parts = ids.map { stream.append($0) } + [stream.finish()]
            // The last suffix of a word is no space, which only the end tells.
            let whole = pipeline.decode(ids)
            if name == "pairs-suffix" {
                #expect(parts.joined().split(separator: " ") == whole.split(separator: " "))
            } else {
                #expect(parts.joined() == whole, "\(text.debugDescription)")
            }
        }
    }

    @Test func publishedVocabularies() throws {
        guard let folder = Fixtures.published("tok-bert") else { return }
        let uncased = try TokenizerFiles.loadBert("\(folder)/bert-base-uncased-vocab.txt")
        #expect(uncased.vocabularySize == 30522 && uncased.addedTokens.padding == 0)
        let text = "Hello, world! Unaffable résumés."
        let ids: [Int32] = [101, 7592, 1010, 2088, 999, 14477, 20961, 3468, 13746, 2015, 1012, 102]
        #expect(uncased.encodeFramed(text) == ids)
        #expect(try uncased.tokenize(text).ids == ids)
        #expect(uncased.decode(ids, skippingSpecialTokens: true) == "hello, world! unaffable resumes.")
        let chinese = try TokenizerFiles.loadBert("\(folder)/bert-base-chinese-vocab.txt")
        #expect(chinese.encode("语言模型") == [6427, 6241, 3563, 1798])
    }
}
