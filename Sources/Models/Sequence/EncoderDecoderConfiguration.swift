import YuyanCheckpoints
import YuyanNeuralNetworks

/// Whose names an encoder–decoder's files have.
public enum EncoderDecoderLayout: String, Sendable, CaseIterable {
    /// This project's.
    case own = "encoder-decoder"
    /// Those of transformers' MarianMTModel: norms behind the sums, sinusoids, biases.
    case marian
    /// Those of transformers' T5ForConditionalGeneration: RMS norms before the branches, relative positions, no biases.
    case t5
}

/// How an encoder–decoder tells positions apart.
public enum SequencePositions: String, Sendable, CaseIterable {
    /// Sines and cosines added to the token vectors. Source: Vaswani et al., 2017.
    case sinusoidal
    /// Tables of vectors added to the token vectors.
    case learned
    /// Learned biases of attention's scores by distance. Source: Raffel et al., 2020.
    case relative
    /// Queries and keys of self-attention turned by angles. Source: Su et al., 2021.
    case rotary
}

/// The sizes and choices of an ``EncoderDecoderModel``.
public struct EncoderDecoderConfiguration: Sendable, Hashable {
    /// Whose names its files have.
    public var layout = EncoderDecoderLayout.own
    /// The number of target tokens V, and of source tokens where both share a table.
    public var vocabSize: Int
    /// The number of source tokens with a table of their own; nil when both sides share one.
    public var sourceVocabSize: Int?
    /// The width D.
    public var hiddenSize: Int
    /// The number of the encoder's blocks.
    public var encoderLayers: Int
    /// The number of the decoder's blocks.
    public var decoderLayers: Int
    /// The number of heads H.
    public var numAttentionHeads: Int
    /// The width of a head E.
    public var headDim: Int
    /// The feed-forward width F.
    public var intermediateSize: Int
    /// The feed-forward activation.
    public var hiddenAct: Activation
    /// Whether the feed-forward layer is gated.
    public var gatedMlp: Bool
    /// Whether linear layers have biases.
    public var bias: Bool
    /// Which norm there is.
    public var normalization: NormalizationKind
    /// Where the norms stand.
    public var normPlacement: NormPlacement
    /// Whether branches begin at zero (``ReZero``).
    public var useRezero = false
    /// The constant under the norms' roots.
    public var normEps: Double
    /// How positions are told apart.
    public var positions: SequencePositions
    /// The buckets of relative distances.
    public var relativeBuckets: Int
    /// The distance from which on all share a bucket.
    public var relativeMaxDistance: Int
    /// Whether the projection to the vocabulary is the target's table.
    public var tieWordEmbeddings: Bool
    /// Whether token vectors are multiplied by √D.
    public var scaleEmbedding: Bool
    /// Whether attention's scores are divided by √E.
    public var scaleAttention: Bool
    /// Whether what is projected to the vocabulary is divided by √D.
    public var scaleDecoderOutputs: Bool
    /// Dropout on token vectors and branches.
    public var dropout: Double
    /// Dropout on attention weights.
    public var attentionDropout: Double
    /// The most tokens of a source.
    public var maxSourceLength: Int
    /// The most tokens of a target.
    public var maxTargetLength: Int
    /// The token that the decoder begins with.
    public var decoderStartTokenId: Int
    /// The token that ends a target.
    public var eosTokenId: Int

    private static let activations: KeyValuePairs<String, Activation> = [
        "relu": .relu, "gelu": .gelu, "gelu_new": .geluTanh, "silu": .silu, "swish": .silu,
    ]

    /// Reads the fields of a configuration.
    ///
    /// - Parameter reader: The fields; `model_type` says whose they are.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    public init(_ reader: ConfigurationReader) throws {
        switch EncoderDecoderLayout(rawValue: try reader.string("model_type") ?? "") {
        case .marian: try self.init(marian: reader)
        case .t5: try self.init(t5: reader)
        case .own, nil: try self.init(own: reader)
        }
        try check()
    }

    private init(own reader: ConfigurationReader) throws {
        vocabSize = try reader.extent("vocab_size", default: reader.requiredInteger("vocab_size"))
        sourceVocabSize = try reader.integer("source_vocab_size").map { size in
            try reader.extent("source_vocab_size", default: size)
        }
        hiddenSize = try reader.extent("hidden_size", default: 256)
        encoderLayers = try reader.extent("encoder_layers", default: 3)
        decoderLayers = try reader.extent("decoder_layers", default: 3)
        numAttentionHeads = try reader.extent("num_attention_heads", default: 4)
        headDim =
            try reader.integer("head_dim").map { try reader.extent("head_dim", default: $0) }
            ?? Self.headWidth(hiddenSize, numAttentionHeads)
        intermediateSize = try reader.extent("intermediate_size", default: 4 * hiddenSize)
        hiddenAct = try reader.choice("hidden_act", Self.activations) ?? .relu
        gatedMlp = try reader.flag("gated_mlp") ?? false
        bias = try reader.flag("bias") ?? true
        normalization = try reader.word("normalization", default: NormalizationKind.layerNorm)
        normPlacement = try reader.word("norm_placement", default: NormPlacement.pre)
        useRezero = try reader.flag("use_rezero") ?? false
        normEps = try reader.number("norm_eps") ?? 1e-5
        positions = try reader.word("position_embedding_type", default: SequencePositions.sinusoidal)
        relativeBuckets = try reader.extent("relative_attention_num_buckets", default: 32)
        relativeMaxDistance = try reader.extent("relative_attention_max_distance", default: 128)
        tieWordEmbeddings = try reader.flag("tie_word_embeddings") ?? true
        scaleEmbedding = try reader.flag("scale_embedding") ?? true
        scaleAttention = try reader.flag("scale_attention") ?? true
        scaleDecoderOutputs = try reader.flag("scale_decoder_outputs") ?? false
        dropout = try reader.probability("dropout", default: 0.1)
        attentionDropout = try reader.probability("attention_dropout", default: 0)
        maxSourceLength = try reader.extent("max_source_length", default: 256)
        maxTargetLength = try reader.extent("max_target_length", default: 256)
        eosTokenId = try reader.count("eos_token_id", default: 0)
        decoderStartTokenId = try reader.count("decoder_start_token_id", default: eosTokenId)
    }

    private init(marian reader: ConfigurationReader) throws {
        layout = .marian
        let isShared = try reader.flag("share_encoder_decoder_embeddings") ?? true
        let sourceSize = try reader.extent("vocab_size", default: reader.requiredInteger("vocab_size"))
        vocabSize = isShared ? sourceSize : try reader.extent("decoder_vocab_size", default: sourceSize)
        sourceVocabSize = isShared ? nil : sourceSize
        hiddenSize = try reader.extent("d_model", default: 1024)
        encoderLayers = try reader.extent("encoder_layers", default: 12)
        decoderLayers = try reader.extent("decoder_layers", default: 12)
        numAttentionHeads = try reader.extent("encoder_attention_heads", default: 16)
        intermediateSize = try reader.extent("encoder_ffn_dim", default: 4096)
        for (key, own) in [
            ("decoder_attention_heads", numAttentionHeads), ("decoder_ffn_dim", intermediateSize),
        ] {
            guard try reader.extent(key, default: own) == own else {
                throw ConfigurationError(key, "must be the encoder's, \(own)")
            }
        }
        headDim = try Self.headWidth(hiddenSize, numAttentionHeads)
        hiddenAct = try reader.choice("activation_function", Self.activations) ?? .gelu
        (gatedMlp, bias, normalization, normPlacement) = (false, true, .layerNorm, .post)
        normEps = 1e-5
        (positions, relativeBuckets, relativeMaxDistance) = (.sinusoidal, 32, 128)
        tieWordEmbeddings = try reader.flag("tie_word_embeddings") ?? true
        scaleEmbedding = try reader.flag("scale_embedding") ?? false
        (scaleAttention, scaleDecoderOutputs) = (true, false)
        dropout = try reader.probability("dropout", default: 0.1)
        attentionDropout = try reader.probability("attention_dropout", default: 0)
        maxSourceLength = try reader.extent("max_position_embeddings", default: 1024)
        maxTargetLength = maxSourceLength
        eosTokenId = try reader.count("eos_token_id", default: 0)
        decoderStartTokenId = try reader.count("decoder_start_token_id", default: 58_100)
    }

    private init(t5 reader: ConfigurationReader) throws {
        layout = .t5
        vocabSize = try reader.extent("vocab_size", default: 32_128)
        sourceVocabSize = nil
        hiddenSize = try reader.extent("d_model", default: 512)
        encoderLayers = try reader.extent("num_layers", default: 6)
        decoderLayers = try reader.extent("num_decoder_layers", default: encoderLayers)
        numAttentionHeads = try reader.extent("num_heads", default: 8)
        headDim = try reader.extent("d_kv", default: 64)
        intermediateSize = try reader.extent("d_ff", default: 2048)
        let kind = try reader.string("feed_forward_proj") ?? "relu"
        guard let (activation, isGated) = Self.feedForwards.first(where: { $0.key == kind })?.value else {
            let known = Self.feedForwards.map(\.key).joined(separator: ", ")
            throw ConfigurationError("feed_forward_proj", "'\(kind)' is not known; known are \(known)")
        }
        (hiddenAct, gatedMlp) = (activation, isGated)
        (bias, normalization, normPlacement) = (false, .rmsNorm, .pre)
        normEps = try reader.number("layer_norm_epsilon") ?? 1e-6
        positions = .relative
        relativeBuckets = try reader.extent("relative_attention_num_buckets", default: 32)
        relativeMaxDistance = try reader.extent("relative_attention_max_distance", default: 128)
        tieWordEmbeddings = try reader.flag("tie_word_embeddings") ?? true
        (scaleEmbedding, scaleAttention) = (false, false)
        scaleDecoderOutputs = try reader.flag("scale_decoder_outputs") ?? tieWordEmbeddings
        dropout = try reader.probability(
            reader.object["dropout"] == nil ? "dropout_rate" : "dropout",
            default: 0.1
        )
        attentionDropout = dropout
        (maxSourceLength, maxTargetLength) = (512, 512)
        eosTokenId = try reader.count("eos_token_id", default: 1)
        decoderStartTokenId = try reader.count("decoder_start_token_id", default: 0)
    }

    private static let feedForwards: KeyValuePairs<String, (Activation, Bool)> = [
        "relu": (.relu, false), "gated-gelu": (.geluTanh, true), "gated-silu": (.silu, true),
    ]

    private static func headWidth(_ width: Int, _ heads: Int) throws(ConfigurationError) -> Int {
        guard width % heads == 0 else {
            throw ConfigurationError("num_attention_heads", "\(heads) must divide the width, \(width)")
        }
        return width / heads
    }

    private func check() throws(ConfigurationError) {
        guard headDim <= 1 << 16, hiddenSize <= 1 << 20, headDim * numAttentionHeads <= 1 << 20 else {
            throw ConfigurationError("hidden_size", "\(hiddenSize) and heads of \(headDim) are too wide")
        }
        for (key, count) in [("encoder_layers", encoderLayers), ("decoder_layers", decoderLayers)]
        where count > 1024 {
            throw ConfigurationError(key, "\(count) must lie in 1...1024")
        }
        guard normalization != .none else {
            throw ConfigurationError("normalization", "'none' is not known here; layer_norm and rms_norm are")
        }
        guard !useRezero || normPlacement == .pre else {
            throw ConfigurationError("use_rezero", "true goes with norm_placement pre, not post")
        }
        guard normEps > 0, normEps < 1 else {
            throw ConfigurationError("norm_eps", "\(normEps) must lie between 0 and 1")
        }
        guard positions != .rotary || headDim % 2 == 0 else {
            throw ConfigurationError("head_dim", "\(headDim) must be even with rotary positions")
        }
        guard positions != .sinusoidal || hiddenSize % 2 == 0 else {
            throw ConfigurationError("hidden_size", "\(hiddenSize) must be even with sinusoidal positions")
        }
        guard relativeBuckets >= 4, relativeBuckets <= 1 << 16, relativeMaxDistance > relativeBuckets / 2
        else {
            throw ConfigurationError(
                "relative_attention_num_buckets",
                "\(relativeBuckets) must be at least 4, with a largest distance beyond half of them"
            )
        }
        let tokens = [("eos_token_id", eosTokenId), ("decoder_start_token_id", decoderStartTokenId)]
        for (key, token) in tokens where token >= vocabSize {
            throw ConfigurationError(key, "\(token) is no token of 0..<\(vocabSize)")
        }
        for (key, length) in [("max_source_length", maxSourceLength), ("max_target_length", maxTargetLength)]
        where length < 2 || length > 1 << 20 {
            throw ConfigurationError(key, "\(length) must lie in 2...\(1 << 20)")
        }
    }

    var blockOptions: BlockOptions {
        BlockOptions(
            width: hiddenSize,
            heads: numAttentionHeads,
            headWidth: headDim,
            innerWidth: intermediateSize,
            activation: hiddenAct,
            isGated: gatedMlp,
            hasBias: bias,
            scale: scaleAttention ? nil : 1,
            dropout: dropout,
            attentionDropout: attentionDropout,
            placement: normPlacement,
            useRezero: useRezero,
            normalization: normalization,
            epsilon: normEps,
            initializer: .xavierUniform()
        )
    }

    /// Token vectors begin so that they have unit size behind their factor.
    var tableInitializer: Initializer {
        .normal(standardDeviation: scaleEmbedding ? 1 / Double(hiddenSize).squareRoot() : 0.02)
    }

    /// The fields as they are written.
    public var document: JSONValue { document(in: layout) }

    /// The fields by the names of a layout.
    func document(in layout: EncoderDecoderLayout) -> JSONValue {
        func name(_ activation: Activation) -> JSONValue {
            .string(Self.activations.first { $0.value == activation }?.key ?? activation.rawValue)
        }
        var fields: [(String, JSONValue)] = [
            ("model_type", .string(layout.rawValue)), ("vocab_size", .integer(vocabSize)),
            ("tie_word_embeddings", .bool(tieWordEmbeddings)), ("eos_token_id", .integer(eosTokenId)),
            ("decoder_start_token_id", .integer(decoderStartTokenId)), ("is_encoder_decoder", true),
        ]
        switch layout {
        case .own:
            fields += [
                ("source_vocab_size", sourceVocabSize.map { .integer($0) } ?? .null),
                ("hidden_size", .integer(hiddenSize)), ("encoder_layers", .integer(encoderLayers)),
                ("decoder_layers", .integer(decoderLayers)),
                ("num_attention_heads", .integer(numAttentionHeads)), ("head_dim", .integer(headDim)),
                ("intermediate_size", .integer(intermediateSize)), ("hidden_act", name(hiddenAct)),
                ("gated_mlp", .bool(gatedMlp)), ("bias", .bool(bias)),
                ("normalization", .string(normalization.rawValue)),
                ("norm_placement", .string(normPlacement.rawValue)), ("use_rezero", .bool(useRezero)),
                ("norm_eps", .number(normEps)),
                ("position_embedding_type", .string(positions.rawValue)),
                ("relative_attention_num_buckets", .integer(relativeBuckets)),
                ("relative_attention_max_distance", .integer(relativeMaxDistance)),
                ("scale_embedding", .bool(scaleEmbedding)), ("scale_attention", .bool(scaleAttention)),
                ("scale_decoder_outputs", .bool(scaleDecoderOutputs)), ("dropout", .number(dropout)),
                ("attention_dropout", .number(attentionDropout)),
                ("max_source_length", .integer(maxSourceLength)),
                ("max_target_length", .integer(maxTargetLength)),
            ]
        case .marian:
            fields += [
                ("architectures", ["MarianMTModel"]),
                ("share_encoder_decoder_embeddings", .bool(sourceVocabSize == nil)),
                ("decoder_vocab_size", .integer(vocabSize)), ("d_model", .integer(hiddenSize)),
                ("encoder_layers", .integer(encoderLayers)), ("decoder_layers", .integer(decoderLayers)),
                ("encoder_attention_heads", .integer(numAttentionHeads)),
                ("decoder_attention_heads", .integer(numAttentionHeads)),
                ("encoder_ffn_dim", .integer(intermediateSize)),
                ("decoder_ffn_dim", .integer(intermediateSize)), ("activation_function", name(hiddenAct)),
                ("scale_embedding", .bool(scaleEmbedding)), ("dropout", .number(dropout)),
                ("attention_dropout", .number(attentionDropout)),
                ("max_position_embeddings", .integer(maxSourceLength)),
            ]
            if let sourceVocabSize { fields[1].1 = .integer(sourceVocabSize) }
        case .t5:
            let kind = Self.feedForwards.first { $0.value == (hiddenAct, gatedMlp) }?.key ?? "relu"
            fields += [
                ("architectures", ["T5ForConditionalGeneration"]), ("d_model", .integer(hiddenSize)),
                ("num_layers", .integer(encoderLayers)), ("num_decoder_layers", .integer(decoderLayers)),
                ("num_heads", .integer(numAttentionHeads)), ("d_kv", .integer(headDim)),
                ("d_ff", .integer(intermediateSize)), ("feed_forward_proj", .string(kind)),
                ("layer_norm_epsilon", .number(normEps)),
                ("relative_attention_num_buckets", .integer(relativeBuckets)),
                ("relative_attention_max_distance", .integer(relativeMaxDistance)),
                ("scale_decoder_outputs", .bool(scaleDecoderOutputs)), ("dropout_rate", .number(dropout)),
            ]
        }
        return .object(JSONObject(fields))
    }
}
