/// What an operator did with a text.
public enum TextOutcome: Sendable, Equatable {
    /// The text stays as it is.
    case unchanged
    /// The text is replaced.
    case changed(String)
    /// The document is left out.
    case dropped
}

/// What kind of decision an operator takes.
public enum TextOperatorKind: String, Sendable, Codable {
    /// Rewrites text; never drops a document.
    case mapper
    /// Keeps or drops a document; never rewrites it.
    case filter
}

/// One step of cleaning: rewrites the text of a document, or decides whether to keep it.
///
/// An operator holds no state that changes, so that documents can be worked on in any order by many threads.
/// What must know all documents (such as the removal of duplicates) works on fingerprints instead.
public protocol TextOperator: Sendable {
    /// The operator's name in recipes and reports, such as `min_length`.
    var name: String { get }
    /// Everything that changes what the operator does, in one line; part of a data set's identity.
    var settings: String { get }
    /// Whether the operator rewrites or decides.
    var kind: TextOperatorKind { get }

    /// Applies the operator to one text.
    ///
    /// - Parameter text: the text of a document, or of a part of a very long one.
    /// - Returns: what becomes of it.
    func apply(to text: String) -> TextOutcome
}

/// How many texts an operator saw, changed and dropped.
public struct OperatorTally: Sendable, Equatable, Codable {
    /// The operator's name.
    public let name: String
    /// The number of texts it was given.
    public var seen = 0
    /// The number of texts it rewrote.
    public var changed = 0
    /// The number of documents it dropped.
    public var dropped = 0
    /// The number of bytes of UTF-8 by which rewriting shortened the texts (negative when it made them longer).
    public var bytesRemoved = 0

    /// Creates a tally of zeros.
    ///
    /// - Parameter name: the operator's name.
    public init(name: String) { self.name = name }

    /// Adds another tally of the same operator.
    ///
    /// - Parameter other: the tally to add.
    public mutating func add(_ other: OperatorTally) {
        seen += other.seen
        changed += other.changed
        dropped += other.dropped
        bytesRemoved += other.bytesRemoved
    }
}

/// Operators applied one after another, with counts.
public struct TextPipeline: Sendable {
    /// The operators, first to last.
    public let operators: [any TextOperator]

    /// Creates a pipeline.
    ///
    /// - Parameter operators: the operators, first to last; none leaves every text as it is.
    public init(_ operators: [any TextOperator] = []) { self.operators = operators }

    /// One line for each operator with its settings; equal signatures clean equally.
    public var signature: [String] { operators.map { "\($0.name)(\($0.settings))" } }

    /// Tallies of zeros, one for each operator.
    public var emptyTallies: [OperatorTally] { operators.map { OperatorTally(name: $0.name) } }

    /// Cleans one text and counts what was done.
    ///
    /// Traps when the tallies are not those of this pipeline.
    ///
    /// - Parameters:
    ///   - text: the text of a document, or of one part of a long one.
    ///   - isContinuation: whether it is a later part of a document; filters have decided by the first part.
    ///   - tallies: the counts to add to, from ``emptyTallies``.
    /// - Returns: the cleaned text, or nil when the document is dropped.
    public func process(
        _ text: String,
        isContinuation: Bool = false,
        tallies: inout [OperatorTally]
    ) -> String? {
        guard tallies.count == operators.count else {
            fatalError("TextPipeline: \(tallies.count) tallies for \(operators.count) operators")
        }
        var current = text
        for (index, step) in operators.enumerated() {
            if isContinuation, step.kind == .filter { continue }
            tallies[index].seen += 1
            switch step.apply(to: current) {
            case .unchanged: break
            case .changed(let rewritten):
                tallies[index].changed += 1
                tallies[index].bytesRemoved += current.utf8.count - rewritten.utf8.count
                current = rewritten
            case .dropped:
                tallies[index].dropped += 1
                return nil
            }
        }
        return current
    }
}
