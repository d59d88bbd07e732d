import Foundation

/// A language model over bytes by counting: interpolated modified Kneser–Ney smoothing.
///
/// It is the honest baseline of this house: a few seconds of counting, no choices to tune, and a figure in bits per
/// byte that a trained model has to beat. The smoothing is that of Chen and Goodman (1998): counts of the longest
/// contexts, numbers of different predecessors below them, three discounts for each length estimated from the
/// counts, and the even distribution over 256 bytes at the bottom.
///
/// Memory: 12 bytes for each different sequence of up to `contextLength` + 1 bytes and 8 for each context, in all
/// lengths, and about as much again while counting; English text of 10 MB has about 3 million of them.
public struct NGramModel: Sendable {
    /// The number of preceding bytes that a prediction looks at.
    public let contextLength: Int
    /// The number of bytes that were counted.
    public let trainedByteCount: Int
    /// One level for each context length, from 0 up.
    private let levels: [Level]

    /// Counts documents.
    ///
    /// Contexts do not reach across documents; before a document's first byte stand zeros.
    /// Traps when `contextLength` lies outside 1 … 7.
    ///
    /// - Parameters:
    ///   - documents: the training texts as bytes.
    ///   - contextLength: the number of preceding bytes that a prediction looks at.
    ///   - maximumBytes: no more bytes than these are counted, which bounds memory; a document that would pass the
    ///     bound is cut there.
    public init(
        documents: some Sequence<[UInt8]>,
        contextLength: Int = 5,
        maximumBytes: Int = 64 << 20
    ) {
        require(
            (1...7).contains(contextLength),
            "NGramModel: context length \(contextLength) is not in 1 … 7"
        )
        self.contextLength = contextLength
        var counter = SequenceCounter()
        let mask = Self.mask(bytes: contextLength + 1)
        var trained = 0
        for document in documents {
            if trained >= maximumBytes { break }
            let part = document.prefix(maximumBytes - trained)
            trained += part.count
            var key: UInt64 = 0
            for byte in part {
                key = (key << 8 | UInt64(byte)) & mask
                counter.add(key)
            }
        }
        trainedByteCount = trained
        var table = counter.finish()
        var levels: [Level] = []
        for length in stride(from: contextLength, through: 0, by: -1) {
            levels.append(Level(table))
            if length > 0 { table = table.withoutFirstByte(mask: Self.mask(bytes: length)) }
        }
        self.levels = levels.reversed()
    }

    /// The number of different sequences held, over all lengths.
    public var entryCount: Int { levels.reduce(0) { $0 + $1.entryCount } }

    /// Returns the probability of a byte after a context.
    ///
    /// - Parameters:
    ///   - byte: the byte to predict.
    ///   - context: the bytes before it; only the last `contextLength` count, and zeros stand before a document.
    /// - Returns: a probability above 0; all 256 add up to 1.
    public func probability(of byte: UInt8, after context: some Collection<UInt8>) -> Double {
        let packed = context.suffix(contextLength).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return probability(of: byte, packedContext: packed)
    }

    /// Returns the negative log-likelihood of a document.
    ///
    /// - Parameter document: its bytes.
    /// - Returns: the sum over its bytes, in nats.
    public func nats(of document: some Sequence<UInt8>) -> Double {
        var (total, context) = (0.0, UInt64(0))
        let mask = Self.mask(bytes: contextLength)
        for byte in document {
            total -= log(probability(of: byte, packedContext: context))
            context = (context << 8 | UInt64(byte)) & mask
        }
        return total
    }

    /// Returns how many bits the model needs for each byte of some documents.
    ///
    /// - Parameter documents: the texts as bytes.
    /// - Returns: bits per byte; NaN for no text.
    public func bitsPerByte(of documents: some Sequence<[UInt8]>) -> Double {
        var (total, count) = (0.0, 0)
        for document in documents {
            total += nats(of: document)
            count += document.count
        }
        return count == 0 ? .nan : total / (Double(count) * log(2.0))
    }

    private func probability(of byte: UInt8, packedContext context: UInt64) -> Double {
        var probability = 1.0 / 256
        for (length, level) in levels.enumerated() {
            let key = context & Self.mask(bytes: length)
            guard let found = level.find(context: key, byte: byte) else { break }
            probability = found.discounted + found.backoff * probability
        }
        return probability
    }

    private static func mask(bytes: Int) -> UInt64 {
        bytes >= 8 ? UInt64.max : (UInt64(1) << UInt64(8 * bytes)) - 1
    }
}

/// The counts of one context length, ready for predictions.
///
/// Contexts are found by hashing; the bytes that followed a context lie side by side in rising order.
private struct Level: Sendable {
    /// The bytes that followed, context by context.
    private var bytes: [UInt8] = []
    /// Their counts.
    private var counts: [UInt32] = []
    /// The contexts in rising order.
    private var contexts: [UInt64] = []
    /// Where each context's bytes begin, and the end of all.
    private var starts: [UInt32] = []
    /// The sum of each context's counts.
    private var totals: [Double] = []
    /// The probability that each context leaves to shorter ones.
    private var backoffs: [Double] = []
    /// Open addressing: one more than the context's number, 0 for an empty place.
    private var slots: [UInt32] = []
    private var slotShift: UInt64 = 63
    private let discounts: Discounts

    var entryCount: Int { bytes.count }

    init(_ table: SequenceTable) {
        discounts = Discounts(counts: table.counts)
        bytes = table.keys.map { UInt8(truncatingIfNeeded: $0) }
        counts = table.counts
        for (place, key) in table.keys.enumerated() where contexts.last != key >> 8 {
            contexts.append(key >> 8)
            starts.append(UInt32(place))
        }
        starts.append(UInt32(bytes.count))
        for number in contexts.indices {
            var (total, left) = (0.0, 0.0)
            for place in Int(starts[number])..<Int(starts[number + 1]) {
                total += Double(counts[place])
                left += discounts[counts[place]]
            }
            totals.append(total)
            backoffs.append(left / total)
        }
        buildSlots()
    }

    private mutating func buildSlots() {
        let bits = Int.bitWidth - max(contexts.count * 2, 2).leadingZeroBitCount
        slots = [UInt32](repeating: 0, count: 1 << bits)
        slotShift = UInt64(64 - bits)
        for number in contexts.indices {
            var slot = firstSlot(contexts[number])
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = UInt32(number + 1)
        }
    }

    private func firstSlot(_ context: UInt64) -> Int {
        Int(((context ^ (context >> 29)) &* 0x9E37_79B9_7F4A_7C15) >> slotShift)
    }

    /// The discounted share of a byte and the share left to shorter contexts; nil for a context never seen.
    func find(context: UInt64, byte: UInt8) -> (discounted: Double, backoff: Double)? {
        var slot = firstSlot(context)
        while true {
            let entry = slots[slot]
            if entry == 0 { return nil }
            let number = Int(entry) - 1
            if contexts[number] == context {
                let place = self.place(of: byte, in: Int(starts[number])..<Int(starts[number + 1]))
                let count = place.map { counts[$0] } ?? 0
                return ((Double(count) - discounts[count]) / totals[number], backoffs[number])
            }
            slot = (slot + 1) & (slots.count - 1)
        }
    }

    private func place(of byte: UInt8, in range: Range<Int>) -> Int? {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = (low + high) / 2
            if bytes[middle] < byte { low = middle + 1 } else { high = middle }
        }
        return low < range.upperBound && bytes[low] == byte ? low : nil
    }
}

/// What is taken off counts of one, two, and three or more.
private struct Discounts: Sendable {
    private let values: [Double]

    init(counts: [UInt32]) {
        var found = [Double](repeating: 0, count: 5)
        for count in counts where (1...4).contains(count) { found[Int(count)] += 1 }
        // Where a kind of count is missing the estimate is undefined: half a count is taken off instead.
        guard found[1] > 0, found[2] > 0 else {
            values = [0, 0.5, 0.5, 0.5]
            return
        }
        let share = found[1] / (found[1] + 2 * found[2])
        values =
            [0]
            + (1...3).map { count -> Double in
                if found[count] == 0 { return 0.5 }
                let estimate = Double(count) - Double(count + 1) * share * found[count + 1] / found[count]
                // Nothing may be taken off that is not there, nor added; and something must be left to other bytes.
                return min(max(estimate, 0.05), Double(count) - 0.05)
            }
    }

    subscript(count: UInt32) -> Double { values[Int(min(count, 3))] }
}

/// Different byte sequences of one length in rising order, each packed into a number, with their counts.
private struct SequenceTable {
    var keys: [UInt64] = []
    var counts: [UInt32] = []

    /// The sequences without their first bytes; each counts as often as it had different first bytes.
    func withoutFirstByte(mask: UInt64) -> SequenceTable {
        SequenceTable(sorting: keys.map { $0 & mask }, bits: UInt64.bitWidth - mask.leadingZeroBitCount)
    }

    init() {}

    /// Sorts and counts keys of at most `bits` bits.
    init(sorting unsorted: [UInt64], bits: Int) {
        var sorted = unsorted
        radixSort(&sorted, bits: bits)
        for key in sorted {
            if keys.last == key {
                counts[counts.count - 1] += 1
            } else {
                keys.append(key)
                counts.append(1)
            }
        }
    }

    /// Adds the counts of another table.
    mutating func merge(_ other: SequenceTable) {
        if keys.isEmpty { self = other; return }
        var merged = SequenceTable()
        merged.keys.reserveCapacity(keys.count + other.keys.count)
        merged.counts.reserveCapacity(keys.count + other.keys.count)
        var (left, right) = (0, 0)
        while left < keys.count || right < other.keys.count {
            let takesLeft = right >= other.keys.count || left < keys.count && keys[left] <= other.keys[right]
            let takesRight = left >= keys.count || right < other.keys.count && other.keys[right] <= keys[left]
            merged.keys.append(takesLeft ? keys[left] : other.keys[right])
            let count =
                (takesLeft ? UInt64(counts[left]) : 0) + (takesRight ? UInt64(other.counts[right]) : 0)
            merged.counts.append(UInt32(clamping: count))
            if takesLeft { left += 1 }
            if takesRight { right += 1 }
        }
        self = merged
    }
}

/// Counts packed sequences with memory for the different ones and a fixed number of pending ones.
private struct SequenceCounter {
    private static let pendingLimit = 1 << 23
    private var table = SequenceTable()
    private var pending: [UInt64] = []

    mutating func add(_ key: UInt64) {
        pending.append(key)
        if pending.count >= Self.pendingLimit { flush() }
    }

    mutating func finish() -> SequenceTable {
        flush()
        return table
    }

    private mutating func flush() {
        table.merge(SequenceTable(sorting: pending, bits: 64))
        pending.removeAll(keepingCapacity: true)
    }
}

/// Sorts numbers by 11 bits at a time, skipping digits that are all equal.
private func radixSort(_ numbers: inout [UInt64], bits: Int) {
    var other = [UInt64](repeating: 0, count: numbers.count)
    for shift in stride(from: UInt64(0), to: UInt64(max(bits, 0)), by: 11) {
        var places = [Int](repeating: 0, count: 2048)
        for number in numbers { places[Int((number >> shift) & 2047)] += 1 }
        if places.contains(numbers.count) { continue }
        var sum = 0
        for digit in places.indices { (places[digit], sum) = (sum, sum + places[digit]) }
        numbers.withUnsafeBufferPointer { source in
            other.withUnsafeMutableBufferPointer { target in
                for number in source {
                    let digit = Int((number >> shift) & 2047)
                    target[places[digit]] = number
                    places[digit] += 1
                }
            }
        }
        swap(&numbers, &other)
    }
}
