import YuyanFileFormats
import YuyanModels

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

    /// Puts the vectors of tokens into a table; the rows of tokens without one stay as they are.
    ///
    /// - Parameters:
    ///   - table: The table.
    ///   - tokens: The tokens by row.
    /// - Returns: What the user should know.
    /// - Throws: ``RecipeError`` when no token has a vector.
    func fill(_ table: Embedding, tokens: [String]) throws -> String {
        let own = table.weight.value.floats()
        let (values, found) = vectors.table(for: tokens) { place in
            Array(own[place * width..<(place + 1) * width])
        }
        guard found > 0 else {
            throw RecipeError("model.vectors: none of the \(tokens.count) tokens has a vector in \(path)")
        }
        table.weight.assign(Tensor(values, shape: [tokens.count, width]))
        table.weight.requiresGradient = !isFrozen
        return "\(found) of \(tokens.count) tokens begin with vectors of \(path)"
            + (isFrozen ? ", which stay" : "")
    }
}
