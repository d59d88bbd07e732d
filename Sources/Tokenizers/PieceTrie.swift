/// A set of byte strings with a number each, as a double array: one step of a walk reads one unit of eight bytes.
///
/// Children of a node with base b stand at b ^ byte (Yata's form of Aoe's double array); bases are never shared, so a unit
/// that carries the byte asked for is the child.
final class PieceTrie: @unchecked Sendable {
    // Unchecked because the units are never written after the initialiser.

    /// A unit: the byte that leads here and a mark of use (9 bits), the base (24 bits), the value plus one (31 bits).
    private let units: UnsafeMutablePointer<UInt64>
    /// The number of units.
    let count: Int

    /// The most units that a trie may have.
    static let mostUnits = 1 << 24

    /// Builds the trie; nil when it would take more than `mostUnits` units.
    ///
    /// - Parameter keys: Strings without doubles, in ascending order of their bytes, each with its value.
    init?(sorted keys: [(bytes: ArraySlice<UInt8>, value: Int32)]) {
        var builder = DoubleArrayBuilder()
        guard builder.build(keys) else { return nil }
        count = builder.units.count
        units = .allocate(capacity: count)
        for (index, unit) in builder.units.enumerated() {
            // Nothing leads to the root, so it must not look like the child of a node without children.
            let label = unit.isUsed && index > 0 ? UInt64(unit.label) | 0x100 : 0
            (units + index).initialize(to: label | UInt64(unit.base) << 9 | UInt64(unit.value + 1) << 33)
        }
    }

    deinit { units.deallocate() }

    /// A place in the trie.
    typealias Node = UInt64

    /// Where walks begin.
    @inline(__always)
    var root: Node { units[0] }

    /// Goes on by a byte; nil when no string goes on so.
    @inline(__always)
    func step(_ node: Node, _ byte: UInt8) -> Node? {
        let next = units[Int(truncatingIfNeeded: (node >> 9) & 0xFF_FFFF ^ UInt64(byte))]
        return next & 0x1FF == 0x100 | UInt64(byte) ? next : nil
    }

    /// The value of the string that ends at a node; negative when none does.
    @inline(__always)
    static func value(_ node: Node) -> Int { Int(truncatingIfNeeded: node >> 33) - 1 }

    /// The value of a string; nil when the trie lacks it.
    func value(of bytes: some Sequence<UInt8>) -> Int32? {
        var node = root
        for byte in bytes {
            guard let next = step(node, byte) else { return nil }
            node = next
        }
        let value = Self.value(node)
        return value < 0 ? nil : Int32(value)
    }

    /// The end of the longest string that begins at `start`; nil when none does.
    @inline(__always)
    func longestMatch(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int? {
        var node = root
        var position = start
        var found: Int?
        while position < end, let next = step(node, bytes[position]) {
            node = next
            position += 1
            if Self.value(node) >= 0 { found = position }
        }
        return found
    }
}

/// Places the nodes of a trie in a double array.
///
/// Free places are kept as bit sets of blocks of 256 units, and only the last blocks are searched, so building takes time
/// in proportion to the number of nodes and, whatever the strings, few units per node.
struct DoubleArrayBuilder {
    struct Unit {
        var base: UInt32 = 0
        var value: Int32 = -1
        var label: UInt8 = 0
        var isUsed = false
    }

    private struct Block {
        var free = SIMD4<UInt64>(repeating: .max)
        var freeBases = SIMD4<UInt64>(repeating: .max)
    }

    private(set) var units: [Unit] = []
    private var blocks: [Block] = []
    private var firstOpen = 0
    private let openBlocks = 16

    /// Builds the array; false when it would be too large.
    mutating func build(_ keys: [(bytes: ArraySlice<UInt8>, value: Int32)]) -> Bool {
        addBlock()
        units[0].isUsed = true
        blocks[0].free[0] &= ~1
        // The base 0 marks nodes without children.
        blocks[0].freeBases[0] &= ~1
        var stack: [(node: Int, low: Int, high: Int, depth: Int)] = [(0, 0, keys.count, 0)]
        var labels: [UInt8] = []
        var starts: [Int] = []
        while let (node, begin, high, depth) = stack.popLast() {
            var low = begin
            labels.removeAll(keepingCapacity: true)
            starts.removeAll(keepingCapacity: true)
            if low < high, keys[low].bytes.count == depth {
                units[node].value = keys[low].value
                low += 1
            }
            var index = low
            while index < high {
                let label = keys[index].bytes[keys[index].bytes.startIndex + depth]
                labels.append(label)
                starts.append(index)
                index = Self.endOfRun(keys, index, high, depth, label)
            }
            guard !labels.isEmpty else { continue }
            guard let base = place(labels) else { return false }
            units[node].base = UInt32(base)
            for label in labels {
                units[base ^ Int(label)].label = label
                units[base ^ Int(label)].isUsed = true
            }
            for (order, start) in starts.enumerated().reversed() {
                let child = base ^ Int(labels[order])
                stack.append((child, start, order + 1 < starts.count ? starts[order + 1] : high, depth + 1))
            }
        }
        return true
    }

    /// The first key after a run of keys with one byte at a depth: doubling steps, then halving ones.
    private static func endOfRun(
        _ keys: [(bytes: ArraySlice<UInt8>, value: Int32)],
        _ start: Int,
        _ high: Int,
        _ depth: Int,
        _ label: UInt8
    ) -> Int {
        func isInRun(_ index: Int) -> Bool {
            keys[index].bytes[keys[index].bytes.startIndex + depth] == label
        }
        var inside = start
        var step = 1
        while inside + step < high, isInRun(inside + step) {
            inside += step
            step *= 2
        }
        while step > 0 {
            if inside + step < high, isInRun(inside + step) { inside += step }
            step /= 2
        }
        return inside + 1
    }

    /// Takes places for the children of a node; the base, or nil when the array would be too large.
    private mutating func place(_ labels: [UInt8]) -> Int? {
        var block = blocks.count - 1
        while block >= firstOpen {
            if let base = fit(labels, block) { return base }
            block -= 1
        }
        guard units.count < PieceTrie.mostUnits else { return nil }
        addBlock()
        return fit(labels, blocks.count - 1)
    }

    private mutating func addBlock() {
        units.append(contentsOf: repeatElement(Unit(), count: 256))
        blocks.append(Block())
        firstOpen = max(0, blocks.count - openBlocks)
    }

    private mutating func fit(_ labels: [UInt8], _ block: Int) -> Int? {
        var candidates = blocks[block].freeBases
        for label in labels {
            candidates &= Self.permuted(blocks[block].free, by: label)
            if candidates == .zero { return nil }
        }
        for word in 0..<4 where candidates[word] != 0 {
            let bit = candidates[word].trailingZeroBitCount
            blocks[block].freeBases[word] &= ~(1 << UInt64(bit))
            let base = word * 64 + bit
            for label in labels {
                let place = base ^ Int(label)
                blocks[block].free[place / 64] &= ~(1 << UInt64(place % 64))
            }
            return block * 256 + base
        }
        return nil
    }

    /// The set of numbers n of which n ^ `mask` is in a set.
    private static func permuted(_ set: SIMD4<UInt64>, by mask: UInt8) -> SIMD4<UInt64> {
        var result = set
        if mask & 0x80 != 0 { result = SIMD4(result[2], result[3], result[0], result[1]) }
        if mask & 0x40 != 0 { result = SIMD4(result[1], result[0], result[3], result[2]) }
        if mask & 0x20 != 0 { result = result &<< 32 | result &>> 32 }
        func swap(_ width: UInt64, _ low: UInt64) {
            result = (result & low) &<< width | (result &>> width) & low
        }
        if mask & 0x10 != 0 { swap(16, 0x0000_FFFF_0000_FFFF) }
        if mask & 0x08 != 0 { swap(8, 0x00FF_00FF_00FF_00FF) }
        if mask & 0x04 != 0 { swap(4, 0x0F0F_0F0F_0F0F_0F0F) }
        if mask & 0x02 != 0 { swap(2, 0x3333_3333_3333_3333) }
        if mask & 0x01 != 0 { swap(1, 0x5555_5555_5555_5555) }
        return result
    }
}
