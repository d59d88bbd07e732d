import Foundation
import Testing
import YuyanTestSupport

/// The same recipe gives the same weights, to the byte, whatever happens on the way.
@Suite(.serialized, .enabled(if: BuiltProgram.path != nil, Comment(rawValue: BuiltProgram.absence)))
struct ExactnessTests {
    @Test func threadsDoNotChangeWeights() throws {
        let run = try SmallRun()
        let one = try run.train("one", ["max_steps=8"], environment: ["YUYAN_THREADS": "1"])
        let two = try run.train("two", ["max_steps=8"], environment: ["YUYAN_THREADS": "2"])
        #expect(one.code == 0 && two.code == 0, "\(one)\(two)")
        #expect(run.weights("one") != nil)
        #expect(run.weights("one") == run.weights("two"))
        #expect(try run.log("one") == run.log("two"))
        // What would notice a difference notices one.
        let other = try run.train("other", ["max_steps=8", "seed=6"])
        #expect(other.code == 0, "\(other)")
        #expect(run.weights("one") != run.weights("other"))
    }

    @Test func killsDoNotChangeWeights() throws {
        let run = try SmallRun()
        let whole = try run.train("whole")
        #expect(whole.code == 0, "\(whole)")
        let seed: UInt64 = 20_240_611
        var random = SeededNumbers(seed: seed)
        var kills = 0
        // On a busy machine a run may end before it is killed often: then another one begins.
        for number in 0..<12 where kills < 5 {
            let folder = "killed\(number)"
            kills += try killOften(run, folder, &random)
            #expect(run.weights("whole") == run.weights(folder), "seed \(seed), \(kills) kills")
            #expect(try run.log("whole") == run.log(folder), "seed \(seed), \(kills) kills")
            #expect(!run.folder.names(folder).contains { $0.hasPrefix(".writing") })
        }
        #expect(kills >= 5, "every run ended too early to be killed; seed \(seed)")
    }

    /// Trains to the end through up to nine kills; how many there were.
    private func killOften(_ run: SmallRun, _ folder: String, _ random: inout SeededNumbers) throws -> Int {
        var kills = 0
        while true {
            let process = try run.start(folder)
            if kills < 9 {
                // From the start of training; a step takes a few milliseconds, a save as long.
                #expect(
                    process.wait(forError: kills == 0 ? "training" : "step"),
                    "\(process.errorsSoFar)"
                )
                usleep(UInt32.random(in: 0..<30_000, using: &random))
                process.send(SIGKILL)
            }
            let result = process.end()
            guard result.code == -SIGKILL else {
                #expect(result.code == 0, "\(result)")
                return kills
            }
            kills += 1
            for name in run.checkpoints(folder) where run.folder.exists("\(folder)/\(name)/complete.json") {
                #expect(run.folder.exists("\(folder)/\(name)/optimizer.safetensors"), "\(name)")
            }
        }
    }

    @Test(arguments: [(SIGTERM, Int32(143)), (SIGINT, Int32(130))])
    func aSignalSavesAndResumes(signal: Int32, code: Int32) throws {
        let run = try SmallRun()
        let settings = ["max_steps=400", "save_steps=0", "eval_steps=0", "save_total_limit=0"]
        let whole = try run.train("whole", settings)
        #expect(whole.code == 0, "\(whole)")
        let process = try run.start("stopped", settings)
        #expect(process.wait(forError: "step 4 "))
        process.send(signal)
        let stopped = process.end()
        #expect(stopped.code == code, "\(stopped)")
        #expect(run.checkpoints("stopped").count == 1, "\(run.folder.names("stopped"))")
        #expect(run.weights("stopped") == nil)
        let resumed = try run.train("stopped", settings)
        #expect(resumed.code == 0 && resumed.errors.contains("going on from step"), "\(resumed)")
        #expect(run.weights("whole") == run.weights("stopped"))
        #expect(try run.log("whole") == run.log("stopped"))
    }

    /// Evaluation takes most of the time here, so that a signal arrives inside one, the last one too.
    @Test(arguments: [6, 12]) func aSignalInsideAnEvaluation(lastEvaluation: Int) throws {
        let run = try SmallRun(documents: 2000)
        let settings = [
            "max_steps=12", "save_steps=0", "eval_steps=6", "logging_steps=1", "per_device_eval_batch_size=1",
            "validation_fraction=0.9",
        ]
        let whole = try run.train("whole", settings)
        #expect(whole.code == 0, "\(whole)")
        // On a busy machine the signal may come too late: then another run begins.
        for number in 0..<8 {
            let folder = "stopped\(number)"
            let process = try run.start(folder, settings)
            #expect(process.wait(forError: "step \(lastEvaluation)  loss"))
            process.send(SIGTERM)
            let stopped = process.end()
            let isLate = stopped.code == 0 || stopped.errors.contains("step \(lastEvaluation)  eval")
            if isLate, number < 7 { continue }
            #expect(!isLate && stopped.code == 143, "\(stopped)")
            let resumed = try run.train(folder, settings)
            #expect(resumed.code == 0, "\(resumed)")
            #expect(run.weights("whole") == run.weights(folder))
            #expect(try run.log("whole") == run.log(folder))
            return
        }
    }
}
