import YuyanMetrics

/// The figures of a classifier on labelled texts.
struct ClassificationFigures {
    /// The classes of each text.
    let classes: [[Int]]
    /// N × C probabilities in rows.
    let probabilities: [Double]
    let classCount: Int
    let isMultiLabel: Bool
    /// The predicted classes of each text: the likeliest, or all of probability one half and more.
    let predictions: [[Int]]
    /// The loss of each text in nats: of its class, or averaged over the yes/no decisions for every class.
    let losses: [Double]

    init(classes: [[Int]], probabilities: [Double], classCount: Int, isMultiLabel: Bool) throws {
        self.classes = classes
        self.probabilities = probabilities
        self.classCount = classCount
        self.isMultiLabel = isMultiLabel
        var (predictions, losses): ([[Int]], [Double]) = ([], [])
        for (row, own) in classes.enumerated() {
            let shares = Array(probabilities[row * classCount..<(row + 1) * classCount])
            if isMultiLabel {
                predictions.append(shares.indices.filter { shares[$0] >= 0.5 })
                let isRight = shares.indices.map { own.contains($0) }
                losses.append(try logLoss(labels: isRight, probabilities: shares))
            } else {
                predictions.append([Self.likeliest(shares[...])])
                losses.append(try logLoss(labels: own, probabilities: shares, classCount: classCount))
            }
        }
        (self.predictions, self.losses) = (predictions, losses)
    }

    static func likeliest(_ shares: ArraySlice<Double>) -> Int {
        var best = shares.startIndex
        for place in shares.indices where shares[place] > shares[best] { best = place }
        return best - shares.startIndex
    }

    /// The probability of the prediction of a text of one class.
    func confidence(_ row: Int) -> Double { probabilities[row * classCount + predictions[row][0]] }

    /// The probabilities of a class.
    func column(_ number: Int) -> [Double] {
        classes.indices.map { probabilities[$0 * classCount + number] }
    }

    /// Whether each text has a class.
    func has(_ number: Int) -> [Bool] { classes.map { $0.contains(number) } }

    var confusion: ConfusionMatrix {
        ConfusionMatrix(
            labels: classes.map { $0.first ?? 0 },
            predictions: predictions.map { $0.first ?? 0 },
            classCount: classCount
        )
    }

    /// The scores of each class.
    func scores() throws -> [ClassificationScore] {
        isMultiLabel
            ? try multiLabelScorer().scores
            : ClassificationReport(confusion, classes: Array(0..<classCount)).scores
    }

    func multiLabelScorer() throws -> MultiLabelScorer {
        var scorer = MultiLabelScorer(classCount: classCount)
        for (own, predicted) in zip(classes, predictions) {
            try scorer.add(labels: own, predictions: predicted)
        }
        return scorer
    }

    // MARK: During training

    /// What is told of classes of which a text has one, by name.
    private static let ofOneClass: [(name: String, figure: @Sendable (ConfusionMatrix) -> Double)] = [
        ("accuracy", { $0.accuracy }), ("macro_f1", { ClassificationReport($0).average(.macro).f1 }),
        ("matthews_correlation", { $0.matthewsCorrelation }),
    ]
    /// What is told of classes of which a text may have several, by name.
    private static let ofSeveralClasses: [(name: String, figure: @Sendable (MultiLabelScorer) -> Double)] = [
        ("accuracy", { $0.exactMatch }), ("macro_f1", { $0.counts.occurring.average(.macro).f1 }),
        ("micro_f1", { $0.average(.micro).f1 }),
    ]

    /// The names of what an evaluation during training tells.
    static func metricNames(isMultiLabel: Bool) -> [String] {
        let names = isMultiLabel ? ofSeveralClasses.map(\.name) : ofOneClass.map(\.name)
        return (["loss"] + names).map { "eval_\($0)" }
    }

    /// What an evaluation during training tells, without intervals.
    func metrics() throws -> [String: Double] {
        var values = [mean(losses)]
        if isMultiLabel {
            let scorer = try multiLabelScorer()
            values += Self.ofSeveralClasses.map { $0.figure(scorer) }
        } else {
            let confusion = confusion
            values += Self.ofOneClass.map { $0.figure(confusion) }
        }
        let names = Self.metricNames(isMultiLabel: isMultiLabel)
        return Dictionary(uniqueKeysWithValues: zip(names, values))
    }

    // MARK: With intervals

    /// Above so many cells of the confusion matrix or scores, intervals are not estimated.
    private static let mostCells = 40_000
    private static let mostScores = 2_000_000

    /// All figures.
    func all() throws -> [TaskFigure] {
        let counts = [TaskFigure("examples", Double(classes.count), isCount: true)]
        let own = isMultiLabel ? try decisionFigures() : confusionFigures()
        return counts + own + rankingFigures() + (try lossFigures())
    }

    private func confusionFigures() -> [TaskFigure] {
        let wanted: [(String, ClassificationFigure)] = [
            ("accuracy", .accuracy), ("macro_f1", .f1(.macro)), ("weighted_f1", .f1(.weighted)),
            ("micro_f1", .f1(.micro)), ("macro_precision", .precision(.macro)),
            ("macro_recall", .recall(.macro)), ("balanced_accuracy", .balancedAccuracy),
            ("matthews_correlation", .matthewsCorrelation), ("kappa", .kappa(.equal)),
        ]
        let confusion = confusion
        guard classCount * classCount <= Self.mostCells else {
            let right = zip(classes, predictions).map { $0 == $1 ? 1.0 : 0 }
            return wanted.map { name, figure in
                let interval = name == "accuracy" ? bootstrapMeanInterval(right) : nil
                return TaskFigure(name, figure.value(of: confusion), interval: interval)
            }
        }
        let intervals = bootstrapIntervals(of: confusionCells) { sums, _ in
            let confusion = ConfusionMatrix(cells: sums, classCount: classCount)
            return wanted.map { $0.1.value(of: confusion) }
        }
        return zip(wanted, intervals).map { TaskFigure($0.0, $0.1.value(of: confusion), interval: $1) }
    }

    /// The cell of the confusion matrix that each text falls into.
    private var confusionCells: ExampleCells {
        var cells = ExampleCells(width: classCount * classCount)
        for (own, predicted) in zip(classes, predictions) { cells.append(own[0] * classCount + predicted[0]) }
        return cells
    }

    private func decisionFigures() throws -> [TaskFigure] {
        let names = [
            "accuracy", "macro_f1", "micro_f1", "weighted_f1", "macro_precision", "macro_recall",
            "hamming_loss", "sample_f1", "sample_jaccard",
        ]
        let scorer = try multiLabelScorer()
        // A label that neither texts nor answers have takes no part, as with one label.
        let (macro, micro) = (scorer.counts.occurring.average(.macro), scorer.average(.micro))
        let values = [
            scorer.exactMatch, macro.f1, micro.f1, scorer.average(.weighted).f1, macro.precision,
            macro.recall, scorer.hammingLoss, scorer.sampleAverage.f1, scorer.sampleJaccard,
        ]
        guard classes.count * classCount <= Self.mostScores else {
            return zip(names, values).map { TaskFigure($0, $1) }
        }
        let intervals = bootstrapIntervals(of: decisionSums) { sums, count in
            let counts = ClassCounts(sums: Array(sums.prefix(3 * classCount)))
            let (macro, micro) = (counts.occurring.average(.macro), counts.average(.micro))
            let tail = sums.suffix(4).map { $0 / Double(max(count, 1)) }
            return [
                tail[0], macro.f1, micro.f1, counts.average(.weighted).f1, macro.precision, macro.recall,
                tail[1] / Double(classCount), tail[2], tail[3],
            ]
        }
        return names.indices.map { TaskFigure(names[$0], values[$0], interval: intervals[$0]) }
    }

    /// Of each text: for every class right, predicted, labelled; then exact, wrong decisions, F1 and Jaccard.
    private var decisionSums: ExampleStatistics {
        var sums = ExampleStatistics(width: 3 * classCount + 4)
        for (own, predicted) in zip(classes, predictions) {
            var row = [Double](repeating: 0, count: 3 * classCount + 4)
            let hits = own.filter { predicted.contains($0) }
            for number in hits { row[3 * number] = 1 }
            for number in predicted { row[3 * number + 1] = 1 }
            for number in own { row[3 * number + 2] = 1 }
            let union = own.count + predicted.count - hits.count
            let tail = 3 * classCount
            row[tail] = hits.count == union ? 1 : 0
            row[tail + 1] = Double(union - hits.count)
            let both = own.count + predicted.count
            row[tail + 2] = both == 0 ? 0 : 2 * Double(hits.count) / Double(both)
            row[tail + 3] = union == 0 ? 0 : Double(hits.count) / Double(union)
            sums.append(row)
        }
        return sums
    }

    /// Of each text: how many classes are right, predicted, labelled.
    private var decisionCounts: ExampleStatistics {
        var sums = ExampleStatistics(width: 3)
        for (own, predicted) in zip(classes, predictions) {
            let hits = own.count { predicted.contains($0) }
            sums.append([Double(hits), Double(predicted.count), Double(own.count)])
        }
        return sums
    }

    /// What comparisons of two classifiers look at.
    func outcomes() -> [OutcomeFigure] {
        var figures = [OutcomeFigure("accuracy", .right(zip(classes, predictions).map { $0 == $1 }))]
        let (classCount, width) = (classCount, 3 * classCount)
        if isMultiLabel {
            if classes.count * classCount <= Self.mostScores {
                figures.append(
                    OutcomeFigure(
                        "macro_f1",
                        .sums(decisionSums) { sums, _ in
                            ClassCounts(sums: Array(sums.prefix(width))).occurring.average(.macro).f1
                        }
                    )
                )
                figures.append(
                    OutcomeFigure(
                        "micro_f1",
                        .sums(decisionCounts) { sums, _ in ClassCounts(sums: sums).average(.micro).f1 }
                    )
                )
            }
        } else if classCount * classCount <= Self.mostCells {
            let cells = confusionCells
            let wanted: [(String, ClassificationFigure)] = [
                ("macro_f1", .f1(.macro)), ("matthews_correlation", .matthewsCorrelation),
            ]
            figures += wanted.map { name, figure in
                OutcomeFigure(
                    name,
                    .cells(cells) { sums, _ in
                        figure.value(of: ConfusionMatrix(cells: sums, classCount: classCount))
                    }
                )
            }
        }
        return figures + [.mean("log_loss", losses)]
    }

    /// The classes that curves run over: the second of two, else all.
    var rankedClasses: [Int] { classCount == 2 && !isMultiLabel ? [1] : Array(0..<classCount) }

    private func rankingFigures() -> [TaskFigure] {
        let columns = rankedClasses.map { (labels: has($0), scores: column($0)) }
        func areas(_ weights: [Double]?) -> (area: Double, precision: Double) {
            let both = columns.compactMap { column -> (Double, Double)? in
                let area = rocAUC(labels: column.labels, scores: column.scores, weights: weights)
                guard area.isFinite else { return nil }
                return (
                    area, averagePrecision(labels: column.labels, scores: column.scores, weights: weights)
                )
            }
            return (mean(both.map(\.0)), mean(both.map(\.1)))
        }
        let whole = areas(nil)
        let size = classes.count * columns.count
        guard size > 0, size <= Self.mostScores else {
            return [TaskFigure("roc_auc", whole.area), TaskFigure("average_precision", whole.precision)]
        }
        let resamples = min(max(4_000_000 / size, 100), 1000)
        var drawn: [(area: Double, precision: Double)] = []
        let first = bootstrapInterval(count: classes.count, resamples: resamples) { draw in
            var weights = [Double](repeating: 0, count: classes.count)
            for index in draw { weights[index] += 1 }
            drawn.append(areas(weights))
            return drawn[drawn.count - 1].area
        }
        var place = 0
        // The same draws give the same figures, in their order.
        let second = bootstrapInterval(count: classes.count, resamples: resamples) { _ in
            defer { place += 1 }
            return drawn[place].precision
        }
        return [
            TaskFigure("roc_auc", whole.area, interval: first),
            TaskFigure("average_precision", whole.precision, interval: second),
        ]
    }

    private func lossFigures() throws -> [TaskFigure] {
        let penalties = classes.indices.map { row -> Double in
            var sum = 0.0
            for number in 0..<classCount {
                let gap = probabilities[row * classCount + number] - (classes[row].contains(number) ? 1 : 0)
                sum += gap * gap
            }
            return isMultiLabel ? sum / Double(classCount) : sum
        }
        let decisions = calibrationDecisions
        let (labels, shares) = (decisions.map(\.isRight), decisions.map(\.share))
        let calibration = try Calibration(labels: labels, probabilities: shares)
        let interval =
            isMultiLabel
            ? nil
            : try Calibration.expectedErrorInterval(
                labels: labels,
                probabilities: shares,
                resamples: 500
            )
        return [
            TaskFigure("log_loss", mean(losses), interval: bootstrapMeanInterval(losses)),
            TaskFigure("brier_score", mean(penalties), interval: bootstrapMeanInterval(penalties)),
            TaskFigure("expected_calibration_error", calibration.expectedError, interval: interval),
        ]
    }

    /// The probability of each decision and whether it was right: of each text its prediction, with several labels every
    /// class.
    var calibrationDecisions: [(share: Double, isRight: Bool)] {
        if isMultiLabel {
            return classes.indices.flatMap { row in
                (0..<classCount).map { (probabilities[row * classCount + $0], classes[row].contains($0)) }
            }
        }
        return classes.indices.map { (min(confidence($0), 1), predictions[$0] == classes[$0]) }
    }
}
