/// Byte strings with numbers: number to bytes by offset, bytes to number by hash.
///
/// Numbers need not be contiguous. Keys are compared byte by byte, never as `String`, for which composed and decomposed
/// letters are equal.
struct TokenTable: Sendable {
    private var arena: [UInt8] = []
    /// A token as the hash finds it; short ones are known without a look into the arena.
    private struct Slot: BitwiseCopyable {
        /// The id in the lower half; above it bits of the hash and, in the last byte, the length, 255 for more.
        var label: UInt64
        /// The first 8 bytes, followed by zeros.
        var first: UInt64
        /// The last 8 bytes of more than 8; with them up to 16 bytes are known.
        var last: UInt64

        static let unused = Slot(label: .max, first: 0, last: 0)

        init(label: UInt64, first: UInt64, last: UInt64) {
            (self.label, self.first, self.last) = (label, first, last)
        }

        init(_ token: UnsafeBufferPointer<UInt8>, hash: Int, id: Int) {
            let high = (UInt64(truncatingIfNeeded: hash) >> 32 & 0xFF_FFFF) << 32
            label = UInt64(min(token.count, 255)) << 56 | high | UInt64(UInt32(truncatingIfNeeded: id))
            (first, last) = (0, 0)
            if token.count > 8 {
                let raw = UnsafeRawBufferPointer(token)
                first = raw.loadUnaligned(as: UInt64.self)
                last = raw.loadUnaligned(fromByteOffset: token.count - 8, as: UInt64.self)
            } else {
                for index in 0..<token.count { first |= UInt64(token[index]) << UInt64(8 * index) }
            }
        }

        var isUnused: Bool { label == .max }
        var id: Int { Int(UInt32(truncatingIfNeeded: label)) }

        /// Whether length, bits of the hash, first and last bytes are the same.
        @inline(__always)
        func resembles(_ other: Slot) -> Bool {
            label >> 32 == other.label >> 32 && first == other.first && last == other.last
        }
    }

    /// Start and length in the arena by id; length -1 for an unused id.
    private var starts: [Int] = []
    private var lengths: [Int32] = []
    private var slots = emptySlots(64)
    /// One bit per hash value: most byte strings that are looked up are no tokens, and this table of their absence stays
    /// in the cache.
    private var filter = [UInt64](repeating: 0, count: 4)
    /// The number of tokens.
    private(set) var count = 0

    /// One more than the largest id.
    var idLimit: Int { starts.count }

    mutating func reserve(_ tokens: Int) {
        starts.reserveCapacity(tokens)
        lengths.reserveCapacity(tokens)
        arena.reserveCapacity(tokens * 8)
        if slots.count < tokens * 2 { rehash(capacity: tokens * 2) }
    }

    /// Adds a token under an id; false when the bytes or the id are taken.
    mutating func insert(_ bytes: [UInt8], id: Int) -> Bool {
        bytes.withUnsafeBufferPointer { insert($0, id: id) }
    }

    /// Adds a token under an id; false when the bytes or the id are taken.
    mutating func insert(_ bytes: UnsafeBufferPointer<UInt8>, id: Int) -> Bool {
        if id < starts.count, lengths[id] >= 0 { return false }
        if (count + 1) * 2 > slots.count { rehash(capacity: (count + 1) * 4) }
        let hash = Self.hash(bytes)
        let sought = Slot(bytes, hash: hash, id: id)
        let (slot, isTaken) = slot(of: bytes, hash: hash, sought)
        if isTaken { return false }
        skip(id: id)
        starts[id] = arena.count
        lengths[id] = Int32(bytes.count)
        arena.append(contentsOf: bytes)
        slots[slot] = sought
        note(hash)
        count += 1
        return true
    }

    /// Takes an id without giving it bytes.
    mutating func skip(id: Int) {
        while starts.count <= id {
            starts.append(0)
            lengths.append(-1)
        }
    }

    /// The id of some bytes.
    func id(of bytes: UnsafeBufferPointer<UInt8>) -> Int? { id(of: bytes, hash: Self.hash(bytes)) }

    /// The id of some bytes whose hash is known.
    func id(of bytes: UnsafeBufferPointer<UInt8>, hash: Int) -> Int? {
        guard filter[(hash >> 6) & (filter.count - 1)] >> UInt64(hash & 63) & 1 != 0 else { return nil }
        let (slot, isTaken) = slot(of: bytes, hash: hash, Slot(bytes, hash: hash, id: 0))
        return isTaken ? slots[slot].id : nil
    }

    func id(of bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBufferPointer { id(of: $0) }
    }

    /// The bytes of an id; nil for an unused one.
    func bytes(of id: Int) -> ArraySlice<UInt8>? {
        guard id >= 0, id < starts.count, lengths[id] >= 0 else { return nil }
        return arena[starts[id]..<starts[id] + Int(lengths[id])]
    }

    /// The number of bytes of a token; 0 for an unused id.
    func length(of id: Int32) -> Int {
        id >= 0 && Int(id) < lengths.count ? max(Int(lengths[Int(id)]), 0) : 0
    }

    /// The most bytes of a token.
    var longestToken: Int { Int(max(lengths.max() ?? 0, 0)) }

    /// The token of each single byte; -1 where there is none.
    var byteIds: [Int32] { (0..<256).map { byte in id(of: [UInt8(byte)]).map { Int32($0) } ?? -1 } }

    /// Where some bytes are, or would be.
    private func slot(
        of bytes: UnsafeBufferPointer<UInt8>,
        hash: Int,
        _ sought: Slot
    ) -> (index: Int, isTaken: Bool) {
        slots.withUnsafeBufferPointer { slots in
            let mask = slots.count - 1
            var index = hash & mask
            while !slots[index].isUnused {
                if slots[index].resembles(sought), bytes.count <= 16 || matches(slots[index].id, bytes) {
                    return (index, true)
                }
                index = (index + 1) & mask
            }
            return (index, false)
        }
    }

    private mutating func note(_ hash: Int) {
        filter[(hash >> 6) & (filter.count - 1)] |= 1 << UInt64(hash & 63)
    }

    private func matches(_ id: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard Int(lengths[id]) == bytes.count else { return false }
        let start = starts[id]
        return arena.withUnsafeBufferPointer { arena in
            for index in 0..<bytes.count where arena[start + index] != bytes[index] { return false }
            return true
        }
    }

    private static func emptySlots(_ size: Int) -> [Slot] {
        [Slot](unsafeUninitializedCapacity: size) { slots, count in
            LargeMemory.advise(UnsafeMutableRawBufferPointer(slots))
            slots.initialize(repeating: Slot.unused)
            count = size
        }
    }

    private mutating func rehash(capacity: Int) {
        var size = 64
        while size < capacity { size *= 2 }
        slots = Self.emptySlots(size)
        filter = [UInt64](repeating: 0, count: min(size, 1 << 20) / 16)
        for id in 0..<starts.count where lengths[id] >= 0 {
            arena[starts[id]..<starts[id] + Int(lengths[id])].withUnsafeBufferPointer { bytes in
                let hash = Self.hash(bytes)
                let token = Slot(bytes, hash: hash, id: id)
                slots[slot(of: bytes, hash: hash, token).index] = token
                note(hash)
            }
        }
    }

    /// The seed of hashes of outside text, new in every process.
    static let seed = UInt64.random(in: 0...UInt64.max)

    /// A seeded hash, so that no file can be made whose tokens all collide.
    static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        guard let base = UnsafeRawPointer(bytes.baseAddress) else { return 0 }
        return hash(base, count: bytes.count)
    }

    @inline(__always)
    static func hash(_ base: UnsafeRawPointer, count: Int) -> Int {
        var hash = seed ^ UInt64(truncatingIfNeeded: count)
        if count >= 8 {
            var position = 0
            while position < count - 8 {
                hash = mix(hash ^ base.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                position += 8
            }
            let last = base.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
            return Int(truncatingIfNeeded: mix(hash ^ last))
        }
        var rest: UInt64 = 0
        for position in 0..<count {
            rest = rest << 8 | UInt64(base.load(fromByteOffset: position, as: UInt8.self))
        }
        return Int(truncatingIfNeeded: mix(hash ^ rest))
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }
}
