import YuyanFileFormats

/// How often each character (Unicode scalar) occurs in the words of a corpus, and where in words.
public struct CharacterCounts {
    private static let limit = 0x110000
    private var counts = [Int](repeating: 0, count: limit)
    /// By scalar: a bit for every ``Place`` in which it was seen.
    private var places = [UInt8](repeating: 0, count: limit)

    /// Where in a word a character stands.
    struct Place {
        let isFirst: Bool
        let isLast: Bool

        static let all = [(false, false), (false, true), (true, false), (true, true)].map {
            Place(isFirst: $0.0, isLast: $0.1)
        }

        /// A number below 4.
        var index: Int { (isFirst ? 2 : 0) + (isLast ? 1 : 0) }
    }

    /// Counts the characters of all words; ill-formed bytes count as U+FFFD.
    ///
    /// - Parameter words: The words.
    /// - Throws: `FileFormatError` when a temporary file of the counter cannot be written or read.
    public init(_ words: WordCounter) throws(FileFormatError) {
        try words.forEach { word, times in
            Self.forEachScalar(word) { scalar, place in
                counts[Int(scalar)] += times
                places[Int(scalar)] |= 1 << UInt8(place.index)
            }
        }
    }

    /// Calls `body` with the scalars of a word.
    @inline(__always)
    static func forEachScalar(_ word: UnsafeBufferPointer<UInt8>, _ body: (UInt32, Place) -> Void) {
        guard let base = word.baseAddress else { return }
        var position = 0
        while position < word.count {
            let step = UTF8Validation.decode(base, at: position, end: word.count)
            let end = position + step.count
            let place = Place(isFirst: position == 0, isLast: end >= word.count)
            body(step.isInvalid ? 0xFFFD : step.scalar, place)
            position = end
        }
    }

    /// Whether a character occurs in a place.
    func contains(_ scalar: Unicode.Scalar, at place: Place) -> Bool {
        places[Int(scalar.value)] & 1 << UInt8(place.index) != 0
    }

    /// How often a character occurs.
    ///
    /// - Parameter scalar: The character.
    /// - Returns: Its count.
    public func count(of scalar: Unicode.Scalar) -> Int { counts[Int(scalar.value)] }

    /// The characters that occur, the most frequent first, among equals the one with the smaller number.
    public var byFrequency: [Unicode.Scalar] {
        let seen = counts.indices.filter { counts[$0] > 0 }
        let sorted = seen.sorted { counts[$0] != counts[$1] ? counts[$0] > counts[$1] : $0 < $1 }
        return sorted.compactMap { Unicode.Scalar(UInt32($0)) }
    }

    /// The most frequent characters that together make up a share of the text, as SentencePiece chooses them.
    ///
    /// - Parameter coverage: The share, 1 for all characters.
    /// - Returns: The characters, the most frequent first.
    public func mostFrequent(covering coverage: Double) -> [Unicode.Scalar] {
        let total = counts.reduce(0, +)
        var covered = 0
        var result: [Unicode.Scalar] = []
        for scalar in byFrequency {
            if Double(covered) / Double(total) >= coverage { break }
            covered += count(of: scalar)
            result.append(scalar)
        }
        return result
    }
}
