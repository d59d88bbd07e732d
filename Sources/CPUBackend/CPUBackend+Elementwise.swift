import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// See ``Backend``.
    public func fill(_ out: TensorView, with value: Double) { require(false, "not built yet") }
    /// See ``Backend``.
    public func copy(_ out: TensorView, from x: TensorView) { require(false, "not built yet") }
    /// See ``Backend``.
    public func unary(_ operation: UnaryOperation, _ out: TensorView, _ x: TensorView) { require(false, "not built yet") }
    /// See ``Backend``.
    public func unaryBackward(_ operation: UnaryOperation, dx: TensorView, dy: TensorView, x: TensorView, y: TensorView) { require(false, "not built yet") }
    /// See ``Backend``.
    public func binary(_ operation: BinaryOperation, _ out: TensorView, _ a: TensorView, _ b: TensorView) { require(false, "not built yet") }
    /// See ``Backend``.
    public func affine(_ out: TensorView, _ x: TensorView, scale: Double, shift: Double) { require(false, "not built yet") }
    /// See ``Backend``.
    public func accumulate(_ y: TensorView, _ x: TensorView, alpha: Double) { require(false, "not built yet") }
    /// See ``Backend``.
    public func compare(_ comparison: Comparison, _ out: TensorView, _ a: TensorView, _ b: TensorView) { require(false, "not built yet") }
    /// See ``Backend``.
    public func select(_ out: TensorView, condition: TensorView, _ a: TensorView, _ b: TensorView) { require(false, "not built yet") }
    /// See ``Backend``.
    public func gatedActivation(_ activation: Activation, _ out: TensorView, _ x: TensorView) { require(false, "not built yet") }
    /// See ``Backend``.
    public func gatedActivationBackward(_ activation: Activation, dx: TensorView, dy: TensorView, x: TensorView) { require(false, "not built yet") }
}
