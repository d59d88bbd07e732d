import YuyanFileFormats
import YuyanNeuralNetworks

// What happens between steps.

extension Trainer {
    var isEvaluationOfInterval: Bool {
        arguments.evalSteps > 0 && state.globalStep % arguments.evalSteps == 0
    }

    var isEvaluationDue: Bool { state.globalStep == state.maxSteps || isEvaluationOfInterval }

    /// Whether the step that was done last is to be judged and is not, because a signal cut that short.
    var isEvaluationMissing: Bool {
        state.globalStep > 0 && state.evaluatedStep != state.globalStep && isEvaluationDue
    }

    var hasRunOutOfPatience: Bool {
        arguments.earlyStoppingPatience > 0
            && state.evaluationsWithoutImprovement >= arguments.earlyStoppingPatience
    }

    /// Evaluates and saves where due; false when the run is to stop early.
    func afterStep() throws -> Bool {
        let step = state.globalStep
        let isLast = step == state.maxSteps
        let (isEvaluationDue, begin) = (isEvaluationDue, now())
        var improved = false
        if isEvaluationDue {
            guard let isBest = try evaluate() else { return true }
            improved = isBest
            state.plan?.noteEvaluation(seconds: now() - begin)
        }
        let isSaveDue = arguments.saveSteps > 0 && step % arguments.saveSteps == 0
        if isSaveDue || isLast || (improved && arguments.loadBestModelAtEnd) { try save() }
        if isEvaluationDue { state.plan?.noteEvaluation(seconds: now() - begin) }
        return !hasRunOutOfPatience
    }

    /// Says that the figure which decides is none of the evaluation's.
    func unknownMetric(among names: [String]) -> TrainingError {
        let (name, known) = (arguments.metricForBestModel, names.sorted())
        return TrainingError(
            "metric_for_best_model is \(name), which the evaluation does not give; it gives "
                + known.joined(separator: ", ") + NameSuggestion.words(for: name, among: known)
        )
    }

    /// Evaluates; nil when a signal cut it short.
    private func evaluate() throws -> Bool? {
        report(.evaluating(step: state.globalStep))
        objective.model.setTraining(false)
        let metrics = try Tape.withoutRecording {
            try objective.evaluate(isCancelled: { StopSignal.received != nil })
        }
        if StopSignal.received != nil { return nil }
        guard let value = metrics[arguments.metricForBestModel] else {
            throw unknownMetric(among: Array(metrics.keys))
        }
        guard !value.isNaN else {
            let isDiverged = metrics["eval_loss"]?.isFinite == false || firstParameterNotFinite != nil
            let advice =
                isDiverged
                ? "\(whereValuesAreNotFinite); a lower learning rate or max_grad_norm may help"
                : "; weights and loss are finite: the validation data, or all answers to them, may be alike"
            throw TrainingError(
                "step \(state.globalStep): \(arguments.metricForBestModel) is not a number\(advice); checkpoints "
                    + "written before are untouched"
            )
        }
        state.lastMetrics = metrics
        state.evaluatedStep = state.globalStep
        let gain = state.bestMetric.map { arguments.greaterIsBetter ? value - $0 : $0 - value } ?? .infinity
        let isBest = gain > arguments.earlyStoppingThreshold || state.bestMetric == nil
        if isBest {
            state.bestMetric = value
            state.bestStep = state.globalStep
            state.bestMetrics = metrics
            state.evaluationsWithoutImprovement = 0
        } else {
            state.evaluationsWithoutImprovement += 1
        }
        schedule.observe(metric: value, isBetterWhenGreater: arguments.greaterIsBetter)
        try log?.write(
            step: state.globalStep,
            metrics.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) },
            group: "eval"
        )
        report(.evaluated(step: state.globalStep, metrics: metrics, isBest: isBest))
        return isBest
    }

    /// Leaves the chosen model in the output folder.
    ///
    /// - Returns: Whether it is the best evaluated one, not the last.
    func finish() throws -> Bool {
        var isBest = state.bestStep == state.globalStep
        if arguments.loadBestModelAtEnd, let best = state.bestStep, best != state.globalStep {
            let path = store.path(step: best)
            if let damage = store.damage(of: path) {
                report(
                    .warning(
                        "the best checkpoint \(path) is damaged (\(damage)); the last weights are the result"
                    )
                )
            } else {
                try objective.loadModel(from: path)
                isBest = true
            }
        }
        try objective.saveModel(to: arguments.outputDir)
        return isBest
    }
}
