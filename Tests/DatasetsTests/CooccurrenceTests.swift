import Foundation
import Testing
import YuyanDatasets

@Suite struct CooccurrenceTests {
    private func counts(
        _ sentences: [[Int32]],
        words: Int,
        window: Int,
        isSymmetric: Bool,
        memory: Int
    ) throws -> [[Double]] {
        let folder = FileManager.default.temporaryDirectory.path
        let counter = CooccurrenceCounter(
            words: words,
            window: window,
            isSymmetric: isSymmetric,
            folder: folder,
            memoryBytes: memory
        )
        for sentence in sentences {
            for word in sentence { try counter.add(word) }
            counter.endSentence()
        }
        var found = [[Double]](repeating: [Double](repeating: 0, count: words), count: words)
        try counter.drain { row, column, count in
            #expect(found[row][column] == 0, "the pair \(row), \(column) comes twice")
            found[row][column] = count
        }
        return found
    }

    @Test(arguments: [true, false], [1, 4])
    func countsAreThoseOfAllPairsWhateverTheMemory(_ isSymmetric: Bool, _ window: Int) throws {
        var (state, sentences): (UInt64, [[Int32]]) = (7, [])
        for _ in 0..<4000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            sentences.append((0..<Int(state >> 60)).map { Int32(state >> UInt64(3 * $0) & 63) % 50 })
        }
        var expected = [[Double]](repeating: [Double](repeating: 0, count: 50), count: 50)
        for sentence in sentences {
            for place in sentence.indices {
                for distance in 1...window where distance <= place {
                    let (word, earlier) = (Int(sentence[place]), Int(sentence[place - distance]))
                    expected[word][earlier] += 1 / Double(distance)
                    if isSymmetric { expected[earlier][word] += 1 / Double(distance) }
                }
            }
        }
        // Without room for any pair of its own, for a part of them, for all.
        for memory in [0, 4000, 64 << 20] {
            let found = try counts(
                sentences,
                words: 50,
                window: window,
                isSymmetric: isSymmetric,
                memory: memory
            )
            for row in 0..<50 {
                for column in 0..<50 { #expect(abs(found[row][column] - expected[row][column]) < 1e-9) }
            }
        }
    }

    private struct Pair: Equatable {
        let row: Int
        let column: Int
        let count: Double
    }

    /// Frequent pairs come first, then the others, each by row and column, whatever of them lies in memory.
    @Test(arguments: [true, false], [0, 4000, 1 << 20])
    func orderDoesNotDependOnTheMemory(_ isSymmetric: Bool, _ frequentBytes: Int) throws {
        let words = 60
        var (state, sentences): (UInt64, [[Int32]]) = (11, [])
        for _ in 0..<3000 {
            sentences.append(
                (0..<10).map { _ in
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return Int32(min(state >> 33 % 60, state >> 40 % 60))
                }
            )
        }
        func pairs(_ memory: Int) throws -> [Pair] {
            let counter = CooccurrenceCounter(
                words: words,
                window: 6,
                isSymmetric: isSymmetric,
                folder: FileManager.default.temporaryDirectory.path,
                memoryBytes: memory,
                frequentBytes: frequentBytes
            )
            for sentence in sentences {
                for word in sentence { try counter.add(word) }
                counter.endSentence()
            }
            var pairs: [Pair] = []
            try counter.drain { pairs.append(Pair(row: $0, column: $1, count: $2)) }
            return pairs
        }
        let found = try pairs(frequentBytes)
        for memory in [0, 1000, 3000, 8 << 20] { #expect(try pairs(memory) == found, "\(memory) bytes") }
        // The largest number whose shares of all rows fit.
        func cells(_ limit: Int) -> Int { (1...words).reduce(0) { $0 + min(words, limit / $1) } }
        let limit = (0...words * words).last { cells($0) <= frequentBytes / 16 } ?? 0
        let keys = found.filter { !isSymmetric || $0.row <= $0.column }.map { pair in
            [pair.column < limit / (pair.row + 1) ? 0 : 1, pair.row, pair.column]
        }
        #expect(keys.count > 1000)
        #expect(zip(keys, keys.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
    }
}
