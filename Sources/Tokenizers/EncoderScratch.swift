/// The working memory of one encoding thread: output, merge buffers and a cache of short words.
///
/// Not Sendable by itself; `ScratchPool` lends each to one thread at a time.
final class EncoderScratch {
    /// A word of at most 15 bytes and its at most 4 ids; 32 bytes, half a cache line.
    struct CachedWord {
        var low: UInt64
        /// Bytes 8 to 14, then the byte count (low half) and the id count (high half) of the last byte.
        var high: UInt64
        var ids: (Int32, Int32, Int32, Int32)
    }

    /// Words this long are merged by repeated scans; longer ones with a heap.
    static let longestScanned = 96
    /// Log2 of the number of cached words.
    static let cacheBits: UInt64 = 15

    private(set) var output: UnsafeMutablePointer<Int32>
    private var capacity: Int
    var count = 0
    let cache: UnsafeMutablePointer<CachedWord>
    let symbols: UnsafeMutablePointer<Int32>
    let merges: UnsafeMutablePointer<UInt64>

    init() {
        capacity = 1024
        output = .allocate(capacity: capacity)
        let words = 1 << Int(Self.cacheBits)
        cache = .allocate(capacity: words)
        cache.initialize(repeating: CachedWord(low: 0, high: 0, ids: (0, 0, 0, 0)), count: words)
        symbols = .allocate(capacity: Self.longestScanned + 1)
        merges = .allocate(capacity: Self.longestScanned + 1)
    }

    deinit {
        output.deallocate()
        cache.deallocate()
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
