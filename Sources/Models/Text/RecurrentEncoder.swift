import YuyanCheckpoints
import YuyanNeuralNetworks

/// How the states of a recurrent network become one vector.
public enum StatePooling: String, Sendable, CaseIterable {
    /// The final states of both directions.
    case last
    /// The largest value of each feature.
    case max
    /// The mean over the text.
    case mean
    /// Weights of the positions by a learned query. Source: Yang et al., 2016.
    case attention
    /// Additive scores of the positions against the final states, beside these. Source: Bahdanau et al., 2015.
    case additive
    /// Multiplicative scores of the positions against the final states, beside these. Source: Luong et al., 2015.
    case multiplicative
}

/// The sizes and choices of a ``RecurrentEncoder``.
public struct RecurrentEncoderConfiguration: TextEncoderConfiguration, Hashable {
    /// `rnn`, `lstm` and `gru`.
    public static let modelTypes = ["rnn", "lstm", "gru"]
    /// The cell's name.
    public let modelType: String
    /// The table of token vectors.
    public let vectors: TokenVectorOptions
    /// The units of a layer and direction.
    public let hiddenSize: Int
    /// The number of layers.
    public let numLayers: Int
    /// Whether every layer runs in both directions.
    public let bidirectional: Bool
    /// How the states become one vector.
    public let pooling: StatePooling
    /// The width of the inner layer of attention.
    public let attentionDim: Int
    /// The probability of dropping a value between layers in training.
    public let dropout: Double
    /// Whether a text drops the same features at all positions, of its token vectors and between layers.
    public let variationalDropout: Bool
    /// The probability of dropping a recurrent weight in training.
    public let weightDropout: Double
    /// The most tokens of a text.
    public let maxLength: Int

    /// Reads the fields of a configuration.
    ///
    /// - Parameter reader: The fields.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    public init(_ reader: ConfigurationReader) throws {
        modelType = try reader.string("model_type") ?? "lstm"
        vectors = try TokenVectorOptions(reader, width: 300)
        hiddenSize = try reader.extent("hidden_size", default: 128)
        numLayers = try reader.extent("num_layers", default: 1)
        guard numLayers <= 64 else {
            throw ConfigurationError("num_layers", "\(numLayers) must lie in 1...64")
        }
        bidirectional = try reader.flag("bidirectional") ?? true
        pooling = try reader.word("pooling", default: StatePooling.max)
        attentionDim = try reader.extent("attention_dim", default: 128)
        dropout = try reader.probability("dropout", default: 0.5)
        variationalDropout = try reader.flag("variational_dropout") ?? true
        weightDropout = try reader.probability("weight_dropout", default: 0)
        maxLength = try reader.extent("max_length", default: 512)
    }

    /// The fields as they are written.
    public var fields: [(String, JSONValue)] {
        vectors.fields + [
            ("hidden_size", .integer(hiddenSize)), ("num_layers", .integer(numLayers)),
            ("bidirectional", .bool(bidirectional)), ("pooling", .string(pooling.rawValue)),
            ("attention_dim", .integer(attentionDim)), ("dropout", .number(dropout)),
            ("variational_dropout", .bool(variationalDropout)), ("weight_dropout", .number(weightDropout)),
            ("max_length", .integer(maxLength)),
        ]
    }

    /// Makes the network.
    ///
    /// - Parameter random: Where the draws come from; advances.
    /// - Returns: The network.
    public func makeEncoder(random: inout RandomSource) -> any TextEncoder {
        RecurrentEncoder(self, random: &random)
    }

    var networkOptions: RecurrentNetwork.Options {
        let cell: RecurrentCell = modelType == "gru" ? .gru : modelType == "rnn" ? .tanh : .lstm
        var options = RecurrentNetwork.Options(cell: cell, inputWidth: vectors.width, width: hiddenSize)
        options.layers = numLayers
        options.isBidirectional = bidirectional
        options.dropout = Float(dropout)
        options.dropoutKind = variationalDropout ? .variational : .perPosition
        options.weightDropout = Float(weightDropout)
        return options
    }
}

/// An LSTM, GRU or plain recurrent network over a text, whose states become one vector.
public final class RecurrentEncoder: SequenceEncoder {
    /// The token vectors.
    public let vectors: TokenVectors
    /// The recurrent layers.
    public let network: RecurrentNetwork
    /// The learned query of `attention`.
    public let attention: AttentionPooling?
    /// The scores of `additive` and `multiplicative`.
    public let scores: SequenceAttention?
    private let configuration: RecurrentEncoderConfiguration

    /// Makes a network with initial weights.
    ///
    /// - Parameters:
    ///   - configuration: Sizes and choices.
    ///   - random: Where the draws come from; advances.
    public init(_ configuration: RecurrentEncoderConfiguration, random: inout RandomSource) {
        self.configuration = configuration
        vectors = TokenVectors(configuration.vectors, random: &random)
        network = RecurrentNetwork(configuration.networkOptions, random: &random)
        let (width, inner) = (network.outputWidth, configuration.attentionDim)
        let kind: ScoreKind? =
            switch configuration.pooling {
            case .additive: .additive
            case .multiplicative: .general
            default: nil
            }
        attention =
            configuration.pooling == .attention
            ? AttentionPooling(width: width, innerWidth: inner, random: &random) : nil
        scores = kind.map { kind in
            SequenceAttention(
                kind,
                queryWidth: width,
                keyWidth: width,
                innerWidth: inner,
                random: &random
            )
        }
    }

    /// The width of a text's vector.
    public var outputWidth: Int { network.outputWidth * (scores == nil ? 1 : 2) }
    /// The width of a token's vector.
    public var stateWidth: Int { network.outputWidth }
    /// The table of token vectors.
    public var tables: [Parameter] { [vectors.table.weight] }
    /// The table of token vectors.
    public var tokenTable: Embedding? { vectors.table }
    /// Attention's.
    public var poolingPaths: [String] { ["attention.", "scores."] }

    /// The last layer's states.
    ///
    /// - Parameter batch: The texts' tokens.
    /// - Returns: [B, T, directions · H].
    public func states(_ batch: TokenBatch) -> Tensor { run(batch).output }

    private func run(_ batch: TokenBatch) -> RecurrentResult {
        network(vectors(batch.idTensor), lengths: batch.lengthTensor)
    }

    /// The text's vector.
    ///
    /// - Parameter batch: The texts' tokens.
    /// - Returns: [B, D]; the states' zeros for a text without tokens.
    public func callAsFunction(_ batch: TokenBatch) -> Tensor {
        let result = run(batch)
        let lengths = batch.lengthTensor
        switch configuration.pooling {
        case .last: return final(result, batch.rows)
        case .max: return pooled(result.output, .max, lengths: lengths)
        case .mean: return pooled(result.output, .mean, lengths: lengths)
        case .attention:
            return attention.map { $0(result.output, lengths: lengths) } ?? final(result, batch.rows)
        case .additive, .multiplicative:
            let query = final(result, batch.rows)
            guard let scores else { return query }
            let context = scores(
                queries: query.reshaped(batch.rows, 1, stateWidth),
                keys: result.output,
                lengths: lengths
            )
            return concatenate([context.reshaped(batch.rows, stateWidth), query], axis: 1)
        }
    }

    /// The last layer's final states, directions side by side [B, directions · H].
    private func final(_ result: RecurrentResult, _ rows: Int) -> Tensor {
        let count = network.directions
        let last = (configuration.numLayers - 1) * count
        let states = result.state.hidden.slice(axis: 0, last..<last + count)
        return states.permuted([1, 0, 2]).reshaped(rows, stateWidth)
    }

    /// Floating-point operations of the recurrent layers.
    ///
    /// - Parameter length: The tokens of a text.
    /// - Returns: Operations per text.
    public func forwardFlops(length: Int) -> Double {
        2 * Double(length * network.matrixElementCount)
    }
}
