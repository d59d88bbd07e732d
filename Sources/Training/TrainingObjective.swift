import YuyanNeuralNetworks

/// What a trainer trains: a model, batches that depend on their number alone, a loss, and an evaluation.
public protocol TrainingObjective: AnyObject {
    /// A batch on the host.
    associatedtype Batch

    /// The model in training.
    var model: any Module { get }
    /// The number of optimizer steps in one pass over the data.
    var stepsPerEpoch: Int { get }
    /// Floating-point operations of one step's forward and backward pass, matrix products only; for the share of
    /// the machine's peak.
    var operationsPerStep: Double { get }

    /// The names of the figures that ``evaluate(isCancelled:)`` gives.
    var metricNames: [String] { get }

    /// The micro-batch of a step. The same numbers give the same batch, whatever was asked before.
    func batch(step: Int, microBatch: Int) throws -> Batch
    /// The number of targets in a batch that count, by which losses are weighted.
    func targetCount(_ batch: Batch) -> Int
    /// The number of input tokens (or rows) in a batch, for the speed.
    func inputCount(_ batch: Batch) -> Int
    /// The sum of the losses of a batch's targets times `scale`, recorded on the current tape.
    func loss(_ batch: Batch, scale: Float) -> Tensor
    /// Judges the model; the keys are ``metricNames``, begin with `eval_`, and `eval_loss` is among them.
    func evaluate(isCancelled: () -> Bool) throws -> [String: Double]
    /// Writes the model folder: configuration, weights, tokenizer.
    func saveModel(to folder: String) throws
    /// Reads weights that ``saveModel(to:)`` wrote.
    func loadModel(from folder: String) throws
}

/// What a trainer tells while it runs.
public enum TrainingEvent: Sendable {
    /// The run begins, or goes on after `step` steps.
    case started(step: Int, maxSteps: Int)
    /// The run has a limit of time, of which so much is used.
    case limited(TimePlan, secondsUsed: Double)
    /// Another number of steps is planned, so that the run ends with its time.
    case planned(step: Int, maxSteps: Int)
    /// A step has ended; for progress bars.
    case progress(TrainingProgress)
    /// A log line is due.
    case logged(TrainingLogEntry)
    /// An evaluation begins.
    case evaluating(step: Int)
    /// An evaluation has ended.
    case evaluated(step: Int, metrics: [String: Double], isBest: Bool)
    /// A checkpoint is complete.
    case saved(step: Int, folder: String)
    /// Something that the user should know, for example a damaged checkpoint that was passed over.
    case warning(String)
    /// The run has ended.
    case ended(TrainingOutcome)
}

/// How far a run is.
public struct TrainingProgress: Sendable, Equatable {
    /// Steps done.
    public var step: Int
    /// Steps to do.
    public var maxSteps: Int
    /// The loss of the last step.
    public var loss: Double
    /// Input tokens (or rows) per second over the last steps.
    public var tokensPerSecond: Double
    /// The rate of matrix products as a share of this machine's measured peak.
    public var peakShare: Double
    /// Seconds until the end at this speed.
    public var secondsLeft: Double
}

/// A line of `train.jsonl`.
public struct TrainingLogEntry: Sendable, Equatable, Codable {
    /// Steps done.
    public var step: Int
    /// Passes over the data so far.
    public var epoch: Double
    /// The mean loss per target since the last line.
    public var loss: Double
    /// The learning rate of the last step.
    public var learningRate: Double
    /// The gradient's global norm at the last step, before clipping.
    public var gradNorm: Double
    /// Input tokens (or rows) per second since the last line.
    public var tokensPerSecond: Double
    /// The rate of matrix products as a share of this machine's measured peak.
    public var peakShare: Double
}

/// How a run ended.
public struct TrainingOutcome: Sendable, Equatable {
    /// Why a run ended.
    public enum Reason: Sendable, Equatable {
        /// All steps are done.
        case finished
        /// Evaluations stopped improving.
        case stoppedEarly
        /// A signal asked to stop; the state is saved.
        case interrupted(signal: Int32)
    }

    /// Why.
    public var reason: Reason
    /// Steps done.
    public var step: Int
    /// The last evaluation's figures; with the best model loaded at the end, the best one's.
    public var metrics: [String: Double]
    /// The step of the best evaluation, if there was one.
    public var bestStep: Int?
    /// Seconds spent training in this process.
    public var seconds: Double
    /// The settings that were changed on the way.
    public var changes: [SettingChange] = []
    /// The limit of time in seconds, where it ended the run before the number of steps did.
    public var timeLimit: Double?

    /// Describes how a run ended.
    ///
    /// - Parameters:
    ///   - reason: Why.
    ///   - step: Steps done.
    ///   - metrics: The last evaluation's figures.
    ///   - bestStep: The step of the best evaluation, if there was one.
    ///   - seconds: Seconds spent training in this process.
    public init(reason: Reason, step: Int, metrics: [String: Double], bestStep: Int?, seconds: Double) {
        (self.reason, self.step, self.metrics) = (reason, step, metrics)
        (self.bestStep, self.seconds) = (bestStep, seconds)
    }
}
