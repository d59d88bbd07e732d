/// Texts that occur more than once in labelled data, and those whose labels disagree.
public struct RepeatedTexts<ID: Sendable>: Sendable {
    /// A text that occurs more than once.
    public struct Group: Sendable {
        /// Where it occurs, in order.
        public let ids: [ID]
        /// The labels at those places.
        public let labels: [String]
        /// Whether the labels differ.
        public var isContradictory: Bool { Set(labels).count > 1 }
    }

    /// The repeated texts in the order of their first places.
    public let groups: [Group]

    /// The number of rows that repeat an earlier one's text.
    public var repeatedCount: Int { groups.reduce(0) { $0 + $1.ids.count - 1 } }
    /// The number of texts that have more than one label.
    public var contradictoryCount: Int { groups.count { $0.isContradictory } }

    /// Looks for repeated texts; memory holds a fingerprint, id and label for each row.
    ///
    /// - Parameters:
    ///   - rows: Rows with what names them, their text and their label.
    ///   - ignoringCaseAndPunctuation: Whether texts that differ in case, spaces and punctuation only count as equal.
    public init(
        _ rows: some Sequence<(id: ID, text: String, label: String)>,
        ignoringCaseAndPunctuation: Bool = false
    ) {
        var (order, places): ([TextFingerprint], [TextFingerprint: (ids: [ID], labels: [String])]) = ([], [:])
        for row in rows {
            let key =
                ignoringCaseAndPunctuation
                ? TextFingerprint(high: TextItems(row.text).wholeHash, low: 0) : TextFingerprint(row.text)
            if places[key] == nil { order.append(key) }
            places[key, default: ([], [])].ids.append(row.id)
            places[key, default: ([], [])].labels.append(row.label)
        }
        groups = order.compactMap { key in
            guard let place = places[key], place.ids.count > 1 else { return nil }
            return Group(ids: place.ids, labels: place.labels)
        }
    }
}
