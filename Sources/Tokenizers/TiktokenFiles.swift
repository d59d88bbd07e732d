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
        let tokens = try rankedTokens(path)
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

    private static func rankedTokens(_ path: String) throws(FileFormatError) -> TokenTable {
        let file = try MappedFile(path: path)
        return try file.withBytes { bytes throws(FileFormatError) in
            var tokens = TokenTable()
            tokens.reserve(min(bytes.count / 16, 1 << 20))
            var token: [UInt8] = []
            var (start, line) = (0, 0)
            while start < bytes.count {
                let end = endOfLine(bytes, start)
                line += 1
                defer { start = end + 1 }
                let text = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
                if text.isEmpty || text.count == 1 && text[0] == 13 { continue }
                func fail(_ message: String) -> FileFormatError {
                    FileFormatError(.malformed, path: path, at: .line(line, column: nil), message)
                }
                guard let space = text.firstIndex(of: 32),
                    Base64.decode(UnsafeRawBufferPointer(rebasing: text[..<space]), into: &token),
                    let rank = decimal(UnsafeRawBufferPointer(rebasing: text[(space + 1)...]))
                else { throw fail("a line is base64, one space and a rank") }
                guard token.withUnsafeBufferPointer({ tokens.insert($0, id: rank) }) else {
                    throw fail("the token or the rank \(rank) occurs twice")
                }
            }
            return tokens
        }
    }

    private static func endOfLine(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int {
        var end = start
        while end < bytes.count, bytes[end] != 10 { end += 1 }
        return end
    }

    /// A number from 0 to 2^24 - 1 in decimal digits, which a carriage return may follow.
    private static func decimal(_ text: UnsafeRawBufferPointer) -> Int? {
        let digits = text.last == 13 ? text.dropLast() : text[...]
        guard !digits.isEmpty, digits.count <= 8 else { return nil }
        var value = 0
        for digit in digits {
            guard digit &- 48 <= 9 else { return nil }
            value = value * 10 + Int(digit &- 48)
        }
        return value < 1 << 24 ? value : nil
    }

    /// The merges of a vocabulary in which the rank of a token is the rank of the merge that makes it.
    ///
    /// Merging always makes a token from the same two: what happens inside of a token before it is whole does not depend
    /// on its surroundings. These two are found by merging the token's bytes with all merges of lower rank. A token that
    /// does not come down to two symbols so (its parts have higher ranks than itself) can be made in every way there is.
    private static func rankModel(_ tokens: TokenTable) -> BPEModel {
        let table = MergeTable(capacity: tokens.count)
        let byteIds = tokens.byteIds
        var merges: [(left: Int32, right: Int32)] = []
        merges.reserveCapacity(tokens.count)
        var lowestRanks = [Int32](repeating: .max, count: tokens.idLimit)
        let longest = max(tokens.longestToken, 2)
        let symbols = UnsafeMutablePointer<Int32>.allocate(capacity: longest)
        let pairs = UnsafeMutablePointer<UInt64>.allocate(capacity: longest)
        defer {
            symbols.deallocate()
            pairs.deallocate()
        }
        for id in 0..<tokens.idLimit {
            guard let slice = tokens.bytes(of: id), slice.count > 1 else { continue }
            func note(_ left: Int32, _ right: Int32) {
                table.insert(left, right, rank: id, result: Int32(id))
                merges.append((left, right))
                lowestRanks[id] = Int32(id)
            }
            slice.withUnsafeBufferPointer { bytes in
                for index in 0..<bytes.count { symbols[index] = byteIds[Int(bytes[index])] }
                if table.mergeByScans(symbols, length: bytes.count, pairs: pairs) == 2 {
                    return note(symbols[0], symbols[1])
                }
                for cut in 1..<bytes.count {
                    let left = UnsafeBufferPointer(rebasing: bytes[..<cut])
                    let right = UnsafeBufferPointer(rebasing: bytes[cut...])
                    guard let leftId = tokens.id(of: left), let rightId = tokens.id(of: right) else {
                        continue
                    }
                    note(Int32(leftId), Int32(rightId))
                }
            }
        }
        return BPEModel(
            tokens: tokens,
            merges: merges,
            table: table,
            lowestRanks: lowestRanks,
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

    /// Replaces `bytes` by what a text stands for; false when the text is not base64 or empty.
    static func decode(_ text: UnsafeRawBufferPointer, into bytes: inout [UInt8]) -> Bool {
        guard text.count % 4 == 0, !text.isEmpty else { return false }
        var padding = 0
        while padding < 2, text[text.count - 1 - padding] == UInt8(ascii: "=") { padding += 1 }
        bytes.removeAll(keepingCapacity: true)
        var rest = UnsafeRawBufferPointer(rebasing: text.dropLast(padding))
        return values.withUnsafeBufferPointer { values in
            while !rest.isEmpty {
                let digits = min(rest.count, 4)
                var bits: UInt32 = 0
                for index in 0..<digits {
                    let value = values[Int(rest[index])]
                    guard value < 64 else { return false }
                    bits |= UInt32(value) << UInt32(18 - 6 * index)
                }
                guard digits > 1 else { return false }
                bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
                if digits > 2 { bytes.append(UInt8(truncatingIfNeeded: bits >> 8)) }
                if digits > 3 { bytes.append(UInt8(truncatingIfNeeded: bits)) }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(digits))
            }
            return true
        }
    }
}
