/// Judges named entities and other spans written as tags; takes sentences one at a time.
///
/// An entity counts as found when its type and both ends are right (CoNLL-2000, 2003; seqeval).
public struct EntityScorer: Sendable {
    /// How tags become entities.
    public let reading: TagReading
    /// The entities of each sentence by type: scores, averages, intervals.
    public private(set) var entities = TypedCounts()
    /// The number of tokens seen.
    public private(set) var tokenCount = 0
    private var rightTokens = 0
    private var table: TagTable
    private let rules: StrictRules?
    /// The number in ``entities`` of each of the table's types.
    private var numbers: [Int32] = []
    private var scratch = Scratch()

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
        try checkLengths("predicted tags", predictions.count, labels.count, index: entities.exampleCount)
        if labels.count >= Int(Int32.max) {
            throw .inconsistent("more than 2³¹ − 2 tokens", index: entities.exampleCount)
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
        entities.endExample()
    }

    /// Adds the sentences that another scorer saw after this one's.
    ///
    /// Traps when the scorers read tags differently.
    ///
    /// - Parameter other: a scorer of the next part of the corpus.
    public mutating func merge(_ other: EntityScorer) {
        require(other.reading == reading, "EntityScorer: \(other.reading) cannot join \(reading)")
        entities.merge(other.entities)
        tokenCount += other.tokenCount
        rightTokens += other.rightTokens
    }

    /// The share of tokens whose tags are right; NaN for no tokens.
    public var tokenAccuracy: Double {
        tokenCount == 0 ? .nan : Double(rightTokens) / Double(tokenCount)
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
            let found = try table.parse(tag, sentence: entities.exampleCount, token: token)
            scratch[keyPath: parsed].append(found)
            last = (tag, found)
        }
    }

    /// Counts the sentence's entities; both lists are in the order of their first tokens.
    private mutating func count() {
        while numbers.count < table.types.count {
            numbers.append(entities.number(of: table.types[numbers.count]))
        }
        var next = 0
        for span in scratch.labelled {
            while next < scratch.predicted.count, scratch.predicted[next].start < span.start { next += 1 }
            let isFound = next < scratch.predicted.count && scratch.predicted[next] == span
            entities.count(numbers[Int(span.type)], hits: isFound ? 1 : 0, labelled: 1)
        }
        for span in scratch.predicted { entities.count(numbers[Int(span.type)], predicted: 1) }
    }
}
