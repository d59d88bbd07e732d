import YuyanCheckpoints
import YuyanNeuralNetworks

/// The sizes and choices of a ``BagOfEmbeddings``.
public struct BagOfEmbeddingsConfiguration: TextEncoderConfiguration, Hashable {
    /// `bag-of-embeddings`.
    public static let modelTypes = ["bag-of-embeddings"]
    /// The table of token vectors.
    public let vectors: TokenVectorOptions
    /// The longest sequence of tokens that has a vector of its own.
    public let maxNGram: Int
    /// The number of vectors that sequences of two and more tokens share by their hash.
    public let buckets: Int
    /// How the vectors of a text become one.
    public let pooling: SequencePooling
    /// The most tokens of a text.
    public let maxLength: Int

    /// Reads the fields of a configuration.
    ///
    /// - Parameter reader: The fields.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    public init(_ reader: ConfigurationReader) throws {
        vectors = try TokenVectorOptions(reader, width: 64)
        maxNGram = try reader.extent("max_ngram", default: 2)
        guard maxNGram <= 8 else { throw ConfigurationError("max_ngram", "\(maxNGram) must lie in 1...8") }
        buckets = try reader.extent("buckets", default: 1 << 16)
        guard vectors.vocabSize + buckets <= 1 << 28 else {
            throw ConfigurationError("buckets", "\(buckets) must leave room for the tokens below \(1 << 28)")
        }
        pooling = try reader.word("pooling", default: SequencePooling.mean)
        maxLength = try reader.extent("max_length", default: 1024)
    }

    /// The fields as they are written.
    public var fields: [(String, JSONValue)] {
        vectors.fields + [
            ("max_ngram", .integer(maxNGram)), ("buckets", .integer(buckets)),
            ("pooling", .string(pooling.rawValue)), ("max_length", .integer(maxLength)),
        ]
    }

    /// Makes the network.
    ///
    /// - Parameter random: Where the draws come from; advances.
    /// - Returns: The network.
    public func makeEncoder(random: inout RandomSource) -> any TextEncoder {
        BagOfEmbeddings(self, random: &random)
    }
}

/// The mean of the vectors of a text's tokens and of the hashes of its n-grams.
///
/// Source: Joulin et al., «Bag of tricks for efficient text classification», 2017.
public final class BagOfEmbeddings: TextEncoder {
    /// The vectors: those of the tokens, then those of the buckets.
    public let bag: EmbeddingBag
    private let wordDropout: Dropout
    private let valueDropout: Dropout
    private let configuration: BagOfEmbeddingsConfiguration

    /// Makes a network with initial weights.
    ///
    /// - Parameters:
    ///   - configuration: Sizes and choices.
    ///   - random: Where the draws come from; advances.
    public init(_ configuration: BagOfEmbeddingsConfiguration, random: inout RandomSource) {
        self.configuration = configuration
        let buckets = configuration.maxNGram > 1 ? configuration.buckets : 0
        bag = EmbeddingBag(
            count: configuration.vectors.vocabSize + buckets,
            width: configuration.vectors.width,
            pooling: configuration.pooling,
            initializer: configuration.vectors.initialization.initializer,
            random: &random
        )
        wordDropout = Dropout(Float(configuration.vectors.wordDropout))
        valueDropout = Dropout(Float(configuration.vectors.dropout))
    }

    /// The width of a vector.
    public var outputWidth: Int { configuration.vectors.width }
    /// The table.
    public var tables: [Parameter] { [bag.weight] }

    /// The text's vectors pooled.
    ///
    /// - Parameter batch: The texts' tokens.
    /// - Returns: [B, D]; zeros for a text without tokens.
    public func callAsFunction(_ batch: TokenBatch) -> Tensor {
        let bags = TokenBatch((0..<batch.rows).map { members(batch, $0) })
        return valueDropout(bag(bags.idTensor, lengths: bags.lengthTensor))
    }

    /// Sums are no products.
    ///
    /// - Parameter length: The tokens of a text.
    /// - Returns: 0.
    public func forwardFlops(length: Int) -> Double { 0 }

    /// The rows of the table that a text is made of; in training some may be left out.
    private func members(_ batch: TokenBatch, _ row: Int) -> [Int32] {
        let start = row * batch.length
        let tokens = batch.ids[start..<start + batch.lengths[row]]
        var members = Array(tokens)
        if configuration.maxNGram > 1 {
            for first in tokens.indices {
                var hash = UInt64(0xCBF2_9CE4_8422_2325)
                for place in first..<min(first + configuration.maxNGram, tokens.endIndex) {
                    hash = (hash ^ UInt64(UInt32(bitPattern: tokens[place]))) &* 0x9E37_79B9_7F4A_7C15
                    hash ^= hash >> 29
                    if place == first { continue }
                    let bucket = Int(hash % UInt64(configuration.buckets))
                    members.append(Int32(configuration.vectors.vocabSize + bucket))
                }
            }
        }
        guard wordDropout.isTraining, wordDropout.probability > 0 else { return members }
        var source = wordDropout.random.advanced(by: row << 20)
        let kept = members.filter { _ in source.nextDouble() >= Double(wordDropout.probability) }
        return kept.isEmpty ? members : kept
    }
}
