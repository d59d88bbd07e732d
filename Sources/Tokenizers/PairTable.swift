/// Numbers by pairs of symbols: open addressing, sixteen bytes a place.
final class PairTable {
    private struct Slot {
        var pair: UInt64
        var value: Int
    }

    /// No pair: symbols are not negative.
    private static let empty = UInt64.max
    private var slots: UnsafeMutablePointer<Slot>
    private var mask: Int
    /// The number of pairs.
    private(set) var count = 0

    init(capacity: Int = 1 << 12) {
        var size = 1 << 6
        while size < capacity { size *= 2 }
        mask = size - 1
        slots = .allocate(capacity: size)
        slots.initialize(repeating: Slot(pair: Self.empty, value: 0), count: size)
    }

    deinit { slots.deallocate() }

    @inline(__always)
    static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Symbols come from a table of tokens and never from a file, so a fixed hash will do.
    @inline(__always)
    static func hash(_ pair: UInt64) -> Int {
        let product = (pair &+ 1) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: product >> 32 ^ product >> 54)
    }

    /// The place of a pair, good until one is inserted; nil when it is not in the table.
    @inline(__always)
    private func find(_ pair: UInt64) -> Int? {
        var index = Self.hash(pair) & mask
        while slots[index].pair != pair {
            if slots[index].pair == Self.empty { return nil }
            index = (index + 1) & mask
        }
        return index
    }

    /// The number of a pair; nil when it is not in the table.
    @inline(__always)
    func value(of pair: UInt64) -> Int? { find(pair).map { slots[$0].value } }

    /// Adds to the number of a pair that is in the table, and leaves others alone.
    @inline(__always)
    func addIfPresent(_ pair: UInt64, _ number: Int) {
        if let index = find(pair) { slots[index].value += number }
    }

    /// Adds to the number of a pair, which is 0 when it is not in the table yet.
    ///
    /// - Returns: The sum.
    @inline(__always)
    @discardableResult
    func add(_ pair: UInt64, _ number: Int) -> Int {
        if let index = find(pair) {
            slots[index].value += number
            return slots[index].value
        }
        insert(pair, number)
        return number
    }

    /// Puts in a pair that is not in the table.
    func insert(_ pair: UInt64, _ value: Int) {
        if (count + 1) * 2 > mask { grow() }
        var index = Self.hash(pair) & mask
        while slots[index].pair != Self.empty { index = (index + 1) & mask }
        slots[index] = Slot(pair: pair, value: value)
        count += 1
    }

    /// Calls `body` with every pair and its number.
    func forEach(_ body: (UInt64, Int) -> Void) {
        for index in 0...mask where slots[index].pair != Self.empty {
            body(slots[index].pair, slots[index].value)
        }
    }

    private func grow() {
        let (old, oldMask) = (slots, mask)
        mask = mask * 2 + 1
        slots = .allocate(capacity: mask + 1)
        slots.initialize(repeating: Slot(pair: Self.empty, value: 0), count: mask + 1)
        for slot in UnsafeBufferPointer(start: old, count: oldMask + 1) where slot.pair != Self.empty {
            var index = Self.hash(slot.pair) & mask
            while slots[index].pair != Self.empty { index = (index + 1) & mask }
            slots[index] = slot
        }
        old.deallocate()
    }
}

/// A pair that may be merged next, with the words it may be found in.
struct MergeCandidate {
    /// How often the pair occurred when the candidate was made or last looked at.
    var count: Int
    let pair: UInt64
    /// Which of the learner's places hold the words.
    let places: Range<Int>

    /// More frequent first, then smaller symbols, then the one made earlier.
    @inline(__always)
    func precedes(_ other: MergeCandidate) -> Bool {
        if count != other.count { return count > other.count }
        return pair != other.pair ? pair < other.pair : places.lowerBound < other.places.lowerBound
    }
}

/// A binary heap of candidates, the one to merge next on top.
struct CandidateHeap {
    private var items: [MergeCandidate] = []

    /// The candidate to merge next.
    var top: MergeCandidate? { items.first }

    mutating func push(_ item: MergeCandidate) {
        items.append(item)
        items.withUnsafeMutableBufferPointer { items in
            var child = items.count - 1
            while child > 0 {
                let parent = (child - 1) / 2
                guard item.precedes(items[parent]) else { break }
                items[child] = items[parent]
                child = parent
            }
            items[child] = item
        }
    }

    mutating func removeTop() {
        guard let last = items.popLast(), !items.isEmpty else { return }
        replaceTop(last)
    }

    mutating func replaceTop(_ item: MergeCandidate) {
        items.withUnsafeMutableBufferPointer { items in
            var parent = 0
            while true {
                var child = 2 * parent + 1
                guard child < items.count else { break }
                if child + 1 < items.count, items[child + 1].precedes(items[child]) { child += 1 }
                guard items[child].precedes(item) else { break }
                items[parent] = items[child]
                parent = child
            }
            items[parent] = item
        }
    }
}
