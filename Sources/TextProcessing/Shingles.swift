/// What a text is compared by: runs of words or of characters.
///
/// A text is cut into items: a run of letters, marks and digits is one item, and every scalar of a script without
/// spaces (Han, kana, Thai, …) is an item of its own. Case and punctuation do not count. A shingle is a run of
/// items (Broder 1997).
public struct Shingling: Sendable, Hashable {
    /// Which length counts for a text.
    public enum Unit: String, Sendable, CaseIterable, Codable {
        /// Words or characters, whichever make up more of the text's letters.
        case automatic
        /// Always ``Shingling/words``.
        case words
        /// Always ``Shingling/characters``.
        case characters
    }

    /// Which length counts for a text.
    public let unit: Unit
    /// The number of words in a shingle.
    public let words: Int
    /// The number of items in a shingle of a text without spaces.
    public let characters: Int

    /// A way to cut texts.
    ///
    /// Traps when a length is not in 1 … 64.
    ///
    /// - Parameters:
    ///   - unit: Which length counts for a text.
    ///   - words: The number of words in a shingle.
    ///   - characters: The number of items in a shingle of a text without spaces.
    public init(unit: Unit = .automatic, words: Int = 3, characters: Int = 5) {
        guard (1...64).contains(words), (1...64).contains(characters) else {
            fatalError("Shingling: lengths \(words) and \(characters) must be in 1 … 64")
        }
        (self.unit, self.words, self.characters) = (unit, words, characters)
    }

    /// The hashes of a text's shingles, in order; equal shingles repeat.
    ///
    /// - Parameter text: Any text. One with fewer items than a shingle has a single shingle of all its items; one
    ///   without letters and digits has none.
    /// - Returns: 64-bit hashes, the same on every machine.
    public func hashes(of text: String) -> [UInt64] {
        let items = TextItems(text)
        return items.windows(length(for: items))
    }

    /// The length of a shingle for a text cut into items.
    func length(for items: TextItems) -> Int {
        switch unit {
        case .words: words
        case .characters: characters
        case .automatic: items.isMostlyUnspaced ? characters : words
        }
    }
}

/// A text cut into words and characters, each known by its hash.
struct TextItems {
    /// The hash of each item.
    private(set) var hashes: [UInt64] = []
    /// The byte offsets of each item, when they were asked for.
    private(set) var ranges: [Range<Int>] = []
    /// The number of items that are scalars of scripts without spaces.
    private(set) var unspacedCount = 0
    private var wordScalarCount = 0

    /// Whether most letters are of scripts without spaces.
    var isMostlyUnspaced: Bool { unspacedCount * 2 > wordScalarCount + unspacedCount }

    init(_ text: String, withRanges: Bool = false) {
        var text = text
        text.withUTF8 { bytes in cut(bytes, withRanges: withRanges) }
    }

    private mutating func cut(_ bytes: UnsafeBufferPointer<UInt8>, withRanges: Bool) {
        let table = ScalarTable.shared
        hashes.reserveCapacity(bytes.count / 5 + 4)
        var (offset, start, word) = (0, 0, UInt64(0))
        while offset < bytes.count {
            let here = offset
            let scalar = nextScalar(bytes, &offset)
            let kind = table.kind(scalar)
            if kind == ScalarKind.word.rawValue {
                if word == 0 { (word, start) = (0x9E37_79B9_7F4A_7C15, here) }
                word = (word ^ UInt64(table.lowercased(scalar))) &* 0x9FB2_1C65_1E98_DF25
                word ^= word >> 29
                wordScalarCount += 1
                continue
            }
            if word != 0 {
                hashes.append(mixed(word))
                if withRanges { ranges.append(start..<here) }
                word = 0
            }
            if kind == ScalarKind.unspaced.rawValue {
                hashes.append(mixed(UInt64(scalar) &* 0x9FB2_1C65_1E98_DF25))
                if withRanges { ranges.append(here..<offset) }
                unspacedCount += 1
            }
        }
        if word != 0 {
            hashes.append(mixed(word))
            if withRanges { ranges.append(start..<bytes.count) }
        }
    }

    /// The hashes of all runs of `length` items; one of the whole when the text is shorter.
    func windows(_ length: Int) -> [UInt64] {
        guard !hashes.isEmpty else { return [] }
        let length = min(length, hashes.count)
        let factor: UInt64 = 0xD6E8_FEB8_6659_FD93
        var (leaving, rolling) = (UInt64(1), UInt64(0))
        for item in hashes[..<length] {
            rolling = rolling &* factor &+ item
            leaving = leaving &* factor
        }
        var windows: [UInt64] = []
        windows.reserveCapacity(hashes.count - length + 1)
        windows.append(mixed(rolling))
        for index in length..<hashes.count {
            rolling = rolling &* factor &+ hashes[index] &- leaving &* hashes[index - length]
            windows.append(mixed(rolling))
        }
        return windows
    }

    /// One hash of all items in order: equal for texts that differ in case, spaces and punctuation only.
    var wholeHash: UInt64 { hashes.reduce(UInt64(hashes.count)) { mixed($0 &* 0xD6E8_FEB8_6659_FD93 &+ $1) } }
}
