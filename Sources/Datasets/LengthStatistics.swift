import YuyanFileFormats

/// Counts lengths as they stream by: total, extremes and percentiles.
///
/// Lengths below 2,048 are counted one by one, so percentiles of theirs are exact; longer ones share a counter with
/// neighbours, which puts percentiles off by less than 0.1 % (the layout of an HDR histogram). Memory stays below
/// half a megabyte.
public struct LengthStatistics: Sendable, Hashable {
    private static let exactBits = 11
    private static let step = 1 << (exactBits - 1)

    /// The number of lengths.
    public private(set) var count = 0
    /// Their sum.
    public private(set) var total = 0
    /// The shortest; 0 for none.
    public private(set) var minimum = 0
    /// The longest; 0 for none.
    public private(set) var maximum = 0
    private var counters: [Int] = []

    /// Nothing counted.
    public init() {}

    /// Counts a length.
    ///
    /// Traps when it is negative.
    ///
    /// - Parameter length: a length.
    public mutating func add(_ length: Int) {
        require(length >= 0, "LengthStatistics: the length \(length) is negative")
        (minimum, maximum) = count == 0 ? (length, length) : (min(minimum, length), max(maximum, length))
        count += 1
        total += length
        let counter = Self.counter(length)
        if counter >= counters.count {
            counters.append(contentsOf: repeatElement(0, count: counter + 1 - counters.count))
        }
        counters[counter] += 1
    }

    /// The mean; 0 for none.
    public var mean: Double { count == 0 ? 0 : Double(total) / Double(count) }

    /// The length that a share of all lengths do not exceed (nearest rank); 0 for none.
    ///
    /// Traps when `share` lies outside 0 … 1.
    ///
    /// - Parameter share: 0.5 for the median.
    /// - Returns: the length.
    public func percentile(_ share: Double) -> Int {
        require((0...1).contains(share), "LengthStatistics: \(share) lies outside 0 … 1")
        let rank = max(Int((share * Double(count)).rounded(.up)), 1)
        var seen = 0
        for (counter, number) in counters.enumerated() {
            seen += number
            if seen >= rank { return min(max(Self.value(counter), minimum), maximum) }
        }
        return maximum
    }

    private static func counter(_ length: Int) -> Int {
        if length < 2 * step { return length }
        let shift = Int.bitWidth - length.leadingZeroBitCount - exactBits
        return shift * step + length >> shift
    }

    /// The middle of the lengths that share a counter.
    private static func value(_ counter: Int) -> Int {
        if counter < 2 * step { return counter }
        let shift = counter / step - 1
        return (counter - shift * step) << shift + (1 << shift) / 2
    }

    /// The figures as JSON.
    public var json: JSONValue {
        [
            "count": .integer(count), "total": .integer(total), "minimum": .integer(minimum),
            "mean": .number(mean), "p50": .integer(percentile(0.5)), "p90": .integer(percentile(0.9)),
            "p95": .integer(percentile(0.95)), "p99": .integer(percentile(0.99)),
            "maximum": .integer(maximum),
        ]
    }
}
