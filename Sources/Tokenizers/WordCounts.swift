/// Distinct pieces of text and how often each occurs.
struct WordCounts {
    private struct Slot {
        var hash: Int
        var word: Int32
    }

    private(set) var arena: [UInt8] = []
    private(set) var starts: [Int] = [0]
    private(set) var counts: [Int] = []
    private var slots = [Slot](repeating: Slot(hash: 0, word: -1), count: 1 << 12)

    /// The number of distinct words.
    var count: Int { counts.count }

    mutating func add(_ bytes: UnsafePointer<UInt8>, count: Int, times: Int = 1) {
        if counts.count * 2 >= slots.count { grow() }
        let hash = TokenTable.hash(UnsafeRawPointer(bytes), count: count)
        let mask = slots.count - 1
        var index = hash & mask
        while slots[index].word >= 0 {
            let word = Int(slots[index].word)
            if slots[index].hash == hash, matches(word, bytes, count) {
                counts[word] += times
                return
            }
            index = (index + 1) & mask
        }
        slots[index] = Slot(hash: hash, word: Int32(counts.count))
        counts.append(times)
        arena.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count))
        starts.append(arena.count)
    }

    mutating func add(_ other: WordCounts) {
        other.arena.withUnsafeBufferPointer { arena in
            guard let base = arena.baseAddress else { return }
            for word in 0..<other.count {
                let start = other.starts[word]
                add(base + start, count: other.starts[word + 1] - start, times: other.counts[word])
            }
        }
    }

    /// Counts the pieces of a text.
    mutating func add(_ text: ScannedText, from start: Int, rule: SplitRule) {
        var position = start
        while position < text.end {
            let next = rule.endOfPiece(text, from: position)
            add(text.bytes + position, count: next - position)
            position = next
        }
    }

    private func matches(_ word: Int, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        let start = starts[word]
        guard starts[word + 1] - start == count else { return false }
        return arena.withUnsafeBufferPointer { arena in
            for index in 0..<count where arena[start + index] != bytes[index] { return false }
            return true
        }
    }

    private mutating func grow() {
        let old = slots
        slots = [Slot](repeating: Slot(hash: 0, word: -1), count: old.count * 2)
        let mask = slots.count - 1
        for slot in old where slot.word >= 0 {
            var index = slot.hash & mask
            while slots[index].word >= 0 { index = (index + 1) & mask }
            slots[index] = slot
        }
    }
}
