extension JinjaInterpreter {
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
}
