import YuyanOptimizers

/// How a run trains: the names and meanings of Hugging Face's TrainingArguments where there is such an argument.
public struct TrainingArguments: Sendable, Codable, Equatable {
    /// Where checkpoints, logs and the trained model go.
    public var outputDir = "out"
    /// The number of optimizer steps; 0 or less means that `numTrainEpochs` decides.
    public var maxSteps = -1
    /// The number of passes over the data when `maxSteps` is not given.
    public var numTrainEpochs = 3.0
    /// The most seconds of training; 0 for no limit.
    ///
    /// The schedule then ends with the time: the number of steps that it goes by is planned anew as the clock goes.
    public var maxSeconds = 0.0
    /// Rows per micro-batch.
    public var perDeviceTrainBatchSize = 8
    /// Rows per evaluation batch; 0 means as many as in training (see ``evaluationRows(atLeast:)``).
    public var perDeviceEvalBatchSize = 0
    /// Micro-batches per optimizer step.
    ///
    /// The loss of a step is the mean over all tokens of all of them.
    public var gradientAccumulationSteps = 1
    /// The peak learning rate.
    public var learningRate = 5e-4
    /// The schedule's name, for example `cosine`.
    public var lrSchedulerType = "cosine"
    /// Steps of linear warm-up from 0.
    public var warmupSteps = 0
    /// Warm-up as a share of all steps, used when `warmupSteps` is 0.
    public var warmupRatio = 0.0
    /// The schedule's last learning rate as a share of the peak.
    public var minLrRatio = 0.1
    /// The optimizer's name, for example `adamw`.
    public var optim = "adamw"
    /// Decoupled weight decay of matrices.
    public var weightDecay = 0.1
    /// AdamW's β₁ (and the momentum of SGD, Lion and Muon).
    public var adamBeta1 = 0.9
    /// AdamW's β₂.
    public var adamBeta2 = 0.95
    /// AdamW's ε.
    public var adamEpsilon = 1e-8
    /// The L1 penalty on all values.
    public var l1Penalty = 0.0
    /// The largest global norm of the gradient; 0 for no clipping.
    public var maxGradNorm = 1.0
    /// The largest magnitude of a gradient's element; 0 for no clipping.
    public var maxGradValue = 0.0
    /// Label smoothing of the training loss; refused where it has none.
    public var labelSmoothingFactor = 0.0
    /// Whether branches run in bf16; nil means where the processor multiplies bf16 faster.
    public var bf16: Bool?
    /// Whether intermediate values are made again in the backward pass to save memory.
    public var gradientCheckpointing = false
    /// Steps between log lines.
    public var loggingSteps = 10
    /// When the model is judged: `steps` (every `evalSteps`) or `epoch` (after every pass over the data).
    public var evalStrategy = "steps"
    /// Steps between evaluations; 0 for none but the last.
    public var evalSteps = 250
    /// The most batches of an evaluation during training, spread evenly over the validation data; 0 for all.
    public var maxEvalBatches = 0
    /// When checkpoints are written: `steps` (every `saveSteps`) or `epoch`.
    public var saveStrategy = "steps"
    /// Steps between checkpoints; 0 for none but the last.
    public var saveSteps = 250
    /// How many checkpoints stay besides the best; 0 for all.
    public var saveTotalLimit = 2
    /// Whether the result is the best evaluated model and not the last.
    public var loadBestModelAtEnd = true
    /// The evaluation figure that says which model is best.
    public var metricForBestModel = "eval_loss"
    /// Whether more of it is better.
    public var greaterIsBetter = false
    /// Evaluations without improvement after which the run stops; 0 for never.
    public var earlyStoppingPatience = 0
    /// The least improvement that counts.
    public var earlyStoppingThreshold = 0.0
    /// The seed of weights, order and dropout.
    public var seed: UInt64 = 42
    /// The seed of the data's order; `seed` when nil.
    public var dataSeed: UInt64?
    /// Whether TensorBoard event files are written.
    public var tensorboard = true
    /// Whether a run goes on when settings that decide its weights are not those that it began with.
    public var ignoreChangedSettings = false

    /// The defaults.
    public init() {}

    /// What `evalStrategy` and `saveStrategy` may be.
    public static let strategies = ["steps", "epoch"]

    /// The arguments with strategies by epoch as numbers of steps.
    ///
    /// - Parameter stepsPerEpoch: The optimizer steps of a pass over the data.
    /// - Returns: What a trainer takes.
    public func resolved(stepsPerEpoch: Int) -> TrainingArguments {
        var arguments = self
        if evalStrategy == "epoch" { arguments.evalSteps = max(stepsPerEpoch, 1) }
        if saveStrategy == "epoch" { arguments.saveSteps = max(stepsPerEpoch, 1) }
        (arguments.evalStrategy, arguments.saveStrategy) = ("steps", "steps")
        return arguments
    }

    /// Checks every value that has bounds.
    ///
    /// - Throws: ``TrainingError`` naming the argument, its value and what would be right.
    public func validate() throws {
        try checkCounts()
        try check(!outputDir.isEmpty, "output_dir", "empty", "the path of a folder")
        try check(
            Self.optimizerNames.contains(optim) || Self.otherOptimizerNames.contains(optim),
            "optim",
            optim,
            "one of " + Self.optimizerNames.joined(separator: ", ")
        )
        try check(
            LearningRateSchedule.names.contains(lrSchedulerType),
            "lr_scheduler_type",
            lrSchedulerType,
            "one of " + LearningRateSchedule.names.joined(separator: ", ")
        )
        try check(learningRate.isFinite && learningRate >= 0, "learning_rate", learningRate, "0 or more")
        try check((0...1).contains(minLrRatio), "min_lr_ratio", minLrRatio, "from 0 to 1")
        try check((0...1).contains(warmupRatio), "warmup_ratio", warmupRatio, "from 0 to 1")
        try check(weightDecay.isFinite && weightDecay >= 0, "weight_decay", weightDecay, "0 or more")
        try check((0..<1).contains(adamBeta1), "adam_beta1", adamBeta1, "from 0 to below 1")
        try check((0..<1).contains(adamBeta2), "adam_beta2", adamBeta2, "from 0 to below 1")
        try check(adamEpsilon > 0, "adam_epsilon", adamEpsilon, "above 0")
        try check(maxGradNorm >= 0, "max_grad_norm", maxGradNorm, "0 (no clipping) or more")
        try check(maxGradValue >= 0, "max_grad_value", maxGradValue, "0 (no clipping) or more")
        try check(
            (0..<1).contains(labelSmoothingFactor),
            "label_smoothing_factor",
            labelSmoothingFactor,
            "from 0 to below 1"
        )
        try check(loggingSteps >= 1, "logging_steps", loggingSteps, "at least 1")
        for (key, strategy) in [("eval_strategy", evalStrategy), ("save_strategy", saveStrategy)] {
            let known = Self.strategies.joined(separator: " or ")
            try check(Self.strategies.contains(strategy), key, strategy, known)
        }
        try check(evalSteps >= 0, "eval_steps", evalSteps, "0 or more")
        try check(saveSteps >= 0, "save_steps", saveSteps, "0 or more")
        try check(saveTotalLimit >= 0, "save_total_limit", saveTotalLimit, "0 (all) or more")
        try check(
            earlyStoppingPatience >= 0,
            "early_stopping_patience",
            earlyStoppingPatience,
            "0 (never) or more"
        )
    }

    /// The most rows of a batch, and the most batches of a step; their product is the step's rows.
    private static let mostRows = 1_000_000
    /// The most rows of a step.
    private static let mostRowsOfStep = 100_000_000
    /// The most steps, and the most batches of an evaluation: what is counted with stays far from the ends of integers.
    private static let mostSteps = 1_000_000_000
    /// The rows of an evaluation batch: ``perDeviceEvalBatchSize``, or, where that is 0, as many as in training.
    ///
    /// - Parameter least: The fewest rows where none are given: nothing is kept for a backward pass, so that more fit.
    /// - Returns: The rows.
    public func evaluationRows(atLeast least: Int = 64) -> Int {
        perDeviceEvalBatchSize > 0 ? perDeviceEvalBatchSize : max(perDeviceTrainBatchSize, least)
    }

    /// The most passes over the data.
    private static let mostEpochs = 1_000_000.0
    /// The most seconds of a run.
    private static let mostSeconds = 1_000_000_000.0

    /// Checks the numbers of rows, batches and steps, which are multiplied with each other.
    private func checkCounts() throws {
        func check(_ value: Int, from least: Int, to most: Int, _ key: String, _ meaning: String = "") throws
        {
            try self.check(least...most ~= value, key, value, "from \(least)\(meaning) to \(most)")
        }
        let (rows, batches) = (perDeviceTrainBatchSize, gradientAccumulationSteps)
        try check(rows, from: 1, to: Self.mostRows, "per_device_train_batch_size")
        try check(perDeviceEvalBatchSize, from: 0, to: Self.mostRows, "per_device_eval_batch_size")
        try check(batches, from: 1, to: Self.mostRows, "gradient_accumulation_steps")
        try self.check(
            rows * batches <= Self.mostRowsOfStep,
            "per_device_train_batch_size × gradient_accumulation_steps",
            rows * batches,
            "at most \(Self.mostRowsOfStep)"
        )
        try self.check(maxSteps <= Self.mostSteps, "max_steps", maxSteps, "at most \(Self.mostSteps)")
        try self.check(
            maxSteps > 0 || (numTrainEpochs > 0 && numTrainEpochs <= Self.mostEpochs),
            "num_train_epochs",
            numTrainEpochs,
            "above 0 and at most \(Int(Self.mostEpochs)), or max_steps given"
        )
        try self.check(
            (0...Self.mostSeconds).contains(maxSeconds),
            "max_seconds",
            maxSeconds,
            "from 0 (no limit) to \(Int(Self.mostSeconds))"
        )
        try check(warmupSteps, from: 0, to: Self.mostSteps, "warmup_steps")
        try check(maxEvalBatches, from: 0, to: Self.mostSteps, "max_eval_batches", " (all)")
    }

    private func check(_ holds: Bool, _ key: String, _ value: some Any, _ wanted: String) throws {
        if !holds { throw TrainingError("\(key) is \(value); it must be \(wanted)") }
    }
}

/// What goes wrong in a run for reasons outside the program: settings, data, disks, numbers that leave the range.
public struct TrainingError: Error, CustomStringConvertible, Sendable, Equatable {
    /// What happened, where, and what would be right.
    public let description: String

    /// Makes an error of a message.
    public init(_ description: String) {
        self.description = description
    }
}
