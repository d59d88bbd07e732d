import YuyanFileFormats

extension TokenizerFiles {
    /// Reads a `.tiktoken` file: one token per line, base64 of its bytes, a space, its rank.
    ///
    /// The rank is the id, and two neighbours merge when their union is a token, the lowest rank first.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - splitRule: How text is cut.
    ///   - specialTokens: Names and ids of special tokens, which such files do not hold; "<|endoftext|>" becomes the end
    ///     of text.
    /// - Returns: The tokenizer.
    /// - Throws: `FileFormatError` with path and line.
    public static func loadTiktoken(
        _ path: String,
        splitRule: SplitRule,
        specialTokens: [String: Int32]
    ) throws(FileFormatError) -> BPETokenizer {
        var tokens = TokenTable()
        let lines = try LineReader(path: path, maximumLineLength: 1 << 16)
        while let line = try lines.nextBytes() {
            if line.isEmpty { continue }
            func fail(_ message: String) -> FileFormatError {
                FileFormatError(.malformed, path: path, at: .line(lines.lineNumber, column: nil), message)
            }
            let parts = line.split(separator: 32, omittingEmptySubsequences: false)
            guard parts.count == 2, let bytes = Base64.decode(parts[0]), !bytes.isEmpty,
                let rank = Int(String(decoding: parts[1], as: UTF8.self)), rank >= 0, rank < 1 << 24
            else { throw fail("a line is base64, one space and a rank") }
            guard tokens.insert(bytes, id: rank) else {
                throw fail("the token or the rank \(rank) occurs twice")
            }
        }
        for byte in UInt8.min...UInt8.max where tokens.id(of: [byte]) == nil {
            throw FileFormatError(
                .missing,
                path: path,
                at: .key("byte \(byte)"),
                "every single byte must be a token"
            )
        }
        var added: [AddedToken] = []
        for (content, id) in specialTokens.sorted(by: { $0.value < $1.value }) {
            guard tokens.bytes(of: Int(id)) == nil, !added.contains(where: { $0.id == id }), id >= 0 else {
                throw FileFormatError(
                    .duplicate,
                    path: path,
                    at: .key(content),
                    "the special token's id \(id) is taken"
                )
            }
            added.append(AddedToken(content, id: id))
        }
        var roles = AddedTokens(added)
        roles.endOfText = roles.id(of: "<|endoftext|>")
        return BPETokenizer(model: rankModel(tokens), splitRule: splitRule, addedTokens: roles)
    }

    /// Reads `cl100k_base.tiktoken` with its splitting rule and special tokens.
    ///
    /// - Parameter path: The file.
    /// - Returns: The tokenizer.
    /// - Throws: `FileFormatError` with path and line.
    public static func loadCL100K(_ path: String) throws(FileFormatError) -> BPETokenizer {
        try loadTiktoken(
            path,
            splitRule: .cl100k(digits: 3, joinsTrailingSpace: true),
            specialTokens: [
                "<|endoftext|>": 100257, "<|fim_prefix|>": 100258, "<|fim_middle|>": 100259,
                "<|fim_suffix|>": 100260,
                "<|endofprompt|>": 100276,
            ]
        )
    }

    /// Reads `o200k_base.tiktoken` with its splitting rule and special tokens.
    ///
    /// - Parameter path: The file.
    /// - Returns: The tokenizer.
    /// - Throws: `FileFormatError` with path and line.
    public static func loadO200K(_ path: String) throws(FileFormatError) -> BPETokenizer {
        try loadTiktoken(
            path,
            splitRule: .o200k,
            specialTokens: ["<|endoftext|>": 199999, "<|endofprompt|>": 200018]
        )
    }

    /// Every way to cut a token into two tokens is a merge of the token's rank.
    private static func rankModel(_ tokens: TokenTable) -> BPEModel {
        var merges: [(left: Int32, right: Int32)] = []
        var results: [Int32] = []
        var ranks: [Int] = []
        for id in 0..<tokens.idLimit {
            guard let slice = tokens.bytes(of: id), slice.count > 1 else { continue }
            slice.withUnsafeBufferPointer { bytes in
                for cut in 1..<bytes.count {
                    let left = UnsafeBufferPointer(rebasing: bytes[..<cut])
                    let right = UnsafeBufferPointer(rebasing: bytes[cut...])
                    guard let leftId = tokens.id(of: left), let rightId = tokens.id(of: right) else {
                        continue
                    }
                    merges.append((Int32(leftId), Int32(rightId)))
                    results.append(Int32(id))
                    ranks.append(id)
                }
            }
        }
        return BPEModel(
            tokens: tokens,
            merges: merges,
            results: results,
            ranks: ranks,
            takesWholePieces: true
        )
    }
}

/// Base64 as RFC 4648 has it, with padding.
enum Base64 {
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 256)
        let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (value, digit) in digits.utf8.enumerated() { table[Int(digit)] = UInt8(value) }
        return table
    }()

    /// The bytes; nil when the text is not base64.
    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0, !text.isEmpty else { return nil }
        let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var count = 0
        for digit in text.dropLast(padding) {
            let value = values[Int(digit)]
            guard value < 64 else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }
}
