import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// See ``Backend``.
    public func optimizerStep(_ step: OptimizerStep) { require(false, "not built yet") }
}
