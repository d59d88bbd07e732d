/// The receiver operating characteristic: true against false positives as the threshold falls.
public struct ROCCurve: Sendable, Equatable {
    /// The share of negatives at or above each threshold; NaN when there are no negatives.
    public let falsePositiveRates: [Double]
    /// The share of positives at or above each threshold; NaN when there are no positives.
    public let truePositiveRates: [Double]
    /// The thresholds, falling; the first is +∞, where nothing is predicted positive.
    public let thresholds: [Double]

    /// The area under the curve by the trapezoidal rule; NaN when positives or negatives are missing.
    public var area: Double { trapezoidArea(x: falsePositiveRates, y: truePositiveRates) }
}

/// Precision against recall as the threshold rises.
public struct PrecisionRecallCurve: Sendable, Equatable {
    /// The precision at each threshold, then 1.
    public let precisions: [Double]
    /// The recall at each threshold, then 0; 1 throughout when there are no positives.
    public let recalls: [Double]
    /// The thresholds, rising; one fewer than the points.
    public let thresholds: [Double]

    /// The mean precision weighted by the steps in recall (not interpolated).
    public var averagePrecision: Double {
        var terms: [Double] = []
        for index in 0..<max(recalls.count - 1, 0) {
            terms.append((recalls[index] - recalls[index + 1]) * precisions[index])
        }
        return max(0, compensatedSum(terms))
    }
}

/// Returns the receiver operating characteristic of scores for a yes/no question.
///
/// Equal scores share a point. Traps when the arrays differ in length, a score is NaN or a weight is negative.
///
/// - Parameters:
///   - labels: whether each example is positive.
///   - scores: each example's score; higher means more likely positive.
///   - weights: the weight of each example; nil for 1 each.
///   - dropIntermediate: leaves out points on straight lines, which change no area.
/// - Returns: the curve; rates are NaN where positives or negatives are missing.
public func rocCurve(
    labels: [Bool],
    scores: [Double],
    weights: [Double]? = nil,
    dropIntermediate: Bool = true
) -> ROCCurve {
    let steps = cumulativeCounts(labels: labels, scores: scores, weights: weights)
    var kept = Array(steps.indices)
    if dropIntermediate, steps.count > 2 {
        kept = steps.indices.filter { index in
            if index == steps.startIndex || index == steps.endIndex - 1 { return true }
            let (before, here, after) = (steps[index - 1], steps[index], steps[index + 1])
            func bends(_ count: (ThresholdCounts) -> Double) -> Bool {
                (count(after) - count(here)) - (count(here) - count(before)) != 0
            }
            return bends(\.falsePositives) || bends(\.truePositives)
        }
    }
    let (positives, negatives) = (steps.last?.truePositives ?? 0, steps.last?.falsePositives ?? 0)
    func rate(_ count: Double, of all: Double) -> Double { all <= 0 ? .nan : count / all }
    return ROCCurve(
        falsePositiveRates: [rate(0, of: negatives)]
            + kept.map { rate(steps[$0].falsePositives, of: negatives) },
        truePositiveRates: [rate(0, of: positives)]
            + kept.map { rate(steps[$0].truePositives, of: positives) },
        thresholds: [.infinity] + kept.map { steps[$0].threshold }
    )
}

/// Returns the area under the receiver operating characteristic.
///
/// It is the chance that a positive example scores above a negative one, ties counting one half.
/// Traps when the arrays differ in length, a score is NaN or a weight is negative.
///
/// - Parameters:
///   - labels: whether each example is positive.
///   - scores: each example's score; higher means more likely positive.
///   - weights: the weight of each example; nil for 1 each.
/// - Returns: the area; NaN when positives or negatives are missing.
public func rocAUC(labels: [Bool], scores: [Double], weights: [Double]? = nil) -> Double {
    // The same trapezoids as under the curve, without keeping it.
    var (before, area) = ((truePositives: 0.0, falsePositives: 0.0), 0.0)
    forEachThreshold(labels: labels, scores: scores, weights: weights) { step in
        area +=
            (step.falsePositives - before.falsePositives) * (step.truePositives + before.truePositives) / 2
        before = (step.truePositives, step.falsePositives)
    }
    let pairs = before.truePositives * before.falsePositives
    return pairs > 0 ? area / pairs : .nan
}

/// Returns the average precision: the mean of precision over the steps in recall, not interpolated.
///
/// Traps when the arrays differ in length, a score is NaN or a weight is negative.
///
/// - Parameters:
///   - labels: whether each example is positive.
///   - scores: each example's score; higher means more likely positive.
///   - weights: the weight of each example; nil for 1 each.
/// - Returns: the average precision; 0 when there are no positives.
public func averagePrecision(labels: [Bool], scores: [Double], weights: [Double]? = nil) -> Double {
    var (found, sum) = (0.0, 0.0)
    forEachThreshold(labels: labels, scores: scores, weights: weights) { step in
        if step.truePositives > found {
            sum +=
                (step.truePositives - found) * step.truePositives
                / (step.truePositives + step.falsePositives)
            found = step.truePositives
        }
    }
    return found > 0 ? sum / found : 0
}

/// Returns the area under each class's curve against all others.
///
/// Traps when the counts do not agree or a label lies outside 0 ..< C.
///
/// - Parameters:
///   - labels: the true class of each of N examples.
///   - scores: N × C scores in rows.
///   - classCount: the number of classes C.
///   - weights: the weight of each example; nil for 1 each.
/// - Returns: an area for each class; NaN for classes with no example or with all of them.
public func rocAUCByClass(
    labels: [Int],
    scores: [Double],
    classCount: Int,
    weights: [Double]? = nil
) -> [Double] {
    require(
        scores.count == labels.count * classCount && labels.allSatisfy { (0..<classCount).contains($0) },
        "rocAUCByClass: \(labels.count) labels in 0 ..< \(classCount) need "
            + "\(labels.count * classCount) scores, not \(scores.count)"
    )
    return (0..<classCount).map { wanted in
        rocAUC(
            labels: labels.map { $0 == wanted },
            scores: labels.indices.map { scores[$0 * classCount + wanted] },
            weights: weights
        )
    }
}

/// Returns the mean over classes of the area under each class's curve against all others.
///
/// Traps when the counts do not agree or a label lies outside 0 ..< C.
///
/// - Parameters:
///   - labels: the true class of each of N examples.
///   - scores: N × C scores in rows.
///   - classCount: the number of classes C.
///   - average: macro for the plain mean, weighted for a mean by the classes' frequencies, micro for one curve over
///     all N × C decisions.
///   - weights: the weight of each example; nil for 1 each.
/// - Returns: the mean area; NaN when any class has all examples or none, but that a class without examples counts
///   nothing in the weighted mean.
public func rocAUCOneVersusRest(
    labels: [Int],
    scores: [Double],
    classCount: Int,
    average: ClassAverage = .macro,
    weights: [Double]? = nil
) -> Double {
    if average == .micro {
        return rocAUC(
            labels: labels.flatMap { label in (0..<classCount).map { $0 == label } },
            scores: scores,
            weights: weights.map { $0.flatMap { [Double](repeating: $0, count: classCount) } }
        )
    }
    let areas = rocAUCByClass(labels: labels, scores: scores, classCount: classCount, weights: weights)
    if average == .macro { return mean(areas) }
    var frequencies = [Double](repeating: 0, count: classCount)
    for (index, label) in labels.enumerated() { frequencies[label] += weights?[index] ?? 1 }
    let terms = zip(areas, frequencies).map { $1 == 0 ? 0 : $0 * $1 }
    return compensatedSum(terms) / compensatedSum(frequencies)
}

/// Returns precision against recall for a yes/no question.
///
/// Traps when the arrays differ in length, a score is NaN or a weight is negative.
///
/// - Parameters:
///   - labels: whether each example is positive.
///   - scores: each example's score; higher means more likely positive.
///   - weights: the weight of each example; nil for 1 each.
/// - Returns: the curve from the lowest threshold to the highest, closed by (recall 0, precision 1).
public func precisionRecallCurve(
    labels: [Bool],
    scores: [Double],
    weights: [Double]? = nil
) -> PrecisionRecallCurve {
    let steps = cumulativeCounts(labels: labels, scores: scores, weights: weights)
    let positives = steps.last?.truePositives ?? 0
    return PrecisionRecallCurve(
        precisions: steps.reversed().map { $0.truePositives / ($0.truePositives + $0.falsePositives) } + [1],
        recalls: steps.reversed().map { positives == 0 ? 1 : $0.truePositives / positives } + [0],
        thresholds: steps.reversed().map(\.threshold)
    )
}

/// Returns the area under a polyline by the trapezoidal rule.
///
/// Traps when the arrays differ in length.
///
/// - Parameters:
///   - x: abscissas, rising or falling.
///   - y: ordinates.
/// - Returns: the signed area with rising `x` positive; 0 for fewer than two points.
public func trapezoidArea(x: [Double], y: [Double]) -> Double {
    require(x.count == y.count, "trapezoidArea: \(x.count) abscissas but \(y.count) ordinates")
    let areas = (1..<max(x.count, 1)).lazy.map { index -> Double in
        let width = x[index] - x[index - 1]
        return width * (y[index] + y[index - 1]) / 2
    }
    return compensatedSum(areas)
}

struct ThresholdCounts {
    let threshold: Double
    let truePositives: Double
    let falsePositives: Double
}

/// Counts positives and negatives at or above each distinct score, from the highest down.
private func cumulativeCounts(
    labels: [Bool],
    scores: [Double],
    weights: [Double]?
) -> [ThresholdCounts] {
    var steps: [ThresholdCounts] = []
    forEachThreshold(labels: labels, scores: scores, weights: weights) { steps.append($0) }
    return steps
}

/// Calls `body` with the counts at or above each distinct score, from the highest down; examples of weight 0 do not exist.
@inline(__always)
private func forEachThreshold(
    labels: [Bool],
    scores: [Double],
    weights: [Double]?,
    _ body: (ThresholdCounts) -> Void
) {
    require(labels.count == scores.count, "\(labels.count) labels but \(scores.count) scores")
    require(
        weights == nil || weights?.count == scores.count,
        "\(weights?.count ?? 0) weights for \(scores.count) scores"
    )
    require(!scores.contains(where: \.isNaN), "a score is NaN: a ranking needs numbers")
    require(
        weights?.allSatisfy { $0 >= 0 && $0.isFinite } ?? true,
        "a weight is negative or not finite"
    )
    var order = descendingOrder(scores)
    if let weights { order.removeAll { weights[$0.index] == 0 } }
    var (truePositives, falsePositives) = (0.0, 0.0)
    labels.withUnsafeBufferPointer { labels in
        for rank in order.indices {
            let entry = order[rank]
            let weight = weights?[entry.index] ?? 1
            if labels[entry.index] { truePositives += weight } else { falsePositives += weight }
            if rank + 1 < order.count, order[rank + 1].key == entry.key { continue }
            body(
                ThresholdCounts(
                    threshold: value(ofDescendingKey: entry.key),
                    truePositives: truePositives,
                    falsePositives: falsePositives
                )
            )
        }
    }
}
