#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Reads a file line by line with bounded memory.
///
/// A line ends at LF; a CR before it is dropped too. The last line needs no LF. Memory stays near the longest line, and
/// a line longer than the limit is an error rather than an allocation.
///
/// Not Sendable: one reader uses it from one thread.
public final class LineReader {
    /// The file.
    public let path: String
    /// The longest line accepted, in bytes without its end.
    public let maximumLineLength: Int
    /// The number of the line returned last, counted from 1; 0 before the first.
    public private(set) var lineNumber = 0
    /// The byte offset, from the beginning of the file, of the line returned last.
    public private(set) var lineOffset = 0

    private let descriptor: Int32
    private let ownsDescriptor: Bool
    private var buffer: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    private var bufferOffset = 0
    private var atEnd = false

    /// Opens a file.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - maximumLineLength: The longest line accepted, in bytes.
    /// - Throws: `FileFormatError` when the file cannot be opened.
    public convenience init(path: String, maximumLineLength: Int = 64 << 20) throws(FileFormatError) {
        let descriptor = try SystemCalls.openForReading(path)
        self.init(descriptor: descriptor, owned: true, name: path, maximumLineLength: maximumLineLength)
    }

    /// Reads an open descriptor, such as standard input; it is left open.
    ///
    /// - Parameters:
    ///   - descriptor: A descriptor open for reading.
    ///   - name: What errors call it.
    ///   - maximumLineLength: The longest line accepted, in bytes.
    public convenience init(descriptor: Int32, name: String, maximumLineLength: Int = 64 << 20) {
        self.init(descriptor: descriptor, owned: false, name: name, maximumLineLength: maximumLineLength)
    }

    private init(descriptor: Int32, owned: Bool, name: String, maximumLineLength: Int) {
        self.descriptor = descriptor
        ownsDescriptor = owned
        path = name
        self.maximumLineLength = max(maximumLineLength, 0)
        buffer = .allocate(byteCount: 1 << 16, alignment: 16)
    }

    deinit {
        buffer.deallocate()
        if ownsDescriptor { SystemCalls.closeQuietly(descriptor) }
    }

    /// Lends the next line.
    ///
    /// - Parameter body: Reads the bytes, without the line's end; the pointer must not leave it.
    /// - Returns: What `body` returns, or nil at the end of the file.
    /// - Throws: `FileFormatError` when reading fails or the line is too long, and what `body` throws.
    public func withNextLine<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result? {
        guard let range = try advance() else { return nil }
        return try body(UnsafeRawBufferPointer(rebasing: buffer[range]))
    }

    /// The next line's bytes, without the line's end.
    ///
    /// - Returns: nil at the end of the file.
    /// - Throws: `FileFormatError` when reading fails or the line is too long.
    public func nextBytes() throws(FileFormatError) -> [UInt8]? {
        guard let range = try advance() else { return nil }
        return Array(buffer[range])
    }

    /// The next line as text.
    ///
    /// - Returns: nil at the end of the file.
    /// - Throws: `FileFormatError` when reading fails, or the line is too long or not UTF-8.
    public func nextLine() throws(FileFormatError) -> String? {
        guard let range = try advance() else { return nil }
        let line = UnsafeRawBufferPointer(rebasing: buffer[range])
        guard let text = String(validating: line, as: UTF8.self) else {
            let column = (UTF8Validation.firstInvalidByte(in: line) ?? 0) + 1
            throw FileFormatError(
                .malformed,
                path: path,
                at: .line(lineNumber, column: column),
                "not valid UTF-8; convert the file to UTF-8"
            )
        }
        return text
    }

    /// Finds the next line in the buffer, reading as needed.
    private func advance() throws(FileFormatError) -> Range<Int>? {
        var searched = start
        while true {
            if let newline = findNewline(from: searched) {
                return try take(upTo: newline, next: newline + 1)
            }
            searched = end
            // One byte more than the limit may be a CR before an LF still unread.
            guard end - start <= maximumLineLength + 1 else { throw tooLong() }
            if atEnd {
                return start < end ? try take(upTo: end, next: end) : nil
            }
            searched -= try fill()
        }
    }

    private func findNewline(from position: Int) -> Int? {
        guard position < end, let base = buffer.baseAddress else { return nil }
        guard let found = memchr(base + position, 10, end - position) else { return nil }
        return found - base
    }

    private func take(upTo lineEnd: Int, next: Int) throws(FileFormatError) -> Range<Int> {
        let hasReturn = next > lineEnd && lineEnd > start && buffer[lineEnd - 1] == 13
        let range = start..<(hasReturn ? lineEnd - 1 : lineEnd)
        guard range.count <= maximumLineLength else { throw tooLong() }
        lineOffset = bufferOffset + start
        lineNumber += 1
        start = next
        return range
    }

    private func tooLong() -> FileFormatError {
        FileFormatError(
            .limitExceeded,
            path: path,
            at: .line(lineNumber + 1, column: nil),
            "the line is longer than \(maximumLineLength) bytes; break it up or raise the limit"
        )
    }

    /// Makes room and reads once; returns by how much the content moved down.
    private func fill() throws(FileFormatError) -> Int {
        let moved = start
        if start > 0 {
            if let base = buffer.baseAddress { memmove(base, base + start, end - start) }
            bufferOffset += start
            end -= start
            start = 0
        }
        if end == buffer.count {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: buffer.count * 2, alignment: 16)
            larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
            buffer.deallocate()
            buffer = larger
        }
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer[end...])
        let count = try SystemCalls.read(descriptor, into: room, path)
        atEnd = count == 0
        end += count
        return moved
    }
}
