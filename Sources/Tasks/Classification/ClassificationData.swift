import YuyanDatasets
import YuyanFileFormats

/// What a classifier learns from and is judged by: texts with the numbers of their labels.
struct ClassificationData {
    /// Texts with their labels.
    struct Part {
        var texts: [ClassifierText] = []
        /// The labels of each text; one unless a text may have several.
        var classes: [[Int]] = []
        /// Rows left out because of a label that the training part lacks.
        var skippedCount = 0

        var count: Int { texts.count }
    }

    let training: Part
    let validation: Part
    let labels: LabelVocabulary
    let fingerprint: String
    /// Things that the user should know.
    let notes: [String]

    /// Beyond so many, a column of labels is rather one of texts or numbers.
    private static let mostLabels = 5000

    /// Reads the files that a recipe names.
    init(_ recipe: Recipe) throws {
        let parts = try ExampleParts<ClassificationExample>(recipe, isStratified: true)
        var counts: [String: Int] = [:]
        for example in parts.training {
            for label in example.labels { counts[label, default: 0] += 1 }
        }
        labels = LabelVocabulary(counts: counts, order: .name)
        let isMultiLabel = recipe.isMultiLabel
        guard labels.count >= (isMultiLabel ? 1 : 2) else {
            throw RecipeError(
                "data.train: every example has the label '\(labels.labels.first ?? "")'; a classifier needs two or more"
            )
        }
        guard labels.count <= Self.mostLabels else {
            throw RecipeError(
                "data.train: there are \(labels.count) different labels, more than \(Self.mostLabels); is columns.label right?"
            )
        }
        training = try Part(parts.training, labels, recipe, name: "data.train")
        validation = try Part(parts.validation, labels, recipe, name: "data.validation")
        fingerprint = parts.fingerprint
        var notes = [
            "\(training.count) examples to learn from, \(validation.count) to judge by, \(labels.count) labels"
        ]
        let empty = training.texts.reduce(0) { $0 + ($1.text.utf8.isEmpty ? 1 : 0) }
        if empty > 0 { notes.append("warning: \(empty) training texts are empty") }
        if parts.malformedCount > 0 {
            notes.append(
                "warning: \(parts.malformedCount) malformed rows left out; the first: \(parts.errors[0])"
            )
        }
        if validation.skippedCount > 0 {
            notes.append(
                "warning: \(validation.skippedCount) validation rows left out, whose labels the training part lacks"
            )
        }
        self.notes = notes
    }
}

extension ClassificationData.Part {
    /// Numbers the labels of examples.
    ///
    /// - Parameters:
    ///   - examples: The examples.
    ///   - labels: The labels that the model knows.
    ///   - recipe: Says whether there may be several, and what happens to unknown ones.
    ///   - name: What messages call the examples.
    /// - Throws: ``RecipeError`` that names the row.
    init(
        _ examples: [ClassificationExample],
        _ labels: LabelVocabulary,
        _ recipe: Recipe,
        name: String
    ) throws {
        let policy: LabelVocabulary.UnknownPolicy =
            recipe.data.examples.unknownLabels == "skip" ? .ignore : .refuse
        for (row, example) in examples.enumerated() {
            guard recipe.isMultiLabel || example.labels.count == 1 else {
                throw RecipeError(
                    "\(name): example \(row + 1) has \(example.labels.count) labels; set data.multi_label to true if "
                        + "texts may have several"
                )
            }
            var numbers: [Int] = []
            var isKnown = true
            for label in example.labels {
                do {
                    if let number = try labels.number(of: label, unknown: policy) {
                        if !numbers.contains(number) { numbers.append(number) }
                    } else {
                        isKnown = false
                    }
                } catch {
                    throw RecipeError(
                        "\(name): example \(row + 1): \(error.message); data.unknown_labels=skip leaves such rows out"
                    )
                }
            }
            guard isKnown else {
                skippedCount += 1
                continue
            }
            texts.append(ClassifierText(example.text, pair: example.textPair))
            classes.append(numbers.sorted())
        }
        guard !texts.isEmpty else {
            throw RecipeError("\(name): no example has labels that the training part has")
        }
    }
}

extension Recipe {
    /// Whether a text may have any number of labels.
    var isMultiLabel: Bool { data.examples.multiLabel || data.examples.settings.labelSeparator != nil }
}
