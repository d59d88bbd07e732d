import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanReports
import YuyanTextProcessing

/// Words and parts of speech learned from treebanks and from raw text, and judged on treebanks.
public enum WordModels {
    /// The column of a treebank that holds the tags.
    public enum TagColumn: String, Sendable, CaseIterable {
        /// The universal tags, column 4.
        case upos
        /// The language's own tags, column 5.
        case xpos

        var index: Int { self == .upos ? 3 : 4 }
    }

    /// Reads the sentences of treebanks.
    ///
    /// - Parameter paths: CoNLL-U files, plain or gzip.
    /// - Returns: The sentences.
    /// - Throws: `FileFormatError` that names file and line.
    public static func sentences(_ paths: [String]) throws -> [ConlluSentence] {
        var sentences: [ConlluSentence] = []
        for path in paths {
            let reader = try ConlluReader(path)
            while let sentence = try reader.next() { sentences.append(sentence) }
        }
        return sentences
    }

    /// Learns where words begin.
    ///
    /// - Parameters:
    ///   - sentences: Sentences whose words are known.
    ///   - lexicon: Words that suggest boundaries, such as ones discovered in raw text.
    ///   - seed: The seed of the order of the sentences.
    /// - Returns: The segmenter.
    /// - Throws: `SegmentationError` when there is no word to learn from.
    public static func segmenter(
        _ sentences: [ConlluSentence],
        lexicon: WordLexicon?,
        seed: UInt64
    ) throws -> CharacterSegmenter {
        var options = SegmenterTrainingOptions()
        options.lexicon = lexicon
        options.seed = seed
        return try CharacterSegmenter(training: sentences.map { $0.words.map(\.form) }, options: options)
    }

    /// Opens what finds words: a learned model, a dictionary, both, or the rules for English words.
    ///
    /// - Parameters:
    ///   - model: A model of words; nil for the dictionary alone, or the rules.
    ///   - dictionary: A dictionary; with a model, its words are words wherever they stand.
    /// - Returns: The segmenter.
    /// - Throws: `SegmentationError` when a file cannot be read.
    public static func openSegmenter(model: String?, dictionary: String?) throws -> any WordSegmenter {
        let lexicon = try dictionary.map { try WordLexicon(contentsOf: $0) }
        guard let model else {
            return lexicon.map { DictionarySegmenter($0) } ?? EnglishTokenizer()
        }
        var segmenter = try CharacterSegmenter(contentsOf: model)
        if let lexicon { segmenter.force(lexicon.entries.map(\.word)) }
        return segmenter
    }

    /// Learns parts of speech.
    ///
    /// - Parameters:
    ///   - sentences: Sentences whose words have tags.
    ///   - column: The column of the tags.
    ///   - seed: The seed of the order of the sentences.
    /// - Returns: The tagger.
    /// - Throws: `SegmentationError` when there is nothing to learn from.
    public static func tagger(
        _ sentences: [ConlluSentence],
        _ column: TagColumn,
        seed: UInt64
    ) throws -> PartOfSpeechTagger {
        var options = TaggerTrainingOptions()
        options.seed = seed
        return try PartOfSpeechTagger(training: sentences.map { tagged($0, column) }, options: options)
    }

    private static func tagged(_ sentence: ConlluSentence, _ column: TagColumn) -> TaggedSentence {
        TaggedSentence(
            words: sentence.words.map(\.form),
            tags: sentence.words.map { $0.columns[column.index] }
        )
    }

    /// How well words were found.
    public struct WordFigures: Sendable, Equatable {
        /// Words found that are right, to the byte.
        public var right = 0
        /// Words found.
        public var found = 0
        /// Words that there are.
        public var wanted = 0

        /// Figures of known counts.
        ///
        /// - Parameters:
        ///   - right: Words found that are right.
        ///   - found: Words found.
        ///   - wanted: Words that there are.
        public init(right: Int = 0, found: Int = 0, wanted: Int = 0) {
            (self.right, self.found, self.wanted) = (right, found, wanted)
        }

        /// The share of found words that are right.
        public var precision: Double { found > 0 ? Double(right) / Double(found) : 0 }
        /// The share of words that were found.
        public var recall: Double { wanted > 0 ? Double(right) / Double(wanted) : 0 }
        /// The harmonic mean of precision and recall.
        public var f1: Double { found + wanted > 0 ? 2 * Double(right) / Double(found + wanted) : 0 }

        mutating func add(_ other: WordFigures) {
            right += other.right
            found += other.found
            wanted += other.wanted
        }
    }

    /// Judges a segmenter on sentences whose words are known.
    ///
    /// - Parameters:
    ///   - segmenter: The segmenter.
    ///   - sentences: The sentences.
    /// - Returns: The figures over all sentences.
    public static func judge(_ segmenter: any WordSegmenter, on sentences: [ConlluSentence]) -> WordFigures {
        sentences.reduce(into: WordFigures()) { figures, sentence in
            let (text, words) = running(sentence)
            let wanted = Set(words)
            let found = segmenter.ranges(in: text)
            figures.add(
                WordFigures(
                    right: found.count { wanted.contains($0) },
                    found: found.count,
                    wanted: wanted.count
                )
            )
        }
    }

    /// The text of a sentence, with spaces where it has them, and the bytes of its words.
    private static func running(_ sentence: ConlluSentence) -> (text: String, words: [Range<Int>]) {
        // Words that are written together stand under the row that says what follows them.
        var isFollowedBySpace = sentence.words.map(\.isFollowedBySpace)
        for token in sentence.multiwordTokens {
            for word in token.words.dropLast() { isFollowedBySpace[word] = false }
            if let last = token.words.last { isFollowedBySpace[last] = token.row.isFollowedBySpace }
        }
        var (text, words): (String, [Range<Int>]) = ("", [])
        for (place, word) in sentence.words.enumerated() {
            let start = text.utf8.count
            text += word.form
            words.append(start..<text.utf8.count)
            if isFollowedBySpace[place], place + 1 < sentence.words.count { text += " " }
        }
        return (text, words)
    }

    /// Judges segmenters learned by cross-validation over blocks of neighbouring sentences.
    ///
    /// - Parameters:
    ///   - sentences: The sentences.
    ///   - folds: The number of blocks, at least 2.
    ///   - lexicon: Words that suggest boundaries.
    ///   - seed: The seed of every training.
    /// - Returns: The figures over all sentences, each judged by a segmenter that did not see its block.
    /// - Throws: `SegmentationError` when there is nothing to learn from.
    public static func crossValidate(
        _ sentences: [ConlluSentence],
        folds: Int,
        lexicon: WordLexicon?,
        seed: UInt64
    ) throws -> WordFigures {
        var figures = WordFigures()
        for fold in 0..<folds {
            let block = fold * sentences.count / folds..<(fold + 1) * sentences.count / folds
            if block.isEmpty { continue }
            let others = Array(sentences[..<block.lowerBound] + sentences[block.upperBound...])
            let segmenter = try segmenter(others, lexicon: lexicon, seed: seed)
            figures.add(judge(segmenter, on: Array(sentences[block])))
        }
        return figures
    }

    /// Judges a tagger on sentences whose words are given.
    ///
    /// - Parameters:
    ///   - tagger: The tagger.
    ///   - sentences: The sentences.
    ///   - column: The column of the tags.
    /// - Returns: The number of right tags and of words.
    public static func judge(
        _ tagger: PartOfSpeechTagger,
        on sentences: [ConlluSentence],
        _ column: TagColumn
    ) -> (right: Int, words: Int) {
        sentences.reduce(into: (0, 0)) { counts, sentence in
            let wanted = tagged(sentence, column)
            let tags = tagger.tags(for: wanted.words)
            counts.0 += zip(tags, wanted.tags).count { $0 == $1 }
            counts.1 += wanted.words.count
        }
    }

    /// Learns a dictionary from raw text: runs of characters that stick together and stand in many surroundings.
    ///
    /// - Parameters:
    ///   - path: A text file, a JSONL file or a folder of them.
    ///   - options: How sure one must be of a word.
    ///   - progress: Told the bytes read; false stops with `CancellationError`.
    /// - Returns: The words with their frequencies.
    /// - Throws: `FileFormatError` that names file and place.
    public static func discover(
        _ path: String,
        options: WordDiscoveryOptions = WordDiscoveryOptions(),
        progress: (Int) -> Bool
    ) throws -> WordLexicon {
        var discovery = WordDiscovery()
        var bytes = 0
        try CorpusTexts(paths: [path]).forEach { text in
            guard progress(bytes) else { throw CancellationError() }
            discovery.add(text)
            bytes += text.utf8.count
            return discovery.characterCount < WordDiscovery.limit
        }
        return discovery.lexicon(options)
    }
}
