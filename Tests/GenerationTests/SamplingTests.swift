import Foundation
import Testing
import YuyanGeneration
import YuyanTestSupport

/// A model whose logits are given: the next token's depend on the last token alone.
final class TableModel: GenerativeModel {
    let rows: [[Float]]
    let contextLength: Int
    let endTokens: Set<Int32>
    var vocabularySize: Int { rows.count }

    init(_ rows: [[Float]], contextLength: Int = 64, endTokens: Set<Int32> = []) {
        self.rows = rows
        self.contextLength = contextLength
        self.endTokens = endTokens
    }

    final class Session: DecodingSession {
        let model: TableModel
        let capacity: Int
        var lengths: [Int]
        var vocabularySize: Int { model.vocabularySize }

        init(_ model: TableModel, slots: Int, capacity: Int) {
            self.model = model
            self.capacity = capacity
            lengths = [Int](repeating: 0, count: slots)
        }

        func begin(_ ids: [Int32], slot: Int) -> Tensor {
            lengths[slot] = ids.count
            return Tensor(model.rows[Int(ids[ids.count - 1])], shape: [1, vocabularySize])
        }

        func step(_ ids: [Int32], slots: [Int]) -> Tensor {
            for slot in slots {
                lengths[slot] += 1
                #expect(lengths[slot] <= capacity)
            }
            return Tensor(ids.flatMap { model.rows[Int($0)] }, shape: [ids.count, vocabularySize])
        }

        func reset(slot: Int) { lengths[slot] = 0 }
    }

    func makeSession(slots: Int, capacity: Int) -> any DecodingSession {
        Session(self, slots: slots, capacity: capacity)
    }
}

@Suite struct SamplingTests {
    struct Case: Decodable {
        struct Rule: Decodable {
            let temperature, topP, minP, repetitionPenalty: Double?
            let topK: Int?
        }

        let name: String
        let rule: Rule
        let prompt: [Int32]
        let logits: [Float]
        let probabilities: [Double]
    }

    static func cases() throws -> [Case] {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Fixtures/generation/sampling.json").standardizedFileURL
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode([Case].self, from: Data(contentsOf: path))
    }

    /// Draws of many streams against the probabilities that transformers' processors leave.
    @Test func distributionsAreThoseOfTransformers() throws {
        for item in try Self.cases() {
            var sampling = SamplingOptions(
                temperature: item.rule.temperature ?? 1,
                topK: item.rule.topK ?? 0,
                topP: item.rule.topP ?? 1,
                minP: item.rule.minP ?? 0,
                seed: 5
            )
            sampling.repetitionPenalty = item.rule.repetitionPenalty ?? 1
            let model = TableModel([[Float]](repeating: item.logits, count: item.logits.count))
            let generator = Generator(model: model, maximumBatchSize: 64)
            let options = GenerationOptions(sampling: sampling, maxNewTokens: 1)
            let draws = 20_000
            let prompts = [[Int32]](repeating: item.prompt, count: draws)
            var counts = [Double](repeating: 0, count: item.logits.count)
            for text in try generator.generate(prompts, options: options) {
                counts[Int(text.tokenIDs[0])] += 1
            }
            for (token, probability) in item.probabilities.enumerated() {
                let share = counts[token] / Double(draws)
                if probability == 0 {
                    #expect(share == 0, "\(item.name): token \(token) was filtered out")
                } else {
                    // Five deviations: one false alarm in millions.
                    let deviation = (probability * (1 - probability) / Double(draws)).squareRoot()
                    #expect(
                        abs(share - probability) < 5 * deviation + 1e-4,
                        "\(item.name): token \(token) has \(share), not \(probability)"
                    )
                }
            }
        }
    }

    private func choose(
        _ logits: [Float],
        prompt: [Int32] = [0],
        count: Int = 1,
        end: Set<Int32> = [],
        _ change: (inout GenerationOptions) -> Void = { _ in }
    ) throws -> [Int32] {
        let model = TableModel([[Float]](repeating: logits, count: logits.count), endTokens: end)
        var options = GenerationOptions(sampling: .greedy, maxNewTokens: count)
        change(&options)
        return try Generator(model: model).generate([prompt], options: options)[0].tokenIDs
    }

    @Test func greedyTakesTheFirstLargest() throws {
        #expect(try choose([1, 3, 3, 2]) == [1])
        #expect(try choose([-.infinity, -5, -.infinity, -9]) == [1])
    }

    @Test func penaltiesAndBias() throws {
        #expect(try choose([1, 3, 2.9, 0], count: 3) { $0.sampling.presencePenalty = 0.2 } == [1, 2, 1])
        #expect(
            try choose([1, 3, 2.85, 0], count: 5) { $0.sampling.frequencyPenalty = 0.1 } == [1, 1, 2, 1, 2]
        )
        #expect(try choose([1, 3, 2.9, 0], prompt: [1]) { $0.sampling.repetitionPenalty = 1.1 } == [2])
        #expect(try choose([-1, -3, -1.05, -9], prompt: [0]) { $0.sampling.repetitionPenalty = 1.1 } == [2])
        #expect(try choose([1, 3, 2.9, 0]) { $0.sampling.logitBias = [3: 9] } == [3])
        #expect(try choose([1, 3, 2.9, 0]) { $0.sampling.logitBias = [400: 9] } == [1])
    }

    @Test func endTokensWaitForTheFewest() throws {
        #expect(try choose([1, 3, 2, 0], count: 4, end: [1]) == [])
        #expect(try choose([1, 3, 2, 0], count: 4, end: [1]) { $0.minNewTokens = 2 } == [2, 2])
        #expect(try choose([1, 3, 2, 0], count: 2, end: [1]) { $0.stopsAtEndTokens = false } == [1, 1])
        #expect(try choose([1, 3, 2, 0], count: 2) { $0.stopTokenIDs = [1] } == [])
    }

    @Test func logitsThatAreNoNumbersAreReported() {
        for logits in [
            [Float.nan, 1, 2], [1, .nan, 2], [-.infinity, -.infinity, -.infinity], [.infinity, 1, 2],
        ] {
            #expect(throws: GenerationError.nonFiniteLogits(index: 0, step: 0)) { try choose(logits) }
        }
    }

    @Test func logProbabilitiesAreTheModelsOwn() throws {
        let model = TableModel([[1, 2, 3], [1, 2, 3], [1, 2, 3]])
        var options = GenerationOptions(sampling: SamplingOptions(temperature: 0.1, topK: 1), maxNewTokens: 2)
        options.reportsLogProbabilities = true
        options.sampling.presencePenalty = 0.01
        let text = try Generator(model: model).generate([[0]], options: options)[0]
        let expected = -Foundation.log(1 + Foundation.exp(-1.0) + Foundation.exp(-2.0))
        expectClose(actual: text.logProbabilities, expected: [expected, expected], relative: 1e-6)
    }

    @Test(
        arguments: [
            "temperature", "top_p", "top_k", "min_p", "max_new_tokens", "min_new_tokens", "stop",
            "repetition_penalty", "logit_bias",
        ]
    ) func optionsOutOfRangeAreNamed(field: String) {
        let error = #expect(throws: GenerationError.self) {
            try choose([1, 2]) { options in
                switch field {
                case "temperature": options.sampling.temperature = .nan
                case "top_p": options.sampling.topP = 0
                case "top_k": options.sampling.topK = -1
                case "min_p": options.sampling.minP = 1.5
                case "max_new_tokens": options.maxNewTokens = -1
                case "min_new_tokens": options.minNewTokens = 2
                case "stop": options.stopStrings = [""]
                case "repetition_penalty": options.sampling.repetitionPenalty = 0
                default: options.sampling.logitBias = [0: .infinity]
                }
            }
        }
        #expect(error?.description.contains(field) == true)
    }
}
