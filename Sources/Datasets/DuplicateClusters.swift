/// Disjoint sets with union by index: the root of a set is its smallest member.
///
/// 4 bytes for each member; paths are halved on the way (Tarjan and van Leeuwen 1984).
struct DisjointSets {
    private var parents: [UInt32]

    init(count: Int) { parents = (0..<UInt32(count)).map { $0 } }

    mutating func root(_ member: UInt32) -> UInt32 {
        var member = member
        while parents[Int(member)] != member {
            let above = parents[Int(parents[Int(member)])]
            parents[Int(member)] = above
            member = above
        }
        return member
    }

    mutating func join(_ one: UInt32, _ other: UInt32) {
        let (first, second) = (root(one), root(other))
        parents[Int(max(first, second))] = min(first, second)
    }
}

/// Which documents (or paragraphs) are near-duplicates of which.
public struct DuplicateClusters: Sendable, Equatable {
    /// The number of documents, with and without duplicates.
    public let count: Int
    /// The clusters of two and more in the order of their first documents; numbers ascend within each.
    public let clusters: [[Int]]
    /// The document of each cluster that stays, in the order of ``clusters``.
    public let kept: [Int]
    private let removed: BitSet

    init(count: Int, clusters: [[Int]], kept: [Int]) {
        (self.count, self.clusters, self.kept) = (count, clusters, kept)
        var removed = BitSet(count: count)
        for (members, stays) in zip(clusters, kept) {
            for member in members where member != stays { removed.insert(member) }
        }
        self.removed = removed
    }

    /// The number of documents that are left out.
    public var removedCount: Int { clusters.reduce(0) { $0 + $1.count - 1 } }

    /// Whether a document stays.
    ///
    /// - Parameter index: The number that adding it gave.
    /// - Returns: Whether it has no near-duplicates or is the one of its cluster that stays.
    public func isKept(_ index: Int) -> Bool { !removed.contains(index) }

    /// A remover of the paragraphs that are left out, for a second walk over the documents.
    var removedParts: BitSet { removed }
}

/// A set of small numbers, one bit each.
struct BitSet: Sendable, Equatable {
    private var words: [UInt64]

    init(count: Int) { words = [UInt64](repeating: 0, count: (count + 63) / 64) }

    mutating func insert(_ member: Int) {
        while member / 64 >= words.count {
            words.append(contentsOf: repeatElement(0, count: max(words.count, 64)))
        }
        words[member / 64] |= 1 << UInt64(member % 64)
    }

    func contains(_ member: Int) -> Bool {
        member / 64 < words.count && words[member / 64] >> UInt64(member % 64) & 1 == 1
    }
}
