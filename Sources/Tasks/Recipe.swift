import YuyanDatasets
import YuyanFileFormats
import YuyanTraining

/// A whole run in one value: what is done, with which data, tokenizer, model and settings.
public struct Recipe: Sendable, Equatable {
    /// The kind of work, one of ``TaskCatalog``'s names.
    public var task = "language-modeling"
    /// Where the text comes from.
    public var data = DataRecipe()
    /// How text becomes tokens.
    public var tokenizer = TokenizerRecipe()
    /// The network.
    public var model = ModelRecipe()
    /// How it is trained.
    public var training = TrainingArguments()
    /// How a model that writes texts does so, and by what they are judged.
    public var generation = GenerationRecipe()

    /// The defaults.
    public init() {}
}

/// The section `data`.
public struct DataRecipe: Sendable, Equatable {
    /// A text file, a JSONL file, a folder of them, or a folder that `yuyan prepare` wrote.
    public var train = ""
    /// Several files and folders with weights, formats and columns of their own, in place of ``train``.
    public var sources: [CorpusSource] = []
    /// Validation data of its own, files and folders separated by commas; a share of `train` when nil.
    public var validation: String?
    /// The share of documents that validate.
    public var validationFraction = 0.05
    /// How documents are divided: `document` (by a hash of their text), `random` or `time` (the latest validate).
    public var split = "document"
    /// The column of rows that the split goes by: the time, or what must stay on one side; nil for none.
    public var splitKey: String?
    /// `auto` (by the file's name: `text` or `jsonl`), `text`, `jsonl`, `csv`, `tsv` or `json`.
    public var format = "auto"
    /// The column of JSONL, CSV, TSV or JSON that holds the text.
    public var textColumn = "text"
    /// File name endings of a folder that are read, separated by commas; empty for all.
    public var extensions = ""
    /// What happens with text that is not UTF-8: `refuse`, `replace` or `skip`.
    public var invalidUtf8 = "refuse"
    /// Whether documents that occur twice are kept once.
    public var deduplicate = false
    /// The Jaccard similarity of word or character sequences from which the later of two documents is left out; nil
    /// keeps them all.
    public var nearDuplicates: Double?
    /// Files, separated by commas, whose texts must not stand in the training text: what is to be judged by later.
    public var excludeTextsOf = ""
    /// Whether the text is brought to Unicode's normal form C.
    public var normalize = false
    /// The operators that clean the text, in order; see `OperatorCatalog`.
    public var pipeline: [PipelineStep] = []
    /// Where the tokens are kept; below the run's folder when nil.
    public var prepared: String?
    /// `blocks` (every token once per epoch) or `windows` (random offsets, as in nanoGPT).
    public var order = "blocks"
    /// Whether attention stays inside a document.
    public var isolateDocuments = true
    /// How labelled or structured rows are read, for tasks on such.
    public var examples = ExampleDataRecipe()

    /// The defaults.
    public init() {}
}

/// The section `tokenizer`.
public struct TokenizerRecipe: Sendable, Equatable {
    /// `bpe` (byte-level pairs), `wordpiece`, `unigram`, `word`, `byte` or `char`.
    public var type = "bpe"
    /// The number of entries that is learned.
    public var vocabSize = 8192
    /// BPE's rule for cutting text into words: `gpt2` or `cl100k`.
    public var split = "cl100k"
    /// How often a pair must occur to be merged, or a word to be an entry.
    public var minFrequency = 0
    /// Whether `wordpiece` and `word` make letters lower case and drop accents.
    public var lowercase = true
    /// The share of characters that `unigram` covers; rarer ones are unknown, or bytes with `byte_fallback`.
    public var characterCoverage = 0.9995
    /// Whether `unigram` writes unknown characters as bytes.
    public var byteFallback = true
    /// A tokenizer that exists: a folder or a `tokenizer.json`; it is used as it is.
    public var path: String?

    /// The defaults.
    public init() {}
}

/// The section `model`.
public struct ModelRecipe: Sendable, Equatable {
    /// The kind of model, one of those of the task.
    public var family = "decoder"
    /// `gpt2` (learned positions, layer norm, GELU) or `llama` (rotary positions, RMS norm, SwiGLU).
    public var layout = "gpt2"
    /// The number of blocks.
    public var numHiddenLayers = 6
    /// The width D.
    public var hiddenSize = 384
    /// The number of heads H.
    public var numAttentionHeads = 6
    /// The number of key/value heads K; H when nil.
    public var numKeyValueHeads: Int?
    /// The feed-forward width F; 4·D (GPT-2) or 8/3·D (Llama) when nil.
    public var intermediateSize: Int?
    /// The longest context T; of a model at ``path`` the length of the rows that it learns from.
    public var maxPositionEmbeddings = 256
    /// Dropout everywhere.
    public var dropout = 0.0
    /// Whether the branches of blocks begin at zero.
    public var useRezero = false
    /// Whether linear layers and norms have biases; the layout's habit when nil.
    public var bias: Bool?
    /// Whether the embedding serves as the last projection; the layout's habit when nil.
    public var tieWordEmbeddings: Bool?
    /// A model folder to begin with instead of random weights.
    public var path: String?
    /// Beside ``path`` the keys that were given: what is not of the task and was not given is the model's.
    var given: Set<String> = []
    /// The fields of the configurations of families other than `decoder`.
    public var network = JSONObject()

    /// The defaults.
    public init() {}
}

// MARK: Keys

extension DataRecipe {
    static var fields: [RecipeField<DataRecipe>] {
        [
            RecipeField(
                key: "train",
                aliases: ["dataset"],
                wanted: "a path, or a list of paths and mappings",
                assign: { section, scalar in
                    (section.train, section.sources) = (scalar.text, [])
                    return true
                },
                read: \.trainJSON
            ),
            .optionalText("validation", at: \.validation).orList,
            .numberOrUsual("validation_fraction", at: \.validationFraction),
            .text("split", at: \.split, oneOf: DocumentSplitRule.allCases.map(\.rawValue)),
            .optionalText("split_key", at: \.splitKey),
            .text("format", at: \.format, oneOf: ["auto"] + formats.map(\.name)),
            .text("text_column", at: \.textColumn),
            .text("extensions", at: \.extensions).orList,
            .text("invalid_utf8", at: \.invalidUtf8, oneOf: ["refuse", "replace", "skip"]),
            .flag("deduplicate", at: \.deduplicate),
            .optionalNumber("near_duplicates", at: \.nearDuplicates),
            .text("exclude_texts_of", at: \.excludeTextsOf).orList,
            .flag("normalize", at: \.normalize),
            RecipeField(
                key: "pipeline",
                aliases: [],
                wanted: "names of operators",
                assign: { section, scalar in
                    section.pipeline = PipelineReader.steps(named: scalar.text)
                    return true
                },
                read: { .array($0.pipeline.map(\.json)) }
            ),
            .optionalText("prepared", at: \.prepared),
            .text("order", at: \.order, oneOf: ["blocks", "windows"]),
            .flag("isolate_documents", at: \.isolateDocuments),
        ]
    }
}

extension TokenizerRecipe {
    /// The kinds of tokenizers that can be learned.
    public static let types = ["bpe", "wordpiece", "unigram", "word", "byte", "char"]

    static var fields: [RecipeField<TokenizerRecipe>] {
        [
            .text("type", at: \.type, oneOf: types),
            .integer("vocab_size", at: \.vocabSize),
            .text("split", at: \.split, oneOf: ["gpt2", "cl100k"]),
            .integer("min_frequency", at: \.minFrequency),
            .flag("lowercase", at: \.lowercase),
            .number("character_coverage", at: \.characterCoverage),
            .flag("byte_fallback", at: \.byteFallback),
            .optionalText("path", at: \.path),
        ]
    }
}

extension ModelRecipe {
    /// The keys of `decoder`.
    static var fields: [RecipeField<ModelRecipe>] {
        let sizes: [RecipeField<ModelRecipe>] = [
            .text("layout", at: \.layout, oneOf: ["gpt2", "llama"]),
            .integer("num_hidden_layers", "n_layer", at: \.numHiddenLayers),
            .integer("hidden_size", "n_embd", at: \.hiddenSize),
            .integer("num_attention_heads", "n_head", at: \.numAttentionHeads),
            .optionalInteger("num_key_value_heads", at: \.numKeyValueHeads),
            .optionalInteger("intermediate_size", at: \.intermediateSize),
            .flag("use_rezero", at: \.useRezero),
            .optionalFlag("bias", at: \.bias),
            .optionalFlag("tie_word_embeddings", at: \.tieWordEmbeddings),
        ]
        return sizes.map { $0.saying(.architecture) } + [
            .integer("max_position_embeddings", "block_size", "n_positions", at: \.maxPositionEmbeddings),
            .number("dropout", at: \.dropout).saying(.behavior), .optionalText("path", at: \.path),
        ]
    }
}

extension RecipeField<ModelRecipe> {
    /// The key as one that says this of a model.
    fileprivate func saying(_ role: ModelKeyRole) -> RecipeField {
        var field = self
        field.role = role
        return field
    }
}

extension TrainingArguments {
    static var fields: [RecipeField<TrainingArguments>] {
        [
            .text("output_dir", "out_dir", at: \.outputDir),
            .integer("max_steps", "max_iters", at: \.maxSteps),
            .number("num_train_epochs", at: \.numTrainEpochs),
            .number("max_seconds", at: \.maxSeconds),
            .integer("per_device_train_batch_size", "batch_size", at: \.perDeviceTrainBatchSize),
            .integer("per_device_eval_batch_size", at: \.perDeviceEvalBatchSize),
            .integer("gradient_accumulation_steps", at: \.gradientAccumulationSteps),
            .number("learning_rate", at: \.learningRate),
            .text("lr_scheduler_type", at: \.lrSchedulerType),
            .integer("warmup_steps", "warmup_iters", at: \.warmupSteps),
            .number("warmup_ratio", at: \.warmupRatio),
            .number("min_lr_ratio", at: \.minLrRatio),
            .text("optim", at: \.optim),
            .number("weight_decay", at: \.weightDecay),
            .number("adam_beta1", "beta1", at: \.adamBeta1),
            .number("adam_beta2", "beta2", at: \.adamBeta2),
            .number("adam_epsilon", at: \.adamEpsilon),
            .number("l1_penalty", at: \.l1Penalty),
            .number("max_grad_norm", "grad_clip", at: \.maxGradNorm),
            .number("max_grad_value", at: \.maxGradValue),
            .number("label_smoothing_factor", at: \.labelSmoothingFactor),
            .optionalFlag("bf16", at: \.bf16),
            .flag("gradient_checkpointing", at: \.gradientCheckpointing),
            .integer("logging_steps", "log_interval", at: \.loggingSteps),
            .text("eval_strategy", at: \.evalStrategy, oneOf: strategies),
            .integer("eval_steps", "eval_interval", at: \.evalSteps),
            .integer("max_eval_batches", "eval_iters", at: \.maxEvalBatches),
            .text("save_strategy", at: \.saveStrategy, oneOf: strategies),
            .integer("save_steps", at: \.saveSteps),
            .integer("save_total_limit", at: \.saveTotalLimit),
            .flag("load_best_model_at_end", at: \.loadBestModelAtEnd),
            .text("metric_for_best_model", at: \.metricForBestModel),
            .flag("greater_is_better", at: \.greaterIsBetter),
            .integer("early_stopping_patience", at: \.earlyStoppingPatience),
            .number("early_stopping_threshold", at: \.earlyStoppingThreshold),
            .seed("seed", at: \.seed),
            .optionalSeed("data_seed", at: \.dataSeed),
            .flag("tensorboard", at: \.tensorboard),
            .flag("ignore_changed_settings", at: \.ignoreChangedSettings),
        ]
    }
}
