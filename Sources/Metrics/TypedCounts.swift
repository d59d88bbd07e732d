/// Hits, predictions and labels of typed things (entities, arguments) in each example.
public struct TypedCounts: Sendable {
    /// The number of examples (sentences, propositions) seen.
    public private(set) var exampleCount = 0
    private var names: [String] = []
    private var numbers: [String: Int32] = [:]
    /// What each example adds to each type, for the examples and types where that is anything.
    private var entries: [Entry] = []
    /// Where the entries of the example at hand begin.
    private var first = 0

    private struct Entry: Sendable {
        let example: Int
        let type: Int32
        var hits: Int32 = 0
        var predicted: Int32 = 0
        var labelled: Int32 = 0
    }

    /// Creates counts of nothing.
    public init() {}

    /// Returns the number of a type, a new one for a type not met before.
    mutating func number(of type: String) -> Int32 {
        if let number = numbers[type] { return number }
        let number = Int32(names.count)
        names.append(type)
        numbers[type] = number
        return number
    }

    /// Counts things of a type in the example at hand.
    mutating func count(_ type: Int32, hits: Int32 = 0, predicted: Int32 = 0, labelled: Int32 = 0) {
        var index = first
        while index < entries.count, entries[index].type != type { index += 1 }
        if index == entries.count { entries.append(Entry(example: exampleCount, type: type)) }
        entries[index].hits += hits
        entries[index].predicted += predicted
        entries[index].labelled += labelled
    }

    /// Ends the example at hand.
    mutating func endExample() {
        exampleCount += 1
        first = entries.count
    }

    /// Adds the examples that follow this part's.
    mutating func merge(_ other: TypedCounts) {
        let renumbered = other.names.map { number(of: $0) }
        for entry in other.entries {
            entries.append(
                Entry(
                    example: entry.example + exampleCount,
                    type: renumbered[Int(entry.type)],
                    hits: entry.hits,
                    predicted: entry.predicted,
                    labelled: entry.labelled
                )
            )
        }
        exampleCount += other.exampleCount
        first = entries.count
    }

    /// The types that occur, in the order of their bytes.
    public var types: [String] {
        var seen = [Bool](repeating: false, count: names.count)
        for entry in entries { seen[Int(entry.type)] = true }
        return names.indices.filter { seen[$0] }.map { names[$0] }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The counts of each of ``types``.
    public var counts: ClassCounts {
        let types = types
        var places = [Int](repeating: 0, count: names.count)
        for (index, type) in types.enumerated() { places[Int(numbers[type] ?? 0)] = index }
        var counts = ClassCounts(classCount: types.count)
        for entry in entries {
            let place = places[Int(entry.type)]
            counts.hits[place] += Double(entry.hits)
            counts.predicted[place] += Double(entry.predicted)
            counts.labelled[place] += Double(entry.labelled)
        }
        return counts
    }

    /// Returns the numbers of each example for some types, which intervals and tests of averages are computed from.
    ///
    /// Sums of them make ``ClassCounts/init(sums:)``. Give two systems the same types to compare them.
    ///
    /// - Parameter types: the types, in the order wanted; nil for ``types``.
    /// - Returns: hits, predicted and labelled of each type for each example; zeros when no type is named.
    public func statistics(of types: [String]? = nil) -> ExampleStatistics {
        let types = types ?? self.types
        let width = 3 * max(types.count, 1)
        var columns = [Int](repeating: -1, count: names.count)
        for (index, type) in types.enumerated() {
            if let number = numbers[type] { columns[Int(number)] = 3 * index }
        }
        var result = ExampleStatistics(width: width)
        var row = [Double](repeating: 0, count: width)
        var next = 0
        for example in 0..<exampleCount {
            for index in row.indices { row[index] = 0 }
            while next < entries.count, entries[next].example == example {
                let column = columns[Int(entries[next].type)]
                if column >= 0 {
                    row[column] += Double(entries[next].hits)
                    row[column + 1] += Double(entries[next].predicted)
                    row[column + 2] += Double(entries[next].labelled)
                }
                next += 1
            }
            result.append(row)
        }
        return result
    }

    /// The score of each of ``types``.
    public var scores: [ClassificationScore] { counts.scores() }

    /// Returns the scores of all types as one.
    ///
    /// - Parameters:
    ///   - kind: micro, macro or weighted.
    ///   - zeroDivision: what an undefined share becomes.
    /// - Returns: the average; NaN (macro) or undefined shares when nothing occurs.
    public func average(_ kind: ClassAverage, zeroDivision: ZeroDivision = .zero) -> ClassificationScore {
        counts.average(kind, zeroDivision: zeroDivision)
    }

    /// Returns averaged precision, recall and F1 with bootstrap intervals over examples.
    ///
    /// The averages of a resample run over the types that occur in it.
    ///
    /// Traps when `resamples` < 1 or `confidence` lies outside 0 … 1.
    ///
    /// - Parameters:
    ///   - kind: micro, macro or weighted.
    ///   - resamples: how many times to draw.
    ///   - confidence: 0.95 for 95 %.
    ///   - seed: seed of the draws.
    ///   - method: how to turn resampled figures into intervals.
    /// - Returns: the intervals of precision, recall and F1.
    public func intervals(
        _ kind: ClassAverage = .micro,
        resamples: Int = 2000,
        confidence: Double = 0.95,
        seed: UInt64 = 1,
        method: BootstrapMethod = .percentile
    ) -> [ConfidenceInterval] {
        bootstrapIntervals(
            of: statistics(),
            resamples: resamples,
            confidence: confidence,
            seed: seed,
            method: method
        ) { sums, _ in
            let score = ClassCounts(sums: sums).occurring.average(kind)
            return [score.precision, score.recall, score.f1]
        }
    }
}
