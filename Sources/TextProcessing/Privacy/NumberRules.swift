/// Check digits and plausible values of numbers that identify persons.
enum NumberRules {
    /// The Luhn check of ISO/IEC 7812.
    static func luhn(_ digits: some BidirectionalCollection<UInt8>) -> Bool {
        var (sum, doubles) = (0, false)
        for digit in digits.reversed() {
            let value = Int(digit) * (doubles ? 2 : 1)
            sum += value > 9 ? value - 9 : value
            doubles.toggle()
        }
        return sum % 10 == 0
    }

    /// Whether digits are a bank card: prefix and length of an issuer, and the Luhn digit.
    static func isBankCard(_ digits: [UInt8]) -> Bool {
        guard 13...19 ~= digits.count, Set(digits).count > 1 else { return false }
        func prefix(_ count: Int) -> Int { digits.prefix(count).reduce(0) { 10 * $0 + Int($1) } }
        let count = digits.count
        let isIssued =
            switch (prefix(2), prefix(4)) {
            case (40...49, _): [13, 16, 19].contains(count)
            case (51...55, _), (_, 2221...2720): count == 16
            case (34, _), (37, _): count == 15
            case (_, 6011), (65, _), (_, 6440...6499): 16...19 ~= count
            case (62, _): 16...19 ~= count
            case (_, 3528...3589): 16...19 ~= count
            case (36, _), (38, _), (39, _), (_, 3000...3059): count == 14
            case (_, 5018), (_, 5020), (_, 5038), (_, 5893), (_, 6304), (_, 6759), (_, 6761...6763):
                16...19 ~= count
            case (_, 9558), (_, 6034), (_, 6035): count == 16 || count == 19
            default: false
            }
        return isIssued && luhn(digits)
    }

    /// Whether a date exists.
    static func isDate(_ year: Int, _ month: Int, _ day: Int) -> Bool {
        guard 1...12 ~= month, day >= 1 else { return false }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return day <= lengths[month - 1]
    }

    /// Codes of provinces, the first two digits of identity cards and credit codes (GB/T 2260).
    static let provinces: Set<Int> = Set(
        Array(11...15) + Array(21...23) + Array(31...37) + Array(41...46) + Array(50...54) + Array(61...65)
            + [71, 81, 82, 83]
    )

    /// Whether 17 digits and a check character (10 stands for X) are an identity card.
    static func isIdentityCard(_ values: [UInt8]) -> Bool {
        func number(_ range: Range<Int>) -> Int { values[range].reduce(0) { 10 * $0 + Int($1) } }
        if values.count == 15 {
            return provinces.contains(number(0..<2)) && number(2..<6) > 0 && !values.contains(10)
                && isDate(1900 + number(6..<8), number(8..<10), number(10..<12)) && Set(values).count > 3
        }
        guard values.count == 18, !values.dropLast().contains(10), provinces.contains(number(0..<2)),
            1900...2099 ~= number(6..<10), isDate(number(6..<10), number(10..<12), number(12..<14))
        else { return false }
        // ISO 7064 MOD 11-2: the weights are powers of two modulo 11.
        var sum = 0
        for (index, value) in values.enumerated() { sum += Int(value) * ((1 << (17 - index)) % 11) }
        return sum % 11 == 1
    }

    /// Whether an account number passes ISO 13616: the length of its country, and mod 97.
    static func isIBAN(_ characters: [UInt8]) -> Bool {
        guard characters.count > 4,
            let length = ibanLengths[String(decoding: characters.prefix(2), as: UTF8.self)],
            characters.count == length
        else { return false }
        var remainder = 0
        for byte in characters[4...] + characters[..<4] {
            if Characters.isDigit(byte) {
                remainder = (remainder * 10 + Int(byte - 0x30)) % 97
            } else {
                remainder = (remainder * 100 + Int(byte - 0x41 + 10)) % 97
            }
        }
        return remainder == 1
    }

    /// The number of characters of an account number by country (the registry of ISO 13616).
    static let ibanLengths: [String: Int] = {
        let list = """
            AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 \
            FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 \
            LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 \
            SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20
            """
        return Dictionary(
            uniqueKeysWithValues: list.split(separator: " ").map { entry in
                (String(entry.prefix(2)), Int(entry.dropFirst(2)) ?? 0)
            }
        )
    }()

    private static let creditAlphabet = Array("0123456789ABCDEFGHJKLMNPQRTUWXY".utf8)

    /// Whether 18 characters are a social credit code of GB 32100.
    static func isCreditCode(_ characters: [UInt8]) -> Bool {
        guard characters.count == 18, "123456789ANY".utf8.contains(characters[0]),
            characters[2..<8].allSatisfy(Characters.isDigit),
            provinces.union([10]).contains(Int(characters[2] - 0x30) * 10 + Int(characters[3] - 0x30))
        else { return false }
        var (sum, weight) = (0, 1)
        for byte in characters.dropLast() {
            guard let value = creditAlphabet.firstIndex(of: byte) else { return false }
            sum += value * weight
            weight = weight * 3 % 31
        }
        return creditAlphabet.firstIndex(of: characters[17]) == (31 - sum % 31) % 31
    }

    /// Country codes of ITU-T E.164 with one and two digits; all others have three.
    static let shortCountryCodes: Set<Int> = [
        1, 7, 20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56,
        57, 58,
        60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
    ]

    /// Whether digits behind a plus sign can be a telephone number: a country code and a number of its length.
    static func isInternationalPhone(_ digits: [UInt8]) -> Bool {
        guard 9...15 ~= digits.count, let first = digits.first, first > 0 else { return false }
        let two = Int(first) * 10 + Int(digits[1])
        if first == 1 { return digits.count == 11 && digits[1] > 1 && digits[4] > 1 }
        if first == 7 { return digits.count == 11 }
        if two == 86 { return 12...14 ~= digits.count }
        if shortCountryCodes.contains(two) { return digits.count >= 9 }
        // Three digits: 2xx (but 20, 27, 28), 35x to 38x, 42x, 50x, 59x, 67x to 69x, 80x, 85x to 88x, 96x to 99x.
        return [21, 22, 23, 24, 25, 26, 29, 35, 37, 38, 42, 50, 59, 67, 68, 69, 80, 85, 87, 88, 96, 97, 99]
            .contains(two)
    }
}
