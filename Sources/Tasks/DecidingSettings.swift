import YuyanFileFormats
import YuyanTraining

extension Recipe {
    /// What decides the weights of a run besides its data, seed and number of steps: by section and key, each value as JSON.
    ///
    /// A run goes on under the settings that it began with.
    var decidingSettings: [String: String] {
        let resolved = resolved
        var settings: [String: String] = [:]
        func take(_ section: String, _ isTaken: (String) -> Bool) {
            for (key, value) in resolved[section]?.objectValue ?? JSONObject() where isTaken(key) {
                settings["\(section).\(key)"] = Self.text(value)
            }
        }
        take("data") { Self.decidingDataKeys.contains($0) }
        take("tokenizer") { Self.decidingTokenizerKeys.contains($0) }
        take("model") { _ in true }
        let judges = training.lrSchedulerType == "reduce_lr_on_plateau"
        take("training") { key in
            !Self.keysWithoutInfluence.contains(key) && (judges || !Self.keysOfEvaluation.contains(key))
        }
        settings["training.data_seed"] = "\(training.dataSeed ?? training.seed)"
        // Names of one and the same optimizer.
        if TrainingArguments.otherOptimizerNames.contains(training.optim) {
            settings["training.optim"] = JSONValue.string("adamw").printed(indent: nil)
        }
        return settings
    }

    /// A value as JSON, whole numbers as such whatever way they were written.
    private static func text(_ value: JSONValue) -> String {
        if case .number(let number) = value, let whole = Int(exactly: number) { return "\(whole)" }
        return value.printed(indent: nil)
    }

    /// What the fingerprint of the data does not tell: how examples are put together to batches, and what labels mean.
    private static let decidingDataKeys: Set<String> = ["order", "batch_tokens", "multi_label"]
    /// What decides the words of taggers, whose vocabulary is no part of the data's fingerprint.
    private static let decidingTokenizerKeys: Set<String> = ["min_frequency", "lowercase"]
    /// Where things go, what is shown and kept, how long a run is; the seed, which is compared by itself.
    private static let keysWithoutInfluence: Set<String> = [
        "output_dir", "max_steps", "max_seconds", "num_train_epochs", "gradient_checkpointing",
        "logging_steps",
        "save_strategy", "save_steps", "save_total_limit", "load_best_model_at_end",
        "early_stopping_patience", "early_stopping_threshold", "seed", "tensorboard",
        "ignore_changed_settings",
    ]
    /// When and on how much models are judged: it decides where the learning rate goes by it.
    private static let keysOfEvaluation: Set<String> = [
        "per_device_eval_batch_size", "eval_strategy", "eval_steps", "max_eval_batches",
    ]
}
