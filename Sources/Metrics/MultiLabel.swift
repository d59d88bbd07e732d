/// Judges examples that carry any number of classes each; takes them one at a time.
public struct MultiLabelScorer: Sendable {
    /// The number of classes C.
    public let classCount: Int
    /// The counts of each class.
    public private(set) var counts: ClassCounts
    /// The number of examples seen.
    public private(set) var exampleCount = 0
    private let zeroDivision: ZeroDivision
    private var totalWeight = 0.0
    private var exactWeight = 0.0
    private var wrongCells = 0.0
    /// Sums of weighted shares and of the weights of the examples where they are defined: precision, recall, F1, Jaccard.
    private var shares = [Double](repeating: 0, count: 4)
    private var shareWeights = [Double](repeating: 0, count: 4)
    private var marks: [UInt8]

    /// Creates a scorer of nothing.
    ///
    /// Traps when `classCount` is negative.
    ///
    /// - Parameters:
    ///   - classCount: the number of classes C; classes are 0 ..< C.
    ///   - zeroDivision: what an undefined share becomes.
    public init(classCount: Int, zeroDivision: ZeroDivision = .zero) {
        self.classCount = classCount
        self.zeroDivision = zeroDivision
        counts = ClassCounts(classCount: classCount)
        marks = [UInt8](repeating: 0, count: classCount)
    }

    /// Adds one more example.
    ///
    /// - Parameters:
    ///   - labels: its true classes, in any order.
    ///   - predictions: its predicted classes, in any order.
    ///   - weight: how much it counts.
    /// - Throws: ``MetricError`` when a class lies outside 0 ..< C or occurs twice, or the weight is negative.
    public mutating func add(labels: [Int], predictions: [Int], weight: Double = 1) throws(MetricError) {
        try check(labels)
        try check(predictions)
        if !(weight >= 0 && weight.isFinite) {
            throw .invalidNumber(weight, index: exampleCount, wanted: "a finite weight of at least 0")
        }
        for label in labels { marks[label] = 1 }
        var hits = 0.0
        for prediction in predictions {
            counts.predicted[prediction] += weight
            if marks[prediction] == 1 {
                counts.hits[prediction] += weight
                hits += 1
            }
        }
        for label in labels {
            counts.labelled[label] += weight
            marks[label] = 0
        }
        let (labelled, predicted) = (Double(labels.count), Double(predictions.count))
        let union = labelled + predicted - hits
        totalWeight += weight
        if hits == union { exactWeight += weight }
        wrongCells += weight * (union - hits)
        let score = ClassificationScore(
            hits: hits,
            predicted: predicted,
            labelled: labelled,
            zeroDivision: zeroDivision
        )
        let jaccard = union == 0 ? zeroDivision.value : hits / union
        for (index, share) in [score.precision, score.recall, score.f1, jaccard].enumerated()
        where !share.isNaN {
            shares[index] += weight * share
            shareWeights[index] += weight
        }
        exampleCount += 1
    }

    /// Adds what another scorer saw of the same classes.
    ///
    /// Traps when the numbers of classes differ.
    ///
    /// - Parameter other: a scorer of another part of the examples.
    public mutating func merge(_ other: MultiLabelScorer) {
        counts.merge(other.counts)
        exampleCount += other.exampleCount
        totalWeight += other.totalWeight
        exactWeight += other.exactWeight
        wrongCells += other.wrongCells
        for index in shares.indices {
            shares[index] += other.shares[index]
            shareWeights[index] += other.shareWeights[index]
        }
    }

    /// The share of examples whose classes are all right; NaN for no examples.
    public var exactMatch: Double { totalWeight == 0 ? .nan : exactWeight / totalWeight }

    /// The share of wrong yes/no decisions over examples and classes; NaN for none.
    public var hammingLoss: Double {
        totalWeight == 0 || classCount == 0 ? .nan : wrongCells / (totalWeight * Double(classCount))
    }

    /// The mean over examples of |labels ∩ predictions| / |labels ∪ predictions|.
    public var sampleJaccard: Double { sampleMean(3) }

    /// The score of each class.
    public var scores: [ClassificationScore] { counts.scores(zeroDivision: zeroDivision) }

    /// Returns the scores of all classes as one.
    ///
    /// - Parameter kind: micro, macro or weighted.
    /// - Returns: the average.
    public func average(_ kind: ClassAverage) -> ClassificationScore {
        counts.average(kind, zeroDivision: zeroDivision)
    }

    /// The mean over examples of each example's precision, recall and F1.
    public var sampleAverage: ClassificationScore {
        ClassificationScore(
            precision: sampleMean(0),
            recall: sampleMean(1),
            f1: sampleMean(2),
            weight: compensatedSum(counts.labelled)
        )
    }

    private func sampleMean(_ index: Int) -> Double {
        shareWeights[index] == 0 ? .nan : shares[index] / shareWeights[index]
    }

    /// Throws when a class lies outside 0 ..< C or occurs twice; leaves the marks clear.
    private mutating func check(_ classes: [Int]) throws(MetricError) {
        var fault: MetricError?
        var marked = 0
        for label in classes {
            if label < 0 || label >= classCount {
                fault = .classOutOfRange(label, index: exampleCount, classCount: classCount)
            } else if marks[label] == 1 {
                fault = .inconsistent("class \(label) is given twice", index: exampleCount)
            } else {
                marks[label] = 1
            }
            if fault != nil { break }
            marked += 1
        }
        for label in classes.prefix(marked) { marks[label] = 0 }
        if let fault { throw fault }
    }
}
