/// The rules by which parameters follow their gradients, with their hyperparameters.
///
/// As JSON a rule is one object: its name and its hyperparameters side by side, for example
/// `{"rule": "adam", "beta1": 0.9, …}`.
public enum UpdateRule: Sendable, Hashable {
    /// Stochastic gradient descent.
    case sgd(SGD)
    /// Adam and AdamW.
    case adam(Adam)
    /// Adafactor.
    case adafactor(Adafactor)
    /// Lion.
    case lion(Lion)
    /// Muon, for matrices.
    case muon(Muon)

    /// The rule's name as JSON and messages have it.
    public var name: String { tag.rawValue }

    /// The hyperparameters with the code that applies them.
    var implementation: any ParameterUpdate {
        switch self {
        case .sgd(let rule): rule
        case .adam(let rule): rule
        case .adafactor(let rule): rule
        case .lion(let rule): rule
        case .muon(let rule): rule
        }
    }

    private enum Tag: String, Codable, CaseIterable {
        case sgd, adam, adafactor, lion, muon
    }

    private var tag: Tag {
        switch self {
        case .sgd: .sgd
        case .adam: .adam
        case .adafactor: .adafactor
        case .lion: .lion
        case .muon: .muon
        }
    }
}

extension UpdateRule: Codable {
    private enum Key: String, CodingKey {
        case rule
    }

    /// Reads a rule from its object.
    ///
    /// - Throws: `DecodingError` with the key, when the name is unknown or a hyperparameter is missing.
    public init(from decoder: any Decoder) throws {
        switch try decoder.container(keyedBy: Key.self).decode(Tag.self, forKey: .rule) {
        case .sgd: self = .sgd(try SGD(from: decoder))
        case .adam: self = .adam(try Adam(from: decoder))
        case .adafactor: self = .adafactor(try Adafactor(from: decoder))
        case .lion: self = .lion(try Lion(from: decoder))
        case .muon: self = .muon(try Muon(from: decoder))
        }
    }

    /// Writes the rule's name and hyperparameters into one object.
    ///
    /// - Throws: What the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(tag, forKey: .rule)
        try implementation.encode(to: encoder)
    }
}

/// One tensor of a parameter's state.
struct StateEntry {
    /// The last part of its name, after the parameter's path.
    let name: String
    let shape: Shape
}

/// What one step over one parameter is given.
struct UpdateCall {
    let parameter: Parameter
    /// The gradient, contiguous, of the parameter's dtype; not to be changed.
    let gradient: Tensor
    /// The state in the order of ``ParameterUpdate/stateEntries(for:)``, of the parameter's dtype.
    ///
    /// Zeros before the first step; written in place.
    let state: [Tensor]
    /// The step of this parameter, counted from 1.
    let step: Int
    let learningRate: Double
    let weightDecay: Double
    let l1: Double
    let gradientScale: Double

    /// Carries out the step with the fused kernel.
    func run(_ rule: OptimizerRule) {
        var call = OptimizerStep(
            values: parameter.value.view,
            lowPrecision: parameter.lowPrecision?.view,
            gradient: gradient.view,
            firstMoment: state.first?.view,
            secondMoment: state.count > 1 ? state[1].view : nil,
            rule: rule,
            learningRate: learningRate
        )
        call.weightDecay = weightDecay
        call.l1 = l1
        call.gradientScale = gradientScale
        parameter.value.backend.optimizerStep(call)
        if parameter.lowPrecision == nil { parameter.valueChanged() }
    }

    /// The gradient with its factor and the L1 penalty, as a tensor of its own.
    func penalizedGradient() -> Tensor {
        var result = gradientScale == 1 ? gradient : gradient.affine(scale: gradientScale)
        if l1 != 0 { result = result + apply(UnaryOperation.sign, parameter.value).affine(scale: l1) }
        return result
    }

    /// `values ← values · keep + factor · update`, and the bf16 copy along with it.
    func addToValues(_ update: Tensor, factor: Double, keep: Double = 1) {
        let values = parameter.value.view
        let backend = parameter.value.backend
        if keep != 1 { backend.affine(values, values, scale: keep, shift: 0) }
        backend.accumulate(values, update.contiguous().view, alpha: factor)
        if let copy = parameter.lowPrecision {
            backend.copy(copy.view, from: values)
        } else {
            parameter.valueChanged()
        }
    }
}

/// A rule's hyperparameters and how it changes one parameter.
protocol ParameterUpdate: Sendable, Hashable, Codable {
    /// The tensors that the rule keeps for a parameter; all of them zeros at first.
    func stateEntries(for shape: Shape) -> [StateEntry]
    /// Why a parameter of this shape cannot be changed by the rule, or nil.
    func objection(to shape: Shape) -> String?
    /// Changes the parameter's values and state in place.
    func update(_ call: UpdateCall)
    /// Checks the ranges of the hyperparameters.
    func validate() throws(OptimizerError)
}

extension ParameterUpdate {
    func objection(to shape: Shape) -> String? { nil }
}

/// Throws unless a hyperparameter keeps a condition (NaN keeps none).
func check(
    _ isRight: Bool,
    _ name: String,
    _ value: Double,
    _ expected: String
) throws(OptimizerError) {
    if !isRight { throw .invalidHyperparameter(name: name, value: String(value), expected: expected) }
}

/// Throws unless a factor of an exponential average lies in 0..<1.
func checkAverage(_ name: String, _ value: Double) throws(OptimizerError) {
    try check(value >= 0 && value < 1, name, value, "a number from 0 (included) to 1 (excluded)")
}

/// Changes `average` in place to `average · keep + value · share`.
func mix(_ average: Tensor, keep: Double, _ value: Tensor, share: Double) {
    let backend = average.backend
    backend.affine(average.view, average.view, scale: keep, shift: 0)
    backend.accumulate(average.view, value.contiguous().view, alpha: share)
}

/// The root of the mean square of all elements; 0 for none.
func rootMeanSquare(_ x: Tensor) -> Double {
    let x = x.contiguous()
    return (x.backend.sumOfSquares(x.view) / Double(max(x.elementCount, 1))).squareRoot()
}
