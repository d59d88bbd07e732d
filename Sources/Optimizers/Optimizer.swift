@_exported import YuyanNeuralNetworks

/// Changes the parameters of a model by their gradients, group by group.
///
/// A parameter without a gradient, or frozen since, is left alone: its values, its state and its step count stay as
/// they are, as in PyTorch. Gradients are not changed and not forgotten by a step. Values and state are written in
/// place, and so is a parameter's bf16 copy.
///
/// Not Sendable: it belongs to the thread that trains.
public final class Optimizer {
    /// The groups, which together hold every trainable parameter once.
    public let groups: [ParameterGroup]
    /// The number of steps taken by the optimizer as a whole.
    public internal(set) var stepCount = 0
    var slots: [ParameterSlot]

    /// Makes an optimizer of groups that must add up to the trainable parameters of a model.
    ///
    /// - Parameters:
    ///   - groups: The groups.
    ///   - parameters: All parameters of the model.
    /// - Throws: ``OptimizerError`` when a parameter is missing, doubled, unknown, frozen or unsuitable, or when a
    ///   hyperparameter lies outside its range.
    public init(groups: [ParameterGroup], of parameters: [NamedParameter]) throws(OptimizerError) {
        try ParameterGroup.check(groups, cover: parameters)
        // A path is where state is stored, so it comes from the model and not from the groups.
        let paths = Dictionary(
            parameters.map { (ObjectIdentifier($0.parameter), $0.name) },
            uniquingKeysWith: { first, _ in first }
        )
        var slots: [ParameterSlot] = []
        for group in groups {
            try Optimizer.validate(group)
            let update = group.rule.implementation
            for named in group.parameters {
                let name = paths[ObjectIdentifier(named.parameter)] ?? named.name
                if let reason = update.objection(to: named.parameter.shape) {
                    throw .unsuitableParameter(name: name, group: group.name, reason: reason)
                }
                slots.append(
                    ParameterSlot(name: name, parameter: named.parameter, group: group, update: update)
                )
            }
        }
        self.groups = groups
        self.slots = slots
    }

    private static func validate(_ group: ParameterGroup) throws(OptimizerError) {
        let decay = group.weightDecay
        try check(decay >= 0 && decay.isFinite, "weightDecay", decay, "a number of at least 0")
        try check(group.l1 >= 0 && group.l1.isFinite, "l1", group.l1, "a number of at least 0")
        let factor = group.learningRateFactor
        try check(factor >= 0 && factor.isFinite, "learningRateFactor", factor, "a number of at least 0")
        try group.rule.implementation.validate()
    }

    /// The parameters in the order of the groups, with their paths in the model.
    public var parameters: [NamedParameter] { groups.flatMap(\.parameters) }

    /// Takes one step.
    ///
    /// - Parameters:
    ///   - learningRate: The learning rate of this step, before the groups' factors.
    ///   - gradientScale: A factor on all gradients, for example what clipping asks for.
    ///
    /// Traps when a gradient has another shape or dtype than its parameter.
    public func step(learningRate: Double, gradientScale: Double = 1) {
        stepCount += 1
        Tape.withoutRecording {
            for index in slots.indices {
                slots[index].step(learningRate: learningRate, gradientScale: gradientScale)
            }
        }
    }

    /// Forgets the gradients of all parameters of the groups.
    public func clearGradients() {
        for slot in slots { slot.parameter.gradient = nil }
    }
}

/// A parameter with its place in the optimizer.
struct ParameterSlot {
    let name: String
    let parameter: Parameter
    let group: ParameterGroup
    let update: any ParameterUpdate
    /// The number of steps that this parameter has taken.
    var stepCount = 0
    /// The state in the order of the entries; empty before the first step.
    var state: [Tensor] = []

    init(name: String, parameter: Parameter, group: ParameterGroup, update: any ParameterUpdate) {
        self.name = name
        self.parameter = parameter
        self.group = group
        self.update = update
    }

    var entries: [StateEntry] { update.stateEntries(for: parameter.shape) }

    mutating func step(learningRate: Double, gradientScale: Double) {
        guard parameter.requiresGradient, let gradient = parameter.gradient else { return }
        let value = parameter.value
        require(
            gradient.shape == value.shape && gradient.dtype == value.dtype,
            "Optimizer.step: the gradient of \(name) is \(gradient.dtype) \(gradient.shape), the value "
                + "\(value.dtype) \(value.shape); they must agree"
        )
        if state.isEmpty {
            state = entries.map { Tensor.zeros($0.shape, dtype: value.dtype, backend: value.backend) }
        }
        stepCount += 1
        update.update(
            UpdateCall(
                parameter: parameter,
                gradient: gradient.contiguous(),
                state: state,
                step: stepCount,
                learningRate: learningRate * group.learningRateFactor,
                weightDecay: group.weightDecay,
                l1: group.l1,
                gradientScale: gradientScale
            )
        )
    }
}
