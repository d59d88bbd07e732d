import YuyanTensors

extension GradientTable {
    static func windowing(_ list: inout GradientTable) {
        let all: [(String, WindowOptions)] = [
            ("single positions", WindowOptions(width: 1)),
            ("overlapping", WindowOptions(width: 3)),
            ("padded", WindowOptions(width: 3, leading: 2, trailing: 1)),
            ("strided", WindowOptions(width: 2, stride: 3, trailing: 1)),
            ("dilated", WindowOptions(width: 3, stride: 2, dilation: 2, leading: 1, trailing: 2)),
            ("wider than the sequence", WindowOptions(width: 7)),
        ]
        for (name, options) in all {
            list.add(name, [Draw.uniform([2, 6, 3])]) { windows($0[0], options) }
        }
        list.add("of a permuted view", [Draw.uniform([3, 5, 2])]) {
            windows($0[0].transposed(0, 1), WindowOptions(width: 2, leading: 1), filling: 0.5)
        }
        list.add("used elsewhere too", [Draw.uniform([1, 4, 2])]) {
            [windows($0[0], WindowOptions(width: 2)), $0[0] * $0[0]]
        }
    }

    static func windowMaximum(_ list: inout GradientTable) {
        let x = Draw.uniform([3, 5, 2]), first = Draw.uniform([4, 3, 2], seed: 2)
        let second = Draw.uniform([2, 2, 2], seed: 3), bias = Draw.uniform([4], seed: 4)
        let lengths = Tensor([5, 0, 2] as [Int32], shape: [3])
        list.add("without padding", [x, second]) {
            windowMaxima($0[0], filters: [WindowFilters(weight: $0[1])])
        }
        list.add("two groups, padded, of unequal lengths", [x, first, bias, second]) {
            windowMaxima(
                $0[0],
                filters: [
                    WindowFilters(weight: $0[1], bias: $0[2], leading: 2, trailing: 2),
                    WindowFilters(weight: $0[3], trailing: 1),
                ],
                lengths: lengths
            )
        }
        list.add("wider than some sequences", [x, first, bias]) {
            windowMaxima(
                $0[0],
                filters: [WindowFilters(weight: $0[1], bias: $0[2])],
                lengths: Tensor([3, 1, 2] as [Int32], shape: [3])
            )
        }
        list.add("of permuted views", [Draw.uniform([5, 3, 2]), Draw.uniform([2, 4, 3], seed: 5)]) {
            windowMaxima(
                $0[0].transposed(0, 1),
                filters: [WindowFilters(weight: $0[1].permuted([1, 2, 0]), leading: 1)]
            )
        }
        list.add("used elsewhere too", [x, second]) {
            [windowMaxima($0[0], filters: [WindowFilters(weight: $0[1])]), $0[0] * $0[0], $0[1] * $0[1]]
        }
    }

    static func linearChains(_ list: inout GradientTable) {
        let emissions = Draw.uniform([3, 4, 3]), transitions = Draw.uniform([3, 3], seed: 2)
        let start = Draw.uniform([3], seed: 3), end = Draw.uniform([3], seed: 4)
        let targets = Tensor([0, 2, 1, 1, 2, 2, 0, 9, 1, 0, 7, 7] as [Int32], shape: [3, 4])
        let lengths = Tensor([4, 3, 2] as [Int32], shape: [3])
        let all = [emissions, transitions, start, end]
        func weights(_ x: [Tensor]) -> LinearChainWeights {
            LinearChainWeights(transitions: x[1], start: x[2], end: x[3])
        }
        list.add("loss", all) {
            linearChainLoss($0[0], weights: weights($0), targets: targets, lengths: lengths)
        }
        list.add("partition", all) { linearChainLoss($0[0], weights: weights($0), lengths: lengths) }
        list.add("without start and end", [emissions, transitions]) {
            linearChainLoss($0[0], weights: LinearChainWeights(transitions: $0[1]))
        }
        list.add("only an end", [transitions, end]) {
            linearChainLoss(emissions, weights: LinearChainWeights(transitions: $0[0], end: $0[1]))
        }
        list.add("an empty sequence", [Draw.uniform([2, 3, 2]), Draw.uniform([2, 2])]) {
            let lengths = Tensor([0, 1] as [Int32], shape: [2])
            return linearChainLoss($0[0], weights: LinearChainWeights(transitions: $0[1]), lengths: lengths)
        }
        list.add("far apart", [emissions * 300.0, transitions * 900.0], relative: 1e-7) {
            linearChainLoss($0[0], weights: LinearChainWeights(transitions: $0[1]), lengths: lengths)
        }
        list.add("one label", [Draw.uniform([2, 3, 1]), Draw.uniform([1, 1])]) {
            linearChainLoss($0[0], weights: LinearChainWeights(transitions: $0[1]))
        }
    }
}
