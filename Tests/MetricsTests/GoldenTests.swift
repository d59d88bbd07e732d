import Foundation
import Testing
import YuyanMetrics

@Suite("Metrics against scikit-learn and scipy")
struct GoldenTests {
    let golden: MetricsGolden

    init() throws { golden = try MetricsGolden.load() }

    @Test("the comparison itself refuses wrong lengths, values and NaN")
    func comparison() throws {
        let numbers = golden.descriptive[0].values
        let values = numbers.map(\.value)
        #expect(agree(values, numbers))
        #expect(!agree(Array(values.dropLast()), numbers))
        #expect(!agree(values.reversed(), numbers))
        #expect(!agree([.nan] + values.dropFirst(), numbers))
        #expect(!agree([values[0] + 1e-9] + values.dropFirst(), numbers))
    }

    @Test("confusion, precision, recall and F1")
    func classification() {
        #expect(golden.classification.count >= 9)
        for set in golden.classification {
            let named = set.classes.isEmpty ? nil : set.classes
            let report = ClassificationReport(
                labels: set.labels,
                predictions: set.predictions,
                classes: named
            )
            #expect(report.confusion.counts == set.confusion, "\(set.name)")
            #expect(agree(report.confusion.accuracy, set.accuracy.value), "\(set.name)")
            #expect(agree(accuracy(labels: set.labels, predictions: set.predictions), set.accuracy.value))
            #expect(agree(report.confusion.balancedAccuracy, set.balancedAccuracy.value), "\(set.name)")
            #expect(agree(report.confusion.matthewsCorrelation, set.matthews.value), "\(set.name)")
            #expect(agree(report.scores.map(\.precision), set.precision), "\(set.name)")
            #expect(agree(report.scores.map(\.recall), set.recall), "\(set.name)")
            #expect(agree(report.scores.map(\.f1), set.f1), "\(set.name)")
            #expect(report.scores.map(\.support) == set.support, "\(set.name)")
            for (kind, expected) in [
                (ClassAverage.micro, set.micro), (.macro, set.macro), (.weighted, set.weighted),
            ] {
                let found = report.average(kind)
                #expect(agree([found.precision, found.recall, found.f1], expected), "\(set.name) \(kind)")
            }
        }
    }

    @Test("ROC and precision-recall curves and their areas")
    func ranking() {
        #expect(golden.ranking.count >= 7)
        for set in golden.ranking {
            let (labels, scores) = (set.labels.map { $0 == 1 }, set.scores.map(\.value))
            let curve = rocCurve(labels: labels, scores: scores)
            #expect(agree(curve.falsePositiveRates, set.fpr), "\(set.name)")
            #expect(agree(curve.truePositiveRates, set.tpr), "\(set.name)")
            #expect(agree(curve.thresholds, set.thresholds), "\(set.name)")
            let full = rocCurve(labels: labels, scores: scores, dropIntermediate: false)
            #expect(agree(full.falsePositiveRates, set.fullFPR), "\(set.name)")
            #expect(agree(full.truePositiveRates, set.fullTPR), "\(set.name)")
            #expect(agree(full.thresholds, set.fullThresholds), "\(set.name)")
            #expect(agree(rocAUC(labels: labels, scores: scores), set.auc.value), "\(set.name)")
            let precisionRecall = precisionRecallCurve(labels: labels, scores: scores)
            #expect(agree(precisionRecall.precisions, set.prPrecision), "\(set.name)")
            #expect(agree(precisionRecall.recalls, set.prRecall), "\(set.name)")
            #expect(agree(precisionRecall.thresholds, set.prThresholds), "\(set.name)")
            #expect(agree(precisionRecall.averagePrecision, set.averagePrecision.value), "\(set.name)")
        }
        let several = golden.oneVersusRest
        let area = rocAUCOneVersusRest(
            labels: several.labels,
            scores: several.scores.map(\.value),
            classCount: several.classCount
        )
        #expect(agree(area, several.auc.value))
    }

    @Test("mean, median, deviation and quantiles")
    func descriptive() {
        for set in golden.descriptive {
            let values = set.values.map(\.value)
            #expect(agree(mean(values), set.mean.value))
            #expect(agree(median(values), set.median.value))
            #expect(agree(standardDeviation(values, degreesOfFreedomLost: 0), set.populationDeviation.value))
            #expect(agree(standardDeviation(values), set.sampleDeviation.value))
            #expect(agree([0, 0.025, 0.3, 0.75, 1].map { quantile(values, $0) }, set.quantiles))
        }
        #expect(mean([]).isNaN && median([]).isNaN && standardDeviation([1]).isNaN)
        #expect(median([1, .nan, 3]).isNaN)
    }

    @Test("bootstrap intervals from the same resamples")
    func bootstrap() {
        for set in golden.bootstrap {
            let values = set.values.map(\.value)
            let figures = set.distribution.map(\.value)
            let total = values.reduce(0, +)
            let without = values.map { (total - $0) / Double(values.count - 1) }
            for (jackknife, expected) in [([], set.percentile), (without, set.BCa)] {
                let found = interval(
                    estimate: mean(values),
                    figures: figures,
                    jackknife: jackknife,
                    confidence: set.confidence
                )
                #expect(agree([found.low, found.high], expected, tolerance: 1e-9), "\(set.name)")
                #expect(agree(found.standardError, set.standardError.value), "\(set.name)")
            }
            // Our own draws must land near, whatever the generator.
            let own = bootstrapMeanInterval(values, resamples: 4000, confidence: set.confidence, method: .bca)
            let width = set.BCa[1].value - set.BCa[0].value
            #expect(abs(own.low - set.BCa[0].value) < 0.2 * width, "\(set.name)")
            #expect(abs(own.high - set.BCa[1].value) < 0.2 * width, "\(set.name)")
        }
    }

    @Test("quantiles of the normal distribution")
    func normal() {
        for (share, value) in zip(golden.normal.shares, golden.normal.values) {
            #expect(agree(normalQuantile(share.value), value.value, tolerance: 1e-12))
            #expect(agree(normalCumulative(value.value), share.value, tolerance: 1e-13))
        }
        #expect(normalQuantile(0) == -.infinity && normalQuantile(1) == .infinity && normalQuantile(2).isNaN)
    }
}
