import Foundation
import YuyanCheckpoints
import YuyanFileFormats
import YuyanOptimizers

// Saving, going on, and the limit of time.

extension Trainer {
    // MARK: The limit of time

    /// The seconds of training so far, in earlier processes too.
    var secondsUsed: Double { now() - began }

    /// Begins the plan of a run with a limit of time, or goes on with the checkpoint's.
    func beginPlan() throws {
        guard arguments.maxSeconds > 0 else {
            state.plan = nil
            return
        }
        let (limit, most) = (arguments.maxSeconds, state.maxSteps)
        var plan = state.plan ?? TimePlan(maxSeconds: limit, mostSteps: most)
        if state.plan == nil || plan.maxSeconds != limit || plan.mostSteps != most {
            plan.limit(maxSeconds: limit, mostSteps: most, step: state.globalStep, seconds: secondsUsed)
        }
        try follow(plan)
    }

    /// Plans the steps anew where it is time for that.
    func lookAtClock() throws {
        guard var plan = state.plan else { return }
        let isChanged = plan.look(
            step: state.globalStep,
            seconds: secondsUsed,
            isEvaluationDue: isEvaluationOfInterval
        )
        guard isChanged else {
            state.plan = plan
            return
        }
        try follow(plan)
        report(.planned(step: state.globalStep, maxSteps: plan.maxSteps))
    }

    private func follow(_ plan: TimePlan) throws {
        state.plan = plan
        guard plan.maxSteps != state.maxSteps else { return }
        state.maxSteps = plan.maxSteps
        let known = schedule.state
        schedule = try arguments.makeSchedule(totalSteps: max(plan.maxSteps, 1))
        try schedule.restore(known)
    }

    // MARK: Saving and resuming

    func save() throws {
        if let name = firstParameterNotFinite {
            throw TrainingError(
                "after step \(state.globalStep), \(name) holds values that are not finite, and no checkpoint of them "
                    + "is written; a lower learning rate or max_grad_norm may help; earlier checkpoints are untouched"
            )
        }
        let checkpoint = try store.save(step: state.globalStep) { folder in
            try objective.saveModel(to: folder)
            try OptimizerFile.save(optimizer, to: "\(folder)/optimizer.safetensors")
            state.plateau = schedule.state
            state.seconds = secondsUsed
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            encoder.nonConformingFloatEncodingStrategy = TrainerState.encodingOfInfinity
            try SafeFile.write(try encoder.encode(state), to: "\(folder)/trainer_state.json")
        }
        report(.saved(step: checkpoint.step, folder: checkpoint.path))
        try store.rotate(limit: arguments.saveTotalLimit, keep: state.bestStep, current: checkpoint.step)
    }

    func resume() throws {
        guard let checkpoint = try store.newestValid(warn: { report(.warning($0)) }) else { return }
        let path = "\(checkpoint.path)/trainer_state.json"
        let saved: TrainerState
        do {
            let decoder = JSONDecoder()
            decoder.nonConformingFloatDecodingStrategy = TrainerState.decodingOfInfinity
            saved = try decoder.decode(
                TrainerState.self,
                from: Data(contentsOf: URL(fileURLWithPath: path))
            )
        } catch {
            throw TrainingError("\(path) cannot be read: \(error)")
        }
        func same(_ name: String, _ old: some Equatable, _ new: some Equatable, _ matches: Bool) throws {
            guard !matches else { return }
            throw TrainingError(
                "\(checkpoint.path) belongs to a run with \(name) \(old), this one has \(new); use another output_dir "
                    + "or remove the folder"
            )
        }
        try same("seed", saved.seed, state.seed, saved.seed == state.seed)
        try same(
            "data fingerprint",
            saved.dataFingerprint,
            dataFingerprint,
            saved.dataFingerprint == dataFingerprint
        )
        let changes = try changes(since: saved, checkpoint.path)
        let (maxSteps, settings) = (state.maxSteps, state.settings)
        try objective.loadModel(from: checkpoint.path)
        try OptimizerFile.restore(optimizer, from: "\(checkpoint.path)/optimizer.safetensors")
        state = saved
        (state.maxSteps, state.settings) = (maxSteps, settings)
        if !changes.isEmpty { state.changes = (saved.changes ?? []) + changes }
        if changes.contains(where: { Self.keysOfMetric.contains($0.key) }) {
            // What one figure found to be the best says nothing of another.
            (state.bestMetric, state.bestStep, state.bestMetrics) = (nil, nil, [:])
            state.evaluationsWithoutImprovement = 0
        }
        // A schedule that evaluations decide begins anew when it is another one.
        if !changes.contains(where: { Self.keysOfSchedule.contains($0.key) }) {
            try schedule.restore(saved.plateau)
        }
    }

    /// The settings that say by which figure models are judged.
    private static var keysOfMetric: Set<String> {
        ["training.metric_for_best_model", "training.greater_is_better"]
    }
    /// The settings that a schedule's state goes with.
    private static var keysOfSchedule: Set<String> {
        keysOfMetric.union(["training.lr_scheduler_type", "training.learning_rate"])
    }

    /// What is set otherwise than in a checkpoint; refused unless the arguments allow it.
    private func changes(since saved: TrainerState, _ path: String) throws -> [SettingChange] {
        let changes = SettingChange.between(
            saved.settings ?? [:],
            state.settings ?? [:],
            step: saved.globalStep
        )
        guard !changes.isEmpty else { return [] }
        let list = changes.map { "\($0)" }.joined(separator: ", ")
        guard arguments.ignoreChangedSettings else {
            throw TrainingError(
                "\(path) belongs to a run with other settings: \(list); set them as they were, use another output_dir, "
                    + "or go on all the same with training.ignore_changed_settings=true"
            )
        }
        report(.warning("settings are not those of the run so far: \(list)"))
        return changes
    }
}
