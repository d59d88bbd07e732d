/// What is wrong with the settings or the text of an n-gram model.
public struct NGramError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong and what would be right.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// How an n-gram model is counted.
public struct NGramOptions: Sendable, Hashable {
    /// The orders that a model may have.
    public static let orders = 1...10

    /// N: a token is predicted from the N − 1 before it.
    public var order = 5
    /// How often an n-gram must occur to be kept, from single tokens up; the last holds for all longer ones.
    ///
    /// A model keeps every token, so that the first is 1, and the numbers do not fall. lmplz's `--prune` has them
    /// less 1.
    public var minimumCounts = [1]

    /// Order 5, without pruning.
    public init() {}

    /// What is wrong with the options; nil when nothing is.
    public var problem: String? {
        guard Self.orders.contains(order) else {
            return "order is \(order); it must lie in \(Self.orders.lowerBound)...\(Self.orders.upperBound)"
        }
        guard minimumCounts.first == 1 else {
            return "min_counts is \(minimumCounts); the first is 1, since every token is kept"
        }
        guard zip(minimumCounts, minimumCounts.dropFirst()).allSatisfy({ $0 <= $1 }) else {
            return
                "min_counts is \(minimumCounts); longer n-grams cannot be kept more easily than shorter ones"
        }
        guard minimumCounts.count <= order else {
            return "min_counts has \(minimumCounts.count) numbers for n-grams of 1 to \(order) tokens"
        }
        return nil
    }

    /// How often an n-gram of so many tokens must occur.
    func minimumCount(_ tokens: Int) -> Int { minimumCounts[min(tokens, minimumCounts.count) - 1] }

    /// Whether every n-gram is kept.
    var keepsAll: Bool { minimumCounts.allSatisfy { $0 == 1 } }
}

/// What modified Kneser–Ney smoothing takes off counts of one, two, and three or more.
///
/// Source: Chen, Goodman, «An empirical study of smoothing techniques for language modeling», 1998, equation 26.
public struct NGramDiscounts: Sendable, Hashable {
    /// What is taken off a count of one, two, and three or more.
    public let amounts: [Double]
    /// Whether the counts gave them; otherwise they are the usual ones, 0.5, 1 and 1.5.
    public let isEstimated: Bool

    /// The discounts of n-grams of one length.
    ///
    /// Where no n-gram has a count of one, of two or of three, or a discount would lie outside 0 and its count, the
    /// counts say nothing of how to smooth them (few data, or few tokens that are all frequent) and the usual
    /// discounts are taken, as lmplz does with `--discount_fallback`.
    ///
    /// - Parameter tallies: How many n-grams have a count of 1, 2, 3 and 4.
    init(tallies: [Int]) {
        let share = Double(tallies[0]) / Double(max(tallies[0] + 2 * tallies[1], 1))
        let amounts = (1...3).map { count in
            Double(count) - Double(count + 1) * share * Double(tallies[count])
                / Double(max(tallies[count - 1], 1))
        }
        isEstimated =
            !tallies.prefix(3).contains(0) && zip(amounts, 1...3).allSatisfy { (0...Double($1)).contains($0) }
        self.amounts = isEstimated ? amounts : [0.5, 1, 1.5]
    }

    init(amounts: [Double], isEstimated: Bool) {
        (self.amounts, self.isEstimated) = (amounts, isEstimated)
    }

    /// What is taken off a count.
    @inline(__always)
    subscript(count: UInt32) -> Double { amounts[Int(min(count, 3)) - 1] }
}

/// Documents of tokens, that an n-gram model is counted from or judged by.
public protocol NGramCorpus: Sendable {
    /// The number of tokens.
    var count: Int { get }
    /// The number of documents.
    var documentCount: Int { get }

    /// Where a document lies among the tokens; documents follow one another.
    ///
    /// - Parameter document: Its number.
    /// - Returns: The positions of its tokens.
    func range(ofDocument document: Int) -> Range<Int>

    /// Copies tokens.
    ///
    /// - Parameters:
    ///   - range: Positions of tokens.
    ///   - target: Room for as many.
    func copy(_ range: Range<Int>, to target: UnsafeMutableBufferPointer<Int32>)
}

/// Documents of tokens in memory.
public struct NGramDocuments: NGramCorpus {
    private let tokens: [Int32]
    private let starts: [Int]

    /// Takes documents.
    ///
    /// - Parameter documents: The tokens of each.
    public init(_ documents: [[Int32]]) {
        tokens = documents.flatMap { $0 }
        starts = documents.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) }
    }

    /// The number of tokens.
    public var count: Int { tokens.count }
    /// The number of documents.
    public var documentCount: Int { starts.count - 1 }

    /// Where a document lies among the tokens.
    ///
    /// - Parameter document: Its number.
    /// - Returns: The positions of its tokens.
    public func range(ofDocument document: Int) -> Range<Int> { starts[document]..<starts[document + 1] }

    /// Copies tokens.
    ///
    /// - Parameters:
    ///   - range: Positions of tokens.
    ///   - target: Room for as many.
    public func copy(_ range: Range<Int>, to target: UnsafeMutableBufferPointer<Int32>) {
        for (place, position) in range.enumerated() { target[place] = tokens[position] }
    }
}

/// How far the making of an n-gram model is.
public enum NGramProgress: Sendable, Hashable {
    /// Tokens are counted: those done, and all.
    case counting(done: Int, of: Int)
    /// Probabilities of n-grams of a length are made.
    case smoothing(order: Int)
}
