import YuyanFileFormats
import YuyanTextProcessing

/// Lengths, scripts and languages of a corpus's documents, as they went into the shards.
public struct CorpusStatistics: Sendable, Equatable {
    /// What belongs to one script or language.
    public struct Share: Sendable, Equatable {
        /// The name, see `WritingSystem` and `LanguageIdentifier`.
        public let name: String
        /// The number of documents that are mostly in it.
        public var documents = 0
        /// Their bytes of UTF-8.
        public var bytes = 0
        /// Their tokens.
        public var tokens = 0

        mutating func add(_ document: DocumentEntry) {
            documents += 1
            bytes += document.bytes
            tokens += document.tokens
        }

        /// How many tokens a byte takes; 0 without bytes.
        public var tokensPerByte: Double { bytes > 0 ? Double(tokens) / Double(bytes) : 0 }
    }

    /// How many documents have at least 2^k and fewer than 2^(k+1) Unicode scalars, at place k.
    public private(set) var lengths: [Int] = []
    /// The scripts that occur, the one with the most bytes first.
    public private(set) var scripts: [Share] = []
    /// The languages that occur, the one with the most bytes first.
    public private(set) var languages: [Share] = []

    /// Statistics of nothing.
    public init() {}

    init(_ documents: [DocumentEntry]) {
        var scripts = WritingSystem.allCases.map { Share(name: $0.name) }
        let names = [LanguageIdentifier.unknown] + LanguageIdentifier.shared.languages
        var languages = names.map { Share(name: $0) }
        for document in documents {
            let power =
                max(document.characters, 1).bitWidth - 1 - max(document.characters, 1).leadingZeroBitCount
            while lengths.count <= power { lengths.append(0) }
            lengths[power] += 1
            scripts[Int(document.script.rawValue)].add(document)
            languages[min(document.language, names.count - 1)].add(document)
        }
        self.scripts = Self.sorted(scripts)
        self.languages = Self.sorted(languages)
    }

    private static func sorted(_ shares: [Share]) -> [Share] {
        shares.filter { $0.documents > 0 }.sorted { ($1.bytes, $0.name) < ($0.bytes, $1.name) }
    }

    init(_ members: JSONMembers) throws {
        lengths = try members.list("lengths").map { try $0.integer("documents") }
        scripts = try members.list("scripts").map(Self.share)
        languages = try members.list("languages").map(Self.share)
    }

    private static func share(_ members: JSONMembers) throws -> Share {
        var share = Share(name: try members.string("name"))
        share.documents = try members.integer("documents")
        share.bytes = try members.integer("bytes")
        share.tokens = try members.integer("tokens")
        return share
    }

    private static func json(_ share: Share) -> JSONValue {
        [
            "name": .string(share.name), "documents": .integer(share.documents),
            "bytes": .integer(share.bytes),
            "tokens": .integer(share.tokens), "tokens_per_byte": .number(share.tokensPerByte),
        ]
    }

    var json: JSONValue {
        [
            "lengths": .array(
                lengths.enumerated().map { power, count in
                    ["from": .integer(1 << power), "documents": .integer(count)]
                }
            ),
            "scripts": .array(scripts.map(Self.json)), "languages": .array(languages.map(Self.json)),
        ]
    }
}
