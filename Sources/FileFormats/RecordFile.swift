#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A file that grows at its end through a buffer and is read at any place.
///
/// Reading goes through the operating system's cache rather than a mapping, so the process's memory stays bounded
/// whatever the size of the file. Not Sendable: one owner uses it from one thread; a file to which nothing is written
/// may be read by several threads.
package final class RecordFile {
    /// The file.
    package let path: String
    /// The number of bytes written so far, those in the buffer included.
    package private(set) var count: Int
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private static let bufferLimit = 1 << 18

    /// Opens a file for reading and appending, and makes it where there is none.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - isTemporary: Whether it is empty at first and gone when the object goes, even after a crash.
    /// - Throws: `FileFormatError` when the operating system refuses.
    package convenience init(path: String, isTemporary: Bool = false) throws(FileFormatError) {
        try self.init(path, flags: O_RDWR | O_CREAT | (isTemporary ? O_EXCL : 0))
        if isTemporary { unlink(path) }
    }

    /// Opens a file that is there for reading alone.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` when the operating system refuses.
    package convenience init(reading path: String) throws(FileFormatError) {
        try self.init(path, flags: O_RDONLY)
    }

    private init(_ path: String, flags: Int32) throws(FileFormatError) {
        self.path = path
        descriptor = open(path, flags | O_CLOEXEC, 0o644)
        count = 0
        guard descriptor >= 0 else { throw Self.failure("open", path) }
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0 else { throw Self.failure("examine", path) }
        count = Int(size)
    }

    deinit { close(descriptor) }

    /// Keeps other processes out for as long as the file is open.
    package func lock() throws(FileFormatError) {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw FileFormatError(.inputOutput, path: path, "another process has this file open for writing")
        }
    }

    package func append(_ bytes: UnsafeRawBufferPointer) throws(FileFormatError) {
        buffer.append(contentsOf: bytes)
        count += bytes.count
        if buffer.count >= Self.bufferLimit { try flush() }
    }

    /// Hands the buffer to the operating system.
    package func flush() throws(FileFormatError) {
        var done = 0
        let start = count - buffer.count
        while done < buffer.count {
            let written = buffer.withUnsafeBytes { raw in
                pwrite(descriptor, raw.baseAddress.map { $0 + done }, raw.count - done, off_t(start + done))
            }
            if written < 0 {
                guard errno == EINTR else { throw Self.failure("write", path) }
                continue
            }
            done += written
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Makes everything durable.
    package func sync() throws(FileFormatError) {
        try flush()
        guard fsync(descriptor) == 0 else { throw Self.failure("sync", path) }
    }

    /// Cuts off everything after a number of bytes.
    package func truncate(_ size: Int) throws(FileFormatError) {
        try flush()
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw Self.failure("shorten", path) }
        count = size
    }

    /// Fills a buffer from a place; what lies in the write buffer must have been flushed.
    package func read(_ target: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileFormatError) {
        var done = 0
        while done < target.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: target[done...])
            let read = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            if read < 0, errno == EINTR { continue }
            guard read >= 0 else { throw Self.failure("read", path) }
            guard read > 0 else {
                throw FileFormatError(
                    .truncated,
                    path: path,
                    at: .offset(offset + done),
                    "the file became shorter since it was written"
                )
            }
            done += read
        }
    }

    /// Tells the operating system that a range will soon be read, so that it may begin.
    package func announce(_ range: Range<Int>) {
        #if canImport(Glibc) || canImport(Musl)
        _ = posix_fadvise(descriptor, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_WILLNEED)
        #endif
    }

    private static func failure(_ action: String, _ path: String) -> FileFormatError {
        let number = errno
        let reason = String(cString: strerror(number))
        return FileFormatError(
            number == ENOENT ? .notFound : .inputOutput,
            path: path,
            "cannot \(action): \(reason)"
        )
    }
}
