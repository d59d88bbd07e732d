// Masks from the lengths of sequences.

/// Which positions of a batch are real: u8 [B, T], 1 where t < lengths[b].
///
/// Traps when the lengths are not i32 [B].
///
/// - Parameters:
///   - lengths: The lengths i32 [B].
///   - positions: The number of positions T.
/// - Returns: The mask.
public func sequenceMask(lengths: Tensor, positions: Int) -> Tensor {
    require(
        lengths.rank == 1 && lengths.dtype == .i32,
        "sequenceMask: lengths are \(lengths.dtype) \(lengths.shape); i32 [B] is wanted"
    )
    let numbers = Tensor((0..<positions).map { Int32($0) }, shape: [1, positions], backend: lengths.backend)
    return numbers.compared(.less, to: lengths.reshaped(lengths.shape[0], 1))
}

/// Sequences with zeros (or another value) from their lengths on.
///
/// Traps when shapes do not fit.
///
/// - Parameters:
///   - x: Sequences [B, T, C].
///   - lengths: The lengths i32 [B]; nil when all are T.
///   - filling: The value beyond a length.
/// - Returns: A tensor of the same shape and dtype; x itself without lengths.
public func masked(_ x: Tensor, lengths: Tensor?, filling: Double = 0) -> Tensor {
    guard let lengths else { return x }
    require(
        x.rank == 3 && lengths.shape == [x.shape[0]],
        "masked: lengths \(lengths.shape) do not fit the sequences \(x.shape); [B] and [B, T, C] are wanted"
    )
    let mask = sequenceMask(lengths: lengths, positions: x.shape[1]).reshaped(x.shape[0], x.shape[1], 1)
    return select(mask, x, Tensor(filling, dtype: x.dtype, backend: x.backend))
}
