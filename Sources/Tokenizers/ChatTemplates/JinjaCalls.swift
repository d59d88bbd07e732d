extension JinjaInterpreter {
    // MARK: Calls

    func call(_ callee: JinjaValue, _ arguments: JinjaArguments) throws(ChatTemplateError) -> JinjaValue {
        try spend(1 + arguments.positional.count + arguments.keywords.count)
        switch callee {
        case .macro(let closure): return try callMacro(closure, arguments)
        case .method(let method): return try callMethod(method.name, of: method.receiver, arguments)
        case .loop(let loop): return try callLoop(loop, arguments)
        case .function(let name): return try callFunction(name, arguments)
        case .undefined(let message): throw fail(.undefined, message)
        default: throw fail(.value, "a value of kind '\(callee.kindName)' cannot be called")
        }
    }

    private func callMacro(
        _ closure: JinjaClosure,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        let macro = closure.macro
        guard let outer = closure.scope else { throw fail(.value, "the macro '\(macro.name)' is gone") }
        let inner = try newScope(outer)
        let values = try bindMacro(macro, arguments, inner)
        return try deeper { () throws(ChatTemplateError) in
            try inScope(inner) { () throws(ChatTemplateError) in
                for (parameter, value) in zip(macro.parameters, values) {
                    var value = value
                    if value == nil, let standard = parameter.standard { value = try evaluate(standard) }
                    inner.values[JinjaText(parameter.name)] =
                        value ?? .undefined("parameter '\(parameter.name)' was not provided")
                }
                return .string(
                    try captured { () throws(ChatTemplateError) in _ = try run(macro.body) }
                )
            }
        }
    }

    /// The values of a macro's parameters, nil where none is given; sets the special names that it uses.
    private func bindMacro(
        _ macro: JinjaMacro,
        _ arguments: JinjaArguments,
        _ inner: JinjaScope
    ) throws(ChatTemplateError) -> [JinjaValue?] {
        var values = [JinjaValue?](repeating: nil, count: macro.parameters.count)
        for (index, value) in arguments.positional.prefix(values.count).enumerated() { values[index] = value }
        var caller: JinjaValue?
        var others: [(JinjaValue, JinjaValue)] = []
        for (name, value) in arguments.keywords {
            if let index = macro.parameters.firstIndex(where: { JinjaText.same($0.name, name) }) {
                guard index >= arguments.positional.count else {
                    throw fail(.value, "the macro '\(macro.name)' got two values for '\(name)'")
                }
                values[index] = value
            } else if name == "caller", macro.takesCaller {
                caller = value
            } else {
                others.append((.string(name), value))
            }
        }
        let extra = Array(arguments.positional.dropFirst(values.count))
        guard extra.isEmpty || macro.takesVariableArguments else {
            throw fail(.value, "the macro '\(macro.name)' takes \(values.count) arguments")
        }
        guard others.isEmpty || macro.takesKeywords else {
            throw fail(.value, "the macro '\(macro.name)' has no parameter '\(try text(of: others[0].0))'")
        }
        if macro.takesVariableArguments { inner.values[JinjaText("varargs")] = try sequence(extra, .tuple) }
        if macro.takesKeywords { inner.values[JinjaText("kwargs")] = .dictionary(try dictionary(others)) }
        if macro.takesCaller {
            inner.values[JinjaText("caller")] = caller ?? .undefined("no caller defined")
        }
        return values
    }

    private func callFunction(
        _ name: String,
        _ arguments: JinjaArguments
    ) throws(ChatTemplateError) -> JinjaValue {
        switch name {
        case "range": return try makeRange(arguments)
        case "dict": return .dictionary(try makeDictionary(arguments))
        case "namespace": return try namespace(try makeDictionary(arguments))
        case "strftime_now":
            let bound = try bind(arguments, ["format"], required: 1)
            return .string(formatTime(try string(bound[0], "strftime_now")))
        default:
            let bound = try bind(arguments, ["message"], required: 1)
            throw fail(.raised, try text(of: bound[0] ?? .none))
        }
    }

    private func makeRange(_ arguments: JinjaArguments) throws(ChatTemplateError) -> JinjaValue {
        guard arguments.keywords.isEmpty, (1...3).contains(arguments.positional.count) else {
            throw fail(.value, "range takes one to three integers")
        }
        var numbers: [Int] = []
        for value in arguments.positional {
            guard let number = value.asInteger else { throw fail(.value, "range takes integers") }
            numbers.append(number)
        }
        let (first, end) = numbers.count == 1 ? (0, numbers[0]) : (numbers[0], numbers[1])
        let step = numbers.count == 3 ? numbers[2] : 1
        guard step != 0 else { throw fail(.value, "the step of a range cannot be 0") }
        var items: [JinjaValue] = []
        var number = first
        while step > 0 ? number < end : number > end {
            guard items.count < 100_000 else {
                throw fail(.limitExceeded, "a range has more than 100000 numbers")
            }
            items.append(.integer(number))
            let (next, isOver) = number.addingReportingOverflow(step)
            if isOver { break }
            number = next
        }
        try spend(elements: items.count)
        return .sequence(JinjaSequence(items, .range, depth: 1, bounds: (first, end, step)))
    }

    private func makeDictionary(_ arguments: JinjaArguments) throws(ChatTemplateError) -> JinjaDictionary {
        guard arguments.positional.count <= 1 else { throw fail(.value, "dict takes one value at most") }
        var members: [(JinjaValue, JinjaValue)] = []
        switch arguments.positional.first {
        case nil: break
        case .dictionary(let dictionary)?: members = Array(zip(dictionary.keys, dictionary.values))
        case let value?:
            for item in try elements(of: value) {
                let pair = try elements(of: item)
                guard pair.count == 2 else { throw fail(.value, "dict takes pairs") }
                members.append((pair[0], pair[1]))
            }
        }
        for (name, value) in arguments.keywords { members.append((.string(name), value)) }
        return try dictionary(members)
    }
}
