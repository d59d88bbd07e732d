import CKernels
import YuyanTensorCore

/// Sparse rows, and the same numbers by columns, with products on the threads of the kernels.
///
/// Every number of a result is summed in one fixed order, whatever the threads.
struct SparseMatrix: Sendable {
    let rows: Int
    let columns: Int
    private let byRow: Part
    private let byColumn: Part

    struct Part: Sendable {
        var starts: [Int64] = [0]
        var places: [Int32] = []
        /// Empty where all are 1.
        var values: [Float] = []

        func withRows<Result>(_ body: (UnsafePointer<yk_sparse_rows>) -> Result) -> Result {
            starts.withUnsafeBufferPointer { starts in
                places.withUnsafeBufferPointer { places in
                    values.withUnsafeBufferPointer { values in
                        var rows = yk_sparse_rows(
                            starts: starts.baseAddress,
                            columns: places.baseAddress,
                            values: values.isEmpty ? nil : values.baseAddress
                        )
                        return body(&rows)
                    }
                }
            }
        }
    }

    /// - Parameters:
    ///   - part: the rows.
    ///   - columns: the number of columns; all places lie below it.
    init(_ part: Part, columns: Int) {
        (byRow, rows, self.columns) = (part, part.starts.count - 1, columns)
        var starts = [Int64](repeating: 0, count: columns + 1)
        for place in part.places { starts[Int(place) + 1] += 1 }
        for column in 0..<columns { starts[column + 1] += starts[column] }
        var (next, places) = (starts, [Int32](repeating: 0, count: part.places.count))
        var values = [Float](repeating: 0, count: part.values.count)
        for row in 0..<rows {
            for index in Int(part.starts[row])..<Int(part.starts[row + 1]) {
                let column = Int(part.places[index])
                let target = Int(next[column])
                places[target] = Int32(row)
                if !values.isEmpty { values[target] = part.values[index] }
                next[column] += 1
            }
        }
        byColumn = Part(starts: starts, places: places, values: values)
    }

    private static let piece = 256

    /// out [rows, K] = rows · weights [columns, K] + bias [K].
    func products(
        _ out: UnsafeMutablePointer<Double>,
        _ weights: UnsafePointer<Double>,
        bias: UnsafePointer<Double>?,
        width: Int,
        then: (Range<Int>) -> Void = { _ in }
    ) {
        byRow.withRows { part in
            forEachPiece((rows + Self.piece - 1) / Self.piece) { piece in
                let range = piece * Self.piece..<min(rows, (piece + 1) * Self.piece)
                yk_sparse_products(
                    out,
                    part,
                    weights,
                    bias,
                    Int64(range.lowerBound),
                    Int64(range.upperBound),
                    Int64(width)
                )
                then(range)
            }
        }
    }

    /// out [columns, K] = scale · columnsᵀ · addends [rows, K].
    func transposedProducts(
        _ out: UnsafeMutablePointer<Double>,
        _ addends: UnsafePointer<Double>,
        scale: Double,
        width: Int
    ) {
        let extent = 512
        byColumn.withRows { part in
            forEachPiece((columns + extent - 1) / extent) { piece in
                let range = piece * extent..<min(columns, (piece + 1) * extent)
                yk_sparse_sums(
                    out,
                    part,
                    addends,
                    scale,
                    Int64(range.lowerBound),
                    Int64(range.upperBound),
                    Int64(width)
                )
            }
        }
    }
}
