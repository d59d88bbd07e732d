import Dispatch
import Synchronization

/// Learns byte-pair merges from text.
///
/// The merges, ids and ties are those of Hugging Face's `BpeTrainer` with the byte-level alphabet: the most frequent
/// pair first, among equals the one with the smaller ids. The result depends on neither the number of threads nor the
/// order of the documents.
public struct BPETrainer {
    /// The number of tokens to reach: special tokens, 256 bytes and merges.
    public let vocabularySize: Int
    /// How text is cut into pieces; merges never cross a cut.
    public let splitRule: SplitRule
    /// Special tokens; they get the first ids, in this order.
    public let specialTokens: [String]
    /// Pairs seen less often than this are not merged.
    public let minimumFrequency: Int

    private let threads: Int
    private var words = WordCounts()

    /// Sets up a trainer that has seen nothing.
    ///
    /// Traps when the vocabulary has no room for the bytes and the special tokens.
    ///
    /// - Parameters:
    ///   - vocabularySize: The number of tokens to reach.
    ///   - splitRule: How text is cut into pieces.
    ///   - specialTokens: Special tokens, first one first.
    ///   - minimumFrequency: Pairs seen less often are not merged.
    ///   - threads: The most threads to count words with.
    public init(
        vocabularySize: Int,
        splitRule: SplitRule = .cl100k(digits: 3, joinsTrailingSpace: false),
        specialTokens: [String] = ["<|endoftext|>"],
        minimumFrequency: Int = 0,
        threads: Int = 64
    ) {
        guard vocabularySize >= 256 + specialTokens.count else {
            fatalError(
                "BPETrainer: vocabulary \(vocabularySize) is below 256 bytes + \(specialTokens.count) special tokens"
            )
        }
        self.vocabularySize = vocabularySize
        self.splitRule = splitRule
        self.specialTokens = specialTokens
        self.minimumFrequency = minimumFrequency
        self.threads = max(threads, 1)
    }

    /// The number of distinct pieces seen.
    public var distinctPieces: Int { words.count }

    /// Counts the pieces of a document.
    ///
    /// - Parameter text: The document; special tokens in it are ordinary characters.
    public mutating func feed(_ text: String) {
        var text = text
        text.withUTF8 { feed(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// Counts the pieces of several documents, in parallel.
    ///
    /// - Parameter documents: The documents.
    public mutating func feed(documents: some Sequence<String>) {
        var bytes: [UInt8] = []
        var ends: [Int] = []
        func flush(_ trainer: inout BPETrainer) {
            bytes.withUnsafeBytes { trainer.feed(bytes: $0, documentEnds: ends) }
            bytes.removeAll(keepingCapacity: true)
            ends.removeAll(keepingCapacity: true)
        }
        for document in documents {
            bytes.append(contentsOf: document.utf8)
            ends.append(bytes.count)
            if bytes.count > 32 << 20 { flush(&self) }
        }
        flush(&self)
    }

    /// Counts the pieces of a document of any size, in parallel.
    ///
    /// - Parameter bytes: UTF-8 text.
    public mutating func feed(bytes: UnsafeRawBufferPointer) {
        feed(bytes: bytes, documentEnds: [bytes.count])
    }

    /// Counts the pieces of documents that lie one after the other.
    ///
    /// Traps when the ends do not ascend to the number of bytes.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8 text.
    ///   - documentEnds: Where each document ends; the last is `bytes.count`.
    public mutating func feed(bytes: UnsafeRawBufferPointer, documentEnds: [Int]) {
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count > 0 else {
            return
        }
        guard documentEnds.last == bytes.count,
            zip(documentEnds, documentEnds.dropFirst()).allSatisfy({ $0 <= $1 })
        else {
            fatalError("BPETrainer: document ends must ascend to \(bytes.count)")
        }
        let ranges = Self.safeRanges(base, documentEnds)
        let limit = min(threads, SystemCounts.processors, ranges.count)
        guard limit > 1 else {
            for range in ranges {
                words.add(ScannedText(base, end: range.upperBound), from: range.lowerBound, rule: splitRule)
            }
            return
        }
        let next = Atomic<Int>(0)
        let results = Mutex<[WordCounts]>([])
        let text = SharedText(base: base)
        let rule = splitRule
        DispatchQueue.concurrentPerform(iterations: limit) { _ in
            var counts = WordCounts()
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < ranges.count else { break }
                let range = ranges[index]
                counts.add(ScannedText(text.base, end: range.upperBound), from: range.lowerBound, rule: rule)
            }
            results.withLock { $0.append(counts) }
        }
        for counts in results.withLock({ $0 }) { words.add(counts) }
    }

    private struct SharedText: @unchecked Sendable {
        // Unchecked because the text is only read, and the caller holds it until all threads have ended.
        let base: UnsafePointer<UInt8>
    }

    /// Cuts documents where every rule cuts anyway, after an ASCII letter and before a space or a line end, into ranges
    /// of about 512 KiB.
    private static func safeRanges(_ base: UnsafePointer<UInt8>, _ ends: [Int]) -> [Range<Int>] {
        let target = 1 << 19
        var ranges: [Range<Int>] = []
        var start = 0
        for end in ends {
            while end - start > target {
                var cut = start + target
                while cut < end, !(isLetter(base[cut - 1]) && (base[cut] == 32 || base[cut] == 10)) {
                    cut += 1
                }
                ranges.append(start..<cut)
                start = cut
            }
            if end > start { ranges.append(start..<end) }
            start = end
        }
        return ranges
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z")
    }

    /// Learns the merges from everything counted so far.
    ///
    /// - Parameter progress: Called now and then with the number of tokens reached; returning false stops early with
    ///   what is learned so far.
    /// - Returns: The tokenizer; its first special token is the end of text.
    public func train(progress: ((Int) -> Bool)? = nil) -> BPETokenizer {
        var learner = MergeLearner(words: words, specialTokens: specialTokens)
        learner.learn(vocabularySize: vocabularySize, minimumFrequency: minimumFrequency, progress: progress)
        let added = specialTokens.enumerated().map { AddedToken($0.element, id: Int32($0.offset)) }
        var addedTokens = AddedTokens(added)
        addedTokens.endOfText = added.first?.id
        return BPETokenizer(model: learner.model(), splitRule: splitRule, addedTokens: addedTokens)
    }
}
