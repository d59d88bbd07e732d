// From sequences to vectors: maxima and averages over positions.

/// Segments for attention over padded sequences: i32 [B, T], 0 where t < lengths[b] and −1 elsewhere.
///
/// Traps when the lengths are not i32 [B].
///
/// - Parameters:
///   - lengths: The lengths i32 [B].
///   - positions: The number of positions T.
/// - Returns: The segments.
public func sequenceSegments(lengths: Tensor, positions: Int) -> Tensor {
    let mask = sequenceMask(lengths: lengths, positions: positions)
    let backend = lengths.backend
    return select(mask, Tensor(0, dtype: .i32, backend: backend), Tensor(-1, dtype: .i32, backend: backend))
}

/// How the positions of a sequence become one vector.
public enum SequencePooling: String, Sendable, CaseIterable {
    /// The largest value of each feature; the gradient is shared by the positions that have it.
    case max
    /// The arithmetic mean.
    case mean
    /// The sum.
    case sum
}

/// One vector for each sequence, from its real positions.
///
/// A sequence of length 0 gives zeros. Traps when shapes do not fit.
///
/// - Parameters:
///   - x: Sequences [B, T, C].
///   - pooling: How positions become one vector.
///   - lengths: The lengths i32 [B]; nil when all are T.
/// - Returns: [B, C] of x's dtype.
public func pooled(_ x: Tensor, _ pooling: SequencePooling, lengths: Tensor? = nil) -> Tensor {
    require(
        x.rank == 3 && (lengths.map { $0.shape == [x.shape[0]] } ?? true),
        "pooled: lengths \(lengths?.shape.description ?? "") do not fit the sequences \(x.shape); [B] and [B, T, C] are "
            + "wanted"
    )
    let (batch, positions, width) = (x.shape[0], x.shape[1], x.shape[2])
    if positions == 0 { return x.sum(axis: 1) }
    if pooling == .max {
        guard let lengths else { return x.max(axis: 1) }
        let largest = masked(x, lengths: lengths, filling: -.infinity).max(axis: 1)
        let isEmpty = lengths.compared(.equal, to: Tensor(0, dtype: .i32, backend: x.backend))
        let zero = Tensor(0, dtype: x.dtype, backend: x.backend)
        return select(isEmpty.reshaped(batch, 1), zero, largest)
    }
    // Both are a product with a row of weights for each sequence.
    var weights = Tensor.ones([batch, positions], dtype: x.dtype, backend: x.backend)
    if pooling == .mean {
        let whole = Tensor.full([batch], Double(positions), dtype: x.dtype, backend: x.backend)
        let one = Tensor(1, dtype: x.dtype, backend: x.backend)
        weights = weights / maximum(lengths?.cast(to: x.dtype) ?? whole, one).reshaped(batch, 1)
    }
    let source = masked(x, lengths: lengths)
    return matmul(weights.reshaped(batch, 1, positions), source).reshaped(batch, width)
}

/// The largest value of each feature within windows over the positions.
///
/// Padding never wins. The gradient is shared by the positions of a window that have the largest value (PyTorch gives it
/// to the first). Traps when x has no three axes.
///
/// - Parameters:
///   - x: Sequences [B, T, C].
///   - window: How the window moves.
/// - Returns: [B, windows, C].
public func maxPool1D(_ x: Tensor, _ window: WindowOptions) -> Tensor {
    windows(x, window, filling: -.infinity).max(axis: 2)
}

/// The mean of each feature within windows over the positions; padding counts as zeros.
///
/// Traps when x has no three axes.
///
/// - Parameters:
///   - x: Sequences [B, T, C].
///   - window: How the window moves.
/// - Returns: [B, windows, C].
public func meanPool1D(_ x: Tensor, _ window: WindowOptions) -> Tensor {
    windows(x, window).mean(axis: 2)
}
