#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Thin wrappers around the system calls this module needs, each throwing an error with the path.
package enum SystemCalls {
    /// Open flag: fail when the file exists.
    static var exclusive: Int32 { O_EXCL }
    /// Open flag: empty an existing file.
    static var truncating: Int32 { O_TRUNC }
    /// Open flag: every write goes to the end.
    static var appending: Int32 { O_APPEND }

    /// An error for the present `errno`.
    static func failure(_ action: String, _ path: String) -> FileFormatError {
        let number = errno
        let reason = String(cString: strerror(number))
        let code: FileFormatError.Code = number == ENOENT ? .notFound : .inputOutput
        return FileFormatError(code, path: path, "cannot \(action): \(reason)")
    }

    static func openForReading(_ path: String) throws(FileFormatError) -> Int32 {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", path) }
        return descriptor
    }

    static func openForWriting(_ path: String, flags: Int32) throws(FileFormatError) -> Int32 {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0o644)
        guard descriptor >= 0 else { throw failure("create", path) }
        return descriptor
    }

    /// The size in bytes of an open regular file.
    static func size(_ descriptor: Int32, _ path: String) throws(FileFormatError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("examine", path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FileFormatError(.unsupported, path: path, "not a regular file")
        }
        return Int(status.st_size)
    }

    /// Reads up to `buffer.count` bytes; 0 means the end of the file.
    static func read(
        _ descriptor: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        _ path: String
    ) throws(FileFormatError) -> Int {
        while true {
            #if canImport(Glibc)
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            #elseif canImport(Musl)
            let count = Musl.read(descriptor, buffer.baseAddress, buffer.count)
            #else
            let count = Darwin.read(descriptor, buffer.baseAddress, buffer.count)
            #endif
            if count >= 0 { return count }
            guard errno == EINTR else { throw failure("read", path) }
        }
    }

    /// Writes all bytes at the present position.
    static func write(
        _ descriptor: Int32,
        _ bytes: UnsafeRawBufferPointer,
        _ path: String
    ) throws(FileFormatError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            #if canImport(Glibc)
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            #elseif canImport(Musl)
            let count = Musl.write(descriptor, rest.baseAddress, rest.count)
            #else
            let count = Darwin.write(descriptor, rest.baseAddress, rest.count)
            #endif
            if count < 0 {
                guard errno == EINTR else { throw failure("write", path) }
                continue
            }
            done += count
        }
    }

    /// Writes all bytes at an absolute position.
    static func write(
        _ descriptor: Int32,
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int,
        _ path: String
    ) throws(FileFormatError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            if count < 0 {
                guard errno == EINTR else { throw failure("write", path) }
                continue
            }
            done += count
        }
    }

    static func sync(_ descriptor: Int32, _ path: String) throws(FileFormatError) {
        guard fsync(descriptor) == 0 else { throw failure("sync", path) }
    }

    static func closeQuietly(_ descriptor: Int32) {
        _ = close(descriptor)
    }

    static func rename(_ old: String, to new: String) throws(FileFormatError) {
        #if canImport(Glibc)
        let status = Glibc.rename(old, new)
        #elseif canImport(Musl)
        let status = Musl.rename(old, new)
        #else
        let status = Darwin.rename(old, new)
        #endif
        guard status == 0 else { throw failure("rename '\(old)' to this name", new) }
    }

    /// Whether a folder is at a path; nil when nothing is there.
    static func isFolder(_ path: String) -> Bool? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// Makes a folder in one that exists; nothing to do where another process was faster.
    static func makeFolder(_ path: String) throws(FileFormatError) {
        guard mkdir(path, 0o777) != 0 else { return }
        let error = failure("make this folder", path)
        guard isFolder(path) == true else { throw error }
    }

    static func removeQuietly(_ path: String) {
        _ = unlink(path)
    }

    /// Maps a whole file read-only; nil for an empty file.
    static func map(
        _ descriptor: Int32,
        count: Int,
        _ path: String
    ) throws(FileFormatError) -> UnsafeRawPointer? {
        guard count > 0 else { return nil }
        let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else { throw failure("map", path) }
        return UnsafeRawPointer(address)
    }

    static func unmap(_ address: UnsafeRawPointer, count: Int) {
        _ = munmap(UnsafeMutableRawPointer(mutating: address), count)
    }

    /// Takes the pages of a mapping out of the process's memory; what is asked for again comes from the file.
    static func releasePages(_ address: UnsafeRawPointer, count: Int) {
        _ = madvise(UnsafeMutableRawPointer(mutating: address), count, MADV_DONTNEED)
    }

    package static func processIdentifier() -> Int { Int(getpid()) }

    /// Whether a process other than this one lives.
    ///
    /// - Parameter process: Its number, which this process may have been given since the other one ended.
    /// - Returns: False for this process.
    package static func isAnotherProcess(_ process: Int) -> Bool {
        guard let number = pid_t(exactly: process), number > 0, process != processIdentifier() else {
            return false
        }
        return kill(number, 0) == 0 || errno == EPERM
    }

    static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return name.isEmpty ? "localhost" : name
    }

    /// Seconds since 1970.
    static func wallTime() -> Double {
        var now = timespec()
        _ = clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
    }
}

extension ContiguousBytesHolder {
    /// `withUnsafeBytes` that keeps the error's type.
    func lendBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(FileFormatError) -> Result
    ) throws(FileFormatError) -> Result {
        try withUnsafeBytes { raw -> Swift.Result<Result, FileFormatError> in
            do throws(FileFormatError) {
                return .success(try body(raw))
            } catch {
                return .failure(error)
            }
        }.get()
    }
}

/// What arrays have in common here.
protocol ContiguousBytesHolder {
    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
}

extension Array: ContiguousBytesHolder {}
extension ContiguousArray: ContiguousBytesHolder {}
