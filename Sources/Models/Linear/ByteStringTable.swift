import YuyanTensorCore

/// Numbers byte strings in the order in which they come.
struct ByteStringTable {
    private struct Entry {
        var hash: UInt32
        var length: UInt32
        var start: Int
    }
    private var entries: [Entry] = []
    private var bytes: [UInt8] = []
    private var slots = [Int32](repeating: -1, count: 1 << 12)

    /// The number of strings.
    var count: Int { entries.count }

    /// The string of a number.
    func string(_ number: Int) -> String {
        let start = entries[number].start
        return String(decoding: bytes[start..<start + Int(entries[number].length)], as: UTF8.self)
    }

    /// The number of a string, or nil.
    func find(_ string: UnsafeBufferPointer<UInt8>) -> Int32? {
        let hash = Self.hash(string)
        let found = slots[slot(of: string, hash)]
        return found < 0 ? nil : found
    }

    /// The number of a string; a new one gets the next.
    mutating func insert(_ string: UnsafeBufferPointer<UInt8>) -> Int32 {
        let hash = Self.hash(string)
        let slot = slot(of: string, hash)
        if slots[slot] >= 0 { return slots[slot] }
        require(entries.count < Int32.max, "ByteStringTable: more than \(Int32.max) strings")
        let number = Int32(entries.count)
        entries.append(Entry(hash: hash, length: UInt32(string.count), start: bytes.count))
        bytes.append(contentsOf: string)
        slots[slot] = number
        if 2 * entries.count > slots.count { grow() }
        return number
    }

    mutating func insert(_ string: String) -> Int32 {
        var string = string
        return string.withUTF8 { insert($0) }
    }

    /// FNV-1a in 64 bits, folded.
    static func hash(_ string: UnsafeBufferPointer<UInt8>) -> UInt32 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in string { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    }

    /// Where a string stands or would stand.
    private func slot(of string: UnsafeBufferPointer<UInt8>, _ hash: UInt32) -> Int {
        let mask = slots.count - 1
        var slot = Int(hash) & mask
        while slots[slot] >= 0 {
            let entry = entries[Int(slots[slot])]
            if entry.hash == hash, Int(entry.length) == string.count, isEqual(entry.start, string) {
                return slot
            }
            slot = (slot + 1) & mask
        }
        return slot
    }

    private func isEqual(_ start: Int, _ string: UnsafeBufferPointer<UInt8>) -> Bool {
        bytes.withUnsafeBufferPointer { bytes in
            for place in 0..<string.count where bytes[start + place] != string[place] { return false }
            return true
        }
    }

    private mutating func grow() {
        slots = [Int32](repeating: -1, count: 2 * slots.count)
        let mask = slots.count - 1
        for (number, entry) in entries.enumerated() {
            var slot = Int(entry.hash) & mask
            while slots[slot] >= 0 { slot = (slot + 1) & mask }
            slots[slot] = Int32(number)
        }
    }
}
