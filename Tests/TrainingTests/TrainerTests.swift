import Foundation
import Testing
import YuyanFileFormats
import YuyanOptimizers
import YuyanTestSupport
import YuyanTraining

@Suite(.serialized) struct TrainerTests {
    private let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    /// Plain gradient descent worked out by hand: the loss of a step is the mean over all targets of all micro-batches.
    @Test func accumulationWeighsByTargets() throws {
        var arguments = shortArguments("\(folder.path)/out", steps: 1)
        arguments.gradientAccumulationSteps = 3
        arguments.optim = "sgd"
        arguments.adamBeta1 = 0
        arguments.maxGradNorm = 0
        let run = LineRun(LineObjective())
        var weights = run.objective.values.map { Double($0) }
        let points = try (0..<3).flatMap { try run.objective.batch(step: 0, microBatch: $0) }
        #expect(points.count == 6, "1, 2 and 3 targets")
        var gradient = [0.0, 0, 0, 0]
        var loss = 0.0
        for x in points {
            for (row, target) in [x * 3 - 1, x].enumerated() {
                let error = weights[row * 2] * x + weights[row * 2 + 1] - target
                loss += error * error / 6
                gradient[row * 2] += 2 * error * x / 6
                gradient[row * 2 + 1] += 2 * error / 6
            }
        }
        for i in 0..<4 { weights[i] -= 0.05 * gradient[i] }
        _ = try run.run(arguments)
        let entry = try #require(run.logged.first)
        #expect(abs(entry.loss - loss) < 1e-5 * loss)
        let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(abs(entry.gradNorm - norm) < 1e-5 * norm)
        for (actual, expected) in zip(run.objective.values, weights) {
            #expect(abs(Double(actual) - expected) < 1e-5)
        }
    }

    @Test func clippingLimitsTheStep() throws {
        var arguments = shortArguments("\(folder.path)/out", steps: 1)
        arguments.optim = "sgd"
        arguments.adamBeta1 = 0
        arguments.maxGradNorm = 0.5
        let run = LineRun(LineObjective())
        let before = run.objective.values
        _ = try run.run(arguments)
        let moved = zip(before, run.objective.values).reduce(0.0) { $0 + pow(Double($1.0 - $1.1), 2) }
            .squareRoot()
        #expect(abs(moved - 0.05 * 0.5) < 1e-6)
    }

    @Test(arguments: TrainingArguments.optimizerNames + ["adamw_torch", "adamw_torch_fused"])
    func everyOptimizerTrainsAndResumes(name: String) throws {
        var arguments = shortArguments("\(folder.path)/out", steps: 3)
        arguments.optim = name
        arguments.saveSteps = 1
        let whole = LineRun(LineObjective())
        let start = whole.objective.values
        let outcome = try whole.run(arguments)
        #expect(outcome.step == 3 && outcome.reason == .finished)
        #expect(whole.objective.values != start)
        #expect(whole.objective.values.allSatisfy { $0.isFinite })
        // Two steps, and a third in a second run: the state of the optimizer goes along.
        arguments.outputDir = "\(folder.path)/parts"
        arguments.maxSteps = 2
        _ = try LineRun(LineObjective()).run(arguments)
        arguments.maxSteps = 3
        let second = LineRun(LineObjective())
        _ = try second.run(arguments)
        #expect(second.logged.map(\.step) == [3])
        #expect(second.objective.values == whole.objective.values)
    }

    @Test(arguments: LearningRateSchedule.names) func everyScheduleTrains(name: String) throws {
        var arguments = shortArguments("\(folder.path)/out", steps: 3)
        arguments.lrSchedulerType = name
        arguments.warmupSteps = name == "constant" ? 0 : 1
        let run = LineRun(LineObjective())
        _ = try run.run(arguments)
        #expect(run.logged.count == 3)
        let schedule = try arguments.makeSchedule(totalSteps: 3)
        #expect(run.logged.map(\.learningRate) == (0..<3).map { schedule.learningRate(at: $0) })
        #expect(run.logged.contains { $0.learningRate > 0 })
    }

    /// A peak measured while other work ran must not make a training look faster than the machine.
    @Test func theShareOfThePeakIsAShare() throws {
        let run = LineRun(LineObjective(operationsPerStep: 1000), peakOperationsPerSecond: 1e-3)
        _ = try run.run(shortArguments("\(folder.path)/out", steps: 3))
        #expect(run.logged.count == 3 && run.logged.allSatisfy { $0.peakShare > 0 && $0.peakShare <= 1 })
    }

    @Test func stopsEarlyAndStaysStopped() throws {
        var arguments = shortArguments("\(folder.path)/out", steps: 50)
        arguments.evalSteps = 2
        arguments.saveSteps = 2
        arguments.earlyStoppingPatience = 2
        arguments.earlyStoppingThreshold = 0.1
        // Improves at 2 and 4; 6 gains less than the threshold, 8 nothing.
        let run = LineRun(LineObjective(script: [3, 2, 1.95, 2.5]))
        let outcome = try run.run(arguments)
        #expect(outcome.reason == .stoppedEarly)
        #expect(outcome.step == 8)
        #expect(outcome.bestStep == 4)
        #expect(outcome.metrics["eval_loss"] == 2)
        #expect(run.evaluated == [2, 4, 6, 8])
        // The result is the best model, and the same command again does not train on.
        let best = LineObjective()
        try best.loadModel(from: "\(folder.path)/out/checkpoint-4")
        #expect(run.objective.values == best.values)
        let again = LineRun(LineObjective(script: [0]))
        let second = try again.run(arguments)
        #expect(second.reason == .stoppedEarly && second.step == 8)
        #expect(again.logged.isEmpty)
    }

    @Test func aPlateauSurvivesAResumption() throws {
        // The loss never improves: after more than 10 such evaluations the rate falls.
        func arguments(_ name: String, _ steps: Int) -> TrainingArguments {
            var result = shortArguments("\(folder.path)/\(name)", steps: steps)
            result.lrSchedulerType = "reduce_lr_on_plateau"
            result.evalSteps = 1
            result.saveSteps = 1
            return result
        }
        let whole = LineRun(LineObjective(script: [1]))
        _ = try whole.run(arguments("whole", 16))
        #expect(Set(whole.logged.map(\.learningRate)).count == 2, "the rate falls once")
        let first = LineRun(LineObjective(script: [1]))
        _ = try first.run(arguments("parts", 9))
        let second = LineRun(LineObjective(script: [1]))
        _ = try second.run(arguments("parts", 16))
        #expect(
            (first.logged + second.logged).map(\.learningRate) == whole.logged.map(\.learningRate)
        )
        #expect(second.objective.values == whole.objective.values)
    }

    @Test func changedSettingsAreRefusedUnlessAllowed() throws {
        var arguments = shortArguments("\(folder.path)/out", steps: 2)
        let old = ["training.learning_rate": "0.05", "model.dropout": "0.1", "model.gone": "1"]
        _ = try LineRun(LineObjective()).run(arguments, settings: old)
        // A key that only one version of the program knows is no change.
        let new = ["training.learning_rate": "0.05", "model.dropout": "0.2", "model.added": "7"]
        arguments.maxSteps = 3
        let error = #expect(throws: TrainingError.self) {
            try LineRun(LineObjective()).run(arguments, settings: new)
        }
        let text = error?.description ?? "-"
        #expect(text.contains("model.dropout was 0.1 and is 0.2;"), "\(text)")
        #expect(
            !text.contains("learning_rate") && !text.contains("added") && !text.contains("gone"),
            "\(text)"
        )
        arguments.ignoreChangedSettings = true
        let allowed = LineRun(LineObjective())
        let outcome = try allowed.run(arguments, settings: new)
        #expect(outcome.step == 3 && allowed.logged.map(\.step) == [3])
        #expect(outcome.changes.map(\.description) == ["model.dropout was 0.1 and is 0.2"])
        #expect(outcome.changes.map(\.step) == [2] && allowed.warnings.count == 1, "\(allowed.warnings)")
        // The change stays on record, and the new settings are the run's.
        arguments.ignoreChangedSettings = false
        arguments.maxSteps = 4
        #expect(try LineRun(LineObjective()).run(arguments, settings: new).changes == outcome.changes)
        #expect(throws: TrainingError.self) { try LineRun(LineObjective()).run(arguments, settings: old) }
    }

    /// A checkpoint of a version that did not keep settings goes on.
    @Test func checkpointsWithoutSettingsGoOn() throws {
        var arguments = shortArguments("\(folder.path)/out", steps: 2)
        _ = try LineRun(LineObjective()).run(arguments, settings: ["model.dropout": "0.1"])
        let store = CheckpointStore(folder: arguments.outputDir)
        let newest = try #require(try store.newestValid { _ in })
        let object = try JSONSerialization.jsonObject(
            with: Data(contentsOf: URL(fileURLWithPath: "\(newest.path)/trainer_state.json"))
        )
        var members = try #require(object as? [String: Any])
        #expect(members.removeValue(forKey: "settings") != nil)
        let bytes = try JSONSerialization.data(withJSONObject: members)
        let files = ["model.safetensors", "optimizer.safetensors"].map { name in
            (name, folder.bytes("out/checkpoint-2/\(name)") ?? [])
        }
        _ = try store.save(step: 2) { place in
            for (name, content) in files {
                try Data(content).write(to: URL(fileURLWithPath: "\(place)/\(name)"))
            }
            try bytes.write(to: URL(fileURLWithPath: "\(place)/trainer_state.json"))
        }
        arguments.maxSteps = 3
        let run = LineRun(LineObjective())
        let outcome = try run.run(arguments, settings: ["model.dropout": "0.2"])
        #expect(outcome.step == 3 && run.logged.map(\.step) == [3] && outcome.changes.isEmpty)
    }

    /// The best of one figure is not the best of another.
    @Test func anotherMetricBeginsAnew() throws {
        let key = "training.greater_is_better"
        var arguments = shortArguments("\(folder.path)/out", steps: 2)
        arguments.evalSteps = 2
        _ = try LineRun(LineObjective(script: [0.5])).run(arguments, settings: [key: "false"])
        arguments.maxSteps = 4
        arguments.greaterIsBetter = true
        arguments.ignoreChangedSettings = true
        let run = LineRun(LineObjective(script: [0.25]))
        #expect(try run.run(arguments, settings: [key: "true"]).bestStep == 4)
    }

    @Test(arguments: [
        ("per_device_train_batch_size", 1_000_000_000_000_000_000), ("per_device_eval_batch_size", 1_000_001),
        ("gradient_accumulation_steps", 1_000_000_000_000_000_000), ("max_steps", 1_000_000_001),
        ("warmup_steps", 1_000_000_000_000_000_000), ("max_eval_batches", 1_000_000_000_000_000_000),
    ])
    func countsHaveBounds(key: String, value: Int) throws {
        let paths: [String: WritableKeyPath<TrainingArguments, Int>] = [
            "per_device_train_batch_size": \.perDeviceTrainBatchSize,
            "per_device_eval_batch_size": \.perDeviceEvalBatchSize,
            "gradient_accumulation_steps": \.gradientAccumulationSteps, "max_steps": \.maxSteps,
            "warmup_steps": \.warmupSteps, "max_eval_batches": \.maxEvalBatches,
        ]
        var arguments = TrainingArguments()
        arguments[keyPath: try #require(paths[key])] = value
        let error = #expect(throws: TrainingError.self) { try arguments.validate() }
        #expect(
            error?.description.hasPrefix("\(key) is \(value); it must be ") == true,
            "\(String(describing: error))"
        )
        arguments[keyPath: try #require(paths[key])] = 1
        try arguments.validate()
    }

    @Test func evaluationBatchesHaveAsManyRowsAsGivenOrAsInTraining() {
        var arguments = TrainingArguments()
        arguments.perDeviceTrainBatchSize = 40
        #expect(arguments.evaluationRows() == 64 && arguments.evaluationRows(atLeast: 1) == 40)
        arguments.perDeviceTrainBatchSize = 100
        #expect(arguments.evaluationRows() == 100)
        arguments.perDeviceEvalBatchSize = 3
        #expect(arguments.evaluationRows() == 3 && arguments.evaluationRows(atLeast: 32) == 3)
    }

    @Test func productsAndEpochsHaveBounds() throws {
        var arguments = TrainingArguments()
        arguments.perDeviceTrainBatchSize = 1_000_000
        arguments.gradientAccumulationSteps = 100
        try arguments.validate()
        arguments.gradientAccumulationSteps = 101
        let rows = #expect(throws: TrainingError.self) { try arguments.validate() }
        #expect(rows?.description.contains("101000000") == true)
        arguments = TrainingArguments()
        arguments.numTrainEpochs = 1e300
        let epochs = #expect(throws: TrainingError.self) { try arguments.validate() }
        #expect(epochs?.description.contains("num_train_epochs is 1e+300") == true)
        arguments.maxSteps = 1
        try arguments.validate()
    }

    @Test func anInfinitePerplexityIsKept() throws {
        var arguments = shortArguments("\(folder.path)/out", steps: 2)
        arguments.evalSteps = 1
        arguments.saveSteps = 1
        _ = try LineRun(LineObjective(script: [.infinity, .infinity])).run(arguments)
        arguments.maxSteps = 3
        let run = LineRun(LineObjective(script: [1]))
        #expect(try run.run(arguments).metrics["eval_loss"] == 1)
        #expect(run.logged.map(\.step) == [3])
    }

    @Test func anUnknownMetricNamesTheKnown() throws {
        var arguments = shortArguments("\(folder.path)/out", steps: 1)
        arguments.metricForBestModel = "eval_f1"
        let run = LineRun(LineObjective(figures: ["eval_f2": 1]))
        run.objective.onStep = { _ in Issue.record("a step was done") }
        let error = #expect(throws: TrainingError.self) { try run.run(arguments) }
        let text = error?.description ?? "-"
        #expect(text.contains("it gives eval_f2, eval_loss; did you mean 'eval_f2'?"), "\(text)")
        #expect(folder.names().isEmpty, "nothing is written")
    }

    @Test func anOutputFolderThatIsAFileIsNamed() throws {
        try folder.write("a file", to: "taken")
        let error = #expect(throws: FileFormatError.self) {
            try LineRun(LineObjective()).run(shortArguments("\(folder.path)/taken", steps: 1))
        }
        #expect(error?.description.contains("taken: is a file, not a folder") == true)
        let none = #expect(throws: TrainingError.self) {
            try LineRun(LineObjective()).run(shortArguments("", steps: 1))
        }
        #expect(none?.description.contains("output_dir is empty") == true, "\(none?.description ?? "-")")
    }

    /// A run that has nothing left to do clears up, too.
    @Test func leftoversOfAKilledRunAreRemovedAtTheStart() throws {
        let arguments = shortArguments("\(folder.path)/out", steps: 2)
        _ = try LineRun(LineObjective()).run(arguments)
        try FileManager.default.copyItem(
            atPath: "\(folder.path)/out/checkpoint-2",
            toPath: "\(folder.path)/out/checkpoint-1"
        )
        unlink("\(folder.path)/out/checkpoint-1/complete.json")
        _ = try LineRun(LineObjective()).run(arguments)
        #expect(!folder.exists("out/checkpoint-1") && folder.exists("out/checkpoint-2"))
    }

    /// A lower learning rate is advised only where numbers have left their range.
    @Test func aFigureThatIsNoNumberIsExplained() throws {
        var arguments = shortArguments("\(folder.path)/out", steps: 1)
        arguments.metricForBestModel = "eval_spearman"
        let figure = #expect(throws: TrainingError.self) {
            try LineRun(LineObjective(figures: ["eval_spearman": .nan])).run(arguments)
        }
        let text = figure?.description ?? "-"
        #expect(text.contains("eval_spearman is not a number; weights and loss are finite"), "\(text)")
        #expect(!text.contains("learning rate"), "\(text)")
        arguments.metricForBestModel = "eval_loss"
        let loss = #expect(throws: TrainingError.self) {
            try LineRun(LineObjective(script: [.nan])).run(arguments)
        }
        #expect(loss?.description.contains("a lower learning rate") == true, "\(loss?.description ?? "-")")
    }

    @Test func numbersThatAreNotFiniteStop() throws {
        var arguments = shortArguments("\(folder.path)/out", steps: 2)
        arguments.saveSteps = 1
        _ = try LineRun(LineObjective()).run(arguments)
        arguments.maxSteps = 9
        arguments.learningRate = 1e38
        arguments.optim = "adamw"
        let error = #expect(throws: TrainingError.self) { try LineRun(LineObjective()).run(arguments) }
        #expect(error?.description.contains("weight") == true, "\(error?.description ?? "-")")
        let store = CheckpointStore(folder: arguments.outputDir)
        let newest = try #require(try store.newestValid { _ in })
        let kept = LineObjective()
        try kept.loadModel(from: newest.path)
        #expect(kept.values.allSatisfy { $0.isFinite })
    }

    /// All that training takes from the pool goes back.
    @Test func nothingStaysAlive() throws {
        func live() -> Int { standardBackend.pool.statistics.liveBlocks }
        func train(_ name: String) throws {
            var arguments = shortArguments("\(folder.path)/\(name)", steps: 3)
            arguments.saveSteps = 1
            arguments.evalSteps = 1
            _ = try LineRun(LineObjective()).run(arguments)
        }
        try train("first")
        let before = live()
        let held = Line()
        #expect(live() > before, "the count sees a model that lives")
        withExtendedLifetime(held) {}
        for name in ["second", "third"] { try train(name) }
        #expect(live() <= before + 1)
    }
}
