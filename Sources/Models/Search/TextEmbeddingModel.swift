import YuyanCheckpoints
import YuyanNeuralNetworks

/// A text encoder whose vectors are brought to length 1, so that inner products are cosines.
public final class TextEmbeddingModel: Module {
    /// The sizes and choices of the encoder.
    public let configuration: any TextEncoderConfiguration
    /// What makes a vector of a text.
    public let encoder: any TextEncoder

    /// Makes a model with initial weights, those of positions and segments zeros.
    ///
    /// What every text has in common turns all vectors in one direction, and cosines tell less; so it begins at zero.
    ///
    /// - Parameters:
    ///   - configuration: The encoder.
    ///   - random: Where the draws come from; advances.
    public init(_ configuration: any TextEncoderConfiguration, random: inout RandomSource) {
        self.configuration = configuration
        encoder = configuration.makeEncoder(random: &random)
        for table in encoder.placeTables { table.assign(.zeros(table.shape, backend: table.value.backend)) }
    }

    /// The width of a vector D.
    public var dimension: Int { encoder.outputWidth }

    /// The vectors of texts at length 1.
    ///
    /// - Parameter batch: The texts' tokens.
    /// - Returns: [B, D]; zeros where the encoder gives zeros.
    public func vectors(_ batch: TokenBatch) -> Tensor { unitRows(encoder(batch)) }

    /// Reads a model folder: `config.json` and the weights beside it.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` naming the file and the field or tensor that is wrong.
    public convenience init(folder: String) throws {
        let reader = try ConfigurationReader(contentsOf: "\(folder)/config.json")
        let configuration = try TextEncoderFamilies.configuration(reader)
        let files = try WeightFiles(path: folder)
        var random = RandomSource(seed: 0)
        self.init(configuration, random: &random)
        try loadParameters(from: files, map: configuration.keyMap)
    }

    /// Reads the encoder's weights from another model's folder; its own layers on top are passed over.
    ///
    /// - Parameter folder: A folder of a model of the same family and sizes.
    /// - Returns: The parameters of the pooling that a model with another lacks; they stay as they are.
    /// - Throws: `FileFormatError` naming file and key of what is missing or of another shape.
    @discardableResult public func loadEncoder(folder: String) throws -> [String] {
        try encoder.loadEncoder(folder: folder, configuration)
    }

    /// Writes `config.json` and `model.safetensors`.
    ///
    /// The folder must exist. Each file appears whole or not at all.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func save(to folder: String) throws(FileFormatError) {
        var object = JSONObject()
        object["model_type"] = .string(configuration.modelType)
        for (key, value) in configuration.fields where key != "architectures" { object[key] = value }
        try JSONValue.object(object).write(to: "\(folder)/config.json")
        try saveParameters(to: "\(folder)/model.safetensors", map: configuration.keyMap)
    }
}
