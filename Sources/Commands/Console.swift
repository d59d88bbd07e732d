import Foundation
import YuyanFileFormats
import YuyanTasks
import YuyanTraining

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What commands print: results on standard output, progress and notes on standard error.
///
/// A progress bar is drawn on a terminal only, with colours unless `NO_COLOR` is set; elsewhere there is one line per
/// log interval. With `logsJSON` every event is one JSON object on standard output instead.
final class Console {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let usesColor =
        isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
    private let logsJSON: Bool
    private var barIsShown = false
    private var lastBar = ContinuousClock.now - .seconds(1)

    init(logsJSON: Bool = false) {
        self.logsJSON = logsJSON
    }

    /// A line on standard error.
    func note(_ text: String) {
        if logsJSON {
            json([("event", .string("note")), ("message", .string(text))])
            return
        }
        clearBar()
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    /// A heading on standard error.
    func heading(_ text: String) {
        note(usesColor ? "\u{1B}[1m\(text)\u{1B}[0m" : text)
    }

    /// A line that says how far a long step is: replaced in place on a terminal, printed now and then elsewhere.
    func status(_ text: @autoclosure () -> String) {
        guard isTerminal, !logsJSON else { return }
        let now = ContinuousClock.now
        guard now - lastBar >= .milliseconds(100) else { return }
        lastBar = now
        FileHandle.standardError.write(Data("\r\u{1B}[K\(text())".utf8))
        barIsShown = true
    }

    /// How far a long job is: in place on a terminal, a line elsewhere, or an object of `members`.
    func progress(_ text: String, _ members: [(String, JSONValue)]) {
        if logsJSON {
            json(members)
        } else if isTerminal {
            status(text)
        } else {
            note(text)
        }
    }

    /// Shows a training event.
    func show(_ event: TrainingEvent) {
        switch event {
        case .started(let step, let maxSteps):
            note(step == 0 ? "training \(maxSteps) steps" : "going on from step \(step) of \(maxSteps)")
        case .limited(let plan, let secondsUsed): limited(plan, secondsUsed)
        case .planned(let step, let maxSteps):
            if logsJSON {
                json([
                    ("event", .string("planned")), ("step", .integer(step)),
                    ("max_steps", .integer(maxSteps)),
                ])
            }
        case .progress(let progress): status(Self.bar(progress))
        case .logged(let entry): logged(entry)
        case .evaluating: status("evaluating …")
        case .evaluated(let step, let metrics, let isBest): evaluated(step, metrics, isBest)
        case .saved(let step, let folder):
            if logsJSON {
                json([("event", .string("saved")), ("step", .integer(step)), ("folder", .string(folder))])
            }
        case .warning(let text): note("warning: \(text)")
        case .ended(let outcome): ended(outcome)
        }
    }

    private func limited(_ plan: TimePlan, _ secondsUsed: Double) {
        if logsJSON {
            json([
                ("event", .string("limited")), ("max_seconds", .number(plan.maxSeconds)),
                ("seconds_used", .number(secondsUsed)), ("max_steps", .integer(plan.mostSteps)),
            ])
            return
        }
        let used = secondsUsed < 1 ? "" : ", of which \(Self.duration(secondsUsed)) are used"
        note(
            "as many of them as fit into \(Self.duration(plan.maxSeconds))\(used); the learning rate follows the clock"
        )
    }

    private func logged(_ entry: TrainingLogEntry) {
        if logsJSON {
            json([
                ("event", .string("train")), ("step", .integer(entry.step)), ("epoch", .number(entry.epoch)),
                ("loss", .number(entry.loss)), ("learning_rate", .number(entry.learningRate)),
                ("grad_norm", .number(entry.gradNorm)), ("tokens_per_second", .number(entry.tokensPerSecond)),
                ("peak_share", .number(entry.peakShare)),
            ])
        } else if !isTerminal {
            note(
                "step \(entry.step)  loss \(Self.fixed(entry.loss, 4))  lr \(Self.short(entry.learningRate))  "
                    + "|g| \(Self.fixed(entry.gradNorm, 3))  \(Int(entry.tokensPerSecond)) tokens/s  "
                    + "\(Int((entry.peakShare * 100).rounded())) % of peak"
            )
        }
    }

    private func evaluated(_ step: Int, _ metrics: [String: Double], _ isBest: Bool) {
        if logsJSON {
            let values = metrics.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.number($0.value)) }
            json(
                [("event", .string("eval")), ("step", .integer(step))] + values + [("is_best", .bool(isBest))]
            )
            return
        }
        let values = metrics.sorted { $0.key < $1.key }.map { "\($0.key) \(Self.fixed($0.value, 4))" }
        note("step \(step)  \(values.joined(separator: "  "))\(isBest ? "  (best)" : "")")
    }

    private func ended(_ outcome: TrainingOutcome) {
        let reason =
            switch outcome.reason {
            case .finished:
                outcome.timeLimit.map { "finished as its time (\(Self.duration($0))) was over" } ?? "finished"
            case .stoppedEarly: "stopped early: no improvement"
            case .interrupted(let signal):
                "stopped by signal \(signal); the state is saved, the same command goes on"
            }
        if logsJSON {
            json([
                ("event", .string("ended")), ("step", .integer(outcome.step)), ("reason", .string(reason)),
                ("seconds", .number(outcome.seconds)),
            ])
        } else {
            note("\(reason) after \(outcome.step) steps, \(Self.duration(outcome.seconds))")
        }
    }

    private func json(_ members: [(String, JSONValue)]) {
        let object = JSONObject(members)
        FileHandle.standardOutput.write(Data(JSONValue.object(object).printedBytes(indent: nil) + [10]))
    }

    private func clearBar() {
        guard barIsShown else { return }
        FileHandle.standardError.write(Data("\r\u{1B}[K".utf8))
        barIsShown = false
    }

    private static func bar(_ progress: TrainingProgress) -> String {
        let share = Double(progress.step) / Double(max(progress.maxSteps, 1))
        let width = 24
        let filled = Int(share * Double(width))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        return "\(String(format: "%3.0f", share * 100)) %|\(bar)| \(progress.step)/\(progress.maxSteps)  "
            + "loss \(fixed(progress.loss, 4))  \(Int(progress.tokensPerSecond)) tokens/s  "
            + "\(Int((progress.peakShare * 100).rounded())) % of peak  \(duration(progress.secondsLeft)) left"
    }

    /// A number with a fixed count of decimals.
    static func fixed(_ value: Double, _ decimals: Int) -> String { String(format: "%.\(decimals)f", value) }

    /// A number with three significant digits.
    static func short(_ value: Double) -> String { String(format: "%.3g", value) }

    /// Seconds as hours, minutes and seconds.
    static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite else { return "?" }
        let whole = Int(seconds.rounded())
        if whole >= 3600 { return "\(whole / 3600) h \(whole % 3600 / 60) min" }
        return whole >= 60 ? "\(whole / 60) min \(whole % 60) s" : "\(whole) s"
    }

    /// A count of bytes in a unit that fits.
    static func bytes(_ count: Int) -> String {
        readableBytes(count)
    }
}
