import YuyanTensors

extension GradientTable {
    static func shape(_ list: inout GradientTable, _ operation: DifferentiableOperation) {
        let x = Draw.uniform([2, 3, 4])
        switch operation {
        case .reshape:
            list.add("new shape", [x]) { $0[0].reshaped(4, -1) }
            list.add("of a permuted view", [x]) { $0[0].permuted([2, 0, 1]).reshaped(8, 3) }
            list.add("a permuted view in one piece", [x]) { $0[0].transposed().contiguous() }
            list.add("one element", [Draw.uniform([])]) { $0[0].reshaped(1, 1) }
            list.add("no elements", [Draw.uniform([0, 3])]) { $0[0].reshaped(3, 0) }
        case .permute:
            list.add("all axes", [x]) { $0[0].permuted([2, 0, 1]) }
            list.add("twice", [x]) { $0[0].transposed().transposed(0, 2) }
            list.add("used twice", [x]) { [$0[0].transposed(), $0[0].transposed(0, 1)] }
            list.add("no elements", [Draw.uniform([0, 3])]) { $0[0].transposed() }
        case .slice:
            list.add("first axis", [x]) { $0[0].slice(axis: 0, 1..<2) }
            list.add("overlapping", [x]) {
                [$0[0].slice(axis: 1, 0..<2), $0[0].slice(axis: 1, 1..<3), $0[0].slice(axis: 2, 3..<4)]
            }
            list.add("after another use", [x]) { [$0[0] * $0[0], $0[0].slice(axis: -1, 1..<3)] }
            list.add("of a permuted view", [x]) { $0[0].transposed().slice(axis: 1, 1..<4) }
            list.add("nothing", [x]) { [$0[0].slice(axis: 1, 2..<2), $0[0]] }
            list.add("one position", [x]) { $0[0].select(axis: 1, 2) }
            list.add("split", [x]) { $0[0].split(axis: 2, [1, 0, 3]) }
        case .expand:
            list.add("inner and outer", [Draw.uniform([3, 1, 2])]) {
                $0[0].expanded(to: [4, 3, 5, 2])
            }
            list.add("a scalar", [Draw.uniform([])]) { $0[0].expanded(to: [3, 2]) }
            list.add("to nothing", [Draw.uniform([1, 2])]) { [$0[0].expanded(to: [0, 2]), $0[0]] }
        case .concatenate:
            for axis in 0..<3 {
                var extents = [2, 3, 4]
                extents[axis] = 1
                list.add("axis \(axis)", [x, Draw.uniform(Shape(extents), seed: 2)]) {
                    concatenate([$0[0], $0[1], $0[0].transposed().transposed()], axis: axis)
                }
            }
            list.add("with nothing", [x, Draw.uniform([2, 0, 4])]) { concatenate($0, axis: 1) }
            list.add("itself, permuted", [x]) {
                concatenate([$0[0].transposed(), $0[0].transposed()], axis: -1)
            }
        default:
            list.add("f64 to f32 and back", [x], step: 0.25, relative: 1e-6) {
                $0[0].cast(to: .f32).cast(to: .f64)
            }
            list.add("a result in f32", [x], step: 0.25, relative: 1e-6) { $0[0].cast(to: .f32) }
        }
    }

    static func unary(_ list: inout GradientTable) {
        let shapes: [Shape] = [[3, 5], [67], [1], [], [0, 2]]
        for operation in UnaryOperation.allCases {
            // Steep functions of small arguments need shorter steps.
            let needsPositive = [.log, .sqrt, .reciprocalSqrt].contains(operation)
            let step = needsPositive || operation == .reciprocal ? 2e-4 : 1e-3
            for shape in shapes {
                let x = needsPositive ? Draw.uniform(shape, 0.3, 4) : Draw.awayFromZero(shape)
                list.add("\(operation) \(shape)", [x], step: step) { apply(operation, $0[0]) }
            }
        }
        list.add("of a permuted view", [Draw.uniform([3, 4])]) { exp($0[0].transposed()) }
        list.add("used twice", [Draw.uniform([3, 4])]) { [tanh($0[0]) * sigmoid($0[0]), silu($0[0])] }
        list.add("large arguments", [Draw.uniform([5], 15, 20)]) {
            [tanh($0[0]), sigmoid($0[0]), apply(UnaryOperation.softplus, $0[0]), gelu($0[0])]
        }
        list.add("large negative arguments", [Draw.uniform([5], -20, -15)]) {
            [tanh($0[0]), sigmoid($0[0]), apply(UnaryOperation.softplus, $0[0]), gelu($0[0])]
        }
    }

    private static func function(_ operation: DifferentiableOperation) -> (Tensor, Tensor) -> Tensor {
        switch operation {
        case .add: { $0 + $1 }
        case .subtract: { $0 - $1 }
        case .multiply: { $0 * $1 }
        case .divide: { $0 / $1 }
        case .power: { pow($0, $1) }
        case .maximum: { maximum($0, $1) }
        default: { minimum($0, $1) }
        }
    }

    private static let broadcasts: [(Shape, Shape)] = [
        ([3, 4], [3, 4]), ([3, 1, 5], [4, 1]), ([2, 3], []), ([], [2, 3]), ([3, 5], [5]), ([3, 5], [3, 1]),
        ([], []),
        ([1], [1]), ([0, 3], [3]), ([3, 0], [3, 1]), ([2, 1, 3, 1, 2], [3, 4, 1]), ([67], [1]),
    ]

    static func arithmetic(_ list: inout GradientTable, _ operation: DifferentiableOperation) {
        let function = function(operation)
        let step = 3e-4
        for (a, b) in broadcasts {
            let inputs = [Draw.uniform(a, 0.4, 2.5), Draw.uniform(b, 0.4, 2.5, seed: 2)]
            list.add("\(a) and \(b)", inputs, step: step) { function($0[0], $0[1]) }
        }
        let x = Draw.uniform([3, 4], 0.4, 2.5)
        list.add("with itself", [x], step: step) { function($0[0], $0[0]) }
        list.add("in a chain", [x, Draw.uniform([4], 0.4, 2.5)], step: step) {
            function(function($0[0], $0[1]), $0[0])
        }
        list.add("of permuted views", [x, Draw.uniform([4, 3], 0.4, 2.5, seed: 3)], step: step) {
            [function($0[0].transposed(), $0[1]), function($0[0], $0[1].transposed())]
        }
        list.add("with a constant", [x], step: step) {
            let constant = Tensor.full([3, 4], 1.5, dtype: .f64)
            return [function($0[0], constant), function(constant, $0[0])]
        }
        if operation == .power { return }
        let either = [Draw.awayFromZero([3, 4]), Draw.awayFromZero([3, 4], seed: 2)]
        list.add("either sign", either, step: step) { function($0[0], $0[1]) }
    }

    static func extremum(_ list: inout GradientTable, _ operation: DifferentiableOperation) {
        let function = function(operation)
        for (a, b) in broadcasts {
            let pool = Draw.distinct([a.elementCount + b.elementCount])
            let parts = pool.split(axis: 0, [a.elementCount, b.elementCount])
            let inputs = [parts[0].reshaped(a.dimensions), parts[1].reshaped(b.dimensions)]
            list.add("\(a) and \(b)", inputs) { function($0[0], $0[1]) }
        }
        list.add("with itself", [Draw.uniform([5])]) { function($0[0], $0[0]) }
    }

    static func affinity(_ list: inout GradientTable) {
        let x = Draw.uniform([3, 5])
        list.add("scale and shift", [x]) { $0[0].affine(scale: -2.5, shift: 0.75) }
        list.add("of a permuted view", [x]) { $0[0].transposed().affine(scale: 3) }
        list.add("operators", [x]) { [$0[0] * 3 + 1, ($0[0] - 2) / 4] }
        list.add("no elements", [Draw.uniform([0])]) { $0[0].affine(scale: 2) }
    }

    static func selection(_ list: inout GradientTable) {
        let x = Draw.uniform([3, 5])
        let mask = Tensor([1, 0, 0, 1, 1] as [UInt8], shape: [5])
        let square = Tensor((0..<15).map { UInt8($0 % 3 == 0 ? 1 : 0) }, shape: [3, 5])
        list.add("rows of a mask", [x, Draw.uniform([3, 1], seed: 2)]) {
            select(mask, $0[0], $0[1])
        }
        list.add("a mask of the same shape", [x, Draw.uniform([], seed: 2)]) {
            select(square, $0[0], $0[1])
        }
        list.add("with itself", [x]) { select(square, $0[0], $0[0]) }
        list.add("a constant", [x]) { select(square, Tensor(0, dtype: .f64), $0[0]) }
    }

    static func droppingOut(_ list: inout GradientTable) {
        let x = Draw.uniform([3, 5])
        let random = RandomSource(seed: 3, stream: 9, position: 5)
        list.add("half", [x]) { dropout($0[0], probability: 0.5, random: random) }
        list.add("of a permuted view", [x]) {
            dropout($0[0].transposed(), probability: 0.3, random: random)
        }
        list.add("odd count", [Draw.uniform([67])]) {
            dropout($0[0], probability: 0.1, random: random)
        }
    }

    static func gating(_ list: inout GradientTable) {
        for activation in Activation.allCases {
            let step = activation == .relu ? 1e-6 : 1e-3
            list.add("\(activation)", [Draw.awayFromZero([3, 10])], step: step) { gated(activation, $0[0]) }
            list.add("\(activation), of a permuted view", [Draw.awayFromZero([6, 2, 3])], step: step) {
                gated(activation, $0[0].transposed(0, 2))
            }
            list.add("\(activation), no rows", [Draw.uniform([0, 4])]) { gated(activation, $0[0]) }
        }
    }

    static func reduction(_ list: inout GradientTable, _ operation: DifferentiableOperation) {
        func reduce(_ x: Tensor, _ axis: Int, keepsAxis: Bool = false) -> Tensor {
            switch operation {
            case .sum: x.sum(axis: axis, keepsAxis: keepsAxis)
            case .mean: x.mean(axis: axis, keepsAxis: keepsAxis)
            case .max: x.max(axis: axis, keepsAxis: keepsAxis)
            default: x.min(axis: axis, keepsAxis: keepsAxis)
            }
        }
        let x = Draw.distinct([3, 5, 4])
        for axis in -1...1 { list.add("axis \(axis)", [x]) { reduce($0[0], axis) } }
        list.add("kept axis", [x]) { reduce($0[0], 1, keepsAxis: true) }
        list.add("of a permuted view", [x]) { reduce($0[0].permuted([2, 0, 1]), 1) }
        list.add("one element", [Draw.uniform([1])]) { reduce($0[0], 0) }
        list.add("no rows", [Draw.uniform([0, 4])]) { reduce($0[0], 1) }
        list.add("long axis", [Draw.distinct([131])]) { reduce($0[0], 0) }
        list.add("twice", [x]) { [reduce(reduce($0[0], 2), 0), reduce($0[0], 0)] }
        guard operation == .sum || operation == .mean else { return }
        list.add("everything", [x]) { operation == .sum ? $0[0].sum() : $0[0].mean() }
        list.add("an empty axis", [Draw.uniform([4, 0])]) { reduce($0[0], 1) }
    }

    static func softmaxes(_ list: inout GradientTable, _ operation: DifferentiableOperation) {
        func function(_ x: Tensor) -> Tensor {
            operation == .softmax ? softmax(x) : logSoftmax(x)
        }
        let shapes: [Shape] = [[4, 7], [2, 3, 5], [3, 1], [1, 67], [0, 4], [5]]
        for shape in shapes { list.add("\(shape)", [Draw.uniform(shape, -4, 4)]) { function($0[0]) } }
        list.add("of a permuted view", [Draw.uniform([4, 3])]) { function($0[0].transposed()) }
    }
}
