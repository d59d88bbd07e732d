/// How a score is made of a query and a key.
public enum ScoreKind: String, Sendable, CaseIterable {
    /// `v · tanh(W q + U k)`. Source: Bahdanau, Cho, Bengio, 2015.
    case additive
    /// `q · k`. Source: Luong, Pham, Manning, 2015.
    case dot
    /// `q · W k`. Source: Luong, Pham, Manning, 2015.
    case general
    /// `q · k / √D`. Source: Vaswani et al., 2017.
    case scaledDot
}

/// The keys and values of a ``SequenceAttention``, made ready once for many queries.
public struct SequenceKeys: Sendable {
    /// What scores are made with [B, S, …].
    let scored: Tensor
    /// What is averaged [B, S, …].
    let values: Tensor
    /// u8 [B, 1, S]: which positions are real; nil when all are.
    let visible: Tensor?

    /// The number of rows B.
    public var count: Int { values.shape[0] }

    /// The keys and values of some rows.
    ///
    /// - Parameter rows: The rows' numbers.
    /// - Returns: Their keys and values.
    public func selecting(_ rows: [Int]) -> SequenceKeys {
        SequenceKeys(
            scored: scored.gathered(rows),
            values: values.gathered(rows),
            visible: visible?.gathered(rows)
        )
    }
}

/// Attention with one head of a decoder's states over an encoder's, as recurrent sequence-to-sequence models use it.
public final class SequenceAttention: Module {
    /// How scores are made.
    public let kind: ScoreKind
    /// W: of the queries [A, queries' width] for additive, of the keys [queries' width, keys' width] for general scores.
    public let queryProjection: Linear?
    /// U [A, keys' width] for additive scores.
    public let keyProjection: Linear?
    /// v [1, A] for additive scores.
    public let score: Linear?

    /// Makes an attention.
    ///
    /// Traps when an extent is not positive, or the widths differ where scores are plain products.
    ///
    /// - Parameters:
    ///   - kind: How scores are made.
    ///   - queryWidth: The width of the queries.
    ///   - keyWidth: The width of the keys.
    ///   - innerWidth: The width A for additive scores; the queries' when nil.
    ///   - random: Where the draws come from; advances.
    public init(
        _ kind: ScoreKind,
        queryWidth: Int,
        keyWidth: Int,
        innerWidth: Int? = nil,
        random: inout RandomSource
    ) {
        require(
            queryWidth == keyWidth || kind == .additive || kind == .general,
            "SequenceAttention: \(kind) scores of queries of width \(queryWidth) and keys of width \(keyWidth); they must be "
                + "equal, or take .general"
        )
        let inner = innerWidth ?? queryWidth
        func linear(_ from: Int, _ to: Int, hasBias: Bool) -> Linear {
            Linear(inputWidth: from, outputWidth: to, hasBias: hasBias, random: &random)
        }
        self.kind = kind
        switch kind {
        case .additive:
            queryProjection = linear(queryWidth, inner, hasBias: true)
            keyProjection = linear(keyWidth, inner, hasBias: false)
            score = linear(inner, 1, hasBias: false)
        case .general:
            queryProjection = linear(keyWidth, queryWidth, hasBias: false)
            (keyProjection, score) = (nil, nil)
        case .dot, .scaledDot: (queryProjection, keyProjection, score) = (nil, nil, nil)
        }
    }

    /// The weights of the keys for each query.
    ///
    /// Traps when shapes do not fit.
    ///
    /// - Parameters:
    ///   - queries: The decoder's states [B, T, queries' width].
    ///   - keys: The encoder's states [B, S, keys' width].
    ///   - lengths: The keys' lengths i32 [B]; nil when all are S.
    /// - Returns: [B, T, S]: rows that sum to 1 over the real keys; zeros where there is none.
    public func weights(queries: Tensor, keys: Tensor, lengths: Tensor? = nil) -> Tensor {
        weights(queries: queries, over: self.keys(keys, lengths: lengths))
    }

    /// Makes keys ready: what depends on them alone is computed here and not for every query.
    ///
    /// Traps when shapes do not fit.
    ///
    /// - Parameters:
    ///   - keys: The encoder's states [B, S, keys' width].
    ///   - values: What is averaged [B, S, …]; the keys when nil.
    ///   - lengths: The keys' lengths i32 [B]; nil when all are S.
    /// - Returns: What queries are compared with.
    public func keys(_ keys: Tensor, values: Tensor? = nil, lengths: Tensor? = nil) -> SequenceKeys {
        require(keys.rank == 3, "SequenceAttention: keys \(keys.shape); [B, S, …] are wanted")
        let scored =
            switch kind {
            case .additive: keyProjection.map { $0(keys) } ?? keys
            case .general: queryProjection.map { $0(keys) } ?? keys
            case .dot, .scaledDot: keys.contiguous()
            }
        let visible = lengths.map { lengths in
            sequenceMask(lengths: lengths, positions: keys.shape[1])
                .reshaped(keys.shape[0], 1, keys.shape[1])
        }
        return SequenceKeys(scored: scored, values: (values ?? keys).contiguous(), visible: visible)
    }

    /// The weights of keys that were made ready, for each query.
    ///
    /// Traps when shapes do not fit.
    ///
    /// - Parameters:
    ///   - queries: The decoder's states [B, T, queries' width].
    ///   - keys: The keys.
    /// - Returns: [B, T, S]: rows that sum to 1 over the real keys; zeros where there is none.
    public func weights(queries: Tensor, over keys: SequenceKeys) -> Tensor {
        require(
            queries.rank == 3 && queries.shape[0] == keys.scored.shape[0],
            "SequenceAttention: queries \(queries.shape) and keys \(keys.scored.shape); [B, T, …] and [B, S, …] are wanted"
        )
        let scores = scores(queries, keys.scored)
        return keys.visible.map { maskedSoftmax(scores, visible: $0) } ?? softmax(scores)
    }

    /// The values' mean by the weights of each query: the context vectors.
    ///
    /// Traps when shapes do not fit.
    ///
    /// - Parameters:
    ///   - queries: The decoder's states [B, T, queries' width].
    ///   - keys: Keys and values that were made ready.
    /// - Returns: [B, T, values' width].
    public func callAsFunction(queries: Tensor, over keys: SequenceKeys) -> Tensor {
        matmul(weights(queries: queries, over: keys), keys.values)
    }

    /// The keys' mean by the weights of each query: the context vectors.
    ///
    /// Traps when shapes do not fit.
    ///
    /// - Parameters:
    ///   - queries: The decoder's states [B, T, queries' width].
    ///   - keys: The encoder's states [B, S, keys' width].
    ///   - values: What is averaged [B, S, …]; the keys when nil.
    ///   - lengths: The keys' lengths i32 [B]; nil when all are S.
    /// - Returns: [B, T, values' width].
    public func callAsFunction(
        queries: Tensor,
        keys: Tensor,
        values: Tensor? = nil,
        lengths: Tensor? = nil
    ) -> Tensor {
        self(queries: queries, over: self.keys(keys, values: values, lengths: lengths))
    }

    private func scores(_ queries: Tensor, _ scored: Tensor) -> Tensor {
        let (batch, targets, sources) = (queries.shape[0], queries.shape[1], scored.shape[1])
        switch kind {
        case .additive:
            guard let queryProjection, let score else { return queries }
            let inner = queryProjection.outputWidth
            let sum =
                queryProjection(queries).reshaped(batch, targets, 1, inner)
                + scored.reshaped(batch, 1, sources, inner)
            return score(tanh(sum)).reshaped(batch, targets, sources)
        case .general, .dot: return matmul(queries.contiguous(), scored.transposed())
        case .scaledDot:
            let factor = 1 / Double(scored.shape[2]).squareRoot()
            return matmul(queries.contiguous(), scored.transposed()) * factor
        }
    }
}

/// Self-attentive pooling: learned queries weigh the positions of a sequence, so that it becomes one vector (or several).
///
/// Additive scores `V tanh(W h + b)` give each of `heads` learned queries its own weights over the positions.
/// Sources: Yang et al., «Hierarchical attention networks», 2016 (one query); Lin et al., «A structured self-attentive
/// sentence embedding», 2017 (several).
public final class AttentionPooling: Module {
    /// W with its bias [A, D].
    public let projection: Linear
    /// The learned queries V [queries, A].
    public let queries: Linear

    /// Makes a pooling.
    ///
    /// Traps when an extent is not positive.
    ///
    /// - Parameters:
    ///   - width: The width of the states D.
    ///   - innerWidth: The width A of the scores' inner layer.
    ///   - queries: The number of learned queries.
    ///   - random: Where the draws come from; advances.
    public init(width: Int, innerWidth: Int, queries: Int = 1, random: inout RandomSource) {
        projection = Linear(inputWidth: width, outputWidth: innerWidth, random: &random)
        self.queries = Linear(
            inputWidth: innerWidth,
            outputWidth: queries,
            hasBias: false,
            random: &random
        )
    }

    /// The weights of the positions.
    ///
    /// Traps when shapes do not fit.
    ///
    /// - Parameters:
    ///   - x: States [B, T, D].
    ///   - lengths: The lengths i32 [B]; nil when all are T.
    /// - Returns: [B, queries, T]: rows that sum to 1 over the real positions; zeros for a sequence of length 0.
    public func weights(_ x: Tensor, lengths: Tensor? = nil) -> Tensor {
        require(x.rank == 3, "AttentionPooling: \(x.shape) is no batch of sequences [B, T, D]")
        let scores = queries(projection(x, activation: .tanh)).transposed().contiguous()
        guard let lengths else { return softmax(scores) }
        let mask = sequenceMask(lengths: lengths, positions: x.shape[1])
        return maskedSoftmax(scores, visible: mask.reshaped(x.shape[0], 1, x.shape[1]))
    }

    /// The states' means by the weights of each query.
    ///
    /// Traps when shapes do not fit.
    ///
    /// - Parameters:
    ///   - x: States [B, T, D].
    ///   - lengths: The lengths i32 [B]; nil when all are T.
    /// - Returns: [B, queries · D].
    public func callAsFunction(_ x: Tensor, lengths: Tensor? = nil) -> Tensor {
        let mixed = matmul(weights(x, lengths: lengths), x.contiguous())
        return mixed.reshaped(x.shape[0], queries.outputWidth * x.shape[2])
    }
}
