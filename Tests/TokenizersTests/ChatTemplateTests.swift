import Testing
import YuyanFileFormats
import YuyanTokenizers

/// Chat templates against what jinja2, set up as transformers does it, makes of them.
@Suite struct ChatTemplateConformanceTests {
    @Test func snippetsGiveWhatJinjaGives() throws {
        let golden = try Fixtures.json("chat-templates.json")
        let variables = try JSONValue(parsing: try #require(golden["variables"]?.stringValue))
        let values = try #require(variables.objectValue)
        for snippet in try #require(golden["snippets"]?.arrayValue) {
            let source = try #require(snippet["source"]?.stringValue)
            expect(snippet, source) { () throws(ChatTemplateError) in
                try ChatTemplate(source).render(variables: values)
            }
        }
    }

    @Test func conversationsGiveWhatTransformersGives() throws {
        let golden = try Fixtures.json("chat-templates.json")
        let conversations = try JSONValue(parsing: try #require(golden["conversations"]?.stringValue))
        for chat in try #require(golden["chats"]?.arrayValue) {
            let name = try #require(chat["template"]?.stringValue)
            let other = try #require(chat["conversation"]?.stringValue)
            let source = try #require(golden["templates"]?[name]?.stringValue)
            let conversation = try #require(conversations[other])
            expect(chat, "\(name) with \(other)") { () throws(ChatTemplateError) in
                try Self.render(try ChatTemplate(source), conversation)
            }
            guard let spans = chat["spans"]?.arrayValue, conversation["add_generation_prompt"] == nil else {
                continue
            }
            let wanted = spans.compactMap(\.arrayValue).compactMap { span -> Range<Int>? in
                guard let first = span[0].integerValue, let end = span[1].integerValue, first < end else {
                    return nil
                }
                return first..<end
            }
            let training = try ChatTemplate(source).renderWithTrainingSpans(
                messages: conversation["messages"]?.arrayValue ?? [],
                tools: conversation["tools"]?.arrayValue,
                bosToken: "<s>",
                eosToken: "</s>"
            )
            #expect(training.spans == wanted, "\(name) with \(other)")
        }
    }

    private static func render(
        _ template: ChatTemplate,
        _ conversation: JSONValue
    ) throws(ChatTemplateError) -> String {
        try template.render(
            messages: conversation["messages"]?.arrayValue ?? [],
            tools: conversation["tools"]?.arrayValue,
            documents: conversation["documents"]?.arrayValue,
            addGenerationPrompt: conversation["add_generation_prompt"]?.boolValue ?? false,
            bosToken: "<s>",
            eosToken: "</s>",
            extra: conversation["extra"]?.objectValue ?? JSONObject()
        )
    }

    /// The same text, or a failure where jinja2 fails, with the same words where the template chose them.
    private func expect(_ wanted: JSONValue, _ name: String, _ render: () throws(ChatTemplateError) -> String)
    {
        do {
            let text = try render()
            let same = wanted["text"]?.stringValue.map { $0.utf8.elementsEqual(text.utf8) }
            #expect(same == true, "\(name): got \(text.debugDescription), not \(wanted)")
        } catch {
            let message = wanted["error"]?.stringValue
            #expect(message != nil, "\(name): \(error)")
            if let message, !message.isEmpty {
                #expect(error.code == .raised && error.message == message, "\(name): \(error)")
            }
        }
    }
}

/// What happens to templates that want too much, and where errors are.
@Suite struct ChatTemplateLimitTests {
    private func failure(
        _ source: String,
        _ limits: ChatTemplateLimits = ChatTemplateLimits()
    ) -> ChatTemplateError? {
        do {
            _ = try ChatTemplate(source, limits: limits).render(messages: [])
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{{ 'ab' * 99999999999 }}", "{{ [1] * 99999999 }}",
        "{{ range(100001) }}", "{{ 'a'|center(99999999999) }}", "{{ '%99999999999d' % 1 }}", "{{ 2 ** 64 }}",
        "{{ 9223372036854775807 + 1 }}", "{{ 1\(String(repeating: " + 1", count: 5000)) }}",
        "{{ \(String(repeating: "(", count: 5000))1\(String(repeating: ")", count: 5000)) }}",
        "{{ 1\(String(repeating: "|abs", count: 5000)) }}",
        "\(String(repeating: "{% if 1 %}", count: 5000))",
        "{% set n = namespace(x=1) %}{% for i in range(5000) %}{% set n.x = [n.x] %}{% endfor %}",
        "{% set n = namespace() %}{% set n.x = n %}{{ n }}",
        "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{{ [1]|tojson(indent=99999999999) }}", "{{ ''.join(['a' * 9999999] * 999) }}",
        "{% set n = namespace() %}{% macro a(f) %}{% macro b() %}{{ f }}{% endmacro %}{% set n.f = b %}{% endmacro %}"
            + "{% for i in range(9999) %}{{ a(n.f) }}{% endfor %}{{ n.f() }}",
    ]) func hostileTemplatesEnd(source: String) {
        let error = failure(source)
        let end = source.hasSuffix("n.f() }}")
        #expect(end || error?.code == .limitExceeded, "\(source.prefix(60)): \(String(describing: error))")
    }

    @Test func budgetsAreKept() {
        var limits = ChatTemplateLimits()
        limits.steps = 100
        #expect(failure("{% for i in range(200) %}{% endfor %}", limits)?.code == .limitExceeded)
        limits = ChatTemplateLimits()
        limits.textBytes = 10
        #expect(failure("0123456789", limits) == nil)
        #expect(failure("0123456789a", limits)?.code == .limitExceeded)
        limits = ChatTemplateLimits()
        limits.sourceLength = 2
        #expect(failure("123456789", limits)?.code == .limitExceeded)
    }

    @Test func errorsNameTheirPlace() {
        let undefined = failure("a\n  {{ x.y }}")
        #expect(undefined?.code == .undefined && undefined?.line == 2 && undefined?.column == 7)
        let syntax = failure("{% if x %}")
        #expect(syntax?.code == .syntax && syntax?.line == 1 && syntax?.column == 11)
        let raised = failure("\n{{ raise_exception('no') }}")
        #expect(raised?.description == "template line 2, column 19: no")
        #expect(failure("{% include 'x' %}")?.code == .unsupported)
        #expect(failure("{{ [].append(1) }}")?.code == .value)
    }

    @Test func timeStandsStillUnlessTheCallerGivesOne() throws {
        let source = "{{ strftime_now('%A, %d %B %Y %j %y-%m %q %%') }}"
        #expect(try ChatTemplate(source).render(messages: []) == "Thursday, 01 January 2026 001 26-01 %q %")
        let other = try ChatTemplate(source, formatTime: { "<\($0.prefix(2))>" })
        #expect(try other.render(messages: []) == "<%A>")
        #expect(FixedTime.day(year: 2024, month: 2, day: 29)?.formatted("%a %e %b %j") == "Thu 29 Feb 060")
        #expect(FixedTime.day(year: 2023, month: 2, day: 29) == nil)
    }
}

/// The parts of a conversation to train on.
@Suite struct ChatTrainingTests {
    private let messages: [JSONValue] = [
        ["role": "system", "content": "Be brief. 简短"], ["role": "user", "content": "Hi 🙂"],
        ["role": "assistant", "content": "Hello, 世界"], ["role": "user", "content": "Bye"],
        ["role": "assistant", "content": "See you"],
    ]

    private func parts(_ text: ChatTrainingText) -> [String] {
        let bytes = Array(text.text.utf8)
        return text.spans.map { String(decoding: bytes[$0], as: UTF8.self) }
    }

    @Test(arguments: BuiltInChatTemplate.allCases)
    func builtInTemplatesMarkAnswers(template: BuiltInChatTemplate) throws {
        let rendered = try ChatTemplate(template.source).renderWithTrainingSpans(messages: messages)
        let ends: [BuiltInChatTemplate: String] = [
            .chatml: "<|im_end|>", .llama3: "<|eot_id|>", .llama2: " </s>",
        ]
        let end = ends[template] ?? "</s>"
        #expect(parts(rendered) == ["Hello, 世界" + end, "See you" + end])
        for message in messages {
            #expect(rendered.text.contains(try #require(message["content"]?.stringValue)))
        }
        let prompt = try ChatTemplate(template.source).render(
            messages: Array(messages[..<2]),
            addGenerationPrompt: true
        )
        #expect(rendered.text.hasPrefix(prompt))
    }

    @Test func prefixesGiveThePartsOfTemplatesWithoutBlocks() throws {
        let source = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
        let prompt = "{% if add_generation_prompt %}<assistant>{% endif %}"
        let rendered = try ChatTemplate(source + prompt).renderWithTrainingSpans(messages: messages)
        #expect(parts(rendered) == ["Hello, 世界</>", "See you</>"])
        let changing = try ChatTemplate("{{ messages|length }}" + source)
        let error = #expect(throws: ChatTemplateError.self) {
            try changing.renderWithTrainingSpans(messages: messages)
        }
        #expect(error?.code == .spans)
    }

    @Test func blocksWhosePlaceIsUnknownAreRefused() throws {
        let source = "{% macro m() %}{% generation %}x{% endgeneration %}{% endmacro %}{{ m() }}"
        let template = try ChatTemplate(source)
        #expect(try template.render(messages: messages) == "x")
        let error = #expect(throws: ChatTemplateError.self) {
            try template.renderWithTrainingSpans(messages: messages)
        }
        #expect(error?.code == .spans && error?.line == 1)
    }

    @Test func idsCarryTheMaskOfTheirBytes() throws {
        let text = try ChatTemplate(BuiltInChatTemplate.chatml.source).renderWithTrainingSpans(
            messages: messages
        )
        let bytes = Array(text.text.utf8)
        let tokens = try text.encoded(with: ByteTokenizer())
        #expect(tokens.ids.count == tokens.mask.count)
        let trained = zip(tokens.ids, tokens.mask).filter { $0.1 == 1 }.map(\.0)
        #expect(ByteTokenizer().decode(trained) == parts(text).joined())
        #expect(tokens.ids.count == bytes.count)
    }

    @Test func foldersGiveTheirTemplate() throws {
        let folder = try TemporaryFolder()
        #expect(try ChatTemplateFile.read(folder: folder.path) == nil)
        let list = """
            {"bos_token": {"content": "<b>"}, "eos_token": "<e>", "chat_template":
            [{"name": "default", "template": "A"}, {"name": "tools", "template": "B"}]}
            """
        _ = try folder.write(list, "tokenizer_config.json")
        let found = try #require(try ChatTemplateFile.read(folder: folder.path))
        #expect(found.source == "A" && found.bosToken == "<b>" && found.eosToken == "<e>")
        #expect(try ChatTemplateFile.read(folder: folder.path, name: "tools")?.source == "B")
        let error = #expect(throws: FileFormatError.self) {
            try ChatTemplateFile.read(folder: folder.path, name: "rag")
        }
        #expect(error?.message.contains("'default', 'tools'") == true)
        _ = try folder.write("C", "chat_template.jinja")
        #expect(try ChatTemplateFile.read(folder: folder.path)?.source == "C")
    }
}
