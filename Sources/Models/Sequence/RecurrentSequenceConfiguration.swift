import YuyanCheckpoints
import YuyanNeuralNetworks

/// How a recurrent decoder looks at the source.
public enum RecurrentAttention: String, Sendable, CaseIterable {
    /// Before each step, by additive scores against the state; the step sees what was found.
    ///
    /// Source: Bahdanau, Cho, Bengio, 2015.
    case additive
    /// After each step, by scores `state · W source`. Source: Luong, Pham, Manning, 2015.
    case multiplicative
}

/// The sizes and choices of a ``RecurrentSequenceModel``.
public struct RecurrentSequenceConfiguration: Sendable, Hashable {
    /// What `model_type` says.
    public static let modelType = "recurrent-encoder-decoder"

    /// The number of target tokens V, and of source tokens where both share a table.
    public let vocabSize: Int
    /// The number of source tokens with a table of their own; nil when both sides share one.
    public let sourceVocabSize: Int?
    /// The cell: LSTM or GRU.
    public let cell: RecurrentCell
    /// The width of token vectors.
    public let embeddingDim: Int
    /// The units H of a layer, of the encoder in each direction.
    public let hiddenSize: Int
    /// The number of layers of encoder and decoder.
    public let numLayers: Int
    /// Whether the encoder runs in both directions.
    public let bidirectional: Bool
    /// How the decoder looks at the source.
    public let attention: RecurrentAttention
    /// The width of the inner layer of additive scores.
    public let attentionDim: Int
    /// Whether each step sees what the step before read out, with multiplicative attention.
    public let inputFeeding: Bool
    /// Whether the projection to the vocabulary is the target's table; the readout is then as wide as token vectors.
    public let tieWordEmbeddings: Bool
    /// Whether token vectors are multiplied by √E where they are read, so that small tables fill the layers.
    public let scaleEmbedding: Bool
    /// Dropout on token vectors, between layers and on the readout.
    public let dropout: Double
    /// The most tokens of a source.
    public let maxSourceLength: Int
    /// The most tokens of a target.
    public let maxTargetLength: Int
    /// The token that the decoder begins with.
    public let decoderStartTokenId: Int
    /// The token that ends a target.
    public let eosTokenId: Int

    /// Reads the fields of a configuration; those that are missing have their usual values.
    ///
    /// - Parameter reader: The fields.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    public init(_ reader: ConfigurationReader) throws {
        vocabSize = try reader.extent("vocab_size", default: reader.requiredInteger("vocab_size"))
        sourceVocabSize = try reader.integer("source_vocab_size").map { size in
            try reader.extent("source_vocab_size", default: size)
        }
        cell = try reader.choice("cell", ["lstm": RecurrentCell.lstm, "gru": .gru]) ?? .lstm
        embeddingDim = try reader.extent("embedding_dim", default: 256)
        hiddenSize = try reader.extent("hidden_size", default: 256)
        numLayers = try reader.extent("num_layers", default: 1)
        guard numLayers <= 64 else {
            throw ConfigurationError("num_layers", "\(numLayers) must lie in 1...64")
        }
        bidirectional = try reader.flag("bidirectional") ?? true
        attention = try reader.word("attention", default: RecurrentAttention.multiplicative)
        attentionDim = try reader.extent("attention_dim", default: hiddenSize)
        inputFeeding = try reader.flag("input_feeding") ?? false
        guard attention == .multiplicative || !inputFeeding else {
            throw ConfigurationError(
                "input_feeding",
                "additive attention feeds what it finds by itself; true goes with multiplicative"
            )
        }
        tieWordEmbeddings = try reader.flag("tie_word_embeddings") ?? true
        scaleEmbedding = try reader.flag("scale_embedding") ?? true
        dropout = try reader.probability("dropout", default: 0.3)
        maxSourceLength = try reader.extent("max_source_length", default: 256)
        maxTargetLength = try reader.extent("max_target_length", default: 256)
        eosTokenId = try reader.count("eos_token_id", default: 0)
        decoderStartTokenId = try reader.count("decoder_start_token_id", default: eosTokenId)
        let tokens = [("eos_token_id", eosTokenId), ("decoder_start_token_id", decoderStartTokenId)]
        for (key, token) in tokens where token >= vocabSize {
            throw ConfigurationError(key, "\(token) is no token of 0..<\(vocabSize)")
        }
        for (key, length) in [("max_source_length", maxSourceLength), ("max_target_length", maxTargetLength)]
        where length < 2 || length > 1 << 20 {
            throw ConfigurationError(key, "\(length) must lie in 2...\(1 << 20)")
        }
    }

    /// The fields as they are written.
    public var document: JSONValue {
        [
            "model_type": .string(Self.modelType), "vocab_size": .integer(vocabSize),
            "source_vocab_size": sourceVocabSize.map { .integer($0) } ?? .null,
            "cell": cell == .gru ? "gru" : "lstm", "embedding_dim": .integer(embeddingDim),
            "hidden_size": .integer(hiddenSize), "num_layers": .integer(numLayers),
            "bidirectional": .bool(bidirectional), "attention": .string(attention.rawValue),
            "attention_dim": .integer(attentionDim), "input_feeding": .bool(inputFeeding),
            "tie_word_embeddings": .bool(tieWordEmbeddings), "scale_embedding": .bool(scaleEmbedding),
            "dropout": .number(dropout),
            "max_source_length": .integer(maxSourceLength), "max_target_length": .integer(maxTargetLength),
            "eos_token_id": .integer(eosTokenId), "decoder_start_token_id": .integer(decoderStartTokenId),
        ]
    }

    var encoderOptions: RecurrentNetwork.Options {
        var options = RecurrentNetwork.Options(cell: cell, inputWidth: embeddingDim, width: hiddenSize)
        options.layers = numLayers
        options.isBidirectional = bidirectional
        options.dropout = Float(dropout)
        options.dropoutKind = .variational
        return options
    }

    /// The width of the encoder's states.
    var memoryWidth: Int { (bidirectional ? 2 : 1) * hiddenSize }
    /// The width of what is projected to the vocabulary.
    var readoutWidth: Int { tieWordEmbeddings ? embeddingDim : hiddenSize }

    var decoderOptions: RecurrentNetwork.Options {
        let fed = attention == .additive ? memoryWidth : inputFeeding ? readoutWidth : 0
        var options = RecurrentNetwork.Options(cell: cell, inputWidth: embeddingDim + fed, width: hiddenSize)
        options.layers = numLayers
        options.dropout = Float(dropout)
        options.dropoutKind = .variational
        return options
    }
}
