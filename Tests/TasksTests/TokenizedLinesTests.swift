import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTestSupport
import YuyanTokenizers

@Suite struct TokenizedLinesTests {
    private let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    private func encode(_ text: [UInt8], _ lines: TokenizedLines) throws -> (String, TokenizedLines.Counts) {
        try folder.write(text, to: "in.txt")
        var out: [UInt8] = []
        let counts = try lines.encode(LineReader(path: "\(folder.path)/in.txt")) {
            out.append(contentsOf: $0)
        }
        return (String(decoding: out, as: UTF8.self), counts)
    }

    private func decode(_ text: String, _ lines: TokenizedLines) throws -> String {
        try folder.write(text, to: "ids.txt")
        var out: [UInt8] = []
        _ = try lines.decode(LineReader(path: "\(folder.path)/ids.txt")) { out.append(contentsOf: $0) }
        return String(decoding: out, as: UTF8.self)
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch { return "\(error)" }
    }

    @Test func linesAndCounts() throws {
        let lines = TokenizedLines(ByteTokenizer(), threads: 2)
        let (out, counts) = try encode(Array("ab\n\nA\r\nlast".utf8), lines)
        #expect(out == "[97,98]\n[]\n[65]\n[108,97,115,116]\n")
        #expect(counts.lines == 4 && counts.tokens == 7 && counts.bytes == 7)
        #expect(try decode(out, lines) == "ab\n\nA\nlast\n")
        #expect(try decode(" [ 97 , 98 ] \n[]\n", lines) == "ab\n\n")
    }

    @Test func anyNumberOfThreadsGivesTheSame() throws {
        let text = smallCorpus(documents: 300).joined(separator: "\n") + "\n中文 and 😀\n"
        let one = try encode(Array(text.utf8), TokenizedLines(ByteTokenizer(), threads: 1))
        let three = try encode(Array(text.utf8), TokenizedLines(ByteTokenizer(), threads: 3))
        #expect(one == three)
        #expect(try decode(one.0, TokenizedLines(ByteTokenizer(), threads: 3)) == text)
    }

    @Test func aTextWithLineEndsStaysOneLineAsJSON() throws {
        var lines = TokenizedLines(ByteTokenizer(), threads: 1)
        lines.writesJSONStrings = true
        #expect(try decode("[97,10,98,34]\n", lines) == "\"a\\nb\\\"\"\n")
    }

    @Test func mistakesNameLineAndColumn() {
        let lines = TokenizedLines(ByteTokenizer(), threads: 2)
        let invalid = message { _ = try encode([0x61, 0x0A, 0x62, 0xFF], lines) }
        #expect(invalid.contains("in.txt") && invalid.contains("2") && invalid.contains("not valid UTF-8"))
        for wrong in ["97", "[97", "[97,]", "[a]", "[1.5]", "[-1]", "[97] x", "", "[,]"] {
            #expect(message { _ = try decode("[1]\n\(wrong)\n", lines) }.contains("ids.txt"), "\(wrong)")
        }
        #expect(message { _ = try decode("[300]", lines) }.contains("no id 300"))
        #expect(message { _ = try decode("[99999999999999999999]", lines) }.contains("no id"))
    }

    @Test func tokenizersCompared() throws {
        try FileManager.default.createDirectory(atPath: "\(folder.path)/c", withIntermediateDirectories: true)
        try folder.write("hello world\n", to: "c/a.txt")
        try folder.write("中文字", to: "c/b.txt")
        let texts = try CorpusTexts(paths: ["\(folder.path)/c"])
        let comparison = try TokenizerComparison(
            [("bytes", ByteTokenizer()), ("letters", CharacterTokenizer.train(on: ["helo wrd\n"]))],
            texts: texts,
            byteLimit: 1 << 20
        )
        let (bytes, letters) = (comparison.entries[0], comparison.entries[1])
        #expect(bytes.total.tokens == 21 && bytes.total.bytesPerToken == 1 && bytes.total.words == 5)
        #expect(letters.total.tokens == 15 && letters.total.unknown == 3)
        #expect(letters.scripts[.han]?.unknownRate == 1 && letters.scripts[.latin]?.fertility == 6)
        #expect(comparison.summary.plain.contains("letters") && comparison.byScript.plain.contains("han"))
        #expect(comparison.json["tokenizers"]?.arrayValue?.count == 2)
    }
}
