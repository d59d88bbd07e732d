import Testing
import YuyanFileFormats
import YuyanTokenizers

@Suite struct TokenizerFileTests {
    private func roundTrip(_ tokenizer: any Tokenizer) throws -> any Tokenizer {
        let folder = try TemporaryFolder()
        var extra = JSONObject()
        extra["chat_template"] = "x"
        try TokenizerFiles.save(tokenizer, to: folder.path, extraConfiguration: extra)
        let config = try JSONValue(contentsOf: "\(folder.path)/tokenizer_config.json")
        #expect(config["eos_token"] == "<|endoftext|>" && config["chat_template"] == "x")
        return try TokenizerFiles.load(folder: folder.path)
    }

    @Test func savedTokenizersComeBack() throws {
        let texts = try Fixtures.texts()
        let tokenizers: [any Tokenizer] = [
            try Fixtures.load("bpe-gpt2.json"), try Fixtures.load("bpe-cl100k.json"), ByteTokenizer(),
            CharacterTokenizer.train(on: texts.dropLast(20)),
        ]
        for tokenizer in tokenizers {
            let again = try roundTrip(tokenizer)
            #expect(again.tokenizerDocument() == tokenizer.tokenizerDocument())
            #expect(
                again.vocabularySize == tokenizer.vocabularySize && again.endOfText == tokenizer.endOfText
            )
            for text in texts {
                #expect(again.encode(text) == tokenizer.encode(text))
                let marked = tokenizer.encode(text, specialTokens: .recognized)
                #expect(again.encode(text, specialTokens: .recognized) == marked)
            }
        }
    }

    @Test func publishedVocabulariesSurviveSaving() throws {
        guard let folder = Fixtures.published("tok-tiktoken") else { return }
        let tokenizer = try TokenizerFiles.loadCL100K("\(folder)/cl100k_base.tiktoken")
        let again = try roundTrip(tokenizer)
        for (text, ids) in zip(try Fixtures.texts(), try Fixtures.ids("cl100k")) {
            #expect(again.encode(text) == ids)
        }
    }

    @Test func addedTokensOfEveryKind() throws {
        let document = #"""
            {"added_tokens":[
              {"id":10,"content":"<s>","special":true,"lstrip":true,"rstrip":true},
              {"id":11,"content":"cat","special":false,"single_word":true},
              {"id":12,"content":"<s>x","special":true}],
             "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true},
             "model":{"type":"BPE","vocab":{"a":0,"b":1,"Ġ":2,"c":3,"t":4,"ab":5,"s":6},"merges":["a b"]}}
            """#
        let folder = try TemporaryFolder()
        let tokenizer = try TokenizerFiles.load(document: folder.write(document, "tokenizer.json"))
        #expect(tokenizer.vocabularySize == 13)
        #expect(tokenizer.encode("ab") == [2, 5])
        #expect(tokenizer.encode("cat cats cat", specialTokens: .asText) == [11, 2, 3, 0, 4, 6, 2, 11])
        #expect(tokenizer.encode("a \n<s>  b", specialTokens: .recognized) == [2, 0, 10, 2, 1])
        #expect(tokenizer.encode("a<s>xb", specialTokens: .recognized) == [2, 0, 12, 2, 1])
        #expect(tokenizer.encode("b<s>", specialTokens: .asText) == [2, 1, 6])
    }

    @Test func templatesAroundTexts() throws {
        let document = #"""
            {"added_tokens":[{"id":3,"content":"<s>","special":true},{"id":4,"content":"</s>","special":true}],
             "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
             "post_processor":{"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"TemplateProcessing",
               "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
                 {"SpecialToken":{"id":"</s>","type_id":0}}],
               "pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[3],"tokens":["<s>"]},
                 "</s>":{"id":"</s>","ids":[4],"tokens":["</s>"]}}}]},
             "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]]}}
            """#
        let folder = try TemporaryFolder()
        let tokenizer = try TokenizerFiles.load(document: folder.write(document, "tokenizer.json"))
        #expect(tokenizer.encode("aab") == [0, 2] && tokenizer.encodeFramed("aab") == [3, 0, 2, 4])
        #expect(tokenizer.addedTokens.beginningOfText == 3 && tokenizer.endOfText == 4)
        try TokenizerFiles.save(tokenizer, to: folder.path)
        let again = try TokenizerFiles.load(folder: folder.path)
        #expect(again.encodeFramed("aab") == [3, 0, 2, 4])
        let wrong = try folder.write(document.replacing("[3]", with: "[9]"), "wrong.json")
        #expect(throws: FileFormatError.self) { _ = try TokenizerFiles.load(document: wrong) }
    }

    private static let head =
        #"{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"model":{"type":"BPE","vocab""#

    @Test(arguments: [
        (#"{"model":{"type":"Chunks"}}"#, "unsupported", "model.type"),
        (#"{}"#, "malformed", "model"),
        (
            #"{"normalizer":{"type":"Upper"},"model":{"type":"BPE","vocab":{},"merges":[]}}"#, "unsupported",
            "normalizer"
        ),
        (
            #"{"pre_tokenizer":{"type":"Halves"},"model":{"type":"BPE","vocab":{},"merges":[]}}"#,
            "unsupported", "Halves"
        ),
        (head + #":{"a":0,"b":0},"merges":[]}}"#, "duplicate", "model.vocab.b"),
        (head + #":{"a":-1},"merges":[]}}"#, "malformed", "model.vocab.a"),
        (head + #":{"a":0,"a":1},"merges":[]}}"#, "duplicate", "line 1"),
        (head + #":{"a":0,"b":1},"merges":["a b"]}}"#, "malformed", "merges[0]"),
        (head + #":{"a":0,"b":1},"merges":["ab"]}}"#, "malformed", "merges[0]"),
        (head + #":{"a":0},"merges":[["a"]]}}"#, "malformed", "merges[0]"),
        (head + #":{"a":0},"merges":3}}"#, "malformed", "merges"),
        (head + #":{"a":0}}}"#, "malformed", "merges"),
        (head + #":{"a":0},"merges":[],"dropout":0.5}}"#, "unsupported", "dropout"),
        (head + #":{"a":0},"merges":[],"unk_token":"b"}}"#, "missing", "unk_token"),
        (
            #"{"model":{"type":"WordPiece","unk_token":"[UNK]","vocab":{"a":0}}}"#, "missing",
            "model.unk_token"
        ),
        (
            #"{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"a(?=b)"},"behavior":"Isolated","invert":false},"#
                + #""model":{"type":"BPE","vocab":{},"merges":[]}}"#,
            "unsupported", "pattern.Regex"
        ),
        (
            #"{"added_tokens":[{"id":3,"content":"a"}],"normalizer":{"type":"NFC"},"#
                + #""model":{"type":"WordLevel","unk_token":"a","vocab":{"a":0}}}"#,
            "mismatch", "added_tokens"
        ),
        (
            #"{"truncation":{"strategy":"Any","max_length":2,"stride":0},"#
                + #""model":{"type":"WordLevel","unk_token":"a","vocab":{"a":0}}}"#,
            "malformed", "truncation.strategy"
        ),
        (
            #"{"post_processor":{"type":"BertProcessing","sep":["b",7],"cls":["a",0]},"#
                + #""model":{"type":"WordLevel","unk_token":"a","vocab":{"a":0}}}"#,
            "missing", "post_processor"
        ),
        (
            #"{"added_tokens":[{"id":0,"content":""}],"model":{"type":"BPE","vocab":{},"merges":[]}}"#,
            "malformed", "added_tokens[0]"
        ),
        (
            #"{"added_tokens":[{"id":0,"content":"a"},{"id":0,"content":"b"}],"model":{"type":"BPE"}}"#,
            "duplicate", "id 0"
        ),
    ])
    func wrongDocumentsNameTheirKey(document: String, code: String, words: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(document, "tokenizer.json")
        do {
            _ = try TokenizerFiles.load(document: path)
            Issue.record("accepted \(document)")
        } catch {
            #expect(error.code.description == code, "\(error)")
            #expect(error.description.contains(words) && error.description.contains(path), "\(error)")
        }
    }

    @Test func wrongListsNameTheirLine() throws {
        let folder = try TemporaryFolder()
        let bytes = (0..<256).map { byte in
            let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
            return "\(digits[byte >> 2])\(digits[(byte & 3) << 4])== \(byte)"
        }
        let good = bytes.joined(separator: "\n")
        let tokenizer = try TokenizerFiles.loadTiktoken(
            folder.write(good + "\nYWI= 256\n", "good"),
            splitRule: .gpt2,
            specialTokens: ["<|endoftext|>": 300]
        )
        #expect(
            tokenizer.encode("abc") == [256, 99] && tokenizer.vocabularySize == 301
                && tokenizer.endOfText == 300
        )
        for (line, words) in [
            ("YWI=", "line 257"), ("YWI 256", "line 257"), ("YWI= 5", "rank 5"), ("YQ== 256", "twice"),
            ("Y*I= 256", "base64"),
        ] {
            do {
                let path = try folder.write(good + "\n" + line, "bad")
                _ = try TokenizerFiles.loadTiktoken(path, splitRule: .gpt2, specialTokens: [:])
                Issue.record("accepted \(line)")
            } catch let error as FileFormatError {
                #expect(error.description.contains(words), "\(error)")
            }
        }
        let vocabulary = try folder.write(#"{"a":0,"b":1,"ab":2,"<|endoftext|>":3}"#, "vocab.json")
        let merges = try folder.write("#version: 0.2\na b\n", "merges.txt")
        let small = try TokenizerFiles.loadGPT2(vocabularyPath: vocabulary, mergesPath: merges)
        #expect(small.encode("abba") == [2, 1, 0] && small.endOfText == 3)
        let bad = try folder.write("#version: 0.2\na b c\n", "bad.txt")
        #expect {
            _ = try TokenizerFiles.loadGPT2(vocabularyPath: vocabulary, mergesPath: bad)
        } throws: { error in
            "\(error)".contains("bad.txt, line 2")
        }
    }

    @Test func foldersOfEveryKind() throws {
        let empty = try TemporaryFolder()
        #expect {
            _ = try TokenizerFiles.load(folder: empty.path)
        } throws: { error in
            "\(error)".contains("vocab.txt") && "\(error)".contains("tokenizer.json")
        }
        let bert = try TemporaryFolder()
        _ = try bert.write("[PAD]\n[UNK]\n[CLS]\n[SEP]\nHat\nhat\n##s\n\n语\nhat\n", "vocab.txt")
        let lower = try TokenizerFiles.load(folder: bert.path)
        #expect(lower.encodeFramed("Hats hat语") == [2, 9, 6, 9, 8, 3] && lower.vocabularySize == 10)
        #expect(lower.token(of: 5) == nil && lower.token(of: 7) == nil && lower.endOfText == 3)
        _ = try bert.write(
            #"{"do_lower_case":false,"unk_token":{"content":"[UNK]"}}"#,
            "tokenizer_config.json"
        )
        #expect(try TokenizerFiles.load(folder: bert.path).encode("Hats ha") == [4, 6, 1])
        _ = try bert.write(#"{"do_lower_case":"no"}"#, "tokenizer_config.json")
        #expect {
            _ = try TokenizerFiles.load(folder: bert.path)
        } throws: { error in
            "\(error)".contains("do_lower_case")
        }
        let gpt = try TemporaryFolder()
        _ = try gpt.write(#"{"a":0,"b":1,"ab":2,"<|endoftext|>":3}"#, "vocab.json")
        _ = try gpt.write("#version: 0.2\na b\n", "merges.txt")
        #expect(try TokenizerFiles.load(folder: gpt.path).encode("abba") == [2, 1, 0])
    }

    @Test func knownPatterns() {
        let rules: [SplitRule] = [
            .cl100k(digits: 3, joinsTrailingSpace: true), .cl100k(digits: 3, joinsTrailingSpace: false),
            .cl100k(digits: 1, joinsTrailingSpace: false), .o200k,
        ]
        for rule in rules { #expect(rule.pattern.flatMap { SplitRule(pattern: $0) } == rule) }
        #expect(SplitRule(pattern: #"\w+"#) == nil)
    }
}
