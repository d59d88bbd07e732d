import Foundation
import YuyanFileFormats

/// `train.jsonl`: one JSON object per log line and per evaluation, with TensorBoard events beside it.
///
/// When a run goes on from a checkpoint, lines of later steps are dropped first, so that the file reads as if the run
/// had never stopped.
package final class TrainingLog {
    let path: String
    private let handle: FileHandle
    private let events: TensorBoardWriter?

    /// Opens the log of a folder.
    ///
    /// - Parameters:
    ///   - folder: The run's folder.
    ///   - step: Lines of later steps are dropped.
    ///   - evaluationsUpTo: Evaluations of later steps are dropped.
    ///   - tensorboard: Whether TensorBoard's events are written, too.
    /// - Throws: When the folder cannot be written to.
    package init(folder: String, keepingStepsUpTo step: Int, evaluationsUpTo: Int, tensorboard: Bool) throws {
        path = "\(folder)/train.jsonl"
        try TrainingLog.trim(path, upTo: step, evaluationsUpTo: evaluationsUpTo)
        if !FileManager.default.fileExists(atPath: path),
            !FileManager.default.createFile(atPath: path, contents: nil)
        {
            throw TrainingError("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try handle.seekToEnd()
        if tensorboard {
            try SafeFile.makeFolder("\(folder)/tensorboard")
        }
        events = tensorboard ? try TensorBoardWriter(folder: "\(folder)/tensorboard") : nil
    }

    deinit { try? handle.close() }

    /// Appends a line and its scalars.
    ///
    /// - Parameters:
    ///   - step: The step.
    ///   - values: The scalars.
    ///   - group: What TensorBoard shows them under.
    /// - Throws: When the disk refuses.
    package func write(step: Int, _ values: [(key: String, value: Double)], group: String) throws {
        var object = JSONObject()
        object["step"] = .integer(step)
        for (key, value) in values where value.isFinite { object[key] = .number(value) }
        var line = JSONValue.object(object).printedBytes(indent: nil)
        line.append(10)
        do {
            try handle.write(contentsOf: line)
        } catch {
            throw TrainingError("\(path) cannot be written: \(error.localizedDescription)")
        }
        for (key, value) in values where key != "epoch" {
            try events?.add(scalar: Float(value), tag: "\(group)/\(key)", step: step)
        }
        try events?.flush()
    }

    private static func trim(_ path: String, upTo step: Int, evaluationsUpTo: Int) throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        let reader = try LineReader(path: path)
        var kept: [UInt8] = []
        while let line = try reader.nextBytes() {
            // A last line that a kill cut short is no JSON and is dropped.
            guard let object = try? JSONValue(parsing: line),
                let number = object.objectValue?["step"]?.integerValue,
                number <= (isEvaluation(object) ? min(step, evaluationsUpTo) : step)
            else { continue }
            kept += line
            kept.append(10)
        }
        try SafeFile.write(kept, to: path)
    }

    private static func isEvaluation(_ line: JSONValue) -> Bool {
        line.objectValue?.contains { $0.key.hasPrefix("eval_") } ?? false
    }
}
