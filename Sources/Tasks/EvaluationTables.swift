import Foundation
import YuyanFileFormats
import YuyanMetrics
import YuyanReports

// What evaluations of different tasks show alike.

extension ReportTable {
    /// Figures with their intervals.
    static func figures(_ all: [TaskFigure]) -> ReportTable {
        var table = ReportTable(columns: ["figure", "value", "95 % interval"])
        for figure in all {
            let interval = figure.interval.map { "\(decimals($0.low)) … \(decimals($0.high))" } ?? ""
            let value = figure.isCount ? "\(Int(figure.value))" : decimals(figure.value)
            table.row([.text(figure.name), .number(value), .number(interval)])
        }
        return table
    }

    /// Precision, recall and F1 of labels or types.
    ///
    /// - Parameters:
    ///   - title: The table's title.
    ///   - columns: What the first and the last column are called.
    ///   - scores: The scores by name.
    ///   - restCount: How many more there are that are not shown.
    /// - Returns: The table.
    static func scores(
        title: String,
        columns: (name: String, support: String),
        _ scores: [(name: String, score: ClassificationScore)],
        restCount: Int
    ) -> ReportTable {
        var table = ReportTable(
            title: title,
            columns: [columns.name, "precision", "recall", "F1", columns.support]
        )
        for (name, score) in scores {
            table.row([
                .abridged(name), .number(decimals(score.precision)), .number(decimals(score.recall)),
                .number(decimals(score.f1)), .number("\(score.support)"),
            ])
        }
        if restCount > 0 { table.row([.text("and \(restCount) more")]) }
        return table
    }

    /// Four decimals, or a dash for what is no number.
    static func decimals(_ value: Double) -> String {
        value.isFinite ? String(format: "%.4f", value) : "–"
    }
}

extension ClassificationScore {
    /// The score as evaluation files have it.
    var json: JSONValue {
        [
            "precision": .number(precision), "recall": .number(recall), "f1": .number(f1),
            "support": .integer(support),
        ]
    }
}
