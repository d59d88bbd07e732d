import Synchronization

/// The working memory of one thread that cuts words into pieces: output, search states, merge lists, remembered words.
///
/// Not Sendable by itself; `WordScratchPool` lends each to one thread at a time.
final class WordScratch {
    /// A token and where it ends in the text; it begins where the one before it ends.
    struct Token {
        var id: Int32
        var end: Int32
    }

    /// The best way to a place in the text.
    struct State {
        var score: Double
        /// The score of the second best way.
        var second: Double
        /// Where the last piece of the best way begins.
        var start: Int32
        /// The id of that piece; negative for unknown text.
        var id: Int32
        /// Where the next piece ends, once the way is chosen.
        var next: Int32 = 0

        static let unreached = State(score: -.infinity, second: -.infinity, start: 0, id: -1)
    }

    /// A word of at most 23 bytes and its at most 4 tokens; 64 bytes, a cache line.
    struct Word {
        var low: UInt64 = 0
        var middle: UInt64 = 0
        var ids = SIMD4<Int32>()
        var scores = SIMD4<Float>()
        /// Bytes 16 to 22, then the number of bytes.
        var high: UInt64 = 0
        /// How large the sum of scores before the word may be.
        var limit: Float = 0
        /// The ends of the first three tokens, then the number of tokens: 0 when they are not known.
        ///
        /// The last token ends with the word.
        var ends = SIMD4<UInt8>()

        /// Writes four tokens, of which those that the word has are right.
        @inline(__always)
        func write(to tokens: UnsafeMutablePointer<Token>, _ start: Int32) {
            let length = Int32(truncatingIfNeeded: high >> 56)
            let count = ends.w
            tokens[0] = Token(id: ids.x, end: start &+ (count == 1 ? length : Int32(ends.x)))
            tokens[1] = Token(id: ids.y, end: start &+ (count == 2 ? length : Int32(ends.y)))
            tokens[2] = Token(id: ids.z, end: start &+ (count == 3 ? length : Int32(ends.z)))
            tokens[3] = Token(id: ids.w, end: start &+ length)
        }
    }

    /// The longest word remembered, in bytes.
    static let longestWord = 23
    /// Log2 of the number of words remembered.
    private static let cacheBits: UInt64 = 14

    private(set) var tokens: UnsafeMutablePointer<Token>
    private var capacity = 1024
    var count = 0
    /// Whether the last token is unknown text.
    var wasUnknown = false
    /// Whether the last search met only pieces whose scores 32 bits hold.
    var isClean = true
    private(set) var states: UnsafeMutablePointer<State>
    private var stateCapacity = 256
    /// The symbols and the candidates of merging.
    var merging = MergingMemory()
    /// The text under work.
    let text = NormalizedText()
    private let words: UnsafeMutablePointer<Word>

    init() {
        tokens = .allocate(capacity: capacity)
        states = .allocate(capacity: stateCapacity)
        words = .allocate(capacity: 1 << Int(Self.cacheBits))
        words.initialize(repeating: Word(), count: 1 << Int(Self.cacheBits))
    }

    deinit {
        tokens.deallocate()
        states.deallocate()
        words.deallocate()
    }

    /// Makes room for `more` tokens.
    @inline(__always)
    func reserve(_ more: Int) {
        if count + more > capacity { grow(more) }
    }

    private func grow(_ more: Int) {
        capacity = max(capacity * 2, count + more)
        let larger = UnsafeMutablePointer<Token>.allocate(capacity: capacity)
        larger.update(from: tokens, count: count)
        tokens.deallocate()
        tokens = larger
    }

    @inline(__always)
    func append(_ id: Int32, _ end: Int32) {
        reserve(1)
        tokens[count] = Token(id: id, end: end)
        count += 1
    }

    /// Makes room for states, keeping those that there are.
    @inline(__always)
    func reserveStates(_ needed: Int) -> UnsafeMutablePointer<State> {
        if needed > stateCapacity {
            let larger = UnsafeMutablePointer<State>.allocate(capacity: needed * 2)
            larger.update(from: states, count: stateCapacity)
            states.deallocate()
            states = larger
            stateCapacity = needed * 2
        }
        return states
    }

    /// The place of a word among the remembered ones; what another word left there is gone.
    ///
    /// - Parameters:
    ///   - bytes: The word.
    ///   - count: Its length, at most `longestWord`.
    ///   - available: How many bytes may be read from `bytes` on.
    /// - Returns: The word, whose tokens may not be known yet.
    @inline(__always)
    func entry(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ available: Int) -> UnsafeMutablePointer<Word> {
        var low: UInt64 = 0
        var middle: UInt64 = 0
        var high: UInt64 = 0
        if available >= 24 {
            let raw = UnsafeRawPointer(bytes)
            low = raw.loadUnaligned(as: UInt64.self)
            if count < 8 {
                low &= (1 << UInt64(8 * count)) &- 1
            } else {
                middle = raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                if count < 16 {
                    middle &= (1 << UInt64(8 * (count - 8))) &- 1
                } else {
                    high = raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
                    high &= (1 << UInt64(8 * (count - 16))) &- 1
                }
            }
        } else {
            for index in 0..<count {
                let byte = UInt64(bytes[index]) << UInt64(8 * (index & 7))
                if index < 8 { low |= byte } else if index < 16 { middle |= byte } else { high |= byte }
            }
        }
        high |= UInt64(count) << 56
        var hash = (low ^ high &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
        hash ^= hash >> 32 ^ middle
        hash = hash &* 0xD6E8_FEB8_6659_FD93
        let word = words + Int(truncatingIfNeeded: hash >> (64 - Self.cacheBits))
        if word.pointee.low != low || word.pointee.middle != middle || word.pointee.high != high {
            word.pointee.low = low
            word.pointee.middle = middle
            word.pointee.high = high
            word.pointee.ends.w = 0
        }
        return word
    }

    /// Empties the output and gives back unusually much memory.
    func clear() {
        count = 0
        text.clear()
        if capacity > 1 << 21 {
            tokens.deallocate()
            capacity = 1024
            tokens = .allocate(capacity: capacity)
        }
        if stateCapacity > 1 << 20 {
            states.deallocate()
            stateCapacity = 256
            states = .allocate(capacity: stateCapacity)
        }
    }
}

/// Lends working memory, one object to one thread at a time, and keeps a few for the next call.
final class WordScratchPool: Sendable {
    private struct Held: @unchecked Sendable {
        // Unchecked because the lock below hands every object to one thread at a time.
        var scratches: [WordScratch] = []
    }

    private struct Loan: @unchecked Sendable {
        let scratch: WordScratch?
    }

    private let held = Mutex(Held())
    private let limit = 64

    func with<Result>(_ body: (WordScratch) -> Result) -> Result {
        let lent = held.withLock { Loan(scratch: $0.scratches.popLast()) }
        let scratch = lent.scratch ?? WordScratch()
        let back = Loan(scratch: scratch)
        defer {
            held.withLock {
                if $0.scratches.count < limit, let scratch = back.scratch { $0.scratches.append(scratch) }
            }
        }
        return body(scratch)
    }
}

/// Where text may be cut before the search: beside white space (U+2581), where no piece has white space on that side.
///
/// No piece crosses such a place, so the tokens are the same.
struct WordCuts: Sendable {
    /// Between a character and white space, white space and white space, white space and a character.
    private(set) var beforeSpace = true
    private(set) var insideSpace = true
    private(set) var afterSpace = true

    /// Cuts nowhere.
    static let none = WordCuts(beforeSpace: false, insideSpace: false, afterSpace: false)

    private init(beforeSpace: Bool, insideSpace: Bool, afterSpace: Bool) {
        (self.beforeSpace, self.insideSpace, self.afterSpace) = (beforeSpace, insideSpace, afterSpace)
    }

    /// Learns where the pieces allow cuts.
    init(_ pieces: [[UInt8]]) {
        for piece in pieces {
            piece.withUnsafeBufferPointer { bytes in
                guard let base = bytes.baseAddress else { return }
                var position = 0
                var wasSpace: Bool?
                while position < bytes.count {
                    let isSpace = Self.isSpace(base, position, bytes.count)
                    switch (wasSpace, isSpace) {
                    case (false, true): beforeSpace = false
                    case (true, true): insideSpace = false
                    case (true, false): afterSpace = false
                    default: break
                    }
                    wasSpace = isSpace
                    position += isSpace ? 3 : 1
                }
            }
        }
    }

    @inline(__always)
    static func isSpace(_ text: UnsafePointer<UInt8>, _ position: Int, _ end: Int) -> Bool {
        text[position] == 0xE2 && position + 2 < end && text[position + 1] == 0x96
            && text[position + 2] == 0x81
    }

    /// The first cut after `start`, or `end`.
    @inline(__always)
    func endOfWord(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
        var position = start
        var wasSpace = false
        while position < end {
            let isSpace = Self.isSpace(text, position, end)
            if position > start {
                if isSpace ? (wasSpace ? insideSpace : beforeSpace) : (wasSpace && afterSpace) {
                    return position
                }
            }
            wasSpace = isSpace
            position += isSpace ? 3 : 1
            if !isSpace { while position < end, text[position] != 0xE2 { position += 1 } }
        }
        return end
    }
}
