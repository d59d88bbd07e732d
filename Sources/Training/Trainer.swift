import Foundation
import YuyanCheckpoints
import YuyanFileFormats
import YuyanNeuralNetworks
import YuyanOptimizers

/// Trains an objective: steps, accumulation, clipping, evaluation, early stopping, checkpoints, exact resumption.
///
/// A step depends on its number, the weights and the optimizer's state alone; a checkpoint holds the last two. A run
/// that is killed at any moment and started again therefore ends with the same weights, bit for bit, as one that was
/// not. With a limit of time the number of steps follows the clock, and so does the learning rate: the checkpoint holds
/// the plan as well. Runs on the calling thread.
public final class Trainer<Objective: TrainingObjective> {
    /// What is trained.
    public let objective: Objective
    /// How.
    public let arguments: TrainingArguments
    let optimizer: Optimizer
    var schedule: LearningRateSchedule
    let store: CheckpointStore
    let dataFingerprint: String
    let report: (TrainingEvent) -> Void
    var state = TrainerState()
    var log: TrainingLog?
    let now: () -> Double
    /// When the run began by `now`, less the seconds that it had used before.
    var began = 0.0
    private var speed = SpeedMeter()
    /// The machine's matrix peak; raised when training is faster than the measurement, which other work may have slowed.
    private var peakOperationsPerSecond: Double

    /// Makes a trainer.
    ///
    /// - Parameters:
    ///   - objective: What is trained.
    ///   - arguments: How, validated.
    ///   - optimizer: The optimizer over the model's parameters.
    ///   - schedule: The learning rate per step; with a limit of time the arguments' own takes its place as soon as
    ///     fewer steps are planned.
    ///   - dataFingerprint: What the data is; a checkpoint of other data is refused.
    ///   - settings: What else decides the weights, by key, each value as JSON; a checkpoint with others is refused
    ///     unless the arguments allow changes.
    ///   - peakOperationsPerSecond: The machine's matrix peak, 0 when unknown.
    ///   - now: The clock, in seconds.
    ///   - report: Told of what happens, on the calling thread.
    public init(
        objective: Objective,
        arguments: TrainingArguments,
        optimizer: Optimizer,
        schedule: LearningRateSchedule,
        dataFingerprint: String,
        settings: [String: String] = [:],
        peakOperationsPerSecond: Double,
        now: @escaping () -> Double = RunClock.seconds,
        report: @escaping (TrainingEvent) -> Void
    ) {
        self.objective = objective
        self.arguments = arguments
        self.optimizer = optimizer
        self.schedule = schedule
        self.dataFingerprint = dataFingerprint
        self.peakOperationsPerSecond = peakOperationsPerSecond
        self.now = now
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
    ///   run, a disk that refuses, or arguments that do not fit; checkpoints written before stay.
    public func run() throws -> TrainingOutcome {
        try arguments.validate()
        let metrics = objective.metricNames
        guard metrics.contains(arguments.metricForBestModel) else { throw unknownMetric(among: metrics) }
        try SafeFile.makeFolder(arguments.outputDir)
        try store.removeLeftovers()
        let start = now()
        try resume()
        began = start - (state.seconds ?? 0)
        try beginPlan()
        log = try TrainingLog(
            folder: arguments.outputDir,
            keepingStepsUpTo: state.globalStep,
            evaluationsUpTo: state.evaluatedStep,
            tensorboard: arguments.tensorboard
        )
        report(.started(step: state.globalStep, maxSteps: state.maxSteps))
        if let plan = state.plan { report(.limited(plan, secondsUsed: secondsUsed)) }
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
            seconds: now() - start
        )
        if reason == .finished, let plan = state.plan, state.globalStep < plan.mostSteps {
            outcome.timeLimit = plan.maxSeconds
        }
        outcome.changes = state.changes ?? []
        report(.ended(outcome))
        return outcome
    }

    // MARK: A step

    private func step() throws {
        let begin = now()
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
            seconds: now() - begin
        )
        try lookAtClock()
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
    var firstParameterNotFinite: String? {
        objective.model.namedParameters().first {
            $0.parameter.value.backend.firstNonFinite($0.parameter.value.view) != nil
        }?.name
    }

    /// A part of a message: in which parameter the first value lies that is not finite.
    var whereValuesAreNotFinite: String {
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
                    secondsLeft: min(
                        Double(state.maxSteps - state.globalStep) * speed.secondsPerStep,
                        state.plan.map { max(0, $0.maxSeconds - secondsUsed) } ?? .infinity
                    )
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
