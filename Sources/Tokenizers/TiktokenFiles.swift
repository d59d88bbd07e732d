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
        guard file.count <= 1 << 30 else {
            throw FileFormatError(
                .limitExceeded,
                path: path,
                "has \(file.count) bytes; at most 2^30 are read"
            )
        }
        return try file.withBytes { bytes throws(FileFormatError) in
            var lines = RankedLines(bytes)
            guard lines.read(),
                Int(lines.ranks.max() ?? 0) < TokenVocabulary.idLimit(forTokens: lines.ranks.count),
                let tokens = TokenTable(arena: lines.arena, ends: lines.ends, ids: lines.ranks)
            else { throw problem(bytes, path) }
            return tokens
        }
    }

    /// What is wrong with a file that cannot be read.
    private static func problem(_ bytes: UnsafeRawBufferPointer, _ path: String) -> FileFormatError {
        var (tokens, ranks) = (Set<[UInt8]>(), Set<Int32>())
        var (start, line) = (0, 0)
        let count = bytes.count { $0 == 10 } + 1
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 10) ?? bytes.count
            line += 1
            var lines = RankedLines(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            start = end + 1
            let isRead = lines.read()
            guard !isRead || !lines.ranks.isEmpty else { continue }
            if isRead, Int(lines.ranks[0]) >= TokenVocabulary.idLimit(forTokens: count) {
                let message = TokenVocabulary.tooFar(Int(lines.ranks[0]), count)
                return FileFormatError(.limitExceeded, path: path, at: .line(line, column: nil), message)
            }
            if isRead, tokens.insert(lines.arena).inserted, ranks.insert(lines.ranks[0]).inserted { continue }
            let message =
                isRead
                ? "the token or the rank \(lines.ranks[0]) occurs twice"
                : "a line is base64, one space and a rank"
            return FileFormatError(.malformed, path: path, at: .line(line, column: nil), message)
        }
        return FileFormatError(.malformed, path: path, "is not a file of ranked tokens")
    }

    /// The merges of a vocabulary in which the rank of a token is the rank of the merge that makes it.
    ///
    /// Merging always makes a token from the same two: what happens inside of a token before it is whole does not depend
    /// on its surroundings. These two are found by merging the token's bytes with all merges of lower rank. A token that
    /// does not come down to two symbols so (its parts have higher ranks than itself) can be made in every way there is.
    private static func rankModel(_ tokens: TokenTable) -> BPEModel {
        var ranked = RankedMerges(tokens)
        let byteIds = tokens.byteIds
        let longest = max(tokens.longestToken, 2)
        let symbols = UnsafeMutablePointer<Int32>.allocate(capacity: longest)
        let pairs = UnsafeMutablePointer<UInt64>.allocate(capacity: longest)
        defer {
            symbols.deallocate()
            pairs.deallocate()
        }
        tokens.withTokens { arena, starts, lengths in
            for id in 0..<lengths.count where lengths[id] > 1 {
                let bytes = UnsafeBufferPointer(start: arena + starts[id], count: Int(lengths[id]))
                for index in 0..<bytes.count { symbols[index] = byteIds[Int(bytes[index])] }
                if ranked.table.mergeByScans(symbols, length: bytes.count, pairs: pairs) == 2 {
                    ranked.note(symbols[0], symbols[1], id)
                    continue
                }
                for cut in 1..<bytes.count {
                    let left = UnsafeBufferPointer(rebasing: bytes[..<cut])
                    let right = UnsafeBufferPointer(rebasing: bytes[cut...])
                    guard let leftId = tokens.id(of: left), let rightId = tokens.id(of: right) else {
                        continue
                    }
                    ranked.note(Int32(leftId), Int32(rightId), id)
                }
            }
        }
        return BPEModel(
            tokens: tokens,
            merges: ranked.merges,
            table: ranked.table,
            lowestRanks: ranked.lowestRanks,
            takesWholePieces: true
        )
    }
}

/// Merges whose ranks are the ids of what they give.
private struct RankedMerges {
    let table: MergeTable
    private(set) var merges: [(left: Int32, right: Int32)] = []
    private(set) var lowestRanks: [Int32]

    init(_ tokens: TokenTable) {
        table = MergeTable(capacity: tokens.count)
        lowestRanks = [Int32](repeating: .max, count: tokens.idLimit)
        merges.reserveCapacity(tokens.count)
    }

    mutating func note(_ left: Int32, _ right: Int32, _ id: Int) {
        table.insert(left, right, rank: id, result: Int32(id))
        merges.append((left, right))
        lowestRanks[id] = Int32(id)
    }
}

/// Reads lines of base64, one space and a rank.
private struct RankedLines {
    /// The tokens one behind the other, where each ends, and its rank.
    private(set) var arena: [UInt8] = []
    private(set) var ends: [Int32] = []
    private(set) var ranks: [Int32] = []

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        let lines = min(bytes.count / 12, 1 << 20)
        ends.reserveCapacity(lines)
        ranks.reserveCapacity(lines)
    }

    /// Reads all lines; empty ones do not count.
    ///
    /// - Returns: False at a line that is something else.
    mutating func read() -> Bool {
        // Four digits give three bytes; the last word may be written past its end.
        let capacity = bytes.count / 4 * 3 + 4
        var isRead = true
        arena = [UInt8](unsafeUninitializedCapacity: capacity) { arena, count in
            guard let base = arena.baseAddress else { return }
            while position < bytes.count, isRead { isRead = readLine(into: base, &count) }
        }
        return isRead
    }

    private mutating func readLine(into arena: UnsafeMutablePointer<UInt8>, _ count: inout Int) -> Bool {
        if bytes[position] == 13, position + 1 == bytes.count || bytes[position + 1] == 10 { position += 1 }
        if position == bytes.count { return true }
        if bytes[position] == 10 {
            position += 1
            return true
        }
        let (end, written) = Base64.decode(bytes, from: position, to: arena + count)
        guard written > 0, end < bytes.count, bytes[end] == 32 else { return false }
        position = end + 1
        guard let rank = rank() else { return false }
        count += written
        ends.append(Int32(count))
        ranks.append(rank)
        return true
    }

    /// A number from 0 to 2^24 - 1 in at most 8 decimal digits, and the end of the line, before which a carriage return may
    /// stand.
    private mutating func rank() -> Int32? {
        let start = position
        var value: Int32 = 0
        while position < bytes.count, bytes[position] &- 48 < 10, position - start < 8 {
            value = value * 10 + Int32(bytes[position] &- 48)
            position += 1
        }
        guard position > start, value < 1 << 24 else { return nil }
        if position < bytes.count, bytes[position] == 13 { position += 1 }
        guard position < bytes.count else { return value }
        guard bytes[position] == 10 else { return nil }
        position += 1
        return value
    }
}

/// Base64 as RFC 4648 has it, with padding.
enum Base64 {
    /// The value of each digit; 255 for bytes that are none.
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 256)
        let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (value, digit) in digits.utf8.enumerated() { table[Int(digit)] = UInt8(value) }
        return table
    }()

    /// Replaces `bytes` by what a text stands for; false when the text is not base64 or empty.
    static func decode(_ text: UnsafeRawBufferPointer, into bytes: inout [UInt8]) -> Bool {
        var end = 0
        bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3 + 4) { output, count in
            if let base = output.baseAddress { (end, count) = decode(text, from: 0, to: base) }
        }
        return end == text.count && !bytes.isEmpty
    }

    /// Decodes the groups of four digits from a place on.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - start: Where the first group begins.
    ///   - output: Where the bytes go; one more than there are may be written.
    /// - Returns: Where the last group ends, and the number of bytes.
    static func decode(
        _ text: UnsafeRawBufferPointer,
        from start: Int,
        to output: UnsafeMutablePointer<UInt8>
    ) -> (end: Int, written: Int) {
        var (position, written) = (start, 0)
        values.withUnsafeBufferPointer { values in
            while position + 4 <= text.count {
                let first = values[Int(text[position])]
                let second = values[Int(text[position + 1])]
                var third = values[Int(text[position + 2])]
                var fourth = values[Int(text[position + 3])]
                var count = 3
                if (first | second | third | fourth) & 0x80 != 0 {
                    // The last group may end in one or two signs of padding.
                    guard (first | second) & 0x80 == 0, text[position + 3] == UInt8(ascii: "=") else {
                        return
                    }
                    count = text[position + 2] == UInt8(ascii: "=") ? 1 : 2
                    if count == 1 { third = 0 }
                    guard third & 0x80 == 0 else { return }
                    fourth = 0
                }
                let bits = UInt32(first) << 18 | UInt32(second) << 12 | UInt32(third) << 6 | UInt32(fourth)
                let bytes = (bits << 8).bigEndian
                UnsafeMutableRawPointer(output + written).storeBytes(of: bytes, as: UInt32.self)
                written += count
                position += 4
                if count < 3 { return }
            }
        }
        return (position, written)
    }
}
