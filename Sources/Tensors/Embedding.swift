import Foundation

// Rows of a table, and positions turned into rotations.

/// Rows of a table: `table[ids]`.
///
/// - Parameters:
///   - ids: Row numbers i32 of any shape […].
///   - table: The table [V, D].
///   - outputDType: The result's dtype; the table's when nil.
/// - Returns: […, D].
///
/// Traps when the ids are not i32, the table is not of rank 2, or an id lies outside 0..<V.
public func embedding(_ ids: Tensor, table: Tensor, outputDType: DType? = nil) -> Tensor {
    require(
        ids.dtype == .i32 && table.rank == 2,
        "embedding: ids of \(ids.dtype) \(ids.shape) and a table of shape \(table.shape); i32 ids and [V, D] are wanted"
    )
    let backend = table.backend
    let numbers = ids.contiguous().reshaped([ids.elementCount])
    let source = table.detached().contiguous()
    let out = Tensor.uninitialized(
        Shape(ids.shape.dimensions + [table.shape[1]]),
        dtype: outputDType ?? table.dtype,
        backend: backend
    )
    backend.gatherRows(out.rows(width: table.shape[1]).view, table: source.view, ids: numbers.view)
    return recorded(.embedding, inputs: [table], output: out) {
        let width = table.shape[1]
        return { pull in
            let gradient = pull.gradient.rows(width: width)
            pull.write(to: 0, backend: backend) { target, accumulate in
                if !accumulate { backend.fill(target, with: 0) }
                backend.scatterAddRows(table: target, rows: gradient.view, ids: numbers.view)
            }
        }
    }
}

extension Tensor {
    /// Elements along the first axis by their numbers, each as often as it is named.
    ///
    /// Traps when a number lies outside the axis.
    ///
    /// - Parameter numbers: Places on the first axis.
    /// - Returns: A tensor with as many elements along the first axis as numbers.
    public func gathered(_ numbers: [Int]) -> Tensor {
        guard dtype.isFloatingPoint else {
            return concatenate(numbers.map { slice(axis: 0, $0..<$0 + 1) }, axis: 0)
        }
        let inner = shape.dimensions.dropFirst()
        let ids = Tensor(numbers.map { Int32($0) }, shape: [numbers.count], backend: backend)
        let rows = embedding(ids, table: reshaped([shape[0], inner.reduce(1, *)]))
        return rows.reshaped([numbers.count] + inner)
    }
}

/// The angles per position of rotary embeddings, f32 [E/2]: `base^(−2i/E)`.
public func rotaryFrequencies(
    headWidth: Int,
    base: Double,
    backend: any Backend = standardBackend
) -> Tensor {
    require(headWidth % 2 == 0, "rotaryFrequencies: the head width \(headWidth) must be even")
    let values = (0..<headWidth / 2).map { (pair: Int) -> Float in
        let exponent = -2 * Double(pair) / Double(headWidth)
        return Float(Foundation.pow(base, exponent))
    }
    return Tensor(values, shape: [headWidth / 2], backend: backend)
}

/// Rotary positions: pair (i, i + E/2) of every head is turned by `positions · frequencies[i]`.
///
/// - Parameters:
///   - x: Queries or keys [B, T, H, E].
///   - positions: i32 [B, T].
///   - frequencies: f32 [E/2], see ``rotaryFrequencies(headWidth:base:backend:)``.
/// - Returns: The turned heads [B, T, H, E].
///
/// Traps when the shapes do not fit. Source: Su et al., «RoFormer», 2021.
public func rotary(_ x: Tensor, positions: Tensor, frequencies: Tensor) -> Tensor {
    checkRotary(x.shape, positions, frequencies, name: "rotary")
    let backend = x.backend
    let source = x.detached().contiguous()
    let out = Tensor.uninitialized(x.shape, dtype: x.dtype, backend: backend)
    let angles = positions.contiguous()
    func turn(_ out: TensorView, _ x: TensorView, inverse: Bool) {
        backend.rotary(
            RotaryCall(
                out: out,
                x: x,
                positions: angles.view,
                frequencies: frequencies.view,
                inverse: inverse
            )
        )
    }
    turn(out.view, source.view, inverse: false)
    return recorded(.rotary, inputs: [x], output: out) {
        { pull in
            let gradient = pull.gradient
            pull.overwrite(0, dtype: gradient.dtype, backend: backend) {
                turn($0, gradient.view, inverse: true)
            }
        }
    }
}

/// Rotary positions on the first `heads` heads of a packed projection [B, T, N·E]; the others are copied.
///
/// With `heads` = H + K this turns the queries and keys of [queries | keys | values] in one go.
public func packedRotary(
    _ x: Tensor,
    heads: Int,
    headWidth: Int,
    positions: Tensor,
    frequencies: Tensor
) -> Tensor {
    require(
        x.rank == 3 && x.shape[2] >= heads * headWidth,
        "packedRotary: \(heads) heads of width \(headWidth) do not fit \(x.shape)"
    )
    let turned: Shape = [x.shape[0], x.shape[1], heads, headWidth]
    checkRotary(turned, positions, frequencies, name: "packedRotary")
    let backend = x.backend
    let angles = positions.contiguous()
    let strides = [x.shape[1] * x.shape[2], x.shape[2], headWidth, 1]
    func turn(_ tensor: TensorView, inverse: Bool) {
        let view = tensor.reinterpreted(shape: turned, strides: strides)
        backend.rotary(
            RotaryCall(
                out: view,
                x: view,
                positions: angles.view,
                frequencies: frequencies.view,
                inverse: inverse
            )
        )
    }
    let out = x.convertedCopy(to: x.dtype)
    turn(out.view, inverse: false)
    return recorded(.packedRotary, inputs: [x], output: out) {
        { pull in
            let gradient = pull.gradient
            pull.overwrite(0, dtype: gradient.dtype, backend: backend) { target in
                backend.copy(target, from: gradient.view)
                turn(target, inverse: true)
            }
        }
    }
}

private func checkRotary(_ shape: Shape, _ positions: Tensor, _ frequencies: Tensor, name: String) {
    require(
        shape.rank == 4 && positions.dtype == .i32
            && positions.shape.dimensions == Array(shape.dimensions.prefix(2))
            && frequencies.dtype == .f32 && shape[3] % 2 == 0 && frequencies.shape == [shape[3] / 2],
        "\(name): \(shape) with positions \(positions.dtype) \(positions.shape) and frequencies \(frequencies.shape); "
            + "[B, T, H, E], i32 [B, T] and f32 [E/2] are wanted"
    )
}

extension Tensor {
    /// The tensor as [N, width], a view without a record; it must be contiguous.
    func rows(width: Int) -> Tensor {
        let count = width == 0 ? shape.dimensions.dropLast().reduce(1, *) : elementCount / width
        return Tensor(storage: storage, offset: offset, shape: [count, width], dtype: dtype)
    }
}
