import Foundation
import Testing
import YuyanModels
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

@Suite(.serialized) struct LanguageModelRunTests {
    private let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
        // Documents of many lengths, so that rows end in padding and batches have targets of unequal count.
        try folder.writeTexts(smallCorpus(documents: 40))
    }

    private func recipe(_ name: String, _ settings: [String] = []) throws -> Recipe {
        let yaml = """
            tokenizer: { type: byte }
            data: { train: \(folder.path)/texts, validation_fraction: 0.2, prepared: \(folder.path)/tokens }
            model: { num_hidden_layers: 2, hidden_size: 16, num_attention_heads: 2, max_position_embeddings: 32 }
            training: { output_dir: \(folder.path)/\(name), max_steps: 1, learning_rate: 1.0e-3, eval_steps: 0,
                        logging_steps: 1, bf16: false, tensorboard: false, per_device_train_batch_size: 4 }
            """
        return try Recipe(yaml: yaml, name: "recipe", overrides: settings)
    }

    private func train(
        _ name: String,
        _ settings: [String] = []
    ) throws -> (TrainingOutcome, [TrainingLogEntry]) {
        var logged: [TrainingLogEntry] = []
        let run = LanguageModelRun(try recipe(name, settings), registryFolder: nil, version: "test")
        let outcome = try run.train { event in
            if case .training(.logged(let entry)) = event { logged.append(entry) }
        }
        return (outcome, logged)
    }

    /// The same four rows as one batch, two or four: the same loss and gradient but for rounding.
    @Test(arguments: ["gpt2", "llama"]) func accumulationIsOneLargeBatch(layout: String) throws {
        let (_, whole) = try train("whole-\(layout)", ["layout=\(layout)"])
        let reference = try #require(whole.first)
        for (rows, batches) in [(2, 2), (1, 4)] {
            let (_, parts) = try train(
                "parts-\(layout)-\(rows)",
                [
                    "layout=\(layout)", "per_device_train_batch_size=\(rows)",
                    "gradient_accumulation_steps=\(batches)",
                ]
            )
            let entry = try #require(parts.first)
            #expect(abs(entry.loss - reference.loss) < 1e-6 * reference.loss)
            #expect(abs(entry.gradNorm - reference.gradNorm) < 1e-5 * reference.gradNorm)
        }
    }

    @Test func activationCheckpointingChangesNothing() throws {
        let settings = ["max_steps=3", "dropout=0.2"]
        let (_, plain) = try train("plain", settings)
        let (_, saving) = try train("saving", settings + ["gradient_checkpointing=true"])
        #expect(plain.map(\.loss) == saving.map(\.loss))
        #expect(folder.bytes("plain/model.safetensors") == folder.bytes("saving/model.safetensors"))
    }

    @Test func learnsAndRecords() throws {
        let (outcome, logged) = try train("out", ["max_steps=60", "learning_rate=0.01", "eval_steps=20"])
        #expect(outcome.reason == .finished && outcome.step == 60)
        let (first, last) = (try #require(logged.first), try #require(logged.last))
        #expect(first.loss > 5 && last.loss < 3.5, "from \(first.loss) to \(last.loss)")
        let known = try Recipe(modelFolder: "\(folder.path)/out")
        #expect(known == (try recipe("out", ["max_steps=60", "learning_rate=0.01", "eval_steps=20"])))
        #expect(folder.text("out/README.md").contains("eval_loss"))
        let model = try DecoderModel(folder: "\(folder.path)/out")
        #expect(model.configuration.hiddenSize == 16)
    }

    /// Weights, gradients, moments and activations all go back to the pool: in a process of its own, because the pool
    /// counts for the whole process.
    @Test func nothingStaysAlive() async {
        await #expect(processExitsWith: .success) {
            let runs = try LanguageModelRunTests()
            _ = try runs.train("first", ["max_steps=2"])
            try expectNoLiveStorage {
                for name in ["second", "third"] { _ = try runs.train(name, ["max_steps=2", "dropout=0.1"]) }
            }
        }
    }
}
