/// A conversation as ids, with a mask of what a model is trained to write.
public struct ChatTokens: Sendable, Hashable {
    /// The ids.
    public let ids: [Int32]
    /// 1 for the ids to train on, 0 for the others; one per id.
    public let mask: [UInt8]

    init(ids: [Int32], mask: [UInt8]) {
        self.ids = ids
        self.mask = mask
    }
}

extension ChatTrainingText {
    /// Encodes the text, special tokens recognized and none put around it: a chat template writes its own.
    ///
    /// An id is trained on when one of its bytes is. Where a tokenizer does not tell which bytes an id came from, and
    /// its ids do not spell the text byte by byte, the parts are encoded one by one; then no id crosses a border.
    ///
    /// - Parameter tokenizer: The tokenizer.
    /// - Returns: The ids and the mask.
    /// - Throws: `TokenizationError` when the tokenizer refuses the text.
    public func encoded(with tokenizer: any Tokenizer) throws(TokenizationError) -> ChatTokens {
        if let pipeline = tokenizer as? PipelineTokenizer {
            let options = TokenizationOptions(
                addsSpecialTokens: false,
                specialTokens: .recognized,
                truncation: .off,
                padding: .off
            )
            let tokens = try pipeline.tokenize(text, options: options)
            return ChatTokens(ids: tokens.ids, mask: mask(tokens.offsets))
        }
        let ids = tokenizer.encode(text, specialTokens: .recognized)
        if let offsets = spelledOffsets(ids, tokenizer) { return ChatTokens(ids: ids, mask: mask(offsets)) }
        return encodedInParts(with: tokenizer)
    }

    /// The bytes of each id, when together they spell the text.
    private func spelledOffsets(_ ids: [Int32], _ tokenizer: any Tokenizer) -> [Range<Int>]? {
        guard !tokenizer.decodesInContext else { return nil }
        var offsets: [Range<Int>] = []
        offsets.reserveCapacity(ids.count)
        var bytes: [UInt8] = []
        for id in ids {
            let start = bytes.count
            tokenizer.appendBytes(of: id, to: &bytes)
            offsets.append(start..<bytes.count)
        }
        return bytes.count == text.utf8.count && bytes.elementsEqual(text.utf8) ? offsets : nil
    }

    /// One for each range that shares a byte with a span; both are in order.
    private func mask(_ offsets: [Range<Int>]) -> [UInt8] {
        var next = 0
        return offsets.map { range in
            while next < spans.count, spans[next].upperBound <= range.lowerBound { next += 1 }
            return next < spans.count && spans[next].overlaps(range) ? 1 : 0
        }
    }

    private func encodedInParts(with tokenizer: any Tokenizer) -> ChatTokens {
        let bytes = Array(text.utf8)
        var ids: [Int32] = []
        var mask: [UInt8] = []
        func append(_ range: Range<Int>, _ isTrained: UInt8) {
            guard !range.isEmpty else { return }
            let part = tokenizer.encode(bytes: Array(bytes[range]), specialTokens: .recognized)
            ids += part
            mask += [UInt8](repeating: isTrained, count: part.count)
        }
        var start = 0
        for span in spans {
            append(start..<span.lowerBound, 0)
            append(span, 1)
            start = span.upperBound
        }
        append(start..<bytes.count, 0)
        return ChatTokens(ids: ids, mask: mask)
    }
}
