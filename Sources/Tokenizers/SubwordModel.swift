import YuyanFileFormats

/// One token of a piece of text: its id and the bytes of the piece that it covers.
public struct SubwordToken: Sendable, Hashable {
    /// The id.
    public var id: Int32
    /// The offset of its first byte inside the piece.
    public var start: Int32
    /// The offset after its last byte.
    public var end: Int32

    /// A token.
    ///
    /// - Parameters:
    ///   - id: The id.
    ///   - start: The offset of its first byte inside the piece.
    ///   - end: The offset after its last byte.
    public init(id: Int32, start: Int32, end: Int32) { (self.id, self.start, self.end) = (id, start, end) }
}

/// The model of a tokenizer: cuts one normalised, pre-tokenised piece into tokens of a vocabulary.
///
/// Models are immutable and may be used from any number of threads at once.
package protocol SubwordModel: Sendable {
    /// One more than the largest id.
    var vocabularySize: Int { get }

    /// Appends the tokens of a piece.
    ///
    /// - Parameters:
    ///   - piece: UTF-8 bytes, not empty.
    ///   - output: Where the tokens go, in order.
    func encode(_ piece: UnsafeBufferPointer<UInt8>, into output: inout [SubwordToken])

    /// The id of a token as tokenizer files spell it; nil when the vocabulary lacks it.
    func id(of token: String) -> Int32?

    /// A token as tokenizer files spell it; nil when no token has the id.
    func token(of id: Int32) -> String?

    /// The member `model` of a `tokenizer.json` in the Hugging Face layout.
    func document() -> JSONValue
}
