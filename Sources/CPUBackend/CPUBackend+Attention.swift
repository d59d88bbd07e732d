import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// See ``Backend``.
    public func attentionForward(_ call: AttentionForward) { require(false, "not built yet") }
    /// See ``Backend``.
    public func attentionBackward(_ call: AttentionBackward) { require(false, "not built yet") }
    /// See ``Backend``.
    public func rotary(_ call: RotaryCall) { require(false, "not built yet") }
}
