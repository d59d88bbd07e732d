import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// One step of Adam, AdamW, SGD or Lion over one parameter, see ``OptimizerStep``.
    ///
    /// Traps when the views differ in shape or dtype, when a moment that the rule has is missing, or when the step
    /// of Adam is below 1.
    public func optimizerStep(_ step: OptimizerStep) {
        let door = "optimizerStep"
        let values = step.values
        require(
            values.isContiguous && (values.dtype == .f32 || values.dtype == .f64),
            "\(door): the values are \(RowChecks.describe(values)) of \(values.dtype); contiguous f32 or f64 fits here"
        )
        RowChecks.expectLike(step.gradient, values, "gradient", door)
        if let copy = step.lowPrecision {
            require(
                copy.dtype == .bf16 && copy.isContiguous && copy.shape == values.shape,
                "\(door): lowPrecision is \(RowChecks.describe(copy)) of \(copy.dtype); a contiguous \(values.shape) of bf16 fits here"
            )
        }
        let moments = step.rule.momentCount
        for (index, view) in [step.firstMoment, step.secondMoment].enumerated() where index < moments {
            let name = index == 0 ? "firstMoment" : "secondMoment"
            guard let view else {
                require(false, "\(door): the rule \(step.rule) needs \(name)")
                return
            }
            RowChecks.expectLike(view, values, name, door)
        }
        var rule = yk_optimizer_rule()
        rule.learning_rate = step.learningRate
        rule.weight_decay = step.weightDecay
        rule.l1 = step.l1
        rule.gradient_scale = step.gradientScale
        step.rule.describe(to: &rule)
        yk_optimizer_step(
            values.address,
            step.lowPrecision?.address.assumingMemoryBound(to: UInt16.self),
            step.gradient.address,
            moments > 0 ? step.firstMoment?.address : nil,
            moments > 1 ? step.secondMoment?.address : nil,
            values.dtype.kernelType,
            &rule,
            Int64(values.elementCount)
        )
    }
}

extension OptimizerRule {
    /// How many moments the rule keeps.
    fileprivate var momentCount: Int {
        switch self {
        case .adam: 2
        case .sgd(let momentum, _, _, _): momentum > 0 ? 1 : 0
        case .lion: 1
        }
    }

    /// Writes the rule's constants where C reads them.
    ///
    /// Traps when the step of Adam is below 1.
    fileprivate func describe(to rule: inout yk_optimizer_rule) {
        switch self {
        case .adam(let beta1, let beta2, let epsilon, let step, let decoupled):
            require(step >= 1, "optimizerStep: Adam's step is \(step); it counts from 1")
            rule.kind = YK_ADAM
            rule.beta1 = beta1
            rule.beta2 = beta2
            rule.epsilon = epsilon
            rule.step = Int64(step)
            rule.decoupled = decoupled
        case .sgd(let momentum, let dampening, let nesterov, let isFirstStep):
            rule.kind = YK_SGD
            rule.momentum = momentum
            rule.dampening = dampening
            rule.nesterov = nesterov
            rule.first_step = isFirstStep
        case .lion(let beta1, let beta2):
            rule.kind = YK_LION
            rule.beta1 = beta1
            rule.beta2 = beta2
        }
    }
}
