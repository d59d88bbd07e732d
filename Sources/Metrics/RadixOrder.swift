/// The place of a number in an order: a key that sorts as the number does, and where the number stood.
struct OrderedEntry {
    var key: UInt64
    var position: UInt32

    var index: Int { Int(position) }
}

/// Returns the places of numbers from the highest down; equal ones (0 and −0 are equal) keep their order.
///
/// Traps for more than 2³² − 1 numbers.
func descendingOrder(_ values: [Double]) -> [OrderedEntry] {
    sortedEntries(values) { ~ascendingKey($0) }
}

/// Returns the places of numbers from the lowest up; equal ones (0 and −0 are equal) keep their order.
///
/// Traps for more than 2³² − 1 numbers.
func ascendingOrder(_ values: [Double]) -> [OrderedEntry] {
    sortedEntries(values, key: ascendingKey)
}

/// Returns an integer that orders as the number does.
@inline(__always)
private func ascendingKey(_ value: Double) -> UInt64 {
    // Adding 0 turns −0 into 0.
    let bits = (value + 0).bitPattern
    return bits & (1 << 63) == 0 ? bits | (1 << 63) : ~bits
}

@inline(__always)
private func sortedEntries(_ values: [Double], key: (Double) -> UInt64) -> [OrderedEntry] {
    require(values.count <= Int(UInt32.max), "an order of \(values.count) numbers is too long")
    var entries: [OrderedEntry] = []
    entries.reserveCapacity(values.count)
    for (index, value) in values.enumerated() {
        entries.append(OrderedEntry(key: key(value), position: UInt32(index)))
    }
    if entries.count < 1024 {
        entries.sort { $0.key != $1.key ? $0.key < $1.key : $0.position < $1.position }
        return entries
    }
    radixSort(&entries)
    return entries
}

/// Returns the number that a key of a descending order stands for.
@inline(__always)
func value(ofDescendingKey key: UInt64) -> Double {
    let ascending = ~key
    return Double(bitPattern: ascending & (1 << 63) != 0 ? ascending ^ (1 << 63) : ~ascending)
}

/// Sorts by key, stably: by the upper 33 bits in three passes of 11, then what they leave equal.
///
/// Passes whose digits are all equal are skipped. Numbers that agree in 33 bits are few or agree in all 64, so that the
/// second step has little to do.
private func radixSort(_ entries: inout [OrderedEntry]) {
    let (passes, buckets, lowest) = (3, 2048, 31)
    var counts = [Int](repeating: 0, count: passes * buckets)
    counts.withUnsafeMutableBufferPointer { counts in
        for entry in entries {
            for pass in 0..<passes {
                let digit = Int(truncatingIfNeeded: entry.key >> UInt64(lowest + 11 * pass)) & 2047
                counts[pass * buckets + digit] += 1
            }
        }
    }
    var other = entries
    for pass in 0..<passes {
        var starts = Array(counts[pass * buckets..<(pass + 1) * buckets])
        if starts.contains(entries.count) { continue }
        var next = 0
        for bucket in 0..<buckets {
            let size = starts[bucket]
            starts[bucket] = next
            next += size
        }
        let shift = UInt64(lowest + 11 * pass)
        entries.withUnsafeBufferPointer { from in
            other.withUnsafeMutableBufferPointer { to in
                starts.withUnsafeMutableBufferPointer { starts in
                    for entry in from {
                        let digit = Int(truncatingIfNeeded: entry.key >> shift) & 2047
                        to[starts[digit]] = entry
                        starts[digit] += 1
                    }
                }
            }
        }
        swap(&entries, &other)
    }
    entries.withUnsafeMutableBufferPointer { sortRuns($0, ignoring: UInt64(lowest)) }
}

/// Sorts the runs of entries whose keys agree but for the lowest bits.
private func sortRuns(_ entries: UnsafeMutableBufferPointer<OrderedEntry>, ignoring bits: UInt64) {
    var start = 0
    while start < entries.count {
        let upper = entries[start].key >> bits
        var (end, isSorted) = (start + 1, true)
        while end < entries.count, entries[end].key >> bits == upper {
            if entries[end].key < entries[end - 1].key { isSorted = false }
            end += 1
        }
        if !isSorted {
            var run = UnsafeMutableBufferPointer<OrderedEntry>(rebasing: entries[start..<end])
            run.sort(by: precedes)
        }
        start = end
    }
}

/// Whether an entry stands before another: by key, then by position.
private func precedes(_ first: OrderedEntry, _ second: OrderedEntry) -> Bool {
    if first.key != second.key { return first.key < second.key }
    return first.position < second.position
}
