import YuyanFileFormats

/// Builds the parts of a `tokenizer.json` in the Hugging Face layout.
enum TokenizerDocument {
    /// The pattern by which every scalar is a piece of its own.
    static let characterPattern = #"[\s\S]"#

    static func bytePair(
        vocabulary: JSONObject,
        merges: [(String, String)],
        rule: SplitRule,
        addsPrefixSpace: Bool,
        takesWholePieces: Bool,
        added: AddedTokens
    ) -> JSONValue {
        let model: JSONValue = [
            "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
            "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": .bool(takesWholePieces), "vocab": .object(vocabulary),
            "merges": .array(merges.map { [.string($0.0), .string($0.1)] }),
        ]
        let byteLevel: JSONValue = [
            "type": "ByteLevel", "add_prefix_space": .bool(addsPrefixSpace), "trim_offsets": true,
            "use_regex": .bool(rule == .gpt2),
        ]
        let preTokenizer: JSONValue
        if let pattern = rule.pattern {
            preTokenizer = ["type": "Sequence", "pretokenizers": [split(pattern), byteLevel]]
        } else {
            preTokenizer = byteLevel
        }
        let decoder: JSONValue = [
            "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
        ]
        let postProcessor: JSONValue = [
            "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true,
        ]
        return document(added, preTokenizer, frame(added) ?? postProcessor, decoder, model)
    }

    static func characters(vocabulary: JSONObject, unknown: String, added: AddedTokens) -> JSONValue {
        let model: JSONValue = [
            "type": "WordLevel", "vocab": .object(vocabulary), "unk_token": .string(unknown),
        ]
        return document(added, split(characterPattern), frame(added) ?? nil, ["type": "Fuse"], model)
    }

    /// The template that puts a prefix and a suffix around a text; nil when there is neither.
    private static func frame(_ added: AddedTokens) -> JSONValue? {
        guard !added.prefix.isEmpty || !added.suffix.isEmpty else { return nil }
        func piece(_ id: Int32) -> JSONValue {
            ["SpecialToken": ["id": .string(added.token(id)?.content ?? ""), "type_id": 0]]
        }
        func framed(_ name: JSONValue) -> [JSONValue] {
            added.prefix.map(piece) + [["Sequence": ["id": name, "type_id": 0]]] + added.suffix.map(piece)
        }
        var tokens = JSONObject()
        for id in added.prefix + added.suffix {
            let name = added.token(id)?.content ?? ""
            tokens[name] = ["id": .string(name), "ids": [.integer(Int(id))], "tokens": [.string(name)]]
        }
        return [
            "type": "TemplateProcessing", "single": .array(framed("A")),
            "pair": .array(framed("A") + framed("B")),
            "special_tokens": .object(tokens),
        ]
    }

    private static func split(_ pattern: String) -> JSONValue {
        ["type": "Split", "pattern": ["Regex": .string(pattern)], "behavior": "Isolated", "invert": false]
    }

    private static func document(
        _ added: AddedTokens,
        _ preTokenizer: JSONValue,
        _ postProcessor: JSONValue,
        _ decoder: JSONValue,
        _ model: JSONValue
    ) -> JSONValue {
        [
            "version": "1.0", "truncation": nil, "padding": nil,
            "added_tokens": .array(added.all.map(addedToken)),
            "normalizer": nil, "pre_tokenizer": preTokenizer, "post_processor": postProcessor,
            "decoder": decoder, "model": model,
        ]
    }

    /// An added token as files hold it.
    static func addedToken(_ token: AddedToken) -> JSONValue {
        [
            "id": .integer(Int(token.id)), "content": .string(token.content),
            "single_word": .bool(token.isSingleWord), "lstrip": .bool(token.stripsLeft),
            "rstrip": .bool(token.stripsRight), "normalized": .bool(token.isNormalized),
            "special": .bool(token.isSpecial),
        ]
    }

    /// The `tokenizer_config.json` that goes with a tokenizer.
    static func configuration(of tokenizer: any Tokenizer, extra: JSONObject) -> JSONValue {
        let added = tokenizer.addedTokens
        var members = JSONObject()
        members.append("tokenizer_class", "PreTrainedTokenizerFast")
        members.append("clean_up_tokenization_spaces", false)
        let roles = [
            ("bos_token", added.beginningOfText), ("eos_token", added.endOfText),
            ("pad_token", added.padding),
            ("unk_token", added.unknown),
        ]
        for (key, id) in roles {
            if let id, let token = tokenizer.token(of: id) { members.append(key, .string(token)) }
        }
        for (key, value) in extra { members[key] = value }
        return .object(members)
    }
}

extension BPETokenizer {
    /// The tokenizer as a `tokenizer.json`.
    ///
    /// - Returns: The document; Hugging Face's tokenizers give the same ids from it.
    public func tokenizerDocument() -> JSONValue {
        var vocabulary = JSONObject()
        // Added tokens stand in the vocabulary, too: readers number those that do not without regard to their ids.
        for id in 0..<Int32(vocabularySize) {
            if let token = token(of: id) { vocabulary.append(token, .integer(Int(id))) }
        }
        return TokenizerDocument.bytePair(
            vocabulary: vocabulary,
            merges: merges,
            rule: splitRule,
            addsPrefixSpace: addsPrefixSpace,
            takesWholePieces: model.takesWholePieces,
            added: addedTokens
        )
    }
}

extension PipelineTokenizer {
    /// The tokenizer as a `tokenizer.json`.
    ///
    /// - Returns: The document; Hugging Face's tokenizers give the same ids from it.
    public func tokenizerDocument() -> JSONValue {
        [
            "version": "1.0", "truncation": truncation?.document ?? .null,
            "padding": padding?.document ?? .null,
            "added_tokens": .array(addedTokens.all.map(TokenizerDocument.addedToken)),
            "normalizer": normalizer?.document() ?? .null,
            "pre_tokenizer": preTokenizer?.document() ?? .null,
            "post_processor": postProcessor?.document() ?? .null,
            "decoder": decoder?.document() ?? .null, "model": model.document(),
        ]
    }
}

extension TokenizerTruncation {
    /// The truncation as a `tokenizer.json` holds it.
    var document: JSONValue {
        [
            "direction": .string(side.rawValue), "max_length": .integer(maximumLength),
            "strategy": .string(strategy.rawValue), "stride": .integer(stride),
        ]
    }
}

extension TokenizerPadding {
    /// The padding as a `tokenizer.json` holds it.
    var document: JSONValue {
        let strategy: JSONValue =
            switch length {
            case .longest: "BatchLongest"
            case .fixed(let count): ["Fixed": .integer(count)]
            }
        return [
            "strategy": strategy, "direction": .string(side.rawValue),
            "pad_to_multiple_of": multiple > 1 ? .integer(multiple) : .null, "pad_id": .integer(Int(id)),
            "pad_type_id": .integer(Int(typeId)), "pad_token": .string(token),
        ]
    }
}
