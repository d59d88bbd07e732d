import YuyanFileFormats

/// Spoils `tokenizer.json` documents, so that readers meet what no honest program writes.
struct DocumentMutation {
    /// Documents whose parts are mixed.
    let documents: [JSONValue]

    private static let types = [
        "Sequence", "BertNormalizer", "Lowercase", "NFC", "NFKD", "Strip", "StripAccents", "Prepend",
        "Replace", "Nmt",
        "ByteLevel", "BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Metaspace", "Digits",
        "Punctuation", "Split",
        "CharDelimiterSplit", "FixedLength", "UnicodeScripts", "WordPiece", "WordLevel", "BPE", "Unigram",
        "Precompiled",
        "TemplateProcessing", "BertProcessing", "RobertaProcessing", "BPEDecoder", "ByteFallback", "Fuse",
        "CTC",
    ]
    private static let values: [JSONValue] = [
        nil, true, false, 0, -1, 1, 2, 255, 65536, 16_777_215, 16_777_216, .integer(.max), .integer(.min),
        0.5, 1e300, "",
        " ", "a", "\u{0}", "\u{FFFD}", "##", "[UNK]", "▁", "a b", #"\s+"#, #"[\s\S]"#, #"\d{1,3}"#, "(",
        "[a-", "a*a*a*b",
        [], [[]], .object(JSONObject()), ["Fixed": 100], "First", "Isolated", "MergedWithNext",
    ]

    /// A document with a few things wrong.
    func spoiled(_ random: inout some RandomNumberGenerator) -> JSONValue {
        var document = documents[Int.random(in: 0..<documents.count, using: &random)]
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            if Int.random(in: 0..<4, using: &random) == 0 {
                let other = documents[Int.random(in: 0..<documents.count, using: &random)]
                let parts = [
                    "normalizer", "pre_tokenizer", "post_processor", "decoder", "model", "added_tokens",
                ]
                let key = parts[Int.random(in: 0..<parts.count, using: &random)]
                document = replacing(document, key, other[key] ?? .null)
            } else {
                document = spoiled(document, depth: 0, &random)
            }
        }
        return document
    }

    private func replacing(_ document: JSONValue, _ key: String, _ value: JSONValue) -> JSONValue {
        guard case .object(var members) = document else { return document }
        members[key] = value
        return .object(members)
    }

    private func spoiled(
        _ value: JSONValue,
        depth: Int,
        _ random: inout some RandomNumberGenerator
    ) -> JSONValue {
        // Near the root it goes deeper, so that not every document loses all.
        let goesDeeper = Int.random(in: 0..<10, using: &random) < (depth < 2 ? 9 : 6)
        switch value {
        case .object(var members) where !members.isEmpty && goesDeeper:
            let index = Int.random(in: 0..<members.count, using: &random)
            let (key, old) = members[index]
            switch Int.random(in: 0..<12, using: &random) {
            case 0: members[key] = nil
            case 1 where key == "type":
                members[key] = .string(Self.types[Int.random(in: 0..<Self.types.count, using: &random)])
            default: members[key] = spoiled(old, depth: depth + 1, &random)
            }
            return .object(members)
        case .array(var elements) where !elements.isEmpty && goesDeeper:
            let index = Int.random(in: 0..<elements.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: elements.remove(at: index)
            case 1: elements.insert(elements[index], at: index)
            default: elements[index] = spoiled(elements[index], depth: depth + 1, &random)
            }
            return .array(elements)
        case .object(let members) where Int.random(in: 0..<4, using: &random) == 0 && members["type"] != nil:
            // The same within sequences within sequences.
            let keys = ["normalizers", "pretokenizers", "decoders", "processors"]
            let key = keys[Int.random(in: 0..<keys.count, using: &random)]
            return (0..<Int.random(in: 1..<20, using: &random)).reduce(value) { inner, _ in
                replacing(["type": "Sequence"], key, [inner])
            }
        default: return Self.values[Int.random(in: 0..<Self.values.count, using: &random)]
        }
    }

    /// The bytes of a document with some of them changed, gone or doubled.
    func spoiledBytes(_ random: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes = documents[Int.random(in: 0..<documents.count, using: &random)].printedBytes(indent: nil)
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let position = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: position)
            case 2: bytes.insert(bytes[position], at: position)
            default:
                bytes.removeSubrange(
                    position..<min(bytes.count, position + Int.random(in: 1...40, using: &random))
                )
            }
        }
        return bytes
    }

    /// A document with a small vocabulary, so that spoiling it costs little.
    static func shrunk(_ document: JSONValue) -> JSONValue {
        guard case .object(var members) = document, case .object(var model)? = members["model"] else {
            return document
        }
        var kept = JSONObject()
        for (token, id) in model["vocab"]?.objectValue ?? JSONObject() {
            if let number = id.integerValue, number < 60 { kept.append(token, id) }
        }
        model["vocab"] = .object(kept)
        if let merges = model["merges"]?.arrayValue {
            model["merges"] = .array(
                merges.filter { pair in
                    let parts = pair.arrayValue?.compactMap(\.stringValue) ?? []
                    return parts.count == 2
                        && ([parts[0], parts[1], parts[0] + parts[1]].allSatisfy { kept[$0] != nil })
                }
            )
        }
        members["model"] = .object(model)
        return .object(members)
    }
}
