import CKernels
import YuyanFileFormats
import YuyanTensorCore

/// How word vectors are trained by GloVe; the defaults are those of its program.
///
/// Source: Pennington, Socher and Manning, "GloVe: global vectors for word representation", 2014.
public struct GloVeOptions: Sendable, Hashable {
    /// The width of the vectors.
    public var dimension = 100
    /// How often the counts are gone through.
    public var epochs = 15
    /// The learning rate of AdaGrad.
    public var learningRate = 0.05
    /// The count from which on a pair has the full weight.
    public var maximumCount = 100.0
    /// The power of count / maximumCount that is the weight below it.
    public var exponent = 0.75
    /// The seed of the first values and of the order.
    public var seed: UInt64 = 1
    /// The number of groups that words are dealt out to.
    ///
    /// Pairs that share neither the group of their rows nor that of their columns are gone through side by side. A part
    /// of what is computed, and the most threads that can share the work.
    public var groups = 8
    /// Whether the pairs of two groups are shuffled; else they keep their order.
    public var shuffles = true

    /// The defaults.
    public init() {}

    /// What is wrong with the options, or nil.
    public var problem: String? {
        if dimension < 1 || dimension > 65_536 {
            return "dimension is \(dimension); it must be from 1 to 65536"
        }
        if epochs < 1 { return "epochs is \(epochs); it must be 1 or more" }
        if groups < 1 || groups > 1024 { return "groups is \(groups); it must be from 1 to 1024" }
        if !(learningRate > 0 && learningRate < 100) {
            return "learning rate is \(learningRate); it must be above 0 and below 100"
        }
        if !(maximumCount > 0) { return "maximum count is \(maximumCount); it must be above 0" }
        return exponent.isFinite ? nil : "exponent is \(exponent); it must be a number"
    }
}

/// How often words occur near one another: pairs with their counts.
public struct Cooccurrences: Sendable {
    /// The rows of the pairs.
    public private(set) var rows: [Int32] = []
    /// The columns of the pairs.
    public private(set) var columns: [Int32] = []
    /// The counts of the pairs.
    public private(set) var counts: [Float] = []

    /// No pairs.
    public init() {}

    /// Adds a pair.
    ///
    /// Traps when the count is not positive.
    ///
    /// - Parameters:
    ///   - row: the place of a word.
    ///   - column: the place of a word near it.
    ///   - count: how often, nearer occurrences counting more.
    public mutating func append(row: Int, column: Int, count: Double) {
        require(row >= 0 && column >= 0, "Cooccurrences: the pair \(row), \(column)")
        require(count > 0 && count.isFinite, "Cooccurrences: the count \(count) must be positive")
        rows.append(Int32(row))
        columns.append(Int32(column))
        counts.append(Float(count))
    }
}

/// Trains word vectors by GloVe: weighted least squares on the logarithms of co-occurrence counts, by AdaGrad.
///
/// Pairs are sorted into squares of a group of rows and a group of columns. Squares that share neither are gone through
/// at the same time (Gemulla and others, "Large-scale matrix factorization with distributed stochastic gradient
/// descent", 2011): the same vectors come out, bit for bit, with any number of threads, and whether the pairs lie in
/// memory, 16 bytes a pair, or in a file, of which every thread reads a piece at a time.
///
/// Not Sendable: one thread trains.
public final class GloVeTrainer {
    /// How it trains.
    public let options: GloVeOptions
    private let vocabulary: WordVocabulary
    private let tables: [NumberTable]
    private let pairs: GloVePairs
    /// Epochs that are done.
    public private(set) var epoch = 0
    /// Rounds of this epoch that are done, and what their losses sum up to.
    private var round = 0
    private var loss = 0.0

    /// Prepares a training on pairs in memory.
    ///
    /// - Parameters:
    ///   - vocabulary: the words.
    ///   - pairs: how often they occur near one another; both directions of a pair stand in it.
    ///   - options: how to train.
    ///   - initial: the first values of words and contexts, each [words, dimension + 1] with the bias last; nil for
    ///     random ones within 1/2 over the dimension.
    /// - Throws: `WordVectorError` when the options contradict themselves or there is no pair.
    public convenience init(
        vocabulary: WordVocabulary,
        pairs: Cooccurrences,
        options: GloVeOptions = GloVeOptions(),
        initial: (words: [Float], contexts: [Float])? = nil
    ) throws {
        let plan = GloVePairPlan(words: vocabulary.count, options: options, path: "", identity: "")
        let builder = try GloVePairBuilder(plan, .none)
        for place in pairs.rows.indices {
            try builder.append(
                row: Int(pairs.rows[place]),
                column: Int(pairs.columns[place]),
                count: Double(pairs.counts[place])
            )
        }
        self.init(vocabulary: vocabulary, pairs: try builder.finish(), initial: initial)
    }

    /// Prepares a training on pairs in memory or in a file.
    ///
    /// Traps when the pairs are of another number of words.
    ///
    /// - Parameters:
    ///   - vocabulary: the words.
    ///   - pairs: the pairs, with how to train on them.
    ///   - initial: the first values of words and contexts, each [words, dimension + 1] with the bias last; nil for
    ///     random ones within 1/2 over the dimension.
    public init(
        vocabulary: WordVocabulary,
        pairs: GloVePairs,
        initial: (words: [Float], contexts: [Float])? = nil
    ) {
        require(
            pairs.words == vocabulary.count,
            "GloVeTrainer: pairs of \(pairs.words) words for \(vocabulary.count)"
        )
        (options, self.vocabulary, self.pairs) = (pairs.options, vocabulary, pairs)
        // Whole lines for the vector, and one more whose last number is the bias.
        let width = (options.dimension + 15) / 16 * 16 + 16
        tables = (0..<4).map { _ in NumberTable(rows: vocabulary.count, width: width) }
        initialize(initial)
    }

    private func initialize(_ initial: (words: [Float], contexts: [Float])?) {
        let (width, stride) = (options.dimension, tables[0].stride)
        for table in tables[2...] { for index in 0..<table.rows * stride { table.values[index] = 1 } }
        let limit = 0.5 / Double(width + 1)
        for (number, table) in tables[..<2].enumerated() {
            for row in 0..<table.rows {
                let values = table.row(row)
                if let initial {
                    let source = number == 0 ? initial.words : initial.contexts
                    for column in 0..<width { values[column] = source[row * (width + 1) + column] }
                    values[stride - 1] = source[row * (width + 1) + width]
                    continue
                }
                let place = yk_random(
                    seed: options.seed,
                    stream: UInt64(number),
                    position: UInt64(row * 2 * stride)
                )
                yk_random_uniform(values, YK_F32, -limit, limit, place, Int64(width))
                let bias = yk_random(
                    seed: options.seed,
                    stream: UInt64(number),
                    position: UInt64((row * 2 + 1) * stride)
                )
                yk_random_uniform(values + stride - 1, YK_F32, -limit, limit, bias, 1)
            }
        }
    }

    /// The number of pairs.
    public var pairCount: Int { pairs.count }

    /// Whether the last epoch is done.
    public var isDone: Bool { epoch >= options.epochs }

    /// Goes once through all pairs.
    ///
    /// - Returns: the mean over the pairs of half the weighted squared error, each before its step.
    /// - Throws: `FileFormatError` when the file of the pairs cannot be read; the vectors then are between two epochs,
    ///   and only a saved state goes on.
    public func trainEpoch() throws(FileFormatError) -> Double {
        while true {
            if let loss = try trainRound() { return loss }
        }
    }

    /// Goes through the next squares that share neither rows nor columns; an epoch has as many rounds as there are groups.
    ///
    /// - Returns: after the last round of an epoch, what `trainEpoch()` returns; else nil.
    /// - Throws: as `trainEpoch()`.
    public func trainRound() throws(FileFormatError) -> Double? {
        let groups = options.groups
        var losses = [Result<Double, FileFormatError>](repeating: .success(0), count: groups)
        losses.withUnsafeMutableBufferPointer { losses in
            let out = Losses(losses: losses)
            forEachPiece(groups) { group in
                out.losses[group] = steps(square: group * groups + (group + round) % groups)
            }
        }
        var sum = 0.0
        for loss in losses { sum += try loss.get() }
        loss += sum
        round += 1
        guard round == groups else { return nil }
        defer { (round, loss) = (0, 0) }
        epoch += 1
        return loss / Double(pairs.count)
    }

    /// Memory to which every piece writes its own number.
    private struct Losses: @unchecked Sendable {
        let losses: UnsafeMutableBufferPointer<Result<Double, FileFormatError>>
    }

    private func steps(square: Int) -> Result<Double, FileFormatError> {
        var loss = 0.0
        do throws(FileFormatError) {
            try pairs.read(square) { pairs in
                loss += yk_glove_steps(
                    tables[0].values,
                    tables[1].values,
                    tables[2].values,
                    tables[3].values,
                    Int64(options.dimension),
                    Int64(tables[0].stride),
                    pairs.rows,
                    pairs.columns,
                    pairs.logarithms,
                    pairs.weights,
                    Int64(pairs.count),
                    Float(options.learningRate)
                )
            }
            return .success(loss)
        } catch {
            return .failure(error)
        }
    }

    /// The vectors as they are now: the sum of a word's vector and of its vector as context, without biases.
    public func vectors() -> WordVectors {
        let (count, width) = (vocabulary.count, options.dimension)
        var values = [Float](repeating: 0, count: count * width)
        for word in 0..<count {
            let (own, context) = (tables[0].row(word), tables[1].row(word))
            for column in 0..<width { values[word * width + column] = own[column] + context[column] }
        }
        return WordVectors(
            words: vocabulary.words,
            dimension: width,
            vectors: values,
            counts: vocabulary.counts
        )
    }

    /// Words and contexts with their biases, each [words, dimension + 1].
    package func parameters() -> (words: [Float], contexts: [Float]) {
        let (width, stride) = (options.dimension, tables[0].stride)
        func rows(_ table: NumberTable) -> [Float] {
            (0..<table.rows).flatMap { row in
                (0..<width).map { table.row(row)[$0] } + [table.row(row)[stride - 1]]
            }
        }
        return (rows(tables[0]), rows(tables[1]))
    }

    /// Writes all that a training needs to go on.
    ///
    /// - Parameter path: the file.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func saveState(to path: String) throws {
        try TrainingState(
            tables: tables,
            names: ["words", "contexts", "word_squares", "context_squares"],
            // A sign would be that of no number.
            place: round == 0 ? [epoch] : [epoch, round, Int(loss.magnitude.bitPattern)],
            identity: identity
        ).write(to: path)
    }

    /// Goes on where a saved training was.
    ///
    /// - Parameter path: a file of `saveState(to:)`.
    /// - Throws: `FileFormatError` when the file is unusable, `WordVectorError` when it is of another training.
    public func restoreState(from path: String) throws {
        let names = ["words", "contexts", "word_squares", "context_squares"]
        let place = try TrainingState.read(
            path,
            into: tables,
            names: names,
            placeCounts: [1, 3],
            identity: identity
        )
        let (round, bits) = place.count == 3 ? (place[1], place[2]) : (0, 0)
        guard round < options.groups else {
            throw FileFormatError(
                .malformed,
                path: path,
                at: .key("place"),
                "round \(round) of \(options.groups)"
            )
        }
        (epoch, self.round, loss) = (place[0], round, Double(bitPattern: UInt64(bits)))
    }

    private var identity: String {
        var options = options
        options.epochs = 1
        return "glove \(pairs.fingerprint) \(options)"
    }
}
