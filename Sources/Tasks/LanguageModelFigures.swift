import YuyanMetrics
import YuyanTokenizers

/// What a language model of any family is judged by.
struct LanguageModelFigures {
    /// The sum of the losses of all targets in nats.
    let nats: Double
    /// The number of targets.
    let tokens: Int
    /// The bytes of text that they stand for.
    let bytes: Int

    /// `eval_loss` (nats per token), `eval_perplexity`, `eval_bits_per_byte`, `eval_tokens`, `eval_bytes`.
    var metrics: [String: Double] {
        [
            "eval_loss": tokens > 0 ? nats / Double(tokens) : .nan,
            "eval_perplexity": perplexity(totalNats: nats, tokenCount: tokens),
            "eval_bits_per_byte": bitsPerByte(totalNats: nats, byteCount: bytes),
            "eval_tokens": Double(tokens),
            "eval_bytes": Double(bytes),
        ]
    }

    /// The bytes that each token stands for between others, white space before it included; none for special ones.
    static func byteCounts(_ tokenizer: any Tokenizer) -> [Int] {
        (0..<tokenizer.vocabularySize).map { id in
            let id = Int32(id)
            if tokenizer.addedTokens.token(id)?.isSpecial == true { return 0 }
            var bytes: [UInt8] = []
            tokenizer.appendBytes(of: id, to: &bytes)
            return bytes.count
        }
    }
}
