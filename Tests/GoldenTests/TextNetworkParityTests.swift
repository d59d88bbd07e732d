import Testing
import YuyanModels
import YuyanTestSupport

/// Toy classifiers, taggers and a reader of answers beside the same networks in PyTorch.
///
/// The reference sees one text at a time, without padding; here all of a batch lie side by side. Logits, losses, every
/// gradient and thirty losses of training, element by element. The encoders have norms before the branches, or rotary positions, and
/// take the mean of their states, as recipes make them; for the tagger on one of them all sequences of labels are summed and
/// compared.
@Suite struct TextNetworkParityTests {
    static let classifiers = [
        "bag", "mlp", "text-cnn", "text-cnn-many-labels", "dpcnn", "rnn-last", "lstm-max", "lstm-mean",
        "gru-attention", "gru-additive", "lstm-multiplicative", "encoder", "encoder-rezero",
        "encoder-rotary",
    ]
    static let taggers = ["tagger", "tagger-words", "tagger-roles"]

    @Test(arguments: classifiers, [DType.f32, .f64]) func classifiersMatch(name: String, dtype: DType) throws
    {
        let golden = try ClassifierGolden(name)
        try golden.compare(dtype)
    }

    @Test(arguments: classifiers) func classifiersTrainAlike(name: String) throws {
        try ClassifierGolden(name).compareTraining()
    }

    @Test(arguments: taggers, [DType.f32, .f64]) func taggersMatch(name: String, dtype: DType) throws {
        let golden = try TaggerGolden(name)
        try golden.compare(dtype)
        #expect(golden.tagger.labels(golden.batch) == golden.best)
    }

    @Test(arguments: taggers) func taggersTrainAlike(name: String) throws {
        try TaggerGolden(name).compareTraining()
    }

    @Test(arguments: [DType.f32, .f64]) func encoderTaggerMatches(dtype: DType) throws {
        let golden = try EncoderTaggerGolden()
        try golden.compare(dtype)
        #expect(golden.tagger.labels(golden.batch) == golden.best)
    }

    @Test func encoderTaggerTrainsAlike() throws {
        try EncoderTaggerGolden().compareTraining()
    }

    @Test(arguments: [DType.f32, .f64]) func readerMatches(dtype: DType) throws {
        try ReaderGolden().compare(dtype)
    }

    @Test func readerTrainsAlike() throws {
        try ReaderGolden().compareTraining()
    }
}

/// A toy network over texts with what PyTorch gives for it.
private protocol TextNetworkGolden {
    var file: ModelGolden { get }
    var network: any Module { get }
    /// Where the parameters lie in files.
    var map: KeyMap { get }

    /// The numbers at the places that are no padding, text by text.
    func logits() -> [Double]
    func loss() -> Tensor
}

extension TextNetworkGolden {
    var map: KeyMap { .identity }

    func compare(_ dtype: DType) throws {
        for parameter in network.parameters() { parameter.convert(to: dtype) }
        let tolerance = dtype == .f64 ? 3e-7 : 2e-5
        expectClose(
            actual: logits(),
            expected: try file.values("logits"),
            relative: tolerance,
            absolute: tolerance,
            "logits"
        )
        let tape = Tape()
        let value = tape.record { loss() }
        expectClose(
            actual: [value.item()],
            expected: try file.values("loss"),
            relative: tolerance,
            "loss"
        )
        tape.backward(from: value)
        // What moves the weights of an attention only is what is left of sums that nearly cancel; a key's bias moves no
        // softmax, and its gradient is rounding around zero.
        try file.compareGradients(of: network, map, relative: tolerance) {
            if $0.hasSuffix("key.bias") { return 1e-7 }
            return dtype == .f32 && $0.hasPrefix("encoder.attention.projection") ? 1e-9 : 0
        }
    }

    func compareTraining() throws {
        let losses = try ModelGolden.train(network, steps: 30, learningRate: 1e-2) { loss() }
        let expected = try file.values("adamw_losses")
        expectClose(actual: losses, expected: expected, relative: 2e-3, absolute: 2e-4)
    }

    /// The first `lengths` rows of each text of logits [B, T, C].
    func inner(_ scores: Tensor, _ lengths: [Int]) -> [Double] {
        let (all, width, positions) = (scores.doubles(), scores.shape[2], scores.shape[1])
        return lengths.enumerated().flatMap { row, length in
            all[row * positions * width..<(row * positions + length) * width]
        }
    }
}

private struct ClassifierGolden: TextNetworkGolden {
    let file: ModelGolden
    let model: TextClassifierModel
    private let batch: TokenBatch
    private let classes: [Int]
    private let sets: [[Int]]
    private let isMultiLabel: Bool

    init(_ name: String) throws {
        file = try ModelGolden("text/\(name)")
        model = try TextClassifierModel(folder: file.folder)
        batch = TokenBatch(try file.rows("texts", lengths: "texts_lengths"))
        classes = try file.integers("classes").map { Int($0) }
        let (flags, count) = (try file.integers("sets"), model.classCount)
        sets = (0..<batch.rows).map { row in (0..<count).filter { flags[row * count + $0] == 1 } }
        isMultiLabel = name.hasSuffix("many-labels")
    }

    var network: any Module { model }
    var map: KeyMap { model.configuration.keyMap }

    func logits() -> [Double] { model.logits(batch).doubles() }

    func loss() -> Tensor {
        let scale = 1 / Float(batch.rows)
        return isMultiLabel
            ? model.loss(batch, classSets: sets, scale: scale)
            : model.loss(batch, classes: classes, scale: scale, smoothing: 0.1)
    }
}

private struct TaggerGolden: TextNetworkGolden {
    let file: ModelGolden
    let tagger: TaggerModel
    let batch: TaggerBatch
    /// The labels that the reference gives.
    let best: [[Int32]]
    private let labels: [[Int32]]

    init(_ name: String) throws {
        file = try ModelGolden("text/\(name)")
        tagger = try TaggerModel(folder: file.folder)
        let texts = try file.rows("texts", lengths: "texts_lengths")
        var words = try file.rows("spellings", lengths: "spellings_lengths")[...]
        let spellings = texts.map { text in
            defer { words = words.dropFirst(text.count) }
            return Array(words.prefix(text.count))
        }
        batch = TaggerBatch(
            texts,
            spellings: tagger.characterTable == nil ? nil : spellings,
            predicates: tagger.markTable == nil ? nil : try file.integers("predicates").map { Int($0) }
        )
        labels = try file.rows("labels", lengths: "labels_lengths")
        best = try file.rows("best", lengths: "best_lengths")
    }

    var network: any Module { tagger }

    func logits() -> [Double] { inner(tagger.emissions(batch), batch.words.lengths) }

    func loss() -> Tensor {
        tagger.loss(batch, labels: labels, scale: 1 / Float(batch.words.lengths.reduce(0, +)))
    }
}

private struct EncoderTaggerGolden: TextNetworkGolden {
    let file: ModelGolden
    let tagger: EncoderTagger
    let batch: PieceBatch
    /// The labels that the reference gives.
    let best: [[Int32]]
    private let labels: [[Int32]]

    init() throws {
        file = try ModelGolden("text/encoder-tagger")
        tagger = try EncoderTagger(folder: file.folder)
        let pieces = try file.rows("pieces", lengths: "pieces_lengths")
        let firsts = try file.rows("firsts", lengths: "firsts_lengths")
        let all = zip(pieces, firsts).map { PieceBatch.Window(pieces: $0, firsts: $1.map { Int($0) }) }
        var windows = all[...]
        batch = PieceBatch(
            try file.integers("windows").map { count in
                defer { windows = windows.dropFirst(Int(count)) }
                return Array(windows.prefix(Int(count)))
            }
        )
        labels = try file.rows("labels", lengths: "labels_lengths")
        best = try file.rows("best", lengths: "best_lengths")
    }

    var network: any Module { tagger }
    var map: KeyMap { tagger.configuration.keyMap }

    func logits() -> [Double] { inner(tagger.emissions(batch), batch.wordCounts) }

    func loss() -> Tensor {
        tagger.loss(batch, labels: labels, scale: 1 / Float(batch.wordCounts.reduce(0, +)))
    }
}

private struct ReaderGolden: TextNetworkGolden {
    let file: ModelGolden
    let model: QuestionAnsweringModel
    private let batch: QuestionBatch
    private let spans: [(first: Int, last: Int)]

    init() throws {
        file = try ModelGolden("text/reader")
        model = try QuestionAnsweringModel(folder: file.folder)
        batch = QuestionBatch(
            questions: try file.rows("questions", lengths: "questions_lengths"),
            contexts: try file.rows("texts", lengths: "texts_lengths"),
            frame: ([], []),
            marksOverlap: false
        )
        let places = try file.integers("spans")
        spans = (0..<batch.rows).map { (Int(places[2 * $0]), Int(places[2 * $0 + 1])) }
    }

    var network: any Module { model }

    func logits() -> [Double] { inner(model.network.scores(batch), batch.contexts.lengths.map { $0 + 1 }) }

    func loss() -> Tensor { model.loss(batch, spans: spans, scale: 1 / Float(batch.rows)) }
}
