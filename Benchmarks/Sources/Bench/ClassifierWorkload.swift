import YuyanModels
import YuyanOptimizers

/// A whole training step of a convolutional text classifier: textcnn f32 <B> <T> <V> <D> <filters>.
final class ClassifierWorkload: Workload {
    private let model: TextClassifierModel
    private let optimizer: Optimizer
    private let batch: TokenBatch
    private let classes: [Int]
    private var call: UInt64 = 0

    /// Makes the workload of a line, see ``Benchmark``.
    init(_ words: [String]) throws {
        let sizes = words.dropFirst(2).compactMap { Int($0) }
        guard words.count == 7, words[1] == "f32", sizes.count == 5 else {
            throw BenchError("«\(words.joined(separator: " "))» is no textcnn f32 <B> <T> <V> <D> <filters>")
        }
        var object = JSONObject()
        object["model_type"] = "text-cnn"
        object["vocab_size"] = .integer(sizes[2])
        object["embedding_dim"] = .integer(sizes[3])
        object["num_filters"] = .integer(sizes[4])
        let configuration = try TextEncoderFamilies.configuration(ConfigurationReader(.object(object)))
        var random = RandomSource(seed: 1)
        model = TextClassifierModel(configuration, classCount: 2, dropout: 0.5, random: &random)
        model.setTraining(true)
        let parameters = model.namedParameters()
        optimizer = try Optimizer(
            groups: ParameterGroup.separatingDecay(of: parameters, rule: .adam(.adamW), weightDecay: 0.01),
            of: parameters
        )
        batch = TokenBatch(
            (0..<sizes[0]).map { _ in (0..<sizes[1]).map { _ in Int32(random.nextIndex(below: sizes[2])) } }
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
