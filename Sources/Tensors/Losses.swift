// Losses that have kernels of their own. Others compose from small operations in NeuralNetworks.

/// The cross-entropy of logits against class numbers, summed over the rows that count and multiplied by `scale`.
///
/// - Parameters:
///   - logits: […, V].
///   - targets: i32 […]; rows of `ignoreIndex` do not count.
///   - scale: The factor on the sum, for example 1 over the number of rows that count.
///   - ignoreIndex: The target that does not count.
///   - smoothing: Label smoothing s: `(1 − s) · CE + s · mean over classes`.
/// - Returns: A scalar, f32 (f64 for f64 logits).
///
/// Traps when the shapes do not fit or a target lies outside 0..<V.
public func crossEntropy(
    _ logits: Tensor,
    targets: Tensor,
    scale: Float,
    ignoreIndex: Int32 = -100,
    smoothing: Float = 0
) -> Tensor {
    require(
        logits.rank >= 1 && targets.dtype == .i32
            && targets.shape.dimensions == Array(logits.shape.dimensions.dropLast()),
        "crossEntropy: logits \(logits.shape) and targets \(targets.dtype) \(targets.shape); […, V] and i32 […] are wanted"
    )
    let backend = logits.backend
    let source = logits.detached().contiguous().rows()
    let numbers = targets.contiguous().reshaped([targets.elementCount])
    let losses = Tensor.uninitialized(numbers.shape, dtype: statisticsDType(logits.dtype), backend: backend)
    let gradient =
        isRecording(logits)
        ? Tensor.uninitialized(source.shape, dtype: logits.dtype, backend: backend) : nil
    backend.crossEntropy(
        CrossEntropyCall(
            losses: losses.view,
            gradient: gradient?.view,
            gradientScale: scale,
            logits: source.view,
            targets: numbers.view,
            ignoreIndex: ignoreIndex,
            smoothing: smoothing
        )
    )
    let loss = losses.sum(axis: 0).affine(scale: Double(scale))
    return recorded(.crossEntropy, inputs: [logits], output: loss) {
        { pull in
            guard let gradient else { return }
            let scaled = gradient.scaled(by: pull.gradient)
            pull.add(scaled.reshaped(logits.shape.dimensions), to: 0, isFresh: true)
        }
    }
}

/// The cross-entropy of `hidden · weightᵀ` without ever holding all logits, summed over the rows that count and
/// multiplied by `scale`.
///
/// The gradients are made together with the loss, chunk by chunk, because the loss enters what follows linearly.
///
/// - Parameters:
///   - hidden: The last hidden states […, D].
///   - weight: The projection [V, D] of hidden's dtype.
///   - targets: i32 […]; rows of `ignoreIndex` do not count.
///   - scale: The factor on the sum.
///   - ignoreIndex: The target that does not count.
///   - smoothing: Label smoothing.
/// - Returns: A scalar, f32 (f64 for f64).
///
/// Traps when the shapes do not fit or a target lies outside 0..<V.
public func linearCrossEntropy(
    _ hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    scale: Float,
    ignoreIndex: Int32 = -100,
    smoothing: Float = 0
) -> Tensor {
    require(
        hidden.rank >= 1 && weight.rank == 2 && hidden.shape[-1] == weight.shape[1]
            && hidden.dtype == weight.dtype
            && targets.dtype == .i32 && targets.shape.dimensions == Array(hidden.shape.dimensions.dropLast()),
        "linearCrossEntropy: hidden \(hidden.dtype) \(hidden.shape), weight \(weight.dtype) \(weight.shape), targets "
            + "\(targets.dtype) \(targets.shape); […, D], [V, D] and i32 […] are wanted"
    )
    let backend = hidden.backend
    let source = hidden.detached().contiguous().rows()
    let matrix = weight.detached().contiguous()
    let numbers = targets.contiguous().reshaped([targets.elementCount])
    let statistics = statisticsDType(hidden.dtype)
    let losses = Tensor.uninitialized(numbers.shape, dtype: statistics, backend: backend)
    let dhidden =
        isRecording(hidden)
        ? Tensor.uninitialized(source.shape, dtype: hidden.dtype, backend: backend) : nil
    let dweight =
        isRecording(weight)
        ? Tensor.uninitialized(weight.shape, dtype: statistics, backend: backend) : nil
    backend.linearCrossEntropy(
        LinearCrossEntropyCall(
            losses: losses.view,
            hiddenGradient: dhidden?.view,
            weightGradient: dweight?.view,
            accumulateWeight: false,
            gradientScale: scale,
            hidden: source.view,
            weight: matrix.view,
            targets: numbers.view,
            ignoreIndex: ignoreIndex,
            smoothing: smoothing
        )
    )
    let loss = losses.sum(axis: 0).affine(scale: Double(scale))
    let shape = hidden.shape.dimensions
    return recorded(.linearCrossEntropy, inputs: [hidden, weight], output: loss) {
        { pull in
            let outer = pull.gradient
            if let dhidden { pull.add(dhidden.scaled(by: outer).reshaped(shape), to: 0, isFresh: true) }
            if let dweight { pull.add(dweight.scaled(by: outer), to: 1, isFresh: true) }
        }
    }
}

private func statisticsDType(_ dtype: DType) -> DType { dtype == .f64 ? .f64 : .f32 }

extension Tensor {
    /// The tensor times a scalar tensor; itself when the scalar is 1, as it is at the head of a backward pass.
    fileprivate func scaled(by scalar: Tensor) -> Tensor {
        let factor = scalar.item()
        return factor == 1 ? self : affine(scale: factor)
    }
}
