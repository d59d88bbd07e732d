import YuyanFileFormats

/// Counts how often words occur near one another, with bounded memory.
///
/// Pairs of frequent words have a place of their own in memory; all others are sorted and, when they fill the memory,
/// written to a temporary file as sorted runs that are merged at the end. The counts depend on the text alone, not on
/// the memory. Source: the scheme of GloVe's program cooccur (Pennington, Socher and Manning, 2014).
public final class CooccurrenceCounter {
    private let window: Int
    private let isSymmetric: Bool
    private var dense: [Double]
    /// Where a row's columns begin in `dense`, and how many it has there.
    private var starts: [Int] = []
    private let sorter: ExternalSorter
    private var recent: [Int32] = []

    /// A counter of nothing.
    ///
    /// Traps when the window is not positive.
    ///
    /// - Parameters:
    ///   - words: the number of words; numbers of words lie below it, the most frequent first.
    ///   - window: the most words between which a pair counts.
    ///   - isSymmetric: whether words on both sides count; else only those before.
    ///   - folder: where the temporary file is made.
    ///   - memoryBytes: about how much memory to use.
    public init(
        words: Int,
        window: Int = 15,
        isSymmetric: Bool = true,
        folder: String,
        memoryBytes: Int = 512 << 20
    ) {
        require(window > 0, "CooccurrenceCounter: the window \(window) must be positive")
        (self.window, self.isSymmetric) = (window, isSymmetric)
        let cells = memoryBytes / 2 / MemoryLayout<Double>.stride
        // Row r has its first limit / (r + 1) columns; the largest limit whose rows fit.
        var (low, high) = (0, max(words, 1) * max(words, 1))
        while low < high {
            let middle = low + (high - low + 1) / 2
            if Self.cells(words, limit: middle, most: cells) == nil {
                high = middle - 1
            } else {
                low = middle
            }
        }
        var total = 0
        for row in 0..<words {
            starts.append(total)
            total += min(words, low / (row + 1))
        }
        starts.append(total)
        dense = [Double](repeating: 0, count: total)
        sorter = ExternalSorter(folder: folder, memoryBytes: memoryBytes / 2)
    }

    private static func cells(_ words: Int, limit: Int, most: Int) -> Int? {
        var total = 0
        for row in 0..<words {
            let columns = min(words, limit / (row + 1))
            if columns == 0 { break }
            total += columns
            if total > most { return nil }
        }
        return total
    }

    /// Counts the pairs of a word with those before it in its sentence.
    ///
    /// - Parameter word: the word's number.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func add(_ word: Int32) throws {
        for (place, earlier) in recent.enumerated() {
            let share = 1 / Double(recent.count - place)
            // Symmetric counts are kept once, the more frequent word first.
            let isOrdered = !isSymmetric || word <= earlier
            let (row, column) = isOrdered ? (Int(word), Int(earlier)) : (Int(earlier), Int(word))
            let cell = starts[row] + column
            if cell < starts[row + 1] {
                dense[cell] += share
            } else {
                try sorter.add(UInt64(row) << 32 | UInt64(column), share.bitPattern)
            }
        }
        if recent.count == window { recent.removeFirst() }
        recent.append(word)
    }

    /// Ends the sentence: pairs do not reach over its end.
    public func endSentence() { recent.removeAll(keepingCapacity: true) }

    /// Hands over all pairs with their counts, and empties the counter.
    ///
    /// - Parameter body: is told row, column and count; of symmetric counts both directions.
    /// - Throws: `FileFormatError` when the disk refuses, and what `body` throws.
    public func drain(_ body: (Int, Int, Double) throws -> Void) throws {
        func hand(_ row: Int, _ column: Int, _ count: Double) throws {
            // A word beside itself is met from both sides.
            guard isSymmetric, row != column else {
                return try body(row, column, isSymmetric ? 2 * count : count)
            }
            try body(row, column, count)
            try body(column, row, count)
        }
        for row in 0..<max(starts.count - 1, 0) {
            for cell in starts[row]..<starts[row + 1] where dense[cell] > 0 {
                try hand(row, cell - starts[row], dense[cell])
                dense[cell] = 0
            }
        }
        var last: (key: UInt64, sum: Double)?
        try sorter.drain { record in
            let share = Double(bitPattern: record.value)
            if let current = last, current.key == record.key {
                last = (record.key, current.sum + share)
                return
            }
            if let last { try hand(Int(last.key >> 32), Int(last.key & 0xFFFF_FFFF), last.sum) }
            last = (record.key, share)
        }
        if let last { try hand(Int(last.key >> 32), Int(last.key & 0xFFFF_FFFF), last.sum) }
        recent = []
    }
}
