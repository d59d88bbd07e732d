import YuyanTensorCore

/// A text as one run of symbols: tokens, and a mark where a context begins.
///
/// The mark stands before every document and behind every token that ends a text within a document; nothing is
/// predicted from what stands before it. As many marks as a context has tokens stand before everything.
struct NGramSymbols<Symbol: FixedWidthInteger & UnsignedInteger & BitwiseCopyable & Sendable>: Sendable {
    /// The marks before everything.
    let padding: Int
    /// The mark: one more than the largest token.
    let mark: Symbol
    let values: [Symbol]
    /// The number of tokens.
    let tokenCount: Int

    /// Reads a corpus.
    ///
    /// - Parameters:
    ///   - corpus: The documents.
    ///   - vocabularySize: The number of tokens V, less than the symbols' largest number.
    ///   - endOfText: The token that ends a text.
    ///   - padding: The marks before everything.
    /// - Throws: ``NGramError`` for a token outside the vocabulary, or more text than positions can be numbered.
    init(_ corpus: some NGramCorpus, vocabularySize: Int, endOfText: Int32?, padding: Int) throws {
        let mark = Symbol(vocabularySize)
        (self.padding, self.mark, tokenCount) = (padding, mark, corpus.count)
        var values = [Symbol](repeating: mark, count: padding)
        values.reserveCapacity(padding + corpus.count + corpus.documentCount)
        let piece = 1 << 16
        var buffer = [Int32](repeating: 0, count: min(piece, max(corpus.count, 1)))
        let end = endOfText ?? -1
        for document in 0..<corpus.documentCount {
            var range = corpus.range(ofDocument: document)
            // The mark before everything serves the first document.
            var isMarked = padding > 0 && document == 0
            while !range.isEmpty {
                let part = range.prefix(piece)
                buffer.withUnsafeMutableBufferPointer { corpus.copy(part, to: $0) }
                for place in 0..<part.count {
                    let token = buffer[place]
                    guard token >= 0, Int(token) < vocabularySize else {
                        throw NGramError("token \(token) is outside a vocabulary of \(vocabularySize)")
                    }
                    if !isMarked { values.append(mark) }
                    isMarked = token != end
                    values.append(Symbol(truncatingIfNeeded: token))
                }
                range = part.upperBound..<range.upperBound
            }
        }
        guard values.count < Int(Int32.max) else {
            throw NGramError(
                "\(corpus.count) tokens; an n-gram model is counted from at most \(Int32.max), documents among them"
            )
        }
        self.values = values
    }
}

/// The positions of a text's tokens, divided by the token before each.
struct NGramPartitions {
    /// The positions; owned.
    let positions: UnsafeMutablePointer<UInt32>
    /// The parts: in each the tokens before lie in a range of their own, and the ranges rise from part to part.
    let ranges: [Range<Int>]

    /// Divides positions into parts of about a size; a part is larger where one token is so frequent.
    ///
    /// What is counted does not depend on the size.
    init<Symbol>(_ text: NGramSymbols<Symbol>, size: Int) {
        let mark = text.mark
        var frequencies = [Int](repeating: 0, count: Int(mark) + 1)
        var total = 0
        positions = text.values.withUnsafeBufferPointer { values in
            for index in text.padding..<max(values.count, text.padding) where values[index] != mark {
                frequencies[Int(values[index - 1])] += 1
                total += 1
            }
            return .allocate(capacity: max(total, 1))
        }
        var part = [Int32](repeating: 0, count: frequencies.count)
        var ranges: [Range<Int>] = []
        var (start, end) = (0, 0)
        for symbol in frequencies.indices {
            if end > start, end - start + frequencies[symbol] > size {
                ranges.append(start..<end)
                start = end
            }
            part[symbol] = Int32(ranges.count)
            end += frequencies[symbol]
        }
        if end > start { ranges.append(start..<end) }
        var places = ranges.map(\.lowerBound)
        let positions = positions
        text.values.withUnsafeBufferPointer { values in
            places.withUnsafeMutableBufferPointer { places in
                part.withUnsafeBufferPointer { part in
                    for index in text.padding..<max(values.count, text.padding) where values[index] != mark {
                        let own = Int(part[Int(values[index - 1])])
                        positions[places[own]] = UInt32(truncatingIfNeeded: index)
                        places[own] += 1
                    }
                }
            }
        }
        self.ranges = ranges
    }
}

/// Sorts pairs of a token (the high half) and a number (the low half) by the token.
enum TokenPairs {
    /// Sorts pairs in place.
    ///
    /// - Parameters:
    ///   - pairs: The pairs.
    ///   - count: How many.
    ///   - scratch: Room for as many.
    ///   - tokenBits: The bits that tokens have.
    static func sort(
        _ pairs: UnsafeMutablePointer<UInt64>,
        _ count: Int,
        _ scratch: UnsafeMutablePointer<UInt64>,
        tokenBits: Int
    ) {
        if count <= 40 { return insert(pairs, count) }
        let digit = count < 1024 ? 6 : 11
        var (from, to) = (pairs, scratch)
        for low in stride(from: 0, to: tokenBits, by: digit) {
            withUnsafeTemporaryAllocation(of: Int.self, capacity: 1 << digit) { places in
                places.initialize(repeating: 0)
                let (shift, mask) = (UInt64(32 + low), UInt64(1 << digit) - 1)
                for index in 0..<count { places[Int(from[index] &>> shift & mask)] &+= 1 }
                var sum = 0
                for value in 0..<(1 << digit) { (places[value], sum) = (sum, sum &+ places[value]) }
                for index in 0..<count {
                    let value = Int(from[index] &>> shift & mask)
                    to[places[value]] = from[index]
                    places[value] &+= 1
                }
            }
            swap(&from, &to)
        }
        if from != pairs { pairs.update(from: from, count: count) }
    }

    private static func insert(_ pairs: UnsafeMutablePointer<UInt64>, _ count: Int) {
        guard count > 1 else { return }
        for index in 1..<count {
            let pair = pairs[index]
            var place = index
            while place > 0, pairs[place - 1] > pair {
                pairs[place] = pairs[place - 1]
                place -= 1
            }
            pairs[place] = pair
        }
    }
}
