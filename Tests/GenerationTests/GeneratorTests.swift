import Foundation
import Testing
import YuyanGeneration
import YuyanTestSupport

/// A tokenizer of bytes: token i is the byte i; 256 stands for the end.
struct ByteTokenizer: Tokenizer {
    let vocabularySize = 257
    let addedTokens = AddedTokens([])

    func encode(bytes: UnsafeRawBufferPointer, specialTokens: SpecialTokenHandling) -> [Int32] {
        bytes.map { Int32($0) }
    }

    func id(of token: String) -> Int32? { nil }
    func token(of id: Int32) -> String? { nil }
    func appendBytes(of id: Int32, to bytes: inout [UInt8]) {
        if id >= 0 && id < 256 { bytes.append(UInt8(id)) }
    }
    func tokenizerDocument() -> JSONValue { .null }
}

/// A model that spells a text byte by byte and then ends.
final class SpellingModel: GenerativeModel {
    let bytes: [UInt8]
    let contextLength: Int
    let endTokens: Set<Int32> = [256]
    var vocabularySize: Int { 257 }

    init(_ text: String, contextLength: Int = 1000) {
        bytes = Array(text.utf8)
        self.contextLength = contextLength
    }

    final class Session: DecodingSession {
        let model: SpellingModel
        let capacity: Int
        var seen: [Int]
        var vocabularySize: Int { 257 }

        init(_ model: SpellingModel, _ slots: Int, _ capacity: Int) {
            self.model = model
            self.capacity = capacity
            seen = [Int](repeating: 0, count: slots)
        }

        private func row(_ place: Int) -> [Float] {
            var logits = [Float](repeating: 0, count: 257)
            logits[place < model.bytes.count ? Int(model.bytes[place]) : 256] = 9
            return logits
        }

        func begin(_ ids: [Int32], slot: Int) -> Tensor {
            seen[slot] = 0
            return Tensor(row(0), shape: [1, 257])
        }

        func step(_ ids: [Int32], slots: [Int]) -> Tensor {
            let rows = slots.flatMap { slot -> [Float] in
                seen[slot] += 1
                return row(seen[slot])
            }
            return Tensor(rows, shape: [ids.count, 257])
        }

        func reset(slot: Int) { seen[slot] = 0 }
    }

    func makeSession(slots: Int, capacity: Int) -> any DecodingSession { Session(self, slots, capacity) }
}

@Suite struct GeneratorTextTests {
    private func spell(
        _ text: String,
        stops: [String] = [],
        limit: Int = 500
    ) throws -> (result: GeneratedText, pieces: [String]) {
        let generator = Generator(model: SpellingModel(text), tokenizer: ByteTokenizer())
        var pieces: [String] = []
        let options = GenerationOptions(sampling: .greedy, maxNewTokens: limit, stopStrings: stops)
        let result = try generator.generate("?", options: options) { update in
            pieces.append(update.text)
            return true
        }
        return (result, pieces)
    }

    @Test(arguments: ["plain", "naïve café", "语言与雨燕", "👩‍👩‍👧‍👦 and 🇨🇳", "a\u{0301}\u{0327}"])
    func streamsWholeCharacters(text: String) throws {
        let (result, pieces) = try spell(text)
        #expect(result.text == text)
        #expect(result.finishReason == .stopToken(256))
        #expect(result.tokenIDs == text.utf8.map { Int32($0) })
        // A scalar broken between two pieces would come out as U+FFFD.
        #expect(pieces.flatMap { Array($0.unicodeScalars) } == Array(text.unicodeScalars))
    }

    @Test func aCharacterCutShortIsMarked() throws {
        let (result, pieces) = try spell("ab语", limit: 4)
        #expect(result.text == "ab\u{FFFD}" && result.finishReason == .length)
        #expect(pieces == ["a", "b", "", "", "\u{FFFD}"])
    }

    @Test func stopStringsEndTextsAndNeverShow() throws {
        let cases: [(String, [String], String, FinishReason)] = [
            ("one. two. three", ["two"], "one. ", .stopString("two")),
            ("aab aaab", ["aaab"], "aab ", .stopString("aaab")),
            ("user: hi\nUser: x", ["\nUser:", "\nAssistant:"], "user: hi", .stopString("\nUser:")),
            ("abcabd", ["abe", "abd"], "abc", .stopString("abd")),
            ("语言", ["言"], "语", .stopString("言")),
            ("stop", ["stop"], "", .stopString("stop")),
            ("almost sto", ["stop"], "almost sto", .stopToken(256)),
            ("xyz", ["y", "yz"], "x", .stopString("y")),
        ]
        for (text, stops, expected, reason) in cases {
            let (result, pieces) = try spell(text, stops: stops)
            #expect(result.text == expected && result.finishReason == reason, "\(text)")
            #expect(pieces.joined() == expected, "\(text): \(pieces)")
        }
    }

    @Test func textIsHeldBackOnlyAsLongAsNeeded() throws {
        let (_, pieces) = try spell("abxstarts", stops: ["abc", "stop"])
        // "st" could become "stop" until the a, which could begin "abc".
        #expect(pieces == ["", "", "abx", "", "", "st", "ar", "t", "", "s"])
    }

    @Test func theReceiverCanStop() throws {
        let generator = Generator(model: SpellingModel("abcdef"), tokenizer: ByteTokenizer())
        let result = try generator.generate("?") { $0.text != "c" }
        #expect(result.text == "abc" && result.finishReason == .cancelled)
    }

    @Test func whatCannotBeContinuedIsRefused() throws {
        let generator = Generator(model: SpellingModel("abc", contextLength: 4))
        #expect(throws: GenerationError.emptyPrompt(index: 1)) { try generator.generate([[1], []]) }
        #expect(throws: GenerationError.unknownToken(index: 0, token: 257, vocabularySize: 257)) {
            try generator.generate([[257]])
        }
        #expect(throws: GenerationError.promptTooLong(index: 0, tokens: 5, limit: 4)) {
            try generator.generate([[1, 1, 1, 1, 1]])
        }
        var options = GenerationOptions(sampling: .greedy, maxNewTokens: 2, overflow: .error)
        #expect(throws: GenerationError.promptTooLong(index: 0, tokens: 3, limit: 2)) {
            try generator.generate([[1, 1, 1]], options: options)
        }
        options.stopStrings = ["x"]
        #expect(throws: GenerationError.self) { try generator.generate([[1]], options: options) }
        #expect(throws: GenerationError.self) { try generator.generate("text") }
    }
}

@Suite struct GeneratorModelTests {
    private func model(
        _ family: DecoderFamily,
        positions: Int = 40,
        vocabulary: Int = 29,
        width: Int = 24
    ) throws -> DecoderModel {
        let configuration = try DecoderConfiguration(
            family: family,
            vocabSize: vocabulary,
            hiddenSize: width,
            numHiddenLayers: 2,
            numAttentionHeads: 4,
            numKeyValueHeads: family == .llama ? 2 : 4,
            maxPositionEmbeddings: positions,
            initializerRange: 0.4,
            eosTokenIds: [0]
        )
        var random = RandomSource(seed: 8)
        return DecoderModel(configuration, random: &random)
    }

    private let prompts: [[Int32]] = [
        [1, 2, 3, 4, 5, 6, 7], [8], [9, 10, 11], [12, 13, 14, 15, 16, 17, 18, 19, 20, 21], [22, 23],
        [3, 3], [5, 5, 5, 5], [28],
    ]

    /// Bit for bit: the log probabilities would show a different last bit.
    @Test(arguments: [24, 264], [DType.f32, .bf16])
    func textsDoNotDependOnTheirNeighbours(width: Int, dtype: DType) throws {
        for family in DecoderFamily.allCases { try compareNeighbours(family, width, dtype) }
    }

    private func compareNeighbours(_ family: DecoderFamily, _ width: Int, _ dtype: DType) throws {
        let model = try model(family, vocabulary: width == 24 ? 29 : 517, width: width)
        model.computeDType = dtype
        var options = GenerationOptions(sampling: SamplingOptions(topK: 20, seed: 3), maxNewTokens: 12)
        options.reportsLogProbabilities = true
        let streams = prompts.indices.map { UInt64(100 + $0) }
        let together = try Generator(model: model).generate(prompts, options: options, streams: streams)
        #expect(together.map(\.index) == Array(prompts.indices))
        let few = try Generator(model: model, maximumBatchSize: 3)
            .generate(prompts, options: options, streams: streams)
        #expect(few == together)
        for (number, prompt) in prompts.enumerated() {
            let alone = try Generator(model: model)
                .generate([prompt], options: options, streams: [streams[number]])[0]
            #expect(alone.tokenIDs == together[number].tokenIDs)
            #expect(alone.logProbabilities == together[number].logProbabilities)
            #expect(alone.finishReason == together[number].finishReason)
        }
    }

    @Test func seedsAndStreamsChooseTheText() throws {
        let model = try model(.gpt2)
        func tokens(seed: UInt64, stream: UInt64) throws -> [Int32] {
            var options = GenerationOptions(
                sampling: SamplingOptions(temperature: 2, seed: seed),
                maxNewTokens: 20
            )
            options.stopsAtEndTokens = false
            return try Generator(model: model).generate([[1, 2]], options: options, streams: [stream])[0]
                .tokenIDs
        }
        #expect(try tokens(seed: 1, stream: 1) == tokens(seed: 1, stream: 1))
        #expect(try tokens(seed: 1, stream: 1) != tokens(seed: 2, stream: 1))
        #expect(try tokens(seed: 1, stream: 1) != tokens(seed: 1, stream: 2))
    }

    private func best(_ model: DecoderModel, after ids: [Int32]) -> Int32 {
        let logits = model.logits(Tensor(ids, shape: [1, ids.count])).floats().suffix(29)
        return Int32(logits.enumerated().max { $0.element < $1.element }?.offset ?? 0)
    }

    @Test(arguments: DecoderFamily.allCases) func greedyFollowsTheWholeText(family: DecoderFamily) throws {
        let model = try model(family)
        var options = GenerationOptions(sampling: .greedy, maxNewTokens: 10)
        options.stopsAtEndTokens = false
        let text = try Generator(model: model).generate([[4, 7, 2]], options: options)[0]
        var ids: [Int32] = [4, 7, 2]
        for _ in 0..<10 { ids.append(best(model, after: ids)) }
        #expect(text.tokenIDs == Array(ids.dropFirst(3)))
    }

    @Test func theContextIsFilledToTheLastPosition() throws {
        let model = try model(.gpt2, positions: 8)
        var options = GenerationOptions(sampling: .greedy, maxNewTokens: 50)
        options.stopsAtEndTokens = false
        let texts = try Generator(model: model)
            .generate([[1, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8]], options: options)
        #expect(texts.map(\.finishReason) == [.contextFull, .contextFull])
        // From a full context the token after it can still be predicted.
        #expect(texts.map(\.tokenIDs.count) == [6, 1])
        options.overflow = .error
        options.maxNewTokens = 5
        let exact = try Generator(model: model).generate([[1, 2, 3]], options: options)[0]
        #expect(exact.finishReason == .length && exact.tokenIDs == Array(texts[0].tokenIDs.prefix(5)))
    }

    @Test(arguments: [nil, 3, 8] as [Int?]) func theWindowSlides(kept: Int?) throws {
        let model = try model(.llama, positions: 8)
        var options = GenerationOptions(
            sampling: .greedy,
            maxNewTokens: 30,
            overflow: .slidingWindow(keeping: kept)
        )
        options.stopsAtEndTokens = false
        let prompt: [Int32] = [9, 8, 7, 6, 5, 4, 3, 2, 1, 2, 3]
        let text = try Generator(model: model).generate([prompt, [1]], options: options)[0]
        #expect(text.finishReason == .length && text.tokenIDs.count == 30)
        // The same by hand: the window is encoded anew whenever it is full.
        let length = kept ?? 4
        var window = Array(prompt.suffix(length))
        var expected: [Int32] = []
        for _ in 0..<30 {
            if window.count > 8 { window = Array(window.suffix(length)) }
            let token = best(model, after: window)
            expected.append(token)
            window.append(token)
        }
        #expect(text.tokenIDs == expected)
    }
}
