import CZlib
import YuyanFileFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Reads a file from its beginning, unpacking gzip on the way, and hashes the stored bytes.
///
/// Memory stays at one buffer, whatever the file unpacks to. Not Sendable: one reader uses it.
final class ByteStream {
    let path: String
    /// Whether the file is gzip, told by its first two bytes.
    let isCompressed: Bool
    /// The number of stored bytes read so far.
    private(set) var storedByteCount = 0

    private let descriptor: Int32
    private var hash: SHA256?
    private var input: [UInt8]
    private var inputRange = 0..<0
    private var isAtEnd = false
    private let stream: UnsafeMutablePointer<z_stream>?
    /// Whether a gzip member has begun and not ended.
    private var isInsideMember = false

    /// Opens a file; `hashes` asks for the SHA-256 of the stored bytes.
    init(path: String, hashes: Bool, bufferSize: Int = 1 << 17) throws {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("cannot open", path) }
        hash = hashes ? SHA256() : nil
        input = [UInt8](repeating: 0, count: max(bufferSize, 2))
        do {
            // Two bytes tell gzip from everything else.
            while inputRange.count < 2, try Self.fill(&input, &inputRange, descriptor, path) {}
        } catch {
            close(descriptor)
            throw error
        }
        isCompressed = inputRange.count >= 2 && input[0] == 0x1F && input[1] == 0x8B
        if isCompressed {
            let memory = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            memory.initialize(to: z_stream())
            stream = memory
            // 31 = any window (15) in gzip's wrapping (16).
            let size = Int32(MemoryLayout<z_stream>.size)
            require(inflateInit2_(memory, 31, ZLIB_VERSION, size) == Z_OK, "zlib: out of memory")
        } else {
            stream = nil
        }
        account()
    }

    deinit {
        close(descriptor)
        if let stream {
            inflateEnd(stream)
            stream.deallocate()
        }
    }

    /// The SHA-256 of the stored bytes in hexadecimal; the whole file's after the end was met.
    var digest: String? { hash?.hexDigest() }

    /// Reads up to `target.count` bytes of text; 0 means the end.
    func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        if target.isEmpty { return 0 }
        return isCompressed ? try inflateSome(into: target) : try readPlain(into: target)
    }

    private func readPlain(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        if inputRange.isEmpty, try !refill() { return 0 }
        let count = min(target.count, inputRange.count)
        input.withUnsafeBytes { bytes in
            let part = UnsafeRawBufferPointer(
                rebasing: bytes[inputRange.lowerBound..<inputRange.lowerBound + count]
            )
            target.copyMemory(from: part)
        }
        inputRange = inputRange.lowerBound + count..<inputRange.upperBound
        return count
    }

    private func inflateSome(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        guard let stream else { return 0 }
        stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(clamping: target.count)
        let room = Int(stream.pointee.avail_out)
        while Int(stream.pointee.avail_out) == room {
            if inputRange.isEmpty, try !refill() {
                if isInsideMember {
                    throw damaged(.truncated, "the gzip data end too early; the file was cut short")
                }
                return 0
            }
            if !isInsideMember, try !beginMember(stream) { continue }
            let status = input.withUnsafeMutableBufferPointer { bytes -> Int32 in
                stream.pointee.next_in = bytes.baseAddress.map { $0 + inputRange.lowerBound }
                stream.pointee.avail_in = UInt32(inputRange.count)
                return inflate(stream, Z_NO_FLUSH)
            }
            inputRange = inputRange.upperBound - Int(stream.pointee.avail_in)..<inputRange.upperBound
            switch status {
            case Z_OK, Z_BUF_ERROR: break
            case Z_STREAM_END: isInsideMember = false
            default:
                let reason = stream.pointee.msg.map { String(cString: $0) } ?? "status \(status)"
                throw damaged(.malformed, "the gzip data are damaged (\(reason))")
            }
        }
        return room - Int(stream.pointee.avail_out)
    }

    /// Makes ready for the next of several joined members; false after skipping zero padding.
    private func beginMember(_ stream: UnsafeMutablePointer<z_stream>) throws -> Bool {
        let first = input[inputRange.lowerBound]
        if storedByteCount > inputRange.count {
            // Padding with zeros after the last member is common on tapes and in archives.
            if first == 0 {
                inputRange = inputRange.lowerBound + 1..<inputRange.upperBound
                return false
            }
            guard first == 0x1F else {
                throw damaged(.malformed, "bytes follow the gzip data that are no gzip")
            }
        }
        let next = stream.pointee.next_out
        let room = stream.pointee.avail_out
        inflateReset(stream)
        stream.pointee.next_out = next
        stream.pointee.avail_out = room
        isInsideMember = true
        return true
    }

    private func damaged(_ code: FileFormatError.Code, _ message: String) -> FileFormatError {
        FileFormatError(code, path: path, at: .offset(storedByteCount - inputRange.count), message)
    }

    private func refill() throws -> Bool {
        if isAtEnd { return false }
        inputRange = 0..<0
        isAtEnd = try !Self.fill(&input, &inputRange, descriptor, path)
        account()
        return !isAtEnd
    }

    /// Counts and hashes the bytes just read.
    private func account() {
        storedByteCount += inputRange.count
        input.withUnsafeBytes { hash?.update(UnsafeRawBufferPointer(rebasing: $0[inputRange])) }
    }

    /// Reads once behind the bytes that are there; false at the end.
    private static func fill(
        _ input: inout [UInt8],
        _ range: inout Range<Int>,
        _ descriptor: Int32,
        _ path: String
    ) throws -> Bool {
        while true {
            let end = range.upperBound
            let count = input.withUnsafeMutableBytes { bytes in
                #if canImport(Glibc)
                Glibc.read(descriptor, bytes.baseAddress.map { $0 + end }, bytes.count - end)
                #elseif canImport(Musl)
                Musl.read(descriptor, bytes.baseAddress.map { $0 + end }, bytes.count - end)
                #else
                Darwin.read(descriptor, bytes.baseAddress.map { $0 + end }, bytes.count - end)
                #endif
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot read", path) }
            range = range.lowerBound..<end + count
            return count > 0
        }
    }

    /// The operating system's last refusal as an error.
    static func failure(_ action: String, _ path: String) -> FileFormatError {
        let number = errno
        let code: FileFormatError.Code = number == ENOENT ? .notFound : .inputOutput
        return FileFormatError(code, path: path, "\(action): \(String(cString: strerror(number)))")
    }
}
