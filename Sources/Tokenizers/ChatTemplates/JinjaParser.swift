/// Reads the tokens of a template into statements and expressions.
///
/// Source: the grammar of Jinja's template designer documentation; precedence as its reference implementation has it
/// (`~` binds tighter than `+`, `**` is left-associative, filters bind tighter than `-`).
struct JinjaParser {
    private let tokens: [JinjaToken]
    private var position = 0
    private var nesting = 0
    var loopDepth = 0
    /// All names read so far; macros take extra arguments only when they name them.
    var names: Set<String> = []

    private static let deepest = 150

    static func parse(
        _ text: String,
        limits: ChatTemplateLimits
    ) throws(ChatTemplateError) -> [JinjaStatement] {
        var parser = JinjaParser(tokens: try JinjaLexer.tokens(of: text, limits: limits))
        return try parser.parseBody(until: [])
    }

    private init(tokens: [JinjaToken]) { self.tokens = tokens }

    // MARK: Tokens

    var current: JinjaToken { tokens[position] }
    var place: JinjaPlace { current.place }

    func fail(_ message: String) -> ChatTemplateError { ChatTemplateError(.syntax, place, message) }

    mutating func advance() { position = min(position + 1, tokens.count - 1) }

    func isSymbol(_ symbol: String) -> Bool {
        if case .symbol(let found) = current.kind { found == symbol } else { false }
    }

    func isName(_ name: String, ahead: Int = 0) -> Bool {
        let index = min(position + ahead, tokens.count - 1)
        return if case .name(let found) = tokens[index].kind { found == name } else { false }
    }

    mutating func skip(symbol: String) -> Bool {
        guard isSymbol(symbol) else { return false }
        advance()
        return true
    }

    mutating func skip(name: String) -> Bool {
        guard isName(name) else { return false }
        advance()
        return true
    }

    mutating func expect(symbol: String) throws(ChatTemplateError) {
        guard skip(symbol: symbol) else { throw fail("expected '\(symbol)', found \(current.words)") }
    }

    mutating func expect(name: String) throws(ChatTemplateError) {
        guard skip(name: name) else { throw fail("expected '\(name)', found \(current.words)") }
    }

    mutating func expectName() throws(ChatTemplateError) -> String {
        guard case .name(let name) = current.kind else {
            throw fail("expected a name, found \(current.words)")
        }
        advance()
        return name
    }

    var isBlockEnd: Bool { if case .blockEnd = current.kind { true } else { false } }

    mutating func expectBlockEnd() throws(ChatTemplateError) {
        guard isBlockEnd else { throw fail("expected the end of the tag, found \(current.words)") }
        advance()
    }

    /// Parses one level deeper, and refuses to go too deep.
    mutating func nested<Value>(
        _ parse: (inout JinjaParser) throws(ChatTemplateError) -> Value
    ) throws(ChatTemplateError) -> Value {
        guard nesting < Self.deepest else {
            throw ChatTemplateError(.limitExceeded, place, "the template nests deeper than \(Self.deepest)")
        }
        nesting += 1
        defer { nesting -= 1 }
        return try parse(&self)
    }

    private func make(
        _ kind: JinjaExpression.Kind,
        _ place: JinjaPlace,
        _ parts: [JinjaExpression]
    ) throws(ChatTemplateError) -> JinjaExpression {
        let depth = 1 + parts.reduce(0) { max($0, $1.depth) }
        guard depth <= Self.deepest else {
            throw ChatTemplateError(
                .limitExceeded,
                place,
                "an expression is deeper than \(Self.deepest) operations"
            )
        }
        return JinjaExpression(kind, place, depth: depth)
    }

    // MARK: Expressions

    mutating func parseExpression(withCondition: Bool = true) throws(ChatTemplateError) -> JinjaExpression {
        try nested { (parser) throws(ChatTemplateError) in
            withCondition ? try parser.parseCondition() : try parser.parseOr()
        }
    }

    private mutating func parseCondition() throws(ChatTemplateError) -> JinjaExpression {
        var result = try parseOr()
        while isName("if") {
            let start = place
            advance()
            let test = try parseOr()
            let otherwise =
                skip(name: "else")
                ? try nested { (parser) throws(ChatTemplateError) in try parser.parseCondition() } : nil
            result = try make(
                .condition(test: test, then: result, otherwise: otherwise),
                start,
                [result, test] + [otherwise].compactMap { $0 }
            )
        }
        return result
    }

    private mutating func parseOr() throws(ChatTemplateError) -> JinjaExpression {
        var left = try parseAnd()
        while isName("or") {
            let start = place
            advance()
            let right = try parseAnd()
            left = try make(.or(left, right), start, [left, right])
        }
        return left
    }

    private mutating func parseAnd() throws(ChatTemplateError) -> JinjaExpression {
        var left = try parseNot()
        while isName("and") {
            let start = place
            advance()
            let right = try parseNot()
            left = try make(.and(left, right), start, [left, right])
        }
        return left
    }

    private mutating func parseNot() throws(ChatTemplateError) -> JinjaExpression {
        let start = place
        guard skip(name: "not") else { return try parseComparison() }
        let operand = try nested { (parser) throws(ChatTemplateError) in try parser.parseNot() }
        return try make(.unary("not", operand), start, [operand])
    }

    private mutating func parseComparison() throws(ChatTemplateError) -> JinjaExpression {
        let start = place
        let first = try parseSum()
        var rest: [(String, JinjaExpression)] = []
        while true {
            if case .symbol(let symbol) = current.kind,
                ["==", "!=", "<", "<=", ">", ">="].contains(symbol)
            {
                advance()
                rest.append((symbol, try parseSum()))
            } else if skip(name: "in") {
                rest.append(("in", try parseSum()))
            } else if isName("not"), isName("in", ahead: 1) {
                advance()
                advance()
                rest.append(("not in", try parseSum()))
            } else {
                break
            }
        }
        return rest.isEmpty ? first : try make(.comparison(first, rest), start, [first] + rest.map(\.1))
    }

    private mutating func parseSum() throws(ChatTemplateError) -> JinjaExpression {
        var left = try parseConcatenation()
        while isSymbol("+") || isSymbol("-") {
            let start = place
            let symbol = isSymbol("+") ? "+" : "-"
            advance()
            let right = try parseConcatenation()
            left = try make(.binary(symbol, left, right), start, [left, right])
        }
        return left
    }

    private mutating func parseConcatenation() throws(ChatTemplateError) -> JinjaExpression {
        let start = place
        var parts = [try parseProduct()]
        while skip(symbol: "~") { parts.append(try parseProduct()) }
        return parts.count == 1 ? parts[0] : try make(.concatenation(parts), start, parts)
    }

    private mutating func parseProduct() throws(ChatTemplateError) -> JinjaExpression {
        var left = try parsePower()
        while case .symbol(let symbol) = current.kind, ["*", "/", "//", "%"].contains(symbol) {
            let start = place
            advance()
            let right = try parsePower()
            left = try make(.binary(symbol, left, right), start, [left, right])
        }
        return left
    }

    private mutating func parsePower() throws(ChatTemplateError) -> JinjaExpression {
        var left = try parseUnary()
        while isSymbol("**") {
            let start = place
            advance()
            let right = try parseUnary()
            left = try make(.binary("**", left, right), start, [left, right])
        }
        return left
    }

    private mutating func parseUnary(withFilter: Bool = true) throws(ChatTemplateError) -> JinjaExpression {
        let start = place
        var result: JinjaExpression
        if isSymbol("-") || isSymbol("+") {
            let symbol = isSymbol("-") ? "-" : "+"
            advance()
            let operand = try nested { (parser) throws(ChatTemplateError) in
                try parser.parseUnary(withFilter: false)
            }
            result = try make(.unary(symbol, operand), start, [operand])
        } else {
            result = try parsePrimary()
        }
        result = try parsePostfix(result)
        return withFilter ? try parseFilters(result) : result
    }

    private mutating func parsePrimary() throws(ChatTemplateError) -> JinjaExpression {
        let token = current
        switch token.kind {
        case .name(let name):
            advance()
            switch name {
            case "true", "True": return try make(.constant(.bool(true)), token.place, [])
            case "false", "False": return try make(.constant(.bool(false)), token.place, [])
            case "none", "None": return try make(.constant(.none), token.place, [])
            default:
                names.insert(name)
                return try make(.name(name), token.place, [])
            }
        case .string(var text):
            advance()
            while case .string(let more) = current.kind {
                text += more
                advance()
            }
            return try make(.constant(.string(text)), token.place, [])
        case .integer(let value):
            advance()
            return try make(.constant(.integer(value)), token.place, [])
        case .number(let value):
            advance()
            return try make(.constant(.number(value)), token.place, [])
        case .symbol("("):
            advance()
            let result = try parseTuple(mayBeEmpty: true)
            try expect(symbol: ")")
            return result
        case .symbol("["): return try parseList()
        case .symbol("{"): return try parseDictionary()
        default: throw fail("expected an expression, found \(token.words)")
        }
    }

    private mutating func parseList() throws(ChatTemplateError) -> JinjaExpression {
        let start = place
        advance()
        var items: [JinjaExpression] = []
        while !isSymbol("]") {
            if !items.isEmpty {
                try expect(symbol: ",")
                if isSymbol("]") { break }
            }
            items.append(try parseExpression())
        }
        try expect(symbol: "]")
        return try make(.list(items), start, items)
    }

    private mutating func parseDictionary() throws(ChatTemplateError) -> JinjaExpression {
        let start = place
        advance()
        var items: [(JinjaExpression, JinjaExpression)] = []
        while !isSymbol("}") {
            if !items.isEmpty {
                try expect(symbol: ",")
                if isSymbol("}") { break }
            }
            let key = try parseExpression()
            try expect(symbol: ":")
            items.append((key, try parseExpression()))
        }
        try expect(symbol: "}")
        return try make(.dictionary(items), start, items.map(\.0) + items.map(\.1))
    }

    /// An expression, or several with commas between them.
    mutating func parseTuple(
        withCondition: Bool = true,
        mayBeEmpty: Bool = false,
        end: String? = nil
    ) throws(ChatTemplateError) -> JinjaExpression {
        let start = place
        var items: [JinjaExpression] = []
        var isTuple = false
        while true {
            if !items.isEmpty { try expect(symbol: ",") }
            if isTupleEnd(end) { break }
            items.append(try parseExpression(withCondition: withCondition))
            guard isSymbol(",") else { break }
            isTuple = true
        }
        if !isTuple {
            if let only = items.first { return only }
            guard mayBeEmpty else { throw fail("expected an expression, found \(current.words)") }
        }
        return try make(.tuple(items), start, items)
    }

    private func isTupleEnd(_ name: String?) -> Bool {
        switch current.kind {
        case .variableEnd, .blockEnd, .symbol(")"): true
        case .name(let found): found == name
        default: false
        }
    }

    // MARK: After expressions

    private mutating func parsePostfix(_ start: JinjaExpression) throws(ChatTemplateError) -> JinjaExpression
    {
        var result = start
        while true {
            if isSymbol(".") {
                result = try parseAttribute(result)
            } else if isSymbol("[") {
                result = try parseSubscript(result)
            } else if isSymbol("(") {
                result = try parseCall(result)
            } else {
                return result
            }
        }
    }

    private mutating func parseAttribute(_ base: JinjaExpression) throws(ChatTemplateError) -> JinjaExpression
    {
        let start = place
        advance()
        switch current.kind {
        case .name(let name):
            advance()
            return try make(.attribute(base, name), start, [base])
        case .integer(let index):
            advance()
            let argument = try make(.constant(.integer(index)), start, [])
            return try make(.subscripted(base, argument), start, [base, argument])
        default: throw fail("expected a name or a number after '.', found \(current.words)")
        }
    }

    private mutating func parseSubscript(_ base: JinjaExpression) throws(ChatTemplateError) -> JinjaExpression
    {
        let start = place
        advance()
        var result: JinjaExpression
        if isSymbol(":") {
            result = try parseSlice(base, nil, start)
        } else {
            let argument = try parseExpression()
            if isSymbol(":") {
                result = try parseSlice(base, argument, start)
            } else if isSymbol(",") {
                var items = [argument]
                while skip(symbol: ",") { items.append(try parseExpression()) }
                let tuple = try make(.tuple(items), start, items)
                result = try make(.subscripted(base, tuple), start, [base, tuple])
            } else {
                result = try make(.subscripted(base, argument), start, [base, argument])
            }
        }
        try expect(symbol: "]")
        return result
    }

    private mutating func parseSlice(
        _ base: JinjaExpression,
        _ lower: JinjaExpression?,
        _ start: JinjaPlace
    ) throws(ChatTemplateError) -> JinjaExpression {
        try expect(symbol: ":")
        var upper: JinjaExpression?
        var step: JinjaExpression?
        if !isSymbol(":"), !isSymbol("]") { upper = try parseExpression() }
        if skip(symbol: ":"), !isSymbol("]") { step = try parseExpression() }
        return try make(
            .slice(base, lower, upper, step),
            start,
            [base] + [lower, upper, step].compactMap { $0 }
        )
    }

    mutating func parseCall(_ callee: JinjaExpression) throws(ChatTemplateError) -> JinjaExpression {
        let start = place
        let arguments = try parseArguments()
        return try make(.call(callee, arguments), start, [callee] + arguments.all)
    }

    private mutating func parseArguments() throws(ChatTemplateError) -> JinjaArgumentList {
        try expect(symbol: "(")
        var result = JinjaArgumentList()
        var isFirst = true
        while !isSymbol(")") {
            if !isFirst {
                try expect(symbol: ",")
                if isSymbol(")") { break }
            }
            isFirst = false
            if skip(symbol: "*") {
                guard result.spreadPositional == nil, result.spreadKeywords == nil else {
                    throw fail("'*' may stand once, before '**'")
                }
                result.spreadPositional = try parseExpression()
            } else if skip(symbol: "**") {
                guard result.spreadKeywords == nil else { throw fail("'**' may stand once") }
                result.spreadKeywords = try parseExpression()
            } else if case .name(let name) = current.kind, isAssignment {
                guard result.spreadKeywords == nil else { throw fail("an argument follows '**'") }
                advance()
                advance()
                result.keywords.append((name, try parseExpression()))
            } else {
                guard result.keywords.isEmpty, result.spreadPositional == nil, result.spreadKeywords == nil
                else { throw fail("an argument without name follows one with a name") }
                result.positional.append(try parseExpression())
            }
        }
        try expect(symbol: ")")
        return result
    }

    /// Whether a name with '=' behind it stands here.
    private var isAssignment: Bool {
        let next = tokens[min(position + 1, tokens.count - 1)]
        return if case .symbol("=") = next.kind { true } else { false }
    }

    private mutating func parseFilters(_ start: JinjaExpression) throws(ChatTemplateError) -> JinjaExpression
    {
        var result = start
        while true {
            if isSymbol("|") {
                advance()
                result = try parseFilter(result)
            } else if isName("is") {
                result = try parseTest(result)
            } else if isSymbol("(") {
                result = try parseCall(result)
            } else {
                return result
            }
        }
    }

    /// A name, or several with dots between them.
    private mutating func parseDottedName() throws(ChatTemplateError) -> String {
        var name = try expectName()
        while skip(symbol: ".") { name += "." + (try expectName()) }
        return name
    }

    /// The filter whose name stands here.
    mutating func parseFilter(_ base: JinjaExpression?) throws(ChatTemplateError) -> JinjaExpression {
        let start = place
        let name = try parseDottedName()
        let arguments = isSymbol("(") ? try parseArguments() : JinjaArgumentList()
        return try make(.filter(base, name, arguments), start, [base].compactMap { $0 } + arguments.all)
    }

    private mutating func parseTest(_ base: JinjaExpression) throws(ChatTemplateError) -> JinjaExpression {
        let start = place
        advance()
        let isNegated = skip(name: "not")
        let name = try parseDottedName()
        var arguments = JinjaArgumentList()
        if isSymbol("(") {
            arguments = try parseArguments()
        } else if beginsOperand {
            guard !isName("is") else { throw fail("tests with 'is' cannot follow each other") }
            let operand = try nested { (parser) throws(ChatTemplateError) in
                try parser.parsePostfix(try parser.parsePrimary())
            }
            arguments.positional = [operand]
        }
        let test = try make(.test(base, name, arguments), start, [base] + arguments.all)
        return isNegated ? try make(.unary("not", test), start, [test]) : test
    }

    private var beginsOperand: Bool {
        switch current.kind {
        case .name(let name): !["else", "or", "and"].contains(name)
        case .string, .integer, .number, .symbol("["), .symbol("{"): true
        default: false
        }
    }
}
