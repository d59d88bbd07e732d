import Testing
import YuyanTensors
import YuyanTestSupport

/// A weight of f32 that computations see in another dtype, as a parameter in mixed precision.
private final class Weight: GradientLeaf {
    let value: Tensor
    let compute: DType
    var gradient: Tensor?
    var gradientDType: DType { .f32 }
    var shape: Shape { value.shape }

    init(_ value: Tensor, _ compute: DType) {
        self.value = value.cast(to: .f32)
        self.compute = compute
    }

    func tensor(as dtype: DType? = nil) -> Tensor {
        let seen = value.cast(to: dtype ?? compute)
        return Tape.current.map { $0.tensor(for: self, value: seen) } ?? seen
    }
}

@Suite("Mixed precision")
struct MixedPrecisionTests {
    private struct Outcome {
        let loss: Double
        let gradients: [[Double]]
        let dtypes: [DType?]
    }

    /// A block as models build it: f32 residual stream, branches and products in the compute dtype.
    private func run(_ compute: DType) -> Outcome {
        let table = Weight(Draw.uniform([11, 8], seed: 1), compute)
        let scale = Weight(Draw.uniform([8], 0.5, 1.5, seed: 2), .f32)
        let packed = Weight(Draw.uniform([24, 8], -0.5, 0.5, seed: 3), compute)
        let output = Weight(Draw.uniform([8, 8], -0.5, 0.5, seed: 4), compute)
        let bias = Weight(Draw.uniform([8], seed: 5), .f32)
        let ids = Tensor([1, 2, 10, 3, 3, 0] as [Int32], shape: [2, 3])
        let targets = Tensor([2, 10, -100, 3, 0, 1] as [Int32], shape: [2, 3])
        let tape = Tape()
        let loss = tape.record { () -> Tensor in
            let stream = embedding(ids, table: table.tensor(), outputDType: .f32)
            let first = layerNorm(stream, weight: scale.tensor(), bias: nil, outputDType: compute)
            let projected = linear(first, weight: packed.tensor())
            let options = AttentionOptions(scale: 0.5, isCausal: true)
            let seen = packedAttention(projected, heads: 2, keyValueHeads: 2, options: options)
            let branch = linear(seen, weight: output.tensor(), bias: bias.tensor(), activation: .gelu)
            let (normalized, sum) = addRMSNorm(branch, residual: stream, weight: scale.tensor())
            #expect(normalized.dtype == compute)
            #expect(sum.dtype == .f32)
            let last = layerNorm(sum, weight: nil, bias: nil, outputDType: compute) + normalized
            return linearCrossEntropy(last, weight: table.tensor(), targets: targets, scale: 0.2)
        }
        #expect(loss.dtype == .f32)
        tape.backward(from: loss)
        let weights = [table, scale, packed, output, bias]
        return Outcome(
            loss: loss.item(),
            gradients: weights.map { $0.gradient?.doubles() ?? [] },
            dtypes: weights.map { $0.gradient?.dtype }
        )
    }

    @Test("bf16 branches over an f32 stream: gradients gathered in f32, near those of f32")
    func block() {
        let exact = run(.f32), mixed = run(.bf16)
        #expect(mixed.dtypes == [.f32, .f32, .f32, .f32, .f32])
        #expect(abs(mixed.loss - exact.loss) < 0.02 * abs(exact.loss))
        #expect(mixed.loss != exact.loss)
        for (position, (a, b)) in zip(mixed.gradients, exact.gradients).enumerated() {
            #expect(!b.isEmpty)
            let size = b.reduce(0) { max($0, $1.magnitude) }
            expectClose(actual: a, expected: b, absolute: 0.05 * size, "weight \(position)")
        }
    }

    @Test("Operands of different dtypes stop the program by name")
    func mismatch() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Tensor.ones([2]) + Tensor.ones([2], dtype: .bf16)
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("f32") && text.contains("bf16") && text.contains("cast"))
    }

    @Test("Gradients of every operation exist in bf16", arguments: DifferentiableOperation.allCases)
    func everyOperation(_ operation: DifferentiableOperation) throws {
        // The table's functions of f64 draw their constants in f64; those without constants run in bf16 too.
        guard
            [
                .unary, .softmax, .logSoftmax, .matmul, .linear, .feedForward, .sum, .mean, .max, .reshape,
                .permute,
                .slice,
                .attention, .packedAttention, .crossEntropy, .linearCrossEntropy, .gatedActivation, .affine,
                .embedding,
            ].contains(operation)
        else { return }
        for example in GradientTable(operation).cases
        where !["frozen", "only", "factor"].contains(where: example.name.contains) {
            let tape = Tape()
            let watched = example.inputs.map { tape.watch($0.cast(to: .bf16)) }
            let loss = tape.record {
                example.function(watched).map { $0.cast(to: .f32).sum() }.reduce(Tensor(0), +)
            }
            guard !tape.pendingOperations.isEmpty else { continue }
            tape.backward(from: loss)
            for (input, tensor) in zip(example.inputs, watched) {
                let gradient = tape.gradient(of: tensor)
                #expect(
                    gradient.dtype == .bf16 && gradient.shape == input.shape,
                    "\(operation), \(example.name)"
                )
                #expect(gradient.doubles().allSatisfy { $0.isFinite }, "\(operation), \(example.name)")
            }
        }
    }
}
