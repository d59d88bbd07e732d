/// Rotary position embeddings in the half-split layout of Llama: pair (i, i + E/2) is turned by position ·
/// frequency[i].
///
/// Source: Su et al., «RoFormer», 2021, equation 34.
public struct RotaryCall {
    /// The result [B, T, H, E]; strided with unit stride in E; in place allowed.
    public var out: TensorView
    /// The input [B, T, H, E]; strided with unit stride in E.
    public var x: TensorView
    /// Positions i32 [B, T].
    public var positions: TensorView
    /// Angles per position, f32 [E/2].
    public var frequencies: TensorView
    /// Whether to turn back (the gradient).
    public var inverse: Bool

    /// Describes a rotation.
    public init(
        out: TensorView,
        x: TensorView,
        positions: TensorView,
        frequencies: TensorView,
        inverse: Bool
    ) {
        self.out = out
        self.x = x
        self.positions = positions
        self.frequencies = frequencies
        self.inverse = inverse
    }
}

/// What attention may look at, and its scale.
public struct AttentionOptions: Sendable {
    /// The factor on the scores, usually 1/√E.
    public var scale: Float
    /// Whether position t sees only source positions ≤ t + `queryOffset`.
    public var isCausal: Bool
    /// The position of the first query among the keys (the length of a cache that precedes it).
    public var queryOffset: Int
    /// The probability of dropping an attention weight; 0 for none.
    public var dropout: Float
    /// The stream of the dropout: the weight of (b, h, t, s) uses word `position + ((b·H + h)·T + t)·S + s`.
    public var random: RandomSource

    /// Describes full (not causal) attention without dropout unless told otherwise.
    public init(
        scale: Float,
        isCausal: Bool = false,
        queryOffset: Int = 0,
        dropout: Float = 0,
        random: RandomSource = RandomSource(seed: 0)
    ) {
        self.scale = scale
        self.isCausal = isCausal
        self.queryOffset = queryOffset
        self.dropout = dropout
        self.random = random
    }
}

/// Scaled dot-product attention without a T×S matrix in memory (online softmax over tiles).
///
/// All of q, k, v and out are strided with unit stride in E and have one dtype. H is a multiple of K; query head h
/// reads key head h / (H / K). When segments are given, position (b, t) sees source (b, s) only where
/// `querySegments[b, t] = keySegments[b, s] ≥ 0`: this serves padding (−1) and packed documents alike. A query that
/// sees nothing gives zeros, with a log-sum-exp of −∞.
/// Source: Dao, «FlashAttention-2», 2023, algorithms 1 and 2.
public struct AttentionForward {
    /// The result [B, T, H, E].
    public var out: TensorView
    /// The log-sum-exp of the scores [B, H, T], f32 (f64 for f64); contiguous; nil when no backward pass follows.
    public var logSumExp: TensorView?
    /// The queries [B, T, H, E].
    public var q: TensorView
    /// The keys [B, S, K, E].
    public var k: TensorView
    /// The values [B, S, K, E].
    public var v: TensorView
    /// Segments of the queries i32 [B, T]; given together with `keySegments`.
    public var querySegments: TensorView?
    /// Segments of the keys i32 [B, S].
    public var keySegments: TensorView?
    /// Scale, causality, dropout.
    public var options: AttentionOptions

    /// Describes a forward pass without segments.
    public init(
        out: TensorView,
        logSumExp: TensorView?,
        q: TensorView,
        k: TensorView,
        v: TensorView,
        options: AttentionOptions
    ) {
        self.out = out
        self.logSumExp = logSumExp
        self.q = q
        self.k = k
        self.v = v
        self.options = options
    }
}

/// The gradient of ``AttentionForward``.
public struct AttentionBackward {
    /// The gradient of q [B, T, H, E]; overwritten; strided with unit stride in E.
    public var dq: TensorView
    /// The gradient of k [B, S, K, E]; overwritten; strided with unit stride in E.
    public var dk: TensorView
    /// The gradient of v [B, S, K, E]; overwritten; strided with unit stride in E.
    public var dv: TensorView
    /// The gradient of the result [B, T, H, E].
    public var dout: TensorView
    /// The forward pass with its outputs.
    public var forward: AttentionForward

    /// Describes a backward pass.
    public init(
        dq: TensorView,
        dk: TensorView,
        dv: TensorView,
        dout: TensorView,
        forward: AttentionForward
    ) {
        self.dq = dq
        self.dk = dk
        self.dv = dv
        self.dout = dout
        self.forward = forward
    }
}
