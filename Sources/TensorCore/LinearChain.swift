/// A linear-chain conditional random field over label sequences of L labels.
///
/// A path y through a sequence of n positions scores `start[y₀] + Σ emissions[t, y_t] + Σ transitions[y_t, y_{t+1}] +
/// end[y_{n−1}]`. A sequence of length 0 has one path, of score 0. Scores are summed in double whatever the dtypes.
/// «Wide» stands for f64 when the emissions are and f32 otherwise.
///
/// Source: Lafferty, McCallum, Pereira, 2001.
public struct LinearChain {
    /// The emissions [B, T, L], contiguous.
    public var emissions: TensorView
    /// The transitions [L, L] from the row's label to the column's; contiguous.
    public var transitions: TensorView
    /// What paths that begin in a label score [L], or nil for zeros.
    public var start: TensorView?
    /// What paths that end in a label score [L], or nil for zeros.
    public var end: TensorView?
    /// The lengths i32 [B], each in 0...T; nil when all are T.
    public var lengths: TensorView?
    /// The right labels i32 [B, T], any beyond a length; nil for the partition alone.
    public var targets: TensorView?

    /// Describes a chain without start, end and lengths.
    public init(emissions: TensorView, transitions: TensorView, targets: TensorView? = nil) {
        self.emissions = emissions
        self.transitions = transitions
        self.targets = targets
    }
}

/// The gradients of `Σ weights[b] · losses[b]` for a ``LinearChain``; all are overwritten, those that are nil are not made.
public struct LinearChainGradient {
    /// The weights of the losses [B], wide.
    public var weights: TensorView
    /// The gradient of the emissions [B, T, L], of their dtype.
    public var emissions: TensorView?
    /// The gradient of the transitions [L, L], wide.
    public var transitions: TensorView?
    /// The gradient of the start [L], wide.
    public var start: TensorView?
    /// The gradient of the end [L], wide.
    public var end: TensorView?

    /// Describes gradients, none of them wanted yet.
    public init(weights: TensorView) { self.weights = weights }
}
