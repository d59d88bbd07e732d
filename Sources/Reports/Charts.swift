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
        /// Where its length should lie; a thin line over the bar shows it.
        public let interval: ClosedRange<Double>?

        /// A bar.
        ///
        /// - Parameters:
        ///   - name: Its name.
        ///   - value: Its length; not negative.
        ///   - label: What stands beside it.
        ///   - interval: Where its length should lie; not negative.
        public init(_ name: String, _ value: Double, label: String, interval: ClosedRange<Double>? = nil) {
            (self.name, self.value, self.label, self.interval) = (name, value, label, interval)
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
        let most =
            bars.flatMap { [$0.value, $0.interval?.upperBound ?? 0] }.filter(\.isFinite).max() ?? 0
        let room = Double(width - left - 130)
        var out = "<svg viewBox=\"0 0 \(width) \(bars.count * row + 4)\" role=\"img\" "
        out += "aria-label=\"\(ReportPage.escaped(title))\">"
        for (index, bar) in bars.enumerated() {
            let y = index * row
            let share = most > 0 && bar.value.isFinite ? bar.value / most : 0
            let length = max(share * room, bar.value > 0 ? 1 : 0)
            var end = length
            let name =
                bar.name.unicodeScalars.count > Self.nameLimit
                ? String(String.UnicodeScalarView(bar.name.unicodeScalars.prefix(Self.nameLimit - 1))) + "…"
                : bar.name
            out +=
                "<text x=\"\(left - 8)\" y=\"\(y + 15)\" text-anchor=\"end\">\(ReportPage.escaped(name))</text>"
            out += "<rect x=\"\(left)\" y=\"\(y + 3)\" width=\"\(decimal(length))\" height=\"\(row - 7)\" "
            out +=
                "fill=\"var(--fill)\"><title>\(ReportPage.escaped("\(bar.name): \(bar.label)"))</title></rect>"
            if let interval = bar.interval, most > 0, interval.upperBound.isFinite {
                let (low, high) = (interval.lowerBound / most * room, interval.upperBound / most * room)
                end = max(length, high)
                out += "<line x1=\"\(decimal(Double(left) + low))\" x2=\"\(decimal(Double(left) + high))\" "
                out += "y1=\"\(y + 11)\" y2=\"\(y + 11)\" stroke=\"var(--ink)\" stroke-width=\"1.5\"/>"
            }
            out += "<text x=\"\(decimal(Double(left) + end + 6))\" y=\"\(y + 15)\">"
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
            self.points = points.filter { ChartAxes.isShown($0.x) && ChartAxes.isShown($0.y) }
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

    /// Lines of so many points have dots, too, so that one point can be seen and values be read.
    private static let mostDots = 12

    var svg: String {
        let all = series.flatMap(\.points)
        let axes = ChartAxes(x: all.map(\.x), y: all.map(\.y))
        var out = ChartAxes.opening(title, further: 22 * ((series.count + 3) / 4))
        out += axes.svg(xName: xName, yName: yName)
        for (index, line) in series.enumerated() {
            let color = Self.colors[index % Self.colors.count]
            let points = line.points.map { "\(decimal(axes.across($0.x))),\(decimal(axes.up($0.y)))" }
                .joined(separator: " ")
            out += "<polyline points=\"\(points)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\"/>"
            if line.points.count <= Self.mostDots {
                for point in line.points { out += axes.dot(point, radius: 3, fill: "fill=\"\(color)\"") }
            }
            let (row, column) = (Double(index / 4), Double(index % 4))
            let (legendX, legendY) = (ChartAxes.start + column * 170, ChartAxes.height + 6 + row * 22)
            out += "<rect x=\"\(decimal(legendX))\" y=\"\(decimal(legendY))\" width=\"12\" height=\"12\" "
            out += "fill=\"\(color)\"/>"
            out += "<text x=\"\(decimal(legendX + 18))\" y=\"\(decimal(legendY + 11))\">"
            out += "\(ReportPage.escaped(line.name))</text>"
        }
        return out + "</svg>"
    }
}
