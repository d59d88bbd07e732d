/// A picture of how many values lie where: columns of equal width over an axis.
public struct Histogram: Sendable {
    /// A line above the picture.
    public let title: String
    /// What the values are.
    public let xName: String
    /// What is counted.
    public let yName: String
    /// The ends of the columns from left to right, one more than there are columns.
    public let edges: [Double]
    /// How many values lie in each column; a value between two is the right one's, the last end the last one's.
    public let counts: [Int]

    /// Counts values.
    ///
    /// - Parameters:
    ///   - title: A line above the picture.
    ///   - xName: What the values are.
    ///   - yName: What is counted.
    ///   - values: The values; ones that are not finite are left out, ones beyond the range are in the outer columns.
    ///   - range: What the columns span; nil for what the values do.
    ///   - columns: How many columns there are, at least one.
    public init(
        title: String,
        xName: String,
        yName: String,
        values: [Double],
        range: ClosedRange<Double>? = nil,
        columns: Int = 20
    ) {
        (self.title, self.xName, self.yName) = (title, xName, yName)
        let shown = values.filter { ChartAxes.isShown($0) }
        guard let least = shown.min(), let most = shown.max() else {
            (edges, counts) = ([], [])
            return
        }
        let ticks = ChartAxes.ticks([range?.lowerBound ?? least, range?.upperBound ?? most])
        var (low, high) = (range?.lowerBound ?? ticks[0], range?.upperBound ?? ticks[ticks.count - 1])
        var columns = max(columns, 1)
        // Values that are all the same make one column.
        if low >= high { (low, high, columns) = (low - 0.5, low + 0.5, 1) }
        let width = (high - low) / Double(columns)
        edges = (0..<columns).map { low + Double($0) * width } + [high]
        var found = [Int](repeating: 0, count: columns)
        for value in shown {
            // Rounding does not move a value at an end into the column before.
            let place = min(max(((value - low) / width + 1e-9).rounded(.down), 0), Double(columns - 1))
            found[Int(place)] += 1
        }
        counts = found
    }

    var svg: String {
        let most = counts.max() ?? 0
        // A few things are counted one by one.
        let axes = ChartAxes(x: edges, y: most < 5 ? [0, 5] : [0, Double(most)])
        var out = ChartAxes.opening(title) + axes.svg(xName: xName, yName: yName)
        for (place, count) in counts.enumerated() where count > 0 {
            let (left, right) = (axes.across(edges[place]), axes.across(edges[place + 1]))
            let (top, floor) = (axes.up(Double(count)), axes.up(0))
            out += "<rect x=\"\(decimal(left + 0.5))\" y=\"\(decimal(top))\" "
            out += "width=\"\(decimal(max(right - left - 1, 1)))\" height=\"\(decimal(floor - top))\" "
            out += "fill=\"var(--fill)\"><title>"
            out += "\(short(edges[place])) … \(short(edges[place + 1])): \(count)</title></rect>"
        }
        return out + "</svg>"
    }
}

/// A picture of pairs of values as dots.
public struct ScatterChart: Sendable {
    /// A line above the picture.
    public let title: String
    /// What the horizontal axis shows.
    public let xName: String
    /// What the vertical axis shows.
    public let yName: String
    /// The dots.
    public let points: [(x: Double, y: Double)]
    /// Whether both axes span the same numbers, with a line where they are equal.
    public let hasDiagonal: Bool

    /// The most dots that a picture shows; of more, evenly spread ones are taken.
    public static let mostPoints = 1000

    /// A chart.
    ///
    /// - Parameters:
    ///   - title: A line above the picture.
    ///   - xName: What the horizontal axis shows.
    ///   - yName: What the vertical axis shows.
    ///   - points: The dots; ones that are not finite are left out.
    ///   - hasDiagonal: Whether both axes span the same numbers, with a line where they are equal.
    public init(
        title: String,
        xName: String,
        yName: String,
        points: [(x: Double, y: Double)],
        hasDiagonal: Bool = false
    ) {
        (self.xName, self.yName, self.hasDiagonal) = (xName, yName, hasDiagonal)
        let all = points.filter { ChartAxes.isShown($0.x) && ChartAxes.isShown($0.y) }
        let count = min(all.count, Self.mostPoints)
        self.points = (0..<count).map { all[$0 * all.count / count] }
        self.title = count < all.count ? "\(title) (\(count) of \(all.count))" : title
    }

    var svg: String {
        let (x, y) = (points.map(\.x), points.map(\.y))
        let axes = ChartAxes(x: hasDiagonal ? x + y : x, y: hasDiagonal ? x + y : y)
        var out = ChartAxes.opening(title) + axes.svg(xName: xName, yName: yName)
        if hasDiagonal, let low = axes.x.first, let high = axes.x.last, high > low {
            out += "<line x1=\"\(decimal(axes.across(low)))\" y1=\"\(decimal(axes.up(low)))\" "
            out += "x2=\"\(decimal(axes.across(high)))\" y2=\"\(decimal(axes.up(high)))\" "
            out += "stroke=\"var(--soft)\" stroke-dasharray=\"4 4\"/>"
        }
        for point in points {
            out += axes.dot(point, radius: 3, fill: "fill=\"var(--fill)\" fill-opacity=\"0.5\"")
        }
        return out + "</svg>"
    }
}
