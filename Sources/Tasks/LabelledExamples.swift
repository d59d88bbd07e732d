import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanTraining

/// The examples of a task read from a recipe's files and divided into those to learn from and those to judge by.
struct ExampleParts<Example: DatasetExample> {
    /// To learn from.
    let training: [Example]
    /// To judge by.
    let validation: [Example]
    /// What they are: the files' bytes, how they are read, and how they are divided.
    let fingerprint: String
    /// Rows left out because they were malformed.
    let malformedCount: Int
    /// The first of those rows.
    let errors: [FileFormatError]

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
        func read(_ paths: [String], _ key: String) throws -> [Example] {
            let reader = try ExampleReader<Example>(paths, settings: settings)
            let examples = try reader.readAll()
            reports.append(reader.report)
            guard !examples.isEmpty else {
                throw RecipeError("data.\(key): \(paths.joined(separator: ", ")) has no examples")
            }
            return examples
        }
        let all = try read(paths, "train")
        var parts = [try DatasetFingerprint(paths, settings: settings).sha256]
        if let list = data.validation {
            let files = DataRecipe.files(list)
            guard !files.isEmpty else { throw RecipeError("data.validation names no file") }
            (training, validation) = (all, try read(files, "validation"))
            parts.append(try DatasetFingerprint(files, settings: settings).sha256)
        } else {
            let seed = recipe.training.dataSeed ?? recipe.training.seed
            let rows = all.map(row)
            let isGrouped = rows.contains { $0.group != nil }
            let splitter = try Splitter(
                fractions: [1 - data.validationFraction, data.validationFraction],
                rule: isGrouped ? .groups : isStratified ? .stratified : .random,
                seed: seed
            )
            let division = try splitter.split(rows)
            guard !division[0].isEmpty, !division[1].isEmpty else {
                throw RecipeError(
                    "data.validation_fraction is \(data.validationFraction), which leaves a part of the "
                        + "\(all.count) examples empty; name data.validation"
                )
            }
            (training, validation) = (division[0].map { all[$0] }, division[1].map { all[$0] })
            parts.append("split \(data.validationFraction) \(seed) \(isStratified)")
        }
        fingerprint = SHA256.hex(of: parts.joined(separator: "\n").utf8)
        malformedCount = reports.reduce(0) { $0 + $1.malformedCount }
        errors = reports.flatMap(\.errors)
    }
}

extension Recipe {
    /// The recipe with settings of the command line for reading data.
    ///
    /// - Parameter settings: Settings that differ from the recipe's.
    /// - Returns: The recipe that has them.
    /// - Throws: ``RecipeError`` for settings that do not fit.
    func reading(_ settings: JSONObject) throws -> Recipe {
        var recipe = self
        do {
            try recipe.data.examples.settings.join(settings)
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
    /// - Returns: The examples, and what messages call them.
    /// - Throws: ``RecipeError`` for files without examples, `FileFormatError` that names file and place.
    func examples<Example: DatasetExample>(
        toJudgeBy path: String?,
        isStratified: Bool,
        row: (Example) -> Splitter.Row = { Splitter.Row($0, group: $0.splitGroup) }
    ) throws -> (examples: [Example], name: String) {
        guard let list = path else {
            let parts = try ExampleParts<Example>(self, isStratified: isStratified, row: row)
            return (parts.validation, "data.validation")
        }
        let reader = try ExampleReader<Example>(DataRecipe.files(list), settings: data.examples.settings)
        let examples = try reader.readAll()
        guard !examples.isEmpty else { throw RecipeError("\(list) has no examples") }
        return (examples, list)
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
        try FileManager.default.createDirectory(
            atPath: training.outputDir,
            withIntermediateDirectories: true
        )
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
