import YuyanFileFormats

/// How a file holds labelled or structured rows.
public enum DataFormat: String, Sendable, Hashable, CaseIterable {
    /// Every line is a text, in the field `text`.
    case lines
    /// Every line is a JSON object.
    case jsonl
    /// A JSON array of objects, objects one after another, or an object with such an array under `records_key`.
    case json
    /// Comma-separated values (RFC 4180).
    case csv
    /// Tab-separated values; quotation marks are ordinary characters unless `quoting` is on.
    case tsv
    /// fastText: words that begin with `__label__` are labels, the rest is the text.
    case fasttext
    /// CoNLL: a token and its columns on each line, a blank line after each sentence.
    case conll
    /// CoNLL-U, also with further columns of predicates and arguments as Universal Propositions has them.
    case conllu

    /// The format that a file name tells; `.gz` is not counted.
    ///
    /// - Parameter path: the file's name.
    public init(path: String) {
        let name = path.lowercased()
        let bare = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
        let ending = bare.split(separator: ".", omittingEmptySubsequences: false).last ?? ""
        switch ending {
        case "jsonl", "ndjson": self = .jsonl
        case "json": self = .json
        case "csv": self = .csv
        case "tsv", "tab": self = .tsv
        case "conll", "bio", "iob", "bioes", "bilou": self = .conll
        case "conllu", "conllup": self = .conllu
        case "ft", "fasttext": self = .fasttext
        default: self = .lines
        }
    }

    /// Whether rows are split into columns by a delimiter.
    var isTable: Bool { self == .csv || self == .tsv }
}

/// A column by its name in the header (or key of a JSON object), or by its number.
public enum ColumnReference: Sendable, Hashable, CustomStringConvertible {
    /// A name.
    case name(String)
    /// A number from 0; negative numbers count from the last column, which is -1.
    case number(Int)

    /// The reference as a recipe writes it.
    public var description: String {
        switch self {
        case .name(let name): name
        case .number(let number): String(number)
        }
    }

    /// The place in a list of so many columns, or nil outside.
    func place(in count: Int) -> Int? {
        guard case .number(let number) = self else { return nil }
        let place = number < 0 ? count + number : number
        return (0..<count).contains(place) ? place : nil
    }
}

/// What to do with a row that breaks the rules of its format or task.
public enum MalformedRowPolicy: String, Sendable, Hashable, CaseIterable {
    /// Stop with an error.
    case refuse
    /// Count it, report the first ones, and go on.
    case skip
}

/// What to do with a row of a table that has more or fewer columns than the header or first row.
public enum RaggedRowPolicy: String, Sendable, Hashable, CaseIterable {
    /// It is malformed.
    case refuse
    /// Missing columns have no value; further ones are passed over.
    case pad
}

/// How to read a data set: what a recipe says under `data`, apart from the files.
public struct DataSettings: Sendable, Hashable {
    /// The format; nil tells it by each file's name.
    public var format: DataFormat?
    /// Which column holds which role, such as `text` or `label`; roles not named here are columns of their own name.
    public var columns: [String: ColumnReference] = [:]
    /// Roles beside those of the examples whose values tagged sentences keep, such as `pos`: what a task asks for; not a
    /// key of recipes.
    public var furtherRoles: [String] = []
    /// Names for the labels as they stand in the file.
    public var labelMap: [String: String] = [:]
    /// Whether the first row of a table names its columns.
    public var header = true
    /// The character between columns, one byte; nil takes the comma of CSV and the tab of TSV, and for CoNLL a tab
    /// where the line has one and white space otherwise.
    public var delimiter: UInt8?
    /// Whether columns may be in double quotes; nil means yes for CSV and no for TSV.
    public var quoting: Bool?
    /// What happens to malformed rows.
    public var onError = MalformedRowPolicy.refuse
    /// What happens to rows of another width.
    public var raggedRows = RaggedRowPolicy.refuse
    /// The key of a JSON object under which the records stand, such as `data` in SQuAD.
    public var recordsKey: String?
    /// What stands between several labels in one text; nil means there is one label.
    public var labelSeparator: String?
    /// Whether a text may have any number of labels, none among them.
    public var multiLabel = false
    /// What stands between tokens, or tags, in one text.
    public var listSeparator = " "
    /// The scheme that the tags are held to; nil leaves them unchecked.
    public var tagScheme: TagScheme?
    /// The scheme that the tags are turned into; nil leaves them.
    public var convertTags: TagScheme?
    /// What every token of a CoNLL file begins with and that is no part of it, such as `en:`.
    public var tokenPrefix: String?
    /// Whether tokens of a CoNLL file end in a number that is no part of them: their place in the word, from 0.
    public var tokenIndex = false
    /// Whether lines of a CoNLL file that begin with `#` are comments; nil means those without a tab, before the
    /// first token of a sentence.
    public var comments: Bool?
    /// Whether an answer that does not stand where its `answer_start` says is malformed; otherwise it is kept,
    /// without a place.
    public var answersMustMatch = true
    /// The longest record, in bytes.
    public var maximumRecordBytes = 64 << 20
    /// How many malformed rows are reported in full.
    public var reportedErrors = 20

    /// The usual settings.
    public init() {}

    /// Whether a text may have any number of labels: `multiLabel` is on, or a separator of labels is named.
    public var allowsSeveralLabels: Bool { multiLabel || labelSeparator != nil }

    /// The delimiter and quoting of a table in a format.
    func tableRules(_ format: DataFormat) -> (delimiter: UInt8, quoting: Bool) {
        (delimiter ?? (format == .csv ? 0x2C : 0x09), quoting ?? (format == .csv))
    }
}

extension DataSettings {
    private enum Field: Sendable {
        case flag(any WritableKeyPath<DataSettings, Bool> & Sendable)
        case optionalFlag(any WritableKeyPath<DataSettings, Bool?> & Sendable)
        case text(any WritableKeyPath<DataSettings, String> & Sendable)
        case optionalText(any WritableKeyPath<DataSettings, String?> & Sendable)
        case count(any WritableKeyPath<DataSettings, Int> & Sendable)
    }

    private static let fields: [(key: String, field: Field)] = [
        ("header", .flag(\.header)), ("quoting", .optionalFlag(\.quoting)),
        ("records_key", .optionalText(\.recordsKey)), ("label_separator", .optionalText(\.labelSeparator)),
        ("list_separator", .text(\.listSeparator)), ("token_prefix", .optionalText(\.tokenPrefix)),
        ("token_index", .flag(\.tokenIndex)), ("comments", .optionalFlag(\.comments)),
        ("multi_label", .flag(\.multiLabel)), ("answers_must_match", .flag(\.answersMustMatch)),
        ("maximum_record_bytes", .count(\.maximumRecordBytes)), ("reported_errors", .count(\.reportedErrors)),
    ]
    /// The keys of settings, as a recipe has them.
    public static var keys: [String] { otherKeys + fields.map(\.key) }

    private static let otherKeys = [
        "format", "columns", "label_map", "delimiter", "on_error", "ragged_rows", "tag_scheme",
        "convert_tags",
    ]

    /// Reads settings as a recipe has them; keys that are not there keep their usual values.
    ///
    /// - Parameters:
    ///   - object: the keys and values.
    ///   - path: the file they came from, for errors.
    /// - Throws: `FileFormatError` naming an unknown key (and the nearest known one) or a wrong value.
    public init(_ object: JSONObject, path: String? = nil) throws(FileFormatError) {
        self.init()
        try apply(object, path: path)
    }

    /// Takes over settings as a recipe has them; keys that are not there, or null, stay as they are, and columns or
    /// labels that are null are not named.
    ///
    /// - Parameters:
    ///   - object: the keys and values.
    ///   - path: the file they came from, for errors.
    /// - Throws: `FileFormatError` naming an unknown key (and the nearest known one) or a wrong value.
    public mutating func apply(_ object: JSONObject, path: String? = nil) throws(FileFormatError) {
        for (key, value) in object where !value.isNull {
            func wrong(_ needed: String) -> FileFormatError {
                FileFormatError(
                    .mismatch,
                    path: path,
                    at: .key(key),
                    "\(needed) is needed, not \(shortened(value.printed(indent: nil)))"
                )
            }
            func choice<Choice: RawRepresentable & CaseIterable>(
                _ type: Choice.Type
            ) throws(FileFormatError) -> Choice where Choice.RawValue == String {
                if let text = value.stringValue, let found = Choice(rawValue: text) { return found }
                throw wrong("one of \(Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", "))")
            }
            switch key {
            case "format": format = try choice(DataFormat.self)
            case "on_error": onError = try choice(MalformedRowPolicy.self)
            case "ragged_rows": raggedRows = try choice(RaggedRowPolicy.self)
            case "tag_scheme": tagScheme = try choice(TagScheme.self)
            case "convert_tags": convertTags = try choice(TagScheme.self)
            case "delimiter":
                guard let text = value.stringValue, let byte = Self.delimiterByte(text) else {
                    throw wrong("one ASCII character or 'tab', 'space', 'comma'")
                }
                delimiter = byte
            case "columns":
                guard let members = value.objectValue, let found = Self.references(members) else {
                    throw wrong("an object of roles with a column's name or number each")
                }
                columns = found
            case "label_map":
                guard let members = value.objectValue, let found = Self.texts(members) else {
                    throw wrong("an object of labels with a name each")
                }
                labelMap = found
            default:
                guard let field = Self.fields.first(where: { $0.key == key })?.field else {
                    let known = Self.fields.map(\.key) + Self.otherKeys
                    let near = NameSuggestion.words(for: key, among: known)
                    throw FileFormatError(.unsupported, path: path, at: .key(key), "unknown key\(near)")
                }
                if let needed = assign(field, value) { throw wrong(needed) }
            }
        }
    }

    /// Takes a setting back: what has no value of its own has none, and no columns or labels are named.
    ///
    /// - Parameter key: The key.
    /// - Returns: Whether it can be without a value.
    @discardableResult
    public mutating func reset(_ key: String) -> Bool {
        switch key {
        case "format": format = nil
        case "columns": columns = [:]
        case "label_map": labelMap = [:]
        case "delimiter": delimiter = nil
        case "tag_scheme": tagScheme = nil
        case "convert_tags": convertTags = nil
        default:
            switch Self.fields.first(where: { $0.key == key })?.field {
            case .optionalFlag(let path): self[keyPath: path] = nil
            case .optionalText(let path): self[keyPath: path] = nil
            default: return false
            }
        }
        return true
    }

    /// Takes a value in; what is needed instead when it is of another kind.
    private mutating func assign(_ field: Field, _ value: JSONValue) -> String? {
        switch field {
        case .flag(let path):
            guard let flag = value.boolValue else { return "true or false" }
            self[keyPath: path] = flag
        case .optionalFlag(let path):
            guard let flag = value.boolValue else { return "true or false" }
            self[keyPath: path] = flag
        case .text(let path):
            guard let text = value.stringValue else { return "a text" }
            self[keyPath: path] = text
        case .optionalText(let path):
            guard let text = value.stringValue else { return "a text" }
            self[keyPath: path] = text
        case .count(let path):
            guard let count = value.integerValue, count >= 1 else { return "a whole number of at least 1" }
            self[keyPath: path] = count
        }
        return nil
    }

    private static func delimiterByte(_ text: String) -> UInt8? {
        if let byte = ["tab": UInt8(9), "space": 32, "comma": 44][text] { return byte }
        guard text.utf8.count == 1, let byte = text.utf8.first else { return nil }
        return byte == 0x22 || byte == 0x0A || byte == 0x0D ? nil : byte
    }

    private static func references(_ members: JSONObject) -> [String: ColumnReference]? {
        var found: [String: ColumnReference] = [:]
        for (role, value) in members {
            switch value {
            case .integer(let number): found[role] = .number(number)
            case .string(let name): found[role] = .name(name)
            case .null: continue
            default: return nil
            }
        }
        return found
    }

    private static func texts(_ members: JSONObject) -> [String: String]? {
        var found: [String: String] = [:]
        for (label, value) in members {
            switch value {
            case .string(let name): found[label] = name
            case .integer(let number): found[label] = String(number)
            case .null: continue
            default: return nil
            }
        }
        return found
    }

    /// The settings as a recipe would write them, every key included: what a fingerprint covers.
    public var json: JSONValue {
        var object = JSONObject()
        object.append("format", format.map { .string($0.rawValue) } ?? .null)
        var roles = JSONObject()
        for (role, reference) in columns.sorted(by: { $0.key < $1.key }) {
            switch reference {
            case .name(let name): roles.append(role, .string(name))
            case .number(let number): roles.append(role, .integer(number))
            }
        }
        object.append("columns", .object(roles))
        var names = JSONObject()
        for (label, name) in labelMap.sorted(by: { $0.key < $1.key }) { names.append(label, .string(name)) }
        object.append("label_map", .object(names))
        let mark = delimiter.map { JSONValue.string(String(Unicode.Scalar($0))) }
        object.append("delimiter", mark ?? .null)
        object.append("on_error", .string(onError.rawValue))
        object.append("ragged_rows", .string(raggedRows.rawValue))
        object.append("tag_scheme", tagScheme.map { .string($0.rawValue) } ?? .null)
        object.append("convert_tags", convertTags.map { .string($0.rawValue) } ?? .null)
        for (key, field) in Self.fields {
            switch field {
            case .flag(let path): object.append(key, .bool(self[keyPath: path]))
            case .optionalFlag(let path): object.append(key, self[keyPath: path].map { .bool($0) } ?? .null)
            case .text(let path): object.append(key, .string(self[keyPath: path]))
            case .optionalText(let path): object.append(key, self[keyPath: path].map { .string($0) } ?? .null)
            case .count(let path): object.append(key, .integer(self[keyPath: path]))
            }
        }
        return .object(object)
    }
}
