extension JinjaInterpreter {
    /// Puts arguments in the order of their names, as Python binds a call.
    func bind(
        _ arguments: JinjaArguments,
        _ names: [String],
        required: Int = 0
    ) throws(ChatTemplateError) -> [JinjaValue?] {
        guard arguments.positional.count <= names.count else {
            throw fail(.value, "\(arguments.positional.count) arguments are too many; at most \(names.count)")
        }
        var result: [JinjaValue?] = arguments.positional
        result += [JinjaValue?](repeating: nil, count: names.count - result.count)
        for (name, value) in arguments.keywords {
            guard let index = names.firstIndex(where: { JinjaText.same($0, name) }), result[index] == nil
            else {
                throw fail(.value, "the argument '\(name)' is unknown or given twice")
            }
            result[index] = value
        }
        for index in 0..<required where result[index] == nil {
            throw fail(.value, "the argument '\(names[index])' is missing")
        }
        return result
    }

    func string(_ value: JinjaValue?, _ user: String) throws(ChatTemplateError) -> String {
        if case .string(let text)? = value { return text }
        if case .undefined(let message)? = value { throw fail(.undefined, message) }
        throw fail(.value, "'\(user)' takes a text, not a value of kind '\(value?.kindName ?? "None")'")
    }

    func integer(
        _ value: JinjaValue?,
        _ user: String,
        default standard: Int? = nil
    ) throws(ChatTemplateError) -> Int {
        if let number = value?.asInteger ?? (value == nil ? standard : nil) { return number }
        if case .undefined(let message)? = value { throw fail(.undefined, message) }
        throw fail(.value, "'\(user)' takes an integer, not a value of kind '\(value?.kindName ?? "None")'")
    }

    /// Sorts stably.
    func sorted<Element>(
        _ items: [Element],
        by isLess: (Element, Element) throws(ChatTemplateError) -> Bool
    ) throws(ChatTemplateError) -> [Element] {
        guard items.count > 1 else { return items }
        try spend(items.count)
        let middle = items.count / 2
        let left = try sorted(Array(items[..<middle]), by: isLess)
        let right = try sorted(Array(items[middle...]), by: isLess)
        var result: [Element] = []
        result.reserveCapacity(items.count)
        var (one, two) = (0, 0)
        while one < left.count, two < right.count {
            if try isLess(right[two], left[one]) {
                result.append(right[two])
                two += 1
            } else {
                result.append(left[one])
                one += 1
            }
        }
        return result + left[one...] + right[two...]
    }

    func filter(
        _ name: String,
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        if let result = try textFilter(name, value, arguments) { return result }
        if let result = try valueFilter(name, value, arguments) { return result }
        if let result = try listFilter(name, value, arguments) { return result }
        throw fail(.syntax, "there is no filter '\(name)'")
    }

    // MARK: Texts

    private func textFilter(
        _ name: String,
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue? {
        let simple: [String: (String) -> String] = [
            "lower": JinjaStrings.lower, "upper": JinjaStrings.upper, "capitalize": JinjaStrings.capitalized,
            "title": Self.titleWords, "string": { $0 }, "safe": { $0 }, "escape": JinjaStrings.escaped,
            "e": JinjaStrings.escaped, "forceescape": JinjaStrings.escaped,
        ]
        if let change = simple[name] {
            _ = try bind(arguments, [])
            let text = try text(of: value)
            try spend(bytes: text.utf8.count * 8)
            return .string(change(text))
        }
        switch name {
        case "trim":
            let characters = try bind(arguments, ["chars"])[0]
            let set = characters.map(\.isNone) == false ? try string(characters, name) : nil
            let text = try text(of: value)
            try spend(bytes: text.utf8.count)
            return .string(JinjaStrings.stripped(text, set))
        case "replace":
            let bound = try bind(arguments, ["old", "new", "count"], required: 2)
            let count = bound[2].map(\.isNone) == false ? try integer(bound[2], name) : -1
            return .string(
                try replaced(
                    try text(of: value),
                    try text(of: bound[0] ?? .none),
                    try text(of: bound[1] ?? .none),
                    count
                )
            )
        case "indent": return .string(try indented(value, arguments))
        case "wordcount":
            _ = try bind(arguments, [])
            let text = try text(of: value)
            try spend(bytes: text.utf8.count)
            return .integer(Self.wordCount(text))
        case "center":
            let width = try integer(try bind(arguments, ["width"])[0], name, default: 80)
            let text = try text(of: value)
            return .string(try centered(text, width))
        case "format":
            guard arguments.positional.isEmpty || arguments.keywords.isEmpty else {
                throw fail(.value, "'format' takes arguments with names or without")
            }
            let pattern = try text(of: value)
            if arguments.keywords.isEmpty {
                return .string(try printf(pattern, try sequence(arguments.positional, .tuple)))
            }
            let members = arguments.keywords.map { (JinjaValue.string($0.name), $0.value) }
            return .string(try printf(pattern, .dictionary(try dictionary(members))))
        default: return nil
        }
    }

    private static func titleWords(_ text: String) -> String {
        let breaks: Set<Unicode.Scalar> = ["-", "(", "{", "[", "<"]
        var result = ""
        var isInWord = false
        for scalar in text.unicodeScalars {
            result += isInWord ? scalar.properties.lowercaseMapping : scalar.properties.uppercaseMapping
            isInWord = !(scalar.isPythonSpace || breaks.contains(scalar))
        }
        return result
    }

    private static func wordCount(_ text: String) -> Int {
        var count = 0
        var isInWord = false
        for scalar in text.unicodeScalars {
            let isWord = scalar == "_" || JinjaScalarClass.isAlphanumeric(scalar)
            if isWord, !isInWord { count += 1 }
            isInWord = isWord
        }
        return count
    }

    func replaced(
        _ text: String,
        _ old: String,
        _ new: String,
        _ limit: Int
    ) throws(ChatTemplateError) -> String {
        let limit = limit < 0 ? Int.max : limit
        try spend(bytes: text.utf8.count)
        if old.utf8.isEmpty {
            try spend(bytes: (text.unicodeScalars.count + 1) * (new.utf8.count + 4))
            var result = ""
            var count = 0
            for scalar in text.unicodeScalars {
                if count < limit { result += new }
                count += 1
                result.unicodeScalars.append(scalar)
            }
            return count < limit ? result + new : result
        }
        let bytes = Array(text.utf8)
        let places = JinjaStrings.places(Array(old.utf8), in: bytes, limit: limit)
        try spend(bytes: bytes.count + places.count * new.utf8.count)
        var result: [UInt8] = []
        var start = 0
        for place in places {
            result += bytes[start..<place]
            result += new.utf8
            start = place + old.utf8.count
        }
        return String(decoding: result + bytes[start...], as: UTF8.self)
    }

    private func indented(
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> String {
        let bound = try bind(arguments, ["width", "first", "blank"])
        var indent: String
        if case .string(let text)? = bound[0] {
            indent = text
        } else {
            let width = max(try integer(bound[0], "indent", default: 4), 0)
            try spend(bytes: width)
            indent = String(repeating: " ", count: width)
        }
        let blank = bound[2]?.isTrue ?? false
        let text = try string(value, "indent")
        try spend(bytes: text.utf8.count)
        let lines = JinjaStrings.lines(text + "\n")
        try spend(bytes: text.utf8.count + lines.count * (indent.utf8.count + 1))
        var result = lines.first ?? ""
        for line in lines.dropFirst() { result += "\n" + (blank || !line.utf8.isEmpty ? indent : "") + line }
        return (bound[1]?.isTrue ?? false ? indent : "") + result
    }

    // MARK: Single values

    private func valueFilter(
        _ name: String,
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue? {
        switch name {
        case "default", "d":
            let bound = try bind(arguments, ["default_value", "boolean"])
            let isMissing = value.isUndefined || bound[1]?.isTrue ?? false && !value.isTrue
            return isMissing ? bound[0] ?? .string("") : value
        case "tojson": return try json(value, arguments)
        case "length", "count":
            _ = try bind(arguments, [])
            return .integer(try length(of: value))
        case "int": return try wholeNumber(value, arguments)
        case "float":
            let standard = try bind(arguments, ["default"])[0] ?? .number(0)
            if let number = value.asNumber { return .number(number) }
            if case .undefined(let message) = value { throw fail(.undefined, message) }
            guard case .string(let text) = value, let number = JinjaNumbers.parsed(text) else {
                return standard
            }
            return .number(number)
        case "abs":
            _ = try bind(arguments, [])
            if let integer = value.asInteger {
                guard integer != .min else { throw overflow }
                return .integer(abs(integer))
            }
            if case .undefined(let message) = value { throw fail(.undefined, message) }
            guard let number = value.asNumber else { throw fail(.value, "'abs' takes a number") }
            return .number(abs(number))
        case "round": return try rounded(value, arguments)
        case "attr":
            let name = try bind(arguments, ["name"], required: 1)[0]
            let attributeName = try text(of: name ?? .none)
            if case .dictionary = value {
                return .undefined("a dictionary has no attribute '\(attributeName)'")
            }
            return try attribute(attributeName, of: value)
        default: return nil
        }
    }

    func length(of value: JinjaValue) throws(ChatTemplateError) -> Int {
        switch value {
        case .undefined: return 0
        case .string(let text):
            try spend(bytes: text.utf8.count)
            return text.unicodeScalars.count
        case .sequence(let sequence): return sequence.items.count
        case .dictionary(let dictionary): return dictionary.keys.count
        case .loop(let loop): return loop.items.count
        default: throw fail(.value, "a value of kind '\(value.kindName)' has no length")
        }
    }

    private func wholeNumber(
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        let bound = try bind(arguments, ["default", "base"])
        let standard = bound[0] ?? .integer(0)
        let base = try integer(bound[1], "int", default: 10)
        if case .undefined(let message) = value { throw fail(.undefined, message) }
        if let number = value.asInteger { return .integer(number) }
        var number = value.asNumber
        if case .string(let text) = value {
            if (2...36).contains(base), let integer = JinjaNumbers.integer(text, radix: base) {
                return .integer(integer)
            }
            number = JinjaNumbers.parsed(text)
        }
        guard let number else { return standard }
        guard number.isFinite else {
            if number.isNaN { return standard }
            throw fail(.value, "infinity is no integer")
        }
        guard let integer = Int(exactly: number.rounded(.towardZero)) else { throw overflow }
        return .integer(integer)
    }

    private func rounded(
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        let bound = try bind(arguments, ["precision", "method"])
        let digits = try integer(bound[0], "round", default: 0)
        let method = bound[1] == nil ? "common" : try string(bound[1], "round")
        if case .undefined(let message) = value { throw fail(.undefined, message) }
        guard let number = value.asNumber, ["common", "ceil", "floor"].contains(method) else {
            throw fail(.value, "'round' takes a number, and a method of 'common', 'ceil' or 'floor'")
        }
        if method == "common" {
            if let integer = value.asInteger, digits >= 0 { return .integer(integer) }
            guard number.isFinite, digits <= 300 else { return .number(number) }
            if digits >= 0 { return .number(Double(JinjaNumbers.fixed(number, digits)) ?? number) }
            guard digits > -300 else { return .number(0) }
            let scale = JinjaNumbers.power(10, Double(-digits))
            let result = (number / scale).rounded(.toNearestOrEven) * scale
            return value.asInteger == nil
                ? .number(result) : Int(exactly: result).map { .integer($0) } ?? .number(result)
        }
        guard number.isFinite, abs(digits) <= 300 else { throw fail(.value, "'round' takes a finite number") }
        let scale = JinjaNumbers.power(10, Double(abs(digits)))
        let scaled = digits < 0 ? number / scale : number * scale
        guard scaled.isFinite else { throw overflow }
        let whole = scaled.rounded(method == "ceil" ? .up : .down) + 0
        return .number(digits < 0 ? whole * scale : whole / scale)
    }
}

/// Classes of scalars as Python's `str` methods have them.
enum JinjaScalarClass {
    static func isAlphabetic(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.numericType {
        case .decimal, .digit: true
        default: false
        }
    }

    static func isNumeric(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.numericType != nil }

    static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool { isAlphabetic(scalar) || isNumeric(scalar) }
}
