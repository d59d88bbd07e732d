import YuyanNeuralNetworks

/// Where an encoder's layer norms stand.
public enum NormPlacement: String, Sendable, CaseIterable {
    /// Behind each sum of branch and residual stream, as in BERT.
    case post
    /// Before each branch, with one more at the end of the network.
    case pre
}

/// A block of a Transformer encoder: attention among all positions, then a feed-forward layer.
///
/// Source: Vaswani et al., 2017; with norms before the branches, Xiong et al., 2020.
public final class EncoderBlock: Module {
    /// Attention.
    public let attention: SelfAttention
    /// The norm of attention's branch or sum.
    public let attentionNorm: LayerNorm
    /// The feed-forward layer.
    public let feedForward: FeedForward
    /// The norm of the feed-forward branch or sum.
    public let feedForwardNorm: LayerNorm
    private let attentionDropout: Dropout
    private let feedForwardDropout: Dropout
    private let placement: NormPlacement

    init(_ configuration: TransformerEncoderConfiguration, random: inout RandomSource) {
        let initializer = configuration.initializer
        var options = SelfAttention.Options(
            width: configuration.hiddenSize,
            heads: configuration.numAttentionHeads
        )
        options.dropout = Float(configuration.attentionDropout)
        options.inputInitializer = initializer
        options.outputInitializer = initializer
        attention = SelfAttention(options, random: &random)
        attentionNorm = configuration.makeNorm()
        feedForward = FeedForward(
            width: configuration.hiddenSize,
            innerWidth: configuration.intermediateSize,
            activation: configuration.hiddenAct,
            inputInitializer: initializer,
            outputInitializer: initializer,
            random: &random
        )
        feedForwardNorm = configuration.makeNorm()
        attentionDropout = Dropout(Float(configuration.hiddenDropout))
        feedForwardDropout = Dropout(Float(configuration.hiddenDropout))
        placement = configuration.normPlacement
    }

    /// The weights that the block's attention gives.
    ///
    /// - Parameters:
    ///   - x: The stream [B, T, D].
    ///   - context: Segments that mark padding.
    /// - Returns: [B, H, T, T].
    public func attentionWeights(_ x: Tensor, context: AttentionContext) -> Tensor {
        attention.weights(placement == .pre ? attentionNorm(x) : x, context: context)
    }

    /// Applies the block.
    ///
    /// - Parameters:
    ///   - x: The stream [B, T, D].
    ///   - context: Segments that mark padding.
    /// - Returns: [B, T, D].
    public func callAsFunction(_ x: Tensor, context: AttentionContext) -> Tensor {
        switch placement {
        case .post:
            let middle = attentionNorm.adding(attentionDropout(attention(x, context: context)), to: x)
            let branch = feedForwardDropout(feedForward(middle.normalized))
            return feedForwardNorm.adding(branch, to: middle.normalized).normalized
        case .pre:
            let branch = attentionDropout(attention(attentionNorm(x), context: context))
            let middle = feedForwardNorm.adding(branch, to: x)
            return middle.sum + feedForwardDropout(feedForward(middle.normalized))
        }
    }
}
