import YuyanMetrics
import YuyanReports

// Pictures that evaluations of several tasks have.

extension LineChart {
    /// A figure of examples in the order of a number that each of them has.
    package struct NumberedFigure {
        package let name: String
        /// The figure of some rows; NaN where it has none.
        package let value: ([Int]) -> Double

        package init(_ name: String, _ value: @escaping ([Int]) -> Double) {
            (self.name, self.value) = (name, value)
        }

        /// The mean of a number of each row.
        package init(_ name: String, meanOf values: [Double]) {
            self.init(name) { rows in mean(rows.map { values[$0] }) }
        }
    }

    private static let mostLots = 10

    /// Figures by a number of each example: up to ten lots of about as many examples, each at its mean number.
    ///
    /// - Parameters:
    ///   - title: A line above the picture.
    ///   - xName: What the number is.
    ///   - yName: What the figures are.
    ///   - numbers: The number of each example.
    ///   - rows: The examples that count; nil for all.
    ///   - figures: The figures.
    /// - Returns: The picture.
    package static func byNumber(
        _ title: String,
        xName: String,
        yName: String,
        numbers: [Double],
        rows: [Int]? = nil,
        figures: [NumberedFigure]
    ) -> LineChart {
        let lots = Self.lots(numbers, of: rows ?? Array(numbers.indices))
        let places = lots.map { rows in mean(rows.map { numbers[$0] }) }
        return LineChart(
            title: title,
            xName: xName,
            yName: yName,
            series: figures.map { figure in
                Series(figure.name, zip(places, lots).map { (x: $0, y: figure.value($1)) })
            }
        )
    }

    /// Rows of like numbers; equal numbers are in one lot.
    private static func lots(_ numbers: [Double], of rows: [Int]) -> [[Int]] {
        let order = rows.filter { numbers[$0].isFinite }.sorted { (numbers[$0], $0) < (numbers[$1], $1) }
        let size = (order.count + mostLots - 1) / mostLots
        var (lots, start): ([[Int]], Int) = ([], 0)
        while start < order.count {
            var end = min(start + size, order.count)
            while end < order.count, numbers[order[end]] == numbers[order[end - 1]] { end += 1 }
            lots.append(Array(order[start..<end]))
            start = end
        }
        return lots
    }
}

extension ConfidenceInterval {
    /// The interval as pictures draw it; nil where it is none.
    var range: ClosedRange<Double>? { low <= high && low.isFinite && high.isFinite ? low...high : nil }
}
