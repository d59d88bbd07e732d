import YuyanFileFormats
import YuyanTraining

/// A key of a section of a recipe: its names, how a value is taken in, and how it is written out.
struct RecipeField<Section> {
    /// The key.
    let key: String
    /// Other names that are understood, for example nanoGPT's.
    let aliases: [String]
    /// What a value must be, for messages.
    let wanted: String
    /// Takes a value in; false when it is not of the wanted kind, an error where that is known better.
    let assign: (inout Section, RecipeScalar) throws -> Bool
    /// The value as JSON.
    let read: (Section) -> JSONValue
    /// Takes in a member of a value that is a mapping; nil where values are none.
    var assignMember: ((inout Section, String, RecipeScalar) throws -> Void)?
    /// Whether a list is understood, as its elements with commas between them.
    var takesList = false
    /// Takes over the value of a section where nothing is given, which null asks for; nil where null does not.
    var takeUsual: ((inout Section, Section) -> Void)?
    /// Whose a key of the section `model` is where a run begins with a model that exists.
    var role = ModelKeyRole.task
}

/// Whose a key of the section `model` is where a run begins with a model that exists.
enum ModelKeyRole {
    /// A size or part of the network, for which the weights are made.
    case architecture
    /// What a network does with the same weights: dropout, pooling, the longest text.
    case behavior
    /// What the task decides, whatever it begins with.
    case task
}

extension RecipeField {
    typealias Path<Value> = WritableKeyPath<Section, Value>

    static func integer(_ key: String, _ aliases: String..., at path: Path<Int>) -> RecipeField {
        required(key, aliases, path, .integer)
    }

    static func optionalInteger(_ key: String, _ aliases: String..., at path: Path<Int?>) -> RecipeField {
        optional(key, aliases, path, .integer)
    }

    static func seed(_ key: String, _ aliases: String..., at path: Path<UInt64>) -> RecipeField {
        required(key, aliases, path, .seed)
    }

    static func optionalSeed(_ key: String, _ aliases: String..., at path: Path<UInt64?>) -> RecipeField {
        optional(key, aliases, path, .seed)
    }

    static func number(_ key: String, _ aliases: String..., at path: Path<Double>) -> RecipeField {
        required(key, aliases, path, .number)
    }

    /// A number that null sets to what it is when it is not given.
    static func numberOrUsual(_ key: String, at path: Path<Double>) -> RecipeField {
        var field = number(key, at: path)
        field.takeUsual = { section, usual in section[keyPath: path] = usual[keyPath: path] }
        return field
    }

    static func optionalNumber(_ key: String, _ aliases: String..., at path: Path<Double?>) -> RecipeField {
        optional(key, aliases, path, .number)
    }

    static func text(
        _ key: String,
        _ aliases: String...,
        at path: Path<String>,
        oneOf choices: [String] = []
    ) -> RecipeField {
        required(key, aliases, path, .text(oneOf: choices))
    }

    static func optionalText(_ key: String, _ aliases: String..., at path: Path<String?>) -> RecipeField {
        optional(key, aliases, path, .text(oneOf: []))
    }

    /// The field, which understands a list as its elements with commas between them.
    var orList: RecipeField {
        var field = self
        field.takesList = true
        return field
    }

    static func flag(_ key: String, _ aliases: String..., at path: Path<Bool>) -> RecipeField {
        required(key, aliases, path, .flag)
    }

    static func optionalFlag(_ key: String, _ aliases: String..., at path: Path<Bool?>) -> RecipeField {
        optional(key, aliases, path, .flag)
    }

    private static func required<Value>(
        _ key: String,
        _ aliases: [String],
        _ path: Path<Value>,
        _ kind: RecipeKind<Value>
    ) -> RecipeField {
        RecipeField(
            key: key,
            aliases: aliases,
            wanted: kind.wanted,
            assign: { section, scalar in
                guard let value = kind.take(scalar) else { return false }
                section[keyPath: path] = value
                return true
            },
            read: { kind.json($0[keyPath: path]) }
        )
    }

    private static func optional<Value>(
        _ key: String,
        _ aliases: [String],
        _ path: Path<Value?>,
        _ kind: RecipeKind<Value>
    ) -> RecipeField {
        RecipeField(
            key: key,
            aliases: aliases,
            wanted: kind.wanted,
            assign: { section, scalar in
                if scalar.isNull {
                    section[keyPath: path] = nil
                    return true
                }
                guard let value = kind.take(scalar) else { return false }
                section[keyPath: path] = value
                return true
            },
            read: { $0[keyPath: path].map(kind.json) ?? .null }
        )
    }
}

/// How values of a type are written in a recipe.
struct RecipeKind<Value> {
    /// What a value must be, for messages.
    let wanted: String
    /// The value of a scalar, nil when it is none.
    let take: (RecipeScalar) -> Value?
    /// The value as JSON.
    let json: (Value) -> JSONValue
}

extension RecipeKind where Value == Int {
    static var integer: RecipeKind {
        RecipeKind(wanted: "a whole number", take: { $0.integer }, json: { .integer($0) })
    }
}

extension RecipeKind where Value == UInt64 {
    static var seed: RecipeKind {
        RecipeKind(
            wanted: "a whole number, 0 or more",
            take: { $0.integer.flatMap { UInt64(exactly: $0) } },
            json: { .integer(Int(clamping: $0)) }
        )
    }
}

extension RecipeKind where Value == Double {
    static var number: RecipeKind {
        RecipeKind(wanted: "a number", take: { $0.number }, json: { .number($0) })
    }
}

extension RecipeKind where Value == Bool {
    static var flag: RecipeKind {
        RecipeKind(wanted: "true or false", take: { $0.flag }, json: { .bool($0) })
    }
}

extension RecipeKind where Value == String {
    static func text(oneOf choices: [String]) -> RecipeKind {
        RecipeKind(
            wanted: choices.isEmpty ? "text" : "one of " + choices.joined(separator: ", "),
            take: { choices.isEmpty || choices.contains($0.text) ? $0.text : nil },
            json: { .string($0) }
        )
    }
}

/// A scalar of a recipe as it was written, with its place.
struct RecipeScalar {
    /// The text.
    let text: String
    /// Whether it was written in quotes, and so is text whatever it looks like.
    let isQuoted: Bool
    /// Whether it was a list, of which the text holds the elements with commas between them.
    var isList = false

    /// Whether it says that there is no value.
    var isNull: Bool { !isQuoted && ["null", "Null", "NULL", "~"].contains(text) }

    var integer: Int? {
        guard !isQuoted else { return nil }
        if let value = Int(text.replacing("_", with: "")) { return value }
        // 1e3 is a whole number too.
        guard let value = number, value == value.rounded(), value.magnitude < 1e15 else { return nil }
        return Int(value)
    }

    var number: Double? {
        guard !isQuoted, let value = Double(text.replacing("_", with: "")), value.isFinite else { return nil }
        return value
    }

    var flag: Bool? {
        switch text.lowercased() {
        case "true", "yes", "on": true
        case "false", "no", "off": false
        default: nil
        }
    }
}

/// What is wrong with a recipe or a command's settings.
public struct RecipeError: Error, CustomStringConvertible, Sendable, Equatable {
    /// File and line or flag, what is wrong, and what would be right.
    public let description: String

    /// Makes an error of a message.
    public init(_ description: String) {
        self.description = description
    }
}
