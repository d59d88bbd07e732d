/// A table of rows: token ids, positions or categories become vectors.
public final class Embedding: Module {
    /// The table [V, D].
    public let weight: Parameter
    /// What stands in place of the rows that are looked up, of the ids' shape and the table's width: attributions
    /// differentiate by it.
    public var substitute: Parameter?

    /// Makes a table.
    ///
    /// Traps when an extent is not positive.
    ///
    /// - Parameters:
    ///   - count: The number of rows V.
    ///   - width: The width of a row D.
    ///   - initializer: How the table begins.
    ///   - random: Where the draws come from; advances.
    public init(
        count: Int,
        width: Int,
        initializer: Initializer = .normal(standardDeviation: 1),
        random: inout RandomSource
    ) {
        require(count > 0 && width > 0, "Embedding: the extents \(count) × \(width) must be positive")
        weight = Parameter(initializer.tensor([count, width], random: &random))
    }

    /// The number of rows.
    public var count: Int { weight.shape[0] }
    /// The width of a row.
    public var width: Int { weight.shape[1] }

    /// The rows of the given numbers.
    ///
    /// Traps when an id lies outside 0..<V, or a substitute has another shape.
    ///
    /// - Parameters:
    ///   - ids: Row numbers i32 of any shape […].
    ///   - outputDType: The result's dtype; the table's when nil.
    /// - Returns: […, D].
    public func callAsFunction(_ ids: Tensor, outputDType: DType? = nil) -> Tensor {
        if let substitute {
            let wanted = Shape(ids.shape.dimensions + [width])
            require(
                substitute.shape == wanted,
                "Embedding: the substitute is \(substitute.shape), the rows of \(ids.shape) ids are \(wanted)"
            )
            return substitute.tensor(as: outputDType)
        }
        return embedding(ids, table: weight.tensor(), outputDType: outputDType)
    }
}

/// Inverted dropout, active in training only.
public final class Dropout: RandomizedModule {
    /// The probability that an element becomes zero.
    public let probability: Float
    /// Whether elements are dropped at all.
    public var isTraining = false
    /// Where the draws begin.
    public var random = RandomSource(seed: 0)

    /// Makes a dropout.
    ///
    /// Traps when the probability lies outside 0..<1.
    ///
    /// - Parameter probability: The probability that an element becomes zero.
    public init(_ probability: Float) {
        require(
            probability >= 0 && probability < 1,
            "Dropout: the probability \(probability) must lie in 0..<1"
        )
        self.probability = probability
    }

    /// The tensor with elements dropped and the others scaled; the tensor itself outside training.
    ///
    /// - Parameter x: Any floating-point tensor.
    /// - Returns: A tensor of the same shape and dtype.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        isTraining && probability > 0 ? dropout(x, probability: probability, random: random) : x
    }
}

/// Bags of rows of a table: the sum or mean of the rows of a sequence's ids, for classifiers on bags of words.
///
/// The parameter has the name and layout of `nn.EmbeddingBag`. Source: Joulin et al., «Bag of tricks for efficient text
/// classification», 2017.
public final class EmbeddingBag: Module {
    /// The table [V, D].
    public let weight: Parameter
    /// How the rows of a sequence become one vector.
    public let pooling: SequencePooling

    /// Makes a table.
    ///
    /// Traps when an extent is not positive.
    ///
    /// - Parameters:
    ///   - count: The number of rows V.
    ///   - width: The width of a row D.
    ///   - pooling: How the rows of a sequence become one vector.
    ///   - initializer: How the table begins.
    ///   - random: Where the draws come from; advances.
    public init(
        count: Int,
        width: Int,
        pooling: SequencePooling = .mean,
        initializer: Initializer = .normal(standardDeviation: 1),
        random: inout RandomSource
    ) {
        require(count > 0 && width > 0, "EmbeddingBag: the extents \(count) × \(width) must be positive")
        weight = Parameter(initializer.tensor([count, width], random: &random))
        self.pooling = pooling
    }

    /// One vector for each sequence of ids; zeros for a sequence of length 0.
    ///
    /// Ids beyond a length are read but do not count: they must be row numbers all the same. Traps when an id lies
    /// outside 0..<V or shapes do not fit.
    ///
    /// - Parameters:
    ///   - ids: Row numbers i32 [B, T].
    ///   - lengths: The lengths i32 [B]; nil when all are T.
    /// - Returns: [B, D] of the table's dtype.
    public func callAsFunction(_ ids: Tensor, lengths: Tensor? = nil) -> Tensor {
        require(ids.rank == 2, "EmbeddingBag: ids \(ids.shape) are no batch of sequences [B, T]")
        return pooled(embedding(ids, table: weight.tensor()), pooling, lengths: lengths)
    }
}
