import CKernels
import YuyanTensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// How a linear model of text is trained.
public struct LinearTextOptions: Sendable, Hashable {
    /// What the classes' probabilities are.
    public enum Scheme: String, Sendable, Hashable, CaseIterable {
        /// They sum to 1 (softmax); with two classes, one logistic function.
        case multinomial
        /// Each class against all others, then divided by their sum.
        case oneVersusRest = "one-vs-rest"
        /// Each label by itself: a text may have any number of labels.
        case multiLabel = "multi-label"
    }

    /// Which features are used.
    public var features = TextFeatureOptions()
    /// What the classes' probabilities are; a training with lists of labels always uses `multiLabel`.
    public var scheme = Scheme.multinomial
    /// C: the weight of the texts' losses beside half the squared weights, as in scikit-learn.
    public var inverseRegularization = 1.0
    /// The training ends when no entry of the gradient of the mean loss with its penalty is larger.
    public var tolerance = 1e-5
    /// The most iterations.
    public var maximumIterations = 1000

    /// The defaults.
    public init() {}

    /// What is wrong with the options, or nil.
    public var problem: String? {
        if let problem = features.problem { return problem }
        if !(inverseRegularization > 0 && inverseRegularization.isFinite) {
            return "C is \(inverseRegularization); it must be above 0"
        }
        if !(tolerance >= 0) { return "the tolerance is \(tolerance); it must be 0 or more" }
        return maximumIterations < 1 ? "\(maximumIterations) iterations; there must be 1 or more" : nil
    }
}

/// What is wrong with a training of a classical model.
public struct LinearModelError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong and what would be right.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// How far the training of a linear model is.
public struct LinearModelProgress: Sendable, Hashable {
    /// The number of the iteration, from 0.
    public let iteration: Int
    /// The mean loss with its penalty.
    public let loss: Double
    /// The largest entry of the gradient.
    public let gradient: Double
}

/// Logistic regression on TF-IDF of n-grams: the baseline that every other classifier must beat.
///
/// The same texts, labels and options give the same model, bit for bit, with any number of threads. With equal options
/// it has the weights of scikit-learn's `LogisticRegression` on `TfidfVectorizer`.
public struct LinearTextModel: Sendable {
    /// How it was trained.
    public let options: LinearTextOptions
    /// The number of classes or labels.
    public let classes: Int
    /// Whether the training reached its tolerance.
    public let isConverged: Bool
    /// The iterations that the training took.
    public let iterations: Int
    let features: TextFeatures
    /// Row-major [features, outputs], outputs 1 for two classes of `multinomial`.
    let weights: [Double]
    let bias: [Double]

    var outputs: Int { bias.count }

    init(
        options: LinearTextOptions,
        classes: Int,
        features: TextFeatures,
        weights: [Double],
        bias: [Double],
        isConverged: Bool,
        iterations: Int
    ) {
        (self.options, self.classes, self.features) = (options, classes, features)
        (self.weights, self.bias) = (weights, bias)
        (self.isConverged, self.iterations) = (isConverged, iterations)
    }

    /// The number of features.
    public var featureCount: Int { features.columns }

    /// The features by column, those of characters with U+0001 before them; nil where they are hashed.
    public var featureNames: [String]? { features.vocabulary }

    /// The weight of a feature for an output (a class; for two classes of `multinomial` the second).
    ///
    /// - Parameters:
    ///   - feature: the column.
    ///   - output: the class, or 0.
    /// - Returns: the weight.
    public func weight(_ feature: Int, _ output: Int) -> Double { weights[feature * outputs + output] }

    /// What each output adds, whatever the text.
    public var intercepts: [Double] { bias }

    /// Trains a classifier with one class for each text.
    ///
    /// - Parameters:
    ///   - texts: the texts.
    ///   - labels: the class of each, below `classes`.
    ///   - classes: the number of classes, 2 or more.
    ///   - options: how to train.
    ///   - state: where the state of the training is kept, and found when it was stopped; nil for nowhere.
    ///   - isCancelled: asked after each iteration; the training then throws `CancellationError`.
    ///   - report: is told of each iteration.
    /// - Returns: the model.
    /// - Throws: `LinearModelError` when texts, labels and options do not fit one another, `FileFormatError` when the
    ///   state cannot be written, is damaged or is of another training.
    public static func train(
        texts: [String],
        labels: [Int32],
        classes: Int,
        options: LinearTextOptions = LinearTextOptions(),
        state: LinearTrainingState? = nil,
        isCancelled: () -> Bool = { false },
        report: (LinearModelProgress) -> Void = { _ in }
    ) throws -> LinearTextModel {
        guard options.scheme != .multiLabel else {
            return try train(
                texts: texts,
                labelSets: labels.map { [$0] },
                classes: classes,
                options: options,
                state: state,
                isCancelled: isCancelled,
                report: report
            )
        }
        guard classes >= 2 else { throw LinearModelError("\(classes) classes; there must be 2 or more") }
        try check(texts.count, labels.count, options)
        if let text = labels.firstIndex(where: { $0 < 0 || $0 >= classes }) {
            throw LinearModelError(
                "text \(text) has class \(labels[text]); it must be from 0 to \(classes - 1)"
            )
        }
        let isSingle = options.scheme == .multinomial && classes == 2
        let targets: LogisticTargets =
            isSingle
            ? .sets(labels.map { $0 == 1 ? [0] : [] }, outputs: 1)
            : options.scheme == .multinomial
                ? .classes(labels, outputs: classes) : .sets(labels.map { [$0] }, outputs: classes)
        return try fit(texts, targets, classes, options, state, isCancelled, report)
    }

    /// Trains a classifier with any number of labels for each text.
    ///
    /// - Parameters:
    ///   - texts: the texts.
    ///   - labelSets: the labels of each, below `classes`.
    ///   - classes: the number of labels, 1 or more.
    ///   - options: how to train; the scheme is `multiLabel` whatever it says.
    ///   - state: where the state of the training is kept, and found when it was stopped; nil for nowhere.
    ///   - isCancelled: asked after each iteration; the training then throws `CancellationError`.
    ///   - report: is told of each iteration.
    /// - Returns: the model.
    /// - Throws: `LinearModelError` when texts, labels and options do not fit one another, `FileFormatError` when the
    ///   state cannot be written, is damaged or is of another training.
    public static func train(
        texts: [String],
        labelSets: [[Int32]],
        classes: Int,
        options: LinearTextOptions = LinearTextOptions(),
        state: LinearTrainingState? = nil,
        isCancelled: () -> Bool = { false },
        report: (LinearModelProgress) -> Void = { _ in }
    ) throws -> LinearTextModel {
        guard classes >= 1 else { throw LinearModelError("\(classes) labels; there must be 1 or more") }
        try check(texts.count, labelSets.count, options)
        for (text, labels) in labelSets.enumerated() {
            if let wrong = labels.first(where: { $0 < 0 || $0 >= classes }) {
                throw LinearModelError("text \(text) has label \(wrong); it must be from 0 to \(classes - 1)")
            }
        }
        var options = options
        options.scheme = .multiLabel
        return try fit(
            texts,
            .sets(labelSets, outputs: classes),
            classes,
            options,
            state,
            isCancelled,
            report
        )
    }

    private static func check(
        _ texts: Int,
        _ labels: Int,
        _ options: LinearTextOptions
    ) throws(LinearModelError) {
        if let problem = options.problem { throw LinearModelError(problem) }
        guard texts == labels else { throw LinearModelError("\(labels) labels for \(texts) texts") }
        guard texts > 0 else { throw LinearModelError("there is no text to learn from") }
    }

    private static func fit(
        _ texts: [String],
        _ targets: LogisticTargets,
        _ classes: Int,
        _ options: LinearTextOptions,
        _ state: LinearTrainingState?,
        _ isCancelled: () -> Bool,
        _ report: (LinearModelProgress) -> Void
    ) throws -> LinearTextModel {
        let (features, rows) = TextFeatures.learned(texts, options.features)
        guard features.columns > 0 else {
            throw LinearModelError("no n-gram occurs in \(options.features.minimumTexts) texts or more")
        }
        let problem = LogisticProblem(
            rows: SparseMatrix(rows, columns: features.columns),
            targets: targets,
            penalty: 1 / (options.inverseRegularization * Double(texts.count))
        )
        var solver = LimitedMemoryBFGS()
        (solver.tolerance, solver.maximumIterations) = (options.tolerance, options.maximumIterations)
        var (x, iterations) = ([Double](repeating: 0, count: problem.count), 0)
        let keeper = state.map { MinimizationKeeper($0, identity: identity(texts, targets, options)) }
        let outcome = try solver.minimize(&x, keeper: keeper, isCancelled: isCancelled) {
            iteration,
            value,
            gradient in
            iterations = iteration
            report(LinearModelProgress(iteration: iteration, loss: value, gradient: gradient))
        } _: {
            problem.evaluate($0, $1)
        }
        if outcome == .cancelled { throw CancellationError() }
        // What is told of an iteration comes before its step.
        if outcome == .iterationLimit { iterations += 1 }
        let size = features.columns * targets.outputs
        return LinearTextModel(
            options: options,
            classes: classes,
            features: features,
            weights: Array(x[..<size]),
            bias: Array(x[size...]),
            isConverged: outcome == .converged || outcome == .stalled,
            iterations: iterations
        )
    }

    /// What must be the same for a training to go on; the most iterations may grow.
    private static func identity(
        _ texts: [String],
        _ targets: LogisticTargets,
        _ options: LinearTextOptions
    ) -> String {
        var (hash, options) = (TrainingFingerprint(), options)
        for text in texts { hash.add(text) }
        switch targets {
        case .classes(let labels, _): hash.add(labels)
        case .sets(let sets, _): for set in sets { hash.add(set) }
        }
        options.maximumIterations = 0
        return "\(modelType) \(targets.outputs) \(hash.hex) \(options)"
    }

    /// The probabilities of the classes.
    ///
    /// - Parameter texts: the texts.
    /// - Returns: row-major [texts, classes].
    public func probabilities(_ texts: [String]) -> [Float] {
        let group = 512
        var result: [Float] = []
        result.reserveCapacity(texts.count * classes)
        for first in stride(from: 0, to: texts.count, by: group) {
            let part = features.rows(Array(texts[first..<min(texts.count, first + group)]))
            appendProbabilities(part, to: &result)
        }
        return result
    }

    private func appendProbabilities(_ part: SparseMatrix.Part, to result: inout [Float]) {
        let rows = part.starts.count - 1
        var logits = [Double](repeating: 0, count: rows * outputs)
        part.withRows { rows in
            yk_sparse_products(&logits, rows, weights, bias, 0, Int64(part.starts.count - 1), Int64(outputs))
        }
        for row in 0..<rows {
            let own = logits[row * outputs..<(row + 1) * outputs]
            if options.scheme == .multinomial, classes > 2 {
                let top = own.max() ?? 0
                let powers = own.map { exp($0 - top) }
                let sum = powers.reduce(0, +)
                result.append(contentsOf: powers.map { Float($0 / sum) })
                continue
            }
            let odds = own.map { 1 / (1 + exp(-$0)) }
            switch options.scheme {
            case .multinomial: result.append(contentsOf: [Float(1 - odds[0]), Float(odds[0])])
            case .multiLabel: result.append(contentsOf: odds.map { Float($0) })
            case .oneVersusRest:
                let sum = odds.reduce(0, +)
                result.append(contentsOf: odds.map { Float(sum > 0 ? $0 / sum : 1 / Double(classes)) })
            }
        }
    }
}
