import Foundation

/// Adds up pairs of true and predicted numbers, one at a time.
///
/// Parts can be merged (Welford 1962; Chan et al. 1983).
public struct RegressionScorer: Sendable, Equatable {
    /// The number of pairs.
    public private(set) var count = 0
    private var labelMean = 0.0
    private var predictionMean = 0.0
    private var labelSquares = 0.0
    private var predictionSquares = 0.0
    private var products = 0.0
    private var squaredErrors = 0.0
    private var absoluteErrors = 0.0

    /// Creates a scorer of nothing.
    public init() {}

    /// Adds one more pair.
    ///
    /// - Parameters:
    ///   - label: the true number.
    ///   - prediction: the predicted one.
    public mutating func add(label: Double, prediction: Double) {
        count += 1
        let (labelGap, predictionGap) = (label - labelMean, prediction - predictionMean)
        labelMean += labelGap / Double(count)
        predictionMean += predictionGap / Double(count)
        labelSquares += labelGap * (label - labelMean)
        predictionSquares += predictionGap * (prediction - predictionMean)
        products += labelGap * (prediction - predictionMean)
        let error = label - prediction
        squaredErrors += error * error
        absoluteErrors += abs(error)
    }

    /// Adds the pairs of another part.
    ///
    /// - Parameter other: a scorer of other pairs.
    public mutating func merge(_ other: RegressionScorer) {
        if other.count == 0 { return }
        let (here, there) = (Double(count), Double(other.count))
        let all = here + there
        let (labelGap, predictionGap) = (other.labelMean - labelMean, other.predictionMean - predictionMean)
        labelSquares += other.labelSquares + labelGap * labelGap * here * there / all
        predictionSquares += other.predictionSquares + predictionGap * predictionGap * here * there / all
        products += other.products + labelGap * predictionGap * here * there / all
        labelMean += labelGap * there / all
        predictionMean += predictionGap * there / all
        squaredErrors += other.squaredErrors
        absoluteErrors += other.absoluteErrors
        count += other.count
    }

    /// The mean squared error; NaN for no pairs.
    public var meanSquaredError: Double { count == 0 ? .nan : squaredErrors / Double(count) }

    /// The root of the mean squared error; NaN for no pairs.
    public var rootMeanSquaredError: Double { meanSquaredError.squareRoot() }

    /// The mean absolute error; NaN for no pairs.
    public var meanAbsoluteError: Double { count == 0 ? .nan : absoluteErrors / Double(count) }

    /// The coefficient of determination, 1 − Σ(label − prediction)² / Σ(label − mean)²; NaN for fewer than two pairs.
    ///
    /// Where all labels are equal it is 1 for perfect predictions and 0 otherwise, as in scikit-learn.
    public var determination: Double {
        if count < 2 { return .nan }
        if labelSquares == 0 { return squaredErrors == 0 ? 1 : 0 }
        return 1 - squaredErrors / labelSquares
    }

    /// Pearson's correlation; NaN for fewer than two pairs and where either side is constant.
    public var pearson: Double {
        if count < 2 || labelSquares == 0 || predictionSquares == 0 { return .nan }
        let value = products / (labelSquares.squareRoot() * predictionSquares.squareRoot())
        return value.isNaN ? .nan : min(1, max(-1, value))
    }
}

/// Returns Pearson's correlation, by two passes.
///
/// - Parameters:
///   - first: numbers.
///   - second: as many.
/// - Returns: the correlation; NaN for fewer than two pairs and where either side is constant.
/// - Throws: ``MetricError`` when the lists differ in length.
public func pearsonCorrelation(_ first: [Double], _ second: [Double]) throws(MetricError) -> Double {
    try checkLengths("numbers on the second side", second.count, first.count)
    if first.count < 2 || isConstant(first) || isConstant(second) { return .nan }
    let (firstMean, secondMean) = (mean(first), mean(second))
    var (firstSquares, secondSquares, products) = (0.0, 0.0, 0.0)
    for (a, b) in zip(first, second) {
        firstSquares += (a - firstMean) * (a - firstMean)
        secondSquares += (b - secondMean) * (b - secondMean)
        products += (a - firstMean) * (b - secondMean)
    }
    let value = products / (firstSquares.squareRoot() * secondSquares.squareRoot())
    return value.isNaN ? .nan : min(1, max(-1, value))
}

/// Returns Spearman's correlation: Pearson's of the ranks, equal numbers sharing the mean of theirs.
///
/// - Parameters:
///   - first: numbers.
///   - second: as many.
/// - Returns: the correlation; NaN for fewer than two pairs, where either side is constant or a number is NaN.
/// - Throws: ``MetricError`` when the lists differ in length.
public func spearmanCorrelation(_ first: [Double], _ second: [Double]) throws(MetricError) -> Double {
    try checkLengths("numbers on the second side", second.count, first.count)
    if first.contains(where: \.isNaN) || second.contains(where: \.isNaN) { return .nan }
    return try pearsonCorrelation(averageRanks(first), averageRanks(second))
}

/// Returns the ranks of numbers from 1 up, equal ones sharing the mean of theirs.
///
/// Traps when a number is NaN.
///
/// - Parameter values: the numbers.
/// - Returns: a rank for each.
public func averageRanks(_ values: [Double]) -> [Double] {
    require(!values.contains(where: \.isNaN), "averageRanks: NaN has no rank")
    let order = ascendingOrder(values)
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
        var end = start + 1
        while end < order.count, order[end].key == order[start].key { end += 1 }
        for place in start..<end { ranks[order[place].index] = Double(start + end + 1) / 2 }
        start = end
    }
    return ranks
}

/// Returns Kendall's τ-b, which allows for ties, in O(n log n) (Knight 1966).
///
/// - Parameters:
///   - first: numbers.
///   - second: as many.
/// - Returns: the correlation; NaN for fewer than two pairs, where either side is constant or a number is NaN.
/// - Throws: ``MetricError`` when the lists differ in length.
public func kendallTau(_ first: [Double], _ second: [Double]) throws(MetricError) -> Double {
    try checkLengths("numbers on the second side", second.count, first.count)
    if first.contains(where: \.isNaN) || second.contains(where: \.isNaN) { return .nan }
    let secondOrder = ascendingOrder(second)
    var ranks = [UInt32](repeating: 0, count: second.count)
    var rank: UInt32 = 0
    for place in secondOrder.indices {
        if place > 0, secondOrder[place].key != secondOrder[place - 1].key { rank += 1 }
        ranks[secondOrder[place].index] = rank
    }
    let firstOrder = ascendingOrder(first)
    var values = firstOrder.map { ranks[$0.index] }
    let all = pairs(first.count)
    let secondTies = tiedPairs(secondOrder.count) { secondOrder[$0].key == secondOrder[$1].key }
    var (firstTies, bothTies, start) = (0.0, 0.0, 0)
    while start < values.count {
        var end = start + 1
        while end < values.count, firstOrder[end].key == firstOrder[start].key { end += 1 }
        if end - start > 1 {
            firstTies += pairs(end - start)
            values[start..<end].sort()
            bothTies += tiedPairs(end - start) { values[start + $0] == values[start + $1] }
        }
        start = end
    }
    if all == firstTies || all == secondTies { return .nan }
    let discordant = countInversions(&values)
    let balance = all - firstTies - secondTies + bothTies - 2 * discordant
    let value = balance / (all - firstTies).squareRoot() / (all - secondTies).squareRoot()
    return min(1, max(-1, value))
}

private func isConstant(_ values: [Double]) -> Bool { values.allSatisfy { $0 == values[0] } }

private func pairs(_ count: Int) -> Double { Double(count) * Double(count - 1) / 2 }

/// Counts the pairs within runs of neighbours that are alike.
@inline(__always)
private func tiedPairs(_ count: Int, areAlike: (Int, Int) -> Bool) -> Double {
    if count < 2 { return 0 }
    var (sum, run) = (0.0, 1)
    for place in 1..<count {
        if areAlike(place - 1, place) {
            run += 1
        } else {
            sum += pairs(run)
            run = 1
        }
    }
    return sum + pairs(run)
}

/// Sorts numbers by merging and returns how many pairs stood in falling order.
private func countInversions(_ values: inout [UInt32]) -> Double {
    var (inversions, width) = (0, 1)
    var other = values
    while width < values.count {
        values.withUnsafeBufferPointer { from in
            other.withUnsafeMutableBufferPointer { to in
                for start in stride(from: 0, to: from.count, by: 2 * width) {
                    let middle = min(start + width, from.count)
                    inversions += merge(from, to, start..<middle, middle..<min(start + 2 * width, from.count))
                }
            }
        }
        swap(&values, &other)
        width *= 2
    }
    return Double(inversions)
}

/// Merges two sorted runs and returns how many pairs between them stood in falling order.
private func merge(
    _ from: UnsafeBufferPointer<UInt32>,
    _ to: UnsafeMutableBufferPointer<UInt32>,
    _ first: Range<Int>,
    _ second: Range<Int>
) -> Int {
    var (left, right, place, inversions) = (first.lowerBound, second.lowerBound, first.lowerBound, 0)
    while left < first.upperBound, right < second.upperBound {
        let (a, b) = (from[left], from[right])
        // Arithmetic instead of a branch: which side comes next cannot be foreseen.
        let isFalling = b < a ? 1 : 0
        to[place] = min(a, b)
        inversions += isFalling * (first.upperBound - left)
        right += isFalling
        left += 1 - isFalling
        place += 1
    }
    for index in left..<first.upperBound {
        to[place] = from[index]
        place += 1
    }
    for index in right..<second.upperBound {
        to[place] = from[index]
        place += 1
    }
    return inversions
}
