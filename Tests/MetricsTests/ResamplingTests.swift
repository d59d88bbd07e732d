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

    @Test("rounding of the figures hides no exchange", arguments: 1...20)
    func smallDifferences(seed: Int) {
        // One number of a thousand differs: every exchange gives the same difference, on one side or the other.
        let first = (0..<1000).map { Double(($0 * 7919 + seed * 104_729) % 1000) / 999 }
        var second = first
        second[seed * 37] += 0.01
        let found = approximateRandomization(
            ExampleStatistics(first),
            ExampleStatistics(second),
            trials: 200,
            seed: UInt64(seed)
        ) { sums, count in sums[0] / Double(count) }
        #expect(found.pValue == 1)
    }

    @Test("cells are exchanged and drawn as the numbers that they stand for")
    func exchangesOfCells() {
        let answers: [(Int, Int)] = (0..<90).map { (($0 * 7) % 10 < 8 ? 1 : 0, ($0 * 3) % 10 < 6 ? 1 : 0) }
        var (first, second) = (ExampleCells(width: 2), ExampleCells(width: 2))
        for (one, two) in answers {
            first.append(one)
            second.append(two)
        }
        let cells = approximateRandomization(first, second, trials: 500, seed: 4) { sums, count in
            sums[1] / Double(count)
        }
        let numbers = approximateRandomization(
            ExampleStatistics(answers.map { Double($0.0) }),
            ExampleStatistics(answers.map { Double($0.1) }),
            trials: 500,
            seed: 4
        ) { sums, count in sums[0] / Double(count) }
        #expect(cells == numbers && cells.pValue < 0.2)
        // What is no number is not found different.
        let none = approximateRandomization(first, second, trials: 5) { _, _ in .nan }
        #expect(none.pValue.isNaN && none.difference.isNaN)
    }

    @Test("a figure that throws ends a test, after as many draws as it let pass")
    func endsWhenAsked() {
        struct Stop: Error {}
        let (first, second) = (ExampleStatistics([1, 2, 3]), ExampleStatistics([2, 2, 5]))
        var (ones, twos) = (ExampleCells(width: 2), ExampleCells(width: 2))
        for cell in [0, 1, 1] { ones.append(cell) }
        for cell in [1, 0, 0] { twos.append(cell) }
        var calls = 0
        func figure(_ sums: [Double], _ count: Int) throws -> Double {
            calls += 1
            if calls > 20 { throw Stop() }
            return sums[0] / Double(count)
        }
        #expect(throws: Stop.self) { try approximateRandomization(first, second, figure: figure) }
        #expect(calls == 21)
        calls = 0
        #expect(throws: Stop.self) { try approximateRandomization(ones, twos, figure: figure) }
        #expect(calls == 21)
        calls = 0
        #expect(throws: Stop.self) { try pairedBootstrap(first, second, figure: figure) }
        #expect(calls == 21)
    }

    @Test("draws of indices and of sums give the same interval")
    func pairedDrawsOfIndices() {
        let first = (0..<40).map { Double(($0 * 13) % 17) }
        let second = (0..<40).map { Double(($0 * 5) % 11) }
        let bySums = pairedBootstrap(first, second, resamples: 200, seed: 9)
        let byIndices = pairedBootstrap(count: 40, resamples: 200, seed: 9) { draw in
            draw.reduce(0) { $0 + first[$1] - second[$1] } / Double(draw.count)
        }
        #expect(agree(byIndices.difference.low, bySums.difference.low))
        #expect(agree(byIndices.difference.high, bySums.difference.high))
        #expect(agree(byIndices.difference.estimate, bySums.difference.estimate))
        #expect(pairedBootstrap(count: 0) { _ in 1 }.pValue.isNaN)
    }

    @Test("draws in which a figure does not exist are left out")
    func undefinedDraws() {
        // The figure needs the first of ten examples, which about a third of the draws lack.
        var drawn: [Double] = []
        let found = bootstrapInterval(count: 10, resamples: 500, seed: 3) { draw in
            drawn.append(draw.contains(0) ? Double(draw.filter { $0 < 5 }.count) : .nan)
            return drawn[drawn.count - 1]
        }
        let kept = Array(drawn.dropFirst()).filter { !$0.isNaN }
        #expect((250..<400).contains(kept.count))
        let tail = (1 - 0.95) / 2
        #expect(found.low == quantile(kept, tail) && found.high == quantile(kept, 1 - tail))
        #expect(found.estimate == 5 && agree(found.standardError, standardDeviation(kept)))
        let none = bootstrapInterval(count: 3) { _ in .nan }
        #expect(none.low.isNaN && none.standardError.isNaN)
        let statistics = ExampleStatistics([1, 2, 3])
        #expect(pairedBootstrap(statistics, statistics) { _, _ in .nan }.pValue.isNaN)
        let labels = [true] + [Bool](repeating: false, count: 19)
        let scores = (0..<20).map { $0 == 0 ? 0.6 : Double($0) / 20 }
        let area = bootstrapInterval(count: 20, resamples: 300) { draw in
            rocAUC(labels: draw.map { labels[$0] }, scores: draw.map { scores[$0] })
        }
        #expect(area.low <= area.estimate && area.estimate <= area.high && area.low < area.high)
    }

    @Test("questions with and without an answer have intervals of their own")
    func answerParts() throws {
        var scorer = QuestionAnsweringScorer(.squad2)
        for number in 0..<40 {
            try scorer.add(prediction: number % 4 == 0 ? "wrong" : "Paris", answers: ["Paris"])
            try scorer.add(prediction: number % 2 == 0 ? "" : "guess", answers: [])
        }
        let parts = scorer.partIntervals(resamples: 400)
        let estimates = parts.map(\.estimate)
        #expect(estimates == [scorer.answerable.exactMatch, scorer.answerable.f1, scorer.unanswerable])
        #expect(estimates == [0.75, 0.75, 0.5])
        for part in parts { #expect(part.low < part.estimate && part.estimate < part.high) }
        var answered = QuestionAnsweringScorer(.squad1)
        try answered.add(prediction: "Paris", answers: ["Paris"])
        let only = answered.partIntervals(resamples: 50)
        #expect(only[0].low == 1 && only[2].low.isNaN)
    }

    @Test("averages of types run over those that a draw has")
    func macroOfTypes() throws {
        // A type of one entity, always found: a draw without it must not count it as missed.
        var scorer = EntityScorer()
        try scorer.add(labels: ["B-RARE", "O"], predictions: ["B-RARE", "O"])
        for _ in 0..<30 { try scorer.add(labels: ["B-X", "O"], predictions: ["B-X", "O"]) }
        let found = scorer.entities.intervals(.macro, resamples: 300)
        #expect(found[2].low == 1 && found[2].high == 1)
        let counts = ClassCounts(sums: [1, 2, 2, 0, 0, 0, 0, 1, 0])
        #expect(counts.occurring.hits == [1, 0] && counts.occurring.predicted == [2, 1])
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
