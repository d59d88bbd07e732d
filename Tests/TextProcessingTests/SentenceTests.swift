import Testing
import YuyanTextProcessing

@Suite("Sentences and English words")
struct SentenceTests {
    /// Sentences separated by a bar, in a text where the bars are spaces or nothing.
    private func check(_ marked: String, _ splitter: SentenceSplitter = SentenceSplitter(), gap: String = " ")
    {
        let wanted = marked.split(separator: "|").map(String.init)
        #expect(splitter.sentences(in: wanted.joined(separator: gap)) == wanted)
    }

    @Test("English: stops, quotes, brackets, ellipses")
    func english() {
        check("It rains.|We stay in!|Do we?|Yes.")
        check("\"Go!\" he said.|She went.")
        check("He said, \"Go.\"|She went.")
        check("(It was late.)|They slept.")
        check("Wait... what?|Nothing...|Then it ended.")
        check("Really?!|No way!!!|Fine.")
        check("It ended . . .|Nobody knew.", gap: " ")
    }

    @Test("English: stops that end nothing")
    func abbreviations() {
        check("Mr. Smith met Dr. Jones at 5 p.m. on Monday.|They talked.")
        check("J. R. Smith lives in Washington, D.C. with his dog.|He is old.")
        check("The U.S. Army came.|It left the U.S.|The end.")
        check("See Fig. 3 and No. 7, e.g. in vol. 2.|There is more.")
        check("It costs 3.50 dollars, vs. 4.25 before.|Cheap.")
        check("Acme Inc. announced a loss.|Its shares fell.")
        check("Visit www.example.com or mail a.b@example.org.|Thanks.")
        check("Version 2.0.1 is out.|Get it.")
        check("Apples, pears, etc. are fruit.|We eat them.")
        check("No.|I will not.")
    }

    @Test("a word of one's own that is written with a stop")
    func ownAbbreviations() {
        check("Use approxx. Ten of them.|Then stop.", SentenceSplitter(abbreviations: ["Approxx."]))
        #expect(SentenceSplitter().sentences(in: "Use approxx. Ten of them.").count == 2)
    }

    @Test("Chinese: stops, closing quotes, titles, semicolons")
    func chinese() {
        check("今天下雨。|我们在家！|你呢？|好。", gap: "")
        check("他说：“我去。”|她没有说话。", gap: "")
        check("“你去吗？”他问。|没有人回答。", gap: "")
        check("他看了《你好！》这本书。|很好看。", gap: "")
        check("真的吗？！|当然……不是。", gap: "")
        check("价格是3.5元。|很便宜。", gap: "")
        let text = "第一；第二；第三。"
        #expect(SentenceSplitter().sentences(in: text).count == 1)
        #expect(SentenceSplitter(splitsAtSemicolons: true).sentences(in: text) == ["第一；", "第二；", "第三。"])
    }

    @Test("Chinese and English in one text")
    func mixed() {
        check("我用iPhone 3.5英寸。|It works.|很好！|Mr. Wang同意。")
    }

    @Test("line ends")
    func lineEnds() {
        let text = "A title\nThis is a line\nthat goes on.\n\nNext part\n- one\n- two\n1. three"
        #expect(SentenceSplitter().sentences(in: text).count == 7)
        #expect(
            SentenceSplitter(lineEnds: .paragraphs).sentences(in: text) == [
                "A title\nThis is a line\nthat goes on.", "Next part", "- one", "- two", "1. three",
            ]
        )
        #expect(SentenceSplitter(lineEnds: .never).sentences(in: "One\nline\n\nonly").count == 1)
        #expect(SentenceSplitter().sentences(in: "a\r\nb\rc") == ["a", "b", "c"])
        #expect(SentenceSplitter().sentences(in: " \n \n") == [])
    }

    @Test("English words as in treebanks")
    func words() {
        let tokenizer = EnglishTokenizer()
        func check(_ spaced: String, _ text: String) {
            #expect(tokenizer.words(in: text) == spaced.split(separator: " ").map(String.init))
        }
        check("Do n't you see ? I ca n't , she 'll go .", "Don't you see? I can't, she'll go.")
        check("John 's dogs ' tails can not wag", "John's dogs' tails cannot wag")
        check("I 'm gon na pay $ 5.50 , i.e. 10 % more", "I'm gonna pay $5.50, i.e. 10% more")
        check("Mr. Smith left the U.S. at 5 pm .", "Mr. Smith left the U.S. at 5pm.")
        check("a 15 - year term and / or e-mail", "a 15-year term and/or e-mail")
        check("See http://a.com/b?c=d , ( or x.y@z.org ) !", "See http://a.com/b?c=d, (or x.y@z.org)!")
        check("Call 713-853-3989 on 11/28/2000 at 7:30", "Call 713-853-3989 on 11/28/2000 at 7:30")
        check("Wow !!! Great :) the 1990's ... ok", "Wow!!! Great :) the 1990's... ok")
        check("“ It ’s ” — fine", "“It’s” — fine")
        check("👨‍👩‍👧 🇨🇳 🇫🇷 ok 👍🏽", "👨‍👩‍👧🇨🇳🇫🇷 ok 👍🏽")
        check("Chinese 语言 too", "Chinese语言too")
        #expect(EnglishTokenizer(style: .penn).words(in: "15-year and/or") == ["15-year", "and/or"])
    }

    @Test("every character but white space is in exactly one word and one sentence")
    func coverage() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = TestRandom(state: seed)
        for round in 0..<1500 {
            let text = random.text(round % 40)
            for style in EnglishTokenizer.Style.allCases {
                #expect(
                    coversAll(text, EnglishTokenizer(style: style).ranges(in: text)),
                    "seed \(seed), \(text)"
                )
            }
            for lineEnds in SentenceSplitter.LineEnds.allCases {
                let splitter = SentenceSplitter(lineEnds: lineEnds, splitsAtSemicolons: round % 2 == 0)
                #expect(coversAll(text, splitter.ranges(in: text)), "seed \(seed), \(text)")
            }
        }
    }

    @Test("long hostile text takes linear time and no stack")
    func hostile() {
        for piece in ["'s", "1-", "a.", ".", "(", "\"", "re-", "=", "你。”", "\u{200D}"] {
            let text = String(repeating: piece, count: 60_000)
            #expect(coversAll(text, EnglishTokenizer().ranges(in: text)))
            #expect(coversAll(text, SentenceSplitter().ranges(in: text)))
        }
    }

    @Test("the operator puts sentences on lines")
    func sentencePerLine() throws {
        let step = try OperatorCatalog.make("sentence_per_line", ["line_ends": .text("paragraphs")])
        #expect(step.apply(to: "One. Two\nthree.\n") == .changed("One.\nTwo three.\n"))
        #expect(step.apply(to: "One.\n") == .unchanged)
        #expect(SentencePerLine().apply(to: "今天下雨。我们在家。") == .changed("今天下雨。\n我们在家。"))
        // An address behind a Chinese stop is not part of the word before the stop: one pass is enough.
        let once = "<!\nX[a！\n第3页ofx@y.co，"
        #expect(SentencePerLine().apply(to: "<!X[a！第3页ofx@y.co，") == .changed(once))
        #expect(SentencePerLine().apply(to: once) == .unchanged)
        // White space of every script ends a word.
        for space in [" ", "\u{3000}", "\u{A0}"] {
            #expect(
                SentenceSplitter().sentences(in: "so\(space)ends.Next one") == [
                    "so\(space)ends.", "Next one",
                ]
            )
        }
        #expect(throws: OperatorError.self) {
            try OperatorCatalog.make("sentence_per_line", ["line_ends": .text("x")])
        }
    }
}
