import Foundation
import YuyanModels

/// Where the time of a training step or of a decoded token goes, door by door.
enum Profile {
    static func run(_ words: [String]) throws {
        guard words.count >= 3, words[0] == "train" || words[0] == "decode" else {
            throw BenchError("profile wants train or decode, a model and a dtype\n\(usage)")
        }
        let size = try ModelSize.named(words[1])
        let dtype = try DType(benchmark: words[2])
        let isTraining = words[0] == "train"
        let steps = words.count > 3 ? Int(words[3]) ?? 0 : (isTraining ? 3 : 32)
        guard steps > 0 else { throw BenchError("the number of steps must be a positive whole number") }
        let backend = TimingBackend(standardBackend)
        let workload: any Workload =
            isTraining
            ? try TrainingWorkload(size, dtype: dtype, backend: backend)
            : try DecodeWorkload(size, dtype: dtype, backend: backend)
        workload.run()
        _ = backend.take()
        let times = (0..<steps).map { _ in Worker.time(workload) }
        let whole = times.reduce(0, +) / Double(steps)
        let totals = backend.take().mapValues { ($0.calls / steps, $0.seconds / Double(steps)) }
        let doors = totals.values.reduce(0) { $0 + $1.1 }
        print(
            "\(standardBackend.summary); config \(size.name), \(words[0]), \(dtype), mean of \(steps) steps"
        )
        let rate = (isTraining ? Double(size.tokensPerStep) : 1) / whole
        print(String(format: "%.2f ms a step, %.1f tokens/s", whole * 1e3, rate))
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
