import YuyanModels

/// Text classifiers of the sizes that a benchmark's words say.
enum ClassifierSizes {
    /// The configuration of a family, with a vocabulary.
    ///
    /// `bag` <D>, `mlp` <D> <H>, `textcnn` <D> <filters>, `dpcnn` <D> <filters> <blocks>, `bilstm`, `bigru`, `birnn` and
    /// `bilstm-attention` <D> <H> <layers>, or `encoder` <D> <heads> <layers> <F> in BERT's form.
    static func configuration(
        _ family: String,
        positions: Int,
        vocabulary: Int,
        _ sizes: [Int]
    ) throws -> any TextEncoderConfiguration {
        let recurrent = ["embedding_dim", "hidden_size", "num_layers"]
        let families: [String: (type: String, keys: [String])] = [
            "bag": ("bag-of-embeddings", ["embedding_dim"]),
            "mlp": ("mlp", ["embedding_dim", "hidden_sizes"]),
            "textcnn": ("text-cnn", ["embedding_dim", "num_filters"]),
            "dpcnn": ("dpcnn", ["embedding_dim", "num_filters", "num_blocks"]),
            "bilstm": ("lstm", recurrent), "bigru": ("gru", recurrent), "birnn": ("rnn", recurrent),
            "bilstm-attention": ("lstm", recurrent),
            "encoder": (
                "bert", ["hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size"]
            ),
        ]
        guard let own = families[family], own.keys.count == sizes.count else {
            let known = families.keys.sorted().joined(separator: ", ")
            throw BenchError("«\(family) \(sizes)» are no sizes of one of \(known)")
        }
        var object = JSONObject()
        object["model_type"] = .string(own.type)
        if family == "bilstm-attention" { object["pooling"] = "attention" }
        if family == "bag" { object["max_ngram"] = 1 }
        object["vocab_size"] = .integer(vocabulary)
        object["max_position_embeddings"] = .integer(positions)
        for (key, size) in zip(own.keys, sizes) {
            object[key] = key == "hidden_sizes" ? [.integer(size)] : .integer(size)
        }
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

/// A whole training step of a text classifier: textcnn <dtype> <B> <T> <V> <D> <filters>, or
/// encoder <dtype> <B> <T> <V> <D> <heads> <layers> <F>.
final class ClassifierWorkload: Workload {
    private let model: TextClassifierModel
    private let step: TrainingStep
    private let batch: TokenBatch
    private let classes: [Int]
    private var call: UInt64 = 0

    /// Makes the workload of a line, see ``Benchmark``.
    init(_ words: [String]) throws {
        let sizes = words.dropFirst(2).compactMap { Int($0) }
        guard words.count == sizes.count + 2, sizes.count > 3 else {
            throw BenchError("«\(words.joined(separator: " "))» is no <family> <dtype> <B> <T> <V> <sizes …>")
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
        model.setComputeDType(try DType(benchmark: words[1]))
        step = try TrainingStep(model, clipsGradients: true)
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
        step.run { model.loss(batch, classes: classes, scale: 1 / Float(classes.count)) }
    }
}

/// A whole training step of a Transformer that reads and writes: sequence <dtype> <B> <T> <V> <D> <F> <layers> <heads>.
final class SequenceWorkload: Workload {
    private let model: EncoderDecoderModel
    private let step: TrainingStep
    private let batch: SequenceBatch

    /// Makes the workload of a line, see ``Benchmark``.
    init(_ words: [String]) throws {
        let sizes = words.dropFirst(2).compactMap { Int($0) }
        guard words.count == 9, sizes.count == 7 else {
            throw BenchError(
                "«\(words.joined(separator: " "))» is no sequence <dtype> <B> <T> <V> <D> <F> <layers> <heads>"
            )
        }
        let (rows, positions, vocabulary) = (sizes[0], sizes[1], sizes[2])
        let fields: JSONValue = [
            "model_type": "encoder-decoder", "vocab_size": .integer(vocabulary),
            "hidden_size": .integer(sizes[3]),
            "intermediate_size": .integer(sizes[4]), "encoder_layers": .integer(sizes[5]),
            "decoder_layers": .integer(sizes[5]), "num_attention_heads": .integer(sizes[6]), "dropout": 0,
            "attention_dropout": 0, "norm_placement": "pre", "position_embedding_type": "sinusoidal",
        ]
        var random = RandomSource(seed: 1)
        model = EncoderDecoderModel(
            try EncoderDecoderConfiguration(ConfigurationReader(fields)),
            random: &random
        )
        model.computeDType = try DType(benchmark: words[1])
        step = try TrainingStep(model, clipsGradients: true)
        func draw() -> [[Int32]] {
            (0..<rows).map { _ in (0..<positions).map { _ in Int32(random.nextIndex(below: vocabulary)) } }
        }
        batch = SequenceBatch(sources: draw(), targets: draw(), start: 0)
    }

    func run() { step.run { model.loss(batch, scale: 1 / Float(batch.targetCount)) } }
}

/// The answer to one sentence: latency f32 <family> <T> <V> <sizes …>, see ``ClassifierSizes``.
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
