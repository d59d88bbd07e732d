/// A file mapped into memory, read-only, for as long as the object lives.
///
/// Pages are read when touched, so opening a file of many gigabytes costs nothing. They count as the process's memory
/// until ``releasePages()`` or the end of the object gives them back. The file must not be shortened
/// by another process meanwhile: the operating system answers a touch beyond the end with a signal.
///
/// Sendable because the address and the count never change and the memory is never written.
public final class MappedFile: @unchecked Sendable {
    /// The file.
    public let path: String
    /// The number of bytes.
    public let count: Int
    private let address: UnsafeRawPointer?

    /// Maps a file.
    ///
    /// - Parameter path: A regular file; it may be empty.
    /// - Throws: `FileFormatError` when the file cannot be opened or mapped.
    public init(path: String) throws(FileFormatError) {
        let descriptor = try SystemCalls.openForReading(path)
        defer { SystemCalls.closeQuietly(descriptor) }
        let size = try SystemCalls.size(descriptor, path)
        address = try SystemCalls.map(descriptor, count: size, path)
        count = size
        self.path = path
    }

    deinit {
        if let address { SystemCalls.unmap(address, count: count) }
    }

    /// Gives the pages touched so far back to the operating system; they are read again when touched again.
    ///
    /// Pointers that a closure holds meanwhile stay valid.
    public func releasePages() {
        if let address { SystemCalls.releasePages(address, count: count) }
    }

    /// Lends the whole content.
    ///
    /// - Parameter body: Reads the bytes, which stay where they are as long as the file object lives.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws.
    public func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: address, count: count))
    }

    /// Lends a range of the content.
    ///
    /// Traps when the range leaves the file.
    ///
    /// - Parameters:
    ///   - range: Byte offsets from the beginning of the file.
    ///   - body: Reads the bytes, which stay where they are as long as the file object lives.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws.
    public func withBytes<Result, Failure: Error>(
        in range: Range<Int>,
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard range.lowerBound >= 0, range.upperBound <= count else {
            fatalError("MappedFile: range \(range) leaves the \(count) bytes of \(path)")
        }
        let start = address.map { $0 + range.lowerBound }
        return try body(UnsafeRawBufferPointer(start: start, count: range.count))
    }
}
