/// What an operation's pullback sees: the gradients of its outputs, and where those of its inputs go.
struct Pullback {
    let tape: Tape
    let inputs: [Node?]
    let outputs: Range<Int>

    /// Whether an input's gradient is wanted.
    func wants(_ input: Int) -> Bool { inputs[input] != nil }

    /// The gradient of an output, contiguous; nil when nothing depends on it.
    func gradient(ofOutput output: Int) -> Tensor? { tape.entries[outputs.lowerBound + output].gradient }

    /// The gradient of the first output, contiguous.
    ///
    /// Traps when nothing depends on it, which the tape rules out for operations of one output.
    var gradient: Tensor {
        guard let gradient = gradient(ofOutput: 0) else {
            fatalError("a pullback ran without a gradient")
        }
        return gradient
    }

    /// Adds a contribution to an input's gradient; nothing happens when it is not wanted.
    ///
    /// - Parameters:
    ///   - contribution: The contribution, of the input's shape.
    ///   - input: The input.
    ///   - isFresh: Whether the tensor was made for this call, so that it may be kept and added to in place.
    func add(_ contribution: @autoclosure () -> Tensor, to input: Int, isFresh: Bool = false) {
        guard let index = inputs[input]?.index else { return }
        let contribution = contribution()
        let entry = tape.entries[index]
        require(
            contribution.shape == entry.shape,
            "a gradient of shape \(contribution.shape) was made for a tensor of shape \(entry.shape)"
        )
        let existing = entry.leaf?.gradient ?? entry.gradient
        guard let existing else {
            let usable = contribution.dtype == entry.gradientDType && contribution.isContiguous
            let kept = usable ? contribution : contribution.convertedCopy(to: entry.gradientDType)
            if let leaf = entry.leaf {
                leaf.gradient =
                    usable && !isFresh ? contribution.convertedCopy(to: entry.gradientDType) : kept
            } else {
                tape.entries[index].gradient = kept
                tape.entries[index].ownsGradient = isFresh || !usable
            }
            return
        }
        var target = existing
        if entry.leaf == nil && !entry.ownsGradient {
            target = existing.convertedCopy(to: existing.dtype)
            tape.entries[index].gradient = target
            tape.entries[index].ownsGradient = true
        }
        let source = contribution.contiguous()
        target.backend.accumulate(target.view, source.view, alpha: 1)
    }

    /// Lets a kernel write an input's gradient where it is gathered.
    ///
    /// - Parameters:
    ///   - input: The input.
    ///   - dtype: The dtype that the kernel writes; the gradient's when nil.
    ///   - backend: Where the memory is taken from.
    ///   - body: Called with contiguous memory of the input's shape and that dtype, and whether to add to what it
    ///     holds (true) or to overwrite it (false). Not called when the gradient is not wanted.
    func write(
        to input: Int,
        dtype: DType? = nil,
        backend: any Backend,
        _ body: (TensorView, Bool) -> Void
    ) {
        guard let index = inputs[input]?.index else { return }
        let entry = tape.entries[index]
        if let dtype, dtype != entry.gradientDType {
            overwrite(input, dtype: dtype, backend: backend) { body($0, false) }
            return
        }
        if let leaf = entry.leaf {
            let target =
                leaf.gradient
                ?? Tensor.uninitialized(entry.shape, dtype: entry.gradientDType, backend: backend)
            body(target.view, leaf.gradient != nil)
            leaf.gradient = target
            return
        }
        if let existing = entry.gradient {
            var target = existing
            if !entry.ownsGradient { target = existing.convertedCopy(to: existing.dtype) }
            body(target.view, true)
            tape.entries[index].gradient = target
        } else {
            let target = Tensor.uninitialized(entry.shape, dtype: entry.gradientDType, backend: backend)
            body(target.view, false)
            tape.entries[index].gradient = target
        }
        tape.entries[index].ownsGradient = true
    }

    /// Lets a kernel write the gradients of several inputs at once.
    ///
    /// - Parameters:
    ///   - inputs: The inputs, each with the dtype that the kernel writes; the gradient's when nil.
    ///   - backend: Where the memory is taken from.
    ///   - body: Called with a target for each input, nil where the gradient is not wanted.
    func write(
        toEach inputs: ArraySlice<(input: Int, dtype: DType?)>,
        backend: any Backend,
        _ body: ([GradientTarget?]) -> Void
    ) {
        guard let (input, dtype) = inputs.first else {
            body([])
            return
        }
        let rest = inputs.dropFirst()
        func remaining(_ target: GradientTarget?) {
            write(toEach: rest, backend: backend) { body([target] + $0) }
        }
        guard let index = self.inputs[input]?.index else {
            remaining(nil)
            return
        }
        // What is one of the inputs twice is written to memory of its own first.
        if rest.contains(where: { self.inputs[$0.input]?.index == index }) {
            overwrite(input, dtype: dtype, backend: backend) {
                remaining(GradientTarget(view: $0, accumulate: false))
            }
        } else {
            write(to: input, dtype: dtype, backend: backend) {
                remaining(GradientTarget(view: $0, accumulate: $1))
            }
        }
    }

    /// The same as ``write(to:dtype:backend:_:)`` for kernels that can only overwrite: they get memory of their own when
    /// there is a gradient already.
    func overwrite(_ input: Int, dtype: DType? = nil, backend: any Backend, _ body: (TensorView) -> Void) {
        guard let index = inputs[input]?.index else { return }
        let entry = tape.entries[index]
        let fresh = Tensor.uninitialized(entry.shape, dtype: dtype ?? entry.gradientDType, backend: backend)
        body(fresh.view)
        add(fresh, to: input, isFresh: true)
    }
}

extension Tensor {
    /// A new contiguous tensor of a dtype with the same values, off any tape.
    func convertedCopy(to dtype: DType) -> Tensor {
        let out = Tensor.uninitialized(shape, dtype: dtype, backend: backend)
        backend.copy(out.view, from: view)
        return out
    }
}

/// Places an operation's outputs on the current tape when one of its inputs stands there.
///
/// `pullback` is evaluated only then, so that values are kept for the backward pass only when there will be one.
func recorded(
    _ operation: DifferentiableOperation,
    inputs: [Tensor],
    outputs: [Tensor],
    pullback: () -> (Pullback) -> Void
) -> [Tensor] {
    guard let tape = Tape.current, inputs.contains(where: tape.holds) else {
        return outputs
    }
    return tape.append(
        operation,
        inputs: inputs.map { tape.holds($0) ? $0 : $0.detached() },
        outputs: outputs,
        pullback: pullback()
    )
}

/// ``recorded(_:inputs:outputs:pullback:)`` for operations of one output.
func recorded(
    _ operation: DifferentiableOperation,
    inputs: [Tensor],
    output: Tensor,
    pullback: () -> (Pullback) -> Void
) -> Tensor {
    recorded(operation, inputs: inputs, outputs: [output], pullback: pullback)[0]
}

/// Whether an operation on these tensors will be recorded.
func isRecording(_ inputs: Tensor...) -> Bool {
    guard let tape = Tape.current else { return false }
    return inputs.contains(where: tape.holds)
}
