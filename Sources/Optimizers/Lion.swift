/// Lion: the value moves by −lr · sign(β₁m + (1 − β₁)g) after a decoupled decay; then `m ← β₂m + (1 − β₂)g`.
///
/// Source: Chen et al., «Symbolic discovery of optimization algorithms», 2023, algorithm 2.
public struct Lion: ParameterUpdate {
    /// The factor β₁ of the interpolation whose sign is taken.
    public var beta1: Double
    /// The factor β₂ of the momentum's average.
    public var beta2: Double

    /// Makes the rule with the paper's constants unless told otherwise.
    public init(beta1: Double = 0.9, beta2: Double = 0.99) {
        self.beta1 = beta1
        self.beta2 = beta2
    }

    func stateEntries(for shape: Shape) -> [StateEntry] { [StateEntry(name: "exp_avg", shape: shape)] }

    func update(_ call: UpdateCall) { call.run(.lion(beta1: beta1, beta2: beta2)) }

    func validate() throws(OptimizerError) {
        try checkAverage("beta1", beta1)
        try checkAverage("beta2", beta2)
    }
}
