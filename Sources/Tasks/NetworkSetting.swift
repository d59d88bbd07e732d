import YuyanFileFormats
import YuyanModels

/// A key of the section `model` that becomes a field of the network's configuration.
struct NetworkSetting {
    /// What a value must be.
    enum Kind {
        case integer
        case number
        case flag
        case integers
        case texts
        case word([String])
        case path
    }

    let key: String
    let kind: Kind
    /// The usual value; null for none.
    let usual: JSONValue
    let role: ModelKeyRole

    init(_ key: String, _ kind: Kind, _ usual: JSONValue, _ role: ModelKeyRole = .architecture) {
        (self.key, self.kind, self.usual, self.role) = (key, kind, usual, role)
    }

    private var wanted: String {
        switch kind {
        case .integer: "a whole number"
        case .number: "a number"
        case .flag: "true or false"
        case .integers: "whole numbers, as [3, 4] or 3,4"
        case .texts: "texts, as [a, b] or a,b"
        case .word(let choices): "one of " + choices.joined(separator: ", ")
        case .path: "a path"
        }
    }

    private func value(_ scalar: RecipeScalar) -> JSONValue? {
        switch kind {
        case .integer: return scalar.integer.map { .integer($0) }
        case .number: return scalar.number.map { .number($0) }
        case .flag: return scalar.flag.map { .bool($0) }
        case .word(let choices): return choices.contains(scalar.text) ? .string(scalar.text) : nil
        case .path: return .string(scalar.text)
        case .texts:
            return .array(scalar.text.split(separator: ",").map { .string($0.trimmingSpaces) })
        case .integers:
            var numbers: [JSONValue] = []
            for part in scalar.text.split(separator: ",") {
                let item = RecipeScalar(
                    text: String(part).replacing(" ", with: ""),
                    isQuoted: scalar.isQuoted
                )
                guard let number = item.integer else { return nil }
                numbers.append(.integer(number))
            }
            return .array(numbers)
        }
    }

    /// The setting as a key of a recipe.
    var field: RecipeField<ModelRecipe> {
        let isList: Bool
        switch kind {
        case .integers, .texts: isList = true
        default: isList = false
        }
        var field = RecipeField<ModelRecipe>(
            key: key,
            aliases: [],
            wanted: wanted,
            assign: { section, scalar in
                guard let value = scalar.isNull && usual == .null ? .null : value(scalar) else {
                    return false
                }
                section.network[key] = value
                return true
            },
            read: { $0.network[key] ?? usual },
            takesList: isList
        )
        field.role = role
        if usual != .null { field.takeUsual = { $0.network[key] = $1.network[key] } }
        return field
    }
}

extension NetworkSetting {
    /// The keys of a table of token vectors, which may begin with word vectors.
    static func vectors(width: Int, dropout: Double = 0, wordDropout: Double = 0) -> [NetworkSetting] {
        [
            NetworkSetting("embedding_dim", .integer, .integer(width)),
            NetworkSetting(
                "embedding_init",
                .word(TableInitialization.allCases.map(\.rawValue)),
                "uniform"
            ),
            NetworkSetting("embedding_dropout", .number, .number(dropout), .behavior),
            NetworkSetting("word_dropout", .number, .number(wordDropout), .behavior),
        ] + PretrainedVectors.settings
    }

    /// The keys of a Transformer encoder.
    static var encoder: [NetworkSetting] {
        [
            NetworkSetting("hidden_size", .integer, 128), NetworkSetting("num_hidden_layers", .integer, 2),
            NetworkSetting("num_attention_heads", .integer, 4),
            NetworkSetting("intermediate_size", .integer, 512),
            NetworkSetting("hidden_act", .word(["gelu", "gelu_new", "relu", "silu"]), "gelu"),
            NetworkSetting("hidden_dropout_prob", .number, 0.1, .behavior),
            NetworkSetting("attention_probs_dropout_prob", .number, 0.1, .behavior),
            NetworkSetting("max_position_embeddings", .integer, 512),
            NetworkSetting(
                "position_embedding_type",
                .word(EncoderPositions.allCases.map(\.rawValue)),
                "absolute"
            ),
            NetworkSetting("norm_placement", .word(NormPlacement.allCases.map(\.rawValue)), "pre"),
            NetworkSetting("use_rezero", .flag, false),
        ]
    }
}
