import YuyanFileFormats

/// A pair of words with its count.
struct CountedPair: BitwiseCopyable {
    var row: Int32
    var column: Int32
    var count: Float
}

/// Deals pairs out to parts and hands each part back in the order in which its pairs came.
///
/// Every part fills a block. Full blocks are kept in memory and, when there are too many pairs, in a nameless temporary
/// file, one after another whatever their part, so that the disk is written straight through. After an error it is
/// of no more use. Not Sendable: one thread deals.
final class PairDealer {
    private typealias Block = UnsafeMutablePointer<CountedPair>

    /// How many pairs each part has been dealt.
    private(set) var counts: [Int]
    /// How many pairs have been dealt.
    private(set) var total = 0
    private let blockPairs: Int
    private let mostInMemory: Int
    private let folder: String
    /// The block that a part fills.
    private var open: [Block?]
    /// The numbers of each part's full blocks.
    private var full: [[Int]]
    private var kept: [Block?] = []
    private var file: RecordFile?

    /// A dealer.
    ///
    /// - Parameters:
    ///   - parts: the number of parts.
    ///   - mostInMemory: the most pairs that are kept in memory.
    ///   - blockPairs: the pairs of a block, a power of two; every part holds one.
    ///   - folder: where the temporary file is made.
    init(parts: Int, mostInMemory: Int, blockPairs: Int, folder: String) {
        (self.mostInMemory, self.blockPairs, self.folder) = (mostInMemory, blockPairs, folder)
        counts = [Int](repeating: 0, count: parts)
        open = [Block?](repeating: nil, count: parts)
        full = [[Int]](repeating: [], count: parts)
    }

    deinit {
        for block in open { block?.deallocate() }
        for block in kept { block?.deallocate() }
    }

    /// Whether pairs have been written to the disk.
    var isOnDisk: Bool { file != nil }

    private var blockBytes: Int { blockPairs * MemoryLayout<CountedPair>.stride }

    func append(_ pair: CountedPair, to part: Int) throws(FileFormatError) {
        let place = counts[part] & (blockPairs - 1)
        let block = open[part] ?? openBlock(part)
        (block + place).initialize(to: pair)
        counts[part] += 1
        total += 1
        if place + 1 == blockPairs { try close(block, of: part) }
        if file == nil, total > mostInMemory { try moveToDisk() }
    }

    private func openBlock(_ part: Int) -> Block {
        let block = Block.allocate(capacity: blockPairs)
        open[part] = block
        return block
    }

    private func close(_ block: Block, of part: Int) throws(FileFormatError) {
        if let file {
            full[part].append(file.count / blockBytes)
            try file.append(UnsafeRawBufferPointer(start: block, count: blockBytes))
        } else {
            full[part].append(kept.count)
            kept.append(block)
            open[part] = nil
        }
    }

    private func moveToDisk() throws(FileFormatError) {
        let name = "\(folder)/pairs-\(UInt64.random(in: 0...UInt64.max)).tmp"
        let file = try RecordFile(path: name, isTemporary: true)
        self.file = file
        for number in kept.indices {
            guard let block = kept[number] else { continue }
            try file.append(UnsafeRawBufferPointer(start: block, count: blockBytes))
            block.deallocate()
            kept[number] = nil
        }
        kept = []
    }

    /// Hands over the pairs of a part, a block at a time, and forgets them.
    ///
    /// - Parameters:
    ///   - part: the part.
    ///   - body: is lent the next pairs.
    /// - Throws: `FileFormatError` when the disk refuses, and what `body` throws.
    func drain(_ part: Int, _ body: (UnsafeBufferPointer<CountedPair>) throws -> Void) throws {
        let numbers = full[part]
        full[part] = []
        if let file, !numbers.isEmpty {
            try file.flush()
            let block = Block.allocate(capacity: blockPairs)
            defer { block.deallocate() }
            for number in numbers {
                let bytes = UnsafeMutableRawBufferPointer(start: block, count: blockBytes)
                try file.read(bytes, at: number * blockBytes)
                try body(UnsafeBufferPointer(start: block, count: blockPairs))
            }
        } else {
            for number in numbers {
                guard let block = kept[number] else { continue }
                try body(UnsafeBufferPointer(start: block, count: blockPairs))
                block.deallocate()
                kept[number] = nil
            }
        }
        guard let block = open[part] else { return }
        let rest = counts[part] & (blockPairs - 1)
        if rest > 0 { try body(UnsafeBufferPointer(start: block, count: rest)) }
        block.deallocate()
        open[part] = nil
    }
}

/// How many pairs of GloVe are kept in memory at a time.
struct PairLimits {
    /// The most pairs that are trained on in memory.
    let inMemory: Int
    /// The most pairs of a square that is shuffled as a whole.
    let whole: Int
    private let blockBytes: Int

    /// All pairs are kept in memory.
    static let none = PairLimits(inMemory: .max, whole: .max, blockBytes: 64 << 20)
    /// Bytes of a pair as it is dealt out and as it is trained on, which come together at the worst.
    private static let pairBytes = MemoryLayout<CountedPair>.stride + PairLists.pairBytes

    private init(inMemory: Int, whole: Int, blockBytes: Int) {
        (self.inMemory, self.whole, self.blockBytes) = (inMemory, whole, blockBytes)
    }

    /// The limits for about so much memory, at least 64 KB.
    ///
    /// By default a quarter of the machine's may be taken to keep all pairs, and 512 MB to shuffle a square, so that
    /// the order does not depend on the machine.
    init(memoryBytes: Int?) {
        let least = max(memoryBytes ?? 512 << 20, 64 << 10)
        let machine = memoryBytes == nil ? MachineMemory.bytes / 4 : 0
        self.init(
            inMemory: (machine > 0 ? machine : least) / Self.pairBytes,
            whole: least / MemoryLayout<CountedPair>.stride,
            blockBytes: least / 8
        )
    }

    /// A dealer whose blocks fit.
    func dealer(parts: Int, mostInMemory: Int, folder: String) -> PairDealer {
        var blockPairs = 1 << 14
        while blockPairs > 4, blockPairs * MemoryLayout<CountedPair>.stride * parts > blockBytes {
            blockPairs /= 2
        }
        return PairDealer(parts: parts, mostInMemory: mostInMemory, blockPairs: blockPairs, folder: folder)
    }
}

/// Four lists side by side, as the steps of a training take them.
final class PairLists {
    /// Bytes of a pair.
    static let pairBytes = 2 * (MemoryLayout<Int32>.stride + MemoryLayout<Float>.stride)

    let capacity: Int
    let rows: UnsafeMutablePointer<Int32>
    let columns: UnsafeMutablePointer<Int32>
    /// The logarithms of the counts.
    let logarithms: UnsafeMutablePointer<Float>
    let weights: UnsafeMutablePointer<Float>

    /// Memory that is not yet filled.
    init(capacity: Int) {
        self.capacity = capacity
        (rows, columns) = (.allocate(capacity: capacity), .allocate(capacity: capacity))
        (logarithms, weights) = (.allocate(capacity: capacity), .allocate(capacity: capacity))
    }

    deinit {
        rows.deallocate()
        columns.deallocate()
        logarithms.deallocate()
        weights.deallocate()
    }

    /// Some of the pairs.
    func slice(_ start: Int, _ count: Int) -> PairSlice {
        PairSlice(
            rows: UnsafePointer(rows + start),
            columns: UnsafePointer(columns + start),
            logarithms: UnsafePointer(logarithms + start),
            weights: UnsafePointer(weights + start),
            count: count
        )
    }
}

/// Pairs that lie one after the other in four lists.
struct PairSlice {
    let rows: UnsafePointer<Int32>
    let columns: UnsafePointer<Int32>
    let logarithms: UnsafePointer<Float>
    let weights: UnsafePointer<Float>
    let count: Int
}
