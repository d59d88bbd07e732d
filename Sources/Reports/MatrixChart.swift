/// A picture of a table of counts: the darker a cell, the larger its share of its row.
public struct MatrixChart: Sendable {
    /// A line above the picture.
    public let title: String
    /// What the rows are.
    public let rowName: String
    /// What the columns are.
    public let columnName: String
    /// The names of rows and columns.
    public let names: [String]
    /// The counts, one row after the other.
    public let counts: [Int]

    /// A chart.
    ///
    /// - Parameters:
    ///   - title: A line above the picture.
    ///   - rowName: What the rows are.
    ///   - columnName: What the columns are.
    ///   - names: The names of rows and columns.
    ///   - counts: The counts, one row after the other; as many as names squared.
    public init(title: String, rowName: String, columnName: String, names: [String], counts: [Int]) {
        (self.title, self.rowName, self.columnName) = (title, rowName, columnName)
        (self.names, self.counts) = (names, counts)
    }

    private static let nameLimit = 14

    private static func shortName(_ name: String, limit: Int = nameLimit) -> String {
        let scalars = name.unicodeScalars
        guard scalars.count > limit else { return name }
        return String(String.UnicodeScalarView(scalars.prefix(limit - 1))) + "…"
    }

    var svg: String {
        let (cell, left, top) = (56, 150, 46)
        let side = names.count * cell
        var out = "<svg viewBox=\"0 0 \(left + side + 10) \(top + side + 10)\" role=\"img\" "
        out += "style=\"max-width:\(left + side + 10)px\" aria-label=\"\(ReportPage.escaped(title))\">"
        out += "<text x=\"\(left + side / 2)\" y=\"14\" text-anchor=\"middle\">"
        out += "\(ReportPage.escaped("\(columnName) →, \(rowName) ↓"))</text>"
        for (row, name) in names.enumerated() {
            let short = ReportPage.escaped(Self.shortName(name))
            out +=
                "<text x=\"\(left - 8)\" y=\"\(top + row * cell + cell / 2 + 4)\" text-anchor=\"end\">\(short)</text>"
            out += "<text x=\"\(left + row * cell + cell / 2)\" y=\"\(top - 8)\" text-anchor=\"middle\" "
            out += "font-size=\"10\">\(ReportPage.escaped(Self.shortName(name, limit: 8)))</text>"
            let own = Array(counts[row * names.count..<(row + 1) * names.count])
            let total = own.reduce(0, +)
            for (column, count) in own.enumerated() {
                let share = total > 0 ? Double(count) / Double(total) : 0
                let (x, y) = (left + column * cell, top + row * cell)
                out +=
                    "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(cell - 2)\" height=\"\(cell - 2)\" fill=\"var(--fill)\" "
                out += "fill-opacity=\"\(short2(0.06 + 0.94 * share))\"><title>"
                out += ReportPage.escaped("\(name) → \(names[column]): \(count), \(decimal(share * 100)) %")
                out += "</title></rect>"
                let ink = share > 0.55 ? "style=\"fill:var(--paper)\" " : ""
                out +=
                    "<text x=\"\(x + cell / 2)\" y=\"\(y + cell / 2 + 4)\" \(ink)text-anchor=\"middle\">\(count)</text>"
            }
        }
        return out + "</svg>"
    }

    private func short2(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
}
