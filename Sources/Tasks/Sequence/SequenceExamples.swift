import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTokenizers

/// A text, or two, and the text that is to be written for it.
struct SequenceExample: DatasetExample {
    let source: String
    /// The second text, such as the passage that a question is about.
    let sourcePair: String?
    let target: String

    static var roles: [ExampleRole] {
        [ExampleRole("source"), ExampleRole("source_pair", isRequired: false), ExampleRole("target")]
    }
    var texts: [String] { [source] + (sourcePair.map { [$0] } ?? []) + [target] }

    static func examples(
        from record: Record,
        settings: DataSettings
    ) throws(FileFormatError) -> [Result<SequenceExample, FileFormatError>] {
        let (source, target) = (try record.requiredText("source"), try record.requiredText("target"))
        let pair = try record.text("source_pair")
        return [.success(SequenceExample(source: source, sourcePair: pair, target: target))]
    }

    var input: SequenceInput { SequenceInput(source, pair: sourcePair) }
}

/// A text, or two, to write another one for.
struct SequenceInput: Sendable, Hashable {
    let text: String
    let pair: String?

    init(_ text: String, pair: String? = nil) { (self.text, self.pair) = (text, pair) }

    /// Whether there is nothing to read.
    var isEmpty: Bool { text.utf8.isEmpty && (pair?.utf8.isEmpty ?? true) }

    /// Both texts for people.
    var shown: String { text + (pair.map { " ⏎ \($0)" } ?? "") }
}

/// How texts become the tokens of a model from sequences to sequences and back.
///
/// A source is its tokens and the end token (of two texts, each with it); a target, too. Texts that are longer than the
/// model are cut at their end.
struct SequenceTokens: Sendable {
    /// The tokenizers of both sides.
    struct Pair {
        let target: any Tokenizer
        /// The source's own; nil where it is the target's.
        let ownSource: (any Tokenizer)?

        var source: any Tokenizer { ownSource ?? target }

        /// Each tokenizer with the number of tokens that a model has for its side.
        func sizes(of model: any SequenceToSequenceModel) -> [(tokenizer: any Tokenizer, count: Int)] {
            [(target, model.vocabularySize), (source, model.sourceVocabularySize)]
        }
    }

    let tokenizers: Pair
    private let sources: TextTokens
    private let targets: TextTokens

    /// The files of a tokenizer, which stand with `source_` before their names where the source has one of its own.
    private static let files = ["tokenizer.json", "tokenizer_config.json"]

    /// Writes the tokenizers beside a model.
    func save(to folder: String) throws {
        try TokenizerFiles.save(tokenizers.target, to: folder)
        guard let source = tokenizers.ownSource else { return }
        try TokenizerLearner.withFiles(of: source) { scratch in
            for name in Self.files {
                try JSONValue(contentsOf: "\(scratch)/\(name)").write(to: "\(folder)/source_\(name)")
            }
        }
    }

    /// Reads the tokenizers of a folder.
    static func load(folder: String) throws -> Pair {
        let target = try TokenizerFiles.load(anywhere: folder)
        let paths = files.map { "\(folder)/source_\($0)" }
        guard FileManager.default.fileExists(atPath: paths[0]) else {
            return Pair(target: target, ownSource: nil)
        }
        let source = try TokenizerFiles.load(
            try JSONValue(contentsOf: paths[0]),
            path: paths[0],
            configuration: try JSONValue(contentsOf: paths[1]),
            configurationPath: paths[1]
        )
        return Pair(target: target, ownSource: source)
    }

    init(_ tokenizers: Pair, _ model: any SequenceToSequenceModel) throws {
        self.tokenizers = tokenizers
        sources = TextTokens(
            tokenizers.source,
            maxLength: model.maxSourceLength,
            end: try Self.endToken(tokenizers.source)
        )
        targets = TextTokens(tokenizers.target, maxLength: model.maxTargetLength, end: model.endToken)
    }

    /// The token that ends texts of a tokenizer: what it puts behind them, or its end of text.
    static func endToken(_ tokenizer: any Tokenizer) throws -> Int32 {
        guard let end = tokenizer.addedTokens.suffix.last ?? tokenizer.endOfText else {
            throw RecipeError("the tokenizer has no token that ends a text, which a decoder needs")
        }
        return end
    }

    /// The token that a decoder begins with: what the tokenizer puts before texts, or the end token.
    static func startToken(_ tokenizer: any Tokenizer) throws -> Int32 {
        try tokenizer.addedTokens.prefix.first ?? endToken(tokenizer)
    }

    func encode(_ input: SequenceInput) -> TextTokens.Encoded { sources.encode(input.text, input.pair) }

    func encode(target: String) -> TextTokens.Encoded { targets.encode(target) }

    func text(_ ids: [Int32]) -> String {
        tokenizers.target.decode(ids, skippingSpecialTokens: true)
    }
}

/// What a model learns from and is judged by.
struct SequenceData {
    let training: [SequenceExample]
    let validation: [SequenceExample]
    let fingerprint: String
    /// Things that the user should know.
    let notes: [String]

    /// Reads the files that a recipe names.
    init(_ recipe: Recipe) throws {
        let parts = try ExampleParts<SequenceExample>(recipe, isStratified: false, row: Self.row)
        training = parts.training.filter { !$0.input.isEmpty && !$0.target.utf8.isEmpty }
        (validation, fingerprint) = (parts.validation, parts.fingerprint)
        guard !training.isEmpty else {
            throw RecipeError("data.train: no row has both a source and a target")
        }
        var notes = ["\(training.count) pairs to learn from, \(validation.count) to judge by"]
        let empty = parts.training.count - training.count
        if empty > 0 {
            notes.append("warning: \(empty) training rows left out whose source or target is empty")
        }
        if let warning = parts.malformed.warning() { notes.append(warning) }
        self.notes = notes
    }

    /// Equal sources stay on one side of a division, whatever their targets.
    static func row(_ example: SequenceExample) -> Splitter.Row {
        Splitter.Row(text: example.input.shown)
    }
}
