import Foundation
import Testing
import YuyanNeuralNetworks
import YuyanTestSupport

@Suite struct InitializerTests {
    private func draws(_ initializer: Initializer, _ shape: Shape = [200, 300]) -> [Double] {
        var random = RandomSource(seed: 11)
        return initializer.tensor(shape, random: &random).doubles()
    }

    private func deviation(_ values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(values.count)
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
    }

    private static let deviations: [(Initializer, Double)] = {
        let fans = 500.0
        let into = 300.0
        var list: [(Initializer, Double)] = []
        list.append((Initializer.normal(standardDeviation: 0.5), 0.5))
        list.append((Initializer.scaledNormal(standardDeviation: 0.02, layers: 8), 0.005))
        list.append((Initializer.xavierNormal(), (2 / fans).squareRoot()))
        list.append((Initializer.kaimingNormal(), (2 / into).squareRoot()))
        list.append((Initializer.uniform(bound: 1), (1.0 / 3).squareRoot()))
        list.append((Initializer.xavierUniform(gain: 2), 2 * (2 / fans).squareRoot()))
        list.append((Initializer.kaimingUniform(), (2 / into).squareRoot()))
        list.append((Initializer.linearDefault, (1 / (3 * into)).squareRoot()))
        // The deviation of a standard normal between −2 and 2 is 0.8796.
        list.append((Initializer.truncatedNormal(standardDeviation: 0.5, bound: 1), 0.439813))
        return list
    }()

    @Test(arguments: deviations.indices) func haveTheirDeviation(number: Int) {
        let (initializer, expected) = Self.deviations[number]
        let values = draws(initializer)
        // 60,000 draws: the deviation's own error is 0.3 %.
        #expect(abs(deviation(values) / expected - 1) < 0.015)
        #expect(abs(values.reduce(0, +) / Double(values.count)) < 0.02 * expected)
    }

    @Test func boundsHold() {
        #expect(draws(.truncatedNormal(standardDeviation: 1, bound: 0.7)).allSatisfy { abs($0) <= 0.7 })
        #expect(draws(.uniform(bound: 0.25)).allSatisfy { $0 >= -0.25 && $0 < 0.25 })
        #expect(draws(.zeros).allSatisfy { $0 == 0 } && draws(.ones).allSatisfy { $0 == 1 })
        #expect(draws(.constant(0.5)).allSatisfy { $0 == 0.5 })
    }

    @Test func truncatedNormalHasItsQuartiles() {
        let sorted = draws(.truncatedNormal(standardDeviation: 1, bound: 1)).sorted()
        // The inverse normal distribution function at 0.5 + 0.25 · 0.682689, and its negative.
        #expect(abs(sorted[45_000] - 0.44177) < 0.015)
        #expect(abs(sorted[15_000] + 0.44177) < 0.015)
    }

    @Test func sourcesMoveOn() {
        var random = RandomSource(seed: 1)
        let initializer = Initializer.truncatedNormal(standardDeviation: 1, bound: 2)
        let first = initializer.tensor([4], random: &random).floats()
        #expect(initializer.tensor([4], random: &random).floats() != first)
    }
}

@Suite struct LayerTests {
    @Test func linearWithAdapterBeginsAsWithout() {
        var random = RandomSource(seed: 2)
        let layer = Linear(inputWidth: 5, outputWidth: 3, random: &random)
        let x = Tensor.normal([4, 5], random: &random)
        let before = layer(x, activation: .gelu).doubles()
        let adapter = LowRankAdapter(for: layer, rank: 2, alpha: 4, random: &random)
        layer.adapter = adapter
        expectClose(
            actual: layer(x, activation: .gelu).doubles(),
            expected: before,
            relative: 1e-6,
            absolute: 1e-7
        )
        #expect(layer.namedParameters().map(\.name) == ["weight", "bias", "adapter.down", "adapter.up"])

        adapter.up.assign(Tensor.normal([3, 2], random: &random))
        let weight = layer.weight.value + matmul(adapter.up.value, adapter.down.value) * 2
        let expected = apply(Activation.gelu, matmul(x, weight.transposed()))
        expectClose(
            actual: layer(x, activation: .gelu).doubles(),
            expected: expected.doubles(),
            relative: 1e-5,
            absolute: 1e-6
        )
        layer.weight.requiresGradient = false
        let tape = Tape()
        tape.backward(from: tape.record { layer(x).sum() })
        #expect(layer.weight.gradient == nil && adapter.down.gradient != nil && adapter.up.gradient != nil)
    }

    @Test func dropoutActsInTrainingOnly() {
        let layer = Dropout(0.25)
        let x = Tensor.ones([1000])
        #expect(layer(x).floats() == x.floats())
        layer.setTraining(true)
        layer.setRandom(seed: 1, call: 0)
        let dropped = layer(x).floats()
        #expect(dropped.allSatisfy { $0 == 0 || abs($0 - 4 / 3) < 1e-6 })
        let zeros = dropped.filter { $0 == 0 }.count
        #expect(zeros > 180 && zeros < 320)
        #expect(layer(x).floats() == dropped)
        layer.setRandom(seed: 1, call: 1)
        #expect(layer(x).floats() != dropped)
    }

    private func project(_ x: [[Double]], _ layer: Linear) -> [[Double]] {
        let weight = layer.weight.value.doubles()
        let bias = layer.bias?.value.doubles() ?? [Double](repeating: 0, count: layer.outputWidth)
        let width = layer.inputWidth
        return x.map { row in
            var results = bias
            for out in 0..<layer.outputWidth {
                for i in 0..<width { results[out] += row[i] * weight[out * width + i] }
            }
            return results
        }
    }

    /// Attention by its definition, on the host.
    private func reference(_ x: [[Double]], _ layer: SelfAttention) -> [[Double]] {
        let (heads, keys, e) = (layer.heads, layer.keyValueHeads, layer.headWidth)
        let packed = project(x, layer.inputProjection)
        var mixed: [[Double]] = []
        for t in x.indices {
            var row: [Double] = []
            for h in 0..<heads {
                let (q, k, v) = (
                    h * e, (heads + h / (heads / keys)) * e, (heads + keys + h / (heads / keys)) * e
                )
                var weights: [Double] = []
                for s in 0...t {
                    var score = 0.0
                    for i in 0..<e { score += packed[t][q + i] * packed[s][k + i] }
                    weights.append(Foundation.exp(score / Double(e).squareRoot()))
                }
                let total = weights.reduce(0, +)
                for i in 0..<e {
                    var sum = 0.0
                    for s in 0...t { sum += weights[s] * packed[s][v + i] }
                    row.append(sum / total)
                }
            }
            mixed.append(row)
        }
        return project(mixed, layer.outputProjection)
    }

    @Test(arguments: [(4, 4), (4, 2), (3, 1)]) func attentionFollowsItsDefinition(heads: Int, keys: Int) {
        var random = RandomSource(seed: 4)
        var options = SelfAttention.Options(width: 10, heads: heads, keyValueHeads: keys, headWidth: 4)
        options.inputInitializer = .normal(standardDeviation: 0.5)
        let layer = SelfAttention(options, random: &random)
        layer.inputProjection.bias?.assign(.normal([layer.inputProjection.outputWidth], random: &random))
        for parameter in layer.parameters() { parameter.convert(to: .f64) }
        let x = Tensor.normal([1, 7, 10], random: &random, dtype: .f64)
        let values = x.doubles()
        let rows = (0..<7).map { Array(values[$0 * 10..<$0 * 10 + 10]) }
        let result = layer(x, context: AttentionContext(isCausal: true))
        expectClose(
            actual: result.doubles(),
            expected: reference(rows, layer).flatMap { $0 },
            relative: 1e-10,
            absolute: 1e-10
        )
    }

    @Test func gatedFeedForwardFollowsItsDefinition() {
        var random = RandomSource(seed: 5)
        let layer = FeedForward(width: 4, innerWidth: 6, activation: .silu, isGated: true, random: &random)
        let x = Tensor.normal([3, 4], random: &random)
        let wide = linear(x, weight: layer.input.weight.value, bias: layer.input.bias?.value)
        let parts = wide.split(axis: 1, [6, 6])
        let middle = silu(parts[0].contiguous()) * parts[1].contiguous()
        let expected = linear(middle, weight: layer.output.weight.value, bias: layer.output.bias?.value)
        expectClose(actual: layer(x).doubles(), expected: expected.doubles(), relative: 1e-5, absolute: 1e-6)
    }
}

@Suite struct LossTests {
    private let x: [Double] = [-40, -2, -0.5, 0, 0.5, 3, 60]
    private let z: [Double] = [0, 1, 0.25, 0.5, 1, 0, 1]

    @Test(arguments: [1.0, 2.5]) func binaryCrossEntropyIsStable(weight: Double) {
        let (logits, targets) = (Tensor(x, shape: [7]), Tensor(z, shape: [7]))
        let expected = zip(x, z).map { (x: Double, z: Double) -> Double in
            let tail = x > 0 ? Foundation.log1p(Foundation.exp(-x)) : Foundation.log1p(Foundation.exp(x)) - x
            return (1 - z) * x + (1 + (weight - 1) * z) * tail
        }
        let losses = binaryCrossEntropy(
            logits: logits,
            targets: targets,
            positiveWeight: weight,
            reduction: .none
        )
        expectClose(actual: losses.doubles(), expected: expected, relative: 1e-12, absolute: 1e-14)
        let mean = binaryCrossEntropy(logits: logits, targets: targets, positiveWeight: weight).item()
        #expect(abs(mean - expected.reduce(0, +) / 7) < 1e-12)
    }

    @Test func errorsAndTheirReductions() {
        let a = Tensor([1, 2, 3, 4] as [Double], shape: [2, 2])
        let b = Tensor([1.5, 2, 1, 5] as [Double], shape: [2, 2])
        #expect(meanSquaredError(a, b, reduction: .none).doubles() == [0.25, 0, 4, 1])
        #expect(meanSquaredError(a, b).item() == 5.25 / 4)
        #expect(meanSquaredError(a, b, reduction: .sum).item() == 5.25)
        #expect(meanAbsoluteError(a, b, reduction: .none).doubles() == [0.5, 0, 2, 1])
        #expect(meanAbsoluteError(a, b).item() == 3.5 / 4)
    }

    @Test func ignoredRowsDoNotCount() {
        var random = RandomSource(seed: 6)
        let logits = Tensor.normal([3, 5], random: &random)
        let targets = Tensor([2, -100, 4] as [Int32], shape: [3])
        let kept = concatenate([logits.slice(axis: 0, 0..<1), logits.slice(axis: 0, 2..<3)], axis: 0)
        let expected = crossEntropyLoss(kept, targets: Tensor([2, 4] as [Int32], shape: [2])).item()
        #expect(abs(crossEntropyLoss(logits, targets: targets).item() - expected) < 1e-6)
        let none = Tensor([-100, -100, -100] as [Int32], shape: [3])
        #expect(crossEntropyLoss(logits, targets: none).item() == 0)
    }

    @Test func vocabularyLogitsAreWide() {
        var random = RandomSource(seed: 7)
        let weight = Parameter(.normal([9, 4], random: &random))
        let hidden = Tensor.normal([2, 3, 4], random: &random).cast(to: .bf16)
        let logits = vocabularyLogits(hidden, weight: weight)
        #expect(logits.dtype == .f32 && logits.shape == [2, 3, 9])
        let wide = weight.tensor(as: .bf16).cast(to: .f32)
        let expected = matmul(hidden.cast(to: .f32), wide.transposed())
        expectClose(actual: logits.doubles(), expected: expected.doubles(), relative: 1e-5, absolute: 1e-6)
    }
}
