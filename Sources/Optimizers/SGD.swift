/// Stochastic gradient descent with momentum, as PyTorch's: the decay goes into the gradient g, then
/// `b ← μ·b + (1 − dampening)·g` (b ← g at the first step) and the value moves by −lr · b, with Nesterov by
/// −lr · (g + μ·b).
///
/// Source: Sutskever et al., «On the importance of initialization and momentum in deep learning», 2013.
public struct SGD: ParameterUpdate {
    /// The momentum μ; 0 keeps no state.
    public var momentum: Double
    /// What is taken from the gradient as it enters the momentum.
    public var dampening: Double
    /// Whether the step looks ahead.
    public var nesterov: Bool

    /// Makes the rule; plain gradient descent unless told otherwise.
    public init(momentum: Double = 0, dampening: Double = 0, nesterov: Bool = false) {
        self.momentum = momentum
        self.dampening = dampening
        self.nesterov = nesterov
    }

    func stateEntries(for shape: Shape) -> [StateEntry] {
        momentum == 0 ? [] : [StateEntry(name: "momentum_buffer", shape: shape)]
    }

    func update(_ call: UpdateCall) {
        call.run(
            .sgd(momentum: momentum, dampening: dampening, nesterov: nesterov, isFirstStep: call.step == 1)
        )
    }

    func validate() throws(OptimizerError) {
        try check(momentum >= 0 && momentum.isFinite, "momentum", momentum, "a number of at least 0")
        try check(dampening.isFinite, "dampening", dampening, "a finite number")
        if nesterov && (momentum == 0 || dampening != 0) {
            throw .invalidHyperparameter(
                name: "nesterov",
                value: "true",
                expected: "a momentum above 0 and no dampening (momentum \(momentum), dampening \(dampening))"
            )
        }
    }
}
