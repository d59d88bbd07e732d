/// The longest common subsequence of two texts, 64 tokens of the first at a time.
///
/// After each token of the second text, a bit of the row is 0 where the length grows from one prefix of the first text
/// to the next (Hyyrö 2004).
struct CommonSubsequence: Sendable {
    private var masks: [UInt64] = []
    private var maskStarts: [Int] = []
    private var row: [UInt64] = []
    private var rows: [UInt64] = []
    private var wordCount = 0

    /// Makes a bit mask of each token's places in a text.
    ///
    /// - Parameters:
    ///   - text: numbers of tokens, all below `tokenCount`.
    ///   - tokenCount: the number of different tokens.
    private mutating func prepare(_ text: [Int32], tokenCount: Int) {
        wordCount = (text.count + 63) / 64
        masks.removeAll(keepingCapacity: true)
        if maskStarts.count < tokenCount {
            maskStarts.append(contentsOf: repeatElement(-1, count: tokenCount - maskStarts.count))
        }
        for (place, token) in text.enumerated() {
            if maskStarts[Int(token)] < 0 {
                maskStarts[Int(token)] = masks.count
                masks.append(contentsOf: repeatElement(0, count: wordCount))
            }
            masks[maskStarts[Int(token)] + place >> 6] |= 1 << UInt64(place & 63)
        }
        row.removeAll(keepingCapacity: true)
        row.append(contentsOf: repeatElement(.max, count: wordCount))
    }

    private mutating func forget(_ text: [Int32]) {
        for token in text { maskStarts[Int(token)] = -1 }
    }

    private mutating func advance(_ token: Int32) {
        let start = maskStarts[Int(token)]
        if start < 0 { return }
        var carry: UInt64 = 0
        for index in 0..<wordCount {
            let common = row[index] & masks[start + index]
            let (partial, first) = row[index].addingReportingOverflow(common)
            let (sum, second) = partial.addingReportingOverflow(carry)
            carry = first || second ? 1 : 0
            row[index] = sum | (row[index] & ~common)
        }
    }

    /// Returns the length of the longest common subsequence.
    ///
    /// - Parameters:
    ///   - first: numbers of tokens, all below `tokenCount`.
    ///   - second: numbers of tokens, all below `tokenCount`.
    ///   - tokenCount: the number of different tokens.
    /// - Returns: the length in tokens.
    mutating func length(_ first: [Int32], _ second: [Int32], tokenCount: Int) -> Int {
        if first.isEmpty || second.isEmpty { return 0 }
        prepare(first, tokenCount: tokenCount)
        for token in second { advance(token) }
        forget(first)
        return row.reduce(0) { $0 + (~$1).nonzeroBitCount }
    }

    /// Marks the places of the first text that a longest common subsequence takes.
    ///
    /// Walks back from both ends; where no token is shared it leaves the second text's token out if that costs nothing
    /// that leaving out the first's would not, as `rouge-score` does.
    mutating func mark(_ first: [Int32], _ second: [Int32], tokenCount: Int, in marks: inout [Bool]) {
        if first.isEmpty || second.isEmpty { return }
        prepare(first, tokenCount: tokenCount)
        rows.removeAll(keepingCapacity: true)
        for token in second {
            advance(token)
            rows.append(contentsOf: row)
        }
        forget(first)
        var (i, j) = (first.count, second.count)
        while i > 0, j > 0 {
            if first[i - 1] == second[j - 1] {
                marks[i - 1] = true
                i -= 1
                j -= 1
            } else if rows[(j - 1) * wordCount + (i - 1) >> 6] >> UInt64((i - 1) & 63) & 1 == 0 {
                j -= 1
            } else {
                i -= 1
            }
        }
    }
}
