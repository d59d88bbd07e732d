import Foundation

/// What was generated so far, as far as penalties ask for it.
struct TokenHistory {
    /// Tokens of the prompt.
    private(set) var prompt: Set<Int32> = []
    /// How often each token was generated.
    private(set) var counts: [Int32: Int] = [:]

    init(prompt: [Int32]) {
        self.prompt = Set(prompt)
    }

    mutating func add(_ token: Int32) { counts[token, default: 0] += 1 }
}

/// Chooses tokens from logits, keeping its working memory between calls.
struct Sampler {
    private struct Candidate {
        let id: Int32
        /// e to the (logit − largest logit): the probability up to a factor.
        let weight: Double
    }

    private var candidates: [Candidate] = []
    private var heap: [Float] = []

    /// Chooses a token.
    ///
    /// - Parameters:
    ///   - logits: A row of logits; changed.
    ///   - options: The rules.
    ///   - history: What was generated so far.
    ///   - banned: Tokens that cannot be chosen.
    ///   - draw: A number uniform in [0, 1).
    /// - Returns: The token, or nil when no logit is a number.
    mutating func choose(
        _ logits: UnsafeMutableBufferPointer<Float>,
        options: SamplingOptions,
        history: TokenHistory,
        banned: Set<Int32>,
        draw: () -> Double
    ) -> Int32? {
        for (token, bias) in options.logitBias where Int(token) < logits.count && token >= 0 {
            logits[Int(token)] += Float(bias)
        }
        if options.needsHistory { Sampler.penalise(logits, options, history) }
        for token in banned where Int(token) < logits.count && token >= 0 {
            logits[Int(token)] = -.infinity
        }
        guard let best = Sampler.largest(logits) else { return nil }
        if options.temperature == 0 || options.topK == 1 && !Sampler.isTied(logits, best) {
            return Int32(best)
        }
        let floor =
            options.topK > 0 && options.topK < logits.count ? threshold(logits, options.topK) : -.infinity
        weigh(logits, largest: logits[best], floor: floor, temperature: options.temperature)
        if options.topP < 1 { keepNucleus(options.topP) }
        if options.minP > 0 { candidates.removeAll { $0.weight < options.minP } }
        return pick(draw())
    }

    /// The log probability of a token: of the logits as the model gave them.
    static func logProbability(of token: Int32, _ logits: UnsafeMutableBufferPointer<Float>) -> Double {
        guard let best = largest(logits) else { return .nan }
        let top = Double(logits[best])
        var sum = 0.0
        for value in logits { sum += Foundation.exp(Double(value) - top) }
        return Double(logits[Int(token)]) - top - Foundation.log(sum)
    }

    /// The place of the first largest logit; nil when one is NaN, or when none is above −∞.
    private static func largest(_ logits: UnsafeMutableBufferPointer<Float>) -> Int? {
        var best = -1
        var top = -Float.infinity
        var hasNaN = false
        for index in logits.indices {
            let value = logits[index]
            if value > top {
                top = value
                best = index
            }
            hasNaN = hasNaN || value.isNaN
        }
        return hasNaN || best < 0 || top == .infinity ? nil : best
    }

    private static func isTied(_ logits: UnsafeMutableBufferPointer<Float>, _ best: Int) -> Bool {
        logits[(best + 1)...].contains(logits[best])
    }

    private static func penalise(
        _ logits: UnsafeMutableBufferPointer<Float>,
        _ options: SamplingOptions,
        _ history: TokenHistory
    ) {
        if options.repetitionPenalty != 1 {
            let penalty = Float(options.repetitionPenalty)
            for token in history.prompt.union(history.counts.keys) {
                let value = logits[Int(token)]
                logits[Int(token)] = value < 0 ? value * penalty : value / penalty
            }
        }
        for (token, count) in history.counts {
            let penalty = options.presencePenalty + options.frequencyPenalty * Double(count)
            logits[Int(token)] -= Float(penalty)
        }
    }

    /// The k-th largest logit, by a heap of the k largest so far with the smallest of them on top.
    private mutating func threshold(_ logits: UnsafeMutableBufferPointer<Float>, _ k: Int) -> Float {
        heap.removeAll(keepingCapacity: true)
        for value in logits {
            if heap.count < k {
                heap.append(value)
                var child = heap.count - 1
                while child > 0 && heap[(child - 1) / 2] > heap[child] {
                    heap.swapAt(child, (child - 1) / 2)
                    child = (child - 1) / 2
                }
            } else if value > heap[0] {
                heap[0] = value
                var parent = 0
                while true {
                    var least = parent
                    for child in [2 * parent + 1, 2 * parent + 2] where child < k && heap[child] < heap[least]
                    {
                        least = child
                    }
                    if least == parent { break }
                    heap.swapAt(parent, least)
                    parent = least
                }
            }
        }
        return heap[0]
    }

    /// Gathers the tokens whose logit is at least `floor`, in the order of their ids.
    private mutating func weigh(
        _ logits: UnsafeMutableBufferPointer<Float>,
        largest: Float,
        floor: Float,
        temperature: Double
    ) {
        candidates.removeAll(keepingCapacity: true)
        let scale = 1 / temperature
        for index in logits.indices where logits[index] >= floor && logits[index] > -.infinity {
            let weight = Foundation.exp(Double(logits[index] - largest) * scale)
            candidates.append(Candidate(id: Int32(index), weight: weight))
        }
    }

    /// Keeps the smallest set of tokens whose probability reaches `p`, in falling order.
    ///
    /// Most of a vocabulary is far below the nucleus: only tokens above a bound are sorted, and the bound falls until
    /// they reach `p`.
    private mutating func keepNucleus(_ p: Double) {
        let goal = p * candidates.reduce(0) { $0 + $1.weight }
        for bound in [0x1p-6, 0x1p-12, 0x1p-24, 0] {
            let heavy = candidates.filter { $0.weight >= bound }
            guard bound == 0 || heavy.reduce(0, { $0 + $1.weight }) >= goal else { continue }
            let sorted = heavy.sorted { ($0.weight, -$0.id) > ($1.weight, -$1.id) }
            var sum = 0.0
            var count = 0
            while count < sorted.count && (count == 0 || sum < goal) {
                sum += sorted[count].weight
                count += 1
            }
            candidates = Array(sorted[..<count])
            return
        }
    }

    /// The token at a place of the distribution function.
    private func pick(_ draw: Double) -> Int32? {
        var rest = draw * candidates.reduce(0) { $0 + $1.weight }
        for candidate in candidates {
            rest -= candidate.weight
            if rest < 0 { return candidate.id }
        }
        return candidates.last { $0.weight > 0 }?.id
    }
}
