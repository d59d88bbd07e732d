import YuyanFileFormats

extension SentencePieceTokenizer {
    /// The tokenizer as a `tokenizer.json` in the Hugging Face layout.
    ///
    /// Unigram models become `Unigram`, models of merges and of characters `BPE`, models of words `WordLevel`; the rules of
    /// normalisation become `Precompiled`, white space `Metaspace`. Where that layout cannot say what SentencePiece does, ids
    /// may differ: text whose replacement depends on more than a grapheme, near ties of long texts (SentencePiece rounds to 32
    /// bits), user-defined pieces that the rules of normalisation would change, white space as suffix (written as a prefix),
    /// bytes that are not UTF-8.
    ///
    /// - Returns: The document.
    public func tokenizerDocument() -> JSONValue {
        [
            "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": .array(addedTokenEntries()),
            "normalizer": normalizerEntry(), "pre_tokenizer": metaspace(), "post_processor": nil,
            "decoder": decoderEntry(), "model": modelEntry(),
        ]
    }

    private func addedTokenEntries() -> [JSONValue] {
        file.pieces.enumerated().compactMap { id, piece in
            guard piece.kind == .control || piece.kind == .unknown || piece.kind == .userDefined else {
                return nil
            }
            let isText = piece.kind == .userDefined
            return [
                "id": .integer(id), "content": .string(piece.text), "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": .bool(isText), "special": .bool(!isText),
            ]
        }
    }

    private func normalizerEntry() -> JSONValue {
        func replace(_ pattern: String, _ content: String) -> JSONValue {
            ["type": "Replace", "pattern": ["Regex": .string(pattern)], "content": .string(content)]
        }
        var steps: [JSONValue] = []
        if !file.normalizer.precompiledCharsmap.isEmpty {
            steps.append([
                "type": "Precompiled",
                "precompiled_charsmap": .string(Base64.encode(file.normalizer.precompiledCharsmap)),
            ])
        }
        if file.normalizer.removesExtraWhitespace {
            steps.append(replace("^ +| +$", ""))
            steps.append(replace(" {2,}", " "))
        }
        return steps.isEmpty ? nil : ["type": "Sequence", "normalizers": .array(steps)]
    }

    private func metaspace() -> JSONValue {
        [
            "type": "Metaspace", "replacement": "\u{2581}",
            "prepend_scheme": file.normalizer.addsDummyPrefix ? "first" : "never",
            "split": .bool(splitsAtSpace),
        ]
    }

    private func decoderEntry() -> JSONValue {
        var steps: [JSONValue] = [
            ["type": "Replace", "pattern": ["String": "\u{2581}"], "content": " "]
        ]
        if file.trainer.byteFallback { steps.append(["type": "ByteFallback"]) }
        steps.append(["type": "Fuse"])
        if file.normalizer.addsDummyPrefix || file.normalizer.removesExtraWhitespace {
            steps.append(["type": "Strip", "content": " ", "start": 1, "stop": 0])
        }
        return ["type": "Sequence", "decoders": .array(steps)]
    }

    private func modelEntry() -> JSONValue {
        let unknown = addedTokens.unknown ?? 0
        if file.trainer.modelType == .unigram {
            let vocabulary: [JSONValue] = file.pieces.map {
                .array([.string($0.text), .number(Double($0.score))])
            }
            return [
                "type": "Unigram", "unk_id": .integer(Int(unknown)), "vocab": .array(vocabulary),
                "byte_fallback": .bool(file.trainer.byteFallback),
            ]
        }
        var vocabulary = JSONObject()
        for (id, piece) in file.pieces.enumerated() { vocabulary[piece.text] = .integer(id) }
        let unknownToken = JSONValue.string(token(of: unknown) ?? "")
        if file.trainer.modelType == .word {
            return ["type": "WordLevel", "vocab": .object(vocabulary), "unk_token": unknownToken]
        }
        return [
            "type": "BPE", "dropout": nil, "unk_token": unknownToken, "continuing_subword_prefix": nil,
            "end_of_word_suffix": nil, "fuse_unk": true, "byte_fallback": .bool(file.trainer.byteFallback),
            "ignore_merges": false, "vocab": .object(vocabulary),
            "merges": .array(file.trainer.modelType == .bpe ? merges() : []),
        ]
    }

    /// Every way to put a piece together from two, the best piece first.
    private func merges() -> [JSONValue] {
        let normal = file.pieces.indices.filter { file.pieces[$0].kind == .normal }
        let known = Set(normal.map { file.pieces[$0].bytes })
        let ranked = normal.sorted { left, right in
            let scores = (file.pieces[left].score, file.pieces[right].score)
            return scores.0 != scores.1 ? scores.0 > scores.1 : left < right
        }
        var merges: [JSONValue] = []
        for id in ranked {
            let piece = file.pieces[id].bytes
            for cut in piece.indices.dropFirst() where piece[cut] & 0xC0 != 0x80 {
                let left = Array(piece[..<cut])
                let right = Array(piece[cut...])
                guard known.contains(left), known.contains(right) else { continue }
                merges.append([
                    .string(String(decoding: left, as: UTF8.self)),
                    .string(String(decoding: right, as: UTF8.self)),
                ])
            }
        }
        return merges
    }
}

extension Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )

    /// Bytes as text, padded with "=".
    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var group: UInt32 = 0
            for index in 0..<3 { group = group << 8 | (index < count ? UInt32(bytes[start + index]) : 0) }
            for index in 0..<4 {
                text.append(
                    index <= count ? alphabet[Int(group >> UInt32(18 - 6 * index)) & 63] : UInt8(ascii: "=")
                )
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
