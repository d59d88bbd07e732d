import YuyanCheckpoints
import YuyanNeuralNetworks

/// How a table of token vectors begins.
public enum TableInitialization: String, Sendable, CaseIterable {
    /// Uniform within ±0.25, as in Kim's experiments.
    case uniform
    /// Normal with deviation 1, PyTorch's default.
    case normal
    /// Normal with deviation 0.02, as in Transformers.
    case small

    var initializer: Initializer {
        switch self {
        case .uniform: .uniform(bound: 0.25)
        case .normal: .normal(standardDeviation: 1)
        case .small: .normal(standardDeviation: 0.02)
        }
    }
}

/// The sizes and choices of a table of token vectors.
public struct TokenVectorOptions: Sendable, Hashable {
    /// The number of tokens V.
    public var vocabSize: Int
    /// The width of a vector D.
    public var width: Int
    /// How the table begins.
    public var initialization: TableInitialization
    /// The probability of dropping a value of a vector in training.
    public var dropout: Double
    /// The probability of dropping a whole token's vector in training.
    public var wordDropout: Double

    /// Reads the fields of a configuration.
    ///
    /// - Parameters:
    ///   - reader: The fields `vocab_size`, `embedding_dim`, `embedding_init`, `embedding_dropout`, `word_dropout`.
    ///   - width: The usual width.
    ///   - dropout: The usual dropout.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    public init(_ reader: ConfigurationReader, width: Int, dropout: Double = 0) throws {
        vocabSize = try reader.extent("vocab_size", default: reader.requiredInteger("vocab_size"))
        self.width = try reader.extent("embedding_dim", default: width)
        initialization = try reader.word("embedding_init", default: TableInitialization.uniform)
        self.dropout = try reader.probability("embedding_dropout", default: dropout)
        wordDropout = try reader.probability("word_dropout", default: 0)
    }

    /// The fields as they are written.
    public var fields: [(String, JSONValue)] {
        [
            ("vocab_size", .integer(vocabSize)), ("embedding_dim", .integer(width)),
            ("embedding_init", .string(initialization.rawValue)), ("embedding_dropout", .number(dropout)),
            ("word_dropout", .number(wordDropout)),
        ]
    }
}

/// A table of token vectors with dropout of values and of whole tokens.
///
/// Dropping whole tokens zeroes the same token at every place of a text. Source: Gal, Ghahramani, 2016, section 4.2;
/// here each place draws for itself.
public final class TokenVectors: Module {
    /// The table [V, D].
    public let table: Embedding
    private let values: Dropout
    private let words: Dropout

    /// Makes a table.
    ///
    /// - Parameters:
    ///   - options: Sizes and choices.
    ///   - random: Where the draws come from; advances.
    public init(_ options: TokenVectorOptions, random: inout RandomSource) {
        table = Embedding(
            count: options.vocabSize,
            width: options.width,
            initializer: options.initialization.initializer,
            random: &random
        )
        values = Dropout(Float(options.dropout))
        words = Dropout(Float(options.wordDropout))
    }

    /// The vectors of tokens.
    ///
    /// - Parameter ids: Token ids i32 [B, T].
    /// - Returns: [B, T, D].
    public func callAsFunction(_ ids: Tensor) -> Tensor {
        var vectors = values(table(ids))
        if words.isTraining, words.probability > 0 {
            let ones = Tensor.ones([ids.shape[0], ids.shape[1], 1], dtype: vectors.dtype)
            // Zeros without the scale of inverted dropout: a token is there as it is, or not at all.
            vectors = vectors * (words(ones) * Double(1 - words.probability))
        }
        return vectors
    }
}
