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
}
