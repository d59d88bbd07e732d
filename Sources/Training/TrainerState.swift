import Foundation

/// Everything besides weights and optimizer state that a run needs to go on exactly: `trainer_state.json`.
public struct TrainerState: Codable, Equatable, Sendable {
    /// The format of this file.
    public var version = 1
    /// Optimizer steps done.
    public var globalStep = 0
    /// Passes over the data so far.
    public var epoch = 0.0
    /// The number of steps of the whole run, as it is planned now.
    public var maxSteps = 0
    /// The best value of the deciding figure.
    public var bestMetric: Double?
    /// The step where it was reached.
    public var bestStep: Int?
    /// Evaluations since then.
    public var evaluationsWithoutImprovement = 0
    /// The step of the last evaluation.
    public var evaluatedStep = 0
    /// The figures of the last evaluation.
    public var lastMetrics: [String: Double] = [:]
    /// The best evaluation's figures.
    public var bestMetrics: [String: Double] = [:]
    /// The sum of the losses of the steps since the last log line, weighted by targets.
    public var lossSum = 0.0
    /// The targets of those steps.
    public var lossTargets = 0
    /// The state of a schedule that depends on evaluations.
    public var plateau: [String: Double] = [:]
    /// The seconds of training so far; nil in checkpoints of versions that did not keep them.
    public var seconds: Double?
    /// The plan of a run with a limit of time.
    public var plan: TimePlan?
    /// The seed of weights, order and dropout: a run goes on only with the one it began with.
    public var seed: UInt64 = 0
    /// The data's fingerprint: likewise.
    public var dataFingerprint = ""
    /// The settings that decide the weights, by key: likewise, unless changes are allowed; nil in checkpoints of
    /// versions that did not keep them.
    public var settings: [String: String]?
    /// The settings that were changed on the way; nil for none.
    public var changes: [SettingChange]?

    /// The state before the first step.
    public init() {}

    /// JSON has no infinity, which a perplexity reaches early in a run.
    static let encodingOfInfinity = JSONEncoder.NonConformingFloatEncodingStrategy.convertToString(
        positiveInfinity: "Infinity",
        negativeInfinity: "-Infinity",
        nan: "NaN"
    )
    /// The way back from ``encodingOfInfinity``.
    static let decodingOfInfinity = JSONDecoder.NonConformingFloatDecodingStrategy.convertFromString(
        positiveInfinity: "Infinity",
        negativeInfinity: "-Infinity",
        nan: "NaN"
    )
}
