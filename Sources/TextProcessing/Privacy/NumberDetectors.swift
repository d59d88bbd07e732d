/// A number as it is written: groups of digits with signs between them.
struct NumberToken {
    /// The sign before the first digit belongs to it.
    var hasPlus = false
    var start = 0
    /// The groups of digits.
    var groups: [Range<Int>] = []
    /// What stands before each group but the first.
    var separators: [UInt8] = []
    /// Whether the first group stands in brackets.
    var isBracketed = false

    /// The most groups and digits that are looked at.
    static let limit = 8

    /// The digits of the first groups.
    func digits(_ bytes: UnsafeBufferPointer<UInt8>, _ count: Int) -> [UInt8] {
        groups.prefix(count).flatMap { bytes[$0].map { $0 - 0x30 } }
    }

    /// Whether the bracket before the first group closes behind it.
    func closesBracket(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard groups.count > 1, let first = groups.first else { return false }
        return bytes[first.upperBound] == UInt8(ascii: ")")
    }

    /// Whether all of the first groups are joined by the same sign.
    func isUniform(_ count: Int) -> Bool { Set(separators.prefix(count - 1)).count <= 1 }

    func lengths(_ count: Int) -> [Int] { groups.prefix(count).map(\.count) }
}

extension PersonalDataScanner {
    /// A find that begins with a digit, a plus sign or a bracket.
    func numberStart(at place: Int) -> PersonalDataMatch? {
        let byte = bytes[place]
        if Characters.isDigit(byte) {
            if let match = hexadecimal(at: place) { return match }
            if kinds.contains(.ipAddress), let match = address4(at: place) { return match }
            if kinds.contains(.creditCode), let match = creditCode(at: place) { return match }
        }
        guard hasManyDigits(at: place), let token = number(at: place) else { return nil }
        if token.groups.count == 1, !token.hasPlus, let match = identityCard(token) { return match }
        guard isFree(token) else { return nil }
        if kinds.contains(.socialSecurity), let match = socialSecurity(token) { return match }
        if kinds.contains(.bankCard), let match = bankCard(token) { return match }
        if kinds.contains(.phone), let match = phone(token) { return match }
        return nil
    }

    /// Whether seven digits stand at a place with nothing but signs of numbers between them.
    private func hasManyDigits(at start: Int) -> Bool {
        var (place, digits) = (start, 0)
        while place < bytes.count, digits < 7 {
            let byte = bytes[place]
            if Characters.isDigit(byte) {
                digits += 1
            } else if byte != 0x20, byte != 0x2D, byte != 0x2E, !(0x28...0x2B ~= byte) {
                return false
            } else if place - start > 24 {
                return false
            }
            place += 1
        }
        return digits == 7
    }

    /// Reads the number at a place; nil when it has fewer than seven digits.
    private func number(at start: Int) -> NumberToken? {
        var token = NumberToken()
        var place = start
        token.start = start
        if bytes[place] == UInt8(ascii: "(") {
            token.isBracketed = true
            place += 1
        }
        if place < bytes.count, bytes[place] == UInt8(ascii: "+") {
            token.hasPlus = true
            place += 1
        }
        var total = 0
        while place < bytes.count, token.groups.count < NumberToken.limit {
            let begin = place
            while place < bytes.count, Characters.isDigit(bytes[place]) { place += 1 }
            guard place > begin else {
                if !token.groups.isEmpty { token.separators.removeLast() }
                break
            }
            token.groups.append(begin..<place)
            total += place - begin
            guard let (sign, next) = separator(at: place, token) else { break }
            token.separators.append(sign)
            place = next
        }
        if token.separators.count == token.groups.count, !token.groups.isEmpty {
            token.separators.removeLast()
        }
        if token.isBracketed, !token.separators.contains(UInt8(ascii: ")")), !token.closesBracket(bytes) {
            // The bracket encloses more than the number.
            token.isBracketed = false
            token.start += 1
        }
        return total >= 7 ? token : nil
    }

    /// The sign between two groups and the place of the next digit.
    private func separator(at place: Int, _ token: NumberToken) -> (UInt8, Int)? {
        guard place + 1 < bytes.count else { return nil }
        let byte = bytes[place]
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."):
            if Characters.isDigit(bytes[place + 1]) { return (byte, place + 1) }
        case UInt8(ascii: ")"):
            guard token.isBracketed, token.groups.count == 1 else { return nil }
            let next =
                bytes[place + 1] == 0x20 || bytes[place + 1] == UInt8(ascii: "-") ? place + 2 : place + 1
            if next < bytes.count, Characters.isDigit(bytes[next]) { return (byte, next) }
        case 0x20:
            if Characters.isDigit(bytes[place + 1]) { return (byte, place + 1) }
            // "+44 (0)20 7946 0958" and "+1 (415) 555-2671".
            if bytes[place + 1] == UInt8(ascii: "("), token.hasPlus { return bracket(at: place + 1) }
        case UInt8(ascii: "("):
            if token.hasPlus { return bracket(at: place) }
        default: break
        }
        // In brackets the sign may stand behind the group: "(415) 555".
        if byte == UInt8(ascii: ")"), token.hasPlus, token.separators.contains(UInt8(ascii: "(")) {
            let next =
                bytes[place + 1] == 0x20 || bytes[place + 1] == UInt8(ascii: "-") ? place + 2 : place + 1
            if next < bytes.count, Characters.isDigit(bytes[next]) { return (UInt8(ascii: " "), next) }
        }
        return nil
    }

    private func bracket(at place: Int) -> (UInt8, Int)? {
        place + 1 < bytes.count && Characters.isDigit(bytes[place + 1]) ? (UInt8(ascii: "("), place + 1) : nil
    }

    /// Whether a number stands for itself: not behind a sign of money, a decimal point, a slash or a part of a code.
    private func isFree(_ token: NumberToken) -> Bool {
        guard token.start > 0 else { return true }
        let before = bytes[token.start - 1]
        if before < 0x80 {
            if Characters.isAlphanumeric(before) || "$_.%^*#".utf8.contains(before) { return false }
            if "-/=+:&~".utf8.contains(before), token.start > 1 {
                let earlier = bytes[token.start - 2]
                if Characters.isDigit(earlier) { return false }
                if before == UInt8(ascii: ":") { return true }
                if Characters.isAlphanumeric(earlier) || "/=-".utf8.contains(earlier) {
                    return hint(before: token.start) == .phone
                }
            }
            return true
        }
        let sign = Characters.scalar(before: token.start, in: bytes) ?? 0
        return ![0xA3, 0xA5, 0x20AC, 0xFFE5, 0xFFE1, 0xB1].contains(sign)
    }

    /// Whether the first groups of a number end it: no letter, digit, decimal part, per cent sign or unit behind.
    private func ends(_ token: NumberToken, _ count: Int) -> Bool {
        let end = token.groups[count - 1].upperBound
        guard end < bytes.count else { return true }
        let next = bytes[end]
        if Characters.isAlphanumeric(next) || next == UInt8(ascii: "%") || next == UInt8(ascii: "_") {
            return false
        }
        if count < token.groups.count, token.separators[count - 1] != 0x20 { return false }
        if next == UInt8(ascii: "."), end + 1 < bytes.count, Characters.isDigit(bytes[end + 1]) {
            return false
        }
        if next == UInt8(ascii: "/") || next == UInt8(ascii: ","), end + 1 < bytes.count,
            Characters.isDigit(bytes[end + 1])
        {
            return next == UInt8(ascii: "/") && token.groups[count - 1].count >= 7
        }
        let units: [StaticString] = [
            "元", "美元", "万", "亿", "人", "次", "吨", "个", "年", "米", "块", "公里", "股", "件", "册",
        ]
        return !units.contains { Characters.matches($0, in: bytes, at: end) }
    }

    private func match(_ kind: PersonalDataKind, _ token: NumberToken, _ count: Int) -> PersonalDataMatch {
        PersonalDataMatch(kind: kind, range: token.start..<token.groups[count - 1].upperBound)
    }

    private func identityCard(_ token: NumberToken) -> PersonalDataMatch? {
        guard kinds.contains(.identityCard) else { return nil }
        let group = token.groups[0]
        var values = bytes[group].prefix(19).map { $0 - 0x30 }
        var end = group.upperBound
        if values.count == 17, end < bytes.count, bytes[end] | 0x20 == UInt8(ascii: "x") {
            values.append(10)
            end += 1
        }
        guard values.count == 18 || values.count == 15, NumberRules.isIdentityCard(values),
            end == bytes.count || !Characters.isAlphanumeric(bytes[end]),
            !token.isBracketed || end < bytes.count && bytes[end] == UInt8(ascii: ")")
        else { return nil }
        if values.count == 15, hint(before: group.lowerBound) == .order || !isFree(token) { return nil }
        return PersonalDataMatch(kind: .identityCard, range: group.lowerBound..<end)
    }

    private func socialSecurity(_ token: NumberToken) -> PersonalDataMatch? {
        guard token.groups.count >= 3, token.lengths(3) == [3, 2, 4], token.isUniform(3), !token.hasPlus,
            token.separators[0] == UInt8(ascii: "-") || token.separators[0] == 0x20, ends(token, 3)
        else { return nil }
        let digits = token.digits(bytes, 3)
        func value(_ range: Range<Int>) -> Int { digits[range].reduce(0) { 10 * $0 + Int($1) } }
        let area = value(0..<3)
        guard area > 0, area != 666, area < 900, value(3..<5) > 0, value(5..<9) > 0 else { return nil }
        let hint = hint(before: token.start)
        if hint == .order || hint == .phone || token.separators[0] == 0x20 { return nil }
        return match(.socialSecurity, token, 3)
    }

    private static let cardShapes: [[Int]] = [
        [4, 4, 4, 4, 3], [4, 4, 4, 4, 2], [4, 4, 4, 4, 1], [4, 4, 4, 4], [4, 6, 5], [4, 6, 4], [6, 13],
    ]

    private func bankCard(_ token: NumberToken) -> PersonalDataMatch? {
        guard !token.hasPlus, !token.isBracketed else { return nil }
        let lengths = token.lengths(5)
        for shape in Self.cardShapes where lengths.starts(with: shape) {
            let count = shape.count
            guard token.isUniform(count), token.separators[0] != UInt8(ascii: "."), ends(token, count),
                NumberRules.isBankCard(token.digits(bytes, count))
            else { continue }
            return hint(before: token.start) == .order ? nil : match(.bankCard, token, count)
        }
        guard 13...19 ~= lengths[0], ends(token, 1), NumberRules.isBankCard(token.digits(bytes, 1)),
            hint(before: token.start) != .order
        else { return nil }
        return match(.bankCard, token, 1)
    }

    // MARK: - Telephone numbers

    private func phone(_ token: NumberToken) -> PersonalDataMatch? {
        if token.hasPlus { return internationalPhone(token) }
        return chinesePhone(token) ?? northAmericanPhone(token) ?? announcedPhone(token)
    }

    private func internationalPhone(_ token: NumberToken) -> PersonalDataMatch? {
        // As many groups as make a number of E.164.
        for count in stride(from: token.groups.count, through: 1, by: -1) {
            var digits = token.digits(bytes, count)
            // "+44 (0)20": the trunk prefix in brackets is not dialled.
            if count > 1, token.separators[0] == UInt8(ascii: "("), token.groups[1].count == 1,
                digits.count > 3,
                bytes[token.groups[1].lowerBound] == 0x30
            {
                digits.remove(at: token.groups[0].count)
            }
            guard NumberRules.isInternationalPhone(digits), ends(token, count) else { continue }
            // Thousands set apart by spaces: "+12 000 000".
            if token.lengths(count).dropFirst().allSatisfy({ $0 == 3 }), count > 1,
                digits.suffix(6).allSatisfy({ $0 == 0 })
            {
                return nil
            }
            return match(.phone, token, count)
        }
        return nil
    }

    private func chinesePhone(_ token: NumberToken) -> PersonalDataMatch? {
        // 86 or 0086 before a mobile number.
        var skip = 0
        let first = bytes[token.groups[0]]
        if token.groups.count > 1, first.elementsEqual("86".utf8) || first.elementsEqual("0086".utf8) {
            skip = 1
        }
        for count in stride(from: min(token.groups.count, skip + 3), to: skip, by: -1) {
            let lengths = Array(token.lengths(count).dropFirst(skip))
            let digits = Array(token.groups[skip..<count].flatMap { bytes[$0].map { $0 - 0x30 } })
            guard digits.count >= 7 else { continue }
            if ends(token, count), isChineseMobile(digits, lengths, token, skip) {
                return match(.phone, token, count)
            }
            let whole = count + extensionGroups(token, count)
            if skip == 0, ends(token, whole), isLandline(digits, lengths, token) {
                return match(.phone, token, whole)
            }
        }
        return nil
    }

    private func isChineseMobile(
        _ digits: [UInt8],
        _ lengths: [Int],
        _ token: NumberToken,
        _ skip: Int
    ) -> Bool {
        if digits.count == 13, lengths == [13], digits.starts(with: [8, 6, 1]), digits[3] > 2 {
            return hint(before: token.start) == .phone
        }
        guard digits.count == 11, digits[0] == 1, digits[1] > 2,
            [[11], [3, 4, 4], [3, 8], [7, 4], [3, 3, 5], [4, 3, 4]].contains(lengths)
        else { return false }
        if skip > 0 || lengths != [11] { return true }
        // Eleven digits without a sign between them are also what shops number their orders with.
        let hint = hint(before: token.start)
        return hint != .order && hint != .card
    }

    private func isLandline(_ digits: [UInt8], _ lengths: [Int], _ token: NumberToken) -> Bool {
        guard digits[0] == 0, digits[1] > 0 else {
            return isService(digits, lengths, token)
        }
        let area = digits[1] <= 2 ? 3 : 4
        guard lengths[0] == area else {
            return lengths.count == 1 && (area + 7...area + 8) ~= digits.count && digits[area] > 1
                && hint(before: token.start) == .phone
        }
        let rest = Array(lengths.dropFirst())
        return [[7], [8], [4, 4], [3, 4]].contains(rest) && digits[area] > 1
            && (token.separators[0] == UInt8(ascii: "-") || token.separators[0] == UInt8(ascii: ")")
                || token.separators[0] == 0x20)
    }

    /// Chinese service numbers: 400-810-8888, 800-….
    private func isService(_ digits: [UInt8], _ lengths: [Int], _ token: NumberToken) -> Bool {
        (digits.starts(with: [4, 0, 0]) || digits.starts(with: [8, 0, 0]))
            && ([[3, 3, 4], [3, 4, 3], [4, 3, 3], [3, 7]].contains(lengths)
                && token.separators[0] != UInt8(ascii: ".")
                || lengths == [10] && hint(before: token.start) == .phone)
    }

    /// An extension behind a landline number: 010-62785001-123.
    private func extensionGroups(_ token: NumberToken, _ count: Int) -> Int {
        guard count < token.groups.count, token.separators[count - 1] == UInt8(ascii: "-"),
            1...6 ~= token.groups[count].count
        else { return 0 }
        return 1
    }

    private func northAmericanPhone(_ token: NumberToken) -> PersonalDataMatch? {
        let skip = token.groups.count > 3 && bytes[token.groups[0]].elementsEqual("1".utf8) ? 1 : 0
        let count = skip + 3
        guard token.groups.count >= count, Array(token.lengths(count).dropFirst(skip)) == [3, 3, 4] else {
            return nil
        }
        let digits = Array(token.digits(bytes, count).dropFirst(skip))
        guard digits[0] > 1, digits[3] > 1, !(digits[1] == 1 && digits[2] == 1), ends(token, count) else {
            return nil
        }
        let signs = Set(token.separators.prefix(count - 1))
        // Spaces alone also set numbers of a table apart.
        let hint = hint(before: token.start)
        if signs == [0x20], hint != .phone { return nil }
        if signs.count > 1, !token.isBracketed, skip == 0 { return nil }
        return hint == .order ? nil : match(.phone, token, count)
    }

    /// A number of any country behind a word such as "tel".
    private func announcedPhone(_ token: NumberToken) -> PersonalDataMatch? {
        guard hint(before: token.start) == .phone else { return nil }
        for count in stride(from: token.groups.count, through: 1, by: -1) {
            let digits = token.digits(bytes, count)
            let lengths = token.lengths(count)
            guard 7...13 ~= digits.count, ends(token, count), token.isUniform(count) || token.isBracketed,
                Set(digits).count > 2
            else { continue }
            // A date, or a number with decimals.
            if count == 3, lengths[0] == 4, lengths[1] <= 2, lengths[2] <= 2 { return nil }
            if count == 2, token.separators[0] == UInt8(ascii: ".") { return nil }
            // A year or an hour near the word: only groups of a telephone number are short.
            if count > 1, lengths.contains(where: { $0 == 1 }) { continue }
            return match(.phone, token, count)
        }
        return nil
    }
}
