import YuyanFileFormats

/// Reads and writes the tokenizer files of a model folder.
public enum TokenizerFiles {
    /// Writes `tokenizer.json` and `tokenizer_config.json` into a folder.
    ///
    /// - Parameters:
    ///   - tokenizer: The tokenizer.
    ///   - folder: An existing folder.
    ///   - extraConfiguration: Members added to `tokenizer_config.json`, such as `chat_template`.
    /// - Throws: `FileFormatError` when the disk refuses.
    public static func save(
        _ tokenizer: any Tokenizer,
        to folder: String,
        extraConfiguration: JSONObject = JSONObject()
    ) throws(FileFormatError) {
        try tokenizer.tokenizerDocument().write(to: "\(folder)/tokenizer.json")
        let configuration = TokenizerDocument.configuration(of: tokenizer, extra: extraConfiguration)
        try configuration.write(to: "\(folder)/tokenizer_config.json")
    }

    /// Reads the tokenizer of a model folder: `tokenizer.json`, else `tokenizer.model`, `vocab.txt`, `vocab.json` with
    /// `merges.txt`, or one of the known `.tiktoken` files; `tokenizer_config.json` is heeded where it is present.
    ///
    /// - Parameter folder: A model folder.
    /// - Returns: The tokenizer.
    /// - Throws: `FileFormatError` when files are missing, wrong, or of a kind not supported; the message names the key, or
    ///   the files that were looked for.
    public static func load(folder: String) throws(FileFormatError) -> any Tokenizer {
        try TokenizerFolder(folder).tokenizer()
    }

    /// Reads a `tokenizer.json` alone.
    ///
    /// - Parameter path: The file.
    /// - Returns: The tokenizer.
    /// - Throws: `FileFormatError` as `load(folder:)` does.
    public static func load(document path: String) throws(FileFormatError) -> any Tokenizer {
        try load(document: path, configuration: nil, configurationPath: "")
    }

    /// Reads a `tokenizer.json` with the content of the `tokenizer_config.json` beside it.
    static func load(
        document path: String,
        configuration: JSONValue?,
        configurationPath: String
    ) throws(FileFormatError) -> any Tokenizer {
        let file = try MappedFile(path: path)
        return try file.withBytes { bytes throws(FileFormatError) in
            // A vocabulary of byte pairs is most of its file, and is read without a value for every string.
            let scanner = BytePairScanner()
            var document = try JSONValue(parsing: bytes, path: path) { scanner.take($0) }
            if scanner.isComplete {
                let reader = TokenizerReader(path: path, scanned: scanner)
                let added = try reader.addedTokens(document, configuration, configurationPath)
                if let tokenizer = try reader.fastTokenizer(document, added) { return tokenizer }
            }
            if scanner.vocabulary != nil { document = try JSONValue(parsing: bytes, path: path) }
            return try load(
                document,
                path: path,
                configuration: configuration,
                configurationPath: configurationPath
            )
        }
    }

    /// Takes the content of a `tokenizer.json`.
    ///
    /// - Parameters:
    ///   - document: The content.
    ///   - path: Where it came from, for errors.
    ///   - configuration: The content of `tokenizer_config.json`, which names the roles of tokens.
    ///   - configurationPath: Where that came from.
    /// - Returns: The tokenizer.
    /// - Throws: `FileFormatError` as `load(folder:)` does.
    public static func load(
        _ document: JSONValue,
        path: String,
        configuration: JSONValue? = nil,
        configurationPath: String = ""
    ) throws(FileFormatError) -> any Tokenizer {
        let reader = TokenizerReader(path: path)
        let added = try reader.addedTokens(document, configuration, configurationPath)
        return try reader.tokenizer(document, added)
    }

    /// Takes the content of a `tokenizer.json`, always as a tokenizer of parts, which knows offsets and pairs.
    ///
    /// - Parameters:
    ///   - document: The content.
    ///   - path: Where it came from, for errors.
    /// - Returns: The tokenizer.
    /// - Throws: `FileFormatError` as `load(folder:)` does.
    public static func loadPipeline(
        _ document: JSONValue,
        path: String
    ) throws(FileFormatError) -> PipelineTokenizer {
        let reader = TokenizerReader(path: path)
        return try reader.pipeline(document, try reader.addedTokens(document, nil, path))
    }

    /// Reads GPT-2's pair of files.
    ///
    /// - Parameters:
    ///   - vocabularyPath: `vocab.json` or `encoder.json`: spelled token to id.
    ///   - mergesPath: `merges.txt` or `vocab.bpe`: one merge per line.
    ///   - splitRule: How text is cut.
    ///   - specialTokens: Names of special tokens; the first is the end of text. A name the vocabulary lacks is an error.
    /// - Returns: The tokenizer.
    /// - Throws: `FileFormatError` with path and line or key.
    public static func loadGPT2(
        vocabularyPath: String,
        mergesPath: String,
        splitRule: SplitRule = .gpt2,
        specialTokens: [String] = ["<|endoftext|>"]
    ) throws(FileFormatError) -> BPETokenizer {
        let (vocabulary, model) = try bytePairs(vocabularyPath, mergesPath)
        var added: [AddedToken] = []
        for name in specialTokens {
            guard let id = ByteAlphabet.bytes(of: name).flatMap({ vocabulary.tokens.id(of: $0) }) else {
                throw FileFormatError(.missing, path: vocabularyPath, at: .key(name), "no such special token")
            }
            added.append(AddedToken(name, id: Int32(id)))
        }
        var roles = AddedTokens(added)
        roles.endOfText = added.first?.id
        return BPETokenizer(
            model: model,
            splitRule: splitRule,
            addedTokens: roles,
            irregular: vocabulary.irregular
        )
    }
    /// The vocabulary and the merges of GPT-2's pair of files.
    private static func bytePairs(
        _ vocabularyPath: String,
        _ mergesPath: String
    ) throws(FileFormatError) -> (TokenizerReader.Vocabulary, BPEModel) {
        let files = (try MappedFile(path: vocabularyPath), try MappedFile(path: mergesPath))
        let scanner = BytePairScanner()
        let isRead = files.0.withBytes { vocabulary in
            files.1.withBytes { merges in scanner.readPair(vocabulary: vocabulary, merges: merges) }
        }
        if isRead, let vocabulary = scanner.vocabulary {
            let model = BPEModel(
                tokens: vocabulary.tokens,
                merges: scanner.merges,
                results: scanner.results,
                ranks: nil,
                takesWholePieces: false
            )
            return (vocabulary, model)
        }
        let reader = TokenizerReader(path: vocabularyPath)
        let vocabulary = try reader.vocabulary(JSONValue(contentsOf: vocabularyPath), key: "vocabulary")
        var merges: [(String, String)] = []
        let lines = try LineReader(path: mergesPath, maximumLineLength: 1 << 16)
        while let line = try lines.nextLine() {
            if line.isEmpty || (lines.lineNumber == 1 && line.hasPrefix("#version")) { continue }
            guard let merge = TokenizerReader.splitMerge(line) else {
                throw FileFormatError(
                    .malformed,
                    path: mergesPath,
                    at: .line(lines.lineNumber, column: nil),
                    "a merge is two tokens with one space between them"
                )
            }
            merges.append(merge)
        }
        let mergeReader = TokenizerReader(path: mergesPath)
        return (vocabulary, try mergeReader.model(vocabulary, merges, takesWholePieces: false))
    }
}
