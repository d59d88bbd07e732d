import YuyanFileFormats
import YuyanTokenizers

extension FuzzTargets {
    private static let tags = [
        "{{", "}}", "{%", "%}", "{#", "#}", "{%-", "-%}", "if", "elif", "else", "endif", "for", "in",
        "endfor", "set",
        "endset", "macro", "endmacro", "call", "endcall", "filter", "endfilter", "generation",
        "endgeneration",
        "namespace", "loop.index", "loop.previtem", "recursive", "loop(", "break", "continue", "is", "not",
        "and",
        "or", "defined", "none", "true", "|", "|join", "|tojson", "|map(", "|selectattr(", "|sort",
        "|groupby(",
        "|batch(", "|slice(", "|center(", "|replace(", "|indent", "|wordwrap(", "range(", "dict(", "cycler(",
        "joiner(", "messages", "message['content']", "bos_token", "raise_exception(", "strftime_now(", "~",
        "**",
        "//", "%", "*", "-", "[", "]", "[::-1]", "[1:]", "(", ")", ".", ".items()", ".split(", ".format(",
        "'%s' %",
        "self", "caller()", "varargs", "kwargs", "9999999999", "'a'", "\"", "'",
    ]

    /// Chat templates: parsed and rendered within limits.
    ///
    /// - Parameter fixtures: The folder of golden files.
    /// - Returns: The targets.
    /// - Throws: `FileFormatError` when a golden file is missing.
    public static func templates(fixtures: String) throws -> [FuzzTarget] {
        let golden = try JSONValue(contentsOf: "\(fixtures)/tokenizers/chat-templates.json")
        let snippets = (golden["snippets"]?.arrayValue ?? []).compactMap { $0["source"]?.stringValue }
        let whole = (golden["templates"]?.objectValue ?? JSONObject()).compactMap(\.value.stringValue)
        let conversations = try JSONValue(parsing: golden["conversations"]?.stringValue ?? "{}").objectValue
        let variables = try JSONValue(parsing: golden["variables"]?.stringValue ?? "{}").objectValue
        return [
            template(
                (snippets + whole).map { Array($0.utf8) },
                conversations ?? JSONObject(),
                variables ?? JSONObject()
            ),
            templateFile(whole),
        ]
    }

    private static func template(
        _ seeds: [[UInt8]],
        _ conversations: JSONObject,
        _ variables: JSONObject
    ) -> FuzzTarget {
        let mutator = JSONMutator(conversations.map(\.value), words: ["user", "assistant", "system", "tool"])
        return FuzzTarget(
            "chat-template",
            "chat templates, parsed and rendered",
            make: mutations(of: seeds, words: tags)
        ) {
            input in
            var limits = ChatTemplateLimits()
            (limits.steps, limits.textBytes, limits.elements) = (20_000, 1 << 18, 1 << 14)
            let template = try ChatTemplate(input.text, limits: limits)
            let conversation = mutator.damaged(using: &input.random)
            let messages = conversation["messages"]?.arrayValue ?? []
            var text: String?
            do {
                text = try template.render(
                    messages: messages,
                    tools: conversation["tools"]?.arrayValue,
                    addGenerationPrompt: input.random.oneIn(2),
                    bosToken: "<s>",
                    extra: variables
                )
            } catch is ChatTemplateError {}
            if let text, text.utf8.count > limits.textBytes {
                throw FuzzFinding("a text of \(text.utf8.count) bytes")
            }
            let training = try template.renderWithTrainingSpans(
                messages: messages,
                bosToken: "<s>",
                extra: variables
            )
            let count = training.text.utf8.count
            guard training.spans.allSatisfy({ $0.lowerBound >= 0 && $0.upperBound <= count }) else {
                throw FuzzFinding("spans \(training.spans) outside of \(count) bytes")
            }
            return true
        }
    }

    private static func templateFile(_ templates: [String]) -> FuzzTarget {
        let documents = templates.prefix(4).map { source -> JSONValue in
            [
                "chat_template": [
                    ["name": "default", "template": .string(source)], ["name": "rag", "template": "x"],
                ],
                "bos_token": ["content": "<s>"], "eos_token": "</s>",
            ]
        }
        return FuzzTarget(
            "chat-template-file",
            "chat templates of tokenizer_config.json",
            make: mutations(
                of: documents,
                words: ["chat_template", "name", "template", "content", "default"]
            )
        ) { input in
            _ = try input.file("tokenizer_config.json")
            return try ChatTemplateFile.read(
                folder: input.folder,
                name: input.random.oneIn(2) ? "default" : "rag"
            ) != nil
        }
    }
}
