import YuyanTensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The numbers of a finished graph.
struct HNSWLinks: Sendable {
    let connections: Int
    let entry: Int32
    let levels: NumberStorage<UInt8>
    let base: NumberStorage<Int32>
    let upperStarts: NumberStorage<Int32>
    let upper: NumberStorage<Int32>

    /// Lends the graph.
    func withGraph<Result>(count: Int, _ body: (HNSWGraph) throws -> Result) throws -> Result {
        try levels.withNumbers { levels in
            try base.withNumbers { base in
                try upperStarts.withNumbers { starts in
                    try upper.withNumbers { upper in
                        guard let first = levels.baseAddress, let links = base.baseAddress,
                            let begin = starts.baseAddress, let above = upper.baseAddress
                        else { throw SearchError("the graph has no rows") }
                        return try body(
                            HNSWGraph(
                                count: count,
                                connections: connections,
                                levels: first,
                                base: links,
                                upperStarts: begin,
                                upper: above,
                                entry: entry
                            )
                        )
                    }
                }
            }
        }
    }
}

/// Makes a graph of near rows, one row after the other; the same rows, options and seed give the same graph.
final class HNSWBuilder {
    private let distances: RowDistances
    private let count: Int
    private let connections: Int
    private let width: Int
    private var levels: [UInt8]
    private var starts: [Int32]
    private let base: UnsafeMutablePointer<Int32>
    private let upper: UnsafeMutablePointer<Int32>
    private let upperCount: Int
    private let searcher: HNSWSearcher
    private var entry: Int32 = 0

    /// Draws the levels and makes room.
    ///
    /// - Parameters:
    ///   - distances: The rows.
    ///   - count: How many, at least 1.
    ///   - connections: M.
    ///   - width: How many rows are kept on the way when neighbours are looked for (efConstruction).
    ///   - seed: The seed of the levels.
    init(_ distances: RowDistances, count: Int, connections: Int, width: Int, seed: UInt64) {
        (self.distances, self.count, self.connections) = (distances, count, connections)
        self.width = max(width, connections)
        var random = RandomSource(seed: seed)
        let scale = 1 / log(Double(connections))
        levels = (0..<count).map { _ in
            let drawn = -log(1 - random.nextDouble()) * scale
            return UInt8(min(drawn, Double(HNSWGraph.highestLevel)))
        }
        var blocks: Int32 = 0
        starts = levels.map { level in
            defer { blocks += Int32(level) }
            return blocks
        }
        upperCount = Int(blocks) * (1 + connections)
        base = .allocate(capacity: count * (1 + 2 * connections))
        base.initialize(repeating: 0, count: count * (1 + 2 * connections))
        // One number at least, so that there is an address.
        upper = .allocate(capacity: max(upperCount, 1))
        upper.initialize(repeating: 0, count: max(upperCount, 1))
        searcher = HNSWSearcher(distances, count: count, mostLinks: 2 * connections)
    }

    deinit {
        base.deallocate()
        upper.deallocate()
    }

    /// Adds all rows.
    ///
    /// - Parameter progress: Told now and then how many are there; false stops.
    /// - Returns: The graph; nil when it was stopped.
    func build(progress: (Int) -> Bool) -> HNSWLinks? {
        for row in 1..<max(count, 1) {
            add(Int32(row))
            if row % 256 == 0, !progress(row) { return nil }
        }
        connectLost()
        guard progress(count) else { return nil }
        return HNSWLinks(
            connections: connections,
            entry: entry,
            levels: .memory(levels),
            base: .memory(
                Array(UnsafeBufferPointer(start: base, count: count * (1 + 2 * connections)))
            ),
            upperStarts: .memory(starts),
            upper: .memory(Array(UnsafeBufferPointer(start: upper, count: max(upperCount, 1))))
        )
    }

    private func withGraph<Result>(_ body: (HNSWGraph) -> Result) -> Result {
        levels.withUnsafeBufferPointer { levels in
            starts.withUnsafeBufferPointer { starts in
                guard let first = levels.baseAddress, let begin = starts.baseAddress else {
                    fatalError("HNSWBuilder: there are no rows")
                }
                return body(
                    HNSWGraph(
                        count: count,
                        connections: connections,
                        levels: first,
                        base: base,
                        upperStarts: begin,
                        upper: upper,
                        entry: entry
                    )
                )
            }
        }
    }

    private func add(_ row: Int32) {
        let level = Int(levels[Int(row)])
        withGraph { graph in
            let vector = distances.row(row)
            let top = graph.level(entry)
            var near = [DistanceKey.make(distances(vector, entry), entry)]
            for layer in stride(from: top, to: level, by: -1) {
                near = [searcher.descend(graph, vector, near[0], layer)]
            }
            for layer in stride(from: min(level, top), through: 0, by: -1) {
                near = searcher.search(graph, vector, near, width: width, layer: layer)
                let chosen = select(near, most: connections)
                write(chosen, row, graph, layer)
                for key in chosen { link(DistanceKey.row(key), to: row, graph, layer) }
            }
        }
        if level > Int(levels[Int(entry)]) { entry = row }
    }

    /// Of rows in rising distance those that are nearer to the new row than to one that was chosen before.
    ///
    /// Source: Malkov, Yashunin, 2018, algorithm 4, without rows that were passed over.
    private func select(_ near: [UInt64], most: Int) -> [UInt64] {
        if near.count <= most { return near }
        var chosen: [UInt64] = []
        chosen.reserveCapacity(most)
        for key in near {
            if chosen.count == most { break }
            let vector = distances.row(DistanceKey.row(key))
            let gap = DistanceKey.distance(key)
            let isApart = chosen.allSatisfy { distances(vector, DistanceKey.row($0)) >= gap }
            if isApart { chosen.append(key) }
        }
        return chosen
    }

    private func mutableBlock(_ row: Int32, _ graph: HNSWGraph, _ layer: Int) -> UnsafeMutablePointer<Int32> {
        UnsafeMutablePointer(mutating: graph.block(row, layer))
    }

    private func write(_ keys: [UInt64], _ row: Int32, _ graph: HNSWGraph, _ layer: Int) {
        let block = mutableBlock(row, graph, layer)
        block[0] = Int32(keys.count)
        for (place, key) in keys.enumerated() { block[1 + place] = DistanceKey.row(key) }
    }

    /// Adds a neighbour; where there is no room, the best of all are chosen again.
    private func link(_ row: Int32, to new: Int32, _ graph: HNSWGraph, _ layer: Int) {
        let block = mutableBlock(row, graph, layer)
        let most = graph.mostLinks(layer)
        if Int(block[0]) < most {
            block[0] += 1
            block[Int(block[0])] = new
            return
        }
        let vector = distances.row(row)
        let rows = Array(graph.links(row, layer)) + [new]
        var gaps = [Float](repeating: 0, count: rows.count)
        distances(vector, rows, count: rows.count, into: &gaps)
        var keys = zip(gaps, rows).map { DistanceKey.make($0, $1) }
        keys.sort()
        write(select(keys, most: most), row, graph, layer)
    }

    /// Gives rows that no path on layer 0 leads to a link from a near row that has room.
    private func connectLost() {
        withGraph { graph in
            var isReached = [Bool](repeating: false, count: count)
            func reach(_ start: Int32) {
                var rest = [start]
                isReached[Int(start)] = true
                while let row = rest.popLast() {
                    for link in graph.links(row, 0) where !isReached[Int(link)] {
                        isReached[Int(link)] = true
                        rest.append(link)
                    }
                }
            }
            reach(entry)
            for row in 0..<Int32(count) where !isReached[Int(row)] {
                let near = searcher.nearest(graph, distances.row(row), width: 2 * width)
                let free = near.lazy.map { DistanceKey.row($0) }.first {
                    Int(graph.block($0, 0)[0]) < graph.mostLinks(0)
                }
                guard let free else { continue }
                link(free, to: row, graph, 0)
                reach(row)
            }
        }
    }
}
