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
                part.values.normalize(range.lowerBound..<words)
                part.values.normalize(words..<range.upperBound)
            }
            if options.normalizes { part.values.normalize(range) }
        }
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
