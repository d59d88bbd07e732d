import YuyanFileFormats

/// Takes a `tokenizer.json` apart; everything not understood is an error that names the key.
struct TokenizerReader {
    /// A vocabulary: tokens spelled with byte stand-ins, and the others.
    struct Vocabulary {
        var tokens = TokenTable()
        var irregular: [Int32: String] = [:]
    }

    let path: String
    /// The vocabulary and the merges, where they were taken from the bytes of the document.
    var scanned: BytePairScanner?

    private func fail(
        _ key: String,
        _ message: String,
        _ code: FileFormatError.Code = .malformed
    ) -> FileFormatError {
        FileFormatError(code, path: path, at: .key(key), message)
    }

    // MARK: The whole

    /// The tokenizer that a document describes: a fast one of its own kind where one fits, else one of parts.
    func tokenizer(_ document: JSONValue, _ added: AddedTokens) throws(FileFormatError) -> any Tokenizer {
        if let tokenizer = try fastTokenizer(document, added) { return tokenizer }
        return try pipeline(document, added)
    }

    /// The tokenizer that a document describes, if there is a fast one of its own kind.
    func fastTokenizer(
        _ document: JSONValue,
        _ added: AddedTokens
    ) throws(FileFormatError) -> (any Tokenizer)? {
        guard let model = document["model"], model.objectValue != nil else {
            throw fail("model", "must be an object")
        }
        let isBare = ["normalizer", "truncation", "padding"].allSatisfy { (document[$0] ?? .null).isNull }
        let type = model["type"]?.stringValue ?? (model["merges"] == nil ? "none" : "BPE")
        guard isBare, let framed = framed(document["post_processor"] ?? .null, added) else { return nil }
        switch type {
        case "BPE": return try bytePair(document, framed)
        case "WordLevel": return try characters(document, model, framed)
        default: return nil
        }
    }

    /// The tokenizer put together from parts, also where a faster one fits.
    func pipeline(_ document: JSONValue, _ added: AddedTokens) throws(FileFormatError) -> PipelineTokenizer {
        let fast = typeName(document["model"] ?? .null) == "BPE" ? try bytePair(document, added) : nil
        // A space in front is decided on another ground there than here, text by text.
        let usesFast = fast?.addsPrefixSpace == false
        return try PipelineReader(document, path: path).tokenizer(added, bytePairs: usesFast ? fast : nil)
    }

    private func typeName(_ value: JSONValue) -> String { value["type"]?.stringValue ?? value.kindName }

    // MARK: Byte pairs

    /// The byte-level pairs of a document, without its normalizer and its frame; nil when its model, its cuts or its
    /// decoder are of another kind.
    private func bytePair(
        _ document: JSONValue,
        _ added: AddedTokens
    ) throws(FileFormatError) -> BPETokenizer? {
        let model = document["model"] ?? .null
        for key in ["dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"] {
            if let value = model[key], !value.isNull, value != "", value != 0, value != 0.0 { return nil }
        }
        guard model["byte_fallback"] != true,
            ["null", "ByteLevel"].contains(typeName(document["decoder"] ?? .null)),
            let (rule, addsPrefixSpace) = splitting(document["pre_tokenizer"] ?? .null)
        else { return nil }
        let takesWhole = model["ignore_merges"]?.boolValue ?? false
        let (pairs, irregular) = try bytePairs(model, takesWholePieces: takesWhole)
        return BPETokenizer(
            model: pairs,
            splitRule: rule,
            addedTokens: added,
            addsPrefixSpace: addsPrefixSpace,
            irregular: irregular
        )
    }

    /// The vocabulary and the merges of a model, and the tokens that are not made of byte stand-ins.
    private func bytePairs(
        _ model: JSONValue,
        takesWholePieces: Bool
    ) throws(FileFormatError) -> (BPEModel, irregular: [Int32: String]) {
        if let scanned, let vocabulary = scanned.vocabulary {
            let pairs = BPEModel(
                tokens: vocabulary.tokens,
                merges: scanned.merges,
                results: scanned.results,
                ranks: nil,
                takesWholePieces: takesWholePieces
            )
            return (pairs, vocabulary.irregular)
        }
        guard let table = model["vocab"] else { throw fail("model.vocab", "is missing", .missing) }
        let vocabulary = try vocabulary(table, key: "model.vocab")
        let merges = try merges(model["merges"])
        return (try self.model(vocabulary, merges, takesWholePieces: takesWholePieces), vocabulary.irregular)
    }

    /// The merges of a model as pairs of spelled tokens.
    func merges(_ value: JSONValue?) throws(FileFormatError) -> [(String, String)] {
        guard case .array(let list)? = value else { throw fail("model.merges", "must be an array") }
        var merges: [(String, String)] = []
        merges.reserveCapacity(list.count)
        for (index, value) in list.enumerated() {
            switch value {
            case .string(let text):
                guard let merge = Self.splitMerge(text) else {
                    throw fail(
                        "model.merges[\(index)]",
                        "'\(text)' is not two tokens with one space between them"
                    )
                }
                merges.append(merge)
            case .array(let pair):
                guard pair.count == 2, let left = pair[0].stringValue, let right = pair[1].stringValue else {
                    throw fail("model.merges[\(index)]", "must hold two strings")
                }
                merges.append((left, right))
            default:
                throw fail("model.merges[\(index)]", "must be a string or a pair, found \(value.kindName)")
            }
        }
        return merges
    }

    func vocabulary(_ value: JSONValue, key: String) throws(FileFormatError) -> Vocabulary {
        guard case .object(let members) = value else {
            throw fail(key, "must be an object, found \(value.kindName)")
        }
        var result = Vocabulary()
        result.tokens.reserve(members.count)
        for (token, value) in members {
            guard case .integer(let id) = value, id >= 0, id < 1 << 24 else {
                throw fail("\(key).\(token)", "must be an id from 0 to \(1 << 24 - 1)")
            }
            guard id < TokenVocabulary.idLimit(forTokens: members.count) else {
                throw fail("\(key).\(token)", TokenVocabulary.tooFar(id, members.count), .limitExceeded)
            }
            if let bytes = ByteAlphabet.bytes(of: token) {
                guard result.irregular[Int32(id)] == nil, result.tokens.insert(bytes, id: id) else {
                    throw fail("\(key).\(token)", "shares the id \(id) with another token", .duplicate)
                }
            } else {
                let isTaken = result.tokens.bytes(of: id) != nil
                guard !isTaken, result.irregular.updateValue(token, forKey: Int32(id)) == nil else {
                    throw fail("\(key).\(token)", "shares the id \(id) with another token", .duplicate)
                }
            }
        }
        return result
    }

    /// "Ġ the" in two; the space itself is never part of a spelled token.
    static func splitMerge(_ text: String) -> (String, String)? {
        let parts = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty,
            let left = String(parts[0]), let right = String(parts[1])
        else { return nil }
        return (left, right)
    }

    func model(
        _ vocabulary: Vocabulary,
        _ merges: [(String, String)],
        takesWholePieces: Bool
    ) throws(FileFormatError) -> BPEModel {
        var pairs: [(left: Int32, right: Int32)] = []
        var results: [Int32] = []
        pairs.reserveCapacity(merges.count)
        results.reserveCapacity(merges.count)
        for (index, merge) in merges.enumerated() {
            let left = ByteAlphabet.bytes(of: merge.0)
            let right = ByteAlphabet.bytes(of: merge.1)
            guard let left, let right, let leftId = vocabulary.tokens.id(of: left),
                let rightId = vocabulary.tokens.id(of: right),
                let result = vocabulary.tokens.id(of: left + right)
            else {
                throw fail(
                    "merges[\(index)]",
                    "'\(merge.0)' + '\(merge.1)': both tokens and their union must be in the vocabulary"
                )
            }
            pairs.append((Int32(leftId), Int32(rightId)))
            results.append(Int32(result))
        }
        return BPEModel(
            tokens: vocabulary.tokens,
            merges: pairs,
            results: results,
            ranks: nil,
            takesWholePieces: takesWholePieces
        )
    }

    /// The rule of byte-level cuts; nil when the pre-tokenizer is another one.
    private func splitting(_ value: JSONValue) -> (SplitRule, addsPrefixSpace: Bool)? {
        switch typeName(value) {
        case "ByteLevel":
            let usesPattern = value["use_regex"]?.boolValue ?? true
            return (usesPattern ? .gpt2 : .whole, value["add_prefix_space"]?.boolValue ?? true)
        case "Sequence":
            guard case .array(let parts)? = value["pretokenizers"], parts.count == 2,
                typeName(parts[0]) == "Split", typeName(parts[1]) == "ByteLevel",
                parts[1]["use_regex"] == false, parts[1]["add_prefix_space"] == false
            else { return nil }
            let isolates = parts[0]["behavior"] == "Isolated" && parts[0]["invert"] != true
            let keepsMatches = parts[0]["behavior"] == "Removed" && parts[0]["invert"] == true
            guard isolates || keepsMatches, let pattern = parts[0]["pattern"]?["Regex"]?.stringValue else {
                return nil
            }
            return SplitRule(pattern: pattern).map { ($0, false) }
        default: return nil
        }
    }

    // MARK: Characters

    /// A tokenizer of single characters; nil when the document describes another one.
    private func characters(
        _ document: JSONValue,
        _ model: JSONValue,
        _ added: AddedTokens
    ) throws(FileFormatError) -> CharacterTokenizer? {
        let split = document["pre_tokenizer"] ?? .null
        guard typeName(split) == "Split", split["behavior"] == "Isolated",
            split["pattern"]?["Regex"]?.stringValue == TokenizerDocument.characterPattern,
            ["null", "Fuse"].contains(typeName(document["decoder"] ?? .null)),
            case .object(let members)? = model["vocab"]
        else { return nil }
        guard let unknownToken = model["unk_token"]?.stringValue,
            case .integer(let unknown)? = members[unknownToken]
        else { throw fail("model.unk_token", "must be a token of the vocabulary") }
        var scalars: [Int32: Unicode.Scalar] = [:]
        for (token, value) in members {
            guard case .integer(let id) = value, id >= 0, id < 1 << 24 else {
                throw fail("model.vocab.\(token)", "must be an id from 0 to \(1 << 24 - 1)")
            }
            if let addedId = added.id(of: token), addedId == Int32(id) { continue }
            guard let scalar = token.unicodeScalars.first, token.unicodeScalars.count == 1 else { return nil }
            guard scalars.updateValue(scalar, forKey: Int32(id)) == nil, added.token(Int32(id)) == nil else {
                throw fail("model.vocab.\(token)", "shares the id \(id) with another token", .duplicate)
            }
        }
        var roles = added
        roles.unknown = Int32(unknown)
        return CharacterTokenizer(scalars: scalars, addedTokens: roles, unknown: Int32(unknown))
    }

    // MARK: Added tokens

    func addedTokens(
        _ document: JSONValue,
        _ configuration: JSONValue?,
        _ configurationPath: String
    ) throws(FileFormatError) -> AddedTokens {
        var tokens: [AddedToken] = []
        for (index, value) in (document["added_tokens"]?.arrayValue ?? []).enumerated() {
            tokens.append(try addedToken(value, id: value["id"]?.integerValue, "added_tokens[\(index)]"))
        }
        let configurationReader = TokenizerReader(path: configurationPath)
        for (key, value) in configuration?["added_tokens_decoder"]?.objectValue ?? JSONObject() {
            let token = try configurationReader.addedToken(value, id: Int(key), "added_tokens_decoder.\(key)")
            if !tokens.contains(where: { $0.id == token.id }) { tokens.append(token) }
        }
        var ids: Set<Int32> = []
        for token in tokens where !ids.insert(token.id).inserted {
            throw fail("added_tokens", "two tokens share the id \(token.id)", .duplicate)
        }
        var added = AddedTokens(tokens)
        func role(_ key: String) -> Int32? {
            guard let value = configuration?[key] else { return nil }
            return (value.stringValue ?? value["content"]?.stringValue).flatMap { added.id(of: $0) }
        }
        let usualEnds = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>"]
        let endOfText = role("eos_token") ?? usualEnds.lazy.compactMap { added.id(of: $0) }.first
        let (beginning, padding, unknown) = (role("bos_token"), role("pad_token"), role("unk_token"))
        added.endOfText = endOfText
        added.beginningOfText = beginning
        added.padding = padding
        added.unknown = unknown
        return added
    }

    /// Added tokens with the frame that a plain template puts around a text; nil when the post-processor does more.
    private func framed(_ value: JSONValue, _ added: AddedTokens) -> AddedTokens? {
        switch typeName(value) {
        case "null", "ByteLevel": return added
        case "Sequence":
            var result: AddedTokens? = added
            for part in value["processors"]?.arrayValue ?? [] { result = result.flatMap { framed(part, $0) } }
            return result
        case "TemplateProcessing":
            guard let pieces = value["single"]?.arrayValue, added.prefix.isEmpty, added.suffix.isEmpty else {
                return nil
            }
            var result = added
            var isBefore = true
            for piece in pieces {
                if piece["Sequence"]?["id"] == "A", isBefore {
                    isBefore = false
                } else if let name = piece["SpecialToken"]?["id"]?.stringValue,
                    let ids = value["special_tokens"]?[name]?["ids"]?.arrayValue?.map(\.integerValue),
                    let first = ids.first ?? nil, ids.count == 1, first >= 0, first < TokenVocabulary.idLimit,
                    added.token(Int32(first)) != nil
                {
                    if isBefore {
                        result.prefix.append(Int32(first))
                    } else {
                        result.suffix.append(Int32(first))
                    }
                } else {
                    return nil
                }
            }
            result.beginningOfText = result.beginningOfText ?? result.prefix.first
            return isBefore ? nil : result
        default: return nil
        }
    }

    private func addedToken(_ value: JSONValue, id: Int?, _ key: String) throws(FileFormatError) -> AddedToken
    {
        guard let content = value["content"]?.stringValue, !content.isEmpty else {
            throw fail(key, "'content' must be a string that is not empty")
        }
        guard let id, id >= 0, id < 1 << 24 else { throw fail(key, "'id' must be from 0 to \(1 << 24 - 1)") }
        return AddedToken(
            content,
            id: Int32(id),
            isSpecial: value["special"]?.boolValue ?? false,
            stripsLeft: value["lstrip"]?.boolValue ?? false,
            stripsRight: value["rstrip"]?.boolValue ?? false,
            isSingleWord: value["single_word"]?.boolValue ?? false,
            isNormalized: value["normalized"]?.boolValue ?? !(value["special"]?.boolValue ?? false)
        )
    }
}
