// Layer and RMS normalisation over the last axis, with an optional sum before.

/// What ``addLayerNorm(_:residual:weight:bias:epsilon:)`` and its RMS sibling return.
public typealias NormalizedSum = (normalized: Tensor, sum: Tensor)

/// Layer normalisation over the last axis: `(x − mean)/√(variance + ε) · weight + bias`.
///
/// - Parameters:
///   - x: The input […, D].
///   - weight: The scale [D] (f32, or f64 with f64), or nil.
///   - bias: The shift [D], or nil.
///   - epsilon: The constant under the root.
///   - outputDType: The result's dtype; x's when nil.
/// - Returns: The normalised rows […, D].
///
/// Source: Ba, Kiros, Hinton, «Layer normalization», 2016.
public func layerNorm(
    _ x: Tensor,
    weight: Tensor?,
    bias: Tensor?,
    epsilon: Float = 1e-5,
    outputDType: DType? = nil
) -> Tensor {
    let call = NormalizationInputs(
        x: x,
        residual: nil,
        weight: weight,
        bias: bias,
        epsilon: epsilon,
        centers: true
    )
    return normalized(call, outputDType: outputDType ?? x.dtype)[0]
}

/// RMS normalisation over the last axis: `x/√(mean(x²) + ε) · weight`.
///
/// Source: Zhang, Sennrich, «Root mean square layer normalization», 2019.
public func rmsNorm(_ x: Tensor, weight: Tensor?, epsilon: Float = 1e-6, outputDType: DType? = nil) -> Tensor
{
    let call = NormalizationInputs(
        x: x,
        residual: nil,
        weight: weight,
        bias: nil,
        epsilon: epsilon,
        centers: false
    )
    return normalized(call, outputDType: outputDType ?? x.dtype)[0]
}

/// `sum = x + residual` and its layer normalisation in one pass; the sum has the residual's dtype, the normalised
/// rows x's.
public func addLayerNorm(
    _ x: Tensor,
    residual: Tensor,
    weight: Tensor?,
    bias: Tensor?,
    epsilon: Float = 1e-5
) -> NormalizedSum {
    let call = NormalizationInputs(
        x: x,
        residual: residual,
        weight: weight,
        bias: bias,
        epsilon: epsilon,
        centers: true
    )
    let outputs = normalized(call, outputDType: x.dtype)
    return (outputs[0], outputs[1])
}

/// `sum = x + residual` and its RMS normalisation in one pass; the sum has the residual's dtype, the normalised rows
/// x's.
public func addRMSNorm(_ x: Tensor, residual: Tensor, weight: Tensor?, epsilon: Float = 1e-6) -> NormalizedSum
{
    let call = NormalizationInputs(
        x: x,
        residual: residual,
        weight: weight,
        bias: nil,
        epsilon: epsilon,
        centers: false
    )
    let outputs = normalized(call, outputDType: x.dtype)
    return (outputs[0], outputs[1])
}

private struct NormalizationInputs {
    let x: Tensor
    let residual: Tensor?
    let weight: Tensor?
    let bias: Tensor?
    let epsilon: Float
    let centers: Bool

    var operation: DifferentiableOperation {
        switch (centers, residual == nil) {
        case (true, true): .layerNorm
        case (false, true): .rmsNorm
        case (true, false): .addLayerNorm
        case (false, false): .addRMSNorm
        }
    }

    func check() {
        let width: Shape = [x.rank > 0 ? x.shape[-1] : 0]
        require(x.rank > 0, "\(operation): the input is a scalar")
        for (name, row) in [("weight", weight), ("bias", bias)] {
            require(
                row.map { $0.shape == width } ?? true,
                "\(operation): the \(name) \(row?.shape.description ?? "") does not fit the input \(x.shape)"
            )
        }
        require(
            residual.map { $0.shape == x.shape } ?? true,
            "\(operation): the residual \(residual?.shape.description ?? "") does not fit the input \(x.shape)"
        )
    }
}

private func normalized(_ inputs: NormalizationInputs, outputDType: DType) -> [Tensor] {
    inputs.check()
    let x = inputs.x.detached().contiguous()
    let backend = x.backend
    let residual = inputs.residual?.detached().contiguous()
    let rows = x.rows()
    let statistics = x.dtype.accumulation
    let count: Shape = [rows.shape[0]]
    let y = Tensor.uninitialized(x.shape, dtype: outputDType, backend: backend)
    let mean = inputs.centers ? Tensor.uninitialized(count, dtype: statistics, backend: backend) : nil
    let rstd = Tensor.uninitialized(count, dtype: statistics, backend: backend)
    let sum = residual.map { Tensor.uninitialized(x.shape, dtype: $0.dtype, backend: backend) }
    let weight = inputs.weight?.detached().contiguous()
    var call = NormalizationForward(
        y: y.rows().view,
        mean: mean?.view,
        rstd: rstd.view,
        x: rows.view,
        weight: weight?.view,
        bias: inputs.bias?.detached().contiguous().view,
        epsilon: inputs.epsilon
    )
    call.residual = residual?.rows().view
    call.sum = sum?.rows().view
    backend.normalizationForward(call)
    let saved = NormalizationSaved(
        value: (sum ?? x).rows(),
        mean: mean,
        rstd: rstd,
        weight: weight,
        hasResidual: residual != nil,
        hasWeight: weight != nil
    )
    let tensors = [inputs.x] + [inputs.residual, inputs.weight, inputs.bias].compactMap { $0 }
    return recorded(inputs.operation, inputs: tensors, outputs: [y] + (sum.map { [$0] } ?? [])) {
        { pull in normalizationPullback(pull, saved) }
    }
}

private struct NormalizationSaved {
    let value: Tensor
    let mean: Tensor?
    let rstd: Tensor
    let weight: Tensor?
    let hasResidual: Bool
    let hasWeight: Bool
}

/// Inputs are x and, where given, residual, weight, bias; outputs are y and, with a residual, the sum.
private func normalizationPullback(_ pull: Pullback, _ saved: NormalizationSaved) {
    let backend = saved.value.backend
    let fromSum = saved.hasResidual ? pull.gradient(ofOutput: 1) : nil
    guard let dy = pull.gradient(ofOutput: 0) else {
        if let fromSum {
            pull.add(fromSum, to: 0)
            pull.add(fromSum, to: 1)
        }
        return
    }
    let weightInput = saved.hasResidual ? 2 : 1
    let biasInput = weightInput + (saved.hasWeight ? 1 : 0)
    let wantsWeight = saved.hasWeight && pull.wants(weightInput)
    let wantsBias = biasInput < pull.inputs.count && pull.wants(biasInput)
    let dx = Tensor.uninitialized(saved.value.shape, dtype: saved.value.dtype, backend: backend)
    func run(_ dweight: TensorView?, _ dbias: TensorView?, _ accumulate: Bool) {
        var call = NormalizationBackward(
            dx: dx.view,
            dweight: dweight,
            dbias: dbias,
            accumulateParameters: accumulate,
            dy: dy.rows().view,
            x: saved.value.view,
            mean: saved.mean?.view,
            rstd: saved.rstd.view,
            weight: saved.weight?.view
        )
        call.addedGradient = fromSum?.rows().view
        backend.normalizationBackward(call)
    }
    // The scale and the shift are gathered in memory of their own and then added: two short rows.
    let width: Shape = [saved.value.shape[1]]
    let dtype = saved.rstd.dtype
    let dweight = wantsWeight ? Tensor.uninitialized(width, dtype: dtype, backend: backend) : nil
    let dbias = wantsBias ? Tensor.uninitialized(width, dtype: dtype, backend: backend) : nil
    run(dweight?.view, dbias?.view, false)
    if let dweight { pull.add(dweight, to: weightInput, isFresh: true) }
    if let dbias { pull.add(dbias, to: biasInput, isFresh: true) }
    let shaped = dx.reshaped(dy.shape.dimensions)
    pull.add(shaped, to: 0, isFresh: !saved.hasResidual)
    if saved.hasResidual { pull.add(shaped, to: 1) }
}
