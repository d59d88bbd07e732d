import Foundation
import YuyanModels

/// Where the time of a training step goes, door by door.
enum Profile {
    static func run(_ words: [String]) throws {
        let size = try ModelSize.named(words.first ?? "a")
        let name = words.count > 1 ? words[1] : "f32"
        guard let dtype = DType(rawValue: name), dtype == .f32 || dtype == .bf16 else {
            throw BenchError("the dtype \(name) is neither f32 nor bf16")
        }
        let steps = words.count > 2 ? Int(words[2]) ?? 0 : 3
        guard steps > 0 else { throw BenchError("the number of steps must be a positive whole number") }
        let backend = TimingBackend(standardBackend)
        let workload = try TrainingWorkload(size, dtype: dtype, backend: backend)
        workload.run()
        _ = backend.take()
        let times = Worker.times(workload, steps: steps)
        let whole = times.reduce(0, +) / Double(steps)
        let totals = backend.take().mapValues { ($0.calls / steps, $0.seconds / Double(steps)) }
        let doors = totals.values.reduce(0) { $0 + $1.1 }
        print("\(standardBackend.summary); config \(size.name), \(dtype), mean of \(steps) steps")
        print(
            String(
                format: "%.1f ms a step, %.0f tokens/s, loss %.4f",
                whole * 1e3,
                Double(size.tokensPerStep) / whole,
                workload.loss
            )
        )
        func row(_ share: Double, _ seconds: Double, _ calls: Int, _ name: String) {
            print(String(format: "%5.1f %% %9.2f ms %6d  ", 100 * share, seconds * 1e3, calls) + name)
        }
        let groups = Dictionary(grouping: totals, by: { $0.key.prefix { $0 != " " } })
        let sums = groups.mapValues { members in
            members.reduce((0, 0.0)) { ($0.0 + $1.value.0, $0.1 + $1.value.1) }
        }
        for (name, sum) in sums.sorted(by: { $0.value.1 > $1.value.1 }) {
            row(sum.1 / whole, sum.1, sum.0, String(name))
        }
        row((whole - doors) / whole, whole - doors, 0, "outside the doors")
        print("")
        for (name, total) in totals.sorted(by: { $0.value.1 > $1.value.1 }).prefix(40) {
            row(total.1 / whole, total.1, total.0, name)
        }
        let pool = standardBackend.pool.statistics
        print("pool: \(pool)")
    }
}

extension Worker {
    /// The times of a number of runs, in seconds.
    static func times(_ workload: any Workload, steps: Int) -> [Double] {
        let clock = ContinuousClock()
        return (0..<steps).map { _ in (clock.measure { workload.run() }).inSeconds }
    }
}
