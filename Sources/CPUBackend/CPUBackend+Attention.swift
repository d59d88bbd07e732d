import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// Scaled dot-product attention over tiles, see ``AttentionForward``.
    ///
    /// Traps when shapes, dtypes or strides do not fit together.
    public func attentionForward(_ call: AttentionForward) {
        let sizes = AttentionSizes(call, door: "attentionForward")
        withUnsafePointer(to: sizes.kernelCall(call)) { yk_attention_forward($0) }
    }

    /// The gradient of attention, see ``AttentionBackward``; needs the forward pass's log-sum-exp.
    ///
    /// Traps when shapes, dtypes or strides do not fit together, or when the log-sum-exp is missing.
    public func attentionBackward(_ call: AttentionBackward) {
        let door = "attentionBackward"
        let sizes = AttentionSizes(call.forward, door: door)
        require(call.forward.logSumExp != nil, "\(door): the forward pass must have kept its logSumExp")
        sizes.expect(call.dq, sizes.queryShape, "dq", isOutput: true)
        sizes.expect(call.dk, sizes.keyShape, "dk", isOutput: true)
        sizes.expect(call.dv, sizes.keyShape, "dv", isOutput: true)
        sizes.expect(call.dout, sizes.queryShape, "dout", isOutput: false)
        let gradient = yk_attention_gradient(
            dq: call.dq.address,
            dq_at: AttentionSizes.layout(call.dq),
            dk: call.dk.address,
            dk_at: AttentionSizes.layout(call.dk),
            dv: call.dv.address,
            dv_at: AttentionSizes.layout(call.dv),
            dout: UnsafeRawPointer(call.dout.address),
            dout_at: AttentionSizes.layout(call.dout)
        )
        withUnsafePointer(to: gradient) { gradient in
            withUnsafePointer(to: sizes.kernelCall(call.forward)) { yk_attention_backward(gradient, $0) }
        }
    }

    /// Rotary positions, see ``RotaryCall``; the angles are taken in double.
    ///
    /// Traps when shapes, dtypes or strides do not fit together.
    public func rotary(_ call: RotaryCall) {
        let door = "rotary"
        let (x, out) = (call.x, call.out)
        require(
            x.shape.rank == 4 && x.shape == out.shape && x.shape.dimensions[3] % 2 == 0,
            "\(door): x is \(x.shape) and out \(out.shape); one shape [B, T, H, E] with an even E fits here"
        )
        require(
            x.dtype == out.dtype && x.dtype.isFloatingPoint,
            "\(door): x is \(x.dtype) and out \(out.dtype); one of f32, bf16 and f64 for both fits here"
        )
        AttentionSizes.expectUnitStride(x, "x", door)
        AttentionSizes.expectUnitStride(out, "out", door)
        AttentionSizes.expectNoOverlap(out, "out", door)
        require(
            x.address != out.address || x.strides == out.strides,
            "\(door): out at the place of x must have its strides \(x.strides), not \(out.strides)"
        )
        let (b, t) = (x.shape.dimensions[0], x.shape.dimensions[1])
        let (h, e) = (x.shape.dimensions[2], x.shape.dimensions[3])
        require(
            call.positions.shape == [b, t] && call.positions.dtype == .i32 && call.positions.isContiguous,
            "\(door): positions are \(call.positions.shape) of \(call.positions.dtype); a contiguous [\(b), \(t)] of i32 fits x \(x.shape)"
        )
        require(
            call.frequencies.shape == [e / 2] && call.frequencies.dtype == .f32
                && call.frequencies.isContiguous,
            "\(door): frequencies are \(call.frequencies.shape) of \(call.frequencies.dtype); a contiguous [\(e / 2)] of f32 fits x \(x.shape)"
        )
        if x.elementCount == 0 { return }
        yk_rotary(
            out.address,
            AttentionSizes.layout(out),
            x.address,
            AttentionSizes.layout(x),
            x.dtype.kernelType,
            call.positions.address.assumingMemoryBound(to: Int32.self),
            call.frequencies.address.assumingMemoryBound(to: Float.self),
            call.inverse,
            Int64(b),
            Int64(t),
            Int64(h),
            Int64(e)
        )
    }
}

/// The sizes of an attention, checked.
struct AttentionSizes {
    let door: String
    let dtype: DType
    /// The shape of q, [B, T, H, E].
    let queryShape: Shape
    /// The shape of k and v, [B, S, K, E].
    let keyShape: Shape

    /// Checks the views of a forward pass against each other.
    init(_ call: AttentionForward, door: String) {
        let (q, k) = (call.q.shape, call.k.shape)
        self.door = door
        dtype = call.q.dtype
        queryShape = q
        keyShape = k
        require(
            q.rank == 4 && k.rank == 4 && q.dimensions[0] == k.dimensions[0]
                && q.dimensions[3] == k.dimensions[3],
            "\(door): q is \(q) and k \(k); [B, T, H, E] and [B, S, K, E] fit together"
        )
        let (heads, keyHeads) = (q.dimensions[2], k.dimensions[2])
        require(
            keyHeads > 0 ? heads % keyHeads == 0 : heads == 0,
            "\(door): q is \(q) and k \(k); the \(heads) query heads must be a multiple of the \(keyHeads) key heads"
        )
        require(dtype.isFloatingPoint, "\(door): q is \(dtype); f32, bf16 or f64 fits here")
        expect(call.q, q, "q", isOutput: false)
        expect(call.k, k, "k", isOutput: false)
        expect(call.v, k, "v", isOutput: false)
        expect(call.out, q, "out", isOutput: true)
        if let logSumExp = call.logSumExp {
            let wanted = dtype.accumulation
            let shape: Shape = [q.dimensions[0], heads, q.dimensions[1]]
            require(
                logSumExp.shape == shape && logSumExp.dtype == wanted && logSumExp.isContiguous,
                "\(door): logSumExp is \(logSumExp.shape) of \(logSumExp.dtype); a contiguous \(shape) of \(wanted) fits q \(q)"
            )
        }
        checkSegments(call)
        let dropout = call.options.dropout
        require(dropout >= 0 && dropout <= 1, "\(door): dropout is \(dropout); it must lie in 0...1")
    }

    private func checkSegments(_ call: AttentionForward) {
        require(
            (call.querySegments == nil) == (call.keySegments == nil),
            "\(door): querySegments and keySegments must be given together"
        )
        guard let querySegments = call.querySegments, let keySegments = call.keySegments else { return }
        for (name, view, shape) in [
            ("querySegments", querySegments, queryShape), ("keySegments", keySegments, keyShape),
        ] {
            let wanted = Shape(Array(shape.dimensions[..<2]))
            require(
                view.shape == wanted && view.dtype == .i32 && view.isContiguous,
                "\(door): \(name) are \(view.shape) of \(view.dtype); a contiguous \(wanted) of i32 fits here"
            )
        }
    }

    /// Traps unless a view has the shape, this call's dtype and unit stride along E (and, as an output, no overlap).
    func expect(_ view: TensorView, _ shape: Shape, _ name: String, isOutput: Bool) {
        require(view.shape == shape, "\(door): \(name) is \(view.shape); \(shape) fits here")
        require(
            view.dtype == dtype,
            "\(door): \(name) is \(view.dtype) beside \(dtype); one dtype for all fits here"
        )
        AttentionSizes.expectUnitStride(view, name, door)
        if isOutput { AttentionSizes.expectNoOverlap(view, name, door) }
    }

    /// Traps unless the last axis has unit stride.
    static func expectUnitStride(_ view: TensorView, _ name: String, _ door: String) {
        require(
            view.elementCount == 0 || view.shape.dimensions[3] == 1 || view.strides[3] == 1,
            "\(door): \(name) \(view.shape) has strides \(view.strides); the last must be 1"
        )
    }

    /// Traps when an output repeats elements.
    static func expectNoOverlap(_ view: TensorView, _ name: String, _ door: String) {
        let repeats = (0..<3).contains { view.shape.dimensions[$0] > 1 && view.strides[$0] == 0 }
        require(
            view.elementCount == 0 || !repeats,
            "\(door): \(name) \(view.shape) has strides \(view.strides); an output repeats no element"
        )
    }

    /// The strides of a view [B, positions, heads, E] as the kernels take them.
    static func layout(_ view: TensorView) -> yk_heads {
        yk_heads(
            batch: Int64(view.strides[0]),
            position: Int64(view.strides[1]),
            head: Int64(view.strides[2])
        )
    }

    /// The call as the kernels take it.
    func kernelCall(_ call: AttentionForward) -> yk_attention {
        let options = call.options
        return yk_attention(
            dtype: dtype.kernelType,
            B: Int64(queryShape.dimensions[0]),
            T: Int64(queryShape.dimensions[1]),
            S: Int64(keyShape.dimensions[1]),
            H: Int64(queryShape.dimensions[2]),
            K: Int64(keyShape.dimensions[2]),
            E: Int64(queryShape.dimensions[3]),
            out: call.out.address,
            out_at: AttentionSizes.layout(call.out),
            lse: call.logSumExp?.address,
            q: UnsafeRawPointer(call.q.address),
            q_at: AttentionSizes.layout(call.q),
            k: UnsafeRawPointer(call.k.address),
            k_at: AttentionSizes.layout(call.k),
            v: UnsafeRawPointer(call.v.address),
            v_at: AttentionSizes.layout(call.v),
            q_segments: call.querySegments.map {
                UnsafePointer($0.address.assumingMemoryBound(to: Int32.self))
            },
            k_segments: call.keySegments.map {
                UnsafePointer($0.address.assumingMemoryBound(to: Int32.self))
            },
            scale: options.scale,
            causal: options.isCausal,
            query_offset: Int64(options.queryOffset),
            dropout: options.dropout,
            seed: options.random.seed,
            stream: options.random.stream,
            position: options.random.position
        )
    }
}
