import Foundation
import Testing
import YuyanGeneration
import YuyanTestSupport

/// Beam search: exact where beams are wide enough, greedy with one, and the same whatever is searched beside.
@Suite struct BeamSearchTests {
    private static func model(
        _ type: String,
        vocabulary: Int,
        seed: UInt64
    ) throws -> any SequenceToSequenceModel {
        let fields: JSONValue = [
            "model_type": .string(type), "vocab_size": .integer(vocabulary), "eos_token_id": 1,
            "decoder_start_token_id": 0, "hidden_size": 16, "dropout": 0, "max_target_length": 40,
            "source_vocab_size": 20, "tie_word_embeddings": false,
        ]
        var random = RandomSource(seed: seed)
        let model = try SequenceModels.make(ConfigurationReader(fields), random: &random)
        // Sharper than initial weights, so that likelihoods differ.
        for item in model.namedParameters() where item.name == "head.weight" {
            item.parameter.assign(item.parameter.value * 3)
        }
        return model
    }

    private static let types = ["encoder-decoder", "recurrent-encoder-decoder"]

    private static func sources(_ count: Int, seed: UInt64) -> [[Int32]] {
        var random = SplitMix(state: seed)
        return (0..<count).map { _ in
            (0..<Int(random.next() % 5 + 1)).map { _ in Int32(random.next() % 20) }
        }
    }

    private struct SplitMix {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return (z ^ (z >> 31)) >> 8
        }
    }

    /// The best of all targets up to a length, by their whole probability.
    private static func best(
        _ model: any SequenceToSequenceModel,
        _ source: [Int32],
        limit: Int,
        penalty: Double
    ) -> (tokens: [Int32], score: Double) {
        var best: (tokens: [Int32], score: Double) = ([], -.infinity)
        func visit(_ tokens: [Int32], _ sum: Double) {
            let length = tokens.count + 1
            let batch = SequenceBatch(sources: [source], targets: [tokens + [1]], start: 0)
            let width = model.vocabularySize
            let all = logSoftmax(model.logits(batch)).doubles()
            let last = Array(all[tokens.count * width..<length * width])
            for token in 0..<width {
                let next = sum + last[token]
                let isEnd = token == 1
                if isEnd || length == limit {
                    let score = next / pow(Double(length), penalty)
                    let whole = isEnd ? tokens : tokens + [Int32(token)]
                    if score > best.score { best = (whole, score) }
                }
                if !isEnd, length < limit { visit(tokens + [Int32(token)], next) }
            }
        }
        visit([], 0)
        return best
    }

    @Test(arguments: types, [0.0, 1.0, 2.5, -1.0]) func wideBeamsAreExact(
        type: String,
        penalty: Double
    ) throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            let model = try Self.model(type, vocabulary: 4, seed: seed)
            let sources = Self.sources(3, seed: seed)
            let options = BeamSearchOptions(numBeams: 81, lengthPenalty: penalty, maxNewTokens: 4)
            let found = try #require(try BeamSearch(model, options)(sources))
            for (source, sequence) in zip(sources, found) {
                let right = Self.best(model, source, limit: 4, penalty: penalty)
                #expect(sequence.tokenIDs == right.tokens, "seed \(seed)")
                expectClose(actual: [sequence.score], expected: [right.score], absolute: 1e-4)
            }
        }
    }

    @Test(arguments: types) func oneBeamIsGreedy(type: String) throws {
        let model = try Self.model(type, vocabulary: 12, seed: 5)
        let sources = Self.sources(8, seed: 5)
        let options = BeamSearchOptions(maxNewTokens: 12)
        let found = try #require(try BeamSearch(model, options)(sources))
        for (source, sequence) in zip(sources, found) {
            var (tokens, sum): ([Int32], Double) = ([], 0)
            while tokens.count < 12 {
                let batch = SequenceBatch(sources: [source], targets: [tokens + [1]], start: 0)
                let all = logSoftmax(model.logits(batch)).doubles().suffix(12)
                let (place, value) = all.enumerated().max { $0.element < $1.element } ?? (0, 0)
                sum += value
                if place == 1 { break }
                tokens.append(Int32(place))
            }
            #expect(sequence.tokenIDs == tokens)
            #expect(sequence.isFinished == (tokens.count < 12))
            expectClose(actual: [sequence.logProbability], expected: [sum], absolute: 1e-3)
        }
    }

    /// What is found does not depend on what is searched beside it, nor on how many at a time.
    @Test(arguments: types, [1, 3]) func batchesDoNotMatter(type: String, beams: Int) throws {
        let model = try Self.model(type, vocabulary: 6, seed: 7)
        let sources = Self.sources(23, seed: 7)
        let options = BeamSearchOptions(numBeams: beams, maxNewTokens: 15)
        let all = try #require(try BeamSearch(model, options)(sources))
        #expect(Set(all.map(\.logProbability)).count > 5)
        for rows in [1, 2, 5] {
            #expect(try BeamSearch(model, options, maximumRows: rows)(sources) == all)
        }
        let reversed = try #require(try BeamSearch(model, options)(sources.reversed()))
        #expect(Array(reversed.reversed()) == all)
        #expect(try BeamSearch(model, options)([sources[4]]) == [all[4]])
    }

    /// N-grams are not repeated where that is asked for; what is told to stop stops.
    @Test(arguments: types) func rulesHold(type: String) throws {
        let model = try Self.model(type, vocabulary: 9, seed: 9)
        let sources = Self.sources(12, seed: 9)
        for size in 1...3 {
            let options = BeamSearchOptions(numBeams: 2, maxNewTokens: 20, noRepeatNgramSize: size)
            let found = try #require(try BeamSearch(model, options)(sources))
            for sequence in found {
                let history = [0] + sequence.tokenIDs
                guard history.count >= size else { continue }
                let grams = (0...history.count - size).map { Array(history[$0..<$0 + size]) }
                #expect(Set(grams).count == grams.count, "\(size): \(history)")
            }
        }
        #expect(try BeamSearch(model, BeamSearchOptions())(sources) { _ in false } == nil)
        #expect(try BeamSearch(model, BeamSearchOptions())([]) == [])
    }

    @Test func mistakesAreNamed() throws {
        let model = try Self.model("encoder-decoder", vocabulary: 9, seed: 1)
        for (options, field) in [
            (BeamSearchOptions(numBeams: 0), "num_beams"),
            (BeamSearchOptions(maxNewTokens: 0), "max_new_tokens"),
            (BeamSearchOptions(lengthPenalty: .nan), "length_penalty"),
            (BeamSearchOptions(noRepeatNgramSize: -1), "no_repeat_ngram_size"),
        ] {
            let error = #expect(throws: GenerationError.self) { try BeamSearch(model, options) }
            #expect(error?.description.contains(field) == true)
        }
        let empty = #expect(throws: GenerationError.self) {
            try BeamSearch(model, BeamSearchOptions())([[2], []])
        }
        #expect(empty == .emptyPrompt(index: 1))
        for item in model.namedParameters() where item.name == "head.weight" {
            item.parameter.assign(.full(item.parameter.shape, .nan))
        }
        #expect(throws: GenerationError.nonFiniteLogits(index: 0, step: 1)) {
            try BeamSearch(model, BeamSearchOptions())([[2]])
        }
    }
}
