import Foundation
import YuyanMetrics
import YuyanModels
import YuyanTraining

/// The texts of a part as tokens, with their classes.
struct EncodedTexts {
    let texts: [TextTokens.Encoded]
    let classes: [[Int]]

    var lengths: [Int] { texts.map(\.ids.count) }
    var cutCount: Int { texts.reduce(0) { $0 + ($1.isCut ? 1 : 0) } }

    func batch(_ members: [Int]) -> TokenBatch {
        TokenBatch(members.map { texts[$0].ids }, types: members.map { texts[$0].types })
    }
}

/// A text classifier that learns labelled texts.
final class ClassificationObjective: TrainingObjective {
    /// The texts of a step and their classes.
    struct Batch {
        let tokens: TokenBatch
        let classes: [[Int]]
    }

    let classifier: TextClassifierModel
    let stepsPerEpoch: Int
    let operationsPerStep: Double
    private let training: EncodedTexts
    private let validation: EncodedTexts
    private let batches: ExampleBatches
    private let accumulation: Int
    private let evaluationRows: Int
    private let smoothing: Float
    private let isMultiLabel: Bool
    private let save: (String) throws -> Void

    /// Makes an objective; `save` writes the model folder.
    init(
        _ classifier: TextClassifierModel,
        training: EncodedTexts,
        validation: EncodedTexts,
        recipe: Recipe,
        save: @escaping (String) throws -> Void
    ) {
        let arguments = recipe.training
        self.classifier = classifier
        self.training = training
        self.validation = validation
        self.save = save
        accumulation = arguments.gradientAccumulationSteps
        smoothing = Float(arguments.labelSmoothingFactor)
        isMultiLabel = recipe.isMultiLabel
        let rows = arguments.perDeviceTrainBatchSize
        evaluationRows = arguments.evaluationRows()
        batches = ExampleBatches(
            lengths: training.lengths,
            rows: rows,
            seed: arguments.dataSeed ?? arguments.seed
        )
        stepsPerEpoch = max(1, (batches.countPerEpoch + accumulation - 1) / accumulation)
        let mean = training.lengths.reduce(0, +) / max(training.texts.count, 1)
        operationsPerStep = classifier.encoder.trainingFlops(length: mean) * Double(rows * accumulation)
    }

    var model: any Module { classifier }

    var metricNames: [String] { ClassificationFigures.metricNames(isMultiLabel: isMultiLabel) }

    func batch(step: Int, microBatch: Int) throws -> Batch {
        let members = batches.members(step * accumulation + microBatch)
        return Batch(tokens: training.batch(members), classes: members.map { training.classes[$0] })
    }

    func targetCount(_ batch: Batch) -> Int { batch.tokens.rows }

    func inputCount(_ batch: Batch) -> Int { batch.tokens.rows * batch.tokens.length }

    func loss(_ batch: Batch, scale: Float) -> Tensor {
        if isMultiLabel {
            return classifier.loss(
                batch.tokens,
                classSets: batch.classes,
                scale: scale,
                smoothing: smoothing
            )
        }
        return classifier.loss(
            batch.tokens,
            classes: batch.classes.map { $0[0] },
            scale: scale,
            smoothing: smoothing
        )
    }

    func evaluate(isCancelled: () -> Bool) throws -> [String: Double] {
        let outputs = TextOutputs(classifier, validation, rows: evaluationRows, isMultiLabel: isMultiLabel)
        guard let probabilities = outputs.probabilities(progress: { _ in !isCancelled() }) else { return [:] }
        let figures = try ClassificationFigures(
            classes: validation.classes,
            probabilities: probabilities,
            classCount: classifier.classCount,
            isMultiLabel: isMultiLabel
        )
        return try figures.metrics()
    }

    func saveModel(to folder: String) throws { try save(folder) }

    func loadModel(from folder: String) throws {
        try classifier.loadParameters(
            from: WeightFiles(path: folder),
            map: classifier.configuration.keyMap
        )
    }
}

/// The probabilities that a network gives texts, batch by batch, texts of like length together.
struct TextOutputs {
    private let classifier: TextClassifierModel
    private let texts: EncodedTexts
    private let rows: Int
    private let isMultiLabel: Bool

    init(_ classifier: TextClassifierModel, _ texts: EncodedTexts, rows: Int, isMultiLabel: Bool) {
        (self.classifier, self.texts, self.rows, self.isMultiLabel) = (classifier, texts, rows, isMultiLabel)
    }

    /// N × C probabilities in rows; nil when `progress`, told of texts done, says to stop.
    func probabilities(progress: (Int) -> Bool) -> [Double]? {
        let lengths = texts.lengths
        let order = lengths.indices.sorted { (lengths[$0], $0) < (lengths[$1], $1) }
        let count = classifier.classCount
        var all = [Double](repeating: 0, count: order.count * count)
        for start in stride(from: 0, to: order.count, by: rows) {
            let members = Array(order[start..<min(start + rows, order.count)])
            let logits = classifier.logits(texts.batch(members)).doubles()
            for (row, member) in members.enumerated() {
                let own = logits[row * count..<(row + 1) * count]
                let largest = own.max() ?? 0
                let powers = isMultiLabel ? own.map { 1 / (1 + exp(-$0)) } : own.map { exp($0 - largest) }
                let sum = isMultiLabel ? 1 : powers.reduce(0, +)
                for (column, power) in powers.enumerated() { all[member * count + column] = power / sum }
            }
            if !progress(start + members.count) { return nil }
        }
        return all
    }
}
