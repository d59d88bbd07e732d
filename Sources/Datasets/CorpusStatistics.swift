import YuyanFileFormats
import YuyanTextProcessing

/// Lengths and scripts of a corpus's documents, as they went into the shards.
public struct CorpusStatistics: Sendable, Equatable {
    /// What belongs to one script.
    public struct Share: Sendable, Equatable {
        /// The script's name, see `WritingSystem`.
        public let name: String
        /// The number of documents that are mostly in it.
        public var documents = 0
        /// Their bytes of UTF-8.
        public var bytes = 0
        /// Their tokens.
        public var tokens = 0

        /// How many tokens a byte takes; 0 without bytes.
        public var tokensPerByte: Double { bytes > 0 ? Double(tokens) / Double(bytes) : 0 }
    }

    /// How many documents have at least 2^k and fewer than 2^(k+1) Unicode scalars, at place k.
    public private(set) var lengths: [Int] = []
    /// The scripts that occur, the one with the most bytes first.
    public private(set) var scripts: [Share] = []

    /// Statistics of nothing.
    public init() {}

    init(_ documents: [DocumentEntry]) {
        var shares = WritingSystem.allCases.map { Share(name: $0.name) }
        for document in documents {
            let power =
                max(document.characters, 1).bitWidth - 1 - max(document.characters, 1).leadingZeroBitCount
            while lengths.count <= power { lengths.append(0) }
            lengths[power] += 1
            let script = Int(document.script.rawValue)
            shares[script].documents += 1
            shares[script].bytes += document.bytes
            shares[script].tokens += document.tokens
        }
        scripts = shares.filter { $0.documents > 0 }
            .sorted { ($1.bytes, $0.name) < ($0.bytes, $1.name) }
    }

    init(_ members: JSONMembers) throws {
        lengths = try members.list("lengths").map { try $0.integer("documents") }
        scripts = try members.list("scripts").map { script in
            var share = Share(name: try script.string("script"))
            share.documents = try script.integer("documents")
            share.bytes = try script.integer("bytes")
            share.tokens = try script.integer("tokens")
            return share
        }
    }

    var json: JSONValue {
        [
            "lengths": .array(
                lengths.enumerated().map { power, count in
                    ["from": .integer(1 << power), "documents": .integer(count)]
                }
            ),
            "scripts": .array(
                scripts.map {
                    [
                        "script": .string($0.name), "documents": .integer($0.documents),
                        "bytes": .integer($0.bytes), "tokens": .integer($0.tokens),
                        "tokens_per_byte": .number($0.tokensPerByte),
                    ]
                }
            ),
        ]
    }
}
