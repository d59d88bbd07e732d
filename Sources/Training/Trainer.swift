import Foundation
import YuyanCheckpoints
import YuyanFileFormats
import YuyanNeuralNetworks
import YuyanOptimizers

/// Trains an objective: steps, accumulation, clipping, evaluation, early stopping, checkpoints, exact resumption.
///
/// A step depends on its number, the weights and the optimizer's state alone; a checkpoint holds the last two. A run
/// that is killed at any moment and started again therefore ends with the same weights, bit for bit, as one that was
/// not. Runs on the calling thread.
public final class Trainer<Objective: TrainingObjective> {
    /// What is trained.
    public let objective: Objective
    /// How.
    public let arguments: TrainingArguments
    private let optimizer: Optimizer
    private let schedule: LearningRateSchedule
    private let store: CheckpointStore
    private let dataFingerprint: String
    private let report: (TrainingEvent) -> Void
    private var state = TrainerState()
    private var log: TrainingLog?
    private let clock = ContinuousClock()
    private var speed = SpeedMeter()
    /// The machine's matrix peak; raised when training is faster than the measurement, which other work may have slowed.
    private var peakOperationsPerSecond: Double

    /// Makes a trainer.
    ///
    /// - Parameters:
    ///   - objective: What is trained.
    ///   - arguments: How, validated.
    ///   - optimizer: The optimizer over the model's parameters.
    ///   - schedule: The learning rate per step.
    ///   - dataFingerprint: What the data is; a checkpoint of other data is refused.
    ///   - settings: What else decides the weights, by key, each value as JSON; a checkpoint with others is refused
    ///     unless the arguments allow changes.
    ///   - peakOperationsPerSecond: The machine's matrix peak, 0 when unknown.
    ///   - report: Told of what happens, on the calling thread.
    public init(
        objective: Objective,
        arguments: TrainingArguments,
        optimizer: Optimizer,
        schedule: LearningRateSchedule,
        dataFingerprint: String,
        settings: [String: String] = [:],
        peakOperationsPerSecond: Double,
        report: @escaping (TrainingEvent) -> Void
    ) {
        self.objective = objective
        self.arguments = arguments
        self.optimizer = optimizer
        self.schedule = schedule
        self.dataFingerprint = dataFingerprint
        self.peakOperationsPerSecond = peakOperationsPerSecond
        self.report = report
        store = CheckpointStore(folder: arguments.outputDir)
        state.maxSteps = Self.stepCount(arguments, stepsPerEpoch: objective.stepsPerEpoch)
        state.seed = arguments.seed
        state.dataFingerprint = dataFingerprint
        state.settings = settings
    }

    /// The number of optimizer steps that arguments ask for.
    public static func stepCount(_ arguments: TrainingArguments, stepsPerEpoch: Int) -> Int {
        if arguments.maxSteps > 0 { return arguments.maxSteps }
        return max(1, Int((arguments.numTrainEpochs * Double(stepsPerEpoch)).rounded(.up)))
    }

    /// Trains until the end, a signal, or an error; goes on from the newest whole checkpoint where there is one.
    ///
    /// - Returns: How it ended.
    /// - Throws: ``TrainingError`` for a loss or gradient that is not finite, a checkpoint that does not belong to this
    ///   run, or a disk that refuses; checkpoints written before stay.
    public func run() throws -> TrainingOutcome {
        try arguments.validate()
        try FileManager.default.createDirectory(
            atPath: arguments.outputDir,
            withIntermediateDirectories: true
        )
        try resume()
        log = try TrainingLog(
            folder: arguments.outputDir,
            keepingStepsUpTo: state.globalStep,
            evaluationsUpTo: state.evaluatedStep,
            tensorboard: arguments.tensorboard
        )
        report(.started(step: state.globalStep, maxSteps: state.maxSteps))
        let start = clock.now
        var reason = TrainingOutcome.Reason.finished
        // A signal during an evaluation saves the step without it: it is made up for here.
        var goesOn = !hasRunOutOfPatience
        if isEvaluationMissing { goesOn = try afterStep() }
        while goesOn, state.globalStep < state.maxSteps, StopSignal.received == nil {
            try step()
            goesOn = try afterStep()
        }
        if !goesOn {
            reason = .stoppedEarly
        } else if let signal = StopSignal.received, state.globalStep < state.maxSteps || isEvaluationMissing {
            reason = .interrupted(signal: signal)
        }
        var isBest = false
        if case .interrupted = reason {
            try save()
        } else {
            isBest = try finish()
        }
        var outcome = TrainingOutcome(
            reason: reason,
            step: state.globalStep,
            metrics: isBest ? state.bestMetrics : state.lastMetrics,
            bestStep: state.bestStep,
            seconds: start.duration(to: clock.now).inSeconds
        )
        outcome.changes = state.changes ?? []
        report(.ended(outcome))
        return outcome
    }

    // MARK: A step

    private func step() throws {
        let begin = clock.now
        let number = state.globalStep
        let model = objective.model
        model.setTraining(true)
        model.clearGradients()
        let batches = try (0..<arguments.gradientAccumulationSteps).map {
            try objective.batch(step: number, microBatch: $0)
        }
        let targets = batches.reduce(0) { $0 + objective.targetCount($1) }
        guard targets > 0 else {
            throw TrainingError(
                "step \(number + 1): the batch has no targets that count; check the data and labels"
            )
        }
        var loss = 0.0
        for (position, batch) in batches.enumerated() {
            model.setRandom(seed: arguments.seed, call: UInt64(number * batches.count + position))
            loss += try backward(batch, scale: 1 / Float(targets), step: number)
        }
        let parameters = optimizer.parameters
        if arguments.maxGradValue > 0 {
            GradientClipping.clip(parameters, toMagnitude: arguments.maxGradValue)
        }
        let norm: Double
        do {
            norm = try GradientClipping.norm(of: parameters)
        } catch {
            throw TrainingError(
                "step \(number + 1): \(error); a lower learning rate may help; the weights and the last checkpoint are "
                    + "untouched"
            )
        }
        let limit = arguments.maxGradNorm
        let clipping = limit > 0 ? GradientClipping.scale(norm: norm, limit: limit) : 1
        let rate = schedule.learningRate(at: number)
        optimizer.step(learningRate: rate, gradientScale: clipping)
        state.globalStep += 1
        state.epoch = Double(state.globalStep) / Double(max(objective.stepsPerEpoch, 1))
        state.lossSum += loss * Double(targets)
        state.lossTargets += targets
        speed.add(
            tokens: batches.reduce(0) { $0 + objective.inputCount($1) },
            operations: objective.operationsPerStep,
            seconds: begin.duration(to: clock.now).inSeconds
        )
        try logIfDue(lastLoss: loss, rate: rate, norm: norm)
    }

    private func backward(_ batch: Objective.Batch, scale: Float, step: Int) throws -> Double {
        let tape = Tape()
        let loss = tape.record { objective.loss(batch, scale: scale) }
        let value = loss.item()
        guard value.isFinite else {
            throw TrainingError(
                "step \(step + 1): the loss is \(value)\(whereValuesAreNotFinite)"
                    + "; a lower learning rate or max_grad_norm may help; the last checkpoint is untouched"
            )
        }
        tape.backward(from: loss)
        return value
    }

    /// The first parameter with a value that is not finite.
    private var firstParameterNotFinite: String? {
        objective.model.namedParameters().first {
            $0.parameter.value.backend.firstNonFinite($0.parameter.value.view) != nil
        }?.name
    }

    /// A part of a message: in which parameter the first value lies that is not finite.
    private var whereValuesAreNotFinite: String {
        guard let name = firstParameterNotFinite else {
            let largest = objective.model.namedParameters().max { Self.size($0) < Self.size($1) }
            return "; all weights are finite, the largest are in \(largest?.name ?? "none")"
        }
        return "; the first value that is not finite is in \(name)"
    }

    /// The root of the mean square of a parameter.
    private static func size(_ named: NamedParameter) -> Double {
        let value = named.parameter.value
        let squares = value.backend.sumOfSquares(value.contiguous().view)
        return (squares / Double(max(value.shape.elementCount, 1))).squareRoot()
    }

    private func logIfDue(lastLoss: Double, rate: Double, norm: Double) throws {
        if peakOperationsPerSecond > 0 {
            peakOperationsPerSecond = max(peakOperationsPerSecond, speed.operationsPerSecond)
        }
        let share = peakOperationsPerSecond > 0 ? speed.operationsPerSecond / peakOperationsPerSecond : 0
        report(
            .progress(
                TrainingProgress(
                    step: state.globalStep,
                    maxSteps: state.maxSteps,
                    loss: lastLoss,
                    tokensPerSecond: speed.tokensPerSecond,
                    peakShare: share,
                    secondsLeft: Double(state.maxSteps - state.globalStep) * speed.secondsPerStep
                )
            )
        )
        guard state.globalStep % arguments.loggingSteps == 0 || state.globalStep == state.maxSteps else {
            return
        }
        let entry = TrainingLogEntry(
            step: state.globalStep,
            epoch: state.epoch,
            loss: state.lossTargets > 0 ? state.lossSum / Double(state.lossTargets) : 0,
            learningRate: rate,
            gradNorm: norm,
            tokensPerSecond: speed.tokensPerSecond,
            peakShare: share
        )
        state.lossSum = 0
        state.lossTargets = 0
        let values = [
            ("epoch", entry.epoch), ("loss", entry.loss), ("learning_rate", rate), ("grad_norm", norm),
            ("tokens_per_second", entry.tokensPerSecond), ("peak_share", share),
        ]
        try log?.write(step: entry.step, values.map { (key: $0.0, value: $0.1) }, group: "train")
        report(.logged(entry))
    }

    // MARK: Between steps

    private var isEvaluationDue: Bool {
        let step = state.globalStep
        return step == state.maxSteps || (arguments.evalSteps > 0 && step % arguments.evalSteps == 0)
    }

    /// Whether the step that was done last is to be judged and is not, because a signal cut that short.
    private var isEvaluationMissing: Bool {
        state.globalStep > 0 && state.evaluatedStep != state.globalStep && isEvaluationDue
    }

    private var hasRunOutOfPatience: Bool {
        arguments.earlyStoppingPatience > 0
            && state.evaluationsWithoutImprovement >= arguments.earlyStoppingPatience
    }

    /// Evaluates and saves where due; false when the run is to stop early.
    private func afterStep() throws -> Bool {
        let step = state.globalStep
        let isLast = step == state.maxSteps
        var improved = false
        if isEvaluationDue {
            guard let isBest = try evaluate() else { return true }
            improved = isBest
        }
        let isSaveDue = arguments.saveSteps > 0 && step % arguments.saveSteps == 0
        if isSaveDue || isLast || (improved && arguments.loadBestModelAtEnd) { try save() }
        return !hasRunOutOfPatience
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
            throw TrainingError(
                "metric_for_best_model is \(arguments.metricForBestModel), which the evaluation does not give; it gives "
                    + metrics.keys.sorted().joined(separator: ", ")
            )
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
    private func finish() throws -> Bool {
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

    // MARK: Saving and resuming

    private func save() throws {
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
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            encoder.nonConformingFloatEncodingStrategy = TrainerState.encodingOfInfinity
            try SafeFile.write(try encoder.encode(state), to: "\(folder)/trainer_state.json")
        }
        report(.saved(step: checkpoint.step, folder: checkpoint.path))
        try store.rotate(limit: arguments.saveTotalLimit, keep: state.bestStep, current: checkpoint.step)
    }

    private func resume() throws {
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

/// The speed over the last steps.
private struct SpeedMeter {
    private var steps: [(tokens: Int, operations: Double, seconds: Double)] = []

    mutating func add(tokens: Int, operations: Double, seconds: Double) {
        steps.append((tokens, operations, seconds))
        if steps.count > 20 { steps.removeFirst() }
    }

    private var seconds: Double { max(steps.reduce(0) { $0 + $1.seconds }, 1e-9) }
    var tokensPerSecond: Double { Double(steps.reduce(0) { $0 + $1.tokens }) / seconds }
    var operationsPerSecond: Double { steps.reduce(0) { $0 + $1.operations } / seconds }
    var secondsPerStep: Double { steps.isEmpty ? 0 : seconds / Double(steps.count) }
}
