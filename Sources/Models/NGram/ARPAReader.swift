import YuyanFileFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What became of an ARPA file's words.
public struct ARPASummary: Sendable, Hashable {
    /// The number of different words in the file.
    public let words: Int
    /// How many of them are no tokens; their n-grams are left out.
    public let foreignWords: Int
    /// How many tokens the file lacks; they have the probability of its `<unk>`.
    public let missingTokens: Int
}

extension NGramLanguageModel {
    /// Reads an ARPA file.
    ///
    /// The words are those of a tokenizer's tokens: `<s>` is the beginning of a text, `</s>` the token that ends it.
    /// The memory is some times the file's size.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - words: How tokens are spelled.
    ///   - isCancelled: Asked now and then.
    /// - Returns: The model, and what became of the words.
    /// - Throws: `FileFormatError` with the line and what is wrong in it, `CancellationError`.
    public static func readARPA(
        _ path: String,
        words: ARPAWords,
        isCancelled: () -> Bool = { false }
    ) throws -> (model: NGramLanguageModel, summary: ARPASummary) {
        var file = try ARPAFile(path, words)
        try file.read(isCancelled)
        let mark = UInt32(words.words.count)
        guard file.grams[0].values.contains(where: { $0 != mark }) else {
            throw FileFormatError(
                .mismatch,
                path: path,
                "none of its words is a token of the tokenizer; use the tokenizer whose tokens the file counts"
            )
        }
        var unigrams = [Float](repeating: -1, count: words.words.count)
        for row in 0..<file.grams[0].count where file.grams[0].values[row] != mark {
            unigrams[Int(file.grams[0].values[row])] = file.grams[0].probabilities[row]
        }
        let missing = unigrams.count { $0 < 0 }
        for token in unigrams.indices where unigrams[token] < 0 { unigrams[token] = file.unknownProbability }
        let model = try NGramLanguageModel(
            vocabularySize: words.words.count,
            endOfText: words.endOfText,
            minimumCounts: [],
            discounts: [],
            unseenProbability: file.unknownProbability,
            unigrams: .memory(unigrams),
            levels: try file.levels()
        )
        let summary = ARPASummary(
            words: file.wordCount,
            foreignWords: file.foreignWords,
            missingTokens: missing
        )
        return (model, summary)
    }
}

/// N-grams of one length, or contexts, as rows of symbols.
private struct GramRows {
    let width: Int
    var values: [UInt32] = []
    var probabilities: [Float] = []
    var backoffs: [Float] = []

    init(width: Int) { self.width = width }

    var count: Int { values.count / width }
    var isEmpty: Bool { values.isEmpty }

    /// The numbers of the rows in order.
    func sorted() -> [Int] {
        values.withUnsafeBufferPointer { values in
            (0..<count).sorted { left, right in
                Self.order(values, left * width, right * width, width) < 0
            }
        }
    }

    /// Less than 0, 0, or more as a row stands before, with or behind another.
    static func order(
        _ values: UnsafeBufferPointer<UInt32>,
        _ left: Int,
        _ right: Int,
        _ width: Int
    ) -> Int {
        for place in 0..<width where values[left + place] != values[right + place] {
            return values[left + place] < values[right + place] ? -1 : 1
        }
        return 0
    }

    func equal(_ left: Int, _ right: Int) -> Bool {
        values[left * width..<(left + 1) * width].elementsEqual(values[right * width..<(right + 1) * width])
    }
}

/// An ARPA file on its way into memory.
private struct ARPAFile {
    private let reader: LineReader
    private let words: ARPAWords
    private let path: String
    /// The n-grams by length; in each row the context read backwards and then the token.
    private(set) var grams: [GramRows] = []
    private(set) var unknownProbability = ARPAFile.leastProbability
    private(set) var wordCount = 0
    private(set) var foreignWords = 0
    private var counts: [Int] = []
    /// Of each token and the beginning of a text whether it had a row.
    private var isKnown: [Bool]
    /// What a probability of 0 is read as, and that of words the file does not tell of.
    private static let leastProbability = Float.leastNormalMagnitude

    init(_ path: String, _ words: ARPAWords) throws {
        (self.path, self.words) = (path, words)
        isKnown = [Bool](repeating: false, count: words.words.count + 1)
        reader = try LineReader(path: path, maximumLineLength: 1 << 20)
    }

    private func wrong(
        _ message: String,
        _ code: FileFormatError.Code = .malformed
    ) -> FileFormatError {
        FileFormatError(code, path: path, at: .line(reader.lineNumber, column: nil), message)
    }

    /// The next line without white space around it.
    private func line() throws -> ArraySlice<UInt8>? {
        guard let bytes = try reader.nextBytes() else { return nil }
        var line = bytes[...]
        while let last = line.last, last == 32 || last == 9 { line.removeLast() }
        while let first = line.first, first == 32 || first == 9 { line.removeFirst() }
        return line
    }

    private func contentLine() throws -> ArraySlice<UInt8> {
        while let line = try line() {
            if !line.isEmpty { return line }
        }
        throw wrong("the file ends before its '\\end\\'", .truncated)
    }

    mutating func read(_ isCancelled: () -> Bool) throws {
        let data = Array("\\data\\".utf8)
        while true {
            guard let line = try line() else {
                throw FileFormatError(
                    .malformed,
                    path: path,
                    "there is no line '\\data\\'; an ARPA file has one"
                )
            }
            if line.elementsEqual(data) { break }
        }
        var line = try contentLine()
        while line.starts(with: "ngram ".utf8) {
            let parts = line.dropFirst("ngram ".utf8.count).split(separator: UInt8(ascii: "="))
            guard parts.count == 2, let order = Self.integer(parts[0]), let count = Self.integer(parts[1]),
                order == counts.count + 1, count >= 0
            else { throw wrong("'ngram \(counts.count + 1)=' and a count is needed") }
            guard NGramOptions.orders.contains(order) else {
                throw wrong(
                    "n-grams of \(order) tokens; at most \(NGramOptions.orders.upperBound) are read",
                    .unsupported
                )
            }
            counts.append(count)
            line = try contentLine()
        }
        guard !counts.isEmpty else { throw wrong("'ngram 1=' and a count is needed") }
        for order in counts.indices {
            guard line.elementsEqual("\\\(order + 1)-grams:".utf8) else {
                throw wrong("'\\\(order + 1)-grams:' is needed here")
            }
            line = try readSection(order, isCancelled)
        }
        guard line.elementsEqual("\\end\\".utf8) else { throw wrong("'\\end\\' is needed here") }
    }

    private static func integer(_ bytes: ArraySlice<UInt8>) -> Int? {
        let text = String(decoding: bytes, as: UTF8.self)
        return Int(text.filter { $0 != " " && $0 != "\t" })
    }

    /// Reads the n-grams of a length; returns the line behind them.
    private mutating func readSection(
        _ order: Int,
        _ isCancelled: () -> Bool
    ) throws -> ArraySlice<UInt8> {
        var rows = GramRows(width: order + 1)
        var found = 0
        while true {
            let line = try contentLine()
            if line.first == UInt8(ascii: "\\") {
                guard found == counts[order] else {
                    throw wrong(
                        "\(found) n-grams of \(order + 1) tokens, where the beginning of the file tells of \(counts[order])",
                        .mismatch
                    )
                }
                grams.append(rows)
                return line
            }
            found += 1
            if found % 65_536 == 0, isCancelled() { throw CancellationError() }
            try add(line.split { $0 == 9 || $0 == 32 }, to: &rows)
        }
    }

    private mutating func add(_ fields: [ArraySlice<UInt8>], to rows: inout GramRows) throws {
        let width = rows.width
        guard fields.count == width + 1 || fields.count == width + 2 else {
            throw wrong(
                "\(fields.count) fields; a logarithm, \(width) words and perhaps a weight of backing off are needed"
            )
        }
        let probability = max(try number(fields[0], most: 1), Self.leastProbability)
        let backoff =
            fields.count == width + 2 ? try number(fields[width + 1], most: .greatestFiniteMagnitude) : 1
        let own = fields[1...width].map { words.symbol(Array($0)) }
        if width == 1 {
            wordCount += 1
            if fields[1].elementsEqual(ARPAWords.unknownWord) { unknownProbability = probability }
            let isMarker =
                fields[1].elementsEqual(ARPAWords.unknownWord) || fields[1].elementsEqual(ARPAWords.end)
            if own[0] == nil, !isMarker { foreignWords += 1 }
            if let symbol = own[0].map({ Int($0) }) {
                guard !isKnown[symbol] else {
                    throw wrong(
                        "the word '\(String(decoding: fields[1].prefix(40), as: UTF8.self))' stands twice",
                        .duplicate
                    )
                }
                isKnown[symbol] = true
            }
        }
        let symbols = own.compactMap { $0 }
        let mark = UInt32(words.words.count)
        let end = words.endOfText.map { UInt32(bitPattern: $0) }
        // What a text cannot hold is never looked up: a beginning that is not first, or an end that is not last.
        guard symbols.count == width, !symbols.dropFirst().contains(mark),
            !symbols.dropLast().contains(where: { $0 == end })
        else { return }
        rows.values += symbols.dropLast().reversed()
        rows.values.append(symbols[width - 1])
        rows.probabilities.append(probability)
        rows.backoffs.append(symbols[width - 1] == end ? 1 : backoff)
    }

    /// Ten to the power that a field holds.
    private func number(_ field: ArraySlice<UInt8>, most: Float) throws -> Float {
        guard let logarithm = Double(String(decoding: field, as: UTF8.self)), !logarithm.isNaN else {
            throw wrong("'\(String(decoding: field.prefix(40), as: UTF8.self))' is no number")
        }
        let value = Float(pow(10, logarithm))
        // Rounding may leave a logarithm a little above 0.
        if value > most, logarithm < 1e-4 { return most }
        guard value <= most else {
            throw wrong("\(logarithm) is the logarithm of no \(most == 1 ? "probability" : "weight")")
        }
        return value
    }

    // MARK: Tables

    /// The levels of the model, from the longest contexts down.
    func levels() throws -> [NGramLevel] {
        var levels: [NGramLevel] = []
        var longer = GramRows(width: grams.count)
        var longerOrder: [Int] = []
        for length in stride(from: grams.count - 1, to: 0, by: -1) {
            let contexts = contexts(length, longer, longerOrder)
            let children = length == grams.count - 1 ? [] : starts(contexts, longer)
            levels.append(try level(length, contexts, children))
            (longer, longerOrder) = (contexts, Array(0..<contexts.count))
        }
        return levels.reversed()
    }

    /// The contexts of a length in order: of n-grams, with a weight of their own, and the ends of longer ones.
    private func contexts(_ length: Int, _ longer: GramRows, _ longerOrder: [Int]) -> GramRows {
        var rows = GramRows(width: length)
        let following = grams[length]
        for row in 0..<following.count {
            rows.values += following.values[row * (length + 1)..<row * (length + 1) + length]
        }
        let candidates = rows.count
        let own = grams[length - 1]
        for row in 0..<own.count where own.backoffs[row] != 1 {
            rows.values.append(own.values[(row + 1) * length - 1])
            rows.values += own.values[row * length..<(row + 1) * length - 1]
        }
        let weighted = rows.count
        for row in longerOrder {
            rows.values += longer.values[row * (length + 1)..<row * (length + 1) + length]
        }
        var weights: [Int: Float] = [:]
        weights.reserveCapacity(weighted - candidates)
        var number = candidates
        for row in 0..<own.count where own.backoffs[row] != 1 {
            weights[number] = own.backoffs[row]
            number += 1
        }
        var contexts = GramRows(width: length)
        var last: Int?
        for row in rows.sorted() {
            if last.map({ rows.equal($0, row) }) ?? false {
                if let weight = weights[row] { contexts.backoffs[contexts.backoffs.count - 1] = weight }
                continue
            }
            contexts.values += rows.values[row * length..<(row + 1) * length]
            contexts.backoffs.append(weights[row] ?? 1)
            last = row
        }
        return contexts
    }

    /// Where the rows begin that extend each context by one symbol; both are in order.
    private func starts(_ contexts: GramRows, _ longer: GramRows) -> [UInt32] {
        let width = contexts.width
        var starts: [UInt32] = []
        var place = 0
        for context in 0..<contexts.count {
            starts.append(UInt32(place))
            let own = contexts.values[context * width..<(context + 1) * width]
            while place < longer.count,
                longer.values[place * (width + 1)..<place * (width + 1) + width].elementsEqual(own)
            { place += 1 }
        }
        starts.append(UInt32(place))
        return starts
    }

    private func level(_ length: Int, _ contexts: GramRows, _ children: [UInt32]) throws -> NGramLevel {
        let own = grams[length]
        var sorted = GramRows(width: length + 1)
        sorted.values.reserveCapacity(own.values.count)
        var last: Int?
        for row in own.sorted() {
            if last.map({ own.equal($0, row) }) ?? false {
                throw FileFormatError(
                    .duplicate,
                    path: path,
                    "an n-gram of \(length + 1) tokens stands there twice"
                )
            }
            sorted.values += own.values[row * (length + 1)..<(row + 1) * (length + 1)]
            sorted.probabilities.append(own.probabilities[row])
            last = row
        }
        return NGramLevel(
            contexts: .memory((0..<contexts.count).map { contexts.values[($0 + 1) * length - 1] }),
            backoffs: .memory(contexts.backoffs),
            children: .memory(children),
            starts: .memory(starts(contexts, sorted)),
            tokens: .memory((0..<sorted.count).map { sorted.values[($0 + 1) * (length + 1) - 1] }),
            probabilities: .memory(sorted.probabilities)
        )
    }
}
