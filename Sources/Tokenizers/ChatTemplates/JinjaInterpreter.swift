import YuyanFileFormats

/// Renders a parsed template within limits.
///
/// The rules are Jinja's for templates in its immutable sandbox, as Hugging Face's transformers set it up; where a rule
/// speaks of values it is Python's.
final class JinjaInterpreter {
    let limits: ChatTemplateLimits
    let formatTime: @Sendable (String) -> String
    private var steps = 0
    private var depth = 0
    /// The text of the block being rendered.
    private var output: [UInt8] = []
    /// How many blocks are rendered into values now.
    private var captures = 0
    /// How many generation blocks are open now.
    private var generations = 0
    private(set) var spans: [Range<Int>] = []
    /// Where a generation block stood whose place in the result is not known.
    private(set) var lostSpan: JinjaPlace?
    /// Where the template is now.
    var place = JinjaPlace.none
    private var scope: JinjaScope
    /// All that may refer to itself, taken apart at the end.
    private var scopes: [JinjaScope] = []
    private var closures: [JinjaClosure] = []
    private var namespaces: [JinjaNamespace] = []
    private var loops: [JinjaLoop] = []
    private var loopDepth = 0

    static let deepestValue = 250

    enum Flow { case normal, leave, next }

    init(limits: ChatTemplateLimits, formatTime: @escaping @Sendable (String) -> String) {
        self.limits = limits
        self.formatTime = formatTime
        scope = JinjaScope(nil)
        for name in ["range", "dict", "namespace", "raise_exception", "strftime_now"] {
            scope.values[JinjaText(name)] = .function(name)
        }
        scopes.append(scope)
    }

    /// Renders a template; an interpreter renders once.
    func render(
        _ template: [JinjaStatement],
        variables: JSONObject
    ) throws(ChatTemplateError) -> [UInt8] {
        defer { takeApart() }
        scope = try newScope()
        for (name, value) in variables { scope.values[JinjaText(name)] = try self.value(value) }
        scope = try newScope()
        _ = try run(template)
        return output
    }

    private func takeApart() {
        for namespace in namespaces { namespace.values = JinjaDictionary() }
        for closure in closures { closure.scope = nil }
        for loop in loops {
            loop.scope = nil
            loop.items = []
            loop.changed = nil
        }
        for scope in scopes { scope.values = [:] }
        // Inner scopes hold outer ones: freed from the inside, no chain of them is long.
        while scopes.popLast() != nil {}
    }

    // MARK: Limits

    func fail(_ code: ChatTemplateError.Code, _ message: String) -> ChatTemplateError {
        ChatTemplateError(code, place, message)
    }

    func spend(_ count: Int = 1) throws(ChatTemplateError) {
        steps += count
        guard steps <= limits.steps else {
            throw fail(.limitExceeded, "the template takes more than \(limits.steps) steps")
        }
    }

    /// Pays for a text before it is made.
    func spend(bytes: Int) throws(ChatTemplateError) {
        guard bytes <= limits.textBytes else {
            throw fail(.limitExceeded, "a text is longer than \(limits.textBytes) bytes")
        }
        try spend(1 + bytes / 16)
    }

    /// Pays for a list before it is made.
    func spend(elements: Int) throws(ChatTemplateError) {
        guard elements <= limits.elements else {
            throw fail(.limitExceeded, "a list has more than \(limits.elements) elements")
        }
        try spend(1 + elements)
    }

    func deeper<Value>(
        _ body: () throws(ChatTemplateError) -> Value
    ) throws(ChatTemplateError) -> Value {
        guard depth < limits.depth else {
            throw fail(.limitExceeded, "the template nests deeper than \(limits.depth)")
        }
        depth += 1
        defer { depth -= 1 }
        return try body()
    }

    // MARK: Making values

    func sequence(
        _ items: [JinjaValue],
        _ kind: JinjaSequence.Kind = .list
    ) throws(ChatTemplateError) -> JinjaValue {
        .sequence(JinjaSequence(items, kind, depth: try deepest(items)))
    }

    func iterator(_ items: [JinjaValue]) throws(ChatTemplateError) -> JinjaValue {
        .iterator(JinjaIterator(items, depth: try deepest(items)))
    }

    private func deepest(_ items: [JinjaValue]) throws(ChatTemplateError) -> Int {
        try spend(elements: items.count)
        var depth = 0
        for item in items { depth = max(depth, item.depth) }
        return try checked(depth: depth + 1)
    }

    @discardableResult
    private func checked(depth: Int) throws(ChatTemplateError) -> Int {
        guard depth <= Self.deepestValue else {
            throw fail(.limitExceeded, "a value is nested deeper than \(Self.deepestValue)")
        }
        return depth
    }

    func dictionary(
        _ members: [(JinjaValue, JinjaValue)]
    ) throws(ChatTemplateError) -> JinjaDictionary {
        try spend(elements: members.count)
        let result = JinjaDictionary()
        for (key, value) in members { result.set(key, try hashed(key), value) }
        try checked(depth: result.depth)
        return result
    }

    func namespace(_ values: JinjaDictionary) throws(ChatTemplateError) -> JinjaValue {
        for key in values.keys {
            if case .string(let name) = key, name.utf8.first == UInt8(ascii: "_") { throw underscored(name) }
        }
        let result = JinjaNamespace()
        result.values = values
        namespaces.append(result)
        return .namespace(result)
    }

    private func underscored(_ name: String) -> ChatTemplateError {
        fail(.value, "a namespace takes no name that begins with '_', such as '\(name)'")
    }

    func value(_ json: JSONValue, depth: Int = 0) throws(ChatTemplateError) -> JinjaValue {
        try checked(depth: depth)
        switch json {
        case .null: return .none
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .number(let value): return .number(value)
        case .string(let value): return .string(value)
        case .array(let elements):
            var items: [JinjaValue] = []
            items.reserveCapacity(elements.count)
            for element in elements { items.append(try value(element, depth: depth + 1)) }
            return try sequence(items)
        case .object(let object):
            try spend(1 + object.count)
            let result = JinjaDictionary()
            for (key, member) in object { result.set(key, try value(member, depth: depth + 1)) }
            return .dictionary(result)
        }
    }

    func hashed(_ value: JinjaValue) throws(ChatTemplateError) -> JinjaKey {
        try spend()
        switch value {
        case .undefined: return .undefined
        case .none: return .none
        case .bool(let value): return .integer(value ? 1 : 0)
        case .integer(let value): return .integer(value)
        case .number(let value): return Int(exactly: value).map { .integer($0) } ?? .number(value)
        case .string(let text): return .string(JinjaText(text))
        case .sequence(let sequence) where sequence.kind == .tuple:
            var keys: [JinjaKey] = []
            for item in sequence.items { keys.append(try hashed(item)) }
            return .tuple(keys)
        case .sequence(let sequence) where sequence.kind == .range:
            try spend(sequence.items.count)
            return .tuple(
                [.string(JinjaText("range"))] + sequence.items.compactMap(\.asInteger).map { .integer($0) }
            )
        case .namespace(let object): return .object(ObjectIdentifier(object))
        case .loop(let object): return .object(ObjectIdentifier(object))
        case .macro(let object): return .object(ObjectIdentifier(object))
        case .iterator(let object): return .object(ObjectIdentifier(object))
        case .method, .function, .sequence, .dictionary:
            throw fail(.value, "a value of kind '\(value.kindName)' cannot be a key")
        }
    }

    // MARK: Scopes

    func newScope(_ parent: JinjaScope? = nil) throws(ChatTemplateError) -> JinjaScope {
        let result = JinjaScope(parent ?? scope)
        guard result.depth <= limits.depth else {
            throw fail(.limitExceeded, "blocks stand in blocks deeper than \(limits.depth)")
        }
        return result
    }

    func inScope<Value>(
        _ inner: JinjaScope,
        _ body: () throws(ChatTemplateError) -> Value
    ) throws(ChatTemplateError) -> Value {
        let outer = scope
        scope = inner
        defer { scope = outer }
        return try body()
    }

    func find(_ name: String) throws(ChatTemplateError) -> JinjaValue {
        try spend(scope.depth / 8)
        return scope.find(JinjaText(name)) ?? .undefined("'\(name)' is undefined")
    }

    // MARK: Statements

    private func write(_ text: String) throws(ChatTemplateError) {
        try spend(bytes: text.utf8.count)
        guard output.count + text.utf8.count <= limits.textBytes else {
            throw fail(.limitExceeded, "the text is longer than \(limits.textBytes) bytes")
        }
        output.append(contentsOf: text.utf8)
    }

    func run(_ statements: [JinjaStatement]) throws(ChatTemplateError) -> Flow {
        try deeper { () throws(ChatTemplateError) in
            for statement in statements {
                place = statement.place
                try spend()
                let flow = try run(statement)
                if flow != .normal { return flow }
            }
            return .normal
        }
    }

    private func run(_ statement: JinjaStatement) throws(ChatTemplateError) -> Flow {
        switch statement.kind {
        case .text(let text): try write(text)
        case .output(let expression): try write(try text(of: try evaluate(expression)))
        case .condition(let branches, let otherwise):
            for branch in branches {
                if try evaluate(branch.test).isTrue { return try run(branch.body) }
            }
            return try run(otherwise)
        case .loop(let loop):
            try runLoop(loop, items: try evaluate(loop.items), depth: 0)
        case .leave: return .leave
        case .next: return .next
        case .set(let target, let expression): try assign(target, try evaluate(expression))
        case .setBlock(let target, let filter, let body):
            var value = JinjaValue.string(try capture(body))
            if let filter { value = try applyBlockFilter(filter, to: value) }
            try assign(target, value)
        case .with(let values, let body):
            let inner = try newScope()
            for (target, expression) in values {
                let value = try evaluate(expression)
                try inScope(inner) { () throws(ChatTemplateError) in try assign(target, value) }
            }
            return try inScope(inner) { () throws(ChatTemplateError) in try run(body) }
        case .filterBlock(let filter, let body):
            let value = JinjaValue.string(try capture(body))
            try write(try text(of: try applyBlockFilter(filter, to: value)))
        case .macro(let macro): try assign(.name(macro.name), .macro(closure(macro)))
        case .call(let callee, let list, let macro):
            let function = try evaluate(callee)
            var arguments = try self.arguments(list)
            arguments.keywords.append(("caller", .macro(closure(macro))))
            place = statement.place
            try write(try text(of: try call(function, arguments)))
        case .generation(let body): try runGeneration(body, statement.place)
        }
        return .normal
    }

    private func closure(_ macro: JinjaMacro) -> JinjaClosure {
        let closure = JinjaClosure(macro, scope)
        closures.append(closure)
        scopes.append(scope)
        return closure
    }

    private func runGeneration(_ body: [JinjaStatement], _ start: JinjaPlace) throws(ChatTemplateError) {
        if captures > 0, lostSpan == nil { lostSpan = start }
        generations += 1
        defer { generations -= 1 }
        let first = output.count
        _ = try inScope(try newScope()) { () throws(ChatTemplateError) in try run(body) }
        if captures == 0, generations == 1 { spans.append(first..<output.count) }
    }

    /// The text of a block.
    private func capture(_ body: [JinjaStatement]) throws(ChatTemplateError) -> String {
        let inner = try newScope()
        return try captured { () throws(ChatTemplateError) in
            _ = try inScope(inner) { () throws(ChatTemplateError) in try run(body) }
        }
    }

    func captured(_ body: () throws(ChatTemplateError) -> Void) throws(ChatTemplateError) -> String {
        let outer = output
        output = []
        captures += 1
        defer {
            output = outer
            captures -= 1
        }
        try body()
        try spend(bytes: output.count)
        return String(decoding: output, as: UTF8.self)
    }

    private func assign(_ target: JinjaTarget, _ value: JinjaValue) throws(ChatTemplateError) {
        try spend()
        switch target {
        case .name(let name): scope.values[JinjaText(name)] = value
        case .attribute(let name, let attribute):
            guard case .namespace(let namespace) = try find(name) else {
                throw fail(.value, "'\(name)' is no namespace, and only a namespace's attributes can be set")
            }
            guard attribute.utf8.first != UInt8(ascii: "_") else { throw underscored(attribute) }
            namespace.values.set(attribute, value)
        case .tuple(let targets):
            let items = try elements(of: value)
            guard items.count == targets.count else {
                throw fail(.value, "\(items.count) values cannot be given to \(targets.count) names")
            }
            for (target, item) in zip(targets, items) { try assign(target, item) }
        }
    }

    // MARK: Loops

    private func runLoop(
        _ statement: JinjaLoopStatement,
        items: JinjaValue,
        depth: Int
    ) throws(ChatTemplateError) {
        var items = try elements(of: items)
        try spend(items.count)
        if let condition = statement.condition {
            var kept: [JinjaValue] = []
            for item in items {
                let inner = try newScope()
                let isKept = try inScope(inner) { () throws(ChatTemplateError) in
                    try assign(statement.target, item)
                    return try evaluate(condition).isTrue
                }
                guard isKept else { continue }
                // A condition hands on what the names were given, which for several names is a tuple.
                if case .tuple = statement.target {
                    kept.append(try sequence(try elements(of: item), .tuple))
                } else {
                    kept.append(item)
                }
            }
            items = kept
        }
        guard !items.isEmpty else {
            _ = try inScope(try newScope()) { () throws(ChatTemplateError) in try run(statement.otherwise) }
            return
        }
        var loop = JinjaLoop(items, depth: depth, statement, scope)
        for (index, item) in items.enumerated() {
            loop.index = index
            let inner = try newScope()
            inner.values[JinjaText("loop")] = .loop(loop)
            let flow = try inScope(inner) { () throws(ChatTemplateError) in
                try assign(statement.target, item)
                return try run(statement.body)
            }
            if flow == .leave { break }
        }
        if !isKnownUniquelyReferenced(&loop) { loops.append(loop) }
    }

    /// A recursive loop once more, over other items.
    func callLoop(_ loop: JinjaLoop, _ arguments: JinjaArguments) throws(ChatTemplateError) -> JinjaValue {
        guard loop.statement.isRecursive, let items = arguments.positional.first, let scope = loop.scope
        else {
            throw fail(.value, "'loop' can be called with items, in a loop marked 'recursive'")
        }
        return try deeper { () throws(ChatTemplateError) in
            let text = try captured { () throws(ChatTemplateError) in
                try inScope(scope) { () throws(ChatTemplateError) in
                    try runLoop(loop.statement, items: items, depth: loop.depth + 1)
                }
            }
            return .string(text)
        }
    }
}
