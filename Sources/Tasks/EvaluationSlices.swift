import YuyanFileFormats
import YuyanReports
import YuyanTextProcessing

/// Examples of an evaluation that have something in common, each lot with a figure of its own.
struct EvaluationSlices {
    /// Examples with something in common.
    struct Slice: Equatable {
        /// What they have in common: `length`, `language`, `label`.
        let kind: String
        let name: String
        let rows: [Int]
    }

    let slices: [Slice]
    /// The figure as evaluation files call it.
    let figure: String
    /// The value of each slice.
    let values: [Double]

    /// Judges slices.
    ///
    /// - Parameters:
    ///   - slices: The slices.
    ///   - figure: What the figure is called.
    ///   - value: The figure of some rows.
    init(_ slices: [Slice], figure: String, value: ([Int]) -> Double) {
        (self.slices, self.figure) = (slices, figure)
        values = slices.map { value($0.rows) }
    }

    /// The probability from which a text's language is clear: more than that of all others together.
    private static let clearProbability = 0.5
    /// The fewest texts of a language that make a slice, beside a hundredth of all.
    private static let fewestTexts = 5

    /// Fourths of the examples by length; all of them where there are fewer than eight.
    ///
    /// - Parameters:
    ///   - lengths: The length of each example.
    ///   - unit: What is counted.
    /// - Returns: The slices, the shortest first.
    static func byLength(_ lengths: [Int], unit: String) -> [Slice] {
        let order = lengths.indices.sorted { (lengths[$0], $0) < (lengths[$1], $1) }
        let fourths = order.count < 8 ? 1 : 4
        return (0..<fourths).compactMap { number in
            let rows = Array(order[order.count * number / fourths..<order.count * (number + 1) / fourths])
            guard let first = rows.first, let last = rows.last else { return nil }
            return Slice(kind: "length", name: "\(lengths[first]) … \(lengths[last]) \(unit)", rows: rows)
        }
    }

    /// The texts of each language, of those whose language is clear.
    ///
    /// A language counts when five texts and one in a hundred are in it, so that a few wrong guesses are no language.
    ///
    /// - Parameter texts: The texts.
    /// - Returns: The slices, the most frequent language first; none when there are not two languages.
    static func byLanguage(_ texts: [String]) -> [Slice] {
        var rows: [String: [Int]] = [:]
        for (row, text) in texts.enumerated() {
            if let language = clearLanguage(of: text) { rows[language, default: []].append(row) }
        }
        let fewest = max(fewestTexts, texts.count / 100)
        let found = rows.filter { $0.value.count >= fewest }
            .sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        guard found.count > 1 else { return [] }
        return found.map { Slice(kind: "language", name: "language \($0.key)", rows: $0.value) }
    }

    /// The language of a text where it is clear, without its script (`zh`): which one a short text is in often is not.
    private static func clearLanguage(of text: String) -> String? {
        func name(_ guess: LanguageGuess) -> String { String(guess.language.prefix { $0 != "-" }) }
        let guesses = LanguageIdentifier.shared.guesses(text, count: 2)
        guard let best = guesses.first, ![LanguageIdentifier.unknown, "code"].contains(best.language) else {
            return nil
        }
        let probability = guesses.filter { name($0) == name(best) }.reduce(0) { $0 + $1.probability }
        return probability >= clearProbability ? name(best) : nil
    }

    /// The slices as evaluation files have them.
    var json: JSONValue {
        .array(
            zip(slices, values).map { slice, value in
                var object = JSONObject()
                object["slice"] = .string(slice.name)
                object["by"] = .string(slice.kind)
                object["examples"] = .integer(slice.rows.count)
                object[figure] = value.isFinite ? .number(value) : .null
                return .object(object)
            }
        )
    }

    /// A table of the slices.
    ///
    /// - Parameter isLeftOut: Whether a kind of slices is left out.
    /// - Returns: The table.
    func table(leavingOut isLeftOut: (String) -> Bool = { _ in false }) -> ReportTable {
        let name = figure.replacing("_", with: " ")
        var table = ReportTable(title: "Slices", columns: ["slice", "examples", name])
        for (slice, value) in zip(slices, values) where !isLeftOut(slice.kind) {
            table.row([
                .text(slice.name), .number("\(slice.rows.count)"), .number(ReportTable.decimals(value)),
            ])
        }
        return table
    }
}
