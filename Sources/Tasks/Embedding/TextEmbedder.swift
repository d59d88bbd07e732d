import Foundation
import YuyanFileFormats
import YuyanModels
import YuyanTextProcessing
import YuyanTokenizers

/// A trained model of any family that makes vectors of texts, on host values.
public protocol TextEmbedding {
    /// The width of a vector D.
    var dimension: Int { get }

    /// The vectors of texts at length 1; zeros for a text that the model knows nothing of.
    ///
    /// - Parameters:
    ///   - texts: N texts.
    ///   - progress: Told of texts done; false stops with `CancellationError`.
    /// - Returns: N × D numbers in rows; and of each text whether it is longer than the model reads.
    /// - Throws: `CancellationError`.
    func answers(_ texts: [String], progress: (Int) -> Bool) throws -> (vectors: [Float], isCut: [Bool])
}

extension TextEmbedding {
    /// The vectors of texts at length 1; zeros for a text that the model knows nothing of.
    ///
    /// - Parameters:
    ///   - texts: N texts.
    ///   - progress: Told of texts done; false stops with `CancellationError`.
    /// - Returns: N × D numbers in rows.
    /// - Throws: `CancellationError`.
    public func vectors(_ texts: [String], progress: (Int) -> Bool) throws -> [Float] {
        try answers(texts, progress: progress).vectors
    }

    /// The vectors of texts at length 1; zeros for a text that the model knows nothing of.
    ///
    /// - Parameter texts: N texts.
    /// - Returns: N × D numbers in rows.
    /// - Throws: What stops the model.
    public func vectors(_ texts: [String]) throws -> [Float] { try vectors(texts) { _ in true } }
}

/// Opens models that make vectors of texts.
public enum TextEmbedder {
    /// Opens the folder of a run of `text-embedding`.
    ///
    /// - Parameter folder: The model folder.
    /// - Returns: The model.
    /// - Throws: ``RecipeError`` for a model of another task, `FileFormatError` for files that are missing or do not fit.
    public static func open(_ folder: String) throws -> any TextEmbedding {
        let recipe = try Recipe(modelFolder: folder)
        guard recipe.task == TaskDescription.textEmbedding.name else {
            throw RecipeError(
                "\(folder): a model of the task \(recipe.task); vectors of texts are made by models of "
                    + TaskDescription.textEmbedding.name
            )
        }
        return try EmbeddingFamily.open(recipe, folder)
    }
}

/// A text encoder with its tokenizer.
struct NeuralEmbedder: TextEmbedding {
    let model: TextEmbeddingModel
    private let tokens: TextTokens
    private let rows: Int

    init(_ recipe: Recipe, folder: String) throws {
        model = try TextEmbeddingModel(folder: folder)
        recipe.settle(model)
        let tokenizer = try TokenizerFiles.load(folder: folder)
        let known = model.configuration.fields.first { $0.0 == "vocab_size" }?.1.integerValue ?? 0
        guard tokenizer.vocabularySize <= known else {
            throw FileFormatError(
                .mismatch,
                path: folder,
                "the tokenizer has \(tokenizer.vocabularySize) tokens, the model \(known)"
            )
        }
        tokens = TextTokens(
            tokenizer,
            maxLength: model.configuration.maxLength,
            isFramed: model.configuration.isFramed
        )
        rows = recipe.training.evaluationRows()
    }

    var dimension: Int { model.dimension }

    func answers(
        _ texts: [String],
        progress: (Int) -> Bool
    ) throws -> (vectors: [Float], isCut: [Bool]) {
        let encoded = texts.map { tokens.encode($0) }
        guard let all = Self.vectors(model, encoded, rows: rows, progress: progress) else {
            throw CancellationError()
        }
        return (all, encoded.map(\.isCut))
    }

    /// Vectors batch by batch, texts of like length together; nil when `progress` says to stop.
    static func vectors(
        _ model: TextEmbeddingModel,
        _ texts: [TextTokens.Encoded],
        rows: Int,
        progress: (Int) -> Bool
    ) -> [Float]? {
        let order = texts.indices.sorted { (texts[$0].ids.count, $0) < (texts[$1].ids.count, $1) }
        let width = model.dimension
        var all = [Float](repeating: 0, count: texts.count * width)
        for start in stride(from: 0, to: order.count, by: rows) {
            let members = order[start..<min(start + rows, order.count)]
            let found = Tape.withoutRecording {
                model.vectors(TokenBatch(members.map { texts[$0].ids })).floats()
            }
            for (row, member) in members.enumerated() {
                all.replaceSubrange(
                    member * width..<(member + 1) * width,
                    with: found[row * width..<(row + 1) * width]
                )
            }
            if !progress(start + members.count) { return nil }
        }
        return all
    }
}

/// Weighted means of the vectors of a text's words.
struct WordVectorEmbedder: TextEmbedding {
    let model: AveragedWordVectors
    let words: TextWords

    init(_ recipe: Recipe, folder: String) throws {
        model = try AveragedWordVectors(folder: folder)
        words = try TextWords(recipe)
    }

    init(_ model: AveragedWordVectors, _ words: TextWords) { (self.model, self.words) = (model, words) }

    var dimension: Int { model.dimension }
    private static var group: Int { 256 }

    func answers(
        _ texts: [String],
        progress: (Int) -> Bool
    ) throws -> (vectors: [Float], isCut: [Bool]) {
        var all: [Float] = []
        all.reserveCapacity(texts.count * dimension)
        for (number, text) in texts.enumerated() {
            var vector = model.vector(of: words(text))
            vector.normalizeRows(width: dimension)
            all += vector
            if number % Self.group == 0, !progress(number) { throw CancellationError() }
        }
        return (all, [Bool](repeating: false, count: texts.count))
    }
}

/// How texts become words that word vectors are looked up by.
struct TextWords: Sendable {
    /// Nil for what stands between white space.
    private let segmenter: (any WordSegmenter)?
    private let lowercases: Bool

    init(segmenter: (any WordSegmenter)?, lowercases: Bool) {
        (self.segmenter, self.lowercases) = (segmenter, lowercases)
    }

    /// As a recipe's `model.words` and `model.lowercase` say.
    init(_ recipe: Recipe) throws {
        let name = recipe.model.network["words"]?.stringValue ?? "english"
        lowercases = recipe.model.network["lowercase"]?.boolValue ?? true
        switch name {
        case "english": segmenter = EnglishTokenizer()
        case "whitespace": segmenter = nil
        default: segmenter = try Self.segmenter(name)
        }
    }

    /// A model or a dictionary that `yuyan words` wrote.
    static func segmenter(_ path: String) throws -> any WordSegmenter {
        do throws(SegmentationError) {
            return try CharacterSegmenter(contentsOf: path)
        } catch {
            if error.code == .notFound || error.code == .inputOutput { throw error }
            return DictionarySegmenter(try WordLexicon(contentsOf: path))
        }
    }

    func callAsFunction(_ text: String) -> [String] {
        let text = lowercases ? text.lowercased() : text
        if let segmenter { return segmenter.words(in: text) }
        return text.utf8.split(whereSeparator: { $0 <= 0x20 }).map { String(Substring($0)) }
    }
}
