import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// The bytes of a chunk of rows between the two products of a feed-forward layer.
    ///
    /// As small as caches want it, as large as the weights' gradients, which every chunk adds to, allow.
    private static let feedForwardChunkBytes = 3 << 20

    /// A feed-forward layer in chunks of rows, see ``FeedForwardForward``.
    ///
    /// Traps when views do not fit together.
    public func feedForward(_ call: FeedForwardForward) {
        let sizes = FeedForwardSizes(call)
        sizes.chunks(CPUBackend.feedForwardChunkBytes).withMemory(pool, buffers: 1) { first, count, inner in
            var widening = MatrixProduct(
                c: inner[0],
                a: call.x.rows(first, count),
                b: call.inputWeight.transposedMatrix
            )
            widening.bias = call.inputBias
            widening.activation = call.activation
            widening.preActivation = call.preActivation?.rows(first, count)
            matrixProduct(widening)
            var narrowing = MatrixProduct(
                c: call.out.rows(first, count),
                a: inner[0],
                b: call.outputWeight.transposedMatrix
            )
            narrowing.bias = call.outputBias
            matrixProduct(narrowing)
        }
    }

    /// The gradient of a feed-forward layer in the same chunks, see ``FeedForwardBackward``.
    ///
    /// A chunk's activations and their gradient are made by one product and used at once by the three that need them.
    /// Traps when views do not fit together.
    public func feedForwardBackward(_ call: FeedForwardBackward) {
        let sizes = FeedForwardSizes(call)
        let wantsInner =
            call.xGradient != nil || call.inputWeightGradient != nil || call.inputBiasGradient != nil
        guard sizes.rows > 0 else {
            clear(call.inputWeightGradient, call.inputBiasGradient)
            clear(call.outputWeightGradient, call.outputBiasGradient)
            return
        }
        sizes.chunks(CPUBackend.feedForwardChunkBytes).withMemory(pool, buffers: 2) { first, count, inner in
            let (activated, gradient) = (inner[0], inner[1])
            let dy = call.dy.rows(first, count), x = call.x.rows(first, count)
            func addingTo(_ target: GradientTarget, _ a: TensorView, _ b: TensorView) -> MatrixProduct {
                var product = MatrixProduct(c: target.view, a: a, b: b)
                product.accumulate = target.accumulate || first > 0
                return product
            }
            if wantsInner || call.outputWeightGradient != nil {
                var product = MatrixProduct(c: gradient, a: dy, b: call.outputWeight)
                product.activation = call.activation
                product.slopeAt = call.preActivation.rows(first, count)
                product.activated = call.outputWeightGradient == nil ? nil : activated
                matrixProduct(product)
            }
            if let target = call.outputWeightGradient {
                matrixProduct(addingTo(target, dy.transposedMatrix, activated))
            }
            addRows(of: dy, to: call.outputBiasGradient, isFirst: first == 0)
            if let target = call.inputWeightGradient {
                matrixProduct(addingTo(target, gradient.transposedMatrix, x))
            }
            addRows(of: gradient, to: call.inputBiasGradient, isFirst: first == 0)
            if let target = call.xGradient {
                var product = MatrixProduct(
                    c: target.view.rows(first, count),
                    a: gradient,
                    b: call.inputWeight
                )
                product.accumulate = target.accumulate
                matrixProduct(product)
            }
        }
    }

    private func addRows(of gradient: TensorView, to bias: GradientTarget?, isFirst: Bool) {
        guard let bias else { return }
        activationBackward(
            .identity,
            dx: nil,
            biasGradient: bias.view,
            accumulateBias: bias.accumulate || !isFirst,
            dy: gradient,
            preActivation: nil
        )
    }

    /// Without rows the gradients are 0.
    private func clear(_ targets: GradientTarget?...) {
        for case let target? in targets where !target.accumulate { fill(target.view, with: 0) }
    }
}

/// How the rows of a feed-forward layer are cut: into chunks of nearly equal size, whatever the number of threads.
private struct FeedForwardChunks {
    let rows: Int
    let inner: Int
    let dtype: DType
    /// The rows of a chunk; the last may have fewer.
    let size: Int

    /// - Parameters:
    ///   - rows: The rows of the layer.
    ///   - inner: The width F between the products.
    ///   - dtype: The dtype of the matrices.
    ///   - byteCount: What a chunk may take, as long as it has 256 rows.
    init(rows: Int, inner: Int, dtype: DType, byteCount: Int) {
        (self.rows, self.inner, self.dtype) = (rows, inner, dtype)
        let fitting = max(256, byteCount / max(inner * dtype.byteCount, 1) / 32 * 32)
        let count = max((rows - 1) / fitting + 1, 1)
        size = ((max(rows, 1) - 1) / count + 32) / 32 * 32
    }

    /// Calls `body` for every chunk with its first row, its number of rows, and matrices [rows, F] that are used again.
    func withMemory(_ pool: BufferPool, buffers: Int, _ body: (Int, Int, [TensorView]) -> Void) {
        guard rows > 0 else { return }
        let byteCount = size * inner * dtype.byteCount
        let memory = (0..<buffers).map { _ in pool.allocate(byteCount) }
        defer { for address in memory { pool.deallocate(address, byteCount: byteCount) } }
        for first in stride(from: 0, to: rows, by: size) {
            let count = min(size, rows - first)
            body(
                first,
                count,
                memory.map {
                    TensorView(
                        address: $0,
                        dtype: dtype,
                        shape: [count, inner],
                        strides: [inner, 1],
                        owner: nil
                    )
                }
            )
        }
    }
}

/// The extents of a feed-forward layer, checked.
private struct FeedForwardSizes {
    let rows: Int
    let inner: Int

    init(_ call: FeedForwardForward) {
        self.init("feedForward", x: call.x, call.inputWeight, call.outputWeight)
        expect(call.out, [rows, call.outputWeight.shape[0]], "out")
        expect(call.preActivation, [rows, inner], "preActivation")
    }

    init(_ call: FeedForwardBackward) {
        self.init("feedForwardBackward", x: call.x, call.inputWeight, call.outputWeight)
        let outer = call.outputWeight.shape[0], width = call.x.shape[1]
        expect(call.dy, [rows, outer], "dy")
        expect(call.preActivation, [rows, inner], "preActivation")
        expect(call.xGradient?.view, [rows, width], "xGradient")
        let wide = call.x.dtype.accumulation
        expect(call.inputWeightGradient?.view, [inner, width], "inputWeightGradient", wide)
        expect(call.inputBiasGradient?.view, [inner], "inputBiasGradient", wide)
        expect(call.outputWeightGradient?.view, [outer, inner], "outputWeightGradient", wide)
        expect(call.outputBiasGradient?.view, [outer], "outputBiasGradient", wide)
    }

    private let door: String
    private let dtype: DType

    func chunks(_ byteCount: Int) -> FeedForwardChunks {
        FeedForwardChunks(rows: rows, inner: inner, dtype: dtype, byteCount: byteCount)
    }

    private init(_ door: String, x: TensorView, _ input: TensorView, _ output: TensorView) {
        self.door = door
        require(
            x.shape.rank == 2 && input.shape.rank == 2 && output.shape.rank == 2
                && input.shape[1] == x.shape[1]
                && output.shape[1] == input.shape[0],
            "\(door): x \(x.shape), inputWeight \(input.shape), outputWeight \(output.shape); [N, D], [F, D] and "
                + "[D', F] fit together"
        )
        (rows, inner, dtype) = (x.shape[0], input.shape[0], x.dtype)
        expect(x, x.shape, "x")
        expect(input, input.shape, "inputWeight")
        expect(output, output.shape, "outputWeight")
    }

    private func expect(_ view: TensorView?, _ shape: Shape, _ name: String, _ wanted: DType? = nil) {
        guard let view else { return }
        let dtype = wanted ?? self.dtype
        require(
            view.shape == shape && view.dtype == dtype && view.isContiguous && dtype.isFloatingPoint,
            "\(door): \(name) is \(view.dtype) \(view.shape); it must be a contiguous \(dtype) \(shape)"
        )
    }
}

extension TensorView {
    /// A matrix with its axes exchanged.
    fileprivate var transposedMatrix: TensorView {
        reinterpreted(shape: [shape[1], shape[0]], strides: [strides[1], strides[0]])
    }
}
