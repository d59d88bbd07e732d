import YuyanFileFormats

/// Distinct words and how often each was added: open addressing, with words of up to 15 bytes inside the slots.
///
/// Not safe for use by several threads at once; every thread has a table of its own.
final class WordTable: @unchecked Sendable {
    // Unchecked because a table is handed from thread to thread, and only one ever uses it.

    /// A word and its count.
    ///
    /// A short word lies in `low` and the seven low bytes of `high`, its length in the high byte. Of a longer one `low`
    /// is the hash and `high` its place in the arena, marked by a high byte of 255. A `high` of 0 is an empty slot.
    private struct Slot {
        var low: UInt64
        var high: UInt64
        var count: Int
    }

    private static let longMark: UInt64 = 0xFF << 56
    /// Before each long word in the arena stands its length.
    private static let lengthBytes = 8

    private var slots: UnsafeMutablePointer<Slot>
    private var capacity: Int
    private var arena: UnsafeMutableRawPointer
    private var arenaCapacity = 1 << 12
    private var arenaCount = 0
    /// The number of distinct words.
    private(set) var count = 0

    init() {
        capacity = 1 << 12
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: Slot(low: 0, high: 0, count: 0), count: capacity)
        arena = .allocate(byteCount: arenaCapacity, alignment: 16)
    }

    deinit {
        slots.deallocate()
        arena.deallocate()
    }

    /// The memory taken, in bytes.
    var byteCount: Int { capacity * MemoryLayout<Slot>.stride + arenaCapacity }

    /// The most memory that adding `more` bytes of text can make the table take, the old slots included while it grows.
    func byteCount(afterAdding more: Int) -> Int {
        var slotsNeeded = capacity
        while (count + more) * 2 > slotsNeeded { slotsNeeded *= 2 }
        let growing = slotsNeeded > capacity ? capacity : 0
        return (slotsNeeded + growing) * MemoryLayout<Slot>.stride
            + max(arenaCapacity, (arenaCount + more) * 3)
    }

    /// Adds a word.
    ///
    /// - Parameters:
    ///   - bytes: The word, not empty.
    ///   - count: Its length.
    ///   - hasRoom: Whether 16 bytes may be read from `bytes` on.
    ///   - times: How often it is added.
    @inline(__always)
    func add(_ bytes: UnsafePointer<UInt8>, count: Int, hasRoom: Bool, times: Int = 1) {
        guard count <= 15 else { return addLong(UnsafeRawPointer(bytes), count: count, times: times) }
        let (low, high) = Self.key(UnsafeRawPointer(bytes), count: count, hasRoom: hasRoom)
        var index = Self.hash(low, high) & (capacity - 1)
        while true {
            let slot = slots + index
            if slot.pointee.low == low, slot.pointee.high == high {
                slot.pointee.count += times
                return
            }
            if slot.pointee.high == 0 { break }
            index = (index + 1) & (capacity - 1)
        }
        slots[index] = Slot(low: low, high: high, count: times)
        self.count += 1
        if self.count * 2 > capacity { grow() }
    }

    @inline(__always)
    private static func key(_ bytes: UnsafeRawPointer, count: Int, hasRoom: Bool) -> (UInt64, UInt64) {
        var low: UInt64 = 0
        var high: UInt64 = 0
        if hasRoom {
            low = bytes.loadUnaligned(as: UInt64.self)
            if count < 8 {
                low &= (1 << UInt64(8 * count)) &- 1
            } else {
                high = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                high &= (1 << UInt64(8 * (count - 8))) &- 1
            }
        } else {
            for index in 0..<count {
                let byte = UInt64(bytes.load(fromByteOffset: index, as: UInt8.self))
                if index < 8 {
                    low |= byte << UInt64(8 * index)
                } else {
                    high |= byte << UInt64(8 * (index - 8))
                }
            }
        }
        return (low, high | UInt64(count) << 56)
    }

    /// A seeded hash, so that no text can be made whose words all collide.
    @inline(__always)
    private static func hash(_ low: UInt64, _ high: UInt64) -> Int {
        let product = (low ^ TokenTable.seed).multipliedFullWidth(by: high ^ (TokenTable.seed >> 7 | 1))
        return Int(truncatingIfNeeded: product.high ^ product.low)
    }

    private func addLong(_ bytes: UnsafeRawPointer, count: Int, times: Int) {
        let hash = TokenTable.hash(bytes, count: count)
        let low = UInt64(bitPattern: Int64(hash))
        var index = hash & (capacity - 1)
        while slots[index].high != 0 {
            if slots[index].low == low, slots[index].high >= Self.longMark {
                let (word, length) = longWord(slots[index])
                if length == count, memoryEquals(word, bytes, count) {
                    slots[index].count += times
                    return
                }
            }
            index = (index + 1) & (capacity - 1)
        }
        reserveArena(Self.lengthBytes + count)
        slots[index] = Slot(low: low, high: Self.longMark | UInt64(arenaCount), count: times)
        arena.storeBytes(of: count, toByteOffset: arenaCount, as: Int.self)
        (arena + arenaCount + Self.lengthBytes).copyMemory(from: bytes, byteCount: count)
        arenaCount += Self.lengthBytes + count
        self.count += 1
        if self.count * 2 > capacity { grow() }
    }

    private func longWord(_ slot: Slot) -> (bytes: UnsafeRawPointer, count: Int) {
        let start = arena + Int(slot.high & ~Self.longMark)
        return (UnsafeRawPointer(start + Self.lengthBytes), start.loadUnaligned(as: Int.self))
    }

    private func memoryEquals(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
        UnsafeRawBufferPointer(start: left, count: count)
            .elementsEqual(UnsafeRawBufferPointer(start: right, count: count))
    }

    private func reserveArena(_ more: Int) {
        guard arenaCount + more > arenaCapacity else { return }
        arenaCapacity = max(arenaCapacity * 2, arenaCount + more)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: arenaCapacity, alignment: 16)
        larger.copyMemory(from: arena, byteCount: arenaCount)
        arena.deallocate()
        arena = larger
    }

    private func grow() {
        let old = (slots, capacity)
        capacity *= 2
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: Slot(low: 0, high: 0, count: 0), count: capacity)
        for slot in UnsafeBufferPointer(start: old.0, count: old.1) where slot.high != 0 {
            let hash =
                slot.high >= Self.longMark
                ? Int(truncatingIfNeeded: slot.low) : Self.hash(slot.low, slot.high)
            var index = hash & (capacity - 1)
            while slots[index].high != 0 { index = (index + 1) & (capacity - 1) }
            slots[index] = slot
        }
        old.0.deallocate()
    }

    /// Calls `body` with every word and its count, in no particular order.
    func forEach<Failure: Error>(
        _ body: (UnsafeBufferPointer<UInt8>, Int) throws(Failure) -> Void
    ) throws(Failure) {
        for index in 0..<capacity where slots[index].high != 0 { try visit(slots[index], body) }
    }

    /// Calls `body` with every word and its count, the words in order of their bytes.
    func forEachSorted<Failure: Error>(
        _ body: (UnsafeBufferPointer<UInt8>, Int) throws(Failure) -> Void
    ) throws(Failure) {
        // Compared first by the first eight bytes, as one number.
        var order: [(prefix: UInt64, index: Int)] = []
        order.reserveCapacity(count)
        for index in 0..<capacity where slots[index].high != 0 {
            let isLong = slots[index].high >= Self.longMark
            let first =
                isLong ? longWord(slots[index]).bytes.loadUnaligned(as: UInt64.self) : slots[index].low
            order.append((first.byteSwapped, index))
        }
        order.sort { left, right in
            left.prefix != right.prefix ? left.prefix < right.prefix : precedes(left.index, right.index)
        }
        for entry in order { try visit(slots[entry.index], body) }
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        var result = false
        visit(slots[left]) { first, _ in
            visit(slots[right]) { second, _ in result = first.lexicographicallyPrecedes(second) }
        }
        return result
    }

    @inline(__always)
    private func visit<Failure: Error>(
        _ slot: Slot,
        _ body: (UnsafeBufferPointer<UInt8>, Int) throws(Failure) -> Void
    ) throws(Failure) {
        if slot.high >= Self.longMark {
            let (bytes, count) = longWord(slot)
            let start = bytes.assumingMemoryBound(to: UInt8.self)
            return try body(UnsafeBufferPointer(start: start, count: count), slot.count)
        }
        var key = (slot.low.littleEndian, slot.high.littleEndian)
        try withUnsafeBytes(of: &key) { raw throws(Failure) in
            let start = raw.baseAddress?.assumingMemoryBound(to: UInt8.self)
            try body(UnsafeBufferPointer(start: start, count: Int(slot.high >> 56)), slot.count)
        }
    }

    /// Adds all words of another table.
    func add(_ other: WordTable) {
        other.forEach { bytes, times in
            guard let base = bytes.baseAddress else { return }
            add(base, count: bytes.count, hasRoom: false, times: times)
        }
    }

    /// Forgets all words and gives the memory back.
    func removeAll() {
        slots.deallocate()
        arena.deallocate()
        (capacity, count, arenaCapacity, arenaCount) = (1 << 12, 0, 1 << 12, 0)
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: Slot(low: 0, high: 0, count: 0), count: capacity)
        arena = .allocate(byteCount: arenaCapacity, alignment: 16)
    }
}
