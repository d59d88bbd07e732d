/// Judges named entities and other spans written as tags; takes sentences one at a time.
///
/// An entity counts as found when its type and both ends are right (CoNLL-2000, 2003; seqeval).
public struct EntityScorer: Sendable {
    /// How tags become entities.
    public let reading: TagReading
    /// The number of sentences seen.
    public private(set) var sentenceCount = 0
    /// The number of tokens seen.
    public private(set) var tokenCount = 0
    private var rightTokens = 0
    private var table: TagTable
    private let rules: StrictRules?
    /// What each sentence adds to each type, for the sentences and types where that is anything.
    private var entries: [Entry] = []
    private var scratch = Scratch()

    private struct Entry: Sendable {
        let sentence: Int32
        let type: Int32
        var hits: Int32 = 0
        var predicted: Int32 = 0
        var labelled: Int32 = 0
    }

    private struct Scratch: Sendable {
        var labels: [ParsedTag] = []
        var predictions: [ParsedTag] = []
        var labelled: [NumberedSpan] = []
        var predicted: [NumberedSpan] = []
    }

    /// Creates a scorer of nothing.
    ///
    /// - Parameter reading: how tags become entities.
    public init(reading: TagReading = .lenient) {
        self.reading = reading
        table = TagTable(reading)
        if case .strict(let scheme) = reading { rules = StrictRules(scheme) } else { rules = nil }
    }

    /// Adds one more sentence.
    ///
    /// - Parameters:
    ///   - labels: the true tag of each token.
    ///   - predictions: the predicted tag of each token.
    /// - Throws: ``MetricError`` when lengths differ or a tag has a letter outside the scheme; the sentence then
    ///   counts for nothing.
    public mutating func add(labels: [String], predictions: [String]) throws(MetricError) {
        try checkLengths("predicted tags", predictions.count, labels.count, index: sentenceCount)
        if labels.count > Int(Int32.max) || sentenceCount >= Int(Int32.max) {
            throw .inconsistent("more than 2³¹ − 1 tokens or sentences", index: sentenceCount)
        }
        try parse(labels, into: \.labels)
        try parse(predictions, into: \.predictions)
        scratch.labelled.removeAll(keepingCapacity: true)
        scratch.predicted.removeAll(keepingCapacity: true)
        if let rules {
            rules.appendSpans(scratch.labels, to: &scratch.labelled)
            rules.appendSpans(scratch.predictions, to: &scratch.predicted)
        } else {
            appendLenientSpans(scratch.labels, to: &scratch.labelled)
            appendLenientSpans(scratch.predictions, to: &scratch.predicted)
        }
        tokenCount += labels.count
        for token in labels.indices where labels[token] == predictions[token] { rightTokens += 1 }
        count()
        sentenceCount += 1
    }

    /// Adds the sentences that another scorer saw after this one's.
    ///
    /// Traps when the scorers read tags differently.
    ///
    /// - Parameter other: a scorer of the next part of the corpus.
    public mutating func merge(_ other: EntityScorer) {
        require(other.reading == reading, "EntityScorer: \(other.reading) cannot join \(reading)")
        let numbers = other.table.types.map { table.number(of: $0) }
        for entry in other.entries {
            entries.append(
                Entry(
                    sentence: entry.sentence + Int32(sentenceCount),
                    type: numbers[Int(entry.type)],
                    hits: entry.hits,
                    predicted: entry.predicted,
                    labelled: entry.labelled
                )
            )
        }
        sentenceCount += other.sentenceCount
        tokenCount += other.tokenCount
        rightTokens += other.rightTokens
    }

    /// The share of tokens whose tags are right; NaN for no tokens.
    public var tokenAccuracy: Double {
        tokenCount == 0 ? .nan : Double(rightTokens) / Double(tokenCount)
    }

    /// The types that occur as entities, in the order of their bytes.
    public var types: [String] { present.map { table.types[Int($0)] } }

    /// The counts of each of ``types``.
    public var counts: ClassCounts { ClassCounts(sums: statistics.totals) }

    /// Hits, predicted and labelled entities of each of ``types`` for each sentence (3 × types numbers), which
    /// bootstrap intervals and paired tests of ``ClassCounts/init(sums:)`` figures are computed from.
    public var statistics: ExampleStatistics { statistics(of: types) }

    /// Returns the numbers of each sentence for the named types, in that order, so that two systems can be compared.
    ///
    /// - Parameter types: the types of both systems.
    /// - Returns: 3 × types numbers for each sentence (three zeros when no type is named).
    public func statistics(of types: [String]) -> ExampleStatistics {
        let width = 3 * max(types.count, 1)
        var columns = [Int](repeating: -1, count: table.types.count)
        for (index, type) in types.enumerated() {
            if let number = table.types.firstIndex(of: type) { columns[number] = 3 * index }
        }
        var result = ExampleStatistics(width: width)
        var row = [Double](repeating: 0, count: width)
        var next = 0
        for sentence in 0..<sentenceCount {
            for index in row.indices { row[index] = 0 }
            while next < entries.count, Int(entries[next].sentence) == sentence {
                let column = columns[Int(entries[next].type)]
                if column >= 0 {
                    row[column] += Double(entries[next].hits)
                    row[column + 1] += Double(entries[next].predicted)
                    row[column + 2] += Double(entries[next].labelled)
                }
                next += 1
            }
            result.append(row)
        }
        return result
    }

    /// The score of each of ``types``.
    public var scores: [ClassificationScore] { types.isEmpty ? [] : counts.scores() }

    /// Returns the scores of all types as one.
    ///
    /// - Parameters:
    ///   - kind: micro, macro or weighted.
    ///   - zeroDivision: what an undefined share becomes.
    /// - Returns: the average; NaN (micro: undefined shares) when no entity occurs.
    public func average(_ kind: ClassAverage, zeroDivision: ZeroDivision = .zero) -> ClassificationScore {
        let counts = types.isEmpty ? ClassCounts(classCount: 0) : counts
        return counts.average(kind, zeroDivision: zeroDivision)
    }

    /// Returns precision, recall and F1 with bootstrap intervals over sentences.
    ///
    /// Traps when `resamples` < 1 or `confidence` lies outside 0 … 1.
    ///
    /// - Parameters:
    ///   - kind: micro, macro or weighted.
    ///   - resamples: how many times to draw.
    ///   - confidence: 0.95 for 95 %.
    ///   - seed: seed of the draws.
    ///   - method: how to turn resampled figures into intervals.
    /// - Returns: the intervals of precision, recall and F1.
    public func intervals(
        _ kind: ClassAverage = .micro,
        resamples: Int = 2000,
        confidence: Double = 0.95,
        seed: UInt64 = 1,
        method: BootstrapMethod = .percentile
    ) -> [ConfidenceInterval] {
        bootstrapIntervals(
            of: statistics,
            resamples: resamples,
            confidence: confidence,
            seed: seed,
            method: method
        ) { sums, _ in
            let score = ClassCounts(sums: sums).average(kind)
            return [score.precision, score.recall, score.f1]
        }
    }

    private var present: [Int32] {
        var seen = [Bool](repeating: false, count: table.types.count)
        for entry in entries { seen[Int(entry.type)] = true }
        return table.types.indices.filter { seen[$0] }
            .sorted { table.types[$0].utf8.lexicographicallyPrecedes(table.types[$1].utf8) }
            .map(Int32.init)
    }

    private mutating func parse(
        _ tags: [String],
        into parsed: WritableKeyPath<Scratch, [ParsedTag]>
    ) throws(MetricError) {
        scratch[keyPath: parsed].removeAll(keepingCapacity: true)
        var last: (tag: String, parsed: ParsedTag)?
        for (token, tag) in tags.enumerated() {
            if let last, last.tag == tag {
                scratch[keyPath: parsed].append(last.parsed)
                continue
            }
            let found = try table.parse(tag, sentence: sentenceCount, token: token)
            scratch[keyPath: parsed].append(found)
            last = (tag, found)
        }
    }

    /// Counts the sentence's entities; both lists are in the order of their first tokens.
    private mutating func count() {
        let first = entries.count
        var next = 0
        for span in scratch.labelled {
            entry(of: span.type, from: first) { $0.labelled += 1 }
            while next < scratch.predicted.count, scratch.predicted[next].start < span.start { next += 1 }
            if next < scratch.predicted.count, scratch.predicted[next] == span {
                entry(of: span.type, from: first) { $0.hits += 1 }
            }
        }
        for span in scratch.predicted { entry(of: span.type, from: first) { $0.predicted += 1 } }
    }

    private mutating func entry(of type: Int32, from first: Int, _ change: (inout Entry) -> Void) {
        var index = first
        while index < entries.count, entries[index].type != type { index += 1 }
        if index == entries.count {
            entries.append(Entry(sentence: Int32(sentenceCount), type: type))
        }
        change(&entries[index])
    }
}
