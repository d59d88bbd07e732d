/// A sentence to learn tags from.
public struct TaggedSentence: Sendable, Equatable {
    /// The words.
    public let words: [String]
    /// The tag of each word.
    public let tags: [String]

    /// Makes a sentence.
    ///
    /// - Parameters:
    ///   - words: The words.
    ///   - tags: As many tags: one tag set, or several joined as "NOUN|NN".
    public init(words: [String], tags: [String]) { (self.words, self.tags) = (words, tags) }
}

/// How a tagger is trained.
public struct TaggerTrainingOptions: Sendable {
    /// How often the training sentences are gone through.
    public var passes = 10
    /// How many sequences of tags are kept while a sentence is tagged; 1 is greedy.
    public var beamWidth = 4
    /// The seed of the order of the sentences.
    public var seed: UInt64 = 1
    /// Averaged weights nearer to zero are left out of the model.
    public var threshold: Float = 0.02

    /// The defaults.
    public init() {}
}

/// Tags words with their parts of speech: an averaged perceptron over words, affixes, shapes and the tags before.
///
/// Any tag set in any language will do; two sets are tagged together when the tags are joined, as "NOUN|NN".
/// Collins, "Discriminative Training Methods for Hidden Markov Models", EMNLP 2002; beam search with the largest
/// violation: Huang, Fayong and Guo, "Structured Perceptron with Inexact Search", NAACL 2012.
public struct PartOfSpeechTagger: Sendable {
    /// The tags, in the order of their numbers.
    public let tags: [String]
    /// How many sequences are kept while a sentence is tagged.
    public let beamWidth: Int
    private let lexicon: TagLexicon
    private let weights: SparseWeights

    /// Learns from tagged sentences; the same sentences and options give the same tagger.
    ///
    /// - Parameters:
    ///   - sentences: At least one word; as many tags as words in each.
    ///   - options: How to train.
    /// - Throws: `SegmentationError` that names the first sentence that cannot be used.
    public init(
        training sentences: [TaggedSentence],
        options: TaggerTrainingOptions = TaggerTrainingOptions()
    ) throws(SegmentationError) {
        var numbers: [String: UInt16] = [:]
        for (index, sentence) in sentences.enumerated() {
            guard sentence.words.count == sentence.tags.count else {
                throw SegmentationError(
                    .unusableTraining,
                    at: "sentence \(index + 1)",
                    "\(sentence.words.count) words have \(sentence.tags.count) tags; give every word one"
                )
            }
            for tag in sentence.tags { numbers[tag] = 0 }
        }
        tags = numbers.keys.sorted()
        guard !tags.isEmpty, tags.count <= Self.maximumTags else {
            throw SegmentationError(
                .unusableTraining,
                "\(tags.count) tags; 1 to \(Self.maximumTags) can be learned"
            )
        }
        for (number, tag) in tags.enumerated() { numbers[tag] = UInt16(number) }
        let numbered = sentences.filter { !$0.words.isEmpty }.map { sentence in
            (words: sentence.words, tags: sentence.tags.map { numbers[$0] ?? 0 })
        }
        beamWidth = min(max(options.beamWidth, 1), Self.maximumBeam)
        lexicon = TagLexicon(numbered, tagCount: tags.count)
        let trainer = TaggerTrainer(numbered, lexicon: lexicon, tagCount: tags.count, beamWidth: beamWidth)
        weights = SparseWeights(trainer.train(passes: options.passes, seed: options.seed, options.threshold))
    }

    /// Bounds on what is trained and read.
    static let (maximumTags, maximumBeam) = (4096, 64)

    /// Tags the words of a sentence.
    ///
    /// - Parameter words: The words.
    /// - Returns: A tag for each word.
    public func tags(for words: [String]) -> [String] {
        let context = TaggingContext(words, lexicon: lexicon)
        var search = TagBeamSearch(
            context,
            count: words.count,
            lexicon: lexicon,
            tagCount: tags.count,
            width: beamWidth
        )
        return search.best(weights).map { tags[Int($0)] }
    }

    /// The number of features in the model.
    public var featureCount: Int { weights.featureCount }

    /// The whole tagger as the bytes of a file.
    ///
    /// - Returns: Bytes that ``init(serialized:)`` reads.
    public func serialized() -> [UInt8] {
        var file = ModelWriter(kind: .tagger)
        file.write(UInt32(beamWidth))
        file.write(UInt32(tags.count))
        for tag in tags { file.write(tag) }
        lexicon.write(to: &file)
        weights.write(to: &file)
        return file.finished()
    }

    /// Reads a tagger from the bytes of a file.
    ///
    /// - Parameter bytes: What ``serialized()`` made.
    /// - Throws: `SegmentationError` when the bytes are damaged, cut off, of another kind or of another version.
    public init(serialized bytes: [UInt8]) throws(SegmentationError) {
        var file = try ModelReader(bytes, kind: .tagger)
        beamWidth = Int(try file.number(UInt32.self))
        let count = Int(try file.number(UInt32.self))
        guard (1...Self.maximumBeam).contains(beamWidth), (1...Self.maximumTags).contains(count) else {
            throw SegmentationError(
                .malformed,
                at: file.place,
                "beam \(beamWidth) and \(count) tags cannot be"
            )
        }
        var tags: [String] = []
        for _ in 0..<count { tags.append(try file.text()) }
        self.tags = tags
        lexicon = try TagLexicon(from: &file, tagCount: count)
        weights = try SparseWeights(from: &file, labelCount: count)
        try file.finish()
    }

    /// Reads a tagger from a file.
    ///
    /// - Parameter path: A file that ``save(to:)`` wrote.
    /// - Throws: `SegmentationError` when it cannot be read or is no tagger.
    public init(contentsOf path: String) throws(SegmentationError) {
        let bytes = try SegmentationFiles.read(path)
        do throws(SegmentationError) {
            try self.init(serialized: bytes)
        } catch { throw error.inFile(path) }
    }

    /// Writes the tagger to a file, whole or not at all.
    ///
    /// - Parameter path: The file to make or replace.
    /// - Throws: `SegmentationError` when it cannot be written.
    public func save(to path: String) throws(SegmentationError) {
        try SegmentationFiles.write(serialized(), to: path)
    }
}
