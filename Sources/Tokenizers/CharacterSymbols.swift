import YuyanFileFormats

/// What the characters of two and three bytes become before any merge with a neighbour.
///
/// Merging may begin with these symbols instead of bytes wherever no token joins a part of a character to something
/// outside of it. Tokens that do so are few; the byte pairs at which they cross the border of a character are noted, and
/// beside such a border merging begins with bytes. The result is the same, with a third of the symbols.
///
/// Sendable because nothing changes after the initialiser.
final class CharacterSymbols: @unchecked Sendable {
    /// Up to three symbols; -1 for none.
    typealias Symbols = (Int32, Int32, Int32)

    private let table: UnsafeMutablePointer<Symbols>
    /// One bit per pair of bytes: whether a token crosses this border with a part of a character.
    private let crossings: UnsafeMutablePointer<UInt64>

    deinit {
        table.deallocate()
        crossings.deallocate()
    }

    /// Nil when the vocabulary lacks single bytes, which leaves holes that the reasoning above does not cover.
    init?(tokens: TokenTable, byteIds: [Int32], merges: MergeTable, lowestRanks: [Int32]) {
        guard byteIds.allSatisfy({ $0 >= 0 }) else { return nil }
        table = .allocate(capacity: 0x10000)
        table.initialize(repeating: (-1, -1, -1), count: 0x10000)
        crossings = .allocate(capacity: 1024)
        crossings.initialize(repeating: 0, count: 1024)
        // The rank of the last merge inside each character; negative when it does not become a single token.
        var lastRanks = [Int64](repeating: -1, count: 0x10000)
        for value in 0x80..<0x10000 where value & 0xF800 != 0xD800 {
            let tail = byteIds[0x80 | value & 0x3F]
            var symbols: Symbols
            if value < 0x800 {
                symbols = (byteIds[0xC0 | value >> 6], tail, -1)
            } else {
                symbols = (byteIds[0xE0 | value >> 12], byteIds[0x80 | value >> 6 & 0x3F], tail)
            }
            lastRanks[value] = Self.mergeAll(&symbols, merges)
            table[value] = symbols
        }
        tokens.withTokens { arena, starts, lengths in
            for id in 0..<lengths.count where lengths[id] > 1 {
                let bytes = UnsafeBufferPointer(start: arena + starts[id], count: Int(lengths[id]))
                if bytes.contains(where: { $0 >= 0x80 }) {
                    noteCrossings(bytes, rank: Int64(lowestRanks[id]), lastRanks)
                }
            }
        }
    }

    /// Merges two or three symbols as far as they go.
    ///
    /// - Returns: The rank of the last merge; -1 when more than one symbol is left.
    private static func mergeAll(_ symbols: inout Symbols, _ merges: MergeTable) -> Int64 {
        var last: Int64 = -1
        if symbols.2 >= 0 {
            let left = merges.merge(symbols.0, symbols.1)
            let right = merges.merge(symbols.1, symbols.2)
            let best = min(left, right)
            guard best != MergeTable.none else { return -1 }
            let result = Int32(truncatingIfNeeded: best)
            symbols = left <= right ? (result, symbols.2, -1) : (symbols.0, result, -1)
            last = Int64(best >> 32)
        }
        let merge = merges.merge(symbols.0, symbols.1)
        guard merge != MergeTable.none else { return -1 }
        symbols = (Int32(truncatingIfNeeded: merge), -1, -1)
        return max(last, Int64(merge >> 32))
    }

    /// Marks the borders inside a token that is not made of whole characters, each older than the token.
    private func noteCrossings(_ bytes: UnsafeBufferPointer<UInt8>, rank: Int64, _ lastRanks: [Int64]) {
        guard let base = bytes.baseAddress else { return }
        var (isWhole, position) = (true, 0)
        while position < bytes.count, isWhole {
            let step = UTF8Validation.decode(base, at: position, end: bytes.count)
            isWhole = !step.isInvalid
            if step.count == 2 || step.count == 3, isWhole, bytes.count > step.count {
                let last = lastRanks[Int(step.scalar)]
                isWhole = last >= 0 && last < rank
            }
            position += step.count
        }
        guard !isWhole else { return }
        for index in 1..<bytes.count where bytes[index] & 0xC0 != 0x80 {
            let pair = Int(bytes[index - 1]) << 8 | Int(bytes[index])
            crossings[pair >> 6] |= 1 << UInt64(pair & 63)
        }
    }

    @inline(__always)
    private func isCrossed(_ left: UInt8, _ right: UInt8) -> Bool {
        let pair = Int(left) << 8 | Int(right)
        return crossings[pair >> 6] >> UInt64(pair & 63) & 1 != 0
    }

    /// The symbols of a piece before merging.
    ///
    /// - Returns: Their number, at most `count`.
    func expand(
        _ bytes: UnsafePointer<UInt8>,
        count: Int,
        _ byteIds: UnsafePointer<Int32>,
        into symbols: UnsafeMutablePointer<Int32>
    ) -> Int {
        var length = 0
        var position = 0
        while position < count {
            let first = bytes[position]
            if first < 0xC0 {
                symbols[length] = byteIds[Int(first)]
                length += 1
                position += 1
                continue
            }
            let step = UTF8Validation.decode(bytes, at: position, end: count)
            let next = position + step.count
            if step.isInvalid || step.count > 3 || position > 0 && isCrossed(bytes[position - 1], first)
                || next < count && isCrossed(bytes[next - 1], bytes[next])
            {
                while position < next {
                    symbols[length] = byteIds[Int(bytes[position])]
                    length += 1
                    position += 1
                }
                continue
            }
            let found = table[Int(step.scalar)]
            symbols[length] = found.0
            length += 1
            if found.1 >= 0 {
                symbols[length] = found.1
                length += 1
                if found.2 >= 0 {
                    symbols[length] = found.2
                    length += 1
                }
            }
            position = next
        }
        return length
    }
}
