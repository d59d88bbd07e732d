import Foundation

/// Adafactor with the semantics of fairseq's and Hugging Face's implementations: a second moment that is factored
/// into rows and columns for parameters of rank 2 or more, updates clipped by their root mean square, and steps
/// relative to the parameter's own size.
///
/// Source: Shazeer, Stern, «Adafactor: adaptive learning rates with sublinear memory cost», 2018.
public struct Adafactor: ParameterUpdate {
    /// The constant added to squared gradients.
    public var epsilon: Double
    /// The smallest root mean square that a parameter is taken to have.
    public var scaleEpsilon: Double
    /// The root mean square above which an update is scaled down.
    public var clipThreshold: Double
    /// The exponent c of the second moment's factor 1 − tᶜ, below 0.
    public var decayRate: Double
    /// The factor of the first moment's average; nil keeps none.
    public var beta1: Double?
    /// Whether steps are multiplied by the parameter's root mean square.
    public var scaleParameter: Bool
    /// Whether the step size is min(10⁻², 1/√t); the optimizer's learning rate then only multiplies it, so give 1.
    public var relativeStep: Bool
    /// Whether relative steps begin at 10⁻⁶ and grow with t.
    public var warmupInit: Bool

    /// Makes the rule; absolute steps without scaling by the parameter (the usual choice with a schedule) unless told
    /// otherwise.
    public init(
        epsilon: Double = 1e-30,
        scaleEpsilon: Double = 1e-3,
        clipThreshold: Double = 1,
        decayRate: Double = -0.8,
        beta1: Double? = nil,
        scaleParameter: Bool = false,
        relativeStep: Bool = false,
        warmupInit: Bool = false
    ) {
        self.epsilon = epsilon
        self.scaleEpsilon = scaleEpsilon
        self.clipThreshold = clipThreshold
        self.decayRate = decayRate
        self.beta1 = beta1
        self.scaleParameter = scaleParameter
        self.relativeStep = relativeStep
        self.warmupInit = warmupInit
    }

    func stateEntries(for shape: Shape) -> [StateEntry] {
        var entries: [StateEntry] = []
        if shape.rank >= 2 {
            let outer = Array(shape.dimensions.dropLast(2))
            entries.append(StateEntry(name: "exp_avg_sq_row", shape: Shape(outer + [shape[-2]])))
            entries.append(StateEntry(name: "exp_avg_sq_col", shape: Shape(outer + [shape[-1]])))
        } else {
            entries.append(StateEntry(name: "exp_avg_sq", shape: shape))
        }
        if beta1 != nil { entries.append(StateEntry(name: "exp_avg", shape: shape)) }
        return entries
    }

    func update(_ call: UpdateCall) {
        let values = call.parameter.value
        if values.elementCount == 0 { return }
        let gradient = call.penalizedGradient()
        let rate = stepSize(call)
        let decay = 1 - pow(Double(call.step), decayRate)
        let squares = apply(UnaryOperation.square, gradient).affine(shift: epsilon)
        var update: Tensor
        if values.rank >= 2 {
            let (row, column) = (call.state[0], call.state[1])
            mix(row, keep: decay, squares.mean(axis: -1), share: 1 - decay)
            mix(column, keep: decay, squares.mean(axis: -2), share: 1 - decay)
            let rowFactor = apply(UnaryOperation.reciprocalSqrt, row / row.mean(axis: -1, keepsAxis: true))
            let columnFactor = apply(UnaryOperation.reciprocalSqrt, column)
            let outer = Array(values.shape.dimensions.dropLast(2))
            update =
                gradient * rowFactor.reshaped(outer + [values.shape[-2], 1])
                * columnFactor.reshaped(outer + [1, values.shape[-1]])
        } else {
            mix(call.state[0], keep: decay, squares, share: 1 - decay)
            update = gradient * apply(UnaryOperation.reciprocalSqrt, call.state[0])
        }
        update = update.affine(scale: rate / max(1, rootMeanSquare(update) / clipThreshold))
        if let beta1, let average = call.state.last {
            mix(average, keep: beta1, update, share: 1 - beta1)
            update = average
        }
        call.addToValues(update, factor: -1, keep: 1 - call.weightDecay * rate)
    }

    /// The step size of the parameter before clipping.
    private func stepSize(_ call: UpdateCall) -> Double {
        var rate = call.learningRate
        if relativeStep {
            let step = Double(call.step)
            rate *= min(warmupInit ? 1e-6 * step : 1e-2, 1 / step.squareRoot())
        }
        return scaleParameter ? rate * max(scaleEpsilon, rootMeanSquare(call.parameter.value)) : rate
    }

    func validate() throws(OptimizerError) {
        try check(epsilon >= 0 && epsilon.isFinite, "epsilon", epsilon, "a number of at least 0")
        try check(
            scaleEpsilon >= 0 && scaleEpsilon.isFinite,
            "scaleEpsilon",
            scaleEpsilon,
            "a number of at least 0"
        )
        try check(clipThreshold > 0, "clipThreshold", clipThreshold, "a number above 0")
        try check(decayRate < 0 && decayRate.isFinite, "decayRate", decayRate, "a number below 0")
        if let beta1 { try checkAverage("beta1", beta1) }
        if warmupInit && !relativeStep {
            throw .invalidHyperparameter(
                name: "warmupInit",
                value: "true",
                expected: "relativeStep beside it"
            )
        }
    }
}
