import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics
import YuyanModels
import YuyanTraining

/// A trained network with its vocabulary and labels.
struct Tagger: SentenceTagging {
    let model: TaggerModel
    let vocabulary: TaggerVocabulary
    let labels: LabelVocabulary
    /// The sentences of a batch.
    let rows: Int

    init(_ recipe: Recipe, folder: String) throws {
        model = try TaggerModel(folder: folder)
        recipe.settle(model)
        vocabulary = try TaggerVocabulary(folder: folder)
        labels = try LabelVocabulary(contentsOf: "\(folder)/\(NeuralClassifier.labelFile)")
        let tables = [
            ("labels", labels.count, model.labelCount, NeuralClassifier.labelFile),
            (
                "words", vocabulary.words.count + 1, model.configuration.vectors.vocabSize,
                TaggerVocabulary.file
            ),
        ]
        for (name, count, wanted, file) in tables where count != wanted {
            throw FileFormatError(
                .mismatch,
                path: "\(folder)/\(file)",
                at: .key(name),
                "\(count) \(name) for a model of \(wanted)"
            )
        }
        let known = model.configuration.characterCount
        guard known == 0 || known == vocabulary.characters.count + 1 else {
            throw FileFormatError(
                .mismatch,
                path: "\(folder)/\(TaggerVocabulary.file)",
                at: .key("characters"),
                "\(vocabulary.characters.count + 1) characters for a model of \(known)"
            )
        }
        rows = Self.evaluationRows(recipe)
    }

    /// The sentences that are judged at a time.
    static func evaluationRows(_ recipe: Recipe) -> Int {
        let own = recipe.training.perDeviceEvalBatchSize
        return own > 0 ? own : max(recipe.training.perDeviceTrainBatchSize, 64)
    }

    var tags: [String] { labels.labels }
    var isOfCharacters: Bool { vocabulary.isOfCharacters }

    func tags(_ sentences: [TaggerInput], progress: (Int) -> Bool) throws -> [[String]] {
        let encoded = TaggerSentences(sentences, vocabulary, model.configuration)
        let outputs = TaggerOutputs(model, encoded, rows: rows)
        guard let numbers = Tape.withoutRecording({ outputs.labels(progress: progress) }) else {
            throw CancellationError()
        }
        return numbers.map { $0.map { labels.labels[Int($0)] } }
    }
}

/// The labels that a tagger gives sentences, batch by batch, sentences of like length together.
struct TaggerOutputs {
    private let model: TaggerModel
    private let sentences: TaggerSentences
    private let rows: Int

    init(_ model: TaggerModel, _ sentences: TaggerSentences, rows: Int) {
        (self.model, self.sentences, self.rows) = (model, sentences, rows)
    }

    /// The labels of every sentence's words; nil when `progress`, told of sentences done, says to stop.
    func labels(progress: (Int) -> Bool) -> [[Int32]]? {
        let lengths = sentences.lengths
        let order = lengths.indices.filter { lengths[$0] > 0 }.sorted {
            (lengths[$0], $0) < (lengths[$1], $1)
        }
        var all = [[Int32]](repeating: [], count: lengths.count)
        for start in stride(from: 0, to: order.count, by: rows) {
            let members = Array(order[start..<min(start + rows, order.count)])
            for (member, labels) in zip(members, model.labels(sentences.batch(members))) {
                all[member] = labels
            }
            if !progress(start + members.count) { return nil }
        }
        return all
    }
}

/// A tagger that learns sentences.
final class TaggingObjective: TrainingObjective {
    /// The sentences of a step and their labels.
    struct Batch {
        let sentences: TaggerBatch
        let labels: [[Int32]]
    }

    let tagger: TaggerModel
    let stepsPerEpoch: Int
    let operationsPerStep: Double
    private let data: TaggingData
    private let training: TaggerSentences
    private let validation: TaggerSentences
    private let batches: ExampleBatches
    private let accumulation: Int
    private let evaluationRows: Int
    private let save: (String) throws -> Void

    /// Makes an objective; `save` writes the model folder.
    init(
        _ tagger: TaggerModel,
        _ data: TaggingData,
        _ vocabulary: TaggerVocabulary,
        recipe: Recipe,
        save: @escaping (String) throws -> Void
    ) {
        (self.tagger, self.data, self.save) = (tagger, data, save)
        training = TaggerSentences(data.training.map(\.input), vocabulary, tagger.configuration)
        validation = TaggerSentences(data.validation.map(\.input), vocabulary, tagger.configuration)
        let arguments = recipe.training
        accumulation = arguments.gradientAccumulationSteps
        evaluationRows = Tagger.evaluationRows(recipe)
        batches = ExampleBatches(
            lengths: training.lengths,
            rows: arguments.perDeviceTrainBatchSize,
            seed: arguments.dataSeed ?? arguments.seed
        )
        stepsPerEpoch = max(1, (batches.countPerEpoch + accumulation - 1) / accumulation)
        let words = Double(training.lengths.reduce(0, +)) / Double(max(training.lengths.count, 1))
        operationsPerStep =
            3 * tagger.forwardFlops * words * Double(arguments.perDeviceTrainBatchSize * accumulation)
    }

    var model: any Module { tagger }

    func batch(step: Int, microBatch: Int) throws -> Batch {
        let members = batches.members(step * accumulation + microBatch)
        return Batch(sentences: training.batch(members), labels: members.map { data.trainingLabels[$0] })
    }

    func targetCount(_ batch: Batch) -> Int { batch.sentences.words.lengths.reduce(0, +) }

    func inputCount(_ batch: Batch) -> Int { targetCount(batch) }

    func loss(_ batch: Batch, scale: Float) -> Tensor {
        tagger.loss(batch.sentences, labels: batch.labels, scale: scale)
    }

    func evaluate(isCancelled: () -> Bool) throws -> [String: Double] {
        let outputs = TaggerOutputs(tagger, validation, rows: evaluationRows)
        guard let numbers = outputs.labels(progress: { _ in !isCancelled() }) else { return [:] }
        let names = data.labels.labels
        let figures = try TaggingFigures(
            data.validation,
            predictions: numbers.map { $0.map { names[Int($0)] } },
            scoring: data.scoring
        )
        return ["eval_loss": meanLoss(), "eval_accuracy": figures.accuracy, "eval_f1": figures.f1]
    }

    /// The mean loss per word of sentences whose tags the training part has.
    private func meanLoss() -> Double {
        let lengths = validation.lengths
        let order = lengths.indices.filter { data.validationLabels[$0] != nil }
            .sorted { (lengths[$0], $0) < (lengths[$1], $1) }
        var (sum, words) = (0.0, 0)
        for start in stride(from: 0, to: order.count, by: evaluationRows) {
            let members = Array(order[start..<min(start + evaluationRows, order.count)])
            let labels = members.compactMap { data.validationLabels[$0] }
            sum += tagger.loss(validation.batch(members), labels: labels, scale: 1).item()
            words += labels.reduce(0) { $0 + $1.count }
        }
        return words > 0 ? sum / Double(words) : .nan
    }

    func saveModel(to folder: String) throws { try save(folder) }

    func loadModel(from folder: String) throws { try tagger.loadParameters(from: WeightFiles(path: folder)) }
}
