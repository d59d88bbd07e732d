/// A picture of a table of counts or shares: the darker a cell, the larger its share of its row.
public struct MatrixChart: Sendable {
    /// A line above the picture.
    public let title: String
    /// What the rows are.
    public let rowName: String
    /// What the columns are.
    public let columnName: String
    /// The names of the rows.
    public let rows: [String]
    /// The names of the columns.
    public let columns: [String]
    private let cells: [Cell]
    private let layout: Layout

    private struct Cell: Sendable {
        let share: Double
        /// What stands in the cell.
        let text: String
        /// What is told of it beside the names.
        let note: String
    }

    /// Sizes in the picture's units.
    private struct Layout: Sendable {
        let cell: Int
        let left: Int
        let top: Int
        let isSlanted: Bool

        static let counts = Layout(cell: 56, left: 150, top: 46, isSlanted: false)
        static let shares = Layout(cell: 24, left: 150, top: 110, isSlanted: true)
    }

    /// A chart of counts.
    ///
    /// - Parameters:
    ///   - title: A line above the picture.
    ///   - rowName: What the rows are.
    ///   - columnName: What the columns are.
    ///   - names: The names of rows and columns.
    ///   - counts: The counts, one row after the other; as many as names squared.
    public init(title: String, rowName: String, columnName: String, names: [String], counts: [Int]) {
        (self.title, self.rowName, self.columnName) = (title, rowName, columnName)
        (rows, columns, layout) = (names, names, .counts)
        let width = max(names.count, 1)
        cells = counts.enumerated().map { place, count in
            let first = place / width * width
            let total = counts[first..<min(first + width, counts.count)].reduce(0, +)
            let share = total > 0 ? Double(count) / Double(total) : 0
            return Cell(share: share, text: "\(count)", note: "\(count), \(decimal(share * 100)) %")
        }
    }

    /// A chart of shares, such as the weights of an attention, which may have many rows and columns.
    ///
    /// - Parameters:
    ///   - title: A line above the picture.
    ///   - rowName: What the rows are.
    ///   - columnName: What the columns are.
    ///   - rows: The names of the rows.
    ///   - columns: The names of the columns.
    ///   - shares: The shares from 0 to 1, one row after the other; as many as rows times columns.
    public init(
        title: String,
        rowName: String,
        columnName: String,
        rows: [String],
        columns: [String],
        shares: [Double]
    ) {
        (self.title, self.rowName, self.columnName) = (title, rowName, columnName)
        (self.rows, self.columns, layout) = (rows, columns, .shares)
        cells = shares.map { share in
            Cell(
                share: share.isFinite ? min(max(share, 0), 1) : 0,
                text: "",
                note: "\(decimal(share * 100)) %"
            )
        }
    }

    private static let nameLimit = 14

    private static func shortName(_ name: String, limit: Int = nameLimit) -> String {
        let scalars = name.unicodeScalars
        guard scalars.count > limit else { return name }
        return String(String.UnicodeScalarView(scalars.prefix(limit - 1))) + "…"
    }

    var svg: String {
        let (cell, left, top) = (layout.cell, layout.left, layout.top)
        let (width, height) = (columns.count * cell, rows.count * cell)
        let margin = layout.isSlanted ? top : 10
        var out = "<svg viewBox=\"0 0 \(left + width + margin) \(top + height + 10)\" role=\"img\" "
        out += "style=\"max-width:\(left + width + margin)px\" aria-label=\"\(ReportPage.escaped(title))\">"
        out += "<text x=\"\(left + width / 2)\" y=\"14\" text-anchor=\"middle\">"
        out += "\(ReportPage.escaped("\(columnName) →, \(rowName) ↓"))</text>"
        for (column, name) in columns.enumerated() {
            out += header(name, at: left + column * cell + cell / 2)
        }
        for (row, name) in rows.enumerated() {
            let short = ReportPage.escaped(Self.shortName(name))
            out +=
                "<text x=\"\(left - 8)\" y=\"\(top + row * cell + cell / 2 + 4)\" text-anchor=\"end\">\(short)</text>"
            for (column, other) in columns.enumerated() {
                let place = row * columns.count + column
                guard place < cells.count else { continue }
                out += picture(
                    cells[place],
                    "\(name) → \(other)",
                    x: left + column * cell,
                    y: top + row * cell
                )
            }
        }
        return out + "</svg>"
    }

    private func header(_ name: String, at x: Int) -> String {
        let y = layout.top - 8
        guard layout.isSlanted else {
            let short = ReportPage.escaped(Self.shortName(name, limit: 8))
            return "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"middle\" font-size=\"10\">\(short)</text>"
        }
        let short = ReportPage.escaped(Self.shortName(name))
        return "<text x=\"\(x)\" y=\"\(y)\" transform=\"rotate(-50 \(x) \(y))\">\(short)</text>"
    }

    private func picture(_ cell: Cell, _ name: String, x: Int, y: Int) -> String {
        let side = layout.cell
        var out =
            "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(side - 2)\" height=\"\(side - 2)\" fill=\"var(--fill)\" "
        out += "fill-opacity=\"\(short2(0.06 + 0.94 * cell.share))\"><title>"
        out += ReportPage.escaped("\(name): \(cell.note)")
        out += "</title></rect>"
        guard !cell.text.isEmpty else { return out }
        let ink = cell.share > 0.55 ? "style=\"fill:var(--paper)\" " : ""
        let (middle, line) = (x + side / 2, y + side / 2 + 4)
        return out
            + "<text x=\"\(middle)\" y=\"\(line)\" \(ink)text-anchor=\"middle\">\(ReportPage.escaped(cell.text))</text>"
    }

    private func short2(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
}
