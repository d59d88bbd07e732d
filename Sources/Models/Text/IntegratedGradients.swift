import YuyanNeuralNetworks

/// Integrated gradients of a score by the vectors that stand for tokens, along the straight line from vectors of zeros.
///
/// Source: Sundararajan, Taly, Yan, «Axiomatic attribution for deep networks», 2017; the integral is a sum at the middles
/// of stretches of equal length, of which some are taken together as copies in a batch.
struct IntegratedGradients {
    /// The model; it has no gradients afterwards.
    let model: any Module
    /// The tokens' vectors, each [R, T, D].
    let vectors: [Tensor]

    /// The most copies in a batch, and the most tokens of them together.
    private static let (mostCopies, mostTokens) = (16, 16384)

    /// The shares of the tokens, those of the first vectors first.
    ///
    /// Traps when `steps` < 1.
    ///
    /// - Parameters:
    ///   - steps: The number of stretches.
    ///   - score: The score of every copy [copies], when vectors [copies · R, T, D] stand for the tokens of all copies.
    /// - Returns: A share for each of R · T tokens of all vectors.
    func attribution(
        steps: Int,
        score: (_ vectors: [Parameter], _ copies: Int) -> Tensor
    ) -> TokenAttribution {
        require(steps >= 1, "integratedGradients: \(steps) steps")
        let own = vectors.map { $0.doubles() }
        func value(at factor: Double) -> Double {
            Tape.withoutRecording { score(along(own, [factor]), 1).doubles()[0] }
        }
        let (whole, nothing) = (value(at: 1), value(at: 0))
        var sums = own.map { [Double](repeating: 0, count: $0.count) }
        let tokens = vectors.reduce(0) { $0 + $1.shape[0] * $1.shape[1] }
        let most = max(1, min(Self.mostCopies, Self.mostTokens / max(tokens, 1)))
        for first in stride(from: 0, to: steps, by: most) {
            let copies = min(most, steps - first)
            let points = along(own, (first..<first + copies).map { (Double($0) + 0.5) / Double(steps) })
            let tape = Tape()
            let total = tape.record { score(points, copies).sum(axis: 0) }
            tape.backward(from: total)
            for (number, point) in points.enumerated() {
                guard let gradient = point.gradient?.doubles() else { continue }
                let count = own[number].count
                for copy in 0..<copies {
                    for place in 0..<count { sums[number][place] += gradient[copy * count + place] }
                }
            }
        }
        model.clearGradients()
        let values = vectors.indices.flatMap { number -> [Double] in
            let width = vectors[number].shape[2]
            return stride(from: 0, to: own[number].count, by: width).map { start in
                (start..<start + width).reduce(0) { $0 + own[number][$1] * sums[number][$1] } / Double(steps)
            }
        }
        return TokenAttribution(values: values, score: whole, baseline: nothing)
    }

    /// The vectors at several points of the line, one copy after the other.
    private func along(_ own: [[Double]], _ factors: [Double]) -> [Parameter] {
        zip(vectors, own).map { vectors, own in
            let shape = vectors.shape
            return Parameter(
                Tensor(
                    factors.flatMap { factor in own.map { $0 * factor } },
                    shape: [factors.count * shape[0], shape[1], shape[2]],
                    dtype: vectors.dtype
                )
            )
        }
    }
}
