import CKernels
import YuyanTensorCore

/// How far a training of word vectors is.
public struct WordVectorProgress: Sendable, Hashable {
    /// Epochs that are done.
    public let epoch: Int
    /// The share of all work that is done, from 0 to 1.
    public let share: Double
    /// Words of the corpus gone through since the beginning of this run.
    public let words: Int
    /// Seconds since the beginning of this run.
    public let seconds: Double
    /// The mean loss of a pair since the last report.
    public let loss: Double
    /// The learning rate.
    public let learningRate: Double

    /// Words gone through in a second.
    public var wordsPerSecond: Double { seconds > 0 ? Double(words) / seconds : 0 }
}

/// Trains word vectors by word2vec, with or without subwords.
///
/// The corpus is gone through at several places side by side (`Word2VecOptions.streams`), one middle word of each in
/// turn. A middle word's context words share the words drawn for it; its update is one small product of matrices. The
/// result is that of one thread, bit for bit, with any number of threads: see `yk_word_train`.
///
/// Not Sendable: one thread trains.
public final class Word2VecTrainer {
    /// How it trains.
    public let options: Word2VecOptions
    /// What it learns from.
    public let corpus: WordCorpus
    let inputs: NumberTable
    let outputs: NumberTable
    /// Epochs that are done.
    public private(set) var epoch = 0
    /// The next stretch of every stream.
    private(set) var block = 0
    private let thresholds: [UInt64]
    private let alias: AliasTable
    private let tree: HuffmanTree?
    private let inputRows: InputRows?
    private var inputMarks: [UInt32]
    private var outputMarks: [UInt32]
    private var mark: UInt32 = 0

    /// Prepares a training.
    ///
    /// - Parameters:
    ///   - corpus: the words to learn from.
    ///   - options: how to train.
    /// - Throws: `WordVectorError` when the options contradict themselves or there are not two words.
    public init(corpus: WordCorpus, options: Word2VecOptions = Word2VecOptions()) throws(WordVectorError) {
        if let problem = options.problem { throw WordVectorError(.invalidOptions, problem) }
        let words = corpus.vocabulary.count
        guard words >= 2 else {
            throw WordVectorError(
                .tooLittleText,
                "\(words) words occur often enough; there must be 2 or more: give more text or a smaller minimum count"
            )
        }
        (self.options, self.corpus) = (options, corpus)
        let counts = corpus.vocabulary.counts
        thresholds = Subsampling.thresholds(counts, threshold: options.subsampling)
        alias = AliasTable(weights: counts.map { Power.of(Double($0), options.samplingExponent) })
        tree = options.negatives == 0 ? HuffmanTree(counts: counts) : nil
        inputRows = options.subwords.map { InputRows(corpus.vocabulary.words, $0) }
        inputs = NumberTable(rows: words + (options.subwords?.bucketCount ?? 0), width: options.dimension)
        outputs = NumberTable(rows: words, width: options.dimension)
        inputMarks = [UInt32](repeating: 0, count: inputs.rows)
        outputMarks = [UInt32](repeating: 0, count: outputs.rows)
        initialize()
    }

    private func initialize() {
        let limit = 1 / Double(options.dimension)
        let (table, width, seed) = (inputs, options.dimension, options.seed)
        forEachPiece((table.rows + 1023) / 1024) { piece in
            for row in piece * 1024..<min(table.rows, (piece + 1) * 1024) {
                // A stream of its own, far from those of the epochs.
                let source = yk_random(seed: seed, stream: 1 << 62, position: UInt64(row * table.stride))
                yk_random_uniform(table.row(row), YK_F32, -limit, limit, source, Int64(width))
            }
        }
    }

    /// The stretches of a stream in an epoch.
    private var blocksOfEpoch: Int {
        let longest = (corpus.ids.count + options.streams - 1) / options.streams
        return max(1, (longest + WordTaskMaker.stretch - 1) / WordTaskMaker.stretch)
    }

    /// Whether the last epoch is done.
    public var isDone: Bool { epoch >= options.epochs }

    /// The learning rate of the next stretch.
    private var share: Double {
        (Double(epoch) + Double(block) / Double(blocksOfEpoch)) / Double(options.epochs)
    }

    /// Trains to the end of the last epoch, or until it is asked to stop.
    ///
    /// - Parameters:
    ///   - reportSeconds: about how often progress is reported.
    ///   - report: is told of the progress.
    ///   - isCancelled: asked every few milliseconds; the training can go on or be saved after it has stopped.
    /// - Returns: whether the training is done.
    @discardableResult
    public func train(
        reportSeconds: Double = 1,
        report: (WordVectorProgress) -> Void = { _ in },
        isCancelled: () -> Bool = { false }
    ) -> Bool {
        corpus.ids.withUnsafeBufferPointer { ids in
            thresholds.withUnsafeBufferPointer { thresholds in
                alias.slots.withUnsafeBufferPointer { slots -> Bool in
                    guard let ids = ids.baseAddress, let thresholds = thresholds.baseAddress,
                        let slots = slots.baseAddress
                    else { return true }
                    let plan = WordTaskPlan(
                        options: options,
                        ids: ids,
                        count: corpus.ids.count,
                        thresholds: thresholds,
                        alias: slots,
                        words: corpus.vocabulary.count,
                        tree: tree,
                        inputs: inputRows
                    )
                    return train(plan, reportSeconds, report, isCancelled)
                }
            }
        }
    }

    private func train(
        _ plan: WordTaskPlan,
        _ reportSeconds: Double,
        _ report: (WordVectorProgress) -> Void,
        _ isCancelled: () -> Bool
    ) -> Bool {
        let makers = (0..<options.streams).map { _ in WordTaskMaker(plan) }
        var meter = WordVectorMeter(reportSeconds)
        while !isDone {
            if isCancelled() { return false }
            let rate = max(
                options.finalLearningRate,
                options.learningRate * (1 - share) + options.finalLearningRate * share
            )
            let (epoch, block) = (self.epoch, self.block)
            forEachPiece(makers.count) { stream in makers[stream].make(stretch(stream, block), epoch: epoch) }
            let loss = carryOut(makers.map(\.stream), rate)
            meter.add(
                words: makers.indices.reduce(0) { $0 + stretch($1, block).count },
                loss: loss.sum,
                pairs: loss.pairs
            )
            self.block += 1
            if self.block == blocksOfEpoch { (self.block, self.epoch) = (0, epoch + 1) }
            if let progress = meter.progress(epoch: self.epoch, share: share, rate: rate, isLast: isDone) {
                report(progress)
            }
        }
        return true
    }

    /// Where a stream is in its part of the corpus; empty behind its end.
    private func stretch(_ stream: Int, _ block: Int) -> Range<Int> {
        let count = corpus.ids.count
        let (first, end) = (stream * count / options.streams, (stream + 1) * count / options.streams)
        let start = min(first + block * WordTaskMaker.stretch, end)
        return start..<min(start + WordTaskMaker.stretch, end)
    }

    private func carryOut(_ streams: [yk_word_stream], _ rate: Double) -> (sum: Double, pairs: Double) {
        let isPooled = options.architecture == .cbow || inputRows != nil
        return inputMarks.withUnsafeMutableBufferPointer { inputMarks in
            outputMarks.withUnsafeMutableBufferPointer { outputMarks in
                var training = yk_word_training(
                    input_table: inputs.values,
                    output_table: outputs.values,
                    input_rows: Int64(inputs.rows),
                    output_rows: Int64(outputs.rows),
                    D: Int64(options.dimension),
                    stride: Int64(inputs.stride),
                    input_marks: inputMarks.baseAddress,
                    output_marks: outputMarks.baseAddress,
                    mark: mark,
                    mode: !isPooled ? YK_WORD_PAIRS : inputRows == nil ? YK_WORD_MEAN : YK_WORD_SUBWORDS,
                    learning_rate: Float(rate),
                    loss: 0,
                    counted: 0
                )
                let isDone = yk_word_train(&training, streams, Int64(streams.count))
                require(isDone, "Word2VecTrainer: there was no memory for \(streams.count) streams")
                mark = training.mark
                return (training.loss, training.counted)
            }
        }
    }

    /// The vectors as they are now.
    public func vectors() -> WordVectors {
        let (words, width) = (corpus.vocabulary.count, options.dimension)
        var table = [Float](repeating: 0, count: words * width)
        for word in 0..<words {
            guard let rows = inputRows else {
                for column in 0..<width { table[word * width + column] = inputs.row(word)[column] }
                continue
            }
            let places = Int(rows.starts[word])..<Int(rows.starts[word + 1])
            let total = places.reduce(Float(0)) { $0 + rows.weights[$1] }
            for place in places {
                let (row, weight) = (inputs.row(Int(rows.rows[place])), rows.weights[place] / total)
                for column in 0..<width { table[word * width + column] += weight * row[column] }
            }
        }
        return WordVectors(
            words: corpus.vocabulary.words,
            dimension: width,
            vectors: table,
            counts: corpus.vocabulary.counts,
            subwords: options.subwords.map { subwordVectors($0) }
        )
    }

    private func subwordVectors(_ subwords: SubwordOptions) -> SubwordVectors {
        let width = options.dimension
        let values = [Float](unsafeUninitializedCapacity: subwords.bucketCount * width) { buffer, count in
            for bucket in 0..<subwords.bucketCount {
                let row = inputs.row(corpus.vocabulary.count + bucket)
                for column in 0..<width { buffer[bucket * width + column] = row[column] }
            }
            count = subwords.bucketCount * width
        }
        return SubwordVectors(options: subwords, dimension: width, vectors: values)
    }

    /// Writes all that a training needs to go on exactly where it was.
    ///
    /// - Parameter path: the file.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func saveState(to path: String) throws {
        try TrainingState(
            tables: [inputs, outputs],
            names: ["inputs", "outputs"],
            place: [epoch, block],
            identity: identity
        ).write(to: path)
    }

    /// Goes on where a saved training was.
    ///
    /// - Parameter path: a file of `saveState(to:)`.
    /// - Throws: `FileFormatError` when the file is unusable, `WordVectorError` when it is of another training.
    public func restoreState(from path: String) throws {
        let place = try TrainingState.read(
            path,
            into: [inputs, outputs],
            names: ["inputs", "outputs"],
            placeCounts: [2],
            identity: identity
        )
        guard place[1] < max(blocksOfEpoch, 1) else {
            throw FileFormatError(
                .malformed,
                path: path,
                at: .key("place"),
                "block \(place[1]) of \(blocksOfEpoch)"
            )
        }
        (epoch, block) = (place[0], place[1])
    }

    private var identity: String { "word2vec \(corpus.fingerprint) \(options)" }
}
