/// Removes or replaces addresses of the web: http, https, ftp, `www.` and, if asked, bare domains.
public struct URLRemoval: TextOperator {
    /// What is written instead.
    public let replacement: String
    /// Whether domains without a scheme count.
    public let includesBareDomains: Bool

    /// Creates the operator.
    ///
    /// - Parameters:
    ///   - replacement: what is written instead; nothing by default.
    ///   - includesBareDomains: whether domains without a scheme count, such as `example.com`.
    public init(replacement: String = "", includesBareDomains: Bool = false) {
        (self.replacement, self.includesBareDomains) = (replacement, includesBareDomains)
    }

    /// The operator's name.
    public var name: String { "url_removal" }
    /// The replacement and what counts.
    public var settings: String { "bare:\(includesBareDomains),replacement:\(replacement)" }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Removes the addresses of a text.
    ///
    /// - Parameter text: any text.
    /// - Returns: the text without them and their number, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        var count = 0
        let result = text.rewrittenUntilStable { rewriter in
            var scanner = URLScanner(rewriter.bytes)
            scanner.findsBareDomains = includesBareDomains
            var place = 0
            while let url = scanner.nextURL(from: place) {
                place = url.upperBound
                if replacement.utf8.elementsEqual(rewriter.bytes[url]) { continue }
                count += 1
                if replacement.isEmpty {
                    rewriter.removeWithSpace(url)
                } else {
                    rewriter.replace(url, with: replacement.utf8)
                }
            }
        }
        return TextOutcome(result, found: ["url": count])
    }
}

/// Removes what only the readers of social media need: mentions, topics, repost chains, emoticon codes, addresses.
public struct SocialMediaCleaning: TextOperator {
    /// What is removed.
    public struct Parts: OptionSet, Sendable {
        /// The bits.
        public let rawValue: UInt16
        /// Creates a set from its bits.
        ///
        /// - Parameter rawValue: the bits.
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// Addresses of mail.
        public static let emails = Parts(rawValue: 1)
        /// `@user`, also `回复@用户:`.
        public static let mentions = Parts(rawValue: 2)
        /// `#话题#` and `#topic`, with their words.
        public static let topics = Parts(rawValue: 4)
        /// The signs of topics; their words stay.
        public static let topicSigns = Parts(rawValue: 8)
        /// `//@user:` and the words behind it, which another user wrote.
        public static let reposts = Parts(rawValue: 16)
        /// `转发微博`, `轉發微博`, `Repost` alone.
        public static let repostMarks = Parts(rawValue: 32)
        /// `[表情]`: codes of emoticons in brackets.
        public static let emoticons = Parts(rawValue: 64)
        /// What each part is called in recipes and reports.
        public static let names: [(name: String, part: Parts)] = [
            ("emails", .emails), ("mentions", .mentions), ("topics", .topics), ("topic_signs", .topicSigns),
            ("reposts", .reposts), ("repost_marks", .repostMarks), ("emoticons", .emoticons),
        ]
        /// Everything but the words of topics.
        public static let standard: Parts = [
            .emails, .mentions, .topicSigns, .reposts, .repostMarks, .emoticons,
        ]
    }

    /// What is removed.
    public let parts: Parts

    /// Creates the operator.
    ///
    /// - Parameter parts: what is removed; everything but the words of topics by default.
    public init(_ parts: Parts = .standard) { self.parts = parts }

    /// The operator's name.
    public var name: String { "social_media_cleaning" }
    /// What it removes.
    public var settings: String {
        Parts.names.filter { parts.contains($0.part) }.map(\.name).joined(separator: ",")
    }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Cleans a text.
    ///
    /// - Parameter text: a post.
    /// - Returns: the text without the chosen parts and their numbers, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        var found: [String: Int] = [:]
        let result = text.rewrittenUntilStable { rewriter in
            let scanner = SocialMediaScanner(rewriter.bytes, parts)
            var place = 0
            while let match = scanner.next(from: place) {
                found[match.name, default: 0] += 1
                if let inner = match.kept {
                    rewriter.replace(match.range.lowerBound..<inner.lowerBound)
                    if inner.upperBound < match.range.upperBound {
                        rewriter.replace(inner.upperBound..<match.range.upperBound)
                    }
                } else {
                    rewriter.removeWithSpace(match.range)
                }
                place = match.range.upperBound
            }
        }
        return TextOutcome(result, found: found)
    }
}

/// Finds the parts of posts in UTF-8.
private struct SocialMediaScanner {
    struct Match {
        let name: String
        let range: Range<Int>
        /// The words that stay.
        var kept: Range<Int>?
    }

    let bytes: UnsafeBufferPointer<UInt8>
    let parts: SocialMediaCleaning.Parts

    init(_ bytes: UnsafeBufferPointer<UInt8>, _ parts: SocialMediaCleaning.Parts) {
        (self.bytes, self.parts) = (bytes, parts)
    }

    private static let triggers = ByteSet([0x40, 0x23, 0x2F, 0x5B, 0xE8, 0xE5, 0x52, 0x72])

    func next(from start: Int) -> Match? {
        var place = start
        while place < bytes.count {
            let byte = bytes[place]
            if Self.triggers.contains(byte), let match = match(byte, at: place, from: start) { return match }
            place += 1
        }
        return nil
    }

    private func match(_ byte: UInt8, at place: Int, from start: Int) -> Match? {
        switch byte {
        case UInt8(ascii: "@"): at(place, from: start)
        case UInt8(ascii: "#"): topic(place, from: start)
        case UInt8(ascii: "/"): repost(place)
        case UInt8(ascii: "["): emoticon(place)
        default: repostMark(place, from: start) ?? reply(place)
        }
    }

    private func at(_ sign: Int, from start: Int) -> Match? {
        if parts.contains(.emails), let email = URLScanner(bytes).email(at: sign, from: start) {
            return Match(name: "emails", range: email)
        }
        guard parts.contains(.mentions), sign == 0 || !Characters.isAlphanumeric(bytes[sign - 1]) else {
            return nil
        }
        let end = nameEnd(from: sign + 1)
        return end > sign + 1 ? Match(name: "mentions", range: sign..<colonEnd(end)) : nil
    }

    /// Where a user's name ends: letters, digits, `_` and `-`, at most 30 scalars.
    private func nameEnd(from start: Int) -> Int {
        var (place, count) = (start, 0)
        while place < bytes.count, count < 30 {
            let (value, length) = scalar(in: bytes, at: place)
            guard
                value < 0x80
                    ? Characters.isAlphanumeric(UInt8(value)) || value == 0x5F || value == 0x2D
                    : Characters.isLetter(value) || value == 0xB7
            else { break }
            place += length
            count += 1
        }
        return place
    }

    /// Behind a colon at a place, in half or full width.
    private func colonEnd(_ place: Int) -> Int {
        if place < bytes.count, bytes[place] == UInt8(ascii: ":") { return place + 1 }
        return has("：", at: place) ? place + 3 : place
    }

    private func has(_ word: StaticString, at place: Int) -> Bool {
        Characters.matches(word, in: bytes, at: place)
    }

    private func reply(_ place: Int) -> Match? {
        guard parts.contains(.mentions), has("回复@", at: place) || has("回復@", at: place) else { return nil }
        let end = nameEnd(from: place + 7)
        return end > place + 7 ? Match(name: "mentions", range: place..<colonEnd(end)) : nil
    }

    private func topic(_ sign: Int, from start: Int) -> Match? {
        let isUnwrapped = parts.contains(.topicSigns)
        guard isUnwrapped || parts.contains(.topics) else { return nil }
        // #话题#: on one line, at most 64 scalars of words.
        var (place, count, isSpaced) = (sign + 1, 0, false)
        while place < bytes.count, count <= 64, bytes[place] != UInt8(ascii: "#"), bytes[place] != 0x0A {
            let (value, length) = scalar(in: bytes, at: place)
            if count == 0, Characters.isWhitespace(value) { isSpaced = true }
            place += length
            count += 1
        }
        if place < bytes.count, bytes[place] == UInt8(ascii: "#"), count > 0, !isSpaced,
            !Characters.isSpace(bytes[place - 1])
        {
            // Behind the closing sign must not be a letter of ASCII: "#one #two".
            let inner = (sign + 1)..<place
            return Match(
                name: "topics",
                range: sign..<(place + 1),
                kept: parts.contains(.topics) ? nil : inner
            )
        }
        guard sign == 0 || !Characters.isAlphanumeric(bytes[sign - 1]) && bytes[sign - 1] != UInt8(ascii: "&")
        else {
            return nil
        }
        let end = tagEnd(from: sign + 1)
        guard end > sign + 1 else { return nil }
        let inner = (sign + 1)..<end
        return Match(name: "topics", range: sign..<end, kept: parts.contains(.topics) ? nil : inner)
    }

    /// The end of a `#topic`: a letter, then letters, digits and `_`.
    private func tagEnd(from start: Int) -> Int {
        guard start < bytes.count, Characters.isLetter(scalar(in: bytes, at: start).value) else {
            return start
        }
        let end = nameEnd(from: start)
        // C#-like hexadecimal colours are no topics.
        let isColour = [3, 6].contains(end - start) && bytes[start..<end].allSatisfy(Characters.isHexDigit)
        return isColour && bytes[start..<end].contains(where: Characters.isDigit) ? start : end
    }

    private func repost(_ place: Int) -> Match? {
        guard parts.contains(.reposts), has("//@", at: place),
            place == 0 || bytes[place - 1] != UInt8(ascii: ":")
        else { return nil }
        let name = nameEnd(from: place + 3)
        guard name > place + 3,
            colonEnd(name) > name || name == bytes.count || Characters.isSpace(bytes[name])
        else { return nil }
        // What another user wrote goes to the end of the line.
        return Match(name: "reposts", range: place..<Characters.endOfLine(bytes, from: name))
    }

    private func repostMark(_ place: Int, from start: Int) -> Match? {
        guard parts.contains(.repostMarks) else { return nil }
        let marks: [StaticString] = ["转发微博", "轉發微博", "转发微博。", "repost", "分享图片", "分享圖片"]
        for mark in marks where has(mark, at: place) {
            let end = place + mark.utf8CodeUnitCount
            // Only where nothing else stands before it on its line.
            var before = place
            while before > 0, bytes[before - 1] != 0x0A, Characters.isSpace(bytes[before - 1]) { before -= 1 }
            if before == 0 || bytes[before - 1] == 0x0A,
                end == bytes.count || !Characters.isAlphanumeric(bytes[end]), isMarkEnd(end)
            {
                return Match(name: "repost_marks", range: place..<end)
            }
        }
        return nil
    }

    private func isMarkEnd(_ end: Int) -> Bool {
        guard end < bytes.count else { return true }
        let value = scalar(in: bytes, at: end).value
        return !Characters.isLetter(value)
    }

    private func emoticon(_ place: Int) -> Match? {
        guard parts.contains(.emoticons) else { return nil }
        // At most eight scalars, Chinese characters or letters: [哈哈], [doge]; no numbers, which are footnotes.
        var (end, count, hasHan) = (place + 1, 0, false)
        while end < bytes.count, count <= 8, bytes[end] != UInt8(ascii: "]") {
            let (value, length) = scalar(in: bytes, at: end)
            guard Characters.isHan(value) || value < 0x80 && Characters.isLetter(UInt8(value)) else {
                return nil
            }
            hasHan = hasHan || Characters.isHan(value)
            end += length
            count += 1
        }
        guard 1...8 ~= count, end < bytes.count, bytes[end] == UInt8(ascii: "]") else { return nil }
        // "[link](address)" is Markdown.
        if end + 1 < bytes.count, bytes[end + 1] == UInt8(ascii: "(") { return nil }
        guard hasHan || Self.latinCodes.contains(String(decoding: bytes[(place + 1)..<end], as: UTF8.self))
        else {
            return nil
        }
        return Match(name: "emoticons", range: place..<(end + 1))
    }

    private static let latinCodes: Set<String> = [
        "doge", "ok", "OK", "NO", "good", "din", "xkl", "orz", "BOBO",
    ]
}
