import Foundation
import Testing
import YuyanMetrics

@Suite("Metrics: definitions and properties")
struct PropertyTests {
    @Test("perplexity and bits per byte by hand")
    func languageModel() {
        // Eight tokens of probability 1/4, standing for 16 bytes: 16 bits over 16 bytes.
        #expect(agree(perplexity(totalNats: 8 * log(4.0), tokenCount: 8), 4))
        #expect(agree(bitsPerByte(totalNats: 8 * log(4.0), byteCount: 16), 1))
        #expect(agree(bitsPerByte(totalNats: 8 * log(4.0), byteCount: 2.5), 6.4))
        #expect(
            perplexity(totalNats: 0, tokenCount: 0).isNaN && bitsPerByte(totalNats: 0, byteCount: 0).isNaN
        )
        #expect(bitsPerByte(totalNats: 1, byteCount: 0.0).isNaN)
    }

    @Test("chrF and chrF++ by hand")
    func characterScores() throws {
        // Characters abc. and abc: precisions 3/4, 2/3, 1/2; words ab c . and ab c: 2/3, 1/2; every recall is 1.
        let (hypothesis, references) = ("ab c.", ["ab c"])
        let plain = try ChrF.chrF.sentenceScore(hypothesis: hypothesis, references: references)
        let withWords = try ChrF.chrFPlusPlus.sentenceScore(hypothesis: hypothesis, references: references)
        #expect(agree(plain, 100 * 115.0 / 128) && agree(withWords, 100 * 185.0 / 208))
    }

    @Test("errors of numbers by hand")
    func regression() {
        var scorer = RegressionScorer()
        for (label, prediction) in [(1.0, 4.0), (2, -2), (5, 5), (0, 0)] {
            scorer.add(label: label, prediction: prediction)
        }
        #expect(agree(scorer.meanSquaredError, 6.25) && agree(scorer.rootMeanSquaredError, 2.5))
        #expect(agree(scorer.meanAbsoluteError, 1.75) && RegressionScorer().rootMeanSquaredError.isNaN)
    }

    @Test("the odds ratio of McNemar's test by hand")
    func oddsRatio() throws {
        func ratio(_ onlyFirst: Int, _ onlySecond: Int) throws -> Double {
            let first = [Bool](repeating: true, count: onlyFirst) + Array(repeating: false, count: onlySecond)
            return try mcNemar(first: first + [true, false], second: first.map { !$0 } + [true, false])
                .oddsRatio
        }
        #expect(try ratio(6, 4) == 1.5 && ratio(3, 0) == .infinity && ratio(0, 2) == 0 && ratio(0, 0).isNaN)
    }

    @Test("a probability at the edge of a bin is in the same bin for the calibration error and its interval")
    func calibrationEdges() throws {
        // The third of ten bins ends at 3 · 0.1, which is above 0.3: gaps of 0.7 in it and of 0.35 in the next.
        let (labels, probabilities) = ([true, false], [3 * 0.1, 0.35])
        let calibration = try Calibration(labels: labels, probabilities: probabilities)
        #expect(probabilities[0] > 0.3 && calibration.bins[2].count == 1 && calibration.bins[3].count == 1)
        #expect(agree(calibration.expectedError, 0.525))
        let interval = try Calibration.expectedErrorInterval(labels: labels, probabilities: probabilities)
        #expect(agree(interval.estimate, 0.525) && interval.low <= 0.525 && interval.high >= 0.525)
        let edges = (0...40).map { Double($0) / 40 }
        for binCount in [1, 3, 10, 20] {
            let labels = edges.indices.map { $0 % 3 == 0 }
            let found = try Calibration(labels: labels, probabilities: edges, binCount: binCount)
            let drawn = try Calibration.expectedErrorInterval(
                labels: labels,
                probabilities: edges,
                binCount: binCount,
                resamples: 20
            )
            #expect(agree(found.expectedError, drawn.estimate) && drawn.low < drawn.high)
        }
        #expect(try Calibration.expectedErrorInterval(labels: [], probabilities: []).low.isNaN)
        #expect(throws: MetricError.self) {
            try Calibration.expectedErrorInterval(labels: [true], probabilities: [1.5])
        }
    }

    @Test("a long sum of small losses does not drift")
    func compensation() {
        let losses = [1e9] + [Double](repeating: 1e-8, count: 1_000_000)
        #expect(abs(compensatedSum(losses) - (1e9 + 0.01)) < 1e-6)
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
