import Foundation
import YuyanFileFormats
import YuyanTensors
import YuyanTraining

/// A run's line in the registry.
struct RunRecord {
    private let registry: RunRegistry?
    private var run: RunRegistry.Run?

    init(_ recipe: Recipe, registryFolder: String?, dataFingerprint: String, version: String) throws {
        registry = try registryFolder.map { try RunRegistry(folder: $0) }
        run = try registry?.begin(
            RunRegistry.Run(
                task: recipe.task,
                outputDir: recipe.training.outputDir,
                recipe: recipe.resolved.printed(indent: nil),
                dataFingerprint: dataFingerprint,
                machine: standardBackend.summary,
                version: version
            )
        )
    }

    mutating func take(_ event: TrainingEvent) {
        guard let registry, let id = run?.id else { return }
        // The registry is a convenience: a locked database must not end a run of hours.
        switch event {
        case .logged(let entry):
            run?.step = entry.step
            Self.attempt {
                try registry.record(
                    run: id,
                    step: entry.step,
                    [
                        "loss": entry.loss, "learning_rate": entry.learningRate, "grad_norm": entry.gradNorm,
                        "tokens_per_second": entry.tokensPerSecond,
                    ]
                )
            }
        case .evaluated(let step, let metrics, _):
            Self.attempt { try registry.record(run: id, step: step, metrics) }
        default: break
        }
    }

    mutating func end(_ outcome: TrainingOutcome) throws {
        let status =
            switch outcome.reason {
            case .finished: "finished"
            case .stoppedEarly: "stopped early"
            case .interrupted: "interrupted"
            }
        try close(status, step: outcome.step, metrics: outcome.metrics)
    }

    mutating func fail() {
        let step = run?.step ?? 0
        do {
            try close("failed", step: step, metrics: [:])
        } catch {
            Self.warn(error)
        }
    }

    private mutating func close(_ status: String, step: Int, metrics: [String: Double]) throws {
        guard let registry, run != nil else { return }
        run?.status = status
        run?.step = step
        run?.ended = Date().timeIntervalSince1970
        var object = JSONObject()
        for (key, value) in metrics.sorted(by: { $0.key < $1.key }) where value.isFinite {
            object[key] = .number(value)
        }
        run?.metrics = JSONValue.object(object).printed(indent: nil)
        if let run { try registry.update(run) }
    }

    private static func attempt(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            warn(error)
        }
    }

    private static func warn(_ error: any Error) {
        FileHandle.standardError.write(Data("warning: the registry of runs was not updated: \(error)\n".utf8))
    }
}
