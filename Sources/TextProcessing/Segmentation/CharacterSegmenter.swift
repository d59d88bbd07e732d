/// How a model of word boundaries is trained.
public struct SegmenterTrainingOptions: Sendable {
    /// How often the training sentences are gone through.
    public var passes = 12
    /// The seed of the order of the sentences.
    public var seed: UInt64 = 1
    /// Averaged weights nearer to zero are left out of the model.
    public var threshold: Float = 0.01
    /// Words that suggest boundaries, such as those of ``WordDiscovery`` or a dictionary; the model keeps them.
    public var lexicon: WordLexicon?

    /// The defaults.
    public init() {}
}

/// Cuts Chinese text into words by a model trained on segmented text.
///
/// Every character gets a label (begin, middle, end, single) from its neighbours and from what a dictionary says
/// about it; the labels are chosen together. Runs of letters or digits are one unit. Averaged structured
/// perceptron: Collins, EMNLP 2002; labels: Xue, "Chinese Word Segmentation as Character Tagging", 2003.
public struct CharacterSegmenter: WordSegmenter {
    private let weights: CharacterWeights
    /// The words that suggest boundaries, and those that are words wherever they stand.
    private var suggested: WordTrie
    private var suggestedWords: [String]
    private var forced = WordTrie()
    private var forcedWords: [String] = []

    /// Learns from segmented sentences; the same sentences and options give the same model.
    ///
    /// - Parameters:
    ///   - sentences: The words of each sentence, as in the text.
    ///   - options: How to train.
    /// - Throws: `SegmentationError` when there is no word to learn from.
    public init(
        training sentences: [[String]],
        options: SegmenterTrainingOptions = SegmenterTrainingOptions()
    ) throws(SegmentationError) {
        var trainer = SegmenterTrainer(sentences, lexicon: options.lexicon)
        guard !trainer.isEmpty else {
            throw SegmentationError(
                .unusableTraining,
                "there is no word to learn from; give segmented sentences"
            )
        }
        weights = trainer.train(passes: options.passes, seed: options.seed, threshold: options.threshold)
        suggestedWords = trainer.words
        suggested = WordTrie()
        for word in suggestedWords { suggested.insert(word.unicodeScalars.lazy.map(\.value), value: 0) }
    }

    /// The number of features in the model.
    public var featureCount: Int { weights.featureCount }

    /// Adds words that make the model more ready to cut around them, as its training taught it.
    ///
    /// - Parameter words: The words; those with letters, digits or white space change nothing.
    public mutating func suggest(_ words: [String]) {
        for word in words where WordLexicon.isUsable(word) {
            suggested.insert(word.unicodeScalars.lazy.map(\.value), value: 0)
            suggestedWords.append(word)
        }
    }

    /// Adds words that are cut out wherever they stand, the longest first from the left.
    ///
    /// A word that begins or ends with a letter or digit is not cut out of a longer run of letters or digits.
    ///
    /// - Parameter words: The words; those with white space are passed over.
    public mutating func force(_ words: [String]) {
        for word in words where WordLexicon.isUsable(word) {
            forced.insert(word.unicodeScalars.lazy.map(\.value), value: 0)
            forcedWords.append(word)
        }
    }

    /// Finds the words of a text.
    ///
    /// - Parameter text: Any text.
    /// - Returns: The places of the words in the text's UTF-8 bytes, in order; they hold every character but white
    ///   space.
    public func ranges(in text: String) -> [Range<Int>] {
        var text = text
        return text.withUTF8 { bytes in
            var ranges: [Range<Int>] = []
            ranges.reserveCapacity(bytes.count / 5)
            // Words never cross a line end, so lines are worked on alone: memory stays small and offsets short.
            var start = 0
            while start < bytes.count {
                var end = start
                while end < bytes.count, bytes[end] != 0x0A { end += 1 }
                // A line without an end is cut where nobody notices: after 64 KiB, at the next character.
                if end - start > 1 << 16 {
                    end = start + 1 << 16
                    while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
                }
                appendWords(of: UnsafeBufferPointer(rebasing: bytes[start..<end]), offset: start, to: &ranges)
                start = end < bytes.count && bytes[end] == 0x0A ? end + 1 : end
            }
            return ranges
        }
    }

    private func appendWords(
        of bytes: UnsafeBufferPointer<UInt8>,
        offset: Int,
        to ranges: inout [Range<Int>]
    ) {
        let locked = forced.isEmpty ? [] : ForcedWords.ranges(in: bytes, forced)
        let units = CharacterUnits.units(of: bytes, cuts: locked.flatMap { [$0.lowerBound, $0.upperBound] })
        guard !units.isEmpty else { return }
        let features = CharacterFeatures(units, lexicon: suggested)
        let labels = BoundaryLabels.best(
            emissions: weights.emissions(features, count: units.count),
            transitions: weights.transitions,
            allowed: SegmenterTrainer.masks(units, locked: locked)
        )
        var start = units[0].start
        for (index, label) in labels.enumerated() {
            if Int(label) == BoundaryLabels.begin || Int(label) == BoundaryLabels.single {
                start = units[index].start
            }
            if Int(label) == BoundaryLabels.end || Int(label) == BoundaryLabels.single {
                ranges.append(offset + Int(start)..<offset + Int(units[index].end))
            }
        }
    }

    /// The whole model as the bytes of a file.
    ///
    /// - Returns: Bytes that ``init(serialized:)`` reads.
    public func serialized() -> [UInt8] {
        var file = ModelWriter(kind: .segmenter)
        weights.write(to: &file)
        file.write(suggestedWords.joined(separator: "\n"))
        file.write(forcedWords.joined(separator: "\n"))
        return file.finished()
    }

    /// Reads a model from the bytes of a file.
    ///
    /// - Parameter bytes: What ``serialized()`` made.
    /// - Throws: `SegmentationError` when the bytes are damaged, cut off, of another kind or of another version.
    public init(serialized bytes: [UInt8]) throws(SegmentationError) {
        var file = try ModelReader(bytes, kind: .segmenter)
        weights = try CharacterWeights(from: &file)
        (suggested, suggestedWords) = (WordTrie(), [])
        let suggestions = try file.text(limit: SegmentationFiles.limit)
        let rules = try file.text(limit: SegmentationFiles.limit)
        try file.finish()
        suggest(suggestions.utf8.split(separator: 0x0A).map { String(Substring($0)) })
        force(rules.utf8.split(separator: 0x0A).map { String(Substring($0)) })
    }

    /// Reads a model from a file.
    ///
    /// - Parameter path: A file that ``save(to:)`` wrote.
    /// - Throws: `SegmentationError` when it cannot be read or is no such model.
    public init(contentsOf path: String) throws(SegmentationError) {
        let bytes = try SegmentationFiles.read(path)
        do throws(SegmentationError) {
            try self.init(serialized: bytes)
        } catch { throw error.inFile(path) }
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// - Parameter path: The file to make or replace.
    /// - Throws: `SegmentationError` when it cannot be written.
    public func save(to path: String) throws(SegmentationError) {
        try SegmentationFiles.write(serialized(), to: path)
    }
}

/// Words that are cut out wherever they stand.
enum ForcedWords {
    /// The places of words, the longest first from the left.
    static func ranges(in bytes: UnsafeBufferPointer<UInt8>, _ words: WordTrie) -> [Range<Int>] {
        var (ranges, place, before) = ([Range<Int>](), 0, UnitKind.other)
        while place < bytes.count {
            var (node, at, found, last) = (Int32(0), place, 0, UnitKind.other)
            var lastKind = UnitKind.other
            let (first, length) = utf8Scalar(in: bytes, at: place)
            let firstKind = CharacterUnits.kind(of: first)
            if firstKind != before || (firstKind != .letter && firstKind != .digit) {
                while at < bytes.count {
                    let (value, size) = utf8Scalar(in: bytes, at: at)
                    guard let next = words.step(node, value) else { break }
                    (node, at, last) = (next, at + size, CharacterUnits.kind(of: value))
                    guard words.value(at: node) >= 0 else { continue }
                    if last == .letter || last == .digit, at < bytes.count,
                        CharacterUnits.kind(of: utf8Scalar(in: bytes, at: at).value) == last
                    {
                        continue
                    }
                    (found, lastKind) = (at, last)
                }
            }
            if found > 0 {
                ranges.append(place..<found)
                (place, before) = (found, lastKind)
            } else {
                (place, before) = (place + length, firstKind)
            }
        }
        return ranges
    }
}
