import ArgumentParser
import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTasks
import YuyanTextProcessing
import YuyanTraining

/// The command `yuyan vectors`.
struct VectorsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vectors",
        abstract: "Learns word vectors (word2vec, GloVe, fastText's subwords), asks and judges them.",
        subcommands: [
            VectorsTrainCommand.self, VectorsNearestCommand.self, VectorsAnalogyCommand.self,
            VectorsEvaluateCommand.self, VectorsConvertCommand.self,
        ]
    )
}

/// What `--model` names.
enum VectorsModel: String, ExpressibleByArgument, CaseIterable {
    case skipGram = "skip-gram"
    case cbow
    case glove
}

/// The command `yuyan vectors train`.
struct VectorsTrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Learns word vectors from text.",
        discussion: """
            The same text, options and seed give the same vectors, bit for bit, with any number of threads. A training \
            that is stopped by Ctrl-C goes on where it was when the same command is given again. Every line of a text \
            is a sentence.
            """
    )

    @Argument(help: "Files of text: lines, JSONL, CSV or TSV, plain or gzip.")
    var files: [String]

    @Option(help: "The folder to write to.")
    var output: String

    @Option(help: "skip-gram, cbow or glove.")
    var model = VectorsModel.skipGram

    @Option(help: "The width of the vectors.")
    var dimension = 100

    @Option(help: "The most words of context on each side; 5 by default, 15 for glove.")
    var window: Int?

    @Option(help: "Words drawn for each right one; 0 for hierarchical softmax.")
    var negatives = 5

    @Option(help: "The relative frequency above which occurrences are left out; 0 keeps all.")
    var subsampling = 1e-3

    @Option(help: "How often the text is gone through; 5 by default, 15 for glove.")
    var epochs: Int?

    @Option(help: "The learning rate at the beginning; 0.025 by default, 0.05 for glove.")
    var learningRate: Double?

    @Flag(help: "Learn vectors of n-grams too, so that unknown words have vectors (fastText).")
    var subwords = false

    @Option(
        help: """
            About how much memory glove may take to count and order pairs, in MB; what does not fit lies on disk. By \
            default 512, and all pairs stay in memory while they take up to a quarter of the machine's.
            """
    )
    var memory: Int?

    @Option(help: "How often a word must occur.")
    var minimumCount = 5

    @Option(help: "The most words, the most frequent ones.")
    var maximumWords: Int?

    @Option(help: "The field or column number of the text in JSONL, CSV and TSV.")
    var column: String?

    @Option(help: "lines, jsonl, csv or tsv; told by the file names by default.")
    var format: String?

    @Flag(help: "The text is segmented: words stand between white space.")
    var segmented = false

    @Option(
        help: "A model of words for Chinese, as words train writes it; rules for English words by default."
    )
    var segmenter: String?

    @Option(help: "A dictionary that words are found by, as words discover writes it.")
    var dictionary: String?

    @Flag(help: "Keep capitals.")
    var keepCase = false

    @Option(help: "The seed.")
    var seed: UInt64 = 1

    @Flag(help: "Print one JSON object per event on standard output.")
    var logJson = false

    func run() throws {
        let console = Console(logsJSON: logJson)
        var task = WordVectorTask(inputs: files, method: try method(), output: output)
        if let format {
            guard let known = DataFormat(rawValue: format) else {
                throw ValidationError("--format \(format): known are lines, jsonl, csv and tsv")
            }
            task.data.format = known
        }
        if let column {
            task.data.columns["text"] = Int(column).map { .number($0) } ?? .name(column)
            task.data.header = Int(column) == nil
        }
        (task.words, task.lowercases) = (try words(), !keepCase)
        (task.minimumCount, task.maximumWords) = (minimumCount, maximumWords)
        task.memoryBytes = try memoryBytes()
        StopSignal.install()
        let vectors = try task.run {
            show($0, console)
        } isCancelled: {
            StopSignal.received != nil
        }
        console.note("\(vectors.count) words of dimension \(vectors.dimension) are in \(output)")
    }

    private func memoryBytes() throws -> Int? {
        guard let memory else { return nil }
        guard model == .glove else { throw ValidationError("--memory: only glove counts pairs") }
        guard memory >= 1, memory <= 1 << 40 else {
            throw ValidationError("--memory \(memory): a number of MB from 1 on is needed")
        }
        return memory << 20
    }

    private func method() throws -> WordVectorTask.Method {
        if model == .glove {
            if subwords { throw ValidationError("--subwords: glove has none; take skip-gram or cbow") }
            var options = GloVeOptions()
            (options.dimension, options.seed) = (dimension, seed)
            options.epochs = epochs ?? options.epochs
            options.learningRate = learningRate ?? options.learningRate
            if let problem = options.problem { throw ValidationError(problem) }
            return .glove(options, window: window ?? 15)
        }
        var options = Word2VecOptions()
        options.architecture = model == .cbow ? .cbow : .skipGram
        (options.dimension, options.negatives, options.seed) = (dimension, negatives, seed)
        (options.subsampling, options.window) = (subsampling, window ?? options.window)
        options.epochs = epochs ?? options.epochs
        options.learningRate = learningRate ?? options.learningRate
        options.finalLearningRate = min(options.finalLearningRate, options.learningRate)
        options.subwords = subwords ? SubwordOptions() : nil
        if let problem = options.problem { throw ValidationError(problem) }
        return .word2vec(options)
    }

    private func words() throws -> WordVectorWords {
        if segmented {
            guard segmenter == nil, dictionary == nil else {
                throw ValidationError("--segmented: neither --segmenter nor --dictionary goes with it")
            }
            return .whitespace
        }
        return .segmenter(try WordModels.openSegmenter(model: segmenter, dictionary: dictionary))
    }

    private func show(_ event: WordVectorEvent, _ console: Console) {
        switch event {
        case .reading(let words): console.status("reading: \(words) words")
        case .corpus(let words, let vocabulary): console.note("text: \(words) words, \(vocabulary) distinct")
        case .goingOn(let epoch): console.note("going on in epoch \(epoch + 1)")
        case .pairs(let count): console.note("\(count) pairs of words")
        case .progress(let progress):
            let share = Console.fixed(100 * progress.share, 1)
            console.progress(
                "\(share) %  loss \(Console.fixed(progress.loss, 4))  \(Int(progress.wordsPerSecond)) words/s",
                [
                    ("event", .string("progress")), ("share", .number(progress.share)),
                    ("loss", .number(progress.loss)), ("words_per_second", .number(progress.wordsPerSecond)),
                    ("learning_rate", .number(progress.learningRate)),
                ]
            )
        case .epoch(let epoch, let loss, let seconds):
            console.progress(
                "epoch \(epoch)  loss \(Console.fixed(loss, 5))  \(Console.duration(seconds))",
                [("event", .string("epoch")), ("epoch", .integer(epoch)), ("loss", .number(loss))]
            )
        }
    }
}

/// Where vectors come from and how many words are looked at.
struct VectorsOptions: ParsableArguments {
    @Argument(help: "A folder of vectors train, or a file of word2vec, GloVe or fastText (.vec).")
    var vectors: String

    @Option(help: "Look only at so many words from the first (most frequent) on.")
    var restrict: Int?

    func index() throws -> WordVectorIndex {
        WordVectorIndex(try WordVectors(path: vectors), searchedCount: restrict)
    }
}

/// The command `yuyan vectors nearest`.
struct VectorsNearestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nearest",
        abstract: "Prints the words nearest to words, with their cosines."
    )

    @OptionGroup var options: VectorsOptions

    @Argument(help: "Words.")
    var words: [String]

    @Option(help: "How many.")
    var count = 10

    func run() throws {
        let index = try options.index()
        for word in words {
            if words.count > 1 { print("\(word):") }
            for near in try index.nearest(to: word, count: count) {
                print("\(Console.fixed(Double(near.score), 4))\t\(near.word)")
            }
        }
    }
}

/// The command `yuyan vectors analogy`.
struct VectorsAnalogyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "analogy",
        abstract: "Prints the words that are to C as B is to A, for example man king woman."
    )

    @OptionGroup var options: VectorsOptions

    @Argument(help: "The word A.")
    var first: String

    @Argument(help: "The word B.")
    var second: String

    @Argument(help: "The word C.")
    var third: String

    @Option(help: "3cosadd or 3cosmul.")
    var method = "3cosadd"

    @Option(help: "How many.")
    var count = 10

    func run() throws {
        let method = try analogyMethod(method)
        for near in try options.index().analogy(first, second, third, method: method, count: count) {
            print("\(Console.fixed(Double(near.score), 4))\t\(near.word)")
        }
    }
}

/// The command `yuyan vectors evaluate`.
struct VectorsEvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract:
            "Judges vectors by analogies (accuracy) and by people's judgements of similarity (Spearman's ρ).",
        discussion: """
            Words without vectors are counted and left out; one that has a vector in small letters alone is asked in \
            these. The result is one JSON object.
            """
    )

    @OptionGroup var options: VectorsOptions

    @Option(
        help: "A file of analogies: four words on each line; ': name' begins a section. Can be given again."
    )
    var analogies: [String] = []

    @Option(help: "A file of pairs: two words and a number on each line. Can be given again.")
    var similarity: [String] = []

    @Option(help: "3cosadd or 3cosmul.")
    var method = "3cosadd"

    func run() throws {
        guard !analogies.isEmpty || !similarity.isEmpty else {
            throw ValidationError("nothing to judge by: give --analogies or --similarity")
        }
        let (index, method) = (try options.index(), try analogyMethod(method))
        var sections: [JSONValue] = []
        var (right, asked, unknown) = (0, 0, 0)
        for path in analogies {
            for score in try WordVectorEvaluation.analogies(index, path: path, method: method) {
                (right, asked, unknown) = (right + score.right, asked + score.asked, unknown + score.unknown)
                sections.append([
                    "section": .string(score.name), "accuracy": score.accuracy.map { .number($0) } ?? .null,
                    "right": .integer(score.right), "asked": .integer(score.asked),
                    "unknown": .integer(score.unknown),
                ])
            }
        }
        var object = JSONObject()
        object["words"] = .integer(index.vectors.count)
        if !analogies.isEmpty {
            object["analogy_accuracy"] = asked > 0 ? .number(Double(right) / Double(asked)) : .null
            object["analogies_asked"] = .integer(asked)
            object["analogies_unknown"] = .integer(unknown)
            object["sections"] = .array(sections)
        }
        if !similarity.isEmpty {
            object["similarity"] = .array(
                try similarity.map { path in
                    let found = try WordVectorEvaluation.similarity(index, path: path)
                    return [
                        "file": .string(path), "spearman": found.spearman.map { .number($0) } ?? .null,
                        "compared": .integer(found.compared), "unknown": .integer(found.unknown),
                    ]
                }
            )
        }
        print(JSONValue.object(object).printed(indent: 2))
    }
}

/// The command `yuyan vectors convert`.
struct VectorsConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract:
            "Writes vectors in another format: text (word2vec, fastText's .vec), glove or binary (word2vec)."
    )

    @Argument(help: "A folder of vectors train, or a file of word2vec, GloVe or fastText (.vec).")
    var vectors: String

    @Argument(help: "The file to write.")
    var output: String

    @Option(help: "text, glove or binary; told by the file's name by default.")
    var format: String?

    func run() throws {
        let kind = try format.map { name in
            guard let kind = WordVectorFormat(rawValue: name) else {
                throw ValidationError("--format \(name): known are text, glove and binary")
            }
            return kind
        }
        try WordVectors(path: vectors).write(to: output, format: kind)
    }
}

private func analogyMethod(_ name: String) throws -> AnalogyMethod {
    guard let method = AnalogyMethod(rawValue: name) else {
        throw ValidationError("--method \(name): known are 3cosadd and 3cosmul")
    }
    return method
}
