/// Filters over windows of positions, side by side.
public struct WindowFilters {
    /// The weights [F, K, C]: for each filter those of a window's positions.
    public var weight: Tensor
    /// What is added to each filter's products [F], in any floating dtype; nil for nothing.
    public var bias: Tensor?
    /// The number of positions put before a sequence, below K.
    public var leading: Int
    /// The number of positions put behind a sequence, below K.
    public var trailing: Int

    /// Describes filters without padding.
    public init(weight: Tensor, bias: Tensor? = nil, leading: Int = 0, trailing: Int = 0) {
        self.weight = weight
        self.bias = bias
        self.leading = leading
        self.trailing = trailing
    }

    var width: Int { weight.shape[1] }
}

/// The largest value of each filter over the windows of each sequence: of all groups of filters, side by side.
///
/// Windows move by one position, also over the padding, which is zeros; a sequence ends at its length. The gradient
/// goes to the first window that has the largest value, which makes the backward pass a small part of a convolution's.
/// A sequence without a window has zeros.
///
/// - Parameters:
///   - x: Sequences [B, T, C].
///   - filters: Groups of filters of x's dtype.
///   - lengths: The lengths i32 [B], each in 0...T; nil when all are T.
/// - Returns: [B, F of all groups], f64 for f64 and f32 otherwise.
///
/// Traps when shapes or dtypes do not fit, a padding is as large as a window, or a length lies outside 0...T.
public func windowMaxima(_ x: Tensor, filters: [WindowFilters], lengths: Tensor? = nil) -> Tensor {
    require(
        x.rank == 3 && x.dtype.isFloatingPoint && !filters.isEmpty,
        "windowMaxima: \(x.dtype) \(x.shape) and \(filters.count) groups of filters; a floating [B, T, C] is wanted"
    )
    for group in filters {
        require(
            group.weight.rank == 3 && group.weight.shape[2] == x.shape[2] && group.weight.dtype == x.dtype,
            "windowMaxima: filters \(group.weight.dtype) \(group.weight.shape) do not fit \(x.dtype) \(x.shape); "
                + "[F, K, C] is wanted"
        )
        require(
            group.width > 0 && (0..<group.width).contains(group.leading)
                && (0..<group.width).contains(group.trailing),
            "windowMaxima: paddings \(group.leading) and \(group.trailing) of windows of \(group.width); each must be "
                + "smaller"
        )
    }
    let scan = WindowScan(x, filters, lengths)
    let inputs = [x] + filters.flatMap { [$0.weight] + ($0.bias.map { [$0] } ?? []) }
    return recorded(.windowMaxima, inputs: inputs, output: scan.values) {
        { pull in scan.pull(pull) }
    }
}

/// The largest values of filters over windows, and what their gradients need; off any tape.
private struct WindowScan {
    let values: Tensor
    private let source: Tensor
    private let lengths: Tensor?
    private let places: Tensor
    private let groups: [(weight: Tensor, columns: Range<Int>, leading: Int, hasBias: Bool)]

    init(_ x: Tensor, _ filters: [WindowFilters], _ lengths: Tensor?) {
        let (backend, wide) = (x.backend, x.dtype.accumulation)
        let (batch, positions, width) = (x.shape[0], x.shape[1], x.shape[2])
        let count = filters.reduce(0) { $0 + $1.weight.shape[0] }
        let (source, lengths) = (x.detached().contiguous(), lengths?.contiguous())
        let values = Tensor.uninitialized([batch, count], dtype: wide, backend: backend)
        let places = Tensor.uninitialized([batch, count], dtype: .i32, backend: backend)
        // The sequences lie one after the other with one padding between them, so that the windows of all are the
        // rows of one matrix, each a position further on than the one before.
        let padding = filters.reduce(0) { max($0, $1.leading, $1.trailing) }
        let stride = positions + padding
        let room = Tensor.zeros([padding + batch * stride, width], dtype: x.dtype, backend: backend)
        let inner = room.view.advanced(
            by: padding * width,
            shape: x.shape,
            strides: [stride * width, width, 1]
        )
        if let lengths {
            let mask = sequenceMask(lengths: lengths, positions: positions).reshaped(batch, positions, 1)
            backend.select(
                inner,
                condition: mask.expanded(to: x.shape).view,
                source.view,
                Tensor(0, dtype: x.dtype, backend: backend).expanded(to: x.shape).view
            )
        } else {
            backend.copy(inner, from: source.view)
        }
        var (groups, first): ([(weight: Tensor, columns: Range<Int>, leading: Int, hasBias: Bool)], Int) = (
            [], 0
        )
        for group in filters {
            let (own, weight) = (group.weight.shape[0], group.weight.detached().contiguous())
            let columns = first..<first + own
            let rows = batch * stride - max(0, group.width - 1 - group.leading)
            let most = positions == 0 ? 0 : positions + group.leading + group.trailing - group.width + 1
            let product = Tensor.uninitialized([max(rows, 0), own], dtype: wide, backend: backend)
            if most > 0, rows > 0 {
                let windows = room.view.advanced(
                    by: (padding - group.leading) * width,
                    shape: [rows, group.width * width],
                    strides: [width, 1]
                )
                let matrix = weight.view.reshaped([own, group.width * width])
                var call = MatrixProduct(c: product.view, a: windows, b: matrix.transposedMatrices())
                call.bias = group.bias?.detached().contiguous().view
                backend.matrixProduct(call)
            }
            var maxima = RowMaxima(
                values: values.region(axis: 1, columns).view,
                places: places.region(axis: 1, columns).view,
                rows: product.view.reinterpreted(
                    shape: [batch, max(most, 0), own],
                    strides: [stride * own, own, 1]
                )
            )
            (maxima.lengths, maxima.positions) = (lengths?.view, positions)
            backend.rowMaxima(maxima)
            groups.append((weight, columns, group.leading, group.bias != nil))
            first += own
        }
        (self.source, self.lengths, self.values, self.places, self.groups) = (
            source, lengths, values, places, groups
        )
    }

    /// Inputs are x and, of each group, the weight and, where given, the bias.
    func pull(_ pull: Pullback) {
        let (gradient, backend) = (pull.gradient, source.backend)
        let sourceGradient =
            pull.wants(0) ? Tensor.zeros(source.shape, dtype: gradient.dtype, backend: backend) : nil
        var input = 1
        for group in groups {
            let part = gradient.region(axis: 1, group.columns)
            var call = WindowMaximaGradient(
                gradient: part.view,
                places: places.region(axis: 1, group.columns).view,
                source: source.view,
                weight: group.weight.view
            )
            (call.lengths, call.leading) = (lengths?.view, group.leading)
            call.sourceGradient = sourceGradient?.view
            func wanted(_ input: Int, _ shape: Shape) -> Tensor? {
                pull.wants(input) ? .uninitialized(shape, dtype: gradient.dtype, backend: backend) : nil
            }
            let weight = wanted(input, group.weight.shape)
            let bias = group.hasBias ? wanted(input + 1, [group.columns.count]) : nil
            (call.weightGradient, call.biasGradient) = (weight?.view, bias?.view)
            backend.windowMaximaGradient(call)
            if let weight { pull.add(weight, to: input, isFresh: true) }
            if let bias { pull.add(bias, to: input + 1, isFresh: true) }
            input += group.hasBias ? 2 : 1
        }
        if let sourceGradient { pull.add(sourceGradient, to: 0, isFresh: true) }
    }
}
