// Operations that move elements without changing their values.

extension Tensor {
    /// The same elements in row-major order in one piece; the tensor itself when it is so already.
    public func contiguous() -> Tensor {
        if isContiguous { return self }
        return recorded(.reshape, inputs: [self], output: convertedCopy(to: dtype)) {
            { pull in pull.add(pull.gradient, to: 0) }
        }
    }

    /// The elements in another shape; one extent may be −1 and is worked out.
    ///
    /// Traps when the counts of elements differ.
    public func reshaped(_ dimensions: [Int], file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        var target = dimensions
        if let open = target.firstIndex(of: -1) {
            let known = target.filter { $0 != -1 }.reduce(1, *)
            target[open] = known == 0 ? 0 : elementCount / known
        }
        let newShape = Shape(target)
        require(
            newShape.elementCount == elementCount,
            "reshaped: \(shape) has \(elementCount) elements, which do not fit \(dimensions)",
            file: file,
            line: line
        )
        if newShape == shape { return self }
        let source = isContiguous ? detached() : convertedCopy(to: dtype)
        let out = Tensor(storage: source.storage, offset: source.offset, shape: newShape, dtype: dtype)
        let oldShape = shape
        return recorded(.reshape, inputs: [self], output: out) {
            { pull in pull.add(pull.gradient.contiguous().reshaped(oldShape.dimensions), to: 0) }
        }
    }

    /// The elements in another shape; one extent may be −1 and is worked out.
    public func reshaped(_ dimensions: Int..., file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        reshaped(dimensions, file: file, line: line)
    }

    /// The axes in another order: axis i of the result is axis `order[i]` of this tensor.
    ///
    /// A view.
    ///
    /// Traps when `order` does not name every axis once.
    public func permuted(_ order: [Int]) -> Tensor {
        require(
            order.sorted() == Array(0..<rank),
            "permuted: the order \(order) must name each of the \(rank) axes of \(shape) once"
        )
        let out = Tensor(
            storage: storage,
            offset: offset,
            shape: Shape(order.map { shape[$0] }),
            strides: order.map { strides[$0] },
            dtype: dtype
        )
        return recorded(.permute, inputs: [self], output: out) {
            var inverse = [Int](repeating: 0, count: order.count)
            for (position, axis) in order.enumerated() { inverse[axis] = position }
            return { pull in pull.add(pull.gradient.permuted(inverse).contiguous(), to: 0) }
        }
    }

    /// Two axes exchanged (the last two unless told otherwise).
    ///
    /// A view.
    public func transposed(_ first: Int = -2, _ second: Int = -1) -> Tensor {
        var order = Array(0..<rank)
        order.swapAt(shape.normalized(axis: first), shape.normalized(axis: second))
        return permuted(order)
    }

    /// The part of an axis in a range of positions.
    ///
    /// A view.
    ///
    /// Traps when the range leaves the axis.
    public func slice(axis: Int, _ range: Range<Int>) -> Tensor {
        let axis = shape.normalized(axis: axis)
        require(
            range.lowerBound >= 0 && range.upperBound <= shape[axis],
            "slice: \(range) leaves axis \(axis) of shape \(shape)"
        )
        let part = region(axis: axis, range)
        let whole = shape
        let backend = backend
        return recorded(.slice, inputs: [self], output: part) {
            { pull in
                pull.write(to: 0, backend: backend) { target, accumulate in
                    if !accumulate { backend.fill(target, with: 0) }
                    let region = target.region(axis: axis, range, of: whole)
                    let gradient = pull.gradient
                    if accumulate {
                        backend.binary(.add, region, region, gradient.view)
                    } else {
                        backend.copy(region, from: gradient.view)
                    }
                }
            }
        }
    }

    /// One position of an axis, which disappears.
    ///
    /// A view.
    public func select(axis: Int, _ position: Int) -> Tensor {
        let axis = shape.normalized(axis: axis)
        var dimensions = shape.dimensions
        dimensions.remove(at: axis)
        return slice(axis: axis, position..<position + 1).reshaped(dimensions)
    }

    /// The axis cut into parts of the given extents.
    ///
    /// Views.
    ///
    /// Traps when the extents do not add up to the axis.
    public func split(axis: Int, _ extents: [Int]) -> [Tensor] {
        require(
            extents.reduce(0, +) == shape[axis],
            "split: the extents \(extents) do not add up to axis \(axis) of shape \(shape)"
        )
        var start = 0
        return extents.map { extent in
            defer { start += extent }
            return slice(axis: axis, start..<start + extent)
        }
    }

    /// Axes of extent 1 stretched to a shape (NumPy's rule).
    ///
    /// A view.
    ///
    /// Traps when the shapes do not fit.
    public func expanded(to target: Shape) -> Tensor {
        if target == shape { return self }
        require(
            Shape.broadcast(shape, target) == target,
            "expanded: \(shape) does not stretch to \(target); each extent must be equal or 1, counted from the end"
        )
        let added = target.rank - rank
        let stretched = (0..<target.rank).map { axis in
            axis < added || shape.dimensions[axis - added] != target.dimensions[axis]
                ? 0 : strides[axis - added]
        }
        let out = Tensor(storage: storage, offset: offset, shape: target, strides: stretched, dtype: dtype)
        let original = shape
        return recorded(.expand, inputs: [self], output: out) {
            { pull in pull.add(pull.gradient.summed(to: original), to: 0) }
        }
    }

    /// The values as another dtype; the tensor itself when it has that dtype.
    public func cast(to target: DType) -> Tensor {
        if target == dtype { return self }
        let source = dtype
        let out = convertedCopy(to: target)
        guard source.isFloatingPoint && target.isFloatingPoint else { return out }
        return recorded(.cast, inputs: [self], output: out) {
            { pull in pull.add(pull.gradient.convertedCopy(to: source), to: 0, isFresh: true) }
        }
    }

    /// A part of an axis as a view, without a record.
    func region(axis: Int, _ range: Range<Int>) -> Tensor {
        var dimensions = shape.dimensions
        dimensions[axis] = range.count
        let start = offset + range.lowerBound * strides[axis]
        return Tensor(
            storage: storage,
            offset: start,
            shape: Shape(dimensions),
            strides: strides,
            dtype: dtype
        )
    }

    /// The sum over the axes that broadcasting from `target` stretched; contiguous.
    func summed(to target: Shape) -> Tensor {
        if shape == target { return self }
        var result = self
        while result.rank > target.rank { result = result.sum(axis: 0) }
        for axis in 0..<target.rank where target.dimensions[axis] != result.shape.dimensions[axis] {
            result = result.sum(axis: axis, keepsAxis: true)
        }
        return result
    }
}

extension TensorView {
    /// A part of an axis of contiguous memory of shape `whole`.
    func region(axis: Int, _ range: Range<Int>, of whole: Shape) -> TensorView {
        var dimensions = whole.dimensions
        dimensions[axis] = range.count
        let strides = whole.contiguousStrides
        return advanced(by: range.lowerBound * strides[axis], shape: Shape(dimensions), strides: strides)
    }
}

/// Tensors of one dtype joined along an axis.
///
/// Traps when there are none, or when dtypes or the other extents differ.
public func concatenate(_ tensors: [Tensor], axis: Int) -> Tensor {
    require(!tensors.isEmpty, "concatenate: there are no tensors")
    let first = tensors[0]
    let axis = first.shape.normalized(axis: axis)
    var dimensions = first.shape.dimensions
    dimensions[axis] = 0
    for tensor in tensors {
        var other = tensor.shape.dimensions
        if axis < other.count { other[axis] = 0 }
        var expected = dimensions
        expected[axis] = 0
        require(
            other == expected && tensor.dtype == first.dtype,
            "concatenate: \(tensor.dtype) \(tensor.shape) does not join \(first.dtype) \(first.shape) along axis \(axis)"
        )
        dimensions[axis] += tensor.shape[axis]
    }
    let out = Tensor.uninitialized(Shape(dimensions), dtype: first.dtype, backend: first.backend)
    var start = 0
    var ranges: [Range<Int>] = []
    for tensor in tensors {
        let range = start..<start + tensor.shape[axis]
        first.backend.copy(out.region(axis: axis, range).view, from: tensor.view)
        ranges.append(range)
        start = range.upperBound
    }
    return recorded(.concatenate, inputs: tensors, output: out) {
        { pull in
            let gradient = pull.gradient
            for (input, range) in ranges.enumerated() {
                pull.add(
                    gradient.region(axis: axis, range).convertedCopy(to: gradient.dtype),
                    to: input,
                    isFresh: true
                )
            }
        }
    }
}
