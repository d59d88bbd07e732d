// Matrix products.

/// The matrix product of a […, M, K] and b […, K, N]: […, M, N].
///
/// Leading axes are equal, or b has rank 2 and serves all of a's rows.
/// Traps when the shapes or dtypes do not fit.
public func matmul(_ a: Tensor, _ b: Tensor) -> Tensor {
    require(
        a.rank >= 2 && b.rank >= 2 && a.shape[-1] == b.shape[-2] && a.dtype == b.dtype
            && (b.rank == 2 || a.shape.dimensions.dropLast(2) == b.shape.dimensions.dropLast(2)),
        "matmul: \(a.dtype) \(a.shape) · \(b.dtype) \(b.shape) do not fit; […, M, K] · […, K, N] or [K, N] are wanted"
    )
    if b.rank == 2 && a.rank > 2 {
        let out = matmul(a.reshaped([-1, a.shape[-1]]), b)
        return out.reshaped(a.shape.dimensions.dropLast() + [b.shape[-1]])
    }
    let backend = a.backend
    let (left, right) = (a.detached().matrixReady(), b.detached().matrixReady())
    let out = Tensor.uninitialized(
        Shape(a.shape.dimensions.dropLast() + [b.shape[-1]]),
        dtype: a.dtype,
        backend: backend
    )
    backend.matrixProduct(MatrixProduct(c: out.matrices(), a: left.matrices(), b: right.matrices()))
    return recorded(.matmul, inputs: [a, b], output: out) {
        { pull in
            let gradient = pull.gradient
            pull.write(to: 0, backend: backend) { target, accumulate in
                var call = MatrixProduct(
                    c: target.matrices(),
                    a: gradient.matrices(),
                    b: right.matrices().transposedMatrices()
                )
                call.accumulate = accumulate
                backend.matrixProduct(call)
            }
            pull.write(to: 1, backend: backend) { target, accumulate in
                var call = MatrixProduct(
                    c: target.matrices(),
                    a: left.matrices().transposedMatrices(),
                    b: gradient.matrices()
                )
                call.accumulate = accumulate
                backend.matrixProduct(call)
            }
        }
    }
}

/// A linear layer: `activation(x · weightᵀ + bias) [+ residual]`.
///
/// - Parameters:
///   - x: The input […, K].
///   - weight: The weight [N, K], PyTorch's layout; x's dtype (the copy of that dtype of a parameter).
///   - bias: The bias [N] in any floating dtype, or nil.
///   - activation: The activation, applied inside the product.
///   - residual: What is added at the end […, N], x's dtype.
/// - Returns: […, N] of x's dtype.
///
/// Traps when shapes or dtypes do not fit.
public func linear(
    _ x: Tensor,
    weight: Tensor,
    bias: Tensor? = nil,
    activation: Activation = .identity,
    residual: Tensor? = nil
) -> Tensor {
    require(
        x.rank >= 1 && weight.rank == 2 && x.shape[-1] == weight.shape[1] && x.dtype == weight.dtype,
        "linear: the input \(x.dtype) \(x.shape) does not fit the weight \(weight.dtype) \(weight.shape); "
            + "the last axis must be \(weight.rank == 2 ? String(weight.shape[1]) : "K of a weight [N, K]")"
    )
    require(
        bias.map { $0.shape == [weight.shape[0]] } ?? true,
        "linear: the bias \(bias?.shape.description ?? "") does not fit the weight \(weight.shape)"
    )
    let backend = x.backend
    let target = Shape(x.shape.dimensions.dropLast() + [weight.shape[0]])
    require(
        residual.map { $0.shape == target && $0.dtype == x.dtype } ?? true,
        "linear: the residual \(residual?.shape.description ?? "") does not fit the result \(target)"
    )
    let inputs = [x, weight] + [bias, residual].compactMap { $0 }
    let recording = Tape.current.map { tape in inputs.contains(where: tape.holds) } ?? false
    let source = x.detached().contiguous().rows()
    let matrix = weight.detached().contiguous()
    let out = Tensor.uninitialized(target, dtype: x.dtype, backend: backend)
    var pre: Tensor?
    if recording && activation != .identity {
        pre = Tensor.uninitialized([source.shape[0], weight.shape[0]], dtype: x.dtype, backend: backend)
    }
    let addend = residual?.detached().contiguous()
    var call = MatrixProduct(c: out.rows().view, a: source.view, b: matrix.view.transposedMatrices())
    call.bias = bias?.detached().contiguous().view
    call.activation = activation
    call.preActivation = pre?.view
    call.residual = addend?.rows().view
    backend.matrixProduct(call)
    return recorded(.linear, inputs: inputs, output: out) {
        let hasBias = bias != nil
        let hasResidual = residual != nil
        return { pull in
            linearPullback(
                pull,
                source: source,
                weight: matrix,
                activation: activation,
                preActivation: pre,
                hasBias: hasBias,
                hasResidual: hasResidual
            )
        }
    }
}

/// The gradient of ``linear(_:weight:bias:activation:residual:)``: inputs are x, weight and, where given, bias and
/// residual.
private func linearPullback(
    _ pull: Pullback,
    source: Tensor,
    weight: Tensor,
    activation: Activation,
    preActivation: Tensor?,
    hasBias: Bool,
    hasResidual: Bool
) {
    let backend = source.backend
    let gradient = pull.gradient
    if hasResidual { pull.add(gradient, to: hasBias ? 3 : 2) }
    var inner = gradient.rows()
    let wantsBias = hasBias && pull.wants(2)
    let sums = gradient.dtype.accumulation
    if let preActivation {
        let outer = inner
        inner = Tensor.uninitialized(outer.shape, dtype: outer.dtype, backend: backend)
        let gradientOfPre = inner
        func back(_ bias: TensorView?, _ accumulate: Bool) {
            backend.activationBackward(
                activation,
                dx: gradientOfPre.view,
                biasGradient: bias,
                accumulateBias: accumulate,
                dy: outer.view,
                preActivation: preActivation.view
            )
        }
        if wantsBias { pull.write(to: 2, dtype: sums, backend: backend, back) } else { back(nil, false) }
    } else if wantsBias {
        let summed = inner
        pull.write(to: 2, dtype: sums, backend: backend) { bias, accumulate in
            backend.activationBackward(
                .identity,
                dx: nil,
                biasGradient: bias,
                accumulateBias: accumulate,
                dy: summed.view,
                preActivation: nil
            )
        }
    }
    let gradientOfProduct = inner
    pull.write(to: 0, backend: backend) { target, accumulate in
        var call = MatrixProduct(c: target.reshaped(source.shape), a: gradientOfProduct.view, b: weight.view)
        call.accumulate = accumulate
        backend.matrixProduct(call)
    }
    pull.write(to: 1, backend: backend) { target, accumulate in
        var call = MatrixProduct(c: target, a: gradientOfProduct.view.transposedMatrices(), b: source.view)
        call.accumulate = accumulate
        backend.matrixProduct(call)
    }
}

extension Tensor {
    /// The tensor itself when its two last axes have a unit stride in one of them and the others can be merged, else
    /// a contiguous copy: what the matrix product takes.
    func matrixReady() -> Tensor {
        if isContiguous { return self }
        let matrixIsReady = (strides[rank - 1] == 1 || strides[rank - 2] == 1) && !strides.contains(0)
        if rank == 2 && matrixIsReady { return self }
        if rank == 3 && matrixIsReady { return self }
        return contiguous()
    }

    /// The matrices as a view of rank 2 or 3.
    func matrices() -> TensorView { view.matrices() }
}

extension TensorView {
    /// The matrices as a view of rank 2 or 3: axes before the last two as one.
    func matrices() -> TensorView {
        if shape.rank <= 3 { return self }
        let batch = shape.dimensions.dropLast(2).reduce(1, *)
        return reshaped(Shape([batch] + shape.dimensions.suffix(2)))
    }

    /// The last two axes exchanged.
    func transposedMatrices() -> TensorView {
        var (dimensions, steps) = (shape.dimensions, strides)
        dimensions.swapAt(dimensions.count - 1, dimensions.count - 2)
        steps.swapAt(steps.count - 1, steps.count - 2)
        return reinterpreted(shape: Shape(dimensions), strides: steps)
    }
}
