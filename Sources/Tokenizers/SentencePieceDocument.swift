import YuyanFileFormats
extension SentencePieceTokenizer {
    /// Todo.
    ///
    /// - Returns: Document.
    public func tokenizerDocument() -> JSONValue { nil }
}
