import Testing
import YuyanTensors

/// The gradients of a function by its pullbacks and by central differences, both in f64.
///
/// The function's results y₁, y₂, … become one number Σ wᵢ · yᵢ with fixed weights between 0.5 and 1.5 of either sign,
/// so that wrong gradients cannot cancel. Differences are of fourth order with step `step`: where the function is
/// smooth, their error is below 10⁻¹⁰ of its size; functions with kinks need inputs at least two steps away from them.
public struct GradientCheck {
    /// The gradient of each input by the tape, row-major.
    public let analytic: [[Double]]
    /// The gradient of each input by differences.
    public let numeric: [[Double]]
    /// The operations that the tape recorded.
    public let operations: [DifferentiableOperation]

    /// Differentiates a function both ways.
    ///
    /// - Parameters:
    ///   - inputs: The inputs to differentiate by, f64.
    ///   - step: The step of the differences.
    ///   - function: The function; it must give the same results each time.
    ///
    /// Traps when an input is not f64, or a result depends on no input.
    public init(_ inputs: [Tensor], step: Double = 1e-3, _ function: ([Tensor]) -> [Tensor]) {
        for input in inputs {
            require(
                input.dtype == .f64,
                "GradientCheck: an input is \(input.dtype); gradients are checked in f64"
            )
        }
        let tape = Tape()
        let watched = inputs.map { tape.watch($0) }
        let total = tape.record { GradientCheck.weighted(function(watched)) }
        operations = tape.pendingOperations
        tape.backward(from: total)
        analytic = watched.map { tape.gradient(of: $0).doubles() }
        numeric = inputs.indices.map { position in
            let center = inputs[position].doubles()
            return center.indices.map { element in
                func value(_ shift: Double) -> Double {
                    var moved = center
                    moved[element] += shift
                    var arguments = inputs
                    arguments[position] = Tensor(moved, shape: inputs[position].shape)
                    return GradientCheck.weighted(function(arguments)).item()
                }
                let near = value(step) - value(-step)
                let far = value(2 * step) - value(-2 * step)
                return (8 * near - far) / (12 * step)
            }
        }
    }

    /// Σ wᵢ · yᵢ over all elements of all results.
    private static func weighted(_ results: [Tensor]) -> Tensor {
        var total = Tensor(0, dtype: .f64)
        for (position, result) in results.enumerated() {
            var random = RandomSource(seed: 77, stream: UInt64(position))
            let weights = (0..<result.elementCount).map { _ in
                (random.nextUniform() < 0.5 ? -1 : 1) * (0.5 + random.nextDouble())
            }
            let tensor = Tensor(weights, shape: result.shape)
            let value = result.dtype == .f64 ? result : result.cast(to: .f64)
            total = total + (value * tensor).sum()
        }
        return total
    }
}

/// Records a failure of the running test unless the gradients of a function agree with central differences.
///
/// - Parameters:
///   - inputs: The inputs to differentiate by, f64.
///   - relative: The tolerance as a part of a gradient's largest element.
///   - step: The step of the differences.
///   - operation: What the tape must have recorded, or nil.
///   - comment: What is being checked; stands before the report.
///   - sourceLocation: Where the failure is shown.
///   - function: The function; it must give the same results each time.
/// - Returns: Whether all gradients agree.
@discardableResult
public func expectGradients(
    of inputs: [Tensor],
    relative: Double = 1e-8,
    step: Double = 1e-3,
    records operation: DifferentiableOperation? = nil,
    _ comment: @autoclosure () -> String = "",
    sourceLocation: SourceLocation = #_sourceLocation,
    _ function: ([Tensor]) -> [Tensor]
) -> Bool {
    let check = GradientCheck(inputs, step: step, function)
    var isRight = true
    if let operation, !check.operations.contains(operation) {
        let text = "\(comment()): the tape recorded \(check.operations), not \(operation)"
        Issue.record(Comment(rawValue: text), sourceLocation: sourceLocation)
        isRight = false
    }
    for (position, (analytic, numeric)) in zip(check.analytic, check.numeric).enumerated() {
        let size = numeric.reduce(1) { max($0, $1.magnitude) }
        let agrees = expectClose(
            actual: analytic,
            expected: numeric,
            absolute: relative * size,
            "\(comment()), gradient of input \(position)",
            sourceLocation: sourceLocation
        )
        isRight = isRight && agrees
    }
    return isRight
}
