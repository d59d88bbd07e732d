/// Counts how often each true class was given each predicted class.
public struct ConfusionMatrix: Sendable, Equatable {
    /// The number of classes C.
    public let classCount: Int
    /// The counts, C × C in rows: row = true class, column = predicted class.
    public private(set) var counts: [Int]

    /// Creates a matrix of zeros.
    ///
    /// Traps when `classCount` is negative.
    ///
    /// - Parameter classCount: the number of classes C; labels are 0 ..< C.
    public init(classCount: Int) {
        require(classCount >= 0, "ConfusionMatrix: the number of classes cannot be negative (\(classCount))")
        self.classCount = classCount
        counts = [Int](repeating: 0, count: classCount * classCount)
    }

    /// Creates the matrix of some examples.
    ///
    /// Traps when the arrays differ in length or a label lies outside 0 ..< C.
    ///
    /// - Parameters:
    ///   - labels: the true class of each example.
    ///   - predictions: the predicted class of each example.
    ///   - classCount: the number of classes C; nil takes the largest label or prediction plus one.
    public init(labels: [Int], predictions: [Int], classCount: Int? = nil) {
        require(
            labels.count == predictions.count,
            "ConfusionMatrix: \(labels.count) labels but \(predictions.count) predictions"
        )
        self.init(classCount: classCount ?? max(labels.max() ?? -1, predictions.max() ?? -1) + 1)
        for (label, prediction) in zip(labels, predictions) { add(label: label, prediction: prediction) }
    }

    /// Counts one more example.
    ///
    /// Traps when a class lies outside 0 ..< C.
    ///
    /// - Parameters:
    ///   - label: its true class.
    ///   - prediction: its predicted class.
    public mutating func add(label: Int, prediction: Int) {
        require(
            (0..<classCount).contains(label) && (0..<classCount).contains(prediction),
            "ConfusionMatrix: label \(label) and prediction \(prediction) must lie in 0 ..< \(classCount)"
        )
        counts[label * classCount + prediction] += 1
    }

    /// Returns how often `label` was predicted as `prediction`.
    ///
    /// Traps when a class lies outside 0 ..< C.
    ///
    /// - Parameters:
    ///   - label: the true class.
    ///   - prediction: the predicted class.
    public subscript(label label: Int, prediction prediction: Int) -> Int {
        require(
            (0..<classCount).contains(label) && (0..<classCount).contains(prediction),
            "ConfusionMatrix: label \(label) and prediction \(prediction) must lie in 0 ..< \(classCount)"
        )
        return counts[label * classCount + prediction]
    }

    /// The number of examples.
    public var total: Int { counts.reduce(0, +) }

    /// The number of examples on the diagonal.
    public var correct: Int { (0..<classCount).reduce(0) { $0 + counts[$1 * classCount + $1] } }

    /// The share of examples predicted rightly; NaN for no examples.
    public var accuracy: Double { total == 0 ? .nan : Double(correct) / Double(total) }

    /// How often each class was the true one.
    public var labelCounts: [Int] {
        (0..<classCount).map { row in
            (0..<classCount).reduce(0) { $0 + counts[row * classCount + $1] }
        }
    }

    /// How often each class was predicted.
    public var predictionCounts: [Int] {
        (0..<classCount).map { column in
            (0..<classCount).reduce(0) { $0 + counts[$1 * classCount + column] }
        }
    }

    /// The classes that occur among labels or predictions, in rising order.
    public var presentClasses: [Int] {
        let (labels, predictions) = (labelCounts, predictionCounts)
        return (0..<classCount).filter { labels[$0] + predictions[$0] > 0 }
    }

    /// The mean of the recalls of the classes that occur as labels; NaN for no examples.
    public var balancedAccuracy: Double {
        let labels = labelCounts
        return mean(
            (0..<classCount).filter { labels[$0] > 0 }
                .map { Double(counts[$0 * classCount + $0]) / Double(labels[$0]) }
        )
    }

    /// Matthews' correlation coefficient for any number of classes; 0 where it is undefined.
    public var matthewsCorrelation: Double {
        let (labels, predictions) = (labelCounts.map(Double.init), predictionCounts.map(Double.init))
        let (all, right) = (Double(total), Double(correct))
        let together = compensatedSum(zip(labels, predictions).lazy.map { $0 * $1 })
        let labelSpread = all * all - compensatedSum(labels.lazy.map { $0 * $0 })
        let predictionSpread = all * all - compensatedSum(predictions.lazy.map { $0 * $0 })
        if labelSpread == 0 || predictionSpread == 0 { return 0 }
        return (right * all - together) / (labelSpread * predictionSpread).squareRoot()
    }
}

/// The precision, recall and F1 of one class, or an average of several.
public struct ClassificationScore: Sendable, Equatable {
    /// Of the examples predicted as the class, the share that belong to it; 0 when nothing was predicted so.
    public let precision: Double
    /// Of the examples of the class, the share predicted as it; 0 when there are none.
    public let recall: Double
    /// The harmonic mean of precision and recall; 0 when the class occurs nowhere.
    public let f1: Double
    /// The number of examples of the class (for averages: of all classes averaged over).
    public let support: Int
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

/// Precision, recall and F1 by class and averaged, with the conventions of scikit-learn (`zero_division=0`).
public struct ClassificationReport: Sendable {
    /// The counts that the scores come from.
    public let confusion: ConfusionMatrix
    /// The classes that averages run over.
    public let classes: [Int]
    /// The score of each entry of ``classes``, in the same order.
    public let scores: [ClassificationScore]

    /// Creates the report of a confusion matrix.
    ///
    /// Traps when a class lies outside 0 ..< C.
    ///
    /// - Parameters:
    ///   - confusion: the counts.
    ///   - classes: the classes to report and average over; nil takes those that occur among labels or
    ///     predictions, as scikit-learn does when no labels are named.
    public init(_ confusion: ConfusionMatrix, classes: [Int]? = nil) {
        let chosen = classes ?? confusion.presentClasses
        require(
            chosen.allSatisfy { (0..<confusion.classCount).contains($0) },
            "ClassificationReport: classes must lie in 0 ..< \(confusion.classCount)"
        )
        let (labels, predictions) = (confusion.labelCounts, confusion.predictionCounts)
        self.confusion = confusion
        self.classes = chosen
        scores = chosen.map {
            Self.score(
                hits: confusion[label: $0, prediction: $0],
                predicted: predictions[$0],
                labelled: labels[$0]
            )
        }
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
    /// - Returns: the average; for no classes, zeros (micro) or NaN (macro), and zeros for weights that sum to 0.
    public func average(_ kind: ClassAverage) -> ClassificationScore {
        let support = scores.reduce(0) { $0 + $1.support }
        switch kind {
        case .micro:
            let (labels, predictions) = (confusion.labelCounts, confusion.predictionCounts)
            return Self.score(
                hits: classes.reduce(0) { $0 + confusion[label: $1, prediction: $1] },
                predicted: classes.reduce(0) { $0 + predictions[$1] },
                labelled: classes.reduce(0) { $0 + labels[$1] }
            )
        case .macro:
            return ClassificationScore(
                precision: mean(scores.map(\.precision)),
                recall: mean(scores.map(\.recall)),
                f1: mean(scores.map(\.f1)),
                support: support
            )
        case .weighted:
            func weighted(_ value: (ClassificationScore) -> Double) -> Double {
                support == 0
                    ? 0 : compensatedSum(scores.map { value($0) * Double($0.support) }) / Double(support)
            }
            return ClassificationScore(
                precision: weighted(\.precision),
                recall: weighted(\.recall),
                f1: weighted(\.f1),
                support: support
            )
        }
    }

    private static func score(hits: Int, predicted: Int, labelled: Int) -> ClassificationScore {
        func ratio(_ above: Int, _ below: Int) -> Double { below == 0 ? 0 : Double(above) / Double(below) }
        return ClassificationScore(
            precision: ratio(hits, predicted),
            recall: ratio(hits, labelled),
            f1: ratio(2 * hits, predicted + labelled),
            support: labelled
        )
    }
}

/// Returns the share of predictions that equal their labels.
///
/// Traps when the arrays differ in length.
///
/// - Parameters:
///   - labels: the true values.
///   - predictions: the predicted values.
/// - Returns: the accuracy; NaN for no examples.
public func accuracy<Label: Equatable>(labels: [Label], predictions: [Label]) -> Double {
    require(
        labels.count == predictions.count,
        "accuracy: \(labels.count) labels but \(predictions.count) predictions"
    )
    if labels.isEmpty { return .nan }
    return Double(zip(labels, predictions).lazy.filter { $0 == $1 }.count) / Double(labels.count)
}
