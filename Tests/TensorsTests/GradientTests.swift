import Testing
import YuyanTensors
import YuyanTestSupport

@Suite("Gradients by finite differences")
struct GradientTests {
    @Test("Every differentiable operation", arguments: DifferentiableOperation.allCases)
    func everyOperation(_ operation: DifferentiableOperation) {
        let cases = GradientTable(operation).cases
        #expect(!cases.isEmpty, "\(operation) has no gradient check")
        for example in cases {
            expectGradients(
                of: example.inputs,
                relative: example.relative,
                step: example.step,
                records: operation,
                "\(operation), \(example.name)",
                example.function
            )
        }
    }

    @Test("A wrong gradient is found")
    func wrongGradient() {
        withKnownIssue {
            expectGradients(of: [Draw.uniform([3])]) { [$0[0].detached() * $0[0]] }
        }
        withKnownIssue {
            expectGradients(of: [Draw.uniform([3])]) { [$0[0] * 1.000_001 - $0[0].detached() * 0.000_001] }
        }
    }

    @Test("A check that does not touch its operation is found")
    func wrongOperation() {
        withKnownIssue {
            expectGradients(of: [Draw.uniform([3])], records: .divide) { [$0[0] * $0[0]] }
        }
    }

    @Test("Equal elements share the gradient of an extremum")
    func ties() {
        func gradient(_ values: [Double], _ function: (Tensor) -> Tensor) -> [Double] {
            let tape = Tape()
            let x = tape.watch(Tensor(values, shape: [values.count]))
            tape.backward(from: tape.record { function(x) })
            return tape.gradient(of: x).doubles()
        }
        #expect(gradient([1, 3, 3, 0]) { $0.max(axis: 0) } == [0, 0.5, 0.5, 0])
        #expect(gradient([2, 2, 2, 2]) { $0.min(axis: 0) } == [0.25, 0.25, 0.25, 0.25])
        #expect(gradient([2]) { maximum($0, Tensor([2.0], shape: [1])).sum() } == [0.5])
        #expect(gradient([2]) { minimum(Tensor([2.0], shape: [1]), $0).sum() } == [0.5])
        #expect(gradient([0, -0.0]) { relu($0).sum() } == [0, 0])
        #expect(gradient([0]) { abs($0).sum() } == [0])
    }
}
