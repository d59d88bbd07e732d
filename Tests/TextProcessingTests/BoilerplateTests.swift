import Testing
import YuyanTextProcessing

@Suite("Boilerplate and repetition")
struct BoilerplateTests {
    @Test("lines by kind")
    func kinds() {
        let step = BoilerplateRemoval()
        let lines: [(String, BoilerplateKind)] = [
            ("We use cookies to improve your experience.", .cookies), ("Accept all cookies", .cookies),
            ("本网站使用Cookie以改善体验", .cookies),
            ("Home | About Us | Contact", .navigation), ("首页 > 新闻 > 正文", .navigation),
            ("Skip to content", .navigation), ("« Previous", .navigation),
            ("上一篇", .navigation), ("© 2023 Example Inc. All rights reserved.", .copyright),
            ("版权所有 未经授权不得转载", .copyright),
            ("京ICP备12345678号", .copyright), ("Share on Facebook", .share), ("分享到：微博 微信", .share),
            ("Read more »", .readMore), ("[阅读全文]", .readMore),
            ("Page 3 of 12", .pageNumbers), ("- 12 -", .pageNumbers), ("第 3 页 共 10 页", .pageNumbers),
            ("Sign up for our newsletter", .account),
            ("请先登录", .account), ("ADVERTISEMENT", .advertisements), ("广告", .advertisements),
            ("Leave a comment", .comments), ("相关阅读", .comments),
            ("（责任编辑：张三）", .credits),
        ]
        for (line, kind) in lines {
            #expect(cleaned(step, "Before.\n\(line)\nAfter.") == "Before.\nAfter.", "\(line)")
            #expect(found(step, line) == [kind.rawValue: 1], "\(line)")
        }
    }

    @Test("text stays")
    func text() {
        let step = BoilerplateRemoval()
        for line in [
            "", "\n", "She went home and made cookies.", "He wanted to read more books about it.",
            "他分享了自己的经历。", "The next page was blank.", "12", "Chapter 3",
            "第3章", "The company uses the site to sell homes.", "编辑部的故事",
            "A long report about how websites ask for consent to cookies and what the law says about it, which goes on for well over two hundred bytes, so that no rule for short lines may touch it at all, whatever words it holds: we use cookies.",
        ] {
            #expect(step.apply(to: line) == .unchanged, "\(line)")
        }
        #expect(BoilerplateRemoval([.share]).apply(to: "Read more") == .unchanged)
    }

    @Test("repeated lines and paragraphs")
    func repetition() {
        let step = RepeatedLineRemoval(minimumLength: 5)
        #expect(cleaned(step, "line one\nline two\nline one\nx\nx\n") == "line one\nline two\nx\nx\n")
        #expect(cleaned(step, "line one\n  line one") == "line one\n")
        #expect(cleaned(RepeatedLineRemoval(minimumLength: 1, allowed: 2), "ab\nab\nab\nab\n") == "ab\nab\n")
        let paragraphs = RepeatedLineRemoval(.paragraphs, minimumLength: 1)
        #expect(cleaned(paragraphs, "a\nb\n\nc\n\na\nb\n\nd") == "a\nb\n\nc\n\nd")
        #expect(paragraphs.apply(to: "a\nb\n\na\nc\n") == .unchanged)
        #expect(found(paragraphs, "a\n\na") == ["repeated paragraphs": 1])
        for text in ["", "\n", "\n\n\n"] { #expect(step.apply(to: text) == .unchanged) }
    }

    @Test("running headers")
    func headers() {
        let pages = (1...5).map {
            "THE BOOK  \($0)\nChapter title\nText of page \($0 * 7919).\nMore \($0 * 31) text \($0)\nfoot"
        }
        let step = RunningHeaderRemoval()
        let plain = cleaned(step, pages.joined(separator: "\n\u{C}"))
        #expect(
            plain?.contains("THE BOOK") == false && plain?.contains("foot") == false
                && plain?.contains("\u{C}") == false
        )
        #expect(plain?.contains("Text of page 7919.") == false || plain?.contains("Text") == true)
        #expect(
            found(step, "Title\na\n- 1 -\nTitle\nb\n- 2 -\nTitle\nc\n") == [
                "running header": 3, "page number": 2,
            ]
        )
        #expect(cleaned(step, "Title\nabc\n- 1 -\nTitle\nbcd\n- 2 -\nTitle\ncde\n") == "abc\nbcd\ncde\n")
        // Without the marks of pages, refrains stay.
        #expect(step.apply(to: "oh\nla\noh\nlo\noh\nli\n") == .unchanged)
        #expect(step.apply(to: "") == .unchanged)
    }
}
