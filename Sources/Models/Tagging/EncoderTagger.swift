import YuyanCheckpoints
import YuyanNeuralNetworks

/// The sizes and choices of an ``EncoderTagger``: the encoder's, without a pooler, and what stands on it.
public struct EncoderTaggerConfiguration: Sendable, Hashable {
    /// `encoder`, and `bert` in files that transformers' BertForTokenClassification reads.
    public static let modelTypes = TransformerEncoderConfiguration.modelTypes
    /// The encoder's.
    public let encoder: TransformerEncoderConfiguration
    /// The probability of dropping a value of a word's vector before the labels, in training.
    public let dropout: Double
    /// Whether a linear-chain conditional random field chooses the labels of a sentence together.
    public let usesCRF: Bool
    /// Whether the words are mostly single characters, as in Chinese data.
    public let isOfCharacters: Bool

    /// Reads the fields of a configuration; those that are missing have their usual values.
    ///
    /// - Parameter reader: The fields.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    public init(_ reader: ConfigurationReader) throws {
        try reader.expectModelType(Self.modelTypes)
        encoder = try TransformerEncoderConfiguration(withoutPooler: reader)
        // As transformers' class, which drops as the encoder does unless it is told otherwise.
        dropout = try reader.probability("classifier_dropout", default: encoder.hiddenDropout)
        usesCRF = try reader.flag("crf") ?? false
        isOfCharacters = try reader.flag("of_characters") ?? false
    }

    /// The fields as they are written.
    public var fields: [(String, JSONValue)] {
        encoder.fields(of: "BertForTokenClassification") + [
            ("classifier_dropout", .number(dropout)), ("crf", .bool(usesCRF)),
            ("of_characters", .bool(isOfCharacters)),
        ]
    }

    /// BERT's names, and pytorch-crf's for the field.
    public var keyMap: KeyMap {
        encoder.keyMap(
            encoderPath: "encoder.",
            head: [
                "classifier.weight", "classifier.bias", "crf.start_transitions", "crf.end_transitions",
                "crf.transitions",
            ].map { KeyMapping($0, $0) }
        )
    }
}

/// Sentences as an ``EncoderTagger`` sees them: windows of pieces of words, and where each word begins.
///
/// A sentence of more pieces than a window has room for is spread over several windows, which may share words; each
/// word is read in one of them.
public struct PieceBatch: WordBatch, Hashable {
    /// A window and the words that are read in it.
    public struct Window: Sendable, Hashable {
        /// The ids of the pieces, what stands around them included.
        public let pieces: [Int32]
        /// The place of the first piece of each word that is read here, in the words' order.
        public let firsts: [Int]

        /// Makes a window.
        ///
        /// - Parameters:
        ///   - pieces: The ids of the pieces, what stands around them included.
        ///   - firsts: The place of the first piece of each word that is read here.
        public init(pieces: [Int32], firsts: [Int]) { (self.pieces, self.firsts) = (pieces, firsts) }
    }

    /// The windows of all sentences, those of a sentence one after the other.
    public let pieces: TokenBatch
    /// The words of each sentence.
    public let wordCounts: [Int]
    /// The place of each word's first piece among all of ``pieces``, B × T; 0 beyond a sentence's words.
    public let places: [Int32]
    /// The pieces with their padding.
    public var inputCount: Int { pieces.rows * pieces.length }

    /// Lays sentences side by side.
    ///
    /// Traps when a place lies outside its window.
    ///
    /// - Parameter sentences: The windows of each sentence, at least one; its words are those of its windows.
    public init(_ sentences: [[Window]]) {
        require(
            sentences.allSatisfy { windows in
                !windows.isEmpty
                    && windows.allSatisfy { window in window.firsts.allSatisfy(window.pieces.indices.contains)
                    }
            },
            "PieceBatch: every sentence needs a window, and every word a place within its own"
        )
        pieces = TokenBatch(sentences.flatMap { $0.map(\.pieces) })
        wordCounts = sentences.map { $0.reduce(0) { $0 + $1.firsts.count } }
        let width = max(wordCounts.max() ?? 0, 1)
        var places = [Int32](repeating: 0, count: sentences.count * width)
        var row = 0
        for (number, windows) in sentences.enumerated() {
            var word = number * width
            for window in windows {
                for first in window.firsts {
                    places[word] = Int32(row * pieces.length + first)
                    word += 1
                }
                row += 1
            }
        }
        self.places = places
    }
}

/// A Transformer encoder over the pieces of words with a linear layer on the state of each word's first piece, with or
/// without a conditional random field on top.
///
/// Without a field, files are those of transformers' BertForTokenClassification where the norms stand behind the
/// branches. Source: Devlin et al., «BERT», 2019, section 5.3.
public final class EncoderTagger: WordLabeller {
    /// Sizes and choices.
    public let configuration: EncoderTaggerConfiguration
    /// The encoder.
    public let encoder: TransformerEncoder
    /// What each label scores.
    public let classifier: Linear
    /// The choice of the labels of a sentence together.
    public let crf: ConditionalRandomField?
    private let dropout: Dropout

    /// Makes a model with initial weights.
    ///
    /// Traps when there are no labels.
    ///
    /// - Parameters:
    ///   - configuration: Sizes and choices.
    ///   - labelCount: The number of labels L.
    ///   - random: Where the draws come from; advances.
    public init(_ configuration: EncoderTaggerConfiguration, labelCount: Int, random: inout RandomSource) {
        self.configuration = configuration
        encoder = TransformerEncoder(configuration.encoder, random: &random)
        classifier = Linear(
            inputWidth: encoder.stateWidth,
            outputWidth: labelCount,
            initializer: configuration.encoder.initializer,
            random: &random
        )
        crf = configuration.usesCRF ? ConditionalRandomField(labels: labelCount, random: &random) : nil
        dropout = Dropout(Float(configuration.dropout))
    }

    /// The number of labels L.
    public var labelCount: Int { classifier.outputWidth }
    /// The encoder's tables.
    public var tables: [Parameter] { encoder.tables }

    /// The most tokens that are read at a time where no gradient is wanted: a sentence may have any number of windows.
    private static let mostTokens = 1 << 14

    /// The rows of the token table.
    ///
    /// - Parameter batch: The sentences.
    /// - Returns: [windows, pieces, D].
    public func tokenVectors(_ batch: PieceBatch) -> Tensor { encoder.tokenEmbedding(batch.pieces.idTensor) }

    /// What each label scores at each word.
    ///
    /// Where no gradient is wanted, many windows are read some after others, which bounds the memory.
    ///
    /// Traps when a window has more pieces than the model positions.
    ///
    /// - Parameters:
    ///   - batch: The sentences.
    ///   - vectors: What stands for the rows of the token table [windows, pieces, D].
    /// - Returns: [B, T, L]; what stands beyond a sentence's words means nothing.
    public func emissions(_ batch: PieceBatch, tokenVectors vectors: Tensor) -> Tensor {
        let places = Tensor(batch.places, shape: [batch.wordCounts.count, batch.wordLength])
        let parts = Tape.current == nil ? batch.pieces.parts(ofTokens: Self.mostTokens) : [batch.pieces]
        guard parts.count > 1 else {
            return classifier(dropout(embedding(places, table: states(batch.pieces, vectors))))
        }
        var (scores, first): ([Tensor], Int) = ([], 0)
        for part in parts {
            let own = vectors.slice(axis: 0, first..<first + part.rows)
            scores.append(classifier(dropout(states(part, own))))
            first += part.rows
        }
        return embedding(places, table: concatenate(scores, axis: 0))
    }

    /// The states of pieces, one after the other.
    private func states(_ pieces: TokenBatch, _ vectors: Tensor) -> Tensor {
        encoder.states(pieces, tokenVectors: vectors).contiguous().reshaped(
            pieces.rows * pieces.length,
            encoder.stateWidth
        )
    }

    /// The encoder's operations.
    ///
    /// - Parameter length: The pieces of a sentence.
    /// - Returns: Operations per sentence.
    public func forwardFlops(length: Int) -> Double {
        // What stands around the pieces is read, too; longer sentences are read in windows.
        encoder.forwardFlops(length: min(length + 2, configuration.encoder.maxPositionEmbeddings))
            * max(1, Double(length + 2) / Double(configuration.encoder.maxPositionEmbeddings))
    }

    // MARK: Files

    /// Reads a model folder: `config.json` and the weights beside it.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` naming the file and the field or tensor that is wrong.
    public convenience init(folder: String) throws {
        let reader = try ConfigurationReader(contentsOf: "\(folder)/config.json")
        let configuration = try reader.naming { try EncoderTaggerConfiguration($0) }
        let count = try reader.labelCount(most: 1 << 20)
        let files = try WeightFiles(path: folder)
        var random = RandomSource(seed: 0)
        self.init(configuration, labelCount: count, random: &random)
        try loadParameters(from: files, map: configuration.keyMap)
    }

    /// Reads the encoder's weights from another model's folder; what stands on it stays as it is.
    ///
    /// - Parameter folder: A folder of a model with an encoder of the same sizes; its own layers on top are passed over.
    /// - Throws: `FileFormatError` naming file and key of what is missing or of another shape.
    public func loadEncoder(folder: String) throws {
        try encoder.loadParameters(
            from: WeightFiles(path: folder),
            map: configuration.keyMap.part(below: "encoder.", of: encoder)
        )
    }

    /// Writes `config.json` and `model.safetensors`.
    ///
    /// The folder must exist. Each file appears whole or not at all.
    ///
    /// - Parameters:
    ///   - folder: The folder.
    ///   - labels: The names of the labels; `id2label` and `label2id` tell them.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func save(to folder: String, labels: [String]) throws(FileFormatError) {
        var object = JSONObject(configuration.fields)
        object["num_labels"] = .integer(labelCount)
        object.setLabels(labels)
        try JSONValue.object(object).write(to: "\(folder)/config.json")
        try saveParameters(to: "\(folder)/model.safetensors", map: configuration.keyMap)
    }
}
