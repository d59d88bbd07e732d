/// What is wrong with data given to a metric, and where.
///
/// Metrics that take labels, tags, texts or scores from outside throw it; a programmer's mistake (a confidence of
/// 2, a negative number of classes) stops the program instead.
public enum MetricError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Two lists that belong together differ in length; `index` names the example when each has lists of its own.
    case lengthsDiffer(what: String, expected: Int, found: Int, index: Int?)
    /// A label is not among the known ones.
    case unknownLabel(String, index: Int, known: [String])
    /// A class lies outside 0 ..< C.
    case classOutOfRange(Int, index: Int, classCount: Int)
    /// A number cannot be used: NaN where a ranking is wanted, a negative weight, a probability above 1.
    case invalidNumber(Double, index: Int, wanted: String)
    /// A tag does not belong to the scheme.
    case invalidTag(String, sentence: Int, token: Int, wanted: String)
    /// An example lacks what the metric needs (no reference, no gold answer).
    case missing(what: String, index: Int)
    /// Data of an example contradict themselves.
    case inconsistent(String, index: Int)

    /// One sentence that names the place and says what would be right.
    public var description: String {
        switch self {
        case .lengthsDiffer(let what, let expected, let found, let index):
            let place = index.map { "example \($0): " } ?? ""
            return "\(place)\(found) \(what) where \(expected) are needed"
        case .unknownLabel(let label, let index, let known):
            let shown = known.prefix(12).joined(separator: ", ") + (known.count > 12 ? ", …" : "")
            return "example \(index): the label \"\(label)\" is not among the known ones (\(shown))"
        case .classOutOfRange(let label, let index, let classCount):
            return "example \(index): class \(label) lies outside 0 ..< \(classCount)"
        case .invalidNumber(let number, let index, let wanted):
            return "example \(index): \(number) where \(wanted) is needed"
        case .invalidTag(let tag, let sentence, let token, let wanted):
            return "sentence \(sentence), token \(token): the tag \"\(tag)\" is none of \(wanted)"
        case .missing(let what, let index):
            return "example \(index): no \(what)"
        case .inconsistent(let message, let index):
            return "example \(index): \(message)"
        }
    }
}

/// Throws when two lists that belong together differ in length.
func checkLengths(_ what: String, _ found: Int, _ expected: Int, index: Int? = nil) throws(MetricError) {
    if found != expected {
        throw .lengthsDiffer(what: what, expected: expected, found: found, index: index)
    }
}

/// Throws when there are weights and one is negative or no number, or their count is wrong.
func checkWeights(_ weights: [Double]?, count: Int) throws(MetricError) {
    guard let weights else { return }
    try checkLengths("weights", weights.count, count)
    for (index, weight) in weights.enumerated() where !(weight >= 0 && weight.isFinite) {
        throw .invalidNumber(weight, index: index, wanted: "a finite weight of at least 0")
    }
}

/// Throws when a class lies outside 0 ..< C.
func checkClasses(_ classes: [Int], classCount: Int) throws(MetricError) {
    for (index, label) in classes.enumerated() where label < 0 || label >= classCount {
        throw .classOutOfRange(label, index: index, classCount: classCount)
    }
}
