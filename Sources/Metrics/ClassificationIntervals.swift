/// A figure of a confusion matrix.
public enum ClassificationFigure: Sendable, Equatable {
    /// The share of right predictions.
    case accuracy
    /// The mean recall of the classes that occur.
    case balancedAccuracy
    /// Averaged precision.
    case precision(ClassAverage)
    /// Averaged recall.
    case recall(ClassAverage)
    /// Averaged F1.
    case f1(ClassAverage)
    /// Matthews' correlation.
    case matthewsCorrelation
    /// Cohen's kappa.
    case kappa(KappaCost)

    /// Returns the figure of a matrix.
    ///
    /// - Parameter confusion: the counts.
    /// - Returns: the figure.
    public func value(of confusion: ConfusionMatrix) -> Double {
        switch self {
        case .accuracy: confusion.accuracy
        case .balancedAccuracy: confusion.balancedAccuracy
        case .precision(let kind): ClassificationReport(confusion).average(kind).precision
        case .recall(let kind): ClassificationReport(confusion).average(kind).recall
        case .f1(let kind): ClassificationReport(confusion).average(kind).f1
        case .matthewsCorrelation: confusion.matthewsCorrelation
        case .kappa(let cost): confusion.kappa(cost)
        }
    }
}

/// Keeps the (label, prediction) pairs of examples, for figures with intervals and comparisons.
public struct ClassificationExamples: Sendable, Equatable {
    /// The number of classes C.
    public let classCount: Int
    /// The cell of the confusion matrix that each example falls into.
    public private(set) var cells: ExampleCells

    /// Creates a collection of no examples.
    ///
    /// Traps when `classCount` is negative or above 46,340.
    ///
    /// - Parameter classCount: the number of classes C; classes are 0 ..< C.
    public init(classCount: Int) {
        require(
            classCount >= 0 && classCount <= 46_340,
            "ClassificationExamples: \(classCount) classes are not 0 … 46,340"
        )
        self.classCount = classCount
        cells = ExampleCells(width: classCount * classCount)
    }

    /// Adds one more example.
    ///
    /// - Parameters:
    ///   - label: its true class.
    ///   - prediction: its predicted class.
    /// - Throws: ``MetricError`` when a class lies outside 0 ..< C.
    public mutating func add(label: Int, prediction: Int) throws(MetricError) {
        for value in [label, prediction] where value < 0 || value >= classCount {
            throw .classOutOfRange(value, index: cells.count, classCount: classCount)
        }
        cells.append(label * classCount + prediction)
    }

    /// The counts of all examples.
    public var confusion: ConfusionMatrix { ConfusionMatrix(cells: cells.totals, classCount: classCount) }

    /// Returns figures with bootstrap intervals, all from the same resamples.
    ///
    /// Traps when `resamples` < 1 or `confidence` lies outside 0 … 1.
    ///
    /// - Parameters:
    ///   - figures: the figures.
    ///   - resamples: how many times to draw.
    ///   - confidence: 0.95 for 95 %.
    ///   - seed: seed of the draws.
    ///   - method: how to turn resampled figures into intervals.
    /// - Returns: an interval for each figure.
    public func intervals(
        _ figures: [ClassificationFigure],
        resamples: Int = 2000,
        confidence: Double = 0.95,
        seed: UInt64 = 1,
        method: BootstrapMethod = .percentile
    ) -> [ConfidenceInterval] {
        bootstrapIntervals(
            of: cells,
            resamples: resamples,
            confidence: confidence,
            seed: seed,
            method: method
        ) { sums, _ in
            let confusion = ConfusionMatrix(cells: sums, classCount: classCount)
            return figures.map { $0.value(of: confusion) }
        }
    }

    /// Compares a figure of this system with another's on the same examples by a paired bootstrap.
    ///
    /// Traps when the systems have different numbers of examples, `resamples` < 1 or `confidence` lies outside 0 … 1.
    ///
    /// - Parameters:
    ///   - other: the other system's predictions for the same examples.
    ///   - figure: the figure to compare.
    ///   - resamples: how many times to draw.
    ///   - confidence: 0.95 for 95 %.
    ///   - seed: seed of the draws.
    /// - Returns: the difference with its interval and p-value.
    public func compare(
        with other: ClassificationExamples,
        _ figure: ClassificationFigure,
        resamples: Int = 2000,
        confidence: Double = 0.95,
        seed: UInt64 = 1
    ) -> PairedComparison {
        pairedBootstrap(cells, other.cells, resamples: resamples, confidence: confidence, seed: seed) {
            sums,
            _ in
            figure.value(of: ConfusionMatrix(cells: sums, classCount: classCount))
        }
    }
}
