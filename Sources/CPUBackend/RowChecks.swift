import CKernels
import YuyanTensorCore

/// What the doors of rows, optimizers and random numbers check of their views before a kernel sees an address.
enum RowChecks {
    /// Traps unless a view is contiguous, floating and of a shape.
    static func expect(_ view: TensorView, _ shape: Shape, _ name: String, _ door: String) {
        require(
            view.shape == shape && view.isContiguous,
            "\(door): \(name) is \(describe(view)); a contiguous \(shape) fits here"
        )
        require(
            view.dtype.isFloatingPoint,
            "\(door): \(name) is \(view.dtype); f32, bf16 or f64 fits here"
        )
    }

    /// Traps unless a view is a contiguous tensor of i32 of a shape.
    static func expectIndices(_ view: TensorView, _ shape: Shape, _ name: String, _ door: String) {
        require(
            view.dtype == .i32 && view.shape == shape && view.isContiguous,
            "\(door): \(name) is \(describe(view)) of \(view.dtype); a contiguous \(shape) of i32 fits here"
        )
    }

    /// Lengths i32 [B] as C sees them; nil for nil.
    ///
    /// Traps when they are not, or when one lies outside 0...most.
    static func lengths(
        _ view: TensorView?,
        _ batch: Int,
        most: Int,
        _ door: String
    ) -> UnsafePointer<Int32>? {
        guard let view else { return nil }
        expectIndices(view, [batch], "lengths", door)
        let list = view.address.assumingMemoryBound(to: Int32.self)
        let wrong = Int(yk_check_lengths(list, Int64(batch), Int64(most)))
        require(
            wrong < 0,
            "\(door): length \(list[max(wrong, 0)]) of row \(wrong) lies outside 0...\(most)"
        )
        return UnsafePointer(list)
    }

    /// Traps unless a view has one of the dtypes that go together with `dtype`: f32 and bf16, or f64 alone.
    static func expectFamily(_ view: TensorView, of dtype: DType, _ name: String, _ door: String) {
        require(
            (view.dtype == .f64) == (dtype == .f64) && view.dtype.isFloatingPoint,
            "\(door): \(name) is \(view.dtype), which does not go with \(dtype); f32 and bf16 mix, f64 stands alone"
        )
    }

    /// Traps unless a view has the dtype of statistics that goes with `dtype`: f64 for f64, else f32.
    static func expectStatistic(
        _ view: TensorView,
        _ shape: Shape,
        of dtype: DType,
        _ name: String,
        _ door: String
    ) {
        expect(view, shape, name, door)
        let wanted = dtype.accumulation
        require(view.dtype == wanted, "\(door): \(name) is \(view.dtype); \(wanted) goes with \(dtype)")
    }

    /// The rows and columns of a view of rank 2, which is contiguous or has rows of unit stride.
    static func matrix(
        _ view: TensorView,
        _ name: String,
        _ door: String,
        rowStrided: Bool = false
    ) -> (rows: Int, columns: Int) {
        require(view.shape.rank == 2, "\(door): \(name) is \(view.shape); a shape [N, n] fits here")
        let (rows, columns) = (view.shape.dimensions[0], view.shape.dimensions[1])
        if rowStrided {
            expectRows(view, name, door)
        } else {
            require(view.isContiguous, "\(door): \(name) \(describe(view)) must be contiguous")
        }
        require(
            view.dtype.isFloatingPoint,
            "\(door): \(name) is \(view.dtype); f32, bf16 or f64 fits here"
        )
        return (rows, columns)
    }

    /// Traps unless the rows of a view of rank 2 have unit stride and do not overlap.
    private static func expectRows(_ view: TensorView, _ name: String, _ door: String) {
        let (rows, columns) = (view.shape[0], view.shape[1])
        require(
            (columns <= 1 || view.strides[1] == 1) && (rows <= 1 || view.strides[0] >= columns),
            "\(door): \(name) \(describe(view)) must have rows of unit stride that do not overlap"
        )
    }

    /// The distance of the rows of a view of rank 2.
    ///
    /// Traps unless it has a shape and dtype, and rows of unit stride that do not overlap.
    static func rowStride(
        _ view: TensorView,
        _ shape: Shape,
        _ dtype: DType,
        _ name: String,
        _ door: String
    ) -> Int64 {
        require(
            view.shape == shape && view.dtype == dtype,
            "\(door): \(name) is \(view.dtype) \(view.shape); \(dtype) \(shape) fits here"
        )
        expectRows(view, name, door)
        return Int64(view.strides[0])
    }

    /// A view's shape and strides for a message.
    static func describe(_ view: TensorView) -> String {
        view.isContiguous ? "\(view.shape)" : "\(view.shape) with strides \(view.strides)"
    }

    /// Traps unless a view is contiguous and has another one's shape and dtype.
    static func expectLike(_ view: TensorView, _ other: TensorView, _ name: String, _ door: String) {
        require(
            view.shape == other.shape && view.isContiguous && view.dtype == other.dtype,
            "\(door): \(name) is \(describe(view)) of \(view.dtype); a contiguous \(other.shape) of \(other.dtype) fits here"
        )
    }

    /// The rows and columns of a matrix that goes with a table [V, D] by ids [N].
    ///
    /// Traps when they do not fit together or an id lies outside 0..<V.
    static func embedding(
        rows: TensorView,
        _ name: String,
        table: TensorView,
        ids: TensorView,
        _ door: String
    ) -> (rows: Int, columns: Int) {
        let (entries, columns) = matrix(table, "table", door)
        let count = ids.elementCount
        expectIndices(ids, [count], "ids", door)
        expect(rows, [count, columns], name, door)
        expectFamily(rows, of: table.dtype, name, door)
        let list = ids.address.assumingMemoryBound(to: Int32.self)
        let wrong = Int(yk_check_ids(list, Int64(count), Int64(entries)))
        require(wrong < 0, "\(door): id \(list[wrong]) at position \(wrong) lies outside 0..<\(entries)")
        return (count, columns)
    }
}
