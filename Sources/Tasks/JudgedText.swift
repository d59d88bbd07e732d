import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics
import YuyanTokenizers
import YuyanTraining

/// The losses of a text's tokens, added up by parts that models with other tokenizers have, too: its documents, or
/// stretches of bytes where it is one document.
struct JudgedText {
    private let shard: TokenShard
    private let tokenizer: any Tokenizer
    private let hasEnds: Bool
    private let isolatesDocuments: Bool
    /// The bytes that each token stands for; nil where tokens are not added one by one.
    private let tokenBytes: [Int]?
    private var nats: [Double]
    /// The document at hand and its end.
    private var document = 0
    private var end: Int
    /// The bytes of the tokens so far, of a text of one document.
    private var offset = 0

    /// The bytes of a stretch.
    private static let stretch = 1024

    /// A text whose tokens are added next.
    ///
    /// - Parameters:
    ///   - shard: The tokens.
    ///   - tokenizer: What made them.
    ///   - endOfText: The token that ends documents; without one, first tokens have no loss.
    ///   - isolatesDocuments: Whether nothing is seen of the documents before.
    ///   - tokenBytes: The bytes that each token stands for; nil where tokens are not added one by one.
    init(
        _ shard: TokenShard,
        _ tokenizer: any Tokenizer,
        endOfText: Int32?,
        isolatesDocuments: Bool,
        tokenBytes: [Int]? = nil
    ) {
        (self.shard, self.tokenizer, hasEnds) = (shard, tokenizer, endOfText != nil)
        (self.isolatesDocuments, self.tokenBytes) = (isolatesDocuments, tokenBytes)
        nats = [Double](repeating: 0, count: shard.documentCount > 1 ? shard.documentCount : 0)
        end = shard.documentCount > 0 ? shard.range(ofDocument: 0).upperBound : 0
    }

    /// Adds the loss of the next token.
    ///
    /// - Parameters:
    ///   - loss: The loss in nats.
    ///   - token: The token.
    ///   - number: Its number among the tokens of the text that could have a loss, which rises from call to call.
    mutating func add(_ loss: Double, of token: Int32, number: Int) {
        guard shard.documentCount <= 1 else {
            add(loss, at: (hasEnds ? 0 : 1) + number)
            return
        }
        let place = offset / Self.stretch
        while nats.count <= place { nats.append(0) }
        nats[place] += loss
        offset += tokenBytes?[Int(token)] ?? 0
    }

    /// Adds the loss of the next tokens of a document.
    ///
    /// - Parameters:
    ///   - loss: The sum of their losses in nats.
    ///   - place: The place of the first of them in the text.
    mutating func add(_ loss: Double, at place: Int) {
        guard shard.documentCount > 1 else { return }
        while place >= end, document + 1 < shard.documentCount {
            document += 1
            end = shard.range(ofDocument: document).upperBound
        }
        nats[document] += loss
    }

    // MARK: Comparing

    /// What each part came to: nats and bytes.
    ///
    /// - Returns: The parts with the fingerprints of their text.
    /// - Throws: ``RecipeError`` where there is one part only; `CancellationError` after a stop signal.
    func outcomes() throws -> ExampleOutcomes {
        var statistics = ExampleStatistics(width: 2)
        var examples: [String] = []
        func add(_ nats: Double, _ bytes: some Collection<UInt8>) throws {
            guard StopSignal.received == nil else { throw CancellationError() }
            statistics.append([nats, Double(bytes.count)])
            examples.append(SHA256.hex(of: bytes))
        }
        if shard.documentCount > 1 {
            for (document, nats) in nats.enumerated() { try add(nats, text(document)) }
        } else {
            let text = shard.documentCount == 0 ? [] : text(0)
            guard tokenBytes != nil, text.count >= 2 * Self.stretch else {
                throw RecipeError(
                    "--against: the text is a single document, which models are compared over by stretches of "
                        + "\(Self.stretch) bytes if it has several and no model is of n-grams; name a text of several "
                        + "documents with --data"
                )
            }
            // White space before the text, which a token may stand for, moves its end by a byte.
            let count = (text.count + Self.stretch - 1) / Self.stretch
            for place in 0..<count {
                let rest = place == count - 1 ? nats.dropFirst(count).reduce(0, +) : 0
                let own = place < nats.count ? nats[place] + rest : 0
                try add(own, text[place * Self.stretch..<min((place + 1) * Self.stretch, text.count)])
            }
        }
        let bits = OutcomeFigure(
            "bits_per_byte",
            .sums(statistics) { sums, _ in bitsPerByte(totalNats: sums[0], byteCount: sums[1]) }
        )
        return ExampleOutcomes(
            unit: shard.documentCount > 1 ? "documents" : "stretches of \(Self.stretch) bytes",
            examples: examples,
            rules: hasEnds ? "all tokens and the ends of documents" : "tokens without first ones and ends",
            rulesAdvice: "both tokenizers must have an end-of-text token, or neither",
            advice:
                "name one text for both with --data; where that is so, a tokenizer does not give it back byte by "
                + "byte (lower case, unknown tokens), and its model can be compared with models of the same one only",
            figures: [bits]
        )
    }

    /// The bytes of a document's tokens that have losses.
    private func text(_ document: Int) -> [UInt8] {
        let range = shard.range(ofDocument: document)
        let skipsFirst = !hasEnds && (isolatesDocuments || document == 0)
        let places = min(range.lowerBound + (skipsFirst ? 1 : 0), range.upperBound)..<range.upperBound
        return tokenizer.decodeBytes(shard[places], skippingSpecialTokens: true)
    }
}
