import Testing

/// How far apart two lists of numbers are, element by element.
///
/// Element i is close when `|actual − expected| ≤ absolute + relative · |expected|`. Equal infinities are close; NaN is
/// close to nothing, unless both are NaN and the comparison was told that they may be.
public struct Closeness: Sendable, CustomStringConvertible {
    /// Whether the lists have one length and every element is close.
    public let isClose: Bool
    /// The number of elements that are not close.
    public let failures: Int
    /// The largest |actual − expected|.
    public let maximumAbsolute: Double
    /// The largest |actual − expected| / |expected| over elements where expected is not 0.
    public let maximumRelative: Double
    /// The root of the mean of the squared differences.
    public let rootMeanSquare: Double
    /// The difference that 99 % of the elements do not exceed.
    public let percentile99: Double
    /// The element that passes its tolerance the furthest (or comes closest to passing it); nil for empty lists.
    public let worstIndex: Int?
    /// The report: what was compared, the figures, the worst element.
    public let description: String

    /// Compares two lists.
    ///
    /// - Parameters:
    ///   - actual: What was computed.
    ///   - expected: What is right.
    ///   - relative: The tolerance as a part of |expected|.
    ///   - absolute: The tolerance that does not depend on the size of the numbers.
    ///   - matchingNaN: Whether NaN where NaN is expected is right.
    public init(
        actual: [Double],
        expected: [Double],
        relative: Double,
        absolute: Double,
        matchingNaN: Bool = false
    ) {
        guard actual.count == expected.count else {
            isClose = false
            failures = 0
            maximumAbsolute = .infinity
            maximumRelative = .infinity
            rootMeanSquare = .infinity
            percentile99 = .infinity
            worstIndex = nil
            description = "\(actual.count) elements where \(expected.count) are expected"
            return
        }
        var differences: [Double] = []
        differences.reserveCapacity(actual.count)
        var worst = (index: -1, excess: -1.0)
        var failures = 0
        var maximumRelative = 0.0
        for (index, (a, e)) in zip(actual, expected).enumerated() {
            let isSame = a == e || (matchingNaN && a.isNaN && e.isNaN)
            let difference = isSame ? 0 : (a - e).magnitude
            // A NaN is no distance at all: count it as infinitely far.
            let distance = difference.isNaN ? Double.infinity : difference
            let allowed = absolute + relative * e.magnitude
            if !isSame && !(distance <= allowed && e.isFinite) { failures += 1 }
            let excess = isSame ? 0 : e.isFinite ? distance / max(allowed, .leastNormalMagnitude) : .infinity
            if excess > worst.excess { worst = (index, excess) }
            if e != 0, !isSame { maximumRelative = max(maximumRelative, distance / e.magnitude) }
            differences.append(distance)
        }
        let count = differences.count
        let squares = differences.reduce(0) { $0 + $1 * $1 }
        differences.sort()
        isClose = failures == 0
        self.failures = failures
        maximumAbsolute = differences.last ?? 0
        self.maximumRelative = maximumRelative
        rootMeanSquare = (squares / Double(max(count, 1))).squareRoot()
        percentile99 =
            count == 0 ? 0 : differences[min(count - 1, Int((Double(count) * 0.99).rounded(.up)) - 1)]
        worstIndex = count == 0 ? nil : worst.index
        let place =
            count == 0
            ? ""
            : "; worst [\(worst.index)]: \(actual[worst.index]) where \(expected[worst.index]) is expected"
        description =
            "\(failures) of \(count) elements beyond \(absolute) + \(relative)·|expected|; max \(maximumAbsolute), "
            + "max relative \(maximumRelative), rmse \(rootMeanSquare), p99 \(percentile99)\(place)"
    }
}

/// Records a failure of the running test, with the report, unless two lists are close element by element.
///
/// - Parameters:
///   - actual: What was computed.
///   - expected: What is right.
///   - relative: The tolerance as a part of |expected|.
///   - absolute: The tolerance that does not depend on the size of the numbers.
///   - matchingNaN: Whether NaN where NaN is expected is right.
///   - comment: What is being compared; stands before the report.
///   - sourceLocation: Where the failure is shown.
/// - Returns: Whether the lists are close.
@discardableResult
public func expectClose(
    actual: [Double],
    expected: [Double],
    relative: Double = 0,
    absolute: Double = 0,
    matchingNaN: Bool = false,
    _ comment: @autoclosure () -> String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) -> Bool {
    let closeness = Closeness(
        actual: actual,
        expected: expected,
        relative: relative,
        absolute: absolute,
        matchingNaN: matchingNaN
    )
    if !closeness.isClose {
        let what = comment()
        let text = what.isEmpty ? closeness.description : "\(what): \(closeness.description)"
        Issue.record(Comment(rawValue: text), sourceLocation: sourceLocation)
    }
    return closeness.isClose
}
