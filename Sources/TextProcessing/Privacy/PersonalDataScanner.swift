/// Walks over a text once and asks the detectors of each kind where one of their finds can begin.
struct PersonalDataScanner {
    let bytes: UnsafeBufferPointer<UInt8>
    let kinds: PersonalDataKindSet
    let keepsLoopback: Bool
    private let spelled: Bool
    private var matches: [PersonalDataMatch] = []
    /// Where no private key ends any more.
    private var noKeyEndFrom = Int.max

    init(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ kinds: Set<PersonalDataKind>,
        keepsLoopback: Bool,
        spelled: Bool
    ) {
        (self.bytes, self.kinds) = (bytes, PersonalDataKindSet(kinds))
        (self.keepsLoopback, self.spelled) = (keepsLoopback, spelled)
    }

    /// The finds from left to right.
    mutating func run() -> [PersonalDataMatch] {
        var place = 0
        let emails = kinds.contains(.email) ? emailRanges() : []
        var nextEmail = 0
        while place < bytes.count {
            let byte = bytes[place]
            while nextEmail < emails.count, emails[nextEmail].lowerBound < place { nextEmail += 1 }
            if nextEmail < emails.count, emails[nextEmail].lowerBound == place {
                matches.append(PersonalDataMatch(kind: .email, range: emails[nextEmail]))
                place = emails[nextEmail].upperBound
                continue
            }
            guard Self.starts.contains(byte) else {
                place += 1
                continue
            }
            let limit = nextEmail < emails.count ? emails[nextEmail].lowerBound : bytes.count
            place = step(at: place, byte, limit: limit)
        }
        return matches
    }

    /// Digits, letters, the signs before numbers, and the lead bytes of Chinese words that announce something.
    private static let starts = ByteSet(
        Array(0x30...0x39) + Array(0x41...0x5A) + Array(0x61...0x7A) + [0x2B, 0x28, 0x2D, 0x3A]
            + Array(0xE4...0xE9)
    )

    /// Looks for finds at a place and returns where to go on.
    private mutating func step(at place: Int, _ byte: UInt8, limit: Int) -> Int {
        if byte >= 0xE4 {
            if let match = chineseStart(at: place), match.range.upperBound <= limit { return note(match) }
            return place + 3
        }
        if byte == UInt8(ascii: "-") {
            guard kinds.contains(.apiKey), let range = privateKey(at: place) else { return place + 1 }
            return note(PersonalDataMatch(kind: .apiKey, range: range))
        }
        if byte == UInt8(ascii: ":") {
            // An address of IPv6 may begin with colons.
            guard kinds.contains(.ipAddress), Characters.matches("::", in: bytes, at: place),
                let match = address6(at: place)
            else { return place + 1 }
            return note(match)
        }
        let isWordByte = Characters.isAlphanumeric(byte)
        if isWordByte, place > 0, Characters.isAlphanumeric(bytes[place - 1]) { return wordEnd(place) }
        if isWordByte, place > 0, bytes[place - 1] == UInt8(ascii: "_") {
            // The last part of a longer name: DB_PASSWORD.
            guard kinds.contains(.secret), let range = assignment(at: place), range.upperBound <= limit else {
                return wordEnd(place)
            }
            return note(PersonalDataMatch(kind: .secret, range: range))
        }
        if Characters.isLetter(byte) {
            if let match = letterStart(at: place), match.range.upperBound <= limit { return note(match) }
            return wordEnd(place)
        }
        if let match = numberStart(at: place), match.range.upperBound <= limit { return note(match) }
        return isWordByte ? wordEnd(place) : place + 1
    }

    private mutating func note(_ match: PersonalDataMatch) -> Int {
        if kinds.contains(match.kind) { matches.append(match) }
        return match.range.upperBound
    }

    /// Behind the run of letters and digits at a place.
    func wordEnd(_ place: Int) -> Int {
        var end = place
        while end < bytes.count, Characters.isAlphanumeric(bytes[end]) { end += 1 }
        return max(end, place + 1)
    }

    private func emailRanges() -> [Range<Int>] {
        let scanner = URLScanner(bytes)
        var ranges: [Range<Int>] = []
        var place = 0
        while let range = scanner.nextEmail(from: place) {
            ranges.append(range)
            place = range.upperBound
        }
        if spelled { ranges = (ranges + spelledEmails()).sorted { $0.lowerBound < $1.lowerBound } }
        return ranges
    }

    /// Addresses written as "name at domain dot com" or "name [at] domain [dot] com".
    private func spelledEmails() -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var place = 0
        while place < bytes.count {
            guard bytes[place] | 0x20 == UInt8(ascii: "a"), let (nameEnd, hostStart) = joint("at", at: place)
            else {
                place += 1
                continue
            }
            place += 2
            var begin = nameEnd
            while begin > 0, nameEnd - begin < 64, Self.spelledName.contains(bytes[begin - 1]) { begin -= 1 }
            guard begin < nameEnd, ranges.last.map({ $0.upperBound <= begin }) ?? true,
                let end = spelledHost(from: hostStart)
            else { continue }
            ranges.append(begin..<end)
            place = end
        }
        return ranges
    }

    private static let spelledName = ByteSet(
        Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+".utf8)
    )

    /// The ends of what stands on both sides of a spelled sign at a place: spaces or brackets around it.
    private func joint(_ word: StaticString, at place: Int) -> (before: Int, after: Int)? {
        let end = place + word.utf8CodeUnitCount
        guard Characters.matches(word, in: bytes, at: place), place > 1, end < bytes.count else { return nil }
        var (before, after) = (place, end)
        let opening = bytes[place - 1]
        if opening == UInt8(ascii: "[") || opening == UInt8(ascii: "(") {
            guard bytes[end] == (opening == UInt8(ascii: "[") ? UInt8(ascii: "]") : UInt8(ascii: ")")) else {
                return nil
            }
            (before, after) = (place - 1, end + 1)
        } else if opening != 0x20 || bytes[end] != 0x20 {
            return nil
        }
        if before > 0, bytes[before - 1] == 0x20 { before -= 1 }
        if after < bytes.count, bytes[after] == 0x20 { after += 1 }
        return (before, after)
    }

    private func spelledHost(from start: Int) -> Int? {
        var place = start
        for label in 0..<4 {
            let begin = place
            while place < bytes.count,
                Characters.isAlphanumeric(bytes[place]) || bytes[place] == UInt8(ascii: "-")
            {
                place += 1
            }
            guard place > begin, place - begin < 64 else { return nil }
            var sign = place
            while sign < bytes.count, sign - place < 2, [0x20, 0x5B, 0x28].contains(bytes[sign]) { sign += 1 }
            guard sign > place, let (_, next) = joint("dot", at: sign) else {
                let word = String(decoding: bytes[begin..<place].map(Characters.lowercased), as: UTF8.self)
                return label > 0 && URLScanner.topLevelDomains.contains(word) ? place : nil
            }
            place = next
        }
        return nil
    }

    // MARK: - Words around a place

    /// What the words before a place say about a number there.
    enum Hint { case none, phone, order, card, address }

    /// The nearest telling word within 32 bytes before a place, on the same line.
    func hint(before place: Int) -> Hint {
        let start = max(0, place - 40)
        var line = start
        for index in (start..<place).reversed() where bytes[index] == 0x0A {
            line = index + 1
            break
        }
        var best = (Hint.none, -1)
        for (words, hint) in Self.hintWords {
            for word in words {
                var at = place - word.count
                while at >= line {
                    if word.indices.allSatisfy({ Characters.lowercased(bytes[at + $0]) == word[$0] }) {
                        if isWhole(at, at + word.count), at + word.count > best.1 {
                            best = (hint, at + word.count)
                        }
                        break
                    }
                    at -= 1
                }
            }
        }
        return best.0
    }

    /// Whether a word of ASCII stands alone, a plural apart; words of Chinese always do.
    private func isWhole(_ start: Int, _ end: Int) -> Bool {
        guard Characters.isLetter(bytes[start]) else { return true }
        if start > 0, Characters.isLetter(bytes[start - 1]) { return false }
        let next = end < bytes.count && bytes[end] | 0x20 == UInt8(ascii: "s") ? end + 1 : end
        return next >= bytes.count || !Characters.isLetter(bytes[next])
    }

    private static let hintWords: [(words: [[UInt8]], hint: Hint)] = [
        (words(phoneWords), .phone), (words(orderWords), .order), (words(cardWords), .card),
        (words(addressWords), .address),
    ]

    private static func words(_ list: String) -> [[UInt8]] {
        list.split(separator: "|").map { Array($0.utf8) }
    }

    private static let phoneWords = """
        tel|phone|telephone|call|mobile|cell|fax|dial|whatsapp|text me|sms|ring|hotline|ph|contact number|callback|reach|\
        电话|手机|手机号|致电|拨打|来电|传真|联系方式|热线|联系人|电联|微信同号|座机|固话|客服|電話|手機|撥打|傳真|聯絡|打给|短信|号码是
        """
    private static let orderWords = """
        order|invoice|tracking|serial|isbn|issn|ref|reference|sku|version|ver|build|ticket|item|part|model|\
        barcode|timestamp|doi|patent|case|uid|user id|batch|lot|imei|release|section|firmware|chapter|parcel|upc|ean|\
        transaction|commit|revision|\
        订单|单号|编号|流水|快递|运单|序列号|学号|工号|型号|条码|版本|时间戳|专利|批号|案号|书号|货号|课程号|文号|发票|合同号|票号|固件|章节|\
        會員號|訂單|編號|單號|会员号|房号|商品|qq|群号|邮编|代码
        """
    private static let cardWords = "card|visa|mastercard|卡号|银行卡|信用卡|储蓄卡|账号|账户|帳號|卡號"
    private static let addressWords = """
        ip|host|server|address|ping|地址|服务器|主机|网关|dns|gateway|client|from|登录|访问
        """
}

extension PersonalDataScanner {
    /// The end of a private key in PEM at a place (RFC 7468).
    mutating func privateKey(at place: Int) -> Range<Int>? {
        guard Characters.matches("-----begin ", in: bytes, at: place), place < noKeyEndFrom else {
            return nil
        }
        let lineEnd = min(Characters.endOfLine(bytes, from: place), place + 64)
        let head = UnsafeBufferPointer(rebasing: bytes[place..<lineEnd])
        guard Characters.find("PRIVATE KEY", in: head, from: 0) != nil else { return nil }
        guard let end = Characters.find("-----END ", in: bytes, from: place + 11) else {
            noKeyEndFrom = place
            return nil
        }
        let close = Characters.find("-----", in: bytes, from: end + 9) ?? (bytes.count - 5)
        return close - place <= 32_768 ? place..<(close + 5) : nil
    }
}
