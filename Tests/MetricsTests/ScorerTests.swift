import Foundation
import Testing
import YuyanMetrics

@Suite("Metrics: scorers, conversions and errors")
struct ScorerTests {
    @Test("spans survive every scheme and back", arguments: TagScheme.allCases)
    func conversions(scheme: TagScheme) throws {
        var generator = SeededGenerator(seed: 11)
        for trial in 0..<300 {
            let count = Int.random(in: 0...12, using: &generator)
            var spans: [LabelledSpan] = []
            var place = 0
            while place < count {
                if Bool.random(using: &generator) {
                    let end = min(count, place + Int.random(in: 1...3, using: &generator))
                    let label = ["PER", "LOC"].randomElement(using: &generator) ?? ""
                    spans.append(LabelledSpan(label: label, start: place, end: end))
                    place = end
                } else {
                    place += 1
                }
            }
            let written = try tags(for: spans.shuffled(using: &generator), count: count, scheme: scheme)
            let bio = try convertTags(written, from: scheme, to: .iob2)
            #expect(try labelledSpans(bio) == spans, "seed 11, trial \(trial): \(written)")
            #expect(try convertTags(bio, from: .iob2, to: scheme) == written, "seed 11, trial \(trial)")
            if scheme == .iob2 || scheme == .iobes || scheme == .bilou {
                #expect(try labelledSpans(written, reading: .strict(scheme)) == spans)
            }
        }
        #expect(try convertTags(["I-A", "I-A", "B-A"], from: .iob1, to: .iobes) == ["B-A", "E-A", "S-A"])
        #expect(try convertTags(["B", "L", "U"], from: .bilou, to: .iob2) == ["B", "I", "B"])
    }

    @Test("arguments are counted as the script of CoNLL-2005 counts them")
    func semanticRoles() throws {
        func span(_ label: String, _ start: Int, _ end: Int) -> LabelledSpan {
            LabelledSpan(label: label, start: start, end: end)
        }
        var scorer = SemanticRoleScorer()
        // A discontinuous argument counts once and only as a whole; the verb does not count.
        let gold = [span("A0", 0, 2), span("V", 2, 3), span("A1", 3, 4), span("C-A1", 6, 8)]
        try scorer.add(labels: gold, predictions: [span("A0", 0, 2), span("A1", 3, 4), span("V", 9, 10)])
        try scorer.add(labels: gold, predictions: gold.shuffled())
        // A continuation of nothing is an argument of its own.
        try scorer.add(labels: [span("A1", 0, 1)], predictions: [span("C-A1", 0, 1)])
        let counts = scorer.arguments.counts
        #expect(scorer.arguments.types == ["A0", "A1"])
        #expect(counts.hits == [2, 2] && counts.predicted == [2, 3] && counts.labelled == [2, 3])
        #expect(scorer.perfectCount == 2 && scorer.perfect.values == [0, 1, 1])
        var tagged = SemanticRoleScorer()
        try tagged.add(tags: ["B-A0", "B-V", "B-A1"], predictedTags: ["B-A0", "B-V", "O"])
        #expect(agree(tagged.arguments.average(.micro).f1, 2.0 / 3))
        var heads = HeadRoleScorer()
        try heads.add(
            labels: [.init(head: 1, label: "A0"), .init(head: 4, label: "A1")],
            predictions: [.init(head: 1, label: "A0"), .init(head: 4, label: "A2")]
        )
        #expect(heads.roles.average(.micro).f1 == 0.5 && heads.unlabelled.average(.micro).f1 == 1)
        #expect(heads.unlabelledStatistics.values == [2, 2, 2])
        #expect(throws: MetricError.self) {
            try scorer.add(labels: [span("A0", 0, 2), span("A1", 1, 3)], predictions: [])
        }
    }

    @Test("errors name the place and what would be right")
    func errors() throws {
        var entities = EntityScorer()
        try entities.add(labels: ["O"], predictions: ["O"])
        #expect(throws: MetricError.lengthsDiffer(what: "predicted tags", expected: 1, found: 2, index: 1)) {
            try entities.add(labels: ["O"], predictions: ["O", "O"])
        }
        let fault = #expect(throws: MetricError.self) {
            try entities.add(labels: ["O", "U-X"], predictions: ["O", "O"])
        }
        #expect(fault?.description.contains("sentence 1, token 1") ?? false)
        #expect(entities.entities.exampleCount == 1 && entities.tokenCount == 1)
        #expect(throws: MetricError.classOutOfRange(3, index: 1, classCount: 3)) {
            try ConfusionMatrix(checking: [0, 3], predictions: [0, 1], classCount: 3)
        }
        #expect(throws: MetricError.self) { try brierScore(labels: [true], probabilities: [1.5]) }
        #expect(throws: MetricError.self) { try logLoss(labels: [true], probabilities: [.nan]) }
        #expect(throws: MetricError.self) { try BLEU().sentenceScore(hypothesis: "a", references: []) }
        #expect(throws: MetricError.self) { try kendallTau([1, 2], [1]) }
        var retrieval = RetrievalScorer()
        #expect(throws: MetricError.self) { try retrieval.add(ranking: ["a", "a"], grades: ["a": 1]) }
        var labels = MultiLabelScorer(classCount: 2)
        #expect(throws: MetricError.self) { try labels.add(labels: [1, 1], predictions: []) }
        #expect(throws: MetricError.self) { try labels.add(labels: [2], predictions: []) }
        #expect(labels.exampleCount == 0)
        #expect(throws: MetricError.self) { try QuestionAnsweringScorer.checkNoAnswer() }
        #expect(throws: MetricError.self) { try selfBLEU(["alone"]) }
        #expect(throws: MetricError.self) { try Calibration(labels: [true], probabilities: []) }
    }

    @Test("nothing and degenerate input give what the documents say")
    func degenerate() throws {
        #expect(BLEUScorer().score.score == 0 && ChrFScorer().score == 0)
        #expect(RougeScorer().means[0].f1.isNaN && QuestionAnsweringScorer().f1.isNaN)
        #expect(RetrievalScorer().means.averagePrecision.isNaN)
        #expect(EntityScorer().tokenAccuracy.isNaN && EntityScorer().entities.average(.micro).f1 == 0)
        #expect(RegressionScorer().meanSquaredError.isNaN && RegressionScorer().pearson.isNaN)
        #expect(try pearsonCorrelation([1, 1], [1, 2]).isNaN && kendallTau([1, 1], [1, 2]).isNaN)
        #expect(try mcNemar(first: [true], second: [true]).exactPValue == 1)
        #expect(try mcNemar(first: [], second: []).difference.estimate.isNaN)
        #expect(try BLEU().sentenceScore(hypothesis: "", references: [""]).score == 0)
        #expect(try Calibration(labels: [], probabilities: [], strategy: .equalMass).expectedError.isNaN)
        #expect(ConfusionMatrix(labels: [0, 0], predictions: [0, 0]).kappa().isNaN)
        #expect(BLEUScorer().interval().low.isNaN)
    }

    @Test("characters stand for words in Chinese summaries")
    func chineseRouge() throws {
        var scorer = RougeScorer([.ngrams(1), .longestSubsequence], tokenization: .characters)
        let scores = try scorer.add(prediction: "我爱GPT模型", references: ["我们爱gpt 4模型。"])
        // 我 爱 gpt 模 型 against 我 们 爱 gpt 4 模 型.
        #expect(scores[0].precision == 1 && scores[0].recall == 5.0 / 7 && scores[1] == scores[0])
    }

    @Test("long common subsequences cross the words of the bit rows")
    func longSubsequences() throws {
        var generator = SeededGenerator(seed: 17)
        for trial in 0..<20 {
            let lengths = (0..<2).map { _ in Int.random(in: 1...300, using: &generator) }
            let texts = lengths.map { length in
                (0..<length).map { _ in ["a", "b", "c", "d"].randomElement(using: &generator) ?? "" }
            }
            var before = [Int](repeating: 0, count: texts[1].count + 1)
            for token in texts[0] {
                var row = before
                for (place, other) in texts[1].enumerated() {
                    row[place + 1] = token == other ? before[place] + 1 : max(before[place + 1], row[place])
                }
                before = row
            }
            var scorer = RougeScorer([.longestSubsequence, .summaryLevel])
            let scores = try scorer.add(
                prediction: texts[1].joined(separator: " "),
                references: [texts[0].joined(separator: " ")]
            )
            let expected = Double(before.last ?? 0) / Double(texts[0].count)
            #expect(
                agree(scores[0].recall, expected) && agree(scores[1].recall, expected),
                "seed 17, \(trial)"
            )
        }
    }

    @Test("the best threshold for answers refuses the improbable ones")
    func thresholds() throws {
        var scorer = QuestionAnsweringScorer(.squad2)
        try scorer.add(prediction: "Paris", answers: ["paris"])
        try scorer.add(prediction: "wrong", answers: [])
        try scorer.add(prediction: "The Seine", answers: ["Seine", "river"])
        let found = try scorer.bestThreshold(noAnswerProbabilities: [0.1, 0.9, 0.3])
        #expect(found.figure == 1 && found.threshold == 0.3)
        #expect(scorer.answerable.f1 == 1 && scorer.unanswerable == 0 && agree(scorer.exactMatch, 2.0 / 3))
    }
}

extension QuestionAnsweringScorer {
    /// A question of SQuAD 1.1 without an answer.
    static func checkNoAnswer() throws {
        var scorer = QuestionAnsweringScorer(.squad1)
        try scorer.add(prediction: "a", answers: [])
    }
}
