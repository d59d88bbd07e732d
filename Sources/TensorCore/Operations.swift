/// Functions of one value.
public enum UnaryOperation: String, Sendable, CaseIterable {
    /// −x
    case negate
    /// |x|; the derivative at 0 is 0.
    case absolute
    /// eˣ
    case exp
    /// The natural logarithm.
    case log
    /// √x
    case sqrt
    /// 1/√x
    case reciprocalSqrt
    /// 1/x
    case reciprocal
    /// x²
    case square
    /// sin x
    case sin
    /// cos x
    case cos
    /// tanh x
    case tanh
    /// 1/(1 + e⁻ˣ)
    case sigmoid
    /// max(x, 0); the derivative at 0 is 0.
    case relu
    /// x · Φ(x) with the Gaussian distribution function Φ (erf form).
    case gelu
    /// GELU by its tanh approximation (GPT-2's `gelu_new`).
    case geluTanh
    /// x · sigmoid(x)
    case silu
    /// log(1 + eˣ), stable for large |x|.
    case softplus
    /// The sign: −1, 0 or 1; its derivative is 0.
    case sign
    /// The error function.
    case erf
}

/// Activations that a matrix product applies in its epilogue.
public enum Activation: String, Sendable, CaseIterable {
    /// No activation.
    case identity
    /// max(x, 0)
    case relu
    /// x · Φ(x), erf form.
    case gelu
    /// GELU by its tanh approximation.
    case geluTanh
    /// x · sigmoid(x)
    case silu
    /// tanh x
    case tanh
    /// 1/(1 + e⁻ˣ)
    case sigmoid

    /// The same function as an operation of its own; nil for `identity`.
    public var unaryOperation: UnaryOperation? {
        switch self {
        case .identity: nil
        case .relu: .relu
        case .gelu: .gelu
        case .geluTanh: .geluTanh
        case .silu: .silu
        case .tanh: .tanh
        case .sigmoid: .sigmoid
        }
    }
}

/// Functions of two values.
public enum BinaryOperation: String, Sendable, CaseIterable {
    /// a + b
    case add
    /// a − b
    case subtract
    /// a · b
    case multiply
    /// a / b
    case divide
    /// The larger of the two; NaN when either is.
    case maximum
    /// The smaller of the two; NaN when either is.
    case minimum
    /// a to the power b
    case power
}

/// Comparisons, whose results are 0 or 1.
public enum Comparison: String, Sendable, CaseIterable {
    /// a = b
    case equal
    /// a ≠ b
    case notEqual
    /// a < b
    case less
    /// a ≤ b
    case lessOrEqual
    /// a > b
    case greater
    /// a ≥ b
    case greaterOrEqual
}

/// Reductions of an axis.
public enum Reduction: String, Sendable, CaseIterable {
    /// The sum.
    case sum
    /// The arithmetic mean.
    case mean
    /// The largest value.
    case max
    /// The smallest value.
    case min
}

/// `c = [c +] residual + activation(alpha · a · b + bias)`.
///
/// Views of rank 2 are one product; views of rank 3 are a batch of them over the first axis. `a` is [M, K], `b` is
/// [K, N], `c` is [M, N]; each may be stored either way round: one of its two matrix strides is 1, and a view with
/// strides (1, M) is a transposed one. a and b have one floating dtype; c may be f32 when they are bf16.
public struct MatrixProduct {
    /// The result [M, N] or [B, M, N], rows of unit stride.
    public var c: TensorView
    /// The left factor [M, K] or [B, M, K].
    public var a: TensorView
    /// The right factor [K, N] or [B, K, N].
    public var b: TensorView
    /// A factor on the product.
    public var alpha: Float = 1
    /// Whether the result is added to what `c` holds.
    public var accumulate = false
    /// A row [N] added to each row of the product; any floating dtype.
    public var bias: TensorView?
    /// The activation after the bias.
    public var activation = Activation.identity
    /// Where to keep alpha · a · b + bias for the backward pass; like `c`.
    public var preActivation: TensorView?
    /// A matrix like `c` (its dtype may differ) added after the activation; may be `c` itself.
    public var residual: TensorView?
    /// Pre-activations, like `c`: the product is multiplied by the activation's slope there, as the backward pass of
    /// an activation wants it, instead of going through the activation.
    public var slopeAt: TensorView?
    /// Where the activation of `slopeAt` is written; like `c`.
    public var activated: TensorView?

    /// Describes a product.
    public init(c: TensorView, a: TensorView, b: TensorView) {
        self.c = c
        self.a = a
        self.b = b
    }
}

/// Rows normalised to `y = normalised · weight [+ bias]`, with an optional sum before.
///
/// With a residual r: `sum = x + r` is written to `sum` and normalised instead of x. Statistics are f32 (f64 for f64).
/// Layer norm: (v − mean) · rstd with rstd = 1/√(variance + ε); RMS norm (`mean` is nil): v · 1/√(mean(v²) + ε).
public struct NormalizationForward {
    /// The result [N, D]; its dtype may differ from x's.
    public var y: TensorView
    /// The means [N] for layer norm, nil for RMS norm.
    public var mean: TensorView?
    /// The reciprocal deviations [N].
    public var rstd: TensorView
    /// The input [N, D].
    public var x: TensorView
    /// What is added to x first [N, D]; its dtype may differ.
    public var residual: TensorView?
    /// Where x + residual is written [N, D]; given exactly when `residual` is; any floating dtype.
    public var sum: TensorView?
    /// The scale [D], or nil for 1.
    public var weight: TensorView?
    /// The shift [D], or nil for 0.
    public var bias: TensorView?
    /// The constant under the root.
    public var epsilon: Float

    /// Describes a forward pass without residual.
    public init(
        y: TensorView,
        mean: TensorView?,
        rstd: TensorView,
        x: TensorView,
        weight: TensorView?,
        bias: TensorView?,
        epsilon: Float
    ) {
        self.y = y
        self.mean = mean
        self.rstd = rstd
        self.x = x
        self.weight = weight
        self.bias = bias
        self.epsilon = epsilon
    }
}

/// The gradient of ``NormalizationForward``; the same for x and the residual.
public struct NormalizationBackward {
    /// The gradient of what was normalised [N, D].
    public var dx: TensorView
    /// A gradient [N, D] that reaches the sum by another way and is added to dx; its dtype may differ.
    public var addedGradient: TensorView?
    /// The gradient of the scale [D] (f32, or f64), or nil.
    public var dweight: TensorView?
    /// The gradient of the shift [D] (f32, or f64), or nil.
    public var dbias: TensorView?
    /// Whether dweight and dbias are added to.
    public var accumulateParameters: Bool
    /// The gradient of the result [N, D].
    public var dy: TensorView
    /// What was normalised [N, D]: x, or the sum.
    public var x: TensorView
    /// The means [N] for layer norm, nil for RMS norm.
    public var mean: TensorView?
    /// The reciprocal deviations [N].
    public var rstd: TensorView
    /// The scale [D], or nil for 1.
    public var weight: TensorView?

    /// Describes a backward pass.
    public init(
        dx: TensorView,
        dweight: TensorView?,
        dbias: TensorView?,
        accumulateParameters: Bool,
        dy: TensorView,
        x: TensorView,
        mean: TensorView?,
        rstd: TensorView,
        weight: TensorView?
    ) {
        self.dx = dx
        self.dweight = dweight
        self.dbias = dbias
        self.accumulateParameters = accumulateParameters
        self.dy = dy
        self.x = x
        self.mean = mean
        self.rstd = rstd
        self.weight = weight
    }
}

/// Cross-entropy of rows: `loss[n] = (1 − s)(lse − x[target]) + s(lse − mean(x))` with label smoothing s.
///
/// A row whose target is `ignoreIndex` has loss 0 and gradient 0. Traps when another target lies outside 0..<V.
public struct CrossEntropyCall {
    /// The losses of the rows [N], f32 (f64 for f64 logits).
    public var losses: TensorView
    /// Where `gradientScale · (softmax − smoothed target)` is written [N, V]; may be `logits` itself; nil for none.
    public var gradient: TensorView?
    /// The factor on the gradient.
    public var gradientScale: Float
    /// The logits [N, V]; may be strided by rows.
    public var logits: TensorView
    /// The targets i32 [N].
    public var targets: TensorView
    /// The target that does not count.
    public var ignoreIndex: Int32
    /// The label smoothing s, 0 for none.
    public var smoothing: Float

    /// Describes a cross-entropy.
    public init(
        losses: TensorView,
        gradient: TensorView?,
        gradientScale: Float,
        logits: TensorView,
        targets: TensorView,
        ignoreIndex: Int32,
        smoothing: Float
    ) {
        self.losses = losses
        self.gradient = gradient
        self.gradientScale = gradientScale
        self.logits = logits
        self.targets = targets
        self.ignoreIndex = ignoreIndex
        self.smoothing = smoothing
    }
}

/// Cross-entropy of `hidden · weightᵀ` in chunks of rows, so that the whole logits never exist; with gradients, which
/// are complete when the call returns because the loss is linear in what follows it.
public struct LinearCrossEntropyCall {
    /// The losses of the rows [N], f32 (f64 for f64).
    public var losses: TensorView
    /// The gradient of `hidden` [N, D] (its dtype), times `gradientScale`; nil for none.
    public var hiddenGradient: TensorView?
    /// The gradient of the weight [V, D] (f32, or f64), times `gradientScale`; nil for none.
    public var weightGradient: TensorView?
    /// Whether the weight's gradient is added to.
    public var accumulateWeight: Bool
    /// The factor on the gradients.
    public var gradientScale: Float
    /// The hidden states [N, D].
    public var hidden: TensorView
    /// The projection [V, D], of hidden's dtype.
    public var weight: TensorView
    /// The targets i32 [N].
    public var targets: TensorView
    /// The target that does not count.
    public var ignoreIndex: Int32
    /// The label smoothing, 0 for none.
    public var smoothing: Float

    /// Describes a fused projection and cross-entropy.
    public init(
        losses: TensorView,
        hiddenGradient: TensorView?,
        weightGradient: TensorView?,
        accumulateWeight: Bool,
        gradientScale: Float,
        hidden: TensorView,
        weight: TensorView,
        targets: TensorView,
        ignoreIndex: Int32,
        smoothing: Float
    ) {
        self.losses = losses
        self.hiddenGradient = hiddenGradient
        self.weightGradient = weightGradient
        self.accumulateWeight = accumulateWeight
        self.gradientScale = gradientScale
        self.hidden = hidden
        self.weight = weight
        self.targets = targets
        self.ignoreIndex = ignoreIndex
        self.smoothing = smoothing
    }
}
