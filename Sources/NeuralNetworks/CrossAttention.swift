import Foundation

/// The keys and values that a decoder attends to: made once for an encoder's output, read at every step.
public struct AttentionMemory: Sendable {
    /// The keys [B, S, K, E].
    public let keys: Tensor
    /// The values [B, S, K, E].
    public let values: Tensor
    /// Segments i32 [B, S], −1 for padding; nil when all positions are real.
    public let segments: Tensor?

    /// The memory of some rows.
    ///
    /// - Parameter rows: The rows' numbers.
    /// - Returns: Their keys and values.
    public func selecting(_ rows: [Int]) -> AttentionMemory {
        AttentionMemory(
            keys: keys.gathered(rows),
            values: values.gathered(rows),
            segments: segments?.gathered(rows)
        )
    }
}

/// Multi-head attention of a decoder's positions over an encoder's.
///
/// Source: Vaswani et al., 2017, section 3.2.3.
public final class CrossAttention: RandomizedModule {
    /// The projection of the queries [H·E, D].
    public let queryProjection: Linear
    /// The packed projection of the memory to [keys | values] [2K·E, memory's width].
    public let memoryProjection: Linear
    /// The projection back [D, H·E].
    public let outputProjection: Linear
    /// The number of query heads H.
    public let heads: Int
    /// The number of key/value heads K, which divides H.
    public let keyValueHeads: Int
    /// The width of a head E.
    public let headWidth: Int
    /// The probability of dropping an attention weight in training.
    public let dropout: Float
    /// The factor on the scores.
    public let scale: Float
    /// Whether attention weights are dropped.
    public var isTraining = false
    /// Where the dropout's draws begin.
    public var random = RandomSource(seed: 0)

    /// Makes an attention layer.
    ///
    /// Traps when K does not divide H or an extent is not positive.
    ///
    /// - Parameters:
    ///   - options: Sizes and options, as for self-attention.
    ///   - memoryWidth: The width of what is attended to; D when nil.
    ///   - random: Where the draws come from; advances.
    public init(
        _ options: SelfAttention.Options,
        memoryWidth: Int? = nil,
        random: inout RandomSource
    ) {
        options.check("CrossAttention")
        heads = options.heads
        keyValueHeads = options.keyValueHeads
        headWidth = options.headWidth
        dropout = options.dropout
        scale = options.scaleOrDefault
        queryProjection = Linear(
            inputWidth: options.width,
            outputWidth: heads * headWidth,
            hasBias: options.hasInputBias,
            initializer: options.inputInitializer,
            random: &random
        )
        memoryProjection = Linear(
            inputWidth: memoryWidth ?? options.width,
            outputWidth: 2 * keyValueHeads * headWidth,
            hasBias: options.hasInputBias,
            initializer: options.inputInitializer,
            random: &random
        )
        outputProjection = Linear(
            inputWidth: heads * headWidth,
            outputWidth: options.width,
            hasBias: options.hasOutputBias,
            initializer: options.outputInitializer,
            random: &random
        )
    }

    /// The keys and values of an encoder's output.
    ///
    /// Traps when the width is not the memory's.
    ///
    /// - Parameters:
    ///   - encoded: The encoder's output [B, S, memory's width].
    ///   - lengths: Its lengths i32 [B]; nil when all are S.
    /// - Returns: What ``callAsFunction(_:memory:)`` reads.
    public func memory(_ encoded: Tensor, lengths: Tensor? = nil) -> AttentionMemory {
        let (batch, positions) = (encoded.shape[0], encoded.shape[1])
        let parts = memoryProjection(encoded)
            .reshaped(batch, positions, 2 * keyValueHeads, headWidth)
            .split(axis: 2, [keyValueHeads, keyValueHeads])
        return AttentionMemory(
            keys: parts[0],
            values: parts[1],
            segments: lengths.map { sequenceSegments(lengths: $0, positions: positions) }
        )
    }

    /// Attends in x's dtype.
    ///
    /// Traps when shapes do not fit.
    ///
    /// - Parameters:
    ///   - x: The decoder's states [B, T, D].
    ///   - memory: Keys and values.
    /// - Returns: [B, T, D]; what a row adds is the output's bias alone when its memory has no real position.
    public func callAsFunction(_ x: Tensor, memory: AttentionMemory) -> Tensor {
        let (batch, positions) = (x.shape[0], x.shape[1])
        var options = AttentionOptions(scale: scale)
        if isTraining && dropout > 0 {
            options.dropout = dropout
            options.random = random
        }
        let segments = memory.segments.map { keys in
            AttentionSegments(
                queries: Tensor.full([batch, positions], 0, dtype: .i32, backend: x.backend),
                keys: keys
            )
        }
        let queries = queryProjection(x).reshaped(batch, positions, heads, headWidth)
        let mixed = attention(queries, memory.keys, memory.values, segments: segments, options: options)
        return outputProjection(mixed.reshaped(batch, positions, heads * headWidth))
    }

    /// The weights that the layer gives, without dropout; for looking at, since they take T×S values.
    ///
    /// Traps when shapes do not fit.
    ///
    /// - Parameters:
    ///   - x: The decoder's states [B, T, D].
    ///   - memory: Keys and values.
    /// - Returns: [B, H, T, S]: rows that sum to 1 over the real positions; zeros where there is none.
    public func weights(_ x: Tensor, memory: AttentionMemory) -> Tensor {
        let (batch, positions, sources) = (x.shape[0], x.shape[1], memory.keys.shape[1])
        let group = heads / keyValueHeads
        let queries = queryProjection(x).reshaped(batch, positions, heads, headWidth)
            .permuted([0, 2, 1, 3]).contiguous()
        // Every key head serves a group of query heads.
        let keys = memory.keys.permuted([0, 2, 3, 1]).contiguous()
            .reshaped(batch, keyValueHeads, 1, headWidth, sources)
            .expanded(to: [batch, keyValueHeads, group, headWidth, sources]).contiguous()
            .reshaped(batch, heads, headWidth, sources)
        let scores = matmul(queries, keys) * Double(scale)
        guard let segments = memory.segments else { return softmax(scores) }
        let nobody = Tensor(0, dtype: .i32, backend: x.backend)
        let visible = segments.reshaped(batch, 1, 1, sources).compared(.greaterOrEqual, to: nobody)
        return maskedSoftmax(scores, visible: visible)
    }
}

/// Attention with an addition to its scores: `softmax(q · kᵀ · scale + bias + mask) · v`, with the scores in memory.
///
/// A query that sees nothing gives zeros. Traps when shapes do not fit.
///
/// - Parameters:
///   - q: Queries [B, T, H, E].
///   - k: Keys [B, S, K, E], H a multiple of K.
///   - v: Values [B, S, K, E].
///   - bias: What is added to the scores of every row [H, T, S].
///   - segments: Which positions belong together, or nil for all.
///   - options: Scale, causality, dropout.
/// - Returns: [B, T, H, E].
public func biasedAttention(
    _ q: Tensor,
    _ k: Tensor,
    _ v: Tensor,
    bias: Tensor,
    segments: AttentionSegments? = nil,
    options: AttentionOptions
) -> Tensor {
    let (batch, targets, heads) = (q.shape[0], q.shape[1], q.shape[2])
    let (sources, groups) = (k.shape[1], k.shape[2])
    require(
        bias.shape == [heads, targets, sources] && k.shape == v.shape && heads % max(groups, 1) == 0,
        "biasedAttention: a bias \(bias.shape) for queries \(q.shape) and keys \(k.shape); [\(heads), \(targets), "
            + "\(sources)] is wanted"
    )
    let width = q.shape[3], repeats = heads / max(groups, 1)
    func perHead(_ x: Tensor) -> Tensor {
        let wide = x.reshaped(batch, sources, groups, 1, width)
            .expanded(to: [batch, sources, groups, repeats, width])
        return wide.reshaped(batch, sources, heads, width).transposed(1, 2).contiguous()
    }
    let keys = perHead(k), values = perHead(v)
    let queries = q.transposed(1, 2).contiguous()
    let scores = matmul(queries, keys.transposed()) * Double(options.scale) + bias.cast(to: q.dtype)
    var visible = Tensor.full([1, 1, targets, sources], 1, dtype: .u8, backend: q.backend)
    func positions(_ range: Range<Int>, _ shape: Shape) -> Tensor {
        Tensor(range.map { Int32($0) }, shape: shape, backend: q.backend)
    }
    if options.isCausal {
        let last = positions(options.queryOffset..<options.queryOffset + targets, [1, 1, targets, 1])
        visible = positions(0..<sources, [1, 1, 1, sources]).compared(.lessOrEqual, to: last)
    }
    let nothing = Tensor(0, dtype: .u8, backend: q.backend)
    if let segments {
        let (own, others) = (
            segments.queries.reshaped(batch, 1, targets, 1), segments.keys.reshaped(batch, 1, 1, sources)
        )
        let isReal = own.compared(.greaterOrEqual, to: Tensor(0, dtype: .i32, backend: q.backend))
        let same = select(own.compared(.equal, to: others), isReal, nothing)
        visible = select(same, visible, nothing)
    }
    var weights = maskedSoftmax(scores, visible: visible)
    if options.dropout > 0 {
        weights = dropout(weights, probability: options.dropout, random: options.random)
    }
    return matmul(weights, values).transposed(1, 2).contiguous()
}

/// Softmax over the last axis among visible elements; zeros elsewhere, and everywhere where nothing is visible.
///
/// Traps when the mask does not stretch to the scores.
///
/// - Parameters:
///   - scores: […, S].
///   - visible: u8, of a shape that stretches to the scores'.
/// - Returns: […, S] of the scores' dtype.
public func maskedSoftmax(_ scores: Tensor, visible: Tensor) -> Tensor {
    // Far below every score and finite in each dtype, so that a row without any visible element stays finite.
    let hidden = Tensor(-1e30, dtype: scores.dtype, backend: scores.backend)
    let zero = Tensor(0, dtype: scores.dtype, backend: scores.backend)
    return select(visible, softmax(select(visible, scores, hidden)), zero)
}

/// Relative position biases as in T5: one learned number for each head and bucket of distances.
///
/// Half of a direction's buckets are single distances, the others widen logarithmically up to `maxDistance`; all beyond
/// share the last. The parameter has the name and layout of the Transformers library's `relative_attention_bias`.
/// Source: Raffel et al., «Exploring the limits of transfer learning», 2020.
public final class RelativePositionBias: Module {
    /// The table [buckets, H].
    public let weight: Parameter
    /// Whether distances in both directions are told apart (encoders); else what follows has the bucket of distance 0.
    public let isBidirectional: Bool
    /// The distance from which on all share a bucket.
    public let maxDistance: Int

    /// Makes a table.
    ///
    /// Traps when an extent is not positive or a direction has fewer than two buckets.
    ///
    /// - Parameters:
    ///   - heads: The number of heads H.
    ///   - buckets: The number of buckets.
    ///   - maxDistance: The distance from which on all share a bucket.
    ///   - isBidirectional: Whether distances in both directions are told apart.
    ///   - initializer: How the table begins.
    ///   - random: Where the draws come from; advances.
    public init(
        heads: Int,
        buckets: Int = 32,
        maxDistance: Int = 128,
        isBidirectional: Bool,
        initializer: Initializer = .normal(standardDeviation: 0.02),
        random: inout RandomSource
    ) {
        let own = isBidirectional ? buckets / 2 : buckets
        require(
            heads > 0 && own > 1 && maxDistance > own / 2,
            "RelativePositionBias: \(heads) heads, \(buckets) buckets up to distance \(maxDistance) do not fit; a direction "
                + "needs at least 2 buckets and a distance beyond half of them"
        )
        weight = Parameter(initializer.tensor([buckets, heads], random: &random))
        self.isBidirectional = isBidirectional
        self.maxDistance = maxDistance
    }

    /// The bucket of a key seen from a query.
    ///
    /// - Parameter distance: The key's position minus the query's.
    /// - Returns: A row of the table.
    public func bucket(_ distance: Int) -> Int {
        var count = weight.shape[0]
        var first = 0
        var away = -distance
        if isBidirectional {
            count /= 2
            if distance > 0 { first = count }
            away = abs(distance)
        }
        away = max(away, 0)
        let exact = count / 2
        if away < exact { return first + away }
        // In f32, as the models that use the table were trained.
        let part = logf(Float(away) / Float(exact)) / logf(Float(maxDistance) / Float(exact))
        return first + min(exact + Int(part * Float(count - exact)), count - 1)
    }

    /// The biases of queries at `offset…` over keys at 0….
    ///
    /// - Parameters:
    ///   - queries: The number of queries T.
    ///   - keys: The number of keys S.
    ///   - offset: The position of the first query.
    /// - Returns: [H, T, S], f32 (f64 on the reference path).
    public func callAsFunction(queries: Int, keys: Int, offset: Int = 0) -> Tensor {
        let table = weight.tensor()
        var numbers: [Int32] = []
        numbers.reserveCapacity(queries * keys)
        for query in offset..<offset + queries {
            for key in 0..<keys { numbers.append(Int32(bucket(key - query))) }
        }
        let ids = Tensor(numbers, shape: [queries, keys], backend: table.backend)
        return embedding(ids, table: table).permuted([2, 0, 1]).contiguous()
    }
}
