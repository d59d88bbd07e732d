import Testing
import YuyanCPUBackend
import YuyanTensors
import YuyanTestSupport

private final class Leaf: GradientLeaf {
    let value: Tensor
    var gradient: Tensor?
    var gradientDType: DType { value.dtype == .bf16 ? .f32 : value.dtype }
    var shape: Shape { value.shape }
    var onTape: Tensor { Tape.current.map { $0.tensor(for: self, value: value) } ?? value }

    init(_ value: Tensor) { self.value = value }
}

@Suite("Tape")
struct TapeTests {
    @Test("A leaf's gradients add up over uses, passes and tapes")
    func accumulation() {
        let leaf = Leaf(Tensor([1.0, 2, 3], shape: [3]))
        for pass in 1...3 {
            let tape = Tape()
            let loss = tape.record { (leaf.onTape * leaf.onTape).sum() + leaf.onTape.sum() }
            tape.backward(from: loss)
            let expected = [3.0, 5, 7].map { $0 * Double(pass) }
            #expect(leaf.gradient?.doubles() == expected)
        }
    }

    @Test("What is not recorded has no gradient")
    func withoutRecording() {
        let tape = Tape()
        let x = tape.watch(Tensor([2.0], shape: [1]))
        let loss = tape.record {
            let constant = Tape.withoutRecording { x * x }
            return (x * constant + x.detached()).sum()
        }
        #expect(tape.pendingOperations == [.multiply, .add, .reshape, .sum] || tape.count > 0)
        tape.backward(from: loss)
        #expect(tape.gradient(of: x).doubles() == [4])
        #expect(Tape.current == nil)
        let outside = x * x
        #expect(tape.pendingOperations.isEmpty)
        #expect(outside.doubles() == [4])
    }

    @Test("Constants leave nothing on the tape")
    func constants() {
        let tape = Tape()
        let x = Tensor([2.0], shape: [1])
        _ = tape.record { exp(x * x + 1) }
        #expect(tape.count == 0)
    }

    @Test("A watched tensor that the result does not depend on has zeros")
    func independent() {
        let tape = Tape()
        let x = tape.watch(Tensor([2.0], shape: [1])), y = tape.watch(Tensor([3.0, 4], shape: [2]))
        let loss = tape.record { () -> Tensor in
            _ = exp(y)
            return x.sum()
        }
        tape.backward(from: loss)
        #expect(tape.gradient(of: y).doubles() == [0, 0])
    }

    @Test("A given gradient is where the backward pass begins, and stays as it is")
    func givenGradient() {
        let seed = Tensor([1.0, 10, 100], shape: [3])
        for wrap in [false, true] {
            let tape = Tape()
            let x = tape.watch(Tensor([1.0, 2, 3], shape: [3])),
                y = tape.watch(Tensor([5.0, 5, 5], shape: [3]))
            let result = tape.record { () -> Tensor in
                let sum = wrap ? checkpoint([x, y]) { [$0[0] + $0[1]] }[0] : x + y
                return sum + x
            }
            tape.backward(from: result, gradient: seed)
            #expect(tape.gradient(of: x).doubles() == [2, 20, 200])
            #expect(tape.gradient(of: y).doubles() == [1, 10, 100])
            #expect(seed.doubles() == [1, 10, 100])
        }
    }

    @Test("Checkpointed and plain networks agree, leaves included")
    func checkpointEqualsPlain() {
        let weight = Draw.uniform([4, 4]), bias = Draw.uniform([4], seed: 2),
            input = Draw.uniform([3, 4], seed: 3)
        func gradients(_ checkpoints: Bool) -> [[Double]] {
            let leaves = [Leaf(weight), Leaf(bias)]
            let tape = Tape()
            let x = tape.watch(input)
            let loss = tape.record { () -> Tensor in
                func block(_ h: Tensor) -> Tensor {
                    linear(
                        h,
                        weight: leaves[0].onTape,
                        bias: leaves[1].onTape,
                        activation: .gelu,
                        residual: h
                    )
                }
                var h = x
                for _ in 0..<3 { h = checkpoints ? checkpoint([h]) { [block($0[0])] }[0] : block(h) }
                return (h * h).sum()
            }
            tape.backward(from: loss)
            return [tape.gradient(of: x).doubles()] + leaves.map { $0.gradient?.doubles() ?? [] } + [
                loss.doubles()
            ]
        }
        #expect(gradients(true) == gradients(false))
    }

    @Test("A tensor of another tape stops the program")
    func otherTape() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let first = Tape(), second = Tape()
            let x = first.watch(Tensor([1.0], shape: [1])), y = second.watch(Tensor([1.0], shape: [1]))
            _ = second.record { x + y }
        }
        #expect(text(result).contains("was recorded on another tape"))
    }

    @Test("A backward pass from a matrix without a gradient stops the program")
    func noScalar() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let tape = Tape()
            let x = tape.watch(Tensor([1.0, 2], shape: [2]))
            tape.backward(from: tape.record { x * x })
        }
        #expect(text(result).contains("give a gradient of that shape or reduce it to a scalar"))
    }

    private func text(_ result: ExitTest.Result?) -> String {
        String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    }

    @Test("A million operations neither overflow the stack nor leave memory behind")
    func longTape() async {
        await #expect(processExitsWith: .success) {
            expectNoLiveStorage {
                let tape = Tape()
                let x = tape.watch(Tensor([1.0], shape: [1]))
                let result = tape.record { () -> Tensor in
                    var value = x
                    for _ in 0..<1_000_000 { value = value.affine(scale: 1.000_001) }
                    return value
                }
                #expect(tape.pendingOperations.count == 1_000_000)
                tape.backward(from: result)
                let expected = result.item()
                #expect(abs(tape.gradient(of: x).item() / expected - 1) < 1e-9)
            }
        }
    }

    @Test("Every operation gives its memory back", arguments: DifferentiableOperation.allCases)
    func noLeaks(_ operation: DifferentiableOperation) async {
        let name = operation.rawValue
        await #expect(processExitsWith: .success) { [name = name as String] in
            let operation = try #require(DifferentiableOperation(rawValue: name))
            for example in GradientTable(operation).cases {
                expectNoLiveStorage {
                    let tape = Tape()
                    let watched = example.inputs.map { tape.watch($0) }
                    let loss = tape.record {
                        example.function(watched).map { $0.cast(to: .f64).sum() }.reduce(
                            Tensor(0, dtype: .f64),
                            +
                        )
                    }
                    if !tape.pendingOperations.isEmpty { tape.backward(from: loss) }
                }
            }
        }
    }

    @Test("A leak is found")
    func leakFound() async {
        await #expect(processExitsWith: .success) {
            var kept: [Tensor] = []
            withKnownIssue {
                expectNoLiveStorage { kept.append(Tensor([1.0], shape: [1])) }
            }
            #expect(kept.count == 1)
        }
    }

    @Test("A used-up tape holds the gradients of watched tensors and nothing else")
    func usedUpTape() async {
        await #expect(processExitsWith: .success) {
            let tape = Tape()
            let x = tape.watch(Draw.uniform([8, 8])), y = tape.watch(Draw.uniform([8, 8], seed: 2))
            let before = CPUBackend.shared.pool.statistics.liveBlocks
            var loss: Tensor? = tape.record { checkpoint([exp(x * y)]) { [tanh($0[0]) + 1] }[0].sum() }
            if let loss { tape.backward(from: loss) }
            loss = nil
            #expect(CPUBackend.shared.pool.statistics.liveBlocks == before + 2)
            #expect(tape.pendingOperations.isEmpty)
        }
    }

    @Test("A tape without a backward pass lets go of what it kept")
    func abandonedTape() async {
        await #expect(processExitsWith: .success) {
            expectNoLiveStorage {
                let tape = Tape()
                let x = tape.watch(Draw.uniform([16, 16]))
                _ = tape.record { checkpoint([exp(x * x)]) { [tanh($0[0])] }[0].sum() }
            }
        }
    }
}
