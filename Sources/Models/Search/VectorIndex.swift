import CKernels
import YuyanFileFormats
import YuyanTensorCore

/// How a ``VectorIndex`` is made and searched.
public struct VectorIndexOptions: Sendable, Hashable {
    /// How rows are looked for.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Every row is compared.
        case exact
        /// A hierarchical graph of near rows is walked through.
        case hnsw
    }

    /// How rows are looked for.
    public var kind = Kind.exact
    /// How near two vectors are.
    public var metric = VectorMetric.cosine
    /// M: the most neighbours of a row in the graph; twice as many on its lowest layer.
    public var connections = 16
    /// efConstruction: how many rows are kept on the way while the graph is made.
    public var constructionWidth = 200
    /// efSearch: how many rows are kept on the way of a search, unless it says so itself.
    public var searchWidth = 64
    /// The seed of the graph's levels.
    public var seed: UInt64 = 1

    /// Exact search by cosine.
    public init() {}

    /// What is wrong with the options; nil when nothing is.
    public var problem: String? {
        if !(2...512).contains(connections) { return "M is \(connections); it must lie in 2...512" }
        let widths = [("efConstruction", constructionWidth), ("efSearch", searchWidth)]
        for (name, width) in widths where !(1...1 << 20).contains(width) {
            return "\(name) is \(width); it must lie in 1...\(1 << 20)"
        }
        return nil
    }
}

/// Rows of vectors that are searched for the nearest to a vector: exactly, or through a graph (HNSW).
///
/// The same rows, options and seed make the same index, and the same search of it gives the same rows. By cosine, rows
/// are kept at length 1; a row of zeros is at 0 from everything.
public final class VectorIndex: Sendable {
    /// The number of rows N.
    public let count: Int
    /// The width of a row D.
    public let dimension: Int
    /// How it was made.
    public let options: VectorIndexOptions
    let rows: NumberStorage<Float>
    let links: HNSWLinks?

    init(
        count: Int,
        dimension: Int,
        options: VectorIndexOptions,
        rows: NumberStorage<Float>,
        links: HNSWLinks?
    ) {
        (self.count, self.dimension, self.options) = (count, dimension, options)
        (self.rows, self.links) = (rows, links)
    }

    /// The most rows of an index.
    public static let mostRows = Int(Int32.max) / 2

    /// Makes an index.
    ///
    /// Traps when the numbers are no whole rows.
    ///
    /// - Parameters:
    ///   - vectors: N × D numbers in rows.
    ///   - dimension: The width of a row D.
    ///   - options: How it is made.
    ///   - progress: Told now and then how many rows are in the graph; false stops with `CancellationError`.
    /// - Throws: ``SearchError`` for options or numbers that cannot be.
    public convenience init(
        _ vectors: [Float],
        dimension: Int,
        options: VectorIndexOptions = VectorIndexOptions(),
        progress: (Int) -> Bool = { _ in true }
    ) throws {
        require(
            dimension > 0 && vectors.count % dimension == 0,
            "VectorIndex: \(vectors.count) numbers are no rows of \(dimension)"
        )
        let count = vectors.count / dimension
        if let problem = options.problem { throw SearchError(problem) }
        guard count >= 1, count <= Self.mostRows else {
            throw SearchError("\(count) vectors; an index has from 1 to \(Self.mostRows)")
        }
        if let place = vectors.firstIndex(where: { !$0.isFinite }) {
            throw SearchError(
                "vector \(place / dimension) holds \(vectors[place]), which is no finite number"
            )
        }
        var rows = vectors
        if options.metric == .cosine {
            rows.normalizeRows(width: dimension)
        }
        var links: HNSWLinks?
        if options.kind == .hnsw {
            links = rows.withUnsafeBufferPointer { buffer in
                buffer.baseAddress.flatMap { first in
                    HNSWBuilder(
                        RowDistances(first, width: dimension, metric: options.metric),
                        count: count,
                        connections: options.connections,
                        width: options.constructionWidth,
                        seed: options.seed
                    ).build(progress: progress)
                }
            }
            guard links != nil else { throw CancellationError() }
        }
        self.init(count: count, dimension: dimension, options: options, rows: .memory(rows), links: links)
    }

    /// A row as it is kept: at length 1 by cosine.
    ///
    /// Traps when there is no such row.
    ///
    /// - Parameter row: The row.
    /// - Returns: Its numbers.
    /// - Throws: When the file cannot be read.
    public func vector(_ row: Int) throws -> [Float] {
        require(row >= 0 && row < count, "VectorIndex: row \(row) of \(count)")
        return try rows.withNumbers { Array($0[row * dimension..<(row + 1) * dimension]) }
    }

    // MARK: Searching

    /// The rows nearest to vectors.
    ///
    /// - Parameters:
    ///   - queries: Q × D numbers in rows.
    ///   - count: How many rows are wanted for each.
    ///   - searchWidth: How many rows are kept on the way through a graph; the index's own when nil, `count` at least.
    ///   - isExact: Whether every row is compared even where there is a graph.
    /// - Returns: The rows of each query, the best first; of equal ones the one that was added first.
    /// - Throws: ``SearchError`` when queries are of another width or hold numbers that are not finite.
    public func search(
        _ queries: [Float],
        count: Int,
        searchWidth: Int? = nil,
        isExact: Bool = false
    ) throws -> [[SearchHit]] {
        guard queries.count % dimension == 0 else {
            throw SearchError(
                "\(queries.count) numbers are no queries for an index of dimension \(dimension)"
            )
        }
        guard queries.allSatisfy(\.isFinite) else {
            throw SearchError("a query holds a number that is not finite")
        }
        let wanted = min(max(count, 0), self.count)
        guard wanted > 0, !queries.isEmpty else {
            return [[SearchHit]](repeating: [], count: queries.count / dimension)
        }
        var queries = queries
        if options.metric == .cosine {
            queries.normalizeRows(width: dimension)
        }
        return try rows.withNumbers { rows in
            try queries.withUnsafeBufferPointer { queries in
                guard let first = rows.baseAddress, let query = queries.baseAddress else { return [] }
                let number = queries.count / dimension
                guard let links, !isExact else {
                    return ExactSearch(first, query, number, self, wanted).hits()
                }
                let width = max(searchWidth ?? options.searchWidth, wanted)
                return try links.withGraph(count: self.count) { graph in
                    self.walk(graph, first, query, number, width).map { Array($0.prefix(wanted)) }
                }
            }
        }
    }

    /// Walks through the graph for each query, queries dealt out to threads.
    private func walk(
        _ graph: HNSWGraph,
        _ rows: UnsafePointer<Float>,
        _ queries: UnsafePointer<Float>,
        _ number: Int,
        _ width: Int
    ) -> [[SearchHit]] {
        let distances = RowDistances(rows, width: dimension, metric: options.metric)
        let pieces = min(number, max(1, Int(yk_thread_count())))
        var found = [[SearchHit]](repeating: [], count: number)
        found.withUnsafeMutableBufferPointer { found in
            let out = UncheckedHits(found)
            forEachPiece(pieces) { piece in
                let searcher = HNSWSearcher(
                    distances,
                    count: count,
                    mostLinks: 2 * graph.connections
                )
                for place in piece * number / pieces..<(piece + 1) * number / pieces {
                    let keys = searcher.nearest(graph, queries + place * dimension, width: width)
                    out.hits[place] = keys.map { key in
                        SearchHit(
                            row: Int(DistanceKey.row(key)),
                            score: RowDistances.score(DistanceKey.distance(key), options.metric)
                        )
                    }
                }
            }
        }
        return found
    }
}

/// Memory to which every piece writes its own part.
private struct UncheckedHits: @unchecked Sendable {
    let hits: UnsafeMutableBufferPointer<[SearchHit]>
    init(_ hits: UnsafeMutableBufferPointer<[SearchHit]>) { self.hits = hits }
}

/// The comparison of every query with every row: a block of rows at a time, by a product of matrices where queries are
/// several.
private struct ExactSearch {
    private let rows: UnsafePointer<Float>
    private let queries: UnsafePointer<Float>
    private let number: Int
    private let index: VectorIndex
    private let wanted: Int

    /// Queries and rows of a product; its result stays in the cache.
    private static var group: Int { 64 }
    private static var block: Int { 1024 }
    /// Below so many queries each is compared by itself.
    private static var fewQueries: Int { 4 }

    init(
        _ rows: UnsafePointer<Float>,
        _ queries: UnsafePointer<Float>,
        _ number: Int,
        _ index: VectorIndex,
        _ wanted: Int
    ) {
        (self.rows, self.queries, self.number) = (rows, queries, number)
        (self.index, self.wanted) = (index, wanted)
    }

    func hits() -> [[SearchHit]] {
        // Squared distances from products would lose what little two near rows differ by.
        let isSingle = number < Self.fewQueries || index.options.metric == .euclidean
        var all: [[SearchHit]] = []
        all.reserveCapacity(number)
        let step = isSingle ? 1 : Self.group
        for first in stride(from: 0, to: number, by: step) {
            let best = isSingle ? [one(first)] : some(first..<min(first + step, number))
            all += best.map { $0.hits { RowDistances.score($0, index.options.metric) } }
        }
        return all
    }

    private func one(_ query: Int) -> BestRows {
        let distances = RowDistances(rows, width: index.dimension, metric: index.options.metric)
        var best = BestRows(wanted)
        let extent = 16 * Self.block
        var out = [Float](repeating: 0, count: min(extent, index.count))
        for first in stride(from: 0, to: index.count, by: extent) {
            let range = first..<min(first + extent, index.count)
            out.withUnsafeMutableBufferPointer { out in
                guard let address = out.baseAddress else { return }
                distances.distances(queries + query * index.dimension, range, into: address)
                Self.take(UnsafeBufferPointer(rebasing: out[..<range.count]), first, &best)
            }
        }
        return best
    }

    private func some(_ range: Range<Int>) -> [BestRows] {
        var best = [BestRows](repeating: BestRows(wanted), count: range.count)
        let width = index.dimension
        var out = [Float](repeating: 0, count: range.count * Self.block)
        for first in stride(from: 0, to: index.count, by: Self.block) {
            let extent = min(Self.block, index.count - first)
            out.withUnsafeMutableBufferPointer { out in
                var call = yk_gemm_call()
                (call.batch, call.m, call.n, call.k) = (1, Int64(range.count), Int64(extent), Int64(width))
                call.type = YK_F32
                call.c_type = YK_F32
                call.a = UnsafeRawPointer(queries + range.lowerBound * width)
                (call.a_row, call.a_column) = (Int64(width), 1)
                call.b = UnsafeRawPointer(rows + first * width)
                (call.b_row, call.b_column) = (1, Int64(width))
                call.c = UnsafeMutableRawPointer(out.baseAddress)
                call.c_row = Int64(extent)
                call.alpha = -1
                yk_gemm(&call)
                for query in 0..<range.count {
                    let row = out[query * extent..<(query + 1) * extent]
                    Self.take(UnsafeBufferPointer(rebasing: row), first, &best[query])
                }
            }
        }
        return best
    }

    private static func take(_ distances: UnsafeBufferPointer<Float>, _ first: Int, _ best: inout BestRows) {
        var bound = best.bound
        for (place, distance) in distances.enumerated() where distance <= bound {
            best.add(distance, Int32(first + place))
            bound = best.bound
        }
    }
}
