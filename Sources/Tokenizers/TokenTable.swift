/// Byte strings with numbers: number to bytes by offset, bytes to number by hash.
///
/// Numbers need not be contiguous. Keys are compared byte by byte, never as `String`, for which composed and decomposed
/// letters are equal.
struct TokenTable: Sendable {
    private var arena: [UInt8] = []
    /// Start and length in the arena by id; length -1 for an unused id.
    private var starts: [Int] = []
    private var lengths: [Int32] = []
    /// An id in the lower half, bits of the hash in the upper; `unused` for none.
    private var slots = [UInt64](repeating: TokenTable.unused, count: 64)
    private static let unused = UInt64.max
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
        let (slot, isTaken) = slot(of: bytes, hash: hash)
        if isTaken { return false }
        skip(id: id)
        starts[id] = arena.count
        lengths[id] = Int32(bytes.count)
        arena.append(contentsOf: bytes)
        slots[slot] = Self.entry(id, hash)
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
        let (slot, isTaken) = slot(of: bytes, hash: hash)
        return isTaken ? Int(UInt32(truncatingIfNeeded: slots[slot])) : nil
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

    @inline(__always)
    private static func entry(_ id: Int, _ hash: Int) -> UInt64 {
        UInt64(truncatingIfNeeded: hash) & 0xFFFF_FFFF_0000_0000 | UInt64(UInt32(truncatingIfNeeded: id))
    }

    /// Where some bytes are, or would be.
    private func slot(of bytes: UnsafeBufferPointer<UInt8>, hash: Int) -> (index: Int, isTaken: Bool) {
        slots.withUnsafeBufferPointer { slots in
            let mask = slots.count - 1
            let high = UInt64(truncatingIfNeeded: hash) >> 32
            var index = hash & mask
            while slots[index] != Self.unused {
                if slots[index] >> 32 == high, matches(Int(UInt32(truncatingIfNeeded: slots[index])), bytes) {
                    return (index, true)
                }
                index = (index + 1) & mask
            }
            return (index, false)
        }
    }

    private func matches(_ id: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard Int(lengths[id]) == bytes.count else { return false }
        let start = starts[id]
        return arena.withUnsafeBufferPointer { arena in
            for index in 0..<bytes.count where arena[start + index] != bytes[index] { return false }
            return true
        }
    }

    private mutating func rehash(capacity: Int) {
        var size = 64
        while size < capacity { size *= 2 }
        slots = [UInt64](repeating: Self.unused, count: size)
        for id in 0..<starts.count where lengths[id] >= 0 {
            arena[starts[id]..<starts[id] + Int(lengths[id])].withUnsafeBufferPointer { bytes in
                let hash = Self.hash(bytes)
                slots[slot(of: bytes, hash: hash).index] = Self.entry(id, hash)
            }
        }
    }

    /// A seeded hash, so that no file can be made whose tokens all collide.
    static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        guard let base = UnsafeRawPointer(bytes.baseAddress) else { return 0 }
        return hash(base, count: bytes.count)
    }

    @inline(__always)
    static func hash(_ base: UnsafeRawPointer, count: Int) -> Int {
        var hash = hashSeed ^ UInt64(truncatingIfNeeded: count)
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

private let hashSeed = UInt64.random(in: 0...UInt64.max)
