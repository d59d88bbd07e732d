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

    /// Reads `tokenizer.json` and, if present, `tokenizer_config.json` from a folder.
    ///
    /// - Parameter folder: A model folder.
    /// - Returns: The tokenizer.
    /// - Throws: `FileFormatError` when a file is missing, wrong, or of a kind not supported; the message names the key.
    public static func load(folder: String) throws(FileFormatError) -> any Tokenizer {
        let configurationPath = "\(folder)/tokenizer_config.json"
        let configuration: JSONValue?
        do throws(FileFormatError) {
            configuration = try JSONValue(contentsOf: configurationPath)
        } catch {
            guard error.code == .notFound else { throw error }
            configuration = nil
        }
        return try load(document: "\(folder)/tokenizer.json", configuration: configuration, configurationPath)
    }

    /// Reads a `tokenizer.json` alone.
    ///
    /// - Parameter path: The file.
    /// - Returns: The tokenizer.
    /// - Throws: `FileFormatError` as `load(folder:)` does.
    public static func load(document path: String) throws(FileFormatError) -> any Tokenizer {
        try load(document: path, configuration: nil, path)
    }

    private static func load(
        document path: String,
        configuration: JSONValue?,
        _ configurationPath: String
    ) throws(FileFormatError) -> any Tokenizer {
        let document = try JSONValue(contentsOf: path)
        let reader = TokenizerReader(path: path)
        let added = try reader.addedTokens(document, configuration, configurationPath)
        return try reader.tokenizer(document, added)
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
        let model = try mergeReader.model(vocabulary, merges, takesWholePieces: false)
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
}
