import YuyanTraining

/// The part of a run of language modelling that depends on the family of models.
protocol LanguageModelWork {
    /// Trains, and leaves the model folder.
    func trainModel(report: @escaping (TaskEvent) -> Void) throws -> TrainingOutcome

    /// Judges a model folder on prepared text.
    ///
    /// - Parameters:
    ///   - folder: The model folder.
    ///   - corpus: The text, all of whose validation part is looked at; its tokenizer must be the folder's.
    ///   - report: Told how far it is.
    /// - Returns: The figures.
    /// - Throws: When files are missing or do not fit.
    func judge(
        folder: String,
        _ corpus: PreparedCorpus,
        report: @escaping (TaskEvent) -> Void
    ) throws -> LanguageModelJudgement
}

/// A family of language models: its keys, its defaults, and its part of a run.
///
/// ``all`` is the one place where a family is made known; recipes, `train` and `evaluate` follow it.
struct LanguageModelFamily {
    /// The family as recipes know it.
    let description: ModelFamily
    /// Its part of a run.
    let work: (LanguageModelRun) -> any LanguageModelWork

    /// All families, the default first.
    static var all: [LanguageModelFamily] { [decoder, nGram] }

    /// The family's part of a run, as its recipe names it.
    static func work(of run: LanguageModelRun) throws -> any LanguageModelWork {
        guard let family = all.first(where: { $0.description.name == run.recipe.model.family }) else {
            throw RecipeError(
                "model.family is \(run.recipe.model.family), which is no family of language models"
            )
        }
        return family.work(run)
    }

    private static var decoder: LanguageModelFamily {
        LanguageModelFamily(
            description: ModelFamily("decoder", fields: ModelRecipe.fields),
            work: { $0 }
        )
    }

    private static var nGram: LanguageModelFamily {
        LanguageModelFamily(
            description: ModelFamily("n-gram", NGramTraining.settings),
            work: { NGramTraining($0) }
        )
    }
}

extension LanguageModelRun: LanguageModelWork {
    func trainModel(report: @escaping (TaskEvent) -> Void) throws -> TrainingOutcome {
        try train(report: { report($0.taskEvent) })
    }

    func judge(
        folder: String,
        _ corpus: PreparedCorpus,
        report: @escaping (TaskEvent) -> Void
    ) throws -> LanguageModelJudgement {
        let parts = try judged(folder: folder, corpus: corpus) { done, total in
            report(.status { "evaluating: \(done) of \(total) batches" })
        }
        return LanguageModelJudgement(
            metrics: parts.figures.metrics,
            parts: parts,
            tokenizer: corpus.tokenizer,
            outcomes: parts.textOutcomes
        )
    }
}
