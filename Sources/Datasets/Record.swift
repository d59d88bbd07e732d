import YuyanFileFormats

/// A value of a record.
public enum FieldValue: Sendable, Hashable {
    /// Text; also a number or truth value as it is written in the file.
    case text(String)
    /// A list of texts, such as the tokens of a sentence.
    case list([String])
    /// Anything deeper, such as the messages of a conversation.
    case json(JSONValue)
}

/// Where a record stands.
public struct RecordPlace: Sendable, Hashable, CustomStringConvertible {
    /// The file.
    public let path: String
    /// The line on which the record begins, counted from 1; nil where records are found by an index.
    public let line: Int?
    /// The offset of the record's first byte in the unpacked file.
    public let offset: Int

    /// Makes a place.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - line: the line on which the record begins, counted from 1.
    ///   - offset: the offset of the record's first byte in the unpacked file.
    public init(path: String, line: Int?, offset: Int = 0) {
        self.path = path
        self.line = line
        self.offset = offset
    }

    /// The place in words.
    public var description: String { "\(path), \(location)" }

    var location: FileFormatError.Location { line.map { .line($0, column: nil) } ?? .offset(offset) }

    /// The same error, said of this place unless it names one.
    ///
    /// - Parameter error: what is wrong with the row that stands here.
    /// - Returns: the error with file and place.
    public func stated(_ error: FileFormatError) -> FileFormatError {
        guard error.path == nil else { return error }
        if case .key(let key)? = error.location {
            return FileFormatError(error.code, path: path, at: location, "'\(key)': \(error.message)")
        }
        return FileFormatError(error.code, path: path, at: error.location ?? location, error.message)
    }
}

/// A row of a data set: values by name, and where they stand.
public struct Record: Sendable, Hashable {
    /// The names of the fields in order.
    public let names: [String]
    /// The values in the same order; nil where the row has none.
    public let values: [FieldValue?]
    /// Where the row stands.
    public let place: RecordPlace

    /// Makes a record.
    ///
    /// Traps when the counts differ.
    ///
    /// - Parameters:
    ///   - names: the names of the fields.
    ///   - values: as many values.
    ///   - place: where the row stands.
    public init(names: [String], values: [FieldValue?], place: RecordPlace) {
        require(names.count == values.count, "Record: \(names.count) names for \(values.count) values")
        self.names = names
        self.values = values
        self.place = place
    }

    /// The value of a field, or nil when there is none.
    ///
    /// - Parameter name: the field's name, compared by bytes.
    public subscript(name: String) -> FieldValue? {
        names.firstIndex { $0.utf8.elementsEqual(name.utf8) }.flatMap { values[$0] }
    }

    /// The text of a field, or nil when the row has none.
    ///
    /// - Parameter name: the field's name.
    /// - Returns: the text.
    /// - Throws: `FileFormatError` when the value is no text.
    public func text(_ name: String) throws(FileFormatError) -> String? {
        switch self[name] {
        case nil: return nil
        case .text(let text)?: return text
        case .list?, .json?:
            throw FileFormatError(.mismatch, at: .key(name), "a text is needed, not a list or object")
        }
    }

    /// The text of a field that must be there.
    ///
    /// - Parameter name: the field's name.
    /// - Returns: the text.
    /// - Throws: `FileFormatError` when there is no value or it is no text.
    public func requiredText(_ name: String) throws(FileFormatError) -> String {
        guard let text = try text(name) else { throw missing(name) }
        return text
    }

    /// The list of a field, or nil when the row has none.
    ///
    /// - Parameters:
    ///   - name: the field's name.
    ///   - separator: what stands between the elements where they come as one text; nil makes it one element.
    ///   - keepsBlanks: whether elements of spaces and tabs alone, as tokens may be, are elements.
    /// - Returns: the elements; when they come as one text, without spaces and tabs at their ends, and none is empty.
    /// - Throws: `FileFormatError` when the value is no list.
    public func list(
        _ name: String,
        separator: String?,
        keepsBlanks: Bool = true
    ) throws(FileFormatError) -> [String]? {
        switch self[name] {
        case nil: return nil
        case .list(let elements)?: return elements
        case .text(let text)?:
            guard let separator, !separator.isEmpty else { return [text] }
            return Self.split(text, separator, keepsBlanks)
        case .json?: throw FileFormatError(.mismatch, at: .key(name), "a list of texts is needed")
        }
    }

    /// The number of a field, or nil when the row has none.
    ///
    /// - Parameter name: the field's name.
    /// - Returns: the number.
    /// - Throws: `FileFormatError` when the value is no number.
    public func number(_ name: String) throws(FileFormatError) -> Double? {
        guard let text = try text(name) else { return nil }
        guard let number = Double(text), number.isFinite else {
            throw FileFormatError(.mismatch, at: .key(name), "'\(shortened(text))' is no number")
        }
        return number
    }

    func missing(_ name: String) -> FileFormatError {
        let there = zip(names, values).filter { $1 != nil }.map { "'\($0.0)'" }.joined(separator: ", ")
        let detail = there.isEmpty ? "the row holds no field" : "the row holds \(there)"
        return FileFormatError(.missing, at: .key(name), "there is no value; \(detail)")
    }

    private static func split(_ text: String, _ separator: String, _ keepsBlanks: Bool) -> [String] {
        let (bytes, mark) = (Array(text.utf8), Array(separator.utf8))
        var (parts, start, place): ([String], Int, Int) = ([], 0, 0)
        func add(_ end: Int) {
            var part = bytes[start..<end]
            while let first = part.first, first == 0x20 || first == 0x09 { part.removeFirst() }
            while let last = part.last, last == 0x20 || last == 0x09 { part.removeLast() }
            if part.isEmpty, keepsBlanks { part = bytes[start..<end] }
            if !part.isEmpty { parts.append(String(decoding: part, as: UTF8.self)) }
        }
        while place + mark.count <= bytes.count {
            if bytes[place] == mark[0], bytes[place..<place + mark.count].elementsEqual(mark) {
                add(place)
                place += mark.count
                start = place
            } else {
                place += 1
            }
        }
        add(bytes.count)
        return parts
    }
}

/// The beginning of a text, for messages.
func shortened(_ text: String) -> String {
    text.unicodeScalars.count <= 40
        ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(40))) + "…"
}
