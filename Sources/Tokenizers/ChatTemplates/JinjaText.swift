extension JinjaInterpreter {
    /// What printing a value gives, as Python's `str`.
    func text(of value: JinjaValue) throws(ChatTemplateError) -> String {
        switch value {
        case .string(let text): return text
        case .undefined: return ""
        default:
            var result = ""
            try show(value, into: &result)
            return result
        }
    }

    private func append(_ text: String, to result: inout String) throws(ChatTemplateError) {
        try spend(bytes: text.utf8.count)
        guard result.utf8.count + text.utf8.count <= limits.textBytes else {
            throw fail(.limitExceeded, "a text is longer than \(limits.textBytes) bytes")
        }
        result += text
    }

    /// Python's `repr`.
    private func show(_ value: JinjaValue, into result: inout String) throws(ChatTemplateError) {
        switch value {
        case .undefined: try append("Undefined", to: &result)
        case .none: try append("None", to: &result)
        case .bool(let value): try append(value ? "True" : "False", to: &result)
        case .integer(let value): try append(String(value), to: &result)
        case .number(let value): try append(Self.text(of: value), to: &result)
        case .string(let text):
            try spend(bytes: text.utf8.count)
            try append(JinjaStrings.quoted(text), to: &result)
        case .sequence(let sequence): try show(sequence, into: &result)
        case .dictionary(let dictionary): try show(dictionary, into: &result)
        case .namespace(let namespace):
            try append("<Namespace ", to: &result)
            try show(namespace.values, into: &result)
            try append(">", to: &result)
        case .loop(let loop): try append("<LoopContext \(loop.index + 1)/\(loop.items.count)>", to: &result)
        case .macro(let closure):
            try append("<Macro \(JinjaStrings.quoted(closure.macro.name))>", to: &result)
        case .iterator: try append("<iterator>", to: &result)
        case .method(let method): try append("<method \(method.name)>", to: &result)
        case .function(let name): try append("<function \(name)>", to: &result)
        }
    }

    static func text(of value: Double) -> String { value.isNaN ? "nan" : "\(value)" }

    private func show(_ sequence: JinjaSequence, into result: inout String) throws(ChatTemplateError) {
        let (open, close): (String, String)
        switch sequence.kind {
        case .list: (open, close) = ("[", "]")
        case .tuple: (open, close) = ("(", sequence.items.count == 1 ? ",)" : ")")
        case .keys, .values, .items: (open, close) = ("\(sequence.kind.name)([", "])")
        case .range:
            let (first, end, step) = sequence.bounds
            return try append("range(\(first), \(end)\(step == 1 ? "" : ", \(step)"))", to: &result)
        }
        try append(open, to: &result)
        try deeper { () throws(ChatTemplateError) in
            for (index, item) in sequence.items.enumerated() {
                if index > 0 { try append(", ", to: &result) }
                try show(item, into: &result)
            }
        }
        try append(close, to: &result)
    }

    private func show(_ dictionary: JinjaDictionary, into result: inout String) throws(ChatTemplateError) {
        try append("{", to: &result)
        try deeper { () throws(ChatTemplateError) in
            for index in dictionary.keys.indices {
                if index > 0 { try append(", ", to: &result) }
                try show(dictionary.keys[index], into: &result)
                try append(": ", to: &result)
                try show(dictionary.values[index], into: &result)
            }
        }
        try append("}", to: &result)
    }

    // MARK: JSON

    /// How `tojson` writes.
    struct JSONStyle {
        var asciiOnly = false
        var indent: String?
        var itemSeparator = ", "
        var keySeparator = ": "
        var sortsKeys = false
    }

    /// The filter `tojson` as transformers defines it: Python's `json.dumps` without escapes for HTML.
    func json(_ value: JinjaValue, _ arguments: JinjaArguments) throws(ChatTemplateError) -> JinjaValue {
        let bound = try bind(arguments, ["ensure_ascii", "indent", "separators", "sort_keys"])
        var style = JSONStyle(asciiOnly: bound[0]?.isTrue ?? false, sortsKeys: bound[3]?.isTrue ?? false)
        switch bound[1] {
        case nil, JinjaValue.none?: break
        case .string(let text)?: style.indent = text
        case let indent?:
            guard let width = indent.asInteger else { throw fail(.value, "an indent is a number or a text") }
            try spend(bytes: max(width, 0))
            style.indent = String(repeating: " ", count: max(width, 0))
        }
        if style.indent != nil { style.itemSeparator = "," }
        if let separators = bound[2], !separators.isNone {
            let pair = try elements(of: separators)
            guard pair.count == 2, case .string(let item) = pair[0], case .string(let key) = pair[1] else {
                throw fail(.value, "separators are two texts")
            }
            (style.itemSeparator, style.keySeparator) = (item, key)
        }
        var result = ""
        try writeJSON(value, style, 0, into: &result)
        return .string(result)
    }

    private func writeJSON(
        _ value: JinjaValue,
        _ style: JSONStyle,
        _ level: Int,
        into result: inout String
    ) throws(ChatTemplateError) {
        switch value {
        case .none: try append("null", to: &result)
        case .bool(let value): try append(value ? "true" : "false", to: &result)
        case .integer(let value): try append(String(value), to: &result)
        case .number(let value): try append(Self.jsonNumber(value), to: &result)
        case .string(let text):
            try spend(bytes: text.utf8.count)
            try append(Self.jsonString(text, asciiOnly: style.asciiOnly), to: &result)
        case .sequence(let sequence) where sequence.kind == .list || sequence.kind == .tuple:
            try writeMembers(sequence.items.count, "[", "]", style, level, into: &result) {
                (index, result) throws(ChatTemplateError) in
                try self.writeJSON(sequence.items[index], style, level + 1, into: &result)
            }
        case .dictionary(let dictionary):
            var order = Array(dictionary.keys.indices)
            if style.sortsKeys {
                order = try sorted(order) { (one, two) throws(ChatTemplateError) in
                    try self.order(dictionary.keys[one], dictionary.keys[two]) == .less
                }
            }
            try writeMembers(order.count, "{", "}", style, level, into: &result) {
                (index, result) throws(ChatTemplateError) in
                let key = try self.jsonKey(dictionary.keys[order[index]])
                try self.append(Self.jsonString(key, asciiOnly: style.asciiOnly), to: &result)
                try self.append(style.keySeparator, to: &result)
                try self.writeJSON(dictionary.values[order[index]], style, level + 1, into: &result)
            }
        default: throw fail(.value, "a value of kind '\(value.kindName)' cannot be written as JSON")
        }
    }

    private func writeMembers(
        _ count: Int,
        _ open: String,
        _ close: String,
        _ style: JSONStyle,
        _ level: Int,
        into result: inout String,
        _ write: (Int, inout String) throws(ChatTemplateError) -> Void
    ) throws(ChatTemplateError) {
        guard count > 0 else { return try append(open + close, to: &result) }
        func newLine(_ level: Int, _ result: inout String) throws(ChatTemplateError) {
            guard let indent = style.indent else { return }
            try append("\n", to: &result)
            try spend(bytes: indent.utf8.count * level)
            try append(String(repeating: indent, count: level), to: &result)
        }
        try deeper { () throws(ChatTemplateError) in
            try append(open, to: &result)
            for index in 0..<count {
                if index > 0 { try append(style.itemSeparator, to: &result) }
                try newLine(level + 1, &result)
                try write(index, &result)
            }
            try newLine(level, &result)
            try append(close, to: &result)
        }
    }

    private static func jsonNumber(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return text(of: value)
    }

    private func jsonKey(_ key: JinjaValue) throws(ChatTemplateError) -> String {
        switch key {
        case .string(let text): return text
        case .none: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .integer(let value): return String(value)
        case .number(let value): return Self.jsonNumber(value)
        default: throw fail(.value, "a key of kind '\(key.kindName)' cannot be written as JSON")
        }
    }

    private static func jsonString(_ text: String, asciiOnly: Bool) -> String {
        var result = String.UnicodeScalarView(["\""])
        func escape(_ unit: UInt32) {
            let digits = String(unit, radix: 16)
            result.append(
                contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.utf8.count))\(digits)"
                    .unicodeScalars
            )
        }
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result.append(contentsOf: ["\\", scalar])
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\r": result.append(contentsOf: "\\r".unicodeScalars)
            case "\t": result.append(contentsOf: "\\t".unicodeScalars)
            case "\u{8}": result.append(contentsOf: "\\b".unicodeScalars)
            case "\u{C}": result.append(contentsOf: "\\f".unicodeScalars)
            case _ where scalar.value < 32: escape(scalar.value)
            case _ where asciiOnly && scalar.value > 126 && scalar.value != 127:
                for unit in UTF16.encode(scalar).map({ Array($0) }) ?? [] { escape(UInt32(unit)) }
            default: result.append(scalar)
            }
        }
        result.append("\"")
        return String(result)
    }

    // MARK: Formats

    /// Python's `%` on a text.
    func printf(_ format: String, _ value: JinjaValue) throws(ChatTemplateError) -> String {
        var values = [value]
        var isTuple = false
        if case .sequence(let sequence) = value, sequence.kind == .tuple {
            values = sequence.items
            isTuple = true
        }
        var isMapped = false
        let scalars = Array(format.unicodeScalars)
        var result = ""
        var index = 0
        var next = 0
        while index < scalars.count {
            guard scalars[index] == "%" else {
                result.unicodeScalars.append(scalars[index])
                index += 1
                continue
            }
            index += 1
            var item: JinjaValue?
            if index < scalars.count, scalars[index] == "(" {
                guard let end = scalars[index...].firstIndex(of: ")"), case .dictionary(let members) = value
                else {
                    throw fail(.value, "a format with names takes a dictionary")
                }
                let name = JinjaStrings.text(scalars[(index + 1)..<end])
                guard let found = members.value(name) else {
                    throw fail(.value, "the format lacks '\(name)'")
                }
                item = found
                isMapped = true
                index = end + 1
            }
            let pattern = try printfPattern(scalars, &index)
            if pattern.conversion == "%" {
                result += "%"
                continue
            }
            if item == nil {
                guard next < values.count else { throw fail(.value, "the format wants more values") }
                item = values[next]
                next += 1
            }
            try append(try printfItem(item ?? .none, pattern), to: &result)
        }
        var takesMapping = false
        if case .dictionary = value { takesMapping = true }
        guard next >= values.count || isMapped || takesMapping && !isTuple else {
            throw fail(.value, "the format wants fewer values")
        }
        return result
    }

    private struct Pattern {
        var isLeft = false
        var hasSign = false
        var hasSpace = false
        var hasZeros = false
        var width = 0
        var precision: Int?
        var conversion: Unicode.Scalar = "s"
    }

    private func printfPattern(
        _ scalars: [Unicode.Scalar],
        _ index: inout Int
    ) throws(ChatTemplateError) -> Pattern {
        var pattern = Pattern()
        func digits() -> Int {
            var number = 0
            while index < scalars.count, scalars[index].isASCIIDigit, number < 1_000_000 {
                number = number * 10 + Int(scalars[index].value - 48)
                index += 1
            }
            return number
        }
        loop: while index < scalars.count {
            switch scalars[index] {
            case "-": pattern.isLeft = true
            case "+": pattern.hasSign = true
            case " ": pattern.hasSpace = true
            case "0": pattern.hasZeros = true
            default: break loop
            }
            index += 1
        }
        pattern.width = digits()
        if index < scalars.count, scalars[index] == "." {
            index += 1
            pattern.precision = digits()
        }
        guard index < scalars.count else { throw fail(.value, "the format ends within a pattern") }
        pattern.conversion = scalars[index]
        index += 1
        try spend(bytes: pattern.width)
        return pattern
    }

    private func printfItem(_ value: JinjaValue, _ pattern: Pattern) throws(ChatTemplateError) -> String {
        var body: String
        var isNumber = true
        switch pattern.conversion {
        case "s", "r", "a":
            isNumber = false
            body = pattern.conversion == "s" ? try text(of: value) : try shown(value)
            if let precision = pattern.precision { body = String(body.unicodeScalars.prefix(precision)) }
        case "d", "i", "u", "x", "X", "o":
            var number = value.asInteger
            if number == nil, case .number(let double) = value,
                "diu".unicodeScalars.contains(pattern.conversion)
            {
                number = Int(exactly: double.rounded(.towardZero))
            }
            guard let number else { throw fail(.value, "the format wants a whole number") }
            let radix =
                "xX".unicodeScalars.contains(pattern.conversion) ? 16 : pattern.conversion == "o" ? 8 : 10
            body = String(number.magnitude, radix: radix, uppercase: pattern.conversion == "X")
            let zeros = (pattern.precision ?? 0) - body.utf8.count
            try spend(bytes: max(zeros, 0))
            body = (number < 0 ? "-" : "") + String(repeating: "0", count: max(zeros, 0)) + body
        case "f", "F", "e", "E", "g", "G":
            guard let number = value.asNumber else { throw fail(.value, "the format wants a number") }
            body = JinjaNumbers.fixed(number, pattern.precision ?? 6, format: String(pattern.conversion))
        default: throw fail(.value, "the format has an unknown pattern '%\(pattern.conversion)'")
        }
        if isNumber, body.utf8.first != UInt8(ascii: "-") {
            body = (pattern.hasSign ? "+" : pattern.hasSpace ? " " : "") + body
        }
        let missing = pattern.width - body.unicodeScalars.count
        guard missing > 0 else { return body }
        if pattern.isLeft { return JinjaStrings.padded(body, 0, missing) }
        guard pattern.hasZeros, isNumber else { return JinjaStrings.padded(body, missing, 0) }
        let hasSign = ["+", "-", " "].contains(body.unicodeScalars.first)
        let sign = hasSign ? String(body.unicodeScalars.prefix(1)) : ""
        return sign
            + JinjaStrings.padded(String(body.unicodeScalars.dropFirst(hasSign ? 1 : 0)), missing, 0, "0")
    }

    /// Python's `repr` as a text.
    func shown(_ value: JinjaValue) throws(ChatTemplateError) -> String {
        var result = ""
        try show(value, into: &result)
        return result
    }

    /// Python's `str.format`, with fields by number, name, attribute and element, `!r`, width and precision.
    func format(_ format: String, _ arguments: JinjaArguments) throws(ChatTemplateError) -> String {
        let scalars = Array(format.unicodeScalars)
        var result = ""
        var index = 0
        var next = 0
        while index < scalars.count {
            let scalar = scalars[index]
            let isDouble = index + 1 < scalars.count && scalars[index + 1] == scalar
            if scalar == "{" && !isDouble {
                guard let end = scalars[index...].firstIndex(of: "}") else {
                    throw fail(.value, "a field of the format has no end")
                }
                let field = Array(scalars[(index + 1)..<end])
                guard !field.contains("{") else {
                    throw fail(.unsupported, "fields within fields of a format are not supported")
                }
                try append(try formatField(field, arguments, &next), to: &result)
                index = end + 1
                continue
            }
            guard scalar != "}" || isDouble else { throw fail(.value, "the format has a single '}'") }
            result.unicodeScalars.append(scalar)
            index += (scalar == "{" || scalar == "}") ? 2 : 1
        }
        return result
    }

    private func formatField(
        _ field: [Unicode.Scalar],
        _ arguments: JinjaArguments,
        _ next: inout Int
    ) throws(ChatTemplateError) -> String {
        let colon = field.firstIndex(of: ":") ?? field.count
        let specification = JinjaStrings.text(field[min(colon + 1, field.count)...])
        var path = Array(field[..<colon])
        var conversion: Unicode.Scalar?
        if path.count >= 2, path[path.count - 2] == "!" {
            conversion = path[path.count - 1]
            path.removeLast(2)
        }
        guard !path.contains("."), !path.contains("[") else {
            throw fail(.unsupported, "attributes and elements in a format are not supported")
        }
        let name = JinjaStrings.text(path)
        var value: JinjaValue?
        if name.utf8.isEmpty {
            guard next >= 0 else { throw fail(.value, "the format mixes numbered fields with others") }
            value = arguments.positional.indices.contains(next) ? arguments.positional[next] : nil
            next += 1
        } else if let number = Int(name), number >= 0 {
            guard next <= 0 else { throw fail(.value, "the format mixes numbered fields with others") }
            next = -1
            value = arguments.positional.indices.contains(number) ? arguments.positional[number] : nil
        } else {
            value = arguments.keywords.last { JinjaText.same($0.name, name) }?.value
        }
        guard var value else { throw fail(.value, "the format lacks a value for '\(name)'") }
        switch conversion {
        case nil: break
        case "s": value = .string(try text(of: value))
        case "r": value = .string(try shown(value))
        default: throw fail(.value, "the format has an unknown conversion")
        }
        return try formatted(value, specification)
    }

    /// A value as the part of a field behind the colon asks.
    private func formatted(_ value: JinjaValue, _ specification: String) throws(ChatTemplateError) -> String {
        if specification.utf8.isEmpty { return try text(of: value) }
        var scalars = Array(specification.unicodeScalars)[...]
        var fill: Unicode.Scalar = " "
        var alignment: Unicode.Scalar?
        let alignments: Set<Unicode.Scalar> = ["<", ">", "^"]
        if scalars.count > 1, alignments.contains(scalars[scalars.startIndex + 1]) {
            fill = scalars.removeFirst()
            alignment = scalars.removeFirst()
        } else if let first = scalars.first, alignments.contains(first) {
            alignment = scalars.removeFirst()
        }
        var pattern = Pattern()
        var index = 0
        var isString = false
        if case .string = value { isString = true }
        if let last = scalars.last, !last.isASCIIDigit {
            let allowed = isString ? "s" : "dxXofFeEgG"
            guard allowed.unicodeScalars.contains(last) else {
                throw fail(.unsupported, "the format '\(specification)' is not supported")
            }
        } else {
            guard isString || value.asInteger != nil || value.asNumber != nil else {
                throw fail(.value, "a value of kind '\(value.kindName)' takes no format")
            }
            if case .number = value, scalars.contains(".") {
                throw fail(.unsupported, "the format '\(specification)' is not supported")
            }
            scalars.append(isString ? "s" : value.asInteger != nil ? "d" : "s")
        }
        pattern = try printfPattern(Array(scalars), &index)
        guard index == scalars.count else {
            throw fail(.unsupported, "the format '\(specification)' is not supported")
        }
        let width = pattern.width
        let zeros = pattern.hasZeros && alignment == nil
        if !zeros { pattern.width = 0 }
        let body = try printfItem(value, pattern)
        let missing = max(width - body.unicodeScalars.count, 0)
        switch alignment ?? (isString ? "<" : ">") {
        case "<": return JinjaStrings.padded(body, 0, missing, fill)
        case "^": return JinjaStrings.padded(body, missing / 2, missing - missing / 2, fill)
        default: return JinjaStrings.padded(body, missing, 0, fill)
        }
    }
}
