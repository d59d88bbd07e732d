import Foundation
import Testing
import YuyanMetrics

/// A case of Tools/golden/metric_cases.py: what went in and what the reference implementation gave.
struct ReferenceCase {
    let metric: String
    let input: [String: Any]
    let expected: [Any]

    static func load(_ path: URL) throws -> [ReferenceCase] {
        let lines = try Data(contentsOf: path).split(separator: UInt8(ascii: "\n"))
        return try lines.dropFirst().map { line in
            let object = try #require(try JSONSerialization.jsonObject(with: line) as? [String: Any])
            return ReferenceCase(
                metric: try #require(object["metric"] as? String),
                input: try #require(object["input"] as? [String: Any]),
                expected: try #require(object["expected"] as? [Any])
            )
        }
    }

    static func number(_ value: Any?) throws -> Double {
        if let text = value as? String { return try #require(Double(text)) }
        return try #require(value as? Double)
    }

    func numbers(_ key: String) throws -> [Double] {
        try #require(input[key] as? [Any]).map { try Self.number($0) }
    }

    func optionalNumbers(_ key: String) throws -> [Double]? {
        input[key] is NSNull ? nil : try numbers(key)
    }

    func number(_ key: String) throws -> Double { try Self.number(input[key]) }
    func integers(_ key: String) throws -> [Int] { try #require(input[key] as? [Int]) }
    func integer(_ key: String) throws -> Int { try #require(input[key] as? Int) }
    func truths(_ key: String) throws -> [Bool] { try integers(key).map { $0 == 1 } }
    func truth(_ key: String) throws -> Bool { try integer(key) == 1 }
    func text(_ key: String) throws -> String { try #require(input[key] as? String) }
    func texts(_ key: String) throws -> [String] { try #require(input[key] as? [String]) }
    func lists(_ key: String) throws -> [[String]] { try #require(input[key] as? [[String]]) }
    func zeroDivision() throws -> ZeroDivision { try #require(ZeroDivision(rawValue: try text("zero"))) }
}

extension ClassificationScore {
    var shares: [Double] { [precision, recall, f1] }
}

/// What we give for each kind of case.
enum ReferenceRuns {
    static let numeric: [String: @Sendable (ReferenceCase) throws -> [Double]] = [
        "classification": classification, "multi_label": multiLabel, "ranking": ranking,
        "one_versus_rest": oneVersusRest, "one_versus_rest_unseen": oneVersusRestUnseen,
        "probabilities": probabilities, "calibrated": calibrated,
        "entities": entities, "bleu": bleu, "chrf": chrF, "self_bleu": selfBLEU, "diversity": diversity,
        "rouge": rouge, "squad": answers, "cmrc": answers, "correlation": correlation,
        "retrieval": retrieval, "mcnemar": mcNemar,
    ]

    private static func classification(_ set: ReferenceCase) throws -> [Double] {
        let confusion = try ConfusionMatrix(
            checking: set.integers("labels"),
            predictions: set.integers("predictions"),
            weights: set.optionalNumbers("weights"),
            classCount: set.integer("classCount")
        )
        let report = ClassificationReport(
            confusion,
            classes: Array(0..<confusion.classCount),
            beta: try set.number("beta"),
            zeroDivision: try set.zeroDivision()
        )
        return ClassAverage.allCases.flatMap { report.average($0).shares }
            + [confusion.accuracy, confusion.matthewsCorrelation] + KappaCost.allCases.map(confusion.kappa)
    }

    private static func multiLabel(_ set: ReferenceCase) throws -> [Double] {
        let zeroDivision = try set.zeroDivision()
        let labels = try #require(set.input["labels"] as? [[Int]])
        let predictions = try #require(set.input["predictions"] as? [[Int]])
        let weights = try set.optionalNumbers("weights")
        let empty = MultiLabelScorer(classCount: try set.integer("classCount"), zeroDivision: zeroDivision)
        var parts = [empty, empty]
        for index in labels.indices {
            try parts[2 * index / labels.count].add(
                labels: labels[index],
                predictions: predictions[index],
                weight: weights?[index] ?? 1
            )
        }
        var scorer = parts[0]
        scorer.merge(parts[1])
        return ClassAverage.allCases.flatMap { scorer.average($0).shares } + scorer.sampleAverage.shares
            + [scorer.exactMatch, scorer.hammingLoss]
            + (zeroDivision == .undefined ? [] : [scorer.sampleJaccard])
    }

    private static func ranking(_ set: ReferenceCase) throws -> [Double] {
        let (labels, scores) = (try set.truths("labels"), try set.numbers("scores"))
        let weights = try set.optionalNumbers("weights")
        let roc = rocCurve(labels: labels, scores: scores, weights: weights)
        let curve = precisionRecallCurve(labels: labels, scores: scores, weights: weights)
        #expect(
            agree(averagePrecision(labels: labels, scores: scores, weights: weights), curve.averagePrecision)
        )
        return [
            rocAUC(labels: labels, scores: scores, weights: weights),
            averagePrecision(labels: labels, scores: scores, weights: weights),
        ] + roc.falsePositiveRates + roc.truePositiveRates + curve.precisions + curve.recalls
            + curve.thresholds
    }

    private static func oneVersusRest(_ set: ReferenceCase) throws -> [Double] {
        try [ClassAverage.macro, .weighted, .micro].map {
            rocAUCOneVersusRest(
                labels: try set.integers("labels"),
                scores: try set.numbers("scores"),
                classCount: try set.integer("classCount"),
                average: $0,
                weights: try set.optionalNumbers("weights")
            )
        }
    }

    /// A class that no example has, or all have, has no area, and the plain mean over classes has no value.
    private static func oneVersusRestUnseen(_ set: ReferenceCase) throws -> [Double] {
        let areas = rocAUCByClass(
            labels: try set.integers("labels"),
            scores: try set.numbers("scores"),
            classCount: try set.integer("classCount"),
            weights: try set.optionalNumbers("weights")
        )
        #expect(areas.contains { $0.isNaN })
        return areas + (try oneVersusRest(set))
    }

    private static func probabilities(_ set: ReferenceCase) throws -> [Double] {
        let (labels, rows) = (try set.integers("labels"), try set.numbers("probabilities"))
        let (count, weights) = (try set.integer("classCount"), try set.optionalNumbers("weights"))
        let positive = labels.map { $0 == 0 }
        let column = labels.indices.map { rows[$0 * count] }
        return [
            try logLoss(labels: labels, probabilities: rows, classCount: count, weights: weights),
            try brierScore(labels: labels, probabilities: rows, classCount: count, weights: weights),
            try logLoss(labels: positive, probabilities: column, weights: weights),
            try brierScore(labels: positive, probabilities: column, weights: weights),
        ]
    }

    private static func calibrated(_ set: ReferenceCase) throws -> [Double] {
        let found = try Calibration(
            labels: set.truths("labels"),
            probabilities: set.numbers("probabilities"),
            binCount: set.integer("bins"),
            strategy: set.text("strategy") == "uniform" ? .equalWidth : .equalMass
        )
        let full = found.bins.filter { $0.count > 0 }
        return [found.expectedError, found.maximumError] + full.map(\.positiveShare)
            + full.map(\.meanProbability) + found.bins.map { Double($0.count) }
    }

    private static func entities(_ set: ReferenceCase) throws -> [Double] {
        let scheme = TagScheme(rawValue: try set.text("reading"))
        let (labels, predictions) = (try set.lists("labels"), try set.lists("predictions"))
        let empty = EntityScorer(reading: scheme.map(TagReading.strict) ?? .lenient)
        var (scorer, rest) = (empty, empty)
        for index in labels.indices {
            if index % 2 == 0 {
                try scorer.add(labels: labels[index], predictions: predictions[index])
            } else {
                try rest.add(labels: labels[index], predictions: predictions[index])
            }
        }
        scorer.merge(rest)
        return [scorer.tokenAccuracy] + ClassAverage.allCases.flatMap { scorer.entities.average($0).shares }
    }

    private static func bleu(_ set: ReferenceCase) throws -> [Double] {
        let smoothing: BLEUSmoothing =
            switch try set.text("smooth") {
            case "none": .none
            case "floor": .floor(0.1)
            case "add-k": .addK(1)
            default: .exponential
            }
        let metric = BLEU(
            tokenization: try #require(BLEUTokenization(rawValue: try set.text("tokenize"))),
            lowercased: try set.truth("lowercase"),
            smoothing: smoothing,
            maxOrder: try set.integer("order"),
            effectiveOrder: try set.truth("effective")
        )
        let found = try metric.corpusScore(
            hypotheses: set.texts("hypotheses"),
            references: set.lists("references")
        )
        return [
            found.score, found.brevityPenalty, Double(found.hypothesisLength), Double(found.referenceLength),
        ] + found.precisions
    }

    private static func chrF(_ set: ReferenceCase) throws -> [Double] {
        var scorer = ChrFScorer(
            ChrF(
                characterOrder: try set.integer("char_order"),
                wordOrder: try set.integer("word_order"),
                beta: try set.number("beta"),
                lowercased: try set.truth("lowercase"),
                countsSpaces: try set.truth("whitespace")
            )
        )
        for (hypothesis, references) in zip(try set.texts("hypotheses"), try set.lists("references")) {
            try scorer.add(hypothesis: hypothesis, references: references)
        }
        return [scorer.score]
    }

    private static func selfBLEU(_ set: ReferenceCase) throws -> [Double] {
        [try YuyanMetrics.selfBLEU(set.texts("texts"))]
    }

    private static func diversity(_ set: ReferenceCase) throws -> [Double] {
        var scorer = DiversityScorer(tokenization: .none, maxOrder: 3, window: 7)
        for text in try set.texts("texts") { scorer.add(text) }
        return (1...3).flatMap { [scorer.distinct($0), scorer.repetition($0)] } + [scorer.repetitionRate]
    }

    private static func rouge(_ set: ReferenceCase) throws -> [Double] {
        var scorer = RougeScorer(tokenization: try set.truth("stems") ? .stems : .words)
        let scores = try scorer.add(
            prediction: set.text("prediction"),
            references: set.texts("references")
        )
        return scores.flatMap { [$0.precision, $0.recall, $0.f1] }
    }

    private static func answers(_ set: ReferenceCase) throws -> [Double] {
        let standard: AnswerStandard =
            switch try set.text("standard") {
            case "squad-1": .squad1
            case "squad-2": .squad2
            default: .cmrc2018
            }
        var scorer = QuestionAnsweringScorer(standard)
        let found = try scorer.add(prediction: set.text("prediction"), answers: set.texts("answers"))
        return [found.exactMatch, found.f1]
    }

    private static func correlation(_ set: ReferenceCase) throws -> [Double] {
        let (first, second) = (try set.numbers("first"), try set.numbers("second"))
        var (scorer, rest) = (RegressionScorer(), RegressionScorer())
        for (index, pair) in zip(first, second).enumerated() {
            if index < first.count / 3 {
                rest.add(label: pair.0, prediction: pair.1)
            } else {
                scorer.add(label: pair.0, prediction: pair.1)
            }
        }
        scorer.merge(rest)
        let pearson = try pearsonCorrelation(first, second)
        if first.count > 2 { #expect(agree(scorer.pearson, pearson, tolerance: 1e-9)) }
        return [
            pearson, try spearmanCorrelation(first, second), try kendallTau(first, second),
            scorer.meanSquaredError, scorer.meanAbsoluteError, scorer.determination,
        ]
    }

    private static func retrieval(_ set: ReferenceCase) throws -> [Double] {
        let grades = try #require(set.input["grades"] as? [String: Double])
        let scores = try #require(set.input["scores"] as? [String: Double])
        var scorer = RetrievalScorer(cutoffs: [1, 5, 10])
        let found = try scorer.add(ranking: rankedDocuments(scores), grades: grades)
        var result = [found.reciprocalRank, found.averagePrecision]
        for at in found.atCutoffs { result += [at.precision, at.recall, at.hitRate, at.ndcg] }
        let (tableGrades, tableScores) = (try set.numbers("tableGrades"), try set.numbers("tableScores"))
        if tableGrades.count > 1 {
            result += [
                try tieAveragedNDCG(grades: tableGrades, scores: tableScores),
                try tieAveragedNDCG(grades: tableGrades, scores: tableScores, cutoff: 5),
                try tieAveragedNDCG(grades: tableGrades, scores: tableScores, gain: .exponential),
            ]
        }
        return result
    }

    private static func mcNemar(_ set: ReferenceCase) throws -> [Double] {
        let found = try YuyanMetrics.mcNemar(first: set.truths("first"), second: set.truths("second"))
        return [
            found.exactPValue, found.chiSquare, found.chiSquarePValue, found.difference.estimate,
            found.difference.low, found.difference.high,
        ]
    }
}

@Suite("Metrics against reference implementations")
struct ReferenceTests {
    @Test(
        "what scikit-learn, seqeval, sacreBLEU, rouge-score, trec_eval, scipy and the official scripts give"
    )
    func cases() throws {
        let own = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Fixtures/metrics/cases.jsonl").standardizedFileURL
        let larger = ProcessInfo.processInfo.environment["YUYAN_METRIC_CASES"].map { URL(filePath: $0) }
        let cases = try ReferenceCase.load(larger ?? own)
        #expect(cases.count >= 400)
        var tally: [String: (cases: Int, wrong: Int, largest: Double)] = [:]
        for set in cases {
            let (isRight, gap) = try compare(set)
            var entry = tally[set.metric] ?? (0, 0, 0)
            entry.cases += 1
            entry.largest = max(entry.largest, gap)
            if !isRight {
                entry.wrong += 1
                if entry.wrong <= 3 { Issue.record("\(set.metric): \(set.input) gives not \(set.expected)") }
            }
            tally[set.metric] = entry
        }
        #expect(tally.count == ReferenceRuns.numeric.count + 2)
        if larger != nil {
            for (metric, entry) in tally.sorted(by: { $0.key < $1.key }) {
                print("\(metric): \(entry.cases) cases, \(entry.wrong) wrong, largest gap \(entry.largest)")
            }
        }
    }

    /// Whether we give what is expected, and the largest relative gap.
    private func compare(_ set: ReferenceCase) throws -> (isRight: Bool, gap: Double) {
        if set.metric == "bleu_tokens" {
            let tokenization = try #require(BLEUTokenization(rawValue: try set.text("tokenize")))
            return (bleuTokens(try set.text("text"), tokenization) == set.expected as? [String], 0)
        }
        if set.metric == "stem" {
            return ([porterStem(try set.text("word"))] == set.expected as? [String], 0)
        }
        let run = try #require(ReferenceRuns.numeric[set.metric])
        let found = try run(set)
        let expected = try set.expected.map { try ReferenceCase.number($0) }
        guard found.count == expected.count else {
            print(set.metric, found, expected)
            return (false, .infinity)
        }
        var gap = 0.0
        for (a, b) in zip(found, expected) where a != b && !(a.isNaN && b.isNaN) {
            gap = max(gap, a.isNaN || b.isNaN ? .infinity : abs(a - b) / max(1, abs(a), abs(b)))
        }
        if gap > 1e-9 { print(set.metric, found, expected) }
        return (gap <= 1e-9, gap)
    }
}
