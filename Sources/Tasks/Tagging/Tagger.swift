import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics
import YuyanModels
import YuyanTraining

/// Sentences as a network takes them.
protocol NetworkSentences {
    associatedtype Batch: WordBatch
    /// The tokens that the network reads of each sentence; 0 for those without words.
    var lengths: [Int] { get }
    /// What the user should know of how they are read.
    var note: String? { get }

    func batch(_ members: [Int]) -> Batch
}

extension NetworkSentences {
    /// Nothing.
    var note: String? { nil }
}

/// A network that tags, with what it reads sentences by.
protocol TaggingNetwork {
    associatedtype Model: WordLabeller
    associatedtype Sentences: NetworkSentences where Sentences.Batch == Model.Batch
    var model: Model { get }
    /// Whether the training's tokens were mostly single characters, as in Chinese data.
    var isOfCharacters: Bool { get }
    /// How much it knows, for people.
    var extent: String { get }

    func sentences(_ inputs: [TaggerInput]) -> Sentences

    /// Sums values of what the network reads of a sentence into its words.
    ///
    /// - Parameters:
    ///   - values: A value for each row and place of the network's vectors.
    ///   - sentence: The sentence.
    /// - Returns: A value for each word; what belongs to none is left out.
    func wordValues(_ values: [Double], of sentence: TaggerInput) -> [Double]

    /// Whether it has attention that can be followed.
    var hasAttention: Bool { get }

    /// How much of each word is in the states of some, as attention has it.
    ///
    /// - Parameters:
    ///   - places: The words whose states are looked at.
    ///   - sentence: The sentence.
    /// - Returns: A share for each word; nil for networks without attention.
    func attentionRollout(from places: [Int], in sentence: TaggerInput) -> [Double]?

    /// What the user should know of how words of a sentence are read.
    func notes(on sentence: TaggerInput) -> [String]

    /// Writes what a model folder holds but for the labels' counts.
    func save(to folder: String, labels: [String]) throws

    /// Reads the weights of a folder of the same model.
    func loadWeights(folder: String) throws
}

extension TaggingNetwork {
    /// None.
    var hasAttention: Bool { false }
    func attentionRollout(from places: [Int], in sentence: TaggerInput) -> [Double]? { nil }
    func notes(on sentence: TaggerInput) -> [String] { [] }
}

/// A trained network with its labels.
struct Tagger<Network: TaggingNetwork>: SentenceTagging {
    let network: Network
    let labels: LabelVocabulary
    /// The sentences of a batch.
    private let rows: Int

    init(_ network: Network, _ recipe: Recipe, folder: String) throws {
        self.network = network
        recipe.settle(network.model)
        labels = try LabelVocabulary(contentsOf: "\(folder)/\(NeuralClassifier.labelFile)")
        guard labels.count == network.model.labelCount else {
            throw FileFormatError(
                .mismatch,
                path: "\(folder)/\(NeuralClassifier.labelFile)",
                at: .key("labels"),
                "\(labels.count) labels for a model of \(network.model.labelCount)"
            )
        }
        rows = recipe.training.evaluationRows()
    }

    var tags: [String] { labels.labels }
    var isOfCharacters: Bool { network.isOfCharacters }

    func tags(_ sentences: [TaggerInput], progress: (Int) -> Bool) throws -> [[String]] {
        let outputs = TaggerOutputs<Network>(network.model, network.sentences(sentences), rows: rows)
        guard let numbers = Tape.withoutRecording({ outputs.labels(progress: progress) }) else {
            throw CancellationError()
        }
        return numbers.map { $0.map { labels.labels[Int($0)] } }
    }
}

/// The labels that a tagger gives sentences, batch by batch, sentences of like length together.
struct TaggerOutputs<Network: TaggingNetwork> {
    private let model: Network.Model
    private let sentences: Network.Sentences
    private let rows: Int

    init(_ model: Network.Model, _ sentences: Network.Sentences, rows: Int) {
        (self.model, self.sentences, self.rows) = (model, sentences, rows)
    }

    /// The labels of every sentence's words; nil when `progress`, told of sentences done, says to stop.
    func labels(progress: (Int) -> Bool) -> [[Int32]]? {
        var all = [[Int32]](repeating: [], count: sentences.lengths.count)
        let finished = forEachBatch(of: all.indices, progress: progress) { members, batch, emissions in
            for (member, labels) in zip(members, model.labels(batch, emissions: emissions)) {
                all[member] = labels
            }
        }
        return finished ? all : nil
    }

    /// Calls `body` with the places of the sentences of a batch, the batch and what the labels score in it.
    ///
    /// - Parameters:
    ///   - chosen: The places of the sentences; those without words are left out.
    ///   - progress: Told of sentences done; false stops.
    ///   - body: Called for each batch, the shortest sentences first.
    /// - Returns: Whether all were visited.
    func forEachBatch(
        of chosen: some Sequence<Int>,
        progress: (Int) -> Bool,
        _ body: ([Int], Network.Model.Batch, Tensor) -> Void
    ) -> Bool {
        let lengths = sentences.lengths
        let order = chosen.filter { lengths[$0] > 0 }.sorted { (lengths[$0], $0) < (lengths[$1], $1) }
        for start in stride(from: 0, to: order.count, by: rows) {
            let members = Array(order[start..<min(start + rows, order.count)])
            let batch = sentences.batch(members)
            body(members, batch, model.emissions(batch))
            if !progress(start + members.count) { return false }
        }
        return true
    }
}

/// A tagger that learns sentences.
final class TaggingObjective<Network: TaggingNetwork>: TrainingObjective {
    /// The sentences of a step and their labels.
    struct Batch {
        let sentences: Network.Model.Batch
        let labels: [[Int32]]
    }

    private let network: Network
    let metricNames = ["eval_loss", "eval_accuracy", "eval_f1"]
    let stepsPerEpoch: Int
    let operationsPerStep: Double
    private let data: TaggingData
    private let training: Network.Sentences
    private let validation: Network.Sentences
    private let batches: ExampleBatches
    private let accumulation: Int
    private let evaluationRows: Int
    private let smoothing: Float

    init(_ network: Network, _ data: TaggingData, recipe: Recipe) {
        (self.network, self.data) = (network, data)
        training = network.sentences(data.training.map(\.input))
        validation = network.sentences(data.validation.map(\.input))
        let arguments = recipe.training
        accumulation = arguments.gradientAccumulationSteps
        smoothing = Float(arguments.labelSmoothingFactor)
        evaluationRows = recipe.training.evaluationRows()
        batches = ExampleBatches(
            lengths: training.lengths,
            rows: arguments.perDeviceTrainBatchSize,
            seed: arguments.dataSeed ?? arguments.seed
        )
        stepsPerEpoch = max(1, (batches.countPerEpoch + accumulation - 1) / accumulation)
        let mean = Double(training.lengths.reduce(0, +)) / Double(max(training.lengths.count, 1))
        operationsPerStep =
            3 * network.model.forwardFlops(length: Int(mean.rounded()))
            * Double(arguments.perDeviceTrainBatchSize * accumulation)
    }

    var model: any Module { network.model }

    /// What the user should know of how sentences are read.
    var notes: [String] {
        [("training", training), ("validation", validation)].compactMap { name, sentences in
            sentences.note.map { "\(name): \($0)" }
        }
    }

    func batch(step: Int, microBatch: Int) throws -> Batch {
        let members = batches.members(step * accumulation + microBatch)
        return Batch(sentences: training.batch(members), labels: members.map { data.trainingLabels[$0] })
    }

    func targetCount(_ batch: Batch) -> Int { batch.sentences.wordCounts.reduce(0, +) }

    func inputCount(_ batch: Batch) -> Int { batch.sentences.inputCount }

    func loss(_ batch: Batch, scale: Float) -> Tensor {
        network.model.loss(batch.sentences, labels: batch.labels, scale: scale, smoothing: smoothing)
    }

    func evaluate(isCancelled: () -> Bool) throws -> [String: Double] {
        let tagger = network.model
        let outputs = TaggerOutputs<Network>(tagger, validation, rows: evaluationRows)
        var predicted = [[Int32]](repeating: [], count: data.validation.count)
        var (sum, words) = (0.0, 0)
        // A loss have only sentences whose tags the training part has.
        let places = data.validation.indices
        let parts = [true, false].map { known in
            places.filter { (data.validationLabels[$0] != nil) == known }
        }
        for part in parts {
            let finished = outputs.forEachBatch(of: part, progress: { _ in !isCancelled() }) {
                members,
                batch,
                emissions in
                for (member, labels) in zip(members, tagger.labels(batch, emissions: emissions)) {
                    predicted[member] = labels
                }
                let labels = members.compactMap { data.validationLabels[$0] }
                guard labels.count == members.count else { return }
                sum += tagger.loss(batch, emissions: emissions, labels: labels, scale: 1).item()
                words += labels.reduce(0) { $0 + $1.count }
            }
            guard finished else { return [:] }
        }
        let names = data.labels.labels
        let figures = try TaggingFigures(
            data.validation,
            predictions: predicted.map { $0.map { names[Int($0)] } },
            scoring: data.scoring
        )
        let loss = words > 0 ? sum / Double(words) : .nan
        return Dictionary(uniqueKeysWithValues: zip(metricNames, [loss, figures.accuracy, figures.f1]))
    }

    func saveModel(to folder: String) throws {
        try network.save(to: folder, labels: data.labels.labels)
        try data.labels.write(to: "\(folder)/\(NeuralClassifier.labelFile)")
    }

    func loadModel(from folder: String) throws { try network.loadWeights(folder: folder) }
}
