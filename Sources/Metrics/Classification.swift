/// Counts how often each true class was given each predicted class.
public struct ConfusionMatrix: Sendable, Equatable {
    /// The number of classes C.
    public let classCount: Int
    /// The sums of weights, C × C in rows: row = true class, column = predicted class.
    ///
    /// Whole numbers where every example has weight 1.
    public private(set) var weights: [Double]

    /// ``weights`` as whole numbers (rounded where examples have weights of their own).
    public var counts: [Int] { weights.map { Int($0.rounded()) } }

    /// Creates a matrix of zeros.
    ///
    /// Traps when `classCount` is negative.
    ///
    /// - Parameter classCount: the number of classes C; labels are 0 ..< C.
    public init(classCount: Int) {
        require(classCount >= 0, "ConfusionMatrix: the number of classes cannot be negative (\(classCount))")
        self.classCount = classCount
        weights = [Double](repeating: 0, count: classCount * classCount)
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

    /// Creates the matrix of examples that come from outside.
    ///
    /// - Parameters:
    ///   - labels: the true class of each example.
    ///   - predictions: the predicted class of each example.
    ///   - weights: the weight of each example; nil for 1 each.
    ///   - classCount: the number of classes C.
    /// - Throws: ``MetricError`` when lengths differ, a class lies outside 0 ..< C or a weight is negative.
    public init(
        checking labels: [Int],
        predictions: [Int],
        weights: [Double]? = nil,
        classCount: Int
    ) throws(MetricError) {
        try checkLengths("predictions", predictions.count, labels.count)
        try checkWeights(weights, count: labels.count)
        try checkClasses(labels, classCount: classCount)
        try checkClasses(predictions, classCount: classCount)
        self.init(classCount: classCount)
        for index in labels.indices {
            add(label: labels[index], prediction: predictions[index], weight: weights?[index] ?? 1)
        }
    }

    /// Creates a matrix from its cells, as resampling gives them.
    ///
    /// Traps when there are not C × C cells.
    ///
    /// - Parameters:
    ///   - cells: C × C sums of weights in rows.
    ///   - classCount: the number of classes C.
    public init(cells: [Double], classCount: Int) {
        require(
            classCount >= 0 && cells.count == classCount * classCount,
            "ConfusionMatrix: \(cells.count) cells are not \(classCount) × \(classCount)"
        )
        self.classCount = classCount
        weights = cells
    }

    /// Counts one more example.
    ///
    /// Traps when a class lies outside 0 ..< C.
    ///
    /// - Parameters:
    ///   - label: its true class.
    ///   - prediction: its predicted class.
    ///   - weight: how much it counts.
    public mutating func add(label: Int, prediction: Int, weight: Double = 1) {
        require(
            (0..<classCount).contains(label) && (0..<classCount).contains(prediction),
            "ConfusionMatrix: label \(label) and prediction \(prediction) must lie in 0 ..< \(classCount)"
        )
        weights[label * classCount + prediction] += weight
    }

    /// Adds the counts of another part of the same examples.
    ///
    /// Traps when the numbers of classes differ.
    ///
    /// - Parameter other: a matrix of the same classes.
    public mutating func merge(_ other: ConfusionMatrix) {
        require(
            other.classCount == classCount,
            "ConfusionMatrix: \(other.classCount) classes cannot join \(classCount)"
        )
        for index in weights.indices { weights[index] += other.weights[index] }
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
        return Int(weights[label * classCount + prediction].rounded())
    }

    /// The number of examples.
    public var total: Int { Int(totalWeight.rounded()) }

    /// The number of examples on the diagonal.
    public var correct: Int { Int(correctWeight.rounded()) }

    /// The sum of all weights.
    public var totalWeight: Double { compensatedSum(weights) }

    /// The sum of the weights on the diagonal.
    public var correctWeight: Double {
        compensatedSum((0..<classCount).lazy.map { weights[$0 * classCount + $0] })
    }

    /// The share of examples predicted rightly; NaN for no examples.
    public var accuracy: Double { totalWeight == 0 ? .nan : correctWeight / totalWeight }

    /// The weight of the examples of each class.
    public var labelWeights: [Double] {
        (0..<classCount).map { row in
            compensatedSum(weights[row * classCount..<(row + 1) * classCount])
        }
    }

    /// The weight of the examples predicted as each class.
    public var predictionWeights: [Double] {
        (0..<classCount).map { column in
            compensatedSum((0..<classCount).lazy.map { weights[$0 * classCount + column] })
        }
    }

    /// The classes that occur among labels or predictions, in rising order.
    public var presentClasses: [Int] {
        let (labels, predictions) = (labelWeights, predictionWeights)
        return (0..<classCount).filter { labels[$0] + predictions[$0] > 0 }
    }

    /// The mean of the recalls of the classes that occur as labels; NaN for no examples.
    public var balancedAccuracy: Double {
        let labels = labelWeights
        return mean(
            (0..<classCount).filter { labels[$0] > 0 }.map { weights[$0 * classCount + $0] / labels[$0] }
        )
    }

    /// Matthews' correlation coefficient for any number of classes; 0 where it is undefined.
    public var matthewsCorrelation: Double {
        let (labels, predictions) = (labelWeights, predictionWeights)
        let (all, right) = (totalWeight, correctWeight)
        let together = compensatedSum(zip(labels, predictions).lazy.map { $0 * $1 })
        let labelSpread = all * all - compensatedSum(labels.lazy.map { $0 * $0 })
        let predictionSpread = all * all - compensatedSum(predictions.lazy.map { $0 * $0 })
        if labelSpread * predictionSpread == 0 { return 0 }
        return (right * all - together) / (labelSpread * predictionSpread).squareRoot()
    }

    /// Returns Cohen's kappa: how far two labellings agree beyond chance.
    ///
    /// 1 − Σ wO / Σ wE over the cells, with O the counts, E the counts that the margins lead to expect and w the
    /// cost of a disagreement (Cohen 1960, 1968).
    ///
    /// - Parameter cost: what a disagreement between two classes costs.
    /// - Returns: the coefficient; NaN for no examples and where only one class occurs.
    public func kappa(_ cost: KappaCost = .equal) -> Double {
        // Classes that do not occur take no part, so that distances count places among those that do.
        let present = presentClasses
        let (labels, predictions, all) = (labelWeights, predictionWeights, totalWeight)
        if all == 0 { return .nan }
        var (observed, expected) = (0.0, 0.0)
        for (row, label) in present.enumerated() {
            for (column, prediction) in present.enumerated() where row != column {
                let price = cost.price(Double(abs(row - column)))
                observed += price * weights[label * classCount + prediction]
                expected += price * (labels[label] * predictions[prediction] / all)
            }
        }
        return expected == 0 ? .nan : 1 - observed / expected
    }
}

/// What a disagreement costs in Cohen's kappa.
public enum KappaCost: String, Sendable, CaseIterable {
    /// The same for every pair of classes.
    case equal
    /// The distance of the classes in their order.
    case linear
    /// The square of their distance.
    case quadratic

    func price(_ distance: Double) -> Double {
        switch self {
        case .equal: 1
        case .linear: distance
        case .quadratic: distance * distance
        }
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
