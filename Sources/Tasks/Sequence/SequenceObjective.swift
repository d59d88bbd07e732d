import Foundation
import YuyanFileFormats
import YuyanGeneration
import YuyanMetrics
import YuyanModels
import YuyanTokenizers
import YuyanTraining

/// Pairs as the tokens of a model.
struct EncodedPairs {
    var sources: [[Int32]] = []
    var targets: [[Int32]] = []
    /// The numbers of sources and targets that were cut.
    var (cutSources, cutTargets) = (0, 0)

    init(_ examples: [SequenceExample], _ tokens: SequenceTokens) {
        for example in examples {
            let (source, target) = (tokens.encode(example.input), tokens.encode(target: example.target))
            sources.append(source.ids)
            targets.append(target.ids)
            cutSources += source.isCut ? 1 : 0
            cutTargets += target.isCut ? 1 : 0
        }
    }

    /// The tokens of both sides.
    var lengths: [Int] { zip(sources, targets).map { $0.count + $1.count } }

    func batch(_ members: [Int], start: Int32) -> SequenceBatch {
        SequenceBatch(
            sources: members.map { sources[$0] },
            targets: members.map { targets[$0] },
            start: start
        )
    }

    /// The losses of the targets.
    ///
    /// - Parameters:
    ///   - model: The model, set to evaluation.
    ///   - tokenBudget: The most tokens of a batch.
    ///   - isCancelled: Asked between batches; what has been judged so far is returned.
    /// - Returns: Nats and tokens of each target, in the order of the batches.
    func losses(
        _ model: any SequenceToSequenceModel,
        tokenBudget: Int,
        isCancelled: () -> Bool = { false }
    ) -> ExampleStatistics {
        let batches = ExampleBatches(lengths: lengths, rows: .max, tokenBudget: tokenBudget, seed: 0)
        var losses = ExampleStatistics(width: 2)
        for number in 0..<batches.countPerEpoch where !isCancelled() {
            let members = batches.members(number)
            let batch = batch(members, start: model.startToken)
            let sums = Tape.withoutRecording { model.losses(batch) }
            for (member, sum) in zip(members, sums) { losses.append([sum, Double(targets[member].count)]) }
        }
        return losses
    }

    /// The mean loss of a target's token, in nats.
    static func meanLoss(_ sums: [Double]) -> Double { sums[1] > 0 ? sums[0] / sums[1] : .nan }
}

/// A model that learns to write a text for another.
final class SequenceObjective: TrainingObjective {
    let sequenceModel: any SequenceToSequenceModel
    let stepsPerEpoch: Int
    let operationsPerStep: Double
    private let writer: SequenceWriter
    private let training: EncodedPairs
    private let validation: EncodedPairs
    /// The validation pairs that texts are written for.
    private let judged: [SequenceExample]
    private let batches: ExampleBatches
    private let recipe: Recipe
    private let save: (String) throws -> Void

    /// Makes an objective; `save` writes the model folder.
    init(
        _ writer: SequenceWriter,
        training: EncodedPairs,
        validation: EncodedPairs,
        judged: [SequenceExample],
        recipe: Recipe,
        save: @escaping (String) throws -> Void
    ) {
        (sequenceModel, self.writer, self.recipe) = (writer.model, writer, recipe)
        (self.training, self.validation, self.judged, self.save) = (training, validation, judged, save)
        let arguments = recipe.training
        batches = ExampleBatches(
            lengths: training.lengths,
            rows: arguments.perDeviceTrainBatchSize,
            tokenBudget: recipe.data.examples.batchTokens,
            seed: arguments.dataSeed ?? arguments.seed
        )
        let accumulation = arguments.gradientAccumulationSteps
        stepsPerEpoch = max(1, (batches.countPerEpoch + accumulation - 1) / accumulation)
        let operations = zip(training.sources, training.targets).reduce(0.0) {
            $0 + writer.model.forwardFlops(source: $1.0.count, target: $1.1.count)
        }
        operationsPerStep = 3 * operations / Double(stepsPerEpoch)
    }

    var model: any Module { sequenceModel }

    var metricNames: [String] {
        ["eval_loss", "eval_perplexity"] + recipe.generation.metrics.map { "eval_\($0.rawValue)" }
    }

    func batch(step: Int, microBatch: Int) throws -> SequenceBatch {
        let members = batches.members(step * recipe.training.gradientAccumulationSteps + microBatch)
        return training.batch(members, start: sequenceModel.startToken)
    }

    func targetCount(_ batch: SequenceBatch) -> Int { batch.targetCount }

    func inputCount(_ batch: SequenceBatch) -> Int {
        batch.targetCount + batch.source.lengths.reduce(0, +)
    }

    func loss(_ batch: SequenceBatch, scale: Float) -> Tensor {
        let smoothing = Float(recipe.training.labelSmoothingFactor)
        return sequenceModel.loss(batch, scale: scale, smoothing: smoothing)
    }

    func evaluate(isCancelled: () -> Bool) throws -> [String: Double] {
        let losses = validation.losses(
            sequenceModel,
            tokenBudget: recipe.data.examples.batchTokens,
            isCancelled: isCancelled
        )
        let loss = EncodedPairs.meanLoss(losses.totals)
        let written = try writer.write(judged.map(\.input), progress: { _ in !isCancelled() })
        guard let written else { return [:] }
        let figures = SequenceFigures(
            inputs: judged.map(\.input),
            references: judged.map(\.target),
            outputs: written.map(\.text),
            metrics: recipe.generation.metrics
        )
        let values = [loss, exp(loss)] + (try figures.all(withIntervals: false).map(\.value))
        return Dictionary(zip(metricNames, values), uniquingKeysWith: { $1 })
    }

    func saveModel(to folder: String) throws { try save(folder) }

    func loadModel(from folder: String) throws { try sequenceModel.load(from: folder) }
}
