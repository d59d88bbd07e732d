/// How near two vectors are.
public enum VectorMetric: String, Sendable, Hashable, CaseIterable {
    /// The cosine of their angle; 0 where one is zero.
    case cosine
    /// Their inner product.
    case dot
    /// Minus their Euclidean distance.
    case euclidean = "l2"
}

/// A row that a search found.
public struct SearchHit: Sendable, Hashable {
    /// The row, counted from 0 in the order of adding.
    public let row: Int
    /// How well it matches; more is better.
    public let score: Float

    /// A row with its score.
    ///
    /// - Parameters:
    ///   - row: The row.
    ///   - score: How well it matches.
    public init(row: Int, score: Float) { (self.row, self.score) = (row, score) }
}

/// What is wrong with a question to an index, or with what it shall be made of.
public struct SearchError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong and what would be right.
    public let description: String

    /// Makes an error of a message.
    ///
    /// - Parameter description: What is wrong and what would be right.
    public init(_ description: String) { self.description = description }
}

/// A distance and a row in one number that orders by distance, then by row.
///
/// One comparison of whole numbers decides, and equal distances have an order of their own.
struct DistanceKey {
    @inline(__always)
    static func make(_ distance: Float, _ row: Int32) -> UInt64 {
        // Adding 0 makes one zero of two.
        let bits = (distance + 0).bitPattern
        let ordered = bits & 0x8000_0000 != 0 ? ~bits : bits | 0x8000_0000
        return UInt64(ordered) << 32 | UInt64(UInt32(bitPattern: row))
    }

    @inline(__always)
    static func row(_ key: UInt64) -> Int32 { Int32(truncatingIfNeeded: key) }

    @inline(__always)
    static func distance(_ key: UInt64) -> Float {
        let ordered = UInt32(truncatingIfNeeded: key >> 32)
        return Float(bitPattern: ordered & 0x8000_0000 != 0 ? ordered & 0x7FFF_FFFF : ~ordered)
    }
}

/// A heap of numbers with the greatest on top.
struct KeyHeap {
    private(set) var keys: [UInt64] = []

    var count: Int { keys.count }
    /// The greatest; there must be one.
    var top: UInt64 { keys[0] }

    init(capacity: Int) { keys.reserveCapacity(capacity) }

    mutating func removeAll() { keys.removeAll(keepingCapacity: true) }

    mutating func push(_ key: UInt64) {
        keys.append(key)
        keys.withUnsafeMutableBufferPointer { keys in
            var place = keys.count - 1
            while place > 0 {
                let above = (place - 1) / 2
                guard keys[above] < key else { break }
                keys[place] = keys[above]
                place = above
            }
            keys[place] = key
        }
    }

    /// Puts a number in the place of the greatest.
    mutating func replaceTop(_ key: UInt64) {
        keys.withUnsafeMutableBufferPointer { keys in
            var place = 0
            while true {
                var below = 2 * place + 1
                guard below < keys.count else { break }
                if below + 1 < keys.count, keys[below + 1] > keys[below] { below += 1 }
                guard keys[below] > key else { break }
                keys[place] = keys[below]
                place = below
            }
            keys[place] = key
        }
    }

    /// Takes the greatest out.
    mutating func pop() -> UInt64 {
        let top = keys[0]
        let last = keys.removeLast()
        if !keys.isEmpty { replaceTop(last) }
        return top
    }
}

/// The best rows of a search, at most so many.
struct BestRows {
    private let count: Int
    private var heap: KeyHeap

    init(_ count: Int) {
        self.count = count
        heap = KeyHeap(capacity: min(count, 1 << 16))
    }

    /// The distance that a row must stay below; infinite as long as there is room.
    var bound: Float { heap.count < count ? .infinity : DistanceKey.distance(heap.top) }

    @inline(__always)
    mutating func add(_ distance: Float, _ row: Int32) {
        let key = DistanceKey.make(distance, row)
        if heap.count < count {
            heap.push(key)
        } else if count > 0, key < heap.top {
            heap.replaceTop(key)
        }
    }

    /// The rows, the nearest first, with a score for each distance.
    func hits(_ score: (Float) -> Float) -> [SearchHit] {
        heap.keys.sorted().map { key in
            SearchHit(row: Int(DistanceKey.row(key)), score: score(DistanceKey.distance(key)))
        }
    }
}
