/// Finds what a person may have meant by a name that is not known.
package enum NameSuggestion {
    /// Words to add to an error: "; did you mean 'text'?", or nothing when no name is near.
    ///
    /// - Parameters:
    ///   - name: The name that is not known.
    ///   - names: The names that are.
    /// - Returns: The words, beginning with "; ", or "".
    package static func words(for name: String, among names: [String]) -> String {
        nearest(to: name, among: names).map { "; did you mean '\($0)'?" } ?? ""
    }

    /// The name with the fewest insertions, deletions and replacements, if at most half of the name's scalars.
    ///
    /// - Parameters:
    ///   - name: The name that is not known.
    ///   - names: The names that are; of many or long ones only the first 256 and 64 scalars are looked at.
    /// - Returns: The nearest name; the first of several.
    package static func nearest(to name: String, among names: [String]) -> String? {
        let wanted = Array(name.lowercased().unicodeScalars.prefix(64))
        var best: (name: String, distance: Int)?
        for candidate in names.prefix(256) {
            let distance = distance(wanted, Array(candidate.lowercased().unicodeScalars.prefix(64)))
            if distance < best?.distance ?? Int.max { best = (candidate, distance) }
        }
        guard let best, best.distance * 2 <= max(wanted.count, 2) else { return nil }
        return best.name
    }

    /// The distance of Levenshtein (1966).
    private static func distance(_ first: [Unicode.Scalar], _ second: [Unicode.Scalar]) -> Int {
        var row = Array(0...second.count)
        for (i, left) in first.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in second.enumerated() {
                let replaced = diagonal + (left == right ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[second.count]
    }
}
