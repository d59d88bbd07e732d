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
    /// Takes a value in; false when it is not of the wanted kind.
    let assign: (inout Section, RecipeScalar) -> Bool
    /// The value as JSON.
    let read: (Section) -> JSONValue
}

extension RecipeField {
    static func integer(
        _ key: String,
        _ aliases: String...,
        at path: WritableKeyPath<Section, Int>
    ) -> RecipeField {
        RecipeField(
            key: key,
            aliases: aliases,
            wanted: "a whole number",
            assign: { section, value in
                guard let number = value.integer else { return false }
                section[keyPath: path] = number
                return true
            },
            read: { .integer($0[keyPath: path]) }
        )
    }

    static func optionalInteger(
        _ key: String,
        _ aliases: String...,
        at path: WritableKeyPath<Section, Int?>
    ) -> RecipeField {
        RecipeField(
            key: key,
            aliases: aliases,
            wanted: "a whole number",
            assign: { section, value in
                guard let number = value.integer else { return false }
                section[keyPath: path] = number
                return true
            },
            read: { $0[keyPath: path].map { .integer($0) } ?? .null }
        )
    }

    static func seed(
        _ key: String,
        _ aliases: String...,
        at path: WritableKeyPath<Section, UInt64>
    ) -> RecipeField {
        RecipeField(
            key: key,
            aliases: aliases,
            wanted: "a whole number, 0 or more",
            assign: { section, value in
                guard let number = value.integer, number >= 0 else { return false }
                section[keyPath: path] = UInt64(number)
                return true
            },
            read: { .integer(Int(clamping: $0[keyPath: path])) }
        )
    }

    static func optionalSeed(_ key: String, at path: WritableKeyPath<Section, UInt64?>) -> RecipeField {
        RecipeField(
            key: key,
            aliases: [],
            wanted: "a whole number, 0 or more",
            assign: { section, value in
                guard let number = value.integer, number >= 0 else { return false }
                section[keyPath: path] = UInt64(number)
                return true
            },
            read: { $0[keyPath: path].map { .integer(Int(clamping: $0)) } ?? .null }
        )
    }

    static func number(
        _ key: String,
        _ aliases: String...,
        at path: WritableKeyPath<Section, Double>
    ) -> RecipeField {
        RecipeField(
            key: key,
            aliases: aliases,
            wanted: "a number",
            assign: { section, value in
                guard let number = value.number else { return false }
                section[keyPath: path] = number
                return true
            },
            read: { .number($0[keyPath: path]) }
        )
    }

    static func optionalNumber(
        _ key: String,
        _ aliases: String...,
        at path: WritableKeyPath<Section, Double?>
    ) -> RecipeField {
        RecipeField(
            key: key,
            aliases: aliases,
            wanted: "a number",
            assign: { section, value in
                guard let number = value.number else { return false }
                section[keyPath: path] = number
                return true
            },
            read: { $0[keyPath: path].map { .number($0) } ?? .null }
        )
    }

    static func text(
        _ key: String,
        _ aliases: String...,
        at path: WritableKeyPath<Section, String>,
        oneOf choices: [String] = []
    ) -> RecipeField {
        RecipeField(
            key: key,
            aliases: aliases,
            wanted: choices.isEmpty ? "text" : "one of " + choices.joined(separator: ", "),
            assign: { section, value in
                guard choices.isEmpty || choices.contains(value.text) else { return false }
                section[keyPath: path] = value.text
                return true
            },
            read: { .string($0[keyPath: path]) }
        )
    }

    static func optionalText(
        _ key: String,
        at path: WritableKeyPath<Section, String?>,
        oneOf choices: [String] = []
    ) -> RecipeField {
        RecipeField(
            key: key,
            aliases: [],
            wanted: choices.isEmpty ? "text" : "one of " + choices.joined(separator: ", "),
            assign: { section, value in
                guard choices.isEmpty || choices.contains(value.text) else { return false }
                section[keyPath: path] = value.text
                return true
            },
            read: { $0[keyPath: path].map { .string($0) } ?? .null }
        )
    }

    static func flag(
        _ key: String,
        _ aliases: String...,
        at path: WritableKeyPath<Section, Bool>
    ) -> RecipeField {
        RecipeField(
            key: key,
            aliases: aliases,
            wanted: "true or false",
            assign: { section, value in
                guard let flag = value.flag else { return false }
                section[keyPath: path] = flag
                return true
            },
            read: { .bool($0[keyPath: path]) }
        )
    }

    static func optionalFlag(_ key: String, at path: WritableKeyPath<Section, Bool?>) -> RecipeField {
        RecipeField(
            key: key,
            aliases: [],
            wanted: "true or false",
            assign: { section, value in
                guard let flag = value.flag else { return false }
                section[keyPath: path] = flag
                return true
            },
            read: { $0[keyPath: path].map { .bool($0) } ?? .null }
        )
    }
}

/// A scalar of a recipe as it was written, with its place.
struct RecipeScalar {
    /// The text.
    let text: String
    /// Whether it was written in quotes, and so is text whatever it looks like.
    let isQuoted: Bool

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

/// The word of a list that is most like another: what the user may have meant.
public func nearestName(to name: String, in names: [String]) -> String? {
    names.min { editDistance($0, name) < editDistance($1, name) }
}

/// The number of insertions, deletions and replacements that turn one word into the other.
func editDistance(_ first: String, _ second: String) -> Int {
    let (a, b) = (Array(first.unicodeScalars), Array(second.unicodeScalars))
    var row = Array(0...b.count)
    for i in a.indices {
        var diagonal = row[0]
        row[0] = i + 1
        for j in b.indices {
            let replaced = diagonal + (a[i] == b[j] ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
        }
    }
    return row[b.count]
}
