/// How contamination is looked for.
public struct ContaminationSettings: Sendable, Hashable {
    /// How texts are cut and how long n-grams are.
    ///
    /// 13 words is the length of Brown and others (2020); in scripts without spaces the items are characters.
    public let ngrams: Shingling
    /// The share of a test item's n-grams found in the training text from which it counts as contaminated.
    public let overlapThreshold: Double
    /// The Jaccard similarity from which a training text is a near-duplicate; nil does not look for them.
    public let nearThreshold: Double?
    /// How many training texts are named for each kind of finding.
    public let examples: Int

    /// Settings.
    ///
    /// Traps when a threshold is not in 0 … 1.
    ///
    /// - Parameters:
    ///   - ngrams: How texts are cut and how long n-grams are.
    ///   - overlapThreshold: The share of n-grams from which a test item counts as contaminated.
    ///   - nearThreshold: The Jaccard similarity from which a training text is a near-duplicate; nil for none.
    ///   - examples: How many training texts are named for each kind of finding.
    public init(
        ngrams: Shingling = Shingling(words: 13, characters: 20),
        overlapThreshold: Double = 0.5,
        nearThreshold: Double? = 0.7,
        examples: Int = 5
    ) {
        guard (0...1).contains(overlapThreshold), nearThreshold.map({ $0 > 0 && $0 < 1 }) ?? true else {
            fatalError("ContaminationSettings: thresholds must be in 0 … 1")
        }
        (self.ngrams, self.overlapThreshold, self.nearThreshold) = (ngrams, overlapThreshold, nearThreshold)
        self.examples = examples
    }
}

/// What was found of one test item in the training text.
public struct ContaminationFinding<ID: Sendable>: Sendable {
    /// The test item.
    public let item: ID
    /// The first training texts that are equal byte for byte.
    public internal(set) var equal: [ID] = []
    /// The number of training texts that are equal byte for byte.
    public internal(set) var equalCount = 0
    /// The first training texts that are equal but for case, spaces and punctuation, without those in ``equal``.
    public internal(set) var normalized: [ID] = []
    /// The number of training texts that are equal but for case, spaces and punctuation.
    public internal(set) var normalizedCount = 0
    /// The first near-duplicates in the training text with their estimated Jaccard similarity.
    public internal(set) var near: [(id: ID, similarity: Double)] = []
    /// The number of near-duplicates.
    public internal(set) var nearCount = 0
    /// The share of the item's n-grams that stand in some training text; 0 for an item shorter than an n-gram.
    public internal(set) var overlap = 0.0
    /// The training text with the longest passage in common; nil where there is no n-gram in common.
    public internal(set) var passageSource: ID?
    /// The longest passage of the item that stands in one training text, as the item spells it.
    public internal(set) var passage = ""
}

/// Looks in training text for test items: equal texts, n-grams in common, near-duplicates.
///
/// The test items come first and are held in memory, about 20 bytes for each n-gram; training texts pass by one after
/// another and may be of any number. An id is whatever names an item, such as its file and row.
public struct ContaminationChecker<ID: Sendable>: Sendable {
    /// The settings.
    public let settings: ContaminationSettings
    private var items: [Item] = []
    private var byFingerprint: [TextFingerprint: [Int32]] = [:]
    private var byWholeHash: [UInt64: [Int32]] = [:]
    private var byNGram: [UInt64: [Place]] = [:]
    private var byBand: [UInt64: [Int32]] = [:]
    private let hasher: MinHasher
    private let bands: LSHBands
    /// The number of training texts seen.
    public private(set) var trainingCount = 0

    private struct Place: Sendable {
        var item: Int32
        var position: Int32
    }

    private struct Item: Sendable {
        var text: String
        var finding: ContaminationFinding<ID>
        var signature: MinHashSignature
        var ngramLength: Int
        var isFound: [Bool]
        var longestRun = 0
        var bestRange: Range<Int>?
    }

    /// Creates a checker with nothing to look for.
    ///
    /// - Parameter settings: How to look.
    public init(_ settings: ContaminationSettings = ContaminationSettings()) {
        self.settings = settings
        let threshold = settings.nearThreshold ?? 0.7
        hasher = MinHasher(permutations: 128, shingling: Shingling(words: 3, characters: 4))
        bands = LSHBands(threshold: threshold, permutations: 128)
    }

    /// Adds an item to look for.
    ///
    /// - Parameters:
    ///   - id: What names it.
    ///   - text: Its text.
    public mutating func addTest(id: ID, text: String) {
        let number = Int32(items.count)
        let cut = TextItems(text, withRanges: true)
        let length = settings.ngrams.length(for: cut)
        let ngrams = cut.hashes.count >= length ? cut.windows(length) : []
        let signature =
            settings.nearThreshold == nil ? MinHashSignature(slots: []) : hasher.signature(of: text)
        byFingerprint[TextFingerprint(text), default: []].append(number)
        if !cut.hashes.isEmpty { byWholeHash[cut.wholeHash, default: []].append(number) }
        for (position, ngram) in ngrams.enumerated() {
            byNGram[ngram, default: []].append(Place(item: number, position: Int32(position)))
        }
        if !signature.slots.isEmpty {
            for key in signature.slots.withUnsafeBufferPointer({ bands.keys($0) }) {
                byBand[key, default: []].append(number)
            }
        }
        items.append(
            Item(
                text: text,
                finding: ContaminationFinding(item: id),
                signature: signature,
                ngramLength: length,
                isFound: [Bool](repeating: false, count: ngrams.count)
            )
        )
    }

    /// Looks at a training text.
    ///
    /// - Parameters:
    ///   - id: What names it.
    ///   - text: Its text.
    /// - Returns: Whether it holds a test item: is equal to one, nearly, or has at least the threshold's share of the
    ///   n-grams of one. Such a text should leave the training part.
    @discardableResult
    public mutating func checkTraining(id: ID, text: String) -> Bool {
        trainingCount += 1
        let limit = settings.examples
        var settled: Set<Int32> = []
        for number in byFingerprint[TextFingerprint(text)] ?? [] {
            items[Int(number)].finding.noteEqual(id, limit)
            settled.insert(number)
        }
        let cut = TextItems(text)
        if !cut.hashes.isEmpty {
            for number in byWholeHash[cut.wholeHash] ?? [] where settled.insert(number).inserted {
                items[Int(number)].finding.noteNormalized(id, limit)
            }
        }
        for number in nearItems(text) where settled.insert(number.item).inserted {
            items[Int(number.item)].finding.noteNear(id, number.similarity, limit)
        }
        return noteNGrams(id, cut) || !settled.isEmpty
    }

    private func nearItems(_ text: String) -> [(item: Int32, similarity: Double)] {
        guard let threshold = settings.nearThreshold else { return [] }
        let signature = hasher.signature(of: text)
        guard !signature.slots.isEmpty else { return [] }
        var candidates: Set<Int32> = []
        for key in signature.slots.withUnsafeBufferPointer({ bands.keys($0) }) {
            candidates.formUnion(byBand[key] ?? [])
        }
        return candidates.sorted().compactMap { number in
            let similarity = items[Int(number)].signature.similarity(to: signature)
            return similarity >= threshold ? (number, similarity) : nil
        }
    }

    /// Whether a training text holds a test item, by the rules of ``checkTraining(id:text:)``; nothing is noted.
    ///
    /// - Parameter text: The training text.
    /// - Returns: Whether it should leave the training part.
    public func isContaminated(_ text: String) -> Bool {
        if byFingerprint[TextFingerprint(text)] != nil { return true }
        let cut = TextItems(text)
        if !cut.hashes.isEmpty, byWholeHash[cut.wholeHash] != nil { return true }
        return holdsTooMuch(foundNGrams(cut)) || !nearItems(text).isEmpty
    }

    /// The positions of the n-grams of test items that stand in a training text.
    private func foundNGrams(_ cut: TextItems) -> [Int32: Set<Int32>] {
        var found: [Int32: Set<Int32>] = [:]
        for length in Set([settings.ngrams.words, settings.ngrams.characters])
        where cut.hashes.count >= length {
            for ngram in cut.windows(length) {
                for place in byNGram[ngram] ?? [] { found[place.item, default: []].insert(place.position) }
            }
        }
        return found
    }

    /// Whether enough n-grams of some item are among those found.
    private func holdsTooMuch(_ found: [Int32: Set<Int32>]) -> Bool {
        found.contains { number, positions in
            Double(positions.count) / Double(items[Int(number)].isFound.count) >= settings.overlapThreshold
        }
    }

    /// Marks the n-grams of test items that stand in a training text; whether some item has enough of them there.
    private mutating func noteNGrams(_ id: ID, _ cut: TextItems) -> Bool {
        let found = foundNGrams(cut)
        for (number, positions) in found {
            let index = Int(number)
            for position in positions { items[index].isFound[Int(position)] = true }
            let (start, run) = Self.longestRun(positions)
            if run > items[index].longestRun {
                items[index].longestRun = run
                items[index].bestRange = start..<(start + run)
                items[index].finding.passageSource = id
            }
        }
        return holdsTooMuch(found)
    }

    /// The first of the longest runs of consecutive numbers.
    private static func longestRun(_ positions: Set<Int32>) -> (start: Int, length: Int) {
        var (best, start, length) = ((start: 0, length: 0), 0, 0)
        for position in positions.sorted().map({ Int($0) }) {
            if length > 0, position == start + length { length += 1 } else { (start, length) = (position, 1) }
            if length > best.length { best = (start, length) }
        }
        return best
    }

    /// What was found of every test item, those without any finding included, in the order in which they were added.
    public var findings: [ContaminationFinding<ID>] {
        items.map { item in
            var finding = item.finding
            if !item.isFound.isEmpty {
                finding.overlap = Double(item.isFound.count { $0 }) / Double(item.isFound.count)
            }
            if let range = item.bestRange {
                let ranges = TextItems(item.text, withRanges: true).ranges
                let last = min(range.upperBound + item.ngramLength - 2, ranges.count - 1)
                let bytes = Array(item.text.utf8)[
                    ranges[range.lowerBound].lowerBound..<ranges[last].upperBound
                ]
                finding.passage = String(decoding: bytes, as: UTF8.self)
            }
            return finding
        }
    }

    /// Checks whole sequences.
    ///
    /// - Parameters:
    ///   - test: The items to look for with their ids.
    ///   - training: The training texts with their ids.
    ///   - settings: How to look.
    /// - Returns: The report, with the ids of the training texts that should be left out.
    public static func report(
        test: some Sequence<(ID, String)>,
        training: some Sequence<(ID, String)>,
        settings: ContaminationSettings = ContaminationSettings()
    ) -> ContaminationReport<ID> {
        var checker = ContaminationChecker(settings)
        for (id, text) in test { checker.addTest(id: id, text: text) }
        var contaminated: [ID] = []
        for (id, text) in training where checker.checkTraining(id: id, text: text) { contaminated.append(id) }
        return ContaminationReport(
            findings: checker.findings,
            contaminatedTraining: contaminated,
            trainingCount: checker.trainingCount,
            overlapThreshold: settings.overlapThreshold
        )
    }
}

extension ContaminationFinding {
    mutating func noteEqual(_ id: ID, _ limit: Int) {
        equalCount += 1
        if equal.count < limit { equal.append(id) }
    }

    mutating func noteNormalized(_ id: ID, _ limit: Int) {
        normalizedCount += 1
        if normalized.count < limit { normalized.append(id) }
    }

    mutating func noteNear(_ id: ID, _ similarity: Double, _ limit: Int) {
        nearCount += 1
        if near.count < limit { near.append((id, similarity)) }
    }
}

/// What a check of training text against test items found.
public struct ContaminationReport<ID: Sendable>: Sendable {
    /// One finding for each test item, in order.
    public let findings: [ContaminationFinding<ID>]
    /// The training texts that hold a test item, in order.
    public let contaminatedTraining: [ID]
    /// The number of training texts.
    public let trainingCount: Int
    /// The share of n-grams from which a test item counts as contaminated.
    public let overlapThreshold: Double

    /// The number of test items that stand in the training text byte for byte.
    public var equalCount: Int { findings.count { $0.equalCount > 0 } }
    /// The number of test items that stand there but for case, spaces and punctuation, and not byte for byte.
    public var normalizedCount: Int { findings.count { $0.equalCount == 0 && $0.normalizedCount > 0 } }
    /// The number of test items that have a near-duplicate there and no equal text.
    public var nearCount: Int {
        findings.count { $0.equalCount == 0 && $0.normalizedCount == 0 && $0.nearCount > 0 }
    }
    /// The number of test items of which the training text holds the threshold's share of n-grams.
    public var overlapCount: Int { findings.count { $0.overlap >= overlapThreshold && $0.overlap > 0 } }
    /// The test items that count as contaminated for any of these reasons.
    public var contaminated: [ContaminationFinding<ID>] {
        findings.filter {
            $0.equalCount + $0.normalizedCount + $0.nearCount > 0
                || ($0.overlap >= overlapThreshold && $0.overlap > 0)
        }
    }
}
