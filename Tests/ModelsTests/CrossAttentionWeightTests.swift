import Testing
import YuyanCheckpoints
import YuyanFileFormats
import YuyanModels
import YuyanTestSupport

/// What decoders look at.
@Suite struct CrossAttentionWeightTests {
    /// Averaging the values by the weights gives the layer's output.
    @Test func weightsAreThoseOfTheLayer() {
        var random = RandomSource(seed: 6)
        let layer = CrossAttention(.init(width: 12, heads: 4, keyValueHeads: 2), random: &random)
        let x = Tensor.normal([2, 3, 12], standardDeviation: 1, random: &random)
        let encoded = Tensor.normal([2, 5, 12], standardDeviation: 1, random: &random)
        let memory = layer.memory(encoded, lengths: Tensor([Int32(5), 2], shape: [2]))
        let weights = layer.weights(x, memory: memory)
        #expect(weights.shape == [2, 4, 3, 5])
        for (place, sum) in weights.sum(axis: 3).doubles().enumerated() {
            #expect(abs(sum - 1) < 1e-5, "\(place)")
        }
        let hidden = weights.slice(axis: 0, 1..<2).slice(axis: 3, 2..<5).doubles()
        #expect(hidden.allSatisfy { $0 == 0 })
        let values = memory.values.permuted([0, 2, 1, 3]).contiguous().reshaped(2, 2, 1, 5, 3)
            .expanded(to: [2, 2, 2, 5, 3]).contiguous().reshaped(2, 4, 5, 3)
        let mixed = matmul(weights, values).permuted([0, 2, 1, 3]).contiguous().reshaped(2, 3, 12)
        expectClose(
            actual: layer.outputProjection(mixed).doubles(),
            expected: layer(x, memory: memory).doubles(),
            absolute: 1e-5
        )
    }

    private static let kinds: [JSONValue] = [
        ["model_type": "encoder-decoder"],
        ["model_type": "encoder-decoder", "position_embedding_type": "relative", "norm_placement": "post"],
        ["model_type": "recurrent-encoder-decoder", "embedding_dim": 12],
        ["model_type": "recurrent-encoder-decoder", "embedding_dim": 12, "input_feeding": true],
        ["model_type": "recurrent-encoder-decoder", "embedding_dim": 12, "attention": "additive"],
    ]

    /// Each token of a target spreads its attention over the real tokens of its source, whatever stands beside it.
    @Test(arguments: kinds) func rowsSpreadOverTheSource(kind: JSONValue) throws {
        var object = kind.objectValue ?? JSONObject()
        for (key, value) in [("vocab_size", 23), ("eos_token_id", 1), ("decoder_start_token_id", 0)] {
            object[key] = .integer(value)
        }
        (object["hidden_size"], object["dropout"]) = (16, 0)
        var random = RandomSource(seed: 1)
        let model = try SequenceModels.make(ConfigurationReader(.object(object)), random: &random)
        let sources: [[Int32]] = [[3, 4, 5, 6, 1], [9, 8, 1]]
        let targets: [[Int32]] = [[4, 1], [5, 6, 7, 1]]
        let both = model.crossAttention(SequenceBatch(sources: sources, targets: targets, start: 0))
        #expect(both.shape == [2, 4, 5])
        let together = both.doubles()
        for row in 0..<2 {
            let batch = SequenceBatch(sources: [sources[row]], targets: [targets[row]], start: 0)
            let alone = model.crossAttention(batch).doubles()
            let width = sources[row].count
            for place in targets[row].indices {
                let own = Array(alone[place * width..<(place + 1) * width])
                #expect(abs(own.reduce(0, +) - 1) < 1e-4 && own.allSatisfy { $0 >= 0 })
                let start = (row * 4 + place) * 5
                let beside = Array(together[start..<start + 5])
                expectClose(actual: Array(beside[..<width]), expected: own, absolute: 1e-4)
                #expect(beside[width...].allSatisfy { $0 == 0 })
            }
        }
    }
}
