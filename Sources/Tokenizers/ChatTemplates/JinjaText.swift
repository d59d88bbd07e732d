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

    func append(_ text: String, to result: inout String) throws(ChatTemplateError) {
        try spend(bytes: text.utf8.count)
        guard result.utf8.count + text.utf8.count <= limits.textBytes else {
            throw fail(.limitExceeded, "a text is longer than \(limits.textBytes) bytes")
        }
        result += text
    }

    /// Python's `repr`.
    func show(_ value: JinjaValue, into result: inout String) throws(ChatTemplateError) {
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

    func show(_ sequence: JinjaSequence, into result: inout String) throws(ChatTemplateError) {
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

    func show(_ dictionary: JinjaDictionary, into result: inout String) throws(ChatTemplateError) {
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
}
