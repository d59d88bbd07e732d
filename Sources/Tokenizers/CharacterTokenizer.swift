import YuyanFileFormats

/// One id per Unicode scalar of a known alphabet; anything else becomes the unknown token.
public final class CharacterTokenizer: Tokenizer {
    /// The special tokens.
    public let addedTokens: AddedTokens
    /// The special tokens and the alphabet.
    public let vocabularySize: Int
    /// The alphabet by id, from the first id after the special tokens.
    let scalars: [Int32: Unicode.Scalar]
    private let ids: [UInt32: Int32]
    private let unknown: Int32

    /// Learns the alphabet of some texts.
    ///
    /// Ids: the unknown token, the other special tokens in their order, then the scalars in the order of their numbers.
    ///
    /// - Parameters:
    ///   - texts: The texts.
    ///   - minimumCount: Scalars seen less often stay unknown.
    ///   - unknownToken: What unknown scalars become.
    ///   - specialTokens: Other special tokens; the first is the end of text.
    /// - Returns: The tokenizer.
    public static func train(
        on texts: some Sequence<String>,
        minimumCount: Int = 1,
        unknownToken: String = "<|unknown|>",
        specialTokens: [String] = ["<|endoftext|>"]
    ) -> CharacterTokenizer {
        var counts: [UInt32: Int] = [:]
        for text in texts {
            for scalar in text.unicodeScalars { counts[scalar.value, default: 0] += 1 }
        }
        let alphabet = counts.filter { $0.value >= minimumCount }.keys.sorted().compactMap {
            Unicode.Scalar($0)
        }
        var added: [AddedToken] = []
        for token in [unknownToken] + specialTokens {
            added.append(AddedToken(token, id: Int32(added.count)))
        }
        var roles = AddedTokens(added)
        roles.unknown = 0
        roles.endOfText = added.count > 1 ? 1 : nil
        var scalars: [Int32: Unicode.Scalar] = [:]
        for (index, scalar) in alphabet.enumerated() { scalars[Int32(added.count + index)] = scalar }
        return CharacterTokenizer(scalars: scalars, addedTokens: roles, unknown: 0)
    }

    init(scalars: [Int32: Unicode.Scalar], addedTokens: AddedTokens, unknown: Int32) {
        self.scalars = scalars
        self.addedTokens = addedTokens
        self.unknown = unknown
        ids = Dictionary(scalars.map { ($0.value.value, $0.key) }, uniquingKeysWith: { min($0, $1) })
        vocabularySize = Int(max(scalars.keys.max() ?? -1, addedTokens.all.last?.id ?? -1, unknown)) + 1
    }

    /// Encodes UTF-8 bytes; every ill-formed piece becomes one unknown token.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - specialTokens: What to do with the text of special tokens.
    /// - Returns: The ids.
    public func encode(bytes: UnsafeRawBufferPointer, specialTokens: SpecialTokenHandling) -> [Int32] {
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return [] }
        let matcher = addedTokens.matcher(specialTokens)
        let text = ScannedText(base, end: bytes.count)
        var result: [Int32] = []
        var position = 0
        while position < bytes.count {
            let match = matcher.isEmpty ? nil : matcher.next(text, from: position)
            let end = match?.start ?? bytes.count
            while position < end {
                let step = UTF8Validation.decode(base, at: position, end: end)
                result.append(step.isInvalid ? unknown : ids[step.scalar] ?? unknown)
                position += step.count
            }
            if let match {
                result.append(match.id)
                position = match.end
            }
        }
        return result
    }

    /// The id of a character or special token.
    ///
    /// - Parameter token: One scalar, or a special token.
    /// - Returns: nil when the alphabet lacks it.
    public func id(of token: String) -> Int32? {
        if let id = addedTokens.id(of: token) { return id }
        let scalars = token.unicodeScalars
        guard let first = scalars.first, scalars.count == 1 else { return nil }
        return ids[first.value]
    }

    /// A token's spelling.
    ///
    /// - Parameter id: The id.
    /// - Returns: nil when no token has it.
    public func token(of id: Int32) -> String? {
        addedTokens.token(id)?.content ?? scalars[id].map { String($0) }
    }

    /// Appends the bytes that an id stands for.
    ///
    /// - Parameters:
    ///   - id: The id; one without token adds nothing.
    ///   - bytes: Where the bytes go.
    public func appendBytes(of id: Int32, to bytes: inout [UInt8]) {
        if let token = token(of: id) { bytes.append(contentsOf: token.utf8) }
    }

    /// The tokenizer as a `tokenizer.json`: a word-level model over single scalars.
    ///
    /// - Returns: The document.
    public func tokenizerDocument() -> JSONValue {
        var vocabulary = JSONObject()
        for id in 0..<Int32(vocabularySize) {
            if let token = token(of: id) { vocabulary.append(token, .integer(Int(id))) }
        }
        return TokenizerDocument.characters(
            vocabulary: vocabulary,
            unknown: token(of: unknown) ?? "",
            added: addedTokens
        )
    }
}
