import YuyanCheckpoints
import YuyanNeuralNetworks

/// A Transformer encoder that says which tokens stand at places where they were hidden.
///
/// A layer with activation and norm turns the states, and the table of token vectors, with a bias for each token, gives
/// the logits. Files are those of transformers' BertForMaskedLM where the norms stand behind the branches.
/// Source: Devlin et al., «BERT», 2019, section 3.1.
public final class MaskedLanguageModel: Module {
    /// The encoder's sizes and choices.
    public let configuration: TransformerEncoderConfiguration
    /// The encoder.
    public let encoder: TransformerEncoder
    /// The layer on the states.
    public let transform: Linear
    /// The norm behind it.
    public let norm: LayerNorm
    /// What is added to the tokens' logits [V].
    public let bias: Parameter

    /// Reads a configuration.
    ///
    /// - Parameter reader: The fields; `pooling` is passed over.
    /// - Returns: The encoder's sizes and choices.
    /// - Throws: `FileFormatError` that names the field.
    public static func configuration(
        _ reader: ConfigurationReader
    ) throws(FileFormatError) -> TransformerEncoderConfiguration {
        try reader.naming { try TransformerEncoderConfiguration(withoutPooler: $0) }
    }

    /// Makes a model with initial weights.
    ///
    /// - Parameters:
    ///   - configuration: Sizes and choices, of an encoder without pooler.
    ///   - random: Where the draws come from; advances.
    public init(_ configuration: TransformerEncoderConfiguration, random: inout RandomSource) {
        self.configuration = configuration
        encoder = TransformerEncoder(configuration, random: &random)
        transform = Linear(
            inputWidth: configuration.hiddenSize,
            outputWidth: configuration.hiddenSize,
            initializer: configuration.initializer,
            random: &random
        )
        norm = configuration.makeNorm()
        bias = Parameter(.zeros([configuration.vocabSize]))
    }

    /// The logits of all tokens at some places.
    ///
    /// Traps when a place lies outside the batch, or a text is longer than the model.
    ///
    /// - Parameters:
    ///   - batch: The texts, with the mask's token where a token is hidden.
    ///   - places: Places of B × T, counted row by row; N of them.
    /// - Returns: [N, V].
    public func logits(_ batch: TokenBatch, at places: [Int]) -> Tensor {
        let count = batch.rows * batch.length
        require(
            places.allSatisfy { (0..<count).contains($0) },
            "MaskedLanguageModel: a place lies outside the \(count) of the batch"
        )
        let states = encoder.states(batch).contiguous().reshaped(count, configuration.hiddenSize)
        let chosen = embedding(Tensor(places.map { Int32($0) }, shape: [places.count]), table: states)
        let hidden = norm(transform(chosen, activation: configuration.hiddenAct)).cast(to: encoder.dtype)
        return linear(
            hidden,
            weight: encoder.tokenEmbedding.weight.tensor(as: hidden.dtype),
            bias: bias.tensor()
        ).cast(to: chosen.dtype)
    }

    /// The cross-entropy of hidden tokens, summed and multiplied by `scale`.
    ///
    /// Traps as ``logits(_:at:)`` does, or when a token lies outside the vocabulary.
    ///
    /// - Parameters:
    ///   - batch: The texts, with the mask's token where a token is hidden.
    ///   - places: Where tokens are hidden.
    ///   - tokens: The tokens that stand there.
    ///   - scale: The factor on the sum.
    ///   - smoothing: Label smoothing.
    /// - Returns: A scalar.
    public func loss(
        _ batch: TokenBatch,
        places: [Int],
        tokens: [Int32],
        scale: Float,
        smoothing: Float = 0
    ) -> Tensor {
        crossEntropy(
            logits(batch, at: places),
            targets: Tensor(tokens, shape: [tokens.count]),
            scale: scale,
            smoothing: smoothing
        )
    }

    // MARK: Files

    /// Where each parameter lies in weight files: BERT's names.
    public var keyMap: KeyMap {
        let head = "cls.predictions"
        let map = configuration.keyMap(
            encoderPath: "encoder.",
            head: ["weight", "bias"].flatMap { kind in
                [
                    KeyMapping("transform.\(kind)", "\(head).transform.dense.\(kind)"),
                    KeyMapping("norm.\(kind)", "\(head).transform.LayerNorm.\(kind)"),
                ]
            } + [KeyMapping("bias", "\(head).bias")]
        )
        // Copies of what is tied, and what pre-training on pairs leaves.
        return KeyMap(
            map.mappings,
            optionalPrefixes: map.optionalPrefixes,
            ignoredKeys: map.ignoredKeys + ["\(head).decoder.weight", "\(head).decoder.bias"],
            ignoredPrefixes: ["cls.seq_relationship.", "bert.pooler."]
        )
    }

    /// Reads a model folder: `config.json` and the weights beside it.
    ///
    /// - Parameters:
    ///   - folder: The folder.
    ///   - fields: The fields of its configuration, when they are not to be those of `config.json`.
    /// - Throws: `FileFormatError` naming the file and the field or tensor that is wrong.
    public convenience init(folder: String, fields: JSONObject? = nil) throws {
        let configuration = try Self.configuration(ConfigurationReader(folder: folder, fields: fields))
        var random = RandomSource(seed: 0)
        self.init(configuration, random: &random)
        try loadParameters(folder: folder)
    }

    /// Reads the weights of a folder of a model of the same sizes.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` naming file and key of what is missing or of another shape.
    public func loadParameters(folder: String) throws {
        try loadParameters(from: WeightFiles(path: folder), map: keyMap)
    }

    /// Writes `config.json` and `model.safetensors`.
    ///
    /// The folder must exist. Each file appears whole or not at all.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func save(to folder: String) throws(FileFormatError) {
        let object = JSONObject(configuration.fields(of: "BertForMaskedLM"))
        try JSONValue.object(object).write(to: "\(folder)/config.json")
        try saveParameters(to: "\(folder)/model.safetensors", map: keyMap)
    }
}
