/// The working memory of one encoding thread: output, merge buffers and caches of pieces.
///
/// Not Sendable by itself; `ScratchPool` lends each to one thread at a time.
final class EncoderScratch {
    /// Pieces this long are merged by repeated scans; longer ones block by block.
    static let longestScanned = 96
    /// The most bytes that the merge buffers take.
    static let bufferedBytes = 1024

    private(set) var output: UnsafeMutablePointer<Int32>
    private(set) var capacity: Int
    var count = 0
    let pieces = PieceCache()
    let longPieces = LongPieceCache()
    let symbols: UnsafeMutablePointer<Int32>
    let merges: UnsafeMutablePointer<UInt64>

    init() {
        capacity = 1024
        output = .allocate(capacity: capacity)
        symbols = .allocate(capacity: Self.bufferedBytes + 1)
        merges = .allocate(capacity: Self.bufferedBytes + 1)
    }

    deinit {
        output.deallocate()
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
