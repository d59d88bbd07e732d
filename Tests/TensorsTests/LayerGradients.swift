import YuyanTensors

extension GradientTable {
    static func matrixProduct(_ list: inout GradientTable) {
        let a = Draw.uniform([3, 5]), b = Draw.uniform([5, 4], seed: 2)
        let batch = Draw.uniform([2, 3, 5], seed: 3)
        list.add("matrices", [a, b]) { matmul($0[0], $0[1]) }
        list.add("batches", [batch, Draw.uniform([2, 5, 4], seed: 4)]) { matmul($0[0], $0[1]) }
        list.add("a shared right factor", [batch, b]) { matmul($0[0], $0[1]) }
        list.add(
            "batches of batches",
            [Draw.uniform([2, 2, 3, 2]), Draw.uniform([2, 2, 2, 3], seed: 2)]
        ) {
            matmul($0[0], $0[1])
        }
        list.add("transposed views", [Draw.uniform([5, 3]), Draw.uniform([4, 5], seed: 2)]) {
            matmul($0[0].transposed(), $0[1].transposed())
        }
        list.add("permuted batches", [Draw.uniform([3, 2, 5]), Draw.uniform([4, 2, 5], seed: 2)]) {
            matmul($0[0].permuted([1, 0, 2]), $0[1].permuted([1, 2, 0]))
        }
        list.add("with its own transpose", [a]) { matmul($0[0], $0[0].transposed()) }
        list.add("used twice", [a, b]) { [matmul($0[0], $0[1]), matmul($0[0] * 2, $0[1])] }
        list.add("slices", [Draw.uniform([4, 9]), Draw.uniform([3, 4], seed: 2)]) {
            matmul($0[0].slice(axis: 1, 2..<5), $0[1])
        }
        list.add("one element", [Draw.uniform([1, 1]), Draw.uniform([1, 1], seed: 2)]) {
            matmul($0[0], $0[1])
        }
        list.add("no rows", [Draw.uniform([0, 5]), b]) { matmul($0[0], $0[1]) }
        list.add("nothing to sum", [Draw.uniform([3, 0]), Draw.uniform([0, 4])]) {
            matmul($0[0], $0[1])
        }
    }

    static func linearLayer(_ list: inout GradientTable) {
        let x = Draw.uniform([2, 3, 5]), weight = Draw.uniform([4, 5], seed: 2),
            bias = Draw.uniform([4], seed: 3)
        let residual = Draw.uniform([2, 3, 4], seed: 4)
        for activation in Activation.allCases {
            let step = activation == .relu ? 1e-6 : 1e-3
            list.add("\(activation)", [x, weight], step: step) {
                linear($0[0], weight: $0[1], activation: activation)
            }
            list.add("\(activation) with bias", [x, weight, bias], step: step) {
                linear($0[0], weight: $0[1], bias: $0[2], activation: activation)
            }
            list.add("\(activation) with residual", [x, weight, residual], step: step) {
                linear($0[0], weight: $0[1], activation: activation, residual: $0[2])
            }
            list.add("\(activation) with both", [x, weight, bias, residual], step: step) {
                linear($0[0], weight: $0[1], bias: $0[2], activation: activation, residual: $0[3])
            }
        }
        list.add("frozen weight", [x, bias]) {
            linear($0[0], weight: weight, bias: $0[1], activation: .gelu)
        }
        list.add("frozen input", [weight, bias]) {
            linear(x, weight: $0[0], bias: $0[1], activation: .tanh)
        }
        list.add("only the bias", [bias]) { linear(x, weight: weight, bias: $0[0]) }
        list.add("its input as residual", [Draw.uniform([3, 4]), Draw.uniform([4, 4], seed: 2)]) {
            linear($0[0], weight: $0[1], residual: $0[0])
        }
        list.add("used twice", [Draw.uniform([3, 4]), Draw.uniform([4, 4], seed: 2), bias]) {
            let once = linear($0[0], weight: $0[1], bias: $0[2], activation: .silu)
            return linear(once, weight: $0[1], bias: $0[2], activation: .silu)
        }
        list.add("a row", [Draw.uniform([5]), weight, bias]) {
            linear($0[0], weight: $0[1], bias: $0[2])
        }
        list.add(
            "permuted input and weight",
            [Draw.uniform([5, 3]), Draw.uniform([5, 4], seed: 2)]
        ) {
            linear($0[0].transposed(), weight: $0[1].transposed())
        }
        list.add("no rows", [Draw.uniform([0, 5]), weight, bias]) {
            linear($0[0], weight: $0[1], bias: $0[2], activation: .gelu)
        }
    }

    static func feedForwardLayer(_ list: inout GradientTable) {
        let x = Draw.uniform([2, 3, 5]), widening = Draw.uniform([7, 5], -1, 1, seed: 2)
        let narrowing = Draw.uniform([4, 7], -1, 1, seed: 3)
        let biases = [Draw.uniform([7], seed: 8), Draw.uniform([4], seed: 5)]
        for activation in Activation.allCases {
            let step = activation == .relu ? 1e-6 : 1e-3
            list.add("\(activation)", [x, widening, narrowing], step: step) {
                feedForward($0[0], inputWeight: $0[1], activation: activation, outputWeight: $0[2])
            }
            list.add("\(activation) with biases", [x, widening, narrowing] + biases, step: step) {
                feedForward(
                    $0[0],
                    inputWeight: $0[1],
                    inputBias: $0[3],
                    activation: activation,
                    outputWeight: $0[2],
                    outputBias: $0[4]
                )
            }
        }
        list.add("the first bias alone", [x, widening, narrowing, biases[0]]) {
            feedForward(
                $0[0],
                inputWeight: $0[1],
                inputBias: $0[3],
                activation: .gelu,
                outputWeight: $0[2]
            )
        }
        list.add("the second bias alone", [x, widening, narrowing, biases[1]]) {
            feedForward(
                $0[0],
                inputWeight: $0[1],
                activation: .silu,
                outputWeight: $0[2],
                outputBias: $0[3]
            )
        }
        list.add("frozen input", [widening, narrowing]) {
            feedForward(x, inputWeight: $0[0], activation: .gelu, outputWeight: $0[1])
        }
        list.add("frozen weights", [x]) {
            feedForward($0[0], inputWeight: widening, activation: .gelu, outputWeight: narrowing)
        }
        list.add("only the narrowing weight", [narrowing]) {
            feedForward(x, inputWeight: widening, activation: .tanh, outputWeight: $0[0])
        }
        list.add("only the first bias", [biases[0]]) {
            feedForward(
                x,
                inputWeight: widening,
                inputBias: $0[0],
                activation: .tanh,
                outputWeight: narrowing
            )
        }
        let square = Draw.uniform([5, 5], -1, 1, seed: 6)
        list.add("one weight twice", [x, square]) {
            feedForward($0[0], inputWeight: $0[1], activation: .gelu, outputWeight: $0[1])
        }
        list.add("used twice", [Draw.uniform([3, 5]), square, Draw.uniform([5, 5], seed: 7)]) {
            let once = feedForward($0[0], inputWeight: $0[1], activation: .silu, outputWeight: $0[2])
            return feedForward(once, inputWeight: $0[1], activation: .silu, outputWeight: $0[2]) + $0[0]
        }
        list.add("a row", [Draw.uniform([5]), widening, narrowing]) {
            feedForward($0[0], inputWeight: $0[1], activation: .gelu, outputWeight: $0[2])
        }
        list.add("no rows", [Draw.uniform([0, 5]), widening, narrowing] + biases) {
            feedForward(
                $0[0],
                inputWeight: $0[1],
                inputBias: $0[3],
                activation: .gelu,
                outputWeight: $0[2],
                outputBias: $0[4]
            )
        }
    }

    static func normalization(_ list: inout GradientTable, _ operation: DifferentiableOperation) {
        let isLayer = operation == .layerNorm
        func normalize(_ x: Tensor, _ weight: Tensor?, _ bias: Tensor?) -> Tensor {
            isLayer
                ? layerNorm(x, weight: weight, bias: bias, epsilon: 1e-3)
                : rmsNorm(x, weight: weight, epsilon: 1e-3)
        }
        let shapes: [Shape] = [[2, 3, 5], [4, 67], [5], [3, 1], [0, 4]]
        for shape in shapes {
            let x = Draw.uniform(shape), weight = Draw.uniform([shape[-1]], seed: 2)
            // Rows of one element bend sharply near 0.
            let step = shape[-1] == 1 ? 1e-4 : 1e-3
            list.add("\(shape)", [x], step: step) { normalize($0[0], nil, nil) }
            list.add("\(shape) with scale", [x, weight], step: step) { normalize($0[0], $0[1], nil) }
            list.add("\(shape), only the scale", [weight]) { normalize(x, $0[0], nil) }
        }
        list.add("of a permuted view", [Draw.uniform([5, 3]), Draw.uniform([5])]) {
            normalize($0[0].transposed(), $0[1], nil)
        }
        list.add("twice", [Draw.uniform([3, 5]), Draw.uniform([5], seed: 2)]) {
            normalize(normalize($0[0], $0[1], nil) * $0[0], $0[1], nil)
        }
        if isLayer {
            let x = Draw.uniform([3, 5])
            list.add("scale and shift", [x, Draw.uniform([5], seed: 2), Draw.uniform([5], seed: 3)]) {
                normalize($0[0], $0[1], $0[2])
            }
            list.add("only the shift", [x, Draw.uniform([5], seed: 3)]) {
                normalize($0[0], nil, $0[1])
            }
        }
    }

    static func addNormalization(_ list: inout GradientTable, _ operation: DifferentiableOperation) {
        let isLayer = operation == .addLayerNorm
        func normalize(_ x: Tensor, _ residual: Tensor, _ weight: Tensor?, _ bias: Tensor?) -> NormalizedSum {
            isLayer
                ? addLayerNorm(x, residual: residual, weight: weight, bias: bias, epsilon: 1e-3)
                : addRMSNorm(x, residual: residual, weight: weight, epsilon: 1e-3)
        }
        let x = Draw.uniform([2, 3, 5]), residual = Draw.uniform([2, 3, 5], seed: 2)
        let weight = Draw.uniform([5], seed: 3), bias = Draw.uniform([5], seed: 4)
        list.add("both results", [x, residual, weight, bias]) {
            let (normalized, sum) = normalize($0[0], $0[1], $0[2], isLayer ? $0[3] : nil)
            return [normalized, sum * sum, $0[3]]
        }
        list.add("only the normalised", [x, residual, weight]) {
            [normalize($0[0], $0[1], $0[2], nil).normalized]
        }
        list.add("only the sum", [x, residual]) { [normalize($0[0], $0[1], nil, nil).sum] }
        list.add("the same twice", [x]) {
            let (normalized, sum) = normalize($0[0], $0[0], nil, nil)
            return [normalized, sum]
        }
        list.add("a constant residual", [x, weight]) {
            let (normalized, sum) = normalize($0[0], residual, $0[1], nil)
            return [normalized, sum]
        }
        list.add("a constant input", [residual, weight]) {
            let (normalized, sum) = normalize(x, $0[0], $0[1], nil)
            return [normalized, sum]
        }
        list.add("a residual stream", [x, residual, weight], step: 1e-4) {
            var (normalized, stream) = normalize($0[0], $0[1], $0[2], nil)
            for _ in 0..<3 { (normalized, stream) = normalize(tanh(normalized), stream, $0[2], nil) }
            return [normalized, stream]
        }
    }

    static func lookUp(_ list: inout GradientTable) {
        let table = Draw.uniform([6, 3])
        let ids = Tensor([2, 0, 2, 5] as [Int32], shape: [2, 2])
        list.add("repeated rows", [table]) { embedding(ids, table: $0[0]) }
        list.add("two look-ups", [table]) {
            [embedding(ids, table: $0[0]), embedding(ids, table: $0[0] * 2)]
        }
        list.add("tied with a product", [table]) {
            let rows = embedding(ids, table: $0[0])
            return [linear(rows, weight: $0[0]), rows]
        }
        list.add("no ids", [table]) {
            [embedding(Tensor([] as [Int32], shape: [0]), table: $0[0]), $0[0]]
        }
        list.add("one id", [table]) { embedding(Tensor([3] as [Int32], shape: []), table: $0[0]) }
    }

    static func rotation(_ list: inout GradientTable, _ operation: DifferentiableOperation) {
        let positions = Tensor([0, 1, 2, 9, 4, 4] as [Int32], shape: [2, 3])
        let frequencies = rotaryFrequencies(headWidth: 4, base: 100)
        if operation == .rotary {
            list.add("heads", [Draw.uniform([2, 3, 2, 4])]) {
                rotary($0[0], positions: positions, frequencies: frequencies)
            }
            list.add("of a permuted view", [Draw.uniform([2, 2, 3, 4])]) {
                rotary($0[0].transposed(1, 2), positions: positions, frequencies: frequencies)
            }
            return
        }
        func turn(_ x: Tensor, heads: Int) -> Tensor {
            packedRotary(x, heads: heads, headWidth: 4, positions: positions, frequencies: frequencies)
        }
        list.add("some heads", [Draw.uniform([2, 3, 16])]) { turn($0[0], heads: 3) }
        list.add("all heads", [Draw.uniform([2, 3, 8])]) { turn($0[0], heads: 2) }
        list.add("used elsewhere too", [Draw.uniform([2, 3, 12])]) {
            [turn($0[0], heads: 2), $0[0] * $0[0]]
        }
    }
}
