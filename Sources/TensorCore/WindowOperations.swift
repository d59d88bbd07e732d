/// The largest value of each of F features over the first rows of B sequences, and its first place.
///
/// NaN is larger than all. A sequence without rows has the value 0 and the place −1.
public struct RowMaxima {
    /// The values [B, F], f32 or f64; features side by side.
    public var values: TensorView
    /// The places i32 [B, F]; features side by side.
    public var places: TensorView
    /// The rows [B, N, F] of the values' dtype; those of a sequence one after the other, sequences at any distance.
    public var rows: TensorView
    /// Lengths i32 [B], each in 0...positions; nil when all rows count.
    public var lengths: TensorView?
    /// The length at which all N rows count; each less leaves out one row more at the end, and 0 all.
    public var positions = 0

    /// Describes maxima over all rows.
    public init(values: TensorView, places: TensorView, rows: TensorView) {
        self.values = values
        self.places = places
        self.rows = rows
    }
}

/// The gradients of filters over windows of K positions, of each of which the largest value over a sequence counts.
///
/// Window n of a sequence begins at its position `n − leading`; positions outside the sequence are zeros. «Wide» stands
/// for f64 when the source is and f32 otherwise.
public struct WindowMaximaGradient {
    /// The gradient of the largest values [B, F], wide; filters side by side.
    public var gradient: TensorView
    /// The windows that had them, i32 [B, F], −1 where there was none; filters side by side.
    public var places: TensorView
    /// The sequences [B, T, C], contiguous.
    public var source: TensorView
    /// The lengths i32 [B], each in 0...T; nil when all are T.
    public var lengths: TensorView?
    /// The filters [F, K, C] of the source's dtype, contiguous.
    public var weight: TensorView
    /// How many positions before a sequence its first window begins.
    public var leading = 0
    /// What the gradient of the source [B, T, C] is added to, wide; nil when it is not wanted.
    public var sourceGradient: TensorView?
    /// Where the gradient of the filters [F, K, C] is written, wide; nil when it is not wanted.
    public var weightGradient: TensorView?
    /// Where the sums of the gradient over the sequences that have a window are written [F], wide; nil when they are not
    /// wanted.
    public var biasGradient: TensorView?

    /// Describes gradients, none of them wanted yet.
    public init(gradient: TensorView, places: TensorView, source: TensorView, weight: TensorView) {
        self.gradient = gradient
        self.places = places
        self.source = source
        self.weight = weight
    }
}
