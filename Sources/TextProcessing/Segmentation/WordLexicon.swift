/// A word list as a trie of scalars, with a number for each word.
///
/// All edges lie in one table found by open addressing, so a step costs one look.
struct WordTrie: Sendable {
    private struct Edge {
        var key: UInt64 = 0
        var node: Int32 = 0
    }

    private var edges: [Edge]
    private var used = 0
    /// The number of the word that ends at a node; negative when none does.
    private var values: [Int32] = [-1]

    init() { edges = [Edge](repeating: Edge(), count: 1 << 10) }

    /// Adds a word or replaces its number.
    mutating func insert(_ word: some Sequence<UInt32>, value: Int32) {
        var node: Int32 = 0
        for scalar in word {
            if let next = step(node, scalar) {
                node = next
                continue
            }
            if (used + 1) * 2 > edges.count { grow() }
            let next = Int32(values.count)
            values.append(-1)
            place(Edge(key: Self.key(node, scalar), node: next))
            used += 1
            node = next
        }
        if node != 0 { values[Int(node)] = value }
    }

    /// The node behind an edge.
    @inline(__always)
    func step(_ node: Int32, _ scalar: UInt32) -> Int32? {
        let (key, mask) = (Self.key(node, scalar), edges.count - 1)
        return edges.withUnsafeBufferPointer { edges in
            var place = Self.hash(key) & mask
            while edges[place].key != 0 {
                if edges[place].key == key { return edges[place].node }
                place = (place + 1) & mask
            }
            return nil
        }
    }

    /// The number of the word that ends at a node.
    @inline(__always)
    func value(at node: Int32) -> Int32 { values.withUnsafeBufferPointer { $0[Int(node)] } }

    /// Whether the trie holds no word.
    var isEmpty: Bool { used == 0 }

    /// The number of a whole word.
    func value(of word: some Sequence<UInt32>) -> Int32 {
        var node: Int32 = 0
        for scalar in word {
            guard let next = step(node, scalar) else { return -1 }
            node = next
        }
        return value(at: node)
    }

    private static func key(_ node: Int32, _ scalar: UInt32) -> UInt64 {
        UInt64(UInt32(bitPattern: node)) << 21 | UInt64(scalar) | 1 << 60
    }

    @inline(__always)
    private static func hash(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 24)
    }

    private mutating func place(_ edge: Edge) {
        let mask = edges.count - 1
        var place = Self.hash(edge.key) & mask
        while edges[place].key != 0 { place = (place + 1) & mask }
        edges[place] = edge
    }

    private mutating func grow() {
        let old = edges
        edges = [Edge](repeating: Edge(), count: old.count * 2)
        for edge in old where edge.key != 0 { place(edge) }
    }
}

/// A dictionary of words with frequencies and tags, in the format that jieba made usual.
public struct WordLexicon: Sendable {
    /// One word.
    public struct Entry: Sendable, Equatable {
        /// The word.
        public let word: String
        /// How often it occurs in some corpus; at least 1.
        public var frequency: Int
        /// Its part of speech; nil when unknown.
        public var tag: String?

        /// Makes an entry.
        ///
        /// - Parameters:
        ///   - word: The word.
        ///   - frequency: How often it occurs.
        ///   - tag: Its part of speech.
        public init(word: String, frequency: Int = 1, tag: String? = nil) {
            (self.word, self.frequency, self.tag) = (word, frequency, tag)
        }
    }

    /// The words in the order in which they were added.
    public private(set) var entries: [Entry] = []
    /// The sum of all frequencies.
    public private(set) var total = 0
    private(set) var trie = WordTrie()

    /// The longest word that is accepted, in scalars, and the largest frequency.
    static let (longestWord, largestFrequency) = (256, 1 << 40)

    /// Makes an empty dictionary.
    public init() {}

    /// Makes a dictionary of entries.
    ///
    /// - Parameter entries: The words; a later entry of the same word replaces an earlier one.
    public init(_ entries: [Entry]) {
        for entry in entries { add(entry) }
    }

    /// Adds a word, or replaces its frequency and tag.
    ///
    /// - Parameter entry: The word; empty words, words with white space and words of more than 256 scalars
    ///   are passed over.
    public mutating func add(_ entry: Entry) {
        var entry = entry
        entry.frequency = min(max(entry.frequency, 1), Self.largestFrequency)
        guard Self.isUsable(entry.word) else { return }
        let scalars = entry.word.unicodeScalars.map(\.value)
        let known = trie.value(of: scalars)
        if known >= 0 {
            total += entry.frequency - entries[Int(known)].frequency
            entries[Int(known)] = entry
        } else {
            trie.insert(scalars, value: Int32(entries.count))
            entries.append(entry)
            total += entry.frequency
        }
    }

    /// Whether a word can stand in a dictionary.
    static func isUsable(_ word: String) -> Bool {
        !word.isEmpty && word.unicodeScalars.count <= longestWord
            && !word.unicodeScalars.contains { CharacterUnits.isWhiteSpace($0.value) }
    }

    /// Looks up a word.
    ///
    /// - Parameter word: The word.
    /// - Returns: Its entry; nil when the dictionary does not have it.
    public func entry(of word: String) -> Entry? {
        let number = trie.value(of: word.unicodeScalars.lazy.map(\.value))
        return number < 0 ? nil : entries[Int(number)]
    }

    /// Reads a dictionary: in each line a word, then a frequency and a tag if known, separated by spaces or tabs.
    ///
    /// - Parameter text: The lines.
    /// - Throws: `SegmentationError` that names the line.
    public init(text: String) throws(SegmentationError) {
        var number = 0
        for line in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false) {
            number += 1
            let fields = line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            guard let first = fields.first else { continue }
            let place = "line \(number)"
            guard fields.count <= 3 else {
                throw SegmentationError(
                    .malformed,
                    at: place,
                    "\(fields.count) fields; a line holds a word, a frequency and a tag"
                )
            }
            var entry = Entry(word: Self.string(first.first == 0xEF ? first.withoutByteOrderMark : first))
            var rest = fields.dropFirst()
            if let frequency = rest.first, frequency.allSatisfy({ (0x30...0x39).contains($0) }) {
                guard let value = Int(Self.string(frequency)), value <= Self.largestFrequency else {
                    throw SegmentationError(.malformed, at: place, "the frequency is too large")
                }
                entry.frequency = value
                rest = rest.dropFirst()
            }
            guard rest.count <= 1 else {
                throw SegmentationError(
                    .malformed,
                    at: place,
                    "'\(Self.string(fields[1]))' is no frequency; write the word, a whole number, the tag"
                )
            }
            entry.tag = rest.first.map(Self.string)
            guard entry.word.unicodeScalars.count <= Self.longestWord else {
                throw SegmentationError(
                    .limitExceeded,
                    at: place,
                    "a word has more than \(Self.longestWord) characters"
                )
            }
            add(entry)
        }
    }

    /// Reads a dictionary file.
    ///
    /// - Parameter path: A UTF-8 file as ``init(text:)`` reads.
    /// - Throws: `SegmentationError` that names the file and line.
    public init(contentsOf path: String) throws(SegmentationError) {
        let bytes = try SegmentationFiles.read(path)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SegmentationError(.malformed, path: path, "not valid UTF-8; convert the file to UTF-8")
        }
        do throws(SegmentationError) { try self.init(text: text) } catch { throw error.inFile(path) }
    }

    /// The dictionary as the text that ``init(text:)`` reads.
    ///
    /// - Returns: One line per word.
    public func text() -> String {
        var text = ""
        for entry in entries {
            text += "\(entry.word) \(entry.frequency)"
            if let tag = entry.tag { text += " \(tag)" }
            text += "\n"
        }
        return text
    }

    /// Writes the dictionary to a file, whole or not at all.
    ///
    /// - Parameter path: The file to make or replace.
    /// - Throws: `SegmentationError` when it cannot be written.
    public func save(to path: String) throws(SegmentationError) {
        try SegmentationFiles.write(Array(text().utf8), to: path)
    }

    private static func string(_ bytes: Substring.UTF8View) -> String { String(Substring(bytes)) }
}

extension Substring.UTF8View {
    fileprivate var withoutByteOrderMark: Substring.UTF8View {
        starts(with: [0xEF, 0xBB, 0xBF]) ? dropFirst(3) : self
    }
}
