/// The links of a hierarchical graph of near rows, as they lie in memory or in a file.
///
/// Layer 0 holds 1 + 2 M numbers for each row: how many neighbours, then these. A row of level l > 0 has l blocks of
/// 1 + M numbers more, layer 1 first, beginning at block `upperStarts[row]`.
///
/// Source: Malkov, Yashunin, «Efficient and robust approximate nearest neighbor search using hierarchical navigable
/// small world graphs», 2018.
struct HNSWGraph {
    let count: Int
    /// M: the most neighbours of a row on the upper layers; on layer 0 twice as many.
    let connections: Int
    let levels: UnsafePointer<UInt8>
    let base: UnsafePointer<Int32>
    let upperStarts: UnsafePointer<Int32>
    let upper: UnsafePointer<Int32>
    /// The row that searches begin at, one of the highest level.
    var entry: Int32

    /// The highest level that a row may have.
    static let highestLevel = 30

    func mostLinks(_ layer: Int) -> Int { layer == 0 ? 2 * connections : connections }

    /// Where the block of a row on a layer begins: how many neighbours, then these.
    @inline(__always)
    func block(_ row: Int32, _ layer: Int) -> UnsafePointer<Int32> {
        if layer == 0 { return base + Int(row) * (1 + 2 * connections) }
        return upper + (Int(upperStarts[Int(row)]) + layer - 1) * (1 + connections)
    }

    @inline(__always)
    func links(_ row: Int32, _ layer: Int) -> UnsafeBufferPointer<Int32> {
        let block = block(row, layer)
        return UnsafeBufferPointer(start: block + 1, count: Int(block[0]))
    }

    func level(_ row: Int32) -> Int { Int(levels[Int(row)]) }

    /// What is wrong with the numbers, so that no link leads anywhere else; nil when nothing is.
    ///
    /// - Parameter upperBlocks: The blocks that `upper` has.
    /// - Returns: What is wrong.
    func problem(upperBlocks: Int) -> String? {
        guard entry >= 0, Int(entry) < count else { return "the entry \(entry) is none of \(count) rows" }
        let top = level(entry)
        var blocks = 0
        for row in 0..<count {
            guard Int(levels[row]) <= top, top <= Self.highestLevel, Int(upperStarts[row]) == blocks else {
                return "the levels of row \(row) do not fit"
            }
            blocks += Int(levels[row])
        }
        guard blocks == upperBlocks else {
            return "\(upperBlocks) blocks of links where levels make \(blocks)"
        }
        for row in 0..<Int32(count) {
            for layer in 0...level(row) {
                let block = block(row, layer)
                guard block[0] >= 0, Int(block[0]) <= mostLinks(layer) else {
                    return "row \(row) has \(block[0]) neighbours"
                }
                for link in links(row, layer) {
                    guard link >= 0, Int(link) < count, link != row, level(link) >= layer else {
                        return "row \(row) has the neighbour \(link)"
                    }
                }
            }
        }
        return nil
    }
}

/// Walks through a graph towards a vector.
///
/// Holds marks and heaps, so that many searches need no new memory.
final class HNSWSearcher {
    private let distances: RowDistances
    private let marks: UnsafeMutablePointer<UInt32>
    private var mark: UInt32 = 0
    private let count: Int
    /// Rows to go on from, the nearest on top: complements of keys.
    private var candidates = KeyHeap(capacity: 1024)
    /// The nearest rows so far, the farthest on top.
    private var found = KeyHeap(capacity: 1024)
    /// Rows that a step meets for the first time, and how far they are.
    private let fresh: UnsafeMutablePointer<Int32>
    private let gaps: UnsafeMutablePointer<Float>

    init(_ distances: RowDistances, count: Int, mostLinks: Int) {
        (self.distances, self.count) = (distances, count)
        marks = .allocate(capacity: max(count, 1))
        marks.initialize(repeating: 0, count: max(count, 1))
        fresh = .allocate(capacity: max(mostLinks, 1))
        gaps = .allocate(capacity: max(mostLinks, 1))
    }

    deinit {
        marks.deallocate()
        fresh.deallocate()
        gaps.deallocate()
    }

    /// The nearest rows of layer 0, the nearest first.
    ///
    /// - Parameters:
    ///   - graph: The graph.
    ///   - query: The vector.
    ///   - width: How many rows are kept on the way.
    /// - Returns: Keys of at most so many rows.
    func nearest(_ graph: HNSWGraph, _ query: UnsafePointer<Float>, width: Int) -> [UInt64] {
        var near = DistanceKey.make(distances(query, graph.entry), graph.entry)
        for layer in stride(from: graph.level(graph.entry), to: 0, by: -1) {
            near = descend(graph, query, near, layer)
        }
        return search(graph, query, [near], width: width, layer: 0)
    }

    /// The row that no neighbour on the layer is nearer than.
    func descend(_ graph: HNSWGraph, _ query: UnsafePointer<Float>, _ start: UInt64, _ layer: Int) -> UInt64 {
        var near = start
        while true {
            let before = near
            let links = graph.links(DistanceKey.row(near), layer)
            guard let first = links.baseAddress else { return near }
            distances(query, first, count: links.count, into: gaps)
            for (place, link) in links.enumerated() { near = min(near, DistanceKey.make(gaps[place], link)) }
            if near == before { return near }
        }
    }

    /// The nearest rows of a layer, the nearest first.
    ///
    /// - Parameters:
    ///   - graph: The graph.
    ///   - query: The vector.
    ///   - starts: Where to begin.
    ///   - width: How many rows are kept on the way.
    ///   - layer: The layer.
    /// - Returns: Keys of at most so many rows.
    func search(
        _ graph: HNSWGraph,
        _ query: UnsafePointer<Float>,
        _ starts: [UInt64],
        width: Int,
        layer: Int
    ) -> [UInt64] {
        nextMark()
        candidates.removeAll()
        found.removeAll()
        for key in starts {
            marks[Int(DistanceKey.row(key))] = mark
            candidates.push(~key)
            found.push(key)
        }
        while found.count > width { _ = found.pop() }
        while candidates.count > 0 {
            let near = ~candidates.pop()
            if found.count >= width, near > found.top { break }
            var count = 0
            for link in graph.links(DistanceKey.row(near), layer) where marks[Int(link)] != mark {
                marks[Int(link)] = mark
                fresh[count] = link
                count += 1
            }
            distances(query, fresh, count: count, into: gaps)
            for place in 0..<count {
                let key = DistanceKey.make(gaps[place], fresh[place])
                if found.count < width {
                    found.push(key)
                    candidates.push(~key)
                } else if key < found.top {
                    found.replaceTop(key)
                    candidates.push(~key)
                }
            }
        }
        return found.keys.sorted()
    }

    private func nextMark() {
        mark &+= 1
        guard mark == 0 else { return }
        marks.update(repeating: 0, count: max(count, 1))
        mark = 1
    }
}
