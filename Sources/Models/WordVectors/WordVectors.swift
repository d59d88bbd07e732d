import YuyanTensorCore

/// Words with their vectors.
///
/// `vectors` holds row after row, so that it can be the first value of a model's embedding table. With subwords, words
/// that are not in the table have vectors from their n-grams.
public struct WordVectors: Sendable {
    /// The words in the order of the rows.
    public let words: [String]
    /// The width of a vector.
    public let dimension: Int
    /// The vectors, row-major: [words, dimension].
    public let vectors: [Float]
    /// How often each word occurs in the text learned from; empty where it is not known.
    public let counts: [Int]
    /// The vectors of n-grams; nil without them.
    public let subwords: SubwordVectors?
    private let places: [String: Int32]

    /// Makes a table.
    ///
    /// Traps when the sizes do not fit one another or a word comes twice.
    ///
    /// - Parameters:
    ///   - words: the words, none twice.
    ///   - dimension: the width of a vector.
    ///   - vectors: the vectors, row-major: [words, dimension].
    ///   - counts: how often each word occurs; empty where it is not known.
    ///   - subwords: the vectors of n-grams.
    public init(
        words: [String],
        dimension: Int,
        vectors: [Float],
        counts: [Int] = [],
        subwords: SubwordVectors? = nil
    ) {
        require(dimension > 0, "WordVectors: the dimension \(dimension) must be positive")
        require(
            vectors.count == words.count * dimension,
            "WordVectors: \(vectors.count) numbers for \(words.count) words of dimension \(dimension)"
        )
        require(counts.isEmpty || counts.count == words.count, "WordVectors: \(counts.count) counts")
        require(
            subwords.map { $0.dimension == dimension } ?? true,
            "WordVectors: n-grams of another dimension"
        )
        (self.words, self.dimension, self.vectors) = (words, dimension, vectors)
        (self.counts, self.subwords) = (counts, subwords)
        places = Dictionary(zip(words, words.indices.map { Int32($0) })) { first, _ in first }
        require(places.count == words.count, "WordVectors: a word comes twice")
    }

    /// The number of words.
    public var count: Int { words.count }

    /// The row of a word, or nil.
    ///
    /// - Parameter word: the word.
    /// - Returns: its place in `words`.
    public func place(of word: String) -> Int? { places[word].map(Int.init) }

    /// A word as it stands, or in small letters when only these have a row.
    ///
    /// - Parameter word: the word.
    /// - Returns: the word to look up.
    public func spelling(of word: String) -> String {
        if place(of: word) != nil { return word }
        let small = word.lowercased()
        return place(of: small) == nil ? word : small
    }

    /// The vector of a word, or nil when there is neither the word nor one of its n-grams.
    ///
    /// - Parameter word: the word.
    public subscript(word: String) -> [Float]? {
        if let place = place(of: word) { return Array(vectors[place * dimension..<(place + 1) * dimension]) }
        return subwords?.vector(of: word)
    }

    /// The vectors of other words as an embedding table.
    ///
    /// - Parameters:
    ///   - tokens: the tokens of a vocabulary.
    ///   - missing: the row of a token that has no vector, by its place.
    /// - Returns: the table [tokens, dimension], and how many tokens had vectors.
    public func table(
        for tokens: [String],
        missing: (Int) -> [Float]
    ) -> (values: [Float], found: Int) {
        var (values, found): ([Float], Int) = ([], 0)
        values.reserveCapacity(tokens.count * dimension)
        for (place, token) in tokens.enumerated() {
            if let vector = self[token] {
                values.append(contentsOf: vector)
                found += 1
            } else {
                let row = missing(place)
                require(row.count == dimension, "WordVectors.table: a row of \(row.count), not \(dimension)")
                values.append(contentsOf: row)
            }
        }
        return (values, found)
    }
}

/// The vectors of hashed n-grams.
public struct SubwordVectors: Sendable {
    /// How words are cut.
    public let options: SubwordOptions
    /// The width of a vector.
    public let dimension: Int
    /// The vectors of the buckets, row-major: [buckets, dimension].
    public let vectors: [Float]

    /// Makes a table.
    ///
    /// Traps when the sizes do not fit one another.
    ///
    /// - Parameters:
    ///   - options: how words are cut.
    ///   - dimension: the width of a vector.
    ///   - vectors: the vectors of the buckets, row-major: [buckets, dimension].
    public init(options: SubwordOptions, dimension: Int, vectors: [Float]) {
        require(
            dimension > 0 && vectors.count == options.bucketCount * dimension,
            "SubwordVectors: \(vectors.count) numbers for \(options.bucketCount) buckets of dimension \(dimension)"
        )
        (self.options, self.dimension, self.vectors) = (options, dimension, vectors)
    }

    /// The mean of a word's n-grams, or nil when it has none.
    ///
    /// - Parameter word: the word.
    /// - Returns: the vector.
    public func vector(of word: String) -> [Float]? {
        let buckets = options.buckets(of: word)
        guard !buckets.isEmpty else { return nil }
        var sum = [Float](repeating: 0, count: dimension)
        for bucket in buckets {
            for column in 0..<dimension { sum[column] += vectors[Int(bucket) * dimension + column] }
        }
        return sum.map { $0 / Float(buckets.count) }
    }
}
