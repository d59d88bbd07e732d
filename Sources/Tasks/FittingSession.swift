import Foundation
import YuyanModels
import YuyanTraining

/// What every model does that is fitted to convergence, without epochs and checkpoints: folder, record, outcome.
struct FittingSession {
    let recipe: Recipe
    let registryFolder: String?
    let version: String
    let report: (TaskEvent) -> Void

    /// Fits a model and records it.
    ///
    /// A model of this kind that is stopped is begun again, not resumed.
    ///
    /// - Parameters:
    ///   - dataFingerprint: What the data are.
    ///   - fit: Fits, judges and saves the model; tells the iterations it has reached, and gives all of them with the
    ///     figures.
    /// - Returns: How it ended.
    /// - Throws: ``RecipeError`` for settings that do not fit, what `fit` throws.
    func run(
        dataFingerprint: String,
        _ fit: (_ reached: (Int) -> Void) throws -> (iterations: Int, metrics: [String: Double])
    ) throws -> TrainingOutcome {
        let began = Date()
        try FileManager.default.createDirectory(
            atPath: recipe.training.outputDir,
            withIntermediateDirectories: true
        )
        var record = try RunRecord(
            recipe,
            registryFolder: registryFolder,
            dataFingerprint: dataFingerprint,
            version: version
        )
        func end(
            _ reason: TrainingOutcome.Reason,
            _ step: Int,
            _ metrics: [String: Double]
        ) throws
            -> TrainingOutcome
        {
            let outcome = TrainingOutcome(
                reason: reason,
                step: step,
                metrics: metrics,
                bestStep: nil,
                seconds: Date().timeIntervalSince(began)
            )
            try record.end(outcome)
            return outcome
        }
        var iteration = 0
        do {
            let (iterations, metrics) = try fit { iteration = $0 }
            try TrainingLog(
                folder: recipe.training.outputDir,
                keepingStepsUpTo: 0,
                evaluationsUpTo: 0,
                tensorboard: recipe.training.tensorboard
            ).write(
                step: iterations,
                metrics.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) },
                group: "eval"
            )
            let evaluated = TrainingEvent.evaluated(step: iterations, metrics: metrics, isBest: true)
            record.take(evaluated)
            if !metrics.isEmpty { report(.training(evaluated)) }
            return try end(.finished, iterations, metrics)
        } catch is CancellationError {
            let signal = StopSignal.received ?? SIGINT
            report(
                .note(
                    "stopped by signal \(signal); a model of this kind is fitted in one go: nothing is saved, and the "
                        + "same command begins again"
                )
            )
            return try end(.interrupted(signal: signal), iteration, [:])
        } catch let error as LinearModelError {
            record.fail()
            throw RecipeError("model: \(error)")
        } catch let error as NGramError {
            record.fail()
            throw RecipeError("model: \(error)")
        } catch {
            record.fail()
            throw error
        }
    }
}

extension LinearModelProgress {
    /// The progress in one line.
    var line: String {
        "iteration \(iteration)  loss \(String(format: "%.5f", loss))  largest slope "
            + String(format: "%.1e", gradient)
    }
}
