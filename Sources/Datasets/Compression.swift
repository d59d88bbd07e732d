import CZlib
import YuyanFileFormats

/// Returns how many bits gzip needs for each byte of a text: a yardstick that every language model should beat.
///
/// The text is compressed as one stream, gzip's header and trailer included.
///
/// - Parameters:
///   - pieces: the text, in pieces that are joined without anything between them.
///   - level: 1 (fastest) to 9 (smallest).
/// - Returns: bits per byte; NaN for no text.
/// - Throws: `FileFormatError` when the level is none of 1…9 or zlib runs out of memory.
public func gzipBitsPerByte(_ pieces: some Sequence<[UInt8]>, level: Int = 9) throws -> Double {
    guard (1...9).contains(level) else {
        throw FileFormatError(.unsupported, "gzip level \(level); levels are 1 to 9")
    }
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    defer { stream.deallocate() }
    // 31 = window of 32 KiB (15) in gzip's wrapping (16); 8 is gzip's own memory level.
    let size = Int32(MemoryLayout<z_stream>.size)
    guard
        deflateInit2_(stream, Int32(level), Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK
    else { throw FileFormatError(.inputOutput, "zlib could not start compressing: out of memory") }
    defer { deflateEnd(stream) }
    var output = [UInt8](repeating: 0, count: 1 << 16)
    var (byteCount, compressedCount) = (0, 0)

    func compress(_ input: UnsafeBufferPointer<UInt8>, flush: Int32) throws {
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        stream.pointee.avail_in = UInt32(input.count)
        repeat {
            let status = output.withUnsafeMutableBufferPointer { room -> Int32 in
                stream.pointee.next_out = room.baseAddress
                stream.pointee.avail_out = UInt32(room.count)
                return deflate(stream, flush)
            }
            guard status != Z_STREAM_ERROR else {
                throw FileFormatError(.inputOutput, "zlib failed to compress (status \(status))")
            }
            compressedCount += output.count - Int(stream.pointee.avail_out)
        } while stream.pointee.avail_out == 0
    }

    for piece in pieces {
        byteCount += piece.count
        try piece.withUnsafeBufferPointer { bytes in
            // zlib counts in 32 bits.
            var start = 0
            while start < bytes.count {
                let end = min(start + 1 << 30, bytes.count)
                try compress(UnsafeBufferPointer(rebasing: bytes[start..<end]), flush: Z_NO_FLUSH)
                start = end
            }
        }
    }
    if byteCount == 0 { return .nan }
    try compress(UnsafeBufferPointer(start: nil, count: 0), flush: Z_FINISH)
    return Double(compressedCount) * 8 / Double(byteCount)
}
