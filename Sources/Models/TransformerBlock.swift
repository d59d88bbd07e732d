import YuyanNeuralNetworks

/// The residual stream between two places of a network: the sum so far and the branch that is not added yet.
///
/// The addition waits so that it can be fused with the normalisation that follows it.
struct ResidualStream {
    /// The sum [B, T, D], f32 (f64 on the reference path).
    var sum: Tensor
    /// The last layer's output [B, T, D] in the computing dtype; nil at the beginning.
    var branch: Tensor?

    /// Adds the branch and normalises the sum.
    ///
    /// - Parameters:
    ///   - norm: The normalisation; nil for none.
    ///   - dtype: The dtype that layers compute in.
    /// - Returns: The normalised rows in `dtype`, and the new sum.
    func joined(_ norm: (any NormalizationLayer)?, dtype: DType) -> NormalizedSum {
        guard let branch else {
            return (norm.map { $0(sum, outputDType: dtype) } ?? sum.cast(to: dtype), sum)
        }
        if let norm { return norm.adding(branch, to: sum) }
        let whole = sum + branch.cast(to: sum.dtype)
        return (whole.cast(to: dtype), whole)
    }

    /// Sends the stream through a layer with its norm before it, or behind the sum.
    ///
    /// - Parameters:
    ///   - norm: The norm.
    ///   - placement: Where it stands.
    ///   - dtype: The dtype that the layer computes in.
    ///   - layer: The layer, its dropout included.
    /// - Returns: The stream behind the layer.
    func through(
        _ norm: any NormalizationLayer,
        _ placement: NormPlacement,
        _ dtype: DType,
        _ layer: (Tensor) -> Tensor
    ) -> ResidualStream {
        switch placement {
        case .pre:
            let (input, sum) = joined(norm, dtype: dtype)
            return ResidualStream(sum: sum, branch: layer(input))
        case .post:
            let (input, sum) = joined(nil, dtype: dtype)
            let branch = layer(input)
            let next =
                branch.dtype == sum.dtype
                ? norm.adding(branch, to: sum).normalized
                : norm(sum + branch.cast(to: sum.dtype), outputDType: sum.dtype)
            return ResidualStream(sum: next, branch: nil)
        }
    }
}

/// A pre-norm Transformer block: attention, then a feed-forward layer, each a branch of the residual stream.
public final class TransformerBlock: Module {
    /// The normalisation before attention.
    public let attentionNorm: (any NormalizationLayer)?
    /// Attention.
    public let attention: SelfAttention
    /// The factor on attention's branch with ReZero.
    public let attentionScale: ReZero?
    /// Dropout on attention's branch.
    public let attentionDropout: Dropout
    /// The normalisation before the feed-forward layer.
    public let feedForwardNorm: (any NormalizationLayer)?
    /// The feed-forward layer.
    public let feedForward: FeedForward
    /// The factor on the feed-forward branch with ReZero.
    public let feedForwardScale: ReZero?
    /// Dropout on the feed-forward branch.
    public let feedForwardDropout: Dropout

    /// Makes a block.
    init(
        _ configuration: DecoderConfiguration,
        initializers: DecoderInitializers,
        random: inout RandomSource
    ) {
        attentionNorm = configuration.makeNorm()
        var options = SelfAttention.Options(
            width: configuration.hiddenSize,
            heads: configuration.numAttentionHeads,
            keyValueHeads: configuration.numKeyValueHeads,
            headWidth: configuration.headDim
        )
        options.hasInputBias = configuration.attentionBias
        options.hasOutputBias = configuration.attentionBias
        options.dropout = Float(configuration.attnPdrop)
        options.inputInitializer = initializers.plain
        options.outputInitializer = initializers.residual
        attention = SelfAttention(options, random: &random)
        attentionScale = configuration.useRezero ? ReZero() : nil
        attentionDropout = Dropout(Float(configuration.residPdrop))
        feedForwardNorm = configuration.makeNorm()
        feedForward = FeedForward(
            width: configuration.hiddenSize,
            innerWidth: configuration.intermediateSize,
            activation: configuration.hiddenAct,
            isGated: configuration.gatedMlp,
            hasBias: configuration.mlpBias,
            inputInitializer: initializers.plain,
            outputInitializer: initializers.residual,
            random: &random
        )
        feedForwardScale = configuration.useRezero ? ReZero() : nil
        feedForwardDropout = Dropout(Float(configuration.residPdrop))
    }

    func callAsFunction(_ stream: ResidualStream, context: AttentionContext, dtype: DType) -> ResidualStream {
        let (first, middle) = stream.joined(attentionNorm, dtype: dtype)
        let mixed = attentionScale.scaling(attention(first, context: context))
        let halfway = ResidualStream(sum: middle, branch: attentionDropout(mixed))
        let (second, sum) = halfway.joined(feedForwardNorm, dtype: dtype)
        let branch = feedForwardScale.scaling(feedForward(second))
        return ResidualStream(sum: sum, branch: feedForwardDropout(branch))
    }
}

extension ReZero? {
    /// The branch times the factor, or as it is where there is none.
    func scaling(_ branch: Tensor) -> Tensor { map { $0(branch) } ?? branch }
}

/// How the weights of a decoder begin.
struct DecoderInitializers {
    /// Tables and projections away from the residual stream.
    let plain: Initializer
    /// Projections onto the residual stream.
    let residual: Initializer

    init(_ configuration: DecoderConfiguration) {
        let deviation = configuration.initializerRange
        plain = .normal(standardDeviation: deviation)
        residual =
            configuration.scaledResidualInit
            ? .scaledNormal(standardDeviation: deviation, layers: configuration.numHiddenLayers) : plain
    }

    /// Zeros everywhere, for a model whose weights are about to be read.
    static let none = DecoderInitializers(plain: .zeros, residual: .zeros)

    private init(plain: Initializer, residual: Initializer) {
        self.plain = plain
        self.residual = residual
    }
}

extension DecoderConfiguration {
    /// A normalisation of the configured kind, or nil.
    func makeNorm() -> (any NormalizationLayer)? {
        switch normalization {
        case .layerNorm: LayerNorm(width: hiddenSize, epsilon: Float(normEps), hasBias: normBias)
        case .rmsNorm: RMSNorm(width: hiddenSize, epsilon: Float(normEps))
        case .none: nil
        }
    }
}
