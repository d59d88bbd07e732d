import YuyanFileFormats

/// WordPiece as BERT uses it: from left to right, the longest token of the vocabulary that the word goes on with.
///
/// Tokens after the first are marked by a prefix.
package struct WordPieceModel: SubwordModel {
    let vocabulary: TokenVocabulary
    let unknownToken: String
    let continuingPrefix: String
    /// Longer words are unknown.
    let maximumScalars: Int
    let unknown: Int32
    let trie: TokenTrie
    /// Where in `trie` the tokens that go on begin; nil when there are none.
    let continuation: Int32?

    /// A model; nil when the vocabulary lacks the unknown token.
    ///
    /// - Parameters:
    ///   - vocabulary: The tokens.
    ///   - unknownToken: What a word becomes that cannot be cut.
    ///   - continuingPrefix: The prefix of tokens inside words.
    ///   - maximumScalars: The longest word that is cut, in scalars.
    package init?(
        vocabulary: TokenVocabulary,
        unknownToken: String = "[UNK]",
        continuingPrefix: String = "##",
        maximumScalars: Int = 100
    ) {
        guard let unknown = vocabulary.id(of: unknownToken) else { return nil }
        self.vocabulary = vocabulary
        self.unknownToken = unknownToken
        self.continuingPrefix = continuingPrefix
        self.maximumScalars = maximumScalars
        self.unknown = unknown
        trie = TokenTrie(vocabulary)
        continuation = trie.node(after: Array(continuingPrefix.utf8))
    }

    package var vocabularySize: Int { vocabulary.size }

    package func encode(_ piece: UnsafeBufferPointer<UInt8>, into output: inout [SubwordToken]) {
        let before = output.count
        let scalars = piece.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
        if scalars <= maximumScalars, cut(piece, &output) { return }
        output.removeSubrange(before...)
        output.append(SubwordToken(id: unknown, start: 0, end: Int32(piece.count)))
    }

    /// False when some part is in no token.
    private func cut(_ piece: UnsafeBufferPointer<UInt8>, _ output: inout [SubwordToken]) -> Bool {
        var start = 0
        while start < piece.count {
            guard let root = start == 0 ? 0 : continuation,
                let (id, end) = trie.longest(piece, from: start, root: root), end > start
            else { return false }
            output.append(SubwordToken(id: id, start: Int32(start), end: Int32(end)))
            start = end
        }
        return true
    }

    package func id(of token: String) -> Int32? { vocabulary.id(of: token) }
    package func token(of id: Int32) -> String? { vocabulary.token(of: id) }

    package func document() -> JSONValue {
        [
            "type": "WordPiece", "unk_token": .string(unknownToken),
            "continuing_subword_prefix": .string(continuingPrefix),
            "max_input_chars_per_word": .integer(maximumScalars), "vocab": vocabulary.document(),
        ]
    }
}

/// The tokens of a vocabulary as a tree of bytes, its edges in one hash table.
///
/// Sendable because nothing changes after the initialiser.
final class TokenTrie: @unchecked Sendable {
    private struct Edge {
        /// Node and byte, plus one; 0 for none.
        var key: UInt64
        var child: Int32
        /// The token that ends at the child; -1 for none.
        var token: Int32
    }

    private let edges: UnsafeMutablePointer<Edge>
    private let mask: Int

    deinit { edges.deallocate() }

    /// The tree of all tokens of a vocabulary.
    init(_ vocabulary: TokenVocabulary) {
        var total = 1
        for id in 0..<Int32(vocabulary.size) { total += vocabulary.bytes(of: id)?.count ?? 0 }
        var size = 64
        while size < total * 2 { size *= 2 }
        mask = size - 1
        edges = .allocate(capacity: size)
        edges.initialize(repeating: Edge(key: 0, child: 0, token: -1), count: size)
        var nodes: Int32 = 1
        for id in 0..<Int32(vocabulary.size) {
            guard let bytes = vocabulary.bytes(of: id) else { continue }
            var node: Int32 = 0
            for (index, byte) in bytes.enumerated() {
                let slot = slot(node, byte)
                if edges[slot].key == 0 {
                    edges[slot] = Edge(key: Self.key(node, byte), child: nodes, token: -1)
                    nodes += 1
                }
                node = edges[slot].child
                if index == bytes.count - 1 { edges[slot].token = id }
            }
        }
    }

    @inline(__always)
    private static func key(_ node: Int32, _ byte: UInt8) -> UInt64 {
        (UInt64(UInt32(bitPattern: node)) << 8 | UInt64(byte)) &+ 1
    }

    @inline(__always)
    private func slot(_ node: Int32, _ byte: UInt8) -> Int {
        let key = Self.key(node, byte)
        var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 20) & mask
        while edges[slot].key != key, edges[slot].key != 0 { slot = (slot + 1) & mask }
        return slot
    }

    /// The node that some bytes lead to from the root.
    func node(after bytes: [UInt8]) -> Int32? {
        var node: Int32 = 0
        for byte in bytes {
            let slot = slot(node, byte)
            guard edges[slot].key != 0 else { return nil }
            node = edges[slot].child
        }
        return node
    }

    /// The longest token that begins at a position, and where it ends.
    @inline(__always)
    func longest(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, root: Int32) -> (id: Int32, end: Int)?
    {
        var node = root
        var (id, end): (Int32, Int) = (-1, start)
        var position = start
        while position < bytes.count {
            let edge = edges[slot(node, bytes[position])]
            guard edge.key != 0 else { break }
            position += 1
            node = edge.child
            if edge.token >= 0 { (id, end) = (edge.token, position) }
        }
        return id >= 0 ? (id, end) : nil
    }
}
