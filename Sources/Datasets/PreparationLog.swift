import Foundation
import YuyanFileFormats
import YuyanTextProcessing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What the log says about a finished part of a preparation.
struct PartEntry: Sendable, Equatable {
    var segments = 0
    var tokens = 0
    /// Where the next part begins.
    var position = ReaderPosition()
    var tallies: [OperatorTally] = []
    /// The SHA-256 of the sources that were finished in this part, by number.
    var digests: [Int: String] = [:]
}

/// The working folder of a preparation: finished parts, and a log that says which they are.
///
/// A part counts once its line stands in the log, and its line is written after its files are safe on disk. So after
/// a kill at any moment the log names whole parts only; a line cut short is dropped.
///
/// Not Sendable: one preparation uses it from one thread. A lock keeps other processes out.
final class PreparationLog {
    let folder: String
    private(set) var parts: [PartEntry] = []
    private let width: TokenWidth
    private var lock: Int32 = -1
    private var log: Int32 = -1

    private var logPath: String { "\(folder)/log.jsonl" }

    /// Opens the working folder, keeping the finished parts of the same configuration and no others.
    init(folder: String, configuration: String, width: TokenWidth, operatorNames: [String]) throws {
        self.folder = folder
        self.width = width
        try SafeFile.makeFolder(folder)
        lock = try Self.openDescriptor("\(folder)/lock", O_RDWR | O_CREAT)
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let error = FileFormatError(
                .inputOutput,
                path: folder,
                "another process is preparing this data set"
            )
            close(lock)
            lock = -1
            throw error
        }
        log = try Self.openDescriptor(logPath, O_RDWR | O_CREAT | O_APPEND)
        let kept = try readLog(configuration: configuration, operatorNames: operatorNames)
        try removeOthers()
        guard ftruncate(log, off_t(kept)) == 0 else { throw ByteStream.failure("cannot shorten", logPath) }
        if kept == 0 { try append(line: ["configuration": .string(configuration)]) }
    }

    deinit {
        if log >= 0 { close(log) }
        if lock >= 0 { close(lock) }
    }

    func tokensPath(_ part: Int) -> String { "\(folder)/part-\(part).tokens" }
    /// The folder of the signatures by which near-duplicates are found, one for each kind of settings.
    func nearFolder(_ settings: String) -> String {
        "\(folder)/near-\(SHA256.hex(of: settings.utf8).prefix(16))"
    }
    func segmentsPath(_ part: Int) -> String { "\(folder)/part-\(part).segments" }

    /// Takes note of a part whose files are safe on disk.
    func finish(_ part: PartEntry) throws {
        try append(line: Self.json(part, number: parts.count))
        parts.append(part)
    }

    /// Removes the working folder.
    func remove() throws {
        do {
            try FileManager.default.removeItem(atPath: folder)
        } catch {
            throw FileFormatError(.inputOutput, path: folder, "cannot remove the working folder: \(error)")
        }
    }

    private static func openDescriptor(_ path: String, _ flags: Int32) throws -> Int32 {
        let descriptor = open(path, flags | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw ByteStream.failure("cannot open for writing", path) }
        return descriptor
    }

    /// Reads the finished parts; returns how many bytes of the log are right.
    private func readLog(configuration: String, operatorNames: [String]) throws -> Int {
        let bytes = try SafeFile.read(logPath)
        var kept = 0
        for (number, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
            .enumerated()
        {
            do {
                let members = JSONMembers(try JSONValue(parsing: line, path: logPath), path: logPath)
                if number == 0 {
                    guard try members.string("configuration") == configuration else { return 0 }
                } else {
                    let part = try Self.part(members, number: number - 1, operatorNames: operatorNames)
                    guard isComplete(part, number: number - 1) else { return kept }
                    parts.append(part)
                }
            } catch is FileFormatError {
                // A line that was being written when the process died; what came before it stands.
                return kept
            }
            kept += line.count + 1
        }
        return kept
    }

    private func isComplete(_ part: PartEntry, number: Int) -> Bool {
        func size(_ path: String) -> Int {
            var information = stat()
            return stat(path, &information) == 0 ? Int(information.st_size) : -1
        }
        return size(tokensPath(number)) == part.tokens * width.byteCount
            && size(segmentsPath(number)) == part.segments * SegmentRecord.byteCount
    }

    /// Removes files of parts that the log does not name.
    private func removeOthers() throws {
        var known: Set<String> = ["lock", "log.jsonl"]
        for part in parts.indices { known.formUnion(["part-\(part).tokens", "part-\(part).segments"]) }
        do {
            for name in try FileManager.default.contentsOfDirectory(atPath: folder)
            where !known.contains(name) && !name.hasPrefix("near-") {
                try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
            }
        } catch {
            throw FileFormatError(.inputOutput, path: folder, "cannot clear the working folder: \(error)")
        }
    }

    private func append(line: JSONValue) throws {
        let bytes = line.printedBytes(indent: nil) + [0x0A]
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                write(log, $0.baseAddress.map { $0 + done }, bytes.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw ByteStream.failure("cannot write", logPath) }
            done += count
        }
        guard fsync(log) == 0 else { throw ByteStream.failure("cannot sync", logPath) }
    }

    private static func json(_ part: PartEntry, number: Int) -> JSONValue {
        [
            "part": .integer(number), "segments": .integer(part.segments), "tokens": .integer(part.tokens),
            "source": .integer(part.position.source), "offset": .integer(part.position.offset),
            "line": .integer(part.position.line), "inside": .bool(part.position.isInsideDocument),
            "operators": .array(part.tallies.map { $0.json(signature: "") }),
            "digests": .array(
                part.digests.sorted { $0.key < $1.key }
                    .map { ["source": .integer($0.key), "sha256": .string($0.value)] }
            ),
        ]
    }

    private static func part(_ members: JSONMembers, number: Int, operatorNames: [String]) throws -> PartEntry
    {
        var part = PartEntry()
        guard try members.integer("part") == number else { throw members.wrong("part", "not \(number)") }
        part.segments = try members.integer("segments")
        part.tokens = try members.integer("tokens")
        part.position.source = try members.integer("source")
        part.position.offset = try members.integer("offset")
        part.position.line = try members.integer("line")
        part.position.isInsideDocument = try members.boolean("inside")
        part.tallies = try members.list("operators").map { try OperatorTally($0) }
        guard part.tallies.map(\.name) == operatorNames else {
            throw members.wrong("operators", "not those of this preparation")
        }
        for digest in try members.list("digests") {
            part.digests[try digest.integer("source")] = try digest.string("sha256")
        }
        return part
    }
}

/// Writes the files of one part.
struct PartWriter {
    var entry = PartEntry()
    /// The bytes of text that went into the part.
    private(set) var textBytes = 0
    private let tokens: AtomicFile
    private let segments: AtomicFile

    init(_ log: PreparationLog, tallies: [OperatorTally]) throws {
        tokens = try AtomicFile(path: log.tokensPath(log.parts.count))
        segments = try AtomicFile(path: log.segmentsPath(log.parts.count))
        entry.tallies = tallies
    }

    mutating func append(_ segment: ProcessedSegment, rawByteCount: Int) throws {
        try segment.packedTokens.withUnsafeBytes { try tokens.append($0) }
        var record: [UInt8] = []
        segment.record.append(to: &record)
        try record.withUnsafeBytes { try segments.append($0) }
        entry.segments += 1
        entry.tokens += segment.record.tokens
        textBytes += rawByteCount
    }

    /// Makes the files safe and names them in the log.
    func finish(_ log: PreparationLog) throws {
        try tokens.commit()
        try segments.commit()
        try log.finish(entry)
    }
}
