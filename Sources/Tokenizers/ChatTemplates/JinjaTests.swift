extension JinjaInterpreter {
    private static let comparisons = [
        "eq": "==", "equalto": "==", "==": "==", "ne": "!=", "!=": "!=", "lt": "<", "lessthan": "<", "<": "<",
        "gt": ">", "greaterthan": ">", ">": ">", "le": "<=", "<=": "<=", "ge": ">=", ">=": ">=", "in": "in",
    ]

    private static let testNames: Set<String> = [
        "defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string",
        "mapping", "iterable", "sequence", "callable", "lower", "upper", "odd", "even", "divisibleby",
        "sameas",
        "escaped", "filter", "test",
    ]

    private static let filterNames: Set<String> = [
        "lower", "upper", "capitalize", "title", "string", "safe", "escape", "e", "forceescape", "trim",
        "replace",
        "indent", "wordcount", "center", "format", "default", "d", "tojson", "length", "count", "int",
        "float",
        "abs", "round", "attr", "list", "first", "last", "join", "reverse", "sort", "unique", "min", "max",
        "sum",
        "map", "select", "reject", "selectattr", "rejectattr", "items", "dictsort", "batch", "slice",
    ]

    func test(
        _ name: String,
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> Bool {
        if let symbol = Self.comparisons[name] {
            let other = try bind(arguments, ["other"], required: 1)[0] ?? .none
            return try compare(symbol, value, other)
        }
        switch name {
        case "divisibleby":
            let other = try bind(arguments, ["num"], required: 1)[0] ?? .none
            return try isEqual(try binary("%", value, other), .integer(0))
        case "sameas": return try isSame(value, try bind(arguments, ["other"], required: 1)[0] ?? .none)
        default: _ = try bind(arguments, [])
        }
        switch name {
        case "odd", "even":
            return try isEqual(try binary("%", value, .integer(2)), .integer(name == "odd" ? 1 : 0))
        case "lower", "upper":
            let text = try text(of: value)
            try spend(bytes: text.utf8.count)
            return Self.isCased(text, upper: name == "upper")
        case "filter": return Self.filterNames.contains(try string(value, name))
        case "test":
            let wanted = try string(value, name)
            return Self.testNames.contains(wanted) || Self.comparisons[wanted] != nil
        case _ where Self.testNames.contains(name): return Self.isOfKind(name, value)
        default: throw fail(.syntax, "there is no test '\(name)'")
        }
    }

    private static func isOfKind(_ name: String, _ value: JinjaValue) -> Bool {
        switch (name, value) {
        case ("undefined", .undefined), ("none", .none), ("boolean", .bool), ("string", .string),
            ("mapping", .dictionary), ("true", .bool(true)), ("false", .bool(false)), ("integer", .integer),
            ("float", .number), ("number", .integer), ("number", .number), ("number", .bool),
            ("callable", .macro), ("callable", .method), ("callable", .function), ("callable", .loop),
            ("callable", .undefined), ("iterable", .iterator), ("iterable", .loop):
            return true
        case ("defined", _): return !value.isUndefined
        case ("iterable", .undefined), ("iterable", .string), ("iterable", .sequence),
            ("iterable", .dictionary),
            ("sequence", .undefined), ("sequence", .string), ("sequence", .dictionary):
            return true
        case ("sequence", .sequence(let sequence)): return sequence.kind.isIndexed
        default: return false
        }
    }

    private func isSame(_ one: JinjaValue, _ two: JinjaValue) throws(ChatTemplateError) -> Bool {
        switch (one, two) {
        case (.bool, .bool), (.integer, .integer), (.none, .none), (.string, .string):
            return try isEqual(one, two)
        case (.sequence(let one), .sequence(let two)): return one === two
        case (.dictionary(let one), .dictionary(let two)): return one === two
        case (.namespace, .namespace), (.loop, .loop), (.macro, .macro): return try isEqual(one, two)
        default: return false
        }
    }

    /// Python's `str.isupper` or `str.islower`.
    static func isCased(_ text: String, upper: Bool) -> Bool {
        var hasCase = false
        for scalar in text.unicodeScalars where scalar.isCased {
            guard upper ? scalar.properties.isUppercase : scalar.properties.isLowercase else { return false }
            hasCase = true
        }
        return hasCase
    }
}
