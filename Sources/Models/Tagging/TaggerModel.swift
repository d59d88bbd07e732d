import YuyanCheckpoints
import YuyanNeuralNetworks

/// The sizes and choices of a ``TaggerModel``.
public struct TaggerConfiguration: Sendable, Hashable {
    /// What `model_type` of a `config.json` may say: the recurrent cell with `-tagger` behind it.
    public static let modelTypes = ["rnn-tagger", "lstm-tagger", "gru-tagger"]

    /// The cell's name with `-tagger` behind it.
    public let modelType: String
    /// The table of word vectors.
    public let vectors: TokenVectorOptions
    /// The number of characters that are known; 0 for a model that does not look at them.
    public let characterCount: Int
    /// The width of a character's vector.
    public let characterDim: Int
    /// The number of filters over the characters of a word.
    public let characterFilters: Int
    /// The characters that a filter sees at a time.
    public let characterWindow: Int
    /// The width of the vector that tells the predicate's word from the others; 0 for tags that depend on no predicate.
    public let markDim: Int
    /// The units of a layer and direction.
    public let hiddenSize: Int
    /// The number of layers.
    public let numLayers: Int
    /// Whether every layer runs in both directions.
    public let bidirectional: Bool
    /// The probability of dropping a value of a word's vector, between layers and before the labels, in training.
    public let dropout: Double
    /// Whether a linear-chain conditional random field chooses the labels of a sentence together.
    public let usesCRF: Bool

    /// Reads the fields of a configuration; those that are missing have their usual values.
    ///
    /// - Parameter reader: The fields.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    public init(_ reader: ConfigurationReader) throws {
        modelType = try reader.expectModelType(Self.modelTypes)
        vectors = try TokenVectorOptions(reader, width: 100)
        characterCount = try reader.count("character_vocab_size", default: 0)
        characterDim = try reader.extent("character_dim", default: 30)
        characterFilters = try reader.extent("character_filters", default: 50)
        characterWindow = try reader.extent("character_window", default: 3)
        guard characterWindow <= 15, characterWindow % 2 == 1 else {
            throw ConfigurationError("character_window", "\(characterWindow) must be odd and at most 15")
        }
        markDim = try reader.count("mark_dim", default: 0)
        hiddenSize = try reader.extent("hidden_size", default: 128)
        numLayers = try reader.extent("num_layers", default: 1)
        guard numLayers <= 64 else {
            throw ConfigurationError("num_layers", "\(numLayers) must lie in 1...64")
        }
        bidirectional = try reader.flag("bidirectional") ?? true
        dropout = try reader.probability("dropout", default: 0.5)
        usesCRF = try reader.flag("crf") ?? true
    }

    /// The fields as they are written.
    public var fields: [(String, JSONValue)] {
        [("model_type", .string(modelType))] + vectors.fields + [
            ("character_vocab_size", .integer(characterCount)), ("character_dim", .integer(characterDim)),
            ("character_filters", .integer(characterFilters)),
            ("character_window", .integer(characterWindow)), ("mark_dim", .integer(markDim)),
            ("hidden_size", .integer(hiddenSize)), ("num_layers", .integer(numLayers)),
            ("bidirectional", .bool(bidirectional)),
            ("dropout", .number(dropout)), ("crf", .bool(usesCRF)),
        ]
    }

    fileprivate var inputWidth: Int { vectors.width + (characterCount > 0 ? characterFilters : 0) + markDim }

    fileprivate var networkOptions: RecurrentNetwork.Options {
        let cell: RecurrentCell =
            switch modelType {
            case "gru-tagger": .gru
            case "rnn-tagger": .tanh
            default: .lstm
            }
        var options = RecurrentNetwork.Options(cell: cell, inputWidth: inputWidth, width: hiddenSize)
        options.layers = numLayers
        options.isBidirectional = bidirectional
        options.dropout = Float(dropout)
        options.dropoutKind = .variational
        return options
    }
}

/// Sentences as a tagger sees them: word ids side by side, and the characters of the different words.
public struct TaggerBatch: WordBatch, Hashable {
    /// The words' ids.
    public let words: TokenBatch
    /// The characters of each different word; nil when the model does not look at them.
    public let characters: TokenBatch?
    /// For each place of B × T its word among ``characters``; places beyond a length name the first.
    public let spellings: [Int32]
    /// The place of each sentence's predicate; nil for tags that depend on no predicate.
    public let predicates: [Int]?
    /// The words of each sentence.
    public var wordCounts: [Int] { words.lengths }
    /// The words of all sentences.
    public var inputCount: Int { words.lengths.reduce(0, +) }

    /// Lays sentences side by side.
    ///
    /// Traps when a sentence has another number of spellings than words, or a predicate lies outside its sentence.
    ///
    /// - Parameters:
    ///   - sentences: The word ids of each sentence.
    ///   - spellings: The characters of each word of each sentence; nil for none.
    ///   - predicates: The place of each sentence's predicate; nil for none.
    public init(_ sentences: [[Int32]], spellings: [[[Int32]]]? = nil, predicates: [Int]? = nil) {
        words = TokenBatch(sentences)
        require(
            predicates.map {
                $0.count == sentences.count && zip($0, sentences).allSatisfy { $1.indices.contains($0) }
            }
                ?? true,
            "TaggerBatch: every sentence needs a predicate among its words"
        )
        self.predicates = predicates
        guard let spellings else {
            (characters, self.spellings) = (nil, [])
            return
        }
        require(
            spellings.map(\.count) == sentences.map(\.count),
            "TaggerBatch: every word needs its characters"
        )
        var (numbers, different): ([[Int32]: Int32], [[Int32]]) = ([:], [])
        var places = [Int32](repeating: 0, count: words.rows * words.length)
        for (row, sentence) in spellings.enumerated() {
            for (place, word) in sentence.enumerated() {
                let number = numbers[word] ?? Int32(different.count)
                if Int(number) == different.count {
                    numbers[word] = number
                    different.append(word)
                }
                places[row * words.length + place] = number
            }
        }
        characters = TokenBatch(different.isEmpty ? [[]] : different)
        self.spellings = places
    }
}

/// A recurrent network over words and their characters that labels every word, with a conditional random field on top.
///
/// For the arguments of a predicate, the predicate's word is marked on the way in, and its state adds to the scores of
/// every word. Sources: Huang, Xu, Yu, «Bidirectional LSTM-CRF models for sequence tagging», 2015; Ma, Hovy, «End-to-end sequence
/// labeling via bi-directional LSTM-CNNs-CRF», 2016; Marcheggiani, Frolov, Titov, «A simple and accurate syntax-agnostic
/// neural model for dependency-based semantic role labeling», 2017.
public final class TaggerModel: WordLabeller {
    /// Sizes and choices.
    public let configuration: TaggerConfiguration
    /// The word vectors.
    public let vectors: TokenVectors
    /// The character vectors.
    public let characterTable: Embedding?
    /// The filters over the characters of a word.
    public let characterFilters: Convolution1D?
    /// The vectors of words that are not the predicate and of the one that is.
    public let markTable: Embedding?
    /// The recurrent layers.
    public let network: RecurrentNetwork
    /// What each label scores.
    public let classifier: Linear
    /// What the predicate's state adds to the scores.
    public let predicateClassifier: Linear?
    /// The choice of the labels of a sentence together.
    public let crf: ConditionalRandomField?
    private let inputDropout: Dropout
    private let outputDropout: Dropout

    /// Makes a model with initial weights.
    ///
    /// Traps when there are no labels.
    ///
    /// - Parameters:
    ///   - configuration: Sizes and choices.
    ///   - labelCount: The number of labels L.
    ///   - random: Where the draws come from; advances.
    public init(_ configuration: TaggerConfiguration, labelCount: Int, random: inout RandomSource) {
        self.configuration = configuration
        vectors = TokenVectors(configuration.vectors, random: &random)
        if configuration.characterCount > 0 {
            characterTable = Embedding(
                count: configuration.characterCount,
                width: configuration.characterDim,
                initializer: .uniform(bound: (3 / Double(configuration.characterDim)).squareRoot()),
                random: &random
            )
            let reach = configuration.characterWindow / 2
            characterFilters = Convolution1D(
                inputWidth: configuration.characterDim,
                outputWidth: configuration.characterFilters,
                window: WindowOptions(width: configuration.characterWindow, leading: reach, trailing: reach),
                random: &random
            )
        } else {
            (characterTable, characterFilters) = (nil, nil)
        }
        markTable =
            configuration.markDim > 0
            ? Embedding(
                count: 2,
                width: configuration.markDim,
                initializer: configuration.vectors.initialization.initializer,
                random: &random
            ) : nil
        network = RecurrentNetwork(configuration.networkOptions, random: &random)
        classifier = Linear(inputWidth: network.outputWidth, outputWidth: labelCount, random: &random)
        predicateClassifier =
            configuration.markDim > 0
            ? Linear(
                inputWidth: network.outputWidth,
                outputWidth: labelCount,
                hasBias: false,
                random: &random
            ) : nil
        crf = configuration.usesCRF ? ConditionalRandomField(labels: labelCount, random: &random) : nil
        (inputDropout, outputDropout) = (
            Dropout(Float(configuration.dropout)), Dropout(Float(configuration.dropout))
        )
    }

    /// The number of labels L.
    public var labelCount: Int { classifier.outputWidth }
    /// The tables of words, characters and marks.
    public var tables: [Parameter] {
        [vectors.table.weight] + [characterTable, markTable].compactMap { $0?.weight }
    }

    /// The words' vectors, with what is made of their characters beside them.
    ///
    /// Traps when the model looks at characters and the batch has none.
    ///
    /// - Parameter batch: The sentences.
    /// - Returns: [B, T, D].
    public func tokenVectors(_ batch: TaggerBatch) -> Tensor {
        let x = vectors(batch.words.idTensor)
        guard let table = characterTable, let filters = characterFilters else { return x }
        require(
            batch.characters != nil,
            "TaggerModel: the batch has no characters, which this model looks at"
        )
        guard let characters = batch.characters else { return x }
        let lengths = Tensor(characters.lengths.map { Int32($0) }, shape: [characters.rows])
        let letters = table(characters.idTensor)
        let found = windowMaxima(letters, filters: [filters.filters(as: letters.dtype)], lengths: lengths)
        let spelled = embedding(
            Tensor(batch.spellings, shape: [batch.words.rows, batch.words.length]),
            table: found
        )
        return concatenate([x, spelled.cast(to: x.dtype)], axis: 2)
    }

    /// What each label scores at each word.
    ///
    /// Traps when the model looks at predicates and the batch has none.
    ///
    /// - Parameters:
    ///   - batch: The sentences.
    ///   - vectors: What stands for the words' vectors and their characters' [B, T, D].
    /// - Returns: [B, T, L]; what stands beyond a length means nothing.
    public func emissions(_ batch: TaggerBatch, tokenVectors vectors: Tensor) -> Tensor {
        var x = vectors
        if let markTable { x = concatenate([x, markTable(marks(batch))], axis: 2) }
        let states = outputDropout(network(inputDropout(x), lengths: batch.words.lengthTensor).output)
        let scores = classifier(states)
        guard let predicateClassifier, let predicates = batch.predicates else { return scores }
        let (rows, length) = (batch.words.rows, batch.words.length)
        let places = predicates.enumerated().map { Int32($0 * length + $1) }
        let own = embedding(
            Tensor(places, shape: [rows, 1]),
            table: states.reshaped(rows * length, network.outputWidth)
        )
        return scores + predicateClassifier(own)
    }

    /// 1 at each sentence's predicate, 0 elsewhere: [B, T].
    private func marks(_ batch: TaggerBatch) -> Tensor {
        require(
            batch.predicates != nil,
            "TaggerModel: the batch has no predicates, which this model looks at"
        )
        let (rows, length) = (batch.words.rows, batch.words.length)
        var marks = [Int32](repeating: 0, count: rows * length)
        for (row, place) in (batch.predicates ?? []).enumerated() { marks[row * length + place] = 1 }
        return Tensor(marks, shape: [rows, length])
    }

    /// Floating-point operations of the recurrent layers.
    ///
    /// - Parameter length: The words of a sentence.
    /// - Returns: Operations per sentence.
    public func forwardFlops(length: Int) -> Double {
        2 * Double(network.matrixElementCount) * Double(length)
    }
}
