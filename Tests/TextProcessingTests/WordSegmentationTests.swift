import Foundation
import Testing
import YuyanTextProcessing

@Suite("Chinese words")
struct WordSegmentationTests {
    private let lexicon = WordLexicon([
        .init(word: "北京", frequency: 50, tag: "ns"), .init(word: "大学", frequency: 40, tag: "n"),
        .init(word: "北京大学", frequency: 20, tag: "nt"), .init(word: "学生", frequency: 30, tag: "n"),
        .init(word: "大学生", frequency: 15, tag: "n"), .init(word: "生活", frequency: 25),
        .init(word: "活", frequency: 2),
        .init(word: "的", frequency: 500, tag: "u"), .init(word: "T恤", frequency: 3),
        .init(word: "大", frequency: 9),
    ])

    @Test("the best path is the one with the largest product, by trying all")
    func bestPath() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = TestRandom(state: seed)
        let letters = Array("北京大学生活的".unicodeScalars)
        let segmenter = DictionarySegmenter(lexicon, unknown: .characters)
        let total = Double(lexicon.total)
        func cost(_ word: String) -> Double? {
            let entry = lexicon.entry(of: word)
            guard entry != nil || word.unicodeScalars.count == 1 else { return nil }
            return log(Double(entry?.frequency ?? 1) / total)
        }
        func best(_ text: [Unicode.Scalar]) -> Double {
            if text.isEmpty { return 0 }
            return (1...text.count).compactMap { length in
                var head = String.UnicodeScalarView()
                head.append(contentsOf: text[..<length])
                return cost(String(head)).map { $0 + best(Array(text[length...])) }
            }.max() ?? -.infinity
        }
        for _ in 0..<200 {
            let text = (0..<Int.random(in: 1...9, using: &random)).map { _ in
                letters[Int.random(in: 0..<letters.count, using: &random)]
            }
            var view = String.UnicodeScalarView()
            view.append(contentsOf: text)
            let words = segmenter.words(in: String(view))
            let found = words.compactMap(cost).reduce(0, +)
            #expect(abs(found - best(text)) < 1e-9, "seed \(seed): \(words)")
        }
    }

    @Test("letters, digits, words with both, tags")
    func dictionaryDetails() {
        let segmenter = DictionarySegmenter(lexicon)
        #expect(segmenter.words(in: "北京的T恤 WIN7，20元") == ["北京", "的", "T恤", "WIN7", "，", "20", "元"])
        #expect(segmenter.taggedWords(in: "北京大学的x").map(\.tag) == ["nt", "u", nil])
        #expect(DictionarySegmenter(WordLexicon()).words(in: "ab我们") == ["ab", "我", "们"])
    }

    @Test("characters that no word covers are joined as the dictionary's words are built")
    func unknownWords() {
        // 小 begins words and 子 ends them.
        let lexicon = WordLexicon([
            .init(word: "小猫", frequency: 9), .init(word: "小狗", frequency: 9), .init(word: "椅子", frequency: 9),
            .init(word: "桌子", frequency: 9), .init(word: "的", frequency: 9),
        ])
        #expect(DictionarySegmenter(lexicon).words(in: "小子的") == ["小子", "的"])
        #expect(DictionarySegmenter(lexicon, unknown: .characters).words(in: "小子的") == ["小", "子", "的"])
    }

    @Test("a dictionary file: words, frequencies, tags; wrong lines are named")
    func lexiconFiles() throws {
        let read = try WordLexicon(text: "\u{FEFF}北京 50 ns\r\n大学\t40\n\n的 u\n北京 7\n好\n")
        #expect(read.entries.map(\.word) == ["北京", "大学", "的", "好"])
        #expect(read.entries.map(\.frequency) == [7, 40, 1, 1])
        #expect(read.entries.map(\.tag) == [nil, nil, "u", nil])
        #expect(read.total == 49)
        #expect(try WordLexicon(text: read.text()).entries == read.entries)
        func message(_ text: String) -> String {
            do {
                _ = try WordLexicon(text: text)
                return ""
            } catch { return "\(error)" }
        }
        #expect(message("好 1 a b").hasPrefix("line 1: 4 fields"))
        #expect(message("好\n坏 x y").hasPrefix("line 2: 'x' is no frequency"))
        #expect(message("好 99999999999999999999").hasPrefix("line 1: the frequency is too large"))
        #expect(message(String(repeating: "长", count: 300)).contains("more than 256"))
    }

    @Test("a trained model knows its sentences, and gives the same bytes again")
    func trained() throws {
        let model = try CharacterSegmenter(training: SmallTreebank.chinese)
        for words in SmallTreebank.chinese { #expect(model.words(in: words.joined()) == words) }
        #expect(try CharacterSegmenter(training: SmallTreebank.chinese).serialized() == model.serialized())
        #expect(throws: SegmentationError.self) { try CharacterSegmenter(training: [[], [""]]) }
    }

    @Test("forced words are cut out, the longest first; suggested ones move the model")
    func userWords() throws {
        var model = try CharacterSegmenter(training: SmallTreebank.chinese)
        model.force(["京大", "AI", "京大学习", "C++"])
        #expect(model.words(in: "我们在北京大学习").contains("京大学习"))
        #expect(model.words(in: "我们在北京大的").contains("京大"))
        #expect(model.words(in: "AI和C++和PAID").filter { $0 != "和" } == ["AI", "C++", "PAID"])
        #expect(model.words(in: "京 大") == ["京", "大"])
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(
            "yuyan-\(UUID().uuidString).bin"
        ).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        model.suggest(["旅行音乐"])
        try model.save(to: path)
        let loaded = try CharacterSegmenter(contentsOf: path)
        #expect(loaded.serialized() == model.serialized())
        #expect(loaded.words(in: "我们在北京大的") == model.words(in: "我们在北京大的"))
        // What a word list says is a feature: a list of many words makes its words likelier than without it.
        var options = SegmenterTrainingOptions()
        options.lexicon = WordLexicon(
            ["北京", "大学", "学习", "语言", "音乐", "时间", "旅行", "学生"].map { .init(word: $0) }
        )
        var taught = try CharacterSegmenter(training: SmallTreebank.chinese, options: options)
        let before = taught.words(in: "玄铁和玄铁的玄铁")
        taught.suggest(["玄铁"])
        #expect(taught.words(in: "玄铁和玄铁的玄铁") == ["玄铁", "和", "玄铁", "的", "玄铁"], "before: \(before)")
    }

    @Test("word lists of more than a megabyte are saved and loaded; words with white space are passed over")
    func longLists() throws {
        var model = try CharacterSegmenter(training: SmallTreebank.chinese)
        let padding = String(repeating: "长", count: 8)
        model.force((0..<50_000).map { "\(padding)\($0)x" } + ["一 二", "三\n四"])
        let loaded = try CharacterSegmenter(serialized: model.serialized())
        #expect(loaded.serialized() == model.serialized())
        #expect(loaded.words(in: "\(padding)49999x").count == 1)
        #expect(loaded.words(in: "一 二") == ["一", "二"])
        #expect(WordLexicon([.init(word: "a b"), .init(word: "")]).entries.isEmpty)
    }

    @Test("every character but white space is in exactly one word")
    func coverage() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = TestRandom(state: seed)
        var model = try CharacterSegmenter(training: SmallTreebank.chinese)
        let plain = model
        model.force(["a", "北京", "学.", "!", "我们北"])
        let segmenters: [any WordSegmenter] = [
            model, plain, DictionarySegmenter(lexicon), DictionarySegmenter(lexicon, unknown: .characters),
        ]
        for round in 0..<800 {
            let text = random.text(round % 40)
            for segmenter in segmenters {
                #expect(coversAll(text, segmenter.ranges(in: text)), "seed \(seed), \(text)")
            }
        }
        let long = String(repeating: "我们在北京", count: 30_000)
        for segmenter in segmenters { #expect(coversAll(long, segmenter.ranges(in: long))) }
    }

    @Test("words are found in raw text, and only words")
    func discovery() throws {
        var random = TestRandom(state: 5)
        let words = ["蝴蝶", "玻璃", "葡萄", "巧克力", "在", "有", "看", "和", "大", "小", "红", "黄"]
        var discovery = WordDiscovery()
        var sentences: [[String]] = []
        for _ in 0..<600 {
            let sentence = (0..<6).map { _ in words[Int.random(in: 0..<words.count, using: &random)] }
            sentences.append(sentence)
            discovery.add(sentence.joined() + "。")
        }
        var options = WordDiscoveryOptions()
        options.minimumInformation = 1.5
        let lexicon = discovery.lexicon(options)
        #expect(discovery.characterCount == sentences.joined().joined().unicodeScalars.count)
        #expect(
            Set(lexicon.entries.map(\.word).filter { $0.unicodeScalars.count > 1 }) == [
                "蝴蝶", "玻璃", "葡萄", "巧克力",
            ]
        )
        let segmenter = DictionarySegmenter(lexicon, unknown: .characters)
        for sentence in sentences { #expect(segmenter.words(in: sentence.joined()) == sentence) }
        let count = sentences.joined().filter { $0 == "蝴蝶" }.count
        #expect(lexicon.entry(of: "蝴蝶")?.frequency == count)
        #expect(WordDiscovery().lexicon().entries.isEmpty)
    }

    @Test("the operator sets words apart and keeps lines")
    func wordSegmentation() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(
            "yuyan-\(UUID().uuidString).txt"
        ).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try lexicon.save(to: path)
        let step = try OperatorCatalog.make(
            "word_segmentation",
            ["dictionary": .text(path), "separator": .text("/"), "unknown": .text("characters")]
        )
        #expect(step.apply(to: "北京的大学\n大学生 活\n") == .changed("北京/的/大学\n大学生/活\n"))
        #expect(step.settings.contains("characters") && step.settings.contains("\"/\""))
        let english = try OperatorCatalog.make("word_segmentation", ["english": .flag(true)])
        #expect(english.apply(to: "I don't.") == .changed("I do n't ."))
        #expect(english.apply(to: "so it goes") == .unchanged)
        let model = try CharacterSegmenter(training: SmallTreebank.chinese)
        try model.save(to: path)
        let trained = try OperatorCatalog.make("word_segmentation", ["model": .text(path)])
        #expect(trained.apply(to: "我们在北京大学学习语言") == .changed("我们 在 北京 大学 学习 语言"))
        #expect(throws: SegmentationError.self) {
            try OperatorCatalog.make("word_segmentation", ["model": .text("/nonexistent")])
        }
        #expect(throws: OperatorError.self) { try OperatorCatalog.make("word_segmentation") }
    }
}
