/// Cuts HTML into text, tags and other markup, in one pass whose cost grows with the length alone.
///
/// What never ends (a comment, a quote) is noted once and not looked for again.
struct HTMLTokenizer {
    /// What an element does to the text around it.
    enum Element: UInt8, Sendable {
        case inline, block, page, lineBreak, preformatted, row, cell, image
    }

    struct Tag {
        let element: Element
        let isEnd: Bool
        /// The attributes.
        let body: Range<Int>
    }

    enum Token {
        case text(Range<Int>)
        /// Text in which character references are not decoded: CDATA.
        case verbatim(Range<Int>)
        /// A comment, a declaration or the content of an element without text.
        case markup(isDoctype: Bool)
        case tag(Tag)
    }

    let bytes: UnsafeBufferPointer<UInt8>
    /// Whether tags of unknown names are tags.
    var takesUnknownTags = false
    /// Whether the content of noscript is left out.
    var skipsNoscript = true

    private var place = 0
    private var waiting: Token?
    private let lastGreater: Int
    private var unclosedQuotes: Set<UInt8> = []
    private var unclosedNames: Set<String> = []
    private var commentsEnd = true
    private var sectionsEnd = true

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        lastGreater = bytes.lastIndex(of: UInt8(ascii: ">")) ?? -1
    }

    /// The next token; nil at the end.
    mutating func next() -> Token? {
        if let token = waiting {
            waiting = nil
            return token
        }
        let start = place
        while place < bytes.count {
            guard let open = Characters.find(UInt8(ascii: "<"), in: bytes, from: place) else { break }
            place = open
            if let token = markup() {
                guard open > start else { return token }
                waiting = token
                return .text(start..<open)
            }
            place = open + 1
        }
        place = bytes.count
        return start < place ? .text(start..<place) : nil
    }

    /// Reads the markup at a less-than sign and goes behind it; nil when it is none.
    private mutating func markup() -> Token? {
        guard place + 1 < bytes.count else { return nil }
        let second = bytes[place + 1]
        if Characters.isLetter(second) { return tag(nameAt: place + 1, isEnd: false) }
        switch second {
        case UInt8(ascii: "/"):
            guard place + 2 < bytes.count, Characters.isLetter(bytes[place + 2]) else { return nil }
            return tag(nameAt: place + 2, isEnd: true)
        case UInt8(ascii: "!"): return declaration()
        case UInt8(ascii: "?"):
            // Processing instructions: <?xml … ?>, <?php … ?>
            guard place + 2 < bytes.count, Characters.isLetter(bytes[place + 2]) else { return nil }
            return skip(to: UInt8(ascii: ">"), isDoctype: false)
        default: return nil
        }
    }

    private mutating func declaration() -> Token? {
        if Characters.matches("<!--", in: bytes, at: place) {
            // "<!-->" and "<!--->" are comments without content.
            let inner = place + 4
            for ending in [">", "->"] as [StaticString] where Characters.matches(ending, in: bytes, at: inner)
            {
                place = inner + ending.utf8CodeUnitCount
                return .markup(isDoctype: false)
            }
            if commentsEnd, let end = Characters.find("-->", in: bytes, from: inner) {
                place = end + 3
                return .markup(isDoctype: false)
            }
            commentsEnd = false
            return nil
        }
        if Characters.matches("<![cdata[", in: bytes, at: place) {
            guard sectionsEnd, let end = Characters.find("]]>", in: bytes, from: place + 9) else {
                sectionsEnd = false
                return nil
            }
            let content = (place + 9)..<end
            place = end + 3
            return .verbatim(content)
        }
        let isDoctype = Characters.matches("<!doctype", in: bytes, at: place)
        // Conditional comments: <![if …]>, <![endif]>
        guard
            isDoctype || Characters.matches("<![", in: bytes, at: place)
                || place + 2 < bytes.count && Characters.isLetter(bytes[place + 2])
        else { return nil }
        return skip(to: UInt8(ascii: ">"), isDoctype: isDoctype)
    }

    private mutating func skip(to byte: UInt8, isDoctype: Bool) -> Token? {
        guard place < lastGreater, let end = Characters.find(byte, in: bytes, from: place) else { return nil }
        place = end + 1
        return .markup(isDoctype: isDoctype)
    }

    private mutating func tag(nameAt start: Int, isEnd: Bool) -> Token? {
        guard start < lastGreater else { return nil }
        var end = start
        while end < bytes.count, end - start <= 64, Self.isNameByte(bytes[end]) { end += 1 }
        guard end < bytes.count, end - start <= 64 else { return nil }
        let next = bytes[end]
        guard Characters.isSpace(next) || next == UInt8(ascii: ">") || next == UInt8(ascii: "/") else {
            return nil
        }
        let name = String(
            decoding: bytes[start..<end].map(Characters.lowercased),
            as: UTF8.self
        )
        let known = Self.elements[name]
        guard known != nil || takesUnknownTags, bytes[end - 1] != UInt8(ascii: ":"), isAttributeStart(end),
            let close = closing(from: end)
        else { return nil }
        place = close + 1
        if !isEnd, Self.textless.contains(name), name != "noscript" || skipsNoscript {
            skipContent(of: name)
            return .markup(isDoctype: false)
        }
        return .tag(Tag(element: known ?? .inline, isEnd: isEnd, body: end..<close))
    }

    /// Whether what follows a name can be an attribute or the end of a tag, unlike in `a<b && c>d`.
    private func isAttributeStart(_ start: Int) -> Bool {
        var place = start
        while place < bytes.count, Characters.isSpace(bytes[place]) { place += 1 }
        return place < bytes.count && !"&|=<+-)".utf8.contains(bytes[place])
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        Characters.isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ":")
            || byte == UInt8(ascii: "_")
    }

    /// The greater-than sign that ends a tag, quoted values passed over.
    private mutating func closing(from start: Int) -> Int? {
        var place = start
        var previous: UInt8 = 0
        while place < bytes.count {
            let byte = bytes[place]
            if byte == UInt8(ascii: ">") { return place }
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'"), previous == UInt8(ascii: "="),
                !unclosedQuotes.contains(byte)
            {
                if let end = Characters.find(byte, in: bytes, from: place + 1), end < lastGreater {
                    place = end
                } else {
                    unclosedQuotes.insert(byte)
                }
            }
            if !Characters.isSpace(byte) { previous = byte }
            place += 1
        }
        return nil
    }

    /// Goes behind the end tag of an element whose content is no text; to the end of the text when there is none.
    private mutating func skipContent(of name: String) {
        guard !unclosedNames.contains(name) else { return }
        var start = place
        while let open = Characters.find("</", in: bytes, from: start) {
            let after = open + 2 + name.utf8.count
            if after < bytes.count,
                zip(name.utf8, bytes[(open + 2)...]).allSatisfy({ $0 == Characters.lowercased($1) }),
                !Self.isNameByte(bytes[after])
            {
                place = (Characters.find(UInt8(ascii: ">"), in: bytes, from: after) ?? (bytes.count - 1)) + 1
                return
            }
            start = open + 2
        }
        // An element that is never closed hides what follows in a browser; here it loses its tag alone.
        unclosedNames.insert(name)
    }

    /// The range of an attribute's value.
    ///
    /// - Parameters:
    ///   - name: The name in lower case.
    ///   - tag: The tag.
    /// - Returns: nil when the tag has no such attribute.
    func attribute(_ name: StaticString, of tag: Tag) -> Range<Int>? {
        var place = tag.body.lowerBound
        while place < tag.body.upperBound {
            while place < tag.body.upperBound,
                Characters.isSpace(bytes[place]) || bytes[place] == UInt8(ascii: "/")
            {
                place += 1
            }
            let start = place
            while place < tag.body.upperBound, !Characters.isSpace(bytes[place]),
                bytes[place] != UInt8(ascii: "=")
            {
                place += 1
            }
            let isWanted =
                place - start == name.utf8CodeUnitCount && Characters.matches(name, in: bytes, at: start)
            while place < tag.body.upperBound, Characters.isSpace(bytes[place]) { place += 1 }
            guard place < tag.body.upperBound, bytes[place] == UInt8(ascii: "=") else { continue }
            place += 1
            while place < tag.body.upperBound, Characters.isSpace(bytes[place]) { place += 1 }
            guard place < tag.body.upperBound else { return nil }
            let quote = bytes[place]
            var value = place..<place
            if quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
                let end =
                    bytes[(place + 1)..<tag.body.upperBound].firstIndex(of: quote) ?? tag.body.upperBound
                value = (place + 1)..<end
                place = min(end + 1, tag.body.upperBound)
            } else {
                while place < tag.body.upperBound, !Characters.isSpace(bytes[place]) { place += 1 }
                value = value.lowerBound..<place
            }
            if isWanted { return value }
        }
        return nil
    }

    private static let textless: Set<String> = [
        "script", "style", "noscript", "template", "svg", "iframe", "noframes", "noembed",
    ]

    private static let elements: [String: Element] = {
        var table: [String: Element] = [:]
        func note(_ names: String, _ element: Element) {
            for name in names.split(separator: " ") { table[String(name)] = element }
        }
        note(
            "address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption figure "
                + "footer form frame frameset h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu menuitem nav "
                + "noframes ol optgroup option p search section summary title ul table tbody thead tfoot caption "
                + "colgroup xmp listing plaintext multicol",
            .block
        )
        note("html head body", .page)
        note("br", .lineBreak)
        note("pre textarea", .preformatted)
        note("tr", .row)
        note("td th", .cell)
        note("img", .image)
        note(
            "a abbr acronym applet area audio b base basefont bdi bdo bgsound big blink button canvas cite code col "
                + "data datalist del dfn em embed font i iframe input ins isindex kbd keygen label link map mark "
                + "marquee math meta meter nobr noembed noscript object output param picture progress q rb rp rt "
                + "rtc ruby s samp script select slot small source spacer span strike strong style sub sup svg "
                + "template time track tt u var video wbr image",
            .inline
        )
        return table
    }()
}
