/// Pieces of at most 15 bytes with their ids: open addressing that begins small and grows with what it meets.
///
/// A piece whose place and the seven behind it are taken, or that comes when the table may not grow any more, replaces
/// another one; so neither memory nor the length of a search can be driven up from outside.
final class PieceCache {
    /// A piece and its ids; 32 bytes, half a cache line.
    struct Entry: BitwiseCopyable {
        /// The first 8 bytes.
        var low: UInt64
        /// Bytes 8 to 14, then the byte count (low half) and the id count (high half) of the last byte.
        var high: UInt64
        /// At most 4 ids; of more, the place of the first one among `manyIds`.
        var ids: SIMD4<Int32>

        @inline(__always)
        var idCount: Int { Int(high >> 60) }
    }

    /// The longest pieces that are held.
    static let longestPiece = 15
    private static let probes = 8
    private static let smallestBits: UInt64 = 10
    private static let largestBits: UInt64 = 18
    private static let mostManyIds = 1 << 18

    private(set) var slots: UnsafeMutablePointer<Entry>
    /// How far a hash is shifted to give a place.
    private(set) var shift: UInt64
    private var used = 0
    /// The ids of pieces that have more than 4.
    private var manyIds: [Int32] = []

    init() {
        slots = Self.empty(Self.smallestBits)
        shift = 64 - Self.smallestBits
    }

    deinit { slots.deallocate() }

    /// Places behind the last one make searches end without a look at the size.
    private static func empty(_ bits: UInt64) -> UnsafeMutablePointer<Entry> {
        let count = 1 << Int(bits) + probes
        let slots = LargeMemory.allocate(Entry.self, count: count)
        slots.initialize(repeating: Entry(low: 0, high: 0, ids: .zero), count: count)
        return slots
    }

    @inline(__always)
    static func hash(_ low: UInt64, _ high: UInt64) -> UInt64 {
        (low ^ (high &* 0xFF51_AFD7_ED55_8CCD)) &* 0x9E37_79B9_7F4A_7C15
    }

    /// The entry of a piece; nil when it is not held.
    func find(_ low: UInt64, _ high: UInt64, _ hash: UInt64) -> UnsafeMutablePointer<Entry>? {
        let first = slots + Int(hash >> shift)
        for step in 0..<Self.probes {
            let slot = first + step
            if slot.pointee.low == low, (slot.pointee.high ^ high) << 4 == 0 { return slot }
            if slot.pointee.high == 0 { return nil }
        }
        return nil
    }

    /// Writes the ids of an entry that has more than 4; there must be room for 15.
    @inline(never)
    func copyManyIds(of entry: UnsafeMutablePointer<Entry>, to output: UnsafeMutablePointer<Int32>) {
        let first = Int(entry.pointee.ids[0])
        for index in 0..<entry.pointee.idCount { output[index] = manyIds[first + index] }
    }

    /// Holds a piece that was not found.
    func insert(_ low: UInt64, _ high: UInt64, ids: UnsafePointer<Int32>, count: Int) {
        var held = SIMD4<Int32>.zero
        if count <= 4 {
            for index in 0..<count { held[index] = ids[index] }
        } else {
            // Pieces that were replaced leave their ids behind; a full store takes no more.
            guard manyIds.count + count <= Self.mostManyIds else { return }
            held[0] = Int32(manyIds.count)
            manyIds.append(contentsOf: UnsafeBufferPointer(start: ids, count: count))
        }
        if used * 2 > 1 << Int(64 - shift), 64 - shift < Self.largestBits { grow() }
        place(Entry(low: low, high: high | UInt64(count) << 60, ids: held))
    }

    private func place(_ entry: Entry) {
        let first = slots + Int(Self.hash(entry.low, entry.high & (UInt64.max >> 4)) >> shift)
        if used * 4 < 3 << Int(64 - shift) {
            for step in 0..<Self.probes where first[step].high == 0 {
                first[step] = entry
                used += 1
                return
            }
        }
        first.pointee = entry
    }

    private func grow() {
        let (old, count) = (slots, 1 << Int(64 - shift) + Self.probes)
        let bits = 64 - shift + 1
        slots = Self.empty(bits)
        shift = 64 - bits
        used = 0
        for index in 0..<count where old[index].high != 0 { place(old[index]) }
        old.deallocate()
    }
}

/// Longer pieces with their ids: indentation, rules, long names.
///
/// Emptied when its memory is full.
final class LongPieceCache {
    private struct Entry {
        var hash: Int
        var bytes: Int32
        var ids: Int32
        var byteCount: UInt16
        var idCount: UInt16
    }

    /// The longest pieces that are held.
    static let longestPiece = 512
    private static let slotBits = 16
    private static let byteLimit = 1 << 21

    private var slots: [Entry] = []
    private var bytes: [UInt8] = []
    private var ids: [Int32] = []

    /// Appends the ids of a piece to the output if they are known.
    func append(_ piece: UnsafePointer<UInt8>, count: Int, hash: Int, to scratch: EncoderScratch) -> Bool {
        guard !slots.isEmpty else { return false }
        let entry = slots[hash & (slots.count - 1)]
        guard entry.hash == hash, Int(entry.byteCount) == count else { return false }
        let isEqual = bytes.withUnsafeBufferPointer { held in
            for index in 0..<count where held[Int(entry.bytes) + index] != piece[index] { return false }
            return true
        }
        guard isEqual else { return false }
        ids.withUnsafeBufferPointer { held in
            for index in 0..<Int(entry.idCount) { scratch.append(held[Int(entry.ids) + index]) }
        }
        return true
    }

    /// Holds a piece.
    func insert(
        _ piece: UnsafePointer<UInt8>,
        count: Int,
        hash: Int,
        ids newIds: UnsafeBufferPointer<Int32>
    ) {
        if slots.isEmpty || bytes.count + count > Self.byteLimit {
            slots = [Entry](
                repeating: Entry(hash: 0, bytes: 0, ids: 0, byteCount: 0, idCount: 0),
                count: 1 << Self.slotBits
            )
            bytes.removeAll(keepingCapacity: true)
            ids.removeAll(keepingCapacity: true)
        }
        slots[hash & (slots.count - 1)] = Entry(
            hash: hash,
            bytes: Int32(bytes.count),
            ids: Int32(ids.count),
            byteCount: UInt16(count),
            idCount: UInt16(newIds.count)
        )
        bytes.append(contentsOf: UnsafeBufferPointer(start: piece, count: count))
        ids.append(contentsOf: newIds)
    }
}
