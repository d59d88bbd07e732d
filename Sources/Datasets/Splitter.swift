import YuyanFileFormats
import YuyanTextProcessing

/// Divides a data set into parts, the same way whenever it is asked with the same seed.
///
/// All rules but `hash` hit the fractions exactly, to the row, by largest remainder, as long as no rows must stay
/// together; rows that must (one group, or one text with `keepsEqualTextsTogether`) go as one to the part that lacks
/// the most.
public struct Splitter: Sendable, Hashable {
    /// How rows are dealt out.
    public enum Rule: Sendable, Hashable {
        /// By chance.
        case random
        /// By chance within each label, so that every part has the labels' shares.
        case stratified
        /// By chance, rows of one group together.
        case groups
        /// In order of time: the earliest rows to the first part. Rows of one time stay together.
        case time
        /// By a hash of each row's key: a row's part never changes when others come or go. Fractions hold on average.
        case hash
    }

    /// What the rule looks at, for each row.
    public struct Row: Sendable, Hashable {
        /// The text of the row: what must not stand in two parts, and the key of `hash` where no key is given.
        public var text: String
        /// The label, for `stratified`.
        public var label: String?
        /// The group, such as the document, for `groups`; the key for `hash`.
        public var group: String?
        /// The time, for `time`: numbers compare as numbers, other texts by their bytes, as ISO 8601 needs.
        public var time: String?

        /// Makes a row.
        ///
        /// - Parameters:
        ///   - text: the text.
        ///   - label: the label.
        ///   - group: the group, or the key of a hash.
        ///   - time: the time.
        public init(text: String, label: String? = nil, group: String? = nil, time: String? = nil) {
            (self.text, self.label, self.group, self.time) = (text, label, group, time)
        }

        /// Makes the row of an example.
        ///
        /// - Parameters:
        ///   - example: an example; its texts are joined, and its stratum is the label.
        ///   - group: the group, or the key of a hash.
        ///   - time: the time.
        public init(_ example: some DatasetExample, group: String? = nil, time: String? = nil) {
            self.init(
                text: example.texts.joined(separator: "\u{1F}"),
                label: example.stratum,
                group: group,
                time: time
            )
        }
    }

    /// The share of each part; they are divided by their sum.
    public let fractions: [Double]
    /// How rows are dealt out.
    public let rule: Rule
    /// The seed.
    public let seed: UInt64
    /// Whether rows with the same text always fall into the same part.
    public let keepsEqualTextsTogether: Bool

    /// Makes a splitter.
    ///
    /// - Parameters:
    ///   - fractions: the share of each part, such as `[0.8, 0.1, 0.1]` or `[4, 1]`.
    ///   - rule: how rows are dealt out.
    ///   - seed: any number.
    ///   - keepsEqualTextsTogether: whether rows with the same text always fall into the same part.
    /// - Throws: `FileFormatError` when a share is negative or not finite, or all are zero.
    public init(
        fractions: [Double],
        rule: Rule = .random,
        seed: UInt64 = 0,
        keepsEqualTextsTogether: Bool = true
    ) throws {
        let total = fractions.reduce(0, +)
        guard fractions.allSatisfy({ $0 >= 0 && $0.isFinite }), total > 0, total.isFinite else {
            throw FileFormatError(
                .mismatch,
                "the shares of a split must be positive numbers, not \(fractions)"
            )
        }
        self.fractions = fractions.map { $0 / total }
        (self.rule, self.seed, self.keepsEqualTextsTogether) = (rule, seed, keepsEqualTextsTogether)
    }

    /// Makes a splitter into equal parts for cross-validation: fold i is tested on part i and trained on the others.
    ///
    /// - Parameters:
    ///   - folds: the number of parts.
    ///   - rule: how rows are dealt out.
    ///   - seed: any number.
    ///   - keepsEqualTextsTogether: whether rows with the same text always fall into the same part.
    /// - Throws: `FileFormatError` when there are fewer than two folds.
    public init(
        folds: Int,
        rule: Rule = .random,
        seed: UInt64 = 0,
        keepsEqualTextsTogether: Bool = true
    ) throws {
        guard (2...65_536).contains(folds) else {
            throw FileFormatError(.mismatch, "cross-validation needs 2 to 65536 folds, not \(folds)")
        }
        let equal = [Double](repeating: 1, count: folds)
        try self.init(
            fractions: equal,
            rule: rule,
            seed: seed,
            keepsEqualTextsTogether: keepsEqualTextsTogether
        )
    }

    /// Deals out rows.
    ///
    /// - Parameter rows: the rows.
    /// - Returns: for each part the numbers of its rows in ascending order.
    /// - Throws: `FileFormatError` when a row lacks what the rule looks at.
    public func split(_ rows: [Row]) throws -> [[Int]] {
        var parts = [[Int]](repeating: [], count: fractions.count)
        for (row, part) in try assign(rows).enumerated() { parts[part].append(row) }
        return parts
    }

    /// The part of each row.
    ///
    /// - Parameter rows: the rows.
    /// - Returns: numbers of parts.
    /// - Throws: `FileFormatError` when a row lacks what the rule looks at.
    public func assign(_ rows: [Row]) throws -> [Int] {
        switch rule {
        case .hash: return rows.map(hashPart)
        case .time: return try timeParts(rows)
        case .random, .groups, .stratified: return try chanceParts(rows)
        }
    }

    private func needed(_ value: String?, _ row: Int, _ what: String) throws -> String {
        guard let value else {
            throw FileFormatError(.missing, "row \(row + 1) has no \(what), which the split goes by")
        }
        return value
    }

    private func hashPart(_ row: Row) -> Int {
        // The row's text decides where equal texts must stay together, whatever their keys.
        let key = keepsEqualTextsTogether ? row.text : row.group ?? row.text
        let print = TextFingerprint(key)
        let place = CounterRandom(seed: seed, stream: print.high).words(at: print.low)
        let share = Double(UInt64(place[0]) << 20 ^ UInt64(place[1])) / Double(UInt64(1) << 52)
        var sum = 0.0
        for (part, fraction) in fractions.enumerated() {
            sum += fraction
            if share < sum { return part }
        }
        return fractions.lastIndex { $0 > 0 } ?? 0
    }

    private func timeParts(_ rows: [Row]) throws -> [Int] {
        let times = try rows.enumerated().map { try needed($1.time, $0, "time") }
        let numbers = times.compactMap(Double.init)
        let order: [Int]
        if numbers.count == times.count {
            order = rows.indices.sorted { (numbers[$0], $0) < (numbers[$1], $1) }
        } else {
            order = rows.indices.sorted {
                times[$0] == times[$1] ? $0 < $1 : times[$0].utf8.lexicographicallyPrecedes(times[$1].utf8)
            }
        }
        let units = keepsEqualTextsTogether ? Self.units(rows, byGroup: false) : Array(rows.indices)
        var (parts, unitPart) = ([Int](repeating: 0, count: rows.count), [Int: Int]())
        var (part, dealt, left) = (0, 0, Self.largestRemainder(rows.count, fractions))
        for (place, row) in order.enumerated() {
            let isTie = place > 0 && times[row] == times[order[place - 1]]
            while !isTie, part + 1 < left.count, dealt >= left[part] {
                dealt -= left[part]
                left[part] = 0
                part += 1
            }
            dealt += 1
            // A text that came before stays where it came first.
            let chosen = unitPart[units[row]] ?? part
            unitPart[units[row]] = chosen
            parts[row] = chosen
        }
        return parts
    }

    /// Rows that must stay together, with their label.
    private struct Unit {
        var rows: [Int] = []
        var label = ""
    }

    private func chanceParts(_ rows: [Row]) throws -> [Int] {
        if rule == .groups {
            for (place, row) in rows.enumerated() { _ = try needed(row.group, place, "group") }
        }
        let isTogether = keepsEqualTextsTogether || rule == .groups
        let numbers =
            isTogether
            ? Self.units(rows, byGroup: rule == .groups, byText: keepsEqualTextsTogether)
            : Array(rows.indices)
        var units: [Int: Unit] = [:]
        for (row, number) in numbers.enumerated() { units[number, default: Unit()].rows.append(row) }
        var strata: [String: [[Int]]] = [:]
        for number in units.keys.sorted() {
            guard let unit = units[number], let first = unit.rows.first else { continue }
            let label = rule == .stratified ? try needed(rows[first].label, first, "label") : ""
            strata[label, default: []].append(unit.rows)
        }
        let labels = strata.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let sizes = labels.map { strata[$0, default: []].reduce(0) { $0 + $1.count } }
        var quotas = Self.quotas(sizes, fractions)
        var parts = [Int](repeating: 0, count: rows.count)
        for (stratum, label) in labels.enumerated() {
            let members = strata[label, default: []]
            let shuffle = SeededPermutation(count: members.count, seed: seed, round: stratum)
            let shuffled = members.indices.map { members[shuffle[$0]] }
            // Large units first: they are the hardest to fit. The order among equals stays shuffled.
            let large = shuffled.enumerated().filter { $1.count > 1 }
                .sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }.map(\.element)
            for unit in large + shuffled.filter({ $0.count == 1 }) {
                var best = 0
                for part in quotas[stratum].indices where quotas[stratum][part] > quotas[stratum][best] {
                    best = part
                }
                quotas[stratum][best] -= unit.count
                for row in unit { parts[row] = best }
            }
        }
        return parts
    }

    /// The number of the first row that each row must stay together with, directly or through others.
    private static func units(_ rows: [Row], byGroup: Bool, byText: Bool = true) -> [Int] {
        var parent = Array(rows.indices)
        func root(_ row: Int) -> Int {
            var row = row
            while parent[row] != row {
                parent[row] = parent[parent[row]]
                row = parent[row]
            }
            return row
        }
        var first: [TextFingerprint: Int] = [:]
        func join(_ row: Int, _ key: TextFingerprint) {
            guard let other = first[key] else {
                first[key] = row
                return
            }
            let (one, two) = (root(row), root(other))
            parent[max(one, two)] = min(one, two)
        }
        for (row, value) in rows.enumerated() {
            if byText { join(row, TextFingerprint(value.text)) }
            if byGroup { join(row, TextFingerprint("\u{1}" + (value.group ?? ""))) }
        }
        return rows.indices.map(root)
    }

    /// Divides a count by shares so that the parts add up: the method of the largest remainder (Hamilton).
    static func largestRemainder(_ count: Int, _ fractions: [Double]) -> [Int] {
        quotas([count], fractions)[0]
    }

    /// Divides each stratum by shares, so that the strata and the whole come as near to them as whole rows allow.
    private static func quotas(_ sizes: [Int], _ fractions: [Double]) -> [[Int]] {
        func floors(_ size: Int) -> (whole: [Int], rest: [Double]) {
            let exact = fractions.map { Double(size) * $0 }
            // A share that is a whole number but for rounding is that number.
            let whole = exact.map { Int(($0 + 1e-9 * Swift.max($0, 1)).rounded(.down)) }
            return (whole, zip(exact, whole).map { $0 - Double($1) })
        }
        let total = sizes.reduce(0, +)
        var (target, rest) = floors(total)
        for part in order(rest, fractions).prefix(total - target.reduce(0, +)) { target[part] += 1 }
        var cells = sizes.map { floors($0).whole }
        var room = fractions.indices.map { part in target[part] - cells.reduce(0) { $0 + $1[part] } }
        var left = zip(sizes, cells).map { $0 - $1.reduce(0, +) }
        var candidates: [(rest: Double, stratum: Int, part: Int)] = []
        for (stratum, size) in sizes.enumerated() {
            for (part, rest) in floors(size).rest.enumerated() where fractions[part] > 0 {
                candidates.append((rest, stratum, part))
            }
        }
        candidates.sort { ($1.rest, $0.stratum, $0.part) < ($0.rest, $1.stratum, $1.part) }
        for pass in 0..<3 {
            for candidate in candidates where left[candidate.stratum] > 0 {
                // First at most one more per cell where the part lacks rows, then wherever it lacks some, then anywhere.
                while left[candidate.stratum] > 0, room[candidate.part] > 0 || pass == 2 {
                    cells[candidate.stratum][candidate.part] += 1
                    left[candidate.stratum] -= 1
                    room[candidate.part] -= 1
                    if pass == 0 { break }
                }
            }
        }
        return cells
    }

    private static func order(_ rest: [Double], _ fractions: [Double]) -> [Int] {
        rest.indices.filter { fractions[$0] > 0 }.sorted { (rest[$1], $0) < (rest[$0], $1) }
    }
}
