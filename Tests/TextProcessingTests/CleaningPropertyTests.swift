import Testing
import YuyanTextProcessing

@Suite("Properties of all operators")
struct CleaningPropertyTests {
    private static func operators() -> [any TextOperator] {
        var steps: [any TextOperator] = OperatorCatalog.entries.compactMap {
            try? OperatorCatalog.make($0.name)
        }
        steps += [
            HTMLRemoval(whitespace: .collapse, keepsAltText: true, keepsNoscript: true),
            URLRemoval(replacement: "U", includesBareDomains: true),
            URLRemoval(includesBareDomains: true),
            SocialMediaCleaning([.topics, .mentions, .emails, .reposts, .repostMarks, .emoticons]),
            EmojiRemoval(replacement: "[E]"),
            WidthNormalization(to: .full, [.letters, .digits, .punctuation, .space]),
            WidthNormalization(to: .half, [.letters, .digits, .punctuation, .space]),
            WhitespaceTidying(unifiesSpaces: true, blankLines: 0),
            WhitespaceTidying(trimsLines: false, collapsesSpaces: false, blankLines: 2),
            RepeatedLineRemoval(.paragraphs, minimumLength: 1), RepeatedLineRemoval(minimumLength: 1),
            RunningHeaderRemoval(minimumPages: 2),
        ]
        let kinds = Set(PersonalDataKind.allCases)
        for mode in PersonalDataScrubbing.Mode.allCases {
            steps.append(
                PersonalDataScrubbing(kinds, mode: mode, keepsLoopback: false, findsSpelledEmails: true)
            )
        }
        return steps
    }

    private static func check(_ step: any TextOperator, _ text: String, _ seed: UInt64) {
        let outcome = step.apply(to: text)
        if step.kind == .filter {
            if case .dropped(let reason) = outcome {
                #expect(!reason.isEmpty)
            } else {
                #expect(outcome == .unchanged)
            }
            return
        }
        switch outcome {
        case .dropped: Issue.record("\(step.name) dropped a text")
        case .unchanged: break
        case .changed(let rewritten), .rewritten(let rewritten, _):
            // A pass that cut a scalar in two would have been repaired with replacement characters.
            let marks = rewritten.unicodeScalars.count { $0 == "\u{FFFD}" }
            let before = text.unicodeScalars.count { $0 == "\u{FFFD}" }
            #expect(marks <= before || step.name == "html_removal", "\(step.name), seed \(seed)")
            #expect(
                !rewritten.utf8.elementsEqual(text.utf8),
                "\(step.name) reports a change, seed \(seed): \(text.debugDescription)"
            )
            // Decoding character references is no projection: "&amp;lt;" stands for "&lt;", which stands for "<".
            // Sentences are told by what stands around a stop, and a line end before or behind it is less; pages are
            // told by the form feeds that the first pass takes away.
            if ["html_removal", "sentence_per_line", "running_header_removal"].contains(step.name) { break }
            let again = cleaned(step, rewritten)
            #expect(
                same(again, rewritten),
                "\(step.name)(\(step.settings)), seed \(seed): \(text.debugDescription) -> \(rewritten.debugDescription) -> \(again.debugDescription)"
            )
        }
    }

    @Test("applying a mapper twice changes nothing more; no operator fails on random text")
    func idempotence() {
        var generator = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &generator)
        var random = SplitMix(state: seed)
        let steps = Self.operators()
        for _ in 0..<250 {
            let text = pieceText(&random, count: Int.random(in: 0...30, using: &random))
            for step in steps { Self.check(step, text, seed) }
        }
    }

    @Test("HTML without references is plain after one pass")
    func htmlIdempotence() {
        var random = SplitMix(state: 7)
        let pieces = [
            "<p>", "</p>", "<b>", "a", " ", "\n", "中", "<br>", "<td>x</td>", "<!-- c -->",
            "<script>s</script>", "1 > 2", "<pre>", "</pre>", "=", "\"",
        ]
        for _ in 0..<400 {
            let text = pieceText(&random, count: 12, from: pieces)
            guard let once = cleaned(HTMLRemoval(), text) else { continue }
            #expect(
                same(cleaned(HTMLRemoval(), once), once),
                "\(text.debugDescription) -> \(once.debugDescription)"
            )
        }
    }

    @Test("mutated text: no operator fails, results are well-formed")
    func mutations() {
        var generator = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &generator)
        var random = SplitMix(state: seed)
        let steps = Self.operators()
        for _ in 0..<150 {
            var bytes = Array(pieceText(&random, count: 25).utf8)
            for _ in 0..<Int.random(in: 1...8, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: 0...127, using: &random), at: place)
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            for step in steps { Self.check(step, text, seed) }
        }
    }

    @Test("time grows with the length alone on hostile text")
    func hostile() {
        let pieces = [
            "<", "<a ", "<a \"", "<a href=\"", "<!--", "<script>", "</", "<![CDATA[", "&", "&#", "&am", "1",
            "1 ", "1-", "1.", "+1", "(", "@", "a@", "a.", "a.b@",
            "http://", "www.", ":", "::", "a:", "#", "#a", "[", "//@a", "\n", " ", "\t\n", "- ", "eyJ", "sk-",
            "password=", "-----BEGIN PRIVATE KEY-----",
            "\u{200D}😀", "😀\u{200D}", "a at ", "转发微博", "乾", "裏", "著", "Page 1\n", "\u{C}", "生日", "京A",
            "a\n\n", "<p>", "a-", "0a:",
        ]
        for step in Self.operators() {
            for piece in pieces {
                let sizes = ["<", "1"].contains(piece) ? [250_000, 1_000_000] : [10_000, 40_000]
                func measured() -> [Double] {
                    sizes.map { size in
                        let text = String(repeating: piece, count: size / piece.utf8.count)
                        return processorSeconds { _ = step.apply(to: text) }
                    }
                }
                // Four times the length; quadratic work would take sixteen times as long. What else runs may take the
                // caches away, so that a doubtful time is measured again.
                var times = measured()
                for _ in 0..<3 where times[1] >= 0.15 && times[1] >= 8 * times[0] {
                    times = zip(times, measured()).map(min)
                }
                #expect(
                    times[1] < 0.15 || times[1] < 8 * times[0],
                    "\(step.name) on \(piece.debugDescription): \(times)"
                )
                #expect(times[1] < 10, "\(step.name) on \(piece.debugDescription): \(times)")
            }
        }
    }

    @Test("presets make their operators and clean a document of their kind")
    func presets() throws {
        #expect(OperatorCatalog.presets.map(\.name) == ["web", "social-zh", "books", "code"])
        for preset in OperatorCatalog.presets {
            #expect(try OperatorCatalog.make(preset: preset.name).map(\.name) == preset.steps.map(\.name))
        }
        #expect(throws: OperatorError.self) { try OperatorCatalog.make(preset: "none") }
        let social = TextPipeline(try OperatorCatalog.make(preset: "social-zh"))
        var tallies = social.emptyTallies
        #expect(
            social.process("回复@小明:今天天氣真的很好[哈哈] http://t.cn/abc //@老王:是啊", tallies: &tallies) == "今天天气真的很好"
        )
    }

    @Test("the document on cleaning lists every operator, measure and preset with its keys")
    func document() throws {
        guard let document = packageText("Docs/cleaning.md") else { return }
        for entry in OperatorCatalog.entries {
            #expect(
                document.contains("| `\(entry.name)` | \(entry.summary) |"),
                "| `\(entry.name)` | \(entry.summary) |"
            )
        }
        for preset in OperatorCatalog.presets {
            let steps = preset.steps.map { "`\($0.name)`" }.joined(separator: ", ")
            #expect(document.contains("| `\(preset.name)` | \(preset.summary) | \(steps) |"))
        }
    }
}
