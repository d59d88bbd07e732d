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

        @inline(__always)
        init(_ words: TokenWords, hash: Int, id: Int) {
            let high = (UInt64(truncatingIfNeeded: hash) >> 32 & 0xFF_FFFF) << 32
            label = UInt64(min(words.count, 255)) << 56 | high | UInt64(UInt32(truncatingIfNeeded: id))
            (first, last) = (words.first, words.last)
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

    /// No tokens.
    init() {}

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
        let (words, hash) = Self.wordsAndHash(bytes)
        let sought = Slot(words, hash: hash, id: id)
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

    /// Tokens that lie one behind the other: token `index` ends at `ends[index]` and has the id `ids[index]`.
    ///
    /// Nil when two tokens share their bytes or their id.
    init?(arena: [UInt8], ends: [Int32], ids: [Int32]) {
        let limit = Int(ids.max() ?? -1) + 1
        self.arena = arena
        starts = [Int](repeating: 0, count: limit)
        lengths = [Int32](repeating: -1, count: limit)
        count = ids.count
        makeEmpty(capacity: count * 2)
        let isComplete = arena.withUnsafeBufferPointer { arena in
            starts.withUnsafeMutableBufferPointer { starts in
                lengths.withUnsafeMutableBufferPointer { lengths in
                    var start = 0
                    for (end, id) in zip(ends, ids) {
                        guard lengths[Int(id)] < 0 else { return false }
                        starts[Int(id)] = start
                        lengths[Int(id)] = end - Int32(start)
                        start = Int(end)
                    }
                    return true
                }
            }
        }
        guard isComplete, fillSlots(ids) else { return nil }
    }

    /// Puts tokens into empty slots.
    ///
    /// - Returns: Whether no two have the same bytes.
    private mutating func fillSlots(_ ids: [Int32]) -> Bool {
        var (slots, filter) = (self.slots, self.filter)
        (self.slots, self.filter) = ([], [])
        defer { (self.slots, self.filter) = (slots, filter) }
        let (mask, filterMask) = (slots.count - 1, filter.count - 1)
        return arena.withUnsafeBufferPointer { arena in
            slots.withUnsafeMutableBufferPointer { slots in
                filter.withUnsafeMutableBufferPointer { filter in
                    for id in ids {
                        let start = starts[Int(id)]
                        let bytes = UnsafeBufferPointer(
                            rebasing: arena[start..<start + Int(lengths[Int(id)])]
                        )
                        let (words, hash) = Self.wordsAndHash(bytes)
                        let token = Slot(words, hash: hash, id: Int(id))
                        var index = hash & mask
                        while !slots[index].isUnused {
                            if slots[index].resembles(token),
                                bytes.count <= 16 || matches(slots[index].id, bytes)
                            {
                                return false
                            }
                            index = (index + 1) & mask
                        }
                        slots[index] = token
                        filter[hash >> 6 & filterMask] |= 1 << UInt64(hash & 63)
                    }
                    return true
                }
            }
        }
    }

    /// Lends the bytes of all tokens, and where each begins and how long it is (-1 for an unused id).
    func withTokens<Result>(
        _ body: (UnsafePointer<UInt8>, UnsafeBufferPointer<Int>, UnsafeBufferPointer<Int32>) -> Result
    ) -> Result? {
        arena.withUnsafeBufferPointer { arena in
            starts.withUnsafeBufferPointer { starts in
                lengths.withUnsafeBufferPointer { lengths in
                    arena.baseAddress.map { body($0, starts, lengths) }
                }
            }
        }
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
        let words = bytes.baseAddress.map { TokenWords(UnsafeRawPointer($0), count: bytes.count) }
        let sought = Slot(words ?? TokenWords(), hash: hash, id: 0)
        let (slot, isTaken) = slot(of: bytes, hash: hash, sought)
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

    /// Whether an id stands for some bytes.
    func has(_ bytes: UnsafeBufferPointer<UInt8>, id: Int32) -> Bool {
        id >= 0 && Int(id) < lengths.count && matches(Int(id), bytes)
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

    private mutating func makeEmpty(capacity: Int) {
        var size = 64
        while size < capacity { size *= 2 }
        slots = Self.emptySlots(size)
        filter = [UInt64](repeating: 0, count: min(size, 1 << 20) / 16)
    }

    private mutating func rehash(capacity: Int) {
        makeEmpty(capacity: capacity)
        _ = fillSlots((0..<Int32(starts.count)).filter { lengths[Int($0)] >= 0 })
    }

    /// The seed of hashes of outside text, new in every process.
    static let seed = UInt64.random(in: 0...UInt64.max)

    /// A seeded hash, so that no file can be made whose tokens all collide.
    static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        guard let base = UnsafeRawPointer(bytes.baseAddress), bytes.count > 0 else { return 0 }
        return hash(base, count: bytes.count)
    }

    @inline(__always)
    static func hash(_ base: UnsafeRawPointer, count: Int) -> Int {
        hash(base, TokenWords(base, count: count))
    }

    private static func wordsAndHash(_ bytes: UnsafeBufferPointer<UInt8>) -> (TokenWords, Int) {
        guard let base = UnsafeRawPointer(bytes.baseAddress), bytes.count > 0 else {
            return (TokenWords(), 0)
        }
        let words = TokenWords(base, count: bytes.count)
        return (words, hash(base, words))
    }

    /// The hash of some bytes, from their first and last words where that is all of them.
    @inline(__always)
    private static func hash(_ base: UnsafeRawPointer, _ words: TokenWords) -> Int {
        var hash = mix(seed ^ UInt64(truncatingIfNeeded: words.count) ^ words.first)
        guard words.count > 8 else { return Int(truncatingIfNeeded: hash) }
        var position = 8
        while position < words.count - 8 {
            hash = mix(hash ^ base.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            position += 8
        }
        return Int(truncatingIfNeeded: mix(hash ^ words.last))
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }
}

/// The first and the last eight bytes of some bytes.
struct TokenWords {
    /// The first 8 bytes, followed by zeros.
    var first: UInt64 = 0
    /// The last 8 bytes of more than 8, else zeros.
    var last: UInt64 = 0
    var count = 0

    init() {}

    @inline(__always)
    init(_ base: UnsafeRawPointer, count: Int) {
        self.count = count
        if count >= 8 {
            first = base.loadUnaligned(as: UInt64.self)
            last = count > 8 ? base.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self) : 0
        } else if count >= 4 {
            // The halves may overlap: what both hold is equal.
            first = UInt64(base.loadUnaligned(as: UInt32.self))
            first |=
                UInt64(base.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
                << UInt64(8 * (count - 4))
        } else if count > 0 {
            let middle = base.load(fromByteOffset: count >> 1, as: UInt8.self)
            let end = base.load(fromByteOffset: count - 1, as: UInt8.self)
            first = UInt64(base.load(as: UInt8.self))
            first |= UInt64(middle) << UInt64(8 * (count >> 1)) | UInt64(end) << UInt64(8 * (count - 1))
        }
    }
}
