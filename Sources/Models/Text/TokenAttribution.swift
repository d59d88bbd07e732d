import YuyanNeuralNetworks

/// How much each token of a text speaks for a class.
public struct TokenAttribution: Sendable, Hashable {
    /// What each token adds to the class's logit; negative for what speaks against it.
    public let values: [Double]
    /// The logit of the text.
    public let logit: Double
    /// The logit of the text whose tokens are all nothing: vectors of zeros.
    public let baseline: Double

    /// What the values lack to the difference of the two logits: the error of the sum that stands for the integral.
    public var gap: Double { logit - baseline - values.reduce(0, +) }
}

extension TextClassifierModel {
    /// Integrated gradients of a class's logit by the tokens' vectors, along the straight line from vectors of zeros.
    ///
    /// Source: Sundararajan, Taly, Yan, «Axiomatic attribution for deep networks», 2017; the integral is a sum at the
    /// middles of `steps` stretches of equal length.
    ///
    /// Traps when `target` lies outside 0..<C or `steps` < 1, or outside evaluation mode, in which nothing is drawn.
    ///
    /// - Parameters:
    ///   - text: The tokens.
    ///   - types: Their segments; nil when all are 0.
    ///   - target: The class.
    ///   - steps: The number of stretches.
    /// - Returns: The tokens' shares; nil for encoders whose tokens have no vectors of their own (bags of n-grams).
    public func integratedGradients(
        of text: [Int32],
        types: [Int32]? = nil,
        target: Int,
        steps: Int = 64
    ) -> TokenAttribution? {
        require((0..<classCount).contains(target), "integratedGradients: class \(target) of \(classCount)")
        require(steps >= 1, "integratedGradients: \(steps) steps")
        guard let table = encoder.tokenTable else { return nil }
        let (count, width) = (text.count, table.width)
        func batch(_ rows: Int) -> TokenBatch {
            TokenBatch(
                [[Int32]](repeating: text, count: rows),
                types: types.map { [[Int32]](repeating: $0, count: rows) }
            )
        }
        func logit(_ factor: Double) -> Double {
            Tape.withoutRecording {
                let vectors = table(batch(1).idTensor) * factor
                return substituting(vectors, in: table) { logits(batch(1)).doubles()[target] }
            }
        }
        let (whole, nothing) = (logit(1), logit(0))
        guard count > 0 else { return TokenAttribution(values: [], logit: whole, baseline: nothing) }
        let own = Tape.withoutRecording { table(batch(1).idTensor) }.doubles()
        var sums = [Double](repeating: 0, count: count * width)
        // Stretches are taken together as rows of a batch, some at a time.
        for first in stride(from: 0, to: steps, by: Self.rowsOfStretches) {
            let rows = min(Self.rowsOfStretches, steps - first)
            let factors = (first..<first + rows).map { (Double($0) + 0.5) / Double(steps) }
            let along = Tensor(
                factors.flatMap { factor in own.map { Float($0 * factor) } },
                shape: [rows, count, width]
            )
            let gradient = substituting(along.cast(to: table.weight.value.dtype), in: table) {
                () -> [Double] in
                let tape = Tape()
                let sum = tape.record {
                    logits(batch(rows)).slice(axis: 1, target..<target + 1).sum(axis: 0).sum(axis: 0)
                }
                tape.backward(from: sum)
                return table.substitute?.gradient?.doubles() ?? []
            }
            for row in 0..<rows {
                for place in sums.indices { sums[place] += gradient[row * sums.count + place] }
            }
        }
        clearGradients()
        let values = (0..<count).map { token in
            (token * width..<(token + 1) * width).reduce(0) { $0 + own[$1] * sums[$1] } / Double(steps)
        }
        return TokenAttribution(values: values, logit: whole, baseline: nothing)
    }

    private static var rowsOfStretches: Int { 16 }

    /// Does something while vectors stand in place of a table's rows.
    private func substituting<Result>(_ vectors: Tensor, in table: Embedding, _ body: () -> Result) -> Result
    {
        table.substitute = Parameter(vectors)
        defer { table.substitute = nil }
        return body()
    }
}

extension TransformerEncoder {
    /// How much of each token is in the text's vector when attention is followed through all layers.
    ///
    /// In every layer a token keeps half of itself and takes half from where its heads look, on average. Source: Abnar,
    /// Zuidema, «Quantifying attention flow in transformers», 2020 (rollout).
    ///
    /// - Parameter batch: One text's tokens.
    /// - Returns: A share for each token; they sum to 1.
    public func attentionRollout(_ batch: TokenBatch) -> [Double] {
        require(batch.rows == 1, "attentionRollout: \(batch.rows) texts; one at a time")
        let count = batch.length
        var shares = (0..<count * count).map { $0 % (count + 1) == 0 ? 1.0 : 0.0 }
        for weights in Tape.withoutRecording({ attentionWeights(batch) }) {
            let heads = weights.shape[1]
            let looked = weights.mean(axis: 1).doubles()
            require(looked.count == count * count, "attentionRollout: \(heads) heads over \(count) tokens")
            var next = [Double](repeating: 0, count: count * count)
            for row in 0..<count {
                for middle in 0..<count {
                    let share = 0.5 * looked[row * count + middle] + (row == middle ? 0.5 : 0)
                    for column in 0..<count {
                        next[row * count + column] += share * shares[middle * count + column]
                    }
                }
            }
            shares = next
        }
        if pooler != nil { return Array(shares[0..<count]) }
        return (0..<count).map { column in
            (0..<count).reduce(0) { $0 + shares[$1 * count + column] } / Double(count)
        }
    }
}
