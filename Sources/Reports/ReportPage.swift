/// A report as one HTML page without scripts or anything loaded from elsewhere: text, tables and pictures.
public struct ReportPage: Sendable {
    /// The page's title.
    public let title: String
    /// A line below the title.
    public let subtitle: String
    private var blocks: [Block] = []

    private enum Block: Sendable {
        case heading(String)
        case paragraph(String)
        case facts([(String, String)])
        case table(ReportTable)
        case picture(String, caption: String)
        case text(String, caption: String)
        case highlighted([(String, Double?)])
    }

    /// A page without content.
    ///
    /// - Parameters:
    ///   - title: The page's title.
    ///   - subtitle: A line below the title.
    public init(title: String, subtitle: String = "") {
        self.title = title
        self.subtitle = subtitle
    }

    /// Adds a heading.
    ///
    /// - Parameter text: The heading.
    public mutating func heading(_ text: String) { blocks.append(.heading(text)) }

    /// Adds a paragraph.
    ///
    /// - Parameter text: The paragraph, as plain text.
    public mutating func paragraph(_ text: String) { blocks.append(.paragraph(text)) }

    /// Adds a list of names and values.
    ///
    /// - Parameter facts: Names and values.
    public mutating func facts(_ facts: [(String, String)]) { blocks.append(.facts(facts)) }

    /// Adds a table.
    ///
    /// - Parameter table: The table; one without rows is left out.
    public mutating func table(_ table: ReportTable) {
        if !table.rows.isEmpty { blocks.append(.table(table)) }
    }

    /// Adds a chart of bars.
    ///
    /// - Parameter chart: The chart; one without bars is left out.
    public mutating func bars(_ chart: BarChart) {
        if !chart.bars.isEmpty { blocks.append(.picture(chart.svg, caption: chart.title)) }
    }

    /// Adds a chart of lines.
    ///
    /// - Parameter chart: The chart; one without points is left out.
    public mutating func lines(_ chart: LineChart) {
        if chart.series.contains(where: { !$0.points.isEmpty }) {
            blocks.append(.picture(chart.svg, caption: chart.title))
        }
    }

    /// Adds a picture of how many values lie where.
    ///
    /// - Parameter chart: The picture; one without values is left out.
    public mutating func histogram(_ chart: Histogram) {
        if !chart.counts.isEmpty { blocks.append(.picture(chart.svg, caption: chart.title)) }
    }

    /// Adds a picture of pairs of values.
    ///
    /// - Parameter chart: The picture; one without dots is left out.
    public mutating func scatter(_ chart: ScatterChart) {
        if !chart.points.isEmpty { blocks.append(.picture(chart.svg, caption: chart.title)) }
    }

    /// Adds a picture of a table of counts or shares.
    ///
    /// - Parameter chart: The chart; one without rows is left out.
    public mutating func matrix(_ chart: MatrixChart) {
        if !chart.rows.isEmpty { blocks.append(.picture(chart.svg, caption: chart.title)) }
    }

    /// Adds text that is shown as it stands, in a fixed width.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - caption: A line above it.
    public mutating func text(_ text: String, caption: String) {
        blocks.append(.text(text, caption: caption))
    }

    /// Adds text whose parts are coloured by their values, relative to the largest: blue for positive ones, red for
    /// negative ones, and crossed out where there is no value.
    ///
    /// - Parameter parts: The parts, which put together are the text.
    public mutating func highlighted(_ parts: [(String, Double?)]) { blocks.append(.highlighted(parts)) }

    /// The page.
    public var html: String {
        var out = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(Self.escaped(title))</title>
            <style>\(Self.style)</style></head><body>
            <h1>\(Self.escaped(title))</h1>

            """
        if !subtitle.isEmpty { out += "<p class=\"sub\">\(Self.escaped(subtitle))</p>\n" }
        for block in blocks { out += Self.html(block) + "\n" }
        return out + "</body></html>\n"
    }

    private static func html(_ block: Block) -> String {
        switch block {
        case .heading(let text): "<h2>\(escaped(text))</h2>"
        case .paragraph(let text): "<p>\(escaped(text))</p>"
        case .facts(let facts):
            "<dl>" + facts.map { "<dt>\(escaped($0.0))</dt><dd>\(escaped($0.1))</dd>" }.joined() + "</dl>"
        case .table(let table): table.html
        case .picture(let svg, let caption):
            "<figure><figcaption>\(escaped(caption))</figcaption>\(svg)</figure>"
        case .text(let text, let caption):
            "<figure><figcaption>\(escaped(caption))</figcaption><pre>\(escaped(text))</pre></figure>"
        case .highlighted(let parts): "<p class=\"marked\">\(marked(parts))</p>"
        }
    }

    fileprivate static func marked(_ parts: [(String, Double?)]) -> String {
        let largest = parts.reduce(0) { max($0, abs($1.1 ?? 0)) }
        return parts.map { text, value in
            guard let value else { return "<s title=\"not read\">\(escaped(text))</s>" }
            let strength = largest > 0 && value.isFinite ? abs(value) / largest : 0
            // Two decimals of opacity, so that the page does not grow with digits.
            let opacity = Double(Int(strength * 60)) / 100
            let color = value > 0 ? "59,111,182" : "200,60,50"
            let style = opacity > 0 ? " style=\"background:rgba(\(color),\(opacity))\"" : ""
            return "<span\(style) title=\"\(value)\">\(escaped(text))</span>"
        }.joined()
    }

    /// Text with what HTML gives a meaning written as entities, and control characters shown as U+FFFD.
    ///
    /// - Parameter text: Any text.
    /// - Returns: Text that is safe between tags and in quoted attributes.
    public static func escaped(_ text: String) -> String {
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out.append(contentsOf: "&amp;".unicodeScalars)
            case "<": out.append(contentsOf: "&lt;".unicodeScalars)
            case ">": out.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": out.append(contentsOf: "&quot;".unicodeScalars)
            case "'": out.append(contentsOf: "&#39;".unicodeScalars)
            case "\n", "\t": out.append(scalar)
            default:
                let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
                out.append(isControl ? "\u{FFFD}" : scalar)
            }
        }
        return String(out)
    }

    private static let style = """
        :root{--ink:#1c2430;--soft:#5b6675;--line:#d9dee5;--fill:#3b6fb6;--paper:#fff}
        @media(prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#9aa5b4;--line:#39424e;--fill:#7aa7e0;--paper:#171b21}}
        body{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;color:var(--ink);background:var(--paper);
        max-width:60rem;margin:2rem auto;padding:0 1rem}
        h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2rem}.sub{color:var(--soft);margin-top:0}
        dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:var(--soft)}dd{margin:0}
        table{border-collapse:collapse;width:100%;margin:.6rem 0}caption{text-align:left;color:var(--soft)}
        th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;
        overflow-wrap:anywhere}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
        figure{margin:1rem 0}figcaption{color:var(--soft)}svg{width:100%;height:auto}svg text{fill:var(--ink);font-size:12px}
        .marked{white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.8}
        .marked s{color:var(--soft)}
        pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid var(--line);padding:.6rem}
        """
}

/// A table of a report.
public struct ReportTable: Sendable {
    /// A cell: text, or a number that stands to the right.
    public enum Cell: Sendable, ExpressibleByStringLiteral {
        /// Text.
        case text(String)
        /// A number as it shall be read.
        case number(String)
        /// Text whose middle a terminal may leave out when it is long.
        case abridged(String)
        /// Text whose parts are coloured by their values, as ``ReportPage/highlighted(_:)`` does.
        case marked([(String, Double?)])

        /// A cell of text.
        ///
        /// - Parameter value: The text.
        public init(stringLiteral value: String) { self = .text(value) }

        var content: String {
            switch self {
            case .text(let text), .number(let text), .abridged(let text): text
            case .marked(let parts): parts.map(\.0).joined()
            }
        }

        /// What a page shows, and the class of the cell.
        var html: (content: String, mark: String) {
            if case .marked(let parts) = self { return (ReportPage.marked(parts), " class=\"marked\"") }
            return (ReportPage.escaped(content), "")
        }

        /// What a terminal shows.
        var shown: String {
            if case .abridged(let text) = self { ReportTable.shortened(text) } else { content }
        }
    }

    /// A line above the table.
    public let title: String
    /// The columns' names.
    public let columns: [String]
    /// The rows.
    public private(set) var rows: [[Cell]] = []

    /// A table without rows.
    ///
    /// - Parameters:
    ///   - title: A line above the table.
    ///   - columns: The columns' names.
    public init(title: String = "", columns: [String]) {
        self.title = title
        self.columns = columns
    }

    /// Adds a row.
    ///
    /// - Parameter cells: The row's cells, one for each column.
    public mutating func row(_ cells: [Cell]) { rows.append(cells) }

    private var numeric: [Bool] {
        columns.indices.map { column in
            rows.contains { if column < $0.count, case .number = $0[column] { true } else { false } }
        }
    }

    var html: String {
        let numeric = numeric
        func mark(_ column: Int) -> String { numeric[column] ? " class=\"n\"" : "" }
        let head = columns.enumerated()
            .map { "<th\(mark($0))>\(ReportPage.escaped($1))</th>" }.joined()
        let body = rows.map { row in
            "<tr>"
                + columns.indices.map { column in
                    let (text, own) = column < row.count ? row[column].html : ("", "")
                    return "<td\(own.isEmpty ? mark(column) : own)>\(text)</td>"
                }.joined() + "</tr>"
        }
        let caption = title.isEmpty ? "" : "<caption>\(ReportPage.escaped(title))</caption>"
        return "<table>\(caption)<thead><tr>\(head)</tr></thead><tbody>\(body.joined())</tbody></table>"
    }

    /// The most columns of a terminal that abridged text takes; the page has all of it.
    private static let widest = 60

    /// The table for a terminal: columns of even width, numbers to the right.
    public var plain: String {
        let numeric = numeric
        let cells =
            [columns] + rows.map { row in columns.indices.map { $0 < row.count ? row[$0].shown : "" } }
        let widths = columns.indices.map { column in cells.map { Self.width($0[column]) }.max() ?? 0 }
        let lines = cells.map { row -> String in
            var line = ""
            for (column, text) in row.enumerated() {
                let gap = String(repeating: " ", count: widths[column] - Self.width(text))
                line += (column == 0 ? "" : "  ") + (numeric[column] ? gap + text : text + gap)
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
        return lines.joined(separator: "\n")
    }

    /// The beginning and the end of a text that would take too many columns.
    fileprivate static func shortened(_ text: String) -> String {
        guard width(text) > widest else { return text }
        func fitting(_ scalars: some Sequence<Unicode.Scalar>) -> [Unicode.Scalar] {
            var taken = 0
            return Array(
                scalars.prefix {
                    taken += width(String($0))
                    return taken <= (widest - 1) / 2
                }
            )
        }
        var short = String.UnicodeScalarView(fitting(text.unicodeScalars))
        short.append("…")
        short.append(contentsOf: fitting(text.unicodeScalars.reversed()).reversed())
        return String(short)
    }

    /// The columns that a terminal gives a text: two for a Chinese, Japanese or Korean character.
    private static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { width, scalar in
            switch scalar.value {
            case 0x300...0x36F, 0x200B...0x200F, 0xFE00...0xFE0F: width
            case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
                0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
                width + 2
            default: width + 1
            }
        }
    }
}
