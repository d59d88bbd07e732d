import YuyanCheckpoints
import YuyanNeuralNetworks

/// The sizes and choices of a ``TextCNN``.
public struct TextCNNConfiguration: TextEncoderConfiguration, Hashable {
    /// `text-cnn`.
    public static let modelTypes = ["text-cnn"]
    /// The table of token vectors.
    public let vectors: TokenVectorOptions
    /// The widths of the windows, in tokens.
    public let kernelSizes: [Int]
    /// The number of filters of each width.
    public let numFilters: Int
    /// The most tokens of a text.
    public let maxLength: Int

    /// Reads the fields of a configuration.
    ///
    /// - Parameter reader: The fields.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    public init(_ reader: ConfigurationReader) throws {
        vectors = try TokenVectorOptions(reader, width: 300)
        kernelSizes = try reader.extents("kernel_sizes", default: [3, 4, 5], most: 1024)
        guard !kernelSizes.isEmpty else { throw ConfigurationError("kernel_sizes", "at least one is needed") }
        numFilters = try reader.extent("num_filters", default: 100)
        maxLength = try reader.extent("max_length", default: 512)
    }

    /// The fields as they are written.
    public var fields: [(String, JSONValue)] {
        vectors.fields + [
            ("kernel_sizes", .array(kernelSizes.map { .integer($0) })),
            ("num_filters", .integer(numFilters)), ("max_length", .integer(maxLength)),
        ]
    }

    /// Makes the network.
    ///
    /// - Parameter random: Where the draws come from; advances.
    /// - Returns: The network.
    public func makeEncoder(random: inout RandomSource) -> any TextEncoder {
        TextCNN(self, random: &random)
    }
}

/// Filters over windows of several widths, each with its largest value over the text.
///
/// Windows may reach over both ends of a text, so that a text shorter than a window has one, and padding changes nothing.
/// The convolutions compute in ``computeDType``.
/// Source: Kim, «Convolutional neural networks for sentence classification», 2014.
public final class TextCNN: TextEncoder, MixedPrecisionModule {
    /// The token vectors.
    public let vectors: TokenVectors
    /// The filters of each width.
    public let convolutions: [Convolution1D]
    /// The dtype of the convolutions.
    public var computeDType = DType.f32
    private let configuration: TextCNNConfiguration

    /// Makes a network with initial weights.
    ///
    /// - Parameters:
    ///   - configuration: Sizes and choices.
    ///   - random: Where the draws come from; advances.
    public init(_ configuration: TextCNNConfiguration, random: inout RandomSource) {
        self.configuration = configuration
        vectors = TokenVectors(configuration.vectors, random: &random)
        var convolutions: [Convolution1D] = []
        for width in configuration.kernelSizes {
            convolutions.append(
                Convolution1D(
                    inputWidth: configuration.vectors.width,
                    outputWidth: configuration.numFilters,
                    window: WindowOptions(width: width, leading: width - 1, trailing: width - 1),
                    random: &random
                )
            )
        }
        self.convolutions = convolutions
    }

    /// The number of filters of all widths.
    public var outputWidth: Int { configuration.kernelSizes.count * configuration.numFilters }
    /// The table of token vectors.
    public var tables: [Parameter] { [vectors.table.weight] }
    /// The table of token vectors.
    public var tokenTable: Embedding? { vectors.table }

    /// The largest value of each filter over each text.
    ///
    /// - Parameter batch: The texts' tokens.
    /// - Returns: [B, widths · filters].
    public func callAsFunction(_ batch: TokenBatch) -> Tensor {
        let given = vectors(batch.idTensor)
        let x = given.cast(to: productDType(for: given.dtype))
        // ReLU is monotonic: the largest value may be taken first.
        let largest = windowMaxima(
            x,
            filters: convolutions.map { $0.filters(as: x.dtype) },
            lengths: batch.lengthTensor
        )
        return relu(largest).cast(to: given.dtype)
    }

    /// Floating-point operations of the convolutions.
    ///
    /// - Parameter length: The tokens of a text.
    /// - Returns: Operations per text.
    public func forwardFlops(length: Int) -> Double {
        configuration.kernelSizes.reduce(0) { sum, width in
            sum + 2
                * Double(
                    (length + width - 1) * width * configuration.vectors.width * configuration.numFilters
                )
        }
    }

    /// Those of the convolutions, and of the one window of each filter that has gradients.
    ///
    /// - Parameter length: The tokens of a text.
    /// - Returns: Operations per text.
    public func trainingFlops(length: Int) -> Double {
        let window = configuration.vectors.width * configuration.numFilters
        return forwardFlops(length: length)
            + configuration.kernelSizes.reduce(0) { $0 + 4 * Double($1 * window) }
    }
}
