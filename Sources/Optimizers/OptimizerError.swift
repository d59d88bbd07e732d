/// What an optimizer, its groups or its state cannot accept.
public enum OptimizerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A trainable parameter is in no group.
    case missingParameter(name: String)
    /// A parameter is in two places.
    case doubledParameter(name: String, groups: [String])
    /// A parameter of a group is not one of the model's.
    case unknownParameter(name: String, group: String)
    /// A parameter of a group takes no gradient.
    case frozenParameter(name: String, group: String)
    /// A rule cannot change a parameter of this shape.
    case unsuitableParameter(name: String, group: String, reason: String)
    /// A hyperparameter lies outside its range.
    case invalidHyperparameter(name: String, value: String, expected: String)
    /// A name, for example a schedule's, is not known.
    case unknownName(kind: String, name: String, known: [String])
    /// A gradient holds NaN or an infinity.
    case nonFiniteGradient(name: String, index: Int, value: Double)
    /// A state tensor that the parameters need is missing.
    case missingState(name: String)
    /// A state tensor belongs to no parameter.
    case unexpectedState(name: String)
    /// A state tensor has another shape or dtype than its parameter needs.
    case mismatchedState(name: String, found: String, expected: String)

    /// The sentence that names the parameter or tensor and says what would be right.
    public var description: String {
        switch self {
        case .missingParameter(let name):
            "the trainable parameter \(name) is in no parameter group; add it to one or freeze it"
        case .doubledParameter(let name, let groups):
            "the parameter \(name) is in the groups \(groups.joined(separator: " and ")); it may be in one only"
        case .unknownParameter(let name, let group):
            "the parameter \(name) of group \(group) is not a parameter of the model"
        case .frozenParameter(let name, let group):
            "the parameter \(name) of group \(group) is frozen; leave it out or make it trainable"
        case .unsuitableParameter(let name, let group, let reason):
            "the parameter \(name) does not suit the rule of group \(group): \(reason)"
        case .invalidHyperparameter(let name, let value, let expected):
            "\(name) is \(value); \(expected) is wanted"
        case .unknownName(let kind, let name, let known):
            "there is no \(kind) named \(name); known are \(known.joined(separator: ", "))"
        case .nonFiniteGradient(let name, let index, let value):
            "the gradient of \(name) holds \(value) at index \(index)"
        case .missingState(let name):
            "the optimizer state \(name) is missing"
        case .unexpectedState(let name):
            "the optimizer state \(name) belongs to no parameter of this optimizer"
        case .mismatchedState(let name, let found, let expected):
            "the optimizer state \(name) is \(found); \(expected) is wanted"
        }
    }
}
