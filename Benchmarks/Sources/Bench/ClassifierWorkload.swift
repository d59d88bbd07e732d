import YuyanModels
import YuyanOptimizers

/// Text classifiers of the sizes that a benchmark's words say.
enum ClassifierSizes {
    /// The configuration of a family: `textcnn` <D> <filters>, `bilstm` <D> <H> <layers>, or `encoder` <D> <heads>
    /// <layers> <F> in BERT's form, with a vocabulary.
    static func configuration(
        _ family: String,
        positions: Int,
        vocabulary: Int,
        _ sizes: [Int]
    ) throws -> any TextEncoderConfiguration {
        let keys: [String: [String]] = [
            "textcnn": ["embedding_dim", "num_filters"],
            "bilstm": ["embedding_dim", "hidden_size", "num_layers"],
            "encoder": ["hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size"],
        ]
        guard let own = keys[family], own.count == sizes.count else {
            throw BenchError("«\(family) \(sizes)» are no sizes of textcnn, bilstm or encoder")
        }
        var object = JSONObject()
        object["model_type"] = .string(
            ["textcnn": "text-cnn", "bilstm": "lstm", "encoder": "bert"][family] ?? ""
        )
        object["vocab_size"] = .integer(vocabulary)
        object["max_position_embeddings"] = .integer(positions)
        for (key, size) in zip(own, sizes) { object[key] = .integer(size) }
        return try TextEncoderFamilies.configuration(ConfigurationReader(.object(object)))
    }

    /// Texts of random tokens.
    static func batch(rows: Int, positions: Int, vocabulary: Int, _ random: inout RandomSource) -> TokenBatch
    {
        TokenBatch(
            (0..<rows).map { _ in
                (0..<positions).map { _ in Int32(random.nextIndex(below: vocabulary)) }
            }
        )
    }
}

/// A whole training step of a text classifier: textcnn f32 <B> <T> <V> <D> <filters>, or
/// encoder f32 <B> <T> <V> <D> <heads> <layers> <F>.
final class ClassifierWorkload: Workload {
    private let model: TextClassifierModel
    private let optimizer: Optimizer
    private let batch: TokenBatch
    private let classes: [Int]
    private var call: UInt64 = 0

    /// Makes the workload of a line, see ``Benchmark``.
    init(_ words: [String]) throws {
        let sizes = words.dropFirst(2).compactMap { Int($0) }
        guard words.count == sizes.count + 2, words[1] == "f32", sizes.count > 3 else {
            throw BenchError("«\(words.joined(separator: " "))» is no <family> f32 <B> <T> <V> <sizes …>")
        }
        let configuration = try ClassifierSizes.configuration(
            words[0],
            positions: sizes[1],
            vocabulary: sizes[2],
            Array(sizes[3...])
        )
        var random = RandomSource(seed: 1)
        let dropout = words[0] == "encoder" ? 0.1 : 0.5
        model = TextClassifierModel(configuration, classCount: 2, dropout: dropout, random: &random)
        model.setTraining(true)
        let parameters = model.namedParameters()
        optimizer = try Optimizer(
            groups: ParameterGroup.separatingDecay(of: parameters, rule: .adam(.adamW), weightDecay: 0.01),
            of: parameters
        )
        batch = ClassifierSizes.batch(
            rows: sizes[0],
            positions: sizes[1],
            vocabulary: sizes[2],
            &random
        )
        classes = (0..<sizes[0]).map { _ in random.nextIndex(below: 2) }
    }

    func run() {
        call += 1
        model.setRandom(seed: 1, call: call)
        let tape = Tape()
        let loss = tape.record { model.loss(batch, classes: classes, scale: 1 / Float(classes.count)) }
        tape.backward(from: loss)
        let norm = (try? GradientClipping.norm(of: optimizer.parameters)) ?? 1
        optimizer.step(learningRate: 1e-3, gradientScale: GradientClipping.scale(norm: norm, limit: 1))
        optimizer.clearGradients()
    }
}

/// The answer to one sentence: latency f32 <textcnn|bilstm|encoder> <T> <V> <sizes …>.
final class LatencyWorkload: Workload {
    private let model: TextClassifierModel
    private let batch: TokenBatch

    /// Makes the workload of a line, see ``Benchmark``.
    init(_ words: [String]) throws {
        let sizes = words.dropFirst(3).compactMap { Int($0) }
        guard words.count == sizes.count + 3, words[1] == "f32", sizes.count > 2 else {
            throw BenchError("«\(words.joined(separator: " "))» is no latency f32 <family> <T> <V> <sizes …>")
        }
        let configuration = try ClassifierSizes.configuration(
            words[2],
            positions: sizes[0],
            vocabulary: sizes[1],
            Array(sizes[2...])
        )
        var random = RandomSource(seed: 1)
        model = TextClassifierModel(configuration, classCount: 2, dropout: 0, random: &random)
        model.setTraining(false)
        batch = ClassifierSizes.batch(rows: 1, positions: sizes[0], vocabulary: sizes[1], &random)
    }

    func run() { _ = Tape.withoutRecording { softmax(model.logits(batch)).doubles() } }
}
