import Foundation
import Testing
import YuyanMetrics

@Suite("Metrics: resampling of sums and tests of differences")
struct ResamplingTests {
    private func corpus(seed: UInt64, sentences: Int, errors: Double) throws -> BLEUScorer {
        var (texts, noise) = (SeededGenerator(seed: 1), SeededGenerator(seed: seed))
        var scorer = BLEUScorer()
        for _ in 0..<sentences {
            let words = (0..<12).map { _ in "w\(Int.random(in: 0...50, using: &texts))" }
            let guess = words.map { Double.random(in: 0...1, using: &noise) < errors ? "x" : $0 }
            try scorer.add(
                hypothesis: guess.joined(separator: " "),
                references: [words.joined(separator: " ")]
            )
        }
        return scorer
    }

    @Test("re-added sums give what the same draws of examples give", arguments: BootstrapMethod.allCases)
    func sameDraws(method: BootstrapMethod) throws {
        let scorer = try corpus(seed: 2, sentences: 37, errors: 0.2)
        let rows = scorer.statistics
        let slow = bootstrapInterval(count: rows.count, resamples: 200, seed: 9, method: method) { draw in
            var sums = [Double](repeating: 0, count: rows.width)
            for index in draw {
                for column in sums.indices { sums[column] += rows.values[index * rows.width + column] }
            }
            return scorer.metric.score(sums: sums).score
        }
        let fast = scorer.interval(resamples: 200, seed: 9, method: method)
        #expect(agree(slow.low, fast.low) && agree(slow.high, fast.high))
        #expect(agree(slow.estimate, fast.estimate) && agree(slow.standardError, fast.standardError))
        #expect(fast == scorer.interval(resamples: 200, seed: 9, method: method))
        #expect(fast != scorer.interval(resamples: 200, seed: 10, method: method))
    }

    @Test("cells give what rows of ones and zeros give", arguments: BootstrapMethod.allCases)
    func cells(method: BootstrapMethod) throws {
        var generator = SeededGenerator(seed: 4)
        var examples = ClassificationExamples(classCount: 3)
        var rows = ExampleStatistics(width: 9)
        for _ in 0..<80 {
            let label = Int.random(in: 0..<3, using: &generator)
            let guess = Int.random(in: 0..<3, using: &generator)
            let prediction = Bool.random(using: &generator) ? label : guess
            try examples.add(label: label, prediction: prediction)
            rows.append((0..<9).map { $0 == label * 3 + prediction ? 1 : 0 })
        }
        let figures: [ClassificationFigure] = [.accuracy, .f1(.macro), .kappa(.quadratic)]
        let found = examples.intervals(figures, resamples: 300, method: method)
        for (index, figure) in figures.enumerated() {
            let expected = bootstrapInterval(of: rows, resamples: 300, method: method) { sums, _ in
                figure.value(of: ConfusionMatrix(cells: sums, classCount: 3))
            }
            #expect(agree(found[index].low, expected.low) && agree(found[index].high, expected.high))
            #expect(found[index].low <= found[index].estimate && found[index].estimate <= found[index].high)
        }
        #expect(examples.compare(with: examples, .f1(.macro), resamples: 50).pValue == 1)
    }

    @Test("paired tests see a real difference and none between equals")
    func pairedTests() throws {
        let good = try corpus(seed: 2, sentences: 150, errors: 0.15)
        let bad = try corpus(seed: 3, sentences: 150, errors: 0.3)
        let like = try corpus(seed: 5, sentences: 150, errors: 0.15)
        let figure = { (sums: [Double], _: Int) in good.metric.score(sums: sums).score }
        let real = pairedBootstrap(good.statistics, bad.statistics, resamples: 300, figure: figure)
        #expect(real.isDistinguishable && real.pValue < 0.02)
        let exchanged = approximateRandomization(
            good.statistics,
            bad.statistics,
            trials: 300,
            figure: figure
        )
        #expect(exchanged.pValue < 0.02 && agree(exchanged.difference, real.difference.estimate))
        let alike = approximateRandomization(
            good.statistics,
            like.statistics,
            trials: 300,
            figure: figure
        )
        #expect(alike.pValue > 0.05)
        let same = approximateRandomization(good.statistics, good.statistics, trials: 50, figure: figure)
        #expect(same.pValue == 1 && same.difference == 0)
    }

    @Test("exchanges of means agree with all exchanges")
    func exactExchanges() {
        // Of the 2⁶ exchanges of six differences of one sign, two give as large a difference.
        let first = ExampleStatistics([1, 2, 3, 4, 5, 6])
        let second = ExampleStatistics([0.5, 1, 2, 3, 3, 1])
        let found = approximateRandomization(first, second, trials: 20_000, seed: 3) { sums, count in
            sums[0] / Double(count)
        }
        #expect(abs(found.pValue - 2.0 / 64) < 0.004)
    }

    @Test("parts of a corpus merge to the whole")
    func merging() throws {
        var (whole, first, second) = (ChrFScorer(), ChrFScorer(), ChrFScorer())
        for index in 0..<20 {
            let (hypothesis, reference) = ("the cat \(index) sat", "a cat \(index / 2) sat down")
            try whole.add(hypothesis: hypothesis, references: [reference])
            if index < 7 {
                try first.add(hypothesis: hypothesis, references: [reference])
            } else {
                try second.add(hypothesis: hypothesis, references: [reference])
            }
        }
        first.merge(second)
        #expect(first.statistics == whole.statistics && first.score == whole.score)
    }
}
