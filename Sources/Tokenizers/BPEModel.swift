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
            encode(text, start, scratch, { WindowScanner.gpt2($0) }, { Scanner.gpt2($0, $1) })
        case .cl100k(3, let joins):
            encode(text, start, scratch, { WindowScanner.cl100k($0, digits: 3) }) {
                Scanner.cl100k($0, $1, digits: 3, joinsTrailingSpace: joins)
            }
        case .cl100k(let digits, let joins):
            encode(text, start, scratch, { WindowScanner.cl100k($0, digits: digits) }) {
                Scanner.cl100k($0, $1, digits: digits, joinsTrailingSpace: joins)
            }
        case .o200k:
            encode(text, start, scratch, { WindowScanner.o200k($0) }, { Scanner.o200k($0, $1) })
        case .whole: encode(text, start, scratch, { _ in 0 }, { text, _ in text.end })
        }
    }

    /// Encodes what windows may be laid over, then the rest from a copy behind which there is room for one.
    @inline(__always)
    private func encode(
        _ text: ScannedText,
        _ start: Int,
        _ scratch: EncoderScratch,
        _ borders: (UnsafePointer<UInt8>) -> UInt64,
        _ endOfPiece: (ScannedText, Int) -> Int
    ) {
        var (text, position) = (text, start)
        var limit = text.end - WindowScanner.readBytes
        while true {
            while position <= limit {
                let count = findPieces(text, &position, limit: limit, scratch, borders, endOfPiece)
                encodeBatch(text.bytes, count, scratch)
                scratch.collectIfMany()
            }
            guard position < text.end else { return }
            text = scratch.copyOfTail(text, from: position)
            (position, limit) = (0, text.end - 1)
        }
    }

    /// Finds the next pieces, as many as a batch takes: finding the borders of many before looking up any lets the
    /// look-ups wait for memory together.
    ///
    /// - Returns: Their number; they are in the scratch's batch.
    @inline(__always)
    private func findPieces(
        _ text: ScannedText,
        _ position: inout Int,
        limit: Int,
        _ scratch: EncoderScratch,
        _ borders: (UnsafePointer<UInt8>) -> UInt64,
        _ endOfPiece: (ScannedText, Int) -> Int
    ) -> Int {
        let (bytes, batch, masks) = (text.bytes, scratch.batch, scratch.masks)
        var (start, count) = (position, 0)
        @inline(__always)
        func note(_ next: Int) {
            let length = next &- start
            // No entry has the key of a long piece.
            var (low, high) = (UInt64.max, UInt64(0))
            if length <= PieceCache.longestPiece {
                low = ByteLanes.load(bytes + start) & masks[length].low
                high = ByteLanes.load(bytes + start + 8) & masks[length].high
                high |= UInt64(truncatingIfNeeded: length) &<< 56
            }
            let hash = PieceCache.hash(low, high)
            batch[count] = EncoderScratch.Piece(low: low, high: high, hash: hash, start: start)
            start = next
            count &+= 1
        }
        while count < EncoderScratch.batchedPieces, start <= limit {
            if ByteLanes.load(bytes + start) & ByteLanes.tops == 0 {
                let window = start
                var rest = borders(bytes + window)
                while rest != 0 {
                    note(window &+ rest.trailingZeroBitCount)
                    rest &= rest &- 1
                }
                if start > window { continue }
            }
            note(endOfPiece(text, start))
        }
        batch[count].start = start
        position = start
        return count
    }

    /// Encodes the pieces of the scratch's batch.
    private func encodeBatch(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ scratch: EncoderScratch) {
        let (batch, pieces) = (scratch.batch, scratch.pieces)
        scratch.reserve(PieceCache.longestPiece &* count)
        var output = scratch.output + scratch.count
        var (slots, shift) = (pieces.slots, pieces.shift)
        // Reading every place once, before anything depends on it, lets the processor fetch all of them side by side.
        var touched: UInt64 = 0
        for index in 0..<count { touched ^= slots[PieceCache.home(batch[index].hash, shift)].low }
        scratch.touched = touched
        for index in 0..<count {
            let piece = batch + index
            // Whether the first or the second of two places is asked without a branch, which would be guessed wrongly.
            var entry = slots + PieceCache.home(piece.pointee.hash, shift)
            entry += entry.pointee.holds(piece.pointee.low, piece.pointee.high) ? 0 : 1
            if entry.pointee.holds(piece.pointee.low, piece.pointee.high) {
                UnsafeMutableRawPointer(output).storeBytes(of: entry.pointee.ids, as: SIMD4<Int32>.self)
                if entry.pointee.idCount > 4 { pieces.copyManyIds(of: entry, to: output) }
                output += entry.pointee.idCount
                continue
            }
            scratch.count = output - scratch.output
            let (start, end) = (piece.pointee.start, batch[index + 1].start)
            if end - start > PieceCache.longestPiece {
                encodeLongPiece(bytes + start, count: end - start, scratch)
            } else {
                encodePiece(bytes + start, count: end - start, piece.pointee, scratch)
            }
            scratch.reserve(PieceCache.longestPiece &* (count &- index))
            output = scratch.output + scratch.count
            (slots, shift) = (pieces.slots, pieces.shift)
        }
        scratch.count = output - scratch.output
    }

    /// Encodes a piece of at most 15 bytes that the first look into the cache did not find.
    @inline(never)
    private func encodePiece(
        _ bytes: UnsafePointer<UInt8>,
        count: Int,
        _ piece: EncoderScratch.Piece,
        _ scratch: EncoderScratch
    ) {
        let (low, high, hash) = (piece.low, piece.high, piece.hash)
        if let entry = scratch.pieces.find(low, high, hash) {
            scratch.reserve(PieceCache.longestPiece)
            let output = scratch.output + scratch.count
            UnsafeMutableRawPointer(output).storeBytes(of: entry.pointee.ids, as: SIMD4<Int32>.self)
            if entry.pointee.idCount > 4 { scratch.pieces.copyManyIds(of: entry, to: output) }
            scratch.count += entry.pointee.idCount
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
