import Foundation
import Testing
import YuyanFileFormats
import YuyanModels

/// What holds for indexes of vectors, exact and by a graph.
@Suite struct VectorIndexTests {
    private static func options(
        _ kind: VectorIndexOptions.Kind,
        _ metric: VectorMetric = .cosine,
        seed: UInt64 = 1
    ) -> VectorIndexOptions {
        var options = VectorIndexOptions()
        (options.kind, options.metric, options.seed) = (kind, metric, seed)
        return options
    }

    /// The nearest rows by doubles, one after the other.
    private func nearest(_ rows: [Float], _ query: [Float], _ metric: VectorMetric, _ count: Int) -> [Int] {
        let width = query.count
        let scores = (0..<rows.count / width).map { row -> Double in
            let own = rows[row * width..<(row + 1) * width].map { Double($0) }
            let dot = zip(own, query).reduce(0.0) { $0 + $1.0 * Double($1.1) }
            switch metric {
            case .dot: return dot
            case .cosine:
                let length =
                    own.reduce(0) { $0 + $1 * $1 } * query.reduce(0.0) { $0 + Double($1) * Double($1) }
                return length > 0 ? dot / length.squareRoot() : 0
            case .euclidean:
                return -zip(own, query).reduce(0.0) { $0 + ($1.0 - Double($1.1)) * ($1.0 - Double($1.1)) }
            }
        }
        return scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }.prefix(count).map { $0 }
    }

    @Test(arguments: VectorMetric.allCases, [1, 7, 16, 37])
    func exactSearchFindsTheNearest(metric: VectorMetric, width: Int) throws {
        let rows = clusteredRows(2300, width: width, seed: 5)
        let index = try VectorIndex(rows, dimension: width, options: Self.options(.exact, metric))
        let queries = clusteredRows(70, width: width, seed: 6)
        let together = try index.search(queries, count: 10)
        for number in 0..<70 {
            let query = Array(queries[number * width..<(number + 1) * width])
            let wanted = nearest(rows, query, metric, 10)
            let alone = try index.search(query, count: 10)[0]
            for found in [together[number], alone] {
                // Rows that differ by less than single precision may change places.
                let same = zip(found, wanted).filter { $0.row == $1 }.count
                #expect(width == 1 || same >= 9, "query \(number): \(found.map(\.row)) instead of \(wanted)")
                #expect(zip(found, found.dropFirst()).allSatisfy { $0.score >= $1.score })
            }
            #expect(zip(together[number], alone).allSatisfy { abs($0.score - $1.score) < 1e-4 })
        }
    }

    @Test(arguments: VectorMetric.allCases) func graphFindsWhatExactSearchFinds(metric: VectorMetric) throws {
        let (count, width) = (6000, 24)
        let rows = clusteredRows(count, width: width, seed: 11)
        let index = try VectorIndex(rows, dimension: width, options: Self.options(.hnsw, metric, seed: 3))
        let queries = clusteredRows(200, width: width, seed: 12)
        let exact = try index.search(queries, count: 10, isExact: true)
        func recall(_ searchWidth: Int) throws -> Double {
            let found = try index.search(queries, count: 10, searchWidth: searchWidth)
            let hits = zip(found, exact).reduce(0) {
                $0 + Set($1.0.map(\.row)).intersection($1.1.map(\.row)).count
            }
            return Double(hits) / 2000
        }
        let (narrow, wide) = (try recall(16), try recall(128))
        #expect(wide >= (metric == .dot ? 0.9 : 0.99), "recall@10 \(wide)")
        #expect(narrow < wide)
        #expect(narrow >= 0.6, "recall@10 \(narrow)")
    }

    @Test func everyRowIsFound() throws {
        let (count, width) = (3000, 16)
        var rows = clusteredRows(count, width: width, seed: 21)
        // Copies of a row, and rows of zeros, are found too.
        for row in 0..<60 { rows.replaceSubrange(row * width..<(row + 1) * width, with: rows[..<width]) }
        rows.replaceSubrange(70 * width..<72 * width, with: [Float](repeating: 0, count: 2 * width))
        let index = try VectorIndex(rows, dimension: width, options: Self.options(.hnsw, .euclidean))
        let found = try index.search(rows, count: 80, searchWidth: 200)
        for row in 0..<count {
            #expect(found[row].contains { $0.row == row }, "row \(row)")
            #expect(found[row][0].score == 0)
        }
    }

    @Test func copiesAloneMakeAGraph() throws {
        let rows = [Float](repeating: 1, count: 500 * 8)
        let index = try VectorIndex(rows, dimension: 8, options: Self.options(.hnsw))
        let found = try index.search([Float](repeating: 2, count: 8), count: 500, searchWidth: 500)[0]
        #expect(Set(found.map(\.row)).count == 500)
        #expect(found.allSatisfy { abs($0.score - 1) < 1e-6 })
    }

    @Test(arguments: VectorIndexOptions.Kind.allCases, VectorMetric.allCases)
    func fileGivesTheSameIndex(kind: VectorIndexOptions.Kind, metric: VectorMetric) throws {
        let folder = try ScratchFolder()
        let rows = clusteredRows(700, width: 9, seed: 31)
        let index = try VectorIndex(rows, dimension: 9, options: Self.options(kind, metric))
        let again = try VectorIndex(rows, dimension: 9, options: Self.options(kind, metric))
        try index.write(to: folder.file("one"))
        try again.write(to: folder.file("two"))
        #expect(try SafeFile.read(folder.file("one")) == SafeFile.read(folder.file("two")))
        let opened = try VectorIndex(contentsOf: folder.file("one"))
        #expect(opened.options == index.options)
        let queries = clusteredRows(20, width: 9, seed: 32)
        #expect(try opened.search(queries, count: 7) == index.search(queries, count: 7))
        #expect(try opened.vector(699) == index.vector(699))
        try opened.write(to: folder.file("three"))
        #expect(try SafeFile.read(folder.file("one")) == SafeFile.read(folder.file("three")))
    }

    @Test func threadsChangeNothing() throws {
        let rows = clusteredRows(2000, width: 12, seed: 41)
        let index = try VectorIndex(rows, dimension: 12, options: Self.options(.hnsw))
        let one = try withThreads(1) { try index.search(rows, count: 5) }
        #expect(try withThreads(3) { try index.search(rows, count: 5) } == one)
    }

    @Test func damagedFilesAreRefused() throws {
        let folder = try ScratchFolder()
        let path = folder.file("index")
        let index = try VectorIndex(
            clusteredRows(300, width: 4, seed: 51),
            dimension: 4,
            options: Self.options(.hnsw)
        )
        try index.write(to: path)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        for count in [0, 7, 60, whole.count / 2, whole.count - 1] {
            try damage(path, keeping: count)
            #expect(throws: FileFormatError.self, "\(count) bytes") { try VectorIndex(contentsOf: path) }
            try whole.write(to: URL(fileURLWithPath: path))
        }
        // Whatever byte is turned, opening and searching throws or gives rows of the index.
        var random = RandomSource(seed: 7)
        var refused = 0
        for _ in 0..<400 {
            try damage(path, at: random.nextIndex(below: whole.count))
            do {
                let opened = try VectorIndex(contentsOf: path)
                let found = try opened.search([1, 0, 0, 0], count: 300)[0]
                #expect(found.allSatisfy { $0.row >= 0 && $0.row < opened.count })
            } catch {
                refused += 1
            }
            try whole.write(to: URL(fileURLWithPath: path))
        }
        #expect(refused > 100)
    }

    @Test func wrongQuestionsAreRefused() throws {
        let index = try VectorIndex([1, 0, 0, 1, 0, 0], dimension: 3)
        #expect(throws: SearchError.self) { try index.search([1, 0, 0, 0], count: 1) }
        #expect(throws: SearchError.self) { try index.search([1, .nan, 0], count: 1) }
        #expect(throws: SearchError.self) { try VectorIndex([1, .infinity, 0], dimension: 3) }
        #expect(throws: SearchError.self) { try VectorIndex([], dimension: 3) }
        var options = VectorIndexOptions()
        options.connections = 1
        #expect(throws: SearchError.self) { try VectorIndex([1, 0, 0], dimension: 3, options: options) }
        #expect(try index.search([0, 0, 0], count: 9)[0].map(\.score) == [0, 0])
        #expect(try index.search([1, 0, 0], count: 0) == [[]])
        #expect(try index.search([], count: 3).isEmpty)
        #expect(throws: CancellationError.self) {
            var options = VectorIndexOptions()
            options.kind = .hnsw
            _ = try VectorIndex(clusteredRows(600, width: 3, seed: 1), dimension: 3, options: options) { _ in
                false
            }
        }
    }
}
