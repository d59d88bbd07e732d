/// The working memory of one thread.
final class FusedScratch {
    typealias Ids = (Int32, Int32, Int32, Int32, Int32, Int32)

    /// A word of at most 16 bytes and its tokens.
    struct Entry {
        var low: UInt64 = 0
        var high: UInt64 = 0
        var ids: Ids = (-1, -1, -1, -1, -1, -1)
        var count: Int32 = 0
    }

    static let cacheMask = 8191
    let cache: UnsafeMutablePointer<Entry>
    let word: UnsafeMutablePointer<UInt8>
    let wordCapacity: Int
    private(set) var ids: UnsafeMutablePointer<Int32>
    private var capacity = 4096
    var count = 0

    init(maximumScalars: Int) {
        cache = .allocate(capacity: Self.cacheMask + 1)
        cache.initialize(repeating: Entry(), count: Self.cacheMask + 1)
        wordCapacity = maximumScalars * 4 + 160
        word = .allocate(capacity: wordCapacity)
        word.initialize(repeating: 0, count: wordCapacity)
        ids = .allocate(capacity: capacity)
    }

    deinit {
        cache.deallocate()
        word.deallocate()
        ids.deallocate()
    }

    /// Makes room for so many ids.
    @inline(__always)
    func reserve(_ room: Int) {
        if count + room > capacity { grow(room) }
    }

    private func grow(_ room: Int) {
        let larger = max(capacity * 2, count + room)
        let moved = UnsafeMutablePointer<Int32>.allocate(capacity: larger)
        moved.moveInitialize(from: ids, count: count)
        ids.deallocate()
        ids = moved
        capacity = larger
    }

    @inline(__always)
    func append(_ id: Int32) {
        ids[count] = id
        count += 1
    }

    @inline(__always)
    func append(_ values: Ids, count: Int) {
        withUnsafeBytes(of: values) { raw in
            UnsafeMutableRawPointer(ids + self.count).copyMemory(
                from: raw.baseAddress ?? UnsafeRawPointer(ids),
                byteCount: count * 4
            )
        }
        self.count += count
    }
}
