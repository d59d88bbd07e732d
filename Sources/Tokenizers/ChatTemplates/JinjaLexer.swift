/// A token of a template.
struct JinjaToken: Sendable {
    enum Kind: Sendable {
        case data(String)
        case variableBegin
        case variableEnd
        case blockBegin
        case blockEnd
        case name(String)
        case string(String)
        case integer(Int)
        case number(Double)
        case symbol(String)
        case end
    }

    var kind: Kind
    var place: JinjaPlace

    /// The token in words, for error messages.
    var words: String {
        switch kind {
        case .data: "text"
        case .variableBegin: "'{{'"
        case .variableEnd: "'}}'"
        case .blockBegin: "'{%'"
        case .blockEnd: "'%}'"
        case .name(let name): "'\(name)'"
        case .string: "a string"
        case .integer, .number: "a number"
        case .symbol(let symbol): "'\(symbol)'"
        case .end: "the end of the template"
        }
    }
}

/// Cuts a template into tokens, with `trim_blocks` and `lstrip_blocks` on as chat templates expect.
///
/// Source: the lexical rules of Jinja's template designer documentation.
struct JinjaLexer {
    private let source: [Unicode.Scalar]
    private var position = 0
    private var line: Int32 = 1
    private var lineStart = 0
    /// Whether the last thing read ended a line; a tag's indentation goes only then.
    private var isLineStart = true
    private var tokens: [JinjaToken] = []
    /// The brackets open in the current tag, as the scalars that close them.
    private var open: [Unicode.Scalar] = []

    private enum Tag { case variable, block, comment, raw }

    private init(_ text: String) {
        var scalars: [Unicode.Scalar] = []
        scalars.reserveCapacity(text.utf8.count)
        var afterReturn = false
        for scalar in text.unicodeScalars {
            if scalar == "\n", afterReturn {
                afterReturn = false
                continue
            }
            afterReturn = scalar == "\r"
            scalars.append(afterReturn ? "\n" : scalar)
        }
        // One line end at the end of the file belongs to the file, not to the text.
        if scalars.last == "\n" { scalars.removeLast() }
        source = scalars
    }

    static func tokens(of text: String, limits: ChatTemplateLimits) throws(ChatTemplateError) -> [JinjaToken]
    {
        guard text.utf8.count <= 4 * limits.sourceLength else {
            throw ChatTemplateError(
                .limitExceeded,
                .none,
                "the template is longer than \(limits.sourceLength)"
            )
        }
        var lexer = JinjaLexer(text)
        while lexer.position < lexer.source.count { try lexer.readData() }
        lexer.add(.end)
        return lexer.tokens
    }

    // MARK: Places

    private var place: JinjaPlace {
        JinjaPlace(line: line, column: Int32(truncatingIfNeeded: position - lineStart + 1))
    }

    private func fail(_ message: String) -> ChatTemplateError { ChatTemplateError(.syntax, place, message) }

    private mutating func add(_ kind: JinjaToken.Kind) { tokens.append(JinjaToken(kind: kind, place: place)) }

    private mutating func advance(to end: Int) {
        if end > position { isLineStart = source[end - 1] == "\n" }
        while position < end {
            if source[position] == "\n" {
                line += 1
                lineStart = position + 1
            }
            position += 1
        }
    }

    private func scalar(_ index: Int) -> Unicode.Scalar { index < source.count ? source[index] : "\0" }

    private func matches(_ text: StaticString, _ index: Int) -> Bool {
        let end = index + text.utf8CodeUnitCount
        guard end <= source.count else { return false }
        var at = index
        for offset in 0..<text.utf8CodeUnitCount {
            if source[at].value != UInt32(text.utf8Start[offset]) { return false }
            at += 1
        }
        return true
    }

    private func skipSpace(_ index: Int) -> Int {
        var index = index
        while index < source.count, source[index].isPythonSpace { index += 1 }
        return index
    }

    // MARK: Text

    /// Reads text up to the next tag, and the tag.
    private mutating func readData() throws(ChatTemplateError) {
        let start = position
        var index = position
        while index < source.count {
            guard source[index] == "{", let (tag, body, sign) = tagBegin(index) else {
                index += 1
                continue
            }
            addData(start, stripped(start, index, sign, isVariable: tag == .variable))
            advance(to: index)
            if tag == .variable { add(.variableBegin) }
            if tag == .block { add(.blockBegin) }
            advance(to: body)
            switch tag {
            case .comment: try readComment()
            case .raw: try readRaw()
            case .variable, .block: try readTag(isVariable: tag == .variable)
            }
            return
        }
        addData(start, source.count)
        advance(to: source.count)
    }

    private mutating func addData(_ start: Int, _ end: Int) {
        guard end > start else { return }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: source[start..<end])
        add(.data(String(text)))
    }

    /// The kind of tag that begins at an index, where its body begins, and the sign for white space before it.
    private func tagBegin(_ index: Int) -> (Tag, Int, Unicode.Scalar)? {
        let second = scalar(index + 1)
        guard second == "{" || second == "%" || second == "#" else { return nil }
        let sign = scalar(index + 2)
        let hasSign = sign == "-" || sign == "+"
        let body = index + (hasSign ? 3 : 2)
        if second == "%" {
            let name = skipSpace(body)
            if matches("raw", name) {
                let end = skipSpace(name + 3)
                if matches("-%}", end) { return (.raw, skipSpace(end + 3), hasSign ? sign : " ") }
                if matches("%}", end) { return (.raw, end + 2, hasSign ? sign : " ") }
            }
        }
        return (second == "{" ? .variable : second == "%" ? .block : .comment, body, hasSign ? sign : " ")
    }

    /// Where text before a tag ends after white space control.
    private func stripped(_ start: Int, _ end: Int, _ sign: Unicode.Scalar, isVariable: Bool) -> Int {
        var index = end
        if sign == "-" {
            while index > start, source[index - 1].isPythonSpace { index -= 1 }
            return index
        }
        guard sign != "+", !isVariable else { return end }
        while index > start, source[index - 1] != "\n" {
            guard source[index - 1].isPythonSpace else { return end }
            index -= 1
        }
        return index > start || isLineStart ? index : end
    }

    /// The end of a tag at an index with all white space that it takes along, or nil when none is there.
    private func tagEnd(_ index: Int, _ close: StaticString, trims: Bool) -> Int? {
        if scalar(index) == "-", matches(close, index + 1) { return skipSpace(index + 3) }
        if trims, scalar(index) == "+", matches(close, index + 1) { return index + 3 }
        guard matches(close, index) else { return nil }
        return trims && scalar(index + 2) == "\n" ? index + 3 : index + 2
    }

    private mutating func readComment() throws(ChatTemplateError) {
        var index = position
        while index < source.count {
            if let end = tagEnd(index, "#}", trims: true) { return advance(to: end) }
            index += 1
        }
        throw fail("a comment has no end '#}'")
    }

    private mutating func readRaw() throws(ChatTemplateError) {
        let start = position
        var index = position
        while index < source.count {
            if matches("{%", index) {
                let sign = scalar(index + 2)
                let hasSign = sign == "-" || sign == "+"
                let name = skipSpace(index + (hasSign ? 3 : 2))
                if matches("endraw", name), let end = tagEnd(skipSpace(name + 6), "%}", trims: true) {
                    addData(start, stripped(start, index, hasSign ? sign : " ", isVariable: false))
                    return advance(to: end)
                }
            }
            index += 1
        }
        throw fail("a raw block has no '{% endraw %}'")
    }

    // MARK: Tags

    private mutating func readTag(isVariable: Bool) throws(ChatTemplateError) {
        open = []
        while position < source.count {
            if open.isEmpty, let end = tagEnd(position, isVariable ? "}}" : "%}", trims: !isVariable) {
                add(isVariable ? .variableEnd : .blockEnd)
                return advance(to: end)
            }
            let scalar = source[position]
            if scalar.isPythonSpace {
                advance(to: skipSpace(position))
            } else if scalar.isASCIIDigit {
                try readNumber()
            } else if scalar == "_" || scalar.properties.isXIDContinue {
                try readName()
            } else if scalar == "'" || scalar == "\"" {
                try readString(scalar)
            } else {
                try readSymbol()
            }
        }
        throw fail("a tag has no end '\(isVariable ? "}}" : "%}")'")
    }

    private mutating func readName() throws(ChatTemplateError) {
        var end = position
        var name = String.UnicodeScalarView()
        while end < source.count, source[end] == "_" || source[end].properties.isXIDContinue {
            name.append(source[end])
            end += 1
        }
        guard source[position] == "_" || source[position].properties.isXIDStart else {
            throw fail("'\(String(name))' is no name")
        }
        add(.name(String(name)))
        advance(to: end)
    }

    private mutating func readSymbol() throws(ChatTemplateError) {
        let pairs: [StaticString] = ["//", "**", "==", "!=", ">=", "<="]
        for pair in pairs where matches(pair, position) {
            add(.symbol(pair.description))
            return advance(to: position + 2)
        }
        let scalar = source[position]
        switch scalar {
        case "(": open.append(")")
        case "[": open.append("]")
        case "{": open.append("}")
        case ")", "]", "}":
            guard let expected = open.popLast() else { throw fail("unexpected '\(scalar)'") }
            guard expected == scalar else { throw fail("unexpected '\(scalar)', expected '\(expected)'") }
        case "+", "-", "/", "*", "%", "~", ">", "<", "=", ".", ":", "|", ",", ";": break
        default: throw fail("unexpected character '\(scalar)'")
        }
        add(.symbol(String(scalar)))
        advance(to: position + 1)
    }
}

// MARK: - Literals

extension JinjaLexer {
    /// The end of digits that may have single underscores between them.
    private func digits(_ index: Int, _ radix: UInt32 = 10) -> Int {
        var index = index
        while true {
            let next = scalar(index) == "_" ? index + 1 : index
            guard let digit = scalar(next).hexadecimalDigit, digit < radix else { return index }
            index = next + 1
        }
    }

    private func plain(_ start: Int, _ end: Int) -> String {
        var text = String.UnicodeScalarView()
        for index in start..<end where source[index] != "_" { text.append(source[index]) }
        return String(text)
    }

    private mutating func readNumber() throws(ChatTemplateError) {
        let prefixes: [Unicode.Scalar: UInt32] = ["b": 2, "o": 8, "x": 16, "B": 2, "O": 8, "X": 16]
        if source[position] == "0", let radix = prefixes[scalar(position + 1)] {
            let end = digits(position + 2, radix)
            if end > position + 2 { return try addInteger(plain(position + 2, end), Int(radix), end) }
        }
        let whole = digits(position)
        var end = whole
        if scalar(whole) == ".", scalar(whole + 1).isASCIIDigit { end = digits(whole + 1) }
        if scalar(end) == "e" || scalar(end) == "E" {
            let sign = scalar(end + 1) == "+" || scalar(end + 1) == "-" ? 1 : 0
            if scalar(end + 1 + sign).isASCIIDigit { end = digits(end + 1 + sign) }
        }
        // After a dot digits are a subscript: `a.0.1` has no number 0.1 in it.
        if case .symbol(".")? = tokens.last?.kind, source[position - 1] == "." { end = whole }
        if end > whole {
            guard let value = Double(plain(position, end)) else { throw fail("a number is malformed") }
            add(.number(value))
            return advance(to: end)
        }
        let isZero = source[position] == "0"
        if isZero {
            end = position + 1
            while scalar(end) == "0" { end += 1 }
        }
        try addInteger(plain(position, end), 10, end)
    }

    private mutating func addInteger(_ text: String, _ radix: Int, _ end: Int) throws(ChatTemplateError) {
        guard let value = Int(text, radix: radix) else { throw fail("an integer has more than 64 bits") }
        add(.integer(value))
        advance(to: end)
    }

    private mutating func readString(_ quote: Unicode.Scalar) throws(ChatTemplateError) {
        var text = String.UnicodeScalarView()
        var index = position + 1
        while index < source.count {
            let scalar = source[index]
            if scalar == quote {
                add(.string(String(text)))
                return advance(to: index + 1)
            }
            if scalar == "\\" {
                index = try readEscape(index + 1, into: &text)
            } else {
                text.append(scalar)
                index += 1
            }
        }
        throw fail("a string has no end")
    }

    /// Reads what follows a backslash.
    ///
    /// - Returns: The index behind it.
    private func readEscape(
        _ index: Int,
        into text: inout String.UnicodeScalarView
    ) throws(ChatTemplateError) -> Int {
        let simple: [Unicode.Scalar: Unicode.Scalar] = [
            "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}", "b": "\u{8}",
            "f": "\u{C}", "v": "\u{B}",
        ]
        let letter = scalar(index)
        if let value = simple[letter] {
            text.append(value)
            return index + 1
        }
        switch letter {
        case "\n": return index + 1
        case "x": return try readCode(index + 1, 2, 16, isExact: true, into: &text)
        case "u": return try readCode(index + 1, 4, 16, isExact: true, into: &text)
        case "U": return try readCode(index + 1, 8, 16, isExact: true, into: &text)
        case "0"..."7": return try readCode(index, 3, 8, isExact: false, into: &text)
        case "N": throw fail("characters by name are not supported; write \\u and four digits")
        default:
            text.append("\\")
            return index
        }
    }

    private func readCode(
        _ start: Int,
        _ count: Int,
        _ radix: UInt32,
        isExact: Bool,
        into text: inout String.UnicodeScalarView
    ) throws(ChatTemplateError) -> Int {
        var index = start
        var code: UInt32 = 0
        while index < start + count, let digit = scalar(index).hexadecimalDigit, digit < radix {
            guard code < 1 << 24 else { break }
            code = code * radix + digit
            index += 1
        }
        guard !isExact || index == start + count else { throw fail("an escape lacks digits") }
        guard let value = Unicode.Scalar(code) else { throw fail("an escape names no character") }
        text.append(value)
        return index
    }
}
