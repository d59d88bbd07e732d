// Sums and the like over an axis or over everything.

extension Tensor {
    /// The sum over an axis, which disappears unless it is kept with extent 1.
    public func sum(axis: Int, keepsAxis: Bool = false) -> Tensor {
        reduced(.sum, .sum, axis: axis, keepsAxis: keepsAxis) { _, _, _ in
            { gradient, shape in gradient.expanded(to: shape) }
        }
    }

    /// The arithmetic mean over an axis.
    public func mean(axis: Int, keepsAxis: Bool = false) -> Tensor {
        let count = Double(Swift.max(shape[axis], 1))
        return reduced(.mean, .mean, axis: axis, keepsAxis: keepsAxis) { _, _, _ in
            { gradient, shape in (gradient / count).expanded(to: shape) }
        }
    }

    /// The largest value over an axis; the gradient is shared by all elements that have it.
    public func max(axis: Int, keepsAxis: Bool = false) -> Tensor {
        reduced(.max, .max, axis: axis, keepsAxis: keepsAxis, pullback: Tensor.extremumPullback)
    }

    /// The smallest value over an axis; the gradient is shared by all elements that have it.
    public func min(axis: Int, keepsAxis: Bool = false) -> Tensor {
        reduced(.min, .min, axis: axis, keepsAxis: keepsAxis, pullback: Tensor.extremumPullback)
    }

    /// The sum of all elements, a scalar.
    public func sum() -> Tensor { reshaped([elementCount]).sum(axis: 0) }

    /// The mean of all elements, a scalar.
    public func mean() -> Tensor { reshaped([elementCount]).mean(axis: 0) }

    /// The index of the first largest element over the last axis, i32.
    ///
    /// Traps when the last axis is empty.
    public func argmax() -> Tensor {
        require(rank > 0 && shape[-1] > 0, "argmax: the last axis of \(shape) is empty")
        let out = Tensor.uninitialized(
            Shape(Array(shape.dimensions.dropLast())),
            dtype: .i32,
            backend: backend
        )
        let source = detached().contiguous().rows()
        backend.argmax(out.view.reshaped([source.shape[0]]), source.view)
        return out
    }

    /// The k largest elements over the last axis in falling order, ties by lower index.
    ///
    /// Traps when the last axis has fewer than k elements.
    public func topK(_ k: Int) -> (values: Tensor, indices: Tensor) {
        require(rank > 0 && k >= 0 && k <= shape[-1], "topK: k = \(k) does not fit the last axis of \(shape)")
        let source = detached().contiguous().rows()
        let target = Shape(shape.dimensions.dropLast() + [k])
        let values = Tensor.uninitialized(target, dtype: dtype, backend: backend)
        let indices = Tensor.uninitialized(target, dtype: .i32, backend: backend)
        let rows: Shape = [source.shape[0], k]
        backend.topK(values: values.view.reshaped(rows), indices: indices.view.reshaped(rows), source.view)
        return (values, indices)
    }

    private typealias Spread = (_ gradient: Tensor, _ shape: Shape) -> Tensor

    private func reduced(
        _ reduction: Reduction,
        _ name: DifferentiableOperation,
        axis: Int,
        keepsAxis: Bool,
        pullback: @escaping (_ x: Tensor, _ kept: Tensor, _ axis: Int) -> Spread
    ) -> Tensor {
        require(dtype.isFloatingPoint, "\(reduction): the tensor is \(dtype), not of a floating-point dtype")
        let axis = shape.normalized(axis: axis)
        let outer = shape.dimensions[..<axis].reduce(1, *)
        let inner = shape.dimensions[(axis + 1)...].reduce(1, *)
        var keptDimensions = shape.dimensions
        keptDimensions[axis] = 1
        let source = detached().contiguous()
        let kept = Tensor.uninitialized(Shape(keptDimensions), dtype: dtype, backend: backend)
        backend.reduce(
            reduction,
            kept.view.reshaped([outer, inner]),
            source.view.reshaped([outer, shape.dimensions[axis], inner])
        )
        var dimensions = keptDimensions
        if !keepsAxis { dimensions.remove(at: axis) }
        let out = Tensor(storage: kept.storage, shape: Shape(dimensions), dtype: dtype)
        let whole = shape
        return recorded(name, inputs: [self], output: out) {
            let spread = pullback(source, kept, axis)
            return { pull in
                pull.add(
                    spread(pull.gradient.reshaped(keptDimensions), whole).convertedCopy(to: out.dtype),
                    to: 0,
                    isFresh: true
                )
            }
        }
    }

    private static func extremumPullback(_ x: Tensor, _ kept: Tensor, _ axis: Int) -> Spread {
        { gradient, _ in
            let hits = x.compared(.equal, to: kept).cast(to: x.dtype)
            return hits * (gradient / hits.sum(axis: axis, keepsAxis: true))
        }
    }
}

/// Softmax over the last axis.
public func softmax(_ x: Tensor) -> Tensor { softmax(x, logarithm: false) }

/// The logarithm of softmax over the last axis.
public func logSoftmax(_ x: Tensor) -> Tensor { softmax(x, logarithm: true) }

private func softmax(_ x: Tensor, logarithm: Bool) -> Tensor {
    require(
        x.rank > 0 && x.dtype.isFloatingPoint,
        "softmax: \(x.dtype) \(x.shape) has no last axis of numbers"
    )
    let backend = x.backend
    let source = x.detached().contiguous().rows()
    let out = Tensor.uninitialized(x.shape, dtype: x.dtype, backend: backend)
    backend.softmax(out.rows().view, source.view, logarithm: logarithm)
    return recorded(logarithm ? .logSoftmax : .softmax, inputs: [x], output: out) {
        { pull in
            let gradient = pull.gradient.rows()
            pull.overwrite(0, dtype: gradient.dtype, backend: backend) { target in
                backend.softmaxBackward(
                    dx: target.reshaped(gradient.shape),
                    dy: gradient.view,
                    y: out.rows().view,
                    logarithm: logarithm
                )
            }
        }
    }
}
