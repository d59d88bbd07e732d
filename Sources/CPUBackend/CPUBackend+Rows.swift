import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// Softmax (or its logarithm) over the rows of x [N, n]; in place.
    ///
    /// Traps when `out` and `x` differ in shape or dtype or are not contiguous.
    public func softmax(_ out: TensorView, _ x: TensorView, logarithm: Bool) {
        let (rows, columns) = RowChecks.matrix(x, "x", "softmax")
        RowChecks.expectLike(out, x, "out", "softmax")
        yk_softmax(out.address, x.address, x.dtype.kernelType, logarithm, Int64(rows), Int64(columns))
    }

    /// The gradient of ``softmax(_:_:logarithm:)`` from its output `y`; in place on dy.
    ///
    /// Traps when the views differ in shape or dtype or are not contiguous.
    public func softmaxBackward(dx: TensorView, dy: TensorView, y: TensorView, logarithm: Bool) {
        let (rows, columns) = RowChecks.matrix(y, "y", "softmaxBackward")
        RowChecks.expectLike(dx, y, "dx", "softmaxBackward")
        RowChecks.expectLike(dy, y, "dy", "softmaxBackward")
        yk_softmax_backward(
            dx.address,
            dy.address,
            y.address,
            y.dtype.kernelType,
            logarithm,
            Int64(rows),
            Int64(columns)
        )
    }

    /// Layer or RMS normalisation of rows, see ``NormalizationForward``.
    ///
    /// Traps when views do not fit together, or when only one of `residual` and `sum` is given.
    public func normalizationForward(_ call: NormalizationForward) {
        let door = "normalizationForward"
        let (rows, columns) = RowChecks.matrix(call.x, "x", door)
        require(
            (call.residual == nil) == (call.sum == nil),
            "\(door): a residual and a sum must be given together"
        )
        for (view, name) in [(call.y, "y"), (call.residual, "residual"), (call.sum, "sum")] {
            guard let view else { continue }
            RowChecks.expect(view, [rows, columns], name, door)
            RowChecks.expectFamily(view, of: call.x.dtype, name, door)
        }
        for (view, name) in [(call.weight, "weight"), (call.bias, "bias")] {
            guard let view else { continue }
            RowChecks.expect(view, [columns], name, door)
            RowChecks.expectFamily(view, of: call.x.dtype, name, door)
        }
        for (view, name) in [(call.mean, "mean"), (call.rstd, "rstd")] {
            guard let view else { continue }
            RowChecks.expectStatistic(view, [rows], of: call.x.dtype, name, door)
        }
        var kernel = yk_normalization_forward_call()
        kernel.y = yk_typed(call.y)
        kernel.mean = call.mean?.address
        kernel.rstd = call.rstd.address
        kernel.x = yk_typed(call.x)
        kernel.residual = yk_typed(call.residual)
        kernel.sum = yk_typed(call.sum)
        kernel.weight = yk_typed(call.weight)
        kernel.bias = yk_typed(call.bias)
        kernel.epsilon = Double(call.epsilon)
        kernel.N = Int64(rows)
        kernel.D = Int64(columns)
        yk_normalization_forward(&kernel)
    }

    /// The gradient of ``normalizationForward(_:)``, see ``NormalizationBackward``; `dx` may be `dy` or the added
    /// gradient.
    ///
    /// Traps when views do not fit together.
    public func normalizationBackward(_ call: NormalizationBackward) {
        let door = "normalizationBackward"
        let (rows, columns) = RowChecks.matrix(call.x, "x", door)
        for (view, name) in [(call.dx, "dx"), (call.addedGradient, "addedGradient"), (call.dy, "dy")] {
            guard let view else { continue }
            RowChecks.expect(view, [rows, columns], name, door)
            RowChecks.expectFamily(view, of: call.x.dtype, name, door)
        }
        if let weight = call.weight {
            RowChecks.expect(weight, [columns], "weight", door)
            RowChecks.expectFamily(weight, of: call.x.dtype, "weight", door)
        }
        for (view, name) in [(call.dweight, "dweight"), (call.dbias, "dbias")] {
            guard let view else { continue }
            RowChecks.expectStatistic(view, [columns], of: call.x.dtype, name, door)
        }
        for (view, name) in [(call.mean, "mean"), (call.rstd, "rstd")] {
            guard let view else { continue }
            RowChecks.expectStatistic(view, [rows], of: call.x.dtype, name, door)
        }
        var kernel = yk_normalization_backward_call()
        kernel.dx = yk_typed(call.dx)
        kernel.added = yk_typed(call.addedGradient)
        kernel.dweight = call.dweight?.address
        kernel.dbias = call.dbias?.address
        kernel.accumulate = call.accumulateParameters
        kernel.dy = yk_typed(call.dy)
        kernel.x = yk_typed(call.x)
        kernel.mean = call.mean.map { UnsafeRawPointer($0.address) }
        kernel.rstd = UnsafeRawPointer(call.rstd.address)
        kernel.weight = yk_typed(call.weight)
        kernel.N = Int64(rows)
        kernel.D = Int64(columns)
        yk_normalization_backward(&kernel)
    }

    /// `out [N, D] = table[ids]` for table [V, D] and ids i32 [N]; out and table may differ in floating dtype.
    ///
    /// Traps when the shapes do not fit or an id lies outside 0..<V.
    public func gatherRows(_ out: TensorView, table: TensorView, ids: TensorView) {
        let (rows, columns) = RowChecks.embedding(rows: out, "out", table: table, ids: ids, "gatherRows")
        yk_gather_rows(
            out.address,
            out.dtype.kernelType,
            table.address,
            table.dtype.kernelType,
            ids.address.assumingMemoryBound(to: Int32.self),
            Int64(rows),
            Int64(columns)
        )
    }

    /// `table[ids[n]] += rows[n]` in the order of n; table [V, D], rows [N, D], dtypes may differ.
    ///
    /// Traps when the shapes do not fit or an id lies outside 0..<V.
    public func scatterAddRows(table: TensorView, rows: TensorView, ids: TensorView) {
        let (count, columns) = RowChecks.embedding(
            rows: rows,
            "rows",
            table: table,
            ids: ids,
            "scatterAddRows"
        )
        yk_scatter_add_rows(
            table.address,
            table.dtype.kernelType,
            rows.address,
            rows.dtype.kernelType,
            ids.address.assumingMemoryBound(to: Int32.self),
            Int64(count),
            Int64(columns)
        )
    }

    /// Cross-entropy of rows of logits, see ``CrossEntropyCall``.
    ///
    /// Traps when views do not fit together, or when a target is neither `ignoreIndex` nor in 0..<V.
    public func crossEntropy(_ call: CrossEntropyCall) {
        let door = "crossEntropy"
        let (rows, classes) = RowChecks.matrix(call.logits, "logits", door, rowStrided: true)
        RowChecks.expectStatistic(call.losses, [rows], of: call.logits.dtype, "losses", door)
        RowChecks.expectIndices(call.targets, [rows], "targets", door)
        if let gradient = call.gradient {
            require(
                gradient.shape == call.logits.shape,
                "\(door): the gradient is \(gradient.shape), the logits \(call.logits.shape); they must agree"
            )
            _ = RowChecks.matrix(gradient, "gradient", door, rowStrided: true)
            RowChecks.expectFamily(gradient, of: call.logits.dtype, "gradient", door)
            require(
                gradient.address != call.logits.address
                    || (gradient.dtype == call.logits.dtype && gradient.strides == call.logits.strides),
                "\(door): a gradient in the place of the logits must have their dtype and strides"
            )
        }
        let targets = call.targets.address.assumingMemoryBound(to: Int32.self)
        let wrong = Int(yk_check_targets(targets, call.ignoreIndex, Int64(rows), Int64(classes)))
        require(
            wrong < 0,
            "\(door): target \(targets[wrong]) of row \(wrong) lies outside 0..<\(classes) and is not the ignored \(call.ignoreIndex)"
        )
        yk_cross_entropy(
            call.losses.address,
            call.gradient?.address,
            Int64(call.gradient?.strides[0] ?? 0),
            (call.gradient?.dtype ?? call.logits.dtype).kernelType,
            call.logits.address,
            Int64(call.logits.strides[0]),
            call.logits.dtype.kernelType,
            targets,
            call.ignoreIndex,
            call.smoothing,
            call.gradientScale,
            Int64(rows),
            Int64(classes)
        )
    }
}

extension yk_typed {
    /// A view as C sees it; nil is a missing one.
    fileprivate init(_ view: TensorView?) {
        self.init(address: view?.address, dtype: (view?.dtype ?? .f32).kernelType)
    }
}
