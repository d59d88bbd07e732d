import Testing
import YuyanOptimizers
import YuyanTestSupport

@Suite("Layers over sequences of unequal lengths against PyTorch")
struct SequenceGoldenTests {
    private let file: GoldenFile

    init() throws { file = try GoldenFile("layers/sequences.safetensors") }

    private static let dtypes: [DType] = [.f64, .f32]

    private func golden(_ name: String, _ dtype: DType) -> GoldenCase {
        GoldenCase(file: file, name: name, dtype: dtype)
    }

    @Test("Convolutions", arguments: ["plain", "padded", "strided"], dtypes)
    func convolutions(_ name: String, _ dtype: DType) throws {
        let example = golden("convolution.\(name)", dtype)
        var window = WindowOptions(width: 3)
        if name == "padded" { window = WindowOptions(width: 3, leading: 1, trailing: 1) }
        if name == "strided" {
            window = WindowOptions(width: 2, stride: 2, dilation: 3, leading: 1, trailing: 1)
        }
        var random = RandomSource(seed: 1)
        let layer = Convolution1D(inputWidth: 4, outputWidth: 5, window: window, random: &random)
        let lengths = name == "padded" ? try example.tensor("lengths") : nil
        try example.expect(layer, ["x"]) { [layer($0[0], lengths: lengths)] }
    }

    @Test("Pooling and bags of rows", arguments: SequencePooling.allCases, dtypes)
    func poolings(_ pooling: SequencePooling, _ dtype: DType) throws {
        let example = golden("pooled.\(pooling)", dtype)
        let lengths = try example.tensor("lengths")
        try example.expect(["x"]) { [pooled($0[0], pooling, lengths: lengths)] }
        let bags = golden("bag.\(pooling)", dtype)
        var random = RandomSource(seed: 1)
        let layer = EmbeddingBag(count: 7, width: 5, pooling: pooling, random: &random)
        let ids = try bags.tensor("ids")
        try bags.expect(layer, []) { _ in [layer(ids, lengths: lengths)] }
    }

    @Test("Pooling in windows", arguments: dtypes)
    func windows(_ dtype: DType) throws {
        let window = WindowOptions(width: 3, stride: 2, leading: 1, trailing: 1)
        try golden("maxPool", dtype).expect(["x"]) { [maxPool1D($0[0], window)] }
        try golden("meanPool", dtype).expect(["x"]) { [meanPool1D($0[0], window)] }
    }

    @Test("Attention of a decoder's states", arguments: ScoreKind.allCases, dtypes)
    func scores(_ kind: ScoreKind, _ dtype: DType) throws {
        let example = golden("score.\(kind)", dtype)
        let lengths = try example.tensor("lengths")
        let queryWidth = try example.tensor("queries").shape[2]
        var random = RandomSource(seed: 1)
        let layer = SequenceAttention(
            kind,
            queryWidth: queryWidth,
            keyWidth: 5,
            innerWidth: 3,
            random: &random
        )
        try example.expect(layer, ["queries", "keys"]) {
            [
                layer(queries: $0[0], keys: $0[1], lengths: lengths),
                layer.weights(queries: $0[0], keys: $0[1], lengths: lengths),
            ]
        }
    }

    @Test("Self-attentive pooling", arguments: dtypes)
    func attentionPooling(_ dtype: DType) throws {
        let example = golden("attentionPooling", dtype)
        let lengths = try example.tensor("lengths")
        var random = RandomSource(seed: 1)
        let layer = AttentionPooling(width: 4, innerWidth: 3, queries: 2, random: &random)
        try example.expect(layer, ["x"]) { [layer($0[0], lengths: lengths)] }
    }

    @Test("Attention over an encoder's output", arguments: dtypes)
    func crossAttention(_ dtype: DType) throws {
        let example = golden("crossAttention", dtype)
        let lengths = try example.tensor("lengths")
        var random = RandomSource(seed: 1)
        let options = SelfAttention.Options(width: 6, heads: 4, keyValueHeads: 2, headWidth: 4)
        let layer = CrossAttention(options, memoryWidth: 5, random: &random)
        try example.expect(layer, ["x", "encoded"]) {
            [layer($0[0], memory: layer.memory($0[1], lengths: lengths))]
        }
    }

    /// Self-attention with relative positions, as a T5 layer holds it.
    private final class RelativeAttention: Module {
        let attention: SelfAttention
        let relative: RelativePositionBias

        init(isBidirectional: Bool) {
            var random = RandomSource(seed: 1)
            var options = SelfAttention.Options(width: 6, heads: 3, headWidth: 4)
            (options.hasInputBias, options.hasOutputBias, options.scale) = (false, false, 1)
            attention = SelfAttention(options, random: &random)
            relative = RelativePositionBias(
                heads: 3,
                buckets: 8,
                maxDistance: 20,
                isBidirectional: isBidirectional,
                random: &random
            )
        }
    }

    @Test("Relative positions as T5's", arguments: ["encoder", "decoder"], dtypes)
    func relativePositions(_ name: String, _ dtype: DType) throws {
        let example = golden("relative.\(name)", dtype)
        let lengths = try example.tensor("lengths")
        let layer = RelativeAttention(isBidirectional: name == "encoder")
        try example.expect(layer, ["x"]) {
            var context = AttentionContext(isCausal: name == "decoder")
            context.bias = layer.relative(queries: 6, keys: 6)
            context.segments = sequenceSegments(lengths: lengths, positions: 6)
            return [masked(layer.attention($0[0], context: context), lengths: lengths)]
        }
        var random = RandomSource(seed: 1)
        let standard = RelativePositionBias(heads: 1, isBidirectional: name == "encoder", random: &random)
        #expect((-300...300).map { Double(standard.bucket($0)) } == (try file.doubles("buckets.\(name)/y")))
    }

    @Test("Linear chains", arguments: dtypes)
    func linearChain(_ dtype: DType) throws {
        let example = golden("linearChain", dtype)
        let (targets, lengths) = (try example.tensor("targets"), try example.tensor("lengths"))
        var random = RandomSource(seed: 1)
        let field = ConditionalRandomField(labels: 5, random: &random)
        try example.expect(field, ["emissions"]) {
            [
                field.loss($0[0], targets: targets, lengths: lengths, reduction: .none),
                field.logPartition($0[0], lengths: lengths),
            ]
        }
    }
}
