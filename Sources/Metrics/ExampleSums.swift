/// Sums over examples that a corpus figure is computed from (its sufficient statistics).
///
/// BLEU, F1 or a mean need only sums of a few numbers of each example. Resampling re-adds those numbers and
/// never looks at the texts again.
public protocol ExampleSums: Sendable {
    /// The number of examples N.
    var count: Int { get }
    /// The number of sums W.
    var width: Int { get }
    /// The sums over all examples, each once.
    var totals: [Double] { get }
    /// Returns something that adds examples up quickly, many times.
    func adder() -> any ExampleAdder
    /// Calls `body` with the sums without each example in turn; may call it once for examples that are alike.
    func leavingOneOut(_ body: ([Double], _ examples: Int) -> Void)
}

/// Adds up examples with multiplicities.
public protocol ExampleAdder {
    /// Writes Σ multiplicity × example into `sums` (W numbers).
    func add(_ multiplicities: UnsafeBufferPointer<Double>, into sums: inout [Double])
}

/// A few numbers of each example, N × W in rows.
public struct ExampleStatistics: ExampleSums, Equatable {
    /// The number of sums W.
    public let width: Int
    /// The numbers, N × W in rows.
    public private(set) var values: [Double] = []

    /// Creates statistics of no examples.
    ///
    /// Traps when `width` < 1.
    ///
    /// - Parameter width: the number of sums W.
    public init(width: Int) {
        require(width >= 1, "ExampleStatistics: at least one number for each example, not \(width)")
        self.width = width
    }

    /// Creates statistics of one number for each example.
    ///
    /// - Parameter values: the numbers.
    public init(_ values: [Double]) {
        width = 1
        self.values = values
    }

    /// The number of examples N.
    public var count: Int { values.count / width }

    /// Adds one more example.
    ///
    /// Traps when the row does not have W numbers.
    ///
    /// - Parameter row: its numbers.
    public mutating func append(_ row: [Double]) {
        require(row.count == width, "ExampleStatistics: \(row.count) numbers where \(width) are needed")
        values.append(contentsOf: row)
    }

    /// Adds the examples of another part of the same corpus.
    ///
    /// Traps when the widths differ.
    ///
    /// - Parameter other: statistics of the same width.
    public mutating func merge(_ other: ExampleStatistics) {
        require(other.width == width, "ExampleStatistics: width \(other.width) cannot join width \(width)")
        values.append(contentsOf: other.values)
    }

    /// The sums over all examples, each once.
    public var totals: [Double] {
        (0..<width).map { column in
            compensatedSum(stride(from: column, to: values.count, by: width).lazy.map { values[$0] })
        }
    }

    /// Returns an adder that keeps the numbers in columns.
    ///
    /// - Returns: the adder.
    public func adder() -> any ExampleAdder {
        ColumnAdder(
            columns: (0..<width).map { column in
                stride(from: column, to: values.count, by: width).map { values[$0] }
            }
        )
    }

    /// Calls `body` with the sums without each example in turn.
    ///
    /// - Parameter body: takes the sums and the number of examples they stand for (1).
    public func leavingOneOut(_ body: ([Double], _ examples: Int) -> Void) {
        let all = totals
        var without = all
        for example in 0..<count {
            for column in 0..<width { without[column] = all[column] - values[example * width + column] }
            body(without, 1)
        }
    }
}

/// Dot products of multiplicities with columns.
private struct ColumnAdder: ExampleAdder {
    let columns: [[Double]]

    func add(_ multiplicities: UnsafeBufferPointer<Double>, into sums: inout [Double]) {
        for (index, column) in columns.enumerated() {
            sums[index] = column.withUnsafeBufferPointer { dotProduct(multiplicities, $0) }
        }
    }
}

/// Returns Σ a × b, in a fixed order.
private func dotProduct(_ a: UnsafeBufferPointer<Double>, _ b: UnsafeBufferPointer<Double>) -> Double {
    guard let aBase = a.baseAddress.map(UnsafeRawPointer.init),
        let bBase = b.baseAddress.map(UnsafeRawPointer.init)
    else { return 0 }
    var (first, second) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
    let whole = a.count & ~15
    for start in stride(from: 0, to: whole, by: 16) {
        let (near, far) = (start * 8, start * 8 + 64)
        first +=
            aBase.loadUnaligned(fromByteOffset: near, as: SIMD8<Double>.self)
            * bBase.loadUnaligned(fromByteOffset: near, as: SIMD8<Double>.self)
        second +=
            aBase.loadUnaligned(fromByteOffset: far, as: SIMD8<Double>.self)
            * bBase.loadUnaligned(fromByteOffset: far, as: SIMD8<Double>.self)
    }
    var sum = (first + second).sum()
    for index in whole..<a.count { sum += a[index] * b[index] }
    return sum
}

/// Examples that each fall into one of W cells, as (label, prediction) pairs fall into a confusion matrix.
public struct ExampleCells: ExampleSums, Equatable {
    /// The number of cells W.
    public let width: Int
    /// The cell of each example.
    public private(set) var cells: [Int32] = []

    /// Creates cells of no examples.
    ///
    /// Traps when `width` < 0 or above 2³¹ − 1.
    ///
    /// - Parameter width: the number of cells W.
    public init(width: Int) {
        require(width >= 0 && width <= Int(Int32.max), "ExampleCells: \(width) cells are not 0 … 2³¹ − 1")
        self.width = width
    }

    /// The number of examples N.
    public var count: Int { cells.count }

    /// Adds one more example.
    ///
    /// Traps when the cell lies outside 0 ..< W.
    ///
    /// - Parameter cell: where it falls.
    public mutating func append(_ cell: Int) {
        require(cell >= 0 && cell < width, "ExampleCells: cell \(cell) lies outside 0 ..< \(width)")
        cells.append(Int32(cell))
    }

    /// The number of examples in each cell.
    public var totals: [Double] {
        var sums = [Double](repeating: 0, count: width)
        for cell in cells { sums[Int(cell)] += 1 }
        return sums
    }

    /// Returns an adder.
    ///
    /// - Returns: the adder.
    public func adder() -> any ExampleAdder { CellAdder(cells: cells) }

    /// Calls `body` with the sums without an example of each cell, and how many such examples there are.
    ///
    /// - Parameter body: takes the sums and the number of examples they stand for.
    public func leavingOneOut(_ body: ([Double], _ examples: Int) -> Void) {
        var sums = totals
        for cell in 0..<width where sums[cell] > 0 {
            let alike = Int(sums[cell])
            sums[cell] -= 1
            body(sums, alike)
            sums[cell] += 1
        }
    }
}

private struct CellAdder: ExampleAdder {
    let cells: [Int32]

    func add(_ multiplicities: UnsafeBufferPointer<Double>, into sums: inout [Double]) {
        for index in sums.indices { sums[index] = 0 }
        for (index, cell) in cells.enumerated() { sums[Int(cell)] += multiplicities[index] }
    }
}
