import YuyanFileFormats

/// Finds where JSON values end without making them.
///
/// Brackets, strings and separators of the values that are passed over are checked only so far as is needed to find
/// their end; what is made into a value is checked in full.
struct JSONSkimmer {
    /// The deepest nesting, as in the parser.
    static let maximumDepth = 256
    /// The most members of an object that are told apart.
    static let maximumMembers = 1 << 16

    /// The end of a value, or why there is none.
    enum End {
        case at(Int)
        case incomplete
        case wrong(Int, String)
    }

    let bytes: UnsafePointer<UInt8>
    let count: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, _ base: UnsafePointer<UInt8>) {
        self.bytes = base
        count = bytes.count
    }

    /// The first place from `position` on that is no white space.
    func skipSpace(_ position: Int) -> Int {
        var place = position
        while place < count,
            bytes[place] == 32 || bytes[place] == 10 || bytes[place] == 13 || bytes[place] == 9
        {
            place += 1
        }
        return place
    }

    /// The end of the string whose quotation mark stands at `position`.
    @inline(__always)
    func stringEnd(_ position: Int) -> End {
        var place = position + 1
        while true {
            place = ByteSearch.stringStop(in: bytes, from: place, to: count)
            if place >= count { return .incomplete }
            switch bytes[place] {
            case 0x22: return .at(place + 1)
            case 0x5C: place += 2
            default: return .wrong(place, "a control character stands in a string; write it as an escape")
            }
        }
    }

    /// The end of the value that begins at `position`, which is no white space.
    func valueEnd(_ position: Int) -> End {
        guard position < count else { return .incomplete }
        switch bytes[position] {
        case 0x22: return stringEnd(position)
        case 0x7B, 0x5B: return nestedEnd(position)
        case 0x2C, 0x3A, 0x5D, 0x7D: return .wrong(position, "a value should stand here")
        default: break
        }
        var place = position
        while place < count {
            switch bytes[place] {
            case 0x2C, 0x5D, 0x7D, 0x20, 0x0A, 0x0D, 0x09: return .at(place)
            case 0x22, 0x3A, 0x5B, 0x7B: return .wrong(place, "expected ',' or the end of the object")
            default: place += 1
            }
        }
        return .incomplete
    }

    private func nestedEnd(_ position: Int) -> End {
        // One bit per level: whether it is an object.
        var (kinds, depth, place) = (SIMD4<UInt64>(repeating: 0), 0, position)
        while place < count {
            place = ByteSearch.structure(in: bytes, from: place, to: count)
            guard place < count else { return .incomplete }
            let byte = bytes[place]
            switch byte {
            case 0x22:
                let end = stringEnd(place)
                guard case .at(let next) = end else { return end }
                place = next
                continue
            case 0x7B, 0x5B:
                guard depth < Self.maximumDepth else {
                    return .wrong(place, "nested deeper than \(Self.maximumDepth) levels")
                }
                let bit = UInt64(1) << UInt64(depth & 63)
                kinds[depth >> 6] = byte == 0x7B ? kinds[depth >> 6] | bit : kinds[depth >> 6] & ~bit
                depth += 1
            default:
                depth -= 1
                let isObject = kinds[depth >> 6] >> UInt64(depth & 63) & 1 == 1
                guard isObject == (byte == 0x7D) else {
                    return .wrong(place, isObject ? "expected '}'" : "expected ']'")
                }
                if depth == 0 { return .at(place + 1) }
            }
            place += 1
        }
        return .incomplete
    }

    /// Goes through the members of an object that lies complete in the bytes.
    ///
    /// `range` is the object with its braces; `body` takes the range of a key between its quotation marks and that of
    /// its value.
    func members(
        _ range: Range<Int>,
        _ body: (Range<Int>, Range<Int>) throws(FileFormatError) -> Void
    ) throws(FileFormatError) {
        var place = skipSpace(range.lowerBound + 1)
        if place < range.upperBound, bytes[place] == 0x7D { return }
        var found = 0
        while true {
            guard place < range.upperBound, bytes[place] == 0x22 else {
                throw wrong(place, "expected a key in double quotes")
            }
            let keyEnd = try end(stringEnd(place), place)
            let colon = skipSpace(keyEnd)
            guard colon < range.upperBound, bytes[colon] == 0x3A else {
                throw wrong(colon, "expected ':' after the key")
            }
            let start = skipSpace(colon + 1)
            let valueEnd = try end(valueEnd(start), start)
            found += 1
            guard found <= Self.maximumMembers else {
                throw FileFormatError(
                    .limitExceeded,
                    "the object has more than \(Self.maximumMembers) members"
                )
            }
            try body(place + 1..<keyEnd - 1, start..<valueEnd)
            place = skipSpace(valueEnd)
            guard place < range.upperBound else { throw wrong(place, "the object is never closed") }
            if bytes[place] == 0x7D { return }
            guard bytes[place] == 0x2C else { throw wrong(place, "expected ',' or '}' in the object") }
            place = skipSpace(place + 1)
        }
    }

    private func end(_ end: End, _ start: Int) throws(FileFormatError) -> Int {
        switch end {
        case .at(let place): return place
        case .incomplete: throw wrong(start, "the value is cut short", .truncated)
        case .wrong(let place, let message): throw wrong(place, message)
        }
    }

    /// An error at a byte, its line and column counted from the first byte here.
    func wrong(_ place: Int, _ message: String, _ code: FileFormatError.Code = .malformed) -> FileFormatError
    {
        let before = UnsafeBufferPointer(start: bytes, count: min(max(place, 0), count))
        let lines = ByteSearch.lineFeeds(in: before)
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        return FileFormatError(code, at: .line(lines + 1, column: before.count - lineStart + 1), message)
    }
}
