import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanTraining

/// Rows that were left out because they were malformed.
struct MalformedRows {
    let count: Int
    /// The error of the first.
    let first: FileFormatError?

    init(_ reports: [ReadingReport]) {
        count = reports.reduce(0) { $0 + $1.malformedCount }
        first = reports.lazy.flatMap(\.errors).first
    }

    /// How many there are and what is wrong with the first; nil when there are none.
    ///
    /// - Parameter name: What a row is called, in the plural.
    /// - Returns: The words.
    func words(_ name: String = "rows") -> String? {
        guard count > 0 else { return nil }
        return "\(count) malformed \(name) left out" + (first.map { "; the first: \($0)" } ?? "")
    }

    /// A note for the user; nil when there are none.
    func warning(_ name: String = "rows") -> String? { words(name).map { "warning: \($0)" } }
}

/// Examples with the places of their rows.
struct LocatedExamples<Example: DatasetExample> {
    private(set) var examples: [Example] = []
    private(set) var places: [RecordPlace] = []
    let report: ReadingReport

    /// Reads files; `name` is what messages call them.
    init(_ paths: [String], settings: DataSettings, name: String) throws {
        let reader = try ExampleReader<Example>(paths, settings: settings)
        while let example = try reader.next() {
            examples.append(example)
            places.append(reader.place)
        }
        report = reader.report
        guard !examples.isEmpty else {
            let reason = MalformedRows([report]).words().map { ": \($0)" } ?? ""
            throw RecipeError("\(name) has no examples\(reason)")
        }
    }

    /// The examples of some rows.
    func picked(_ rows: [Int]) -> (examples: [Example], places: [RecordPlace]) {
        (rows.map { examples[$0] }, rows.map { places[$0] })
    }
}

/// The examples that a model is judged by.
struct JudgedExamples<Example: DatasetExample> {
    let examples: [Example]
    /// Where the row of each stands.
    let places: [RecordPlace]
    /// What messages call them.
    let name: String
}

/// The examples of a task read from a recipe's files and divided into those to learn from and those to judge by.
struct ExampleParts<Example: DatasetExample> {
    /// To learn from.
    let training: [Example]
    /// To judge by.
    let validation: [Example]
    /// Where the row of each to learn from stands.
    let trainingPlaces: [RecordPlace]
    /// Where the row of each to judge by stands.
    let validationPlaces: [RecordPlace]
    /// What they are: the files' bytes, how they are read, and how they are divided.
    let fingerprint: String
    /// Rows left out because they were malformed.
    let malformed: MalformedRows
    /// Those of the files that the examples to judge by come from.
    let validationMalformed: MalformedRows

    /// Reads the files that a recipe names.
    ///
    /// - Parameters:
    ///   - recipe: The recipe.
    ///   - isStratified: Whether a share that validates has the labels' shares.
    ///   - row: What a division looks at; equal texts stay on one side.
    /// - Throws: ``RecipeError`` when files are not named, `FileFormatError` that names file and place.
    init(
        _ recipe: Recipe,
        isStratified: Bool,
        row: (Example) -> Splitter.Row = { Splitter.Row($0, group: $0.splitGroup) }
    ) throws {
        let data = recipe.data
        let settings = data.examples.settings
        let paths = DataRecipe.files(data.train)
        guard !paths.isEmpty else { throw RecipeError("data.train is missing: name a file of examples") }
        var reports: [ReadingReport] = []
        func read(_ paths: [String], _ key: String) throws -> LocatedExamples<Example> {
            let name = "data.\(key): \(paths.joined(separator: ", "))"
            let found = try LocatedExamples<Example>(paths, settings: settings, name: name)
            reports.append(found.report)
            return found
        }
        let all = try read(paths, "train")
        if let list = data.validation {
            let files = DataRecipe.files(list)
            guard !files.isEmpty else { throw RecipeError("data.validation names no file") }
            let judged = try read(files, "validation")
            (training, trainingPlaces) = (all.examples, all.places)
            (validation, validationPlaces) = (judged.examples, judged.places)
        } else {
            let rows = all.examples.map(row)
            let isGrouped = rows.contains { $0.group != nil }
            let splitter = try Splitter(
                fractions: [1 - data.validationFraction, data.validationFraction],
                rule: isGrouped ? .groups : isStratified ? .stratified : .random,
                seed: recipe.splitSeed
            )
            let division = try splitter.split(rows)
            guard !division[0].isEmpty, !division[1].isEmpty else {
                throw RecipeError(
                    "data.validation_fraction is \(data.validationFraction), which leaves a part of the "
                        + "\(rows.count) examples empty; name data.validation"
                )
            }
            (training, trainingPlaces) = all.picked(division[0])
            (validation, validationPlaces) = all.picked(division[1])
        }
        fingerprint = try recipe.exampleFingerprint(isStratified: isStratified)
        malformed = MalformedRows(reports)
        validationMalformed = MalformedRows(reports.suffix(1))
    }
}

extension Recipe {
    /// The seed of a division.
    fileprivate var splitSeed: UInt64 { training.dataSeed ?? training.seed }

    /// What the recipe's examples are: the files' bytes, how they are read, and how they are divided.
    fileprivate func exampleFingerprint(isStratified: Bool) throws -> String {
        func fingerprint(_ list: String) throws -> String {
            try DatasetFingerprint(DataRecipe.files(list), settings: data.examples.settings).sha256
        }
        let division = "split \(data.validationFraction) \(splitSeed) \(isStratified)"
        let parts = [try fingerprint(data.train), try data.validation.map(fingerprint) ?? division]
        return SHA256.hex(of: parts.joined(separator: "\n").utf8)
    }

    /// Refuses to judge a model by a share of rows that are no longer those it learned from the rest of.
    ///
    /// - Parameters:
    ///   - folder: The model's folder.
    ///   - source: What it shall be judged by.
    ///   - isStratified: Whether the share has the labels' shares.
    /// - Throws: ``RecipeError`` when the files have changed since, `FileFormatError` when one is missing.
    func checkShare(of folder: String, _ source: EvaluationData, isStratified: Bool = false) throws {
        guard source.path == nil, data.validation == nil,
            let known = try RunCard.known("fingerprint", of: folder),
            try known != exampleFingerprint(isStratified: isStratified)
        else { return }
        throw RecipeError(
            "\(data.train): its rows are no longer those that \(folder) learned from, and a share of them would hold "
                + "rows that the model has seen; name rows to judge by (--data)"
        )
    }

    /// Keys of the section `data`, beside those of `DataSettings`, that a trained model is judged by.
    private static let judgingKeys = ["unknown_labels", "answer_standard"]

    /// The recipe with settings of the command line for reading data.
    ///
    /// - Parameter settings: Settings that differ from the recipe's: keys of the section `data` that say how rows are
    ///   read and what a trained model is judged by. Members of mappings join those that are there.
    /// - Returns: The recipe that has them.
    /// - Throws: ``RecipeError`` for settings that do not fit.
    public func reading(_ settings: JSONObject) throws -> Recipe {
        var (recipe, rest) = (self, JSONObject())
        let own = taskDescription.dataFields.filter { Self.judgingKeys.contains($0.key) }
        let known = DataSettings.keys + own.map(\.key)
        for (key, value) in settings {
            if key == "format", value.isNull || value.stringValue == "auto" {
                recipe.data.examples.settings.format = nil
                continue
            }
            guard known.contains(key) else {
                throw RecipeError("--set \(key): unknown key\(NameSuggestion.words(for: key, among: known))")
            }
            guard let field = own.first(where: { $0.key == key }) else {
                rest[key] = value
                continue
            }
            if value.isNull { continue }
            let text = value.stringValue ?? value.printed(indent: nil)
            guard try field.assign(&recipe.data, RecipeScalar(text: text, isQuoted: false)) else {
                throw RecipeError("--set \(key): \(field.wanted) is needed, not \"\(text)\"")
            }
        }
        do {
            try recipe.data.examples.settings.join(rest)
        } catch {
            throw RecipeError("--set: \(error)")
        }
        return recipe
    }

    /// The examples to judge a model by: of files, or the part of the recipe's data that validates.
    ///
    /// - Parameters:
    ///   - path: The files, separated by commas; nil for the recipe's own.
    ///   - isStratified: Whether a share that validates has the labels' shares.
    ///   - row: What a division looks at; equal texts stay on one side.
    ///   - rowName: What messages call rows.
    ///   - report: Told how many rows were left out because they were malformed.
    /// - Returns: The examples.
    /// - Throws: ``RecipeError`` for files without examples, `FileFormatError` that names file and place.
    func examples<Example: DatasetExample>(
        toJudgeBy path: String?,
        isStratified: Bool,
        row: (Example) -> Splitter.Row = { Splitter.Row($0, group: $0.splitGroup) },
        rowName: String = "rows",
        report: (TaskEvent) -> Void
    ) throws -> JudgedExamples<Example> {
        guard let list = path else {
            let parts = try ExampleParts<Example>(self, isStratified: isStratified, row: row)
            if let warning = parts.validationMalformed.warning(rowName) { report(.note(warning)) }
            return JudgedExamples(
                examples: parts.validation,
                places: parts.validationPlaces,
                name: "data.validation"
            )
        }
        let found = try LocatedExamples<Example>(
            DataRecipe.files(list),
            settings: data.examples.settings,
            name: list
        )
        if let warning = MalformedRows([found.report]).warning(rowName) { report(.note(warning)) }
        return JudgedExamples(examples: found.examples, places: found.places, name: list)
    }

    /// Looks at the recipe's files of examples and writes a report with pictures to the output folder.
    ///
    /// - Parameters:
    ///   - kind: What the examples are.
    ///   - report: Told how far it is.
    /// - Returns: The tables and where the report is.
    /// - Throws: Errors that name file and place, or `CancellationError`.
    func inspectExamples(
        as kind: DataKind,
        report: @escaping (TaskEvent) -> Void
    ) throws -> TaskPreparation {
        let paths = DataRecipe.files(data.train) + DataRecipe.files(data.validation ?? "")
        let inspection = try DataInspection(paths, as: kind, settings: data.examples.settings) { count in
            report(.status { "\(count) examples" })
            return StopSignal.received == nil
        }
        try SafeFile.makeFolder(training.outputDir)
        let path = "\(training.outputDir)/\(PreparationReport.fileName)"
        try SafeFile.write(text: inspection.page.html, to: path)
        return TaskPreparation(plain: inspection.plain, reportPath: path)
    }
}

/// Batches of examples of like length, each determined by its number and the seed alone.
///
/// Examples are shuffled anew in every epoch and sorted by length within windows of 50 batches; under a budget of tokens
/// within the whole epoch, so that each has as many batches.
final class ExampleBatches {
    /// The number of batches of an epoch.
    let countPerEpoch: Int
    /// The examples of a batch; the last of an epoch may have fewer.
    let rows: Int
    private let lengths: [Int]
    private let tokenBudget: Int?
    private let seed: UInt64
    private var plan: (epoch: Int, batches: [[Int]])?

    /// Plans batches.
    ///
    /// - Parameters:
    ///   - lengths: The tokens of each example.
    ///   - rows: The examples of a batch; the last of an epoch may have fewer.
    ///   - tokenBudget: The most tokens of a batch, padding included; nil for no bound.
    ///   - seed: The seed of the order.
    init(lengths: [Int], rows: Int, tokenBudget: Int? = nil, seed: UInt64) {
        (self.lengths, self.rows, self.tokenBudget, self.seed) = (lengths, rows, tokenBudget, seed)
        guard tokenBudget == nil else {
            let first = Self.buckets(lengths, rows, tokenBudget, seed, epoch: 0)
            countPerEpoch = first.count
            plan = (0, first)
            return
        }
        let window = rows * Self.windowBatches
        let (whole, rest) = (lengths.count / window, lengths.count % window)
        countPerEpoch = whole * Self.windowBatches + (rest + rows - 1) / rows
    }

    private static let windowBatches = 50

    private static func buckets(
        _ lengths: [Int],
        _ rows: Int,
        _ tokenBudget: Int?,
        _ seed: UInt64,
        epoch: Int
    ) -> [[Int]] {
        LengthBuckets(
            lengths: lengths,
            tokenBudget: tokenBudget ?? .max,
            maximumRows: rows,
            window: tokenBudget == nil ? rows * windowBatches : max(lengths.count, 1),
            seed: seed,
            epoch: epoch
        ).batches
    }

    /// The examples of a batch, counted from 0 over all epochs.
    func members(_ number: Int) -> [Int] {
        let epoch = number / countPerEpoch
        if plan?.epoch != epoch {
            plan = (epoch, Self.buckets(lengths, rows, tokenBudget, seed, epoch: epoch))
        }
        return plan?.batches[number % countPerEpoch] ?? []
    }
}
