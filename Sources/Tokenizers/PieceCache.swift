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

        /// Whether it is the entry of a piece given by its bytes and its byte count.
        @inline(__always)
        func holds(_ low: UInt64, _ high: UInt64) -> Bool { (self.low ^ low) | (self.high ^ high) &<< 4 == 0 }
    }

    /// The longest pieces that are held.
    static let longestPiece = 15
    private static let probes = 8
    private static let smallestBits: UInt64 = 10
    private static let largestBits: UInt64 = 18
    private static let mostManyIds = 1 << 18

    // Nothing here is used while it is being changed; checking that at every access would cost as much as the access.
    @exclusivity(unchecked) private(set) var slots: UnsafeMutablePointer<Entry>
    /// How far a hash is shifted to give a place.
    @exclusivity(unchecked) private(set) var shift: UInt64
    @exclusivity(unchecked) private var used = 0
    /// The ids of pieces that have more than 4.
    @exclusivity(unchecked) private var manyIds: [Int32] = []

    init() {
        slots = Self.empty(Self.smallestBits)
        shift = 64 - Self.smallestBits
    }

    deinit { Self.deallocate(slots, 64 - shift) }

    /// Places behind the last one make searches end without a look at the size; zeros are an unused place.
    private static func empty(_ bits: UInt64) -> UnsafeMutablePointer<Entry> {
        LargeMemory.allocateZeros(Entry.self, count: 1 << Int(bits) + probes)
    }

    private static func deallocate(_ slots: UnsafeMutablePointer<Entry>, _ bits: UInt64) {
        LargeMemory.deallocateZeros(slots, count: 1 << Int(bits) + probes)
    }

    /// The first of the two places that share a cache line and that a piece is looked for in first.
    @inline(__always)
    static func home(_ hash: UInt64, _ shift: UInt64) -> Int { Int(hash &>> shift & ~1) }

    @inline(__always)
    static func hash(_ low: UInt64, _ high: UInt64) -> UInt64 {
        (low ^ (high &* 0xFF51_AFD7_ED55_8CCD)) &* 0x9E37_79B9_7F4A_7C15
    }

    /// The entry of a piece; nil when it is not held.
    func find(_ low: UInt64, _ high: UInt64, _ hash: UInt64) -> UnsafeMutablePointer<Entry>? {
        let first = slots + Self.home(hash, shift)
        for step in 0..<Self.probes {
            let slot = first + step
            if slot.pointee.holds(low, high) { return slot }
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
        if used * 16 > 11 << Int(64 - shift), 64 - shift < Self.largestBits { grow() }
        place(Entry(low: low, high: high | UInt64(count) << 60, ids: held))
    }

    private func place(_ entry: Entry) {
        let first = slots + Self.home(Self.hash(entry.low, entry.high & (UInt64.max >> 4)), shift)
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
        let (old, bits) = (slots, 64 - shift + 1)
        let count = 1 << Int(bits - 1) + Self.probes
        slots = Self.empty(bits)
        shift = 64 - bits
        used = 0
        for index in 0..<count where old[index].high != 0 { place(old[index]) }
        Self.deallocate(old, bits - 1)
    }
}

/// Longer pieces with their ids: indentation, rules, long names.
///
/// Emptied when its memory is full.
final class LongPieceCache {
    private struct Entry: BitwiseCopyable {
        var hash: Int
        var bytes: Int32
        var ids: Int32
        var byteCount: UInt16
        var idCount: UInt16
    }

    /// Memory for entries and for what they hold; a piece has at most as many ids as bytes.
    private struct Memory {
        let slots = LargeMemory.allocate(Entry.self, count: 1 << slotBits)
        let bytes = LargeMemory.allocate(UInt8.self, count: byteLimit)
        let ids = LargeMemory.allocate(Int32.self, count: byteLimit)
        var byteCount = 0
        var idCount = 0

        init() { clear() }

        mutating func clear() {
            slots.initialize(
                repeating: Entry(hash: 0, bytes: 0, ids: 0, byteCount: 0, idCount: 0),
                count: 1 << slotBits
            )
            (byteCount, idCount) = (0, 0)
        }

        func deallocate() {
            slots.deallocate()
            bytes.deallocate()
            ids.deallocate()
        }
    }

    /// The longest pieces that are held; the shortest have one byte more than `PieceCache` holds.
    static let longestPiece = 512
    private static let slotBits = 16
    private static let byteLimit = 1 << 21

    @exclusivity(unchecked) private var memory: Memory?

    deinit { memory?.deallocate() }

    /// Appends the ids of a piece to the output if they are known.
    func append(_ piece: UnsafePointer<UInt8>, count: Int, hash: Int, to scratch: EncoderScratch) -> Bool {
        guard let memory else { return false }
        let entry = memory.slots[hash & (1 << Self.slotBits - 1)]
        guard entry.hash == hash, Int(entry.byteCount) == count,
            Self.areEqual(memory.bytes + Int(entry.bytes), piece, count: count)
        else { return false }
        let idCount = Int(entry.idCount)
        scratch.reserve(idCount)
        (scratch.output + scratch.count).update(from: memory.ids + Int(entry.ids), count: idCount)
        scratch.count += idCount
        return true
    }

    /// Compares at least eight bytes.
    private static func areEqual(
        _ left: UnsafePointer<UInt8>,
        _ right: UnsafePointer<UInt8>,
        count: Int
    ) -> Bool {
        var difference = ByteLanes.load(left + (count - 8)) ^ ByteLanes.load(right + (count - 8))
        var position = 0
        while position < count - 8, difference == 0 {
            difference = ByteLanes.load(left + position) ^ ByteLanes.load(right + position)
            position += 8
        }
        return difference == 0
    }

    /// Holds a piece of a length between the shortest and the longest.
    func insert(
        _ piece: UnsafePointer<UInt8>,
        count: Int,
        hash: Int,
        ids newIds: UnsafeBufferPointer<Int32>
    ) {
        var memory = memory ?? Memory()
        defer { self.memory = memory }
        if memory.byteCount + count > Self.byteLimit { memory.clear() }
        guard let base = newIds.baseAddress, newIds.count <= count else { return }
        memory.slots[hash & (1 << Self.slotBits - 1)] = Entry(
            hash: hash,
            bytes: Int32(memory.byteCount),
            ids: Int32(memory.idCount),
            byteCount: UInt16(count),
            idCount: UInt16(newIds.count)
        )
        (memory.bytes + memory.byteCount).update(from: piece, count: count)
        (memory.ids + memory.idCount).update(from: base, count: newIds.count)
        memory.byteCount += count
        memory.idCount += newIds.count
    }
}
