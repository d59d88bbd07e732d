import YuyanCheckpoints

// `config.json` in the layouts of transformers' GPT2LMHeadModel and LlamaForCausalLM, and in one of our own for what
// neither can express.

extension DecoderConfiguration {
    /// The `model_type` of configurations that transformers has no class for.
    public static let ownModelType = "yuyan-decoder"

    /// Activations by their names in configuration files; the first name of each is the one written.
    static let activations: KeyValuePairs<String, Activation> = [
        "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh, "gelu_fast": .geluTanh, "gelu": .gelu,
        "relu": .relu, "silu": .silu, "swish": .silu, "tanh": .tanh,
    ]

    /// Reads a `config.json`.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` naming file and field.
    public init(contentsOf path: String) throws {
        try self.init(ConfigurationReader(contentsOf: path))
    }

    /// Reads the fields of a configuration; those that are missing follow the model type's defaults.
    ///
    /// - Parameter reader: The fields.
    /// - Throws: `FileFormatError` naming the field that cannot be read, or that says what this decoder does not do.
    public init(_ reader: ConfigurationReader) throws(FileFormatError) {
        let type = try reader.string("model_type") ?? Self.ownModelType
        self = try reader.naming { reader in
            switch type {
            case "gpt2": return try Self.gpt2(reader)
            case "llama": return try Self.llama(reader)
            case Self.ownModelType: return try Self.own(reader)
            default:
                throw FileFormatError(
                    .unsupported,
                    path: reader.path,
                    at: .key("model_type"),
                    "'\(type)' is no decoder known here; gpt2, llama and \(Self.ownModelType) are"
                )
            }
        }
    }

    private static func gpt2(_ reader: ConfigurationReader) throws -> DecoderConfiguration {
        try refuse(reader, "scale_attn_by_inverse_layer_idx", true)
        try refuse(reader, "add_cross_attention", true)
        try refuse(reader, "scale_attn_weights", false)
        return try DecoderConfiguration(
            family: .gpt2,
            vocabSize: reader.integer("vocab_size") ?? 50_257,
            hiddenSize: reader.integer("n_embd", "hidden_size") ?? 768,
            numHiddenLayers: reader.integer("n_layer", "num_hidden_layers") ?? 12,
            numAttentionHeads: reader.integer("n_head", "num_attention_heads") ?? 12,
            intermediateSize: reader.integer("n_inner"),
            maxPositionEmbeddings: reader.integer("n_positions", "n_ctx", "max_position_embeddings") ?? 1024,
            hiddenAct: reader.choice("activation_function", activations) ?? .geluTanh,
            normEps: reader.number("layer_norm_epsilon") ?? 1e-5,
            tieWordEmbeddings: reader.flag("tie_word_embeddings") ?? true,
            embdPdrop: reader.number("embd_pdrop") ?? 0.1,
            residPdrop: reader.number("resid_pdrop") ?? 0.1,
            attnPdrop: reader.number("attn_pdrop") ?? 0.1,
            initializerRange: reader.number("initializer_range") ?? 0.02,
            bosTokenId: token(reader, "bos_token_id"),
            eosTokenIds: reader.integers("eos_token_id"),
            padTokenId: token(reader, "pad_token_id")
        )
    }

    private static func llama(_ reader: ConfigurationReader) throws -> DecoderConfiguration {
        try DecoderConfiguration(
            family: .llama,
            vocabSize: reader.integer("vocab_size") ?? 32_000,
            hiddenSize: reader.integer("hidden_size") ?? 4096,
            numHiddenLayers: reader.integer("num_hidden_layers") ?? 32,
            numAttentionHeads: reader.integer("num_attention_heads") ?? 32,
            numKeyValueHeads: reader.integer("num_key_value_heads"),
            headDim: reader.integer("head_dim"),
            intermediateSize: reader.integer("intermediate_size") ?? 11_008,
            maxPositionEmbeddings: reader.integer("max_position_embeddings") ?? 2048,
            hiddenAct: reader.choice("hidden_act", activations) ?? .silu,
            normEps: reader.number("rms_norm_eps") ?? 1e-6,
            rope: rope(reader),
            attentionBias: reader.flag("attention_bias") ?? false,
            mlpBias: reader.flag("mlp_bias") ?? false,
            tieWordEmbeddings: reader.flag("tie_word_embeddings") ?? false,
            attnPdrop: reader.number("attention_dropout") ?? 0,
            initializerRange: reader.number("initializer_range") ?? 0.02,
            bosTokenId: token(reader, "bos_token_id"),
            eosTokenIds: reader.integers("eos_token_id"),
            padTokenId: token(reader, "pad_token_id")
        )
    }

    private static func own(_ reader: ConfigurationReader) throws -> DecoderConfiguration {
        let layouts: KeyValuePairs<String, DecoderFamily> = ["gpt2": .gpt2, "llama": .llama]
        return try DecoderConfiguration(
            family: reader.choice("layout", layouts) ?? .gpt2,
            vocabSize: reader.requiredInteger("vocab_size"),
            hiddenSize: reader.requiredInteger("hidden_size", "n_embd"),
            numHiddenLayers: reader.requiredInteger("num_hidden_layers", "n_layer"),
            numAttentionHeads: reader.requiredInteger("num_attention_heads", "n_head"),
            numKeyValueHeads: reader.integer("num_key_value_heads"),
            headDim: reader.integer("head_dim"),
            intermediateSize: reader.integer("intermediate_size"),
            maxPositionEmbeddings: reader.integer("max_position_embeddings", "block_size") ?? 1024,
            hiddenAct: reader.choice("hidden_act", activations),
            gatedMlp: reader.flag("gated_mlp"),
            normalization: reader.choice(
                "normalization",
                ["layer_norm": .layerNorm, "rms_norm": .rmsNorm, "none": .none]
            ),
            normEps: reader.number("norm_eps"),
            normBias: reader.flag("norm_bias"),
            positionEmbeddingType: reader.choice(
                "position_embedding_type",
                ["learned": .learned, "rotary": .rotary, "none": .none]
            ),
            rope: rope(reader),
            attentionBias: reader.flag("attention_bias"),
            mlpBias: reader.flag("mlp_bias"),
            tieWordEmbeddings: reader.flag("tie_word_embeddings"),
            useRezero: reader.flag("use_rezero") ?? false,
            embdPdrop: reader.number("embd_pdrop") ?? 0,
            residPdrop: reader.number("resid_pdrop") ?? 0,
            attnPdrop: reader.number("attn_pdrop") ?? 0,
            initializerRange: reader.number("initializer_range") ?? 0.02,
            scaledResidualInit: reader.flag("scaled_residual_init") ?? true,
            bosTokenId: token(reader, "bos_token_id"),
            eosTokenIds: reader.integers("eos_token_id"),
            padTokenId: token(reader, "pad_token_id")
        )
    }

    /// Rotary frequencies as transformers writes them: `rope_parameters`, or before version 5 `rope_theta` beside
    /// `rope_scaling`.
    private static func rope(_ reader: ConfigurationReader) throws -> RotaryOptions {
        let inner = try reader.object("rope_parameters", "rope_scaling")
        let theta = try inner?.number("rope_theta") ?? reader.number("rope_theta") ?? 10_000
        guard let inner else { return RotaryOptions(theta: theta) }
        let kind = try inner.string("rope_type", "type") ?? "default"
        switch kind {
        case "default": return RotaryOptions(theta: theta)
        case "linear":
            return RotaryOptions(theta: theta, scaling: .linear(factor: try inner.number("factor") ?? 1))
        case "llama3":
            let scaling = RotaryOptions.Scaling.llama3(
                factor: try inner.number("factor") ?? 8,
                lowFrequency: try inner.number("low_freq_factor") ?? 1,
                highFrequency: try inner.number("high_freq_factor") ?? 4,
                originalPositions: try inner.integer("original_max_position_embeddings") ?? 8192
            )
            return RotaryOptions(theta: theta, scaling: scaling)
        default:
            throw FileFormatError(
                .unsupported,
                path: reader.path,
                at: .key("rope_type"),
                "'\(kind)' is not known; default, linear and llama3 are"
            )
        }
    }

    /// A token id; −1 stands for none in old files.
    private static func token(_ reader: ConfigurationReader, _ key: String) throws -> Int? {
        try reader.integer(key).flatMap { $0 < 0 ? nil : $0 }
    }

    private static func refuse(_ reader: ConfigurationReader, _ key: String, _ value: Bool) throws {
        guard try reader.flag(key) == value else { return }
        throw FileFormatError(.unsupported, path: reader.path, at: .key(key), "\(value) is not supported")
    }
}

// MARK: Writing

extension DecoderConfiguration {
    /// The content of `config.json`: transformers' layout where it has a class for the choices made, else our own.
    ///
    /// - Returns: The document.
    public func document() -> JSONValue {
        var fields: [(String, JSONValue)]
        switch family {
        case .gpt2: fields = gpt2Fields
        case .llama: fields = llamaFields
        case nil: fields = ownFields
        }
        fields += [
            ("initializer_range", .number(initializerRange)),
            ("tie_word_embeddings", .bool(tieWordEmbeddings)),
            ("vocab_size", .integer(vocabSize)),
            ("bos_token_id", bosTokenId.map { .integer($0) } ?? .null),
            ("eos_token_id", endTokens),
            ("pad_token_id", padTokenId.map { .integer($0) } ?? .null),
            ("dtype", "float32"),
        ]
        return .object(JSONObject(fields))
    }

    /// The content of `generation_config.json`: the tokens that begin and end a text.
    ///
    /// - Returns: The document.
    public func generationDocument() -> JSONValue {
        [
            "bos_token_id": bosTokenId.map { .integer($0) } ?? .null,
            "eos_token_id": endTokens,
            "pad_token_id": padTokenId.map { .integer($0) } ?? .null,
        ]
    }

    private var endTokens: JSONValue {
        switch eosTokenIds.count {
        case 0: .null
        case 1: .integer(eosTokenIds[0])
        default: .array(eosTokenIds.map { .integer($0) })
        }
    }

    private var activationName: String {
        Self.activations.first { $0.value == hiddenAct }?.key ?? hiddenAct.rawValue
    }

    private var gpt2Fields: [(String, JSONValue)] {
        [
            ("architectures", ["GPT2LMHeadModel"]), ("model_type", "gpt2"),
            ("activation_function", .string(activationName)),
            ("n_embd", .integer(hiddenSize)), ("n_layer", .integer(numHiddenLayers)),
            ("n_head", .integer(numAttentionHeads)), ("n_inner", .integer(intermediateSize)),
            ("n_positions", .integer(maxPositionEmbeddings)), ("layer_norm_epsilon", .number(normEps)),
            ("embd_pdrop", .number(embdPdrop)), ("resid_pdrop", .number(residPdrop)),
            ("attn_pdrop", .number(attnPdrop)),
        ]
    }

    private var llamaFields: [(String, JSONValue)] {
        [
            ("architectures", ["LlamaForCausalLM"]), ("model_type", "llama"),
            ("hidden_act", .string(activationName)), ("hidden_size", .integer(hiddenSize)),
            ("intermediate_size", .integer(intermediateSize)),
            ("num_hidden_layers", .integer(numHiddenLayers)),
            ("num_attention_heads", .integer(numAttentionHeads)),
            ("num_key_value_heads", .integer(numKeyValueHeads)), ("head_dim", .integer(headDim)),
            ("max_position_embeddings", .integer(maxPositionEmbeddings)), ("rms_norm_eps", .number(normEps)),
            ("attention_bias", .bool(attentionBias)), ("mlp_bias", .bool(mlpBias)),
            ("attention_dropout", .number(attnPdrop)),
        ] + ropeFields
    }

    /// Both spellings: `rope_parameters` of version 5 and `rope_theta` with `rope_scaling` of the versions before.
    private var ropeFields: [(String, JSONValue)] {
        var inner: JSONObject = JSONObject()
        inner["rope_type"] = "default"
        switch rope.scaling {
        case nil: break
        case .linear(let factor):
            inner["rope_type"] = "linear"
            inner["factor"] = .number(factor)
        case .llama3(let factor, let low, let high, let positions):
            inner["rope_type"] = "llama3"
            inner["factor"] = .number(factor)
            inner["low_freq_factor"] = .number(low)
            inner["high_freq_factor"] = .number(high)
            inner["original_max_position_embeddings"] = .integer(positions)
        }
        let scaling: JSONValue = rope.scaling == nil ? .null : .object(inner)
        inner["rope_theta"] = .number(rope.theta)
        return [
            ("rope_parameters", .object(inner)), ("rope_theta", .number(rope.theta)),
            ("rope_scaling", scaling),
        ]
    }

    private var ownFields: [(String, JSONValue)] {
        [
            ("model_type", .string(Self.ownModelType)), ("hidden_act", .string(activationName)),
            ("hidden_size", .integer(hiddenSize)), ("intermediate_size", .integer(intermediateSize)),
            ("num_hidden_layers", .integer(numHiddenLayers)),
            ("num_attention_heads", .integer(numAttentionHeads)),
            ("num_key_value_heads", .integer(numKeyValueHeads)), ("head_dim", .integer(headDim)),
            ("max_position_embeddings", .integer(maxPositionEmbeddings)), ("gated_mlp", .bool(gatedMlp)),
            ("normalization", .string(normalization.rawValue)), ("norm_eps", .number(normEps)),
            ("norm_bias", .bool(normBias)),
            ("position_embedding_type", .string(positionEmbeddingType.rawValue)),
            ("attention_bias", .bool(attentionBias)), ("mlp_bias", .bool(mlpBias)),
            ("use_rezero", .bool(useRezero)), ("embd_pdrop", .number(embdPdrop)),
            ("resid_pdrop", .number(residPdrop)), ("attn_pdrop", .number(attnPdrop)),
            ("scaled_residual_init", .bool(scaledResidualInit)),
        ] + ropeFields
    }
}
