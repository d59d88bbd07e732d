import Foundation

/// What is wrong with a dictionary, a model file or training sentences, where, and what would be right.
public struct SegmentationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of a failure, for programs; the message is for people.
    public enum Code: String, Sendable, Hashable {
        /// The file does not exist or is no regular file.
        case notFound = "not-found"
        /// The operating system refused to read or write.
        case inputOutput = "input-output"
        /// The file ends before what it announces.
        case truncated
        /// The content breaks the rules of its format.
        case malformed
        /// The content is of another kind or a newer version.
        case unsupported
        /// The content is larger than a stated bound.
        case limitExceeded = "limit-exceeded"
        /// The training sentences cannot be learned from.
        case unusableTraining = "unusable-training"
    }

    /// The kind of failure.
    public let code: Code
    /// The file concerned, when there is one.
    public let path: String?
    /// The place: a line, a byte or a sentence in words; nil when the whole is meant.
    public let place: String?
    /// What is wrong and what would be right.
    public let message: String

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - code: The kind of failure.
    ///   - path: The file concerned.
    ///   - place: The place in words, such as "line 3".
    ///   - message: What is wrong and what would be right.
    public init(_ code: Code, path: String? = nil, at place: String? = nil, _ message: String) {
        (self.code, self.path, self.place, self.message) = (code, path, place, message)
    }

    /// Path, place and message on one line.
    public var description: String {
        let location = [path, place].compactMap { $0 }.joined(separator: ", ")
        return location.isEmpty ? message : "\(location): \(message)"
    }

    /// The same error, said of a file.
    func inFile(_ path: String) -> SegmentationError {
        SegmentationError(code, path: self.path ?? path, at: place, message)
    }
}

/// Whole files for dictionaries and models; this module imports nothing of the house, so it reads by Foundation.
enum SegmentationFiles {
    /// The largest dictionary or model file that is read.
    static let limit = 1 << 30

    /// Reads a regular file of at most ``limit`` bytes.
    static func read(_ path: String) throws(SegmentationError) -> [UInt8] {
        let attributes: [FileAttributeKey: Any]
        do {
            let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
            attributes = try FileManager.default.attributesOfItem(atPath: resolved)
        } catch {
            throw SegmentationError(.notFound, path: path, "there is no such file")
        }
        guard attributes[.type] as? FileAttributeType == .typeRegular else {
            throw SegmentationError(.notFound, path: path, "this is no regular file; give a file")
        }
        let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
        guard size <= limit else {
            throw SegmentationError(.limitExceeded, path: path, "\(size) bytes; at most \(limit) are read")
        }
        do {
            return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw SegmentationError(.inputOutput, path: path, "cannot be read: \(error.localizedDescription)")
        }
    }

    /// Writes a file so that a crash leaves the old content or the new one.
    static func write(_ bytes: [UInt8], to path: String) throws(SegmentationError) {
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw SegmentationError(
                .inputOutput,
                path: path,
                "cannot be written: \(error.localizedDescription)"
            )
        }
    }
}
