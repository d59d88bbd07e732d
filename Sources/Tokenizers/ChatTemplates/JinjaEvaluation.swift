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
