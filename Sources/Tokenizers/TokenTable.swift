/// Byte strings with numbers: number to bytes by offset, bytes to number by hash.
///
/// Numbers need not be contiguous. Keys are compared byte by byte, never as `String`, for which composed and decomposed
/// letters are equal.
struct TokenTable: Sendable {
    private var arena: [UInt8] = []
    /// Start and length in the arena by id; length -1 for an unused id.
    private var starts: [Int] = []
    private var lengths: [Int32] = []
    private var slots: [Int32] = [Int32](repeating: -1, count: 64)
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
        if id < starts.count, lengths[id] >= 0 { return false }
        if (count + 1) * 2 > slots.count { rehash(capacity: (count + 1) * 4) }
        guard let slot = bytes.withUnsafeBufferPointer({ freeSlot(for: $0) }) else { return false }
        while starts.count <= id {
            starts.append(0)
            lengths.append(-1)
        }
        starts[id] = arena.count
        lengths[id] = Int32(bytes.count)
        arena.append(contentsOf: bytes)
        slots[slot] = Int32(id)
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
    func id(of bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var slot = Self.hash(bytes) & (slots.count - 1)
        while slots[slot] >= 0 {
            if matches(Int(slots[slot]), bytes) { return Int(slots[slot]) }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    func id(of bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBufferPointer { id(of: $0) }
    }

    /// The bytes of an id; nil for an unused one.
    func bytes(of id: Int) -> ArraySlice<UInt8>? {
        guard id >= 0, id < starts.count, lengths[id] >= 0 else { return nil }
        return arena[starts[id]..<starts[id] + Int(lengths[id])]
    }

    private func matches(_ id: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard Int(lengths[id]) == bytes.count else { return false }
        let start = starts[id]
        for index in 0..<bytes.count where arena[start + index] != bytes[index] { return false }
        return true
    }

    private func freeSlot(for bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var slot = Self.hash(bytes) & (slots.count - 1)
        while slots[slot] >= 0 {
            if matches(Int(slots[slot]), bytes) { return nil }
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }

    private mutating func rehash(capacity: Int) {
        var size = 64
        while size < capacity { size *= 2 }
        slots = [Int32](repeating: -1, count: size)
        arena.withUnsafeBufferPointer { arena in
            for id in 0..<starts.count where lengths[id] >= 0 {
                let bytes = UnsafeBufferPointer(rebasing: arena[starts[id]..<starts[id] + Int(lengths[id])])
                var slot = Self.hash(bytes) & (size - 1)
                while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
                slots[slot] = Int32(id)
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
        var position = 0
        while position + 8 <= count {
            hash = mix(hash ^ base.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            position += 8
        }
        var rest: UInt64 = 0
        while position < count {
            rest = rest << 8 | UInt64(base.load(fromByteOffset: position, as: UInt8.self))
            position += 1
        }
        return Int(truncatingIfNeeded: mix(hash ^ rest) >> 8)
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }
}
