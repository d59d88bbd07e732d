import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// See ``Backend``.
    public func reduce(_ reduction: Reduction, _ out: TensorView, _ x: TensorView) { require(false, "not built yet") }
    /// See ``Backend``.
    public func argmax(_ out: TensorView, _ x: TensorView) { require(false, "not built yet") }
    /// See ``Backend``.
    public func topK(values: TensorView, indices: TensorView, _ x: TensorView) { require(false, "not built yet") }
    /// See ``Backend``.
    public func sumOfSquares(_ x: TensorView) -> Double { require(false, "not built yet"); return 0 }
    /// See ``Backend``.
    public func firstNonFinite(_ x: TensorView) -> Int? { require(false, "not built yet"); return nil }
}
