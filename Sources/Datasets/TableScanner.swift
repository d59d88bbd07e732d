import YuyanFileFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Finds the rows of a table: CSV as RFC 4180 has it, with any delimiter, or columns without quoting.
///
/// Line ends are LF or CR LF; blank lines are passed over. Text is made only of the columns asked for.
final class TableScanner: RecordScanner {
    /// The most columns a row may have.
    static let maximumColumns = 1 << 16

    private static let tooLong = "the row (is a quotation mark never closed?)"

    private struct Span {
        var start: Int
        var end: Int
        /// Whether doubled quotation marks stand inside.
        var hasEscapes: Bool
    }

    private enum Scan {
        case row(length: Int, lines: Int)
        case needsMore
        case malformed(FileFormatError, length: Int, lines: Int)
    }

    private(set) var place: RecordPlace
    private(set) var names: [String]
    private let buffer: InputBuffer
    private let delimiter: UInt8
    private let quoting: Bool
    private let ragged: RaggedRowPolicy
    private var spans: ContiguousArray<Span> = []
    private var row: UnsafePointer<UInt8>?
    /// The number of columns of the header or first row.
    private(set) var width: Int?
    /// The columns of the fields.
    private var chosen: [Int?] = []

    init(
        _ buffer: InputBuffer,
        settings: DataSettings,
        format: DataFormat,
        selection: FieldSelection
    ) throws {
        self.buffer = buffer
        (delimiter, quoting) = settings.tableRules(format)
        ragged = settings.raggedRows
        names = selection.names
        place = RecordPlace(path: buffer.path, line: buffer.line)
        if settings.header {
            try readHeader(selection)
        } else {
            self.selection = selection
        }
    }

    /// Continues a table whose columns are known, at another place of the same file.
    init(_ buffer: InputBuffer, like other: TableScanner) {
        self.buffer = buffer
        (delimiter, quoting, ragged) = (other.delimiter, other.quoting, other.ragged)
        (names, width, chosen) = (other.names, other.width, other.chosen)
        place = RecordPlace(path: buffer.path, line: nil)
    }

    /// The selection until the first row tells the width.
    private var selection: FieldSelection?

    private func readHeader(_ selection: FieldSelection) throws {
        switch try step() {
        case .end:
            throw FileFormatError(
                .truncated,
                path: buffer.path,
                "the file is empty; a header of columns should stand here"
            )
        case .malformed(let error): throw error
        case .record: break
        }
        var header: [String] = []
        for column in spans.indices {
            do throws(FileFormatError) {
                header.append(try text(column))
            } catch {
                throw place.stated(error)
            }
        }
        width = header.count
        guard let entries = selection.entries else {
            names = header
            chosen = Array(header.indices)
            var seen: Set<String> = []
            if let twice = header.first(where: { !seen.insert($0).inserted }) {
                throw place.stated(
                    FileFormatError(
                        .duplicate,
                        "the header names the column '\(twice)' twice; choose columns by number"
                    )
                )
            }
            return
        }
        for entry in entries { chosen.append(try column(entry, header)) }
        try checkTags(selection, header.count)
    }

    private func column(_ entry: FieldSelection.Entry, _ header: [String]) throws -> Int? {
        if let number = entry.column.place(in: header.count) { return number }
        if case .name(let name) = entry.column {
            let found = header.indices.filter { header[$0].utf8.elementsEqual(name.utf8) }
            if found.count == 1 { return found[0] }
            if found.count > 1 {
                throw place.stated(
                    FileFormatError(
                        .duplicate,
                        "the header names the column '\(name)' \(found.count) times; choose it by number"
                    )
                )
            }
        }
        guard entry.isRequired else { return nil }
        let there = header.map { "'\($0)'" }.joined(separator: ", ")
        let near = NameSuggestion.words(for: entry.column.description, among: header)
        throw place.stated(
            FileFormatError(
                .missing,
                "there is no column '\(entry.column)' for '\(entry.role)'; the columns are \(there)\(near)"
            )
        )
    }

    /// Settles the columns by the first row of a table without a header.
    private func settle(_ selection: FieldSelection) throws {
        let count = spans.count
        width = count
        guard let entries = selection.entries else {
            names = (0..<count).map { String($0) }
            chosen = Array(0..<count)
            return
        }
        for entry in entries {
            let found = entry.column.place(in: count)
            if found == nil, entry.isRequired {
                let isName = if case .name = entry.column { true } else { false }
                let hint =
                    isName ? "the table has no header, so columns have numbers" : "there is no such column"
                throw place.stated(
                    FileFormatError(
                        .missing,
                        "column '\(entry.column)' for '\(entry.role)': \(hint); the columns are 0 to \(count - 1)"
                    )
                )
            }
            chosen.append(found)
        }
        try checkTags(selection, count)
    }

    private func checkTags(_ selection: FieldSelection, _ width: Int) throws {
        do throws(FileFormatError) {
            try selection.checkTags(chosen, width: width)
        } catch {
            throw place.stated(error)
        }
    }

    func next() throws -> ScanStep {
        let step = try step()
        guard case .record = step else { return step }
        if let pending = selection {
            selection = nil
            try settle(pending)
        }
        if let width, spans.count != width, ragged == .refuse {
            let rule = "the row has \(spans.count) columns where \(width) are usual"
            return .malformed(
                place.stated(
                    FileFormatError(.mismatch, "\(rule); a delimiter or quotation mark may be wrong")
                )
            )
        }
        return .record
    }

    func values() throws(FileFormatError) -> [FieldValue?] {
        var values: [FieldValue?] = []
        values.reserveCapacity(chosen.count)
        for (field, column) in chosen.enumerated() {
            guard let column, column < spans.count else {
                values.append(nil)
                continue
            }
            do throws(FileFormatError) {
                values.append(.text(try text(column)))
            } catch {
                throw FileFormatError(error.code, at: .key(names[field]), error.message)
            }
        }
        return values
    }

    private func text(_ column: Int) throws(FileFormatError) -> String {
        let span = spans[column]
        guard let row else { return "" }
        let bytes = UnsafeBufferPointer(start: row + span.start, count: span.end - span.start)
        guard span.hasEscapes else { return try ByteSearch.text(bytes) }
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var place = 0
        while place < bytes.count {
            plain.append(bytes[place])
            place += bytes[place] == 0x22 ? 2 : 1
        }
        guard let text = String(validating: plain, as: UTF8.self) else { throw ByteSearch.notUTF8(bytes) }
        return text
    }

    private func step() throws -> ScanStep {
        while true {
            let unread = buffer.bytes
            guard let base = unread.baseAddress, !unread.isEmpty else {
                if try buffer.more("the row") { continue }
                return .end
            }
            switch scan(base, unread.count, isAtEnd: buffer.isAtEnd) {
            case .needsMore:
                _ = try buffer.more(Self.tooLong)
            case .malformed(let error, let length, let lines):
                place = RecordPlace(path: buffer.path, line: buffer.line, offset: buffer.offset)
                let stated = place.stated(error)
                buffer.consume(length, lines: lines)
                return .malformed(stated)
            case .row(let length, let lines):
                try buffer.check(length, Self.tooLong)
                let isBlank = spans.count == 1 && spans[0].end == spans[0].start && base[0] != 0x22
                if !isBlank {
                    place = RecordPlace(path: buffer.path, line: buffer.line, offset: buffer.offset)
                    row = base
                }
                buffer.consume(length, lines: lines)
                if !isBlank { return .record }
            }
        }
    }

    /// Finds the columns of the row at the beginning of some bytes.
    private func scan(_ bytes: UnsafePointer<UInt8>, _ count: Int, isAtEnd: Bool) -> Scan {
        var (place, lines, problem): (Int, Int, FileFormatError?) = (0, 0, nil)
        // Held here, the spans need no check of exclusive access for each column.
        var spans = ContiguousArray<Span>()
        swap(&spans, &self.spans)
        defer { swap(&spans, &self.spans) }
        spans.removeAll(keepingCapacity: true)
        while true {
            if spans.count >= Self.maximumColumns {
                problem =
                    problem
                    ?? FileFormatError(.limitExceeded, "the row has more than \(Self.maximumColumns) columns")
                spans.removeAll(keepingCapacity: true)
            }
            let stop: Int
            if quoting, place < count, bytes[place] == 0x22 {
                switch quoted(bytes, place, count, isAtEnd, &lines, &spans) {
                case .needsMore: return .needsMore
                case .unclosed:
                    let error = FileFormatError(.truncated, "a quotation mark of this row is never closed")
                    return .malformed(error, length: count, lines: lines)
                case .end(let end):
                    stop = end
                    if end < count, bytes[end] != delimiter, bytes[end] != 0x0A,
                        bytes[end] != 0x0D || !isReturn(bytes, end, count)
                    {
                        if bytes[end] == 0x0D, end + 1 == count, !isAtEnd { return .needsMore }
                        problem =
                            problem
                            ?? FileFormatError(
                                .malformed,
                                "column \(spans.count) goes on behind its closing quotation mark; write quotation marks inside a column twice"
                            )
                    }
                }
            } else {
                stop = place
            }
            let end = ByteSearch.first(of: delimiter, or: 0x0A, in: bytes, from: stop, to: count)
            if end == count, !isAtEnd { return .needsMore }
            if stop == place {
                let isLast = end == count || bytes[end] == 0x0A
                let hasReturn = isLast && end > place && bytes[end - 1] == 0x0D
                spans.append(Span(start: place, end: hasReturn ? end - 1 : end, hasEscapes: false))
            }
            if end < count, bytes[end] == delimiter {
                place = end + 1
                continue
            }
            let length = min(end + 1, count)
            lines += end < count ? 1 : 0
            if let problem { return .malformed(problem, length: length, lines: lines) }
            return .row(length: length, lines: lines)
        }
    }

    /// Whether a carriage return ends the row.
    private func isReturn(_ bytes: UnsafePointer<UInt8>, _ place: Int, _ count: Int) -> Bool {
        place + 1 == count ? buffer.isAtEnd : bytes[place + 1] == 0x0A
    }

    private enum Quoted {
        case end(Int)
        case needsMore
        case unclosed
    }

    /// Finds the end of a column in quotation marks and adds its span; the place behind the closing mark.
    private func quoted(
        _ bytes: UnsafePointer<UInt8>,
        _ start: Int,
        _ count: Int,
        _ isAtEnd: Bool,
        _ lines: inout Int,
        _ spans: inout ContiguousArray<Span>
    ) -> Quoted {
        var (place, hasEscapes) = (start + 1, false)
        while true {
            place = ByteSearch.first(of: 0x22, or: 0x0A, in: bytes, from: place, to: count)
            if place == count { return isAtEnd ? .unclosed : .needsMore }
            if bytes[place] == 0x0A {
                lines += 1
                place += 1
                continue
            }
            if place + 1 == count, !isAtEnd { return .needsMore }
            if place + 1 < count, bytes[place + 1] == 0x22 {
                hasEscapes = true
                place += 2
                continue
            }
            spans.append(Span(start: start + 1, end: place, hasEscapes: hasEscapes))
            return .end(place + 1)
        }
    }
}
