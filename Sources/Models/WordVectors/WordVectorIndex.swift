import CKernels
import YuyanTensorCore

/// A word with how near it is.
public struct WordNeighbour: Sendable, Hashable {
    /// The word.
    public let word: String
    /// Its row.
    public let place: Int
    /// Its score: the cosine, or what the method of an analogy gives.
    public let score: Float
}

/// How the fourth word of an analogy is found.
public enum AnalogyMethod: String, Sendable, Hashable, CaseIterable {
    /// The greatest cos(x, b) − cos(x, a) + cos(x, c).
    case addition = "3cosadd"
    /// The greatest cos(x, b) · cos(x, c) / cos(x, a), cosines moved to 0…1.
    ///
    /// Source: Levy and Goldberg, "Linguistic regularities in sparse and explicit word representations", 2014.
    case multiplication = "3cosmul"
}

/// Finds near words: the vectors of a table brought to length 1.
public struct WordVectorIndex: Sendable {
    /// The table.
    public let vectors: WordVectors
    /// The rows that are looked at, from the first on.
    public let searchedCount: Int
    private let units: [Float]

    /// Makes an index.
    ///
    /// - Parameters:
    ///   - vectors: the table.
    ///   - searchedCount: looks only at so many words from the first (most frequent) on; nil for all.
    public init(_ vectors: WordVectors, searchedCount: Int? = nil) {
        self.vectors = vectors
        self.searchedCount = min(max(searchedCount ?? vectors.count, 0), vectors.count)
        var units = vectors.vectors
        units.normalizeRows(width: vectors.dimension)
        self.units = units
    }

    /// The vector of a word at length 1.
    ///
    /// - Parameter word: the word.
    /// - Returns: the vector.
    /// - Throws: `WordVectorError` when there is neither the word nor one of its n-grams.
    public func unit(of word: String) throws(WordVectorError) -> [Float] {
        guard var vector = vectors[word] else {
            throw WordVectorError(.unknownWord, "'\(word)' is not among the \(vectors.count) words")
        }
        vector.normalizeRows(width: vectors.dimension)
        return vector
    }

    /// The cosine of two words.
    ///
    /// - Parameters:
    ///   - first: a word.
    ///   - second: another.
    /// - Returns: from -1 to 1.
    /// - Throws: `WordVectorError` when one has no vector.
    public func similarity(_ first: String, _ second: String) throws(WordVectorError) -> Double {
        zip(try unit(of: first), try unit(of: second)).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }

    /// The words nearest to a word.
    ///
    /// - Parameters:
    ///   - word: the word; it is not among the results.
    ///   - count: how many.
    /// - Returns: the nearest first; of equal ones, the one that stands first in the table.
    /// - Throws: `WordVectorError` when the word has no vector.
    public func nearest(to word: String, count: Int = 10) throws(WordVectorError) -> [WordNeighbour] {
        best(scores(of: try unit(of: word)), count, without: vectors.place(of: word).map { [$0] } ?? [])
    }

    /// The words nearest to a vector.
    ///
    /// Traps when the vector has another width.
    ///
    /// - Parameters:
    ///   - vector: the vector, of any length.
    ///   - count: how many.
    /// - Returns: the nearest first.
    public func nearest(to vector: [Float], count: Int = 10) -> [WordNeighbour] {
        require(vector.count == vectors.dimension, "WordVectorIndex: a vector of width \(vector.count)")
        var unit = vector
        unit.normalizeRows(width: vectors.dimension)
        return best(scores(of: unit), count, without: [])
    }

    /// The words that are to `third` as `second` is to `first`; the three are not among them.
    ///
    /// - Parameters:
    ///   - first: such as "man".
    ///   - second: such as "king".
    ///   - third: such as "woman".
    ///   - method: how.
    ///   - count: how many.
    /// - Returns: the best first.
    /// - Throws: `WordVectorError` when one of the words has no vector.
    public func analogy(
        _ first: String,
        _ second: String,
        _ third: String,
        method: AnalogyMethod = .addition,
        count: Int = 10
    ) throws(WordVectorError) -> [WordNeighbour] {
        let words = [first, second, third]
        let (a, b, c) = (try unit(of: first), try unit(of: second), try unit(of: third))
        let scores: [Float]
        switch method {
        case .addition:
            scores = self.scores(of: zip(zip(a, b), c).map { $0.1 - $0.0 + $1 })
        case .multiplication:
            let (toA, toB, toC) = (self.scores(of: a), self.scores(of: b), self.scores(of: c))
            scores = toA.indices.map { Self.product(toA[$0], toB[$0], toC[$0]) }
        }
        return best(scores, count, without: words.compactMap { vectors.place(of: $0) })
    }

    @inline(__always)
    private static func product(_ a: Float, _ b: Float, _ c: Float) -> Float {
        ((1 + b) / 2) * ((1 + c) / 2) / ((1 + a) / 2 + 1e-6)
    }

    private func scores(of query: [Float]) -> [Float] {
        [Float](unsafeUninitializedCapacity: searchedCount) { out, count in
            yk_row_dots(out.baseAddress, units, query, Int64(searchedCount), Int64(vectors.dimension))
            count = searchedCount
        }
    }

    private func best(_ scores: [Float], _ count: Int, without left: [Int]) -> [WordNeighbour] {
        guard count > 0 else { return [] }
        var best = BestRows(count)
        var bound = best.bound
        // NaN is below no bound.
        for (place, score) in scores.enumerated() where -score <= bound && !left.contains(place) {
            best.add(-score, Int32(place))
            bound = best.bound
        }
        return best.hits { -$0 }.map {
            WordNeighbour(word: vectors.words[$0.row], place: $0.row, score: scores[$0.row])
        }
    }

    /// The best answer to each of many analogies of rows (a : b = c : ?), or -1 where there is none.
    ///
    /// - Parameters:
    ///   - questions: the rows a, b and c of each.
    ///   - method: how.
    /// - Returns: a row for each.
    public func answers(to questions: [(Int, Int, Int)], method: AnalogyMethod) -> [Int] {
        let (group, pieces) = (32, (questions.count + 31) / 32)
        return [Int](unsafeUninitializedCapacity: questions.count) { out, count in
            units.withUnsafeBufferPointer { units in
                let search = AnalogySearch(
                    units: units,
                    width: vectors.dimension,
                    rows: searchedCount,
                    method: method
                )
                let out = UncheckedPlaces(out)
                forEachPiece(pieces) { piece in
                    let range = piece * group..<min(questions.count, (piece + 1) * group)
                    let found = search.answers(questions[range])
                    for (place, row) in zip(range, found) { out.places.initializeElement(at: place, to: row) }
                }
            }
            count = questions.count
        }
    }

    /// Memory to which every piece writes its own part.
    private struct UncheckedPlaces: @unchecked Sendable {
        let places: UnsafeMutableBufferPointer<Int>
        init(_ places: UnsafeMutableBufferPointer<Int>) { self.places = places }
    }

    /// Answers a few analogies together, block of rows by block, so that a block stays in the cache.
    private struct AnalogySearch {
        let units: UnsafeBufferPointer<Float>
        let width: Int
        let rows: Int
        let method: AnalogyMethod
        private static var block: Int { 256 }

        func answers(_ questions: ArraySlice<(Int, Int, Int)>) -> [Int] {
            let queries = questions.map { self.vectors(of: $0) }
            var best = [(row: Int, score: Float)](repeating: (-1, -.infinity), count: queries.count)
            var dots = [[Float]](repeating: [Float](repeating: 0, count: Self.block), count: 3)
            for first in stride(from: 0, to: rows, by: Self.block) {
                let count = min(Self.block, rows - first)
                for (index, (query, asked)) in zip(queries, questions).enumerated() {
                    for (place, vector) in query.enumerated() {
                        let start = units.baseAddress.map { $0 + first * width }
                        yk_row_dots(&dots[place], start, vector, Int64(count), Int64(width))
                    }
                    for row in 0..<count {
                        let score =
                            method == .addition
                            ? dots[0][row] : WordVectorIndex.product(dots[0][row], dots[1][row], dots[2][row])
                        guard score > best[index].score else { continue }
                        let place = first + row
                        if place == asked.0 || place == asked.1 || place == asked.2 { continue }
                        best[index] = (place, score)
                    }
                }
            }
            return best.map { $0.row }
        }

        private func vectors(of question: (Int, Int, Int)) -> [[Float]] {
            let (a, b, c) = (row(question.0), row(question.1), row(question.2))
            return method == .addition
                ? [a.indices.map { b[$0] - a[$0] + c[$0] }] : [a, b, c]
        }

        private func row(_ place: Int) -> [Float] { Array(units[place * width..<(place + 1) * width]) }
    }
}
