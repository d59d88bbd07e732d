import YuyanFileFormats

/// Puts a `PipelineTokenizer` together from a `tokenizer.json`; everything not understood is an error that names the key.
struct PipelineReader {
    /// The deepest nesting of sequences within sequences.
    private static let maximumDepth = 8
    /// The most steps of one sequence.
    private static let maximumSteps = 64

    let document: TokenizerNode

    init(_ document: JSONValue, path: String) {
        self.document = TokenizerNode(value: document, path: path, key: "")
    }

    /// The whole tokenizer.
    ///
    /// - Parameters:
    ///   - added: The added tokens.
    ///   - bytePairs: The byte-level pairs of the document, when it has them.
    /// - Returns: The tokenizer.
    /// - Throws: `FileFormatError` with the key.
    func tokenizer(
        _ added: AddedTokens,
        bytePairs: BPETokenizer?
    ) throws(FileFormatError) -> PipelineTokenizer {
        let model = try model(document.member("model"))
        for token in added.all {
            if let id = model.id(of: token.content), id != token.id {
                throw document.fail(
                    "added_tokens: '\(token.content)' has the id \(token.id) here and \(id) in the vocabulary",
                    .mismatch
                )
            }
        }
        var parts = PipelineTokenizer.Parts(model: model)
        parts.normalizer = try optional("normalizer", normalizer)
        parts.preTokenizer = try optional("pre_tokenizer", preTokenizer)
        try checkGrowth("normalizer")
        try checkGrowth("pre_tokenizer")
        try checkGrowth("decoder")
        parts.postProcessor = try optional("post_processor", postProcessor)
        parts.decoder = try optional("decoder", decoder)
        parts.truncation = try truncation(document.member("truncation"))
        parts.padding = try padding(document.member("padding"))
        parts.addedTokens = added
        parts.bytePairs = bytePairs
        try checkFrame(parts)
        return PipelineTokenizer(parts)
    }

    private func optional<Part>(
        _ key: String,
        _ read: (TokenizerNode, Int) throws(FileFormatError) -> Part
    ) throws(FileFormatError) -> Part? {
        let node = document.member(key)
        return node.value.isNull ? nil : try read(node, 0)
    }

    /// The steps of a sequence.
    func steps<Part>(
        _ node: TokenizerNode,
        _ depth: Int,
        _ read: (TokenizerNode, Int) throws(FileFormatError) -> Part
    ) throws(FileFormatError) -> [Part] {
        let elements = try node.elements()
        guard depth < Self.maximumDepth, elements.count <= Self.maximumSteps else {
            throw node.fail(
                "holds more than \(Self.maximumSteps) steps or is nested deeper than \(Self.maximumDepth)",
                .limitExceeded
            )
        }
        var result: [Part] = []
        for element in elements { result.append(try read(element, depth + 1)) }
        return result
    }

    /// Steps that lengthen a text multiply; no file may make a text grow without bound.
    private func checkGrowth(_ key: String) throws(FileFormatError) {
        func growth(_ value: JSONValue) -> Double {
            switch value["type"]?.stringValue {
            case "Sequence":
                let steps = value["normalizers"] ?? value["pretokenizers"] ?? value["decoders"]
                return (steps?.arrayValue ?? []).reduce(1) { $0 * growth($1) }
            case "Replace":
                let added = Double(value["content"]?.stringValue?.utf8.count ?? 0)
                return max(
                    1,
                    added / Double(max(1, value["pattern"]?["String"]?.stringValue?.utf8.count ?? 1))
                )
            case "ByteLevel": return 2
            case "Metaspace": return 3
            default: return 1
            }
        }
        guard growth(document.value[key] ?? .null) <= 1024 else {
            throw document.member(key).fail("its steps together lengthen a text too much", .limitExceeded)
        }
    }

    func unknown(_ node: TokenizerNode, _ type: String, _ known: String) -> FileFormatError {
        node.fail("'\(type)' is not supported; known are \(known)", .unsupported)
    }

    // MARK: Normalizers

    private func normalizer(_ node: TokenizerNode, _ depth: Int) throws(FileFormatError) -> any TextNormalizer
    {
        let type = try node.type()
        if let form = NormalFormNormalizer.Form(rawValue: type) { return NormalFormNormalizer(form: form) }
        switch type {
        case "Sequence":
            return NormalizerSequence(steps: try steps(node.member("normalizers"), depth, normalizer))
        case "BertNormalizer":
            let accents = node.member("strip_accents")
            return BertTextNormalizer(
                cleansText: try node.member("clean_text").bool(),
                separatesIdeographs: try node.member("handle_chinese_chars").bool(),
                stripsAccents: accents.value.isNull ? nil : try accents.bool(),
                lowercases: try node.member("lowercase").bool()
            )
        case "Lowercase": return LowercaseNormalizer()
        case "StripAccents": return StripAccentsNormalizer()
        case "Strip":
            return StripNormalizer(
                stripsLeft: try node.member("strip_left").bool(),
                stripsRight: try node.member("strip_right").bool()
            )
        case "Prepend": return PrependNormalizer(content: try text(node.member("prepend")))
        case "Replace":
            return ReplaceNormalizer(
                pattern: try pattern(node.member("pattern")),
                content: try text(node.member("content"), isEmptyAllowed: true)
            )
        case "Nmt": return NmtNormalizer()
        case "ByteLevel": return ByteLevelNormalizer()
        case "Precompiled": return try SentencePieceHooks.precompiled(node)
        default:
            throw unknown(
                node,
                type,
                "BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, StripAccents, Strip, Prepend, Replace, Nmt, "
                    + "ByteLevel, Precompiled and Sequence"
            )
        }
    }

    /// A text that a step puts in; short, so that no file makes a text grow without bound.
    func text(_ node: TokenizerNode, isEmptyAllowed: Bool = false) throws(FileFormatError) -> String {
        let text = try node.string()
        guard text.utf8.count <= 256, isEmptyAllowed || !text.isEmpty else {
            throw node.fail("must have \(isEmptyAllowed ? 0 : 1) to 256 bytes", .limitExceeded)
        }
        return text
    }

    func pattern(_ node: TokenizerNode) throws(FileFormatError) -> TextPattern {
        let members = try node.object()
        if members.count == 1, members[0].key == "String" {
            return .literal(Array(try text(node.member("String")).utf8))
        }
        guard members.count == 1, members[0].key == "Regex" else {
            throw node.fail("must hold one member, String or Regex")
        }
        let source = try node.member("Regex").string()
        if let rule = SplitRule(pattern: source) { return .rule(rule) }
        do throws(PlainExpressionError) {
            return .expression(try PlainExpression(source))
        } catch {
            throw node.fail(
                "Regex",
                "this expression is not known (\(error.message)): \(source)",
                .unsupported
            )
        }
    }

    // MARK: Pre-tokenizers

    private func preTokenizer(_ node: TokenizerNode, _ depth: Int) throws(FileFormatError) -> any PreTokenizer
    {
        let type = try node.type()
        switch type {
        case "Sequence":
            return PreTokenizerSequence(steps: try steps(node.member("pretokenizers"), depth, preTokenizer))
        case "BertPreTokenizer": return BertPreTokenizer()
        case "Whitespace": return WhitespacePreTokenizer()
        case "WhitespaceSplit": return WhitespaceSplitPreTokenizer()
        case "ByteLevel":
            return ByteLevelPreTokenizer(
                addsPrefixSpace: try node.member("add_prefix_space").bool(default: true),
                trimsOffsets: try node.member("trim_offsets").bool(default: true),
                usesPattern: try node.member("use_regex").bool(default: true)
            )
        case "Metaspace": return try metaspace(node)
        case "Digits":
            return DigitsPreTokenizer(cutsEveryDigit: try node.member("individual_digits").bool())
        case "Punctuation":
            let member = node.member("behavior")
            return PunctuationPreTokenizer(behavior: member.value.isNull ? .isolated : try behavior(member))
        case "Split":
            return SplitPreTokenizer(
                pattern: try pattern(node.member("pattern")),
                behavior: try behavior(node.member("behavior")),
                isInverted: try node.member("invert").bool()
            )
        case "CharDelimiterSplit":
            return DelimiterPreTokenizer(delimiter: try node.member("delimiter").scalar())
        case "FixedLength":
            return FixedLengthPreTokenizer(length: try node.member("length").integer(1...1 << 20, default: 5))
        case "UnicodeScripts": return ScriptsPreTokenizer()
        default:
            throw unknown(
                node,
                type,
                "BertPreTokenizer, Whitespace, WhitespaceSplit, ByteLevel, Metaspace, Digits, Punctuation, Split, "
                    + "CharDelimiterSplit, FixedLength, UnicodeScripts and Sequence"
            )
        }
    }

    private func behavior(_ node: TokenizerNode) throws(FileFormatError) -> PieceList.Behavior {
        let name = try node.string()
        guard let behavior = PieceList.Behavior(rawValue: name) else {
            throw node.fail(
                "'\(name)' is not known; known are Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous"
            )
        }
        return behavior
    }

    func metaspace(_ node: TokenizerNode) throws(FileFormatError) -> MetaspacePreTokenizer {
        let scheme = node.member("prepend_scheme")
        let name = scheme.value.isNull ? "always" : try scheme.string()
        guard let prepending = MetaspacePreTokenizer.Prepending(rawValue: name) else {
            throw scheme.fail("'\(name)' is not known; known are first, always and never")
        }
        // An older spelling of the same setting.
        guard try node.member("add_prefix_space").bool(default: true) || prepending == .never else {
            throw node.fail("add_prefix_space", "false goes with the prepend_scheme never alone")
        }
        return MetaspacePreTokenizer(
            replacement: try node.member("replacement").scalar(),
            prepending: prepending,
            splits: try node.member("split").bool(default: true)
        )
    }

    // MARK: Models

    private func model(_ node: TokenizerNode) throws(FileFormatError) -> any SubwordModel {
        guard node.value.objectValue != nil else { throw node.fail("must be an object") }
        let type = node.value["type"]?.stringValue ?? (node.value["merges"] == nil ? "none" : "BPE")
        switch type {
        case "WordPiece":
            let prefix = node.member("continuing_subword_prefix")
            let model = WordPieceModel(
                vocabulary: try TokenVocabulary(node.member("vocab")),
                unknownToken: try node.member("unk_token").string(),
                continuingPrefix: prefix.value.isNull ? "##" : try text(prefix, isEmptyAllowed: true),
                maximumScalars: try node.member("max_input_chars_per_word").integer(0...1 << 20, default: 100)
            )
            return try checked(model, node)
        case "WordLevel":
            let model = WordLevelModel(
                vocabulary: try TokenVocabulary(node.member("vocab")),
                unknownToken: try node.member("unk_token").string()
            )
            return try checked(model, node)
        case "BPE": return try bytePairs(node)
        case "Unigram": return try SentencePieceHooks.unigram(node)
        default:
            throw node.fail(
                "type",
                "'\(type)' is not supported; known are BPE, WordPiece, WordLevel and Unigram",
                .unsupported
            )
        }
    }

    private func checked<Model: SubwordModel>(
        _ model: Model?,
        _ node: TokenizerNode
    ) throws(FileFormatError) -> Model {
        guard let model else { throw node.fail("unk_token", "must be a token of the vocabulary", .missing) }
        return model
    }

    private func bytePairs(_ node: TokenizerNode) throws(FileFormatError) -> BPESubwordModel {
        if let dropout = node.value["dropout"], !dropout.isNull, dropout.numberValue != 0 {
            throw node.fail("dropout", "is not supported; only null is", .unsupported)
        }
        let vocabulary = try TokenVocabulary(node.member("vocab"))
        func optionalText(_ key: String) throws(FileFormatError) -> String? {
            let member = node.member(key)
            return member.value.isNull ? nil : try text(member, isEmptyAllowed: true)
        }
        let settings = BPESubwordModel.Settings(
            unknownToken: try optionalText("unk_token"),
            continuingPrefix: try optionalText("continuing_subword_prefix"),
            endOfWordSuffix: try optionalText("end_of_word_suffix"),
            fusesUnknown: try node.member("fuse_unk").bool(default: false),
            fallsBackToBytes: try node.member("byte_fallback").bool(default: false),
            takesWholePieces: try node.member("ignore_merges").bool(default: false)
        )
        if let unknown = settings.unknownToken, vocabulary.id(of: unknown) == nil {
            throw node.fail("unk_token", "'\(unknown)' must be a token of the vocabulary", .missing)
        }
        var merges: [(left: Int32, right: Int32)] = []
        var results: [Int32] = []
        let prefixLength = settings.continuingPrefix?.utf8.count ?? 0
        let reader = TokenizerReader(path: node.path)
        for (index, pair) in try reader.merges(node.value["merges"]).enumerated() {
            let union = pair.0 + String(decoding: pair.1.utf8.dropFirst(prefixLength), as: UTF8.self)
            guard let left = vocabulary.id(of: pair.0), let right = vocabulary.id(of: pair.1),
                let result = vocabulary.id(of: union)
            else {
                throw node.fail(
                    "merges[\(index)]",
                    "'\(pair.0)' + '\(pair.1)': both tokens and their union must be in the vocabulary"
                )
            }
            merges.append((left, right))
            results.append(result)
        }
        return BPESubwordModel(vocabulary: vocabulary, merges: merges, results: results, settings: settings)
    }
}
