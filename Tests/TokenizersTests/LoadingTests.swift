import Foundation
import Testing
import YuyanFileFormats
import YuyanTokenizers

/// Vocabularies taken from the bytes of their files give what parsed ones give.
@Suite struct LoadingTests {
    /// What a reading gave: the tokenizer as a document, or the error in words.
    private func outcome(_ read: () throws -> any Tokenizer) -> String {
        do {
            let tokenizer = try read()
            return "\(type(of: tokenizer)) \(tokenizer.tokenizerDocument().printed(indent: nil))"
        } catch {
            return "\(error)"
        }
    }

    private func expectSame(_ bytes: [UInt8], _ folder: TemporaryFolder, _ comment: String) throws {
        let path = "\(folder.path)/tokenizer.json"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let parsed = outcome { try TokenizerFiles.load(try JSONValue(contentsOf: path), path: path) }
        #expect(outcome { try TokenizerFiles.load(document: path) } == parsed, "\(comment)")
    }

    @Test(arguments: ["bpe-gpt2.json", "bpe-cl100k.json"])
    func fixturesGiveTheSameFromBytes(name: String) throws {
        let folder = try TemporaryFolder()
        let bytes = try SafeFile.read(Fixtures.path(name))
        try expectSame(bytes, folder, name)
        let document = try Fixtures.json(name)
        try expectSame(Array(document.printed(indent: 2).utf8), folder, "with white space")
        // Characters beyond ASCII as escapes, as Python writes them.
        var escaped = ""
        for scalar in document.printed(indent: nil).unicodeScalars {
            if scalar.value < 0x80 || scalar.value > 0xFFFF {
                escaped.unicodeScalars.append(scalar)
            } else {
                let digits = String(scalar.value, radix: 16)
                escaped += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            }
        }
        try expectSame(Array(escaped.utf8), folder, "with escapes")
    }

    private static let documents = [
        // Merges as strings and as pairs, tokens that are no bytes, escapes.
        #"{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"<|x y|>":3,"语":4,"\"":5,"\\":6,"/":7,"\u0120":8,"\t":9},"#
            + #""merges":["a b"]},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab" : { "a" : 0 , "b" : 1, "ab" :2 } , "merges" : [ [ "a" , "b" ] ] },"#
            + #""pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false}}"#,
        // Merges before the vocabulary, and other orders.
        #"{"pre_tokenizer":{"type":"ByteLevel"},"model":{"merges":["a b"],"vocab":{"a":0,"b":1,"ab":2},"type":"BPE"}}"#,
        #"{"model":{"vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]},"normalizer":{"type":"NFC"},"#
            + #""pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"normalizer":{"type":"NFC"},"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]},"#
            + #""pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab":{"a":0,"b":1,"ab":2},"merges":["a b"],"unk_token":"a"},"pre_tokenizer":{"type":"Whitespace"}}"#,
        #"{"model":{"type":"WordLevel","vocab":{"a":0,"b":1},"unk_token":"a"},"pre_tokenizer":{"type":"Whitespace"}}"#,
        #"{"model":{"vocab":{},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        // What is wrong is said in the same words.
        #"{"model":{"vocab":{"a":0,"a":1},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab":{"a":0,"b":0},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab":{"a":0,"语":0},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab":{"a":0,"b":01},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab":{"a":0,"b":1.5},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab":{"a":0,"b":16777216},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab":{"a":0,"b":-1},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab":{"a":0,"b":1},"merges":["a b"]},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab":{"a":0,"b":1,"ab":2},"merges":["a  b"]},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab":{"a":0,"b":1,"ab":2},"merges":["ab "]},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b","c"]]},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab":{"a":0,"b":1,"ab":2},"merges":["a b"}},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab":{"a":0,"b":1,"ab":2},"merges":["a b"],"vocab":{}},"pre_tokenizer":{"type":"ByteLevel"}}"#,
        #"{"model":{"vocab":{"a":0,"b":1"#,
        #"{"model":{"vocab":{"a"#,
        #"{"model":{"vocab":{"\u12"#,
        #"{"model":{"vocab":{"a":0},"merges":["a"#,
        #"{"model":{"vocab":"#,
    ]

    @Test func smallDocumentsGiveTheSameFromBytes() throws {
        let folder = try TemporaryFolder()
        for document in Self.documents { try expectSame(Array(document.utf8), folder, document) }
    }

    @Test func damagedDocumentsGiveTheSameFromBytes() throws {
        let folder = try TemporaryFolder()
        var taken = 0
        for seed in UInt64(1)...500 {
            var random = SplitMix(state: seed)
            var bytes = Array(Self.documents[Int.random(in: 0..<8, using: &random)].utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: place)
                default:
                    bytes.insert(
                        contentsOf: #"\" ,:[]{}0ab"#.utf8.shuffled(using: &random).prefix(1),
                        at: place
                    )
                }
            }
            try expectSame(bytes, folder, "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
            if (try? TokenizerFiles.load(document: "\(folder.path)/tokenizer.json")) != nil { taken += 1 }
        }
        #expect(taken > 20)
    }

    @Test func pairsOfFiles() throws {
        let folder = try TemporaryFolder()
        let vocabulary = try folder.write(
            #"{"a":0,"\"":1,"\\":2,"a\"":3,"\"\\":4,"<end>":5,"\u0120":6,"\u0120a":7}"#,
            "vocab.json"
        )
        func load(_ merges: String) throws -> BPETokenizer {
            let path = try folder.write(merges, "merges.txt")
            return try TokenizerFiles.loadGPT2(
                vocabularyPath: vocabulary,
                mergesPath: path,
                specialTokens: ["<end>"]
            )
        }
        let lines = ["#version: 0.2", "a \"", "", "\" \\", "Ġ a"]
        for ending in ["\n", "\r\n"] {
            for last in [ending, ""] {
                let tokenizer = try load(lines.joined(separator: ending) + last)
                #expect(tokenizer.mergeCount == 3 && tokenizer.endOfText == 5)
                #expect(tokenizer.encode("a\" \"\\ a") == [0, 1, 6, 4, 7])
            }
        }
        #expect(throws: FileFormatError.self) { try load("a b\n") }
        #expect(outcome { try load("#version\na \"\na\n") }.contains("line 3"))
        #expect(outcome { try load("a  \"\n") }.contains("line 1"))
    }

    @Test func rankedFiles() throws {
        let folder = try TemporaryFolder()
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        let bytes = (0..<256).map { "\(digits[$0 >> 2])\(digits[($0 & 3) << 4])== \($0)" }
        func load(_ rest: String, _ ending: String = "\n") throws -> BPETokenizer {
            let path = try folder.write(bytes.joined(separator: ending) + ending + rest, "ranks")
            return try TokenizerFiles.loadTiktoken(path, splitRule: .gpt2, specialTokens: [:])
        }
        for rest in ["YWI= 256\n", "YWI= 256", "\r\n\nYWI= 256\r\n\n", "YWI= 256\r"] {
            for ending in ["\n", "\r\n", "\n\n"] {
                #expect(try load(rest, ending).encode("abba") == [256, 98, 97], "\(rest.debugDescription)")
            }
        }
        let wrong = [
            ("YWI=256\n", 257), ("\nYWI 256\n", 258), ("YWI= x\n", 257), ("YWI=  256\n", 257),
            ("YWI= 256 \n", 257), (" 256\n", 257), ("YWI= 16777216\n", 257), ("YWI= 000000256\n", 257),
            ("YWI=\n", 257), ("YQ== 256\n", 257), ("YWI= 97\n", 257), ("YWI= 256\nYWI= 257\n", 258),
            ("Y=== 256\n", 257), ("Y#== 256\n", 257), ("YQ=A 256\n", 257), ("YWI", 257),
        ]
        for (rest, line) in wrong {
            #expect(outcome { try load(rest) }.contains("line \(line):"), "\(rest.debugDescription)")
        }
    }
}
