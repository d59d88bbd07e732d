/// Drops documents whose measures lie outside their limits; the reason names the measure.
public struct QualityFilter: TextOperator {
    /// The operator's name.
    public let name: String
    /// The limits by measure.
    public let limits: [QualityMeasure: QualityLimit]
    private let badWords: WordFinder
    private let checks: [(measure: QualityMeasure, limit: QualityLimit)]

    /// Creates a filter of a preset.
    ///
    /// - Parameters:
    ///   - preset: the limits to begin with.
    ///   - changes: limits that replace those of the preset.
    ///   - badWords: words that ``QualityMeasure/badWords`` counts; letter case does not count.
    public init(
        _ preset: QualityPreset = .standard,
        changing changes: [QualityMeasure: QualityLimit] = [:],
        badWords: [String] = []
    ) {
        self.init("quality_filter", preset.limits.merging(changes) { $1 }, badWords)
    }

    /// Creates a filter of a single measure, named after it, such as `mean_word_length_filter`.
    ///
    /// - Parameters:
    ///   - measure: what is measured.
    ///   - limit: what is allowed.
    ///   - badWords: words that ``QualityMeasure/badWords`` counts.
    public init(_ measure: QualityMeasure, _ limit: QualityLimit, badWords: [String] = []) {
        self.init("\(measure.rawValue)_filter", [measure: limit], badWords)
    }

    private init(_ name: String, _ limits: [QualityMeasure: QualityLimit], _ badWords: [String]) {
        (self.name, self.limits) = (name, limits)
        self.badWords = WordFinder(badWords)
        checks = QualityMeasure.allCases.compactMap { measure in
            guard let limit = limits[measure], limit != QualityLimit() else { return nil }
            return (measure, limit)
        }
    }

    /// The limits, and a fingerprint of the bad words.
    public var settings: String {
        let parts = checks.map { "\($0.measure.rawValue):\(Self.text($0.limit))" }
        return (parts + (badWords.isEmpty ? [] : ["words:\(badWords.identity)"])).joined(separator: ",")
    }

    private static func text(_ limit: QualityLimit) -> String { "\(limit.minimum)...\(limit.maximum)" }

    /// It decides.
    public var kind: TextOperatorKind { .filter }

    /// Measures a text.
    ///
    /// - Parameter text: any text.
    /// - Returns: unchanged, or dropped for the first measure (in the order of ``QualityMeasure``) out of its limits.
    public func apply(to text: String) -> TextOutcome {
        var text = text
        let reason = text.withUTF8 { bytes -> String? in
            var parts: TextStatistics.Parts = []
            for check in checks { parts.formUnion(check.measure.parts) }
            let statistics = TextStatistics(bytes, parts)
            for (measure, limit) in checks {
                guard let value = value(of: measure, statistics, bytes) else { continue }
                if value < limit.minimum { return "\(measure.label) too low" }
                if value > limit.maximum { return "\(measure.label) too high" }
            }
            return nil
        }
        return reason.map { .dropped(reason: $0) } ?? .unchanged
    }

    /// Measures a text.
    ///
    /// - Parameters:
    ///   - measure: what is measured.
    ///   - text: any text.
    /// - Returns: the value; nil where the measure does not apply, such as the length of words in Chinese.
    public func value(of measure: QualityMeasure, in text: String) -> Double? {
        var text = text
        return text.withUTF8 { bytes in value(of: measure, TextStatistics(bytes, measure.parts), bytes) }
    }

    private func value(
        of measure: QualityMeasure,
        _ statistics: TextStatistics,
        _ bytes: UnsafeBufferPointer<UInt8>
    ) -> Double? {
        switch measure {
        case .badWords: Double(badWords.count(in: bytes))
        case .loremIpsum: Double(Self.lorem.count(in: bytes))
        default: statistics.value(of: measure)
        }
    }

    private static let lorem = WordFinder(["lorem ipsum"])
}

extension QualityMeasure {
    /// What must be counted for the measure.
    var parts: TextStatistics.Parts {
        switch self {
        case .words, .meanWordLength, .symbolWordRatio, .alphabeticWordShare, .stopWords, .stopWordShare,
            .braceWordRatio:
            .words
        case .lines, .meanLineLength, .longestLine, .bulletLineShare, .ellipsisLineShare, .terminalLineShare,
            .shortLineShare:
            .lines
        case .duplicateLineShare, .duplicateLineScalarShare, .duplicateParagraphShare,
            .duplicateParagraphScalarShare:
            .repeatedLines
        case .mojibakeShare: .mojibake
        default: gramLength == nil ? [] : .words
        }
    }
}

extension TextStatistics {
    /// How many units a sequence has: a Chinese word has about two characters.
    private func gram(_ measure: QualityMeasure) -> Int { (measure.gramLength ?? 1) * (isMostlyHan ? 2 : 1) }

    /// The value of a measure; nil where it does not apply.
    func value(of measure: QualityMeasure) -> Double? {
        func share(_ part: Int, of whole: Int) -> Double? { whole > 0 ? Double(part) / Double(whole) : nil }
        return switch measure {
        case .scalars: Double(scalars)
        case .words: Double(words)
        case .lines: Double(lines.count)
        case .meanWordLength: isMostlyHan ? nil : share(otherWordScalars, of: otherWords)
        case .meanLineLength: share(lines.scalars, of: lines.count)
        case .longestLine: Double(lines.longest)
        case .symbolWordRatio: share(hashes + ellipses, of: words)
        case .symbolShare: Double(scalars - spaces - letters - digits - punctuation) / visible
        case .digitShare: Double(digits) / visible
        case .punctuationShare: Double(punctuation) / visible
        case .uppercaseShare: share(capitals, of: capitals + smallLetters)
        case .alphabeticShare: Double(letters) / visible
        case .alphabeticWordShare: share(alphabeticWords, of: words + signWords)
        case .chineseShare: Double(han) / visible
        case .bulletLineShare: share(lines.bullets, of: lines.count)
        case .ellipsisLineShare: share(lines.ellipses, of: lines.count)
        case .terminalLineShare: share(lines.terminals, of: lines.count)
        case .shortLineShare: share(lines.short, of: lines.count)
        case .stopWords: Double(stopWords)
        case .stopWordShare: share(stopWords, of: words)
        case .duplicateLineShare: share(lines.repeated.lines, of: lines.count)
        case .duplicateLineScalarShare: share(lines.repeated.lineScalars, of: lines.scalars)
        case .duplicateParagraphShare: share(lines.repeated.paragraphs, of: lines.paragraphs)
        case .duplicateParagraphScalarShare: share(lines.repeated.paragraphScalars, of: lines.scalars)
        case .top2GramShare, .top3GramShare, .top4GramShare: NGrams.topShare(units, gram(measure))
        case .duplicate5GramShare, .duplicate6GramShare, .duplicate7GramShare, .duplicate8GramShare,
            .duplicate9GramShare, .duplicate10GramShare:
            NGrams.duplicateShare(units, gram(measure))
        case .replacementShare: Double(replacements) / visible
        case .mojibakeShare: Double(mojibake) / visible
        case .braceWordRatio: share(braces, of: words)
        case .loremIpsum, .badWords: nil
        }
    }
}

/// Shares of repeated sequences of words, as in Gopher's rules (Rae and others, 2021, appendix A).
enum NGrams {
    /// The share of scalars that the most frequent sequence takes.
    static func topShare(_ units: [(hash: UInt64, scalars: Int)], _ length: Int) -> Double? {
        guard units.count >= length else { return nil }
        var table = CountTable(capacity: units.count)
        var best = 0
        var total = 0
        for unit in units { total += unit.scalars }
        for start in 0...(units.count - length) {
            let (hash, scalars) = gram(units, start, length)
            let count = table.add(hash)
            if count > 1 { best = max(best, count * scalars) }
        }
        return Double(best) / Double(max(total, 1))
    }

    /// The share of scalars in sequences that occurred before; sequences that overlap count once.
    static func duplicateShare(_ units: [(hash: UInt64, scalars: Int)], _ length: Int) -> Double? {
        guard units.count >= length else { return nil }
        var table = CountTable(capacity: units.count)
        var (repeated, total, start) = (0, 0, 0)
        for unit in units { total += unit.scalars }
        while start + length <= units.count {
            let (hash, scalars) = gram(units, start, length)
            if table.add(hash) > 1 {
                repeated += scalars
                start += length
            } else {
                start += 1
            }
        }
        return Double(repeated) / Double(max(total, 1))
    }

    @inline(__always)
    private static func gram(
        _ units: [(hash: UInt64, scalars: Int)],
        _ start: Int,
        _ length: Int
    ) -> (hash: UInt64, scalars: Int) {
        var (hash, scalars) = (UInt64(length), 0)
        for index in start..<(start + length) {
            hash = (hash &+ units[index].hash) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 29
            scalars += units[index].scalars
        }
        return (hash, scalars)
    }
}

/// Counts of hashes in one flat table.
private struct CountTable {
    private var keys: [UInt64]
    private var counts: [Int32]
    private let mask: Int

    init(capacity: Int) {
        var size = 16
        while size < 2 * capacity { size *= 2 }
        keys = [UInt64](repeating: 0, count: size)
        counts = [Int32](repeating: 0, count: size)
        mask = size - 1
    }

    /// Adds one and returns the count.
    mutating func add(_ hash: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: hash >> 16) & mask
        while counts[slot] > 0, keys[slot] != hash { slot = (slot + 1) & mask }
        keys[slot] = hash
        counts[slot] += 1
        return Int(counts[slot])
    }
}

/// Counts words of a list in a text: whole words of letters with spaces around them, Chinese ones anywhere.
struct WordFinder: Sendable {
    private let words: [UInt8: [[UInt8]]]
    private let starts: ByteSet
    /// A fingerprint of the list.
    let identity: String

    init(_ list: [String]) {
        let words = Set(list.map { $0.lowercased() }).filter { !$0.isEmpty }.sorted()
        self.words = Dictionary(grouping: words.map { Array($0.utf8) }) { $0[0] }
            .mapValues { $0.sorted { $0.count > $1.count } }
        starts = ByteSet(self.words.keys)
        identity = String(TextFingerprint(words.joined(separator: "\n")).high, radix: 16)
    }

    var isEmpty: Bool { words.isEmpty }

    func count(in bytes: UnsafeBufferPointer<UInt8>) -> Int {
        guard !isEmpty else { return 0 }
        var (count, place) = (0, 0)
        while place < bytes.count {
            let first = Characters.lowercased(bytes[place])
            guard starts.contains(first), let length = match(bytes, at: place, first) else {
                place += 1
                continue
            }
            count += 1
            place += length
        }
        return count
    }

    private func match(_ bytes: UnsafeBufferPointer<UInt8>, at place: Int, _ first: UInt8) -> Int? {
        if Characters.isAlphanumeric(first), place > 0, Characters.isAlphanumeric(bytes[place - 1]) {
            return nil
        }
        for word in words[first] ?? [] where place + word.count <= bytes.count {
            guard word.indices.allSatisfy({ word[$0] == Characters.lowercased(bytes[place + $0]) }) else {
                continue
            }
            let end = place + word.count
            if Characters.isAlphanumeric(word[word.count - 1]), end < bytes.count,
                Characters.isAlphanumeric(bytes[end])
            {
                continue
            }
            return word.count
        }
        return nil
    }
}
