import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// Sets every element of `out` (strided, any dtype) to a value, converted to its dtype.
    ///
    /// i32 and u8 truncate and stop at their ends. Traps when `out` repeats elements.
    public func fill(_ out: TensorView, with value: Double) {
        requireOneShape("fill", ("out", out))
        requireNoRepeats("fill", out)
        yk_fill(
            out.dtype.kernelType,
            Int32(out.shape.rank),
            out.shape.dimensions,
            out.address,
            out.strides,
            value
        )
    }

    /// Copies `x` to `out` (both strided, same shape, any dtypes).
    ///
    /// Rounds to nearest, ties to even, from the exact value; i32 and u8 truncate and stop at their ends. Traps when
    /// the shapes differ or `out` repeats elements.
    public func copy(_ out: TensorView, from x: TensorView) {
        requireOneShape("copy", ("out", out), ("x", x))
        requireNoRepeats("copy", out)
        yk_copy(
            Int32(out.shape.rank),
            out.shape.dimensions,
            out.address,
            out.dtype.kernelType,
            out.strides,
            x.address,
            x.dtype.kernelType,
            x.strides
        )
    }

    /// `out = operation(x)`; strided, in place; floating, and i32 for negate, absolute, square and sign (wrapping).
    ///
    /// Traps when shapes or dtypes do not fit, or `out` repeats elements.
    public func unary(_ operation: UnaryOperation, _ out: TensorView, _ x: TensorView) {
        let door = "unary \(operation)"
        requireOneShape(door, ("out", out), ("x", x))
        requireOneType(door, DType.floating + (operation.takesIntegers ? [.i32] : []), ("out", out), ("x", x))
        requireNoRepeats(door, out)
        yk_unary(
            operation.kernelOperation,
            out.dtype.kernelType,
            Int32(out.shape.rank),
            out.shape.dimensions,
            out.address,
            out.strides,
            x.address,
            x.strides
        )
    }

    /// `dx = dy · operation′(x)`; contiguous; dx may be any of the others.
    ///
    /// `exp`, `sqrt`, `reciprocalSqrt`, `reciprocal`, `tanh` and `sigmoid` read y = operation(x), the others x; the one
    /// that is not read may be any contiguous view of the shape. Traps when shapes, strides or dtypes do not fit.
    public func unaryBackward(
        _ operation: UnaryOperation,
        dx: TensorView,
        dy: TensorView,
        x: TensorView,
        y: TensorView
    ) {
        let door = "unaryBackward \(operation)"
        requireOneShape(door, ("dx", dx), ("dy", dy), ("x", x), ("y", y))
        requireOneType(door, DType.floating, ("dx", dx), ("dy", dy), ("x", x), ("y", y))
        requireContiguous(door, ("dx", dx), ("dy", dy), ("x", x), ("y", y))
        yk_unary_backward(
            operation.kernelOperation,
            dx.dtype.kernelType,
            dx.address,
            dy.address,
            x.address,
            y.address,
            Int64(dx.elementCount)
        )
    }

    /// `out = operation(a, b)`; strided (stride 0 broadcasts), in place; all of one floating dtype, or i32 (wrapping).
    ///
    /// Traps when shapes or dtypes do not fit, `out` repeats elements, or an i32 is divided by 0.
    public func binary(_ operation: BinaryOperation, _ out: TensorView, _ a: TensorView, _ b: TensorView) {
        let door = "binary \(operation)"
        requireOneShape(door, ("out", out), ("a", a), ("b", b))
        requireOneType(door, DType.floating + [.i32], ("out", out), ("a", a), ("b", b))
        requireNoRepeats(door, out)
        let isDefined = yk_binary(
            operation.kernelOperation,
            out.dtype.kernelType,
            Int32(out.shape.rank),
            out.shape.dimensions,
            out.address,
            out.strides,
            a.address,
            a.strides,
            b.address,
            b.strides
        )
        require(isDefined, "\(door): an i32 was divided by 0; check the divisor, or divide in f32")
    }

    /// `out = x · scale + shift`; contiguous, in place; one floating dtype.
    ///
    /// Traps when shapes, strides or dtypes do not fit.
    public func affine(_ out: TensorView, _ x: TensorView, scale: Double, shift: Double) {
        requireOneShape("affine", ("out", out), ("x", x))
        requireOneType("affine", DType.floating, ("out", out), ("x", x))
        requireContiguous("affine", ("out", out), ("x", x))
        yk_affine(out.dtype.kernelType, out.address, x.address, scale, shift, Int64(out.elementCount))
    }

    /// `y += alpha · x`; contiguous; floating dtypes, which may differ.
    ///
    /// Traps when shapes, strides or dtypes do not fit.
    public func accumulate(_ y: TensorView, _ x: TensorView, alpha: Double) {
        requireOneShape("accumulate", ("y", y), ("x", x))
        requireOneType("accumulate", DType.floating, ("y", y))
        requireOneType("accumulate", DType.floating, ("x", x))
        requireContiguous("accumulate", ("y", y), ("x", x))
        yk_accumulate(
            y.address,
            y.dtype.kernelType,
            x.address,
            x.dtype.kernelType,
            alpha,
            Int64(y.elementCount)
        )
    }

    /// `out (u8) = comparison(a, b)`; strided; a and b of one dtype, any.
    ///
    /// Comparisons with NaN are false, except `notEqual`. Traps when shapes or dtypes do not fit.
    public func compare(_ comparison: Comparison, _ out: TensorView, _ a: TensorView, _ b: TensorView) {
        let door = "compare \(comparison)"
        requireOneShape(door, ("out", out), ("a", a), ("b", b))
        requireOneType(door, DType.allCases, ("a", a), ("b", b))
        requireOneType(door, [.u8], ("out", out))
        requireNoRepeats(door, out)
        yk_compare(
            comparison.kernelComparison,
            a.dtype.kernelType,
            Int32(out.shape.rank),
            out.shape.dimensions,
            out.address,
            out.strides,
            a.address,
            a.strides,
            b.address,
            b.strides
        )
    }

    /// `out = condition (u8, not 0) ? a : b`; strided; out, a and b of one dtype, any.
    ///
    /// Traps when shapes or dtypes do not fit.
    public func select(_ out: TensorView, condition: TensorView, _ a: TensorView, _ b: TensorView) {
        requireOneShape("select", ("out", out), ("condition", condition), ("a", a), ("b", b))
        requireOneType("select", DType.allCases, ("out", out), ("a", a), ("b", b))
        requireOneType("select", [.u8], ("condition", condition))
        requireNoRepeats("select", out)
        yk_select(
            Int64(out.dtype.byteCount),
            Int32(out.shape.rank),
            out.shape.dimensions,
            out.address,
            out.strides,
            condition.address,
            condition.strides,
            a.address,
            a.strides,
            b.address,
            b.strides
        )
    }

    /// Feed-forward gating: `out [N, F] = activation(x[:, :F]) · x[:, F:]` for x [N, 2F]; contiguous.
    ///
    /// N may be several axes. Traps when shapes, strides or dtypes do not fit.
    public func gatedActivation(_ activation: Activation, _ out: TensorView, _ x: TensorView) {
        let door = "gatedActivation \(activation)"
        requireOneType(door, DType.floating, ("out", out), ("x", x))
        requireContiguous(door, ("out", out), ("x", x))
        let (rows, width) = requireGatedShapes(door, narrow: ("out", out), wide: ("x", x))
        yk_gated_activation(
            activation.kernelActivation,
            out.dtype.kernelType,
            out.address,
            x.address,
            Int64(rows),
            Int64(width)
        )
    }

    /// The gradient `dx [N, 2F]` of ``gatedActivation(_:_:_:)``; dx may be x.
    ///
    /// Traps when shapes, strides or dtypes do not fit.
    public func gatedActivationBackward(
        _ activation: Activation,
        dx: TensorView,
        dy: TensorView,
        x: TensorView
    ) {
        let door = "gatedActivationBackward \(activation)"
        requireOneType(door, DType.floating, ("dx", dx), ("dy", dy), ("x", x))
        requireContiguous(door, ("dx", dx), ("dy", dy), ("x", x))
        requireOneShape(door, ("dx", dx), ("x", x))
        let (rows, width) = requireGatedShapes(door, narrow: ("dy", dy), wide: ("dx", dx))
        yk_gated_activation_backward(
            activation.kernelActivation,
            dx.dtype.kernelType,
            dx.address,
            dy.address,
            x.address,
            Int64(rows),
            Int64(width)
        )
    }

    /// The rows N and the width F of [N, F] beside [N, 2F].
    private func requireGatedShapes(
        _ door: String,
        narrow: (name: String, view: TensorView),
        wide: (name: String, view: TensorView)
    ) -> (rows: Int, width: Int) {
        let short = narrow.view.shape.dimensions, long = wide.view.shape.dimensions
        let fits =
            !short.isEmpty && short.count == long.count && short.dropLast() == long.dropLast()
            && 2 * (short.last ?? 0) == (long.last ?? 0)
        require(
            fits,
            "\(door): \(narrow.name) \(narrow.view.shape), \(wide.name) \(wide.view.shape); "
                + "they must be [N, F] and [N, 2F]"
        )
        return (short.dropLast().reduce(1, *), short.last ?? 0)
    }
}
