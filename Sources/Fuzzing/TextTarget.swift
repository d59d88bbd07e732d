import YuyanTextProcessing

extension FuzzTargets {
    private static let operatorWords = [
        "nfkc", "nfd", "half", "full", "en", "zh", "both", "tag", "mask", "hash", "remove", "lines",
        "paragraphs",
        "always", "never", "chinese", "code", "strict", "auto", "keep", "collapse", "tab", "space", "email",
        "emails",
        "topics", "x", "", "no such file", ".",
    ]
    private static let pieces = [
        "a", "B", "the ", " ", "\t", "\n", "\n\n", "\u{3000}", "\u{85}", "\u{C}", ".", ",", "…", "1", "2024",
        "语言", "，",
        "。", "Ａ", "乾", "說話", "e\u{301}", "한국", "😀", "👩\u{200D}👧", "🇨🇳", "\u{200D}", "\u{0}", "<", ">", "</p>",
        "<script>",
        "<!--", "-->", "<![CDATA[", "<td>", "<pre>", "<a href=\"x", "&amp;", "&#x1F600;", "&#99999999;",
        "http://",
        "https://a.cn/", "www.", "(", ")", "@", "user", "#话题#", "//@", "转发微博", ":", "[哈哈]", "Page 3", "- 3 -",
        "第3页",
        "© 2020", "13812345678", "+86 ", "110101199003070038", "192.168.1.1", "fe80::1", "::",
        "00:1a:2b:3c:4d:5e",
        "4111111111111111", "password", "=abc123XY", "AKIA", "eyJ", "-----BEGIN PRIVATE KEY-----",
        "1990-01-02",
        "京A12345", "Mr. ", "e.g. ", "“", "”", "```", "| - |", "ﬁ", "ß", "İ", "\u{10FFFF}",
    ]

    /// Texts of all kinds through pipelines of operators with settings of all kinds.
    public static let text: FuzzTarget = {
        let mutator = ByteMutator(words: pieces)
        return FuzzTarget("pipeline", "texts through pipelines of the operators, with settings of all kinds")
        { random in
            var text: [UInt8] = []
            for _ in 0..<random.below(60) { text += Array(random.one(of: pieces).utf8) }
            return mutator.damaged(text, using: &random)
        } check: { input in
            var steps: [any TextOperator] = []
            for _ in 0...random(&input, below: 3) {
                let entry = input.random.one(of: OperatorCatalog.entries)
                do {
                    steps.append(try OperatorCatalog.make(entry.name, settings(of: entry, &input.random)))
                } catch  where FuzzTarget.isTyped(error) {}
            }
            let pipeline = TextPipeline(steps)
            var tallies = pipeline.emptyTallies
            let text = input.text
            let cleaned = pipeline.process(text, tallies: &tallies)
            _ = pipeline.process(text, isContinuation: true, tallies: &tallies)
            if let cleaned, cleaned.utf8.count > 64 * (text.utf8.count + 64) {
                throw FuzzFinding("\(text.utf8.count) bytes became \(cleaned.utf8.count)")
            }
            return cleaned != nil
        }
    }()

    private static func random(_ input: inout FuzzInput, below bound: Int) -> Int {
        input.random.below(bound)
    }

    /// Values for some of the keys that an operator's line of help names.
    private static func settings(
        of entry: OperatorEntry,
        _ random: inout FuzzGenerator
    ) -> [String: OperatorValue] {
        let keys = entry.summary.split { "(), ".contains($0) }.filter { $0.hasSuffix(":") }.map {
            $0.dropLast()
        }
        var values: [String: OperatorValue] = [:]
        for key in keys where random.oneIn(3) { values[String(key)] = value(&random) }
        return values
    }

    private static func value(_ random: inout FuzzGenerator) -> OperatorValue {
        switch random.below(5) {
        case 0: .flag(random.oneIn(2))
        case 1: .number(random.one(of: [0, 1, 3, 0.5, -1, 1e9, 1e308, -0.0, 1e-300]))
        case 2: .number(Double(random.below(40)))
        case 3: .list((0..<random.below(4)).map { _ in random.one(of: operatorWords) })
        default: .text(random.one(of: operatorWords))
        }
    }
}
