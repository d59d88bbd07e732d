/// Character references of HTML: `&amp;`, `&#38;`, `&#x26;` and the old ones without a semicolon.
enum HTMLEntities {
    private struct Reference: Sendable {
        let value: [UInt8]
        let needsSemicolon: Bool
    }

    private static let references: [String: Reference] = {
        var table: [String: Reference] = [:]
        for entry in list.description.split(separator: " ") {
            let sides = entry.split(separator: "=")
            guard sides.count == 2 else { continue }
            var value = String.UnicodeScalarView()
            for code in sides[1].split(separator: "+") {
                if let scalar = UInt32(code, radix: 16).flatMap(Unicode.Scalar.init) { value.append(scalar) }
            }
            let isOld = sides[0].utf8.first == UInt8(ascii: "!")
            table[String(isOld ? sides[0].dropFirst() : sides[0])] =
                Reference(value: Array(String(value).utf8), needsSemicolon: !isOld)
        }
        return table
    }()

    /// No name is longer (CounterClockwiseContourIntegral).
    private static let longestName = 31
    private static let longestOldName = 6

    /// Reads the reference at an ampersand.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - place: The ampersand.
    ///   - end: Where the text ends.
    /// - Returns: what it stands for and the place after it; nil when it is no reference.
    static func decode(
        _ bytes: UnsafeBufferPointer<UInt8>,
        at place: Int,
        end: Int
    ) -> (value: [UInt8], next: Int)? {
        guard place + 2 < end else { return nil }
        if bytes[place + 1] == UInt8(ascii: "#") { return number(bytes, at: place + 2, end: end) }
        var stop = place + 1
        while stop < end, stop - place <= longestName, Characters.isAlphanumeric(bytes[stop]) { stop += 1 }
        guard stop > place + 1 else { return nil }
        if stop < end, bytes[stop] == UInt8(ascii: ";"), let found = reference(bytes, place + 1, stop) {
            return (found.value, stop + 1)
        }
        // An old name may be the beginning of a longer run of letters, as in "&copy2024".
        var length = min(longestOldName, stop - place - 1)
        while length >= 2 {
            if let found = reference(bytes, place + 1, place + 1 + length), !found.needsSemicolon {
                // "&times=" and "&copy=1" are parameters of an address that nobody escaped.
                let next = place + 1 + length
                return next < end && bytes[next] == UInt8(ascii: "=") ? nil : (found.value, next)
            }
            length -= 1
        }
        return nil
    }

    private static func reference(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Reference?
    {
        references[String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<end]), as: UTF8.self)]
    }

    private static func number(
        _ bytes: UnsafeBufferPointer<UInt8>,
        at start: Int,
        end: Int
    ) -> (value: [UInt8], next: Int)? {
        var place = start
        let isHex = place < end && bytes[place] | 0x20 == UInt8(ascii: "x")
        if isHex { place += 1 }
        let digits = place
        var value: UInt32 = 0
        while place < end, isHex ? Characters.isHexDigit(bytes[place]) : Characters.isDigit(bytes[place]) {
            let byte = bytes[place]
            let digit = UInt32(Characters.isDigit(byte) ? byte - 0x30 : (byte | 0x20) - 0x57)
            value = min(value * (isHex ? 16 : 10) + digit, 0x11_0000)
            place += 1
        }
        guard place > digits else { return nil }
        if place < end, bytes[place] == UInt8(ascii: ";") { place += 1 }
        if 0x80...0x9F ~= value { value = windows1252[Int(value) - 0x80] }
        let scalar = value == 0 ? nil : Unicode.Scalar(value)
        return (Array(String(scalar ?? "\u{FFFD}").utf8), place)
    }

    /// What browsers read for the references of 0x80 … 0x9F.
    private static let windows1252: [UInt32] = [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152,
        0x8D, 0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122,
        0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
    ]
}
