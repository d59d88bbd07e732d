/// Sums of many numbers without the rounding drift of a plain loop (Neumaier's compensated sum).
///
/// - Parameter values: the numbers; infinities and NaN pass through as in plain addition.
/// - Returns: their sum, 0 for no values.
public func compensatedSum(_ values: some Sequence<Double>) -> Double {
    var sum = 0.0
    var correction = 0.0
    for value in values {
        let next = sum + value
        if next.isFinite {
            correction += abs(sum) >= abs(value) ? (sum - next) + value : (value - next) + sum
        }
        sum = next
    }
    return sum + correction
}

/// Returns the arithmetic mean.
///
/// - Parameter values: the numbers.
/// - Returns: their mean, NaN for no values.
public func mean(_ values: [Double]) -> Double {
    values.isEmpty ? .nan : compensatedSum(values) / Double(values.count)
}

/// Returns the variance, by two passes.
///
/// - Parameters:
///   - values: the numbers.
///   - degreesOfFreedomLost: 1 (default) for the unbiased estimate from a sample, 0 for a whole population.
/// - Returns: the variance; NaN where fewer values are given than the estimate needs.
public func variance(_ values: [Double], degreesOfFreedomLost: Int = 1) -> Double {
    guard values.count > degreesOfFreedomLost else { return .nan }
    let center = mean(values)
    let squares = compensatedSum(values.lazy.map { ($0 - center) * ($0 - center) })
    return squares / Double(values.count - degreesOfFreedomLost)
}

/// Returns the standard deviation, the root of ``variance(_:degreesOfFreedomLost:)``.
///
/// - Parameters:
///   - values: the numbers.
///   - degreesOfFreedomLost: 1 (default) for the estimate from a sample, 0 for a whole population.
/// - Returns: the standard deviation; NaN where fewer values are given than the estimate needs.
public func standardDeviation(_ values: [Double], degreesOfFreedomLost: Int = 1) -> Double {
    variance(values, degreesOfFreedomLost: degreesOfFreedomLost).squareRoot()
}

/// Returns the median: the middle value, or the mean of the two middle ones.
///
/// - Parameter values: the numbers, in any order.
/// - Returns: the median; NaN for no values or when any value is NaN.
public func median(_ values: [Double]) -> Double {
    quantile(values, 0.5)
}

/// Returns a quantile by linear interpolation between order statistics.
///
/// Traps when `fraction` lies outside 0…1.
///
/// - Parameters:
///   - values: the numbers, in any order.
///   - fraction: 0 for the smallest, 1 for the largest.
/// - Returns: the quantile; NaN for no values or when any value is NaN.
public func quantile(_ values: [Double], _ fraction: Double) -> Double {
    if values.contains(where: \.isNaN) { return .nan }
    return quantile(sorted: values.sorted(), fraction)
}

/// Returns a quantile of values that are already sorted and free of NaN.
func quantile(sorted: [Double], _ fraction: Double) -> Double {
    require(fraction >= 0 && fraction <= 1, "quantile: the fraction must lie in 0…1, not \(fraction)")
    guard let last = sorted.last else { return .nan }
    let position = fraction * Double(sorted.count - 1)
    let below = Int(position)
    if below + 1 >= sorted.count { return last }
    let (low, high) = (sorted[below], sorted[below + 1])
    let share = position - Double(below)
    if low == high { return low }
    // From the nearer end, so that the ends are met exactly.
    return share < 0.5 ? low + (high - low) * share : high - (high - low) * (1 - share)
}
