import YuyanFileFormats

/// Damages JSON documents without breaking JSON: members lost, doubled and exchanged, values of other kinds, deep nests.
public struct JSONMutator: Sendable {
    /// Documents whose parts are mixed.
    public let documents: [JSONValue]
    /// Texts that mean something, such as the names of types.
    public let words: [String]

    private static let values: [JSONValue] = [
        nil, true, false, 0, -1, 1, 2, 255, 65536, 16_777_215, 16_777_216, .integer(.max), .integer(.min),
        0.5, 1e300, "", " ", "a", "\u{0}", "\u{FFFD}", "##", "[UNK]", "▁", "a b", #"\s+"#, #"[\s\S]"#,
        #"\d{1,3}"#, "(", "[a-", "a*a*a*b", [], [[]], .object(JSONObject()), ["Fixed": 100], "First",
        "Isolated",
        "MergedWithNext",
    ]
    private static let nests = ["normalizers", "pretokenizers", "decoders", "processors"]

    /// A mutator.
    ///
    /// - Parameters:
    ///   - documents: Documents whose parts are mixed.
    ///   - words: Texts that mean something.
    public init(_ documents: [JSONValue], words: [String] = []) {
        (self.documents, self.words) = (documents, words)
    }

    /// A document with a few things wrong.
    ///
    /// - Parameter random: Where chance comes from.
    /// - Returns: The document; null when there are none to begin with.
    public func damaged(using random: inout some RandomNumberGenerator) -> JSONValue {
        guard !documents.isEmpty else { return .null }
        var document = random.one(of: documents)
        for _ in 0...random.below(4) {
            if random.oneIn(4) {
                document = exchanged(document, random.one(of: documents), &random)
            } else {
                document = damaged(document, depth: 0, &random)
            }
        }
        return document
    }

    /// The document with a member from another document.
    private func exchanged(
        _ document: JSONValue,
        _ other: JSONValue,
        _ random: inout some RandomNumberGenerator
    ) -> JSONValue {
        guard case .object(var members) = document, let parts = other.objectValue, !parts.isEmpty else {
            return random.oneIn(8) ? other : document
        }
        let (key, value) = parts[random.below(parts.count)]
        members[key] = value
        return .object(members)
    }

    private func damaged(
        _ value: JSONValue,
        depth: Int,
        _ random: inout some RandomNumberGenerator
    ) -> JSONValue {
        // Near the root it goes deeper, so that not every document loses all.
        let goesDeeper = random.below(10) < (depth < 2 ? 9 : 6)
        switch value {
        case .object(var members) where !members.isEmpty && goesDeeper:
            let (key, old) = members[random.below(members.count)]
            switch random.below(12) {
            case 0: members[key] = nil
            case 1 where key == "type" && !words.isEmpty: members[key] = .string(random.one(of: words))
            case 2: members.append(random.oneIn(2) ? key : random.one(of: words + ["x"]), old)
            default: members[key] = damaged(old, depth: depth + 1, &random)
            }
            return .object(members)
        case .array(var elements) where !elements.isEmpty && goesDeeper:
            let index = random.below(elements.count)
            switch random.below(6) {
            case 0: elements.remove(at: index)
            case 1: elements.insert(elements[index], at: index)
            default: elements[index] = damaged(elements[index], depth: depth + 1, &random)
            }
            return .array(elements)
        case .object(let members) where random.oneIn(4) && members["type"] != nil:
            // The same within sequences within sequences.
            let key = random.one(of: Self.nests)
            return (0..<1 + random.below(19)).reduce(value) { inner, _ in
                ["type": "Sequence", key: [inner]]
            }
        default:
            return random.oneIn(6) && !words.isEmpty
                ? .string(random.one(of: words)) : random.one(of: Self.values)
        }
    }
}
