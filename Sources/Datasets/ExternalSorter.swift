import YuyanFileFormats

/// A key with a value, as sorted outside memory.
struct SortRecord: Sendable, Equatable {
    var key: UInt64
    var value: UInt64
}

/// Sorts any number of records by key with bounded memory; records of equal keys keep the order in which they came.
///
/// Runs that fill the memory are sorted by radix and written one after another into a nameless temporary file, then
/// merged (Knuth, The Art of Computer Programming, volume 3, section 5.4). When everything fits, no file is made.
final class ExternalSorter {
    private let folder: String
    private let runLength: Int
    private var run: [SortRecord] = []
    private var scratch: [SortRecord] = []
    private var file: RecordFile?
    private var runs: [Range<Int>] = []
    private static let recordBytes = MemoryLayout<SortRecord>.stride

    /// A sorter.
    ///
    /// - Parameters:
    ///   - folder: Where the temporary file is made.
    ///   - memoryBytes: About how much memory to use; at least 1 MB is.
    init(folder: String, memoryBytes: Int = 128 << 20) {
        self.folder = folder
        runLength = max(memoryBytes, 1 << 20) / (2 * Self.recordBytes)
    }

    func add(_ key: UInt64, _ value: UInt64) throws {
        run.append(SortRecord(key: key, value: value))
        if run.count == runLength { try writeRun() }
    }

    /// Hands over all records in order; the sorter is empty afterwards.
    func drain(_ body: (SortRecord) throws -> Void) throws {
        guard let file else {
            sortRun()
            for record in run { try body(record) }
            run = []
            return
        }
        if !run.isEmpty { try writeRun() }
        (run, scratch) = ([], [])
        try file.flush()
        let buffered = max(min(runLength / max(runs.count, 1), 1 << 15), 256)
        var merge = RunMerge(try runs.map { try RunReader(file, $0, buffered: buffered) })
        while let record = try merge.next() { try body(record) }
        self.file = nil
        runs = []
    }

    private func writeRun() throws {
        sortRun()
        if file == nil {
            let name = "\(folder)/sort-\(UInt64.random(in: 0...UInt64.max)).tmp"
            file = try RecordFile(path: name, isTemporary: true)
        }
        guard let file else { return }
        let start = file.count
        try run.withUnsafeBytes { try file.append($0) }
        runs.append(start..<file.count)
        run.removeAll(keepingCapacity: true)
    }

    /// Sorts by the eight bytes of the keys, the last first; a byte that all share costs one count.
    private func sortRun() {
        guard run.count > 1 else { return }
        if scratch.count != run.count {
            scratch = [SortRecord](repeating: SortRecord(key: 0, value: 0), count: run.count)
        }
        let count = run.count
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            let moved = run.withUnsafeMutableBufferPointer { from in
                scratch.withUnsafeMutableBufferPointer { Self.pass(from, $0, count, shift) }
            }
            guard moved else { continue }
            swap(&run, &scratch)
        }
    }

    private static func pass(
        _ from: UnsafeMutableBufferPointer<SortRecord>,
        _ to: UnsafeMutableBufferPointer<SortRecord>,
        _ count: Int,
        _ shift: UInt64
    ) -> Bool {
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 256) { places in
            places.initialize(repeating: 0)
            for index in 0..<count { places[Int(from[index].key >> shift & 255)] += 1 }
            if places[Int(from[0].key >> shift & 255)] == count { return false }
            var start = 0
            for byte in 0..<256 { (places[byte], start) = (start, start + places[byte]) }
            for index in 0..<count {
                let byte = Int(from[index].key >> shift & 255)
                to[places[byte]] = from[index]
                places[byte] += 1
            }
            return true
        }
    }
}

/// Reads a sorted run piece by piece.
private struct RunReader {
    private let file: RecordFile
    private var range: Range<Int>
    private var buffer: [SortRecord] = []
    private var position = 0
    private let buffered: Int

    init(_ file: RecordFile, _ range: Range<Int>, buffered: Int) throws {
        (self.file, self.range, self.buffered) = (file, range, buffered)
    }

    mutating func next() throws -> SortRecord? {
        if position == buffer.count {
            guard !range.isEmpty else { return nil }
            let stride = MemoryLayout<SortRecord>.stride
            let count = min(buffered, range.count / stride)
            if buffer.count != count {
                buffer = [SortRecord](repeating: SortRecord(key: 0, value: 0), count: count)
            }
            let start = range.lowerBound
            try buffer.withUnsafeMutableBytes { try file.read($0, at: start) }
            range = (start + count * stride)..<range.upperBound
            position = 0
        }
        defer { position += 1 }
        return buffer[position]
    }
}

/// Merges runs by a heap of their next records; of equal keys the earlier run comes first.
private struct RunMerge {
    private var readers: [RunReader]
    private var heap: [(record: SortRecord, run: Int)] = []

    init(_ readers: [RunReader]) {
        self.readers = readers
    }

    private var isStarted = false

    mutating func next() throws -> SortRecord? {
        if !isStarted {
            isStarted = true
            for run in readers.indices {
                if let record = try readers[run].next() {
                    heap.append((record, run))
                    rise(heap.count - 1)
                }
            }
        }
        guard let first = heap.first else { return nil }
        if let record = try readers[first.run].next() {
            heap[0] = (record, first.run)
        } else {
            heap[0] = heap[heap.count - 1]
            heap.removeLast()
        }
        sink()
        return first.record
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        (heap[left].record.key, heap[left].run) < (heap[right].record.key, heap[right].run)
    }

    private mutating func rise(_ place: Int) {
        var place = place
        while place > 0, precedes(place, (place - 1) / 2) {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func sink() {
        var place = 0
        while true {
            var least = place
            let left = 2 * place + 1
            if left < heap.count, precedes(left, least) { least = left }
            if left + 1 < heap.count, precedes(left + 1, least) { least = left + 1 }
            if least == place { return }
            heap.swapAt(place, least)
            place = least
        }
    }
}
