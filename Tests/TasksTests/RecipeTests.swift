import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTestSupport

@Suite struct RecipeTests {
    private func recipe(_ yaml: String, _ overrides: [String] = []) throws -> Recipe {
        try Recipe(yaml: yaml, name: "r.yaml", overrides: overrides)
    }

    @Test func sectionsAndAliases() throws {
        let recipe = try recipe(
            """
            # nanoGPT's names and Hugging Face's
            data: { dataset: corpus }
            model: { n_layer: 3, n_embd: 48, n_head: 4, block_size: 64, bias: no }
            training:
              out_dir: there
              max_iters: 1e3
              batch_size: 12
              learning_rate: 6e-4
              warmup_iters: 10
              beta2: 0.99
              grad_clip: 0.5
              eval_interval: 20
              eval_iters: 5
              log_interval: 2
              seed: 18
            """
        )
        #expect(recipe.data.train == "corpus")
        #expect(recipe.model.numHiddenLayers == 3 && recipe.model.hiddenSize == 48)
        #expect(recipe.model.numAttentionHeads == 4 && recipe.model.maxPositionEmbeddings == 64)
        #expect(recipe.model.bias == false)
        let training = recipe.training
        #expect(training.outputDir == "there" && training.maxSteps == 1000)
        #expect(training.perDeviceTrainBatchSize == 12 && training.learningRate == 6e-4)
        #expect(training.warmupSteps == 10 && training.adamBeta2 == 0.99 && training.maxGradNorm == 0.5)
        #expect(training.evalSteps == 20 && training.maxEvalBatches == 5 && training.loggingSteps == 2)
        #expect(training.seed == 18)
        // What is not named keeps its default.
        #expect(training.adamBeta1 == 0.9 && recipe.tokenizer == TokenizerRecipe())
    }

    /// Null takes a column back, and what has a value of its own has its usual one.
    @Test func nullTakesBack() throws {
        let yaml = """
            task: text-classification
            data: { train: a.tsv, validation_fraction: 0.3, records_key: rows, columns: { text: 0, label: 1 } }
            """
        let given = try recipe(yaml)
        let columns: [String: ColumnReference] = ["text": .number(0), "label": .number(1)]
        #expect(given.data.examples.settings.columns == columns && given.data.validationFraction == 0.3)
        let taken = try recipe(
            yaml,
            ["data.columns.label=null", "validation=b.tsv", "validation_fraction=null", "records_key=null"]
        )
        #expect(taken.data.examples.settings.columns == ["text": .number(0)])
        #expect(taken.data.examples.settings.recordsKey == nil)
        #expect(taken.data.validation == "b.tsv" && taken.data.validationFraction == 0.1)
        #expect(try recipe(yaml, ["columns=null"]).data.examples.settings.columns.isEmpty)
        // In the file, too; in quotes it is a column's name.
        let file = yaml.replacing("label: 1", with: "label: null")
        #expect(try recipe(file).data.examples.settings.columns == ["text": .number(0)])
        let quoted = yaml.replacing("label: 1", with: "label: \"null\"")
        #expect(try recipe(quoted).data.examples.settings.columns["label"] == .name("null"))
        #expect(
            try recipe("data: { train: a }", ["validation_fraction=null"]).data.validationFraction == 0.05
        )
        let error = #expect(throws: RecipeError.self) { try recipe(yaml, ["header=null"]) }
        #expect(error?.description.contains("true or false") == true, "\(error?.description ?? "-")")
        // Settings of the command line on a recipe that was read.
        let settings: JSONValue = ["columns": ["label": .null], "records_key": .null]
        let judged = try given.reading(try #require(settings.objectValue))
        #expect(judged.data.examples.settings.columns == ["text": .number(0)])
        #expect(judged.data.examples.settings.recordsKey == nil)
    }

    /// A file's key of one family does not hinder another one.
    @Test(arguments: ["kernel_sizes", "model.kernel_sizes"])
    func nullTakesKeysOfOtherFamiliesBack(key: String) throws {
        let yaml = """
            task: text-classification
            data: { train: a.tsv }
            model: { family: text-cnn, kernel_sizes: [2, 3] }
            """
        #expect(try recipe(yaml, ["model.family=linear", "\(key)=null"]).model.family == "linear")
        // A key of neither stays an error, and so does one that has a value in the end.
        for settings in [
            ["\(key)=null", "\(key)=4"], [], ["no_such_size=null"], ["\(key)s=null", "\(key)=null"],
        ] {
            #expect(throws: RecipeError.self, "\(settings)") {
                try recipe(yaml, ["model.family=linear"] + settings)
            }
        }
    }

    /// Lists are written in a setting as they are in a file, or without brackets.
    @Test func settingsHoldLists() throws {
        func network(_ family: String, _ setting: String) throws -> JSONObject {
            try recipe(
                "task: text-classification\nmodel: { family: \(family) }",
                [setting]
            ).model.network
        }
        for value in ["[3, 4]", "3,4", "[3,4]", "3, 4"] {
            #expect(
                try network("text-cnn", "model.kernel_sizes=\(value)")["kernel_sizes"] == [3, 4],
                "\(value)"
            )
        }
        #expect(try network("linear", "word_ngrams=[]")["word_ngrams"] == [])
        func metrics(_ value: String) throws -> [SequenceMetric] {
            try recipe("task: sequence-to-sequence", ["generation.metrics=\(value)"]).generation.metrics
        }
        #expect(try metrics("[bleu]") == [.bleu] && metrics("[\"f1\", chrf]") == [.f1, .chrf])
        for (setting, words) in [
            ("model.kernel_sizes=[3, x]", "must be whole numbers, as [3, 4] or 3,4"),
            ("model.kernel_sizes=[[3], 4]", "model.kernel_sizes must be a list of single values"),
            ("model.kernel_sizes=[3]]", "model.kernel_sizes must be a list"),
        ] {
            let error = #expect(throws: RecipeError.self) { try network("text-cnn", setting) }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "-")")
        }
        // Where no list is understood, brackets are text.
        #expect(try recipe("", ["data.prepared=[old]"]).data.prepared == "[old]")
    }

    @Test func settingsWin() throws {
        let recipe = try recipe(
            "training: { seed: 1, max_steps: 5 }",
            [
                "training.seed=2", "max_iters=7", "n_embd=64", "data.train=a=b.txt", "tokenizer.path=t",
                "bf16=true",
            ]
        )
        #expect(recipe.training.seed == 2 && recipe.training.maxSteps == 7)
        #expect(recipe.model.hiddenSize == 64)
        #expect(recipe.data.train == "a=b.txt")
        #expect(recipe.tokenizer.path == "t" && recipe.model.path == nil)
        #expect(recipe.training.bf16 == true)
    }

    @Test func quotedValuesAreText() throws {
        #expect(try recipe("data: { train: \"123\" }").data.train == "123")
        #expect(try recipe("data: { train: '~' }").data.train == "~")
        #expect(try recipe("training: { output_dir: \"a: b # c\" }").training.outputDir == "a: b # c")
        #expect(throws: RecipeError.self) { try recipe("training: { seed: \"1\" }") }
        #expect(try recipe("training: { data_seed: ~ }").training.dataSeed == nil)
    }

    @Test(arguments: [
        ("path=x", ["tokenizer.path or model.path"]), ("nonsense", ["key=value"]), ("=3", ["key=value"]),
        ("trainng.seed=1", ["did you mean 'training'?"]), ("sed=1", ["did you mean 'seed'?"]),
        ("training.seed=x", ["training.seed=x", "whole number"]), ("min_lr_ratio=2", ["from 0 to 1"]),
        (
            "per_device_train_batch_size=1000000000000000000",
            ["training.per_device_train_batch_size is 1000000000000000000; it must be from 1 to 1000000"]
        ),
        ("output_dir=", ["training.output_dir is empty; it must be the path of a folder"]),
        ("num_train_epochs=1e300", ["training.num_train_epochs is 1e+300", "at most 1000000"]),
        (
            "vocab_size=1000000000000000000",
            ["tokenizer.vocab_size is 1000000000000000000; it must be at most 268435456"]
        ),
    ])
    func wrongSettings(setting: String, words: [String]) {
        let error = #expect(throws: RecipeError.self) { try recipe("", [setting]) }
        for word in words {
            #expect(error?.description.contains(word) == true, "\(error?.description ?? "-")")
        }
    }

    @Test func severalTrainingSources() throws {
        let recipe = try recipe(
            """
            data:
              train:
                - books/
                - { path: "web.jsonl", weight: 0.5, text_column: "null" }
                - { path: notes.csv, format: csv }
              split: time
              split_key: date
            """
        )
        #expect(
            recipe.data.sources == [
                CorpusSource("books/"), CorpusSource("web.jsonl", weight: 0.5, textColumn: "null"),
                CorpusSource("notes.csv", format: .csv),
            ]
        )
        #expect(recipe.data.split == "time" && recipe.data.splitKey == "date")
        #expect(try Recipe(yaml: recipe.resolved.printed(), name: "again.yaml") == recipe)
        let yaml = "data: { train: x, prepared: y, split_key: date }"
        let unset = try self.recipe(yaml, ["prepared=null", "split_key=~"])
        #expect(unset.data.prepared == nil && unset.data.splitKey == nil)
        let lstm = "task: text-classification\ndata: { train: x }\nmodel: { family: lstm, vectors: y }"
        #expect(try self.recipe(lstm, ["vectors=null"]).model.network["vectors"] == .null)
        #expect(try self.recipe("data: { train: x, prepared: \"null\" }").data.prepared == "null")
        // A setting of the command line takes the place of the list.
        let other = try Recipe(yaml: recipe.resolved.printed(), name: "r.yaml", overrides: ["data.train=x"])
        #expect(other.data.train == "x" && other.data.sources.isEmpty)
        // So does a list, in the brackets that it would have in the file.
        let listed = try self.recipe(
            yaml,
            ["data.train=[a/, { path: b.csv, weight: 2 }]", "validation=[c, d]"]
        )
        #expect(listed.data.sources == [CorpusSource("a/"), CorpusSource("b.csv", weight: 2)])
        #expect(listed.data.validation == "c,d" && listed.data.train.isEmpty)
        // Rows are read from files one after the other.
        let rows = "task: text-classification\ndata: { train: [a.tsv, b.tsv] }"
        #expect(try self.recipe(rows).data.train == "a.tsv,b.tsv")
        #expect(try self.recipe(rows, ["train=[c.tsv, d.tsv]"]).data.train == "c.tsv,d.tsv")
    }

    @Test(arguments: [
        ("[]", ["empty list"]), ("[~]", ["r.yaml:1", "a path"]), ("[[a]]", ["r.yaml:1", "a path"]),
        ("[{ weight: 2 }]", ["needs a path"]),
        ("[{ path: a, wieght: 2 }]", ["wieght", "'weight'", "text_column"]),
        ("[{ path: a, weight: 0 }]", ["data.train.weight", "above 0"]),
        ("[{ path: a, weight: much }]", ["\"much\""]), ("[{ path: a, weight: -1 }]", ["above 0"]),
        ("[{ path: a, format: cvs }]", ["data.train.format", "csv, tsv, json"]),
        ("[{ path: [a] }]", ["single value"]),
    ])
    func wrongTrainingSources(list: String, words: [String]) {
        let error = #expect(throws: RecipeError.self) { try recipe("data: { train: \(list) }") }
        for word in words {
            #expect(error?.description.contains(word) == true, "\(error?.description ?? "-")")
        }
    }

    /// What a run records reads back as the same recipe, whatever was set.
    @Test func theResolvedRecipeReadsBack() throws {
        var written = Recipe()
        #expect(try recipe(written.resolved.printed()) == written)
        written.data.train = "a \"quoted\" path/燕: #1"
        written.data.validation = "true"
        written.data.prepared = "12"
        written.data.validationFraction = 0.125
        written.data.textColumn = "null"
        written.data.deduplicate = true
        written.tokenizer.path = "~"
        written.tokenizer.vocabSize = 300
        written.model.numKeyValueHeads = 2
        written.model.bias = false
        written.model.tieWordEmbeddings = true
        written.model.dropout = 0.1
        written.training.outputDir = "1e3"
        written.training.learningRate = 1.2345678901234567e-5
        written.training.adamEpsilon = 1e-300
        written.training.seed = UInt64(Int.max)
        written.training.dataSeed = 0
        written.training.bf16 = false
        written.training.optim = "muon"
        written.training.lrSchedulerType = "inverse_sqrt"
        #expect(try recipe(written.resolved.printed()) == written)
        #expect(try recipe(written.resolved.printed(indent: nil)) == written)
    }
}

/// Keys and defaults that a recipe's task decides over.
@Suite struct TaskRecipeTests {
    private let yaml = """
        task: text-classification
        data: { train: train.tsv, validation: dev.tsv, format: tsv, header: false, columns: { text: 0, label: 1 } }
        model: { family: text-cnn, kernel_sizes: [2, 3] }
        training: { output_dir: out, num_train_epochs: 10, seed: 1 }
        """

    private func recipe(_ overrides: [String] = []) throws -> Recipe {
        try Recipe(yaml: yaml, name: "r.yaml", overrides: overrides)
    }

    @Test func labelledDataAreReadAsTheRecipeSays() throws {
        let recipe = try recipe(["columns.label=label", "data.delimiter=;", "data.label_map.1=good"])
        let settings = recipe.data.examples.settings
        #expect(settings.format == .tsv && !settings.header && settings.delimiter == 0x3B)
        #expect(settings.columns == ["text": .number(0), "label": .name("label")])
        #expect(settings.labelMap == ["1": "good"])
        #expect(recipe.model.network["kernel_sizes"] == [2, 3])
        #expect(recipe.model.network["num_filters"] == 100)
    }

    @Test func familiesHaveKeysAndDefaultsOfTheirOwn() throws {
        let encoder = try Recipe(task: "text-classification", family: "encoder")
        #expect(encoder.model.family == "encoder" && encoder.tokenizer.type == "wordpiece")
        let tagger = try Recipe(task: "token-classification", family: "encoder")
        #expect(tagger.tokenizer.type == "wordpiece" && !tagger.tokenizer.lowercase)
        #expect(tagger.tokenizer.minFrequency == 0 && tagger.training.warmupRatio == 0.1)
        // A key of another family is none of this one's.
        #expect(throws: RecipeError.self) { try recipe(["model.family=encoder"]) }
        let error = #expect(throws: RecipeError.self) { try recipe(["num_filter=3"]) }
        #expect(error?.description.contains("did you mean 'num_filters'?") == true)
        #expect(throws: RecipeError.self) { try recipe(["model.hidden_size=3"]) }
        #expect(throws: RecipeError.self) { try Recipe(yaml: "model: { kernel_sizes: [3] }", name: "r.yaml") }
        #expect(throws: RecipeError.self) { try Recipe(yaml: "task: text-clasification", name: "r.yaml") }
    }

    /// What is not said of a network is that of the model that the run begins with.
    @Test func aModelToBeginWithHasItsOwnSettings() throws {
        let recipe = try recipe(["model.path=first", "max_length=64"])
        func written(_ recipe: Recipe, _ key: String) -> JSONValue? { recipe.resolved["model"]?[key] }
        #expect(written(recipe, "num_filters") == .null && written(recipe, "kernel_sizes") == [2, 3])
        #expect(written(recipe, "max_length") == 64 && written(recipe, "classifier_dropout") == 0.5)
        #expect(try Recipe(yaml: recipe.resolved.printed(), name: "r.json") == recipe)
        // Null takes a key back.
        let less = try self.recipe([
            "model.path=first", "max_length=64", "model.kernel_sizes=null", "max_length=~",
        ])
        #expect(written(less, "kernel_sizes") == .null && written(less, "max_length") == .null)
        #expect(try Recipe(yaml: less.resolved.printed(), name: "r.json") == less)
        let usual = try self.recipe(["num_filters=7", "num_filters=null"])
        #expect(written(usual, "num_filters") == 100)
    }

    @Test func whatIsBestFollowsTheMetric() throws {
        #expect(try recipe().training.metricForBestModel == "eval_accuracy")
        #expect(try recipe().training.greaterIsBetter)
        let byLoss = try recipe(["metric_for_best_model=loss"]).training
        #expect(byLoss.metricForBestModel == "eval_loss" && !byLoss.greaterIsBetter)
        let byF1 = try recipe(["metric_for_best_model=macro_f1"]).training
        #expect(byF1.metricForBestModel == "eval_macro_f1" && byF1.greaterIsBetter)
        #expect(try recipe().training.evalStrategy == "epoch")
        #expect(try recipe(["eval_steps=7"]).training.evalStrategy == "steps")
        #expect(try recipe().training.resolved(stepsPerEpoch: 9).evalSteps == 9)
        #expect(try recipe(["multi_label=true"]).training.metricForBestModel == "eval_macro_f1")
    }

    @Test func theResolvedRecipeReadsBack() throws {
        let written = try recipe(["data.label_map.0=no", "label_separator=,", "max_steps=3"])
        #expect(try Recipe(yaml: written.resolved.printed(), name: "r.json") == written)
        for family in ["bag-of-embeddings", "mlp", "dpcnn", "rnn", "lstm", "gru", "encoder"] {
            let other = try Recipe(task: "text-classification", family: family)
            #expect(try Recipe(yaml: other.resolved.printed(), name: "r.json") == other)
        }
    }
}
