import YuyanCheckpoints
import YuyanNeuralNetworks

/// The families of text encoders that configurations name.
public enum TextEncoderFamilies {
    /// The configurations of all families.
    public static let all: [any TextEncoderConfiguration.Type] = [
        BagOfEmbeddingsConfiguration.self, TextMLPConfiguration.self, TextCNNConfiguration.self,
        DPCNNConfiguration.self, RecurrentEncoderConfiguration.self, TransformerEncoderConfiguration.self,
    ]

    /// Reads the encoder of a configuration.
    ///
    /// - Parameter reader: The fields, `model_type` among them.
    /// - Returns: The family's configuration.
    /// - Throws: `FileFormatError` that names the field.
    public static func configuration(
        _ reader: ConfigurationReader
    ) throws(FileFormatError) -> any TextEncoderConfiguration {
        let type = try reader.string("model_type") ?? ""
        guard let family = all.first(where: { $0.modelTypes.contains(type) }) else {
            throw FileFormatError(
                .unsupported,
                path: reader.path,
                at: .key("model_type"),
                "'\(type)' is no text encoder known here; known are "
                    + all.flatMap { $0.modelTypes }.joined(separator: ", ")
            )
        }
        return try reader.naming { try family.init($0) }
    }
}

/// A text encoder with a linear layer that gives every class a logit.
public final class TextClassifierModel: Module {
    /// The sizes and choices of the encoder.
    public let configuration: any TextEncoderConfiguration
    /// What makes a vector of a text.
    public let encoder: any TextEncoder
    /// Dropout on that vector.
    public let dropout: Dropout
    /// The layer from vectors to logits.
    public let classifier: Linear

    /// Makes a model with initial weights.
    ///
    /// Traps when there is no class.
    ///
    /// - Parameters:
    ///   - configuration: The encoder.
    ///   - classCount: The number of classes C.
    ///   - dropout: The probability of dropping a value of a text's vector in training.
    ///   - random: Where the draws come from; advances.
    public init(
        _ configuration: any TextEncoderConfiguration,
        classCount: Int,
        dropout: Double,
        random: inout RandomSource
    ) {
        self.configuration = configuration
        encoder = configuration.makeEncoder(random: &random)
        self.dropout = Dropout(Float(dropout))
        classifier = Linear(
            inputWidth: encoder.outputWidth,
            outputWidth: classCount,
            initializer: configuration.headInitializer,
            random: &random
        )
    }

    /// The number of classes C.
    public var classCount: Int { classifier.outputWidth }

    /// The logits of texts.
    ///
    /// - Parameter batch: The texts' tokens.
    /// - Returns: [B, C].
    public func logits(_ batch: TokenBatch) -> Tensor { classifier(dropout(encoder(batch))) }

    /// The loss of texts of one class each: the cross-entropy, summed and multiplied by `scale`.
    ///
    /// Traps when a class lies outside 0..<C.
    ///
    /// - Parameters:
    ///   - batch: The texts' tokens.
    ///   - classes: The class of each text.
    ///   - scale: The factor on the sum.
    ///   - smoothing: Label smoothing.
    /// - Returns: A scalar.
    public func loss(_ batch: TokenBatch, classes: [Int], scale: Float, smoothing: Float = 0) -> Tensor {
        crossEntropy(
            logits(batch),
            targets: Tensor(classes.map { Int32($0) }, shape: [batch.rows]),
            scale: scale,
            smoothing: smoothing
        )
    }

    /// The loss of texts of any number of classes: the binary cross-entropy of every class, averaged over classes, summed
    /// over texts and multiplied by `scale`.
    ///
    /// Traps when a class lies outside 0..<C.
    ///
    /// - Parameters:
    ///   - batch: The texts' tokens.
    ///   - classSets: The classes of each text.
    ///   - scale: The factor on the sum.
    ///   - smoothing: Label smoothing s: a class's target is `1 − s/2` where the text has it, else `s/2`.
    /// - Returns: A scalar.
    public func loss(
        _ batch: TokenBatch,
        classSets: [[Int]],
        scale: Float,
        smoothing: Float = 0
    ) -> Tensor {
        var targets = [Float](repeating: smoothing / 2, count: batch.rows * classCount)
        for (row, classes) in classSets.enumerated() {
            for number in classes { targets[row * classCount + number] = 1 - smoothing / 2 }
        }
        let loss = binaryCrossEntropy(
            logits: logits(batch),
            targets: Tensor(targets, shape: [batch.rows, classCount]),
            reduction: .sum
        )
        return loss * (Double(scale) / Double(classCount))
    }
}
