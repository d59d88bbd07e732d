import Foundation
import YuyanFileFormats

/// How a file holds its documents.
public enum TextFormat: String, Sendable, CaseIterable, Codable {
    /// The whole file is one document.
    case plain
    /// Every line is a JSON object with one document in a column.
    case jsonLines
    /// Comma-separated values with a header, one document in a column of each row; only where it is asked for.
    case csv
    /// Tab-separated values with a header, one document in a column of each row; only where it is asked for.
    case tsv
    /// An array of JSON objects with one document in a column; only where it is asked for.
    case json

    /// The format that a file name tells: JSON lines for `.jsonl` and `.ndjson`, also before `.gz`; else plain.
    ///
    /// - Parameter path: the file's name.
    public init(path: String) {
        let name = path.lowercased()
        let bare = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
        self = bare.hasSuffix(".jsonl") || bare.hasSuffix(".ndjson") ? .jsonLines : .plain
    }

    /// The format of rows that are found by a scanner; nil for lines and whole files.
    var rows: DataFormat? {
        switch self {
        case .plain, .jsonLines: nil
        case .csv: .csv
        case .tsv: .tsv
        case .json: .json
        }
    }
}

/// A file of text to learn from.
public struct TextSource: Sendable, Hashable {
    /// The file.
    public let path: String
    /// How it holds its documents.
    public let format: TextFormat
    /// Its size as stored, in bytes.
    public let byteCount: Int
    /// When it was changed last, in nanoseconds since 1970.
    public let modified: Int
    /// Whether its documents are all for validation.
    public let isValidation: Bool
    /// The column of its rows that holds the text; nil is what the corpus says.
    public let textColumn: String?
    /// The number of the corpus's source that it belongs to.
    public let origin: Int
}

/// The files found for a corpus.
public struct SourceListing: Sendable, Hashable {
    /// The files in reading order.
    public let sources: [TextSource]
    /// The files of folders that were left out because they hold binary data.
    public let binaryFiles: [String]

    /// Finds the files of a corpus.
    ///
    /// A folder gives its files and those of its subfolders in the order of their paths' bytes, without hidden
    /// ones and without links to folders. Files named one by one keep their order and may be hidden.
    ///
    /// - Parameters:
    ///   - paths: files and folders.
    ///   - validationPaths: files and folders whose documents are all for validation.
    ///   - extensions: the endings that files of a folder must have, such as `["txt", "md"]`, `.gz` not counted;
    ///     nil takes all files.
    ///   - format: the format of all files; nil tells it by each file's name.
    ///   - excludedFolder: a folder inside the others that is passed over, such as the one for the results.
    /// - Throws: `FileFormatError` when a path does not exist, a named file is binary, or nothing is left.
    public init(
        paths: [String],
        validationPaths: [String] = [],
        extensions: Set<String>? = nil,
        format: TextFormat? = nil,
        excludedFolder: String? = nil
    ) throws {
        try self.init(
            paths.map { CorpusSource($0) },
            validationPaths: validationPaths,
            extensions: extensions,
            format: format,
            excludedFolder: excludedFolder
        )
    }

    /// Finds the files of a corpus whose sources have formats and columns of their own.
    ///
    /// - Parameters:
    ///   - corpus: files and folders.
    ///   - validationPaths: files and folders whose documents are all for validation.
    ///   - extensions: the endings that files of a folder must have; nil takes all files.
    ///   - format: the format of files of sources that name none; nil tells it by each file's name.
    ///   - excludedFolder: a folder inside the others that is passed over, such as the one for the results.
    /// - Throws: `FileFormatError` when a path does not exist, a named file is binary, or nothing is left.
    public init(
        _ corpus: [CorpusSource],
        validationPaths: [String] = [],
        extensions: Set<String>? = nil,
        format: TextFormat? = nil,
        excludedFolder: String? = nil
    ) throws {
        let excluded = excludedFolder.map(Self.standardized)
        var (sources, binaryFiles): ([TextSource], [String]) = ([], [])
        for (list, isValidation) in [(corpus, false), (validationPaths.map { CorpusSource($0) }, true)] {
            for (origin, entry) in list.enumerated() {
                let path = entry.path
                var isFolder: ObjCBool = false
                guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                    throw FileFormatError(.notFound, path: path, "there is no such file or folder")
                }
                let files = isFolder.boolValue ? try Self.files(in: path, extensions, excluded) : [path]
                if files.isEmpty {
                    let wanted =
                        extensions.map { " with the endings \($0.sorted().joined(separator: ", "))" } ?? ""
                    throw FileFormatError(.missing, path: path, "the folder holds no files\(wanted)")
                }
                for file in files {
                    if let problem = try Self.binaryProblem(file) {
                        guard isFolder.boolValue else { throw problem }
                        binaryFiles.append(file)
                        continue
                    }
                    sources.append(
                        try Self.source(
                            file,
                            format: entry.format ?? format ?? TextFormat(path: file),
                            isValidation: isValidation,
                            textColumn: entry.textColumn,
                            origin: origin
                        )
                    )
                }
            }
        }
        guard sources.contains(where: { !$0.isValidation }) else {
            let detail = binaryFiles.isEmpty ? "" : " (\(binaryFiles.count) binary files were left out)"
            throw FileFormatError(.missing, path: corpus.first?.path, "no text to learn from\(detail)")
        }
        self.sources = sources
        self.binaryFiles = binaryFiles
    }

    private static func standardized(_ path: String) -> String {
        URL(filePath: path, directoryHint: .isDirectory).standardizedFileURL.resolvingSymlinksInPath().path
    }

    private static func files(
        in folder: String,
        _ extensions: Set<String>?,
        _ excluded: String?
    ) throws -> [String] {
        var (found, pending): ([String], [String]) = ([], [folder])
        let wanted = extensions.map { Set($0.map { $0.lowercased() }) }
        while let current = pending.popLast() {
            if let excluded, standardized(current) == excluded { continue }
            let names: [String]
            do {
                names = try FileManager.default.contentsOfDirectory(atPath: current)
            } catch {
                throw FileFormatError(.inputOutput, path: current, "cannot list the folder: \(error)")
            }
            for name in names where !name.hasPrefix(".") {
                let path = current.hasSuffix("/") ? current + name : "\(current)/\(name)"
                let attributes = try Self.attributes(path)
                switch attributes[.type] as? FileAttributeType {
                case .typeDirectory?: pending.append(path)
                case .typeRegular?, .typeSymbolicLink?:
                    var isFolder: ObjCBool = false
                    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
                    if exists, !isFolder.boolValue, wanted?.contains(Self.fileExtension(name)) ?? true {
                        found.append(path)
                    }
                default: break
                }
            }
        }
        return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The ending of a name in lower case, `.gz` not counted.
    private static func fileExtension(_ name: String) -> String {
        let parts = name.lowercased().split(separator: ".", omittingEmptySubsequences: false).dropFirst()
        let bare = parts.last == "gz" && parts.count > 1 ? parts.dropLast() : parts
        return bare.last.map(String.init) ?? ""
    }

    private static func attributes(_ path: String) throws -> [FileAttributeKey: Any] {
        do {
            return try FileManager.default.attributesOfItem(atPath: path)
        } catch {
            throw FileFormatError(.inputOutput, path: path, "cannot look at the file: \(error)")
        }
    }

    private static func source(
        _ path: String,
        format: TextFormat,
        isValidation: Bool,
        textColumn: String?,
        origin: Int
    ) throws -> TextSource {
        let attributes = try Self.attributes(
            URL(filePath: path).resolvingSymlinksInPath().path(percentEncoded: false)
        )
        let date = attributes[.modificationDate] as? Date
        return TextSource(
            path: path,
            format: format,
            byteCount: (attributes[.size] as? NSNumber)?.intValue ?? 0,
            modified: Int(((date?.timeIntervalSince1970 ?? 0) * 1e9).rounded()),
            isValidation: isValidation,
            textColumn: textColumn,
            origin: origin
        )
    }

    /// Why a file is taken for binary: a zero byte among its first 8,192.
    private static func binaryProblem(_ path: String) throws -> FileFormatError? {
        let stream = try ByteStream(path: path, hashes: false, bufferSize: 8192)
        var head = [UInt8](repeating: 0, count: 8192)
        var filled = 0
        while filled < head.count {
            let count = try head.withUnsafeMutableBytes {
                try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
            }
            if count == 0 { break }
            filled += count
        }
        guard let place = head[..<filled].firstIndex(of: 0) else { return nil }
        let isWide = head[0] == 0xFF && head[1] == 0xFE || head[0] == 0xFE && head[1] == 0xFF
        let hint = isWide ? "it is UTF-16; convert it to UTF-8" : "text has no zero bytes"
        return FileFormatError(.unsupported, path: path, at: .offset(place), "the file looks binary: \(hint)")
    }
}
