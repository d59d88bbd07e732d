import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTestSupport
import YuyanTokenizers

@Suite struct ConversationRenderingTests {
    private let conversation = ConversationExample(messages: [
        ChatMessage(role: .user, content: "你好"), ChatMessage(role: .assistant, content: "你好！"),
    ])

    @Test func builtInTemplates() throws {
        for template in BuiltInChatTemplate.allCases {
            let rendering = try ConversationRendering(template.rawValue)
            let text = try rendering.trainingText(conversation)
            let bytes = Array(text.text.utf8)
            let trained = text.spans.map { String(decoding: bytes[$0], as: UTF8.self) }
            #expect(trained.count == 1 && trained[0].hasPrefix("你好！"), "\(template): \(trained)")
            let prompt = try rendering.prompt(conversation)
            #expect(text.text.hasPrefix(prompt) && !prompt.contains("你好！"), "\(template): \(prompt)")
        }
    }

    @Test func folderAndFile() throws {
        let folder = try ScratchFolder()
        let source =
            "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}"
        try folder.write(
            #"{"bos_token": "<s>", "eos_token": {"content": "</s>"}}"#,
            to: "tokenizer_config.json"
        )
        #expect(throws: FileFormatError.self) { try ConversationRendering(folder.path) }
        try folder.write(source, to: "chat_template.jinja")
        let expected = "<s>user: 你好</s>assistant: 你好！</s>"
        #expect(try ConversationRendering(folder.path).trainingText(conversation).text == expected)
        let file = try ConversationRendering("\(folder.path)/chat_template.jinja", tokensOf: folder.path)
        #expect(try file.trainingText(conversation).text == expected)
    }

    @Test func toolCallsReachTheTemplate() throws {
        let folder = try ScratchFolder()
        try folder.write(
            "{% for m in messages %}{{ m.tool_calls[0].function.name }}{{ m.tool_calls[0].function.arguments }}{% endfor %}",
            to: "t.jinja"
        )
        let call = ChatMessage.ToolCall(name: "weather", arguments: ["city": "北京"])
        let asked = ConversationExample(messages: [
            ChatMessage(role: .assistant, content: "", toolCalls: [call])
        ])
        let text = try ConversationRendering("\(folder.path)/t.jinja").trainingText(asked).text
        #expect(text == "weather{'city': '北京'}")
    }

    @Test func anUnknownNameSaysWhatIsKnown() {
        let error = #expect(throws: FileFormatError.self) { try ConversationRendering("chatlm") }
        #expect(error?.description.contains("did you mean 'chatml'?") == true, "\(String(describing: error))")
    }
}
