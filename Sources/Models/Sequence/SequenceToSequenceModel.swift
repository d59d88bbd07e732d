import YuyanCheckpoints
import YuyanNeuralNetworks

/// Sources and targets side by side, as a model learns them.
public struct SequenceBatch: Sendable, Hashable {
    /// What is read.
    public let source: TokenBatch
    /// What the decoder sees: the start token, then the target without its last token.
    public let inputs: TokenBatch
    /// The token that is to follow at each place of B × T; −100 beyond a target.
    public let labels: [Int32]

    /// Lays pairs side by side.
    ///
    /// Traps when the counts differ or a target is empty: it holds at least the token that ends it.
    ///
    /// - Parameters:
    ///   - sources: The token ids of each source.
    ///   - targets: Those of each target, the end token included.
    ///   - start: The token that the decoder begins with.
    public init(sources: [[Int32]], targets: [[Int32]], start: Int32) {
        require(
            sources.count == targets.count && targets.allSatisfy { !$0.isEmpty },
            "SequenceBatch: \(sources.count) sources for \(targets.count) targets, each of a token at least"
        )
        source = TokenBatch(sources)
        let inputs = TokenBatch(targets.map { [start] + $0.dropLast() })
        self.inputs = inputs
        labels = targets.flatMap {
            $0 + [Int32](repeating: -100, count: inputs.length - $0.count)
        }
    }

    /// The number of labels that count.
    public var targetCount: Int { inputs.lengths.reduce(0, +) }
}

/// A model that reads one sequence and writes another.
public protocol SequenceToSequenceModel: Module {
    /// The number of target tokens V.
    var vocabularySize: Int { get }
    /// The number of source tokens.
    var sourceVocabularySize: Int { get }
    /// The token that the decoder begins with.
    var startToken: Int32 { get }
    /// The token that ends a target.
    var endToken: Int32 { get }
    /// The most tokens of a source.
    var maxSourceLength: Int { get }
    /// The most tokens of a target, its end token included.
    var maxTargetLength: Int { get }
    /// The parameters that are rows looked up, which matrix optimizers leave to others.
    var tables: [Parameter] { get }

    /// The cross-entropy of the targets' tokens, summed and multiplied by `scale`.
    ///
    /// - Parameters:
    ///   - batch: Sources and targets.
    ///   - scale: The factor on the sum.
    ///   - smoothing: Label smoothing.
    /// - Returns: A scalar, f32 (f64 on the reference path).
    func loss(_ batch: SequenceBatch, scale: Float, smoothing: Float) -> Tensor

    /// The cross-entropy of the tokens of each target, without gradients.
    ///
    /// - Parameter batch: Sources and targets.
    /// - Returns: B sums in nats.
    func losses(_ batch: SequenceBatch) -> [Double]

    /// The logits of the next target token at every place.
    ///
    /// - Parameter batch: Sources and targets.
    /// - Returns: [B, T, V], f32 (f64 on the reference path).
    func logits(_ batch: SequenceBatch) -> Tensor

    /// What each place of the targets looks at in the sources, by the attention of the decoder.
    ///
    /// - Parameter batch: Sources and targets.
    /// - Returns: [B, T, S]; rows that sum to 1 over the real tokens of the source.
    func crossAttention(_ batch: SequenceBatch) -> Tensor

    /// Reads sources and stands ready to write.
    ///
    /// - Parameters:
    ///   - source: The sources.
    ///   - rows: The most targets of a source that are in the making at a time.
    ///   - capacity: The most tokens of a target.
    /// - Returns: The decoder at work, with one row for each source.
    func decoding(_ source: TokenBatch, rows: Int, capacity: Int) -> any SequenceDecoding

    /// Floating-point operations of the matrix products of a forward pass.
    ///
    /// - Parameters:
    ///   - source: The tokens of a source.
    ///   - target: The tokens of a target.
    /// - Returns: Operations per pair, a multiplication and an addition counting as two.
    func forwardFlops(source: Int, target: Int) -> Double

    /// Writes `config.json` and `model.safetensors` into a folder that exists.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` when the disk refuses.
    func save(to folder: String) throws(FileFormatError)

    /// Reads weights that ``save(to:)`` wrote.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` naming file and key of what is missing or of another shape.
    func load(from folder: String) throws
}

/// A decoder at work: rows of targets in the making, as many for each source.
///
/// What a row answers depends on its source and its own tokens alone when all sources of the batch are of one length.
public protocol SequenceDecoding: AnyObject {
    /// Takes up one token in each row.
    ///
    /// - Parameter ids: A token for each row.
    /// - Returns: The logits of the next tokens [rows, V].
    func step(_ ids: [Int32]) -> Tensor

    /// Goes on with some sources, and with other rows of them.
    ///
    /// - Parameters:
    ///   - sources: The numbers of the sources to keep, among those at work, ascending.
    ///   - parents: For each source that is kept, the rows that its next rows go on from; as many for each.
    func keep(sources: [Int], parents: [Int])
}

/// The losses and logits at the end of a decoder.
struct SequenceProjection {
    let hidden: Tensor
    let weight: Parameter

    /// The cross-entropy of a batch's labels; rows beyond a target are left out before the product.
    func loss(_ batch: SequenceBatch, scale: Float, smoothing: Float) -> Tensor {
        let width = hidden.shape[2]
        var (rows, labels) = (hidden.reshaped(batch.labels.count, width), batch.labels)
        if batch.targetCount < labels.count {
            let places = labels.indices.filter { labels[$0] >= 0 }
            rows = rows.gathered(places)
            labels = places.map { labels[$0] }
        }
        return linearCrossEntropy(
            rows,
            weight: weight.tensor(as: hidden.dtype),
            targets: Tensor(labels, shape: [labels.count]),
            scale: scale,
            smoothing: smoothing
        )
    }

    /// The cross-entropy of the tokens of each target of a batch.
    func losses(_ batch: SequenceBatch) -> [Double] {
        let width = hidden.shape[2]
        let places = batch.labels.indices.filter { batch.labels[$0] >= 0 }
        let all = linearCrossEntropies(
            hidden.reshaped(batch.labels.count, width).gathered(places),
            weight: weight.tensor(as: hidden.dtype),
            targets: Tensor(places.map { batch.labels[$0] }, shape: [places.count])
        ).doubles()
        let length = max(batch.inputs.length, 1)
        var sums = [Double](repeating: 0, count: batch.inputs.rows)
        for (place, loss) in zip(places, all) { sums[place / length] += loss }
        return sums
    }

    var logits: Tensor { vocabularyLogits(hidden, weight: weight) }
}

/// The families of models from sequences to sequences that configurations name.
public enum SequenceModels {
    /// Reads a model folder: `config.json` and the weights beside it.
    ///
    /// - Parameters:
    ///   - folder: The folder.
    ///   - fields: The fields of its configuration, when they are not to be those of `config.json`.
    /// - Returns: The model.
    /// - Throws: `FileFormatError` naming the file and the field or tensor that is wrong.
    public static func load(
        folder: String,
        fields: JSONObject? = nil
    ) throws -> any SequenceToSequenceModel {
        let reader = try ConfigurationReader(folder: folder, fields: fields)
        var random = RandomSource(seed: 0)
        let model = try reader.naming { try make($0, random: &random) }
        try model.load(from: folder)
        return model
    }

    /// Makes a model with initial weights.
    ///
    /// - Parameters:
    ///   - reader: The fields of its configuration, `model_type` among them.
    ///   - random: Where the draws come from; advances.
    /// - Returns: The model.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    public static func make(
        _ reader: ConfigurationReader,
        random: inout RandomSource
    ) throws -> any SequenceToSequenceModel {
        switch try configuration(reader) {
        case .encoderDecoder(let configuration): EncoderDecoderModel(configuration, random: &random)
        case .recurrent(let configuration): RecurrentSequenceModel(configuration, random: &random)
        }
    }

    /// All fields of a configuration, by Yuyan's own names.
    ///
    /// - Parameter reader: The fields, `model_type` among them.
    /// - Returns: All fields of the family.
    /// - Throws: `FileFormatError` that names the field.
    public static func fields(_ reader: ConfigurationReader) throws(FileFormatError) -> JSONObject {
        let document: JSONValue
        switch try reader.naming({ try configuration($0) }) {
        case .encoderDecoder(let configuration): document = configuration.document(in: .own)
        case .recurrent(let configuration): document = configuration.document
        }
        return document.objectValue ?? JSONObject()
    }

    private enum Configuration {
        case encoderDecoder(EncoderDecoderConfiguration)
        case recurrent(RecurrentSequenceConfiguration)
    }

    private static func configuration(_ reader: ConfigurationReader) throws -> Configuration {
        let type = try reader.string("model_type") ?? ""
        if EncoderDecoderLayout(rawValue: type) != nil {
            return .encoderDecoder(try EncoderDecoderConfiguration(reader))
        }
        guard type == RecurrentSequenceConfiguration.modelType else {
            let known =
                EncoderDecoderLayout.allCases.map(\.rawValue) + [RecurrentSequenceConfiguration.modelType]
            throw ConfigurationError(
                "model_type",
                "'\(type)' is no model from sequences to sequences known here; known are "
                    + known.joined(separator: ", ")
            )
        }
        return .recurrent(try RecurrentSequenceConfiguration(reader))
    }
}
