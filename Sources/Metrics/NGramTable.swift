/// Numbers tokens and n-grams of one comparison exactly: equal n-grams have equal numbers, different ones different.
///
/// An n-gram is the pair of the n-gram before its last token and that token, so that no text is copied or hashed for
/// orders above 1. Everything is forgotten by ``reset(capacity:)`` without being cleared.
struct NGramTable: Sendable {
    private struct Slot {
        var key: UInt64 = 0
        var number: Int32 = 0
        var generation: UInt32 = 0
    }

    private var slots: [Slot] = []
    private var mask = 0
    private var generation: UInt32 = 0
    /// Numbers do not depend on it; it keeps texts made to collide from being slow.
    private let seed = UInt64.random(in: .min ... .max)
    /// How many numbers have been given.
    private(set) var count = 0

    /// Forgets everything and makes room for `capacity` n-grams.
    mutating func reset(capacity: Int) {
        var size = 64
        while size <= 2 * capacity { size *= 2 }
        if size > slots.count || generation == .max {
            slots = [Slot](repeating: Slot(), count: max(size, slots.count))
            generation = 0
        }
        mask = size - 1
        generation += 1
        count = 0
    }

    @inline(__always)
    private func place(_ key: UInt64) -> Int {
        var mixed = (key ^ seed) &* 0x9E37_79B9_7F4A_7C15
        mixed ^= mixed >> 29
        return Int(truncatingIfNeeded: (mixed &* 0xBF58_476D_1CE4_E5B9) >> 32) & mask
    }

    @inline(__always)
    private static func key(_ prefix: Int32, _ token: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: prefix)) << 32 | UInt64(UInt32(bitPattern: token))
    }

    /// Returns the number of a pair, −1 for one that was never inserted.
    @inline(__always)
    func find(_ prefix: Int32, _ token: Int32) -> Int32 {
        let key = Self.key(prefix, token)
        var index = place(key)
        while slots[index].generation == generation {
            if slots[index].key == key { return slots[index].number }
            index = (index + 1) & mask
        }
        return -1
    }

    /// Returns the number of a pair, a new one for a pair not met before.
    @inline(__always)
    mutating func insert(_ prefix: Int32, _ token: Int32) -> Int32 {
        let key = Self.key(prefix, token)
        var index = place(key)
        while slots[index].generation == generation {
            if slots[index].key == key { return slots[index].number }
            index = (index + 1) & mask
        }
        let number = Int32(count)
        slots[index] = Slot(key: key, number: number, generation: generation)
        count += 1
        if 2 * count > mask { grow() }
        return number
    }

    /// Doubles the room.
    private mutating func grow() {
        let old = slots.filter { $0.generation == generation }
        mask = 2 * mask + 1
        slots = [Slot](repeating: Slot(), count: mask + 1)
        for slot in old {
            var index = place(slot.key)
            while slots[index].generation == generation { index = (index + 1) & mask }
            slots[index] = slot
        }
    }
}

/// Numbers words by their letters.
struct WordNumbers: Sendable {
    private var slots = [Int32](repeating: -1, count: 64)
    private var mask = 63
    private var letters: [UInt32] = []
    private var ranges: [Range<Int>] = []
    private var hashes: [UInt64] = []
    private let seed = UInt64.random(in: .min ... .max)

    /// How many different words have been met.
    var count: Int { ranges.count }

    /// Forgets all words and makes room for `capacity` of them.
    mutating func reset(capacity: Int) {
        var size = 64
        while size <= 2 * capacity { size *= 2 }
        slots.removeAll(keepingCapacity: true)
        slots.append(contentsOf: repeatElement(-1, count: size))
        mask = size - 1
        letters.removeAll(keepingCapacity: true)
        ranges.removeAll(keepingCapacity: true)
        hashes.removeAll(keepingCapacity: true)
    }

    /// Returns the number of a word, a new one for a word not met before.
    mutating func number(_ scalars: [UInt32], _ word: Range<Int>) -> Int32 {
        var hash = seed
        for index in word {
            hash = (hash ^ UInt64(scalars[index])) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 32
        }
        var place = Int(truncatingIfNeeded: hash) & mask
        while slots[place] >= 0 {
            let number = Int(slots[place])
            if hashes[number] == hash, equals(ranges[number], scalars, word) { return slots[place] }
            place = (place + 1) & mask
        }
        let number = Int32(ranges.count)
        slots[place] = number
        ranges.append(letters.count..<letters.count + word.count)
        hashes.append(hash)
        letters.append(contentsOf: scalars[word])
        if 2 * ranges.count > mask { grow() }
        return number
    }

    /// Doubles the room.
    private mutating func grow() {
        mask = 2 * mask + 1
        slots = [Int32](repeating: -1, count: mask + 1)
        for (number, hash) in hashes.enumerated() {
            var place = Int(truncatingIfNeeded: hash) & mask
            while slots[place] >= 0 { place = (place + 1) & mask }
            slots[place] = Int32(number)
        }
    }

    private func equals(_ known: Range<Int>, _ scalars: [UInt32], _ word: Range<Int>) -> Bool {
        guard known.count == word.count else { return false }
        for offset in 0..<word.count
        where letters[known.lowerBound + offset] != scalars[word.lowerBound + offset] {
            return false
        }
        return true
    }
}

/// Counts how many n-grams of a hypothesis occur in references, each no more often than there.
struct NGramMatcher: Sendable {
    private var table = NGramTable()
    private var allowed: [Int32] = []
    private var current: [Int32] = []
    private var used: [Int32] = []

    /// Forgets the references and makes room for new ones.
    ///
    /// - Parameters:
    ///   - tokens: the number of tokens of all references.
    ///   - orders: the highest n.
    mutating func reset(tokens: Int, orders: Int) {
        table.reset(capacity: tokens * orders)
        allowed.removeAll(keepingCapacity: true)
        current.removeAll(keepingCapacity: true)
    }

    /// Allows the n-grams of one more reference; an n-gram may occur as often as in the reference that has most of it.
    mutating func allow(_ tokens: [Int32], orders: Int) {
        let isFirst = allowed.isEmpty
        for start in tokens.indices {
            var number: Int32 = -1
            for end in start..<min(start + orders, tokens.count) {
                number = table.insert(number, tokens[end])
                if Int(number) == current.count {
                    current.append(1)
                } else {
                    current[Int(number)] += 1
                }
            }
        }
        if isFirst {
            swap(&allowed, &current)
        } else {
            while allowed.count < current.count { allowed.append(0) }
            for index in current.indices where current[index] > allowed[index] {
                allowed[index] = current[index]
            }
        }
        current.removeAll(keepingCapacity: true)
        current.append(contentsOf: repeatElement(0, count: table.count))
    }

    /// Adds the matches of a hypothesis, by order, to `matches`; a matcher serves one hypothesis between resets.
    mutating func match(_ tokens: [Int32], orders: Int, into matches: inout [Int]) {
        used.removeAll(keepingCapacity: true)
        used.append(contentsOf: repeatElement(0, count: table.count))
        for start in tokens.indices {
            var number: Int32 = -1
            for end in start..<min(start + orders, tokens.count) {
                number = table.find(number, tokens[end])
                if number < 0 { break }
                let index = Int(number)
                if used[index] < allowed[index] {
                    used[index] += 1
                    matches[end - start] += 1
                }
            }
        }
    }
}
