import YuyanFileFormats
import YuyanModels

extension Recipe {
    /// Whether both sides have one tokenizer and one table of token vectors.
    var hasJointVocabulary: Bool { model.network["joint_vocabulary"]?.boolValue ?? true }
}

extension TaskDescription {
    /// Any text to any text.
    static var sequenceToSequence: TaskDescription {
        TaskDescription(
            name: "sequence-to-sequence",
            dataFields: DataRecipe.exampleFields + DataRecipe.pairFields,
            generationFields: GenerationRecipe.fields,
            families: [encoderDecoder, recurrent],
            defaults: { recipe in
                recipe.data.validationFraction = 0.05
                recipe.training.numTrainEpochs = 20
                // What bounds a batch is data.batch_tokens.
                recipe.training.perDeviceTrainBatchSize = 512
                recipe.training.weightDecay = 0.01
                recipe.training.adamBeta2 = 0.98
                recipe.training.lrSchedulerType = "linear"
                recipe.training.minLrRatio = 0
                recipe.training.warmupRatio = 0.1
                recipe.training.labelSmoothingFactor = 0.1
                recipe.training.evalStrategy = "epoch"
                recipe.training.saveStrategy = "epoch"
            },
            finish: { recipe, given in
                if !given.contains("metric_for_best_model") {
                    recipe.training.metricForBestModel = "eval_\(recipe.generation.metrics[0].rawValue)"
                    recipe.training.greaterIsBetter = true
                }
                let most = 1 << 30
                guard (1...most).contains(recipe.data.examples.batchTokens) else {
                    throw RecipeError(
                        "data.batch_tokens is \(recipe.data.examples.batchTokens); it must be from 1 to \(most)"
                    )
                }
            },
            makeRun: { SequenceRun(recipe: $0, registryFolder: $1, version: $2) }
        )
    }

    /// The keys that both families have.
    private static func common(dropout: Double) -> [NetworkSetting] {
        [
            NetworkSetting("dropout", .number, .number(dropout), .behavior),
            NetworkSetting("tie_word_embeddings", .flag, true),
            NetworkSetting("joint_vocabulary", .flag, true),
            NetworkSetting("max_source_length", .integer, 256, .behavior),
            NetworkSetting("max_target_length", .integer, 256, .behavior),
        ] + PretrainedVectors.settings
    }

    private static var encoderDecoder: ModelFamily {
        let settings =
            [
                NetworkSetting("hidden_size", .integer, 256), NetworkSetting("encoder_layers", .integer, 3),
                NetworkSetting("decoder_layers", .integer, 3),
                NetworkSetting("num_attention_heads", .integer, 4),
                NetworkSetting("intermediate_size", .integer, 1024),
                NetworkSetting("hidden_act", .word(["relu", "gelu", "gelu_new", "silu"]), "relu"),
                NetworkSetting("gated_mlp", .flag, false), NetworkSetting("bias", .flag, true),
                NetworkSetting("normalization", .word(["layer_norm", "rms_norm"]), "layer_norm"),
                NetworkSetting("norm_placement", .word(NormPlacement.allCases.map(\.rawValue)), "pre"),
                NetworkSetting("use_rezero", .flag, false),
                NetworkSetting(
                    "position_embedding_type",
                    .word(SequencePositions.allCases.map(\.rawValue)),
                    "sinusoidal"
                ), NetworkSetting("attention_dropout", .number, 0, .behavior),
            ] + common(dropout: 0.1)
        return ModelFamily(
            "encoder-decoder",
            settings,
            modelTypes: EncoderDecoderLayout.allCases.map(\.rawValue),
            defaults: { $0.training.learningRate = 1e-3 }
        )
    }

    private static var recurrent: ModelFamily {
        let settings =
            [
                NetworkSetting("cell", .word(["lstm", "gru"]), "lstm"),
                NetworkSetting("embedding_dim", .integer, 256), NetworkSetting("hidden_size", .integer, 256),
                NetworkSetting("num_layers", .integer, 1), NetworkSetting("bidirectional", .flag, true),
                NetworkSetting(
                    "attention",
                    .word(RecurrentAttention.allCases.map(\.rawValue)),
                    "multiplicative"
                ), NetworkSetting("attention_dim", .integer, .null),
                NetworkSetting("input_feeding", .flag, false),
                NetworkSetting("scale_embedding", .flag, true),
            ] + common(dropout: 0.3)
        return ModelFamily(
            "recurrent",
            settings,
            modelTypes: [RecurrentSequenceConfiguration.modelType],
            defaults: { $0.training.learningRate = 2e-3 }
        )
    }
}
