import CKernels
import YuyanTensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension CPUBackend {
    /// The most bytes that a chunk of logits takes, as long as it has 64 rows.
    ///
    /// The weight and its gradient pass through memory once for every chunk.
    private static let logitsChunkBytes = 128 << 20

    /// Cross-entropy of a vocabulary projection in chunks of rows, see ``LinearCrossEntropyCall``.
    ///
    /// A chunk's logits have the dtype of `hidden`; their gradient takes their place, and both products with it follow
    /// at once. The chunks are as equal as V, N and the dtype allow. Traps when views do not fit together, or when a target is
    /// neither `ignoreIndex` nor in 0..<V.
    public func linearCrossEntropy(_ call: LinearCrossEntropyCall) {
        let (rows, width, classes) = checkLinearCrossEntropy(call)
        guard rows > 0 else {
            if let gradient = call.weightGradient, !call.accumulateWeight {
                memset(gradient.address, 0, gradient.elementCount * gradient.dtype.byteCount)
            }
            return
        }
        let dtype = call.hidden.dtype
        let stride = (classes + 31) / 32 * 32
        let fitting = CPUBackend.logitsChunkBytes / max(stride * dtype.byteCount, 1)
        let chunks = (rows - 1) / max(64, fitting / 32 * 32) + 1
        let chunk = min(rows, ((rows - 1) / chunks + 32) / 32 * 32)
        let byteCount = chunk * stride * dtype.byteCount
        let memory = pool.allocate(byteCount)
        defer { pool.deallocate(memory, byteCount: byteCount) }
        let hasGradient = call.hiddenGradient != nil || call.weightGradient != nil
        let transposedWeight = call.weight.reinterpreted(shape: [width, classes], strides: [1, width])
        for first in Swift.stride(from: 0, to: rows, by: chunk) {
            let count = min(chunk, rows - first)
            let hidden = call.hidden.rows(first, count)
            let logits = TensorView(
                address: memory,
                dtype: dtype,
                shape: [count, classes],
                strides: [stride, 1],
                owner: nil
            )
            matrixProduct(MatrixProduct(c: logits, a: hidden, b: transposedWeight))
            crossEntropy(
                CrossEntropyCall(
                    losses: call.losses.rows(first, count),
                    gradient: hasGradient ? logits : nil,
                    gradientScale: call.gradientScale,
                    logits: logits,
                    targets: call.targets.rows(first, count),
                    ignoreIndex: call.ignoreIndex,
                    smoothing: call.smoothing
                )
            )
            if let gradient = call.hiddenGradient {
                matrixProduct(MatrixProduct(c: gradient.rows(first, count), a: logits, b: call.weight))
            }
            if let gradient = call.weightGradient {
                let transposed = logits.reinterpreted(shape: [classes, count], strides: [1, stride])
                var product = MatrixProduct(c: gradient, a: transposed, b: hidden)
                product.accumulate = call.accumulateWeight || first > 0
                matrixProduct(product)
            }
        }
    }

    /// Checks the views and returns N, D and V.
    private func checkLinearCrossEntropy(_ call: LinearCrossEntropyCall) -> (Int, Int, Int) {
        let door = "linearCrossEntropy"
        let dtype = call.hidden.dtype
        require(
            call.hidden.shape.rank == 2 && call.weight.shape.rank == 2
                && call.hidden.shape[1] == call.weight.shape[1],
            "\(door): hidden \(call.hidden.shape), weight \(call.weight.shape); they must be [N, D] and [V, D]"
        )
        require(
            dtype.isFloatingPoint && call.weight.dtype == dtype,
            "\(door): hidden is \(dtype), weight \(call.weight.dtype); they must have one floating dtype"
        )
        let (rows, width, classes) = (call.hidden.shape[0], call.hidden.shape[1], call.weight.shape[0])
        let statistic = dtype.accumulation
        func expect(_ view: TensorView?, _ name: String, _ shape: Shape, _ expected: DType) {
            guard let view else { return }
            require(
                view.shape == shape && view.dtype == expected && view.isContiguous,
                "\(door): \(name) is \(view.dtype) \(view.shape) for hidden \(dtype) \(call.hidden.shape) and "
                    + "weight \(call.weight.shape); it must be a contiguous \(expected) \(shape)"
            )
        }
        expect(call.hidden, "hidden", call.hidden.shape, dtype)
        expect(call.weight, "weight", call.weight.shape, dtype)
        expect(call.losses, "losses", [rows], statistic)
        expect(call.hiddenGradient, "hiddenGradient", call.hidden.shape, dtype)
        expect(call.weightGradient, "weightGradient", call.weight.shape, statistic)
        expect(call.targets, "targets", [rows], .i32)
        // Before any gradient is written: a chunk would find a wrong target only after the chunks before it.
        let targets = call.targets.address.assumingMemoryBound(to: Int32.self)
        let wrong = Int(yk_check_targets(targets, call.ignoreIndex, Int64(rows), Int64(classes)))
        require(
            wrong < 0,
            "\(door): target \(targets[max(wrong, 0)]) of row \(wrong) lies outside 0..<\(classes) and is not the "
                + "ignored \(call.ignoreIndex)"
        )
        return (rows, width, classes)
    }
}

extension TensorView {
    /// The rows `first..<first + count` of a view: the same strides over a part of the first axis.
    func rows(_ first: Int, _ count: Int) -> TensorView {
        advanced(
            by: first * strides[0],
            shape: Shape([count] + shape.dimensions.dropFirst()),
            strides: strides
        )
    }
}
