import YuyanFileFormats

/// A byte-level byte-pair tokenizer, as GPT-2, GPT-4, Llama 3 and Qwen use.
public final class BPETokenizer: Tokenizer {
    /// How text is cut before merging.
    public let splitRule: SplitRule
    /// The added tokens and the roles of some.
    public let addedTokens: AddedTokens
    /// Whether a space is put before a text that does not begin with one.
    public let addsPrefixSpace: Bool
    /// One more than the largest id.
    public let vocabularySize: Int

    let model: BPEModel
    /// Spellings of tokens that are not made of byte stand-ins, such as "\u{0}" or "<unk>"; decoded as they stand.
    let irregular: [Int32: String]
    private let pool = ScratchPool()

    init(
        model: BPEModel,
        splitRule: SplitRule,
        addedTokens: AddedTokens,
        addsPrefixSpace: Bool = false,
        irregular: [Int32: String] = [:]
    ) {
        self.model = model
        self.splitRule = splitRule
        self.addedTokens = addedTokens
        self.addsPrefixSpace = addsPrefixSpace
        self.irregular = irregular
        vocabularySize = max(
            model.tokens.idLimit,
            Int(addedTokens.all.last?.id ?? -1) + 1,
            Int(irregular.keys.max() ?? -1) + 1
        )
    }

    /// The number of merges.
    public var mergeCount: Int { model.merges.count }

    /// The merges as pairs of spelled tokens, first rank first.
    public var merges: [(String, String)] {
        model.merges.map { (token(of: $0.left) ?? "", token(of: $0.right) ?? "") }
    }

    /// Encodes UTF-8 bytes.
    ///
    /// - Parameters:
    ///   - bytes: The text; ill-formed bytes are encoded as they stand.
    ///   - specialTokens: What to do with the text of special tokens.
    /// - Returns: The ids.
    public func encode(bytes: UnsafeRawBufferPointer, specialTokens: SpecialTokenHandling) -> [Int32] {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return [] }
        let start = base.assumingMemoryBound(to: UInt8.self)
        let matcher = addedTokens.matcher(specialTokens)
        return pool.with { scratch in
            scratch.expect(textBytes: bytes.count)
            if matcher.isEmpty {
                encodePlain(ScannedText(start, end: bytes.count), 0, scratch)
            } else {
                encode(ScannedText(start, end: bytes.count), matcher, scratch)
            }
            return scratch.takeOutput()
        }
    }

    private func encode(_ text: ScannedText, _ matcher: TokenMatcher, _ scratch: EncoderScratch) {
        var position = 0
        while let match = matcher.next(text, from: position) {
            if match.start > position {
                encodePlain(ScannedText(text.bytes, end: match.start), position, scratch)
            }
            scratch.append(match.id)
            position = match.end
        }
        if position < text.end { encodePlain(text, position, scratch) }
    }

    /// Encodes a part of a text that ends at a place where the splitting rule cuts in any case.
    ///
    /// `beginsText` when a space may have to stand before it.
    func encodeStretch(_ text: ScannedText, _ start: Int, beginsText: Bool) -> [Int32] {
        pool.with { scratch in
            scratch.expect(textBytes: text.end - start)
            if beginsText {
                encodePlain(text, start, scratch)
            } else {
                model.encode(text, from: start, rule: splitRule, into: scratch)
            }
            return scratch.takeOutput()
        }
    }

    /// Encodes a stretch without added tokens.
    private func encodePlain(_ text: ScannedText, _ start: Int, _ scratch: EncoderScratch) {
        if addsPrefixSpace, text.bytes[start] != 0x20 {
            let copy = [32] + Array(UnsafeBufferPointer(start: text.bytes + start, count: text.end - start))
            copy.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                model.encode(ScannedText(base, end: buffer.count), from: 0, rule: splitRule, into: scratch)
            }
        } else {
            model.encode(text, from: start, rule: splitRule, into: scratch)
        }
    }

    /// The id of a token as tokenizer files spell it.
    ///
    /// - Parameter token: The spelling, such as "Ġthe".
    /// - Returns: nil when the vocabulary lacks it.
    public func id(of token: String) -> Int32? {
        if let id = addedTokens.id(of: token) { return id }
        if let bytes = ByteAlphabet.bytes(of: token), let id = model.tokens.id(of: bytes) { return Int32(id) }
        return irregular.first { $0.value.utf8.elementsEqual(token.utf8) }?.key
    }

    /// The id of a token given by its bytes.
    ///
    /// - Parameter bytes: The bytes, such as those of " the".
    /// - Returns: nil when the vocabulary lacks it; added tokens do not count.
    public func id(ofBytes bytes: [UInt8]) -> Int32? {
        model.tokens.id(of: bytes).map { Int32($0) }
    }

    /// A token as tokenizer files spell it.
    ///
    /// - Parameter id: The id.
    /// - Returns: nil when no token has it.
    public func token(of id: Int32) -> String? {
        if let token = addedTokens.token(id) { return token.content }
        return irregular[id] ?? model.tokens.bytes(of: Int(id)).map { ByteAlphabet.spell($0) }
    }

    /// Appends the bytes that an id stands for.
    ///
    /// - Parameters:
    ///   - id: The id; one without token adds nothing.
    ///   - bytes: Where the bytes go.
    public func appendBytes(of id: Int32, to bytes: inout [UInt8]) {
        if let token = addedTokens.token(id) {
            bytes.append(contentsOf: token.content.utf8)
        } else if let token = model.tokens.bytes(of: Int(id)) {
            bytes.append(contentsOf: token)
        } else if let token = irregular[id] {
            bytes.append(contentsOf: token.utf8)
        }
    }
}
