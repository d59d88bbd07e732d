import YuyanFileFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension NGramLanguageModel {
    /// Writes the model as an ARPA file, which other programs for n-gram models read.
    ///
    /// Every token is listed, also one that never occurred; a vocabulary without a token that ends texts gets a `</s>` of
    /// probability 0, because such programs ask for one.
    ///
    /// - Parameters:
    ///   - path: The file, which appears whole or not at all.
    ///   - words: How tokens are spelled; of the model's vocabulary.
    /// - Throws: ``NGramError`` for words of another vocabulary, `FileFormatError` when the disk refuses.
    public func writeARPA(to path: String, words: ARPAWords) throws {
        guard words.words.count == vocabularySize else {
            throw NGramError("\(words.words.count) words for a vocabulary of \(vocabularySize)")
        }
        let output = ARPAOutput(try AtomicFile(path: path))
        let extra = endOfText == nil ? 2 : 1
        output.text("\\data\\\nngram 1=\(vocabularySize + extra)\n")
        for (length, count) in ngramCounts.enumerated().dropFirst() {
            output.text("ngram \(length + 1)=\(count)\n")
        }
        try withTables { tables in
            output.text("\n\\1-grams:\n")
            writeUnigrams(tables, words, output)
            try output.flush(whenOver: 0)
            for length in 1..<max(order, 1) {
                output.text("\n\\\(length + 1)-grams:\n")
                var walk = ARPAWalk(tables, words, length: length, endOfText: endOfText, output)
                try walk.write()
            }
        }
        output.text("\n\\end\\\n")
        try output.flush(whenOver: 0)
        try output.file.commit()
    }

    private func writeUnigrams(_ tables: NGramTables, _ words: ARPAWords, _ output: ARPAOutput) {
        func share(_ symbol: Int) -> Float? {
            let root = Int(tables.roots[symbol])
            return root >= 0 ? tables.levels[0].backoffs[root] : nil
        }
        output.text("-99\t<s>")
        output.backoff(share(vocabularySize))
        if endOfText == nil { output.text("-99\t</s>\n") }
        for token in 0..<vocabularySize {
            output.logarithm(tables.unigrams[token])
            output.bytes.append(9)
            output.bytes += words.words[token]
            output.backoff(Int32(token) == endOfText ? nil : share(token))
        }
    }
}

/// Bytes on their way into a file.
private final class ARPAOutput {
    let file: AtomicFile
    var bytes: [UInt8] = []

    init(_ file: AtomicFile) { self.file = file }

    func text(_ text: String) { bytes += text.utf8 }

    /// Writes the logarithm to base ten with eight decimals; −99 for what is never.
    func logarithm(_ value: Float) {
        guard value > 0 else { return text("-99") }
        let scaled = (log10(Double(value)) * 1e8).rounded()
        var rest = UInt64(scaled.magnitude)
        if scaled < 0 { bytes.append(UInt8(ascii: "-")) }
        var digits: [UInt8] = []
        while digits.count < 9 || rest > 0 {
            if digits.count == 8 { digits.append(UInt8(ascii: ".")) }
            digits.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        }
        bytes += digits.reversed()
    }

    /// Ends a line with the share of a context, where what stands in it is one.
    func backoff(_ share: Float?) {
        if let share {
            bytes.append(9)
            logarithm(share)
        }
        bytes.append(10)
    }

    func flush(whenOver limit: Int) throws {
        guard bytes.count > limit else { return }
        try bytes.withUnsafeBytes { try file.append($0) }
        bytes.removeAll(keepingCapacity: true)
    }
}

/// Walks through the contexts of a length and writes the n-grams that begin with them.
private struct ARPAWalk {
    private let tables: NGramTables
    private let words: ARPAWords
    private let length: Int
    private let endOfText: Int32?
    private let output: ARPAOutput
    /// The n-gram: the context's symbols and the token behind them.
    private var symbols: [UInt32]
    private var nodes: [Int]

    init(
        _ tables: NGramTables,
        _ words: ARPAWords,
        length: Int,
        endOfText: Int32?,
        _ output: ARPAOutput
    ) {
        (self.tables, self.words, self.length) = (tables, words, length)
        (self.endOfText, self.output) = (endOfText, output)
        symbols = Array(repeating: 0, count: length + 1)
        nodes = Array(repeating: 0, count: length + 1)
    }

    mutating func write() throws { try walk(0, 0..<tables.levels[0].contexts.count) }

    /// Goes through contexts of a level.
    private mutating func walk(_ level: Int, _ contexts: Range<Int>) throws {
        let view = tables.levels[level]
        for context in contexts {
            symbols[length - 1 - level] = view.contexts[context]
            if level == length - 1 {
                try writeFollowers(view, context)
            } else {
                try walk(level + 1, Int(view.children[context])..<Int(view.children[context + 1]))
            }
        }
    }

    private mutating func writeFollowers(_ view: NGramLevelView, _ context: Int) throws {
        for place in view.followers(context) {
            let token = view.tokens[place]
            symbols[length] = token
            output.logarithm(view.probabilities[place])
            for (index, symbol) in symbols.enumerated() {
                output.bytes.append(index == 0 ? 9 : 32)
                output.bytes += Int(symbol) < words.words.count ? words.words[Int(symbol)] : ARPAWords.begin
            }
            output.backoff(Int32(bitPattern: token) == endOfText ? nil : share())
            try output.flush(whenOver: 1 << 20)
        }
    }

    /// The share of the context that the n-gram itself is; nil when it is none.
    private mutating func share() -> Float? {
        guard length < tables.levels.count else { return nil }
        let count = symbols.count
        let found = symbols.withUnsafeBufferPointer { symbols in
            nodes.withUnsafeMutableBufferPointer { nodes -> Int in
                guard let end = symbols.baseAddress.map({ $0 + count }), let nodes = nodes.baseAddress else {
                    return 0
                }
                return tables.find(before: end, count, nodes)
            }
        }
        return found == count ? tables.levels[length].backoffs[nodes[length]] : nil
    }
}
