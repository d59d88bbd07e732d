import Foundation

/// How probabilities are cut into bins.
public enum BinStrategy: String, Sendable, CaseIterable {
    /// Bins of equal width over 0 … 1.
    case equalWidth
    /// Bins between quantiles, so that each holds about as many examples; equal probabilities stay together.
    case equalMass
}

/// One bar of a reliability diagram.
public struct CalibrationBin: Sendable, Equatable {
    /// The end that the bin leaves out (the first bin has it).
    public let low: Double
    /// The end that belongs to the bin.
    public let high: Double
    /// The number of examples.
    public let count: Int
    /// The mean probability of the examples; NaN for none.
    public let meanProbability: Double
    /// The share of positive (or right) examples; NaN for none.
    public let positiveShare: Double
}

/// How well probabilities agree with what happened: the bins of a reliability diagram and the errors over them.
public struct Calibration: Sendable, Equatable {
    /// The bins from 0 to 1, empty ones included.
    public let bins: [CalibrationBin]

    /// Creates the diagram of yes/no predictions.
    ///
    /// For classes, give the highest probability of each example and whether its class was right. Bins are closed
    /// at their upper end, as scikit-learn's `calibration_curve` has them.
    /// Traps when `binCount` < 1.
    ///
    /// - Parameters:
    ///   - labels: whether each example is positive (or its prediction right).
    ///   - probabilities: the probability given to that.
    ///   - binCount: the number of bins.
    ///   - strategy: how to cut.
    /// - Throws: ``MetricError`` when lengths differ or a probability lies outside 0 … 1.
    public init(
        labels: [Bool],
        probabilities: [Double],
        binCount: Int = 10,
        strategy: BinStrategy = .equalWidth
    ) throws(MetricError) {
        require(binCount >= 1, "Calibration: at least one bin is needed, not \(binCount)")
        try checkLengths("probabilities", probabilities.count, labels.count)
        try checkProbabilities(probabilities)
        let shares = Self.equalWidthEdges(binCount)
        var edges = shares
        if strategy == .equalMass, !probabilities.isEmpty {
            let order = ascendingOrder(probabilities)
            let sorted = order.map { probabilities[$0.index] }
            edges = shares.map { quantile(sorted: sorted, $0 * 100 / 100) }
        }
        var counts = [Int](repeating: 0, count: binCount)
        var positives = counts
        var sums = [Double](repeating: 0, count: binCount)
        for (probability, label) in zip(probabilities, labels) {
            let bin = Self.bin(of: probability, edges: edges)
            counts[bin] += 1
            sums[bin] += probability
            if label { positives[bin] += 1 }
        }
        bins = (0..<binCount).map { bin in
            CalibrationBin(
                low: edges[bin],
                high: edges[bin + 1],
                count: counts[bin],
                meanProbability: sums[bin] / Double(counts[bin]),
                positiveShare: Double(positives[bin]) / Double(counts[bin])
            )
        }
    }

    /// The expected calibration error: |mean probability − positive share| averaged over examples; NaN for none.
    public var expectedError: Double {
        let all = bins.reduce(0) { $0 + $1.count }
        let gaps = bins.lazy.filter { $0.count > 0 }.map { Self.gap($0) * Double($0.count) }
        return all == 0 ? .nan : compensatedSum(gaps) / Double(all)
    }

    /// The maximum calibration error: the largest gap of any bin; NaN for no examples.
    public var maximumError: Double {
        bins.lazy.filter { $0.count > 0 }.map(Self.gap).max() ?? .nan
    }

    private static func gap(_ bin: CalibrationBin) -> Double { abs(bin.meanProbability - bin.positiveShare) }

    /// Returns a bootstrap interval of ``expectedError`` over bins of equal width.
    ///
    /// Traps when `binCount` or `resamples` < 1 or `confidence` lies outside 0 … 1.
    ///
    /// - Parameters:
    ///   - labels: whether each example is positive (or its prediction right).
    ///   - probabilities: the probability given to that.
    ///   - binCount: the number of bins.
    ///   - resamples: how many times to draw.
    ///   - confidence: 0.95 for 95 %.
    ///   - seed: seed of the draws.
    /// - Returns: the interval; NaN ends for no examples.
    /// - Throws: ``MetricError`` when lengths differ or a probability lies outside 0 … 1.
    public static func expectedErrorInterval(
        labels: [Bool],
        probabilities: [Double],
        binCount: Int = 10,
        resamples: Int = 2000,
        confidence: Double = 0.95,
        seed: UInt64 = 1
    ) throws(MetricError) -> ConfidenceInterval {
        require(binCount >= 1, "Calibration: at least one bin is needed, not \(binCount)")
        try checkLengths("probabilities", probabilities.count, labels.count)
        try checkProbabilities(probabilities)
        let edges = equalWidthEdges(binCount)
        let bins = probabilities.map { bin(of: $0, edges: edges) }
        let gaps = zip(probabilities, labels).map { $0 - ($1 ? 1 : 0) }
        return bootstrapInterval(
            count: labels.count,
            resamples: resamples,
            confidence: confidence,
            seed: seed
        ) { draw in
            var sums = [Double](repeating: 0, count: binCount)
            for index in draw { sums[bins[index]] += gaps[index] }
            return sums.reduce(0) { $0 + $1.magnitude } / Double(draw.count)
        }
    }

    /// Returns the ends of bins of equal width, from 0 to 1.
    private static func equalWidthEdges(_ binCount: Int) -> [Double] {
        (0...binCount).map { $0 == binCount ? 1 : Double($0) * (1 / Double(binCount)) }
    }

    /// Returns the first bin whose upper end is not below the probability.
    private static func bin(of probability: Double, edges: [Double]) -> Int {
        var (low, high) = (0, edges.count - 2)
        while low < high {
            let middle = (low + high) / 2
            if edges[middle + 1] < probability { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Throws when a probability lies outside 0 … 1.
func checkProbabilities(_ probabilities: [Double]) throws(MetricError) {
    for (index, probability) in probabilities.enumerated() where !(probability >= 0 && probability <= 1) {
        throw .invalidNumber(probability, index: index, wanted: "a probability of 0 … 1")
    }
}

/// Returns the weighted mean of a penalty over examples.
private func weightedMean(_ values: [Double], _ weights: [Double]?) -> Double {
    guard let weights else { return mean(values) }
    return compensatedSum(zip(values, weights).lazy.map { $0 * $1 }) / compensatedSum(weights)
}

/// Returns the Brier score of yes/no predictions: the mean of (probability − outcome)².
///
/// - Parameters:
///   - labels: whether each example is positive.
///   - probabilities: the probability given to that.
///   - weights: the weight of each example; nil for 1 each.
/// - Returns: the score, 0 at best and 1 at worst; NaN for no examples.
/// - Throws: ``MetricError`` when lengths differ, a probability lies outside 0 … 1 or a weight is negative.
public func brierScore(
    labels: [Bool],
    probabilities: [Double],
    weights: [Double]? = nil
) throws(MetricError) -> Double {
    try checkLengths("probabilities", probabilities.count, labels.count)
    try checkProbabilities(probabilities)
    try checkWeights(weights, count: labels.count)
    let penalties = zip(labels, probabilities).map { label, probability in
        let gap = probability - (label ? 1 : 0)
        return gap * gap
    }
    return weightedMean(penalties, weights)
}

/// Returns the Brier score of classes: the mean over examples of Σ (probability − outcome)² over classes.
///
/// With two classes it is twice the score of the yes/no form.
///
/// - Parameters:
///   - labels: the true class of each of N examples.
///   - probabilities: N × C probabilities in rows.
///   - classCount: the number of classes C.
///   - weights: the weight of each example; nil for 1 each.
/// - Returns: the score, 0 at best and 2 at worst; NaN for no examples.
/// - Throws: ``MetricError`` when lengths differ, a class or a probability is out of range or a weight is negative.
public func brierScore(
    labels: [Int],
    probabilities: [Double],
    classCount: Int,
    weights: [Double]? = nil
) throws(MetricError) -> Double {
    try checkRows(labels: labels, probabilities: probabilities, classCount: classCount, weights: weights)
    let penalties = labels.enumerated().map { row, label in
        var sum = 0.0
        for column in 0..<classCount {
            let gap = probabilities[row * classCount + column] - (column == label ? 1 : 0)
            sum += gap * gap
        }
        return sum
    }
    return weightedMean(penalties, weights)
}

/// Returns the log loss of yes/no predictions: the mean negative logarithm of the probability given to what happened.
///
/// Probabilities are kept 2⁻⁵² away from 0 and 1, so that one sure mistake costs 36.04 and not everything.
///
/// - Parameters:
///   - labels: whether each example is positive.
///   - probabilities: the probability given to that.
///   - weights: the weight of each example; nil for 1 each.
/// - Returns: the loss in nats; NaN for no examples.
/// - Throws: ``MetricError`` when lengths differ, a probability lies outside 0 … 1 or a weight is negative.
public func logLoss(
    labels: [Bool],
    probabilities: [Double],
    weights: [Double]? = nil
) throws(MetricError) -> Double {
    try checkLengths("probabilities", probabilities.count, labels.count)
    try checkProbabilities(probabilities)
    try checkWeights(weights, count: labels.count)
    let losses = zip(labels, probabilities).map { label, probability in
        -log(clippedProbability(label ? probability : 1 - probability))
    }
    return weightedMean(losses, weights)
}

/// Returns the log loss of classes: the mean negative logarithm of the probability given to the true class.
///
/// Probabilities are kept 2⁻⁵² away from 0 and 1; they are not made to sum to 1.
///
/// - Parameters:
///   - labels: the true class of each of N examples.
///   - probabilities: N × C probabilities in rows.
///   - classCount: the number of classes C.
///   - weights: the weight of each example; nil for 1 each.
/// - Returns: the loss in nats; NaN for no examples.
/// - Throws: ``MetricError`` when lengths differ, a class or a probability is out of range or a weight is negative.
public func logLoss(
    labels: [Int],
    probabilities: [Double],
    classCount: Int,
    weights: [Double]? = nil
) throws(MetricError) -> Double {
    try checkRows(labels: labels, probabilities: probabilities, classCount: classCount, weights: weights)
    let losses = labels.enumerated().map { -log(clippedProbability(probabilities[$0 * classCount + $1])) }
    return weightedMean(losses, weights)
}

private func clippedProbability(_ probability: Double) -> Double {
    min(max(probability, Double.ulpOfOne), 1 - Double.ulpOfOne)
}

private func checkRows(
    labels: [Int],
    probabilities: [Double],
    classCount: Int,
    weights: [Double]?
) throws(MetricError) {
    let (wanted, overflow) = labels.count.multipliedReportingOverflow(by: classCount)
    try checkLengths("probabilities", probabilities.count, overflow ? .max : wanted)
    try checkClasses(labels, classCount: classCount)
    try checkProbabilities(probabilities)
    try checkWeights(weights, count: labels.count)
}
