/// Muon: the momentum of a matrix made nearly orthogonal before the step, so that all its directions move alike.
///
/// `b ← b + (1 − μ)(g − b)`; with Nesterov the update is g + μ(b − g), else b; it is orthogonalised by Newton–Schulz
/// steps and moves the value [N, K] by −lr · √max(1, N/K) after a decoupled decay. For hidden matrices only:
/// embeddings, heads and vectors belong to another rule.
///
/// Source: Jordan et al., «Muon: an optimizer for hidden layers in neural networks», 2024.
public struct Muon: ParameterUpdate {
    /// The factor μ of the momentum's average.
    public var momentum: Double
    /// Whether the step looks ahead.
    public var nesterov: Bool
    /// The number of Newton–Schulz steps.
    public var newtonSchulzSteps: Int
    /// Whether the Newton–Schulz products run in bf16; nil for bf16 where the processor prefers it.
    public var usesBF16: Bool?

    /// Makes the rule with the author's constants unless told otherwise.
    public init(
        momentum: Double = 0.95,
        nesterov: Bool = true,
        newtonSchulzSteps: Int = 5,
        usesBF16: Bool? = nil
    ) {
        self.momentum = momentum
        self.nesterov = nesterov
        self.newtonSchulzSteps = newtonSchulzSteps
        self.usesBF16 = usesBF16
    }

    func stateEntries(for shape: Shape) -> [StateEntry] {
        [StateEntry(name: "momentum_buffer", shape: shape)]
    }

    func objection(to shape: Shape) -> String? {
        shape.rank == 2 ? nil : "Muon changes matrices only, and the shape is \(shape)"
    }

    func update(_ call: UpdateCall) {
        let values = call.parameter.value
        if values.elementCount == 0 { return }
        let gradient = call.penalizedGradient()
        let momentumBuffer = call.state[0]
        mix(momentumBuffer, keep: momentum, gradient, share: 1 - momentum)
        var direction = momentumBuffer
        if nesterov {
            direction = gradient.affine(scale: 1 - momentum) + momentumBuffer.affine(scale: momentum)
        }
        let bf16 = values.dtype == .f32 && (usesBF16 ?? values.backend.prefersBF16)
        let update = Muon.orthogonalized(
            direction,
            steps: newtonSchulzSteps,
            dtype: bf16 ? .bf16 : values.dtype
        )
        let ratio = Double(values.shape[0]) / Double(values.shape[1])
        call.addToValues(
            update,
            factor: -call.learningRate * max(1, ratio).squareRoot(),
            keep: 1 - call.learningRate * call.weightDecay
        )
    }

    /// A matrix [N, K] with its singular values moved near 1 (about 0.7 to 1.2) and its directions kept.
    ///
    /// - Parameters:
    ///   - matrix: The matrix, f32 or f64.
    ///   - steps: The number of steps of the quintic iteration `X ← aX + (bA + cA²)X` with `A = XXᵀ`.
    ///   - dtype: What the products run in.
    /// - Returns: A matrix of that dtype; zeros for zeros.
    ///
    /// Traps when the tensor is not of rank 2.
    public static func orthogonalized(_ matrix: Tensor, steps: Int = 5, dtype: DType) -> Tensor {
        require(matrix.rank == 2, "Muon.orthogonalized: \(matrix.shape) is no matrix")
        let (a, b, c) = (3.4445, -4.7750, 2.0315)
        let isTall = matrix.shape[0] > matrix.shape[1]
        let source = matrix.contiguous()
        let norm = source.backend.sumOfSquares(source.view).squareRoot()
        var x = source.affine(scale: 1 / max(norm, 1e-7)).cast(to: dtype)
        if isTall { x = x.transposed().contiguous() }
        for _ in 0..<steps {
            let gram = matmul(x, x.transposed())
            let polynomial = gram.affine(scale: b) + matmul(gram, gram).affine(scale: c)
            x = x.affine(scale: a) + matmul(polynomial, x)
        }
        return isTall ? x.transposed().contiguous() : x
    }

    func validate() throws(OptimizerError) {
        try checkAverage("momentum", momentum)
        if !(0...100).contains(newtonSchulzSteps) {
            throw .invalidHyperparameter(
                name: "newtonSchulzSteps",
                value: String(newtonSchulzSteps),
                expected: "a whole number from 0 to 100"
            )
        }
    }
}
