#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The n-grams of one length: contexts of `length` − 1 tokens and what followed them.
struct NGramLevel: Sendable {
    /// The first token of each context, or the number of tokens V for the beginning of a text.
    var contexts: NumberStorage<UInt32>
    /// The share of each context that goes to tokens which did not follow it.
    var backoffs: NumberStorage<Float>
    /// Where the contexts with one more token begin on the next level; empty on the last level.
    var children: NumberStorage<UInt32>
    /// Where the tokens that followed a context begin; one more at the end.
    var starts: NumberStorage<UInt32>
    /// The tokens that followed each context, rising.
    var tokens: NumberStorage<UInt32>
    /// Their probabilities.
    var probabilities: NumberStorage<Float>

    /// Lends the numbers.
    func withView<Result>(_ body: (NGramLevelView) throws -> Result) throws -> Result {
        try contexts.withNumbers { contexts in
            try backoffs.withNumbers { backoffs in
                try children.withNumbers { children in
                    try starts.withNumbers { starts in
                        try tokens.withNumbers { tokens in
                            try probabilities.withNumbers { probabilities in
                                try body(
                                    NGramLevelView(
                                        contexts: contexts,
                                        backoffs: backoffs,
                                        children: children,
                                        starts: starts,
                                        tokens: tokens,
                                        probabilities: probabilities
                                    )
                                )
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The numbers of a level, lent.
struct NGramLevelView {
    let contexts: UnsafeBufferPointer<UInt32>
    let backoffs: UnsafeBufferPointer<Float>
    let children: UnsafeBufferPointer<UInt32>
    let starts: UnsafeBufferPointer<UInt32>
    let tokens: UnsafeBufferPointer<UInt32>
    let probabilities: UnsafeBufferPointer<Float>

    /// The tokens that followed a context.
    @inline(__always)
    func followers(_ context: Int) -> Range<Int> { Int(starts[context])..<Int(starts[context + 1]) }
}

/// All numbers of a model, lent.
struct NGramTables {
    let vocabularySize: Int
    let unigrams: UnsafeBufferPointer<Float>
    /// The probability of a token that never occurred.
    let unseen: Float
    /// The context of one token on the first level, by token and the beginning of a text; −1 for none.
    let roots: UnsafeBufferPointer<Int32>
    let levels: UnsafeBufferPointer<NGramLevelView>

    /// Finds the contexts of all lengths that a place has.
    ///
    /// - Parameters:
    ///   - symbols: Points behind the last of the symbols before the place.
    ///   - count: How many symbols there are, no more than levels.
    ///   - nodes: Is given the context on each level.
    /// - Returns: The number of levels with a context.
    @inline(__always)
    func find(
        before symbols: UnsafePointer<UInt32>,
        _ count: Int,
        _ nodes: UnsafeMutablePointer<Int>
    ) -> Int {
        guard count > 0 else { return 0 }
        let root = roots[Int(symbols[-1])]
        guard root >= 0 else { return 0 }
        nodes[0] = Int(root)
        var depth = 1
        while depth < count {
            let (above, level) = (levels[depth - 1], levels[depth])
            let node = nodes[depth - 1]
            let range = Int(above.children[node])..<Int(above.children[node + 1])
            guard let child = Self.place(of: symbols[-1 - depth], in: level.contexts, range) else { break }
            nodes[depth] = child
            depth += 1
        }
        return depth
    }

    /// The place of a number among rising ones.
    @inline(__always)
    static func place(
        of number: UInt32,
        in numbers: UnsafeBufferPointer<UInt32>,
        _ range: Range<Int>
    ) -> Int? {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = (low &+ high) >> 1
            if numbers[middle] < number { low = middle &+ 1 } else { high = middle }
        }
        return low < range.upperBound && numbers[low] == number ? low : nil
    }

    /// The probability of a token, and the length of the n-gram that gave it.
    @inline(__always)
    func probability(
        of token: Int,
        _ nodes: UnsafePointer<Int>,
        depth: Int
    ) -> (probability: Double, order: Int) {
        var scale = 1.0
        var length = depth
        while length > 0 {
            let level = levels[length - 1]
            let node = nodes[length - 1]
            let found = Self.place(
                of: UInt32(truncatingIfNeeded: token),
                in: level.tokens,
                level.followers(node)
            )
            if let found { return (scale * Double(level.probabilities[found]), length + 1) }
            scale *= Double(level.backoffs[node])
            length -= 1
        }
        return (scale * Double(unigrams[token]), 1)
    }

    /// The probabilities of all tokens.
    func fill(_ all: UnsafeMutableBufferPointer<Float>, _ nodes: UnsafePointer<Int>, depth: Int) {
        for token in 0..<vocabularySize { all[token] = unigrams[token] }
        for length in 0..<depth {
            let level = levels[length]
            let share = level.backoffs[nodes[length]]
            for token in 0..<vocabularySize { all[token] *= share }
            for place in level.followers(nodes[length]) {
                all[Int(level.tokens[place])] = level.probabilities[place]
            }
        }
    }

    /// Adds the losses of the tokens at some places of a text to a score.
    ///
    /// - Parameters:
    ///   - tokens: The text.
    ///   - symbols: The same as contexts see it, with marks for what ends a text.
    ///   - places: The places whose tokens are predicted.
    ///   - score: What they are added to.
    func add(
        _ tokens: UnsafeBufferPointer<UInt32>,
        seenAs symbols: UnsafeBufferPointer<UInt32>,
        _ places: Range<Int>,
        to score: inout NGramScore
    ) {
        guard let first = symbols.baseAddress else { return }
        let mark = UInt32(vocabularySize)
        withUnsafeTemporaryAllocation(of: Int.self, capacity: levels.count + 1) { nodes in
            guard let nodes = nodes.baseAddress else { return }
            for place in places {
                var count = 0
                while count < levels.count, count < place {
                    count += 1
                    if symbols[place - count] == mark { break }
                }
                let depth = find(before: first + place, count, nodes)
                let token = Int(tokens[place])
                let (probability, order) = probability(of: token, nodes, depth: depth)
                score.nats -= log(probability)
                score.tokens += 1
                score.orders[order - 1] += 1
                if unigrams[token] <= unseen { score.unseen += 1 }
            }
        }
    }
}

/// The losses of tokens under an n-gram model.
public struct NGramScore: Sendable, Equatable {
    /// The sum of negative natural logarithms of probabilities.
    public internal(set) var nats = 0.0
    /// The number of tokens.
    public internal(set) var tokens = 0
    /// How many tokens got their probability from an n-gram of 1, 2, … tokens.
    public internal(set) var orders: [Int]
    /// How many tokens never occurred in training.
    public internal(set) var unseen = 0

    init(order: Int) { orders = Array(repeating: 0, count: order) }

    mutating func add(_ other: NGramScore) {
        nats += other.nats
        tokens += other.tokens
        for length in orders.indices { orders[length] += other.orders[length] }
        unseen += other.unseen
    }
}
