import Synchronization
import YuyanFileFormats

/// BERT's normalizer, BERT's cuts and WordPiece in one pass over the bytes, without text in between.
///
/// What one scalar becomes does not depend on its neighbours, except for a few marks that change places; a text with one of
/// these is left to the composed way. Ids equal those of the composed way.
///
/// Sendable because nothing changes after the initialiser but the pool of working memory, which has a lock.
final class FusedWordPiece: @unchecked Sendable {
    /// What becomes of a scalar: two fields in 32 bits, the action in the lower 3 bits and its operand above.
    private enum Action {
        /// It goes.
        static let drop: UInt32 = 0
        /// It ends a word.
        static let space: UInt32 = 1
        /// It is a word of its own; the operand is the id.
        static let alone: UInt32 = 2
        /// It is part of a word; the operand is the scalar that it becomes.
        static let word: UInt32 = 3
        /// It becomes several scalars of a word; the operand is the number of the expansion.
        static let expansion: UInt32 = 4
        /// It needs the composed way.
        static let other: UInt32 = 5
    }

    /// Words of up to 16 bytes, padded with zeros, that are tokens.
    private struct Word {
        var low: UInt64
        var high: UInt64
        var id: Int32
    }

    private let normalizer: BertTextNormalizer
    private let model: WordPieceModel
    private let actions: UnsafeMutablePointer<UInt32>
    private static let tableSize: UInt32 = 0x10000
    private let expansions: [[UInt8]]
    private let words: UnsafeMutablePointer<Word>
    private let wordMask: Int
    private let held = Mutex<[FusedScratch]>([])
    private let asciiFold: UInt64

    deinit {
        actions.deallocate()
        words.deallocate()
    }

    /// The fused way of some parts; nil when they are not BERT's.
    init?(_ parts: PipelineTokenizer.Parts) {
        guard let normalizer = parts.normalizer as? BertTextNormalizer, normalizer.cleansText,
            parts.preTokenizer is BertPreTokenizer, let model = parts.model as? WordPieceModel,
            model.maximumScalars >= 16
        else { return nil }
        self.normalizer = normalizer
        self.model = model
        asciiFold = normalizer.lowercases ? 0x2020_2020_2020_2020 : 0
        actions = .allocate(capacity: Int(Self.tableSize))
        var expansions: [[UInt8]] = []
        for scalar in 0..<Self.tableSize {
            (actions + Int(scalar)).initialize(
                to: Self.action(scalar, normalizer, model, &expansions)
            )
        }
        self.expansions = expansions
        var size = 64
        while size < model.vocabulary.count * 2 { size *= 2 }
        wordMask = size - 1
        words = .allocate(capacity: size)
        words.initialize(repeating: Word(low: 0, high: 0, id: -1), count: size)
        for id in 0..<Int32(model.vocabulary.size) {
            guard let bytes = model.vocabulary.bytes(of: id), bytes.count <= 16, !bytes.contains(0)
            else { continue }
            let (low, high) = Self.key(Array(bytes))
            var slot = Self.hash(low, high) & wordMask
            while words[slot].id >= 0 { slot = (slot + 1) & wordMask }
            words[slot] = Word(low: low, high: high, id: id)
        }
    }

    // MARK: Tables

    /// What becomes of a scalar.
    private static func action(
        _ scalar: UInt32,
        _ normalizer: BertTextNormalizer,
        _ model: WordPieceModel,
        _ expansions: inout [[UInt8]]
    ) -> UInt32 {
        guard let cleaned = BertTextNormalizer.cleaned(scalar) else { return Action.drop }
        if cleaned == 32 { return Action.space }
        let tables = NormalFormTables.shared
        var parts = [cleaned]
        if normalizer.dropsAccents, cleaned >= 0x80 {
            parts = tables.decomposition(cleaned, isCompatible: false).map { Array($0) } ?? parts
            parts.removeAll { UnicodeProperties.has($0, UnicodeProperties.nonspacingMark) }
            // What is left and has a combining class could change places with a neighbour.
            if parts.contains(where: { tables.combiningClass($0) != 0 }) { return Action.other }
        }
        if normalizer.lowercases {
            parts = parts.flatMap { $0 == 0x130 ? [0x69, 0x307] : [UnicodeProperties.lowercased($0)] }
        }
        guard !parts.isEmpty else { return Action.drop }
        let isPunctuation = parts.contains { UnicodeProperties.has($0, UnicodeProperties.punctuation) }
        let isSpaced = parts.contains { UnicodeProperties.has($0, UnicodeProperties.whitespace) }
        let isIdeograph = normalizer.separatesIdeographs && UnicodeProperties.isIdeograph(cleaned)
        if isSpaced || isPunctuation && (isIdeograph || parts.count > 1) { return Action.other }
        var bytes: [UInt8] = []
        for part in parts { UTF8Text.append(part, to: &bytes) }
        if isPunctuation || isIdeograph {
            var tokens: [SubwordToken] = []
            bytes.withUnsafeBufferPointer { model.encode($0, into: &tokens) }
            return tokens.count == 1 ? UInt32(tokens[0].id) << 3 | Action.alone : Action.other
        }
        if parts.count == 1 { return parts[0] << 3 | Action.word }
        expansions.append(bytes)
        return UInt32(expansions.count - 1) << 3 | Action.expansion
    }

    /// What becomes of a scalar beyond the table: words and ideographs are told apart, the rest is left alone.
    private func wideAction(_ scalar: UInt32) -> UInt32 {
        var expansions: [[UInt8]] = []
        let action = Self.action(scalar, normalizer, model, &expansions)
        return action & 7 == Action.expansion ? Action.other : action
    }

    private static func key(_ bytes: [UInt8]) -> (UInt64, UInt64) {
        var (low, high): (UInt64, UInt64) = (0, 0)
        for (index, byte) in bytes.enumerated() {
            if index < 8 {
                low |= UInt64(byte) << UInt64(index * 8)
            } else {
                high |= UInt64(byte) << UInt64(index * 8 - 64)
            }
        }
        return (low, high)
    }

    @inline(__always)
    private static func hash(_ low: UInt64, _ high: UInt64) -> Int {
        let mixed = (low ^ fusedSeed) &* 0x9E37_79B9_7F4A_7C15 ^ (high &+ fusedSeed) &* 0xC2B2_AE3D_27D4_EB4F
        return Int(truncatingIfNeeded: (mixed ^ mixed >> 32) &* 0xD6E8_FEB8_6659_FD93 >> 34)
    }

    // MARK: Encoding

    /// The ids of a text; nil when it needs the composed way.
    func encode(_ bytes: UnsafeRawBufferPointer, _ matcher: TokenMatcher?) -> [Int32]? {
        guard let matcher else { return nil }
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return [] }
        let scratch =
            held.withLock { Loan($0.popLast()) }.scratch ?? FusedScratch(maximumScalars: model.maximumScalars)
        scratch.count = 0
        defer {
            let back = Loan(scratch)
            held.withLock { if $0.count < 64 { back.give(to: &$0) } }
        }
        var position = 0
        while position < bytes.count {
            let match =
                matcher.isEmpty ? nil : matcher.next(ScannedText(base, end: bytes.count), from: position)
            guard encode(base, from: position, to: match?.start ?? bytes.count, bytes.count, scratch) else {
                return nil
            }
            guard let match else { break }
            scratch.reserve(1)
            scratch.append(match.id)
            position = match.end
        }
        return Array(UnsafeBufferPointer(start: scratch.ids, count: scratch.count))
    }

    private struct Loan: @unchecked Sendable {
        // Unchecked because the lock hands every object to one thread at a time.
        let scratch: FusedScratch?
        init(_ scratch: FusedScratch?) { self.scratch = scratch }
        func give(to pool: inout [FusedScratch]) { if let scratch { pool.append(scratch) } }
    }

    /// Encodes a stretch without added tokens; false when it needs the composed way.
    private func encode(
        _ bytes: UnsafePointer<UInt8>,
        from start: Int,
        to end: Int,
        _ limit: Int,
        _ scratch: FusedScratch
    ) -> Bool {
        var position = start
        while position < end {
            scratch.reserve(scratch.wordCapacity + 16)
            let byte = bytes[position]
            let action = byte < 0x80 ? actions[Int(byte)] : Action.other
            switch action & 7 {
            case Action.word:
                var next = position + 1
                while next < end, bytes[next] < 0x80, actions[Int(bytes[next])] & 7 == Action.word {
                    next += 1
                }
                let length = next - position
                let isPlain =
                    next == end || bytes[next] < 0x80 && actions[Int(bytes[next])] & 7 != Action.drop
                if isPlain, length <= 16, position + 16 <= limit {
                    let text = UnsafeRawPointer(bytes + position)
                    var low = text.loadUnaligned(as: UInt64.self)
                    var high: UInt64 = 0
                    if length < 8 {
                        low = fold(low & (1 << UInt64(length * 8) - 1))
                    } else {
                        low = fold(low)
                        if length > 8 {
                            high = text.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                            high = fold(length < 16 ? high & (1 << UInt64(length * 8 - 64) - 1) : high)
                        }
                    }
                    appendShort(low, high, length, scratch)
                    position = next
                } else if let next = encodeWord(bytes, from: position, to: end, scratch) {
                    position = next
                } else {
                    return false
                }
            case Action.space, Action.drop: position += 1
            case Action.alone:
                scratch.append(Int32(bitPattern: action >> 3))
                position += 1
            default:
                guard let next = encodeWord(bytes, from: position, to: end, scratch) else { return false }
                position = next
            }
        }
        return true
    }

    /// ASCII letters in lower case, where that is wanted.
    @inline(__always)
    private func fold(_ bytes: UInt64) -> UInt64 {
        let beyondA = bytes &+ 0x3F3F_3F3F_3F3F_3F3F
        let beyondZ = bytes &+ 0x2525_2525_2525_2525
        return bytes | (beyondA & ~beyondZ & 0x8080_8080_8080_8080) >> 2 & asciiFold
    }

    /// Encodes from a scalar on to the end of its word, or the one scalar that is a word of its own.
    ///
    /// - Returns: Where it ends; nil when the text needs the composed way.
    private func encodeWord(
        _ bytes: UnsafePointer<UInt8>,
        from start: Int,
        to end: Int,
        _ scratch: FusedScratch
    ) -> Int? {
        var position = start
        var (length, scalars) = (0, 0)
        let word = scratch.word
        let room = scratch.wordCapacity - 64
        scan: while position < end {
            let step = UTF8Validation.decode(bytes, at: position, end: end)
            let scalar = step.isInvalid ? 0xFFFD : step.scalar
            let action = scalar < Self.tableSize ? actions[Int(scalar)] : wideAction(scalar)
            switch action & 7 {
            case Action.drop: position += step.count
            case Action.word:
                if length < room { length += Self.store(action >> 3, word + length) }
                scalars += 1
                position += step.count
            case Action.expansion:
                let expansion = expansions[Int(action >> 3)]
                if length < room {
                    for byte in expansion {
                        word[length] = byte
                        length += 1
                        if byte & 0xC0 != 0x80 { scalars += 1 }
                    }
                } else {
                    scalars += expansion.count
                }
                position += step.count
            case Action.space:
                position += step.count
                break scan
            case Action.alone:
                if scalars == 0 {
                    scratch.append(Int32(bitPattern: action >> 3))
                    position += step.count
                    return position
                }
                break scan
            default: return nil
            }
        }
        if scalars > model.maximumScalars {
            scratch.append(model.unknown)
        } else if length > 16 {
            cut(UnsafeBufferPointer(start: word, count: length), scratch)
        } else if length > 0 {
            for index in length..<16 { word[index] = 0 }
            let text = UnsafeRawPointer(word)
            let high = text.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            appendShort(text.loadUnaligned(as: UInt64.self), high, length, scratch)
        }
        return position
    }

    @inline(__always)
    private static func store(_ scalar: UInt32, _ target: UnsafeMutablePointer<UInt8>) -> Int {
        if scalar < 0x80 {
            target[0] = UInt8(truncatingIfNeeded: scalar)
            return 1
        }
        if scalar < 0x800 {
            target[0] = UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6)
            target[1] = UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F)
            return 2
        }
        if scalar < 0x10000 {
            target[0] = UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12)
            target[1] = UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F)
            target[2] = UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F)
            return 3
        }
        target[0] = UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18)
        target[1] = UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3F)
        target[2] = UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F)
        target[3] = UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F)
        return 4
    }

    /// Appends the tokens of a word of at most 16 bytes.
    @inline(__always)
    private func appendShort(_ low: UInt64, _ high: UInt64, _ length: Int, _ scratch: FusedScratch) {
        let hash = Self.hash(low, high)
        var slot = hash & wordMask
        while words[slot].id >= 0 {
            if words[slot].low == low, words[slot].high == high {
                scratch.append(words[slot].id)
                return
            }
            slot = (slot + 1) & wordMask
        }
        appendCut(low, high, length, scratch.cache + (hash & FusedScratch.cacheMask), scratch)
    }

    /// Appends the tokens of a word that is no token, from the cache if it was seen of late.
    private func appendCut(
        _ low: UInt64,
        _ high: UInt64,
        _ length: Int,
        _ entry: UnsafeMutablePointer<FusedScratch.Entry>,
        _ scratch: FusedScratch
    ) {
        if entry.pointee.low == low, entry.pointee.high == high {
            scratch.append(entry.pointee.ids, count: Int(entry.pointee.count))
            return
        }
        let before = scratch.count
        withUnsafeBytes(of: (low.littleEndian, high.littleEndian)) { raw in
            cut(UnsafeBufferPointer(rebasing: raw.assumingMemoryBound(to: UInt8.self)[..<length]), scratch)
        }
        let count = scratch.count - before
        guard count <= 6 else { return }
        var ids: FusedScratch.Ids = (-1, -1, -1, -1, -1, -1)
        withUnsafeMutableBytes(of: &ids) { raw in
            raw.copyMemory(from: UnsafeRawBufferPointer(start: scratch.ids + before, count: count * 4))
        }
        entry.pointee = .init(low: low, high: high, ids: ids, count: Int32(count))
    }

    /// Appends the tokens of a word, cut anew.
    private func cut(_ word: UnsafeBufferPointer<UInt8>, _ scratch: FusedScratch) {
        let before = scratch.count
        var start = 0
        while start < word.count {
            guard let root = start == 0 ? 0 : model.continuation,
                let (id, end) = model.trie.longest(word, from: start, root: root), end > start
            else {
                scratch.count = before
                scratch.append(model.unknown)
                return
            }
            scratch.append(id)
            start = end
        }
    }
}

private let fusedSeed = UInt64.random(in: 0...UInt64.max)
