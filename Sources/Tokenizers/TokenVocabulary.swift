import YuyanFileFormats

/// Tokens as tokenizer files spell them, by id and by spelling.
package struct TokenVocabulary: Sendable {
    /// The largest id accepted, so that a lying file cannot ask for endless memory.
    static let idLimit = 1 << 24

    /// Ids of a vocabulary lie below this: a few tokens with far ids would make the tables by id enormous.
    static func idLimit(forTokens count: Int) -> Int { min(idLimit, max(1 << 20, count * 64)) }

    private var table = TokenTable()

    /// One more than the largest id.
    package var size: Int { table.idLimit }
    /// The number of tokens.
    package var count: Int { table.count }

    /// No tokens.
    package init() {}

    /// Tokens by id; of equal ones the last counts, and an empty one takes its id without being a token.
    ///
    /// - Parameter tokens: At most 16,777,216 tokens.
    package init(_ tokens: [String]) {
        table.reserve(tokens.count)
        // From the end, so that the last of equal tokens gets in first; the table wants nothing of the order.
        for (id, token) in tokens.enumerated().reversed() where !token.isEmpty { _ = insert(token, id: id) }
        table.skip(id: tokens.count - 1)
    }

    /// Adds a token.
    ///
    /// - Parameters:
    ///   - token: The spelling; not empty.
    ///   - id: An id from 0 up to 16,777,215.
    /// - Returns: False, and nothing changed, when the spelling or the id is taken.
    package mutating func insert(_ token: String, id: Int) -> Bool { table.insert(Array(token.utf8), id: id) }

    /// The id of a spelling.
    package func id(of token: String) -> Int32? {
        var token = token
        return token.withUTF8 { id(of: $0) }
    }

    /// The id of a spelling given by its bytes.
    package func id(of bytes: UnsafeBufferPointer<UInt8>) -> Int32? { table.id(of: bytes).map { Int32($0) } }

    /// The spelling of an id.
    package func token(of id: Int32) -> String? {
        table.bytes(of: Int(id)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes of a spelling.
    func bytes(of id: Int32) -> ArraySlice<UInt8>? { table.bytes(of: Int(id)) }

    /// The vocabulary as tokenizer files hold it, in the order of the ids.
    package func document() -> JSONValue {
        var members = JSONObject()
        for id in 0..<Int32(size) {
            if let token = token(of: id) { members.append(token, .integer(Int(id))) }
        }
        return .object(members)
    }

    /// Reads the member `vocab` of a model.
    ///
    /// - Parameter node: The member.
    /// - Throws: `FileFormatError` with the key.
    init(_ node: TokenizerNode) throws(FileFormatError) {
        let members = try node.object()
        table.reserve(members.count)
        for (token, value) in members {
            guard case .integer(let id) = value, id >= 0, id < Self.idLimit else {
                throw node.fail(token, "must be an id from 0 to \(Self.idLimit - 1)")
            }
            guard id < Self.idLimit(forTokens: members.count) else {
                throw node.fail(token, Self.tooFar(id, members.count), .limitExceeded)
            }
            guard insert(token, id: id) else {
                throw node.fail(token, "shares the id \(id) with another token", .duplicate)
            }
        }
    }

    /// What is wrong with an id beyond ``idLimit(forTokens:)``.
    static func tooFar(_ id: Int, _ count: Int) -> String {
        "the id \(id) is too far for \(count) tokens; ids below \(idLimit(forTokens: count)) are accepted"
    }
}

/// A place in a `tokenizer.json`: reading it checks what it finds, and errors name the key.
struct TokenizerNode {
    let value: JSONValue
    let path: String
    let key: String

    /// An error at this place.
    func fail(_ message: String, _ code: FileFormatError.Code = .malformed) -> FileFormatError {
        FileFormatError(code, path: path, at: .key(key), message)
    }

    /// An error at a member.
    func fail(
        _ member: String,
        _ message: String,
        _ code: FileFormatError.Code = .malformed
    )
        -> FileFormatError
    { FileFormatError(code, path: path, at: .key("\(key).\(member)"), message) }

    /// A member; null when it is absent.
    func member(_ name: String) -> TokenizerNode {
        TokenizerNode(value: value[name] ?? .null, path: path, key: key.isEmpty ? name : "\(key).\(name)")
    }

    /// The elements of an array.
    func elements() throws(FileFormatError) -> [TokenizerNode] {
        guard case .array(let values) = value else { throw fail("must be an array, found \(value.kindName)") }
        return values.enumerated().map { TokenizerNode(value: $1, path: path, key: "\(key)[\($0)]") }
    }

    /// The members of an object.
    func object() throws(FileFormatError) -> JSONObject {
        guard case .object(let members) = value else {
            throw fail("must be an object, found \(value.kindName)")
        }
        return members
    }

    /// A string.
    func string() throws(FileFormatError) -> String {
        guard case .string(let text) = value else { throw fail("must be a string, found \(value.kindName)") }
        return text
    }

    /// A string of one scalar.
    func scalar() throws(FileFormatError) -> Unicode.Scalar {
        let text = try string()
        guard let scalar = text.unicodeScalars.first, text.unicodeScalars.count == 1 else {
            throw fail("must be one character, found '\(text)'")
        }
        return scalar
    }

    /// A truth value, or a default when the member is absent.
    func bool(default fallback: Bool? = nil) throws(FileFormatError) -> Bool {
        if value.isNull, let fallback { return fallback }
        guard case .bool(let flag) = value else {
            throw fail("must be true or false, found \(value.kindName)")
        }
        return flag
    }

    /// A whole number in a range, or a default when the member is absent.
    func integer(_ range: ClosedRange<Int>, default fallback: Int? = nil) throws(FileFormatError) -> Int {
        if value.isNull, let fallback { return fallback }
        guard case .integer(let number) = value, range.contains(number) else {
            throw fail("must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// The member `type`.
    func type() throws(FileFormatError) -> String {
        _ = try object()
        return try member("type").string()
    }
}
