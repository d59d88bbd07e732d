extension JSONValue {
    /// Parses a JSON document (RFC 8259, strictly: no comments, no trailing commas, no duplicate keys, UTF-8 only).
    ///
    /// A leading byte-order mark is skipped.
    ///
    /// - Parameters:
    ///   - bytes: The document.
    ///   - path: The file it came from, for errors.
    /// - Throws: `FileFormatError` with line and column.
    public init(parsing bytes: UnsafeRawBufferPointer, path: String? = nil) throws(FileFormatError) {
        var parser = JSONParser(bytes.bindMemory(to: UInt8.self), path: path)
        self = try parser.parseDocument()
    }

    /// Parses a JSON document, leaving some members to somebody else.
    ///
    /// - Parameters:
    ///   - bytes: The document.
    ///   - path: The file it came from, for errors.
    ///   - takeMember: Asked about every member of the outermost object and of the objects in it; what it reads itself is
    ///     null in the value.
    /// - Throws: `FileFormatError` with line and column.
    package init(
        parsing bytes: UnsafeRawBufferPointer,
        path: String?,
        takeMember: @escaping (JSONMemberInParsing) -> Int?
    ) throws(FileFormatError) {
        var parser = JSONParser(bytes.bindMemory(to: UInt8.self), path: path)
        parser.takeMember = takeMember
        self = try parser.parseDocument()
    }

    /// Parses a JSON document held in a string or a byte array.
    ///
    /// - Parameters:
    ///   - text: The document.
    ///   - path: The file it came from, for errors.
    /// - Throws: `FileFormatError` with line and column.
    public init(parsing text: some Sequence<UInt8>, path: String? = nil) throws(FileFormatError) {
        let bytes = ContiguousArray(text)
        self = try bytes.lendBytes { raw throws(FileFormatError) in try JSONValue(parsing: raw, path: path) }
    }

    /// Parses a JSON document held in a string.
    ///
    /// - Parameters:
    ///   - text: The document.
    ///   - path: The file it came from, for errors.
    /// - Throws: `FileFormatError` with line and column.
    public init(parsing text: String, path: String? = nil) throws(FileFormatError) {
        try self.init(parsing: text.utf8, path: path)
    }

    /// Reads and parses a JSON file.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` with path, line and column.
    public init(contentsOf path: String) throws(FileFormatError) {
        let bytes = try SafeFile.read(path)
        try self.init(parsing: bytes, path: path)
    }
}

/// A member of an object whose value is about to be parsed; whoever takes it says where the value ends.
package struct JSONMemberInParsing {
    /// The keys from the outermost object to the member, at most two.
    package let keys: [String]
    /// The members before it.
    package let earlier: JSONObject
    /// The document.
    package let bytes: UnsafeBufferPointer<UInt8>
    /// Where the value begins, below `bytes.count`.
    package let start: Int
}

/// A recursive-descent parser over bytes.
struct JSONParser {
    /// The deepest nesting accepted: enough for any model file, too little to overflow the stack.
    static let maximumDepth = 256

    private let bytes: UnsafeBufferPointer<UInt8>
    private let path: String?
    private var position = 0
    private var depth = 0
    /// Asked about members of the outermost two levels, with the keys above the present one.
    var takeMember: ((JSONMemberInParsing) -> Int?)?
    private var keys: [String] = []

    init(_ bytes: UnsafeBufferPointer<UInt8>, path: String?) {
        self.bytes = bytes
        self.path = path
    }

    mutating func parseDocument() throws(FileFormatError) -> JSONValue {
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { position = 3 }
        let value = try parseValue()
        skipSpace()
        guard position == bytes.count else { throw error("nothing may follow the JSON value") }
        return value
    }

    private func error(
        _ message: String,
        code: FileFormatError.Code = .malformed,
        at place: Int? = nil
    ) -> FileFormatError {
        let place = min(place ?? position, bytes.count)
        var line = 1
        var lineStart = 0
        for index in 0..<place where bytes[index] == 10 {
            line += 1
            lineStart = index + 1
        }
        return FileFormatError(code, path: path, at: .line(line, column: place - lineStart + 1), message)
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 32 || byte == 10 || byte == 13 || byte == 9 else { return }
            position += 1
        }
    }

    private mutating func parseValue() throws(FileFormatError) -> JSONValue {
        skipSpace()
        guard position < bytes.count else {
            throw error("the document ends where a value should be", code: .truncated)
        }
        switch bytes[position] {
        case UInt8(ascii: "{"):
            return try nested { parser throws(FileFormatError) in try parser.parseObject() }
        case UInt8(ascii: "["):
            return try nested { parser throws(FileFormatError) in try parser.parseArray() }
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        default: throw error("no JSON value begins with \(shown(bytes[position]))")
        }
    }

    private func shown(_ byte: UInt8) -> String {
        byte > 32 && byte < 127 ? "'\(Unicode.Scalar(byte))'" : "byte 0x\(String(byte, radix: 16))"
    }

    private mutating func nested(
        _ parse: (inout JSONParser) throws(FileFormatError) -> JSONValue
    ) throws(FileFormatError) -> JSONValue {
        depth += 1
        guard depth <= Self.maximumDepth else {
            throw error("nested deeper than \(Self.maximumDepth) levels", code: .limitExceeded)
        }
        let value = try parse(&self)
        depth -= 1
        return value
    }

    private mutating func parseWord(
        _ word: StaticString,
        _ value: JSONValue
    ) throws(FileFormatError) -> JSONValue {
        let count = word.utf8CodeUnitCount
        guard position + count <= bytes.count,
            (0..<count).allSatisfy({ bytes[position + $0] == word.utf8Start[$0] })
        else { throw error("expected '\(word)'") }
        position += count
        return value
    }

    private mutating func parseArray() throws(FileFormatError) -> JSONValue {
        position += 1
        var elements: [JSONValue] = []
        skipSpace()
        if position < bytes.count, bytes[position] == UInt8(ascii: "]") {
            position += 1
            return .array(elements)
        }
        while true {
            elements.append(try parseValue())
            skipSpace()
            guard position < bytes.count else {
                throw error("the array is never closed by ']'", code: .truncated)
            }
            switch bytes[position] {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"):
                position += 1
                return .array(elements)
            default: throw error("expected ',' or ']' in the array, found \(shown(bytes[position]))")
            }
        }
    }

    private mutating func parseObject() throws(FileFormatError) -> JSONValue {
        position += 1
        var object = JSONObject()
        skipSpace()
        if position < bytes.count, bytes[position] == UInt8(ascii: "}") {
            position += 1
            return .object(object)
        }
        while true {
            skipSpace()
            let keyPosition = position
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw error("expected a key in double quotes")
            }
            let key = try parseString()
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else {
                throw error("expected ':' after the key '\(key)'")
            }
            position += 1
            let value = try parseMember(key, of: object)
            guard object.append(key, value) else {
                throw error("the key '\(key)' occurs twice in one object", code: .duplicate, at: keyPosition)
            }
            skipSpace()
            guard position < bytes.count else {
                throw error("the object is never closed by '}'", code: .truncated)
            }
            switch bytes[position] {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "}"):
                position += 1
                return .object(object)
            default: throw error("expected ',' or '}' in the object, found \(shown(bytes[position]))")
            }
        }
    }

    private mutating func parseMember(
        _ key: String,
        of object: JSONObject
    ) throws(FileFormatError) -> JSONValue {
        guard let takeMember, depth <= 2 else { return try parseValue() }
        skipSpace()
        let member = JSONMemberInParsing(keys: keys + [key], earlier: object, bytes: bytes, start: position)
        if position < bytes.count, let end = takeMember(member) {
            position = end
            return .null
        }
        keys.append(key)
        defer { keys.removeLast() }
        return try parseValue()
    }

    private mutating func parseNumber() throws(FileFormatError) -> JSONValue {
        let start = position
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        guard let first = digit() else { throw error("a digit must follow '-'") }
        position += 1
        if first != 0 { skipDigits() }
        if first == 0, digit() != nil {
            throw error("a number does not begin with a superfluous 0", at: start)
        }
        var isInteger = true
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            guard digit() != nil else { throw error("a digit must follow '.'") }
            skipDigits()
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            position += 1
            if position < bytes.count,
                bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-")
            {
                position += 1
            }
            guard digit() != nil else { throw error("a digit must follow the exponent sign") }
            skipDigits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let value = Int(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else {
            throw error("the number \(text) is beyond 64-bit floating point", code: .limitExceeded, at: start)
        }
        return .number(value)
    }

    private func digit() -> UInt8? {
        guard position < bytes.count, bytes[position] &- 48 < 10 else { return nil }
        return bytes[position] - 48
    }

    private mutating func skipDigits() {
        while digit() != nil { position += 1 }
    }

    private mutating func parseString() throws(FileFormatError) -> String {
        let quote = position
        position += 1
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                let text = try validated(bytes[start..<position], from: start)
                position += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try parseEscapedString(from: start, quote: quote) }
            guard byte >= 32 else { throw controlCharacter(byte) }
            position += 1
        }
        throw error("the string is never closed by a double quote", code: .truncated, at: quote)
    }

    private func controlCharacter(_ byte: UInt8) -> FileFormatError {
        error(
            "control character 0x\(String(byte, radix: 16)) in a string; write it as \\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))"
        )
    }

    private func validated(
        _ slice: Slice<UnsafeBufferPointer<UInt8>>,
        from start: Int
    ) throws(FileFormatError) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else {
            let offset =
                UTF8Validation.firstInvalidByte(
                    in: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: slice))
                ) ?? 0
            throw error("not valid UTF-8", at: start + offset)
        }
        return text
    }

    /// The slow path: a string with at least one escape, the first at `position`.
    private mutating func parseEscapedString(from start: Int, quote: Int) throws(FileFormatError) -> String {
        var text = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw error("the string is not valid UTF-8", at: quote)
                }
                return string
            }
            guard byte >= 32 else { throw controlCharacter(byte) }
            position += 1
            if byte == UInt8(ascii: "\\") {
                try parseEscape(into: &text)
            } else {
                text.append(byte)
            }
        }
        throw error("the string is never closed by a double quote", code: .truncated, at: quote)
    }

    private mutating func parseEscape(into text: inout [UInt8]) throws(FileFormatError) {
        guard position < bytes.count else { throw error("the document ends in an escape", code: .truncated) }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "u"): try parseUnicodeEscape(into: &text)
        default: throw error("unknown escape \\\(shown(byte))", at: position - 2)
        }
    }

    private mutating func parseUnicodeEscape(into text: inout [UInt8]) throws(FileFormatError) {
        let place = position - 2
        var value = try parseHex()
        if value & 0xFC00 == 0xD800 {
            guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            else { throw error("half a surrogate pair; its second half must follow", at: place) }
            position += 2
            let low = try parseHex()
            guard low & 0xFC00 == 0xDC00 else {
                throw error("half a surrogate pair; its second half must follow", at: place)
            }
            value = 0x10000 + (value & 0x3FF) << 10 + (low & 0x3FF)
        }
        guard let scalar = Unicode.Scalar(value) else { throw error("half a surrogate pair", at: place) }
        text.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
    }

    private mutating func parseHex() throws(FileFormatError) -> UInt32 {
        guard position + 4 <= bytes.count else {
            throw error("four hexadecimal digits must follow \\u", code: .truncated)
        }
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = bytes[position]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - 48
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - 87
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - 55
            default: throw error("four hexadecimal digits must follow \\u")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
