#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

enum SystemCounts {
    /// The processors online.
    static var processors: Int { max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1) }
}

/// The merge loop: pair counts kept up to date word by word, the best pair found by a heap whose stale entries are
/// corrected when they come up.
struct MergeLearner {
    /// A pair in the heap, with the words it may be found in.
    private struct Candidate {
        var count: Int
        let pair: UInt64
        let places: Range<Int>

        /// More frequent first, then smaller ids.
        func precedes(_ other: Candidate) -> Bool {
            count != other.count ? count > other.count : pair < other.pair
        }
    }

    private var tokens: TokenTable
    private var merges: [(left: Int32, right: Int32)] = []
    private var results: [Int32] = []
    /// The symbols of all words, each word in a fixed stretch that shrinks in use.
    private var symbols: [Int32]
    private let starts: [Int]
    private var lengths: [Int32]
    private let counts: [Int]
    private var pairs = PairCounts()
    private var heap: [Candidate] = []
    /// Word numbers of all candidates, one stretch each.
    private var places: [Int32] = []
    /// (pair, word) met while one merge is carried out.
    private var formed: [(pair: Int32, word: Int32)] = []

    init(words: WordCounts, specialTokens: [String]) {
        starts = words.starts
        counts = words.counts
        lengths = words.counts.indices.map { Int32(words.starts[$0 + 1] - words.starts[$0]) }
        var tokens = TokenTable()
        var reached = 0
        for token in specialTokens {
            // A special token that is spelled with byte stand-ins is a token that merges may reach, too.
            if let bytes = ByteAlphabet.bytes(of: token) {
                guard tokens.insert(bytes, id: reached) else {
                    fatalError("BPETrainer: the special token '\(token)' is given twice")
                }
            } else {
                tokens.skip(id: reached)
            }
            reached += 1
        }
        let ordered = (0..<256).sorted { ByteAlphabet.scalars[$0] < ByteAlphabet.scalars[$1] }
        for byte in ordered where tokens.insert([UInt8(byte)], id: reached) { reached += 1 }
        let ids = (0..<256).map { Int32(tokens.id(of: [UInt8($0)]) ?? 0) }
        symbols = words.arena.map { ids[Int($0)] }
        self.tokens = tokens
        countPairs()
    }

    private mutating func countPairs() {
        for word in counts.indices {
            let start = starts[word]
            for index in start..<max(start + Int(lengths[word]) - 1, start) {
                let pair = pairs.index(of: Self.pair(symbols[index], symbols[index + 1]))
                pairs.counts[pair] += counts[word]
                formed.append((Int32(pair), Int32(word)))
            }
        }
        queueFormed()
    }

    private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    mutating func learn(vocabularySize: Int, minimumFrequency: Int, progress: ((Int) -> Bool)?) {
        while tokens.idLimit < vocabularySize, var top = pop() {
            let index = pairs.index(of: top.pair)
            let count = pairs.counts[index]
            if top.count != count {
                if count > 0 {
                    top.count = count
                    push(top)
                }
                continue
            }
            if top.count < max(minimumFrequency, 1) { break }
            apply(top)
            if merges.count % 256 == 0, let progress, !progress(tokens.idLimit) { break }
        }
    }

    private mutating func apply(_ candidate: Candidate) {
        let left = Int32(truncatingIfNeeded: candidate.pair >> 32)
        let right = Int32(truncatingIfNeeded: candidate.pair)
        let bytes = Array(tokens.bytes(of: Int(left)) ?? []) + Array(tokens.bytes(of: Int(right)) ?? [])
        let result: Int
        if let known = tokens.id(of: bytes) {
            result = known
        } else {
            result = tokens.idLimit
            _ = tokens.insert(bytes, id: result)
        }
        merges.append((left, right))
        results.append(Int32(result))
        for place in candidate.places { merge(left, right, Int32(result), in: Int(places[place])) }
        queueFormed()
    }

    /// Replaces the pair throughout one word, counting the pairs that vanish and appear.
    private mutating func merge(_ left: Int32, _ right: Int32, _ result: Int32, in word: Int) {
        let start = starts[word]
        let end = start + Int(lengths[word])
        let times = counts[word]
        var write = start
        var read = start
        while read < end {
            guard symbols[read] == left, read + 1 < end, symbols[read + 1] == right else {
                symbols[write] = symbols[read]
                write += 1
                read += 1
                continue
            }
            if write > start {
                pairs.counts[pairs.index(of: Self.pair(symbols[write - 1], left))] -= times
                form(symbols[write - 1], result, word, times)
            }
            if read + 2 < end {
                pairs.counts[pairs.index(of: Self.pair(right, symbols[read + 2]))] -= times
                form(result, symbols[read + 2], word, times)
            }
            symbols[write] = result
            write += 1
            read += 2
        }
        lengths[word] = Int32(write - start)
    }

    private mutating func form(_ left: Int32, _ right: Int32, _ word: Int, _ times: Int) {
        let pair = pairs.index(of: Self.pair(left, right))
        pairs.counts[pair] += times
        formed.append((Int32(pair), Int32(word)))
    }

    /// Groups the (pair, word) entries by pair and queues a candidate for each pair.
    private mutating func queueFormed() {
        var order: [Int32] = []
        for entry in formed {
            if pairs.scratch[Int(entry.pair)] == 0 { order.append(entry.pair) }
            pairs.scratch[Int(entry.pair)] += 1
        }
        var next = places.count
        var begins: [Int] = []
        for pair in order {
            begins.append(next)
            let count = Int(pairs.scratch[Int(pair)])
            pairs.scratch[Int(pair)] = Int32(begins.count)
            next += count
        }
        places.append(contentsOf: repeatElement(-1, count: next - places.count))
        var ends = begins
        for entry in formed {
            let group = Int(pairs.scratch[Int(entry.pair)]) - 1
            // Words come one after the other, so a repeated word is the last one written.
            if ends[group] > begins[group], places[ends[group] - 1] == entry.word { continue }
            places[ends[group]] = entry.word
            ends[group] += 1
        }
        for (group, pair) in order.enumerated() {
            pairs.scratch[Int(pair)] = 0
            let count = pairs.counts[Int(pair)]
            if count > 0 {
                push(
                    Candidate(count: count, pair: pairs.pairs[Int(pair)], places: begins[group]..<ends[group])
                )
            }
        }
        formed.removeAll(keepingCapacity: true)
    }

    private mutating func push(_ item: Candidate) {
        heap.append(item)
        heap.withUnsafeMutableBufferPointer { heap in
            var child = heap.count - 1
            while child > 0 {
                let parent = (child - 1) / 2
                guard item.precedes(heap[parent]) else { break }
                heap[child] = heap[parent]
                child = parent
            }
            heap[child] = item
        }
    }

    private mutating func pop() -> Candidate? {
        guard let top = heap.first, let last = heap.popLast() else { return nil }
        if heap.isEmpty { return top }
        heap.withUnsafeMutableBufferPointer { heap in
            var parent = 0
            while true {
                var child = 2 * parent + 1
                guard child < heap.count else { break }
                if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
                guard heap[child].precedes(last) else { break }
                heap[parent] = heap[child]
                parent = child
            }
            heap[parent] = last
        }
        return top
    }

    /// The learned model.
    ///
    /// A pair merged twice keeps its later rank, as in the reference.
    func model() -> BPEModel {
        var last: [UInt64: Int] = [:]
        for (rank, merge) in merges.enumerated() { last[Self.pair(merge.left, merge.right)] = rank }
        let kept = merges.indices.filter { last[Self.pair(merges[$0].left, merges[$0].right)] == $0 }
        return BPEModel(
            tokens: tokens,
            merges: kept.map { merges[$0] },
            results: kept.map { results[$0] },
            ranks: nil,
            takesWholePieces: false
        )
    }
}

/// Counts of pairs, numbered in the order of their first appearance.
private struct PairCounts {
    private(set) var pairs: [UInt64] = []
    var counts: [Int] = []
    /// Working space of the same length, zero between uses.
    var scratch: [Int32] = []
    private var slots = [Int32](repeating: -1, count: 1 << 12)

    mutating func index(of pair: UInt64) -> Int {
        var mask = slots.count - 1
        var slot = Self.hash(pair) & mask
        while slots[slot] >= 0 {
            if pairs[Int(slots[slot])] == pair { return Int(slots[slot]) }
            slot = (slot + 1) & mask
        }
        if pairs.count * 2 >= slots.count {
            grow()
            mask = slots.count - 1
            slot = Self.hash(pair) & mask
            while slots[slot] >= 0 { slot = (slot + 1) & mask }
        }
        slots[slot] = Int32(pairs.count)
        pairs.append(pair)
        counts.append(0)
        scratch.append(0)
        return pairs.count - 1
    }

    private static func hash(_ pair: UInt64) -> Int {
        Int(truncatingIfNeeded: (pair &* 0x9E37_79B9_7F4A_7C15) >> 28)
    }

    private mutating func grow() {
        slots = [Int32](repeating: -1, count: slots.count * 2)
        let mask = slots.count - 1
        for (index, pair) in pairs.enumerated() {
            var slot = Self.hash(pair) & mask
            while slots[slot] >= 0 { slot = (slot + 1) & mask }
            slots[slot] = Int32(index)
        }
    }
}
