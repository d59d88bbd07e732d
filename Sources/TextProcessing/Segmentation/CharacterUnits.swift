/// The kinds of unit that word segmentation tells apart.
enum UnitKind: UInt8 {
    case other, han, digit, letter, numeral, calendar
}

/// One unit of word segmentation: a character, or a whole run of letters or digits.
struct CharacterUnit {
    /// The scalar, full-width forms as ASCII; a number above Unicode for a run of letters or digits.
    let value: UInt32
    let kind: UnitKind
    /// Whether white space or the beginning of the text stands before it.
    let isAfterSpace: Bool
    /// The place in the UTF-8 bytes.
    let start: Int32
    let end: Int32
}

/// Cuts text into units; white space belongs to none.
enum CharacterUnits {
    /// The units of UTF-8 bytes, which are taken for valid.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - cuts: Places in ascending order where runs of letters and digits end.
    /// - Returns: The units in order.
    static func units(of bytes: UnsafeBufferPointer<UInt8>, cuts: [Int] = []) -> [CharacterUnit] {
        var units: [CharacterUnit] = []
        units.reserveCapacity(bytes.count / 3 + 8)
        var (place, isAfterSpace, cut) = (0, true, 0)
        while place < bytes.count {
            let (raw, length) = utf8Scalar(in: bytes, at: place)
            let value = (0xFF01...0xFF5E).contains(raw) ? raw - 0xFEE0 : raw
            if isWhiteSpace(value) {
                (isAfterSpace, place) = (true, place + length)
                continue
            }
            let kind = kind(of: value)
            let start = place
            place += length
            var unit = value
            if kind == .digit || kind == .letter {
                var count = 1
                while cut < cuts.count, cuts[cut] <= start { cut += 1 }
                let limit = cut < cuts.count ? cuts[cut] : bytes.count
                let run = UnsafeBufferPointer(rebasing: bytes[..<limit])
                if place < limit { (place, count) = endOfRun(in: run, from: place, kind: kind) }
                unit = (kind == .digit ? 0x11_0001 : 0x11_0011) + UInt32(min(count, 5))
            }
            units.append(
                CharacterUnit(
                    value: unit,
                    kind: kind,
                    isAfterSpace: isAfterSpace,
                    start: Int32(start),
                    end: Int32(place)
                )
            )
            isAfterSpace = false
        }
        return units
    }

    /// Where a run of digits or letters ends, and how many scalars it has.
    private static func endOfRun(
        in bytes: UnsafeBufferPointer<UInt8>,
        from start: Int,
        kind: UnitKind
    ) -> (place: Int, count: Int) {
        var (place, count) = (start, 1)
        while place < bytes.count {
            let (raw, length) = utf8Scalar(in: bytes, at: place)
            let value = (0xFF01...0xFF5E).contains(raw) ? raw - 0xFEE0 : raw
            if Self.kind(of: value) != kind {
                // A point or comma between digits belongs to the number.
                guard kind == .digit, value == 0x2E || value == 0x2C, place + length < bytes.count else {
                    break
                }
                let (next, _) = utf8Scalar(in: bytes, at: place + length)
                guard Self.kind(of: (0xFF01...0xFF5E).contains(next) ? next - 0xFEE0 : next) == .digit else {
                    break
                }
            }
            (place, count) = (place + length, count + 1)
        }
        return (place, count)
    }

    @inline(__always)
    static func isWhiteSpace(_ value: UInt32) -> Bool {
        switch value {
        case 0x09...0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000:
            true
        default: false
        }
    }

    static func kind(of value: UInt32) -> UnitKind {
        switch value {
        case 0x30...0x39: .digit
        case 0x41...0x5A, 0x61...0x7A: .letter
        case 0..<0x80: .other
        case 0xC0...0x24F: value == 0xD7 || value == 0xF7 ? .other : .letter
        case 0x300...0x36F, 0x370...0x3FF, 0x400...0x52F, 0x1E00...0x1FFF: .letter
        case 0x3007, 0x4E00, 0x4E8C, 0x4E09, 0x56DB, 0x4E94, 0x516D, 0x4E03, 0x516B, 0x4E5D, 0x5341, 0x767E,
            0x5343,
            0x4E07, 0x4EBF, 0x842C, 0x5104, 0x4E24, 0x5169, 0x96F6:
            .numeral
        case 0x5E74, 0x6708, 0x65E5, 0x65F6, 0x6642, 0x5206, 0x79D2: .calendar
        case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x3FFFF, 0x3005: .han
        default: .other
        }
    }
}

/// Reads the scalar at a place in valid UTF-8; a byte that begins none counts as one scalar of its own value.
@inline(__always)
func utf8Scalar(in bytes: UnsafeBufferPointer<UInt8>, at place: Int) -> (value: UInt32, length: Int) {
    let first = UInt32(bytes[place])
    if first < 0x80 { return (first, 1) }
    let left = bytes.count - place
    func tail(_ offset: Int) -> UInt32 { UInt32(bytes[place + offset] & 0x3F) }
    if first >= 0xF0, left >= 4 {
        return ((first & 7) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4)
    }
    if first >= 0xE0, left >= 3 { return ((first & 15) << 12 | tail(1) << 6 | tail(2), 3) }
    if first >= 0xC0, left >= 2 { return ((first & 31) << 6 | tail(1), 2) }
    return (first, 1)
}

/// Anything that cuts text into words.
public protocol WordSegmenter: Sendable {
    /// Finds the words of a text.
    ///
    /// - Parameter text: Any text.
    /// - Returns: The places of the words in the text's UTF-8 bytes, in order; they hold every character but white
    ///   space.
    func ranges(in text: String) -> [Range<Int>]
}

extension WordSegmenter {
    /// Cuts a text into words.
    ///
    /// - Parameter text: Any text.
    /// - Returns: The words; white space is left out.
    public func words(in text: String) -> [String] { slices(of: text, ranges(in: text)) }
}

/// The parts of a text at places in its UTF-8 bytes.
func slices(of text: String, _ ranges: [Range<Int>]) -> [String] {
    var text = text
    return text.withUTF8 { bytes in
        ranges.map { String(decoding: UnsafeBufferPointer(rebasing: bytes[$0]), as: UTF8.self) }
    }
}
