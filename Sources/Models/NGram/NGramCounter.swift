import YuyanTensorCore

/// The n-grams of one length with their counts, gathered by context.
///
/// Contexts are sorted by their last token, then the one before it, and so on; the tokens that followed a context rise.
struct NGramLevelCounts {
    /// The first token of each context: its others are those of the context above it.
    var contexts: [UInt32] = []
    /// Where a context's extensions by one more token begin on the next level; one more at the end.
    var children: [UInt32] = []
    /// Where the tokens that followed a context begin; one more at the end.
    var starts: [UInt32] = []
    /// The sum of a context's counts, of n-grams that were not kept, too.
    var totals: [UInt32] = []
    /// The tokens that followed.
    var tokens: [UInt32] = []
    /// The adjusted count of each n-gram: how often it occurs at the greatest length or at the beginning of a document,
    /// else before how many different tokens it begins.
    var counts: [UInt32] = []
    /// How often each n-gram occurs; only while it is needed.
    var occurrences: [UInt32] = []
}

/// All counts of a part of a text, or of the whole.
struct NGramCounts {
    /// The adjusted count of each single token.
    var tokens: [UInt32]
    /// The n-grams of two tokens and more, by length.
    var levels: [NGramLevelCounts]
    /// By length from two tokens on, how many n-grams have an adjusted count of 1, 2, 3 and 4, kept or not.
    var tallies: [[Int]]
}

/// Counts the n-grams whose last token stands at given positions of a text.
///
/// Positions are sorted by what stands before them, the nearest token first, so that the contexts of every length lie
/// together; from the longest n-grams each shorter length follows by leaving out the first token. The adjusted counts
/// are those of Kneser, Ney, 1995, as Heafield, Pouzyrevsky, Clark and Koehn, 2013, count them.
struct NGramCounter<Symbol: FixedWidthInteger & UnsignedInteger & BitwiseCopyable & Sendable> {
    private let symbols: UnsafePointer<Symbol>
    private let mark: Symbol
    /// The tokens of the longest contexts.
    private let longest: Int
    private let options: NGramOptions
    private var levels: [NGramLevelCounts]
    /// By level: tokens behind contexts that begin with a document, which no longer context leads to.
    private var openings: [[UInt32]]
    private var openingStarts: [[UInt32]]

    /// A counter of a text that is lent.
    ///
    /// - Parameters:
    ///   - symbols: The text.
    ///   - mark: The symbol where contexts begin.
    ///   - options: The order, 2 or more, and what is kept.
    init(_ symbols: UnsafePointer<Symbol>, mark: Symbol, options: NGramOptions) {
        (self.symbols, self.mark, self.options) = (symbols, mark, options)
        longest = options.order - 1
        levels = Array(repeating: NGramLevelCounts(), count: longest)
        openings = Array(repeating: [], count: longest)
        openingStarts = openings
    }

    /// Counts.
    ///
    /// - Parameter positions: The positions, in any order; their order is changed.
    /// - Returns: The counts.
    mutating func count(_ positions: UnsafeMutableBufferPointer<UInt32>) -> NGramCounts {
        gather(sort(positions))
        for level in stride(from: longest - 1, to: 0, by: -1) { shorten(to: level) }
        (openings, openingStarts) = ([], [])
        var tokens = [UInt32](repeating: 0, count: Int(mark))
        for token in levels[0].tokens { tokens[Int(token)] += 1 }
        let tallies = levels.map { level in
            var tally = [0, 0, 0, 0]
            for count in level.counts where count <= 4 { tally[Int(count) - 1] += 1 }
            return tally
        }
        if !options.keepsAll { prune() }
        for level in levels.indices { levels[level].occurrences = [] }
        return NGramCounts(tokens: tokens, levels: levels, tallies: tallies)
    }

    /// Sorts positions by the symbols before them, the nearest first, and by their own symbol last: a counting sort
    /// for each symbol, the least important first.
    ///
    /// - Parameter positions: The positions; overwritten.
    /// - Returns: The positions in order.
    private func sort(_ positions: UnsafeMutableBufferPointer<UInt32>) -> [UInt32] {
        let (count, width) = (positions.count, Int(mark) + 1)
        guard count > 0, let own = positions.baseAddress else { return [] }
        var places = [UInt32](repeating: 0, count: width * (longest + 1))
        let symbols = symbols
        places.withUnsafeMutableBufferPointer { places in
            for index in 0..<count {
                let here = symbols + Int(own[index])
                for back in 0...longest { places[back * width + Int(here[-back])] &+= 1 }
            }
            for back in 0...longest {
                var sum: UInt32 = 0
                for place in back * width..<(back + 1) * width {
                    (places[place], sum) = (sum, sum &+ places[place])
                }
            }
        }
        return [UInt32](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = count
            guard let other = buffer.baseAddress else { return }
            var (from, to) = (own, other)
            places.withUnsafeMutableBufferPointer { places in
                for back in [0] + Array((1...longest).reversed()) {
                    let first = back * width
                    for index in 0..<count {
                        let position = from[index]
                        let place = first + Int(symbols[Int(position) - back])
                        to[Int(places[place])] = position
                        places[place] &+= 1
                    }
                    swap(&from, &to)
                }
            }
            if from != other { other.update(from: from, count: count) }
        }
    }

    /// Finds all contexts, and the n-grams of the greatest length, in sorted positions.
    private mutating func gather(_ positions: [UInt32]) {
        var before: UnsafePointer<Symbol>?
        var depthBefore = 0
        for position in positions {
            let here = symbols + Int(position)
            var depth = 1
            while depth < longest, here[-depth] != mark { depth += 1 }
            var same = 0
            if let before {
                let most = min(depth, depthBefore)
                while same < most, here[-1 - same] == before[-1 - same] { same += 1 }
            }
            if same < depth {
                for length in same + 1...depth { openContext(length, UInt32(here[-length])) }
            }
            let token = UInt32(here[0])
            if depth < longest {
                openings[depth - 1].append(token)
            } else if same == depth, levels[depth - 1].tokens.last == token {
                let last = levels[depth - 1].occurrences.count - 1
                levels[depth - 1].occurrences[last] += 1
            } else {
                levels[depth - 1].tokens.append(token)
                levels[depth - 1].occurrences.append(1)
            }
            (before, depthBefore) = (here, depth)
        }
        close()
    }

    private mutating func openContext(_ length: Int, _ symbol: UInt32) {
        levels[length - 1].contexts.append(symbol)
        if length < longest {
            levels[length - 1].children.append(UInt32(levels[length].contexts.count))
            openingStarts[length - 1].append(UInt32(openings[length - 1].count))
        } else {
            levels[length - 1].starts.append(UInt32(levels[length - 1].tokens.count))
        }
    }

    /// Ends the lists of the contexts, and adds up the longest.
    private mutating func close() {
        for length in 1..<longest {
            levels[length - 1].children.append(UInt32(levels[length].contexts.count))
            openingStarts[length - 1].append(UInt32(openings[length - 1].count))
        }
        levels[longest - 1].starts.append(UInt32(levels[longest - 1].tokens.count))
        levels[longest - 1].counts = levels[longest - 1].occurrences
        levels[longest - 1].totals = levels[longest - 1].contexts.indices.map { context in
            let starts = levels[longest - 1].starts
            return levels[longest - 1].counts[Int(starts[context])..<Int(starts[context + 1])].reduce(0, &+)
        }
    }

    /// The n-grams with contexts of `length` tokens from those with one more.
    private mutating func shorten(to length: Int) {
        var level = levels[length - 1]
        levels[length - 1] = NGramLevelCounts()
        let below = levels[length]
        let (openings, openingStarts) = (openings[length - 1], openingStarts[length - 1])
        let room = below.tokens.count + openings.count
        level.tokens.reserveCapacity(room)
        level.counts.reserveCapacity(room)
        level.occurrences.reserveCapacity(room)
        level.starts.reserveCapacity(level.contexts.count + 1)
        level.totals.reserveCapacity(level.contexts.count)
        let tokenBits = UInt64.bitWidth - UInt64(mark).leadingZeroBitCount
        var pairs: [UInt64] = []
        var scratch: [UInt64] = []
        for context in level.contexts.indices {
            level.starts.append(UInt32(level.tokens.count))
            let isOpening = level.contexts[context] == UInt32(mark)
            pairs.removeAll(keepingCapacity: true)
            if isOpening {
                for place in Int(openingStarts[context])..<Int(openingStarts[context + 1]) {
                    pairs.append(UInt64(openings[place]) << 32 | 1)
                }
            } else {
                let (first, end) = (Int(level.children[context]), Int(level.children[context + 1]))
                let range = Int(below.starts[first])..<Int(below.starts[end])
                if end == first + 1 {
                    level.tokens.append(contentsOf: below.tokens[range])
                    level.occurrences.append(contentsOf: below.occurrences[range])
                    level.counts.append(contentsOf: repeatElement(1, count: range.count))
                    level.totals.append(UInt32(range.count))
                    continue
                }
                for place in range {
                    pairs.append(UInt64(below.tokens[place]) << 32 | UInt64(below.occurrences[place]))
                }
            }
            if scratch.count < pairs.count {
                scratch = [UInt64](repeating: 0, count: max(pairs.count, 2 * scratch.count))
            }
            pairs.withUnsafeMutableBufferPointer { pairs in
                scratch.withUnsafeMutableBufferPointer { scratch in
                    guard let own = pairs.baseAddress, let other = scratch.baseAddress else { return }
                    TokenPairs.sort(own, pairs.count, other, tokenBits: tokenBits)
                }
            }
            level.add(pairs, countsOccurrences: isOpening)
        }
        level.starts.append(UInt32(level.tokens.count))
        levels[length - 1] = level
    }

    /// Leaves out n-grams that occur too rarely, and contexts that nothing is left of.
    ///
    /// A longer n-gram occurs no more often than what it ends with, so that whatever is kept has all of its shorter ones.
    private mutating func prune() {
        var kept = [true]
        // The contexts of the level above, with their new numbers.
        for length in 1...longest {
            let old = levels[length - 1]
            let least = UInt32(clamping: options.minimumCount(length + 1))
            var new = NGramLevelCounts()
            var isKept = [Bool](repeating: false, count: old.contexts.count)
            for context in old.contexts.indices {
                let start = UInt32(new.tokens.count)
                for place in Int(old.starts[context])..<Int(old.starts[context + 1])
                where old.occurrences[place] >= least {
                    new.tokens.append(old.tokens[place])
                    new.counts.append(old.counts[place])
                }
                guard new.tokens.count > Int(start) else { continue }
                isKept[context] = true
                new.contexts.append(old.contexts[context])
                new.starts.append(start)
                new.totals.append(old.totals[context])
            }
            new.starts.append(UInt32(new.tokens.count))
            new.children = old.children
            if length > 1 { renumberChildren(of: length - 2, kept: kept, children: isKept) }
            levels[length - 1] = new
            kept = isKept
        }
    }

    /// Counts the children that are left to the contexts that are left.
    private mutating func renumberChildren(of level: Int, kept: [Bool], children isKept: [Bool]) {
        let old = levels[level].children
        var new: [UInt32] = []
        var number: UInt32 = 0
        for context in kept.indices {
            if kept[context] { new.append(number) }
            for child in Int(old[context])..<Int(old[context + 1]) where isKept[child] { number += 1 }
        }
        new.append(number)
        levels[level].children = new
    }
}

extension NGramLevelCounts {
    /// Ends a context with sorted pairs of a token and how often it occurred.
    fileprivate mutating func add(_ pairs: [UInt64], countsOccurrences: Bool) {
        var total: UInt32 = 0
        var place = 0
        while place < pairs.count {
            let token = pairs[place] >> 32
            var (count, occurrences): (UInt32, UInt32) = (0, 0)
            while place < pairs.count, pairs[place] >> 32 == token {
                occurrences += UInt32(truncatingIfNeeded: pairs[place])
                count += 1
                place += 1
            }
            if countsOccurrences { count = occurrences }
            tokens.append(UInt32(token))
            counts.append(count)
            self.occurrences.append(occurrences)
            total += count
        }
        totals.append(total)
    }
}

extension NGramCounts {
    /// The counts of a text from those of its parts, one after another.
    ///
    /// - Parameter parts: The parts; emptied, so that little is in memory twice.
    /// - Returns: The counts of the whole.
    static func joined(_ parts: inout [NGramCounts]) -> NGramCounts {
        var whole = NGramCounts(
            tokens: [UInt32](repeating: 0, count: parts[0].tokens.count),
            levels: Array(repeating: NGramLevelCounts(), count: parts[0].levels.count),
            tallies: parts[0].tallies.map { _ in [0, 0, 0, 0] }
        )
        for part in parts {
            for (token, count) in part.tokens.enumerated() where count > 0 { whole.tokens[token] += count }
            for (level, tally) in part.tallies.enumerated() {
                for (count, number) in tally.enumerated() { whole.tallies[level][count] += number }
            }
        }
        for level in whole.levels.indices {
            func join(_ list: WritableKeyPath<NGramLevelCounts, [UInt32]>) {
                var all: [UInt32] = []
                all.reserveCapacity(parts.reduce(0) { $0 + $1.levels[level][keyPath: list].count })
                for part in parts.indices {
                    all += parts[part].levels[level][keyPath: list]
                    parts[part].levels[level][keyPath: list] = []
                }
                whole.levels[level][keyPath: list] = all
            }
            /// Joins lists of places in another list, which end with its length.
            func joinPlaces(_ list: WritableKeyPath<NGramLevelCounts, [UInt32]>) {
                var all: [UInt32] = []
                all.reserveCapacity(parts.reduce(1) { $0 + $1.levels[level][keyPath: list].count })
                var base: UInt32 = 0
                for part in parts.indices {
                    let own = parts[part].levels[level][keyPath: list]
                    for place in own.dropLast() { all.append(place + base) }
                    base += own.last ?? 0
                    parts[part].levels[level][keyPath: list] = []
                }
                all.append(base)
                whole.levels[level][keyPath: list] = all
            }
            for list in [\NGramLevelCounts.contexts, \.totals, \.tokens, \.counts] { join(list) }
            joinPlaces(\.starts)
            if level + 1 < whole.levels.count { joinPlaces(\.children) }
        }
        return whole
    }
}
