import YuyanFileFormats

/// Where the SentencePiece family comes in: the parts of `tokenizer.json` that belong to it, and its own model files.
enum SentencePieceHooks {
    /// The model `Unigram` of a `tokenizer.json`.
    static func unigram(_ node: TokenizerNode) throws(FileFormatError) -> any SubwordModel {
        throw node.fail("type", "'Unigram' is not supported", .unsupported)
    }

    /// The normalizer `Precompiled` of a `tokenizer.json`.
    static func precompiled(_ node: TokenizerNode) throws(FileFormatError) -> any TextNormalizer {
        throw node.fail("type", "'Precompiled' is not supported", .unsupported)
    }

    /// A `tokenizer.model` file.
    static func tokenizer(modelFile path: String) throws(FileFormatError) -> any Tokenizer {
        throw FileFormatError(.unsupported, path: path, "SentencePiece model files are not supported")
    }
}
