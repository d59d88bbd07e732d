import Foundation
import Testing
import YuyanOptimizers

@Suite("Learning-rate schedules")
struct ScheduleTests {
    private func curve(
        _ name: String,
        warmup: LearningRateCurve.Warmup = .steps(0),
        total: Int = 100
    ) throws -> LearningRateCurve {
        var options = LearningRateCurve.Options()
        options.stepSize = 10
        options.minLrRate = name == "cosine_with_min_lr" ? 0.1 : nil
        return try LearningRateCurve(
            named: name,
            options: options,
            learningRate: 0.01,
            warmup: warmup,
            totalSteps: total
        )
    }

    @Test(
        "Every schedule rises from 0 through its warm-up and never leaves 0…1",
        arguments: LearningRateCurve.names
    )
    func warmup(_ name: String) throws {
        let curve = try curve(name, warmup: .steps(20))
        let factors = (0..<130).map { curve.factor(at: $0) }
        #expect(factors.allSatisfy { $0 >= 0 && $0 <= 1 })
        // One cycle reaches its peak on the last step of the rise.
        #expect(factors[name == "one_cycle" ? 19 : 20] == 1)
        for step in 0..<19 { #expect(factors[step] < factors[step + 1]) }
        if name != "one_cycle" {
            for step in 0..<20 { #expect(abs(factors[step] - Double(step) / 20) < 1e-15) }
        }
        let ratio = try self.curve(name, warmup: .ratio(0.195))
        #expect(ratio == curve)
        #expect(
            factors[120] == curve.factor(at: 121) || ["step", "exponential", "inverse_sqrt"].contains(name)
        )
    }

    @Test("Schedules of one step and of none are defined", arguments: LearningRateCurve.names)
    func short(_ name: String) throws {
        for total in 0...2 {
            let curve = try curve(name, total: total)
            for step in 0...3 { #expect(curve.factor(at: step).isFinite, "\(total) steps, step \(step)") }
        }
    }

    @Test("Schedules survive JSON", arguments: LearningRateCurve.names)
    func json(_ name: String) throws {
        let curve = try curve(name, warmup: .steps(3))
        #expect(try JSONDecoder().decode(LearningRateCurve.self, from: JSONEncoder().encode(curve)) == curve)
    }

    @Test("Unknown names and numbers outside their ranges are refused by name")
    func refusals() {
        func refusal(_ name: String, warmup: LearningRateCurve.Warmup = .steps(0), total: Int = 10) -> String
        {
            do {
                _ = try LearningRateSchedule(
                    named: name,
                    learningRate: 0.1,
                    warmup: warmup,
                    totalSteps: total
                )
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(refusal("cosin").contains("cosin") && refusal("cosin").contains("cosine_with_restarts"))
        #expect(refusal("step").contains("step_size"))
        #expect(refusal("cosine_with_min_lr").contains("min_lr"))
        #expect(refusal("linear", warmup: .steps(-1)).contains("warmup_steps"))
        #expect(refusal("linear", warmup: .ratio(1.5)).contains("warmup_ratio"))
        #expect(refusal("linear", warmup: .ratio(.nan)).contains("warmup_ratio"))
        #expect(refusal("linear", total: -1).contains("max_steps"))
        #expect(refusal("reduce_lr_on_plateau") == "")
        for name in LearningRateSchedule.names where name != "step" && name != "cosine_with_min_lr" {
            #expect(refusal(name) == "", "\(name)")
        }
    }

    @Test("A plateau goes on after its state is put back")
    func plateauState() throws {
        let metrics = [5.0, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3]
        func make() throws -> LearningRateSchedule {
            let plateau = try ReduceOnPlateau(learningRate: 0.1, factor: 0.5, patience: 1, cooldown: 1)
            return LearningRateSchedule(plateau, warmupSteps: 4)
        }
        let whole = try make()
        var rates: [Double] = []
        for (step, metric) in metrics.enumerated() {
            whole.observe(metric: metric, isBetterWhenGreater: false)
            rates.append(whole.learningRate(at: step))
        }
        #expect(rates.last.map { $0 < 0.1 } == true)
        #expect(rates[0] == 0)
        for cut in metrics.indices {
            let first = try make()
            for metric in metrics[..<cut] { first.observe(metric: metric, isBetterWhenGreater: false) }
            let state = try JSONDecoder().decode(
                [String: Double].self,
                from: JSONEncoder().encode(first.state)
            )
            let second = try make()
            try second.restore(state)
            for (step, metric) in metrics.enumerated().dropFirst(cut) {
                second.observe(metric: metric, isBetterWhenGreater: false)
                #expect(second.learningRate(at: step) == rates[step], "cut at \(cut), step \(step)")
            }
        }
        let schedule = try make()
        #expect(throws: OptimizerError.missingState(name: "schedule.learning_rate")) {
            try schedule.restore([:])
        }
        #expect(throws: OptimizerError.unexpectedState(name: "schedule.bets")) {
            try schedule.restore(schedule.state.merging(["bets": 1]) { $1 })
        }
        #expect(throws: OptimizerError.self) {
            try schedule.restore(schedule.state.merging(["bad_observations": 0.5]) { $1 })
        }
    }

    @Test("A curve needs no state")
    func curveState() throws {
        let schedule = try LearningRateSchedule(named: "cosine", learningRate: 0.1, totalSteps: 10)
        let before = schedule.learningRate(at: 3)
        schedule.observe(metric: 7, isBetterWhenGreater: true)
        #expect(schedule.state.isEmpty)
        try schedule.restore(schedule.state)
        #expect(schedule.learningRate(at: 3) == before)
        #expect(throws: OptimizerError.unexpectedState(name: "schedule.best")) {
            try schedule.restore(["best": 1])
        }
    }
}
