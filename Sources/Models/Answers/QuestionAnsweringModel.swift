import YuyanCheckpoints
import YuyanNeuralNetworks

/// A model that finds the answers to questions in texts.
public final class QuestionAnsweringModel: Module {
    /// The families of networks that configurations name.
    public static let families: [any AnswerNetworkConfiguration.Type] = [
        AnswerEncoderConfiguration.self, AnswerReaderConfiguration.self,
    ]

    /// The sizes and choices of the network.
    public let configuration: any AnswerNetworkConfiguration
    /// What scores places.
    public let network: any AnswerNetwork

    /// Makes a model with initial weights.
    ///
    /// - Parameters:
    ///   - configuration: The network's sizes and choices.
    ///   - random: Where the draws come from; advances.
    public init(_ configuration: any AnswerNetworkConfiguration, random: inout RandomSource) {
        self.configuration = configuration
        network = configuration.makeNetwork(random: &random)
    }

    /// Reads the network of a configuration.
    ///
    /// - Parameter reader: The fields, `model_type` among them.
    /// - Returns: The family's configuration.
    /// - Throws: `FileFormatError` that names the field.
    public static func configuration(
        _ reader: ConfigurationReader
    ) throws(FileFormatError) -> any AnswerNetworkConfiguration {
        let type = try reader.string("model_type") ?? ""
        guard let family = families.first(where: { $0.modelTypes.contains(type) }) else {
            throw FileFormatError(
                .unsupported,
                path: reader.path,
                at: .key("model_type"),
                "'\(type)' answers no questions here; known are "
                    + families.flatMap { $0.modelTypes }.joined(separator: ", ")
            )
        }
        return try reader.naming { try family.init($0) }
    }

    /// The logits of beginnings and ends; places beyond a text's end have a very small one.
    ///
    /// - Parameter batch: The questions and texts.
    /// - Returns: Two tensors [B, 1 + C].
    public func logits(_ batch: QuestionBatch) -> (start: Tensor, end: Tensor) {
        let (rows, width) = (batch.rows, 1 + batch.contexts.length)
        var mask = [Float](repeating: 0, count: rows * width)
        for (row, length) in batch.contexts.lengths.enumerated() {
            for place in row * width + 1 + length..<(row + 1) * width { mask[place] = -1e9 }
        }
        let scores = network.scores(batch)
        let hidden = Tensor(mask, shape: [rows, width]).cast(to: scores.dtype)
        return (
            scores.select(axis: 2, 0).contiguous() + hidden, scores.select(axis: 2, 1).contiguous() + hidden
        )
    }

    /// The loss: the mean of the cross-entropies of beginning and end, summed over questions and multiplied by `scale`.
    ///
    /// Traps when a place lies outside 0...C.
    ///
    /// - Parameters:
    ///   - batch: The questions and texts.
    ///   - spans: The places of the first and the last token of each answer; (0, 0) where there is none.
    ///   - scale: The factor on the sum.
    /// - Returns: A scalar.
    public func loss(_ batch: QuestionBatch, spans: [(first: Int, last: Int)], scale: Float) -> Tensor {
        let (start, end) = logits(batch)
        func targets(_ places: [Int]) -> Tensor { Tensor(places.map { Int32($0) }, shape: [batch.rows]) }
        return crossEntropy(start, targets: targets(spans.map(\.first)), scale: scale / 2)
            + crossEntropy(end, targets: targets(spans.map(\.last)), scale: scale / 2)
    }

    // MARK: Files

    /// Reads a model folder: `config.json` and the weights beside it.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` naming the file and the field or tensor that is wrong.
    public convenience init(folder: String) throws {
        let reader = try ConfigurationReader(contentsOf: "\(folder)/config.json")
        let configuration = try Self.configuration(reader)
        let files = try WeightFiles(path: folder)
        var random = RandomSource(seed: 0)
        self.init(configuration, random: &random)
        try loadParameters(from: files, map: configuration.keyMap)
    }

    /// Reads the encoder's weights from another model's folder; the layer on top stays as it is.
    ///
    /// - Parameter folder: A folder of a model with an encoder of the same sizes; its own layers on top are passed over.
    /// - Throws: `FileFormatError` naming file and key of what is missing or of another shape, or telling that this
    ///   model has no such encoder.
    public func loadEncoder(folder: String) throws {
        guard let own = network as? AnswerEncoder else {
            throw FileFormatError(
                .unsupported,
                path: folder,
                "only a Transformer encoder can begin with the weights of another model"
            )
        }
        try own.encoder.loadParameters(
            from: WeightFiles(path: folder),
            map: configuration.keyMap.part(below: "network.encoder.", of: own.encoder)
        )
    }

    /// Writes `config.json` and `model.safetensors`.
    ///
    /// The folder must exist. Each file appears whole or not at all.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func save(to folder: String) throws(FileFormatError) {
        let object = JSONObject(configuration.fields)
        try JSONValue.object(object).write(to: "\(folder)/config.json")
        try saveParameters(to: "\(folder)/model.safetensors", map: configuration.keyMap)
    }
}
