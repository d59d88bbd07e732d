/// Character n-grams of words, hashed into buckets as fastText does it.
///
/// Source: Bojanowski and others, "Enriching word vectors with subword information", 2017.
public struct SubwordOptions: Sendable, Hashable {
    /// The least number of scalars of an n-gram, the marks of the word's ends counted.
    public var minimumLength: Int
    /// The most scalars of an n-gram; 0 for no n-grams.
    public var maximumLength: Int
    /// The number of buckets.
    public var bucketCount: Int

    /// Makes options; the defaults are fastText's.
    ///
    /// - Parameters:
    ///   - minimumLength: the least number of scalars of an n-gram.
    ///   - maximumLength: the most scalars of an n-gram.
    ///   - bucketCount: the number of buckets.
    public init(minimumLength: Int = 3, maximumLength: Int = 6, bucketCount: Int = 2_000_000) {
        (self.minimumLength, self.maximumLength) = (minimumLength, maximumLength)
        self.bucketCount = bucketCount
    }

    /// The buckets of a word's n-grams in the order of their places and lengths; one may come several times.
    ///
    /// - Parameter word: the word.
    /// - Returns: numbers below `bucketCount`.
    public func buckets(of word: String) -> [Int32] {
        guard bucketCount > 0, maximumLength >= 1 else { return [] }
        let bytes = [0x3C] + Array(word.utf8) + [0x3E]
        var buckets: [Int32] = []
        for start in bytes.indices where bytes[start] & 0xC0 != 0x80 {
            var (hash, end, length): (UInt32, Int, Int) = (0x811C_9DC5, start, 0)
            while end < bytes.count, length < maximumLength {
                repeat {
                    // The byte's sign is carried upwards, as fastText has it.
                    hash = (hash ^ UInt32(bitPattern: Int32(Int8(bitPattern: bytes[end])))) &* 0x0100_0193
                    end += 1
                } while end < bytes.count && bytes[end] & 0xC0 == 0x80
                length += 1
                let isEndMark = length == 1 && (start == 0 || end == bytes.count)
                if length >= minimumLength, !isEndMark { buckets.append(Int32(hash % UInt32(bucketCount))) }
            }
        }
        return buckets
    }
}

/// The input rows of every word: its own, and those of its n-grams behind all words; none twice.
struct InputRows: Sendable {
    let starts: [Int32]
    let rows: [Int32]
    let weights: [Float]
    /// The most rows of a word.
    let most: Int

    init(_ words: [String], _ options: SubwordOptions) {
        var (starts, rows, weights, most): ([Int32], [Int32], [Float], Int) = ([0], [], [], 1)
        for (place, word) in words.enumerated() {
            rows.append(Int32(place))
            weights.append(1)
            let buckets = options.buckets(of: word).sorted()
            for (index, bucket) in buckets.enumerated() {
                if index > 0, buckets[index - 1] == bucket {
                    weights[weights.count - 1] += 1
                } else {
                    rows.append(Int32(words.count) + bucket)
                    weights.append(1)
                }
            }
            most = max(most, rows.count - Int(starts[place]))
            starts.append(Int32(rows.count))
        }
        (self.starts, self.rows, self.weights, self.most) = (starts, rows, weights, most)
    }
}
