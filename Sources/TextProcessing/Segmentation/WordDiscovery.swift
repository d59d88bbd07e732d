import Foundation

/// How words are found in raw text.
public struct WordDiscoveryOptions: Sendable {
    /// The longest word, in characters; 2 to 12.
    public var longest = 4
    /// How often a word must occur.
    public var minimumCount = 5
    /// The least pointwise mutual information, in nats, of the two parts of a word wherever it is cut.
    public var minimumInformation = 2.0
    /// The least entropy, in nats, of the characters before a word and of those behind it.
    public var minimumEntropy = 0.7
    /// How often the text is cut with the words found so far, to count them anew.
    public var rounds = 3

    /// The defaults.
    public init() {}
}

/// Learns a dictionary from raw Chinese text, without any example of a word.
///
/// A string of characters is a word when its parts occur together far more often than by chance (pointwise mutual
/// information: Church and Hanks, "Word Association Norms", 1990) and when what stands on either side is hard to
/// foretell (branching entropy: Jin and Tanaka-Ishii, ACL 2006). Frequencies come from cutting the text with the
/// words found and counting again.
public struct WordDiscovery: Sendable {
    /// Runs of Chinese characters, each followed by a zero.
    private var scalars: [UInt32] = [0]

    /// The most characters that are looked at.
    public static let limit = 1 << 28

    /// Starts without text.
    public init() {}

    /// The number of Chinese characters seen.
    public private(set) var characterCount = 0

    /// Adds text; what is beyond ``limit`` characters is passed over.
    ///
    /// - Parameter text: Any text; only its Chinese characters count.
    public mutating func add(_ text: String) {
        for scalar in text.unicodeScalars where scalars.count < Self.limit {
            if CharacterUnits.kind(of: scalar.value).isIdeographic {
                scalars.append(scalar.value)
                characterCount += 1
            } else if scalars.last != 0 {
                scalars.append(0)
            }
        }
        if scalars.last != 0 { scalars.append(0) }
    }

    /// Finds the words.
    ///
    /// - Parameter options: The bounds.
    /// - Returns: The words with their frequencies, the most frequent first; single characters are among them.
    public func lexicon(_ options: WordDiscoveryOptions = WordDiscoveryOptions()) -> WordLexicon {
        let longest = min(max(options.longest, 2), 12)
        let order = sortedPlaces(longest + 1)
        var counts: [Int: [UInt64: Int]] = [:]
        var found: [(word: ArraySlice<UInt32>, count: Int)] = []
        for length in 1...longest {
            var here: [UInt64: Int] = [:]
            forEachGroup(order, length) { group in
                guard length == 1 || group.count >= options.minimumCount else { return }
                let start = Int(group[group.startIndex])
                let word = scalars[start..<start + length]
                here[Self.key(word)] = group.count
                guard length > 1 else {
                    found.append((word, group.count))
                    return
                }
                guard information(word, group.count, counts) >= options.minimumInformation,
                    entropy(group.map { scalars[Int($0) + length] }) >= options.minimumEntropy,
                    entropy(group.map { scalars[Int($0) - 1] }) >= options.minimumEntropy
                else { return }
                found.append((word, group.count))
            }
            counts[length] = here
        }
        return recounted(found, options)
    }

    /// All places with a character, in the order of the `width` characters from there on.
    private func sortedPlaces(_ width: Int) -> [UInt32] {
        var keyed: [(key: UInt64, place: UInt32)] = []
        keyed.reserveCapacity(characterCount)
        for place in scalars.indices where scalars[place] != 0 {
            var key: UInt64 = 0
            for offset in 0..<3 {
                let scalar = place + offset < scalars.count ? scalars[place + offset] : 0
                key = key << 21 | UInt64(scalar)
                // Behind the end of a run nothing counts.
                if scalar == 0 {
                    key <<= UInt64(21 * (2 - offset))
                    break
                }
            }
            keyed.append((key, UInt32(place)))
        }
        scalars.withUnsafeBufferPointer { scalars in
            keyed.sort { left, right in
                if left.key != right.key { return left.key < right.key }
                var offset = 3
                if left.key & 0x1F_FFFF != 0 {
                    while offset < width {
                        let (one, two) = (
                            scalars[min(Int(left.place) + offset, scalars.count - 1)],
                            scalars[min(Int(right.place) + offset, scalars.count - 1)]
                        )
                        if one != two { return one < two }
                        if one == 0 { break }
                        offset += 1
                    }
                }
                return left.place < right.place
            }
        }
        return keyed.map(\.place)
    }

    /// Hands over the places of each string of a length; strings do not cross the ends of runs.
    private func forEachGroup(_ order: [UInt32], _ length: Int, _ body: (ArraySlice<UInt32>) -> Void) {
        func fits(_ place: Int) -> Bool {
            place + length <= scalars.count && !scalars[place..<place + length].contains(0)
        }
        var start = 0
        while start < order.count {
            let first = Int(order[start])
            guard fits(first) else {
                start += 1
                continue
            }
            let word = scalars[first..<first + length]
            var end = start + 1
            while end < order.count {
                let place = Int(order[end])
                guard place + length <= scalars.count, scalars[place..<place + length] == word else { break }
                end += 1
            }
            body(order[start..<end])
            start = end
        }
    }

    private static func key(_ word: ArraySlice<UInt32>) -> UInt64 {
        word.reduce(FeatureKey(UInt64(word.count))) { $0.with(UInt64($1)) }.value
    }

    /// The least pointwise mutual information of the two parts over all cuts.
    private func information(
        _ word: ArraySlice<UInt32>,
        _ count: Int,
        _ counts: [Int: [UInt64: Int]]
    ) -> Double {
        var least = Double.infinity
        for cut in word.startIndex + 1..<word.endIndex {
            let (left, right) = (word[..<cut], word[cut...])
            let leftCount = counts[left.count]?[Self.key(left)] ?? count
            let rightCount = counts[right.count]?[Self.key(right)] ?? count
            let expected = Double(leftCount) * Double(rightCount) / Double(max(characterCount, 1))
            least = min(least, log(Double(count) / expected))
        }
        return least
    }

    /// The entropy of neighbours in nats; the end of a run differs from every other end.
    private func entropy(_ neighbours: [UInt32]) -> Double {
        let sorted = neighbours.sorted()
        let total = Double(sorted.count)
        var (sum, start) = (0.0, 0)
        while start < sorted.count {
            var end = start + 1
            while sorted[start] != 0, end < sorted.count, sorted[end] == sorted[start] { end += 1 }
            let share = Double(end - start) / total
            sum -= share * log(share)
            start = end
        }
        return sum
    }

    /// Cuts the text with the words and counts them, several times; words that are never used any more go.
    private func recounted(
        _ found: [(word: ArraySlice<UInt32>, count: Int)],
        _ options: WordDiscoveryOptions
    ) -> WordLexicon {
        func lexicon(_ words: [(word: ArraySlice<UInt32>, count: Int)]) -> WordLexicon {
            WordLexicon(words.map { WordLexicon.Entry(word: Self.string($0.word), frequency: $0.count) })
        }
        var words = found
        for _ in 0..<max(options.rounds, 0) {
            let path = UnigramPath(lexicon(words))
            var (counts, start) = ([Int](repeating: 0, count: words.count), 0)
            while start < scalars.count {
                guard let end = scalars[start...].firstIndex(of: 0) else { break }
                let run = Array(scalars[start..<end])
                let steps = path.best(run)
                var place = 0
                while place < run.count {
                    if steps[place].number >= 0 { counts[Int(steps[place].number)] += 1 }
                    place = Int(steps[place].end)
                }
                start = end + 1
            }
            words = zip(words, counts).compactMap { word, count in
                word.word.count == 1 || count >= options.minimumCount ? (word.word, max(count, 1)) : nil
            }
        }
        let ordered = words.sorted { left, right in
            left.count != right.count
                ? left.count > right.count : left.word.lexicographicallyPrecedes(right.word)
        }
        return lexicon(ordered)
    }

    private static func string(_ word: ArraySlice<UInt32>) -> String {
        var view = String.UnicodeScalarView()
        for value in word { if let scalar = Unicode.Scalar(value) { view.append(scalar) } }
        return String(view)
    }
}
