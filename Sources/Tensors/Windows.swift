// Windows over sequences: what convolutions and pooling read.

/// How a window moves over the positions of a sequence.
public struct WindowOptions: Sendable, Hashable {
    /// The number of positions K in a window.
    public var width: Int
    /// The distance of two windows.
    public var stride: Int
    /// The distance of two positions in a window.
    public var dilation: Int
    /// The number of positions put before the first one.
    public var leading: Int
    /// The number of positions put behind the last one.
    public var trailing: Int

    /// Describes windows side by side at every position, without padding unless told otherwise.
    ///
    /// Traps when an extent is not positive or a padding is negative.
    public init(width: Int, stride: Int = 1, dilation: Int = 1, leading: Int = 0, trailing: Int = 0) {
        require(
            width > 0 && stride > 0 && dilation > 0 && leading >= 0 && trailing >= 0,
            "WindowOptions: width \(width), stride \(stride) and dilation \(dilation) must be positive, the paddings "
                + "\(leading) and \(trailing) not negative"
        )
        self.width = width
        self.stride = stride
        self.dilation = dilation
        self.leading = leading
        self.trailing = trailing
    }

    /// The number of windows over so many positions.
    ///
    /// - Parameter positions: The number of positions T.
    /// - Returns: The number of windows, 0 when none fits.
    public func count(over positions: Int) -> Int {
        let room = positions + leading + trailing - dilation * (width - 1) - 1
        return room < 0 ? 0 : room / stride + 1
    }
}

/// The windows over the positions of sequences: `out[b, t, k] = x[b, t·stride + k·dilation − leading]`.
///
/// - Parameters:
///   - x: Sequences [B, T, C].
///   - options: How the windows move.
///   - filling: The value of positions that padding puts before and behind.
/// - Returns: [B, windows, K, C] of x's dtype.
///
/// Traps when x has no three axes.
public func windows(_ x: Tensor, _ options: WindowOptions, filling: Double = 0) -> Tensor {
    require(
        x.rank == 3 && x.dtype.isFloatingPoint,
        "windows: \(x.dtype) \(x.shape) is no floating [B, T, C]"
    )
    let backend = x.backend
    let (batch, positions, width) = (x.shape[0], x.shape[1], x.shape[2])
    let padded: Shape = [batch, positions + options.leading + options.trailing, width]
    let inner = options.leading..<options.leading + positions
    let count = options.count(over: positions)
    var source = x.detached().contiguous()
    if padded != x.shape {
        let room = Tensor.full(padded, filling, dtype: x.dtype, backend: backend)
        backend.copy(room.region(axis: 1, inner).view, from: source.view)
        source = room
    }
    let out = Tensor.uninitialized(
        [batch, count, options.width, width],
        dtype: x.dtype,
        backend: backend
    )
    let steps = [padded[1] * width, options.stride * width, options.dilation * width, 1]
    backend.copy(out.view, from: source.view.reinterpreted(shape: out.shape, strides: steps))
    return recorded(.windows, inputs: [x], output: out) {
        { pull in
            let gradient = pull.gradient
            // Positions of one place k in their windows never meet, so each place is added at once.
            let sum = Tensor.zeros(padded, dtype: gradient.dtype, backend: backend)
            let part: Shape = [batch, count, width]
            for k in 0..<options.width where count > 0 {
                let target = sum.view.advanced(
                    by: k * options.dilation * width,
                    shape: part,
                    strides: [padded[1] * width, options.stride * width, 1]
                )
                let source = gradient.view.advanced(
                    by: k * width,
                    shape: part,
                    strides: [count * options.width * width, options.width * width, 1]
                )
                backend.binary(.add, target, target, source)
            }
            pull.add(sum.region(axis: 1, inner).contiguous(), to: 0, isFresh: true)
        }
    }
}
