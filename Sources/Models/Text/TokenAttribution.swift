import YuyanNeuralNetworks

/// How much each token speaks for a score: a class's logit, a tag, the place of an answer.
public struct TokenAttribution: Sendable, Hashable {
    /// What each token adds to the score; negative for what speaks against it.
    public let values: [Double]
    /// The score of the text.
    public let score: Double
    /// The score of the text whose tokens are all nothing: vectors of zeros.
    public let baseline: Double

    /// What the values lack to the difference of the two scores: the error of the sum that stands for the integral.
    public var gap: Double { score - baseline - values.reduce(0, +) }
}

extension TextClassifierModel {
    /// Integrated gradients of a class's logit by the tokens' vectors, along the straight line from vectors of zeros.
    ///
    /// Source: Sundararajan, Taly, Yan, «Axiomatic attribution for deep networks», 2017.
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
        func batch(_ rows: Int) -> TokenBatch {
            TokenBatch(
                [[Int32]](repeating: text, count: rows),
                types: types.map { [[Int32]](repeating: $0, count: rows) }
            )
        }
        guard !text.isEmpty else {
            let logit = Tape.withoutRecording { logits(batch(1)).doubles()[target] }
            return TokenAttribution(values: [], score: logit, baseline: logit)
        }
        let vectors = Tape.withoutRecording { table(batch(1).idTensor) }
        return IntegratedGradients(model: self, vectors: [vectors]).attribution(steps: steps) {
            vectors,
            copies in
            table.substitute = vectors.first
            defer { table.substitute = nil }
            return logits(batch(copies)).slice(axis: 1, target..<target + 1).sum(axis: 1)
        }
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
        attentionRollout(batch, from: pooler == nil ? Array(0..<batch.length) : [0])
    }

    /// How much of each token is in the states of some when attention is followed through all layers.
    ///
    /// Traps when there are several texts, or no places or one outside the text.
    ///
    /// - Parameters:
    ///   - batch: One text's tokens.
    ///   - places: The tokens whose states are looked at; on average when they are several.
    /// - Returns: A share for each token; they sum to 1.
    public func attentionRollout(_ batch: TokenBatch, from places: [Int]) -> [Double] {
        require(batch.rows == 1, "attentionRollout: \(batch.rows) texts; one at a time")
        let count = batch.length
        require(
            !places.isEmpty && places.allSatisfy((0..<count).contains),
            "attentionRollout: the places \(places) of a text of \(count) tokens"
        )
        var shares = [Double](repeating: 0, count: count)
        for place in places { shares[place] += 1 / Double(places.count) }
        // From the last layer to the first, so that only one row of the product is kept.
        for weights in Tape.withoutRecording({ attentionWeights(batch) }).reversed() {
            let looked = weights.mean(axis: 1).doubles()
            require(looked.count == count * count, "attentionRollout: \(weights.shape) over \(count) tokens")
            var next = shares.map { $0 * 0.5 }
            for row in 0..<count where shares[row] != 0 {
                for column in 0..<count {
                    next[column] += shares[row] * 0.5 * looked[row * count + column]
                }
            }
            shares = next
        }
        return shares
    }
}
