import YuyanFileFormats

/// Byte pairs over characters rather than bytes, with an unknown token, marks of word parts, and tokens of bytes.
///
/// The algorithm is that of Sennrich, Haddow and Birch 2016.
package struct BPESubwordModel: SubwordModel {
    /// The settings of a model.
    package struct Settings: Sendable, Hashable {
        /// What a character outside the vocabulary becomes; nil: nothing.
        var unknownToken: String?
        /// The prefix of every symbol but the first.
        var continuingPrefix: String?
        /// The suffix of the last symbol.
        var endOfWordSuffix: String?
        /// Whether unknown characters in a row become one token.
        var fusesUnknown = false
        /// Whether a character outside the vocabulary becomes tokens of its bytes, such as <0xE4>.
        var fallsBackToBytes = false
        /// Whether a piece that is a token as a whole is taken without merging.
        var takesWholePieces = false
    }

    let vocabulary: TokenVocabulary
    let settings: Settings
    let merges: [(left: Int32, right: Int32)]
    private let table: MergeTable
    private let unknown: Int32?
    /// The tokens of single bytes; empty when one is missing or they are not used.
    private let byteIds: [Int32]
    private let prefix: [UInt8]
    private let suffix: [UInt8]

    /// A model.
    ///
    /// - Parameters:
    ///   - vocabulary: The tokens.
    ///   - merges: Pairs of tokens, first rank first.
    ///   - results: What each pair becomes.
    ///   - settings: The rest; an unknown token must be in the vocabulary.
    init(
        vocabulary: TokenVocabulary,
        merges: [(left: Int32, right: Int32)],
        results: [Int32],
        settings: Settings
    ) {
        self.vocabulary = vocabulary
        self.settings = settings
        self.merges = merges
        table = MergeTable(capacity: merges.count)
        for (rank, merge) in merges.enumerated() {
            table.insert(merge.left, merge.right, rank: rank, result: results[rank])
        }
        unknown = settings.unknownToken.flatMap { vocabulary.id(of: $0) }
        prefix = Array((settings.continuingPrefix ?? "").utf8)
        suffix = Array((settings.endOfWordSuffix ?? "").utf8)
        byteIds =
            settings.fallsBackToBytes ? (0..<256).map { vocabulary.id(of: Self.byteToken($0)) ?? -1 } : []
    }

    /// The spelling of the token of a byte: `<0x0A>`.
    static func byteToken(_ byte: Int) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "<0x\(digits.utf8.count < 2 ? "0" : "")\(digits)>"
    }

    package var vocabularySize: Int { vocabulary.size }

    package func encode(_ piece: UnsafeBufferPointer<UInt8>, into output: inout [SubwordToken]) {
        if settings.takesWholePieces, let id = vocabulary.id(of: piece) {
            output.append(SubwordToken(id: id, start: 0, end: Int32(piece.count)))
            return
        }
        var word = MergingWord()
        appendSymbols(of: piece, to: &word)
        word.mergeAll(table)
        word.appendTokens(to: &output)
    }

    /// The symbols that merging begins with.
    private func appendSymbols(of piece: UnsafeBufferPointer<UInt8>, to word: inout MergingWord) {
        var position = 0
        /// The length of the unknown characters not yet added.
        var pending = 0
        var spelling: [UInt8] = []
        while position < piece.count {
            let start = position
            position = min(start + UTF8Text.length(of: piece[start]), piece.count)
            let symbol = UnsafeBufferPointer(rebasing: piece[start..<position])
            let isMarked = start > 0 && !prefix.isEmpty || position == piece.count && !suffix.isEmpty
            if isMarked {
                spelling.removeAll(keepingCapacity: true)
                if start > 0 { spelling.append(contentsOf: prefix) }
                spelling.append(contentsOf: symbol)
                if position == piece.count { spelling.append(contentsOf: suffix) }
            }
            let found =
                isMarked
                ? spelling.withUnsafeBufferPointer { vocabulary.id(of: $0) } : vocabulary.id(of: symbol)
            if let found {
                if pending > 0, let unknown { word.append(unknown, length: pending) }
                pending = 0
                word.append(found, length: position - start)
                continue
            }
            let fallsBack =
                isMarked
                ? spelling.withUnsafeBufferPointer { appendBytes($0, to: &word) }
                : appendBytes(symbol, to: &word)
            if fallsBack { continue }
            guard let unknown else { continue }
            if pending > 0, !settings.fusesUnknown {
                word.append(unknown, length: pending)
                pending = 0
            }
            pending += position - start
        }
        if pending > 0, let unknown { word.append(unknown, length: pending) }
    }

    /// Spells a symbol by its bytes; false when some byte has no token.
    private func appendBytes(_ symbol: UnsafeBufferPointer<UInt8>, to word: inout MergingWord) -> Bool {
        guard !byteIds.isEmpty, symbol.allSatisfy({ byteIds[Int($0)] >= 0 }) else { return false }
        for byte in symbol { word.append(byteIds[Int(byte)], length: 1) }
        return true
    }

    package func id(of token: String) -> Int32? { vocabulary.id(of: token) }
    package func token(of id: Int32) -> String? { vocabulary.token(of: id) }

    package func document() -> JSONValue {
        func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
        let pairs: [JSONValue] = merges.map {
            [.string(token(of: $0.left) ?? ""), .string(token(of: $0.right) ?? "")]
        }
        return [
            "type": "BPE", "dropout": nil, "unk_token": text(settings.unknownToken),
            "continuing_subword_prefix": text(settings.continuingPrefix),
            "end_of_word_suffix": text(settings.endOfWordSuffix), "fuse_unk": .bool(settings.fusesUnknown),
            "byte_fallback": .bool(settings.fallsBackToBytes),
            "ignore_merges": .bool(settings.takesWholePieces),
            "vocab": vocabulary.document(), "merges": .array(pairs),
        ]
    }
}

/// A piece while its symbols merge, the lowest rank first, the leftmost of those.
struct MergingWord {
    private struct Symbol {
        var id: Int32
        /// The bytes of the piece that it covers; 0 once it is merged into another.
        var length: Int32
        var previous: Int32
        var next: Int32
    }

    /// A merge that may happen.
    private struct Candidate {
        var rank: UInt32
        var position: Int32
        var result: Int32

        @inline(__always)
        static func < (left: Candidate, right: Candidate) -> Bool {
            left.rank != right.rank ? left.rank < right.rank : left.position < right.position
        }
    }

    private var symbols: [Symbol] = []
    private var heap: [Candidate] = []

    /// Adds a symbol at the end.
    mutating func append(_ id: Int32, length: Int) {
        let index = Int32(symbols.count)
        if index > 0 { symbols[Int(index) - 1].next = index }
        symbols.append(Symbol(id: id, length: Int32(length), previous: index - 1, next: -1))
    }

    /// Merges as far as the table goes.
    mutating func mergeAll(_ table: MergeTable) {
        for position in symbols.indices.dropLast() { consider(Int32(position), table) }
        while let top = popHeap() {
            let left = symbols[Int(top.position)]
            guard left.length > 0, left.next >= 0 else { continue }
            let right = symbols[Int(left.next)]
            let merge = table.merge(left.id, right.id)
            // A merge noted before one of its symbols changed is out of date.
            guard merge != MergeTable.none, Int32(truncatingIfNeeded: merge) == top.result else { continue }
            symbols[Int(left.next)].length = 0
            symbols[Int(top.position)].id = top.result
            symbols[Int(top.position)].length = left.length + right.length
            symbols[Int(top.position)].next = right.next
            if right.next >= 0 { symbols[Int(right.next)].previous = top.position }
            if left.previous >= 0 { consider(left.previous, table) }
            consider(top.position, table)
        }
    }

    /// Appends what is left.
    func appendTokens(to output: inout [SubwordToken]) {
        var index: Int32 = symbols.isEmpty ? -1 : 0
        var start: Int32 = 0
        while index >= 0 {
            let symbol = symbols[Int(index)]
            output.append(SubwordToken(id: symbol.id, start: start, end: start + symbol.length))
            start += symbol.length
            index = symbol.next
        }
    }

    /// Notes the merge of a symbol with the next one, if there is one.
    private mutating func consider(_ position: Int32, _ table: MergeTable) {
        let next = symbols[Int(position)].next
        guard next >= 0 else { return }
        let merge = table.merge(symbols[Int(position)].id, symbols[Int(next)].id)
        guard merge != MergeTable.none else { return }
        heap.append(
            Candidate(
                rank: UInt32(truncatingIfNeeded: merge >> 32),
                position: position,
                result: Int32(truncatingIfNeeded: merge)
            )
        )
        var child = heap.count - 1
        while child > 0, heap[child] < heap[(child - 1) / 2] {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func popHeap() -> Candidate? {
        guard let top = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return top }
        var parent = 0
        while true {
            var child = parent * 2 + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            guard heap[child] < last else { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = last
        return top
    }
}
