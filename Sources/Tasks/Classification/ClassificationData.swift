import YuyanDatasets
import YuyanFileFormats

/// What a classifier learns from and is judged by: texts with the numbers of their labels.
struct ClassificationData {
    /// Texts with their labels.
    struct Part {
        var texts: [ClassifierText] = []
        /// The labels of each text; one unless a text may have any number.
        var classes: [[Int]] = []
        /// The place of each text among the examples that were read, counted from 1.
        var numbers: [Int] = []
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
        guard labels.count > 0 else { throw RecipeError("data.train: no example has a label") }
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
        let known = labels
        func part(_ examples: [ClassificationExample], _ places: [RecordPlace], _ name: String) throws -> Part
        {
            try Part(
                examples,
                at: places,
                known,
                skipsUnknown: recipe.skipsUnknownLabels,
                isMultiLabel: isMultiLabel,
                hints: ("set data.multi_label to true if texts may have several", "data.unknown_labels=skip"),
                name: name
            )
        }
        training = try part(parts.training, parts.trainingPlaces, "data.train")
        validation = try part(parts.validation, parts.validationPlaces, "data.validation")
        fingerprint = parts.fingerprint
        var notes = [
            "\(training.count) examples to learn from, \(validation.count) to judge by, \(labels.count) labels"
        ]
        let empty = training.texts.reduce(0) { $0 + ($1.text.utf8.isEmpty ? 1 : 0) }
        if empty > 0 { notes.append("warning: \(empty) training texts are empty") }
        if let warning = parts.malformed.warning() { notes.append(warning) }
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
    ///   - places: Where the row of each stands.
    ///   - labels: The labels that the model knows.
    ///   - skipsUnknown: Whether rows with unknown labels are left out instead of refused.
    ///   - isMultiLabel: Whether a text may have any number of labels.
    ///   - hints: What messages say of texts with several labels, and which setting leaves out unknown ones.
    ///   - name: What messages call the examples.
    /// - Throws: ``RecipeError`` that names the row.
    init(
        _ examples: [ClassificationExample],
        at places: [RecordPlace],
        _ labels: LabelVocabulary,
        skipsUnknown: Bool,
        isMultiLabel: Bool,
        hints: (several: String, unknown: String),
        name: String
    ) throws {
        let policy: LabelVocabulary.UnknownPolicy = skipsUnknown ? .ignore : .refuse
        for (row, (example, place)) in zip(examples, places).enumerated() {
            guard isMultiLabel || example.labels.count == 1 else {
                throw RecipeError(
                    "\(place): the text has \(example.labels.count) labels; \(hints.several)"
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
                    throw RecipeError("\(place): \(error.message); \(hints.unknown) leaves such rows out")
                }
            }
            guard isKnown else {
                skippedCount += 1
                continue
            }
            texts.append(ClassifierText(example.text, pair: example.textPair))
            classes.append(numbers.sorted())
            self.numbers.append(row + 1)
        }
        guard !texts.isEmpty else {
            throw RecipeError("\(name): no example has labels that the training part has")
        }
    }
}

extension Recipe {
    /// Whether a text may have any number of labels.
    var isMultiLabel: Bool { data.examples.settings.allowsSeveralLabels }
    /// Whether rows to judge by are left out whose labels the training part lacks.
    var skipsUnknownLabels: Bool { data.examples.unknownLabels == "skip" }
}
