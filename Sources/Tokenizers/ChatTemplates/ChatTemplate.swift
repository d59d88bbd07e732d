import YuyanFileFormats

/// A template that turns a conversation into the text that a model reads, in the language of Hugging Face's
/// `chat_template` (Jinja in its immutable sandbox, with `trim_blocks`, `lstrip_blocks`, `break` and `continue`, and
/// the tag `generation`).
///
/// Templates and conversations may come from strangers: every rendering has limits, and nothing outside of the template
/// and its data can be reached.
public struct ChatTemplate: Sendable {
    /// The template as written.
    public let source: String
    /// How much a rendering may cost.
    public let limits: ChatTemplateLimits
    private let statements: [JinjaStatement]
    private let formatTime: @Sendable (String) -> String

    /// Reads a template.
    ///
    /// - Parameters:
    ///   - source: The template.
    ///   - limits: How much a rendering may cost.
    ///   - formatTime: What `strftime_now` gives for a format. By default the time stands still at the beginning of
    ///     2026, so that the same conversation is always the same text.
    /// - Throws: `ChatTemplateError` when the template breaks the rules of the language.
    public init(
        _ source: String,
        limits: ChatTemplateLimits = ChatTemplateLimits(),
        formatTime: @escaping @Sendable (String) -> String = { FixedTime.beginningOf2026.formatted($0) }
    ) throws(ChatTemplateError) {
        self.source = source
        self.limits = limits
        self.formatTime = formatTime
        statements = try JinjaParser.parse(source, limits: limits)
    }

    /// Renders a conversation.
    ///
    /// As transformers does, members of a message that are null are left out, and a message's reasoning is found under
    /// `reasoning_content` as well as under `thinking`, whichever it came with (`reasoning` also).
    ///
    /// - Parameters:
    ///   - messages: The messages: objects with `role`, `content` (a text or a list of parts), `tool_calls` and so on.
    ///   - tools: The tools that the model may call, as JSON schemas.
    ///   - documents: The documents that the model may cite.
    ///   - addGenerationPrompt: Whether the text ends with the beginning of an answer.
    ///   - bosToken: The text of the token that begins a text; not defined in the template when nil.
    ///   - eosToken: The text of the token that ends a text; not defined in the template when nil.
    ///   - extra: More variables for the template; they win over those above.
    /// - Returns: The text.
    /// - Throws: `ChatTemplateError` when the template refuses the conversation, fails, or costs too much.
    public func render(
        messages: [JSONValue],
        tools: [JSONValue]? = nil,
        documents: [JSONValue]? = nil,
        addGenerationPrompt: Bool = false,
        bosToken: String? = nil,
        eosToken: String? = nil,
        extra: JSONObject = JSONObject()
    ) throws(ChatTemplateError) -> String {
        let context = Context(tools, documents, bosToken, eosToken, extra)
        return String(
            decoding: try run(context.variables(messages, addGenerationPrompt)).bytes,
            as: UTF8.self
        )
    }

    /// Renders a conversation and tells which parts of it a model is trained to write.
    ///
    /// They are the `generation` blocks of the template. A template without them is rendered once more up to each
    /// message of the assistant, without and with that message: what the message adds is its part. That is right only
    /// when each of these texts begins the whole text, and an error when one does not.
    ///
    /// - Parameters:
    ///   - messages: The messages.
    ///   - tools: The tools that the model may call.
    ///   - documents: The documents that the model may cite.
    ///   - bosToken: The text of the token that begins a text.
    ///   - eosToken: The text of the token that ends a text.
    ///   - extra: More variables for the template.
    /// - Returns: The text with its parts.
    /// - Throws: `ChatTemplateError`, with the code `spans` when the parts cannot be told from the text.
    public func renderWithTrainingSpans(
        messages: [JSONValue],
        tools: [JSONValue]? = nil,
        documents: [JSONValue]? = nil,
        bosToken: String? = nil,
        eosToken: String? = nil,
        extra: JSONObject = JSONObject()
    ) throws(ChatTemplateError) -> ChatTrainingText {
        let context = Context(tools, documents, bosToken, eosToken, extra)
        let whole = try run(context.variables(messages, false))
        if statements.contains(where: \.hasGeneration) {
            if let place = whole.lostSpan {
                throw ChatTemplateError(
                    .spans,
                    place,
                    "a generation block within a macro, a call or a block set has no known place in the text"
                )
            }
            return ChatTrainingText(bytes: whole.bytes, spans: whole.spans)
        }
        var spans: [Range<Int>] = []
        for (index, message) in messages.enumerated() where message["role"]?.stringValue == "assistant" {
            let before = try run(context.variables(Array(messages[..<index]), true)).bytes
            let after =
                index == messages.count - 1
                ? whole.bytes : try run(context.variables(Array(messages[...index]), false)).bytes
            guard after.starts(with: before), whole.bytes.starts(with: after) else {
                throw ChatTemplateError(
                    .spans,
                    .none,
                    "the text up to message \(index) does not begin the text of the whole conversation, so the part "
                        + "to train on is unknown; mark it in the template with {% generation %}"
                )
            }
            spans.append(before.count..<after.count)
        }
        return ChatTrainingText(bytes: whole.bytes, spans: spans)
    }

    private struct Rendering {
        var bytes: [UInt8]
        var spans: [Range<Int>]
        var lostSpan: JinjaPlace?
    }

    private func run(_ variables: JSONObject) throws(ChatTemplateError) -> Rendering {
        let interpreter = JinjaInterpreter(limits: limits, formatTime: formatTime)
        let bytes = try interpreter.render(statements, variables: variables)
        return Rendering(bytes: bytes, spans: interpreter.spans, lostSpan: interpreter.lostSpan)
    }

    /// Renders the template over variables alone.
    package func render(variables: JSONObject) throws(ChatTemplateError) -> String {
        String(decoding: try run(variables).bytes, as: UTF8.self)
    }
}

/// The variables of a template that do not change from rendering to rendering.
private struct Context {
    private let tools: JSONValue
    private let documents: JSONValue
    private let tokens: [(String, String?)]
    private let extra: JSONObject

    init(
        _ tools: [JSONValue]?,
        _ documents: [JSONValue]?,
        _ bosToken: String?,
        _ eosToken: String?,
        _ extra: JSONObject
    ) {
        self.tools = tools.map { .array($0) } ?? .null
        self.documents = documents.map { .array($0) } ?? .null
        tokens = [("bos_token", bosToken), ("eos_token", eosToken)]
        self.extra = extra
    }

    func variables(_ messages: [JSONValue], _ addGenerationPrompt: Bool) -> JSONObject {
        var result = JSONObject()
        result["messages"] = .array(messages.map(Self.normalized))
        result["tools"] = tools
        result["documents"] = documents
        result["add_generation_prompt"] = .bool(addGenerationPrompt)
        for (name, token) in tokens { if let token { result[name] = .string(token) } }
        for (name, value) in extra { result[name] = value }
        return result
    }

    /// A message without null members, its reasoning under both usual names.
    private static func normalized(_ message: JSONValue) -> JSONValue {
        guard case .object(let members) = message else { return message }
        var kept = JSONObject()
        var reasoning: JSONValue?
        for name in ["reasoning_content", "thinking", "reasoning"] where reasoning == nil {
            if let value = members[name], !value.isNull { reasoning = value }
        }
        if let reasoning { kept["thinking"] = reasoning }
        for (name, value) in members where !value.isNull { kept[name] = value }
        if let reasoning { kept["reasoning_content"] = reasoning }
        return .object(kept)
    }
}

extension JinjaStatement {
    /// Whether a generation block stands in it.
    fileprivate var hasGeneration: Bool {
        switch kind {
        case .generation: true
        case .condition(let branches, let otherwise):
            branches.contains { $0.body.contains(where: \.hasGeneration) }
                || otherwise.contains(where: \.hasGeneration)
        case .loop(let loop): (loop.body + loop.otherwise).contains(where: \.hasGeneration)
        case .setBlock(_, _, let body), .with(_, let body), .filterBlock(_, let body):
            body.contains(where: \.hasGeneration)
        case .macro(let macro), .call(_, _, let macro): macro.body.contains(where: \.hasGeneration)
        case .text, .output, .leave, .next, .set: false
        }
    }
}

/// A conversation as text, with the parts that a model is trained to write.
public struct ChatTrainingText: Sendable, Hashable {
    /// The text.
    public let text: String
    /// The bytes of the text to train on, in order and apart from one another.
    public let spans: [Range<Int>]

    init(bytes: [UInt8], spans: [Range<Int>]) {
        text = String(decoding: bytes, as: UTF8.self)
        var joined: [Range<Int>] = []
        for span in spans where !span.isEmpty {
            if let last = joined.last, last.upperBound >= span.lowerBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, span.upperBound)
            } else {
                joined.append(span)
            }
        }
        self.spans = joined
    }
}
