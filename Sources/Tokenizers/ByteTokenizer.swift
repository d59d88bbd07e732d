import YuyanFileFormats

/// One id per byte, 0 to 255, and special tokens after them.
public final class ByteTokenizer: Tokenizer {
    /// The special tokens.
    public let addedTokens: AddedTokens
    /// 256 and the number of special tokens.
    public let vocabularySize: Int

    /// Makes a byte tokenizer.
    ///
    /// Traps when a special token is empty.
    ///
    /// - Parameter specialTokens: Special tokens, from id 256 up; the first is the end of text.
    public init(specialTokens: [String] = ["<|endoftext|>"]) {
        let tokens = specialTokens.enumerated().map { AddedToken($0.element, id: Int32(256 + $0.offset)) }
        var added = AddedTokens(tokens)
        added.endOfText = tokens.first?.id
        addedTokens = added
        vocabularySize = 256 + tokens.count
    }

    /// Encodes bytes.
    ///
    /// - Parameters:
    ///   - bytes: Any bytes.
    ///   - specialTokens: What to do with the text of special tokens.
    /// - Returns: The ids.
    public func encode(bytes: UnsafeRawBufferPointer, specialTokens: SpecialTokenHandling) -> [Int32] {
        let matcher = addedTokens.matcher(specialTokens)
        guard !matcher.isEmpty, let base = bytes.baseAddress else { return bytes.map { Int32($0) } }
        let text = ScannedText(base.assumingMemoryBound(to: UInt8.self), end: bytes.count)
        var ids: [Int32] = []
        ids.reserveCapacity(bytes.count)
        var position = 0
        while let match = matcher.next(text, from: position) {
            ids.append(contentsOf: bytes[position..<match.start].lazy.map { Int32($0) })
            ids.append(match.id)
            position = match.end
        }
        ids.append(contentsOf: bytes[position...].lazy.map { Int32($0) })
        return ids
    }

    /// The id of a spelled token.
    ///
    /// - Parameter token: A byte's stand-in or a special token.
    /// - Returns: nil when it is neither.
    public func id(of token: String) -> Int32? {
        if let id = addedTokens.id(of: token) { return id }
        guard let bytes = ByteAlphabet.bytes(of: token), bytes.count == 1 else { return nil }
        return Int32(bytes[0])
    }

    /// A token's spelling.
    ///
    /// - Parameter id: The id.
    /// - Returns: nil when no token has it.
    public func token(of id: Int32) -> String? {
        if id >= 0, id < 256 { return ByteAlphabet.spell([UInt8(id)]) }
        return addedTokens.token(id)?.content
    }

    /// Appends the bytes that an id stands for.
    ///
    /// - Parameters:
    ///   - id: The id; one without token adds nothing.
    ///   - bytes: Where the bytes go.
    public func appendBytes(of id: Int32, to bytes: inout [UInt8]) {
        if id >= 0, id < 256 {
            bytes.append(UInt8(id))
        } else if let token = addedTokens.token(id) {
            bytes.append(contentsOf: token.content.utf8)
        }
    }

    /// The tokenizer as a `tokenizer.json`: byte-level pairs without merges.
    ///
    /// - Returns: The document.
    public func tokenizerDocument() -> JSONValue {
        var vocabulary = JSONObject()
        for id in 0..<Int32(vocabularySize) { vocabulary.append(token(of: id) ?? "", .integer(Int(id))) }
        return TokenizerDocument.bytePair(
            vocabulary: vocabulary,
            merges: [],
            rule: .whole,
            addsPrefixSpace: false,
            takesWholePieces: false,
            added: addedTokens
        )
    }
}
