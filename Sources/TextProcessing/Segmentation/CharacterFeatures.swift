/// What a model of word boundaries looks at around one unit of text.
struct CharacterFeatures {
    /// What the dictionary says at each unit: the lengths of the longest words that begin, end and go on here.
    private let matches: [UInt32]
    private let values: [UInt32]
    private let kinds: [UInt8]

    /// The number of units looked at on either side.
    private static let margin = 2

    init(_ units: [CharacterUnit], lexicon: WordTrie) {
        values = [0x11_0FF0, 0x11_0FF1] + units.map(\.value) + [0x11_0FF2, 0x11_0FF3]
        kinds = [7, 7] + units.map(\.kind.rawValue) + [7, 7]
        matches = lexicon.isEmpty ? [] : Self.matches(units, lexicon)
    }

    /// Packs three lengths of at most 7 into one number: begins here, ends here, goes on here.
    private static func matches(_ units: [CharacterUnit], _ lexicon: WordTrie) -> [UInt32] {
        var lengths = [UInt32](repeating: 0, count: units.count)
        for start in units.indices {
            var (node, place, longest) = (Int32(0), start, 0)
            while place < units.count, let next = lexicon.step(node, units[place].value) {
                node = next
                place += 1
                if place < units.count, units[place].isAfterSpace {
                    if lexicon.value(at: node) >= 0, place - start > 1 { longest = place - start }
                    break
                }
                guard place - start > 1, lexicon.value(at: node) >= 0 else { continue }
                longest = place - start
            }
            guard longest > 1 else { continue }
            let length = UInt32(min(longest, 7))
            lengths[start] |= length
            let last = start + longest - 1
            if (lengths[last] >> 3) & 7 < length { lengths[last] = lengths[last] & ~(7 << 3) | length << 3 }
            for middle in start + 1..<last where (lengths[middle] >> 6) & 7 < length {
                lengths[middle] = lengths[middle] & ~(7 << 6) | length << 6
            }
        }
        return lengths
    }

    /// Hands over the keys of all features of a unit.
    @inline(__always)
    func forEachKey(at position: Int, _ body: (UInt64) -> Void) {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Self.capacity) { keys in
            for index in 0..<keysOfUnit(at: position, keys) { body(keys[index]) }
        }
    }

    private static let capacity = 24

    /// Writes the keys of all features of a unit; says how many.
    @inline(never)
    private func keysOfUnit(at position: Int, _ keys: UnsafeMutableBufferPointer<UInt64>) -> Int {
        var count = 0
        func body(_ key: UInt64) {
            keys[count] = key
            count += 1
        }
        values.withUnsafeBufferPointer { values in
            let at = position + Self.margin
            let (a, b, c, d, e) = (
                UInt64(values[at - 2]), UInt64(values[at - 1]), UInt64(values[at]), UInt64(values[at + 1]),
                UInt64(values[at + 2])
            )
            func use(_ template: UInt64, _ packed: UInt64) { body(FeatureKey(template).with(packed).value) }
            use(1, c)
            use(2, b)
            use(3, d)
            use(4, a)
            use(5, e)
            use(6, b << 21 | c)
            use(7, c << 21 | d)
            use(8, b << 21 | d)
            use(9, a << 21 | b)
            use(10, d << 21 | e)
            use(11, b << 42 | c << 21 | d)
            use(12, a << 42 | b << 21 | c)
            use(13, c << 42 | d << 21 | e)
            use(14, (c == b ? 1 : 0) | (c == a ? 2 : 0) | (c == d ? 4 : 0) | (c == e ? 8 : 0))
        }
        kinds.withUnsafeBufferPointer { kinds in
            let at = position + Self.margin
            let near = UInt64(kinds[at - 1]) << 6 | UInt64(kinds[at]) << 3 | UInt64(kinds[at + 1])
            body(FeatureKey(15).with(near).value)
            let far = near << 6 | UInt64(kinds[at - 2]) << 3 | UInt64(kinds[at + 2])
            body(FeatureKey(16).with(far).value)
        }
        guard !matches.isEmpty else { return count }
        let match = UInt64(matches[position])
        body(FeatureKey(17).with(match).value)
        body(FeatureKey(18).with((match & 7) << 21 | UInt64(values[position + Self.margin])).value)
        body(FeatureKey(19).with(((match >> 3) & 7) << 21 | UInt64(values[position + Self.margin])).value)
        body(FeatureKey(20).with((match >> 6) << 21 | UInt64(values[position + Self.margin])).value)
        return count
    }
}

/// Where a unit may stand in a word, and the best way through a text.
enum BoundaryLabels {
    /// The labels: the begin, the middle, the end of a longer word, and a word of one unit.
    static let (begin, middle, end, single) = (0, 1, 2, 3)
    static let count = 4
    /// As bit masks: what may follow a boundary, and what may stand before one.
    static let (opening, closing): (UInt8, UInt8) = (0b1001, 0b1100)

    /// Whether one label may follow another.
    @inline(__always)
    static func mayFollow(_ first: Int, _ second: Int) -> Bool {
        (first == end || first == single) == (second == begin || second == single)
    }

    /// The best labels: at most one of `allowed`'s bits per unit, transitions included.
    ///
    /// - Parameters:
    ///   - emissions: Four scores per unit.
    ///   - transitions: Sixteen scores, from the row's label to the column's.
    ///   - allowed: A mask per unit; every unit's mask must fit its neighbours'.
    /// - Returns: A label for each unit.
    static func best(emissions: [Float], transitions: [Float], allowed: [UInt8]) -> [UInt8] {
        let count = allowed.count
        guard count > 0 else { return [] }
        let never = -Float.greatestFiniteMagnitude / 4
        var scores: (Float, Float, Float, Float) = (never, never, never, never)
        var origins = [UInt8](repeating: 0, count: count)
        var labels = [UInt8](repeating: 0, count: count)
        emissions.withUnsafeBufferPointer { emissions in
            transitions.withUnsafeBufferPointer { transitions in
                for position in 0..<count {
                    let (at, mask) = (position * 4, allowed[position])
                    func emission(_ label: Int) -> Float {
                        mask & UInt8(1 << label) != 0 ? emissions[at + label] : never
                    }
                    if position == 0 {
                        scores = (emission(begin), never, never, emission(single))
                        continue
                    }
                    func pick(
                        _ first: Int,
                        _ left: Float,
                        _ second: Int,
                        _ right: Float,
                        to: Int
                    ) -> (Float, UInt8) {
                        let (one, two) = (
                            left + transitions[first * 4 + to], right + transitions[second * 4 + to]
                        )
                        return two > one ? (two, UInt8(second)) : (one, UInt8(first))
                    }
                    let fromBegin = pick(end, scores.2, single, scores.3, to: begin)
                    let fromMiddle = pick(begin, scores.0, middle, scores.1, to: middle)
                    let fromEnd = pick(begin, scores.0, middle, scores.1, to: end)
                    let fromSingle = pick(end, scores.2, single, scores.3, to: single)
                    // A path through a forbidden label must stay worst without running out of range.
                    scores = (
                        max(fromBegin.0 + emission(begin), never),
                        max(fromMiddle.0 + emission(middle), never),
                        max(fromEnd.0 + emission(end), never), max(fromSingle.0 + emission(single), never)
                    )
                    origins[position] =
                        fromBegin.1 | fromMiddle.1 << 2 | fromEnd.1 << 4 | fromSingle.1 << 6
                }
            }
        }
        var label = UInt8(scores.3 > scores.2 ? single : end)
        for position in stride(from: count - 1, through: 0, by: -1) {
            labels[position] = label
            label = origins[position] >> (label * 2) & 3
        }
        return labels
    }
}
