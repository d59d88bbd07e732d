import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTraining

/// A text, or a pair, to classify.
public struct ClassifierText: Sendable, Hashable {
    /// The text.
    public let text: String
    /// The second text of a pair.
    public let pair: String?

    /// A text, or a pair.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - pair: The second text of a pair.
    public init(_ text: String, pair: String? = nil) { (self.text, self.pair) = (text, pair) }
}

/// A trained classifier of any family, on host values.
public protocol TextClassifying {
    /// The labels; probabilities stand in this order.
    var labels: LabelVocabulary { get }

    /// The probability of each label for each text.
    ///
    /// - Parameters:
    ///   - texts: N texts.
    ///   - progress: Told of texts done; false stops with `CancellationError`.
    /// - Returns: N × C probabilities in rows, those of a row summing to 1 unless a text may have any number of labels;
    ///   and of each text whether it is longer than the model reads.
    /// - Throws: `CancellationError`.
    func answers(
        _ texts: [ClassifierText],
        progress: (Int) -> Bool
    ) throws -> (probabilities: [Double], isCut: [Bool])
}

extension TextClassifying {
    /// The probability of each label for each text.
    ///
    /// - Parameters:
    ///   - texts: N texts.
    ///   - progress: Told of texts done; false stops with `CancellationError`.
    /// - Returns: N × C probabilities in rows.
    /// - Throws: `CancellationError`.
    public func probabilities(_ texts: [ClassifierText], progress: (Int) -> Bool) throws -> [Double] {
        try answers(texts, progress: progress).probabilities
    }
}

/// A family of classifiers: its keys, its defaults, how it is trained and opened.
///
/// ``all`` is the one place where a family is made known; recipes, `train`, `evaluate` and `predict` follow it.
struct ClassifierFamily {
    let name: String
    /// The keys of the section `model`.
    let settings: [NetworkSetting]
    /// Changes the task's defaults of a new recipe.
    let defaults: (inout Recipe) -> Void
    /// Trains on examples and leaves the model folder.
    let train:
        (ClassificationRun, ClassificationData, @escaping (TaskEvent) -> Void) throws -> TrainingOutcome
    /// Opens a model folder.
    let open: (Recipe, String) throws -> any TextClassifying

    /// All families, the default first.
    static var all: [ClassifierFamily] { neural + [linear] }

    static func named(_ name: String) -> ClassifierFamily? { all.first { $0.name == name } }

    /// The family as recipes know it.
    var description: ModelFamily {
        ModelFamily(
            name,
            settings,
            modelTypes: name == "encoder" ? TransformerEncoderConfiguration.modelTypes : nil,
            defaults: defaults
        )
    }
}

// MARK: Networks

extension ClassifierFamily {
    /// The families that the trainer trains.
    static var neural: [ClassifierFamily] {
        [
            textCNN, bagOfEmbeddings, mlp, dpcnn, recurrent("rnn"), recurrent("lstm"), recurrent("gru"),
            encoder,
        ]
    }

    private static func network(
        _ name: String,
        _ settings: [NetworkSetting],
        dropout: Double,
        defaults: @escaping (inout Recipe) -> Void
    ) -> ClassifierFamily {
        ClassifierFamily(
            name: name,
            settings: settings + [NetworkSetting("classifier_dropout", .number, .number(dropout), .task)],
            defaults: defaults,
            train: { run, data, report in try NeuralClassification(run, data, report).train() },
            open: { recipe, folder in try NeuralClassifier(recipe, folder: folder) }
        )
    }

    private static var textCNN: ClassifierFamily {
        network(
            "text-cnn",
            NetworkSetting.vectors(width: 300) + [
                NetworkSetting("kernel_sizes", .integers, [3, 4, 5]),
                NetworkSetting("num_filters", .integer, 100),
                NetworkSetting("max_length", .integer, 512, .behavior),
            ],
            dropout: 0.5
        ) { recipe in
            recipe.training.perDeviceTrainBatchSize = 50
            recipe.training.learningRate = 3e-3
            recipe.training.numTrainEpochs = 4
        }
    }

    private static var bagOfEmbeddings: ClassifierFamily {
        network(
            "bag-of-embeddings",
            NetworkSetting.vectors(width: 64) + [
                NetworkSetting("max_ngram", .integer, 2),
                NetworkSetting("buckets", .integer, .integer(1 << 16)),
                NetworkSetting("pooling", .word(SequencePooling.allCases.map(\.rawValue)), "mean", .behavior),
                NetworkSetting("max_length", .integer, 1024, .behavior),
            ],
            dropout: 0
        ) { recipe in
            recipe.training.perDeviceTrainBatchSize = 32
            recipe.training.learningRate = 5e-3
        }
    }

    private static var mlp: ClassifierFamily {
        network(
            "mlp",
            NetworkSetting.vectors(width: 300, wordDropout: 0.3) + [
                NetworkSetting("hidden_sizes", .integers, [256]),
                NetworkSetting("pooling", .word(SequencePooling.allCases.map(\.rawValue)), "mean", .behavior),
                NetworkSetting("dropout", .number, 0.3, .behavior),
                NetworkSetting("max_length", .integer, 1024, .behavior),
            ],
            dropout: 0.3
        ) { recipe in
            recipe.training.perDeviceTrainBatchSize = 32
            recipe.training.learningRate = 3e-3
        }
    }

    private static var dpcnn: ClassifierFamily {
        network(
            "dpcnn",
            NetworkSetting.vectors(width: 300, dropout: 0.3) + [
                NetworkSetting("num_filters", .integer, 128), NetworkSetting("num_blocks", .integer, 4),
                NetworkSetting("max_length", .integer, 512, .behavior),
            ],
            dropout: 0.5
        ) { recipe in
            recipe.training.perDeviceTrainBatchSize = 50
            recipe.training.learningRate = 2e-3
        }
    }

    private static func recurrent(_ cell: String) -> ClassifierFamily {
        network(
            cell,
            NetworkSetting.vectors(width: 300, dropout: 0.3) + [
                NetworkSetting("hidden_size", .integer, 128), NetworkSetting("num_layers", .integer, 1),
                NetworkSetting("bidirectional", .flag, true),
                NetworkSetting("pooling", .word(StatePooling.allCases.map(\.rawValue)), "max", .behavior),
                NetworkSetting("attention_dim", .integer, 128, .behavior),
                NetworkSetting("dropout", .number, 0.5, .behavior),
                NetworkSetting("variational_dropout", .flag, true, .behavior),
                NetworkSetting("weight_dropout", .number, .number(0), .behavior),
                NetworkSetting("max_length", .integer, 512, .behavior),
            ],
            dropout: 0.5
        ) { recipe in
            recipe.training.perDeviceTrainBatchSize = 50
            recipe.training.learningRate = 2e-3
        }
    }

    private static var encoder: ClassifierFamily {
        network(
            "encoder",
            NetworkSetting.encoder + [
                NetworkSetting("pooling", .word(EncoderPooling.allCases.map(\.rawValue)), "mean", .behavior)
            ] + PretrainedVectors.settings,
            dropout: 0.1
        ) { recipe in
            recipe.training.perDeviceTrainBatchSize = 32
            recipe.training.learningRate = 5e-4
            recipe.training.warmupRatio = 0.1
            recipe.tokenizer.type = "wordpiece"
            recipe.tokenizer.vocabSize = 8000
        }
    }
}
