extension PersonalDataScanner {
    /// A find that begins with a letter of ASCII.
    func letterStart(at place: Int) -> PersonalDataMatch? {
        if Characters.isHexDigit(bytes[place]), let match = hexadecimal(at: place) { return match }
        if kinds.contains(.apiKey), let range = token(at: place) {
            return PersonalDataMatch(kind: .apiKey, range: range)
        }
        if kinds.contains(.iban), let range = iban(at: place) {
            return PersonalDataMatch(kind: .iban, range: range)
        }
        if kinds.contains(.creditCode), let match = creditCode(at: place) { return match }
        if kinds.contains(.secret), let range = assignment(at: place) {
            return PersonalDataMatch(kind: .secret, range: range)
        }
        if kinds.contains(.passport), let range = passport(at: place) {
            return PersonalDataMatch(kind: .passport, range: range)
        }
        if kinds.contains(.birthDate), let range = birthDate(at: place) {
            return PersonalDataMatch(kind: .birthDate, range: range)
        }
        return nil
    }

    /// A find that begins at a Chinese character.
    func chineseStart(at place: Int) -> PersonalDataMatch? {
        if kinds.contains(.secret), let range = assignment(at: place) {
            return PersonalDataMatch(kind: .secret, range: range)
        }
        if kinds.contains(.birthDate), let range = birthDate(at: place) {
            return PersonalDataMatch(kind: .birthDate, range: range)
        }
        if kinds.contains(.licencePlate), let range = licencePlate(at: place) {
            return PersonalDataMatch(kind: .licencePlate, range: range)
        }
        return nil
    }

    // MARK: - Tokens

    /// Prefixes of the tokens of known services, with the least and greatest number of characters behind them.
    private static let tokenPrefixes: [(prefix: StaticString, least: Int, most: Int)] = [
        ("AKIA", 16, 16), ("ASIA", 16, 16), ("ghp_", 36, 36), ("gho_", 36, 36), ("ghu_", 36, 36),
        ("ghs_", 36, 36),
        ("ghr_", 36, 76), ("github_pat_", 40, 255), ("glpat-", 20, 64), ("sk-", 20, 255),
        ("sk_live_", 16, 255),
        ("sk_test_", 16, 255), ("rk_live_", 16, 255), ("pk_live_", 16, 255), ("xoxb-", 20, 255),
        ("xoxp-", 20, 255),
        ("xoxa-", 20, 255), ("xoxr-", 20, 255), ("xoxs-", 20, 255), ("xapp-", 20, 255), ("AIza", 35, 35),
        ("ya29.", 20, 2048), ("npm_", 36, 36), ("hf_", 30, 40), ("pypi-AgE", 40, 512), ("SG.", 40, 100),
        ("LTAI", 12, 26), ("AKID", 32, 40), ("dop_v1_", 64, 64), ("shpat_", 32, 32),
    ]

    private static let tokenStarts = ByteSet(
        tokenPrefixes.map { $0.prefix.utf8Start[0] } + [UInt8(ascii: "e")]
    )

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        Characters.isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    private func token(at start: Int) -> Range<Int>? {
        guard Self.tokenStarts.contains(bytes[start]), start == 0 || bytes[start - 1] != UInt8(ascii: "-")
        else { return nil }
        if let range = webToken(at: start) { return range }
        for (prefix, least, most) in Self.tokenPrefixes {
            let body = start + prefix.utf8CodeUnitCount
            guard body < bytes.count,
                (0..<prefix.utf8CodeUnitCount).allSatisfy({ bytes[start + $0] == prefix.utf8Start[$0] })
            else { continue }
            let isDotted = bytes[body - 1] == UInt8(ascii: ".")
            var end = body
            while end < bytes.count, end - body <= most,
                Self.isTokenByte(bytes[end]) || isDotted && bytes[end] == UInt8(ascii: ".")
            {
                end += 1
            }
            while end > body, "-.".utf8.contains(bytes[end - 1]) { end -= 1 }
            if least...most ~= end - body, isRandom(body..<end) { return start..<end }
        }
        return nil
    }

    /// Whether characters look drawn by lot: digits among letters, and no short word again and again.
    private func isRandom(_ range: Range<Int>) -> Bool {
        let piece = bytes[range]
        return piece.contains(where: Characters.isDigit) && piece.contains(where: Characters.isLetter)
            && Set(piece).count >= 8
    }

    /// A JSON web token (RFC 7519): three parts in base64url, the first two of which begin with `{"`.
    private func webToken(at start: Int) -> Range<Int>? {
        guard Characters.matches("eyj", in: bytes, at: start), bytes[start + 2] == UInt8(ascii: "J") else {
            return nil
        }
        var place = start
        for part in 0..<3 {
            let begin = place
            while place < bytes.count, place - begin < 8192, Self.isTokenByte(bytes[place]) { place += 1 }
            guard place - begin >= 10, part != 1 || Characters.matches("eyj", in: bytes, at: begin) else {
                return nil
            }
            if part < 2 {
                guard place < bytes.count, bytes[place] == UInt8(ascii: ".") else { return nil }
                place += 1
            }
        }
        return start..<place
    }

    // MARK: - Assignments

    private static let secretNames: [StaticString] = [
        "password", "passwd", "passphrase", "pwd", "secret_access_key", "secret_key", "secretkey", "secret",
        "api_key",
        "api-key", "apikey", "api key", "access_key", "accesskey", "access_token", "auth_token", "token",
        "client_secret",
        "private_key", "credential", "密码", "口令", "密碼", "密钥", "暗号",
    ]
    private static let secretStarts = ByteSet(secretNames.map { $0.utf8Start[0] } + Array("PSATC".utf8))

    /// The value of an assignment to a name such as `password`.
    func assignment(at start: Int) -> Range<Int>? {
        // 密, 口 and 暗 by two bytes: their lead bytes begin half of all Chinese characters.
        if bytes[start] >= 0x80, ![0xAF, 0x8F, 0x9A].contains(bytes[start + 1]) { return nil }
        guard Self.secretStarts.contains(bytes[start]),
            let name = Self.secretNames.first(where: { Characters.matches($0, in: bytes, at: start) })
        else { return nil }
        var place = start + name.utf8CodeUnitCount
        // The rest of a longer name: password_prod, secretKey2; but no dots and brackets, which are code.
        while place < bytes.count, place - start < 48,
            Characters.isAlphanumeric(bytes[place]) || bytes[place] == UInt8(ascii: "_")
        {
            place += 1
        }
        guard let value = valueStart(from: place) else { return nil }
        let (begin, quote) = value
        var end = begin
        while end < bytes.count, end - begin <= 256 {
            let byte = bytes[end]
            if quote != 0
                ? byte == quote || byte == 0x0A
                : Characters.isSpace(byte) || byte >= 0x80 || "\"'<>,;)".utf8.contains(byte)
            {
                break
            }
            end += 1
        }
        if quote == 0 { while end > begin, ".?:".utf8.contains(bytes[end - 1]) { end -= 1 } }
        return 6...256 ~= end - begin && isSecret(begin..<end) ? begin..<end : nil
    }

    /// Where a value begins behind a name, and its quote (0 for none).
    private func valueStart(from start: Int) -> (Int, UInt8)? {
        var place = start
        func skipSpace() {
            while place < bytes.count, place - start < 16, bytes[place] == 0x20 { place += 1 }
        }
        if place < bytes.count, bytes[place] == UInt8(ascii: "\"") || bytes[place] == UInt8(ascii: "'") {
            place += 1
        }
        skipSpace()
        guard place < bytes.count else { return nil }
        let signs: [StaticString] = [":=", "=>", "=", ":", "：", "是", "为", "is ", "was "]
        guard let sign = signs.first(where: { Characters.matches($0, in: bytes, at: place) }) else {
            return nil
        }
        place += sign.utf8CodeUnitCount
        if place < bytes.count, bytes[place] == UInt8(ascii: "=") { return nil }
        for word in ["：", ":"] as [StaticString] where Characters.matches(word, in: bytes, at: place) {
            place += word.utf8CodeUnitCount
        }
        skipSpace()
        guard place < bytes.count else { return nil }
        let quote = bytes[place]
        return "\"'`".utf8.contains(quote) ? (place + 1, quote) : (place, 0)
    }

    /// Whether a value is a secret and no placeholder, word, path or expression.
    private func isSecret(_ range: Range<Int>) -> Bool {
        let value = bytes[range]
        if value.contains(where: { "(){}<>[]\\ ".utf8.contains($0) }) || value.first == UInt8(ascii: "$") {
            return false
        }
        if value.contains(where: { $0 >= 0x80 || $0 < 0x20 }) { return false }
        if value.filter({ $0 == UInt8(ascii: "*") }).count > 3 { return false }
        let digits = value.contains(where: Characters.isDigit)
        let small = value.contains { 0x61...0x7A ~= $0 }
        let large = value.contains { 0x41...0x5A ~= $0 }
        let signs = value.contains { !Characters.isAlphanumeric($0) && !"._-/".utf8.contains($0) }
        let classes = [digits, small, large, signs].count { $0 }
        // Names joined by dots or lines (os.environ, getUserName, my-password) have no digits.
        guard digits || signs && classes >= 3, classes >= 2, Set(value).count >= 5 else { return false }
        return !value.starts(with: "http".utf8)
    }

    // MARK: - Numbers with letters

    private func iban(at start: Int) -> Range<Int>? {
        guard start + 4 < bytes.count, 0x41...0x5A ~= bytes[start], 0x41...0x5A ~= bytes[start + 1],
            Characters.isDigit(bytes[start + 2]), Characters.isDigit(bytes[start + 3])
        else { return nil }
        let country = String(decoding: bytes[start..<(start + 2)], as: UTF8.self)
        guard let length = NumberRules.ibanLengths[country] else { return nil }
        var characters: [UInt8] = []
        var place = start
        while place < bytes.count, characters.count < length {
            let byte = bytes[place]
            if Characters.isDigit(byte) || 0x41...0x5A ~= byte {
                characters.append(byte)
            } else if byte != 0x20 || characters.count % 4 != 0 {
                break
            }
            place += 1
        }
        let isWhole = place == bytes.count || !Characters.isAlphanumeric(bytes[place])
        return isWhole && NumberRules.isIBAN(characters) ? start..<place : nil
    }

    func creditCode(at start: Int) -> PersonalDataMatch? {
        guard start + 18 <= bytes.count,
            start + 18 == bytes.count || !Characters.isAlphanumeric(bytes[start + 18]),
            NumberRules.isCreditCode(Array(bytes[start..<(start + 18)]))
        else { return nil }
        return PersonalDataMatch(kind: .creditCode, range: start..<(start + 18))
    }

    /// A passport number: one or two letters and seven or eight digits, behind the word within 32 bytes.
    private func passport(at start: Int) -> Range<Int>? {
        guard 0x41...0x5A ~= bytes[start] else { return nil }
        let end = wordEnd(start)
        let letters = bytes[start..<end].prefix { 0x41...0x5A ~= $0 }.count
        guard 1...2 ~= letters, 8...9 ~= end - start,
            bytes[(start + letters)..<end].allSatisfy(Characters.isDigit)
        else {
            return nil
        }
        let before = UnsafeBufferPointer(rebasing: bytes[max(0, start - 32)..<start])
        let isAnnounced =
            Characters.find("护照", in: before, from: 0) != nil
            || Characters.find("護照", in: before, from: 0) != nil
            || before.indices.contains { Characters.matches("passport", in: before, at: $0) }
        return isAnnounced ? start..<end : nil
    }

    private static let birthWords: [StaticString] = [
        "date of birth", "birth date", "birthdate", "birthday", "born on", "born", "dob", "d.o.b.", "出生日期",
        "出生年月",
        "出生于", "出生於", "生日", "生于", "生於",
    ]
    private static let birthStarts = ByteSet(birthWords.map { $0.utf8Start[0] } + Array("DB".utf8))

    /// The date behind a word such as "born" or 生日.
    private func birthDate(at start: Int) -> Range<Int>? {
        guard Self.birthStarts.contains(bytes[start]),
            let word = Self.birthWords.first(where: { Characters.matches($0, in: bytes, at: start) })
        else { return nil }
        var place = start + word.utf8CodeUnitCount
        let joints: [StaticString] = [" ", ":", "：", "是", "为", "is", "on", "was", "于", "("]
        for _ in 0..<6 {
            guard let joint = joints.first(where: { Characters.matches($0, in: bytes, at: place) }) else {
                break
            }
            place += joint.utf8CodeUnitCount
        }
        return DateReader.end(bytes, at: place).map { place..<$0 }
    }

    private func licencePlate(at start: Int) -> Range<Int>? {
        let provinces: [StaticString] = [
            "京", "津", "沪", "渝", "冀", "豫", "云", "辽", "黑", "湘", "皖", "鲁", "新", "苏", "浙", "赣", "鄂", "桂", "甘",
            "晋",
            "蒙", "陕", "吉", "闽", "贵", "粤", "青", "藏", "川", "宁", "琼",
        ]
        guard provinces.contains(where: { Characters.matches($0, in: bytes, at: start) }) else { return nil }
        var place = start + 3
        guard place < bytes.count, 0x41...0x5A ~= bytes[place], bytes[place] != 0x49, bytes[place] != 0x4F
        else { return nil }
        place += 1
        for sign in ["·", "•", " ", "-"] as [StaticString]
        where Characters.matches(sign, in: bytes, at: place) {
            place += sign.utf8CodeUnitCount
            break
        }
        let end = wordEnd(place)
        let body = bytes[place..<min(end, bytes.count)]
        guard 5...6 ~= body.count, body.contains(where: Characters.isDigit),
            body.allSatisfy({ Characters.isDigit($0) || 0x41...0x5A ~= $0 && $0 != 0x49 && $0 != 0x4F })
        else { return nil }
        return start..<end
    }
}

/// Reads dates in the ways in which people write dates of birth.
private enum DateReader {
    /// Where the date at a place ends; nil when there is none.
    static func end(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> Int? {
        var place = start
        var numbers: [(value: Int, digits: Int)] = []
        var month: Int?
        var end: Int?
        while place < bytes.count, numbers.count < 3, place - start < 40 {
            if Characters.isDigit(bytes[place]) {
                let begin = place
                var value = 0
                while place < bytes.count, place - begin < 8, Characters.isDigit(bytes[place]) {
                    value = 10 * value + Int(bytes[place] - 0x30)
                    place += 1
                }
                numbers.append((value, place - begin))
                end = place
                let ordinals: [StaticString] = ["st", "nd", "rd", "th", "年", "月", "日", "号"]
                for word in ordinals where Characters.matches(word, in: bytes, at: place) {
                    place += word.utf8CodeUnitCount
                    if word.utf8CodeUnitCount == 3 { end = place }
                    break
                }
                if numbers.count == 1, place - begin == 8 { break }
            } else if let (number, length) = monthName(bytes, at: place), month == nil {
                month = number
                place += length
                if place < bytes.count, bytes[place] == UInt8(ascii: ".") { place += 1 }
            } else if " ,-/.".utf8.contains(bytes[place]), numbers.count + (month == nil ? 0 : 1) > 0,
                place - (end ?? start) < 12
            {
                place += 1
            } else {
                break
            }
        }
        return isDate(numbers, month) ? end : nil
    }

    private static func isDate(_ numbers: [(value: Int, digits: Int)], _ month: Int?) -> Bool {
        guard let first = numbers.first, let last = numbers.last else { return false }
        func isYear(_ value: Int) -> Bool { 1880...2099 ~= value }
        if numbers.count == 1, first.digits == 8 {
            return isYear(first.value / 10_000)
                && NumberRules.isDate(first.value / 10_000, first.value / 100 % 100, first.value % 100)
        }
        if let month {
            guard numbers.count == 2 else { return false }
            let (year, day) = first.digits == 4 ? (first.value, last.value) : (last.value, first.value)
            return isYear(year) && NumberRules.isDate(year, month, day)
        }
        guard numbers.count == 3 else {
            return numbers.count == 2 && isYear(first.value) && 1...12 ~= last.value
        }
        if isYear(first.value) { return NumberRules.isDate(first.value, numbers[1].value, last.value) }
        let year = last.digits == 2 ? 1900 + last.value : last.value
        return isYear(year)
            && (NumberRules.isDate(year, first.value, numbers[1].value)
                || NumberRules.isDate(year, numbers[1].value, first.value))
    }

    private static func monthName(_ bytes: UnsafeBufferPointer<UInt8>, at place: Int) -> (Int, Int)? {
        let names: [StaticString] = [
            "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
            "november", "december",
        ]
        let short: [StaticString] = [
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ]
        for list in [names, short] {
            for (index, name) in list.enumerated() where Characters.matches(name, in: bytes, at: place) {
                return (index + 1, name.utf8CodeUnitCount)
            }
        }
        return nil
    }
}
