import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// Reduces the middle axis: x [A, n, C] (contiguous) to `out` [A, C] of the same dtype.
    ///
    /// Sums of f32 and bf16 run in f32, blocks added pairwise; NaN anywhere gives NaN. An empty axis gives 0 for `sum`
    /// and `mean`, −∞ for `max` and +∞ for `min`. Traps when shapes, strides or dtypes do not fit.
    public func reduce(_ reduction: Reduction, _ out: TensorView, _ x: TensorView) {
        let door = "reduce \(reduction)"
        requireOneType(door, DType.floating, ("out", out), ("x", x))
        requireContiguous(door, ("out", out), ("x", x))
        let shape = x.shape.dimensions
        require(
            shape.count == 3 && out.shape.dimensions == [shape[0], shape[2]],
            "\(door): out \(out.shape), x \(x.shape); they must be [A, C] and [A, n, C]"
        )
        yk_reduce(
            reduction.kernelReduction,
            x.dtype.kernelType,
            out.address,
            x.address,
            Int64(shape[0]),
            Int64(shape[1]),
            Int64(shape[2])
        )
    }

    /// The index (i32 [N]) of the first largest element of each row of x [N, n], n ≥ 1; NaN counts as the largest.
    ///
    /// Traps when shapes, strides or dtypes do not fit, or rows are empty.
    public func argmax(_ out: TensorView, _ x: TensorView) {
        requireOneType("argmax", DType.floating, ("x", x))
        requireOneType("argmax", [.i32], ("out", out))
        requireContiguous("argmax", ("out", out), ("x", x))
        let shape = x.shape.dimensions
        require(
            shape.count == 2 && out.shape.dimensions == [shape[0]] && (shape[1] >= 1 || shape[0] == 0),
            "argmax: out \(out.shape), x \(x.shape); they must be [N] and [N, n] with n ≥ 1"
        )
        requireIndexable("argmax", shape[1])
        yk_argmax(
            out.address.assumingMemoryBound(to: Int32.self),
            x.address,
            x.dtype.kernelType,
            Int64(shape[0]),
            Int64(shape[1])
        )
    }

    /// The `k` largest elements of each row of x [N, n] in falling order, ties by lower index; NaN counts as the largest.
    ///
    /// `values` is [N, k] of x's dtype and `indices` [N, k] (i32). Traps when shapes, strides or dtypes do not fit, or
    /// k > n.
    public func topK(values: TensorView, indices: TensorView, _ x: TensorView) {
        requireOneType("topK", DType.floating, ("x", x), ("values", values))
        requireOneType("topK", [.i32], ("indices", indices))
        requireContiguous("topK", ("values", values), ("indices", indices), ("x", x))
        requireOneShape("topK", ("values", values), ("indices", indices))
        let shape = x.shape.dimensions, result = values.shape.dimensions
        require(
            shape.count == 2 && result.count == 2 && result[0] == shape[0] && result[1] <= shape[1],
            "topK: values \(values.shape), x \(x.shape); they must be [N, k] and [N, n] with k ≤ n"
        )
        requireIndexable("topK", shape[1])
        yk_top_k(
            values.address,
            indices.address.assumingMemoryBound(to: Int32.self),
            x.address,
            x.dtype.kernelType,
            Int64(shape[0]),
            Int64(shape[1]),
            Int64(result[1])
        )
    }

    /// The sum of squares of a contiguous floating tensor, in f64; fixed order of summation.
    ///
    /// Traps when x is not contiguous or not floating.
    public func sumOfSquares(_ x: TensorView) -> Double {
        requireOneType("sumOfSquares", DType.floating, ("x", x))
        requireContiguous("sumOfSquares", ("x", x))
        return yk_sum_of_squares(x.address, x.dtype.kernelType, Int64(x.elementCount))
    }

    /// The flat index of the first element that is NaN or infinite, or nil; contiguous.
    ///
    /// Traps when x is not contiguous or not floating.
    public func firstNonFinite(_ x: TensorView) -> Int? {
        requireOneType("firstNonFinite", DType.floating, ("x", x))
        requireContiguous("firstNonFinite", ("x", x))
        let place = yk_first_non_finite(x.address, x.dtype.kernelType, Int64(x.elementCount))
        return place < 0 ? nil : Int(place)
    }

    private func requireIndexable(_ door: String, _ extent: Int) {
        require(
            extent <= Int(Int32.max),
            "\(door): rows of \(extent) elements; an i32 can number at most \(Int32.max)"
        )
    }
}

extension Reduction {
    /// The number of this reduction in C.
    var kernelReduction: yk_reduction {
        switch self {
        case .sum: YK_SUM
        case .mean: YK_MEAN
        case .max: YK_MAX
        case .min: YK_MIN
        }
    }
}
