import Foundation
import Testing
import YuyanMetrics

@Suite("Metrics: definitions and properties")
struct PropertyTests {
    @Test("perplexity and bits per byte by hand")
    func languageModel() {
        // Eight tokens of probability 1/4, standing for 16 bytes: 16 bits over 16 bytes.
        var score = LanguageModelScore()
        for _ in 0..<4 { score.add(nats: 2 * log(4.0), tokens: 2, bytes: 4) }
        #expect(score.tokenCount == 8 && score.byteCount == 16)
        #expect(agree(score.perplexity, 4))
        #expect(agree(score.bitsPerByte, 1))
        #expect(agree(perplexity(totalNats: 8 * log(4.0), tokenCount: 8), 4))
        #expect(agree(bitsPerByte(totalNats: 8 * log(4.0), byteCount: 8), 2))
        #expect(LanguageModelScore().perplexity.isNaN && LanguageModelScore().bitsPerByte.isNaN)
        #expect(
            perplexity(totalNats: 0, tokenCount: 0).isNaN && bitsPerByte(totalNats: 0, byteCount: 0).isNaN
        )
    }

    @Test("a long sum of small losses does not drift")
    func compensation() {
        var score = LanguageModelScore()
        score.add(nats: 1e9, tokens: 1)
        for _ in 0..<1_000_000 { score.add(nats: 1e-8, tokens: 1) }
        #expect(abs(score.totalNats - (1e9 + 0.01)) < 1e-6)
        #expect(compensatedSum([1e100, 1, -1e100]) == 1)
        #expect(compensatedSum([.infinity, 1]) == .infinity)
    }

    @Test("bootstrap repeats with its seed and changes with another")
    func seeds() {
        let values = (0..<50).map { sin(Double($0)) }
        let first = bootstrapMeanInterval(values, seed: 7)
        #expect(first == bootstrapMeanInterval(values, seed: 7))
        #expect(first != bootstrapMeanInterval(values, seed: 8))
        #expect(first.low < first.estimate && first.estimate < first.high)
    }

    @Test("intervals cover the true mean about as often as they say")
    func coverage() {
        var generator = SeededGenerator(seed: 3)
        var covered = 0
        for trial in 0..<300 {
            let values = (0..<60).map { _ in Double.random(in: 0..<1, using: &generator) }
            let found = bootstrapMeanInterval(values, resamples: 400, seed: UInt64(trial))
            if found.low <= 0.5, 0.5 <= found.high { covered += 1 }
        }
        // 95 % of 300 is 285, with a deviation near 4; small samples cover slightly less.
        #expect((262...297).contains(covered))
    }

    @Test("paired comparison tells a real difference from none")
    func paired() {
        var generator = SeededGenerator(seed: 5)
        let noise = (0..<200).map { _ in Double.random(in: -1...1, using: &generator) }
        let base = (0..<200).map { _ in Double.random(in: 0...5, using: &generator) }
        let better = zip(base, noise).map { $0 + 0.3 + 0.5 * $1 }
        let real = pairedBootstrap(better, base)
        #expect(real.isDistinguishable && real.pValue < 0.01 && real.shareFirstAbove > 0.99)
        let reversed = pairedBootstrap(base, better)
        #expect(agree(reversed.difference.estimate, -real.difference.estimate))
        let center = mean(noise)
        let same = pairedBootstrap(zip(base, noise).map { $0 + $1 - center }, base)
        #expect(!same.isDistinguishable && same.pValue > 0.5)
        let identical = pairedBootstrap(base, base)
        #expect(identical.pValue == 1 && identical.shareFirstAbove == 0.5 && !identical.isDistinguishable)
        #expect(pairedBootstrap([], []).pValue.isNaN)
    }

    @Test("constant values and single examples give intervals of no width")
    func degenerate() {
        for method in BootstrapMethod.allCases {
            let constant = bootstrapMeanInterval([2, 2, 2], method: method)
            #expect(constant.low == 2 && constant.high == 2 && constant.standardError == 0)
            let single = bootstrapMeanInterval([3], method: method)
            #expect(single.low == 3 && single.high == 3)
            #expect(bootstrapMeanInterval([], method: method).low.isNaN)
        }
        #expect(accuracy(labels: [Int](), predictions: []).isNaN)
        #expect(ConfusionMatrix(labels: [], predictions: []).accuracy.isNaN)
        let nothing = ClassificationReport(labels: [], predictions: [])
        #expect(nothing.average(.micro).f1 == 0 && nothing.average(.macro).f1.isNaN)
    }

    @Test("the area equals the share of ordered pairs, ties counting one half")
    func areaByPairs() {
        var generator = SeededGenerator(seed: 9)
        for _ in 0..<50 {
            let count = Int.random(in: 2...30, using: &generator)
            let labels = (0..<count).map { _ in Bool.random(using: &generator) }
            let scores = (0..<count).map { _ in Double(Int.random(in: 0...6, using: &generator)) }
            var (pairs, ordered) = (0.0, 0.0)
            for i in 0..<count where labels[i] {
                for j in 0..<count where !labels[j] {
                    pairs += 1
                    ordered += scores[i] > scores[j] ? 1 : (scores[i] == scores[j] ? 0.5 : 0)
                }
            }
            #expect(agree(rocAUC(labels: labels, scores: scores), pairs == 0 ? .nan : ordered / pairs))
        }
    }
}
