/// An expression of a template.
final class JinjaExpression: Sendable {
    enum Kind: Sendable {
        case constant(JinjaConstant)
        case name(String)
        case list([JinjaExpression])
        case tuple([JinjaExpression])
        case dictionary([(JinjaExpression, JinjaExpression)])
        case unary(String, JinjaExpression)
        case binary(String, JinjaExpression, JinjaExpression)
        case and(JinjaExpression, JinjaExpression)
        case or(JinjaExpression, JinjaExpression)
        case concatenation([JinjaExpression])
        case comparison(JinjaExpression, [(String, JinjaExpression)])
        case condition(test: JinjaExpression, then: JinjaExpression, otherwise: JinjaExpression?)
        case attribute(JinjaExpression, String)
        case subscripted(JinjaExpression, JinjaExpression)
        case slice(JinjaExpression, JinjaExpression?, JinjaExpression?, JinjaExpression?)
        case call(JinjaExpression, JinjaArgumentList)
        /// A filter; nil stands for the text of the block around it.
        case filter(JinjaExpression?, String, JinjaArgumentList)
        case test(JinjaExpression, String, JinjaArgumentList)
    }

    let kind: Kind
    let place: JinjaPlace
    /// The longest way to a leaf, bounded so that evaluating and freeing never exhaust the stack.
    let depth: Int

    init(_ kind: Kind, _ place: JinjaPlace, depth: Int) {
        self.kind = kind
        self.place = place
        self.depth = depth
    }
}

/// A value written in a template.
enum JinjaConstant: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
}

/// The arguments of a call, a filter or a test.
struct JinjaArgumentList: Sendable {
    var positional: [JinjaExpression] = []
    var keywords: [(String, JinjaExpression)] = []
    var spreadPositional: JinjaExpression?
    var spreadKeywords: JinjaExpression?

    var all: [JinjaExpression] {
        positional + keywords.map(\.1) + [spreadPositional, spreadKeywords].compactMap { $0 }
    }
}

/// What is assigned to.
enum JinjaTarget: Sendable {
    case name(String)
    case attribute(String, String)
    indirect case tuple([JinjaTarget])
}

/// The parameters and the body of a macro or a call block.
final class JinjaMacro: Sendable {
    let name: String
    let parameters: [(name: String, standard: JinjaExpression?)]
    let body: [JinjaStatement]
    let takesVariableArguments: Bool
    let takesKeywords: Bool
    let takesCaller: Bool

    init(
        _ name: String,
        _ parameters: [(name: String, standard: JinjaExpression?)],
        _ body: [JinjaStatement],
        names: Set<String>
    ) {
        self.name = name
        self.parameters = parameters
        self.body = body
        takesVariableArguments = names.contains("varargs")
        takesKeywords = names.contains("kwargs")
        takesCaller = names.contains("caller")
    }
}

/// A `for` statement.
final class JinjaLoopStatement: Sendable {
    let target: JinjaTarget
    let items: JinjaExpression
    let condition: JinjaExpression?
    let isRecursive: Bool
    let body: [JinjaStatement]
    let otherwise: [JinjaStatement]

    init(
        target: JinjaTarget,
        items: JinjaExpression,
        condition: JinjaExpression?,
        isRecursive: Bool,
        body: [JinjaStatement],
        otherwise: [JinjaStatement]
    ) {
        self.target = target
        self.items = items
        self.condition = condition
        self.isRecursive = isRecursive
        self.body = body
        self.otherwise = otherwise
    }
}

/// A statement of a template.
struct JinjaStatement: Sendable {
    indirect enum Kind: Sendable {
        case text(String)
        case output(JinjaExpression)
        case condition([(test: JinjaExpression, body: [JinjaStatement])], otherwise: [JinjaStatement])
        case loop(JinjaLoopStatement)
        case leave
        case next
        case set(JinjaTarget, JinjaExpression)
        case setBlock(JinjaTarget, filter: JinjaExpression?, [JinjaStatement])
        case with([(JinjaTarget, JinjaExpression)], [JinjaStatement])
        case filterBlock(JinjaExpression, [JinjaStatement])
        case macro(JinjaMacro)
        case call(JinjaExpression, JinjaArgumentList, JinjaMacro)
        case generation([JinjaStatement])
    }

    let kind: Kind
    let place: JinjaPlace
}
