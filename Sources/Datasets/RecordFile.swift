import YuyanFileFormats

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
/// whatever the size of the file. Not Sendable: one owner uses it from one thread.
final class RecordFile {
    let path: String
    /// The number of bytes written so far, those in the buffer included.
    private(set) var count: Int
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private static let bufferLimit = 1 << 18

    /// Opens a file for reading and appending, and makes it where there is none.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - isTemporary: Whether it is empty at first and gone when the object goes, even after a crash.
    /// - Throws: `FileFormatError` when the operating system refuses.
    init(path: String, isTemporary: Bool = false) throws(FileFormatError) {
        self.path = path
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | (isTemporary ? O_EXCL : 0)
        descriptor = open(path, flags, 0o644)
        count = 0
        guard descriptor >= 0 else { throw Self.failure("open", path) }
        if isTemporary { unlink(path) }
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0 else {
            close(descriptor)
            throw Self.failure("examine", path)
        }
        count = Int(size)
    }

    deinit { close(descriptor) }

    /// Keeps other processes out for as long as the file is open.
    func lock() throws(FileFormatError) {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw FileFormatError(.inputOutput, path: path, "another process has this file open for writing")
        }
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(FileFormatError) {
        buffer.append(contentsOf: bytes)
        count += bytes.count
        if buffer.count >= Self.bufferLimit { try flush() }
    }

    /// Hands the buffer to the operating system.
    func flush() throws(FileFormatError) {
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
    func sync() throws(FileFormatError) {
        try flush()
        guard fsync(descriptor) == 0 else { throw Self.failure("sync", path) }
    }

    /// Cuts off everything after a number of bytes.
    func truncate(_ size: Int) throws(FileFormatError) {
        try flush()
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw Self.failure("shorten", path) }
        count = size
    }

    /// Fills a buffer from a place; what lies in the write buffer must have been flushed.
    func read(_ target: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileFormatError) {
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
