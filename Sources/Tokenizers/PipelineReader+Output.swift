import YuyanFileFormats

// What goes around tokens, and the way back to text.

extension PipelineReader {
    // MARK: Post-processors

    func postProcessor(
        _ node: TokenizerNode,
        _ depth: Int
    ) throws(FileFormatError) -> any PostProcessor {
        let type = try node.type()
        switch type {
        case "Sequence":
            let parts = try steps(node.member("processors"), depth, postProcessor)
            guard parts.filter({ $0.addedTokens(isPair: true) > 0 || $0 is TemplateProcessor }).count < 2
            else {
                throw node.fail("processors", "only one of them may add tokens", .unsupported)
            }
            return PostProcessorSequence(steps: parts)
        case "ByteLevel":
            return ByteLevelProcessor(
                addsPrefixSpace: try node.member("add_prefix_space").bool(default: true),
                trimsOffsets: try node.member("trim_offsets").bool(default: true),
                usesPattern: try node.member("use_regex").bool(default: true)
            )
        case "TemplateProcessing": return try template(node)
        case "BertProcessing":
            return BertProcessor(
                separator: try frameToken(node.member("sep")),
                beginning: try frameToken(node.member("cls"))
            )
        case "RobertaProcessing":
            return RobertaProcessor(
                separator: try frameToken(node.member("sep")),
                beginning: try frameToken(node.member("cls")),
                trimsOffsets: try node.member("trim_offsets").bool(),
                addsPrefixSpace: try node.member("add_prefix_space").bool()
            )
        default:
            throw unknown(
                node,
                type,
                "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel and Sequence"
            )
        }
    }

    private static let idRange = 0...TokenVocabulary.idLimit - 1

    private func frameToken(_ node: TokenizerNode) throws(FileFormatError) -> FrameToken {
        let parts = try node.elements()
        guard parts.count == 2 else { throw node.fail("must hold a token and its id") }
        return FrameToken(token: try parts[0].string(), id: Int32(try parts[1].integer(Self.idRange)))
    }

    private func template(_ node: TokenizerNode) throws(FileFormatError) -> TemplateProcessor {
        var specials: [(name: String, ids: [Int32], tokens: [String])] = []
        let table = node.member("special_tokens")
        for (name, _) in try table.object() {
            let entry = table.member(name)
            var ids: [Int32] = []
            for id in try entry.member("ids").elements() { ids.append(Int32(try id.integer(Self.idRange))) }
            var tokens: [String] = []
            for token in try entry.member("tokens").elements() { tokens.append(try token.string()) }
            guard ids.count == tokens.count, ids.count <= 64 else {
                throw entry.fail("must hold as many ids as tokens, at most 64")
            }
            specials.append((name, ids, tokens))
        }
        let single = try pieces(node.member("single"), specials.map(\.name), sequences: 1)
        let pair = try pieces(node.member("pair"), specials.map(\.name), sequences: 2)
        return TemplateProcessor(single: single, pair: pair, specials: specials)
    }

    private func pieces(
        _ node: TokenizerNode,
        _ names: [String],
        sequences: Int
    ) throws(FileFormatError) -> [TemplateProcessor.Piece] {
        var result: [TemplateProcessor.Piece] = []
        let elements = try node.elements()
        guard elements.count <= 64 else { throw node.fail("holds more than 64 pieces", .limitExceeded) }
        for element in elements {
            let members = try element.object()
            guard members.count == 1, let kind = members.first?.key,
                kind == "Sequence" || kind == "SpecialToken"
            else { throw element.fail("must hold one member, Sequence or SpecialToken") }
            let piece = element.member(kind)
            let typeId = Int32(try piece.member("type_id").integer(0...1 << 24))
            let id = try piece.member("id").string()
            if kind == "SpecialToken" {
                guard names.contains(where: { $0.utf8.elementsEqual(id.utf8) }) else {
                    throw piece.fail("id", "'\(id)' is not among the special_tokens", .missing)
                }
                result.append(.special(id, typeId: typeId))
            } else {
                guard let index = ["A": 0, "B": 1][id], index < sequences else {
                    throw piece.fail("id", "must be A\(sequences > 1 ? " or B" : ""), found '\(id)'")
                }
                result.append(.sequence(index, typeId: typeId))
            }
        }
        return result
    }

    /// What a template puts in must be a token.
    func checkFrame(_ parts: PipelineTokenizer.Parts) throws(FileFormatError) {
        guard let processor = parts.postProcessor else { return }
        for isPair in [false, true] {
            let texts = [TokenizedText](repeating: TokenizedText(), count: isPair ? 2 : 1)
            for id in processor.process(texts, addsSpecialTokens: true).flatMap(\.ids) {
                guard parts.addedTokens.token(id) != nil || parts.model.token(of: id) != nil else {
                    throw document.member("post_processor").fail("the id \(id) is no token", .missing)
                }
            }
        }
    }

    // MARK: Decoders

    func decoder(_ node: TokenizerNode, _ depth: Int) throws(FileFormatError) -> any TokenDecoder {
        let type = try node.type()
        switch type {
        case "Sequence": return DecoderSequence(steps: try steps(node.member("decoders"), depth, decoder))
        case "WordPiece":
            return WordPieceDecoder(
                prefix: try text(node.member("prefix"), isEmptyAllowed: true),
                cleansUp: try node.member("cleanup").bool()
            )
        case "ByteLevel": return ByteLevelDecoder(settings: node.value)
        case "Metaspace": return MetaspaceDecoder(pre: try metaspace(node))
        case "BPEDecoder": return BPESuffixDecoder(suffix: try text(node.member("suffix")))
        case "ByteFallback": return ByteFallbackDecoder()
        case "Fuse": return FuseDecoder()
        case "Strip":
            return StripDecoder(
                content: try node.member("content").scalar(),
                start: try node.member("start").integer(0...1 << 20),
                stop: try node.member("stop").integer(0...1 << 20)
            )
        case "Replace":
            return ReplaceDecoder(
                pattern: try pattern(node.member("pattern")),
                content: try text(node.member("content"), isEmptyAllowed: true)
            )
        case "CTC":
            return CTCDecoder(
                padding: try text(node.member("pad_token")),
                wordDelimiter: try text(node.member("word_delimiter_token")),
                cleansUp: try node.member("cleanup").bool()
            )
        default:
            throw unknown(
                node,
                type,
                "WordPiece, ByteLevel, Metaspace, BPEDecoder, ByteFallback, Fuse, Strip, Replace, CTC and Sequence"
            )
        }
    }

    // MARK: Truncation and padding

    private func side(_ node: TokenizerNode) throws(FileFormatError) -> TokenizerSide {
        if node.value.isNull { return .right }
        guard let side = TokenizerSide(rawValue: try node.string()) else {
            throw node.fail("must be Left or Right")
        }
        return side
    }

    func truncation(_ node: TokenizerNode) throws(FileFormatError) -> TokenizerTruncation? {
        if node.value.isNull { return nil }
        let name = node.member("strategy")
        guard let strategy = TokenizerTruncation.Strategy(rawValue: try name.string()) else {
            throw name.fail("must be LongestFirst, OnlyFirst or OnlySecond")
        }
        return TokenizerTruncation(
            maximumLength: try node.member("max_length").integer(0...Int.max),
            stride: try node.member("stride").integer(0...Int.max),
            strategy: strategy,
            side: try side(node.member("direction"))
        )
    }

    func padding(_ node: TokenizerNode) throws(FileFormatError) -> TokenizerPadding? {
        if node.value.isNull { return nil }
        let strategy = node.member("strategy")
        let length: TokenizerPadding.Length
        if strategy.value == "BatchLongest" {
            length = .longest
        } else if strategy.value["Fixed"] != nil {
            length = .fixed(try strategy.member("Fixed").integer(0...1 << 17))
        } else {
            throw strategy.fail("must be BatchLongest or an object with the member Fixed")
        }
        return TokenizerPadding(
            length: length,
            multiple: try node.member("pad_to_multiple_of").integer(0...1 << 17, default: 0),
            id: Int32(try node.member("pad_id").integer(Self.idRange)),
            typeId: Int32(try node.member("pad_type_id").integer(0...1 << 24)),
            token: try node.member("pad_token").string(),
            side: try side(node.member("direction"))
        )
    }
}
