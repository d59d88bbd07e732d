import YuyanFileFormats
import YuyanModels
import YuyanTokenizers

/// Word vectors that a network's table begins with.
struct PretrainedVectors {
    private let vectors: WordVectors
    private let path: String
    private let isFrozen: Bool

    /// The keys of the section `model`.
    static var settings: [NetworkSetting] {
        [
            NetworkSetting("vectors", .path, .null, .task),
            NetworkSetting("freeze_vectors", .flag, false, .task),
        ]
    }

    /// Reads the vectors that a recipe names; nil when it names none.
    ///
    /// - Parameter recipe: The recipe.
    /// - Throws: ``RecipeError`` or `FileFormatError` when the file is missing or malformed.
    init?(_ recipe: Recipe) throws {
        let network = recipe.model.network
        isFrozen = network["freeze_vectors"]?.boolValue ?? false
        guard let path = network["vectors"]?.stringValue else {
            guard !isFrozen else {
                throw RecipeError("model.freeze_vectors is true, but model.vectors names no word vectors")
            }
            return nil
        }
        guard recipe.model.path == nil else {
            throw RecipeError(
                "model.vectors and model.path exclude each other: a model to begin with has its own"
            )
        }
        self.path = path
        vectors = try WordVectors(path: path)
    }

    /// The width of a vector.
    var width: Int { vectors.dimension }

    /// The families whose states are as wide as their token vectors.
    private static let families: Set<String> = ["encoder", "encoder-decoder"]

    /// Makes a network's token vectors as wide as these, or holds the width of its states against them.
    ///
    /// - Parameters:
    ///   - fields: The fields of the network's configuration.
    ///   - recipe: The recipe.
    /// - Throws: ``RecipeError`` when the network has another width, or its tokenizer cuts words into parts.
    func fit(_ fields: inout JSONObject, _ recipe: Recipe) throws {
        let isTransformer = Self.families.contains(recipe.model.family)
        if isTransformer || recipe.task == "sequence-to-sequence" {
            let type = recipe.tokenizer.type
            guard recipe.tokenizer.path != nil || Self.wholeTokens.contains(type) else {
                throw RecipeError(
                    "model.vectors: the tokenizer is \(type), whose tokens are parts of words; set tokenizer.type to "
                        + "word, or to char for vectors of characters"
                )
            }
        }
        guard isTransformer else {
            fields["embedding_dim"] = .integer(width)
            return
        }
        let states = fields["hidden_size"]?.integerValue ?? 0
        guard states == width else {
            throw RecipeError(
                "model.vectors: \(path) has vectors of \(width) values, and model.hidden_size is \(states); they must be "
                    + "the same in family \(recipe.model.family)"
            )
        }
    }

    /// The tokenizers whose tokens are words or characters.
    private static let wholeTokens: Set<String> = ["word", "char"]

    /// Puts the vectors of tokens into the tables of a model that writes texts.
    ///
    /// - Parameters:
    ///   - sides: The table of each vocabulary with its tokenizer.
    ///   - factor: What the network multiplies rows by where it reads them; the vectors are divided by it.
    /// - Returns: What the user should know.
    /// - Throws: ``RecipeError`` when no token of any side has a vector.
    func fill(_ sides: [(table: Parameter, tokenizer: any Tokenizer)], factor: Float) throws -> [String] {
        let counts = sides.map { side in put(into: side.table, Self.tokens(side.tokenizer), factor: factor) }
        let sizes = sides.map(\.tokenizer.vocabularySize)
        guard counts.contains(where: { $0 > 0 }) else { throw nothingFound(sizes.reduce(0, +)) }
        return zip(counts, sizes).map { note($0, $1) }
    }

    private static func tokens(_ tokenizer: any Tokenizer) -> [String] {
        (0..<tokenizer.vocabularySize).map { tokenizer.token(of: Int32($0)) ?? "" }
    }

    /// Puts the vectors of a tokenizer's tokens into a table; the rows of tokens without one stay as they are.
    ///
    /// - Parameters:
    ///   - table: The table, whose first rows are the tokens'.
    ///   - tokenizer: The tokenizer.
    /// - Returns: What the user should know.
    /// - Throws: ``RecipeError`` when no token has a vector, or there is no table.
    func fill(_ table: Parameter?, _ tokenizer: any Tokenizer) throws -> String {
        guard let table else { throw RecipeError("model.vectors: the model has no table of token vectors") }
        return try fill(table, Self.tokens(tokenizer))
    }

    /// Puts the vectors of tokens into a table; the rows of tokens without one stay as they are.
    ///
    /// - Parameters:
    ///   - table: The table, whose first rows are the tokens'.
    ///   - tokens: The tokens.
    /// - Returns: What the user should know.
    /// - Throws: ``RecipeError`` when no token has a vector.
    func fill(_ table: Parameter, _ tokens: [String]) throws -> String {
        let found = put(into: table, tokens, factor: 1)
        guard found > 0 else { throw nothingFound(tokens.count) }
        return note(found, tokens.count)
    }

    /// Writes the vectors of tokens over a table's rows; how many have one.
    private func put(into table: Parameter, _ tokens: [String], factor: Float) -> Int {
        var values = table.value.floats()
        var found = 0
        for (row, token) in tokens.enumerated() {
            guard !token.isEmpty, let vector = vectors[token] else { continue }
            let place = row * width
            values.replaceSubrange(
                place..<place + width,
                with: factor == 1 ? vector : vector.map { $0 / factor }
            )
            found += 1
        }
        // A table without any of the vectors is left to learn.
        guard found > 0 else { return 0 }
        table.assign(Tensor(values, shape: table.shape))
        table.requiresGradient = !isFrozen
        return found
    }

    private func nothingFound(_ count: Int) -> RecipeError {
        RecipeError("model.vectors: none of the \(count) tokens has a vector in \(path)")
    }

    private func note(_ found: Int, _ count: Int) -> String {
        "\(found) of \(count) tokens begin with vectors of \(path)"
            + (isFrozen && found > 0 ? ", which stay" : "")
    }
}
