/// A feed-forward layer in one operation: `activation(x · inputWeightᵀ + inputBias) · outputWeightᵀ + outputBias`.
///
/// The same as two calls of ``linear(_:weight:bias:activation:residual:)``, but what lies between the products goes
/// through the caches in parts, and of it only the pre-activations are kept for the backward pass.
///
/// - Parameters:
///   - x: The input […, D].
///   - inputWeight: The widening weight [F, D] of x's dtype.
///   - inputBias: Its bias [F] in any floating dtype, or nil.
///   - activation: The activation in the middle.
///   - outputWeight: The narrowing weight [D', F] of x's dtype.
///   - outputBias: Its bias [D'] in any floating dtype, or nil.
/// - Returns: […, D'] of x's dtype.
///
/// Traps when shapes or dtypes do not fit.
public func feedForward(
    _ x: Tensor,
    inputWeight: Tensor,
    inputBias: Tensor? = nil,
    activation: Activation,
    outputWeight: Tensor,
    outputBias: Tensor? = nil
) -> Tensor {
    require(
        x.rank >= 1 && inputWeight.rank == 2 && outputWeight.rank == 2 && x.shape[-1] == inputWeight.shape[1]
            && inputWeight.shape[0] == outputWeight.shape[1] && x.dtype == inputWeight.dtype
            && x.dtype == outputWeight.dtype,
        "feedForward: x \(x.dtype) \(x.shape), weights \(inputWeight.dtype) \(inputWeight.shape) and "
            + "\(outputWeight.dtype) \(outputWeight.shape); […, D], [F, D] and [D', F] of one dtype are wanted"
    )
    let widths = [inputWeight.shape[0], outputWeight.shape[0]]
    for (bias, width) in zip([inputBias, outputBias], widths) {
        require(
            bias.map { $0.shape == [width] } ?? true,
            "feedForward: a bias \(bias?.shape.description ?? "") stands where [\(width)] fits"
        )
    }
    let backend = x.backend
    let given = [x, inputWeight, outputWeight, inputBias, outputBias]
    let inputs = given.compactMap { $0 }
    let recording = Tape.current.map { tape in inputs.contains(where: tape.holds) } ?? false
    let source = x.detached().contiguous().rows()
    let widening = inputWeight.detached().contiguous(), narrowing = outputWeight.detached().contiguous()
    let out = Tensor.uninitialized(
        Shape(x.shape.dimensions.dropLast() + [widths[1]]),
        dtype: x.dtype,
        backend: backend
    )
    let pre =
        recording
        ? Tensor.uninitialized([source.shape[0], widths[0]], dtype: x.dtype, backend: backend) : nil
    let biases = [inputBias, outputBias].map { $0?.detached().contiguous() }
    var call = FeedForwardForward(
        out: out.rows().view,
        x: source.view,
        inputWeight: widening.view,
        activation: activation,
        outputWeight: narrowing.view
    )
    call.preActivation = pre?.view
    call.inputBias = biases[0]?.view
    call.outputBias = biases[1]?.view
    backend.feedForward(call)
    return recorded(.feedForward, inputs: inputs, output: out) {
        let statistics = x.dtype.accumulation
        let hasBias = biases.map { $0 != nil }
        return { pull in
            guard let pre else { return }
            var call = FeedForwardBackward(
                dy: pull.gradient.rows().view,
                x: source.view,
                preActivation: pre.view,
                inputWeight: widening.view,
                activation: activation,
                outputWeight: narrowing.view
            )
            var wanted: [(input: Int, dtype: DType?)] = [(0, x.dtype), (1, statistics), (2, statistics)]
            for number in 3..<3 + hasBias.count(where: { $0 }) { wanted.append((number, statistics)) }
            pull.write(toEach: wanted[...], backend: backend) { targets in
                call.xGradient = targets[0].map {
                    GradientTarget(view: $0.view.reshaped(source.shape), accumulate: $0.accumulate)
                }
                call.inputWeightGradient = targets[1]
                call.outputWeightGradient = targets[2]
                var biases = targets[3...]
                if hasBias[0] { call.inputBiasGradient = biases.removeFirst() }
                if hasBias[1] { call.outputBiasGradient = biases.removeFirst() }
                backend.feedForwardBackward(call)
            }
        }
    }
}
