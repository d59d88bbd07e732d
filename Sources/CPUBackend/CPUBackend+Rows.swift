import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// See ``Backend``.
    public func softmax(_ out: TensorView, _ x: TensorView, logarithm: Bool) { require(false, "not built yet") }
    /// See ``Backend``.
    public func softmaxBackward(dx: TensorView, dy: TensorView, y: TensorView, logarithm: Bool) { require(false, "not built yet") }
    /// See ``Backend``.
    public func normalizationForward(_ call: NormalizationForward) { require(false, "not built yet") }
    /// See ``Backend``.
    public func normalizationBackward(_ call: NormalizationBackward) { require(false, "not built yet") }
    /// See ``Backend``.
    public func gatherRows(_ out: TensorView, table: TensorView, ids: TensorView) { require(false, "not built yet") }
    /// See ``Backend``.
    public func scatterAddRows(table: TensorView, rows: TensorView, ids: TensorView) { require(false, "not built yet") }
    /// See ``Backend``.
    public func crossEntropy(_ call: CrossEntropyCall) { require(false, "not built yet") }
}
