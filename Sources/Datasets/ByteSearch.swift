import YuyanFileFormats

/// Searches of bytes, sixteen at a time.
enum ByteSearch {
    /// The place of the first byte that is one of two, from `position` on; `end` when there is none.
    @inline(__always)
    static func first(
        of one: UInt8,
        or two: UInt8,
        in bytes: UnsafePointer<UInt8>,
        from position: Int,
        to end: Int
    ) -> Int {
        var place = position
        while place + 16 <= end {
            let block = load(bytes, place)
            let found = place16((block .== one) .| (block .== two))
            if found < 16 { return place + found }
            place += 16
        }
        while place < end, bytes[place] != one, bytes[place] != two { place += 1 }
        return place
    }

    /// The place of the first byte that ends or interrupts a JSON string: a double quote, a backslash, or a
    /// control character; `end` when there is none.
    @inline(__always)
    static func stringStop(in bytes: UnsafePointer<UInt8>, from position: Int, to end: Int) -> Int {
        var place = position
        while place + 16 <= end {
            let block = load(bytes, place)
            let found = place16((block .== 0x22) .| (block .== 0x5C) .| (block .< 0x20))
            if found < 16 { return place + found }
            place += 16
        }
        while place < end, bytes[place] != 0x22, bytes[place] != 0x5C, bytes[place] >= 0x20 { place += 1 }
        return place
    }

    /// The place of the first double quote, bracket or brace; `end` when there is none.
    @inline(__always)
    static func structure(in bytes: UnsafePointer<UInt8>, from position: Int, to end: Int) -> Int {
        var place = position
        while place + 16 <= end {
            let block = load(bytes, place)
            let folded = block | 0x20
            let found = place16((block .== 0x22) .| (folded .== 0x7B) .| (folded .== 0x7D))
            if found < 16 { return place + found }
            place += 16
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
    private static func load(_ bytes: UnsafePointer<UInt8>, _ place: Int) -> SIMD16<UInt8> {
        UnsafeRawPointer(bytes + place).loadUnaligned(as: SIMD16<UInt8>.self)
    }

    /// The number of the first true lane; 16 when there is none.
    @inline(__always)
    private static func place16(_ mask: SIMDMask<SIMD16<Int8>>) -> Int {
        let words = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        if words[0] != 0 { return words[0].trailingZeroBitCount >> 3 }
        return words[1] != 0 ? 8 + words[1].trailingZeroBitCount >> 3 : 16
    }
}
