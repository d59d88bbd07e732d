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
        [NetworkSetting("vectors", .path, .null), NetworkSetting("freeze_vectors", .flag, false)]
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

    /// Puts the vectors of a tokenizer's tokens into a table; the rows of tokens without one stay as they are.
    ///
    /// - Parameters:
    ///   - table: The table, whose first rows are the tokens'.
    ///   - tokenizer: The tokenizer.
    /// - Returns: What the user should know.
    /// - Throws: ``RecipeError`` when no token has a vector, or there is no table.
    func fill(_ table: Parameter?, _ tokenizer: any Tokenizer) throws -> String {
        guard let table else { throw RecipeError("model.vectors: the model has no table of token vectors") }
        return try fill(table, (0..<tokenizer.vocabularySize).map { tokenizer.token(of: Int32($0)) ?? "" })
    }

    /// Puts the vectors of tokens into a table; the rows of tokens without one stay as they are.
    ///
    /// - Parameters:
    ///   - table: The table, whose first rows are the tokens'.
    ///   - tokens: The tokens.
    /// - Returns: What the user should know.
    /// - Throws: ``RecipeError`` when no token has a vector.
    func fill(_ table: Parameter, _ tokens: [String]) throws -> String {
        var values = table.value.floats()
        var found = 0
        for (row, token) in tokens.enumerated() {
            guard !token.isEmpty, let vector = vectors[token] else { continue }
            values.replaceSubrange(row * width..<(row + 1) * width, with: vector)
            found += 1
        }
        guard found > 0 else {
            throw RecipeError("model.vectors: none of the \(tokens.count) tokens has a vector in \(path)")
        }
        table.assign(Tensor(values, shape: table.shape))
        table.requiresGradient = !isFrozen
        return "\(found) of \(tokens.count) tokens begin with vectors of \(path)"
            + (isFrozen ? ", which stay" : "")
    }
}
