/// Merging of pieces that are no words: lines of dashes, base64, text without spaces.
extension BPEModel {
    /// Bytes that are added at a time, or as many as the last token has.
    private static let blockBytes = 24
    /// How many tokens a block may go back to find a place where it fits.
    private static let mostRetries = 24

    /// Merges a long piece block by block.
    ///
    /// Tokens in a row are what merging gives for their bytes as soon as every two neighbours are what merging gives for
    /// theirs: the first merge across a border would happen just so with these two alone. So the tokens of a beginning
    /// are continued by merging the next block from one of their borders on, if the tokens left and right of the border
    /// fit; where none of the last borders does, the heap takes the whole piece.
    func mergeLong(_ bytes: UnsafePointer<UInt8>, count: Int, _ scratch: EncoderScratch) {
        // Bytes without token are dropped, which leaves tokens that do not tell where they end.
        guard characters != nil else { return mergeByHeap(bytes, count: count, scratch) }
        let before = scratch.count
        var end = 0
        while end < count {
            let lastToken = scratch.count > before ? tokens.length(of: scratch.output[scratch.count - 1]) : 0
            var target = min(end + max(Self.blockBytes, lastToken), count)
            while target < count, target > end + 1, bytes[target] & 0xC0 == 0x80 { target -= 1 }
            guard appendBlock(bytes, end: end, target: target, since: before, scratch) else {
                scratch.count = before
                return mergeByHeap(bytes, count: count, scratch)
            }
            end = target
        }
    }

    /// Makes the tokens of the first `end` bytes those of the first `target` bytes.
    ///
    /// - Returns: Whether a border was found that fits.
    private func appendBlock(
        _ bytes: UnsafePointer<UInt8>,
        end: Int,
        target: Int,
        since before: Int,
        _ scratch: EncoderScratch
    ) -> Bool {
        var start = end
        var kept = scratch.count
        for _ in 0..<Self.mostRetries {
            if kept > before {
                kept -= 1
                start -= tokens.length(of: scratch.output[kept])
            }
            guard target - start <= EncoderScratch.bufferedBytes else { return false }
            let length = mergeBlock(bytes + start, count: target - start, scratch)
            let first = scratch.symbols[0]
            if kept == before || fits(bytes + start, scratch.output[kept - 1], first, length, scratch) {
                scratch.count = kept
                scratch.reserve(length)
                (scratch.output + kept).update(from: scratch.symbols, count: length)
                scratch.count += length
                return true
            }
        }
        return false
    }

    /// Whether merging leaves a border between two tokens; the symbols of the scratch are kept.
    private func fits(
        _ border: UnsafePointer<UInt8>,
        _ left: Int32,
        _ right: Int32,
        _ length: Int,
        _ scratch: EncoderScratch
    ) -> Bool {
        if scratch.fitting == (left, right) { return true }
        let leftCount = tokens.length(of: left)
        let count = leftCount + tokens.length(of: right)
        guard length + count <= EncoderScratch.bufferedBytes else { return false }
        let symbols = scratch.symbols + length
        for index in 0..<count { symbols[index] = byteIds[Int(border[index - leftCount])] }
        guard table.mergeByScans(symbols, length: count, pairs: scratch.merges) == 2, symbols[0] == left,
            symbols[1] == right
        else { return false }
        scratch.fitting = (left, right)
        return true
    }

    /// A linked list and a heap: n log n.
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
