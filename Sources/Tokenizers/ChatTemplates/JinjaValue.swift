/// A value of a template, with Python's kinds and rules.
///
/// Lists and dictionaries never change: the sandbox of chat templates refuses the methods that would change them.
enum JinjaValue {
    /// Nothing; prints as empty text, and says what is missing when it is used.
    case undefined(String)
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case sequence(JinjaSequence)
    case dictionary(JinjaDictionary)
    case namespace(JinjaNamespace)
    case loop(JinjaLoop)
    case macro(JinjaClosure)
    case iterator(JinjaIterator)
    case method(JinjaMethod)
    case function(String)

    /// The kind as Python names it, for error messages.
    var kindName: String {
        switch self {
        case .undefined: "undefined"
        case .none: "None"
        case .bool: "bool"
        case .integer: "int"
        case .number: "float"
        case .string: "str"
        case .sequence(let sequence): sequence.kind.name
        case .dictionary: "dict"
        case .namespace: "namespace"
        case .loop: "loop"
        case .macro: "macro"
        case .iterator: "iterator"
        case .method, .function: "function"
        }
    }

    var isUndefined: Bool { if case .undefined = self { true } else { false } }
    var isNone: Bool { if case .none = self { true } else { false } }

    /// How deep values hold values.
    var depth: Int {
        switch self {
        case .sequence(let sequence): sequence.depth
        case .dictionary(let dictionary): dictionary.depth
        case .iterator(let iterator): iterator.depth
        case .method(let method): method.receiver.depth + 1
        default: 0
        }
    }

    /// An integer, also from a truth value.
    var asInteger: Int? {
        switch self {
        case .integer(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    /// A number, also from a truth value.
    var asNumber: Double? {
        if case .number(let value) = self { value } else { asInteger.map { Double($0) } }
    }

    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .number(let value): value != 0
        case .string(let value): !value.utf8.isEmpty
        case .sequence(let sequence): !sequence.items.isEmpty
        case .dictionary(let dictionary): !dictionary.keys.isEmpty
        case .loop(let loop): !loop.items.isEmpty
        case .namespace, .macro, .iterator, .method, .function: true
        }
    }
}

/// A list, a tuple, a range or a view of a dictionary.
final class JinjaSequence {
    enum Kind {
        case list
        case tuple
        case range
        case keys
        case values
        case items

        var name: String {
            switch self {
            case .list: "list"
            case .tuple: "tuple"
            case .range: "range"
            case .keys: "dict_keys"
            case .values: "dict_values"
            case .items: "dict_items"
            }
        }

        /// Whether elements are found by their number.
        var isIndexed: Bool {
            switch self {
            case .list, .tuple, .range: true
            case .keys, .values, .items: false
            }
        }
    }

    let items: [JinjaValue]
    let kind: Kind
    let depth: Int
    /// First, end and step of a range.
    let bounds: (Int, Int, Int)

    init(_ items: [JinjaValue], _ kind: Kind, depth: Int, bounds: (Int, Int, Int) = (0, 0, 1)) {
        self.items = items
        self.kind = kind
        self.depth = depth
        self.bounds = bounds
    }
}

/// What tells keys of a dictionary apart: 1, 1.0 and true are one key.
enum JinjaKey: Hashable {
    case undefined
    case none
    case integer(Int)
    case number(Double)
    case string(JinjaText)
    case tuple([JinjaKey])
    case object(ObjectIdentifier)
}

/// Text that is equal when its bytes are.
struct JinjaText: Hashable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: JinjaText, right: JinjaText) -> Bool { same(left.text, right.text) }

    static func same(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count && left.utf8.elementsEqual(right.utf8)
    }

    func hash(into hasher: inout Hasher) { text.hash(into: &hasher) }
}

/// A dictionary in the order in which its keys came.
final class JinjaDictionary {
    private(set) var keys: [JinjaValue] = []
    private(set) var values: [JinjaValue] = []
    private var index: [JinjaKey: Int] = [:]
    private(set) var depth = 1

    func set(_ key: JinjaValue, _ hashed: JinjaKey, _ value: JinjaValue) {
        depth = max(depth, key.depth + 1, value.depth + 1)
        if let found = index[hashed] {
            values[found] = value
        } else {
            index[hashed] = keys.count
            keys.append(key)
            values.append(value)
        }
    }

    func set(_ key: String, _ value: JinjaValue) { set(.string(key), .string(JinjaText(key)), value) }

    func value(_ key: JinjaKey) -> JinjaValue? { index[key].map { values[$0] } }

    func value(_ key: String) -> JinjaValue? { value(.string(JinjaText(key))) }

    func has(_ key: JinjaKey) -> Bool { index[key] != nil }
}

/// A value that changes: `namespace(...)`.
final class JinjaNamespace {
    var values = JinjaDictionary()
}

/// Values that are handed out once, as filters such as `map` give them.
final class JinjaIterator {
    private var items: [JinjaValue]
    let depth: Int

    init(_ items: [JinjaValue], depth: Int) {
        self.items = items
        self.depth = depth
    }

    func take() -> [JinjaValue] {
        defer { items = [] }
        return items
    }

    func takeFirst() -> JinjaValue? {
        guard let first = items.first else { return nil }
        items.removeFirst()
        return first
    }
}

/// A method with the value it belongs to.
final class JinjaMethod {
    let receiver: JinjaValue
    let name: String

    init(_ receiver: JinjaValue, _ name: String) {
        self.receiver = receiver
        self.name = name
    }
}

/// A macro with the names around it.
final class JinjaClosure {
    let macro: JinjaMacro
    var scope: JinjaScope?

    init(_ macro: JinjaMacro, _ scope: JinjaScope) {
        self.macro = macro
        self.scope = scope
    }
}

/// The names of a block.
final class JinjaScope {
    var values: [JinjaText: JinjaValue] = [:]
    let parent: JinjaScope?
    let depth: Int

    init(_ parent: JinjaScope?) {
        self.parent = parent
        depth = parent.map { $0.depth + 1 } ?? 0
    }

    func find(_ name: JinjaText) -> JinjaValue? {
        var scope: JinjaScope? = self
        while let here = scope {
            if let value = here.values[name] { return value }
            scope = here.parent
        }
        return nil
    }
}

/// The variable `loop`.
final class JinjaLoop {
    var items: [JinjaValue]
    var index = 0
    let depth: Int
    /// What a recursive loop does again.
    let statement: JinjaLoopStatement
    var scope: JinjaScope?
    var changed: [JinjaValue]?

    init(_ items: [JinjaValue], depth: Int, _ statement: JinjaLoopStatement, _ scope: JinjaScope) {
        self.items = items
        self.depth = depth
        self.statement = statement
        self.scope = scope
    }
}

/// The arguments of a call.
struct JinjaArguments {
    var positional: [JinjaValue] = []
    var keywords: [(name: String, value: JinjaValue)] = []
}
