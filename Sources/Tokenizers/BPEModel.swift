/// Byte-pair merging of one piece of text at a time.
final class BPEModel: Sendable {
    /// The bytes of every token, without added ones.
    let tokens: TokenTable
    /// The merges in order of rank.
    let merges: [(left: Int32, right: Int32)]
    /// The token of each single byte; -1 where the vocabulary has none (such bytes are dropped, as the reference does).
    let byteIds: [Int32]
    /// Whether a piece that is a token as a whole is taken without merging.
    let takesWholePieces: Bool
    private let table: MergeTable
    private let characters: CharacterSymbols?

    init(
        tokens: TokenTable,
        merges: [(left: Int32, right: Int32)],
        results: [Int32],
        ranks: [Int]?,
        takesWholePieces: Bool
    ) {
        self.tokens = tokens
        self.merges = merges
        self.takesWholePieces = takesWholePieces
        byteIds = (0..<256).map { byte in tokens.id(of: [UInt8(byte)]).map { Int32($0) } ?? -1 }
        let table = MergeTable(
            merges.indices.map { (merges[$0].left, merges[$0].right, ranks?[$0] ?? $0, results[$0]) }
        )
        var lowestRanks = [Int32](repeating: .max, count: tokens.idLimit)
        for index in merges.indices {
            let result = Int(results[index])
            lowestRanks[result] = min(lowestRanks[result], Int32(ranks?[index] ?? index))
        }
        self.table = table
        characters = CharacterSymbols(
            tokens: tokens,
            byteIds: byteIds,
            merges: table,
            lowestRanks: lowestRanks
        )
    }

    /// Encodes the bytes from `start` to `end`, cut by a rule, into the scratch's output.
    func encode(_ text: ScannedText, from start: Int, rule: SplitRule, into scratch: EncoderScratch) {
        switch rule {
        case .gpt2: encode(text, start, scratch) { Scanner.gpt2(text, $0) }
        case .cl100k(let digits, let joins):
            encode(text, start, scratch) {
                Scanner.cl100k(text, $0, digits: digits, joinsTrailingSpace: joins)
            }
        case .o200k: encode(text, start, scratch) { Scanner.o200k(text, $0) }
        case .whole: encode(text, start, scratch) { _ in text.end }
        }
    }

    @inline(__always)
    private func encode(
        _ text: ScannedText,
        _ start: Int,
        _ scratch: EncoderScratch,
        _ endOfPiece: (Int) -> Int
    ) {
        var position = start
        let fastEnd = text.end - 16
        while position < text.end {
            let next = endOfPiece(position)
            let count = next - position
            if count <= 15 {
                encodeShort(text.bytes + position, count: count, hasRoom: position <= fastEnd, scratch)
            } else {
                encodePiece(text.bytes + position, count: count, scratch)
            }
            position = next
        }
    }

    /// Encodes a piece of 1 to 15 bytes through the cache.
    @inline(__always)
    private func encodeShort(
        _ bytes: UnsafePointer<UInt8>,
        count: Int,
        hasRoom: Bool,
        _ scratch: EncoderScratch
    ) {
        var low: UInt64 = 0
        var high: UInt64 = 0
        if hasRoom {
            let raw = UnsafeRawPointer(bytes)
            low = raw.loadUnaligned(as: UInt64.self)
            if count < 8 {
                low &= (1 << UInt64(8 * count)) &- 1
            } else {
                let mask = (UInt64(1) << UInt64(8 * (count - 8))) &- 1
                high = raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self) & mask
            }
        } else {
            for index in 0..<count {
                if index < 8 {
                    low |= UInt64(bytes[index]) << UInt64(8 * index)
                } else {
                    high |= UInt64(bytes[index]) << UInt64(8 * (index - 8))
                }
            }
        }
        high |= UInt64(count) << 56
        let hash = (low ^ (high &* 0xFF51_AFD7_ED55_8CCD)) &* 0x9E37_79B9_7F4A_7C15
        let slot = scratch.cache + Int(hash >> (64 - EncoderScratch.cacheBits))
        let found = slot.pointee
        if found.low == low, (found.high ^ high) << 4 == 0 {
            let ids = Int(found.high >> 60)
            scratch.reserve(4)
            let out = scratch.output + scratch.count
            out[0] = found.ids.0
            out[1] = found.ids.1
            out[2] = found.ids.2
            out[3] = found.ids.3
            scratch.count += ids
            return
        }
        let before = scratch.count
        encodePiece(bytes, count: count, scratch)
        remember(low, high, since: before, slot, scratch)
    }

    private func remember(
        _ low: UInt64,
        _ high: UInt64,
        since before: Int,
        _ slot: UnsafeMutablePointer<EncoderScratch.CachedWord>,
        _ scratch: EncoderScratch
    ) {
        let count = scratch.count - before
        guard count <= 4 else { return }
        let ids = scratch.output + before
        slot.pointee = EncoderScratch.CachedWord(
            low: low,
            high: high | UInt64(count) << 60,
            ids: (
                count > 0 ? ids[0] : 0, count > 1 ? ids[1] : 0, count > 2 ? ids[2] : 0, count > 3 ? ids[3] : 0
            )
        )
    }

    /// Encodes one piece without the cache.
    private func encodePiece(_ bytes: UnsafePointer<UInt8>, count: Int, _ scratch: EncoderScratch) {
        if takesWholePieces, let id = tokens.id(of: UnsafeBufferPointer(start: bytes, count: count)) {
            scratch.append(Int32(id))
        } else if count <= EncoderScratch.longestScanned {
            mergeByScans(bytes, count: count, scratch)
        } else {
            mergeByHeap(bytes, count: count, scratch)
        }
    }

    /// Finds the best pair by looking at all of them; fastest for words.
    private func mergeByScans(_ bytes: UnsafePointer<UInt8>, count: Int, _ scratch: EncoderScratch) {
        let symbols = scratch.symbols
        let pairs = scratch.merges
        var length = 0
        byteIds.withUnsafeBufferPointer { ids in
            if let characters, let ids = ids.baseAddress {
                length = characters.expand(bytes, count: count, ids, into: symbols)
                return
            }
            for index in 0..<count where ids[Int(bytes[index])] >= 0 {
                symbols[length] = ids[Int(bytes[index])]
                length += 1
            }
        }
        if length > 1 {
            for index in 0..<length - 1 { pairs[index] = table.merge(symbols[index], symbols[index + 1]) }
        }
        while length > 1 {
            var best = MergeTable.none
            var place = 0
            for index in 0..<length - 1 where pairs[index] < best {
                best = pairs[index]
                place = index
            }
            if best == MergeTable.none { break }
            symbols[place] = Int32(truncatingIfNeeded: best)
            length -= 1
            for index in place + 1..<max(length, place + 1) {
                symbols[index] = symbols[index + 1]
                pairs[index - 1] = pairs[index]
            }
            if place > 0 { pairs[place - 1] = table.merge(symbols[place - 1], symbols[place]) }
            if place < length - 1 { pairs[place] = table.merge(symbols[place], symbols[place + 1]) }
        }
        scratch.reserve(length)
        (scratch.output + scratch.count).update(from: symbols, count: length)
        scratch.count += length
    }

    /// A linked list and a heap: n log n, for the pieces that are no words.
    private func mergeByHeap(_ bytes: UnsafePointer<UInt8>, count: Int, _ scratch: EncoderScratch) {
        var symbols: [Int32] = []
        symbols.reserveCapacity(count)
        for index in 0..<count where byteIds[Int(bytes[index])] >= 0 {
            symbols.append(byteIds[Int(bytes[index])])
        }
        let length = symbols.count
        var next = Array(1..<Int32(length + 1))
        var previous = Array(-1..<Int32(length - 1))
        var heap = MergeHeap(capacity: length)
        func consider(_ left: Int, _ right: Int) {
            let merge = table.merge(symbols[left], symbols[right])
            if merge != MergeTable.none { heap.push(merge & 0xFFFF_FFFF_0000_0000 | UInt64(left)) }
        }
        for index in 0..<max(length - 1, 0) { consider(index, index + 1) }
        while let top = heap.pop() {
            let left = Int(top & 0xFFFF_FFFF)
            guard symbols[left] >= 0, Int(next[left]) < length else { continue }
            let right = Int(next[left])
            let merge = table.merge(symbols[left], symbols[right])
            guard merge != MergeTable.none, merge >> 32 == top >> 32 else { continue }
            symbols[left] = Int32(truncatingIfNeeded: merge)
            symbols[right] = -1
            next[left] = next[right]
            if Int(next[right]) < length { previous[Int(next[right])] = Int32(left) }
            if previous[left] >= 0 { consider(Int(previous[left]), left) }
            if Int(next[left]) < length { consider(left, Int(next[left])) }
        }
        scratch.reserve(length)
        for symbol in symbols where symbol >= 0 { scratch.append(symbol) }
    }
}

/// A binary heap of plain numbers, smallest first.
struct MergeHeap {
    private var items: [UInt64] = []

    init(capacity: Int) { items.reserveCapacity(capacity) }

    mutating func push(_ item: UInt64) {
        items.append(item)
        items.withUnsafeMutableBufferPointer { items in
            var child = items.count - 1
            while child > 0 {
                let parent = (child - 1) / 2
                guard item < items[parent] else { break }
                items[child] = items[parent]
                child = parent
            }
            items[child] = item
        }
    }

    mutating func pop() -> UInt64? {
        guard let top = items.first, let last = items.popLast() else { return nil }
        if items.isEmpty { return top }
        items.withUnsafeMutableBufferPointer { items in
            var parent = 0
            while true {
                var child = 2 * parent + 1
                guard child < items.count else { break }
                if child + 1 < items.count, items[child + 1] < items[child] { child += 1 }
                guard items[child] < last else { break }
                items[parent] = items[child]
                parent = child
            }
            items[parent] = last
        }
        return top
    }
}
