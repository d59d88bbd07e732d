/// A picture of named values as horizontal bars.
public struct BarChart: Sendable {
    /// One bar.
    public struct Bar: Sendable {
        /// Its name.
        public let name: String
        /// Its length; not negative.
        public let value: Double
        /// What stands beside it.
        public let label: String

        /// A bar.
        ///
        /// - Parameters:
        ///   - name: Its name.
        ///   - value: Its length; not negative.
        ///   - label: What stands beside it.
        public init(_ name: String, _ value: Double, label: String) {
            (self.name, self.value, self.label) = (name, value, label)
        }
    }

    /// A line above the picture.
    public let title: String
    /// The bars, from above.
    public var bars: [Bar]

    /// A chart.
    ///
    /// - Parameters:
    ///   - title: A line above the picture.
    ///   - bars: The bars, from above.
    public init(title: String, bars: [Bar] = []) {
        self.title = title
        self.bars = bars
    }

    private static let nameLimit = 32

    var svg: String {
        let (row, left, width) = (22, 230, 760)
        let most = bars.map(\.value).filter(\.isFinite).max() ?? 0
        var out = "<svg viewBox=\"0 0 \(width) \(bars.count * row + 4)\" role=\"img\" "
        out += "aria-label=\"\(ReportPage.escaped(title))\">"
        for (index, bar) in bars.enumerated() {
            let y = index * row
            let share = most > 0 && bar.value.isFinite ? bar.value / most : 0
            let length = max(share * Double(width - left - 130), bar.value > 0 ? 1 : 0)
            let name =
                bar.name.unicodeScalars.count > Self.nameLimit
                ? String(String.UnicodeScalarView(bar.name.unicodeScalars.prefix(Self.nameLimit - 1))) + "…"
                : bar.name
            out +=
                "<text x=\"\(left - 8)\" y=\"\(y + 15)\" text-anchor=\"end\">\(ReportPage.escaped(name))</text>"
            out += "<rect x=\"\(left)\" y=\"\(y + 3)\" width=\"\(decimal(length))\" height=\"\(row - 7)\" "
            out +=
                "fill=\"var(--fill)\"><title>\(ReportPage.escaped("\(bar.name): \(bar.label)"))</title></rect>"
            out += "<text x=\"\(decimal(Double(left) + length + 6))\" y=\"\(y + 15)\">"
            out += "\(ReportPage.escaped(bar.label))</text>"
        }
        return out + "</svg>"
    }
}

/// A picture of series of points joined by lines, with axes.
public struct LineChart: Sendable {
    /// One line.
    public struct Series: Sendable {
        /// Its name.
        public let name: String
        /// Its points from left to right; ones that are not finite are left out.
        public let points: [(x: Double, y: Double)]

        /// A line.
        ///
        /// - Parameters:
        ///   - name: Its name.
        ///   - points: Its points from left to right.
        public init(_ name: String, _ points: [(x: Double, y: Double)]) {
            self.name = name
            self.points = points.filter { $0.x.isFinite && $0.y.isFinite }
        }
    }

    /// A line above the picture.
    public let title: String
    /// What the horizontal axis shows.
    public let xName: String
    /// What the vertical axis shows.
    public let yName: String
    /// The lines.
    public var series: [Series]

    /// A chart.
    ///
    /// - Parameters:
    ///   - title: A line above the picture.
    ///   - xName: What the horizontal axis shows.
    ///   - yName: What the vertical axis shows.
    ///   - series: The lines.
    public init(title: String, xName: String, yName: String, series: [Series]) {
        (self.title, self.xName, self.yName, self.series) = (title, xName, yName, series)
    }

    private static let colors = ["var(--fill)", "#d07a2c", "#3f9a6b", "#b04a6d", "#7d62b8", "#8a8f3a"]

    var svg: String {
        let (width, height, left, bottom, top) = (760.0, 320.0, 60.0, 40.0, 16.0)
        let all = series.flatMap(\.points)
        let (x, y) = (Self.ticks(all.map(\.x)), Self.ticks(all.map(\.y)))
        func place(_ value: Double, _ axis: [Double], _ from: Double, _ to: Double) -> Double {
            let (low, high) = (axis.first ?? 0, axis.last ?? 1)
            return high > low ? from + (value - low) / (high - low) * (to - from) : (from + to) / 2
        }
        func across(_ value: Double) -> Double { place(value, x, left, width - 20) }
        func up(_ value: Double) -> Double { place(value, y, height - bottom, top) }
        var out =
            "<svg viewBox=\"0 0 \(Int(width)) \(Int(height) + 22 * ((series.count + 3) / 4))\" role=\"img\" "
        out += "aria-label=\"\(ReportPage.escaped(title))\">"
        for tick in y {
            out += "<line x1=\"\(decimal(left))\" x2=\"\(decimal(width - 20))\" y1=\"\(decimal(up(tick)))\" "
            out += "y2=\"\(decimal(up(tick)))\" stroke=\"var(--line)\"/>"
            out +=
                "<text x=\"\(decimal(left - 6))\" y=\"\(decimal(up(tick) + 4))\" text-anchor=\"end\">\(short(tick))</text>"
        }
        for tick in x {
            out += "<text x=\"\(decimal(across(tick)))\" y=\"\(decimal(height - bottom + 16))\" "
            out += "text-anchor=\"middle\">\(short(tick))</text>"
        }
        out +=
            "<text x=\"\(decimal((left + width) / 2))\" y=\"\(decimal(height - 6))\" text-anchor=\"middle\">"
        out += "\(ReportPage.escaped(xName))</text>"
        out += "<text x=\"12\" y=\"\(decimal(height / 2))\" text-anchor=\"middle\" "
        out += "transform=\"rotate(-90 12 \(decimal(height / 2)))\">\(ReportPage.escaped(yName))</text>"
        for (index, line) in series.enumerated() {
            let color = Self.colors[index % Self.colors.count]
            let points = line.points.map { "\(decimal(across($0.x))),\(decimal(up($0.y)))" }.joined(
                separator: " "
            )
            out += "<polyline points=\"\(points)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\"/>"
            let (row, column) = (Double(index / 4), Double(index % 4))
            let (legendX, legendY) = (left + column * 170, height + 6 + row * 22)
            out +=
                "<rect x=\"\(decimal(legendX))\" y=\"\(decimal(legendY))\" width=\"12\" height=\"12\" fill=\"\(color)\"/>"
            out += "<text x=\"\(decimal(legendX + 18))\" y=\"\(decimal(legendY + 11))\">"
            out += "\(ReportPage.escaped(line.name))</text>"
        }
        return out + "</svg>"
    }

    /// About five round numbers that span the values.
    static func ticks(_ values: [Double]) -> [Double] {
        guard let low = values.min(), let high = values.max() else { return [0, 1] }
        guard high > low else { return [low] }
        let raw = (high - low) / 5
        let power = decimalPower(raw)
        let step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= raw * 0.999 } ?? 10 * power
        let first = (low / step).rounded(.down)
        let last = (high / step).rounded(.up)
        return stride(from: first, through: last, by: 1).map { $0 * step }
    }

    /// The largest power of ten that is at most a positive number.
    private static func decimalPower(_ value: Double) -> Double {
        var power = 1.0
        while power > value { power /= 10 }
        while power * 10 <= value { power *= 10 }
        return power
    }
}

/// A coordinate with at most one decimal.
func decimal(_ value: Double) -> String {
    let tenths = (value * 10).rounded()
    return tenths.remainder(dividingBy: 10) == 0 ? "\(Int(tenths / 10))" : "\(tenths / 10)"
}

/// A number of an axis, without needless digits.
func short(_ value: Double) -> String {
    if value == value.rounded(), value.magnitude < 1e6 { return "\(Int(value))" }
    if value.magnitude >= 1e6 { return "\(decimal(value / 1e6))M" }
    let thousandths = (value * 1000).rounded() / 1000
    return thousandths == 0 ? "\(value)" : "\(thousandths)"
}
