/// Lowers the learning rate when a metric has stopped improving, as PyTorch's `ReduceLROnPlateau`.
///
/// The whole value is its state: encoding and decoding it resumes a run.
public struct ReduceOnPlateau: Codable, Sendable, Hashable {
    /// Which metrics are better.
    public enum Mode: String, Codable, Sendable {
        /// Lower ones, for example losses.
        case min
        /// Higher ones, for example accuracies.
        case max
    }

    /// What the threshold is measured in.
    public enum ThresholdMode: String, Codable, Sendable {
        /// A part of the best metric.
        case relative = "rel"
        /// The metric's own unit.
        case absolute = "abs"
    }

    /// Which metrics are better.
    public var mode: Mode
    /// What the learning rate is multiplied by, from 0 to 1.
    public var factor: Double
    /// How many observations without improvement are borne.
    public var patience: Int
    /// By how much a metric must pass the best one to be an improvement.
    public var threshold: Double
    /// What the threshold is measured in.
    public var thresholdMode: ThresholdMode
    /// How many observations after a reduction do not count.
    public var cooldown: Int
    /// The lowest learning rate.
    public var minimumLearningRate: Double
    /// The smallest change of the learning rate that is made.
    public var epsilon: Double

    /// The learning rate now.
    public private(set) var learningRate: Double
    /// The best metric so far; nil before the first finite observation.
    public private(set) var best: Double?
    /// The observations since the last improvement.
    public private(set) var badObservations = 0
    /// The observations that still do not count.
    public private(set) var remainingCooldown = 0

    /// Begins with a learning rate and PyTorch's defaults.
    ///
    /// - Parameters:
    ///   - learningRate: The learning rate to begin with.
    ///   - mode: Which metrics are better.
    ///   - factor: What the learning rate is multiplied by.
    ///   - patience: How many observations without improvement are borne.
    ///   - threshold: By how much a metric must pass the best one.
    ///   - thresholdMode: What the threshold is measured in.
    ///   - cooldown: How many observations after a reduction do not count.
    ///   - minimumLearningRate: The lowest learning rate.
    ///   - epsilon: The smallest change that is made.
    /// - Throws: ``OptimizerError/invalidHyperparameter(name:value:expected:)`` when a number lies outside its range.
    public init(
        learningRate: Double,
        mode: Mode = .min,
        factor: Double = 0.1,
        patience: Int = 10,
        threshold: Double = 1e-4,
        thresholdMode: ThresholdMode = .relative,
        cooldown: Int = 0,
        minimumLearningRate: Double = 0,
        epsilon: Double = 1e-8
    ) throws(OptimizerError) {
        try check(factor >= 0 && factor < 1, "factor", factor, "a number from 0 (included) to 1 (excluded)")
        try check(patience >= 0, "patience", Double(patience), "a number of at least 0")
        try check(cooldown >= 0, "cooldown", Double(cooldown), "a number of at least 0")
        try check(threshold >= 0, "threshold", threshold, "a number of at least 0")
        self.learningRate = learningRate
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.thresholdMode = thresholdMode
        self.cooldown = cooldown
        self.minimumLearningRate = minimumLearningRate
        self.epsilon = epsilon
    }

    /// Takes a metric into account and lowers the learning rate when it is time.
    ///
    /// - Parameter metric: The metric, for example a validation loss; NaN is no improvement.
    /// - Returns: Whether the learning rate was lowered.
    @discardableResult
    public mutating func observe(_ metric: Double) -> Bool {
        if isBetter(metric) {
            best = metric
            badObservations = 0
        } else {
            badObservations += 1
        }
        if remainingCooldown > 0 {
            remainingCooldown -= 1
            badObservations = 0
        }
        guard badObservations > patience else { return false }
        remainingCooldown = cooldown
        badObservations = 0
        let lowered = Swift.max(learningRate * factor, minimumLearningRate)
        guard learningRate - lowered > epsilon else { return false }
        learningRate = lowered
        return true
    }

    /// Puts back what ``state`` gave.
    mutating func restore(_ state: [String: Double]) throws(OptimizerError) {
        var state = state
        func take(_ name: String, from state: inout [String: Double]) throws(OptimizerError) -> Double {
            guard let value = state.removeValue(forKey: name) else {
                throw .missingState(name: "schedule.\(name)")
            }
            return value
        }
        func takeCount(_ name: String, from state: inout [String: Double]) throws(OptimizerError) -> Int {
            let value = try take(name, from: &state)
            guard let count = Int(exactly: value), count >= 0 else {
                throw .mismatchedState(
                    name: "schedule.\(name)",
                    found: String(value),
                    expected: "a whole number of at least 0"
                )
            }
            return count
        }
        let rate = try take("learning_rate", from: &state)
        let bad = try takeCount("bad_observations", from: &state)
        let cooling = try takeCount("remaining_cooldown", from: &state)
        let newBest = state.removeValue(forKey: "best")
        if let name = state.keys.min() { throw .unexpectedState(name: "schedule.\(name)") }
        learningRate = rate
        badObservations = bad
        remainingCooldown = cooling
        best = newBest
    }

    private func isBetter(_ metric: Double) -> Bool {
        guard let best else { return metric.isFinite }
        switch (mode, thresholdMode) {
        case (.min, .relative): return metric < best * (1 - threshold)
        case (.min, .absolute): return metric < best - threshold
        case (.max, .relative): return metric > best * (1 + threshold)
        case (.max, .absolute): return metric > best + threshold
        }
    }
}
