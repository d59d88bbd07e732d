import YuyanFileFormats

/// What is done with the tokens of a text or a pair: the tokens of a template around them, trimmed offsets.
///
/// Post-processors are immutable and may be used from any number of threads at once.
protocol PostProcessor: Sendable {
    /// How many tokens are added to a text or a pair.
    func addedTokens(isPair: Bool) -> Int

    /// Works on texts that will be joined in order.
    ///
    /// - Parameters:
    ///   - texts: One text, or two.
    ///   - addsSpecialTokens: Whether the tokens of the template are wanted.
    /// - Returns: The parts to be joined.
    func process(_ texts: [TokenizedText], addsSpecialTokens: Bool) -> [TokenizedText]

    /// The post-processor as an entry of a `tokenizer.json` in the Hugging Face layout.
    func document() -> JSONValue
}

/// Several post-processors, one after the other.
struct PostProcessorSequence: PostProcessor {
    let steps: [any PostProcessor]

    func addedTokens(isPair: Bool) -> Int { steps.reduce(0) { $0 + $1.addedTokens(isPair: isPair) } }

    func process(_ texts: [TokenizedText], addsSpecialTokens: Bool) -> [TokenizedText] {
        steps.reduce(texts) { $1.process($0, addsSpecialTokens: addsSpecialTokens) }
    }

    func document() -> JSONValue { ["type": "Sequence", "processors": .array(steps.map { $0.document() })] }
}

/// A token that a post-processor adds.
struct FrameToken: Sendable, Hashable {
    let token: String
    let id: Int32

    /// The token as files hold it: a pair.
    var document: JSONValue { [.string(token), .integer(Int(id))] }

    /// The token as a text of its own.
    func text(typeId: Int32) -> TokenizedText {
        var text = TokenizedText()
        text.append(id, typeId: typeId, 0..<0, word: -1, sequence: -1, isSpecial: true)
        return text
    }
}

/// A template of special tokens around one text or two.
struct TemplateProcessor: PostProcessor {
    /// A part of a template.
    enum Piece: Sendable, Hashable {
        /// A text: 0 or 1.
        case sequence(Int, typeId: Int32)
        /// Special tokens by the name of their entry.
        case special(String, typeId: Int32)
    }

    let single: [Piece]
    let pair: [Piece]
    /// The ids and spellings behind each name.
    let specials: [(name: String, ids: [Int32], tokens: [String])]

    func addedTokens(isPair: Bool) -> Int {
        (isPair ? pair : single).reduce(0) { sum, piece in
            if case .special(let name, _) = piece { sum + ids(name).count } else { sum }
        }
    }

    /// The ids behind a name.
    func ids(_ name: String) -> [Int32] {
        specials.first { $0.name.utf8.elementsEqual(name.utf8) }?.ids ?? []
    }

    func process(_ texts: [TokenizedText], addsSpecialTokens: Bool) -> [TokenizedText] {
        var result: [TokenizedText] = []
        for piece in texts.count > 1 ? pair : single {
            switch piece {
            case .sequence(let index, let typeId):
                guard index < texts.count else { continue }
                var text = texts[index]
                text.typeIds = [Int32](repeating: typeId, count: text.count)
                result.append(text)
            case .special(let name, let typeId):
                guard addsSpecialTokens else { continue }
                var text = TokenizedText()
                for id in ids(name) {
                    text.append(id, typeId: typeId, 0..<0, word: -1, sequence: -1, isSpecial: true)
                }
                result.append(text)
            }
        }
        return result
    }

    func document() -> JSONValue {
        var tokens = JSONObject()
        for special in specials {
            tokens[special.name] = [
                "id": .string(special.name), "ids": .array(special.ids.map { .integer(Int($0)) }),
                "tokens": .array(special.tokens.map { .string($0) }),
            ]
        }
        return [
            "type": "TemplateProcessing", "single": .array(single.map(Self.document)),
            "pair": .array(pair.map(Self.document)), "special_tokens": .object(tokens),
        ]
    }

    private static func document(_ piece: Piece) -> JSONValue {
        switch piece {
        case .sequence(let index, let typeId):
            ["Sequence": ["id": index == 0 ? "A" : "B", "type_id": .integer(Int(typeId))]]
        case .special(let name, let typeId):
            ["SpecialToken": ["id": .string(name), "type_id": .integer(Int(typeId))]]
        }
    }
}

/// BERT's frame: [CLS] A [SEP] B [SEP].
struct BertProcessor: PostProcessor {
    let separator: FrameToken
    let beginning: FrameToken

    func addedTokens(isPair: Bool) -> Int { isPair ? 3 : 2 }

    func process(_ texts: [TokenizedText], addsSpecialTokens: Bool) -> [TokenizedText] {
        guard addsSpecialTokens else { return texts }
        return texts.enumerated().map { index, text in
            let parts =
                index == 0
                ? [beginning.text(typeId: 0), text, separator.text(typeId: 0)]
                : [text, separator.text(typeId: 1)]
            return joined(parts)
        }
    }

    func document() -> JSONValue {
        ["type": "BertProcessing", "sep": separator.document, "cls": beginning.document]
    }
}

/// RoBERTa's frame: <s> A </s></s> B </s>, all of segment 0.
struct RobertaProcessor: PostProcessor {
    let separator: FrameToken
    let beginning: FrameToken
    let trimsOffsets: Bool
    let addsPrefixSpace: Bool

    func addedTokens(isPair: Bool) -> Int { isPair ? 4 : 2 }

    func process(_ texts: [TokenizedText], addsSpecialTokens: Bool) -> [TokenizedText] {
        var texts = texts
        for index in texts.indices {
            if trimsOffsets { texts[index].trimOffsets(addsPrefixSpace: addsPrefixSpace) }
            texts[index].typeIds = [Int32](repeating: 0, count: texts[index].count)
            guard addsSpecialTokens else { continue }
            for piece in texts[index].overflowing.indices {
                let count = texts[index].overflowing[piece].count
                texts[index].overflowing[piece].typeIds = [Int32](repeating: 0, count: count)
            }
        }
        guard addsSpecialTokens else { return texts }
        return texts.enumerated().map { index, text in
            joined([(index == 0 ? beginning : separator).text(typeId: 0), text, separator.text(typeId: 0)])
        }
    }

    func document() -> JSONValue {
        [
            "type": "RobertaProcessing", "sep": separator.document, "cls": beginning.document,
            "trim_offsets": .bool(trimsOffsets), "add_prefix_space": .bool(addsPrefixSpace),
        ]
    }
}

/// Trims the offsets of byte-level tokens to what is no space.
struct ByteLevelProcessor: PostProcessor {
    let addsPrefixSpace: Bool
    let trimsOffsets: Bool
    let usesPattern: Bool

    func addedTokens(isPair: Bool) -> Int { 0 }

    func process(_ texts: [TokenizedText], addsSpecialTokens: Bool) -> [TokenizedText] {
        guard trimsOffsets else { return texts }
        var texts = texts
        for index in texts.indices { texts[index].trimOffsets(addsPrefixSpace: addsPrefixSpace) }
        return texts
    }

    func document() -> JSONValue {
        [
            "type": "ByteLevel", "add_prefix_space": .bool(addsPrefixSpace),
            "trim_offsets": .bool(trimsOffsets), "use_regex": .bool(usesPattern),
        ]
    }
}

private func joined(_ parts: [TokenizedText]) -> TokenizedText {
    parts.dropFirst().reduce(into: parts[0]) { $0.merge($1) }
}

extension TokenizedText {
    /// Leaves spaces out of the offsets, except the one space that was put in front of the text.
    mutating func trimOffsets(addsPrefixSpace: Bool) {
        for index in overflowing.indices { overflowing[index].trimOffsets(addsPrefixSpace: addsPrefixSpace) }
        for index in rawOffsets.indices {
            let isFirst = index == 0 || rawOffsets[index].lowerBound == 0
            if addsPrefixSpace, isFirst, spaces[index].leading == 1 { spaces[index].leading = 0 }
            spaces[index].isTrimmed = true
        }
    }
}
