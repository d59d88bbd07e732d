import Foundation
import YuyanModels
import YuyanTraining

/// What every model does that is fitted to convergence, without epochs and checkpoints: folder, record, outcome.
struct FittingSession {
    let recipe: Recipe
    let registryFolder: String?
    let version: String
    let report: (TaskEvent) -> Void

    private var statePath: String { "\(recipe.training.outputDir)/\(StateSaving.fileName)" }

    /// Where a fitting by iterations keeps its state; what is found there is gone on from, and that is said.
    var state: LinearTrainingState {
        LinearTrainingState(path: statePath) { [report] iteration in
            report(.note("going on in iteration \(iteration)"))
        }
    }

    /// Fits a model and records it.
    ///
    /// A fitting that keeps its state is resumed where it was stopped, another is begun again.
    ///
    /// - Parameters:
    ///   - dataFingerprint: What the data are.
    ///   - keepsState: Whether `fit` keeps its state; the file is removed when the model is saved.
    ///   - fit: Fits, judges and saves the model; tells the iterations it has reached, and gives all of them with the
    ///     figures.
    /// - Returns: How it ended.
    /// - Throws: ``RecipeError`` for settings that do not fit, what `fit` throws.
    func run(
        dataFingerprint: String,
        keepsState: Bool = false,
        _ fit: (_ reached: (Int) -> Void) throws -> (iterations: Int, metrics: [String: Double])
    ) throws -> TrainingOutcome {
        guard recipe.training.maxSeconds == 0 else {
            throw RecipeError(
                "training.max_seconds is \(recipe.training.maxSeconds); it must be 0: a model of the family "
                    + "\(recipe.model.family) is fitted in one go"
            )
        }
        let began = Date()
        try UnfinishedFiles.makeFolder(recipe.training.outputDir)
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
            if keepsState, FileManager.default.fileExists(atPath: statePath) {
                try FileManager.default.removeItem(atPath: statePath)
            }
            return try end(.finished, iterations, metrics)
        } catch is CancellationError {
            let signal = StopSignal.received ?? SIGINT
            let isKept = keepsState && FileManager.default.fileExists(atPath: statePath)
            let next =
                isKept
                ? "the same command goes on from here" : "nothing is saved, and the same command begins again"
            report(.note("stopped by signal \(signal); \(next)"))
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
