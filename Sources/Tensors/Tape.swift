import Synchronization

/// The place of a tensor on a tape.
struct Node: Sendable, Hashable {
    /// Which tape.
    let tape: UInt64
    /// The position on it.
    let index: Int
}

/// Something whose gradient a tape fills, for example a parameter.
public protocol GradientLeaf: AnyObject {
    /// The gradient so far; nil before the first contribution.
    var gradient: Tensor? { get set }
    /// The dtype that gradients are gathered in: f32, or f64 on the reference path.
    var gradientDType: DType { get }
    /// The shape of value and gradient.
    var shape: Shape { get }
}

/// What the operations of a forward pass left for the backward pass: a flat list, walked from its end.
///
/// A tape belongs to one thread. It is current inside ``record(_:)``; operations whose inputs stand on it append a
/// record with the values they need. ``backward(from:gradient:)`` visits the records from the last to the first and
/// clears each at once, so that memory falls as it proceeds and nothing recurses.
public final class Tape {
    /// A tape crosses into a task-local value; it is only ever used by the thread that recorded it.
    private struct Current: @unchecked Sendable {
        let tape: Tape?
    }

    @TaskLocal private static var currentTape = Current(tape: nil)

    /// The tape that operations record on now, if any.
    public static var current: Tape? { currentTape.tape }

    struct Record {
        let operation: DifferentiableOperation
        let inputs: [Node?]
        let outputCount: Int
        let pullback: (Pullback) -> Void
    }

    struct Entry {
        var record: Record?
        let shape: Shape
        let gradientDType: DType
        var leaf: (any GradientLeaf)?
        var gradient: Tensor?
        var ownsGradient = false
    }

    let identifier: UInt64
    var entries: [Entry] = []
    private var leaves: [ObjectIdentifier: Int] = [:]
    private static let counter = IdentifierCounter()

    /// Makes an empty tape.
    public init() {
        identifier = Tape.counter.next()
    }

    /// The number of places on the tape.
    public var count: Int { entries.count }

    /// The operations of the records that no backward pass has consumed, in order.
    public var pendingOperations: [DifferentiableOperation] { entries.compactMap { $0.record?.operation } }

    /// Runs a forward pass with this tape current.
    public func record<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Tape.$currentTape.withValue(Current(tape: self), operation: body)
    }

    /// Runs code that is not recorded, whatever tape is current.
    public static func withoutRecording<Result>(_ body: () throws -> Result) rethrows -> Result {
        try $currentTape.withValue(Current(tape: nil), operation: body)
    }

    /// Whether a tensor was recorded here.
    ///
    /// A tensor of another tape traps: its gradient would be lost.
    func holds(_ tensor: Tensor) -> Bool {
        guard let node = tensor.node else { return false }
        require(
            node.tape == identifier,
            "a tensor of shape \(tensor.shape) was recorded on another tape; call detached() to use its value only"
        )
        return true
    }

    /// A leaf's value as a tensor of this tape; the same place however often it is asked for.
    public func tensor(for leaf: any GradientLeaf, value: Tensor) -> Tensor {
        let key = ObjectIdentifier(leaf)
        let index: Int
        if let known = leaves[key] {
            index = known
        } else {
            index = entries.count
            entries.append(Entry(shape: leaf.shape, gradientDType: leaf.gradientDType, leaf: leaf))
            leaves[key] = index
        }
        var copy = value
        copy.node = Node(tape: identifier, index: index)
        return copy
    }

    /// A tensor whose gradient can be asked for with ``gradient(of:)`` after the backward pass.
    public func watch(_ tensor: Tensor) -> Tensor {
        entries.append(Entry(shape: tensor.shape, gradientDType: tensor.dtype))
        var copy = tensor
        copy.node = Node(tape: identifier, index: entries.count - 1)
        return copy
    }

    /// The gradient of a watched tensor; zeros when the result does not depend on it.
    ///
    /// Traps when the tensor is not on this tape.
    public func gradient(of tensor: Tensor) -> Tensor {
        require(holds(tensor), "gradient(of:): the tensor was not recorded on a tape")
        guard let node = tensor.node, let gradient = entries[node.index].gradient else {
            return Tensor.zeros(tensor.shape, dtype: tensor.dtype, backend: tensor.backend)
        }
        return gradient
    }

    /// Whether nothing else holds the memory of what ``gradient(of:)`` returns.
    func ownsGradient(of tensor: Tensor) -> Bool {
        guard holds(tensor), let node = tensor.node, entries[node.index].gradient != nil else { return true }
        return entries[node.index].ownsGradient
    }

    /// Appends a record whose outputs are returned with their places.
    func append(
        _ operation: DifferentiableOperation,
        inputs: [Tensor],
        outputs: [Tensor],
        pullback: @escaping (Pullback) -> Void
    ) -> [Tensor] {
        let nodes = inputs.map { holds($0) ? $0.node : nil }
        let first = entries.count
        let record = Record(
            operation: operation,
            inputs: nodes,
            outputCount: outputs.count,
            pullback: pullback
        )
        return outputs.enumerated().map { position, output in
            entries.append(
                Entry(
                    record: position == 0 ? record : nil,
                    shape: output.shape,
                    gradientDType: output.dtype
                )
            )
            var placed = output
            placed.node = Node(tape: identifier, index: first + position)
            return placed
        }
    }

    /// Fills the gradients of all leaves and watched tensors with the derivatives of `result`.
    ///
    /// Gradients of leaves are added to what they hold; nothing else stays on the tape, which is then used up.
    ///
    /// - Parameters:
    ///   - result: A tensor recorded here: a scalar unless `gradient` is given.
    ///   - gradient: The gradient to begin with, of result's shape; ones when nil.
    ///
    /// Traps when the result is not on this tape, or is no scalar and no gradient is given.
    public func backward(from result: Tensor, gradient: Tensor? = nil) {
        require(
            holds(result),
            "backward: the result was not recorded on this tape; compute it inside record { } from parameters"
        )
        require(
            gradient != nil || result.elementCount == 1,
            "backward: the result has shape \(result.shape); give a gradient of that shape or reduce it to a scalar"
        )
        let seed = gradient ?? Tensor.ones(result.shape, dtype: result.dtype, backend: result.backend)
        backward(from: [(result, seed)])
    }

    /// The same from several results, each with its gradient; those without one are passed over.
    func backward(from results: [(tensor: Tensor, gradient: Tensor?)]) {
        Tape.withoutRecording {
            for (result, gradient) in results {
                guard let gradient, holds(result) else { continue }
                Pullback(tape: self, inputs: [result.node], outputs: 0..<0).add(gradient, to: 0)
            }
            for index in entries.indices.reversed() {
                guard let record = entries[index].record else { continue }
                entries[index].record = nil
                let outputs = index..<index + record.outputCount
                if outputs.contains(where: { entries[$0].gradient != nil }) {
                    record.pullback(Pullback(tape: self, inputs: record.inputs, outputs: outputs))
                }
                for output in outputs { entries[output].gradient = nil }
            }
        }
    }
}

/// Numbers tapes, so that tensors of one are not taken for another's.
private final class IdentifierCounter: Sendable {
    private let value = Mutex<UInt64>(0)

    func next() -> UInt64 {
        value.withLock { value in
            value += 1
            return value
        }
    }
}
