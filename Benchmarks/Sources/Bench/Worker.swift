import Foundation
import YuyanModels

/// The side that works: reads lines, does what they say, answers each with one line.
///
/// Peers speak the same way:
/// - `prepare <specification>`: makes the workload and runs it once; answers `ok` or `no <reason>`.
/// - `measure <seconds>`: runs it until the time is over, at least once; answers the median time of a run in seconds.
/// - `memory`: answers the most memory this process has had in use, in bytes.
enum Worker {
    static func serve() {
        var workload: (any Workload)?
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            switch words.first {
            case "prepare":
                workload = nil
                do {
                    workload = try make(Array(words.dropFirst()))
                    workload?.run()
                    answer("ok")
                } catch {
                    answer("no \(error)")
                }
            case "measure":
                guard let workload, words.count == 2, let seconds = Double(words[1]) else {
                    answer("no workload is prepared, or the time is missing")
                    continue
                }
                answer("\(median(times(workload, seconds: seconds)))")
            case "memory": answer("\(peakResidentBytes())")
            default: answer("no such line: \(line)")
            }
        }
    }

    private static func answer(_ line: String) {
        print(line)
        fflush(nil)
    }

    static func make(_ words: [String]) throws -> any Workload {
        if words.count == 3, words[0] == "train" || words[0] == "decode" {
            let dtype = try DType(benchmark: words[2])
            let size = try ModelSize.named(words[1])
            return words[0] == "train"
                ? try TrainingWorkload(size, dtype: dtype) : try DecodeWorkload(size, dtype: dtype)
        }
        if words.first == "textcnn" || words.first == "encoder" { return try ClassifierWorkload(words) }
        if words.first == "sequence" { return try SequenceWorkload(words) }
        if words.first == "latency" { return try LatencyWorkload(words) }
        if words.first == "bilstm" { return try RecurrentWorkload(words) }
        guard let workload = try KernelWorkloads.make(words) else {
            throw BenchError("«\(words.joined(separator: " "))» is no benchmark")
        }
        return workload
    }

    /// Whether times are those that the processor gave this process and not those on the wall.
    private static let countsProcessorTime = ProcessInfo.processInfo.environment["BENCH_CLOCK"] == "processor"

    /// The time at this moment, in seconds.
    static func now() -> Double {
        var time = timespec()
        clock_gettime(countsProcessorTime ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
    }

    /// The time of one run, in seconds.
    static func time(_ workload: any Workload) -> Double {
        let start = now()
        workload.run()
        return now() - start
    }

    /// Times runs until their sum is reached, at least one.
    static func times(_ workload: any Workload, seconds: Double) -> [Double] {
        var times: [Double] = []
        var sum = 0.0
        repeat {
            let time = Worker.time(workload)
            times.append(time)
            sum += time
        } while sum < seconds
        return times
    }

    /// The high-water mark of resident memory.
    private static func peakResidentBytes() -> Int {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return 0 }
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let words = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }) ?? []
        return words.count > 1 ? (Int(words[1]) ?? 0) * 1024 : 0
    }
}

/// The middle of some numbers; the mean of the two in the middle of an even count.
func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard let last = sorted.last else { return .nan }
    let middle = sorted.count / 2
    if sorted.count == 1 { return last }
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
