import YuyanNeuralNetworks

/// Where an encoder's layer norms stand.
public enum NormPlacement: String, Sendable, CaseIterable {
    /// Behind each sum of branch and residual stream, as in BERT.
    case post
    /// Before each branch, with one more at the end of the network.
    case pre
}

/// The sizes and choices of a block of a Transformer.
struct BlockOptions {
    var width: Int
    var heads: Int
    var headWidth: Int
    var innerWidth: Int
    var activation: Activation
    /// Whether the feed-forward layer is gated.
    var isGated = false
    var hasBias = true
    /// The factor on attention's scores; the usual one when nil.
    var scale: Float?
    /// Dropout on branches.
    var dropout: Double
    /// Dropout on attention weights.
    var attentionDropout: Double
    var placement: NormPlacement
    /// Whether branches begin at zero.
    var useRezero = false
    var normalization = NormalizationKind.layerNorm
    var epsilon: Double
    var initializer: Initializer

    /// What self-attention and cross-attention share.
    var attention: SelfAttention.Options {
        var options = SelfAttention.Options(width: width, heads: heads, headWidth: headWidth)
        (options.hasInputBias, options.hasOutputBias) = (hasBias, hasBias)
        options.dropout = Float(attentionDropout)
        options.scale = scale
        options.inputInitializer = initializer
        options.outputInitializer = initializer
        return options
    }

    func makeNorm() -> any NormalizationLayer {
        normalization == .rmsNorm
            ? RMSNorm(width: width, epsilon: Float(epsilon))
            : LayerNorm(width: width, epsilon: Float(epsilon))
    }

    /// The factor on a branch with ReZero.
    func makeScale() -> ReZero? { useRezero ? ReZero() : nil }

    func makeFeedForward(random: inout RandomSource) -> FeedForward {
        FeedForward(
            width: width,
            innerWidth: innerWidth,
            activation: activation,
            isGated: isGated,
            hasBias: hasBias,
            inputInitializer: initializer,
            outputInitializer: initializer,
            random: &random
        )
    }
}

/// A block of a Transformer encoder: attention among all positions, then a feed-forward layer.
///
/// Source: Vaswani et al., 2017; with norms before the branches, Xiong et al., 2020.
public final class EncoderBlock: Module {
    /// Attention.
    public let attention: SelfAttention
    /// The norm of attention's branch or sum.
    public let attentionNorm: any NormalizationLayer
    /// The factor on attention's branch with ReZero.
    public let attentionScale: ReZero?
    /// The feed-forward layer.
    public let feedForward: FeedForward
    /// The norm of the feed-forward branch or sum.
    public let feedForwardNorm: any NormalizationLayer
    /// The factor on the feed-forward branch with ReZero.
    public let feedForwardScale: ReZero?
    private let attentionDropout: Dropout
    private let feedForwardDropout: Dropout
    private let placement: NormPlacement

    init(_ options: BlockOptions, random: inout RandomSource) {
        attention = SelfAttention(options.attention, random: &random)
        attentionNorm = options.makeNorm()
        attentionScale = options.makeScale()
        feedForward = options.makeFeedForward(random: &random)
        feedForwardNorm = options.makeNorm()
        feedForwardScale = options.makeScale()
        attentionDropout = Dropout(Float(options.dropout))
        feedForwardDropout = Dropout(Float(options.dropout))
        placement = options.placement
    }

    /// The weights that the block's attention gives.
    ///
    /// - Parameters:
    ///   - stream: The stream [B, T, D].
    ///   - context: Segments that mark padding.
    ///   - dtype: The dtype that branches compute in.
    /// - Returns: [B, H, T, T].
    func attentionWeights(_ stream: ResidualStream, context: AttentionContext, dtype: DType) -> Tensor {
        let input = stream.joined(placement == .pre ? attentionNorm : nil, dtype: dtype).normalized
        return attention.weights(input, context: context)
    }

    /// Applies the block.
    ///
    /// - Parameters:
    ///   - stream: The stream [B, T, D].
    ///   - context: Segments that mark padding, and what tells positions apart.
    ///   - dtype: The dtype that branches compute in.
    /// - Returns: The stream behind the block.
    func callAsFunction(_ stream: ResidualStream, context: AttentionContext, dtype: DType) -> ResidualStream {
        stream
            .through(attentionNorm, placement, dtype) {
                attentionDropout(attentionScale.scaling(attention($0, context: context)))
            }
            .through(feedForwardNorm, placement, dtype) {
                feedForwardDropout(feedForwardScale.scaling(feedForward($0)))
            }
    }
}
