/// What an operator did with a text.
public enum TextOutcome: Sendable, Equatable {
    /// The text stays as it is.
    case unchanged
    /// The text is replaced.
    case changed(String)
    /// The text is replaced, and reports count what was found in it, such as `["email": 2]`.
    case rewritten(String, found: [String: Int])
    /// The document is left out, for a reason that reports count, such as "too short".
    case dropped(reason: String)
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
    /// Whether it is for text to learn from alone, and leaves text that is given to judge by as it is.
    var isForTrainingAlone: Bool { get }

    /// Applies the operator to one text.
    ///
    /// - Parameter text: the text of a document, or of a part of a very long one.
    /// - Returns: what becomes of it.
    func apply(to text: String) -> TextOutcome
}

extension TextOperator {
    /// It is for all text.
    public var isForTrainingAlone: Bool { false }
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
    /// Why documents were dropped, or what was found in rewritten ones, counted.
    public var reasons: [String: Int] = [:]
    /// The first few texts that were changed or dropped, in the order of the documents.
    public var examples: [OperatorExample] = []

    /// The number of examples that are kept.
    public static let exampleLimit = 3

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
        reasons.merge(other.reasons, uniquingKeysWith: +)
        examples += other.examples.prefix(Self.exampleLimit - examples.count)
    }
}

extension OperatorTally {
    /// Counts a text that was rewritten.
    mutating func note(_ before: String, rewritten after: String) {
        changed += 1
        bytesRemoved += before.utf8.count - after.utf8.count
        if examples.count < Self.exampleLimit { examples.append(OperatorExample(before, rewritten: after)) }
    }

    /// Counts a text that was dropped.
    mutating func note(dropped text: String, reason: String) {
        dropped += 1
        reasons[reason, default: 0] += 1
        if examples.count < Self.exampleLimit {
            examples.append(OperatorExample(dropped: text, reason: reason))
        }
    }
}

/// What an operator did, shown on one text.
public struct OperatorExample: Sendable, Equatable, Codable {
    /// The text around the first difference before the operator; the beginning of a dropped text.
    public let before: String
    /// The same place afterwards; nil for a dropped text.
    public let after: String?
    /// Why the text was dropped; nil for a changed one.
    public let reason: String?

    /// The number of Unicode scalars shown.
    static let length = 120

    /// An example read back from a record.
    ///
    /// - Parameters:
    ///   - before: The text before.
    ///   - after: The text after; nil for a dropped one.
    ///   - reason: Why it was dropped.
    public init(before: String, after: String?, reason: String?) {
        (self.before, self.after, self.reason) = (before, after, reason)
    }

    /// A dropped text.
    init(dropped text: String, reason: String) {
        self.init(before: Self.excerpt(text.unicodeScalars), after: nil, reason: reason)
    }

    /// A rewritten text.
    init(_ before: String, rewritten after: String) {
        let (old, new) = (before.unicodeScalars, after.unicodeScalars)
        var (oldStart, newStart) = (old.startIndex, new.startIndex)
        while oldStart < old.endIndex, newStart < new.endIndex, old[oldStart] == new[newStart] {
            old.formIndex(after: &oldStart)
            new.formIndex(after: &newStart)
        }
        let context = 20
        oldStart = old.index(oldStart, offsetBy: -context, limitedBy: old.startIndex) ?? old.startIndex
        newStart = new.index(newStart, offsetBy: -context, limitedBy: new.startIndex) ?? new.startIndex
        self.init(before: Self.excerpt(old[oldStart...]), after: Self.excerpt(new[newStart...]), reason: nil)
    }

    private static func excerpt(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars.lazy.prefix(length))
        return String(view)
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
    ///   - isValidation: whether it is of text that is given to judge by.
    ///   - tallies: the counts to add to, from ``emptyTallies``.
    /// - Returns: the cleaned text, or nil when the document is dropped.
    public func process(
        _ text: String,
        isContinuation: Bool = false,
        isValidation: Bool = false,
        tallies: inout [OperatorTally]
    ) -> String? {
        guard tallies.count == operators.count else {
            fatalError("TextPipeline: \(tallies.count) tallies for \(operators.count) operators")
        }
        var current = text
        for (index, step) in operators.enumerated() {
            if isContinuation, step.kind == .filter { continue }
            if isValidation, step.isForTrainingAlone { continue }
            tallies[index].seen += 1
            switch step.apply(to: current) {
            case .unchanged: break
            case .changed(let rewritten):
                tallies[index].note(current, rewritten: rewritten)
                current = rewritten
            case .rewritten(let rewritten, let found):
                tallies[index].note(current, rewritten: rewritten)
                tallies[index].reasons.merge(found, uniquingKeysWith: +)
                current = rewritten
            case .dropped(let reason):
                tallies[index].note(dropped: current, reason: reason)
                return nil
            }
        }
        return current
    }
}
