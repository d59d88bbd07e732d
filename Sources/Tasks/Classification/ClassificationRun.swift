import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanTraining

/// Text classification, sentiment among it: labelled texts → tokenizer, model, figures.
struct ClassificationRun: TaskRun {
    let recipe: Recipe
    let registryFolder: String?
    let version: String

    private var family: ClassifierFamily {
        get throws {
            guard let family = ClassifierFamily.named(recipe.model.family) else {
                throw RecipeError("model.family is \(recipe.model.family), which is no family of classifiers")
            }
            return family
        }
    }

    func prepare(report: @escaping (TaskEvent) -> Void) throws -> TaskPreparation {
        let preparation = try recipe.inspectExamples(as: .classification, report: report)
        for note in try ClassificationData(recipe).notes { report(.note(note)) }
        return preparation
    }

    func train(report: @escaping (TaskEvent) -> Void) throws -> TrainingOutcome {
        let family = try family
        let data = try ClassificationData(recipe)
        for note in data.notes { report(.note(note)) }
        let outcome = try family.train(self, data, report)
        try RunCard(
            title: "A text classifier trained with Yuyan \(version)",
            summary: "\(recipe.model.family), \(data.labels.count) labels",
            fingerprint: data.fingerprint,
            facts: ["\(data.training.count) examples to learn from, \(data.validation.count) to judge by"],
            labels: data.labels,
            pairs: LearnedPairs(data.training.texts.lazy.map(\.pair))
        ).write(recipe, outcome)
        return outcome
    }

    func evaluate(
        folder: String,
        data source: EvaluationData,
        report: @escaping (TaskEvent) -> Void
    ) throws -> TaskEvaluation {
        try recipe.checkShare(of: folder, source, isStratified: true)
        let classifier = try family.open(recipe, folder)
        let part = try part(source, classifier.labels, report)
        if part.skippedCount > 0 {
            report(.note("\(part.skippedCount) rows left out, whose labels the model does not know"))
        }
        let (probabilities, isCut) = try classifier.answers(part.texts) { done in
            report(.status { "evaluating: \(done) of \(part.count) texts" })
            return StopSignal.received == nil
        }
        CutTexts.note(isCut, report)
        report(.status { "estimating intervals" })
        let figures = try ClassificationFigures(
            classes: part.classes,
            probabilities: probabilities,
            classCount: classifier.labels.count,
            isMultiLabel: recipe.isMultiLabel
        )
        return try ClassificationReportPage(
            figures: figures,
            part: part,
            labels: classifier.labels.labels,
            subject: EvaluationSubject(recipe, folder: folder, data: source)
        ).evaluation()
    }

    /// The data to judge by: files with the recipe's labels, or the part of the recipe's data that validates.
    private func part(
        _ source: EvaluationData,
        _ labels: LabelVocabulary,
        _ report: (TaskEvent) -> Void
    ) throws -> ClassificationData.Part {
        let reading = try recipe.reading(source.settings)
        let judged: JudgedExamples<ClassificationExample> = try reading.examples(
            toJudgeBy: source.path,
            isStratified: true,
            report: report
        )
        return try ClassificationData.Part(
            judged.examples,
            at: judged.places,
            labels,
            skipsUnknown: reading.skipsUnknownLabels,
            // Other data do not change what the model answers with.
            isMultiLabel: recipe.isMultiLabel,
            hints: ("the model gives every text one", "--set unknown_labels=skip"),
            name: judged.name
        )
    }

    func predictor(folder: String) throws -> any TaskPredictor {
        ClassificationPredictor(
            classifier: try family.open(recipe, folder),
            isMultiLabel: recipe.isMultiLabel,
            pairs: try LearnedPairs(folder: folder, recipe, role: ClassificationPredictor.pairRole),
            dataSettings: recipe.data.examples.settings
        )
    }

    func explainer(folder: String) throws -> any TaskExplainer {
        ClassificationExplainer(
            classifier: try family.open(recipe.exact, folder),
            isMultiLabel: recipe.isMultiLabel,
            pairs: try LearnedPairs(folder: folder, recipe, role: ClassificationPredictor.pairRole)
        )
    }
}

/// A trained classifier that answers rows.
struct ClassificationPredictor: TaskPredictor {
    let classifier: any TextClassifying
    let isMultiLabel: Bool
    let pairs: LearnedPairs
    let dataSettings: DataSettings

    /// The field of second texts.
    static let pairRole = "text_pair"

    var inputRoles: [ExampleRole] { [ExampleRole("text"), ExampleRole(Self.pairRole, isRequired: false)] }

    func check(_ row: Record) throws { _ = try input(row) }

    private func input(_ row: Record) throws -> ClassifierText {
        let text = ClassifierText(try row.requiredText("text"), pair: try row.text(Self.pairRole))
        try pairs.check(text.pair, role: Self.pairRole)
        return text
    }

    func predict(_ rows: [Record]) throws -> [JSONObject] {
        let texts = try rows.map { row in try row.stating { try input(row) } }
        let (probabilities, isCut) = try classifier.answers(texts) { _ in StopSignal.received == nil }
        let labels = classifier.labels.labels
        return texts.indices.map { row in
            let own = probabilities[row * labels.count..<(row + 1) * labels.count]
            var object = JSONObject()
            object["text"] = .string(texts[row].text)
            if let pair = texts[row].pair { object["text_pair"] = .string(pair) }
            if isMultiLabel {
                object["labels"] = .array(
                    zip(labels, own).filter { $0.1 >= 0.5 }.map { .string($0.0) }
                )
            } else {
                let best = ClassificationFigures.likeliest(own)
                object["label"] = .string(labels[best])
                object["probability"] = .number(own[own.startIndex + best])
            }
            var members = JSONObject()
            for (label, share) in zip(labels, own) { members.append(label, .number(share)) }
            object["probabilities"] = .object(members)
            CutTexts.mark(isCut[row], &object)
            return object
        }
    }
}

extension TaskDescription {
    /// Text classification.
    static var textClassification: TaskDescription {
        TaskDescription(
            name: "text-classification",
            dataFields: DataRecipe.exampleFields + DataRecipe.labelFields,
            families: ClassifierFamily.all.map(\.description),
            defaults: { recipe in
                recipe.learnExamples(best: "eval_accuracy")
                recipe.tokenizer.type = "word"
                recipe.tokenizer.vocabSize = 50_000
                recipe.training.numTrainEpochs = 5
                recipe.training.earlyStoppingPatience = 3
            },
            finish: { recipe, given in
                if recipe.isMultiLabel, !given.contains("metric_for_best_model") {
                    recipe.training.metricForBestModel = "eval_macro_f1"
                }
            },
            makeRun: { ClassificationRun(recipe: $0, registryFolder: $1, version: $2) }
        )
    }
}
