import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// See ``Backend``.
    public func softmax(_ out: TensorView, _ x: TensorView, logarithm: Bool) {
        require(false, "not built yet")
    }
    /// See ``Backend``.
    public func softmaxBackward(dx: TensorView, dy: TensorView, y: TensorView, logarithm: Bool) {
        require(false, "not built yet")
    }
    /// See ``Backend``.
    public func normalizationForward(_ call: NormalizationForward) { require(false, "not built yet") }
    /// See ``Backend``.
    public func normalizationBackward(_ call: NormalizationBackward) { require(false, "not built yet") }
    /// See ``Backend``.
    public func gatherRows(_ out: TensorView, table: TensorView, ids: TensorView) {
        require(false, "not built yet")
    }
    /// See ``Backend``.
    public func scatterAddRows(table: TensorView, rows: TensorView, ids: TensorView) {
        require(false, "not built yet")
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
