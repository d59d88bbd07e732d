import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics
import YuyanModels
import YuyanTextProcessing
import YuyanTraining

/// How words are found in the text that word vectors are learned from.
public enum WordVectorWords: Sendable {
    /// Whatever stands between white space.
    case whitespace
    /// A segmenter's words that hold a letter, a digit or the like.
    case segmenter(any WordSegmenter)
}

/// What a training of word vectors tells.
public enum WordVectorEvent: Sendable {
    /// So many words have been read.
    case reading(words: Int)
    /// The text is read.
    case corpus(words: Int, vocabulary: Int)
    /// A saved state was found; the training goes on from it.
    case goingOn(epoch: Int)
    /// The pairs of GloVe are counted.
    case pairs(Int)
    /// Word2vec is so far.
    case progress(WordVectorProgress)
    /// An epoch of GloVe is done.
    case epoch(Int, loss: Double, seconds: Double)
}

/// A training of word vectors from files to a folder of vectors.
public struct WordVectorTask: Sendable {
    /// What is trained.
    public enum Method: Sendable {
        /// Word2vec, with or without subwords.
        case word2vec(Word2VecOptions)
        /// GloVe, with the most words between which pairs are counted.
        case glove(GloVeOptions, window: Int)
    }

    /// The files with the text: lines, JSONL, CSV or TSV, plain or gzip.
    public var inputs: [String]
    /// How the files are read: the text is in the field `text`, every line of it a sentence.
    public var data = DataSettings()
    /// How words are found.
    public var words = WordVectorWords.segmenter(EnglishTokenizer())
    /// Whether capitals become small letters.
    public var lowercases = true
    /// How often a word must occur.
    public var minimumCount = 5
    /// The most words, the most frequent ones; nil for all.
    public var maximumWords: Int?
    /// What is trained.
    public var method: Method
    /// The folder for the vectors and, until they are learned, the training's state.
    public var output: String
    /// About how much memory GloVe may take to count pairs and to bring them into their order, in bytes.
    ///
    /// Nil takes 512 MB, and keeps all pairs in memory while these take up to a quarter of the machine's. Whatever does
    /// not fit lies in files in the folder until the vectors are learned.
    public var memoryBytes: Int?
    /// After how many seconds a running training writes its state again; at most a twentieth of the time is spent on it.
    public var saveSeconds = 60.0

    /// A task.
    ///
    /// - Parameters:
    ///   - inputs: the files with the text.
    ///   - method: what is trained.
    ///   - output: the folder for the vectors.
    public init(inputs: [String], method: Method, output: String) {
        (self.inputs, self.method, self.output) = (inputs, method, output)
    }

    /// The file of a stopped training's state inside the folder.
    public static let stateName = StateSaving.fileName
    /// The file of GloVe's pairs inside the folder, when they do not fit into memory.
    public static let pairsName = "pairs.safetensors"
    /// The vectors as text inside the folder.
    public static let textName = "vectors.vec"

    /// Reads, trains and writes; goes on from the state of a stopped training when there is one.
    ///
    /// The folder holds `config.json`, `vectors.safetensors`, `vocabulary.json` and `vectors.vec`.
    ///
    /// - Parameters:
    ///   - report: is told what happens.
    ///   - isCancelled: asked often; the state is then saved and `ResumableStop` thrown, or `CancellationError` where
    ///     there is none yet.
    /// - Returns: the vectors.
    /// - Throws: `FileFormatError` naming file and line, `WordVectorError` for options that do not fit.
    public func run(
        report: (WordVectorEvent) -> Void = { _ in },
        isCancelled: () -> Bool = { false }
    ) throws -> WordVectors {
        do {
            return try train(report, isCancelled)
        } catch is CancellationError where FileManager.default.fileExists(atPath: state) {
            throw ResumableStop()
        }
    }

    private func train(
        _ report: (WordVectorEvent) -> Void,
        _ isCancelled: () -> Bool
    ) throws -> WordVectors {
        try SafeFile.checkFolder(output)
        let corpus = try corpus(report: report, isCancelled: isCancelled)
        report(.corpus(words: corpus.wordCount, vocabulary: corpus.vocabulary.count))
        try UnfinishedFiles.makeFolder(output)
        let vectors: WordVectors
        switch method {
        case .word2vec(let options): vectors = try train(corpus, options, report, isCancelled)
        case .glove(let options, let window):
            vectors = try train(corpus, options, window, report, isCancelled)
        }
        try vectors.save(to: output)
        try vectors.write(to: "\(output)/\(Self.textName)", format: .text)
        for path in [state, pairsPath] where FileManager.default.fileExists(atPath: path) {
            try FileManager.default.removeItem(atPath: path)
        }
        return vectors
    }

    private var state: String { "\(output)/\(Self.stateName)" }
    private var pairsPath: String { "\(output)/\(Self.pairsName)" }

    /// The words of the files.
    ///
    /// - Parameters:
    ///   - report: is told now and then how many have been read.
    ///   - isCancelled: asked now and then; `CancellationError` is thrown.
    /// - Returns: the corpus.
    /// - Throws: `FileFormatError` naming file and line.
    public func corpus(
        report: (WordVectorEvent) -> Void = { _ in },
        isCancelled: () -> Bool = { false }
    ) throws -> WordCorpus {
        let (builder, reader) = (WordCorpusBuilder(), RecordReader(inputs, settings: data))
        var reported = 0
        while let record = try reader.next() {
            let text: String
            do { text = try record.requiredText("text") } catch { throw record.place.stated(error) }
            for line in text.utf8.split(separator: 0x0A) { add(String(Substring(line)), to: builder) }
            if builder.wordCount - reported > 100_000 {
                reported = builder.wordCount
                report(.reading(words: reported))
                if isCancelled() { throw CancellationError() }
            }
        }
        return builder.finish(minimumCount: minimumCount, maximumWords: maximumWords)
    }

    private func add(_ line: String, to builder: WordCorpusBuilder) {
        var line = lowercases ? line.lowercased() : line
        switch words {
        case .whitespace:
            line.withUTF8 { bytes in
                for part in bytes.split(whereSeparator: { $0 <= 0x20 }) { builder.add(.init(rebasing: part)) }
            }
        case .segmenter(let segmenter):
            let ranges = segmenter.ranges(in: line)
            line.withUTF8 { bytes in
                for range in ranges {
                    let word = UnsafeBufferPointer(rebasing: bytes[range])
                    if Self.isWord(word) { builder.add(word) }
                }
            }
        }
        builder.endSentence()
    }

    /// Whether a word holds more than ASCII's and Chinese marks.
    private static func isWord(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        if bytes.contains(where: { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A || $0 >= 0x30 && $0 <= 0x39 }) {
            return true
        }
        guard bytes.contains(where: { $0 >= 0x80 }) else { return false }
        return String(decoding: bytes, as: UTF8.self).unicodeScalars.contains { scalar in
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil
        }
    }

    private func train(
        _ corpus: WordCorpus,
        _ options: Word2VecOptions,
        _ report: (WordVectorEvent) -> Void,
        _ isCancelled: () -> Bool
    ) throws -> WordVectors {
        let trainer = try Word2VecTrainer(corpus: corpus, options: options)
        if FileManager.default.fileExists(atPath: state) {
            try trainer.restoreState(from: state)
            report(.goingOn(epoch: trainer.epoch))
        }
        var (saving, isStopped) = (StateSaving(seconds: saveSeconds), false)
        while true {
            var isFirst = true
            let isDone = trainer.train(report: { report(.progress($0)) }) {
                defer { isFirst = false }
                isStopped = isCancelled()
                return isStopped || !isFirst && saving.isDue
            }
            if isDone { return trainer.vectors() }
            try saving.save { try trainer.saveState(to: state) }
            if isStopped { throw CancellationError() }
        }
    }

    private func train(
        _ corpus: WordCorpus,
        _ options: GloVeOptions,
        _ window: Int,
        _ report: (WordVectorEvent) -> Void,
        _ isCancelled: () -> Bool
    ) throws -> WordVectors {
        guard window >= 1 else {
            throw WordVectorError.invalid("the window is \(window); it must be 1 or more")
        }
        let plan = GloVePairPlan(
            words: corpus.vocabulary.count,
            options: options,
            path: pairsPath,
            identity: "text \(corpus.fingerprint), window \(window)",
            memoryBytes: memoryBytes.map { $0 / 2 }
        )
        let pairs = try keptPairs(plan, isCancelled) ?? countedPairs(corpus, plan, window, isCancelled)
        report(.pairs(pairs.count))
        let trainer = GloVeTrainer(vocabulary: corpus.vocabulary, pairs: pairs)
        if FileManager.default.fileExists(atPath: state) {
            try trainer.restoreState(from: state)
            report(.goingOn(epoch: trainer.epoch))
        }
        let start = ContinuousClock.now
        var (saving, isFirst) = (StateSaving(seconds: saveSeconds), true)
        while !trainer.isDone {
            let isStopped = isCancelled()
            if isStopped || saving.isDue && !isFirst {
                try saving.save { try trainer.saveState(to: state) }
            }
            if isStopped { throw CancellationError() }
            isFirst = false
            guard let loss = try trainer.trainRound() else { continue }
            let elapsed = (ContinuousClock.now - start).components
            let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
            report(.epoch(trainer.epoch, loss: loss, seconds: seconds))
        }
        return trainer.vectors()
    }

    /// The pairs that a stopped run of the same plan left in their file.
    private func keptPairs(_ plan: GloVePairPlan, _ isCancelled: () -> Bool) throws -> GloVePairs? {
        guard FileManager.default.fileExists(atPath: plan.path) else { return nil }
        return try GloVePairs.reopened(plan, isCancelled: isCancelled)
    }

    private func countedPairs(
        _ corpus: WordCorpus,
        _ plan: GloVePairPlan,
        _ window: Int,
        _ isCancelled: () -> Bool
    ) throws -> GloVePairs {
        let builder = try GloVePairBuilder(plan)
        try count(corpus, window, into: builder, isCancelled)
        return try builder.finish(isCancelled: isCancelled)
    }

    private func count(
        _ corpus: WordCorpus,
        _ window: Int,
        into builder: GloVePairBuilder,
        _ isCancelled: () -> Bool
    ) throws {
        let counter = CooccurrenceCounter(
            words: corpus.vocabulary.count,
            window: window,
            folder: output,
            memoryBytes: memoryBytes.map { $0 / 2 } ?? CooccurrenceCounter.standardMemory
        )
        for (place, id) in corpus.ids.enumerated() {
            if id == WordCorpus.separator { counter.endSentence() } else { try counter.add(id) }
            if place % 1_000_000 == 0, isCancelled() { throw CancellationError() }
        }
        try counter.drain { row, column, count in
            try builder.append(row: row, column: column, count: count)
            if builder.count % 1_000_000 == 0, isCancelled() { throw CancellationError() }
        }
    }
}

/// Judges word vectors.
public enum WordVectorEvaluation {
    /// How well cosines follow people's judgements.
    public struct Similarity: Sendable {
        /// The file of the judgements.
        public let path: String
        /// Spearman's rank correlation; nil when fewer than two pairs have vectors.
        public let spearman: Double?
        /// Pairs compared.
        public let compared: Int
        /// Pairs left out because a word has no vector.
        public let unknown: Int
    }

    /// Compares cosines with judgements.
    ///
    /// - Parameters:
    ///   - index: the words.
    ///   - path: a file of pairs with judgements.
    /// - Returns: the correlation.
    /// - Throws: `FileFormatError` naming the line.
    public static func similarity(_ index: WordVectorIndex, path: String) throws -> Similarity {
        let compared = try WordSimilarities(contentsOf: path).compared(index)
        return Similarity(
            path: path,
            spearman: compared.cosines.count < 2
                ? nil : try spearmanCorrelation(compared.cosines, compared.judgements),
            compared: compared.cosines.count,
            unknown: compared.unknown
        )
    }

    /// Asks analogies.
    ///
    /// - Parameters:
    ///   - index: the words.
    ///   - path: a file of questions.
    ///   - method: how the fourth word is found.
    /// - Returns: the scores of its sections.
    /// - Throws: `FileFormatError` naming the line.
    public static func analogies(
        _ index: WordVectorIndex,
        path: String,
        method: AnalogyMethod
    ) throws -> [WordAnalogies.Score] {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return try WordAnalogies(contentsOf: path, name: name).scores(index, method: method)
    }
}
