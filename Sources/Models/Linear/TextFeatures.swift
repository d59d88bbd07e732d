import YuyanTensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Which n-grams of a text are counted and how the counts are weighed.
///
/// The defaults are those of scikit-learn's `TfidfVectorizer`.
public struct TextFeatureOptions: Sendable, Hashable {
    /// How words are found.
    public enum Words: String, Sendable, Hashable, CaseIterable {
        /// Runs of letters, digits and underscores of at least two scalars.
        case letters
        /// Whatever stands between white space: for text that is segmented already.
        case whitespace
    }

    /// The least and most words of an n-gram; nil for no n-grams of words.
    public var wordNGrams: ClosedRange<Int>? = 1...1
    /// The least and most characters (scalars) of an n-gram, white space among them; nil for none.
    public var characterNGrams: ClosedRange<Int>?
    /// Whether n-grams of characters stay inside words, which white space separates and which have a space before and
    /// after them (`char_wb`); otherwise they run over the whole text (`char`).
    public var charactersStayInWords = false
    /// How words are found.
    public var words = Words.letters
    /// Whether capitals count as small letters.
    public var lowercases = true
    /// In how many texts an n-gram must occur.
    public var minimumTexts = 1
    /// The most n-grams, the most frequent ones; nil for all.
    public var maximumFeatures: Int?
    /// Counts n-grams by hash into so many columns, without a vocabulary; nil for a vocabulary.
    public var hashedColumns: Int?
    /// Whether 1 + log n takes the place of a count n.
    public var sublinear = false
    /// Whether counts are multiplied by log((1 + N) / (1 + texts that hold the n-gram)) + 1.
    public var usesInverseFrequencies = true
    /// Whether a text's numbers are brought to length 1.
    public var normalizes = true
    /// Whether n-grams of words and those of characters count alike in a text.
    ///
    /// The numbers of each kind are brought to length 1 before those of the text are. It needs a vocabulary.
    public var balancesKinds = false

    /// The defaults.
    public init() {}

    /// What is wrong with the options, or nil.
    public var problem: String? {
        for (range, name) in [(wordNGrams, "words"), (characterNGrams, "characters")] {
            guard let range else { continue }
            if range.lowerBound < 1 || range.upperBound > 64 {
                return
                    "n-grams of \(range.lowerBound) to \(range.upperBound) \(name); they must have from 1 to 64"
            }
        }
        if wordNGrams == nil, characterNGrams == nil {
            return "there are n-grams of neither words nor characters"
        }
        if balancesKinds, hashedColumns != nil {
            return "n-grams of words and characters cannot be balanced where they share hashed columns"
        }
        if minimumTexts < 1 { return "n-grams must occur in \(minimumTexts) texts; it must be 1 or more" }
        if let maximumFeatures, maximumFeatures < 1 {
            return "at most \(maximumFeatures) n-grams; it must be 1 or more"
        }
        if let hashedColumns, hashedColumns < 1 || hashedColumns > 1 << 30 {
            return "\(hashedColumns) columns; they must be from 1 to \(1 << 30)"
        }
        return nil
    }
}

/// Turns texts into sparse rows of weighed n-grams.
struct TextFeatures: Sendable {
    let options: TextFeatureOptions
    /// The n-grams by column, those of characters with U+0001 before them; nil where they are hashed.
    let vocabulary: [String]?
    /// The factor of each column; nil without.
    let inverseFrequencies: [Float]?
    private let table: ByteStringTable?
    /// How many columns, the first ones, are those of n-grams of characters.
    private let characterColumns: Int

    static let characterMark: UInt8 = 1

    var columns: Int { vocabulary?.count ?? options.hashedColumns ?? 0 }

    /// A vocabulary that is known.
    init(options: TextFeatureOptions, vocabulary: [String]?, inverseFrequencies: [Float]?) {
        (self.options, self.vocabulary, self.inverseFrequencies) = (options, vocabulary, inverseFrequencies)
        var table = ByteStringTable()
        for string in vocabulary ?? [] { _ = table.insert(string) }
        self.table = vocabulary == nil ? nil : table
        // Their mark sorts before every word.
        characterColumns =
            vocabulary?.firstIndex { $0.utf8.first != Self.characterMark } ?? vocabulary?.count ?? 0
    }

    /// Learns the vocabulary and the frequencies from texts, and gives their rows too.
    static func learned(
        _ texts: [String],
        _ options: TextFeatureOptions
    ) -> (features: TextFeatures, rows: SparseMatrix.Part) {
        var (table, part, scanner) = (ByteStringTable(), SparseMatrix.Part(), NGramScanner(options))
        for text in texts {
            if let columns = options.hashedColumns {
                scanner.scan(text) { hashedColumn($0, columns) }
            } else {
                scanner.scan(text) { table.insert($0) }
            }
            scanner.appendCounts(to: &part)
        }
        let columns = options.hashedColumns ?? table.count
        var (texts, totals) = ([Int](repeating: 0, count: columns), [Double](repeating: 0, count: columns))
        for (place, count) in zip(part.places, part.values) {
            texts[Int(place)] += 1
            totals[Int(place)] += Double(count)
        }
        var vocabulary: [String]?
        if options.hashedColumns == nil {
            let kept = keptColumns(table, texts, totals, options)
            part.keep(columns: kept)
            vocabulary = kept.map { table.string($0) }
            texts = kept.map { texts[$0] }
        }
        let count = Double(part.starts.count - 1)
        let inverse =
            options.usesInverseFrequencies
            ? texts.map { Float(log((1 + count) / (1 + Double($0))) + 1) } : nil
        let features = TextFeatures(options: options, vocabulary: vocabulary, inverseFrequencies: inverse)
        features.weigh(&part)
        return (features, part)
    }

    /// The columns that are kept, in the order of their n-grams' bytes.
    private static func keptColumns(
        _ table: ByteStringTable,
        _ texts: [Int],
        _ totals: [Double],
        _ options: TextFeatureOptions
    ) -> [Int] {
        var kept = texts.indices.filter { texts[$0] >= options.minimumTexts }
        let strings = kept.map { (column: $0, bytes: Array(table.string($0).utf8)) }
        kept = strings.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }.map { $0.column }
        guard let most = options.maximumFeatures, kept.count > most else { return kept }
        let places = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
        let best = kept.enumerated().sorted {
            (totals[$1.element], $0.offset) < (totals[$0.element], $1.offset)
        }
        return best.prefix(most).map { $0.element }.sorted { places[$0, default: 0] < places[$1, default: 0] }
    }

    private static func hashedColumn(_ bytes: UnsafeBufferPointer<UInt8>, _ columns: Int) -> Int32 {
        Int32(ByteStringTable.hash(bytes) % UInt32(columns))
    }

    /// The rows of texts; n-grams outside the vocabulary are passed over.
    func rows(_ texts: [String]) -> SparseMatrix.Part {
        var (part, scanner) = (SparseMatrix.Part(), NGramScanner(options))
        for text in texts {
            if let table {
                scanner.scan(text) { table.find($0) }
            } else {
                scanner.scan(text) { Self.hashedColumn($0, columns) }
            }
            scanner.appendCounts(to: &part)
        }
        weigh(&part)
        return part
    }

    /// The n-grams of a text that have columns, with where they stand.
    func occurrences(in text: String) -> [NGramOccurrence] {
        var scanner = NGramScanner(options, tellsPlaces: true)
        if let table {
            scanner.scan(text) { table.find($0) }
        } else {
            scanner.scan(text) { Self.hashedColumn($0, columns) }
        }
        return scanner.occurrences ?? []
    }

    private func weigh(_ part: inout SparseMatrix.Part) {
        for row in 0..<part.starts.count - 1 {
            let range = Int(part.starts[row])..<Int(part.starts[row + 1])
            var words = range.lowerBound
            for index in range {
                var value = Double(part.values[index])
                if options.sublinear { value = 1 + log(value) }
                if let inverseFrequencies { value *= Double(inverseFrequencies[Int(part.places[index])]) }
                part.values[index] = Float(value)
                if part.places[index] < characterColumns { words = index + 1 }
            }
            if options.balancesKinds {
                part.normalize(range.lowerBound..<words)
                part.normalize(words..<range.upperBound)
            }
            if options.normalizes { part.normalize(range) }
        }
    }
}

extension SparseMatrix.Part {
    /// Brings numbers to length 1; zeros stay.
    fileprivate mutating func normalize(_ range: Range<Int>) {
        var sum = 0.0
        for index in range { sum += Double(values[index]) * Double(values[index]) }
        guard sum > 0 else { return }
        let length = sum.squareRoot()
        for index in range { values[index] = Float(Double(values[index]) / length) }
    }
}

extension SparseMatrix.Part {
    /// Keeps some columns, numbered anew in their order.
    fileprivate mutating func keep(columns kept: [Int]) {
        var places: [Int: Int32] = [:]
        places.reserveCapacity(kept.count)
        for (new, old) in kept.enumerated() { places[old] = Int32(new) }
        var result = SparseMatrix.Part()
        for row in 0..<starts.count - 1 {
            var entries: [(Int32, Float)] = []
            for index in Int(starts[row])..<Int(starts[row + 1]) {
                if let place = places[Int(self.places[index])] { entries.append((place, values[index])) }
            }
            entries.sort { $0.0 < $1.0 }
            result.places.append(contentsOf: entries.map { $0.0 })
            result.values.append(contentsOf: entries.map { $0.1 })
            result.starts.append(Int64(result.places.count))
        }
        self = result
    }
}

/// Where an n-gram that has a column stands.
struct NGramOccurrence {
    let column: Int32
    /// Its bytes in the text as it is counted; for n-grams of characters that run over the whole text, the numbers of
    /// the scalars of its line.
    let place: Range<Int>
    let isOfLine: Bool
}

/// Finds the n-grams of one text after another and counts their columns.
private struct NGramScanner {
    private let options: TextFeatureOptions
    /// Where the n-grams of the last text stand; nil where that is not asked for.
    private(set) var occurrences: [NGramOccurrence]?
    private var columns: [Int32] = []
    private var words: [Range<Int>] = []
    private var scratch: [UInt8] = []

    init(_ options: TextFeatureOptions, tellsPlaces: Bool = false) {
        self.options = options
        occurrences = tellsPlaces ? [] : nil
    }

    /// Calls `column` for every n-gram; those without a column are passed over.
    mutating func scan(_ text: String, _ column: (UnsafeBufferPointer<UInt8>) -> Int32?) {
        columns.removeAll(keepingCapacity: true)
        occurrences?.removeAll()
        var text = options.lowercases ? text.lowercased() : text
        text.withUTF8 { bytes in
            if let sizes = options.wordNGrams { scanWords(bytes, sizes, column) }
            guard let sizes = options.characterNGrams else { return }
            if options.charactersStayInWords {
                scanCharactersOfWords(bytes, sizes, column)
            } else {
                scanCharacters(bytes, sizes, column)
            }
        }
    }

    /// Adds a row: each column once, with how often it came.
    mutating func appendCounts(to part: inout SparseMatrix.Part) {
        columns.sort()
        var index = 0
        while index < columns.count {
            var end = index + 1
            while end < columns.count, columns[end] == columns[index] { end += 1 }
            part.places.append(columns[index])
            part.values.append(Float(end - index))
            index = end
        }
        part.starts.append(Int64(part.places.count))
    }

    private mutating func add(
        _ column: Int32?,
        at place: @autoclosure () -> Range<Int>,
        isOfLine: Bool = false
    ) {
        guard let column else { return }
        columns.append(column)
        guard occurrences != nil else { return }
        occurrences?.append(
            NGramOccurrence(column: column, place: place(), isOfLine: isOfLine)
        )
    }

    private mutating func scanWords(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ sizes: ClosedRange<Int>,
        _ column: (UnsafeBufferPointer<UInt8>) -> Int32?
    ) {
        WordScanner.find(bytes, options.words, &words)
        for start in words.indices {
            scratch.removeAll(keepingCapacity: true)
            for size in 1...sizes.upperBound where start + size <= words.count {
                if size > 1 { scratch.append(0x20) }
                scratch.append(contentsOf: bytes[words[start + size - 1]])
                guard size >= sizes.lowerBound else { continue }
                let (first, last) = (words[start].lowerBound, words[start + size - 1].upperBound)
                add(scratch.withUnsafeBufferPointer { column($0) }, at: first..<last)
            }
        }
    }

    private mutating func scanCharacters(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ sizes: ClosedRange<Int>,
        _ column: (UnsafeBufferPointer<UInt8>) -> Int32?
    ) {
        let (line, starts) = WordScanner.singleSpaced(bytes)
        for start in 0..<starts.count - 1 {
            scratch.removeAll(keepingCapacity: true)
            scratch.append(TextFeatures.characterMark)
            for size in 1...sizes.upperBound where start + size < starts.count {
                scratch.append(contentsOf: line[starts[start + size - 1]..<starts[start + size]])
                guard size >= sizes.lowerBound else { continue }
                let found = scratch.withUnsafeBufferPointer { column($0) }
                add(found, at: start..<start + size, isOfLine: true)
            }
        }
    }

    private mutating func scanCharactersOfWords(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ sizes: ClosedRange<Int>,
        _ column: (UnsafeBufferPointer<UInt8>) -> Int32?
    ) {
        WordScanner.find(bytes, .whitespace, &words)
        var starts: [Int] = []
        for word in words {
            // A space, the word's scalars and a space, counted from the byte before the word.
            starts.removeAll(keepingCapacity: true)
            starts.append(0)
            for place in word where bytes[place] & 0xC0 != 0x80 { starts.append(place - word.lowerBound + 1) }
            starts += [word.count + 1, word.count + 2]
            let scalars = starts.count - 1
            // A word that is shorter than the shortest n-gram is one.
            let shortest = min(sizes.lowerBound, scalars)
            for start in 0...scalars - shortest {
                scratch.removeAll(keepingCapacity: true)
                scratch.append(TextFeatures.characterMark)
                for size in 1...sizes.upperBound where start + size <= scalars {
                    let (first, last) = (starts[start + size - 1], starts[start + size])
                    if first == 0 || first == word.count + 1 {
                        scratch.append(0x20)
                    } else {
                        let place = word.lowerBound + first - 1
                        scratch.append(contentsOf: bytes[place..<place + last - first])
                    }
                    guard size >= shortest else { continue }
                    let found = scratch.withUnsafeBufferPointer { column($0) }
                    let low = word.lowerBound + max(starts[start] - 1, 0)
                    let high = word.lowerBound + min(last - 1, word.count)
                    add(found, at: low < high ? low..<high : word)
                }
            }
        }
    }
}

/// Finds words as scikit-learn's pattern for them does.
enum WordScanner {
    static func find(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ kind: TextFeatureOptions.Words,
        _ words: inout [Range<Int>]
    ) {
        words.removeAll(keepingCapacity: true)
        var (place, start, scalars) = (0, 0, 0)
        while place < bytes.count {
            let (scalar, length) = scalar(bytes, place)
            let belongs = kind == .letters ? isWordScalar(scalar) : !isWhiteSpace(scalar)
            if belongs {
                if scalars == 0 { start = place }
                scalars += 1
            } else {
                if scalars >= (kind == .letters ? 2 : 1) { words.append(start..<place) }
                scalars = 0
            }
            place += length
        }
        if scalars >= (kind == .letters ? 2 : 1) { words.append(start..<place) }
    }

    /// The text with runs of white space of two or more as one space, and where its scalars begin, its end included.
    static func singleSpaced(_ bytes: UnsafeBufferPointer<UInt8>) -> (bytes: [UInt8], starts: [Int]) {
        var (line, starts, place): ([UInt8], [Int], Int) = ([], [], 0)
        line.reserveCapacity(bytes.count)
        while place < bytes.count {
            var (value, end) = scalar(bytes, place)
            end += place
            starts.append(line.count)
            guard isWhiteSpace(value) else {
                line.append(contentsOf: bytes[place..<end])
                place = end
                continue
            }
            let first = place..<end
            while end < bytes.count, case let next = scalar(bytes, end), isWhiteSpace(next.value) {
                end += next.length
            }
            if end > first.upperBound { line.append(0x20) } else { line.append(contentsOf: bytes[first]) }
            place = end
        }
        starts.append(line.count)
        return (line, starts)
    }

    /// Where the scalars of ``singleSpaced(_:)`` begin in the bytes that it was made of, their end included.
    static func origins(_ bytes: UnsafeBufferPointer<UInt8>) -> [Int] {
        var (origins, place): ([Int], Int) = ([], 0)
        while place < bytes.count {
            origins.append(place)
            let (value, length) = scalar(bytes, place)
            place += length
            guard isWhiteSpace(value) else { continue }
            while place < bytes.count, case let next = scalar(bytes, place), isWhiteSpace(next.value) {
                place += next.length
            }
        }
        return origins + [bytes.count]
    }

    /// The scalar at a place of valid UTF-8, and its length.
    private static func scalar(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ place: Int
    ) -> (value: UInt32, length: Int) {
        let first = UInt32(bytes[place])
        if first < 0x80 { return (first, 1) }
        let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        var value = first & (0xFF >> UInt32(length + 1))
        for next in place + 1..<place + length { value = value << 6 | UInt32(bytes[next]) & 0x3F }
        return (value, length)
    }

    static func isWordScalar(_ value: UInt32) -> Bool {
        if value < 0x80 {
            return value >= 0x61 && value <= 0x7A || value >= 0x30 && value <= 0x39
                || value >= 0x41 && value <= 0x5A
                || value == 0x5F
        }
        if value >= 0x4E00, value <= 0x9FFF { return true }
        guard let scalar = Unicode.Scalar(value) else { return false }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
            .decimalNumber,
            .letterNumber, .otherNumber:
            return true
        default: return false
        }
    }

    static func isWhiteSpace(_ value: UInt32) -> Bool {
        if value < 0x80 {
            return value == 0x20 || value >= 0x09 && value <= 0x0D || value >= 0x1C && value <= 0x1F
        }
        if value >= 0x3001 { return false }
        return Unicode.Scalar(value)?.properties.isWhitespace ?? false
    }
}
