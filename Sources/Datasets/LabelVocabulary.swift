import Foundation
import YuyanFileFormats

/// The labels of a data set and their numbers.
public struct LabelVocabulary: Sendable, Hashable {
    /// How labels are numbered.
    public enum Order: String, Sendable, Hashable, CaseIterable {
        /// The most frequent first; equal counts by name.
        case count
        /// By the bytes of their names.
        case name
    }

    /// What happens to a label that is not known.
    public enum UnknownPolicy: Sendable, Hashable {
        /// An error that names the nearest label.
        case refuse
        /// It counts as this label, which must be known.
        case replace(String)
        /// It has no number.
        case ignore
    }

    /// The labels; the number of a label is its place.
    public let labels: [String]
    /// How often each label was seen.
    public let counts: [Int]
    private let numbers: [String: Int]

    /// Numbers labels by how often they were seen, or by name.
    ///
    /// - Parameters:
    ///   - counts: how often each label was seen.
    ///   - order: how labels are numbered.
    public init(counts: [String: Int], order: Order = .count) {
        let sorted = counts.sorted { one, two in
            if order == .count, one.value != two.value { return one.value > two.value }
            return one.key.utf8.lexicographicallyPrecedes(two.key.utf8)
        }
        labels = sorted.map(\.key)
        self.counts = sorted.map(\.value)
        numbers = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
    }

    /// Takes labels in the order given.
    ///
    /// - Parameters:
    ///   - labels: the labels.
    ///   - counts: how often each was seen; nil for unknown counts, which become 0.
    /// - Throws: `FileFormatError` when a label occurs twice or counts are of another number.
    public init(labels: [String], counts: [Int]? = nil) throws(FileFormatError) {
        let counts = counts ?? [Int](repeating: 0, count: labels.count)
        guard counts.count == labels.count else {
            throw FileFormatError(
                .mismatch,
                at: .key("counts"),
                "\(counts.count) counts for \(labels.count) labels"
            )
        }
        var numbers: [String: Int] = [:]
        for (number, label) in labels.enumerated() {
            guard numbers.updateValue(number, forKey: label) == nil else {
                throw FileFormatError(
                    .duplicate,
                    at: .key("labels"),
                    "the label '\(shortened(label))' occurs twice"
                )
            }
        }
        (self.labels, self.counts, self.numbers) = (labels, counts, numbers)
    }

    /// Reads a vocabulary that `write(to:)` wrote.
    ///
    /// - Parameter path: the file.
    /// - Throws: `FileFormatError` when it is missing or no vocabulary.
    public init(contentsOf path: String) throws(FileFormatError) {
        let json = try JSONValue(contentsOf: path)
        guard let labels = json["labels"]?.arrayValue else {
            throw FileFormatError(.missing, path: path, at: .key("labels"), "a list of labels is needed")
        }
        let names = labels.compactMap(\.stringValue)
        let counts = (json["counts"]?.arrayValue ?? []).compactMap(\.integerValue)
        guard names.count == labels.count, counts.isEmpty || counts.count == names.count,
            counts.allSatisfy({ $0 >= 0 })
        else {
            throw FileFormatError(
                .mismatch,
                path: path,
                at: .key("labels"),
                "labels must be texts, with a count each or none"
            )
        }
        do throws(FileFormatError) {
            try self.init(labels: names, counts: counts.isEmpty ? nil : counts)
        } catch {
            throw error.inFile(path)
        }
    }

    /// Writes the vocabulary as JSON, atomically.
    ///
    /// - Parameter path: the file.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func write(to path: String) throws(FileFormatError) { try json.write(to: path) }

    /// The vocabulary as JSON.
    public var json: JSONValue {
        ["labels": .array(labels.map { .string($0) }), "counts": .array(counts.map { .integer($0) })]
    }

    /// The number of labels.
    public var count: Int { labels.count }

    /// The number of a label.
    ///
    /// - Parameters:
    ///   - label: a label.
    ///   - policy: what happens when it is not known.
    /// - Returns: its number; nil when it is not known and to be ignored.
    /// - Throws: `FileFormatError` when it is not known and to be refused.
    public func number(
        of label: String,
        unknown policy: UnknownPolicy = .refuse
    ) throws(FileFormatError) -> Int? {
        if let number = numbers[label] { return number }
        switch policy {
        case .ignore: return nil
        case .replace(let other):
            if let number = numbers[other] { return number }
            throw unknown(other)
        case .refuse: throw unknown(label)
        }
    }

    private func unknown(_ label: String) -> FileFormatError {
        let near = NameSuggestion.words(for: label, among: labels)
        let known = labels.prefix(10).map { "'\($0)'" }.joined(separator: ", ")
        let rest = labels.count > 10 ? " and \(labels.count - 10) more" : ""
        return FileFormatError(
            .missing,
            "the label '\(shortened(label))' is not known; known are \(known)\(rest)\(near)"
        )
    }

    /// How evenly the labels are spread.
    public var balance: LabelBalance { LabelBalance(counts: counts) }
}

/// How evenly labels are spread.
public struct LabelBalance: Sendable, Hashable {
    /// The number of labels seen.
    public let total: Int
    /// The share of the most frequent label: what always guessing it would score.
    public let majorityShare: Double
    /// The count of the most frequent label over that of the rarest.
    public let imbalance: Double
    /// The entropy of the shares over that of equal shares: 1 for perfect balance, 0 for a single label.
    public let evenness: Double

    init(counts: [Int]) {
        let seen = counts.filter { $0 > 0 }
        let total = seen.reduce(0, +)
        self.total = total
        let (most, least) = (seen.max() ?? 0, seen.min() ?? 0)
        majorityShare = total == 0 ? 0 : Double(most) / Double(total)
        imbalance = least == 0 ? 1 : Double(most) / Double(least)
        let shares = seen.map { Double($0) / Double(total) }
        let entropy = -shares.reduce(0) { $0 + $1 * log($1) }
        evenness = seen.count < 2 ? 0 : entropy / log(Double(seen.count))
    }

    /// The figures as JSON.
    public var json: JSONValue {
        [
            "total": .integer(total), "majority_share": .number(majorityShare),
            "imbalance": .number(imbalance),
            "evenness": .number(evenness),
        ]
    }
}
