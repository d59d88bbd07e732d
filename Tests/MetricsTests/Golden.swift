import Foundation

/// A number that JSON may hold as text, because it has no NaN or infinities.
struct Number: Decodable {
    let value: Double

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Double.self) {
            value = number
        } else {
            let text = try container.decode(String.self)
            guard let number = Double(text) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "no number: \(text)")
            }
            value = number
        }
    }
}

/// The golden values that scikit-learn and scipy gave.
struct MetricsGolden: Decodable {
    struct Classification: Decodable {
        let name: String
        let labels, predictions, classes, confusion, support: [Int]
        let accuracy, balancedAccuracy, matthews: Number
        let precision, recall, f1, micro, macro, weighted: [Number]
    }

    struct Ranking: Decodable {
        let name: String
        let labels: [Int]
        let scores, fpr, tpr, thresholds, fullFPR, fullTPR, fullThresholds: [Number]
        let auc, averagePrecision: Number
        let prPrecision, prRecall, prThresholds: [Number]
    }

    struct OneVersusRest: Decodable {
        let labels: [Int]
        let scores: [Number]
        let classCount: Int
        let auc: Number
    }

    struct Descriptive: Decodable {
        let values, quantiles: [Number]
        let mean, median, populationDeviation, sampleDeviation: Number
    }

    struct Bootstrap: Decodable {
        let name: String
        let values, distribution, percentile, BCa: [Number]
        let confidence: Double
        let standardError: Number
    }

    struct Normal: Decodable {
        let shares, values: [Number]
    }

    let classification: [Classification]
    let ranking: [Ranking]
    let oneVersusRest: OneVersusRest
    let descriptive: [Descriptive]
    let bootstrap: [Bootstrap]
    let normal: Normal

    static func load() throws -> Self {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Fixtures/metrics/metrics.json").standardizedFileURL
        return try JSONDecoder().decode(Self.self, from: Data(contentsOf: file))
    }
}

/// Whether two numbers agree to a relative tolerance, NaN agreeing with NaN only.
func agree(_ a: Double, _ b: Double, tolerance: Double = 1e-12) -> Bool {
    if a.isNaN || b.isNaN { return a.isNaN && b.isNaN }
    if a == b { return true }
    return abs(a - b) <= tolerance * max(1, abs(a), abs(b))
}

/// Whether two lists agree in length and in every number.
func agree(_ a: [Double], _ b: [Number], tolerance: Double = 1e-12) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { agree($0, $1.value, tolerance: tolerance) }
}
