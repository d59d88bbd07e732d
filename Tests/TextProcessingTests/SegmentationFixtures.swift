import Foundation
import YuyanTextProcessing

/// Sentences with tags, written for the tests.
enum SmallTreebank {
    static let english: [TaggedSentence] = [
        sentence("the/DET dog/NOUN sees/VERB the/DET cat/NOUN ./PUNCT"),
        sentence("a/DET cat/NOUN sleeps/VERB ./PUNCT"),
        sentence("she/PRON quickly/ADV opened/VERB the/DET old/ADJ box/NOUN ./PUNCT"),
        sentence("he/PRON slowly/ADV closed/VERB a/DET small/ADJ door/NOUN ./PUNCT"),
        sentence("I/PRON softly/ADV sang/VERB a/DET song/NOUN ./PUNCT"),
        sentence("you/PRON badly/ADV played/VERB the/DET game/NOUN ./PUNCT"),
        sentence("they/PRON watch/VERB the/DET watch/NOUN ./PUNCT"),
        sentence("we/PRON book/VERB a/DET room/NOUN ./PUNCT"),
        sentence("the/DET book/NOUN costs/VERB 20/NUM dollars/NOUN ./PUNCT"),
        sentence("Mary/PROPN and/CCONJ John/PROPN walked/VERB home/ADV ./PUNCT"),
    ]

    /// Chinese words, separated by spaces.
    static let chinese: [[String]] = [
        "我们 在 北京 大学 学习 语言", "语言 学习 需要 时间", "他们 去 北京 旅行", "大学 的 学生 喜欢 音乐", "我们 喜欢 北京 的 音乐",
        "学生 在 大学 学习 音乐", "时间 过 得 很 快", "他们 学习 语言 的 时间 很 长", "北京 的 学生 去 旅行", "我们 需要 音乐 和 语言",
        "2024 年 他们 去 北京", "我们 有 3.5 万 学生",
    ].map { $0.split(separator: " ").map(String.init) }

    static func sentence(_ text: String) -> TaggedSentence {
        let pairs = text.split(separator: " ").map { $0.split(separator: "/").map(String.init) }
        return TaggedSentence(words: pairs.map { $0[0] }, tags: pairs.map { $0[1] })
    }
}

/// A repeatable source of random numbers.
struct TestRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    /// Text of pieces that are hard to cut.
    mutating func text(_ count: Int) -> String {
        let pieces = [
            "a", "The", "U.S.", "Mr.", "don't", "cannot", " ", " ", "\n", "\r\n", "\n\n", ". ", "...", "!",
            "?\" ", "，", "。",
            "”", "“", "！", "我们", "北京", "大学", "学", "3.5", "2024", "５", "Ａ", "é", "e\u{301}", "\u{1F600}", "👨‍👩‍👧",
            "🇨🇳🇫🇷", "http://a.b/c?d=e",
            "x@y.com", "-", "--", "'", "’s", "(", ")", "》", "；", "…", "\u{3000}", "\u{A0}", "#", "$5", "5pm",
            ":-)", "Привет", "ไทย", "1.", "\u{FEFF}",
        ]
        return (0..<count).map { _ in pieces[Int.random(in: 0..<pieces.count, using: &self)] }.joined()
    }
}

/// Whether ranges ascend, do not overlap and hold every scalar but white space.
func coversAll(_ text: String, _ ranges: [Range<Int>], sparingSpaces: Bool = true) -> Bool {
    let bytes = Array(text.utf8)
    var last = 0
    for range in ranges {
        guard range.lowerBound >= last, !range.isEmpty, range.upperBound <= bytes.count else { return false }
        guard isWhiteSpace(bytes[last..<range.lowerBound]) else { return false }
        guard String(validating: bytes[range], as: UTF8.self) != nil else { return false }
        last = range.upperBound
    }
    return isWhiteSpace(bytes[last...])
}

private func isWhiteSpace(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let text = String(validating: bytes, as: UTF8.self) else { return false }
    return text.unicodeScalars.allSatisfy(\.properties.isWhitespace)
}
