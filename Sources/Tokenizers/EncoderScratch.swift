/// The working memory of one encoding thread: output, merge buffers and caches of pieces.
///
/// Not Sendable by itself; `ScratchPool` lends each to one thread at a time.
final class EncoderScratch {
    /// Pieces this long are merged by repeated scans; longer ones block by block.
    static let longestScanned = 96
    /// The most bytes that the merge buffers take.
    static let bufferedBytes = 1024

    /// How many pieces are found before their ids are.
    static let batchedPieces = 64

    private(set) var output: UnsafeMutablePointer<Int32>
    private var capacity: Int
    var count = 0
    let pieces = PieceCache()
    let longPieces = LongPieceCache()
    /// The pieces of a batch as the cache knows them, and where they begin and the last one ends.
    let keys: UnsafeMutablePointer<(UInt64, UInt64)>
    let starts: UnsafeMutablePointer<Int>
    /// What was read ahead; kept so that it is read.
    var touched: UInt64 = 0
    /// The last two tokens that were found to fit together.
    var fitting: (Int32, Int32) = (-1, -1)
    let symbols: UnsafeMutablePointer<Int32>
    let merges: UnsafeMutablePointer<UInt64>

    init() {
        capacity = 1024
        output = .allocate(capacity: capacity)
        keys = .allocate(capacity: Self.batchedPieces)
        starts = .allocate(capacity: Self.batchedPieces + 1)
        symbols = .allocate(capacity: Self.bufferedBytes + 1)
        merges = .allocate(capacity: Self.bufferedBytes + 1)
    }

    deinit {
        output.deallocate()
        keys.deallocate()
        starts.deallocate()
        symbols.deallocate()
        merges.deallocate()
    }

    /// Makes room for `more` ids.
    @inline(__always)
    func reserve(_ more: Int) {
        if count + more > capacity { grow(more) }
    }

    private func grow(_ more: Int) {
        capacity = max(capacity * 2, count + more)
        let larger = UnsafeMutablePointer<Int32>.allocate(capacity: capacity)
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
        let result = Array(UnsafeBufferPointer(start: output, count: count))
        count = 0
        if capacity > 1 << 22 {
            output.deallocate()
            capacity = 1024
            output = .allocate(capacity: capacity)
        }
        return result
    }
}
