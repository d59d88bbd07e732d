import Testing
import YuyanTextProcessing

@Suite("Addresses, posts and emoji")
struct AddressTests {
    @Test("addresses end where they should")
    func addresses() {
        let step = URLRemoval(replacement: "U")
        let pairs = [
            ("see https://a.com/b?c=d#e now", "see U now"), ("看http://a.cn/x中文后面", "看U中文后面"),
            ("（https://a.cn/b）。", "（U）。"),
            ("(see http://a.com/b_(c).)", "(see U.)"), ("www.a.com, ftp://b.org.", "U, U."),
            ("<http://a.com/>", "<U>"), ("HTTP://A.COM", "U"),
            ("[x](http://a.com/b)", "[x](U)"), ("\"http://a.com\"", "\"U\""), ("http://[::1]:80/x", "U"),
            ("http://user:p@h.com:8/", "U"),
            ("http://a.com/é/b", "U"), ("http://a.com,http://b.com", "U"), ("http://a.com/b！", "U！"),
        ]
        for (source, target) in pairs { #expect(cleaned(step, source) == target, "\(source)") }
        for text in [
            "http:// x", "http://", "xhttp://a.com", "example.com", "www.", "a@www.b", "://", "https://。", "",
        ] {
            #expect(step.apply(to: text) == .unchanged, "\(text)")
        }
        #expect(cleaned(URLRemoval(), "a http://b.c d") == "a d")
        #expect(cleaned(URLRemoval(), "http://b.c d\nhttp://e.f\ng") == "d\n\ng")
        #expect(found(URLRemoval(), "http://b.c www.d.e") == ["url": 2])
    }

    @Test("bare domains")
    func bareDomains() {
        let step = URLRemoval(replacement: "U", includesBareDomains: true)
        #expect(cleaned(step, "go to example.com/x or news.bbc.co.uk.") == "go to U or U.")
        #expect(cleaned(step, "访问baidu.com查询") == "访问U查询")
        for text in [
            "the end.In the", "file.py", "3.14", "a.b.c", "e.g. this", "me@example.com", "x.com.swift",
            "Node.js", "obj.info()",
        ] {
            #expect(step.apply(to: text) == .unchanged, "\(text)")
        }
    }

    @Test("posts")
    func posts() {
        let step = SocialMediaCleaning()
        let pairs = [
            ("回复@小明:好的[哈哈]//@老王:转发微博", "好的"), ("转发微博", ""), ("今天#天气好#真的@张三 你看", "今天天气好真的 你看"),
            ("hi @bob_1: look #swift", "hi look swift"),
            ("写信a@b.com吧", "写信吧"), ("a[doge]b", "ab"), ("【新闻】[1] [link](x) [a]", "【新闻】[1] [link](x) [a]"),
        ]
        for (source, target) in pairs { #expect(cleaned(step, source) == target, "\(source)") }
        for text in ["", "C# and F#", "a # b", "#", "@", "[ ]", "## Heading", "&#38;", "# Title #"] {
            #expect(step.apply(to: text) == .unchanged, "\(text)")
        }
        #expect(cleaned(SocialMediaCleaning(.topics), "x #话题# y") == "x y")
        #expect(SocialMediaCleaning(.emails).apply(to: "@张三 #x#") == .unchanged)
        #expect(found(step, "@a @b [哈哈]") == ["mentions": 2, "emoticons": 1])
    }

    @Test("emoji")
    func emoji() {
        let step = EmojiRemoval(replacement: "E")
        let pairs = [
            ("a😀b", "aEb"), ("👩\u{200D}👩\u{200D}👧x", "Ex"), ("👍🏽", "E"), ("🇨🇳🇺🇸", "EE"),
            ("1\u{FE0F}\u{20E3}", "E"), ("❤\u{FE0F}", "E"),
            ("🏴\u{E0067}\u{E0062}\u{E007F}", "E"), ("⌚", "E"),
        ]
        for (source, target) in pairs { #expect(cleaned(step, source) == target, "\(source)") }
        for text in ["", "©™ ♥ ↔ 1 # *", "中文，。", "한국", "می\u{200C}خواهم", "→"] {
            #expect(step.apply(to: text) == .unchanged, "\(text)")
        }
        #expect(cleaned(EmojiRemoval(), "好的 😀 再见😂") == "好的 再见")
        #expect(found(EmojiRemoval(), "😀😀") == ["emoji": 2])
    }

    @Test("stop words")
    func stopWords() throws {
        #expect(cleaned(StopWordRemoval(), "The cat is on the mat") == "cat mat")
        #expect(cleaned(StopWordRemoval(.chinese), "我 的 猫 和 狗\n是 的") == "猫 狗\n")
        #expect(StopWordRemoval().apply(to: "cats sleep") == .unchanged)
        #expect(StopWordRemoval(.english).apply(to: "") == .unchanged)
        #expect(StopWords.english.words.count >= 250 && StopWords.chinese.words.count >= 400)
        #expect(StopWords.english.contains("Don't") && !StopWords.english.contains("cat"))
        let folder = try ScratchFolder()
        let path = try folder.write("# own\nFoo\n  bar \n\n", "words.txt")
        #expect(try StopWords(path: path) == StopWords(["foo", "bar"]))
        let step = try OperatorCatalog.make("stop_word_removal", ["file": .text(path)])
        #expect(cleaned(step, "foo the BAR") == "the ")
        #expect(throws: (any Error).self) { try StopWords(path: "\(folder.path)/none") }
    }
}
