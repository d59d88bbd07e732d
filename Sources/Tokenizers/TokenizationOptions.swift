/// How a text is encoded.
public struct TokenizationOptions: Sendable, Hashable {
    /// A setting of one call.
    public enum Setting<Value: Sendable & Hashable>: Sendable, Hashable {
        /// As the tokenizer's document says.
        case asDocumented
        /// Not at all.
        case off
        /// In this way.
        case use(Value)

        func value(or documented: Value?) -> Value? {
            switch self {
            case .asDocumented: documented
            case .off: nil
            case .use(let value): value
            }
        }
    }

    /// Whether the tokens of the template are wanted.
    public var addsSpecialTokens: Bool
    /// What to do with the text of special tokens.
    public var specialTokens: SpecialTokenHandling
    /// How texts that are too long are cut.
    public var truncation: Setting<TokenizerTruncation>
    /// How texts are filled up.
    public var padding: Setting<TokenizerPadding>

    /// Describes how to encode.
    ///
    /// - Parameters:
    ///   - addsSpecialTokens: Whether the tokens of the template are wanted.
    ///   - specialTokens: What to do with the text of special tokens; ordinary characters by default.
    ///   - truncation: How texts that are too long are cut.
    ///   - padding: How texts are filled up.
    public init(
        addsSpecialTokens: Bool = true,
        specialTokens: SpecialTokenHandling = .asText,
        truncation: Setting<TokenizerTruncation> = .asDocumented,
        padding: Setting<TokenizerPadding> = .asDocumented
    ) {
        self.addsSpecialTokens = addsSpecialTokens
        self.specialTokens = specialTokens
        self.truncation = truncation
        self.padding = padding
    }
}
