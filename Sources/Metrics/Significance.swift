import Foundation

/// What a test by randomization says of the difference of two systems.
public struct RandomizationTest: Sendable, Equatable {
    /// The figure of the first system less that of the second.
    public let difference: Double
    /// The two-sided p-value: the share of exchanges that give a difference as large, the observed one included.
    public let pValue: Double
    /// The number of random exchanges.
    public let trials: Int
}

/// Tests whether two systems differ by exchanging their outputs at random (approximate randomization).
///
/// In every trial each example's outputs change sides with probability 1/2; if the systems are alike, differences as
/// large as the observed one are then common (Noreen 1989; Riezler and Maxwell 2005). Traps when the systems
/// differ in examples or width, or `trials` < 1.
///
/// - Parameters:
///   - first: the first system's numbers.
///   - second: the second system's numbers for the same examples.
///   - trials: how many times to exchange.
///   - seed: seed of the exchanges.
///   - figure: the figure of the sums of this many examples; what it throws ends the test.
/// - Returns: the difference and its p-value; NaN for no examples or where the difference is no number.
public func approximateRandomization(
    _ first: ExampleStatistics,
    _ second: ExampleStatistics,
    trials: Int = 10_000,
    seed: UInt64 = 1,
    figure: (_ sums: [Double], _ count: Int) throws -> Double
) rethrows -> RandomizationTest {
    try randomization(first, second, trials: trials, seed: seed, figure: figure) {
        var exchange = ExampleStatistics(width: first.width)
        for start in stride(from: 0, to: first.values.count, by: first.width) {
            exchange.append((start..<start + first.width).map { second.values[$0] - first.values[$0] })
        }
        let adder = exchange.adder()
        return { mask, moved in adder.add(mask, into: &moved) }
    }
}

/// Tests whether two systems differ by exchanging their outputs at random, whatever kind of sums a figure is made of.
///
/// The same test as that of ``ExampleStatistics``, which takes one pass over the examples for each exchange where this
/// one takes two. Traps when the systems differ in examples or width, or `trials` < 1.
///
/// - Parameters:
///   - first: the first system's sums.
///   - second: the second system's sums over the same examples.
///   - trials: how many times to exchange.
///   - seed: seed of the exchanges.
///   - figure: the figure of the sums of this many examples; what it throws ends the test.
/// - Returns: the difference and its p-value; NaN for no examples or where the difference is no number.
public func approximateRandomization<Sums: ExampleSums>(
    _ first: Sums,
    _ second: Sums,
    trials: Int = 10_000,
    seed: UInt64 = 1,
    figure: (_ sums: [Double], _ count: Int) throws -> Double
) rethrows -> RandomizationTest {
    try randomization(first, second, trials: trials, seed: seed, figure: figure) {
        let (firstAdder, secondAdder) = (first.adder(), second.adder())
        var leaving = [Double](repeating: 0, count: first.width)
        return { mask, moved in
            secondAdder.add(mask, into: &moved)
            firstAdder.add(mask, into: &leaving)
            for index in moved.indices { moved[index] -= leaving[index] }
        }
    }
}

/// Returns the test of random exchanges.
///
/// - Parameters:
///   - first: the first system's sums.
///   - second: the second system's sums over the same examples.
///   - trials: how many times to exchange.
///   - seed: seed of the exchanges.
///   - figure: the figure of the sums of this many examples.
///   - exchange: makes what writes what the first system's sums gain when the examples of the mask change sides.
/// - Returns: the difference and its p-value.
private func randomization(
    _ first: some ExampleSums,
    _ second: some ExampleSums,
    trials: Int,
    seed: UInt64,
    figure: (_ sums: [Double], _ count: Int) throws -> Double,
    exchange: () -> (_ mask: UnsafeBufferPointer<Double>, _ moved: inout [Double]) -> Void
) rethrows -> RandomizationTest {
    require(trials >= 1, "approximateRandomization: at least one trial is needed, not \(trials)")
    let (count, width) = (first.count, first.width)
    require(
        count == second.count && width == second.width,
        "approximateRandomization: \(count) × \(width) sums against \(second.count) × \(second.width)"
    )
    let move = exchange()
    let (firstTotals, secondTotals) = (first.totals, second.totals)
    let observed = count == 0 ? .nan : try figure(firstTotals, count) - figure(secondTotals, count)
    if observed.isNaN { return RandomizationTest(difference: .nan, pValue: .nan, trials: trials) }
    var generator = SeededGenerator(seed: seed)
    var moved = [Double](repeating: 0, count: width)
    var mask = [Double](repeating: 0, count: count)
    var asLarge = 0
    // Rounding, which is as large as the figures make it, must not hide an exchange that gives the very same difference.
    let size = try max(abs(figure(firstTotals, count)), abs(figure(secondTotals, count)), abs(observed))
    let threshold = abs(observed) - 1e-12 * size
    for _ in 0..<trials {
        for start in stride(from: 0, to: count, by: 64) {
            var bits = generator.next()
            for index in start..<min(start + 64, count) {
                mask[index] = Double(bits & 1)
                bits >>= 1
            }
        }
        mask.withUnsafeBufferPointer { move($0, &moved) }
        let left = try figure((0..<width).map { firstTotals[$0] + moved[$0] }, count)
        let right = try figure((0..<width).map { secondTotals[$0] - moved[$0] }, count)
        // An exchange in which a figure does not exist speaks for no difference.
        if !(abs(left - right) < threshold) { asLarge += 1 }
    }
    return RandomizationTest(
        difference: observed,
        pValue: Double(asLarge + 1) / Double(trials + 1),
        trials: trials
    )
}

/// McNemar's test of two classifiers on the same examples, from the examples on which just one is right.
public struct McNemarTest: Sendable, Equatable {
    /// The number of examples that only the first system got right.
    public let onlyFirst: Int
    /// The number of examples that only the second system got right.
    public let onlySecond: Int
    /// The number of examples in all.
    public let count: Int
    /// The p-value of the exact binomial test, two-sided; 1 when the systems never disagree.
    public let exactPValue: Double
    /// The χ² statistic with continuity correction, (|b − c| − 1)² / (b + c); 0 when the systems never disagree.
    public let chiSquare: Double
    /// The p-value of ``chiSquare`` with one degree of freedom.
    public let chiSquarePValue: Double
    /// The first system's accuracy less the second's; the interval is Newcombe's for paired shares (1998, method 10).
    public let difference: ConfidenceInterval

    /// The odds ratio b / c, the effect that the test looks at; infinite or NaN where c is 0.
    public var oddsRatio: Double { Double(onlyFirst) / Double(onlySecond) }
}

/// Tests whether two classifiers are right equally often on the same examples (McNemar 1947).
///
/// Traps when `confidence` lies outside 0 … 1.
///
/// - Parameters:
///   - first: whether the first system got each example right.
///   - second: whether the second did.
///   - confidence: the confidence of the interval of the difference.
/// - Returns: the test, exact and by χ² with continuity correction, and the difference with its interval.
/// - Throws: ``MetricError`` when the lists differ in length.
public func mcNemar(
    first: [Bool],
    second: [Bool],
    confidence: Double = 0.95
) throws(MetricError) -> McNemarTest {
    require(confidence > 0 && confidence < 1, "mcNemar: confidence \(confidence) is not inside 0 … 1")
    try checkLengths("answers of the second system", second.count, first.count)
    var table = [0, 0, 0, 0]
    for (left, right) in zip(first, second) { table[(left ? 0 : 2) + (right ? 0 : 1)] += 1 }
    let (onlyFirst, onlySecond) = (table[1], table[2])
    let disagreements = Double(onlyFirst + onlySecond)
    var (chiSquare, chiSquareP, exact) = (0.0, 1.0, 1.0)
    if disagreements > 0 {
        let distance = abs(Double(onlyFirst) - Double(onlySecond)) - 1
        chiSquare = distance * distance / disagreements
        chiSquareP = erfc((chiSquare / 2).squareRoot())
        exact = min(1, 2 * binomialHalfTail(min(onlyFirst, onlySecond), of: onlyFirst + onlySecond))
    }
    return McNemarTest(
        onlyFirst: onlyFirst,
        onlySecond: onlySecond,
        count: first.count,
        exactPValue: exact,
        chiSquare: chiSquare,
        chiSquarePValue: chiSquareP,
        difference: pairedShareInterval(table, confidence: confidence)
    )
}

/// Returns the chance of at most `successes` heads in `trials` throws of a fair coin.
private func binomialHalfTail(_ successes: Int, of trials: Int) -> Double {
    let scale = lgamma(Double(trials + 1)) - Double(trials) * log(2.0)
    return compensatedSum(
        (0...successes).lazy.map { heads in
            exp(scale - lgamma(Double(heads + 1)) - lgamma(Double(trials - heads + 1)))
        }
    )
}

/// Returns the interval of the difference of two paired shares (Newcombe 1998, method 10).
///
/// - Parameters:
///   - table: counts of both right, only the first, only the second, neither.
///   - confidence: 0.95 for 95 %.
/// - Returns: the interval of the first share less the second.
private func pairedShareInterval(_ table: [Int], confidence: Double) -> ConfidenceInterval {
    let counts = table.map(Double.init)
    let all = counts.reduce(0, +)
    if all == 0 { return .undefined(confidence: confidence) }
    let z = normalQuantile(1 - (1 - confidence) / 2)
    let (first, second) = ((counts[0] + counts[1]) / all, (counts[0] + counts[2]) / all)
    let (firstLow, firstHigh) = wilsonInterval(share: first, count: all, z: z)
    let (secondLow, secondHigh) = wilsonInterval(share: second, count: all, z: z)
    let product =
        (counts[0] + counts[1]) * (counts[2] + counts[3]) * (counts[0] + counts[2]) * (counts[1] + counts[3])
    let cross = counts[0] * counts[3] - counts[1] * counts[2]
    let corrected = cross > all / 2 ? cross - all / 2 : min(cross, 0)
    let correlation = product == 0 ? 0 : corrected / product.squareRoot()
    func width(_ a: Double, _ b: Double) -> Double {
        max(0, a * a - 2 * correlation * a * b + b * b).squareRoot()
    }
    let difference = first - second
    let spread = (counts[1] + counts[2]) / all - difference * difference
    return ConfidenceInterval(
        estimate: difference,
        low: difference - width(first - firstLow, secondHigh - second),
        high: difference + width(firstHigh - first, second - secondLow),
        confidence: confidence,
        standardError: (max(0, spread) / all).squareRoot()
    )
}

/// Returns Wilson's interval of a share (1927).
private func wilsonInterval(share: Double, count: Double, z: Double) -> (low: Double, high: Double) {
    let center = 2 * count * share + z * z
    let spread = z * (z * z + 4 * count * share * (1 - share)).squareRoot()
    let scale = 2 * (count + z * z)
    return ((center - spread) / scale, (center + spread) / scale)
}
