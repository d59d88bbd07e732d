extension JinjaInterpreter {
    // MARK: Operations

    func unary(_ symbol: String, _ value: JinjaValue) throws(ChatTemplateError) -> JinjaValue {
        if symbol == "not" { return .bool(!value.isTrue) }
        if case .undefined(let message) = value { throw fail(.undefined, message) }
        if let integer = value.asInteger {
            if symbol == "+" { return .integer(integer) }
            let (result, isOver) = Int(0).subtractingReportingOverflow(integer)
            guard !isOver else { throw overflow }
            return .integer(result)
        }
        guard case .number(let number) = value else {
            throw fail(.value, "'\(symbol)' cannot be applied to a value of kind '\(value.kindName)'")
        }
        return .number(symbol == "-" ? -number : number)
    }

    var overflow: ChatTemplateError { fail(.limitExceeded, "an integer has more than 64 bits") }

    func binary(
        _ symbol: String,
        _ left: JinjaValue,
        _ right: JinjaValue
    ) throws(ChatTemplateError) -> JinjaValue {
        if symbol == "%", case .string(let format) = left { return .string(try printf(format, right)) }
        if case .undefined(let message) = left { throw fail(.undefined, message) }
        if case .undefined(let message) = right { throw fail(.undefined, message) }
        if let one = left.asInteger, let two = right.asInteger { return try integers(symbol, one, two) }
        if let one = left.asNumber, let two = right.asNumber { return try numbers(symbol, one, two) }
        switch (symbol, left, right) {
        case ("+", .string(let one), .string(let two)):
            try spend(bytes: one.utf8.count + two.utf8.count)
            return .string(one + two)
        case ("+", .sequence(let one), .sequence(let two))
        where one.kind == two.kind && (one.kind == .list || one.kind == .tuple):
            try spend(elements: one.items.count + two.items.count)
            return try sequence(one.items + two.items, one.kind)
        case ("*", _, _):
            if let count = right.asInteger, let result = try repeated(left, count) { return result }
            if let count = left.asInteger, let result = try repeated(right, count) { return result }
        default: break
        }
        throw fail(
            .value,
            "'\(symbol)' cannot be applied to values of kinds '\(left.kindName)' and '\(right.kindName)'"
        )
    }

    private func repeated(_ value: JinjaValue, _ count: Int) throws(ChatTemplateError) -> JinjaValue? {
        let count = max(count, 0)
        switch value {
        case .string(let text):
            let (bytes, isOver) = text.utf8.count.multipliedReportingOverflow(by: count)
            try spend(bytes: isOver ? Int.max : bytes)
            return .string(text.utf8.isEmpty ? "" : String(repeating: text, count: count))
        case .sequence(let list) where list.kind == .list || list.kind == .tuple:
            let (total, isOver) = list.items.count.multipliedReportingOverflow(by: count)
            try spend(elements: isOver ? Int.max : total)
            var items: [JinjaValue] = []
            items.reserveCapacity(total)
            if !list.items.isEmpty { for _ in 0..<count { items += list.items } }
            return try sequence(items, list.kind)
        default: return nil
        }
    }

    private func integers(_ symbol: String, _ one: Int, _ two: Int) throws(ChatTemplateError) -> JinjaValue {
        let result: (partialValue: Int, overflow: Bool)
        switch symbol {
        case "+": result = one.addingReportingOverflow(two)
        case "-": result = one.subtractingReportingOverflow(two)
        case "*": result = one.multipliedReportingOverflow(by: two)
        case "**":
            guard two >= 0 else { return try numbers(symbol, Double(one), Double(two)) }
            return .integer(try power(one, two))
        default:
            guard two != 0 else { throw fail(.value, "division by zero") }
            if symbol == "/" { return .number(Double(one) / Double(two)) }
            let (quotient, isOver) = one.dividedReportingOverflow(by: two)
            guard !isOver else { throw overflow }
            let remainder = one - quotient * two
            let isBelow = remainder != 0 && (remainder < 0) != (two < 0)
            return .integer(
                symbol == "//" ? quotient - (isBelow ? 1 : 0) : remainder + (isBelow ? two : 0)
            )
        }
        guard !result.overflow else { throw overflow }
        return .integer(result.partialValue)
    }

    private func power(_ base: Int, _ exponent: Int) throws(ChatTemplateError) -> Int {
        if base == 0 || base == 1 { return exponent == 0 ? 1 : base }
        if base == -1 { return exponent % 2 == 0 ? 1 : -1 }
        guard exponent < 64 else { throw overflow }
        var result = 1
        for _ in 0..<exponent {
            let (next, isOver) = result.multipliedReportingOverflow(by: base)
            guard !isOver else { throw overflow }
            result = next
        }
        return result
    }

    private func numbers(
        _ symbol: String,
        _ one: Double,
        _ two: Double
    ) throws(ChatTemplateError) -> JinjaValue {
        switch symbol {
        case "+": return .number(one + two)
        case "-": return .number(one - two)
        case "*": return .number(one * two)
        case "**":
            let result = JinjaNumbers.power(one, two)
            guard one != 0 || two >= 0 else { throw fail(.value, "division by zero") }
            guard !result.isNaN || one.isNaN || two.isNaN,
                !result.isInfinite || !one.isFinite || !two.isFinite
            else { throw fail(.value, "a power has no value that is a number") }
            return .number(result)
        default:
            guard two != 0 else { throw fail(.value, "division by zero") }
            if symbol == "/" { return .number(one / two) }
            let (quotient, remainder) = JinjaNumbers.divided(one, two)
            return .number(symbol == "//" ? quotient : remainder)
        }
    }

    func concatenated(_ values: [JinjaValue]) throws(ChatTemplateError) -> JinjaValue {
        var result = ""
        for value in values {
            let text = try text(of: value)
            try spend(bytes: result.utf8.count + text.utf8.count)
            result += text
        }
        return .string(result)
    }

    // MARK: Comparison

    func compared(
        _ first: JinjaExpression,
        _ rest: [(String, JinjaExpression)]
    ) throws(ChatTemplateError) -> JinjaValue {
        let start = place
        var left = try evaluate(first)
        for (symbol, expression) in rest {
            let right = try evaluate(expression)
            place = start
            guard try compare(symbol, left, right) else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    func compare(
        _ symbol: String,
        _ left: JinjaValue,
        _ right: JinjaValue
    ) throws(ChatTemplateError) -> Bool {
        switch symbol {
        case "==": return try isEqual(left, right)
        case "!=": return try !isEqual(left, right)
        case "in": return try contains(right, left)
        case "not in": return try !contains(right, left)
        case "<": return try order(left, right) == .less
        case ">": return try order(left, right) == .greater
        case "<=":
            let order = try order(left, right)
            return order == .less || order == .equal
        default:
            let order = try order(left, right)
            return order == .greater || order == .equal
        }
    }

    func isEqual(_ left: JinjaValue, _ right: JinjaValue) throws(ChatTemplateError) -> Bool {
        try spend()
        if let one = left.asInteger, let two = right.asInteger { return one == two }
        if let one = left.asNumber, let two = right.asNumber { return one == two }
        switch (left, right) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.string(let one), .string(let two)):
            try spend(bytes: min(one.utf8.count, two.utf8.count))
            return JinjaText.same(one, two)
        case (.sequence(let one), .sequence(let two)):
            if one === two { return true }
            guard one.kind == two.kind, one.items.count == two.items.count else { return false }
            guard one.kind != .values else { return false }
            return try deeper { () throws(ChatTemplateError) in
                for (one, two) in zip(one.items, two.items) where try !isEqual(one, two) { return false }
                return true
            }
        case (.dictionary(let one), .dictionary(let two)):
            if one === two { return true }
            guard one.keys.count == two.keys.count else { return false }
            return try deeper { () throws(ChatTemplateError) in
                for (key, value) in zip(one.keys, one.values) {
                    guard let other = two.value(try hashed(key)), try isEqual(value, other) else {
                        return false
                    }
                }
                return true
            }
        case (.namespace(let one), .namespace(let two)): return one === two
        case (.loop(let one), .loop(let two)): return one === two
        case (.macro(let one), .macro(let two)): return one === two
        case (.iterator(let one), .iterator(let two)): return one === two
        case (.function(let one), .function(let two)): return one == two
        default: return false
        }
    }

    enum Order { case less, equal, greater, none }

    /// Compares as Python does; only numbers, texts and lists of such have an order.
    func order(_ left: JinjaValue, _ right: JinjaValue) throws(ChatTemplateError) -> Order {
        try spend()
        if let one = left.asInteger, let two = right.asInteger {
            return one < two ? .less : one > two ? .greater : .equal
        }
        if let one = left.asNumber, let two = right.asNumber {
            return one < two ? .less : one > two ? .greater : one == two ? .equal : .none
        }
        switch (left, right) {
        case (.string(let one), .string(let two)):
            try spend(bytes: min(one.utf8.count, two.utf8.count))
            if JinjaText.same(one, two) { return .equal }
            return one.utf8.lexicographicallyPrecedes(two.utf8) ? .less : .greater
        case (.sequence(let one), .sequence(let two))
        where one.kind == two.kind && (one.kind == .list || one.kind == .tuple):
            return try deeper { () throws(ChatTemplateError) in
                for (one, two) in zip(one.items, two.items) where try !isEqual(one, two) {
                    return try order(one, two)
                }
                let (first, second) = (one.items.count, two.items.count)
                return first < second ? .less : first > second ? .greater : .equal
            }
        case (.undefined(let message), _), (_, .undefined(let message)): throw fail(.undefined, message)
        default:
            throw fail(.value, "values of kinds '\(left.kindName)' and '\(right.kindName)' have no order")
        }
    }

    private func contains(_ container: JinjaValue, _ value: JinjaValue) throws(ChatTemplateError) -> Bool {
        switch container {
        case .string(let text):
            guard case .string(let part) = value else {
                if case .undefined(let message) = value { throw fail(.undefined, message) }
                throw fail(.value, "'in' of a text takes a text, not a value of kind '\(value.kindName)'")
            }
            try spend(bytes: text.utf8.count)
            return JinjaStrings.find(part, in: text) != nil
        case .dictionary(let dictionary): return dictionary.has(try hashed(value))
        default:
            for item in try elements(of: container) where try isEqual(item, value) { return true }
            return false
        }
    }
}
