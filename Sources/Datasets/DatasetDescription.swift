import YuyanFileFormats
import YuyanTextProcessing

/// What a prepared data set holds and what made it: the content of `dataset.json`.
public struct DatasetDescription: Sendable, Equatable {
    /// The counts of one side of the split.
    public struct Part: Sendable, Equatable {
        /// The number of documents.
        public var documents = 0
        /// The number of tokens, the ends of texts included.
        public var tokens = 0
        /// The number of bytes of UTF-8 text after cleaning; the divisor of bits per byte.
        public var bytes = 0
        /// The number of Unicode scalars after cleaning.
        public var characters = 0
        /// The SHA-256 of the file of tokens.
        public var sha256 = ""

        /// Creates a part of nothing.
        public init() {}
    }

    /// How documents were divided.
    public enum SplitMethod: String, Sendable, CaseIterable {
        /// Each document by a hash of its text and the seed.
        case documentHash = "document-hash"
        /// The corpus is a single document: its beginning trains, its end validates.
        case tailOfOnlyDocument = "tail-of-only-document"
        /// Each document by a hash of its key and the seed.
        case keyHash = "key-hash"
        /// By chance, to the document.
        case random
        /// The latest documents validate.
        case time
        /// Validation files were named.
        case givenFiles = "given-files"
        /// There is no validation part.
        case none
    }

    /// One file that was read.
    public struct Source: Sendable, Equatable {
        /// The file as it was named.
        public let path: String
        /// Its size as stored, in bytes.
        public let byteCount: Int
        /// The SHA-256 of the stored bytes.
        public let sha256: String
        /// Whether it was named for validation.
        public let isValidation: Bool
    }

    /// The part of the tokens to learn from that a source with a weight of its own gave.
    public struct MixtureShare: Sendable, Equatable {
        /// The source as it was named.
        public let path: String
        /// How many times an epoch goes through it.
        public let weight: Double
        /// Its tokens, ends of texts included; the sources' tokens stand one after another.
        public let tokens: Int
    }

    /// What became of the documents.
    public struct DocumentCounts: Sendable, Equatable {
        /// Documents read.
        public var read = 0
        /// Documents in the shards.
        public var kept = 0
        /// Documents without text after cleaning.
        public var empty = 0
        /// Documents equal to an earlier one.
        public var duplicates = 0
        /// Documents nearly equal to another one that was kept.
        public var nearDuplicates = 0
        /// Documents that an operator dropped.
        public var dropped = 0
        /// Documents left out because they are not valid UTF-8.
        public var invalid = 0
    }

    /// A fingerprint of everything that was asked for: equal ones make equal shards.
    public var configuration = ""
    /// The SHA-256 of the tokenizer's document.
    public var tokenizerFingerprint = ""
    /// The number of entries V of the tokenizer's vocabulary.
    public var vocabularySize = 0
    /// The token that ends every document, if there is one.
    public var endOfText: Int32?
    /// The bytes of one token.
    public var width = TokenWidth.uint16
    /// How documents were divided.
    public var splitMethod = SplitMethod.none
    /// The share of documents (or of the only document's bytes) meant for validation.
    public var validationFraction = 0.0
    /// The seed of the split.
    public var seed: UInt64 = 0
    /// The part to learn from.
    public var train = Part()
    /// The part to judge by, if there is one.
    public var validation: Part?
    /// What became of the documents.
    public var documents = DocumentCounts()
    /// Lengths and scripts of the documents in the shards.
    public var statistics = CorpusStatistics()
    /// What each operator did.
    public var operators: [OperatorTally] = []
    /// The operators with their settings.
    public var operatorSettings: [String] = []
    /// The files that were read.
    public var sources: [Source] = []
    /// The sources in the order of their tokens, where one has a weight; empty where all are gone through once.
    public var mixture: [MixtureShare] = []
    /// The number of files left out because they hold binary data.
    public var binaryFileCount = 0

    /// Creates a description of nothing.
    public init() {}

    /// The name of the file inside a data set's folder.
    public static let fileName = "dataset.json"
}

extension DatasetDescription {
    private static let format = "yuyan-token-dataset"
    private static let version = 2

    /// Reads the description of a prepared folder.
    ///
    /// - Parameter folder: the folder.
    /// - Throws: `FileFormatError` when the file is missing or breaks its rules.
    public init(folder: String) throws {
        let path = "\(folder)/\(Self.fileName)"
        let members = JSONMembers(try JSONValue(contentsOf: path), path: path)
        guard try members.string("format") == Self.format, try members.integer("version") == Self.version
        else {
            throw FileFormatError(
                .unsupported,
                path: path,
                at: .key("format"),
                "not a token data set of version \(Self.version); prepare the data again"
            )
        }
        configuration = try members.string("configuration")
        let tokenizer = try members.members("tokenizer")
        tokenizerFingerprint = try tokenizer.string("fingerprint")
        vocabularySize = try tokenizer.integer("vocab_size")
        if let end = try tokenizer.optionalInteger("end_of_text_id") {
            guard let small = Int32(exactly: end), small >= 0, end < vocabularySize else {
                throw tokenizer.wrong("end_of_text_id", "\(end) is no token of the vocabulary")
            }
            endOfText = small
        }
        width = try members.choice("dtype", TokenWidth.self)
        let split = try members.members("split")
        splitMethod = try split.choice("method", SplitMethod.self)
        validationFraction = try split.number("validation_fraction")
        seed = try split.unsigned("seed")
        train = try Self.part(try members.members("train"))
        if try members.has("validation") { validation = try Self.part(try members.members("validation")) }
        let counts = try members.members("documents")
        documents.read = try counts.integer("read")
        documents.kept = try counts.integer("kept")
        documents.empty = try counts.integer("empty")
        documents.duplicates = try counts.integer("duplicates")
        documents.nearDuplicates = try counts.integer("near_duplicates")
        documents.dropped = try counts.integer("dropped")
        documents.invalid = try counts.integer("invalid_utf8")
        statistics = try CorpusStatistics(try members.members("statistics"))
        for step in try members.list("operators") {
            operatorSettings.append(try step.string("signature"))
            operators.append(try OperatorTally(step))
        }
        sources = try members.list("sources").map { source in
            Source(
                path: try source.string("path"),
                byteCount: try source.integer("bytes"),
                sha256: try source.string("sha256"),
                isValidation: try source.boolean("validation")
            )
        }
        if members.names("mixture") { mixture = try members.list("mixture").map(Self.share) }
        binaryFileCount = try members.integer("binary_files_left_out")
    }

    private static func share(_ members: JSONMembers) throws -> MixtureShare {
        let weight = try members.number("weight")
        guard weight > 0, weight <= CorpusPreparer.weightLimit else {
            throw members.wrong(
                "weight",
                "\(weight) does not lie above 0 and up to \(CorpusPreparer.weightLimit)"
            )
        }
        let tokens = try members.integer("tokens")
        guard tokens <= Int(Int32.max) << 16 else { throw members.wrong("tokens", "\(tokens) are too many") }
        return MixtureShare(path: try members.string("path"), weight: weight, tokens: tokens)
    }

    private static func part(_ members: JSONMembers) throws -> Part {
        var part = Part()
        part.documents = try members.integer("documents")
        part.tokens = try members.integer("tokens")
        part.bytes = try members.integer("bytes")
        part.characters = try members.integer("characters")
        part.sha256 = try members.string("sha256")
        return part
    }

    /// The description as JSON, in a fixed order of keys.
    public var json: JSONValue {
        func part(_ part: Part) -> JSONValue {
            [
                "documents": .integer(part.documents), "tokens": .integer(part.tokens),
                "bytes": .integer(part.bytes), "characters": .integer(part.characters),
                "sha256": .string(part.sha256),
            ]
        }
        var object: JSONValue = [
            "format": .string(Self.format), "version": .integer(Self.version),
            "configuration": .string(configuration),
            "tokenizer": [
                "fingerprint": .string(tokenizerFingerprint), "vocab_size": .integer(vocabularySize),
                "end_of_text_id": endOfText.map { .integer(Int($0)) } ?? .null,
            ],
            "dtype": .string(width.rawValue),
            "split": [
                "method": .string(splitMethod.rawValue), "validation_fraction": .number(validationFraction),
                "seed": .string(String(seed)),
            ],
            "train": part(train),
            "validation": validation.map(part) ?? .null,
            "documents": [
                "read": .integer(documents.read), "kept": .integer(documents.kept),
                "empty": .integer(documents.empty), "duplicates": .integer(documents.duplicates),
                "near_duplicates": .integer(documents.nearDuplicates),
                "dropped": .integer(documents.dropped), "invalid_utf8": .integer(documents.invalid),
            ],
            "statistics": statistics.json,
            "operators": .array(zip(operatorSettings, operators).map { $1.json(signature: $0) }),
            "sources": .array(
                sources.map {
                    [
                        "path": .string($0.path), "bytes": .integer($0.byteCount),
                        "sha256": .string($0.sha256),
                        "validation": .bool($0.isValidation),
                    ]
                }
            ),
            "binary_files_left_out": .integer(binaryFileCount),
        ]
        if !mixture.isEmpty, case .object(var whole) = object {
            whole["mixture"] = .array(
                mixture.map {
                    ["path": .string($0.path), "weight": .number($0.weight), "tokens": .integer($0.tokens)]
                }
            )
            object = .object(whole)
        }
        return object
    }
}

extension OperatorTally {
    /// Reads a tally from JSON.
    init(_ members: JSONMembers) throws {
        self.init(name: try members.string("name"))
        seen = try members.integer("seen")
        changed = try members.integer("changed")
        dropped = try members.integer("dropped")
        bytesRemoved = try members.integer("bytes_removed", atLeast: Int.min)
        for reason in try members.list("reasons") {
            reasons[try reason.string("reason")] = try reason.integer("count")
        }
        examples = try members.list("examples").map { example in
            OperatorExample(
                before: try example.string("before"),
                after: try example.optionalString("after"),
                reason: try example.optionalString("reason")
            )
        }
    }

    /// The tally as JSON.
    func json(signature: String) -> JSONValue {
        [
            "name": .string(name), "signature": .string(signature), "seen": .integer(seen),
            "changed": .integer(changed), "dropped": .integer(dropped),
            "bytes_removed": .integer(bytesRemoved),
            "reasons": .array(
                reasons.sorted { $0.key < $1.key }.map {
                    ["reason": .string($0.key), "count": .integer($0.value)]
                }
            ),
            "examples": .array(
                examples.map { example in
                    [
                        "before": .string(example.before), "after": example.after.map { .string($0) } ?? nil,
                        "reason": example.reason.map { .string($0) } ?? nil,
                    ]
                }
            ),
        ]
    }
}

/// The members of a JSON object, read with errors that name file and key.
struct JSONMembers {
    private let object: JSONObject?
    private let kind: String
    private let path: String
    private let prefix: String

    init(_ value: JSONValue, path: String, prefix: String = "") {
        object = value.objectValue
        kind = value.kindName
        self.path = path
        self.prefix = prefix
    }

    func wrong(_ key: String, _ message: String) -> FileFormatError {
        FileFormatError(.mismatch, path: path, at: .key(prefix + key), message)
    }

    private func value(_ key: String) throws -> JSONValue {
        guard let object else { throw wrong(key, "\(kind) stands where an object must hold '\(key)'") }
        guard let value = object[key] else {
            throw FileFormatError(.missing, path: path, at: .key(prefix + key), "the key is missing")
        }
        return value
    }

    /// Whether the key is there at all.
    func names(_ key: String) -> Bool { object?[key] != nil }

    func has(_ key: String) throws -> Bool { try !value(key).isNull }

    func string(_ key: String) throws -> String {
        let found = try value(key)
        guard let text = found.stringValue else {
            throw wrong(key, "a string is needed, not \(found.kindName)")
        }
        return text
    }

    func optionalString(_ key: String) throws -> String? { try has(key) ? string(key) : nil }

    func boolean(_ key: String) throws -> Bool {
        let found = try value(key)
        guard let truth = found.boolValue else {
            throw wrong(key, "true or false is needed, not \(found.kindName)")
        }
        return truth
    }

    func integer(_ key: String, atLeast least: Int = 0) throws -> Int {
        let found = try value(key)
        guard let number = found.integerValue, number >= least else {
            throw wrong(key, "a whole number of at least \(least) is needed")
        }
        return number
    }

    func optionalInteger(_ key: String) throws -> Int? { try has(key) ? integer(key) : nil }

    func unsigned(_ key: String) throws -> UInt64 {
        let text = try string(key)
        guard let number = UInt64(text) else { throw wrong(key, "'\(text)' is no whole number") }
        return number
    }

    func number(_ key: String) throws -> Double {
        let found = try value(key)
        guard let number = found.numberValue else {
            throw wrong(key, "a number is needed, not \(found.kindName)")
        }
        return number
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _ type: Choice.Type) throws -> Choice
    where Choice.RawValue == String {
        let text = try string(key)
        guard let found = Choice(rawValue: text) else {
            let known = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw wrong(key, "'\(text)' is not one of \(known)")
        }
        return found
    }

    func members(_ key: String) throws -> JSONMembers {
        let found = try value(key)
        guard found.objectValue != nil else { throw wrong(key, "an object is needed, not \(found.kindName)") }
        return JSONMembers(found, path: path, prefix: "\(prefix)\(key).")
    }

    func list(_ key: String) throws -> [JSONMembers] {
        let found = try value(key)
        guard let values = found.arrayValue else {
            throw wrong(key, "a list is needed, not \(found.kindName)")
        }
        return values.enumerated().map { JSONMembers($1, path: path, prefix: "\(prefix)\(key)[\($0)].") }
    }
}
