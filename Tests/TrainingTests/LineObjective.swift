import Foundation
import YuyanCheckpoints
import YuyanOptimizers
import YuyanTraining

/// One row of weights.
final class Line: Module {
    let weight: Parameter

    init() { weight = Parameter(Tensor([0.5, -0.25, 0.125, 0.75] as [Float], shape: [2, 2])) }
}

/// Points of a line, learned by least squares; its evaluations can be scripted.
final class LineObjective: TrainingObjective {
    let line = Line()
    let stepsPerEpoch = 10
    let operationsPerStep: Double
    private let script: [Double]
    private let figures: [String: Double]
    private var evaluations = 0
    /// Called where a step begins, with its number, and where an evaluation does.
    var onStep: (Int) throws -> Void = { _ in }
    var onEvaluation: () -> Void = {}

    /// Makes an objective whose evaluations give the figures of a script, the last one again and again; without a
    /// script they give the real loss.
    ///
    /// Further figures stay as they are.
    init(
        script: [Double] = [],
        evaluationsDone: Int = 0,
        operationsPerStep: Double = 0,
        figures: [String: Double] = [:]
    ) {
        self.script = script
        self.figures = figures
        self.operationsPerStep = operationsPerStep
        evaluations = evaluationsDone
    }

    var model: any Module { line }

    var metricNames: [String] { ["eval_loss"] + figures.keys }

    /// Targets of unequal count: as many as the micro-batch's number and one.
    func batch(step: Int, microBatch: Int) throws -> [Double] {
        try onStep(step)
        return (0...microBatch).map { Double((step * 7 + microBatch * 3 + $0) % 5) - 2 }
    }

    func targetCount(_ batch: [Double]) -> Int { batch.count }

    func inputCount(_ batch: [Double]) -> Int { batch.count }

    func loss(_ batch: [Double], scale: Float) -> Tensor {
        let x = Tensor(batch.flatMap { [Float($0), 1] }, shape: [batch.count, 2])
        let y = Tensor(batch.flatMap { [Float($0 * 3 - 1), Float($0)] }, shape: [batch.count, 2])
        return meanSquaredError(linear(x, weight: line.weight.tensor()), y, reduction: .sum) * Double(scale)
    }

    func evaluate(isCancelled: () -> Bool) throws -> [String: Double] {
        evaluations += 1
        onEvaluation()
        let loss =
            script.isEmpty
            ? loss([-2, -1, 0, 1, 2], scale: 0.2).item() : script[min(evaluations, script.count) - 1]
        return figures.merging(["eval_loss": loss]) { $1 }
    }

    func saveModel(to folder: String) throws { try line.saveParameters(to: "\(folder)/model.safetensors") }

    func loadModel(from folder: String) throws { try line.loadParameters(from: WeightFiles(path: folder)) }

    /// The weights.
    var values: [Float] { line.weight.value.floats() }
}

/// A trainer of a line in a folder, and what it told.
final class LineRun {
    let objective: LineObjective
    private(set) var logged: [TrainingLogEntry] = []
    private(set) var warnings: [String] = []
    private(set) var saved: [Int] = []
    private(set) var evaluated: [Int] = []
    private(set) var planned: [Int] = []

    private let peak: Double

    init(_ objective: LineObjective, peakOperationsPerSecond: Double = 0) {
        self.objective = objective
        peak = peakOperationsPerSecond
    }

    func run(
        _ arguments: TrainingArguments,
        data: String = "points",
        settings: [String: String] = [:],
        now: @escaping () -> Double = RunClock.seconds
    ) throws -> TrainingOutcome {
        let trainer = Trainer(
            objective: objective,
            arguments: arguments,
            optimizer: try arguments.makeOptimizer(over: objective.line.namedParameters()) { _ in true },
            schedule: try arguments.makeSchedule(totalSteps: arguments.maxSteps),
            dataFingerprint: data,
            settings: settings,
            peakOperationsPerSecond: peak,
            now: now
        ) { event in
            switch event {
            case .logged(let entry): self.logged.append(entry)
            case .warning(let text): self.warnings.append(text)
            case .saved(let step, _): self.saved.append(step)
            case .evaluated(let step, _, _): self.evaluated.append(step)
            case .planned(_, let maxSteps): self.planned.append(maxSteps)
            default: break
            }
        }
        return try trainer.run()
    }
}

/// Arguments of a short run that writes to a folder.
func shortArguments(_ folder: String, steps: Int) -> TrainingArguments {
    var arguments = TrainingArguments()
    arguments.outputDir = folder
    arguments.maxSteps = steps
    arguments.learningRate = 0.05
    arguments.weightDecay = 0
    arguments.lrSchedulerType = "constant"
    arguments.loggingSteps = 1
    arguments.evalSteps = 0
    arguments.saveSteps = 0
    arguments.tensorboard = false
    return arguments
}
