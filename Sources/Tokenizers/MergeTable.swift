/// Which pairs of tokens merge, in which order, into what: open addressing over plain memory.
///
/// Sendable because nothing changes after it is built.
final class MergeTable: @unchecked Sendable {
    /// No merge: larger than every real entry.
    static let none = UInt64.max

    private struct Slot: BitwiseCopyable {
        var pair: UInt64
        var merge: UInt64
    }

    // Nothing here is used while it is being changed; checking that at every access would cost as much as the access.
    @exclusivity(unchecked) private var slots: UnsafeMutablePointer<Slot>
    @exclusivity(unchecked) private var mask: Int
    @exclusivity(unchecked) private var count = 0
    /// What pairs of the ids below 256 merge into: in the vocabularies in use these are the single bytes, with which every
    /// word begins.
    private let small: UnsafeMutablePointer<UInt64>
    /// Two bits of one word per pair: most pairs do not merge, and this table of their absence stays in the cache.
    @exclusivity(unchecked) private var filter: UnsafeMutablePointer<UInt64>
    @exclusivity(unchecked) private var filterMask: Int

    /// An empty table with room for some merges; it grows when there are more.
    init(capacity: Int) {
        var size = 64
        while size < capacity * 2 { size *= 2 }
        (slots, mask) = (Self.emptySlots(size), size - 1)
        (filter, filterMask) = Self.emptyFilter(size)
        small = .allocate(capacity: 1 << 16)
        small.initialize(repeating: Self.none, count: 1 << 16)
    }

    deinit {
        slots.deallocate()
        small.deallocate()
        filter.deallocate()
    }

    private static func emptySlots(_ size: Int) -> UnsafeMutablePointer<Slot> {
        let slots = LargeMemory.allocate(Slot.self, count: size)
        slots.initialize(repeating: Slot(pair: .max, merge: none), count: size)
        return slots
    }

    private static func emptyFilter(_ size: Int) -> (UnsafeMutablePointer<UInt64>, mask: Int) {
        let words = min(max(size / 16, 16), 1 << 15)
        let filter = UnsafeMutablePointer<UInt64>.allocate(capacity: words)
        filter.initialize(repeating: 0, count: words)
        return (filter, words - 1)
    }

    /// The bits of a pair in its word of the filter.
    @inline(__always)
    private static func filterBits(_ hash: Int) -> UInt64 {
        1 &<< UInt64(truncatingIfNeeded: hash) | 1 &<< UInt64(truncatingIfNeeded: hash >> 6)
    }

    /// Notes that a pair merges; a pair given twice keeps the later rank.
    func insert(_ left: Int32, _ right: Int32, rank: Int, result: Int32) {
        if count * 2 > mask { grow() }
        let value = UInt64(UInt32(truncatingIfNeeded: rank)) << 32 | UInt64(UInt32(bitPattern: result))
        if Self.isSmall(left, right) { small[Int(left) << 8 | Int(right)] = value }
        if insert(Slot(pair: Self.pair(left, right), merge: value)) { count += 1 }
    }

    /// - Returns: Whether the pair is new.
    private func insert(_ slot: Slot) -> Bool {
        let hash = Self.hash(slot.pair)
        filter[hash >> 12 & filterMask] |= Self.filterBits(hash)
        var index = hash & mask
        while slots[index].pair != slot.pair, slots[index].pair != .max { index = (index + 1) & mask }
        defer { slots[index] = slot }
        return slots[index].pair == .max
    }

    private func grow() {
        let (old, oldSize) = (slots, mask + 1)
        filter.deallocate()
        (slots, mask) = (Self.emptySlots(oldSize * 2), oldSize * 2 - 1)
        (filter, filterMask) = Self.emptyFilter(oldSize * 2)
        for index in 0..<oldSize where old[index].pair != .max { _ = insert(old[index]) }
        old.deallocate()
    }

    @inline(__always)
    private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private static func hash(_ pair: UInt64) -> Int {
        // The left symbol moved down, so that it counts in all bits that are taken of the product.
        let mixed = pair ^ pair &>> 12
        return Int(truncatingIfNeeded: (mixed &* 0x9E37_79B9_7F4A_7C15) >> 30)
    }

    @inline(__always)
    private static func isSmall(_ left: Int32, _ right: Int32) -> Bool {
        UInt32(bitPattern: left | right) < 256
    }

    /// Rank in the upper half and result in the lower, or `none`.
    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> UInt64 {
        if Self.isSmall(left, right) { return small[Int(left) &<< 8 | Int(right)] }
        let pair = Self.pair(left, right)
        let hash = Self.hash(pair)
        let bits = Self.filterBits(hash)
        guard filter[hash >> 12 & filterMask] & bits == bits else { return Self.none }
        var index = hash & mask
        while true {
            let slot = slots[index]
            if slot.pair == pair { return slot.merge }
            if slot.pair == .max { return Self.none }
            index = (index + 1) & mask
        }
    }

    /// Merges symbols as far as they go, finding the best pair by looking at all of them; fastest for words.
    ///
    /// - Parameters:
    ///   - symbols: The symbols, which the result replaces.
    ///   - length: Their number.
    ///   - pairs: Working space for as many numbers.
    /// - Returns: The number of symbols left.
    func mergeByScans(
        _ symbols: UnsafeMutablePointer<Int32>,
        length: Int,
        pairs: UnsafeMutablePointer<UInt64>
    ) -> Int {
        guard length > 1 else { return length }
        var last = length - 1
        for index in 0..<last { pairs[index] = merge(symbols[index], symbols[index + 1]) }
        while last > 0 {
            var best = Self.none
            var place = 0
            for index in 0..<last {
                let pair = pairs[index]
                place = pair < best ? index : place
                best = min(pair, best)
            }
            if best == Self.none { break }
            last = mergeAll(best, from: place, symbols, last: last, pairs)
        }
        return last + 1
    }

    /// Carries out one merge from a place to the right, wherever it is found, as long as no pair arises that goes first.
    ///
    /// - Returns: The index of the last symbol.
    @inline(__always)
    private func mergeAll(
        _ best: UInt64,
        from place: Int,
        _ symbols: UnsafeMutablePointer<Int32>,
        last: Int,
        _ pairs: UnsafeMutablePointer<UInt64>
    ) -> Int {
        let merged = Int32(truncatingIfNeeded: best)
        var (read, write) = (place, place)
        var isNext = true
        while read < last {
            guard isNext, pairs[read] == best else {
                symbols[write] = symbols[read]
                pairs[write] = pairs[read]
                read += 1
                write += 1
                continue
            }
            symbols[write] = merged
            if write > 0 {
                pairs[write - 1] = merge(symbols[write - 1], merged)
                isNext = pairs[write - 1] > best
            }
            if read + 2 <= last {
                pairs[write] = merge(merged, symbols[read + 2])
                isNext = isNext && pairs[write] > best
            }
            read += 2
            write += 1
        }
        if read == last {
            symbols[write] = symbols[read]
            write += 1
        }
        return write - 1
    }
}
