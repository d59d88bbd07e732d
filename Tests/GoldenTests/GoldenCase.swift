import Testing
import YuyanOptimizers
import YuyanTestSupport

/// A case of the golden file: inputs by name, results with their gradients, gradients of inputs.
struct GoldenCase {
    let file: GoldenFile
    let name: String
    let dtype: DType

    func tensor(_ input: String) throws -> Tensor { try file.tensor("\(name)/\(input)", as: dtype) }

    /// Runs a function of the named inputs and compares results and gradients element by element.
    ///
    /// The tolerance is a part of the largest magnitude: 1e-12 in f64 and 2e-6 in f32 unless told otherwise.
    func expect(
        _ inputs: [String],
        tolerance: (f64: Double, f32: Double) = (1e-12, 2e-6),
        sourceLocation: SourceLocation = #_sourceLocation,
        _ function: ([Tensor]) throws -> [Tensor]
    ) throws {
        let tape = Tape()
        let watched = try inputs.map { tape.watch(try tensor($0)) }
        let results = try tape.record { try function(watched) }
        let allowed = dtype == .f64 ? tolerance.f64 : tolerance.f32
        var total = Tensor(0, dtype: dtype)
        for (index, result) in results.enumerated() {
            let suffix = results.count == 1 ? "" : String(index)
            let gradient = try tensor("dy\(suffix)")
            compare(result, try file.doubles("\(name)/y\(suffix)"), allowed, "y\(suffix)", sourceLocation)
            #expect(result.shape == gradient.shape, "\(name)", sourceLocation: sourceLocation)
            total = tape.record { total + (result * gradient).sum() }
        }
        tape.backward(from: total)
        for (input, tensor) in zip(inputs, watched) {
            let expected = try file.doubles("\(name)/d\(input)")
            compare(tape.gradient(of: tensor), expected, allowed, "d\(input)", sourceLocation)
        }
    }

    /// Compares a tensor with golden elements, within a part of the largest magnitude.
    func compare(
        _ actual: Tensor,
        _ expected: [Double],
        _ tolerance: Double,
        _ what: String,
        _ location: SourceLocation
    ) {
        let size = expected.reduce(1e-30) { max($0, $1.magnitude) }
        expectClose(
            actual: actual.doubles(),
            expected: expected,
            absolute: tolerance * size,
            "\(name) in \(dtype), \(what)",
            sourceLocation: location
        )
    }
}
