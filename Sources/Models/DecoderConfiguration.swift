@_exported import YuyanCheckpoints
@_exported import YuyanNeuralNetworks

/// A set of choices that belong together and that Hugging Face's transformers has a class for.
public enum DecoderFamily: String, Sendable, CaseIterable {
    /// Learned positions, layer norms with shifts, plain tanh-GELU feed-forward, biases, tied projection.
    case gpt2
    /// Rotary positions, RMS norms, SwiGLU feed-forward, no biases, grouped heads, untied projection.
    case llama
}

/// Which normalisation stands before each branch.
public enum NormalizationKind: String, Sendable, CaseIterable {
    /// Centred, with scale and shift.
    case layerNorm = "layer_norm"
    /// Not centred, with scale.
    case rmsNorm = "rms_norm"
    /// None; meant for ReZero.
    case none
}

/// How a model tells positions apart.
public enum PositionKind: String, Sendable, CaseIterable {
    /// A table of vectors added to the token vectors.
    case learned
    /// Queries and keys turned by angles proportional to the position.
    case rotary
    /// Not at all; the causal mask alone gives order.
    case none
}

/// A configuration that does not hold together.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    /// The field concerned, in Hugging Face's spelling.
    public let field: String
    /// What is wrong and what would be right.
    public let message: String

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - field: The field concerned.
    ///   - message: What is wrong and what would be right.
    public init(_ field: String, _ message: String) {
        self.field = field
        self.message = message
    }

    /// The field and the message.
    public var description: String { "\(field): \(message)" }
}

extension ConfigurationReader {
    /// Makes something of the fields, with errors that name the file beside the field.
    ///
    /// - Parameter make: What is made.
    /// - Returns: What came of it.
    /// - Throws: `FileFormatError` that names file and field.
    func naming<Made>(_ make: (ConfigurationReader) throws -> Made) throws(FileFormatError) -> Made {
        do {
            return try make(self)
        } catch let error as FileFormatError {
            throw error
        } catch let error as ConfigurationError {
            throw FileFormatError(.malformed, path: path, at: .key(error.field), error.message)
        } catch {
            throw FileFormatError(.malformed, path: path, "\(error)")
        }
    }
}

/// The sizes and choices of a decoder-only Transformer.
///
/// Field names are Hugging Face's in camel case.
public struct DecoderConfiguration: Sendable, Hashable {
    /// The number of tokens V.
    public let vocabSize: Int
    /// The width of the residual stream D.
    public let hiddenSize: Int
    /// The number of blocks.
    public let numHiddenLayers: Int
    /// The number of query heads H.
    public let numAttentionHeads: Int
    /// The number of key/value heads K, which divides H.
    public let numKeyValueHeads: Int
    /// The width of a head E.
    public let headDim: Int
    /// The width in the middle of the feed-forward layer F.
    public let intermediateSize: Int
    /// The number of positions the model is made for.
    public let maxPositionEmbeddings: Int
    /// The feed-forward activation.
    public let hiddenAct: Activation
    /// Whether the feed-forward layer is gated.
    public let gatedMlp: Bool
    /// Which normalisation stands before each branch and at the end.
    public let normalization: NormalizationKind
    /// The constant under the norms' roots.
    public let normEps: Double
    /// Whether layer norms have shifts.
    public let normBias: Bool
    /// How positions are told apart.
    public let positionEmbeddingType: PositionKind
    /// Frequencies of rotary positions.
    public let rope: RotaryOptions
    /// Whether attention's projections have biases.
    public let attentionBias: Bool
    /// Whether the feed-forward projections have biases.
    public let mlpBias: Bool
    /// Whether the projection to the vocabulary is the token table.
    public let tieWordEmbeddings: Bool
    /// Whether each branch is scaled by a factor that begins at zero.
    public let useRezero: Bool
    /// Dropout on the token vectors.
    public private(set) var embdPdrop: Double
    /// Dropout on each branch.
    public private(set) var residPdrop: Double
    /// Dropout on attention weights.
    public private(set) var attnPdrop: Double
    /// The deviation of the initial weights.
    public let initializerRange: Double
    /// Whether projections onto the residual stream begin smaller by √(2 · layers).
    public let scaledResidualInit: Bool
    /// The token that begins a text.
    public let bosTokenId: Int?
    /// The tokens that end a text.
    public let eosTokenIds: [Int]
    /// The token that fills rows up.
    public let padTokenId: Int?

    /// Checks and completes a configuration; what is nil follows the family.
    ///
    /// - Parameters:
    ///   - family: The set of choices to begin with.
    ///   - vocabSize: The number of tokens V.
    ///   - hiddenSize: The width D.
    ///   - numHiddenLayers: The number of blocks.
    ///   - numAttentionHeads: The number of query heads H.
    ///   - numKeyValueHeads: The number of key/value heads K; H when nil.
    ///   - headDim: The width of a head E; D/H when nil.
    ///   - intermediateSize: The inner width F; 4·D, or 8/3·D rounded up to 64 when gated, when nil.
    ///   - maxPositionEmbeddings: The number of positions.
    ///   - hiddenAct: The activation.
    ///   - gatedMlp: Whether the feed-forward layer is gated.
    ///   - normalization: The normalisation.
    ///   - normEps: The constant under the norms' roots.
    ///   - normBias: Whether layer norms have shifts.
    ///   - positionEmbeddingType: How positions are told apart.
    ///   - rope: Frequencies of rotary positions.
    ///   - attentionBias: Whether attention's projections have biases.
    ///   - mlpBias: Whether the feed-forward projections have biases.
    ///   - tieWordEmbeddings: Whether the vocabulary projection is the token table.
    ///   - useRezero: Whether branches begin at zero.
    ///   - embdPdrop: Dropout on the token vectors.
    ///   - residPdrop: Dropout on each branch.
    ///   - attnPdrop: Dropout on attention weights.
    ///   - initializerRange: The deviation of the initial weights.
    ///   - scaledResidualInit: Whether residual projections begin smaller.
    ///   - bosTokenId: The token that begins a text.
    ///   - eosTokenIds: The tokens that end a text.
    ///   - padTokenId: The token that fills rows up.
    /// - Throws: `ConfigurationError` naming the field that does not fit.
    public init(
        family: DecoderFamily = .gpt2,
        vocabSize: Int,
        hiddenSize: Int,
        numHiddenLayers: Int,
        numAttentionHeads: Int,
        numKeyValueHeads: Int? = nil,
        headDim: Int? = nil,
        intermediateSize: Int? = nil,
        maxPositionEmbeddings: Int = 1024,
        hiddenAct: Activation? = nil,
        gatedMlp: Bool? = nil,
        normalization: NormalizationKind? = nil,
        normEps: Double? = nil,
        normBias: Bool? = nil,
        positionEmbeddingType: PositionKind? = nil,
        rope: RotaryOptions = RotaryOptions(),
        attentionBias: Bool? = nil,
        mlpBias: Bool? = nil,
        tieWordEmbeddings: Bool? = nil,
        useRezero: Bool = false,
        embdPdrop: Double = 0,
        residPdrop: Double = 0,
        attnPdrop: Double = 0,
        initializerRange: Double = 0.02,
        scaledResidualInit: Bool = true,
        bosTokenId: Int? = nil,
        eosTokenIds: [Int] = [],
        padTokenId: Int? = nil
    ) throws(ConfigurationError) {
        let isGPT2 = family == .gpt2
        self.vocabSize = vocabSize
        self.hiddenSize = hiddenSize
        if headDim == nil && numAttentionHeads > 0 && hiddenSize % numAttentionHeads != 0 {
            throw ConfigurationError(
                "num_attention_heads",
                "\(numAttentionHeads) must divide hidden_size, \(hiddenSize), unless head_dim is given"
            )
        }
        self.numHiddenLayers = numHiddenLayers
        self.numAttentionHeads = numAttentionHeads
        self.numKeyValueHeads = numKeyValueHeads ?? numAttentionHeads
        self.headDim = headDim ?? (numAttentionHeads > 0 ? hiddenSize / numAttentionHeads : 0)
        let isGated = gatedMlp ?? !isGPT2
        self.gatedMlp = isGated
        let roundedUp = hiddenSize > 0 && hiddenSize < 1 << 40 ? (hiddenSize * 8 / 3 + 63) / 64 * 64 : 0
        let plain = hiddenSize > 0 && hiddenSize < 1 << 40 ? 4 * hiddenSize : 0
        self.intermediateSize = intermediateSize ?? (isGated ? roundedUp : plain)
        self.maxPositionEmbeddings = maxPositionEmbeddings
        self.hiddenAct = hiddenAct ?? (isGPT2 ? .geluTanh : .silu)
        self.normalization = normalization ?? (isGPT2 ? .layerNorm : .rmsNorm)
        self.normEps = normEps ?? (isGPT2 ? 1e-5 : 1e-6)
        self.normBias = normBias ?? isGPT2
        self.positionEmbeddingType = positionEmbeddingType ?? (isGPT2 ? .learned : .rotary)
        self.rope = rope
        self.attentionBias = attentionBias ?? isGPT2
        self.mlpBias = mlpBias ?? isGPT2
        self.tieWordEmbeddings = tieWordEmbeddings ?? isGPT2
        self.useRezero = useRezero
        self.embdPdrop = embdPdrop
        self.residPdrop = residPdrop
        self.attnPdrop = attnPdrop
        self.initializerRange = initializerRange
        self.scaledResidualInit = scaledResidualInit
        self.bosTokenId = bosTokenId
        self.eosTokenIds = eosTokenIds
        self.padTokenId = padTokenId
        try checkSizes()
        try checkChoices()
    }

    /// The configuration with another dropout.
    ///
    /// - Parameter probability: That on token vectors, branches and attention weights.
    /// - Returns: The configuration.
    /// - Throws: `ConfigurationError` when it does not lie in 0..<1.
    public func withDropout(_ probability: Double) throws(ConfigurationError) -> DecoderConfiguration {
        var changed = self
        (changed.embdPdrop, changed.residPdrop, changed.attnPdrop) = (probability, probability, probability)
        try changed.checkChoices()
        return changed
    }

    private func checkSizes() throws(ConfigurationError) {
        let sizes = [
            ("vocab_size", vocabSize), ("hidden_size", hiddenSize), ("num_hidden_layers", numHiddenLayers),
            ("num_attention_heads", numAttentionHeads), ("num_key_value_heads", numKeyValueHeads),
            ("head_dim", headDim), ("intermediate_size", intermediateSize),
            ("max_position_embeddings", maxPositionEmbeddings),
        ]
        for (field, size) in sizes where size < 1 || size > 1 << 28 {
            throw ConfigurationError(field, "\(size) must lie in 1...\(1 << 28)")
        }
        guard numAttentionHeads % numKeyValueHeads == 0 else {
            throw ConfigurationError(
                "num_key_value_heads",
                "\(numKeyValueHeads) must divide num_attention_heads, \(numAttentionHeads)"
            )
        }
        if positionEmbeddingType == .rotary && headDim % 2 != 0 {
            throw ConfigurationError("head_dim", "\(headDim) must be even for rotary positions")
        }
    }

    private func checkChoices() throws(ConfigurationError) {
        let drops = [("embd_pdrop", embdPdrop), ("resid_pdrop", residPdrop), ("attn_pdrop", attnPdrop)]
        for (field, probability) in drops where !(probability >= 0 && probability < 1) {
            throw ConfigurationError(field, "\(probability) must lie in 0..<1")
        }
        guard normEps > 0 && normEps < 1 else {
            throw ConfigurationError("norm_eps", "\(normEps) must lie between 0 and 1")
        }
        guard initializerRange > 0 && initializerRange.isFinite else {
            throw ConfigurationError("initializer_range", "\(initializerRange) must be positive")
        }
        if gatedMlp && ![.silu, .gelu, .geluTanh].contains(hiddenAct) {
            throw ConfigurationError(
                "hidden_act",
                "\(hiddenAct) cannot gate; silu, gelu and gelu_pytorch_tanh can"
            )
        }
        // An id beyond the vocabulary is left alone: such files exist, and the token can never appear.
        let tokens =
            [("bos_token_id", bosTokenId), ("pad_token_id", padTokenId)]
            + eosTokenIds.map { ("eos_token_id", $0) }
        for case (let field, let token?) in tokens where token < 0 {
            throw ConfigurationError(field, "\(token) must not be negative")
        }
        try rope.check()
    }

    /// The class of transformers whose files can express this configuration, or nil.
    public var family: DecoderFamily? {
        if useRezero || normalization == .none { return nil }
        let isGPT2 =
            positionEmbeddingType == .learned && normalization == .layerNorm && !gatedMlp && normBias
            && attentionBias && mlpBias && numKeyValueHeads == numAttentionHeads
            && headDim * numAttentionHeads == hiddenSize
        if isGPT2 { return .gpt2 }
        let isLlama = positionEmbeddingType == .rotary && normalization == .rmsNorm && gatedMlp
        return isLlama ? .llama : nil
    }
}
