/// Draws from fixed probabilities with one look into a table (Walker's alias method, in Vose's form, 1991).
struct AliasTable: Sendable {
    struct Slot {
        /// The slot's own entry is drawn where the fraction is below this.
        var threshold: UInt32
        var other: Int32
    }
    let slots: [Slot]

    /// - Parameter weights: not negative, at least one of them positive.
    init(weights: [Double]) {
        let total = weights.reduce(0, +)
        var shares = weights.map { $0 / total * Double(weights.count) }
        var slots = weights.indices.map { Slot(threshold: .max, other: Int32($0)) }
        var small = shares.indices.filter { shares[$0] < 1 }
        var large = shares.indices.filter { shares[$0] >= 1 }
        while let low = small.popLast(), let high = large.last {
            slots[low] = Slot(threshold: UInt32(shares[low] * 0x1p32), other: Int32(high))
            shares[high] -= 1 - shares[low]
            if shares[high] < 1 {
                large.removeLast()
                small.append(high)
            }
        }
        self.slots = slots
    }

    /// The entry for 32 random bits: the upper part of their product with the count chooses a slot, the lower one
    /// decides in it.
    @inline(__always)
    static func draw(_ word: UInt32, _ slots: UnsafePointer<Slot>, _ count: UInt64) -> Int32 {
        let product = UInt64(word) &* count
        let slot = slots[Int(product >> 32)]
        return UInt32(truncatingIfNeeded: product) < slot.threshold ? Int32(product >> 32) : slot.other
    }
}

/// A Huffman tree over the words: each word's path of inner nodes, with what the node decides there.
///
/// Source: Mikolov and others, "Distributed representations of words and phrases and their compositionality", 2013.
struct HuffmanTree: Sendable {
    /// Word w's path is `starts[w] ..< starts[w + 1]`.
    let starts: [Int32]
    /// The inner nodes from the root down, of which there is one less than words.
    let nodes: [Int32]
    /// 1 where the path goes to the first child, else 0.
    let labels: [Float]

    var longestPath: Int { zip(starts, starts.dropFirst()).map { Int($1 - $0) }.max() ?? 0 }

    /// - Parameter counts: how often each word occurs, falling.
    init(counts: [Int]) {
        let words = counts.count
        var sizes = counts + [Int](repeating: .max, count: max(words - 1, 0))
        var (parents, isSecond) = (
            [Int](repeating: 0, count: sizes.count), [Bool](repeating: false, count: sizes.count)
        )
        // Words from the rarest on, and inner nodes as they come, are each in rising order.
        var (word, node) = (words - 1, words)
        func least() -> Int {
            if word >= 0, sizes[word] < sizes[node] {
                word -= 1
                return word + 1
            }
            node += 1
            return node - 1
        }
        for inner in stride(from: words, to: sizes.count, by: 1) {
            let (first, second) = (least(), least())
            sizes[inner] = sizes[first] + sizes[second]
            (parents[first], parents[second], isSecond[second]) = (inner, inner, true)
        }
        var (starts, nodes, labels): ([Int32], [Int32], [Float]) = ([0], [], [])
        for word in 0..<words {
            var path: [(node: Int32, label: Float)] = []
            var place = word
            while place != sizes.count - 1 {
                path.append((Int32(parents[place] - words), isSecond[place] ? 0 : 1))
                place = parents[place]
            }
            for step in path.reversed() {
                nodes.append(step.node)
                labels.append(step.label)
            }
            starts.append(Int32(nodes.count))
        }
        (self.starts, self.nodes, self.labels) = (starts, nodes, labels)
    }
}

/// How often occurrences of frequent words are kept.
enum Subsampling {
    /// For each word what 32 random bits must stay below for an occurrence to be kept.
    ///
    /// With threshold t and relative frequency f an occurrence is kept with probability √(t/f) + t/f, as the program
    /// word2vec does it.
    static func thresholds(_ counts: [Int], threshold: Double) -> [UInt64] {
        let total = Double(counts.reduce(0, +))
        return counts.map { count in
            guard threshold > 0 else { return 1 << 32 }
            let share = threshold * total / Double(count)
            return UInt64(min(1, share.squareRoot() + share) * 0x1p32)
        }
    }
}
