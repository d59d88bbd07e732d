import YuyanCheckpoints
import YuyanNeuralNetworks

/// The sizes and choices of a ``TextMLP``.
public struct TextMLPConfiguration: TextEncoderConfiguration, Hashable {
    /// `mlp`.
    public static let modelTypes = ["mlp"]
    /// The table of token vectors.
    public let vectors: TokenVectorOptions
    /// The widths of the layers.
    public let hiddenSizes: [Int]
    /// How the vectors of a text become one.
    public let pooling: SequencePooling
    /// The probability of dropping a value between layers in training.
    public let dropout: Double
    /// The most tokens of a text.
    public let maxLength: Int

    /// Reads the fields of a configuration.
    ///
    /// - Parameter reader: The fields.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    public init(_ reader: ConfigurationReader) throws {
        vectors = try TokenVectorOptions(reader, width: 300)
        hiddenSizes = try reader.extents("hidden_sizes", default: [256], most: 1 << 20)
        pooling = try reader.word("pooling", default: SequencePooling.mean)
        dropout = try reader.probability("dropout", default: 0.3)
        maxLength = try reader.extent("max_length", default: 1024)
    }

    /// The fields as they are written.
    public var fields: [(String, JSONValue)] {
        vectors.fields + [
            ("hidden_sizes", .array(hiddenSizes.map { .integer($0) })),
            ("pooling", .string(pooling.rawValue)), ("dropout", .number(dropout)),
            ("max_length", .integer(maxLength)),
        ]
    }

    /// Makes the network.
    ///
    /// - Parameter random: Where the draws come from; advances.
    /// - Returns: The network.
    public func makeEncoder(random: inout RandomSource) -> any TextEncoder {
        TextMLP(self, random: &random)
    }
}

/// Fully connected layers on the pooled vectors of a text's tokens.
///
/// Source: Iyyer et al., «Deep unordered composition rivals syntactic methods for text classification», 2015.
public final class TextMLP: TextEncoder {
    /// The token vectors.
    public let vectors: TokenVectors
    /// The layers.
    public let layers: [Linear]
    private let dropouts: [Dropout]
    private let configuration: TextMLPConfiguration

    /// Makes a network with initial weights.
    ///
    /// - Parameters:
    ///   - configuration: Sizes and choices.
    ///   - random: Where the draws come from; advances.
    public init(_ configuration: TextMLPConfiguration, random: inout RandomSource) {
        self.configuration = configuration
        vectors = TokenVectors(configuration.vectors, random: &random)
        var layers: [Linear] = []
        var width = configuration.vectors.width
        for next in configuration.hiddenSizes {
            layers.append(Linear(inputWidth: width, outputWidth: next, random: &random))
            width = next
        }
        self.layers = layers
        dropouts = layers.map { _ in Dropout(Float(configuration.dropout)) }
    }

    /// The width of the last layer.
    public var outputWidth: Int { configuration.hiddenSizes.last ?? configuration.vectors.width }
    /// The table of token vectors.
    public var tables: [Parameter] { [vectors.table.weight] }
    /// The table of token vectors.
    public var tokenTable: Embedding? { vectors.table }

    /// The last layer's values.
    ///
    /// - Parameter batch: The texts' tokens.
    /// - Returns: [B, D].
    public func callAsFunction(_ batch: TokenBatch) -> Tensor {
        var x = pooled(vectors(batch.idTensor), configuration.pooling, lengths: batch.lengthTensor)
        for (layer, dropout) in zip(layers, dropouts) { x = layer(dropout(x), activation: .relu) }
        return x
    }

    /// Floating-point operations of the layers.
    ///
    /// - Parameter length: The tokens of a text.
    /// - Returns: Operations per text.
    public func forwardFlops(length: Int) -> Double {
        layers.reduce(0) { $0 + 2 * Double($1.inputWidth * $1.outputWidth) }
    }
}
