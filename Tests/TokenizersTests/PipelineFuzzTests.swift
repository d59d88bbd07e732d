import Foundation
import Testing
import YuyanFileFormats
import YuyanFuzzing
import YuyanTokenizers

/// Spoiled documents: an error or a tokenizer, never a crash, never a hang.
@Suite struct PipelineFuzzTests {
    private static let names = [
        "tokenizer-json", "byte-pairs", "bert-vocabulary", "tiktoken", "sentencepiece", "charsmap",
        "chat-template",
        "chat-template-file", "encoding",
    ]

    @Test(arguments: names) func damagedFiles(name: String) throws {
        let fixtures = Fixtures.package.appendingPathComponent("Fixtures").path
        let target = try #require(try FuzzTargets.all(fixtures: fixtures).first { $0.name == name })
        let folder = try TemporaryFolder()
        // Some build large tables for every tokenizer.
        let count: UInt64 = ["bert-vocabulary", "charsmap"].contains(name) ? 60 : 300
        let (read, refused) = try target.run(0..<count, seed: 1, folder: folder.path)
        print("\(name): \(read) of \(count) load all the same")
        #expect(read > 10 && (refused > 5 || name == "encoding"))
    }

    /// One far id must not make tables of 16 million entries before it is refused.
    @Test func farIdsAreRefusedWhereverTheyStand() throws {
        let folder = try TemporaryFolder()
        let vocabulary = #"{"a":0,"b":16777215}"#
        let bytes = (UInt8.min...UInt8.max).map { "\(Data([$0]).base64EncodedString()) \($0)\n" }.joined()
        let document =
            #"{"model":{"vocab":"# + vocabulary + #","merges":[]},"pre_tokenizer":{"type":"ByteLevel"}}"#
        let paths = [
            try folder.write(document, "tokenizer.json"), try folder.write(vocabulary, "vocab.json"),
            try folder.write(bytes + "YWI= 16777215\n", "a.tiktoken"),
        ]
        _ = try folder.write("#version: 0.2\n", "merges.txt")
        let readers: [() throws -> any Tokenizer] = [
            { try TokenizerFiles.load(document: paths[0]) },
            {
                try TokenizerFiles.loadGPT2(vocabularyPath: paths[1], mergesPath: "\(folder.path)/merges.txt")
            },
            { try TokenizerFiles.loadTiktoken(paths[2], splitRule: .gpt2, specialTokens: [:]) },
        ]
        for read in readers {
            #expect { _ = try read() } throws: { error in
                (error as? FileFormatError)?.code == .limitExceeded && "\(error)".contains("16777215")
            }
        }
    }

    @Test func deepAndGrowingDocumentsAreRefused() throws {
        let head = #"{"model":{"type":"WordLevel","unk_token":"a","vocab":{"a":0}},"#
        var deep = #"{"type":"NFC"}"#
        for _ in 0..<40 { deep = #"{"type":"Sequence","normalizers":["# + deep + "]}" }
        let replace =
            #"{"type":"Replace","pattern":{"String":"a"},"content":""# + String(repeating: "a", count: 200)
            + #""}"#
        let growing =
            #"{"type":"Sequence","normalizers":["# + [replace, replace, replace].joined(separator: ",") + "]}"
        let bytes = Array(repeating: #"{"type":"ByteLevel","use_regex":false}"#, count: 30).joined(
            separator: ","
        )
        for (text, words) in [
            (head + #""normalizer":"# + deep + "}", "nested deeper"),
            (head + #""normalizer":"# + growing + "}", "lengthen"),
            (head + #""pre_tokenizer":{"type":"Sequence","pretokenizers":["# + bytes + "]}}", "lengthen"),
            (#"{"model":{"type":"WordLevel","unk_token":"a","vocab":{"a":16777000}}}"#, "16777000"),
            (
                #"{"model":{"type":"BPE","vocab":{"a":16777000},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"}}"#,
                "16777000"
            ),
        ] {
            #expect {
                _ = try TokenizerFiles.load(try JSONValue(parsing: text), path: "deep")
            } throws: { error in
                (error as? FileFormatError)?.code == .limitExceeded && "\(error)".contains(words)
            }
        }
    }
}
