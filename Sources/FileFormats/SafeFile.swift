/// Reading whole files and writing them so that a crash leaves either the old file or the new one.
public enum SafeFile {
    /// Reads a whole file.
    ///
    /// - Parameters:
    ///   - path: A regular file.
    ///   - limit: The largest size accepted, in bytes.
    /// - Returns: The content.
    /// - Throws: `FileFormatError` when the file cannot be read or is larger than `limit`.
    public static func read(_ path: String, limit: Int = 1 << 31) throws(FileFormatError) -> [UInt8] {
        let descriptor = try SystemCalls.openForReading(path)
        defer { SystemCalls.closeQuietly(descriptor) }
        let size = try SystemCalls.size(descriptor, path)
        guard size <= limit else {
            throw FileFormatError(.limitExceeded, path: path, "\(size) bytes; at most \(limit) are read here")
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 1), alignment: 16)
        defer { buffer.deallocate() }
        var done = 0
        while done < size {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<size])
            let count = try SystemCalls.read(descriptor, into: rest, path)
            guard count > 0 else {
                throw FileFormatError(
                    .truncated,
                    path: path,
                    at: .offset(done),
                    "the file shrank while it was read"
                )
            }
            done += count
        }
        return Array(buffer[..<size])
    }

    /// Reads a whole UTF-8 file.
    ///
    /// - Parameters:
    ///   - path: A regular file.
    ///   - limit: The largest size accepted, in bytes.
    /// - Returns: The text.
    /// - Throws: `FileFormatError` when the file cannot be read or is not UTF-8.
    public static func readText(_ path: String, limit: Int = 1 << 31) throws(FileFormatError) -> String {
        let bytes = try read(path, limit: limit)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FileFormatError(
                .malformed,
                path: path,
                at: .offset(bytes.withUnsafeBytes { UTF8Validation.firstInvalidByte(in: $0) } ?? 0),
                "not valid UTF-8; convert the file to UTF-8"
            )
        }
        return text
    }

    /// Writes a file so that a crash leaves the old content or the new one, never a part.
    ///
    /// The bytes go to a temporary file in the same folder, which is synced, renamed over `path`, and the folder
    /// synced.
    ///
    /// - Parameters:
    ///   - bytes: The content.
    ///   - path: The file to make or replace.
    /// - Throws: `FileFormatError` when a step fails; the temporary file is then gone and `path` as it was.
    public static func write(_ bytes: some Sequence<UInt8>, to path: String) throws(FileFormatError) {
        let content = ContiguousArray(bytes)
        let file = try AtomicFile(path: path)
        try content.lendBytes { raw throws(FileFormatError) in try file.append(raw) }
        try file.commit()
    }

    /// Writes UTF-8 text atomically, as `write(_:to:)` does.
    ///
    /// - Parameters:
    ///   - text: The content.
    ///   - path: The file to make or replace.
    /// - Throws: `FileFormatError` when a step fails.
    public static func write(text: String, to path: String) throws(FileFormatError) {
        try write(text.utf8, to: path)
    }

    /// Makes the entries of a folder durable.
    ///
    /// - Parameter folder: The folder whose names were changed.
    /// - Throws: `FileFormatError` when the folder cannot be opened or synced.
    public static func syncFolder(_ folder: String) throws(FileFormatError) {
        let descriptor = try SystemCalls.openForReading(folder)
        defer { SystemCalls.closeQuietly(descriptor) }
        try SystemCalls.sync(descriptor, folder)
    }

    /// Refuses a path where no folder can be: an empty one, or one that is or lies in a file.
    ///
    /// - Parameter path: The folder, which need not exist.
    /// - Throws: `FileFormatError` naming the file that is in the way.
    public static func checkFolder(_ path: String) throws(FileFormatError) { _ = try missingFolders(path) }

    /// Makes a folder, and those above it, where it does not exist.
    ///
    /// - Parameter path: The folder.
    /// - Throws: `FileFormatError` saying why it cannot be made.
    public static func makeFolder(_ path: String) throws(FileFormatError) {
        for folder in try missingFolders(path).reversed() { try SystemCalls.makeFolder(folder) }
    }

    /// Puts a folder where another one may be, which is moved aside first, and back when that fails.
    ///
    /// - Parameters:
    ///   - folder: The name that the new folder gets.
    ///   - new: The new folder, on the same file system.
    ///   - old: Where a folder that is there goes, for the caller to remove; nothing may be there.
    /// - Throws: `FileFormatError` when a step fails; a folder that was there then has its name again.
    public static func replaceFolder(
        _ folder: String,
        by new: String,
        movingAsideTo old: String
    ) throws(FileFormatError) {
        let name = path(beside: folder, ending: "")
        guard SystemCalls.isFolder(name) != nil else { return try SystemCalls.rename(new, to: name) }
        try SystemCalls.rename(name, to: old)
        do throws(FileFormatError) {
            try SystemCalls.rename(new, to: name)
        } catch {
            try SystemCalls.rename(old, to: name)
            throw error
        }
    }

    /// A name beside a folder's.
    ///
    /// - Parameters:
    ///   - folder: The folder; it may end with `/`.
    ///   - ending: What follows the folder's name.
    /// - Returns: The name.
    public static func path(beside folder: String, ending: String) -> String {
        var name = folder[...]
        while name.count > 1, name.hasSuffix("/") { name.removeLast() }
        return String(name) + ending
    }

    /// A folder and those above it, as far as they do not exist.
    private static func missingFolders(_ path: String) throws(FileFormatError) -> [String] {
        guard !path.isEmpty else {
            throw FileFormatError(.missing, "the path of a folder is empty; name a folder")
        }
        var missing: [String] = []
        var place = path
        while true {
            if let isFolder = SystemCalls.isFolder(place) {
                guard isFolder else {
                    let reason = missing.isEmpty ? "" : ", and \(path) cannot be made in it"
                    throw FileFormatError(.mismatch, path: place, "is a file, not a folder\(reason)")
                }
                return missing
            }
            missing.append(place)
            let above = folder(of: place)
            guard above != place else { return missing }
            place = above
        }
    }

    /// The folder part of a path: "." for a bare name.
    static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// A file that appears under its name only when `commit()` succeeds.
///
/// Not Sendable: one writer uses it from one thread.
public final class AtomicFile {
    /// The final name.
    public let path: String
    private let temporaryPath: String
    private var descriptor: Int32

    /// Opens a temporary file beside `path`.
    ///
    /// - Parameter path: The final name.
    /// - Throws: `FileFormatError` when the folder is not writable.
    public init(path: String) throws(FileFormatError) {
        self.path = path
        let number = UInt32.random(in: 0...UInt32.max)
        temporaryPath = "\(path).\(SystemCalls.processIdentifier())-\(String(number, radix: 16)).tmp"
        descriptor = try SystemCalls.openForWriting(temporaryPath, flags: SystemCalls.exclusive)
    }

    /// Whether a name is that of a temporary file which no other process writes any more.
    ///
    /// - Parameter name: The name of a file in a folder where this process writes nothing at the moment.
    /// - Returns: False for names of other kinds, too.
    package static func isAbandoned(_ name: String) -> Bool {
        let parts = name.split(separator: ".")
        guard parts.count > 2, parts[parts.count - 1] == "tmp" else { return false }
        let marks = parts[parts.count - 2].split(separator: "-", omittingEmptySubsequences: false)
        guard marks.count == 2, let process = Int(marks[0]), UInt32(marks[1], radix: 16) != nil else {
            return false
        }
        return !SystemCalls.isAnotherProcess(process)
    }

    deinit {
        guard descriptor >= 0 else { return }
        SystemCalls.closeQuietly(descriptor)
        SystemCalls.removeQuietly(temporaryPath)
    }

    /// Writes bytes after those already written.
    ///
    /// - Parameter bytes: Any number of bytes.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(FileFormatError) {
        try SystemCalls.write(descriptor, bytes, temporaryPath)
    }

    /// Writes bytes at a position, leaving the append position alone.
    ///
    /// - Parameters:
    ///   - bytes: Any number of bytes.
    ///   - offset: The position from the beginning of the file.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileFormatError) {
        try SystemCalls.write(descriptor, bytes, at: offset, temporaryPath)
    }

    /// Syncs the content, gives the file its name and syncs the folder.
    ///
    /// Traps when called twice.
    ///
    /// - Throws: `FileFormatError` when a step fails; the temporary file is then removed.
    public func commit() throws(FileFormatError) {
        guard descriptor >= 0 else { fatalError("AtomicFile: \(path) was committed already") }
        try SystemCalls.sync(descriptor, temporaryPath)
        SystemCalls.closeQuietly(descriptor)
        descriptor = -1
        do throws(FileFormatError) {
            try SystemCalls.rename(temporaryPath, to: path)
        } catch {
            SystemCalls.removeQuietly(temporaryPath)
            throw error
        }
        try SafeFile.syncFolder(SafeFile.folder(of: path))
    }
}
