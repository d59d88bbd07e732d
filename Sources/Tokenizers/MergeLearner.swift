/// The merge loop: byte-pair encoding's training over any symbols.
///
/// The merges are those of Hugging Face's `BpeTrainer`: the most frequent pair first, among equals the one with the
/// smaller symbols. To be exactly that, the learner keeps the reference's books: a pair has a candidate for every merge
/// that formed it, with the words of that merge alone, and its count is not lowered by merging the pair itself.
///
/// Only pairs with at least `threshold` occurrences are counted and queued. The others are found by going over all words
/// when nothing above the threshold is left, so the tables stay small however many rare pairs there are. That loses
/// nothing, because the count of a pair can grow after the merge that formed it only if a later merge gives a symbol
/// that is in use already; from the first such merge on every pair with that symbol is tracked, rare or not.
final class MergeLearner {
    /// What bounds the merges.
    struct Limits {
        /// The number of tokens to reach.
        var vocabularySize: Int
        /// Pairs seen less often are not merged.
        var minimumFrequency = 0
        /// Pairs of merged symbols are formed only below this many first symbols.
        var maximumLength = Int.max
        /// What is left out at the front of the right part when tokens are joined.
        var continuingPrefix: [UInt8] = []
        /// Whether a merge may give a first symbol, which takes prefixes or suffixes that also occur in words.
        var firstSymbolsRecur = false
        /// About how many pairs are looked for when the words are gone over; for tests.
        var pairsPerScan = 4096
    }

    private(set) var tokens: TokenTable
    private(set) var merges: [(left: Int32, right: Int32)] = []
    private(set) var results: [Int32] = []
    private let words: SymbolWords
    private let limits: Limits
    /// By symbol: of how many first symbols it is made, 0 while it is not in use.
    private var lengths: [Int32] = []
    /// By symbol: which places hold the words of the merge that made it; nil for the first symbols.
    private var origins: [Range<Int>?] = []
    /// By symbol: whether all pairs with it are counted.
    private var isTracked: [Bool] = []
    private let pairs = PairTable(capacity: 1 << 14)
    private var heap = CandidateHeap()
    /// Words of all candidates, one stretch each.
    private let places = GrowingBuffer<UInt32>(capacity: 1 << 16)
    private var threshold = Int.max
    /// The pairs that merges formed below the threshold, with their counts at that time.
    ///
    /// The reference's candidates keep these counts until they come up. By result one stretch each; `isLeft` tells
    /// whether the symbol stands before the result.
    private let rare = GrowingBuffer<(symbol: Int32, isLeft: Bool, count: Int)>()
    private var rareRanges: [Range<Int>] = []
    /// The counts of rare pairs of first symbols, when those may recur.
    private let rareFirst = PairTable()
    private let left = MergeSide()
    private let right = MergeSide()

    /// Sets up a learner that has learned nothing.
    ///
    /// - Parameters:
    ///   - words: The words; the learner changes them.
    ///   - tokens: The tokens so far; the symbols of the words are their ids.
    ///   - limits: What bounds the merges.
    init(words: SymbolWords, tokens: TokenTable, limits: Limits) {
        (self.words, self.tokens, self.limits) = (words, tokens, limits)
        extendSymbols()
        for start in words.starts {
            var position = Int(start)
            while words.symbols[position] >= 0 {
                lengths[Int(words.symbols[position])] = 1
                position += 1
            }
        }
    }

    private func extendSymbols() {
        while lengths.count < tokens.idLimit {
            lengths.append(0)
            origins.append(nil)
            rareRanges.append(0..<0)
            isTracked.append(false)
            left.neighbours.append(MergeSide.Neighbour())
            right.neighbours.append(MergeSide.Neighbour())
        }
    }

    /// Merges until the vocabulary is full or no pair is frequent enough.
    ///
    /// - Parameter progress: Called now and then with the number of tokens reached; returning false stops.
    func learn(progress: ((Int) -> Bool)?) {
        let least = max(limits.minimumFrequency, 1)
        while tokens.idLimit < limits.vocabularySize {
            guard var top = heap.top, top.count >= threshold else {
                guard threshold > least else { return }
                lowerThreshold(least: least)
                continue
            }
            let count = pairs.value(of: top.pair) ?? 0
            if top.count != count {
                top.count = count
                count > 0 ? heap.replaceTop(top) : heap.removeTop()
                continue
            }
            heap.removeTop()
            apply(top)
            if merges.count % 256 == 0, let progress, !progress(tokens.idLimit) { return }
        }
    }

    private func apply(_ candidate: MergeCandidate) {
        let first = Int32(truncatingIfNeeded: candidate.pair >> 32)
        let second = Int32(truncatingIfNeeded: candidate.pair)
        var bytes = Array(tokens.bytes(of: Int(second)) ?? [])
        if !limits.continuingPrefix.isEmpty, bytes.starts(with: limits.continuingPrefix) {
            bytes.removeFirst(limits.continuingPrefix.count)
        }
        bytes.insert(contentsOf: tokens.bytes(of: Int(first)) ?? [], at: 0)
        let known = tokens.id(of: bytes)
        let result = known ?? tokens.idLimit
        if known == nil { _ = tokens.insert(bytes, id: result) }
        extendSymbols()
        merges.append((first, second))
        results.append(Int32(result))
        let isFresh = lengths[result] == 0
        if isFresh {
            lengths[result] = lengths[Int(first)] &+ lengths[Int(second)]
            origins[result] = candidate.places
        } else {
            track(Int32(result))
        }
        replace(first, second, by: Int32(result), candidate.places)
        isFresh ? settleFresh(first, second, Int32(result)) : settleKnown(first, second, Int32(result))
        left.clear()
        right.clear()
    }

    /// The learned model.
    ///
    /// A pair merged twice keeps its later rank, as in the reference.
    func model() -> BPEModel {
        var last: [UInt64: Int] = [:]
        for (rank, merge) in merges.enumerated() { last[PairTable.pair(merge.left, merge.right)] = rank }
        let kept = merges.indices.filter { last[PairTable.pair(merges[$0].left, merges[$0].right)] == $0 }
        return BPEModel(
            tokens: tokens,
            merges: kept.map { merges[$0] },
            results: kept.map { results[$0] },
            ranks: nil,
            takesWholePieces: false
        )
    }

    /// Whether a pair may be formed: the bound of the reference, which does not hold for pairs of first symbols.
    @inline(__always)
    private func mayForm(_ first: Int32, _ second: Int32) -> Bool {
        let (one, two) = (Int(lengths[Int(first)]), Int(lengths[Int(second)]))
        return one + two < limits.maximumLength || (one == 1 && two == 1)
    }

    /// Replaces a pair in words, and notes the neighbours that it had.
    private func replace(_ first: Int32, _ second: Int32, by result: Int32, _ range: Range<Int>) {
        let symbols = words.symbols
        for place in range {
            let start = Int(places[place])
            var read = start
            // Most of a word is as it was: look for the pair before writing anything.
            while symbols[read] >= 0, symbols[read] != first || symbols[read + 1] != second { read += 1 }
            guard symbols[read] >= 0 else { continue }
            let times = SymbolWords.times(symbols, start)
            var write = read
            while symbols[read] >= 0 {
                guard symbols[read] == first, symbols[read + 1] == second else {
                    symbols[write] = symbols[read]
                    write += 1
                    read += 1
                    continue
                }
                if write > start { left.note(symbols[write - 1], times, start) }
                if symbols[read + 2] >= 0 { right.note(symbols[read + 2], times, start) }
                symbols[write] = result
                write += 1
                read += 2
            }
            symbols[write] = -1
        }
    }

    /// Keeps the books after a merge whose result is a new symbol.
    private func settleFresh(_ first: Int32, _ second: Int32, _ result: Int32) {
        // Two of the new symbols side by side: the first of them had formed a pair with `first`, which is gone again.
        let undone = left.neighbours[Int(result)].count
        let begin = rare.count
        left.forEachMet { symbol, count in
            if symbol != result { pairs.addIfPresent(PairTable.pair(symbol, first), -count) }
            let isQueued = isQueued(symbol, result, count)
            isQueued
                ? pairs.insert(PairTable.pair(symbol, result), count) : rare.append((symbol, true, count))
            queue(PairTable.pair(symbol, result), isQueued ? count : 0, left, symbol)
        }
        right.forEachMet { symbol, met in
            pairs.addIfPresent(PairTable.pair(second, symbol), -met)
            let count = symbol == first ? met - undone : met
            let isQueued = isQueued(symbol, result, count)
            isQueued
                ? pairs.insert(PairTable.pair(result, symbol), count) : rare.append((symbol, false, count))
            queue(PairTable.pair(result, symbol), isQueued ? count : 0, right, symbol)
        }
        rareRanges[Int(result)] = begin..<rare.count
        left.writeWords(to: places)
        right.writeWords(to: places)
    }

    private func isQueued(_ symbol: Int32, _ result: Int32, _ count: Int) -> Bool {
        count > 0 && (count >= threshold || isTracked[Int(symbol)]) && mayForm(symbol, result)
    }

    /// Keeps the books after a merge whose result was in use before: all pairs with it are in the table.
    private func settleKnown(_ first: Int32, _ second: Int32, _ result: Int32) {
        // The result beside itself is met on both sides, but is one pair and one candidate.
        left.takeWords(of: result, from: right)
        left.forEachMet { symbol, count in
            if mayForm(symbol, result) { pairs.add(PairTable.pair(symbol, result), count) }
        }
        right.forEachMet { symbol, count in
            if mayForm(result, symbol) { pairs.add(PairTable.pair(result, symbol), count) }
        }
        left.forEachMet { symbol, count in pairs.addIfPresent(PairTable.pair(symbol, first), -count) }
        right.forEachMet { symbol, count in pairs.addIfPresent(PairTable.pair(second, symbol), -count) }
        left.forEachMet { symbol, _ in
            let pair = PairTable.pair(symbol, result)
            queue(pair, mayForm(symbol, result) ? pairs.value(of: pair) ?? 0 : 0, left, symbol)
        }
        right.forEachMet { symbol, _ in
            let pair = PairTable.pair(result, symbol)
            queue(pair, mayForm(result, symbol) ? pairs.value(of: pair) ?? 0 : 0, right, symbol)
        }
        left.writeWords(to: places)
        right.writeWords(to: places)
    }

    /// Queues a pair that a merge has formed, with room for its words, unless its count is 0.
    @inline(__always)
    private func queue(_ pair: UInt64, _ count: Int, _ side: MergeSide, _ symbol: Int32) {
        let words = side.neighbours[Int(symbol)].place
        guard count > 0, words > 0 else {
            side.neighbours.base[Int(symbol)].place = -1
            return
        }
        let start = places.count
        places.append(0, count: words)
        side.neighbours.base[Int(symbol)].place = start
        heap.push(MergeCandidate(count: count, pair: pair, places: start..<start + words))
    }
}

// MARK: - Going over the words

extension MergeLearner {
    /// Lowers the threshold and counts and queues the pairs that are now above it.
    private func lowerThreshold(least: Int) {
        // Sums over pairs with the same hash bound the counts from above; only few pairs need counting one by one.
        let mask = 1 << 18 - 1
        let sums = UnsafeMutablePointer<Int>.allocate(capacity: mask + 1)
        defer { sums.deallocate() }
        sums.initialize(repeating: 0, count: mask + 1)
        let symbols = words.symbols
        for start in words.starts {
            var position = Int(start)
            guard symbols[position] >= 0 else { continue }
            let times = SymbolWords.times(symbols, position)
            while symbols[position + 1] >= 0 {
                let pair = PairTable.pair(symbols[position], symbols[position + 1])
                if pairs.value(of: pair) == nil { sums[PairTable.hash(pair) & mask] += times }
                position += 1
            }
        }
        let isFirst = threshold == .max && limits.firstSymbolsRecur
        let bound = Self.nthLargest(
            limits.pairsPerScan,
            of: UnsafeBufferPointer(start: sums, count: mask + 1)
        )
        threshold = max(least, min(bound, threshold / 2))
        // The reference has looked at the candidates that were formed above the new threshold, so they belong in the queue
        // even if they have become rarer.
        let risen = risenPairs()
        risen.forEach { pair, _ in
            let place = PairTable.hash(pair) & mask
            sums[place] = max(sums[place], threshold)
        }
        words.starts.withUnsafeBufferPointer { starts in
            count(in: starts, least: threshold, besides: risen, keepingRare: isFirst) {
                isFirst || sums[PairTable.hash($0) & mask] >= threshold
            }
        }
    }

    /// The pairs that were formed with at least `threshold` occurrences and are not in the table.
    private func risenPairs() -> PairTable {
        let risen = PairTable()
        func note(_ pair: UInt64, _ count: Int) {
            guard count >= threshold, pairs.value(of: pair) == nil, risen.value(of: pair) == nil else {
                return
            }
            risen.insert(pair, count)
        }
        for (result, range) in rareRanges.enumerated() {
            for index in range where rare[index].count >= threshold {
                let (symbol, isLeft, count) = rare[index]
                let result = Int32(result)
                note(isLeft ? PairTable.pair(symbol, result) : PairTable.pair(result, symbol), count)
            }
        }
        rareFirst.forEach(note)
        return risen
    }

    /// A number that about `rank` of the values reach, from below: exact to an eighth.
    private static func nthLargest(_ rank: Int, of values: UnsafeBufferPointer<Int>) -> Int {
        // Classes of values: by the highest set bit and the three bits after it.
        func classOf(_ value: Int) -> Int {
            let bits = Int.bitWidth - value.leadingZeroBitCount
            return bits <= 4 ? value : 16 + (bits - 5) * 8 + (value >> (bits - 4)) & 7
        }
        var sizes = [Int](repeating: 0, count: 16 + 60 * 8)
        for value in values where value > 0 { sizes[classOf(value)] += 1 }
        var rest = rank
        for index in sizes.indices.reversed() where sizes[index] > 0 {
            rest -= sizes[index]
            if rest <= 0 { return index < 16 ? index : (8 + (index - 16) % 8) << ((index - 16) / 8 + 1) }
        }
        return 1
    }

    /// Sees to it that all pairs with a symbol are counted, however rare they are.
    private func track(_ symbol: Int32) {
        guard !isTracked[Int(symbol)] else { return }
        isTracked[Int(symbol)] = true
        func holdsSymbol(_ pair: UInt64) -> Bool {
            Int32(truncatingIfNeeded: pair >> 32) == symbol || Int32(truncatingIfNeeded: pair) == symbol
        }
        if let origin = origins[Int(symbol)] {
            let list = Array(UnsafeBufferPointer(start: places.base + origin.lowerBound, count: origin.count))
            list.withUnsafeBufferPointer { count(in: $0, least: 1, where: holdsSymbol) }
        } else {
            words.starts.withUnsafeBufferPointer { count(in: $0, least: 1, where: holdsSymbol) }
        }
    }

    /// Counts and queues those pairs in some words that are not in the table and have a least count or are `risen`.
    @inline(__always)
    private func count(
        in starts: UnsafeBufferPointer<UInt32>,
        least: Int,
        besides risen: PairTable? = nil,
        keepingRare: Bool = false,
        where isWanted: (UInt64) -> Bool
    ) {
        let numbers = PairTable()
        let found = GrowingBuffer<FoundPair>()
        let log = GrowingBuffer<(number: UInt32, word: UInt32)>()
        let symbols = words.symbols
        for start in starts {
            var position = Int(start)
            guard symbols[position] >= 0 else { continue }
            let times = SymbolWords.times(symbols, position)
            while symbols[position + 1] >= 0 {
                let (first, second) = (symbols[position], symbols[position + 1])
                let pair = PairTable.pair(first, second)
                position += 1
                guard isWanted(pair), pairs.value(of: pair) == nil, mayForm(first, second) else { continue }
                var number = numbers.value(of: pair)
                if number == nil {
                    number = found.count
                    numbers.insert(pair, found.count)
                    found.append(FoundPair(pair: pair))
                }
                guard let number else { continue }
                found.base[number].count += times
                guard found.base[number].lastWord != start else { continue }
                found.base[number].lastWord = start
                found.base[number].place += 1
                log.append((UInt32(number), start))
            }
        }
        for number in 0..<found.count {
            let entry = found[number]
            guard entry.count >= least || risen?.value(of: entry.pair) != nil else {
                if keepingRare { rareFirst.insert(entry.pair, entry.count) }
                found.base[number].place = -1
                continue
            }
            let start = places.count
            places.append(0, count: entry.place)
            found.base[number].place = start
            pairs.insert(entry.pair, entry.count)
            let range = start..<start + entry.place
            heap.push(MergeCandidate(count: countWhenFormed(entry), pair: entry.pair, places: range))
        }
        for index in 0..<log.count {
            let (number, word) = log[index]
            let place = found[Int(number)].place
            guard place >= 0 else { continue }
            places[place] = word
            found.base[Int(number)].place = place + 1
        }
    }

    /// The count that the reference's candidate of a pair has, which did not come up since the pair was formed.
    private func countWhenFormed(_ entry: FoundPair) -> Int {
        let first = Int32(truncatingIfNeeded: entry.pair >> 32)
        let second = Int32(truncatingIfNeeded: entry.pair)
        // The pair was formed when the later of its symbols was.
        for index in rareRanges[Int(second)] where rare[index].symbol == first && rare[index].isLeft {
            return rare[index].count
        }
        for index in rareRanges[Int(first)] where rare[index].symbol == second && !rare[index].isLeft {
            return rare[index].count
        }
        return rareFirst.value(of: entry.pair) ?? entry.count
    }

    private struct FoundPair {
        let pair: UInt64
        var count = 0
        /// First how many words hold the pair, then where the next goes; -1 for a pair that is not queued.
        var place = 0
        var lastWord: UInt32 = 0
    }
}
