import YuyanModels

/// A whole training step of a classifier over recurrent layers in both directions.
final class RecurrentWorkload: Workload {
    /// Embedding, recurrent layers, classes.
    private final class Classifier: Module {
        let embedding: Embedding
        let layers: RecurrentNetwork
        let output: Linear

        init(vocabulary: Int, inputWidth: Int, width: Int, layers count: Int) {
            var random = RandomSource(seed: 1)
            embedding = Embedding(count: vocabulary, width: inputWidth, random: &random)
            var options = RecurrentNetwork.Options(cell: .lstm, inputWidth: inputWidth, width: width)
            options.layers = count
            options.isBidirectional = true
            layers = RecurrentNetwork(options, random: &random)
            output = Linear(inputWidth: layers.outputWidth, outputWidth: 2, random: &random)
        }
    }

    private let model: Classifier
    private let step: TrainingStep
    private let inputs: Tensor
    private let targets: Tensor
    private let readsMaximum: Bool

    /// Makes the workload of a line, see ``Benchmark``.
    init(_ words: [String]) throws {
        let sizes = words.dropFirst(3).compactMap { Int($0) }
        guard words.count == 9, words[1] == "f32", ["last", "max"].contains(words[2]), sizes.count == 6 else {
            throw BenchError(
                "«\(words.joined(separator: " "))» is no bilstm <f32> <last|max> <B> <T> <V> <D> <H> <layers>"
            )
        }
        let (batch, positions, vocabulary) = (sizes[0], sizes[1], sizes[2])
        readsMaximum = words[2] == "max"
        model = Classifier(vocabulary: vocabulary, inputWidth: sizes[3], width: sizes[4], layers: sizes[5])
        step = try TrainingStep(model)
        var random = RandomSource(seed: 2)
        func draw(_ shape: Shape, below bound: Int) -> Tensor {
            Tensor((0..<shape.elementCount).map { _ in Int32(random.nextIndex(below: bound)) }, shape: shape)
        }
        inputs = draw([batch, positions], below: vocabulary)
        targets = draw([batch], below: 2)
    }

    func run() {
        step.run {
            let vectors = model.embedding(inputs)
            let read =
                readsMaximum ? model.layers(vectors).output.max(axis: 1) : model.layers.lastOutput(vectors)
            return crossEntropyLoss(model.output(read), targets: targets)
        }
    }
}
