import YuyanDatasets
import YuyanFileFormats
import YuyanModels

/// A recurrent network over words and their characters, with its vocabulary.
struct RecurrentTagging: TaggingNetwork {
    let model: TaggerModel
    let vocabulary: TaggerVocabulary

    init(_ model: TaggerModel, _ vocabulary: TaggerVocabulary) {
        (self.model, self.vocabulary) = (model, vocabulary)
    }

    /// Reads a model folder.
    init(folder: String) throws {
        model = try TaggerModel(folder: folder)
        vocabulary = try TaggerVocabulary(folder: folder)
        func check(_ name: String, _ count: Int, _ wanted: Int) throws {
            guard count != wanted else { return }
            throw FileFormatError(
                .mismatch,
                path: "\(folder)/\(TaggerVocabulary.file)",
                at: .key(name),
                "\(count) \(name) for a model of \(wanted)"
            )
        }
        try check("words", vocabulary.words.count + 1, model.configuration.vectors.vocabSize)
        let known = model.configuration.characterCount
        if known > 0 { try check("characters", vocabulary.characters.count + 1, known) }
    }

    var isOfCharacters: Bool { vocabulary.isOfCharacters }
    var extent: String { "\(vocabulary.words.count) words, \(vocabulary.characters.count) characters" }

    func sentences(_ inputs: [TaggerInput]) -> TaggerSentences {
        TaggerSentences(inputs, vocabulary, model.configuration)
    }

    func wordValues(_ values: [Double], of sentence: TaggerInput) -> [Double] { values }

    func save(to folder: String, labels: [String]) throws {
        try model.save(to: folder, labels: labels)
        try vocabulary.write(to: folder)
    }

    func loadWeights(folder: String) throws { try model.loadParameters(from: WeightFiles(path: folder)) }
}

/// Sentences as a recurrent network takes them.
struct TaggerSentences: NetworkSentences {
    /// The words of each sentence.
    let lengths: [Int]
    private let words: [[Int32]]
    private let spellings: [[[Int32]]]?
    private let predicates: [Int]?

    init(_ sentences: [TaggerInput], _ vocabulary: TaggerVocabulary, _ configuration: TaggerConfiguration) {
        words = sentences.map { vocabulary.numbers($0.tokens) }
        lengths = words.map(\.count)
        spellings =
            configuration.characterCount > 0 ? sentences.map { vocabulary.spellings($0.tokens) } : nil
        predicates = configuration.markDim > 0 ? sentences.map { $0.predicate ?? 0 } : nil
    }

    func batch(_ members: [Int]) -> TaggerBatch {
        TaggerBatch(
            members.map { words[$0] },
            spellings: spellings.map { all in members.map { all[$0] } },
            predicates: predicates.map { all in members.map { all[$0] } }
        )
    }
}
