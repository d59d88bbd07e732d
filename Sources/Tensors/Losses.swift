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
    var (call, losses) = prepared(logits, targets, ignoreIndex, "crossEntropy")
    let gradient =
        isRecording(logits)
        ? Tensor.uninitialized(call.logits.shape, dtype: logits.dtype, backend: logits.backend) : nil
    (call.gradient, call.gradientScale, call.smoothing) = (gradient?.view, scale, smoothing)
    logits.backend.crossEntropy(call)
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
    var (call, losses) = prepared(hidden, weight, targets, ignoreIndex, "linearCrossEntropy")
    let backend = hidden.backend
    let dhidden =
        isRecording(hidden)
        ? Tensor.uninitialized(call.hidden.shape, dtype: hidden.dtype, backend: backend) : nil
    let dweight =
        isRecording(weight)
        ? Tensor.uninitialized(weight.shape, dtype: hidden.dtype.accumulation, backend: backend) : nil
    (call.hiddenGradient, call.weightGradient) = (dhidden?.view, dweight?.view)
    (call.gradientScale, call.smoothing) = (scale, smoothing)
    backend.linearCrossEntropy(call)
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

/// The cross-entropy of every row of `hidden · weightᵀ` by itself; nothing is recorded.
///
/// - Parameters:
///   - hidden: The last hidden states […, D].
///   - weight: The projection [V, D] of hidden's dtype.
///   - targets: i32 […]; rows of `ignoreIndex` have the loss 0.
///   - ignoreIndex: The target that does not count.
/// - Returns: f32 [N] (f64 for f64), N being the number of targets.
///
/// Traps when the shapes do not fit or a target lies outside 0..<V.
public func linearCrossEntropies(
    _ hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    ignoreIndex: Int32 = -100
) -> Tensor {
    let (call, losses) = prepared(hidden, weight, targets, ignoreIndex, "linearCrossEntropies")
    hidden.backend.linearCrossEntropy(call)
    return losses
}

/// The cross-entropy of every row of logits by itself; nothing is recorded.
///
/// - Parameters:
///   - logits: […, V].
///   - targets: i32 […]; rows of `ignoreIndex` have the loss 0.
///   - ignoreIndex: The target that does not count.
/// - Returns: f32 [N] (f64 for f64), N being the number of targets.
///
/// Traps when the shapes do not fit or a target lies outside 0..<V.
public func crossEntropies(_ logits: Tensor, targets: Tensor, ignoreIndex: Int32 = -100) -> Tensor {
    let (call, losses) = prepared(logits, targets, ignoreIndex, "crossEntropies")
    logits.backend.crossEntropy(call)
    return losses
}

/// A call without gradients, and the losses of the rows that it writes.
private func prepared(
    _ logits: Tensor,
    _ targets: Tensor,
    _ ignoreIndex: Int32,
    _ name: String
) -> (call: CrossEntropyCall, losses: Tensor) {
    require(
        logits.rank >= 1 && targets.dtype == .i32
            && targets.shape.dimensions == Array(logits.shape.dimensions.dropLast()),
        "\(name): logits \(logits.shape) and targets \(targets.dtype) \(targets.shape); […, V] and i32 […] are wanted"
    )
    let losses = Tensor.uninitialized(
        [targets.elementCount],
        dtype: logits.dtype.accumulation,
        backend: logits.backend
    )
    let call = CrossEntropyCall(
        losses: losses.view,
        gradient: nil,
        gradientScale: 1,
        logits: logits.detached().contiguous().rows().view,
        targets: targets.contiguous().reshaped([targets.elementCount]).view,
        ignoreIndex: ignoreIndex,
        smoothing: 0
    )
    return (call, losses)
}

/// A call without gradients, and the losses of the rows that it writes.
private func prepared(
    _ hidden: Tensor,
    _ weight: Tensor,
    _ targets: Tensor,
    _ ignoreIndex: Int32,
    _ name: String
) -> (call: LinearCrossEntropyCall, losses: Tensor) {
    require(
        hidden.rank >= 1 && weight.rank == 2 && hidden.shape[-1] == weight.shape[1]
            && hidden.dtype == weight.dtype
            && targets.dtype == .i32 && targets.shape.dimensions == Array(hidden.shape.dimensions.dropLast()),
        "\(name): hidden \(hidden.dtype) \(hidden.shape), weight \(weight.dtype) \(weight.shape), targets "
            + "\(targets.dtype) \(targets.shape); […, D], [V, D] and i32 […] are wanted"
    )
    let losses = Tensor.uninitialized(
        [targets.elementCount],
        dtype: hidden.dtype.accumulation,
        backend: hidden.backend
    )
    let call = LinearCrossEntropyCall(
        losses: losses.view,
        hiddenGradient: nil,
        weightGradient: nil,
        accumulateWeight: false,
        gradientScale: 1,
        hidden: hidden.detached().contiguous().rows().view,
        weight: weight.detached().contiguous().view,
        targets: targets.contiguous().reshaped([targets.elementCount]).view,
        ignoreIndex: ignoreIndex,
        smoothing: 0
    )
    return (call, losses)
}

extension Tensor {
    /// The tensor times a scalar tensor; itself when the scalar is 1, as it is at the head of a backward pass.
    fileprivate func scaled(by scalar: Tensor) -> Tensor {
        let factor = scalar.item()
        return factor == 1 ? self : affine(scale: factor)
    }
}
