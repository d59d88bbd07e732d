import YuyanFileFormats

/// A message of a conversation.
public struct ChatMessage: Sendable, Hashable {
    /// Who speaks.
    public enum Role: String, Sendable, Hashable, CaseIterable {
        /// Instructions before the conversation.
        case system
        /// The person.
        case user
        /// The model.
        case assistant
        /// What a tool answered.
        case tool
    }

    /// A call of a tool by the assistant.
    public struct ToolCall: Sendable, Hashable {
        /// The tool.
        public let name: String
        /// Its arguments.
        public let arguments: JSONValue

        /// Makes a call.
        ///
        /// - Parameters:
        ///   - name: the tool.
        ///   - arguments: its arguments.
        public init(name: String, arguments: JSONValue) { (self.name, self.arguments) = (name, arguments) }
    }

    /// Who speaks.
    public let role: Role
    /// The text.
    public let content: String
    /// The tools that the assistant calls.
    public let toolCalls: [ToolCall]

    /// Makes a message.
    ///
    /// - Parameters:
    ///   - role: who speaks.
    ///   - content: the text.
    ///   - toolCalls: the tools that the assistant calls.
    public init(role: Role, content: String, toolCalls: [ToolCall] = []) {
        (self.role, self.content, self.toolCalls) = (role, content, toolCalls)
    }

    /// The message as chat templates take it: `role`, `content`, and `tool_calls` where there are any.
    public var json: JSONValue {
        var object = JSONObject()
        object["role"] = .string(role.rawValue)
        object["content"] = .string(content)
        if !toolCalls.isEmpty {
            object["tool_calls"] = .array(
                toolCalls.map { call in
                    [
                        "type": "function",
                        "function": ["name": .string(call.name), "arguments": call.arguments],
                    ]
                }
            )
        }
        return .object(object)
    }

    private static let names: [String: Role] = [
        "system": .system, "developer": .system, "user": .user, "human": .user, "prompter": .user,
        "assistant": .assistant, "gpt": .assistant, "bot": .assistant, "model": .assistant,
        "chatgpt": .assistant,
        "function_call": .assistant, "tool": .tool, "observation": .tool, "function": .tool,
    ]

    /// Reads a message of ShareGPT (`from`, `value`) or OpenAI (`role`, `content`, `tool_calls`).
    init(_ json: JSONValue, _ key: String) throws(FileFormatError) {
        func wrong(_ message: String) -> FileFormatError {
            FileFormatError(.malformed, at: .key(key), message)
        }
        guard let name = (json["role"] ?? json["from"])?.stringValue else {
            throw wrong("a message needs 'role' and 'content', or 'from' and 'value'")
        }
        guard let role = Self.names[name] else {
            let near = NameSuggestion.words(for: name, among: Self.names.keys.sorted())
            throw wrong("nobody is called '\(shortened(name))'\(near)")
        }
        let calls =
            try json["tool_calls"].map { value throws(FileFormatError) in try Self.calls(value, key) } ?? []
        let content = json["content"] ?? json["value"]
        switch content {
        case .string(let text)?:
            if name == "function_call" {
                let parsed: JSONValue
                do throws(FileFormatError) { parsed = try JSONValue(parsing: text) } catch {
                    throw wrong("a function call must be JSON: \(error.message)")
                }
                self.init(role: role, content: "", toolCalls: try Self.calls(parsed, key))
            } else {
                self.init(role: role, content: text, toolCalls: calls)
            }
        case .array(let parts)?:
            self.init(
                role: role,
                content: parts.compactMap { $0["text"]?.stringValue }.joined(),
                toolCalls: calls
            )
        case nil where !calls.isEmpty, .null? where !calls.isEmpty:
            self.init(role: role, content: "", toolCalls: calls)
        default: throw wrong("the message of '\(name)' has no text")
        }
    }

    private static func calls(_ json: JSONValue, _ key: String) throws(FileFormatError) -> [ToolCall] {
        if json.isNull { return [] }
        var calls: [ToolCall] = []
        for call in json.arrayValue ?? [json] {
            let body = call["function"] ?? call
            guard let name = body["name"]?.stringValue else {
                throw FileFormatError(.malformed, at: .key(key), "a function call has no 'name'")
            }
            var arguments = body["arguments"] ?? body["parameters"] ?? .object(JSONObject())
            if let text = arguments.stringValue {
                do throws(FileFormatError) { arguments = try JSONValue(parsing: text) } catch {
                    throw FileFormatError(
                        .malformed,
                        at: .key(key),
                        "the arguments of '\(name)' must be JSON: \(error.message)"
                    )
                }
            }
            calls.append(ToolCall(name: name, arguments: arguments))
        }
        return calls
    }
}

/// A conversation to learn from: Alpaca (`instruction`, `input`, `output`, `history`, `system`), ShareGPT
/// (`conversations`), OpenAI (`messages`), or tasks with `instances`; what a row is, its keys tell.
public struct ConversationExample: DatasetExample {
    /// The messages in order.
    public let messages: [ChatMessage]
    /// The tools that the assistant may call, as JSON; nil for none.
    public let tools: JSONValue?

    /// Makes an example.
    ///
    /// - Parameters:
    ///   - messages: the messages in order.
    ///   - tools: the tools that the assistant may call.
    public init(messages: [ChatMessage], tools: JSONValue? = nil) {
        (self.messages, self.tools) = (messages, tools)
    }

    /// The keys of all styles.
    public static var roles: [ExampleRole] {
        (promptRoles + ["output", "instances"]).map { ExampleRole($0, isRequired: false) }
    }
    /// What the messages say.
    public var texts: [String] { messages.map(\.content) }

    static let promptRoles = [
        "messages", "conversations", "instruction", "input", "history", "system", "tools",
    ]

    /// Makes the conversations of a row.
    ///
    /// - Parameters:
    ///   - record: a row.
    ///   - settings: how the data set is read.
    /// - Returns: one example, or one per instance of a task.
    /// - Throws: `FileFormatError` when a message is malformed or the assistant says nothing.
    public static func examples(
        from record: Record,
        settings: DataSettings
    ) throws(FileFormatError) -> [Result<ConversationExample, FileFormatError>] {
        if case .json(.array(let instances))? = record["instances"] {
            let instruction = try record.requiredText("instruction")
            return instances.enumerated().map { number, instance in
                guard let output = instance["output"]?.stringValue else {
                    return .failure(
                        FileFormatError(
                            .missing,
                            at: .key("instances[\(number)]"),
                            "there is no text 'output'"
                        )
                    )
                }
                let asked = joined(instruction, instance["input"]?.stringValue ?? "")
                return .success(
                    ConversationExample(messages: [
                        ChatMessage(role: .user, content: asked),
                        ChatMessage(role: .assistant, content: output),
                    ])
                )
            }
        }
        var messages = try prompt(record)
        if let output = try record.text("output") {
            messages.append(ChatMessage(role: .assistant, content: output))
        }
        guard messages.contains(where: { $0.role == .assistant }) else {
            throw FileFormatError(.missing, "the assistant says nothing; there is nothing to learn")
        }
        return [.success(ConversationExample(messages: messages, tools: try tools(record)))]
    }

    /// The messages of a row without what is asked for.
    static func prompt(_ record: Record) throws(FileFormatError) -> [ChatMessage] {
        var messages: [ChatMessage] = []
        if let system = try record.text("system"), !system.isEmpty {
            messages.append(ChatMessage(role: .system, content: system))
        }
        if let key = ["messages", "conversations"].first(where: { record[$0] != nil }) {
            return messages + (try Self.messages(record[key], key))
        }
        guard let instruction = try record.text("instruction") else {
            throw FileFormatError(
                .missing,
                "the row has none of 'messages', 'conversations' and 'instruction'"
            )
        }
        if case .json(.array(let turns))? = record["history"] {
            for turn in turns {
                guard let pair = turn.arrayValue, pair.count == 2, let asked = pair[0].stringValue,
                    let answered = pair[1].stringValue
                else {
                    throw FileFormatError(.malformed, at: .key("history"), "a turn is a list of two texts")
                }
                messages.append(ChatMessage(role: .user, content: asked))
                messages.append(ChatMessage(role: .assistant, content: answered))
            }
        }
        messages.append(
            ChatMessage(role: .user, content: joined(instruction, try record.text("input") ?? ""))
        )
        return messages
    }

    /// Reads one message, a list of messages, or a text that the assistant says.
    static func messages(_ value: FieldValue?, _ key: String) throws(FileFormatError) -> [ChatMessage] {
        switch value {
        case .text(let text)?: return [ChatMessage(role: .assistant, content: text)]
        case .json(.array(let list))?:
            var messages: [ChatMessage] = []
            for (number, json) in list.enumerated() {
                messages.append(try ChatMessage(json, "\(key)[\(number)]"))
            }
            return messages
        case .json(let json)?: return [try ChatMessage(json, key)]
        case .list?, nil: throw FileFormatError(.mismatch, at: .key(key), "messages are needed")
        }
    }

    static func tools(_ record: Record) throws(FileFormatError) -> JSONValue? {
        switch record["tools"] {
        case .json(let json)?: return json
        case .list(let texts)? where !texts.isEmpty: return .array(texts.map { .string($0) })
        case .list?, nil: return nil
        case .text(let text)?:
            if text.utf8.allSatisfy({ $0 <= 0x20 }) { return nil }
            do throws(FileFormatError) { return try JSONValue(parsing: text) } catch {
                throw FileFormatError(
                    .malformed,
                    at: .key("tools"),
                    "the tools must be JSON: \(error.message)"
                )
            }
        }
    }

    private static func joined(_ instruction: String, _ input: String) -> String {
        input.isEmpty ? instruction : instruction.isEmpty ? input : "\(instruction)\n\(input)"
    }
}

/// A judgement on answers: the better and the worse of two, or one that was liked or not.
public struct PreferenceExample: DatasetExample {
    /// What was judged.
    public enum Judgement: Sendable, Hashable {
        /// Two answers (as for direct preference optimisation).
        case pair(chosen: [ChatMessage], rejected: [ChatMessage])
        /// One answer and whether it is wanted (as for Kahneman–Tversky optimisation).
        case single([ChatMessage], isWanted: Bool)
    }

    /// The conversation before the answers.
    public let prompt: [ChatMessage]
    /// The answers and the verdict.
    public let judgement: Judgement
    /// The tools that the assistant may call, as JSON; nil for none.
    public let tools: JSONValue?

    /// Makes an example.
    ///
    /// - Parameters:
    ///   - prompt: the conversation before the answers.
    ///   - judgement: the answers and the verdict.
    ///   - tools: the tools that the assistant may call.
    public init(prompt: [ChatMessage], judgement: Judgement, tools: JSONValue? = nil) {
        (self.prompt, self.judgement, self.tools) = (prompt, judgement, tools)
    }

    /// The prompt as in conversations (or `prompt`), with `chosen` and `rejected`, or `label`.
    public static var roles: [ExampleRole] {
        (ConversationExample.promptRoles + ["prompt", "chosen", "rejected", "output", "label"])
            .map { ExampleRole($0, isRequired: false) }
    }
    /// What the messages say.
    public var texts: [String] {
        let answers =
            switch judgement {
            case .pair(let chosen, let rejected): chosen + rejected
            case .single(let answer, _): answer
            }
        return (prompt + answers).map(\.content)
    }
    /// `true` or `false` for single judgements.
    public var labels: [String] {
        if case .single(_, let isWanted) = judgement { [isWanted ? "true" : "false"] } else { [] }
    }

    /// Makes the example of a row.
    ///
    /// - Parameters:
    ///   - record: a row.
    ///   - settings: how the data set is read.
    /// - Returns: one example.
    /// - Throws: `FileFormatError` when an answer or the verdict is missing.
    public static func examples(
        from record: Record,
        settings: DataSettings
    ) throws(FileFormatError) -> [Result<PreferenceExample, FileFormatError>] {
        var prompt: [ChatMessage]
        switch record["prompt"] {
        case .text(let text)?: prompt = [ChatMessage(role: .user, content: text)]
        case let value?: prompt = try ConversationExample.messages(value, "prompt")
        case nil: prompt = try ConversationExample.prompt(record)
        }
        let tools = try ConversationExample.tools(record)
        if record["chosen"] != nil || record["rejected"] != nil {
            let chosen = try ConversationExample.messages(record["chosen"], "chosen")
            let rejected = try ConversationExample.messages(record["rejected"], "rejected")
            let judgement = Judgement.pair(chosen: chosen, rejected: rejected)
            return [.success(PreferenceExample(prompt: prompt, judgement: judgement, tools: tools))]
        }
        let isWanted: Bool
        switch try record.requiredText("label") {
        case "true", "True", "1": isWanted = true
        case "false", "False", "0": isWanted = false
        case let other:
            throw FileFormatError(
                .mismatch,
                at: .key("label"),
                "true or false is needed, not '\(shortened(other))'"
            )
        }
        var answer: [ChatMessage] = []
        if let output = try record.text("output") {
            answer = [ChatMessage(role: .assistant, content: output)]
        } else {
            while let last = prompt.last, last.role == .assistant || last.role == .tool {
                answer.insert(last, at: 0)
                prompt.removeLast()
            }
        }
        guard !answer.isEmpty else {
            throw FileFormatError(.missing, "the conversation does not end in an answer to judge")
        }
        let judgement = Judgement.single(answer, isWanted: isWanted)
        return [.success(PreferenceExample(prompt: prompt, judgement: judgement, tools: tools))]
    }
}
