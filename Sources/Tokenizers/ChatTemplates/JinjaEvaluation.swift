extension JinjaInterpreter {
    // MARK: Expressions

    func evaluate(_ expression: JinjaExpression) throws(ChatTemplateError) -> JinjaValue {
        try spend()
        place = expression.place
        switch expression.kind {
        case .constant(let constant): return Self.value(constant)
        case .name(let name): return try find(name)
        case .and(let left, let right):
            return try deeper { () throws(ChatTemplateError) in
                let value = try evaluate(left)
                return value.isTrue ? try evaluate(right) : value
            }
        case .or(let left, let right):
            return try deeper { () throws(ChatTemplateError) in
                let value = try evaluate(left)
                return value.isTrue ? value : try evaluate(right)
            }
        default: return try deeper { () throws(ChatTemplateError) in try evaluateParts(expression) }
        }
    }

    private static func value(_ constant: JinjaConstant) -> JinjaValue {
        switch constant {
        case .none: .none
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .number(let value): .number(value)
        case .string(let value): .string(value)
        }
    }

    private func evaluate(all expressions: [JinjaExpression]) throws(ChatTemplateError) -> [JinjaValue] {
        var result: [JinjaValue] = []
        result.reserveCapacity(expressions.count)
        for expression in expressions { result.append(try evaluate(expression)) }
        return result
    }

    private func evaluateParts(_ expression: JinjaExpression) throws(ChatTemplateError) -> JinjaValue {
        switch expression.kind {
        case .list(let items): return try sequence(try evaluate(all: items))
        case .tuple(let items): return try sequence(try evaluate(all: items), .tuple)
        case .dictionary(let members):
            var values: [(JinjaValue, JinjaValue)] = []
            for (key, value) in members { values.append((try evaluate(key), try evaluate(value))) }
            return .dictionary(try dictionary(values))
        case .unary(let symbol, let operand): return try unary(symbol, try evaluate(operand))
        case .binary(let symbol, let left, let right):
            let left = try evaluate(left)
            let right = try evaluate(right)
            place = expression.place
            return try binary(symbol, left, right)
        case .concatenation(let parts): return try concatenated(try evaluate(all: parts))
        case .comparison(let first, let rest): return try compared(first, rest)
        case .condition(let test, let then, let otherwise):
            if try evaluate(test).isTrue { return try evaluate(then) }
            guard let otherwise else {
                return .undefined("an inline 'if' without 'else' was false")
            }
            return try evaluate(otherwise)
        default: return try evaluateAccess(expression)
        }
    }

    private func evaluateAccess(_ expression: JinjaExpression) throws(ChatTemplateError) -> JinjaValue {
        switch expression.kind {
        case .attribute(let base, let name):
            let value = try evaluate(base)
            place = expression.place
            return try attribute(name, of: value)
        case .subscripted(let base, let argument):
            let value = try evaluate(base)
            let argument = try evaluate(argument)
            place = expression.place
            return try element(argument, of: value)
        case .slice(let base, let lower, let upper, let step):
            let value = try evaluate(base)
            var bounds: [JinjaValue] = []
            for bound in [lower, upper, step] { bounds.append(try bound.map(evaluate) ?? .none) }
            place = expression.place
            return try slice(value, bounds)
        case .call(let callee, let list):
            let function = try evaluate(callee)
            let arguments = try arguments(list)
            place = expression.place
            return try call(function, arguments)
        case .filter(let base, let name, let list):
            let value = try base.map(evaluate) ?? .undefined("no block")
            let arguments = try arguments(list)
            place = expression.place
            return try filter(name, value, arguments)
        case .test(let base, let name, let list):
            let value = try evaluate(base)
            let arguments = try arguments(list)
            place = expression.place
            return .bool(try test(name, value, arguments))
        default: return .none
        }
    }

    /// Applies the filters of a block to its text.
    func applyBlockFilter(
        _ expression: JinjaExpression,
        to text: JinjaValue
    ) throws(ChatTemplateError) -> JinjaValue {
        guard case .filter(let base, let name, let list) = expression.kind else { return text }
        let value =
            try base.map { (base) throws(ChatTemplateError) in try applyBlockFilter(base, to: text) } ?? text
        let arguments = try arguments(list)
        place = expression.place
        return try filter(name, value, arguments)
    }

    func arguments(_ list: JinjaArgumentList) throws(ChatTemplateError) -> JinjaArguments {
        var result = JinjaArguments(positional: try evaluate(all: list.positional))
        for (name, expression) in list.keywords {
            guard !result.keywords.contains(where: { JinjaText.same($0.name, name) }) else {
                throw fail(.syntax, "the argument '\(name)' is given twice")
            }
            result.keywords.append((name, try evaluate(expression)))
        }
        if let spread = list.spreadPositional {
            result.positional += try elements(of: try evaluate(spread))
            try spend(elements: result.positional.count)
        }
        if let spread = list.spreadKeywords {
            guard case .dictionary(let members) = try evaluate(spread) else {
                throw fail(.value, "'**' takes a dictionary")
            }
            try spend(elements: members.keys.count)
            for (key, value) in zip(members.keys, members.values) {
                guard case .string(let name) = key,
                    !result.keywords.contains(where: { JinjaText.same($0.name, name) })
                else { throw fail(.value, "'**' takes a dictionary whose keys are names not given yet") }
                result.keywords.append((name, value))
            }
        }
        return result
    }

    // MARK: Operations

    private func unary(_ symbol: String, _ value: JinjaValue) throws(ChatTemplateError) -> JinjaValue {
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

    private func concatenated(_ values: [JinjaValue]) throws(ChatTemplateError) -> JinjaValue {
        var result = ""
        for value in values {
            let text = try text(of: value)
            try spend(bytes: result.utf8.count + text.utf8.count)
            result += text
        }
        return .string(result)
    }

    // MARK: Comparison

    private func compared(
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

    // MARK: Elements

    /// What iterating over a value gives.
    func elements(of value: JinjaValue) throws(ChatTemplateError) -> [JinjaValue] {
        switch value {
        case .undefined: return []
        case .sequence(let sequence):
            try spend()
            return sequence.items
        case .dictionary(let dictionary):
            try spend()
            return dictionary.keys
        case .iterator(let iterator):
            try spend()
            return iterator.take()
        case .string(let text):
            try spend(elements: text.unicodeScalars.count)
            return text.unicodeScalars.map { .string(String($0)) }
        default: throw fail(.value, "a value of kind '\(value.kindName)' cannot be iterated over")
        }
    }

    func element(_ argument: JinjaValue, of value: JinjaValue) throws(ChatTemplateError) -> JinjaValue {
        if case .undefined(let message) = value { throw fail(.undefined, message) }
        switch (value, argument.asInteger) {
        case (.dictionary(let dictionary), _):
            if let key = try hashable(argument), let found = dictionary.value(key) { return found }
        case (.sequence(let list), let index?) where list.kind.isIndexed:
            let index = index < 0 ? list.items.count + index : index
            if list.items.indices.contains(index) { return list.items[index] }
        case (.string(let text), let index?):
            try spend(bytes: text.utf8.count)
            if let scalar = JinjaStrings.scalar(index, of: text) { return .string(String(scalar)) }
        default: break
        }
        if case .string(let name) = argument {
            guard case .dictionary = value else {
                return try attribute(name, of: value)
            }
            if let method = method(name, of: value) { return method }
            return .undefined("the value has no element or attribute '\(name)'")
        }
        return .undefined("the value of kind '\(value.kindName)' has no such element")
    }

    /// The key of a value, or nil when it can be none.
    private func hashable(_ value: JinjaValue) throws(ChatTemplateError) -> JinjaKey? {
        switch value {
        case .sequence(let sequence) where sequence.kind != .tuple: return nil
        case .dictionary, .function, .method: return nil
        default: return try hashed(value)
        }
    }

    private func slice(_ value: JinjaValue, _ bounds: [JinjaValue]) throws(ChatTemplateError) -> JinjaValue {
        if case .undefined(let message) = value { throw fail(.undefined, message) }
        var numbers: [Int?] = []
        for bound in bounds {
            guard bound.isNone || bound.asInteger != nil else {
                throw fail(.value, "a slice takes integers, not a value of kind '\(bound.kindName)'")
            }
            numbers.append(bound.asInteger)
        }
        guard numbers[2] != 0 else { throw fail(.value, "the step of a slice cannot be 0") }
        switch value {
        case .string(let text):
            try spend(bytes: text.utf8.count * 4)
            let scalars = Array(text.unicodeScalars)
            var result = String.UnicodeScalarView()
            for index in Self.sliced(scalars.count, numbers) { result.append(scalars[index]) }
            return .string(String(result))
        case .sequence(let list) where list.kind.isIndexed:
            try spend(elements: list.items.count)
            let items = Self.sliced(list.items.count, numbers).map { list.items[$0] }
            guard list.kind == .range else { return try sequence(items, list.kind) }
            return try slicedRange(list, items, numbers)
        default: throw fail(.value, "a value of kind '\(value.kindName)' cannot be sliced")
        }
    }

    private func slicedRange(
        _ range: JinjaSequence,
        _ items: [JinjaValue],
        _ numbers: [Int?]
    ) throws(ChatTemplateError) -> JinjaValue {
        let (first, end, step) = Self.bounds(range.items.count, numbers)
        let (scale, isOver) = range.bounds.2.multipliedReportingOverflow(by: step)
        let start = range.bounds.0.addingReportingOverflow(first &* range.bounds.2)
        let stop = range.bounds.0.addingReportingOverflow(end &* range.bounds.2)
        guard !isOver, !start.overflow, !stop.overflow else { throw overflow }
        let bounds = (start.partialValue, stop.partialValue, scale)
        return .sequence(JinjaSequence(items, .range, depth: 1, bounds: bounds))
    }

    /// First, end and step of a slice of so many elements, as Python's `slice.indices` gives them.
    private static func bounds(_ count: Int, _ numbers: [Int?]) -> (Int, Int, Int) {
        let step = numbers[2] ?? 1
        let (lowest, highest) = step > 0 ? (0, count) : (-1, count - 1)
        func clamped(_ bound: Int) -> Int {
            bound < 0 ? max(lowest, bound + count) : min(highest, bound)
        }
        let first = numbers[0].map(clamped) ?? (step > 0 ? lowest : highest)
        let end = numbers[1].map(clamped) ?? (step > 0 ? highest : lowest)
        return (first, end, step)
    }

    private static func sliced(_ count: Int, _ numbers: [Int?]) -> [Int] {
        let (first, end, step) = bounds(count, numbers)
        var result: [Int] = []
        var index = first
        while step > 0 ? index < end : index > end {
            result.append(index)
            let (next, isOver) = index.addingReportingOverflow(step)
            if isOver { break }
            index = next
        }
        return result
    }

    // MARK: Attributes

    func attribute(_ name: String, of value: JinjaValue) throws(ChatTemplateError) -> JinjaValue {
        switch value {
        case .undefined(let message): throw fail(.undefined, message)
        case .dictionary(let dictionary):
            if let method = method(name, of: value) { return method }
            if let found = dictionary.value(name) { return found }
        case .namespace(let namespace):
            if let found = namespace.values.value(name) { return found }
        case .loop(let loop):
            if let found = attribute(name, of: loop) { return found }
        case .macro(let closure) where name == "name": return .string(closure.macro.name)
        default:
            if let method = method(name, of: value) { return method }
        }
        return .undefined("the value of kind '\(value.kindName)' has no attribute '\(name)'")
    }

    private func method(_ name: String, of value: JinjaValue) -> JinjaValue? {
        let names: Set<String>
        switch value {
        case .string: names = Self.stringMethods
        case .dictionary: names = Self.dictionaryMethods
        case .sequence(let sequence) where sequence.kind == .list || sequence.kind == .tuple:
            names = Self.listMethods
        default: return nil
        }
        return names.contains(name) ? .method(JinjaMethod(value, name)) : nil
    }

    private func attribute(_ name: String, of loop: JinjaLoop) -> JinjaValue? {
        let count = loop.items.count
        switch name {
        case "index": return .integer(loop.index + 1)
        case "index0": return .integer(loop.index)
        case "revindex": return .integer(count - loop.index)
        case "revindex0": return .integer(count - loop.index - 1)
        case "first": return .bool(loop.index == 0)
        case "last": return .bool(loop.index == count - 1)
        case "length": return .integer(count)
        case "depth": return .integer(loop.depth + 1)
        case "depth0": return .integer(loop.depth)
        case "previtem":
            guard loop.index > 0 else { return .undefined("there is no previous item") }
            return loop.items.indices.contains(loop.index - 1) ? loop.items[loop.index - 1] : nil
        case "nextitem":
            guard loop.index + 1 < count else { return .undefined("there is no next item") }
            return loop.items[loop.index + 1]
        case "cycle", "changed": return .method(JinjaMethod(.loop(loop), name))
        default: return nil
        }
    }
}
