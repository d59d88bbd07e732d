import YuyanFileFormats

/// The symbols and candidates of one word under merging.
struct MergingMemory {
    struct Symbol {
        var start: Int32
        /// Its length; 0 once it is part of the symbol before it.
        var count: Int32
        var previous: Int32
        var next: Int32
        /// Whether it may not be merged.
        var isFrozen: Bool
        /// The place in the trie after its bytes; 0 when no piece begins with them.
        var node: PieceTrie.Node
    }

    struct Candidate {
        var score: Float
        var left: Int32
        var right: Int32
        var count: Int32

        @inline(__always)
        func isBetter(than other: Candidate) -> Bool {
            score > other.score || score == other.score && left < other.left
        }
    }

    var symbols: [Symbol] = []
    private var heap: [Candidate] = []

    mutating func push(_ candidate: Candidate) {
        heap.append(candidate)
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].isBetter(than: heap[parent]) else { break }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    mutating func pop() -> Candidate? {
        guard let best = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return best }
        heap[0] = last
        var index = 0
        while true {
            var child = 2 * index + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].isBetter(than: heap[child]) { child += 1 }
            guard heap[child].isBetter(than: heap[index]) else { break }
            heap.swapAt(index, child)
            index = child
        }
        return best
    }
}

/// SentencePiece's other three models: merges by score, single characters, whole words.
///
/// Merging takes the neighbours that together are the piece with the highest score, the leftmost of equals, until none
/// are left (BPE as SentencePiece stores it: Kudo and Richardson 2018). Unused pieces come into being and are taken apart
/// again at the end.
final class SentencePieceMerging: Sendable {
    let type: SentencePieceFile.ModelType
    private let trie: PieceTrie
    private let symbols: PieceTrie?
    private let scores: [Float]
    private let isUnused: [Bool]
    private let hasUnused: Bool
    /// The ids of special pieces, which come before those of the trie.
    private let special: [[UInt8]: Int32]
    private let unknown: Int32
    private let byteIDs: [Int32]?
    let cuts: WordCuts

    init(
        _ file: SentencePieceFile,
        symbols: PieceTrie?,
        special: [[UInt8]: Int32],
        unknown: Int32,
        byteIDs: [Int32]?
    ) throws(FileFormatError) {
        type = file.trainer.modelType
        self.symbols = symbols
        self.special = special
        self.unknown = unknown
        self.byteIDs = byteIDs
        scores = file.pieces.map(\.score)
        isUnused = file.pieces.map { $0.kind == .unused }
        hasUnused = isUnused.contains(true)
        let found = file.pieces.indices.filter { id in
            let kind = file.pieces[id].kind
            return kind == .normal || kind == .userDefined || kind == .unused
        }
        let sorted = found.sorted { file.pieces[$0].bytes.lexicographicallyPrecedes(file.pieces[$1].bytes) }
        guard let trie = PieceTrie(sorted: sorted.map { (file.pieces[$0].bytes[...], Int32($0)) }) else {
            throw FileFormatError(.limitExceeded, "the pieces need more than \(PieceTrie.mostUnits) units")
        }
        self.trie = trie
        cuts = hasUnused || type != .bpe ? .none : WordCuts(found.map { file.pieces[$0].bytes })
    }

    private func id(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int32 {
        let bytes = UnsafeBufferPointer(start: text + start, count: end - start)
        if end - start < 64, !special.isEmpty, let id = special[Array(bytes)] { return id }
        return trie.value(of: bytes) ?? unknown
    }

    func encode(_ text: UnsafePointer<UInt8>, _ count: Int, _ scratch: WordScratch) {
        scratch.wasUnknown = false
        var start = 0
        switch type {
        case .char:
            while start < count {
                let end = endOfCharacter(text, start, count).end
                append(id(text, start, end), text, start, end, scratch)
                start = end
            }
        case .word:
            while start < count {
                var end = start + UnigramModel.characterLength(text[start])
                while end < count, !WordCuts.isSpace(text, end, count) {
                    end += UnigramModel.characterLength(text[end])
                }
                append(id(text, start, min(end, count)), text, start, min(end, count), scratch)
                start = min(end, count)
            }
        case .bpe, .unigram:
            while start < count {
                let end = cuts.endOfWord(text, start, count)
                encodeWord(text, start, end, count, scratch)
                start = end
            }
        }
    }

    private func encodeWord(
        _ text: UnsafePointer<UInt8>,
        _ start: Int,
        _ end: Int,
        _ count: Int,
        _ scratch: WordScratch
    ) {
        guard end - start <= WordScratch.longestWord else {
            merge(text, start, end, scratch)
            return
        }
        let entry = scratch.entry(text + start, end - start, count - start)
        if entry.pointee.ends.w > 0 {
            scratch.reserve(4)
            entry.pointee.write(to: scratch.tokens + scratch.count, Int32(truncatingIfNeeded: start))
            scratch.count += Int(entry.pointee.ends.w)
            scratch.wasUnknown = false
            return
        }
        let first = scratch.count
        scratch.isClean = true
        merge(text, start, end, scratch)
        let tokens = scratch.count - first
        guard scratch.isClean, tokens >= 1, tokens <= 4 else { return }
        for index in 0..<tokens {
            let token = scratch.tokens[first + index]
            entry.pointee.ids[index] = token.id
            if index < 3 { entry.pointee.ends[index] = UInt8(truncatingIfNeeded: Int(token.end) - start) }
        }
        entry.pointee.ends.w = UInt8(tokens)
    }

    private func endOfCharacter(
        _ text: UnsafePointer<UInt8>,
        _ start: Int,
        _ end: Int
    ) -> (end: Int, isSymbol: Bool) {
        if let symbols, let end = symbols.longestMatch(text, start, end) { return (end, true) }
        return (min(end, start + UnigramModel.characterLength(text[start])), false)
    }

    private func merge(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ scratch: WordScratch) {
        scratch.merging.symbols.removeAll(keepingCapacity: true)
        var position = start
        while position < end {
            let character = endOfCharacter(text, position, end)
            let index = Int32(truncatingIfNeeded: scratch.merging.symbols.count)
            scratch.merging.symbols.append(
                MergingMemory.Symbol(
                    start: Int32(truncatingIfNeeded: position),
                    count: Int32(truncatingIfNeeded: character.end - position),
                    previous: index - 1,
                    next: character.end < end ? index + 1 : -1,
                    isFrozen: character.isSymbol,
                    node: walk(trie.root, text, position, character.end)
                )
            )
            position = character.end
        }
        var parts: [[UInt8]: Int] = [:]
        for index in scratch.merging.symbols.indices.dropFirst() {
            offer(Int32(index) - 1, Int32(index), text, &scratch.merging, &parts)
        }
        while let best = scratch.merging.pop() {
            join(best, text, &scratch.merging, &parts)
        }
        var index: Int32 = scratch.merging.symbols.isEmpty ? -1 : 0
        while index >= 0 {
            let symbol = scratch.merging.symbols[Int(index)]
            emit(text, Int(symbol.start), Int(symbol.start + symbol.count), parts, scratch)
            index = symbol.next
        }
    }

    private func walk(
        _ node: PieceTrie.Node,
        _ text: UnsafePointer<UInt8>,
        _ start: Int,
        _ end: Int
    ) -> PieceTrie.Node {
        var node = node
        for position in start..<end {
            guard let next = trie.step(node, text[position]) else { return 0 }
            node = next
        }
        return node
    }

    /// Notes two neighbours that together are a piece.
    @inline(__always)
    private func offer(
        _ left: Int32,
        _ right: Int32,
        _ text: UnsafePointer<UInt8>,
        _ memory: inout MergingMemory,
        _ parts: inout [[UInt8]: Int]
    ) {
        guard left >= 0, right >= 0 else { return }
        let first = memory.symbols[Int(left)]
        let second = memory.symbols[Int(right)]
        guard !first.isFrozen, !second.isFrozen, first.node != 0 else { return }
        let end = second.start + second.count
        let node = walk(first.node, text, Int(second.start), Int(end))
        let id = PieceTrie.value(node)
        guard node != 0, id >= 0 else { return }
        let count = first.count + second.count
        memory.push(MergingMemory.Candidate(score: scores[id], left: left, right: right, count: count))
        if hasUnused, isUnused[id] {
            parts[Array(UnsafeBufferPointer(start: text + Int(first.start), count: Int(count)))] = Int(
                first.count
            )
        }
    }

    @inline(__always)
    private func join(
        _ best: MergingMemory.Candidate,
        _ text: UnsafePointer<UInt8>,
        _ memory: inout MergingMemory,
        _ parts: inout [[UInt8]: Int]
    ) {
        let left = Int(best.left)
        let right = Int(best.right)
        let first = memory.symbols[left]
        let second = memory.symbols[right]
        guard first.count > 0, second.count > 0, first.count + second.count == best.count else { return }
        memory.symbols[left].count = best.count
        memory.symbols[left].node = walk(
            first.node,
            text,
            Int(second.start),
            Int(second.start + second.count)
        )
        memory.symbols[left].next = second.next
        if second.next >= 0 { memory.symbols[Int(second.next)].previous = best.left }
        memory.symbols[right].count = 0
        offer(first.previous, best.left, text, &memory, &parts)
        offer(best.left, second.next, text, &memory, &parts)
    }

    /// Appends a symbol, taking unused pieces apart.
    private func emit(
        _ text: UnsafePointer<UInt8>,
        _ start: Int,
        _ end: Int,
        _ parts: [[UInt8]: Int],
        _ scratch: WordScratch
    ) {
        let id = id(text, start, end)
        guard hasUnused else { return append(id, text, start, end, scratch) }
        var pending = [(start, end)]
        while let (start, end) = pending.popLast() {
            let id = self.id(text, start, end)
            let bytes = Array(UnsafeBufferPointer(start: text + start, count: end - start))
            if isUnused[Int(id)], let count = parts[bytes], count < end - start {
                pending.append((start + count, end))
                pending.append((start, start + count))
            } else {
                append(id, text, start, end, scratch)
            }
        }
    }

    private func append(
        _ id: Int32,
        _ text: UnsafePointer<UInt8>,
        _ start: Int,
        _ end: Int,
        _ scratch: WordScratch
    ) {
        let tokenEnd = Int32(truncatingIfNeeded: end)
        guard id == unknown else {
            scratch.append(id, tokenEnd)
            scratch.wasUnknown = false
            return
        }
        scratch.isClean = false
        if let byteIDs {
            for position in start..<end {
                let isLast = position == end - 1
                scratch.append(
                    byteIDs[Int(text[position])],
                    isLast ? tokenEnd : Int32(truncatingIfNeeded: start)
                )
            }
        } else if scratch.wasUnknown {
            scratch.tokens[scratch.count - 1].end = tokenEnd
        } else {
            scratch.append(unknown, tokenEnd)
            scratch.wasUnknown = true
        }
    }
}
