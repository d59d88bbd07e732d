/// A value in the settings of an operator, as a recipe holds it.
public enum OperatorValue: Sendable, Equatable {
    /// Text.
    case text(String)
    /// A number, whole or not.
    case number(Double)
    /// True or false.
    case flag(Bool)
    /// A list of texts.
    case list([String])

    var kindName: String {
        switch self {
        case .text: "text"
        case .number: "a number"
        case .flag: "true or false"
        case .list: "a list"
        }
    }
}

/// What is wrong with an operator's name or settings in a recipe.
public struct OperatorError: Error, Equatable, CustomStringConvertible {
    /// The operator's name.
    public let name: String
    /// The key; nil when the name itself is wrong.
    public let key: String?
    /// What is wrong and what would be right.
    public let message: String

    /// An error at an operator's name or at one of its keys.
    ///
    /// - Parameters:
    ///   - name: The operator.
    ///   - key: The key; nil when the name itself is wrong.
    ///   - message: What is wrong and what would be right.
    public init(_ name: String, key: String? = nil, _ message: String) {
        (self.name, self.key, self.message) = (name, key, message)
    }

    /// The place and what is wrong there.
    public var description: String { (key.map { "\(name).\($0)" } ?? name) + ": " + message }
}

/// The settings of one operator in a recipe; every key must be asked for, so that none is passed over silently.
public struct OperatorParameters: Sendable {
    private let name: String
    private let values: [String: OperatorValue]
    private var asked: Set<String> = []

    /// Settings for an operator.
    ///
    /// - Parameters:
    ///   - name: The operator's name, for errors.
    ///   - values: The settings by key.
    public init(name: String, _ values: [String: OperatorValue]) {
        (self.name, self.values) = (name, values)
    }

    /// A whole number.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - fallback: The value when the key is missing.
    ///   - range: What is allowed.
    /// - Returns: The number.
    /// - Throws: `OperatorError` when the value is of another kind or outside the range.
    public mutating func integer(
        _ key: String,
        default fallback: Int,
        in range: ClosedRange<Int>
    ) throws(OperatorError) -> Int {
        let value = try number(
            key,
            default: Double(fallback),
            in: Double(range.lowerBound)...Double(range.upperBound)
        )
        guard let whole = Int(exactly: value) else {
            throw OperatorError(name, key: key, "must be a whole number")
        }
        return whole
    }

    /// A number.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - fallback: The value when the key is missing.
    ///   - range: What is allowed.
    /// - Returns: The number.
    /// - Throws: `OperatorError` when the value is of another kind or outside the range.
    public mutating func number(
        _ key: String,
        default fallback: Double,
        in range: ClosedRange<Double>
    ) throws(OperatorError) -> Double {
        switch value(key) {
        case nil: return fallback
        case .number(let number)?:
            guard range.contains(number) else {
                throw OperatorError(
                    name,
                    key: key,
                    "\(number) is outside \(range.lowerBound) to \(range.upperBound)"
                )
            }
            return number
        case let other?: throw OperatorError(name, key: key, "must be a number, found \(other.kindName)")
        }
    }

    /// True or false.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - fallback: The value when the key is missing.
    /// - Returns: The truth value.
    /// - Throws: `OperatorError` when the value is of another kind.
    public mutating func flag(_ key: String, default fallback: Bool) throws(OperatorError) -> Bool {
        switch value(key) {
        case nil: return fallback
        case .flag(let flag)?: return flag
        case let other?: throw OperatorError(name, key: key, "must be true or false, found \(other.kindName)")
        }
    }

    /// Text.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - allowed: The texts that are allowed; nil for any.
    /// - Returns: nil when the key is missing.
    /// - Throws: `OperatorError` when the value is of another kind or not allowed.
    public mutating func text(_ key: String, oneOf allowed: [String]? = nil) throws(OperatorError) -> String?
    {
        switch value(key) {
        case nil: return nil
        case .text(let text)?:
            guard allowed?.contains(text) ?? true else {
                throw OperatorError(
                    name,
                    key: key,
                    "'\(text)' is not known; known are \((allowed ?? []).joined(separator: ", "))"
                )
            }
            return text
        case let other?: throw OperatorError(name, key: key, "must be text, found \(other.kindName)")
        }
    }

    /// A list of texts; a single text counts as a list of one.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - allowed: The texts that are allowed; nil for any.
    /// - Returns: nil when the key is missing.
    /// - Throws: `OperatorError` when the value is of another kind or holds a text that is not allowed.
    public mutating func list(
        _ key: String,
        oneOf allowed: [String]? = nil
    ) throws(OperatorError) -> [String]? {
        let list: [String]
        switch value(key) {
        case nil: return nil
        case .list(let texts)?: list = texts
        case .text(let text)?: list = [text]
        case let other?: throw OperatorError(name, key: key, "must be a list, found \(other.kindName)")
        }
        if let allowed, let wrong = list.first(where: { !allowed.contains($0) }) {
            throw OperatorError(
                name,
                key: key,
                "'\(wrong)' is not known; known are \(allowed.joined(separator: ", "))"
            )
        }
        return list
    }

    /// Checks that no key was left over.
    ///
    /// - Throws: `OperatorError` that names the first key nobody asked for and those that exist.
    public func finish() throws(OperatorError) {
        guard let wrong = values.keys.filter({ !asked.contains($0) }).min() else { return }
        let known =
            asked.isEmpty ? "it has no settings" : "known are \(asked.sorted().joined(separator: ", "))"
        throw OperatorError(name, key: wrong, "there is no such key; \(known)")
    }

    private mutating func value(_ key: String) -> OperatorValue? {
        asked.insert(key)
        return values[key]
    }
}

/// One entry of the catalogue: how a recipe makes an operator.
public struct OperatorEntry: Sendable {
    /// The operator's name in recipes.
    public let name: String
    /// What it does, in one line, with its keys.
    public let summary: String
    let make: @Sendable (inout OperatorParameters) throws -> any TextOperator

    /// An entry.
    ///
    /// - Parameters:
    ///   - name: The operator's name in recipes.
    ///   - summary: What it does, in one line, with its keys.
    ///   - make: Reads the settings and makes the operator.
    public init(
        _ name: String,
        _ summary: String,
        make: @escaping @Sendable (inout OperatorParameters) throws -> any TextOperator
    ) {
        (self.name, self.summary, self.make) = (name, summary, make)
    }
}

/// Every operator that a recipe can name.
public enum OperatorCatalog {
    /// The entries, in the order in which help shows them.
    public static let entries: [OperatorEntry] =
        normalizationEntries + cleaningEntries + qualityEntries + corpusEntries + segmentationEntries

    /// Makes an operator.
    ///
    /// - Parameters:
    ///   - name: Its name in recipes.
    ///   - values: Its settings.
    /// - Returns: The operator.
    /// - Throws: `OperatorError` that names the operator and key; whatever reading a file of the settings throws.
    public static func make(
        _ name: String,
        _ values: [String: OperatorValue] = [:]
    ) throws -> any TextOperator {
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw OperatorError(
                name,
                "there is no such operator; known are \(entries.map(\.name).joined(separator: ", "))"
            )
        }
        var parameters = OperatorParameters(name: name, values)
        let step = try entry.make(&parameters)
        try parameters.finish()
        return step
    }

    private static let normalizationEntries = [
        OperatorEntry("unicode_normalization", "Unicode normal form (form: nfc, nfd, nfkc, nfkd)") {
            parameters in
            let forms = NormalizationForm.allCases.map(\.rawValue)
            let form = try parameters.text("form", oneOf: forms).flatMap(NormalizationForm.init(rawValue:))
            return UnicodeNormalization(form ?? .nfc)
        },
        OperatorEntry("newline_normalization", "line ends as line feeds (unicode_separators: true)") {
            parameters in
            NewlineNormalization(
                includesUnicodeSeparators: try parameters.flag("unicode_separators", default: true)
            )
        },
        OperatorEntry("control_character_removal", "removes control characters (invisible: false)") {
            parameters in
            ControlCharacterRemoval(includesInvisible: try parameters.flag("invisible", default: false))
        },
        OperatorEntry("min_length", "drops short documents (scalars: 1)") { parameters in
            MinimumLength(scalars: try parameters.integer("scalars", default: 1, in: 0...1_000_000_000))
        },
    ]
}
