import YuyanFileFormats

/// The lines of one sentence of a column format, held until the next sentence is read.
struct SentenceLines {
    /// The most lines of a sentence, and the most columns of all its lines together.
    static let (maximumLines, maximumCells) = (1 << 20, 1 << 22)

    /// A line and its number in the file.
    struct Line {
        let bytes: [UInt8]
        let number: Int
    }

    /// The lines before the first token that begin with `#`.
    private(set) var comments: [Line] = []
    /// The lines with tokens.
    private(set) var tokens: [Line] = []
    /// Where the sentence begins.
    private(set) var place: RecordPlace

    init(path: String) { place = RecordPlace(path: path, line: 0) }

    /// Reads the next sentence, up to a blank line; false at the end of the file.
    ///
    /// Lines of white space or a byte order mark only are blank. `isComment` tells whether a line that begins with
    /// `#` is a comment, and learns whether tokens came before it.
    mutating func read(
        _ buffer: InputBuffer,
        isComment: (UnsafeBufferPointer<UInt8>, Bool) -> Bool
    ) throws -> Bool {
        comments.removeAll(keepingCapacity: true)
        tokens.removeAll(keepingCapacity: true)
        var size = 0
        while true {
            let (number, offset) = (buffer.line, buffer.offset)
            guard let line = try buffer.nextLine() else { return !tokens.isEmpty }
            if Self.isBlank(line) {
                if tokens.isEmpty { continue }
                return true
            }
            if tokens.isEmpty, line.starts(with: "-DOCSTART-".utf8) { continue }
            if tokens.isEmpty, comments.isEmpty {
                place = RecordPlace(path: buffer.path, line: number, offset: offset)
            }
            size += line.count
            guard tokens.count + comments.count < Self.maximumLines else {
                throw FileFormatError(
                    .limitExceeded,
                    path: buffer.path,
                    at: .line(number, column: nil),
                    "the sentence has more than \(Self.maximumLines) lines; a blank line must end each sentence"
                )
            }
            guard size <= buffer.limit else {
                throw FileFormatError(
                    .limitExceeded,
                    path: buffer.path,
                    at: .line(number, column: nil),
                    "the sentence is longer than \(buffer.limit) bytes; a blank line must end each sentence"
                )
            }
            if line[0] == 0x23, isComment(line, !tokens.isEmpty) {
                comments.append(Line(bytes: Array(line), number: number))
            } else {
                tokens.append(Line(bytes: Array(line), number: number))
            }
        }
    }

    private static func isBlank(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        var place = 0
        while place < line.count {
            if line[place] == 0x20 || line[place] == 0x09 {
                place += 1
            } else if place + 2 < line.count, line[place] == 0xEF, line[place + 1] == 0xBB,
                line[place + 2] == 0xBF
            {
                place += 3
            } else {
                return false
            }
        }
        return true
    }

    /// Cuts a line at a delimiter, or at runs of white space.
    static func cells(_ line: [UInt8], delimiter: UInt8?) -> [ArraySlice<UInt8>] {
        let cut = delimiter ?? (line.contains(0x09) ? 0x09 : 0x20)
        if cut == 0x20 { return line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }) }
        return line.split(separator: cut, omittingEmptySubsequences: false)
    }
}

/// Finds the sentences of CoNLL files.
final class ConllScanner: RecordScanner {
    private let buffer: InputBuffer
    private let settings: DataSettings
    private let selection: FieldSelection
    private var sentence: SentenceLines
    private(set) var names: [String]
    /// Names of the columns, where a comment `# global.columns = …` gives them.
    private var columnNames: [String] = []

    init(_ buffer: InputBuffer, settings: DataSettings, selection: FieldSelection) {
        self.buffer = buffer
        self.settings = settings
        self.selection = selection
        names = selection.names
        sentence = SentenceLines(path: buffer.path)
    }

    var place: RecordPlace { sentence.place }

    func next() throws -> ScanStep {
        let found = try sentence.read(buffer) { line, isInside in
            if let comments = self.settings.comments { return comments }
            return !isInside && line.contains(0x3D) && !line.contains(0x09)
        }
        for comment in sentence.comments {
            let text = String(decoding: comment.bytes, as: UTF8.self)
            guard text.hasPrefix("# global.columns"), let equals = text.utf8.firstIndex(of: 0x3D) else {
                continue
            }
            columnNames = text[text.utf8.index(after: equals)...].utf8.split(separator: 0x20)
                .map { String(Substring($0)) }
        }
        return found ? .record : .end
    }

    func values() throws(FileFormatError) -> [FieldValue?] {
        var (places, lists, width, cellCount): ([Int?], [[String]], Int, Int) = ([], [], 0, 0)
        var position = -1
        for (number, line) in sentence.tokens.enumerated() {
            let row = SentenceLines.cells(line.bytes, delimiter: settings.delimiter)
            if number == 0 {
                width = row.count
                places = try settle(width)
                do throws(FileFormatError) {
                    try selection.checkTags(places, width: width)
                } catch {
                    throw self.error(error.code, line, error.message)
                }
                lists = places.map { _ in [] }
            }
            guard row.count == width else {
                let rule = "the token has \(row.count) columns where the sentence began with \(width)"
                throw error(.mismatch, line, "\(rule); a blank line may be missing before it")
            }
            cellCount += width
            guard cellCount <= SentenceLines.maximumCells else {
                throw error(
                    .limitExceeded,
                    line,
                    "the sentence has more than \(SentenceLines.maximumCells) columns in all"
                )
            }
            for (field, place) in places.enumerated() {
                guard let place else { continue }
                let isToken = names[field] == "tokens"
                let cell = isToken ? try token(row[place], line, &position) : row[place]
                guard let text = String(validating: cell, as: UTF8.self) else {
                    throw error(.malformed, line, "not valid UTF-8; convert the file to UTF-8")
                }
                lists[field].append(text)
            }
        }
        return zip(places, lists).map { $0 == nil ? nil : .list($1) }
    }

    /// The columns of the fields, given how many a sentence has.
    private func settle(_ width: Int) throws(FileFormatError) -> [Int?] {
        guard let entries = selection.entries else {
            names = (0..<width).map { String($0) }
            return Array(0..<width)
        }
        var places: [Int?] = []
        for entry in entries { places.append(try place(of: entry, width)) }
        return places
    }

    private func place(of entry: FieldSelection.Entry, _ width: Int) throws(FileFormatError) -> Int? {
        if case .name(let name) = entry.column, let column = columnNames.firstIndex(of: name) {
            if column < width { return column }
        } else if let column = entry.column.place(in: width) {
            return column
        }
        guard entry.isRequired else { return nil }
        let named = columnNames.isEmpty ? "" : " or \(columnNames.map { "'\($0)'" }.joined(separator: ", "))"
        let near = NameSuggestion.words(for: entry.column.description, among: columnNames)
        throw FileFormatError(
            .missing,
            "there is no column '\(entry.column)' for '\(entry.role)'; the columns are 0 to \(width - 1)\(named)\(near)"
        )
    }

    /// A token without what the settings say is no part of it.
    ///
    /// `position` is the number that the token before it had in its word; it tells a second digit of a number from a token
    /// that ends in a digit.
    private func token(
        _ cell: ArraySlice<UInt8>,
        _ line: SentenceLines.Line,
        _ position: inout Int
    ) throws(FileFormatError) -> ArraySlice<UInt8> {
        var cell = cell
        if let prefix = settings.tokenPrefix {
            guard cell.starts(with: prefix.utf8) else {
                throw error(.malformed, line, "the token does not begin with '\(prefix)' (token_prefix)")
            }
            cell = cell.dropFirst(prefix.utf8.count)
        }
        if settings.tokenIndex {
            guard cell.count > 1, let last = cell.last, last &- 0x30 < 10 else {
                throw error(.malformed, line, "the token does not end in a digit (token_index)")
            }
            let next = Array(String(position + 1).utf8)
            let goesOn = cell.count > next.count && cell.suffix(next.count).elementsEqual(next)
            position = goesOn ? position + 1 : Int(last - 0x30)
            cell = cell.dropLast(goesOn ? next.count : 1)
        }
        return cell
    }

    private func error(
        _ code: FileFormatError.Code,
        _ line: SentenceLines.Line,
        _ message: String
    ) -> FileFormatError {
        FileFormatError(code, path: buffer.path, at: .line(line.number, column: nil), message)
    }
}
