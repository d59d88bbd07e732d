import Foundation
import YuyanFileFormats
import YuyanReports

/// What each token of a text that was written looks at in the text that was read.
public struct Alignment: Sendable, Equatable {
    /// The tokens that were read.
    public let source: [String]
    /// The tokens that were written, the one that ends the text included.
    public let target: [String]
    /// For each token that was written the share of every one that was read.
    public let weights: [[Double]]

    /// How many tokens of the source are named of each token of the target.
    private static let shown = 3

    /// The tokens that were written with those that they look at most, a line for each.
    public var lines: [String] {
        zip(target, weights).map { token, weights in
            let order = weights.indices.sorted { (weights[$1], $0) < (weights[$0], $1) }
            let best = order.prefix(Self.shown).map { place in
                "\(Self.visible(source[place])) \(String(format: "%.2f", weights[place]))"
            }
            return "\(Self.visible(token)) ← \(best.joined(separator: ", "))"
        }
    }

    /// A token without the white space around it, or with marks where it is nothing else.
    private static func visible(_ token: String) -> String {
        let trimmed = token.trimmingCharacters(in: .whitespacesAndNewlines)
        return trimmed.isEmpty ? "␣" : trimmed
    }

    /// The shares as JSON.
    public var json: JSONValue {
        [
            "source": .array(source.map { .string($0) }), "target": .array(target.map { .string($0) }),
            "weights": .array(weights.map { .array($0.map { .number($0) }) }),
        ]
    }

    /// The shares as a picture.
    var chart: MatrixChart {
        MatrixChart(
            title: "What the written tokens look at",
            rowName: "written",
            columnName: "read",
            rows: target.map(Self.visible),
            columns: source.map(Self.visible),
            shares: weights.flatMap { $0 }
        )
    }
}
