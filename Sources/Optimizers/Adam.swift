/// Adam, and AdamW where the decay is decoupled, with PyTorch's formulas:
/// `m ← β₁m + (1 − β₁)g`, `v ← β₂v + (1 − β₂)g²`, and the value moves by
/// −lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε).
///
/// Decoupled decay shrinks the value by lr · decay before the step; otherwise decay · value is added to g.
///
/// Sources: Kingma, Ba, «Adam», 2015; Loshchilov, Hutter, «Decoupled weight decay regularization», 2019.
public struct Adam: ParameterUpdate {
    /// The factor β₁ of the first moment's average.
    public var beta1: Double
    /// The factor β₂ of the second moment's average.
    public var beta2: Double
    /// The constant ε beside the root.
    public var epsilon: Double
    /// Whether the weight decay acts on the values (AdamW) and not through the gradient.
    public var decoupled: Bool

    /// Makes the rule; coupled decay unless told otherwise.
    public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, decoupled: Bool = false) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.decoupled = decoupled
    }

    /// AdamW with its usual constants.
    public static let adamW = Adam(decoupled: true)

    func stateEntries(for shape: Shape) -> [StateEntry] {
        [StateEntry(name: "exp_avg", shape: shape), StateEntry(name: "exp_avg_sq", shape: shape)]
    }

    func update(_ call: UpdateCall) {
        call.run(.adam(beta1: beta1, beta2: beta2, epsilon: epsilon, step: call.step, decoupled: decoupled))
    }

    func validate() throws(OptimizerError) {
        try checkAverage("beta1", beta1)
        try checkAverage("beta2", beta2)
        try check(epsilon >= 0 && epsilon.isFinite, "epsilon", epsilon, "a number of at least 0")
    }
}
