import YuyanFileFormats

/// The targets of the text wing.
public enum FuzzTargets {
    /// All of them.
    ///
    /// - Parameter fixtures: The folder of golden files, whose tokenizers are seeds.
    /// - Returns: The targets.
    /// - Throws: `FileFormatError` when a golden file is missing.
    public static func all(fixtures: String) throws -> [FuzzTarget] {
        try data + tokenizers(fixtures: fixtures) + templates(fixtures: fixtures) + binary + [
            text, encoding(fixtures: fixtures),
        ]
    }

    /// Damaged copies of texts: bytes always, lines in half of the cases where the text has a structure of lines.
    static func mutations(
        of seeds: [[UInt8]],
        words: [String],
        lines: LineMutator? = nil
    ) -> @Sendable (inout FuzzGenerator) -> [UInt8] {
        let mutator = ByteMutator(words: words)
        return { random in
            var bytes = random.one(of: seeds)
            if let lines, random.oneIn(2) {
                bytes = lines.damaged(bytes, others: seeds, using: &random)
                if random.oneIn(2) { return bytes }
            }
            return mutator.damaged(bytes, others: seeds, using: &random)
        }
    }

    /// Damaged copies of JSON documents: three in four are still JSON.
    static func mutations(
        of documents: [JSONValue],
        words: [String]
    ) -> @Sendable (inout FuzzGenerator) -> [UInt8] {
        let mutator = JSONMutator(documents, words: words)
        let bytes = ByteMutator(
            words: words + ["\"", ":", "{", "}", "[", "]", ",", "null", "true", #"\u"#, #"\ud800"#]
        )
        let seeds = documents.map { $0.printedBytes(indent: nil) }
        return { random in
            random.oneIn(4)
                ? bytes.damaged(random.one(of: seeds), others: seeds, using: &random)
                : mutator.damaged(using: &random).printedBytes(indent: nil)
        }
    }
}
