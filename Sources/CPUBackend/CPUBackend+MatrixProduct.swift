import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// See ``Backend``.
    public func matrixProduct(_ call: MatrixProduct) { require(false, "not built yet") }
    /// See ``Backend``.
    public func activationBackward(_ activation: Activation, dx: TensorView?, biasGradient: TensorView?, accumulateBias: Bool, dy: TensorView, preActivation: TensorView?) { require(false, "not built yet") }
    /// See ``Backend``.
    public func linearCrossEntropy(_ call: LinearCrossEntropyCall) { require(false, "not built yet") }
}
