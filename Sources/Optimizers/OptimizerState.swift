/// What a checkpoint's JSON says of an optimizer: everything but the state tensors.
public struct OptimizerDescription: Codable, Sendable, Hashable {
    /// One group.
    public struct Group: Codable, Sendable, Hashable {
        /// The group's name.
        public var name: String
        /// The rule with its hyperparameters.
        public var rule: UpdateRule
        /// The weight decay.
        public var weightDecay: Double
        /// The L1 penalty.
        public var l1: Double
        /// The factor on the learning rate.
        public var learningRateFactor: Double
        /// The paths of the parameters.
        public var parameters: [String]
    }

    /// The groups in their order.
    public var groups: [Group]
    /// The number of steps taken.
    public var stepCount: Int
}

extension Optimizer {
    private static let globalStep = "step"

    /// The groups and their hyperparameters, for a checkpoint's JSON or a model card.
    public var summary: OptimizerDescription {
        var names = slots.makeIterator()
        return OptimizerDescription(
            groups: groups.map { group in
                OptimizerDescription.Group(
                    name: group.name,
                    rule: group.rule,
                    weightDecay: group.weightDecay,
                    l1: group.l1,
                    learningRateFactor: group.learningRateFactor,
                    parameters: group.parameters.compactMap { _ in names.next()?.name }
                )
            },
            stepCount: stepCount
        )
    }

    /// The whole state as named tensors, in a fixed order.
    ///
    /// `step` is the optimizer's step count, `<path>.step` a parameter's (both i32 scalars), `<path>.exp_avg` and the
    /// like its moments in the parameter's dtype. Parameters that never had a gradient have none. Moments are not
    /// copied: the next step changes their memory.
    public func stateTensors() -> [(name: String, tensor: Tensor)] {
        var result = [(Optimizer.globalStep, Optimizer.number(stepCount))]
        for slot in slots where slot.stepCount > 0 {
            result.append(("\(slot.name).step", Optimizer.number(slot.stepCount)))
            for (entry, tensor) in zip(slot.entries, slot.state) {
                result.append(("\(slot.name).\(entry.name)", tensor))
            }
        }
        return result
    }

    /// Puts back what ``stateTensors()`` gave, bit for bit; nothing changes when it throws.
    ///
    /// - Parameter tensors: The named tensors, in any order.
    /// - Throws: ``OptimizerError`` naming the tensor that is missing, unexpected, doubled or of another shape or
    ///   dtype.
    public func restore(_ tensors: [(name: String, tensor: Tensor)]) throws(OptimizerError) {
        var byName: [String: Tensor] = [:]
        for (name, tensor) in tensors {
            if byName.updateValue(tensor, forKey: name) != nil {
                throw .unexpectedState(name: "\(name) (given twice)")
            }
        }
        let total = try Optimizer.takeNumber(Optimizer.globalStep, from: &byName)
        guard let total else { throw .missingState(name: Optimizer.globalStep) }
        var restored = slots
        for index in restored.indices { try restored[index].restore(from: &byName) }
        if let name = byName.keys.min() { throw .unexpectedState(name: name) }
        slots = restored
        stepCount = total
    }

    private static func number(_ value: Int) -> Tensor { Tensor([Int32(clamping: value)], shape: []) }

    /// Takes a step count out of the tensors; nil when there is none of that name.
    fileprivate static func takeNumber(
        _ name: String,
        from tensors: inout [String: Tensor]
    ) throws(OptimizerError) -> Int? {
        guard let tensor = tensors.removeValue(forKey: name) else { return nil }
        guard tensor.dtype == .i32, tensor.elementCount == 1, tensor.integers()[0] >= 0 else {
            throw .mismatchedState(
                name: name,
                found: "\(tensor.dtype) \(tensor.shape)",
                expected: "one i32 of at least 0"
            )
        }
        return Int(tensor.integers()[0])
    }
}

extension ParameterSlot {
    /// Takes this parameter's state out of the tensors.
    fileprivate mutating func restore(from tensors: inout [String: Tensor]) throws(OptimizerError) {
        guard let steps = try Optimizer.takeNumber("\(name).step", from: &tensors) else {
            stepCount = 0
            state = []
            return
        }
        var found: [Tensor] = []
        for entry in entries {
            let key = "\(name).\(entry.name)"
            guard let tensor = tensors.removeValue(forKey: key) else { throw .missingState(name: key) }
            guard tensor.shape == entry.shape, tensor.dtype == parameter.value.dtype else {
                throw .mismatchedState(
                    name: key,
                    found: "\(tensor.dtype) \(tensor.shape)",
                    expected: "\(parameter.value.dtype) \(entry.shape)"
                )
            }
            let own = Tensor.uninitialized(
                tensor.shape,
                dtype: tensor.dtype,
                backend: parameter.value.backend
            )
            own.backend.copy(own.view, from: tensor.view)
            found.append(own)
        }
        stepCount = steps
        state = found
    }
}
