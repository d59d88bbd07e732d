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
/// Equal scores share a point. Traps when the arrays differ in length or a score is NaN.
///
/// - Parameters:
///   - labels: whether each example is positive.
///   - scores: each example's score; higher means more likely positive.
///   - dropIntermediate: leaves out points on straight lines, which change no area.
/// - Returns: the curve; rates are NaN where positives or negatives are missing.
public func rocCurve(labels: [Bool], scores: [Double], dropIntermediate: Bool = true) -> ROCCurve {
    let steps = cumulativeCounts(labels: labels, scores: scores)
    var kept = Array(steps.indices)
    if dropIntermediate, steps.count > 2 {
        kept = steps.indices.filter { index in
            if index == steps.startIndex || index == steps.endIndex - 1 { return true }
            let (before, here, after) = (steps[index - 1], steps[index], steps[index + 1])
            let bendInFalse = after.falsePositives - 2 * here.falsePositives + before.falsePositives
            let bendInTrue = after.truePositives - 2 * here.truePositives + before.truePositives
            return bendInFalse != 0 || bendInTrue != 0
        }
    }
    let (positives, negatives) = (steps.last?.truePositives ?? 0, steps.last?.falsePositives ?? 0)
    func rate(_ count: Int, of all: Int) -> Double { all == 0 ? .nan : Double(count) / Double(all) }
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
/// Traps when the arrays differ in length or a score is NaN.
///
/// - Parameters:
///   - labels: whether each example is positive.
///   - scores: each example's score; higher means more likely positive.
/// - Returns: the area; NaN when positives or negatives are missing.
public func rocAUC(labels: [Bool], scores: [Double]) -> Double {
    rocCurve(labels: labels, scores: scores).area
}

/// Returns the mean over classes of the area under each class's curve against all others.
///
/// Traps when the counts do not agree or a label lies outside 0 ..< C.
///
/// - Parameters:
///   - labels: the true class of each of N examples.
///   - scores: N × C scores in rows.
///   - classCount: the number of classes C.
/// - Returns: the mean area; NaN when any class has no example or has all of them.
public func rocAUCOneVersusRest(labels: [Int], scores: [Double], classCount: Int) -> Double {
    require(
        scores.count == labels.count * classCount && labels.allSatisfy { (0..<classCount).contains($0) },
        "rocAUCOneVersusRest: \(labels.count) labels in 0 ..< \(classCount) need "
            + "\(labels.count * classCount) scores, not \(scores.count)"
    )
    return mean(
        (0..<classCount).map { wanted in
            rocAUC(
                labels: labels.map { $0 == wanted },
                scores: labels.indices.map { scores[$0 * classCount + wanted] }
            )
        }
    )
}

/// Returns precision against recall for a yes/no question.
///
/// Traps when the arrays differ in length or a score is NaN.
///
/// - Parameters:
///   - labels: whether each example is positive.
///   - scores: each example's score; higher means more likely positive.
/// - Returns: the curve from the lowest threshold to the highest, closed by (recall 0, precision 1).
public func precisionRecallCurve(labels: [Bool], scores: [Double]) -> PrecisionRecallCurve {
    let steps = cumulativeCounts(labels: labels, scores: scores)
    let positives = steps.last?.truePositives ?? 0
    return PrecisionRecallCurve(
        precisions: steps.reversed()
            .map { Double($0.truePositives) / Double($0.truePositives + $0.falsePositives) } + [1],
        recalls: steps.reversed()
            .map { positives == 0 ? 1 : Double($0.truePositives) / Double(positives) } + [0],
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

private struct ThresholdCounts {
    let threshold: Double
    let truePositives: Int
    let falsePositives: Int
}

/// Counts positives and negatives at or above each distinct score, from the highest down.
private func cumulativeCounts(labels: [Bool], scores: [Double]) -> [ThresholdCounts] {
    require(labels.count == scores.count, "\(labels.count) labels but \(scores.count) scores")
    require(!scores.contains(where: \.isNaN), "a score is NaN: a ranking needs numbers")
    var steps: [ThresholdCounts] = []
    var (truePositives, falsePositives) = (0, 0)
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    for (rank, index) in order.enumerated() {
        if labels[index] { truePositives += 1 } else { falsePositives += 1 }
        if rank + 1 < order.count, scores[order[rank + 1]] == scores[index] { continue }
        steps.append(
            ThresholdCounts(
                threshold: scores[index],
                truePositives: truePositives,
                falsePositives: falsePositives
            )
        )
    }
    return steps
}
