/// The working memory of one encoding thread: output, merge buffers and caches of pieces.
///
/// Not Sendable by itself; `ScratchPool` lends each to one thread at a time.
final class EncoderScratch {
    /// Pieces this long are merged by repeated scans; longer ones block by block.
    static let longestScanned = 96
    /// The most bytes that the merge buffers take.
    static let bufferedBytes = 1024

    /// A piece as the cache knows it, and where it begins.
    struct Piece: BitwiseCopyable {
        var low: UInt64
        var high: UInt64
        var hash: UInt64
        var start: Int
    }

    /// How many ids are moved together.
    private static let collectedAtOnce = 1 << 14

    /// How many pieces are found before their ids are; those of one window may come on top.
    static let batchedPieces = 64
    private static let batchCapacity = batchedPieces + 64

    // Nothing here is used while it is being changed; checking that at every access would cost as much as the access.
    @exclusivity(unchecked) private(set) var output: UnsafeMutablePointer<Int32>
    @exclusivity(unchecked) private var capacity: Int
    @exclusivity(unchecked) var count = 0
    private var collected: [Int32] = []
    private var expected = 0
    let pieces = PieceCache()
    let longPieces = LongPieceCache()
    /// The pieces of a batch and, behind them, where the last one ends.
    let batch: UnsafeMutablePointer<Piece>
    /// Which bits of 16 bytes a piece of so many bytes has.
    let masks: UnsafeMutablePointer<(low: UInt64, high: UInt64)>
    /// The last bytes of a text, and as many behind them as a window has.
    private let tail: UnsafeMutablePointer<UInt8>
    /// What was read ahead; kept so that it is read.
    @exclusivity(unchecked) var touched: UInt64 = 0
    /// The last two tokens that were found to fit together.
    @exclusivity(unchecked) var fitting: (Int32, Int32) = (-1, -1)
    let symbols: UnsafeMutablePointer<Int32>
    let merges: UnsafeMutablePointer<UInt64>

    init() {
        capacity = 1024
        output = .allocate(capacity: capacity)
        batch = .allocate(capacity: Self.batchCapacity + 1)
        batch.initialize(repeating: Piece(low: 0, high: 0, hash: 0, start: 0), count: Self.batchCapacity + 1)
        tail = .allocate(capacity: 2 * WindowScanner.readBytes)
        masks = .allocate(capacity: PieceCache.longestPiece + 1)
        for count in 0...PieceCache.longestPiece {
            let bits = UInt64(8 * count)
            // A shift by more bits than there are gives 0.
            let mask = (low: ~(UInt64.max << bits), high: count > 8 ? ~(UInt64.max << (bits - 64)) : 0)
            (masks + count).initialize(to: mask)
        }
        symbols = .allocate(capacity: Self.bufferedBytes + 1)
        merges = .allocate(capacity: Self.bufferedBytes + 1)
    }

    deinit {
        output.deallocate()
        batch.deallocate()
        masks.deallocate()
        tail.deallocate()
        symbols.deallocate()
        merges.deallocate()
    }

    /// Copies the end of a text, fewer bytes than a window reads, to where bytes that are no text follow it.
    func copyOfTail(_ text: ScannedText, from start: Int) -> ScannedText {
        let count = text.end - start
        tail.update(from: text.bytes + start, count: count)
        (tail + count).update(repeating: 0xFF, count: WindowScanner.readBytes)
        return ScannedText(tail, end: count)
    }

    /// Makes room for `more` ids.
    @inline(__always)
    func reserve(_ more: Int) {
        if count + more > capacity { grow(more) }
    }

    /// Says how long the text to be encoded is.
    func expect(textBytes: Int) { expected = textBytes / 2 }

    /// Moves the ids to where they are collected when there are many: a short buffer stays in the cache, and a long
    /// text's ids are written to new memory only once.
    @inline(__always)
    func collectIfMany() {
        if count >= Self.collectedAtOnce { collect() }
    }

    private func collect() {
        if collected.capacity == 0 {
            collected = [Int32](unsafeUninitializedCapacity: max(expected, count)) { ids, idCount in
                LargeMemory.advise(UnsafeMutableRawBufferPointer(ids))
                idCount = 0
            }
        }
        collected.append(contentsOf: UnsafeBufferPointer(start: output, count: count))
        count = 0
    }

    private func grow(_ more: Int) {
        capacity = max(capacity * 2, count + more)
        let larger = LargeMemory.allocate(Int32.self, count: capacity)
        larger.update(from: output, count: count)
        output.deallocate()
        output = larger
    }

    @inline(__always)
    func append(_ id: Int32) {
        reserve(1)
        output[count] = id
        count += 1
    }

    /// The ids written so far; the scratch is empty afterwards and gives back unusually much memory.
    func takeOutput() -> [Int32] {
        defer {
            count = 0
            collected = []
            if capacity > 1 << 20 {
                output.deallocate()
                capacity = 1024
                output = .allocate(capacity: capacity)
            }
        }
        guard collected.isEmpty else {
            collect()
            return collected
        }
        return Array(UnsafeBufferPointer(start: output, count: count))
    }
}
