import YuyanFileFormats
import YuyanTensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// How a ``LexicalIndex`` weighs terms.
public struct BM25Options: Sendable, Hashable {
    /// How rare terms weigh more than frequent ones; n of N texts hold the term.
    public enum Weighting: String, Sendable, Hashable, CaseIterable {
        /// ln(1 + (N − n + ½) / (n + ½)), never below 0: Lucene's.
        case lucene
        /// ln((N − n + ½) / (n + ½)) as in the paper; where that is below 0, a quarter of the mean over all terms, as
        /// rank_bm25's `BM25Okapi` has it.
        case okapi
    }

    /// How fast further occurrences of a term lose weight.
    public var k1 = 1.2
    /// How much long texts are held back, from 0 to 1.
    public var b = 0.75
    /// How rare terms weigh more.
    public var weighting = Weighting.lucene

    /// Lucene's.
    public init() {}

    /// What is wrong with the options; nil when nothing is.
    public var problem: String? {
        guard k1 >= 0, k1.isFinite else { return "k1 is \(k1); it must be 0 or more" }
        return b >= 0 && b <= 1 ? nil : "b is \(b); it must lie in 0...1"
    }
}

/// Collects the terms of texts for a ``LexicalIndex``.
public struct LexicalIndexBuilder {
    private var numbers: [String: Int32] = [:]
    private var terms: [String] = []
    /// Of each pair of a text and a term of it: the term's number, the text and how often, text after text.
    private var pairTerms: [Int32] = []
    private var pairTexts: [Int32] = []
    private var pairCounts: [Int32] = []
    private var lengths: [Int32] = []

    /// A builder of nothing.
    public init() {}

    /// The number of texts.
    public var count: Int { lengths.count }

    /// Adds a text.
    ///
    /// - Parameter words: Its terms in order; none is allowed.
    public mutating func add(_ words: [String]) {
        var own: [Int32: Int32] = [:]
        var order: [Int32] = []
        for word in words {
            let number: Int32
            if let known = numbers[word] {
                number = known
            } else {
                number = Int32(terms.count)
                numbers[word] = number
                terms.append(word)
            }
            let before = own[number] ?? 0
            if before == 0 { order.append(number) }
            own[number] = before + 1
        }
        for number in order {
            pairTerms.append(number)
            pairTexts.append(Int32(lengths.count))
            pairCounts.append(own[number] ?? 0)
        }
        lengths.append(Int32(words.count))
    }

    /// Makes the index of what was added.
    ///
    /// - Parameter options: How terms are weighed.
    /// - Returns: The index.
    /// - Throws: ``SearchError`` for options that cannot be, or no text.
    public func finish(_ options: BM25Options = BM25Options()) throws -> LexicalIndex {
        if let problem = options.problem { throw SearchError(problem) }
        guard count >= 1, count <= VectorIndex.mostRows else {
            throw SearchError("\(count) texts; an index has from 1 to \(VectorIndex.mostRows)")
        }
        let order = terms.indices.sorted { terms[$0].utf8.lexicographicallyPrecedes(terms[$1].utf8) }
        var rank = [Int](repeating: 0, count: terms.count)
        for (place, number) in order.enumerated() { rank[number] = place }
        var starts = [Int64](repeating: 0, count: terms.count + 1)
        for number in pairTerms { starts[rank[Int(number)] + 1] += 1 }
        for place in 0..<terms.count { starts[place + 1] += starts[place] }
        var next = starts
        var texts = [Int32](repeating: 0, count: pairTerms.count)
        var counts = texts
        for (pair, number) in pairTerms.enumerated() {
            let place = Int(next[rank[Int(number)]])
            (texts[place], counts[place]) = (pairTexts[pair], pairCounts[pair])
            next[rank[Int(number)]] += 1
        }
        var bytes: [UInt8] = []
        var ends: [Int64] = [0]
        for number in order {
            bytes.append(contentsOf: terms[number].utf8)
            ends.append(Int64(bytes.count))
        }
        return try LexicalIndex(
            options: options,
            termBytes: .memory(bytes),
            termEnds: .memory(ends),
            starts: .memory(starts),
            texts: .memory(texts),
            counts: .memory(counts),
            lengths: .memory(lengths)
        )
    }
}

/// Texts by their terms, ranked by BM25.
///
/// Sources: Robertson, Zaragoza, «The probabilistic relevance framework: BM25 and beyond», 2009; the weights of terms as
/// ``BM25Options/Weighting`` says.
public final class LexicalIndex: Sendable {
    /// How terms are weighed.
    public let options: BM25Options
    /// The number of texts N.
    public let count: Int
    /// The number of terms V.
    public let termCount: Int
    /// The mean number of terms of a text.
    public let meanLength: Double
    let termBytes: NumberStorage<UInt8>
    let termEnds: NumberStorage<Int64>
    let starts: NumberStorage<Int64>
    let texts: NumberStorage<Int32>
    let counts: NumberStorage<Int32>
    let lengths: NumberStorage<Int32>
    /// What okapi gives terms of most texts.
    private let floor: Double

    init(
        options: BM25Options,
        termBytes: NumberStorage<UInt8>,
        termEnds: NumberStorage<Int64>,
        starts: NumberStorage<Int64>,
        texts: NumberStorage<Int32>,
        counts: NumberStorage<Int32>,
        lengths: NumberStorage<Int32>
    ) throws {
        (self.options, self.termBytes, self.termEnds) = (options, termBytes, termEnds)
        (self.starts, self.texts, self.counts, self.lengths) = (starts, texts, counts, lengths)
        let (number, sum) = try lengths.withNumbers { ($0.count, $0.reduce(0) { $0 + Int($1) }) }
        count = number
        meanLength = Double(sum) / Double(max(number, 1))
        termCount = try termEnds.withNumbers { $0.count - 1 }
        var total = 0.0
        if options.weighting == .okapi, termCount > 0 {
            total = try starts.withNumbers { starts in
                (0..<starts.count - 1).reduce(0.0) {
                    $0 + Self.okapi(number, Int(starts[$1 + 1] - starts[$1]))
                }
            }
        }
        floor = 0.25 * total / Double(max(termCount, 1))
    }

    private static func okapi(_ count: Int, _ holding: Int) -> Double {
        log((Double(count - holding) + 0.5) / (Double(holding) + 0.5))
    }

    private func weight(_ holding: Int) -> Double {
        switch options.weighting {
        case .lucene: return log(1 + (Double(count - holding) + 0.5) / (Double(holding) + 0.5))
        case .okapi:
            let own = Self.okapi(count, holding)
            return own < 0 ? floor : own
        }
    }

    /// The place of a term among the sorted ones.
    private func place(_ term: String) throws -> Int? {
        let wanted = Array(term.utf8)
        return try termEnds.withNumbers { ends in
            try termBytes.withNumbers { bytes in
                var (low, high) = (0, termCount)
                while low < high {
                    let middle = (low + high) / 2
                    let own = bytes[Int(ends[middle])..<Int(ends[middle + 1])]
                    if own.lexicographicallyPrecedes(wanted) { low = middle + 1 } else { high = middle }
                }
                guard low < termCount else { return nil }
                return bytes[Int(ends[low])..<Int(ends[low + 1])].elementsEqual(wanted) ? low : nil
            }
        }
    }

    /// The score of every text; 0 where it holds none of the terms.
    ///
    /// - Parameter terms: The terms of a question; one that comes twice counts twice.
    /// - Returns: N scores.
    /// - Throws: When the file cannot be read.
    public func scores(_ terms: [String]) throws -> [Double] {
        var scores = [Double](repeating: 0, count: count)
        var times: [Int: Double] = [:]
        var order: [Int] = []
        for term in terms {
            guard let place = try place(term) else { continue }
            if times[place] == nil { order.append(place) }
            times[place, default: 0] += 1
        }
        let (k1, b) = (options.k1, options.b)
        try starts.withNumbers { starts in
            try texts.withNumbers { texts in
                try counts.withNumbers { counts in
                    try lengths.withNumbers { lengths in
                        for term in order {
                            let range = Int(starts[term])..<Int(starts[term + 1])
                            let weight = weight(range.count) * (times[term] ?? 0)
                            for place in range {
                                let text = Int(texts[place])
                                let often = Double(counts[place])
                                let length = Double(lengths[text]) / max(meanLength, 1e-9)
                                scores[text] +=
                                    weight * often * (k1 + 1) / (often + k1 * (1 - b + b * length))
                            }
                        }
                    }
                }
            }
        }
        return scores
    }

    /// The texts that match terms best.
    ///
    /// - Parameters:
    ///   - terms: The terms of a question; one that comes twice counts twice.
    ///   - count: How many texts are wanted.
    /// - Returns: The best first; texts that hold none of the terms are not among them.
    /// - Throws: When the file cannot be read.
    public func search(_ terms: [String], count: Int) throws -> [SearchHit] {
        var best = BestRows(min(max(count, 0), self.count))
        for (text, score) in try scores(terms).enumerated() where score != 0 {
            best.add(Float(-score), Int32(text))
        }
        return best.hits { -$0 }
    }
}
