import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// A matrix product with its epilogue, see ``MatrixProduct``.
    ///
    /// An element does not depend on the rows beside it: a product of one row gives what the same row gives among
    /// others, bit for bit. Traps when shapes, strides or dtypes do not fit.
    public func matrixProduct(_ call: MatrixProduct) {
        let door = "matrixProduct"
        let shapes = "a \(call.a.shape), b \(call.b.shape), c \(call.c.shape)"
        let rank = call.c.shape.rank
        require(
            (rank == 2 || rank == 3) && call.a.shape.rank == rank && call.b.shape.rank == rank,
            "\(door): \(shapes); all three must have rank 2, or all rank 3 with the batch first"
        )
        let a = MatrixLayout(call.a), b = MatrixLayout(call.b), c = MatrixLayout(call.c)
        require(
            a.columns == b.rows && a.rows == c.rows && b.columns == c.columns && a.batch == c.batch
                && b.batch == c.batch,
            "\(door): \(shapes) do not fit; they must be [M, K], [K, N] and [M, N] with equal batches"
        )
        require(
            call.a.dtype == call.b.dtype && call.a.dtype.isFloatingPoint
                && (call.c.dtype == call.a.dtype || (call.c.dtype == .f32 && call.a.dtype == .bf16)),
            "\(door): dtypes a \(call.a.dtype), b \(call.b.dtype), c \(call.c.dtype); a and b must have one "
                + "floating dtype, which c has too or is f32 where they are bf16"
        )
        a.expectUnitStride("a", door)
        b.expectUnitStride("b", door)
        c.expectUnitRows("c", door)
        var product = yk_gemm_call()
        (product.batch, product.m, product.n, product.k) = (
            Int64(c.batch), Int64(c.rows), Int64(c.columns), Int64(a.columns)
        )
        product.type = call.a.dtype.kernelType
        (product.a, product.a_row, product.a_column, product.a_batch) = (
            UnsafeRawPointer(call.a.address), a.rowStride, a.columnStride, a.batchStride
        )
        (product.b, product.b_row, product.b_column, product.b_batch) = (
            UnsafeRawPointer(call.b.address), b.rowStride, b.columnStride, b.batchStride
        )
        (product.c, product.c_row, product.c_batch) = (call.c.address, c.rowStride, c.batchStride)
        product.c_type = call.c.dtype.kernelType
        product.alpha = call.alpha
        product.accumulate = call.accumulate
        product.activation = call.activation.kernelActivation
        if let bias = call.bias {
            require(
                bias.shape == [c.columns] && bias.isContiguous && bias.dtype.isFloatingPoint,
                "\(door): the bias is \(bias.dtype) \(bias.shape) for a product \(call.c.shape); it must be a "
                    + "contiguous floating [\(c.columns)]"
            )
            (product.bias, product.bias_type) = (UnsafeRawPointer(bias.address), bias.dtype.kernelType)
        }
        if let pre = call.preActivation {
            let layout = epilogueLayout(pre, "preActivation", like: call.c, door)
            require(
                pre.dtype == call.c.dtype,
                "\(door): preActivation is \(pre.dtype), c \(call.c.dtype); they must agree"
            )
            (product.pre, product.pre_row, product.pre_batch) = (
                pre.address, layout.rowStride, layout.batchStride
            )
        }
        if let pre = call.slopeAt {
            let layout = epilogueLayout(pre, "slopeAt", like: call.c, door)
            require(
                pre.dtype == call.c.dtype && call.preActivation == nil,
                "\(door): slopeAt is \(pre.dtype), c \(call.c.dtype); they must agree, and no pre-activations are kept"
            )
            (product.slope, product.slope_row, product.slope_batch) = (
                UnsafeRawPointer(pre.address), layout.rowStride, layout.batchStride
            )
        }
        if let activated = call.activated {
            let layout = epilogueLayout(activated, "activated", like: call.c, door)
            require(
                activated.dtype == call.c.dtype && call.slopeAt != nil,
                "\(door): activated is \(activated.dtype), c \(call.c.dtype); they must agree, and slopeAt be given"
            )
            (product.activated, product.activated_row, product.activated_batch) = (
                activated.address, layout.rowStride, layout.batchStride
            )
        }
        if let residual = call.residual {
            let layout = epilogueLayout(residual, "residual", like: call.c, door)
            (product.residual, product.residual_row, product.residual_batch) = (
                UnsafeRawPointer(residual.address), layout.rowStride, layout.batchStride
            )
            product.residual_type = residual.dtype.kernelType
        }
        yk_gemm(&product)
    }

    /// The gradient of an epilogue: `dx = dy · activation′(preActivation)` and the sums of its columns.
    ///
    /// Traps when shapes or dtypes do not fit, or when something needed is missing.
    public func activationBackward(
        _ activation: Activation,
        dx: TensorView?,
        biasGradient: TensorView?,
        accumulateBias: Bool,
        dy: TensorView,
        preActivation: TensorView?
    ) {
        let door = "activationBackward"
        require(
            dy.shape.rank == 2 && dy.isContiguous && dy.dtype.isFloatingPoint,
            "\(door): dy is \(dy.dtype) \(dy.shape); it must be a contiguous floating [M, N]"
        )
        for (name, view) in [("dx", dx), ("preActivation", preActivation)] {
            guard let view else { continue }
            require(
                view.shape == dy.shape && view.isContiguous && view.dtype.isFloatingPoint
                    && (view.dtype == .f64) == (dy.dtype == .f64),
                "\(door): \(name) is \(view.dtype) \(view.shape), dy \(dy.dtype) \(dy.shape); they must be "
                    + "contiguous, of one shape, and both f64 or neither"
            )
        }
        require(
            activation == .identity || (dx != nil && preActivation != nil),
            "\(door): \(activation) needs dx and preActivation"
        )
        if let biasGradient {
            require(
                biasGradient.shape == [dy.shape[1]] && biasGradient.isContiguous
                    && biasGradient.dtype == dy.dtype.accumulation,
                "\(door): biasGradient is \(biasGradient.dtype) \(biasGradient.shape) for dy \(dy.dtype) "
                    + "\(dy.shape); it must be a contiguous [N] of f32 (f64 for f64)"
            )
        }
        yk_activation_backward(
            dx?.address,
            (dx ?? dy).dtype.kernelType,
            biasGradient?.address,
            accumulateBias,
            dy.address,
            dy.dtype.kernelType,
            preActivation?.address,
            (preActivation ?? dy).dtype.kernelType,
            activation.kernelActivation,
            Int64(dy.shape[0]),
            Int64(dy.shape[1])
        )
    }

    /// The layout of an operand of the epilogue, which must look like the result.
    private func epilogueLayout(
        _ view: TensorView,
        _ name: String,
        like c: TensorView,
        _ door: String
    ) -> MatrixLayout {
        require(
            view.shape == c.shape && view.dtype.isFloatingPoint,
            "\(door): \(name) is \(view.dtype) \(view.shape), c \(c.dtype) \(c.shape); it must be floating and of "
                + "c's shape"
        )
        let layout = MatrixLayout(view)
        layout.expectUnitRows(name, door)
        return layout
    }
}

/// A view of rank 2 or 3 read as a batch of matrices.
struct MatrixLayout {
    /// The number of matrices.
    let batch: Int
    /// The rows of each.
    let rows: Int
    /// The columns of each.
    let columns: Int
    /// The distance of matrices, in elements.
    let batchStride: Int64
    /// The distance of rows; what the kernels want where there is one row or none.
    let rowStride: Int64
    /// The distance of columns; 1 where there is one column or none.
    let columnStride: Int64

    private let shape: Shape
    private let strides: [Int]

    /// Reads a view of rank 2 or 3.
    init(_ view: TensorView) {
        let rank = view.shape.rank
        shape = view.shape
        strides = view.strides
        batch = rank == 3 ? view.shape.dimensions[0] : 1
        rows = view.shape.dimensions[rank - 2]
        columns = view.shape.dimensions[rank - 1]
        batchStride = rank == 3 ? Int64(view.strides[0]) : 0
        let row = Int64(view.strides[rank - 2]), column = Int64(view.strides[rank - 1])
        // The stride of an axis of one element says nothing: a unit stride is put where none is left.
        let freeRow = rows <= 1, freeColumn = columns <= 1
        columnStride = freeColumn ? (row == 1 && !freeRow ? max(Int64(rows), 1) : 1) : column
        rowStride = freeRow ? (column == 1 || freeColumn ? max(Int64(columns), 1) : 1) : row
    }

    /// Traps unless one of the two strides of the matrices is 1.
    func expectUnitStride(_ name: String, _ door: String) {
        require(
            rowStride == 1 || columnStride == 1,
            "\(door): \(name) \(shape) has strides \(strides); one of its two matrix strides must be 1"
        )
    }

    /// Traps unless the rows have unit stride.
    func expectUnitRows(_ name: String, _ door: String) {
        require(
            columnStride == 1 || columns <= 1,
            "\(door): \(name) \(shape) has strides \(strides); its rows must have unit stride"
        )
    }
}

extension Activation {
    /// The number of this activation in C.
    var kernelActivation: yk_activation {
        switch self {
        case .identity: YK_IDENTITY
        case .relu: YK_RELU
        case .gelu: YK_GELU
        case .geluTanh: YK_GELU_TANH
        case .silu: YK_SILU
        case .tanh: YK_TANH
        case .sigmoid: YK_SIGMOID
        }
    }
}
