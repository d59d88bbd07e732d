extension PersonalDataScanner {
    /// An address of IPv4 at a digit: four numbers up to 255 without leading zeros.
    func address4(at start: Int) -> PersonalDataMatch? {
        if start > 0, bytes[start - 1] == UInt8(ascii: "."), start > 1,
            Characters.isAlphanumeric(bytes[start - 2])
        {
            return nil
        }
        guard let (octets, end) = octets(at: start) else { return nil }
        if end < bytes.count {
            let next = bytes[end]
            if Characters.isAlphanumeric(next) || next == UInt8(ascii: "_") { return nil }
            if next == UInt8(ascii: ".") || next == UInt8(ascii: "-"), end + 1 < bytes.count,
                Characters.isAlphanumeric(bytes[end + 1])
            {
                // A fifth number, or a version such as 1.2.3.4-beta; an address may end a sentence.
                return Characters.isDigit(bytes[end + 1]) || next == UInt8(ascii: "-")
                    ? nil : find(octets, start, end)
            }
        }
        return find(octets, start, end)
    }

    private func octets(at start: Int) -> ([Int], end: Int)? {
        var octets: [Int] = []
        var place = start
        while octets.count < 4 {
            let begin = place
            var value = 0
            while place < bytes.count, place - begin < 3, Characters.isDigit(bytes[place]) {
                value = 10 * value + Int(bytes[place] - 0x30)
                place += 1
            }
            guard place > begin, value < 256, place - begin == 1 || bytes[begin] != 0x30 else { return nil }
            octets.append(value)
            if octets.count < 4 {
                guard place < bytes.count, bytes[place] == UInt8(ascii: ".") else { return nil }
                place += 1
            }
        }
        return (octets, place)
    }

    private func find(_ octets: [Int], _ start: Int, _ end: Int) -> PersonalDataMatch? {
        if keepsLoopback, octets[0] == 127 || octets == [0, 0, 0, 0] || octets == [255, 255, 255, 255] {
            return nil
        }
        // Netmasks are no addresses.
        if octets[0] == 255, octets[1] == 255 { return nil }
        let hint = hint(before: start)
        if hint == .order { return nil }
        if start > 0, bytes[start - 1] | 0x20 == UInt8(ascii: "v") { return nil }
        let isPrivate =
            octets[0] == 10 || octets[0] == 172 && 16...31 ~= octets[1]
            || octets[0] == 192 && octets[1] == 168
        // Four small numbers are a version or a section unless something says that they are an address.
        let hasPort =
            end + 1 < bytes.count && bytes[end] == UInt8(ascii: ":") && Characters.isDigit(bytes[end + 1])
        if octets.allSatisfy({ $0 < 32 }), !isPrivate || octets[1...].allSatisfy({ $0 < 10 }),
            hint != .address, !hasPort,
            Set(octets).count > 1
        {
            return nil
        }
        return PersonalDataMatch(kind: .ipAddress, range: start..<end)
    }

    /// A UUID, a hardware address or an address of IPv6 that begins with a hexadecimal digit.
    func hexadecimal(at start: Int) -> PersonalDataMatch? {
        var end = start
        while end < bytes.count, end - start < 9, Characters.isHexDigit(bytes[end]) { end += 1 }
        guard end < bytes.count else { return nil }
        switch (end - start, bytes[end]) {
        case (8, UInt8(ascii: "-")): return uuid(at: start)
        case (2, UInt8(ascii: ":")):
            return hardwareAddress(at: start) ?? (kinds.contains(.ipAddress) ? address6(at: start) : nil)
        case (2, UInt8(ascii: "-")): return hardwareAddress(at: start)
        case (4, UInt8(ascii: ".")): return hardwareAddress(at: start)
        case (1...4, UInt8(ascii: ":")): return kinds.contains(.ipAddress) ? address6(at: start) : nil
        default: return nil
        }
    }

    /// A UUID; also where it is not looked for, so that its digits are no other number.
    private func uuid(at start: Int) -> PersonalDataMatch? {
        guard start + 36 <= bytes.count, !isWordByte(start + 36) else { return nil }
        for offset in 0..<36 {
            let byte = bytes[start + offset]
            let isDash = [8, 13, 18, 23].contains(offset)
            guard isDash ? byte == UInt8(ascii: "-") : Characters.isHexDigit(byte) else { return nil }
        }
        return PersonalDataMatch(kind: .uuid, range: start..<(start + 36))
    }

    private func isWordByte(_ place: Int) -> Bool {
        place < bytes.count && (Characters.isAlphanumeric(bytes[place]) || bytes[place] == UInt8(ascii: "_"))
    }

    /// Six pairs joined by colons or hyphens, or three groups of four joined by dots (EUI-48).
    private func hardwareAddress(at start: Int) -> PersonalDataMatch? {
        guard kinds.contains(.macAddress) else { return nil }
        let dotted = start + 4 < bytes.count && bytes[start + 4] == UInt8(ascii: ".")
        let (width, count, length) = dotted ? (4, 3, 14) : (2, 6, 17)
        guard start + length <= bytes.count, start == 0 || bytes[start - 1] != UInt8(ascii: ":") else {
            return nil
        }
        let sign = bytes[start + width]
        var hasLetter = false
        for offset in 0..<length {
            let byte = bytes[start + offset]
            if offset % (width + 1) == width {
                guard byte == sign else { return nil }
            } else {
                guard Characters.isHexDigit(byte) else { return nil }
                hasLetter = hasLetter || !Characters.isDigit(byte)
            }
        }
        let end = start + length
        if isWordByte(end) || end + 1 < bytes.count && bytes[end] == sign && isWordByte(end + 1) {
            return nil
        }
        // Six pairs of decimal digits with hyphens are a draw of a lottery or a date with a time.
        guard hasLetter || sign == UInt8(ascii: ":"), count > 0 else { return nil }
        return PersonalDataMatch(kind: .macAddress, range: start..<end)
    }

    /// An address of IPv6 (RFC 4291): eight groups, or fewer with one "::".
    func address6(at start: Int) -> PersonalDataMatch? {
        if start > 0 {
            let before = bytes[start - 1]
            if Characters.isAlphanumeric(before) || before == UInt8(ascii: ":") || before == UInt8(ascii: "_")
                || before == UInt8(ascii: ".")
            {
                return nil
            }
        }
        var (place, groups, gap, digits) = (start, 0, -1, 0)
        var first: UInt32 = 0
        if Characters.matches("::", in: bytes, at: place) {
            gap = 0
            place += 2
        }
        while groups < 8 {
            let begin = place
            var value: UInt32 = 0
            while place < bytes.count, place - begin < 4, Characters.isHexDigit(bytes[place]) {
                let byte = bytes[place]
                value = value << 4 | UInt32(Characters.isDigit(byte) ? byte - 0x30 : (byte | 0x20) - 0x57)
                if Characters.isDigit(byte) { digits += 1 }
                place += 1
            }
            guard place > begin else { break }
            if groups == 0 { first = value }
            groups += 1
            if groups == 8 { break }
            if Characters.matches("::", in: bytes, at: place), gap < 0 {
                gap = groups
                place += 2
            } else if place + 1 < bytes.count, bytes[place] == UInt8(ascii: ":"),
                Characters.isHexDigit(bytes[place + 1])
            {
                place += 1
            } else {
                break
            }
        }
        guard gap >= 0 ? groups < 8 : groups == 8, !isWordByte(place),
            !(place < bytes.count && bytes[place] == UInt8(ascii: ":"))
        else { return nil }
        if gap >= 0 {
            // With "::", code such as a::b looks the same: the first group must be one that is assigned.
            if gap == 0 { return keepsLoopback || groups != 1 ? nil : find6(start, place, digits) }
            guard
                0x2000...0x3FFF ~= first || 0xFC00...0xFDFF ~= first || 0xFE80...0xFEBF ~= first
                    || 0xFF00...0xFFFF ~= first
            else { return nil }
        }
        return find6(start, place, digits)
    }

    private func find6(_ start: Int, _ end: Int, _ digits: Int) -> PersonalDataMatch? {
        digits > 0 ? PersonalDataMatch(kind: .ipAddress, range: start..<end) : nil
    }
}
