import Testing
import YuyanNeuralNetworks
import YuyanTestSupport

@Suite struct RecurrentNetworkTests {
    private func network(
        _ cell: RecurrentCell,
        _ change: (inout RecurrentNetwork.Options) -> Void = { _ in }
    ) -> RecurrentNetwork {
        var options = RecurrentNetwork.Options(cell: cell, inputWidth: 3, width: 4)
        change(&options)
        var random = RandomSource(seed: 4)
        return RecurrentNetwork(options, random: &random)
    }

    @Test func parametersHavePyTorchsNames() {
        let plain = network(.gru) { $0.hasBias = false }
        #expect(plain.namedParameters().map(\.name) == ["weight_ih_l0", "weight_hh_l0"])
        let deep = network(.lstm) {
            $0.layers = 2
            $0.isBidirectional = true
        }
        let names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
        let expected = ["_l0", "_l0_reverse", "_l1", "_l1_reverse"].flatMap { end in names.map { $0 + end } }
        #expect(deep.namedParameters().map(\.name) == expected)
        #expect(deep.namedParameters()[8].parameter.shape == [16, 8])
        final class Tagger: Module {
            let layers: RecurrentNetwork
            init(_ layers: RecurrentNetwork) { self.layers = layers }
        }
        #expect(
            Tagger(plain).namedParameters().map(\.name) == ["layers.weight_ih_l0", "layers.weight_hh_l0"]
        )
        let bound = deep.parameters().flatMap { $0.value.doubles() }.map(abs).max() ?? 1
        #expect(bound <= 0.5 && bound > 0.45)
    }

    @Test(arguments: RecurrentCell.allCases) func stepsInTurnGiveTheWhole(_ cell: RecurrentCell) {
        let layers = network(cell) { $0.layers = 2 }
        var random = RandomSource(seed: 8)
        let x = Tensor.normal([3, 5, 3], random: &random)
        let whole = layers(x)
        var state: RecurrentState?
        for t in 0..<5 {
            let one = layers(x.slice(axis: 1, t..<t + 1), initial: state)
            expectClose(
                actual: one.output.doubles(),
                expected: whole.output.slice(axis: 1, t..<t + 1).doubles(),
                absolute: 1e-6
            )
            state = one.state
        }
        #expect(state.map { $0.hidden.shape == [2, 3, 4] } ?? false)
    }

    @Test func paddingChangesNothing() {
        let layers = network(.lstm) { $0.isBidirectional = true }
        var random = RandomSource(seed: 9)
        let x = Tensor.normal([2, 6, 3], random: &random)
        let short = layers(x.slice(axis: 1, 0..<4).contiguous())
        let long = layers(x, lengths: Tensor([4, 4] as [Int32], shape: [2]))
        #expect(long.output.slice(axis: 1, 0..<4).floats() == short.output.floats())
        #expect(long.output.slice(axis: 1, 4..<6).floats().allSatisfy { $0 == 0 })
        #expect(long.state.hidden.floats() == short.state.hidden.floats())
        #expect(long.state.cell.map { $0.floats() } == short.state.cell.map { $0.floats() })
    }

    @Test func lowPrecisionStaysNear() {
        let layers = network(.gru) { $0.isBidirectional = true }
        var random = RandomSource(seed: 10)
        let x = Tensor.normal([2, 5, 3], random: &random)
        let tape = Tape()
        let low = tape.record { layers(x.cast(to: .bf16)).output }
        #expect(low.dtype == .bf16)
        expectClose(actual: low.doubles(), expected: layers(x).output.doubles(), absolute: 0.03)
        tape.backward(from: low, gradient: .ones(low.shape, dtype: .bf16))
        #expect(layers.parameters().allSatisfy { $0.gradient?.dtype == .f32 })
    }

    @Test func dropoutActsBetweenLayersInTraining() {
        for kind in RecurrentNetwork.DropoutKind.allCases {
            let layers = network(.tanh) {
                $0.layers = 2
                $0.dropout = 0.5
                $0.dropoutKind = kind
            }
            var random = RandomSource(seed: 11)
            let x = Tensor.normal([2, 4, 3], random: &random)
            let calm = layers(x).output.floats()
            layers.setTraining(true)
            layers.setRandom(seed: 3, call: 1)
            let first = layers(x).output.floats()
            #expect(first != calm && layers(x).output.floats() == first)
            layers.setRandom(seed: 3, call: 2)
            #expect(layers(x).output.floats() != first)
            layers.setTraining(false)
            #expect(layers(x).output.floats() == calm)
        }
        let dropped = variationalDropout(
            .ones([3, 5, 40]),
            probability: 0.25,
            random: RandomSource(seed: 5)
        )
        let first = dropped.select(axis: 1, 0).floats()
        for t in 1..<5 { #expect(dropped.select(axis: 1, t).floats() == first) }
        #expect(Set(first) == [0, Float(1 / 0.75)])
    }

    /// The same numbers and gradients as a whole run's, also with draws and sequences of unequal length.
    @Test(arguments: RecurrentCell.allCases, [false, true]) func lastOutputIsTheWholes(
        _ cell: RecurrentCell,
        _ isBidirectional: Bool
    ) {
        let layers = network(cell) {
            $0.layers = 2
            $0.isBidirectional = isBidirectional
            $0.dropout = 0.3
            $0.weightDropout = 0.2
        }
        layers.setTraining(true)
        var random = RandomSource(seed: 8)
        let x = Tensor.normal([3, 5, 3], random: &random)
        for lengths in [[5, 5, 5], [2, 5, 1], nil] as [[Int32]?] {
            let counts = lengths.map { Tensor($0, shape: [3]) }
            let places = lengths ?? [5, 5, 5]
            func gradients(_ body: () -> Tensor) -> [[Double]] {
                let tape = Tape()
                let value = tape.record { body() }
                layers.clearGradients()
                let count = value.shape.elementCount
                tape.backward(
                    from: value,
                    gradient: Tensor((0..<count).map { Float($0 + 1) }, shape: value.shape)
                )
                return [value.doubles()] + layers.parameters().map { $0.gradient?.doubles() ?? [] }
            }
            let whole = gradients {
                let output = layers(x, lengths: counts).output
                let rows = places.enumerated().map {
                    output.slice(axis: 0, $0..<$0 + 1).select(axis: 1, Int($1) - 1)
                }
                return concatenate(rows, axis: 0)
            }
            let last = gradients { layers.lastOutput(x, lengths: counts) }
            for (one, two) in zip(whole, last) {
                #expect(!one.isEmpty)
                expectClose(actual: two, expected: one, absolute: 1e-4)
            }
        }
        let empty = layers.lastOutput(x, lengths: Tensor([0, 3, 5] as [Int32], shape: [3]))
        #expect(empty.select(axis: 0, 0).doubles().allSatisfy { $0 == 0 })
    }

    @Test func recurrentWeightsAreDroppedInTraining() {
        let layers = network(.lstm) { $0.weightDropout = 0.5 }
        var random = RandomSource(seed: 12)
        let x = Tensor.normal([2, 1, 3], random: &random)
        let calm = layers(x).output.floats()
        layers.setTraining(true)
        layers.setRandom(seed: 3, call: 1)
        // Without a state before it the first step does not read the recurrent weight.
        #expect(layers(x).output.floats() == calm)
        let longer = Tensor.normal([2, 3, 3], random: &random)
        let first = layers(longer).output.floats()
        layers.setRandom(seed: 3, call: 2)
        #expect(layers(longer).output.floats() != first)
    }
}

@Suite struct SequenceLayerTests {
    private let lengths = Tensor([2, 0, 3] as [Int32], shape: [3])

    @Test func masksAndSegments() {
        let mask = sequenceMask(lengths: lengths, positions: 3)
        #expect(mask.hostBytes() == [1, 1, 0, 0, 0, 0, 1, 1, 1])
        #expect(
            sequenceSegments(lengths: lengths, positions: 3).integers() == [0, 0, -1, -1, -1, -1, 0, 0, 0]
        )
        let x = Tensor((0..<9).map { Double($0) }, shape: [3, 3, 1])
        #expect(masked(x, lengths: lengths, filling: 7).doubles() == [0, 1, 7, 7, 7, 7, 6, 7, 8])
    }

    @Test func emptySequencesPoolToZeros() {
        let x = Tensor([-3, -2, .nan, .nan, .infinity, 5, -1, -6, -7] as [Double], shape: [3, 3, 1])
        #expect(pooled(x, .max, lengths: lengths).doubles() == [-2, 0, -1])
        #expect(pooled(x, .sum, lengths: lengths).doubles() == [-5, 0, -14])
        let means = pooled(x, .mean, lengths: lengths).doubles()
        #expect(means[0] == -2.5 && means[1] == 0 && abs(means[2] + 14.0 / 3) < 1e-12)
        #expect(pooled(Tensor.zeros([2, 0, 3]), .max).shape == [2, 3])
    }

    @Test func attentionSeesNothingOfEmptySequences() {
        var random = RandomSource(seed: 3)
        let keys = Tensor.normal([3, 3, 4], random: &random),
            queries = Tensor.normal([3, 2, 4], random: &random)
        for kind in ScoreKind.allCases {
            let layer = SequenceAttention(kind, queryWidth: 4, keyWidth: 4, random: &random)
            let weights = layer.weights(queries: queries, keys: keys, lengths: lengths)
            let sums = weights.sum(axis: 2).doubles()
            expectClose(actual: sums, expected: [1, 1, 0, 0, 1, 1], absolute: 1e-6)
            #expect(weights.select(axis: 2, 2).doubles().prefix(4).allSatisfy { $0 == 0 })
        }
        let pooling = AttentionPooling(width: 4, innerWidth: 5, random: &random)
        #expect(pooling(keys, lengths: lengths).select(axis: 0, 1).doubles() == [0, 0, 0, 0])
        let cross = CrossAttention(SelfAttention.Options(width: 4, heads: 2), random: &random)
        let result = cross(queries, memory: cross.memory(keys, lengths: lengths))
        #expect(result.select(axis: 0, 1).doubles().allSatisfy { $0 == 0 })
    }

    @Test func aBiasOfZerosChangesNothing() {
        var random = RandomSource(seed: 5)
        let layer = SelfAttention(
            SelfAttention.Options(width: 8, heads: 4, keyValueHeads: 2),
            random: &random
        )
        let x = Tensor.normal([3, 5, 8], random: &random)
        var context = AttentionContext(isCausal: true)
        context.segments = sequenceSegments(lengths: Tensor([5, 2, 3] as [Int32], shape: [3]), positions: 5)
        let plain = layer(x, context: context).doubles()
        context.bias = .zeros([4, 5, 5])
        expectClose(actual: layer(x, context: context).doubles(), expected: plain, absolute: 1e-6)
    }

    @Test func convolutionsKeepBatchesApart() {
        var random = RandomSource(seed: 6)
        let window = WindowOptions(width: 3, leading: 1, trailing: 1)
        let layer = Convolution1D(inputWidth: 2, outputWidth: 4, window: window, random: &random)
        let x = Tensor.normal([2, 6, 2], random: &random)
        let lengths = Tensor([4, 6] as [Int32], shape: [2])
        let all = layer(x, lengths: lengths, activation: .relu).select(axis: 0, 0).slice(axis: 0, 0..<4)
        let alone = layer(x.slice(axis: 0, 0..<1).slice(axis: 1, 0..<4).contiguous(), activation: .relu)
        expectClose(actual: all.doubles(), expected: alone.doubles(), absolute: 1e-6)
        #expect(layer.outputLengths([4, 6, 0]) == [4, 6, 0])
        #expect(WindowOptions(width: 3, stride: 2).count(over: 2) == 0)
        #expect(layer.namedParameters().map(\.name) == ["weight", "bias"])
    }

    /// Few windows and many are multiplied in different orders of memory; results and gradients are the same.
    @Test func fewWindowsAreConvolvedAsManyAre() {
        var random = RandomSource(seed: 8)
        let window = WindowOptions(width: 3, leading: 1, trailing: 1)
        let layer = Convolution1D(inputWidth: 5, outputWidth: 20, window: window, random: &random)
        let text = Tensor.normal([1, 4, 5], random: &random)
        let factors = Tensor.normal([1, 4, 20], random: &random)
        func valuesAndGradients(copies: Int) -> [[Double]] {
            let input = Parameter(concatenate(Array(repeating: text, count: copies), axis: 0))
            let parameters = layer.parameters() + [input]
            parameters.forEach { $0.gradient = nil }
            let tape = Tape()
            var result = text
            let sum = tape.record {
                result = layer(input.tensor(), activation: .gelu)
                return (result * factors).sum() * (1 / Double(copies))
            }
            tape.backward(from: sum)
            let own = input.gradient.map { $0.slice(axis: 0, 0..<1).doubles().map { $0 * Double(copies) } }
            return [result.slice(axis: 0, 0..<1).doubles(), own ?? []]
                + layer.parameters().map { $0.gradient?.doubles() ?? [] }
        }
        for (few, many) in zip(valuesAndGradients(copies: 1), valuesAndGradients(copies: 6)) {
            expectClose(actual: few, expected: many, absolute: 1e-5)
        }
    }

    @Test func fieldsLearnTheirLabels() {
        var random = RandomSource(seed: 7)
        let field = ConditionalRandomField(labels: 3, random: &random)
        #expect(
            field.namedParameters().map(\.name) == ["start_transitions", "end_transitions", "transitions"]
        )
        let emissions = Tensor.zeros([2, 4, 3])
        let targets = Tensor([0, 1, 2, 0, 0, 1, 2, 2] as [Int32], shape: [2, 4])
        let lengths = Tensor([4, 3] as [Int32], shape: [2])
        for _ in 0..<60 {
            let tape = Tape()
            let loss = tape.record { field.loss(emissions, targets: targets, lengths: lengths) }
            tape.backward(from: loss)
            for parameter in field.parameters() {
                guard let gradient = parameter.gradient else { continue }
                parameter.assign(parameter.value - gradient * 1.0)
                parameter.gradient = nil
            }
        }
        #expect(field.decode(emissions, lengths: lengths).labels.integers() == [0, 1, 2, 0, 0, 1, 2, -1])
        let loss = field.loss(emissions, targets: targets, lengths: lengths).item()
        #expect(loss > 0 && loss < 1.5)
    }
}

@Suite struct WindowMaximaTests {
    /// The largest values agree with those of whole convolutions, cut at each sequence's last window, and so do all
    /// gradients.
    @Test func largestValuesAreThoseOfConvolutions() {
        var random = RandomSource(seed: 3)
        let convolutions = [2, 5, 3].map { width in
            Convolution1D(
                inputWidth: 6,
                outputWidth: 20,
                window: WindowOptions(width: width, leading: width - 1, trailing: width - 1),
                random: &random
            )
        }
        let table = Parameter(Initializer.normal(standardDeviation: 1).tensor([4, 7, 6], random: &random))
        let factors = Initializer.normal(standardDeviation: 1).tensor([4, 60], random: &random)
        let own = [7, 1, 4, 6]
        let lengths = Tensor(own.map { Int32($0) }, shape: [4])
        func gradients(_ features: () -> Tensor) -> [[Double]] {
            let parameters = [table] + convolutions.flatMap { $0.parameters() }
            parameters.forEach { $0.gradient = nil }
            let tape = Tape()
            let value = tape.record { (features() * factors).sum() }
            tape.backward(from: value)
            return [[value.item()]] + parameters.map { $0.gradient?.doubles() ?? [] }
        }
        let plain = gradients {
            let x = masked(table.tensor(), lengths: lengths)
            return concatenate(
                convolutions.map { convolution in
                    let counts = own.map { Int32($0 + convolution.window.width - 1) }
                    return pooled(convolution(x), .max, lengths: Tensor(counts, shape: [4]))
                },
                axis: 1
            )
        }
        let direct = gradients {
            windowMaxima(table.tensor(), filters: convolutions.map { $0.filters(as: .f32) }, lengths: lengths)
        }
        for (actual, expected) in zip(direct, plain) {
            expectClose(actual: actual, expected: expected, relative: 1e-5, absolute: 1e-5, "gradients")
        }
    }
}
