/// Drops documents that hold one of the given texts: equal, nearly equal, or most of its word or character sequences.
///
/// It keeps what a model is to be judged by out of what it learns from.
public struct ContaminationFilter: TextOperator {
    private let checker: ContaminationChecker<Int>
    private let identity: String

    /// Creates the operator.
    ///
    /// - Parameters:
    ///   - texts: The texts that must not occur.
    ///   - checks: How to look.
    public init(_ texts: [String], checks: ContaminationSettings = ContaminationSettings()) {
        var checker = ContaminationChecker<Int>(checks)
        var fingerprint = TextFingerprint("")
        for (number, text) in texts.enumerated() {
            checker.addTest(id: number, text: text)
            fingerprint = fingerprint.joined(with: TextFingerprint(text))
        }
        self.checker = checker
        identity =
            "\(texts.count) texts \(String(fingerprint.high, radix: 16)), overlap \(checks.overlapThreshold)"
    }

    /// The operator's name.
    public var name: String { "contamination_filter" }
    /// The texts and the share of overlap.
    public var settings: String { identity }
    /// It decides.
    public var kind: TextOperatorKind { .filter }
    /// What is to be judged by may be among the texts.
    public var isForTrainingAlone: Bool { true }

    /// Drops a text that holds one of the given texts.
    ///
    /// - Parameter text: Any text.
    /// - Returns: Unchanged or dropped.
    public func apply(to text: String) -> TextOutcome {
        checker.isContaminated(text) ? .dropped(reason: "holds a text to be judged by") : .unchanged
    }
}
