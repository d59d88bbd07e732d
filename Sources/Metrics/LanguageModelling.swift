import Foundation

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
    return bitsPerByte(totalNats: totalNats, byteCount: Double(byteCount))
}

/// Returns bits per byte of sums that are kept as floating-point numbers, such as those of resampled texts.
///
/// - Parameters:
///   - totalNats: the sum of negative log-likelihoods in nats over the whole text.
///   - byteCount: the length of the text in bytes of UTF-8.
/// - Returns: the bits per byte; NaN where `byteCount` is not above 0.
public func bitsPerByte(totalNats: Double, byteCount: Double) -> Double {
    byteCount > 0 ? totalNats / (byteCount * log(2.0)) : .nan
}
