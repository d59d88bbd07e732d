import Foundation
import Testing
import YuyanFileFormats
import YuyanTokenizers

/// Spoiled documents: an error or a tokenizer, never a crash, never a hang.
@Suite struct PipelineFuzzTests {
    private static let texts = [
        "", "a", "Hello, wörld  ‖ 语言 12 [SEP]<mask>", "e\u{301}\u{323} क्षि \u{0}\u{FFFD} aaaa ▁▁ ##a",
        String(repeating: "ab 1 语", count: 60),
    ]

    /// Loads and uses what loads.
    private func use(_ bytes: [UInt8]) -> Bool {
        do {
            let document = try JSONValue(parsing: bytes)
            let tokenizer = try TokenizerFiles.load(document, path: "fuzz")
            let pipeline = try TokenizerFiles.loadPipeline(document, path: "fuzz")
            for text in Self.texts {
                let ids = tokenizer.encode(text, specialTokens: .recognized)
                #expect(ids.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize })
                _ = tokenizer.decode(ids)
                _ = tokenizer.encodeFramed(text)
                guard
                    let result = try? pipeline.tokenize(
                        text,
                        "a b",
                        options: .init(specialTokens: .recognized)
                    )
                else {
                    continue
                }
                _ = result.scalarOffsets(in: text, "a b")
                _ = pipeline.decode(result.ids, skippingSpecialTokens: true)
            }
            _ = try TokenizerFiles.load(tokenizer.tokenizerDocument(), path: "again")
            return true
        } catch {
            return false
        }
    }

    @Test func spoiledDocuments() throws {
        let all = try #require(try Fixtures.json("pipelines.json").objectValue)
        let mutation = DocumentMutation(
            documents: all.map { DocumentMutation.shrunk($0.value["document"] ?? .null) }
        )
        var loaded = 0
        let cases = 3000
        for seed in 0..<UInt64(cases) {
            var random = SplitMix(state: seed)
            let bytes =
                seed % 4 == 0
                ? mutation.spoiledBytes(&random) : mutation.spoiled(&random).printedBytes(indent: nil)
            if use(bytes) { loaded += 1 }
        }
        print("spoiled documents: \(loaded) of \(cases) load all the same")
        #expect(loaded > cases / 20 && loaded < cases)
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
        ] {
            #expect {
                _ = try TokenizerFiles.load(try JSONValue(parsing: text), path: "deep")
            } throws: { error in
                (error as? FileFormatError)?.code == .limitExceeded && "\(error)".contains(words)
            }
        }
    }
}
