import CKernels
import YuyanTensorCore

/// How a linear-chain conditional random field is trained; the penalties have CRFsuite's meaning.
public struct LinearChainCRFOptions: Sendable, Hashable {
    /// What is looked at.
    public var features = TaggingFeatureOptions()
    /// c1: the factor of the sum of the weights' absolute values.
    public var l1 = 0.0
    /// c2: the factor of the sum of the weights' squares.
    public var l2 = 1.0
    /// How often a feature must occur.
    public var minimumCount = 1
    /// The relative fall of the objective over ten iterations below which the training ends.
    public var valueTolerance = 1e-5
    /// The training also ends when no entry of the gradient is larger.
    public var tolerance = 1e-3
    /// The most iterations.
    public var maximumIterations = 1000

    /// The defaults.
    public init() {}

    /// What is wrong with the options, or nil.
    public var problem: String? {
        if let problem = features.problem { return problem }
        if !(l1 >= 0 && l1.isFinite) || !(l2 >= 0 && l2.isFinite) {
            return "the penalties are \(l1) and \(l2)"
        }
        if minimumCount < 1 { return "features must occur \(minimumCount) times; it must be 1 or more" }
        return maximumIterations < 1 ? "\(maximumIterations) iterations; there must be 1 or more" : nil
    }
}

/// Tags the words of sentences by a linear-chain conditional random field on features of the words.
///
/// The same sentences and options give the same model, bit for bit, with any number of threads. Source: Lafferty,
/// McCallum and Pereira, "Conditional random fields", 2001.
public struct LinearChainCRFModel: Sendable {
    /// What `config.json` calls the model.
    public static let modelType = "linear-chain-crf"

    /// How it was trained.
    public let options: LinearChainCRFOptions
    /// The tags in the order in which they came.
    public let tags: [String]
    /// The features by row.
    public let features: [String]
    /// The iterations that the training took.
    public let iterations: Int
    private let table: ByteStringTable
    /// Row-major [features, tags].
    let weights: [Double]
    /// Row-major [tags, tags], from the row's tag to the column's.
    let transitions: [Double]

    init(
        _ options: LinearChainCRFOptions,
        _ tags: [String],
        _ features: [String],
        weights: [Double],
        transitions: [Double],
        iterations: Int
    ) {
        (self.options, self.tags, self.features, self.iterations) = (options, tags, features, iterations)
        (self.weights, self.transitions) = (weights, transitions)
        var table = ByteStringTable()
        for feature in features { _ = table.insert(feature) }
        self.table = table
    }

    /// Trains a tagger.
    ///
    /// - Parameters:
    ///   - sentences: the tokens of each sentence.
    ///   - tags: as many tags for each.
    ///   - columns: for each sentence the values of the further columns that the options look at; none where they look
    ///     at none.
    ///   - options: how to train.
    ///   - state: where the state of the training is kept, and found when it was stopped; nil for nowhere.
    ///   - isCancelled: asked after each iteration; the training then throws `CancellationError`.
    ///   - report: is told of each iteration.
    /// - Returns: the model.
    /// - Throws: `LinearModelError` when sentences, tags and options do not fit one another, `FileFormatError` when
    ///   the state cannot be written, is damaged or is of another training.
    public static func train(
        sentences: [[String]],
        tags: [[String]],
        columns: [[[String]]] = [],
        options: LinearChainCRFOptions = LinearChainCRFOptions(),
        state: LinearTrainingState? = nil,
        isCancelled: () -> Bool = { false },
        report: (LinearModelProgress) -> Void = { _ in }
    ) throws -> LinearChainCRFModel {
        if let problem = options.problem { throw LinearModelError(problem) }
        guard sentences.count == tags.count else {
            throw LinearModelError("\(tags.count) lists of tags for \(sentences.count) sentences")
        }
        if let wrong = sentences.indices.first(where: { sentences[$0].count != tags[$0].count }) {
            throw LinearModelError(
                "sentence \(wrong) has \(sentences[wrong].count) tokens, \(tags[wrong].count) tags"
            )
        }
        try check(columns, sentences, options.features.columns)
        let problem = ChainProblem(sentences, tags, options, columns: columns)
        guard !problem.features.isEmpty, !problem.tags.isEmpty else {
            throw LinearModelError("there is no token to learn from")
        }
        var solver = LimitedMemoryBFGS()
        (solver.tolerance, solver.valueTolerance) = (options.tolerance, options.valueTolerance)
        solver.maximumIterations = options.maximumIterations
        var (x, iterations) = ([Double](repeating: 0, count: problem.count), 0)
        (solver.l1, solver.l1Range) = (options.l1, 0..<problem.count)
        let keeper = state.map {
            MinimizationKeeper($0, identity: identity(sentences, tags, columns, options))
        }
        let outcome = try solver.minimize(&x, keeper: keeper, isCancelled: isCancelled) {
            iteration,
            value,
            gradient in
            iterations = iteration
            report(LinearModelProgress(iteration: iteration, loss: value, gradient: gradient))
        } _: {
            problem.evaluate($0, $1)
        }
        if outcome == .cancelled { throw CancellationError() }
        // Iterations are counted from 0, and the last one of all is told of before it is made.
        if outcome == .iterationLimit { iterations += 1 }
        let size = problem.features.count * problem.tags.count
        return LinearChainCRFModel(
            options,
            problem.tags,
            problem.features,
            weights: Array(x[..<size]),
            transitions: Array(x[size...]),
            iterations: iterations
        )
    }

    private static func check(
        _ columns: [[[String]]],
        _ sentences: [[String]],
        _ names: [String]
    ) throws(LinearModelError) {
        guard !names.isEmpty || !columns.isEmpty else { return }
        guard columns.count == sentences.count else {
            throw LinearModelError(
                "\(sentences.count) sentences need the columns \(names); \(columns.count) have them"
            )
        }
        for (number, (own, words)) in zip(columns, sentences).enumerated() {
            guard own.count == names.count, own.allSatisfy({ $0.count == words.count }) else {
                throw LinearModelError(
                    "sentence \(number) needs \(words.count) values of each of the columns \(names)"
                )
            }
        }
    }

    /// What must be the same for a training to go on; the most iterations may grow.
    private static func identity(
        _ sentences: [[String]],
        _ tags: [[String]],
        _ columns: [[[String]]],
        _ options: LinearChainCRFOptions
    ) -> String {
        var (hash, options) = (TrainingFingerprint(), options)
        for list in sentences + tags + columns.joined() {
            hash.add(count: list.count)
            for text in list { hash.add(text) }
        }
        options.maximumIterations = 0
        return "\(modelType) \(hash.hex) \(options)"
    }

    /// The weight of a feature for a tag; 0 for an unknown feature.
    ///
    /// - Parameters:
    ///   - feature: the feature.
    ///   - tag: the tag's place.
    /// - Returns: the weight.
    public func weight(_ feature: String, _ tag: Int) -> Double {
        var feature = feature
        return feature.withUTF8 { table.find($0) }.map { weights[Int($0) * tags.count + tag] } ?? 0
    }

    /// What a step from one tag to another scores.
    ///
    /// - Parameters:
    ///   - from: the place of a tag.
    ///   - to: the place of the next.
    /// - Returns: the weight.
    public func transition(_ from: Int, _ to: Int) -> Double { transitions[from * tags.count + to] }

    /// The best tags of a sentence.
    ///
    /// Traps when there are not the columns that the options look at, each with a value for every token.
    ///
    /// - Parameters:
    ///   - words: the tokens.
    ///   - columns: the values of the further columns.
    /// - Returns: a tag for each.
    public func tags(for words: [String], columns: [[String]] = []) -> [String] {
        guard !words.isEmpty else { return [] }
        let emissions = emissions(of: words, columns: columns)
        var (path, score) = ([Int32](repeating: 0, count: words.count), 0.0)
        emissions.withUnsafeBufferPointer { emissions in
            transitions.withUnsafeBufferPointer { transitions in
                var chain = yk_linear_chain()
                chain.dtype = YK_F64
                (chain.B, chain.T, chain.L) = (1, Int64(words.count), Int64(tags.count))
                chain.emissions = UnsafeRawPointer(emissions.baseAddress)
                let address = UnsafeMutableRawPointer(mutating: transitions.baseAddress)
                chain.transitions = yk_typed(address: address, dtype: YK_F64)
                yk_linear_chain_decode(&path, &score, &chain)
            }
        }
        return path.map { tags[Int($0)] }
    }

    /// What each tag scores at each word by its features, row-major [words, tags].
    func emissions(of words: [String], columns: [[String]]) -> [Double] {
        var part = SparseMatrix.Part()
        for found in options.features.features(of: words, columns: columns) {
            for feature in found {
                var feature = feature
                if let row = feature.withUTF8({ table.find($0) }) { part.places.append(row) }
            }
            part.starts.append(Int64(part.places.count))
        }
        var emissions = [Double](repeating: 0, count: words.count * tags.count)
        part.withRows { rows in
            yk_sparse_products(&emissions, rows, weights, nil, 0, Int64(words.count), Int64(tags.count))
        }
        return emissions
    }
}

/// The negative log-likelihood of tagged sentences with a penalty, and its gradient.
///
/// Sentences are ordered by length: those of one length lie together and go through the chain as one batch.
package final class ChainProblem {
    package let tags: [String]
    package let features: [String]
    private let rows: SparseMatrix
    private let groups: [(first: Int, sentences: Int, length: Int)]
    private let targets: [Int32]
    private let l2: Double
    private let emissions: UnsafeMutablePointer<Double>
    private let slopes: UnsafeMutablePointer<Double>
    /// For each group its loss and its gradient of the transitions.
    private let partials: UnsafeMutablePointer<Double>
    private static let most = 16

    package init(
        _ sentences: [[String]],
        _ tags: [[String]],
        _ options: LinearChainCRFOptions,
        columns: [[[String]]] = []
    ) {
        var (tagTable, table, part, counts) = (
            ByteStringTable(), ByteStringTable(), SparseMatrix.Part(), [Int]()
        )
        // Tags and features are numbered in the order of the text.
        for list in tags { for tag in list { _ = tagTable.insert(tag) } }
        let found = sentences.indices.map { sentence in
            options.features.features(
                of: sentences[sentence],
                columns: columns.isEmpty ? [] : columns[sentence]
            ).map { $0.map { table.insert($0) } }
        }
        counts = [Int](repeating: 0, count: table.count)
        for sentence in found { for token in sentence { for feature in token { counts[Int(feature)] += 1 } } }
        let kept = counts.indices.filter { counts[$0] >= options.minimumCount }
        var places = [Int32](repeating: -1, count: table.count)
        for (new, old) in kept.enumerated() { places[old] = Int32(new) }
        let order = sentences.indices.filter { !sentences[$0].isEmpty }
            .sorted { (sentences[$0].count, $0) < (sentences[$1].count, $1) }
        var (targets, groups): ([Int32], [(first: Int, sentences: Int, length: Int)]) = ([], [])
        for sentence in order {
            let length = sentences[sentence].count
            if let last = groups.last, last.length == length, last.sentences < Self.most {
                groups[groups.count - 1].sentences += 1
            } else {
                groups.append((targets.count, 1, length))
            }
            for (token, tag) in zip(found[sentence], tags[sentence]) {
                part.places.append(contentsOf: token.map { places[Int($0)] }.filter { $0 >= 0 })
                part.starts.append(Int64(part.places.count))
                targets.append(tagTable.insert(tag))
            }
        }
        features = kept.map { table.string($0) }
        self.tags = (0..<tagTable.count).map { tagTable.string($0) }
        (self.targets, self.groups, l2) = (targets, groups, options.l2)
        rows = SparseMatrix(part, columns: kept.count)
        let width = self.tags.count
        emissions = .allocate(capacity: max(targets.count * width, 1))
        slopes = .allocate(capacity: max(targets.count * width, 1))
        partials = .allocate(capacity: max(groups.count * (width * width + 1), 1))
    }

    deinit {
        emissions.deallocate()
        slopes.deallocate()
        partials.deallocate()
    }

    /// The number of variables: the weights [features, tags], then the transitions [tags, tags].
    package var count: Int { (features.count + tags.count) * tags.count }

    package func evaluate(_ x: UnsafePointer<Double>, _ gradient: UnsafeMutablePointer<Double>) -> Double {
        let (width, size) = (tags.count, features.count * tags.count)
        rows.products(emissions, x, bias: nil, width: width)
        targets.withUnsafeBufferPointer { targets in
            forEachPiece(groups.count) { group in
                runGroup(group, UnsafeMutableRawPointer(mutating: x + size), targets.baseAddress)
            }
        }
        rows.transposedProducts(gradient, slopes, scale: 1, width: width)
        let stride = width * width + 1
        var loss = 0.0
        for index in 0..<width * width { gradient[size + index] = 0 }
        for group in groups.indices {
            loss += partials[group * stride]
            for index in 0..<width * width { gradient[size + index] += partials[group * stride + 1 + index] }
        }
        var squares = 0.0
        for index in 0..<count {
            squares += x[index] * x[index]
            gradient[index] += 2 * l2 * x[index]
        }
        return loss + l2 * squares
    }

    private func runGroup(
        _ group: Int,
        _ transitions: UnsafeMutableRawPointer,
        _ targets: UnsafePointer<Int32>?
    ) {
        let ((first, sentences, length), width) = (groups[group], tags.count)
        var chain = yk_linear_chain()
        chain.dtype = YK_F64
        (chain.B, chain.T, chain.L) = (Int64(sentences), Int64(length), Int64(width))
        chain.emissions = UnsafeRawPointer(emissions + first * width)
        chain.transitions = yk_typed(address: transitions, dtype: YK_F64)
        chain.targets = targets.map { $0 + first }
        let out = partials + group * (width * width + 1)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * sentences) { numbers in
            guard let losses = numbers.baseAddress else { return }
            for sentence in 0..<sentences { losses[sentences + sentence] = 1 }
            yk_linear_chain_gradient(
                slopes + first * width,
                out + 1,
                nil,
                nil,
                losses,
                losses + sentences,
                &chain
            )
            out[0] = (0..<sentences).reduce(0) { $0 + losses[$1] }
        }
    }
}
