import Dispatch

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Words and how often each occurs, for estimating: the text in one piece.
struct TrainingWords: Sendable {
    var arena: [UInt8] = []
    var starts: [Int] = [0]
    var counts: [Int] = []

    /// The words of a table in the order of their bytes.
    init(_ table: WordTable) {
        starts.reserveCapacity(table.count + 1)
        counts.reserveCapacity(table.count)
        table.forEachSorted { bytes, count in
            arena.append(contentsOf: bytes)
            starts.append(arena.count)
            counts.append(count)
        }
    }
}

/// A unigram model under estimation: pieces, their log probabilities, and passes over the words.
///
/// The words are cut into a fixed number of parts whose sums are added in a fixed order, so the result does not depend on
/// the number of threads.
struct UnigramEstimator {
    /// The pieces in ascending order of their bytes.
    private(set) var pieces: [[UInt8]]
    private(set) var scores: [Double]
    private let words: TrainingWords
    private let workers: Int
    private let trie: PieceTrie
    private let longest: Int

    private static let parts = 8
    /// Sums of probabilities below this are scaled up by its inverse.
    private static let small = 0x1p-512
    private static let large = 0x1p512

    /// Sets up the passes; nil when the pieces are too many.
    init?(pieces: [(bytes: [UInt8], score: Double)], words: TrainingWords, threads: Int) {
        let sorted = pieces.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        self.pieces = sorted.map(\.bytes)
        scores = sorted.map(\.score)
        self.words = words
        workers = max(1, min(threads, Self.parts))
        longest = max(sorted.reduce(0) { max($0, $1.bytes.count) }, 4)
        let keys = sorted.indices.map { (bytes: sorted[$0].bytes[...], value: Int32($0)) }
        guard let trie = PieceTrie(sorted: keys) else { return nil }
        self.trie = trie
    }

    private var unknownScore: Double { (scores.filter { $0 > -.infinity }.min() ?? 0) - 10 }

    /// One round of expectation and maximisation with a sparse prior (Liang and Klein 2007): expected counts below a half
    /// drop out, the others are damped by the digamma function.
    ///
    /// - Returns: The log likelihood of the words before the round.
    mutating func improve() -> Double {
        let (expected, likelihood) = expectedCounts()
        var sum = 0.0
        for count in expected where count >= 0.5 { sum += count }
        let logSum = Self.digamma(sum)
        for id in scores.indices {
            scores[id] = expected[id] >= 0.5 ? Self.digamma(expected[id]) - logSum : -.infinity
        }
        return likelihood
    }

    /// The digamma function by its recurrence and asymptotic series (Abramowitz and Stegun 6.3.5 and 6.3.18).
    static func digamma(_ x: Double) -> Double {
        var x = x
        var result = 0.0
        while x < 8 {
            result -= 1 / x
            x += 1
        }
        let inverse = 1 / (x * x)
        let series = inverse * (1.0 / 12 - inverse * (1.0 / 120 - inverse * (1.0 / 252 - inverse / 240)))
        return result + log(x) - 0.5 / x - series
    }

    /// The range of words of a part.
    private func range(_ part: Int) -> Range<Int> {
        words.counts.count * part / Self.parts..<words.counts.count * (part + 1) / Self.parts
    }

    private func inParts(_ body: @Sendable (Int) -> Void) {
        let workers = workers
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            for part in stride(from: worker, to: Self.parts, by: workers) { body(part) }
        }
    }

    private func expectedCounts() -> (expected: [Double], likelihood: Double) {
        let count = pieces.count
        let sums = UnsafeMutablePointer<Double>.allocate(capacity: Self.parts * (count + 1))
        defer { sums.deallocate() }
        sums.initialize(repeating: 0, count: Self.parts * (count + 1))
        let probabilities = scores.map { exp($0) }
        let unknown = exp(unknownScore)
        nonisolated(unsafe) let shared = sums
        inParts { part in
            let own = shared + part * (count + 1)
            let lattice = Lattice(longest: longest)
            probabilities.withUnsafeBufferPointer { probabilities in
                words.arena.withUnsafeBufferPointer { arena in
                    guard let base = arena.baseAddress else { return }
                    for word in range(part) {
                        let start = words.starts[word]
                        own[count] += lattice.expect(
                            base + start,
                            words.starts[word + 1] - start,
                            Double(words.counts[word]),
                            trie,
                            probabilities,
                            unknown,
                            own
                        )
                    }
                }
            }
        }
        var expected = [Double](repeating: 0, count: count)
        var likelihood = 0.0
        for part in 0..<Self.parts {
            let own = sums + part * (count + 1)
            for id in 0..<count { expected[id] += own[id] }
            likelihood += own[count]
        }
        return (expected, likelihood)
    }

    /// How often each piece stands on the best segmentations of the words.
    private func bestCounts() -> [Int] {
        let count = pieces.count
        let sums = UnsafeMutablePointer<Int>.allocate(capacity: Self.parts * count)
        defer { sums.deallocate() }
        sums.initialize(repeating: 0, count: Self.parts * count)
        let unknown = unknownScore
        nonisolated(unsafe) let shared = sums
        inParts { part in
            let own = shared + part * count
            let lattice = Lattice(longest: longest)
            words.arena.withUnsafeBufferPointer { arena in
                guard let base = arena.baseAddress else { return }
                for word in range(part) {
                    let start = words.starts[word]
                    let length = words.starts[word + 1] - start
                    _ = lattice.best(base + start, length, trie, scores, unknown, without: -1)
                    for id in lattice.path where id >= 0 { own[Int(id)] += words.counts[word] }
                }
            }
        }
        return (0..<count).map { id in (0..<Self.parts).reduce(0) { $0 + sums[$1 * count + id] } }
    }

    /// The best segmentation of every piece without the piece itself: nil when the piece is better cut up, none when there is
    /// no other.
    private func alternatives() -> [[Int32]?] {
        let unknown = unknownScore
        var results = [[Int32]?](repeating: nil, count: pieces.count)
        results.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let results = buffer
            inParts { part in
                let lattice = Lattice(longest: longest)
                for id in stride(from: part, to: pieces.count, by: Self.parts) where scores[id] > -.infinity {
                    pieces[id].withUnsafeBufferPointer { bytes in
                        guard let base = bytes.baseAddress else { return }
                        let score = lattice.best(base, bytes.count, trie, scores, unknown, without: Int32(id))
                        if lattice.path.contains(-1) {
                            results[id] = []
                        } else if score < scores[id] {
                            results[id] = lattice.path
                        }
                    }
                }
            }
        }
        return results
    }

    /// The pieces to keep: those without alternative, then those whose loss would cost the most likelihood.
    ///
    /// - Parameter size: How many to keep.
    /// - Returns: The pieces with their scores.
    func pruned(to size: Int) -> [(bytes: [UInt8], score: Double)] {
        let alternatives = alternatives()
        let counts = bestCounts()
        let sum = Double(counts.reduce(0, +))
        let logSum = log(sum)
        var kept: [(bytes: [UInt8], score: Double)] = []
        var candidates: [(id: Int, loss: Double)] = []
        for id in pieces.indices where counts[id] > 0 && scores[id] > -.infinity {
            guard let alternative = alternatives[id] else { continue }
            guard !alternative.isEmpty else {
                kept.append((pieces[id], scores[id]))
                continue
            }
            let count = Double(counts[id])
            let logSumAfter = log(sum + count * Double(alternative.count - 1))
            let after = alternative.reduce(0.0) { $0 + log(Double(counts[Int($1)]) + count) - logSumAfter }
            candidates.append((id, count * (log(count) - logSum - after)))
        }
        candidates.sort { $0.loss != $1.loss ? $0.loss > $1.loss : $0.id < $1.id }
        for candidate in candidates.prefix(max(0, size - kept.count)) {
            kept.append((pieces[candidate.id], scores[candidate.id]))
        }
        return kept
    }

    /// The pieces that are left.
    var remaining: Int { scores.reduce(0) { $0 + ($1 > -.infinity ? 1 : 0) } }
}

extension UnigramEstimator {
    /// The working memory of one thread: a word's states and the pieces found in it.
    private final class Lattice {
        private struct Edge {
            var start: Int32
            var end: Int32
            var id: Int32
        }

        private let longest: Int
        private var forward: [Double] = []
        private var backward: [Double] = []
        private var scales: [Int32] = []
        private var edges: [Edge] = []
        private var from: [Int32] = []
        private var ids: [Int32] = []
        /// The ids of the last best segmentation, the last first; -1 for unknown text.
        private(set) var path: [Int32] = []

        init(longest: Int) { self.longest = longest }

        /// Adds the expected counts of the pieces in a word; returns its log likelihood.
        func expect(
            _ text: UnsafePointer<UInt8>,
            _ count: Int,
            _ weight: Double,
            _ trie: PieceTrie,
            _ probabilities: UnsafeBufferPointer<Double>,
            _ unknown: Double,
            _ expected: UnsafeMutablePointer<Double>
        ) -> Double {
            if forward.count <= count {
                forward = [Double](repeating: 0, count: 2 * count + 2)
                backward = forward
                scales = [Int32](repeating: 0, count: 2 * count + 2)
            }
            edges.removeAll(keepingCapacity: true)
            var scale: Int32 = 0
            forward.withUnsafeMutableBufferPointer { forward in
                for index in 0...count { forward[index] = 0 }
                forward[0] = 1
                var position = 0
                while position < count {
                    if forward[position] < UnigramEstimator.small {
                        for index in position...min(count, position + longest) {
                            forward[index] *= UnigramEstimator.large
                        }
                        scale += 1
                    }
                    scales[position] = scale
                    let here = forward[position]
                    let length = min(UnigramModel.characterLength(text[position]), count - position)
                    var isCovered = false
                    var node = trie.root
                    var next = position
                    while next < count, let child = trie.step(node, text[next]) {
                        node = child
                        next += 1
                        let id = PieceTrie.value(node)
                        guard id >= 0, probabilities[id] > 0 else { continue }
                        forward[next] += here * probabilities[id]
                        edges.append(Edge(start: Int32(position), end: Int32(next), id: Int32(id)))
                        if next - position == length { isCovered = true }
                    }
                    if !isCovered {
                        next = position + length
                        forward[next] += here * unknown
                        edges.append(Edge(start: Int32(position), end: Int32(next), id: -1))
                    }
                    position += length
                }
            }
            addExpected(count, scale, weight, probabilities, unknown, expected)
            return weight * (log(forward[count]) + Double(scale) * log(UnigramEstimator.small))
        }

        private func addExpected(
            _ count: Int,
            _ finalScale: Int32,
            _ weight: Double,
            _ probabilities: UnsafeBufferPointer<Double>,
            _ unknown: Double,
            _ expected: UnsafeMutablePointer<Double>
        ) {
            var scale: Int32 = 0
            let total = forward[count]
            backward.withUnsafeMutableBufferPointer { backward in
                for index in 0...count { backward[index] = 0 }
                backward[count] = 1
                var index = edges.count - 1
                while index >= 0 {
                    let start = Int(edges[index].start)
                    let factor =
                        Self.power(finalScale - scales[start] - scale) * weight * (forward[start] / total)
                    var sum = 0.0
                    while index >= 0, Int(edges[index].start) == start {
                        let edge = edges[index]
                        let probability = edge.id < 0 ? unknown : probabilities[Int(edge.id)]
                        let part = probability * backward[Int(edge.end)]
                        sum += part
                        if edge.id >= 0 { expected[Int(edge.id)] += part * factor }
                        index -= 1
                    }
                    backward[start] = sum
                    if sum < UnigramEstimator.small {
                        for index in start...min(count, start + longest) {
                            backward[index] *= UnigramEstimator.large
                        }
                        scale += 1
                    }
                }
            }
        }

        /// The number that undoes scaling up `scale` times more than down.
        private static func power(_ scale: Int32) -> Double {
            scale == 0 ? 1 : (scale > 1 ? .infinity : (scale == 1 ? large : (scale == -1 ? small : 0)))
        }

        /// Finds the best segmentation of a word, if need be without a piece; returns its score.
        func best(
            _ text: UnsafePointer<UInt8>,
            _ count: Int,
            _ trie: PieceTrie,
            _ scores: [Double],
            _ unknown: Double,
            without excluded: Int32
        ) -> Double {
            if forward.count <= count || from.count <= count {
                forward = [Double](repeating: 0, count: 2 * count + 2)
                backward = forward
                scales = [Int32](repeating: 0, count: 2 * count + 2)
                from = scales
                ids = scales
            }
            for index in 0...count { forward[index] = -.infinity }
            forward[0] = 0
            var position = 0
            while position < count {
                let here = forward[position]
                let length = min(UnigramModel.characterLength(text[position]), count - position)
                var isCovered = false
                var node = trie.root
                var next = position
                func offer(_ score: Double, _ id: Int32) {
                    guard here + score > forward[next] else { return }
                    forward[next] = here + score
                    from[next] = Int32(position)
                    ids[next] = id
                }
                while next < count, let child = trie.step(node, text[next]) {
                    node = child
                    next += 1
                    let id = PieceTrie.value(node)
                    guard id >= 0, id != excluded, scores[id] > -.infinity else { continue }
                    offer(scores[id], Int32(id))
                    if next - position == length { isCovered = true }
                }
                if !isCovered {
                    next = position + length
                    offer(unknown, -1)
                }
                position += length
            }
            path.removeAll(keepingCapacity: true)
            position = count
            while position > 0 {
                path.append(ids[position])
                position = Int(from[position])
            }
            return forward[count]
        }
    }
}
