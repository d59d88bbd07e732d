import YuyanDatasets
import YuyanFileFormats
import YuyanTraining

/// Vectors of texts learned from pairs: sentence similarity and semantic search.
struct EmbeddingRun: TaskRun {
    let recipe: Recipe
    let registryFolder: String?
    let version: String

    func prepare(report: @escaping (TaskEvent) -> Void) throws -> TaskPreparation {
        let preparation = try recipe.inspectExamples(as: .similarity, report: report)
        for note in try EmbeddingData(recipe).notes { report(.note(note)) }
        return preparation
    }

    func train(report: @escaping (TaskEvent) -> Void) throws -> TrainingOutcome {
        try recipe.refuseLabelSmoothing("vectors of texts are learned from pairs, which have no classes")
        let data = try EmbeddingData(recipe)
        for note in data.notes { report(.note(note)) }
        var recipe = recipe
        if recipe.training.metricForBestModel.isEmpty {
            recipe.training.metricForBestModel = recipe.embeddingMetric(data.kind)
            recipe.training.greaterIsBetter = true
        }
        let outcome: TrainingOutcome
        if recipe.model.family == EmbeddingFamily.wordVectors {
            outcome = try WordVectorAveraging(
                recipe: recipe,
                registryFolder: registryFolder,
                version: version,
                data: data,
                report: report
            ).train()
        } else {
            outcome = try NeuralEmbedding(
                recipe: recipe,
                registryFolder: registryFolder,
                version: version,
                data: data,
                report: report
            ).train()
        }
        try RunCard(
            title: "A model of text vectors trained with Yuyan \(version)",
            summary: recipe.model.family,
            fingerprint: data.fingerprint,
            facts: ["\(data.training.count) pairs to learn from, \(data.validation.count) to judge by"]
        ).write(recipe, outcome)
        return outcome
    }

    func evaluate(
        folder: String,
        data source: EvaluationData,
        report: @escaping (TaskEvent) -> Void
    ) throws -> TaskEvaluation {
        try recipe.checkShare(of: folder, source)
        let model = try EmbeddingFamily.open(recipe, folder)
        let recipe = try recipe.reading(source.settings)
        let judged: JudgedExamples<SimilarityExample> = try recipe.examples(
            toJudgeBy: source.path,
            isStratified: false,
            report: report
        )
        let kind = try EmbeddingData.kind(judged.examples, judged.name)
        let pairs = SimilarityPairs(judged.examples, kind)
        let (vectors, isCut) = try model.answers(pairs.texts) { done in
            report(.status { "evaluating: \(done) of \(pairs.texts.count) texts" })
            return StopSignal.received == nil
        }
        CutTexts.note(isCut, report)
        report(.status { "estimating intervals" })
        return try EmbeddingReportPage(
            figures: try EmbeddingFigures(pairs, kind, vectors: vectors, dimension: model.dimension),
            subject: EvaluationSubject(recipe, folder: folder, data: source)
        ).evaluation()
    }

    func predictor(folder: String) throws -> any TaskPredictor {
        EmbeddingPredictor(
            model: try EmbeddingFamily.open(recipe, folder),
            dataSettings: recipe.data.examples.settings
        )
    }
}

/// A trained model that answers texts with their vectors, and pairs with their cosine.
struct EmbeddingPredictor: TaskPredictor {
    let model: any TextEmbedding
    let dataSettings: DataSettings

    var inputRoles: [ExampleRole] { [ExampleRole("text"), ExampleRole("text_pair", isRequired: false)] }

    func check(_ row: Record) throws { _ = try input(row) }

    private func input(_ row: Record) throws -> (text: String, pair: String?) {
        (try row.requiredText("text"), try row.text("text_pair"))
    }

    func predict(_ rows: [Record]) throws -> [JSONObject] {
        var texts: [String] = []
        var pairs: [String?] = []
        for row in rows {
            let (text, pair) = try row.stating { try input(row) }
            texts.append(text)
            pairs.append(pair)
        }
        let (all, isCut) = try model.answers(texts + pairs.compactMap { $0 }) { _ in
            StopSignal.received == nil
        }
        let width = model.dimension
        func vector(_ place: Int) -> ArraySlice<Float> { all[place * width..<(place + 1) * width] }
        var next = texts.count
        return texts.indices.map { row in
            var object = JSONObject()
            object["text"] = .string(texts[row])
            guard let pair = pairs[row] else {
                object["vector"] = .array(vector(row).map { .number(Double($0)) })
                CutTexts.mark(isCut[row], &object)
                return object
            }
            object["text_pair"] = .string(pair)
            let cosine = zip(vector(row), vector(next)).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            object["similarity"] = .number(cosine)
            CutTexts.mark(isCut[row] || isCut[next], &object)
            next += 1
            return object
        }
    }
}

extension TaskDescription {
    /// Vectors of texts.
    static var textEmbedding: TaskDescription {
        TaskDescription(
            name: "text-embedding",
            dataFields: DataRecipe.exampleFields,
            families: EmbeddingFamily.all,
            defaults: { recipe in
                // The best model's figure is chosen when the data are read.
                recipe.learnExamples(best: "")
                recipe.tokenizer.type = "word"
                recipe.tokenizer.vocabSize = 50_000
                recipe.training.earlyStoppingPatience = 3
            },
            finish: { _, _ in },
            makeRun: { EmbeddingRun(recipe: $0, registryFolder: $1, version: $2) }
        )
    }
}
