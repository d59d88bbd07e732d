extension JinjaParser {
    /// Parses up to a tag with one of the names, whose name then stands here; with no names up to the end.
    mutating func parseBody(until ends: [String]) throws(ChatTemplateError) -> [JinjaStatement] {
        try nested { (parser) throws(ChatTemplateError) in try parser.parseStatements(ends) }
    }

    private mutating func parseStatements(_ ends: [String]) throws(ChatTemplateError) -> [JinjaStatement] {
        var result: [JinjaStatement] = []
        while true {
            let start = place
            switch current.kind {
            case .data(let text):
                result.append(JinjaStatement(kind: .text(text), place: start))
                advance()
            case .variableBegin:
                advance()
                result.append(JinjaStatement(kind: .output(try parseTuple()), place: start))
                guard case .variableEnd = current.kind else {
                    throw fail("expected '}}', found \(current.words)")
                }
                advance()
            case .blockBegin:
                advance()
                guard case .name(let name) = current.kind else {
                    throw fail("expected the name of a tag, found \(current.words)")
                }
                if ends.contains(name) { return result }
                advance()
                let kind = try parseTag(name, start, ends)
                result.append(JinjaStatement(kind: kind, place: start))
                try expectBlockEnd()
            case .end where ends.isEmpty: return result
            default:
                let wanted = ends.map { "'{% \($0) %}'" }.joined(separator: " or ")
                throw fail(ends.isEmpty ? "unexpected \(current.words)" : "missing \(wanted)")
            }
        }
    }

    private mutating func parseTag(
        _ name: String,
        _ start: JinjaPlace,
        _ ends: [String]
    ) throws(ChatTemplateError) -> JinjaStatement.Kind {
        switch name {
        case "if": return try parseIf()
        case "for": return try parseFor()
        case "set": return try parseSet()
        case "macro":
            let macro = try expectName()
            return .macro(try parseMacro(named: macro, end: "endmacro"))
        case "generation":
            return .generation(try parseIsolatedBlock("endgeneration"))
        case "break", "continue":
            guard loopDepth > 0 else {
                throw ChatTemplateError(.syntax, start, "'\(name)' stands outside of a loop")
            }
            return name == "break" ? .leave : .next
        case "with": return try parseWith()
        case "filter":
            var filter = try parseFilter(nil)
            while skip(symbol: "|") { filter = try parseFilter(filter) }
            return .filterBlock(filter, try parseBlock("endfilter"))
        case "call": return try parseCallBlock()
        case "block", "extends", "include", "import", "from", "autoescape", "print", "do", "trans", "debug":
            throw ChatTemplateError(.unsupported, start, "the tag '\(name)' is not supported")
        default:
            let wanted = ends.map { "'\($0)'" }.joined(separator: " or ")
            let hint = ends.isEmpty ? "" : "; expected \(wanted)"
            throw ChatTemplateError(.syntax, start, "unknown tag '\(name)'\(hint)")
        }
    }

    /// The end of the opening tag and a body; the name of the tag that ends it then stands here.
    private mutating func parseOpened(_ ends: [String]) throws(ChatTemplateError) -> [JinjaStatement] {
        _ = skip(symbol: ":")
        try expectBlockEnd()
        return try parseBody(until: ends)
    }

    private mutating func parseBlock(_ end: String) throws(ChatTemplateError) -> [JinjaStatement] {
        let body = try parseOpened([end])
        advance()
        return body
    }

    /// A block that is a function of its own: `break` cannot leave it.
    private mutating func parseIsolatedBlock(_ end: String) throws(ChatTemplateError) -> [JinjaStatement] {
        let depth = loopDepth
        loopDepth = 0
        defer { loopDepth = depth }
        return try parseBlock(end)
    }

    private mutating func parseIf() throws(ChatTemplateError) -> JinjaStatement.Kind {
        var branches: [(test: JinjaExpression, body: [JinjaStatement])] = []
        while true {
            let test = try parseTuple(withCondition: false)
            branches.append((test, try parseOpened(["elif", "else", "endif"])))
            if skip(name: "elif") { continue }
            if skip(name: "else") { return .condition(branches, otherwise: try parseBlock("endif")) }
            advance()
            return .condition(branches, otherwise: [])
        }
    }

    private mutating func parseFor() throws(ChatTemplateError) -> JinjaStatement.Kind {
        let target = try parseTarget(end: "in", allowsAttributes: false)
        try expect(name: "in")
        let items = try parseTuple(withCondition: false, end: "recursive")
        let condition = skip(name: "if") ? try parseExpression() : nil
        let isRecursive = skip(name: "recursive")
        loopDepth += 1
        let body = try parseOpened(["endfor", "else"])
        loopDepth -= 1
        var otherwise: [JinjaStatement] = []
        if skip(name: "else") { otherwise = try parseBlock("endfor") } else { advance() }
        return .loop(
            JinjaLoopStatement(
                target: target,
                items: items,
                condition: condition,
                isRecursive: isRecursive,
                body: body,
                otherwise: otherwise
            )
        )
    }

    private mutating func parseSet() throws(ChatTemplateError) -> JinjaStatement.Kind {
        let target = try parseTarget(end: nil, allowsAttributes: true)
        if skip(symbol: "=") { return .set(target, try parseTuple()) }
        var filter: JinjaExpression?
        while skip(symbol: "|") { filter = try parseFilter(filter) }
        return .setBlock(target, filter: filter, try parseBlock("endset"))
    }

    private mutating func parseWith() throws(ChatTemplateError) -> JinjaStatement.Kind {
        var values: [(JinjaTarget, JinjaExpression)] = []
        while !isBlockEnd {
            if !values.isEmpty { try expect(symbol: ",") }
            let target = try parseTarget(end: nil, allowsAttributes: false)
            try expect(symbol: "=")
            values.append((target, try parseExpression()))
        }
        return .with(values, try parseBlock("endwith"))
    }

    private mutating func parseCallBlock() throws(ChatTemplateError) -> JinjaStatement.Kind {
        let start = place
        let parameters = isSymbol("(") ? try parseSignature() : []
        let call = try parseExpression()
        guard case .call(let callee, let arguments) = call.kind else {
            throw ChatTemplateError(.syntax, start, "expected a call")
        }
        let macro = try parseMacroBody(named: "caller", parameters, end: "endcall")
        return .call(callee, arguments, macro)
    }

    private mutating func parseMacro(named name: String, end: String) throws(ChatTemplateError) -> JinjaMacro
    {
        try parseMacroBody(named: name, try parseSignature(), end: end)
    }

    private mutating func parseMacroBody(
        named name: String,
        _ parameters: [(name: String, standard: JinjaExpression?)],
        end: String
    ) throws(ChatTemplateError) -> JinjaMacro {
        let outer = names
        names = []
        let body = try parseIsolatedBlock(end)
        defer { names.formUnion(outer) }
        return JinjaMacro(name, parameters, body, names: names)
    }

    private mutating func parseSignature() throws(ChatTemplateError) -> [(
        name: String, standard: JinjaExpression?
    )] {
        var parameters: [(name: String, standard: JinjaExpression?)] = []
        try expect(symbol: "(")
        while !isSymbol(")") {
            if !parameters.isEmpty { try expect(symbol: ",") }
            let name = try expectName()
            guard Self.isAssignable(name), !parameters.contains(where: { $0.name == name }) else {
                throw fail("'\(name)' cannot be a parameter")
            }
            if skip(symbol: "=") {
                parameters.append((name, try parseExpression()))
            } else {
                guard parameters.last?.standard == nil else {
                    throw fail("a parameter without default follows one with a default")
                }
                parameters.append((name, nil))
            }
        }
        try expect(symbol: ")")
        return parameters
    }

    private static func isAssignable(_ name: String) -> Bool {
        !["true", "false", "none", "True", "False", "None"].contains(name)
    }

    /// What is assigned to: a name, an attribute of a namespace, or several with commas between them.
    private mutating func parseTarget(
        end: String?,
        allowsAttributes: Bool
    ) throws(ChatTemplateError) -> JinjaTarget {
        var items: [JinjaTarget] = []
        var isTuple = false
        while true {
            if isBlockEnd || isSymbol(")") { break }
            if let end, isName(end) { break }
            items.append(try parseSingleTarget(allowsAttributes))
            guard skip(symbol: ",") else { break }
            isTuple = true
        }
        if !isTuple, let only = items.first { return only }
        guard isTuple else { throw fail("expected a name to assign to, found \(current.words)") }
        return .tuple(items)
    }

    private mutating func parseSingleTarget(_ allowsAttributes: Bool) throws(ChatTemplateError) -> JinjaTarget
    {
        if skip(symbol: "(") {
            let target = try nested { (parser) throws(ChatTemplateError) in
                try parser.parseTarget(end: nil, allowsAttributes: allowsAttributes)
            }
            try expect(symbol: ")")
            return target
        }
        let name = try expectName()
        guard Self.isAssignable(name) else { throw fail("'\(name)' cannot be assigned to") }
        guard allowsAttributes, skip(symbol: ".") else { return .name(name) }
        return .attribute(name, try expectName())
    }
}
