import YuyanFileFormats

/// Takes the vocabulary and the merges of byte-level pairs from the bytes of a `tokenizer.json`, without a value for each
/// of a hundred thousand strings.
///
/// It takes only what it understands in full; the rest, and every error, is left to the reader of parsed documents.
final class BytePairScanner {
    /// The vocabulary, when it was taken.
    private(set) var vocabulary: TokenizerReader.Vocabulary?
    /// The merges and what they give, when they were taken.
    private(set) var merges: [(left: Int32, right: Int32)] = []
    private(set) var results: [Int32] = []
    private var isTaken = false
    private var isBare = true

    /// Whether vocabulary and merges were both taken.
    var isComplete: Bool { vocabulary != nil && isTaken }

    /// Takes a member if it is the vocabulary or the merges of byte-level pairs.
    ///
    /// - Returns: Where the member ends; nil when the parser is to read it.
    func take(_ member: JSONMemberInParsing) -> Int? {
        switch member.keys {
        case ["normalizer"], ["truncation"], ["padding"]:
            if member.bytes[member.start] != UInt8(ascii: "n") { isBare = false }
            return nil
        case ["model", "vocab"]:
            guard isBare, vocabulary == nil, member.earlier["type"].map({ $0 == "BPE" }) ?? true,
                member.earlier["byte_fallback"] != true, member.earlier["merges"] == nil
            else { return nil }
            return takeVocabulary(member.bytes, from: member.start)
        case ["model", "merges"]:
            guard let vocabulary, !isTaken else { return nil }
            return takeMerges(member.bytes, from: member.start, vocabulary.tokens)
        default: return nil
        }
    }

    /// Takes an object of spelled tokens and ids.
    ///
    /// - Returns: Where it ends; nil when something in it is not plain.
    func takeVocabulary(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        guard bytes.count < 1 << 31 else { return nil }
        var text = SpelledText(bytes, at: start)
        var (ends, ids): ([Int32], [Int32]) = ([], [])
        var irregular: [Int32: String] = [:]
        ends.reserveCapacity(min((bytes.count - start) / 24, 1 << 20))
        ids.reserveCapacity(ends.capacity)
        var isRead = false
        let arena = [UInt8](unsafeUninitializedCapacity: bytes.count - start + 8) { arena, count in
            guard let base = arena.baseAddress, text.skip(UInt8(ascii: "{")) else { return }
            repeat {
                guard text.skip(UInt8(ascii: "\"")) else { return }
                let quote = text.position - 1
                if let length = text.spelled(until: UInt8(ascii: "\""), into: base + count) {
                    guard text.skip(UInt8(ascii: ":")), let id = text.id() else { return }
                    count += length
                    ends.append(Int32(count))
                    ids.append(id)
                } else {
                    guard let token = text.string(from: quote), ByteAlphabet.bytes(of: token) == nil,
                        text.skip(UInt8(ascii: ":")), let id = text.id(),
                        irregular.updateValue(token, forKey: id) == nil
                    else { return }
                }
            } while text.skip(UInt8(ascii: ","))
            isRead = text.skip(UInt8(ascii: "}"))
        }
        // The copy has no more room than it needs.
        let farthest = max(Int(ids.max() ?? 0), Int(irregular.keys.max() ?? 0))
        guard isRead, farthest < TokenVocabulary.idLimit(forTokens: ids.count + irregular.count),
            Set(irregular.values.map { Array($0.utf8) }).count == irregular.count,
            let tokens = TokenTable(arena: arena.withUnsafeBufferPointer { Array($0) }, ends: ends, ids: ids),
            irregular.keys.allSatisfy({ tokens.bytes(of: Int($0)) == nil })
        else { return nil }
        vocabulary = TokenizerReader.Vocabulary(tokens: tokens, irregular: irregular)
        return text.position
    }

    /// Takes an array of merges, each two spelled tokens in an array or in a string with a space between them.
    ///
    /// - Returns: Where it ends; nil when something in it is not plain.
    private func takeMerges(
        _ bytes: UnsafeBufferPointer<UInt8>,
        from start: Int,
        _ tokens: TokenTable
    ) -> Int? {
        var text = SpelledText(bytes, at: start)
        merges.reserveCapacity(tokens.count)
        results.reserveCapacity(tokens.count)
        let longest = tokens.longestToken
        // Characters are read as long as there is a token of so many bytes.
        let pair = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * longest + 16)
        defer { pair.deallocate() }
        guard text.skip(UInt8(ascii: "[")) else { return nil }
        repeat {
            let isArray = text.skip(UInt8(ascii: "["))
            let separator = UInt8(ascii: isArray ? "\"" : " ")
            guard text.skip(UInt8(ascii: "\"")),
                let left = text.spelled(until: separator, into: pair, limit: longest)
            else { return nil }
            if isArray, !text.skip(UInt8(ascii: ",")) || !text.skip(UInt8(ascii: "\"")) { return nil }
            guard let right = text.spelled(until: UInt8(ascii: "\""), into: pair + left, limit: longest),
                !isArray || text.skip(UInt8(ascii: "]")), note(pair, left, right, tokens)
            else { return nil }
        } while text.skip(UInt8(ascii: ","))
        guard text.skip(UInt8(ascii: "]")) else { return nil }
        isTaken = true
        return text.position
    }

    /// Reads GPT-2's pair of files: an object of spelled tokens and ids, and lines of two spelled tokens with a space between
    /// them, the first of which may be "#version" and more.
    ///
    /// - Returns: Whether all of it was plain.
    func readPair(vocabulary: UnsafeRawBufferPointer, merges: UnsafeRawBufferPointer) -> Bool {
        let bytes = vocabulary.bindMemory(to: UInt8.self)
        guard let end = takeVocabulary(bytes, from: 0), let tokens = self.vocabulary?.tokens else {
            return false
        }
        var rest = SpelledText(bytes, at: end)
        return rest.isAtEnd() && readMergeLines(merges.bindMemory(to: UInt8.self), tokens)
    }

    private func readMergeLines(_ bytes: UnsafeBufferPointer<UInt8>, _ tokens: TokenTable) -> Bool {
        let longest = tokens.longestToken
        let pair = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * longest + 16)
        defer { pair.deallocate() }
        var start = 0
        if bytes.starts(with: "#version".utf8) { start = (bytes.firstIndex(of: 10) ?? bytes.count - 1) + 1 }
        var text = SpelledText(bytes, at: start, isJSON: false)
        while text.position < bytes.count {
            if bytes[text.position] == 10 {
                _ = text.skip(10)
                continue
            }
            guard let left = text.spelled(until: 32, into: pair, limit: longest),
                let right = text.spelled(until: 10, into: pair + left, limit: longest),
                note(pair, left, right, tokens)
            else { return false }
        }
        return true
    }

    /// Notes the merge of two tokens that lie one behind the other.
    private func note(_ pair: UnsafePointer<UInt8>, _ left: Int, _ right: Int, _ tokens: TokenTable) -> Bool {
        // Mostly a merge gives the token behind that of the merge before it.
        let whole = UnsafeBufferPointer(start: pair, count: left + right)
        let next = (results.last ?? -1) + 1
        let result = tokens.has(whole, id: next) ? Int(next) : tokens.id(of: whole)
        guard left > 0, right > 0, let result,
            let leftId = tokens.id(of: UnsafeBufferPointer(start: pair, count: left)),
            let rightId = tokens.id(of: UnsafeBufferPointer(start: pair + left, count: right))
        else { return false }
        merges.append((Int32(leftId), Int32(rightId)))
        results.append(Int32(result))
        return true
    }
}

/// JSON text of strings in which bytes are spelled by their stand-ins.
private struct SpelledText {
    /// What a character of one byte, or of two (from 256 on), stands for; -1 for nothing.
    private static let jsonValues: [Int16] = {
        var values = plainValues
        // These have another meaning in JSON.
        values[Int(UInt8(ascii: "\""))] = -1
        values[Int(UInt8(ascii: "\\"))] = -1
        return values
    }()

    private static let plainValues: [Int16] = {
        var values = [Int16](repeating: -1, count: 256 + 324)
        for (byte, scalar) in ByteAlphabet.scalars.enumerated() {
            if scalar.value < 0x80 { values[Int(scalar.value)] = Int16(byte) }
            values[256 + Int(scalar.value)] = Int16(byte)
        }
        return values
    }()

    private let bytes: UnsafeBufferPointer<UInt8>
    private let values: [Int16]
    private(set) var position: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, at position: Int, isJSON: Bool = true) {
        self.bytes = bytes
        values = isJSON ? Self.jsonValues : Self.plainValues
        self.position = position
    }

    /// Steps over white space and a byte, if it is the next one.
    @inline(__always)
    mutating func skip(_ byte: UInt8) -> Bool {
        if position < bytes.count, bytes[position] != byte { skipSpace() }
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    @inline(__always)
    private mutating func skipSpace() {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 32 || byte == 10 || byte == 13 || byte == 9 else { return }
            position += 1
        }
    }

    /// Whether nothing but white space is left.
    mutating func isAtEnd() -> Bool {
        skipSpace()
        return position == bytes.count
    }

    /// An id from 0 to 2^24 - 1, as JSON writes whole numbers; what follows it is not looked at.
    @inline(__always)
    mutating func id() -> Int32? {
        skipSpace()
        let start = position
        var value: Int32 = 0
        while position < bytes.count, bytes[position] &- 48 < 10, position - start < 8 {
            value = value * 10 + Int32(bytes[position] &- 48)
            position += 1
        }
        let hasSuperfluousZero = position - start > 1 && bytes[start] == 48
        return position > start && !hasSuperfluousZero && value < 1 << 24 ? value : nil
    }

    /// The bytes that a string stands for, whose opening quote was read, and steps over the byte that ends it.
    ///
    /// - Returns: Their number, at most `limit`; nil when something is no stand-in, and then nothing is known.
    @inline(__always)
    mutating func spelled(
        until end: UInt8,
        into output: UnsafeMutablePointer<UInt8>,
        limit: Int = .max
    ) -> Int? {
        var (count, place) = (0, position)
        while place < bytes.count {
            let byte = bytes[place]
            var value = values[Int(byte)]
            if value < 0 {
                if byte == end {
                    position = place + 1
                    return count
                }
                guard let (found, next) = wide(byte, place) else { return nil }
                (value, place) = (found, next - 1)
            }
            guard count < limit else { return nil }
            output[count] = UInt8(truncatingIfNeeded: value)
            count += 1
            place += 1
        }
        // The end of a file ends its last line.
        guard end == 10 else { return nil }
        position = place
        return count
    }

    /// A stand-in of two bytes or behind a backslash, and where it ends.
    @inline(__always)
    private func wide(_ first: UInt8, _ place: Int) -> (value: Int16, end: Int)? {
        guard place + 1 < bytes.count else { return nil }
        let second = bytes[place + 1]
        if first &- 0xC2 < 4, second & 0xC0 == 0x80 {
            return standIn(Int(first & 0x1F) << 6 | Int(second & 0x3F), place + 2)
        }
        guard first == UInt8(ascii: "\\") else { return nil }
        switch second {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return standIn(Int(second), place + 2)
        case UInt8(ascii: "u"):
            guard place + 6 <= bytes.count else { return nil }
            var scalar = 0
            for index in place + 2..<place + 6 {
                guard let digit = Self.hexDigit(bytes[index]) else { return nil }
                scalar = scalar << 4 | digit
            }
            return standIn(scalar, place + 6)
        default: return nil
        }
    }

    private static func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte) - 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte) - 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte) - 55
        default: nil
        }
    }

    private func standIn(_ scalar: Int, _ end: Int) -> (value: Int16, end: Int)? {
        // The quote and the backslash, too, which `values` has not among characters of one byte.
        guard scalar < 324, values[256 + scalar] >= 0 else { return nil }
        return (values[256 + scalar], end)
    }

    /// The string that begins with the quote at a place.
    mutating func string(from quote: Int) -> String? {
        var end = quote + 1
        while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
            end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard end < bytes.count else { return nil }
        position = end + 1
        let text = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[quote...end]))
        do throws(FileFormatError) {
            return try JSONValue(parsing: text).stringValue
        } catch {
            return nil
        }
    }
}
