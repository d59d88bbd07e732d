import ArgumentParser
import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTextProcessing
import YuyanTraining

/// The command `yuyan words`.
struct WordsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "words",
        abstract: "Finds words and parts of speech: learns them from treebanks or raw text, judges, applies.",
        subcommands: [
            WordsTrainCommand.self, WordsTagTrainCommand.self, WordsEvaluateCommand.self,
            WordsDiscoverCommand.self, WordsSplitCommand.self,
        ]
    )
}

/// The command `yuyan words train`.
struct WordsTrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Learns from CoNLL-U where words begin (for Chinese and the like)."
    )

    @Argument(help: "CoNLL-U files, plain or gzip.")
    var files: [String]

    @Option(help: "The file to write the model to.")
    var output: String

    @Option(help: "A dictionary whose words suggest boundaries: a word, its frequency and tag on each line.")
    var dictionary: String?

    @Option(help: "The seed of the order of the sentences.")
    var seed: UInt64 = 1

    func run() throws {
        let sentences = try WordModels.sentences(files)
        let lexicon = try dictionary.map { try WordLexicon(contentsOf: $0) }
        let segmenter = try WordModels.segmenter(sentences, lexicon: lexicon, seed: seed)
        try segmenter.save(to: output)
        Console().note("\(segmenter.featureCount) features of \(sentences.count) sentences in \(output)")
    }
}

/// The command `yuyan words train-tags`.
struct WordsTagTrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train-tags",
        abstract: "Learns parts of speech from CoNLL-U."
    )

    @Argument(help: "CoNLL-U files, plain or gzip.")
    var files: [String]

    @Option(help: "The file to write the model to.")
    var output: String

    @Option(help: "The tags: upos or xpos.")
    var column = "upos"

    @Option(help: "The seed of the order of the sentences.")
    var seed: UInt64 = 1

    func run() throws {
        let sentences = try WordModels.sentences(files)
        let tagger = try WordModels.tagger(sentences, try tagColumn(column), seed: seed)
        try tagger.save(to: output)
        Console().note("\(tagger.tags.count) tags, \(tagger.featureCount) features in \(output)")
    }
}

/// The command `yuyan words evaluate`.
struct WordsEvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Judges words (precision, recall, F1) and tags (accuracy) on CoNLL-U.",
        discussion:
            "With --folds and no model, segmenters are learned and judged by cross-validation over blocks."
    )

    @Argument(help: "CoNLL-U files, plain or gzip.")
    var files: [String]

    @Option(help: "A model of words, as train writes it.")
    var model: String?

    @Option(help: "A model of tags, as train-tags writes it; it is given the right words.")
    var tags: String?

    @Option(help: "The tags: upos or xpos.")
    var column = "upos"

    @Option(help: "A dictionary: alone, words are found by it; with --folds its words suggest boundaries.")
    var dictionary: String?

    @Option(help: "The number of blocks of a cross-validation.")
    var folds: Int?

    @Option(help: "The seed of a cross-validation's trainings.")
    var seed: UInt64 = 1

    @Flag(help: "Judge the built-in rules for English words.")
    var english = false

    func run() throws {
        let sentences = try WordModels.sentences(files)
        let lexicon = try dictionary.map { try WordLexicon(contentsOf: $0) }
        var object = JSONObject()
        if let figures = try figures(sentences, lexicon) {
            object["word_precision"] = .number(figures.precision)
            object["word_recall"] = .number(figures.recall)
            object["word_f1"] = .number(figures.f1)
        }
        if let tags {
            let tagger = try PartOfSpeechTagger(contentsOf: tags)
            let counts = WordModels.judge(tagger, on: sentences, try tagColumn(column))
            object["tag_accuracy"] = .number(Double(counts.right) / Double(max(counts.words, 1)))
            object["words"] = .integer(counts.words)
        }
        guard !object.isEmpty else {
            throw ValidationError(
                "nothing to judge: give --model, --tags, --dictionary, --folds or --english"
            )
        }
        print(JSONValue.object(object).printed(indent: nil))
    }

    private func figures(
        _ sentences: [ConlluSentence],
        _ lexicon: WordLexicon?
    ) throws -> WordModels.WordFigures? {
        if let model {
            return WordModels.judge(try CharacterSegmenter(contentsOf: model), on: sentences)
        }
        if let folds {
            guard folds >= 2, folds <= sentences.count else {
                throw ValidationError(
                    "--folds is \(folds); it must be from 2 to the \(sentences.count) sentences"
                )
            }
            return try WordModels.crossValidate(sentences, folds: folds, lexicon: lexicon, seed: seed)
        }
        if let lexicon { return WordModels.judge(DictionarySegmenter(lexicon), on: sentences) }
        return english
            ? WordModels.judge(EnglishTokenizer(style: .universalDependencies), on: sentences) : nil
    }
}

/// The command `yuyan words discover`.
struct WordsDiscoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discover",
        abstract: "Learns a dictionary from raw text that has no spaces between words."
    )

    @Argument(help: "A text file, a JSONL file or a folder of them.")
    var input: String

    @Option(help: "The dictionary to write: a word and its frequency on each line.")
    var output: String

    @Option(help: "The least number of occurrences of a word.")
    var minimumCount = 5

    func run() throws {
        StopSignal.install()
        let console = Console()
        guard minimumCount >= 1 else {
            throw ValidationError("--minimum-count is \(minimumCount); it must be 1 or more")
        }
        var options = WordDiscoveryOptions()
        options.minimumCount = minimumCount
        let lexicon = try WordModels.discover(input, options: options) { bytes in
            console.status("reading: \(Console.bytes(bytes))")
            return StopSignal.received == nil
        }
        try lexicon.save(to: output)
        console.note("\(lexicon.entries.count) words in \(output)")
    }
}

/// The command `yuyan words split`.
struct WordsSplitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split",
        abstract:
            "Writes the words of every line with spaces between them, with tags when a model of tags is given."
    )

    @Argument(help: "A text file.")
    var input: String

    @Option(help: "A model of words; the rules for English words when neither it nor a dictionary is given.")
    var model: String?

    @Option(help: "A dictionary; with a model, its words are words wherever they stand.")
    var dictionary: String?

    @Option(help: "A model of tags.")
    var tags: String?

    func run() throws {
        StopSignal.install()
        let tagger = try tags.map { try PartOfSpeechTagger(contentsOf: $0) }
        let segmenter = try WordModels.openSegmenter(model: model, dictionary: dictionary)
        let reader = try LineReader(path: input)
        while let line = try reader.nextLine() {
            if StopSignal.received != nil { throw CancellationError() }
            let words = segmenter.words(in: line)
            guard let tagger else {
                print(words.joined(separator: " "))
                continue
            }
            print(zip(words, tagger.tags(for: words)).map { "\($0)/\($1)" }.joined(separator: " "))
        }
    }
}

private func tagColumn(_ name: String) throws -> WordModels.TagColumn {
    guard let column = WordModels.TagColumn(rawValue: name) else {
        throw ValidationError("--column \(name): known are upos and xpos")
    }
    return column
}
