/// The learning rate of a run: a base rate on a curve, or one that falls when a metric stops improving.
///
/// Not Sendable: it belongs to the thread that trains.
public final class LearningRateSchedule {
    private enum Course {
        case curve(LearningRateCurve, base: Double)
        case plateau(ReduceOnPlateau, warmupSteps: Int)
    }

    private var course: Course

    /// The names of all schedules, Hugging Face's `lr_scheduler_type` where it has one.
    public static let names = LearningRateCurve.names + ["reduce_lr_on_plateau"]

    /// A base learning rate on a curve.
    public init(_ curve: LearningRateCurve, learningRate: Double) {
        course = .curve(curve, base: learningRate)
    }

    /// A learning rate that falls when a metric stops improving, after a linear warm-up.
    public init(_ plateau: ReduceOnPlateau, warmupSteps: Int = 0) {
        course = .plateau(plateau, warmupSteps: warmupSteps)
    }

    /// Makes a schedule by its name.
    ///
    /// - Parameters:
    ///   - name: One of ``names``.
    ///   - learningRate: The base learning rate.
    ///   - options: The schedule's own numbers; `minLr` is the plateau's lowest rate too.
    ///   - warmup: The warm-up's length.
    ///   - totalSteps: The number of steps of the run.
    /// - Throws: ``OptimizerError`` when the name is unknown or a number lies outside its range.
    public convenience init(
        named name: String,
        learningRate: Double,
        options: LearningRateCurve.Options = LearningRateCurve.Options(),
        warmup: LearningRateCurve.Warmup = .steps(0),
        totalSteps: Int
    ) throws(OptimizerError) {
        try check(
            learningRate >= 0 && learningRate.isFinite,
            "learning_rate",
            learningRate,
            "a number of at least 0"
        )
        if name == "reduce_lr_on_plateau" {
            let plateau = try ReduceOnPlateau(
                learningRate: learningRate,
                minimumLearningRate: options.minLr ?? (options.minLrRate ?? 0) * learningRate
            )
            self.init(plateau, warmupSteps: warmup.steps(of: totalSteps))
            return
        }
        guard LearningRateCurve.names.contains(name) else {
            throw .unknownName(kind: "learning-rate schedule", name: name, known: LearningRateSchedule.names)
        }
        let curve = try LearningRateCurve(
            named: name,
            options: options,
            learningRate: learningRate,
            warmup: warmup,
            totalSteps: totalSteps
        )
        self.init(curve, learningRate: learningRate)
    }

    /// The learning rate of a step, counted from 0.
    public func learningRate(at step: Int) -> Double {
        switch course {
        case .curve(let curve, let base):
            return base * curve.factor(at: step)
        case .plateau(let plateau, let warmupSteps):
            let risen = step < warmupSteps ? Double(step) / Double(warmupSteps) : 1
            return plateau.learningRate * risen
        }
    }

    /// Tells of an evaluation; only a plateau takes notice.
    ///
    /// - Parameters:
    ///   - metric: The figure that decides.
    ///   - isBetterWhenGreater: Whether more of it is better.
    public func observe(metric: Double, isBetterWhenGreater: Bool) {
        guard case .plateau(var plateau, let warmupSteps) = course else { return }
        plateau.mode = isBetterWhenGreater ? .max : .min
        plateau.observe(metric)
        course = .plateau(plateau, warmupSteps: warmupSteps)
    }

    /// What a checkpoint must keep: empty for curves, which depend on the step alone.
    public var state: [String: Double] {
        guard case .plateau(let plateau, _) = course else { return [:] }
        return plateau.state
    }

    /// Puts back what ``state`` gave.
    ///
    /// - Parameter state: The figures by name.
    /// - Throws: ``OptimizerError/missingState(name:)`` when a figure of a plateau is missing, or
    ///   ``OptimizerError/unexpectedState(name:)`` for one that nothing needs.
    public func restore(_ state: [String: Double]) throws(OptimizerError) {
        switch course {
        case .curve:
            if let name = state.keys.min() { throw .unexpectedState(name: "schedule.\(name)") }
        case .plateau(var plateau, let warmupSteps):
            try plateau.restore(state)
            course = .plateau(plateau, warmupSteps: warmupSteps)
        }
    }
}

extension ReduceOnPlateau {
    /// The figures that change, by name.
    var state: [String: Double] {
        var result = [
            "learning_rate": learningRate,
            "bad_observations": Double(badObservations),
            "remaining_cooldown": Double(remainingCooldown),
        ]
        result["best"] = best
        return result
    }
}
