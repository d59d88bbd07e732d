/// Judges the arguments of predicates as spans, as the CoNLL-2005 shared task counts them; takes predicates one at a time.
///
/// An argument is right when its label and all its pieces are right. Pieces labelled `C-X` continue the last argument X
/// before them (without one they are an argument X of their own). The verb itself, `V`, does not count.
/// Carreras and Màrquez, "Introduction to the CoNLL-2005 Shared Task".
public struct SemanticRoleScorer: Sendable {
    /// The arguments of each predicate by label: scores, averages, intervals.
    public private(set) var arguments = TypedCounts()
    /// Whether all arguments are right and none in excess (1 or 0), for each predicate.
    public private(set) var perfect = ExampleStatistics(width: 1)
    private let excluded: Set<String>

    private struct Argument: Hashable {
        let label: String
        var pieces: [Range<Int>]
    }

    /// Creates a scorer of nothing.
    ///
    /// - Parameter excluded: the labels that do not count.
    public init(excluded: Set<String> = ["V"]) { self.excluded = excluded }

    /// Adds the arguments of one more predicate.
    ///
    /// - Parameters:
    ///   - labels: its true arguments: runs of tokens that do not overlap, in any order.
    ///   - predictions: its predicted arguments.
    /// - Throws: ``MetricError`` when runs are empty or overlap; the predicate then counts for nothing.
    public mutating func add(labels: [LabelledSpan], predictions: [LabelledSpan]) throws(MetricError) {
        let labelled = try gather(labels)
        let predicted = try gather(predictions)
        let trueArguments = Set(labelled)
        var hits = 0
        for argument in labelled { arguments.count(arguments.number(of: argument.label), labelled: 1) }
        for argument in predicted {
            let isFound = trueArguments.contains(argument)
            hits += isFound ? 1 : 0
            arguments.count(arguments.number(of: argument.label), hits: isFound ? 1 : 0, predicted: 1)
        }
        perfect.append([hits == labelled.count && hits == predicted.count ? 1 : 0])
        arguments.endExample()
    }

    /// Adds the arguments of one more predicate, written as tags.
    ///
    /// - Parameters:
    ///   - tags: the true tag of each token.
    ///   - predictedTags: the predicted tag of each token.
    /// - Throws: ``MetricError`` when lengths differ or a tag is none of B, I, E, S and O with a type.
    public mutating func add(tags: [String], predictedTags: [String]) throws(MetricError) {
        try checkLengths("predicted tags", predictedTags.count, tags.count, index: arguments.exampleCount)
        try add(labels: labelledSpans(tags), predictions: labelledSpans(predictedTags))
    }

    /// Adds the predicates that another scorer saw after this one's.
    ///
    /// - Parameter other: a scorer of the next part of the corpus.
    public mutating func merge(_ other: SemanticRoleScorer) {
        arguments.merge(other.arguments)
        perfect.merge(other.perfect)
    }

    /// The number of predicates whose arguments are all right and none in excess.
    public var perfectCount: Int { Int(perfect.totals[0]) }

    /// The share of predicates whose arguments are all right and none in excess; NaN for none.
    public var perfectShare: Double {
        arguments.exampleCount == 0 ? .nan : Double(perfectCount) / Double(arguments.exampleCount)
    }

    /// Joins pieces to arguments and leaves out excluded labels.
    private func gather(_ spans: [LabelledSpan]) throws(MetricError) -> [Argument] {
        var result: [Argument] = []
        var latest: [String: Int] = [:]
        var end = 0
        for span in spans.sorted() {
            if span.start < end || span.start >= span.end {
                throw .inconsistent(
                    "the argument \(span.label) at \(span.start) ..< \(span.end) is empty or overlaps another",
                    index: arguments.exampleCount
                )
            }
            end = span.end
            var label = span.label
            if label.utf8.starts(with: "C-".utf8) {
                label = String(decoding: label.utf8.dropFirst(2), as: UTF8.self)
                if let head = latest[label] {
                    result[head].pieces.append(span.start..<span.end)
                    continue
                }
            }
            latest[label] = result.count
            result.append(Argument(label: label, pieces: [span.start..<span.end]))
        }
        return result.filter { !excluded.contains($0.label) }
    }
}

/// Judges roles given to heads (and other labelled arcs): a role counts as found when predicate, head and label are right.
///
/// The labelled F1 of the CoNLL-2008 and 2009 shared tasks without predicate senses.
public struct HeadRoleScorer: Sendable {
    /// A role of a token.
    public struct Role: Sendable, Hashable {
        /// The token that heads the argument.
        public let head: Int
        /// What it is to the predicate.
        public let label: String

        /// Creates a role.
        ///
        /// - Parameters:
        ///   - head: the token that heads the argument.
        ///   - label: what it is to the predicate.
        public init(head: Int, label: String) {
            self.head = head
            self.label = label
        }
    }

    /// The roles of each predicate by label: scores, averages, intervals.
    public private(set) var roles = TypedCounts()
    /// Hits, predicted and labelled arguments of each predicate when labels are not looked at.
    public private(set) var unlabelledStatistics = ExampleStatistics(width: 3)

    /// Creates a scorer of nothing.
    public init() {}

    /// Adds the roles of one more predicate.
    ///
    /// - Parameters:
    ///   - labels: its true roles.
    ///   - predictions: its predicted roles.
    /// - Throws: ``MetricError`` when a role is given twice; the predicate then counts for nothing.
    public mutating func add(labels: [Role], predictions: [Role]) throws(MetricError) {
        let (labelled, predicted) = (Set(labels), Set(predictions))
        if labelled.count != labels.count || predicted.count != predictions.count {
            throw .inconsistent("a role is given twice", index: roles.exampleCount)
        }
        for role in labels { roles.count(roles.number(of: role.label), labelled: 1) }
        for role in predictions {
            roles.count(roles.number(of: role.label), hits: labelled.contains(role) ? 1 : 0, predicted: 1)
        }
        let (trueHeads, predictedHeads) = (Set(labels.map(\.head)), Set(predictions.map(\.head)))
        let hits = trueHeads.intersection(predictedHeads).count
        unlabelledStatistics.append([Double(hits), Double(predictedHeads.count), Double(trueHeads.count)])
        roles.endExample()
    }

    /// Adds the predicates that another scorer saw after this one's.
    ///
    /// - Parameter other: a scorer of the next part of the corpus.
    public mutating func merge(_ other: HeadRoleScorer) {
        roles.merge(other.roles)
        unlabelledStatistics.merge(other.unlabelledStatistics)
    }

    /// Hits, predicted and labelled arguments when labels are not looked at.
    public var unlabelled: ClassCounts { ClassCounts(sums: unlabelledStatistics.totals) }
}
