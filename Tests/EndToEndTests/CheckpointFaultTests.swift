import Foundation
import Testing
import YuyanTestSupport

/// Checkpoints that are damaged, of another run, or that the disk refuses.
@Suite(.serialized, .enabled(if: BuiltProgram.path != nil, Comment(rawValue: BuiltProgram.absence)))
struct CheckpointFaultTests {
    private let settings = ["max_steps=10", "save_steps=2", "eval_steps=0", "save_total_limit=3"]

    /// A run of ten steps as if it had been killed after step 8, and the weights of the whole run.
    private func interrupted() throws -> (run: SmallRun, weights: [UInt8]?) {
        let run = try SmallRun()
        let whole = try run.train("out", settings)
        #expect(whole.code == 0, "\(whole)")
        let weights = run.weights("out")
        #expect(weights != nil)
        for name in ["checkpoint-10", "model.safetensors"] {
            try FileManager.default.removeItem(atPath: "\(run.folder.path)/out/\(name)")
        }
        return (run, weights)
    }

    @Test(arguments: ["model.safetensors", "optimizer.safetensors", "trainer_state.json", "complete.json"])
    func aTruncatedFileIsPassedOver(file: String) throws {
        let (run, weights) = try interrupted()
        let bytes = run.folder.bytes("out/checkpoint-8/\(file)") ?? []
        try run.folder.write(Array(bytes.prefix(bytes.count / 2)), to: "out/checkpoint-8/\(file)")
        let result = try run.train("out", settings)
        #expect(result.code == 0, "\(result)")
        #expect(result.errors.contains("warning: ") && result.errors.contains("checkpoint-8"), "\(result)")
        #expect(result.errors.contains("going on from step 6 of 10"), "\(result)")
        #expect(run.weights("out") == weights)
    }

    @Test func aFlippedBitIsNoticed() throws {
        let (run, weights) = try interrupted()
        var bytes = run.folder.bytes("out/checkpoint-8/optimizer.safetensors") ?? []
        bytes[bytes.count - 3] ^= 0x10
        try run.folder.write(bytes, to: "out/checkpoint-8/optimizer.safetensors")
        let result = try run.train("out", settings)
        #expect(
            result.errors.contains("optimizer.safetensors does not have the recorded SHA-256"),
            "\(result)"
        )
        #expect(result.errors.contains("going on from step 6 of 10"), "\(result)")
        #expect(run.weights("out") == weights)
    }

    @Test func aKilledSaveIsNotSeen() throws {
        let (run, weights) = try interrupted()
        // What a kill inside a save leaves, and a checkpoint whose marker is gone.
        let out = "\(run.folder.path)/out"
        try FileManager.default.copyItem(atPath: "\(out)/checkpoint-8", toPath: "\(out)/.writing-9")
        try FileManager.default.removeItem(atPath: "\(out)/.writing-9/complete.json")
        try FileManager.default.copyItem(atPath: "\(out)/.writing-9", toPath: "\(out)/checkpoint-9")
        let result = try run.train("out", settings)
        #expect(result.errors.contains("going on from step 8 of 10"), "\(result)")
        #expect(run.weights("out") == weights)
        #expect(!run.folder.exists("out/.writing-9") && !run.folder.exists("out/checkpoint-9"))
    }

    @Test func aDamagedCheckpointDoesNotCrowdOutWholeOnes() throws {
        let (run, weights) = try interrupted()
        try run.folder.write("{", to: "out/checkpoint-8/complete.json")
        let result = try run.train("out", settings + ["save_total_limit=1", "save_steps=1", "max_steps=7"])
        #expect(result.code == 0, "\(result)")
        #expect(run.checkpoints("out").contains("checkpoint-7"), "\(run.checkpoints("out"))")
        let again = try run.train("out", settings)
        #expect(again.errors.contains("going on from step 7 of 10"), "\(again)")
        #expect(weights != nil)
    }

    @Test func otherDataOrSeedIsRefused() throws {
        let (run, _) = try interrupted()
        let seed = try run.train("out", settings + ["seed=6"])
        #expect(
            seed.code == 1 && seed.errors.contains("belongs to a run with seed 5, this one has 6"),
            "\(seed)"
        )
        try run.folder.write(
            "other text, long enough to cut a window of it. " + String(repeating: "abc ", count: 99),
            to: "corpus.txt"
        )
        let data = try run.train("out", settings + ["data.prepared=tokens-2"])
        #expect(data.code == 1 && data.errors.contains("data fingerprint"), "\(data)")
        let width = try run.train("other", ["max_steps=1"])
        #expect(width.code == 0, "\(width)")
    }

    /// What decides the weights stays as it was, or the card says that it did not; what does not may change.
    @Test func otherSettingsAreRefusedOrRecorded() throws {
        let (run, _) = try interrupted()
        let others = settings + ["learning_rate=0.5", "dropout=0.3"]
        let refused = try run.train("out", others)
        #expect(refused.code == 1, "\(refused)")
        for part in [
            "checkpoint-8 belongs to a run with other settings",
            "training.learning_rate was 0.003 and is 0.5",
            "model.dropout was 0.1 and is 0.3", "training.ignore_changed_settings=true",
        ] { #expect(refused.errors.contains(part), "\(part): \(refused)") }
        #expect(!refused.errors.contains("going on from step"), "\(refused)")
        let goesOn = try run.train("out", others + ["ignore_changed_settings=true", "logging_steps=5"])
        #expect(goesOn.code == 0 && goesOn.errors.contains("going on from step 8 of 10"), "\(goesOn)")
        #expect(goesOn.errors.contains("warning: settings are not those of the run so far"), "\(goesOn)")
        let card = run.folder.text("out/README.md")
        #expect(card.contains("- after step 8, `training.learning_rate`: `0.003` → `0.5`"), "\(card)")
        // From then on the changed settings are the run's own.
        let longer = try run.train("out", others + ["max_steps=11", "eval_steps=3", "save_steps=1"])
        #expect(longer.code == 0 && longer.errors.contains("going on from step 10 of 11"), "\(longer)")
        #expect(run.folder.text("out/README.md").contains("## Changed on the way"))
    }

    @Test func anotherWidthIsRefused() throws {
        let (run, _) = try interrupted()
        let result = try run.train("out", settings + ["hidden_size=32"])
        #expect(result.code == 1, "\(result)")
        #expect(result.errors.contains("checkpoint-8"), "\(result)")
    }

    @Test func rotationKeepsTheBest() throws {
        let run = try SmallRun()
        // A learning rate that falls to nothing wears the model down after its best step.
        let result = try run.train(
            "out",
            ["max_steps=12", "eval_steps=2", "save_steps=1", "save_total_limit=2", "greater_is_better=true"]
        )
        #expect(result.code == 0, "\(result)")
        // The loss falls, so with more counting as better the first evaluation stays the best.
        #expect(run.checkpoints("out") == ["checkpoint-11", "checkpoint-12", "checkpoint-2"])
        #expect(run.weights("out") == run.folder.bytes("out/checkpoint-2/model.safetensors"))
    }

    @Test func weightsThatAreNotFiniteAreNotSaved() throws {
        let run = try SmallRun()
        let good = try run.train("out", ["max_steps=3", "eval_steps=0"])
        #expect(good.code == 0, "\(good)")
        let before = run.folder.bytes("out/checkpoint-3/model.safetensors")
        let bad = try run.train(
            "out",
            [
                "max_steps=20", "eval_steps=0", "learning_rate=1e39", "warmup_steps=0",
                "lr_scheduler_type=constant", "ignore_changed_settings=true",
            ]
        )
        #expect(bad.code == 1, "\(bad)")
        #expect(
            bad.errors.contains("transformer.") || bad.errors.contains("blocks.")
                || bad.errors.contains("weight"),
            "\(bad)"
        )
        #expect(run.folder.bytes("out/checkpoint-3/model.safetensors") == before)
        let again = try run.train("out", ["max_steps=5", "eval_steps=0"])
        #expect(again.code == 0 && again.errors.contains("going on from step"), "\(again)")
    }
}
