import YuyanFileFormats

/// Searches of bytes, eight at a time in a 64-bit word.
///
/// A mask has the high bit of each byte that was looked for; bits above the first one may be wrong (a borrow ran into
/// them), so only the first counts.
enum ByteSearch {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// The place of the first byte that is one of two, from `position` on; `end` when there is none.
    @inline(__always)
    static func first(
        of one: UInt8,
        or two: UInt8,
        in bytes: UnsafePointer<UInt8>,
        from position: Int,
        to end: Int
    ) -> Int {
        let (ones, twos) = (Self.ones &* UInt64(one), Self.ones &* UInt64(two))
        var place = position
        while place + 8 <= end {
            let word = load(bytes, place)
            let mask = zeros(word ^ ones) | zeros(word ^ twos)
            if mask != 0 { return place + mask.trailingZeroBitCount >> 3 }
            place += 8
        }
        while place < end, bytes[place] != one, bytes[place] != two { place += 1 }
        return place
    }

    /// The place of the first byte that ends or interrupts a JSON string: a double quote, a backslash, or a
    /// control character; `end` when there is none.
    @inline(__always)
    static func stringStop(in bytes: UnsafePointer<UInt8>, from position: Int, to end: Int) -> Int {
        var place = position
        while place + 8 <= end {
            let word = load(bytes, place)
            let controls = (word &- ones &* 0x20) & ~word & highs
            let mask = zeros(word ^ ones &* 0x22) | zeros(word ^ ones &* 0x5C) | controls
            if mask != 0 { return place + mask.trailingZeroBitCount >> 3 }
            place += 8
        }
        while place < end, bytes[place] != 0x22, bytes[place] != 0x5C, bytes[place] >= 0x20 { place += 1 }
        return place
    }

    /// The place of the first double quote, bracket or brace; `end` when there is none.
    @inline(__always)
    static func structure(in bytes: UnsafePointer<UInt8>, from position: Int, to end: Int) -> Int {
        var place = position
        while place + 8 <= end {
            let word = load(bytes, place)
            let folded = word | ones &* 0x20
            let mask =
                zeros(word ^ ones &* 0x22) | zeros(folded ^ ones &* 0x7B) | zeros(folded ^ ones &* 0x7D)
            if mask != 0 { return place + mask.trailingZeroBitCount >> 3 }
            place += 8
        }
        while place < end {
            let byte = bytes[place]
            if byte == 0x22 || byte | 0x20 == 0x7B || byte | 0x20 == 0x7D { return place }
            place += 1
        }
        return place
    }

    /// The number of line feeds.
    static func lineFeeds(in bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var count = 0
        for byte in bytes where byte == 0x0A { count += 1 }
        return count
    }

    /// The text of bytes, or the error that they are not UTF-8.
    @inline(__always)
    static func text(_ bytes: UnsafeBufferPointer<UInt8>) throws(FileFormatError) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        throw notUTF8(bytes)
    }

    /// Says where bytes stop being UTF-8.
    static func notUTF8(_ bytes: UnsafeBufferPointer<UInt8>) -> FileFormatError {
        let place = UTF8Validation.firstInvalidByte(in: UnsafeRawBufferPointer(bytes)) ?? 0
        let byte = place < bytes.count ? String(bytes[place], radix: 16) : "?"
        return FileFormatError(
            .malformed,
            "not valid UTF-8 (byte 0x\(byte) after \(place) bytes of the text); convert the file to UTF-8"
        )
    }

    @inline(__always)
    private static func load(_ bytes: UnsafePointer<UInt8>, _ place: Int) -> UInt64 {
        UInt64(littleEndian: UnsafeRawPointer(bytes + place).loadUnaligned(as: UInt64.self))
    }

    /// The high bits of the bytes that are zero.
    @inline(__always)
    private static func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & highs }
}
