import YuyanFileFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The unread part of a file in one piece of memory, which grows to the longest record and no further.
///
/// Not Sendable: one reader uses it. Pointers into it hold until the next call that reads.
final class InputBuffer {
    /// The file.
    let path: String
    /// The longest record, in bytes.
    let limit: Int
    /// The line of the first unread byte, counted from 1.
    private(set) var line = 1
    /// The offset of the first unread byte in the unpacked file.
    private(set) var offset = 0
    /// Whether nothing follows the bytes that are here.
    private(set) var isAtEnd = false

    private let stream: ByteStream?
    private let mapped: MappedFile?
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var base: UnsafePointer<UInt8>
    private var start = 0
    private var end = 0

    /// The SHA-256 of the stored bytes, if it was asked for; the whole file's at the end.
    var digest: String? { stream?.digest }
    /// The stored bytes read so far.
    var storedByteCount: Int { stream?.storedByteCount ?? 0 }

    /// Opens a file, plain or gzip, and steps over its byte order mark.
    init(path: String, limit: Int, hashes: Bool = false) throws {
        self.path = path
        self.limit = limit
        stream = try ByteStream(path: path, hashes: hashes)
        mapped = nil
        capacity = 1 << 18
        memory = .allocate(capacity: capacity)
        base = UnsafePointer(memory)
        try fill()
        try skipMark()
    }

    /// Reads parts of a mapped file, which `move(to:)` chooses.
    init(mapping file: MappedFile, limit: Int) {
        path = file.path
        self.limit = limit
        stream = nil
        mapped = file
        capacity = 1
        memory = .allocate(capacity: 1)
        base = UnsafePointer(memory)
        isAtEnd = true
        move(to: 0..<0)
    }

    deinit { memory.deallocate() }

    /// Makes a range of the mapped file the unread part.
    func move(to range: Range<Int>) {
        guard let mapped else { return }
        mapped.withBytes { bytes in
            if let address = bytes.baseAddress {
                base = address.assumingMemoryBound(to: UInt8.self)
            }
        }
        (start, end, offset, line) = (range.lowerBound, range.upperBound, range.lowerBound, 1)
    }

    /// The unread bytes that are here.
    @inline(__always) var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: base + start, count: end - start)
    }

    /// Steps over bytes that hold so many line ends.
    @inline(__always) func consume(_ count: Int, lines: Int) {
        start += count
        offset += count
        line += lines
    }

    /// Brings more bytes.
    ///
    /// Unread bytes keep their places counted from the first. `what` says what is too long when the limit is passed.
    /// False at the end of the file.
    func more(_ what: @autoclosure () -> String) throws -> Bool {
        if isAtEnd { return false }
        try check(end - start, what())
        if start > 0, end > start { memmove(memory, memory + start, end - start) }
        (start, end) = (0, end - start)
        if end == capacity {
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * 2)
            larger.update(from: memory, count: end)
            memory.deallocate()
            (memory, capacity, base) = (larger, capacity * 2, UnsafePointer(larger))
        }
        let before = end
        try fill()
        return end > before
    }

    /// Refuses a record, at the beginning of the unread bytes, that is longer than the limit.
    @inline(__always)
    func check(_ count: Int, _ what: @autoclosure () -> String) throws {
        if count > limit { throw tooLong(what()) }
    }

    private func tooLong(_ what: String) -> FileFormatError {
        FileFormatError(
            .limitExceeded,
            path: path,
            at: .line(line, column: nil),
            "\(what) is longer than \(limit) bytes; correct the file or raise maximum_record_bytes"
        )
    }

    /// The next line without its end (LF, or CR LF), or nil at the end of the file.
    func nextLine() throws -> UnsafeBufferPointer<UInt8>? {
        var searched = 0
        while true {
            let unread = bytes
            if searched < unread.count, let first = unread.baseAddress,
                let found = memchr(first + searched, 0x0A, unread.count - searched)
            {
                let length = UnsafeRawPointer(found) - UnsafeRawPointer(first)
                return try takeLine(length, length + 1)
            }
            searched = unread.count
            if try more("the line") { continue }
            return bytes.isEmpty ? nil : try takeLine(bytes.count, bytes.count)
        }
    }

    private func takeLine(_ length: Int, _ count: Int) throws -> UnsafeBufferPointer<UInt8> {
        let unread = bytes
        try check(length, "the line")
        consume(count, lines: count - length)
        let hasReturn = length > 0 && unread[length - 1] == 0x0D
        return UnsafeBufferPointer(rebasing: unread[..<(hasReturn ? length - 1 : length)])
    }

    private func fill() throws {
        guard let stream else { return }
        while end < capacity {
            let room = UnsafeMutableRawBufferPointer(start: memory + end, count: capacity - end)
            let count = try stream.read(into: room)
            if count == 0 {
                isAtEnd = true
                return
            }
            end += count
        }
    }

    private func skipMark() throws {
        let head = bytes
        if head.count >= 3, head[0] == 0xEF, head[1] == 0xBB, head[2] == 0xBF { consume(3, lines: 0) }
        guard head.count >= 2 else { return }
        let isWide = head[0] == 0xFF && head[1] == 0xFE || head[0] == 0xFE && head[1] == 0xFF
        if isWide {
            throw FileFormatError(
                .unsupported,
                path: path,
                at: .offset(0),
                "the file is UTF-16; convert it to UTF-8"
            )
        }
    }
}
