import YuyanCheckpoints
import YuyanNeuralNetworks

/// How the states of a Transformer encoder become one vector.
public enum EncoderPooling: String, Sendable, CaseIterable {
    /// The first token's state through a layer with tanh, BERT's pooler.
    case cls
    /// The mean over the text, its frame included.
    case mean
}

/// How a Transformer encoder tells positions apart.
public enum EncoderPositions: String, Sendable, CaseIterable {
    /// A table of vectors added to the token vectors, as in BERT.
    case absolute
    /// Queries and keys turned by angles. Source: Su et al., 2021.
    case rotary
}

/// The sizes and choices of a ``TransformerEncoder``; field names are BERT's.
public struct TransformerEncoderConfiguration: TextEncoderConfiguration, Hashable {
    /// `encoder`, and `bert` in files that transformers' BertForSequenceClassification reads.
    public static let modelTypes = ["encoder", "bert"]
    /// The number of tokens V.
    public let vocabSize: Int
    /// The width D.
    public let hiddenSize: Int
    /// The number of blocks.
    public let numHiddenLayers: Int
    /// The number of heads H.
    public let numAttentionHeads: Int
    /// The feed-forward width F.
    public let intermediateSize: Int
    /// The feed-forward activation.
    public let hiddenAct: Activation
    /// Dropout on token vectors and branches.
    public let hiddenDropout: Double
    /// Dropout on attention weights.
    public let attentionDropout: Double
    /// The number of positions.
    public let maxPositionEmbeddings: Int
    /// How positions are told apart.
    public let positions: EncoderPositions
    /// The number of segments that pairs of texts may have.
    public let typeVocabSize: Int
    /// The deviation of the initial weights.
    public let initializerRange: Double
    /// The constant under the norms' roots.
    public let layerNormEps: Double
    /// Where the norms stand.
    public let normPlacement: NormPlacement
    /// Whether branches begin at zero (``ReZero``); goes with norms before branches.
    public let useRezero: Bool
    /// How the states become one vector.
    public let pooling: EncoderPooling

    private static let activations: KeyValuePairs<String, Activation> = [
        "gelu": .gelu, "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh, "relu": .relu, "silu": .silu,
        "swish": .silu,
    ]

    /// Reads the fields of a configuration.
    ///
    /// - Parameter reader: The fields.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    public init(_ reader: ConfigurationReader) throws {
        let isBERT = try reader.string("model_type") == "bert"
        positions = try reader.word("position_embedding_type", default: EncoderPositions.absolute)
        vocabSize = try reader.extent(
            "vocab_size",
            default: isBERT ? 30_522 : reader.requiredInteger("vocab_size")
        )
        hiddenSize = try reader.extent("hidden_size", default: isBERT ? 768 : 128)
        numHiddenLayers = try reader.extent("num_hidden_layers", default: isBERT ? 12 : 2)
        numAttentionHeads = try reader.extent("num_attention_heads", default: isBERT ? 12 : 4)
        guard hiddenSize % numAttentionHeads == 0 else {
            throw ConfigurationError(
                "num_attention_heads",
                "\(numAttentionHeads) must divide hidden_size, \(hiddenSize)"
            )
        }
        guard positions != .rotary || hiddenSize / numAttentionHeads % 2 == 0 else {
            throw ConfigurationError(
                "num_attention_heads",
                "\(numAttentionHeads) heads of \(hiddenSize / numAttentionHeads) values; they must have an even number "
                    + "with rotary positions"
            )
        }
        guard numHiddenLayers <= 1024 else {
            throw ConfigurationError("num_hidden_layers", "\(numHiddenLayers) must lie in 1...1024")
        }
        intermediateSize = try reader.extent("intermediate_size", default: isBERT ? 3072 : 4 * hiddenSize)
        hiddenAct = try reader.choice("hidden_act", Self.activations) ?? .gelu
        hiddenDropout = try reader.probability("hidden_dropout_prob", default: 0.1)
        attentionDropout = try reader.probability("attention_probs_dropout_prob", default: 0.1)
        maxPositionEmbeddings = try reader.extent("max_position_embeddings", default: 512)
        guard maxPositionEmbeddings >= 4 else {
            throw ConfigurationError("max_position_embeddings", "\(maxPositionEmbeddings) must be at least 4")
        }
        typeVocabSize = try reader.extent("type_vocab_size", default: 2)
        initializerRange = try reader.number("initializer_range") ?? 0.02
        layerNormEps = try reader.number("layer_norm_eps") ?? 1e-12
        guard initializerRange > 0, initializerRange.isFinite else {
            throw ConfigurationError("initializer_range", "\(initializerRange) must be positive")
        }
        guard layerNormEps > 0, layerNormEps < 1 else {
            throw ConfigurationError("layer_norm_eps", "\(layerNormEps) must lie between 0 and 1")
        }
        normPlacement = try reader.word("norm_placement", default: NormPlacement.post)
        useRezero = try reader.flag("use_rezero") ?? false
        guard !useRezero || normPlacement == .pre else {
            throw ConfigurationError("use_rezero", "true goes with norm_placement pre, not post")
        }
        pooling = try reader.word("pooling", default: EncoderPooling.cls)
    }

    /// Reads the fields of a configuration whose model looks at the states of all tokens, and so has no pooler.
    ///
    /// - Parameter reader: The fields; `pooling` is passed over.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    init(withoutPooler reader: ConfigurationReader) throws {
        var object = reader.object
        object["pooling"] = .string(EncoderPooling.mean.rawValue)
        try self.init(ConfigurationReader(.object(object), path: reader.path))
    }

    /// The fields of a model without pooler as they are written; where norms and segments are BERT's, transformers'
    /// class reads the folder.
    func fields(of architecture: String) -> [(String, JSONValue)] {
        let own = fields.filter { $0.0 != "architectures" && $0.0 != "norm_placement" }
        let head: [(String, JSONValue)] =
            isBERTsBody
            ? [("model_type", "bert"), ("architectures", [.string(architecture)])]
            : [("model_type", "encoder"), ("norm_placement", .string(normPlacement.rawValue))]
        return head + own
    }

    /// Whether transformers' BertModel computes the same states.
    private var isBERTsBody: Bool { normPlacement == .post && positions == .absolute }
    /// Whether transformers' BertForSequenceClassification computes the same.
    private var isBERT: Bool { isBERTsBody && pooling == .cls }
    /// `bert` where that says all.
    public var modelType: String { isBERT ? "bert" : "encoder" }
    /// The number of positions.
    public var maxLength: Int { maxPositionEmbeddings }
    /// The first token stands for the text.
    public var isFramed: Bool { true }
    /// As everything else begins.
    public var headInitializer: Initializer { initializer }
    var initializer: Initializer { .normal(standardDeviation: initializerRange) }

    var blockOptions: BlockOptions {
        BlockOptions(
            width: hiddenSize,
            heads: numAttentionHeads,
            headWidth: hiddenSize / numAttentionHeads,
            innerWidth: intermediateSize,
            activation: hiddenAct,
            dropout: hiddenDropout,
            attentionDropout: attentionDropout,
            placement: normPlacement,
            useRezero: useRezero,
            epsilon: layerNormEps,
            initializer: initializer
        )
    }

    func makeNorm() -> LayerNorm { LayerNorm(width: hiddenSize, epsilon: Float(layerNormEps)) }

    /// The fields as they are written.
    public var fields: [(String, JSONValue)] {
        let activation = Self.activations.first { $0.value == hiddenAct }?.key ?? hiddenAct.rawValue
        var fields: [(String, JSONValue)] = [
            ("vocab_size", .integer(vocabSize)), ("hidden_size", .integer(hiddenSize)),
            ("num_hidden_layers", .integer(numHiddenLayers)),
            ("num_attention_heads", .integer(numAttentionHeads)),
            ("intermediate_size", .integer(intermediateSize)), ("hidden_act", .string(activation)),
            ("hidden_dropout_prob", .number(hiddenDropout)),
            ("attention_probs_dropout_prob", .number(attentionDropout)),
            ("max_position_embeddings", .integer(maxPositionEmbeddings)),
            ("type_vocab_size", .integer(typeVocabSize)), ("initializer_range", .number(initializerRange)),
            ("layer_norm_eps", .number(layerNormEps)),
            ("position_embedding_type", .string(positions.rawValue)),
        ]
        if isBERT { fields.insert(("architectures", ["BertForSequenceClassification"]), at: 0) }
        return fields + [
            ("norm_placement", .string(normPlacement.rawValue)), ("use_rezero", .bool(useRezero)),
            ("pooling", .string(pooling.rawValue)),
        ]
    }

    /// BERT's names, whatever the norms and the pooling.
    public var keyMap: KeyMap {
        keyMap(
            encoderPath: "encoder.",
            head: ["weight", "bias"].map { KeyMapping("classifier.\($0)", "classifier.\($0)") }
        )
    }

    /// BERT's names for an encoder within a model, and those of what stands on it.
    func keyMap(encoderPath: String, head: [KeyMapping]) -> KeyMap {
        let block = "bert.encoder.layer.*"
        var pairs = [
            ("embeddingNorm", "bert.embeddings.LayerNorm"), ("finalNorm", "bert.encoder.LayerNorm"),
            ("blocks.*.attention.outputProjection", "\(block).attention.output.dense"),
            ("blocks.*.attentionNorm", "\(block).attention.output.LayerNorm"),
            ("blocks.*.feedForward.input", "\(block).intermediate.dense"),
            ("blocks.*.feedForward.output", "\(block).output.dense"),
            ("blocks.*.feedForwardNorm", "\(block).output.LayerNorm"), ("pooler", "bert.pooler.dense"),
            ("blocks.*.attentionScale", "\(block).attention.output.ReZero"),
            ("blocks.*.feedForwardScale", "\(block).output.ReZero"),
        ]
        pairs += [
            ("tokenEmbedding", "bert.embeddings.word_embeddings"),
            ("positionEmbedding", "bert.embeddings.position_embeddings"),
            ("typeEmbedding", "bert.embeddings.token_type_embeddings"),
        ]
        var mappings = head
        for kind in ["weight", "bias"] {
            mappings += pairs.map { KeyMapping("\(encoderPath)\($0.0).\(kind)", "\($0.1).\(kind)") }
            mappings.append(
                KeyMapping(
                    "\(encoderPath)blocks.*.attention.inputProjection.\(kind)",
                    parts: ["query", "key", "value"].map {
                        (key: "\(block).attention.self.\($0).\(kind)", rows: hiddenSize)
                    }
                )
            )
        }
        return KeyMap(
            mappings,
            optionalPrefixes: ["bert."],
            ignoredKeys: ["bert.embeddings.position_ids"]
        )
    }

    /// Makes the network.
    ///
    /// - Parameter random: Where the draws come from; advances.
    /// - Returns: The network.
    public func makeEncoder(random: inout RandomSource) -> any TextEncoder {
        TransformerEncoder(self, random: &random)
    }
}

/// A Transformer encoder over tokens, positions and segments.
///
/// The residual stream is f32 (f64 when the parameters are); branches compute in ``computeDType``.
/// Source: Devlin et al., «BERT», 2019.
public final class TransformerEncoder: SequenceEncoder, MixedPrecisionModule {
    /// The token table [V, D].
    public let tokenEmbedding: Embedding
    /// The position table [P, D]; nil with rotary positions.
    public let positionEmbedding: Embedding?
    /// The table of segments.
    public let typeEmbedding: Embedding
    /// The norm of the sum of the three; nil with norms before branches.
    public let embeddingNorm: LayerNorm?
    /// The blocks.
    public let blocks: [EncoderBlock]
    /// The norm at the end with norms before branches.
    public let finalNorm: LayerNorm?
    /// The layer on the first token's state.
    public let pooler: Linear?
    /// The dtype that branches compute in: f32 or bf16; parameters of f64 compute in f64 whatever stands here.
    public var computeDType = DType.f32
    private let dropout: Dropout
    private let rotaryFrequencies: Tensor?
    private let configuration: TransformerEncoderConfiguration

    /// Makes a network with initial weights.
    ///
    /// - Parameters:
    ///   - configuration: Sizes and choices.
    ///   - random: Where the draws come from; advances.
    public init(_ configuration: TransformerEncoderConfiguration, random: inout RandomSource) {
        self.configuration = configuration
        let (width, initializer) = (configuration.hiddenSize, configuration.initializer)
        func table(_ count: Int) -> Embedding {
            Embedding(count: count, width: width, initializer: initializer, random: &random)
        }
        tokenEmbedding = table(configuration.vocabSize)
        let isRotary = configuration.positions == .rotary
        positionEmbedding = isRotary ? nil : table(configuration.maxPositionEmbeddings)
        rotaryFrequencies =
            isRotary ? RotaryOptions().frequencies(headWidth: configuration.blockOptions.headWidth) : nil
        typeEmbedding = table(configuration.typeVocabSize)
        let isPost = configuration.normPlacement == .post
        embeddingNorm = isPost ? configuration.makeNorm() : nil
        var blocks: [EncoderBlock] = []
        for _ in 0..<configuration.numHiddenLayers {
            blocks.append(EncoderBlock(configuration.blockOptions, random: &random))
        }
        self.blocks = blocks
        finalNorm = isPost ? nil : configuration.makeNorm()
        pooler =
            configuration.pooling == .cls
            ? Linear(inputWidth: width, outputWidth: width, initializer: initializer, random: &random) : nil
        dropout = Dropout(Float(configuration.hiddenDropout))
    }

    /// The width D.
    public var outputWidth: Int { configuration.hiddenSize }
    /// The width D.
    public var stateWidth: Int { configuration.hiddenSize }
    /// The table of token vectors.
    public var tokenTable: Embedding? { tokenEmbedding }
    /// The pooler's.
    public var poolingPaths: [String] { ["pooler."] }
    /// The tables of positions and of segments.
    public var placeTables: [Parameter] {
        [positionEmbedding?.weight, typeEmbedding.weight].compactMap { $0 }
    }
    /// The tables of tokens, positions and segments.
    public var tables: [Parameter] { [tokenEmbedding.weight] + placeTables }

    /// The dtype that branches compute in.
    var dtype: DType { productDType(for: tokenEmbedding.weight.value.dtype) }

    /// The last hidden states.
    ///
    /// Traps when a text has more tokens than the model positions, or a segment lies outside the table.
    ///
    /// - Parameter batch: The texts' tokens.
    /// - Returns: [B, T, D], f32 (f64 when the parameters are).
    public func states(_ batch: TokenBatch) -> Tensor {
        states(batch, tokenVectors: tokenEmbedding(batch.idTensor))
    }

    /// The last hidden states when vectors stand for the tokens; positions and segments are added to them.
    ///
    /// - Parameters:
    ///   - batch: The texts' tokens.
    ///   - vectors: What stands for the rows of the token table [B, T, D].
    /// - Returns: [B, T, D], f32 (f64 when the parameters are).
    public func states(_ batch: TokenBatch, tokenVectors vectors: Tensor) -> Tensor {
        let (x, context) = entrance(batch, vectors)
        var stream = ResidualStream(sum: x, branch: nil)
        for block in blocks { stream = block(stream, context: context, dtype: dtype) }
        return stream.joined(finalNorm, dtype: dtype).normalized.cast(to: x.dtype)
    }

    /// The weights that every block's attention gives.
    ///
    /// - Parameter batch: The texts' tokens.
    /// - Returns: For each block [B, H, T, T], from the row's token to the column's.
    public func attentionWeights(_ batch: TokenBatch) -> [Tensor] {
        let (x, context) = entrance(batch, tokenEmbedding(batch.idTensor))
        var stream = ResidualStream(sum: x, branch: nil)
        var weights: [Tensor] = []
        for block in blocks {
            weights.append(block.attentionWeights(stream, context: context, dtype: dtype).cast(to: x.dtype))
            stream = block(stream, context: context, dtype: dtype)
        }
        return weights
    }

    /// What goes into the first block, and the segments that mark padding.
    private func entrance(
        _ batch: TokenBatch,
        _ vectors: Tensor
    ) -> (x: Tensor, context: AttentionContext) {
        require(
            batch.length <= configuration.maxPositionEmbeddings,
            "TransformerEncoder: a text of \(batch.length) tokens, and \(configuration.maxPositionEmbeddings) positions"
        )
        let places = (0..<batch.length).map { Int32($0) }
        let shape: Shape = [batch.rows, batch.length]
        let types = Tensor(
            batch.typeIDs ?? [Int32](repeating: 0, count: batch.rows * batch.length),
            shape: shape
        )
        var x = vectors + typeEmbedding(types)
        if let positionEmbedding { x = x + positionEmbedding(Tensor(places, shape: [batch.length])) }
        if let embeddingNorm { x = embeddingNorm(x) }
        x = dropout(x)
        var context = AttentionContext(
            segments: batch.lengthTensor.map { sequenceSegments(lengths: $0, positions: batch.length) }
        )
        if let rotaryFrequencies {
            context.frequencies = rotaryFrequencies
            context.positions = Tensor((0..<batch.rows).flatMap { _ in places }, shape: shape)
        }
        return (x, context)
    }

    /// The text's vector.
    ///
    /// - Parameter batch: The texts' tokens.
    /// - Returns: [B, D].
    public func callAsFunction(_ batch: TokenBatch) -> Tensor {
        let x = states(batch)
        guard let pooler else { return pooled(x, .mean, lengths: batch.lengthTensor) }
        return pooler(x.select(axis: 1, 0).contiguous(), activation: .tanh)
    }

    /// Floating-point operations of the blocks, attention included.
    ///
    /// - Parameter length: The tokens of a text.
    /// - Returns: Operations per text.
    public func forwardFlops(length: Int) -> Double {
        let (width, inner) = (Double(configuration.hiddenSize), Double(configuration.intermediateSize))
        let perToken = 2 * (4 * width * width + 2 * width * inner) + 4 * width * Double(length)
        return Double(configuration.numHiddenLayers * length) * perToken
    }
}
