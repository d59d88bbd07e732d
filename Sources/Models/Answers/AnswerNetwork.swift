import YuyanCheckpoints
import YuyanNeuralNetworks

/// A network that finds where a text answers a question.
public protocol AnswerNetwork: Module {
    /// The parameters that are rows looked up by token, which matrix optimizers leave to others.
    var tables: [Parameter] { get }

    /// The vectors of what the network reads, by which attributions differentiate.
    ///
    /// - Parameter batch: The questions and texts.
    /// - Returns: One or several of [B, P, D]: rows of P tokens.
    func tokenVectors(_ batch: QuestionBatch) -> [Tensor]

    /// What beginning and end of the answer score at each place.
    ///
    /// - Parameters:
    ///   - batch: The questions and texts.
    ///   - vectors: What stands for ``tokenVectors(_:)`` of them.
    /// - Returns: [B, 1 + C, 2]; what stands beyond a text's end means nothing.
    func scores(_ batch: QuestionBatch, tokenVectors vectors: [Tensor]) -> Tensor

    /// Sorts values of the tokens of ``tokenVectors(_:)`` by the texts that they stand in.
    ///
    /// - Parameters:
    ///   - values: A value for each token, in the order of the vectors.
    ///   - batch: One question and its text.
    /// - Returns: Those of the question and of the text, and the sum of those of neither.
    func sorted(_ values: [Double], _ batch: QuestionBatch) -> AnswerTokenValues

    /// Floating-point operations of the matrix products of a forward pass, for speeds.
    ///
    /// - Parameters:
    ///   - question: The tokens of a question.
    ///   - context: The tokens of a text.
    /// - Returns: Operations per question.
    func forwardFlops(question: Int, context: Int) -> Double
}

extension AnswerNetwork {
    /// What beginning and end of the answer score at each place.
    ///
    /// Traps when a sequence is longer than the model.
    ///
    /// - Parameter batch: The questions and texts.
    /// - Returns: [B, 1 + C, 2]; what stands beyond a text's end means nothing.
    public func scores(_ batch: QuestionBatch) -> Tensor {
        scores(batch, tokenVectors: tokenVectors(batch))
    }
}

/// The sizes and choices of a family of answer networks.
public protocol AnswerNetworkConfiguration: Sendable {
    /// What `model_type` of a `config.json` may say.
    static var modelTypes: [String] { get }

    /// Reads the fields of a configuration; those that are missing have their usual values.
    ///
    /// - Parameter reader: The fields.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    init(_ reader: ConfigurationReader) throws

    /// The fields as they are written, `model_type` first.
    var fields: [(String, JSONValue)] { get }
    /// Where each parameter lies in weight files.
    var keyMap: KeyMap { get }
    /// The number of tokens V.
    var vocabSize: Int { get }
    /// Whether the text's tokens that the question has are told by a segment of their own.
    var marksOverlap: Bool { get }

    /// The most tokens of a text beside a question.
    ///
    /// - Parameter question: The tokens of the question and of the frame.
    /// - Returns: The room, below 1 when there is none.
    func contextRoom(beside question: Int) -> Int

    /// Makes the network with initial weights.
    ///
    /// - Parameter random: Where the draws come from; advances.
    /// - Returns: The network.
    func makeNetwork(random: inout RandomSource) -> any AnswerNetwork
}

// MARK: Transformer encoder

/// The sizes and choices of an ``AnswerEncoder``: the encoder's, without a pooler.
public struct AnswerEncoderConfiguration: AnswerNetworkConfiguration, Hashable {
    /// `encoder`, and `bert` in files that transformers' BertForQuestionAnswering reads.
    public static let modelTypes = TransformerEncoderConfiguration.modelTypes
    /// The encoder's.
    public let encoder: TransformerEncoderConfiguration

    /// Reads the fields of a configuration.
    ///
    /// - Parameter reader: The fields.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    public init(_ reader: ConfigurationReader) throws {
        encoder = try TransformerEncoderConfiguration(withoutPooler: reader)
    }

    /// The fields as they are written.
    public var fields: [(String, JSONValue)] { encoder.fields(of: "BertForQuestionAnswering") }
    /// BERT's names.
    public var keyMap: KeyMap {
        encoder.keyMap(
            encoderPath: "network.encoder.",
            head: ["weight", "bias"].map { KeyMapping("network.spans.\($0)", "qa_outputs.\($0)") }
        )
    }
    /// The number of tokens V.
    public var vocabSize: Int { encoder.vocabSize }
    /// Whether there are more than BERT's two segments.
    public var marksOverlap: Bool { encoder.typeVocabSize > 2 }

    /// What the question leaves of the positions.
    ///
    /// - Parameter question: The tokens of the question and of the frame.
    /// - Returns: The room.
    public func contextRoom(beside question: Int) -> Int { encoder.maxPositionEmbeddings - question }

    /// Makes the network.
    ///
    /// - Parameter random: Where the draws come from; advances.
    /// - Returns: The network.
    public func makeNetwork(random: inout RandomSource) -> any AnswerNetwork {
        AnswerEncoder(self, random: &random)
    }
}

/// A Transformer encoder over question and text, with a linear layer on the text's states.
///
/// Source: Devlin et al., «BERT», 2019, section 4.2.
public final class AnswerEncoder: AnswerNetwork {
    /// The encoder.
    public let encoder: TransformerEncoder
    /// The layer from states to scores.
    public let spans: Linear

    init(_ configuration: AnswerEncoderConfiguration, random: inout RandomSource) {
        encoder = TransformerEncoder(configuration.encoder, random: &random)
        spans = Linear(
            inputWidth: encoder.stateWidth,
            outputWidth: 2,
            initializer: configuration.encoder.initializer,
            random: &random
        )
    }

    /// The encoder's tables.
    public var tables: [Parameter] { encoder.tables }

    /// The rows of the token table.
    ///
    /// - Parameter batch: The questions and texts.
    /// - Returns: Those of both as one sequence.
    public func tokenVectors(_ batch: QuestionBatch) -> [Tensor] {
        [encoder.tokenEmbedding(batch.framed.idTensor)]
    }

    /// What beginning and end of the answer score at each place.
    ///
    /// Traps when a sequence is longer than the model.
    ///
    /// - Parameters:
    ///   - batch: The questions and texts.
    ///   - vectors: What stands for the rows of the token table.
    /// - Returns: [B, 1 + C, 2].
    public func scores(_ batch: QuestionBatch, tokenVectors vectors: [Tensor]) -> Tensor {
        let (rows, length, width) = (batch.rows, batch.framed.length, 1 + batch.contexts.length)
        let states = encoder.states(batch.framed, tokenVectors: vectors[0]).contiguous().reshaped(
            rows * length,
            encoder.stateWidth
        )
        var places = batch.places
        for row in 0..<rows {
            for place in row * width..<(row + 1) * width { places[place] += Int32(row * length) }
        }
        return spans(embedding(Tensor(places, shape: [rows, width]), table: states))
    }

    /// Sorts values of the tokens of the sequence by where they stand.
    ///
    /// - Parameters:
    ///   - values: A value for each token.
    ///   - batch: One question and its text.
    /// - Returns: Those of the question and of the text, and the sum of those of the frame.
    public func sorted(_ values: [Double], _ batch: QuestionBatch) -> AnswerTokenValues {
        let asked = batch.questionStart..<batch.questionStart + batch.questions.lengths[0]
        let read = batch.places.dropFirst().prefix(batch.contexts.lengths[0]).map { values[Int($0)] }
        let question = Array(values[asked])
        let own = question.reduce(0, +) + read.reduce(0, +)
        return AnswerTokenValues(question: question, context: read, rest: values.reduce(0, +) - own)
    }

    /// The encoder's operations.
    ///
    /// - Parameters:
    ///   - question: The tokens of a question.
    ///   - context: The tokens of a text.
    /// - Returns: Operations per question.
    public func forwardFlops(question: Int, context: Int) -> Double {
        encoder.forwardFlops(length: question + context + 3)
    }
}
