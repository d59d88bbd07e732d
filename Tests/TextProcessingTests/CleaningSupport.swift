import Foundation
import YuyanTextProcessing

/// The text after an operator; nil when it is dropped.
func cleaned(_ step: some TextOperator, _ text: String) -> String? {
    switch step.apply(to: text) {
    case .unchanged: text
    case .changed(let rewritten): rewritten
    case .rewritten(let rewritten, _): rewritten
    case .dropped: nil
    }
}

/// What an operator found, by kind.
func found(_ step: some TextOperator, _ text: String) -> [String: Int] {
    if case .rewritten(_, let found) = step.apply(to: text) { return found }
    return [:]
}

/// The reason for which a document is dropped; nil when it stays.
func reason(_ step: some TextOperator, _ text: String) -> String? {
    if case .dropped(let reason) = step.apply(to: text) { return reason }
    return nil
}

/// Whether two texts have the same bytes; `==` on strings takes canonically equal ones for equal.
func same(_ text: String?, _ other: String) -> Bool {
    text.map { $0.utf8.elementsEqual(other.utf8) } ?? false
}

/// A repeatable source of random numbers.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

/// Pieces of everything that operators look for, and of what surrounds it.
let cleaningPieces: [String] = [
    "a", "B", "the ", " ", "  ", "\t", "\n", "\n\n", "\r\n", "\u{3000}", "\u{A0}", "\u{85}", "\u{C}", ".",
    ",", "...", "…", "1", "23",
    "2024", "语言", "，", "。", "Ａ", "１", "！", "乾隆", "乾", "著名", "著", "說話", "頭髮", "裏", "é", "e\u{301}", "한국", "😀",
    "👩\u{200D}👧",
    "\u{FE0F}", "1\u{FE0F}\u{20E3}", "🇨🇳", "\u{200D}", "☺\u{FE0F}", "\u{FFFD}", "\u{0}", "<", ">", "</", "<p>",
    "</p>", "<b", "<br/>", "<script>",
    "</script>", "<!--", "-->", "<![CDATA[", "]]>", "<td>", "<pre>", "<a href=\"x", "'", "\"", "=", "&", "#",
    ";", "http://", "https://a.cn/",
    "www.", "example.com", "(", ")", "[", "]", "@", "user", "#话题#", "//@", "转发微博", "回复@", ":", "：", "[哈哈]",
    "[doge]", "Page 3", "- 3 -",
    "第3页", "Read more", "阅读全文", "Home | About | Contact", "© 2020", "13812345678", "+86 ", "010-62785001",
    "110101199003070038", "1.2.3.4",
    "192.168.1.1", "fe80::1", "::", "00:1a:2b:3c:4d:5e", "4111111111111111", "123-45-6789", "password",
    "=abc123XY", "密码", "AKIA", "eyJ",
    "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "born ", "1990-01-02", "京A12345",
    "DE89370400440532013000", "lorem ipsum", "{",
    "}", "Ã©", "- ", "•", "x@y.co", " at ", " dot ", "com", "和", "of",
]

/// Text joined of random pieces.
func pieceText(_ random: inout SplitMix, count: Int, from pieces: [String] = cleaningPieces) -> String {
    var text = ""
    for _ in 0..<count { text += pieces[Int.random(in: 0..<pieces.count, using: &random)] }
    return text
}

/// The package's folder, when the sources are where they were compiled.
let packageFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

/// A text file of the package; nil, with a word about it, when it is not there.
func packageText(_ path: String) -> String? {
    let url = packageFolder.appendingPathComponent(path)
    if let text = try? String(contentsOf: url, encoding: .utf8) { return text }
    print("skipped: \(url.path) is not there")
    return nil
}

/// A folder that disappears with the object.
final class ScratchFolder {
    let path: String

    init() throws {
        path =
            FileManager.default.temporaryDirectory.appendingPathComponent("yuyan-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, _ name: String) throws -> String {
        let file = "\(path)/\(name)"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}

/// Seconds of processor time that something takes.
func processorSeconds(_ body: () -> Void) -> Double {
    let start = clock()
    body()
    return Double(clock() - start) / Double(CLOCKS_PER_SEC)
}
