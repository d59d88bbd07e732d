/// The axes of a picture: where values stand, round numbers beside them, and what they are.
struct ChartAxes {
    /// The round numbers of the horizontal axis, which spans them.
    let x: [Double]
    /// The round numbers of the vertical axis.
    let y: [Double]

    static let (width, height) = (760.0, 320.0)
    private static let (left, right, top, bottom) = (60.0, 20.0, 16.0, 40.0)
    /// Larger numbers than any picture shows; arithmetic with them would end in infinities.
    private static let largest = 1e15
    /// Values that lie closer together are the same for pictures; a step between them would be nothing.
    private static let smallest = 1e-300

    /// Axes that span values.
    init(x: [Double], y: [Double]) { (self.x, self.y) = (Self.ticks(x), Self.ticks(y)) }

    /// The middle of the horizontal axis.
    static var middle: Double { (left + width) / 2 }

    /// The left end of the horizontal axis.
    static var start: Double { left }

    /// Whether a number has a place in a picture.
    static func isShown(_ value: Double) -> Bool { value.magnitude < largest }

    private static func place(_ value: Double, _ axis: [Double], _ from: Double, _ to: Double) -> Double {
        let (low, high) = (axis.first ?? 0, axis.last ?? 1)
        return high > low ? from + (value - low) / (high - low) * (to - from) : (from + to) / 2
    }

    /// Where a value stands from the left.
    func across(_ value: Double) -> Double { Self.place(value, x, Self.left, Self.width - Self.right) }

    /// Where a value stands from above.
    func up(_ value: Double) -> Double { Self.place(value, y, Self.height - Self.bottom, Self.top) }

    /// The beginning of a picture.
    ///
    /// - Parameters:
    ///   - title: What it shows.
    ///   - further: The room below the axes.
    /// - Returns: The opening tag.
    static func opening(_ title: String, further: Int = 0) -> String {
        "<svg viewBox=\"0 0 \(Int(width)) \(Int(height) + further)\" role=\"img\" "
            + "aria-label=\"\(ReportPage.escaped(title))\">"
    }

    /// Lines, numbers and names.
    func svg(xName: String, yName: String) -> String {
        let (left, right, floor) = (Self.left, Self.width - Self.right, Self.height - Self.bottom)
        var out = ""
        for tick in y {
            out += "<line x1=\"\(decimal(left))\" x2=\"\(decimal(right))\" y1=\"\(decimal(up(tick)))\" "
            out += "y2=\"\(decimal(up(tick)))\" stroke=\"var(--line)\"/>"
            out += "<text x=\"\(decimal(left - 6))\" y=\"\(decimal(up(tick) + 4))\" text-anchor=\"end\">"
            out += "\(short(tick))</text>"
        }
        for tick in x {
            out += "<text x=\"\(decimal(across(tick)))\" y=\"\(decimal(floor + 16))\" "
            out += "text-anchor=\"middle\">\(short(tick))</text>"
        }
        out += "<text x=\"\(decimal(Self.middle))\" y=\"\(decimal(Self.height - 6))\" text-anchor=\"middle\">"
        out += "\(ReportPage.escaped(xName))</text>"
        let half = decimal(Self.height / 2)
        out += "<text x=\"12\" y=\"\(half)\" text-anchor=\"middle\" transform=\"rotate(-90 12 \(half))\">"
        return out + "\(ReportPage.escaped(yName))</text>"
    }

    /// A dot whose values are told where a pointer rests on it.
    func dot(_ point: (x: Double, y: Double), radius: Int, fill: String) -> String {
        "<circle cx=\"\(decimal(across(point.x)))\" cy=\"\(decimal(up(point.y)))\" r=\"\(radius)\" \(fill)>"
            + "<title>\(short(point.x)): \(short(point.y))</title></circle>"
    }

    /// About five round numbers that span the values.
    static func ticks(_ values: [Double]) -> [Double] {
        guard let low = values.min(), let high = values.max() else { return [0, 1] }
        guard high - low > smallest else { return [low] }
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
