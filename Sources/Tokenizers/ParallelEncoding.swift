import Dispatch
import Synchronization

extension Tokenizer {
    /// Encodes several texts on several threads.
    ///
    /// - Parameters:
    ///   - texts: The texts.
    ///   - specialTokens: What to do with the text of special tokens; ordinary characters by default.
    ///   - threads: The most threads to use; as many as there are processors when nil.
    /// - Returns: The ids of every text, as `encode` gives them.
    public func encodeBatch(
        _ texts: [String],
        specialTokens: SpecialTokenHandling = .asText,
        threads: Int? = nil
    ) -> [[Int32]] {
        // Neighbours together: enough work for a thread to be worth its while, little enough to end at the same time.
        let groups = Parallel.groups(of: texts.map(\.utf8.count), target: 1 << 16)
        let encoded = Parallel.map(groups, threads: threads) { group in
            texts[group].map { encode($0, specialTokens: specialTokens) }
        }
        return encoded.flatMap { $0 }
    }
}

extension BPETokenizer {
    /// Encodes one text on several threads.
    ///
    /// The text is cut where the splitting rule cuts whatever stands before and behind: between a letter and white space
    /// or a symbol. Text without such places is encoded by one thread.
    ///
    /// - Parameters:
    ///   - bytes: The text; ill-formed bytes are encoded as they stand.
    ///   - specialTokens: What to do with the text of special tokens.
    ///   - threads: The most threads to use.
    /// - Returns: The ids, those that `encode` gives.
    public func encode(
        bytes: UnsafeRawBufferPointer,
        specialTokens: SpecialTokenHandling,
        threads: Int
    ) -> [Int32] {
        guard threads > 1, bytes.count > 2 * Self.stretchBytes, let base = bytes.baseAddress else {
            return encode(bytes: bytes, specialTokens: specialTokens)
        }
        let text = ScannedText(base.assumingMemoryBound(to: UInt8.self), end: bytes.count)
        let parts = stretches(of: text, addedTokens.matcher(specialTokens))
        let encoded = Parallel.map(parts, threads: threads) { part in
            switch part {
            case .token(let id): [id]
            case .text(let range, let beginsText):
                encodeStretch(
                    ScannedText(text.bytes, end: range.upperBound),
                    range.lowerBound,
                    beginsText: beginsText
                )
            }
        }
        var ids: [Int32] = []
        ids.reserveCapacity(encoded.reduce(0) { $0 + $1.count })
        for part in encoded { ids.append(contentsOf: part) }
        return ids
    }

    /// Encodes one text on several threads.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - specialTokens: What to do with the text of special tokens; ordinary characters by default.
    ///   - threads: The most threads to use.
    /// - Returns: The ids, those that `encode` gives.
    public func encode(
        _ text: String,
        specialTokens: SpecialTokenHandling = .asText,
        threads: Int
    ) -> [Int32] {
        var text = text
        return text.withUTF8 {
            encode(bytes: UnsafeRawBufferPointer($0), specialTokens: specialTokens, threads: threads)
        }
    }

    /// A part of a text that is encoded without regard to the others.
    private enum Stretch {
        case token(Int32)
        case text(Range<Int>, beginsText: Bool)
    }

    private static let stretchBytes = 1 << 16

    private func stretches(of text: ScannedText, _ matcher: TokenMatcher) -> [Stretch] {
        var parts: [Stretch] = []
        func cut(_ start: Int, _ end: Int) {
            var position = start
            while position < end {
                let next = splitRule.safeCut(
                    ScannedText(text.bytes, end: end),
                    from: position + Self.stretchBytes
                )
                parts.append(.text(position..<next, beginsText: position == start))
                position = next
            }
        }
        var position = 0
        while !matcher.isEmpty, let match = matcher.next(text, from: position) {
            cut(position, match.start)
            parts.append(.token(match.id))
            position = match.end
        }
        cut(position, text.end)
        return parts
    }
}

extension SplitRule {
    /// The first place from `position` on where every rule of this kind cuts, whatever stands before and behind; the end
    /// of the text when there is none.
    func safeCut(_ text: ScannedText, from position: Int) -> Int {
        guard self != .whole, position < text.end else { return text.end }
        var current = position
        while current < text.end, text.bytes[current] & 0xC0 == 0x80 { current += 1 }
        var isAfterLetter = false
        while current < text.end {
            let (kind, count) = text.scalar(at: current)
            let isSplit = kind == ScalarClass.whitespace || kind == ScalarClass.other
            if isAfterLetter, isSplit, text.bytes[current] != UInt8(ascii: "'") { return current }
            isAfterLetter = ClassSet.letters.contains(kind)
            current += count
        }
        return text.end
    }
}

/// Work on several threads whose results keep their order.
enum Parallel {
    /// Applies a function to every element.
    static func map<Element, Result>(
        _ elements: [Element],
        threads: Int?,
        _ body: (Element) -> Result
    ) -> [Result] {
        let limit = min(threads ?? SystemCounts.processors, elements.count)
        guard limit > 1 else { return elements.map(body) }
        return withoutActuallyEscaping(body) { body in
            [Result](unsafeUninitializedCapacity: elements.count) { results, count in
                guard let base = results.baseAddress else { return }
                let work = Work(elements: elements, results: base, body: body)
                let next = Atomic<Int>(0)
                DispatchQueue.concurrentPerform(iterations: limit) { _ in
                    while true {
                        let index = next.add(1, ordering: .relaxed).oldValue
                        guard index < work.elements.count else { break }
                        (work.results + index).initialize(to: work.body(work.elements[index]))
                    }
                }
                count = elements.count
            }
        }
    }

    private struct Work<Element, Result>: @unchecked Sendable {
        // Unchecked because every element is read and every result written by one thread, and the caller waits for all.
        let elements: [Element]
        let results: UnsafeMutablePointer<Result>
        let body: (Element) -> Result
    }

    /// Neighbours whose sizes come to about `target` together.
    static func groups(of sizes: [Int], target: Int) -> [Range<Int>] {
        var groups: [Range<Int>] = []
        var (start, sum) = (0, 0)
        for (index, size) in sizes.enumerated() {
            sum += size
            if sum >= target {
                groups.append(start..<index + 1)
                (start, sum) = (index + 1, 0)
            }
        }
        if start < sizes.count { groups.append(start..<sizes.count) }
        return groups
    }
}
