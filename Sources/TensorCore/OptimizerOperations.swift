/// Which rule an ``OptimizerStep`` follows.
public enum OptimizerRule: Sendable {
    /// Decoupled (AdamW) when `decoupled`, else with the decay in the gradient (Adam). Moments: first and second.
    /// `step` counts from 1 and corrects the bias.
    case adam(beta1: Double, beta2: Double, epsilon: Double, step: Int, decoupled: Bool)
    /// PyTorch's SGD: b ← μ·b + (1 − dampening)·g (b ← g at the first step); with Nesterov g + μ·b. Moment: b when μ > 0.
    case sgd(momentum: Double, dampening: Double, nesterov: Bool, isFirstStep: Bool)
    /// Sign of the interpolated momentum, decoupled decay. Moment: first. Source: Chen et al., 2023.
    case lion(beta1: Double, beta2: Double)
}

/// One step over one parameter as a single pass; everything contiguous f32 (or everything f64), of one shape.
///
/// The constants are doubles because 1 − β and 1 − βᵗ must not inherit the rounding of β to f32.
public struct OptimizerStep {
    /// The values, changed in place.
    public var values: TensorView
    /// A bf16 copy that is written along, or nil.
    public var lowPrecision: TensorView?
    /// The gradient; left unchanged.
    public var gradient: TensorView
    /// The first moment (momentum), where the rule has one.
    public var firstMoment: TensorView?
    /// The second moment, where the rule has one.
    public var secondMoment: TensorView?
    /// The rule with its constants.
    public var rule: OptimizerRule
    /// The learning rate of this step.
    public var learningRate: Double
    /// The weight decay (L2), decoupled or in the gradient as the rule says.
    public var weightDecay: Double
    /// The L1 penalty: λ · sign(value) is added to the gradient.
    public var l1: Double
    /// A factor on the gradient (clipping).
    public var gradientScale: Double

    /// Describes a step without penalties.
    public init(
        values: TensorView,
        lowPrecision: TensorView?,
        gradient: TensorView,
        firstMoment: TensorView?,
        secondMoment: TensorView?,
        rule: OptimizerRule,
        learningRate: Double
    ) {
        self.values = values
        self.lowPrecision = lowPrecision
        self.gradient = gradient
        self.firstMoment = firstMoment
        self.secondMoment = secondMoment
        self.rule = rule
        self.learningRate = learningRate
        weightDecay = 0
        l1 = 0
        gradientScale = 1
    }
}
