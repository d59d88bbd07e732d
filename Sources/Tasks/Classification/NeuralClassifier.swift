import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTokenizers
import YuyanTraining

/// A trained network with its tokenizer and labels.
struct NeuralClassifier: TextClassifying {
    let model: TextClassifierModel
    let labels: LabelVocabulary
    let isMultiLabel: Bool
    let tokens: TextTokens
    private let rows: Int

    /// The file that keeps the labels and how often they were seen.
    static let labelFile = "labels.json"

    init(_ recipe: Recipe, folder: String) throws {
        model = try TextClassifierModel(folder: folder)
        recipe.settle(model)
        labels = try LabelVocabulary(contentsOf: "\(folder)/\(Self.labelFile)")
        guard labels.count == model.classCount else {
            throw FileFormatError(
                .mismatch,
                path: "\(folder)/\(Self.labelFile)",
                at: .key("labels"),
                "\(labels.count) labels for a model of \(model.classCount) classes"
            )
        }
        isMultiLabel = recipe.isMultiLabel
        tokens = TextTokens(
            try TokenizerFiles.load(folder: folder),
            maxLength: model.configuration.maxLength,
            isFramed: model.configuration.isFramed
        )
        rows = recipe.training.evaluationRows()
    }

    func answers(
        _ texts: [ClassifierText],
        progress: (Int) -> Bool
    ) throws -> (probabilities: [Double], isCut: [Bool]) {
        let encoded = EncodedTexts(texts: texts.map { tokens.encode($0.text, $0.pair) }, classes: [])
        let outputs = TextOutputs(model, encoded, rows: rows, isMultiLabel: isMultiLabel)
        guard let all = Tape.withoutRecording({ outputs.probabilities(progress: progress) }) else {
            throw CancellationError()
        }
        return (all, encoded.texts.map(\.isCut))
    }
}

/// The training of a network on labelled texts.
struct NeuralClassification {
    private let run: ClassificationRun
    private let data: ClassificationData
    private let report: (TaskEvent) -> Void
    private var recipe: Recipe { run.recipe }

    init(_ run: ClassificationRun, _ data: ClassificationData, _ report: @escaping (TaskEvent) -> Void) {
        (self.run, self.data, self.report) = (run, data, report)
    }

    func train() throws -> TrainingOutcome {
        let session = TrainingSession(
            recipe: recipe,
            registryFolder: run.registryFolder,
            version: run.version
        )
        try session.check()
        let tokenizer = try recipe.makeTokenizer(
            { data.training.texts.flatMap { [$0.text] + ($0.pair.map { [$0] } ?? []) } },
            report: report
        )
        let model = try makeModel(tokenizer)
        let tokens = TextTokens(
            tokenizer,
            maxLength: model.configuration.maxLength,
            isFramed: model.configuration.isFramed
        )
        let training = encode(data.training, tokens, "training")
        let validation = encode(data.validation, tokens, "validation")
        let objective = ClassificationObjective(
            model,
            training: training,
            validation: validation,
            recipe: recipe,
            save: { [labels = data.labels, isMultiLabel = recipe.isMultiLabel] folder in
                try model.save(to: folder, labels: labels.labels, isMultiLabel: isMultiLabel)
                try TokenizerFiles.save(tokenizer, to: folder)
                try labels.write(to: "\(folder)/\(NeuralClassifier.labelFile)")
            }
        )
        return try session.train(
            objective,
            tables: model.encoder.tables,
            dataFingerprint: tokenizer.fingerprint(on: data.fingerprint),
            willStart: { engine in
                report(
                    .note(
                        "model: \(recipe.model.family), \(model.parameterCount) parameters, vocabulary "
                            + "\(tokenizer.vocabularySize); \(engine)"
                    )
                )
            },
            report: { report(.training($0)) }
        )
    }

    private func encode(
        _ part: ClassificationData.Part,
        _ tokens: TextTokens,
        _ name: String
    ) -> EncodedTexts {
        let encoded = EncodedTexts(
            texts: part.texts.map { tokens.encode($0.text, $0.pair) },
            classes: part.classes
        )
        if encoded.cutCount > 0 {
            report(
                .note(
                    "\(encoded.cutCount) of \(part.count) \(name) texts have more than \(tokens.maxLength) tokens and "
                        + "are cut"
                )
            )
        }
        return encoded
    }

    private func makeModel(_ tokenizer: any Tokenizer) throws -> TextClassifierModel {
        var object = try recipe.encoderFields(tokenizer)
        // A model to begin with has its own sizes, but for this.
        object["classifier_dropout"] = recipe.model.network["classifier_dropout"]
        let vectors = try PretrainedVectors(recipe)
        try vectors?.fit(&object, recipe)
        let configuration = try recipe.encoderConfiguration(object)
        let dropout = object["classifier_dropout"]?.numberValue ?? 0
        guard dropout >= 0, dropout < 1 else {
            throw RecipeError("model.classifier_dropout is \(dropout); it must be from 0 to below 1")
        }
        var random = RandomSource(seed: recipe.training.seed)
        let model = TextClassifierModel(
            configuration,
            classCount: data.labels.count,
            dropout: dropout,
            random: &random
        )
        if let path = recipe.model.path {
            recipe.tell(lacking: try model.loadEncoder(folder: path), report)
        }
        if let note = try vectors?.fill(model.encoder.tables.first, tokenizer) { report(.note(note)) }
        return model
    }
}
