import Foundation
import YuyanFileFormats

/// The checkpoints of a run: `checkpoint-<step>` folders, written so that a reader sees a whole one or none.
///
/// A checkpoint is written to a temporary folder, each file synced, then `complete.json` with the size and SHA-256 of
/// every file is written last, and the folder renamed; before one is removed it loses its name. Loading checks sizes and
/// sums and falls back to the newest checkpoint that is whole.
public struct CheckpointStore: Sendable {
    /// The run's folder.
    public let folder: String

    /// A checkpoint that was found.
    public struct Checkpoint: Sendable, Equatable {
        /// The steps done when it was written.
        public let step: Int
        /// Its folder.
        public let path: String
    }

    /// The file whose presence says that a checkpoint is whole.
    static let marker = "complete.json"
    private static let prefix = "checkpoint-"
    private static let temporaryPrefix = ".writing-"
    /// What follows the step in the name of a checkpoint that makes room for another one of its step.
    private static let beforeMark = "-before"

    /// The checkpoints below a run's folder.
    public init(folder: String) {
        self.folder = folder
    }

    /// All checkpoints with a completeness marker, the newest first; their contents are not checked.
    ///
    /// - Throws: When the run's folder exists and cannot be read.
    public func list() throws -> [Checkpoint] {
        let manager = FileManager.default
        guard manager.fileExists(atPath: folder) else { return [] }
        return try manager.contentsOfDirectory(atPath: folder).compactMap { name -> Checkpoint? in
            guard name.hasPrefix(Self.prefix), let step = Int(name.dropFirst(Self.prefix.count)) else {
                return nil
            }
            let path = "\(folder)/\(name)"
            return manager.fileExists(atPath: "\(path)/\(Self.marker)")
                ? Checkpoint(step: step, path: path) : nil
        }.sorted { $0.step > $1.step }
    }

    /// The folder of a step's checkpoint, whether it exists or not.
    public func path(step: Int) -> String { "\(folder)/\(Self.prefix)\(step)" }

    /// The newest checkpoint that is whole.
    ///
    /// - Parameter warn: Told of every newer one that is damaged, and why.
    /// - Returns: The checkpoint, or nil when there is none.
    /// - Throws: When the run's folder cannot be read.
    public func newestValid(warn: (String) -> Void) throws -> Checkpoint? {
        let found = try list()
        for (number, checkpoint) in found.enumerated() {
            guard let damage = damage(of: checkpoint.path) else {
                return checkpoint
            }
            let next =
                number + 1 < found.count
                ? "the checkpoint before it is looked at" : "there is none before it, so the run begins anew"
            warn("\(checkpoint.path) is damaged (\(damage)); \(next)")
        }
        return nil
    }

    /// What is wrong with a checkpoint's files, or nil when all are whole.
    public func damage(of path: String) -> String? {
        do {
            let marker = try JSONValue(contentsOf: "\(path)/\(Self.marker)")
            guard let files = marker.objectValue?["files"]?.objectValue else {
                return "\(Self.marker) does not list files"
            }
            for (name, value) in files {
                let file = "\(path)/\(name)"
                guard let size = value.objectValue?["size"]?.integerValue,
                    let sum = value.objectValue?["sha256"]?.stringValue
                else { return "\(Self.marker) has no size and sum for \(name)" }
                let actual = try MappedFile(path: file).count
                if actual != size { return "\(name) has \(actual) bytes instead of \(size)" }
                if try SHA256.hex(ofFile: file) != sum { return "\(name) does not have the recorded SHA-256" }
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// Writes a checkpoint.
    ///
    /// - Parameters:
    ///   - step: The steps done.
    ///   - write: Writes the files into the folder that it is given.
    /// - Returns: The checkpoint.
    /// - Throws: What `write` throws, or when the disk refuses; a checkpoint that was there before stays.
    @discardableResult
    public func save(step: Int, write: (String) throws -> Void) throws -> Checkpoint {
        let manager = FileManager.default
        let temporary = temporaryPath(step)
        let final = path(step: step)
        let aside = temporaryPath(step, Self.beforeMark)
        do {
            try removeIfPresent(temporary)
            try manager.createDirectory(atPath: temporary, withIntermediateDirectories: true)
            try write(temporary)
            var files = JSONObject()
            for name in try manager.contentsOfDirectory(atPath: temporary).sorted() {
                let file = "\(temporary)/\(name)"
                var entry = JSONObject()
                entry["size"] = .integer(try MappedFile(path: file).count)
                entry["sha256"] = .string(try SHA256.hex(ofFile: file))
                files[name] = .object(entry)
            }
            var marker = JSONObject()
            marker["step"] = .integer(step)
            marker["files"] = .object(files)
            try JSONValue.object(marker).write(to: "\(temporary)/\(Self.marker)")
            try SafeFile.syncFolder(temporary)
            // An older checkpoint of this step (from before a restart) makes room only now, in one move.
            try removeIfPresent(aside)
            if manager.fileExists(atPath: final) { try manager.moveItem(atPath: final, toPath: aside) }
            do {
                try manager.moveItem(atPath: temporary, toPath: final)
            } catch {
                if manager.fileExists(atPath: aside) { try manager.moveItem(atPath: aside, toPath: final) }
                throw error
            }
            try SafeFile.syncFolder(folder)
            try removeIfPresent(aside)
        } catch {
            try? manager.removeItem(atPath: temporary)
            throw TrainingError(
                "the checkpoint of step \(step) could not be written to \(folder): \(Self.reason(error)); "
                    + "earlier checkpoints are untouched"
            )
        }
        return Checkpoint(step: step, path: final)
    }

    /// Removes what killed runs left, and the oldest checkpoints beyond a limit.
    ///
    /// - Parameters:
    ///   - limit: How many stay, 0 for all.
    ///   - keep: A step that stays in any case (the best).
    ///   - current: The step of the checkpoint that was just written; a later one was passed over as damaged when the
    ///     run went on, and goes too.
    /// - Throws: When a folder cannot be removed.
    public func rotate(limit: Int, keep: Int?, current: Int) throws {
        for checkpoint in try list() where checkpoint.step > current { try remove(checkpoint) }
        try removeLeftovers()
        guard limit > 0 else { return }
        for checkpoint in try list().filter({ $0.step != keep }).dropFirst(limit) { try remove(checkpoint) }
    }

    /// Removes what killed runs left: saves and removals that were cut short.
    ///
    /// What another process writes at the moment has a temporary name with its number, and stays. A checkpoint has its
    /// marker for as long as it has its name; one without is a leftover where it holds nothing but files that the newest
    /// checkpoint has, and else another program's.
    ///
    /// - Throws: When a folder cannot be read or removed.
    package func removeLeftovers() throws {
        let manager = FileManager.default
        let names = try manager.contentsOfDirectory(atPath: folder)
        for name in names where name.hasPrefix(Self.temporaryPrefix) {
            let parts = name.dropFirst(Self.temporaryPrefix.count).split(separator: ".")
            let (mark, process) = (parts.first ?? "", parts.count > 1 ? Int(parts[1]) : nil)
            if let process, SystemCalls.isAnotherProcess(process) { continue }
            let path = "\(folder)/\(name)"
            if mark.hasSuffix(Self.beforeMark), let step = Int(mark.dropLast(Self.beforeMark.count)),
                !manager.fileExists(atPath: self.path(step: step))
            {
                // The save was killed between its two moves.
                try manager.moveItem(atPath: path, toPath: self.path(step: step))
            } else {
                try manager.removeItem(atPath: path)
            }
        }
        guard let whole = try list().first else { return }
        let known = Set(try manager.contentsOfDirectory(atPath: whole.path)).subtracting([Self.marker])
        for name in names
        where name.hasPrefix(Self.prefix) && Int(name.dropFirst(Self.prefix.count)) != nil {
            let path = "\(folder)/\(name)"
            // What is no folder is no checkpoint.
            guard let held = try? manager.contentsOfDirectory(atPath: path), known.isSuperset(of: held) else {
                continue
            }
            try manager.removeItem(atPath: path)
        }
    }

    /// The name of a step's folder that is being written or removed by this process.
    private func temporaryPath(_ step: Int, _ mark: String = "") -> String {
        "\(folder)/\(Self.temporaryPrefix)\(step)\(mark).\(SystemCalls.processIdentifier())"
    }

    private func remove(_ checkpoint: Checkpoint) throws {
        // The name goes first, in one move: a removal that is cut short leaves nothing that looks whole.
        let aside = temporaryPath(checkpoint.step, "-removed")
        try removeIfPresent(aside)
        try FileManager.default.moveItem(atPath: checkpoint.path, toPath: aside)
        try FileManager.default.removeItem(atPath: aside)
    }

    private func removeIfPresent(_ path: String) throws {
        if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
    }

    private static func reason(_ error: any Error) -> String {
        let cocoa = error as NSError
        if cocoa.domain == NSCocoaErrorDomain,
            let underlying = cocoa.userInfo[NSUnderlyingErrorKey] as? NSError
        {
            return String(cString: strerror(Int32(underlying.code)))
        }
        return "\(error)"
    }
}
