import YuyanCheckpoints
import YuyanNeuralNetworks

/// The sizes and choices of an ``AnswerReader``.
public struct AnswerReaderConfiguration: AnswerNetworkConfiguration, Hashable {
    /// `reader`.
    public static let modelTypes = ["reader"]
    /// The table of token vectors.
    public let vectors: TokenVectorOptions
    /// The units of a layer and direction.
    public let hiddenSize: Int
    /// The number of layers.
    public let numLayers: Int
    /// The probability of dropping a value of a token's vector, between layers and of the states, in training.
    public let dropout: Double
    /// The most tokens of a text.
    public let maxLength: Int

    /// Reads the fields of a configuration.
    ///
    /// - Parameter reader: The fields.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    public init(_ reader: ConfigurationReader) throws {
        vectors = try TokenVectorOptions(reader, width: 128)
        hiddenSize = try reader.extent("hidden_size", default: 96)
        numLayers = try reader.extent("num_layers", default: 2)
        guard numLayers <= 64 else {
            throw ConfigurationError("num_layers", "\(numLayers) must lie in 1...64")
        }
        dropout = try reader.probability("dropout", default: 0.3)
        maxLength = try reader.extent("max_length", default: 512)
    }

    /// The fields as they are written.
    public var fields: [(String, JSONValue)] {
        [("model_type", "reader")] + vectors.fields + [
            ("hidden_size", .integer(hiddenSize)), ("num_layers", .integer(numLayers)),
            ("dropout", .number(dropout)), ("max_length", .integer(maxLength)),
        ]
    }
    /// Files name parameters by their paths.
    public var keyMap: KeyMap { .identity }
    /// The number of tokens V.
    public var vocabSize: Int { vectors.vocabSize }
    /// Overlap is an input of its own.
    public var marksOverlap: Bool { false }

    /// The most tokens of a text, whatever the question.
    ///
    /// - Parameter question: Of no account.
    /// - Returns: The room.
    public func contextRoom(beside question: Int) -> Int { maxLength }

    /// Makes the network.
    ///
    /// - Parameter random: Where the draws come from; advances.
    /// - Returns: The network.
    public func makeNetwork(random: inout RandomSource) -> any AnswerNetwork {
        AnswerReader(self, random: &random)
    }

    fileprivate func makeLayers(inputWidth: Int, random: inout RandomSource) -> RecurrentNetwork {
        var options = RecurrentNetwork.Options(cell: .lstm, inputWidth: inputWidth, width: hiddenSize)
        options.layers = numLayers
        options.isBidirectional = true
        options.dropout = Float(dropout)
        options.dropoutKind = .variational
        return RecurrentNetwork(options, random: &random)
    }
}

/// Recurrent layers over the text, each token beside the part of the question that it resembles, and over the question;
/// beginning and end are where the text's states fit the question's vector.
///
/// The features of a token are its vector, the aligned question vector and whether the question has it. Source: Chen,
/// Fisch, Weston, Bordes, «Reading Wikipedia to answer open-domain questions», 2017, section 3.2.
public final class AnswerReader: AnswerNetwork {
    /// The token vectors, of questions and texts.
    public let vectors: TokenVectors
    /// The layer before the products that align text and question.
    public let alignment: Linear
    /// The layers over the text.
    public let contextLayers: RecurrentNetwork
    /// The layers over the question.
    public let questionLayers: RecurrentNetwork
    /// What makes the question's states one vector.
    public let questionPooling: AttentionPooling
    /// From the question's vector to the direction in which a beginning lies.
    public let start: Linear
    /// From the question's vector to the direction in which an end lies.
    public let end: Linear
    /// What «no answer here» scores.
    public let absence: Linear
    private let inputDropout: Dropout
    private let stateDropout: Dropout

    init(_ configuration: AnswerReaderConfiguration, random: inout RandomSource) {
        let width = configuration.vectors.width
        vectors = TokenVectors(configuration.vectors, random: &random)
        alignment = Linear(inputWidth: width, outputWidth: width, random: &random)
        contextLayers = configuration.makeLayers(inputWidth: 2 * width + 1, random: &random)
        questionLayers = configuration.makeLayers(inputWidth: width, random: &random)
        let states = contextLayers.outputWidth
        questionPooling = AttentionPooling(
            width: states,
            innerWidth: configuration.hiddenSize,
            random: &random
        )
        start = Linear(inputWidth: states, outputWidth: states, random: &random)
        end = Linear(inputWidth: states, outputWidth: states, random: &random)
        absence = Linear(inputWidth: states, outputWidth: 2, random: &random)
        (inputDropout, stateDropout) = (
            Dropout(Float(configuration.dropout)), Dropout(Float(configuration.dropout))
        )
    }

    /// The table of token vectors.
    public var tables: [Parameter] { [vectors.table.weight] }

    /// The tokens' vectors.
    ///
    /// - Parameter batch: The questions and texts.
    /// - Returns: Those of the texts and those of the questions.
    public func tokenVectors(_ batch: QuestionBatch) -> [Tensor] {
        [vectors(batch.contexts.idTensor), vectors(batch.questions.idTensor)]
    }

    /// Sorts values of the tokens of text and question.
    ///
    /// - Parameters:
    ///   - values: A value for each token of the text, then of the question.
    ///   - batch: One question and its text.
    /// - Returns: Those of the question and of the text.
    public func sorted(_ values: [Double], _ batch: QuestionBatch) -> AnswerTokenValues {
        let length = batch.contexts.length
        return AnswerTokenValues(
            question: Array(values[length..<length + batch.questions.lengths[0]]),
            context: Array(values[..<batch.contexts.lengths[0]]),
            rest: 0
        )
    }

    /// What beginning and end of the answer score at each place.
    ///
    /// - Parameters:
    ///   - batch: The questions and texts.
    ///   - vectors: What stands for the vectors of the texts and of the questions.
    /// - Returns: [B, 1 + C, 2].
    public func scores(_ batch: QuestionBatch, tokenVectors vectors: [Tensor]) -> Tensor {
        let (rows, length) = (batch.rows, batch.contexts.length)
        let (context, question) = (inputDropout(vectors[0]), inputDropout(vectors[1]))
        let (contextLengths, questionLengths) = (batch.contexts.lengthTensor, batch.questions.lengthTensor)
        let likeness = matmul(
            alignment(context, activation: .relu),
            alignment(question, activation: .relu).transposed()
        )
        var weights: Tensor
        if let questionLengths {
            let mask = sequenceMask(lengths: questionLengths, positions: batch.questions.length)
            weights = maskedSoftmax(likeness, visible: mask.reshaped(rows, 1, batch.questions.length))
        } else {
            weights = softmax(likeness)
        }
        let matches = Tensor(batch.matches, shape: [rows, length, 1]).cast(to: context.dtype)
        let features = concatenate([context, matmul(weights, question), matches], axis: 2)
        let states = stateDropout(contextLayers(features, lengths: contextLengths).output).contiguous()
        let asked = stateDropout(
            questionPooling(
                questionLayers(question, lengths: questionLengths).output,
                lengths: questionLengths
            )
        )
        let width = contextLayers.outputWidth
        let directions = concatenate(
            [start(asked).reshaped(rows, width, 1), end(asked).reshaped(rows, width, 1)],
            axis: 2
        )
        return concatenate([absence(asked).reshaped(rows, 1, 2), matmul(states, directions)], axis: 1)
    }

    /// Operations of the recurrent layers.
    ///
    /// - Parameters:
    ///   - question: The tokens of a question.
    ///   - context: The tokens of a text.
    /// - Returns: Operations per question.
    public func forwardFlops(question: Int, context: Int) -> Double {
        2 * Double(context * contextLayers.matrixElementCount + question * questionLayers.matrixElementCount)
    }
}
