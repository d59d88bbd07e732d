import Testing
import YuyanOptimizers
import YuyanTestSupport
import YuyanTraining

/// Seconds that pass where a test says so.
private final class ManualClock {
    var seconds: Double

    init(_ seconds: Double = 0) { self.seconds = seconds }
}

@Suite(.serialized) struct TimeLimitTests {
    private let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    private func arguments(_ name: String, seconds: Double, steps: Int = 1000) -> TrainingArguments {
        var arguments = shortArguments("\(folder.path)/\(name)", steps: steps)
        arguments.lrSchedulerType = "linear"
        arguments.minLrRatio = 0
        arguments.maxSeconds = seconds
        return arguments
    }

    /// A run whose steps take the seconds that `pace` says.
    private func run(
        _ arguments: TrainingArguments,
        _ clock: ManualClock = ManualClock(),
        evaluation: Double = 0,
        pace: @escaping (Int) throws -> Double = { _ in 1 }
    ) throws -> (outcome: TrainingOutcome, run: LineRun) {
        let run = LineRun(LineObjective())
        run.objective.onStep = { clock.seconds += try pace($0) }
        run.objective.onEvaluation = { clock.seconds += evaluation }
        return (try run.run(arguments, now: { clock.seconds }), run)
    }

    @Test func theScheduleEndsWithTheTime() throws {
        let arguments = arguments("out", seconds: 40, steps: 100)
        let (outcome, run) = try run(arguments)
        #expect(outcome.step == 40 && outcome.reason == .finished && outcome.timeLimit == 40)
        #expect(outcome.seconds == 40)
        // Forty steps are planned after the first, which is when the pace is known.
        #expect(run.planned == [40] && run.evaluated == [40])
        let (before, after) = (
            try arguments.makeSchedule(totalSteps: 100), try arguments.makeSchedule(totalSteps: 40)
        )
        let rates = [before.learningRate(at: 0)] + (1..<40).map { after.learningRate(at: $0) }
        #expect(run.logged.map(\.learningRate) == rates)
    }

    @Test func enoughTimeChangesNothing() throws {
        let (limited, run) = try run(arguments("limited", seconds: 1000, steps: 10))
        let (free, other) = try self.run(arguments("free", seconds: 0, steps: 10))
        #expect(limited.step == 10 && limited.timeLimit == nil && free.timeLimit == nil)
        #expect(run.planned.isEmpty)
        #expect(run.logged.map(\.learningRate) == other.logged.map(\.learningRate))
        #expect(run.objective.values == other.objective.values)
    }

    /// After twenty steps each takes three times as long.
    @Test func aSlowerMachineDoesFewerSteps() throws {
        let clock = ManualClock()
        let (outcome, run) = try run(arguments("out", seconds: 60), clock) { $0 < 20 ? 1 : 3 }
        #expect(outcome.step == 33 && clock.seconds == 59)
        let rates = run.logged.map(\.learningRate)
        #expect(zip(rates, rates.dropFirst()).allSatisfy { $0 >= $1 }, "\(rates)")
        // The last step is the thirty-third of thirty-four that were planned before it.
        #expect(abs((rates.last ?? 1) - 0.05 * 2 / 34) < 1e-12)
    }

    @Test func aFasterMachineDoesMoreSteps() throws {
        let (outcome, run) = try run(arguments("out", seconds: 120)) { $0 < 20 ? 3 : 1 }
        #expect(outcome.step == 79)
        #expect(run.planned.first == 40 && run.planned.last == 79, "\(run.planned)")
        #expect(abs((run.logged.last?.learningRate ?? 1) - 0.05 / 79) < 1e-12)
    }

    /// The last evaluation is given the time that the longest took.
    @Test func evaluationsFitIntoTheTime() throws {
        let clock = ManualClock()
        var arguments = arguments("out", seconds: 60)
        arguments.evalSteps = 10
        let (outcome, run) = try run(arguments, clock, evaluation: 5)
        #expect(outcome.step == 39 && clock.seconds == 59)
        #expect(run.evaluated == [10, 20, 30, 39])
    }

    /// What is longer than the time is done once.
    @Test func oneStepIsAlwaysDone() throws {
        let (outcome, run) = try run(arguments("out", seconds: 5)) { _ in 60 }
        #expect(outcome.step == 1 && run.evaluated == [1] && run.logged.count == 1)
    }

    /// A run that was killed follows its plan on, by a clock that shows another time.
    @Test func aKilledRunGoesOn() throws {
        struct Kill: Error {}
        func slow(_ step: Int) -> Double { step < 20 ? 1 : 3 }
        func saving(_ name: String) -> TrainingArguments {
            var arguments = arguments(name, seconds: 60)
            arguments.saveSteps = 1
            return arguments
        }
        let (_, whole) = try run(saving("whole"), pace: slow)
        #expect(throws: Kill.self) {
            try run(saving("parts")) { step in
                if step == 25 { throw Kill() }
                return slow(step)
            }
        }
        let (outcome, second) = try run(saving("parts"), ManualClock(5000), pace: slow)
        #expect(second.logged.map(\.step) == Array(26...33) && outcome.timeLimit == 60)
        #expect(second.logged.map(\.learningRate) == whole.logged.suffix(8).map(\.learningRate))
        #expect(second.objective.values == whole.objective.values)
    }

    @Test func moreTimeMayBeAskedFor() throws {
        _ = try run(arguments("out", seconds: 40))
        let (same, nothing) = try run(arguments("out", seconds: 40), ManualClock(7))
        #expect(same.step == 40 && same.timeLimit == 40 && nothing.logged.isEmpty)
        let (outcome, more) = try run(arguments("out", seconds: 80), ManualClock(9))
        #expect(outcome.step == 80 && outcome.timeLimit == 80)
        let schedule = try arguments("out", seconds: 80).makeSchedule(totalSteps: 80)
        #expect(more.logged.map(\.learningRate) == (40..<80).map { schedule.learningRate(at: $0) })
        // Without a limit the steps decide.
        let (rest, last) = try run(arguments("out", seconds: 0, steps: 90))
        #expect(rest.step == 90 && rest.timeLimit == nil && last.logged.count == 10)
    }

    /// A warm-up that is longer than the run takes half of it.
    @Test(arguments: LearningRateSchedule.names) func warmUpLeavesRoom(name: String) throws {
        var arguments = arguments("out", seconds: 6)
        arguments.lrSchedulerType = name
        arguments.warmupSteps = 100
        for steps in 1...30 { _ = try arguments.makeSchedule(totalSteps: steps) }
        #expect(try run(arguments).outcome.step == 6)
        arguments.lrSchedulerType = "linear"
        #expect(try arguments.makeSchedule(totalSteps: 20).learningRate(at: 10) == arguments.learningRate)
    }

    @Test(arguments: [-1.0, .nan, .infinity, 1e10]) func theTimeHasBounds(seconds: Double) throws {
        let error = #expect(throws: TrainingError.self) {
            try arguments("out", seconds: seconds).validate()
        }
        let text = error?.description ?? "-"
        #expect(
            text.hasPrefix("max_seconds is") && text.contains("from 0 (no limit) to 1000000000"),
            "\(text)"
        )
    }
}
