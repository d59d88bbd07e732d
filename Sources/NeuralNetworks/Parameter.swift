@_exported import YuyanTensors

/// A trainable value: the one tensor that changes in place, with its gradient.
///
/// Not Sendable: a model belongs to one thread at a time.
public final class Parameter: GradientLeaf {
    /// The value, f32 (f64 on the reference path).
    ///
    /// Optimizers write its memory in place.
    public private(set) var value: Tensor
    /// The gradient gathered so far in ``gradientDType``; nil before the first contribution.
    public var gradient: Tensor?
    /// Whether gradients are gathered; a frozen parameter takes none.
    public var requiresGradient = true
    private var copy: Tensor?

    /// Makes a parameter of a value.
    ///
    /// Traps when the value is neither f32 nor f64.
    public init(_ value: Tensor) {
        require(
            value.dtype == .f32 || value.dtype == .f64,
            "Parameter: the value is \(value.dtype); parameters are f32 (or f64 on the reference path)"
        )
        self.value = value.detached().convertedToOwn()
    }

    /// The extents of value and gradient.
    public var shape: Shape { value.shape }
    /// The dtype that gradients are gathered in: the value's.
    public var gradientDType: DType { value.dtype }

    /// The value for a computation in a dtype, on the current tape when the parameter is trainable.
    ///
    /// The copy in bf16 is made once and kept up to date by the optimizer.
    public func tensor(as dtype: DType? = nil) -> Tensor {
        let wanted = dtype ?? value.dtype
        var result = value
        if wanted != value.dtype {
            if let copy, copy.dtype == wanted {
                result = copy
            } else {
                result = value.cast(to: wanted)
                copy = result
            }
        }
        guard requiresGradient, let tape = Tape.current else { return result }
        return tape.tensor(for: self, value: result)
    }

    /// The bf16 copy, when a computation has asked for one: an optimizer writes it along with the value.
    public var lowPrecision: Tensor? { copy?.dtype == .bf16 ? copy : nil }

    /// Replaces the value, for example by a checkpoint's.
    ///
    /// Traps when the shape differs.
    public func assign(_ newValue: Tensor) {
        require(
            newValue.shape == shape,
            "Parameter.assign: the new value has shape \(newValue.shape), the parameter \(shape)"
        )
        value = newValue.detached().cast(to: value.dtype).convertedToOwn()
        copy = nil
    }

    /// Tells that the value's memory was changed in place by something that did not write the bf16 copy.
    public func valueChanged() { copy = nil }

    /// The same parameter in another dtype (f32 or f64), for the reference path.
    public func convert(to dtype: DType) {
        require(dtype == .f32 || dtype == .f64, "Parameter.convert: \(dtype) is neither f32 nor f64")
        value = value.cast(to: dtype)
        gradient = nil
        copy = nil
    }
}

extension Tensor {
    /// A contiguous tensor whose storage nobody else looks at.
    fileprivate func convertedToOwn() -> Tensor {
        var owned = Tensor.uninitialized(shape, dtype: dtype, backend: backend)
        backend.copy(owned.view, from: view)
        owned = owned.detached()
        return owned
    }
}
