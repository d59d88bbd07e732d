import YuyanFileFormats

/// A field that a kind of example is made of.
public struct ExampleRole: Sendable, Hashable {
    /// The name under which settings map a column to it.
    public let name: String
    /// Whether every row needs it.
    public let isRequired: Bool

    /// Makes a role.
    ///
    /// - Parameters:
    ///   - name: the name.
    ///   - isRequired: whether every row needs it.
    public init(_ name: String, isRequired: Bool = true) {
        self.name = name
        self.isRequired = isRequired
    }
}

/// A typed example that rows of a data set are made into.
public protocol DatasetExample: Sendable, Hashable {
    /// The fields an example is made of.
    static var roles: [ExampleRole] { get }
    /// Whether examples keep the values of `DataSettings.furtherRoles`.
    static var takesFurtherRoles: Bool { get }
    /// The key under which the records of a JSON object stand, where a format prescribes one.
    static var recordsKey: String? { get }
    /// The column of a role where settings name none.
    ///
    /// - Parameters:
    ///   - role: the name of a role.
    ///   - format: the format of the file.
    /// - Returns: the column.
    static func usualColumn(_ role: String, in format: DataFormat) -> ColumnReference
    /// Makes the examples of a record.
    ///
    /// - Parameters:
    ///   - record: a row whose fields are the roles.
    ///   - settings: how the data set is read.
    /// - Returns: the examples of the row, mostly one, each with its error where it alone is malformed.
    /// - Throws: `FileFormatError` when the row is malformed.
    static func examples(
        from record: Record,
        settings: DataSettings
    ) throws(FileFormatError) -> [Result<Self, FileFormatError>]
    /// The texts that lengths, duplicates and leaks are judged by.
    var texts: [String] { get }
    /// What the balance of the data set is judged by: labels, tags or roles.
    var labels: [String] { get }
    /// What the shares of a stratified split are of; nil when examples have no such thing.
    var stratum: String? { get }
    /// What must not stand on both sides of a split, such as the article that several questions are about; nil when an
    /// example stands alone.
    var splitGroup: String? { get }
}

extension DatasetExample {
    /// No.
    public static var takesFurtherRoles: Bool { false }

    /// No key.
    public static var recordsKey: String? { nil }

    /// The column of the role's own name.
    ///
    /// - Parameters:
    ///   - role: the name of a role.
    ///   - format: the format of the file.
    /// - Returns: the column.
    public static func usualColumn(_ role: String, in format: DataFormat) -> ColumnReference { .name(role) }

    /// No labels.
    public var labels: [String] { [] }
    /// The first label.
    public var stratum: String? { labels.first }
    /// None.
    public var splitGroup: String? { nil }

    static func label(_ text: String, _ settings: DataSettings) throws(FileFormatError) -> String {
        guard !text.isEmpty else {
            throw FileFormatError(.malformed, at: .key("label"), "the label is empty")
        }
        if settings.labelMap.isEmpty { return text }
        if let name = settings.labelMap[text] { return name }
        let known = settings.labelMap.keys.sorted().prefix(20)
        throw FileFormatError(
            .mismatch,
            at: .key("label"),
            "'\(shortened(text))' is not in label_map, which has \(known.map { "'\($0)'" }.joined(separator: ", "))"
        )
    }
}

/// A text to learn from or to judge.
public struct TextExample: DatasetExample {
    /// The text.
    public let text: String

    /// Makes an example.
    ///
    /// - Parameter text: the text.
    public init(text: String) { self.text = text }

    /// One field, `text`.
    public static var roles: [ExampleRole] { [ExampleRole("text")] }
    /// The text.
    public var texts: [String] { [text] }

    /// Makes the example of a row; lines of a list are joined by line feeds.
    ///
    /// - Parameters:
    ///   - record: a row.
    ///   - settings: how the data set is read.
    /// - Returns: one example.
    /// - Throws: `FileFormatError` when there is no text.
    public static func examples(
        from record: Record,
        settings: DataSettings
    ) throws(FileFormatError) -> [Result<TextExample, FileFormatError>] {
        if case .list(let lines)? = record["text"] {
            return [.success(TextExample(text: lines.joined(separator: "\n")))]
        }
        return [.success(TextExample(text: try record.requiredText("text")))]
    }
}

/// A text, or a pair of texts, with its labels.
public struct ClassificationExample: DatasetExample {
    /// The text.
    public let text: String
    /// The second text of tasks on pairs.
    public let textPair: String?
    /// The labels; none where the data set may have several of a text, and this text has none.
    public let labels: [String]

    /// Makes an example.
    ///
    /// - Parameters:
    ///   - text: the text.
    ///   - textPair: the second text of tasks on pairs.
    ///   - labels: the labels.
    public init(text: String, textPair: String? = nil, labels: [String]) {
        (self.text, self.textPair, self.labels) = (text, textPair, labels)
    }

    /// `text`, `label` and, where there is one, `text_pair`.
    public static var roles: [ExampleRole] {
        [ExampleRole("text"), ExampleRole("text_pair", isRequired: false), ExampleRole("label")]
    }
    /// Both texts.
    public var texts: [String] { [text] + (textPair.map { [$0] } ?? []) }
    /// The first label; texts without any are a stratum, too.
    public var stratum: String? { labels.first ?? "" }

    /// Makes the example of a row.
    ///
    /// - Parameters:
    ///   - record: a row.
    ///   - settings: how the data set is read: `labelMap`, `labelSeparator` and `multiLabel`.
    /// - Returns: one example.
    /// - Throws: `FileFormatError` when the text or label is missing; an empty cell or list is no missing label where
    ///   there may be several.
    public static func examples(
        from record: Record,
        settings: DataSettings
    ) throws(FileFormatError) -> [Result<ClassificationExample, FileFormatError>] {
        let separator = settings.labelSeparator
        guard var found = try record.list("label", separator: separator, keepsBlanks: false) else {
            throw record.missing("label")
        }
        if settings.allowsSeveralLabels, case .text("")? = record["label"] { found = [] }
        guard !found.isEmpty || settings.allowsSeveralLabels else {
            throw FileFormatError(
                .malformed,
                at: .key("label"),
                "there is no label; multi_label: true allows any number"
            )
        }
        var labels: [String] = []
        for text in found { labels.append(try label(text, settings)) }
        let (text, pair) = (try record.requiredText("text"), try record.text("text_pair"))
        return [.success(ClassificationExample(text: text, textPair: pair, labels: labels))]
    }
}

/// A sentence of tokens with a tag each.
public struct TaggingExample: DatasetExample {
    /// The tokens.
    public let tokens: [String]
    /// As many tags.
    public let tags: [String]
    /// The values of further columns, as many in each, in the order of `DataSettings.furtherRoles`.
    public let columns: [[String]]

    /// Makes an example.
    ///
    /// Traps when the counts differ.
    ///
    /// - Parameters:
    ///   - tokens: the tokens.
    ///   - tags: as many tags.
    ///   - columns: the values of further columns, as many in each.
    public init(tokens: [String], tags: [String], columns: [[String]] = []) {
        require(tokens.count == tags.count, "TaggingExample: \(tokens.count) tokens for \(tags.count) tags")
        require(
            columns.allSatisfy { $0.count == tokens.count },
            "TaggingExample: \(tokens.count) tokens for columns of \(columns.map(\.count)) values"
        )
        (self.tokens, self.tags, self.columns) = (tokens, tags, columns)
    }

    /// `tokens` and `tags`.
    public static var roles: [ExampleRole] { [ExampleRole("tokens"), ExampleRole("tags")] }
    /// Yes.
    public static var takesFurtherRoles: Bool { true }
    /// The tokens with spaces between them.
    public var texts: [String] { [tokens.joined(separator: " ")] }
    /// The tags.
    public var labels: [String] { tags }

    /// The first and last column of CoNLL, `form` and `upos` of CoNLL-U.
    ///
    /// - Parameters:
    ///   - role: the name of a role.
    ///   - format: the format of the file.
    /// - Returns: the column.
    public static func usualColumn(_ role: String, in format: DataFormat) -> ColumnReference {
        switch (format, role) {
        case (.conll, "tokens"): .number(0)
        case (.conll, "tags"): .number(-1)
        case (.conllu, "tokens"): .name("form")
        case (.conllu, "tags"): .name("upos")
        default: .name(role)
        }
    }

    /// Makes the example of a row and holds its tags to the scheme.
    ///
    /// - Parameters:
    ///   - record: a row.
    ///   - settings: how the data set is read: `listSeparator`, `labelMap`, `tagScheme`, `convertTags`, `furtherRoles`.
    /// - Returns: one example.
    /// - Throws: `FileFormatError` when counts differ or a tag breaks the scheme.
    public static func examples(
        from record: Record,
        settings: DataSettings
    ) throws(FileFormatError) -> [Result<TaggingExample, FileFormatError>] {
        guard let tokens = try record.list("tokens", separator: settings.listSeparator) else {
            throw record.missing("tokens")
        }
        guard var tags = try record.list("tags", separator: settings.listSeparator) else {
            throw record.missing("tags")
        }
        guard tokens.count == tags.count else {
            throw FileFormatError(
                .mismatch,
                "\(tokens.count) tokens for \(tags.count) tags; each token needs one"
            )
        }
        if !settings.labelMap.isEmpty {
            for place in tags.indices { tags[place] = try label(tags[place], settings) }
        }
        if let scheme = settings.tagScheme ?? (settings.convertTags == nil ? nil : .bio) {
            let spans = try scheme.spans(tags)
            if let wanted = settings.convertTags { tags = wanted.tags(spans, count: tags.count) }
        }
        var columns: [[String]] = []
        for role in settings.furtherRoles {
            guard let values = try record.list(role, separator: settings.listSeparator) else {
                throw record.missing(role)
            }
            guard values.count == tokens.count else {
                throw FileFormatError(
                    .mismatch,
                    at: .key(role),
                    "\(values.count) values for \(tokens.count) tokens; each token needs one"
                )
            }
            columns.append(values)
        }
        return [.success(TaggingExample(tokens: tokens, tags: tags, columns: columns))]
    }
}

/// Two texts: source and target of translation or summarisation, or two texts with a score of their likeness.
public struct PairExample: DatasetExample {
    /// The first text.
    public let source: String
    /// The second text.
    public let target: String
    /// How well they match, where the data set says so.
    public let score: Double?

    /// Makes an example.
    ///
    /// - Parameters:
    ///   - source: the first text.
    ///   - target: the second text.
    ///   - score: how well they match.
    public init(source: String, target: String, score: Double? = nil) {
        (self.source, self.target, self.score) = (source, target, score)
    }

    /// `source`, `target` and, where there is one, `score`.
    public static var roles: [ExampleRole] {
        [ExampleRole("source"), ExampleRole("target"), ExampleRole("score", isRequired: false)]
    }
    /// Both texts.
    public var texts: [String] { [source, target] }

    /// Makes the example of a row.
    ///
    /// - Parameters:
    ///   - record: a row.
    ///   - settings: how the data set is read.
    /// - Returns: one example.
    /// - Throws: `FileFormatError` when a text is missing or the score is no number.
    public static func examples(
        from record: Record,
        settings: DataSettings
    ) throws(FileFormatError) -> [Result<PairExample, FileFormatError>] {
        let (source, target) = (try record.requiredText("source"), try record.requiredText("target"))
        return [.success(PairExample(source: source, target: target, score: try record.number("score")))]
    }
}

/// A sentence with its predicates and the roles of their arguments.
public struct SemanticRoleExample: DatasetExample {
    /// A predicate of the sentence.
    public struct Predicate: Sendable, Hashable {
        /// The token, counted from 0.
        public let token: Int
        /// The roleset, such as `come.03`.
        public let sense: String
        /// The role of every token, `_` for none.
        public let roles: [String]

        /// Makes a predicate.
        ///
        /// - Parameters:
        ///   - token: the token, counted from 0.
        ///   - sense: the roleset.
        ///   - roles: the role of every token, `_` for none.
        public init(token: Int, sense: String, roles: [String]) {
            (self.token, self.sense, self.roles) = (token, sense, roles)
        }
    }

    /// The tokens.
    public let tokens: [String]
    /// The predicates in the order of their tokens.
    public let predicates: [Predicate]

    /// Makes an example.
    ///
    /// - Parameters:
    ///   - tokens: the tokens.
    ///   - predicates: the predicates in the order of their tokens.
    public init(tokens: [String], predicates: [Predicate]) {
        (self.tokens, self.predicates) = (tokens, predicates)
    }

    /// `tokens`, `predicates` (a roleset or `_` per token) and `arguments` (a list of roles per predicate).
    public static var roles: [ExampleRole] {
        [ExampleRole("tokens"), ExampleRole("predicates"), ExampleRole("arguments")]
    }
    /// The tokens with spaces between them.
    public var texts: [String] { [tokens.joined(separator: " ")] }
    /// The roles of all arguments.
    public var labels: [String] { predicates.flatMap(\.roles).filter { $0 != "_" } }

    /// The column `form` of CoNLL-U for the tokens.
    ///
    /// - Parameters:
    ///   - role: the name of a role.
    ///   - format: the format of the file.
    /// - Returns: the column.
    public static func usualColumn(_ role: String, in format: DataFormat) -> ColumnReference {
        format == .conllu && role == "tokens" ? .name("form") : .name(role)
    }

    /// Makes the example of a row.
    ///
    /// - Parameters:
    ///   - record: a row.
    ///   - settings: how the data set is read: `listSeparator`.
    /// - Returns: one example.
    /// - Throws: `FileFormatError` when counts differ.
    public static func examples(
        from record: Record,
        settings: DataSettings
    ) throws(FileFormatError) -> [Result<SemanticRoleExample, FileFormatError>] {
        guard let tokens = try record.list("tokens", separator: settings.listSeparator) else {
            throw record.missing("tokens")
        }
        guard let senses = try record.list("predicates", separator: settings.listSeparator) else {
            throw record.missing("predicates")
        }
        guard senses.count == tokens.count else {
            throw FileFormatError(
                .mismatch,
                "\(tokens.count) tokens for \(senses.count) places of predicates"
            )
        }
        let places = senses.indices.filter { senses[$0] != "_" && !senses[$0].isEmpty }
        let lists: [JSONValue]
        switch record["arguments"] {
        case .json(.array(let found))?: lists = found
        case .list(let found)? where found.isEmpty: lists = []
        default:
            throw FileFormatError(.mismatch, at: .key("arguments"), "a list of roles per predicate is needed")
        }
        guard lists.count == places.count else {
            throw FileFormatError(
                .mismatch,
                "\(places.count) predicates for \(lists.count) lists of arguments"
            )
        }
        var predicates: [Predicate] = []
        for (place, list) in zip(places, lists) {
            let roles = (list.arrayValue ?? []).compactMap(\.stringValue)
            guard roles.count == tokens.count else {
                throw FileFormatError(
                    .mismatch,
                    at: .key("arguments"),
                    "each predicate needs \(tokens.count) roles, one per token"
                )
            }
            predicates.append(Predicate(token: place, sense: senses[place], roles: roles))
        }
        return [.success(SemanticRoleExample(tokens: tokens, predicates: predicates))]
    }
}
