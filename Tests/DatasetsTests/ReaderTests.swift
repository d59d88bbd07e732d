import CZlib
import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTextProcessing
import YuyanTokenizers

/// Packs bytes as one gzip member.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    deflateInit2_(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
    defer { deflateEnd(&stream) }
    var (input, output) = (bytes, [UInt8](repeating: 0, count: bytes.count + bytes.count / 100 + 100))
    let count = input.withUnsafeMutableBufferPointer { source in
        output.withUnsafeMutableBufferPointer { target -> Int in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = target.baseAddress
            stream.avail_out = UInt32(target.count)
            deflate(&stream, Z_FINISH)
            return target.count - Int(stream.avail_out)
        }
    }
    return Array(output[..<count])
}

/// The texts that a corpus gives, in order.
func texts(_ paths: [String], _ change: (inout PreparationOptions) -> Void = { _ in }) throws -> [String] {
    var options = PreparationOptions()
    change(&options)
    var found: [String] = []
    try CorpusTexts(paths: paths, options: options).forEach {
        found.append($0)
        return true
    }
    return found
}

/// The message of what a body throws.
func message(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "nothing was thrown"
    } catch {
        return "\(error)"
    }
}

@Suite("Finding and reading text")
struct ReaderTests {
    let folder = TemporaryFolder()

    @Test("a folder gives its files in the order of their paths, without hidden, binary and other kinds")
    func folders() throws {
        try folder.write("corpus/b.txt", "b")
        try folder.write("corpus/a/z.txt", "z")
        try folder.write("corpus/a.txt", "a")
        try folder.write("corpus/.hidden", "no")
        try folder.write("corpus/.git/config", "no")
        try folder.write("corpus/picture.png", [0x89, 0x50, 0, 0, 1])
        try folder.write("corpus/notes.MD", "notes")
        try folder.write("corpus/packed.txt.gz", gzip(Array("packed".utf8)))
        let all = try SourceListing(paths: [folder.file("corpus")])
        let names = all.sources.map { $0.path.dropFirst(folder.path.count + 8) }
        #expect(names == ["a.txt", "a/z.txt", "b.txt", "notes.MD", "packed.txt.gz"])
        #expect(all.binaryFiles == [folder.file("corpus/picture.png")])
        let some = try SourceListing(paths: [folder.file("corpus")], extensions: ["txt"])
        #expect(some.sources.count == 4 && some.binaryFiles.isEmpty)
        #expect(
            try texts([folder.file("corpus")]) { $0.extensions = ["md", "txt"] } == [
                "a", "z", "b", "notes", "packed",
            ]
        )
        #expect(try texts([folder.file("corpus/b.txt"), folder.file("corpus/a.txt")]) == ["b", "a"])
        #expect(throws: FileFormatError.self) { try SourceListing(paths: [folder.file("nowhere")]) }
        #expect(throws: FileFormatError.self) {
            try SourceListing(paths: [folder.file("corpus")], extensions: ["pdf"])
        }
        #expect(
            message { _ = try SourceListing(paths: [folder.file("corpus/picture.png")]) }.contains("binary")
        )
        let wide = try folder.write("wide.txt", [0xFF, 0xFE, 0x41, 0])
        #expect(message { _ = try SourceListing(paths: [wide]) }.contains("UTF-16"))
    }

    @Test("JSON lines: column, blank lines, last line without end, byte order mark, gzip")
    func jsonLines() throws {
        let lines =
            "\u{FEFF}{\"text\": \"one\\n\\u96e8\"}\r\n\n{\"id\": 1, \"text\": \"\"}\n   \n{\"text\":\"燕\"}"
        let plain = try folder.write("a.jsonl", lines)
        #expect(try texts([plain]) == ["one\n雨", "燕"])
        let packed = try folder.write("a.jsonl.gz", gzip(Array(lines.utf8)))
        #expect(try texts([packed]) == ["one\n雨", "燕"])
        let named = try folder.write("b.json", "{\"body\":\"x\"}\n{\"body\":\"y\"}\n")
        #expect(
            try texts([named]) {
                $0.format = .jsonLines
                $0.textColumn = "body"
            } == ["x", "y"]
        )
    }

    @Test("errors of JSON lines name file, line and what would be right")
    func jsonErrors() throws {
        for (content, expected) in [
            ("{\"text\":\"a\"}\n{\"text\": }\n", "line 2"),
            (
                "{\"text\":\"a\"}\n\n{\"body\":\"b\",\"id\":1}\n",
                "line 3: no column 'text'; the line has 'body', 'id'"
            ),
            ("{\"text\":7}\n", "line 1: column 'text' holds a"),
            ("[1]\n", "every line must hold a JSON object"),
            ("{\"text\":\"a\"}\n{\"text\":\"\u{1}\"}\n", "line 2"),
        ] {
            let path = try folder.write("bad.jsonl", content)
            let found = message { _ = try texts([path]) }
            #expect(found.contains(expected) && found.contains(path), "\(found)")
        }
        let long = try folder.write(
            "long.jsonl",
            "{\"text\":\"\(String(repeating: "a", count: 3_000_000))\"}\n"
        )
        let found = message { _ = try texts([long]) { $0.lineBytes = 1 << 20 } }
        #expect(found.contains("line 1") && found.contains("1048576"))
        #expect(try texts([long])[0].utf8.count == 3_000_000)
    }

    @Test("invalid UTF-8 is refused with its place, replaced, or its document skipped")
    func invalid() throws {
        let bytes = Array("first line\nsecond ".utf8) + [0xFF] + Array(" end\n".utf8)
        let path = try folder.write("bad.txt", bytes)
        let good = try folder.write("good.txt", "good")
        let found = message { _ = try texts([path, good]) }
        #expect(found.contains("\(path), byte 18") && found.contains("0xFF in line 2"), "\(found)")
        #expect(
            try texts([path, good]) { $0.invalidText = .replace } == [
                "first line\nsecond \u{FFFD} end\n", "good",
            ]
        )
        #expect(try texts([path, good]) { $0.invalidText = .skipDocument } == ["good"])
        // In a later segment the offset counts from the beginning of the file.
        let lines = (0..<100).map { "line \($0) of the file\n" }.joined()
        let later = try folder.write("later.txt", Array(lines.utf8) + [0xC3])
        let place = message { _ = try texts([later]) { $0.segmentBytes = 64 } }
        #expect(place.contains("byte \(lines.utf8.count)") && place.contains("line 101"), "\(place)")
    }

    @Test("a long plain file comes in bounded segments that join to the whole, cut where lines begin")
    func segments() throws {
        var generator = TestGenerator(21)
        let pieces = [
            "word ", "雨燕", "\n", "\n\n", "\r\n", "    indented", "😀", "e\u{301}", "\u{3000}",
            "longer-piece-of-text ",
        ]
        for size in [16, 17, 64, 1000] {
            let text = (0..<600).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            for name in ["a.txt", "a.txt.gz"] {
                let path = try folder.write(
                    name,
                    name.hasSuffix("gz") ? gzip(Array(text.utf8)) : Array(text.utf8)
                )
                let found = try texts([path]) { $0.segmentBytes = size }
                #expect(Array(found.joined().utf8) == Array(text.utf8), "size \(size)")
                #expect(found.allSatisfy { $0.utf8.count <= size })
                #expect(found.count > 1)
            }
        }
        let lines = (0..<300).map { "line \($0)\n" }.joined()
        let path = try folder.write("lines.txt", lines)
        #expect(
            try texts([path]) { $0.segmentBytes = 100 }.allSatisfy {
                $0.hasPrefix("line") && $0.hasSuffix("\n")
            }
        )
    }

    @Test("cuts change no token of byte-pair encoding")
    func tokensAtCuts() throws {
        let text = (0..<400).map { "Line \($0): it's  said that 3.14 雨燕\n\n   then, \"quoted\"\n" }.joined()
        var trainer = BPETrainer(vocabularySize: 400)
        try trainer.feed(text)
        let tokenizer = try trainer.train()
        let path = try folder.write("a.txt", text)
        let pieces = try texts([path]) { $0.segmentBytes = 200 }
        #expect(pieces.count > 50)
        #expect(pieces.flatMap { tokenizer.encode($0) } == tokenizer.encode(text))
    }

    @Test("gzip: joined members, padding, damage")
    func compressed() throws {
        let (one, two) = (gzip(Array("one\n".utf8)), gzip(Array("two\n".utf8)))
        #expect(try texts([folder.write("a.gz", one + two)]) == ["one\ntwo\n"])
        #expect(try texts([folder.write("a.gz", one + [0, 0, 0])]) == ["one\n"])
        #expect(try texts([folder.write("a.gz", one + two + [0, 0])]) == ["one\ntwo\n"])
        let cut = try folder.write("cut.gz", Array(one.dropLast(3)))
        #expect(message { _ = try texts([cut]) }.contains("too early"))
        let tail = try folder.write("tail.gz", one + Array("tail".utf8))
        #expect(message { _ = try texts([tail]) }.contains("no gzip"))
        var changed = gzip(Array(String(repeating: "some text ", count: 50).utf8))
        changed[changed.count - 6] ^= 1
        let damaged = try folder.write("damaged.gz", changed)
        #expect(message { _ = try texts([damaged]) }.contains("damaged"))
    }

    @Test("random damage to every kind of file gives text or a clear error, never anything else")
    func fuzz() throws {
        var generator = TestGenerator(33)
        let lines = Array("{\"text\": \"one \\u00e9\"}\n{\"text\": \"two 雨\", \"n\": [1, 2]}\n".utf8)
        let samples: [(String, [UInt8])] = [
            ("a.jsonl", lines), ("a.txt", Array("plain 雨燕 text\nwith lines\n".utf8)),
            ("a.jsonl.gz", gzip(lines)), ("b.txt.gz", gzip(lines)),
        ]
        var (read, refused) = (0, 0)
        for round in 0..<1200 {
            var (name, bytes) = samples[round % samples.count]
            for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.removeSubrange(place...)
                case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
                default: bytes.remove(at: place)
                }
            }
            let path = try folder.write(name, bytes)
            do {
                _ = try texts([path]) { $0.segmentBytes = 16 }
                read += 1
            } catch let error as FileFormatError {
                #expect(error.path == path && !error.message.isEmpty)
                refused += 1
            }
        }
        #expect(read > 100 && refused > 300)
    }
}
