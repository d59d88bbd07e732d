import YuyanFileFormats

/// The distinct words of a corpus as symbols, each with its count: what merges are learned from.
final class SymbolWords {
    /// Before the symbols of each word stands its count, in two numbers; after them -1.
    private(set) var symbols: UnsafeMutablePointer<Int32>
    private var capacity = 1 << 16
    private var used = 0
    /// Where the first symbol of each word lies.
    private(set) var starts: [UInt32] = []

    init() { symbols = .allocate(capacity: capacity) }

    deinit { symbols.deallocate() }

    /// Adds a word.
    ///
    /// - Parameters:
    ///   - word: The symbols; fewer than two are ignored.
    ///   - times: How often the word occurs.
    /// - Throws: `FileFormatError` when there are more than 2³² symbols.
    func append(_ word: UnsafeBufferPointer<Int32>, times: Int) throws(FileFormatError) {
        guard word.count > 1 else { return }
        let end = used + word.count + 3
        guard end <= Int(UInt32.max) else {
            throw FileFormatError(
                .limitExceeded,
                "the distinct words have more than 4,294,967,295 symbols; train on a part of the corpus"
            )
        }
        if end > capacity {
            capacity = max(capacity * 2, end)
            let larger = UnsafeMutablePointer<Int32>.allocate(capacity: capacity)
            larger.initialize(from: symbols, count: used)
            symbols.deallocate()
            symbols = larger
        }
        let bits = UInt64(bitPattern: Int64(times))
        symbols[used] = Int32(truncatingIfNeeded: bits)
        symbols[used + 1] = Int32(truncatingIfNeeded: bits >> 32)
        for (index, symbol) in word.enumerated() { symbols[used + 2 + index] = symbol }
        symbols[end - 1] = -1
        starts.append(UInt32(used + 2))
        used = end
    }

    /// How often the word whose first symbol lies at `start` occurs.
    @inline(__always)
    static func times(_ symbols: UnsafeMutablePointer<Int32>, _ start: Int) -> Int {
        Int(UInt32(bitPattern: symbols[start - 2])) | Int(symbols[start - 1]) << 32
    }
}
