import Foundation
import YuyanFileFormats
import YuyanTokenizers

extension FuzzTargets {
    /// The readers of tokenizers' files.
    ///
    /// - Parameter fixtures: The folder of golden files.
    /// - Returns: The targets.
    /// - Throws: `FileFormatError` when a golden file is missing.
    public static func tokenizers(fixtures: String) throws -> [FuzzTarget] {
        try [
            tokenizerJSON(documents(fixtures: fixtures)), bytePairs, bertVocabulary, tiktoken,
            sentencePiece(models(fixtures: fixtures)), charsmap(models(fixtures: fixtures)),
        ]
    }

    /// The names of the parts of a `tokenizer.json`.
    static let parts = [
        "Sequence", "BertNormalizer", "Lowercase", "NFC", "NFKD", "Strip", "StripAccents", "Prepend",
        "Replace",
        "Nmt", "ByteLevel", "BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Metaspace", "Digits",
        "Punctuation", "Split", "CharDelimiterSplit", "FixedLength", "UnicodeScripts", "WordPiece",
        "WordLevel",
        "BPE", "Unigram", "Precompiled", "TemplateProcessing", "BertProcessing", "RobertaProcessing",
        "BPEDecoder", "ByteFallback", "Fuse", "CTC",
    ]

    private static let texts = [
        "", "a", "Hello, wörld  ‖ 语言 12 [SEP]<mask>", "e\u{301}\u{323} क्षि \u{0}\u{FFFD} aaaa ▁▁ ##a",
        String(repeating: "ab 1 语", count: 60),
    ]

    /// The golden tokenizers, with small vocabularies, so that a case costs little.
    static func documents(fixtures: String) throws -> [JSONValue] {
        let golden = try JSONValue(contentsOf: "\(fixtures)/tokenizers/pipelines.json")
        return (golden.objectValue ?? JSONObject()).compactMap { $0.value["document"].map(shrunk) } + [
            shrunk(try JSONValue(contentsOf: "\(fixtures)/tokenizers/bpe-gpt2.json")),
            shrunk(try JSONValue(contentsOf: "\(fixtures)/tokenizers/bpe-cl100k.json")),
        ]
    }

    /// The golden SentencePiece models.
    static func models(fixtures: String) throws -> [[UInt8]] {
        let golden = try JSONValue(contentsOf: "\(fixtures)/tokenizers/sentencepiece.json")
        return (golden["models"]?.objectValue ?? JSONObject()).compactMap { model in
            (model.value["model"]?.stringValue).flatMap { Data(base64Encoded: $0) }.map { [UInt8]($0) }
        }
    }

    /// A document with a small vocabulary.
    private static func shrunk(_ document: JSONValue) -> JSONValue {
        guard case .object(var members) = document, case .object(var model)? = members["model"] else {
            return document
        }
        var kept = JSONObject()
        for (token, id) in model["vocab"]?.objectValue ?? JSONObject() {
            if let number = id.integerValue, number < 60 { kept.append(token, id) }
        }
        if model["vocab"]?.objectValue != nil { model["vocab"] = .object(kept) }
        if let merges = model["merges"]?.arrayValue {
            model["merges"] = .array(
                merges.filter { pair in
                    let parts = pair.arrayValue?.compactMap(\.stringValue) ?? []
                    return parts.count == 2
                        && ([parts[0], parts[1], parts[0] + parts[1]].allSatisfy { kept[$0] != nil })
                }
            )
        }
        members["model"] = .object(model)
        return .object(members)
    }

    private static func tokenizerJSON(_ documents: [JSONValue]) -> FuzzTarget {
        let make = mutations(of: documents, words: parts)
        return FuzzTarget(
            "tokenizer-json",
            "tokenizer.json: loaded from its bytes and parsed, used, saved",
            make: make
        ) {
            input in
            let path = try input.file("tokenizer.json")
            var fromBytes: String?
            do {
                fromBytes = try TokenizerFiles.load(document: path).tokenizerDocument().printed(indent: nil)
            } catch is FileFormatError {}
            let document: JSONValue
            do {
                document = try JSONValue(parsing: input.bytes)
            } catch {
                if fromBytes != nil { throw FuzzFinding("loads, although it is no JSON: \(error)") }
                return false
            }
            let tokenizer: any Tokenizer
            do {
                tokenizer = try TokenizerFiles.load(document, path: path)
            } catch {
                if fromBytes != nil { throw FuzzFinding("loads from bytes only: \(error)") }
                return false
            }
            let saved = tokenizer.tokenizerDocument()
            if fromBytes != saved.printed(indent: nil) { throw FuzzFinding("other from bytes than parsed") }
            try use(tokenizer)
            if let pipeline = try? TokenizerFiles.loadPipeline(document, path: path) { use(pipeline) }
            do {
                _ = try TokenizerFiles.load(saved, path: "again")
            } catch {
                throw FuzzFinding("does not load what it saved: \(error)")
            }
            return true
        }
    }

    /// Encodes and decodes; ids must lie in the vocabulary.
    static func use(_ tokenizer: any Tokenizer, _ texts: [String] = texts) throws {
        for text in texts {
            let ids = tokenizer.encode(text, specialTokens: .recognized)
            guard ids.allSatisfy({ $0 >= 0 && Int($0) < tokenizer.vocabularySize }) else {
                throw FuzzFinding("ids outside the vocabulary of \(tokenizer.vocabularySize)")
            }
            _ = tokenizer.decode(ids)
            _ = tokenizer.encodeFramed(text)
        }
    }

    private static func use(_ pipeline: PipelineTokenizer) {
        for text in texts {
            let result: TokenizedText
            do {
                result = try pipeline.tokenize(text, "a b", options: .init(specialTokens: .recognized))
            } catch {
                continue
            }
            _ = result.scalarOffsets(in: text, "a b")
            _ = pipeline.decode(result.ids, skippingSpecialTokens: true)
        }
    }

    private static let alphabet = (UInt8.min...UInt8.max).map { ByteAlphabet.spell([$0]) }

    private static let bytePairs: FuzzTarget = {
        var vocabulary = JSONObject()
        for token in alphabet + ["ab", "abc", "Ġa", "<|endoftext|>"] {
            vocabulary[token] = .integer(vocabulary.count)
        }
        let full = JSONValue.object(vocabulary).printedBytes(indent: nil)
        let merges = Array("#version: 0.2\na b\nab c\nĠ a\n".utf8)
        return FuzzTarget(
            "byte-pairs",
            "vocab.json with merges.txt",
            make: mutations(
                of: [full + FuzzInput.separator + merges],
                words: ["a b\n", "ab", "\"", ":", ",", "\\u0120", " ", "#version"]
            )
        ) { input in
            let (first, second) = input.halves
            let tokenizer = try TokenizerFiles.loadGPT2(
                vocabularyPath: input.file("vocab.json", first),
                mergesPath: input.file("merges.txt", second)
            )
            try use(tokenizer)
            return true
        }
    }()

    private static let bertVocabulary = FuzzTarget(
        "bert-vocabulary",
        "vocab.txt with tokenizer_config.json",
        make: mutations(
            of: [
                Array("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n语\nhello\n##lo\n".utf8)
                    + FuzzInput.separator
                    + Array(
                        #"{"do_lower_case":true,"strip_accents":null,"unk_token":{"content":"[UNK]"},"cls_token":"[CLS]"}"#
                            .utf8
                    )
            ],
            words: ["[UNK]", "##", "\n", "\"", "do_lower_case", "null", "content"],
            lines: LineMutator(separators: "#", fields: ["[UNK]", "##", "语"])
        )
    ) { input in
        let (vocabulary, configuration) = input.halves
        _ = try input.file("tokenizer_config.json", configuration)
        try use(TokenizerFiles.load(anywhere: input.file("vocab.txt", vocabulary)))
        return true
    }

    private static let tiktoken: FuzzTarget = {
        let tokens = (UInt8.min...UInt8.max).map { [$0] } + ["ab", "abc", " a", "语"].map { Array($0.utf8) }
        let lines = tokens.enumerated().map { "\(Data($1).base64EncodedString()) \($0)" }
        return FuzzTarget(
            "tiktoken",
            "ranked vocabularies of tiktoken",
            make: mutations(
                of: [Array(lines.joined(separator: "\n").utf8)],
                words: [" ", "=", "==", "YWI= ", "\n", "4294967296"],
                lines: LineMutator(separators: " ", fields: ["YWJj", "300", "", "-1", "16777216"])
            )
        ) { input in
            let tokenizer = try TokenizerFiles.loadTiktoken(
                input.file("case.tiktoken"),
                splitRule: .gpt2,
                specialTokens: ["<|endoftext|>": 1000]
            )
            try use(tokenizer)
            return true
        }
    }()

    private static func sentencePiece(_ models: [[UInt8]]) -> FuzzTarget {
        FuzzTarget(
            "sentencepiece",
            "models of SentencePiece",
            make: mutations(of: models, words: ["\n", "\u{12}", "\u{1A}", "▁", "<unk>", "<0x41>"])
        ) { input in
            let tokenizer = try SentencePieceTokenizer(SentencePieceFile(bytes: input.bytes))
            try use(tokenizer)
            let text = Array("swift ab [X] training ﬁ 语言\u{3000}\u{200B}x é\u{301} <0x41>".utf8)
            _ = text.withUnsafeBytes { tokenizer.encodeWithRanges(bytes: $0) }
            return true
        }
    }

    private static func charsmap(_ models: [[UInt8]]) -> FuzzTarget {
        let file = models.compactMap { try? SentencePieceFile(bytes: $0) }
            .max { $0.normalizer.precompiledCharsmap.count < $1.normalizer.precompiledCharsmap.count }
        let map = file?.normalizer.precompiledCharsmap ?? []
        return FuzzTarget(
            "charsmap",
            "SentencePiece's compiled rules of normalizing",
            make: mutations(of: [map], words: [])
        ) { input in
            guard var changed = file else { return false }
            changed.normalizer.precompiledCharsmap = input.bytes
            let tokenizer = try SentencePieceTokenizer(changed)
            let text = ByteMutator().damaged(
                Array(texts[2].utf8),
                others: [Array(texts[3].utf8)],
                using: &input.random
            )
            let result = tokenizer.normalized(String(decoding: text, as: UTF8.self))
            guard result.utf8.count <= (3 * text.count + 1) * 3 * PrecompiledCharsmap.longestReplacement
            else {
                throw FuzzFinding("\(text.count) bytes became \(result.utf8.count)")
            }
            return true
        }
    }

    /// Texts of all kinds through trained tokenizers, which must give the bytes back.
    static func encoding(fixtures: String) throws -> FuzzTarget {
        let tokenizers =
            try ["bpe-gpt2.json", "bpe-cl100k.json"].map {
                try TokenizerFiles.load(document: "\(fixtures)/tokenizers/\($0)")
            } + [ByteTokenizer()]
        return FuzzTarget(
            "encoding",
            "texts through byte-level tokenizers, which give the bytes back",
            make: mutations(
                of: texts.map { Array($0.utf8) },
                words: ["<|endoftext|>", "'s", "  ", "\u{3000}", "0123"]
            )
        ) { input in
            let tokenizer = input.random.one(of: tokenizers)
            let ids = tokenizer.encode(
                bytes: input.bytes,
                specialTokens: input.random.oneIn(2) ? .recognized : .asText
            )
            if tokenizer.decodeBytes(ids) != input.bytes { throw FuzzFinding("the bytes do not come back") }
            return true
        }
    }
}
