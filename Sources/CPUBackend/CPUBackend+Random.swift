import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// See ``Backend``.
    public func dropout(_ out: TensorView, _ x: TensorView, probability: Float, random: RandomSource) { require(false, "not built yet") }
    /// See ``Backend``.
    public func randomUniform(_ out: TensorView, low: Double, high: Double, random: RandomSource) { require(false, "not built yet") }
    /// See ``Backend``.
    public func randomNormal(_ out: TensorView, mean: Double, standardDeviation: Double, random: RandomSource) { require(false, "not built yet") }
}
