// Scaled dot-product attention.

/// Which positions belong together: a query sees a key only where their segments are equal and not negative.
///
/// Serves padding (segment −1) and documents packed into one row.
public struct AttentionSegments: Sendable {
    /// Segments of the queries, i32 [B, T].
    public let queries: Tensor
    /// Segments of the keys, i32 [B, S].
    public let keys: Tensor

    /// Segments of queries and keys.
    public init(queries: Tensor, keys: Tensor) {
        self.queries = queries
        self.keys = keys
    }

    /// The same segments for queries and keys (self-attention).
    public init(_ both: Tensor) {
        self.init(queries: both, keys: both)
    }
}

/// Attention of queries over keys and values: `softmax(q · kᵀ · scale + mask) · v`, without a T×S matrix in memory.
///
/// - Parameters:
///   - q: Queries [B, T, H, E].
///   - k: Keys [B, S, K, E], H a multiple of K (grouped heads).
///   - v: Values [B, S, K, E].
///   - segments: Which positions belong together, or nil for all.
///   - options: Scale, causality, dropout.
/// - Returns: [B, T, H, E].
///
/// Traps when the shapes do not fit. Source: Vaswani et al., 2017; tiling after Dao, 2023.
public func attention(
    _ q: Tensor,
    _ k: Tensor,
    _ v: Tensor,
    segments: AttentionSegments? = nil,
    options: AttentionOptions
) -> Tensor {
    checkAttention(q.shape, k.shape, v.shape, segments)
    let backend = q.backend
    let recording = isRecording(q, k, v)
    let out = Tensor.uninitialized(q.shape, dtype: q.dtype, backend: backend)
    let statistics = recording ? statisticsTensor(q.shape, q.dtype, backend) : nil
    let (qs, ks, vs) = (q.detached().unitStride(), k.detached().unitStride(), v.detached().unitStride())
    var call = AttentionForward(
        out: out.view,
        logSumExp: statistics?.view,
        q: qs.view,
        k: ks.view,
        v: vs.view,
        options: options
    )
    call.querySegments = segments?.queries.contiguous().view
    call.keySegments = segments?.keys.contiguous().view
    backend.attentionForward(call)
    let forward = call
    return recorded(.attention, inputs: [q, k, v], output: out) {
        { pull in
            let gradient = pull.gradient
            let dq = Tensor.uninitialized(qs.shape, dtype: qs.dtype, backend: backend)
            let dk = Tensor.uninitialized(ks.shape, dtype: ks.dtype, backend: backend)
            let dv = Tensor.uninitialized(vs.shape, dtype: vs.dtype, backend: backend)
            backend.attentionBackward(
                AttentionBackward(
                    dq: dq.view,
                    dk: dk.view,
                    dv: dv.view,
                    dout: gradient.view,
                    forward: forward
                )
            )
            pull.add(dq, to: 0, isFresh: true)
            pull.add(dk, to: 1, isFresh: true)
            pull.add(dv, to: 2, isFresh: true)
        }
    }
}

/// Self-attention on a packed projection [queries | keys | values]; the gradient comes back packed, so nothing is
/// ever cut or joined.
///
/// - Parameters:
///   - x: The projection [B, T, (H + 2K)·E].
///   - heads: H.
///   - keyValueHeads: K, which divides H.
///   - segments: i32 [B, T], or nil when all positions belong together.
///   - options: Scale, causality, dropout.
/// - Returns: [B, T, H·E].
///
/// Traps when the shapes do not fit.
public func packedAttention(
    _ x: Tensor,
    heads: Int,
    keyValueHeads: Int,
    segments: Tensor? = nil,
    options: AttentionOptions
) -> Tensor {
    let groups = heads + 2 * keyValueHeads
    require(
        x.rank == 3 && groups > 0 && x.shape[2] % groups == 0,
        "packedAttention: \(x.shape) does not hold \(heads) query and 2 × \(keyValueHeads) key/value heads"
    )
    let parts = PackedHeads(shape: x.shape, heads: heads, keyValueHeads: keyValueHeads)
    checkAttention(
        parts.shape(heads),
        parts.shape(keyValueHeads),
        parts.shape(keyValueHeads),
        segments.map { AttentionSegments($0) }
    )
    let backend = x.backend
    let source = x.detached().contiguous()
    let out = Tensor.uninitialized(
        [x.shape[0], x.shape[1], heads * parts.width],
        dtype: x.dtype,
        backend: backend
    )
    let statistics = isRecording(x) ? statisticsTensor(parts.shape(heads), x.dtype, backend) : nil
    var call = AttentionForward(
        out: out.view.reshaped(parts.shape(heads)),
        logSumExp: statistics?.view,
        q: parts.queries(source.view),
        k: parts.keys(source.view),
        v: parts.values(source.view),
        options: options
    )
    call.querySegments = segments?.contiguous().view
    call.keySegments = call.querySegments
    backend.attentionForward(call)
    let forward = call
    return recorded(.packedAttention, inputs: [x], output: out) {
        { pull in
            let gradient = pull.gradient
            pull.overwrite(0, dtype: gradient.dtype, backend: backend) { target in
                backend.attentionBackward(
                    AttentionBackward(
                        dq: parts.queries(target),
                        dk: parts.keys(target),
                        dv: parts.values(target),
                        dout: gradient.view.reshaped(parts.shape(heads)),
                        forward: forward
                    )
                )
            }
        }
    }
}

/// Where queries, keys and values lie in a packed projection.
private struct PackedHeads {
    let shape: Shape
    let heads: Int
    let keyValueHeads: Int
    var width: Int { shape[2] / (heads + 2 * keyValueHeads) }

    func shape(_ count: Int) -> Shape { [shape[0], shape[1], count, width] }
    func queries(_ view: TensorView) -> TensorView { part(view, from: 0, count: heads) }
    func keys(_ view: TensorView) -> TensorView { part(view, from: heads, count: keyValueHeads) }
    func values(_ view: TensorView) -> TensorView {
        part(view, from: heads + keyValueHeads, count: keyValueHeads)
    }

    private func part(_ view: TensorView, from first: Int, count: Int) -> TensorView {
        view.advanced(
            by: first * width,
            shape: shape(count),
            strides: [shape[1] * shape[2], shape[2], width, 1]
        )
    }
}

private func statisticsTensor(_ q: Shape, _ dtype: DType, _ backend: any Backend) -> Tensor {
    Tensor.uninitialized([q[0], q[2], q[1]], dtype: dtype.accumulation, backend: backend)
}

private func checkAttention(_ q: Shape, _ k: Shape, _ v: Shape, _ segments: AttentionSegments?) {
    require(
        q.rank == 4 && k.rank == 4 && k == v && q[0] == k[0] && q[3] == k[3] && k[2] > 0 && q[2] % k[2] == 0,
        "attention: queries \(q), keys \(k), values \(v) do not fit; [B, T, H, E], [B, S, K, E] and the same are "
            + "wanted, with H a multiple of K"
    )
    guard let segments else { return }
    require(
        segments.queries.shape == [q[0], q[1]] && segments.keys.shape == [k[0], k[1]]
            && segments.queries.dtype == .i32 && segments.keys.dtype == .i32,
        "attention: segments \(segments.queries.shape) and \(segments.keys.shape) must be i32 [\(q[0]), \(q[1])] and "
            + "[\(k[0]), \(k[1])]"
    )
}

extension Tensor {
    /// The tensor itself when its last axis has unit stride, else a contiguous copy.
    func unitStride() -> Tensor {
        rank > 0 && (strides[rank - 1] == 1 || shape[-1] == 1) && !strides.contains(0) ? self : contiguous()
    }
}
