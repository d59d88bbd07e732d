// Operations element by element. Two operands broadcast by NumPy's rule and have one dtype.

/// Applies a function to each element.
///
/// Traps when the tensor is not of a floating-point dtype.
public func apply(_ operation: UnaryOperation, _ x: Tensor) -> Tensor {
    require(x.dtype.isFloatingPoint, "\(operation): the tensor is \(x.dtype), not of a floating-point dtype")
    let backend = x.backend
    let source = x.detached().contiguous()
    let y = Tensor.uninitialized(x.shape, dtype: x.dtype, backend: backend)
    backend.unary(operation, y.view, source.view)
    return recorded(.unary, inputs: [x], output: y) {
        { pull in
            let gradient = pull.gradient
            pull.overwrite(0, backend: backend) { target in
                backend.unaryBackward(operation, dx: target, dy: gradient.view, x: source.view, y: y.view)
            }
        }
    }
}

/// eˣ.
public func exp(_ x: Tensor) -> Tensor { apply(UnaryOperation.exp, x) }
/// The natural logarithm.
public func log(_ x: Tensor) -> Tensor { apply(UnaryOperation.log, x) }
/// The square root.
public func sqrt(_ x: Tensor) -> Tensor { apply(UnaryOperation.sqrt, x) }
/// The hyperbolic tangent.
public func tanh(_ x: Tensor) -> Tensor { apply(UnaryOperation.tanh, x) }
/// 1/(1 + e⁻ˣ).
public func sigmoid(_ x: Tensor) -> Tensor { apply(UnaryOperation.sigmoid, x) }
/// max(x, 0).
public func relu(_ x: Tensor) -> Tensor { apply(UnaryOperation.relu, x) }
/// The magnitude.
public func abs(_ x: Tensor) -> Tensor { apply(UnaryOperation.absolute, x) }
/// x · Φ(x), or its tanh approximation.
public func gelu(_ x: Tensor, approximate: Bool = false) -> Tensor {
    apply(approximate ? UnaryOperation.geluTanh : .gelu, x)
}
/// x · sigmoid(x).
public func silu(_ x: Tensor) -> Tensor { apply(UnaryOperation.silu, x) }

/// An activation as an operation of its own.
public func apply(_ activation: Activation, _ x: Tensor) -> Tensor {
    guard let operation = activation.unaryOperation else { return x }
    return apply(operation, x)
}

/// A function of two tensors, with the broadcast shape.
private func combine(
    _ operation: BinaryOperation,
    _ a: Tensor,
    _ b: Tensor,
    _ name: DifferentiableOperation,
    pullback: () -> (Pullback) -> Void
) -> Tensor {
    guard let shape = Shape.broadcast(a.shape, b.shape) else {
        require(
            false,
            "\(operation): \(a.shape) and \(b.shape) do not fit; extents must be equal or 1 from the end"
        )
        return a
    }
    require(a.dtype == b.dtype, "\(operation): dtypes \(a.dtype) and \(b.dtype) differ; cast one of them")
    let out = Tensor.uninitialized(shape, dtype: a.dtype, backend: a.backend)
    a.backend.binary(
        operation,
        out.view,
        a.detached().expanded(to: shape).view,
        b.detached().expanded(to: shape).view
    )
    return recorded(name, inputs: [a, b], output: out, pullback: pullback)
}

extension Tensor {
    /// Element by element a + b.
    public static func + (a: Tensor, b: Tensor) -> Tensor {
        combine(.add, a, b, .add) {
            { pull in
                let gradient = pull.gradient
                pull.add(gradient.summed(to: a.shape), to: 0)
                pull.add(gradient.summed(to: b.shape), to: 1)
            }
        }
    }

    /// Element by element a − b.
    public static func - (a: Tensor, b: Tensor) -> Tensor {
        combine(.subtract, a, b, .subtract) {
            { pull in
                let gradient = pull.gradient
                pull.add(gradient.summed(to: a.shape), to: 0)
                pull.add((-gradient).summed(to: b.shape), to: 1, isFresh: true)
            }
        }
    }

    /// Element by element a · b.
    public static func * (a: Tensor, b: Tensor) -> Tensor {
        combine(.multiply, a, b, .multiply) {
            let (a, b) = (a.detached(), b.detached())
            return { pull in
                let gradient = pull.gradient
                pull.add((gradient * b).summed(to: a.shape), to: 0, isFresh: true)
                pull.add((gradient * a).summed(to: b.shape), to: 1, isFresh: true)
            }
        }
    }

    /// Element by element a / b.
    public static func / (a: Tensor, b: Tensor) -> Tensor {
        combine(.divide, a, b, .divide) {
            let (a, b) = (a.detached(), b.detached())
            return { pull in
                let gradient = pull.gradient
                let quotient = gradient / b
                pull.add(quotient.summed(to: a.shape), to: 0, isFresh: true)
                pull.add((-(quotient * a / b)).summed(to: b.shape), to: 1, isFresh: true)
            }
        }
    }

    /// Element by element −a.
    public static prefix func - (a: Tensor) -> Tensor { apply(.negate, a) }

    /// Every element times a number plus a number.
    public func affine(scale: Double = 1, shift: Double = 0) -> Tensor {
        require(dtype.isFloatingPoint, "affine: the tensor is \(dtype), not of a floating-point dtype")
        let source = detached().contiguous()
        let out = Tensor.uninitialized(shape, dtype: dtype, backend: backend)
        backend.affine(out.view, source.view, scale: scale, shift: shift)
        return recorded(.affine, inputs: [self], output: out) {
            { pull in pull.add(pull.gradient.affine(scale: scale), to: 0, isFresh: true) }
        }
    }

    /// Every element plus a number.
    public static func + (a: Tensor, b: Double) -> Tensor { a.affine(shift: b) }
    /// Every element minus a number.
    public static func - (a: Tensor, b: Double) -> Tensor { a.affine(shift: -b) }
    /// Every element times a number.
    public static func * (a: Tensor, b: Double) -> Tensor { a.affine(scale: b) }
    /// Every element divided by a number.
    public static func / (a: Tensor, b: Double) -> Tensor { a.affine(scale: 1 / b) }

    /// Compares element by element; a mask of u8 with the broadcast shape.
    ///
    /// Traps when shapes or dtypes do not fit.
    public func compared(_ comparison: Comparison, to other: Tensor) -> Tensor {
        guard let target = Shape.broadcast(shape, other.shape), dtype == other.dtype else {
            require(false, "\(comparison): \(dtype) \(shape) and \(other.dtype) \(other.shape) do not fit")
            return self
        }
        let out = Tensor.uninitialized(target, dtype: .u8, backend: backend)
        let (a, b) = (detached().expanded(to: target), other.detached().expanded(to: target))
        backend.compare(comparison, out.view, a.view, b.view)
        return out
    }
}

/// The larger of two values, element by element; where they are equal each gets half of the gradient.
public func maximum(_ a: Tensor, _ b: Tensor) -> Tensor { extremum(.maximum, a, b) }
/// The smaller of two values, element by element; where they are equal each gets half of the gradient.
public func minimum(_ a: Tensor, _ b: Tensor) -> Tensor { extremum(.minimum, a, b) }

private func extremum(_ operation: BinaryOperation, _ a: Tensor, _ b: Tensor) -> Tensor {
    combine(operation, a, b, operation == .maximum ? .maximum : .minimum) {
        let (a, b) = (a.detached(), b.detached())
        let wins = a.compared(operation == .maximum ? .greater : .less, to: b).cast(to: a.dtype)
        let ties = a.compared(.equal, to: b).cast(to: a.dtype)
        return { pull in
            let gradient = pull.gradient
            let toA = gradient * (wins + ties * 0.5)
            pull.add(toA.summed(to: a.shape), to: 0, isFresh: true)
            pull.add((gradient - toA).summed(to: b.shape), to: 1, isFresh: true)
        }
    }
}

/// a to the power b, element by element; the gradient of b is for a > 0.
public func pow(_ a: Tensor, _ b: Tensor) -> Tensor {
    combine(.power, a, b, .power) {
        let (a, b) = (a.detached(), b.detached())
        return { pull in
            let gradient = pull.gradient
            if pull.wants(0) {
                pull.add((gradient * b * pow(a, b - 1)).summed(to: a.shape), to: 0, isFresh: true)
            }
            if pull.wants(1) {
                pull.add((gradient * pow(a, b) * log(a)).summed(to: b.shape), to: 1, isFresh: true)
            }
        }
    }
}

/// Element by element a where the mask (u8) is not 0, else b; the three broadcast.
///
/// Traps when shapes or dtypes do not fit.
public func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    guard let pair = Shape.broadcast(a.shape, b.shape), let shape = Shape.broadcast(pair, condition.shape),
        a.dtype == b.dtype, condition.dtype == .u8
    else {
        require(
            false,
            "select: \(condition.dtype) \(condition.shape), \(a.dtype) \(a.shape), \(b.dtype) \(b.shape) do not fit"
        )
        return a
    }
    let out = Tensor.uninitialized(shape, dtype: a.dtype, backend: a.backend)
    let mask = condition.expanded(to: shape)
    let (left, right) = (a.detached().expanded(to: shape), b.detached().expanded(to: shape))
    a.backend.select(out.view, condition: mask.view, left.view, right.view)
    return recorded(.select, inputs: [a, b], output: out) {
        { pull in
            let gradient = pull.gradient
            let zero = Tensor(0, dtype: gradient.dtype, backend: gradient.backend)
            pull.add(select(mask, gradient, zero).summed(to: a.shape), to: 0, isFresh: true)
            pull.add(select(mask, zero, gradient).summed(to: b.shape), to: 1, isFresh: true)
        }
    }
}

/// Inverted dropout: elements are zeroed with the given probability and the others divided by 1 − p.
///
/// The choice depends on the source alone: element i uses word `position + i`.
public func dropout(_ x: Tensor, probability: Float, random: RandomSource) -> Tensor {
    require(probability >= 0 && probability < 1, "dropout: the probability \(probability) must lie in 0..<1")
    if probability == 0 { return x }
    let backend = x.backend
    let source = x.detached().contiguous()
    let out = Tensor.uninitialized(x.shape, dtype: x.dtype, backend: backend)
    backend.dropout(out.view, source.view, probability: probability, random: random)
    return recorded(.dropout, inputs: [x], output: out) {
        { pull in
            let gradient = pull.gradient
            pull.overwrite(0, dtype: gradient.dtype, backend: backend) { target in
                backend.dropout(target, gradient.view, probability: probability, random: random)
            }
        }
    }
}

/// A gated feed-forward's middle: `activation(x[…, :F]) · x[…, F:]` for x […, 2F].
///
/// Source: Shazeer, «GLU variants improve Transformer», 2020.
public func gated(_ activation: Activation, _ x: Tensor) -> Tensor {
    require(x.rank > 0 && x.shape[-1] % 2 == 0, "gated: the last axis of \(x.shape) must be even")
    let backend = x.backend
    let source = x.detached().contiguous().rows()
    let width = source.shape[1] / 2
    let out = Tensor.uninitialized(
        Shape(x.shape.dimensions.dropLast() + [width]),
        dtype: x.dtype,
        backend: backend
    )
    backend.gatedActivation(activation, out.rows().view, source.view)
    let kept = source
    return recorded(.gatedActivation, inputs: [x], output: out) {
        { pull in
            let gradient = pull.gradient.rows()
            pull.overwrite(0, dtype: gradient.dtype, backend: backend) { target in
                backend.gatedActivationBackward(
                    activation,
                    dx: target.reshaped(kept.shape),
                    dy: gradient.view,
                    x: kept.view
                )
            }
        }
    }
}

extension Tensor {
    /// All axes but the last as one: [N, last], a view without a record; the tensor must be contiguous.
    func rows() -> Tensor {
        let width = rank == 0 ? 1 : shape[-1]
        let count = rank == 0 ? 1 : shape.dimensions.dropLast().reduce(1, *)
        return Tensor(storage: storage, offset: offset, shape: [count, width], dtype: dtype)
    }
}
