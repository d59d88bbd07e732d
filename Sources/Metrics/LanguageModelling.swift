import Foundation

/// Adds up a language model's losses and gives its figures.
///
/// Losses are sums of negative log-likelihoods in nats (natural logarithm), as cross-entropy gives them.
public struct LanguageModelScore: Sendable, Equatable {
    /// The sum of negative log-likelihoods over all scored tokens, in nats.
    public private(set) var totalNats: Double = 0
    /// The number of scored tokens.
    public private(set) var tokenCount: Int = 0
    /// The number of bytes of UTF-8 text that the scored tokens stand for; 0 when it is not known.
    public private(set) var byteCount: Int = 0
    private var correction: Double = 0

    /// Creates a score of nothing.
    public init() {}

    /// Adds the losses of some tokens.
    ///
    /// Traps when a count is negative.
    ///
    /// - Parameters:
    ///   - nats: the sum of their negative log-likelihoods.
    ///   - tokens: how many tokens were scored.
    ///   - bytes: how many bytes of text they stand for, when that is known for each part.
    public mutating func add(nats: Double, tokens: Int, bytes: Int = 0) {
        require(
            tokens >= 0 && bytes >= 0,
            "LanguageModelScore: counts cannot be negative (\(tokens), \(bytes))"
        )
        let adjusted = nats - correction
        let sum = totalNats + adjusted
        correction = sum.isFinite ? (sum - totalNats) - adjusted : 0
        totalNats = sum
        tokenCount += tokens
        byteCount += bytes
    }

    /// The mean loss per token in nats; NaN when nothing was scored.
    public var meanLoss: Double { tokenCount == 0 ? .nan : totalNats / Double(tokenCount) }

    /// The perplexity per token, e to the mean loss; NaN when nothing was scored.
    public var perplexity: Double { exp(meanLoss) }

    /// The bits needed per byte of text, comparable between tokenizers; NaN when no bytes were counted.
    public var bitsPerByte: Double { YuyanMetrics.bitsPerByte(totalNats: totalNats, byteCount: byteCount) }
}

/// Returns the perplexity of tokens: e to the mean negative log-likelihood.
///
/// Traps when `tokenCount` is negative.
///
/// - Parameters:
///   - totalNats: the sum of negative log-likelihoods in nats.
///   - tokenCount: how many tokens they belong to.
/// - Returns: the perplexity; NaN for no tokens.
public func perplexity(totalNats: Double, tokenCount: Int) -> Double {
    require(tokenCount >= 0, "perplexity: the number of tokens cannot be negative (\(tokenCount))")
    return tokenCount == 0 ? .nan : exp(totalNats / Double(tokenCount))
}

/// Returns bits per byte: the negative log-likelihood of a text in bits, divided by its bytes.
///
/// The figure does not depend on how the text was cut into tokens, so models with different tokenizers
/// can be compared by it, and with compressors.
///
/// Traps when `byteCount` is negative.
///
/// - Parameters:
///   - totalNats: the sum of negative log-likelihoods in nats over the whole text.
///   - byteCount: the length of the text in bytes of UTF-8.
/// - Returns: the bits per byte; NaN for no bytes.
public func bitsPerByte(totalNats: Double, byteCount: Int) -> Double {
    require(byteCount >= 0, "bitsPerByte: the number of bytes cannot be negative (\(byteCount))")
    return byteCount == 0 ? .nan : totalNats / (Double(byteCount) * log(2.0))
}
