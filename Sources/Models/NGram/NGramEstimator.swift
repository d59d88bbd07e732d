import YuyanTensorCore

/// Makes probabilities of counts: modified Kneser–Ney smoothing, every length interpolated with the next shorter one, and
/// single tokens with the even distribution over the vocabulary.
///
/// Sources: Chen, Goodman, 1998; for n-grams that are not kept Heafield, Pouzyrevsky, Clark, Koehn, «Scalable modified
/// Kneser-Ney language model estimation», 2013: their whole count goes to the shorter context.
struct NGramEstimator {
    let vocabularySize: Int
    /// By the length of n-grams.
    let discounts: [NGramDiscounts]

    /// The discounts that counts lead to.
    init(_ counts: NGramCounts) {
        vocabularySize = counts.tokens.count
        var tally = [0, 0, 0, 0]
        for count in counts.tokens where (1...4).contains(count) { tally[Int(count) - 1] += 1 }
        discounts = ([tally] + counts.tallies).map { NGramDiscounts(tallies: $0) }
    }

    /// The probabilities of single tokens, and that of one that never occurred.
    func unigrams(_ counts: [UInt32]) -> (probabilities: [Float], unseen: Float) {
        let discounts = discounts[0]
        var (total, left) = (0.0, 0.0)
        for count in counts where count > 0 {
            total += Double(count)
            left += discounts[count]
        }
        let rest = left / total / Double(vocabularySize)
        let unseen = Float(rest)
        // A token that occurred stands above one that did not, even where its whole count is taken off.
        let all = counts.map { count in
            count == 0
                ? unseen : max(Float((Double(count) - discounts[count]) / total + rest), unseen.nextUp)
        }
        return (all, unseen)
    }

    /// The probabilities and shares of one level.
    ///
    /// - Parameters:
    ///   - length: The number of tokens of a context on it.
    ///   - counts: Its counts; emptied.
    ///   - unigrams: The probabilities of single tokens.
    ///   - above: The level above and where its contexts' children begin; nil on the first.
    /// - Returns: The level.
    /// - Throws: Nothing for levels in memory.
    func level(
        _ length: Int,
        _ counts: inout NGramLevelCounts,
        unigrams: [Float],
        above: NGramLevel?
    ) throws -> NGramLevel {
        let own = counts
        counts = NGramLevelCounts()
        let discounts = discounts[length]
        var backoffs = [Float](repeating: 0, count: own.contexts.count)
        var probabilities = [Float](repeating: 0, count: own.tokens.count)
        try backoffs.withUnsafeMutableBufferPointer { backoffs in
            try probabilities.withUnsafeMutableBufferPointer { probabilities in
                let work = LevelWork(own, discounts, backoffs, probabilities)
                if let above {
                    try above.withView { work.run($0, vocabularySize: vocabularySize) }
                } else {
                    unigrams.withUnsafeBufferPointer { work.run($0) }
                }
            }
        }
        return NGramLevel(
            contexts: .memory(own.contexts),
            backoffs: .memory(backoffs),
            children: .memory(own.children),
            starts: .memory(own.starts),
            tokens: .memory(own.tokens),
            probabilities: .memory(probabilities)
        )
    }
}

/// The contexts of a level, which threads take pieces of.
private struct LevelWork {
    private let counts: NGramLevelCounts
    private let discounts: NGramDiscounts
    private let backoffs: UnsafeMutableBufferPointer<Float>
    private let probabilities: UnsafeMutableBufferPointer<Float>
    private static let pieces = 256

    init(
        _ counts: NGramLevelCounts,
        _ discounts: NGramDiscounts,
        _ backoffs: UnsafeMutableBufferPointer<Float>,
        _ probabilities: UnsafeMutableBufferPointer<Float>
    ) {
        (self.counts, self.discounts) = (counts, discounts)
        (self.backoffs, self.probabilities) = (backoffs, probabilities)
    }

    /// The first level: all contexts are above the single tokens.
    func run(_ unigrams: UnsafeBufferPointer<Float>) {
        let count = counts.contexts.count
        forEachPiece(Self.pieces) { piece in
            for context in piece * count / Self.pieces..<(piece + 1) * count / Self.pieces {
                estimate(context, unigrams.baseAddress)
            }
        }
    }

    /// Another level: the contexts are the children of those above.
    func run(_ above: NGramLevelView, vocabularySize: Int) {
        let count = above.contexts.count
        forEachPiece(Self.pieces) { piece in
            // The probabilities behind the context above, by token: only those are read that have just been written.
            let shorter = UnsafeMutablePointer<Float>.allocate(capacity: max(vocabularySize, 1))
            defer { shorter.deallocate() }
            for parent in piece * count / Self.pieces..<(piece + 1) * count / Self.pieces {
                let children = Int(above.children[parent])..<Int(above.children[parent + 1])
                if children.isEmpty { continue }
                for place in above.followers(parent) {
                    shorter[Int(above.tokens[place])] = above.probabilities[place]
                }
                for context in children { estimate(context, shorter) }
            }
        }
    }

    private func estimate(_ context: Int, _ shorter: UnsafePointer<Float>?) {
        guard let shorter else { return }
        let range = Int(counts.starts[context])..<Int(counts.starts[context + 1])
        let total = Double(counts.totals[context])
        var (kept, taken) = (0.0, 0.0)
        for place in range {
            kept += Double(counts.counts[place])
            taken += discounts[counts.counts[place]]
        }
        let share = (total - kept + taken) / total
        backoffs[context] = Float(share)
        for place in range {
            let count = counts.counts[place]
            let own = (Double(count) - discounts[count]) / total
            probabilities[place] = Float(own + share * Double(shorter[Int(counts.tokens[place])]))
        }
    }
}
