extension JinjaInterpreter {
    func listFilter(
        _ name: String,
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue? {
        switch name {
        case "list":
            _ = try bind(arguments, [])
            return try sequence(try elements(of: value))
        case "first":
            _ = try bind(arguments, [])
            if case .iterator(let iterator) = value {
                return iterator.takeFirst() ?? .undefined("there is no first item")
            }
            return try elements(of: value).first ?? .undefined("there is no first item")
        case "last":
            _ = try bind(arguments, [])
            if case .iterator = value { throw fail(.value, "an iterator has no last item") }
            return try elements(of: value).last ?? .undefined("there is no last item")
        case "join": return .string(try joined(value, arguments))
        case "reverse":
            _ = try bind(arguments, [])
            if case .string(let text) = value {
                try spend(bytes: text.utf8.count * 4)
                return .string(JinjaStrings.text(text.unicodeScalars.reversed()))
            }
            return try iterator(try elements(of: value).reversed())
        case "sort":
            let bound = try bind(arguments, ["reverse", "case_sensitive", "attribute"])
            return try sequence(
                try sorted(
                    try elements(of: value),
                    attributes: bound[2],
                    caseSensitive: bound[1]?.isTrue ?? false,
                    reverse: bound[0]?.isTrue ?? false
                )
            )
        case "unique": return try unique(value, arguments)
        case "min", "max": return try extreme(name, value, arguments)
        case "sum": return try sum(value, arguments)
        case "map": return try mapped(value, arguments)
        case "select", "reject", "selectattr", "rejectattr": return try selected(name, value, arguments)
        case "items":
            _ = try bind(arguments, [])
            if value.isUndefined { return try iterator([]) }
            guard case .dictionary(let dictionary) = value else {
                throw fail(.value, "'items' takes a dictionary, not a value of kind '\(value.kindName)'")
            }
            return try iterator(try pairs(of: dictionary))
        case "dictsort": return try sortedDictionary(value, arguments)
        case "batch": return try batches(value, arguments)
        case "slice": return try slices(value, arguments)
        default: return nil
        }
    }

    func pairs(of dictionary: JinjaDictionary) throws(ChatTemplateError) -> [JinjaValue] {
        var result: [JinjaValue] = []
        for (key, value) in zip(dictionary.keys, dictionary.values) {
            result.append(try sequence([key, value], .tuple))
        }
        return result
    }

    /// The attribute that a path of names and numbers with dots between them leads to.
    private func follow(_ path: JinjaValue, from value: JinjaValue) throws(ChatTemplateError) -> JinjaValue {
        guard case .string(let path) = path else { return try element(path, of: value) }
        var result = value
        for part in path.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            let name = String(decoding: part, as: UTF8.self)
            try spend()
            result = try element(Int(name).map { .integer($0) } ?? .string(name), of: result)
        }
        return result
    }

    private func folded(_ value: JinjaValue, _ caseSensitive: Bool) throws(ChatTemplateError) -> JinjaValue {
        guard !caseSensitive, case .string(let text) = value else { return value }
        try spend(bytes: text.utf8.count)
        return .string(JinjaStrings.lower(text))
    }

    private func key(
        _ value: JinjaValue,
        _ attribute: JinjaValue?,
        _ caseSensitive: Bool
    ) throws(ChatTemplateError) -> JinjaValue {
        guard let attribute, !attribute.isNone else { return try folded(value, caseSensitive) }
        return try folded(try follow(attribute, from: value), caseSensitive)
    }

    private func sorted(
        _ items: [JinjaValue],
        attributes: JinjaValue?,
        caseSensitive: Bool,
        reverse: Bool,
        bareKeys: Bool = false
    ) throws(ChatTemplateError) -> [JinjaValue] {
        var paths: [JinjaValue?] = [attributes]
        if case .string(let list)? = attributes {
            paths = list.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
                .map { .string(String(decoding: $0, as: UTF8.self)) }
        }
        var keyed: [(key: [JinjaValue], item: JinjaValue)] = []
        for item in items {
            var keys: [JinjaValue] = []
            for path in paths { keys.append(try key(item, path, caseSensitive)) }
            keyed.append((keys, item))
        }
        let result = try sorted(keyed) { (one, two) throws(ChatTemplateError) in
            let (one, two) = reverse ? (two, one) : (one, two)
            for (first, second) in zip(one.key, two.key) where try !self.isEqual(first, second) {
                return try self.order(first, second) == .less
            }
            // Bare keys are compared by order at once, and equal values may have none.
            return bareKeys ? try self.order(one.key[0], two.key[0]) == .less : false
        }
        return result.map(\.item)
    }

    private func joined(_ value: JinjaValue, _ arguments: JinjaArguments) throws(ChatTemplateError) -> String
    {
        let bound = try bind(arguments, ["d", "attribute"])
        let separator = try bound[0].map(text) ?? ""
        var result = ""
        for (index, item) in try elements(of: value).enumerated() {
            let item = bound[1].map(\.isNone) == false ? try follow(bound[1] ?? .none, from: item) : item
            let text = try text(of: item)
            try spend(bytes: text.utf8.count + separator.utf8.count)
            if index > 0 { result += separator }
            result += text
            guard result.utf8.count <= limits.textBytes else { try spend(bytes: result.utf8.count); break }
        }
        return result
    }

    private func unique(
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        let bound = try bind(arguments, ["case_sensitive", "attribute"])
        var seen: Set<JinjaKey> = []
        var result: [JinjaValue] = []
        for item in try elements(of: value) {
            let key = try hashed(try key(item, bound[1], bound[0]?.isTrue ?? false))
            if seen.insert(key).inserted { result.append(item) }
        }
        return try iterator(result)
    }

    private func extreme(
        _ name: String,
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        let bound = try bind(arguments, ["case_sensitive", "attribute"])
        let wanted: Order = name == "min" ? .less : .greater
        var best: (item: JinjaValue, key: JinjaValue)?
        for item in try elements(of: value) {
            let key = try key(item, bound[1], bound[0]?.isTrue ?? false)
            if let found = best {
                if try order(key, found.key) == wanted { best = (item, key) }
            } else {
                best = (item, key)
            }
        }
        return best?.item ?? .undefined("there is no item in an empty list")
    }

    private func sum(_ value: JinjaValue, _ arguments: JinjaArguments) throws(ChatTemplateError) -> JinjaValue
    {
        let bound = try bind(arguments, ["attribute", "start"])
        var result = bound[1] ?? .integer(0)
        if case .string = result { throw fail(.value, "'sum' takes no texts; 'join' does") }
        for item in try elements(of: value) {
            let item = bound[0].map(\.isNone) == false ? try follow(bound[0] ?? .none, from: item) : item
            result = try binary("+", result, item)
        }
        return result
    }

    private func mapped(
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        guard value.isTrue else { return try iterator([]) }
        var result: [JinjaValue] = []
        let items = try elements(of: value)
        if arguments.positional.isEmpty,
            let attribute = arguments.keywords.first(where: { $0.name == "attribute" })?.value
        {
            let standard = arguments.keywords.first { $0.name == "default" }?.value
            guard arguments.keywords.count == (standard == nil ? 1 : 2) else {
                throw fail(.value, "'map' takes 'attribute' and 'default' alone")
            }
            for item in items {
                let found = try follow(attribute, from: item)
                result.append(found.isUndefined ? standard ?? found : found)
            }
            return try iterator(result)
        }
        guard let first = arguments.positional.first else {
            throw fail(.value, "'map' takes the name of a filter or an attribute")
        }
        let name = try string(first, "map")
        var rest = arguments
        rest.positional.removeFirst()
        for item in items { result.append(try filter(name, item, rest)) }
        return try iterator(result)
    }

    private func selected(
        _ name: String,
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        guard value.isTrue else { return try iterator([]) }
        var rest = arguments
        var path: JinjaValue?
        if name.hasSuffix("attr") {
            guard !rest.positional.isEmpty else { throw fail(.value, "'\(name)' takes an attribute") }
            path = rest.positional.removeFirst()
        }
        var testName: String?
        if !rest.positional.isEmpty { testName = try string(rest.positional.removeFirst(), name) }
        let keeps = name.hasPrefix("select")
        var result: [JinjaValue] = []
        for item in try elements(of: value) {
            let operand =
                try path.map { (path) throws(ChatTemplateError) in try follow(path, from: item) } ?? item
            let isTrue = try testName.map { (name) throws(ChatTemplateError) in try test(name, operand, rest)
            }
            if (isTrue ?? operand.isTrue) == keeps { result.append(item) }
        }
        return try iterator(result)
    }

    private func sortedDictionary(
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        let bound = try bind(arguments, ["case_sensitive", "by", "reverse"])
        let by = bound[1] == nil ? "key" : try string(bound[1], "dictsort")
        guard case .dictionary(let dictionary) = value, by == "key" || by == "value" else {
            if case .undefined(let message) = value { throw fail(.undefined, message) }
            throw fail(.value, "'dictsort' takes a dictionary, and 'key' or 'value'")
        }
        let pairs = try sorted(
            try pairs(of: dictionary),
            attributes: .integer(by == "key" ? 0 : 1),
            caseSensitive: bound[0]?.isTrue ?? false,
            reverse: bound[2]?.isTrue ?? false,
            bareKeys: true
        )
        return try sequence(pairs)
    }

    private func batches(
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        let bound = try bind(arguments, ["linecount", "fill_with"], required: 1)
        let count = try integer(bound[0], "batch")
        var result: [JinjaValue] = []
        var batch: [JinjaValue] = []
        for item in try elements(of: value) {
            if batch.count == count {
                result.append(try sequence(batch))
                batch = []
            }
            batch.append(item)
        }
        if !batch.isEmpty {
            if let fill = bound[1], !fill.isNone, count > batch.count {
                try spend(elements: count)
                batch += [JinjaValue](repeating: fill, count: count - batch.count)
            }
            result.append(try sequence(batch))
        }
        return try iterator(result)
    }

    private func slices(
        _ value: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        let bound = try bind(arguments, ["slices", "fill_with"], required: 1)
        let count = try integer(bound[0], "slice")
        let items = try elements(of: value)
        guard count > 0 else { throw fail(.value, "'slice' takes a number above 0") }
        try spend(elements: count)
        let (length, more) = (items.count / count, items.count % count)
        var start = 0
        var result: [JinjaValue] = []
        for index in 0..<count {
            let end = start + length + (index < more ? 1 : 0)
            var slice = Array(items[start..<end])
            if let fill = bound[1], !fill.isNone, index >= more { slice.append(fill) }
            result.append(try sequence(slice))
            start = end
        }
        return try iterator(result)
    }
}
