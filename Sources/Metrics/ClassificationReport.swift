/// What a share becomes whose denominator is 0 (nothing predicted, nothing labelled).
public enum ZeroDivision: String, Sendable, CaseIterable {
    /// The share counts as 0.
    case zero
    /// The share counts as 1.
    case one
    /// The share is NaN, and averages over classes leave it out.
    case undefined

    /// The number that stands for an undefined share.
    public var value: Double {
        switch self {
        case .zero: 0
        case .one: 1
        case .undefined: .nan
        }
    }
}

/// The precision, recall and F of one class, or an average of several.
public struct ClassificationScore: Sendable, Equatable {
    /// Of the examples predicted as the class, the share that belong to it.
    public let precision: Double
    /// Of the examples of the class, the share predicted as it.
    public let recall: Double
    /// The weighted harmonic mean of precision and recall; F1 unless another β was asked for.
    public let f1: Double
    /// The weight of the examples of the class (for averages: of all classes averaged over).
    public let weight: Double

    /// The number of examples of the class (for averages: of all classes averaged over).
    public var support: Int { Int(weight.rounded()) }

    /// Creates a score from counts.
    ///
    /// Fβ is (1 + β²)·hits / (β²·labelled + predicted), which needs no precision or recall to be defined.
    ///
    /// - Parameters:
    ///   - hits: how many were rightly predicted as the class.
    ///   - predicted: how many were predicted as the class.
    ///   - labelled: how many belong to the class.
    ///   - beta: how many times as much recall counts as precision.
    ///   - zeroDivision: what an undefined share becomes.
    public init(
        hits: Double,
        predicted: Double,
        labelled: Double,
        beta: Double = 1,
        zeroDivision: ZeroDivision = .zero
    ) {
        func ratio(_ above: Double, _ below: Double) -> Double {
            below == 0 ? zeroDivision.value : above / below
        }
        let square = beta * beta
        precision = ratio(hits, predicted)
        recall = ratio(hits, labelled)
        f1 = ratio((1 + square) * hits, square * labelled + predicted)
        weight = labelled
    }

    init(precision: Double, recall: Double, f1: Double, weight: Double) {
        self.precision = precision
        self.recall = recall
        self.f1 = f1
        self.weight = weight
    }

    /// Returns the mean of scores, each with a weight; NaN shares are left out, weights that are all 0 are not used.
    static func average(_ scores: [ClassificationScore], weights: [Double]) -> ClassificationScore {
        func averaged(_ share: (ClassificationScore) -> Double) -> Double {
            let kept = zip(scores.map(share), weights).filter { !$0.0.isNaN }
            let all = compensatedSum(kept.lazy.map(\.1))
            if all == 0 { return mean(kept.map(\.0)) }
            return compensatedSum(kept.lazy.map { $0.0 * $0.1 }) / all
        }
        return ClassificationScore(
            precision: averaged(\.precision),
            recall: averaged(\.recall),
            f1: averaged(\.f1),
            weight: compensatedSum(scores.lazy.map(\.weight))
        )
    }
}

/// How the scores of several classes become one.
public enum ClassAverage: String, Sendable, CaseIterable {
    /// Adds the counts of all classes first.
    case micro
    /// Gives each class the same weight.
    case macro
    /// Weights each class by its number of examples.
    case weighted
}

/// Right, predicted and true counts of several classes; what every average of precision, recall and F comes from.
public struct ClassCounts: Sendable, Equatable {
    /// How many examples were rightly predicted as each class.
    public internal(set) var hits: [Double]
    /// How many examples were predicted as each class.
    public internal(set) var predicted: [Double]
    /// How many examples belong to each class.
    public internal(set) var labelled: [Double]

    /// Creates counts of nothing.
    ///
    /// Traps when `classCount` is negative.
    ///
    /// - Parameter classCount: the number of classes.
    public init(classCount: Int) {
        require(classCount >= 0, "ClassCounts: the number of classes cannot be negative (\(classCount))")
        hits = [Double](repeating: 0, count: classCount)
        predicted = hits
        labelled = hits
    }

    /// Creates counts from rows of hits, predicted and labelled, one row for each class.
    ///
    /// - Parameter sums: 3 × classes numbers, as ``ExampleStatistics`` of such rows add them up.
    public init(sums: [Double]) {
        self.init(classCount: sums.count / 3)
        for index in hits.indices {
            hits[index] = sums[3 * index]
            predicted[index] = sums[3 * index + 1]
            labelled[index] = sums[3 * index + 2]
        }
    }

    /// Adds counts of the same classes.
    ///
    /// Traps when the numbers of classes differ.
    ///
    /// - Parameter other: the counts to add.
    public mutating func merge(_ other: ClassCounts) {
        require(
            other.hits.count == hits.count,
            "ClassCounts: \(other.hits.count) classes cannot join \(hits.count)"
        )
        for index in hits.indices {
            hits[index] += other.hits[index]
            predicted[index] += other.predicted[index]
            labelled[index] += other.labelled[index]
        }
    }

    /// The counts of the classes that occur among labels or predictions, over which averages run.
    public var occurring: ClassCounts {
        let places = hits.indices.filter { predicted[$0] + labelled[$0] > 0 }
        var counts = ClassCounts(classCount: places.count)
        counts.hits = places.map { hits[$0] }
        counts.predicted = places.map { predicted[$0] }
        counts.labelled = places.map { labelled[$0] }
        return counts
    }

    /// Returns the score of each class.
    ///
    /// - Parameters:
    ///   - beta: how many times as much recall counts as precision.
    ///   - zeroDivision: what an undefined share becomes.
    /// - Returns: a score for each class.
    public func scores(beta: Double = 1, zeroDivision: ZeroDivision = .zero) -> [ClassificationScore] {
        hits.indices.map {
            ClassificationScore(
                hits: hits[$0],
                predicted: predicted[$0],
                labelled: labelled[$0],
                beta: beta,
                zeroDivision: zeroDivision
            )
        }
    }

    /// Returns the scores of all classes as one.
    ///
    /// - Parameters:
    ///   - kind: micro, macro or weighted.
    ///   - beta: how many times as much recall counts as precision.
    ///   - zeroDivision: what an undefined share becomes.
    /// - Returns: the average; over no classes NaN (macro) or an undefined share; NaN where every share is NaN. Weights
    ///   that sum to 0 are not used.
    public func average(
        _ kind: ClassAverage,
        beta: Double = 1,
        zeroDivision: ZeroDivision = .zero
    ) -> ClassificationScore {
        if kind == .micro {
            return ClassificationScore(
                hits: compensatedSum(hits),
                predicted: compensatedSum(predicted),
                labelled: compensatedSum(labelled),
                beta: beta,
                zeroDivision: zeroDivision
            )
        }
        if kind == .weighted, hits.isEmpty {
            let nothing = zeroDivision.value
            return ClassificationScore(precision: nothing, recall: nothing, f1: nothing, weight: 0)
        }
        let scores = scores(beta: beta, zeroDivision: zeroDivision)
        let equal = [Double](repeating: 1, count: hits.count)
        return .average(scores, weights: kind == .macro ? equal : labelled)
    }
}

/// Precision, recall and F by class and averaged, with the conventions of scikit-learn.
public struct ClassificationReport: Sendable {
    /// The counts that the scores come from.
    public let confusion: ConfusionMatrix
    /// The classes that averages run over.
    public let classes: [Int]
    /// The counts of each entry of ``classes``, in the same order.
    public let counts: ClassCounts
    /// The score of each entry of ``classes``, in the same order.
    public let scores: [ClassificationScore]
    private let beta: Double
    private let zeroDivision: ZeroDivision

    /// Creates the report of a confusion matrix.
    ///
    /// Traps when a class lies outside 0 ..< C.
    ///
    /// - Parameters:
    ///   - confusion: the counts.
    ///   - classes: the classes to report and average over; nil takes those that occur among labels or
    ///     predictions, as scikit-learn does when no labels are named.
    ///   - beta: how many times as much recall counts as precision in the F score.
    ///   - zeroDivision: what an undefined share becomes.
    public init(
        _ confusion: ConfusionMatrix,
        classes: [Int]? = nil,
        beta: Double = 1,
        zeroDivision: ZeroDivision = .zero
    ) {
        let chosen = classes ?? confusion.presentClasses
        require(
            chosen.allSatisfy { (0..<confusion.classCount).contains($0) },
            "ClassificationReport: classes must lie in 0 ..< \(confusion.classCount)"
        )
        let (labels, predictions) = (confusion.labelWeights, confusion.predictionWeights)
        var counts = ClassCounts(classCount: chosen.count)
        counts.hits = chosen.map { confusion.weights[$0 * confusion.classCount + $0] }
        counts.predicted = chosen.map { predictions[$0] }
        counts.labelled = chosen.map { labels[$0] }
        self.confusion = confusion
        self.classes = chosen
        self.counts = counts
        self.beta = beta
        self.zeroDivision = zeroDivision
        scores = counts.scores(beta: beta, zeroDivision: zeroDivision)
    }

    /// Creates the report of some examples.
    ///
    /// Traps when the arrays differ in length or a class is negative.
    ///
    /// - Parameters:
    ///   - labels: the true class of each example.
    ///   - predictions: the predicted class of each example.
    ///   - classes: the classes to average over; nil takes those that occur.
    public init(labels: [Int], predictions: [Int], classes: [Int]? = nil) {
        let largest = max(labels.max() ?? -1, predictions.max() ?? -1, classes?.max() ?? -1)
        self.init(
            ConfusionMatrix(labels: labels, predictions: predictions, classCount: largest + 1),
            classes: classes
        )
    }

    /// Returns the scores of all classes as one.
    ///
    /// - Parameter kind: micro, macro or weighted.
    /// - Returns: the average; over no classes NaN (macro) or undefined shares.
    public func average(_ kind: ClassAverage) -> ClassificationScore {
        counts.average(kind, beta: beta, zeroDivision: zeroDivision)
    }
}
