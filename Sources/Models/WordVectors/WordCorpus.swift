import YuyanTensorCore

/// The words of a corpus with how often each occurs, the most frequent first.
public struct WordVocabulary: Sendable {
    /// The words; of equal counts, what came first in the text stands first.
    public let words: [String]
    /// How often each occurs.
    public let counts: [Int]
    private let places: [String: Int32]

    /// Makes a vocabulary.
    ///
    /// Traps when the counts are not as many as the words, or a word comes twice.
    ///
    /// - Parameters:
    ///   - words: the words.
    ///   - counts: how often each occurs.
    public init(words: [String], counts: [Int]) {
        require(
            words.count == counts.count,
            "WordVocabulary: \(counts.count) counts for \(words.count) words"
        )
        (self.words, self.counts) = (words, counts)
        places = Dictionary(zip(words, words.indices.map { Int32($0) })) { first, _ in first }
        require(places.count == words.count, "WordVocabulary: a word comes twice")
    }

    /// The number of words.
    public var count: Int { words.count }

    /// The place of a word, or nil.
    ///
    /// - Parameter word: the word, compared by scalars.
    public subscript(word: String) -> Int? { places[word].map(Int.init) }
}

/// A corpus as numbers: the words of its sentences by their places in the vocabulary.
public struct WordCorpus: Sendable {
    /// What stands between sentences.
    public static let separator: Int32 = -1

    /// The words that occur often enough.
    public let vocabulary: WordVocabulary
    /// The words in order, each sentence followed by a separator; rarer words are left out.
    public let ids: [Int32]
    /// The number of words in `ids`.
    public let wordCount: Int
    /// The number of words in the text, rare ones among them.
    public let textWordCount: Int

    /// A number that changes with the corpus, to tell whether a run goes on with the same one.
    public var fingerprint: UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for id in ids { hash = (hash ^ UInt64(UInt32(bitPattern: id))) &* 0x0000_0100_0000_01B3 }
        for word in vocabulary.words {
            for byte in word.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            hash = (hash ^ 0xFF) &* 0x0000_0100_0000_01B3
        }
        return hash
    }
}

/// Collects the words of a text, once through; rare words are dropped at the end.
///
/// Four bytes a word and the distinct words are kept in memory. Not Sendable: one thread adds.
public final class WordCorpusBuilder {
    private var table = ByteStringTable()
    private var counts: [Int] = []
    private var ids: [Int32] = []
    private var sentenceIsOpen = false

    /// Makes an empty builder.
    public init() {}

    /// The number of words so far.
    public private(set) var wordCount = 0

    /// Adds a word to the sentence; empty ones are passed over.
    ///
    /// - Parameter word: its UTF-8 bytes.
    public func add(_ word: UnsafeBufferPointer<UInt8>) {
        guard !word.isEmpty else { return }
        let place = table.insert(word)
        if Int(place) == counts.count { counts.append(0) }
        counts[Int(place)] += 1
        ids.append(place)
        wordCount += 1
        sentenceIsOpen = true
    }

    /// Adds the words of a sentence and ends it.
    ///
    /// - Parameter words: the words.
    public func add(sentence words: [String]) {
        for word in words {
            var word = word
            word.withUTF8 { add($0) }
        }
        endSentence()
    }

    /// Ends the sentence: no context reaches over its end.
    public func endSentence() {
        if sentenceIsOpen { ids.append(WordCorpus.separator) }
        sentenceIsOpen = false
    }

    /// Ends the text and gives what was collected; the builder is empty afterwards.
    ///
    /// - Parameters:
    ///   - minimumCount: how often a word must occur to be kept.
    ///   - maximumWords: the most words kept, the most frequent ones; nil for all.
    /// - Returns: the corpus.
    public func finish(minimumCount: Int = 5, maximumWords: Int? = nil) -> WordCorpus {
        endSentence()
        var kept = counts.indices.filter { counts[$0] >= minimumCount }
        kept.sort { (counts[$1], $0) < (counts[$0], $1) }
        if let maximumWords { kept.removeLast(max(0, kept.count - max(maximumWords, 0))) }
        var places = [Int32](repeating: -2, count: counts.count)
        for (place, entry) in kept.enumerated() { places[entry] = Int32(place) }
        let words = kept.map { table.string($0) }
        // Ill-formed bytes are shown as U+FFFD, by which two words may become one.
        let merged = Self.merged(words, kept.map { counts[$0] })
        let (textWords, corpus) = (wordCount, renumbered(places, merged.places))
        (table, counts, wordCount) = (ByteStringTable(), [], 0)
        return WordCorpus(
            vocabulary: WordVocabulary(words: merged.words, counts: merged.counts),
            ids: corpus.ids,
            wordCount: corpus.count,
            textWordCount: textWords
        )
    }

    private static func merged(
        _ words: [String],
        _ counts: [Int]
    ) -> (words: [String], counts: [Int], places: [Int32]) {
        var (seen, places): ([String: Int32], [Int32]) = ([:], [])
        var (outWords, outCounts): ([String], [Int]) = ([], [])
        seen.reserveCapacity(words.count)
        for (word, count) in zip(words, counts) {
            if let place = seen[word] {
                outCounts[Int(place)] += count
                places.append(place)
            } else {
                seen[word] = Int32(outWords.count)
                places.append(Int32(outWords.count))
                outWords.append(word)
                outCounts.append(count)
            }
        }
        return (outWords, outCounts, places)
    }

    private func renumbered(_ places: [Int32], _ merged: [Int32]) -> (ids: [Int32], count: Int) {
        var (end, words, last) = (0, 0, WordCorpus.separator)
        ids.withUnsafeMutableBufferPointer { ids in
            for id in ids {
                let place = id < 0 ? id : places[Int(id)]
                if place == -2 || (place < 0 && last < 0) { continue }
                last = place < 0 ? place : merged[Int(place)]
                ids[end] = last
                end += 1
                if last >= 0 { words += 1 }
            }
        }
        ids.removeLast(ids.count - end)
        defer { ids = [] }
        return (ids, words)
    }
}
