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

    /// The numbers of a level that stands in a mapped file, for as long as the level lives.
    var mappedView: NGramLevelView? {
        guard let contexts = contexts.mapped, let backoffs = backoffs.mapped, let children = children.mapped,
            let starts = starts.mapped, let tokens = tokens.mapped, let probabilities = probabilities.mapped
        else { return nil }
        return NGramLevelView(
            contexts: contexts,
            backoffs: backoffs,
            children: children,
            starts: starts,
            tokens: tokens,
            probabilities: probabilities
        )
    }

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
        guard !range.isEmpty else { return nil }
        // The last number that is not larger, with one comparison a step and nothing to foretell.
        var (first, count) = (range.lowerBound, range.count)
        while count > 1 {
            let half = count &>> 1
            first = numbers[first &+ half] <= number ? first &+ half : first
            count &-= half
        }
        return numbers[first] == number ? first : nil
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
}

/// The tables of a model whose numbers stand in a mapped file, made once: whoever holds these holds the file too.
final class MappedNGramTables: @unchecked Sendable {
    let tables: NGramTables

    /// Makes tables; nil when numbers do not stand in a file.
    ///
    /// - Parameters:
    ///   - unigrams: The probabilities of tokens.
    ///   - unseen: That of a token that never occurred.
    ///   - roots: The first level's contexts by token.
    ///   - levels: The levels.
    init?(_ unigrams: NumberStorage<Float>, unseen: Float, roots: [Int32], _ levels: [NGramLevel]) {
        let views = levels.compactMap(\.mappedView)
        guard let numbers = unigrams.mapped, views.count == levels.count else { return nil }
        let (ownRoots, ownLevels) = (
            UnsafeMutableBufferPointer<Int32>.allocate(capacity: roots.count),
            UnsafeMutableBufferPointer<NGramLevelView>.allocate(capacity: views.count)
        )
        _ = ownRoots.initialize(from: roots)
        _ = ownLevels.initialize(from: views)
        tables = NGramTables(
            vocabularySize: numbers.count,
            unigrams: numbers,
            unseen: unseen,
            roots: UnsafeBufferPointer(ownRoots),
            levels: UnsafeBufferPointer(ownLevels)
        )
    }

    deinit {
        tables.roots.deallocate()
        tables.levels.deallocate()
    }
}

/// Adds up the losses of the tokens of a text.
///
/// Places are taken some at a time, and a level for all of them before the next one: look-ups that do not wait for one
/// another hide how long memory takes to answer.
struct NGramScorer {
    private static let width = 32
    private let tables: NGramTables
    private let tokens: UnsafeBufferPointer<UInt32>
    private let symbols: UnsafeBufferPointer<UInt32>

    /// A scorer of a text.
    ///
    /// - Parameters:
    ///   - tables: The model.
    ///   - tokens: The text.
    ///   - symbols: The same as contexts see it, with marks for what ends a text.
    init(
        _ tables: NGramTables,
        _ tokens: UnsafeBufferPointer<UInt32>,
        seenAs symbols: UnsafeBufferPointer<UInt32>
    ) {
        (self.tables, self.tokens, self.symbols) = (tables, tokens, symbols)
    }

    /// Adds the losses of the tokens at some places.
    ///
    /// - Parameters:
    ///   - places: The places.
    ///   - score: What they are added to.
    func add(_ places: Range<Int>, to score: inout NGramScore) {
        let levels = tables.levels.count
        withUnsafeTemporaryAllocation(of: Int.self, capacity: Self.width * (levels + 2)) { numbers in
            guard let nodes = numbers.baseAddress else { return }
            for start in stride(from: places.lowerBound, to: places.upperBound, by: Self.width) {
                let block = start..<min(start + Self.width, places.upperBound)
                let depths = nodes + Self.width * levels
                find(block, nodes, depths)
                add(block, nodes, depths, to: &score)
            }
        }
    }

    /// Finds the contexts of each place on all levels: `nodes` by level, and how many there are.
    private func find(
        _ block: Range<Int>,
        _ nodes: UnsafeMutablePointer<Int>,
        _ depths: UnsafeMutablePointer<Int>
    ) {
        let mark = UInt32(tables.vocabularySize)
        // How many symbols each place looks at.
        let limits = depths + Self.width
        for (index, place) in block.enumerated() {
            var count = 0
            while count < tables.levels.count, count < place {
                count += 1
                if symbols[place - count] == mark { break }
            }
            let root = count > 0 ? Int(tables.roots[Int(symbols[place - 1])]) : -1
            nodes[index] = root
            (depths[index], limits[index]) = (root >= 0 ? 1 : 0, count)
        }
        for length in 1..<max(tables.levels.count, 1) {
            let (above, level) = (tables.levels[length - 1], tables.levels[length])
            let (from, to) = (nodes + Self.width * (length - 1), nodes + Self.width * length)
            for (index, place) in block.enumerated() where depths[index] == length && limits[index] > length {
                let range = Int(above.children[from[index]])..<Int(above.children[from[index] + 1])
                let child = NGramTables.place(of: symbols[place - 1 - length], in: level.contexts, range)
                guard let child else { continue }
                (to[index], depths[index]) = (child, length + 1)
            }
        }
    }

    private func add(
        _ block: Range<Int>,
        _ nodes: UnsafePointer<Int>,
        _ depths: UnsafePointer<Int>,
        to score: inout NGramScore
    ) {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * Self.width) { numbers in
            guard let scales = numbers.baseAddress else { return }
            // The probability of each place that has one already; below 0 where there is none.
            let found = scales + Self.width
            for index in 0..<block.count { (scales[index], found[index]) = (1, -1) }
            for length in stride(from: tables.levels.count, to: 0, by: -1) {
                let level = tables.levels[length - 1]
                let own = nodes + Self.width * (length - 1)
                for (index, place) in block.enumerated() where depths[index] >= length && found[index] < 0 {
                    let followers = level.followers(own[index])
                    if let entry = NGramTables.place(of: tokens[place], in: level.tokens, followers) {
                        found[index] = scales[index] * Double(level.probabilities[entry])
                        score.orders[length] += 1
                    } else {
                        scales[index] *= Double(level.backoffs[own[index]])
                    }
                }
            }
            for (index, place) in block.enumerated() {
                let unigram = tables.unigrams[Int(tokens[place])]
                if found[index] < 0 {
                    found[index] = scales[index] * Double(unigram)
                    score.orders[0] += 1
                }
                if unigram == tables.unseen { score.unseen += 1 }
                score.nats -= log(found[index])
            }
            score.tokens += block.count
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
