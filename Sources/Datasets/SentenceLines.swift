import YuyanFileFormats

/// The lines of one sentence of a column format, held until the next sentence is read.
struct SentenceLines {
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

    static func text(_ cell: ArraySlice<UInt8>) throws(FileFormatError) -> String {
        if let text = String(validating: cell, as: UTF8.self) { return text }
        throw FileFormatError(.malformed, "not valid UTF-8; convert the file to UTF-8")
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
            columnNames = text[text.utf8.index(after: equals)...].split(separator: " ").map(String.init)
        }
        return found ? .record : .end
    }

    func values() throws(FileFormatError) -> [FieldValue?] {
        let rows = sentence.tokens.map { SentenceLines.cells($0.bytes, delimiter: settings.delimiter) }
        let width = rows.first?.count ?? 0
        for (row, line) in zip(rows, sentence.tokens) where row.count != width {
            let rule = "the token has \(row.count) columns where the sentence began with \(width)"
            throw error(.mismatch, line, "\(rule); a blank line may be missing before it")
        }
        guard let entries = selection.entries else {
            names = (0..<width).map { String($0) }
            var lists: [FieldValue?] = []
            for column in 0..<width { lists.append(.list(try list(rows, column, isToken: false))) }
            return lists
        }
        var lists: [FieldValue?] = []
        for entry in entries {
            guard let column = try place(of: entry, width) else {
                lists.append(nil)
                continue
            }
            lists.append(.list(try list(rows, column, isToken: entry.role == "tokens")))
        }
        return lists
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

    private func list(
        _ rows: [[ArraySlice<UInt8>]],
        _ column: Int,
        isToken: Bool
    ) throws(FileFormatError) -> [String] {
        var list: [String] = []
        list.reserveCapacity(rows.count)
        let prefix = isToken ? settings.tokenPrefix.map { Array($0.utf8) } : nil
        for (row, line) in zip(rows, sentence.tokens) {
            var cell = row[column]
            if let prefix {
                guard cell.starts(with: prefix) else {
                    throw error(
                        .malformed,
                        line,
                        "the token does not begin with '\(settings.tokenPrefix ?? "")' (token_prefix)"
                    )
                }
                cell = cell.dropFirst(prefix.count)
            }
            if isToken, settings.tokenIndex {
                guard cell.count > 1, let last = cell.last, last &- 0x30 < 10 else {
                    throw error(.malformed, line, "the token does not end in a digit (token_index)")
                }
                cell = cell.dropLast()
            }
            guard let text = String(validating: cell, as: UTF8.self) else {
                throw error(.malformed, line, "not valid UTF-8; convert the file to UTF-8")
            }
            list.append(text)
        }
        return list
    }

    private func error(
        _ code: FileFormatError.Code,
        _ line: SentenceLines.Line,
        _ message: String
    ) -> FileFormatError {
        FileFormatError(code, path: buffer.path, at: .line(line.number, column: nil), message)
    }
}
