import YuyanFileFormats
import YuyanModels
import YuyanTraining

/// What every task does when it trains: optimizer, schedule, record in the registry, trainer.
struct TrainingSession {
    let recipe: Recipe
    let registryFolder: String?
    let version: String

    /// Says what is wrong with the settings before any work is done.
    func check() throws {
        let steps = recipe.training.maxSteps
        _ = try recipe.training.makeSchedule(totalSteps: steps > 0 ? steps : 1_000_000)
    }

    /// Trains, going on from the newest whole checkpoint.
    ///
    /// - Parameters:
    ///   - objective: What is trained.
    ///   - tables: Parameters that are looked up and not multiplied by, which matrix optimizers leave to others.
    ///   - dataFingerprint: What the data are.
    ///   - willStart: Told what products compute with, before the first step.
    ///   - report: Told what happens.
    /// - Returns: How it ended.
    /// - Throws: Errors that name what is wrong; checkpoints written before stay.
    func train<Objective: TrainingObjective>(
        _ objective: Objective,
        tables: [Parameter],
        dataFingerprint: String,
        willStart: (MatrixEngine) -> Void,
        report: @escaping (TrainingEvent) -> Void
    ) throws -> TrainingOutcome {
        let arguments = recipe.training.resolved(stepsPerEpoch: objective.stepsPerEpoch)
        let optimizer = try arguments.makeOptimizer(over: objective.model.namedParameters()) { named in
            !tables.contains { $0 === named.parameter }
        }
        let totalSteps = Trainer<Objective>.stepCount(arguments, stepsPerEpoch: objective.stepsPerEpoch)
        let engine = MatrixEngine(dtype: objective.model.setComputeDType(recipe.computeDType))
        // Data that are too short for a batch are said before anything is written.
        _ = try objective.batch(step: 0, microBatch: 0)
        willStart(engine)
        try UnfinishedFiles.makeFolder(recipe.training.outputDir)
        var record = try RunRecord(
            recipe,
            registryFolder: registryFolder,
            dataFingerprint: dataFingerprint,
            version: version
        )
        let trainer = Trainer(
            objective: objective,
            arguments: arguments,
            optimizer: optimizer,
            schedule: try arguments.makeSchedule(totalSteps: totalSteps),
            dataFingerprint: dataFingerprint,
            settings: recipe.decidingSettings,
            peakOperationsPerSecond: engine.peakOperationsPerSecond,
            report: { event in
                record.take(event)
                report(event)
            }
        )
        do {
            let outcome = try trainer.run()
            try record.end(outcome)
            return outcome
        } catch {
            record.fail()
            throw error
        }
    }
}

extension Recipe {
    /// Says that the training loss has no label smoothing, where the recipe asks for it.
    ///
    /// - Parameter reason: Why.
    /// - Throws: ``RecipeError`` that names the key.
    func refuseLabelSmoothing(_ reason: String) throws {
        let factor = training.labelSmoothingFactor
        guard factor == 0 else {
            throw RecipeError("training.label_smoothing_factor is \(factor); it must be 0: \(reason)")
        }
    }

    /// The dtype of products: as the recipe says, else bf16 where the processor multiplies it faster.
    var computeDType: DType { training.bf16 ?? standardBackend.prefersBF16 ? .bf16 : .f32 }

    /// The recipe with products in f32, for explanations: shares sum to differences of scores, and weights to 1, which
    /// bf16 would round.
    var exact: Recipe {
        var exact = self
        exact.training.bf16 = false
        return exact
    }

    /// Turns a trained model's dropout off and lets it compute in the recipe's dtype.
    ///
    /// - Parameter model: The model, as it was read.
    func settle(_ model: any Module) {
        model.setTraining(false)
        model.setComputeDType(computeDType)
    }
}
