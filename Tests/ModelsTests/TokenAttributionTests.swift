import Foundation
import Testing
import YuyanModels
import YuyanTestSupport

/// Shares of tokens in a classifier's answer.
@Suite struct TokenAttributionTests {
    private let text: [Int32] = [4, 9, 2, 7, 12, 3]

    /// The shares sum to what the text makes of the logit (completeness), whatever the network.
    @Test(arguments: TextClassifierTests.families.indices) func sharesSumToTheDifference(number: Int) throws {
        let model = try TextClassifierTests.model(number)
        let name = TextClassifierTests.families[number].name
        for target in 0..<3 {
            guard let found = model.integratedGradients(of: text, target: target, steps: 400) else {
                #expect(name == "bag-of-embeddings")
                continue
            }
            #expect(name != "bag-of-embeddings")
            #expect(found.values.count == text.count)
            let logit = model.logits(TokenBatch([text])).doubles()[target]
            #expect(abs(found.score - logit) < 1e-5)
            let whole = found.values.reduce(0.0) { $0 + abs($1) }
            let size = max(abs(found.score - found.baseline), whole / 4)
            #expect(abs(found.gap) < 0.03 * size + 1e-3, "\(name) \(target): \(found)")
        }
        // Nothing is left behind: the model answers as before, and has no gradients.
        #expect(model.encoder.tokenTable?.substitute == nil)
        #expect(model.parameters().allSatisfy { $0.gradient == nil })
    }

    /// A network without layers is linear in its vectors: each token's share is its own product, exactly.
    @Test func linearNetworksAreExact() throws {
        let object: JSONValue = [
            "model_type": "mlp", "vocab_size": 15, "embedding_dim": 4, "hidden_sizes": .array([]),
            "pooling": "mean",
        ]
        var random = RandomSource(seed: 2)
        let model = TextClassifierModel(
            try TextEncoderFamilies.configuration(ConfigurationReader(object)),
            classCount: 2,
            dropout: 0,
            random: &random
        )
        let found = try #require(model.integratedGradients(of: text, target: 1, steps: 3))
        let table = try #require(model.encoder.tokenTable).weight.value.doubles()
        let weights = model.classifier.weight.value.doubles()
        let expected = text.map { token -> Double in
            var sum = 0.0
            for place in 0..<4 { sum += table[Int(token) * 4 + place] * weights[4 + place] }
            return sum / Double(text.count)
        }
        expectClose(actual: found.values, expected: expected, absolute: 1e-6)
        expectClose(actual: [found.gap], expected: [0], absolute: 1e-6)
        #expect(model.integratedGradients(of: [], target: 0)?.values.isEmpty == true)
    }

    /// The weights are those of the attention itself: averaging values by them gives the layer's output.
    @Test(arguments: [false, true]) func weightsAreThoseOfTheLayer(isRotary: Bool) throws {
        var random = RandomSource(seed: 6)
        let layer = SelfAttention(
            .init(width: 24, heads: 4, keyValueHeads: 2, headWidth: 4),
            random: &random
        )
        let x = Tensor.normal([2, 5, 24], standardDeviation: 4, random: &random)
        let lengths = Tensor([Int32(5), 3], shape: [2])
        var context = AttentionContext(segments: sequenceSegments(lengths: lengths, positions: 5))
        if isRotary {
            context.frequencies = RotaryOptions().frequencies(headWidth: 4)
            context.positions = Tensor((0..<10).map { Int32($0 % 5) }, shape: [2, 5])
        }
        let weights = layer.weights(x, context: context)
        #expect(weights.shape == [2, 4, 5, 5])
        let rows = weights.sum(axis: 3).doubles()
        for (place, sum) in rows.enumerated() {
            let isReal = place / 20 == 0 || place % 5 < 3
            #expect(abs(sum - (isReal ? 1 : 0)) < 1e-5, "\(place)")
        }
        let values = layer.inputProjection(x).reshaped(2, 5, 8, 4).slice(axis: 2, 6..<8)
            .permuted([0, 2, 1, 3]).reshaped(2, 2, 1, 5, 4).expanded(to: [2, 2, 2, 5, 4]).contiguous()
            .reshaped(2, 4, 5, 4)
        let mixed = matmul(weights, values).permuted([0, 2, 1, 3]).contiguous().reshaped(2, 5, 16)
        let (ours, theirs) = (
            layer.outputProjection(mixed).doubles(), layer(x, context: context).doubles()
        )
        // Padding means nothing: the first row, and three positions of the second.
        expectClose(actual: Array(ours[0..<192]), expected: Array(theirs[0..<192]), absolute: 1e-5)
    }

    @Test func rolloutIsAShareOfEveryToken() throws {
        for number in TextClassifierTests.families.indices {
            guard let encoder = try TextClassifierTests.model(number).encoder as? TransformerEncoder else {
                continue
            }
            let shares = encoder.attentionRollout(TokenBatch([text]))
            #expect(shares.count == text.count && shares.allSatisfy { $0 >= 0 })
            #expect(abs(shares.reduce(0, +) - 1) < 1e-5)
        }
    }
}
