/// Why a chat template cannot be read or rendered, and where in the template.
public struct ChatTemplateError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of a failure, for programs; the message is for people.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The stable name of the code.
        public let description: String

        init(_ name: String) { description = name }

        /// The template breaks the rules of the language.
        public static let syntax = Code("syntax")
        /// Something that is not defined is used as if it were.
        public static let undefined = Code("undefined")
        /// A value is of a kind, or has a content, that the operation does not take.
        public static let value = Code("value")
        /// The template itself refused the conversation with `raise_exception`.
        public static let raised = Code("raised")
        /// The template wants more steps, depth or text than it may have.
        public static let limitExceeded = Code("limit-exceeded")
        /// The language of templates knows it, this reader does not.
        public static let unsupported = Code("unsupported")
        /// The parts to train on cannot be told from the text.
        public static let spans = Code("spans")
    }

    /// The kind of failure.
    public let code: Code
    /// The line of the template, counted from 1; 0 when the failure has no place in it.
    public let line: Int
    /// The column of the template in Unicode scalars, counted from 1; 0 when the failure has no place in it.
    public let column: Int
    /// What is wrong; for `raised` the message of the template alone.
    public let message: String

    init(_ code: Code, _ place: JinjaPlace, _ message: String) {
        self.code = code
        line = Int(place.line)
        column = Int(place.column)
        self.message = message
    }

    /// The failure in words.
    public var description: String {
        line > 0 ? "template line \(line), column \(column): \(message)" : "chat template: \(message)"
    }
}

/// How much a template may cost: templates come from strangers.
public struct ChatTemplateLimits: Sendable, Hashable {
    /// The most scalars of a template's source.
    public var sourceLength = 1 << 20
    /// The most steps of one rendering; a statement, an operation, an element and 16 bytes of text are one each.
    public var steps = 5_000_000
    /// The most bytes of one text, the result included.
    public var textBytes = 1 << 25
    /// The most elements of one list; `range` refuses more than 100,000 as Jinja's sandbox does.
    public var elements = 1 << 20
    /// The deepest nesting of evaluation: statements, operations and calls of macros together.
    public var depth = 400

    /// The default limits.
    public init() {}
}

/// A place in a template.
struct JinjaPlace: Sendable, Hashable {
    var line: Int32
    var column: Int32

    static let none = JinjaPlace(line: 0, column: 0)
}
