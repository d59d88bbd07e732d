import YuyanMetrics
import YuyanTraining

/// What each example of an evaluation came to: all that figures, their intervals and comparisons of two models need.
struct ExampleOutcomes: Sendable {
    /// What the examples are called.
    let unit: String
    /// Each example with its right answer, by which two evaluations know whether they saw the same.
    let examples: [String]
    /// What the model chooses its answers from; empty where there is no such list.
    var labels: [String] = []
    /// By whose rules answers are judged; empty where there is one way only.
    var rules = ""
    /// What to do where the rules differ.
    var rulesAdvice = ""
    /// What to do where two evaluations did not see the same.
    var advice = "name the examples for both with --data"
    /// The figures to compare, the most telling first.
    let figures: [OutcomeFigure]

    /// The parts of an example as one text that no other parts give.
    static func key(_ parts: [String]) -> String {
        parts.map { "\($0.utf8.count):\($0)" }.joined(separator: "\n")
    }
}

/// A figure with what it comes of.
struct OutcomeFigure: Sendable {
    /// Its name, as evaluations have it.
    let name: String
    /// What it comes of.
    let outcome: Outcome

    /// What each example came to.
    enum Outcome: Sendable {
        /// Right or wrong; the figure is the share of right ones.
        case right([Bool])
        /// A few numbers, and the figure of the sums of this many examples.
        case sums(ExampleStatistics, @Sendable ([Double], Int) -> Double)
        /// A cell of a table, and the figure of the cells' counts.
        case cells(ExampleCells, @Sendable ([Double], Int) -> Double)
        /// A number beside the true one; the figure is Spearman's correlation.
        case ranked([Double], truth: [Double])
    }

    init(_ name: String, _ outcome: Outcome) { (self.name, self.outcome) = (name, outcome) }

    /// A figure that is the mean of a number of each example.
    static func mean(_ name: String, _ values: [Double]) -> OutcomeFigure {
        OutcomeFigure(name, .sums(ExampleStatistics(values)) { $1 == 0 ? .nan : $0[0] / Double($1) })
    }

    /// The number of examples.
    var count: Int {
        switch outcome {
        case .right(let right): right.count
        case .sums(let sums, _): sums.count
        case .cells(let cells, _): cells.count
        case .ranked(let values, _): values.count
        }
    }

    /// The figure of each example by itself, where it is made of one or two numbers; else none.
    var single: [Double] {
        guard case .sums(let sums, let figure) = outcome, sums.width <= 2 else { return [] }
        return stride(from: 0, to: sums.values.count, by: sums.width).map {
            figure(Array(sums.values[$0..<$0 + sums.width]), 1)
        }
    }

    /// The figure.
    var value: Double {
        switch outcome {
        case .right(let right): Self.share(right)
        case .sums(let sums, let figure): figure(sums.totals, sums.count)
        case .cells(let cells, let figure): figure(cells.totals, cells.count)
        case .ranked(let values, let truth): Self.spearman(values, truth)
        }
    }

    /// Where the true value should lie, from a bootstrap over examples.
    var interval: ConfidenceInterval {
        switch outcome {
        case .right(let right): return bootstrapMeanInterval(right.map { $0 ? 1 : 0 })
        case .sums(let sums, let figure): return bootstrapInterval(of: sums, figure: figure)
        case .cells(let cells, let figure): return bootstrapInterval(of: cells, figure: figure)
        case .ranked(let values, let truth):
            return bootstrapInterval(count: values.count, resamples: Self.rankedResamples) { draw in
                Self.spearman(draw.map { values[$0] }, draw.map { truth[$0] })
            }
        }
    }

    /// Ranks are made anew for each draw, which costs more than adding sums.
    static let rankedResamples = 1000

    static func share(_ right: [Bool]) -> Double {
        right.isEmpty ? .nan : Double(right.count { $0 }) / Double(right.count)
    }

    /// Spearman's correlation; NaN where it has no value.
    static func spearman(_ values: [Double], _ truth: [Double]) -> Double {
        do {
            return try spearmanCorrelation(values, truth)
        } catch {
            return .nan
        }
    }
}

/// Two models compared by one figure.
struct FigureComparison: Sendable {
    /// The figure's name.
    let name: String
    /// The first model's value.
    let first: Double
    /// The second model's value.
    let second: Double
    /// The first value less the second, with its 95 % interval from a paired bootstrap.
    let difference: ConfidenceInterval
    /// How likely so large a difference is, were the models alike.
    let pValue: Double
    /// The test that the p-value is of.
    let test: Test
    /// How many examples both, only the first, only the second and neither got right.
    let tally: Tally?
    /// The figure of each example by itself, of both models, where it is made of one or two numbers; else none.
    let points: [(x: Double, y: Double)]

    /// A test of paired outcomes.
    enum Test: String, Sendable {
        /// McNemar's exact test of right and wrong answers.
        case mcNemar = "mcnemar_exact"
        /// Outputs exchanged at random.
        case randomization = "approximate_randomization"
    }

    /// Examples by who got them right.
    struct Tally: Sendable {
        var both = 0
        var onlyFirst = 0
        var onlySecond = 0
        var neither = 0
    }

    /// Compares two models' outcomes on the same examples.
    ///
    /// - Parameters:
    ///   - first: The first model's.
    ///   - second: The second model's, of the same figure.
    /// - Throws: ``RecipeError`` when the outcomes are of different kinds or numbers of examples; `CancellationError` after
    ///   a stop signal.
    init(_ first: OutcomeFigure, _ second: OutcomeFigure) throws {
        (name, self.first, self.second) = (first.name, first.value, second.value)
        guard first.count == second.count else { throw Self.unlike(name) }
        points = zip(first.single, second.single).map { (x: $0, y: $1) }
        switch (first.outcome, second.outcome) {
        case (.right(let one), .right(let two)):
            let numbers = (one.map { $0 ? 1.0 : 0 }, two.map { $0 ? 1.0 : 0 })
            difference = pairedBootstrap(numbers.0, numbers.1).difference
            pValue = try mcNemar(first: one, second: two).exactPValue
            (test, tally) = (.mcNemar, Tally(one, two))
        case (.sums(let one, let figure), .sums(let two, _)):
            (difference, pValue) = try Self.compare(one, two, work: one.width * one.count, figure: figure) {
                try approximateRandomization($0, $1, trials: $2, figure: $3).pValue
            }
            (test, tally) = (.randomization, nil)
        case (.cells(let one, let figure), .cells(let two, _)):
            // Beside the examples, the figure goes through all cells.
            let work = 2 * one.count + one.width
            (difference, pValue) = try Self.compare(one, two, work: work, figure: figure) {
                try approximateRandomization($0, $1, trials: $2, figure: $3).pValue
            }
            (test, tally) = (.randomization, nil)
        case (.ranked(let one, let truth), .ranked(let two, _)):
            (difference, pValue) = try Self.compareRanks(one, two, truth: truth)
            (test, tally) = (.randomization, nil)
        default: throw Self.unlike(name)
        }
    }

    /// How many numbers are added up in a test or an interval, unless fewer than the least draws would be left.
    private static let mostWork = 2_000_000_000

    /// Compares a figure of sums.
    ///
    /// - Parameters:
    ///   - first: The first model's sums.
    ///   - second: The second model's.
    ///   - work: How many numbers are added up for one draw.
    ///   - figure: The figure of sums.
    ///   - test: The test of so many exchanges for one kind of sums, the quickest that there is.
    /// - Returns: The difference, and how likely it is, were the models alike.
    /// - Throws: ``RecipeError`` when the sums differ in width; `CancellationError` after a stop signal.
    private static func compare<Sums: ExampleSums>(
        _ first: Sums,
        _ second: Sums,
        work: Int,
        figure: @escaping @Sendable ([Double], Int) -> Double,
        test: (Sums, Sums, Int, ([Double], Int) throws -> Double) throws -> Double
    ) throws -> (ConfidenceInterval, Double) {
        guard first.width == second.width else {
            throw RecipeError("the outcomes are of \(first.width) and of \(second.width) numbers")
        }
        func stoppable(_ sums: [Double], _ count: Int) throws -> Double {
            try Self.checkStop()
            return figure(sums, count)
        }
        let comparison = try pairedBootstrap(
            first,
            second,
            resamples: min(max(mostWork / max(2 * work, 1), 500), 2000),
            figure: stoppable
        )
        return (comparison.difference, try test(first, second, trials(work), stoppable))
    }

    /// How often outcomes are exchanged: seldom enough to end within seconds, 1,000 times at least.
    private static func trials(_ work: Int) -> Int { min(max(mostWork / max(work, 1), 1000), 10_000) }

    private static func checkStop() throws {
        guard StopSignal.received == nil else { throw CancellationError() }
    }

    private static func unlike(_ name: String) -> RecipeError {
        RecipeError("the outcomes behind \(name) are not of the same kind and number")
    }

    /// Compares correlations of ranks.
    ///
    /// The interval ranks every draw anew. The test exchanges ranks, because the numbers of two models need not be of one
    /// scale; the correlation is then that of the exchanged ranks with the true ones.
    private static func compareRanks(
        _ first: [Double],
        _ second: [Double],
        truth: [Double]
    ) throws -> (ConfidenceInterval, Double) {
        let bootstrap = pairedBootstrap(count: truth.count, resamples: OutcomeFigure.rankedResamples) {
            draw in
            let right = draw.map { truth[$0] }
            return OutcomeFigure.spearman(draw.map { first[$0] }, right)
                - OutcomeFigure.spearman(draw.map { second[$0] }, right)
        }
        try checkStop()
        guard !(first + second + truth).contains(where: \.isNaN) else { return (bootstrap.difference, .nan) }
        let middle = Double(truth.count + 1) / 2
        let trueRanks = averageRanks(truth).map { $0 - middle }
        let trueSquares = trueRanks.reduce(0) { $0 + $1 * $1 }
        func statistics(_ values: [Double]) -> ExampleStatistics {
            var sums = ExampleStatistics(width: 3)
            for (rank, right) in zip(averageRanks(values), trueRanks) {
                let rank = rank - middle
                sums.append([rank, rank * rank, rank * right])
            }
            return sums
        }
        let test = try approximateRandomization(
            statistics(first),
            statistics(second),
            trials: trials(3 * truth.count)
        ) { sums, count in
            try checkStop()
            let squares = sums[1] - sums[0] * sums[0] / Double(count)
            return squares > 0 && trueSquares > 0 ? sums[2] / (squares * trueSquares).squareRoot() : .nan
        }
        return (bootstrap.difference, test.pValue)
    }
}

extension FigureComparison.Tally {
    fileprivate init(_ first: [Bool], _ second: [Bool]) {
        for (one, two) in zip(first, second) {
            switch (one, two) {
            case (true, true): both += 1
            case (true, false): onlyFirst += 1
            case (false, true): onlySecond += 1
            case (false, false): neither += 1
            }
        }
    }
}
