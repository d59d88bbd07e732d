import YuyanOptimizers

extension TrainingArguments {
    /// The optimizers that `optim` names; `adamw_torch` and `adamw_torch_fused` are understood as `adamw`.
    public static let optimizerNames = ["adamw", "adam", "sgd", "lion", "adafactor", "muon"]

    /// Other names of `adamw`.
    package static let otherOptimizerNames = ["adamw_torch", "adamw_torch_fused"]

    /// The optimizer that the arguments ask for, over all trainable parameters of a model.
    ///
    /// Matrices take the weight decay; scales and shifts (rank below 2) do not. With `muon`, hidden matrices follow
    /// Muon at the given learning rate and everything else AdamW at 3/200 of it.
    ///
    /// - Parameters:
    ///   - parameters: The model's parameters.
    ///   - isHidden: Which matrices are hidden (not embeddings and heads), for Muon.
    /// - Returns: The optimizer.
    /// - Throws: ``TrainingError`` for a name that is not known, `OptimizerError` for numbers outside their range.
    public func makeOptimizer(
        over parameters: [NamedParameter],
        isHidden: (NamedParameter) -> Bool
    ) throws -> Optimizer {
        let adam = Adam(beta1: adamBeta1, beta2: adamBeta2, epsilon: adamEpsilon, decoupled: true)
        let rule: UpdateRule
        switch Self.otherOptimizerNames.contains(optim) ? "adamw" : optim {
        case "adamw": rule = .adam(adam)
        case "adam":
            rule = .adam(Adam(beta1: adamBeta1, beta2: adamBeta2, epsilon: adamEpsilon, decoupled: false))
        case "sgd": rule = .sgd(SGD(momentum: adamBeta1, nesterov: adamBeta1 > 0))
        case "lion": rule = .lion(Lion(beta1: adamBeta1, beta2: adamBeta2))
        case "adafactor": rule = .adafactor(Adafactor(scaleParameter: false, relativeStep: false))
        case "muon":
            let groups = ParameterGroup.muon(
                of: parameters,
                others: .adam(adam),
                weightDecay: weightDecay,
                othersLearningRateFactor: 0.015,
                isHidden: isHidden
            )
            return try Optimizer(groups: groups, of: parameters)
        default:
            throw TrainingError(
                "optim is \(optim); it must be one of \(Self.optimizerNames.joined(separator: ", "))"
            )
        }
        let groups = ParameterGroup.separatingDecay(
            of: parameters,
            rule: rule,
            weightDecay: weightDecay,
            l1: l1Penalty
        )
        return try Optimizer(groups: groups, of: parameters)
    }

    /// The learning rate that the arguments ask for.
    ///
    /// In a run with a limit of time the warm-up takes half of the steps at most.
    ///
    /// - Parameter totalSteps: The number of steps of the run.
    /// - Returns: The schedule.
    /// - Throws: `OptimizerError` when the name is unknown or a number lies outside its range.
    public func makeSchedule(totalSteps: Int) throws -> LearningRateSchedule {
        var options = LearningRateCurve.Options()
        switch lrSchedulerType {
        case "linear", "cosine", "cosine_with_min_lr", "reduce_lr_on_plateau": options.minLrRate = minLrRatio
        case "warmup_stable_decay": options.minLrRatio = minLrRatio
        case "step": options.stepSize = max(1, totalSteps / 3)
        default: break
        }
        var warmup = warmupSteps > 0 ? LearningRateCurve.Warmup.steps(warmupSteps) : .ratio(warmupRatio)
        if maxSeconds > 0 { warmup = .steps(min(warmup.steps(of: totalSteps), totalSteps / 2)) }
        return try LearningRateSchedule(
            named: lrSchedulerType,
            learningRate: learningRate,
            options: options,
            warmup: warmup,
            totalSteps: totalSteps
        )
    }
}
