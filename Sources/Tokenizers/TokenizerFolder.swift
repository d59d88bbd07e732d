import YuyanFileFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Finds the tokenizer of a model folder.
struct TokenizerFolder {
    /// Files with ranks that are known by name.
    private static let tiktokenFiles = ["cl100k_base.tiktoken", "o200k_base.tiktoken"]

    private let folder: String

    init(_ folder: String) { self.folder = folder }

    private func path(_ name: String) -> String { "\(folder)/\(name)" }
    private func exists(_ name: String) -> Bool { access(path(name), F_OK) == 0 }

    func tokenizer() throws(FileFormatError) -> any Tokenizer {
        var configuration: JSONValue?
        if exists("tokenizer_config.json") {
            configuration = try JSONValue(contentsOf: path("tokenizer_config.json"))
        }
        if exists("tokenizer.json") {
            return try TokenizerFiles.load(
                document: path("tokenizer.json"),
                configuration: configuration,
                configurationPath: path("tokenizer_config.json")
            )
        }
        if exists("tokenizer.model") {
            return try SentencePieceHooks.tokenizer(modelFile: path("tokenizer.model"))
        }
        if exists("vocab.txt") {
            let settings = try BertSettings(
                configuration ?? .object(JSONObject()),
                path: path("tokenizer_config.json")
            )
            return try TokenizerFiles.loadBert(path("vocab.txt"), settings: settings)
        }
        if exists("vocab.json"), exists("merges.txt") {
            return try TokenizerFiles.loadGPT2(
                vocabularyPath: path("vocab.json"),
                mergesPath: path("merges.txt")
            )
        }
        if exists(Self.tiktokenFiles[0]) { return try TokenizerFiles.loadCL100K(path(Self.tiktokenFiles[0])) }
        if exists(Self.tiktokenFiles[1]) { return try TokenizerFiles.loadO200K(path(Self.tiktokenFiles[1])) }
        throw FileFormatError(
            .notFound,
            path: folder,
            "holds no tokenizer; looked for tokenizer.json, tokenizer.model, vocab.txt, vocab.json with merges.txt, "
                + Self.tiktokenFiles.joined(separator: ", ")
        )
    }
}

/// How a BERT vocabulary is used.
public struct BertSettings: Sendable, Hashable {
    /// Whether letters become lower case.
    public var lowercases = true
    /// Whether ideographs are words of their own.
    public var separatesIdeographs = true
    /// Whether accents go; nil: as `lowercases`.
    public var stripsAccents: Bool?
    /// What a word becomes that cannot be cut.
    public var unknownToken = "[UNK]"
    /// What ends a text.
    public var separatorToken = "[SEP]"
    /// What fills batches.
    public var paddingToken = "[PAD]"
    /// What begins a text.
    public var classToken = "[CLS]"
    /// What stands for a word to be guessed.
    public var maskToken = "[MASK]"

    /// The settings of BERT uncased.
    public init() {}

    /// The settings in a `tokenizer_config.json`.
    ///
    /// - Parameters:
    ///   - configuration: The content of the file.
    ///   - path: The file, for errors.
    /// - Throws: `FileFormatError` with the key.
    public init(_ configuration: JSONValue, path: String) throws(FileFormatError) {
        let node = TokenizerNode(value: configuration, path: path, key: "")
        _ = try node.object()
        lowercases = try node.member("do_lower_case").bool(default: true)
        separatesIdeographs = try node.member("tokenize_chinese_chars").bool(default: true)
        let accents = node.member("strip_accents")
        stripsAccents = accents.value.isNull ? nil : try accents.bool()
        func token(_ key: String, _ usual: String) throws(FileFormatError) -> String {
            let member = node.member(key)
            if member.value.isNull { return usual }
            return try member.value["content"] == nil ? member.string() : member.member("content").string()
        }
        unknownToken = try token("unk_token", unknownToken)
        separatorToken = try token("sep_token", separatorToken)
        paddingToken = try token("pad_token", paddingToken)
        classToken = try token("cls_token", classToken)
        maskToken = try token("mask_token", maskToken)
    }
}

extension TokenizerFiles {
    /// Reads a BERT vocabulary: one token per line, its id the number of the line from 0.
    ///
    /// - Parameters:
    ///   - path: The file `vocab.txt`.
    ///   - settings: How it is used.
    /// - Returns: The tokenizer, with BERT's normalisation, cuts and frame.
    /// - Throws: `FileFormatError` with path and line, or with the special token that is missing.
    public static func loadBert(
        _ path: String,
        settings: BertSettings = BertSettings()
    ) throws(FileFormatError) -> PipelineTokenizer {
        var tokens: [String] = []
        let lines = try LineReader(path: path, maximumLineLength: 1 << 16)
        while let line = try lines.nextLine() {
            guard tokens.count < TokenVocabulary.idLimit else {
                throw FileFormatError(
                    .limitExceeded,
                    path: path,
                    "holds more than \(TokenVocabulary.idLimit) tokens"
                )
            }
            tokens.append(line)
        }
        return try bert(tokens, settings: settings, path: path)
    }

    /// A BERT tokenizer of a vocabulary.
    ///
    /// - Parameters:
    ///   - tokens: The tokens by id; of equal ones the last counts, and an empty one takes its id without being a token.
    ///   - settings: How it is used.
    ///   - path: Where the vocabulary came from, for errors.
    /// - Returns: The tokenizer, with BERT's normalisation, cuts and frame.
    /// - Throws: `FileFormatError` with the special token that is missing.
    public static func bert(
        _ tokens: [String],
        settings: BertSettings = BertSettings(),
        path: String? = nil
    ) throws(FileFormatError) -> PipelineTokenizer {
        let vocabulary = TokenVocabulary(tokens)
        func special(_ token: String) throws(FileFormatError) -> FrameToken {
            guard let id = vocabulary.id(of: token) else {
                throw FileFormatError(
                    .missing,
                    path: path,
                    at: .key(token),
                    "the vocabulary lacks this special token"
                )
            }
            return FrameToken(token: token, id: id)
        }
        let unknown = try special(settings.unknownToken)
        let separator = try special(settings.separatorToken)
        let beginning = try special(settings.classToken)
        guard let model = WordPieceModel(vocabulary: vocabulary, unknownToken: unknown.token) else {
            throw FileFormatError(
                .missing,
                path: path,
                at: .key(unknown.token),
                "the vocabulary lacks this special token"
            )
        }
        var parts = PipelineTokenizer.Parts(model: model)
        parts.normalizer = BertTextNormalizer(
            cleansText: true,
            separatesIdeographs: settings.separatesIdeographs,
            stripsAccents: settings.stripsAccents,
            lowercases: settings.lowercases
        )
        parts.preTokenizer = BertPreTokenizer()
        parts.postProcessor = TemplateProcessor.bert(beginning, separator)
        parts.decoder = WordPieceDecoder(prefix: "##", cleansUp: true)
        let wanted = [
            settings.paddingToken, settings.unknownToken, settings.classToken, settings.separatorToken,
            settings.maskToken,
        ]
        var added: [AddedToken] = []
        for token in wanted {
            if let id = vocabulary.id(of: token), !added.contains(where: { $0.id == id }) {
                added.append(AddedToken(token, id: id))
            }
        }
        parts.addedTokens = AddedTokens(added)
        parts.addedTokens.unknown = unknown.id
        parts.addedTokens.padding = vocabulary.id(of: settings.paddingToken)
        parts.addedTokens.beginningOfText = beginning.id
        parts.addedTokens.endOfText = separator.id
        return PipelineTokenizer(parts)
    }
}

extension TemplateProcessor {
    /// BERT's frame as a template: [CLS] A [SEP], and B [SEP] of segment 1.
    static func bert(_ beginning: FrameToken, _ separator: FrameToken) -> TemplateProcessor {
        let single: [Piece] = [
            .special(beginning.token, typeId: 0), .sequence(0, typeId: 0),
            .special(separator.token, typeId: 0),
        ]
        return TemplateProcessor(
            single: single,
            pair: single + [.sequence(1, typeId: 1), .special(separator.token, typeId: 1)],
            specials: [beginning, separator].map { ($0.token, [$0.id], [$0.token]) }
        )
    }
}
