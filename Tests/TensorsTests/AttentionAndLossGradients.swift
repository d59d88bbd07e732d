import YuyanTensors

extension GradientTable {
    static func separateAttention(_ list: inout GradientTable) {
        func inputs(t: Int, s: Int, h: Int, k: Int, e: Int, b: Int = 2) -> [Tensor] {
            [
                Draw.uniform([b, t, h, e]), Draw.uniform([b, s, k, e], seed: 2),
                Draw.uniform([b, s, k, e], seed: 3),
            ]
        }
        func run(_ x: [Tensor], _ options: AttentionOptions, _ segments: AttentionSegments? = nil) -> Tensor {
            attention(x[0], x[1], x[2], segments: segments, options: options)
        }
        let plain = AttentionOptions(scale: 0.5)
        let causal = AttentionOptions(scale: 0.7, isCausal: true)
        let dropping = AttentionOptions(scale: 0.5, dropout: 0.4, random: RandomSource(seed: 4, stream: 2))
        let padding = Tensor([0, 0, -1, 1, 0, 0, 0, -1] as [Int32], shape: [2, 4])
        list.add("plain", inputs(t: 4, s: 4, h: 2, k: 2, e: 3)) { run($0, plain) }
        list.add("causal", inputs(t: 5, s: 5, h: 2, k: 2, e: 4)) { run($0, causal) }
        list.add("two lengths", inputs(t: 3, s: 5, h: 1, k: 1, e: 2)) { run($0, plain) }
        list.add("grouped", inputs(t: 3, s: 3, h: 4, k: 2, e: 2)) { run($0, causal) }
        list.add("behind a cache", inputs(t: 2, s: 5, h: 2, k: 1, e: 2)) {
            run($0, AttentionOptions(scale: 1, isCausal: true, queryOffset: 3))
        }
        list.add("padded", inputs(t: 4, s: 4, h: 2, k: 1, e: 2)) {
            run($0, causal, AttentionSegments(padding))
        }
        list.add("padded keys only", inputs(t: 3, s: 4, h: 1, k: 1, e: 2)) {
            let queries = Tensor([0, 0, 1, 0, 0, 0] as [Int32], shape: [2, 3])
            return run($0, plain, AttentionSegments(queries: queries, keys: padding))
        }
        list.add("dropout", inputs(t: 4, s: 4, h: 2, k: 1, e: 2)) { run($0, dropping) }
        list.add("one position", inputs(t: 1, s: 1, h: 1, k: 1, e: 1)) { run($0, plain) }
        list.add("no batch", inputs(t: 2, s: 2, h: 1, k: 1, e: 2, b: 0)) { run($0, plain) }
        list.add("all of one tensor", [Draw.uniform([1, 4, 2, 3])]) {
            run([$0[0], $0[0], $0[0]], causal)
        }
        list.add("cut out of a projection", [Draw.uniform([1, 4, 3, 2, 3])]) {
            run([$0[0].select(axis: 2, 0), $0[0].select(axis: 2, 1), $0[0].select(axis: 2, 2)], causal)
        }
        list.add("heads first", [Draw.uniform([1, 2, 4, 3]), Draw.uniform([1, 2, 4, 3], seed: 2)]) {
            run([$0[0].transposed(1, 2), $0[1].transposed(1, 2), $0[1].transposed(1, 2)], plain)
        }
    }

    static func jointAttention(_ list: inout GradientTable) {
        func run(
            _ x: Tensor,
            _ heads: Int,
            _ groups: Int,
            _ options: AttentionOptions,
            _ segments: Tensor? = nil
        )
            -> Tensor
        {
            packedAttention(x, heads: heads, keyValueHeads: groups, segments: segments, options: options)
        }
        let causal = AttentionOptions(scale: 0.6, isCausal: true)
        let documents = Tensor([0, 0, 1, 1, -1] as [Int32], shape: [1, 5])
        list.add("all heads", [Draw.uniform([2, 4, 12])]) {
            run($0[0], 2, 2, AttentionOptions(scale: 1))
        }
        list.add("grouped, causal", [Draw.uniform([1, 5, 16])]) { run($0[0], 4, 2, causal) }
        list.add("documents", [Draw.uniform([1, 5, 8])]) { run($0[0], 2, 1, causal, documents) }
        list.add("dropout", [Draw.uniform([1, 4, 6])]) {
            run($0[0], 1, 1, AttentionOptions(scale: 1, dropout: 0.5, random: RandomSource(seed: 8)))
        }
        list.add("with rotary positions", [Draw.uniform([1, 3, 8])]) {
            let turned = packedRotary(
                $0[0],
                heads: 3,
                headWidth: 2,
                positions: Tensor([0, 1, 2] as [Int32], shape: [1, 3]),
                frequencies: rotaryFrequencies(headWidth: 2, base: 10)
            )
            return run(turned, 2, 1, causal)
        }
    }

    static func loss(_ list: inout GradientTable) {
        let targets = Tensor([0, 6, -100, 3] as [Int32], shape: [4])
        let logits = Draw.uniform([4, 7], -3, 3)
        list.add("plain", [logits]) { crossEntropy($0[0], targets: targets, scale: 0.25) }
        list.add("smoothed", [logits]) {
            crossEntropy($0[0], targets: targets, scale: 0.25, smoothing: 0.1)
        }
        list.add("times a factor", [logits]) {
            crossEntropy($0[0], targets: targets, scale: 0.25) * 3 + ($0[0] * $0[0]).sum()
        }
        list.add("inside a function", [logits]) {
            exp(crossEntropy($0[0], targets: targets, scale: 0.25).affine(scale: 0.3))
        }
        list.add("two axes of rows", [Draw.uniform([2, 2, 7])]) {
            crossEntropy($0[0], targets: targets.reshaped(2, 2), scale: 1)
        }
        list.add("all ignored", [logits]) {
            let none = Tensor([Int32](repeating: -1, count: 4), shape: [4])
            return crossEntropy($0[0], targets: none, scale: 1, ignoreIndex: -1)
        }
        list.add("one class", [Draw.uniform([2, 1])]) {
            crossEntropy($0[0], targets: Tensor([0, 0] as [Int32], shape: [2]), scale: 1)
        }
        list.add("no rows", [Draw.uniform([0, 3])]) {
            crossEntropy($0[0], targets: Tensor([] as [Int32], shape: [0]), scale: 1)
        }
        list.add("of a permuted view", [Draw.uniform([7, 4])]) {
            crossEntropy($0[0].transposed(), targets: targets, scale: 0.5)
        }
    }

    static func projectedLoss(_ list: inout GradientTable) {
        let targets = Tensor([0, 6, -100, 3] as [Int32], shape: [4])
        let hidden = Draw.uniform([4, 3]), weight = Draw.uniform([7, 3], seed: 2)
        func loss(_ hidden: Tensor, _ weight: Tensor, smoothing: Float = 0) -> Tensor {
            linearCrossEntropy(hidden, weight: weight, targets: targets, scale: 0.25, smoothing: smoothing)
        }
        list.add("plain", [hidden, weight]) { loss($0[0], $0[1]) }
        list.add("smoothed", [hidden, weight]) { loss($0[0], $0[1], smoothing: 0.2) }
        list.add("frozen projection", [hidden]) { loss($0[0], weight) }
        list.add("frozen states", [weight]) { loss(hidden, $0[0]) }
        list.add("times a factor", [hidden, weight]) { loss($0[0], $0[1]) * 3 }
        list.add("tied with a look-up", [Draw.uniform([7, 3])]) {
            let rows = embedding(Tensor([1, 1, 4, 2] as [Int32], shape: [4]), table: $0[0])
            return loss(rows, $0[0])
        }
        list.add("no rows", [Draw.uniform([0, 3]), weight]) {
            let none = Tensor([] as [Int32], shape: [0])
            return linearCrossEntropy($0[0], weight: $0[1], targets: none, scale: 1)
        }
    }

    static func recomputation(_ list: inout GradientTable) {
        let x = Draw.uniform([3, 4]), y = Draw.uniform([3, 4], seed: 2)
        list.add("one result", [x, y]) { checkpoint($0) { [tanh($0[0] * $0[1]) * $0[0]] } }
        list.add("two results", [x, y]) { checkpoint($0) { [exp($0[0]), $0[0] * $0[1]] } }
        list.add("an unused result", [x, y]) { [checkpoint($0) { [exp($0[0]), $0[0] * $0[1]] }[1]] }
        list.add("an unused input", [x, y]) { checkpoint($0) { [exp($0[0])] } + [$0[1]] }
        list.add("a constant among the inputs", [x]) { checkpoint([$0[0], y]) { [$0[0] * $0[1]] } }
        list.add("one inside another", [x, y]) {
            checkpoint($0) { checkpoint([$0[0] * 2, $0[1]]) { [tanh($0[0]) * $0[1]] } }
        }
        list.add("its inputs passed through and used again", [x, y]) {
            let sum = checkpoint($0) { [$0[0] + $0[1]] }[0]
            return [sum, $0[0] * $0[0], $0[1] * 3, sum * $0[1]]
        }
        list.add("its inputs used before too", [x, y]) {
            let before = [$0[0] * $0[0], $0[1] * $0[0]]
            return before + checkpoint($0) { [$0[0] + $0[1]] }
        }
        list.add("the same input twice", [x]) {
            checkpoint([$0[0], $0[0]]) { [$0[0] * $0[1], $0[1]] } + [$0[0]]
        }
        list.add("dropout inside", [x]) {
            let random = RandomSource(seed: 5)
            return checkpoint($0) { [dropout(tanh($0[0]), probability: 0.5, random: random)] }
        }
    }
}
