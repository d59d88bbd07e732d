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

    /// A rank and a result per pair of ids; a pair given twice keeps the later rank.
    init(_ merges: some Collection<(left: Int32, right: Int32, rank: Int, result: Int32)>) {
        var size = 64
        while size < merges.count * 2 { size *= 2 }
        mask = size - 1
        slots = .allocate(capacity: size)
        slots.initialize(repeating: Slot(pair: .max, merge: Self.none), count: size)
        for merge in merges {
            let pair = Self.pair(merge.left, merge.right)
            var index = Self.hash(pair) & mask
            while slots[index].pair != pair, slots[index].pair != .max { index = (index + 1) & mask }
            let value = UInt64(UInt32(merge.rank)) << 32 | UInt64(UInt32(bitPattern: merge.result))
            slots[index] = Slot(pair: pair, merge: value)
        }
    }

    deinit { slots.deallocate() }

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
        var index = Self.hash(pair) & mask
        while true {
            let slot = slots[index]
            if slot.pair == pair { return slot.merge }
            if slot.pair == .max { return Self.none }
            index = (index + 1) & mask
        }
    }
}
