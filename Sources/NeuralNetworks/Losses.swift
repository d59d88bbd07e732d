// Losses composed from operations. Those with kernels of their own (cross-entropy) are wrapped for their reductions.

/// How a loss per element becomes one number.
public enum LossReduction: String, Sendable, CaseIterable {
    /// The arithmetic mean over what counts.
    case mean
    /// The sum.
    case sum
    /// No reduction: a loss for each element.
    case none

    func callAsFunction(_ losses: Tensor) -> Tensor {
        switch self {
        case .mean: losses.mean()
        case .sum: losses.sum()
        case .none: losses
        }
    }
}

/// The cross-entropy of logits against class numbers.
///
/// With `mean`, rows of `ignoreIndex` count neither above nor below the line; without any row that counts, the loss is
/// 0 (PyTorch: NaN).
///
/// Traps when the shapes do not fit, a target lies outside 0..<V, or the reduction is `none`.
///
/// - Parameters:
///   - logits: […, V].
///   - targets: i32 […].
///   - reduction: `mean` or `sum`.
///   - ignoreIndex: The target that does not count.
///   - smoothing: Label smoothing.
/// - Returns: A scalar, f32 (f64 for f64 logits).
public func crossEntropyLoss(
    _ logits: Tensor,
    targets: Tensor,
    reduction: LossReduction = .mean,
    ignoreIndex: Int32 = -100,
    smoothing: Float = 0
) -> Tensor {
    require(reduction != .none, "crossEntropyLoss: losses per row are not available; take .mean or .sum")
    var scale: Float = 1
    if reduction == .mean {
        let counting = targets.integers().reduce(0) { $0 + ($1 == ignoreIndex ? 0 : 1) }
        scale = 1 / Float(max(counting, 1))
    }
    return crossEntropy(
        logits,
        targets: targets,
        scale: scale,
        ignoreIndex: ignoreIndex,
        smoothing: smoothing
    )
}

/// The squared error.
///
/// Traps when the shapes differ.
///
/// - Parameters:
///   - prediction: Any floating-point tensor; bf16 is computed in f32.
///   - target: A tensor of the same shape.
///   - reduction: How the errors become one number.
/// - Returns: A scalar, or the errors.
public func meanSquaredError(
    _ prediction: Tensor,
    _ target: Tensor,
    reduction: LossReduction = .mean
) -> Tensor {
    let (prediction, target) = matched(prediction, target, "meanSquaredError")
    return reduction(apply(UnaryOperation.square, prediction - target))
}

/// The absolute error (L1).
///
/// Traps when the shapes differ.
///
/// - Parameters:
///   - prediction: Any floating-point tensor; bf16 is computed in f32.
///   - target: A tensor of the same shape.
///   - reduction: How the errors become one number.
/// - Returns: A scalar, or the errors.
public func meanAbsoluteError(
    _ prediction: Tensor,
    _ target: Tensor,
    reduction: LossReduction = .mean
) -> Tensor {
    let (prediction, target) = matched(prediction, target, "meanAbsoluteError")
    return reduction(abs(prediction - target))
}

/// The binary cross-entropy of logits, stable for large ones: `(1 − z)·x + (1 + (w − 1)·z)·log(1 + e⁻ˣ)`.
///
/// Traps when the shapes differ.
///
/// - Parameters:
///   - logits: Any floating-point tensor x; bf16 is computed in f32.
///   - targets: Probabilities z of the same shape.
///   - positiveWeight: The weight w of positive examples.
///   - reduction: How the losses become one number.
/// - Returns: A scalar, or the losses.
public func binaryCrossEntropy(
    logits: Tensor,
    targets: Tensor,
    positiveWeight: Double = 1,
    reduction: LossReduction = .mean
) -> Tensor {
    let (x, z) = matched(logits, targets, "binaryCrossEntropy")
    let tail = apply(UnaryOperation.softplus, -x)
    let weighted = positiveWeight == 1 ? tail : tail * z.affine(scale: positiveWeight - 1, shift: 1)
    return reduction(x * z.affine(scale: -1, shift: 1) + weighted)
}

private func matched(_ a: Tensor, _ b: Tensor, _ name: String) -> (Tensor, Tensor) {
    require(a.shape == b.shape, "\(name): the shapes \(a.shape) and \(b.shape) differ")
    let dtype: DType = a.dtype == .f64 || b.dtype == .f64 ? .f64 : .f32
    return (a.cast(to: dtype), b.cast(to: dtype))
}

/// Logits for reading out: the projection of hidden states with results in f32, whatever dtype the factors have.
///
/// On a tape the product is made in the hidden states' dtype and then widened, because its gradient is.
///
/// Traps when the widths differ.
///
/// - Parameters:
///   - hidden: Hidden states […, D].
///   - weight: The projection [V, D].
/// - Returns: […, V], f32 (f64 for f64).
public func vocabularyLogits(_ hidden: Tensor, weight: Parameter) -> Tensor {
    let matrix = weight.tensor(as: hidden.dtype)
    let wide = hidden.dtype.accumulation
    if Tape.current != nil || hidden.dtype == wide {
        return linear(hidden, weight: matrix).cast(to: wide)
    }
    require(
        hidden.shape[-1] == matrix.shape[1],
        "vocabularyLogits: hidden states \(hidden.shape) do not fit the projection \(matrix.shape)"
    )
    let source = hidden.contiguous()
    let rows = source.elementCount / max(matrix.shape[1], 1)
    let out = Tensor.uninitialized(
        Shape(hidden.shape.dimensions.dropLast() + [matrix.shape[0]]),
        dtype: wide,
        backend: hidden.backend
    )
    let factor = matrix.transposed()
    hidden.backend.matrixProduct(
        MatrixProduct(
            c: out.view.reshaped([rows, matrix.shape[0]]),
            a: source.view.reshaped([rows, matrix.shape[1]]),
            b: factor.view
        )
    )
    return out
}
