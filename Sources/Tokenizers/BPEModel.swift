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
    let table: MergeTable
    let characters: CharacterSymbols?
    private let longestToken: Int

    /// A model of merges in order of rank, each with the token that it gives.
    convenience init(
        tokens: TokenTable,
        merges: [(left: Int32, right: Int32)],
        results: [Int32],
        ranks: [Int]?,
        takesWholePieces: Bool
    ) {
        let table = MergeTable(capacity: merges.count)
        for index in merges.indices {
            table.insert(
                merges[index].left,
                merges[index].right,
                rank: ranks?[index] ?? index,
                result: results[index]
            )
        }
        var lowestRanks = [Int32](repeating: .max, count: tokens.idLimit)
        for index in merges.indices {
            let result = Int(results[index])
            lowestRanks[result] = min(lowestRanks[result], Int32(ranks?[index] ?? index))
        }
        self.init(
            tokens: tokens,
            merges: merges,
            table: table,
            lowestRanks: lowestRanks,
            takesWholePieces: takesWholePieces
        )
    }

    /// A model whose table of merges is made already.
    ///
    /// `lowestRanks` has the lowest rank of a merge that gives the token, for every id; `Int32.max` for none.
    init(
        tokens: TokenTable,
        merges: [(left: Int32, right: Int32)],
        table: MergeTable,
        lowestRanks: [Int32],
        takesWholePieces: Bool
    ) {
        self.tokens = tokens
        self.merges = merges
        self.table = table
        self.takesWholePieces = takesWholePieces
        byteIds = tokens.byteIds
        longestToken = tokens.longestToken
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
        case .gpt2:
            encode(text, start, scratch, { Scanner.quickGPT2(text, $0) }, { Scanner.gpt2(text, $0) })
        case .cl100k(let digits, let joins):
            encode(text, start, scratch, { Scanner.quickCL100K(text, $0) }) {
                Scanner.cl100k(text, $0, digits: digits, joinsTrailingSpace: joins)
            }
        case .o200k:
            encode(text, start, scratch, { Scanner.quickO200K(text, $0) }, { Scanner.o200k(text, $0) })
        case .whole: encode(text, start, scratch, { _ in text.end }, { _ in text.end })
        }
    }

    /// The loop over pieces.
    @inline(__always)
    private func encode(
        _ text: ScannedText,
        _ start: Int,
        _ scratch: EncoderScratch,
        _ quickEndOfPiece: (Int) -> Int,
        _ endOfPiece: (Int) -> Int
    ) {
        let bytes = text.bytes
        let quickEnd = text.end - Scanner.lookAhead
        var position = start
        while position <= quickEnd {
            // Finding the borders of many pieces before looking up any lets the look-ups wait for memory together.
            let keys = scratch.keys
            let starts = scratch.starts
            var count = 0
            while count < EncoderScratch.batchedPieces, position <= quickEnd {
                var next = quickEndOfPiece(position)
                if next == 0 { next = endOfPiece(position) }
                let length = next &- position
                keys[count] =
                    length <= PieceCache.longestPiece ? Self.key(bytes + position, length) : (.max, 0)
                starts[count] = position
                position = next
                count &+= 1
            }
            starts[count] = position
            encodeBatch(bytes, count, scratch)
        }
        while position < text.end {
            let next = endOfPiece(position)
            encodePiece(bytes + position, count: next - position, isRoomy: false, scratch)
            position = next
        }
    }

    /// Encodes the pieces whose keys and starts are in the scratch.
    private func encodeBatch(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ scratch: EncoderScratch) {
        let (keys, starts, pieces) = (scratch.keys, scratch.starts, scratch.pieces)
        scratch.reserve(4 &* count)
        var output = scratch.output + scratch.count
        var (slots, shift) = (pieces.slots, pieces.shift)
        // Reading every place once, before anything depends on it, lets the processor fetch all of them side by side.
        var touched: UInt64 = 0
        for index in 0..<count {
            let place = Int(PieceCache.hash(keys[index].0, keys[index].1) &>> shift)
            touched ^= (slots + place).pointee.low
        }
        scratch.touched = touched
        for index in 0..<count {
            let (low, high) = keys[index]
            let entry = slots + Int(PieceCache.hash(low, high) &>> shift)
            // No entry has the key of a long piece.
            if (entry.pointee.low ^ low) | (entry.pointee.high ^ high) &<< 4 == 0 {
                UnsafeMutableRawPointer(output).storeBytes(of: entry.pointee.ids, as: SIMD4<Int32>.self)
                output += Int(entry.pointee.high >> 60)
                continue
            }
            scratch.count = output - scratch.output
            encodePiece(
                bytes + starts[index],
                count: starts[index + 1] - starts[index],
                isRoomy: true,
                scratch
            )
            scratch.reserve(4 &* (count &- index))
            output = scratch.output + scratch.count
            (slots, shift) = (pieces.slots, pieces.shift)
        }
        scratch.count = output - scratch.output
    }

    /// A piece of 1 to 15 bytes as two words, of 16 bytes that may be read; the last byte has the count.
    @inline(__always)
    private static func key(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> (low: UInt64, high: UInt64) {
        let lowBits = UInt64(bitPattern: Int64(min(count, 8) &* 8))
        let highBits = UInt64(bitPattern: Int64(max(count &- 8, 0) &* 8))
        let low = ByteLanes.load(bytes) & (UInt64.max &>> (64 &- lowBits))
        let high = ByteLanes.load(bytes + 8) & ((1 &<< highBits) &- 1)
        return (low, high | UInt64(truncatingIfNeeded: count) &<< 56)
    }

    /// Encodes a piece that the first look into the cache did not find; `isRoomy` when 16 bytes may be read.
    @inline(never)
    private func encodePiece(
        _ bytes: UnsafePointer<UInt8>,
        count: Int,
        isRoomy: Bool,
        _ scratch: EncoderScratch
    ) {
        if count > PieceCache.longestPiece { return encodeLongPiece(bytes, count: count, scratch) }
        var (low, high): (UInt64, UInt64) = (0, UInt64(count) << 56)
        if isRoomy {
            (low, high) = Self.key(bytes, count)
        } else {
            for index in 0..<min(count, 8) { low |= UInt64(bytes[index]) << UInt64(8 * index) }
            for index in 8..<max(count, 8) { high |= UInt64(bytes[index]) << UInt64(8 * (index - 8)) }
        }
        let hash = PieceCache.hash(low, high)
        if let entry = scratch.pieces.find(low, high, hash) {
            scratch.reserve(4)
            UnsafeMutableRawPointer(scratch.output + scratch.count)
                .storeBytes(of: entry.pointee.ids, as: SIMD4<Int32>.self)
            scratch.count += Int(entry.pointee.high >> 60)
            return
        }
        let before = scratch.count
        if takesWholePieces, let id = tokens.id(of: UnsafeBufferPointer(start: bytes, count: count)) {
            scratch.append(Int32(id))
        } else {
            merge(bytes, count: count, scratch)
        }
        scratch.pieces.insert(low, high, ids: scratch.output + before, count: scratch.count - before)
    }

    private func encodeLongPiece(_ bytes: UnsafePointer<UInt8>, count: Int, _ scratch: EncoderScratch) {
        // Chinese, Japanese and Korean text is long pieces of which hardly one comes again.
        let mayRepeat = bytes[0] &- 0xE3 > 0x0C && count <= LongPieceCache.longestPiece
        let mayBeWhole = takesWholePieces && count <= longestToken
        let hash = mayRepeat || mayBeWhole ? TokenTable.hash(UnsafeRawPointer(bytes), count: count) : 0
        if mayRepeat, scratch.longPieces.append(bytes, count: count, hash: hash, to: scratch) { return }
        let before = scratch.count
        if mayBeWhole, let id = tokens.id(of: UnsafeBufferPointer(start: bytes, count: count), hash: hash) {
            scratch.append(Int32(id))
        } else {
            merge(bytes, count: count, scratch)
        }
        guard mayRepeat else { return }
        let ids = UnsafeBufferPointer(start: scratch.output + before, count: scratch.count - before)
        scratch.longPieces.insert(bytes, count: count, hash: hash, ids: ids)
    }

    private func merge(_ bytes: UnsafePointer<UInt8>, count: Int, _ scratch: EncoderScratch) {
        guard count <= EncoderScratch.longestScanned else {
            return mergeLong(bytes, count: count, scratch)
        }
        let length = mergeBlock(bytes, count: count, scratch)
        scratch.reserve(length)
        (scratch.output + scratch.count).update(from: scratch.symbols, count: length)
        scratch.count += length
    }

    /// Merges at most as many bytes as the buffers take.
    ///
    /// - Returns: The number of tokens, which are in the scratch's symbols.
    func mergeBlock(_ bytes: UnsafePointer<UInt8>, count: Int, _ scratch: EncoderScratch) -> Int {
        let symbols = scratch.symbols
        var length = 0
        byteIds.withUnsafeBufferPointer { ids in
            guard let ids = ids.baseAddress else { return }
            if let characters {
                length = characters.expand(bytes, count: count, ids, into: symbols)
                return
            }
            for index in 0..<count where ids[Int(bytes[index])] >= 0 {
                symbols[length] = ids[Int(bytes[index])]
                length += 1
            }
        }
        return table.mergeByScans(symbols, length: length, pairs: scratch.merges)
    }
}
