import Testing
import YuyanDatasets
import YuyanFileFormats

@Suite("Typed examples")
struct ExampleTests {
    let folder = TemporaryFolder()

    func read<Example: DatasetExample>(
        _ type: Example.Type,
        _ name: String,
        _ text: String,
        _ settings: String = "{}"
    ) throws -> [Example] {
        try ExampleReader<Example>([folder.write(name, text)], settings: dataSettings(settings)).readAll()
    }

    @Test("classification: several labels, label maps, pairs; roles that do not exist are named")
    func classification() throws {
        let text = "text,label,text_pair\na,0|1,b\nc,1,\n"
        let settings = #"{"label_separator": "|", "label_map": {"0": "no", "1": "yes"}}"#
        let found = try read(ClassificationExample.self, "a.csv", text, settings)
        #expect(found.map(\.labels) == [["no", "yes"], ["yes"]] && found.map(\.textPair) == ["b", ""])
        let said = message {
            _ = try read(ClassificationExample.self, "a.csv", text, #"{"label_map": {"0": "no"}}"#)
        }
        #expect(said.contains("a.csv, line 2") && said.contains("'0|1' is not in label_map, which has '0'"))
        let role = message {
            _ = try read(ClassificationExample.self, "a.csv", text, #"{"columns": {"lable": 0}}"#)
        }
        #expect(role.contains("unknown role") && role.contains("did you mean 'label'?"))
        let json = "{\"text\":\"a\",\"label\":true}\n{\"text\":\"b\",\"label\":[\"x\",2]}\n"
        #expect(
            try read(ClassificationExample.self, "b.jsonl", json).map(\.labels) == [["true"], ["x", "2"]]
        )
        #expect(
            message { _ = try read(ClassificationExample.self, "c.tsv", "text\tlabel\na\t\n") }.contains(
                "the label is empty"
            )
        )
    }

    @Test("labels of one text: spaces around a separator are no part of them")
    func spacesAroundSeparators() throws {
        let text = "text\tlabel\na\tx, y , ,z\nb\t y\n"
        let found = try read(ClassificationExample.self, "a.tsv", text, #"{"label_separator": ","}"#)
        #expect(found.map(\.labels) == [["x", "y", "z"], ["y"]])
        let mapped = #"{"label_separator": ",", "label_map": {"x": "X", "y": "Y", "z": "Z"}}"#
        let names = try read(ClassificationExample.self, "a.tsv", text, mapped)
        #expect(names.map(\.labels) == [["X", "Y", "Z"], ["Y"]])
        // A token may be a space; tags and tokens stay beside one another.
        let columns = #"{"header": false, "list_separator": "/", "columns": {"tokens": 0, "tags": 1}}"#
        let tagged = try read(TaggingExample.self, "b.tsv", "a / b/ \tX/ Y /O\n", columns)
        #expect(tagged == [TaggingExample(tokens: ["a", "b", " "], tags: ["X", "Y", "O"])])
    }

    @Test("tagged sentences keep the further columns that a task asks for")
    func furtherColumns() throws {
        let text = "a DT 1 X\nb NN 0 Y\n\nc VB 1 X\n"
        var settings = try dataSettings(#"{"columns": {"pos": 1, "listed": 2}}"#)
        settings.furtherRoles = ["pos", "listed"]
        func read(_ name: String, _ text: String) throws -> [TaggingExample] {
            try ExampleReader<TaggingExample>([folder.write(name, text)], settings: settings).readAll()
        }
        #expect(
            try read("a.conll", text) == [
                TaggingExample(
                    tokens: ["a", "b"],
                    tags: ["X", "Y"],
                    columns: [["DT", "NN"], ["1", "0"]]
                ),
                TaggingExample(tokens: ["c"], tags: ["X"], columns: [["VB"], ["1"]]),
            ]
        )
        settings.columns["pos"] = .number(7)
        let missing = message { _ = try read("a.conll", text) }
        #expect(
            missing.contains("a.conll, line 1") && missing.contains("no column '7' for 'pos'"),
            "\(missing)"
        )
        settings.columns = [:]
        settings.furtherRoles = ["pos"]
        let json = #"{"tokens": ["a", "b"], "tags": ["X", "Y"], "pos": ["DT"]}"# + "\n"
        let short = message { _ = try read("a.jsonl", json) }
        #expect(short.contains("line 1") && short.contains("1 values for 2 tokens"), "\(short)")
        let without = message { _ = try read("b.jsonl", #"{"tokens": ["a"], "tags": ["X"]}"# + "\n") }
        #expect(without.contains("'pos'"), "\(without)")
        settings.furtherRoles = []
        settings.columns["pos"] = .number(1)
        let unknown = message { _ = try read("a.conll", text) }
        #expect(unknown.contains("unknown role"), "\(unknown)")
    }

    @Test("where a text may have several labels it may have none; elsewhere one is needed")
    func noLabels() throws {
        func labels(_ name: String, _ text: String, _ settings: String) throws -> [[String]] {
            try read(ClassificationExample.self, name, text, settings).map(\.labels)
        }
        let table = "text\tlabel\na\t\nb\tx\nc\ty|x\n"
        #expect(try labels("a.tsv", table, #"{"multi_label": true}"#) == [[], ["x"], ["y|x"]])
        #expect(try labels("a.tsv", table, #"{"label_separator": "|"}"#) == [[], ["x"], ["y", "x"]])
        #expect(
            message { _ = try labels("a.tsv", table, "{}") }.contains("a.tsv, line 2: 'label': the label")
        )
        let json = "{\"text\":\"a\",\"label\":[]}\n{\"text\":\"b\",\"label\":[\"x\"]}\n"
        #expect(try labels("b.jsonl", json, #"{"multi_label": true}"#) == [[], ["x"]])
        #expect(message { _ = try labels("b.jsonl", json, "{}") }.contains("there is no label; multi_label"))
        let missing = "{\"text\":\"a\"}\n"
        #expect(message { _ = try labels("c.jsonl", missing, #"{"multi_label": true}"#) }.contains("label"))
        let fast = "__label__x a\nb c\n"
        #expect(try labels("d.ft", fast, #"{"multi_label": true}"#) == [["x"], []])
        #expect(message { _ = try labels("d.ft", fast, "{}") }.contains("d.ft, line 2"))
        // In a stratified division they are a stratum of their own.
        let examples = (0..<8).map {
            ClassificationExample(text: "text \($0)", labels: $0 % 2 == 0 ? [] : ["x"])
        }
        let splitter = try Splitter(fractions: [1, 1], rule: .stratified, seed: 1)
        let parts = try splitter.split(examples.map { Splitter.Row($0) })
        #expect(parts.map { $0.count { examples[$0].labels.isEmpty } } == [2, 2])
    }

    @Test("one column is not both the tokens and their tags: words alone are refused")
    func tagsOfTheirOwnColumn() throws {
        let words = "# c = 1\nIch\nbin\n\nda\n"
        let said = message { _ = try read(TaggingExample.self, "a.conll", words) }
        #expect(said.contains("a.conll, line 2: column 0 of 1 column would be both"), "\(said)")
        #expect(said.contains("columns.tags"))
        #expect(
            try rows(folder.write("a.conll", words), #"{"columns": {"tokens": 0}}"#) == [
                ["[Ich|bin]"], ["[da]"],
            ]
        )
        let mixed = "a\n\nb O\n"
        #expect(
            try read(TaggingExample.self, "b.conll", mixed, #"{"on_error": "skip"}"#).map(\.tags) == [["O"]]
        )
        for (text, header) in [("a b\n", "false"), ("words\na b\n", "true")] {
            let columns = "{\"header\": \(header), \"columns\": {\"tokens\": 0, \"tags\": -1}}"
            let table = message { _ = try read(TaggingExample.self, "c.tsv", text, columns) }
            #expect(table.contains("c.tsv, line 1: column 0 of 1 column would be both"), "\(table)")
        }
    }

    @Test("numbers of columns that no row has are errors, however large")
    func hugeColumns() throws {
        let row = "1\ta\ta\tX\tX\t_\t0\troot\t_\t_\tgo.01\tV\n"
        for number in ["9223372036854775807", "65536", "-1", "-9223372036854775807"] {
            for role in ["predicates", "arguments"] {
                let columns = "{\"columns\": {\"\(role)\": \(number)}}"
                let said = message { _ = try read(SemanticRoleExample.self, "a.conllu", row, columns) }
                #expect(
                    said.contains("a.conllu, 'columns.\(role)'") && said.contains("0 to 65535"),
                    "\(said)"
                )
            }
        }
        for number in ["9223372036854775807", "-9223372036854775807"] {
            for (name, text) in [("a.conllu", row), ("a.conll", "a X\n"), ("a.csv", "a,b\nc,d\n")] {
                let columns = "{\"columns\": {\"tokens\": \(number), \"tags\": 0}}"
                let said = message { _ = try read(TaggingExample.self, name, text, columns) }
                #expect(said.contains("there is no column") && said.contains(number), "\(said)")
            }
        }
    }

    @Test("tags are held to their scheme and converted", arguments: [1, 2, 3] as [UInt64])
    func tags(seed: UInt64) throws {
        var random = TestGenerator(seed)
        for _ in 0..<300 {
            let count = Int.random(in: 0...12, using: &random)
            var (spans, place): ([TagSpan], Int) = ([], 0)
            while place < count {
                let end = min(place + Int.random(in: 1...3, using: &random), count)
                if Bool.random(using: &random) {
                    spans.append(
                        TagSpan(type: ["A", "B-C"].randomElement(using: &random) ?? "", range: place..<end)
                    )
                }
                place = end
            }
            for scheme in TagScheme.allCases {
                let tags = scheme.tags(spans, count: count)
                #expect(try scheme.spans(tags) == spans, "seed \(seed): \(scheme) \(tags)")
                for other in TagScheme.allCases {
                    #expect(
                        try scheme.convert(tags, to: other) == other.tags(spans, count: count),
                        "seed \(seed)"
                    )
                }
            }
        }
    }

    @Test("tags that break their scheme are errors that name the token")
    func wrongTags() throws {
        let cases: [(TagScheme, [String], String)] = [
            (.bio, ["O", "I-A"], "token 2"), (.bio, ["B-A", "I-B"], "token 2"), (.bio, ["X"], "token 1"),
            (.bio, ["E-A"], "B-, I-"), (.bioes, ["B-A", "O"], "no E-"), (.bioes, ["B-A"], "E- is missing"),
            (.bioes, ["E-A"], "no span"), (.iob1, ["O", "B-A"], "token 2"),
            (.bioes, ["B-A", "S-A"], "token 2"), (.bilou, ["B-A", "U-A"], "no L-"),
            (.bilou, ["B-A"], "L- is missing"), (.bilou, ["S-A"], "B-, I-, L-, U-"),
            (.bilou, ["L-A"], "no span"),
        ]
        for (scheme, tags, expected) in cases {
            #expect(message { _ = try scheme.spans(tags) }.contains(expected), "\(scheme) \(tags)")
        }
        let text = "a\tB-X\nb\tI-Y\n\nc\tB-X\nd\tI-X\n"
        let settings = #"{"on_error": "skip", "tag_scheme": "bio", "convert_tags": "bioes"}"#
        #expect(try read(TaggingExample.self, "a.conll", text, settings).map(\.tags) == [["B-X", "E-X"]])
        let lettered = #"{"tag_scheme": "bilou", "convert_tags": "bio"}"#
        let (five, plain) = ("a\tB-X\nb\tL-X\nc\tO\nd\tU-Y\n", ["B-X", "I-X", "O", "B-Y"])
        #expect(try read(TaggingExample.self, "a.conll", five, lettered).map(\.tags) == [plain])
        let columns = #"{"columns": {"tokens": "t", "tags": "l"}}"#
        let table = try read(TaggingExample.self, "b.tsv", "t\tl\na b\tO O\n", columns)
        #expect(table.map(\.tokens) == [["a", "b"]])
        #expect(
            message { _ = try read(TaggingExample.self, "c.tsv", "t\tl\na b\tO\n", columns) }.contains(
                "2 tokens for 1 tags"
            )
        )
    }

    @Test(
        "questions: places in scalars are checked against the text; articles, rows and both layouts of answers"
    )
    func questions() throws {
        let answers = #"[{"text":"😀三","answer_start":2}]"#
        let squad =
            #"{"version":"2","data":[{"title":"T","paragraphs":[{"context":"一e\#u{301}😀三","qas":["#
            + #"{"id":"1","question":"q","answers":[{"text":"😀三","answer_start":3}],"is_impossible":false},"#
            + #"{"id":"2","question":"r","answers":[],"is_impossible":true},"#
            + #"{"id":"3","question":"s","answers":"# + answers + "}]}]}]}"
        #expect(
            message { _ = try read(QuestionAnsweringExample.self, "a.json", squad) }.contains(
                "question '3': the answer '😀三' does not stand at scalar 2"
            )
        )
        let found = try read(QuestionAnsweringExample.self, "a.json", squad, #"{"on_error": "skip"}"#)
        #expect(found.map(\.id) == ["1", "2"] && found.map(\.isImpossible) == [false, true])
        #expect(found[0].answers[0].bytes == 6..<13 && found[0].title == "T")
        let kept = try read(QuestionAnsweringExample.self, "a.json", squad, #"{"answers_must_match": false}"#)
        #expect(kept[2].answers.map(\.text) == ["😀三"] && kept[2].answers[0].start == nil)
        let free =
            #"{"question":"q","context":"ab","answers":[{"text":"x","answer_start":-1},{"text":"b","answer_start":1}]}"#
        let answered = try read(QuestionAnsweringExample.self, "c.jsonl", free)[0].answers
        #expect(answered == [.init(text: "x"), .init(text: "b", start: 1, bytes: 1..<2)])
        let flat = #"{"id":"x","question":"q","context":"ab","answers":{"text":["b"],"answer_start":[1]}}"#
        #expect(try read(QuestionAnsweringExample.self, "b.jsonl", flat)[0].answers[0].start == 1)
        let lone = message { _ = try read(QuestionAnsweringExample.self, "d.json", flat) }
        #expect(lone.contains("no key 'data'") && lone.contains("stand in a list"), "\(lone)")
    }

    @Test("questions to be answered: answers are not looked at, misplaced, malformed or none")
    func questionsAlone() throws {
        var settings = DataSettings()
        settings.recordsKey = QuestionAnsweringExample.recordsKey
        func questions(_ answers: String) throws -> [String] {
            let squad =
                #"{"data":[{"paragraphs":[{"context":"ab","qas":[{"question":"q"\#(answers)},{"question":"r"}]}]}]}"#
            let reader = RecordReader([try folder.write("a.json", squad)], settings: settings)
            let found = try QuestionAnsweringExample.questions(from: #require(try reader.next()))
            #expect(found.allSatisfy { $0.context == "ab" && $0.answers.isEmpty })
            return found.map(\.question)
        }
        for answers in [
            "", #","answers":[{"text":"b","answer_start":0}]"#, #","answers":[{"text":"b"}]"#,
            #","answers":7"#,
        ] {
            #expect(try questions(answers) == ["q", "r"], "\(answers)")
        }
        #expect(message { _ = try questions(#"},{"answers":[]"#) }.contains("no text 'question'"))
    }

    @Test("semantic roles: one column of roles per predicate")
    func roles() throws {
        func row(_ id: Int, _ form: String, _ rest: String) -> String {
            "\(id)\t\(form)\t_\t_\t_\t_\t_\t_\t_\t_\t\(rest)\n"
        }
        let text =
            row(1, "she", "_\tA0\tA0") + row(2, "came", "come.01\tV\t_") + row(3, "saw", "see.01\t_\tV")
            + "\n" + row(1, "no", "_\t")
        let found = try read(SemanticRoleExample.self, "a.conllu", text)
        #expect(
            found[0].predicates.map(\.token) == [1, 2] && found[0].predicates[1].roles == ["A0", "_", "V"]
        )
        #expect(found[1].predicates.isEmpty && found[0].labels == ["A0", "V", "A0", "V"])
        let short = row(1, "she", "_") + row(2, "came", "come.01")
        #expect(
            message { _ = try read(SemanticRoleExample.self, "b.conllu", short) }.contains(
                "0 columns of arguments for 1 predicates"
            )
        )
    }

    @Test("conversations in the styles of Alpaca, ShareGPT, OpenAI and tasks with instances")
    func conversations() throws {
        let rows = [
            #"{"instruction":"a","input":"b","output":"c","history":[["x","y"]],"system":"s"}"#,
            #"{"conversations":[{"from":"human","value":"a"},{"from":"function_call","value":"{\"name\":\"f\",\"arguments\":{\"k\":1}}"},{"from":"observation","value":"o"},{"from":"gpt","value":"c"}],"tools":"[{\"name\":\"f\"}]"}"#,
            #"{"messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}]}"#,
            #"{"instruction":"a","instances":[{"input":"","output":"x"},{"input":"i","output":"y"}]}"#,
        ]
        let found = try read(ConversationExample.self, "a.jsonl", rows.joined(separator: "\n"))
        #expect(
            found.map { $0.messages.map(\.role.rawValue).joined(separator: " ") } == [
                "system user assistant user assistant", "user assistant tool assistant", "user assistant",
                "user assistant", "user assistant",
            ]
        )
        #expect(found[0].messages[3].content == "a\nb" && found[4].messages[0].content == "a\ni")
        #expect(found[1].messages[1].toolCalls == [.init(name: "f", arguments: ["k": 1])])
        #expect(found[1].tools == [["name": "f"]] && found[2].messages[1].toolCalls[0].name == "f")
        let wrong = [
            (#"{"messages":[{"role":"usr","content":"a"}]}"#, "did you mean 'user'?"),
            (#"{"x":1}"#, "none of 'messages'"),
            (#"{"messages":[{"role":"user","content":"a"}]}"#, "the assistant says nothing"),
            (#"{"conversations":[{"from":"function_call","value":"f()"}]}"#, "must be JSON"),
            (#"{"messages":[{"role":"user"}]}"#, "'messages[0]': the message of 'user' has no text"),
        ]
        for (row, expected) in wrong {
            let said = message { _ = try read(ConversationExample.self, "b.jsonl", row) }
            #expect(said.contains(expected) && said.contains("b.jsonl, line 1"), "\(said)")
        }
    }

    @Test("preferences: pairs, single judgements, prompts as text")
    func preferences() throws {
        let rows = [
            #"{"conversations":[{"from":"human","value":"a"}],"chosen":{"from":"gpt","value":"b"},"rejected":{"from":"gpt","value":"c"}}"#,
            #"{"prompt":"a","chosen":"b","rejected":"c"}"#,
            #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"label":false}"#,
        ]
        let found = try read(PreferenceExample.self, "a.jsonl", rows.joined(separator: "\n"))
        let (user, answer) = (
            ChatMessage(role: .user, content: "a"), ChatMessage(role: .assistant, content: "b")
        )
        let pair = PreferenceExample.Judgement.pair(
            chosen: [answer],
            rejected: [ChatMessage(role: .assistant, content: "c")]
        )
        #expect(found.map(\.judgement) == [pair, pair, .single([answer], isWanted: false)])
        #expect(found.allSatisfy { $0.prompt == [user] })
        #expect(
            message {
                _ = try read(PreferenceExample.self, "b.jsonl", rows[1].replacing("rejected", with: "r"))
            }.contains("'rejected'")
        )
    }

    @Test("pairs with scores")
    func pairs() throws {
        let settings = #"{"header": false, "columns": {"score": 0, "source": 1, "target": 2}}"#
        #expect(
            try read(PairExample.self, "a.tsv", "4.5\ta\tb\n", settings) == [
                PairExample(source: "a", target: "b", score: 4.5)
            ]
        )
        #expect(
            message { _ = try read(PairExample.self, "a.tsv", "x\ta\tb\n", settings) }.contains(
                "line 1: 'score': 'x' is no number"
            )
        )
    }
}
