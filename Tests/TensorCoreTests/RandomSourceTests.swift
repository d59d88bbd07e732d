import Testing
import YuyanTensorCore

@Suite struct RandomSourceTests {
    /// The known answers that the authors of Philox published with it (4×32, ten rounds).
    @Test func knownAnswers() {
        let zeros = RandomSource.philox(seed: 0, stream: 0, block: 0)
        #expect(zeros == (0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
        let ones = RandomSource.philox(seed: .max, stream: .max, block: .max)
        #expect(ones == (0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
        // Counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0: the digits of π.
        let pi = RandomSource.philox(
            seed: 0x299F_31D0_A409_3822,
            stream: 0x0370_7344_1319_8A2E,
            block: 0x85A3_08D3_243F_6A88
        )
        #expect(pi == (0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
    }

    @Test func wordsFollowTheBlocks() {
        var source = RandomSource(seed: 9, stream: 4)
        var words: [UInt32] = []
        for block in 0..<3 {
            let four = RandomSource.philox(seed: 9, stream: 4, block: UInt64(block))
            words += [four.0, four.1, four.2, four.3]
        }
        #expect((0..<12).map { _ in source.nextWord() } == words)
        #expect(source.position == 12)
        var late = RandomSource(seed: 9, stream: 4, position: 5)
        #expect(late.nextWord() == words[5])
    }

    @Test func numbersLieInTheirRanges() {
        var source = RandomSource(seed: 1)
        var sum = 0.0, seen = [Int](repeating: 0, count: 7)
        for _ in 0..<7000 {
            let single = source.nextUniform(), double = source.nextDouble()
            #expect(single >= 0 && single < 1 && double >= 0 && double < 1)
            sum += Double(single) + double
            seen[source.nextIndex(below: 7)] += 1
        }
        // Both bounds lie five deviations from what is expected.
        #expect(abs(sum / 14_000 - 0.5) < 5 * (1.0 / 12 / 14_000).squareRoot())
        #expect(seen.allSatisfy { abs(Double($0) - 1000) < 5 * (1000.0 * 6 / 7).squareRoot() })
    }

    @Test func streamsAndPurposesDiffer() {
        var words = Set<UInt32>()
        let base = RandomSource(seed: 3)
        for purpose in 0..<100 {
            var source = base.derived(UInt64(purpose))
            words.insert(source.nextWord())
            var stream = RandomSource(seed: 3, stream: UInt64(purpose))
            words.insert(stream.nextWord())
        }
        #expect(words.count == 200)
        var moved = base
        _ = moved.nextWord()
        #expect(moved.derived(7) == base.derived(7))
    }
}
