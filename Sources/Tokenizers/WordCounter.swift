import Dispatch
import Synchronization
import YuyanFileFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

enum SystemCounts {
    /// The processors online.
    static var processors: Int { max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1) }
}

/// Counts the distinct words of a corpus, in parallel and in bounded memory: what every trainer of a vocabulary begins
/// with.
///
/// Words are whatever text is cut into: the pieces of a ``SplitRule``, those of a cutter given with the text, or words
/// handed over one by one. With a memory limit, tables that would pass it are written to temporary files as sorted runs,
/// and the runs are merged when the words are read: every count stays exact. The temporary files have no names and
/// vanish with the counter, however the program ends.
public final class WordCounter {
    /// Cuts text into words: called with a document, it calls back with the range of every word in it.
    public typealias Cutter = @Sendable (UnsafeBufferPointer<UInt8>, (Range<Int>) -> Void) -> Void

    private let rule: SplitRule
    private let cutter: Cutter?
    private let threads: Int
    private let memoryLimit: Int
    private let folder: String
    private var tables: [WordTable] = []
    private var runs: [TemporaryFile] = []
    /// Documents that wait to be counted together, and where they end.
    private var waiting: [UInt8] = []
    private var waitingEnds: [Int] = []
    private static let mostWaiting = 8 << 20
    /// Runs are merged to one when there are this many, so that few files are open.
    private static let mostRuns = 64

    /// The number of sorted runs written to files so far.
    public private(set) var spilledRuns = 0

    /// Sets up a counter that has seen nothing.
    ///
    /// - Parameters:
    ///   - splitRule: How text is cut.
    ///   - cutter: How text is cut instead, each document as a whole.
    ///   - threads: The most threads to count with.
    ///   - memoryLimit: The most bytes that the tables of words may take; nil for no limit. Every thread counts at least
    ///     512 KiB of text or one document at a time, whatever the limit, and 8 MiB of text wait to be counted.
    ///   - folder: Where temporary files are made.
    public init(
        splitRule: SplitRule = .whole,
        cutter: Cutter? = nil,
        threads: Int = 64,
        memoryLimit: Int? = nil,
        temporaryFolder folder: String = "/tmp"
    ) {
        rule = splitRule
        self.cutter = cutter
        self.threads = max(threads, 1)
        self.memoryLimit = memoryLimit ?? .max
        self.folder = folder
    }

    /// Adds one word.
    ///
    /// - Parameters:
    ///   - word: The word; an empty one is ignored.
    ///   - times: How often it is added; 0 or less adds nothing.
    /// - Throws: `FileFormatError` when a temporary file cannot be written.
    public func add(word: String, times: Int = 1) throws(FileFormatError) {
        var word = word
        word.withUTF8 { append($0, times) }
        if isFull { try spill() }
    }

    /// Adds one word given by its bytes.
    ///
    /// - Parameters:
    ///   - word: UTF-8 bytes; an empty word is ignored.
    ///   - times: How often it is added; 0 or less adds nothing.
    /// - Throws: `FileFormatError` when a temporary file cannot be written.
    public func add(bytes word: UnsafeBufferPointer<UInt8>, times: Int = 1) throws(FileFormatError) {
        append(word, times)
        if isFull { try spill() }
    }

    private func append(_ word: UnsafeBufferPointer<UInt8>, _ times: Int) {
        guard let base = word.baseAddress, !word.isEmpty, times > 0 else { return }
        table(0).add(base, count: word.count, hasRoom: false, times: times)
    }

    /// Counts the words of a document, at once or together with later ones.
    ///
    /// - Parameter text: The document.
    /// - Throws: `FileFormatError` when a temporary file cannot be written.
    public func feed(_ text: String) throws(FileFormatError) {
        waiting.append(contentsOf: text.utf8)
        waitingEnds.append(waiting.count)
        if waiting.count >= Self.mostWaiting { try countWaiting() }
    }

    private func countWaiting() throws(FileFormatError) {
        guard !waitingEnds.isEmpty else { return }
        let (text, ends) = (waiting, waitingEnds)
        waiting.removeAll(keepingCapacity: waiting.capacity <= 2 * Self.mostWaiting)
        waitingEnds.removeAll(keepingCapacity: true)
        var failure: FileFormatError?
        text.withUnsafeBytes { bytes in
            do throws(FileFormatError) { try feed(bytes: bytes, documentEnds: ends) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// Counts the words of documents that lie one after the other, in parallel.
    ///
    /// Traps when the ends do not ascend to the number of bytes.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8 text.
    ///   - documentEnds: Where each document ends; the last is `bytes.count`.
    /// - Throws: `FileFormatError` when a temporary file cannot be written.
    public func feed(bytes: UnsafeRawBufferPointer, documentEnds: [Int]) throws(FileFormatError) {
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count > 0 else {
            return
        }
        guard documentEnds.last == bytes.count,
            zip(documentEnds, documentEnds.dropFirst()).allSatisfy({ $0 <= $1 })
        else {
            fatalError("WordCounter: document ends must ascend to \(bytes.count)")
        }
        let ranges = Self.ranges(base, documentEnds, cutsInside: cutter == nil && rule != .whole)
        var done = 0
        while done < ranges.count {
            done = count(ranges, from: done, Text(base: base, count: bytes.count))
            if done < ranges.count || isFull { try spill() }
        }
    }

    private struct Text: @unchecked Sendable {
        // Unchecked because the text is only read, and the caller holds it until all threads have ended.
        let base: UnsafePointer<UInt8>
        let count: Int
    }

    private var isFull: Bool { tables.contains { $0.byteCount(afterAdding: 0) > share } }

    /// The part of the memory limit that one thread's table may take.
    private var share: Int {
        memoryLimit == .max ? .max : memoryLimit / min(threads, SystemCounts.processors)
    }

    private func table(_ index: Int) -> WordTable {
        while tables.count <= index { tables.append(WordTable()) }
        return tables[index]
    }

    /// Counts the words of ranges until all are done or a table is full.
    ///
    /// - Returns: The number of ranges done.
    private func count(_ ranges: [Range<Int>], from first: Int, _ text: Text) -> Int {
        let workers = min(threads, SystemCounts.processors, ranges.count - first)
        _ = table(workers - 1)
        let next = Atomic<Int>(first)
        let (tables, rule, cutter, share) = (tables, rule, cutter, share)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            while true {
                let index = next.load(ordering: .relaxed)
                guard index < ranges.count else { return }
                // A table without words takes any range, so that counting goes on whatever the limit.
                let most = tables[worker].byteCount(afterAdding: min(ranges[index].count, 1 << 19) / 4)
                if most > share, tables[worker].count > 0 { return }
                guard next.compareExchange(expected: index, desired: index + 1, ordering: .relaxed).exchanged
                else {
                    continue
                }
                Self.count(text, ranges[index], rule, cutter, into: tables[worker])
            }
        }
        return min(next.load(ordering: .relaxed), ranges.count)
    }

    private static func count(
        _ text: Text,
        _ range: Range<Int>,
        _ rule: SplitRule,
        _ cutter: Cutter?,
        into table: WordTable
    ) {
        // Up to here, 16 bytes may be read from a word's start on.
        let roomEnd = text.count - 16
        if let cutter {
            cutter(UnsafeBufferPointer(start: text.base + range.lowerBound, count: range.count)) { word in
                let start = range.lowerBound + word.lowerBound
                guard !word.isEmpty else { return }
                table.add(text.base + start, count: word.count, hasRoom: start <= roomEnd)
            }
            return
        }
        let scanned = ScannedText(text.base, end: range.upperBound)
        @inline(__always)
        func run(_ endOfPiece: (Int) -> Int) {
            var position = range.lowerBound
            while position < range.upperBound {
                let end = endOfPiece(position)
                table.add(text.base + position, count: end - position, hasRoom: position <= roomEnd)
                position = end
            }
        }
        switch rule {
        case .gpt2: run { Scanner.gpt2(scanned, $0) }
        case .cl100k(let digits, let joins):
            run { Scanner.cl100k(scanned, $0, digits: digits, joinsTrailingSpace: joins) }
        case .o200k: run { Scanner.o200k(scanned, $0) }
        case .whole: run { _ in range.upperBound }
        }
    }

    /// Cuts documents where every rule cuts anyway, after an ASCII letter and before a space or a line end, into ranges
    /// of about 512 KiB.
    private static func ranges(_ base: UnsafePointer<UInt8>, _ ends: [Int], cutsInside: Bool) -> [Range<Int>]
    {
        let target = cutsInside ? 1 << 19 : .max
        var ranges: [Range<Int>] = []
        var start = 0
        for end in ends {
            while end - start > target {
                var cut = start + target
                while cut < end, !(isLetter(base[cut - 1]) && (base[cut] == 32 || base[cut] == 10)) {
                    cut += 1
                }
                ranges.append(start..<cut)
                start = cut
            }
            if end > start { ranges.append(start..<end) }
            start = end
        }
        return ranges
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z")
    }

    /// Brings the tables of all threads together in the first.
    private func gather() {
        guard let first = tables.first, tables.count > 1 else { return }
        for other in tables.dropFirst() { first.add(other) }
        tables = [first]
    }

    private func spill() throws(FileFormatError) {
        for table in tables where table.count > 0 {
            var writer = try WordRunWriter(folder: folder)
            try table.forEachSorted { word, count throws(FileFormatError) in
                try writer.append(word, count: count)
            }
            try writer.flush()
            runs.append(writer.file)
            spilledRuns += 1
            table.removeAll()
        }
        guard runs.count >= Self.mostRuns else { return }
        var writer = try WordRunWriter(folder: folder)
        var merger = try WordRunMerger(runs)
        try merger.forEach { word, count throws(FileFormatError) in try writer.append(word, count: count) }
        try writer.flush()
        runs = [writer.file]
    }

    /// Calls `body` with every distinct word seen so far and its count: in order of the words' bytes once words were
    /// written to files, else in no particular order.
    ///
    /// - Parameter body: Called with the word and its count.
    /// - Throws: `FileFormatError` when a temporary file cannot be written or read.
    func forEach(
        _ body: (UnsafeBufferPointer<UInt8>, Int) throws(FileFormatError) -> Void
    ) throws(FileFormatError) {
        try countWaiting()
        guard !runs.isEmpty else {
            gather()
            try tables.first?.forEach(body)
            return
        }
        try spill()
        var merger = try WordRunMerger(runs)
        try merger.forEach(body)
    }

    /// The number of distinct words seen so far.
    ///
    /// - Returns: The number.
    /// - Throws: `FileFormatError` when a temporary file cannot be written or read.
    public func distinctWords() throws(FileFormatError) -> Int {
        try countWaiting()
        if runs.isEmpty {
            gather()
            return tables.first?.count ?? 0
        }
        var words = 0
        try forEach { _, _ in words += 1 }
        return words
    }
}
