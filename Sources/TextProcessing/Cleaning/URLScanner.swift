/// Finds addresses of the web and of mail in UTF-8.
struct URLScanner {
    let bytes: UnsafeBufferPointer<UInt8>
    /// Whether domains without scheme and `www.` count, such as `example.com/page`.
    var findsBareDomains = false

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// The first address of the web at or after a place; nil when there is none.
    ///
    /// An address ends before white space, quotes, angle brackets and every Chinese, Japanese or Korean character;
    /// punctuation at its end and a closing bracket without its opening one do not belong to it.
    func nextURL(from start: Int) -> Range<Int>? {
        var place = start
        while place < bytes.count {
            let byte = bytes[place]
            guard Self.triggers.contains(byte) else {
                place += 1
                continue
            }
            var found: Range<Int>?
            switch byte {
            case UInt8(ascii: ":"): found = address(schemeEnd: place, from: start)
            case UInt8(ascii: "."): found = findsBareDomains ? bareDomain(dot: place, from: start) : nil
            default:
                if Characters.matches("www.", in: bytes, at: place), isBoundary(place, from: start) {
                    found = address(from: place, hostAt: place + 4)
                }
            }
            if let found { return found }
            place += 1
        }
        return nil
    }

    private static let triggers = ByteSet(":.wW".utf8)

    /// Whether no letter or digit of ASCII, at sign or the like stands before a place.
    private func isBoundary(_ place: Int, from start: Int) -> Bool {
        guard place > start else { return true }
        let before = bytes[place - 1]
        return !Characters.isAlphanumeric(before) && !Self.joints.contains(before)
    }

    private static let joints = ByteSet("@._-".utf8)

    private func address(schemeEnd: Int, from start: Int) -> Range<Int>? {
        guard Characters.matches("://", in: bytes, at: schemeEnd) else { return nil }
        let schemes: [StaticString] = ["https", "http", "ftps", "ftp"]
        for scheme in schemes {
            let begin = schemeEnd - scheme.utf8CodeUnitCount
            if begin >= start, Characters.matches(scheme, in: bytes, at: begin),
                isBoundary(begin, from: start)
            {
                return address(from: begin, hostAt: schemeEnd + 3)
            }
        }
        return nil
    }

    private func address(from begin: Int, hostAt host: Int) -> Range<Int>? {
        guard host < bytes.count, Characters.isAlphanumeric(bytes[host]) || bytes[host] == UInt8(ascii: "[")
        else {
            return nil
        }
        return begin..<end(from: host)
    }

    /// Where an address ends whose host begins at a place.
    func end(from host: Int) -> Int {
        var place = host
        var depth: (round: Int, square: Int) = (0, 0)
        while place < bytes.count {
            let byte = bytes[place]
            if byte < 0x80 {
                guard Self.members.contains(byte) else { break }
                switch byte {
                case UInt8(ascii: "("): depth.round += 1
                case UInt8(ascii: "["): depth.square += 1
                case UInt8(ascii: ")"): depth.round -= 1
                case UInt8(ascii: "]"): depth.square -= 1
                default: break
                }
                if depth.round < 0 || depth.square < 0 { break }
                place += 1
            } else {
                let (value, length) = scalar(in: bytes, at: place)
                // Letters of Latin, Greek, Cyrillic and the like, as in addresses of Wikipedia.
                guard 0xC0..<0x0590 ~= value, value != 0xD7, value != 0xF7 else { break }
                place += length
            }
        }
        while place > host, Self.endPunctuation.contains(bytes[place - 1]) { place -= 1 }
        return place
    }

    private static let members = ByteSet(
        (0x21...0x7E).filter { !"\"<>`{}|\\^".utf8.contains($0) }
    )
    private static let endPunctuation = ByteSet(".,;:!?'*_~([&#".utf8)

    private func bareDomain(dot: Int, from start: Int) -> Range<Int>? {
        var begin = dot
        while begin > start, dot - begin < 64,
            Characters.isAlphanumeric(bytes[begin - 1]) || bytes[begin - 1] == UInt8(ascii: "-")
        {
            begin -= 1
        }
        guard begin < dot, Characters.isAlphanumeric(bytes[begin]), isBoundary(begin, from: start),
            let host = Self.domainEnd(bytes, from: begin)
        else { return nil }
        // A sentence without a space after its full stop ("the end.In the") is no domain: a path or port, or a
        // boundary of another kind, must follow.
        let next = host < bytes.count ? bytes[host] : 0x20
        if next == UInt8(ascii: "/") || next == UInt8(ascii: ":") || next == UInt8(ascii: "?") {
            return begin..<end(from: begin)
        }
        return next == UInt8(ascii: "@") || next == UInt8(ascii: "(") ? nil : begin..<host
    }

    /// The end of a host name with a known top-level domain that begins at a place; nil when there is none.
    static func domainEnd(_ bytes: UnsafeBufferPointer<UInt8>, from begin: Int) -> Int? {
        var place = begin
        var label = begin
        var end: Int?
        var (isFirst, endsInTop) = (true, false)
        while place <= bytes.count, place - begin <= 253 {
            let byte = place < bytes.count ? bytes[place] : 0
            if Characters.isAlphanumeric(byte) || byte == UInt8(ascii: "-") {
                place += 1
                continue
            }
            guard place > label, place - label <= 63, bytes[label] != UInt8(ascii: "-"),
                bytes[place - 1] != UInt8(ascii: "-")
            else { break }
            endsInTop = !isFirst && isTopLevel(bytes, label..<place)
            if endsInTop { end = place }
            isFirst = false
            guard byte == UInt8(ascii: ".") else { break }
            place += 1
            label = place
        }
        // What follows the top-level domain must not go on as a name ("file.com.swift" ends nowhere).
        return endsInTop ? end : nil
    }

    private static func isTopLevel(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Bool {
        // "The end.In the" lacks a space; a domain has one case.
        guard 2...10 ~= range.count,
            bytes[range].dropFirst().allSatisfy({ ($0 ^ bytes[range.lowerBound]) & 0x20 == 0 })
        else { return false }
        return topLevelDomains.contains(
            String(decoding: bytes[range].map(Characters.lowercased), as: UTF8.self)
        )
    }

    /// Common top-level domains; those that are file name endings or words of code (`.py`, `.md`, `.sh`, `.is`) are
    /// left out.
    static let topLevelDomains = Set(
        ("com org net edu gov mil int info biz name pro io co ai app dev tech online site xyz top club vip shop store "
            + "blog cloud live news cc tv me us uk ca au nz de fr it es pt nl be ch at dk se no fi pl cz hu ro gr tr "
            + "ru ua jp kr cn tw hk mo sg my th vn ph id in pk ir il sa ae za eg ng ke br mx ar cl pe eu asia wang "
            + "ren ltd group work link fun space website ink mobi love wiki email").split(separator: " ").map(
                String.init
            )
    )

    /// The first address of mail at or after a place; nil when there is none.
    func nextEmail(from start: Int) -> Range<Int>? {
        var place = start
        while let sign = Characters.find(UInt8(ascii: "@"), in: bytes, from: place) {
            if let found = email(at: sign, from: start) { return found }
            place = sign + 1
        }
        return nil
    }

    private static let localPart = ByteSet(
        Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!#$%&'*+/=?^_`{|}~-".utf8)
    )
    private static let localStart = ByteSet(
        Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_".utf8)
    )

    /// The address of mail with its at sign at a place, not beginning before `start`.
    func email(at sign: Int, from start: Int) -> Range<Int>? {
        var begin = sign
        while begin > start, sign - begin < 64, Self.localPart.contains(bytes[begin - 1]) { begin -= 1 }
        // The parts that only quoting or a query would bring there do not begin an address.
        while begin < sign, !Self.localStart.contains(bytes[begin]) { begin += 1 }
        if let separator = bytes[begin..<sign].lastIndex(where: {
            $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "=")
        }) {
            begin = separator + 1
        }
        guard begin < sign, bytes[sign - 1] != UInt8(ascii: "."),
            let end = Self.hostEnd(bytes, from: sign + 1)
        else {
            return nil
        }
        return begin..<end
    }

    /// The end of any host name: labels joined by dots, the last one of two or more letters.
    static func hostEnd(_ bytes: UnsafeBufferPointer<UInt8>, from begin: Int) -> Int? {
        var place = begin
        var label = begin
        var end: Int?
        var labels = 0
        while place <= bytes.count, place - begin <= 253 {
            let byte = place < bytes.count ? bytes[place] : 0
            if Characters.isAlphanumeric(byte) || byte == UInt8(ascii: "-") {
                place += 1
                continue
            }
            guard place > label, place - label <= 63, bytes[label] != UInt8(ascii: "-") else { break }
            labels += 1
            if labels > 1, place - label >= 2, bytes[label..<place].allSatisfy(Characters.isLetter) {
                end = place
            }
            guard byte == UInt8(ascii: ".") else { break }
            place += 1
            label = place
        }
        return end
    }
}
