import YuyanOptimizers

/// The learning rate of a run: a pure function of the step, or one that falls when evaluations stop improving.
public struct LearningRateControl: Sendable, Codable, Equatable {
    private enum Kind: Sendable, Codable, Equatable {
        case schedule(LearningRateSchedule, base: Double)
        case plateau(ReduceOnPlateau, warmupSteps: Int)
    }

    private var kind: Kind

    /// The control that arguments ask for by `lr_scheduler_type`.
    ///
    /// - Parameters:
    ///   - arguments: The arguments.
    ///   - totalSteps: The number of steps of the run.
    /// - Throws: `OptimizerError` when the name is unknown or a number lies outside its range.
    public init(_ arguments: TrainingArguments, totalSteps: Int) throws {
        if arguments.lrSchedulerType == "reduce_lr_on_plateau" {
            let warmup = Self.warmup(arguments).steps(of: totalSteps)
            kind = .plateau(
                try ReduceOnPlateau(
                    learningRate: arguments.learningRate,
                    mode: arguments.greaterIsBetter ? .max : .min,
                    minimumLearningRate: arguments.learningRate * arguments.minLrRatio
                ),
                warmupSteps: warmup
            )
            return
        }
        var options = LearningRateSchedule.Options()
        switch arguments.lrSchedulerType {
        case "linear", "cosine", "cosine_with_min_lr": options.minLrRate = arguments.minLrRatio
        case "warmup_stable_decay": options.minLrRatio = arguments.minLrRatio
        case "step": options.stepSize = max(1, totalSteps / 3)
        default: break
        }
        kind = .schedule(
            try LearningRateSchedule(
                named: arguments.lrSchedulerType,
                options: options,
                learningRate: arguments.learningRate,
                warmup: Self.warmup(arguments),
                totalSteps: totalSteps
            ),
            base: arguments.learningRate
        )
    }

    private static func warmup(_ arguments: TrainingArguments) -> LearningRateSchedule.Warmup {
        arguments.warmupSteps > 0 ? .steps(arguments.warmupSteps) : .ratio(arguments.warmupRatio)
    }

    /// The learning rate of a step, counted from 0.
    ///
    /// Warm-up begins above 0, at 1 part in (warm-up steps + 1), so that no step is without effect.
    public func learningRate(at step: Int) -> Double {
        switch kind {
        case .schedule(let schedule, let base):
            if step < schedule.warmupSteps, schedule.factor(at: 0) == 0 {
                return base * Double(step + 1) / Double(schedule.warmupSteps + 1)
            }
            return schedule.learningRate(at: step, base: base)
        case .plateau(let plateau, let warmup):
            return plateau.learningRate * (step < warmup ? Double(step + 1) / Double(warmup + 1) : 1)
        }
    }

    /// Whether the rate depends on evaluations.
    var isPlateau: Bool {
        if case .plateau = kind { return true }
        return false
    }

    /// Takes an evaluation's deciding figure in.
    mutating func observe(_ metric: Double) {
        guard case .plateau(var plateau, let warmup) = kind else { return }
        _ = plateau.observe(metric)
        kind = .plateau(plateau, warmupSteps: warmup)
    }
}
