import Testing
import YuyanTextProcessing

@Suite("Quality filters")
struct QualityTests {
    private func value(_ measure: QualityMeasure, _ text: String) -> Double? {
        QualityFilter(measure, QualityLimit()).value(of: measure, in: text)
    }

    @Test("measures by hand")
    func measures() {
        let values: [(QualityMeasure, String, Double?)] = [
            (.scalars, "a中😀", 3), (.words, "It's 3 cats, 你好.", 5), (.lines, "a\n\n b\n", 2),
            (.meanWordLength, "ab abcd", 3),
            (.meanWordLength, "中文字", nil), (.meanLineLength, "ab\nabcd", 3), (.longestLine, "ab\nabcd\n", 4),
            (.symbolWordRatio, "#a b... c… d", 0.75), (.digitShare, "12 ab", 0.5),
            (.punctuationShare, "a,b。", 0.5),
            (.uppercaseShare, "ABcd 12", 0.5), (.uppercaseShare, "中文", nil), (.alphabeticShare, "ab12", 0.5),
            (.alphabeticWordShare, "ab 12 -- cd", 0.5), (.chineseShare, "中文ab", 0.5),
            (.bulletLineShare, "- a\n• b\n-c\nd", 0.5),
            (.ellipsisLineShare, "a...\nb…\nc\nd.", 0.5), (.terminalLineShare, "a.\nb。\nc\nd,", 0.5),
            (.shortLineShare, "a\n\(String(repeating: "b", count: 30))", 0.5),
            (.stopWords, "the cat and 的", 3), (.stopWordShare, "the cat", 0.5),
            (.duplicateLineShare, "a\na\nb\nc", 0.25),
            (.duplicateLineScalarShare, "aaa\naaa\nb\nc", 3.0 / 8),
            (.duplicateParagraphShare, "a\nb\n\na\nb\n\nc", 1.0 / 3),
            (.duplicateParagraphScalarShare, "ab\n\nab\n\nc", 0.4), (.top2GramShare, "a b a b c d", 4.0 / 6),
            (.top2GramShare, "a b c", 0), (.top2GramShare, "a", nil),
            (.top3GramShare, "a b c a b c", 1), (.duplicate5GramShare, "a b c d e a b c d e", 0.5),
            (.duplicate5GramShare, "a b c d e f g", 0), (.replacementShare, "a\u{FFFD}", 0.5),
            (.mojibakeShare, "caf\u{C3}\u{A9}", 0.4),
            (.mojibakeShare, "café naïve Ünï", 0), (.loremIpsum, "Lorem Ipsum dolor lorem ipsums", 1),
            (.braceWordRatio, "a { b }", 1),
            (.symbolShare, "a+b=", 0.5),
        ]
        for (measure, text, expected) in values {
            let got = value(measure, text)
            #expect(
                got == expected || abs((got ?? -9) - (expected ?? 9)) < 1e-12,
                "\(measure.rawValue) of \(text): \(String(describing: got))"
            )
        }
        #expect((value(.mojibakeShare, "浣犲ソ锛屼笘鐣屻€備粖澶╁ぉ姘斿緢濂") ?? 0) > 0.5)
        #expect(value(.mojibakeShare, "今天天气很好，我们去公园玩吧。") == 0)
        for measure in QualityMeasure.allCases { _ = value(measure, "") }
    }

    private static let prose = """
        The old house stood at the end of a narrow road, and nobody in the village could say who had built it. In winter \
        the wind came down from the hills and shook its windows, so that people who passed by heard a sound like voices. \
        My grandmother told us that a clockmaker had lived there with his two sons, until one of them went to sea.
        When I was nine years old, I walked up to the door with my brother and knocked. There was no answer, but a light \
        moved behind the curtain, and we ran back as fast as we could. Years later we learned that a student had rented a \
        room in it for that summer, and that he had been just as frightened as we were.
        """
    private static let chinese = """
        村子尽头有一座老房子，谁也说不清它是什么时候盖的。冬天的风从山上吹下来，窗户就会发出声音，好像有人在里面说话。
        奶奶告诉我们，以前那里住着一位修钟表的老人和他的两个儿子，后来其中一个出海去了，再也没有回来。九岁那年，我和哥哥走到门前敲了敲门，没有人回答，\
        可是窗帘后面有灯光晃动，我们吓得拔腿就跑。很多年以后我们才知道，那个夏天有个学生租了一间屋子，他当时和我们一样害怕。
        """

    @Test("presets keep prose and say why they drop what is none")
    func presets() {
        #expect(reason(QualityFilter(), Self.prose) == nil)
        #expect(reason(QualityFilter(), Self.chinese) == nil)
        #expect(reason(QualityFilter(.strict), Self.prose) == "lines too low")
        #expect(reason(QualityFilter(.strict), Self.prose + "\nIt is a house of flats today.") == nil)
        #expect(reason(QualityFilter(.chinese), Self.chinese) == nil)
        #expect(reason(QualityFilter(.chinese), Self.prose) == "chinese share too low")
        #expect(
            reason(QualityFilter(.code), "func f() {\n    return 1\n}\n" + Self.prose)
                == "mean line length too high"
        )
        #expect(reason(QualityFilter(), "too short") == "words too low")
        #expect(reason(QualityFilter(), Self.prose + " Lorem ipsum dolor.") == "lorem ipsum too high")
        #expect(reason(QualityFilter(), Self.prose + "\n" + Self.prose) == "duplicate line share too high")
        #expect(reason(QualityFilter(), String(repeating: "buy now ", count: 60)) != nil)
        #expect(
            reason(QualityFilter(changing: [.digitShare: QualityLimit(maximum: 0)]), Self.prose + " 7")
                == "digit share too high"
        )
        #expect(reason(QualityFilter(), "") == "words too low")
    }

    @Test("recipes change limits, and each measure has a filter")
    func recipes() throws {
        let step = try OperatorCatalog.make(
            "quality_filter",
            ["preset": .text("chinese"), "min_scalars": .number(1000)]
        )
        #expect(reason(step, Self.chinese) == "scalars too low")
        let one = try OperatorCatalog.make("mean_word_length_filter", ["max": .number(4)])
        #expect(one.name == "mean_word_length_filter" && one.kind == .filter)
        #expect(reason(one, Self.prose) == nil && reason(one, "extraordinary") == "mean word length too high")
        let folder = try ScratchFolder()
        let path = try folder.write("damn\n坏话\n", "bad.txt")
        let bad = try OperatorCatalog.make(
            "bad_words_filter",
            ["words_file": .text(path), "max": .number(1)]
        )
        #expect(reason(bad, "Damn, 说坏话") == "bad words too high" && reason(bad, "damned, damn") == nil)
        #expect(throws: OperatorError.self) { try OperatorCatalog.make("bad_words_filter") }
        #expect(throws: OperatorError.self) {
            try OperatorCatalog.make("quality_filter", ["min_nothing": .number(1)])
        }
    }
}

@Suite("Augmentation")
struct AugmentationTests {
    private let text = "The quick brown fox jumps over the lazy dog and runs away"
    private let synonyms = Synonyms(["quick": ["fast"], "dog": ["hound"], "猫": ["咪"]])

    private func make(
        _ method: AugmentationMethod,
        _ text: String,
        unit: TextAugmentation.Unit = .words,
        seed: UInt64 = 1,
        document: UInt64 = 0
    ) throws -> String {
        try TextAugmentation([method], unit: unit, seed: seed).augmented(text, document: document)
    }

    @Test("each method does what it says and repeats itself")
    func methods() throws {
        #expect(
            try make(.synonymReplacement(share: 0.9, synonyms), text)
                == text.replacing("quick", with: "fast").replacing("dog", with: "hound")
        )
        let longer = try make(.randomInsertion(share: 0.2, synonyms), text).split(separator: " ")
        #expect(longer.count == 14 && longer.filter { ["fast", "hound"].contains($0) }.count == 2)
        let swapped = try make(.randomSwap(share: 0.1), text).split(separator: " ")
        let words = text.split(separator: " ")
        #expect(swapped.sorted() == words.sorted() && zip(swapped, words).filter { $0 != $1 }.count == 2)
        #expect(try make(.randomDeletion(probability: 1), text).split(separator: " ").count == 1)
        #expect(try make(.masking(probability: 1, mask: "[M]"), "a b\nc") == "[M] [M] [M]")
        #expect(try make(.masking(probability: 1, mask: "〇"), "我爱 AI", unit: .characters) == "〇〇 〇")
        #expect(try make(.synonymReplacement(share: 0.5, synonyms), "猫在家", unit: .characters) == "咪在家")
        #expect(try make(.paraphrase { $0.uppercased() }, "ab") == "AB")
        #expect(try make(.characterNoise(probability: 0), text) == text)
        #expect(try make(.characterNoise(probability: 0.3), text) != text)
        for method in [
            AugmentationMethod.randomSwap(share: 0.3), .randomDeletion(probability: 0.3),
            .characterNoise(probability: 0.2),
        ] {
            let first = try make(method, text, seed: 5, document: 3)
            #expect(try make(method, text, seed: 5, document: 3) == first)
            let others = try (0..<20).map { try make(method, text, seed: 6, document: $0) }
            #expect(Set(others).count > 10)
            for short in ["", " ", "a"] { _ = try make(method, short) }
        }
    }

    @Test("deletion takes the share that it is asked for")
    func deletion() throws {
        let long = (0..<2000).map { "w\($0)" }.joined(separator: " ")
        let kept = try make(.randomDeletion(probability: 0.25), long).split(separator: " ").count
        // 1500 expected with a deviation near 19.
        #expect(abs(kept - 1500) < 100)
    }

    @Test("EDA makes four augmentations; synonyms come from a file")
    func eda() throws {
        #expect(TextAugmentation.eda(synonyms: synonyms).count == 4)
        let folder = try ScratchFolder()
        let table = try Synonyms(path: try folder.write("# c\nbig\tlarge\thuge\n", "s.tsv"))
        #expect(table.of("BIG") == ["large", "huge"] && table.of("x") == [])
        let broken = try folder.write("alone\n", "b.tsv")
        #expect(throws: (any Error).self) { try Synonyms(path: broken) }
    }
}
