import YuyanCheckpoints
import YuyanNeuralNetworks

/// The sizes and choices of a ``DPCNN``.
public struct DPCNNConfiguration: TextEncoderConfiguration, Hashable {
    /// `dpcnn`.
    public static let modelTypes = ["dpcnn"]
    /// The table of token vectors.
    public let vectors: TokenVectorOptions
    /// The number of filters of every layer.
    public let numFilters: Int
    /// The number of blocks; each halves the length of a text.
    public let numBlocks: Int
    /// The most tokens of a text.
    public let maxLength: Int

    /// Reads the fields of a configuration.
    ///
    /// - Parameter reader: The fields.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    public init(_ reader: ConfigurationReader) throws {
        vectors = try TokenVectorOptions(reader, width: 300)
        numFilters = try reader.extent("num_filters", default: 128)
        numBlocks = try reader.extent("num_blocks", default: 4)
        guard numBlocks <= 32 else {
            throw ConfigurationError("num_blocks", "\(numBlocks) must lie in 1...32")
        }
        maxLength = try reader.extent("max_length", default: 512)
    }

    /// The fields as they are written.
    public var fields: [(String, JSONValue)] {
        vectors.fields + [
            ("num_filters", .integer(numFilters)), ("num_blocks", .integer(numBlocks)),
            ("max_length", .integer(maxLength)),
        ]
    }

    /// Makes the network.
    ///
    /// - Parameter random: Where the draws come from; advances.
    /// - Returns: The network.
    public func makeEncoder(random: inout RandomSource) -> any TextEncoder {
        DPCNN(self, random: &random)
    }
}

/// A deep pyramid of convolutions: blocks of two with a shortcut, each on half the length of the one before.
///
/// A region embedding and pre-activated convolutions of three positions; between blocks the largest of three positions at
/// every second one; at the end the largest value over the text. Source: Johnson, Zhang, «Deep pyramid convolutional
/// neural networks for text categorization», 2017.
public final class DPCNN: TextEncoder, MixedPrecisionModule {
    /// The token vectors.
    public let vectors: TokenVectors
    /// The embedding of regions of three tokens.
    public let region: Convolution1D
    /// The convolutions, two for each block.
    public let convolutions: [Convolution1D]
    /// The dtype of the convolutions.
    public var computeDType = DType.f32
    private let configuration: DPCNNConfiguration

    /// Makes a network with initial weights.
    ///
    /// - Parameters:
    ///   - configuration: Sizes and choices.
    ///   - random: Where the draws come from; advances.
    public init(_ configuration: DPCNNConfiguration, random: inout RandomSource) {
        self.configuration = configuration
        vectors = TokenVectors(configuration.vectors, random: &random)
        let window = WindowOptions(width: 3, leading: 1, trailing: 1)
        func layer(_ from: Int) -> Convolution1D {
            Convolution1D(
                inputWidth: from,
                outputWidth: configuration.numFilters,
                window: window,
                random: &random
            )
        }
        region = layer(configuration.vectors.width)
        var convolutions: [Convolution1D] = []
        for _ in 0..<2 * configuration.numBlocks { convolutions.append(layer(configuration.numFilters)) }
        self.convolutions = convolutions
    }

    /// The number of filters.
    public var outputWidth: Int { configuration.numFilters }
    /// The table of token vectors.
    public var tables: [Parameter] { [vectors.table.weight] }
    /// The table of token vectors.
    public var tokenTable: Embedding? { vectors.table }

    /// The largest value of each filter over each text.
    ///
    /// - Parameter batch: The texts' tokens.
    /// - Returns: [B, filters]; zeros for a text without tokens.
    public func callAsFunction(_ batch: TokenBatch) -> Tensor {
        var lengths = batch.lengths
        func own(_ x: Tensor) -> Tensor? { TokenBatch.lengthTensor(lengths, positions: x.shape[1]) }
        let given = vectors(batch.idTensor)
        var x = region(given.cast(to: productDType(for: given.dtype)), lengths: own(given))
        let halving = WindowOptions(width: 3, stride: 2, trailing: 2)
        for block in 0..<configuration.numBlocks {
            if block > 0 {
                // Every text goes through all blocks, however short, so that others in the batch change nothing.
                x = maxPool1D(masked(x, lengths: own(x), filling: -Self.far), halving)
                lengths = lengths.map { ($0 + 1) / 2 }
                x = x.slice(axis: 1, 0..<max(lengths.max() ?? 1, 1)).contiguous()
                x = masked(x, lengths: own(x))
            }
            let (first, second) = (convolutions[2 * block], convolutions[2 * block + 1])
            let middle = first(relu(x), lengths: own(x), activation: .relu)
            x = x + second(middle, lengths: own(x))
        }
        return pooled(x, .max, lengths: own(x)).cast(to: given.dtype)
    }

    /// Less than any value that a layer gives.
    private static let far = 1e30

    /// Floating-point operations of the convolutions.
    ///
    /// - Parameter length: The tokens of a text.
    /// - Returns: Operations per text.
    public func forwardFlops(length: Int) -> Double {
        let filters = configuration.numFilters
        var sum = 2 * Double(length * 3 * configuration.vectors.width * filters)
        for block in 0..<configuration.numBlocks {
            sum += 4 * Double(max(length >> block, 1) * 3 * filters * filters)
        }
        return sum
    }
}
