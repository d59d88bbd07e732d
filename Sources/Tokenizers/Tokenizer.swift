import YuyanFileFormats

/// Turns text into ids and back.
///
/// All implementations work on UTF-8 bytes and Unicode scalars, are immutable, and may be used from any number of threads
/// at once.
public protocol Tokenizer: Sendable {
    /// One more than the largest id: the number of rows an embedding table needs.
    var vocabularySize: Int { get }
    /// The added tokens and the roles of some.
    var addedTokens: AddedTokens { get }

    /// Encodes UTF-8 bytes; what is ill-formed is encoded all the same, by bytes where the tokenizer has them.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - specialTokens: What to do with the text of special tokens.
    /// - Returns: The ids.
    func encode(bytes: UnsafeRawBufferPointer, specialTokens: SpecialTokenHandling) -> [Int32]

    /// The id of a token as tokenizer files spell it ("Ġthe" for byte-level vocabularies).
    ///
    /// - Parameter token: The spelling.
    /// - Returns: nil when the vocabulary lacks it.
    func id(of token: String) -> Int32?

    /// A token as tokenizer files spell it.
    ///
    /// - Parameter id: The id.
    /// - Returns: nil when no token has it.
    func token(of id: Int32) -> String?

    /// Appends the bytes that an id stands for; an id without token adds nothing.
    ///
    /// - Parameters:
    ///   - id: The id.
    ///   - bytes: Where the bytes go.
    func appendBytes(of id: Int32, to bytes: inout [UInt8])

    /// Encodes text with what the model expects around it, as Hugging Face's `encode` does by default.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - specialTokens: What to do with the text of special tokens.
    /// - Returns: The prefix, the ids of the text, the suffix.
    func encodeFramed(_ text: String, specialTokens: SpecialTokenHandling) -> [Int32]

    /// The bytes that ids stand for.
    ///
    /// - Parameters:
    ///   - ids: The ids.
    ///   - skippingSpecialTokens: Whether special tokens add nothing.
    /// - Returns: The bytes; not always well-formed UTF-8, since a character may be spread over several ids.
    func decodeBytes(_ ids: some Sequence<Int32>, skippingSpecialTokens: Bool) -> [UInt8]

    /// Whether what an id stands for depends on the ids around it.
    var decodesInContext: Bool { get }

    /// The tokenizer as the content of a `tokenizer.json` in the Hugging Face layout.
    ///
    /// - Returns: The document.
    func tokenizerDocument() -> JSONValue
}

extension Tokenizer {
    /// Encodes text.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - specialTokens: What to do with the text of special tokens; ordinary characters by default.
    /// - Returns: The ids.
    public func encode(_ text: String, specialTokens: SpecialTokenHandling = .asText) -> [Int32] {
        var text = text
        return text.withUTF8 { encode(bytes: UnsafeRawBufferPointer($0), specialTokens: specialTokens) }
    }

    /// Encodes text with what the model expects around it, special tokens in it as ordinary characters.
    ///
    /// - Parameter text: The text.
    /// - Returns: The prefix, the ids of the text, the suffix.
    public func encodeFramed(_ text: String) -> [Int32] { encodeFramed(text, specialTokens: .asText) }

    /// Encodes text with what the model expects around it.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - specialTokens: What to do with the text of special tokens.
    /// - Returns: The prefix, the ids of the text, the suffix.
    public func encodeFramed(_ text: String, specialTokens: SpecialTokenHandling) -> [Int32] {
        addedTokens.prefix + encode(text, specialTokens: specialTokens) + addedTokens.suffix
    }

    /// False: every id stands for the same bytes everywhere.
    public var decodesInContext: Bool { false }

    /// Encodes bytes.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8 text.
    ///   - specialTokens: What to do with the text of special tokens; ordinary characters by default.
    /// - Returns: The ids.
    public func encode(bytes: [UInt8], specialTokens: SpecialTokenHandling = .asText) -> [Int32] {
        bytes.withUnsafeBytes { encode(bytes: $0, specialTokens: specialTokens) }
    }

    /// The bytes that ids stand for, special tokens included.
    ///
    /// - Parameter ids: The ids.
    /// - Returns: The bytes; not always well-formed UTF-8.
    public func decodeBytes(_ ids: some Sequence<Int32>) -> [UInt8] {
        decodeBytes(ids, skippingSpecialTokens: false)
    }

    /// The bytes that ids stand for, one after the other.
    ///
    /// - Parameters:
    ///   - ids: The ids.
    ///   - skippingSpecialTokens: Whether special tokens add nothing.
    /// - Returns: The bytes; not always well-formed UTF-8, since a character may be spread over several ids.
    public func decodeBytes(_ ids: some Sequence<Int32>, skippingSpecialTokens: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        for id in ids {
            if skippingSpecialTokens, addedTokens.token(id)?.isSpecial == true { continue }
            appendBytes(of: id, to: &bytes)
        }
        return bytes
    }

    /// The text that ids stand for; every ill-formed piece becomes one U+FFFD.
    ///
    /// - Parameters:
    ///   - ids: The ids.
    ///   - skippingSpecialTokens: Whether special tokens add nothing.
    /// - Returns: The text.
    public func decode(_ ids: some Sequence<Int32>, skippingSpecialTokens: Bool = false) -> String {
        String(decoding: decodeBytes(ids, skippingSpecialTokens: skippingSpecialTokens), as: UTF8.self)
    }

    /// The id of the token that ends a text or stands between documents, if there is one.
    public var endOfText: Int32? { addedTokens.endOfText }
}

/// Decodes id by id and hands out text only in whole characters.
///
/// The texts returned, joined, equal `decode` of all ids.
public struct StreamingDecoder: Sendable {
    private let tokenizer: any Tokenizer
    private let skipsSpecialTokens: Bool
    private var pending: [UInt8] = []
    /// Where decoding depends on the context: the ids since the last text handed out, and how many before them give it.
    private var window: [Int32] = []
    private var known = 0

    /// Starts with nothing pending.
    ///
    /// - Parameters:
    ///   - tokenizer: The tokenizer of the ids.
    ///   - skippingSpecialTokens: Whether special tokens add nothing.
    public init(_ tokenizer: any Tokenizer, skippingSpecialTokens: Bool = true) {
        self.tokenizer = tokenizer
        skipsSpecialTokens = skippingSpecialTokens
    }

    /// Takes the next id.
    ///
    /// - Parameter id: The id.
    /// - Returns: The text that is now certain; empty while a character is incomplete.
    public mutating func append(_ id: Int32) -> String {
        if skipsSpecialTokens, tokenizer.addedTokens.token(id)?.isSpecial == true { return "" }
        if tokenizer.decodesInContext {
            appendInContext(id)
        } else {
            tokenizer.appendBytes(of: id, to: &pending)
        }
        let complete = pending.count - Self.incompleteTail(pending)
        guard complete > 0 else { return "" }
        let text = String(decoding: pending[..<complete], as: UTF8.self)
        pending.removeFirst(complete)
        return text
    }

    /// Appends what an id adds to the text of the ids before it.
    private mutating func appendInContext(_ id: Int32) {
        let before = tokenizer.decodeBytes(window[..<known], skippingSpecialTokens: false)
        window.append(id)
        let after = tokenizer.decodeBytes(window, skippingSpecialTokens: false)
        let isOpen = after.suffix(3).elementsEqual([0xEF, 0xBF, 0xBD])
        guard !isOpen || window.count - known > 8, after.count >= before.count else { return }
        pending.append(contentsOf: after[before.count...])
        window.removeFirst(known)
        known = window.count
    }

    /// Ends the stream.
    ///
    /// - Returns: U+FFFD when a character was left incomplete, else nothing.
    public mutating func finish() -> String {
        if known < window.count {
            let before = tokenizer.decodeBytes(window[..<known], skippingSpecialTokens: false)
            let after = tokenizer.decodeBytes(window, skippingSpecialTokens: false)
            pending.append(contentsOf: after.dropFirst(before.count))
        }
        defer { (pending, window, known) = ([], [], 0) }
        return String(decoding: pending, as: UTF8.self)
    }

    /// How many bytes at the end may still become one character.
    private static func incompleteTail(_ bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let lead = bytes[bytes.count - length]
            if lead & 0xC0 == 0x80 { continue }
            let needed =
                lead >= 0xF0 && lead <= 0xF4
                ? 4 : (lead >= 0xE0 && lead < 0xF0 ? 3 : (lead >= 0xC2 && lead < 0xE0 ? 2 : 1))
            guard needed > length else { return 0 }
            // A second byte that can never follow this lead makes the piece final.
            guard length > 1 else { return 1 }
            let second = bytes[bytes.count - length + 1]
            switch lead {
            case 0xE0 where second < 0xA0, 0xED where second > 0x9F, 0xF0 where second < 0x90,
                0xF4 where second > 0x8F:
                return 0
            default: return length
            }
        }
        return 0
    }
}
