extension JinjaInterpreter {
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
            while index < scalars.count, scalars[index].isASCIIDigit {
                // Larger than any budget, and far from overflow.
                number = min(number * 10 + Int(scalars[index].value - 48), 1 << 50)
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
        try spend(bytes: pattern.precision ?? 0)
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
