/// A sentence taken apart.
public struct AnalyzedSentence: Sendable, Equatable {
    /// The place of the sentence in the text's UTF-8 bytes.
    public let range: Range<Int>
    /// The words.
    public let words: [String]
    /// The place of each word in the text's UTF-8 bytes.
    public let wordRanges: [Range<Int>]
    /// The part of speech of each word; empty without a tagger.
    public let tags: [String]
}

/// From raw text to tagged words: sentences, then words, then parts of speech.
public struct TextAnalyzer: Sendable {
    private let splitter: SentenceSplitter
    private let segmenter: any WordSegmenter
    private let tagger: PartOfSpeechTagger?

    /// Puts the three steps together.
    ///
    /// - Parameters:
    ///   - splitter: Finds the sentences.
    ///   - segmenter: Finds the words of a sentence.
    ///   - tagger: Tags the words; nil for no tags.
    public init(
        splitter: SentenceSplitter = SentenceSplitter(),
        segmenter: any WordSegmenter = EnglishTokenizer(),
        tagger: PartOfSpeechTagger? = nil
    ) {
        (self.splitter, self.segmenter, self.tagger) = (splitter, segmenter, tagger)
    }

    /// Takes a text apart.
    ///
    /// - Parameter text: Any text.
    /// - Returns: The sentences in order; their words hold every character but white space.
    public func sentences(in text: String) -> [AnalyzedSentence] {
        let ranges = splitter.ranges(in: text)
        return zip(ranges, slices(of: text, ranges)).map { range, sentence in
            let places = segmenter.ranges(in: sentence)
            let words = slices(of: sentence, places)
            return AnalyzedSentence(
                range: range,
                words: words,
                wordRanges: places.map {
                    $0.lowerBound + range.lowerBound..<$0.upperBound + range.lowerBound
                },
                tags: tagger?.tags(for: words) ?? []
            )
        }
    }
}
