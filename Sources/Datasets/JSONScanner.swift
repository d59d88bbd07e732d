import YuyanFileFormats

/// Finds the objects of JSON lines, of a JSON array, of objects one after another, or of the array under a key of an
/// object, one at a time: a file of any size needs the memory of its longest record.
final class JSONScanner: RecordScanner {
    private enum State {
        /// Every line is an object.
        case lines
        /// Before the first value.
        case start
        /// Inside the array of records; whether one may come first without a comma.
        case array(isFirst: Bool)
        /// Between objects that stand one after another.
        case sequence
        /// Behind the records.
        case finished
        /// One object stands here, whatever follows.
        case single
    }

    private(set) var place: RecordPlace
    private(set) var names: [String] = []
    private let buffer: InputBuffer
    private let recordsKey: String?
    private let wanted: [(role: String, key: [UInt8], isRequired: Bool)]?
    private var state: State
    /// Whether the array stands under a key of an object.
    private var isKeyed = false
    private var record = UnsafeBufferPointer<UInt8>(start: nil, count: 0)

    init(
        _ buffer: InputBuffer,
        lines: Bool,
        recordsKey: String?,
        selection: FieldSelection,
        single: Bool = false
    ) throws {
        self.buffer = buffer
        self.recordsKey = recordsKey
        state = single ? .single : lines ? .lines : .start
        place = RecordPlace(path: buffer.path, line: buffer.line)
        for entry in selection.entries ?? [] {
            if case .number(let number) = entry.column {
                throw FileFormatError(
                    .mismatch,
                    path: buffer.path,
                    at: .key(entry.role),
                    "column \(number): rows of JSON have keys, not numbered columns; name the key"
                )
            }
        }
        wanted = selection.entries?.map { ($0.role, Array($0.column.description.utf8), $0.isRequired) }
        names = selection.names
    }

    func next() throws -> ScanStep {
        switch state {
        case .lines: return try nextLine()
        case .single:
            state = .finished
            return try take()
        case .finished: return .end
        case .start:
            guard let first = try byte() else { return .end }
            if first == 0x5B {
                buffer.consume(1, lines: 0)
                state = .array(isFirst: true)
                return try next()
            }
            if let recordsKey {
                try find(recordsKey)
                return try next()
            }
            state = .sequence
            return try next()
        case .sequence:
            guard try byte() != nil else { return .end }
            return try take()
        case .array(let isFirst): return try nextElement(isFirst)
        }
    }

    private func nextLine() throws -> ScanStep {
        while true {
            place = RecordPlace(path: buffer.path, line: buffer.line, offset: buffer.offset)
            guard let line = try buffer.nextLine() else { return .end }
            guard let base = line.baseAddress else { continue }
            let skimmer = JSONSkimmer(line, base)
            let start = skimmer.skipSpace(0)
            if start == line.count { continue }
            guard line[start] == 0x7B else {
                return .malformed(stated(skimmer.wrong(start, "each line must be a JSON object")))
            }
            switch skimmer.valueEnd(start) {
            case .incomplete:
                return .malformed(
                    stated(skimmer.wrong(line.count, "the object is never closed on its line", .truncated))
                )
            case .wrong(let at, let message): return .malformed(stated(skimmer.wrong(at, message)))
            case .at(let end):
                let rest = skimmer.skipSpace(end)
                guard rest == line.count else {
                    return .malformed(
                        stated(skimmer.wrong(rest, "nothing may follow the object on its line"))
                    )
                }
                record = UnsafeBufferPointer(rebasing: line[start..<end])
                return .record
            }
        }
    }

    private func nextElement(_ isFirst: Bool) throws -> ScanStep {
        guard var byte = try byte() else { throw fatal(.truncated, "the array is never closed by ']'") }
        if byte == 0x5D {
            buffer.consume(1, lines: 0)
            try finish()
            return .end
        }
        if !isFirst {
            guard byte == 0x2C else { throw fatal(.malformed, "expected ',' or ']' behind a record") }
            buffer.consume(1, lines: 0)
            guard let following = try self.byte() else {
                throw fatal(.truncated, "the array is never closed by ']'")
            }
            byte = following
        }
        state = .array(isFirst: false)
        return try take()
    }

    /// Takes the value at the beginning of the unread bytes as a record.
    private func take() throws -> ScanStep {
        place = RecordPlace(path: buffer.path, line: buffer.line, offset: buffer.offset)
        let value = try value()
        record = value
        guard value.first == 0x7B else {
            return .malformed(place.stated(FileFormatError(.mismatch, "a record must be a JSON object")))
        }
        return .record
    }

    /// The whole value at the beginning of the unread bytes, which is consumed.
    private func value() throws -> UnsafeBufferPointer<UInt8> {
        while true {
            let unread = buffer.bytes
            guard let base = unread.baseAddress else { throw fatal(.truncated, "a value should stand here") }
            let skimmer = JSONSkimmer(unread, base)
            switch skimmer.valueEnd(0) {
            case .at(let end):
                try buffer.check(end, "the record")
                let value = UnsafeBufferPointer(rebasing: unread[..<end])
                buffer.consume(end, lines: ByteSearch.lineFeeds(in: value))
                return value
            case .incomplete:
                if try buffer.more("the record") { continue }
                if let first = unread.first, first != 0x22, first != 0x7B, first != 0x5B, !unread.isEmpty {
                    buffer.consume(unread.count, lines: 0)
                    return unread
                }
                throw fatal(.truncated, "the file ends inside a record")
            case .wrong(let at, let message):
                throw RecordPlace(path: buffer.path, line: buffer.line).rebased(skimmer.wrong(at, message))
            }
        }
    }

    /// The next byte that is no white space, left unread.
    private func byte() throws -> UInt8? {
        while true {
            let unread = buffer.bytes
            if let base = unread.baseAddress {
                let space = JSONSkimmer(unread, base).skipSpace(0)
                buffer.consume(
                    space,
                    lines: ByteSearch.lineFeeds(in: UnsafeBufferPointer(rebasing: unread[..<space]))
                )
                if space < unread.count { return unread[space] }
            }
            if try !buffer.more("white space") { return nil }
        }
    }

    /// Goes to the array under a key of the object at the beginning of the file.
    private func find(_ key: String) throws {
        guard try byte() == 0x7B else {
            throw fatal(.mismatch, "an object with the key '\(key)' should stand here")
        }
        buffer.consume(1, lines: 0)
        var seen: [String] = []
        var isFirst = true
        while try nextKeyFollows(isFirst) {
            isFirst = false
            let name = try self.key()
            if name.utf8.elementsEqual(key.utf8) {
                guard try byte() == 0x5B else {
                    throw fatal(.mismatch, "the value of '\(key)' must be an array of records")
                }
                buffer.consume(1, lines: 0)
                isKeyed = true
                state = .array(isFirst: true)
                return
            }
            if seen.count < 64 { seen.append(name) }
            guard try byte() != nil else { throw fatal(.truncated, "a value should stand here") }
            _ = try value()
        }
        let near = NameSuggestion.words(for: key, among: seen)
        throw fatal(
            .missing,
            "the object has no key '\(key)'; its keys are \(seen.map { "'\($0)'" }.joined(separator: ", "))\(near) "
                + "(records without such a key stand in a list, or one a line as JSONL)"
        )
    }

    /// Whether a further member of the object around the records follows; steps over what stands before its key.
    private func nextKeyFollows(_ isFirst: Bool) throws -> Bool {
        guard let next = try byte() else { throw fatal(.truncated, "the object is never closed by '}'") }
        if next == 0x7D {
            buffer.consume(1, lines: 0)
            return false
        }
        if isFirst { return true }
        guard next == 0x2C else { throw fatal(.malformed, "expected ',' or '}' in the object") }
        buffer.consume(1, lines: 0)
        return true
    }

    private func key() throws -> String {
        guard try byte() == 0x22 else { throw fatal(.malformed, "expected a key in double quotes") }
        let line = buffer.line
        let quoted = try value()
        let name: String
        do throws(FileFormatError) {
            name = try JSONFieldValue.string(quoted)
        } catch {
            throw RecordPlace(path: buffer.path, line: line).rebased(error)
        }
        guard try byte() == 0x3A else { throw fatal(.malformed, "expected ':' after the key") }
        buffer.consume(1, lines: 0)
        return name
    }

    /// Checks what follows the array of records.
    private func finish() throws {
        state = .finished
        if isKeyed {
            while try nextKeyFollows(false) {
                _ = try key()
                guard try byte() != nil else { throw fatal(.truncated, "a value should stand here") }
                _ = try value()
            }
        }
        guard try byte() == nil else { throw fatal(.malformed, "nothing may follow the JSON value") }
    }

    private func fatal(_ code: FileFormatError.Code, _ message: String) -> FileFormatError {
        FileFormatError(code, path: buffer.path, at: .line(buffer.line, column: nil), message)
    }

    private func stated(_ error: FileFormatError) -> FileFormatError { place.rebased(error) }

    func values() throws(FileFormatError) -> [FieldValue?] {
        guard let base = record.baseAddress else { return [] }
        do throws(FileFormatError) {
            return try values(JSONSkimmer(record, base))
        } catch {
            throw place.rebased(error)
        }
    }

    private func values(_ skimmer: JSONSkimmer) throws(FileFormatError) -> [FieldValue?] {
        let all = 0..<record.count
        guard let wanted else {
            var (found, values, seen): ([String], [FieldValue?], Set<String>) = ([], [], [])
            try skimmer.members(all) { key, value throws(FileFormatError) in
                let name = try JSONFieldValue.string(
                    UnsafeBufferPointer(rebasing: record[key.lowerBound - 1..<key.upperBound + 1])
                )
                guard seen.insert(name).inserted else {
                    throw skimmer.wrong(key.lowerBound, "the key '\(shortened(name))' occurs twice")
                }
                found.append(name)
                values.append(try JSONFieldValue.make(skimmer, record, value))
            }
            names = found
            return values
        }
        var values = [FieldValue?](repeating: nil, count: wanted.count)
        var filled = [Bool](repeating: false, count: wanted.count)
        try skimmer.members(all) { key, value throws(FileFormatError) in
            for index in wanted.indices where matches(record, key, wanted[index].key) {
                guard !filled[index] else {
                    throw skimmer.wrong(key.lowerBound, "the key '\(wanted[index].role)' occurs twice")
                }
                filled[index] = true
                values[index] = try JSONFieldValue.make(skimmer, record, value)
            }
        }
        if let missing = wanted.indices.first(where: { !filled[$0] && wanted[$0].isRequired }) {
            throw try absent(wanted[missing], skimmer)
        }
        return values
    }

    /// Whether a key, which may hold escapes, is a name.
    @inline(__always)
    private func matches(_ bytes: UnsafeBufferPointer<UInt8>, _ key: Range<Int>, _ name: [UInt8]) -> Bool {
        if key.count == name.count {
            var index = 0
            while index < name.count, bytes[key.lowerBound + index] == name[index] { index += 1 }
            if index == name.count { return true }
        }
        guard key.count > name.count, bytes[key].contains(0x5C) else { return false }
        let quoted = UnsafeBufferPointer(rebasing: bytes[key.lowerBound - 1..<key.upperBound + 1])
        guard
            case .success(let text) = Result(catching: { () throws(FileFormatError) in
                try JSONFieldValue.string(quoted)
            })
        else { return false }
        return text.utf8.elementsEqual(name)
    }

    private func absent(
        _ entry: (role: String, key: [UInt8], isRequired: Bool),
        _ skimmer: JSONSkimmer
    ) throws(FileFormatError) -> FileFormatError {
        var there: [String] = []
        try skimmer.members(0..<record.count) { key, _ throws(FileFormatError) in
            if there.count < 32 { there.append(String(decoding: record[key], as: UTF8.self)) }
        }
        let key = String(decoding: entry.key, as: UTF8.self)
        let near = NameSuggestion.words(for: key, among: there)
        let keys = there.map { "'\($0)'" }.joined(separator: ", ")
        return FileFormatError(
            .missing,
            "there is no key '\(key)' for '\(entry.role)'; the keys are \(keys)\(near)"
        )
    }
}

/// Values of fields from JSON text.
enum JSONFieldValue {
    /// The value that a range of a record holds; nil for `null`.
    static func make(
        _ skimmer: JSONSkimmer,
        _ record: UnsafeBufferPointer<UInt8>,
        _ range: Range<Int>
    ) throws(FileFormatError) -> FieldValue? {
        let bytes = UnsafeBufferPointer(rebasing: record[range])
        do throws(FileFormatError) {
            switch bytes.first {
            case 0x22: return .text(try string(bytes))
            case 0x5B, 0x7B: return value(try JSONValue(parsing: UnsafeRawBufferPointer(bytes)))
            default:
                // Checked by the parser, but kept as it is written.
                if case .null = try JSONValue(parsing: UnsafeRawBufferPointer(bytes)) { return nil }
                return .text(try ByteSearch.text(bytes))
            }
        } catch {
            guard case .line(let line, let column)? = error.location, line == 1, let column else {
                throw error
            }
            throw skimmer.wrong(range.lowerBound + column - 1, error.message, error.code)
        }
    }

    /// A value as a field: a list where all elements are scalars.
    static func value(_ json: JSONValue) -> FieldValue? {
        switch json {
        case .null: return nil
        case .string(let text): return .text(text)
        case .bool(let flag): return .text(flag ? "true" : "false")
        case .integer(let number): return .text(String(number))
        case .number(let number): return .text("\(number)")
        case .object: return .json(json)
        case .array(let elements):
            var texts: [String] = []
            for element in elements {
                guard case .text(let text)? = value(element) else { return .json(json) }
                texts.append(text)
            }
            return .list(texts)
        }
    }

    /// The text of a string with its quotation marks.
    @inline(__always)
    static func string(_ quoted: UnsafeBufferPointer<UInt8>) throws(FileFormatError) -> String {
        let inside = UnsafeBufferPointer(rebasing: quoted[1..<quoted.count - 1])
        if let base = inside.baseAddress,
            ByteSearch.first(of: 0x5C, or: 0x5C, in: base, from: 0, to: inside.count) == inside.count
        {
            return try ByteSearch.text(inside)
        }
        return try JSONValue(parsing: UnsafeRawBufferPointer(quoted)).stringValue ?? ""
    }
}

extension RecordPlace {
    /// An error whose line is counted from this place, said of the file.
    func rebased(_ error: FileFormatError) -> FileFormatError {
        guard let line, error.path == nil, case .line(let number, let column)? = error.location else {
            return stated(error)
        }
        return FileFormatError(
            error.code,
            path: path,
            at: .line(line + number - 1, column: number == 1 ? nil : column),
            error.message
        )
    }
}
