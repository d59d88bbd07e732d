import YuyanDatasets
import YuyanModels
import YuyanTraining

/// A trained tagger of any family.
protocol SentenceTagging {
    /// The tags that it gives.
    var tags: [String] { get }
    /// Whether the training's tokens were mostly single characters, as in Chinese data.
    var isOfCharacters: Bool { get }
    /// The further columns that it looks at.
    var columns: [String] { get }

    /// The tags of sentences.
    ///
    /// - Parameters:
    ///   - sentences: The sentences.
    ///   - progress: Told of sentences done; false stops with `CancellationError`.
    /// - Returns: The tag of each token.
    /// - Throws: `CancellationError`.
    func tags(_ sentences: [TaggerInput], progress: (Int) -> Bool) throws -> [[String]]

    /// The methods by which it can say why, the usual one first.
    var explanationMethods: [ExplanationMethod] { get }

    /// Why tokens of a sentence have their tags.
    ///
    /// - Parameter question: The tokens with their tags, and how they are explained.
    /// - Returns: What each token of the sentence adds.
    func attribution(_ question: TagQuestion) -> TagAttribution
}

extension SentenceTagging {
    /// None.
    var columns: [String] { [] }

    /// The tokens of a text without tokens of its own: what stands between white space, or its characters unless
    /// white space already parts those.
    func tokens(of text: String) -> [String] {
        let parts = text.unicodeScalars.split(whereSeparator: \.properties.isWhitespace)
        let scalars = parts.reduce(0) { $0 + $1.count }
        guard isOfCharacters, scalars * 2 > parts.count * 3 else { return parts.map { String($0) } }
        return parts.flatMap { $0.map { String($0) } }
    }
}

/// Tokens that are single characters.
enum CharacterTokens {
    /// Whether nine in ten tokens are.
    static func areUsual(in sentences: some Sequence<[String]>) -> Bool {
        var (tokens, single) = (0, 0)
        for sentence in sentences {
            tokens += sentence.count
            single += sentence.reduce(0) { $0 + ($1.unicodeScalars.count == 1 ? 1 : 0) }
        }
        return single * 10 >= tokens * 9
    }
}

/// A family of taggers: its keys, its defaults, how it is trained and opened.
struct TaggerFamily {
    let name: String
    /// What sentences it can be trained to be tagged for.
    let kinds: [TaggingKind]
    /// The keys of the section `model`, by kind.
    let settings: (TaggingKind) -> [NetworkSetting]
    /// Changes the task's defaults of a new recipe.
    var defaults: (inout Recipe) -> Void = { _ in }
    /// Trains on sentences and leaves the model folder.
    let train: (TaggingRun, TaggingData, @escaping (TaskEvent) -> Void) throws -> TrainingOutcome
    /// Opens a model folder.
    let open: (Recipe, String) throws -> any SentenceTagging

    /// All families, the default first.
    static var all: [TaggerFamily] { ["lstm", "gru", "rnn"].map(recurrent) + [crf, encoder] }

    static func named(_ name: String) -> TaggerFamily? { all.first { $0.name == name } }

    /// The family as recipes of a task know it.
    func description(_ kind: TaggingKind) -> ModelFamily {
        ModelFamily(
            name,
            settings(kind),
            modelTypes: name == "encoder" ? EncoderTaggerConfiguration.modelTypes : nil,
            defaults: defaults
        )
    }

    private static func recurrent(_ name: String) -> TaggerFamily {
        TaggerFamily(
            name: name,
            kinds: [.tokens, .roles],
            settings: { kind in
                [
                    NetworkSetting("embedding_dim", .integer, 100),
                    NetworkSetting(
                        "embedding_init",
                        .word(TableInitialization.allCases.map(\.rawValue)),
                        "uniform"
                    ),
                    NetworkSetting("word_dropout", .number, 0.05),
                ] + PretrainedVectors.settings + [
                    NetworkSetting("characters", .flag, .null),
                    NetworkSetting("character_dim", .integer, 30),
                    NetworkSetting("character_filters", .integer, 50),
                    NetworkSetting("character_window", .integer, 3),
                    NetworkSetting("hidden_size", .integer, 128), NetworkSetting("num_layers", .integer, 1),
                    NetworkSetting("bidirectional", .flag, true), NetworkSetting("dropout", .number, 0.5),
                    NetworkSetting("crf", .flag, .bool(kind == .tokens), .task),
                ] + (kind == .roles ? [NetworkSetting("mark_dim", .integer, 16)] : [])
            },
            train: { run, data, report in try NeuralTagging(run, data, report).trainRecurrent() },
            open: { recipe, folder in try Tagger(RecurrentTagging(folder: folder), recipe, folder: folder) }
        )
    }

    private static var crf: TaggerFamily {
        TaggerFamily(
            name: "crf",
            kinds: [.tokens],
            settings: { _ in CRFTagging.settings },
            train: { run, data, report in try CRFTagging(run, data, report).train() },
            open: { recipe, folder in try CRFTagger(recipe, folder: folder) }
        )
    }

    private static var encoder: TaggerFamily {
        TaggerFamily(
            name: "encoder",
            kinds: [.tokens],
            settings: { _ in
                NetworkSetting.encoder + [
                    NetworkSetting("classifier_dropout", .number, 0.1, .task),
                    NetworkSetting("crf", .flag, true, .task),
                ] + PretrainedVectors.settings
            },
            defaults: { recipe in
                recipe.training.learningRate = 5e-4
                recipe.training.warmupRatio = 0.1
                recipe.tokenizer.type = "wordpiece"
                recipe.tokenizer.vocabSize = 8000
                recipe.tokenizer.minFrequency = TokenizerRecipe().minFrequency
                // Capitals tell names from other words.
                recipe.tokenizer.lowercase = false
            },
            train: { run, data, report in try NeuralTagging(run, data, report).trainEncoder() },
            open: { recipe, folder in try Tagger(EncoderTagging(folder: folder), recipe, folder: folder) }
        )
    }
}

extension TaskDescription {
    /// Tags of tokens.
    static var tokenClassification: TaskDescription { tagging("token-classification", .tokens) }
    /// The roles of predicates' arguments.
    static var semanticRoles: TaskDescription { tagging("semantic-roles", .roles) }

    private static func tagging(_ name: String, _ kind: TaggingKind) -> TaskDescription {
        TaskDescription(
            name: name,
            dataFields: DataRecipe.exampleFields,
            families: TaggerFamily.all.filter { $0.kinds.contains(kind) }.map { $0.description(kind) },
            defaults: { recipe in
                recipe.learnExamples(best: "eval_f1")
                recipe.tokenizer.type = "word"
                recipe.tokenizer.minFrequency = 2
                recipe.training.numTrainEpochs = 20
                recipe.training.perDeviceTrainBatchSize = 16
                recipe.training.learningRate = 2e-3
            },
            finish: { recipe, _ in try recipe.takeFeatureColumns() },
            makeRun: { TaggingRun(recipe: $0, registryFolder: $1, version: $2, kind: kind) }
        )
    }
}
