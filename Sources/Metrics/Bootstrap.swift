import Foundation

/// A small seeded generator (SplitMix64): the same seed gives the same numbers on every machine.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Creates a generator.
    ///
    /// - Parameter seed: any number.
    public init(seed: UInt64) { state = seed }

    /// Returns the next 64 random bits.
    ///
    /// - Returns: a number drawn evenly from all of UInt64.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Returns a number drawn evenly from 0 ..< bound, without the bias of a remainder.
    mutating func index(below bound: Int) -> Int {
        let width = UInt64(bound)
        while true {
            let product = next().multipliedFullWidth(by: width)
            if product.low >= width || product.low >= (0 &- width) % width { return Int(product.high) }
        }
    }
}

/// An interval that should hold the true value with a given confidence.
public struct ConfidenceInterval: Sendable, Equatable, Codable {
    /// The figure computed from the data as they are.
    public let estimate: Double
    /// The lower end.
    public let low: Double
    /// The upper end.
    public let high: Double
    /// The confidence, 0.95 for 95 %.
    public let confidence: Double
    /// The standard deviation of the figure over the resamples.
    public let standardError: Double

    /// The interval of a figure that nothing can be said about.
    static func undefined(estimate: Double = .nan, confidence: Double) -> ConfidenceInterval {
        ConfidenceInterval(
            estimate: estimate,
            low: .nan,
            high: .nan,
            confidence: confidence,
            standardError: .nan
        )
    }
}

/// How a bootstrap turns resampled figures into an interval.
public enum BootstrapMethod: String, Sendable, CaseIterable {
    /// The plain quantiles of the resampled figures.
    case percentile
    /// Quantiles corrected for bias and skew (BCa); falls back to plain ones where the correction is undefined.
    case bca
}

/// Returns a bootstrap interval of a figure over independent examples.
///
/// Examples are drawn with replacement by a seeded generator, so the same call gives the same interval. Draws in which
/// the figure is NaN (a ROC area of examples of one class) are left out.
/// Traps when `resamples` < 1 or `confidence` lies outside 0 … 1.
///
/// - Parameters:
///   - count: the number of examples N.
///   - resamples: how many times to draw N examples.
///   - confidence: 0.95 for 95 %.
///   - seed: seed of the draws.
///   - method: how to turn resampled figures into an interval.
///   - statistic: the figure of the examples with these indices (N of them, repeated as drawn; N − 1 in the
///     leave-one-out passes of BCa).
/// - Returns: the interval; NaN ends for no examples.
public func bootstrapInterval(
    count: Int,
    resamples: Int = 2000,
    confidence: Double = 0.95,
    seed: UInt64 = 1,
    method: BootstrapMethod = .percentile,
    statistic: ([Int]) -> Double
) -> ConfidenceInterval {
    requireResampling("bootstrapInterval", resamples: resamples, confidence: confidence)
    if count <= 0 { return .undefined(confidence: confidence) }
    let estimate = statistic(Array(0..<count))
    let figures = resampledFigures(count: count, resamples: resamples, seed: seed, statistic: statistic)
    var jackknife: [Double] = []
    if method == .bca, count > 1 {
        jackknife = (0..<count).map { left in statistic((0..<count).filter { $0 != left }) }
    }
    return interval(estimate: estimate, figures: figures, jackknife: jackknife, confidence: confidence)
}

/// Returns a figure of each of `resamples` draws with replacement of `count` examples.
private func resampledFigures(
    count: Int,
    resamples: Int,
    seed: UInt64,
    statistic: ([Int]) -> Double
) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    var draw = [Int](repeating: 0, count: count)
    return (0..<resamples).map { _ in
        for index in draw.indices { draw[index] = generator.index(below: count) }
        return statistic(draw)
    }
}

/// Returns a bootstrap interval of a mean.
///
/// Traps when `resamples` < 1 or `confidence` lies outside 0 … 1.
///
/// - Parameters:
///   - values: one value for each example (a loss, or 1 for right and 0 for wrong).
///   - resamples: how many times to draw.
///   - confidence: 0.95 for 95 %.
///   - seed: seed of the draws.
///   - method: how to turn resampled means into an interval.
/// - Returns: the interval; NaN ends for no values.
public func bootstrapMeanInterval(
    _ values: [Double],
    resamples: Int = 2000,
    confidence: Double = 0.95,
    seed: UInt64 = 1,
    method: BootstrapMethod = .percentile
) -> ConfidenceInterval {
    bootstrapInterval(
        of: ExampleStatistics(values),
        resamples: resamples,
        confidence: confidence,
        seed: seed,
        method: method,
        figure: { $1 == 0 ? .nan : $0[0] / Double($1) }
    )
}

/// What a paired comparison of two systems on the same examples says.
public struct PairedComparison: Sendable, Equatable {
    /// The interval of mean(first − second).
    public let difference: ConfidenceInterval
    /// The two-sided p-value: how often resamples of the centred differences lie as far from 0 as the observed one.
    public let pValue: Double
    /// The share of resamples in which the first system's mean was above the second's, ties counting one half.
    public let shareFirstAbove: Double

    /// Whether the interval leaves 0 out.
    public var isDistinguishable: Bool { difference.low > 0 || difference.high < 0 }

    /// Sums up resampled differences; draws in which one is NaN are left out.
    init(observed: Double, resampled: [Double], confidence: Double) {
        let resampled = observed.isNaN ? [] : resampled.filter { !$0.isNaN }
        guard !resampled.isEmpty else {
            self = .undefined(estimate: observed, confidence: confidence)
            return
        }
        let wins = resampled.reduce(0.0) { $0 + ($1 > 0 ? 1 : ($1 == 0 ? 0.5 : 0)) }
        let asFar = resampled.filter { abs($0 - observed) >= abs(observed) }.count
        difference = interval(estimate: observed, figures: resampled, jackknife: [], confidence: confidence)
        pValue = Double(asFar + 1) / Double(resampled.count + 1)
        shareFirstAbove = wins / Double(resampled.count)
    }

    /// The comparison of no examples, or of figures that the examples do not have.
    static func undefined(estimate: Double = .nan, confidence: Double) -> PairedComparison {
        PairedComparison(
            difference: .undefined(estimate: estimate, confidence: confidence),
            pValue: .nan,
            shareFirstAbove: .nan
        )
    }

    private init(difference: ConfidenceInterval, pValue: Double, shareFirstAbove: Double) {
        self.difference = difference
        self.pValue = pValue
        self.shareFirstAbove = shareFirstAbove
    }
}

/// Compares two systems on the same examples by a paired bootstrap.
///
/// Traps when the arrays differ in length, `resamples` < 1 or `confidence` lies outside 0 … 1.
///
/// - Parameters:
///   - first: the first system's value for each example.
///   - second: the second system's value for the same examples.
///   - resamples: how many times to draw examples.
///   - confidence: 0.95 for 95 %.
///   - seed: seed of the draws.
/// - Returns: the interval of the mean difference, its p-value and the share of wins; NaN for no examples.
public func pairedBootstrap(
    _ first: [Double],
    _ second: [Double],
    resamples: Int = 2000,
    confidence: Double = 0.95,
    seed: UInt64 = 1
) -> PairedComparison {
    require(first.count == second.count, "pairedBootstrap: \(first.count) values against \(second.count)")
    requireResampling("pairedBootstrap", resamples: resamples, confidence: confidence)
    if first.isEmpty { return .undefined(confidence: confidence) }
    let differences = zip(first, second).map { $0 - $1 }
    let adder = ExampleStatistics(differences).adder()
    var (sum, figures) = ([0.0], [Double]())
    forEachResample(count: differences.count, resamples: resamples, seed: seed) { multiplicities in
        adder.add(multiplicities, into: &sum)
        figures.append(sum[0] / Double(differences.count))
    }
    return PairedComparison(observed: mean(differences), resampled: figures, confidence: confidence)
}

/// Compares a figure that is no function of sums (a correlation of ranks) by a paired bootstrap.
///
/// Traps when `resamples` < 1 or `confidence` lies outside 0 … 1.
///
/// - Parameters:
///   - count: the number of examples N.
///   - resamples: how many times to draw examples.
///   - confidence: 0.95 for 95 %.
///   - seed: seed of the draws.
///   - difference: the first system's figure less the second's, of the examples with these indices.
/// - Returns: the interval of the difference, its p-value and the share of wins; NaN for no examples.
public func pairedBootstrap(
    count: Int,
    resamples: Int = 2000,
    confidence: Double = 0.95,
    seed: UInt64 = 1,
    difference: ([Int]) -> Double
) -> PairedComparison {
    requireResampling("pairedBootstrap", resamples: resamples, confidence: confidence)
    if count <= 0 { return .undefined(confidence: confidence) }
    return PairedComparison(
        observed: difference(Array(0..<count)),
        resampled: resampledFigures(count: count, resamples: resamples, seed: seed, statistic: difference),
        confidence: confidence
    )
}

/// Returns the interval of resampled figures: plain quantiles, or BCa when leave-one-out figures are given.
///
/// Resamples that lack what a figure needs (one class of two for a ROC area) have NaN and are left out: the interval is
/// that of the resamples in which the figure exists.
///
/// - Parameters:
///   - estimate: the figure of the data as they are.
///   - figures: the figure of each resample; NaN where it has none.
///   - jackknife: the figure with each example left out in turn; empty for plain quantiles.
///   - confidence: 0.95 for 95 %.
/// - Returns: the interval.
package func interval(
    estimate: Double,
    figures: [Double],
    jackknife: [Double],
    confidence: Double
) -> ConfidenceInterval {
    let figures = figures.filter { !$0.isNaN }
    guard !figures.isEmpty else { return .undefined(estimate: estimate, confidence: confidence) }
    let tail = (1 - confidence) / 2
    var (lower, upper) = (tail, 1 - tail)
    if !jackknife.isEmpty {
        let below = figures.reduce(0.0) { $0 + ($1 < estimate ? 1 : ($1 == estimate ? 0.5 : 0)) }
        let bias = normalQuantile(below / Double(figures.count))
        let center = mean(jackknife)
        let cubes = compensatedSum(jackknife.lazy.map { pow(center - $0, 3) })
        let squares = compensatedSum(jackknife.lazy.map { pow(center - $0, 2) })
        let acceleration = cubes / (6 * pow(squares, 1.5))
        func corrected(_ probability: Double) -> Double {
            let shifted = bias + normalQuantile(probability)
            return normalCumulative(bias + shifted / (1 - acceleration * shifted))
        }
        let (correctedLower, correctedUpper) = (corrected(lower), corrected(upper))
        if correctedLower.isFinite, correctedUpper.isFinite {
            (lower, upper) = (correctedLower, correctedUpper)
        }
    }
    let sorted = figures.sorted()
    return ConfidenceInterval(
        estimate: estimate,
        low: quantile(sorted: sorted, lower),
        high: quantile(sorted: sorted, upper),
        confidence: confidence,
        standardError: standardDeviation(figures)
    )
}

/// Returns the share of the standard normal distribution below a value.
///
/// - Parameter value: the value, in standard deviations from the mean.
/// - Returns: a share of 0 … 1.
public func normalCumulative(_ value: Double) -> Double {
    0.5 * erfc(-value / 2.0.squareRoot())
}

/// Returns the value of the standard normal distribution that a share of it lies below.
///
/// Acklam's rational approximation followed by one Halley step: relative error near 1e-15.
///
/// - Parameter share: a share of 0 … 1; the ends give −∞ and +∞.
/// - Returns: the value in standard deviations from the mean; NaN outside 0 … 1.
public func normalQuantile(_ share: Double) -> Double {
    guard share >= 0, share <= 1 else { return .nan }
    if share == 0 { return -.infinity }
    if share == 1 { return .infinity }
    if share > 0.5 { return -normalQuantile(1 - share) }
    let a = [
        -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02,
        -3.066479806614716e+01, 2.506628277459239e+00,
    ]
    let b = [
        -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
        -1.328068155288572e+01, 1,
    ]
    let c = [
        -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00, -2.549732539343734e+00,
        4.374664141464968e+00, 2.938163982698783e+00,
    ]
    let d = [
        7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00, 1,
    ]
    func polynomial(_ factors: [Double], _ x: Double) -> Double { factors.reduce(0) { $0 * x + $1 } }
    var x: Double
    if share < 0.02425 {
        let q = (-2 * log(share)).squareRoot()
        x = polynomial(c, q) / polynomial(d, q)
    } else {
        let q = share - 0.5
        x = polynomial(a, q * q) * q / polynomial(b, q * q)
    }
    let error = normalCumulative(x) - share
    let step = error * (2 * Double.pi).squareRoot() * exp(x * x / 2)
    x -= step / (1 + x * step / 2)
    return x
}
