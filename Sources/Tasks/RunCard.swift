import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanTensors
import YuyanTraining

/// The `README.md` of a model folder; `recipe.json` and `data.json` go with it.
struct RunCard {
    let title: String
    /// What the model is, in a few words.
    let summary: String
    let fingerprint: String
    /// Further lines about the data.
    let facts: [String]
    /// The labels with their counts; nil for tasks without.
    var labels: LabelVocabulary?
    /// Whether texts had second ones; nil for tasks without.
    var pairs: LearnedPairs?

    /// The file of a model folder that says what the data were.
    static let dataFile = "data.json"

    /// What a model folder says of the data that the model learned from.
    ///
    /// - Parameters:
    ///   - key: `fingerprint`, SHA-256 in hexadecimal digits, or `pairs`, see ``LearnedPairs``.
    ///   - folder: The model's folder.
    /// - Returns: The value; nil for a folder that does not tell.
    /// - Throws: `FileFormatError` for a damaged file.
    static func known(_ key: String, of folder: String) throws -> String? {
        let path = "\(folder)/\(dataFile)"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try JSONValue(contentsOf: path)[key]?.stringValue
    }

    /// Writes card, recipe and facts of the data of a run that has ended; nothing for one that was stopped, which is to go on.
    ///
    /// - Parameters:
    ///   - recipe: The run's recipe; its output folder gets the card.
    ///   - outcome: How it ended.
    /// - Throws: `FileFormatError` when the disk refuses.
    func write(_ recipe: Recipe, _ outcome: TrainingOutcome) throws {
        if case .interrupted = outcome.reason { return }
        try recipe.resolved.write(to: "\(recipe.training.outputDir)/recipe.json")
        var known = JSONObject()
        known["fingerprint"] = .string(fingerprint)
        if let pairs { known["pairs"] = .string(pairs.rawValue) }
        try JSONValue.object(known).write(to: "\(recipe.training.outputDir)/\(Self.dataFile)")
        var lines = ["# \(title)", ""]
        let kept = outcome.bestStep.map { "; the best evaluation, at step \($0), is kept" } ?? ""
        lines.append("\(summary), trained \(outcome.step) step\(outcome.step == 1 ? "" : "s")\(kept).")
        if let limit = outcome.timeLimit {
            lines.append("The limit of \(Int(limit.rounded(.up))) seconds ended the training.")
        }
        lines += ["", "| figure (validation) | value |", "| --- | --- |"]
        lines += outcome.metrics.sorted { $0.key < $1.key }.map { "| \($0.key) | \($0.value) |" }
        lines += ["", "## Data", "", "- fingerprint `\(fingerprint)`"]
        lines += facts.map { "- \($0)" }
        for (label, count) in zip(labels?.labels ?? [], labels?.counts ?? []).prefix(50) {
            lines.append("- `\(label.replacing("`", with: "'"))`: \(count)")
        }
        if !outcome.changes.isEmpty {
            lines += ["", "## Changed on the way", ""]
            lines += outcome.changes.map {
                "- after step \($0.step), `\($0.key)`: `\($0.before)` → `\($0.after)`"
            }
        }
        lines += ["", "## Recipe", "", "```json", recipe.resolved.printed(), "```", ""]
        let seconds = Int(outcome.seconds)
        lines += ["Trained on \(standardBackend.summary) in \(seconds) seconds of this process.", ""]
        try SafeFile.write(
            text: lines.joined(separator: "\n"),
            to: "\(recipe.training.outputDir)/README.md"
        )
    }
}
