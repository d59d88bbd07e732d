extension JinjaInterpreter {
    static let stringMethods: Set<String> = [
        "capitalize", "casefold", "center", "count", "endswith", "find", "format", "index", "isalnum",
        "isalpha",
        "isascii", "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "isupper", "join", "ljust",
        "lower",
        "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust",
        "rpartition",
        "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper",
        "zfill",
        "encode", "expandtabs", "format_map", "isidentifier", "isprintable", "istitle", "maketrans",
        "translate",
    ]
    static let dictionaryMethods: Set<String> = [
        "get", "items", "keys", "values", "copy", "fromkeys", "pop", "popitem", "setdefault", "update",
        "clear",
    ]
    static let listMethods: Set<String> = [
        "count", "index", "copy", "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort",
    ]

    func callMethod(
        _ name: String,
        of receiver: JinjaValue,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        switch receiver {
        case .string(let text):
            try spend(bytes: text.utf8.count)
            return try callText(name, text, arguments)
        case .dictionary(let dictionary): return try callDictionary(name, dictionary, arguments)
        case .sequence(let sequence): return try callList(name, sequence, arguments)
        case .loop(let loop) where name == "cycle":
            guard !arguments.positional.isEmpty else { throw fail(.value, "'cycle' takes values") }
            return arguments.positional[loop.index % arguments.positional.count]
        case .loop(let loop):
            defer { loop.changed = arguments.positional }
            guard let before = loop.changed, before.count == arguments.positional.count else {
                return .bool(true)
            }
            for (one, two) in zip(before, arguments.positional) where try !isEqual(one, two) {
                return .bool(true)
            }
            return .bool(false)
        default: throw fail(.value, "there is no method '\(name)'")
        }
    }

    // MARK: Dictionaries and lists

    private func callDictionary(
        _ name: String,
        _ dictionary: JinjaDictionary,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        if name == "get" {
            guard arguments.keywords.isEmpty else { throw fail(.value, "'get' takes no names") }
            let bound = try bind(arguments, ["key", "default"], required: 1)
            return dictionary.value(try hashed(bound[0] ?? .none)) ?? bound[1] ?? .none
        }
        let views: [String: JinjaSequence.Kind] = ["items": .items, "keys": .keys, "values": .values]
        if let kind = views[name] {
            _ = try bind(arguments, [])
            let items =
                kind == .items
                ? try pairs(of: dictionary) : kind == .keys ? dictionary.keys : dictionary.values
            return try sequence(items, kind)
        }
        guard name == "copy" else {
            throw fail(.value, "the method '\(name)' of a dictionary may not be used in a template")
        }
        _ = try bind(arguments, [])
        return .dictionary(dictionary)
    }

    private func callList(
        _ name: String,
        _ list: JinjaSequence,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        switch name {
        case "copy" where list.kind == .list:
            _ = try bind(arguments, [])
            return .sequence(list)
        case "count":
            let wanted = try bind(arguments, ["value"], required: 1)[0] ?? .none
            var count = 0
            for item in list.items where try isEqual(item, wanted) { count += 1 }
            return .integer(count)
        case "index":
            let bound = try bind(arguments, ["value", "start", "stop"], required: 1)
            let count = list.items.count
            let (first, end) = (try bounds(bound[1], bound[2], count))
            for index in first..<max(first, end) where try isEqual(list.items[index], bound[0] ?? .none) {
                return .integer(index)
            }
            throw fail(.value, "the value is not in the list")
        default: throw fail(.value, "the method '\(name)' of a list may not be used in a template")
        }
    }

    /// A part of so many elements, as slices give it.
    private func bounds(
        _ start: JinjaValue?,
        _ end: JinjaValue?,
        _ count: Int
    ) throws(ChatTemplateError) -> (Int, Int) {
        func clamped(_ bound: JinjaValue?, _ standard: Int) throws(ChatTemplateError) -> Int {
            guard let bound, !bound.isNone else { return standard }
            let number = try integer(bound, "a bound")
            return number < 0 ? max(number + count, 0) : number
        }
        return (try clamped(start, 0), min(try clamped(end, count), count))
    }

    // MARK: Texts

    private func callText(
        _ name: String,
        _ text: String,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        if name == "format" { return .string(try format(text, arguments)) }
        let takesNames: Set<String> = ["split", "rsplit", "splitlines", "encode", "expandtabs"]
        guard arguments.keywords.isEmpty || takesNames.contains(name) else {
            throw fail(.value, "the method '\(name)' takes no arguments with names")
        }
        if let result = try changed(name, text, arguments) { return .string(result) }
        if let result = try asked(name, text, arguments) { return .bool(result) }
        switch name {
        case "split", "rsplit":
            let bound = try bind(arguments, ["sep", "maxsplit"])
            let limit = try integer(bound[1], name, default: -1)
            let separator = bound[0].map(\.isNone) == false ? try string(bound[0], name) : nil
            return try split(text, separator, limit < 0 ? .max : limit, fromEnd: name == "rsplit")
        case "splitlines":
            let keepsEnds = try bind(arguments, ["keepends"])[0]?.isTrue ?? false
            return try sequence(JinjaStrings.lines(text, keepsEnds: keepsEnds).map { .string($0) })
        case "partition", "rpartition":
            let separator = try string(try bind(arguments, ["sep"], required: 1)[0], name)
            return try partitioned(text, separator, fromEnd: name == "rpartition")
        case "find", "rfind", "index", "rindex", "count": return try searched(name, text, arguments)
        case "join":
            let items = try elements(of: try bind(arguments, ["iterable"], required: 1)[0] ?? .none)
            var result = ""
            for (index, item) in items.enumerated() {
                let part = try string(item, name)
                try spend(bytes: part.utf8.count + text.utf8.count)
                if index > 0 { result += text }
                result += part
                guard result.utf8.count <= limits.textBytes else {
                    try spend(bytes: result.utf8.count); break
                }
            }
            return .string(result)
        default: throw fail(.unsupported, "the method '\(name)' of a text is not supported")
        }
    }

    /// The methods that give another text.
    private func changed(
        _ name: String,
        _ text: String,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> String? {
        let simple: [String: (String) -> String] = [
            "lower": JinjaStrings.lower, "upper": JinjaStrings.upper, "capitalize": JinjaStrings.capitalized,
            "title": JinjaStrings.titled, "casefold": JinjaStrings.lower, "swapcase": Self.swappedCase,
        ]
        if let change = simple[name] {
            _ = try bind(arguments, [])
            try spend(bytes: text.utf8.count * 8)
            return change(text)
        }
        switch name {
        case "strip", "lstrip", "rstrip":
            let characters = try bind(arguments, ["chars"])[0]
            let set = characters.map(\.isNone) == false ? try string(characters, name) : nil
            return JinjaStrings.stripped(text, set, leading: name != "rstrip", trailing: name != "lstrip")
        case "removeprefix", "removesuffix":
            let part = try string(try bind(arguments, ["part"], required: 1)[0], name)
            let bytes = Array(text.utf8)
            if name == "removeprefix" {
                guard text.utf8.starts(with: part.utf8) else { return text }
                return String(decoding: bytes.dropFirst(part.utf8.count), as: UTF8.self)
            }
            guard text.utf8.reversed().starts(with: part.utf8.reversed()) else { return text }
            return String(decoding: bytes.dropLast(part.utf8.count), as: UTF8.self)
        case "replace":
            let bound = try bind(arguments, ["old", "new", "count"], required: 2)
            let count = try integer(bound[2], name, default: -1)
            return try replaced(text, try string(bound[0], name), try string(bound[1], name), count)
        case "center", "ljust", "rjust", "zfill": return try padded(name, text, arguments)
        default: return nil
        }
    }

    private static func swappedCase(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            scalar.properties.isUppercase
                ? scalar.properties.lowercaseMapping
                : scalar.properties.isLowercase ? scalar.properties.uppercaseMapping : String(scalar)
        }.joined()
    }

    private func padded(
        _ name: String,
        _ text: String,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> String {
        let bound = try bind(arguments, name == "zfill" ? ["width"] : ["width", "fillchar"], required: 1)
        let width = try integer(bound[0], name)
        var fill: Unicode.Scalar = name == "zfill" ? "0" : " "
        if bound.count > 1, let value = bound[1] {
            let text = try string(value, name)
            guard let only = text.unicodeScalars.first, text.unicodeScalars.count == 1 else {
                throw fail(.value, "'\(name)' fills up with one character")
            }
            fill = only
        }
        if name == "center" { return try centered(text, width, fill) }
        let (missing, isOver) = width.subtractingReportingOverflow(text.unicodeScalars.count)
        guard !isOver, missing > 0 else { return text }
        try spend(bytes: missing < limits.textBytes ? missing * 4 : missing)
        if name == "ljust" { return JinjaStrings.padded(text, 0, missing, fill) }
        guard name == "zfill", let sign = text.unicodeScalars.first, sign == "-" || sign == "+" else {
            return JinjaStrings.padded(text, missing, 0, fill)
        }
        return String(sign) + JinjaStrings.padded(String(text.unicodeScalars.dropFirst()), missing, 0, fill)
    }

    /// Python's `str.center`, with its odd space where Python puts it.
    func centered(
        _ text: String,
        _ width: Int,
        _ fill: Unicode.Scalar = " "
    ) throws(ChatTemplateError) -> String {
        let (missing, isOver) = width.subtractingReportingOverflow(text.unicodeScalars.count)
        guard !isOver, missing > 0 else { return text }
        try spend(bytes: missing < limits.textBytes ? missing * 4 : missing)
        let left = missing / 2 + (missing & width & 1)
        return JinjaStrings.padded(text, left, missing - left, fill)
    }

    /// The methods that answer yes or no.
    private func asked(
        _ name: String,
        _ text: String,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> Bool? {
        if name == "startswith" || name == "endswith" {
            let bound = try bind(arguments, ["part", "start", "end"], required: 1)
            var parts = [bound[0] ?? .none]
            if case .sequence(let sequence)? = bound[0], sequence.kind == .tuple { parts = sequence.items }
            let scalars = Array(text.unicodeScalars)
            let (first, end) = try bounds(bound[1], bound[2], scalars.count)
            guard first <= end else { return false }
            let range = scalars[first..<end]
            for part in parts {
                let part = Array(try string(part, name).unicodeScalars)
                if name == "startswith"
                    ? range.starts(with: part) : range.suffix(part.count).elementsEqual(part)
                {
                    return true
                }
            }
            return false
        }
        let classes: [String: (Unicode.Scalar) -> Bool] = [
            "isalnum": JinjaScalarClass.isAlphanumeric, "isalpha": JinjaScalarClass.isAlphabetic,
            "isdecimal": { $0.properties.numericType == .decimal }, "isdigit": JinjaScalarClass.isDigit,
            "isnumeric": JinjaScalarClass.isNumeric, "isspace": \.isPythonSpace,
        ]
        if let holds = classes[name] {
            _ = try bind(arguments, [])
            return !text.utf8.isEmpty && text.unicodeScalars.allSatisfy(holds)
        }
        switch name {
        case "isascii":
            _ = try bind(arguments, [])
            return text.utf8.allSatisfy { $0 < 128 }
        case "islower", "isupper":
            _ = try bind(arguments, [])
            return Self.isCased(text, upper: name == "isupper")
        default: return nil
        }
    }

    private func searched(
        _ name: String,
        _ text: String,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        let bound = try bind(arguments, ["part", "start", "end"], required: 1)
        let part = Array(try string(bound[0], name).unicodeScalars)
        let scalars = Array(text.unicodeScalars)
        let (first, end) = try bounds(bound[1], bound[2], scalars.count)
        var found: Int?
        if first <= end {
            let range = Array(scalars[first..<end])
            if name == "count" {
                let count = part.isEmpty ? range.count + 1 : JinjaStrings.places(part, in: range).count
                return .integer(count)
            }
            if name.hasPrefix("r") {
                let place = JinjaStrings.find(part.reversed(), in: range.reversed(), 0)
                found = place.map { first + range.count - $0 - part.count }
            } else {
                found = JinjaStrings.find(part, in: range, 0).map { $0 + first }
            }
        }
        if name == "count" { return .integer(0) }
        guard found != nil || name.hasSuffix("find") else {
            throw fail(.value, "the text lacks what 'index' seeks")
        }
        return .integer(found ?? -1)
    }

    private func partitioned(
        _ text: String,
        _ separator: String,
        fromEnd: Bool
    ) throws(ChatTemplateError) -> JinjaValue {
        guard !separator.utf8.isEmpty else { throw fail(.value, "the separator is empty") }
        let bytes = Array(text.utf8)
        let part = Array(separator.utf8)
        let found =
            fromEnd
            ? JinjaStrings.find(part.reversed(), in: bytes.reversed(), 0).map {
                bytes.count - $0 - part.count
            }
            : JinjaStrings.find(part, in: bytes, 0)
        guard let found else {
            return try sequence(([text, "", ""] as [String]).map { .string($0) }.rotated(fromEnd), .tuple)
        }
        let parts = [bytes[..<found], part[...], bytes[(found + part.count)...]]
        return try sequence(parts.map { .string(String(decoding: $0, as: UTF8.self)) }, .tuple)
    }

    private func split(
        _ text: String,
        _ separator: String?,
        _ limit: Int,
        fromEnd: Bool
    ) throws(ChatTemplateError) -> JinjaValue {
        var parts: [ArraySlice<UInt8>] = []
        let bytes = Array(text.utf8)
        guard let separator else { return try sequence(splitSpace(text, limit, fromEnd: fromEnd), .list) }
        guard !separator.utf8.isEmpty else { throw fail(.value, "the separator is empty") }
        let part = Array(separator.utf8)
        var places = JinjaStrings.places(part, in: bytes, limit: fromEnd ? .max : limit)
        if fromEnd {
            // From the end, overlapping places are taken from the right.
            places = JinjaStrings.places(part.reversed(), in: bytes.reversed(), limit: limit)
                .map { bytes.count - $0 - part.count }.reversed()
        }
        var start = 0
        for place in places {
            parts.append(bytes[start..<place])
            start = place + part.count
        }
        parts.append(bytes[start...])
        return try sequence(parts.map { .string(String(decoding: $0, as: UTF8.self)) })
    }

    /// Splits at runs of white space.
    private func splitSpace(_ text: String, _ limit: Int, fromEnd: Bool) -> [JinjaValue] {
        var scalars = Array(text.unicodeScalars)
        if fromEnd { scalars.reverse() }
        var result: [[Unicode.Scalar]] = []
        var index = 0
        while true {
            while index < scalars.count, scalars[index].isPythonSpace { index += 1 }
            guard index < scalars.count else { break }
            if result.count == limit {
                result.append(Array(scalars[index...]))
                break
            }
            let start = index
            while index < scalars.count, !scalars[index].isPythonSpace { index += 1 }
            result.append(Array(scalars[start..<index]))
        }
        if fromEnd { result = result.reversed().map { $0.reversed() } }
        return result.map { .string(JinjaStrings.text($0)) }
    }
}

extension Array {
    /// The first element moved to the end, if so wished.
    fileprivate func rotated(_ isWished: Bool) -> [Element] {
        isWished && count > 1 ? Array(self[1...]) + self[..<1] : self
    }
}
