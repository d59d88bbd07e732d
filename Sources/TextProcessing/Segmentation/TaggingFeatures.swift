/// What the tagger looks at in one word, as hashes.
struct WordTraits: Sendable {
    var form: UInt64 = 0
    var lower: UInt64 = 0
    /// The last one to five scalars, lower case.
    var suffixes: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
    /// The first one to four scalars, lower case.
    var prefixes: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    /// The kinds of characters in order, repetitions once.
    var shape: UInt64 = 0
    /// Digit, hyphen, capital, all capitals, punctuation only: one bit each.
    var flags: UInt64 = 0
    var length = 0
    /// The tags that the word had in training.
    var ambiguity: UInt64 = 0

    /// The position before or behind a sentence.
    static func edge(_ number: UInt64) -> WordTraits {
        var traits = WordTraits()
        traits.form = 0xE000 + number
        traits.lower = traits.form
        traits.ambiguity = traits.form
        return traits
    }

    init() {}

    init(_ word: String) {
        let scalars = Array(word.unicodeScalars)
        let lowered =
            scalars.allSatisfy(\.isASCII)
            ? scalars.map(Self.lowered) : Array(word.lowercased().unicodeScalars)
        form = Self.hash(scalars[...])
        lower = Self.hash(lowered[...])
        let (start, end) = (lowered.startIndex, lowered.endIndex)
        func suffix(_ count: Int) -> UInt64 {
            count <= lowered.count ? Self.hash(lowered[(end - count)...]) : 0
        }
        func prefix(_ count: Int) -> UInt64 {
            count <= lowered.count ? Self.hash(lowered[..<(start + count)]) : 0
        }
        suffixes = (suffix(1), suffix(2), suffix(3), suffix(4), suffix(5))
        prefixes = (prefix(1), prefix(2), prefix(3), prefix(4))
        length = scalars.count
        (shape, flags) = Self.shape(of: scalars)
    }

    private static func lowered(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        (0x41...0x5A).contains(scalar.value) ? Unicode.Scalar(UInt8(scalar.value + 32)) : scalar
    }

    static func hash(_ scalars: ArraySlice<Unicode.Scalar>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(scalars.count)
        for scalar in scalars { hash = (hash ^ UInt64(scalar.value)) &* 0x0000_0100_0000_01B3 }
        return (hash ^ (hash >> 31)) &* 0x94D0_49BB_1331_11EB
    }

    private static func shape(of scalars: [Unicode.Scalar]) -> (shape: UInt64, flags: UInt64) {
        var (shape, last, flags) = (UInt64(1), UInt64(0), UInt64(0))
        var (capitals, lowers) = (0, 0)
        for scalar in scalars {
            let kind: UInt64
            switch scalar.value {
            case 0x30...0x39: (kind, flags) = (1, flags | 1)
            case 0x41...0x5A: (kind, capitals) = (2, capitals + 1)
            case 0x61...0x7A: (kind, lowers) = (3, lowers + 1)
            case 0x2D: (kind, flags) = (4, flags | 2)
            case 0x21...0x7E: kind = 5 + UInt64(scalar.value == 0x2E ? 1 : scalar.value == 0x27 ? 2 : 0)
            case 0x2E80...0x9FFF, 0xF900...0xFAFF, 0x20000...0x3FFFF: kind = 8
            default:
                let properties = scalar.properties
                if properties.isUppercase {
                    (kind, capitals) = (2, capitals + 1)
                } else if properties.isAlphabetic {
                    (kind, lowers) = (3, lowers + 1)
                } else {
                    kind = properties.numericType == nil ? 9 : 1
                }
            }
            if kind != last { shape = (shape &* 11 &+ kind) }
            last = kind
        }
        if capitals > 0 { flags |= lowers == 0 && capitals > 1 ? 12 : 4 }
        if flags & 5 == 0, lowers == 0 { flags |= 16 }
        return (shape, flags)
    }
}

/// The words of a sentence as the tagger sees them.
struct TaggingContext {
    /// Two edges, the words, two edges.
    private let traits: [WordTraits]
    /// Whether most of the words are written with capitals, as in headlines.
    private let isHeadline: UInt64

    init(_ words: [String], lexicon: TagLexicon) {
        var traits = [WordTraits.edge(1), WordTraits.edge(2)]
        traits.reserveCapacity(words.count + 4)
        var capitals = 0
        for word in words {
            var found = WordTraits(word)
            found.ambiguity = lexicon.ambiguity(form: found.form, lower: found.lower)
            if found.flags & 4 != 0 { capitals += 1 }
            traits.append(found)
        }
        self.traits = traits + [.edge(3), .edge(4)]
        isHeadline = capitals * 2 > words.count && words.count > 2 ? 1 : 0
    }

    /// The traits of the word at a position; edges around the sentence.
    @inline(__always)
    subscript(_ position: Int) -> WordTraits { traits[position + 2] }

    /// Hands over the keys of all features that do not depend on tags.
    @inline(__always)
    func forEachStaticKey(at position: Int, _ body: (UInt64) -> Void) {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Self.staticCapacity) { keys in
            for index in 0..<staticKeys(at: position, keys) { body(keys[index]) }
        }
    }

    /// Hands over the keys of all features that depend on the two tags before.
    @inline(__always)
    func forEachDynamicKey(at position: Int, _ last: Int, _ beforeLast: Int, _ body: (UInt64) -> Void) {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Self.dynamicCapacity) { keys in
            for index in 0..<dynamicKeys(at: position, last, beforeLast, keys) { body(keys[index]) }
        }
    }

    private static let (staticCapacity, dynamicCapacity) = (40, 16)

    /// Writes the keys of the features that do not depend on tags; says how many.
    @inline(never)
    private func staticKeys(at position: Int, _ keys: UnsafeMutableBufferPointer<UInt64>) -> Int {
        var count = 0
        func body(_ key: UInt64) {
            keys[count] = key
            count += 1
        }
        let (word, left, right) = (self[position], self[position - 1], self[position + 1])
        let (farLeft, farRight) = (self[position - 2], self[position + 2])
        func use(_ template: UInt64, _ first: UInt64) { body(FeatureKey(template).with(first).value) }
        func use(_ template: UInt64, _ first: UInt64, _ second: UInt64) {
            body(FeatureKey(template).with(first).with(second).value)
        }
        use(1, 0)
        use(2, word.form)
        use(3, word.lower)
        use(4, left.lower)
        use(5, right.lower)
        use(6, farLeft.lower)
        use(7, farRight.lower)
        use(8, left.lower, word.lower)
        use(9, word.lower, right.lower)
        use(10, left.lower, right.lower)
        use(11, word.suffixes.0)
        use(12, word.suffixes.1)
        use(13, word.suffixes.2)
        if word.length > 3 { use(14, word.suffixes.3) }
        if word.length > 4 { use(15, word.suffixes.4) }
        use(16, word.prefixes.0)
        use(17, word.prefixes.1)
        if word.length > 2 { use(18, word.prefixes.2) }
        if word.length > 3 { use(19, word.prefixes.3) }
        use(20, word.shape, position == 0 ? 1 : 0)
        use(21, word.shape, isHeadline)
        use(22, word.flags)
        use(23, left.suffixes.2)
        use(24, right.suffixes.2)
        use(25, left.shape, word.shape)
        use(26, word.shape, right.shape)
        use(27, word.ambiguity)
        use(28, right.ambiguity)
        use(29, word.ambiguity, right.ambiguity)
        use(30, right.ambiguity, farRight.ambiguity)
        use(31, word.suffixes.1, word.shape)
        use(32, word.suffixes.2, right.ambiguity)
        use(33, word.prefixes.0 &+ UInt64(min(word.length, 5)), word.suffixes.0)
        use(34, farRight.ambiguity)
        use(35, word.ambiguity, left.lower)
        return count
    }

    /// Writes the keys of the features that depend on the two tags before; says how many.
    @inline(never)
    private func dynamicKeys(
        at position: Int,
        _ last: Int,
        _ beforeLast: Int,
        _ keys: UnsafeMutableBufferPointer<UInt64>
    ) -> Int {
        var count = 0
        let (word, left, right) = (self[position], self[position - 1], self[position + 1])
        let (one, two) = (UInt64(last), UInt64(last) << 20 | UInt64(beforeLast))
        func use(_ template: UInt64, _ first: UInt64, _ second: UInt64 = 0) {
            keys[count] = FeatureKey(template).with(first).with(second).value
            count += 1
        }
        use(64, one)
        use(65, two)
        use(66, one, word.lower)
        use(67, one, right.lower)
        use(68, one, word.ambiguity)
        use(69, one, right.ambiguity)
        use(70, one, word.suffixes.2)
        use(71, two, word.ambiguity)
        use(72, one, left.lower)
        use(73, two, word.lower)
        use(74, UInt64(beforeLast), word.lower)
        use(75, one, word.shape)
        return count
    }
}

/// What training saw of each word: its tags, as a class of ambiguity, and whether no other tag needs a look.
struct TagLexicon: Sendable {
    private struct Record {
        let candidates: UInt32
        let ambiguity: UInt64
    }

    /// The lists of tags; the first is of all tags.
    private let lists: [[UInt16]]
    private let listOfWord: [(key: UInt64, list: UInt32, isClosed: Bool)]
    private let records: [UInt64: Record]

    /// How often a word must occur before its tags make a class, and before no other tag is looked at.
    static let (known, closed) = (2, 20)

    init(_ sentences: [(words: [String], tags: [UInt16])], tagCount: Int) {
        var counts: [UInt64: [UInt16: Int]] = [:]
        for (words, tags) in sentences {
            for (word, tag) in zip(words, tags) {
                let scalars = Array(word.unicodeScalars)
                counts[WordTraits.hash(scalars[...]), default: [:]][tag, default: 0] += 1
            }
        }
        var (lists, numbers) = ([(0..<UInt16(tagCount)).map { $0 }], [[UInt16]: UInt32]())
        var words: [(key: UInt64, list: UInt32, isClosed: Bool)] = []
        for key in counts.keys.sorted() {
            let tags = counts[key] ?? [:]
            let total = tags.values.reduce(0, +)
            guard total >= Self.known else { continue }
            let isClosed = total >= Self.closed
            let kept = tags.filter { isClosed || $0.value * 20 >= total }.keys.sorted()
            let number = numbers[kept] ?? UInt32(lists.count)
            if numbers[kept] == nil {
                numbers[kept] = number
                lists.append(kept)
            }
            words.append((key, number, isClosed))
        }
        self.init(lists: lists, words: words)
    }

    private init(lists: [[UInt16]], words: [(key: UInt64, list: UInt32, isClosed: Bool)]) {
        (self.lists, listOfWord) = (lists, words)
        let classes = lists.map { tags in
            tags.reduce(UInt64(0xA5)) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 &+ 0x9E37_79B9 }
        }
        records = Dictionary(minimumCapacity: words.count) { map in
            for word in words {
                map[word.key] = Record(
                    candidates: word.isClosed ? word.list : 0,
                    ambiguity: classes[Int(word.list)]
                )
            }
        }
    }

    func ambiguity(form: UInt64, lower: UInt64) -> UInt64 {
        records[form]?.ambiguity ?? records[lower]?.ambiguity ?? 1
    }

    /// The tags worth a look for a word.
    func candidates(form: UInt64) -> [UInt16] { lists[Int(records[form]?.candidates ?? 0)] }

    func write(to file: inout ModelWriter) {
        file.write(UInt32(lists.count))
        for list in lists { file.write(list) }
        file.write(listOfWord.map(\.key))
        file.write(listOfWord.map { $0.list << 1 | ($0.isClosed ? 1 : 0) })
    }

    init(from file: inout ModelReader, tagCount: Int) throws(SegmentationError) {
        let count = Int(try file.number(UInt32.self))
        guard count >= 1, count <= file.remaining / 4 else {
            throw SegmentationError(.malformed, at: file.place, "\(count) lists of tags cannot be")
        }
        var lists: [[UInt16]] = []
        for _ in 0..<count {
            let list: [UInt16] = try file.list(limit: tagCount)
            guard !list.isEmpty, list.allSatisfy({ Int($0) < tagCount }) else {
                throw SegmentationError(
                    .malformed,
                    at: file.place,
                    "a list of tags is empty or has unknown tags"
                )
            }
            lists.append(list)
        }
        let keys: [UInt64] = try file.list()
        let packed: [UInt32] = try file.list(limit: keys.count)
        guard packed.count == keys.count, packed.allSatisfy({ Int($0 >> 1) < count }) else {
            throw SegmentationError(.malformed, at: file.place, "the words of the lexicon name unknown lists")
        }
        self.init(lists: lists, words: zip(keys, packed).map { ($0, $1 >> 1, $1 & 1 == 1) })
    }
}

extension Dictionary {
    fileprivate init(minimumCapacity: Int, _ fill: (inout [Key: Value]) -> Void) {
        self.init(minimumCapacity: minimumCapacity)
        fill(&self)
    }
}
