import YuyanFileFormats

/// Counts how often words occur near one another, with bounded memory.
///
/// Pairs of frequent words have a place of their own in memory; all others are sorted and, when they fill the memory,
/// written to a temporary file as sorted runs that are merged at the end. The counts and the order in which they are
/// handed over depend on the text alone, not on the memory. Source: the scheme of GloVe's program cooccur (Pennington,
/// Socher and Manning, 2014).
public final class CooccurrenceCounter {
    /// About how much memory is used by default, in bytes.
    public static let standardMemory = 512 << 20

    private let window: Int
    private let isSymmetric: Bool
    private var dense: [Double]
    /// Where a row's columns begin in `dense`, and how many it has there.
    private var starts: [Int] = []
    /// Row r's first columns, this number divided by r + 1, are handed over before all others.
    private let frequentLimit: Int
    private let sorter: ExternalSorter
    private var recent: [Int32] = []

    /// Marks the key of a pair that is handed over after those of frequent words.
    private static let isRare: UInt64 = 1 << 63

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
    public convenience init(
        words: Int,
        window: Int = 15,
        isSymmetric: Bool = true,
        folder: String,
        memoryBytes: Int = CooccurrenceCounter.standardMemory
    ) {
        self.init(
            words: words,
            window: window,
            isSymmetric: isSymmetric,
            folder: folder,
            memoryBytes: memoryBytes,
            frequentBytes: Self.standardMemory
        )
    }

    /// A counter that hands over first what would have places of their own in so many bytes of memory.
    package init(
        words: Int,
        window: Int,
        isSymmetric: Bool,
        folder: String,
        memoryBytes: Int,
        frequentBytes: Int
    ) {
        require(window > 0, "CooccurrenceCounter: the window \(window) must be positive")
        (self.window, self.isSymmetric) = (window, isSymmetric)
        frequentLimit = Self.largestLimit(words, bytes: frequentBytes)
        let limit = Self.largestLimit(words, bytes: min(memoryBytes, frequentBytes))
        var total = 0
        for row in 0..<words {
            starts.append(total)
            total += min(words, limit / (row + 1))
        }
        starts.append(total)
        dense = [Double](repeating: 0, count: total)
        sorter = ExternalSorter(folder: folder, memoryBytes: memoryBytes / 2)
    }

    /// Row r has its first limit / (r + 1) columns in memory: the largest limit whose rows fit into half the bytes.
    private static func largestLimit(_ words: Int, bytes: Int) -> Int {
        let most = bytes / 2 / MemoryLayout<Double>.stride
        var (low, high) = (0, max(words, 1) * max(words, 1))
        while low < high {
            let middle = low + (high - low + 1) / 2
            if cells(words, limit: middle, most: most) == nil {
                high = middle - 1
            } else {
                low = middle
            }
        }
        return low
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
                let mark = column < frequentLimit / (row + 1) ? 0 : Self.isRare
                try sorter.add(mark | UInt64(row) << 32 | UInt64(column), share.bitPattern)
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
        let rows = starts.count - 1
        var row = 0
        func handFrequent(below end: Int) throws {
            while row < end {
                for cell in starts[row]..<starts[row + 1] where dense[cell] > 0 {
                    try hand(row, cell - starts[row], dense[cell])
                    dense[cell] = 0
                }
                row += 1
            }
        }
        var last: (key: UInt64, sum: Double)?
        func handSorted() throws {
            guard let last else { return }
            let place = Int(last.key >> 32 & 0x7FFF_FFFF)
            // What a row has in memory comes before its other columns.
            try handFrequent(below: last.key < Self.isRare ? place + 1 : rows)
            try hand(place, Int(last.key & 0xFFFF_FFFF), last.sum)
        }
        try sorter.drain { record in
            let share = Double(bitPattern: record.value)
            if let current = last, current.key == record.key {
                last = (record.key, current.sum + share)
                return
            }
            try handSorted()
            last = (record.key, share)
        }
        try handSorted()
        try handFrequent(below: rows)
        recent = []
    }
}
