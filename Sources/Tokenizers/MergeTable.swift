/// Which pairs of tokens merge, in which order, into what: open addressing over plain memory.
///
/// Sendable because nothing changes after the initialiser.
final class MergeTable: @unchecked Sendable {
    /// No merge: larger than every real entry.
    static let none = UInt64.max

    private struct Slot {
        var pair: UInt64
        var merge: UInt64
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let mask: Int
    /// One bit per hash value: most pairs do not merge, and this table of their absence stays in the cache.
    private let filter: UnsafeMutablePointer<UInt64>
    private let filterMask: Int

    /// A rank and a result per pair of ids; a pair given twice keeps the later rank.
    init(_ merges: some Collection<(left: Int32, right: Int32, rank: Int, result: Int32)>) {
        var size = 64
        while size < merges.count * 2 { size *= 2 }
        mask = size - 1
        slots = .allocate(capacity: size)
        slots.initialize(repeating: Slot(pair: .max, merge: Self.none), count: size)
        var filterSize = 1024
        while filterSize < merges.count * 4, filterSize < 1 << 21 { filterSize *= 2 }
        filterMask = filterSize - 1
        filter = .allocate(capacity: filterSize / 64)
        filter.initialize(repeating: 0, count: filterSize / 64)
        for merge in merges {
            let pair = Self.pair(merge.left, merge.right)
            let hash = Self.hash(pair)
            filter[(hash & filterMask) >> 6] |= 1 << UInt64(hash & 63)
            var index = hash & mask
            while slots[index].pair != pair, slots[index].pair != .max { index = (index + 1) & mask }
            let value = UInt64(UInt32(merge.rank)) << 32 | UInt64(UInt32(bitPattern: merge.result))
            slots[index] = Slot(pair: pair, merge: value)
        }
    }

    deinit {
        slots.deallocate()
        filter.deallocate()
    }

    @inline(__always)
    private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private static func hash(_ pair: UInt64) -> Int {
        Int(truncatingIfNeeded: (pair &* 0x9E37_79B9_7F4A_7C15) >> 28)
    }

    /// Rank in the upper half and result in the lower, or `none`.
    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> UInt64 {
        let pair = Self.pair(left, right)
        let hash = Self.hash(pair)
        guard filter[(hash & filterMask) >> 6] >> UInt64(hash & 63) & 1 != 0 else { return Self.none }
        var index = hash & mask
        while true {
            let slot = slots[index]
            if slot.pair == pair { return slot.merge }
            if slot.pair == .max { return Self.none }
            index = (index + 1) & mask
        }
    }
}
